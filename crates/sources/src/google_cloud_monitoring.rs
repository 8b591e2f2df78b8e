//! Google Cloud Monitoring: incidents through a Pub/Sub push subscription, with or without its envelope, and through a
//! webhook channel.
//!
//! An incident is known by its `incident_id` from its opening to its end. Facts are from docs.cloud.google.com: "Create
//! and manage notification channels" (schema), "Push subscriptions" (envelope). Pub/Sub sends again whatever is not
//! answered with success until it is too old, so a message that can never be read is ignored and not refused.

use std::borrow::Cow;

use base64::{
    Engine as _,
    alphabet::{STANDARD, URL_SAFE},
    engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig},
};
use jiff::Timestamp;
use opsknight_domain::event::{Action, Event, Normalised, Severity};
use serde_json::{Value, json};

use crate::{
    Category, ParseError, Request, Source,
    guide::Facts,
    hash_hex, header_delivery_id, json, link,
    mapping::FieldMapping,
    normalise::{description, ignored, short},
    pick,
    proof::Issuer,
    setup::{Sample, Setup, Snippet},
    signature::SignatureSupport,
};

/// Google Cloud Monitoring.
#[derive(Debug)]
pub(crate) struct GoogleCloudMonitoring;

impl Source for GoogleCloudMonitoring {
    fn slug(&self) -> &'static str {
        "google-cloud-monitoring"
    }

    fn type_name(&self) -> &'static str {
        "GOOGLE_CLOUD_MONITORING"
    }

    fn title(&self) -> &'static str {
        "Google Cloud Monitoring"
    }

    fn tagline(&self) -> &'static str {
        "Incidents of alerting policies, through Pub/Sub or a webhook"
    }

    fn category(&self) -> Category {
        Category::Cloud
    }

    fn parse(&self, request: &Request<'_>, _mapping: Option<&FieldMapping>) -> Result<Vec<Normalised>, ParseError> {
        let body = match json::parse(request.body).and_then(pick::object) {
            Ok(body) => body,
            Err(error) if is_pushed(request) => return Ok(vec![ignored(None, format!("The message: {error}."))]),
            Err(error) => return Err(error),
        };
        let is_envelope = body.get("message").is_some_and(Value::is_object) && json::field(&body, "incident").is_none();
        let outcome = match if is_envelope { unwrap(&body) } else { Ok(body) } {
            Ok(message) => incident(message),
            Err(reason) => ignored(None, reason),
        };
        Ok(vec![outcome])
    }

    fn signature(&self) -> SignatureSupport {
        SignatureSupport::Generic {
            note: "Google does not sign with a shared secret: the address is the secret. For a webhook channel, require \
                   the integration key and enter it as the password. Leave this empty, unless something of yours in \
                   between signs.",
        }
    }

    /// Pub/Sub's `messageId`, which stays when it sends again; without an envelope it may stand in a header. It is unique
    /// within a topic only, and several may push here, so that the data is a part of it.
    fn delivery_id(&self, request: &Request<'_>) -> Option<String> {
        if let Some(id) = header_delivery_id(request, &["x-goog-pubsub-message-id", "webhook-id"]) {
            return Some(id);
        }
        let body = json::parse(request.body).ok()?;
        let id = pick::first(&body, &["/message/messageId", "/message/message_id"])?;
        let data = pick::first(&body, &["/message/data"]).unwrap_or_default();
        Some(hash_hex([&*id, &*data]))
    }

    fn token_issuer(&self) -> Option<Issuer> {
        Some(Issuer::Google)
    }

    fn facts(&self) -> Facts {
        Facts {
            forms: &[
                "Pub/Sub's push envelope, its data in base64 of either alphabet",
                "Pub/Sub's push without the envelope",
                "the webhook channel, schema 1.2 and before",
            ],
            triggers: "an incident whose `state` is open, or that has none",
            acknowledges: "`state` acknowledged",
            resolves: "`state` closed",
            ignores: "messages without an `incident`, incidents without an id or with a state that is not known, and data that can \
                      never be read: Pub/Sub would send it again and again",
            tests: "what the button of a webhook channel sends: `version` is `test`",
            severity: "Critical, Error and Warning as they are; `No severity`, or none: error",
            key: "`google-cloud-monitoring:` and `incident_id`",
            ordered_by: "`started_at` and `ended_at`",
            delivery: "`messageId` and data of Pub/Sub, or `x-goog-pubsub-message-id`",
        }
    }

    fn setup(&self) -> Setup {
        Setup {
            steps: &[
                "In Google Cloud, create a Pub/Sub topic, and a push subscription to it with the URL below as its \
                 endpoint.",
                "In Monitoring, open Alerting, then Edit notification channels, and add the topic under Pub/Sub. Let \
                 Monitoring's service account publish to it (Pub/Sub Publisher).",
                "Choose the channel in your alerting policies, tick Notify on incident closure, and give each policy a \
                 severity.",
                "Simpler, without Pub/Sub: add the URL below under Webhooks instead.",
            ],
            snippets: SNIPPETS,
            vendor_docs: Some("https://docs.cloud.google.com/monitoring/support/notification-options"),
        }
    }

    fn sample(&self, now: Timestamp) -> Sample {
        Sample::json(&json!({
            "version": "1.2",
            "incident": {
                "incident_id": "opsknight-test",
                "scoping_project_id": "opsknight",
                "url": "https://console.cloud.google.com/monitoring/alerting",
                "started_at": now.as_second(),
                "ended_at": null,
                "state": "open",
                "summary": "Somebody is trying out this integration. Nothing is wrong.",
                "policy_name": "OpsKnight test",
                "condition_name": "Test",
                "severity": "Warning",
                "resource": {"type": "global", "labels": {"project_id": "opsknight"}},
                "resource_name": "opsknight-test"
            }
        }))
    }
}

