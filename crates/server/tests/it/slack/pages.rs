//! Pages to people in Slack: once somebody has answered, their messages show it too, quietly.

use jiff::SignedDuration;
use serde_json::{Value, json};

use super::desk::{ACKNOWLEDGE, RESOLVE, SNOOZE, VIEW, app, button, buttons, edits, posts, press, telling};
use crate::{
    api::{Integration, integration, organisation},
    both::Place,
    vendors::Instead,
    world::World,
};

both! {
    a_page_shows_where_its_incident_stands,
    a_page_that_was_on_its_way_shows_it_too,
    what_its_sender_ends_shows_it_too,
    a_page_of_many_stays_as_it_is,
    what_slack_does_not_change_is_nobodys_failure,
    what_is_late_shows_where_the_incident_stands_then,
}

/// A world whose service tells no room.
async fn quiet(place: &Place) -> (World, Integration) {
    let world = World::begin_with(place, app).await;
    let organisation = organisation(&world.api, 5).await;
    let events = integration(&world.api, &organisation.service, "EVENTS_API_V2", json!({})).await;
    (world, events)
}

async fn set(world: &mut World, id: &str, status: &str) {
    let path = format!("/api/incidents/{id}");
    world.api.patch(&path, json!({ "status": status })).await;
    world.work().await;
}

/// Each message about an incident: to whom, for what, and how it ended.
async fn ledger(world: &World, id: &str) -> Vec<String> {
    let mut lines: Vec<String> = world
        .notifications(id)
        .await
        .iter()
        .map(|message| {
            let text = |name: &str| message[name].as_str().unwrap_or_default().to_owned();
            format!("{} {} {}", text("channel"), text("purpose"), text("status"))
        })
        .collect();
    lines.sort_unstable();
    lines
}

async fn a_page_shows_where_its_incident_stands(place: &Place) {
    let mut world = World::begin_with(place, app).await;
    let (_, events) = telling(&world, "C0OPS").await;
    let id = world.trigger(&events, "web-01", "critical").await;
    world.work().await;
    // Nobody answers, so Bob is paged too.
    world.minutes(6).await;
    for who in ["U0ANN", "U0BOB"] {
        let paged = posts(&world, who);
        assert_eq!(paged.len(), 1, "{who}: {paged:?}");
        assert_eq!(buttons(&paged[0]), [ACKNOWLEDGE, RESOLVE, SNOOZE, VIEW]);
    }
    let before = ledger(&world, &id).await;
    assert_eq!(press(&world, "U0BOB", &button(ACKNOWLEDGE, &id)).await, None);
    world.work().await;
    let posted = posts(&world, "D0ANN").len() + posts(&world, "D0BOB").len();
    assert_eq!(posted, 0, "nothing is written below a page");
    for of in ["D0ANN", "D0BOB"] {
        let edited = edits(&world, of);
        assert_eq!(edited.len(), 1, "{of}: {edited:?}");
        assert_eq!(buttons(&edited[0]), [RESOLVE, SNOOZE, VIEW]);
        let fields = edited[0]["blocks"][1]["fields"].to_string();
        assert!(
            fields.contains("*Status*\\nAcknowledged") && fields.contains("<@U0BOB>"),
            "{fields}"
        );
        assert!(
            edited[0].to_string().contains("The incident was acknowledged."),
            "{edited:?}"
        );
    }
    set(&mut world, &id, "RESOLVED").await;
    for of in ["D0ANN", "D0BOB"] {
        let edited = edits(&world, of);
        assert_eq!(edited.len(), 2, "{of}: {edited:?}");
        assert_eq!(buttons(&edited[1]), [VIEW]);
        assert_eq!(edited[1]["ts"], edited[0]["ts"]);
    }
    // It is no message: neither a page nor anything else that people count.
    let now = ledger(&world, &id).await;
    let pages = |lines: &[String]| {
        lines
            .iter()
            .filter(|line| line.contains("PAGE"))
            .cloned()
            .collect::<Vec<_>>()
    };
    assert_eq!(pages(&now), pages(&before));
    assert!(now.iter().all(|line| !line.contains("EDIT")), "{now:?}");
    let timeline = world.timeline(&id).await;
    assert_eq!(timeline.matches("Slack to Ann was taken").count(), 1, "{timeline}");
    // And a new round of paging is new messages.
    set(&mut world, &id, "OPEN").await;
    assert_eq!(posts(&world, "U0ANN").len(), 2);
    world.finish().await;
}

