//! WhatsApp messages by Meta and by Twilio: what is asked of them, and what each answer leads to.

use std::sync::Arc;

use axum::{body::Body, response::Response};
use jiff::SignedDuration;
use opsknight_channels::{
    Channel, DeliveryError, Receipt, Secret,
    whatsapp::{
        MetaSettings, MetaWhatsapp, TwilioWhatsapp, TwilioWhatsappSettings, meta::DEFAULT_LANGUAGE, render, variable,
    },
};
use serde_json::{Value, json};

use crate::{
    conformance::{Mood, Peer, Person, SECRETS},
    described::Description,
    samples::{hostile, note, now, page, resolved, storm},
    twilio::{self, TO},
    web_server::{Request, WebServer, answer},
};

const NUMBER: &str = "106540352242922";

fn settings(server: &WebServer) -> MetaSettings {
    MetaSettings {
        phone_number_id: NUMBER.into(),
        access_token: Secret::new(SECRETS[0]),
        template: None,
        template_language: DEFAULT_LANGUAGE.into(),
        base_url: Some(server.base()),
    }
}

fn with_template(server: &WebServer) -> MetaSettings {
    MetaSettings {
        template: Some("opsknight_message".into()),
        ..settings(server)
    }
}

/// The example of Meta's documentation.
fn taken() -> Response<Body> {
    let body = json!({
        "messaging_product": "whatsapp",
        "contacts": [{ "input": TO, "wa_id": "14155550123" }],
        "messages": [{ "id": "wamid.HBgLMTY1MDM4Nzk0MzkVAgARGBJ", "message_status": "accepted" }],
    });
    answer(200, &[("content-type", "application/json")], body.to_string())
}

fn fault(status: u16, code: i64, subcode: Option<i64>) -> Response<Body> {
    let body = json!({
        "error": {
            "message": format!("(#{code}) Meta's title"), "type": "OAuthException", "code": code,
            "error_subcode": subcode,
            "error_data": { "messaging_product": "whatsapp", "details": "Meta's words" },
            "fbtrace_id": "Az8or2yhqkZfEZ",
        },
    });
    answer(status, &[("content-type", "application/json")], body.to_string())
}

/// Meta, for the promises of all channels.
pub(crate) async fn peer(mood: Mood) -> impl Peer {
    let server = mood.server(|_| taken()).await;
    Person {
        channel: Arc::new(MetaWhatsapp::new(&settings(&server), &mood.vendors()).unwrap()),
        to: TO,
        server,
        // The medium has no place for a delivery's identity.
        arrived: |_| Some(None),
        goes_by_status: false,
    }
}

fn twilio_settings(server: &WebServer) -> TwilioWhatsappSettings {
    TwilioWhatsappSettings {
        account: twilio::account(server),
        phone_number: "+14155550199".into(),
        content_sid: None,
        public_url: twilio::public_url(),
    }
}

/// Twilio, for the promises of all channels.
pub(crate) async fn twilio_peer(mood: Mood) -> impl Peer {
    let server = mood.server(|_| twilio::created("SM0001", "queued")).await;
    Person {
        channel: Arc::new(TwilioWhatsapp::new(&twilio_settings(&server), &mood.vendors()).unwrap()),
        to: TO,
        server,
        arrived: twilio::delivery_of,
        goes_by_status: false,
    }
}

fn meta(settings: &MetaSettings) -> MetaWhatsapp {
    MetaWhatsapp::new(settings, &Mood::Takes.vendors()).unwrap()
}

fn by_twilio(settings: &TwilioWhatsappSettings) -> TwilioWhatsapp {
    TwilioWhatsapp::new(settings, &Mood::Takes.vendors()).unwrap()
}

/// Sends a page to a server that answers so.
async fn told(answer: impl Fn() -> Response<Body> + Clone + Send + Sync + 'static) -> Result<Receipt, DeliveryError> {
    let server = WebServer::start(answer).await;
    meta(&settings(&server)).send(TO, &page(), now()).await
}

async fn sent(channel: &dyn Channel) {
    for message in [page(), resolved(), note(), hostile(), storm()] {
        channel.send("+1 (415) 555-0123", &message, now()).await.unwrap();
    }
}

#[tokio::test]
async fn requests_are_exactly_these() {
    let server = WebServer::start(taken).await;
    sent(&meta(&settings(&server))).await;
    sent(&meta(&with_template(&server))).await;
    let seen = server.seen();
    for request in &seen {
        assert_eq!(
            (request.method.as_str(), request.uri.path()),
            ("POST", "/v23.0/106540352242922/messages")
        );
        assert_eq!(request.header("authorization"), Some("Bearer PASSWORD-of-ours"));
        assert_eq!(request.header("content-type"), Some("application/json"));
    }
    let bodies: Vec<Value> = seen.iter().map(Request::json).collect();
    insta::assert_json_snapshot!("free", bodies[..5]);
    insta::assert_json_snapshot!("template", bodies[5..]);
}

