//! The pages of notification channels, and of how people are reached: what forms save, what comes back, who may.

use http::StatusCode;
use opsknight_domain::directory::{Channel, Role};
use serde_json::json;

use super::{Admin, flash};
use crate::harness::{App, As};

const SID: &str = "AC0123456789abcdef0123456789abcdef";
/// Text that breaks a page which does not escape it.
const HOSTILE: &str = "<script>alert(1)</script>\"'>";

/// Whether the page has nothing of the hostile text that a browser would run.
fn is_text(page: &str) -> bool {
    !page.contains("<script>alert")
}

#[tokio::test]
async fn a_form_saves_a_provider_and_keeps_credentials_that_are_left_empty() {
    let admin = Admin::new().await;
    let (app, who) = (&admin.app, &admin.who);
    let fields = [
        ("provider", "SMTP"),
        ("SMTP.host", "smtp.example.com"),
        ("SMTP.port", "2525"),
        ("SMTP.tls", "none"),
        ("SMTP.user", "u"),
        ("SMTP.password", " hush "),
        ("SMTP.from", "a@example.com"),
        ("RESEND.apiKey", "typed-elsewhere"),
        ("second.provider", "RESEND"),
        ("second.RESEND.apiKey", "re_hush"),
        ("second.RESEND.from", "b@example.com"),
    ];
    let saved = app.form(who, "/settings/email", &fields).await;
    assert_eq!(saved.header("location"), "/settings/email", "{}", saved.text);
    assert!(flash(&saved).starts_with("+Saved."));
    let page = app.get(who, "/settings/email").await.text;
    assert!(page.contains("smtp.example.com") && page.contains("Saved. Leave it empty to keep it."));
    assert!(!page.contains("hush"), "a credential is never sent back");
    let unchanged = [
        ("provider", "SMTP"),
        ("SMTP.host", "mail.example.com"),
        ("SMTP.port", ""),
        ("SMTP.tls", "tls"),
        ("SMTP.user", "u"),
        ("SMTP.password", ""),
        ("SMTP.from", "a@example.com"),
        ("second.provider", "RESEND"),
        ("second.RESEND.apiKey", ""),
        ("second.RESEND.from", "b@example.com"),
    ];
    assert_eq!(
        app.form(who, "/settings/email", &unchanged).await.status,
        StatusCode::SEE_OTHER
    );
    let body = admin.get("/api/settings/notifications/email").await;
    assert_eq!(
        (&body["host"], &body["port"], &body["tls"], &body["hasPassword"]),
        (&json!("mail.example.com"), &json!(null), &json!("tls"), &json!(true))
    );
    assert_eq!(body["second"]["hasApiKey"], true, "{body}");
    // Without a second one, and with what can be taken away taken away.
    let less = [
        ("provider", "SMTP"),
        ("SMTP.host", "mail.example.com"),
        ("SMTP.tls", "tls"),
        ("SMTP.user", ""),
        ("SMTP.password.remove", "on"),
        ("SMTP.from", "a@example.com"),
        ("second.provider", ""),
    ];
    assert_eq!(
        app.form(who, "/settings/email", &less).await.status,
        StatusCode::SEE_OTHER
    );
    let body = admin.get("/api/settings/notifications/email").await;
    assert_eq!((&body["hasPassword"], &body["second"]), (&json!(false), &json!(null)));
    let forgotten = app.form(who, "/settings/email/forget", &[]).await;
    assert!(flash(&forgotten).starts_with('+'));
    assert_eq!(
        admin.get("/api/settings/notifications/email").await["configured"],
        false
    );
}

