//! Connecting every kind of tool that there is from the gallery, by keyboard: each card's test event opens an incident, and
//! the card says so. And a service that goes into maintenance and comes back.

use opsknight_sources as sources;
use serde_json::json;
use thirtyfour::Key;

use super::{
    stage::Stage,
    window::{DESK, Window},
};

/// Where the card of the integration says what came of the test event.
const ANSWER: &str = ".card .answer";
/// What came in through it last.
const EVENTS: &str = ".card .events";
/// What both say.
const OPENED: &str = "Opened an incident (test)";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_tool_is_connected_and_tried_out_from_its_card() {
    let stage = Stage::set().await;
    let window = stage.signed_in(DESK).await;
    let service = stage
        .api()
        .await
        .make("/api/services", json!({ "name": "Checkout" }))
        .await;
    let (first, others) = sources::all().split_first().unwrap();

    window.go(&format!("/services/{service}/integrations")).await;
    window.choose("Add integration").await;
    window.tab_to("Find a tool").await;
    window.press(&first.title().to_lowercase()[..8]).await;
    window.press(Key::Enter).await;
    window.wait_for("#create-title", first.title()).await;
    window.choose("Create").await;
    window.choose("Send test event").await;
    opened(&window, first.title()).await;
    for source in others {
        window
            .go(&format!(
                "/services/{service}/integrations/new?type={}",
                source.type_name()
            ))
            .await;
        enter(&window, "#name").await;
        enter(&window, ".card [data-into]").await;
        opened(&window, source.title()).await;
    }
    assert_eq!(window.complaints().await, [""; 0]);
    let folded: usize = window.ask("return document.querySelectorAll('.folded').length").await;
    assert_eq!(folded, others.len(), "one card is open");

    maintenance(&window, &service).await;
    window.close().await;
}

/// Presses Enter in a control, which has the focus then.
async fn enter(window: &Window, css: &str) {
    window
        .find(css)
        .await
        .send_keys(Key::Enter)
        .await
        .expect("it takes keys");
}

/// The card says on the spot what came of the test event, and its list follows by itself.
async fn opened(window: &Window, tool: &str) {
    window.wait_for(".card h2", tool).await;
    window.wait_for(ANSWER, OPENED).await;
    window.wait_for(EVENTS, OPENED).await;
}

async fn maintenance(window: &Window, service: &str) {
    window.go(&format!("/services/{service}/maintenance")).await;
    window.fill("What is done", "New disks").await;
    window.choose("30 min").await;
    window.wait_for(".head", "In maintenance").await;
    window.wait_for("#maintenance-now", "New disks").await;
    window.choose("1 h more").await;
    window.read("The maintenance is from").await;
    window.choose("End maintenance").await;
    window.read("The maintenance has ended").await;
    window.go(&format!("/services/{service}/activity")).await;
    window
        .wait_for(".activity", "Ada Admin ended the maintenance early")
        .await;
    assert_eq!(window.complaints().await, [""; 0]);
}
