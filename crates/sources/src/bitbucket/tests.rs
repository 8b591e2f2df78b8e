use super::*;
use crate::testing::{self, Call};

/// The example in Atlassian's documentation, "Manage webhooks".
#[test]
fn the_example_of_atlassian() {
    let right = "sha256=a4771c39fbe90f317c7824e83ddef3caae9cb3d976c214ace1f2937e133263c9";
    let verdict = |headers: &[(&'static str, &str)], body: &[u8], secret: &str| {
        Call {
            headers,
            body,
            ..Call::default()
        }
        .verify(&Bitbucket, secret)
    };
    let secret = "It's a Secret to Everybody";
    assert_eq!(verdict(&[("x-hub-signature", right)], b"Hello World!", secret), Ok(()));
    for (body, secret) in [(&b"Hello World"[..], secret), (b"Hello World!", "another")] {
        let verdict = verdict(&[("x-hub-signature", right)], body, secret);
        assert_eq!(verdict, Err(SignatureError::Wrong));
    }
    assert_eq!(verdict(&[], b"Hello World!", secret), Err(SignatureError::Missing));
    let sha1 = [("x-hub-signature", "sha1=6c22c8a2b0d4f5a8a8c2")];
    assert_eq!(verdict(&sha1, b"Hello World!", secret), Err(SignatureError::Wrong));
}

#[test]
fn other_events_are_ignored() {
    for (event, body) in [
        ("diagnostics:ping", &b"{\"test\": true}"[..]),
        ("repo:push", b"{\"push\": {}}"),
        ("repo:refs_changed", b"{\"eventKey\": \"repo:refs_changed\"}"),
        ("pullrequest:approved", b"{\"approval\": {}}"),
        ("repo:build_status", b"{}"),
    ] {
        let all = Call {
            headers: &[("x-event-key", event)],
            body,
            ..Call::default()
        }
        .parse(&Bitbucket)
        .expect("an outcome");
        assert!(matches!(&all[..], [Normalised::Ignored { .. }]), "{event}");
    }
}

#[test]
fn attempts_share_their_id() {
    let id = |headers: &[(&'static str, &str)]| {
        Call {
            headers,
            ..Call::default()
        }
        .delivery_id(&Bitbucket)
    };
    assert_eq!(
        id(&[("x-request-uuid", "a1"), ("x-attempt-number", "2")]),
        Some("a1".into())
    );
    assert_eq!(id(&[("x-request-id", "b2")]), Some("b2".into()));
}

/// Each form with a failure and, after it, its end.
#[test]
fn an_end_has_the_key_of_its_beginning_and_comes_later() {
    let repository = json!({"uuid": "{r}", "full_name": "lantern/catalog"});
    let cloud = |state: &str, minute: u32| {
        json!({"repository": repository, "commit_status": {
            "key": "k", "name": "Unit tests", "refname": "main", "state": state, "description": null,
            "created_on": "2026-03-02T07:00:00Z", "updated_on": format!("2026-03-02T08:{minute:02}:00.5+00:00")
        }})
    };
    // A status that an abridging relay left without its key.
    let keyless = |state: &str, minute: u32| {
        let mut body = cloud(state, minute);
        let status = body["commit_status"].as_object_mut().expect("an object");
        status.remove("key");
        status["name"] = json!(format!("Pipeline #{minute} for main"));
        body
    };
    let span = |result: &str, minute: i64| {
        let attribute = |name: &str, value: &str| json!({"key": name, "value": {"stringValue": value}});
        json!({"resourceSpans": [{"scopeSpans": [{"spans": [{
            "name": "bbc.pipeline_run", "endTimeUnixNano": ((1_772_439_000 + minute * 60) * 1_000_000_000).to_string(),
            "attributes": [
                attribute("pipeline.repository.uuid", "{r}"), attribute("pipeline.target.ref_name", "main"),
                attribute("pipeline.state.result.name", result)
            ]
        }]}]}]})
    };
    let data_center = |state: &str, minute: u32| {
        json!({
            "eventKey": "repo:build_status", "date": format!("2026-03-02T08:{minute:02}:00+0100"), "commit": "9f3c",
            "repository": {"id": 84, "slug": "catalog", "project": {"key": "LAN"}},
            "buildStatus": {"key": "k", "name": "Plan #7", "ref": "refs/heads/main", "state": state}
        })
    };
    let pair = |failed: Value, passed: Value| {
        let (failed, passed) = (testing::event(&Bitbucket, &failed), testing::event(&Bitbucket, &passed));
        assert_eq!((failed.action, passed.action), (Action::Trigger, Action::Resolve));
        assert_eq!(failed.dedup_key, passed.dedup_key);
        assert!(
            failed.changed_at.is_some() && failed.changed_at < passed.changed_at,
            "{failed:?}"
        );
        failed.dedup_key
    };
    assert_eq!(
        pair(cloud("FAILED", 1), cloud("SUCCESSFUL", 2)),
        "bitbucket:{r}:status:k:main"
    );
    assert_eq!(
        pair(keyless("FAILED", 1), keyless("SUCCESSFUL", 2)),
        "bitbucket:{r}:status:Pipeline for main:main"
    );
    assert_eq!(
        pair(span("FAILED", 1), span("COMPLETE", 2)),
        "bitbucket:{r}:pipeline::main"
    );
    assert_eq!(
        pair(data_center("FAILED", 1), data_center("SUCCESSFUL", 2)),
        "bitbucket:84:status:k:main"
    );
}

/// As the app for Sourcegraph sends it, and as the first app to know builds did.
#[test]
fn apps_of_data_center_tell_of_builds_in_their_own_ways() {
    let call = |body: Value| {
        let all = Call {
            headers: &[("x-event-key", "repo:build_status")],
            body: body.to_string().as_bytes(),
            ..Call::default()
        }
        .parse(&Bitbucket);
        testing::only(all.expect("an event"))
    };
    let event = call(json!({
        "commit": "9f3c", "pullRequests": [{"toRef": {"repository": {"id": 84}}}],
        "status": {"state": "FAILED", "key": "k", "name": "Build", "url": "https://ci.example/1", "dateAdded": 1_772_439_000_000_u64}
    }));
    assert_eq!(
        (event.dedup_key.as_str(), event.links.len(), event.changed_at),
        ("bitbucket:84:status:k:", 1, None)
    );
    let event = call(json!({"commit": "9f3c", "status": "FAILED", "repository": {"id": 84}}));
    assert_eq!(
        (event.action, event.dedup_key.as_str()),
        (Action::Trigger, "bitbucket:84:status:build:")
    );
}
