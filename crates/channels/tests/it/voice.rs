//! Calls by Twilio: what is asked of it, what is said, and what each answer leads to.

use std::sync::Arc;

use opsknight_channels::{
    Channel, DeliveryError, Message, Receipt,
    voice::{TwilioVoice, TwilioVoiceSettings, twiml},
};
use opsknight_domain::message::{Content, IncidentMessage};
use url::Url;

use crate::{
    conformance::{Mood, Peer, Person},
    described::Description,
    samples::{hostile, incident, message, note, now, page, resolved, storm},
    twilio::{TO, account, created, delivery_of, fault, public_url, shown},
    web_server::{Request, WebServer},
};

fn settings(server: &WebServer) -> TwilioVoiceSettings {
    TwilioVoiceSettings {
        account: account(server),
        phone_number: "+1 415 555 0199".into(),
        public_url: public_url(),
    }
}

/// Twilio, for the promises of all channels.
pub(crate) async fn peer(mood: Mood) -> impl Peer {
    let server = mood.server(|_| created("CA0001", "queued")).await;
    Person {
        channel: Arc::new(TwilioVoice::new(&settings(&server), &mood.vendors()).unwrap()),
        to: TO,
        server,
        arrived: delivery_of,
        goes_by_status: false,
    }
}

fn voice(settings: &TwilioVoiceSettings) -> TwilioVoice {
    TwilioVoice::new(settings, &Mood::Takes.vendors()).unwrap()
}

fn code() -> Message {
    Message {
        content: Content::Note {
            subject: "Your code for OpsKnight".into(),
            text: "Your code is 482913.\n\nIt works for 10 minutes.".into(),
        },
        ..note()
    }
}

#[tokio::test]
async fn requests_are_exactly_these() {
    let server = WebServer::start(|| created("CA0001", "queued")).await;
    let channel = voice(&settings(&server));
    for message in [page(), resolved(), note(), hostile(), storm(), code()] {
        let receipt = channel.send("+1 (415) 555-0123", &message, now()).await.unwrap();
        assert_eq!(receipt, Receipt::of("201 Created: queued").with_id("CA0001"));
    }
    let requests: Vec<String> = server.seen().iter().map(shown).collect();
    insta::assert_snapshot!("requests", requests.join("\n"));
}

#[tokio::test]
async fn without_a_public_address_a_call_only_speaks() {
    let server = WebServer::start(|| created("CA0001", "queued")).await;
    let settings = TwilioVoiceSettings {
        public_url: None,
        ..settings(&server)
    };
    voice(&settings).send(TO, &page(), now()).await.unwrap();
    let request = &server.seen()[0];
    assert_eq!(request.field("StatusCallback"), None);
    let said = request.field("Twiml").unwrap();
    assert!(!said.contains("<Gather") && !said.contains("Press"), "{said}");
    assert!(
        said.contains("High CPU on web-01") && said.contains("Open OpsKnight"),
        "{said}"
    );
}

#[tokio::test]
async fn each_request_is_as_twilio_describes_it() {
    let Some(description) = Description::of("twilio-messages-openapi.json").await else {
        return;
    };
    let server = WebServer::start(|| created("CA0001", "queued")).await;
    let channel = voice(&settings(&server));
    for message in [page(), resolved(), note(), hostile(), storm(), code()] {
        channel.send(TO, &message, now()).await.unwrap();
    }
    let seen = server.seen();
    for request in &seen {
        assert_eq!(description.judge(request).await, Ok(()), "{}", shown(request));
    }
    for without in ["To=", "From="] {
        let body = seen[0].body.replacen(without, "X=", 1);
        assert_ne!(body, seen[0].body);
        assert!(
            description.judge_changed(&seen[0], body.into_bytes()).await.is_err(),
            "{without}"
        );
    }
}

