//! PagerDuty-shaped senders: PagerDuty's own outgoing webhooks, and tools that speak its Events API to an address.
//!
//! It owns the webhooks of version 3 (one `event`) and of versions 1 and 2 (a list of `messages`); an Events API body
//! goes to [`crate::events`]. An incident of PagerDuty's is known by its id. Facts are from developer.pagerduty.com:
//! "Webhooks Overview" and "Verifying Signatures".

use std::borrow::Cow;

use jiff::Timestamp;
use opsknight_domain::event::{Action, Event, Normalised, Severity};
use serde_json::{Value, json};

use crate::{
    Category, ParseError, Request, Source, events,
    guide::Facts,
    hash_hex, header_delivery_id, json, link,
    mapping::FieldMapping,
    normalise::{description, ignored, list, mark_test, short},
    pick,
    setup::{Sample, Setup, Snippet},
    signature::{self, SignatureError, SignatureSupport},
};

/// PagerDuty's header: `v1=` and the HMAC-SHA256 of the body in hexadecimal digits, once for each secret in use.
const SIGNATURE_HEADER: &str = "x-pagerduty-signature";
/// Most signatures that one header may list.
const SIGNATURES_MAX: usize = 16;

/// PagerDuty and what sends like it.
#[derive(Debug)]
pub(crate) struct PagerDuty;

impl Source for PagerDuty {
    fn slug(&self) -> &'static str {
        "pagerduty"
    }

    fn type_name(&self) -> &'static str {
        "PAGERDUTY"
    }

    fn title(&self) -> &'static str {
        "PagerDuty"
    }

    fn tagline(&self) -> &'static str {
        "PagerDuty's webhooks, for moving over step by step, and tools that can send to PagerDuty only"
    }

    fn category(&self) -> Category {
        Category::OnCall
    }

    fn parse(&self, request: &Request<'_>, _mapping: Option<&FieldMapping>) -> Result<Vec<Normalised>, ParseError> {
        let mut body = json::parse(request.body)?;
        if body.get("event").is_some_and(Value::is_object) {
            return Ok(vec![version_3(&body["event"])]);
        }
        if let Some(Value::Array(messages)) = body.get_mut("messages").map(Value::take) {
            return list(messages, "messages", |message| Ok(version_2(&message)));
        }
        let enqueue = events::parse_enqueue(request.body)?;
        let is_named = enqueue.dedup_key.is_some();
        let mut event = enqueue.into_event(String::new);
        if !is_named {
            let source = event.source.as_deref().unwrap_or_default();
            event.dedup_key = format!("pagerduty:{}", hash_hex([event.summary.as_str(), source]));
        }
        Ok(vec![Normalised::Event(Box::new(event))])
    }

    fn signature(&self) -> SignatureSupport {
        SignatureSupport::Vendor {
            header: "X-PagerDuty-Signature",
            note: "PagerDuty shows the secret once, when the webhook subscription is created: set it here. Tools that send \
                   events do not sign; leave it empty for them.",
        }
    }

    fn verify(&self, request: &Request<'_>, secret: &str, now: Timestamp) -> Result<(), SignatureError> {
        let Some(signatures) = request.header(SIGNATURE_HEADER) else {
            return signature::verify_generic(request, secret, now);
        };
        let right = signatures.split(',').take(SIGNATURES_MAX).any(|signature| {
            let digits = signature
                .trim()
                .strip_prefix("v1=")
                .and_then(|digits| hex::decode(digits).ok());
            digits.is_some_and(|mac| signature::check_mac(secret.as_bytes(), &[request.body], &mac).is_ok())
        });
        if right { Ok(()) } else { Err(SignatureError::Wrong) }
    }

    fn facts(&self) -> Facts {
        Facts {
            forms: &[
                "a webhook of version 3: one `event`",
                "webhooks of versions 1 and 2: a list of `messages`",
                "a body of the Events API v2, as tools send it that know PagerDuty only; v1 is refused",
            ],
            triggers: "`incident.triggered` and `incident.reopened` (`incident.trigger` in older versions); `event_action` \
                       `trigger`",
            acknowledges: "`incident.acknowledged`; `event_action` `acknowledge`",
            resolves: "`incident.resolved`; `event_action` `resolve`",
            ignores: "all other events, such as notes, assignments and escalations",
            tests: "`pagey.ping`",
            severity: "the priority of the incident (`P1` is critical, `P2` error, `P3` warning, `P4` info), else its urgency: \
                       high is critical, low is info; else warning",
            key: "`pagerduty:` and the id of the incident; for the Events API its `dedup_key` as it is, without one \
                  `pagerduty:` and a hash of the summary and the source",
            ordered_by: "`occurred_at`, in older versions `created_on`",
            delivery: "the id of the event, else the header `X-Webhook-Id`",
        }
    }

    /// The id of the event, which stays when PagerDuty sends again.
    fn delivery_id(&self, request: &Request<'_>) -> Option<String> {
        pick::delivery_id(request, &["/event/id", "/messages/0/id"])
            .or_else(|| header_delivery_id(request, &["x-webhook-id", "webhook-id", "idempotency-key"]))
    }

    fn setup(&self) -> Setup {
        Setup {
            steps: &[
                "For what is in PagerDuty already: open Integrations, then Generic Webhooks (v3), and add a webhook with \
                 the URL below and the events incident.triggered, incident.acknowledged, incident.resolved and \
                 incident.reopened.",
                "PagerDuty shows its secret once: copy it and set it here. Send a test event: it opens an incident that \
                 pages nobody and closes itself.",
                "For tools that know PagerDuty only: enter this server instead of https://events.pagerduty.com and the \
                 integration key as the routing key; or the URL below, where the tool wants a whole address.",
            ],
            snippets: SNIPPETS,
            vendor_docs: Some("https://docs.pagerduty.com/developer/webhooks-overview"),
        }
    }

    fn sample(&self, now: Timestamp) -> Sample {
        Sample::json(&json!({
            "event": {
                "id": hash_hex([now.to_string().as_str()]),
                "event_type": "incident.triggered",
                "resource_type": "incident",
                "occurred_at": now.to_string(),
                "agent": null,
                "client": null,
                "data": {
                    "id": "OPSKNIGHTTEST",
                    "type": "incident",
                    "status": "triggered",
                    "title": "Test of the integration",
                    "urgency": "low",
                    "service": {"summary": "Somebody is trying out this integration. Nothing is wrong."}
                }
            }
        }))
    }
}

