//! Splunk Observability Cloud (once SignalFx): webhooks of detectors.
//!
//! An incident of a detector's rule is anomalous until it is over, for whichever reason. Facts are from
//! docs.splunk.com/observability, "Send alert notifications to a webhook" (fields, the states, and that only the answer
//! 200 counts) and dev.splunk.com/observability, "Webhook integration" (the signature).

use std::borrow::Cow;

use base64::{Engine as _, engine::general_purpose::STANDARD};
use http::Method;
use jiff::Timestamp;
use opsknight_domain::event::{Action, Event, Normalised, Severity};
use serde_json::{Value, json};

use crate::{
    Category, ParseError, Request, Source,
    guide::Facts,
    hash_hex, input, json as lenient, link,
    mapping::FieldMapping,
    normalise::{self, ignored},
    setup::{Sample, Setup, Snippet},
    signature::{self, SignatureError, SignatureSupport},
    template::{Fields, Style},
};

const SIGNATURE_HEADER: &str = "x-sfx-signature";
/// The length of a SHA-1 digest in bytes: what deployments from SignalFx's days still sign with.
const SHA1_BYTES: usize = 20;

/// Splunk Observability Cloud.
#[derive(Debug)]
pub(crate) struct SplunkObservability;

impl Source for SplunkObservability {
    fn slug(&self) -> &'static str {
        "splunk-observability"
    }

    fn type_name(&self) -> &'static str {
        "SPLUNK_OBSERVABILITY"
    }

    fn title(&self) -> &'static str {
        "Splunk Observability"
    }

    fn tagline(&self) -> &'static str {
        "Alerts of Splunk Observability Cloud's detectors, once SignalFx"
    }

    fn category(&self) -> Category {
        Category::Monitoring
    }

    fn parse(&self, request: &Request<'_>, _mapping: Option<&FieldMapping>) -> Result<Vec<Normalised>, ParseError> {
        normalise::each(input::read_template(request)?, incident)
    }

    fn signature(&self) -> SignatureSupport {
        SignatureSupport::Vendor {
            header: "X-SFX-Signature",
            note: "Splunk signs the body with the shared secret of its webhook integration. Enter the same secret there.",
        }
    }

    /// The HMAC of the body in base64: SHA-256, and SHA-1 in old deployments, told apart by their lengths.
    fn verify(&self, request: &Request<'_>, secret: &str, now: Timestamp) -> Result<(), SignatureError> {
        let Some(signature) = request.header(SIGNATURE_HEADER) else {
            return signature::verify_generic(request, secret, now);
        };
        match STANDARD.decode(signature) {
            Ok(digest) if digest.len() == SHA1_BYTES => {
                signature::check_mac_sha1(secret.as_bytes(), &[request.body], &digest)
            }
            _ => signature::verify_base64(request, SIGNATURE_HEADER, secret),
        }
    }

    /// The method of the webhook can be chosen: the integration's `method` in Splunk's Terraform provider.
    fn takes(&self, method: &Method) -> bool {
        *method == Method::POST || *method == Method::PUT
    }

    /// Anything but 200 is sent again, for up to a day.
    fn answer_status(&self) -> u16 {
        200
    }

    fn facts(&self) -> Facts {
        Facts {
            forms: &[
                "The default payload of the webhook integration (`incidentId`, `status`, `statusExtended`)",
                "A custom payload with the same names, one alert or a list",
            ],
            triggers: "The status `anomalous`, and any that is not known",
            acknowledges: "",
            resolves: "`ok`, `manually resolved`, `auto resolved` and `stopped` in `statusExtended`, else in `status`",
            ignores: "Alerts of a muted detector (`triggeredWhileMuted`); their end resolves all the same",
            tests: "",
            severity: "`Critical` is critical, `Major` error, `Minor` and `Warning` are warnings, `Info` is info. A warning \
                       where there is none",
            key: "`splunk-observability:` and `incidentId`; without it a hash of the detector, the rule and the dimensions",
            ordered_by: "`timestamp`, the time of the event",
            delivery: "",
        }
    }

    fn setup(&self) -> Setup {
        Setup {
            steps: &[
                "In Splunk Observability Cloud, open Data Management, then Add Integration, and choose Webhook.",
                "Name it OpsKnight and paste the URL below. Leave the payload as it is.",
                "Optional, and recommended: enter a shared secret there, and set the same secret here.",
                "In your detectors, add the integration as a recipient of the rules' alerts.",
            ],
            snippets: SNIPPETS,
            vendor_docs: Some("https://docs.splunk.com/observability/en/admin/notif-services/webhook.html"),
        }
    }

    fn sample(&self, now: Timestamp) -> Sample {
        Sample::json(&json!({
            "sf_schema": 2,
            "detector": "OpsKnight",
            "detectorId": "opsknightTest",
            "detectorUrl": "",
            "incidentId": "opsknightTest",
            "eventType": "OpsKnight test",
            "rule": "Test rule",
            "severity": "Info",
            "messageTitle": "Test alert from Splunk Observability",
            "messageBody": "Somebody is trying out this integration. Nothing is wrong.",
            "status": "anomalous",
            "statusExtended": "anomalous",
            "timestamp": now.to_string(),
            "inputs": {}
        }))
    }
}

