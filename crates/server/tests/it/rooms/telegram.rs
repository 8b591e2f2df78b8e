//! Telegram: a bot tells a chat, and is told which buttons are pressed.

use serde_json::{Value, json};

use super::service;
use crate::{
    both::Place,
    process::{SOON, wait_until},
    vendors::Instead,
    world::{PUBLIC_URL, World},
};

both! {
    a_chat_follows_its_incident_and_answers,
    only_the_bot_and_its_own_chat_are_heard,
    a_bot_is_known_by_its_token_alone,
    a_bot_that_cannot_be_called_still_speaks,
}

const TOKEN: &str = "123456:ABC-DEF";

/// A webhook, and the secret that Telegram was given for it.
struct Bot {
    id: String,
    secret: String,
}

async fn bot(world: &World) -> Bot {
    let url = format!("https://api.telegram.org/bot{TOKEN}");
    let body = json!({ "name": "Ops chat", "type": "TELEGRAM", "url": url, "channel": "-100123" });
    let made = world.api.post("/api/webhooks", body).await;
    assert_eq!(made["listening"]["ok"], true, "{made}");
    let id = made["id"].as_str().unwrap().to_owned();
    let call = world.around.vendors.calls("/setWebhook").pop().unwrap();
    assert_eq!(call.path, format!("/bot{TOKEN}/setWebhook"));
    let asked = call.json();
    assert_eq!(asked["url"], format!("{PUBLIC_URL}/api/telegram/{id}"));
    assert_eq!(asked["allowed_updates"], json!(["callback_query"]));
    Bot {
        id,
        secret: asked["secret_token"].as_str().unwrap().to_owned(),
    }
}

/// Somebody presses a button in this chat; the status of our answer.
async fn press(world: &World, bot: &Bot, secret: &str, chat: i64, data: &str) -> u16 {
    let update = json!({
        "update_id": 7,
        "callback_query": {
            "id": format!("callback of {data}"),
            "from": { "id": 77, "is_bot": false, "first_name": "Ann", "last_name": "*Lee*" },
            "message": { "message_id": 5, "date": 1_780_315_200, "chat": { "id": chat, "type": "supergroup" } },
            "chat_instance": "1", "data": data,
        },
    });
    let request = world
        .api
        .http
        .post(format!("{}/api/telegram/{}", world.api.base, bot.id));
    let request = request.header("x-telegram-bot-api-secret-token", secret).json(&update);
    request.send().await.unwrap().status().as_u16()
}

/// What the one who pressed is shown, the answer with this number.
async fn shown(world: &World, n: usize) -> String {
    let answers = || world.around.vendors.calls("/answerCallbackQuery").get(n).cloned();
    let call = wait_until("the press is answered", SOON, async || answers()).await;
    let body = call.json();
    assert!(
        body["callback_query_id"].as_str().unwrap().starts_with("callback of "),
        "{body}"
    );
    body["text"].as_str().unwrap().to_owned()
}

fn calls(world: &World, method: &str) -> Vec<Value> {
    world
        .around
        .vendors
        .calls(method)
        .iter()
        .map(|call| call.json())
        .collect()
}

/// The words on the buttons of a message.
fn keyboard(message: &Value) -> Vec<&str> {
    let rows = message["reply_markup"]["inline_keyboard"].as_array().unwrap();
    let buttons = rows.iter().flat_map(|row| row.as_array().unwrap());
    buttons.map(|button| button["text"].as_str().unwrap()).collect()
}

async fn a_chat_follows_its_incident_and_answers(place: &Place) {
    let mut world = World::begin(place).await;
    let events = service(&world).await;
    let bot = bot(&world).await;
    let id = world.trigger(&events, "web-01", "critical").await;
    world.work().await;
    let first = calls(&world, "/sendMessage").pop().unwrap();
    assert_eq!(
        (&first["chat_id"], &first["parse_mode"]),
        (&json!("-100123"), &json!("MarkdownV2"))
    );
    assert_eq!(keyboard(&first), ["Acknowledge", "Resolve", "View"]);
    let data = |row: usize, place: usize| {
        let button = &first["reply_markup"]["inline_keyboard"][row][place];
        button["callback_data"].as_str().unwrap().to_owned()
    };
    assert_eq!(press(&world, &bot, &bot.secret, -100_123, &data(0, 0)).await, 200);
    assert_eq!(shown(&world, 0).await, "#1 is acknowledged.");
    assert_eq!(world.incident(&id).await["status"], "ACKNOWLEDGED");
    assert!(
        world
            .timeline(&id)
            .await
            .contains("Acknowledged by Ann *Lee* in Telegram"),
        "whoever it was is named"
    );
    world.work().await;
    let edited = calls(&world, "/editMessageText");
    assert_eq!(edited.len(), 1);
    assert_eq!(keyboard(&edited[0]), ["Resolve", "View"]);
    let reply = calls(&world, "/sendMessage").pop().unwrap();
    assert_eq!(reply["reply_parameters"]["message_id"], edited[0]["message_id"]);
    // Again, as Telegram calls again that was not answered.
    assert_eq!(press(&world, &bot, &bot.secret, -100_123, &data(0, 0)).await, 200);
    assert!(
        shown(&world, 1).await.starts_with("#1: "),
        "it is told that it is so already"
    );
    assert_eq!(world.timeline(&id).await.matches("Acknowledged by").count(), 1);
    assert_eq!(press(&world, &bot, &bot.secret, -100_123, &data(0, 1)).await, 200);
    assert_eq!(shown(&world, 2).await, "#1 is resolved.");
    world.work().await;
    let edited = calls(&world, "/editMessageText");
    assert_eq!(edited.len(), 2);
    assert_eq!(keyboard(&edited[1]), ["View"]);
    assert_eq!(
        edited[1]["message_id"], edited[0]["message_id"],
        "it is the first message"
    );
    world.finish().await;
}

