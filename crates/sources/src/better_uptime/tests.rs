//! What Better Stack sends.

use super::*;
use crate::testing::{event, parse, reason};

fn body(word: Value, attributes: Value) -> Value {
    json!({"event": word, "data": {"id": 25, "type": "incident", "attributes": attributes}})
}

#[test]
fn the_event_tells_and_else_the_times() {
    for (word, attributes, action) in [
        (json!("started"), json!({}), Action::Trigger),
        (json!("incident.started"), json!({}), Action::Trigger),
        (json!("acknowledged"), json!({}), Action::Acknowledge),
        (json!("resolved"), json!({}), Action::Resolve),
        // An acknowledgement that comes late stays one: nothing is open that it could touch.
        (
            json!("acknowledged"),
            json!({"resolved_at": "2026-03-02T09:10:00Z"}),
            Action::Acknowledge,
        ),
        (
            json!(null),
            json!({"resolved_at": "2026-03-02T09:10:00Z", "acknowledged_at": "2026-03-02T09:05:00Z"}),
            Action::Resolve,
        ),
        (
            json!(null),
            json!({"acknowledged_at": "2026-03-02T09:05:00Z"}),
            Action::Acknowledge,
        ),
        (json!(null), json!({"status": "Resolved"}), Action::Resolve),
        (json!(null), json!({}), Action::Trigger),
    ] {
        let event = event(&BetterUptime, &body(word.clone(), attributes));
        assert_eq!(
            (event.action, event.dedup_key.as_str()),
            (action, "better-uptime:25"),
            "{word}"
        );
    }
}

#[test]
fn what_is_about_no_incident_is_ignored() {
    let paused = json!({"event": "paused", "data": {"id": "2", "type": "monitor", "attributes": {"status": "paused"}}});
    assert!(reason(&BetterUptime, &paused).contains("monitor"));
    assert!(reason(&BetterUptime, &json!({"data": {"id": "2", "type": "on_call_calendar"}})).contains("on_call"));
    assert!(reason(&BetterUptime, &body(json!("commented"), json!({}))).contains("commented"));
    assert_eq!(
        parse(&BetterUptime, &json!({"event": "started"})).map_err(|error| error.field),
        Err("data.id".into())
    );
}

#[test]
fn heartbeats_have_no_address() {
    let beat = json!({"data": {"id": 3, "type": "incident", "attributes": {"name": "Backup", "url": null, "cause": "Missed heartbeat"}, "relationships": {"heartbeat": {"data": {"id": "9", "type": "heartbeat"}}}}});
    let event = event(&BetterUptime, &beat);
    assert_eq!(
        (event.severity, event.summary.as_str(), event.links.len()),
        (Severity::Critical, "Backup: Missed heartbeat", 0)
    );
}

/// An incident that was reopened keeps the time at which it was resolved.
#[test]
fn a_reopened_incident_is_open() {
    let times = json!({
        "started_at": "2026-03-02T09:00:00Z", "resolved_at": "2026-03-02T09:10:00Z", "reopened_at": "2026-03-02T09:30:00Z"
    });
    let end = event(
        &BetterUptime,
        &body(json!("resolved"), json!({"resolved_at": "2026-03-02T09:10:00Z"})),
    );
    for word in [json!("reopened"), json!(null)] {
        let again = event(&BetterUptime, &body(word.clone(), times.clone()));
        assert_eq!(
            (again.action, &again.dedup_key),
            (Action::Trigger, &end.dedup_key),
            "{word}"
        );
        assert!(again.changed_at > end.changed_at, "{word}");
    }
    let mut seen_before = times.clone();
    seen_before["acknowledged_at"] = json!("2026-03-02T09:05:00Z");
    assert_eq!(
        event(&BetterUptime, &body(json!(null), seen_before)).action,
        Action::Trigger
    );
    let over = json!({"resolved_at": "2026-03-02T09:40:00Z", "reopened_at": "2026-03-02T09:30:00Z"});
    assert_eq!(event(&BetterUptime, &body(json!(null), over)).action, Action::Resolve);
    // Without the time at which it was reopened, nothing says that it is not older than its end.
    let untold = json!({"started_at": "2026-03-02T09:00:00Z", "resolved_at": "2026-03-02T09:10:00Z"});
    let again = event(&BetterUptime, &body(json!("reopened"), untold));
    assert_eq!((again.action, again.changed_at), (Action::Trigger, None));
    let unnamed = event(
        &BetterUptime,
        &body(json!(null), json!({"started_at": "2026-03-02T09:00:00Z"})),
    );
    assert_eq!((unnamed.action, unnamed.changed_at), (Action::Trigger, None));
}

#[test]
fn the_beginning_and_the_end_have_their_time() {
    let times = json!({"started_at": "2026-03-02T09:00:00.662Z", "resolved_at": "2026-03-02T09:10:00Z"});
    let (start, end) = (
        event(&BetterUptime, &body(json!("started"), times.clone())).changed_at,
        event(&BetterUptime, &body(json!("resolved"), times)).changed_at,
    );
    assert!(start.is_some() && start < end, "{start:?} {end:?}");
}

#[test]
fn comments_and_status_pages_are_no_incidents() {
    let mut comment = body(json!("comment"), json!({"status": "Started"}));
    comment["comment"] = json!({"content": "I have a look"});
    assert!(reason(&BetterUptime, &comment).contains("comment"));
    comment["event"] = json!(null);
    assert!(reason(&BetterUptime, &comment).contains("commented"));
    let page = json!({"event_type": "incident", "page": {"id": "1"}, "incident": {"id": "98", "name": "Database"}});
    assert!(reason(&BetterUptime, &page).contains("status page"));
}

#[test]
fn bodies_of_the_users() {
    let flat = |status: &str| {
        let body = json!({"incident_id": "7", "name": "Shop", "status": status, "resolved_at": "$RESOLVED_AT"});
        event(&BetterUptime, &body)
    };
    let (start, end) = (flat("Started"), flat("Resolved"));
    assert_eq!((start.action, end.action), (Action::Trigger, Action::Resolve));
    assert_eq!(
        (start.dedup_key, end.dedup_key.as_str()),
        (end.dedup_key.clone(), "better-uptime:7")
    );
    // Nobody filled the variables in.
    let unfilled = json!({"incident": {"id": "$INCIDENT_ID", "started_at": "$STARTED_AT"}});
    assert_eq!(
        parse(&BetterUptime, &unfilled).map_err(|error| error.field),
        Err("data.id".into())
    );
    let of = |status: &str| {
        let body = json!({"incident": {"id": 7, "name": "Shop", "cause": "Status 500", "status": status, "url": "https://shop.example"}});
        event(&BetterUptime, &body)
    };
    let (start, end) = (of("Started"), of("Resolved"));
    assert_eq!(
        (start.action, start.summary.as_str(), end.action),
        (Action::Trigger, "Shop: Status 500", Action::Resolve)
    );
    assert_eq!(
        (start.dedup_key.as_str(), end.dedup_key.as_str()),
        ("better-uptime:7", "better-uptime:7")
    );
}