/// The webhook through PagerDuty's API, and the Events API as a tool's configuration has it.
const SNIPPETS: &[Snippet] = &[
    Snippet {
        name: "PagerDuty's API",
        language: "shell",
        template: "curl -X POST https://api.pagerduty.com/webhook_subscriptions \\\n  -H 'Authorization: Token token=YOUR API KEY' -H 'Content-Type: application/json' \\\n  -d '{\"webhook_subscription\": {\"type\": \"webhook_subscription\", \"description\": \"OpsKnight\",\n    \"delivery_method\": {\"type\": \"http_delivery_method\", \"url\": \"{url}\"},\n    \"events\": [\"incident.triggered\", \"incident.acknowledged\", \"incident.resolved\", \"incident.reopened\"],\n    \"filter\": {\"type\": \"account_reference\"}}}'\n",
    },
    Snippet {
        name: "Address of the Events API",
        language: "text",
        template: "{base}/v2/enqueue\nrouting key: {key}\n",
    },
];

/// What the name of an event says, in all versions; none for what neither opens nor closes anything.
fn action(name: &str) -> Option<Action> {
    match name {
        "incident.triggered" | "incident.trigger" | "incident.reopened" => Some(Action::Trigger),
        "incident.acknowledged" | "incident.acknowledge" => Some(Action::Acknowledge),
        "incident.resolved" | "incident.resolve" => Some(Action::Resolve),
        _ => None,
    }
}

/// One event of version 3.
fn version_3(event: &Value) -> Normalised {
    let name = pick::word(event, "/event_type").unwrap_or_default();
    if name == "pagey.ping" {
        return test(event);
    }
    let Some(incident) = event.get("data").filter(|data| data.is_object()) else {
        return ignored(None, "It tells of no incident.");
    };
    outcome(&name, incident, pick::time(event, &["/occurred_at"]), event)
}

/// What PagerDuty's button "Send Test Event" sends.
fn test(event: &Value) -> Normalised {
    let greeting = pick::text(event, "/data/message").unwrap_or("Test event of PagerDuty".into());
    let mut test = Event::new(Action::Trigger, "pagerduty:ping", Severity::Info, greeting);
    test.class = Some("pagey.ping".to_owned());
    test.occurred_at = pick::time(event, &["/occurred_at"]);
    mark_test(&mut test);
    Normalised::Event(Box::new(test))
}

