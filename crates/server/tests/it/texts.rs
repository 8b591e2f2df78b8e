//! Text messages that people answer, and what Twilio reports of those that it took.

use jiff::SignedDuration;
use serde_json::Value;

use crate::{
    both::Place,
    people::{ANN, BOB, Crew, method, reach, rules},
    signers::{form, of_twilio, path_of, text, twilio, twilio_calls},
    vendors::Call,
    world::{Around, PUBLIC_URL, Turned, World},
};

both! {
    only_twilio_is_heard,
    a_port_in_the_public_address_may_be_signed_or_not,
    a_number_that_takes_nothing_is_marked_and_tried_last,
    several_incidents_are_acknowledged_by_text,
    two_people_share_a_telephone,
    stop_on_whatsapp_is_no_stop_of_text_messages,
}

fn texts(world: &World) -> Vec<Call> {
    world.around.vendors.calls("/Messages.json")
}

/// The code in a message.
fn code(said: &str) -> String {
    said.split("ack ").nth(1).expect(said)[..4].to_owned()
}

/// Twilio reports of the last text message.
async fn reports(world: &World, status: &str, error: &str) {
    let callback = texts(world).last().unwrap().field("StatusCallback");
    let sid = "SM00000000000000000000000000000000";
    let fields = [("MessageSid", sid), ("MessageStatus", status), ("ErrorCode", error)];
    let fields = if error.is_empty() { &fields[..2] } else { &fields[..] };
    twilio_calls(world, path_of(&callback), fields).await;
}

/// Ann is texted and gets no mail.
async fn with_texts(world: &World) -> Crew {
    let crew = Crew::gather(world, 10).await;
    reach(world, &crew.ann, "SMS", ANN).await;
    rules(world, &crew.ann, &[("HIGH", "SMS", 0)]).await;
    crew
}

async fn only_twilio_is_heard(place: &Place) {
    let mut world = World::begin_with(place, twilio).await;
    let crew = with_texts(&world).await;
    let id = world.trigger(&crew.events, "web-01", "critical").await;
    world.work().await;
    let said = format!("ack {}", code(&texts(&world)[0].field("Body")));
    let fields = [
        ("From", ANN),
        ("To", "+1"),
        ("Body", said.as_str()),
        ("MessageSid", "SM1"),
    ];
    let of_status = of_twilio(&format!("{PUBLIC_URL}/api/twilio/status"), &fields);
    for path in ["sms", "status", "voice?token=x", "call-status?delivery=x"] {
        let path = format!("/api/twilio/{path}");
        for signature in ["", "AAAA", of_status.as_str()] {
            if path.ends_with("/status") && signature == of_status {
                continue;
            }
            assert_eq!(form(&world, &path, &fields, signature).await.0, 401, "{path}");
        }
        // Signed with what comes behind the question mark, and called with something else there.
        let signature = of_twilio(&format!("{PUBLIC_URL}{path}"), &fields);
        let other = format!("{}?delivery=other", path.split('?').next().unwrap());
        assert_eq!(form(&world, &other, &fields, &signature).await.0, 401, "{other}");
    }
    assert_eq!(world.incident(&id).await["status"], "OPEN");
    world.finish().await;
}

async fn a_port_in_the_public_address_may_be_signed_or_not(place: &Place) {
    let around = Around::at(Turned::at_noon()).await;
    let mut world = World::begin_as(place, around, |raw| {
        twilio(&mut raw.providers);
        raw.public_url = Some(format!("{PUBLIC_URL}:8443"));
    })
    .await;
    let crew = with_texts(&world).await;
    let id = world.trigger(&crew.events, "web-01", "critical").await;
    world.work().await;
    let callback = texts(&world)[0].field("StatusCallback");
    let path = callback.strip_prefix(&format!("{PUBLIC_URL}:8443")).expect(&callback);
    let fields = [("MessageSid", "SM1"), ("MessageStatus", "delivered")];
    for signed in [format!("{PUBLIC_URL}:8443{path}"), format!("{PUBLIC_URL}{path}")] {
        let (status, _) = form(&world, path, &fields, &of_twilio(&signed, &fields)).await;
        assert_eq!(status, 200, "{signed}");
    }
    let other = of_twilio(&format!("{PUBLIC_URL}:8444{path}"), &fields);
    assert_eq!(form(&world, path, &fields, &other).await.0, 401);
    assert!(world.notifications(&id).await[0]["deliveredAt"].is_string());
    world.finish().await;
}

