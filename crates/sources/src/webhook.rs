//! The generic webhook: any JSON or form, read by the user's field mapping and by the names that most tools use.
//!
//! A list is a batch, in which an alert that cannot be read costs the others nothing. An unknown action is a trigger and an
//! unknown severity a warning, so that no alert is lost to a word; what cannot be recognised at all is refused, so that the
//! person who sets it up sees it at once.

mod parts;

use std::borrow::Cow;

use jiff::Timestamp;
use opsknight_domain::event::{DESCRIPTION_CHARS_MAX, Event, FIELD_CHARS_MAX, Normalised, Severity, clean};
use serde_json::{Map, Value, json};

use self::parts::{Parts, usual};
use crate::{
    Category, ParseError, Request, Source,
    guide::Facts,
    hash_hex, input, json, link,
    mapping::{FieldMapping, Origins},
    normalise::list,
    setup::{Sample, Setup, Snippet},
    signature::SignatureSupport,
    when,
};

/// Most alerts that one list may hold.
pub(crate) const BATCH_MAX: usize = 1000;

const DESCRIPTION_NAMES: &[&str] = &["description", "details", "message", "body", "text"];
/// Only times that are those of this message: an alert's creation stays the same while the alert goes on.
const TIME_NAMES: &[&str] = &["timestamp", "occurred_at", "event_time"];
const LINK_NAMES: &[(&str, &str)] = &[
    ("url", "Alert"),
    ("link", "Alert"),
    ("alert_url", "Alert"),
    ("html_url", "Alert"),
    ("incident_url", "Incident"),
    ("runbook_url", "Runbook"),
    ("dashboard_url", "Dashboard"),
];

/// The generic webhook.
#[derive(Debug)]
pub(crate) struct Webhook;

impl Source for Webhook {
    fn slug(&self) -> &'static str {
        "webhook"
    }

    fn type_name(&self) -> &'static str {
        "WEBHOOK"
    }

    fn title(&self) -> &'static str {
        "Generic webhook"
    }

    fn tagline(&self) -> &'static str {
        "Any tool that can send JSON or a form; you say which field is what"
    }

    fn category(&self) -> Category {
        Category::Generic
    }

    fn parse(&self, request: &Request<'_>, mapping: Option<&FieldMapping>) -> Result<Vec<Normalised>, ParseError> {
        let nothing = FieldMapping::default();
        let mapping = mapping.unwrap_or(&nothing);
        match read(request)? {
            Value::Array(alerts) if alerts.len() > BATCH_MAX => {
                Err(ParseError::new("body", format!("holds more than {BATCH_MAX} alerts")))
            }
            Value::Array(alerts) => list(alerts, "", |alert| event(alert, mapping)),
            alert => Ok(vec![event(alert, mapping)?]),
        }
    }

    fn maps_fields(&self) -> bool {
        true
    }

    fn origins(&self, request: &Request<'_>, mapping: Option<&FieldMapping>) -> Vec<Origins> {
        let nothing = FieldMapping::default();
        let mapping = mapping.unwrap_or(&nothing);
        match read(request) {
            Ok(Value::Array(alerts)) => {
                let alerts = alerts.iter().take(BATCH_MAX);
                alerts.map(|alert| Parts::of(alert, mapping).origins()).collect()
            }
            Ok(alert) => vec![Parts::of(&alert, mapping).origins()],
            Err(_) => Vec::new(),
        }
    }

    fn signature(&self) -> SignatureSupport {
        SignatureSupport::Generic {
            note: "Sign the body with HMAC-SHA256 and send it as X-Signature: sha256=<hex>, or follow Standard Webhooks. \
                   With X-Timestamp, sign <timestamp>.<body>.",
        }
    }

    fn facts(&self) -> Facts {
        Facts {
            forms: &[
                "any JSON object, read by the field mapping and by the usual names, also within `alert`, `payload`, \
                 `incident` or `data`",
                "a list of such objects, each for itself",
                "a form, also one with JSON in `payload`; a multipart form; without a body the parameters of the address",
            ],
            triggers: "an action in `triggerValues`; one of the usual words such as `firing`, `open`, `down`; any other word, \
                       and none",
            acknowledges: "an action in `acknowledgeValues`; `ack`, `acked`, `acknowledge`, `acknowledged`",
            resolves: "an action in `resolveValues`; one of the usual words such as `ok`, `resolved`, `closed`, `recovered`, \
                       `up`",
            ignores: "alerts of a list that cannot be read, and an empty list",
            tests: "",
            severity: "the usual words for severities; warning for any other, and for none",
            key: "the field of the mapping as it is, else `dedup_key`, `alert_id`, `fingerprint`, `id` and the like; without \
                  one `webhook:` and a hash of the summary and the source",
            ordered_by: "",
            delivery: "",
        }
    }

    fn setup(&self) -> Setup {
        Setup {
            steps: &[
                "In your tool, add a webhook that POSTs JSON or a form to the URL below.",
                "Say here which field is what: paths such as alert.title or alerts[0].labels.name. What you leave empty is \
                 looked for under the usual names: title, severity, id, status, source.",
                "List the values that mean trigger, acknowledge and resolve, where yours are not the usual words.",
                "Send a test from your tool and look at the last events of this integration.",
            ],
            snippets: SNIPPETS,
            vendor_docs: None,
        }
    }

    fn sample(&self, now: Timestamp) -> Sample {
        Sample::json(&json!({
            "id": "opsknight-webhook-test",
            "title": "Test alert of the generic webhook",
            "description": "Somebody is trying out this integration. Nothing is wrong.",
            "severity": "info",
            "status": "triggered",
            "source": "opsknight",
            "timestamp": now.to_string()
        }))
    }
}

