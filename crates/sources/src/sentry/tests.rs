//! What Sentry sends, and how it signs.

use super::*;
use crate::testing::{Call, event, only, parse, reason};

fn issue_hook(action: &str, issue: Value) -> Value {
    let mut issue = issue;
    issue["id"] = json!("42");
    json!({"action": action, "actor": {"type": "user", "id": 1}, "data": {"issue": issue}})
}

#[test]
fn what_becomes_of_an_issue() {
    for (action, expected) in [
        ("created", Action::Trigger),
        ("unresolved", Action::Trigger),
        ("resolved", Action::Resolve),
        ("archived", Action::Resolve),
        ("ignored", Action::Resolve),
        ("assigned", Action::Acknowledge),
    ] {
        let event = event(&Sentry, &issue_hook(action, json!({"title": "T", "level": "fatal"})));
        assert_eq!(
            (event.action, event.dedup_key.as_str()),
            (expected, "sentry:issue:42"),
            "{action}"
        );
        assert_eq!(event.severity, Severity::Critical);
    }
    assert_eq!(
        event(&Sentry, &issue_hook("unresolved", json!({"substatus": "regressed"}))).action,
        Action::Trigger
    );
    let mut by_rule = issue_hook("assigned", json!({}));
    by_rule["actor"]["type"] = json!("application");
    assert!(reason(&Sentry, &by_rule).contains("by a rule"));
    let later = issue_hook("resolved", json!({"statusDetails": {"inNextRelease": true}}));
    assert!(
        event(&Sentry, &later)
            .description
            .is_some_and(|text| text.contains("next release"))
    );
}

#[test]
fn alerts_the_issue_and_the_plugin_converge() {
    let alert = json!({"action": "triggered", "data": {"event": {"issue_id": 42, "title": "T", "message": "", "level": "debug"}}});
    let plugin = json!({"project": 7, "id": "42", "message": null, "level": "error", "event": {"title": "T"}});
    let by_address = json!({"data": {"event": {"web_url": "https://x.example/organizations/o/issues/42/events/e/"}}});
    for body in [&alert, &plugin, &by_address] {
        assert_eq!(event(&Sentry, body).dedup_key, "sentry:issue:42", "{body}");
    }
    assert_eq!(
        (event(&Sentry, &alert).severity, event(&Sentry, &alert).summary.as_str()),
        (Severity::Info, "T")
    );
    assert_eq!(event(&Sentry, &plugin).source.as_deref(), Some("7"));
}

#[test]
fn other_resources_are_ignored() {
    for resource in ["error", "comment", "installation", "seer"] {
        let call = Call {
            headers: &[("sentry-hook-resource", resource)],
            body: br#"{"action":"created","data":{"issue":{"id":"1"}}}"#,
            ..Call::default()
        };
        let all = call.parse(&Sentry).expect("an outcome");
        assert!(matches!(&all[..], [Normalised::Ignored { .. }]), "{resource}");
    }
    assert!(reason(&Sentry, &json!({"action": "created", "data": {"comment": "x"}})).contains("comment"));
    assert_eq!(
        parse(&Sentry, &json!({"a": 1})).map_err(|error| error.field),
        Err("data".into())
    );
}

/// Sentry calls every issue an ongoing one after a week; what a person reopens is one from the beginning.
#[test]
fn an_ongoing_issue_was_reopened_by_a_person_or_not_at_all() {
    let mut body = issue_hook("unresolved", json!({"substatus": "ongoing"}));
    assert_eq!(event(&Sentry, &body).action, Action::Trigger);
    body["actor"] = json!({"type": "application", "id": "sentry", "name": "Sentry"});
    assert!(reason(&Sentry, &body).contains("as before"));
    // Older versions have no substatus.
    body["data"]["issue"] = json!({"id": "42", "status": "unresolved"});
    assert_eq!(event(&Sentry, &body).action, Action::Trigger);
}