#[tokio::test]
async fn twilios_requests_are_exactly_these() {
    let server = WebServer::start(|| twilio::created("SM0001", "queued")).await;
    sent(&by_twilio(&twilio_settings(&server))).await;
    let templates = TwilioWhatsappSettings {
        content_sid: Some("HX0123456789abcdef0123456789abcdef".into()),
        ..twilio_settings(&server)
    };
    sent(&by_twilio(&templates)).await;
    let requests: Vec<String> = server.seen().iter().map(twilio::shown).collect();
    insta::assert_snapshot!("by_twilio", requests.join("\n"));
}

#[tokio::test]
async fn each_request_is_as_meta_describes_it() {
    let Some(description) = Description::of("whatsapp-cloud-messages-openapi.json").await else {
        return;
    };
    let server = WebServer::start(taken).await;
    sent(&meta(&settings(&server))).await;
    sent(&meta(&with_template(&server))).await;
    let seen = server.seen();
    for request in &seen {
        assert_eq!(description.judge(request).await, Ok(()), "{}", request.body);
    }
    for (request, without) in seen
        .iter()
        .flat_map(|request| ["messaging_product", "to", "type"].map(|name| (request, name)))
    {
        let mut body = request.json();
        body.as_object_mut().unwrap().remove(without);
        let judged = description.judge_changed(request, body.to_string().into_bytes()).await;
        assert!(judged.is_err(), "{without}: {}", request.body);
    }
}

#[tokio::test]
async fn twilios_requests_are_as_it_describes_them() {
    let Some(description) = Description::of("twilio-messages-openapi.json").await else {
        return;
    };
    let server = WebServer::start(|| twilio::created("SM0001", "queued")).await;
    sent(&by_twilio(&twilio_settings(&server))).await;
    let templates = TwilioWhatsappSettings {
        content_sid: Some("HX0123456789abcdef0123456789abcdef".into()),
        ..twilio_settings(&server)
    };
    sent(&by_twilio(&templates)).await;
    let seen = server.seen();
    for request in &seen {
        assert_eq!(description.judge(request).await, Ok(()), "{}", twilio::shown(request));
    }
    for (from, to) in [("To=", "X="), ("ContentSid=HX", "ContentSid=XX")] {
        let body = seen[5].body.replacen(from, to, 1);
        assert_ne!(body, seen[5].body);
        assert!(
            description.judge_changed(&seen[5], body.into_bytes()).await.is_err(),
            "{from}"
        );
    }
}

#[test]
fn texts_fit_and_a_variable_is_as_whatsapp_wants_it() {
    for message in [page(), resolved(), note(), hostile(), storm()] {
        let text = render(&message);
        assert!(text.chars().count() <= 1024, "{text}");
        let line = variable(&message);
        assert!(!line.is_empty() && line.chars().count() <= 900, "{line}");
        assert!(!line.contains(['\n', '\t', '\r']) && !line.contains("     "), "{line}");
    }
    for text in [render(&hostile()), variable(&hostile())] {
        assert!(
            text.contains("ack 4217") && text.contains("https://opsknight.example.com/a/"),
            "{text}"
        );
    }
    for text in [render(&storm()), variable(&storm())] {
        assert!(
            text.contains("337 incidents need you") && text.contains("ack all"),
            "{text}"
        );
        assert!(
            text.contains("https://opsknight.example.com/incidents?status=OPEN"),
            "{text}"
        );
    }
}

#[tokio::test]
async fn what_it_takes_is_a_receipt_with_its_identity() {
    let receipt = told(taken).await.unwrap();
    assert_eq!(
        receipt,
        Receipt::of("200 OK: accepted").with_id("wamid.HBgLMTY1MDM4Nzk0MzkVAgARGBJ")
    );
    let plain = || {
        answer(
            200,
            &[],
            r#"{"messaging_product":"whatsapp","messages":[{"id":"wamid.1"}]}"#,
        )
    };
    assert_eq!(told(plain).await.unwrap().provider_id.as_deref(), Some("wamid.1"));
    for body in ["", "{}", "<html>", r#"{"messages":[]}"#, r#"{"messages":[{"id":""}]}"#] {
        let outcome = told(move || answer(200, &[], body)).await;
        assert!(
            matches!(outcome, Err(DeliveryError::Unknown { .. })),
            "{body}: {outcome:?}"
        );
    }
}

