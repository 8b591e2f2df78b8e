//! Everything that matters at night works without scripts.

use serde_json::json;
use thirtyfour::Key;

use super::{
    stage::{ADMIN, PASSWORD, Stage},
    window::{DESK, Window},
};
use crate::api::{Api, organisation};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn incidents_and_policies_work_without_scripts() {
    let stage = Stage::set().await;
    stage.make_admin().await;
    let api = stage.api().await;
    let service = organisation(&api, 30).await.service;
    let window = stage.window(DESK).await;
    window.switch_scripts_off().await;
    sign_in(&window).await;
    work_on_an_incident(&api, &window, &service).await;
    snooze_another(&api, &window, &service).await;
    be_told_what_is_wrong(&window).await;
    write_a_policy(&window).await;
    window.close().await;
}

async fn sign_in(window: &Window) {
    window.go("/incidents?status=OPEN").await;
    window.arrive_at("Sign in").await;
    assert!(
        !window
            .ask::<bool>("return document.documentElement.classList.contains('js')")
            .await
    );
    window.fill("Email", ADMIN).await;
    window.fill("Password", "not the password").await;
    window.press(Key::Enter).await;
    window.wait_for("[role=alert]", "not right").await;
    assert_eq!(window.value("#email").await, ADMIN, "what was typed is kept");
    assert_eq!(window.value("#password").await, "", "a password is not sent back");
    window.fill("Password", PASSWORD).await;
    window.press(Key::Enter).await;
    window.arrive_at("Incidents").await;
    assert_eq!(window.path().await, "/incidents?status=OPEN");
}

async fn open(api: &Api, service: &str, title: &str) -> String {
    let incident = json!({ "title": title, "serviceId": service, "urgency": "HIGH" });
    api.make("/api/incidents", incident).await
}

async fn work_on_an_incident(api: &Api, window: &Window, service: &str) {
    let id = open(api, service, "Checkout is slow").await;
    window.go("/incidents").await;
    window.choose("Checkout is slow").await;
    window.arrive_at("Checkout is slow").await;
    window.choose("Acknowledge").await;
    window.wait_for("[role=status]", "Escalation has stopped").await;
    window.wait_for("#incident-head", "Acknowledged").await;
    window.fill("Add a note", "Rolled back to 4.12").await;
    window.choose("Add note").await;
    window.wait_for("#incident-timeline .note", "Rolled back to 4.12").await;
    window.choose("Add responder").await;
    window.find("#call-sheet").await;
    window.fill("Who", "Bob").await;
    window.choose("Page them").await;
    window.wait_for(".responders", "Bob").await;
    window.choose("By people").await;
    window.wait_for("#incident-timeline", "Rolled back to 4.12").await;
    assert!(!window.text("#incident-timeline").await.contains("Paging"));
    window.choose("Resolve").await;
    window.find("#resolve-sheet").await;
    window.fill("What was done", "The cache was full").await;
    window.choose("Resolve").await;
    window.wait_for("#incident-head", "Resolved").await;
    window.read("The cache was full").await;
    assert_eq!(api.get(&format!("/api/incidents/{id}")).await["status"], "RESOLVED");
}

async fn snooze_another(api: &Api, window: &Window, service: &str) {
    let id = open(api, service, "Mail is slow").await;
    window.go(&format!("/incidents/{id}")).await;
    window.choose("Snooze").await;
    window.find("#snooze-sheet").await;
    window.choose("1 hour").await;
    window.wait_for("#incident-head", "Snoozed").await;
    assert_eq!(api.get(&format!("/api/incidents/{id}")).await["status"], "SNOOZED");
}

async fn be_told_what_is_wrong(window: &Window) {
    window.go("/incidents/new").await;
    window.fill("What is wrong", " ").await;
    window.fill("Urgency", "Low").await;
    window.fill("Description", "It began after lunch").await;
    window.choose("Open incident").await;
    window.find("#title-error").await;
    assert_eq!(window.value("#description").await, "It began after lunch");
    assert_eq!(window.value("#urgency").await, "LOW");
    assert_eq!(
        window.attribute("#title", "aria-describedby").await,
        "title-hint title-error"
    );
}

async fn write_a_policy(window: &Window) {
    window.go("/policies/new").await;
    window.fill("Step 1, target 1", "Ann").await;
    window.fill("Then wait", "7").await;
    window.choose("Add step").await;
    window.find("#step-1").await;
    window.fill("Step 2, target 1", "Bob").await;
    window.choose("Save policy").await;
    // It has no name yet.
    window.find("#name-error").await;
    window.fill("Name", "Ann, then Bob").await;
    window.press(Key::Enter).await;
    window.arrive_at("Ann, then Bob").await;
    let steps = window.text("main").await;
    assert!(
        steps.contains("Page Ann") && steps.contains("Then wait 7 min"),
        "{steps}"
    );
    assert!(steps.contains("Page Bob"), "{steps}");
}
