//! Notifications as media types and scripts write them.

use super::*;

fn outcome(value: &str, update: &str, did: &str) -> Normalised {
    let body = json!({
        "event_id": 4711, "event_value": value, "event_update_status": update, "event_update_action": did,
        "event_nseverity": "4", "event_name": "Disk full", "host_name": "db-1"
    });
    event(body).expect("an outcome")
}

#[test]
fn updates_acknowledge_only_when_they_say_so() {
    for (value, update, did, expected) in [
        ("1", "0", "", Some(Action::Trigger)),
        ("0", "0", "", Some(Action::Resolve)),
        ("1", "1", "acknowledged, commented", Some(Action::Acknowledge)),
        ("1", "1", "changed severity from Warning to High", Some(Action::Trigger)),
        ("1", "1", "commented", None),
        ("1", "1", "unacknowledged", None),
        ("1", "1", "suppressed", None),
        ("0", "1", "acknowledged", None),
    ] {
        match (outcome(value, update, did), expected) {
            (Normalised::Event(event), Some(action)) => {
                assert_eq!(
                    (event.action, event.dedup_key.as_str()),
                    (action, "zabbix:4711"),
                    "{did}"
                );
            }
            (Normalised::Ignored { dedup_key: Some(_), .. }, None) => {}
            (outcome, _) => panic!("{did}: {outcome:?}"),
        }
    }
}

#[test]
fn numbers_are_severities() {
    for (number, expected) in [
        ("5", Severity::Critical),
        ("4", Severity::Error),
        ("3", Severity::Warning),
        ("2", Severity::Warning),
        ("1", Severity::Info),
        ("0", Severity::Info),
    ] {
        let body = json!({"EVENT.NSEVERITY": number, "EVENT.SEVERITY": "Katastrophe"});
        assert_eq!(severity(&Loose::new(&body, &[], is_unfilled)), expected, "{number}");
    }
}

#[test]
fn macros_that_are_not_filled_in_are_absent() {
    let test = json!({"event_id": "{EVENT.ID}", "event_value": "{EVENT.VALUE}", "host_name": "{HOST.NAME}"});
    let Ok(Normalised::Event(tested)) = event(test) else {
        panic!("an event")
    };
    assert!(tested.is_test);
    let body =
        json!({"event_id": "5", "item_name": "*UNKNOWN*", "trigger_url": "{TRIGGER.URL}", "event_name": "{x} y"});
    let Ok(Normalised::Event(real)) = event(body) else {
        panic!("an event")
    };
    assert_eq!(
        (real.component.as_deref(), real.summary.as_str(), real.is_test),
        (None, "{x} y", false)
    );
    assert_eq!(
        event(json!({"host": "x"})).map_err(|error| error.field),
        Err("event_id".into())
    );
}

/// The words of a Zabbix server 6.0.
#[test]
fn updates_may_do_several_things() {
    for (did, expected) in [
        ("acknowledged and commented", Some(Action::Acknowledge)),
        ("acknowledged, commented and closed", Some(Action::Acknowledge)),
        (
            "commented and changed severity from Disaster to High",
            Some(Action::Trigger),
        ),
        ("closed", None),
        ("unacknowledged and commented", None),
    ] {
        let action = match outcome("1", "1", did) {
            Normalised::Event(event) => Some(event.action),
            Normalised::Ignored { .. } => None,
        };
        assert_eq!(action, expected, "{did}");
    }
}

#[test]
fn a_value_of_the_item_is_no_state() {
    for (body, expected) in [
        (json!({"event_id": "5", "value": "96.1 %"}), Action::Trigger),
        (json!({"event_id": "5", "value": "0"}), Action::Resolve),
        (
            json!({"event_id": "5", "value": "0", "trigger_status": "PROBLEM"}),
            Action::Trigger,
        ),
        (json!({"event_id": "5", "event_recovery_value": "0"}), Action::Resolve),
        (
            json!({"event_id": "5", "event_recovery_value": "{EVENT.RECOVERY.VALUE}"}),
            Action::Trigger,
        ),
    ] {
        match event(body.clone()).expect("an event") {
            Normalised::Event(event) => assert_eq!(event.action, expected, "{body}"),
            Normalised::Ignored { reason, .. } => panic!("{body}: {reason}"),
        }
    }
}