#[tokio::test]
async fn what_is_wrong_stands_beside_its_field_in_words_of_the_page() {
    let admin = Admin::new().await;
    let (app, who) = (&admin.app, &admin.who);
    let fields = [
        ("provider", "TWILIO"),
        ("TWILIO.accountSid", HOSTILE),
        ("TWILIO.authToken", "hush"),
        ("second.provider", "AWS_SNS"),
        ("second.AWS_SNS.region", "Mars!"),
    ];
    let refused = app.form(who, "/settings/sms", &fields).await;
    assert_eq!(refused.status, StatusCode::UNPROCESSABLE_ENTITY);
    assert!(is_text(&refused.text) && !refused.text.contains("hush"));
    for wrong in [
        "TWILIO-accountSid-error",
        "TWILIO-phoneNumber-error",
        "second-AWS_SNS-region-error",
        "second-AWS_SNS-accessKeyId-error",
        "“Messaging Service SID”",
    ] {
        assert!(refused.text.contains(wrong), "{wrong}: {}", refused.text);
    }
    let forged = app.form(who, "/settings/sms", &[("provider", "PIGEON")]).await;
    assert_eq!(forged.status, StatusCode::UNPROCESSABLE_ENTITY);
    assert!(forged.text.contains("provider-error"), "{}", forged.text);
    for page in ["/settings/pigeon", "/settings/slackk"] {
        assert_eq!(app.get(who, page).await.status, StatusCode::NOT_FOUND, "{page}");
    }
}

#[tokio::test]
async fn a_test_is_sent_with_what_is_typed_and_shows_the_answer() {
    let admin = Admin::new().await;
    let (app, who) = (&admin.app, &admin.who);
    let fields = [
        ("provider", "TWILIO"),
        ("TWILIO.accountSid", SID),
        ("TWILIO.authToken", "hush"),
        ("TWILIO.phoneNumber", "+14155550100"),
        ("to", "+49 151 12345678"),
    ];
    let tested = app.form(who, "/settings/sms/test", &fields).await;
    assert_eq!(tested.status, StatusCode::OK);
    assert!(
        tested
            .text
            .contains("It was taken. The answer: <code>250 queued for +4915112345678"),
        "{}",
        tested.text
    );
    assert!(tested.text.contains("type them again before you save") && !tested.text.contains("hush"));
    let tried = app.outside.tried.lock().unwrap().clone().unwrap();
    assert_eq!(tried["authToken"], "hush");
    let body = admin.get("/api/settings/notifications/sms").await;
    assert_eq!(body["configured"], false, "nothing was saved");
    let mut nowhere = fields.to_vec();
    nowhere[4] = ("to", "somebody");
    let refused = app.form(who, "/settings/sms/test", &nowhere).await;
    assert_eq!(refused.status, StatusCode::UNPROCESSABLE_ENTITY);
    assert!(refused.text.contains("to-error"));
}

#[tokio::test]
async fn what_the_environment_says_is_tried_where_nothing_is_typed() {
    let app = App::with("http://ok.example", &["SMTP_HOST"], &[Channel::Email]).await;
    let who = app.signed_in("Ada", Role::Admin).await;
    let page = app.get(&who, "/settings/email").await.text;
    assert!(page.contains("by the environment of the server (SMTP_HOST"), "{page}");
    let list = app.get(&who, "/settings/notifications").await.text;
    assert!(list.contains("Environment") && list.contains("Built in"), "{list}");
    let fields = [("provider", "SMTP"), ("SMTP.tls", "starttls"), ("to", "a@example.com")];
    let tested = app.form(&who, "/settings/email/test", &fields).await;
    assert_eq!(tested.status, StatusCode::OK, "{}", tested.text);
    assert_eq!(*app.outside.tried.lock().unwrap(), None, "what is in force was tried");
}

#[tokio::test]
async fn an_app_of_the_environment_can_be_let_in_and_what_is_saved_takes_its_place() {
    let app = App::with("http://ok.example", &["SLACK_CLIENT_ID"], &[]).await;
    let who = app.signed_in("Ada", Role::Admin).await;
    let page = app.get(&who, "/settings/slack").await.text;
    assert!(page.contains("/api/settings/slack-oauth/start") && page.contains("(<code>SLACK_CLIENT_ID</code>)"));
    assert!(page.contains("Without the signing secret"), "{page}");
    let saved = app
        .form(&who, "/settings/slack", &[("SLACK.signingSecret", "hush")])
        .await;
    assert_eq!(saved.status, StatusCode::SEE_OTHER, "{}", saved.text);
    let page = app.get(&who, "/settings/slack").await.text;
    assert!(!page.contains("/api/settings/slack-oauth/start") && !page.contains("SLACK_CLIENT_ID"));
}

