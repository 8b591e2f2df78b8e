//! What Datadog's alerts become, by what their fields say.

use super::*;
use crate::testing::{Call, event, parse, pasted, reason};

fn check(body: Value, expected: (Action, &str, Severity)) {
    let event = event(&Datadog, &body);
    assert_eq!(
        (event.action, event.dedup_key.as_str(), event.severity),
        expected,
        "{body}"
    );
}

#[test]
fn what_is_pasted_opens_and_closes() {
    let of = |transition: &str, kind: &str, date: &str| {
        pasted(
            &Datadog,
            &[
                ("$ALERT_TRANSITION", transition),
                ("$ALERT_TYPE", kind),
                ("$AGGREG_KEY", "9bd4ac31"),
                ("$EVENT_TITLE", "[P2] [Triggered on {host:a}] CPU"),
                ("$ALERT_PRIORITY", "P2"),
                ("$DATE", date),
            ],
        )
    };
    let (opens, closes) = (
        of("Triggered", "error", "1772442000000"),
        of("Recovered", "success", "1772442300000"),
    );
    assert_eq!((opens.action, closes.action), (Action::Trigger, Action::Resolve));
    assert_eq!(
        (opens.dedup_key.as_str(), &closes.dedup_key),
        ("datadog:9bd4ac31", &opens.dedup_key)
    );
    assert!(opens.changed_at.is_some() && opens.changed_at < closes.changed_at);
}

#[test]
fn transitions_are_whole_words() {
    for (word, state) in [
        ("Triggered", Some(State::Alert)),
        ("Re-Triggered", Some(State::Alert)),
        ("Renotify", Some(State::Alert)),
        ("Warn", Some(State::Warn)),
        ("Re-Warn", Some(State::Warn)),
        ("No Data", Some(State::NoData)),
        ("Re-No Data", Some(State::NoData)),
        ("Recovered", Some(State::Recovered)),
        ("Recoveredness", None),
        ("", None),
    ] {
        assert_eq!(transition(word), state, "{word}");
    }
}

#[test]
fn severity_follows_the_document_and_priority_makes_it_milder() {
    let with = |kind: &str, transition: &str, priority: &str| {
        let body = json!({"title": "T", "aggregation_key": "k", "alert_type": kind, "alert_transition": transition, "alert_priority": priority});
        event(&Datadog, &body).severity
    };
    assert_eq!(with("error", "Triggered", ""), Severity::Critical);
    assert_eq!(with("error", "Triggered", "P1"), Severity::Critical);
    assert_eq!(with("error", "Triggered", "P2"), Severity::Error);
    assert_eq!(with("error", "Triggered", "P5"), Severity::Info);
    assert_eq!(with("warning", "Warn", "P1"), Severity::Warning);
    assert_eq!(with("warning", "Renotify", ""), Severity::Warning);
    assert_eq!(with("error", "No Data", "$ALERT_PRIORITY"), Severity::Warning);
}

#[test]
fn the_default_payload_goes_by_its_title() {
    let body = |title: &str| json!({"body": "x", "last_updated": "1772442000000", "event_type": "query_alert_monitor", "title": title, "date": "1772442000", "org": {"id": "7", "name": "Shop"}, "id": "99"});
    let key = "datadog:title:7:CPU on {host:a}";
    check(
        body("[P1] [Triggered on {host:a}] CPU"),
        (Action::Trigger, key, Severity::Critical),
    );
    check(
        body("[Warn on {host:a}] CPU"),
        (Action::Trigger, key, Severity::Warning),
    );
    check(
        body("[P1] [Recovered on {host:a}] CPU"),
        (Action::Resolve, key, Severity::Critical),
    );
    assert!(event(&Datadog, &body("[TEST] [Triggered] CPU")).is_test);
    let seconds = event(&Datadog, &body("[Triggered] CPU")).occurred_at;
    let milliseconds = event(
        &Datadog,
        &json!({"title": "[Triggered] CPU", "date": 1_772_442_000_000_u64}),
    )
    .occurred_at;
    assert!(seconds.is_some() && seconds == milliseconds);
}

