//! What channels of Discord are sent, and what each answer leads to.

use std::sync::Arc;

use jiff::SignedDuration;
use opsknight_channels::{
    DeliveryError, Endpoint, Hook as _, Message, Receipt, Secret, Timeouts, rooms::discord::Discord, tls::Roots,
};
use opsknight_domain::message::Content;
use serde_json::{Value, json};

use crate::{
    conformance::{Mood, Peer, Room, SECRETS},
    described::Description,
    samples::{hostile, incident, message, note, now, page, resolved, storm},
    web_server::{Request, WebServer, answer},
};

const CREATED: &str = r#"{"id":"1029384756","channel_id":"42","type":0,"content":"","embeds":[]}"#;

/// A channel, for the promises of all channels.
pub(crate) async fn peer(mood: Mood) -> impl Peer {
    let server = mood.server(|_| answer(200, &[], CREATED)).await;
    Room {
        hook: Arc::new(Discord::new(true, &Roots::of(Vec::new()), mood.timeouts()).unwrap()),
        endpoint: Endpoint {
            url: server.url.clone(),
            secret: Some(Secret::new(SECRETS[0])),
            channel: None,
        },
        server,
        arrived: |_| Some(None),
        goes_by_status: false,
    }
}

async fn post(server: &WebServer, channel: Option<&str>, message: &Message) -> Result<Receipt, DeliveryError> {
    let discord = Discord::new(true, &Roots::of(Vec::new()), Timeouts::default()).unwrap();
    let endpoint = Endpoint {
        url: server
            .base()
            .join("/webhooks/123456/TOKEN-of_the-webhook")
            .unwrap()
            .to_string(),
        secret: None,
        channel: channel.map(Into::into),
    };
    discord.post(&endpoint, message, now()).await
}

async fn request(message: &Message) -> Request {
    let server = WebServer::start(|| answer(200, &[], CREATED)).await;
    post(&server, None, message).await.unwrap();
    server.seen().remove(0)
}

#[tokio::test]
async fn the_embeds_are_these() {
    for (name, message) in [
        ("page", page()),
        ("resolved", resolved()),
        ("note", note()),
        ("storm", storm()),
        ("hostile", hostile()),
    ] {
        insta::assert_json_snapshot!(format!("discord_{name}"), request(&message).await.json());
    }
}

#[tokio::test]
async fn every_request_is_as_described() {
    let Some(discord) = Description::of("discord-execute-webhook-adjusted-openapi.json").await else {
        return;
    };
    for message in [page(), resolved(), note(), hostile(), storm()] {
        let request = request(&message).await;
        assert_eq!(discord.judge(&request).await, Ok(()));
        let mut wrong = request.json();
        wrong["embeds"][0]["title"] = json!("x".repeat(257));
        assert!(discord.judge_changed(&request, wrong.to_string().into()).await.is_err());
        wrong = request.json();
        wrong["embeds"][0]["fields"] = json!([{ "value": "a name is missing" }]);
        assert!(discord.judge_changed(&request, wrong.to_string().into()).await.is_err());
    }
}

/// The limits of the Message resource, "Embed limits".
#[tokio::test]
async fn every_embed_keeps_all_limits() {
    let mut marks = incident();
    let worst = "*_~`|[<".repeat(3000);
    marks.incident.title = worst.clone();
    marks.incident.description = Some(worst.clone());
    marks.incident.service.name = worst.clone();
    marks.incident.assignee.as_mut().unwrap().name = worst.clone();
    marks.incident.priority = Some(worst.clone());
    marks.incident.runbook_url = Some(format!("https://a.example/{}", "(".repeat(1900)));
    marks
        .incident
        .links
        .iter_mut()
        .for_each(|link| link.text = Some(worst.clone()));
    marks.reason = Some(worst);
    for message in [page(), resolved(), note(), hostile(), storm(), message(marks)] {
        let body = request(&message).await.json();
        assert_eq!(body["allowed_mentions"], json!({ "parse": [] }));
        let embed = &body["embeds"][0];
        let units = |value: &Value| value.as_str().map_or(0, |text| text.encode_utf16().count());
        let fields = embed["fields"].as_array().unwrap();
        assert!(fields.len() <= 25);
        let mut sum = units(&embed["title"]) + units(&embed["description"]) + units(&embed["footer"]["text"]);
        assert!(units(&embed["title"]) <= 256 && units(&embed["title"]) > 0);
        assert!(units(&embed["description"]) <= 4096);
        for field in fields {
            assert!(units(&field["name"]) <= 256 && (1..=1024).contains(&units(&field["value"])));
            sum += units(&field["name"]) + units(&field["value"]);
        }
        assert!(sum <= 6000, "{sum}");
    }
}

