//! Text messages by Twilio: what is asked of it, and what each of its answers leads to. Calls and WhatsApp messages
//! share the account and the errors.

use std::sync::Arc;

use axum::{body::Body, response::Response};
use jiff::SignedDuration;
use opsknight_channels::{
    Channel, DeliveryError, Receipt, Secret,
    sms::twilio::{TwilioSms, TwilioSmsSettings},
    twilio::TwilioAccount,
};
use serde_json::json;
use url::Url;

use crate::{
    conformance::{Mood, Peer, Person, SECRETS},
    described::Description,
    samples::{hostile, note, now, page, resolved, storm},
    web_server::{Request, WebServer, answer},
};

pub(crate) const SID: &str = "AC0123456789abcdef0123456789abcdef";
pub(crate) const TO: &str = "+14155550123";

pub(crate) fn account(server: &WebServer) -> TwilioAccount {
    TwilioAccount {
        account_sid: SID.into(),
        auth_token: Secret::new(SECRETS[0]),
        base_url: Some(server.base()),
    }
}

pub(crate) fn public_url() -> Option<Url> {
    Some(Url::parse("https://opsknight.example.com").unwrap())
}

fn settings(server: &WebServer) -> TwilioSmsSettings {
    TwilioSmsSettings {
        account: account(server),
        phone_number: Some("+1 415 555 0199".into()),
        messaging_service_sid: None,
        public_url: public_url(),
    }
}

/// A resource that Twilio has created (Twilio, Message resource: the example of its documentation, shortened).
pub(crate) fn created(sid: &str, status: &str) -> Response<Body> {
    let body = json!({
        "account_sid": SID, "api_version": "2010-04-01", "body": "Hi", "direction": "outbound-api",
        "error_code": null, "error_message": null, "num_segments": "1", "sid": sid, "status": status,
        "to": TO, "uri": format!("/2010-04-01/Accounts/{SID}/Messages/{sid}.json"),
    });
    answer(201, &[("content-type", "application/json")], body.to_string())
}

/// An answer that refuses.
pub(crate) fn fault(status: u16, code: u32, message: &str) -> Response<Body> {
    let body = json!({
        "code": code, "message": message, "more_info": format!("https://www.twilio.com/docs/errors/{code}"),
        "status": status,
    });
    answer(status, &[("content-type", "application/json")], body.to_string())
}

/// By what Twilio, and we, can tell a repetition: the delivery in the address for its reports.
pub(crate) fn delivery_of(request: &Request) -> Option<Option<String>> {
    Some(request.field("StatusCallback"))
}

/// Twilio, for the promises of all channels.
pub(crate) async fn peer(mood: Mood) -> impl Peer {
    let server = mood.server(|_| created("SM0001", "queued")).await;
    Person {
        channel: Arc::new(TwilioSms::new(&settings(&server), &mood.vendors()).unwrap()),
        to: TO,
        server,
        arrived: delivery_of,
        goes_by_status: false,
    }
}

/// A request as people read it: without the credentials, the form taken apart.
pub(crate) fn shown(request: &Request) -> String {
    let mut shown = format!("{} {}\n", request.method, request.uri);
    for name in ["content-type", "authorization"] {
        shown.push_str(&format!("{name}: {}\n", request.header(name).unwrap_or("-")));
    }
    let form = Url::parse(&format!("http://form/?{}", request.body)).unwrap();
    for (name, value) in form.query_pairs() {
        shown.push_str(&format!("{name} = {value}\n"));
    }
    shown
}

fn sms(settings: &TwilioSmsSettings) -> TwilioSms {
    TwilioSms::new(settings, &Mood::Takes.vendors()).unwrap()
}

/// Sends a page to a server that answers so.
async fn told(
    answer: impl Fn(&Request) -> Response<Body> + Clone + Send + Sync + 'static,
) -> Result<Receipt, DeliveryError> {
    let server = WebServer::asked(answer).await;
    sms(&settings(&server)).send(TO, &page(), now()).await
}

