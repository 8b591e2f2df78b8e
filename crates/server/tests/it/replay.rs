//! What a body would lead to, and running received requests again, the whole way: from the call of a sender to the
//! incident, the log and the audit log.

use reqwest::Method;
use serde_json::{Value, json};

use crate::{
    api::{Integration, Organisation, integration, organisation},
    both::Place,
    world::World,
};

both! {
    a_preview_tells_what_would_come_and_stores_nothing,
    a_body_is_tried_out_with_a_mapping_that_is_not_saved,
    a_request_that_was_not_understood_is_run_again_with_another_mapping,
    what_stands_in_the_way_of_a_sender_does_not_stand_in_the_way_of_a_replay,
    a_replay_needs_its_integration,
    a_test_that_is_run_again_is_a_test,
    calls_of_the_events_api_can_be_run_again,
}

/// A story with an organisation in it.
struct Stage {
    world: World,
    organisation: Organisation,
}

impl Stage {
    async fn begin(place: &Place) -> Self {
        let world = World::begin(place).await;
        let organisation = organisation(&world.api, 5).await;
        Self { world, organisation }
    }

    async fn integration(&self, kind: &str, more: Value) -> Integration {
        integration(&self.world.api, &self.organisation.service, kind, more).await
    }

    fn path(&self, integration: &Integration, rest: &str) -> String {
        format!(
            "/api/services/{}/integrations/{}{rest}",
            self.organisation.service, integration.id
        )
    }

    async fn preview(&self, integration: &Integration, body: Value) -> Value {
        self.world.api.post(&self.path(integration, "/preview"), body).await
    }

    /// Sends a webhook as its product does.
    async fn send(
        &self,
        integration: &Integration,
        slug: &str,
        headers: &[(&str, &str)],
        body: &Value,
    ) -> (u16, Value) {
        let api = &self.world.api;
        let url = format!(
            "{}/api/integrations/{slug}?integrationId={}&from=test",
            api.base, integration.id
        );
        let mut request = api.http.post(url).json(body);
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let response = request.send().await.unwrap();
        (response.status().as_u16(), response.json().await.unwrap())
    }

    /// The requests that came in, the last first.
    async fn log(&self) -> Vec<Value> {
        self.world.api.all("/api/events/log").await
    }

    async fn replay(&self, event: &Value, preview: bool) -> (u16, Value) {
        let path = format!("/api/events/log/{}/replay", event["id"].as_str().unwrap());
        let body = json!({ "preview": preview });
        let (status, answer) = self.world.api.call(Method::POST, &path, Some(&body)).await;
        (status.as_u16(), answer)
    }

    /// How many things there are that a preview must not make.
    async fn stored(&self) -> (usize, usize, usize) {
        let api = &self.world.api;
        let (events, incidents) = (self.log().await, api.all("/api/incidents").await);
        (events.len(), incidents.len(), api.all("/api/audit-log").await.len())
    }
}

fn texts(preview: &Value) -> Vec<&str> {
    let events = preview["events"].as_array().unwrap().iter();
    events.map(|event| event["outcome"]["text"].as_str().unwrap()).collect()
}

