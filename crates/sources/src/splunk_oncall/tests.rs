//! The phases and forms of Splunk On-Call, and what its chat says.

use super::*;
use crate::testing::{self, Call, only};

#[test]
fn phases_come_before_messages() {
    for (phase, message, expected) in [
        (json!("UNACKED"), json!("INFO"), Some(Action::Trigger)),
        (json!("ACKED"), json!("CRITICAL"), Some(Action::Acknowledge)),
        (json!("RESOLVED"), json!("CRITICAL"), Some(Action::Resolve)),
        (json!(null), json!("WARNING"), Some(Action::Trigger)),
        (
            json!("${{STATE.CURRENT_ALERT_PHASE}}"),
            json!("RECOVERY"),
            Some(Action::Resolve),
        ),
        (json!(null), json!("ACKNOWLEDGEMENT"), Some(Action::Acknowledge)),
        (json!(null), json!("INFO"), None),
        (json!(null), json!("odd"), None),
    ] {
        let body =
            json!({"STATE.CURRENT_ALERT_PHASE": phase, "ALERT.message_type": message, "ALERT.entity_id": "db/disk"});
        match (event(body).expect("an outcome"), expected) {
            (Normalised::Event(event), Some(action)) => {
                assert_eq!(
                    (event.action, event.dedup_key.as_str()),
                    (action, "splunk-oncall:db/disk")
                );
            }
            (Normalised::Ignored { dedup_key: Some(_), .. }, None) => {}
            (outcome, _) => panic!("{phase} {message}: {outcome:?}"),
        }
    }
}

#[test]
fn chats_and_rotas_are_ignored_and_numbers_are_ids() {
    let chat = json!({"CHAT.TEXT": "on it", "entity_id": "${{STATE.ENTITY_ID}}", "alert_phase": "${{STATE.CURRENT_ALERT_PHASE}}"});
    assert!(matches!(event(chat), Ok(Normalised::Ignored { dedup_key: None, .. })));
    let page = json!({"PAGE.ID": "8f", "PAGE.ATTEMPT_NUMBER": 1, "incident_number": "14"});
    assert!(matches!(
        event(page),
        Ok(Normalised::Ignored { dedup_key: Some(_), .. })
    ));
    let Ok(Normalised::Event(numbered)) = event(json!({"incident_number": 14, "phase": "ACKED"})) else {
        panic!("an event")
    };
    assert_eq!(numbered.dedup_key, "splunk-oncall:incident:14");
    let variables = json!({"INCIDENT.INCIDENT_NAME": "#14", "INCIDENT.CURRENT_PHASE": "RESOLVED", "INCIDENT.ENTITY_DISPLAY_NAME": "Disk"});
    let Ok(Normalised::Event(ended)) = event(variables) else {
        panic!("an event")
    };
    assert_eq!((ended.action, ended.dedup_key), (Action::Resolve, numbered.dedup_key));
    // A variable that is not filled in is none; the name is the same until the end.
    for (phase, action) in [("UNACKED", Action::Trigger), ("RESOLVED", Action::Resolve)] {
        let body =
            json!({"entity_id": "${{STATE.ENTITY_ID}}", "entity_display_name": "Disk of db-2", "alert_phase": phase});
        let named = testing::event(&SplunkOnCall, &body);
        assert_eq!(
            (named.action, named.dedup_key.as_str()),
            (action, "splunk-oncall:name:Disk of db-2")
        );
    }
    let nameless = event(json!({"message_type": "CRITICAL"})).map_err(|error| error.field);
    assert_eq!(nameless, Err("entity_id".into()));
}

