//! The generic webhook: any JSON or form, read by the user's field mapping and by the names that most tools use.
//!
//! A list is a batch. An unknown action is a trigger and an unknown severity a warning, so that no alert is lost to a word;
//! what cannot be recognised at all is refused, so that the person who sets it up sees it at once.

mod parts;

use std::borrow::Cow;

use jiff::Timestamp;
use opsknight_domain::event::{DESCRIPTION_CHARS_MAX, Event, FIELD_CHARS_MAX, Normalised, Severity, clean};
use serde_json::{Map, Value, json};

use self::parts::{Parts, usual};
use crate::{
    ParseError, Request, Source, hash_hex, input, json, link,
    mapping::{FieldMapping, Origins},
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

    fn parse(&self, request: &Request<'_>, mapping: Option<&FieldMapping>) -> Result<Vec<Normalised>, ParseError> {
        let nothing = FieldMapping::default();
        let mapping = mapping.unwrap_or(&nothing);
        match read(request)? {
            Value::Array(alerts) if alerts.len() > BATCH_MAX => {
                Err(ParseError::new("body", format!("holds more than {BATCH_MAX} alerts")))
            }
            Value::Array(alerts) if alerts.is_empty() => Ok(vec![Normalised::Ignored {
                dedup_key: None,
                reason: "The list holds no alerts.".into(),
            }]),
            Value::Array(alerts) => alerts
                .into_iter()
                .enumerate()
                .map(|(at, alert)| event(alert, mapping, &format!("[{at}]")))
                .collect(),
            alert => Ok(vec![event(alert, mapping, "")?]),
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
/// form's media type, as `curl -d` sends it, is JSON.
fn read(request: &Request<'_>) -> Result<Value, ParseError> {
    let is_form = request.media_type().as_deref() == Some("application/x-www-form-urlencoded");
    let first = request.body.iter().find(|byte| !byte.is_ascii_whitespace());
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

/// What one alert says; `at` is where it stands in the body.
fn event(alert: Value, mapping: &FieldMapping, at: &str) -> Result<Normalised, ParseError> {
    if !alert.is_object() {
        let field = if at.is_empty() { "body" } else { at };
        let expected = if at.is_empty() {
            "an object or a list of objects"
        } else {
            "an object"
        };
        return Err(ParseError::new(
            field,
            format!("is {}, {expected} is expected", json::kind(&alert)),
        ));
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
        let dot = if at.is_empty() { "" } else { "." };
        return Err(ParseError::new(
            format!("{at}{dot}{field}"),
            "is missing, and nothing else says what it is about",
        ));
    };
    let severity = parts
        .severity
        .and_then(|part| Severity::from_vendor_word(&part.text))
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
mod tests {
    use http::{HeaderMap, HeaderValue, Method};
    use opsknight_domain::event::Action;

    use super::*;

    fn parse(content_type: &'static str, body: &[u8], mapping: Option<&Value>) -> Result<Vec<Normalised>, ParseError> {
        let mut headers = HeaderMap::new();
        headers.insert("content-type", HeaderValue::from_static(content_type));
        let mapping = mapping.map(|mapping| serde_json::from_value(mapping.clone()).expect("a mapping"));
        Webhook.parse(
            &Request {
                method: &Method::POST,
                query: "",
                headers: &headers,
                body,
            },
            mapping.as_ref(),
        )
    }

    fn one(body: &Value, mapping: &Value) -> Event {
        let mut all = parse("application/json", body.to_string().as_bytes(), Some(mapping)).expect("an event");
        match all.remove(0) {
            Normalised::Event(event) => *event,
            Normalised::Ignored { reason, .. } => panic!("{reason}"),
        }
    }

    fn check(body: Value, mapping: Value, expected: (Action, &str, Severity, &str)) {
        let event = one(&body, &mapping);
        let seen = (
            event.action,
            event.dedup_key.as_str(),
            event.severity,
            event.summary.as_str(),
        );
        assert_eq!(seen, expected, "{body} {mapping}");
    }

    #[test]
    fn the_mapping_of_the_document() {
        let mapping = json!({
            "summaryField": "alert.title", "severityField": "level", "dedupKeyField": "alert_id", "actionField": "status",
            "triggerValues": ["fired", "alert"], "resolveValues": ["ok", "resolved"]
        });
        let body =
            |status: Value| json!({"alert": {"title": "Disk full"}, "level": "HIGH", "alert_id": 42, "status": status});
        check(
            body(json!("Fired")),
            mapping.clone(),
            (Action::Trigger, "42", Severity::Critical, "Disk full"),
        );
        check(
            body(json!(" OK ")),
            mapping.clone(),
            (Action::Resolve, "42", Severity::Critical, "Disk full"),
        );
        check(
            body(json!("odd")),
            mapping.clone(),
            (Action::Trigger, "42", Severity::Critical, "Disk full"),
        );
        check(
            body(json!(false)),
            mapping.clone(),
            (Action::Trigger, "42", Severity::Critical, "Disk full"),
        );
        check(
            body(json!("acknowledged")),
            mapping,
            (Action::Acknowledge, "42", Severity::Critical, "Disk full"),
        );
    }

    #[test]
    fn truth_values_and_numbers_can_be_actions() {
        let mapping = json!({"actionField": "up", "triggerValues": ["false", "0"], "resolveValues": ["true", "1"]});
        for (value, action) in [
            (json!(false), Action::Trigger),
            (json!(0), Action::Trigger),
            (json!(1), Action::Resolve),
        ] {
            assert_eq!(one(&json!({"id": "a", "up": value}), &mapping).action, action);
        }
    }

    #[test]
    fn the_users_lists_come_before_the_usual_words() {
        let mapping = json!({"actionField": "s", "triggerValues": ["ok"]});
        assert_eq!(one(&json!({"id": 1, "s": "ok"}), &mapping).action, Action::Trigger);
        assert_eq!(one(&json!({"id": 1, "s": "closed"}), &mapping).action, Action::Resolve);
    }

    #[test]
    fn without_a_mapping_the_usual_names_do() {
        let none = json!({});
        check(
            json!({"title": "T", "message": "M", "priority": "P1", "id": "x", "action": "notify", "status": "resolved"}),
            none.clone(),
            (Action::Resolve, "x", Severity::Critical, "T"),
        );
        check(
            json!({"alert": {"name": "N", "id": 7}}),
            none.clone(),
            (Action::Trigger, "7", Severity::Warning, "N"),
        );
        check(
            json!({"id": "x", "status": "ok"}),
            none.clone(),
            (Action::Resolve, "x", Severity::Warning, "Alert x"),
        );
        let event = one(
            &json!({"title": "T", "description": "D", "url": "https://x.example/1", "host": "h"}),
            &none,
        );
        assert_eq!(
            (event.description.as_deref(), event.source.as_deref()),
            (Some("D"), Some("h"))
        );
        assert_eq!(event.links.len(), 1);
    }

    #[test]
    fn it_says_where_the_parts_stand() {
        let headers = HeaderMap::new();
        let body = r#"[{"alert": {"title": "T", "level": "P1"}, "id": 7, "action": "notify", "status": "ok"}, {"name": "N"}, 5]"#;
        let request = Request {
            method: &Method::POST,
            query: "",
            headers: &headers,
            body: body.as_bytes(),
        };
        let mapping = FieldMapping {
            severity_field: Some("alert.level".into()),
            source_field: Some("not.there".into()),
            ..FieldMapping::default()
        };
        let told = |at: usize| {
            let all = Webhook.origins(&request, Some(&mapping));
            let parts = all[at].iter().map(|(part, path)| format!("{part}: {path}"));
            parts.collect::<Vec<_>>().join(", ")
        };
        assert_eq!(
            told(0),
            "action: status, dedupKey: id, severity: alert.level, summary: alert.title"
        );
        assert_eq!((told(1).as_str(), told(2).as_str()), ("summary: name", ""));
    }

    #[test]
    fn keys_are_made_of_summary_and_source() {
        let key = |body: Value| one(&body, &json!({})).dedup_key;
        assert_eq!(
            key(json!({"title": "a", "host": "b", "n": 1})),
            key(json!({"title": "a", "host": "b", "n": 2}))
        );
        assert_ne!(
            key(json!({"title": "a", "host": "b"})),
            key(json!({"title": "a", "host": "c"}))
        );
    }

    #[test]
    fn forms_and_lists() {
        let form = "application/x-www-form-urlencoded; charset=utf-8";
        for body in [
            "title=Disk+full&id=9",
            r#"payload={"title":"Disk full","id":9}"#,
            r#" {"title":"Disk full","id":9}"#,
        ] {
            let all = parse(form, body.as_bytes(), None).expect("an event");
            let Normalised::Event(event) = &all[0] else {
                panic!("ignored")
            };
            assert_eq!(
                (event.summary.as_str(), event.dedup_key.as_str()),
                ("Disk full", "9"),
                "{body}"
            );
        }
        let all = parse("text/plain", br#"[{"title":"a"},{"title":"b","status":"up"}]"#, None).expect("two");
        assert_eq!(all.len(), 2);
        assert!(matches!(
            &parse("", b"[]", None).expect("none")[..],
            [Normalised::Ignored { .. }]
        ));
    }

    #[test]
    fn refusals_name_the_field() {
        let field = |body: &str, mapping: Value| {
            parse("application/json", body.as_bytes(), Some(&mapping)).map_err(|error| error.field)
        };
        assert_eq!(field("disk full", json!({})), Err("body".into()));
        assert_eq!(field("5", json!({})), Err("body".into()));
        assert_eq!(field("{}", json!({})), Err("summary".into()));
        assert_eq!(
            field(r#"{"a":1}"#, json!({"summaryField": "alert.title"})),
            Err("alert.title".into())
        );
        assert_eq!(field(r#"[{"title":"a"},7]"#, json!({})), Err("[1]".into()));
        assert_eq!(
            field(&format!("[{}{{}}]", "{},".repeat(1000)), json!({})),
            Err("body".into())
        );
        assert_eq!(
            parse("application/x-www-form-urlencoded", b"payload={", None).map_err(|error| error.field),
            Err("payload".into())
        );
    }
}
