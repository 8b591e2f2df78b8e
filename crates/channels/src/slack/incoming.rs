//! What Slack sends: whether it really is from Slack, and what it says.
//!
//! Everything here is a pure reading of bytes; whatever they are, the end is a value or an error. It never acts and
//! never looks up who somebody is.

use hmac::{Hmac, KeyInit as _, Mac as _};
use jiff::{SignedDuration, Timestamp};
use sha2::Sha256;
use url::form_urlencoded;

use crate::Secret;

mod command;
mod event;
mod interaction;

pub use command::{Asked, Command};
pub use event::Event;
pub use interaction::{Action, Interaction, Pressed, ResolveSubmitted};

/// The header with the signature.
pub const SIGNATURE_HEADER: &str = "x-slack-signature";
/// The header with the time of signing, in seconds since 1970.
pub const TIMESTAMP_HEADER: &str = "x-slack-request-timestamp";
/// The header on what Slack sends again because it got no answer within three seconds (Slack, "Events API", "Retries").
pub const RETRY_HEADER: &str = "x-slack-retry-num";
/// How old a request may be, and how far ahead its clock ("Verifying requests from Slack").
const WINDOW: SignedDuration = SignedDuration::from_mins(5);
/// Longest body that is read, in bytes.
pub const BODY_BYTES_MAX: usize = 1 << 20;
/// Longest text of a field, in characters: longer than Slack lets anybody write (3000) and its own tokens.
const FIELD_CHARS_MAX: usize = 4000;

/// A request is not shown to be Slack's.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum SignatureError {
    /// There is no secret to check it with.
    #[error("no signing secret of Slack is set")]
    NoSecret,
    /// The time of signing is not within five minutes of now, or no time.
    #[error("the request was not signed within the last five minutes")]
    Stale,
    /// The signature is another one.
    #[error("the signature is not the right one")]
    Wrong,
}

/// A body that is not what Slack sends.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct Unreadable(pub(super) String);

impl Unreadable {
    pub(super) fn because(why: impl Into<String>) -> Self {
        Self(why.into())
    }
}

/// Says whether Slack signed this body within five minutes of `now` (Slack, "Verifying requests from Slack"):
/// HMAC-SHA256 over `v0:timestamp:body`, keyed with the app's signing secret, in hexadecimal behind `v0=`. The
/// comparison takes the same time wherever the signatures differ.
///
/// # Errors
///
/// What is not right. Whoever called need not be told which.
pub fn verify(
    signing_secret: &Secret,
    timestamp: &str,
    signature: &str,
    body: &[u8],
    now: Timestamp,
) -> Result<(), SignatureError> {
    if signing_secret.is_empty() {
        return Err(SignatureError::NoSecret);
    }
    let digits = !timestamp.is_empty() && timestamp.bytes().all(|byte| byte.is_ascii_digit());
    let signed_at = timestamp.parse().ok().filter(|_| digits);
    let signed_at = signed_at.and_then(|second| Timestamp::from_second(second).ok());
    let age = signed_at.map(|at| now.duration_since(at).abs());
    if age.is_none_or(|age| age > WINDOW) {
        return Err(SignatureError::Stale);
    }
    let given = signature.strip_prefix("v0=").ok_or(SignatureError::Wrong)?;
    let given = hex::decode(given).map_err(|_| SignatureError::Wrong)?;
    let mut mac =
        Hmac::<Sha256>::new_from_slice(signing_secret.expose().as_bytes()).expect("HMAC takes a key of any length");
    for part in [b"v0:", timestamp.as_bytes(), b":", body] {
        mac.update(part);
    }
    mac.verify_slice(&given).map_err(|_| SignatureError::Wrong)
}

/// The fields of a form; of those with the same name the first counts.
struct Form(Vec<(String, String)>);

impl Form {
    fn read(body: &[u8]) -> Result<Self, Unreadable> {
        if body.len() > BODY_BYTES_MAX {
            return Err(Unreadable::because("the body is too long"));
        }
        Ok(Self(form_urlencoded::parse(body).into_owned().collect()))
    }

    fn get(&self, name: &str) -> Option<&str> {
        let (_, value) = self.0.iter().find(|(key, _)| key == name)?;
        Some(value)
    }

    /// A field that must be there, and not longer than anything that Slack writes.
    fn need(&self, name: &str) -> Result<String, Unreadable> {
        let value = self.get(name).filter(|value| !value.is_empty());
        let value = value.ok_or_else(|| Unreadable::because(format!("{name} is missing")))?;
        if value.chars().count() > FIELD_CHARS_MAX {
            return Err(Unreadable::because(format!("{name} is too long")));
        }
        Ok(value.to_owned())
    }
}

/// What stands in a text of JSON that must be there.
fn need(value: &serde_json::Value, name: &str) -> Result<String, Unreadable> {
    optional(value).ok_or_else(|| Unreadable::because(format!("{name} is missing or not a text")))
}

