//! What a browser gives as its address: the JSON of a `PushSubscription` (Push API, section 8).
//!
//! It only reads; whether the address may be called is checked when it is.

use std::fmt;

use base64::{
    Engine as _, alphabet,
    engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig},
};
use serde::Deserialize;
use url::Url;

use crate::guard::check_url;

/// Longest text of a subscription, in bytes.
const SUBSCRIPTION_BYTES_MAX: usize = 4096;
/// Length of a point of P-256 in its uncompressed form, in bytes (RFC 8291, section 3.1).
pub(super) const POINT_BYTES: usize = 65;
/// Length of the secret that authenticates, in bytes (RFC 8291, section 3.2).
const AUTH_BYTES: usize = 16;
/// Some browsers' libraries write the padding, most do not.
const BASE64URL: GeneralPurpose = GeneralPurpose::new(
    &alphabet::URL_SAFE,
    GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent),
);

/// One browser on one device.
#[derive(Clone, PartialEq, Eq)]
pub struct Subscription {
    endpoint: String,
    origin: String,
    pub(super) point: [u8; POINT_BYTES],
    pub(super) auth: [u8; AUTH_BYTES],
}

#[derive(Deserialize)]
struct Given {
    endpoint: String,
    keys: Keys,
}

#[derive(Deserialize)]
struct Keys {
    p256dh: String,
    auth: String,
}

impl Subscription {
    /// Reads the JSON that `PushSubscription.toJSON()` gives. What else is in it, as `expirationTime`, is left aside:
    /// a push service says itself when a subscription is gone.
    ///
    /// # Errors
    ///
    /// What is wrong, in words; never the address' path.
    pub fn parse(text: &str) -> Result<Self, String> {
        if text.len() > SUBSCRIPTION_BYTES_MAX {
            return Err(format!("must not be longer than {SUBSCRIPTION_BYTES_MAX} bytes"));
        }
        // What serde says of a wrong value may repeat it.
        let given: Given = serde_json::from_str(text)
            .map_err(|_| "must be a push subscription with endpoint, keys.p256dh and keys.auth".to_owned())?;
        let url = check_url(&given.endpoint, true).map_err(|why| format!("endpoint {why}"))?;
        let point = decoded(&given.keys.p256dh).filter(|point: &[u8; POINT_BYTES]| point[0] == 4);
        Ok(Self {
            origin: origin(&url),
            endpoint: given.endpoint,
            point: point.ok_or("keys.p256dh must be a point of P-256 in its uncompressed form")?,
            auth: decoded(&given.keys.auth).ok_or("keys.auth must be 16 bytes in base64url")?,
        })
    }

    /// The address that is called. Whoever has it can push, so it is never logged.
    #[must_use]
    pub fn endpoint(&self) -> &str {
        &self.endpoint
    }

    /// Whose push service it is: `https://fcm.googleapis.com`. This part may be shown.
    #[must_use]
    pub fn origin(&self) -> &str {
        &self.origin
    }
}

impl fmt::Debug for Subscription {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Subscription")
            .field("origin", &self.origin)
            .finish_non_exhaustive()
    }
}

/// Scheme, host and port.
pub(super) fn origin(url: &Url) -> String {
    url.origin().ascii_serialization()
}

fn decoded<const N: usize>(text: &str) -> Option<[u8; N]> {
    BASE64URL.decode(text).ok()?.try_into().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    const POINT: &str = "BCVxsr7N_eNgVRqvHtD0zTZsEc6-VV-JvLexhqUzORcxaOzi6-AYWXvTBHm4bjyPjs7Vd8pZGH6SRpkNtoIAiw4";
    const AUTH: &str = "BTBZMqHH6r4Tts7J_aSIgg";

    fn json(endpoint: &str, point: &str, auth: &str) -> String {
        format!(
            r#"{{"endpoint":"{endpoint}","expirationTime":null,"keys":{{"p256dh":"{point}","auth":"{auth}"}},"x":1}}"#
        )
    }

    #[test]
    fn a_browsers_subscription_is_read() {
        let text = json(
            "https://push.example.net/push/JzLQ3raZJfFBR0aqvOMsLrt54w4rJUsV",
            POINT,
            AUTH,
        );
        let read = Subscription::parse(&text).unwrap();
        assert_eq!(read.origin(), "https://push.example.net");
        assert_eq!(
            read.endpoint(),
            "https://push.example.net/push/JzLQ3raZJfFBR0aqvOMsLrt54w4rJUsV"
        );
        assert!(!format!("{read:?}").contains("JzLQ3raZJfFBR0aqvOMsLrt54w4rJUsV"));
        let padded = json("https://push.example.net/x", &format!("{POINT}="), &format!("{AUTH}=="));
        assert_eq!(Subscription::parse(&padded).unwrap().point, read.point);
    }

    #[test]
    fn anything_else_is_refused_without_repeating_it() {
        let good = "https://push.example.net/SECRETSECRET";
        for text in [
            String::new(),
            "SECRETSECRET".into(),
            "[]".into(),
            r#"{"endpoint":"https://push.example.net/SECRETSECRET"}"#.into(),
            r#"{"endpoint":"https://push.example.net/SECRETSECRET","keys":"SECRETSECRET"}"#.into(),
            json("SECRETSECRET", POINT, AUTH),
            json("ftp://push.example.net/SECRETSECRET", POINT, AUTH),
            json("https://u:SECRETSECRET@push.example.net/", POINT, AUTH),
            json(good, "", AUTH),
            json(good, AUTH, AUTH),
            json(good, &POINT.replacen('B', "A", 1), AUTH),
            json(good, POINT, ""),
            json(good, POINT, POINT),
            json(good, POINT, "SECRETSECRET!"),
            json(&format!("{good}{}", "x".repeat(5000)), POINT, AUTH),
        ] {
            let why = Subscription::parse(&text).unwrap_err();
            assert!(!why.contains("SECRETSECRET"), "{why}");
        }
    }
}
