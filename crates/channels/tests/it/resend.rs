//! What Resend is asked, and what each of its answers leads to.

use std::sync::Arc;

use axum::{body::Body, response::Response};
use opsknight_channels::{
    Channel as _, DeliveryError, Message, Receipt, Secret,
    email::{Resend, ResendSettings},
};
use serde_json::{Value, json};
use url::Url;

use crate::{
    conformance::{Mood, Peer, Person, SECRETS},
    described::Description,
    samples::{hostile, note, now, page, resolved, storm},
    web_server::{Request, WebServer, answer},
};

const ID: &str = "49a3999c-0ce1-4ea6-ab68-afcd6dc2e794";

/// Resend, for the promises of all channels.
pub(crate) async fn peer(mood: Mood) -> impl Peer {
    let server = mood.server(|_| taken()).await;
    let settings = ResendSettings {
        api_key: Secret::new(SECRETS[0]),
        base_url: Some(Url::parse(&server.url).unwrap()),
        ..settings(&server)
    };
    Person {
        channel: Arc::new(Resend::new(&settings, &mood.vendors()).unwrap()),
        to: "jane@example.com",
        server,
        arrived: |request| Some(request.header("idempotency-key").map(Into::into)),
        goes_by_status: false,
    }
}

fn settings(server: &WebServer) -> ResendSettings {
    ResendSettings {
        api_key: Secret::new("re_key-of-ours"),
        from: "Paging <noreply@ops.example.com>".into(),
        base_url: Some(server.base()),
    }
}

fn taken() -> Response<Body> {
    answer(200, &[], json!({ "id": ID }).to_string())
}

async fn to(server: &WebServer, message: &Message) -> Result<Receipt, DeliveryError> {
    let channel = Resend::new(&settings(server), &Mood::Takes.vendors()).unwrap();
    channel.send("jane@example.com", message, now()).await
}

async fn asked(message: &Message) -> Request {
    let server = WebServer::start(taken).await;
    to(&server, message).await.unwrap();
    server.seen().remove(0)
}

async fn answered(status: u16, headers: &'static [(&'static str, &'static str)], body: Value) -> DeliveryError {
    let server = WebServer::start(move || answer(status, headers, body.to_string())).await;
    to(&server, &page()).await.unwrap_err()
}

#[tokio::test]
async fn a_mail_is_asked_for_as_it_is_documented() {
    for (name, message) in [
        ("page", page()),
        ("resolved", resolved()),
        ("note", note()),
        ("hostile", hostile()),
        ("storm", storm()),
    ] {
        let request = asked(&message).await;
        assert_eq!((request.method.as_str(), request.uri.path()), ("POST", "/emails"));
        assert_eq!(request.header("authorization"), Some("Bearer re_key-of-ours"));
        assert_eq!(
            request.header("idempotency-key"),
            Some(message.delivery.to_string().as_str())
        );
        let mut body = request.json();
        // What a mail says is the mail's own test.
        let mail = opsknight_channels::email::render(&message);
        assert_eq!(body["subject"], mail.subject);
        assert_eq!(body["text"], mail.text);
        assert_eq!(body["html"], mail.html);
        body["text"] = "…".into();
        body["html"] = "…".into();
        insta::assert_json_snapshot!(format!("resend_{name}"), body);
    }
}

#[tokio::test]
async fn each_mail_is_what_resend_published() {
    let Some(description) = Description::of("resend-openapi.json").await else {
        return;
    };
    for message in [page(), resolved(), note(), hostile(), storm()] {
        description.judge(&asked(&message).await).await.unwrap();
    }
    let request = asked(&page()).await;
    for field in ["from", "to", "subject"] {
        let mut body = request.json();
        body.as_object_mut().unwrap().remove(field);
        let judged = description.judge_changed(&request, body.to_string().into_bytes()).await;
        assert!(judged.is_err(), "{field}");
    }
}

#[tokio::test]
async fn resend_says_when_it_takes_no_more_for_a_while() {
    let pause = async |remaining: &'static str, reset: &'static str| {
        let headers = [("ratelimit-remaining", remaining), ("ratelimit-reset", reset)];
        let server = WebServer::start(move || answer(200, &headers, json!({ "id": ID }).to_string())).await;
        let receipt = to(&server, &page()).await.unwrap();
        receipt.pause.map(|pause| pause.as_secs())
    };
    assert_eq!((pause("1", "1").await, pause("0", "1").await), (None, Some(1)));
    assert_eq!(
        (pause("0", "soon").await, pause("0", "99999").await),
        (None, Some(3600))
    );
}

#[tokio::test]
async fn a_repetition_is_the_same_request() {
    let server = WebServer::start(taken).await;
    let first = to(&server, &page()).await.unwrap();
    let channel = Resend::new(&settings(&server), &Mood::Takes.vendors()).unwrap();
    let later = now() + jiff::SignedDuration::from_mins(3);
    let second = channel.send("jane@example.com", &page(), later).await.unwrap();
    assert_eq!(first, second);
    assert_eq!(first.provider_id.as_deref(), Some(ID));
    // Resend refuses a key that comes with another body.
    let seen = server.seen();
    assert_eq!(seen[0].body, seen[1].body);
}

