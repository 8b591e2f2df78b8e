//! Push: the devices that people add themselves, what is sent there, and what push services say of it.

use reqwest::Method;
use serde_json::{Value, json};
use tokio::task::JoinSet;

use crate::{
    both::Place,
    people::{ANN, Crew, SignedIn, method, reach},
    signers::twilio,
    vendors::Instead,
    world::World,
};

both! {
    everybody_is_told_the_same_key,
    a_device_is_added_and_pushed_to,
    a_device_that_is_gone_is_removed_and_the_next_channel_tried,
    what_a_push_service_answers_decides,
    onesignal_pushes_too,
    the_key_of_push_messages_outlives_the_program,
}

/// The keys of RFC 8291, section 5.
const KEY: &str = "BCVxsr7N_eNgVRqvHtD0zTZsEc6-VV-JvLexhqUzORcxaOzi6-AYWXvTBHm4bjyPjs7Vd8pZGH6SRpkNtoIAiw4";
const SECRET: &str = "BTBZMqHH6r4Tts7J_aSIgg";

/// What a browser says of its subscription.
fn subscription(world: &World, name: &str) -> String {
    let endpoint = format!("{}/push/{name}", world.around.vendors.base);
    json!({ "endpoint": endpoint, "expirationTime": null, "keys": { "p256dh": KEY, "auth": SECRET } }).to_string()
}

/// How many messages a device was sent.
fn pushed(world: &World, name: &str) -> usize {
    world.around.vendors.calls(&format!("/push/{name}")).len()
}

/// Nobody has asked before, and whoever subscribes by a key that is lost again is never reached.
async fn everybody_is_told_the_same_key(place: &Place) {
    let world = World::begin(place).await;
    let mut asking = JoinSet::new();
    for _ in 0..16 {
        let api = world.api.clone();
        asking.spawn(async move { api.get("/api/push/key").await["publicKey"].clone() });
    }
    let told = asking.join_all().await;
    let kept = world.api.get("/api/push/key").await["publicKey"].clone();
    assert!(told.iter().all(|key| *key == kept), "{kept}: {told:?}");
    world.finish().await;
}

async fn a_device_is_added_and_pushed_to(place: &Place) {
    let mut world = World::begin(place).await;
    let crew = Crew::gather(&world, 10).await;
    let path = format!("/api/users/{}/contact-methods", crew.ann);
    let device = json!({ "type": "PUSH", "address": subscription(&world, "secret-of-anns") });
    let ann = SignedIn::new(&world, &crew.ann).await;
    let (status, made) = ann.call(Method::POST, &path, device.clone()).await;
    assert_eq!((status.as_u16(), &made["verified"]), (201, &json!(true)), "{made}");
    assert_eq!(made["address"], "127.0.0.1", "its address is a secret: {made}");
    // A browser says so at every visit.
    let (status, again) = ann.call(Method::POST, &path, device.clone()).await;
    assert_eq!((status.as_u16(), &again["id"]), (200, &made["id"]), "{again}");
    let theirs = ann
        .call(
            Method::POST,
            &format!("/api/users/{}/contact-methods", crew.bob),
            device,
        )
        .await;
    assert_eq!(theirs.0, 403, "{}", theirs.1);
    // A program may, too.
    reach(&world, &crew.ann, "PUSH", &subscription(&world, "second")).await;
    let id = world.trigger(&crew.events, "web-01", "critical").await;
    world.work().await;
    assert_eq!((pushed(&world, "secret-of-anns"), pushed(&world, "second")), (1, 1));
    let call = world.around.vendors.calls("/push/secret-of-anns").remove(0);
    let key = world.api.get("/api/push/key").await["publicKey"].clone();
    let authorization = call.header("authorization");
    assert!(
        authorization.starts_with("vapid t=") && authorization.ends_with(key.as_str().unwrap()),
        "{authorization}"
    );
    assert_eq!(
        (call.header("content-encoding"), call.header("urgency")),
        ("aes128gcm", "high")
    );
    assert!(call.header("ttl").parse::<u32>().is_ok_and(|ttl| ttl > 0));
    assert!(!call.body.windows(6).any(|bytes| bytes == b"web-01"), "it is encrypted");
    // Whatever is told of it, the address is not.
    let told = format!(
        "{}{:?}{:?}",
        world.timeline(&id).await,
        world.notifications(&id).await,
        world.api.all("/api/audit-log").await
    );
    assert!(!told.contains("secret-of-anns"), "{told}");
    world.finish().await;
}

