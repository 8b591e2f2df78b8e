//! WhatsApp by Meta's Cloud API: templates and buttons, what people write, and what became of messages.

use reqwest::StatusCode;
use serde_json::{Value, json};

use crate::{
    both::Place,
    people::{ANN, Crew, method, reach, rules},
    signers::{APP_SECRET, VERIFY_TOKEN, answered, meta, meta_posts, of_meta, twilio},
    vendors::Call,
    world::World,
};

both! {
    the_address_is_proven_to_meta,
    a_message_is_answered_in_its_own_words,
    a_button_of_a_template_answers_its_own_message,
    what_became_of_a_message_is_told,
    whoever_says_stop_hears_no_more,
}

fn messages(world: &World) -> Vec<Call> {
    world.around.vendors.calls("/messages")
}

/// Ann is reached by WhatsApp and gets no mail.
async fn with_whatsapp(world: &World) -> (Crew, String) {
    let crew = Crew::gather(world, 10).await;
    let own = reach(world, &crew.ann, "WHATSAPP", ANN).await;
    rules(world, &crew.ann, &[("HIGH", "WHATSAPP", 0)]).await;
    (crew, own)
}

async fn posts(world: &World, body: Value) {
    assert_eq!(meta_posts(world, &body, APP_SECRET).await, 200, "{body}");
}

/// Ann writes.
fn written(text: &str, id: &str) -> Value {
    of_meta(
        "messages",
        json!({ "from": ANN.trim_start_matches('+'), "id": id, "timestamp": "1780315200", "type": "text", "text": { "body": text } }),
    )
}

fn status(id: &str, status: &str, more: Value) -> Value {
    let mut one = json!({ "id": id, "status": status, "timestamp": "1780315200", "recipient_id": "4915112345678" });
    one.as_object_mut().unwrap().extend(more.as_object().cloned().unwrap());
    of_meta("statuses", one)
}

async fn the_address_is_proven_to_meta(place: &Place) {
    let world = World::begin_with(place, meta).await;
    let ask = async |query: &str| {
        let url = format!("{}/api/whatsapp/webhook?{query}", world.api.base);
        answered(world.api.http.get(url)).await
    };
    let query = |mode: &str, word: &str| format!("hub.mode={mode}&hub.verify_token={word}&hub.challenge=1158201444");
    assert_eq!(
        ask(&query("subscribe", VERIFY_TOKEN)).await,
        (StatusCode::OK, "1158201444".to_owned())
    );
    for wrong in [
        query("subscribe", "other"),
        query("unsubscribe", VERIFY_TOKEN),
        query("subscribe", ""),
        String::new(),
    ] {
        let (status, text) = ask(&wrong).await;
        assert!(status.is_client_error() && !text.contains("1158201444"), "{wrong}");
    }
    for secret in ["other", ""] {
        assert_eq!(meta_posts(&world, &written("ack", "wamid.X"), secret).await, 401);
    }
    world.finish().await;
}

async fn a_message_is_answered_in_its_own_words(place: &Place) {
    let mut world = World::begin_with(place, meta).await;
    let (crew, _) = with_whatsapp(&world).await;
    let id = world.trigger(&crew.events, "web-01", "critical").await;
    world.work().await;
    let sent = messages(&world);
    assert_eq!(sent.len(), 1);
    let asked = sent[0].json();
    assert_eq!(
        (&asked["to"], &asked["type"]),
        (&json!(ANN), &json!("interactive")),
        "{asked}"
    );
    assert_eq!(sent[0].header("authorization"), "Bearer meta-access-token");
    let buttons = &asked["interactive"]["action"]["buttons"];
    let press = buttons[0]["reply"].clone();
    assert_eq!(press["title"], "Acknowledge", "{asked}");
    let pressed = of_meta(
        "messages",
        json!({ "from": "4915112345678", "id": "wamid.P", "type": "interactive",
            "interactive": { "type": "button_reply", "button_reply": press } }),
    );
    posts(&world, pressed.clone()).await;
    assert_eq!(world.incident(&id).await["status"], "ACKNOWLEDGED");
    // Meta tells it again: it is answered once.
    posts(&world, pressed).await;
    world.work().await;
    let answers = &messages(&world)[1..];
    assert_eq!(answers.len(), 1);
    let answer = answers[0].json();
    assert!(
        answer["text"]["body"]
            .as_str()
            .is_some_and(|said| said.contains("is acknowledged")),
        "{answer}"
    );
    // In words, with the code that the button carries.
    let code = press["id"].as_str().unwrap().trim_start_matches("ack:").to_owned();
    posts(&world, written(&format!("Resolve {code}"), "wamid.Q")).await;
    assert_eq!(world.incident(&id).await["status"], "RESOLVED");
    // Whom we do not know is told nothing, since every message costs.
    let stranger = of_meta(
        "messages",
        json!({ "from": "49170", "id": "wamid.R", "type": "text", "text": { "body": "ack all" } }),
    );
    posts(&world, stranger).await;
    world.work().await;
    assert_eq!(messages(&world).len(), 3);
    world.finish().await;
}

