use http::{HeaderMap, HeaderValue, Method};
use opsknight_domain::event::{Action, Event, Severity};

use super::*;

fn parse(name: &'static str, content_type: &'static str, body: &[u8]) -> Normalised {
    let mut headers = HeaderMap::new();
    headers.insert("x-github-event", HeaderValue::from_static(name));
    headers.insert("content-type", HeaderValue::from_static(content_type));
    let request = Request {
        method: &Method::POST,
        query: "",
        headers: &headers,
        body,
    };
    GitHub.parse(&request, None).expect("an outcome").remove(0)
}

fn json(name: &'static str, body: &Value) -> Normalised {
    parse(name, "application/json", body.to_string().as_bytes())
}

fn event(name: &'static str, body: &Value) -> Event {
    match json(name, body) {
        Normalised::Event(event) => *event,
        Normalised::Ignored { reason, .. } => panic!("{reason}"),
    }
}

fn run(conclusion: Value, branch: &str, head: u64) -> Value {
    json!({
        "action": "completed",
        "workflow_run": {
            "workflow_id": 9, "name": "CI", "conclusion": conclusion, "head_branch": branch, "head_repository": {"id": head}
        },
        "repository": {"id": 7, "full_name": "shop/web", "default_branch": "main"}
    })
}

#[test]
fn conclusions_have_their_outcomes() {
    for word in ["failure", "timed_out", "startup_failure", "FAILURE"] {
        assert_eq!(
            event("workflow_run", &run(json!(word), "x", 7)).action,
            Action::Trigger,
            "{word}"
        );
    }
    assert_eq!(
        event("workflow_run", &run(json!("success"), "x", 7)).action,
        Action::Resolve
    );
    for word in [
        json!("cancelled"),
        json!("skipped"),
        json!("neutral"),
        json!("stale"),
        json!("action_required"),
        json!(null),
        json!("odd"),
    ] {
        let outcome = json("workflow_run", &run(word.clone(), "x", 7));
        assert!(
            matches!(outcome, Normalised::Ignored { dedup_key: Some(_), .. }),
            "{word}"
        );
    }
    let mut requested = run(json!("failure"), "x", 7);
    requested["action"] = json!("requested");
    assert!(matches!(json("workflow_run", &requested), Normalised::Ignored { .. }));
}

#[test]
fn the_default_branch_is_critical_and_a_forks_branch_is_another() {
    let main = event("workflow_run", &run(json!("failure"), "main", 7));
    let fork = event("workflow_run", &run(json!("failure"), "main", 8));
    let topic = event("workflow_run", &run(json!("failure"), "topic", 7));
    assert_eq!(
        (main.severity, main.dedup_key.as_str()),
        (Severity::Critical, "github:7:workflow:9:main")
    );
    assert_eq!(
        (fork.severity, fork.dedup_key.as_str()),
        (Severity::Error, "github:7:workflow:9:8/main")
    );
    assert_eq!(topic.severity, Severity::Error);
    let mut gone = run(json!("failure"), "main", 7);
    gone["workflow_run"]["event"] = json!("pull_request");
    gone["workflow_run"]["head_repository"] = Value::Null;
    assert_eq!(event("workflow_run", &gone).dedup_key, "github:7:workflow:9:gone/main");
}

#[test]
fn a_renamed_workflow_and_a_renamed_repository_keep_their_key() {
    let mut renamed = run(json!("success"), "main", 7);
    renamed["workflow_run"]["name"] = json!("Build");
    renamed["repository"]["full_name"] = json!("shop/site");
    assert_eq!(
        event("workflow_run", &renamed).dedup_key,
        event("workflow_run", &run(json!("failure"), "main", 7)).dedup_key
    );
}

#[test]
fn a_repository_that_is_gone_costs_nothing() {
    let mut gone = run(json!("failure"), "main", 7);
    gone["repository"] = Value::Null;
    assert_eq!(event("workflow_run", &gone).dedup_key, "github::workflow:9:main");
    let alert = json!({"action": "created", "alert": {"number": 3}, "repository": null});
    assert!(matches!(
        json("dependabot_alert", &alert),
        Normalised::Ignored { dedup_key: None, .. }
    ));
}

#[test]
fn forms_hold_the_json_in_payload() {
    let body = run(json!("failure"), "main", 7).to_string();
    let form = url::form_urlencoded::Serializer::new(String::new())
        .append_pair("payload", &body)
        .finish();
    let outcome = parse("workflow_run", "application/x-www-form-urlencoded", form.as_bytes());
    assert!(matches!(outcome, Normalised::Event(_)));
}

#[test]
fn pings_and_what_is_not_ours_are_ignored() {
    for name in ["ping", "push", "security_advisory", "workflow_dispatch", "star"] {
        let outcome = json(name, &json!({"zen": "x", "hook_id": 1}));
        assert!(matches!(outcome, Normalised::Ignored { .. }), "{name}");
    }
}

#[test]
fn security_alerts_have_githubs_scale() {
    for (word, severity) in [
        ("critical", Severity::Critical),
        ("high", Severity::Error),
        ("medium", Severity::Warning),
        ("moderate", Severity::Warning),
        ("low", Severity::Info),
    ] {
        let body = json!({
            "action": "created", "alert": {"number": 3, "security_advisory": {"severity": word}}, "repository": {"id": 7}
        });
        let event = event("dependabot_alert", &body);
        assert_eq!(
            (event.severity, event.dedup_key.as_str()),
            (severity, "github:7:dependabot:3"),
            "{word}"
        );
    }
}

