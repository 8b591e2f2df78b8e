use opsknight_domain::event::{Action, Event, Severity};
use serde_json::{Value, json};

use super::*;
use crate::testing::{self, Call};

fn event(body: &Value) -> Event {
    testing::event(&GitLab, body)
}

fn key(body: &Value) -> Option<String> {
    match testing::parse(&GitLab, body).expect("an outcome").remove(0) {
        Normalised::Event(event) => Some(event.dedup_key),
        Normalised::Ignored { dedup_key, .. } => dedup_key,
    }
}

fn is_ignored(body: &Value) -> bool {
    matches!(
        testing::parse(&GitLab, body).expect("an outcome")[..],
        [Normalised::Ignored { .. }]
    )
}

fn verdict(headers: &[(&'static str, &str)], secret: &str) -> Result<(), SignatureError> {
    Call {
        headers,
        body: br#"{"object_kind":"pipeline"}"#,
        ..Call::default()
    }
    .verify(&GitLab, secret)
}

#[test]
fn the_secret_token_is_compared_as_it_is() {
    assert_eq!(verdict(&[("x-gitlab-token", "s3cret")], "s3cret"), Ok(()));
    assert_eq!(verdict(&[("x-gitlab-token", "sécret")], "sécret"), Ok(()));
    assert_eq!(
        verdict(&[("x-gitlab-token", "s3cret")], "S3cret"),
        Err(SignatureError::Wrong)
    );
    assert_eq!(verdict(&[("x-gitlab-token", "")], ""), Err(SignatureError::Missing));
    assert_eq!(verdict(&[], "s3cret"), Err(SignatureError::Missing));
}

/// Signed with another program, by the steps of docs.gitlab.com, "Webhooks".
#[test]
fn the_signing_token_signs_with_the_time() {
    let secret = "whsec_AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=";
    let signed = |time: &'static str| {
        [
            ("webhook-id", "6b1e0c8e-2f1c-4b0e-9d2c-1f0a5a3c7d10"),
            ("webhook-timestamp", time),
            ("webhook-signature", "v1,WWp0BwXj68YzwiyIbr7SY6Z1PHm7FFvRrRyRWXT6ZTI="),
            ("x-gitlab-token", "another"),
        ]
    };
    let right = signed("1700000000");
    assert_eq!(verdict(&right, secret), Ok(()));
    assert_eq!(verdict(&right[..3], secret), Ok(()));
    // Copied without what fills it up.
    assert_eq!(verdict(&right, secret.trim_end_matches('=')), Ok(()));
    assert_eq!(verdict(&signed("1700000001"), secret), Err(SignatureError::Wrong));
    assert_eq!(verdict(&signed("1699999699"), secret), Err(SignatureError::Stale));
    // GitLab may send both; the secret that is set here may be the other one, which knows no time.
    assert_eq!(verdict(&right, "another"), Ok(()));
    assert_eq!(verdict(&signed("1699999699"), "another"), Ok(()));
    assert_eq!(verdict(&right, "third"), Err(SignatureError::Wrong));
}

fn pipeline(attributes: &Value) -> Value {
    let mut body = json!({
        "object_kind": "pipeline",
        "object_attributes": {"id": 31, "ref": "main", "tag": false, "source": "push", "status": "failed"},
        "merge_request": null, "project": {"id": 7, "path_with_namespace": "shop/web"}, "builds": []
    });
    for (name, value) in attributes.as_object().expect("an object") {
        body["object_attributes"][name] = value.clone();
    }
    body
}

#[test]
fn pipelines_have_a_key_for_what_they_are_about() {
    for (attributes, expected) in [
        (json!({}), "gitlab:7:pipeline:main"),
        (json!({"source": "web"}), "gitlab:7:pipeline:main"),
        (json!({"source": "schedule"}), "gitlab:7:pipeline:schedule:main"),
        (json!({"tag": true, "ref": "v1"}), "gitlab:7:pipeline:tag:v1"),
        (
            json!({"source": "merge_request_event"}),
            "gitlab:7:pipeline:merge-request:branch:main",
        ),
        (
            json!({"source": "parent_pipeline", "name": "deploy"}),
            "gitlab:7:pipeline:child:main:deploy",
        ),
        (json!({"source": "parent_pipeline"}), "gitlab:7:pipeline:child:main:31"),
    ] {
        for status in ["failed", "success", "canceled"] {
            let mut body = pipeline(&attributes);
            body["object_attributes"]["status"] = json!(status);
            assert_eq!(key(&body).as_deref(), Some(expected), "{attributes} {status}");
        }
    }
    let mut body = pipeline(&json!({"source": "merge_request_event"}));
    body["merge_request"] = json!({"id": 900, "iid": 12});
    assert_eq!(key(&body).as_deref(), Some("gitlab:7:pipeline:merge-request:12"));
}

#[test]
fn pipelines_and_deployments_are_in_the_order_of_their_ends() {
    let end = |status: &str, at: Value| {
        event(&pipeline(
            &json!({"status": status, "created_at": "2026-03-02 07:00:00 UTC", "finished_at": at}),
        ))
        .changed_at
    };
    let failed = end("failed", json!("2026-03-02 08:00:00 UTC"));
    let passed = end("success", json!("2026-03-02 08:30:00 UTC"));
    assert!(failed.is_some() && failed < passed);
    assert_eq!(end("failed", Value::Null), None);
    let deployment = |status: &str, at: &str| {
        let body = json!({
            "object_kind": "deployment", "status": status, "status_changed_at": at, "deployment_id": 1,
            "environment": "prod", "project": {"id": 7}
        });
        event(&body).changed_at
    };
    let failed = deployment("failed", "2026-03-02 10:00:00 +0200");
    assert!(failed.is_some() && failed < deployment("success", "2026-03-02 08:30:00 +0000"));
    let job = json!({
        "object_kind": "build", "build_name": "test", "build_status": "failed", "build_allow_failure": false,
        "build_finished_at": null, "build_finished_at_iso": "2026-03-02T08:00:00Z", "project_id": 7, "environment": null
    });
    assert!(event(&job).changed_at.is_some());
}

#[test]
fn incidents_live_and_end() {
    let issue = |action: &str, state: &str, changes: Value| {
        json!({
            "object_kind": "issue", "changes": changes, "project": {"id": 7},
            "object_attributes": {
                "id": 5, "iid": 2, "type": "Incident", "title": "Down", "action": action, "state": state, "severity": "HIGH",
                "updated_at": "2026-03-02 08:00:00 UTC"
            }
        })
    };
    let status = |word: &str| json!({"escalation_status": {"previous": "triggered", "current": word}});
    let severity = json!({"severity": {"previous": "low", "current": "high"}});
    for (body, expected) in [
        (issue("open", "opened", json!({})), Action::Trigger),
        (issue("reopen", "opened", json!({})), Action::Trigger),
        (issue("update", "opened", severity.clone()), Action::Trigger),
        (issue("update", "opened", status("triggered")), Action::Trigger),
        (issue("update", "opened", status("acknowledged")), Action::Acknowledge),
        (issue("update", "opened", status("resolved")), Action::Resolve),
        (issue("close", "closed", json!({})), Action::Resolve),
    ] {
        let event = event(&body);
        assert_eq!((event.action, event.severity), (expected, Severity::Error), "{body}");
        assert!(event.changed_at.is_some(), "{body}");
    }
    for body in [
        issue("update", "opened", json!({"title": {}})),
        issue("update", "closed", severity),
        issue("update", "closed", status("triggered")),
    ] {
        assert!(is_ignored(&body), "{body}");
    }
}

#[test]
fn what_is_no_trouble_is_ignored() {
    for body in [
        json!({"event_name": "user_failed_login", "state": "blocked"}),
        json!({"event_name": "repository_update", "project_id": 7}),
        json!({"object_kind": "push", "event_name": "push", "project_id": 7}),
        json!({"object_kind": "access_token", "event_name": "expiring_access_token"}),
        json!({"object_kind": "feature_flag", "project": {"id": 7}}),
        pipeline(&json!({"status": "skipped"})),
        pipeline(&json!({"status": "manual"})),
        pipeline(&json!({"status": null})),
    ] {
        assert!(is_ignored(&body), "{body}");
    }
    let refused = testing::parse(&GitLab, &json!({"text": "hello"})).map_err(|error| error.field);
    assert_eq!(refused, Err("object_kind".into()));
}
