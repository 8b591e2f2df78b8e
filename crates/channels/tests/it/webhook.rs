//! What a webhook sends, and what each answer leads to.

use std::{sync::Arc, time::Duration};

use base64::{Engine as _, engine::general_purpose::STANDARD};
use hmac::{Hmac, KeyInit as _, Mac as _};
use jiff::{SignedDuration, Timestamp};
use opsknight_channels::{
    DeliveryError, Endpoint, Hook as _, Receipt, Secret, Timeouts,
    tls::Roots,
    webhook::{Webhooks, render},
};
use sha2::Sha256;

use crate::{
    conformance::{Mood, Peer, Room, SECRETS},
    samples::{note, now, page},
    web_server::{WebServer, answer},
};

/// A receiver, for the promises of all channels.
pub(crate) async fn peer(mood: Mood) -> impl Peer {
    let server = mood.server(|_| answer(200, &[], "ok")).await;
    Room {
        hook: Arc::new(Webhooks::with_timeouts(true, &Roots::of(Vec::new()), mood.timeouts()).unwrap()),
        endpoint: Endpoint {
            url: server.url.clone(),
            secret: Some(Secret::new(SECRETS[0])),
            channel: None,
        },
        server,
        arrived: |request| Some(request.header("webhook-id").map(Into::into)),
        goes_by_status: true,
    }
}

const SECRET: &str = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";

async fn post(url: &str, secret: Option<&str>, now: Timestamp) -> Result<Receipt, DeliveryError> {
    post_within(Timeouts::default(), url, secret, now).await
}

async fn post_within(
    timeouts: Timeouts,
    url: &str,
    secret: Option<&str>,
    now: Timestamp,
) -> Result<Receipt, DeliveryError> {
    let hooks = Webhooks::with_timeouts(true, &Roots::of(Vec::new()), timeouts).unwrap();
    let endpoint = Endpoint {
        url: url.into(),
        secret: secret.map(Secret::new),
        channel: None,
    };
    hooks.post(&endpoint, &page(), now).await
}

/// Where a server that keeps still is waited for.
const SHORT: Timeouts = Timeouts {
    connect: Duration::from_millis(500),
    total: Duration::from_secs(1),
};

/// The call fails with a retry; its words and wait.
async fn retried(url: &str) -> (String, Option<SignedDuration>) {
    match post(url, Some(SECRET), now()).await {
        Err(DeliveryError::Retry { why, after }) => (why, after),
        other => panic!("{other:?}"),
    }
}

fn mac(key: &[u8], text: &str) -> Vec<u8> {
    Hmac::<Sha256>::new_from_slice(key)
        .unwrap()
        .chain_update(text)
        .finalize()
        .into_bytes()
        .to_vec()
}

#[test]
fn the_payload_is_the_one_of_the_manual() {
    let body: serde_json::Value = serde_json::from_str(&render(&page(), now())).unwrap();
    insta::assert_json_snapshot!("payload", body);
    let body: serde_json::Value = serde_json::from_str(&render(&note(), now())).unwrap();
    insta::assert_json_snapshot!("payload_of_a_note", body);
}

#[tokio::test]
async fn a_signed_call_can_be_verified_and_a_repetition_recognised() {
    let server = WebServer::start(|| answer(204, &[], "")).await;
    let later = now() + SignedDuration::from_secs(90);
    for at in [now(), later] {
        let receipt = post(&server.url, Some(SECRET), at).await.unwrap();
        assert_eq!(receipt, Receipt::of("204 No Content"));
    }
    let seen = server.seen();
    assert_eq!(seen.len(), 2);
    for (request, at) in seen.iter().zip([now(), later]) {
        assert_eq!(request.method, "POST");
        assert_eq!(request.uri, "/hook/TOKENTOKEN12?key=QUERYSECRET99");
        assert_eq!(request.header("content-type"), Some("application/json"));
        assert!(request.header("user-agent").unwrap().starts_with("OpsKnight/"));
        assert_eq!(request.header("webhook-id"), Some("dlv_01ke3q5x9se8eba6ncyw3g4j1r"));
        assert_eq!(
            request.header("webhook-timestamp"),
            Some(at.as_second().to_string().as_str())
        );
        let key = STANDARD.decode("MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw").unwrap();
        let text = format!("dlv_01ke3q5x9se8eba6ncyw3g4j1r.{}.{}", at.as_second(), request.body);
        let standard = format!("v1,{}", STANDARD.encode(mac(&key, &text)));
        assert_eq!(request.header("webhook-signature"), Some(standard.as_str()));
        let plain = format!("sha256={}", hex::encode(mac(SECRET.as_bytes(), &request.body)));
        assert_eq!(request.header("x-opsknight-signature"), Some(plain.as_str()));
    }
    assert_eq!(seen[0].body, seen[1].body);
}

#[tokio::test]
async fn without_a_secret_nothing_is_signed() {
    let server = WebServer::start(|| answer(200, &[], "fine")).await;
    assert_eq!(post(&server.url, None, now()).await.unwrap().answer, "200 OK: fine");
    let request = &server.seen()[0];
    assert!(request.header("webhook-id").is_some());
    assert_eq!(request.header("webhook-signature"), None);
    assert_eq!(request.header("x-opsknight-signature"), None);
}

