//! Input that nobody should send: whatever arrives is understood or refused with the name of a field, and nothing panics.

use http::{HeaderMap, HeaderValue, Method};
use opsknight_sources::{Request, Source, all, events, mapping::FieldMapping};
use proptest::prelude::*;
use serde_json::{Value, json};

use crate::{assert_sound, each_source, fixtures, parse};

/// The verdict must be sound, whichever it is.
fn check(source: &dyn Source, body: &[u8]) {
    match parse(source, body) {
        Ok(all) => assert_sound(&all),
        Err(error) => assert!(!error.field.is_empty() && !error.message.is_empty(), "{error:?}"),
    }
}

/// What a value is replaced by, one after the other.
fn replacements() -> Vec<Value> {
    vec![
        json!(null),
        json!(true),
        json!(0),
        json!(-1.5e300),
        json!(u64::MAX),
        json!(""),
        json!(" "),
        json!("\u{0}"),
        json!("x".repeat(5000)),
        json!("‏🔥\u{fffd}"),
        json!([]),
        json!([null]),
        json!([[]]),
        json!({}),
        json!({"": null}),
    ]
}

/// The paths of all values in a value, the value itself first.
fn pointers(value: &Value, at: &str, found: &mut Vec<String>) {
    found.push(at.to_owned());
    match value {
        Value::Array(items) => {
            items
                .iter()
                .enumerate()
                .for_each(|(index, item)| pointers(item, &format!("{at}/{index}"), found));
        }
        Value::Object(fields) => {
            for (name, field) in fields {
                pointers(
                    field,
                    &format!("{at}/{}", name.replace('~', "~0").replace('/', "~1")),
                    found,
                );
            }
        }
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}

#[test]
fn bodies_that_break_off() {
    each_source(|source| {
        for (_, body) in fixtures(source) {
            let step = 1 + body.len() / 600;
            (0..body.len())
                .step_by(step)
                .for_each(|end| check(source, &body[..end]));
        }
    });
}

#[test]
fn values_of_another_type_and_nulls() {
    each_source(|source| {
        for (_, body) in fixtures(source) {
            let body: Value = serde_json::from_slice(&body).expect("JSON");
            let mut paths = Vec::new();
            pointers(&body, "", &mut paths);
            for path in paths {
                for replacement in replacements() {
                    let mut changed = body.clone();
                    *changed.pointer_mut(&path).expect("a path of this body") = replacement;
                    check(source, changed.to_string().as_bytes());
                }
            }
        }
    });
}

#[test]
fn bytes_that_are_flipped() {
    each_source(|source| {
        for (_, mut body) in fixtures(source) {
            for at in (0..body.len()).step_by(3 + body.len() / 400) {
                let was = body[at];
                for byte in [0, b'"', b'\\', b'{', 0xff] {
                    body[at] = byte;
                    check(source, &body);
                }
                body[at] = was;
            }
        }
    });
}

#[test]
fn nesting_is_bounded() {
    each_source(|source| {
        for opening in ["[", "{\"a\":", "{\"alerts\":[", "{\"payload\":", "{\"labels\":["] {
            let result = parse(source, opening.repeat(100_000).as_bytes());
            assert_eq!(
                result.map_err(|error| error.field),
                Err("body".into()),
                "{}",
                source.slug()
            );
        }
    });
}

#[test]
fn a_group_of_a_thousand_alerts_is_taken_apart() {
    let alert =
        |n: usize| json!({"status": "firing", "labels": {"alertname": "A", "n": n.to_string()}, "annotations": {}});
    let body = |count: usize| json!({"alerts": (0..count).map(alert).collect::<Vec<_>>()}).to_string();
    for slug in ["prometheus", "grafana"] {
        let source = opsknight_sources::by_slug(slug).expect("a source");
        assert_eq!(parse(source, body(1000).as_bytes()).map(|all| all.len()), Ok(1000));
        assert_eq!(
            parse(source, body(10_001).as_bytes()).map_err(|error| error.field),
            Err("alerts".into())
        );
    }
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