async fn only_the_bot_and_its_own_chat_are_heard(place: &Place) {
    let mut world = World::begin(place).await;
    let events = service(&world).await;
    let bot = bot(&world).await;
    let id = world.trigger(&events, "web-01", "critical").await;
    world.work().await;
    let data = format!("ack:{id}");
    for secret in ["", "another", &bot.secret[1..], &bot.secret.to_uppercase()] {
        assert_eq!(press(&world, &bot, secret, -100_123, &data).await, 401, "{secret}");
    }
    let other = Bot {
        id: "whk_00000000000000000000000000".into(),
        secret: String::new(),
    };
    assert_eq!(press(&world, &other, &bot.secret, -100_123, &data).await, 401);
    assert!(calls(&world, "/answerCallbackQuery").is_empty());
    assert_eq!(press(&world, &bot, &bot.secret, -100_666, &data).await, 200);
    assert_eq!(shown(&world, 0).await, "This chat is not connected to OpsKnight.");
    assert_eq!(
        press(
            &world,
            &bot,
            &bot.secret,
            -100_123,
            "ack:inc_00000000000000000000000000"
        )
        .await,
        200
    );
    assert_eq!(shown(&world, 1).await, "The incident is not there any more.");
    // Nor does it answer for services that the chat does not hear of.
    let elsewhere = world.api.make("/api/services", json!({ "name": "Elsewhere" })).await;
    let path = format!("/api/webhooks/{}", bot.id);
    world.api.patch(&path, json!({ "serviceIds": [elsewhere] })).await;
    assert_eq!(press(&world, &bot, &bot.secret, -100_123, &data).await, 200);
    assert_eq!(shown(&world, 2).await, "The incident is not there any more.");
    world
        .api
        .patch(&path, json!({ "serviceIds": [], "enabled": false }))
        .await;
    assert_eq!(press(&world, &bot, &bot.secret, -100_123, &data).await, 200);
    assert_eq!(world.incident(&id).await["status"], "OPEN");
    world.finish().await;
}

async fn a_bot_is_known_by_its_token_alone(place: &Place) {
    let mut world = World::begin(place).await;
    let events = service(&world).await;
    // One topic of a forum: what people see in the address of Telegram's web client.
    let body = json!({ "name": "Ops chat", "type": "TELEGRAM", "secret": TOKEN, "channel": "-100123:42" });
    let made = world.api.post("/api/webhooks", body).await;
    assert_eq!(made["listening"]["ok"], true, "{made}");
    let asked = calls(&world, "/setWebhook").pop().unwrap();
    let bot = Bot {
        id: made["id"].as_str().unwrap().to_owned(),
        secret: asked["secret_token"].as_str().unwrap().to_owned(),
    };
    let id = world.trigger(&events, "web-01", "critical").await;
    world.work().await;
    let sent = world.around.vendors.calls("/sendMessage").pop().unwrap();
    assert_eq!(sent.path, format!("/bot{TOKEN}/sendMessage"));
    let body = sent.json();
    assert_eq!(
        (&body["chat_id"], &body["message_thread_id"]),
        (&json!("-100123"), &json!(42))
    );
    assert_eq!(
        press(&world, &bot, &bot.secret, -100_123, &format!("ack:{id}")).await,
        200
    );
    assert_eq!(shown(&world, 0).await, "#1 is acknowledged.");
    world.finish().await;
}

async fn a_bot_that_cannot_be_called_still_speaks(place: &Place) {
    let mut world = World::begin(place).await;
    let events = service(&world).await;
    let refused = r#"{"ok":false,"error_code":400,"description":"Bad Request: bad webhook: An HTTPS URL must be provided for webhook"}"#;
    world
        .around
        .vendors
        .answer_instead("/setWebhook", Instead::of(400, refused));
    let url = format!("https://api.telegram.org/bot{TOKEN}");
    let body = json!({ "name": "Ops chat", "type": "TELEGRAM", "url": url, "channel": "@ops" });
    let made = world.api.post("/api/webhooks", body).await;
    assert_eq!(made["listening"]["ok"], false, "{made}");
    let said = made["listening"]["message"].as_str().unwrap();
    assert!(
        said.contains("An HTTPS URL must be provided") && !said.contains("ABC-DEF"),
        "{said}"
    );
    world.trigger(&events, "web-01", "critical").await;
    world.work().await;
    assert_eq!(calls(&world, "/sendMessage")[0]["chat_id"], "@ops");
    world.finish().await;
}