async fn a_number_that_takes_nothing_is_marked_and_tried_last(place: &Place) {
    let mut world = World::begin_with(place, twilio).await;
    let crew = Crew::gather(&world, 10).await;
    let phone = reach(&world, &crew.ann, "SMS", ANN).await;
    rules(&world, &crew.ann, &[("HIGH", "SMS", 0)]).await;
    let failing = async |world: &World| method(world, &crew.ann, &phone).await["failing"].clone();
    // The telephone is off: Bob is called at once, and nothing is said of the number.
    let id = world.trigger(&crew.events, "one", "critical").await;
    world.work().await;
    reports(&world, "sent", "").await;
    reports(&world, "undelivered", "30003").await;
    world.work().await;
    let timeline = world.timeline(&id).await;
    assert!(
        timeline.contains("SMS to Ann by Twilio has not arrived: error 30003: "),
        "{timeline}"
    );
    assert_eq!(world.around.post.recipients(), ["bob@example.com"]);
    assert_eq!(failing(&world).await, Value::Null);
    // There is no such number: that is kept with the provider's words.
    world.minutes(20).await;
    world.trigger(&crew.events, "two", "critical").await;
    world.work().await;
    reports(&world, "undelivered", "30005").await;
    world.work().await;
    let said = failing(&world).await;
    assert!(said["why"].as_str().is_some_and(|why| why.contains("30005")), "{said}");
    // It is the only one, so it is tried all the same; and when something arrives, all is well again.
    world.minutes(20).await;
    let before = texts(&world).len();
    world.trigger(&crew.events, "three", "critical").await;
    world.work().await;
    assert_eq!(texts(&world).len(), before + 1);
    reports(&world, "delivered", "").await;
    assert_eq!(failing(&world).await, Value::Null);
    // Where another number works, the one that fails is left alone.
    reports(&world, "undelivered", "30006").await;
    assert_ne!(failing(&world).await, Value::Null);
    reach(&world, &crew.ann, "SMS", BOB).await;
    world.minutes(20).await;
    let before = texts(&world).len();
    world.trigger(&crew.events, "four", "critical").await;
    world.work().await;
    let to: Vec<String> = texts(&world)[before..].iter().map(|call| call.field("To")).collect();
    assert_eq!(to, [BOB]);
    world.finish().await;
}

async fn several_incidents_are_acknowledged_by_text(place: &Place) {
    let mut world = World::begin_with(place, twilio).await;
    let crew = with_texts(&world).await;
    let mut ids = Vec::new();
    assert!(
        text(&world, ANN, "ack", "SM0")
            .await
            .contains("Nothing of yours is left")
    );
    for key in ["one", "two", "three"] {
        ids.push(world.trigger(&crew.events, key, "critical").await);
        world.advance(SignedDuration::from_secs(60)).await;
        if key == "two" {
            let said = text(&world, ANN, "ack", "SM1").await;
            assert!(said.contains("called to 2 incidents"), "{said}");
        }
    }
    let status = async |world: &World, id: &str| world.incident(id).await["status"].clone();
    let said = text(&world, ANN, "ack all", "SM2").await;
    assert!(said.contains("3 incidents are acknowledged"), "{said}");
    for id in &ids {
        assert_eq!(status(&world, id).await, "ACKNOWLEDGED");
    }
    ids.push(world.trigger(&crew.events, "four", "critical").await);
    world.work().await;
    assert!(text(&world, ANN, "ack", "SM3").await.contains("is acknowledged"));
    assert_eq!(status(&world, &ids[3]).await, "ACKNOWLEDGED");
    // Somebody who asks something else is told what can be said.
    assert!(text(&world, ANN, "what is it?", "SM4").await.contains("Reply"));
    assert!(
        text(&world, ANN, "resolve all", "SM5")
            .await
            .contains("4 incidents are resolved")
    );
    world.finish().await;
}

