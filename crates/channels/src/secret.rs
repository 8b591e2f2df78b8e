//! A credential that cannot be printed by mistake.

use std::fmt;

use base64::{Engine as _, engine::general_purpose::STANDARD};
use subtle::ConstantTimeEq as _;

/// Shorter texts are not hidden in a provider's words: they would hit ordinary ones.
const HIDDEN_CHARS_MIN: usize = 4;

/// A password, a key, a signing secret. Its `Debug` form says nothing, it has no `Display`, and only
/// [`Secret::expose`] gives it out.
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

    /// Nothing was given.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// A provider's words without this secret, plain or in base64, should the provider have repeated it.
    #[must_use]
    pub fn hide_in(&self, words: &str) -> String {
        if self.0.chars().count() < HIDDEN_CHARS_MIN {
            return words.to_owned();
        }
        words
            .replace(&self.0, "[hidden]")
            .replace(&STANDARD.encode(&self.0), "[hidden]")
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(hidden)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn is_never_printed_and_hidden_in_what_others_say() {
        let secret = Secret::new("hunter22");
        assert_eq!(format!("{secret:?}"), "Secret(hidden)");
        assert_eq!(secret.hide_in("bad hunter22, aHVudGVyMjI="), "bad [hidden], [hidden]");
        assert_eq!(Secret::new("a").hide_in("banana"), "banana");
    }
}