async fn a_device_that_is_gone_is_removed_and_the_next_channel_tried(place: &Place) {
    let mut world = World::begin_with(place, twilio).await;
    let crew = Crew::gather(&world, 10).await;
    reach(&world, &crew.ann, "PUSH", &subscription(&world, "old")).await;
    reach(&world, &crew.ann, "SMS", ANN).await;
    let vendors = &world.around.clone().vendors;
    vendors.answer_instead("/push/old", Instead::of(410, "push subscription has unsubscribed"));
    let began = world.now();
    let id = world.trigger(&crew.events, "web-01", "critical").await;
    world.work().await;
    assert_eq!(world.now(), began);
    let timeline = world.timeline(&id).await;
    assert_eq!(vendors.calls("/Messages.json").len(), 1, "{timeline}");
    for line in [
        "Push to Ann failed: the browser has given up",
        "Paging Ann by SMS instead",
    ] {
        assert!(timeline.contains(line), "{line}: {timeline}");
    }
    let methods = world.api.all(&format!("/api/users/{}/contact-methods", crew.ann)).await;
    let kinds: Vec<&Value> = methods.iter().map(|method| &method["type"]).collect();
    assert_eq!(kinds, ["SMS"]);
    // The next page does not ask there any more.
    world.minutes(20).await;
    world.trigger(&crew.events, "web-02", "critical").await;
    world.work().await;
    assert_eq!((pushed(&world, "old"), vendors.calls("/Messages.json").len()), (1, 2));
    world.finish().await;
}

async fn what_a_push_service_answers_decides(place: &Place) {
    let mut world = World::begin_with(place, twilio).await;
    let crew = Crew::gather(&world, 10).await;
    let device = reach(&world, &crew.ann, "PUSH", &subscription(&world, "slow")).await;
    reach(&world, &crew.ann, "SMS", ANN).await;
    let vendors = &world.around.clone().vendors;
    let busy = Instead {
        headers: vec![("retry-after", "30")],
        ..Instead::of(429, "slow down")
    };
    for (n, instead) in [Instead::of(413, "too large"), busy, Instead::of(500, "a fault")]
        .into_iter()
        .enumerate()
    {
        vendors.answer_instead("/push/slow", instead);
        let before = vendors.calls("/Messages.json").len();
        let id = world.trigger(&crew.events, &format!("web-{n}"), "critical").await;
        world.work().await;
        // There is another channel that may take it now.
        let timeline = world.timeline(&id).await;
        assert_eq!(vendors.calls("/Messages.json").len(), before + 1, "{timeline}");
        assert!(timeline.contains("Push to Ann failed: "), "{timeline}");
        assert_eq!(method(&world, &crew.ann, &device).await["type"], "PUSH", "it stays");
        world.minutes(20).await;
    }
    // For what is not urgent there is no other channel in the order, so it is tried again.
    let id = world.trigger(&crew.events, "milder", "warning").await;
    world.work().await;
    let page = world.notifications(&id).await;
    let push = page.iter().find(|page| page["channel"] == "PUSH").unwrap();
    assert_eq!(push["status"], "PENDING", "{push}");
    vendors.answer_well("/push/slow");
    world.minutes(1).await;
    let timeline = world.timeline(&id).await;
    assert!(timeline.contains("Push to Ann was taken"), "{timeline}");
    world.finish().await;
}

async fn onesignal_pushes_too(place: &Place) {
    let mut world = World::begin_with(place, |raw| {
        twilio(raw);
        raw.onesignal_app_id = Some("7c1c1c1c-0a0a-4b4b-8c8c-0d0d0d0d0d0d".into());
        raw.onesignal_api_key = Some("os_v2_app_key-of-ours".into());
    })
    .await;
    let crew = Crew::gather(&world, 10).await;
    let device = "1d1d1d1d-0a0a-4b4b-8c8c-0d0d0d0d0d0d";
    reach(&world, &crew.ann, "PUSH", device).await;
    reach(&world, &crew.ann, "SMS", ANN).await;
    let vendors = &world.around.clone().vendors;
    world.trigger(&crew.events, "web-01", "critical").await;
    world.work().await;
    let calls = vendors.calls("/notifications");
    assert_eq!(calls.len(), 1);
    assert_eq!(calls[0].header("authorization"), "Key os_v2_app_key-of-ours");
    assert_eq!(calls[0].json()["include_subscription_ids"], json!([device]));
    assert!(vendors.calls("/Messages.json").is_empty());
    // It knows nobody by this name: the next channel is tried at once.
    let nobody = json!({ "id": "", "errors": { "invalid_player_ids": [device] } });
    vendors.answer_instead("/notifications", Instead::of(200, nobody.to_string()));
    world.minutes(20).await;
    let id = world.trigger(&crew.events, "web-02", "critical").await;
    world.work().await;
    let timeline = world.timeline(&id).await;
    assert_eq!(vendors.calls("/Messages.json").len(), 1, "{timeline}");
    assert!(timeline.contains("Push to Ann by OneSignal failed: "), "{timeline}");
    world.finish().await;
}

async fn the_key_of_push_messages_outlives_the_program(place: &Place) {
    let world = World::begin(place).await;
    let key = world.api.get("/api/push/key").await;
    let around = world.around.clone();
    world.finish().await;
    let mut world = World::on(place, around).await;
    assert_eq!(world.api.get("/api/push/key").await, key);
    let crew = Crew::gather(&world, 10).await;
    reach(&world, &crew.ann, "PUSH", &subscription(&world, "one")).await;
    world.trigger(&crew.events, "web-01", "critical").await;
    world.work().await;
    let call = world.around.vendors.calls("/push/one").remove(0);
    assert!(
        call.header("authorization")
            .ends_with(key["publicKey"].as_str().unwrap())
    );
    world.finish().await;
}
