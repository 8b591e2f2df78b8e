//! One incident in the hands of somebody with a telephone, and then at a desk: by thumb, and by keyboard.

use serde_json::{Value, json};
use thirtyfour::{By, Key};

use super::{
    stage::{Stage, alertmanager, post},
    window::{DESK, PHONE, Window},
};
use crate::{
    api::{Api, integration, organisation},
    process::{SOON, wait_until},
};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_incident_is_worked_on_by_thumb_and_by_keyboard() {
    let stage = Stage::set().await;
    let window = stage.signed_in(PHONE).await;
    let api = stage.api().await;
    let service = organisation(&api, 30).await.service;
    let hook = integration(&api, &service, "PROMETHEUS", json!({})).await;
    assert_eq!(
        post(&hook.url, &alertmanager("firing", "CacheFull", "The cache is full")).await,
        202
    );
    let first = api.all("/api/incidents").await[0]["id"].as_str().unwrap().to_owned();
    let incident = json!({ "title": "Checkout is slow", "serviceId": service, "urgency": "HIGH" });
    let other = api.make("/api/incidents", incident).await;
    window.go(&format!("/incidents/{first}")).await;
    escalate_by_thumb(&window).await;
    acknowledge_by_thumb(&window).await;
    window.resize(DESK).await;
    add_a_responder(&window).await;
    tag_it(&window).await;
    mention_somebody(&api, &window, &first).await;
    unfold_an_alert(&window).await;
    merge_it(&api, &window, &first, &other).await;
    assert_eq!(window.complaints().await, [""; 0]);
    window.close().await;
}

/// Presses a button as a thumb does: it must be there, large enough, and not under anything. What is live may be
/// replaced between looking and pressing, so it is looked for until both have happened to the same one.
async fn tap(window: &Window, css: &str) {
    wait_until(&format!("{css} can be pressed"), SOON, async || {
        let button = window.driver.find(By::Css(css)).await.ok()?;
        let size = button.rect().await.ok().filter(|size| size.height > 0.0)?;
        assert!(size.height >= 44.0 && size.width >= 44.0, "{css} is {size:?}");
        button.click().await.ok()
    })
    .await;
}

/// Opens the page again, so that the Tab key begins at its top.
async fn afresh(window: &Window) {
    window.go(&window.path().await).await;
}

async fn escalate_by_thumb(window: &Window) {
    window.read("What happens next").await;
    tap(window, "#incident-actions .more").await;
    tap(window, "#more-sheet [popovertarget=escalate-sheet]").await;
    tap(window, "#escalate-sheet .primary").await;
    window.wait_for("#incident-timeline", "Escalated by Ada Admin").await;
    window.wait_for("#incident-timeline", "Paging Bob by email").await;
}

async fn acknowledge_by_thumb(window: &Window) {
    let low: bool = window
        .ask("return document.querySelector('[data-key=acknowledge]').getBoundingClientRect().top > innerHeight / 2")
        .await;
    assert!(low, "a thumb reaches it");
    tap(window, "[data-key=acknowledge]").await;
    window.wait_for("#incident-head", "Acknowledged").await;
}

async fn add_a_responder(window: &Window) {
    afresh(window).await;
    window.choose("Add responder").await;
    window.find("#call-sheet").await;
    window.fill("Who", "Bob").await;
    window.fill("Message", "You know the cache").await;
    window.press(Key::Enter).await;
    window.wait_for(".responders", "Bob").await;
    window.wait_for(".responders", "You know the cache").await;
}

async fn tag_it(window: &Window) {
    afresh(window).await;
    window.choose("More actions").await;
    window.find("#more-sheet").await;
    window.choose("Edit details").await;
    window.find("#details-sheet").await;
    window.fill("Priority", "P2").await;
    window.fill("Tags", "cache, needs review").await;
    window.press(Key::Enter).await;
    window.wait_for("#incident-facts .tags", "needs-review").await;
    window.wait_for("#incident-head", "P2").await;
}

async fn mention_somebody(api: &Api, window: &Window, id: &str) {
    afresh(window).await;
    window.fill("Add a note", "**Look**, @bo").await;
    window.wait_for(".people-list", "Bob").await;
    window.press(Key::Enter).await;
    assert_eq!(window.value("#note").await, "**Look**, @bob ");
    // What happens meanwhile takes nothing away from what is being typed.
    api.post(&format!("/api/incidents/{id}/notes"), json!({ "text": "By a program" }))
        .await;
    window.wait_for("#incident-timeline", "By a program").await;
    assert_eq!(window.value("#note").await, "**Look**, @bob ");
    window.choose("Add note").await;
    window.wait_for("#incident-timeline .mention", "@bob").await;
    let sent = api.get(&format!("/api/incidents/{id}/notifications")).await;
    assert!(
        sent["data"].to_string().contains("Ada Admin mentioned you in a note"),
        "{sent}"
    );
}

async fn unfold_an_alert(window: &Window) {
    afresh(window).await;
    window.choose("Raw body").await;
    window
        .wait_for("#incident-alerts pre.raw", "\"alertname\": \"CacheFull\"")
        .await;
}

async fn merge_it(api: &Api, window: &Window, id: &str, other: &str) {
    let number = api.get(&format!("/api/incidents/{other}")).await["number"].clone();
    window.go(&format!("/incidents/{id}")).await;
    window.choose("More actions").await;
    window.find("#more-sheet").await;
    window.choose("Merge").await;
    window.find("#merge-sheet").await;
    window.fill("Incident", &format!("#{number}")).await;
    window.choose("Merge").await;
    window.wait_for("#incident-head", "Merged into").await;
    let incident = api.get(&format!("/api/incidents/{id}")).await;
    assert_eq!(
        (&incident["status"], &incident["mergedIntoId"]),
        (&json!("RESOLVED"), &json!(other))
    );
    assert_eq!(api.all(&format!("/api/incidents/{other}/alerts")).await.len(), 1);
    let follow = window.driver.find(By::Css("#incident-head p a")).await.unwrap();
    follow.click().await.unwrap();
    window.arrive_at("Checkout is slow").await;
    window.wait_for("#incident-alerts", "received for").await;
    assert_ne!(
        api.get(&format!("/api/incidents/{other}")).await["alertCount"],
        Value::Null
    );
}
