//! What people press in Slack, who may, and what they see.

use jiff::SignedDuration;
use serde_json::{Value, json};

use super::desk::{
    ACKNOWLEDGE, ACTIONS, RESOLVE, SECRET, VIEW, app, button, choice, interaction, post, press, pressed, signature,
    signed, submit, telling, told,
};
use crate::{
    both::Place,
    peers,
    process::{SOON, run, wait_until},
    vendors::Instead,
    world::World,
};

both! {
    who_is_known_by_their_mail_address_acknowledges,
    who_has_given_their_account_is_known_by_it,
    who_is_not_known_is_told_so_and_changes_nothing,
    who_may_only_read_may_not_answer_unless_they_were_called,
    what_is_over_or_not_there_is_told,
    snoozing_takes_its_time,
    the_dialog_resolves_with_a_note,
    where_no_dialog_opens_the_press_resolves,
    only_what_slack_signed_is_taken,
    a_repetition_changes_nothing_twice,
    who_is_slow_to_be_known_is_served_behind_the_answer,
    what_a_dialog_cannot_say_in_time_is_said_afterwards,
}

/// A world with an incident that Ann was called to.
async fn incident(place: &Place) -> (World, String) {
    let mut world = World::begin_with(place, app).await;
    let (_, events) = telling(&world, "C0OPS").await;
    let id = world.trigger(&events, "web-01", "critical").await;
    world.work().await;
    (world, id)
}

async fn status(world: &World, id: &str) -> Value {
    world.incident(id).await["status"].clone()
}

async fn becomes(world: &World, id: &str, wanted: &str) {
    let what = format!("the incident is {wanted}");
    wait_until(&what, SOON, async || (status(world, id).await == wanted).then_some(())).await;
}

/// The dialog that was opened last.
fn dialog(world: &World) -> Value {
    world.around.vendors.calls("/views.open").last().unwrap().json()["view"].clone()
}

async fn who_is_known_by_their_mail_address_acknowledges(place: &Place) {
    let (world, id) = incident(place).await;
    // By Slack's own signer, and by ours elsewhere.
    let body = interaction(&pressed(&world, "U0BOB", &button(ACKNOWLEDGE, &id)));
    let at = world.now().as_second().to_string();
    let signed = run(peers::python("slack_sign.py", &[SECRET, &at]), &body).await;
    let signature = signed.well().trim().to_owned();
    let headers = [
        ("x-slack-request-timestamp", at.as_str()),
        ("x-slack-signature", signature.as_str()),
    ];
    let answer = post(&world, ACTIONS, &body, &headers).await;
    assert_eq!(answer.status, 200, "{answer:?}");
    let incident = world.incident(&id).await;
    assert_eq!(
        (&incident["status"], &incident["assignee"]["name"]),
        (&json!("ACKNOWLEDGED"), &json!("Bob"))
    );
    assert!(world.timeline(&id).await.contains("Acknowledged by Bob"));
    assert_eq!(told(&world), [""; 0], "the message itself tells");
    world.finish().await;
}

async fn who_has_given_their_account_is_known_by_it(place: &Place) {
    let (world, id) = incident(place).await;
    let bob = world.api.all("/api/users?q=bob").await[0]["id"].clone();
    let path = format!("/api/users/{}/contact-methods", bob.as_str().unwrap());
    world
        .api
        .post(&path, json!({ "type": "SLACK", "address": "U0OTHER" }))
        .await;
    assert_eq!(press(&world, "U0OTHER", &button(ACKNOWLEDGE, &id)).await, None);
    assert_eq!(world.incident(&id).await["assignee"]["name"], "Bob");
    assert!(world.around.vendors.calls("/users.info").is_empty());
    world.finish().await;
}

async fn who_is_not_known_is_told_so_and_changes_nothing(place: &Place) {
    let (world, id) = incident(place).await;
    let said = press(&world, "U0EVE", &button(ACKNOWLEDGE, &id)).await.unwrap();
    assert!(
        said.contains("OpsKnight knows nobody with the address eve@example.com"),
        "{said}"
    );
    // An app that may not see addresses is told of as well.
    let user = json!({ "ok": true, "user": { "id": "U0EVE", "name": "eve", "profile": {} } });
    world
        .around
        .vendors
        .answer_instead("/users.info", Instead::of(200, user.to_string()));
    let said = press(&world, "U0EVE", &button(ACKNOWLEDGE, &id)).await.unwrap();
    assert!(said.contains("Slack does not tell your mail address"), "{said}");
    world.around.vendors.answer_well("/users.info");
    press(&world, "U0EVE", &button(RESOLVE, &id)).await;
    let refused = submit(&world, "U0EVE", &dialog(&world), "mine now").await;
    assert_eq!(refused["response_action"], "errors", "{refused}");
    assert!(
        refused["errors"]["opsknight_note"]
            .as_str()
            .unwrap()
            .contains("eve@example.com"),
        "{refused}"
    );
    assert_eq!(status(&world, &id).await, "OPEN");
    world.finish().await;
}

