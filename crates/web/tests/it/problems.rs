//! What is answered to requests that are not right, in the one shape of the contract.

use axum::body::Body;
use http::{Method, StatusCode, header};
use opsknight_domain::directory::Role;
use serde_json::json;

use crate::harness::{App, As};

#[tokio::test]
async fn every_mistake_has_its_answer() {
    let app = App::new().await;
    let key = app.key(&["incidents:read", "incidents:write"]).await;
    let missing = "inc_01jbcf1000f4z9pkvk1c1c1c1c";
    let long = "x".repeat(65 * 1024);
    let cases: Vec<(Method, String, Option<&str>, String, u16, &str)> = vec![
        (Method::GET, "/api/nowhere".into(), None, String::new(), 404, "NOT_FOUND"),
        (Method::PUT, "/api/incidents".into(), None, String::new(), 405, "VALIDATION_ERROR"),
        (Method::GET, format!("/api/incidents/{missing}"), None, String::new(), 404, "NOT_FOUND"),
        (Method::GET, "/api/incidents/svc_1".into(), None, String::new(), 404, "NOT_FOUND"),
        (Method::GET, "/api/incidents/%00".into(), None, String::new(), 404, "NOT_FOUND"),
        (Method::GET, "/api/incidents?limit=0".into(), None, String::new(), 400, "VALIDATION_ERROR"),
        (Method::GET, "/api/incidents?status=open".into(), None, String::new(), 400, "VALIDATION_ERROR"),
        (Method::GET, "/api/incidents?wat=1".into(), None, String::new(), 400, "VALIDATION_ERROR"),
        (Method::POST, "/api/incidents".into(), None, "{}".into(), 415, "VALIDATION_ERROR"),
        (Method::POST, "/api/incidents".into(), Some("application/json"), "{".into(), 400, "VALIDATION_ERROR"),
        (Method::POST, "/api/incidents".into(), Some("application/json"), "{}".into(), 400, "VALIDATION_ERROR"),
        (Method::POST, "/api/incidents".into(), Some("application/json"), long, 413, "PAYLOAD_TOO_LARGE"),
    ];
    for (method, path, media, body, status, code) in cases {
        let mut request = app.request(&key, &method, &path);
        if let Some(media) = media {
            request = request.header(header::CONTENT_TYPE, media);
        }
        let answer = app.ask(request.body(Body::from(body)).unwrap()).await;
        assert_eq!((answer.status.as_u16(), answer.code().as_str()), (status, code), "{method} {path}: {}", answer.text);
        let error = &answer.json()["error"];
        assert!(error["message"].is_string() && error["details"].is_object(), "{error}");
    }
}

#[tokio::test]
async fn wrong_fields_are_named_all_at_once() {
    let app = App::new().await;
    let key = app.key(&["incidents:write"]).await;
    let body = json!({
        "title": "",
        "serviceId": "svc_01jbcf1000f4z9pkvk1c1c1c1c",
        "dedupKey": "x".repeat(300),
        "assigneeId": "usr_01jbcf1000f4z9pkvk1c1c1c1c",
    });
    let answer = app.call(&key, Method::POST, "/api/incidents", &body).await;
    let fields = answer.json()["error"]["details"]["fields"].clone();
    let named: Vec<&String> = fields.as_object().unwrap().keys().collect();
    assert_eq!(named, ["assigneeId", "dedupKey", "serviceId", "title"]);
    let body = json!({ "title": "x", "serviceId": "svc_01jbcf1000f4z9pkvk1c1c1c1c", "colour": 1, "size": 2 });
    let answer = app.call(&key, Method::POST, "/api/incidents", &body).await;
    let message = answer.json()["error"]["message"].as_str().unwrap().to_owned();
    assert!(message.contains("colour") && message.contains("size"), "{message}");
}

#[tokio::test]
async fn pages_say_it_in_words() {
    let app = App::new().await;
    let user = app.signed_in("Uma", Role::User).await;
    let nowhere = app.get(&user, "/nowhere").await;
    assert_eq!(nowhere.status, StatusCode::NOT_FOUND);
    assert!(nowhere.text.contains("There is no such page") && nowhere.text.contains("<html"));
    let refused = app.get(&user, "/incidents/new").await;
    assert_eq!(refused.status, StatusCode::FORBIDDEN);
    assert!(refused.text.contains("role"));
    let missing = app.get(&user, "/incidents/inc_01jbcf1000f4z9pkvk1c1c1c1c").await;
    assert_eq!(missing.status, StatusCode::NOT_FOUND);
    let nobody = app.get(&As::Nobody, "/nowhere").await;
    assert_eq!(nobody.status, StatusCode::NOT_FOUND);
}
