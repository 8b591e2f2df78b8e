//! Stories of incidents on a clock that the test turns: who is paged when, and what the timeline says of it.

use jiff::SignedDuration;
use opsknight_domain::{id::IncidentId, incident::Change};
use opsknight_store::{
    db::{DbError, Tx},
    effects::Batch,
    incidents,
};
use opsknight_web::state::Clock as _;
use serde_json::{Value, json};

use crate::{
    api::{Integration, Organisation, integration, organisation},
    both::Place,
    world::World,
};

both! {
    escalation_waits_and_repeats_and_ends,
    a_step_that_reaches_nobody_is_not_waited_for,
    an_acknowledgement_stops_the_pages,
    a_snooze_that_ends_begins_anew,
    a_missed_target_is_told,
    a_test_closes_itself_and_pages_nobody,
    a_worse_alert_raises_the_urgency_and_a_milder_one_does_not_lower_it,
    a_refused_mail_is_not_waited_for,
    a_mail_server_that_is_busy_is_asked_again,
    what_was_on_its_way_when_the_program_died_is_sent_again,
    the_auditor_wakes_what_was_forgotten,
    without_a_policy_the_timeline_says_that_nobody_could_be_paged,
    an_override_changes_who_is_paged,
    a_receiver_that_fails_is_tried_for_a_day_and_can_be_tried_again,
}

/// The timeline as it was when somebody last looked at it, the same on both databases.
macro_rules! tells {
    ($world:expr, $id:expr, $name:literal) => {
        let text = $world.timeline(&$id).await;
        insta::with_settings!({ prepend_module_to_snapshot => false }, { insta::assert_snapshot!($name, text) });
    };
}

async fn setting(world: &World, wait_minutes: u32) -> (Organisation, Integration) {
    let organisation = organisation(&world.api, wait_minutes).await;
    let events = integration(&world.api, &organisation.service, "EVENTS_API_V2", json!({})).await;
    (organisation, events)
}

async fn repeat(world: &World, organisation: &Organisation, repeat: u32) {
    let path = format!("/api/escalation-policies/{}", organisation.policy);
    world.api.patch(&path, json!({ "repeat": repeat })).await;
}

async fn act(world: &World, incident: &str, change: Value) -> Value {
    world.api.patch(&format!("/api/incidents/{incident}"), change).await
}

async fn escalation_waits_and_repeats_and_ends(place: &Place) {
    let mut world = World::begin(place).await;
    let (organisation, events) = setting(&world, 5).await;
    repeat(&world, &organisation, 1).await;
    let id = world.trigger(&events, "web-01", "critical").await;
    world.minutes(30).await;
    tells!(world, id, "escalation_waits_and_repeats_and_ends");
    assert_eq!(
        world.around.post.recipients(),
        [
            "ann@example.com",
            "bob@example.com",
            "ann@example.com",
            "bob@example.com",
        ]
    );
    assert_eq!(world.incident(&id).await["nextEscalationAt"], Value::Null);
    world.finish().await;
}

async fn a_step_that_reaches_nobody_is_not_waited_for(place: &Place) {
    let mut world = World::begin(place).await;
    let (organisation, events) = setting(&world, 30).await;
    let schedules = world.api.all("/api/schedules").await;
    let schedule = schedules[0]["id"].as_str().unwrap();
    world
        .api
        .patch(&format!("/api/schedules/{schedule}"), json!({ "layers": [] }))
        .await;
    assert!(!organisation.team.is_empty());
    let id = world.trigger(&events, "web-01", "critical").await;
    world.work().await;
    tells!(world, id, "a_step_that_reaches_nobody_is_not_waited_for");
    assert_eq!(world.around.post.recipients(), ["bob@example.com"]);
    world.finish().await;
}

