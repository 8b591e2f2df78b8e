//! Real bodies of the vendors, where the folder with them is found beside the repository.

use opsknight_domain::event::{Action, Normalised};
use opsknight_sources::by_slug;

use crate::{
    assert_sound, parse, read_folder,
    sent::{each_sample, payloads},
};

/// Folders with samples and the source that understands them.
const FOLDERS: &[(&str, &str)] = &[
    ("prometheus-alertmanager", "prometheus"),
    ("prometheus-alertmanager", "grafana"),
    ("grafana", "grafana"),
];

/// Folders whose files tell by their names whether an alert ends.
const BY_NAME: &[(&str, &str)] = &[
    ("appdynamics", "appdynamics"),
    ("better-stack", "better-uptime"),
    ("dynatrace", "dynatrace"),
    ("honeycomb", "honeycomb"),
    ("newrelic", "newrelic"),
    ("pingdom", "pingdom"),
    ("sentry", "sentry"),
    ("splunk-observability", "splunk-observability"),
];
/// Words in the names of files with the end of an alert.
const ENDS: &[&str] = &["resolved", "close", "-ok", "_up"];
/// A template whose variables nobody filled in: it names no problem.
const TEMPLATES: &[&str] = &["default-template"];

#[test]
fn samples_are_what_their_names_say() {
    let Some(payloads) = payloads() else { return };
    for (folder, slug) in BY_NAME {
        let source = by_slug(slug).expect("a source");
        for (name, body) in read_folder(&payloads.join(folder)) {
            let result = parse(source, &body);
            if TEMPLATES.contains(&name.as_str()) {
                assert!(result.is_err(), "{folder}/{name}");
                continue;
            }
            let all = result.unwrap_or_else(|error| panic!("{folder}/{name}: {error}"));
            assert_sound(&all);
            let [Normalised::Event(event)] = &all[..] else {
                panic!("{folder}/{name}: one alert")
            };
            let ends = ENDS.iter().any(|word| name.contains(word));
            let expected = if ends { Action::Resolve } else { Action::Trigger };
            assert_eq!(event.action, expected, "{folder}/{name}");
        }
    }
}

#[test]
fn what_vendors_really_sent_is_understood() {
    let Some(payloads) = payloads() else { return };
    for (folder, slug) in FOLDERS {
        let source = by_slug(slug).expect("a source");
        for (name, body) in read_folder(&payloads.join(folder)) {
            let all = parse(source, &body).unwrap_or_else(|error| panic!("{folder}/{name}: {error}"));
            assert_sound(&all);
            let text = String::from_utf8_lossy(&body);
            let ends = text.contains("\"status\": \"resolved\"") || text.contains("\"state\": \"ok\"");
            for normalised in all {
                let Normalised::Event(event) = normalised else {
                    panic!("{folder}/{name} was ignored")
                };
                assert_eq!(event.action == Action::Resolve, ends, "{folder}/{name}");
            }
        }
    }
}

/// Whatever folder it lies in, a sample is understood by its own source with the headers that come with it; the lists here
/// and in `builds_and_clouds` say of most what must come of them.
#[test]
fn every_sample_is_understood() {
    each_sample(|sent| {
        let verdict = sent.parse(&sent.headers, &sent.body);
        let is_template = TEMPLATES.iter().any(|template| sent.name.ends_with(template));
        assert_eq!(verdict.is_err(), is_template, "{}: {verdict:?}", sent.name);
        assert_sound(&verdict.unwrap_or_default());
    });
}

/// What Alertmanager calls an alert and what we make of its labels are the same.
#[test]
fn fingerprints_agree_with_those_that_were_sent() {
    let Some(payloads) = payloads() else { return };
    let source = by_slug("prometheus").expect("a source");
    let keys = |body: &[u8]| -> Vec<String> {
        let all = parse(source, body).expect("events");
        all.into_iter()
            .filter_map(|normalised| match normalised {
                Normalised::Event(event) => Some(event.dedup_key),
                Normalised::Ignored { .. } => None,
            })
            .collect()
    };
    for (name, body) in read_folder(&payloads.join("prometheus-alertmanager")) {
        let text = String::from_utf8(body).expect("text");
        assert_eq!(
            keys(text.as_bytes()),
            keys(text.replace("\"fingerprint\"", "\"was\"").as_bytes()),
            "{name}"
        );
    }
}