#[tokio::test]
async fn what_a_provider_must_be_told_stands_on_its_page() {
    let admin = Admin::new().await;
    for (page, told) in [
        ("sms", "http://ok.example/api/twilio/sms"),
        ("whatsapp", "http://ok.example/api/whatsapp/webhook"),
        ("whatsapp", "Message from OpsKnight: {{1}}"),
        ("email", "http://ok.example/api/email/sendgrid"),
        ("email", "http://ok.example/api/email/resend"),
        ("email", "http://ok.example/api/email/ses"),
    ] {
        let text = admin.app.get(&admin.who, &format!("/settings/{page}")).await.text;
        assert!(text.contains(told), "{page}: {told}");
    }
}

#[tokio::test]
async fn slack_is_set_up_step_by_step() {
    let admin = Admin::new().await;
    let (app, who) = (&admin.app, &admin.who);
    let page = app.get(who, "/settings/slack").await.text;
    assert!(page.contains("display_information") && !page.contains("slack-oauth/start"));
    let fields = [
        ("SLACK.clientId", "1.2"),
        ("SLACK.clientSecret", "hush"),
        ("SLACK.signingSecret", ""),
    ];
    assert_eq!(
        app.form(who, "/settings/slack", &fields).await.status,
        StatusCode::SEE_OTHER
    );
    let page = app.get(who, "/settings/slack").await.text;
    assert!(page.contains("/api/settings/slack-oauth/start") && !page.contains("hush"));
    assert!(page.contains("Without the signing secret"));
    let bad = app
        .form(who, "/settings/slack/token", &[("bot_token", "xoxb-bad")])
        .await;
    assert!(
        bad.text.contains("bot_token-error") && !bad.text.contains("xoxb-bad"),
        "{}",
        bad.text
    );
    let good = app
        .form(who, "/settings/slack/token", &[("bot_token", "xoxb-good")])
        .await;
    assert_eq!(good.status, StatusCode::SEE_OTHER, "{}", good.text);
    let page = app.get(who, "/settings/slack").await.text;
    assert!(
        page.contains("Acme") && page.contains("<option value=\"#ops-private\">private</option>"),
        "{page}"
    );
    let team = "/settings/slack/workspaces/T01";
    assert!(flash(&app.form(who, team, &[("default_channel", "#general")]).await).starts_with('+'));
    assert!(
        app.get(who, "/settings/slack")
            .await
            .text
            .contains("value=\"#general\"")
    );
    let odd = app.form(who, "/settings/slack/test", &[("to", "# general")]).await;
    assert!(odd.text.contains("to-error"), "{}", odd.text);
    let tested = app.form(who, "/settings/slack/test", &[("to", "#general")]).await;
    assert!(tested.text.contains("queued for"), "{}", tested.text);
    assert!(flash(&app.form(who, team, &[("disconnect", "1")]).await).starts_with('+'));
    assert!(!app.get(who, "/settings/slack").await.text.contains("Disconnect Acme"));
}

