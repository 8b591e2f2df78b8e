//! The generic outbound webhook: one `POST` of the manual's payload, signed where the endpoint has a secret.
//!
//! It owns what goes over the wire and what the answer means; the guard against private targets is [`crate::guard`].
//! It never follows a redirect and never keeps more of an answer than a line.

use std::fmt;

use async_trait::async_trait;
use jiff::Timestamp;
use reqwest::header::CONTENT_TYPE;

use crate::{
    DeliveryError, Endpoint, Hook, Message, Problem, Receipt,
    guard::{Guard, check_url},
    http::{Client, Timeouts},
    tls::Roots,
};

mod payload;
mod sign;

pub use payload::render;
pub use sign::check_secret;

/// Shorter pieces of a URL are not hidden in a receiver's words: they are ordinary words, not tokens.
const TOKEN_CHARS_MIN: usize = 8;

impl fmt::Debug for Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Endpoint")
            .field("signed", &self.secret.is_some())
            .finish_non_exhaustive()
    }
}

impl Endpoint {
    /// A receiver's words without our secret and without the parts of the URL that may be one.
    pub(crate) fn hide_in(&self, words: &str) -> String {
        let words = self
            .secret
            .as_ref()
            .map_or_else(|| words.to_owned(), |secret| secret.hide_in(words));
        let rest = self.url.split_once("://").map_or(self.url.as_str(), |(_, rest)| rest);
        let path = rest.split_once(['/', '?']).map_or("", |(_, path)| path);
        path.split(['/', '?', '&', '=', '#', ';'])
            .filter(|piece| piece.chars().count() >= TOKEN_CHARS_MIN)
            .fold(words, |words, piece| words.replace(piece, "[hidden]"))
    }
}

/// Sends webhooks, all over one pool of connections.
#[derive(Debug, Clone)]
pub struct Webhooks {
    client: Client,
    guard: Guard,
}

impl Webhooks {
    /// Calls public addresses, with `allow_private` also private ones and this machine, trusting `roots`.
    ///
    /// # Errors
    ///
    /// `Misconfigured` where encryption cannot be set up.
    pub fn new(allow_private: bool, roots: &Roots) -> Result<Self, DeliveryError> {
        Self::with_timeouts(allow_private, roots, Timeouts::default())
    }

    /// As [`Webhooks::new`], with other waits than the usual.
    ///
    /// # Errors
    ///
    /// `Misconfigured` where encryption cannot be set up.
    pub fn with_timeouts(allow_private: bool, roots: &Roots, timeouts: Timeouts) -> Result<Self, DeliveryError> {
        let guard = Guard::new(allow_private);
        Ok(Self {
            client: Client::new(guard, roots, timeouts)?,
            guard,
        })
    }
}

#[async_trait]
impl Hook for Webhooks {
    fn name(&self) -> &'static str {
        "webhook"
    }

    /// Posts one message. Any 2xx is a receipt.
    ///
    /// Headers: `webhook-id`, the delivery's id, the same at every try; with a secret also `webhook-timestamp` and
    /// `webhook-signature` (Standard Webhooks 1.0.0) and `X-OpsKnight-Signature: sha256=` with the HMAC-SHA256 of the
    /// body in hexadecimal, keyed with the secret's text as it was entered.
    ///
    /// # Errors
    ///
    /// `Retry` where there was no connection or any other answer, with the wait that it asks for; `Unknown` where the
    /// request was handed over and no answer came; `Misconfigured` where the URL may not be called or the secret
    /// cannot be read. Nothing is ever `Refused`: the contract has every failure tried again for a day.
    async fn post(&self, endpoint: &Endpoint, message: &Message, now: Timestamp) -> Result<Receipt, DeliveryError> {
        // Checked again at every call: what was saved may have been saved under another setting.
        let url = check_url(&endpoint.url, self.guard.allows_private()).map_err(|why| Problem { field: "url", why })?;
        let id = message.delivery.to_string();
        let body = render(message, now);
        let mut request = self
            .client
            .post(url)
            .header(CONTENT_TYPE, "application/json")
            .header("webhook-id", &id);
        if let Some(secret) = &endpoint.secret {
            let signed =
                sign::sign(secret, &id, now, body.as_bytes()).map_err(|why| Problem { field: "secret", why })?;
            request = request
                .header("webhook-timestamp", signed.timestamp)
                .header("webhook-signature", signed.standard)
                .header("x-opsknight-signature", signed.plain);
        }
        let answer = self.client.call(request.body(body), now).await?;
        let words = answer.words(|words| endpoint.hide_in(words));
        if answer.status.is_success() {
            return Ok(Receipt::of(words));
        }
        let why = if answer.status.is_redirection() {
            format!("{words} (redirects are not followed)")
        } else {
            words
        };
        Err(DeliveryError::Retry {
            why,
            after: answer.retry_after,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Secret;

    #[test]
    fn what_may_be_a_token_is_hidden() {
        let endpoint = Endpoint {
            url: "https://hooks.example.com/services/T0001/abcdefgh1234?token=s3cr3t-value&a=b".into(),
            secret: Some(Secret::new("whsec_aaaa")),
            channel: None,
        };
        let said = "no hook abcdefgh1234, bad s3cr3t-value, key whsec_aaaa, on T0001";
        assert_eq!(
            endpoint.hide_in(said),
            "no hook [hidden], bad [hidden], key [hidden], on T0001"
        );
        assert_eq!(format!("{endpoint:?}"), "Endpoint { signed: true, .. }");
    }
}
