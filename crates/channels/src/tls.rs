//! Whom we trust on encrypted lines: the machine's own certificate authorities, with ring as the cryptography.
//!
//! It never accepts a certificate that does not verify, and has no switch for it: a private authority is added to the
//! machine's store or named in `SSL_CERT_FILE`.

use std::sync::Arc;

use rustls::{ClientConfig, RootCertStore, pki_types::CertificateDer};

use crate::{DeliveryError, Problem};

/// Certificate authorities.
#[derive(Clone)]
pub struct Roots {
    certificates: Vec<CertificateDer<'static>>,
}

impl Roots {
    /// The machine's own, or those of `SSL_CERT_FILE` and `SSL_CERT_DIR` where these are set. Reads files: once, at
    /// start. What cannot be read is left out; with none at all, encrypted calls fail with words that say so.
    #[must_use]
    pub fn native() -> Self {
        Self::of(rustls_native_certs::load_native_certs().certs)
    }

    /// These and no others; what is no authority's certificate is left out.
    #[must_use]
    pub fn of(mut certificates: Vec<CertificateDer<'static>>) -> Self {
        certificates.retain(|certificate| RootCertStore::empty().add(certificate.clone()).is_ok());
        Self { certificates }
    }

    /// How many there are.
    #[must_use]
    pub const fn len(&self) -> usize {
        self.certificates.len()
    }

    /// There are none: no encrypted call can succeed.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.certificates.is_empty()
    }

    /// The certificates, in DER.
    pub(crate) fn certificates(&self) -> &[CertificateDer<'static>] {
        &self.certificates
    }

    /// How an HTTP client opens encrypted lines.
    pub(crate) fn client_config(&self) -> Result<ClientConfig, DeliveryError> {
        let mut store = RootCertStore::empty();
        store.add_parsable_certificates(self.certificates.iter().cloned());
        let config = ClientConfig::builder_with_provider(Arc::new(rustls::crypto::ring::default_provider()))
            .with_safe_default_protocol_versions()
            .map_err(|error| Problem {
                field: "TLS",
                why: error.to_string(),
            })?
            .with_root_certificates(store)
            .with_no_client_auth();
        Ok(config)
    }
}

impl std::fmt::Debug for Roots {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Roots({})", self.len())
    }
}
