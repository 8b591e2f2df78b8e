//! Microsoft Teams: an Adaptive Card, posted to a workflow ("When a Teams webhook request is received") or to one of the
//! older connectors, which take the same body ("Create Incoming Webhooks", Microsoft Teams developer documentation).
//!
//! It owns the card and what both kinds of receivers answer. A card is never changed later: neither kind can do that.

use async_trait::async_trait;
use jiff::Timestamp;
use reqwest::StatusCode;
use serde_json::{Value, json};

use super::{
    card::{Card, Tone},
    escape::{adaptive, plain},
    line::{Hidden, Line, Said},
};
use crate::{DeliveryError, Endpoint, Hook, Message, Receipt, Timeouts, tls::Roots};

/// What Teams takes, in bytes, of which it counts two for each UTF-16 unit ("Format cards in Microsoft Teams"): 28 kB.
const BODY_BYTES_MAX: usize = 28_000;
/// Longest description, in UTF-16 units: what goes into the other places is far less than the rest.
const TEXT_UNITS_MAX: usize = 3000;
/// Longest title, in UTF-16 units.
const TITLE_UNITS_MAX: usize = 400;
/// Longest value of a fact, in UTF-16 units.
const FACT_UNITS_MAX: usize = 300;
/// Most actions that Teams shows ("Cards reference": six).
const ACTIONS_MAX: usize = 6;
/// What the older connectors answer, with 200, where Teams itself did not take the card.
const FAILED: &str = "returned HTTP error ";

/// Tells rooms of Microsoft Teams.
#[derive(Debug, Clone)]
pub struct Teams {
    line: Line,
}

impl Teams {
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
impl Hook for Teams {
    fn name(&self) -> &'static str {
        "teams"
    }

    /// Posts one card. A workflow answers 202 before it has run, a connector 200 and `1`: a receipt of a workflow says
    /// that Microsoft took the card, and its identity is the run's, by which its owner finds it.
    ///
    /// # Errors
    ///
    /// `Refused` where the card itself is not taken, `Misconfigured` of `url` where there is no such webhook any more or
    /// it is switched off, else `Retry`.
    async fn post(&self, to: &Endpoint, message: &Message, now: Timestamp) -> Result<Receipt, DeliveryError> {
        let url = self.line.url(to)?;
        let request = self.line.post(url, &render(message));
        read(&self.line.call(request, Hidden::of(to), now).await?)
    }
}

/// What an answer means.
fn read(said: &Said) -> Result<Receipt, DeliveryError> {
    if said.status().is_success() {
        return match failed(said.text()) {
            None => {
                let run = said.header("x-ms-workflow-run-id").map(Into::into);
                let receipt = Receipt::of(said.words());
                Ok(Receipt {
                    provider_id: run,
                    ..receipt
                })
            }
            Some(status) => Err(meaning(said, status)),
        };
    }
    // Errors of workflows are JSON, with a code: "Workflow Definition Language", error responses of Logic Apps.
    let code = said
        .json::<Value>()
        .and_then(|answer| Some(answer.pointer("/error/code")?.as_str()?.to_owned()));
    if code.is_some_and(|code| code.starts_with("WorkflowTriggerIsNotEnabled")) {
        let why = said.words();
        return Err(DeliveryError::Misconfigured { field: "url", why });
    }
    Err(meaning(said, said.status()))
}

/// The status that Teams gave a connector, in "Webhook message delivery failed with error: Microsoft Teams endpoint
/// returned HTTP error 429 with ContextId …" (Microsoft Teams, "Rate limiting for connectors").
fn failed(text: &str) -> Option<StatusCode> {
    if let Some((_, rest)) = text.split_once(FAILED) {
        let digits = rest.split(|c: char| !c.is_ascii_digit()).next()?;
        return digits.parse().ok();
    }
    // Any other failure that is told so: a fault of theirs.
    text.contains("message delivery failed")
        .then_some(StatusCode::BAD_GATEWAY)
}