/// The topic, its subscription and the channel, in Google's own client.
const SNIPPETS: &[Snippet] = &[
    Snippet {
        name: "gcloud, Google's client",
        language: "shell",
        template: "gcloud pubsub topics create opsknight\ngcloud pubsub subscriptions create opsknight --topic=opsknight --push-endpoint='{url}'\ngcloud beta monitoring channels create --display-name=OpsKnight --type=pubsub \\\n  --channel-labels=\"topic=projects/$(gcloud config get project)/topics/opsknight\"\n",
    },
    Snippet {
        name: "Endpoint URL of a webhook channel",
        language: "text",
        template: "{url}",
    },
];

/// Whether Pub/Sub pushes it, which sends what was refused again until its retention ends. Without the envelope the body is
/// whatever was published; the headers are there where "Write metadata" is on ("Payload unwrapping for push subscriptions").
fn is_pushed(request: &Request<'_>) -> bool {
    let mut names = request.headers.keys();
    let agent = request.header("user-agent").unwrap_or_default();
    names.any(|name| name.as_str().starts_with("x-goog-pubsub-")) || agent.starts_with("CloudPubSub-Google")
}

/// The message in an envelope of Pub/Sub: JSON in base64, in either alphabet, padded or not.
fn unwrap(body: &Value) -> Result<Value, String> {
    let data = pick::text(body, "/message/data").ok_or("The message of Pub/Sub holds no data.")?;
    let lenient = GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent);
    let text: String = data.chars().filter(|c| !c.is_ascii_whitespace()).collect();
    let bytes = [&STANDARD, &URL_SAFE]
        .into_iter()
        .find_map(|alphabet| GeneralPurpose::new(alphabet, lenient).decode(&text).ok())
        .ok_or("The data of the message is no base64.")?;
    match json::parse(&bytes) {
        Ok(message @ Value::Object(_)) => Ok(message),
        Ok(_) | Err(_) => Err("The data of the message is no JSON object.".to_owned()),
    }
}

/// Google's words. "No severity", and what is older than severities, is an error: somebody made an alert of it.
fn severity(word: Option<String>) -> Severity {
    match word.as_deref() {
        Some("critical") => Severity::Critical,
        Some("warning") => Severity::Warning,
        _ => Severity::Error,
    }
}

fn incident(mut message: Value) -> Normalised {
    let Some(incident) = message.get_mut("incident").map(Value::take).filter(Value::is_object) else {
        return ignored(None, "It is no incident of Cloud Monitoring.");
    };
    let text = |name: &str| json::text_at(&incident, name);
    let Some(id) = text("incident_id") else {
        return ignored(None, "It does not say which incident it is.");
    };
    let key = format!("google-cloud-monitoring:{id}");
    let action = match pick::word(&incident, "/state").as_deref() {
        Some("open") | None => Action::Trigger,
        Some("acknowledged") => Action::Acknowledge,
        Some("closed") => Action::Resolve,
        Some(other) => return ignored(Some(key), format!("The state {other} is not known.")),
    };
    let policy = text("policy_name");
    let summary = match (&policy, text("summary").or_else(|| text("condition_name"))) {
        (Some(policy), Some(summary)) if !summary.contains(&**policy) => format!("{policy}: {summary}"),
        (_, Some(summary)) => summary.into_owned(),
        (Some(policy), None) => policy.clone().into_owned(),
        (None, None) => format!("Incident {id}"),
    };
    let mut event = Event::new(action, key, severity(pick::word(&incident, "/severity")), summary);
    let document = pick::first(&incident, &["/documentation/content", "/documentation"]);
    event.description = description(document, &event.summary);
    event.source = short(
        text("resource_display_name")
            .or_else(|| text("resource_name"))
            .or_else(|| text("resource_id")),
    );
    event.component = short(text("condition_name"));
    event.group = short(text("scoping_project_id").or_else(|| pick::text(&incident, "/resource/labels/project_id")));
    event.class = short(policy);
    event.occurred_at = match action {
        Action::Trigger => pick::time(&incident, &["/started_at"]),
        Action::Resolve => pick::time(&incident, &["/ended_at"]),
        Action::Acknowledge => None,
    };
    // An incident that is closed never opens again: the next one has an id of its own.
    event.changed_at = event.occurred_at;
    link::add(&mut event, text("url").as_deref(), "Incident");
    let more = incident.pointer("/documentation/links").and_then(Value::as_array);
    for item in more.into_iter().flatten() {
        let name = pick::first(item, &["/displayName", "/display_name"]).unwrap_or(Cow::Borrowed("Documentation"));
        link::add(&mut event, pick::text(item, "/url").as_deref(), &name);
    }
    // Google's button sends this version, with made-up values in everything else.
    event.is_test = pick::word(&message, "/version").as_deref() == Some("test");
    if event.is_test {
        event.severity = Severity::Info;
    }
    event.details = incident;
    Normalised::Event(Box::new(event))
}

