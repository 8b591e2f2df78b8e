//! OneSignal: push messages to the browsers and phones that a person has registered there ("Create message, push",
//! OneSignal REST API).
//!
//! It owns the request and what OneSignal answers. Which devices a person has is OneSignal's to know: the address is
//! one subscription, or the person as the application calls them there.

use std::fmt;

use async_trait::async_trait;
use jiff::Timestamp;
use opsknight_domain::{
    id::DeliveryId,
    message::{Content, IncidentMessage},
};
use reqwest::StatusCode;
use serde::Deserialize;
use serde_json::{Value, json};
use url::Url;
use uuid::{Builder, Uuid, Variant, Version};

use crate::{
    Channel, DeliveryError, Message, Problem, Receipt, Secret, Vendors,
    news::{bundled, is_page, label, named, sentence, web_url},
    vendor::{Api, Reply},
    words::{lines, one_line},
};

/// Where OneSignal is.
const OWN: &str = "https://api.onesignal.com";
/// Longest heading, in characters. The services behind take 4 kB for all of a message.
const HEADING_CHARS_MAX: usize = 120;
/// Longest text, in characters.
const TEXT_CHARS_MAX: usize = 400;
/// Longest URL that goes into `data`, which has 2048 bytes in all.
const DATA_URL_BYTES_MAX: usize = 1024;
/// Longest external identity of a person ("Aliases": 128 characters).
const EXTERNAL_ID_CHARS_MAX: usize = 128;
/// Most incidents of a bundle that are named.
const BUNDLE_LINES_MAX: usize = 3;

/// How OneSignal is reached.
#[derive(Clone)]
pub struct OneSignalSettings {
    /// `ONESIGNAL_APP_ID`: the application, a UUID.
    pub app_id: String,
    /// `ONESIGNAL_API_KEY`: an API key of that application.
    pub api_key: Secret,
    /// `OPSKNIGHT_ONESIGNAL_BASE_URL`.
    pub base_url: Option<Url>,
}

impl fmt::Debug for OneSignalSettings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("OneSignalSettings")
            .field("app_id", &self.app_id)
            .field("base_url", &self.base_url)
            .finish_non_exhaustive()
    }
}

impl OneSignalSettings {
    /// What cannot work.
    #[must_use]
    pub fn problems(&self) -> Vec<Problem> {
        let mut problems = Vec::new();
        if Uuid::try_parse(self.app_id.trim()).is_err() {
            problems.push(Problem {
                field: "ONESIGNAL_APP_ID",
                why: "must be a UUID, as Settings > Keys & IDs shows it".into(),
            });
        }
        let key = self.api_key.expose();
        if key.is_empty() || !key.bytes().all(|b| b.is_ascii_graphic()) {
            problems.push(Problem {
                field: "ONESIGNAL_API_KEY",
                why: "must be an API key of the application, without spaces".into(),
            });
        }
        if self.base_url.as_ref().is_some_and(Url::cannot_be_a_base) {
            problems.push(Problem {
                field: "OPSKNIGHT_ONESIGNAL_BASE_URL",
                why: "must begin with https:// or http://".into(),
            });
        }
        problems
    }
}

/// Sends push messages by OneSignal.
#[derive(Debug, Clone)]
pub struct OneSignal {
    api: Api,
    app_id: String,
    key: Secret,
}

impl OneSignal {
    /// A channel with these settings.
    ///
    /// # Errors
    ///
    /// `Misconfigured` with the first of [`OneSignalSettings::problems`].
    pub fn new(settings: &OneSignalSettings, vendors: &Vendors) -> Result<Self, DeliveryError> {
        if let Some(problem) = settings.problems().into_iter().next() {
            return Err(problem.into());
        }
        Ok(Self {
            api: vendors.api(settings.base_url.as_ref(), OWN, &[&settings.api_key]),
            app_id: settings.app_id.trim().to_owned(),
            key: settings.api_key.clone(),
        })
    }

    fn authorization(&self) -> String {
        format!("Key {}", self.key.expose())
    }
}

