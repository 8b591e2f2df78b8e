//! Honeycomb's webhooks: triggers and burn alerts of SLOs, in Honeycomb's default payload or in one of the user's.
//!
//! A trigger is TRIGGERED or OK under its own id. Facts are from docs.honeycomb.io/notify/webhooks and its pages on
//! variables and example templates: the shared secret comes in `X-Honeycomb-Webhook-Token`, and a delivery keeps its
//! `X-Honeycomb-Webhook-Delivery-ID` when it is sent again.

use std::borrow::Cow;

use jiff::Timestamp;
use opsknight_domain::event::{Action, Event, Normalised, Severity};
use serde_json::{Value, json};

use crate::{
    ParseError, Request, Source, header_delivery_id, input, link,
    mapping::FieldMapping,
    normalise,
    setup::{Sample, Setup, Snippet},
    signature::{self, SignatureError, SignatureSupport},
    template::{Fields, Style},
};

const TOKEN_HEADER: &str = "x-honeycomb-webhook-token";
/// Fields in which templates send the shared secret; it is not kept.
const SECRETS: &[&str] = &["shared_secret", "secret"];
/// Fields that only burn alerts of an SLO have.
const BURN_ALERT_FIELDS: &[&str] = &[
    "slo",
    "slo_id",
    "slo_name",
    "slo_url",
    "exhaustion_minutes",
    "budget_rate_decrease_percent",
    "burn_alert",
];

/// Honeycomb.
#[derive(Debug)]
pub(crate) struct Honeycomb;

impl Source for Honeycomb {
    fn slug(&self) -> &'static str {
        "honeycomb"
    }

    fn type_name(&self) -> &'static str {
        "HONEYCOMB"
    }

    fn title(&self) -> &'static str {
        "Honeycomb"
    }

    fn tagline(&self) -> &'static str {
        "Triggers and SLO burn alerts of Honeycomb"
    }

    fn parse(&self, request: &Request<'_>, _mapping: Option<&FieldMapping>) -> Result<Vec<Normalised>, ParseError> {
        normalise::each(input::read_template(request)?, alert)
    }

    fn signature(&self) -> SignatureSupport {
        SignatureSupport::Vendor {
            header: "X-Honeycomb-Webhook-Token",
            note: "Honeycomb sends the shared secret itself in X-Honeycomb-Webhook-Token. Enter the same secret as the \
                   Webhook Shared Secret of the integration in Honeycomb.",
        }
    }

    fn verify(&self, request: &Request<'_>, secret: &str, now: Timestamp) -> Result<(), SignatureError> {
        match signature::verify_token(request, TOKEN_HEADER, secret) {
            Err(SignatureError::Missing) => signature::verify_generic(request, secret, now),
            verdict => verdict,
        }
    }

    fn delivery_id(&self, request: &Request<'_>) -> Option<String> {
        header_delivery_id(
            request,
            &["x-honeycomb-webhook-delivery-id", "webhook-id", "idempotency-key"],
        )
    }

    fn setup(&self) -> Setup {
        Setup {
            steps: &[
                "In Honeycomb, open Team Settings, then Integrations, and add an integration of the type Webhook.",
                "Name it OpsKnight and paste the URL below.",
                "Optional, and recommended: enter a shared secret there, and set the same secret here.",
                "Press Test: an incident marked as a test appears and closes itself.",
                "Add the integration as a recipient of your triggers and burn alerts.",
                "Optional: paste the payload template below to tell severities apart, with a variable named severity.",
            ],
            snippets: SNIPPETS,
            vendor_docs: Some("https://docs.honeycomb.io/notify/webhooks/"),
        }
    }

    fn sample(&self, now: Timestamp) -> Sample {
        Sample::json(&json!({
            "version": "v0.1.0",
            "id": "opsknightTest",
            "name": "Test alert from Honeycomb",
            "trigger_url": "https://ui.honeycomb.io/",
            "status": "TRIGGERED",
            "summary": "Triggered: Test alert from Honeycomb",
            "description": "Somebody is trying out this integration. Nothing is wrong.",
            "operator": "greater than",
            "threshold": 0,
            "result_url": "",
            "result_groups": [],
            "result_groups_triggered": [],
            "severity": "info",
            "timestamp": now.to_string(),
            "isTest": true
        }))
    }
}