#[tokio::test]
async fn the_message_is_waited_for_and_the_thread_named() {
    let server = WebServer::start(|| answer(200, &[], CREATED)).await;
    post(&server, Some("77"), &page()).await.unwrap();
    assert_eq!(
        server.seen()[0].uri,
        "/webhooks/123456/TOKEN-of_the-webhook?wait=true&thread_id=77"
    );
}

/// Discord calls a URL without a dot in its host not well formed, and refuses the whole message for it.
#[tokio::test]
async fn a_url_that_discord_does_not_take_is_no_link_of_the_title() {
    let mut message = page();
    let Content::Incident(news) = &mut message.content else {
        panic!()
    };
    news.incident.url = "http://localhost:8080/incidents/inc_1".into();
    let body = request(&message).await.json();
    assert_eq!(body["embeds"][0].get("url"), None);
    assert!(
        body["embeds"][0]["fields"]
            .to_string()
            .contains("[View](http://localhost:8080/incidents/inc_1)")
    );
}

#[tokio::test]
async fn each_answer_leads_to_what_it_means() {
    let limited = r#"{"message": "You are being rate limited.", "retry_after": 64.57, "global": false}"#;
    let form = r#"{"message":"Invalid Form Body","code":50035,"errors":{"embeds":{}}}"#;
    for (status, said, meaning) in [
        (200, CREATED, "taken"),
        (204, "", "taken"),
        (200, "<html>", "unknown"),
        (400, form, "refused"),
        (400, "what?", "later"),
        (400, r#"{"message":"Unknown Channel","code":10003}"#, "channel"),
        (
            400,
            r#"{"message":"Webhooks posted to forum channels must have a thread_name or thread_id","code":220001}"#,
            "channel",
        ),
        (401, r#"{"message":"Invalid Webhook Token","code":50027}"#, "url"),
        (403, "error code: 1010", "url"),
        (404, r#"{"message":"Unknown Webhook","code":10015}"#, "refused"),
        (404, "not here", "url"),
        (429, limited, "later 64.57"),
        (429, "error code: 1015", "later 5"),
        (500, r#"{"message":"Internal Server Error","code":0}"#, "later 5"),
        (503, "", "later 5"),
        (301, "", "url"),
    ] {
        let server = WebServer::start(move || answer(status, &[("retry-after", "5")], said)).await;
        let outcome = post(&server, None, &page()).await;
        let met = match &outcome {
            Ok(_) => "taken".to_owned(),
            Err(DeliveryError::Retry { after, .. }) if meaning.contains(' ') => {
                format!("later {}", after.unwrap().as_secs_f64())
            }
            Err(DeliveryError::Retry { .. }) => "later".into(),
            Err(DeliveryError::Refused { .. }) => "refused".into(),
            Err(DeliveryError::Misconfigured { field, .. }) => (*field).into(),
            Err(DeliveryError::Unknown { .. }) => "unknown".into(),
        };
        assert_eq!(met, meaning, "{status} {said}: {outcome:?}");
    }
}

#[tokio::test]
async fn the_last_message_that_is_taken_says_for_how_long() {
    for (remaining, pause) in [("0", Some(SignedDuration::from_millis(1250))), ("4", None)] {
        let headers = [
            ("x-ratelimit-remaining", remaining),
            ("x-ratelimit-reset-after", "1.25"),
        ];
        let server = WebServer::start(move || answer(200, &headers, CREATED)).await;
        let receipt = post(&server, None, &page()).await.unwrap();
        assert_eq!(receipt.provider_id.as_deref(), Some("1029384756"));
        assert_eq!(receipt.pause, pause);
    }
}

#[tokio::test]
async fn the_token_is_in_no_words() {
    let server = WebServer::start(|| answer(400, &[], r#"{"message":"no TOKEN-of_the-webhook","code":1}"#)).await;
    let error = post(&server, None, &page()).await.unwrap_err();
    assert!(error.to_string().contains("no [hidden]"), "{error}");
}