/// What stands in a text of JSON, where there is one and it is not longer than anything that Slack writes.
fn optional(value: &serde_json::Value) -> Option<String> {
    value
        .as_str()
        .filter(|text| !text.is_empty() && text.chars().count() <= FIELD_CHARS_MAX)
        .map(str::to_owned)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The example that Slack documents ("Verifying requests from Slack").
    const SECRET: &str = "8f742231b10e8888abcd99yyyzzz85a5";
    const SIGNED_AT: &str = "1531420618";
    const SIGNATURE: &str = "v0=a2114d57b48eac39b9ad189dd8316235a7b4a8d21a10bd27519666489c69b503";
    const BODY: &[u8] =
        b"token=xyzz0WbapA4vBCDEFasx0q6G&team_id=T1DC2JH3J&team_domain=testteamnow&channel_id=G8PSS9T3V\
        &channel_name=foobar&user_id=U2CERLKJA&user_name=roadrunner&command=%2Fwebhook-collect&text=&response_url=\
        https%3A%2F%2Fhooks.slack.com%2Fcommands%2FT1DC2JH3J%2F397700885554%2F96rGlfmibIGlgcZRskXaIFfN\
        &trigger_id=398738663015.47445629121.803a0bc887a14d10d2c447fce8b6703c";

    fn check(timestamp: &str, signature: &str, body: &[u8], after_s: i64) -> Result<(), SignatureError> {
        let now = Timestamp::from_second(1_531_420_618 + after_s).unwrap();
        verify(&Secret::new(SECRET), timestamp, signature, body, now)
    }

    #[test]
    fn slacks_own_example_is_good_for_five_minutes_either_way() {
        for after_s in [0, 300, -300] {
            assert_eq!(check(SIGNED_AT, SIGNATURE, BODY, after_s), Ok(()), "{after_s}");
        }
        for after_s in [301, -301, 86_400] {
            assert_eq!(check(SIGNED_AT, SIGNATURE, BODY, after_s), Err(SignatureError::Stale));
        }
    }

    #[test]
    fn anything_else_is_not_slacks() {
        assert_eq!(check(SIGNED_AT, SIGNATURE, b"", 0), Err(SignatureError::Wrong));
        assert_eq!(check("1531420619", SIGNATURE, BODY, 0), Err(SignatureError::Wrong));
        for signature in [
            "",
            "v0=",
            "v1=a2114d57b48eac39b9ad189dd8316235a7b4a8d21a10bd27519666489c69b503",
            "a2114d57b48eac39b9ad189dd8316235a7b4a8d21a10bd27519666489c69b503",
            "v0=a2114d57b48eac39b9ad189dd8316235a7b4a8d21a10bd27519666489c69b5",
            "v0=zz114d57b48eac39b9ad189dd8316235a7b4a8d21a10bd27519666489c69b503",
            "v0=ä",
        ] {
            assert_eq!(
                check(SIGNED_AT, signature, BODY, 0),
                Err(SignatureError::Wrong),
                "{signature}"
            );
        }
        for timestamp in [
            "",
            "soon",
            "-1531420618",
            "+1531420618",
            " 1531420618",
            "1531420618.0",
            "99999999999999999999",
        ] {
            assert_eq!(
                check(timestamp, SIGNATURE, BODY, 0),
                Err(SignatureError::Stale),
                "{timestamp}"
            );
        }
        let now = Timestamp::from_second(1_531_420_618).unwrap();
        assert_eq!(
            verify(&Secret::new(""), SIGNED_AT, SIGNATURE, BODY, now),
            Err(SignatureError::NoSecret)
        );
    }

    /// Whatever is left of a body, and whatever a byte of it turns into, is read to a value or an error.
    #[test]
    fn no_body_is_too_broken_to_be_answered() {
        let press = br#"payload=%7B%22type%22%3A%22block_actions%22%2C%22actions%22%3A%5B%7B%22action_id%22%3A%22opsknight_snooze%22%2C%22selected_option%22%3A%7B%22value%22%3A%22inc_1%3A60%22%7D%7D%5D%2C%22user%22%3A%7B%22id%22%3A%22U1%22%7D%2C%22team%22%3A%7B%22id%22%3A%22T1%22%7D%7D"#;
        let event = br#"{"team_id":"T1","event":{"type":"tokens_revoked","tokens":{"bot":["U1"]}},"type":"event_callback","event_id":"Ev1"}"#;
        assert!(Interaction::read(press).is_ok() && Event::read(event).is_ok() && Command::read(BODY).is_ok());
        for body in [&press[..], &event[..], BODY] {
            for at in 0..body.len() {
                let mut turned = body.to_vec();
                turned[at] ^= 0x80;
                for broken in [&body[..at], &body[at..], &turned] {
                    drop(Command::read(broken));
                    drop(Interaction::read(broken));
                    drop(Event::read(broken));
                }
            }
        }
    }
}