#[test]
fn newer_versions_say_when_a_problem_began_and_ended() {
    let at = |value: &str, update: &str, times: [&str; 3]| {
        let body = json!({
            "event_id": "5", "event_value": value, "event_update_status": update, "event_update_action": "changed severity from A to B",
            "event_timestamp": times[0], "event_update_timestamp": times[1], "event_recovery_timestamp": times[2],
            "timestamp": "1772449999"
        });
        match event(body).expect("an event") {
            Normalised::Event(event) => event.changed_at.map(|time| time.as_second()),
            Normalised::Ignored { reason, .. } => panic!("{reason}"),
        }
    };
    let (update, recovery) = ("{EVENT.UPDATE.TIMESTAMP}", "{EVENT.RECOVERY.TIMESTAMP}");
    assert_eq!(at("1", "0", ["1772439000", update, recovery]), Some(1_772_439_000));
    assert_eq!(
        at("1", "1", ["1772439000", "1772439060", recovery]),
        Some(1_772_439_060)
    );
    assert_eq!(at("0", "0", ["1772439000", update, "1772442600"]), Some(1_772_442_600));
    assert_eq!(at("0", "0", ["{EVENT.TIMESTAMP}", update, recovery]), None);
}

/// What the parameters of the media type become when Zabbix fills them in.
#[test]
fn the_media_type_sends_what_is_understood() {
    let yaml = include_str!("media_type.yaml");
    let parameters = yaml.split("        - name: ").skip(1).filter_map(|part| {
        let (name, rest) = part.split_once('\n')?;
        let value = rest.trim_start().strip_prefix("value: '")?.split('\'').next()?;
        Some((name, value))
    });
    let mut body = serde_json::Map::new();
    for (name, macro_) in parameters.filter(|(name, _)| !["url", "key"].contains(name)) {
        let value = match macro_ {
            "{EVENT.ID}" => "25",
            "{EVENT.SOURCE}" | "{EVENT.UPDATE.STATUS}" => "0",
            "{EVENT.VALUE}" => "1",
            "{EVENT.NSEVERITY}" => "4",
            "{EVENT.NAME}" => "Disk low",
            "{HOST.NAME}" => "Database one",
            "{EVENT.TIMESTAMP}" => "1772439000",
            "{$ZABBIX.URL}" => "https://zabbix.example",
            "{TRIGGER.ID}" => "23134",
            other => other,
        };
        body.insert(name.to_owned(), json!(value));
    }
    let Ok(Normalised::Event(event)) = event(Value::Object(body)) else {
        panic!("an event")
    };
    assert_eq!(event.dedup_key, "zabbix:zabbix.example:25");
    assert_eq!(
        (event.summary.as_str(), event.severity),
        ("Database one: Disk low", Severity::Error)
    );
    assert!(event.changed_at.is_some() && event.links.len() == 1 && !event.is_test);
}

#[test]
fn two_installations_are_told_apart() {
    let key = |url: &str| match event(json!({"event_id": "5", "zabbix_url": url})).expect("an event") {
        Normalised::Event(event) => event.dedup_key,
        Normalised::Ignored { reason, .. } => panic!("{reason}"),
    };
    assert_eq!(key("https://zabbix.example/zabbix"), "zabbix:zabbix.example:5");
    assert_eq!(key("{$ZABBIX.URL}"), "zabbix:5");
}

/// The script of the media type signs so. The signature was computed with Python's hmac.
#[test]
fn what_the_script_signs_is_believed() {
    let verify = |signature: &str, secret: &str| {
        let call = crate::testing::Call {
            headers: &[("x-signature", signature)],
            body: br#"{"event_id":"25","event_value":"1","event_name":"Disk low"}"#,
            ..crate::testing::Call::default()
        };
        call.verify(&Zabbix, secret).is_ok()
    };
    let signature = "sha256=1652de44c9870f1dd30bbdfcd25900cdbbdc178f71900494e13f88cda3e381d2";
    assert!(verify(signature, "s3cret it"));
    assert!(!verify(signature, "another") && !verify("sha256=00", "s3cret it"));
}
