//! What Amazon SES publishes to a topic of SNS: notifications of an identity, or events of a configuration set.
//!
//! Here is only the text within SNS's envelope; the envelope's signature is checked where envelopes are read.

use opsknight_domain::id::DeliveryId;
use serde_json::Value;

use super::{MailEvent, MailEventKind, address, provider_id, text, time, why};
use crate::email::letter::{DELIVERY_HEADER, DELIVERY_TAG};

/// Most recipients of one mail (SES, "Service quotas").
const RECIPIENTS_MAX: usize = 50;
/// How the text begins that a topic gets when event publishing to it is set up. It is no JSON.
const GREETING: &str = "Successfully validated SNS topic";

/// Reads the `Message` of an envelope: an event for each recipient that it is about. Kinds that are not ours to know give
/// none, and neither does the greeting of a new topic.
///
/// # Errors
///
/// What is wrong, where it is neither.
pub fn parse(message: &str) -> Result<Vec<MailEvent>, String> {
    if message.starts_with(GREETING) {
        return Ok(Vec::new());
    }
    let wrong = || "must be a JSON object with eventType or notificationType".to_owned();
    let event: Value = serde_json::from_str(message).map_err(|_| wrong())?;
    // Event publishing says eventType, notifications of an identity notificationType.
    let name = text(&event, "eventType")
        .or_else(|| text(&event, "notificationType"))
        .ok_or_else(wrong)?;
    let Some(about) = About::of(name, &event) else {
        return Ok(Vec::new());
    };
    let mail = event.get("mail").unwrap_or(&Value::Null);
    let delivery = delivery(mail);
    let id = text(mail, "messageId").and_then(provider_id);
    let at = time(about.details, "timestamp").or_else(|| time(mail, "timestamp"));
    let recipients = about
        .details
        .get(about.recipients)
        .or_else(|| mail.get("destination"))
        .and_then(Value::as_array);
    Ok(recipients
        .into_iter()
        .flatten()
        .take(RECIPIENTS_MAX)
        .filter_map(|recipient| {
            // Some lists have addresses, others have more to say of each.
            let named = recipient.as_str().or_else(|| text(recipient, "emailAddress"))?;
            Some(MailEvent {
                delivery,
                provider_id: id.clone(),
                address: address(named)?,
                kind: about.kind(recipient),
                at,
            })
        })
        .collect())
}

/// The part of an event that says what happened (SES, "Contents of event data that Amazon SES publishes to Amazon SNS").
struct About<'v> {
    name: &'v str,
    details: &'v Value,
    recipients: &'static str,
}

impl<'v> About<'v> {
    fn of(name: &'v str, event: &'v Value) -> Option<Self> {
        let (field, recipients) = match name {
            "Bounce" => ("bounce", "bouncedRecipients"),
            "Complaint" => ("complaint", "complainedRecipients"),
            "Delivery" => ("delivery", "recipients"),
            "DeliveryDelay" => ("deliveryDelay", "delayedRecipients"),
            "Reject" => ("reject", "recipients"),
            "Rendering Failure" => ("failure", "recipients"),
            _ => return None,
        };
        Some(Self {
            name,
            details: event.get(field).unwrap_or(&Value::Null),
            recipients,
        })
    }

    fn kind(&self, recipient: &Value) -> MailEventKind {
        let of = |name| text(self.details, name);
        let said = text(recipient, "diagnosticCode").or_else(|| text(recipient, "status"));
        match self.name {
            "Bounce" => MailEventKind::Bounced {
                permanent: of("bounceType") == Some("Permanent"),
                why: why([of("bounceType"), of("bounceSubType"), said]),
            },
            "Complaint" => MailEventKind::Complained,
            "Delivery" => MailEventKind::Delivered,
            "DeliveryDelay" => MailEventKind::Deferred {
                why: why([of("delayType"), said]),
            },
            _ => MailEventKind::Dropped {
                why: why([of("reason").or_else(|| of("errorMessage"))]),
            },
        }
    }
}

/// Event publishing gives tags back. Notifications do not, but can be set to give the headers of the mail; and its
/// original `Message-ID` begins with the delivery's id too.
fn delivery(mail: &Value) -> Option<DeliveryId> {
    let tag = mail
        .get("tags")
        .and_then(|tags| tags.get(DELIVERY_TAG))
        .and_then(|values| {
            let first = values.as_array().and_then(|values| values.first());
            first.unwrap_or(values).as_str()
        });
    let header = || {
        let headers = mail.get("headers")?.as_array()?;
        let ours = headers
            .iter()
            .find(|header| text(header, "name").is_some_and(|name| name.eq_ignore_ascii_case(DELIVERY_HEADER)))?;
        text(ours, "value")
    };
    let message_id = || {
        let id = text(mail.get("commonHeaders")?, "messageId")?;
        id.trim_start_matches('<').split('@').next()
    };
    tag.or_else(header).or_else(message_id)?.trim().parse().ok()
}
