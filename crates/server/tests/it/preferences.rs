//! What people and services want: rules with waits, channels of a step, who is not paged at all, and who is told what.

use serde_json::{Value, json};

use crate::{
    both::Place,
    people::{ANN, BOB, Crew, SignedIn, reach, rules},
    signers::twilio,
    world::World,
};
use reqwest::Method;

both! {
    a_second_channel_only_where_nobody_acknowledged,
    the_channels_of_a_step_come_before_rules,
    rules_are_for_their_urgency,
    nobody_who_is_disabled_is_called_or_told,
    a_service_tells_what_it_wants_to_tell,
    news_is_for_those_who_want_it,
}

fn texts(world: &World) -> Vec<String> {
    let calls = world.around.vendors.calls("/Messages.json");
    calls.iter().map(|call| call.field("To")).collect()
}

async fn set(world: &World, id: &str, status: &str) {
    let path = format!("/api/incidents/{id}");
    world.api.patch(&path, json!({ "status": status })).await;
}

async fn a_second_channel_only_where_nobody_acknowledged(place: &Place) {
    let mut world = World::begin_with(place, twilio).await;
    let crew = Crew::gather(&world, 30).await;
    reach(&world, &crew.ann, "SMS", ANN).await;
    rules(&world, &crew.ann, &[("HIGH", "EMAIL", 0), ("HIGH", "SMS", 5)]).await;
    let id = world.trigger(&crew.events, "one", "critical").await;
    world.minutes(4).await;
    assert_eq!((world.around.post.recipients().len(), texts(&world).len()), (1, 0));
    set(&world, &id, "ACKNOWLEDGED").await;
    world.minutes(10).await;
    assert!(texts(&world).is_empty());
    let second = world.notifications(&id).await.pop().unwrap();
    assert_eq!(
        (&second["channel"], &second["status"]),
        (&json!("SMS"), &json!("SKIPPED"))
    );
    assert!(
        second["outcome"].as_str().is_some_and(|why| !why.is_empty()),
        "{second}"
    );
    let timeline = world.timeline(&id).await;
    assert!(timeline.contains("email, then SMS in 5 min"), "{timeline}");
    world.minutes(20).await;
    world.trigger(&crew.events, "two", "critical").await;
    world.minutes(4).await;
    assert!(texts(&world).is_empty());
    world.minutes(2).await;
    assert_eq!(texts(&world), [ANN]);
    world.finish().await;
}

async fn the_channels_of_a_step_come_before_rules(place: &Place) {
    let mut world = World::begin_with(place, twilio).await;
    let crew = Crew::gather(&world, 30).await;
    reach(&world, &crew.ann, "SMS", ANN).await;
    rules(&world, &crew.ann, &[("HIGH", "EMAIL", 0)]).await;
    let target = json!([{ "type": "USER", "id": crew.ann }]);
    let steps = json!([
        { "targets": target, "delayMinutes": 5, "channels": ["SMS"] },
        { "targets": target, "delayMinutes": 5, "channels": ["WHATSAPP"] },
        { "targets": target, "delayMinutes": 5 },
    ]);
    let policy = format!("/api/escalation-policies/{}", crew.organisation.policy);
    world.api.patch(&policy, json!({ "steps": steps })).await;
    let id = world.trigger(&crew.events, "one", "critical").await;
    world.minutes(4).await;
    assert_eq!((world.around.post.recipients().len(), texts(&world).len()), (0, 1));
    // A channel that does not reach her is no reason not to reach her.
    world.minutes(2).await;
    assert_eq!((world.around.post.recipients().len(), texts(&world).len()), (1, 1));
    let timeline = world.timeline(&id).await;
    assert!(timeline.contains("no provider for WhatsApp is set up"), "{timeline}");
    world.minutes(5).await;
    assert_eq!((world.around.post.recipients().len(), texts(&world).len()), (2, 1));
    world.finish().await;
}

async fn rules_are_for_their_urgency(place: &Place) {
    let mut world = World::begin_with(place, twilio).await;
    let crew = Crew::gather(&world, 60).await;
    reach(&world, &crew.ann, "SMS", ANN).await;
    rules(&world, &crew.ann, &[("LOW", "SMS", 0)]).await;
    // She has rules for nothing but this.
    world.trigger(&crew.events, "low", "info").await;
    world.work().await;
    assert_eq!((world.around.post.recipients().len(), texts(&world).len()), (0, 1));
    // For the rest the default order holds: a text when it is urgent, and mail in any case.
    world.trigger(&crew.events, "high", "critical").await;
    world.work().await;
    assert_eq!((world.around.post.recipients().len(), texts(&world).len()), (1, 2));
    world.trigger(&crew.events, "medium", "warning").await;
    world.minutes(5).await;
    assert_eq!((world.around.post.recipients().len(), texts(&world).len()), (2, 2));
    world.finish().await;
}

