//! What AppDynamics sends, in the shapes that templates have.

use super::*;
use crate::testing::{Call, event as one, parse, reason};

#[test]
fn types_by_their_words() {
    for (kind, expected_action, expected_severity) in [
        ("POLICY_OPEN_CRITICAL", Action::Trigger, Severity::Critical),
        ("POLICY_OPEN_WARNING", Action::Trigger, Severity::Warning),
        ("POLICY_UPGRADED", Action::Trigger, Severity::Critical),
        ("POLICY_DOWNGRADED", Action::Trigger, Severity::Warning),
        ("POLICY_CONTINUES_CRITICAL", Action::Trigger, Severity::Critical),
        ("POLICY_CLOSE_WARNING", Action::Resolve, Severity::Warning),
        ("POLICY_CANCELED_CRITICAL", Action::Resolve, Severity::Critical),
        ("POLICY_CLOSE", Action::Resolve, Severity::Error),
        ("ANOMALY_OPEN_CRITICAL", Action::Trigger, Severity::Critical),
    ] {
        let event = one(
            &AppDynamics,
            &json!({"eventType": kind, "severity": "ERROR", "incidentId": 5}),
        );
        assert_eq!(
            (event.action, event.severity),
            (expected_action, expected_severity),
            "{kind}"
        );
        assert_eq!(event.dedup_key, "appdynamics:incident:5");
    }
    let disclosed = json!({"eventType": "APPLICATION_DISCLOSED", "severity": "ERROR", "id": 1});
    assert_eq!(one(&AppDynamics, &disclosed).action, Action::Trigger);
    assert!(
        reason(
            &AppDynamics,
            &json!({"eventType": "APPLICATION_DEPLOYMENT", "severity": "INFO", "id": 1})
        )
        .contains("INFO")
    );
}

#[test]
fn velocity_does_not_escape() {
    let body = b"{\"events\": [\n{\"incidentId\": \"7\", \"eventType\": \"POLICY_OPEN_CRITICAL\", \"message\": \"<b>Line one\nsays \"slow\"</b>\", \"node\": \"$!{event.node.name}\"},\n{\"incidentId\": \"${event.incident.id}\", \"id\": \"8\", \"eventType\": \"POLICY_CLOSE_WARNING\"},\n  ]\n}";
    let all = Call {
        body,
        ..Call::default()
    }
    .parse(&AppDynamics)
    .expect("two events");
    let [Normalised::Event(first), Normalised::Event(second)] = &all[..] else {
        panic!("{all:?}")
    };
    assert_eq!(
        (first.dedup_key.as_str(), first.action),
        ("appdynamics:incident:7", Action::Trigger)
    );
    assert_eq!(first.description.as_deref(), Some("<b>Line one\nsays \"slow\"</b>"));
    assert_eq!(first.source, None);
    assert_eq!(
        (second.dedup_key.as_str(), second.action),
        ("appdynamics:8", Action::Resolve)
    );
}

#[test]
fn templates_have_many_shapes() {
    let nested = json!({"latestEvent": {"eventType": "POLICY_OPEN_WARNING", "incident": {"id": 3}, "application": {"name": "Shop"}, "healthRule": {"name": "Slow"}}});
    let event = one(&AppDynamics, &nested);
    assert_eq!(
        (event.dedup_key.as_str(), event.summary.as_str()),
        ("appdynamics:incident:3", "Shop: Slow")
    );
    let without_incident =
        |kind: &str| json!({"eventType": kind, "application": "Shop", "healthRule": "Slow", "node": "n1"});
    assert_eq!(
        one(&AppDynamics, &without_incident("POLICY_OPEN_WARNING")).dedup_key,
        one(&AppDynamics, &without_incident("POLICY_CLOSE_WARNING")).dedup_key
    );
    let unfilled = json!({"eventType": "${latestEvent.eventType}", "severity": "${latestEvent.severity}", "incidentId": "${latestEvent.incident.id}"});
    assert_eq!(
        parse(&AppDynamics, &unfilled).map_err(|error| error.field),
        Err("eventType".into())
    );
    assert_eq!(
        parse(&AppDynamics, &json!({"eventType": "POLICY_OPEN_WARNING"})).map_err(|error| error.field),
        Err("incidentId".into())
    );
    // An event that belongs to no incident leaves the variable as it stands.
    let wordy = json!({"eventType": "APPLICATION_ERROR", "severity": "ERROR", "incidentId": "${event.incident.id}", "summary": "The pool of db-2\nis empty"});
    let event = one(&AppDynamics, &wordy);
    assert!(event.dedup_key.starts_with("appdynamics:text:"), "{}", event.dedup_key);
    assert_eq!(
        (event.action, event.summary.as_str()),
        (Action::Trigger, "The pool of db-2")
    );
}

#[test]
fn times_as_java_writes_them() {
    assert_eq!(
        java_date("Mon Jan 05 10:30:00 UTC 2026")
            .map(|time| time.to_string())
            .as_deref(),
        Some("2026-01-05T10:30:00Z")
    );
    for text in ["Mon Jan 05 10:30:00 CST 2026", "soon", "a b c d UTC e"] {
        assert_eq!(java_date(text), None, "{text}");
    }
}

