//! Grafana's webhook contact point: unified alerting, the legacy alerting before it, and plain Alertmanager groups.
//!
//! Unified alerting sends Alertmanager's group with more in it; legacy alerting sends one rule and its state. The method
//! may be PUT. Facts are from grafana.com/docs, "Configure webhook notifications" and, for the legacy shape, "Alert
//! notifications" of Grafana 8.

use std::borrow::Cow;

use http::Method;
use jiff::Timestamp;
use opsknight_domain::event::{
    Action, DESCRIPTION_CHARS_MAX, Event, FIELD_CHARS_MAX, Normalised, SUMMARY_CHARS_MAX, Severity, clean, clean_key,
};
use serde_json::{Value, json};
use url::Url;

use crate::{
    Category, ParseError, Request, Source,
    alertmanager::{self, Alert, Shared},
    guide::Facts,
    json, link,
    mapping::FieldMapping,
    setup::{Sample, Setup, Snippet},
    signature::{self, SignatureError, SignatureSupport},
};

/// Headers for the signature: Grafana's default, and the name that our document gives.
const SIGNATURE_HEADERS: &[&str] = &["x-grafana-alerting-signature", "x-grafana-signature"];
/// Headers for the signed time. Grafana sends one only where its name is configured; the first is the one we recommend.
const TIMESTAMP_HEADERS: &[&str] = &["x-grafana-alerting-timestamp", "x-grafana-timestamp", "x-timestamp"];
/// Alerts that Grafana makes by itself when a rule cannot be evaluated; the rule's severity says nothing about them.
const EVALUATION_ALERTS: &[&str] = &["DatasourceNoData", "DatasourceError"];

/// What the button "Send Test" of a legacy channel sends.
const TEST_RULE: &str = "Test notification";
const TEST_MESSAGE: &str = "Someone is testing the alert notification";

/// Grafana.
#[derive(Debug)]
pub(crate) struct Grafana;

