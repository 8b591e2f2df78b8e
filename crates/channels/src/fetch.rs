//! One bounded `GET` of what somebody else publishes: a certificate, a set of keys, the answer to a handshake.
//!
//! It follows no redirect and never decides which address may be asked; whoever calls has checked that.

use reqwest::StatusCode;
use url::Url;

use crate::{
    DeliveryError, Timeouts,
    guard::Guard,
    http::{Client, root_cause},
    tls::Roots,
    words,
};

/// Fetches documents.
#[derive(Debug, Clone)]
pub struct Fetcher {
    client: Client,
}

/// Why there is no document. It never names the path of the address.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum FetchError {
    /// No answer came, or only a part of one: a later try may be answered.
    #[error("{0}")]
    Unreachable(String),
    /// The answer is no document: its status, and how it begins.
    #[error("the answer was {0} {1}")]
    Refused(StatusCode, String),
    /// The document is longer than the caller takes.
    #[error("the answer is too long")]
    TooLong,
}

impl Fetcher {
    /// A fetcher that reaches only what `guard` lets it reach and trusts only `roots`.
    ///
    /// # Errors
    /// When no encrypted line could be opened.
    pub fn new(guard: Guard, roots: &Roots, timeouts: Timeouts) -> Result<Self, DeliveryError> {
        Client::new(guard, roots, timeouts).map(|client| Self { client })
    }

    /// Fetches what lies at `url`, which may have so many bytes.
    ///
    /// # Errors
    /// See [`FetchError`].
    pub async fn get(&self, url: Url, bytes_max: usize) -> Result<Vec<u8>, FetchError> {
        let unreachable = |error: reqwest::Error| FetchError::Unreachable(root_cause(&error));
        let mut response = self.client.get(url).send().await.map_err(unreachable)?;
        let mut body = Vec::new();
        while let Some(chunk) = response.chunk().await.map_err(unreachable)? {
            if body.len() + chunk.len() > bytes_max {
                return Err(FetchError::TooLong);
            }
            body.extend_from_slice(&chunk);
        }
        match response.status() {
            status if status.is_success() => Ok(body),
            status => Err(FetchError::Refused(
                status,
                words::answer(&String::from_utf8_lossy(&body)),
            )),
        }
    }
}
