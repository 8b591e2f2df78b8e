//! A storm reaches a person as a few messages that say how many, and nothing of it is lost.

use std::collections::BTreeSet;

use jiff::SignedDuration;
use serde_json::json;

use crate::{
    api::{integration, organisation},
    both::Place,
    world::World,
};

both! {
    a_storm_is_a_handful_of_messages,
    what_is_graver_is_not_held_back,
}

/// How many incidents a storm has.
const INCIDENTS: usize = 1_000;

async fn a_storm_is_a_handful_of_messages(place: &Place) {
    let mut world = World::begin(place).await;
    let organisation = organisation(&world.api, 60).await;
    let more = json!({ "rateLimitPerMinute": 100_000 });
    let events = integration(&world.api, &organisation.service, "EVENTS_API_V2", more).await;
    for n in 0..INCIDENTS {
        world.trigger(&events, &format!("disk-{n}"), "critical").await;
        if n % 17 == 0 {
            world.advance(SignedDuration::from_secs(1)).await;
        }
        if n == 0 {
            assert_eq!(
                world.around.post.recipients(),
                ["ann@example.com"],
                "the first page goes at once"
            );
        }
    }
    let during = world.around.post.recipients().len();
    assert!(during <= 4, "{during} mails during a storm of a minute");
    world.minutes(5).await;
    let mails = world.around.post.taken();
    assert!(mails.len() <= 5, "{} mails in all", mails.len());
    let subjects: Vec<String> = mails
        .iter()
        .map(|mail| mail.header("Subject").unwrap_or_default())
        .collect();
    assert!(
        subjects.iter().any(|subject| subject.contains("incidents need you")),
        "{subjects:?}"
    );
    let messages = world.api.all("/api/notifications").await;
    let pages: Vec<_> = messages.iter().filter(|message| message["purpose"] == "PAGE").collect();
    assert_eq!(pages.len(), INCIDENTS);
    let ids: BTreeSet<String> = mails.iter().map(|mail| mail.id()).collect();
    for page in pages {
        assert_eq!(page["status"], "SENT", "{page}");
        let told_by = page["sentWith"].as_str().or(page["id"].as_str()).unwrap();
        assert!(ids.contains(told_by), "{page} was told of by none of {ids:?}");
    }
    world.finish().await;
}

async fn what_is_graver_is_not_held_back(place: &Place) {
    let mut world = World::begin(place).await;
    let organisation = organisation(&world.api, 60).await;
    let events = integration(&world.api, &organisation.service, "EVENTS_API_V2", json!({})).await;
    for n in 0..10 {
        world.trigger(&events, &format!("noise-{n}"), "info").await;
        world.work().await;
    }
    assert_eq!(
        world.around.post.recipients().len(),
        2,
        "the rest of the noise is gathered"
    );
    world.trigger(&events, "fire", "critical").await;
    world.work().await;
    let mails = world.around.post.taken();
    assert_eq!(mails.len(), 3);
    assert!(
        mails[2].header("Subject").unwrap_or_default().contains("fire is wrong"),
        "{}",
        mails[2].header("Subject").unwrap_or_default()
    );
    world.minutes(5).await;
    assert_eq!(world.around.post.recipients().len(), 4, "and then goes as one");
    world.finish().await;
}
