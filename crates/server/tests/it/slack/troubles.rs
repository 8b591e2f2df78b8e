//! Slack refuses, is busy, or is not itself: the timeline tells in its words, and the server stays well.

use jiff::SignedDuration;
use serde_json::json;

use super::desk::{app, edits, posts, telling};
use crate::{both::Place, vendors::Instead, world::World};

both! {
    what_slack_refuses_is_told_in_its_words,
    a_public_room_is_joined_and_a_private_one_is_not,
    a_room_waits_as_long_as_slack_asks,
    a_test_shows_what_slack_says,
    nonsense_is_survived,
}

fn refused(error: &str) -> Instead {
    Instead::of(200, json!({ "ok": false, "error": error }).to_string())
}

async fn what_slack_refuses_is_told_in_its_words(place: &Place) {
    let mut world = World::begin_with(place, app).await;
    let (_, events) = telling(&world, "C0OPS").await;
    let vendors = &world.around.clone().vendors;
    for (error, told) in [
        (
            "channel_not_found",
            "Slack to channel C0OPS failed: Slack (Acme): channel_not_found: there is no such conversation, or it is \
             private and the app is not in it",
        ),
        (
            "is_archived",
            "Slack to channel C0OPS failed: Slack (Acme): is_archived: ",
        ),
        (
            "invalid_auth",
            "Slack to channel C0OPS was not taken and is tried again: token: Slack (Acme): invalid_auth",
        ),
    ] {
        vendors.answer_instead("/chat.postMessage", refused(error));
        let id = world.trigger(&events, error, "critical").await;
        world.work().await;
        let timeline = world.timeline(&id).await;
        assert!(timeline.contains(told), "{told}: {timeline}");
        // The page goes on by the next way: mail in any case.
        assert!(timeline.contains("Email to Ann by SMTP was taken"), "{timeline}");
        vendors.answer_well("/chat.postMessage");
        let path = format!("/api/incidents/{id}");
        world.api.patch(&path, json!({ "status": "RESOLVED" })).await;
        world.minutes(20).await;
    }
    world.finish().await;
}

async fn a_public_room_is_joined_and_a_private_one_is_not(place: &Place) {
    let mut world = World::begin_with(place, app).await;
    let (organisation, events) = telling(&world, "C0OPS").await;
    let vendors = &world.around.clone().vendors;
    vendors.answer_instead("/chat.postMessage", refused("not_in_channel"));
    world.trigger(&events, "public", "critical").await;
    world.work().await;
    let joined = vendors.calls("/conversations.join");
    assert_eq!(joined.len(), 1);
    assert_eq!(joined[0].json()["channel"], "C0OPS");
    assert_eq!(posts(&world, "C0OPS").len(), 2, "and it was tried once more");
    vendors.answer_instead("/conversations.join", refused("method_not_supported_for_channel_type"));
    let path = format!("/api/services/{}", organisation.service);
    world.api.patch(&path, json!({ "slackChannel": "C0SECRET" })).await;
    let id = world.trigger(&events, "private", "critical").await;
    world.work().await;
    let timeline = world.timeline(&id).await;
    assert!(
        timeline.contains(
            "Slack to channel C0SECRET failed: Slack (Acme): not_in_channel: the app is not in this conversation"
        ),
        "{timeline}"
    );
    world.finish().await;
}

async fn a_room_waits_as_long_as_slack_asks(place: &Place) {
    let mut world = World::begin_with(place, app).await;
    let (_, events) = telling(&world, "C0OPS").await;
    let id = world.trigger(&events, "web-01", "critical").await;
    world.work().await;
    let vendors = &world.around.clone().vendors;
    let busy = Instead {
        headers: vec![("retry-after", "90")],
        ..Instead::of(429, r#"{"ok":false,"error":"ratelimited"}"#)
    };
    vendors.answer_instead("/chat.update", busy);
    let path = format!("/api/incidents/{id}");
    // The second is decided while the first is under way: it waits with it.
    world.api.patch(&path, json!({ "status": "ACKNOWLEDGED" })).await;
    world.api.patch(&path, json!({ "status": "RESOLVED" })).await;
    world.work().await;
    assert_eq!(edits(&world, "C0OPS").len(), 1);
    vendors.answer_well("/chat.update");
    world.advance(SignedDuration::from_secs(85)).await;
    assert_eq!(edits(&world, "C0OPS").len(), 1, "Slack has asked for 90 seconds");
    world.advance(SignedDuration::from_secs(10)).await;
    assert_eq!(edits(&world, "C0OPS").len(), 3);
    let timeline = world.timeline(&id).await;
    assert!(
        timeline.contains("Slack to channel C0OPS was not taken and is tried again: 429 Too Many Requests"),
        "{timeline}"
    );
    world.finish().await;
}

async fn a_test_shows_what_slack_says(place: &Place) {
    let world = World::begin_with(place, app).await;
    let test = async |address: &str| {
        let body = json!({ "to": address });
        world.api.post("/api/settings/notifications/slack/test", body).await
    };
    let good = test("C0OPS").await;
    assert_eq!(good["ok"], true, "{good}");
    assert!(good["message"].as_str().unwrap().contains("posted in C0OPS"), "{good}");
    assert_eq!(posts(&world, "C0OPS").len(), 1);
    world
        .around
        .vendors
        .answer_instead("/chat.postMessage", refused("channel_not_found"));
    let bad = test("C0SECRET").await;
    assert_eq!(bad["ok"], false, "{bad}");
    let said = bad["message"].as_str().unwrap();
    assert!(said.contains("channel_not_found") && said.contains("/invite"), "{said}");
}

async fn nonsense_is_survived(place: &Place) {
    let mut world = World::begin_with(place, app).await;
    let (_, events) = telling(&world, "C0OPS").await;
    let vendors = &world.around.clone().vendors;
    for (n, instead) in [
        Instead::of(500, "an error of Slack's"),
        Instead::of(200, "x".repeat(20 << 20)),
        Instead::of(200, "[]"),
        Instead::of(302, ""),
    ]
    .into_iter()
    .enumerate()
    {
        vendors.answer_instead("/chat.postMessage", instead);
        let id = world.trigger(&events, &format!("web-{n}"), "critical").await;
        world.work().await;
        let timeline = world.timeline(&id).await;
        assert!(timeline.contains("Slack to channel C0OPS "), "{timeline}");
        assert!(timeline.lines().all(|line| line.len() < 1_000), "it is told in short");
        assert!(timeline.contains("Email to Ann by SMTP was taken"), "{timeline}");
        vendors.answer_well("/chat.postMessage");
        world.minutes(3).await;
        let timeline = world.timeline(&id).await;
        assert!(
            n == 3 || timeline.contains("Slack to channel C0OPS was taken"),
            "{n}: {timeline}"
        );
        world
            .api
            .patch(&format!("/api/incidents/{id}"), json!({ "status": "RESOLVED" }))
            .await;
        world.minutes(20).await;
    }
    assert!(posts(&world, "C0OPS").len() > 4);
    world.finish().await;
}
