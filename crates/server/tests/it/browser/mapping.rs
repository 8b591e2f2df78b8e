//! A body that was not understood: its mapping is tried out and saved, and the request is run again, with scripts and
//! without.

use serde_json::{Value, json};

use super::{
    stage::{Stage, post},
    window::{DESK, Window},
};
use crate::api::integration;

/// Where the preview of a mapping is shown.
const PREVIEW: &str = "form.mapping [role=status]";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_mapping_is_tried_out_while_it_is_typed() {
    let stage = Stage::set().await;
    let window = stage.signed_in(DESK).await;
    journey(&stage, &window, true).await;
    window.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_mapping_is_tried_out_without_scripts() {
    let stage = Stage::set().await;
    let window = stage.signed_in(DESK).await;
    window.switch_scripts_off().await;
    journey(&stage, &window, false).await;
    window.close().await;
}

async fn journey(stage: &Stage, window: &Window, scripts: bool) {
    let api = stage.api().await;
    let service = api.make("/api/services", json!({ "name": "Checkout" })).await;
    let hook = integration(&api, &service, "WEBHOOK", json!({})).await;
    let body = json!({ "what": { "is": "Disk full" }, "more": "<script>alert(1)</script>" });
    assert_eq!(post(&hook.url, &body).await, 400);
    window.go(&format!("/services/{service}/integrations")).await;
    window.choose("Field mapping").await;
    window.fill("Summary", "what.is").await;
    if !scripts {
        window.choose("Preview").await;
    }
    window.wait_for(PREVIEW, "Would open an incident").await;
    window.wait_for(PREVIEW, "Disk full from what.is").await;
    let path = format!("/api/services/{service}/integrations/{}", hook.id);
    assert_eq!(
        api.get(&path).await["fieldMapping"],
        Value::Null,
        "nothing is saved yet"
    );
    window.choose("Save mapping").await;
    window.read("The field mapping was saved").await;
    assert_eq!(
        api.get(&path).await["fieldMapping"],
        json!({ "summaryField": "what.is" })
    );
    let event = api.all("/api/events/log").await[0]["id"].as_str().unwrap().to_owned();
    window.go(&format!("/events/{event}")).await;
    window.choose("Run again: preview").await;
    window.wait_for("#again", "Would open an incident").await;
    window.choose("Run again for real…").await;
    window.choose("Run it for real").await;
    window.arrive_at("Disk full").await;
    window.read("Somebody ran an earlier request again").await;
    assert_eq!(api.all("/api/incidents").await.len(), 1);
    assert_eq!(window.complaints().await, [""; 0]);
}
