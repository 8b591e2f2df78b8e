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
    Category, ParseError, Request, Source,
    guide::Facts,
    header_delivery_id, input, link,
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
    "sli_url",
    "exhaustion_minutes",
    "budget_rate_decrease_percent",
    "burn_alert",
];

/// The kinds of burn alerts: docs.honeycomb.io/api, "Create a Burn Alert".
const BURN_ALERT_TYPES: &[&str] = &["exhaustion_time", "budget_rate"];

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

    fn category(&self) -> Category {
        Category::Monitoring
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

    fn facts(&self) -> Facts {
        Facts {
            forms: &[
                "Honeycomb's default payload (`version`, `id`, `status`, `trigger_url`), also that of older versions \
                 without `id`",
                "A payload template of yours: the one below, or the example of Honeycomb with the `alert` in an object",
            ],
            triggers: "The status `TRIGGERED`",
            acknowledges: "",
            resolves: "The status `OK`",
            ignores: "",
            tests: "The Test buttons of the integration and of a trigger: `is_test`, `isTest`, or a summary that begins with \
                    `TRIGGER TEST:`",
            severity: "The variable `severity` of a template; else a warning, and critical for burn alerts of an SLO",
            key: "`honeycomb:` and the id of the trigger or burn alert; without an id its name",
            ordered_by: "",
            delivery: "`X-Honeycomb-Webhook-Delivery-ID`",
        }
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
        template: "{\n  \"id\": \"{{ .ID }}\",\n  \"name\": \"{{ .Name }}\",\n  \"status\": \"{{ .Alert.Status }}\",\n  \"summary\": \"{{ .Alert.Summary }}\",\n  \"description\": \"{{ .Alert.Description }}\",\n  \"environment\": \"{{ .Environment }}\",\n  \"operator\": \"{{ .Operator }}\",\n  \"threshold\": \"{{ .Threshold }}\",\n  \"trigger_url\": \"{{ .URL }}\",\n  \"result_url\": \"{{ .Result.URL }}\",\n  \"severity\": \"{{ .Vars.severity }}\",\n  \"isTest\": {{ .Alert.IsTest }}\n}\n",
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
    let name = fields.first(&["name", "title", "alert_name"]);
    let summary = fields
        .text("summary")
        .or_else(|| alert.text("summary"))
        .or_else(|| fields.text("message"));
    let key = fields
        .first(&["id", "trigger_id", "burn_alert_id", "alert_id"])
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
        "OK" | "RESOLVED" | "CLOSED" => Action::Resolve,
        _ => Action::Trigger,
    };
    let is_burn_alert = is_burn_alert(fields);
    let word = fields
        .text("severity")
        .or_else(|| alert.text("severity"))
        .or_else(|| fields.text("alert_severity"))
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
    let text = alert
        .text("description")
        .or_else(|| fields.first(&["description", "trigger_description"]));
    event.description = normalise::description(text.or_else(|| summary.clone()), &event.summary);
    event.source = normalise::short(
        fields
            .first(&["environment", "dataset"])
            .or_else(|| fields.line("datasets")),
    );
    event.class = Some(if is_burn_alert { "SLO burn alert" } else { "trigger" }.into());
    // Only templates send a time, and it is not said whether that of an end is its own or that of the beginning: the order
    // of messages is not told by it.
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
    let kind = fields.first(&["alert_type", "alertType"]);
    if kind.is_some_and(|kind| BURN_ALERT_TYPES.contains(&&*kind)) {
        return true;
    }
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
mod tests;