async fn a_preview_tells_what_would_come_and_stores_nothing(place: &Place) {
    let stage = Stage::begin(place).await;
    let hook = stage
        .integration("WEBHOOK", json!({ "signatureSecret": "hush hush" }))
        .await;
    let events = stage.integration("EVENTS_API_V2", json!({})).await;
    let open = stage.world.trigger(&events, "disk", "warning").await;
    let acknowledged = stage.world.trigger(&events, "cpu", "warning").await;
    stage
        .world
        .api
        .patch(
            &format!("/api/incidents/{acknowledged}"),
            json!({ "status": "ACKNOWLEDGED" }),
        )
        .await;
    let before = stage.stored().await;
    let body = json!([
        { "id": "disk", "title": "Disk full", "url": "https://x.example/1", "timestamp": "2026-06-01T11:59:00Z" },
        { "id": "disk", "title": "Disk fine", "status": "ok" },
        { "id": "disk", "title": "Disk full again", "severity": "P1" },
        { "id": "disk", "title": "Disk fuller" },
        { "id": "cpu", "status": "acked" },
        { "id": "net", "status": "ok" },
    ]);
    let seen = stage.preview(&hook, json!({ "body": body })).await;
    assert_eq!(
        texts(&seen),
        [
            "would join #1",
            "would resolve #1",
            "would open an incident",
            "would join the incident of alert 3",
            "would be ignored: the incident is acknowledged already",
            "would be ignored: no open incident has this deduplication key to resolve",
        ]
    );
    let first = &seen["events"][0];
    assert_eq!(first["outcome"]["incident"]["id"], open);
    assert_eq!(first["origins"], json!({ "summary": "title", "dedupKey": "id" }));
    assert_eq!(
        (
            &first["links"][0]["href"],
            &first["occurredAt"],
            &first["customDetails"]["id"]
        ),
        (
            &json!("https://x.example/1"),
            &json!("2026-06-01T11:59:00Z"),
            &json!("disk")
        )
    );
    assert_eq!(seen["events"][2]["severity"], "critical");
    assert_eq!(seen["events"][3]["outcome"]["openedBy"], 2);
    assert_eq!(seen["events"][4]["outcome"]["incident"]["status"], "ACKNOWLEDGED");
    assert_eq!(stage.stored().await, before);
    stage.world.finish().await;
}

async fn a_body_is_tried_out_with_a_mapping_that_is_not_saved(place: &Place) {
    let stage = Stage::begin(place).await;
    let hook = stage.integration("WEBHOOK", json!({})).await;
    let events = stage.integration("EVENTS_API_V2", json!({})).await;
    stage.world.trigger(&events, "disk", "warning").await;
    let before = stage.stored().await;
    let mapping = json!({ "summaryField": "what.is", "actionField": "up", "resolveValues": ["true"] });
    let body = json!({ "id": "disk", "what": { "is": "Up" }, "up": true });
    let seen = stage
        .preview(
            &hook,
            json!({ "body": body.to_string(), "contentType": "text/plain", "fieldMapping": mapping }),
        )
        .await;
    assert_eq!(texts(&seen), ["would resolve #1"]);
    assert_eq!(
        seen["events"][0]["origins"],
        json!({ "summary": "what.is", "dedupKey": "id", "action": "up" })
    );
    let odd = stage.preview(&hook, json!({ "body": { "colour": "red" } })).await;
    assert_eq!(odd["error"]["field"], "summary");
    let form = json!({ "body": "title=Disk+full&id=x", "contentType": "application/x-www-form-urlencoded" });
    assert_eq!(texts(&stage.preview(&hook, form).await), ["would open an incident"]);
    assert_eq!(stage.stored().await, before);
    stage.world.finish().await;
}

