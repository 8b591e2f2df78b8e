//! What administrators give for vendors' APIs, checked in one way: keys that fit into a header, bases that can be called.
//!
//! It never asks a vendor, and never repeats a key in a problem. What stands in the path or the query of another base may
//! be a token of whoever is in between, so it is hidden in what a vendor is quoted with, like a key.

use url::Url;

use crate::{Problem, Secret, Vendors, vendor::Api};

/// Longest identity that a vendor gives a message, in bytes; those that are known have 100 at most.
const IDENTITY_BYTES_MAX: usize = 200;
/// Shorter pieces of a base are not hidden: they are ordinary words, not tokens.
const TOKEN_CHARS_MIN: usize = 8;
/// Longest key, in bytes: session tokens of AWS are the longest, some 2,000.
const KEY_BYTES_MAX: usize = 8192;

/// What is wrong with a key that goes into a header or a signature.
pub(crate) fn key_problem(field: &'static str, key: &Secret) -> Option<Problem> {
    text_problem(field, key.expose())
}

/// What is wrong with a word that goes into a header or a host name and is no secret.
pub(crate) fn text_problem(field: &'static str, text: &str) -> Option<Problem> {
    let why = if text.is_empty() {
        "must not be empty"
    } else if text.len() > KEY_BYTES_MAX {
        "is too long"
    } else if !text.bytes().all(|byte| byte.is_ascii_graphic()) {
        "must be copied as it is, without blanks, quotation marks of a word processor or line breaks"
    } else {
        return None;
    };
    Some(Problem { field, why: why.into() })
}

/// A vendor's identity of a message, as it may be kept. A longer one is no identity but nonsense.
pub(crate) fn is_identity(text: &str) -> bool {
    (1..=IDENTITY_BYTES_MAX).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_graphic())
}

/// What is wrong with another base for a vendor's API.
pub(crate) fn base_problem(field: &'static str, base: Option<&Url>) -> Option<Problem> {
    let base = base?;
    let web = matches!(base.scheme(), "https" | "http") && base.has_host();
    let plain = base.username().is_empty() && base.password().is_none();
    (!web || !plain).then(|| Problem {
        field,
        why: "must begin with https:// or http://, without a user or a password".into(),
    })
}

/// The API at `base`, else at the vendor's `own` address, which hides its secrets and the pieces of the base.
pub(crate) fn open(vendors: &Vendors, base: Option<&Url>, own: &str, secrets: &[&Secret]) -> Api {
    let pieces = base.map(pieces).unwrap_or_default();
    let hidden: Vec<&Secret> = secrets.iter().copied().chain(&pieces).collect();
    vendors.api(base, own, &hidden)
}

fn pieces(base: &Url) -> Vec<Secret> {
    let after_host = &base[url::Position::BeforePath..];
    after_host
        .split(['/', '?', '&', '=', '#', ';'])
        .filter(|piece| piece.chars().count() >= TOKEN_CHARS_MIN)
        .map(Secret::new)
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_cannot_go_into_a_header_is_told() {
        assert_eq!(key_problem("KEY", &Secret::new("SG.abc-_123")), None);
        for wrong in ["", "a b", "a\r\nb", "kéy", &"a".repeat(9000)] {
            let problem = key_problem("KEY", &Secret::new(wrong)).unwrap();
            assert!(problem.field == "KEY" && (wrong.is_empty() || !problem.why.contains(wrong)));
        }
    }

    #[test]
    fn a_base_is_of_the_web() {
        let of = |url: &str| base_problem("BASE", Some(&Url::parse(url).unwrap())).is_none();
        assert!(
            base_problem("BASE", None).is_none() && of("https://api.eu.sendgrid.com") && of("http://127.0.0.1:1/x")
        );
        assert!(!of("ftp://example.com") && !of("data:text/plain,x") && !of("https://user:pw@example.com"));
    }

    #[test]
    fn what_may_be_a_token_in_a_base_is_hidden() {
        let base = Url::parse("https://proxy.example.com/hook/TOKENTOKEN12/v3?key=QUERYSECRET99").unwrap();
        let hidden: Vec<String> = pieces(&base).iter().map(|piece| piece.expose().to_owned()).collect();
        assert_eq!(hidden, ["TOKENTOKEN12", "QUERYSECRET99"]);
    }
}
