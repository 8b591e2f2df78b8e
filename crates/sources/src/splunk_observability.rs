//! Splunk Observability Cloud (once SignalFx): webhooks of detectors.
//!
//! An incident of a detector's rule is anomalous until it is over, for whichever reason. Facts are from
//! docs.splunk.com/observability, "Send alert notifications to a webhook" (fields, the states, and that only the answer
//! 200 counts) and dev.splunk.com/observability, "Webhook integration" (the signature).

use std::borrow::Cow;

use base64::{Engine as _, engine::general_purpose::STANDARD};
use jiff::Timestamp;
use opsknight_domain::event::{Action, Event, Normalised, Severity};
use serde_json::{Value, json};

use crate::{
    ParseError, Request, Source, hash_hex, input, link,
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

    /// Anything but 200 is sent again, for up to a day.
    fn answer_status(&self) -> u16 {
        200
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
    let detector = fields.first(&["detectorId", "detector"]);
    // Two rules of one detector are two incidents, and so are two values of its dimensions.
    let key = match (fields.text("incidentId"), &detector) {
        (Some(id), _) => format!("splunk-observability:{id}"),
        (None, Some(detector)) => {
            let dimensions = fields.get("dimensions").map(Value::to_string).unwrap_or_default();
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
        .first(&["messageTitle", "description"])
        .or_else(|| match (fields.text("detector"), &rule) {
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
    event.group = normalise::short(fields.text("detector"));
    event.class = normalise::short(rule);
    event.occurred_at = fields.time(&["timestampISO8601", "timestamp"]);
    // Splunk writes the name of the detector into the address as it is, blanks included.
    let address = fields.text("detectorUrl").map(|url| url.replace(' ', "%20"));
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
    let state = fields
        .first(&["statusExtended", "status"])
        .unwrap_or_default()
        .to_ascii_lowercase();
    match state.as_str() {
        "ok"
        | "stopped"
        | "manually resolved"
        | "auto resolved"
        | "automatically resolved"
        | "resolved"
        | "cleared" => Action::Resolve,
        _ => Action::Trigger,
    }
}

/// Splunk's five severities.
fn severity(word: Option<&str>) -> Severity {
    word.and_then(Severity::from_vendor_word).unwrap_or(Severity::Warning)
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
mod tests {
    use hmac::{Hmac, KeyInit as _, Mac as _};

    use super::*;
    use crate::testing::{Call, event, parse, reason};

    #[test]
    fn the_body_is_signed() {
        let mut mac = Hmac::<sha2::Sha256>::new_from_slice(b"secret").expect("any length");
        mac.update(b"{}");
        let sha256 = STANDARD.encode(mac.finalize().into_bytes());
        let mut mac = Hmac::<sha1::Sha1>::new_from_slice(b"secret").expect("any length");
        mac.update(b"{}");
        let sha1 = STANDARD.encode(mac.finalize().into_bytes());
        let verdict = |signature: &str, body: &[u8]| {
            let headers = [(SIGNATURE_HEADER, signature)];
            Call {
                headers: &headers,
                body,
                ..Call::default()
            }
            .verify(&SplunkObservability, "secret")
        };
        for signature in [&sha256, &sha1] {
            assert_eq!(verdict(signature, b"{}"), Ok(()));
            assert_eq!(verdict(signature, b"{ }"), Err(SignatureError::Wrong));
        }
        for signature in ["x", "AAAA", "="] {
            assert_eq!(verdict(signature, b"{}"), Err(SignatureError::Wrong));
        }
        assert_eq!(
            Call::default().verify(&SplunkObservability, "secret"),
            Err(SignatureError::Missing)
        );
    }

    #[test]
    fn states() {
        for (status, extended, action) in [
            ("anomalous", "anomalous", Action::Trigger),
            ("ok", "ok", Action::Resolve),
            ("ok", "manually resolved", Action::Resolve),
            ("ok", "stopped", Action::Resolve),
            ("ok", "auto resolved", Action::Resolve),
            ("odd", "odd", Action::Trigger),
        ] {
            let body = json!({"incidentId": "i", "status": status, "statusExtended": extended});
            assert_eq!(event(&SplunkObservability, &body).action, action, "{extended}");
        }
        assert_eq!(
            event(&SplunkObservability, &json!({"incidentId": "i", "status": "ok"})).action,
            Action::Resolve
        );
    }

    #[test]
    fn rules_of_one_detector_stay_apart() {
        let key = |rule: &str, host: &str| {
            let body = json!({"detectorId": "d", "rule": rule, "dimensions": {"host": host}});
            event(&SplunkObservability, &body).dedup_key
        };
        assert_eq!(key("a", "1"), key("a", "1"));
        assert_ne!(key("a", "1"), key("b", "1"));
        assert_ne!(key("a", "1"), key("a", "2"));
        assert_eq!(
            parse(&SplunkObservability, &json!({"rule": "a"})).map_err(|error| error.field),
            Err("incidentId".into())
        );
    }

    #[test]
    fn muted_alerts_are_ignored_and_end() {
        let body = |status: &str| json!({"incidentId": "i", "status": status, "triggeredWhileMuted": true});
        assert!(reason(&SplunkObservability, &body("anomalous")).contains("muted"));
        assert_eq!(event(&SplunkObservability, &body("ok")).action, Action::Resolve);
    }
}
