//! What SendGrid is asked, and what each of its answers leads to.

use std::sync::Arc;

use axum::{body::Body, response::Response};
use jiff::{SignedDuration, Timestamp};
use opsknight_channels::{
    Channel as _, DeliveryError, Message, Receipt, Secret,
    email::{SendGrid, SendGridSettings},
};
use serde_json::{Value, json};
use url::Url;

use crate::{
    conformance::{Mood, Peer, Person, SECRETS},
    described::Description,
    samples::{hostile, note, now, page, resolved, storm},
    web_server::{Request, WebServer, answer},
};

const ID: &str = "14c5d75ce93.dfd.64b469";

/// SendGrid, for the promises of all channels.
pub(crate) async fn peer(mood: Mood) -> impl Peer {
    let server = mood.server(|_| taken()).await;
    let settings = SendGridSettings {
        api_key: Secret::new(SECRETS[0]),
        base_url: Some(Url::parse(&server.url).unwrap()),
        ..settings(&server)
    };
    Person {
        channel: Arc::new(SendGrid::new(&settings, &mood.vendors()).unwrap()),
        to: "jane@example.com",
        server,
        arrived: |request| {
            let told = &request.json()["personalizations"][0]["custom_args"]["opsknight_delivery"];
            Some(told.as_str().map(Into::into))
        },
        goes_by_status: false,
    }
}

fn settings(server: &WebServer) -> SendGridSettings {
    SendGridSettings {
        api_key: Secret::new("SG.key-of-ours"),
        from: "Paging <noreply@opsknight.example.com>".into(),
        base_url: Some(server.base()),
    }
}

fn taken() -> Response<Body> {
    answer(202, &[("x-message-id", ID)], "")
}

async fn to(server: &WebServer, message: &Message) -> Result<Receipt, DeliveryError> {
    let channel = SendGrid::new(&settings(server), &Mood::Takes.vendors()).unwrap();
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
        assert_eq!((request.method.as_str(), request.uri.path()), ("POST", "/v3/mail/send"));
        assert_eq!(request.header("authorization"), Some("Bearer SG.key-of-ours"));
        assert_eq!(request.header("content-type"), Some("application/json"));
        let mut body = request.json();
        // What a mail says is the mail's own test.
        let mail = opsknight_channels::email::render(&message);
        assert_eq!(body["subject"], mail.subject);
        assert_eq!(body["content"][0], json!({ "type": "text/plain", "value": mail.text }));
        assert_eq!(body["content"][1], json!({ "type": "text/html", "value": mail.html }));
        for part in 0..2 {
            body["content"][part]["value"] = "…".into();
        }
        insta::assert_json_snapshot!(format!("sendgrid_{name}"), body);
    }
}

#[tokio::test]
async fn each_mail_is_what_sendgrid_published() {
    let Some(description) = Description::of("sendgrid-mailsend-openapi.json").await else {
        return;
    };
    for message in [page(), resolved(), note(), hostile(), storm()] {
        description.judge(&asked(&message).await).await.unwrap();
    }
    let request = asked(&page()).await;
    for field in ["personalizations", "from", "subject", "content"] {
        let mut body = request.json();
        body.as_object_mut().unwrap().remove(field);
        let judged = description.judge_changed(&request, body.to_string().into_bytes()).await;
        assert!(judged.is_err(), "{field}");
    }
}

#[tokio::test]
async fn what_was_taken_has_sendgrids_identity() {
    let server = WebServer::start(taken).await;
    let receipt = to(&server, &page()).await.unwrap();
    assert_eq!(receipt, Receipt::of("202 Accepted").with_id(ID));
    let pause = async |remaining: &'static str| {
        let headers = [
            ("x-ratelimit-remaining", remaining),
            ("x-ratelimit-reset", "1795403447"),
        ];
        let server = WebServer::start(move || answer(202, &headers, "")).await;
        let receipt = to(&server, &page()).await.unwrap();
        assert_eq!(receipt.provider_id, None);
        receipt.pause.map(|pause| pause.as_secs())
    };
    assert_eq!((pause("1").await, pause("0").await), (None, Some(42)));
}

