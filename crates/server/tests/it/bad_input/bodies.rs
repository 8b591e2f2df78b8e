//! Bodies that nobody should send.

use std::process::Stdio;

use serde_json::{Value, json};

use super::door::{Alter, Answer, Doors, ask, event_of, gzip, post, trigger, trigger_with};
use crate::{
    both::Place,
    peers,
    process::{Printed, Server},
};

both! {
    a_body_that_is_too_long_is_not_read,
    a_field_that_is_wrong_is_named,
    what_pagerduty_refuses_is_refused_in_its_words,
    what_pagerduty_takes_is_taken,
    whatever_arrives_is_answered,
    what_cannot_be_stored_is_never_accepted,
}

async fn a_body_that_is_too_long_is_not_read(place: &Place) {
    let server = Server::start(place, &[]).await;
    let doors = Doors::open(place, &server).await;
    let hook = doors.hook("prometheus", &doors.prometheus.id);
    let (events_max, hook_max) = (512 << 10, 5 << 20);
    let fits = ask(&doors.api, post("/api/events", event_of(events_max)).by(&doors.events)).await;
    assert_eq!(fits.status, 202, "{}", fits.body);
    let fits = ask(
        &doors.api,
        post("/api/events", gzip(&event_of(events_max)))
            .by(&doors.events)
            .with("content-encoding", "gzip"),
    )
    .await;
    assert_eq!(fits.status, 202, "{}", fits.body);
    let other_name = post("/api/events", gzip(&event_of(1000))).by(&doors.events);
    let other_name = ask(&doors.api, other_name.with("content-encoding", "X-GZIP")).await;
    assert_eq!(other_name.status, 202, "{}", other_name.body);
    let unread = post("/api/events", event_of(1000))
        .by(&doors.events)
        .with("content-encoding", "br");
    ask(&doors.api, unread)
        .await
        .is_error("brotli", 415, "VALIDATION_ERROR");
    let bomb = || gzip(&vec![b' '; 64 << 20]);
    assert!(bomb().len() < events_max, "it looks harmless");
    let rows = [
        (
            "events",
            post("/api/events", event_of(events_max + 1)).by(&doors.events),
        ),
        (
            "events, compressed",
            post("/api/events", bomb())
                .by(&doors.events)
                .with("content-encoding", "gzip"),
        ),
        ("webhook", post(&hook, vec![b' '; hook_max + 1])),
        (
            "webhook, compressed",
            post(&hook, bomb()).with("content-encoding", "gzip"),
        ),
    ];
    for (what, call) in rows {
        ask(&doors.api, call).await.is_error(what, 413, "PAYLOAD_TOO_LARGE");
    }
    let body = event_of(events_max + 1);
    for path in ["/v2/enqueue", "/v2/change/enqueue"] {
        let answer = ask(&doors.api, post(path, body.clone())).await;
        assert_eq!(
            (answer.status.as_u16(), &answer.body["status"]),
            (413, &json!("invalid event")),
            "{path}"
        );
    }
    let garbled = post("/api/events", "no gzip at all")
        .by(&doors.events)
        .with("content-encoding", "gzip");
    ask(&doors.api, garbled)
        .await
        .is_error("garbled", 400, "VALIDATION_ERROR");
}

/// Events in which a field is wrong, and which.
fn wrong_events() -> Vec<(&'static str, String)> {
    let ack = |key: Value| json!({ "event_action": "acknowledge", "dedup_key": key }).to_string();
    let old = json!({ "service_key": "0".repeat(32), "event_type": "trigger", "description": "x" });
    vec![
        ("body", "{".to_owned()),
        ("body", String::new()),
        ("body", "[]".to_owned()),
        ("body", "\"text\"".to_owned()),
        ("event_action", trigger_with("/event_action", Value::Null)),
        ("event_action", trigger_with("/event_action", json!("explode"))),
        ("event_action", trigger_with("/event_action", json!(7))),
        ("payload", trigger_with("/payload", json!("text"))),
        ("payload.summary", trigger_with("/payload/summary", Value::Null)),
        ("payload.summary", trigger_with("/payload/summary", json!("  "))),
        ("payload.summary", trigger_with("/payload/summary", json!(["x"]))),
        ("payload.source", trigger_with("/payload/source", Value::Null)),
        ("payload.severity", trigger_with("/payload/severity", json!("fatal?"))),
        ("payload.severity", trigger_with("/payload/severity", json!(1))),
        ("dedup_key", trigger_with("/dedup_key", json!("k".repeat(256)))),
        ("dedup_key", trigger_with("/dedup_key", json!({}))),
        ("dedup_key", ack(Value::Null)),
        ("dedup_key", ack(json!(""))),
        ("service_key", old.to_string()),
    ]
}

