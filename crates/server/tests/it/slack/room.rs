//! A conversation that a service tells: one message that follows its incident, and what happened in its thread.

use jiff::SignedDuration;
use serde_json::{Value, json};

use super::desk::{ACKNOWLEDGE, RESOLVE, SNOOZE, VIEW, app, buttons, edits, posts, telling};
use crate::{
    api::{integration, organisation},
    both::Place,
    vendors::Instead,
    world::{PUBLIC_URL, World},
};

both! {
    a_room_follows_its_incident,
    what_was_decided_early_is_told_in_its_order,
    what_is_late_does_not_undo_what_came_after_it,
    a_service_that_wants_slack_and_names_no_room_tells_the_default_one,
    what_others_write_is_text,
    every_text_of_an_incident_is_text,
}

async fn a_room_follows_its_incident(place: &Place) {
    let mut world = World::begin_with(place, app).await;
    let (_, events) = telling(&world, "C0OPS").await;
    let id = world.trigger(&events, "web-01", "critical").await;
    world.work().await;
    let posted = posts(&world, "C0OPS");
    assert_eq!(posted.len(), 1, "{posted:?}");
    let first = &posted[0];
    assert_eq!(buttons(first), [ACKNOWLEDGE, RESOLVE, SNOOZE, VIEW]);
    let text = first["text"].as_str().unwrap();
    assert!(text.starts_with("<@U0ANN> [HIGH] #1 web-01 is wrong"), "{text}");
    assert_eq!(first["blocks"][1]["fields"][3]["text"], "*Assignee*\n<@U0ANN>");
    assert!(
        first.to_string().contains(&format!("{PUBLIC_URL}/incidents/{id}")),
        "{first}"
    );
    world
        .api
        .patch(&format!("/api/incidents/{id}"), json!({ "status": "ACKNOWLEDGED" }))
        .await;
    world.work().await;
    let edited = edits(&world, "C0OPS");
    assert_eq!(edited.len(), 1, "{edited:?}");
    assert_eq!(buttons(&edited[0]), [RESOLVE, SNOOZE, VIEW]);
    let reply = posts(&world, "C0OPS")[1].clone();
    assert_eq!(
        (&reply["thread_ts"], &reply["text"]),
        (&edited[0]["ts"], &json!("The incident was acknowledged."))
    );
    world
        .api
        .patch(&format!("/api/incidents/{id}"), json!({ "status": "RESOLVED" }))
        .await;
    world.work().await;
    let edited = edits(&world, "C0OPS");
    assert_eq!(edited.len(), 2, "{edited:?}");
    assert_eq!(buttons(&edited[1]), [VIEW]);
    assert_eq!(edited[1]["ts"], edited[0]["ts"], "it is the very message");
    let reply = posts(&world, "C0OPS")[2].clone();
    assert_eq!(
        (&reply["thread_ts"], &reply["text"]),
        (&edited[0]["ts"], &json!("The incident was resolved."))
    );
    let timeline = world.timeline(&id).await;
    assert_eq!(
        timeline.matches("Slack to channel C0OPS was taken").count(),
        3,
        "{timeline}"
    );
    world.finish().await;
}

async fn what_was_decided_early_is_told_in_its_order(place: &Place) {
    let mut world = World::begin_with(place, app).await;
    let (_, events) = telling(&world, "#ops").await;
    let id = world.trigger(&events, "web-01", "critical").await;
    for status in ["ACKNOWLEDGED", "RESOLVED"] {
        let path = format!("/api/incidents/{id}");
        world.api.patch(&path, json!({ "status": status })).await;
    }
    world.work().await;
    let calls: Vec<String> = world
        .around
        .vendors
        .calls("/chat.")
        .iter()
        .map(|call| {
            let body = call.json();
            let place = body["thread_ts"].as_str().map_or("", |_| " in the thread");
            let text = body["text"].as_str().unwrap();
            let said = ["opened", "acknowledged", "resolved"];
            let said = said.iter().find(|word| text.contains(*word)).unwrap();
            format!("{} {}{place}: {said}", call.path, body["channel"].as_str().unwrap())
        })
        .collect();
    assert_eq!(
        calls,
        [
            "/chat.postMessage #ops: opened",
            "/chat.update C0OPS: acknowledged",
            "/chat.postMessage C0OPS in the thread: acknowledged",
            "/chat.update C0OPS: resolved",
            "/chat.postMessage C0OPS in the thread: resolved",
        ]
    );
    world.finish().await;
}

async fn what_is_late_does_not_undo_what_came_after_it(place: &Place) {
    let mut world = World::begin_with(place, app).await;
    let (_, events) = telling(&world, "C0OPS").await;
    let id = world.trigger(&events, "web-01", "critical").await;
    world.work().await;
    world
        .around
        .vendors
        .answer_instead("/chat.update", Instead::of(500, "an error of Slack's"));
    let path = format!("/api/incidents/{id}");
    world.api.patch(&path, json!({ "status": "ACKNOWLEDGED" })).await;
    world.work().await;
    world.around.vendors.answer_well("/chat.update");
    world.api.patch(&path, json!({ "status": "RESOLVED" })).await;
    world.work().await;
    assert_eq!(buttons(edits(&world, "C0OPS").last().unwrap()), [VIEW]);
    world.advance(SignedDuration::from_secs(30)).await;
    let edited = edits(&world, "C0OPS");
    assert_eq!(edited.len(), 3, "the acknowledgement was told late");
    assert_eq!(buttons(&edited[2]), [VIEW], "and the message shows what is so now");
    world.finish().await;
}

