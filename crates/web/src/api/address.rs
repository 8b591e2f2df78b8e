//! Where people are reached, channel by channel: in which form an address is kept, and how much of it is shown.
//!
//! A device's address is a secret: whoever has it can send to the device. So it is written and never read back.

use base64::{
    Engine as _, alphabet,
    engine::general_purpose::{GeneralPurpose, GeneralPurposeConfig, URL_SAFE_NO_PAD},
};
use opsknight_domain::directory::Channel;
use serde::Deserialize;
use serde_json::{Value, json};
use url::{Host, Url};

use super::{
    check::{self, SHORT_CHARS_MAX, URL_BYTES_MAX},
    error::Problems,
};

/// Longest address, in characters: a push subscription with its keys.
pub(crate) const ADDRESS_CHARS_MAX: usize = 4_096;
/// A device's public key: an uncompressed point of P-256 (RFC 8291, section 2.1).
const DEVICE_KEY_BYTES: usize = 65;
/// How an uncompressed point begins (RFC 5480, section 2.2).
const UNCOMPRESSED: u8 = 4;
/// A device's authentication secret (RFC 8291, section 3.2).
const DEVICE_SECRET_BYTES: usize = 16;

/// Browsers give base64url without padding (W3C, Push API, `toJSON`); some libraries pad it.
const EITHER_PADDING: GeneralPurpose = GeneralPurpose::new(
    &alphabet::URL_SAFE,
    GeneralPurposeConfig::new().with_decode_padding_mode(base64::engine::DecodePaddingMode::Indifferent),
);

/// An address in the form in which it is kept.
pub(crate) fn checked(problems: &mut Problems, field: &str, channel: Channel, text: &str) -> String {
    let text = text.trim();
    match channel {
        Channel::Email => check::email(problems, field, text),
        Channel::Sms | Channel::Whatsapp | Channel::Voice => check::phone(problems, field, text),
        Channel::Slack if text.contains('@') => check::email(problems, field, text),
        Channel::Slack => {
            let fits =
                (2..=SHORT_CHARS_MAX).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_alphanumeric());
            if !fits {
                problems.add(
                    field,
                    "must be a Slack member ID, such as U012AB3CD, or the email address that Slack knows them by",
                );
            }
            text.to_owned()
        }
        Channel::Push => problems.take(field, device(text)).unwrap_or_default(),
    }
}

/// What is shown of an address: all of it, but of a browser's subscription only the host that takes its messages.
pub(crate) fn label(channel: Channel, address: &str) -> String {
    match channel {
        Channel::Push if is_subscription(address) => host_of(address).unwrap_or_else(|| "a browser".to_owned()),
        Channel::Push | Channel::Slack | Channel::Sms | Channel::Whatsapp | Channel::Voice | Channel::Email => {
            address.to_owned()
        }
    }
}

/// The same of a message's address, whose channel is a word.
pub(crate) fn label_of_word(channel: &str, address: String) -> String {
    match Channel::from_word(channel) {
        Some(channel) => label(channel, &address),
        None => address,
    }
}

fn is_subscription(address: &str) -> bool {
    address.starts_with('{')
}

fn host_of(address: &str) -> Option<String> {
    let subscription: Subscription = serde_json::from_str(address).ok()?;
    let url = Url::parse(&subscription.endpoint).ok()?;
    url.host_str().map(str::to_owned)
}

/// What a browser says of its subscription (W3C, Push API, `PushSubscriptionJSON`). When it expires is not kept: its
/// push service says so when it has.
#[derive(Deserialize)]
struct Subscription {
    endpoint: String,
    keys: Keys,
}

#[derive(Deserialize)]
struct Keys {
    p256dh: String,
    auth: String,
}

/// A browser's subscription in the one form in which it is kept, or the identity that OneSignal gave a device.
fn device(text: &str) -> Result<String, String> {
    if text.chars().count() > ADDRESS_CHARS_MAX {
        return Err(format!("must have at most {ADDRESS_CHARS_MAX} characters"));
    }
    if is_subscription(text) {
        return subscription(text).map(|value| value.to_string());
    }
    let fits = (1..=SHORT_CHARS_MAX).contains(&text.len())
        && text
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_'));
    match fits {
        true => Ok(text.to_owned()),
        false => Err("must be a browser's push subscription as JSON, or a OneSignal subscription ID".to_owned()),
    }
}