async fn a_field_that_is_wrong_is_named(place: &Place) {
    let server = Server::start(place, &[]).await;
    let doors = Doors::open(place, &server).await;
    for (field, body) in wrong_events() {
        let answer = ask(&doors.api, post("/api/events", body.clone()).by(&doors.events)).await;
        answer.names(&body, field);
        // PagerDuty's own form, on its own path.
        if let Ok(Value::Object(mut event)) = serde_json::from_str(&body) {
            event.insert("routing_key".into(), json!(doors.events.key));
            let answer = ask(&doors.api, post("/v2/enqueue", Value::from(event).to_string())).await;
            answer.is_pagerdutys(&body, 400, "invalid event");
            let errors = answer.body["errors"].as_array().unwrap();
            let named = errors.iter().any(|error| error.as_str().unwrap().contains(field));
            assert!(named, "{field}: {}", answer.body);
        }
    }
    let hook = doors.hook("prometheus", &doors.prometheus.id);
    let list = r#"{"alerts":7}"#;
    for (field, body) in [("body", "{"), ("alerts", "7"), ("alerts", "{}"), ("alerts", list)] {
        ask(&doors.api, post(&hook, body)).await.names(body, field);
    }
    let kept = doors.api.all("/api/events/log").await;
    let shown = kept.iter().any(|receipt| receipt["status"] == 400);
    assert!(shown, "the sender's people can see what is wrong: {kept:?}");
    assert!(doors.api.all("/api/incidents").await.is_empty());
}

/// Sends a trigger to PagerDuty's path, changed.
async fn enqueue(doors: &Doors, change: Alter<'_>) -> Answer {
    let mut event = trigger();
    event["routing_key"] = json!(doors.events.key);
    change(&mut event);
    ask(&doors.api, post("/v2/enqueue", event.to_string())).await
}

async fn what_pagerduty_refuses_is_refused_in_its_words(place: &Place) {
    let server = Server::start(place, &[]).await;
    let doors = Doors::open(place, &server).await;
    let disabled = doors.disabled.key.clone();
    let rows: [(u16, &str, Alter); 4] = [
        (400, "routing_key", &|event| event["routing_key"] = json!("short")),
        (400, "routing_key", &|event| event["routing_key"] = Value::Null),
        (400, "Invalid routing key", &|event| {
            event["routing_key"] = json!("0".repeat(32))
        }),
        (403, "disabled", &|event| event["routing_key"] = json!(disabled)),
    ];
    for (status, words, change) in rows {
        let answer = enqueue(&doors, change).await;
        answer.is_pagerdutys(words, status, "invalid event");
        assert!(answer.body["errors"].to_string().contains(words), "{}", answer.body);
    }
    let change = json!({ "routing_key": doors.events.key, "payload": {} });
    let answer = ask(&doors.api, post("/v2/change/enqueue", change.to_string())).await;
    answer.is_pagerdutys("a change without words", 400, "invalid event");
    assert!(
        answer.body["errors"].to_string().contains("payload.summary"),
        "{}",
        answer.body
    );
    // Whoever shows a key that is known sees in the log what was wrong.
    assert!(answer.number("x-ratelimit-remaining") < answer.number("x-ratelimit-limit"));
    let log = doors.api.get("/api/events/log?limit=1").await["data"][0].clone();
    assert_eq!(log["status"], 400, "{log}");
    assert!(
        log.to_string().contains("payload.summary") && !log.to_string().contains(&doors.events.key),
        "{log}"
    );
}

async fn what_pagerduty_takes_is_taken(place: &Place) {
    let server = Server::start(place, &[]).await;
    let doors = Doors::open(place, &server).await;
    let rows: [(&str, Alter); 10] = [
        ("as it should be", &|_| ()),
        ("severity", &|event| event["payload"]["severity"] = json!("CRITICAL")),
        ("details", &|event| {
            event["payload"]["custom_details"] = json!([1, { "a": 2 }])
        }),
        ("image", &|event| {
            event["images"] = json!([{ "src": "http://example.com/x.png" }])
        }),
        ("long", &|event| event["payload"]["summary"] = json!("ü".repeat(2000))),
        ("time", &|event| event["payload"]["timestamp"] = json!("yesterday")),
        ("unknown fields", &|event| event["colour"] = json!("red")),
        ("no key", &|event| event["dedup_key"] = Value::Null),
        // What Alertmanager sends: an end with everything that its beginning had.
        ("an end", &|event| event["event_action"] = json!("resolve")),
        ("an end without a beginning", &|event| {
            *event = json!({ "routing_key": event["routing_key"], "event_action": "resolve", "dedup_key": "none" });
        }),
    ];
    for (what, change) in rows {
        let answer = enqueue(&doors, change).await;
        answer.is_pagerdutys(what, 202, "success");
        assert_eq!(answer.body["message"], "Event processed", "{what}");
        assert!(answer.body["dedup_key"].is_string(), "{what}");
    }
    let change = json!({ "routing_key": doors.events.key, "payload": { "summary": "Deployed" } });
    let answer = ask(&doors.api, post("/v2/change/enqueue", change.to_string())).await;
    answer.is_pagerdutys("a change", 202, "success");
}

