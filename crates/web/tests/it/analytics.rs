//! Analytics as a page, as files and by the API; and the first steps with the test page.

use http::{Method, StatusCode};
use opsknight_domain::directory::{Channel, Role};
use serde_json::json;

use crate::harness::{App, As};

/// Two incidents of one service: one acknowledged after a minute and resolved after five, one open.
async fn incidents(app: &App) {
    let first = app.incident("=cmd|' /C calc'!A0").await;
    let key = app.key(&["incidents:write"]).await;
    let act = async |status: &str| {
        let path = format!("/api/incidents/{}", first["id"].as_str().unwrap());
        let answer = app.call(&key, Method::PATCH, &path, &json!({ "status": status })).await;
        assert_eq!(answer.status, StatusCode::OK, "{}", answer.text);
    };
    app.clock.advance_s(60);
    act("ACKNOWLEDGED").await;
    app.clock.advance_s(240);
    act("RESOLVED").await;
    let service = first["service"]["id"].as_str().unwrap();
    let body = json!({ "title": "Another", "serviceId": service, "urgency": "LOW" });
    let answer = app.call(&key, Method::POST, "/api/incidents", &body).await;
    assert_eq!(answer.status, StatusCode::CREATED, "{}", answer.text);
    app.clock.advance_s(1);
}

#[tokio::test]
async fn the_api_the_page_and_the_files_say_the_same() {
    let app = App::new().await;
    let reader = app.key(&["incidents:read"]).await;
    let person = app.signed_in("Ada", Role::User).await;
    let empty = app.get(&person, "/analytics").await;
    assert!(empty.text.contains("Nothing was opened in this time"), "{}", empty.text);
    incidents(&app).await;

    let summary = app.get(&reader, "/api/analytics/summary?days=7").await.json();
    let figures = &summary["figures"];
    assert_eq!(figures["incidents"], 2, "{summary}");
    assert_eq!(figures["meanAcknowledgeSeconds"], 60);
    assert_eq!(figures["p90ResolveSeconds"], 300);
    assert_eq!(
        figures["acknowledgedInTimeShare"],
        json!(null),
        "the service has no target"
    );
    assert_eq!(summary["figuresBefore"]["incidents"], 0);
    let services = app.get(&reader, "/api/analytics/services").await.json();
    assert_eq!(services["data"][0]["service"]["name"], "Web");
    assert_eq!(services["timeZone"], "UTC");
    let volume = app
        .get(&reader, "/api/analytics/volume?from=2026-06-01&to=2026-06-02")
        .await
        .json();
    assert_eq!(volume["data"][0]["date"], "2026-06-01");
    assert_eq!(volume["data"][0]["low"], 1, "{volume}");
    let low = app.get(&reader, "/api/analytics/summary?urgency=LOW").await.json();
    assert_eq!(low["figures"]["incidents"], 1);
    let hours = app.get(&reader, "/api/analytics/hours").await.json();
    assert_eq!(hours["data"].as_array().unwrap().len(), 7 * 24);

    let page = app.get(&person, "/analytics?days=7&sort=mttr").await;
    assert_eq!(page.status, StatusCode::OK, "{}", page.text);
    assert!(
        page.text.contains("median 1 min") && page.text.contains("90% in 1 min"),
        "{}",
        page.text
    );
    let file = app.get(&person, "/analytics/services.csv?days=7").await;
    assert_eq!(file.header("content-type"), "text/csv; charset=utf-8");
    assert!(
        file.header("content-disposition")
            .contains("opsknight-services-2026-05-26-2026-06-01.csv")
    );
    assert!(file.text.contains(",Web,2,"), "{}", file.text);
    let times = ",60,60,60,300,300,300,";
    assert!(file.text.contains(times), "{}", file.text);
}

