//! What OneSignal is asked, and what each answer leads to.

use std::sync::Arc;

use opsknight_channels::{
    Channel as _, DeliveryError, Message, Receipt, Secret,
    push::onesignal::{OneSignal, OneSignalSettings},
};
use opsknight_domain::message::Content;
use serde_json::{Value, json};
use uuid::{Uuid, Version};

use crate::{
    conformance::{Mood, Peer, Person, SECRETS},
    described::Description,
    samples::{hostile, note, now, page, resolved, storm},
    web_server::{Request, WebServer, answer},
};

const APP: &str = "8250eaf6-1a58-489e-b136-7c74a864b434";
const SUBSCRIPTION: &str = "1dd608f2-c6a1-11e3-851d-000c2940e62c";
const CREATED: &str = r#"{"id":"b98881cc-1e94-4366-bbd9-db8f3429292b","external_id":null}"#;

fn channel(server: &WebServer, mood: Mood) -> OneSignal {
    let settings = OneSignalSettings {
        app_id: APP.into(),
        api_key: Secret::new(SECRETS[0]),
        base_url: Some(server.base()),
    };
    OneSignal::new(&settings, &mood.vendors()).unwrap()
}

/// OneSignal, for the promises of all channels.
pub(crate) async fn peer(mood: Mood) -> impl Peer {
    let server = match mood {
        // It repeats the one credential that it is given.
        Mood::Echoes => WebServer::start(|| answer(403, &[], SECRETS[0])).await,
        Mood::EchoesLate => WebServer::start(|| answer(403, &[], format!("{} ", SECRETS[0]).repeat(60))).await,
        Mood::Takes | Mood::Busy | Mood::SilentAfter | Mood::CutAfter | Mood::Nonsense => {
            mood.server(|_| answer(200, &[], CREATED)).await
        }
    };
    Person {
        channel: Arc::new(channel(&server, mood)),
        to: SUBSCRIPTION,
        server,
        arrived: |request| {
            let body = request.json();
            Some(Some(format!(
                "{} {}",
                body["idempotency_key"], body["data"]["delivery"]
            )))
        },
        goes_by_status: false,
    }
}

async fn send(server: &WebServer, to: &str, message: &Message) -> Result<Receipt, DeliveryError> {
    channel(server, Mood::Takes).send(to, message, now()).await
}

async fn request(to: &str, message: &Message) -> Request {
    let server = WebServer::start(|| answer(200, &[], CREATED)).await;
    send(&server, to, message).await.unwrap();
    server.seen().remove(0)
}

#[tokio::test]
async fn the_requests_are_these() {
    for (name, message) in [
        ("page", page()),
        ("resolved", resolved()),
        ("note", note()),
        ("storm", storm()),
        ("hostile", hostile()),
    ] {
        let request = request(SUBSCRIPTION, &message).await;
        assert_eq!(request.uri, "/notifications");
        assert_eq!(request.header("authorization"), Some("Key PASSWORD-of-ours"));
        insta::assert_json_snapshot!(format!("onesignal_{name}"), request.json());
    }
}

#[tokio::test]
async fn every_request_is_as_described() {
    let Some(onesignal) = Description::of("onesignal-notifications-adjusted-openapi.json").await else {
        return;
    };
    for message in [page(), resolved(), note(), hostile(), storm()] {
        for to in [SUBSCRIPTION, "jane@example.com"] {
            let request = request(to, &message).await;
            assert_eq!(onesignal.judge(&request).await, Ok(()));
            let mut wrong = request.json();
            wrong["contents"] = json!("a text and no languages");
            assert!(
                onesignal
                    .judge_changed(&request, wrong.to_string().into())
                    .await
                    .is_err()
            );
        }
        let mut keyless = request(SUBSCRIPTION, &message).await;
        keyless.headers.remove("authorization");
        assert!(onesignal.judge(&keyless).await.is_err());
    }
    let server = WebServer::start(|| answer(200, &[], "{}")).await;
    channel(&server, Mood::Takes).check().await.unwrap();
    let request = server.seen().remove(0);
    assert_eq!(request.uri.to_string(), format!("/notifications?app_id={APP}&limit=1"));
    assert_eq!(onesignal.judge(&request).await, Ok(()));
}

#[tokio::test]
async fn an_address_is_a_subscription_or_a_person() {
    let body = request(SUBSCRIPTION, &page()).await.json();
    assert_eq!(body["include_subscription_ids"], json!([SUBSCRIPTION]));
    assert_eq!(body.get("include_aliases"), None);
    let body = request(" usr_1 ", &page()).await.json();
    assert_eq!(body["include_aliases"], json!({ "external_id": ["usr_1"] }));
    assert_eq!(body["target_channel"], "push");
    assert_eq!(body.get("include_subscription_ids"), None);
    let server = WebServer::start(|| answer(200, &[], CREATED)).await;
    for to in ["", "a\nb", &"x".repeat(129)] {
        let outcome = send(&server, to, &page()).await;
        assert!(matches!(outcome, Err(DeliveryError::Refused { .. })), "{outcome:?}");
    }
    assert!(server.seen().is_empty());
}