#[test]
fn progress_of_seer_is_no_alert() {
    let body =
        |kind: Value| json!({"action": "triggered", "data": {"issue": {"id": "42"}, "activity": {"type": kind}}});
    for kind in ["seer_root_cause_completed", "seer_pr_created", "note"] {
        assert!(reason(&Sentry, &body(json!(kind))).contains(kind));
    }
    for (kind, action) in [
        (json!("set_regression"), Action::Trigger),
        (json!("set_resolved"), Action::Resolve),
        (json!(null), Action::Trigger),
    ] {
        assert_eq!(event(&Sentry, &body(kind)).action, action);
    }
    let named = Call {
        headers: &[("sentry-hook-resource", "activity_alert")],
        body: br#"{"data":{"issue":{"id":"1"},"activity":{"type":"seer_coding_started"}}}"#,
        ..Call::default()
    };
    assert!(matches!(
        &named.parse(&Sentry).expect("an outcome")[..],
        [Normalised::Ignored { .. }]
    ));
}

#[test]
fn metric_alerts_keep_the_key_of_their_incident() {
    let of = |action: &str, id: Value| {
        let body =
            json!({"action": action, "data": {"metric_alert": {"id": id, "alert_rule": {"id": "7", "name": "R"}}}});
        let event = event(&Sentry, &body);
        (event.action, event.severity, event.dedup_key)
    };
    let key = "sentry:metric:4".to_owned();
    assert_eq!(
        of("critical", json!("4")),
        (Action::Trigger, Severity::Critical, key.clone())
    );
    assert_eq!(
        of("warning", json!(4)),
        (Action::Trigger, Severity::Warning, key.clone())
    );
    assert_eq!(of("resolved", json!("4")), (Action::Resolve, Severity::Warning, key));
}

/// `date_closed` is cut to the minute and may lie before the beginning: no message of Sentry is ordered by a time.
#[test]
fn nothing_is_ordered_by_time() {
    for (action, dates) in [
        ("critical", json!({"id": "4", "date_started": "2026-03-02T09:00:30Z"})),
        (
            "resolved",
            json!({"id": "4", "date_started": "2026-03-02T09:00:30Z", "date_closed": "2026-03-02T09:00:00Z"}),
        ),
    ] {
        let body = json!({"action": action, "data": {"metric_alert": dates}});
        let event = event(&Sentry, &body);
        assert!(event.occurred_at.is_some() && event.changed_at.is_none());
    }
}

#[test]
fn headers() {
    let body = br#"{"action":"resolved","data":{"issue":{"id":"1"}}}"#;
    // Computed with Python's hmac.
    let signature = "5fdc33ca13a8dec1d6a5617798b67dda5875ee4a1ab50bfba4f3ec0deae1217a";
    let headers = [
        (SIGNATURE_HEADER, signature),
        ("sentry-hook-resource", "issue"),
        ("sentry-hook-timestamp", "1772442000"),
        ("request-id", "r-1"),
    ];
    let call = |body| Call {
        headers: &headers,
        body,
        ..Call::default()
    };
    assert_eq!(call(body).verify(&Sentry, "client-secret"), Ok(()));
    assert_eq!(call(body).verify(&Sentry, "other"), Err(SignatureError::Wrong));
    // A proxy that writes the JSON anew.
    let rewritten = br#"{"action": "resolved", "data": {"issue": {"id": "1"}}}"#;
    assert_eq!(
        call(rewritten).verify(&Sentry, "client-secret"),
        Err(SignatureError::Wrong)
    );
    assert_eq!(Call::default().verify(&Sentry, "secret"), Err(SignatureError::Missing));
    assert_eq!(call(body).delivery_id(&Sentry).as_deref(), Some("r-1"));
    let event = only(call(body).parse(&Sentry).expect("an event"));
    assert_eq!(event.occurred_at.map(|time| time.as_second()), Some(1_772_442_000));
}
