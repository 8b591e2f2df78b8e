//! The Events API v2, PagerDuty's, as `/v2/enqueue`, `/v2/change/enqueue`, `/api/events` and the source `events` take it.
//!
//! It owns the two bodies, their rules and the words of their errors, which follow PagerDuty's own where those are known
//! (developer.pagerduty.com/docs/events-api-v2; error texts as published by its clients). It never knows which call a body
//! came by: keys, authentication and the form of the answer are the caller's.
//!
//! A summary that is too long is cut, as at PagerDuty. Three things are kinder than at PagerDuty, so that no alert is lost over a formality: a severity that is not given is
//! [`SEVERITY_DEFAULT`], a time that cannot be read is left out, and so is a link or an image that cannot be shown (an
//! image without `https` becomes a link).

use std::borrow::Cow;

use jiff::Timestamp;
use opsknight_domain::event::{Action, DEDUP_KEY_CHARS_MAX, Event, FIELD_CHARS_MAX, Link, Severity, clean};
use serde_json::{Map, Value};

use crate::{ParseError, json, link, when};

mod source;

pub(crate) use source::EventsApi;

/// What a trigger without a severity has.
pub const SEVERITY_DEFAULT: Severity = Severity::Warning;
/// How long a routing key is, in characters.
pub const ROUTING_KEY_CHARS: usize = 32;

/// PagerDuty's word for a body that is JSON but breaks the rules.
const MESSAGE_INVALID: &str = "Event object is invalid";
/// PagerDuty's word for a body that is no JSON object.
const MESSAGE_UNRECOGNIZED: &str = "Event object format is unrecognized";

/// A body that is refused: 400.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{message}: {}", errors.join("; "))]
pub struct Invalid {
    /// PagerDuty's `message`.
    pub message: &'static str,
    /// PagerDuty's `errors`: one text for each thing that is wrong, naming its field. Never empty.
    pub errors: Vec<String>,
    /// The first field that is wrong, as a path: `payload.severity`; `body` for the whole.
    pub field: String,
}

impl Invalid {
    fn unrecognized(error: impl Into<String>) -> Self {
        Self {
            message: MESSAGE_UNRECOGNIZED,
            errors: vec![error.into()],
            field: "body".into(),
        }
    }
}

impl From<Invalid> for ParseError {
    fn from(invalid: Invalid) -> Self {
        Self {
            field: invalid.field,
            message: format!("is not accepted: {}", invalid.errors.join("; ")),
        }
    }
}

/// An accepted event.
#[derive(Debug, Clone, PartialEq)]
pub struct Enqueue {
    /// The integration key, where the body holds it. Its form is not checked; see [`check_routing_key`].
    pub routing_key: Option<String>,
    /// The service, which `/api/events` takes beside an API key.
    pub service_id: Option<String>,
    /// The sender's name for the problem; always there but in a trigger.
    pub dedup_key: Option<String>,
    /// What the sender calls itself.
    pub client: Option<String>,
    event: Event,
}

impl Enqueue {
    /// What is to be done.
    #[must_use]
    pub fn action(&self) -> Action {
        self.event.action
    }

    /// The event; where the sender named no key, `make_key` does.
    #[must_use]
    pub fn into_event(self, make_key: impl FnOnce() -> String) -> Event {
        let mut event = self.event;
        event.dedup_key = self.dedup_key.unwrap_or_else(make_key);
        event
    }
}

/// An accepted change event: something was deployed or configured. It never pages.
#[derive(Debug, Clone, PartialEq)]
pub struct Change {
    /// The integration key, where the body holds it.
    pub routing_key: Option<String>,
    /// What was changed, in one line; never empty.
    pub summary: String,
    /// Where.
    pub source: Option<String>,
    /// When, by the sender's clock.
    pub occurred_at: Option<Timestamp>,
    /// What the sender said besides; `null` where it said nothing.
    pub custom_details: Value,
    /// Where to read more.
    pub links: Vec<Link>,
}

/// Checks a routing key as PagerDuty does, before it is looked up.
///
/// # Errors
///
/// There is none, or it has another length.
pub fn check_routing_key(routing_key: Option<&str>) -> Result<&str, Invalid> {
    let wrong = match routing_key {
        None => "'routing_key' is missing or blank".to_owned(),
        Some(key) if key.chars().count() == ROUTING_KEY_CHARS => return Ok(key),
        Some(_) => format!("Length of 'routing_key' is incorrect (should be {ROUTING_KEY_CHARS} characters)"),
    };
    Err(Invalid {
        message: MESSAGE_INVALID,
        errors: vec![wrong],
        field: "routing_key".into(),
    })
}