/// One message of version 1 or 2.
fn version_2(message: &Value) -> Normalised {
    let name = pick::word(message, "/event")
        .or_else(|| pick::word(message, "/type"))
        .unwrap_or_default();
    let incident = message.get("incident").or_else(|| message.pointer("/data/incident"));
    let Some(incident) = incident.filter(|incident| incident.is_object()) else {
        return ignored(None, "It tells of no incident.");
    };
    outcome(&name, incident, pick::time(message, &["/created_on"]), message)
}

fn outcome(name: &str, incident: &Value, at: Option<Timestamp>, message: &Value) -> Normalised {
    let text = |field: &str| json::text_at(incident, field);
    let Some(id) = text("id") else {
        return ignored(None, "It does not say which incident it is.");
    };
    // Only an event of an incident carries the incident itself; others carry notes and responders with ids of theirs.
    let Some(action) = action(name) else {
        let name = if name.is_empty() {
            "An event without a name"
        } else {
            name
        };
        return ignored(None, format!("{name} neither opens nor closes an incident."));
    };
    let number = pick::first(incident, &["/number", "/incident_number"]);
    let title = pick::first(
        incident,
        &["/title", "/trigger_summary_data/subject", "/description", "/summary"],
    );
    let title = title.unwrap_or_else(|| format!("PagerDuty incident {}", number.as_deref().unwrap_or(&id)).into());
    let mut event = Event::new(action, format!("pagerduty:{id}"), severity(incident), title);
    event.description = description(pick::text(incident, "/body/details"), &event.summary);
    let service = pick::first(incident, &["/service/summary", "/service/name"]);
    event.source = short(service);
    event.group = short(pick::text(incident, "/escalation_policy/summary"));
    event.class = short(Some(Cow::Borrowed(name)));
    // Of the change of state, in all versions; an incident that is opened again has a later one.
    event.occurred_at = at;
    event.changed_at = at;
    link::add(&mut event, text("html_url").as_deref(), "PagerDuty");
    link::add(
        &mut event,
        pick::text(incident, "/conference_bridge/conference_url").as_deref(),
        "Conference",
    );
    event.details = pick::details(
        incident,
        &[
            ("number", "/number"),
            ("incident_number", "/incident_number"),
            ("incident_key", "/incident_key"),
            ("status", "/status"),
            ("urgency", "/urgency"),
            ("priority", "/priority/summary"),
            ("service", "/service/summary"),
            ("assignees", "/assignees"),
            ("teams", "/teams"),
            ("resolve_reason", "/resolve_reason"),
            ("created_at", "/created_at"),
        ],
    );
    if let (Value::Object(details), Some(agent)) = (&mut event.details, pick::text(message, "/agent/summary")) {
        details.insert("agent".to_owned(), Value::String(agent.into_owned()));
    }
    Normalised::Event(Box::new(event))
}

/// By the priority, where an account uses them; else by the urgency: a high one is paged for at PagerDuty, a low one is not.
fn severity(incident: &Value) -> Severity {
    let priority = pick::first(incident, &["/priority/summary", "/priority/name"]);
    priority
        .and_then(|word| Severity::from_vendor_word(&word))
        .unwrap_or_else(|| match pick::word(incident, "/urgency").as_deref() {
            Some("high") => Severity::Critical,
            Some("low") => Severity::Info,
            _ => Severity::Warning,
        })
}

#[cfg(test)]
mod tests {
    use http::{HeaderMap, HeaderValue, Method};

    use super::*;

    fn parse(body: &Value) -> Result<Vec<Normalised>, ParseError> {
        let body = body.to_string();
        let headers = HeaderMap::new();
        let request = Request {
            method: &Method::POST,
            query: "",
            headers: &headers,
            body: body.as_bytes(),
        };
        PagerDuty.parse(&request, None)
    }

    #[test]
    fn only_what_changes_an_incident_counts() {
        for (name, expected) in [
            ("incident.triggered", Some(Action::Trigger)),
            ("incident.reopened", Some(Action::Trigger)),
            ("incident.acknowledged", Some(Action::Acknowledge)),
            ("incident.resolved", Some(Action::Resolve)),
            ("incident.unacknowledged", None),
            ("incident.annotated", None),
            ("incident.priority_updated", None),
            ("service.updated", None),
        ] {
            let body = json!({"event": {"event_type": name, "data": {"id": "P1", "title": "T"}}});
            match (&parse(&body).expect("outcomes")[..], expected) {
                ([Normalised::Event(event)], Some(action)) => {
                    assert_eq!((event.action, event.dedup_key.as_str()), (action, "pagerduty:P1"));
                }
                ([Normalised::Ignored { .. }], None) => {}
                (outcomes, _) => panic!("{name}: {outcomes:?}"),
            }
        }
    }