const UNVERIFIED_WORDS: &str = "The ops.example.com domain is not verified. Please, add and verify your domain";
const TESTING_WORDS: &str = "You can only send testing emails to your own email address (me@example.com).";
const FROM_WORDS: &str = "Invalid `from` field. The email address needs to follow the `email@example.com` format.";
const TO_WORDS: &str = "Invalid `to` field. The email address needs to follow the `email@example.com` format.";

/// Status, code, words, and what is next.
const REFUSALS: &[(u16, &str, &str, &str)] = &[
    (400, "validation_error", TO_WORDS, "refused"),
    (422, "validation_error", TO_WORDS, "refused"),
    (422, "validation_error", FROM_WORDS, "RESEND_FROM"),
    (422, "invalid_from_address", FROM_WORDS, "RESEND_FROM"),
    (403, "validation_error", UNVERIFIED_WORDS, "RESEND_FROM"),
    (403, "validation_error", TESTING_WORDS, "RESEND_FROM"),
    (401, "missing_api_key", "Missing API Key", "RESEND_API_KEY"),
    (403, "invalid_api_key", "API key is invalid", "RESEND_API_KEY"),
    (400, "validation_error", "API key is invalid", "RESEND_API_KEY"),
    (401, "validation_error", "API key is invalid", "RESEND_API_KEY"),
    (
        409,
        "invalid_idempotent_request",
        "Same idempotency key used with another payload",
        "unknown",
    ),
    (
        409,
        "concurrent_idempotent_requests",
        "Same idempotency key in progress",
        "retry",
    ),
    (429, "rate_limit_exceeded", "Too many requests", "retry"),
    (
        429,
        "daily_quota_exceeded",
        "You have reached your daily email sending quota",
        "retry",
    ),
    (
        429,
        "monthly_quota_exceeded",
        "You have reached your monthly email sending quota",
        "RESEND_API_KEY",
    ),
    (
        451,
        "security_error",
        "We may have found a security issue with the request",
        "refused",
    ),
    (500, "application_error", "An unexpected error occurred", "retry"),
];

#[tokio::test]
async fn each_refusal_says_what_is_next() {
    let kind = |error: &DeliveryError| match error {
        DeliveryError::Retry { .. } => "retry",
        DeliveryError::Refused { .. } => "refused",
        DeliveryError::Unknown { .. } => "unknown",
        DeliveryError::Misconfigured { field, .. } => field,
    };
    for &(status, name, message, next) in REFUSALS {
        let body = json!({ "statusCode": status, "name": name, "message": message });
        let error = answered(status, &[], body).await;
        assert_eq!(kind(&error), next, "{status} {name}: {error:?}");
        assert!(error.to_string().contains(&format!("{name}: {message}")), "{error}");
    }
    for (status, next) in [
        (200, "unknown"),
        (301, "base URL"),
        (404, "OPSKNIGHT_RESEND_BASE_URL"),
        (403, "RESEND_API_KEY"),
        (429, "retry"),
        (504, "retry"),
    ] {
        let error = answered(status, &[], json!("<html>")).await;
        assert_eq!(kind(&error), next, "{status}: {error:?}");
    }
    let limited = json!({ "statusCode": 429, "name": "rate_limit_exceeded", "message": "Too many requests" });
    match answered(429, &[("retry-after", "1")], limited).await {
        DeliveryError::Retry { after, .. } => assert_eq!(after.map(|after| after.as_secs()), Some(1)),
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn a_check_asks_for_the_domains() {
    let check = async |status: u16, body: Value| {
        let server = WebServer::start(move || answer(status, &[], body.to_string())).await;
        let outcome = Resend::new(&settings(&server), &Mood::Takes.vendors())
            .unwrap()
            .check()
            .await;
        let request = server.seen().remove(0);
        assert_eq!((request.method.as_str(), request.uri.path()), ("GET", "/domains"));
        outcome
    };
    let domains =
        |name: &str, status: &str| json!({ "object": "list", "data": [{ "id": "1", "name": name, "status": status }] });
    assert_eq!(
        check(200, domains("example.com", "verified")).await.unwrap(),
        "Resend knows the key, and the domain example.com is verified."
    );
    assert!(
        check(200, domains("ops.example.com", "pending"))
            .await
            .unwrap()
            .contains("not verified")
    );
    let other = check(200, domains("ample.com", "verified")).await.unwrap();
    assert!(other.contains("ops.example.com is not among"), "{other}");
    let restricted = json!({ "statusCode": 401, "name": "restricted_api_key", "message": "only send emails" });
    for status in [401, 403] {
        let told = check(status, restricted.clone()).await.unwrap();
        assert!(told.contains("send mail and nothing else"), "{told}");
    }
    let invalid = json!({ "statusCode": 400, "name": "validation_error", "message": "API key is invalid" });
    assert!(matches!(
        check(400, invalid).await,
        Err(DeliveryError::Misconfigured {
            field: "RESEND_API_KEY",
            ..
        })
    ));
}
