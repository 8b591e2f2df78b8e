//! Notification settings: what is saved, what is shown, what is refused.

use http::{Method, StatusCode};
use opsknight_domain::directory::{Channel, Role};
use opsknight_store::{db::Tx, settings};
use serde_json::{Value, json};

use super::Admin;
use crate::harness::App;

const EMAIL: &str = "/api/settings/notifications/email";
const SMS: &str = "/api/settings/notifications/sms";
const VOICE: &str = "/api/settings/notifications/voice";
const PUSH: &str = "/api/settings/notifications/push";

/// What the server reads.
async fn stored(admin: &Admin, channel: Channel) -> Value {
    let at = admin.app.state.clone();
    let unit = async move |tx: &mut Tx<'_>| settings::get(tx, &at.store.sealer, &settings::of_channel(channel)).await;
    admin.app.state.store.db.read(unit).await.unwrap().unwrap().0
}

#[tokio::test]
async fn credentials_are_written_and_never_read_back() {
    let admin = Admin::new().await;
    let before = admin.get(EMAIL).await;
    assert_eq!(
        (&before["channel"], &before["configured"], &before["source"]),
        (&json!("EMAIL"), &json!(false), &Value::Null)
    );
    let wish = json!({ "provider": "SMTP", "host": "smtp.example.com", "port": 2525, "tls": "none", "user": "u",
        "password": "hush", "from": "Paging <noreply@example.com>" });
    let saved = admin.patch(EMAIL, wish).await;
    assert!(!saved.to_string().contains("hush"));
    assert_eq!(
        (&saved["hasPassword"], &saved["source"], &saved["tls"]),
        (&json!(true), &json!("SETTINGS"), &json!("none"))
    );
    let changed = admin
        .patch(EMAIL, json!({ "port": null, "host": "mail.example.com" }))
        .await;
    assert_eq!(
        (&changed["port"], &changed["hasPassword"]),
        (&Value::Null, &json!(true)),
        "what is left out stays"
    );
    assert_eq!(admin.get(EMAIL).await, changed);
    let whole = admin
        .call(
            Method::PUT,
            EMAIL,
            json!({ "host": "a.example", "from": "a@example.com" }),
        )
        .await
        .json();
    assert_eq!(
        (&whole["hasPassword"], &whole["tls"]),
        (&json!(false), &json!("starttls")),
        "{whole}"
    );
    assert_eq!(admin.delete(EMAIL).await.status, StatusCode::NO_CONTENT);
    assert_eq!(admin.delete(EMAIL).await.status, StatusCode::NOT_FOUND);
}

