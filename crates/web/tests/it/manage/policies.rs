//! Escalation policies.

use http::{Method, StatusCode};
use serde_json::{Value, json};

use super::{Admin, id, nowhere};

const PATH: &str = "/api/escalation-policies";

#[tokio::test]
async fn a_policy_has_the_fields_of_the_contract() {
    let admin = Admin::new().await;
    let (grace, team) = (
        admin.user("Grace").await,
        admin.post("/api/teams", json!({ "name": "Platform" })).await,
    );
    let schedule = admin.post("/api/schedules", json!({ "name": "Days" })).await;
    let steps = json!([
        { "targets": [{ "type": "USER", "id": grace["id"], "leadOnly": false }], "delayMinutes": 5, "channels": ["SMS", "EMAIL"] },
        { "targets": [
            { "type": "TEAM", "id": team["id"], "leadOnly": true },
            { "type": "SCHEDULE", "id": schedule["id"], "leadOnly": false },
        ], "delayMinutes": 0, "channels": [] },
    ]);
    let body = json!({ "name": "Default", "description": "nights", "repeat": 9, "steps": steps });
    let policy = admin.post(PATH, body).await;
    assert!(id(&policy).starts_with("pol_"));
    assert_eq!(
        (&policy["steps"], &policy["repeat"], &policy["description"]),
        (&steps, &json!(9), &json!("nights"))
    );
    let path = format!("{PATH}/{}", id(&policy));
    assert_eq!(admin.get(&path).await, policy);
    let changed = admin.patch(&path, json!({ "description": null, "repeat": 0 })).await;
    assert_eq!((&changed["description"], &changed["steps"]), (&Value::Null, &steps));

    for used in [
        format!("/api/users/{}", id(&grace)),
        format!("/api/teams/{}", id(&team)),
        format!("/api/schedules/{}", id(&schedule)),
    ] {
        let answer = admin.delete(&used).await;
        assert_eq!(answer.status, StatusCode::CONFLICT, "{used}");
        assert!(answer.text.contains("escalation policy Default"), "{}", answer.text);
    }
    assert_eq!(admin.delete(&path).await.status, StatusCode::NO_CONTENT);
    let empty = admin.post(PATH, json!({ "name": "Empty" })).await;
    assert_eq!((&empty["repeat"], &empty["steps"]), (&json!(0), &json!([])));
}

#[tokio::test]
async fn what_is_wrong_with_a_policy_is_named() {
    let admin = Admin::new().await;
    let grace = admin.user("Grace").await;
    let user = json!({ "type": "USER", "id": grace["id"] });
    let step = |targets: Value| json!([{ "targets": targets, "delayMinutes": 1 }]);
    for (body, field) in [
        (json!({ "steps": [] }), "name"),
        (json!({ "name": "x", "repeat": 10 }), "repeat"),
        (json!({ "name": "x", "repeat": -1 }), "repeat"),
        (json!({ "name": "x", "steps": step(json!([])) }), "steps[0].targets"),
        (
            json!({ "name": "x", "steps": step(json!([user, user])) }),
            "steps[0].targets[1].id",
        ),
        (
            json!({ "name": "x", "steps": step(json!([{ "type": "USER", "id": nowhere("usr") }])) }),
            "steps[0].targets[0].id",
        ),
        (
            json!({ "name": "x", "steps": step(json!([{ "type": "TEAM", "id": grace["id"] }])) }),
            "steps[0].targets[0].id",
        ),
        (
            json!({ "name": "x", "steps": step(json!([{ "type": "SCHEDULE", "id": nowhere("sch") }])) }),
            "steps[0].targets[0].id",
        ),
        (
            json!({ "name": "x", "steps": step(json!([{ "type": "USER", "id": grace["id"], "leadOnly": true }])) }),
            "steps[0].targets[0].leadOnly",
        ),
        (
            json!({ "name": "x", "steps": [{ "targets": [user] }] }),
            "steps[0].delayMinutes",
        ),
        (
            json!({ "name": "x", "steps": [{ "targets": [user], "delayMinutes": 43_201 }] }),
            "steps[0].delayMinutes",
        ),
        (
            json!({ "name": "x", "steps": [{ "targets": [user], "delayMinutes": 1, "channels": ["SMS", "SMS"] }] }),
            "steps[0].channels[1]",
        ),
        (
            json!({ "name": "x", "steps": [{ "targets": [user], "delayMinutes": 1, "channels": ["FAX"] }] }),
            "steps[0].channels[0]",
        ),
    ] {
        admin.refuses(Method::POST, PATH, body, field).await;
    }
    assert_eq!(admin.get(PATH).await["pagination"]["total"], 0);
}
