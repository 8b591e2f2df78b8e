//! `/opsknight …`: what each command does and shows.

use serde_json::{Value, json};

use super::desk::{ACKNOWLEDGE, COMMANDS, RESOLVE, app, button, buttons, command, press, said, signed, telling, told};
use crate::{
    both::Place,
    process::{SOON, wait_until},
    world::World,
};

both! {
    commands_show_what_is_open_and_who_is_on_call,
    commands_acknowledge_resolve_and_open,
    who_is_not_known_commands_nothing,
    a_command_that_takes_long_is_answered_afterwards,
    a_command_that_is_repeated_is_done_once,
}

fn text(shown: &Value) -> &str {
    shown["text"].as_str().unwrap()
}

async fn commands_show_what_is_open_and_who_is_on_call(place: &Place) {
    let mut world = World::begin_with(place, app).await;
    let (_, events) = telling(&world, "C0OPS").await;
    assert_eq!(
        text(&command(&world, "U0ANN", "incidents").await),
        "No incident is open."
    );
    let title = "<!channel> *web-01*";
    let payload = json!({ "summary": title, "source": "test", "severity": "critical" });
    let event = json!({ "event_action": "trigger", "dedup_key": "one", "payload": payload });
    let id = world.event(&events, event).await["incident"]["id"].clone();
    let two = world.trigger(&events, "two", "info").await;
    world.trigger(&events, "three", "info").await;
    let path = format!("/api/incidents/{two}");
    world.api.patch(&path, json!({ "status": "ACKNOWLEDGED" })).await;
    world.work().await;
    let shown = command(&world, "U0ANN", "incidents").await;
    assert_eq!(text(&shown), "3 incidents are not resolved.");
    let said = shown.to_string();
    assert!(
        said.contains("&lt;!channel&gt; *web-01*") && !said.contains("<!channel"),
        "{said}"
    );
    let mut pressable = buttons(&shown);
    pressable.sort_unstable();
    assert_eq!(pressable, [ACKNOWLEDGE, ACKNOWLEDGE, RESOLVE, RESOLVE, RESOLVE]);
    // The buttons of a list work.
    press(&world, "U0BOB", &button(ACKNOWLEDGE, id.as_str().unwrap())).await;
    assert_eq!(world.incident(id.as_str().unwrap()).await["status"], "ACKNOWLEDGED");
    let shown = command(&world, "U0ANN", "oncall").await;
    assert!(text(&shown).starts_with("*Platform*: Ann"), "{shown}");
    let shown = command(&world, "U0ANN", "help").await;
    assert!(
        text(&shown).contains("`/opsknight resolve 123 what was done`"),
        "{shown}"
    );
    let shown = command(&world, "U0ANN", "dance <!channel>").await;
    assert_eq!(text(&shown), "This is not a command that I know.");
    world.finish().await;
}

async fn commands_acknowledge_resolve_and_open(place: &Place) {
    let mut world = World::begin_with(place, app).await;
    let (_, events) = telling(&world, "C0OPS").await;
    let id = world.trigger(&events, "web-01", "critical").await;
    world.work().await;
    for (said, answered) in [
        ("ack", "Say which incident: `/opsknight ack 123`"),
        ("ack 7", "There is no incident #7."),
        ("ack #1", "#1 is acknowledged."),
        ("resolve 1 the disk was &lt;full&gt;", "#1 is resolved."),
        ("ack 1", "#1: the incident is resolved; reopen it first."),
    ] {
        let shown = command(&world, "U0BOB", said).await;
        assert_eq!(text(&shown), answered, "{said}");
    }
    let timeline = world.timeline(&id).await;
    for line in ["Acknowledged by Bob", "Resolved by Bob", "the disk was <full>"] {
        assert!(timeline.contains(line), "{line}: {timeline}");
    }
    world
        .api
        .post("/api/services", json!({ "name": "Checkout of Returns" }))
        .await;
    for (said, answered) in [
        (
            "create \"DB down\" Elsewhere",
            "There is no service with the name Elsewhere.",
        ),
        (
            "create \"DB down\"",
            "Say for which service: /opsknight create \"Checkout is down\" Web Shop",
        ),
        (
            "create \"DB down\" check",
            "Several services have check in their name; say the whole of it.",
        ),
        (
            "create \"\" checkout",
            "Say what is wrong: `/opsknight create \"title\" service`",
        ),
    ] {
        let shown = command(&world, "U0BOB", said).await;
        assert_eq!(text(&shown), answered, "{said}");
    }
    let shown = command(&world, "U0BOB", "create “DB is down” checkout").await;
    assert_eq!(text(&shown), "1 incident is not resolved.");
    let opened = world.api.all("/api/incidents?status=OPEN").await;
    assert_eq!(
        (opened.len(), &opened[0]["title"], &opened[0]["service"]["name"]),
        (1, &json!("DB is down"), &json!("Checkout"))
    );
    world.work().await;
    let id = opened[0]["id"].as_str().unwrap();
    assert!(world.timeline(id).await.contains("Paging Ann by Slack"));
    world.finish().await;
}

async fn who_is_not_known_commands_nothing(place: &Place) {
    let mut world = World::begin_with(place, app).await;
    let (_, events) = telling(&world, "C0OPS").await;
    let id = world.trigger(&events, "web-01", "critical").await;
    world.work().await;
    let uma = json!({ "email": "uma@example.com", "name": "Uma", "role": "USER" });
    world.api.make("/api/users", uma).await;
    for said in ["incidents", "oncall", "ack 1", "resolve 1", "create \"x\" checkout"] {
        let shown = command(&world, "U0EVE", said).await;
        assert!(
            text(&shown).contains("nobody with the address eve@example.com"),
            "{said}: {shown}"
        );
        if !matches!(said, "incidents" | "oncall") {
            let shown = command(&world, "U0UMA", said).await;
            assert!(text(&shown).contains("needs the role RESPONDER"), "{said}: {shown}");
        }
    }
    assert_eq!(world.incident(&id).await["status"], "OPEN");
    assert_eq!(world.api.all("/api/incidents").await.len(), 1);
    world.finish().await;
}

async fn a_command_that_takes_long_is_answered_afterwards(place: &Place) {
    let mut world = World::begin_with(place, app).await;
    let (_, events) = telling(&world, "C0OPS").await;
    let id = world.trigger(&events, "web-01", "critical").await;
    world.work().await;
    let gate = world.around.vendors.shut("/users.info");
    assert_eq!(text(&command(&world, "U0BOB", "ack 1").await), "One moment…");
    assert_eq!(world.incident(&id).await["status"], "OPEN");
    gate.open();
    let said = wait_until("Bob is told", SOON, async || told(&world).pop()).await;
    assert_eq!(said, "#1 is acknowledged.");
    world.finish().await;
}

async fn a_command_that_is_repeated_is_done_once(place: &Place) {
    let world = World::begin_with(place, app).await;
    telling(&world, "C0OPS").await;
    let body = said(&world, "U0BOB", "create \"DB is down\" checkout");
    let once = signed(&world, COMMANDS, &body, &[]).await.json();
    assert_eq!(text(&once), "1 incident is not resolved.");
    let again = signed(&world, COMMANDS, &body, &[("x-slack-retry-num", "1")])
        .await
        .json();
    assert_eq!(text(&again), "This was heard already.");
    assert_eq!(world.api.all("/api/incidents").await.len(), 1);
    // The same words anew are another wish.
    command(&world, "U0BOB", "create \"DB is down\" checkout").await;
    assert_eq!(world.api.all("/api/incidents").await.len(), 2);
}
