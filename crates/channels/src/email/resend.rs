//! Mail by Resend's API: one `POST /emails` a mail, with the delivery's id as its idempotency key.
//!
//! It owns the request and what each answer means. What Resend reports later is [`super::events`]'.

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

/// Where the API is.
const BASE: &str = "https://api.resend.com";
/// Most domains that a check names.
const DOMAINS_MAX: usize = 5;
const KEY: &str = "RESEND_API_KEY";
const FROM: &str = "RESEND_FROM";
const BASE_URL: &str = "OPSKNIGHT_RESEND_BASE_URL";

/// An account at Resend.
#[derive(Clone, PartialEq, Eq)]
pub struct ResendSettings {
    /// `RESEND_API_KEY`; one that may only send is enough.
    pub api_key: Secret,
    /// Who mails come from, `noreply@example.com` or `Paging <noreply@example.com>`, of a domain that Resend verified.
    pub from: String,
    /// `OPSKNIGHT_RESEND_BASE_URL`; none: Resend's own.
    pub base_url: Option<Url>,
}

impl fmt::Debug for ResendSettings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ResendSettings")
            .field("from", &self.from)
            .finish_non_exhaustive()
    }
}

impl ResendSettings {
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

/// Sends mail through Resend.
#[derive(Debug)]
pub struct Resend {
    api: Api,
    key: Secret,
    from: Mailbox,
}

impl Resend {
    /// Ready to send. Opens no connection yet.
    ///
    /// # Errors
    ///
    /// `Misconfigured` with the first of [`ResendSettings::problems`].
    pub fn new(settings: &ResendSettings, vendors: &Vendors) -> Result<Self, DeliveryError> {
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
impl Channel for Resend {
    fn name(&self) -> &'static str {
        "resend"
    }

    /// Posts one mail. For a day Resend answers the same key and body with the same mail (Resend, "Idempotency Keys").
    async fn send(&self, to: &str, message: &Message, now: Timestamp) -> Result<Receipt, DeliveryError> {
        let letter = Letter::new(&self.from, to, message)?;
        let request = self
            .api
            .post(["emails"])?
            .bearer_auth(self.key.expose())
            .header("idempotency-key", message.delivery.to_string())
            .json(&body(letter, message));
        let reply = self.api.call(request, now).await?;
        match reply.json::<Sent>() {
            Some(sent) if reply.status().is_success() && is_identity(&sent.id) => Ok(Receipt {
                pause: pause(&reply),
                ..Receipt::of(reply.words()).with_id(sent.id)
            }),
            _ => Err(failure(&reply)),
        }
    }

    /// Asks for the account's domains. A key that may only send may not ask, and is good all the same.
    async fn check(&self) -> Result<String, DeliveryError> {
        let request = self.api.get(["domains"])?.bearer_auth(self.key.expose());
        let reply = self.api.call(request, Timestamp::UNIX_EPOCH).await?;
        if let Some(fault) = reply.json::<Fault>()
            && fault.name == "restricted_api_key"
        {
            return Ok("Resend knows the key, and it may send mail and nothing else.".into());
        }
        match reply.json::<Domains>() {
            Some(domains) if reply.status().is_success() => Ok(told(&domains, self.from.email.domain(), &reply)),
            _ => Err(failure(&reply)),
        }
    }
}

#[derive(Deserialize)]
struct Sent {
    id: String,
}

#[derive(Deserialize)]
struct Domains {
    data: Vec<Domain>,
}

#[derive(Deserialize)]
struct Domain {
    name: String,
    status: String,
}

/// Whether the sender's domain, or one above it, is among the verified ones.
fn told(domains: &Domains, sender: &str, reply: &Reply) -> String {
    let of_sender = |domain: &&Domain| {
        let name = domain.name.as_str();
        sender.eq_ignore_ascii_case(name)
            || sender
                .to_ascii_lowercase()
                .ends_with(&format!(".{}", name.to_ascii_lowercase()))
    };
    let words = match domains.data.iter().find(of_sender) {
        Some(domain) if domain.status == "verified" => {
            format!("Resend knows the key, and the domain {} is verified.", domain.name)
        }
        Some(domain) => format!(
            "Resend knows the key, but the domain {} is not verified: its status is {}.",
            domain.name, domain.status
        ),
        None => {
            let names: Vec<&str> = domains.data.iter().map(|domain| domain.name.as_str()).collect();
            let shown = names[..names.len().min(DOMAINS_MAX)].join(", ");
            format!("Resend knows the key, but {sender} is not among the account's domains: {shown}.")
        }
    };
    reply.hide(&crate::words::answer(&words))
}

/// The request (Resend, "Send Email"). Values of tags are letters, digits, underscores and dashes.
fn body(letter: Letter, message: &Message) -> Value {
    let headers: Map<String, Value> = letter
        .headers
        .into_iter()
        .map(|(name, value)| (name.to_owned(), value.into()))
        .collect();
    json!({
        "from": letter.from.to_string(),
        "to": [letter.to.to_string()],
        "subject": letter.says.subject,
        "text": letter.says.text,
        "html": letter.says.html,
        "headers": headers,
        "tags": [
            { "name": DELIVERY_TAG, "value": message.delivery.to_string() },
            { "name": "opsknight_kind", "value": letter.kind },
        ],
    })
}

/// Resend takes a few requests a second, and says with each answer how many are left and for how many seconds (Resend,
/// "Usage Limits").
fn pause(reply: &Reply) -> Option<SignedDuration> {
    let spent = reply.header("ratelimit-remaining")?.trim() == "0";
    let seconds: u32 = reply.header("ratelimit-reset")?.trim().parse().ok()?;
    spent.then(|| SignedDuration::from_secs(seconds.into()).min(RETRY_AFTER_MAX))
}

/// What Resend says of a request that it does not take (Resend, "Errors").
#[derive(Deserialize)]
struct Fault {
    name: String,
    message: String,
}

fn failure(reply: &Reply) -> DeliveryError {
    let Some(fault) = reply.json::<Fault>() else {
        return match reply.status() {
            StatusCode::NOT_FOUND | StatusCode::METHOD_NOT_ALLOWED => DeliveryError::Misconfigured {
                field: BASE_URL,
                why: reply.words(),
            },
            _ => reply.failure(reply.words(), KEY),
        };
    };
    let why = reply.quote(&format!("{}: {}", fault.name, fault.message));
    match (fault.name.as_str(), reply.status()) {
        ("missing_api_key" | "invalid_api_key" | "restricted_api_key" | "invalid_permission", _) => {
            DeliveryError::Misconfigured { field: KEY, why }
        }
        // Every key that Resend does not know is this, under several names and statuses.
        ("validation_error", _) if fault.message.to_ascii_lowercase().contains("api key") => {
            DeliveryError::Misconfigured { field: KEY, why }
        }
        // The domain is not verified, or only the account's own address may be written to until one is.
        ("invalid_from_address", _) | ("validation_error", StatusCode::FORBIDDEN) => {
            DeliveryError::Misconfigured { field: FROM, why }
        }
        ("validation_error", _) if about_sender(&fault.message) => DeliveryError::Misconfigured { field: FROM, why },
        // A plan's mails are used up for this month: waiting for an hour will not help, and an administrator can.
        ("monthly_quota_exceeded", _) => DeliveryError::Misconfigured { field: KEY, why },
        // The same key came with another mail before: what of it was taken is not told.
        ("invalid_idempotent_request", _) => DeliveryError::Unknown { why },
        ("concurrent_idempotent_requests" | "daily_quota_exceeded" | "rate_limit_exceeded", _) => reply.later(why),
        _ => reply.failure(why, KEY),
    }
}

/// "Invalid `from` field. The email address needs to follow the `email@example.com` …".
fn about_sender(message: &str) -> bool {
    message.contains("`from`")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_problem_names_its_setting_and_no_key() {
        let good = ResendSettings {
            api_key: Secret::new("re_secret-key"),
            from: "Paging <noreply@example.com>".into(),
            base_url: None,
        };
        assert_eq!(good.problems(), []);
        let wrong = ResendSettings {
            api_key: Secret::new("re_secret key"),
            from: String::new(),
            base_url: Some(Url::parse("file:///etc").unwrap()),
        };
        let fields: Vec<&str> = wrong.problems().iter().map(|problem| problem.field).collect();
        assert_eq!(fields, [KEY, FROM, BASE_URL]);
        assert!(!format!("{wrong:?} {:?}", wrong.problems()).contains("secret key"));
    }
}
