//! What rooms of Microsoft Teams are sent, and what each answer leads to.

use std::sync::Arc;

use opsknight_channels::{
    DeliveryError, Endpoint, Hook as _, Message, Receipt, Secret, Timeouts, rooms::teams::Teams, tls::Roots,
};
use opsknight_domain::{incident::Status, message::Content, urgency::Urgency};
use serde_json::Value;

use crate::{
    conformance::{Mood, Peer, Room, SECRETS},
    samples::{hostile, incident, long_links, message, note, now, page, resolved, storm},
    schemas::adaptive_card,
    web_server::{WebServer, answer},
};

/// What Teams takes, in bytes ("Format cards in Microsoft Teams"): 28 kB.
const BODY_BYTES_MAX: usize = 28_000;

/// A workflow, for the promises of all channels.
pub(crate) async fn peer(mood: Mood) -> impl Peer {
    let server = mood.server(|_| answer(202, &[], "")).await;
    Room {
        hook: Arc::new(Teams::new(true, &Roots::of(Vec::new()), mood.timeouts()).unwrap()),
        endpoint: endpoint(&server.url),
        server,
        arrived: |_| Some(None),
        goes_by_status: true,
    }
}

fn endpoint(url: &str) -> Endpoint {
    Endpoint {
        url: url.into(),
        secret: Some(Secret::new(SECRETS[0])),
        channel: None,
    }
}

async fn post(server: &WebServer, message: &Message) -> Result<Receipt, DeliveryError> {
    let teams = Teams::new(true, &Roots::of(Vec::new()), Timeouts::default()).unwrap();
    teams.post(&endpoint(&server.url), message, now()).await
}

/// The body that is posted for a message.
async fn body(message: &Message) -> (Value, usize, usize) {
    let server = WebServer::start(|| answer(202, &[], "")).await;
    post(&server, message).await.unwrap();
    let request = &server.seen()[0];
    assert_eq!(request.header("content-type"), Some("application/json"));
    let in_utf16 = request.body.encode_utf16().count() * 2;
    (request.json(), request.bytes.len(), in_utf16)
}

#[tokio::test]
async fn the_cards_are_these() {
    for (name, message) in [
        ("page", page()),
        ("resolved", resolved()),
        ("note", note()),
        ("storm", storm()),
    ] {
        insta::assert_json_snapshot!(format!("teams_{name}"), body(&message).await.0);
    }
}

#[tokio::test]
async fn every_card_is_of_the_schema_and_short_enough() {
    for message in [page(), resolved(), note(), hostile(), storm(), long_links()] {
        let (body, bytes, in_utf16) = body(&message).await;
        assert!(bytes.max(in_utf16) <= BODY_BYTES_MAX, "{bytes} {in_utf16}");
        assert_eq!(body["type"], "message");
        assert_eq!(
            body["attachments"][0]["contentType"],
            "application/vnd.microsoft.card.adaptive"
        );
        let card = body["attachments"][0]["content"].clone();
        let Some(judged) = adaptive_card(&card) else { return };
        assert_eq!(judged, Ok(()));
        let mut wrong = card;
        wrong["body"][0]["items"][0].as_object_mut().unwrap().remove("inlines");
        assert!(adaptive_card(&wrong).unwrap().is_err());
    }
}

#[tokio::test]
async fn the_longest_texts_of_the_widest_characters_fit() {
    let mut news = incident();
    let wide = "字".repeat(20_000);
    news.incident.title = wide.clone();
    news.incident.description = Some(wide.clone());
    news.incident.service.name = wide.clone();
    news.incident.assignee.as_mut().unwrap().name = wide.clone();
    news.incident.priority = Some(wide.clone());
    news.reason = Some(wide);
    let long = format!("https://example.com/{}", "a".repeat(1900));
    news.incident.url = long.clone();
    news.incident.runbook_url = Some(long);
    let (_, bytes, in_utf16) = body(&message(news)).await;
    assert!(bytes.max(in_utf16) <= BODY_BYTES_MAX, "{bytes} {in_utf16}");
}

#[tokio::test]
async fn the_colour_tells_how_it_stands_and_only_pages_can_acknowledge() {
    for (status, urgency, style) in [
        (Status::Open, Urgency::High, "attention"),
        (Status::Open, Urgency::Medium, "warning"),
        (Status::Open, Urgency::Low, "emphasis"),
        (Status::Acknowledged, Urgency::High, "warning"),
        (Status::Resolved, Urgency::High, "good"),
    ] {
        let mut message = page();
        let Content::Incident(news) = &mut message.content else {
            panic!()
        };
        (news.incident.status, news.incident.urgency) = (status, urgency);
        let card = &body(&message).await.0["attachments"][0]["content"];
        assert_eq!(card["body"][0]["style"], style, "{status:?} {urgency:?}");
    }
    let titles = |body: &Value| body["attachments"][0]["content"]["actions"].to_string();
    assert!(titles(&body(&page()).await.0).contains("SIGNED"));
    assert!(!titles(&body(&resolved()).await.0).contains("SIGNED"));
}

#[tokio::test]
async fn each_answer_leads_to_what_it_means() {
    let failed = |status| {
        format!(
            "Webhook message delivery failed with error: Microsoft Teams endpoint returned HTTP error {status} with \
             ContextId tcid=3626521845697697778,server=DB3PEPF0000009A,cv=BmkbJ1NdTkv1EDoqr7n/rg.0.."
        )
    };
    let disabled = r#"{"error":{"code":"WorkflowTriggerIsNotEnabled","message":"Could not execute workflow 'a' trigger 'manual' with state 'Disabled': trigger is not enabled."}}"#;
    let mismatch = r#"{"error":{"code":"TriggerInputSchemaMismatch","message":"The input body for trigger 'manual' did not match its schema definition."}}"#;
    for (status, said, meaning) in [
        (202, String::new(), "taken"),
        (200, "1".into(), "taken"),
        (200, failed(429), "later"),
        (200, failed(503), "later"),
        (200, failed(413), "refused"),
        (200, failed(404), "url"),
        (
            400,
            "Bad payload received by generic incoming webhook.".into(),
            "refused",
        ),
        (400, mismatch.into(), "refused"),
        (400, disabled.into(), "url"),
        (401, "{}".into(), "url"),
        (404, "no such flow".into(), "url"),
        (410, String::new(), "url"),
        (413, String::new(), "refused"),
        (429, String::new(), "later"),
        (302, String::new(), "url"),
        (409, String::new(), "later"),
        (500, String::new(), "later"),
    ] {
        let text = said.clone();
        let server = WebServer::start(move || answer(status, &[("retry-after", "7")], text.clone())).await;
        let outcome = post(&server, &page()).await;
        let met = match &outcome {
            Ok(_) => "taken",
            Err(DeliveryError::Retry { after, .. }) => {
                assert_eq!(after.unwrap().as_secs(), 7);
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
async fn a_receipt_names_the_run_of_the_workflow() {
    let server = WebServer::start(|| answer(202, &[("x-ms-workflow-run-id", "0858")], "")).await;
    let receipt = post(&server, &page()).await.unwrap();
    assert_eq!(receipt, Receipt::of("202 Accepted").with_id("0858"));
}
