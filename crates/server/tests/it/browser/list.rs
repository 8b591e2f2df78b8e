//! The list of incidents by keyboard: select some, acknowledge them, filter, save the view, go on; and the same work
//! without scripts.

use serde_json::json;
use thirtyfour::Key;

use super::{
    stage::Stage,
    window::{DESK, Window},
};
use crate::api::{Api, organisation};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn many_incidents_are_worked_on_by_keyboard() {
    let stage = Stage::set().await;
    let api = stage.api().await;
    let window = stage.signed_in(DESK).await;
    let service = organisation(&api, 30).await.service;
    for n in 0..60 {
        open(&api, &service, &format!("Disk {n} full")).await;
    }
    window.go("/incidents?status=OPEN").await;
    select_and_acknowledge(&api, &window).await;
    stay_up_to_date(&api, &window, &service).await;
    save_a_view(&window).await;
    go_on(&window).await;
    assert_eq!(window.complaints().await, [""; 0]);
    window.switch_scripts_off().await;
    work_without_scripts(&api, &window).await;
    window.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_comes_between_drawing_and_listening_is_shown() {
    let stage = Stage::set().await;
    let api = stage.api().await;
    let window = stage.window(DESK).await;
    // The page listens when the test lets it.
    let held = "{ const locks = navigator.locks, ask = locks.request.bind(locks);
        const free = new Promise((go) => { globalThis.listen = go; });
        locks.request = (...what) => free.then(() => ask(...what)); }";
    window.begin_with(held).await;
    stage.sign_in(&window).await;
    let service = organisation(&api, 30).await.service;
    open(&api, &service, "Early").await;
    window.go("/incidents?status=OPEN").await;
    window.wait_for("#incident-rows", "Early").await;
    open(&api, &service, "Between").await;
    window.run::<Option<bool>>("globalThis.listen()").await;
    window.wait_for("#incident-rows tr.fresh", "Between").await;
    window.close().await;
}

async fn open(api: &Api, service: &str, title: &str) -> String {
    let incident = json!({ "title": title, "serviceId": service, "urgency": "HIGH" });
    api.make("/api/incidents", incident).await
}

async fn acknowledged(api: &Api) -> usize {
    api.all("/api/incidents?status=ACKNOWLEDGED").await.len()
}

/// Three rows by j and x; a acknowledges them.
async fn select_and_acknowledge(api: &Api, window: &Window) {
    for keys in ["j", "x", "j", "x", "j", "x"] {
        window.press(keys).await;
    }
    window.wait_for("#bulk-count", "3 selected").await;
    window.press("a").await;
    window.wait_for(".toasts", "3 acknowledged.").await;
    window.wait_for("#quick-lists", "57").await;
    assert_eq!(acknowledged(api).await, 3);
    let selected: u32 = window
        .ask("return document.querySelectorAll('input[name=ids]:checked').length")
        .await;
    assert_eq!(selected, 0, "what was done with is not selected any more");
}

/// What others do is seen at once, and neither the selection nor the focus is lost by it.
async fn stay_up_to_date(api: &Api, window: &Window, service: &str) {
    for keys in ["j", "x"] {
        window.press(keys).await;
    }
    window.wait_for("#bulk-count", "1 selected").await;
    let focus = "return document.activeElement.getAttribute('href')";
    let before: String = window.ask(focus).await;
    open(api, service, "Late").await;
    window.wait_for("#fresh-note", "1 new").await;
    window.wait_for("#bulk-count", "1 selected").await;
    assert_eq!(window.ask::<String>(focus).await, before);
    window.press(Key::Escape).await;
    window
        .find("#fresh-note")
        .await
        .click()
        .await
        .expect("it can be pressed");
    window.wait_for("#incident-rows tr.fresh", "Late").await;
}

async fn save_a_view(window: &Window) {
    window.go("/incidents?status=OPEN").await;
    window.fill("Urgency", "High").await;
    window.wait_for("button[popovertarget=save-view]", "Save view").await;
    window.choose("Save view…").await;
    window.find("#save-view").await;
    window.fill("Name", "Night").await;
    window.press(Key::Enter).await;
    window.read("Saved as “Night”.").await;
    window.wait_for("#quick-lists a[aria-current]", "Night").await;
}

async fn go_on(window: &Window) {
    let next = window.find("a[rel=next]").await;
    next.click().await.expect("it can be followed");
    window.find("a[rel=prev]").await;
    let path = window.path().await;
    assert!(path.starts_with("/incidents?status=OPEN&urgency=HIGH&after="), "{path}");
    let previous = window.find("a[rel=prev]").await;
    previous.click().await.expect("it can be followed");
    window.wait_for("#incident-rows", "Late").await;
}

async fn work_without_scripts(api: &Api, window: &Window) {
    window.go("/incidents?status=ACKNOWLEDGED").await;
    let first = window.text("#incident-rows tr:first-child .title .sub").await;
    window.tab_to(&format!("Select {first}")).await;
    window.press(" ").await;
    window.choose("Resolve…").await;
    window.find("#bulk-resolve").await;
    window.fill("What was done", "Bought a disk").await;
    window.choose("Resolve").await;
    window.read("1 resolved.").await;
    assert_eq!(acknowledged(api).await, 2);
}