#[tokio::test]
async fn each_refusal_says_what_is_next() {
    let fault = |message: &str, field: Option<&str>| json!({ "errors": [{ "message": message, "field": field, "help": null }] });
    let kind = |error: &DeliveryError| match error {
        DeliveryError::Retry { .. } => "retry",
        DeliveryError::Refused { .. } => "refused",
        DeliveryError::Unknown { .. } => "unknown",
        DeliveryError::Misconfigured { field, .. } => field,
    };
    for (status, message, field, next) in [
        (
            400,
            "Does not contain a valid address.",
            Some("personalizations.0.to.0.email"),
            "refused",
        ),
        (
            400,
            "Does not contain a valid address.",
            Some("from.email"),
            "SENDGRID_FROM",
        ),
        (
            400,
            "The from email does not contain a valid address.",
            Some("from"),
            "SENDGRID_FROM",
        ),
        (
            401,
            "The provided authorization grant is invalid, expired, or revoked",
            None,
            "SENDGRID_API_KEY",
        ),
        (401, "Maximum credits exceeded", None, "SENDGRID_API_KEY"),
        (403, "access forbidden", None, "SENDGRID_API_KEY"),
        (
            403,
            "The from address does not match a verified Sender Identity.",
            Some("from"),
            "SENDGRID_FROM",
        ),
        (
            413,
            "The JSON payload you have included in your request is too large.",
            None,
            "refused",
        ),
        (429, "too many requests", None, "retry"),
        (500, "internal server error", None, "retry"),
        (503, "unavailable", None, "retry"),
    ] {
        let error = answered(status, &[], fault(message, field)).await;
        assert_eq!(kind(&error), next, "{status} {message}: {error:?}");
        assert!(error.to_string().contains(message.trim_end_matches('.')), "{error}");
    }
    for (status, next) in [
        (200, "unknown"),
        (204, "unknown"),
        (302, "base URL"),
        (400, "refused"),
        (401, "SENDGRID_API_KEY"),
        (404, "OPSKNIGHT_SENDGRID_BASE_URL"),
        (405, "OPSKNIGHT_SENDGRID_BASE_URL"),
        (429, "retry"),
        (502, "retry"),
    ] {
        let error = answered(status, &[], json!("<html>")).await;
        assert_eq!(kind(&error), next, "{status}: {error:?}");
    }
}

#[tokio::test]
async fn the_wait_that_sendgrid_asks_for_is_kept() {
    let wait = |error| match error {
        DeliveryError::Retry { after, .. } => after.map(|after| after.as_secs()),
        other => panic!("{other:?}"),
    };
    let reset: Timestamp = now() + SignedDuration::from_secs(42);
    assert_eq!(reset.as_second(), 1_795_403_447);
    let limited = json!({ "errors": [{ "message": "too many requests", "field": null }] });
    assert_eq!(
        wait(answered(429, &[("x-ratelimit-reset", "1795403447")], limited.clone()).await),
        Some(42)
    );
    assert_eq!(
        wait(answered(429, &[("x-ratelimit-reset", "1")], limited.clone()).await),
        Some(0)
    );
    assert_eq!(
        wait(answered(429, &[("x-ratelimit-reset", "soon")], limited.clone()).await),
        None
    );
    assert_eq!(
        wait(answered(429, &[("retry-after", "7"), ("x-ratelimit-reset", "1")], limited).await),
        Some(7)
    );
}

#[tokio::test]
async fn a_check_asks_what_the_key_may_do() {
    let check = async |status: u16, body: Value| {
        let server = WebServer::start(move || answer(status, &[], body.to_string())).await;
        let outcome = SendGrid::new(&settings(&server), &Mood::Takes.vendors())
            .unwrap()
            .check()
            .await;
        let request = server.seen().remove(0);
        assert_eq!((request.method.as_str(), request.uri.path()), ("GET", "/v3/scopes"));
        assert_eq!(request.header("authorization"), Some("Bearer SG.key-of-ours"));
        outcome
    };
    let may = check(200, json!({ "scopes": ["alerts.read", "mail.send"] }))
        .await
        .unwrap();
    assert_eq!(may, "SendGrid knows the key, and it may send mail.");
    let key = |outcome| {
        matches!(
            outcome,
            Err(DeliveryError::Misconfigured {
                field: "SENDGRID_API_KEY",
                ..
            })
        )
    };
    assert!(key(check(200, json!({ "scopes": ["mail.batch.read"] })).await));
    assert!(key(check(
        401,
        json!({ "errors": [{ "message": "authorization required", "field": null }] })
    )
    .await));
    assert!(check(200, json!({ "welcome": true })).await.is_err());
}

#[tokio::test]
async fn what_is_no_address_is_refused_before_anything_is_sent() {
    let server = WebServer::start(taken).await;
    let channel = SendGrid::new(&settings(&server), &Mood::Takes.vendors()).unwrap();
    for wrong in ["", "jane", "Jane <jane@example.com>", "a@b.example,c@d.example"] {
        let outcome = channel.send(wrong, &page(), now()).await;
        assert!(
            matches!(outcome, Err(DeliveryError::Refused { .. })),
            "{wrong}: {outcome:?}"
        );
    }
    assert!(server.seen().is_empty());
}

#[tokio::test]
async fn a_key_is_hidden_although_the_words_around_it_are_cut() {
    let padding = "x".repeat(275);
    for body in [
        json!({ "errors": [{ "message": format!("{padding} SG.key-of-ours"), "field": null }] }).to_string(),
        format!("{padding} SG.key-of-ours"),
    ] {
        let server = WebServer::start(move || answer(403, &[], body.clone())).await;
        let error = to(&server, &page()).await.unwrap_err().to_string();
        assert!(error.contains("xxx") && !error.contains("SG.k"), "{error}");
    }
}
