//! Signatures over received bytes: HMAC in the headers that senders use, and Standard Webhooks.
//!
//! It owns the comparison, always in constant time and before anything is parsed, and the limit on age. It never says
//! to the sender which part was wrong: the caller answers every error alike.

use base64::{
    Engine as _, alphabet,
    engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig, general_purpose::STANDARD},
};
use hmac::{Hmac, KeyInit as _, Mac as _};
use http::{HeaderMap, HeaderValue};
use jiff::Timestamp;
use sha2::Sha256;

use crate::Request;

/// How far a signed time may be from ours, in seconds, into the past and into the future.
pub const SIGNATURE_AGE_S_MAX: u64 = 300;

/// Most signatures that one `webhook-signature` header may list; senders list two while they change keys.
const SIGNATURES_MAX: usize = 16;

/// What the secrets of Standard Webhooks begin with.
const STANDARD_WEBHOOKS_PREFIX: &str = "whsec_";

/// Base64 as people copy it: with or without the signs that fill it up.
const UNPADDED_OR_NOT: GeneralPurpose = GeneralPurpose::new(
    &alphabet::STANDARD,
    GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent),
);

/// The headers of the generic scheme, in the order in which they are looked at.
const GENERIC_HEADERS: &[&str] = &["x-signature", "x-webhook-signature", "x-hub-signature-256"];

/// How the requests of a source can be signed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SignatureSupport {
    /// The product signs; the generic schemes are understood as well.
    Vendor {
        /// The header in which the signature comes.
        header: &'static str,
        /// Where the secret is set in the product, and what else there is to know.
        note: &'static str,
    },
    /// The product itself does not sign, or has no scheme of its own: only the generic schemes are understood.
    Generic {
        /// What to tell the person who sets a secret.
        note: &'static str,
    },
    /// No secret is of use here, so none may be set.
    None {
        /// Why.
        note: &'static str,
    },
}

impl SignatureSupport {
    /// Whether a secret may be set at all.
    #[must_use]
    pub const fn takes_secret(self) -> bool {
        match self {
            Self::Vendor { .. } | Self::Generic { .. } => true,
            Self::None { .. } => false,
        }
    }

    /// Checks a secret when it is set: one that no request could ever match would turn every alert away.
    ///
    /// # Errors
    ///
    /// What is wrong with it, reading on from the name of the field: "must not be blank".
    pub fn check_secret(self, secret: &str) -> Result<(), String> {
        if let Self::None { note } = self {
            return Err(format!("is of no use here: {note}"));
        }
        let wrong = if secret.trim().is_empty() {
            "must not be blank"
        } else if secret.chars().any(char::is_control) {
            "must be one line: products send and sign with one line only"
        } else if secret.trim() != secret {
            "must not begin or end with a space: products leave it out, and then nothing matches"
        } else if secret
            .strip_prefix(STANDARD_WEBHOOKS_PREFIX)
            .is_some_and(|key| decode_key(key).is_none())
        {
            "begins as a secret of Standard Webhooks, so base64 must follow whsec_; copy it as a whole"
        } else {
            return Ok(());
        };
        Err(wrong.to_owned())
    }

    /// What to tell the person who sets a secret.
    #[must_use]
    pub const fn note(self) -> &'static str {
        match self {
            Self::Vendor { note, .. } | Self::Generic { note } | Self::None { note } => note,
        }
    }
}

/// Why a request is not believed. For the log; the sender hears the same in all cases.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum SignatureError {
    /// No header with a signature.
    #[error("the request is not signed")]
    Missing,
    /// A signature that this secret does not make.
    #[error("the signature does not match")]
    Wrong,
    /// The signed time is too far from ours, or no time.
    #[error("the signed time is more than {SIGNATURE_AGE_S_MAX} seconds away, or not readable")]
    Stale,
}

/// The schemes that every source understands: Standard Webhooks where its header is there, else `X-Signature`,
/// `X-Webhook-Signature` or `X-Hub-Signature-256` with the HMAC-SHA256 of the body in hexadecimal digits, with or without
/// `sha256=` before it. Where `X-Timestamp` is there too, `<timestamp>.<body>` is what is signed.
///
/// # Errors
///
/// It is not signed, wrongly signed, or signed too long ago.
pub fn verify_generic(request: &Request<'_>, secret: &str, now: Timestamp) -> Result<(), SignatureError> {
    if request.header("webhook-signature").is_some() {
        return verify_standard_webhooks(request, secret, now);
    }
    let timestamp = request.header("x-timestamp").map(|timestamp| (timestamp, "."));
    verify_hex(request, GENERIC_HEADERS, timestamp, secret, now)
}

