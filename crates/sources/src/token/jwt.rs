//! A bearer token in its three parts (RFC 7515, RFC 7519), and the keys of its issuer (RFC 7517).
//!
//! It knows RS256 alone, by which Google and Microsoft sign: a token that names another algorithm, or none, is not
//! believed, so that nobody can choose a weaker one. It never fetches keys.

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use ring::signature::{RSA_PKCS1_2048_8192_SHA256, RsaPublicKeyComponents};
use serde::Deserialize;
use serde_json::Value;

/// Longest token that is looked at, in bytes; headers are not much longer.
const TOKEN_BYTES_MAX: usize = 16 << 10;

/// Why a token is not believed. For the log; the sender hears the same in all cases.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum TokenError {
    /// It is no token in three parts, or not of RS256.
    #[error("it is no token signed by RS256")]
    Form,
    /// The issuer has no key of that name.
    #[error("the issuer has no such key")]
    UnknownKey,
    /// The issuer's key did not make this signature.
    #[error("the signature does not match")]
    Wrong,
}

/// A token whose signature is not yet checked.
#[derive(Debug, Clone)]
pub struct Token<'t> {
    key_id: String,
    signed: &'t str,
    signature: Vec<u8>,
    claims: Value,
}

#[derive(Deserialize)]
struct Header {
    alg: String,
    kid: String,
}

impl<'t> Token<'t> {
    /// Takes a token apart.
    ///
    /// # Errors
    ///
    /// [`TokenError::Form`].
    pub fn read(text: &'t str) -> Result<Self, TokenError> {
        Self::parts(text).ok_or(TokenError::Form)
    }

    fn parts(text: &'t str) -> Option<Self> {
        let (signed, signature) = text.rsplit_once('.').filter(|_| text.len() <= TOKEN_BYTES_MAX)?;
        let (header, claims) = signed.split_once('.')?;
        let part = |text: &str| URL_SAFE_NO_PAD.decode(text).ok();
        let header: Header = serde_json::from_slice(&part(header)?).ok()?;
        let claims: Value = serde_json::from_slice(&part(claims)?).ok()?;
        (header.alg == "RS256" && claims.is_object()).then_some(Self {
            key_id: header.kid,
            signed,
            signature: part(signature)?,
            claims,
        })
    }

    /// What it says, once the issuer's key is known to have signed it.
    ///
    /// # Errors
    ///
    /// [`TokenError::UnknownKey`] or [`TokenError::Wrong`].
    pub fn claims(&self, keys: &Keys) -> Result<&Value, TokenError> {
        let named = keys.0.iter().filter(|key| key.id == self.key_id);
        let mut named = named.peekable();
        named.peek().ok_or(TokenError::UnknownKey)?;
        let made = |key: &Key| {
            let key = RsaPublicKeyComponents { n: &key.n, e: &key.e };
            key.verify(&RSA_PKCS1_2048_8192_SHA256, self.signed.as_bytes(), &self.signature)
                .is_ok()
        };
        if named.any(made) {
            Ok(&self.claims)
        } else {
            Err(TokenError::Wrong)
        }
    }
}

/// The keys of an issuer.
#[derive(Debug, Clone, Default)]
pub struct Keys(Vec<Key>);

#[derive(Debug, Clone)]
struct Key {
    id: String,
    n: Vec<u8>,
    e: Vec<u8>,
}

impl Keys {
    /// Reads a set of keys. Those of other kinds than RSA are passed over.
    ///
    /// # Errors
    ///
    /// It is no set of keys, or has none that could sign.
    pub fn read(body: &[u8]) -> Result<Self, &'static str> {
        let body: Value = serde_json::from_slice(body).map_err(|_| "it is no JSON")?;
        let keys = body
            .get("keys")
            .and_then(Value::as_array)
            .ok_or("it is no set of keys")?;
        let read = |key: &Value| {
            let text = |name: &str| key.get(name).and_then(Value::as_str);
            let number = |name: &str| URL_SAFE_NO_PAD.decode(text(name)?.trim_end_matches('=')).ok();
            Some(Key {
                id: text("kid").filter(|_| text("kty") == Some("RSA"))?.to_owned(),
                n: number("n")?,
                e: number("e")?,
            })
        };
        let keys: Vec<Key> = keys.iter().filter_map(read).collect();
        if keys.is_empty() {
            Err("it has no key of RSA")
        } else {
            Ok(Self(keys))
        }
    }
}
