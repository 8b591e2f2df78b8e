//! Outbound webhooks.

use http::{Method, StatusCode};
use opsknight_domain::{directory::Role, id::WebhookId};
use opsknight_store::{
    db::{DbError, Tx},
    deliveries::{self, Ending, Finished, Lane},
};
use serde_json::{Value, json};

use super::{Admin, id, nowhere};

const URL: &str = "https://hooks.example/very/private?token=1";

#[tokio::test]
async fn a_webhook_has_the_fields_of_the_contract() {
    let admin = Admin::new().await;
    let service = admin.post("/api/services", json!({ "name": "Web" })).await;
    let body = json!({ "name": "Sink", "type": "GENERIC", "url": URL, "secret": "hush", "channel": "a",
        "enabled": false, "events": ["incident.triggered"], "serviceIds": [service["id"]] });
    let made = admin.post("/api/webhooks", body).await;
    assert!(id(&made).starts_with("whk_"));
    assert_eq!(
        (&made["hasSecret"], &made["enabled"], &made["url"]),
        (&json!(true), &json!(false), &json!(URL))
    );
    assert_eq!(
        (&made["events"], &made["serviceIds"]),
        (&json!(["incident.triggered"]), &json!([service["id"]]))
    );
    assert!(!made.to_string().contains("hush"));
    let path = format!("/api/webhooks/{}", id(&made));
    assert_eq!(admin.get(&path).await, made);
    let changed = admin
        .patch(&path, json!({ "secret": null, "events": [], "enabled": true }))
        .await;
    assert_eq!(
        (&changed["hasSecret"], &changed["events"], &changed["name"]),
        (&json!(false), &json!([]), &json!("Sink"))
    );
    let test = admin.call(Method::POST, &format!("{path}/test"), json!({})).await;
    assert_eq!(test.json(), json!({ "ok": true, "message": "200", "field": null }));
    assert_eq!(admin.get(&format!("{path}/deliveries")).await["pagination"]["total"], 0);
    assert_eq!(admin.delete(&path).await.status, StatusCode::NO_CONTENT);
    assert_eq!(admin.get("/api/webhooks").await["data"], json!([]));
}

#[tokio::test]
async fn only_those_who_may_change_a_webhook_see_its_address() {
    let admin = Admin::new().await;
    let made = admin
        .post(
            "/api/webhooks",
            json!({ "name": "Sink", "type": "GENERIC", "url": URL }),
        )
        .await;
    let path = format!("/api/webhooks/{}", id(&made));
    let uma = admin.app.signed_in("Uma", Role::User).await;
    let reads = admin.app.key(&["settings:read"]).await;
    for who in [&uma, &reads] {
        assert_eq!(admin.app.get(who, &path).await.json()["url"], "https://hooks.example/…");
        assert_eq!(
            admin.app.get(who, "/api/webhooks").await.json()["data"][0]["url"],
            "https://hooks.example/…"
        );
    }
    let writes = admin.app.key(&["settings:read", "settings:write"]).await;
    assert_eq!(admin.app.get(&writes, &path).await.json()["url"], URL);
}

#[tokio::test]
async fn what_is_wrong_with_a_webhook_is_named() {
    let admin = Admin::new().await;
    let good = json!({ "name": "Sink", "type": "GENERIC", "url": URL });
    for (field, value, named) in [
        ("name", json!(""), "name"),
        ("type", json!("FAX"), "type"),
        ("url", json!("ftp://example.com"), "url"),
        ("url", Value::Null, "url"),
        ("events", json!(["incident.exploded"]), "events[0]"),
        ("serviceIds", json!([nowhere("svc")]), "serviceIds[0]"),
        ("secret", json!("x".repeat(501)), "secret"),
    ] {
        let mut body = good.clone();
        body[field] = value;
        admin.refuses(Method::POST, "/api/webhooks", body, named).await;
    }
}