async fn who_may_only_read_may_not_answer_unless_they_were_called(place: &Place) {
    let mut world = World::begin_with(place, app).await;
    let (organisation, events) = telling(&world, "C0OPS").await;
    let uma = json!({ "email": "uma@example.com", "name": "Uma", "role": "USER" });
    let uma = world.api.make("/api/users", uma).await;
    let id = world.trigger(&events, "web-01", "critical").await;
    world.work().await;
    let said = press(&world, "U0UMA", &button(ACKNOWLEDGE, &id)).await.unwrap();
    assert!(said.contains("#1: this needs the role RESPONDER"), "{said}");
    assert_eq!(status(&world, &id).await, "OPEN");
    // Once the policy calls her, the incident is hers to answer.
    let steps = json!([{ "targets": [{ "type": "USER", "id": uma }], "delayMinutes": 5 }]);
    world
        .api
        .patch(
            &format!("/api/escalation-policies/{}", organisation.policy),
            json!({ "steps": steps }),
        )
        .await;
    let id = world.trigger(&events, "web-02", "critical").await;
    world.work().await;
    assert_eq!(press(&world, "U0UMA", &button(ACKNOWLEDGE, &id)).await, None);
    assert_eq!(status(&world, &id).await, "ACKNOWLEDGED");
    world.finish().await;
}

async fn what_is_over_or_not_there_is_told(place: &Place) {
    let (mut world, id) = incident(place).await;
    world
        .api
        .patch(&format!("/api/incidents/{id}"), json!({ "status": "RESOLVED" }))
        .await;
    world.work().await;
    for action in [button(ACKNOWLEDGE, &id), button(RESOLVE, &id), choice(&id, 60)] {
        let said = press(&world, "U0ANN", &action).await.expect("something is said");
        assert!(said.starts_with("#1: ") && said.contains("resolved"), "{said}");
    }
    assert!(world.around.vendors.calls("/views.open").is_empty());
    let entries = world.api.all(&format!("/api/incidents/{id}/timeline")).await.len();
    for unknown in ["inc_00000000000000000000000000", "nonsense"] {
        let said = press(&world, "U0ANN", &button(ACKNOWLEDGE, unknown)).await.unwrap();
        assert_eq!(said, "The incident is not there any more.");
    }
    assert_eq!(
        world.api.all(&format!("/api/incidents/{id}/timeline")).await.len(),
        entries
    );
    world.finish().await;
}

async fn snoozing_takes_its_time(place: &Place) {
    let (world, id) = incident(place).await;
    // Slack tells of the button that opens a page as well, and anybody may look.
    assert_eq!(press(&world, "U0EVE", &button(VIEW, &id)).await, None);
    assert_eq!(press(&world, "U0ANN", &choice(&id, 240)).await, None);
    let incident = world.incident(&id).await;
    assert_eq!(
        (&incident["status"], &incident["snoozedUntil"]),
        (&json!("SNOOZED"), &json!("2026-06-01T16:00:00Z")),
        "{incident}"
    );
    world.finish().await;
}

async fn the_dialog_resolves_with_a_note(place: &Place) {
    let (world, id) = incident(place).await;
    assert_eq!(press(&world, "U0ANN", &button(RESOLVE, &id)).await, None);
    let opened = world.around.vendors.calls("/views.open");
    assert_eq!(opened.len(), 1);
    assert!(
        opened[0].json()["trigger_id"]
            .as_str()
            .unwrap()
            .starts_with("1.2.trigger"),
        "it is what opens it"
    );
    assert_eq!(status(&world, &id).await, "OPEN", "a dialog alone does nothing");
    let answer = submit(&world, "U0ANN", &dialog(&world), "the disk was <full> & is not").await;
    assert_eq!(answer, json!({}), "the dialog closes");
    assert_eq!(status(&world, &id).await, "RESOLVED");
    let timeline = world.timeline(&id).await;
    for line in ["Resolved by Ann", "the disk was <full> & is not"] {
        assert!(timeline.contains(line), "{line}: {timeline}");
    }
    // Somebody else was faster with the same dialog.
    let answer = submit(&world, "U0BOB", &dialog(&world), "me too").await;
    assert_eq!(answer["response_action"], "errors", "{answer}");
    world.finish().await;
}