#[test]
fn templates_of_other_tools_keep_their_key() {
    // The incident's id only stands in the link, as in Keep's template.
    let by_link = |kind: &str, id: u32| {
        let link = "https://acme.example/controller/#location=APP_INCIDENT_DETAIL_MODAL&incident=5501&application=20";
        one(
            &AppDynamics,
            &json!({"id": id, "severity": "ERROR", "message": format!("Shop. {kind}"), "url": link}),
        )
        .dedup_key
    };
    assert_eq!(by_link("POLICY_OPEN_CRITICAL", 1), "appdynamics:incident:5501");
    assert_eq!(by_link("POLICY_CLOSE_CRITICAL", 2), "appdynamics:incident:5501");
    // Half of it stands in a field of its own, and the names are written in small letters.
    let nested = json!({
        "incident_id": "7", "application_name": "Shop", "link": "https://acme.example/x",
        "details": {"event_type": "POLICY_CLOSE_WARNING", "health_rule_name": "Slow", "event_time": "Mon Mar 02 09:00:00 UTC 2026"}
    });
    let event = one(&AppDynamics, &nested);
    assert_eq!(
        (event.dedup_key.as_str(), event.action, event.summary.as_str()),
        ("appdynamics:incident:7", Action::Resolve, "Shop: Slow")
    );
    assert!(event.occurred_at.is_some() && event.links.len() == 1);
    // Only the title says what happened.
    let titled = json!({"incidentId": 7, "severity": "INFO", "displayName": "Health Rule Violation Ended - Critical"});
    assert_eq!(one(&AppDynamics, &titled).action, Action::Resolve);
}

#[test]
fn anomalies_end_under_their_own_id() {
    for (kind, action) in [
        ("ANOMALY_OPEN_CRITICAL", Action::Trigger),
        ("ANOMALY_CLOSE_CRITICAL", Action::Resolve),
    ] {
        for body in [
            json!({"eventType": kind, "id": kind, "incidentId": "", "anomalyId": "9"}),
            json!({"eventType": kind, "id": kind, "anomaly": {"id": 9, "name": "x"}}),
        ] {
            let event = one(&AppDynamics, &body);
            assert_eq!(
                (event.action, event.dedup_key.as_str()),
                (action, "appdynamics:anomaly:9")
            );
        }
    }
}

/// The start and the end have the time of their own event, so that an end that overtook its start is known.
#[test]
fn events_are_ordered_by_their_time() {
    let at = |kind: &str, time: Value| {
        one(
            &AppDynamics,
            &json!({"incidentId": 7, "eventType": kind, "eventTime": time}),
        )
        .changed_at
    };
    let start = at("POLICY_OPEN_CRITICAL", json!("Mon Mar 02 09:00:00 UTC 2026"));
    let end = at("POLICY_CLOSE_CRITICAL", json!("2026-03-02T09:20:00Z"));
    assert!(start.is_some() && start < end, "{start:?} {end:?}");
    assert_eq!(at("POLICY_OPEN_CRITICAL", json!("Mon Mar 02 09:00:00 PST 2026")), None);
}

/// What Velocity makes of the payload of our set-up text for two events, one of them without an incident.
#[test]
fn the_payload_of_the_set_up_is_understood() {
    let snippet = AppDynamics.setup().snippets[1].template;
    let (head, rest) = snippet
        .split_once("#foreach($event in ${fullEventList})")
        .expect("a loop");
    let (inside, tail) = rest.split_once("#end").expect("its end");
    let fill = |text: &str, values: &[(&str, &str)]| {
        let mut text = text.to_owned();
        for (name, value) in values {
            for form in [format!("${{event.{name}}}"), format!("$!{{event.{name}}}")] {
                text = text.replace(&form, value);
            }
        }
        // A quiet reference to nothing leaves nothing; any other stays as it is.
        while let Some(at) = text.find("$!{") {
            let end = text[at..].find('}').expect("a brace");
            text.replace_range(at..=at + end, "");
        }
        text
    };
    let violation = fill(
        inside,
        &[
            ("id", "88001"),
            ("incident.id", "5501"),
            ("eventType", "POLICY_OPEN_CRITICAL"),
            ("severity", "ERROR"),
            ("healthRule.name", "Slow checkout"),
            ("application.name", "Shop"),
            ("summaryMessage", "It is \"slow\"\nnow"),
            ("eventTime", "Mon Mar 02 09:00:00 UTC 2026"),
            (
                "deepLink",
                "https://acme.example/#location=APP_INCIDENT_DETAIL_MODAL&incident=5501",
            ),
        ],
    );
    let anomaly = fill(
        inside,
        &[
            ("id", "88002"),
            ("anomaly.id", "31"),
            ("eventType", "ANOMALY_CLOSE_CRITICAL"),
            ("severity", "INFO"),
            ("application.name", "Shop"),
            ("eventTime", "Mon Mar 02 09:05:00 UTC 2026"),
            ("deepLink", "https://acme.example/#location=ANOMALY_DETAIL"),
        ],
    );
    let body = format!("{head}{violation}{anomaly}{tail}")
        .replace("${controllerUrl}", "https://acme.example/controller")
        .replace("${policy.name}", "Page the shop");
    assert!(!body.contains("${") && !body.contains("$!"), "{body}");
    let all = Call {
        body: body.as_bytes(),
        ..Call::default()
    }
    .parse(&AppDynamics)
    .expect("two events");
    let [Normalised::Event(first), Normalised::Event(second)] = &all[..] else {
        panic!("{all:?}")
    };
    assert_eq!(
        (first.dedup_key.as_str(), first.action, first.summary.as_str()),
        ("appdynamics:incident:5501", Action::Trigger, "Shop: Slow checkout")
    );
    assert_eq!(
        (second.dedup_key.as_str(), second.action),
        ("appdynamics:anomaly:31", Action::Resolve)
    );
    assert!(first.changed_at < second.changed_at);
}