fn meaning(said: &Said, status: StatusCode) -> DeliveryError {
    let why = said.words();
    match status {
        StatusCode::BAD_REQUEST | StatusCode::PAYLOAD_TOO_LARGE | StatusCode::UNPROCESSABLE_ENTITY => {
            DeliveryError::Refused { why }
        }
        StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN | StatusCode::NOT_FOUND | StatusCode::GONE => {
            DeliveryError::Misconfigured { field: "url", why }
        }
        _ if said.status().is_success() => said.later(why),
        _ => said.failure(why, "url"),
    }
}

/// The body that is posted.
#[must_use]
pub fn render(message: &Message) -> Value {
    Card::of(message).fitted(written, |body| {
        let body = body.to_string();
        body.len().max(body.encode_utf16().count() * 2) <= BODY_BYTES_MAX
    })
}

fn written(card: &Card) -> Value {
    let mut body = vec![json!({
        "type": "Container",
        "style": style(card.tone),
        "bleed": true,
        "items": head(card),
    })];
    if !card.facts.is_empty() {
        let facts = card
            .facts
            .iter()
            .map(|(name, value)| json!({ "title": name, "value": adaptive(value, FACT_UNITS_MAX) }));
        body.push(json!({ "type": "FactSet", "facts": facts.collect::<Vec<_>>() }));
    }
    if let Some(text) = &card.text {
        body.push(run(&plain(text, TEXT_UNITS_MAX), json!({})));
    }
    let actions = card.buttons().into_iter().take(ACTIONS_MAX);
    let actions = actions.map(|button| json!({ "type": "Action.OpenUrl", "title": button.text, "url": button.href }));
    json!({
        "type": "message",
        "attachments": [{
            "contentType": "application/vnd.microsoft.card.adaptive",
            "contentUrl": null,
            "content": {
                "$schema": "http://adaptivecards.io/schemas/adaptive-card.json",
                "type": "AdaptiveCard",
                "version": "1.5",
                "fallbackText": plain(&card.line(), TITLE_UNITS_MAX),
                "body": body,
                "actions": actions.collect::<Vec<_>>(),
            },
        }],
    })
}

fn head(card: &Card) -> Vec<Value> {
    let mut items = vec![run(&plain(&card.head, TITLE_UNITS_MAX), json!({ "weight": "bolder" }))];
    if let Some(title) = &card.title {
        items.push(run(
            &plain(title, TITLE_UNITS_MAX),
            json!({ "weight": "bolder", "size": "large" }),
        ));
    }
    if let Some(told) = &card.told {
        items.push(run(&plain(told, TITLE_UNITS_MAX), json!({})));
    }
    items
}

/// Text of others: a run of text is never read as markdown (Adaptive Cards schema, `TextRun`).
fn run(text: &str, looks: Value) -> Value {
    let mut run = json!({ "type": "TextRun", "text": text });
    if let (Some(run), Value::Object(looks)) = (run.as_object_mut(), looks) {
        run.extend(looks);
    }
    json!({ "type": "RichTextBlock", "inlines": [run] })
}

const fn style(tone: Tone) -> &'static str {
    match tone {
        Tone::Alarm => "attention",
        Tone::Warning => "warning",
        Tone::Good => "good",
        Tone::Quiet => "emphasis",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_teams_told_a_connector_is_read() {
        let said = "Webhook message delivery failed with error: Microsoft Teams endpoint returned HTTP error 429 with \
                    ContextId tcid=3626521845697697778,server=DB3PEPF0000009A,cv=BmkbJ1NdTkv1EDoqr7n/rg.0..";
        assert_eq!(failed(said), Some(StatusCode::TOO_MANY_REQUESTS));
        assert_eq!(
            failed("Microsoft Teams endpoint returned HTTP error 413."),
            Some(StatusCode::PAYLOAD_TOO_LARGE)
        );
        assert_eq!(
            failed("Webhook message delivery failed with error: oh"),
            Some(StatusCode::BAD_GATEWAY)
        );
        assert_eq!(failed("1"), None);
        assert_eq!(failed(""), None);
    }
}
