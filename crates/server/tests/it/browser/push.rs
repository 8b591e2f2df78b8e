//! The service worker in a real browser: what it shows of a push message, and what a press on it does. The message is
//! handed over by the browser's own tools (Chrome DevTools Protocol, `ServiceWorker.deliverPushMessage`), since a push
//! service lies outside of any test.

use serde_json::{Value, json};

use super::{
    stage::{Stage, alertmanager, post},
    window::{DESK, Window},
};
use crate::{
    api::{integration, organisation},
    process::{SOON, wait_until},
};

/// A browser that gets a subscription at once: the real one asks its push service.
const SUBSCRIBES: &str = "PushManager.prototype.subscribe = async () => ({ toJSON: () => ({
        endpoint: 'https://push.example.com/device',
        keys: { p256dh: 'B' + 'A'.repeat(86), auth: 'A'.repeat(22) } }) });";

/// The notifications that are shown.
const SHOWN: &str = "const done = arguments[arguments.length - 1];
    navigator.serviceWorker.ready.then((registration) => registration.getNotifications())
        .then((all) => done(all.map(({ title, body, tag, requireInteraction, actions, data }) =>
            ({ title, body, tag, requireInteraction, actions: actions?.map((one) => one.action), data }))));";

/// The notification whose title has these words, where it is shown.
async fn found(window: &Window, title: &str) -> Option<Value> {
    let all = window.driver.execute_async(SHOWN, Vec::new()).await.ok()?;
    let all: Vec<Value> = all.convert().ok()?;
    let has = |one: &Value| one["title"].as_str().is_some_and(|text| text.contains(title));
    all.into_iter().find(has)
}

async fn shown(window: &Window, title: &str) -> Value {
    let what = format!("a notification says {title}");
    wait_until(&what, SOON, async || found(window, title).await).await
}

/// Hands a message over until it is shown: what comes before the browser's tool has found the worker is dropped without
/// a word. A message that comes twice takes its own place.
async fn push(window: &Window, message: &str, title: &str) -> Value {
    let what = format!("a message with the title {title} is shown");
    wait_until(&what, SOON, async || {
        window.deliver_push(message).await;
        found(window, title).await
    })
    .await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_push_message_is_shown_and_acknowledged() {
    let stage = Stage::set().await;
    let api = stage.api().await;
    let organisation = organisation(&api, 30).await;
    let prometheus = integration(&api, &organisation.service, "PROMETHEUS", json!({})).await;
    let body = alertmanager("firing", "DatabaseDown", "Nothing answers on port 5432");
    assert_eq!(post(&prometheus.url, &body).await, 202);
    let mail = stage.mail.wait_for("ann@example.com", "DatabaseDown").await;
    let link = mail.acknowledge_link().expect("the mail has a link").to_owned();

    let window = stage.signed_in(DESK).await;
    window.go("/profile").await;
    window.find("#push-on").await;
    window.may_notify().await;
    window.ask::<()>(SUBSCRIBES).await;
    window.find("#push-on").await.click().await.unwrap();
    window.wait_for("#methods", "push.example.com").await;
    window.find(".method button[value=test]").await;
    let message = json!({
        "title": "[HIGH] #1 DatabaseDown", "body": "Shop: paged", "tag": "inc_1", "url": format!("{}/incidents", stage.server.url),
        "urgency": "HIGH", "requireInteraction": true, "acknowledge": link,
        "actions": [{ "action": "acknowledge", "title": "Acknowledge" }, { "action": "open", "title": "Open" }],
    });
    let notification = push(&window, &message.to_string(), "DatabaseDown").await;
    assert_eq!(
        (
            &notification["tag"],
            &notification["requireInteraction"],
            &notification["actions"]
        ),
        (&json!("inc_1"), &json!(true), &json!(["acknowledge", "open"]))
    );
    push(&window, "no JSON", "OpsKnight").await;

    window.press_on_notification("DatabaseDown", "acknowledge").await;
    let told = shown(&window, "Acknowledged").await;
    assert!(
        told["body"].as_str().unwrap().contains("Escalation has stopped"),
        "{told}"
    );
    let incidents = api.all("/api/incidents?status=ACKNOWLEDGED").await;
    assert_eq!(incidents.len(), 1, "{incidents:?}");
    window.close().await;
}