/// Honeycomb's Go templates.
const SNIPPETS: &[Snippet] = &[
    Snippet {
        name: "Webhook URL",
        language: "text",
        template: "{url}",
    },
    Snippet {
        name: "Payload template of triggers, optional",
        language: "json",
        template: "{\n  \"id\": \"{{ .ID }}\",\n  \"name\": \"{{ .Name }}\",\n  \"status\": \"{{ .Alert.Status }}\",\n  \"summary\": \"{{ .Alert.Summary }}\",\n  \"description\": \"{{ .Alert.Description }}\",\n  \"environment\": \"{{ .Environment }}\",\n  \"operator\": \"{{ .Operator }}\",\n  \"threshold\": \"{{ .Threshold }}\",\n  \"trigger_url\": \"{{ .URL }}\",\n  \"result_url\": \"{{ .Result.URL }}\",\n  \"severity\": \"{{ .Vars.severity }}\",\n  \"timestamp\": \"{{ .Alert.Timestamp }}\",\n  \"isTest\": {{ .Alert.IsTest }}\n}\n",
    },
];

/// A trigger or a burn alert and its status.
fn alert(mut body: Value) -> Result<Normalised, ParseError> {
    if let Value::Object(fields) = &mut body {
        fields.retain(|name, _| !SECRETS.contains(&name.as_str()));
    }
    let fields = Fields::new(&body, Style::Mustache);
    // Honeycomb's own examples put what is about the alert, and the links, into objects.
    let alert = fields.within("alert");
    let name = fields.first(&["name", "title"]);
    let summary = fields
        .text("summary")
        .or_else(|| alert.text("summary"))
        .or_else(|| fields.text("message"));
    let key = fields
        .first(&["id", "trigger_id", "burn_alert_id"])
        .map(|id| format!("honeycomb:{id}"))
        .or_else(|| alert.text("instanceId").map(|id| format!("honeycomb:instance:{id}")))
        .or_else(|| name.as_deref().map(|name| format!("honeycomb:name:{name}")))
        .ok_or_else(|| ParseError::new("id", "is missing, and so is name"))?;
    let status = fields
        .text("status")
        .or_else(|| alert.text("status"))
        .unwrap_or_default()
        .to_ascii_uppercase();
    let action = match status.as_str() {
        "OK" | "RESOLVED" => Action::Resolve,
        _ => Action::Trigger,
    };
    let is_burn_alert = is_burn_alert(fields);
    let word = fields
        .text("severity")
        .or_else(|| alert.text("severity"))
        .or_else(|| fields.within("vars").text("severity"));
    let default = if is_burn_alert {
        Severity::Critical
    } else {
        Severity::Warning
    };
    let severity = word
        .and_then(|word| Severity::from_vendor_word(&word))
        .unwrap_or(default);
    let title = name
        .clone()
        .or_else(|| summary.clone())
        .unwrap_or(Cow::Borrowed("Honeycomb alert"));
    let mut event = Event::new(action, key, severity, &*title);
    let text = alert.text("description").or_else(|| fields.text("description"));
    event.description = normalise::description(text.or_else(|| summary.clone()), &event.summary);
    event.source = normalise::short(
        fields
            .first(&["environment", "dataset"])
            .or_else(|| fields.line("datasets")),
    );
    event.class = Some(if is_burn_alert { "SLO burn alert" } else { "trigger" }.into());
    event.occurred_at = fields.time(&["timestamp"]).or_else(|| alert.time(&["timestamp"]));
    add_links(&mut event, fields, is_burn_alert);
    let says_so = |fields: Fields<'_>| ["isTest", "is_test", "is-test"].iter().any(|name| fields.is_true(name));
    if says_so(fields) || says_so(alert) || summary.is_some_and(|text| text.starts_with("TRIGGER TEST:")) {
        normalise::mark_test(&mut event);
    }
    event.details = body;
    Ok(Normalised::Event(Box::new(event)))
}

