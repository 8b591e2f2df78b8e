//! API keys.

use http::{Method, StatusCode};
use serde_json::{Value, json};

use super::{Admin, id};
use crate::harness::As;

#[tokio::test]
async fn a_key_is_shown_once_and_works() {
    let admin = Admin::new().await;
    let body = json!({ "name": "CI", "scopes": ["teams:read", "teams:read"], "expiresAt": "2026-06-02T00:00:00Z" });
    let made = admin.post("/api/api-keys", body).await;
    let key = made["key"].as_str().unwrap().to_owned();
    assert!(
        key.starts_with("sk_live_") && key.ends_with(made["hint"].as_str().unwrap()),
        "{made}"
    );
    assert_eq!(made["scopes"], json!(["teams:read"]));
    let path = format!("/api/api-keys/{}", id(&made));
    let shown = admin.get(&path).await;
    assert_eq!(shown.get("key"), None);
    assert!(!admin.get("/api/api-keys").await.to_string().contains(&key));

    let program = As::Key(key);
    assert_eq!(admin.app.get(&program, "/api/teams").await.status, StatusCode::OK);
    assert_eq!(
        admin.app.get(&program, "/api/users").await.status,
        StatusCode::FORBIDDEN
    );
    let changed = admin
        .patch(&path, json!({ "scopes": ["users:read"], "expiresAt": null }))
        .await;
    assert_eq!(
        (&changed["scopes"], &changed["expiresAt"]),
        (&json!(["users:read"]), &Value::Null)
    );
    assert_eq!(admin.app.get(&program, "/api/users").await.status, StatusCode::OK);
    assert_eq!(admin.get(&path).await["lastUsedAt"], "2026-06-01T12:00:00Z");
    assert_eq!(admin.delete(&path).await.status, StatusCode::NO_CONTENT);
    assert_eq!(
        admin.app.get(&program, "/api/users").await.status,
        StatusCode::UNAUTHORIZED
    );
}

#[tokio::test]
async fn a_key_hands_on_no_more_than_it_has() {
    let admin = Admin::new().await;
    let key = admin.app.key(&["settings:write", "teams:read"]).await;
    let more = json!({ "name": "x", "scopes": ["teams:read", "users:write"] });
    let answer = admin.app.call(&key, Method::POST, "/api/api-keys", &more).await;
    assert_eq!(answer.status, StatusCode::BAD_REQUEST);
    assert!(
        answer.json()["error"]["details"]["fields"]["scopes[1]"].is_string(),
        "{}",
        answer.text
    );
    let less = json!({ "name": "x", "scopes": ["teams:read"] });
    let answer = admin.app.call(&key, Method::POST, "/api/api-keys", &less).await;
    assert_eq!(answer.status, StatusCode::CREATED);
}

#[tokio::test]
async fn what_is_wrong_with_a_key_is_named() {
    let admin = Admin::new().await;
    for (body, field) in [
        (json!({ "scopes": ["teams:read"] }), "name"),
        (json!({ "name": "x" }), "scopes"),
        (json!({ "name": "x", "scopes": [] }), "scopes"),
        (json!({ "name": "x", "scopes": ["teams:burn"] }), "scopes[0]"),
        (
            json!({ "name": "x", "scopes": ["teams:read"], "expiresAt": "2026-06-01T12:00:00Z" }),
            "expiresAt",
        ),
    ] {
        admin.refuses(Method::POST, "/api/api-keys", body, field).await;
    }
}
