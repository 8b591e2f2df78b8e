//! Google Chat: a card and a line of text, posted to a space's webhook (`spaces.messages.create`, Google Chat API v1).
//!
//! It owns the form of the message, the thread that each incident is, and what Google answers. A webhook can only
//! create messages, so none is changed later.

use async_trait::async_trait;
use jiff::{SignedDuration, Timestamp};
use reqwest::StatusCode;
use serde::Deserialize;
use serde_json::{Value, json};

use super::{
    card::{Button, Card},
    escape::{chat_text, html},
    line::{Hidden, Line, Said, with_query},
};
use crate::{DeliveryError, Endpoint, Hook, Message, Receipt, Timeouts, tls::Roots};

/// A space takes one message a second from all its webhooks together ("Usage limits", per-space quotas).
const PAUSE: SignedDuration = SignedDuration::from_secs(1);
/// Longest title, in UTF-16 units of its escaped form.
const TITLE_UNITS_MAX: usize = 600;
/// Longest value of a fact, in UTF-16 units of its escaped form.
const FACT_UNITS_MAX: usize = 400;
/// What a message takes in all, in bytes (`spaces.messages`).
const BODY_BYTES_MAX: usize = 32_000;
/// Longest description, in UTF-16 units of its escaped form.
const TEXT_UNITS_MAX: usize = 3500;
/// An incident is one thread, and where a space has no threads its messages stand by themselves.
const REPLY: (&str, &str) = ("messageReplyOption", "REPLY_MESSAGE_FALLBACK_TO_NEW_THREAD");

/// Tells spaces of Google Chat.
#[derive(Debug, Clone)]
pub struct GoogleChat {
    line: Line,
}

impl GoogleChat {
    /// Calls public addresses, with `allow_private` also private ones and this machine, trusting `roots`.
    ///
    /// # Errors
    ///
    /// `Misconfigured` where encryption cannot be set up.
    pub fn new(allow_private: bool, roots: &Roots, timeouts: Timeouts) -> Result<Self, DeliveryError> {
        Line::new(allow_private, roots, timeouts).map(|line| Self { line })
    }
}

#[async_trait]
impl Hook for GoogleChat {
    fn name(&self) -> &'static str {
        "google_chat"
    }

    /// Posts one message. Its `requestId` is the delivery's UUID: the same request again creates no second message.
    ///
    /// # Errors
    ///
    /// `Retry` over the quota, `Refused` where Google does not take the message itself, `Misconfigured` of `url` where
    /// the webhook, its key or its token is not valid any more.
    async fn post(&self, to: &Endpoint, message: &Message, now: Timestamp) -> Result<Receipt, DeliveryError> {
        let url = self.line.url(to)?;
        let request_id = message.delivery.uuid().to_string();
        let url = with_query(url, &["threadKey"], &[REPLY, ("requestId", &request_id)]);
        let request = self.line.post(url, &render(message));
        read(&self.line.call(request, Hidden::of(to), now).await?)
    }
}

/// What was created, as far as it is needed.
#[derive(Deserialize)]
struct Created {
    name: Option<String>,
}

/// How Google's APIs tell an error (AIP-193, `google.rpc.Status`).
#[derive(Deserialize)]
struct Failure {
    error: Status,
}

#[derive(Deserialize)]
struct Status {
    #[serde(default)]
    message: String,
    #[serde(default)]
    status: String,
}

/// What an answer means.
fn read(said: &Said) -> Result<Receipt, DeliveryError> {
    if said.status().is_success()
        && let Some(created) = said.json::<Created>()
    {
        return Ok(Receipt {
            provider_id: created.name,
            answer: said.status().to_string(),
            pause: Some(PAUSE),
        });
    }
    let Some(Failure { error }) = said.json::<Failure>() else {
        return Err(said.failure(said.words(), "url"));
    };
    let why = said.quote(&format!("{} {}", error.status, error.message));
    // The key stands in the address: "API key not valid. Please pass a valid API key."
    let about_key = error.message.contains("API key") || error.message.contains("token");
    Err(match said.status() {
        StatusCode::BAD_REQUEST if !about_key => DeliveryError::Refused { why },
        StatusCode::BAD_REQUEST => DeliveryError::Misconfigured { field: "url", why },
        _ => said.failure(why, "url"),
    })
}

/// The message that is posted.
#[must_use]
pub fn render(message: &Message) -> Value {
    Card::of(message).fitted(
        |card| written(message, card),
        |body| body.to_string().len() <= BODY_BYTES_MAX,
    )
}

fn written(message: &Message, card: &Card) -> Value {
    let mut body = json!({
        "text": chat_text(&format!("{} {}", card.tone.mark(), card.line()), TITLE_UNITS_MAX),
        "cardsV2": [{
            "cardId": message.delivery.to_string(),
            "card": { "header": header(card), "sections": [{ "widgets": widgets(card) }] },
        }],
    });
    if let Some((incident, _)) = card.incident {
        body["thread"] = json!({ "threadKey": incident.to_string() });
    }
    body
}

/// The header is no place for markup, so it holds no text that could look like some.
fn header(card: &Card) -> Value {
    match &card.title {
        Some(_) => {
            json!({ "title": card.head, "subtitle": card.told.as_deref().map(|told| chat_text(told, FACT_UNITS_MAX)) })
        }
        None => json!({ "title": "OpsKnight" }),
    }
}

fn widgets(card: &Card) -> Vec<Value> {
    let title = card.title.as_ref().unwrap_or(&card.head);
    let mut widgets = vec![paragraph(&format!("<b>{}</b>", html(title, TITLE_UNITS_MAX)))];
    widgets.extend(card.facts.iter().map(|(name, value)| {
        json!({ "decoratedText": {
            "topLabel": name,
            "text": html(value, FACT_UNITS_MAX),
            "wrapText": true,
        }})
    }));
    if let Some(text) = &card.text {
        widgets.push(paragraph(&html(text, TEXT_UNITS_MAX)));
    }
    let buttons: Vec<Value> = card.buttons().iter().map(button).collect();
    if !buttons.is_empty() {
        widgets.push(json!({ "buttonList": { "buttons": buttons } }));
    }
    widgets
}

fn paragraph(text: &str) -> Value {
    json!({ "textParagraph": { "text": text } })
}

fn button(button: &Button) -> Value {
    json!({
        "text": chat_text(&button.text, FACT_UNITS_MAX),
        "onClick": { "openLink": { "url": button.href } },
    })
}