async fn an_acknowledgement_stops_the_pages(place: &Place) {
    let mut world = World::begin(place).await;
    let (_, events) = setting(&world, 5).await;
    let bob = world.api.all("/api/users?q=bob").await[0]["id"]
        .as_str()
        .unwrap()
        .to_owned();
    // Bob wants ten minutes before he is called.
    let rules = json!({ "rules": [{ "urgency": "HIGH", "channel": "EMAIL", "delayMinutes": 10 }] });
    let path = format!("/api/users/{bob}/notification-rules");
    let (status, answer) = world.api.call(reqwest::Method::PUT, &path, Some(&rules)).await;
    assert_eq!(status, 200, "{answer}");
    let id = world.trigger(&events, "web-01", "critical").await;
    world.minutes(7).await;
    let waiting = world.notifications(&id).await;
    assert_eq!(waiting.last().unwrap()["status"], "PENDING", "{waiting:?}");
    act(&world, &id, json!({ "status": "ACKNOWLEDGED" })).await;
    world.minutes(60).await;
    tells!(world, id, "an_acknowledgement_stops_the_pages");
    assert_eq!(world.around.post.recipients(), ["ann@example.com"]);
    assert_eq!(world.notifications(&id).await.last().unwrap()["status"], "SKIPPED");
    world.finish().await;
}

async fn a_snooze_that_ends_begins_anew(place: &Place) {
    let mut world = World::begin(place).await;
    let (_, events) = setting(&world, 5).await;
    let id = world.trigger(&events, "web-01", "critical").await;
    world.minutes(6).await;
    act(&world, &id, json!({ "status": "SNOOZED", "snoozeMinutes": 20 })).await;
    world.minutes(10).await;
    // What comes in meanwhile is recorded and changes nothing else.
    assert_eq!(world.trigger(&events, "web-01", "critical").await, id);
    world.minutes(10).await;
    assert_eq!(world.incident(&id).await["status"], "OPEN");
    world.minutes(6).await;
    tells!(world, id, "a_snooze_that_ends_begins_anew");
    assert_eq!(
        world.around.post.recipients(),
        [
            "ann@example.com",
            "bob@example.com",
            "ann@example.com",
            "bob@example.com",
        ]
    );
    world.finish().await;
}

async fn a_missed_target_is_told(place: &Place) {
    let mut world = World::begin(place).await;
    let (organisation, events) = setting(&world, 60).await;
    let targets = json!({ "targetAckMinutes": 10, "targetResolveMinutes": 20, "notificationChannels": ["EMAIL"] });
    world
        .api
        .patch(&format!("/api/services/{}", organisation.service), targets)
        .await;
    let webhook = json!({ "name": "Sink", "type": "GENERIC", "url": world.around.sink.url });
    world.api.make("/api/webhooks", webhook).await;
    let id = world.trigger(&events, "web-01", "critical").await;
    world.minutes(12).await;
    act(&world, &id, json!({ "status": "ACKNOWLEDGED" })).await;
    world.minutes(12).await;
    tells!(world, id, "a_missed_target_is_told");
    assert_eq!(
        world.around.sink.events(),
        [
            "incident.triggered",
            "incident.sla_breached",
            "incident.acknowledged",
            "incident.sla_breached",
        ]
    );
    world.finish().await;
}

async fn a_test_closes_itself_and_pages_nobody(place: &Place) {
    let mut world = World::begin(place).await;
    let (organisation, _) = setting(&world, 5).await;
    let prometheus = integration(&world.api, &organisation.service, "PROMETHEUS", json!({})).await;
    let path = format!(
        "/api/services/{}/integrations/{}/test",
        organisation.service, prometheus.id
    );
    world.api.post(&path, json!({})).await;
    let opened = world.api.all("/api/incidents").await;
    assert_eq!(opened.len(), 1);
    assert_eq!(
        (&opened[0]["isTest"], &opened[0]["urgency"]),
        (&json!(true), &json!("LOW"))
    );
    world.minutes(60).await;
    let id = opened[0]["id"].as_str().unwrap();
    assert_eq!(world.incident(id).await["status"], "RESOLVED");
    assert!(world.around.post.recipients().is_empty());
    tells!(world, id, "a_test_closes_itself_and_pages_nobody");
    world.finish().await;
}

