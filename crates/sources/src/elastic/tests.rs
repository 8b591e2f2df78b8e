//! What Kibana and Watcher send, in the shapes that templates have.

use super::*;
use crate::testing::{Call, event, only, parse};

#[test]
fn action_groups() {
    let of = |group: &str| {
        event(
            &Elastic,
            &json!({"rule": {"id": "r"}, "alert": {"id": "a", "actionGroup": group}}),
        )
    };
    for (group, action, severity) in [
        ("recovered", Action::Resolve, Severity::Warning),
        ("untracked", Action::Resolve, Severity::Warning),
        ("query matched", Action::Trigger, Severity::Warning),
        ("metrics.threshold.critical", Action::Trigger, Severity::Critical),
        ("metrics.threshold.nodata", Action::Trigger, Severity::Warning),
        ("recoveredish", Action::Trigger, Severity::Warning),
    ] {
        let event = of(group);
        assert_eq!((event.action, event.severity), (action, severity), "{group}");
        assert_eq!(event.dedup_key, "elastic:r:a");
    }
    let empty = json!({"rule_id": "r", "alert.id": "a", "severity": "", "status": "recovered"});
    assert_eq!(
        (event(&Elastic, &empty).severity, event(&Elastic, &empty).action),
        (Severity::Warning, Action::Resolve)
    );
}

#[test]
fn one_name_for_all_alerts_of_a_kind_is_no_key() {
    let key = |rule: &str| {
        event(
            &Elastic,
            &json!({"rule": {"id": rule}, "alert": {"id": "query matched"}}),
        )
        .dedup_key
    };
    assert_ne!(key("r1"), key("r2"));
    assert_eq!(
        parse(&Elastic, &json!({"severity": "high"})).map_err(|error| error.field),
        Err("rule.id".into())
    );
}

#[test]
fn summaries_and_single_alerts_have_the_same_key() {
    let body = json!({"rule": {"id": "r"}, "alerts": {"new": {"count": 1, "data": [{"kibana.alert.instance.id": "a", "kibana.alert.rule.uuid": "r"}]}}});
    assert_eq!(event(&Elastic, &body).dedup_key, "elastic:r:a");
    let nested = json!({"alerts": {"recovered": {"count": 1, "data": "[{\"kibana\":{\"alert\":{\"instance\":{\"id\":\"a\"},\"rule\":{\"uuid\":\"r\"}}}}]"}}});
    let event_ = event(&Elastic, &nested);
    assert_eq!(
        (event_.dedup_key.as_str(), event_.action),
        ("elastic:r:a", Action::Resolve)
    );
    let counts = json!({"rule": {"id": "r"}, "alerts": {"new": {"count": "2"}, "recovered": {"count": 1}}});
    assert_eq!(event(&Elastic, &counts).action, Action::Trigger);
    assert_eq!(event(&Elastic, &counts).dedup_key, "elastic:r");
}

/// Triple braces do not escape, and a loop leaves a comma at its end.
#[test]
fn bodies_that_are_no_json() {
    let body = b"{\"rule\": {\"id\": \"r\"}, \"alert\": {\"id\": \"a\"}, \"context\": {\"message\": \"Field \"x\"\nis over 5\"}, \"severity\": \"error\"}";
    let event = only(
        Call {
            body,
            ..Call::default()
        }
        .parse(&Elastic)
        .expect("an event"),
    );
    assert_eq!(event.description.as_deref(), Some("Field \"x\"\nis over 5"));
    let body = b"{\"rule\": {\"id\": \"r\"}, \"alerts\": {\"new\": {\"count\": 2, \"data\": [ {\"alert_id\": \"a\" },{\"alert_id\": \"b\" }, ] }, \"ongoing\": {\"count\": , \"data\": [  ] } } }";
    assert_eq!(
        Call {
            body,
            ..Call::default()
        }
        .parse(&Elastic)
        .map(|all| all.len()),
        Ok(2)
    );
}

#[test]
fn the_connectors_own_test_pages_nobody() {
    let body = json!({"rule": {"id": "{{rule.id}}", "name": "{{rule.name}}"}, "alert": {"id": "{{alert.id}}"}, "severity": "critical"});
    let event = event(&Elastic, &body);
    assert!(event.is_test && event.severity == Severity::Info);
}

#[test]
fn watches() {
    let fired = json!({"ctx": {"watch_id": "w", "id": "w_1", "execution_time": "2026-03-02T09:00:00Z", "payload": {"hits": {"total": 7}}}});
    let event_ = event(&Elastic, &fired);
    assert_eq!(
        (event_.dedup_key.as_str(), event_.action),
        ("elastic:watch:w", Action::Trigger)
    );
    assert!(event_.occurred_at.is_some());
}

