//! What is answered to requests that are not right, in the one shape of the contract.

use axum::body::Body;
use http::{Method, StatusCode, header};
use opsknight_domain::directory::Role;
use serde_json::json;

use crate::harness::{App, As};

/// Method, path, media type (or none) and body on the left; status and code on the right.
const MISTAKES: &str = r#"
GET  /api/nowhere                                       -    | 404 NOT_FOUND
PUT  /api/incidents                                     -    | 405 VALIDATION_ERROR
GET  /api/incidents/inc_01jbcf1000f4z9pkvk1c1c1c1c      -    | 404 NOT_FOUND
GET  /api/incidents/svc_1                               -    | 404 NOT_FOUND
GET  /api/incidents/%00                                 -    | 404 NOT_FOUND
GET  /api/incidents/%ff                                 -    | 404 NOT_FOUND
GET  /api/incidents?limit=0                             -    | 400 VALIDATION_ERROR
GET  /api/incidents?status=open                         -    | 400 VALIDATION_ERROR
GET  /api/incidents?wat=1                               -    | 400 VALIDATION_ERROR
POST /api/incidents                                     -    | 415 VALIDATION_ERROR
POST /api/incidents                                     json | 400 VALIDATION_ERROR
POST /api/incidents                                     { json | 400 VALIDATION_ERROR
POST /api/incidents                                     {} json | 400 VALIDATION_ERROR
POST /api/incidents                                     LONG json | 413 PAYLOAD_TOO_LARGE
"#;

#[tokio::test]
async fn every_mistake_has_its_answer() {
    let app = App::new().await;
    let key = app.key(&["incidents:read", "incidents:write"]).await;
    for line in MISTAKES.trim().lines() {
        let (asked, answered) = line.split_once('|').unwrap();
        let mut asked = asked.split_whitespace();
        let (method, path) = (asked.next().unwrap(), asked.next().unwrap());
        let rest: Vec<&str> = asked.collect();
        let method: Method = method.parse().unwrap();
        let mut request = app.request(&key, &method, path);
        if rest.last() == Some(&"json") {
            request = request.header(header::CONTENT_TYPE, "application/json");
        }
        let body = match rest.first() {
            Some(&"LONG") => "x".repeat(65 * 1024),
            Some(&"json" | &"-") | None => String::new(),
            Some(body) => (*body).to_owned(),
        };
        let answer = app.ask(request.body(Body::from(body)).unwrap()).await;
        let got = format!("{} {}", answer.status.as_u16(), answer.code());
        assert_eq!(got, answered.trim(), "{line}: {}", answer.text);
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

#[tokio::test]
async fn what_is_wrong_with_an_address_is_said_on_a_page() {
    let app = App::new().await;
    let who = app.signed_in("Ada", Role::Admin).await;
    for path in ["/incidents/inc_1", "/users/%22%3E", "/events/%00", "/nowhere"] {
        let answer = app.get(&who, path).await;
        assert_eq!(answer.status, StatusCode::NOT_FOUND, "{path}");
        assert!(answer.text.starts_with("<!doctype html>"), "{path}: {}", answer.text);
    }
}
