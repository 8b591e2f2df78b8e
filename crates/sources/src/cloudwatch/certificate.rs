//! The RSA signature of Amazon SNS over an envelope, checked with the certificate that the envelope names.
//!
//! It never fetches the certificate: whoever does asks [`super::sns::is_certificate_url`] first.

use jiff::Timestamp;
use ring::signature::{
    RSA_PKCS1_2048_8192_SHA1_FOR_LEGACY_USE_ONLY, RSA_PKCS1_2048_8192_SHA256, UnparsedPublicKey, VerificationAlgorithm,
};
use x509_parser::{pem::parse_x509_pem, time::ASN1Time};

use super::sns::{Digest, Envelope};

/// Why an envelope is not believed. For the log; the sender hears the same in all cases.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum SnsError {
    /// The version of the signature is neither 1 nor 2, or there is none.
    #[error("the envelope is not signed in a way that is known")]
    Unsigned,
    /// What was fetched is no certificate in PEM.
    #[error("what lies at SigningCertURL is no certificate")]
    NoCertificate,
    /// The certificate's time is over or has not come.
    #[error("the certificate is not valid at this time")]
    CertificateTime,
    /// This certificate's key did not make this signature.
    #[error("the signature does not match")]
    Wrong,
}

/// How long the signatures of the keys are that are believed (2048 to 8192 bits), in bytes.
const SIGNATURE_BYTES: std::ops::RangeInclusive<usize> = 256..=1024;

/// Whether an envelope has what could be a signature: without it no certificate need be fetched.
#[must_use]
pub fn is_signed(envelope: &Envelope) -> bool {
    let signature = envelope.signature_bytes();
    envelope.digest().is_some() && signature.is_some_and(|signature| SIGNATURE_BYTES.contains(&signature.len()))
}

/// Checks that the key of the certificate `pem` signed the envelope.
///
/// # Errors
///
/// See [`SnsError`].
pub fn verify(envelope: &Envelope, pem: &[u8], now: Timestamp) -> Result<(), SnsError> {
    let algorithm: &dyn VerificationAlgorithm = match envelope.digest().ok_or(SnsError::Unsigned)? {
        Digest::Sha1 => &RSA_PKCS1_2048_8192_SHA1_FOR_LEGACY_USE_ONLY,
        Digest::Sha256 => &RSA_PKCS1_2048_8192_SHA256,
    };
    let signature = envelope.signature_bytes().ok_or(SnsError::Unsigned)?;
    let (_, pem) = parse_x509_pem(pem).map_err(|_| SnsError::NoCertificate)?;
    let certificate = pem.parse_x509().map_err(|_| SnsError::NoCertificate)?;
    let at = ASN1Time::from_timestamp(now.as_second()).map_err(|_| SnsError::CertificateTime)?;
    if !certificate.validity().is_valid_at(at) {
        return Err(SnsError::CertificateTime);
    }
    UnparsedPublicKey::new(algorithm, &certificate.public_key().subject_public_key.data)
        .verify(envelope.signed_text().as_bytes(), &signature)
        .map_err(|_| SnsError::Wrong)
}
