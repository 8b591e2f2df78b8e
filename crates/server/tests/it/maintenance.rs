//! Maintenance from outside: what comes in meanwhile is quiet, and what is not resolved by its end pages then.

use jiff::{SignedDuration, Timestamp};
use opsknight_domain::{
    id::{MaintenanceId, ServiceId},
    maintenance::Window,
};
use opsknight_store::{
    db::Tx,
    maintenance::{self, MaintenanceRow},
    refusal::ChangeError,
};
use reqwest::Method;
use serde_json::json;

use crate::{both::Place, people::Crew, world::World};

both! {
    nobody_hears_within_and_everybody_after,
    an_end_that_moves_moves_what_waits,
    what_was_decided_on_by_other_windows_is_put_right,
}

async fn begin(world: &World, crew: &Crew, minutes: i64) -> String {
    let end = world.now() + SignedDuration::from_mins(minutes);
    let body = json!({ "end": end.to_string(), "reason": "new disks" });
    let made = world.api.post(&windows(crew), body).await;
    format!("{}/{}", windows(crew), made["id"].as_str().unwrap())
}

fn windows(crew: &Crew) -> String {
    format!("/api/services/{}/maintenance", crew.organisation.service)
}

fn mails(world: &World) -> usize {
    world.around.post.recipients().len()
}

async fn resolve(world: &World, crew: &Crew, key: &str) {
    world
        .event(&crew.events, json!({ "event_action": "resolve", "dedup_key": key }))
        .await;
}

async fn nobody_hears_within_and_everybody_after(place: &Place) {
    let mut world = World::begin(place).await;
    let crew = Crew::gather(&world, 30).await;
    world.trigger(&crew.events, "before", "critical").await;
    world.minutes(1).await;
    let heard = mails(&world);
    assert!(heard > 0);
    resolve(&world, &crew, "before").await;
    world.minutes(1).await;
    let heard = mails(&world).max(heard);

    begin(&world, &crew, 20).await;
    let stays = world.trigger(&crew.events, "stays", "critical").await;
    let passes = world.trigger(&crew.events, "passes", "critical").await;
    world.minutes(5).await;
    resolve(&world, &crew, "passes").await;
    world.minutes(14).await;
    assert_eq!(mails(&world), heard, "{:?}", world.around.post.recipients());
    let waiting = world.incident(&stays).await;
    assert_eq!(
        (&waiting["status"], &waiting["inMaintenance"]),
        (&json!("SNOOZED"), &json!(true))
    );
    let by_hand = json!({ "title": "Nobody can pay", "serviceId": crew.organisation.service, "urgency": "HIGH" });
    let by_hand = world.api.post("/api/incidents", by_hand).await;
    assert_eq!(by_hand["status"], "OPEN");

    world.minutes(2).await;
    let open = world.incident(&stays).await;
    assert_eq!(
        (&open["status"], &open["inMaintenance"]),
        (&json!("OPEN"), &json!(false))
    );
    assert_eq!(world.incident(&passes).await["status"], "RESOLVED");
    assert!(world.notifications(&passes).await.is_empty());
    assert!(!world.notifications(&stays).await.is_empty());
    let story = world.timeline(&stays).await;
    assert!(story.contains("in maintenance (new disks): nobody is told"), "{story}");
    assert!(story.contains("the maintenance has ended"), "{story}");
    world.finish().await;
}

async fn an_end_that_moves_moves_what_waits(place: &Place) {
    let mut world = World::begin(place).await;
    let crew = Crew::gather(&world, 30).await;
    let window = begin(&world, &crew, 10).await;
    let id = world.trigger(&crew.events, "one", "critical").await;
    let later = (world.now() + SignedDuration::from_mins(60)).to_string();
    world.api.patch(&window, json!({ "end": later })).await;
    world.minutes(30).await;
    assert_eq!(world.incident(&id).await["snoozedUntil"], json!(later));
    assert_eq!(mails(&world), 0);
    let (status, _) = world.api.call(Method::DELETE, &window, None).await;
    assert_eq!(status, 204);
    world.minutes(1).await;
    assert_eq!(world.incident(&id).await["status"], "OPEN");
    assert!(mails(&world) > 0);
    world.finish().await;
}

/// A request that was being taken in while a window was made or ended may have been decided on by the windows of before.
async fn what_was_decided_on_by_other_windows_is_put_right(place: &Place) {
    let mut world = World::begin(place).await;
    let crew = Crew::gather(&world, 30).await;
    begin(&world, &crew, 60).await;
    let id = world.trigger(&crew.events, "one", "critical").await;
    let service: ServiceId = crew.organisation.service.parse().unwrap();
    shorten_unseen(&world, service).await;
    world.minutes(1).await;
    assert_eq!(world.incident(&id).await["status"], "SNOOZED");
    assert_eq!(world.audit().await, 1);
    world.work().await;
    assert_eq!(world.incident(&id).await["status"], "OPEN");
    world.finish().await;
}

/// Ends all windows of a service without looking at what waits.
async fn shorten_unseen(world: &World, service: ServiceId) {
    let now = world.now();
    let unit = async move |tx: &mut Tx<'_>| {
        let (rows, _) = maintenance::list(tx, service, 10, 0).await?;
        for row in rows {
            maintenance::delete(tx, service, row.window.id, now).await?;
            maintenance::insert(tx, &ended(row, now)).await?;
        }
        Ok::<_, ChangeError>(())
    };
    world.store.db.write(unit).await.unwrap();
}

fn ended(row: MaintenanceRow, now: Timestamp) -> MaintenanceRow {
    let window = Window {
        id: MaintenanceId::new(row.window.id.uuid()),
        end: now,
        ..row.window
    };
    MaintenanceRow { window, ..row }
}