#[tokio::test]
async fn every_status_but_2xx_is_tried_again_with_the_receivers_words() {
    for (status, words) in [
        (400, "400 Bad Request: no\u{20}good"),
        (401, "401 Unauthorized: no good"),
        (404, "404 Not Found: no good"),
        (410, "410 Gone: no good"),
        (429, "429 Too Many Requests: no good"),
        (500, "500 Internal Server Error: no good"),
        (503, "503 Service Unavailable: no good"),
    ] {
        let server = WebServer::start(move || answer(status, &[], " no\r\n\u{1b} good\0 ")).await;
        assert_eq!(retried(&server.url).await, (words.into(), None));
        assert_eq!(server.seen().len(), 1, "one call a try");
    }
    for status in [200, 201, 202, 204] {
        let server = WebServer::start(move || answer(status, &[], "")).await;
        assert!(post(&server.url, None, now()).await.is_ok(), "{status}");
    }
}

#[tokio::test]
async fn a_wait_that_is_asked_for_is_kept_in_both_forms_and_bounded() {
    for (header, wait_s) in [("7", 7), ("Mon, 23 Nov 2026 03:12:05 GMT", 120), ("86400", 3600)] {
        for status in [429, 503] {
            let server = WebServer::start(move || answer(status, &[("retry-after", header)], "")).await;
            assert_eq!(
                retried(&server.url).await.1,
                Some(SignedDuration::from_secs(wait_s)),
                "{header}"
            );
        }
    }
}

#[tokio::test]
async fn redirects_are_not_followed() {
    let target = WebServer::start(|| answer(200, &[], "")).await;
    for status in [301, 302, 307, 308] {
        let location: &'static str = Box::leak(target.url.clone().into_boxed_str());
        let server = WebServer::start(move || answer(status, &[("location", location)], "")).await;
        let (why, _) = retried(&server.url).await;
        assert!(why.ends_with("(redirects are not followed)"), "{why}");
        assert!(!why.contains("QUERYSECRET99"), "{why}");
    }
    assert!(target.seen().is_empty());
}

#[tokio::test]
async fn nothing_was_handed_over_where_there_was_no_connection() {
    let port = std::net::TcpListener::bind("127.0.0.1:0")
        .unwrap()
        .local_addr()
        .unwrap()
        .port();
    let (why, after) = retried(&format!("http://127.0.0.1:{port}/hook/TOKENTOKEN12")).await;
    assert_eq!((why.starts_with("could not connect: "), after), (true, None), "{why}");
    let (why, _) = retried("http://no-such-host.invalid/").await;
    assert!(why.starts_with("could not connect"), "{why}");
}

#[tokio::test]
async fn an_encrypted_line_that_is_not_trusted_is_not_used() {
    let script = crate::smtp_server::Script {
        implicit_tls: true,
        ..Default::default()
    };
    let server = crate::smtp_server::SmtpServer::start(script).await;
    let (why, _) = retried(&format!("https://127.0.0.1:{}/", server.port)).await;
    assert!(why.contains("certificate"), "{why}");
}

#[tokio::test]
async fn silence_and_a_cut_line_leave_the_outcome_unknown() {
    for (said, hangs_up) in [
        (&b""[..], false),
        (b"", true),
        (b"HTTP/1.1 2", true),
        (b"HTTP/1.1 2", false),
        (b"\x15\x03 this is not HTTP\r\n\r\n", true),
    ] {
        let server = WebServer::raw(said, hangs_up).await;
        match post_within(SHORT, &server.url, Some(SECRET), now()).await {
            Err(DeliveryError::Unknown { why }) => assert!(!why.contains("TOKENTOKEN12"), "{why}"),
            other => panic!("{said:?}: {other:?}"),
        }
    }
}

#[tokio::test]
async fn a_status_counts_although_its_body_is_cut_late_or_huge() {
    for said in [
        &b"HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\npart"[..],
        b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n4\r\npart\r\nzz",
    ] {
        for hangs_up in [true, false] {
            let server = WebServer::raw(said, hangs_up).await;
            assert!(post_within(SHORT, &server.url, None, now()).await.is_ok());
        }
    }
    let huge: &'static [u8] = vec![b'\x01'; 20 << 20].leak();
    for status in [200, 500] {
        let server = WebServer::start(move || answer(status, &[], huge)).await;
        let words = match post(&server.url, None, now()).await {
            Ok(receipt) => receipt.answer,
            Err(error) => error.to_string(),
        };
        assert!(words.len() < 1000, "{}", words.len());
    }
    let wordy: &'static [u8] = vec![b'x'; 20 << 20].leak();
    let server = WebServer::start(move || answer(500, &[], wordy)).await;
    assert_eq!(retried(&server.url).await.0.chars().count(), 300);
}

#[tokio::test]
async fn no_secret_of_ours_is_repeated() {
    let body = format!("bad key {SECRET}, at /hook/TOKENTOKEN12?key=QUERYSECRET99");
    let server = WebServer::start(move || answer(403, &[], body.clone())).await;
    let (why, _) = retried(&server.url).await;
    assert_eq!(why, "403 Forbidden: bad key [hidden], at /hook/[hidden]?key=[hidden]");
}

#[tokio::test]
async fn what_cannot_be_called_or_read_names_the_setting() {
    for (url, secret, field) in [
        ("ftp://example.com/", None, "url"),
        ("https://user:password@example.com/", None, "url"),
        ("not a url", None, "url"),
        ("http://127.0.0.1:9/", Some("whsec_***"), "secret"),
    ] {
        match post(url, secret, now()).await {
            Err(DeliveryError::Misconfigured { field: named, .. }) => assert_eq!(named, field, "{url}"),
            other => panic!("{url}: {other:?}"),
        }
    }
}
