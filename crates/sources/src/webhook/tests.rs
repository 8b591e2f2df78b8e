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
    assert_eq!(field("[{},7]", json!({})), Err("[0].summary".into()));
    assert_eq!(
        field(&format!("[{}{{}}]", "{},".repeat(1000)), json!({})),
        Err("body".into())
    );
    assert_eq!(
        parse("application/x-www-form-urlencoded", b"payload={", None).map_err(|error| error.field),
        Err("payload".into())
    );
}

#[test]
fn an_alert_that_cannot_be_read_costs_the_others_nothing() {
    let body = br#"[{"title":"a","id":1},7,{"level":"high"},{"title":"b","id":2,"status":"ok"}]"#;
    let all = parse("application/json", body, None).expect("outcomes");
    let seen: Vec<Option<Action>> = all
        .iter()
        .map(|one| match one {
            Normalised::Event(event) => Some(event.action),
            Normalised::Ignored { .. } => None,
        })
        .collect();
    assert_eq!(seen, [Some(Action::Trigger), None, None, Some(Action::Resolve)]);
    let Normalised::Ignored { reason, .. } = &all[2] else {
        panic!("an event")
    };
    assert!(reason.contains("[2].summary"), "{reason}");
}

#[test]
fn multipart_forms_and_addresses_are_messages() {
    let body = b"--b\r\nContent-Disposition: form-data; name=\"title\"\r\n\r\nDisk full\r\n--b--\r\n";
    let all = parse("multipart/form-data; boundary=b", body, None).expect("an event");
    assert!(matches!(&all[..], [Normalised::Event(event)] if event.summary == "Disk full"));
    let headers = HeaderMap::new();
    let request = Request {
        method: &Method::POST,
        query: "integrationId=int_1&title=Disk+full&status=ok",
        headers: &headers,
        body: b"",
    };
    let all = Webhook.parse(&request, None).expect("an event");
    assert!(
        matches!(&all[..], [Normalised::Event(event)] if event.action == Action::Resolve && event.summary == "Disk full")
    );
    // In a form, a field named data is one of many.
    let form = b"title=Disk+full&data=%7B%22title%22%3A%22x%22%7D";
    let all = parse("application/x-www-form-urlencoded", form, None).expect("an event");
    assert!(matches!(&all[..], [Normalised::Event(event)] if event.summary == "Disk full"));
}

#[test]
fn names_that_mean_something_to_other_languages_are_names() {
    let mapping = json!({"dedupKeyField": "__proto__.id", "summaryField": "constructor", "actionField": "toString"});
    check(
        json!({"__proto__": {"id": 5}, "constructor": "C", "toString": "resolved", "id": "other"}),
        mapping.clone(),
        (Action::Resolve, "5", Severity::Warning, "C"),
    );
    check(
        json!({"title": "T", "id": "other"}),
        mapping,
        (Action::Trigger, "other", Severity::Warning, "T"),
    );
}

#[test]
fn whatever_people_write_is_a_summary() {
    let long = one(&json!({"title": "x".repeat(5000), "id": 1}), &json!({}));
    assert_eq!(long.summary.chars().count(), 1024);
    for text in ["\u{202b}מערכת נפלה\u{202c}", "🔥 дисk 満杯", "<b>&amp;</b>"] {
        assert_eq!(one(&json!({"title": text, "id": 1}), &json!({})).summary, text);
    }
    let numbers = one(
        &json!({"a": {"t": 7.5}, "k": [1, "x"]}),
        &json!({"summaryField": "a.t", "dedupKeyField": "$.k"}),
    );
    assert_eq!(
        (numbers.summary.as_str(), numbers.dedup_key.as_str()),
        ("7.5", r#"[1,"x"]"#)
    );
}

#[test]
fn the_call_to_paste_opens_an_incident() {
    let call = SNIPPETS[1].render("https://ok.example/api/integrations/webhook?integrationId=int_1", "key");
    let body = call
        .split("-d '")
        .nth(1)
        .and_then(|rest| rest.split('\'').next())
        .expect("a body");
    let body: Value = serde_json::from_str(body).expect("JSON");
    check(
        body,
        json!({}),
        (
            Action::Trigger,
            "disk-web-01",
            Severity::Critical,
            "Disk full on web-01",
        ),
    );
}

#[test]
fn it_says_where_the_parts_stand() {
    let headers = HeaderMap::new();
    let body =
        r#"[{"alert": {"title": "T", "level": "P1"}, "id": 7, "action": "notify", "status": "ok"}, {"name": "N"}, 5]"#;
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
fn apprise_says_in_its_type_what_is_to_be_done() {
    for (kind, action, severity) in [
        ("failure", Action::Trigger, Severity::Error),
        ("warning", Action::Trigger, Severity::Warning),
        ("info", Action::Trigger, Severity::Info),
        ("success", Action::Resolve, Severity::Warning),
    ] {
        let body = json!({"version": "1.0", "title": "Backup", "message": "of db-1", "attachments": [], "type": kind});
        let event = one(&body, &json!({}));
        assert_eq!(
            (event.action, event.severity, event.summary.as_str()),
            (action, severity, "Backup"),
            "{kind}"
        );
    }
    let other = one(&json!({"title": "x", "status": "open", "type": "success"}), &json!({}));
    assert_eq!(other.action, Action::Trigger, "what says it better counts");
}
