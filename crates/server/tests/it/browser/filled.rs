//! A database with something on every page, with names as long as they may be found.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::{
    pages::Known,
    stage::{Stage, alertmanager, post},
};
use crate::{
    api::{Api, Integration, Organisation, integration, organisation},
    process::{SOON, wait_until},
};

/// A word that no line breaks by itself: names of hosts and jobs may be as long.
const LONG: &str =
    "checkout-7d9f8c6b5b557f-production-eu-west-1-replica-0042.internal.example.com/var/lib/postgresql/data/pg_wal";

/// Makes an organisation with something on every page, and says what is there.
pub(super) async fn fill(stage: &Stage) -> Known {
    let api = stage.api().await;
    let made = organisation(&api, 30).await;
    let service = &made.service;
    let settings = json!({
        "description": LONG, "targetAckMinutes": 5, "targetResolveMinutes": 60, "notificationChannels": ["EMAIL"],
        "notifyOnTriggered": true, "notifyOnAcknowledged": true,
    });
    api.patch(&format!("/api/services/{service}"), settings).await;
    let prometheus = integration(&api, service, "PROMETHEUS", json!({ "name": LONG })).await;
    integration(&api, service, "WEBHOOK", json!({})).await;
    let mut known = incidents(stage, &api, &made, &prometheus).await;
    let webhook = json!({ "name": LONG, "type": "GENERIC", "url": format!("https://hooks.example.com/{LONG}") });
    known.insert("webhook", api.make("/api/webhooks", webhook).await);
    known.insert("event", first(&api, "/api/events/log").await);
    known.insert("delivery", first(&api, "/api/notifications").await);
    known.insert("integration", prometheus.id.clone());
    known.insert("user", first(&api, "/api/users").await);
    known.insert("schedule", first(&api, "/api/schedules").await);
    known.extend([("team", made.team), ("policy", made.policy), ("service", made.service)]);
    known.insert(
        "invite",
        token(&stage.invite("new@example.com", LONG).await, "/invite/"),
    );
    maintain(&api, &known["service"]).await;
    known.insert("ack", in_mail(stage, "/ack/").await);
    known.insert("unsubscribe", in_mail(stage, "/unsubscribe/").await);
    known
}

/// An incident in each state: what is open has a note, what is over too.
async fn incidents(stage: &Stage, api: &Api, made: &Organisation, prometheus: &Integration) -> Known {
    assert_eq!(post(&prometheus.url, &alertmanager("firing", LONG, LONG)).await, 202);
    stage.mail.wait_for("ann@example.com", "checkout").await;
    let open = first(api, "/api/incidents").await;
    let states = [
        ("working", json!({ "status": "ACKNOWLEDGED" })),
        ("ended", json!({ "status": "RESOLVED", "resolutionNote": LONG })),
        ("sleeping", json!({ "status": "SNOOZED", "snoozeMinutes": 60 })),
        ("suppressed", json!({ "status": "SUPPRESSED" })),
    ];
    let mut known = BTreeMap::from([("incident", open.clone())]);
    for (name, state) in states {
        let incident = json!({ "title": format!("{name} {LONG}"), "serviceId": made.service });
        let incident = api.make("/api/incidents", incident).await;
        api.patch(&format!("/api/incidents/{incident}"), state).await;
        known.insert(name, incident);
    }
    for incident in [&open, &known["ended"]] {
        let note = json!({ "text": LONG });
        api.post(&format!("/api/incidents/{incident}/notes"), note).await;
    }
    known
}

/// Maintenance that is coming, with a long reason.
async fn maintain(api: &Api, service: &str) {
    let window = json!({ "start": "2199-01-01T08:00:00Z", "end": "2199-01-01T09:00:00Z", "reason": LONG });
    api.post(&format!("/api/services/{service}/maintenance"), window).await;
}

async fn first(api: &Api, path: &str) -> String {
    let all: Vec<Value> = api.all(path).await;
    all[0]["id"].as_str().expect("it has an id").to_owned()
}

/// The token that follows `before` in a mail that came, or will come: in its text or among its headers.
async fn in_mail(stage: &Stage, before: &str) -> String {
    wait_until(&format!("a mail has {before}"), SOON, async || {
        let mails = stage.mail.mails();
        let mut texts = mails.iter().flat_map(|mail| {
            let headers = mail.headers.iter().map(|(_, value)| value);
            headers.chain([&mail.text])
        });
        Some(token(texts.find(|text| text.contains(before))?, before))
    })
    .await
}

fn token(text: &str, before: &str) -> String {
    let (_, rest) = text.split_once(before).expect("it has such a link");
    rest.split(|c: char| c.is_whitespace() || c == '>')
        .next()
        .unwrap_or_default()
        .to_owned()
}
