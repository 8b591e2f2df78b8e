//! Requests made by chance, from nothing but names and words that make sources look closer.

use http::{HeaderMap, HeaderValue, Method};
use opsknight_sources::{Request, Source, all, events, mapping::FieldMapping};
use proptest::prelude::*;
use serde_json::Value;

use crate::{assert_sound, assert_verdict, parse};

/// The verdict must be sound, whichever it is.
fn check(source: &dyn Source, body: &[u8]) {
    assert_verdict(&parse(source, body));
}

/// Headers in which a signature or a shared token comes.
const SIGNATURE_HEADERS: &[&str] = &[
    "x-signature",
    "x-grafana-alerting-signature",
    "webhook-signature",
    "x-hub-signature",
    "x-hub-signature-256",
    "x-gitlab-token",
    "x-vercel-signature",
    "x-pagerduty-signature",
    "x-victorops-signature",
];

/// Names and words that make sources look closer.
const KNOWN: &[&str] = &[
    "alerts",
    "labels",
    "annotations",
    "status",
    "firing",
    "resolved",
    "fingerprint",
    "startsAt",
    "ruleId",
    "state",
    "ruleName",
    "evalMatches",
    "tags",
    "event_action",
    "trigger",
    "resolve",
    "payload",
    "summary",
    "source",
    "severity",
    "critical",
    "dedup_key",
    "links",
    "images",
    "href",
    "https://x.example/",
    "title",
    "id",
    "alert",
    "data",
    "custom_details",
    "timestamp",
    "2026-03-02T08:00:00Z",
    "orgId",
    "ruleUrl",
    "alertname",
    "TestAlert",
    "action",
    "completed",
    "workflow_run",
    "check_run",
    "deployment_status",
    "conclusion",
    "failure",
    "success",
    "name",
    "number",
    "repository",
    "object_kind",
    "pipeline",
    "object_attributes",
    "project",
    "commit_status",
    "key",
    "resourceSpans",
    "AlarmName",
    "NewStateValue",
    "ALARM",
    "Type",
    "Notification",
    "Message",
    "essentials",
    "alertId",
    "context",
    "incident",
    "incident_id",
    "message",
    "type",
    "deployment.error",
    "target",
    "production",
    "event",
    "event_type",
    "incident.triggered",
    "event_id",
    "event_value",
    "host_name",
    "service_state",
    "CRITICAL",
    "entity_id",
    "alert_phase",
];

/// The same, and arbitrary texts.
fn text() -> impl Strategy<Value = String> {
    prop_oneof![
        proptest::sample::select(KNOWN).prop_map(str::to_owned),
        ".{0,12}",
        "\\PC{0,40}"
    ]
}

fn value() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        text().prop_map(Value::from),
    ];
    leaf.prop_recursive(5, 60, 8, |inner| {
        prop_oneof![
            proptest::collection::vec(inner.clone(), 0..5).prop_map(Value::from),
            proptest::collection::vec((text(), inner), 0..8)
                .prop_map(|fields| Value::Object(fields.into_iter().collect())),
        ]
    })
}

fn optional_values() -> impl Strategy<Value = Option<Vec<String>>> {
    proptest::option::of(proptest::collection::vec(text(), 0..3))
}

fn mapping() -> impl Strategy<Value = FieldMapping> {
    let path = || proptest::option::of(prop_oneof![text(), "[$a-z.\\[\\]'\"0-9é-]{0,20}"]);
    (
        (path(), path(), path(), path(), path()),
        optional_values(),
        optional_values(),
        optional_values(),
    )
        .prop_map(
            |((summary, severity, key, action, source), trigger, acknowledge, resolve)| FieldMapping {
                summary_field: summary,
                severity_field: severity,
                dedup_key_field: key,
                action_field: action,
                source_field: source,
                trigger_values: trigger,
                acknowledge_values: acknowledge,
                resolve_values: resolve,
            },
        )
}

proptest! {
    #[test]
    fn arbitrary_json(body in value(), mapping in mapping()) {
        let body = body.to_string();
        let _ = mapping.validate();
        for source in all() {
            let request = Request { method: &Method::POST, query: "", headers: &HeaderMap::new(), body: body.as_bytes() };
            if let Ok(all) = source.parse(&request, Some(&mapping)) {
                assert_sound(&all);
            }
        }
        let _ = events::parse_enqueue(body.as_bytes());
        let _ = events::parse_change(body.as_bytes());
    }

    #[test]
    fn arbitrary_bytes(body in proptest::collection::vec(any::<u8>(), 0..200), form in any::<bool>()) {
        let mut headers = HeaderMap::new();
        let media_type = if form { "application/x-www-form-urlencoded" } else { "application/json" };
        headers.insert("content-type", HeaderValue::from_static(media_type));
        for source in all() {
            let request = Request { method: &Method::POST, query: "", headers: &headers, body: &body };
            if let Ok(all) = source.parse(&request, None) {
                assert_sound(&all);
            }
        }
    }

    #[test]
    fn requests_of_every_kind(
        body in prop_oneof![proptest::collection::vec(any::<u8>(), 0..200), "(--b|\r\n|\"|name=|;|Content-Disposition: form-data|[a-z{}:]){0,30}".prop_map(String::into_bytes)],
        query in "[a-zA-Z0-9%&=?+*{}\"\\[\\]:,-]{0,80}",
        media_type in proptest::sample::select(vec!["multipart/form-data; boundary=b", "multipart/mixed", "text/plain", ""]),
        is_get in any::<bool>(),
    ) {
        let mut headers = HeaderMap::new();
        headers.insert("content-type", HeaderValue::from_static(media_type));
        let method = if is_get { Method::GET } else { Method::POST };
        for source in all() {
            let request = Request { method: &method, query: &query, headers: &headers, body: &body };
            let _ = source.delivery_id(&request);
            if let Ok(all) = source.parse(&request, None) {
                assert_sound(&all);
            }
        }
    }

    /// What templates make of themselves: JSON with pieces that were not escaped, or that are missing.
    #[test]
    fn arbitrary_templates(inside in "([{}\\[\\],:\" \n]|\"[a-z]{1,4}\"|[a-z0-9$*.]{1,6}|\\\\){0,60}") {
        for source in all() {
            check(*source, format!("{{\"id\": {inside}, \"title\": \"{inside}\", \"check_id\": 1}}").as_bytes());
        }
    }

    #[test]
    fn arbitrary_text_in_json(inside in "[ -~\\\\\"uU0-9dDfF\n\t\u{0}é🔥]{0,60}") {
        for source in all() {
            check(*source, format!("{{\"alerts\":[{{\"labels\":{{\"alertname\":\"{inside}\"}}}}],\"title\":\"{inside}\"}}").as_bytes());
        }
    }

    #[test]
    fn arbitrary_signatures(header in "\\PC{0,80}", secret in ".{0,20}", time in "[0-9-]{0,22}") {
        let mut headers = HeaderMap::new();
        prop_assume!(header.trim() != secret.trim());
        for name in SIGNATURE_HEADERS {
            if let Ok(value) = HeaderValue::from_str(&header) {
                headers.insert(*name, value);
            }
        }
        for name in ["x-timestamp", "webhook-timestamp", "webhook-id"] {
            headers.insert(name, HeaderValue::from_str(&time).expect("digits"));
        }
        let now = jiff::Timestamp::from_second(1_700_000_000).expect("a time");
        for source in all() {
            let request = Request { method: &Method::POST, query: "", headers: &headers, body: b"{}" };
            prop_assert!(source.verify(&request, &secret, now).is_err());
        }
    }
}
