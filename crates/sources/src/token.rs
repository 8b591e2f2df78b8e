//! What the bearer tokens of clouds must say: Google's for Pub/Sub push, Microsoft's for secure webhooks.
//!
//! It owns the rules about claims, and in [`jwt`] the signature; it never fetches an issuer's keys. Facts are from docs.cloud.google.com/pubsub,
//! "Authentication for push subscriptions", and learn.microsoft.com/azure/azure-monitor/alerts/action-groups, "Configure
//! authentication for Secure webhook".

use jiff::Timestamp;
use serde_json::Value;

use crate::json;

pub mod jwt;

/// How far the clock of an issuer may be from ours, in seconds.
const SKEW_S_MAX: i64 = 300;
/// The application by which Azure Monitor's action groups call.
pub const AZURE_CALLER_APP_ID: &str = "461e8683-5575-4561-ac7f-899cc907d62a";
/// The role that action groups must have been given on our application.
pub const AZURE_CALLER_ROLE: &str = "ActionGroupsSecureWebhook";

/// Why a token is not believed. For the log; the sender hears the same in all cases.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum ClaimError {
    /// Its time is over, has not come, or is not told.
    #[error("the token is not valid at this time")]
    Time,
    /// It is somebody else's issuer.
    #[error("the token comes from another issuer")]
    Issuer,
    /// It is meant for somebody else.
    #[error("the token is meant for another audience")]
    Audience,
    /// It speaks for somebody who may not send here.
    #[error("the token speaks for another caller")]
    Caller,
}

/// Checks the claims of a Pub/Sub push token: Google's issuer, our `audience`, the push subscription's service account.
///
/// # Errors
///
/// The first rule that does not hold.
pub fn check_google(claims: &Value, audience: &str, account: &str, now: Timestamp) -> Result<(), ClaimError> {
    check_time(claims, now)?;
    let issuer = text(claims, "iss");
    if !matches!(issuer, "https://accounts.google.com" | "accounts.google.com") {
        return Err(ClaimError::Issuer);
    }
    check_audience(claims, audience)?;
    let verified = claims
        .get("email_verified")
        .and_then(json::text)
        .is_some_and(|truth| truth == "true");
    if account.is_empty() || !verified || !text(claims, "email").eq_ignore_ascii_case(account) {
        return Err(ClaimError::Caller);
    }
    Ok(())
}

/// Checks the claims of a token of Azure's secure webhook: the issuer of `tenant`, our application as the `audience`,
/// and action groups as the caller, with the role for it. `authority` is Entra's address, which is another in some
/// countries' clouds, without a slash at its end.
///
/// # Errors
///
/// The first rule that does not hold.
pub fn check_azure(
    claims: &Value,
    audience: &str,
    tenant: &str,
    authority: &str,
    now: Timestamp,
) -> Result<(), ClaimError> {
    check_time(claims, now)?;
    let tenant = tenant.to_ascii_lowercase();
    let issuers = [
        format!("https://sts.windows.net/{tenant}/"),
        format!("https://sts.chinacloudapi.cn/{tenant}/"),
        format!("{authority}/{tenant}/v2.0"),
    ];
    if tenant.is_empty() || !issuers.iter().any(|issuer| issuer == text(claims, "iss")) {
        return Err(ClaimError::Issuer);
    }
    check_audience(claims, audience)?;
    // Version 1 of the tokens says appid, version 2 azp.
    let caller = ["appid", "azp"]
        .iter()
        .any(|name| text(claims, name) == AZURE_CALLER_APP_ID);
    let roles = claims.get("roles").and_then(Value::as_array);
    let role = roles
        .into_iter()
        .flatten()
        .any(|role| role.as_str() == Some(AZURE_CALLER_ROLE));
    if caller && role {
        Ok(())
    } else {
        Err(ClaimError::Caller)
    }
}

fn text<'v>(claims: &'v Value, name: &str) -> &'v str {
    claims.get(name).and_then(Value::as_str).unwrap_or_default()
}

fn check_time(claims: &Value, now: Timestamp) -> Result<(), ClaimError> {
    let second = |name: &str| claims.get(name).and_then(Value::as_i64);
    let now = now.as_second();
    let ends = second("exp").ok_or(ClaimError::Time)?;
    let begins = second("nbf").or_else(|| second("iat")).unwrap_or(now);
    if now > ends.saturating_add(SKEW_S_MAX) || now < begins.saturating_sub(SKEW_S_MAX) {
        return Err(ClaimError::Time);
    }
    Ok(())
}

/// An audience is one text or a list of them.
fn check_audience(claims: &Value, audience: &str) -> Result<(), ClaimError> {
    let is_ours = |value: &Value| value.as_str() == Some(audience) && !audience.is_empty();
    let right = match claims.get("aud") {
        Some(Value::Array(all)) => all.iter().any(is_ours),
        Some(one) => is_ours(one),
        None => false,
    };
    if right { Ok(()) } else { Err(ClaimError::Audience) }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    const ENTRA: &str = "https://login.microsoftonline.com";
    const NOW_S: i64 = 1_772_439_000;

    fn now() -> Timestamp {
        Timestamp::from_second(NOW_S).expect("a time")
    }

    fn with(mut claims: Value, name: &str, value: Value) -> Value {
        claims[name] = value;
        claims
    }

    #[test]
    fn google() {
        let right = json!({
            "iss": "https://accounts.google.com", "aud": "https://ops.example", "email": "push@p.iam.gserviceaccount.com",
            "email_verified": true, "iat": NOW_S - 10, "exp": NOW_S + 3600
        });
        let check =
            |claims: &Value| check_google(claims, "https://ops.example", "push@p.iam.gserviceaccount.com", now());
        assert_eq!(check(&right), Ok(()));
        for (name, value, error) in [
            ("iss", json!("https://evil.example"), ClaimError::Issuer),
            ("aud", json!("https://other.example"), ClaimError::Audience),
            ("aud", json!(null), ClaimError::Audience),
            ("email", json!("else@p.iam.gserviceaccount.com"), ClaimError::Caller),
            ("email_verified", json!(false), ClaimError::Caller),
            ("exp", json!(NOW_S - 301), ClaimError::Time),
            ("exp", json!(null), ClaimError::Time),
            ("iat", json!(NOW_S + 301), ClaimError::Time),
        ] {
            assert_eq!(check(&with(right.clone(), name, value)), Err(error), "{name}");
        }
        assert_eq!(check_google(&right, "", "", now()), Err(ClaimError::Audience));
    }

    #[test]
    fn azure() {
        let right = json!({
            "iss": "https://sts.windows.net/t-1/", "aud": ["api://ours"], "appid": AZURE_CALLER_APP_ID,
            "roles": [AZURE_CALLER_ROLE], "nbf": NOW_S, "exp": NOW_S + 60
        });
        let check = |claims: &Value| check_azure(claims, "api://ours", "t-1", ENTRA, now());
        assert_eq!(check(&right), Ok(()));
        let newer = with(
            right.clone(),
            "iss",
            json!("https://login.microsoftonline.com/t-1/v2.0"),
        );
        assert_eq!(check(&newer), Ok(()));
        for (name, value, error) in [
            ("iss", json!("https://sts.windows.net/t-2/"), ClaimError::Issuer),
            ("aud", json!("api://theirs"), ClaimError::Audience),
            ("appid", json!("another"), ClaimError::Caller),
            ("roles", json!([]), ClaimError::Caller),
        ] {
            assert_eq!(check(&with(right.clone(), name, value)), Err(error), "{name}");
        }
    }
}