#[tokio::test]
async fn webhooks_ask_for_what_their_kind_needs() {
    let admin = Admin::new().await;
    let (app, who) = (&admin.app, &admin.who);
    let bot = [
        ("name", "Ops"),
        ("type", "TELEGRAM"),
        ("TELEGRAM.secret", "123:ABC"),
        ("TELEGRAM.channel", "-1001"),
        ("GENERIC.url", "https://typed.elsewhere.example"),
        ("enabled", "on"),
    ];
    let made = app.form(who, "/settings/webhooks", &bot).await;
    let path = made.header("location").to_owned();
    assert!(flash(&made).contains("Webhook was set"), "{}", flash(&made));
    let page = app.get(who, &path).await.text;
    assert!(page.contains("-1001") && !page.contains("123:ABC") && !page.contains("typed.elsewhere"));
    let mut moved = bot.to_vec();
    moved[2] = ("TELEGRAM.secret", "");
    moved[3] = ("TELEGRAM.channel", "-1002");
    let changed = app.form(who, &path, &moved).await;
    let says = flash(&changed);
    assert!(says.starts_with('-') && says.contains("Unauthorized"), "{says}");
    moved[3] = ("TELEGRAM.channel", HOSTILE);
    let refused = app.form(who, &path, &moved).await;
    assert_eq!(refused.status, StatusCode::UNPROCESSABLE_ENTITY);
    assert!(refused.text.contains("TELEGRAM-channel-error") && is_text(&refused.text));
}

/// A server with providers for mail and text messages, and somebody who is no administrator.
async fn responder() -> (App, As, String) {
    let app = App::with("http://ok.example", &[], &[Channel::Email, Channel::Sms]).await;
    let ada = app.signed_in("Ada", Role::Responder).await;
    let users = app.get(&ada, "/api/users").await.json();
    let id = users["data"][0]["id"].as_str().unwrap().to_owned();
    (app, ada, id)
}

#[tokio::test]
async fn people_add_a_telephone_and_enter_its_code() {
    let (app, ada, me) = responder().await;
    let odd = app
        .form(
            &ada,
            "/profile/contact-methods",
            &[("type", "SMS"), ("address", HOSTILE)],
        )
        .await;
    assert_eq!(odd.status, StatusCode::UNPROCESSABLE_ENTITY);
    assert!(odd.text.contains("address-error") && is_text(&odd.text));
    let fields = [("type", "SMS"), ("address", "+49 151 12345678")];
    let added = app.form(&ada, "/profile/contact-methods", &fields).await;
    assert_eq!(added.header("location"), "/profile#methods", "{}", added.text);
    let path = format!("/api/users/{me}/contact-methods");
    let methods = app.get(&ada, &path).await.json();
    let id = methods["data"][0]["id"].as_str().unwrap();
    let form = format!("/profile/contact-methods/{id}");
    let wrong = app.form(&ada, &form, &[("do", "verify"), ("code", "12")]).await;
    assert_eq!(wrong.status, StatusCode::UNPROCESSABLE_ENTITY);
    assert!(wrong.text.contains(&format!("{id}-code-error")), "{}", wrong.text);
    let soon = app.form(&ada, &form, &[("do", "send-code")]).await;
    assert!(flash(&soon).starts_with('-'), "one was sent a moment ago");
    app.clock.advance_s(61);
    assert!(flash(&app.form(&ada, &form, &[("do", "send-code")]).await).starts_with('+'));
    assert!(flash(&app.form(&ada, &form, &[("do", "delete")]).await).starts_with('+'));
    assert_eq!(app.get(&ada, &path).await.json()["data"], json!([]));
}

#[tokio::test]
async fn rules_are_rearranged_without_being_saved_and_then_saved() {
    let (app, ada, me) = responder().await;
    let form = "/profile/notification-rules";
    let page = app.get(&ada, "/profile").await.text;
    assert!(page.contains("push, then Slack, then SMS"), "the default order is told");
    let grown = app.form(&ada, form, &[("add", "HIGH")]).await;
    assert_eq!(grown.status, StatusCode::OK);
    assert!(grown.text.contains("rules.0.channel"));
    let two = [
        ("rules.0.urgency", "HIGH"),
        ("rules.0.channel", "PUSH"),
        ("rules.0.delay", "0"),
        ("rules.3.urgency", "LOW"),
        ("rules.3.channel", "EMAIL"),
        ("rules.3.delay", "soon"),
    ];
    let less: Vec<_> = two.iter().copied().chain([("remove", "3")]).collect();
    let shrunk = app.form(&ada, form, &less).await.text;
    assert!(shrunk.contains("rules.0.channel") && !shrunk.contains("rules.1.channel"));
    let refused = app.form(&ada, form, &two).await;
    assert_eq!(refused.status, StatusCode::UNPROCESSABLE_ENTITY);
    assert!(refused.text.contains("rules-1-delay-error"), "{}", refused.text);
    let mut good = two.to_vec();
    good[5] = ("rules.3.delay", "30");
    assert!(flash(&app.form(&ada, form, &good).await).starts_with('+'));
    let rules = app
        .get(&ada, &format!("/api/users/{me}/notification-rules"))
        .await
        .json();
    let told: Vec<_> = rules["data"]
        .as_array()
        .unwrap()
        .iter()
        .map(|rule| &rule["channel"])
        .collect();
    assert_eq!(told.len(), 2, "{rules}");
    assert!(flash(&app.form(&ada, "/profile/mail", &[("do", "save")]).await).starts_with('+'));
    assert_eq!(
        app.get(&ada, &format!("/api/users/{me}")).await.json()["receiveNews"],
        false
    );
}