#[async_trait]
impl Channel for OneSignal {
    fn name(&self) -> &'static str {
        "onesignal"
    }

    /// Sends one message to a subscription (a UUID) or to all that a person has subscribed, by their external id. Its
    /// `idempotency_key` is made of the delivery's UUID: the same message again is not shown twice.
    ///
    /// # Errors
    ///
    /// `Refused` also where OneSignal answers 200 and nobody is subscribed.
    async fn send(&self, to: &str, message: &Message, now: Timestamp) -> Result<Receipt, DeliveryError> {
        let target = target(to.trim())?;
        let mut body = render(message);
        if let (Some(body), Value::Object(target)) = (body.as_object_mut(), target) {
            body.extend(target);
            body.insert("app_id".into(), json!(self.app_id));
        }
        let request = self.api.post(["notifications"])?;
        let request = request.header("authorization", self.authorization()).json(&body);
        read(&self.api.call(request, now).await?, to.trim())
    }

    /// Asks for the last message of the application: the one question that a key of an application may ask and that
    /// needs both settings ("View messages"; "View an app" takes only the key of the whole organisation).
    async fn check(&self) -> Result<String, DeliveryError> {
        let request = self.api.get(["notifications"])?;
        let request = request
            .query(&[("app_id", self.app_id.as_str()), ("limit", "1")])
            .header("authorization", self.authorization());
        // No wait that is asked for by a date matters to a check.
        let reply = self.api.call(request, Timestamp::UNIX_EPOCH).await?;
        if reply.status().is_success() && reply.json::<Value>().is_some_and(|answer| answer.is_object()) {
            return Ok(reply.status().to_string());
        }
        Err(failure(&reply, &said(&reply)))
    }
}

/// Whom it is for. One way of naming people excludes the others ("Choose your target audience").
fn target(to: &str) -> Result<Value, DeliveryError> {
    if to.is_empty() || to.chars().count() > EXTERNAL_ID_CHARS_MAX || to.chars().any(char::is_control) {
        let why = "is neither a subscription of OneSignal's nor an external id".into();
        return Err(DeliveryError::Refused { why });
    }
    Ok(match Uuid::try_parse(to) {
        Ok(_) => json!({ "include_subscription_ids": [to] }),
        Err(_) => json!({ "include_aliases": { "external_id": [to] }, "target_channel": "push" }),
    })
}

/// The delivery's UUID as one of version 4, which alone OneSignal has taken from the beginning ("Idempotent requests").
fn idempotency_key(delivery: DeliveryId) -> Uuid {
    Builder::from_bytes(delivery.uuid().into_bytes())
        .with_version(Version::Random)
        .with_variant(Variant::RFC4122)
        .into_uuid()
}

/// What is posted, but for the application and for whom.
#[must_use]
pub fn render(message: &Message) -> Value {
    let mut body = match &message.content {
        Content::Incident(news) => incident(news),
        Content::Bundle(bundle) => {
            let (heading, text) = bundled(bundle, BUNDLE_LINES_MAX);
            let link = format!("\nOpen the list:\n{}", bundle.url);
            let text = text.strip_suffix(&link).unwrap_or(&text);
            let mut body = shown(&heading, text);
            body["priority"] = json!(10);
            if let Some(url) = web_url(&bundle.url) {
                body["url"] = json!(url);
            }
            body
        }
        Content::Note { subject, text } => shown(subject, text),
    };
    body["idempotency_key"] = json!(idempotency_key(message.delivery).to_string());
    body["data"]["delivery"] = json!(message.delivery.to_string());
    body
}

/// A heading and a text. English is the language that OneSignal falls back to.
fn shown(heading: &str, text: &str) -> Value {
    let heading = one_line(heading, HEADING_CHARS_MAX);
    let text = match lines(text, TEXT_CHARS_MAX) {
        text if text.is_empty() => heading.clone(),
        text => text,
    };
    json!({ "headings": { "en": no_template(&heading) }, "contents": { "en": no_template(&text) } })
}

/// OneSignal fills in what stands in doubled braces ("Message personalization", Liquid): a title of an alert must not ask
/// for it.
fn no_template(text: &str) -> String {
    text.replace("{{", "{ {").replace("{%", "{ %").replace("{{", "{ {")
}