/// In Kibana 7, `alertId` is the rule and `alertInstanceId` the alert.
#[test]
fn variables_of_kibana_7() {
    let of = |instance: &str, group: &str| {
        let body = json!({
            "alert_id": "rule-1", "alert_name": "Disk space", "alert_instance_id": instance, "alertActionGroup": group
        });
        event(&Elastic, &body)
    };
    let (a, b) = (of("web-01", "threshold met"), of("web-02", "recovered"));
    assert_eq!(
        (a.dedup_key.as_str(), b.dedup_key.as_str(), b.action),
        ("elastic:rule-1:web-01", "elastic:rule-1:web-02", Action::Resolve)
    );
    assert_eq!(a.summary, "Disk space: web-01");
    let camel = json!({"alertId": "rule-1", "alertInstanceId": "web-01", "alertActionGroup": "resolved"});
    assert_eq!(
        (event(&Elastic, &camel).dedup_key, event(&Elastic, &camel).action),
        (a.dedup_key, Action::Resolve)
    );
}

#[test]
fn rule_types_have_groups_of_their_own() {
    for (group, action, severity) in [
        ("slo.burnRate.alert", Action::Trigger, Severity::Critical),
        ("slo.burnRate.high", Action::Trigger, Severity::Error),
        ("slo.burnRate.medium", Action::Trigger, Severity::Warning),
        ("slo.burnRate.low", Action::Trigger, Severity::Info),
        (
            "anomaly_detection_realtime_recovered",
            Action::Resolve,
            Severity::Warning,
        ),
        ("notGeoContained", Action::Resolve, Severity::Warning),
        ("Tracked entity contained", Action::Trigger, Severity::Warning),
        (
            "metrics.inventory_threshold.warning",
            Action::Trigger,
            Severity::Warning,
        ),
    ] {
        let body = json!({"rule": {"id": "r"}, "alert": {"id": "a", "actionGroup": group}});
        let event = event(&Elastic, &body);
        assert_eq!((event.action, event.severity), (action, severity), "{group}");
    }
}

/// Only the time at which the action was scheduled tells the order; the beginning of an alert does not.
#[test]
fn actions_are_ordered_by_their_date() {
    let of = |field: &str| {
        let mut body = json!({"rule": {"id": "r"}, "alert": {"id": "a"}});
        body[field] = json!("2026-03-02T09:00:00Z");
        let event = event(&Elastic, &body);
        (event.occurred_at.is_some(), event.changed_at.is_some())
    };
    assert_eq!(of("date"), (true, true));
    assert_eq!(of("timestamp"), (true, false));
    let summary = json!({"rule": {"id": "r"}, "date": "2026-03-02T09:00:00Z", "alerts": {"recovered": {"count": 1, "data": [{"alert_id": "a"}]}}});
    assert!(event(&Elastic, &summary).changed_at.is_some());
    let watch = json!({"watch_id": "w", "date": "2026-03-02T09:00:00Z"});
    assert_eq!(event(&Elastic, &watch).changed_at, None);
}

/// What Mustache makes of a body of our set-up text; a variable that Kibana does not know becomes nothing.
fn filled(snippet: &str, values: &[(&str, &str)], lists: &[(&str, &[&str])]) -> String {
    let mut text = Elastic
        .setup()
        .snippets
        .iter()
        .find(|one| one.name == snippet)
        .unwrap_or_else(|| panic!("no snippet {snippet}"))
        .template
        .to_owned();
    for (list, ids) in lists {
        let (open, close) = (format!("{{{{#{list}}}}}"), format!("{{{{/{list}}}}}"));
        let (head, rest) = text.split_once(&open).expect("a loop");
        let (inside, tail) = rest.split_once(&close).expect("its end");
        let each: String = ids
            .iter()
            .map(|id| inside.replace("{{kibana.alert.instance.id}}", id))
            .collect();
        text = format!("{head}{each}{tail}");
    }
    for (name, value) in values {
        text = text.replace(&format!("{{{{{name}}}}}"), value);
    }
    while let Some(at) = text.find("{{") {
        let end = text[at..].find("}}").expect("braces");
        text.replace_range(at..at + end + 2, "");
    }
    text
}

fn outcomes(body: &str) -> Vec<Normalised> {
    let call = Call {
        body: body.as_bytes(),
        ..Call::default()
    };
    call.parse(&Elastic).unwrap_or_else(|error| panic!("{error}: {body}"))
}

#[test]
fn the_body_for_each_alert_is_understood() {
    let single = |group: &str, date: &str| {
        only(outcomes(&filled(
            "Body for each alert and for its recovery",
            &[
                ("rule.id", "r-1"),
                ("rule.name", "Errors in checkout"),
                ("alert.id", "web-01"),
                ("alert.actionGroup", group),
                ("context.reason", "120 errors, \\\"more\\\" than 100"),
                ("date", date),
            ],
            &[],
        )))
    };
    let fired = single("threshold met", "2026-03-02T09:00:00.123Z");
    let recovered = single("recovered", "2026-03-02T09:20:00.456Z");
    assert_eq!(
        (fired.action, fired.dedup_key.as_str(), fired.severity),
        (Action::Trigger, "elastic:r-1:web-01", Severity::Error)
    );
    assert_eq!(
        (recovered.action, &recovered.dedup_key),
        (Action::Resolve, &fired.dedup_key)
    );
    assert!(fired.changed_at.is_some() && fired.changed_at < recovered.changed_at);
}