#[tokio::test]
async fn each_error_leads_to_what_is_to_be_done() {
    for (code, words) in [
        (131_047, "template"),
        (131_026, "not on WhatsApp"),
        (131_030, "test number"),
        (131_009, "Meta's words"),
    ] {
        match told(move || fault(400, code, None)).await {
            Err(DeliveryError::Refused { why }) => {
                assert!(why.contains(words) && why.contains(&format!("error {code}")), "{why}");
                assert!(
                    why.starts_with("400 Bad Request: ") && why.contains("Meta's words"),
                    "{why}"
                );
            }
            other => panic!("{code}: {other:?}"),
        }
    }
    for (status, code, subcode, setting) in [
        (401, 190, Some(463), "WHATSAPP_ACCESS_TOKEN"),
        (403, 10, None, "WHATSAPP_ACCESS_TOKEN"),
        (403, 200, None, "WHATSAPP_ACCESS_TOKEN"),
        (400, 190, None, "WHATSAPP_ACCESS_TOKEN"),
        (400, 132_000, None, "WHATSAPP_TEMPLATE"),
        (404, 132_001, None, "WHATSAPP_TEMPLATE"),
        (400, 132_012, None, "WHATSAPP_TEMPLATE"),
        (400, 132_015, None, "WHATSAPP_TEMPLATE"),
        (400, 133_010, None, "WHATSAPP_PHONE_NUMBER_ID"),
        (400, 100, Some(33), "WHATSAPP_PHONE_NUMBER_ID"),
        (404, 99_999, None, "WHATSAPP_PHONE_NUMBER_ID"),
    ] {
        match told(move || fault(status, code, subcode)).await {
            Err(DeliveryError::Misconfigured { field, why }) => {
                assert_eq!(field, setting, "{code}");
                assert!(why.contains("Meta's words"), "{why}");
            }
            other => panic!("{code}: {other:?}"),
        }
    }
    for (status, code) in [
        (400, 130_429),
        (400, 80_007),
        (400, 131_048),
        (400, 131_056),
        (429, 4),
        (500, 131_000),
        (503, 2),
        (500, 99_999),
    ] {
        let outcome = told(move || fault(status, code, None)).await;
        assert!(
            matches!(outcome, Err(DeliveryError::Retry { after: None, .. })),
            "{code}: {outcome:?}"
        );
    }
    let outcome = told(|| fault(400, 100, None)).await;
    assert!(matches!(outcome, Err(DeliveryError::Refused { .. })), "{outcome:?}");
    let outcome = told(|| answer(400, &[], "<html>")).await;
    assert!(matches!(outcome, Err(DeliveryError::Refused { .. })), "{outcome:?}");
}

#[tokio::test]
async fn its_own_wait_is_kept() {
    let busy = || {
        answer(
            429,
            &[("retry-after", "9")],
            r#"{"error":{"message":"x","code":130429}}"#,
        )
    };
    match told(busy).await {
        Err(DeliveryError::Retry { after, .. }) => assert_eq!(after, Some(SignedDuration::from_secs(9))),
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn the_check_sends_nothing_and_says_which_number_sends() {
    let number = json!({
        "display_phone_number": "+1 415-555-0199", "verified_name": "Acme paging", "quality_rating": "GREEN", "id": NUMBER,
    });
    let server = WebServer::start(move || answer(200, &[], number.to_string())).await;
    assert_eq!(
        meta(&settings(&server)).check().await.unwrap(),
        "200 OK: +1 415-555-0199 (Acme paging), quality green"
    );
    let request = &server.seen()[0];
    assert_eq!(request.method, "GET");
    assert_eq!(
        request.uri,
        "/v23.0/106540352242922?fields=display_phone_number%2Cverified_name%2Cquality_rating"
    );
    let server = WebServer::start(|| fault(401, 190, None)).await;
    let outcome = meta(&settings(&server)).check().await;
    assert!(
        matches!(
            outcome,
            Err(DeliveryError::Misconfigured {
                field: "WHATSAPP_ACCESS_TOKEN",
                ..
            })
        ),
        "{outcome:?}"
    );
    let server = WebServer::start(|| answer(200, &[], "{}")).await;
    assert!(matches!(
        meta(&settings(&server)).check().await,
        Err(DeliveryError::Unknown { .. })
    ));
}

#[tokio::test]
async fn twilios_errors_of_whatsapp_name_their_own_settings() {
    let told = async |code: u32| {
        let server = WebServer::start(move || twilio::fault(400, code, "Twilio's words")).await;
        by_twilio(&twilio_settings(&server)).send(TO, &page(), now()).await
    };
    match told(63016).await {
        Err(DeliveryError::Refused { why }) => assert!(why.contains("approved template"), "{why}"),
        other => panic!("{other:?}"),
    }
    for (code, setting) in [
        (63007, "TWILIO_WHATSAPP_NUMBER"),
        (21212, "TWILIO_WHATSAPP_NUMBER"),
        (21655, "TWILIO_WHATSAPP_CONTENT_SID"),
        (21656, "TWILIO_WHATSAPP_CONTENT_SID"),
    ] {
        match told(code).await {
            Err(DeliveryError::Misconfigured { field, .. }) => assert_eq!(field, setting),
            other => panic!("{code}: {other:?}"),
        }
    }
    assert!(matches!(told(63018).await, Err(DeliveryError::Retry { .. })));
    // What is taken and fails at once says so (Twilio, Message resource: `error_code`).
    let failed = || {
        let body = json!({ "sid": "SM0001", "status": "failed", "error_code": 63016, "error_message": "Outside" });
        answer(201, &[], body.to_string())
    };
    let server = WebServer::start(failed).await;
    let outcome = by_twilio(&twilio_settings(&server)).send(TO, &page(), now()).await;
    assert!(matches!(outcome, Err(DeliveryError::Refused { .. })), "{outcome:?}");
}
