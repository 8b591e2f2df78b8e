//! Calls by telephone: what is said, the keys that people press, and how calls end.

use crate::{
    both::Place,
    people::{ANN, BOB, Crew, reach, rules},
    signers::{form, of_twilio, path_of, twilio, twilio_calls},
    world::{PUBLIC_URL, World},
};
use jiff::SignedDuration;
use serde_json::json;

both! {
    a_call_is_answered_by_its_keys,
    a_call_that_nobody_takes_calls_the_next_one,
    a_key_that_is_too_old_or_forged_does_nothing,
}

/// Ann is called by telephone when it is urgent, and Bob texted ten minutes later.
async fn with_telephones(world: &World) -> Crew {
    let crew = Crew::gather(world, 10).await;
    reach(world, &crew.ann, "VOICE", ANN).await;
    reach(world, &crew.bob, "SMS", BOB).await;
    rules(world, &crew.ann, &[("HIGH", "VOICE", 0)]).await;
    rules(world, &crew.bob, &[("HIGH", "SMS", 0)]).await;
    crew
}

/// Where the keys of the last call go.
fn keys(world: &World) -> String {
    let call = world
        .around
        .vendors
        .calls("/Calls.json")
        .pop()
        .expect("there was a call");
    let twiml = call.field("Twiml");
    let action = twiml
        .split("action=\"")
        .nth(1)
        .expect(&twiml)
        .split('"')
        .next()
        .unwrap();
    path_of(&action.replace("&amp;", "&")).to_owned()
}

async fn press(world: &World, path: &str, key: &str) -> String {
    let fields = [("CallSid", "CA01"), ("Digits", key), ("CallStatus", "in-progress")];
    twilio_calls(world, path, &fields).await
}

async fn call_ends(world: &World, how: &str) {
    let call = world
        .around
        .vendors
        .calls("/Calls.json")
        .pop()
        .expect("there was a call");
    let callback = call.field("StatusCallback");
    let fields = [("CallSid", "CA01"), ("CallStatus", how), ("To", ANN)];
    twilio_calls(world, path_of(&callback), &fields).await;
}

async fn a_call_is_answered_by_its_keys(place: &Place) {
    let mut world = World::begin_with(place, twilio).await;
    let crew = with_telephones(&world).await;
    let id = world.trigger(&crew.events, "web-01", "critical").await;
    world.work().await;
    let calls = world.around.vendors.calls("/Calls.json");
    assert_eq!(calls.len(), 1);
    assert_eq!(
        (calls[0].field("To"), calls[0].field("From")),
        (ANN.into(), "+14155550100".into())
    );
    let twiml = calls[0].field("Twiml");
    for said in [
        "web-01 is wrong",
        "Press 4 to acknowledge",
        "Press 6 to resolve",
        "<Gather",
    ] {
        assert!(twiml.contains(said), "{said}: {twiml}");
    }
    assert!(world.around.post.recipients().is_empty(), "her rules want no mail");
    let path = keys(&world);
    let answer = press(&world, &path, "9").await;
    assert!(
        answer.contains("not understood") && answer.contains("<Gather"),
        "{answer}"
    );
    assert_eq!(world.incident(&id).await["status"], "OPEN");
    // The key is taken where it was asked for again, too.
    assert!(press(&world, &path, "4").await.contains("is acknowledged"));
    let incident = world.incident(&id).await;
    assert_eq!(
        (&incident["status"], &incident["assignee"]["name"]),
        (&json!("ACKNOWLEDGED"), &json!("Ann"))
    );
    assert!(press(&world, &path, "4").await.contains("already acknowledged"));
    assert!(press(&world, &path, "6").await.contains("is resolved"));
    assert!(press(&world, &path, "6").await.contains("already resolved"));
    call_ends(&world, "completed").await;
    let page = world.notifications(&id).await.remove(0);
    assert!(
        page["deliveredAt"].is_string() && page["provider"] == "twilio-voice",
        "{page}"
    );
    let timeline = world.timeline(&id).await;
    for line in [
        "to Ann by Twilio was taken",
        "to Ann by Twilio has arrived",
        "Acknowledged by Ann",
        "Resolved by Ann",
    ] {
        assert!(timeline.contains(line), "{line}: {timeline}");
    }
    world.finish().await;
}

async fn a_call_that_nobody_takes_calls_the_next_one(place: &Place) {
    let mut world = World::begin_with(place, twilio).await;
    let crew = with_telephones(&world).await;
    for (key, how, words) in [
        ("one", "busy", "the line was busy"),
        ("two", "no-answer", "nobody took the call"),
        ("three", "failed", "the call could not be made"),
    ] {
        let texts = world.around.vendors.calls("/Messages.json").len();
        let id = world.trigger(&crew.events, key, "critical").await;
        world.work().await;
        call_ends(&world, "ringing").await;
        world.work().await;
        assert_eq!(world.around.vendors.calls("/Messages.json").len(), texts, "{how}");
        call_ends(&world, how).await;
        world.work().await;
        let timeline = world.timeline(&id).await;
        assert!(
            timeline.contains(&format!("to Ann by Twilio has not arrived: {words}")),
            "{timeline}"
        );
        let after = world.around.vendors.calls("/Messages.json");
        assert_eq!(after.len(), texts + 1, "Bob is not kept waiting: {timeline}");
        assert_eq!(after.last().unwrap().field("To"), BOB);
        assert_eq!(world.notifications(&id).await[0]["status"], "FAILED");
        // The same report again changes nothing, and neither does a later one that says something else.
        call_ends(&world, how).await;
        call_ends(&world, "completed").await;
        world.work().await;
        assert_eq!(world.timeline(&id).await, timeline);
        world
            .api
            .patch(&format!("/api/incidents/{id}"), json!({ "status": "RESOLVED" }))
            .await;
        world.minutes(20).await;
    }
    world.finish().await;
}

async fn a_key_that_is_too_old_or_forged_does_nothing(place: &Place) {
    let mut world = World::begin_with(place, twilio).await;
    let crew = with_telephones(&world).await;
    let id = world.trigger(&crew.events, "web-01", "critical").await;
    world.work().await;
    let path = keys(&world);
    let fields = [("CallSid", "CA01"), ("Digits", "4")];
    // Not signed, signed for something else, signed with another key press.
    let good = of_twilio(&format!("{PUBLIC_URL}{path}"), &fields);
    let other = of_twilio(&format!("{PUBLIC_URL}/api/twilio/voice"), &fields);
    for (signature, fields) in [
        ("", fields),
        (other.as_str(), fields),
        (good.as_str(), [("CallSid", "CA01"), ("Digits", "6")]),
    ] {
        assert_eq!(form(&world, &path, &fields, signature).await.0, 401);
    }
    // Twilio's own, with a token that we never gave.
    let (front, token) = path.split_once("token=").unwrap();
    let mut wrong = token.to_owned();
    wrong.replace_range(0..1, if token.starts_with('A') { "B" } else { "A" });
    for path in [format!("{front}token={wrong}"), "/api/twilio/voice".to_owned()] {
        assert!(press(&world, &path, "4").await.contains("did not work"), "{path}");
    }
    assert_eq!(world.incident(&id).await["status"], "OPEN");
    world.pass(SignedDuration::from_hours(24 * 8));
    assert!(press(&world, &path, "4").await.contains("too old"));
    assert_eq!(world.incident(&id).await["status"], "OPEN");
}