async fn a_request_that_was_not_understood_is_run_again_with_another_mapping(place: &Place) {
    let stage = Stage::begin(place).await;
    let hook = stage.integration("WEBHOOK", json!({})).await;
    let body = json!({ "what": { "is": "Disk full" }, "level": "high" });
    let (status, _) = stage.send(&hook, "webhook", &[("x-api-key", "secret")], &body).await;
    assert_eq!(status, 400);
    let event = stage.log().await.remove(0);
    assert_eq!(event["results"][0]["action"], "rejected");
    let (status, ran) = stage.replay(&event, false).await;
    assert_eq!(
        (status, &ran["status"]),
        (200, &json!(400)),
        "it is not understood yet: {ran}"
    );
    let mapping = json!({ "summaryField": "what.is" });
    let seen = stage
        .preview(&hook, json!({ "eventId": event["id"], "fieldMapping": mapping }))
        .await;
    assert_eq!(texts(&seen), ["would open an incident"]);
    let (_, seen) = stage.replay(&event, true).await;
    assert_eq!(seen["error"]["field"], "summary", "nothing was saved: {seen}");
    stage
        .world
        .api
        .patch(&stage.path(&hook, ""), json!({ "fieldMapping": mapping }))
        .await;
    let (_, seen) = stage.replay(&event, true).await;
    assert_eq!(seen["events"][0]["summary"], "Disk full");
    let (status, ran) = stage.replay(&event, false).await;
    assert_eq!((status, &ran["status"]), (200, &json!(202)), "{ran}");
    let result = &ran["body"]["results"][0];
    assert_eq!(result["action"], "triggered", "{ran}");
    let log = stage.log().await;
    assert_eq!(
        (log.len(), &log[0]["id"], &log[0]["replayOf"]),
        (3, &ran["eventId"], &event["id"])
    );
    assert_eq!(log[1]["results"][0]["action"], "rejected");
    let [newer, older] = [&log[0], &event].map(|event| format!("/api/events/log/{}", event["id"].as_str().unwrap()));
    let (newer, older) = (stage.world.api.get(&newer).await, stage.world.api.get(&older).await);
    for part in [
        "body",
        "headers",
        "query",
        "method",
        "path",
        "type",
        "integrationId",
        "serviceId",
    ] {
        assert_eq!(newer[part], older[part], "{part}");
    }
    assert_eq!(newer["query"], "from=test");
    assert_eq!(newer["results"][0]["summary"], "Disk full");
    assert_eq!(newer["results"][0]["severity"], "critical");
    assert_eq!(newer["results"][0]["incidentId"], result["incident"]["id"]);
    let lines = stage.world.api.all("/api/audit-log?action=event.replayed").await;
    assert_eq!(lines.len(), 2, "each run is told, and no preview: {lines:?}");
    assert_eq!(lines[0]["object"]["id"], event["id"]);
    assert_eq!(lines[0]["object"]["name"], "Our WEBHOOK");
    assert_eq!(lines[0]["changes"]["replay"]["to"], ran["eventId"]);
    let timeline = stage.world.timeline(result["incident"]["id"].as_str().unwrap()).await;
    assert!(timeline.contains("Our WEBHOOK (run again by Tests)"), "{timeline}");
    stage.world.finish().await;
}

async fn what_stands_in_the_way_of_a_sender_does_not_stand_in_the_way_of_a_replay(place: &Place) {
    let stage = Stage::begin(place).await;
    let hook = stage.integration("WEBHOOK", json!({ "rateLimitPerMinute": 2 })).await;
    let delivery = [("webhook-id", "msg_1")];
    let body = json!({ "id": "disk", "title": "Disk full" });
    let action = |answer: &Value| answer["results"][0]["action"].as_str().unwrap().to_owned();
    let (_, first) = stage.send(&hook, "webhook", &delivery, &body).await;
    assert_eq!(action(&first), "triggered");
    let event = stage.log().await.remove(0);
    stage
        .world
        .api
        .patch(
            &stage.path(&hook, ""),
            json!({ "signatureSecret": "hush hush", "requireKey": true }),
        )
        .await;
    let (_, seen) = stage.replay(&event, true).await;
    assert_eq!(texts(&seen), ["would join #1"]);
    let (status, _) = stage.send(&hook, "webhook", &delivery, &body).await;
    assert_eq!(status, 401);
    for _ in 0..4 {
        let (status, ran) = stage.replay(&event, false).await;
        assert_eq!((status, action(&ran["body"]).as_str()), (200, "deduplicated"), "{ran}");
    }
    let open = json!({ "signatureSecret": null, "requireKey": false });
    stage.world.api.patch(&stage.path(&hook, ""), open).await;
    let (_, again) = stage.send(&hook, "webhook", &delivery, &body).await;
    assert_eq!(again["results"][0]["reason"], "this delivery was received before");
    let (status, _) = stage.send(&hook, "webhook", &delivery, &body).await;
    assert_eq!(status, 429, "the sender's own allowance is what it was");
    stage.world.finish().await;
}