#[tokio::test]
async fn requests_are_exactly_these() {
    let server = WebServer::start(|| created("SM0001", "queued")).await;
    let channel = sms(&settings(&server));
    for message in [page(), resolved(), note(), hostile(), storm()] {
        channel.send("+1 (415) 555-0123", &message, now()).await.unwrap();
    }
    let requests: Vec<String> = server.seen().iter().map(shown).collect();
    insta::assert_snapshot!("requests", requests.join("\n"));
}

#[tokio::test]
async fn a_messaging_service_picks_the_number_and_without_a_public_address_nothing_is_reported() {
    let server = WebServer::start(|| created("SM0001", "accepted")).await;
    let settings = TwilioSmsSettings {
        phone_number: None,
        messaging_service_sid: Some("MG0123456789abcdef0123456789abcdef".into()),
        public_url: Url::parse("file:///srv").ok(),
        ..settings(&server)
    };
    sms(&settings).send(TO, &page(), now()).await.unwrap();
    let request = &server.seen()[0];
    assert_eq!(
        request.field("MessagingServiceSid").as_deref(),
        Some("MG0123456789abcdef0123456789abcdef")
    );
    assert_eq!(request.field("From"), None);
    assert_eq!(request.field("StatusCallback"), None);
}

#[tokio::test]
async fn each_request_is_as_twilio_describes_it() {
    let Some(description) = Description::of("twilio-messages-openapi.json").await else {
        return;
    };
    let server = WebServer::start(|| created("SM0001", "queued")).await;
    let service = TwilioSmsSettings {
        phone_number: None,
        messaging_service_sid: Some("MG0123456789abcdef0123456789abcdef".into()),
        ..settings(&server)
    };
    for channel in [sms(&settings(&server)), sms(&service)] {
        for message in [page(), resolved(), note(), hostile(), storm()] {
            channel.send(TO, &message, now()).await.unwrap();
        }
    }
    let seen = server.seen();
    for request in &seen {
        assert_eq!(description.judge(request).await, Ok(()), "{}", shown(request));
    }
    for without in ["To=", "MessagingServiceSid=MG"] {
        let body = seen[5].body.replacen(without, "X=", 1);
        assert_ne!(body, seen[5].body);
        let judged = description.judge_changed(&seen[5], body.into_bytes()).await;
        // A service is not required, but what is there must be one.
        assert_eq!(judged.is_err(), without == "To=", "{without}");
    }
    let body = seen[5].body.replace("MG0123", "XX0123");
    assert!(description.judge_changed(&seen[5], body.into_bytes()).await.is_err());
}

#[tokio::test]
async fn what_it_takes_is_a_receipt_with_its_identity() {
    for status in ["queued", "accepted", "sending", "sent", "delivered", "something new"] {
        let receipt = told(move |_| created("SM0001", status)).await.unwrap();
        assert_eq!(receipt, Receipt::of(format!("201 Created: {status}")).with_id("SM0001"));
    }
}

#[tokio::test]
async fn what_fails_at_once_is_not_a_receipt() {
    for status in ["failed", "undelivered"] {
        let failed = move |code: serde_json::Value| {
            let body = json!({ "sid": "SM0001", "status": status, "error_code": code, "error_message": null });
            answer(201, &[], body.to_string())
        };
        match told(move |_| failed(json!(30005))).await {
            Err(DeliveryError::Refused { why }) => {
                assert!(why.contains("error 30005: the number is not in use"), "{why}")
            }
            other => panic!("{other:?}"),
        }
        match told(move |_| failed(json!("30001"))).await {
            Err(DeliveryError::Retry { why, .. }) => assert!(why.contains("30001"), "{why}"),
            other => panic!("{other:?}"),
        }
        match told(move |_| failed(json!(null))).await {
            Err(DeliveryError::Refused { why }) => assert_eq!(why, format!("201 Created: {status}")),
            other => panic!("{other:?}"),
        }
    }
}

