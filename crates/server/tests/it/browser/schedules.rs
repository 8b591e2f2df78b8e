//! A schedule from its first layer to somebody who covers a shift: by keyboard, and dragged by a mouse.

use jiff::Timestamp;
use serde_json::{Value, json};

use super::{
    stage::Stage,
    window::{DESK, Window},
};
use crate::{
    api::Api,
    process::{SOON, wait_until},
};

/// Where the last line of the timeline is, and how wide: in the middle of the window.
const ROW: &str = "const row = document.querySelector('[data-drag]');
    row.scrollIntoView({ block: 'center' });
    const box = row.getBoundingClientRect();
    return [Math.round(box.left), Math.round(box.top + box.height / 2), Math.round(box.width)];";

/// Where the end of the override is.
const END: &str = "const end = [...document.querySelectorAll('.strip rect.edge')].at(-1);
    end.scrollIntoView({ block: 'center' });
    const box = end.getBoundingClientRect();
    return [Math.round(box.left + box.width / 2), Math.round(box.top + box.height / 2)];";

/// The first layer has begun long ago, whatever the time of day at which this runs.
const BEGUN: &str = "const start = document.querySelector('[name=\"layers.0.start\"]');
    start.value = '2026-01-05';
    start.dispatchEvent(new Event('input', { bubbles: true }));";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_schedule_is_planned_covered_and_paged_by() {
    let stage = Stage::set().await;
    let api = stage.api().await;
    let ben = json!({ "email": "ben@example.com", "name": "Ben Backup", "role": "RESPONDER" });
    api.make("/api/users", ben).await;
    let window = stage.signed_in(DESK).await;
    plan(&window).await;
    let schedules = api.all("/api/schedules").await;
    let schedule = schedules[0]["id"].as_str().unwrap();
    drag(&window, &api, schedule).await;
    draw_longer(&window, &api, schedule).await;
    cover_and_ask(&window).await;
    write_policy(&window).await;
    assert_eq!(window.complaints().await, [""; 0], "no script failed");
    window.close().await;
}

/// Two layers by keyboard, with what they come to beside them.
async fn plan(window: &Window) {
    window.go("/schedules").await;
    window.choose("Plan the first schedule").await;
    window.arrive_at("New schedule").await;
    window.wait_for("#schedule-preview", "has no people").await;
    window.fill("Name", "Support").await;
    window.fill("Layer 1, turn 1", "Ada").await;
    window.ask::<Option<u8>>(BEGUN).await;
    window
        .wait_for("#schedule-preview", "Somebody is on call all the time")
        .await;
    window.choose("Add layer").await;
    window.find("#layer-1").await;
    window
        .wait_for("#schedule-preview", "Layer “Layer 2” has no people")
        .await;
    window.fill("Layer 2, turn 1", "Ben").await;
    window.tab_to_the("#layer-1 button[name=add_restriction]").await;
    window.press(thirtyfour::Key::Enter).await;
    window.find("#layer-1 fieldset.limit").await;
    window.choose("Save schedule").await;
    window.arrive_at("Support").await;
}

async fn overrides(api: &Api, schedule: &str) -> Vec<Value> {
    api.all(&format!("/api/schedules/{schedule}/overrides")).await
}

/// How many hours the only override lasts.
async fn hours(api: &Api, schedule: &str) -> i64 {
    let all = overrides(api, schedule).await;
    assert_eq!(all.len(), 1, "{all:?}");
    let time = |name: &str| all[0][name].as_str().unwrap().parse::<Timestamp>().unwrap();
    time("end").duration_since(time("start")).as_hours()
}

/// Holds the mouse down at the first place, and lets it go at the last.
async fn pull(window: &Window, (from, to): ((i64, i64), (i64, i64))) {
    let between = (i64::midpoint(from.0, to.0), i64::midpoint(from.1, to.1));
    let hand = window.driver.action_chain().move_to(from.0, from.1).click_and_hold();
    let hand = hand.move_to(between.0, between.1).move_to(to.0, to.1).release();
    hand.perform().await.expect("a mouse can be moved");
}

/// The Wednesday of next week, dragged across.
async fn drag(window: &Window, api: &Api, schedule: &str) {
    window.go(&format!("/schedules/{schedule}?view=week")).await;
    window.choose("Later").await;
    wait_until("next week is shown", SOON, async || {
        window.path().await.contains("from=").then_some(())
    })
    .await;
    window.find("#timeline").await;
    let (left, top, width): (i64, i64, i64) = window.ask(ROW).await;
    let day = |number: i64| (left + width * number / 7, top);
    pull(window, (day(2), day(3))).await;
    window.find("dialog[open]").await;
    let (start, end) = (window.value("dialog #start").await, window.value("dialog #end").await);
    assert!(
        start.ends_with("T00:00") && end.ends_with("T00:00") && start < end,
        "{start} to {end}"
    );
    window.press("Ben").await;
    window
        .wait_for("#cover-preview", "Ben Backup instead of Ada Admin")
        .await;
    assert!(overrides(api, schedule).await.is_empty(), "nothing is saved yet");
    window.choose("Add override").await;
    window.read("The override was added.").await;
    assert_eq!(hours(api, schedule).await, 24);
}

/// Its end, drawn to the day after.
async fn draw_longer(window: &Window, api: &Api, schedule: &str) {
    let (_, _, width): (i64, i64, i64) = window.ask(ROW).await;
    let (x, y): (i64, i64) = window.ask(END).await;
    pull(window, ((x, y), (x + width / 7 + 2, y))).await;
    window.find("dialog[open]").await;
    window.wait_for("#dialog-title", "Change this override").await;
    window.choose("Save override").await;
    window.read("The override was changed.").await;
    assert_eq!(hours(api, schedule).await, 48);
}

/// A shift is covered without a mouse, and it is asked who is on call at a time.
async fn cover_and_ask(window: &Window) {
    window.tab_to_the(".strip .final a").await;
    window.press(thirtyfour::Key::Enter).await;
    window.find("dialog[open]").await;
    window.wait_for("#dialog-title", "Cover this shift").await;
    assert!(
        !window.value("dialog #start").await.is_empty(),
        "its times are filled in"
    );
    window.press(thirtyfour::Key::Escape).await;
    wait_until("the shift has the focus again", SOON, async || {
        let script = "return document.activeElement.matches('.strip .final a')";
        window.ask::<bool>(script).await.then_some(())
    })
    .await;
    window.choose("Ask").await;
    window.wait_for("#who .answer", "decides").await;
}

/// Who would be paged is told while the policy is written.
async fn write_policy(window: &Window) {
    window.go("/policies/new").await;
    window.wait_for("#plan", "no step has a target").await;
    window.fill("Name", "Call support").await;
    window.fill("Step 1, target 1", "On").await;
    window.wait_for("#plan", "on call by").await;
    window.choose("Save policy").await;
    window.arrive_at("Call support").await;
    window.wait_for("#plan", "No incident has escalated by it yet").await;
}