/// Each provider with all its settings, the names of those that are credentials last.
fn providers() -> Vec<(&'static str, Value, Vec<&'static str>)> {
    vec![
        (
            "email",
            json!({ "provider": "SMTP", "host": "smtp.example.com", "port": 25, "tls": "tls", "user": "u",
            "from": "a@example.com", "password": "hush" }),
            vec!["password"],
        ),
        (
            "email",
            json!({ "provider": "SENDGRID", "from": "a@example.com", "webhookPublicKey": "MFkw",
            "apiKey": "hush" }),
            vec!["apiKey"],
        ),
        (
            "email",
            json!({ "provider": "RESEND", "from": "a@example.com", "apiKey": "hush", "webhookSecret": "hush" }),
            vec!["apiKey", "webhookSecret"],
        ),
        (
            "email",
            json!({ "provider": "SES", "region": "eu-west-1", "accessKeyId": "AKIA1", "from": "a@example.com",
            "topicArn": "arn:aws:sns:eu-west-1:1:b", "secretAccessKey": "hush", "sessionToken": "hush" }),
            vec!["secretAccessKey", "sessionToken"],
        ),
        (
            "sms",
            json!({ "provider": "TWILIO", "accountSid": "AC1", "phoneNumber": "+14155550100",
            "messagingServiceSid": "MG1", "authToken": "hush" }),
            vec!["authToken"],
        ),
        (
            "sms",
            json!({ "provider": "AWS_SNS", "region": "eu-west-1", "accessKeyId": "AKIA1", "senderId": "OpsKnight",
            "secretAccessKey": "hush", "sessionToken": "hush" }),
            vec!["secretAccessKey", "sessionToken"],
        ),
        (
            "voice",
            json!({ "provider": "TWILIO", "accountSid": "AC1", "phoneNumber": "+14155550100",
            "authToken": "hush" }),
            vec!["authToken"],
        ),
        ("push", json!({ "provider": "WEB_PUSH" }), vec![]),
        (
            "push",
            json!({ "provider": "ONESIGNAL", "appId": "app-1", "apiKey": "hush" }),
            vec!["apiKey"],
        ),
        (
            "whatsapp",
            json!({ "provider": "META", "phoneNumberId": "1061", "template": "page",
            "templateLanguage": "en_US", "accessToken": "hush", "appSecret": "hush", "verifyToken": "hush" }),
            vec!["accessToken", "appSecret", "verifyToken"],
        ),
        (
            "whatsapp",
            json!({ "provider": "TWILIO", "accountSid": "AC1", "phoneNumber": "+14155550100",
            "contentSid": "HX1", "authToken": "hush" }),
            vec!["authToken"],
        ),
        (
            "slack",
            json!({ "clientId": "1.2", "clientSecret": "hush", "signingSecret": "hush" }),
            vec!["clientSecret", "signingSecret"],
        ),
    ]
}

#[tokio::test]
async fn every_provider_is_stored_by_its_names_and_shown_without_credentials() {
    let admin = Admin::new().await;
    for (channel, wish, secrets) in providers() {
        let path = format!("/api/settings/notifications/{channel}");
        let answer = admin.call(Method::PUT, &path, wish.clone()).await;
        assert_eq!(answer.status, StatusCode::OK, "{wish}: {}", answer.text);
        assert!(!answer.text.contains("hush"), "{}", answer.text);
        let (shown, wish) = (answer.json(), wish.as_object().unwrap().clone());
        for (name, value) in &wish {
            let capital = name[..1].to_uppercase() + &name[1..];
            match secrets.contains(&name.as_str()) {
                true => assert_eq!(shown[format!("has{capital}")], true, "{name} of {shown}"),
                false => assert_eq!(&shown[name], value, "{name} of {shown}"),
            }
        }
        let word = channel.to_uppercase();
        assert_eq!(
            stored(&admin, Channel::from_word(&word).unwrap()).await,
            Value::Object(wish)
        );
        assert_eq!(admin.get(&path).await, shown);
    }
    let log = admin.get("/api/audit-log").await.to_string();
    assert!(!log.contains("hush") && log.contains("(hidden)"), "{log}");
}

#[tokio::test]
async fn what_is_wrong_with_settings_is_named() {
    let admin = Admin::new().await;
    let good = json!({ "host": "smtp.example.com", "from": "a@example.com" });
    for (field, value, named) in [
        ("host", json!("https://smtp.example.com"), "host"),
        ("host", json!(""), "host"),
        ("from", json!("nobody"), "from"),
        ("port", json!(0), "port"),
        ("port", json!(65_536), "port"),
        ("tls", json!("ssl"), "tls"),
        ("user", json!("u"), "password"),
        ("password", json!("p"), "user"),
        ("provider", json!("PIGEON"), "provider"),
        ("apiKey", json!("re_1"), "apiKey"),
        ("colour", json!("red"), "colour"),
        (
            "second",
            json!({ "provider": "RESEND", "from": "a@example.com" }),
            "second.apiKey",
        ),
        ("second", json!({ "provider": "PIGEON" }), "second.provider"),
        ("second", json!("RESEND"), "second"),
    ] {
        let mut body = good.clone();
        body[field] = value;
        admin.refuses(Method::PATCH, EMAIL, body, named).await;
    }
    admin.refuses(Method::PATCH, SMS, good.clone(), "provider").await;
    let answer = admin.call(Method::PATCH, "/api/settings/notifications/fax", good).await;
    assert_eq!(answer.status, StatusCode::NOT_FOUND);
    assert_eq!(admin.get(EMAIL).await["configured"], false, "nothing of it was saved");
}