async fn a_worse_alert_raises_the_urgency_and_a_milder_one_does_not_lower_it(place: &Place) {
    let mut world = World::begin(place).await;
    let (_, events) = setting(&world, 60).await;
    let id = world.trigger(&events, "web-01", "warning").await;
    assert_eq!(world.incident(&id).await["urgency"], "MEDIUM");
    world.minutes(1).await;
    assert_eq!(world.trigger(&events, "web-01", "critical").await, id);
    world.minutes(1).await;
    world.trigger(&events, "web-01", "info").await;
    let incident = world.incident(&id).await;
    assert_eq!(
        (&incident["urgency"], &incident["alertCount"]),
        (&json!("HIGH"), &json!(3))
    );
    world
        .event(&events, json!({ "event_action": "resolve", "dedup_key": "web-01" }))
        .await;
    let next = world.trigger(&events, "web-01", "info").await;
    assert_ne!(next, id, "after it is resolved, a trigger opens a new one");
    tells!(world, id, "a_worse_alert_raises_the_urgency");
    world.finish().await;
}

async fn a_refused_mail_is_not_waited_for(place: &Place) {
    let mut world = World::begin(place).await;
    let (organisation, events) = setting(&world, 30).await;
    let ann = world.api.all("/api/users?q=ann").await[0]["id"]
        .as_str()
        .unwrap()
        .to_owned();
    world
        .api
        .patch(&format!("/api/users/{ann}"), json!({ "email": "nobody@example.com" }))
        .await;
    assert!(!organisation.policy.is_empty());
    let id = world.trigger(&events, "web-01", "critical").await;
    world.work().await;
    tells!(world, id, "a_refused_mail_is_not_waited_for");
    assert_eq!(world.around.post.recipients(), ["bob@example.com"]);
    world.finish().await;
}

async fn a_mail_server_that_is_busy_is_asked_again(place: &Place) {
    let mut world = World::begin(place).await;
    let (_, events) = setting(&world, 30).await;
    world.around.post.be_busy_for(2);
    let id = world.trigger(&events, "web-01", "critical").await;
    world.minutes(1).await;
    let pages = world.notifications(&id).await;
    assert_eq!((&pages[0]["status"], &pages[0]["tries"]), (&json!("SENT"), &json!(3)));
    assert_eq!(world.around.post.recipients(), ["ann@example.com"]);
    world.finish().await;
}

async fn what_was_on_its_way_when_the_program_died_is_sent_again(place: &Place) {
    let mut world = World::begin(place).await;
    let (_, events) = setting(&world, 30).await;
    let id = world.trigger(&events, "web-01", "critical").await;
    world.only_lease().await;
    assert_eq!(world.around.post.recipients(), ["ann@example.com"], "it was sent");
    assert_eq!(
        world.notifications(&id).await[0]["status"],
        "SENDING",
        "and that is not recorded"
    );
    let around = world.around.clone();
    drop(world);

    let mut world = World::on(place, around).await;
    world.pass(SignedDuration::from_secs(59));
    world.work().await;
    assert_eq!(
        world.around.post.taken().len(),
        1,
        "the lease of the one that died still holds"
    );
    world.minutes(1).await;
    tells!(world, id, "what_was_on_its_way_is_sent_again");
    let letters = world.around.post.taken();
    assert_eq!(letters.len(), 2, "better twice than never");
    assert_eq!(letters[0].id(), letters[1].id(), "its reader's mail program can tell");
    let pages = world.notifications(&id).await;
    assert_eq!((&pages[0]["status"], &pages[0]["tries"]), (&json!("SENT"), &json!(2)));
    world.finish().await;
}

async fn the_auditor_wakes_what_was_forgotten(place: &Place) {
    let mut world = World::begin(place).await;
    let (_, events) = setting(&world, 5).await;
    let id = world.trigger(&events, "web-01", "critical").await;
    world.work().await;
    forget(&world, &id).await;
    world.minutes(30).await;
    assert_eq!(
        world.around.post.recipients(),
        ["ann@example.com"],
        "nothing would ever wake it"
    );
    assert_eq!(world.audit().await, 1);
    world.work().await;
    tells!(world, id, "the_auditor_wakes_what_was_forgotten");
    assert_eq!(world.around.post.recipients(), ["ann@example.com", "bob@example.com"]);
    world.finish().await;
}

