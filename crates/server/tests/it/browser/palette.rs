//! Search and commands, and every other short way, by keyboard alone.

use serde_json::json;
use thirtyfour::Key;

use super::{
    stage::Stage,
    window::{DESK, Window},
};
use crate::api::organisation;

const OPEN: &str = ".palette[open] #palette-list";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whatever_is_looked_for_is_a_few_keys_away() {
    let stage = Stage::set().await;
    let window = stage.signed_in(DESK).await;
    let api = stage.api().await;
    let service = organisation(&api, 30).await.service;
    let incident = json!({ "title": "Payments are slow", "serviceId": service, "urgency": "HIGH" });
    api.make("/api/incidents", incident).await;
    find(&window).await;
    act(&window).await;
    go(&window).await;
    switch_letters_off(&window).await;
    assert_eq!(window.complaints().await, [""; 0], "no script failed");
    window.close().await;
}

/// Both keys at once: what is typed into an element holds the first of them down.
async fn control_k(window: &Window) {
    let body = window.find("body").await;
    body.send_keys(Key::Control + "k").await.expect("keys can be pressed");
}

/// A service by a few letters; then it is the first that is offered.
async fn find(window: &Window) {
    window.go("/").await;
    window.press("/").await;
    window.find(OPEN).await;
    window.press("chec").await;
    window.find("#palette-list[data-for=chec]").await;
    window.wait_for(".palette [aria-selected=true]", "Checkout").await;
    let active = window.attribute("#palette-input", "aria-activedescendant").await;
    assert_eq!(window.attribute(".palette [aria-selected=true]", "id").await, active);
    window.press(Key::Enter).await;
    window.arrive_at("Checkout").await;

    control_k(window).await;
    window.wait_for(OPEN, "Recent").await;
    window.wait_for(".palette [aria-selected=true]", "Checkout").await;
    window.press(Key::Down).await;
    let second = window.text(".palette [aria-selected=true]").await;
    assert!(!second.contains("Checkout"), "{second}");
    window.press(Key::Up).await;
    window.press(Key::Escape).await;
    let closed = "return !document.querySelector('dialog[open]')";
    assert!(window.ask::<bool>(closed).await);

    // The page with all that fits, where the box in the header leads without a script.
    window.go("/search?q=slow+payments").await;
    window.arrive_at("Search: slow payments").await;
    window.wait_for("main .found", "Payments are slow").await;
}

/// What can be done to an incident is offered on its page.
async fn act(window: &Window) {
    window.choose("#1 Payments are slow").await;
    window.arrive_at("Payments are slow").await;
    control_k(window).await;
    window.wait_for(OPEN, "Acknowledge").await;
    window.press("ackn").await;
    window.find("#palette-list[data-for=ackn]").await;
    window.wait_for(".palette [aria-selected=true]", "Acknowledge").await;
    window.press(Key::Enter).await;
    window.wait_for("#incident-head", "Acknowledged").await;
}

async fn go(window: &Window) {
    window.press("g").await;
    window.press("s").await;
    window.arrive_at("Services").await;
    window.press("?").await;
    window.wait_for("#shortcuts", "Keyboard shortcuts").await;
    let listed = window.text("#shortcuts").await;
    assert!(
        !listed.contains("Acknowledge"),
        "only what does something here: {listed}"
    );
    window.press("g").await;
    window.press("i").await;
    window.press(Key::Escape).await;
    assert_eq!(
        window.path().await,
        "/services",
        "no key does anything behind what is open"
    );
}

/// After that letters do nothing, and Ctrl K still opens the box.
async fn switch_letters_off(window: &Window) {
    window.go("/profile").await;
    window.tab_to_the("#single_keys").await;
    window.press(" ").await;
    window.press(Key::Tab).await;
    window.press(Key::Enter).await;
    window.read("switched off in this browser").await;
    window.press("/").await;
    control_k(window).await;
    window.find(OPEN).await;
    assert_eq!(window.value("#palette-input").await, "", "the letter went nowhere");
}
