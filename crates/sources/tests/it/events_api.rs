//! The Events API by its rules: what is accepted, and the words of what is refused.

use opsknight_domain::event::{Action, Severity};
use opsknight_sources::events::{Invalid, check_routing_key, parse_change, parse_enqueue};
use serde_json::{Value, json};

/// The errors and the field of a body that is refused.
fn refused(body: &Value) -> (Vec<String>, String) {
    let Invalid { message, errors, field } = parse_enqueue(body.to_string().as_bytes()).expect_err("refused");
    assert_eq!(message, "Event object is invalid");
    (errors, field)
}

/// A trigger with one field of it or of its payload replaced.
fn trigger(path: &str, value: Value) -> Value {
    let mut body = json!({"event_action": "trigger", "payload": {"summary": "S", "source": "s", "severity": "error"}});
    let (parent, name) = path.rsplit_once('.').unwrap_or(("", path));
    let object = if parent.is_empty() {
        &mut body
    } else {
        &mut body[parent]
    };
    object[name] = value;
    body
}

const SEVERITY: &str =
    "'payload.severity' is invalid (must be one of the following: 'critical', 'warning', 'error' or 'info')";
const ACTION: &str = "'event_action' is invalid (must be one of the following: 'trigger', 'acknowledge' or 'resolve')";

#[test]
fn each_rule_has_its_words() {
    for (body, field, error) in [
        (json!({}), "event_action", "'event_action' is missing or blank"),
        (trigger("event_action", json!("explode")), "event_action", ACTION),
        (
            trigger("event_action", json!(5)),
            "event_action",
            "'event_action' is a number, text is expected",
        ),
        (
            trigger("payload.summary", json!(null)),
            "payload.summary",
            "'payload.summary' is missing or blank",
        ),
        (
            trigger("payload.summary", json!(" \u{0}")),
            "payload.summary",
            "'payload.summary' is missing or blank",
        ),
        (
            trigger("payload.summary", json!({})),
            "payload.summary",
            "'payload.summary' is an object, text is expected",
        ),
        (
            trigger("payload.source", json!("")),
            "payload.source",
            "'payload.source' is missing or blank",
        ),
        (
            trigger("payload.severity", json!("fatal")),
            "payload.severity",
            SEVERITY,
        ),
        (
            trigger("payload.group", json!(1)),
            "payload.group",
            "'payload.group' is a number, text is expected",
        ),
        (
            trigger("routing_key", json!([])),
            "routing_key",
            "'routing_key' is a list, text is expected",
        ),
        (
            trigger("payload", json!("x")),
            "payload",
            "'payload' is text, an object is expected",
        ),
        (
            trigger("dedup_key", json!("x".repeat(256))),
            "dedup_key",
            "Length of 'dedup_key' is incorrect (should be at most 255 characters)",
        ),
        (
            json!({"event_action": "resolve"}),
            "dedup_key",
            "'dedup_key' is missing or blank",
        ),
        (
            json!({"event_action": "acknowledge", "dedup_key": " "}),
            "dedup_key",
            "'dedup_key' is missing or blank",
        ),
    ] {
        assert_eq!(refused(&body), (vec![error.to_owned()], field.to_owned()), "{body}");
    }
    let (errors, field) = refused(&json!({"service_key": "k", "event_type": "trigger", "description": "d"}));
    assert_eq!(field, "service_key");
    assert!(errors[0].contains("v1"), "{errors:?}");
}

#[test]
fn everything_that_is_wrong_is_told_at_once() {
    let (errors, field) = refused(&json!({"event_action": "trigger", "payload": {"severity": "x"}}));
    assert_eq!((errors.len(), field.as_str()), (3, "payload.summary"));
    let (errors, _) = refused(&json!({"event_action": "trigger"}));
    assert_eq!(
        errors,
        [
            "'payload.summary' is missing or blank",
            "'payload.source' is missing or blank"
        ]
    );
}

#[test]
fn what_is_no_object_is_unrecognized() {
    for body in ["", "[]", "5", "null", "{", "routing_key=1"] {
        let invalid = parse_enqueue(body.as_bytes()).expect_err("refused");
        assert_eq!(
            (invalid.message, invalid.field.as_str()),
            ("Event object format is unrecognized", "body")
        );
        assert_eq!(parse_change(body.as_bytes()), Err(invalid));
    }
}

#[test]
fn keys_are_kept_or_made() {
    let enqueue = |body: Value| parse_enqueue(body.to_string().as_bytes()).expect("accepted");
    let made = enqueue(trigger("dedup_key", json!(null)));
    assert_eq!((made.dedup_key.as_deref(), made.action()), (None, Action::Trigger));
    assert_eq!(made.into_event(|| "made".into()).dedup_key, "made");
    let kept = enqueue(trigger("dedup_key", json!("host/check")));
    assert_eq!(
        kept.into_event(|| unreachable!("the sender named a key")).dedup_key,
        "host/check"
    );
    assert_eq!(
        enqueue(trigger("dedup_key", json!(17))).dedup_key.as_deref(),
        Some("17")
    );
    assert_eq!(
        enqueue(trigger("dedup_key", json!("é".repeat(255))))
            .dedup_key
            .map(|key| key.chars().count()),
        Some(255)
    );
}

#[test]
fn formalities_cost_no_alert() {
    let event = |path: &str, value: Value| {
        parse_enqueue(trigger(path, value).to_string().as_bytes())
            .expect("accepted")
            .into_event(|| "k".into())
    };
    assert_eq!(event("payload.severity", json!(null)).severity, Severity::Warning);
    assert_eq!(
        event("payload.severity", json!("Critical")).severity,
        Severity::Critical
    );
    assert_eq!(
        event("payload.summary", json!("é".repeat(2000)))
            .summary
            .chars()
            .count(),
        1024
    );
    assert_eq!(event("payload.timestamp", json!("yesterday")).occurred_at, None);
    assert_eq!(event("links", json!("none")).links, []);
    assert_eq!(
        event("images", json!([{"src": "http://x.example/1.png"}])).links.len(),
        1
    );
    assert_eq!(event("payload.custom_details", json!([1])).details, json!([1]));
}

#[test]
fn change_events() {
    let body = json!({
        "routing_key": "k", "payload": {"summary": "Deploy 7", "source": "ci", "timestamp": "2026-03-02T08:00:00Z", "custom_details": {"n": 7}},
        "links": [{"href": "https://ci.example/7", "text": "Build"}]
    });
    let change = parse_change(body.to_string().as_bytes()).expect("accepted");
    assert_eq!(
        (change.summary.as_str(), change.source.as_deref(), change.links.len()),
        ("Deploy 7", Some("ci"), 1)
    );
    assert!(change.occurred_at.is_some());
    let invalid = parse_change(br#"{"payload":{}}"#).expect_err("refused");
    assert_eq!(invalid.errors, ["'payload.summary' is missing or blank"]);
}

#[test]
fn routing_keys_have_their_length() {
    let key = "0123456789abcdef0123456789abcdef";
    assert_eq!(check_routing_key(Some(key)), Ok(key));
    for (key, error) in [
        (None, "'routing_key' is missing or blank"),
        (
            Some("short"),
            "Length of 'routing_key' is incorrect (should be 32 characters)",
        ),
    ] {
        assert_eq!(
            check_routing_key(key).map_err(|invalid| invalid.errors),
            Err(vec![error.to_owned()])
        );
    }
}
