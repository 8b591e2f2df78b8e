//! Keeps credentials that must be read again encrypted in the database, and derives the keys that sign links and
//! sessions. Passwords and tokens that are only compared are hashed elsewhere.

use base64::{Engine as _, engine::general_purpose::STANDARD_NO_PAD as BASE64};
use chacha20poly1305::{
    KeyInit as _, XChaCha20Poly1305, XNonce,
    aead::{Aead as _, Payload},
};
use hmac::{Hmac, Mac as _};
use sha2::Sha256;

/// Length of the secret key, in bytes.
pub const SECRET_KEY_BYTES: usize = 32;
/// Length of the nonce of XChaCha20-Poly1305, in bytes: long enough to be drawn at random for each text.
const NONCE_BYTES: usize = 24;
/// How a sealed text begins; a later form gets another number.
const FORM: &str = "s1";

/// Where a sealed text belongs. It cannot be opened anywhere else.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Place<'a> {
    /// The table.
    pub table: &'a str,
    /// The column.
    pub column: &'a str,
    /// The id of the row.
    pub row: &'a str,
}

/// Why something could not be sealed or opened.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum SealError {
    /// The text was sealed with another secret key.
    #[error("the value was encrypted with another OPSKNIGHT_SECRET_KEY")]
    OtherKey,
    /// The text is not of the form that sealing makes.
    #[error("the value is not an encrypted one")]
    Malformed,
    /// The text was changed, or moved here from another row or column.
    #[error("the encrypted value was changed or belongs elsewhere")]
    Forged,
    /// The operating system gave no random bytes.
    #[error("no random bytes are to be had")]
    NoRandomness,
}

/// Seals and opens, with keys that are derived from the server's secret key.
#[derive(Clone)]
pub struct Sealer {
    cipher: XChaCha20Poly1305,
    key_id: String,
    root: Hmac<Sha256>,
}

impl std::fmt::Debug for Sealer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Sealer")
            .field("key_id", &self.key_id)
            .finish_non_exhaustive()
    }
}

impl Sealer {
    /// Takes the secret key of the server.
    #[must_use]
    pub fn new(secret_key: &[u8; SECRET_KEY_BYTES]) -> Self {
        let root = Hmac::<Sha256>::new_from_slice(secret_key).expect("HMAC takes a key of any length");
        let sealing = derive(&root, "seal");
        let id = derive(&root, "key id");
        Self {
            cipher: XChaCha20Poly1305::new(&sealing.into()),
            key_id: BASE64.encode(&id[..6]),
            root,
        }
    }

    /// The name of the secret key, by which sealed texts say with which one they were made. It tells nothing of the key.
    #[must_use]
    pub fn key_id(&self) -> &str {
        &self.key_id
    }

    /// Encrypts a text for a place: `s1.<key id>.<nonce and ciphertext>`.
    ///
    /// # Errors
    /// [`SealError::NoRandomness`].
    pub fn seal(&self, place: Place<'_>, text: &str) -> Result<String, SealError> {
        let mut nonce = [0; NONCE_BYTES];
        getrandom::fill(&mut nonce).map_err(|_| SealError::NoRandomness)?;
        let payload = Payload {
            msg: text.as_bytes(),
            aad: &place.bytes(),
        };
        // The only limit is a text of 256 GiB.
        let ciphertext = self
            .cipher
            .encrypt(&XNonce::from(nonce), payload)
            .map_err(|_| SealError::Malformed)?;
        let mut sealed = nonce.to_vec();
        sealed.extend(ciphertext);
        Ok(format!("{FORM}.{}.{}", self.key_id, BASE64.encode(sealed)))
    }