impl Source for Grafana {
    fn slug(&self) -> &'static str {
        "grafana"
    }

    fn type_name(&self) -> &'static str {
        "GRAFANA"
    }

    fn title(&self) -> &'static str {
        "Grafana"
    }

    fn tagline(&self) -> &'static str {
        "Grafana alerting, unified and legacy"
    }

    fn category(&self) -> Category {
        Category::Monitoring
    }

    fn parse(&self, request: &Request<'_>, _mapping: Option<&FieldMapping>) -> Result<Vec<Normalised>, ParseError> {
        let body = json::parse(request.body)?;
        let legacy = ["ruleId", "ruleName", "evalMatches"]
            .iter()
            .any(|name| json::field(&body, name).is_some());
        if json::field(&body, "alerts").is_none() && legacy {
            return Ok(vec![rule(body)?]);
        }
        alertmanager::read(body)?.outcomes(unified)
    }

    fn signature(&self) -> SignatureSupport {
        SignatureSupport::Vendor {
            header: "X-Grafana-Alerting-Signature",
            note: "In Grafana's contact point, open HMAC Signature, enter the same secret, leave the header as it is and \
                   set the timestamp header to X-Grafana-Alerting-Timestamp.",
        }
    }

    /// Grafana signs `<timestamp>:<body>` where a header for the time is configured, and the body alone otherwise. A
    /// dot between them, as in the generic scheme, is understood too: senders other than Grafana use its header.
    fn verify(&self, request: &Request<'_>, secret: &str, now: Timestamp) -> Result<(), SignatureError> {
        if SIGNATURE_HEADERS.iter().all(|name| request.header(name).is_none()) {
            return signature::verify_generic(request, secret, now);
        }
        let verify = |timestamp| signature::verify_hex(request, SIGNATURE_HEADERS, timestamp, secret, now);
        match TIMESTAMP_HEADERS.iter().find_map(|name| request.header(name)) {
            Some(time) => verify(Some((time, ":"))).or_else(|_| verify(Some((time, ".")))),
            None => verify(None),
        }
    }

    fn takes(&self, method: &Method) -> bool {
        *method == Method::POST || *method == Method::PUT
    }

    fn facts(&self) -> Facts {
        Facts {
            forms: &[
                "unified alerting, also with a payload of your own that has its list `alerts`",
                "legacy alerting (`ruleId`, `state`)",
                "Prometheus Alertmanager's groups",
            ],
            triggers: "an alert that is firing; a legacy rule in any state but the following",
            acknowledges: "",
            resolves: "an alert that is resolved; a legacy rule that is ok",
            ignores: "legacy rules that are paused or pending, a group without alerts",
            tests: "Test of a contact point (`TestAlert` of the instance `Grafana`), and of a legacy channel (`Test notification`)",
            severity: "the labels `severity` and `priority`; DatasourceNoData, DatasourceError and no_data are warnings; otherwise \
                       warning, and error for legacy rules",
            key: "`grafana:` and `fingerprint`, else the organisation and the hash of the labels; the organisation and the \
                  rule's id for legacy rules",
            ordered_by: "",
            delivery: "",
        }
    }

    fn setup(&self) -> Setup {
        Setup {
            steps: &[
                "In Grafana, open Alerting, then Contact points, and add one of the type Webhook.",
                "Paste the URL below. Leave the method at POST and the payload as it is.",
                "Optional, and recommended: under HMAC Signature enter a secret, set the timestamp header to \
                 X-Grafana-Alerting-Timestamp, and set the same secret here.",
                "Press Test: an incident marked as a test appears and closes itself.",
                "Send your alerts there: open Notification policies and choose this contact point.",
                "Give your alert rules a severity label (critical, error, warning or info).",
            ],
            snippets: SNIPPETS,
            vendor_docs: Some(
                "https://grafana.com/docs/grafana/latest/alerting/configure-notifications/manage-contact-points/integrations/webhook-notifier/",
            ),
        }
    }

    fn sample(&self, now: Timestamp) -> Sample {
        let labels = json!({"alertname": "TestAlert", "instance": "Grafana"});
        let annotations = json!({"summary": "Notification test"});
        Sample::json(&json!({
            "receiver": "OpsKnight",
            "status": "firing",
            "orgId": 1,
            "alerts": [{
                "status": "firing",
                "labels": labels,
                "annotations": annotations,
                "startsAt": now.to_string(),
                "endsAt": "0001-01-01T00:00:00Z",
                "generatorURL": "",
                "fingerprint": "57c6d9296de2ad39",
                "silenceURL": "",
                "dashboardURL": "",
                "panelURL": "",
                "values": null,
                "valueString": "[ metric='foo' labels={instance=bar} value=10 ]"
            }],
            "groupLabels": labels,
            "commonLabels": labels,
            "commonAnnotations": annotations,
            "externalURL": "",
            "version": "1",
            "groupKey": "test-57c6d9296de2ad39",
            "truncatedAlerts": 0,
            "title": "[FIRING:1] TestAlert Grafana",
            "state": "alerting",
            "message": "**Firing**\n\nLabels:\n - alertname = TestAlert\n - instance = Grafana\n"
        }))
    }
}

/// For those who keep Grafana's configuration in files.
const SNIPPETS: &[Snippet] = &[
    Snippet {
        name: "Webhook URL",
        language: "text",
        template: "{url}",
    },
    Snippet {
        name: "provisioning/alerting/opsknight.yaml",
        language: "yaml",
        template: "apiVersion: 1\ncontactPoints:\n  - orgId: 1\n    name: OpsKnight\n    receivers:\n      - uid: opsknight\n        type: webhook\n        settings:\n          url: '{url}'\n          httpMethod: POST\n",
    },
];

