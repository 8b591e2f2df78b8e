//! Mail by SendGrid's v3 API: one `POST /v3/mail/send` a mail.
//!
//! It owns the request and what each answer means. It lets SendGrid change nothing in a mail: no tracked links, which
//! would break the signed ones, no pixel, no footer. What SendGrid reports later is [`super::events`]'.

use std::fmt;

use async_trait::async_trait;
use jiff::{SignedDuration, Timestamp};
use lettre::message::Mailbox;
use reqwest::StatusCode;
use serde::Deserialize;
use serde_json::{Map, Value, json};
use url::Url;

use super::letter::{DELIVERY_TAG, Letter, sender};
use crate::{
    Channel, DeliveryError, Message, Problem, Receipt, Secret, Vendors,
    given::{base_problem, is_identity, key_problem, open},
    http::RETRY_AFTER_MAX,
    vendor::{Api, Reply},
};

/// Where the API is; accounts of the EU have `https://api.eu.sendgrid.com` (SendGrid, "Data Residency").
const BASE: &str = "https://api.sendgrid.com";
/// The permission without which a key cannot send (SendGrid, "API Key Permissions List").
const SCOPE: &str = "mail.send";
const KEY: &str = "SENDGRID_API_KEY";
const FROM: &str = "SENDGRID_FROM";
const BASE_URL: &str = "OPSKNIGHT_SENDGRID_BASE_URL";

/// An account at SendGrid.
#[derive(Clone, PartialEq, Eq)]
pub struct SendGridSettings {
    /// `SENDGRID_API_KEY`, with the permission "Mail Send".
    pub api_key: Secret,
    /// Who mails come from, `noreply@example.com` or `Paging <noreply@example.com>`: a sender that SendGrid verified.
    pub from: String,
    /// `OPSKNIGHT_SENDGRID_BASE_URL`; none: SendGrid's own.
    pub base_url: Option<Url>,
}

impl fmt::Debug for SendGridSettings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SendGridSettings")
            .field("from", &self.from)
            .finish_non_exhaustive()
    }
}

impl SendGridSettings {
    /// All that cannot work, each with the setting to change. Empty: they may work.
    #[must_use]
    pub fn problems(&self) -> Vec<Problem> {
        let from = sender(&self.from, FROM).err();
        let base = base_problem(BASE_URL, self.base_url.as_ref());
        [key_problem(KEY, &self.api_key), from, base]
            .into_iter()
            .flatten()
            .collect()
    }
}

/// Sends mail through SendGrid.
#[derive(Debug)]
pub struct SendGrid {
    api: Api,
    key: Secret,
    from: Mailbox,
}

impl SendGrid {
    /// Ready to send. Opens no connection yet.
    ///
    /// # Errors
    ///
    /// `Misconfigured` with the first of [`SendGridSettings::problems`].
    pub fn new(settings: &SendGridSettings, vendors: &Vendors) -> Result<Self, DeliveryError> {
        if let Some(problem) = settings.problems().into_iter().next() {
            return Err(problem.into());
        }
        Ok(Self {
            api: open(vendors, settings.base_url.as_ref(), BASE, &[&settings.api_key]),
            key: settings.api_key.clone(),
            from: sender(&settings.from, FROM)?,
        })
    }
}

#[async_trait]
impl Channel for SendGrid {
    fn name(&self) -> &'static str {
        "sendgrid"
    }

    /// Posts one mail. 202 is a receipt, with `X-Message-Id` as SendGrid's identity of it.
    ///
    /// SendGrid has no place for an idempotency key: a repetition is told by its `Message-ID` and its custom argument.
    async fn send(&self, to: &str, message: &Message, now: Timestamp) -> Result<Receipt, DeliveryError> {
        let letter = Letter::new(&self.from, to, message)?;
        let request = self.api.post(["v3", "mail", "send"])?;
        let request = request.bearer_auth(self.key.expose()).json(&body(letter, message));
        let reply = self.api.call(request, now).await?;
        if reply.status() != StatusCode::ACCEPTED {
            return Err(failure(&reply, now));
        }
        let spent = reply.header("x-ratelimit-remaining") == Some("0");
        let receipt = Receipt {
            pause: if spent { reset(&reply, now) } else { None },
            ..Receipt::of(reply.words())
        };
        Ok(match reply.header("x-message-id").filter(|id| is_identity(id)) {
            Some(id) => receipt.with_id(id),
            None => receipt,
        })
    }

    /// Asks what the key may do.
    async fn check(&self) -> Result<String, DeliveryError> {
        let now = Timestamp::UNIX_EPOCH;
        let request = self.api.get(["v3", "scopes"])?.bearer_auth(self.key.expose());
        let reply = self.api.call(request, now).await?;
        let granted = match reply.json::<Scopes>() {
            Some(granted) if reply.status().is_success() => granted,
            _ => return Err(failure(&reply, now)),
        };
        if granted.scopes.iter().any(|scope| scope == SCOPE) {
            return Ok("SendGrid knows the key, and it may send mail.".into());
        }
        Err(DeliveryError::Misconfigured {
            field: KEY,
            why: format!("SendGrid knows the key, but it lacks the permission {SCOPE}"),
        })
    }
}

