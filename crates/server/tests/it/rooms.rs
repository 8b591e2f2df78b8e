//! Rooms that have a webhook of their own: Teams, Google Chat, Discord, and a bot of Telegram's with its buttons.

use jiff::SignedDuration;
use serde_json::{Value, json};

use crate::{
    api::{Integration, integration},
    both::Place,
    vendors::{Call, Instead},
    world::{PUBLIC_URL, World},
};

mod telegram;

both! {
    each_room_is_told_in_its_own_form,
    discord_is_given_the_time_that_it_asks_for,
    a_test_shows_what_the_room_says,
    what_others_write_is_text_in_every_room,
}

/// A service that pages nobody, and its integration.
async fn service(world: &World) -> Integration {
    let service = world.api.make("/api/services", json!({ "name": "Checkout" })).await;
    integration(&world.api, &service, "EVENTS_API_V2", json!({})).await
}

/// Where each kind of room is at the vendors' address.
const ROOMS: [(&str, &str); 3] = [
    (
        "TEAMS",
        "/workflows/abc/triggers/manual/paths/invoke?sig=secret-of-ours",
    ),
    (
        "GOOGLE_CHAT",
        "/v1/spaces/A/messages?key=key-of-ours&token=token-of-ours",
    ),
    ("DISCORD", "/api/webhooks/1/token-of-ours"),
];

/// Makes a webhook of each of these kinds, and of Telegram.
async fn make(world: &World, kind: &str) -> String {
    let base = &world.around.vendors.base;
    let more = match ROOMS.iter().find(|(of, _)| *of == kind) {
        Some((_, path)) => json!({ "url": format!("{base}{path}") }),
        None => json!({ "url": "https://api.telegram.org/bot123456:ABC-DEF", "channel": "-100123" }),
    };
    let mut body = json!({ "name": format!("Room of {kind}"), "type": kind });
    body.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    world.api.make("/api/webhooks", body).await
}

/// What was sent to a room of this kind.
fn sent(world: &World, kind: &str) -> Vec<Call> {
    let path = match kind {
        "TEAMS" => "/workflows/",
        "GOOGLE_CHAT" => "/v1/spaces/",
        "DISCORD" => "/api/webhooks/",
        _ => "/sendMessage",
    };
    world.around.vendors.calls(path)
}

async fn statuses(world: &World, webhook: &str) -> Vec<String> {
    let mut all = world.api.all(&format!("/api/webhooks/{webhook}/deliveries")).await;
    all.reverse();
    all.iter()
        .map(|one| one["status"].as_str().unwrap().to_owned())
        .collect()
}

async fn each_room_is_told_in_its_own_form(place: &Place) {
    let mut world = World::begin(place).await;
    let events = service(&world).await;
    let mut webhooks = Vec::new();
    for (kind, _) in ROOMS {
        webhooks.push(make(&world, kind).await);
    }
    let id = world.trigger(&events, "web-01", "critical").await;
    world.work().await;
    for webhook in &webhooks {
        assert_eq!(statuses(&world, webhook).await, ["SENT"]);
    }
    let page = format!("{PUBLIC_URL}/incidents/{id}");
    let one = |kind: &str| {
        let calls = sent(&world, kind);
        assert_eq!(
            (calls.len(), &calls[0].method),
            (1, &axum::http::Method::POST),
            "{kind}"
        );
        assert_eq!(calls[0].header("content-type"), "application/json", "{kind}");
        (calls[0].path.clone(), calls[0].json())
    };
    let (path, body) = one("TEAMS");
    assert_eq!(path, ROOMS[0].1);
    let attachment = &body["attachments"][0];
    assert_eq!(attachment["contentType"], "application/vnd.microsoft.card.adaptive");
    assert_eq!(attachment["content"]["type"], "AdaptiveCard");
    assert_eq!(
        attachment["content"]["actions"][0],
        json!({ "type": "Action.OpenUrl", "title": "View", "url": page })
    );
    let (path, body) = one("GOOGLE_CHAT");
    assert!(
        path.contains("messageReplyOption=REPLY_MESSAGE_FALLBACK_TO_NEW_THREAD") && path.contains("key=key-of-ours"),
        "{path}"
    );
    assert_eq!(body["thread"]["threadKey"], id, "an incident is a thread");
    assert!(body["cardsV2"].to_string().contains(&page), "{body}");
    let (path, body) = one("DISCORD");
    assert_eq!(path, format!("{}?wait=true", ROOMS[2].1));
    assert_eq!(body["allowed_mentions"], json!({ "parse": [] }));
    assert_eq!(
        (&body["embeds"][0]["title"], &body["embeds"][0]["url"]),
        (&json!("Triggered: #1 web-01 is wrong"), &json!(page))
    );
    // And what becomes of it, in the same thread where there are threads.
    let path = format!("/api/incidents/{id}");
    world.api.patch(&path, json!({ "status": "RESOLVED" })).await;
    world.advance(SignedDuration::from_secs(2)).await;
    for (kind, _) in ROOMS {
        let calls = sent(&world, kind);
        assert_eq!(calls.len(), 2, "{kind}");
        assert!(calls[1].json().to_string().contains("Resolved"), "{kind}");
    }
    assert_eq!(sent(&world, "GOOGLE_CHAT")[1].json()["thread"]["threadKey"], id);
    world.finish().await;
}

