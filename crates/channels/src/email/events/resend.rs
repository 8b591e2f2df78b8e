//! Resend's webhooks: one event each, signed by Svix, which sends them.

use hmac::{Hmac, KeyInit as _, Mac as _};
use http::HeaderMap;
use jiff::{SignedDuration, Timestamp};
use serde_json::Value;
use sha2::Sha256;

use super::{MailEvent, MailEventKind, SignatureError, address, fresh, header, pasted, provider_id, text, time, why};
use crate::{Secret, email::letter::DELIVERY_TAG};

const ID: &str = "svix-id";
const TIMESTAMP: &str = "svix-timestamp";
const SIGNATURE: &str = "svix-signature";
/// What a secret of Svix begins with.
const PREFIX: &str = "whsec_";
/// How old a signature may be: each try is signed anew (Svix, "Verifying webhooks manually").
const AGE_MAX: SignedDuration = SignedDuration::from_mins(5);
/// Most recipients of one mail (Resend, "Send Email").
const RECIPIENTS_MAX: usize = 50;

/// Checks the signing secret that Resend shows, before it is saved.
///
/// # Errors
///
/// What is wrong, in words for the person who entered it.
pub fn check_secret(secret: &Secret) -> Result<(), String> {
    key(secret)
        .map(|_| ())
        .ok_or_else(|| format!("must be the signing secret that Resend shows, {PREFIX} and base64"))
}

/// Checks that Resend signed this very body: HMAC-SHA256 over id, timestamp and body (Resend, "Verify Webhooks
/// Requests"; Svix, "Verifying webhooks manually"). While a secret is changed there are signatures of both.
///
/// # Errors
///
/// Why it is not believed.
pub fn verify(secret: &Secret, headers: &HeaderMap, body: &[u8], now: Timestamp) -> Result<(), SignatureError> {
    let key = key(secret).ok_or(SignatureError::Key)?;
    let id = header(headers, ID)?;
    let timestamp = header(headers, TIMESTAMP)?;
    let signatures = header(headers, SIGNATURE)?;
    let mac = Hmac::<Sha256>::new_from_slice(&key)
        .expect("HMAC takes a key of any length")
        .chain_update(id)
        .chain_update(".")
        .chain_update(timestamp)
        .chain_update(".")
        .chain_update(body);
    let ours = signatures
        .split_ascii_whitespace()
        .filter_map(|signature| pasted(signature.strip_prefix("v1,")?))
        .any(|signature| mac.clone().verify_slice(&signature).is_ok());
    if !ours {
        return Err(SignatureError::Wrong);
    }
    fresh(timestamp, TIMESTAMP, AGE_MAX, now)
}

fn key(secret: &Secret) -> Option<Vec<u8>> {
    let text = secret.expose().trim();
    pasted(text.strip_prefix(PREFIX).unwrap_or(text)).filter(|key| !key.is_empty())
}

/// Reads a report: an event for each recipient of the mail. Kinds that are not ours to know give none.
///
/// # Errors
///
/// What is wrong, where it is no event.
pub fn parse(body: &[u8]) -> Result<Vec<MailEvent>, String> {
    let wrong = || "must be a JSON object with type and data".to_owned();
    let event: Value = serde_json::from_slice(body).map_err(|_| wrong())?;
    let (Some(name), Some(data)) = (text(&event, "type"), event.get("data")) else {
        return Err(wrong());
    };
    let Some(kind) = kind(name, data) else {
        return Ok(Vec::new());
    };
    let delivery = data.get("tags").and_then(|tags| tag(tags)?.parse().ok());
    let at = time(&event, "created_at").or_else(|| time(data, "created_at"));
    let id = text(data, "email_id").and_then(provider_id);
    let to: &[Value] = match data.get("to") {
        Some(Value::Array(to)) => to,
        Some(one) => std::slice::from_ref(one),
        None => &[],
    };
    let addresses = to.iter().take(RECIPIENTS_MAX).filter_map(|to| address(to.as_str()?));
    Ok(addresses
        .map(|address| MailEvent {
            delivery,
            provider_id: id.clone(),
            address,
            kind: kind.clone(),
            at,
        })
        .collect())
}

/// What an event says (Resend, "Event Types").
fn kind(name: &str, data: &Value) -> Option<MailEventKind> {
    let said = |field: &str| {
        let about = data.get(field).unwrap_or(&Value::Null);
        why([
            text(about, "type"),
            text(about, "subType"),
            text(about, "message").or_else(|| text(about, "reason")),
        ])
    };
    Some(match name {
        "email.delivered" => MailEventKind::Delivered,
        "email.delivery_delayed" => MailEventKind::Deferred {
            why: said("delivery_delayed"),
        },
        "email.bounced" => {
            let kind = data.get("bounce").and_then(|bounce| text(bounce, "type"));
            MailEventKind::Bounced {
                // Resend passes on what Amazon SES says; without it a bounce is a permanent one.
                permanent: !matches!(kind, Some("Transient" | "Temporary" | "Undetermined")),
                why: said("bounce"),
            }
        }
        "email.complained" => MailEventKind::Complained,
        "email.suppressed" => MailEventKind::Dropped {
            why: said("suppressed"),
        },
        "email.failed" => MailEventKind::Dropped { why: said("failed") },
        _ => return None,
    })
}

/// Tags go out as a list and come back as an object; either is read.
fn tag(tags: &Value) -> Option<&str> {
    match tags {
        Value::Array(list) => list
            .iter()
            .find(|tag| text(tag, "name") == Some(DELIVERY_TAG))
            .and_then(|tag| text(tag, "value")),
        tags => text(tags, DELIVERY_TAG),
    }
}