/// Reads the body of an alert event.
///
/// # Errors
///
/// It is no JSON object, or breaks a rule of the Events API; all that is wrong is listed.
pub fn parse_enqueue(body: &[u8]) -> Result<Enqueue, Invalid> {
    let mut reader = Reader::new(body)?;
    let action = reader.action();
    let routing_key = reader.text("", "routing_key");
    let service_id = reader.text("", "service_id");
    let dedup_key = reader.dedup_key();
    let mut event = match action {
        Some(Action::Trigger) => reader.trigger(),
        Some(action @ (Action::Acknowledge | Action::Resolve)) => {
            if dedup_key.is_none() {
                reader.blank("dedup_key");
            }
            reader.follow_up(action)
        }
        None => Event::new(Action::Trigger, "", SEVERITY_DEFAULT, ""),
    };
    let client = reader
        .optional("", "client")
        .map(|client| clean(&client, FIELD_CHARS_MAX));
    reader.links(&mut event);
    let client_url = reader.optional("", "client_url");
    link::add(
        &mut event,
        client_url.as_deref(),
        client.as_deref().unwrap_or("Monitoring tool"),
    );
    reader.finish()?;
    Ok(Enqueue {
        routing_key,
        service_id,
        dedup_key,
        client,
        event,
    })
}

/// Reads the body of a change event.
///
/// # Errors
///
/// It is no JSON object, or has no `payload.summary`.
pub fn parse_change(body: &[u8]) -> Result<Change, Invalid> {
    let mut reader = Reader::new(body)?;
    let routing_key = reader.text("", "routing_key");
    let summary = reader.required("summary");
    let source = reader.text("payload", "source");
    let occurred_at = reader.payload("timestamp").and_then(when::read);
    let custom_details = reader.payload("custom_details").cloned().unwrap_or_default();
    let mut holder = Event::new(Action::Trigger, "", SEVERITY_DEFAULT, summary);
    reader.links(&mut holder);
    reader.finish()?;
    let source = source.map(|source| clean(&source, FIELD_CHARS_MAX));
    Ok(Change {
        routing_key,
        summary: holder.summary,
        source,
        occurred_at,
        custom_details,
        links: holder.links,
    })
}

/// Reads fields one by one and remembers everything that is wrong.
struct Reader {
    body: Map<String, Value>,
    wrong: Vec<(String, String)>,
}

impl Reader {
    fn new(body: &[u8]) -> Result<Self, Invalid> {
        match json::parse(body) {
            Ok(Value::Object(mut body)) => {
                let mut wrong = Vec::new();
                let payload = body
                    .get("payload")
                    .filter(|payload| !payload.is_null() && !payload.is_object());
                if let Some(kind) = payload.map(json::kind) {
                    wrong.push(("payload".into(), format!("'payload' is {kind}, an object is expected")));
                    body.remove("payload");
                }
                Ok(Self { body, wrong })
            }
            Ok(other) => Err(Invalid::unrecognized(format!(
                "The body is {}, an object is expected",
                json::kind(&other)
            ))),
            Err(error) => Err(Invalid::unrecognized(format!(
                "JSON parse error: the body {}",
                error.message
            ))),
        }
    }

    fn finish(self) -> Result<(), Invalid> {
        let Some((field, _)) = self.wrong.first() else {
            return Ok(());
        };
        let field = field.clone();
        Err(Invalid {
            message: MESSAGE_INVALID,
            errors: self.wrong.into_iter().map(|(_, text)| text).collect(),
            field,
        })
    }

    fn blank(&mut self, field: &str) {
        if self.wrong.iter().all(|(wrong, _)| wrong != field) {
            self.wrong
                .push((field.into(), format!("'{field}' is missing or blank")));
        }
    }

    fn get(&self, parent: &str, name: &str) -> Option<&Value> {
        let object = if parent.is_empty() {
            &self.body
        } else {
            self.body.get(parent)?.as_object()?
        };
        object.get(name).filter(|value| !value.is_null())
    }

    fn payload(&self, name: &str) -> Option<&Value> {
        self.get("payload", name)
    }

    /// A text that may be missing or blank; anything but text is wrong.
    fn text(&mut self, parent: &str, name: &str) -> Option<String> {
        match self.get(parent, name)? {
            Value::String(text) => Some(text.trim().to_owned()).filter(|text| !text.is_empty()),
            other => {
                let field = if parent.is_empty() {
                    name.to_owned()
                } else {
                    format!("{parent}.{name}")
                };
                let text = format!("'{field}' is {}, text is expected", json::kind(other));
                self.wrong.push((field, text));
                None
            }
        }
    }

    /// A value as text where it is one, without a complaint where it is not.
    fn optional(&self, parent: &str, name: &str) -> Option<String> {
        self.get(parent, name).and_then(json::text).map(Cow::into_owned)
    }