#[test]
fn variables_that_were_not_filled_in_name_nothing() {
    let body = |scope: &str| json!({"title": "[Triggered] CPU", "aggregation_key": "$AGGREG_KEY", "alert_id": "17", "alert_scope": scope});
    check(
        body("b:2, a:1"),
        (Action::Trigger, "datadog:monitor:17:a:1,b:2", Severity::Critical),
    );
    check(
        body("a:1,b:2"),
        (Action::Trigger, "datadog:monitor:17:a:1,b:2", Severity::Critical),
    );
    check(
        body("$ALERT_SCOPE"),
        (Action::Trigger, "datadog:monitor:17:", Severity::Critical),
    );
    check(
        json!({"title": "[Triggered] CPU", "alert_id": "$ALERT_ID"}),
        (Action::Trigger, "datadog:title::CPU", Severity::Critical),
    );
    assert_eq!(
        parse(&Datadog, &json!({"title": "$EVENT_TITLE", "body": null})).map_err(|error| error.field),
        Err("title".into())
    );
}

#[test]
fn events_that_no_monitor_sent_are_ignored() {
    for kind in [json!("info"), json!(null), json!("$ALERT_TYPE")] {
        let body = json!({"title": "Deploy 7 of shop", "alert_type": kind, "alert_id": "", "alert_transition": "$ALERT_TRANSITION"});
        assert!(reason(&Datadog, &body).contains("no monitor"), "{body}");
    }
}

#[test]
fn forms_and_deliveries() {
    let call = Call {
        headers: &[("content-type", "application/x-www-form-urlencoded")],
        body: b"id=5&title=%5BTriggered%5D+CPU&alert_transition=Recovered&aggregation_key=k",
        ..Call::default()
    };
    let all = call.parse(&Datadog).expect("an event");
    assert!(matches!(&all[..], [Normalised::Event(event)] if event.action == Action::Resolve));
    assert_eq!(call.delivery_id(&Datadog), call.delivery_id(&Datadog));
    let other = Call {
        body: br#"{"id":5,"alert_transition":"Triggered"}"#,
        ..Call::default()
    };
    assert!(other.delivery_id(&Datadog).is_some() && call.delivery_id(&Datadog) != other.delivery_id(&Datadog));
    assert_eq!(
        Call {
            body: br#"{"id":"$ID"}"#,
            ..Call::default()
        }
        .delivery_id(&Datadog),
        None
    );
}

/// The seed has the alert type become the severity; a monitor may call its own alert an info.
#[test]
fn alert_types_are_severities() {
    for (kind, transition, severity) in [
        ("error", "Triggered", Severity::Critical),
        ("warning", "Triggered", Severity::Warning),
        ("info", "Triggered", Severity::Info),
        ("info", "No Data", Severity::Warning),
        ("$ALERT_TYPE", "Triggered", Severity::Critical),
    ] {
        let body = json!({"title": "CPU", "alert_type": kind, "alert_transition": transition, "aggregation_key": "k"});
        check(body, (Action::Trigger, "datadog:k", severity));
    }
}

#[test]
fn the_page_of_a_monitor_is_found_in_its_text() {
    for (text, page) in [
        (
            "[a](https://x.example) [b](https://app.datadoghq.com/monitors/7?a=1)",
            Some("https://app.datadoghq.com/monitors/7?a=1"),
        ),
        (
            "[![g](https://p.example/s.png)](https://us3.datadoghq.com/monitors/7)",
            Some("https://us3.datadoghq.com/monitors/7"),
        ),
        (
            "[a](https://app.datadoghq.com/monitors/7",
            Some("https://app.datadoghq.com/monitors/7"),
        ),
        ("[a](javascript:/monitors/)", None),
        ("](", None),
        ("", None),
    ] {
        let body = json!({"title": "[Triggered] CPU", "body": text});
        let links = event(&Datadog, &body).links;
        assert_eq!(links.first().map(|link| link.href.as_str()), page, "{text}");
    }
}