#[tokio::test]
async fn each_answer_leads_to_what_is_to_be_done() {
    let told = async |status: u16, code: u32| {
        let server = WebServer::start(move || fault(status, code, "Twilio's words")).await;
        voice(&settings(&server)).send(TO, &page(), now()).await
    };
    for code in [21211, 21214, 21215, 21216, 21219, 13224] {
        let outcome = told(400, code).await;
        assert!(
            matches!(outcome, Err(DeliveryError::Refused { .. })),
            "{code}: {outcome:?}"
        );
    }
    for (status, code, setting) in [
        (401, 20003, "TWILIO_AUTH_TOKEN"),
        (400, 21210, "TWILIO_PHONE_NUMBER"),
        (400, 21212, "TWILIO_PHONE_NUMBER"),
    ] {
        match told(status, code).await {
            Err(DeliveryError::Misconfigured { field, .. }) => assert_eq!(field, setting),
            other => panic!("{code}: {other:?}"),
        }
    }
    for (status, code) in [(429, 20429), (400, 10004), (500, 20500)] {
        let outcome = told(status, code).await;
        assert!(
            matches!(outcome, Err(DeliveryError::Retry { .. })),
            "{code}: {outcome:?}"
        );
    }
    for (status, refused) in [
        ("failed", true),
        ("canceled", true),
        ("busy", false),
        ("no-answer", false),
    ] {
        let server = WebServer::start(move || created("CA0001", status)).await;
        let outcome = voice(&settings(&server)).send(TO, &page(), now()).await;
        assert_eq!(
            matches!(outcome, Err(DeliveryError::Refused { .. })),
            refused,
            "{status}: {outcome:?}"
        );
        assert_eq!(
            matches!(outcome, Err(DeliveryError::Retry { .. })),
            !refused,
            "{status}: {outcome:?}"
        );
    }
}

#[tokio::test]
async fn a_call_is_made_although_twilio_cannot_reach_us() {
    let picky = |request: &Request| match request.field("StatusCallback") {
        Some(_) => fault(400, 21609, "The StatusCallback URL is not a valid URL."),
        None => created("CA0001", "queued"),
    };
    let server = WebServer::asked(picky).await;
    assert!(voice(&settings(&server)).send(TO, &page(), now()).await.is_ok());
}

#[test]
fn a_name_or_a_short_code_cannot_call() {
    let settings = |number: &str| TwilioVoiceSettings {
        account: opsknight_channels::twilio::TwilioAccount {
            account_sid: "AC0123".into(),
            auth_token: opsknight_channels::Secret::new("token"),
            base_url: None,
        },
        phone_number: number.into(),
        public_url: None,
    };
    assert_eq!(settings("+14155550199").problems(), []);
    for number in ["", "12345", "OpsKnight"] {
        let problems = settings(number).problems();
        assert_eq!(problems.len(), 1, "{number}");
        assert_eq!(problems[0].field, "TWILIO_PHONE_NUMBER");
    }
}

/// A page whose title is of this text, over and over.
fn titled(title: &str) -> IncidentMessage {
    let mut news = incident();
    news.incident.title = title.repeat(300);
    news.incident.service.name = title.repeat(300);
    news
}

#[test]
fn what_is_said_always_fits_and_is_always_whole() {
    let action = |path: usize| Url::parse(&format!("https://ops.example.com/{}", "&".repeat(path))).unwrap();
    let note = Message {
        content: Content::Note {
            subject: "'1234".repeat(100),
            text: "'1234".repeat(4000),
        },
        ..note()
    };
    let messages = ["wörd ", "' ", "<&>\" ", "磁盘 ", "x", "1", "\u{ffff}\0 "].map(|title| message(titled(title)));
    for told in messages.iter().chain([&note, &storm(), &hostile()]) {
        for action in [None, Some(action(10)), Some(action(300)), Some(action(900))] {
            let document = twiml::call(told, action.as_ref());
            assert!(document.chars().count() <= twiml::TWIML_CHARS_MAX, "{}", document.len());
            for tag in ["Response", "Gather", "Say"] {
                let opened =
                    document.matches(&format!("<{tag}>")).count() + document.matches(&format!("<{tag} ")).count();
                assert_eq!(opened, document.matches(&format!("</{tag}>")).count(), "{document}");
            }
            assert!(document.contains("OpsKnight"), "{document}");
        }
    }
    // A way to answer that leaves no room for what is wrong is left out.
    assert!(!twiml::call(&page(), Some(&action(900))).contains("Gather"));
    assert!(twiml::call(&page(), Some(&action(300))).contains("Gather"));
}
