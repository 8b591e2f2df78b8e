//! Stories of more people on one incident, and of two incidents that are one problem.

use jiff::SignedDuration;
use opsknight_domain::id::IncidentId;
use opsknight_store::{
    db::{DbError, Tx},
    deliveries, incidents,
    timeline::{self, Told},
};
use serde_json::{Value, json};

use crate::{
    api::{Integration, integration, organisation},
    both::Place,
    world::World,
};

both! {
    what_senders_say_of_a_merged_incident_goes_to_the_other,
    alerts_of_both_that_come_in_one_request_see_each_other,
    whoever_is_asked_for_help_is_paged_by_the_same_rules,
    a_page_reads_its_parts_and_no_more,
}

async fn setting(world: &World, kind: &str) -> Integration {
    let service = organisation(&world.api, 30).await.service;
    integration(&world.api, &service, kind, json!({})).await
}

async fn merge(world: &World, from: &str, into: &str) {
    let path = format!("/api/incidents/{from}/merge");
    world.api.post(&path, json!({ "into": into })).await;
}

async fn what_senders_say_of_a_merged_incident_goes_to_the_other(place: &Place) {
    let mut world = World::begin(place).await;
    let events = setting(&world, "EVENTS_API_V2").await;
    let part = world.trigger(&events, "db-01", "info").await;
    let whole = world.trigger(&events, "web-01", "warning").await;
    world.work().await;
    merge(&world, &part, &whole).await;
    assert_eq!(world.trigger(&events, "db-01", "critical").await, whole);
    let resolve = |key: &str| json!({ "event_action": "resolve", "dedup_key": key });
    let ended = world.event(&events, resolve("db-01")).await;
    assert_eq!(
        (&ended["action"], &ended["incident"]["id"]),
        (&json!("deduplicated"), &json!(whole))
    );
    let incident = world.incident(&whole).await;
    assert_eq!(
        (&incident["status"], &incident["urgency"]),
        (&json!("OPEN"), &json!("HIGH")),
        "{incident}"
    );
    let story = world.timeline(&whole).await;
    assert!(story.contains("merged into this one by Tests"), "{story}");
    assert!(story.contains("A part that was merged has recovered: db-01"), "{story}");
    let alerts = world.api.all(&format!("/api/incidents/{whole}/alerts")).await;
    assert_eq!(
        alerts.len(),
        4,
        "its own, the one that moved, and two that came in since: {alerts:?}"
    );
    assert_eq!(world.api.all(&format!("/api/incidents/{part}/alerts")).await.len(), 0);
    assert_eq!(world.event(&events, resolve("web-01")).await["action"], "resolved");
    let fresh = world.trigger(&events, "db-01", "info").await;
    assert!(
        fresh != part && fresh != whole,
        "the whole is over, so its parts are problems of their own again"
    );
    world.minutes(1).await;
    world.finish().await;
}

/// What Alertmanager sends for these two alerts.
fn group(status: &str) -> Value {
    let alert = |name: &str| {
        json!({
            "status": status, "labels": { "alertname": name, "severity": "warning" }, "annotations": { "summary": name },
            "startsAt": "2026-06-01T11:00:00Z", "endsAt": "0001-01-01T00:00:00Z", "generatorURL": "", "fingerprint": name,
        })
    };
    json!({
        "version": "4", "groupKey": "{}", "truncatedAlerts": 0, "status": status, "receiver": "opsknight",
        "groupLabels": {}, "commonLabels": {}, "commonAnnotations": {}, "externalURL": "",
        "alerts": [alert("aaaaaaaaaaaaaaaa"), alert("bbbbbbbbbbbbbbbb")],
    })
}

async fn alerts_of_both_that_come_in_one_request_see_each_other(place: &Place) {
    let world = World::begin(place).await;
    let hook = setting(&world, "PROMETHEUS").await;
    let send = async |status: &str| -> Vec<Value> {
        let path = format!("/api/integrations/prometheus?integrationId={}", hook.id);
        let url = format!("{}{path}", world.api.base);
        let sent = world.api.http.post(url).json(&group(status)).send().await.unwrap();
        assert_eq!(sent.status(), 202);
        let body: Value = sent.json().await.unwrap();
        body["results"].as_array().unwrap().clone()
    };
    let id = |result: &Value| result["incident"]["id"].as_str().unwrap().to_owned();
    let opened = send("firing").await;
    let (part, whole) = (id(&opened[0]), id(&opened[1]));
    merge(&world, &part, &whole).await;
    let again = send("firing").await;
    assert_eq!((id(&again[0]), id(&again[1])), (whole.clone(), whole.clone()));
    assert_eq!(
        world.incident(&whole).await["alertCount"],
        4,
        "neither undoes what the other did"
    );
    let ended = send("resolved").await;
    assert_eq!(
        (&ended[0]["action"], &ended[1]["action"]),
        (&json!("deduplicated"), &json!("resolved"))
    );
    assert_eq!(world.incident(&whole).await["status"], "RESOLVED");
    world.finish().await;
}