    /// Decrypts what [`Sealer::seal`] made for the same place.
    ///
    /// # Errors
    /// See [`SealError`].
    pub fn open(&self, place: Place<'_>, sealed: &str) -> Result<String, SealError> {
        let mut parts = sealed.split('.');
        let (Some(FORM), Some(key_id), Some(text), None) = (parts.next(), parts.next(), parts.next(), parts.next())
        else {
            return Err(SealError::Malformed);
        };
        if key_id != self.key_id {
            return Err(SealError::OtherKey);
        }
        let bytes = BASE64.decode(text).map_err(|_| SealError::Malformed)?;
        let (nonce, ciphertext) = bytes.split_first_chunk::<NONCE_BYTES>().ok_or(SealError::Malformed)?;
        let payload = Payload {
            msg: ciphertext,
            aad: &place.bytes(),
        };
        let opened = self
            .cipher
            .decrypt(&XNonce::from(*nonce), payload)
            .map_err(|_| SealError::Forged)?;
        String::from_utf8(opened).map_err(|_| SealError::Malformed)
    }

    /// A key for one purpose, such as `"acknowledge link"`: always the same for the same secret key, and of no use for
    /// another purpose.
    #[must_use]
    pub fn signing_key(&self, purpose: &str) -> [u8; 32] {
        derive(&self.root, &format!("sign/{purpose}"))
    }
}

/// The name of the key with which a text was sealed.
pub(crate) fn key_id_of(sealed: &str) -> Option<&str> {
    let (key_id, _) = sealed.strip_prefix(FORM)?.strip_prefix('.')?.split_once('.')?;
    Some(key_id)
}

impl Place<'_> {
    /// Each part with its length, so that no two places have the same bytes.
    fn bytes(&self) -> Vec<u8> {
        let mut bytes = Vec::new();
        for part in [self.table, self.column, self.row] {
            bytes.extend((part.len() as u64).to_be_bytes());
            bytes.extend(part.as_bytes());
        }
        bytes
    }
}

fn derive(root: &Hmac<Sha256>, purpose: &str) -> [u8; 32] {
    let mut mac = root.clone();
    mac.update(b"opsknight/");
    mac.update(purpose.as_bytes());
    mac.finalize().into_bytes().into()
}

#[cfg(test)]
mod tests {
    use super::*;

    const HERE: Place<'_> = Place {
        table: "webhook",
        column: "secret",
        row: "whk_1",
    };

    #[test]
    fn opens_only_with_its_key_in_its_place_and_unchanged() {
        let sealer = Sealer::new(&[7; 32]);
        let sealed = sealer.seal(HERE, "hunter2 😀").unwrap();
        assert_eq!(sealer.open(HERE, &sealed).as_deref(), Ok("hunter2 😀"));
        assert_ne!(sealer.seal(HERE, "hunter2 😀").unwrap(), sealed, "the nonce is random");
        let elsewhere = Place { row: "whk_2", ..HERE };
        assert_eq!(sealer.open(elsewhere, &sealed), Err(SealError::Forged));
        let shifted = Place {
            table: "webhooks",
            column: "ecret",
            ..HERE
        };
        assert_eq!(sealer.open(shifted, &sealed), Err(SealError::Forged));
        assert_eq!(Sealer::new(&[8; 32]).open(HERE, &sealed), Err(SealError::OtherKey));
        for (index, _) in sealed.char_indices() {
            let mut changed = sealed.clone();
            let other = if &changed[index..=index] == "A" { "B" } else { "A" };
            changed.replace_range(index..=index, other);
            assert!(sealer.open(HERE, &changed).is_err(), "{index}");
            assert!(sealer.open(HERE, &sealed[..index]).is_err(), "{index}");
        }
    }

    #[test]
    fn keys_differ_by_purpose_and_secret_and_are_not_shown() {
        let sealer = Sealer::new(&[7; 32]);
        assert_eq!(sealer.signing_key("links"), Sealer::new(&[7; 32]).signing_key("links"));
        assert_ne!(sealer.signing_key("links"), sealer.signing_key("sessions"));
        assert_ne!(sealer.signing_key("links"), Sealer::new(&[8; 32]).signing_key("links"));
        let shown = format!("{sealer:?}");
        assert!(shown.starts_with("Sealer { key_id: "), "{shown}");
    }
}
