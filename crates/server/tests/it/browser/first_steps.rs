//! The last of the first steps: a page to oneself, acknowledged from its message while the page looks on.

use serde_json::json;
use thirtyfour::Key;

use super::{
    stage::{ADMIN, Stage},
    window::DESK,
};
use crate::api::{integration, organisation};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_first_steps_end_with_a_page_that_comes_back() {
    let stage = Stage::set().await;
    let api = stage.api().await;
    let organisation = organisation(&api, 30).await;
    integration(&api, &organisation.service, "PROMETHEUS", json!({})).await;
    let window = stage.signed_in(DESK).await;
    window.go("/").await;
    window.read("6 of 7 done").await;
    window.choose("Send a test page").await;
    window.arrive_at("Test page").await;
    window.read("Email, at once").await;
    window.choose("Page me now").await;
    window.wait_for("#test-page", "Sent").await;
    window.read("Acknowledge it from the message.").await;

    let mail = stage.mail.wait_for(ADMIN, "Test page for Ada Admin").await;
    assert!(mail.subject.contains("[TEST]"), "{mail:?}");
    let looking_on = window.driver.window().await.unwrap();
    let second = window.driver.new_tab().await.unwrap();
    window.driver.switch_to_window(second).await.unwrap();
    window.go(mail.acknowledge_link().expect("the mail has a link")).await;
    window.arrive_at("Acknowledge this incident?").await;
    window.tab_to_the("main form button").await;
    window.press(Key::Enter).await;
    window.arrive_at("Acknowledged").await;

    window.driver.switch_to_window(looking_on).await.unwrap();
    window.wait_for("#test-page", "It works.").await;
    window.choose("Back to the dashboard").await;
    window.arrive_at("Dashboard").await;
    let steps = "return document.querySelector('.first-steps') === null";
    assert!(window.ask::<bool>(steps).await, "all is done");
    let others = stage.mail.mails();
    assert!(
        others.iter().all(|mail| mail.to == [ADMIN]),
        "nobody else is told: {others:?}"
    );
    assert_eq!(window.complaints().await, [""; 0]);
    window.close().await;
}
