//! The link that ends news.

use axum::body::Body;
use http::{Method, StatusCode, header};
use opsknight_domain::directory::Role;
use opsknight_web::ack::{ACK_LINK_PURPOSE, news_token};

use crate::harness::{Answer, App, As};

/// A mail program's own form, sent from a page of its own (RFC 8058, section 3.2).
async fn one_click(app: &App, path: &str) -> Answer {
    let request = app
        .request(&As::Nobody, &Method::POST, path)
        .header(header::CONTENT_TYPE, "application/x-www-form-urlencoded")
        .header(header::ORIGIN, "https://mail.example")
        .header("sec-fetch-site", "cross-site");
    app.ask(request.body(Body::from("List-Unsubscribe=One-Click")).unwrap())
        .await
}

#[tokio::test]
async fn looking_changes_nothing_and_one_click_ends_news() {
    let app = App::new().await;
    let user = app.person("Jane", Role::Responder).await;
    let key = app.state.store.sealer.signing_key(ACK_LINK_PURPOSE);
    let path = format!("/unsubscribe/{}", news_token(&key, user));
    let reader = app.key(&["users:read", "audit:read"]).await;
    let wants = async || app.get(&reader, &format!("/api/users/{user}")).await.json()["receiveNews"].clone();

    let page = app.get(&As::Nobody, &path).await;
    assert!(
        page.text.contains("End news") && page.text.contains("Jane"),
        "{}",
        page.text
    );
    assert_eq!(wants().await, true);
    let done = one_click(&app, &path).await;
    assert_eq!(done.status, StatusCode::OK, "{}", done.text);
    assert_eq!(wants().await, false);
    let again = one_click(&app, &path).await;
    assert!(
        again.status == StatusCode::OK && again.text.contains("No more news"),
        "{}",
        again.text
    );
    assert!(app.get(&As::Nobody, &path).await.text.contains("No more news"));
    let log = app.get(&reader, "/api/audit-log").await.json();
    assert_eq!(log["pagination"]["total"], 1, "{log}");
    assert_eq!(log["data"][0]["action"], "user.unsubscribed");
}

#[tokio::test]
async fn a_link_that_is_not_ours_ends_nothing() {
    let app = App::new().await;
    let user = app.person("Jane", Role::Responder).await;
    let path = format!("/unsubscribe/{}", news_token(&[0; 32], user));
    for answer in [one_click(&app, &path).await, app.get(&As::Nobody, &path).await] {
        assert_eq!(answer.status, StatusCode::NOT_FOUND);
        assert!(answer.text.contains("does not work"), "{}", answer.text);
    }
    let reader = app.key(&["users:read"]).await;
    assert_eq!(
        app.get(&reader, &format!("/api/users/{user}")).await.json()["receiveNews"],
        true
    );
}
