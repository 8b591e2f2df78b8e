//! Prometheus Alertmanager's webhook receiver.
//!
//! One alert, one event, by the alert's own status. Alertmanager cannot sign what it sends, repeats what still fires,
//! and sends twice where two instances disagree: the key is its fingerprint, so that all of it falls on one incident.

use std::borrow::Cow;

use jiff::Timestamp;
use opsknight_domain::event::Normalised;
use serde_json::json;

use crate::{
    Category, ParseError, Request, Source, alertmanager,
    guide::Facts,
    json, link,
    mapping::FieldMapping,
    setup::{Sample, Setup, Snippet},
    signature::SignatureSupport,
};

/// Prometheus Alertmanager.
#[derive(Debug)]
pub(crate) struct Prometheus;

impl Source for Prometheus {
    fn slug(&self) -> &'static str {
        "prometheus"
    }

    fn type_name(&self) -> &'static str {
        "PROMETHEUS"
    }

    fn title(&self) -> &'static str {
        "Prometheus Alertmanager"
    }

    fn tagline(&self) -> &'static str {
        "Alerts of Prometheus, Mimir, VictoriaMetrics and whatever else speaks to an Alertmanager"
    }

    fn category(&self) -> Category {
        Category::Monitoring
    }

    fn parse(&self, request: &Request<'_>, _mapping: Option<&FieldMapping>) -> Result<Vec<Normalised>, ParseError> {
        alertmanager::read(json::parse(request.body)?)?.outcomes(|alert, group, shared| {
            let key = ["prometheus:", &alert.fingerprint()].concat();
            let graph = alert.text("generatorURL").map(Cow::into_owned);
            let mut event = alert.into_event(key, "Prometheus alert", shared);
            link::add(&mut event, graph.as_deref(), "Prometheus");
            link::add(
                &mut event,
                json::text_at(group, "externalURL").as_deref(),
                "Alertmanager",
            );
            event
        })
    }

    fn signature(&self) -> SignatureSupport {
        SignatureSupport::Generic {
            note: "Alertmanager cannot sign its requests. Leave the secret empty, or require the integration key and \
                   give it as the password of basic_auth; set a secret only where a proxy in between signs.",
        }
    }

    fn facts(&self) -> Facts {
        Facts {
            forms: &[
                "webhooks of the versions 3 and 4",
                "a payload of your own, where it has a list `alerts` of the same form",
            ],
            triggers: "an alert that is firing, or whose status is not known; each alert goes by its own status, not by the group's",
            acknowledges: "",
            resolves: "an alert that is resolved",
            ignores: "a group without alerts",
            tests: "",
            severity: "the labels `severity` and `priority`, then the annotation `severity`; none and info are info, page and P1 \
                       critical; otherwise warning",
            key: "`prometheus:` and `fingerprint`; without one, the same hash of the labels that Alertmanager makes",
            ordered_by: "",
            delivery: "",
        }
    }

    fn setup(&self) -> Setup {
        Setup {
            steps: &[
                "Add the receiver to alertmanager.yml and route your alerts to it.",
                "Give your alerting rules a severity label (critical, error, warning or info) and a summary annotation.",
                "Reload Alertmanager: send it SIGHUP, or POST to its /-/reload.",
            ],
            snippets: SNIPPETS,
            vendor_docs: Some("https://prometheus.io/docs/alerting/latest/configuration/#webhook_config"),
        }
    }

    fn sample(&self, now: Timestamp) -> Sample {
        let labels = json!({
            "alertname": "OpsKnightTest", "instance": "test.example:9100", "job": "opsknight", "severity": "info"
        });
        let annotations = json!({
            "summary": "Test alert from Prometheus Alertmanager",
            "description": "Somebody is trying out this integration. Nothing is wrong."
        });
        Sample::json(&json!({
            "version": "4",
            "groupKey": "{}:{alertname=\"OpsKnightTest\"}",
            "truncatedAlerts": 0,
            "status": "firing",
            "receiver": "opsknight",
            "groupLabels": {"alertname": "OpsKnightTest"},
            "commonLabels": labels,
            "commonAnnotations": annotations,
            "externalURL": "",
            "alerts": [{
                "status": "firing",
                "labels": labels,
                "annotations": annotations,
                "startsAt": now.to_string(),
                "endsAt": "0001-01-01T00:00:00Z",
                "generatorURL": "",
            }],
        }))
    }
}

/// Both ways in which Alertmanager can send here; the braces of its templates stay as they are.
const SNIPPETS: &[Snippet] = &[
    Snippet {
        name: "alertmanager.yml",
        language: "yaml",
        template: "route:\n  receiver: opsknight\n\nreceivers:\n  - name: opsknight\n    webhook_configs:\n      - url: '{url}'\n        send_resolved: true\n",
    },
    Snippet {
        name: "alertmanager.yml, with the integration key",
        language: "yaml",
        template: "receivers:\n  - name: opsknight\n    webhook_configs:\n      - url: '{url}'\n        send_resolved: true\n        http_config:\n          basic_auth:\n            username: opsknight\n            password: '{key}'\n",
    },
];