#[test]
fn the_body_for_a_summary_is_understood() {
    let summary = outcomes(&filled(
        "Body for a summary of alerts",
        &[
            ("rule.id", "r-1"),
            ("alerts.new.count", "2"),
            ("alerts.ongoing.count", "0"),
            ("alerts.recovered.count", "1"),
            ("date", "2026-03-02T09:00:00Z"),
        ],
        &[
            ("alerts.new.data", &["web-01", "web-02"]),
            ("alerts.ongoing.data", &[]),
            ("alerts.recovered.data", &["web-03"]),
        ],
    ));
    let told: Vec<_> = summary
        .iter()
        .map(|outcome| match outcome {
            Normalised::Event(event) => (event.action, event.dedup_key.as_str()),
            Normalised::Ignored { reason, .. } => panic!("{reason}"),
        })
        .collect();
    assert_eq!(
        told,
        [
            (Action::Trigger, "elastic:r-1:web-01"),
            (Action::Trigger, "elastic:r-1:web-02"),
            (Action::Resolve, "elastic:r-1:web-03"),
        ]
    );
}

#[test]
fn the_body_of_a_watch_is_understood() {
    let watch = only(outcomes(&filled(
        "Body of a watch's webhook action",
        &[
            ("ctx.watch_id", "disk"),
            ("ctx.payload.hits.total", "7"),
            ("ctx.execution_time", "2026-03-02T09:00:00Z"),
        ],
        &[],
    )));
    assert_eq!(
        (watch.dedup_key.as_str(), watch.summary.as_str()),
        ("elastic:watch:disk", "disk: 7 hits")
    );
}

#[test]
fn lists_in_which_each_alert_says_what_it_is() {
    for body in [
        json!({"rule": {"id": "r"}, "alerts": {"all": {"count": 2, "data": [
            {"alert_id": "a", "kibana.alert.status": "active"}, {"alert_id": "b", "kibana.alert.status": "recovered"}
        ]}}}),
        json!({"rule": {"id": "r"}, "alerts": [{"alert_id": "a"}, null, {"alert_id": "b", "event": {"action": "close"}}]}),
    ] {
        let all = parse(&Elastic, &body).expect("two events");
        let [Normalised::Event(first), Normalised::Event(second)] = &all[..] else {
            panic!("{all:?}")
        };
        assert_eq!(
            (first.dedup_key.as_str(), first.action),
            ("elastic:r:a", Action::Trigger)
        );
        assert_eq!(
            (second.dedup_key.as_str(), second.action),
            ("elastic:r:b", Action::Resolve)
        );
    }
    let empty = json!({"rule": {"id": "r"}, "alert": {"id": "a", "actionGroup": "recovered"}, "alerts": []});
    assert_eq!(event(&Elastic, &empty).action, Action::Resolve);
}

/// Between two summaries, an alert may end and begin again: it stands in two lists and is active.
#[test]
fn an_alert_that_began_again_is_active() {
    let body = json!({"rule": {"id": "r"}, "alerts": {
        "new": {"count": 1, "data": [{"alert_id": "a", "alert_uuid": "u2"}]},
        "recovered": {"count": 2, "data": [{"alert_id": "a", "alert_uuid": "u1"}, {"alert_id": "b", "alert_uuid": "u3"}]}
    }});
    let all = parse(&Elastic, &body).expect("three outcomes");
    let [
        Normalised::Event(again),
        Normalised::Ignored { dedup_key, reason },
        Normalised::Event(over),
    ] = &all[..]
    else {
        panic!("{all:?}")
    };
    assert_eq!((again.action, over.action), (Action::Trigger, Action::Resolve));
    assert_eq!(dedup_key.as_deref(), Some("elastic:r:a"));
    assert!(reason.contains("began again"), "{reason}");
}

/// Elastic's scale has critical above it.
#[test]
fn high_is_not_the_top_of_the_scale() {
    for (word, severity) in [
        ("low", Severity::Info),
        ("medium", Severity::Warning),
        ("High", Severity::Error),
        ("critical", Severity::Critical),
    ] {
        let body = json!({"rule": {"id": "r"}, "alert": {"id": "a"}, "context": {"rule": {"severity": word}}});
        assert_eq!(event(&Elastic, &body).severity, severity, "{word}");
    }
}

#[test]
fn connectors_post_and_put() {
    assert!(Elastic.takes(&Method::POST) && Elastic.takes(&Method::PUT) && !Elastic.takes(&Method::GET));
}