async fn two_people_share_a_telephone(place: &Place) {
    let mut world = World::begin_with(place, twilio).await;
    let crew = with_texts(&world).await;
    reach(&world, &crew.bob, "SMS", ANN).await;
    rules(&world, &crew.bob, &[("HIGH", "SMS", 0)]).await;
    let id = world.trigger(&crew.events, "web-01", "critical").await;
    world.minutes(11).await;
    let bobs = texts(&world);
    assert_eq!(bobs.len(), 2);
    // The code tells whose message is answered.
    let said = format!("ack {}", code(&bobs[1].field("Body")));
    let answer = text(&world, ANN, &said, "SM1").await;
    assert!(answer.contains("is acknowledged"), "{answer}");
    let incident = world.incident(&id).await;
    assert_eq!(incident["assignee"]["name"], "Bob", "{incident}");
    // Without a code it is one incident, and not two.
    let id = world.trigger(&crew.events, "web-02", "critical").await;
    world.minutes(11).await;
    let answer = text(&world, ANN, "ack", "SM2").await;
    assert!(answer.contains("is acknowledged"), "{answer}");
    assert_eq!(world.incident(&id).await["status"], "ACKNOWLEDGED");
    world.finish().await;
}

async fn stop_on_whatsapp_is_no_stop_of_text_messages(place: &Place) {
    let mut world = World::begin_with(place, |raw| {
        twilio(raw);
        raw.twilio_whatsapp_number = Some("+14155550101".into());
    })
    .await;
    let crew = Crew::gather(&world, 60).await;
    let phone = reach(&world, &crew.ann, "SMS", ANN).await;
    let whatsapp = reach(&world, &crew.ann, "WHATSAPP", ANN).await;
    rules(&world, &crew.ann, &[("HIGH", "SMS", 0), ("HIGH", "WHATSAPP", 0)]).await;
    let to = |world: &World, from: usize| {
        let calls = texts(world);
        let mut to: Vec<String> = calls[from..].iter().map(|call| call.field("To")).collect();
        to.sort();
        to
    };
    let both = [ANN.to_owned(), format!("whatsapp:{ANN}")];
    let id = world.trigger(&crew.events, "one", "critical").await;
    world.work().await;
    assert_eq!(to(&world, 0), both);
    let from = format!("whatsapp:{ANN}");
    let write = async |world: &World, said: &str, sid: &str| {
        let to = "whatsapp:+14155550101";
        let fields = [("From", from.as_str()), ("To", to), ("Body", said), ("MessageSid", sid)];
        twilio_calls(world, "/api/twilio/sms", &fields).await
    };
    let said = write(&world, "ack", "SM1").await;
    assert!(said.contains("is acknowledged"), "{said}");
    assert_eq!(world.incident(&id).await["status"], "ACKNOWLEDGED");
    write(&world, "STOP", "SM2").await;
    assert_eq!(method(&world, &crew.ann, &whatsapp).await["stopped"], true);
    assert_eq!(method(&world, &crew.ann, &phone).await["stopped"], false);
    world.minutes(20).await;
    world.trigger(&crew.events, "two", "critical").await;
    world.work().await;
    assert_eq!(to(&world, 2), [ANN]);
    write(&world, "START", "SM3").await;
    world.minutes(20).await;
    world.trigger(&crew.events, "three", "critical").await;
    world.work().await;
    assert_eq!(to(&world, 3), both);
    // A status of a message by WhatsApp: it was read.
    let callback = texts(&world)
        .into_iter()
        .rfind(|call| call.field("To").starts_with("whatsapp:"))
        .unwrap()
        .field("StatusCallback");
    twilio_calls(
        &world,
        path_of(&callback),
        &[("MessageSid", "SM9"), ("MessageStatus", "read")],
    )
    .await;
    world.finish().await;
}