fn subscription(text: &str) -> Result<Value, String> {
    let given: Subscription = serde_json::from_str(text)
        .map_err(|_| "must be a push subscription with endpoint, keys.p256dh and keys.auth".to_owned())?;
    if given.endpoint.len() > URL_BYTES_MAX {
        return Err(format!("must have an endpoint of at most {URL_BYTES_MAX} bytes"));
    }
    let endpoint = Url::parse(&given.endpoint).ok().filter(is_secure);
    let endpoint = endpoint.ok_or("must have an endpoint that begins with https://")?;
    let key = bytes(&given.keys.p256dh).filter(|key| key.len() == DEVICE_KEY_BYTES && key[0] == UNCOMPRESSED);
    let key = key.ok_or("must have an uncompressed point of P-256 in base64url as keys.p256dh")?;
    let secret = bytes(&given.keys.auth).filter(|secret| secret.len() == DEVICE_SECRET_BYTES);
    let secret = secret.ok_or("must have 16 bytes in base64url as keys.auth")?;
    Ok(json!({
        "endpoint": endpoint.as_str(),
        "keys": { "p256dh": URL_SAFE_NO_PAD.encode(key), "auth": URL_SAFE_NO_PAD.encode(secret) },
    }))
}

fn bytes(text: &str) -> Option<Vec<u8>> {
    EITHER_PADDING.decode(text).ok()
}

/// Push services are called by https; only on this very machine is anything else as safe. Whether private addresses
/// are called at all, is decided where they are called.
fn is_secure(url: &Url) -> bool {
    let is_here = match url.host() {
        Some(Host::Domain(name)) => name == "localhost",
        Some(Host::Ipv4(ip)) => ip.is_loopback(),
        Some(Host::Ipv6(ip)) => ip.is_loopback(),
        None => return false,
    };
    url.scheme() == "https" || (url.scheme() == "http" && is_here)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The keys of RFC 8291, section 5.
    const KEY: &str = "BCVxsr7N_eNgVRqvHtD0zTZsEc6-VV-JvLexhqUzORcxaOzi6-AYWXvTBHm4bjyPjs7Vd8pZGH6SRpkNtoIAiw4";
    const SECRET: &str = "BTBZMqHH6r4Tts7J_aSIgg";

    fn given(endpoint: &str, key: &str, secret: &str) -> String {
        json!({ "endpoint": endpoint, "expirationTime": null, "keys": { "auth": secret, "p256dh": key } }).to_string()
    }

    #[test]
    fn a_subscription_has_one_form() {
        let one = device(&given("https://push.example/a", KEY, SECRET)).unwrap();
        let padded = given("https://push.example/a", &format!("{KEY}="), &format!("{SECRET}=="));
        assert_eq!(device(&padded), Ok(one.clone()));
        assert_eq!(device(&one), Ok(one.clone()));
        assert_eq!(label(Channel::Push, &one), "push.example");
        assert_eq!(label_of_word("PUSH", one), "push.example");
        assert_eq!(label_of_word("WEBHOOK", "x".into()), "x");
        assert!(device(&given("http://127.0.0.1:8/a", KEY, SECRET)).is_ok());
    }

    #[test]
    fn what_no_browser_says_is_refused() {
        for bad in [
            given("http://push.example/a", KEY, SECRET),
            given("nowhere", KEY, SECRET),
            given("https://push.example/a", &KEY[..80], SECRET),
            given("https://push.example/a", &KEY.replacen('B', "C", 1), SECRET),
            given("https://push.example/a", KEY, &SECRET[..8]),
            given(
                &format!("https://push.example/{}", "a".repeat(URL_BYTES_MAX)),
                KEY,
                SECRET,
            ),
            "{}".to_owned(),
            "{".to_owned(),
            String::new(),
            "two words".to_owned(),
        ] {
            assert!(device(&bad).is_err(), "{bad}");
        }
        let onesignal = "7c1c1c1c-0a0a-4b4b-8c8c-0d0d0d0d0d0d";
        assert_eq!(device(onesignal).as_deref(), Ok(onesignal));
        assert_eq!(label(Channel::Push, onesignal), onesignal);
    }
}
