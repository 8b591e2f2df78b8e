//! The audit log: every change leaves a line, and no credential is in any.

use http::Method;
use serde_json::{Value, json};

use super::{Admin, id};

#[tokio::test]
async fn a_change_and_its_line_stand_together() {
    let admin = Admin::new().await;
    let team = admin.post("/api/teams", json!({ "name": "Platform" })).await;
    let path = format!("/api/teams/{}", id(&team));
    admin.patch(&path, json!({ "name": "Core" })).await;
    admin.patch(&path, json!({ "name": "Core" })).await;
    admin.call(Method::PATCH, &path, json!({ "name": "" })).await;
    admin.delete(&path).await;
    let log = admin.get(&format!("/api/audit-log?objectId={}", id(&team))).await;
    let lines = log["data"].as_array().unwrap();
    let actions: Vec<_> = lines.iter().map(|line| line["action"].as_str().unwrap()).collect();
    assert_eq!(
        actions,
        ["team.deleted", "team.updated", "team.created"],
        "what changes nothing is not told"
    );
    let update = &lines[1];
    assert_eq!(
        update["changes"],
        json!({ "name": { "from": "Platform", "to": "Core" } })
    );
    assert_eq!(
        (&update["actor"]["type"], &update["actor"]["name"]),
        (&json!("USER"), &json!("Ada"))
    );
    assert_eq!(
        (&update["ip"], &update["object"]["name"]),
        (&json!("192.0.2.1"), &json!("Core"))
    );
    assert!(id(update).starts_with("aud_"));
    let none = admin
        .get("/api/audit-log?action=team.deleted&before=2026-01-01T00:00:00Z")
        .await;
    assert_eq!(none["pagination"]["total"], 0);
    assert_eq!(
        admin.get("/api/audit-log?q=ADA&objectType=team").await["pagination"]["total"],
        3
    );
}

#[tokio::test]
async fn programs_are_named_too() {
    let admin = Admin::new().await;
    let key = admin.app.key(&["teams:write"]).await;
    admin
        .app
        .call(&key, Method::POST, "/api/teams", &json!({ "name": "Platform" }))
        .await;
    let log = admin.get("/api/audit-log").await;
    let actor = &log["data"][0]["actor"];
    assert_eq!((&actor["type"], &actor["name"]), (&json!("API_KEY"), &json!("CI")));
    assert!(actor["id"].as_str().unwrap().starts_with("key_"), "{actor}");
}

#[tokio::test]
async fn no_credential_is_in_the_log() {
    let admin = Admin::new().await;
    let mut secrets: Vec<String> = ["hush-1", "hush-2", "hush-3", "hush-4", "private-path"]
        .map(str::to_owned)
        .into();
    let service = admin.post("/api/services", json!({ "name": "Web" })).await;
    let list = format!("/api/services/{}/integrations", id(&service));
    let made = admin
        .post(
            &list,
            json!({ "name": "P", "type": "PROMETHEUS", "signatureSecret": "hush-1" }),
        )
        .await;
    let path = format!("{list}/{}", id(&made));
    admin.patch(&path, json!({ "signatureSecret": "hush-2" })).await;
    let rotated = admin
        .call(Method::POST, &format!("{path}/rotate-key"), json!({}))
        .await
        .json();
    let url = "https://hooks.example/private-path";
    let webhook = admin
        .post("/api/webhooks", json!({ "name": "S", "type": "GENERIC", "url": url }))
        .await;
    admin
        .patch(
            &format!("/api/webhooks/{}", id(&webhook)),
            json!({ "secret": "hush-3" }),
        )
        .await;
    let wish = json!({ "host": "a.example", "from": "a@example.com", "user": "u", "password": "hush-4" });
    admin.patch("/api/settings/notifications/email", wish).await;
    let key = admin
        .post("/api/api-keys", json!({ "name": "CI", "scopes": ["teams:read"] }))
        .await;
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    secrets.extend([text(&made["key"]), text(&rotated["key"]), text(&key["key"])]);

    let log = admin.get("/api/audit-log?limit=200").await;
    let told = log.to_string();
    for secret in secrets {
        assert!(!told.contains(&secret), "{secret}");
    }
    let actions: Vec<_> = log["data"]
        .as_array()
        .unwrap()
        .iter()
        .map(|line| line["action"].as_str().unwrap())
        .collect();
    assert_eq!(
        actions,
        [
            "api_key.created",
            "setting.updated",
            "webhook.updated",
            "webhook.created",
            "integration.key_rotated",
            "integration.secret_changed",
            "integration.created",
            "service.created"
        ]
    );
}