async fn a_service_that_wants_slack_and_names_no_room_tells_the_default_one(place: &Place) {
    let with_default = |raw: &mut opsknight_server::config::RawProviders| {
        app(raw);
        raw.slack_default_channel = Some("C0ALL".into());
    };
    let mut world = World::begin_with(place, with_default).await;
    let organisation = organisation(&world.api, 5).await;
    let events = integration(&world.api, &organisation.service, "EVENTS_API_V2", json!({})).await;
    world.trigger(&events, "one", "critical").await;
    world.work().await;
    assert_eq!(posts(&world, "C0ALL").len(), 0, "it has not said that it wants Slack");
    let path = format!("/api/services/{}", organisation.service);
    world
        .api
        .patch(&path, json!({ "notificationChannels": ["SLACK"] }))
        .await;
    let id = world.trigger(&events, "two", "critical").await;
    world.work().await;
    assert_eq!(posts(&world, "C0ALL").len(), 1);
    let timeline = world.timeline(&id).await;
    assert!(
        timeline.contains("Slack to the default channel was taken"),
        "{timeline}"
    );
    world.finish().await;
}

async fn what_others_write_is_text(place: &Place) {
    let mut world = World::begin_with(place, app).await;
    let (_, events) = telling(&world, "C0OPS").await;
    let title = "<!channel> <@U1> *bold* </script> _x_ [a](javascript:alert(1)) <javascript:alert(1)|b>";
    let payload = json!({ "summary": title, "source": "test", "severity": "critical" });
    let event = json!({ "event_action": "trigger", "dedup_key": "hostile", "payload": payload });
    world.event(&events, event).await;
    world.work().await;
    let first = posts(&world, "C0OPS")[0].clone();
    let header = &first["blocks"][0]["text"];
    assert_eq!(header["type"], "plain_text", "{header}");
    assert!(header["text"].as_str().unwrap().contains(title), "{header}");
    let text = first["text"].as_str().unwrap();
    assert!(
        text.contains(
            "&lt;!channel&gt; &lt;@U1&gt; *bold* &lt;/script&gt; _x_ [a](javascript:alert(1)) &lt;javascript"
        ),
        "{text}"
    );
    // Wherever marks are read, they are Slack's own: a mention of ours, a date, a link.
    let marks = first.to_string();
    for mark in ["<!channel", "<@U1>", "<javascript"] {
        let in_header = header.to_string().matches(mark).count();
        assert_eq!(marks.matches(mark).count(), in_header, "{mark}: {first}");
    }
    world.finish().await;
}

async fn every_text_of_an_incident_is_text(place: &Place) {
    let mut world = World::begin_with(place, app).await;
    let (made, events) = telling(&world, "C0OPS").await;
    let evil = "<!channel> <@U1> <javascript:alert(1)|b>\r\n<!here>";
    let name = evil.replace("\r\n", " ");
    let paths = [
        format!("/api/services/{}", made.service),
        format!("/api/teams/{}", made.team),
        format!("/api/escalation-policies/{}", made.policy),
    ];
    for path in &paths {
        world.api.patch(path, json!({ "name": name })).await;
    }
    for person in world.api.all("/api/users").await {
        let path = format!("/api/users/{}", person["id"].as_str().unwrap());
        world.api.patch(&path, json!({ "name": name })).await;
    }
    let event = json!({
        "event_action": "trigger", "dedup_key": evil, "client": evil, "client_url": "javascript:alert(1)",
        "links": [{ "href": "javascript:alert(1)", "text": evil }, { "href": "https://example.com/|<!here>", "text": evil }],
        "images": [{ "src": "javascript:alert(1)", "href": "javascript:alert(1)", "alt": evil }],
        "payload": {
            "summary": evil, "source": evil, "severity": "critical", "component": evil, "group": evil, "class": evil,
            "custom_details": { evil: evil },
        },
    });
    world.event(&events, event).await;
    world.work().await;
    let id = world.api.all("/api/incidents").await[0]["id"]
        .as_str()
        .unwrap()
        .to_owned();
    let path = format!("/api/incidents/{id}");
    world.api.post(&format!("{path}/notes"), json!({ "text": evil })).await;
    for change in [
        json!({ "status": "ACKNOWLEDGED" }),
        json!({ "description": evil }),
        json!({ "status": "RESOLVED", "resolutionNote": evil }),
    ] {
        world.api.patch(&path, change).await;
        world.work().await;
    }
    let said: Vec<Value> = world
        .around
        .vendors
        .calls("/chat.")
        .iter()
        .map(|call| call.json())
        .collect();
    assert!(said.len() > 3, "it was told: {said:?}");
    for message in &said {
        let mut read = vec![message["text"].as_str().unwrap_or_default()];
        marked(message, &mut read);
        for mark in ["<!channel", "<!here", "<@U1>", "<javascript"] {
            let found = read.iter().find(|text| text.contains(mark));
            assert_eq!(found, None, "{mark} is read in {message}");
        }
        assert!(
            !message.to_string().contains("\":\"javascript:"),
            "an address acts: {message}"
        );
    }
    world.finish().await;
}

/// The texts in which Slack reads marks.
fn marked<'a>(value: &'a Value, read: &mut Vec<&'a str>) {
    match value {
        Value::Object(fields) => {
            if fields.get("type").is_some_and(|kind| kind == "mrkdwn") {
                read.extend(fields.get("text").and_then(Value::as_str));
            }
            fields.values().for_each(|field| marked(field, read));
        }
        Value::Array(items) => items.iter().for_each(|item| marked(item, read)),
        _ => {}
    }
}