/// Splunk needs nothing but the address.
const SNIPPETS: &[Snippet] = &[Snippet {
    name: "Webhook URL",
    language: "text",
    template: "{url}",
}];

/// An incident of a rule and its state.
fn incident(body: Value) -> Result<Normalised, ParseError> {
    let fields = Fields::new(&body, Style::Mustache);
    let rule = fields.text("rule");
    let detector = fields.first(&["detectorId", "detector", "detectorName"]);
    // Two rules of one detector are two incidents, and so are two values of its dimensions.
    let key = match (fields.text("incidentId"), &detector) {
        (Some(id), _) => format!("splunk-observability:{id}"),
        (None, Some(detector)) => {
            let dimensions = identity(fields.get("dimensions"));
            let hash = hash_hex([detector, rule.as_deref().unwrap_or_default(), &dimensions]);
            format!("splunk-observability:rule:{hash}")
        }
        (None, None) => return Err(ParseError::new("incidentId", "is missing, and so is detectorId")),
    };
    let action = action(fields);
    let is_muted = fields.is_true("triggeredWhileMuted") || fields.is_true("muted");
    if action == Action::Trigger && is_muted {
        return Ok(ignored(Some(key), "The alert is muted in Splunk."));
    }
    let title = fields
        .first(&["messageTitle", "title", "description"])
        .or_else(|| match (fields.first(&["detector", "detectorName"]), &rule) {
            (Some(detector), Some(rule)) => Some(Cow::Owned(format!("{detector}: {rule}"))),
            (Some(one), None) => Some(one),
            (None, one) => one.clone(),
        })
        .unwrap_or(Cow::Borrowed("Splunk Observability alert"));
    let mut event = Event::new(
        action,
        key,
        severity(fields.text("severity").as_deref()),
        normalise::first_line(&title),
    );
    event.description = normalise::description(fields.first(&["messageBody", "description"]), &event.summary);
    let dimensions = dimensions(fields);
    event.source = ["host", "host.name", "instance", "service", "sf_service"]
        .iter()
        .find_map(|name| dimensions.text(name))
        .map(|text| text.into_owned());
    event.component = normalise::short(fields.first(&["originatingMetric", "eventType"]));
    event.group = normalise::short(fields.first(&["detector", "detectorName"]));
    event.class = normalise::short(rule);
    event.occurred_at = fields.time(&["timestampISO8601", "timestamp"]);
    // It is the time of the event, of the end of an incident as well as of its beginning, and an incident has one of each.
    event.changed_at = event.occurred_at;
    // Splunk writes the name of the detector into the address as it is, blanks included.
    let address = fields
        .first(&["detectorUrl", "link"])
        .map(|url| url.replace(' ', "%20"));
    link::add(&mut event, address.as_deref(), "Detector");
    link::add(&mut event, fields.text("runbookUrl").as_deref(), "Runbook");
    link::add_image(
        &mut event,
        fields.text("imageUrl").as_deref(),
        address.as_deref(),
        "The chart when the alert was sent",
    );
    event.details = body;
    Ok(Normalised::Event(Box::new(event)))
}

/// The state that says more counts, where both are there.
fn action(fields: Fields<'_>) -> Action {
    let state = fields.first(&["statusExtended", "status"]).unwrap_or_default();
    // "manually resolved" is "MANUALLY_RESOLVED" in Splunk's API.
    let state: String = state.chars().filter(char::is_ascii_alphabetic).collect();
    match state.to_ascii_lowercase().as_str() {
        "ok" | "stopped" | "manuallyresolved" | "autoresolved" | "automaticallyresolved" | "resolved" | "cleared" => {
            Action::Resolve
        }
        _ => Action::Trigger,
    }
}

/// Splunk's five severities.
fn severity(word: Option<&str>) -> Severity {
    word.and_then(Severity::from_vendor_word).unwrap_or(Severity::Warning)
}

/// Dimensions as a text that is the same in whichever order they are written.
fn identity(dimensions: Option<&Value>) -> String {
    match dimensions {
        Some(Value::Object(fields)) => {
            let mut pairs: Vec<String> = fields.iter().map(|(name, value)| format!("{name}={value}")).collect();
            pairs.sort();
            pairs.join("\n")
        }
        Some(other) => lenient::text(other).unwrap_or_default().into_owned(),
        None => String::new(),
    }
}

/// The dimensions of the incident, else those of the first input that has any.
fn dimensions(fields: Fields<'_>) -> Fields<'_> {
    if fields.get("dimensions").is_some_and(Value::is_object) {
        return fields.within("dimensions");
    }
    let inputs = fields.get("inputs").and_then(Value::as_object);
    let inputs = inputs
        .into_iter()
        .flatten()
        .map(|(_, input)| Fields::new(input, Style::None));
    let mut found = inputs.filter_map(|input| {
        ["key", "dimensions"]
            .iter()
            .find(|name| input.get(name).is_some())
            .map(|name| input.within(name))
    });
    found.next().unwrap_or_else(|| fields.within("dimensions"))
}

#[cfg(test)]
mod tests;
