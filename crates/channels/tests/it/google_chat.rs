//! What spaces of Google Chat are sent, and what each answer leads to.

use std::sync::Arc;

use opsknight_channels::{
    DeliveryError, Endpoint, Hook as _, Message, Receipt, Secret, Timeouts, rooms::google_chat::GoogleChat, tls::Roots,
};
use serde_json::Value;

use crate::{
    conformance::{Mood, Peer, Room, SECRETS},
    samples::{hostile, long_links, note, now, page, resolved, storm},
    schemas::{google_message, google_parameters},
    web_server::{Request, WebServer, answer},
};

/// What Google takes, in bytes (`spaces.messages.create`).
const BODY_BYTES_MAX: usize = 32_000;
const CREATED: &str = r#"{"name":"spaces/AAA/messages/BBB.CCC","thread":{"name":"spaces/AAA/threads/BBB"},"text":"…"}"#;

/// A space, for the promises of all channels.
pub(crate) async fn peer(mood: Mood) -> impl Peer {
    let server = mood.server(|_| answer(200, &[], CREATED)).await;
    Room {
        hook: Arc::new(GoogleChat::new(true, &Roots::of(Vec::new()), mood.timeouts()).unwrap()),
        endpoint: endpoint(&server.url),
        server,
        arrived: |request| Some(parameter(request, "requestId")),
        goes_by_status: false,
    }
}

fn endpoint(url: &str) -> Endpoint {
    Endpoint {
        url: url.into(),
        secret: Some(Secret::new(SECRETS[0])),
        channel: None,
    }
}

fn parameters(request: &Request) -> Vec<(String, String)> {
    let url = url::Url::parse("http://x/")
        .unwrap()
        .join(&request.uri.to_string())
        .unwrap();
    url.query_pairs().into_owned().collect()
}

fn parameter(request: &Request, name: &str) -> Option<String> {
    parameters(request)
        .into_iter()
        .find(|(key, _)| key == name)
        .map(|(_, value)| value)
}

async fn post(server: &WebServer, message: &Message) -> Result<Receipt, DeliveryError> {
    let chat = GoogleChat::new(true, &Roots::of(Vec::new()), Timeouts::default()).unwrap();
    let url = server
        .base()
        .join("/v1/spaces/AAA/messages?key=KEYKEYKEY1&token=TOKENTOK%3D")
        .unwrap();
    chat.post(&endpoint(url.as_str()), message, now()).await
}

async fn request(message: &Message) -> Request {
    let server = WebServer::start(|| answer(200, &[], CREATED)).await;
    post(&server, message).await.unwrap();
    server.seen().remove(0)
}

#[tokio::test]
async fn the_messages_are_these() {
    for (name, message) in [
        ("page", page()),
        ("resolved", resolved()),
        ("note", note()),
        ("storm", storm()),
    ] {
        insta::assert_json_snapshot!(format!("google_chat_{name}"), request(&message).await.json());
    }
}

#[tokio::test]
async fn every_message_is_as_described_and_short_enough() {
    for message in [page(), resolved(), note(), hostile(), storm(), long_links()] {
        let request = request(&message).await;
        assert_eq!(request.header("content-type"), Some("application/json"));
        assert!(request.bytes.len() <= BODY_BYTES_MAX, "{}", request.bytes.len());
        let body = request.json();
        let Some(judged) = google_message(&body) else { return };
        assert_eq!(judged, Ok(()));
        let mut wrong = body;
        wrong["cardsV2"][0]["card"]["sections"][0]["widgets"][0]["textParagraph"]["text"] = Value::from(1);
        assert!(google_message(&wrong).unwrap().is_err());
        wrong["cardsV2"][0]["card"]["headers"] = Value::from("x");
        assert!(google_message(&wrong).unwrap_err_contains("headers"));
    }
}

trait Contains {
    fn unwrap_err_contains(self, text: &str) -> bool;
}

impl Contains for Option<Result<(), String>> {
    fn unwrap_err_contains(self, text: &str) -> bool {
        self.unwrap().unwrap_err().contains(text)
    }
}