/// The HMAC-SHA256 of the body in hexadecimal digits, in any of `headers`. With a `timestamp` and its separator the signed
/// text is timestamp, separator, body.
pub(crate) fn verify_hex(
    request: &Request<'_>,
    headers: &[&str],
    timestamp: Option<(&str, &str)>,
    secret: &str,
    now: Timestamp,
) -> Result<(), SignatureError> {
    let mut signatures = headers.iter().filter_map(|name| request.header(name)).peekable();
    if signatures.peek().is_none() {
        return Err(SignatureError::Missing);
    }
    let mut signed: Vec<&[u8]> = Vec::with_capacity(3);
    if let Some((time, separator)) = timestamp {
        check_age(time, now)?;
        signed.extend([time.as_bytes(), separator.as_bytes()]);
    }
    signed.push(request.body);
    let right = signatures.any(|signature| {
        let digits = match signature.split_at_checked("sha256=".len()) {
            Some((scheme, digits)) if scheme.eq_ignore_ascii_case("sha256=") => digits,
            _ => signature,
        };
        hex::decode(digits).is_ok_and(|signature| check_mac(secret.as_bytes(), &signed, &signature).is_ok())
    });
    if right { Ok(()) } else { Err(SignatureError::Wrong) }
}

/// The HMAC-SHA256 of the body in base64, in `header`.
pub(crate) fn verify_base64(request: &Request<'_>, header: &str, secret: &str) -> Result<(), SignatureError> {
    let signature = request.header(header).ok_or(SignatureError::Missing)?;
    let signature = STANDARD.decode(signature).map_err(|_| SignatureError::Wrong)?;
    check_mac(secret.as_bytes(), &[request.body], &signature)
}

/// The secret itself in `header`, as products send it that share a token instead of signing.
pub(crate) fn verify_token(request: &Request<'_>, header: &str, secret: &str) -> Result<(), SignatureError> {
    use subtle::ConstantTimeEq as _;

    // The bytes, not the text: a token may hold letters beyond ASCII.
    let token = request.headers.get(header).map(|token| token.as_bytes().trim_ascii());
    let token = token.filter(|token| !token.is_empty()).ok_or(SignatureError::Missing)?;
    let secret = secret.trim().as_bytes();
    if secret.is_empty() || !bool::from(token.ct_eq(secret)) {
        return Err(SignatureError::Wrong);
    }
    Ok(())
}

/// Standard Webhooks (standardwebhooks.com, version 1): `webhook-signature` lists `v1,<base64>` signatures of
/// `<webhook-id>.<webhook-timestamp>.<body>`. The secret is `whsec_` and the key in base64; a secret without that prefix
/// is taken as base64, as the reference libraries do, and as it stands.
pub(crate) fn verify_standard_webhooks(
    request: &Request<'_>,
    secret: &str,
    now: Timestamp,
) -> Result<(), SignatureError> {
    let signatures = request.header("webhook-signature").ok_or(SignatureError::Missing)?;
    let id = request.header("webhook-id").ok_or(SignatureError::Missing)?;
    let time = request.header("webhook-timestamp").ok_or(SignatureError::Missing)?;
    check_age(time, now)?;
    let mut keys: Vec<Vec<u8>> = vec![secret.as_bytes().to_vec()];
    keys.extend(decode_key(
        secret.strip_prefix(STANDARD_WEBHOOKS_PREFIX).unwrap_or(secret),
    ));
    for signature in signatures.split_ascii_whitespace().take(SIGNATURES_MAX) {
        let Some(encoded) = signature.strip_prefix("v1,") else {
            continue;
        };
        let Ok(signature) = STANDARD.decode(encoded) else {
            continue;
        };
        let signed: [&[u8]; 5] = [id.as_bytes(), b".", time.as_bytes(), b".", request.body];
        if keys.iter().any(|key| check_mac(key, &signed, &signature).is_ok()) {
            return Ok(());
        }
    }
    Err(SignatureError::Wrong)
}

/// The key in the base64 of a secret; none where it is no base64, or empty: everybody knows the empty key.
fn decode_key(encoded: &str) -> Option<Vec<u8>> {
    UNPADDED_OR_NOT.decode(encoded).ok().filter(|key| !key.is_empty())
}