    #[test]
    fn a_ping_is_a_test() {
        let body = json!({"event": {
            "id": "01A", "event_type": "pagey.ping", "resource_type": "pagey", "occurred_at": "2026-03-02T08:00:00Z",
            "agent": null, "client": null, "data": {"message": "Hello from your friend Pagey!", "type": "ping"}
        }});
        match parse(&body).expect("a test").remove(0) {
            Normalised::Event(event) => {
                assert!(event.is_test && event.action == Action::Trigger);
                assert_eq!(event.summary, "Hello from your friend Pagey!");
            }
            Normalised::Ignored { reason, .. } => panic!("{reason}"),
        }
    }

    #[test]
    fn changes_are_in_the_order_in_which_they_happened() {
        let changed = |body: Value| match parse(&body).expect("an event").remove(0) {
            Normalised::Event(event) => event.changed_at,
            Normalised::Ignored { reason, .. } => panic!("{reason}"),
        };
        let third = |name: &str, at: &str| {
            changed(
                json!({"event": {"event_type": name, "occurred_at": at, "data": {"id": "P1", "created_at": "2026-03-02T07:00:00Z"}}}),
            )
        };
        let second = |name: &str, at: &str| {
            changed(
                json!({"messages": [{"event": name, "created_on": at, "incident": {"id": "P1", "created_at": "2026-03-02T07:00:00Z"}}]}),
            )
        };
        let resolved = third("incident.resolved", "2026-03-02T08:00:00.5Z");
        assert!(resolved.is_some() && resolved < third("incident.reopened", "2026-03-02T08:00:01Z"));
        let resolved = second("incident.resolve", "2026-03-02T08:00:00Z");
        assert!(resolved.is_some() && resolved < second("incident.trigger", "2026-03-02T08:00:01Z"));
        // The Events API tells when a problem was seen, perhaps long ago.
        let event = json!({
            "event_action": "trigger", "dedup_key": "k",
            "payload": {"summary": "S", "source": "s", "severity": "error", "timestamp": "2026-03-02T08:00:00Z"}
        });
        assert_eq!(changed(event), None);
    }

    #[test]
    fn older_versions_send_lists() {
        let body = json!({"messages": [
            {"event": "incident.trigger", "incident": {"id": "P1", "title": "A", "urgency": "high"}},
            {"type": "incident.resolve", "data": {"incident": {"id": "P2"}}},
            {"event": "incident.assign", "incident": {"id": "P1"}}
        ]});
        let outcomes = parse(&body).expect("outcomes");
        assert!(matches!(
            &outcomes[..],
            [Normalised::Event(_), Normalised::Event(_), Normalised::Ignored { .. }]
        ));
    }

    #[test]
    fn events_keep_the_key_of_their_sender() {
        let mut body =
            json!({"event_action": "trigger", "dedup_key": "host/cpu", "payload": {"summary": "S", "source": "s"}});
        let key = |body: &Value| match parse(body).expect("an event").remove(0) {
            Normalised::Event(event) => event.dedup_key,
            Normalised::Ignored { reason, .. } => panic!("{reason}"),
        };
        assert_eq!(key(&body), "host/cpu");
        body["dedup_key"] = Value::Null;
        assert!(key(&body).starts_with("pagerduty:"));
        let old = json!({"service_key": "k", "event_type": "trigger", "description": "d"});
        let error = parse(&old).expect_err("refused");
        assert!(error.field == "service_key" && error.message.contains("v1"), "{error}");
    }

    #[test]
    fn any_of_the_signatures_will_do() {
        // Signed with another program.
        let right = "1a3c00468df923611cab3124fbe42e2ff792e53675616ac51fd60c5848296409";
        let body = br#"{"event":{"id":"01A","event_type":"pagey.ping"}}"#;
        let verdict = |value: &str| {
            let mut headers = HeaderMap::new();
            headers.insert("x-pagerduty-signature", HeaderValue::from_str(value).expect("a value"));
            let request = Request {
                method: &Method::POST,
                query: "",
                headers: &headers,
                body,
            };
            PagerDuty.verify(&request, "wIvf2ZZVnnq7vSkP+pDhU8Dl6Sn1", Timestamp::UNIX_EPOCH)
        };
        assert_eq!(verdict(&format!("v1={right}")), Ok(()));
        assert_eq!(verdict(&format!("v1=00,v1={right}")), Ok(()));
        for wrong in [right, "v1=", "v2=x", "v1=zz"] {
            assert_eq!(verdict(wrong), Err(SignatureError::Wrong), "{wrong}");
        }
    }
}