/// An alert of unified alerting.
fn unified(alert: Alert, group: &Value, shared: &Shared) -> Event {
    let name = alert.label("alertname").map(Cow::into_owned).unwrap_or_default();
    let is_test = name == "TestAlert" && alert.label("instance").as_deref() == Some("Grafana");
    // A fingerprint that we make ourselves does not know the organisation; Grafana's own does.
    let key = match (alert.text("fingerprint"), json::text_at(group, "orgId")) {
        (Some(fingerprint), _) => format!("grafana:{fingerprint}"),
        (None, Some(org)) => format!("grafana:{org}:{}", alert.fingerprint()),
        (None, None) => format!("grafana:{}", alert.fingerprint()),
    };
    let address = |field: &str| alert.text(field).map(Cow::into_owned);
    let links = [
        (address("panelURL"), "Panel"),
        (address("dashboardURL"), "Dashboard"),
        (address("generatorURL"), "Alert rule"),
        (address("silenceURL"), "Silence in Grafana"),
        (json::text_at(group, "externalURL").map(Cow::into_owned), "Grafana"),
    ];
    let image = address("imageURL");
    let rule = alert.label("rulename").map(Cow::into_owned);
    let error = alert.annotation("Error").map(Cow::into_owned);
    let fallback = json::text_at(group, "title").unwrap_or(Cow::Borrowed("Grafana alert"));
    let mut event = alert.into_event(key, &fallback, shared);
    for (href, text) in &links {
        link::add(&mut event, href.as_deref(), text);
    }
    link::add_image(
        &mut event,
        image.as_deref(),
        links[0].0.as_deref(),
        "The panel when the alert was sent",
    );
    if EVALUATION_ALERTS.contains(&name.as_str()) {
        event.severity = Severity::Warning;
        name_rule(&mut event, &name, rule.as_deref());
        event.description = event
            .description
            .or(error.map(|text| clean(&text, DESCRIPTION_CHARS_MAX)));
    }
    if is_test {
        event.is_test = true;
        event.severity = Severity::Info;
    }
    event
}

/// What Grafana calls such an alert tells nobody which rule it is; its label `rulename` does ("No Data and Error states").
fn name_rule(event: &mut Event, name: &str, rule: Option<&str>) {
    let Some(rule) = rule.filter(|rule| !event.summary.contains(rule)) else {
        return;
    };
    let summary = match event.summary.strip_prefix(name) {
        Some(rest) => format!("{name}: {rule}{rest}"),
        None => format!("{rule}: {}", event.summary),
    };
    event.summary = clean(&summary, SUMMARY_CHARS_MAX);
}

/// A rule of legacy alerting and its state.
fn rule(body: Value) -> Result<Normalised, ParseError> {
    let name = json::text_at(&body, "ruleName").or_else(|| json::text_at(&body, "title"));
    let rule_id = json::text_at(&body, "ruleId").or_else(|| json::text_at(&body, "ruleName"));
    let rule_id = rule_id.ok_or_else(|| ParseError::new("ruleId", "is missing"))?;
    let state = json::text_at(&body, "state").ok_or_else(|| ParseError::new("state", "is missing"))?;
    let rule_url = json::text_at(&body, "ruleUrl");
    let org = json::text_at(&body, "orgId")
        .map(Cow::into_owned)
        .or_else(|| query_parameter(rule_url.as_deref()?, "orgId"));
    let key = match org {
        Some(org) => format!("grafana:{org}:rule:{rule_id}"),
        None => format!("grafana:rule:{rule_id}"),
    };
    let tag = body.pointer("/tags/severity").and_then(json::text);
    // What merely "alerts" is not known to be critical, but it is more than data that is missing.
    let severity = tag
        .and_then(|word| alertmanager::severity(&word))
        .unwrap_or(Severity::Error);
    let (action, severity) = match state.to_ascii_lowercase().as_str() {
        "ok" => (Action::Resolve, severity),
        "no_data" => (Action::Trigger, Severity::Warning),
        word @ ("paused" | "pending") => {
            let reason = format!("The rule is {word}, which is neither an alert nor the end of one.");
            return Ok(Normalised::Ignored {
                dedup_key: Some(clean_key(key)),
                reason,
            });
        }
        _ => (Action::Trigger, severity),
    };
    let message = json::text_at(&body, "message");
    let is_test_message = message.as_deref().is_some_and(|text| text.starts_with(TEST_MESSAGE));
    let name = name.unwrap_or_else(|| Cow::Owned(format!("Grafana rule {rule_id}")));
    let summary = match message.as_deref().and_then(|message| message.lines().next()) {
        Some(line) => format!("{name}: {line}"),
        None => name.clone().into_owned(),
    };
    let mut event = Event::new(action, key, severity, summary);
    event.description = message.map(|text| clean(&text, DESCRIPTION_CHARS_MAX));
    event.source = ["instance", "host", "hostname", "server"]
        .iter()
        .find_map(|tag| json::text(body.pointer("/evalMatches/0/tags")?.get(tag)?))
        .map(|text| clean(&text, FIELD_CHARS_MAX));
    event.class = Some(clean(&name, FIELD_CHARS_MAX));
    link::add(&mut event, rule_url.as_deref(), "Alert rule");
    let image = json::text_at(&body, "imageUrl");
    link::add_image(
        &mut event,
        image.as_deref(),
        rule_url.as_deref(),
        "The panel when the alert was sent",
    );
    // The rule of the channel's test has the id 0, or in later versions any number, so that no receiver takes it for known.
    event.is_test = name == TEST_RULE && (rule_id == "0" || is_test_message);
    if event.is_test {
        event.severity = Severity::Info;
    }
    event.details = body;
    Ok(Normalised::Event(Box::new(event)))
}

