//! The generic webhook: any JSON or form, read by the user's field mapping and by the names that most tools use.
//!
//! A list is a batch, in which an alert that cannot be read costs the others nothing. An unknown action is a trigger and an
//! unknown severity a warning, so that no alert is lost to a word; what cannot be recognised at all is refused, so that the
//! person who sets it up sees it at once.

use std::borrow::Cow;

use jiff::Timestamp;
use opsknight_domain::event::{Action, DESCRIPTION_CHARS_MAX, Event, FIELD_CHARS_MAX, Normalised, Severity, clean};
use serde_json::{Map, Value, json};

use crate::{
    ParseError, Request, Source,
    guide::Facts,
    hash_hex, input, json, link,
    mapping::FieldMapping,
    normalise::list,
    path,
    setup::{Sample, Setup, Snippet},
    signature::SignatureSupport,
    when,
};

/// Most alerts that one list may hold.
pub(crate) const BATCH_MAX: usize = 1000;

/// Objects in which tools put the alert, looked into after the body itself.
const CONTAINERS: &[&str] = &["alert", "payload", "incident", "data"];
const SUMMARY_NAMES: &[&str] = &[
    "summary",
    "title",
    "message",
    "alertname",
    "alert_name",
    "name",
    "subject",
    "headline",
    "text",
    "description",
    "msg",
];
const SEVERITY_NAMES: &[&str] = &["severity", "level", "priority", "criticality", "urgency"];
const KEY_NAMES: &[&str] = &[
    "dedup_key",
    "dedupKey",
    "dedupe_key",
    "alert_id",
    "alertId",
    "incident_id",
    "incidentId",
    "incident_key",
    "fingerprint",
    "key",
    "id",
];
const ACTION_NAMES: &[&str] = &["event_action", "action", "status", "state", "alert_status", "event"];
const SOURCE_NAMES: &[&str] = &["source", "host", "hostname", "instance", "service", "device", "monitor"];
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
            "id": "opsknight-test",
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

/// The field that the user's path leads to, as text; lists and objects are written as JSON.
fn mapped<'v>(alert: &'v Value, path: Option<&String>) -> Option<Cow<'v, str>> {
    let value = path::follow(alert, path?)?;
    json::text(value).or_else(|| (value.is_array() || value.is_object()).then(|| Cow::Owned(value.to_string())))
}

/// Every field under one of the usual names, in the body and then in the objects that usually hold the alert.
fn usual<'v>(alert: &'v Value, names: &'static [&'static str]) -> impl Iterator<Item = Cow<'v, str>> {
    let containers = CONTAINERS
        .iter()
        .filter_map(|name| alert.get(name))
        .filter(|value| value.is_object());
    std::iter::once(alert)
        .chain(containers)
        .flat_map(move |object| names.iter().filter_map(move |name| json::text_at(object, name)))
}

/// What one alert says.
fn event(alert: Value, mapping: &FieldMapping) -> Result<Normalised, ParseError> {
    if !alert.is_object() {
        let message = format!("is {}, an object or a list of objects is expected", json::kind(&alert));
        return Err(ParseError::new("body", message));
    }
    let key = mapped(&alert, mapping.dedup_key_field.as_ref()).or_else(|| usual(&alert, KEY_NAMES).next());
    let source = mapped(&alert, mapping.source_field.as_ref()).or_else(|| usual(&alert, SOURCE_NAMES).next());
    let summary = mapped(&alert, mapping.summary_field.as_ref())
        .or_else(|| usual(&alert, SUMMARY_NAMES).next())
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
    let severity = mapped(&alert, mapping.severity_field.as_ref()).or_else(|| usual(&alert, SEVERITY_NAMES).next());
    let severity = severity
        .and_then(|word| Severity::from_vendor_word(&word))
        .unwrap_or(Severity::Warning);
    let key = key.map(|key| clean(&key, usize::MAX)).filter(|key| !key.is_empty());
    let key = key.unwrap_or_else(|| {
        format!(
            "webhook:{}",
            hash_hex([&*summary, source.as_deref().unwrap_or_default()])
        )
    });

    let mut event = Event::new(action(&alert, mapping), key, severity, summary);
    event.source = source.map(|source| clean(&source, FIELD_CHARS_MAX));
    event.description = usual(&alert, DESCRIPTION_NAMES)
        .map(|text| clean(&text, DESCRIPTION_CHARS_MAX))
        .find(|text| *text != event.summary);
    event.occurred_at = TIME_NAMES.iter().find_map(|name| when::read(alert.get(name)?));
    for (name, text) in LINK_NAMES {
        link::add(&mut event, alert.get(name).and_then(Value::as_str), text);
    }
    event.details = alert;
    Ok(Normalised::Event(Box::new(event)))
}

/// What is to be done: by the user's values and then by the usual words. Of the usual fields, the first that holds a known
/// word counts, so that `"action": "notify", "status": "resolved"` resolves.
fn action(alert: &Value, mapping: &FieldMapping) -> Action {
    let read = |value: &str| mapping.action(value).or_else(|| usual_action(value));
    if let Some(value) = mapped(alert, mapping.action_field.as_ref()) {
        return read(&value).unwrap_or(Action::Trigger);
    }
    usual(alert, ACTION_NAMES)
        .find_map(|value| read(&value))
        .unwrap_or(Action::Trigger)
}

/// The words that most tools use.
fn usual_action(value: &str) -> Option<Action> {
    match value.trim().to_lowercase().as_str() {
        "trigger" | "triggered" | "firing" | "fired" | "fire" | "alert" | "alerting" | "open" | "opened"
        | "problem" | "down" | "active" | "activated" | "failing" | "failed" | "failure" | "critical" | "error"
        | "warning" => Some(Action::Trigger),
        "ack" | "acked" | "acknowledge" | "acknowledged" | "acknowledgement" => Some(Action::Acknowledge),
        "ok" | "resolve" | "resolved" | "close" | "closed" | "recovered" | "recovery" | "recover" | "up" | "normal"
        | "clear" | "cleared" | "success" | "healthy" | "inactive" | "deactivated" | "fixed" => Some(Action::Resolve),
        _ => None,
    }
}

#[cfg(test)]
mod tests;