#[derive(Deserialize)]
struct Scopes {
    scopes: Vec<String>,
}

/// The request (SendGrid, "Mail Send"). The text comes before the HTML: SendGrid insists on that order.
fn body(letter: Letter, message: &Message) -> Value {
    let headers: Map<String, Value> = letter
        .headers
        .into_iter()
        .map(|(name, value)| (name.to_owned(), value.into()))
        .collect();
    let off = json!({ "enable": false });
    let mut body = json!({
        "personalizations": [{
            "to": [{ "email": letter.to.to_string() }],
            "custom_args": { DELIVERY_TAG: message.delivery.to_string() },
        }],
        "from": { "email": letter.from.email.to_string(), "name": letter.from.name },
        "subject": letter.says.subject,
        "content": [
            { "type": "text/plain", "value": letter.says.text },
            { "type": "text/html", "value": letter.says.html },
        ],
        "headers": headers,
        "categories": ["opsknight", letter.kind],
        "tracking_settings": {
            "click_tracking": { "enable": false, "enable_text": false },
            "open_tracking": off,
            "subscription_tracking": off,
            "ganalytics": off,
        },
    });
    if letter.kind == "page" {
        // Without it SendGrid answers 202 and then drops what goes to an address on one of its lists, and nobody is
        // called. A page is what this setting is for: "absolutely necessary that every recipient receives".
        body["mail_settings"] = json!({ "bypass_list_management": { "enable": true } });
    }
    body
}

/// What SendGrid says of a request that it does not take (SendGrid, "Errors"; "Mail Send Errors").
#[derive(Deserialize)]
struct Faults {
    errors: Vec<Fault>,
}

#[derive(Deserialize)]
struct Fault {
    message: String,
    field: Option<String>,
}

fn failure(reply: &Reply, now: Timestamp) -> DeliveryError {
    let faults = reply.json::<Faults>().map(|faults| faults.errors).unwrap_or_default();
    if faults.is_empty() {
        return match reply.status() {
            // Not SendGrid's: it says in words what it did not find.
            StatusCode::NOT_FOUND | StatusCode::METHOD_NOT_ALLOWED => DeliveryError::Misconfigured {
                field: BASE_URL,
                why: reply.words(),
            },
            StatusCode::TOO_MANY_REQUESTS => later(reply, reply.words(), now),
            _ => reply.failure(reply.words(), KEY),
        };
    }
    let said: Vec<String> = faults
        .iter()
        .map(|fault| match &fault.field {
            Some(field) => format!("{} ({field})", fault.message),
            None => fault.message.clone(),
        })
        .collect();
    let why = reply.quote(&said.join("; "));
    let about = |name: &str| {
        faults
            .iter()
            .filter_map(|fault| fault.field.as_deref())
            .any(|field| field == name || field.starts_with(&format!("{name}.")))
    };
    match reply.status() {
        // An unverified sender is a 403 about the field "from", a sender that is no address a 400.
        StatusCode::BAD_REQUEST | StatusCode::FORBIDDEN if about("from") => {
            DeliveryError::Misconfigured { field: FROM, why }
        }
        StatusCode::TOO_MANY_REQUESTS => later(reply, why, now),
        _ => reply.failure(why, KEY),
    }
}

fn later(reply: &Reply, why: String, now: Timestamp) -> DeliveryError {
    DeliveryError::Retry {
        why,
        after: reply.retry_after().or_else(|| reset(reply, now)),
    }
}

/// `X-RateLimit-Reset` says when requests are taken again, in seconds since 1970 (SendGrid, "Rate Limits").
fn reset(reply: &Reply, now: Timestamp) -> Option<SignedDuration> {
    let seconds = reply.header("x-ratelimit-reset")?.trim().parse().ok()?;
    let wait = Timestamp::from_second(seconds).ok()?.duration_since(now);
    Some(wait.clamp(SignedDuration::ZERO, RETRY_AFTER_MAX))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_problem_names_its_setting_and_no_key() {
        let good = SendGridSettings {
            api_key: Secret::new("SG.secret-key"),
            from: "noreply@example.com".into(),
            base_url: None,
        };
        assert_eq!(good.problems(), []);
        let wrong = SendGridSettings {
            api_key: Secret::new("SG.secret key"),
            from: "nobody".into(),
            base_url: Some(Url::parse("ftp://example.com").unwrap()),
        };
        let fields: Vec<&str> = wrong.problems().iter().map(|problem| problem.field).collect();
        assert_eq!(fields, [KEY, FROM, BASE_URL]);
        assert!(!format!("{wrong:?} {:?}", wrong.problems()).contains("secret key"));
    }
}