fn incident(news: &IncidentMessage) -> Value {
    let facts = &news.incident;
    let heading = format!("{}: {}", label(news.happening), named(facts, HEADING_CHARS_MAX / 2));
    let mut text = sentence(news);
    if let Some(more) = &facts.description {
        text = format!("{text}\n{more}");
    }
    let mut body = shown(&heading, &text);
    let id = facts.id.to_string();
    let url = web_url(&facts.url);
    let acknowledge = news.answer.as_ref().and_then(|answer| web_url(&answer.url));
    // One notification an incident on a device, and one stack: on phones, in browsers, on iOS.
    for field in ["collapse_id", "web_push_topic", "thread_id"] {
        body[field] = json!(id);
    }
    body["data"] = json!({ "incident": id, "event": news.happening.word() });
    let short = |url: &&String| url.len() <= DATA_URL_BYTES_MAX;
    if let Some(url) = acknowledge.as_ref().filter(short) {
        body["data"]["acknowledge_url"] = json!(url);
    }
    if let Some(url) = &url {
        body["url"] = json!(url);
    }
    if is_page(news) {
        body["priority"] = json!(10);
        buttons(&mut body, acknowledge.as_ref(), url.as_ref());
    }
    body
}

/// Buttons of phones have an id that the app reads, those of browsers also an address.
fn buttons(body: &mut Value, acknowledge: Option<&String>, open: Option<&String>) {
    let both = [("acknowledge", "Acknowledge", acknowledge), ("open", "Open", open)];
    let there = || both.iter().filter_map(|(id, text, url)| Some((id, text, (*url)?)));
    let web: Vec<Value> = there()
        .map(|(id, text, url)| json!({ "id": id, "text": text, "url": url }))
        .collect();
    // Phones show the last first.
    let phone: Vec<Value> = there()
        .rev()
        .map(|(id, text, _)| json!({ "id": id, "text": text }))
        .collect();
    body["web_buttons"] = json!(web);
    body["buttons"] = json!(phone);
}

#[derive(Deserialize)]
struct Created {
    id: Option<String>,
    #[serde(default)]
    errors: Value,
}

/// What an answer means.
fn read(reply: &Reply, to: &str) -> Result<Receipt, DeliveryError> {
    let why = said(reply);
    if reply.status() != StatusCode::OK {
        return Err(failure(reply, &why));
    }
    let Some(Created { id, errors }) = reply.json::<Created>() else {
        return Err(reply.unreadable());
    };
    // Nothing was created, or nobody whom it was for is subscribed: `"errors": ["All included players are not
    // subscribed"]`, or an object of lists with those who could not be reached.
    let refused = match &errors {
        Value::Array(errors) => !errors.is_empty(),
        Value::Object(errors) => errors.values().any(|list| list.to_string().contains(to)),
        _ => false,
    };
    match id {
        Some(id) if !id.is_empty() && !refused => Ok(Receipt::of(reply.status().to_string()).with_id(id)),
        None if errors.is_null() => Err(reply.unreadable()),
        Some(_) | None => Err(DeliveryError::Refused { why }),
    }
}

/// The errors that OneSignal names, in whichever of its forms, else the whole answer.
fn said(reply: &Reply) -> String {
    let errors = reply.json::<Value>().and_then(|answer| answer.get("errors").cloned());
    match errors {
        Some(Value::Array(errors)) => {
            let texts = errors.iter().map(|error| match error {
                Value::String(text) => text.clone(),
                other => other
                    .get("title")
                    .and_then(Value::as_str)
                    .map_or_else(|| other.to_string(), Into::into),
            });
            reply.quote(&texts.collect::<Vec<_>>().join("; "))
        }
        _ => reply.words(),
    }
}

fn failure(reply: &Reply, why: &str) -> DeliveryError {
    let why = why.to_owned();
    // "app_id not found. You may be missing a Content-Type: application/json header.", "Invalid app_id format".
    let about_app = matches!(reply.status(), StatusCode::BAD_REQUEST | StatusCode::NOT_FOUND) && why.contains("app_id");
    if about_app {
        return DeliveryError::Misconfigured {
            field: "ONESIGNAL_APP_ID",
            why,
        };
    }
    if reply.status() == StatusCode::NOT_FOUND {
        return DeliveryError::Misconfigured {
            field: "OPSKNIGHT_ONESIGNAL_BASE_URL",
            why,
        };
    }
    reply.failure(why, "ONESIGNAL_API_KEY")
}