async fn without_a_policy_the_timeline_says_that_nobody_could_be_paged(place: &Place) {
    let mut world = World::begin(place).await;
    let service = world.api.make("/api/services", json!({ "name": "Orphan" })).await;
    let events = integration(&world.api, &service, "EVENTS_API_V2", json!({})).await;
    let webhook = json!({ "name": "Sink", "type": "GENERIC", "url": world.around.sink.url });
    world.api.make("/api/webhooks", webhook).await;
    let id = world.trigger(&events, "web-01", "critical").await;
    world.minutes(5).await;
    tells!(world, id, "without_a_policy");
    assert_eq!(
        world.around.sink.events(),
        ["incident.triggered"],
        "its webhooks are told"
    );
    world.finish().await;
}

async fn an_override_changes_who_is_paged(place: &Place) {
    let mut world = World::begin(place).await;
    let (_, events) = setting(&world, 30).await;
    let schedule = world.api.all("/api/schedules").await[0]["id"]
        .as_str()
        .unwrap()
        .to_owned();
    let carol = json!({ "email": "carol@example.com", "name": "Carol", "role": "RESPONDER" });
    let carol = world.api.make("/api/users", carol).await;
    let (start, end) = (world.now(), world.now() + SignedDuration::from_hours(1));
    let taken_over = json!({ "userId": carol, "start": start.to_string(), "end": end.to_string() });
    world
        .api
        .post(&format!("/api/schedules/{schedule}/overrides"), taken_over)
        .await;
    let during = world.trigger(&events, "web-01", "critical").await;
    world.work().await;
    act(&world, &during, json!({ "status": "ACKNOWLEDGED" })).await;
    world.minutes(60).await;
    world.trigger(&events, "web-02", "critical").await;
    world.work().await;
    assert_eq!(world.around.post.recipients(), ["carol@example.com", "ann@example.com"]);
    tells!(world, during, "an_override_changes_who_is_paged");
    world.finish().await;
}

async fn a_receiver_that_fails_is_tried_for_a_day_and_can_be_tried_again(place: &Place) {
    let mut world = World::begin(place).await;
    let service = world.api.make("/api/services", json!({ "name": "Orphan" })).await;
    let events = integration(&world.api, &service, "EVENTS_API_V2", json!({})).await;
    let webhook = json!({ "name": "Sink", "type": "GENERIC", "url": world.around.sink.url });
    let webhook = world.api.make("/api/webhooks", webhook).await;
    world.around.sink.answer_with(500);
    let id = world.trigger(&events, "web-01", "critical").await;
    for _ in 0..24 * 12 + 1 {
        world.pass(SignedDuration::from_mins(5));
        world.work().await;
    }
    let failed = world.notifications(&id).await;
    assert_eq!(failed[0]["status"], "FAILED", "{failed:?}");
    let arrived = world.around.sink.arrived();
    assert!(
        arrived.len() > 5 && arrived.iter().all(|one| one.id() == arrived[0].id()),
        "always the same id"
    );
    world.around.sink.answer_with(204);
    let path = format!(
        "/api/webhooks/{webhook}/deliveries/{}/retry",
        failed[0]["id"].as_str().unwrap()
    );
    world.api.post(&path, json!({})).await;
    world.work().await;
    assert_eq!(world.notifications(&id).await[0]["status"], "SENT");
    world.finish().await;
}

/// Takes away what would wake the incident, as a fault in the program might.
async fn forget(world: &World, id: &str) {
    let id: IncidentId = id.parse().unwrap();
    let (clock, now) = (world.around.clock.clone(), world.now());
    let unit = async move |tx: &mut Tx<'_>| {
        let mut incident = incidents::lock(tx, id).await?.expect("it is there");
        incident.progress.due = None;
        let mut batch = Batch::default();
        batch.take(Change::of(incident), &mut || clock.uuid_v7(), now);
        batch.write(tx, &mut || clock.uuid_v7(), now).await?;
        Ok::<_, DbError>(())
    };
    world.store.db.write(unit).await.unwrap();
}
