//! The address of a PostgreSQL server, and encryption on the way to it as `sslmode` asks for it.
//!
//! The modes mean what they mean to libpq (<https://www.postgresql.org/docs/current/libpq-ssl.html>): `prefer` and
//! `require` encrypt without asking who is there, `verify-ca` checks the certificate, `verify-full` its name too.

use std::sync::Arc;

use rustls::{
    CertificateError, ClientConfig, DigitallySignedStruct, Error, RootCertStore, SignatureScheme,
    client::{
        WebPkiServerVerifier,
        danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier},
    },
    crypto::{CryptoProvider, ring, verify_tls12_signature, verify_tls13_signature},
    pki_types::{CertificateDer, ServerName, UnixTime, pem::PemObject as _},
};
use tokio_postgres::Config;
use tokio_postgres_rustls::MakeRustlsConnect;

use super::DbError;

/// Where to connect and how.
pub(super) struct Target {
    pub(super) config: Config,
    pub(super) tls: MakeRustlsConnect,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Check {
    Nothing,
    Issuer,
    IssuerAndName,
}

/// Reads an address of the form `postgres://…`.
pub(super) fn target(url: &str) -> Result<Target, DbError> {
    let (address, check, root_file) = split(url)?;
    let config: Config = address
        .parse()
        .map_err(|error| DbError::other(format!("the address of the PostgreSQL database is not valid: {error}")))?;
    let provider = Arc::new(ring::default_provider());
    let builder = ClientConfig::builder_with_provider(provider.clone())
        .with_safe_default_protocol_versions()
        .map_err(|error| DbError::other(format!("TLS cannot be set up: {error}")))?
        .dangerous();
    let verifier: Arc<dyn ServerCertVerifier> = match check {
        Check::Nothing => Arc::new(Verifier { provider, inner: None }),
        Check::Issuer => Arc::new(Verifier {
            inner: Some(verifier(&provider, root_file)?),
            provider,
        }),
        Check::IssuerAndName => verifier(&provider, root_file)?,
    };
    let tls = builder.with_custom_certificate_verifier(verifier).with_no_client_auth();
    Ok(Target {
        config,
        tls: MakeRustlsConnect::new(tls),
    })
}

/// Takes out what the client library does not know: the modes that verify, and the file with the issuers.
fn split(url: &str) -> Result<(String, Check, Option<String>), DbError> {
    if !url.starts_with("postgres://") && !url.starts_with("postgresql://") {
        return Err(DbError::other(
            "the address of the PostgreSQL database must begin with postgres://",
        ));
    }
    let (base, query) = url.split_once('?').unwrap_or((url, ""));
    let mut check = Check::Nothing;
    let mut root_file = None;
    let mut kept = Vec::new();
    for pair in query.split('&').filter(|pair| !pair.is_empty()) {
        match pair.split_once('=') {
            Some(("sslmode", "verify-ca")) => check = Check::Issuer,
            Some(("sslmode", "verify-full")) => check = Check::IssuerAndName,
            Some(("sslrootcert", "system")) => {}
            Some(("sslrootcert", file)) => root_file = Some(file.replace("%2F", "/").replace("%2f", "/")),
            _ => kept.push(pair),
        }
    }
    if check != Check::Nothing {
        kept.push("sslmode=require");
    }
    let address = if kept.is_empty() {
        base.to_owned()
    } else {
        format!("{base}?{}", kept.join("&"))
    };
    Ok((address, check, root_file))
}

fn verifier(provider: &Arc<CryptoProvider>, root_file: Option<String>) -> Result<Arc<WebPkiServerVerifier>, DbError> {
    let mut roots = RootCertStore::empty();
    match root_file {
        Some(file) => {
            let unreadable = |error| DbError::other(format!("sslrootcert {file} cannot be read: {error}"));
            for certificate in CertificateDer::pem_file_iter(&file).map_err(unreadable)? {
                roots
                    .add(certificate.map_err(unreadable)?)
                    .map_err(|error| DbError::other(format!("sslrootcert {file} has a bad certificate: {error}")))?;
            }
        }
        None => {
            let native = rustls_native_certs::load_native_certs();
            roots.add_parsable_certificates(native.certs);
        }
    }
    WebPkiServerVerifier::builder_with_provider(Arc::new(roots), provider.clone())
        .build()
        .map_err(|error| DbError::other(format!("no issuer of certificates is trusted: {error}")))
}

/// Checks less than the name: the issuer only, or nothing.
#[derive(Debug)]
struct Verifier {
    provider: Arc<CryptoProvider>,
    inner: Option<Arc<WebPkiServerVerifier>>,
}

impl ServerCertVerifier for Verifier {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        server_name: &ServerName<'_>,
        ocsp_response: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        let Some(inner) = &self.inner else {
            return Ok(ServerCertVerified::assertion());
        };
        match inner.verify_server_cert(end_entity, intermediates, server_name, ocsp_response, now) {
            // The name is looked at last, after the chain was found good.
            Err(Error::InvalidCertificate(
                CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. },
            )) => Ok(ServerCertVerified::assertion()),
            outcome => outcome,
        }
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        verify_tls12_signature(message, cert, dss, &self.provider.signature_verification_algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        verify_tls13_signature(message, cert, dss, &self.provider.signature_verification_algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.provider.signature_verification_algorithms.supported_schemes()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_modes_that_verify_are_taken_out_of_the_address() {
        let (address, check, file) =
            split("postgres://u:p@h:1/d?sslmode=verify-full&connect_timeout=3&sslrootcert=%2Fetc%2Fca.pem").unwrap();
        assert_eq!(address, "postgres://u:p@h:1/d?connect_timeout=3&sslmode=require");
        assert_eq!(check, Check::IssuerAndName);
        assert_eq!(file.as_deref(), Some("/etc/ca.pem"));
        let (address, check, file) = split("postgres://h/d?sslmode=disable").unwrap();
        assert_eq!(
            (address.as_str(), check, file),
            ("postgres://h/d?sslmode=disable", Check::Nothing, None)
        );
        assert!(split("mysql://h/d").is_err());
    }
}