/// The first value of a parameter in an address.
fn query_parameter(address: &str, name: &str) -> Option<String> {
    let url = Url::parse(address).ok()?;
    url.query_pairs()
        .find(|(key, value)| key == name && !value.is_empty())
        .map(|(_, value)| value.into_owned())
}

#[cfg(test)]
mod tests {
    use hmac::{Hmac, KeyInit as _, Mac as _};
    use http::{HeaderMap, HeaderName, HeaderValue};

    use super::*;

    fn hex_of(signed: &str) -> String {
        let mut mac = Hmac::<sha2::Sha256>::new_from_slice(b"secret").expect("any length");
        mac.update(signed.as_bytes());
        hex::encode(mac.finalize().into_bytes())
    }

    fn verdict(headers: &[(&'static str, &str)], now_s: i64) -> Result<(), SignatureError> {
        let mut map = HeaderMap::new();
        for (name, value) in headers {
            map.insert(
                HeaderName::from_static(name),
                HeaderValue::from_str(value).expect("a value"),
            );
        }
        let request = Request {
            method: &Method::POST,
            query: "",
            headers: &map,
            body: b"{}",
        };
        Grafana.verify(&request, "secret", Timestamp::from_second(now_s).expect("a time"))
    }

    /// Made by `hmac.new(b"secret", …, "sha256").hexdigest()` of Python.
    #[test]
    fn known_signatures() {
        let body = "77325902caca812dc259733aacd046b73817372c777b8d95b402647474516e13";
        let timed = "90d1dfc305363e56438c2a03dac8b91f27a9842b7e361afe3743831bca23c856";
        assert_eq!(verdict(&[("x-grafana-alerting-signature", body)], 0), Ok(()));
        assert_eq!(
            verdict(&[("x-grafana-alerting-signature", timed)], 1_700_000_000),
            Err(SignatureError::Wrong)
        );
        let headers = [
            ("x-grafana-alerting-signature", timed),
            ("x-grafana-alerting-timestamp", "1700000000"),
        ];
        assert_eq!(verdict(&headers, 1_700_000_000), Ok(()));
    }

    #[test]
    fn both_headers_are_known_with_and_without_a_time() {
        for header in ["x-grafana-alerting-signature", "x-grafana-signature", "x-signature"] {
            assert_eq!(verdict(&[(header, &hex_of("{}"))], 0), Ok(()), "{header}");
            assert_eq!(
                verdict(&[(header, &hex_of("{ }"))], 0),
                Err(SignatureError::Wrong),
                "{header}"
            );
        }
        let signature = hex_of("1700000000:{}");
        for header in TIMESTAMP_HEADERS {
            let headers = [
                ("x-grafana-alerting-signature", signature.as_str()),
                (*header, "1700000000"),
            ];
            assert_eq!(verdict(&headers, 1_700_000_100), Ok(()), "{header}");
            assert_eq!(verdict(&headers, 1_700_000_400), Err(SignatureError::Stale), "{header}");
        }
        assert_eq!(verdict(&[], 0), Err(SignatureError::Missing));
    }
}