#[tokio::test]
async fn rooms_need_an_address_and_telegram_a_bot_and_a_chat() {
    let admin = Admin::new().await;
    for kind in ["GOOGLE_CHAT", "DISCORD", "TEAMS"] {
        let made = admin
            .post("/api/webhooks", json!({ "name": kind, "type": kind, "url": URL }))
            .await;
        assert_eq!((&made["type"], made.get("listening")), (&json!(kind), None));
        let without = json!({ "name": kind, "type": kind });
        admin.refuses(Method::POST, "/api/webhooks", without, "url").await;
    }
    let bot = "https://api.telegram.org/bot123456:ABC-DEF";
    for (body, named) in [
        (json!({ "url": bot }), "channel"),
        (json!({ "url": bot, "channel": "ops" }), "channel"),
        (json!({ "url": "https://api.telegram.org", "channel": "-1" }), "url"),
        (json!({ "url": "ftp://x/bot1:A", "channel": "-1" }), "url"),
        (json!({ "channel": "-1" }), "url"),
        (json!({ "secret": "hush", "channel": "-1" }), "secret"),
    ] {
        let mut body = body;
        body["name"] = json!("Ops");
        body["type"] = json!("TELEGRAM");
        admin.refuses(Method::POST, "/api/webhooks", body, named).await;
    }
    let body = json!({ "name": "Ops", "type": "TELEGRAM", "secret": "123456:ABC-DEF", "channel": "@ops" });
    let by_secret = admin.post("/api/webhooks", body).await;
    assert_eq!(
        by_secret["listening"],
        json!({ "ok": true, "message": "Webhook was set" })
    );
    assert!(!by_secret.to_string().contains("ABC-DEF"));

    let path = format!("/api/webhooks/{}", id(&by_secret));
    let listening = || admin.app.outside.listening.lock().unwrap().len();
    assert!(
        admin
            .patch(&path, json!({ "name": "Room" }))
            .await
            .get("listening")
            .is_none()
    );
    assert_eq!(listening(), 1, "another name changes nothing for the bot");
    let changed = admin.patch(&path, json!({ "channel": "-1001234567890" })).await;
    assert_eq!(changed["listening"], json!({ "ok": false, "message": "Unauthorized" }));
    assert_eq!(
        admin.get(&path).await["channel"],
        "-1001234567890",
        "it is saved all the same"
    );
    let moved = admin
        .patch(&path, json!({ "url": format!("{bot}/sendMessage"), "secret": null }))
        .await;
    assert_eq!((listening(), &moved["hasSecret"]), (3, &json!(false)));
    admin
        .refuses(Method::PATCH, &path, json!({ "channel": null }), "channel")
        .await;
    admin.patch(&path, json!({ "type": "GENERIC", "url": URL })).await;
    assert_eq!(listening(), 3);
}

#[tokio::test]
async fn a_delivery_that_failed_is_sent_again() {
    let admin = Admin::new().await;
    let made = admin
        .post(
            "/api/webhooks",
            json!({ "name": "Sink", "type": "GENERIC", "url": URL }),
        )
        .await;
    let service = admin.post("/api/services", json!({ "name": "Web" })).await;
    admin
        .post(
            "/api/incidents",
            json!({ "title": "Disk full", "serviceId": service["id"] }),
        )
        .await;
    let path = format!("/api/webhooks/{}/deliveries", id(&made));
    let deliveries = admin.get(&path).await;
    let delivery = deliveries["data"][0]["id"].as_str().unwrap().to_owned();
    let retry = format!("{path}/{delivery}/retry");
    assert_eq!(
        admin.call(Method::POST, &retry, json!({})).await.status,
        StatusCode::CONFLICT,
        "it still waits"
    );
    fail(&admin, id(&made).parse().unwrap()).await;
    let failed = admin.get(&path).await["data"][0].clone();
    let attempt = json!([{ "number": 1, "provider": "webhook", "outcome": "REFUSED", "detail": "nobody is there",
        "startedAt": "2026-06-01T12:00:00Z", "endedAt": "2026-06-01T12:00:00Z" }]);
    assert_eq!(
        (&failed["attempts"], &failed["provider"], &failed["deliveredAt"]),
        (&attempt, &json!("webhook"), &Value::Null)
    );
    assert_eq!(
        admin.call(Method::POST, &retry, json!({})).await.status,
        StatusCode::NO_CONTENT
    );
    assert_eq!(admin.get(&path).await["data"][0]["status"], "PENDING");
    let other = admin
        .post(
            "/api/webhooks",
            json!({ "name": "Other", "type": "GENERIC", "url": URL }),
        )
        .await;
    let elsewhere = format!("/api/webhooks/{}/deliveries/{delivery}/retry", id(&other));
    assert_eq!(
        admin.call(Method::POST, &elsewhere, json!({})).await.status,
        StatusCode::NOT_FOUND
    );
}

/// The worker tries what waits for this webhook once, and gives it up.
async fn fail(admin: &Admin, webhook: WebhookId) {
    let now = admin.app.clock_now();
    let give_up = async move |tx: &mut Tx<'_>| {
        for leased in deliveries::lease(tx, &[(Lane::Webhook(webhook), 10)], now, now)
            .await?
            .concat()
        {
            let ending = Ending::Failed {
                outcome: "REFUSED",
                detail: "nobody is there".into(),
            };
            let finished = Finished {
                delivery: leased.id,
                tries: leased.tries,
                provider: "webhook".into(),
                started_at: now,
                ended_at: now,
                ending,
            };
            deliveries::finish(tx, &[finished]).await?;
        }
        Ok::<_, DbError>(())
    };
    admin.app.state.store.db.write(give_up).await.unwrap();
}
