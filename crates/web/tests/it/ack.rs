//! The signed link in a page's mail.

use http::StatusCode;
use jiff::SignedDuration;
use opsknight_domain::{directory::Role, id::IncidentId};
use opsknight_web::ack::{ACK_LINK_PURPOSE, ack_token};

use crate::harness::{App, As};

#[tokio::test]
async fn looking_changes_nothing_and_one_click_acknowledges() {
    let app = App::new().await;
    let user = app.person("Jane", Role::Responder).await;
    let incident = app.incident("Disk full").await;
    let id: IncidentId = incident["id"].as_str().unwrap().parse().unwrap();
    let key = app.state.store.sealer.signing_key(ACK_LINK_PURPOSE);
    let expires = app.clock_now().checked_add(SignedDuration::from_hours(48)).unwrap();
    let path = format!("/ack/{}", ack_token(&key, id, user, expires));
    let reader = app.key(&["incidents:read"]).await;
    let status = async || app.get(&reader, &format!("/api/incidents/{id}")).await.json()["status"].clone();

    for _ in 0..2 {
        let page = app.get(&As::Nobody, &path).await;
        assert!(page.text.contains("Acknowledge this incident?") && page.text.contains("Jane"));
    }
    assert_eq!(status().await, "OPEN");
    let forged = format!("{}A", &path[..path.len() - 1]);
    let other = app.form(&As::Nobody, &forged, &[]).await;
    assert!(other.text.contains("does not work") || forged == path);
    let done = app.form(&As::Nobody, &path, &[]).await;
    assert_eq!(done.status, StatusCode::OK);
    assert!(done.text.contains("Escalation has stopped"), "{}", done.text);
    assert_eq!(status().await, "ACKNOWLEDGED");
    let again = app.form(&As::Nobody, &path, &[]).await;
    assert!(again.text.contains("Already acknowledged") && again.text.contains("Jane"));
}

#[tokio::test]
async fn an_old_link_says_so() {
    let app = App::new().await;
    let user = app.person("Jane", Role::Responder).await;
    let incident = app.incident("Disk full").await;
    let id: IncidentId = incident["id"].as_str().unwrap().parse().unwrap();
    let key = app.state.store.sealer.signing_key(ACK_LINK_PURPOSE);
    let path = format!("/ack/{}", ack_token(&key, id, user, app.clock_now()));
    let page = app.form(&As::Nobody, &path, &[]).await;
    assert!(page.text.contains("has expired"), "{}", page.text);
    let reader = app.key(&["incidents:read"]).await;
    let body = app.get(&reader, &format!("/api/incidents/{id}")).await.json();
    assert_eq!(body["status"], "OPEN");
}

#[tokio::test]
async fn a_service_worker_is_told_in_short() {
    let app = App::new().await;
    let user = app.person("Jane", Role::Responder).await;
    let incident = app.incident("Disk full").await;
    let id: IncidentId = incident["id"].as_str().unwrap().parse().unwrap();
    let key = app.state.store.sealer.signing_key(ACK_LINK_PURPOSE);
    let expires = app.clock_now().checked_add(SignedDuration::from_hours(48)).unwrap();
    let good = format!("/ack/{}", ack_token(&key, id, user, expires));
    let post = async |path: &str| {
        let request = app.request(&As::Nobody, &http::Method::POST, path);
        let request = request.header("accept", "application/json");
        app.ask(request.body(axum::body::Body::empty()).unwrap()).await.json()
    };
    let done = post(&good).await;
    assert_eq!((&done["ok"], &done["title"]), (&true.into(), &"Acknowledged".into()));
    let again = post(&good).await;
    assert_eq!(
        (&again["ok"], &again["message"]),
        (&true.into(), &"Jane acknowledged it.".into())
    );
    let bad = post("/ack/nothing").await;
    assert_eq!((&bad["ok"], &bad["title"]), (&false.into(), &"Not acknowledged".into()));
}
