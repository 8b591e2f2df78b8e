//! Pages by text message and by call, and what people answer to them; and which provider and channel is asked when one
//! does not take a message.

use opsknight_server::config::RawProviders;
use serde_json::{Value, json};

use crate::{
    api::{Organisation, integration, organisation},
    both::Place,
    people::{self, ANN},
    signers::{path_of, text, twilio, twilio_calls},
    vendors::Instead,
    world::World,
};

both! {
    a_text_message_is_answered_with_its_code,
    stop_ends_text_messages_and_start_begins_them_again,
    the_other_provider_is_asked_at_once,
    channels_are_tried_in_their_order_until_one_takes_it,
    pages_that_go_in_one_message_fail_each_in_its_own_way,
}

fn texts_and_slack(raw: &mut RawProviders) {
    twilio(raw);
    raw.slack_bot_token = Some("xoxb-token-of-ours".into());
}

/// A small organisation in which Ann has a telephone.
async fn with_phone(world: &World, kind: &str) -> (Organisation, crate::api::Integration, String) {
    let organisation = organisation(&world.api, 5).await;
    let events = integration(&world.api, &organisation.service, "EVENTS_API_V2", json!({})).await;
    let ann = world.api.all("/api/users?q=ann").await[0]["id"]
        .as_str()
        .unwrap()
        .to_owned();
    let method = json!({ "type": kind, "address": ANN });
    world
        .api
        .post(&format!("/api/users/{ann}/contact-methods"), method)
        .await;
    (organisation, events, ann)
}

async fn a_text_message_is_answered_with_its_code(place: &Place) {
    let mut world = World::begin_with(place, twilio).await;
    let (_, events, _) = with_phone(&world, "SMS").await;
    let id = world.trigger(&events, "web-01", "critical").await;
    world.work().await;
    let texts = world.around.vendors.calls("/Messages.json");
    assert_eq!(texts.len(), 1);
    assert_eq!(
        (texts[0].field("To"), texts[0].field("From")),
        (ANN.into(), "+14155550100".into())
    );
    let said = texts[0].field("Body");
    let code = said.split("ack ").nth(1).expect(&said)[..4].to_owned();
    // What the provider knows of it.
    let callback = texts[0].field("StatusCallback");
    let sid = "SM00000000000000000000000000000000";
    let fields = [("MessageSid", sid), ("MessageStatus", "delivered"), ("To", ANN)];
    twilio_calls(&world, path_of(&callback), &fields).await;
    let all = world.notifications(&id).await;
    let sms = all.iter().find(|message| message["channel"] == "SMS").unwrap();
    assert!(
        sms["deliveredAt"].is_string() && sms["provider"] == "twilio-sms",
        "{sms}"
    );
    // Somebody else's answer, a wrong code, and the right one.
    assert!(
        text(&world, "+4917000000000", &format!("ack {code}"), "SM1")
            .await
            .contains("does not know this number")
    );
    assert!(
        text(&world, ANN, "ack 0000", "SM2")
            .await
            .contains("No incident of yours has the code 0000")
    );
    assert_eq!(world.incident(&id).await["status"], "OPEN");
    assert!(
        text(&world, ANN, &format!("Ack {code}."), "SM3")
            .await
            .contains("is acknowledged")
    );
    let incident = world.incident(&id).await;
    assert_eq!(
        (&incident["status"], &incident["assignee"]["name"]),
        (&json!("ACKNOWLEDGED"), &json!("Ann"))
    );
    assert!(
        text(&world, ANN, &format!("resolve {code}"), "SM4")
            .await
            .contains("is resolved")
    );
    // The same call again says nothing twice, and does nothing.
    assert!(
        !text(&world, ANN, &format!("resolve {code}"), "SM4")
            .await
            .contains("Message")
    );
    let timeline = world.timeline(&id).await;
    for line in [
        "SMS to Ann by Twilio was taken",
        "SMS to Ann by Twilio has arrived",
        "Acknowledged by Ann",
    ] {
        assert!(timeline.contains(line), "{line}: {timeline}");
    }
    world.finish().await;
}

async fn stop_ends_text_messages_and_start_begins_them_again(place: &Place) {
    let mut world = World::begin_with(place, twilio).await;
    let (_, events, _) = with_phone(&world, "SMS").await;
    text(&world, ANN, "STOP", "SM5").await;
    let id = world.trigger(&events, "web-02", "critical").await;
    world.work().await;
    assert!(world.around.vendors.calls("/Messages.json").is_empty());
    let methods = world.notifications(&id).await;
    assert!(
        methods.iter().all(|message| message["channel"] == "EMAIL"),
        "{methods:?}"
    );
    text(&world, ANN, "START", "SM6").await;
    world.trigger(&events, "web-03", "critical").await;
    world.work().await;
    assert_eq!(world.around.vendors.calls("/Messages.json").len(), 1);
    world.finish().await;
}