async fn a_replay_needs_its_integration(place: &Place) {
    let stage = Stage::begin(place).await;
    let hook = stage.integration("WEBHOOK", json!({})).await;
    stage
        .send(&hook, "webhook", &[], &json!({ "id": "disk", "title": "Disk full" }))
        .await;
    let event = stage.log().await.remove(0);
    let path = stage.path(&hook, "");
    stage.world.api.patch(&path, json!({ "enabled": false })).await;
    let before = stage.stored().await;
    let (status, seen) = stage.replay(&event, true).await;
    assert_eq!((status, texts(&seen)), (200, vec!["would join #1"]), "looking is free");
    let (status, answer) = stage.replay(&event, false).await;
    assert_eq!((status, &answer["error"]["code"]), (403, &json!("FORBIDDEN")));
    assert_eq!(stage.stored().await, before);
    stage.world.api.call(Method::DELETE, &path, None).await;
    for preview in [true, false] {
        let (status, answer) = stage.replay(&event, preview).await;
        assert_eq!(
            (status, &answer["error"]["code"]),
            (409, &json!("CONFLICT")),
            "{answer}"
        );
    }
    stage.world.finish().await;
}

async fn a_test_that_is_run_again_is_a_test(place: &Place) {
    let mut stage = Stage::begin(place).await;
    let hook = stage.integration("WEBHOOK", json!({})).await;
    stage.world.api.post(&stage.path(&hook, "/test"), json!({})).await;
    let event = stage.log().await.remove(0);
    assert_eq!(event["isTest"], true);
    stage.world.minutes(30).await;
    let (_, seen) = stage.replay(&event, true).await;
    assert_eq!(seen["events"][0]["isTest"], true);
    let (_, ran) = stage.replay(&event, false).await;
    let id = ran["body"]["results"][0]["incident"]["id"].as_str().unwrap().to_owned();
    assert_eq!(stage.world.incident(&id).await["isTest"], true);
    assert_eq!(stage.log().await[0]["isTest"], true);
    stage.world.minutes(30).await;
    assert_eq!(stage.world.around.post.recipients(), Vec::<String>::new());
    stage.world.finish().await;
}

async fn calls_of_the_events_api_can_be_run_again(place: &Place) {
    let stage = Stage::begin(place).await;
    // Any integration's key is good for the Events API.
    let prometheus = stage.integration("PROMETHEUS", json!({})).await;
    let api = &stage.world.api;
    let payload = json!({ "summary": "Disk full", "source": "web-01", "severity": "error" });
    let body = json!({ "event_action": "trigger", "dedup_key": "disk", "payload": payload });
    let mut with_key = body.clone();
    with_key["routing_key"] = prometheus.key.as_str().into();
    let mut with_service = body.clone();
    with_service["service_id"] = stage.organisation.service.as_str().into();
    for (path, body) in [
        ("/v2/enqueue", with_key.clone()),
        ("/api/events", with_key),
        ("/api/events", with_service),
    ] {
        let request = api.http.post(format!("{}{path}", api.base)).json(&body);
        let request = if body["service_id"].is_string() {
            request.bearer_auth(&api.key)
        } else {
            request
        };
        assert_eq!(request.send().await.unwrap().status(), 202, "{path}");
        let event = stage.log().await.remove(0);
        let id = format!("/api/events/log/{}", event["id"].as_str().unwrap());
        assert_eq!(api.get(&id).await["path"], path);
        let (_, seen) = stage.replay(&event, true).await;
        assert_eq!(texts(&seen), ["would join #1"], "{path}: {seen}");
        assert!(!seen.to_string().contains(&prometheus.key), "the key is not kept");
        let (_, ran) = stage.replay(&event, false).await;
        assert_eq!(
            (&ran["body"]["dedup_key"], &ran["body"]["result"]["action"]),
            (&json!("disk"), &json!("deduplicated")),
            "{path}: {ran}"
        );
        assert_eq!(stage.log().await[0]["replayOf"], event["id"]);
    }
    let log = stage.log().await;
    assert_eq!(
        log[0]["integration"],
        Value::Null,
        "that came by an API key: {}",
        log[0]
    );
    assert_eq!(log[0]["service"]["id"], stage.organisation.service);
    stage.world.finish().await;
}