#[tokio::test]
async fn only_administrators_see_settings_and_change_others() {
    let (app, ada, me) = responder().await;
    for page in [
        "/settings/notifications",
        "/settings/email",
        "/settings/slack",
        "/settings/webhooks",
    ] {
        assert_eq!(app.get(&ada, page).await.status, StatusCode::FORBIDDEN, "{page}");
    }
    for form in [
        "/settings/email",
        "/settings/email/test",
        "/settings/email/forget",
        "/settings/slack/token",
    ] {
        assert_eq!(app.form(&ada, form, &[]).await.status, StatusCode::FORBIDDEN, "{form}");
    }
    let bob = app.person("Bob", Role::User).await;
    let fields = [("type", "SMS"), ("address", "+4915112345678")];
    for form in ["contact-methods", "notification-rules", "mail"] {
        let path = format!("/users/{bob}/{form}");
        assert_eq!(
            app.form(&ada, &path, &fields).await.status,
            StatusCode::FORBIDDEN,
            "{path}"
        );
    }
    let page = app.get(&ada, &format!("/users/{bob}")).await.text;
    assert!(!page.contains("/contact-methods"), "there is nothing to change");
    let eve = app.signed_in("Eve", Role::Admin).await;
    let added = app.form(&eve, &format!("/users/{bob}/contact-methods"), &fields).await;
    assert_eq!(added.header("location"), format!("/users/{bob}#methods"));
    let page = app.get(&eve, &format!("/users/{bob}")).await.text;
    assert!(page.contains("+4915112345678") && !page.contains("one-time-code"));
    let methods = app.get(&eve, &format!("/api/users/{bob}/contact-methods")).await.json();
    let theirs = methods["data"][0]["id"].as_str().unwrap();
    // Somebody else's is nobody's of one's own.
    let path = format!("/profile/contact-methods/{theirs}");
    assert_eq!(
        app.form(&ada, &path, &[("do", "delete")]).await.status,
        StatusCode::NOT_FOUND
    );
    assert_ne!(me, bob.to_string());
}

#[tokio::test]
async fn the_worker_and_the_manifest_are_files_at_the_root() {
    let app = App::new().await;
    let worker = app.get(&As::Nobody, "/sw.js").await;
    assert_eq!(
        (worker.header("content-type"), worker.header("cache-control")),
        ("text/javascript; charset=utf-8", "no-cache")
    );
    let policy = worker.header("content-security-policy");
    assert!(policy.contains("worker-src 'self'"), "{policy}");
    let manifest = app.get(&As::Nobody, "/manifest.webmanifest").await;
    assert_eq!(manifest.header("content-type"), "application/manifest+json");
    for icon in manifest.json()["icons"].as_array().unwrap() {
        let icon = app.get(&As::Nobody, icon["src"].as_str().unwrap()).await;
        assert_eq!(icon.status, StatusCode::OK);
    }
    assert!(
        app.get(&As::Nobody, "/ack/x")
            .await
            .text
            .contains("/manifest.webmanifest")
    );
}
