//! Credentials on their way between the database and those who use them, and the hashes that stand for tokens.

use std::fmt;

use sha2::{Digest as _, Sha256};
use subtle::ConstantTimeEq as _;

use crate::{
    db::DbError,
    seal::{Place, SealError, Sealer},
};

/// A credential. Its `Debug` form says nothing, it has no `Display`, and only [`Secret::expose`] gives it out.
#[derive(Clone, Eq)]
pub struct Secret(String);

/// How long a comparison takes tells nothing of where the two begin to differ.
impl PartialEq for Secret {
    fn eq(&self, other: &Self) -> bool {
        self.0.as_bytes().ct_eq(other.0.as_bytes()).into()
    }
}

impl Secret {
    /// Keeps a text from being printed.
    pub fn new(text: impl Into<String>) -> Self {
        Self(text.into())
    }

    /// The text itself, for the one call that needs it.
    #[must_use]
    pub fn expose(&self) -> &str {
        &self.0
    }

    /// What is stored in place of a token that is only ever compared: its SHA-256 in lower-case hexadecimal digits.
    #[must_use]
    pub fn hash(&self) -> String {
        token_hash(&self.0)
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(hidden)")
    }
}

/// The SHA-256 of a token in lower-case hexadecimal digits. Tokens are random and long, so that a plain hash is enough.
#[must_use]
pub fn token_hash(token: &str) -> String {
    hex(&Sha256::digest(token.as_bytes()))
}

/// Bytes as lower-case hexadecimal digits.
pub(crate) fn hex(bytes: &[u8]) -> String {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    let digits = bytes
        .iter()
        .flat_map(|byte| [DIGITS[usize::from(byte >> 4)], DIGITS[usize::from(byte & 15)]]);
    digits.map(char::from).collect()
}

/// Encrypts a credential for its place.
pub(crate) fn seal(sealer: &Sealer, place: Place<'_>, secret: &Secret) -> Result<String, DbError> {
    sealer
        .seal(place, secret.expose())
        .map_err(|error| in_place(error, place))
}

/// Decrypts what [`seal`] made.
pub(crate) fn open(sealer: &Sealer, place: Place<'_>, sealed: &str) -> Result<Secret, DbError> {
    sealer
        .open(place, sealed)
        .map(Secret)
        .map_err(|error| in_place(error, place))
}

fn in_place(error: SealError, place: Place<'_>) -> DbError {
    let what = format!("{}.{}: {error}", place.table, place.column);
    match error {
        SealError::NoRandomness => DbError::Unavailable { what },
        SealError::OtherKey | SealError::Malformed | SealError::Forged => DbError::Corrupt { what },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hashes_are_sha_256_in_hexadecimal_digits() {
        // The first test vector of FIPS 180-4 for SHA-256.
        let hash = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
        assert_eq!(Secret::new("abc").hash(), hash);
        assert_eq!(format!("{:?}", Secret::new("abc")), "Secret(hidden)");
    }
}
