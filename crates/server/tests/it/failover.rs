//! Two providers of text messages: when one does not take a message, the other does within the same page.

use jiff::SignedDuration;
use opsknight_server::config::RawProviders;
use serde_json::{Value, json};

use crate::{
    both::Place,
    people::{ANN, Crew, reach, rules},
    signers::twilio,
    vendors::{Break, BrokenLine, Instead},
    world::{Around, Turned, World},
};

both! {
    a_line_that_breaks_is_no_page_lost,
    whatever_a_provider_answers_the_other_is_asked,
    both_refuse_and_the_next_one_is_called,
    one_is_busy_and_one_refuses,
    a_refusal_is_followed_by_a_wait_that_was_asked_for,
}

fn amazon(raw: &mut RawProviders) {
    raw.aws_region = Some("eu-west-1".into());
    raw.aws_access_key_id = Some("AKIDEXAMPLE".into());
    raw.aws_secret_access_key = Some("aws-secret-of-ours".into());
}

/// Twilio first, and Amazon SNS beside it.
async fn begin(place: &Place) -> World {
    let around = Around::at(Turned::at_noon()).await;
    let sns = around.vendors.base.clone();
    World::begin_as(place, around, |raw| {
        twilio(&mut raw.providers);
        amazon(&mut raw.providers);
        raw.providers.sms_providers = Some("twilio,aws_sns".into());
        raw.aws_endpoint_url_sns = Some(sns);
    })
    .await
}

/// Ann is texted and gets no mail, and Bob gets mail ten minutes later.
async fn with_texts(world: &World) -> Crew {
    let crew = Crew::gather(world, 10).await;
    reach(world, &crew.ann, "SMS", ANN).await;
    rules(world, &crew.ann, &[("HIGH", "SMS", 0)]).await;
    crew
}

/// Providers and outcomes of the tries of the first message about an incident.
async fn tries(world: &World, id: &str) -> Vec<(String, String)> {
    let page = world.notifications(id).await.remove(0);
    let attempts = page["attempts"].as_array().cloned().unwrap_or_default();
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    attempts
        .iter()
        .map(|attempt| (text(&attempt["provider"]), text(&attempt["outcome"])))
        .collect()
}

fn pairs(tries: &[(String, String)]) -> Vec<(&str, &str)> {
    tries
        .iter()
        .map(|(one, other)| (one.as_str(), other.as_str()))
        .collect()
}

fn published(world: &World) -> usize {
    let calls = world.around.vendors.calls("/");
    calls.iter().filter(|call| call.field("Action") == "Publish").count()
}

async fn a_line_that_breaks_is_no_page_lost(place: &Place) {
    for how in [Break::Cut, Break::Silence] {
        let own = if place.is_sqlite() {
            Place::sqlite()
        } else {
            Place::postgres().await
        };
        let line = BrokenLine::start(how).await;
        let around = Around::at(Turned::at_noon()).await;
        let sns = around.vendors.base.clone();
        let mut world = World::begin_impatient(&own, around, |raw| {
            twilio(&mut raw.providers);
            amazon(&mut raw.providers);
            raw.providers.twilio_base_url = Some(line.base.clone());
            raw.aws_endpoint_url_sns = Some(sns);
        })
        .await;
        let crew = with_texts(&world).await;
        let began = world.now();
        let id = world.trigger(&crew.events, "web-01", "critical").await;
        world.work().await;
        assert_eq!(world.now(), began, "nothing was waited for");
        let tries = tries(&world, &id).await;
        assert_eq!(
            pairs(&tries),
            [("twilio-sms", "UNKNOWN"), ("sns", "ACCEPTED")],
            "{how:?}"
        );
        assert_eq!(published(&world), 1, "{how:?}");
        let timeline = world.timeline(&id).await;
        for line in [
            "SMS to Ann by Twilio may or may not have been sent and is sent again: ",
            "SMS to Ann by Amazon SNS was taken",
        ] {
            assert!(timeline.contains(line), "{how:?}: {timeline}");
        }
        assert!(world.around.post.recipients().is_empty(), "nobody else is called");
        world.finish().await;
    }
}