#[tokio::test]
async fn the_key_of_a_repetition_is_a_uuid_of_version_4_made_of_the_delivery() {
    let key = |body: Value| body["idempotency_key"].as_str().unwrap().parse::<Uuid>().unwrap();
    let (first, again) = (request("a", &page()).await, request("a", &page()).await);
    let (first, again) = (key(first.json()), key(again.json()));
    assert_eq!(first, again);
    assert_eq!(first.get_version(), Some(Version::Random));
    assert_ne!(first, key(request("a", &note()).await.json()));
}

/// OneSignal would fill them in.
#[tokio::test]
async fn doubled_braces_of_an_alert_are_no_template() {
    let mut message = page();
    let Content::Incident(news) = &mut message.content else {
        panic!()
    };
    news.incident.title = "{{ user.name }} {{{x}}} {% if a %}".into();
    news.incident.description = Some("{{ $labels.instance }} is down".into());
    let body = request("a", &message).await.json();
    for text in [&body["headings"]["en"], &body["contents"]["en"]] {
        let text = text.as_str().unwrap();
        assert!(!text.contains("{{") && !text.contains("{%"), "{text}");
        assert!(text.contains("{ {"), "{text}");
    }
}

#[tokio::test]
async fn each_answer_leads_to_what_it_means() {
    let invalid = format!(r#"{{"id":"b98881cc","errors":{{"invalid_player_ids":["{SUBSCRIPTION}"]}}}}"#);
    let other = r#"{"id":"b98881cc","errors":{"invalid_player_ids":["another"]}}"#;
    let nobody = r#"{"id":"","errors":["All included players are not subscribed"]}"#;
    for (status, said, meaning) in [
        (200, CREATED, "taken"),
        (200, other, "taken"),
        (200, invalid.as_str(), "refused"),
        (200, nobody, "refused"),
        (200, r#"{"id":"","recipients":0}"#, "refused"),
        (
            200,
            r#"{"errors":["All included players are not subscribed"]}"#,
            "refused",
        ),
        (200, "{}", "unknown"),
        (200, "<html>", "unknown"),
        (202, "", "unknown"),
        (
            400,
            r#"{"errors":["Message Notifications must have English language content"]}"#,
            "refused",
        ),
        (400, r#"{"errors":["Invalid app_id format"]}"#, "ONESIGNAL_APP_ID"),
        (
            401,
            r#"{"errors":["Access denied. Please include an 'Authorization: ...' header"]}"#,
            "ONESIGNAL_API_KEY",
        ),
        (
            403,
            r#"{"errors":[{"code":"forbidden","title":"Access denied"}]}"#,
            "ONESIGNAL_API_KEY",
        ),
        (404, "nothing here", "OPSKNIGHT_ONESIGNAL_BASE_URL"),
        (429, r#"{"errors":["API rate limit exceeded"]}"#, "later"),
        (500, "", "later"),
        (302, "", "base URL"),
    ] {
        let text = said.to_owned();
        let server = WebServer::start(move || answer(status, &[("retry-after", "9")], text.clone())).await;
        let outcome = send(&server, SUBSCRIPTION, &page()).await;
        let met = match &outcome {
            Ok(receipt) => {
                assert!(receipt.provider_id.as_deref().unwrap().starts_with("b98881cc"));
                "taken"
            }
            Err(DeliveryError::Retry { after, .. }) => {
                assert_eq!(after.unwrap().as_secs(), 9);
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
async fn a_check_says_which_setting_is_wrong() {
    for (status, said, field) in [
        (400, r#"{"errors":["Invalid app_id format"]}"#, "ONESIGNAL_APP_ID"),
        (
            401,
            r#"{"errors":["Access denied PASSWORD-of-ours"]}"#,
            "ONESIGNAL_API_KEY",
        ),
    ] {
        let server = WebServer::start(move || answer(status, &[], said)).await;
        match channel(&server, Mood::Takes).check().await {
            Err(DeliveryError::Misconfigured { field: named, why }) => {
                assert_eq!(named, field);
                assert!(!why.contains("PASSWORD"), "{why}");
            }
            other => panic!("{other:?}"),
        }
    }
}

#[test]
fn each_problem_names_its_setting_and_no_secret_is_printed() {
    let settings = OneSignalSettings {
        app_id: "app".into(),
        api_key: Secret::new("with a space"),
        base_url: Some("mailto:x".parse().unwrap()),
    };
    let fields: Vec<&str> = settings.problems().iter().map(|problem| problem.field).collect();
    assert_eq!(
        fields,
        ["ONESIGNAL_APP_ID", "ONESIGNAL_API_KEY", "OPSKNIGHT_ONESIGNAL_BASE_URL"]
    );
    assert!(!format!("{settings:?}").contains("with a space"));
}
