//! The link in a mail, opened on a telephone by somebody who has not signed in.

use serde_json::json;
use thirtyfour::By;

use super::{
    stage::{Stage, alertmanager, post},
    window::PHONE,
};
use crate::api::{integration, organisation};

/// The smallest thing that a thumb hits, in CSS pixels.
const THUMB: f64 = 44.0;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_mail_is_acknowledged_with_one_click_and_without_signing_in() {
    let stage = Stage::set().await;
    let api = stage.api().await;
    let organisation = organisation(&api, 30).await;
    let prometheus = integration(&api, &organisation.service, "PROMETHEUS", json!({})).await;
    let body = alertmanager("firing", "DatabaseDown", "Nothing answers on port 5432");
    assert_eq!(post(&prometheus.url, &body).await, 202);
    let mail = stage.mail.wait_for("ann@example.com", "DatabaseDown").await;
    let link = mail.acknowledge_link().expect("the mail has a link");

    let window = stage.window(PHONE).await;
    window.go(link).await;
    window.arrive_at("Acknowledge this incident?").await;
    window.read("DatabaseDown").await;
    assert!(window.page_width().await <= PHONE.0);
    let button = window.find("main form button").await;
    let rect = button.rect().await.unwrap();
    assert!(
        rect.height >= THUMB && rect.y + rect.height <= f64::from(PHONE.1),
        "{rect:?}"
    );
    // The same page once more, in a second tab that stays behind.
    let first = window.driver.window().await.unwrap();
    let second = window.driver.new_tab().await.unwrap();
    window.driver.switch_to_window(second.clone()).await.unwrap();
    window.go(link).await;
    window.arrive_at("Acknowledge this incident?").await;

    window.driver.switch_to_window(first).await.unwrap();
    button.click().await.unwrap();
    window.arrive_at("Acknowledged").await;
    window.read("The incident shows Ann as working on it.").await;
    let incident = &api.all("/api/incidents?status=ACKNOWLEDGED").await[0];
    assert_eq!(incident["nextEscalationAt"], json!(null), "{incident}");

    window.driver.switch_to_window(second).await.unwrap();
    window.find("main form button").await.click().await.unwrap();
    window.arrive_at("Already acknowledged").await;
    window.read("Ann acknowledged it").await;
    assert!(
        window.driver.find(By::Css("main form")).await.is_err(),
        "there is nothing left to do"
    );
    assert_eq!(window.complaints().await, [""; 0]);
    window.close().await;
}