async fn whatever_a_provider_answers_the_other_is_asked(place: &Place) {
    let mut world = begin(place).await;
    let crew = with_texts(&world).await;
    let busy = Instead {
        headers: vec![("retry-after", "600")],
        ..Instead::of(429, r#"{"code":20429,"message":"Too Many Requests"}"#)
    };
    let nonsense = "<nonsense/>".repeat((20 << 20) / 11);
    for (n, (instead, outcome)) in [
        (busy, "RETRY"),
        (Instead::of(500, "fault"), "RETRY"),
        (Instead::of(201, nonsense.clone()), "UNKNOWN"),
        (Instead::of(500, nonsense), "RETRY"),
        (
            Instead::of(400, r#"{"code":21211,"message":"Invalid 'To'"}"#),
            "REFUSED",
        ),
        (
            Instead::of(401, r#"{"code":20003,"message":"Authenticate"}"#),
            "MISCONFIGURED",
        ),
    ]
    .into_iter()
    .enumerate()
    {
        world.around.vendors.answer_instead("/Messages.json", instead);
        let (began, before) = (world.now(), published(&world));
        let id = world.trigger(&crew.events, &format!("web-{n}"), "critical").await;
        world.work().await;
        let tries = tries(&world, &id).await;
        assert_eq!(pairs(&tries), [("twilio-sms", outcome), ("sns", "ACCEPTED")], "{n}");
        assert_eq!((published(&world), world.now()), (before + 1, began), "{n}");
        let timeline = world.timeline(&id).await;
        assert!(timeline.len() < 5_000, "nobody is told 20 MB: {}", timeline.len());
        world.minutes(20).await;
    }
    // Where nobody reads replies, nobody is asked for one.
    let calls = world.around.vendors.calls("/");
    let publish = calls.iter().find(|call| call.field("Action") == "Publish").unwrap();
    let said = publish.field("Message");
    assert!(!said.contains("Reply") && said.contains("/ack/"), "{said}");
    world.finish().await;
}

async fn both_refuse_and_the_next_one_is_called(place: &Place) {
    let mut world = begin(place).await;
    let crew = with_texts(&world).await;
    let refusal = r#"{"code":21614,"message":"'To' number is not a valid mobile number"}"#;
    world
        .around
        .vendors
        .answer_instead("/Messages.json", Instead::of(400, refusal));
    let error = "<ErrorResponse><Error><Type>Sender</Type><Code>InvalidParameter</Code>\
        <Message>Invalid parameter: PhoneNumber</Message></Error></ErrorResponse>";
    // Whatever has a path is Twilio's; SNS is asked at the root.
    world.around.vendors.answer_root_instead(Instead::of(400, error));
    let began = world.now();
    let id = world.trigger(&crew.events, "web-01", "critical").await;
    world.work().await;
    let tries = tries(&world, &id).await;
    assert_eq!(pairs(&tries), [("twilio-sms", "REFUSED"), ("sns", "REFUSED")]);
    assert_eq!(world.notifications(&id).await[0]["status"], "FAILED");
    assert_eq!(
        (world.around.post.recipients(), world.now()),
        (vec!["bob@example.com".to_owned()], began)
    );
    let timeline = world.timeline(&id).await;
    for line in [
        "21614",
        "Invalid parameter: PhoneNumber",
        "SMS to Ann by Amazon SNS failed: ",
        "escalation moves on at once",
    ] {
        assert!(timeline.contains(line), "{line}: {timeline}");
    }
    world.finish().await;
}

async fn one_is_busy_and_one_refuses(place: &Place) {
    let mut world = begin(place).await;
    let crew = with_texts(&world).await;
    world
        .around
        .vendors
        .answer_instead("/Messages.json", Instead::of(503, r#"{"code":20503,"message":"Away"}"#));
    let error = "<ErrorResponse><Error><Type>Sender</Type><Code>InvalidParameter</Code>\
        <Message>Invalid parameter: PhoneNumber</Message></Error></ErrorResponse>";
    world.around.vendors.answer_root_instead(Instead::of(400, error));
    let id = world.trigger(&crew.events, "web-01", "critical").await;
    world.work().await;
    assert_eq!(world.notifications(&id).await[0]["status"], "PENDING");
    assert!(world.around.post.recipients().is_empty(), "it may still be heard");
    world.around.vendors.answer_well("/Messages.json");
    world.minutes(1).await;
    let tries = tries(&world, &id).await;
    assert_eq!(
        tries.last().unwrap(),
        &("twilio-sms".to_owned(), "ACCEPTED".to_owned()),
        "{tries:?}"
    );
    assert!(world.around.post.recipients().is_empty());
    world.finish().await;
}

async fn a_refusal_is_followed_by_a_wait_that_was_asked_for(place: &Place) {
    let mut world = World::begin_with(place, twilio).await;
    let crew = Crew::gather(&world, 60).await;
    reach(&world, &crew.ann, "SMS", ANN).await;
    rules(&world, &crew.ann, &[("HIGH", "SMS", 0)]).await;
    let busy = Instead {
        headers: vec![("retry-after", "180")],
        ..Instead::of(429, r#"{"code":20429,"message":"Too Many Requests"}"#)
    };
    world.around.vendors.answer_instead("/Messages.json", busy);
    let asked = |world: &World| world.around.vendors.calls("/Messages.json").len();
    let id = world.trigger(&crew.events, "web-01", "critical").await;
    world.advance(SignedDuration::from_secs(175)).await;
    assert_eq!(asked(&world), 1, "it was told to wait for three minutes");
    world.around.vendors.answer_well("/Messages.json");
    world.advance(SignedDuration::from_secs(10)).await;
    assert_eq!(asked(&world), 2);
    // Acknowledged meanwhile, it would not have been sent.
    assert_eq!(world.notifications(&id).await[0]["status"], "SENT");
    world
        .api
        .patch(&format!("/api/incidents/{id}"), json!({ "status": "ACKNOWLEDGED" }))
        .await;
    world.finish().await;
}
