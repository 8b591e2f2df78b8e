//! SendGrid's Event Webhook: a list of events, signed with an elliptic key.

use http::HeaderMap;
use jiff::{SignedDuration, Timestamp};
use ring::signature::{ECDSA_P256_SHA256_ASN1, UnparsedPublicKey};
use serde_json::Value;

use super::{MailEvent, MailEventKind, SignatureError, address, fresh, header, pasted, provider_id, text, why};
use crate::email::letter::DELIVERY_TAG;

const SIGNATURE: &str = "x-twilio-email-event-webhook-signature";
const TIMESTAMP: &str = "x-twilio-email-event-webhook-timestamp";
/// How old a signature may be.
///
/// SendGrid tries a report again for 24 hours after the event (SendGrid, "Troubleshooting the Event Webhook") and does
/// not say whether it signs it anew, so the five minutes that others give would lose what came while we were away. To
/// repeat a report within a day harms little: it says once more what is known, and only who holds the key can make one.
const AGE_MAX: SignedDuration = SignedDuration::from_hours(25);
/// What precedes the point of a P-256 key in its SubjectPublicKeyInfo (RFC 5480, section 2): two sequences, the
/// identifiers of elliptic keys and of the curve, and the header of the bit string.
const SPKI_PREFIX: [u8; 26] = [
    0x30, 0x59, 0x30, 0x13, 0x06, 0x07, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x02, 0x01, 0x06, 0x08, 0x2a, 0x86, 0x48, 0xce,
    0x3d, 0x03, 0x01, 0x07, 0x03, 0x42, 0x00,
];
/// An uncompressed point: its mark and two coordinates (SEC 1, section 2.3.3).
const POINT_BYTES: usize = 65;

/// Checks the verification key that SendGrid shows, before it is saved.
///
/// # Errors
///
/// What is wrong, in words for the person who entered it.
pub fn check_public_key(public_key: &str) -> Result<(), String> {
    point(public_key)
        .map(|_| ())
        .ok_or_else(|| "must be the verification key that SendGrid shows, in base64".into())
}

/// Checks that SendGrid signed this very body: ECDSA over the timestamp and the body (SendGrid, "Getting Started with
/// the Event Webhook Security Features").
///
/// # Errors
///
/// Why it is not believed.
pub fn verify(public_key: &str, headers: &HeaderMap, body: &[u8], now: Timestamp) -> Result<(), SignatureError> {
    let point = point(public_key).ok_or(SignatureError::Key)?;
    let timestamp = header(headers, TIMESTAMP)?;
    let signature = pasted(header(headers, SIGNATURE)?).ok_or(SignatureError::Header(SIGNATURE))?;
    let signed = [timestamp.as_bytes(), body].concat();
    UnparsedPublicKey::new(&ECDSA_P256_SHA256_ASN1, point)
        .verify(&signed, &signature)
        .map_err(|_| SignatureError::Wrong)?;
    fresh(timestamp, TIMESTAMP, AGE_MAX, now)
}

/// The point of a key in base64, with or without the lines of PEM around it.
fn point(public_key: &str) -> Option<Vec<u8>> {
    let lines = public_key
        .lines()
        .filter(|line| !line.trim_start().starts_with("-----"));
    let der = pasted(&lines.collect::<String>())?;
    let point = der.strip_prefix(&SPKI_PREFIX)?;
    (point.len() == POINT_BYTES && point[0] == 4).then(|| point.to_vec())
}

/// Reads a report. Events of kinds that are not ours to know, and those without an address, are left out.
///
/// # Errors
///
/// What is wrong, where it is no list of events.
pub fn parse(body: &[u8]) -> Result<Vec<MailEvent>, String> {
    let events: Vec<Value> = serde_json::from_slice(body).map_err(|_| "must be a JSON list of events".to_owned())?;
    Ok(events.iter().filter_map(event).collect())
}

/// One event (SendGrid, "Event Webhook Reference").
fn event(event: &Value) -> Option<MailEvent> {
    let said = || {
        why([
            text(event, "status"),
            text(event, "reason").or_else(|| text(event, "response")),
        ])
    };
    let kind = match text(event, "event")? {
        "delivered" => MailEventKind::Delivered,
        "deferred" => MailEventKind::Deferred { why: said() },
        "bounce" => MailEventKind::Bounced {
            // "blocked" is for this mail; "bounce" puts the address on SendGrid's list.
            permanent: text(event, "type") != Some("blocked"),
            why: said(),
        },
        "spamreport" => MailEventKind::Complained,
        "dropped" => MailEventKind::Dropped { why: said() },
        _ => return None,
    };
    // Custom arguments stand beside the other fields; the reference shows them below `unique_args`.
    let delivery = [Some(event), event.get("unique_args"), event.get("custom_args")]
        .into_iter()
        .flatten()
        .find_map(|fields| text(fields, DELIVERY_TAG)?.parse().ok());
    Some(MailEvent {
        delivery,
        provider_id: text(event, "sg_message_id").and_then(message_id),
        address: address(text(event, "email")?)?,
        kind,
        at: event
            .get("timestamp")
            .and_then(Value::as_i64)
            .and_then(|seconds| Timestamp::from_second(seconds).ok()),
    })
}

/// `sg_message_id` begins with what `X-Message-Id` said when the mail was taken; what follows names the machine that
/// worked on it: `14c5d75ce93.dfd.64b469.filter0001.16648.5515E0B88.0`.
fn message_id(text: &str) -> Option<String> {
    let end = [".filter", ".recv"].iter().filter_map(|mark| text.find(mark)).min();
    provider_id(&text[..end.unwrap_or(text.len())])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_identity_is_that_of_the_receipt() {
        for (whole, id) in [
            (
                "14c5d75ce93.dfd.64b469.filter0001.16648.5515E0B88.0",
                "14c5d75ce93.dfd.64b469",
            ),
            (
                "LRzXl_NHStO.filterdrecv-p3mdw1-756b745b58-kmzbl-18-5F5FC76C-9.0",
                "LRzXl_NHStO",
            ),
            ("abc.recvd-7b9f8-1-62C5-2.0", "abc"),
            ("abc", "abc"),
        ] {
            assert_eq!(message_id(whole).as_deref(), Some(id));
        }
        assert_eq!(message_id(".filter"), None);
    }

    #[test]
    fn only_a_key_of_the_curve_is_a_key() {
        for wrong in [
            "",
            "x",
            "MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAE",
            "-----BEGIN PUBLIC KEY-----",
        ] {
            assert!(check_public_key(wrong).is_err(), "{wrong}");
        }
    }
}
