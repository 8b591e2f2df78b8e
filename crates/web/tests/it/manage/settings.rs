//! Notification settings.

use http::{Method, StatusCode};
use serde_json::{Value, json};

use super::Admin;

const EMAIL: &str = "/api/settings/notifications/email";

#[tokio::test]
async fn credentials_are_written_and_never_read_back() {
    let admin = Admin::new().await;
    let before = admin.get(EMAIL).await;
    assert_eq!(
        (&before["channel"], &before["configured"], &before["source"]),
        (&json!("EMAIL"), &json!(false), &Value::Null)
    );
    let wish = json!({ "provider": "SMTP", "host": "smtp.example.com", "port": 2525, "tls": "none", "user": "u",
        "password": "hush", "from": "Paging <noreply@example.com>" });
    let saved = admin.patch(EMAIL, wish).await;
    assert!(!saved.to_string().contains("hush"));
    assert_eq!(
        (&saved["hasPassword"], &saved["source"], &saved["tls"]),
        (&json!(true), &json!("SETTINGS"), &json!("none"))
    );
    let changed = admin
        .patch(EMAIL, json!({ "port": null, "host": "mail.example.com" }))
        .await;
    assert_eq!(
        (&changed["port"], &changed["hasPassword"]),
        (&Value::Null, &json!(true)),
        "what is left out stays"
    );
    assert_eq!(admin.get(EMAIL).await, changed);
    let whole = admin
        .call(
            Method::PUT,
            EMAIL,
            json!({ "host": "a.example", "from": "a@example.com" }),
        )
        .await
        .json();
    assert_eq!(
        (&whole["hasPassword"], &whole["tls"]),
        (&json!(false), &json!("starttls")),
        "{whole}"
    );
    assert_eq!(admin.delete(EMAIL).await.status, StatusCode::NO_CONTENT);
    assert_eq!(admin.delete(EMAIL).await.status, StatusCode::NOT_FOUND);
}

#[tokio::test]
async fn what_is_wrong_with_settings_is_named() {
    let admin = Admin::new().await;
    let good = json!({ "host": "smtp.example.com", "from": "a@example.com" });
    for (field, value, named) in [
        ("host", json!("https://smtp.example.com"), "host"),
        ("host", json!(""), "host"),
        ("from", json!("nobody"), "from"),
        ("port", json!(0), "port"),
        ("port", json!(65_536), "port"),
        ("tls", json!("ssl"), "tls"),
        ("user", json!("u"), "password"),
        ("password", json!("p"), "user"),
        ("provider", json!("PIGEON"), "provider"),
    ] {
        let mut body = good.clone();
        body[field] = value;
        admin.refuses(Method::PATCH, EMAIL, body, named).await;
    }
    let answer = admin
        .call(Method::PATCH, "/api/settings/notifications/sms", good.clone())
        .await;
    assert_eq!(answer.status, StatusCode::CONFLICT, "{}", answer.text);
    let answer = admin.call(Method::PATCH, "/api/settings/notifications/fax", good).await;
    assert_eq!(answer.status, StatusCode::NOT_FOUND);
}

#[tokio::test]
async fn settings_are_tried_before_they_are_saved() {
    let admin = Admin::new().await;
    let path = format!("{EMAIL}/test");
    let answer = admin.call(Method::POST, &path, json!({})).await;
    assert_eq!(
        answer.json()["message"],
        "250 queued for ada@example.com",
        "{}",
        answer.text
    );
    let trial = json!({ "to": "b@example.com", "settings": { "host": "x.example", "from": "a@example.com" } });
    assert_eq!(admin.call(Method::POST, &path, trial).await.json()["ok"], true);
    admin
        .refuses(Method::POST, &path, json!({ "to": "nobody" }), "to")
        .await;
    let key = admin.app.key(&["settings:write"]).await;
    let answer = admin.app.call(&key, Method::POST, &path, &json!({})).await;
    assert_eq!(
        answer.status,
        StatusCode::BAD_REQUEST,
        "a key has no address of its own"
    );
    assert_eq!(admin.get(EMAIL).await["configured"], false);
}