async fn the_other_provider_is_asked_at_once(place: &Place) {
    let both = |raw: &mut RawProviders| {
        raw.sendgrid_api_key = Some("SG.key-of-ours".into());
        raw.sendgrid_from = Some("pages@example.com".into());
        raw.email_providers = Some("sendgrid, smtp".into());
    };
    let mut world = World::begin_with(place, both).await;
    let organisation = organisation(&world.api, 5).await;
    let events = integration(&world.api, &organisation.service, "EVENTS_API_V2", json!({})).await;
    let vendors = &world.around.clone().vendors;
    for instead in [
        Instead::of(500, "an error of SendGrid's"),
        Instead::of(
            401,
            r#"{"errors":[{"message":"The provided authorization grant is invalid"}]}"#,
        ),
        Instead::of(
            400,
            r#"{"errors":[{"message":"Does not contain a valid address.","field":"personalizations.0.to.0.email"}]}"#,
        ),
    ] {
        vendors.answer_instead("/v3/mail/send", instead.clone());
        let before = (
            vendors.calls("/v3/mail/send").len(),
            world.around.post.recipients().len(),
        );
        let id = world
            .trigger(&events, &format!("mail-{}", instead.status), "critical")
            .await;
        world.work().await;
        assert_eq!(world.around.post.recipients().len(), before.1 + 1, "{instead:?}");
        assert_eq!(vendors.calls("/v3/mail/send").len(), before.0 + 1, "{instead:?}");
        let timeline = world.timeline(&id).await;
        assert!(
            timeline.contains("Email to Ann by SendGrid was not taken and is tried again: "),
            "{timeline}"
        );
        assert!(timeline.contains("Email to Ann by SMTP was taken"), "{timeline}");
        let attempts = world.notifications(&id).await[0]["attempts"].clone();
        let providers: Vec<&Value> = attempts
            .as_array()
            .unwrap()
            .iter()
            .map(|attempt| &attempt["provider"])
            .collect();
        assert_eq!(providers, ["sendgrid", "smtp"], "{attempts}");
        // A provider that failed is asked only after the other for a minute.
        world
            .api
            .patch(&format!("/api/incidents/{id}"), json!({ "status": "RESOLVED" }))
            .await;
        world.minutes(20).await;
    }
    vendors.answer_well("/v3/mail/send");
    let id = world.trigger(&events, "mail-well", "critical").await;
    world.work().await;
    assert!(world.timeline(&id).await.contains("Email to Ann by SendGrid was taken"));
    world.finish().await;
}

async fn channels_are_tried_in_their_order_until_one_takes_it(place: &Place) {
    let mut world = World::begin_with(place, texts_and_slack).await;
    let (_, events, _) = with_phone(&world, "SMS").await;
    let vendors = &world.around.clone().vendors;
    // Slack takes it: no text message is sent, and a mail is in any case.
    world.trigger(&events, "one", "critical").await;
    world.work().await;
    let sent = |path: &str| vendors.calls(path).len();
    assert_eq!((sent("/chat.postMessage"), sent("/Messages.json")), (1, 0));
    assert_eq!(world.around.post.recipients(), ["ann@example.com"]);
    // Slack does not know Ann: the text message follows at once.
    vendors.answer_instead(
        "/users.lookupByEmail",
        Instead::of(200, r#"{"ok":false,"error":"users_not_found"}"#),
    );
    world.minutes(20).await;
    let before = sent("/Messages.json");
    let id = world.trigger(&events, "two", "critical").await;
    world.work().await;
    assert_eq!(sent("/Messages.json"), before + 1);
    let timeline = world.timeline(&id).await;
    assert!(timeline.contains("Slack to Ann failed: "), "{timeline}");
    assert!(timeline.contains("Paging Ann by SMS instead"), "{timeline}");
    // For what is not urgent there is no text message in the order.
    world.minutes(20).await;
    let before = sent("/Messages.json");
    world.trigger(&events, "three", "warning").await;
    world.work().await;
    assert_eq!(sent("/Messages.json"), before);
    world.finish().await;
}

async fn pages_that_go_in_one_message_fail_each_in_its_own_way(place: &Place) {
    let mut world = World::begin_with(place, texts_and_slack).await;
    let (_, events, ann) = with_phone(&world, "SMS").await;
    // What is not urgent comes by Slack and by nothing else; what is urgent comes by the default order.
    people::rules(&world, &ann, &[("MEDIUM", "SLACK", 0)]).await;
    let vendors = &world.around.clone().vendors;
    vendors.answer_instead("/chat.postMessage", Instead::of(503, "away"));
    let mut ids = Vec::new();
    for (n, severity) in ["critical", "critical", "critical", "warning", "warning"]
        .iter()
        .enumerate()
    {
        ids.push(world.trigger(&events, &format!("disk-{n}"), severity).await);
    }
    world.work().await;
    let (urgent, other) = ids.split_at(3);
    for id in urgent {
        let timeline = world.timeline(id).await;
        assert!(timeline.contains("Paging Ann by SMS instead"), "{timeline}");
    }
    for id in other {
        let timeline = world.timeline(id).await;
        assert!(
            !timeline.contains("Slack to Ann failed"),
            "it has nothing but Slack: {timeline}"
        );
    }
    vendors.answer_well("/chat.postMessage");
    world.minutes(20).await;
    for id in other {
        let timeline = world.timeline(id).await;
        assert!(timeline.contains("Slack to Ann was taken"), "{timeline}");
    }
    world.finish().await;
}
