//! Tests from the settings: what they say is what the provider says, by settings that are saved and by those that are not,
//! and no credential is told.

use reqwest::Method;
use serde_json::{Value, json};

use crate::{both::Place, people::ANN, signers::twilio, vendors::Instead, world::World};

both! {
    a_test_says_what_the_provider_says,
    a_workspace_is_tried_by_a_token_that_is_not_saved,
    a_key_that_signs_no_reports_is_named,
    a_test_asks_both_providers,
    what_the_environment_sets_up_is_shown,
}

async fn test(world: &World, channel: &str, body: Value) -> Value {
    let path = format!("/api/settings/notifications/{channel}/test");
    world.api.post(&path, body).await
}

/// A channel that is tried out.
struct Tried {
    channel: &'static str,
    settings: Value,
    to: &'static str,
    /// What its provider is called by.
    path: &'static str,
    /// How that refuses a message, and which of its words are shown.
    refusal: &'static str,
    words: &'static str,
}

fn all_tried() -> [Tried; 5] {
    let account = json!({ "provider": "TWILIO", "accountSid": "AC0123456789abcdef0123456789abcdef",
        "authToken": "hush-twilio", "phoneNumber": "+14155550100" });
    let meta = json!({ "provider": "META", "phoneNumberId": "106540352242922", "accessToken": "hush-meta",
        "appSecret": "hush-app", "verifyToken": "hush-word" });
    let app = json!({ "provider": "ONESIGNAL", "appId": "7c1c1c1c-0a0a-4b4b-8c8c-0d0d0d0d0d0d", "apiKey": "os_hush" });
    let one = |channel, settings: &Value, to, path, (refusal, words)| Tried {
        channel,
        settings: settings.clone(),
        to,
        path,
        refusal,
        words,
    };
    let refusals = [
        (r#"{"code":21608,"message":"unverified"}"#, "21608"),
        (r#"{"code":13227,"message":"No geo permission"}"#, "13227"),
        (r#"{"error":{"code":131047,"message":"Re-engagement"}}"#, "131047"),
        (
            r#"{"errors":["You must include which players"]}"#,
            "include which players",
        ),
        (
            r#"{"errors":[{"message":"The from address does not match"}]}"#,
            "does not match",
        ),
    ];
    let device = "1d1d1d1d-0a0a-4b4b-8c8c-0d0d0d0d0d0d";
    [
        one("sms", &account, ANN, "/Messages.json", refusals[0]),
        one("voice", &account, ANN, "/Calls.json", refusals[1]),
        one("whatsapp", &meta, ANN, "/messages", refusals[2]),
        one("push", &app, device, "/notifications", refusals[3]),
        one("email", &sendgrid(), "ann@example.com", "/v3/mail/send", refusals[4]),
    ]
}

fn sendgrid() -> Value {
    json!({ "provider": "SENDGRID", "apiKey": "SG.hush", "from": "pages@example.com" })
}

/// Tries a channel out by settings that are not saved, well and refused, and by saved ones. Gives back all that was told.
async fn try_out(world: &World, tried: &Tried) -> String {
    let Tried {
        channel,
        settings,
        to,
        path,
        refusal,
        words,
    } = tried;
    let vendors = &world.around.vendors;
    let unsaved = json!({ "to": to, "settings": settings });
    let well = test(world, channel, unsaved.clone()).await;
    assert_eq!(
        (&well["ok"], vendors.calls(path).len()),
        (&json!(true), 1),
        "{channel}: {well}"
    );
    vendors.answer_instead(path, Instead::of(400, *refusal));
    let refused = test(world, channel, unsaved).await;
    assert_eq!(refused["ok"], false, "{channel}: {refused}");
    assert!(
        refused["message"].as_str().unwrap().contains(words),
        "{channel}: {refused}"
    );
    vendors.answer_well(path);
    // Mail has its server, and browsers are pushed to without anything being set up.
    if !matches!(*channel, "email" | "push") {
        let answer = test(world, channel, json!({ "to": to })).await;
        assert_eq!(answer["ok"], false, "nothing is saved: {channel}: {answer}");
    }
    let saved = format!("/api/settings/notifications/{channel}");
    let written = world.api.patch(&saved, settings.clone()).await;
    let read = world.api.get(&saved).await;
    let by_saved = test(world, channel, json!({ "to": to })).await;
    assert_eq!(
        (&by_saved["ok"], vendors.calls(path).len()),
        (&json!(true), 3),
        "{channel}: {by_saved}"
    );
    format!("{well}{refused}{written}{read}{by_saved}")
}

async fn a_test_says_what_the_provider_says(place: &Place) {
    let world = World::begin(place).await;
    let mut told = String::new();
    for tried in all_tried() {
        told.push_str(&try_out(&world, &tried).await);
    }
    // An address that is none is no question to anybody.
    let wrong = json!({ "to": "12", "settings": {} });
    let path = "/api/settings/notifications/sms/test";
    let (status, answer) = world.api.call(Method::POST, path, Some(&wrong)).await;
    assert_eq!(status, 400, "{answer}");
    told.push_str(&format!("{:?}", world.api.all("/api/audit-log").await));
    told.push_str(&format!("{:?}", world.api.all("/api/notifications").await));
    assert!(!told.contains("hush"), "{told}");
    world.finish().await;
}

async fn a_workspace_is_tried_by_a_token_that_is_not_saved(place: &Place) {
    let world = World::begin(place).await;
    let vendors = &world.around.vendors;
    let token = json!({ "to": "ann@example.com", "settings": { "botToken": "xoxb-hush" } });
    let answer = test(&world, "slack", token.clone()).await;
    assert_eq!(answer["ok"], true, "{answer}");
    let message = vendors.calls("/chat.postMessage").pop().unwrap();
    assert_eq!(message.header("authorization"), "Bearer xoxb-hush");
    let unsaved = test(&world, "slack", json!({ "to": "ann@example.com" })).await;
    assert_eq!(unsaved["ok"], false, "{unsaved}");
    vendors.answer_instead("/auth.test", Instead::of(200, r#"{"ok":false,"error":"invalid_auth"}"#));
    let answer = test(&world, "slack", token).await;
    let said = answer["message"].as_str().unwrap();
    assert!(said.contains("invalid_auth") && !said.contains("hush"), "{answer}");
    world.finish().await;
}

/// Mail goes out by such settings, and nobody would ever learn of one that comes back.
async fn a_key_that_signs_no_reports_is_named(place: &Place) {
    let world = World::begin(place).await;
    let mut settings = sendgrid();
    settings["webhookPublicKey"] = "hush".into();
    let trial = json!({ "to": "ann@example.com", "settings": settings });
    let answer = test(&world, "email", trial).await;
    assert_eq!(
        (&answer["ok"], &answer["field"]),
        (&json!(false), &json!("SENDGRID_WEBHOOK_PUBLIC_KEY")),
        "{answer}"
    );
    assert!(!answer.to_string().contains("hush"), "{answer}");
    world.finish().await;
}

async fn a_test_asks_both_providers(place: &Place) {
    let world = World::begin_with(place, |raw| {
        raw.sendgrid_api_key = Some("SG.hush".into());
        raw.sendgrid_from = Some("pages@example.com".into());
        raw.email_providers = Some("sendgrid,smtp".into());
    })
    .await;
    let to = json!({ "to": "ann@example.com" });
    let answer = test(&world, "email", to.clone()).await;
    let said = answer["message"].as_str().unwrap();
    assert!(
        answer["ok"] == true && said.contains("sendgrid: ") && said.contains("smtp: "),
        "{answer}"
    );
    let refusal = r#"{"errors":[{"message":"The from address does not match"}]}"#;
    world
        .around
        .vendors
        .answer_instead("/v3/mail/send", Instead::of(403, refusal));
    let answer = test(&world, "email", to).await;
    let said = answer["message"].as_str().unwrap();
    assert_eq!(answer["ok"], false, "{answer}");
    assert!(
        said.contains("sendgrid: ") && said.contains("does not match") && said.contains("smtp: 250"),
        "{answer}"
    );
    assert_eq!(
        world.around.post.recipients().len(),
        2,
        "the other one was tried as well"
    );
    world.finish().await;
}

async fn what_the_environment_sets_up_is_shown(place: &Place) {
    let world = World::begin_with(place, |raw| {
        twilio(raw);
        raw.twilio_phone_number = None;
        raw.twilio_messaging_service_sid = Some("MG0123456789abcdef0123456789abcdef".into());
        raw.twilio_whatsapp_number = Some("+14155550101".into());
    })
    .await;
    for (channel, configured, provider) in [
        ("email", true, json!("SMTP")),
        ("sms", true, json!("TWILIO")),
        ("whatsapp", true, json!("TWILIO")),
        // A messaging service does not call.
        ("voice", false, Value::Null),
        ("push", true, json!("WEB_PUSH")),
    ] {
        let shown = world.api.get(&format!("/api/settings/notifications/{channel}")).await;
        assert_eq!(
            (&shown["configured"], &shown["provider"]),
            (&json!(configured), &provider),
            "{shown}"
        );
    }
    world.finish().await;
}