#[test]
fn a_reopened_alert_is_not_as_old_as_its_creation() {
    let alert = |action: &str| {
        json!({
            "action": action,
            "alert": {"number": 3, "created_at": "2026-01-01T00:00:00Z", "rule": {"severity": "error"}},
            "repository": {"id": 7}
        })
    };
    assert!(event("code_scanning_alert", &alert("created")).occurred_at.is_some());
    assert_eq!(
        event("code_scanning_alert", &alert("reopened_by_user")).occurred_at,
        None
    );
    assert_eq!(
        event("code_scanning_alert", &alert("closed_by_user")).action,
        Action::Resolve
    );
}

#[test]
fn each_action_on_an_alert_has_its_own_time() {
    let changed = |action: &str, times: Value| {
        let mut alert = json!({"number": 3, "created_at": "2026-01-01T00:00:00Z"});
        for (name, time) in times.as_object().expect("an object") {
            alert[name] = time.clone();
        }
        event(
            "dependabot_alert",
            &json!({"action": action, "alert": alert, "repository": {"id": 7}}),
        )
        .changed_at
        .map(|time| time.to_string())
    };
    for (action, times, expected) in [
        ("created", json!({}), Some("2026-01-01T00:00:00Z")),
        (
            "fixed",
            json!({"fixed_at": "2026-01-03T00:00:00Z"}),
            Some("2026-01-03T00:00:00Z"),
        ),
        (
            "fixed",
            json!({"dismissed_at": "2026-01-02T00:00:00Z", "fixed_at": null}),
            None,
        ),
        (
            "reintroduced",
            json!({"fixed_at": "2026-01-03T00:00:00Z", "updated_at": "2026-01-04T00:00:00Z"}),
            None,
        ),
        (
            "reopened",
            json!({"dismissed_at": null, "updated_at": "2026-01-01T00:00:00Z"}),
            None,
        ),
        (
            "dismissed",
            json!({"dismissed_at": "2026-01-05T00:00:00Z", "updated_at": "2026-01-05T00:00:01Z"}),
            Some("2026-01-05T00:00:00Z"),
        ),
    ] {
        assert_eq!(changed(action, times.clone()).as_deref(), expected, "{action} {times}");
    }
}

#[test]
fn runs_are_in_the_order_of_their_ends() {
    let at = |conclusion: &str, name: &str, time: &str| {
        let mut body = run(json!(conclusion), "main", 7);
        body["workflow_run"][name] = json!(time);
        event("workflow_run", &body).changed_at
    };
    let failed = at("failure", "updated_at", "2026-03-02T08:00:00Z");
    assert!(failed.is_some() && failed < at("success", "updated_at", "2026-03-02T08:00:01Z"));
    // The beginning says nothing about which of two ended first.
    assert_eq!(at("failure", "run_started_at", "2026-03-02T08:00:00Z"), None);
    for (name, body) in [
        (
            "check_run",
            json!({"check_run": {"name": "a", "conclusion": "failure", "completed_at": "2026-03-02T08:00:00Z"}}),
        ),
        (
            "workflow_job",
            json!({"workflow_job": {"name": "a", "conclusion": "success", "completed_at": "2026-03-02T08:00:00Z"}}),
        ),
        (
            "check_suite",
            json!({"check_suite": {"conclusion": "success", "updated_at": "2026-03-02T08:00:00Z"}}),
        ),
        (
            "status",
            json!({"state": "failure", "updated_at": "2026-03-02T08:00:00+00:00"}),
        ),
        (
            "deployment_status",
            json!({"deployment_status": {"state": "error", "environment": "e", "updated_at": "2026-03-02T08:00:00Z"}}),
        ),
    ] {
        let seen = event(name, &body).changed_at.map(|time| time.to_string());
        assert_eq!(seen.as_deref(), Some("2026-03-02T08:00:00Z"), "{name}");
    }
}

#[test]
fn a_leaked_secret_is_not_kept_in_the_details() {
    let body = json!({
        "action": "created",
        "alert": {"number": 1, "secret_type": "aws_key", "secret": "AKIA-SECRET"}, "repository": {"id": 7}
    });
    let event = event("secret_scanning_alert", &body);
    assert_eq!(event.severity, Severity::Critical);
    assert!(!event.details.to_string().contains("AKIA"));
}

#[test]
fn statuses_of_a_forks_commit_speak_for_themselves() {
    let status = |state: &str, branches: Value| json!({"state": state, "context": "ci", "sha": "abc", "branches": branches, "repository": {"id": 7, "default_branch": "main"}});
    let both = json!([{"name": "topic"}, {"name": "main"}]);
    assert_eq!(
        event("status", &status("error", both)).dedup_key,
        "github:7:status:ci:main"
    );
    assert_eq!(
        event("status", &status("failure", json!([]))).dedup_key,
        "github:7:status:ci:abc"
    );
    assert!(matches!(
        json("status", &status("pending", json!([]))),
        Normalised::Ignored { .. }
    ));
}

/// The example in GitHub's documentation, "Validating webhook deliveries".
#[test]
fn signatures_are_sha256_only() {
    let verdict = |name: &'static str, value: &'static str| {
        let mut headers = HeaderMap::new();
        headers.insert(name, HeaderValue::from_static(value));
        let request = Request {
            method: &Method::POST,
            query: "",
            headers: &headers,
            body: b"Hello, World!",
        };
        GitHub.verify(&request, "It's a Secret to Everybody", Timestamp::UNIX_EPOCH)
    };
    let right = "sha256=757107ea0eb2509fc211221cce984b8a37570b6d7586c22c46f4379c8b043e17";
    assert_eq!(verdict("x-hub-signature-256", right), Ok(()));
    assert_eq!(
        verdict("x-hub-signature", "sha1=6c22c8a2b0d4f5a8a8c2"),
        Err(SignatureError::Missing)
    );
}
