//! What a sender shows to prove who it is, as it stands in headers.

use axum::http::HeaderMap;
use base64::{Engine as _, prelude::BASE64_STANDARD};
use opsknight_store::secret::Secret;

/// Headers whose values are never kept.
const CREDENTIALS: [&str; 9] = [
    "authorization",
    "cookie",
    "proxy-authorization",
    "x-api-key",
    "x-auth-token",
    "x-gitlab-token",
    "x-honeycomb-webhook-token",
    "x-integration-key",
    "x-routing-key",
];

/// What the `Authorization` header holds.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Authorization {
    /// `Token token=KEY`, also in quotes.
    Token(Secret),
    /// `Bearer TEXT`.
    Bearer(Secret),
    /// The password of `Basic`.
    Basic(Secret),
}

/// Reads the `Authorization` header; none when it is missing or of another form.
#[must_use]
pub(super) fn authorization(headers: &HeaderMap) -> Option<Authorization> {
    let text = headers.get("authorization")?.to_str().ok()?.trim();
    let (scheme, rest) = text.split_once(char::is_whitespace)?;
    let rest = rest.trim();
    match scheme.to_ascii_lowercase().as_str() {
        "token" => {
            let token = rest.strip_prefix("token=").unwrap_or(rest).trim_matches('"');
            Some(Authorization::Token(Secret::new(token)))
        }
        "bearer" => Some(Authorization::Bearer(Secret::new(rest))),
        "basic" => {
            let decoded = String::from_utf8(BASE64_STANDARD.decode(rest).ok()?).ok()?;
            let (_, password) = decoded.split_once(':')?;
            Some(Authorization::Basic(Secret::new(password)))
        }
        _ => None,
    }
}

/// The integration key that came in a header: `Authorization: Token token=KEY`, `X-Integration-Key: KEY`, or HTTP
/// basic with the key as the password.
#[must_use]
pub(super) fn integration_key(headers: &HeaderMap) -> Option<Secret> {
    if let Some(key) = headers.get("x-integration-key").and_then(|value| value.to_str().ok()) {
        return Some(Secret::new(key.trim()));
    }
    match authorization(headers)? {
        Authorization::Token(key) | Authorization::Basic(key) => Some(key),
        Authorization::Bearer(_) => None,
    }
}

/// The headers as they are kept: an object, credentials left out.
#[must_use]
pub(super) fn kept(headers: &HeaderMap) -> serde_json::Value {
    let mut kept = serde_json::Map::new();
    for name in headers.keys() {
        let value = if CREDENTIALS.contains(&name.as_str()) {
            "(left out)".to_owned()
        } else {
            let values = headers
                .get_all(name)
                .iter()
                .map(|value| String::from_utf8_lossy(value.as_bytes()));
            values.collect::<Vec<_>>().join(", ")
        };
        kept.insert(name.as_str().to_owned(), value.into());
    }
    kept.into()
}

#[cfg(test)]
mod tests {
    use axum::http::HeaderValue;

    use super::*;

    fn with(name: &'static str, value: &str) -> HeaderMap {
        HeaderMap::from_iter([(
            axum::http::HeaderName::from_static(name),
            HeaderValue::from_str(value).unwrap(),
        )])
    }

    #[test]
    fn a_key_is_found_wherever_it_may_stand() {
        let key = |name, value: &str| integration_key(&with(name, value)).map(|key| key.expose().to_owned());
        assert_eq!(key("authorization", "Token token=abc").as_deref(), Some("abc"));
        assert_eq!(key("authorization", "token  token=\"abc\"").as_deref(), Some("abc"));
        assert_eq!(key("x-integration-key", " abc ").as_deref(), Some("abc"));
        let basic = format!("Basic {}", BASE64_STANDARD.encode("anyone:abc"));
        assert_eq!(key("authorization", &basic).as_deref(), Some("abc"));
        assert_eq!(key("authorization", "Bearer abc"), None);
        assert_eq!(key("authorization", "Basic %%%"), None);
    }

    #[test]
    fn credentials_are_not_kept() {
        let text = kept(&with("authorization", "Token token=abc")).to_string();
        assert!(!text.contains("abc"), "{text}");
        assert_eq!(
            kept(&with("user-agent", "Alertmanager/0.25"))["user-agent"],
            "Alertmanager/0.25"
        );
    }
}
