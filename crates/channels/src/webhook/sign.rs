//! How a webhook proves that it is ours: the Standard Webhooks signature and a plain one over the body.

use base64::{Engine as _, engine::general_purpose::STANDARD};
use hmac::{Hmac, KeyInit as _, Mac as _};
use jiff::Timestamp;
use sha2::Sha256;

use crate::Secret;

/// What a secret in the form of Standard Webhooks begins with.
const PREFIX: &str = "whsec_";
/// Longest secret, in bytes.
const SECRET_BYTES_MAX: usize = 512;

/// The values of the three headers.
pub(super) struct Signed {
    /// `webhook-timestamp`: seconds since 1970.
    pub(super) timestamp: String,
    /// `webhook-signature`.
    pub(super) standard: String,
    /// `X-OpsKnight-Signature`.
    pub(super) plain: String,
}

/// Checks a secret before it is saved: not empty, at most 512 bytes, and behind `whsec_` valid base64.
///
/// # Errors
///
/// What is wrong, in words for the person who entered it.
pub fn check_secret(text: &str) -> Result<(), String> {
    if text.len() > SECRET_BYTES_MAX {
        return Err(format!("must not be longer than {SECRET_BYTES_MAX} bytes"));
    }
    key(text).map(|_| ())
}

/// Signs one try of one delivery.
///
/// `webhook-signature` is `v1,` and the base64 of HMAC-SHA256 over `id.timestamp.body` (Standard Webhooks 1.0.0,
/// "Signature scheme"), keyed with what the base64 behind `whsec_` stands for, or with the text's own bytes where the
/// secret does not begin so. `X-OpsKnight-Signature` is keyed with the text's own bytes in either case.
pub(super) fn sign(secret: &Secret, id: &str, now: Timestamp, body: &[u8]) -> Result<Signed, String> {
    let key = key(secret.expose())?;
    let timestamp = now.as_second().to_string();
    let standard = hmac(&key, &[id.as_bytes(), b".", timestamp.as_bytes(), b".", body]);
    let plain = hmac(secret.expose().as_bytes(), &[body]);
    Ok(Signed {
        standard: format!("v1,{}", STANDARD.encode(standard)),
        plain: format!("sha256={}", hex::encode(plain)),
        timestamp,
    })
}

/// The key of the Standard Webhooks signature.
fn key(text: &str) -> Result<Vec<u8>, String> {
    let key = match text.strip_prefix(PREFIX) {
        Some(encoded) => STANDARD
            .decode(encoded)
            .map_err(|_| format!("must be base64 behind {PREFIX}"))?,
        None => text.as_bytes().to_vec(),
    };
    if key.is_empty() {
        Err("must not be empty".into())
    } else {
        Ok(key)
    }
}

fn hmac(key: &[u8], parts: &[&[u8]]) -> [u8; 32] {
    let mut mac = Hmac::<Sha256>::new_from_slice(key).expect("HMAC takes a key of any length");
    for part in parts {
        mac.update(part);
    }
    mac.finalize().into_bytes().into()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The example that the reference libraries of Standard Webhooks test themselves with.
    #[test]
    fn signs_as_the_reference_libraries_do() {
        let secret = Secret::new("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw");
        let now = Timestamp::from_second(1_614_265_330).unwrap();
        let signed = sign(&secret, "msg_p5jXN8AQM9LWM0D4loKWxJek", now, br#"{"test": 2432232314}"#).unwrap();
        assert_eq!(signed.standard, "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=");
        assert_eq!(signed.timestamp, "1614265330");
    }

    /// RFC 4231, test case 2.
    #[test]
    fn the_plain_signature_is_keyed_with_the_text() {
        let secret = Secret::new("Jefe");
        let signed = sign(&secret, "id", Timestamp::UNIX_EPOCH, b"what do ya want for nothing?").unwrap();
        assert_eq!(
            signed.plain,
            "sha256=5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843"
        );
    }

    #[test]
    fn a_secret_that_cannot_be_read_is_refused_before_it_is_saved() {
        assert!(check_secret("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw").is_ok());
        assert!(check_secret("any words").is_ok());
        for wrong in ["", "whsec_", "whsec_not base64", &"x".repeat(513)] {
            assert!(check_secret(wrong).is_err(), "{wrong}");
        }
    }
}