#[tokio::test]
async fn what_cannot_be_asked_is_refused() {
    let app = App::new().await;
    let reader = app.key(&["incidents:read"]).await;
    let status = async |who: &As, path: &str| app.get(who, path).await.status;
    assert_eq!(status(&reader, "/api/analytics/weather").await, StatusCode::NOT_FOUND);
    assert_eq!(
        status(&reader, "/api/analytics/summary?days=0").await,
        StatusCode::BAD_REQUEST
    );
    assert_eq!(
        status(&reader, "/api/analytics/summary?from=2026-06-01").await,
        StatusCode::BAD_REQUEST
    );
    let far = "/api/analytics/summary?from=-9999-01-01&to=-9999-01-02";
    assert_eq!(status(&reader, far).await, StatusCode::BAD_REQUEST);
    let other = app.key(&["services:read"]).await;
    assert_eq!(status(&other, "/api/analytics/summary").await, StatusCode::FORBIDDEN);
    let person = app.signed_in("Ada", Role::User).await;
    assert_eq!(status(&person, "/analytics/weather.csv").await, StatusCode::NOT_FOUND);
}

#[tokio::test]
async fn the_first_steps_lead_to_a_page_that_only_the_asker_gets() {
    let app = App::new().await;
    let admin = app.signed_in("Ada", Role::Admin).await;
    let other = app.signed_in("Ben", Role::User).await;
    assert!(
        app.get(&admin, "/").await.text.contains("1 of 7 done"),
        "mail is set up"
    );
    assert!(
        !app.get(&other, "/").await.text.contains("First steps"),
        "nobody else can do them"
    );
    let refused = app.form(&admin, "/test-page", &[]).await;
    assert_eq!(refused.header("location"), "/test-page", "there is no service yet");
    app.service("Web", None).await;

    let sent = app.form(&admin, "/test-page", &[]).await;
    let path = sent.header("location").to_owned();
    assert!(path.starts_with("/test-page/inc_"), "{path} {}", sent.text);
    let page = app.get(&admin, &path).await;
    assert!(
        page.text.contains("ada@example.com") && page.text.contains("Waiting"),
        "{}",
        page.text
    );
    assert!(!page.text.contains("ben@example.com"));
    let id = path.rsplit('/').next().unwrap();
    let acknowledged = app.form(&admin, &format!("/incidents/{id}/acknowledge"), &[]).await;
    assert_eq!(acknowledged.status, StatusCode::SEE_OTHER);
    assert!(app.get(&admin, &path).await.text.contains("It works."));
    let summary = app.key(&["incidents:read"]).await;
    let summary = app.get(&summary, "/api/analytics/summary").await.json();
    assert_eq!(summary["figures"]["incidents"], 0, "a test counts for nothing");

    let dismissed = app.form(&admin, "/first-steps/dismiss", &[]).await;
    assert_eq!(dismissed.header("location"), "/");
    assert!(!app.get(&admin, "/").await.text.contains("of 7 done"));
    let denied = app.form(&other, "/first-steps/dismiss", &[]).await;
    assert_eq!(denied.status, StatusCode::FORBIDDEN);
}

#[tokio::test]
async fn a_program_pages_one_person_for_a_test() {
    let app = App::with("http://ok.example", &[], &[]).await;
    let user = app.person("Ada", Role::Responder).await;
    app.service("Web", None).await;
    let key = app.key(&["users:write", "incidents:read"]).await;
    let path = format!("/api/users/{user}/test-page");
    let send = async |app: &App, key: &As| app.call(key, Method::POST, &path, &json!({})).await;
    let refused = send(&app, &key).await;
    assert_eq!(
        refused.status,
        StatusCode::CONFLICT,
        "no way to reach them: {}",
        refused.text
    );

    let app = App::with("http://ok.example", &[], &[Channel::Email]).await;
    let user = app.person("Ada", Role::Responder).await;
    app.service("Web", None).await;
    let key = app.key(&["users:write", "incidents:read"]).await;
    let path = format!("/api/users/{user}/test-page");
    let sent = app.call(&key, Method::POST, &path, &json!({})).await;
    assert_eq!(sent.status, StatusCode::CREATED, "{}", sent.text);
    assert_eq!(sent.json()["isTest"], true);
    let id = sent.json()["id"].as_str().unwrap().to_owned();
    let messages = app
        .get(&key, &format!("/api/incidents/{id}/notifications"))
        .await
        .json();
    assert_eq!(messages["pagination"]["total"], 1, "{messages}");
}