#[cfg(test)]
mod tests {
    use http::{HeaderMap, Method};

    use super::*;
    use crate::testing::Call;

    fn parse(body: &Value) -> Normalised {
        let body = body.to_string();
        let headers = HeaderMap::new();
        let request = Request {
            method: &Method::POST,
            query: "",
            headers: &headers,
            body: body.as_bytes(),
        };
        GoogleCloudMonitoring
            .parse(&request, None)
            .expect("an outcome")
            .remove(0)
    }

    #[test]
    fn envelopes_are_opened_however_they_are_closed() {
        let inner = r#"{"incident":{"incident_id":"a?>","state":"CLOSED"}}"#;
        for alphabet in [&STANDARD, &URL_SAFE] {
            for config in [
                GeneralPurposeConfig::new(),
                GeneralPurposeConfig::new().with_encode_padding(false),
            ] {
                let data = GeneralPurpose::new(alphabet, config).encode(inner);
                let Normalised::Event(event) = parse(&json!({"message": {"data": data, "messageId": 5}})) else {
                    panic!("an event")
                };
                assert_eq!(
                    (event.action, event.dedup_key.as_str()),
                    (Action::Resolve, "google-cloud-monitoring:a?>")
                );
            }
        }
    }

    #[test]
    fn what_can_never_be_read_is_not_refused() {
        for body in [
            json!({"message": {"data": "%%%"}}),
            json!({"message": {"data": "/w=="}}),
            json!({"message": {"attributes": {}}}),
            json!({"message": {"data": "W10="}}),
            json!({"budgetDisplayName": "b"}),
            json!({"incident": {"incident_id": "a", "state": "odd"}}),
        ] {
            assert!(matches!(parse(&body), Normalised::Ignored { .. }), "{body}");
        }
    }

    /// Without its envelope a message may be anything, and Pub/Sub takes a refusal for a reason to send it again.
    #[test]
    fn what_pubsub_pushes_is_not_refused() {
        let parse = |header: (&'static str, &'static str)| {
            Call {
                headers: &[header],
                body: b"no JSON",
                ..Call::default()
            }
            .parse(&GoogleCloudMonitoring)
        };
        for header in [
            ("x-goog-pubsub-subscription-name", "projects/p/subscriptions/s"),
            ("user-agent", "CloudPubSub-Google"),
        ] {
            assert!(
                matches!(parse(header).as_deref(), Ok([Normalised::Ignored { .. }])),
                "{header:?}"
            );
        }
        assert_eq!(
            parse(("user-agent", "curl")).map_err(|error| error.field),
            Err("body".into())
        );
    }

    #[test]
    fn severities_and_states() {
        for (word, severity) in [
            (json!("Critical"), Severity::Critical),
            (json!("ERROR"), Severity::Error),
            (json!("Warning"), Severity::Warning),
            (json!("No severity"), Severity::Error),
            (json!(null), Severity::Error),
        ] {
            let body = json!({"incident": {"incident_id": 7, "state": "acknowledged", "severity": word}});
            let Normalised::Event(event) = parse(&body) else {
                panic!("an event")
            };
            assert_eq!(
                (event.action, event.severity),
                (Action::Acknowledge, severity),
                "{word}"
            );
        }
    }

    #[test]
    fn messages_are_put_in_order_by_their_own_times() {
        let at = |state: &str, ended: Value| {
            let body = json!({"incident": {"incident_id": "a", "state": state, "started_at": 1_772_439_000, "ended_at": ended}});
            match parse(&body) {
                Normalised::Event(event) => event.changed_at,
                Normalised::Ignored { reason, .. } => panic!("{reason}"),
            }
        };
        assert!(at("open", Value::Null).is_some() && at("open", Value::Null) < at("closed", json!("1772439300")));
        assert_eq!(at("closed", Value::Null), None);
    }

    #[test]
    fn redeliveries_have_one_id() {
        let headers = HeaderMap::new();
        let id = |body: &[u8]| {
            GoogleCloudMonitoring.delivery_id(&Request {
                method: &Method::POST,
                query: "",
                headers: &headers,
                body,
            })
        };
        let first = id(br#"{"message":{"data":"AA==","message_id":136,"deliveryAttempt":1}}"#);
        assert!(first.is_some());
        assert_eq!(
            first,
            id(br#"{"message":{"data":"AA==","messageId":"136"},"deliveryAttempt":2}"#)
        );
        assert_ne!(first, id(br#"{"message":{"data":"AB==","messageId":"136"}}"#));
        assert_eq!(id(br#"{"message":{"data":"AA=="}}"#), None);
    }
}