async fn whatever_arrives_is_answered(place: &Place) {
    let server = Server::start(place, &[]).await;
    let doors = Doors::open(place, &server).await;
    let alert = json!({ "status": "firing", "labels": { "alertname": "A", "severity": "page" }, "annotations": {},
        "startsAt": "2026-06-01T12:00:00Z", "endsAt": "0001-01-01T00:00:00Z", "generatorURL": "", "fingerprint": "f" });
    let group = json!({ "version": "4", "groupKey": "g", "status": "firing", "receiver": "r", "alerts": [alert] });
    let event = trigger_with("/routing_key", json!(doors.events.key));
    let samples = [
        (doors.hook("prometheus", &doors.prometheus.id), group.to_string()),
        ("/v2/enqueue".to_owned(), event.clone()),
        ("/v2/change/enqueue".to_owned(), event),
    ];
    let mut answered = 0;
    for (path, body) in &samples {
        let mut bodies: Vec<Vec<u8>> = (0..body.len())
            .step_by(7)
            .map(|end| body.as_bytes()[..end].to_vec())
            .collect();
        bodies.extend(
            flipped(&serde_json::from_str(body).unwrap())
                .iter()
                .map(|value| value.to_string().into_bytes()),
        );
        bodies.push(vec![0; 1000]);
        bodies.push(vec![0xff; 1000]);
        bodies.push("[".repeat(100_000).into_bytes());
        bodies.push(body.replace("\"A\"", "\"\\u0000\\ud800\"").into_bytes());
        for bytes in bodies {
            let answer = ask(&doors.api, post(path, bytes.clone())).await;
            let expected = [202, 400, 401].contains(&answer.status.as_u16());
            assert!(
                expected,
                "{path} {}: {} {}",
                String::from_utf8_lossy(&bytes),
                answer.status,
                answer.body
            );
            answered += 1;
        }
    }
    assert!(answered > 200, "{answered}");
}

async fn what_cannot_be_stored_is_never_accepted(place: &Place) {
    let server = Server::start(place, &[]).await;
    let doors = Doors::open(place, &server).await;
    let event = || post("/api/events", trigger().to_string()).by(&doors.events);
    assert_eq!(ask(&doors.api, event()).await.status, 202);
    let cut = Cut::off(place).await;
    let answer = ask(&doors.api, event()).await;
    answer.is_error("without a database", 503, "UNAVAILABLE");
    assert!(answer.number("retry-after") >= 1);
    drop(cut);
}

/// The database is there and takes nothing, until this value goes away.
struct Cut(#[expect(dead_code, reason = "it is held")] Option<tokio::process::Child>);

impl Cut {
    async fn off(place: &Place) -> Self {
        if !place.is_sqlite() {
            place.lose_postgres();
            return Self(None);
        }
        let file = place.data_dir().join(opsknight_store::db::FILE);
        let mut command = peers::python("hold_lock.py", &[peers::word(&file)]);
        let child = command
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .kill_on_drop(true)
            .spawn();
        let mut child = child.expect("Python starts");
        let printed = Printed::default();
        printed.gather(child.stdout.take().unwrap());
        printed
            .wait_for("the lock is held", |line| (line == "held").then_some(()))
            .await;
        Self(Some(child))
    }
}

/// The value with each of its parts replaced, one at a time.
fn flipped(value: &Value) -> Vec<Value> {
    let others = [
        Value::Null,
        json!(0),
        json!(-1e300),
        json!(true),
        json!(""),
        json!("\0"),
        json!([]),
        json!([null]),
        json!({}),
    ];
    let mut paths = Vec::new();
    pointers(value, "", &mut paths);
    let mut all = Vec::new();
    for path in paths.iter().filter(|path| *path != "/routing_key") {
        for other in &others {
            let mut changed = value.clone();
            *changed.pointer_mut(path).unwrap() = other.clone();
            all.push(changed);
        }
    }
    all
}

pub(super) fn pointers(value: &Value, at: &str, found: &mut Vec<String>) {
    found.push(at.to_owned());
    match value {
        Value::Array(items) => items
            .iter()
            .enumerate()
            .for_each(|(n, item)| pointers(item, &format!("{at}/{n}"), found)),
        Value::Object(fields) => fields
            .iter()
            .for_each(|(name, item)| pointers(item, &format!("{at}/{name}"), found)),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}