#[tokio::test]
async fn each_error_leads_to_what_is_to_be_done() {
    for (status, code, words) in [
        (400, 21211, "not a phone number"),
        (400, 21614, "not a mobile number"),
        (403, 21408, "region"),
        (400, 21610, "the person has replied STOP"),
        (400, 21612, "cannot be reached"),
        (400, 21608, "trial"),
        (400, 21635, "landline"),
    ] {
        match told(move |_| fault(status, code, "Twilio's words")).await {
            Err(DeliveryError::Refused { why }) => {
                assert!(why.contains(words) && why.contains("(Twilio's words)"), "{code}: {why}");
                assert!(
                    why.starts_with(&format!("{status} ")) && why.contains(&code.to_string()),
                    "{why}"
                );
            }
            other => panic!("{code}: {other:?}"),
        }
    }
    for (status, code, setting) in [
        (401, 20003, "TWILIO_AUTH_TOKEN"),
        (403, 20005, "TWILIO_ACCOUNT_SID"),
        (404, 20404, "TWILIO_ACCOUNT_SID"),
        (400, 21603, "TWILIO_PHONE_NUMBER"),
        (400, 21606, "TWILIO_PHONE_NUMBER"),
        (400, 21659, "TWILIO_PHONE_NUMBER"),
        (400, 21660, "TWILIO_PHONE_NUMBER"),
        (400, 21701, "TWILIO_MESSAGING_SERVICE_SID"),
        (400, 21703, "TWILIO_MESSAGING_SERVICE_SID"),
        // Codes that are not known here are judged by the status.
        (401, 99999, "TWILIO_AUTH_TOKEN"),
        (404, 99999, "TWILIO_ACCOUNT_SID"),
    ] {
        match told(move |_| fault(status, code, "Twilio's words")).await {
            Err(DeliveryError::Misconfigured { field, why }) => {
                assert_eq!(field, setting, "{code}");
                assert!(why.contains("Twilio's words"), "{why}");
            }
            other => panic!("{code}: {other:?}"),
        }
    }
    for (status, code) in [
        (429, 20429),
        (429, 14107),
        (400, 30001),
        (400, 21611),
        (503, 20503),
        (500, 99999),
    ] {
        let outcome = told(move |_| fault(status, code, "Twilio's words")).await;
        assert!(
            matches!(outcome, Err(DeliveryError::Retry { after: None, .. })),
            "{code}: {outcome:?}"
        );
    }
    match told(|_| fault(400, 99999, "Twilio's words")).await {
        Err(DeliveryError::Refused { why }) => assert_eq!(why, "400 Bad Request: error 99999: Twilio's words"),
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn its_own_wait_is_kept() {
    let outcome = told(|_| {
        answer(
            429,
            &[("retry-after", "7")],
            r#"{"code":20429,"message":"Too Many Requests"}"#,
        )
    })
    .await;
    match outcome {
        Err(DeliveryError::Retry { why, after }) => {
            assert_eq!(after, Some(SignedDuration::from_secs(7)));
            assert_eq!(
                why,
                "429 Too Many Requests: error 20429: too many requests (Too Many Requests)"
            );
        }
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn nonsense_is_no_receipt() {
    for body in [
        "",
        "{}",
        "<html>",
        r#"{"sid":"","status":"queued"}"#,
        r#"{"sid":7,"status":"queued"}"#,
    ] {
        for status in [200, 201] {
            let outcome = told(move |_| answer(status, &[], body)).await;
            assert!(
                matches!(outcome, Err(DeliveryError::Unknown { .. })),
                "{body}: {outcome:?}"
            );
        }
    }
    let outcome = told(|_| answer(302, &[("location", "https://example.com/")], "")).await;
    assert!(
        matches!(outcome, Err(DeliveryError::Misconfigured { field: "base URL", .. })),
        "{outcome:?}"
    );
    let outcome = told(|_| answer(400, &[], "<html>a proxy's page")).await;
    assert!(matches!(outcome, Err(DeliveryError::Refused { .. })), "{outcome:?}");
}

#[tokio::test]
async fn a_page_goes_out_although_twilio_cannot_reach_us() {
    let picky = |request: &Request| match request.field("StatusCallback") {
        Some(_) => fault(400, 21609, "The StatusCallback URL is not a valid URL."),
        None => created("SM0001", "queued"),
    };
    let server = WebServer::asked(picky).await;
    let receipt = sms(&settings(&server)).send(TO, &page(), now()).await.unwrap();
    assert_eq!(receipt.provider_id.as_deref(), Some("SM0001"));
    assert!(receipt.answer.contains("will not report"), "{}", receipt.answer);
    let seen = server.seen();
    assert_eq!(seen.len(), 2);
    assert_eq!(seen[0].field("Body"), seen[1].field("Body"));
    // Where it goes on refusing, that is the outcome.
    let server = WebServer::start(|| fault(400, 21609, "The StatusCallback URL is not a valid URL.")).await;
    let outcome = sms(&settings(&server)).send(TO, &page(), now()).await;
    assert!(matches!(outcome, Err(DeliveryError::Refused { .. })), "{outcome:?}");
    assert_eq!(server.seen().len(), 2);
}

#[tokio::test]
async fn an_address_that_is_no_number_is_refused_without_a_call() {
    let server = WebServer::start(|| created("SM0001", "queued")).await;
    for to in [
        "",
        "4155550123",
        "whatsapp:+14155550123",
        "+1415555012x",
        "jane@example.com",
    ] {
        let outcome = sms(&settings(&server)).send(to, &page(), now()).await;
        assert!(
            matches!(outcome, Err(DeliveryError::Refused { .. })),
            "{to}: {outcome:?}"
        );
    }
    assert!(server.seen().is_empty());
}

#[tokio::test]
async fn the_check_sends_nothing_and_says_whose_account_it_is() {
    let account = |status: &'static str| {
        move || {
            answer(
                200,
                &[],
                json!({ "sid": SID, "friendly_name": "Acme paging", "status": status }).to_string(),
            )
        }
    };
    let server = WebServer::start(account("active")).await;
    assert_eq!(
        sms(&settings(&server)).check().await.unwrap(),
        "200 OK: Acme paging is active"
    );
    let request = &server.seen()[0];
    assert_eq!(
        (request.method.as_str(), request.uri.path()),
        ("GET", format!("/2010-04-01/Accounts/{SID}.json").as_str())
    );
    assert!(request.header("authorization").unwrap().starts_with("Basic "));
    let server = WebServer::start(account("suspended")).await;
    let outcome = sms(&settings(&server)).check().await;
    assert!(
        matches!(
            outcome,
            Err(DeliveryError::Misconfigured {
                field: "TWILIO_ACCOUNT_SID",
                ..
            })
        ),
        "{outcome:?}"
    );
    let server = WebServer::start(|| fault(401, 20003, "Authenticate")).await;
    let outcome = sms(&settings(&server)).check().await;
    assert!(
        matches!(
            outcome,
            Err(DeliveryError::Misconfigured {
                field: "TWILIO_AUTH_TOKEN",
                ..
            })
        ),
        "{outcome:?}"
    );
    let server = WebServer::start(|| answer(200, &[], "<html>")).await;
    assert!(matches!(
        sms(&settings(&server)).check().await,
        Err(DeliveryError::Unknown { .. })
    ));
}

#[tokio::test]
async fn settings_that_cannot_work_are_not_begun_with() {
    let server = WebServer::start(|| created("SM0001", "queued")).await;
    let wrong = TwilioSmsSettings {
        phone_number: None,
        ..settings(&server)
    };
    let outcome = TwilioSms::new(&wrong, &Mood::Takes.vendors());
    assert!(matches!(
        outcome,
        Err(DeliveryError::Misconfigured {
            field: "TWILIO_PHONE_NUMBER",
            ..
        })
    ));
}
