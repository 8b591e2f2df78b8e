//! One call of a protocol that somebody else's library speaks, such as OpenID Connect: its request goes out as it is, and
//! what came back is handed over whole, up to a limit.
//!
//! The addresses are those that an administrator or the other side named, so each is checked. It follows no redirect.

use http::{Request, Response};
use jiff::Timestamp;

use crate::{
    DeliveryError, Timeouts,
    guard::{Guard, check_url},
    http::Client,
    tls::Roots,
};

/// Makes such calls.
#[derive(Debug, Clone)]
pub struct Exchange {
    client: Client,
    allow_private: bool,
}

impl Exchange {
    /// Calls that reach addresses which are not public only where `allow_private` says so.
    ///
    /// # Errors
    /// When no encrypted line could be opened.
    pub fn new(allow_private: bool, roots: &Roots, timeouts: Timeouts) -> Result<Self, DeliveryError> {
        Ok(Self {
            client: Client::new(Guard::new(allow_private), roots, timeouts)?,
            allow_private,
        })
    }

    /// Makes one call.
    ///
    /// # Errors
    /// When the address may not be called, or no answer came.
    pub async fn call(&self, request: Request<Vec<u8>>, now: Timestamp) -> Result<Response<Vec<u8>>, DeliveryError> {
        let (parts, body) = request.into_parts();
        let url = check_url(&parts.uri.to_string(), self.allow_private)
            .map_err(|why| DeliveryError::Misconfigured { field: "address", why })?;
        let call = self.client.request(parts.method, url).headers(parts.headers).body(body);
        let answer = self.client.ask(call, now).await?;
        let mut response = Response::new(answer.raw);
        *response.status_mut() = answer.status;
        *response.headers_mut() = answer.headers;
        Ok(response)
    }
}