#[tokio::test]
async fn an_incident_is_one_thread_and_a_repetition_is_known() {
    let (first, second) = (request(&page()).await, request(&resolved()).await);
    for request in [&first, &second] {
        assert_eq!(request.uri.path(), "/v1/spaces/AAA/messages");
        assert_eq!(request.json()["thread"]["threadKey"], "inc_01ke3q5x9se8eba6ncyw3g4j1n");
        assert!(
            request
                .uri
                .query()
                .unwrap()
                .starts_with("key=KEYKEYKEY1&token=TOKENTOK%3D&")
        );
        let option = parameter(request, "messageReplyOption");
        assert_eq!(option.as_deref(), Some("REPLY_MESSAGE_FALLBACK_TO_NEW_THREAD"));
        assert_eq!(
            parameter(request, "requestId"),
            Some(page().delivery.uuid().to_string())
        );
        let Some(known) = google_parameters() else { return };
        // A webhook's own token is the one parameter that the method does not describe.
        let other = parameters(request)
            .into_iter()
            .find(|(name, _)| name != "token" && !known.contains(name));
        assert_eq!(other, None);
    }
    assert!(request(&note()).await.json().get("thread").is_none());
}

#[tokio::test]
async fn nobody_is_mentioned_and_no_markup_is_read() {
    let mut message = hostile();
    if let opsknight_domain::message::Content::Incident(news) = &mut message.content {
        news.incident.title = "<users/all> <b>x</b> <https://evil.example|link> & more".into();
    }
    let body = request(&message).await.json();
    let text = body["text"].as_str().unwrap();
    assert!(!text.contains('<') && text.contains("users/all"), "{text}");
    let widgets = body["cardsV2"][0]["card"]["sections"][0]["widgets"].to_string();
    assert!(widgets.contains("&lt;users/all&gt; &lt;b&gt;x&lt;/b&gt; &lt;https://evil.example|link&gt; &amp; more"));
    assert!(!widgets.contains("<script"));
}

#[tokio::test]
async fn each_answer_leads_to_what_it_means() {
    let error = |code: u16, status: &str, words: &str| {
        format!(r#"{{"error":{{"code":{code},"message":"{words}","status":"{status}"}}}}"#)
    };
    for (status, said, meaning) in [
        (200, CREATED.to_owned(), "taken"),
        (200, "<html>".into(), "unknown"),
        (
            400,
            error(400, "INVALID_ARGUMENT", "Invalid JSON payload received."),
            "refused",
        ),
        (
            400,
            error(
                400,
                "INVALID_ARGUMENT",
                "API key not valid. Please pass a valid API key.",
            ),
            "url",
        ),
        (400, "what?".into(), "later"),
        (
            401,
            error(
                401,
                "UNAUTHENTICATED",
                "Request had invalid authentication credentials.",
            ),
            "url",
        ),
        (
            403,
            error(
                403,
                "PERMISSION_DENIED",
                "Permission denied to perform the requested action",
            ),
            "url",
        ),
        (404, error(404, "NOT_FOUND", "Requested entity was not found."), "url"),
        (429, error(429, "RESOURCE_EXHAUSTED", "Quota exceeded."), "later"),
        (500, error(500, "INTERNAL", "Internal error encountered."), "later"),
        (503, String::new(), "later"),
        (307, String::new(), "url"),
    ] {
        let text = said.clone();
        let server = WebServer::start(move || answer(status, &[("retry-after", "3")], text.clone())).await;
        let outcome = post(&server, &page()).await;
        let met = match &outcome {
            Ok(receipt) => {
                assert_eq!(receipt.provider_id.as_deref(), Some("spaces/AAA/messages/BBB.CCC"));
                assert_eq!(receipt.pause.unwrap().as_secs(), 1);
                "taken"
            }
            Err(DeliveryError::Retry { after, .. }) => {
                assert_eq!(after.unwrap().as_secs(), 3);
                "later"
            }
            Err(DeliveryError::Refused { .. }) => "refused",
            Err(DeliveryError::Misconfigured { field, .. }) => field,
            Err(DeliveryError::Unknown { .. }) => "unknown",
        };
        assert_eq!(met, meaning, "{status} {said}: {outcome:?}");
    }
}

#[tokio::test]
async fn key_and_token_are_in_no_words() {
    let said = r#"{"error":{"code":403,"message":"no KEYKEYKEY1 or TOKENTOK= or TOKENTOK%3D","status":"DENIED"}}"#;
    let server = WebServer::start(move || answer(403, &[], said)).await;
    let error = post(&server, &page()).await.unwrap_err();
    assert_eq!(
        error.to_string(),
        "url: 403 Forbidden: DENIED no [hidden] or [hidden] or [hidden]"
    );
}