#[tokio::test]
async fn another_provider_forgets_the_first_and_a_second_one_stands_by() {
    let admin = Admin::new().await;
    let resend = json!({ "provider": "RESEND", "apiKey": "re_hush", "from": "a@example.com" });
    admin.patch(EMAIL, resend).await;
    let smtp = json!({ "provider": "SMTP", "host": "smtp.example.com", "from": "a@example.com" });
    let changed = admin.patch(EMAIL, smtp).await;
    assert_eq!(
        (&changed["provider"], &changed["second"]),
        (&json!("SMTP"), &Value::Null)
    );
    assert!(stored(&admin, Channel::Email).await.get("apiKey").is_none());
    let back = json!({ "provider": "RESEND", "from": "a@example.com" });
    admin.refuses(Method::PATCH, EMAIL, back, "apiKey").await;

    let second = json!({ "second": { "provider": "SENDGRID", "apiKey": "SG.hush", "from": "b@example.com" } });
    let both = admin.patch(EMAIL, second).await;
    assert_eq!(
        both["second"],
        json!({ "provider": "SENDGRID", "hasApiKey": true, "from": "b@example.com", "webhookPublicKey": null })
    );
    let moved = admin
        .patch(EMAIL, json!({ "second": { "from": "c@example.com" } }))
        .await;
    assert_eq!(
        (&moved["second"]["from"], &moved["second"]["hasApiKey"]),
        (&json!("c@example.com"), &json!(true))
    );
    admin.patch(EMAIL, json!({ "second": { "apiKey": "SG.other" } })).await;
    let log = admin.get("/api/audit-log?limit=1").await;
    assert_eq!(
        log["data"][0]["changes"],
        json!({ "second.apiKey": { "from": "(hidden)", "to": "(hidden)" } }),
        "a changed credential shows as changed: {log}"
    );
    assert_eq!(
        admin.patch(EMAIL, json!({ "second": null })).await["second"],
        Value::Null
    );
}

#[tokio::test]
async fn calls_are_made_by_the_account_that_sends_text_messages() {
    let admin = Admin::new().await;
    admin.refuses(Method::PUT, VOICE, json!({}), "accountSid").await;
    let sms = json!({ "provider": "AWS_SNS", "region": "eu-west-1", "accessKeyId": "AK", "secretAccessKey": "s",
        "second": { "provider": "TWILIO", "accountSid": "AC1", "authToken": "hush", "phoneNumber": "+14155550100" } });
    admin.patch(SMS, sms).await;
    let voice = admin.patch(VOICE, json!({})).await;
    assert_eq!(
        (&voice["accountSid"], &voice["hasAuthToken"], &voice["provider"]),
        (&json!("AC1"), &json!(true), &json!("TWILIO"))
    );
    let expected = json!({ "provider": "TWILIO", "accountSid": "AC1", "authToken": "hush",
        "phoneNumber": "+14155550100" });
    assert_eq!(stored(&admin, Channel::Voice).await, expected);
}

