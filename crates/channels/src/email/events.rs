//! What providers of mail report back: that a mail arrived, waits, bounced, or was called spam.
//!
//! Pure functions: a request's headers and body in, [`MailEvent`]s out. Who may call at all is told by a provider's
//! signature, which `verify` checks over the very bytes that came; those of SNS are checked where its envelopes are read.
//! It never decides what follows from an event, and never keeps one: a provider reports some of them twice, in any order.

use base64::{Engine as _, engine::general_purpose::STANDARD};
use http::HeaderMap;
use jiff::{SignedDuration, Timestamp};
use opsknight_domain::id::DeliveryId;
use serde_json::Value;

use super::compose;
use crate::words;

pub mod resend;
pub mod sendgrid;
pub mod ses;

/// Longest identity of a mail at a provider, in characters.
const PROVIDER_ID_CHARS_MAX: usize = 200;
/// How far a sender's clock may be ahead of ours.
const AHEAD_MAX: SignedDuration = SignedDuration::from_mins(5);

/// Something that became of a mail.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MailEvent {
    /// Which of our deliveries it was, where the provider gives back what we sent along.
    pub delivery: Option<DeliveryId>,
    /// The provider's own identity of the mail: what the receipt had, as far as the provider keeps to it.
    pub provider_id: Option<String>,
    /// The recipient, as mail is sent to them.
    pub address: String,
    /// What became of it.
    pub kind: MailEventKind,
    /// When, as the provider has it.
    pub at: Option<Timestamp>,
}

/// What can become of a mail.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum MailEventKind {
    /// The recipient's server took it.
    Delivered,
    /// The recipient's server does not take it now; the provider goes on trying.
    Deferred {
        /// In the server's words.
        why: String,
    },
    /// The recipient's server does not take it, and the provider has given up.
    Bounced {
        /// The address takes no mail at all, rather than not this one or not now.
        permanent: bool,
        /// In the server's words.
        why: String,
    },
    /// The recipient called it spam.
    Complained,
    /// The provider did not even try.
    Dropped {
        /// In the provider's words.
        why: String,
    },
}

/// Why a report is not believed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum SignatureError {
    /// A header of the signature is missing or is none.
    #[error("{0} is missing or cannot be read")]
    Header(&'static str),
    /// It was signed too long ago, or in the future.
    #[error("it was signed at another time")]
    Stale,
    /// Something else was signed, or by somebody else.
    #[error("the signature is of something else")]
    Wrong,
    /// The key that signatures are checked with is none: an administrator must give it again.
    #[error("the key to check signatures with cannot be read")]
    Key,
}

/// A header that a signature needs.
fn header<'h>(headers: &'h HeaderMap, name: &'static str) -> Result<&'h str, SignatureError> {
    let value = headers.get(name).and_then(|value| value.to_str().ok());
    value
        .filter(|value| !value.is_empty())
        .ok_or(SignatureError::Header(name))
}

/// Whether something that was signed at this second is neither older than `age_max` nor from the future.
fn fresh(seconds: &str, header: &'static str, age_max: SignedDuration, now: Timestamp) -> Result<(), SignatureError> {
    let at = seconds
        .parse()
        .ok()
        .and_then(|seconds| Timestamp::from_second(seconds).ok());
    let age = now.duration_since(at.ok_or(SignatureError::Header(header))?);
    if age > age_max || age < -AHEAD_MAX {
        return Err(SignatureError::Stale);
    }
    Ok(())
}

/// Base64 as people paste it: line breaks and blanks do not matter.
fn pasted(text: &str) -> Option<Vec<u8>> {
    let text: String = text.chars().filter(|c| !c.is_whitespace()).collect();
    STANDARD.decode(text).ok()
}

/// A field that is text.
fn text<'v>(value: &'v Value, name: &str) -> Option<&'v str> {
    value.get(name)?.as_str()
}

/// A field that is an address of mail. A name around it does not matter.
fn address(text: &str) -> Option<String> {
    let inner = text
        .rsplit_once('<')
        .map_or(text, |(_, rest)| rest.trim_end().trim_end_matches('>'));
    compose::address(inner).ok().map(|address| address.to_string())
}

/// A field that is a time (RFC 3339, or with a blank for the T).
fn time(value: &Value, name: &str) -> Option<Timestamp> {
    text(value, name)?.parse().ok()
}

/// An identity of a mail, fit to be kept.
fn provider_id(text: &str) -> Option<String> {
    Some(words::one_line(text, PROVIDER_ID_CHARS_MAX)).filter(|id| !id.is_empty())
}

/// What there is of some words, one after the other, and never nothing.
fn why<'w>(parts: impl IntoIterator<Item = Option<&'w str>>) -> String {
    let said: Vec<&str> = parts.into_iter().flatten().filter(|part| !part.is_empty()).collect();
    if said.is_empty() {
        return "no reason was given".into();
    }
    words::answer(&said.join(": "))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_found_with_and_without_a_name() {
        assert_eq!(address("jane@example.com"), Some("jane@example.com".into()));
        assert_eq!(address("Jane <jane@example.com>"), Some("jane@example.com".into()));
        for wrong in ["", "jane", "<>", "<<a>>", "a@b\r\nc", "Jane <jane@example.com> x"] {
            assert_eq!(address(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn what_is_signed_is_neither_old_nor_of_the_future() {
        let now: Timestamp = "2026-11-23T03:10:05Z".parse().unwrap();
        let at = |seconds: i64| {
            let text = (now.as_second() + seconds).to_string();
            fresh(&text, "t", SignedDuration::from_mins(5), now)
        };
        assert!(at(0).is_ok() && at(-300).is_ok() && at(300).is_ok());
        assert!(at(-301) == Err(SignatureError::Stale) && at(301) == Err(SignatureError::Stale));
        for wrong in [
            "",
            "soon",
            "99999999999999999999",
            "9223372036854775807",
            "-9223372036854775808",
        ] {
            let outcome = fresh(wrong, "t", SignedDuration::from_mins(5), now);
            assert_eq!(outcome, Err(SignatureError::Header("t")), "{wrong}");
        }
    }
}