/// Signs a request of ours as Standard Webhooks has it, which every source accepts: for trying an integration out.
pub fn sign(headers: &mut HeaderMap, body: &[u8], secret: &str, id: &str, now: Timestamp) {
    let time = now.as_second().to_string();
    let mut mac = Hmac::<Sha256>::new_from_slice(secret.as_bytes()).expect("HMAC takes a key of any length");
    [id.as_bytes(), b".", time.as_bytes(), b".", body]
        .iter()
        .for_each(|part| mac.update(part));
    let signature = format!("v1,{}", STANDARD.encode(mac.finalize().into_bytes()));
    for (name, value) in [
        ("webhook-id", id),
        ("webhook-timestamp", &time),
        ("webhook-signature", &signature),
    ] {
        if let Ok(value) = HeaderValue::from_str(value) {
            headers.insert(name, value);
        }
    }
}

/// Compares in constant time: `signature` is the HMAC-SHA256 of the parts of `signed`, one after the other.
pub(crate) fn check_mac(key: &[u8], signed: &[&[u8]], signature: &[u8]) -> Result<(), SignatureError> {
    if key.is_empty() {
        return Err(SignatureError::Wrong);
    }
    let mut mac = Hmac::<Sha256>::new_from_slice(key).expect("HMAC takes a key of any length");
    signed.iter().for_each(|part| mac.update(part));
    mac.verify_slice(signature).map_err(|_| SignatureError::Wrong)
}

/// The same with HMAC-SHA1, for products that know no other.
pub(crate) fn check_mac_sha1(key: &[u8], signed: &[&[u8]], signature: &[u8]) -> Result<(), SignatureError> {
    if key.is_empty() {
        return Err(SignatureError::Wrong);
    }
    let mut mac = Hmac::<sha1::Sha1>::new_from_slice(key).expect("HMAC takes a key of any length");
    signed.iter().for_each(|part| mac.update(part));
    mac.verify_slice(signature).map_err(|_| SignatureError::Wrong)
}