#[tokio::test]
async fn the_environment_counts_until_something_is_saved() {
    let set = [
        "RESEND_API_KEY",
        "TWILIO_ACCOUNT_SID",
        "TWILIO_PHONE_NUMBER",
        "SLACK_BOT_TOKEN",
        "WHATSAPP_PHONE_NUMBER_ID",
    ];
    let app = App::with("http://ok.example", &set, &[]).await;
    let who = app.signed_in("Ada", Role::Admin).await;
    let admin = Admin { app, who };
    let source = async |channel: &str| {
        let body = admin.get(&format!("/api/settings/notifications/{channel}")).await;
        (
            body["source"].clone(),
            body["provider"].clone(),
            body["configured"].clone(),
        )
    };
    let environment = |provider: Value| (json!("ENVIRONMENT"), provider, json!(true));
    assert_eq!(source("email").await, environment(json!("RESEND")));
    assert_eq!(source("sms").await, environment(json!("TWILIO")));
    assert_eq!(source("voice").await, environment(json!("TWILIO")));
    assert_eq!(source("whatsapp").await, environment(json!("META")));
    assert_eq!(source("slack").await, environment(Value::Null));
    assert_eq!(
        source("push").await,
        (json!("BUILT_IN"), json!("WEB_PUSH"), json!(true))
    );
    admin
        .patch(PUSH, json!({ "provider": "ONESIGNAL", "appId": "a", "apiKey": "k" }))
        .await;
    assert_eq!(
        source("push").await,
        (json!("SETTINGS"), json!("ONESIGNAL"), json!(true))
    );
    assert_eq!(admin.delete(PUSH).await.status, StatusCode::NO_CONTENT);
    assert_eq!(source("push").await.0, "BUILT_IN");
}

#[tokio::test]
async fn settings_are_tried_before_they_are_saved() {
    let admin = Admin::new().await;
    let path = format!("{EMAIL}/test");
    let answer = admin.call(Method::POST, &path, json!({})).await;
    assert_eq!(
        answer.json()["message"],
        "250 queued for ada@example.com",
        "{}",
        answer.text
    );
    let trial = json!({ "to": "b@example.com", "settings": { "host": "x.example", "from": "a@example.com" } });
    assert_eq!(admin.call(Method::POST, &path, trial).await.json()["ok"], true);
    let expected = json!({ "provider": "SMTP", "host": "x.example", "tls": "starttls", "from": "a@example.com" });
    assert_eq!(*admin.app.outside.tried.lock().unwrap(), Some(expected));
    admin
        .refuses(Method::POST, &path, json!({ "to": "nobody" }), "to")
        .await;
    let wrong = json!({ "to": "b@example.com", "settings": { "provider": "RESEND" } });
    admin.refuses(Method::POST, &path, wrong, "apiKey").await;
    let key = admin.app.key(&["settings:write"]).await;
    let answer = admin.app.call(&key, Method::POST, &path, &json!({})).await;
    assert_eq!(
        answer.status,
        StatusCode::BAD_REQUEST,
        "a key has no address of its own"
    );
    assert_eq!(admin.get(EMAIL).await["configured"], false);
}

#[tokio::test]
async fn a_test_goes_where_the_channel_reaches() {
    let admin = Admin::new().await;
    let sent = async |channel: &str, body: Value| {
        let path = format!("/api/settings/notifications/{channel}/test");
        let answer = admin.call(Method::POST, &path, body).await;
        assert_eq!(answer.status, StatusCode::OK, "{}", answer.text);
        answer.json()["message"].as_str().unwrap().to_owned()
    };
    let test = |channel: &str| format!("/api/settings/notifications/{channel}/test");
    for (channel, to) in [
        ("sms", "12"),
        ("voice", "x"),
        ("whatsapp", "a@example.com"),
        ("slack", "# ops"),
        ("push", " "),
    ] {
        let (body, path) = (json!({ "to": to }), test(channel));
        admin.refuses(Method::POST, &path, body, "to").await;
    }
    for (channel, to) in [
        ("slack", "C012AB3CD"),
        ("slack", "ada@example.com"),
        ("sms", "+14155550100"),
    ] {
        assert_eq!(sent(channel, json!({ "to": to })).await, format!("250 queued for {to}"));
    }
    assert_eq!(sent("slack", json!({})).await, "250 queued for ada@example.com");
    for channel in ["sms", "voice", "push"] {
        let path = test(channel);
        admin.refuses(Method::POST, &path, json!({}), "to").await;
    }
    let found = admin.get("/api/users?q=ada").await;
    let me = format!("/api/users/{}", found["data"][0]["id"].as_str().unwrap());
    admin.patch(&me, json!({ "phone": "+4930123456" })).await;
    assert_eq!(sent("voice", json!({})).await, "250 queued for +4930123456");
}