    /// A text of the payload that must be there.
    fn required(&mut self, name: &str) -> String {
        let text = self
            .text("payload", name)
            .map(|text| clean(&text, usize::MAX))
            .filter(|text| !text.is_empty());
        if text.is_none() && self.wrong.iter().all(|(wrong, _)| wrong != "payload") {
            self.blank(&format!("payload.{name}"));
        }
        text.unwrap_or_default()
    }

    fn action(&mut self) -> Option<Action> {
        let old = ["service_key", "event_type"]
            .into_iter()
            .find(|name| self.get("", name).is_some());
        if let (None, Some(old)) = (self.get("", "event_action"), old) {
            let text = format!(
                "'{old}' belongs to the Events API v1, which is not supported; send 'routing_key', 'event_action' \
                 and 'payload' of version 2"
            );
            self.wrong.push((old.into(), text));
            return None;
        }
        let word = self.text("", "event_action");
        let known = [Action::Trigger, Action::Acknowledge, Action::Resolve];
        match word {
            None => {
                self.blank("event_action");
                None
            }
            Some(word) => known.into_iter().find(|action| action.word().eq_ignore_ascii_case(&word)).or_else(|| {
                let text = "'event_action' is invalid (must be one of the following: 'trigger', 'acknowledge' or 'resolve')";
                self.wrong.push(("event_action".into(), text.into()));
                None
            }),
        }
    }

    /// An id may be a number as well as text.
    fn dedup_key(&mut self) -> Option<String> {
        let key = match self.get("", "dedup_key")? {
            Value::Number(number) => number.to_string(),
            _ => self.text("", "dedup_key")?,
        };
        if key.chars().count() > DEDUP_KEY_CHARS_MAX {
            let text =
                format!("Length of 'dedup_key' is incorrect (should be at most {DEDUP_KEY_CHARS_MAX} characters)");
            self.wrong.push(("dedup_key".into(), text));
            return None;
        }
        Some(clean(&key, DEDUP_KEY_CHARS_MAX)).filter(|key| !key.is_empty())
    }

    fn severity(&mut self) -> Severity {
        let Some(word) = self.text("payload", "severity") else {
            return SEVERITY_DEFAULT;
        };
        Severity::from_word(&word).unwrap_or_else(|| {
            let text = "'payload.severity' is invalid (must be one of the following: 'critical', 'warning', 'error' or 'info')";
            self.wrong.push(("payload.severity".into(), text.into()));
            SEVERITY_DEFAULT
        })
    }

    fn trigger(&mut self) -> Event {
        let summary = self.required("summary");
        let source = self.required("source");
        let mut event = Event::new(Action::Trigger, "", self.severity(), summary);
        event.source = Some(clean(&source, FIELD_CHARS_MAX));
        event.component = self
            .text("payload", "component")
            .map(|text| clean(&text, FIELD_CHARS_MAX));
        event.group = self.text("payload", "group").map(|text| clean(&text, FIELD_CHARS_MAX));
        event.class = self.text("payload", "class").map(|text| clean(&text, FIELD_CHARS_MAX));
        event.occurred_at = self.payload("timestamp").and_then(when::read);
        event.details = self.payload("custom_details").cloned().unwrap_or_default();
        event
    }

    /// An acknowledgement or a resolution: what it says besides its key is kept where it can be read, and no more is
    /// asked of it. Alertmanager sends a whole payload, most clients send none.
    fn follow_up(&mut self, action: Action) -> Event {
        let severity = self
            .optional("payload", "severity")
            .and_then(|word| Severity::from_word(&word));
        let summary = self.optional("payload", "summary").unwrap_or_default();
        let mut event = Event::new(action, "", severity.unwrap_or(SEVERITY_DEFAULT), summary);
        event.source = self
            .optional("payload", "source")
            .map(|text| clean(&text, FIELD_CHARS_MAX));
        event.occurred_at = self.payload("timestamp").and_then(when::read);
        event.details = self.payload("custom_details").cloned().unwrap_or_default();
        event
    }

    /// Links and images that can be shown.
    fn links(&self, event: &mut Event) {
        let items = |name: &str| self.get("", name).and_then(Value::as_array).into_iter().flatten();
        for item in items("links") {
            let text = json::text_at(item, "text");
            link::add(
                event,
                json::text_at(item, "href").as_deref(),
                text.as_deref().unwrap_or_default(),
            );
        }
        for item in items("images") {
            let (href, alt) = (json::text_at(item, "href"), json::text_at(item, "alt"));
            let alt = alt.as_deref().unwrap_or_default();
            link::add_image(event, json::text_at(item, "src").as_deref(), href.as_deref(), alt);
        }
    }
}
