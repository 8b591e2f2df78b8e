//! How this program shows a push service who it is: VAPID (RFC 8292).

use std::{fmt, sync::Arc};

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use jiff::{SignedDuration, Timestamp};
use ring::{
    rand::{SecureRandom, SystemRandom},
    signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, KeyPair as _},
};
use serde_json::json;
use url::Url;

use super::subscription::origin;

/// For how long a token is good: 24 hours are the most that is allowed (RFC 8292, section 2), and clocks differ.
const TOKEN_AGE: SignedDuration = SignedDuration::from_hours(12);

/// The key pair that every subscription is made for. Where another takes its place, every device must subscribe again.
#[derive(Clone)]
pub struct VapidKey {
    pair: Arc<EcdsaKeyPair>,
}

impl VapidKey {
    /// Reads a key pair as [`VapidKey::generate`] made it: P-256 in the form of PKCS #8.
    ///
    /// # Errors
    ///
    /// It is not such a key pair; the words never repeat it.
    pub fn from_pkcs8(bytes: &[u8]) -> Result<Self, String> {
        EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, bytes, &SystemRandom::new())
            .map(|pair| Self { pair: Arc::new(pair) })
            .map_err(|why| format!("is not a key pair of P-256 in the form of PKCS #8: {why}"))
    }

    /// A new key pair in the form of PKCS #8, to be kept as a secret. Randomness is the system's: `ring` makes keys from
    /// nothing else.
    ///
    /// # Panics
    ///
    /// Where the system has no random numbers, as nothing that needs them can go on then.
    #[must_use]
    pub fn generate() -> Vec<u8> {
        EcdsaKeyPair::generate_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, &SystemRandom::new())
            .expect("the system has random numbers")
            .as_ref()
            .to_vec()
    }

    /// The public key as browsers want it for `applicationServerKey`: the uncompressed point in base64url.
    #[must_use]
    pub fn public_key(&self) -> String {
        URL_SAFE_NO_PAD.encode(self.pair.public_key())
    }

    /// The `Authorization` header for a push service (RFC 8292, sections 2 and 3).
    pub(super) fn authorization(
        &self,
        endpoint: &Url,
        subject: &str,
        now: Timestamp,
        random: &dyn SecureRandom,
    ) -> String {
        let ends = now.saturating_add(TOKEN_AGE).unwrap_or(Timestamp::MAX);
        let head = json!({ "typ": "JWT", "alg": "ES256" });
        let claims = json!({ "aud": origin(endpoint), "exp": ends.as_second(), "sub": subject });
        let [head, claims] = [head, claims].map(|part| URL_SAFE_NO_PAD.encode(part.to_string()));
        let signed = format!("{head}.{claims}");
        let signature = self
            .pair
            .sign(random, signed.as_bytes())
            .expect("the system has random numbers");
        let token = format!("{signed}.{}", URL_SAFE_NO_PAD.encode(signature));
        // Without a space behind the comma: some readers split at the last one.
        format!("vapid t={token},k={}", self.public_key())
    }
}

impl fmt::Debug for VapidKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("VapidKey")
            .field("public_key", &self.public_key())
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_is_made_kept_and_read_again() {
        let kept = VapidKey::generate();
        let key = VapidKey::from_pkcs8(&kept).unwrap();
        assert_eq!(key.public_key(), VapidKey::from_pkcs8(&kept).unwrap().public_key());
        assert_ne!(kept, VapidKey::generate());
        let point = URL_SAFE_NO_PAD.decode(key.public_key()).unwrap();
        assert_eq!((point.len(), point[0]), (65, 4));
        let secret = URL_SAFE_NO_PAD.encode(&kept);
        assert!(!format!("{key:?}").contains(&secret));
    }

    #[test]
    fn what_is_no_key_is_refused() {
        for wrong in [&b""[..], b"not a key", &VapidKey::generate()[1..]] {
            assert!(VapidKey::from_pkcs8(wrong).is_err());
        }
    }
}
