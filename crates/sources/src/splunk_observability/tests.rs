//! What Splunk Observability Cloud sends, and how it signs.

use super::*;
use crate::testing::{Call, event, parse, reason};

/// The digests were computed with Python's hmac and base64.
#[test]
fn the_body_is_signed() {
    let body = br#"{"incidentId":"FxYz","status":"ok"}"#;
    let sha256 = "DIP5ciWxNwQQ8/x70hXrZmtSMJabPT6SHc6BL/O9C28=";
    let sha1 = "49n0cE53eN9uxDvAr1dVPJkOLpE=";
    let verdict = |signature: &str, body: &[u8], secret: &str| {
        let headers = [(SIGNATURE_HEADER, signature)];
        Call {
            headers: &headers,
            body,
            ..Call::default()
        }
        .verify(&SplunkObservability, secret)
    };
    for signature in [sha256, sha1] {
        assert_eq!(verdict(signature, body, "shared-secret"), Ok(()));
        assert_eq!(verdict(signature, b"{}", "shared-secret"), Err(SignatureError::Wrong));
        assert_eq!(verdict(signature, body, "Shared-secret"), Err(SignatureError::Wrong));
        assert_eq!(verdict(signature, body, ""), Err(SignatureError::Wrong));
    }
    for signature in ["x", "AAAA", "=", &sha256.to_lowercase()] {
        assert_eq!(verdict(signature, body, "shared-secret"), Err(SignatureError::Wrong));
    }
    assert_eq!(
        Call::default().verify(&SplunkObservability, "secret"),
        Err(SignatureError::Missing)
    );
}

#[test]
fn states() {
    for (status, extended, action) in [
        ("anomalous", "anomalous", Action::Trigger),
        ("ok", "ok", Action::Resolve),
        ("ok", "manually resolved", Action::Resolve),
        ("ok", "stopped", Action::Resolve),
        ("ok", "auto resolved", Action::Resolve),
        ("anomalous", "MANUALLY_RESOLVED", Action::Resolve),
        ("ok", "anomalous", Action::Trigger),
        ("odd", "odd", Action::Trigger),
    ] {
        let body = json!({"incidentId": "i", "status": status, "statusExtended": extended});
        assert_eq!(event(&SplunkObservability, &body).action, action, "{extended}");
    }
    assert_eq!(
        event(&SplunkObservability, &json!({"incidentId": "i", "status": "ok"})).action,
        Action::Resolve
    );
}

#[test]
fn rules_of_one_detector_stay_apart() {
    let key = |rule: &str, host: &str| {
        let body = json!({"detectorId": "d", "rule": rule, "dimensions": {"host": host}});
        event(&SplunkObservability, &body).dedup_key
    };
    assert_eq!(key("a", "1"), key("a", "1"));
    assert_ne!(key("a", "1"), key("b", "1"));
    assert_ne!(key("a", "1"), key("a", "2"));
    assert_eq!(
        parse(&SplunkObservability, &json!({"rule": "a"})).map_err(|error| error.field),
        Err("incidentId".into())
    );
}

#[test]
fn muted_alerts_are_ignored_and_end() {
    let body = |status: &str| json!({"incidentId": "i", "status": status, "triggeredWhileMuted": true});
    assert!(reason(&SplunkObservability, &body("anomalous")).contains("muted"));
    assert_eq!(event(&SplunkObservability, &body("ok")).action, Action::Resolve);
}

#[test]
fn dimensions_name_an_incident_in_any_order() {
    let key = |dimensions: &str| {
        let body = format!(r#"{{"detectorId":"d","rule":"a","dimensions":{dimensions}}}"#);
        event(&SplunkObservability, &serde_json::from_str(&body).expect("JSON")).dedup_key
    };
    assert_eq!(key(r#"{"host":"1","dc":"west"}"#), key(r#"{"dc":"west","host":"1"}"#));
    assert_ne!(key(r#"{"host":"1"}"#), key(r#"{"host":"2"}"#));
    assert_ne!(key(r#""{host=1}""#), key(r#""{host=2}""#));
}

/// The end has its own time, so an alert that comes after its end is known to be the older of the two.
#[test]
fn events_are_ordered_by_their_time() {
    let at = |status: &str, timestamp: Value| {
        let body = json!({"incidentId": "i", "status": status, "timestamp": timestamp});
        event(&SplunkObservability, &body).changed_at
    };
    let start = at("anomalous", json!("2026-03-02T09:00:00Z"));
    let end = at("ok", json!(1_772_442_600_000_u64));
    assert!(start.is_some() && start < end, "{start:?} {end:?}");
    // As it stands in Splunk's own example.
    assert_eq!(at("anomalous", json!("20122-10-25T21:19:38Z")), None);
}