async fn a_page_that_was_on_its_way_shows_it_too(place: &Place) {
    let (mut world, events) = quiet(place).await;
    let gate = world.around.vendors.shut("/chat.postMessage");
    let id = world.trigger(&events, "web-01", "critical").await;
    let path = format!("/api/incidents/{id}");
    let (api, vendors) = (world.api.clone(), world.around.clone());
    let meanwhile = async {
        let calls = || vendors.vendors.calls("/chat.postMessage").pop();
        crate::process::wait_until("the page is on its way", crate::process::SOON, async || calls()).await;
        api.patch(&path, json!({ "status": "ACKNOWLEDGED" })).await;
        gate.open();
    };
    tokio::join!(world.work(), meanwhile);
    let edited = edits(&world, "D0ANN");
    assert_eq!(edited.len(), 1, "{edited:?}");
    assert_eq!(buttons(&edited[0]), [RESOLVE, SNOOZE, VIEW]);
    world.finish().await;
}

async fn what_its_sender_ends_shows_it_too(place: &Place) {
    let (mut world, events) = quiet(place).await;
    world.trigger(&events, "web-01", "critical").await;
    world.work().await;
    let over = json!({ "event_action": "resolve", "dedup_key": "web-01" });
    world.event(&events, over).await;
    world.work().await;
    let edited = edits(&world, "D0ANN");
    assert_eq!(edited.len(), 1, "{edited:?}");
    assert_eq!(buttons(&edited[0]), [VIEW]);
    world.finish().await;
}

async fn a_page_of_many_stays_as_it_is(place: &Place) {
    let (mut world, events) = quiet(place).await;
    let mut ids = Vec::new();
    for n in 0..6 {
        ids.push(world.trigger(&events, &format!("disk-{n}"), "critical").await);
    }
    world.work().await;
    world.minutes(2).await;
    let paged = posts(&world, "U0ANN");
    let many = |post: &Value| post["text"].as_str().unwrap().contains("incidents need you");
    assert!(paged.iter().any(many), "{paged:?}");
    let alone = paged.iter().filter(|post| !many(post)).count();
    for id in &ids {
        set(&mut world, id, "RESOLVED").await;
    }
    let edited = edits(&world, "D0ANN");
    assert_eq!(
        edited.len(),
        alone,
        "only messages about one incident follow it: {edited:?}"
    );
    assert!(edited.iter().all(|edit| buttons(edit) == [VIEW]), "{edited:?}");
    world.finish().await;
}

async fn what_slack_does_not_change_is_nobodys_failure(place: &Place) {
    let (mut world, events) = quiet(place).await;
    let id = world.trigger(&events, "web-01", "critical").await;
    world.work().await;
    let before = world.timeline(&id).await;
    let refused = |error: &str| Instead::of(200, json!({ "ok": false, "error": error }).to_string());
    let vendors = &world.around.clone().vendors;
    vendors.answer_instead("/chat.update", refused("message_not_found"));
    set(&mut world, &id, "ACKNOWLEDGED").await;
    assert_eq!(edits(&world, "D0ANN").len(), 1, "it is not tried again");
    assert_eq!(
        posts(&world, "D0ANN").len() + posts(&world, "U0ANN").len(),
        1,
        "nor sent anew"
    );
    vendors.answer_instead("/chat.update", refused("invalid_auth"));
    set(&mut world, &id, "RESOLVED").await;
    world.minutes(5 * 60).await;
    let failed = world.api.all("/api/notifications?status=FAILED").await;
    assert!(failed.is_empty(), "{failed:?}");
    let after = world.timeline(&id).await;
    assert!(!after[before.len()..].contains("Slack"), "{after}");
    world.finish().await;
}

async fn what_is_late_shows_where_the_incident_stands_then(place: &Place) {
    let (mut world, events) = quiet(place).await;
    let id = world.trigger(&events, "web-01", "critical").await;
    world.work().await;
    let vendors = &world.around.clone().vendors;
    vendors.answer_instead("/chat.update", Instead::of(500, "an error of Slack's"));
    set(&mut world, &id, "ACKNOWLEDGED").await;
    vendors.answer_well("/chat.update");
    set(&mut world, &id, "RESOLVED").await;
    world.advance(SignedDuration::from_secs(30)).await;
    let edited = edits(&world, "D0ANN");
    assert_eq!(edited.len(), 3, "{edited:?}");
    assert!(edited[1..].iter().all(|edit| buttons(edit) == [VIEW]), "{edited:?}");
    world.finish().await;
}