async fn whoever_is_asked_for_help_is_paged_by_the_same_rules(place: &Place) {
    let mut world = World::begin(place).await;
    let events = setting(&world, "EVENTS_API_V2").await;
    let id = world.trigger(&events, "web-01", "critical").await;
    world.work().await;
    world
        .api
        .patch(&format!("/api/incidents/{id}"), json!({ "status": "ACKNOWLEDGED" }))
        .await;
    let users = world.api.all("/api/users").await;
    let bob = users.iter().find(|user| user["name"] == "Bob").unwrap();
    let call = json!({ "targets": [{ "type": "USER", "id": bob["id"] }], "message": "You know the cache" });
    world.api.post(&format!("/api/incidents/{id}/responders"), call).await;
    world.work().await;
    assert_eq!(world.around.post.recipients(), ["ann@example.com", "bob@example.com"]);
    let asked = world.api.get(&format!("/api/incidents/{id}/responders")).await;
    assert_eq!(asked["data"][0]["pages"][0]["status"], "SENT", "{asked}");
    let story = world.timeline(&id).await;
    assert!(
        story.contains("Tests asked Bob for help: “You know the cache”"),
        "{story}"
    );
    world.finish().await;
}

async fn a_page_reads_its_parts_and_no_more(place: &Place) {
    let mut world = World::begin(place).await;
    let events = setting(&world, "EVENTS_API_V2").await;
    let near = world.trigger(&events, "db-01", "info").await;
    let id = world.trigger(&events, "web-01", "critical").await;
    world.trigger(&events, "web-01", "critical").await;
    world.work().await;
    let path = format!("/api/incidents/{id}");
    world.api.patch(&path, json!({ "tags": ["web", "eu"] })).await;
    world.api.patch(&path, json!({ "tags": ["web"] })).await;
    let tagged = async |tag: &str| world.api.all(&format!("/api/incidents?tag={tag}")).await.len();
    assert_eq!((tagged("web,eu").await, tagged("eu").await), (1, 0));
    let (now, id): (_, IncidentId) = (world.now(), id.parse().unwrap());
    let unit = async move |tx: &mut Tx<'_>| {
        let found = incidents::get(tx, id).await?.expect("it is there").incident;
        let last = timeline::entries_before(tx, id, Told::All, None, 2).await?;
        let earlier = timeline::entries_before(tx, id, Told::All, Some(last[0].id), 100).await?;
        let people = timeline::entries_before(tx, id, Told::ByPeople, None, 100).await?;
        let alert = timeline::alerts_before(tx, id, None, 1).await?;
        let older = timeline::alerts_before(tx, id, Some(alert[0].id), 10).await?;
        let span = (found.created_at, now);
        let pages = deliveries::pages_between(tx, id, span, 10).await?;
        let ahead = deliveries::pages_ahead(tx, id, now, 10).await?;
        let near = incidents::near(tx, &found, SignedDuration::from_hours(1), 5).await?;
        let (_, total) = timeline::entries(tx, id, None, 1, 0).await?;
        let parts = (last.len() + earlier.len(), usize::try_from(total).unwrap_or_default());
        let alerts = (alert.len(), older.len(), older[0].integration.is_some());
        let near: Vec<String> = near.iter().map(|other| other.incident.id.to_string()).collect();
        Ok::<_, DbError>((parts, people.len(), alerts, (pages.len(), ahead.len()), near))
    };
    let (parts, people, alerts, pages, seen) = world.store.db.read(unit).await.unwrap();
    assert_eq!(parts.0, parts.1, "both parts are the whole story");
    assert_eq!(people, 2, "what a program did with its key, twice");
    assert_eq!(alerts, (1, 1, true));
    assert_eq!(pages, (1, 0));
    assert_eq!(seen, [near]);
    world.finish().await;
}