/// Whether it is about the budget of an SLO.
fn is_burn_alert(fields: Fields<'_>) -> bool {
    BURN_ALERT_FIELDS.iter().any(|field| fields.get(field).is_some())
        || fields
            .text("trigger_url")
            .is_some_and(|url| url.contains("/slo/") || url.contains("/slos/"))
}

/// The result that raised the alert, and the trigger or SLO itself.
fn add_links(event: &mut Event, fields: Fields<'_>, is_burn_alert: bool) {
    let result = fields.within("result");
    let result_url = fields
        .text("result_url")
        .or_else(|| result.text("url"))
        .or_else(|| result.within("links").text("url"));
    link::add(event, result_url.as_deref(), "Result");
    let page = fields
        .first(&["trigger_url", "slo_url", "url"])
        .or_else(|| fields.within("links").text("url"));
    link::add(event, page.as_deref(), if is_burn_alert { "SLO" } else { "Trigger" });
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{Call, event, parse};

    #[test]
    fn the_token_is_the_secret() {
        let verdict = |headers: &[(&'static str, &str)]| {
            Call {
                headers,
                body: b"{}",
                ..Call::default()
            }
            .verify(&Honeycomb, "s3cret")
        };
        assert_eq!(verdict(&[(TOKEN_HEADER, "s3cret")]), Ok(()));
        assert_eq!(verdict(&[(TOKEN_HEADER, "s3cre")]), Err(SignatureError::Wrong));
        assert_eq!(verdict(&[(TOKEN_HEADER, "S3CRET")]), Err(SignatureError::Wrong));
        assert_eq!(verdict(&[]), Err(SignatureError::Missing));
        let call = Call {
            headers: &[(TOKEN_HEADER, "x")],
            ..Call::default()
        };
        assert_eq!(call.verify(&Honeycomb, ""), Err(SignatureError::Wrong));
    }

    #[test]
    fn deliveries_keep_their_id() {
        let call = Call {
            headers: &[("x-honeycomb-webhook-delivery-id", "d-1")],
            ..Call::default()
        };
        assert_eq!(call.delivery_id(&Honeycomb).as_deref(), Some("d-1"));
    }

    #[test]
    fn severities_of_triggers_and_burn_alerts() {
        let severity = |body: Value| event(&Honeycomb, &body).severity;
        assert_eq!(severity(json!({"id": "a", "status": "TRIGGERED"})), Severity::Warning);
        assert_eq!(severity(json!({"id": "a", "severity": "error"})), Severity::Error);
        assert_eq!(
            severity(json!({"id": "a", "severity": "{{ .Vars.severity }}"})),
            Severity::Warning
        );
        assert_eq!(
            severity(json!({"id": "a", "slo": {"name": "Checkout"}})),
            Severity::Critical
        );
        assert_eq!(
            severity(json!({"id": "a", "exhaustion_minutes": 240})),
            Severity::Critical
        );
    }

    #[test]
    fn tests_ends_and_secrets() {
        for body in [
            json!({"id": "a", "isTest": true}),
            json!({"id": "a", "alert": {"isTest": "true"}}),
            json!({"id": "a", "summary": "TRIGGER TEST: Triggered: errors"}),
        ] {
            assert!(event(&Honeycomb, &body).is_test, "{body}");
        }
        assert!(!event(&Honeycomb, &json!({"id": "a", "isTest": false})).is_test);
        let ok = event(
            &Honeycomb,
            &json!({"id": "a", "status": "ok", "result_url": "", "shared_secret": "x"}),
        );
        assert_eq!(
            (ok.action, ok.links.len(), ok.details.get("shared_secret")),
            (Action::Resolve, 0, None)
        );
        assert_eq!(
            parse(&Honeycomb, &json!({"status": "OK"})).map_err(|error| error.field),
            Err("id".into())
        );
    }
}