/// A signed time in seconds since 1970, or in milliseconds.
fn check_age(time: &str, now: Timestamp) -> Result<(), SignatureError> {
    let number: i64 = time.parse().map_err(|_| SignatureError::Stale)?;
    let seconds = if number.unsigned_abs() < 100_000_000_000 {
        number
    } else {
        number / 1000
    };
    if seconds.abs_diff(now.as_second()) > SIGNATURE_AGE_S_MAX {
        Err(SignatureError::Stale)
    } else {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use http::{HeaderName, Method};

    use super::*;

    fn verdict(headers: &[(&str, &str)], body: &str, secret: &str, now_s: i64) -> Result<(), SignatureError> {
        let headers: HeaderMap = headers
            .iter()
            .map(|(name, value)| {
                (
                    HeaderName::try_from(*name).expect("a name"),
                    HeaderValue::try_from(*value).expect("a value"),
                )
            })
            .collect();
        let request = Request {
            method: &Method::POST,
            query: "",
            headers: &headers,
            body: body.as_bytes(),
        };
        verify_generic(&request, secret, Timestamp::from_second(now_s).expect("a time"))
    }

    fn hex_of(secret: &str, signed: &str) -> String {
        let mut mac = Hmac::<Sha256>::new_from_slice(secret.as_bytes()).expect("any length");
        mac.update(signed.as_bytes());
        hex::encode(mac.finalize().into_bytes())
    }

    /// The example in GitHub's documentation, "Validating webhook deliveries".
    const SECRET: &str = "It's a Secret to Everybody";
    const BODY: &str = "Hello, World!";
    const HEX: &str = "757107ea0eb2509fc211221cce984b8a37570b6d7586c22c46f4379c8b043e17";

    #[test]
    fn the_example_of_github() {
        for header in GENERIC_HEADERS {
            assert_eq!(verdict(&[(header, &format!("sha256={HEX}"))], BODY, SECRET, 0), Ok(()));
        }
        assert_eq!(verdict(&[("x-signature", HEX)], BODY, SECRET, 0), Ok(()));
        assert_eq!(
            verdict(&[("x-signature", &HEX.to_uppercase())], BODY, SECRET, 0),
            Ok(())
        );
        assert_eq!(
            verdict(&[("x-signature", &format!("SHA256={HEX}"))], BODY, SECRET, 0),
            Ok(())
        );
    }

    #[test]
    fn what_is_not_signed_with_the_secret_is_refused() {
        assert_eq!(verdict(&[], BODY, SECRET, 0), Err(SignatureError::Missing));
        assert_eq!(
            verdict(&[("x-signature", "")], BODY, SECRET, 0),
            Err(SignatureError::Missing)
        );
        for signature in ["sha256=", "x", "sha1=00", &HEX[..62], &format!("{HEX}00"), "é"] {
            assert!(
                verdict(&[("x-signature", signature)], BODY, SECRET, 0).is_err(),
                "{signature}"
            );
        }
        assert_eq!(
            verdict(&[("x-signature", HEX)], "Hello, World", SECRET, 0),
            Err(SignatureError::Wrong)
        );
        assert_eq!(
            verdict(&[("x-signature", HEX)], BODY, "another", 0),
            Err(SignatureError::Wrong)
        );
        assert_eq!(
            verdict(&[("x-signature", &hex_of("", BODY))], BODY, "", 0),
            Err(SignatureError::Wrong)
        );
    }

    #[test]
    fn a_signed_time_counts() {
        // Made with another program.
        let signature = "76c83fd0acdf22faed320674fe8e04d528cfe8a17905e720a9611e40677c03b7";
        let headers = [("x-signature", signature), ("x-timestamp", "1700000000")];
        assert_eq!(verdict(&headers, BODY, SECRET, 1_700_000_300), Ok(()));
        assert_eq!(verdict(&headers, BODY, SECRET, 1_699_999_700), Ok(()));
        assert_eq!(
            verdict(&headers, BODY, SECRET, 1_700_000_301),
            Err(SignatureError::Stale)
        );
        assert_eq!(
            verdict(&headers, BODY, SECRET, 1_699_999_699),
            Err(SignatureError::Stale)
        );
        assert_eq!(
            verdict(&headers[..1], BODY, SECRET, 1_700_000_000),
            Err(SignatureError::Wrong)
        );
        let unsigned_time = [("x-signature", HEX), ("x-timestamp", "1700000000")];
        assert_eq!(
            verdict(&unsigned_time, BODY, SECRET, 1_700_000_000),
            Err(SignatureError::Wrong)
        );
        let no_time = [("x-signature", HEX), ("x-timestamp", "-9223372036854775808")];
        assert_eq!(verdict(&no_time, BODY, SECRET, 0), Err(SignatureError::Stale));
    }

    #[test]
    fn secrets_that_match_nothing_are_refused() {
        let generic = SignatureSupport::Generic { note: "x" };
        for good in [
            "hush",
            "two words",
            "sécret",
            "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw",
            "whsec_AQID",
            "whsec_AQ",
        ] {
            assert_eq!(generic.check_secret(good), Ok(()), "{good}");
        }
        for bad in [
            "",
            " ",
            "\n",
            "hush\n",
            "a\nb",
            "a\tb",
            " hush",
            "hush ",
            "whsec_",
            "whsec_not base64!",
            "whsec_=",
        ] {
            assert!(generic.check_secret(bad).is_err(), "{bad:?}");
        }
        let none = SignatureSupport::None { note: "Because." };
        assert_eq!(none.check_secret("hush"), Err("is of no use here: Because.".into()));
    }

    /// The example in the specification of Standard Webhooks and in its reference libraries.
    #[test]
    fn the_example_of_standard_webhooks() {
        let secret = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";
        let body = r#"{"test": 2432232314}"#;
        let good = [
            ("webhook-id", "msg_p5jXN8AQM9LWM0D4loKWxJek"),
            ("webhook-timestamp", "1614265330"),
            (
                "webhook-signature",
                "v2,xx v1,bm9ldHUjKzFob2VudXRob2VodWUzMjRvdWVvdW9ldQo= v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=",
            ),
        ];
        assert_eq!(verdict(&good, body, secret, 1_614_265_330), Ok(()));
        assert_eq!(
            verdict(&good, body, secret.trim_start_matches("whsec_"), 1_614_265_330),
            Ok(())
        );
        assert_eq!(verdict(&good, body, secret, 1_614_265_631), Err(SignatureError::Stale));
        assert_eq!(verdict(&good, "{}", secret, 1_614_265_330), Err(SignatureError::Wrong));
        assert_eq!(
            verdict(&good[1..], body, secret, 1_614_265_330),
            Err(SignatureError::Missing)
        );
    }
}
