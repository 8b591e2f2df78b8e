//! Messages that overtake each other on their way: where the sender says when things happened, that order counts.

use reqwest::StatusCode;
use serde_json::{Value, json};

use crate::{
    api::{Integration, integration, organisation},
    both::Place,
    world::World,
};

both! {
    an_alert_that_comes_after_its_own_end_pages_nobody,
    an_end_that_comes_after_the_next_alert_ends_nothing,
    an_end_that_nothing_was_open_for_swallows_no_later_alert,
}

/// A state of one Pingdom check, which says when it changed.
async fn pingdom(world: &World, to: &Integration, state: &str, at: i64) -> Value {
    let body = json!({
        "check_id": 12345, "check_name": "Shop", "check_type": "HTTP", "current_state": state,
        "previous_state": if state == "UP" { "DOWN" } else { "UP" }, "importance_level": "HIGH",
        "state_changed_timestamp": at, "version": 1, "description": "Shop"
    });
    let path = to.url.split_once("example.com").unwrap().1;
    let sent = world.api.http.post(format!("{}{path}", world.api.base)).json(&body);
    let response = sent.send().await.unwrap();
    assert_eq!(response.status(), StatusCode::ACCEPTED);
    response.json::<Value>().await.unwrap()["results"][0].clone()
}

async fn scene(place: &Place) -> (World, Integration, i64) {
    let world = World::begin(place).await;
    let service = organisation(&world.api, 5).await.service;
    let to = integration(&world.api, &service, "PINGDOM", json!({})).await;
    let noon = world.now().as_second();
    (world, to, noon)
}

async fn an_alert_that_comes_after_its_own_end_pages_nobody(place: &Place) {
    let (mut world, to, noon) = scene(place).await;
    let end = pingdom(&world, &to, "UP", noon - 60).await;
    assert_eq!(end["action"], "ignored", "{end}");
    let late = pingdom(&world, &to, "DOWN", noon - 120).await;
    assert_eq!(late["action"], "ignored", "{late}");
    assert!(late["reason"].as_str().unwrap().contains("newer recovery"), "{late}");
    world.minutes(20).await;
    assert_eq!(world.api.all("/api/incidents").await, Vec::<Value>::new());
    assert_eq!(world.api.all("/api/notifications").await, Vec::<Value>::new());
    world.finish().await;
}

async fn an_end_that_comes_after_the_next_alert_ends_nothing(place: &Place) {
    let (world, to, noon) = scene(place).await;
    assert_eq!(pingdom(&world, &to, "DOWN", noon - 300).await["action"], "triggered");
    // It was up for a moment; both messages of that are on their way when it goes down again.
    assert_eq!(pingdom(&world, &to, "DOWN", noon - 100).await["action"], "deduplicated");
    let late = pingdom(&world, &to, "UP", noon - 200).await;
    assert_eq!(late["action"], "ignored", "{late}");
    assert!(late["reason"].as_str().unwrap().contains("newer alert"), "{late}");
    assert_eq!(pingdom(&world, &to, "UP", noon - 50).await["action"], "resolved");
    world.finish().await;
}

async fn an_end_that_nothing_was_open_for_swallows_no_later_alert(place: &Place) {
    let (world, to, noon) = scene(place).await;
    assert_eq!(pingdom(&world, &to, "UP", noon - 60).await["action"], "ignored");
    // In the same second nothing is proven, and a page too many is better than none.
    assert_eq!(pingdom(&world, &to, "DOWN", noon - 60).await["action"], "triggered");
    assert_eq!(pingdom(&world, &to, "UP", noon - 40).await["action"], "resolved");
    assert_eq!(pingdom(&world, &to, "DOWN", noon - 30).await["action"], "triggered");
    assert_eq!(pingdom(&world, &to, "UP", noon).await["action"], "resolved");
    world.finish().await;
}