/// A call that works without any mapping.
const SNIPPETS: &[Snippet] = &[
    Snippet {
        name: "Webhook URL",
        language: "text",
        template: "{url}",
    },
    Snippet {
        name: "curl",
        language: "shell",
        template: "curl -X POST '{url}' \\\n  -H 'Content-Type: application/json' \\\n  -d '{\"id\": \"disk-web-01\", \"title\": \"Disk full on web-01\", \"severity\": \"critical\", \"status\": \"triggered\", \"source\": \"web-01\"}'\n",
    },
];

/// The body as JSON. A form becomes an object of texts; one with JSON in `payload` is that JSON. JSON that comes under a
/// form's media type, as `curl -d` sends it, is JSON. Without a body, the parameters of the address are the message.
fn read(request: &Request<'_>) -> Result<Value, ParseError> {
    let is_form = request.media_type().as_deref() == Some("application/x-www-form-urlencoded");
    let first = request.body.iter().find(|byte| !byte.is_ascii_whitespace());
    let is_multipart = request.media_type().is_some_and(|kind| kind.starts_with("multipart/"));
    if is_multipart || first.is_none() {
        return input::read(request);
    }
    if !is_form {
        return json::parse(request.body);
    }
    let written = matches!(first, Some(b'{' | b'[')).then(|| json::parse(request.body));
    if let Some(Ok(value)) = written {
        return Ok(value);
    }
    let mut fields = Map::new();
    for (name, value) in input::form(request.body) {
        if name == "payload" && value.trim_start().starts_with(['{', '[']) {
            return json::parse(value.as_bytes()).map_err(|error| ParseError::new("payload", error.message));
        }
        fields.insert(name, Value::String(value));
    }
    if fields.is_empty() {
        return Err(ParseError::new("body", "is an empty form"));
    }
    Ok(Value::Object(fields))
}

/// The usual words, and how Apprise calls an error.
fn severity_of(word: &str) -> Option<Severity> {
    match word.trim() {
        word if word.eq_ignore_ascii_case("failure") => Some(Severity::Error),
        word => Severity::from_vendor_word(word),
    }
}

/// What one alert says.
fn event(alert: Value, mapping: &FieldMapping) -> Result<Normalised, ParseError> {
    if !alert.is_object() {
        let message = format!("is {}, an object or a list of objects is expected", json::kind(&alert));
        return Err(ParseError::new("body", message));
    }
    let parts = Parts::of(&alert, mapping);
    let (key, source) = (parts.key.map(|part| part.text), parts.source.map(|part| part.text));
    let summary = parts
        .summary
        .map(|part| part.text)
        .or_else(|| {
            key.as_ref()
                .or(source.as_ref())
                .map(|known| Cow::Owned(format!("Alert {known}")))
        })
        .filter(|summary| !clean(summary, FIELD_CHARS_MAX).is_empty());
    let Some(summary) = summary else {
        let field = mapping.summary_field.as_deref().unwrap_or("summary").trim();
        return Err(ParseError::new(
            field,
            "is missing, and nothing else says what it is about",
        ));
    };
    let severity = parts
        .severity
        .and_then(|part| severity_of(&part.text))
        .unwrap_or(Severity::Warning);
    let key = key.map(|key| clean(&key, usize::MAX)).filter(|key| !key.is_empty());
    let key = key.unwrap_or_else(|| {
        format!(
            "webhook:{}",
            hash_hex([&*summary, source.as_deref().unwrap_or_default()])
        )
    });

    let mut event = Event::new(parts.action, key, severity, summary);
    event.source = source.map(|source| clean(&source, FIELD_CHARS_MAX));
    event.description = usual(&alert, DESCRIPTION_NAMES)
        .map(|part| clean(&part.text, DESCRIPTION_CHARS_MAX))
        .find(|text| *text != event.summary);
    event.occurred_at = TIME_NAMES.iter().find_map(|name| when::read(alert.get(name)?));
    for (name, text) in LINK_NAMES {
        link::add(&mut event, alert.get(name).and_then(Value::as_str), text);
    }
    event.details = alert;
    Ok(Normalised::Event(Box::new(event)))
}

#[cfg(test)]
mod tests;
