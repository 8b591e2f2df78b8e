//! What products send, as the hostile tests take it apart: every fixture, and every sample where the folder with them is
//! found beside the repository, each with the headers that its product sends.

use std::{fs, path::PathBuf};

use http::{HeaderMap, HeaderName, HeaderValue, Method};
use opsknight_domain::event::Normalised;
use opsknight_sources::{ParseError, Request, Source, by_slug};
use serde_json::Value;

use crate::{each_source, fixtures, read_folder};

/// The folders with samples and the sources that understand them; the first is the product's own.
pub(crate) const FOLDERS: &[(&str, &[&str])] = &[
    ("appdynamics", &["appdynamics"]),
    ("aws-cloudwatch-sns", &["cloudwatch"]),
    ("azure-monitor", &["azure"]),
    ("better-stack", &["better-uptime"]),
    ("bitbucket", &["bitbucket"]),
    ("dynatrace", &["dynatrace"]),
    ("github", &["github"]),
    ("gitlab", &["gitlab"]),
    ("google-cloud-monitoring", &["google-cloud-monitoring"]),
    ("grafana", &["grafana"]),
    ("honeycomb", &["honeycomb"]),
    ("newrelic", &["newrelic"]),
    ("pingdom", &["pingdom"]),
    ("prometheus-alertmanager", &["prometheus", "grafana"]),
    ("sentry", &["sentry"]),
    ("splunk-observability", &["splunk-observability"]),
];

/// The folder with what vendors really sent, where it is found.
pub(crate) fn payloads() -> Option<PathBuf> {
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../../shared/payloads");
    folder.is_dir().then_some(folder)
}

/// A request as a product sends it.
pub(crate) struct Sent {
    pub(crate) source: &'static dyn Source,
    /// The source and the file, for messages.
    pub(crate) name: String,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Vec<u8>,
}

impl Sent {
    fn new(source: &'static dyn Source, name: &str, body: Vec<u8>) -> Self {
        Self {
            source,
            name: format!("{}/{name}", source.slug()),
            headers: headers(source.slug(), &body),
            body,
        }
    }

    /// What becomes of another body that comes with these headers.
    pub(crate) fn parse(&self, headers: &HeaderMap, body: &[u8]) -> Result<Vec<Normalised>, ParseError> {
        let request = Request {
            method: &Method::POST,
            query: "",
            headers,
            body,
        };
        let _ = self.source.delivery_id(&request);
        self.source.parse(&request, None)
    }
}

/// Every fixture of every source.
pub(crate) fn each_fixture(mut check: impl FnMut(&Sent)) {
    each_source(|source| {
        for (name, body) in fixtures(source) {
            check(&Sent::new(source, &name, body));
        }
    });
}

/// Every sample of every folder, where there are samples.
pub(crate) fn each_sample(mut check: impl FnMut(&Sent)) {
    let Some(payloads) = payloads() else { return };
    for (folder, slugs) in FOLDERS {
        for (name, body) in read_folder(&payloads.join(folder)) {
            for slug in *slugs {
                let source = by_slug(slug).expect("a source");
                check(&Sent::new(source, &name, body.clone()));
            }
        }
    }
}

/// The headers that a product sends with such a body and that its source looks at.
fn headers(slug: &str, body: &[u8]) -> HeaderMap {
    let body: Value = serde_json::from_slice(body).unwrap_or_default();
    let has = |pointer: &str| body.pointer(pointer).is_some();
    let first = |names: &[&'static str]| names.iter().copied().find(|name| has(&format!("/{name}")));
    let sent: &[(&str, &str)] = match slug {
        "github" => {
            let alert = match body
                .pointer("/alert/html_url")
                .and_then(Value::as_str)
                .unwrap_or_default()
            {
                url if url.contains("code-scanning") => "code_scanning_alert",
                url if url.contains("dependabot") => "dependabot_alert",
                url if url.contains("secret-scanning") => "secret_scanning_alert",
                _ => "repository_vulnerability_alert",
            };
            let other = if has("/alert") { alert } else { "ping" };
            let other = if has("/state") { "status" } else { other };
            // A deployment carries the run that it is of.
            let names = [
                "deployment_status",
                "workflow_run",
                "workflow_job",
                "check_run",
                "check_suite",
                "security_advisory",
            ];
            let name = first(&names).unwrap_or(other);
            &[("x-github-event", name)]
        }
        // The older plugin sends no such header.
        "sentry" if has("/data") => {
            let name = match first(&[
                "data/activity",
                "data/metric_alert",
                "data/event",
                "data/issue",
                "data/error",
                "data/comment",
            ]) {
                Some("data/error") => "error",
                Some("data/activity") => "activity_alert",
                Some("data/metric_alert") => "metric_alert",
                Some("data/event") => "event_alert",
                Some("data/issue") => "issue",
                Some(_) => "comment",
                None => "installation",
            };
            &[("sentry-hook-resource", name)]
        }
        "gitlab" => &[
            ("x-gitlab-event", "Pipeline Hook"),
            ("x-gitlab-token", "It is a secret"),
        ],
        "bitbucket" => &[
            ("x-event-key", "repo:commit_status_updated"),
            ("x-request-uuid", "9f3a"),
        ],
        "cloudwatch" if has("/Type") => &[("content-type", "text/plain; charset=UTF-8")],
        "cloudwatch" => &[("x-amz-sns-rawdelivery", "true"), ("x-amz-sns-message-id", "9f3a")],
        "google-cloud-monitoring" => &[("x-goog-pubsub-message-id", "9f3a")],
        "honeycomb" => &[("x-honeycomb-webhook-token", "It is a secret")],
        _ => &[("content-type", "application/json")],
    };
    let header = |(name, value): &(&'static str, &str)| {
        let value = HeaderValue::from_str(value).expect("a value");
        (HeaderName::from_static(name), value)
    };
    sent.iter().map(header).collect()
}

/// A folder that no list names would be read by nobody.
#[test]
fn every_folder_with_samples_is_read() {
    let Some(payloads) = payloads() else { return };
    let entries = fs::read_dir(&payloads).expect("a folder");
    let mut found: Vec<String> = entries
        .map(|entry| entry.expect("an entry"))
        .filter(|entry| entry.path().is_dir())
        .map(|entry| entry.file_name().to_string_lossy().into_owned())
        .collect();
    found.sort();
    let named: Vec<&str> = FOLDERS.iter().map(|(folder, _)| *folder).collect();
    assert_eq!(found, named, "each folder of the samples has a source in FOLDERS");
    for folder in found {
        for entry in fs::read_dir(payloads.join(&folder)).expect("a folder") {
            let path = entry.expect("an entry").path();
            let is_read = path.extension().is_some_and(|extension| extension == "json");
            assert!(is_read, "{} would be read by no test", path.display());
        }
    }
}
