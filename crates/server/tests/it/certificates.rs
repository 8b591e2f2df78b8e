//! A certificate authority that only the programs of one test trust.

use std::{fs, path::PathBuf};

use rcgen::{BasicConstraints, CertificateParams, DnType, IsCa, Issuer, KeyPair, KeyUsagePurpose};
use tempfile::TempDir;

/// Certificates in files; they go away with this value.
pub(crate) struct Certificates {
    dir: TempDir,
}

impl Certificates {
    /// An authority, and a certificate by it for a server on the loopback interface.
    pub(crate) fn new() -> Self {
        let dir = tempfile::tempdir().expect("a directory can be made");
        let (authority_key, server_key) = (KeyPair::generate().unwrap(), KeyPair::generate().unwrap());
        let mut authority = CertificateParams::new(Vec::new()).unwrap();
        // OpenSSL takes a certificate that names itself as its issuer for its own authority.
        authority
            .distinguished_name
            .push(DnType::CommonName, "Authority of a test");
        authority.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        authority.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::DigitalSignature];
        let authority_certificate = authority.self_signed(&authority_key).unwrap();
        let names = ["localhost".to_owned(), "127.0.0.1".to_owned()];
        let mut server = CertificateParams::new(names).unwrap();
        server.distinguished_name.push(DnType::CommonName, "localhost");
        // Python's own checks ask for it (RFC 5280, section 4.2.1.1).
        server.use_authority_key_identifier_extension = true;
        let issuer = Issuer::new(authority, authority_key);
        let server_certificate = server.signed_by(&server_key, &issuer).unwrap();
        let made = Self { dir };
        fs::write(made.authority(), authority_certificate.pem()).unwrap();
        fs::write(made.certificate(), server_certificate.pem()).unwrap();
        fs::write(made.key(), server_key.serialize_pem()).unwrap();
        made
    }

    /// Whom to trust: for `SSL_CERT_FILE`.
    pub(crate) fn authority(&self) -> PathBuf {
        self.dir.path().join("authority.pem")
    }

    pub(crate) fn certificate(&self) -> PathBuf {
        self.dir.path().join("server.pem")
    }

    pub(crate) fn key(&self) -> PathBuf {
        self.dir.path().join("server.key")
    }
}