async fn only_what_slack_signed_is_taken(place: &Place) {
    let (world, id) = incident(place).await;
    let body = interaction(&pressed(&world, "U0ANN", &button(ACKNOWLEDGE, &id)));
    let now = world.now().as_second();
    let at = |s: i64| (now + s).to_string();
    let good = |s: i64| (at(s), signature(SECRET, &at(s), &body));
    let wrong = [
        (at(0), signature("another secret", &at(0), &body)),
        (at(0), signature(SECRET, &at(0), "payload=")),
        (at(1), signature(SECRET, &at(0), &body)),
        (at(0), String::new()),
        (String::new(), signature(SECRET, "", &body)),
        good(-301),
        good(301),
    ];
    let mut answers = Vec::new();
    for (time, signature) in wrong {
        let headers = [
            ("x-slack-request-timestamp", time.as_str()),
            ("x-slack-signature", signature.as_str()),
        ];
        for path in [ACTIONS, "/api/slack/commands", "/api/slack/events"] {
            let answer = post(&world, path, &body, &headers).await;
            assert_eq!(answer.status, 401, "{path} {headers:?}");
            answers.push(answer.text);
        }
    }
    answers.dedup();
    assert_eq!(answers.len(), 1, "whatever is wrong, the answer is the same");
    assert_eq!(status(&world, &id).await, "OPEN");
    world.finish().await;
}

async fn a_repetition_changes_nothing_twice(place: &Place) {
    let (world, id) = incident(place).await;
    let body = interaction(&pressed(&world, "U0ANN", &choice(&id, 60)));
    signed(&world, ACTIONS, &body, &[]).await;
    let timeline = world.timeline(&id).await;
    let again = [("x-slack-retry-num", "1"), ("x-slack-retry-reason", "http_timeout")];
    let answer = signed(&world, ACTIONS, &body, &again).await;
    assert_eq!(answer.status, 200, "{answer:?}");
    assert_eq!(world.timeline(&id).await, timeline);
    assert_eq!(told(&world), [""; 0], "nobody is told of what they have not pressed");
    // Nothing of it is kept for ever.
    world.pass(SignedDuration::from_hours(8 * 24));
    world.audit().await;
    signed(&world, ACTIONS, &body, &again).await;
    let timeline = world.timeline(&id).await;
    assert_eq!(timeline.matches("Snoozed for 60 min by Ann").count(), 2, "{timeline}");
    world.finish().await;
}

async fn where_no_dialog_opens_the_press_resolves(place: &Place) {
    let (world, id) = incident(place).await;
    let late = Instead::of(200, r#"{"ok":false,"error":"expired_trigger_id"}"#);
    world.around.vendors.answer_instead("/views.open", late);
    assert_eq!(press(&world, "U0ANN", &button(RESOLVE, &id)).await, None);
    assert_eq!(status(&world, &id).await, "RESOLVED");
    world.finish().await;
}

async fn who_is_slow_to_be_known_is_served_behind_the_answer(place: &Place) {
    let (world, id) = incident(place).await;
    let gate = world.around.vendors.shut("/users.info");
    let body = interaction(&pressed(&world, "U0ANN", &button(ACKNOWLEDGE, &id)));
    // The answer is here before Slack has said who it was.
    let answer = signed(&world, ACTIONS, &body, &[]).await;
    assert_eq!(answer.status, 200, "{answer:?}");
    assert_eq!(status(&world, &id).await, "OPEN");
    gate.open();
    becomes(&world, &id, "ACKNOWLEDGED").await;
    assert!(world.timeline(&id).await.contains("Acknowledged by Ann"));
    world.finish().await;
}

async fn what_a_dialog_cannot_say_in_time_is_said_afterwards(place: &Place) {
    let (world, id) = incident(place).await;
    press(&world, "U0ANN", &button(RESOLVE, &id)).await;
    let gate = world.around.vendors.shut("/users.info");
    let closed = submit(&world, "U0EVE", &dialog(&world), "mine").await;
    assert_eq!(closed, json!({}));
    assert_eq!(told(&world), [""; 0]);
    gate.open();
    let said = wait_until("Eve is told", SOON, async || told(&world).pop()).await;
    assert!(said.contains("eve@example.com"), "{said}");
    assert_eq!(status(&world, &id).await, "OPEN");
    let gate = world.around.vendors.shut("/users.info");
    assert_eq!(told(&world).len(), 1);
    submit(&world, "U0BOB", &dialog(&world), "it was the disk").await;
    gate.open();
    becomes(&world, &id, "RESOLVED").await;
    assert!(world.timeline(&id).await.contains("it was the disk"));
    world.finish().await;
}
