//! What Honeycomb sends, by default and with templates.

use super::*;
use crate::testing::{Call, event, parse};

#[test]
fn the_token_is_the_secret() {
    let verdict = |headers: &[(&'static str, &str)]| {
        Call {
            headers,
            body: b"{}",
            ..Call::default()
        }
        .verify(&Honeycomb, "s3cret")
    };
    assert_eq!(verdict(&[(TOKEN_HEADER, "s3cret")]), Ok(()));
    assert_eq!(verdict(&[(TOKEN_HEADER, "s3cre")]), Err(SignatureError::Wrong));
    assert_eq!(verdict(&[(TOKEN_HEADER, "S3CRET")]), Err(SignatureError::Wrong));
    assert_eq!(verdict(&[]), Err(SignatureError::Missing));
    let call = Call {
        headers: &[(TOKEN_HEADER, "x")],
        ..Call::default()
    };
    assert_eq!(call.verify(&Honeycomb, ""), Err(SignatureError::Wrong));
}

#[test]
fn deliveries_keep_their_id() {
    let call = Call {
        headers: &[("x-honeycomb-webhook-delivery-id", "d-1")],
        ..Call::default()
    };
    assert_eq!(call.delivery_id(&Honeycomb).as_deref(), Some("d-1"));
}

#[test]
fn severities_of_triggers_and_burn_alerts() {
    let severity = |body: Value| event(&Honeycomb, &body).severity;
    assert_eq!(severity(json!({"id": "a", "status": "TRIGGERED"})), Severity::Warning);
    assert_eq!(severity(json!({"id": "a", "severity": "error"})), Severity::Error);
    assert_eq!(
        severity(json!({"id": "a", "severity": "{{ .Vars.severity }}"})),
        Severity::Warning
    );
    assert_eq!(
        severity(json!({"id": "a", "slo": {"name": "Checkout"}})),
        Severity::Critical
    );
    assert_eq!(
        severity(json!({"id": "a", "exhaustion_minutes": 240})),
        Severity::Critical
    );
}

#[test]
fn tests_ends_and_secrets() {
    for body in [
        json!({"id": "a", "isTest": true}),
        json!({"id": "a", "alert": {"isTest": "true"}}),
        json!({"id": "a", "summary": "TRIGGER TEST: Triggered: errors"}),
    ] {
        assert!(event(&Honeycomb, &body).is_test, "{body}");
    }
    assert!(!event(&Honeycomb, &json!({"id": "a", "isTest": false})).is_test);
    let ok = event(
        &Honeycomb,
        &json!({"id": "a", "status": "ok", "result_url": "", "shared_secret": "x"}),
    );
    assert_eq!(
        (ok.action, ok.links.len(), ok.details.get("shared_secret")),
        (Action::Resolve, 0, None)
    );
    assert_eq!(
        parse(&Honeycomb, &json!({"status": "OK"})).map_err(|error| error.field),
        Err("id".into())
    );
}

/// The integration's own test has no id, and a trigger's says that it is one.
#[test]
fn the_test_buttons_page_nobody() {
    let integration = json!({
        "version": "v0.1.0", "name": "Sample Honeycomb alert", "id": "", "trigger_description": "What it is for",
        "status": "tRiGgErEd", "alert_type": "on_change", "summary": "", "description": "", "operator": "", "threshold": 0,
        "result_groups": null, "result_groups_triggered": null, "trigger_url": "", "is_test": true
    });
    let test = event(&Honeycomb, &integration);
    assert_eq!(
        (
            test.is_test,
            test.action,
            test.dedup_key.as_str(),
            test.description.as_deref()
        ),
        (
            true,
            Action::Trigger,
            "honeycomb:name:Sample Honeycomb alert:test",
            Some("What it is for")
        )
    );
}

#[test]
fn burn_alerts_are_known_by_their_type() {
    for kind in ["exhaustion_time", "budget_rate"] {
        let alert = event(
            &Honeycomb,
            &json!({"id": "b", "alert_type": kind, "status": "TRIGGERED"}),
        );
        assert_eq!(
            (alert.severity, alert.class.as_deref()),
            (Severity::Critical, Some("SLO burn alert"))
        );
    }
    let trigger = json!({"id": "b", "alert_type": "on_true", "status": "TRIGGERED"});
    assert_eq!(event(&Honeycomb, &trigger).severity, Severity::Warning);
}

/// What Honeycomb makes of the template of our set-up text.
#[test]
fn the_template_of_the_set_up_is_understood() {
    let filled = |status: &str, severity: &str| {
        let mut text = Honeycomb.setup().snippets[1].template.to_owned();
        for (name, value) in [
            (".ID", "aBc"),
            (".Name", "Slow checkout"),
            (".Alert.Status", status),
            (".Alert.Summary", "Triggered: Slow checkout"),
            (".Alert.Description", "Currently greater than 500"),
            (".Environment", "prod"),
            (".Operator", "greater than"),
            (".Threshold", "500"),
            (".URL", "https://ui.honeycomb.example/t/aBc"),
            (".Result.URL", "https://ui.honeycomb.example/r/1"),
            (".Vars.severity", severity),
            (".Alert.IsTest", "false"),
        ] {
            text = text.replace(&format!("{{{{ {name} }}}}"), value);
        }
        assert!(!text.contains("{{"), "{text}");
        event(&Honeycomb, &serde_json::from_str(&text).expect("JSON"))
    };
    let (fired, ended) = (filled("TRIGGERED", "critical"), filled("OK", "critical"));
    assert_eq!(
        (fired.action, fired.severity, fired.is_test, fired.links.len()),
        (Action::Trigger, Severity::Critical, false, 2)
    );
    assert_eq!((ended.action, ended.dedup_key), (Action::Resolve, fired.dedup_key));
    assert_eq!(filled("TRIGGERED", "").severity, Severity::Warning);
}