async fn a_button_of_a_template_answers_its_own_message(place: &Place) {
    let mut world = World::begin_with(place, |raw| {
        meta(raw);
        raw.whatsapp_template = Some("opsknight_page".into());
        raw.whatsapp_template_language = Some("de".into());
    })
    .await;
    let (crew, _) = with_whatsapp(&world).await;
    let first = world.trigger(&crew.events, "web-01", "critical").await;
    world.work().await;
    let second = world.trigger(&crew.events, "web-02", "critical").await;
    world.work().await;
    let sent = messages(&world);
    let asked = sent[0].json();
    assert_eq!(
        (
            &asked["type"],
            &asked["template"]["name"],
            &asked["template"]["language"]["code"]
        ),
        (&json!("template"), &json!("opsknight_page"), &json!("de"))
    );
    // The buttons of a template say their own name, and which message they stand below.
    let attempts = world.notifications(&second).await;
    let wamid = attempts[0]["providerId"].clone();
    assert!(wamid.is_string(), "{attempts:?}");
    let pressed = of_meta(
        "messages",
        json!({ "from": "4915112345678", "id": "wamid.P", "type": "button", "context": { "id": wamid },
            "button": { "text": "Acknowledge", "payload": "Acknowledge" } }),
    );
    posts(&world, pressed).await;
    let status = async |id: &str| world.incident(id).await["status"].clone();
    assert_eq!(
        (status(&first).await, status(&second).await),
        (json!("OPEN"), json!("ACKNOWLEDGED"))
    );
    world.finish().await;
}

async fn what_became_of_a_message_is_told(place: &Place) {
    let mut world = World::begin_with(place, meta).await;
    let (crew, own) = with_whatsapp(&world).await;
    let id = world.trigger(&crew.events, "web-01", "critical").await;
    world.work().await;
    let page = world.notifications(&id).await.remove(0);
    let wamid = page["providerId"].as_str().expect("Meta's identity is kept").to_owned();
    let delivered = status(&wamid, "delivered", json!({}));
    assert_eq!(meta_posts(&world, &delivered, "other").await, 401);
    assert_eq!(world.notifications(&id).await[0]["deliveredAt"], Value::Null);
    for word in ["sent", "delivered", "read", "delivered"] {
        posts(&world, status(&wamid, word, json!({}))).await;
    }
    let timeline = world.timeline(&id).await;
    assert_eq!(
        timeline.matches("WhatsApp to Ann by Meta has arrived").count(),
        1,
        "{timeline}"
    );
    assert!(world.notifications(&id).await[0]["deliveredAt"].is_string());
    // Another one does not arrive: Bob is called at once.
    world.minutes(20).await;
    let before = world.around.post.recipients().len();
    let id = world.trigger(&crew.events, "web-02", "critical").await;
    world.work().await;
    let wamid = world.notifications(&id).await[0]["providerId"]
        .as_str()
        .unwrap()
        .to_owned();
    let error = json!({ "code": 131_026, "title": "Message undeliverable" });
    posts(&world, status(&wamid, "failed", json!({ "errors": [error] }))).await;
    world.work().await;
    let timeline = world.timeline(&id).await;
    assert!(timeline.contains("has not arrived: error 131026: "), "{timeline}");
    assert_eq!(world.around.post.recipients()[before..], ["bob@example.com"]);
    assert_eq!(method(&world, &crew.ann, &own).await["failing"], Value::Null);
    world.finish().await;
}

async fn whoever_says_stop_hears_no_more(place: &Place) {
    let mut world = World::begin_with(place, |raw| {
        meta(raw);
        twilio(raw);
    })
    .await;
    let (crew, own) = with_whatsapp(&world).await;
    posts(&world, written("STOP", "wamid.S")).await;
    assert_eq!(method(&world, &crew.ann, &own).await["stopped"], true);
    world.work().await;
    let before = messages(&world).len();
    let id = world.trigger(&crew.events, "web-01", "critical").await;
    world.work().await;
    assert_eq!(messages(&world).len(), before);
    let timeline = world.timeline(&id).await;
    assert!(
        timeline.contains("they have asked for no more WhatsApp messages"),
        "{timeline}"
    );
    // They are not lost: mail reaches them.
    assert_eq!(world.around.post.recipients(), ["ann@example.com"]);
    posts(&world, written("start", "wamid.T")).await;
    assert_eq!(method(&world, &crew.ann, &own).await["stopped"], false);
    world.finish().await;
}