async fn discord_is_given_the_time_that_it_asks_for(place: &Place) {
    let mut world = World::begin(place).await;
    let events = service(&world).await;
    let webhook = make(&world, "DISCORD").await;
    let vendors = &world.around.clone().vendors;
    let seconds = SignedDuration::from_secs;
    // It takes one, and says that it is the last for a while: what waits and what comes then wait.
    let last = Instead {
        headers: vec![("x-ratelimit-remaining", "0"), ("x-ratelimit-reset-after", "40.5")],
        ..Instead::of(200, r#"{"id":"1","type":0}"#)
    };
    vendors.answer_instead("/api/webhooks/", last);
    world.trigger(&events, "one", "critical").await;
    world.work().await;
    vendors.answer_well("/api/webhooks/");
    for key in ["two", "three"] {
        world.trigger(&events, key, "critical").await;
        world.advance(seconds(18)).await;
        assert_eq!(sent(&world, "DISCORD").len(), 1, "{key} waits");
    }
    world.advance(seconds(10)).await;
    assert_eq!(sent(&world, "DISCORD").len(), 3);
    // It takes nothing more.
    let busy = Instead {
        headers: vec![("retry-after", "65")],
        ..Instead::of(
            429,
            r#"{"message":"You are being rate limited.","retry_after":64.57,"global":false}"#,
        )
    };
    vendors.answer_instead("/api/webhooks/", busy);
    world.trigger(&events, "four", "critical").await;
    world.work().await;
    vendors.answer_well("/api/webhooks/");
    world.trigger(&events, "five", "critical").await;
    world.advance(seconds(60)).await;
    assert_eq!(
        sent(&world, "DISCORD").len(),
        4,
        "neither the fourth again nor the fifth"
    );
    world.advance(seconds(30)).await;
    assert_eq!(sent(&world, "DISCORD").len(), 6);
    assert_eq!(statuses(&world, &webhook).await, ["SENT"; 5]);
    world.finish().await;
}

async fn a_test_shows_what_the_room_says(place: &Place) {
    let world = World::begin(place).await;
    for (kind, path, refusal, said) in [
        (
            "TEAMS",
            "/workflows/",
            Instead::of(
                400,
                r#"{"error":{"code":"TriggerInputSchemaMismatch","message":"The input body does not match."}}"#,
            ),
            "TriggerInputSchemaMismatch",
        ),
        (
            "GOOGLE_CHAT",
            "/v1/spaces/",
            Instead::of(
                400,
                r#"{"error":{"code":400,"message":"API key not valid. Please pass a valid API key.","status":"INVALID_ARGUMENT"}}"#,
            ),
            "API key not valid",
        ),
        (
            "DISCORD",
            "/api/webhooks/",
            Instead::of(404, r#"{"message":"Unknown Webhook","code":10015}"#),
            "Unknown Webhook",
        ),
        (
            "TELEGRAM",
            "/sendMessage",
            Instead::of(
                403,
                r#"{"ok":false,"error_code":403,"description":"Forbidden: bot was kicked from the supergroup chat"}"#,
            ),
            "bot was kicked",
        ),
        (
            "GENERIC",
            "/generic",
            Instead::of(503, "we are away until noon"),
            "away until noon",
        ),
    ] {
        let webhook = if kind == "GENERIC" {
            let url = format!("{}/generic", world.around.vendors.base);
            world
                .api
                .make("/api/webhooks", json!({ "name": "Ours", "type": kind, "url": url }))
                .await
        } else {
            make(&world, kind).await
        };
        let test = format!("/api/webhooks/{webhook}/test");
        let good = world.api.post(&test, json!({})).await;
        assert_eq!(good["ok"], true, "{kind}: {good}");
        world.around.vendors.answer_instead(path, refusal);
        let bad = world.api.post(&test, json!({})).await;
        assert_eq!(bad["ok"], false, "{kind}: {bad}");
        assert!(bad["message"].as_str().unwrap().contains(said), "{kind}: {bad}");
        let all = format!("{good}{bad}");
        for secret in ["secret-of-ours", "key-of-ours", "token-of-ours", "ABC-DEF"] {
            assert!(!all.contains(secret), "{kind}: {all}");
        }
    }
}

/// All texts of a document.
fn texts<'a>(value: &'a Value, found: &mut Vec<&'a str>) {
    match value {
        Value::String(text) => found.push(text),
        Value::Array(all) => all.iter().for_each(|one| texts(one, found)),
        Value::Object(all) => all.values().for_each(|one| texts(one, found)),
        Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
}

async fn what_others_write_is_text_in_every_room(place: &Place) {
    let mut world = World::begin(place).await;
    let events = service(&world).await;
    for kind in ["TEAMS", "GOOGLE_CHAT", "DISCORD", "TELEGRAM"] {
        make(&world, kind).await;
    }
    let title = "<!channel> <@U1> *bold* </script> _x_ [a](javascript:alert(1)) @everyone <users/all>";
    let payload = json!({ "summary": title, "source": "test", "severity": "critical" });
    let event = json!({ "event_action": "trigger", "dedup_key": "hostile", "payload": payload });
    world.event(&events, event).await;
    world.work().await;
    let shown = |kind: &str| {
        let body = sent(&world, kind)[0].json();
        let mut found = Vec::new();
        texts(&body, &mut found);
        let found: Vec<String> = found.into_iter().map(str::to_owned).collect();
        assert!(
            found.iter().all(|text| !text.starts_with("javascript:")),
            "{kind}: {found:?}"
        );
        (body, found)
    };
    // Runs of text are never read as markup.
    let (body, _) = shown("TEAMS");
    let run = &body["attachments"][0]["content"]["body"][0]["items"][1]["inlines"][0];
    assert_eq!((&run["type"], &run["text"]), (&json!("TextRun"), &json!(title)));
    // HTML in cards, and marks of its own in lines.
    let (body, found) = shown("GOOGLE_CHAT");
    let card = body["cardsV2"].to_string();
    assert!(
        card.contains("&lt;/script&gt;") && !card.contains("</script>"),
        "{card}"
    );
    assert!(found.iter().all(|text| !text.contains("<users/all>")), "{found:?}");
    // Chat knows no escape for bold and slanted letters; links and mentions need angle brackets.
    let line = body["text"].as_str().unwrap();
    assert!(!line.contains(['<', '>']), "{line}");
    let (body, _) = shown("DISCORD");
    let line = body["embeds"][0]["title"].as_str().unwrap();
    assert!(
        line.contains(r"\<!channel> \<@U1> \*bold\*") && line.contains(r"\[a](javascript:alert(1)) @everyone"),
        "{line}"
    );
    assert_eq!(
        body["allowed_mentions"],
        json!({ "parse": [] }),
        "nobody is called by it"
    );
    let (body, _) = shown("TELEGRAM");
    assert_eq!(body["parse_mode"], "MarkdownV2");
    let text = body["text"].as_str().unwrap();
    assert!(
        text.contains(r"<\!channel\> <@U1\> \*bold\* </script\> \_x\_ \[a\]\(javascript:alert\(1\)\) @everyone"),
        "{text}"
    );
    world.finish().await;
}