async fn nobody_who_is_disabled_is_called_or_told(place: &Place) {
    let mut world = World::begin_with(place, twilio).await;
    let crew = Crew::gather(&world, 30).await;
    reach(&world, &crew.ann, "SMS", ANN).await;
    let wishes = json!({ "notificationChannels": ["EMAIL", "SMS"], "notifyOnTriggered": true });
    let service = format!("/api/services/{}", crew.organisation.service);
    world.api.patch(&service, wishes).await;
    let ann = format!("/api/users/{}", crew.ann);
    world.api.patch(&ann, json!({ "status": "DISABLED" })).await;
    let began = world.now();
    let id = world.trigger(&crew.events, "one", "critical").await;
    world.work().await;
    let timeline = world.timeline(&id).await;
    assert!(timeline.contains("the account is disabled"), "{timeline}");
    assert_eq!(world.now(), began);
    // Bob was called at once, and told as a member of the team.
    let all = world.notifications(&id).await;
    assert!(
        !all.is_empty() && all.iter().all(|message| message["user"]["name"] == "Bob"),
        "{all:?}"
    );
    assert!(texts(&world).is_empty());
    world.finish().await;
}

/// The events of the news about an incident, each with who was told.
async fn news(world: &World, id: &str) -> Vec<(String, String, String)> {
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let all = world.notifications(id).await;
    let notices = all.iter().filter(|message| message["purpose"] == "NOTICE");
    let mut news: Vec<_> = notices
        .map(|one| {
            let event = text(&one["event"]).replace("incident.", "");
            (event, text(&one["user"]["name"]), text(&one["channel"]))
        })
        .collect();
    news.sort();
    news
}

async fn a_service_tells_what_it_wants_to_tell(place: &Place) {
    let mut world = World::begin_with(place, twilio).await;
    let crew = Crew::gather(&world, 240).await;
    reach(&world, &crew.ann, "SMS", ANN).await;
    let service = format!("/api/services/{}", crew.organisation.service);
    let none = json!({ "notifyOnTriggered": false, "notifyOnAcknowledged": false, "notifyOnResolved": false,
        "notifyOnSlaBreach": false, "targetAckMinutes": 10, "targetResolveMinutes": null });
    let mut wishes = none.clone();
    wishes["notificationChannels"] = json!(["EMAIL", "SMS"]);
    world.api.patch(&service, wishes).await;
    for (flag, event) in [
        ("", ""),
        ("notifyOnTriggered", "triggered"),
        ("notifyOnAcknowledged", "acknowledged"),
        ("notifyOnResolved", "resolved"),
        ("notifyOnSlaBreach", "sla_breached"),
    ] {
        let mut wishes = none.clone();
        if !flag.is_empty() {
            wishes[flag] = true.into();
        }
        world.api.patch(&service, wishes).await;
        let id = world.trigger(&crew.events, &format!("with {flag}"), "critical").await;
        world.minutes(12).await;
        set(&world, &id, "ACKNOWLEDGED").await;
        set(&world, &id, "RESOLVED").await;
        world.minutes(1).await;
        let told = news(&world, &id).await;
        let expected: Vec<(String, String, String)> = [("Ann", "EMAIL"), ("Ann", "SMS"), ("Bob", "EMAIL")]
            .iter()
            // Whom the incident calls need not be told that it is there.
            .filter(|(who, _)| !event.is_empty() && (event != "triggered" || *who == "Bob"))
            .map(|(who, how)| (event.to_owned(), (*who).to_owned(), (*how).to_owned()))
            .collect();
        assert_eq!(told, expected, "{flag}");
        world.minutes(20).await;
    }
    // Who is no member, or does not want to be told by the team, is not.
    let team = format!("/api/teams/{}", crew.organisation.team);
    let members = json!([{ "userId": crew.ann, "receiveTeamNotifications": false }, { "userId": crew.bob }]);
    world.api.patch(&team, json!({ "members": members })).await;
    let id = world.trigger(&crew.events, "last", "critical").await;
    world.minutes(12).await;
    let told = news(&world, &id).await;
    assert!(
        told.len() == 1 && told.iter().all(|(_, who, _)| who == "Bob"),
        "{told:?}"
    );
    world.finish().await;
}

async fn news_is_for_those_who_want_it(place: &Place) {
    let mut world = World::begin_with(place, twilio).await;
    let crew = Crew::gather(&world, 240).await;
    reach(&world, &crew.ann, "SMS", ANN).await;
    reach(&world, &crew.bob, "SMS", BOB).await;
    let service = format!("/api/services/{}", crew.organisation.service);
    let wishes = json!({ "notificationChannels": ["SMS"], "notifyOnTriggered": false, "notifyOnResolved": true });
    world.api.patch(&service, wishes).await;
    {
        let ann = SignedIn::new(&world, &crew.ann).await;
        let path = format!("/api/users/{}", crew.ann);
        let (status, answer) = ann.call(Method::PATCH, &path, json!({ "receiveNews": false })).await;
        assert_eq!(status, 200, "{answer}");
    }
    let id = world.trigger(&crew.events, "one", "critical").await;
    world.work().await;
    set(&world, &id, "RESOLVED").await;
    world.work().await;
    assert_eq!(
        news(&world, &id).await,
        [("resolved".to_owned(), "Bob".to_owned(), "SMS".to_owned())]
    );
    // She was paged by text all the same.
    assert_eq!(texts(&world), [ANN, BOB]);
    world.finish().await;
}