/// As a captured request has it: every text in quotation marks. The signature was made with another program, by the
/// steps of the vendor's page.
#[test]
fn escalations_are_quoted_and_signed_with_their_address() {
    let body = "incident=31&created_by=%22mira%22&entity_display_name=%22Disk+of+db-2%22&message_type=%22CRITICAL%22\
                &alert_type=%22CRITICAL%22&entity_state=%22CRITICAL%22&entity_id=%22db-2%2Fdisk%22\
                &state_message=%22it%27s+96%25+used%22&message=&vo_organization_id=%22lantern%22&summary=";
    let (query, host) = ("integrationId=int_1", "ops.example");
    let verdict = |host: &str, query: &str, body: &str, secret: &str| {
        Call {
            query,
            headers: &[
                ("host", host),
                ("content-type", "application/x-www-form-urlencoded"),
                ("x-victorops-signature", "tZzhk6iWxB4yzzeRE6SQ+h2XmD8="),
            ],
            body: body.as_bytes(),
            ..Call::default()
        }
        .verify(&SplunkOnCall, secret)
    };
    assert_eq!(verdict(host, query, body, "auth-code-1"), Ok(()));
    let moved = body.trim_start_matches("incident=31&").to_owned() + "&incident=31";
    assert_eq!(
        verdict(host, query, &moved, "auth-code-1"),
        Ok(()),
        "the order of the fields is no matter"
    );
    for (host, query, body, secret) in [
        ("other.example", query, body, "auth-code-1"),
        (host, "integrationId=int_2", body, "auth-code-1"),
        (host, query, &body[1..], "auth-code-1"),
        (host, query, body, "auth-code-2"),
    ] {
        assert_eq!(
            verdict(host, query, body, secret),
            Err(SignatureError::Wrong),
            "{host} {query}"
        );
    }
    let call = Call {
        headers: &[("content-type", "application/x-www-form-urlencoded")],
        body: body.as_bytes(),
        ..Call::default()
    };
    let event = only(call.parse(&SplunkOnCall).expect("an event"));
    assert_eq!(
        (
            event.action,
            event.dedup_key.as_str(),
            event.severity,
            event.summary.as_str()
        ),
        (
            Action::Trigger,
            "splunk-oncall:db-2/disk",
            Severity::Critical,
            "Disk of db-2"
        )
    );
    assert_eq!(event.description.as_deref(), Some("it's 96% used"));
    // The end comes by an outgoing webhook, whose texts are not quoted.
    let end = json!({"alert_phase": "RESOLVED", "message_type": "CRITICAL", "entity_id": "db-2/disk"});
    let end = testing::event(&SplunkOnCall, &end);
    assert_eq!((end.action, end.dedup_key), (Action::Resolve, event.dedup_key));
}

#[test]
fn the_payload_to_paste_becomes_an_event_when_it_is_filled_in() {
    let template = SNIPPETS[1].render(
        "https://ok.example/api/integrations/splunk-oncall?integrationId=int_1",
        "key",
    );
    for (phase, message, action) in [
        ("UNACKED", "CRITICAL", Action::Trigger),
        ("ACKED", "CRITICAL", Action::Acknowledge),
        ("RESOLVED", "RECOVERY", Action::Resolve),
    ] {
        let body = template
            .replace("${{STATE.CURRENT_ALERT_PHASE}}", phase)
            .replace("${{ALERT.message_type}}", message)
            .replace("${{STATE.ENTITY_ID}}", "db-2/disk")
            .replace("${{ALERT.entity_display_name}}", "Disk of db-2")
            .replace("${{ALERT.state_message}}", "a \"quoted\" word,\nand a line")
            .replace("${{STATE.LAST_TIMESTAMP}}", "1772439000000");
        let call = Call {
            body: body.as_bytes(),
            ..Call::default()
        };
        let event = only(call.parse(&SplunkOnCall).expect("an event"));
        assert_eq!(
            (event.action, event.dedup_key.as_str(), event.summary.as_str()),
            (action, "splunk-oncall:db-2/disk", "Disk of db-2"),
            "{body}"
        );
        assert!(event.occurred_at.is_some() && event.links.is_empty());
    }
}
