//! The group of alerts that Alertmanager sends and that Grafana took over and extended.
//!
//! It owns the common shape (versions 3 and 4 of Alertmanager, version 1 of Grafana) and what both make of an alert.
//! What one product alone knows stands in that product's file. The shape is described under "webhook_config" at
//! prometheus.io/docs/alerting/latest/configuration and in Alertmanager's `template.Data`.

use std::borrow::Cow;

use jiff::Timestamp;
use opsknight_domain::event::{Action, DESCRIPTION_CHARS_MAX, Event, FIELD_CHARS_MAX, Normalised, Severity, clean};
use serde_json::{Map, Value};

use crate::{
    ALERTS_MAX, ParseError, json, link,
    normalise::{first_line, ignored},
    when,
};

/// Labels that say which machine or thing an alert is about, the most exact first.
const SOURCE_LABELS: &[&str] = &["instance", "host", "hostname", "node", "pod", "job", "service"];
/// Annotations that hold the one line, the usual one first.
const SUMMARY_ANNOTATIONS: &[&str] = &["summary", "message", "title"];

/// Most labels that stand in for a name.
const TITLE_LABELS_MAX: usize = 5;

/// What is said about a group and kept with each of its alerts.
const GROUP_FIELDS: &[&str] = &["receiver", "groupLabels", "groupKey", "truncatedAlerts"];
/// Longest of them, in bytes.
const GROUP_FIELD_BYTES_MAX: usize = 4096;

/// What is said about the group, as it goes into each alert.
pub(crate) type Shared = Vec<(&'static str, Value)>;

/// One notification: alerts that were grouped, and what was said about the group.
#[derive(Debug)]
pub(crate) struct Group {
    /// What was sent, without its `alerts`.
    pub(crate) rest: Value,
    /// What of it is kept with each alert.
    pub(crate) shared: Shared,
    /// The alerts in the order in which they were sent.
    alerts: Vec<Result<Alert, ParseError>>,
}

impl Group {
    /// Makes an outcome of each alert. One that cannot be read costs the others nothing, since Alertmanager does not send
    /// again what was refused: it is ignored, and says why. The whole is refused where none of it can be read.
    pub(crate) fn outcomes(self, one: impl Fn(Alert, &Value, &Shared) -> Event) -> Result<Vec<Normalised>, ParseError> {
        if self.alerts.is_empty() {
            return Ok(vec![ignored(None, "The notification holds no alerts.")]);
        }
        if self.alerts.iter().all(Result::is_err) {
            let all: Result<Vec<_>, _> = self.alerts.into_iter().collect();
            return all.map(|_| Vec::new());
        }
        let outcome = |alert| match alert {
            Ok(alert) => Normalised::Event(Box::new(one(alert, &self.rest, &self.shared))),
            Err(error) => ignored(None, format!("It cannot be read: {error}.")),
        };
        Ok(self.alerts.into_iter().map(outcome).collect())
    }
}

/// One alert of a group, with its own state.
#[derive(Debug)]
pub(crate) struct Alert {
    /// What its own status says, never that of the group.
    pub(crate) action: Action,
    /// The alert as it was sent.
    object: Map<String, Value>,
}

/// A field of one of the small objects that alerts consist of. There are about ten names in each and as many questions
/// to it: looking along them takes a fraction of the time of hashing what is looked for.
fn field<'a>(fields: &'a Map<String, Value>, name: &str) -> Option<&'a Value> {
    fields.iter().find(|(field, _)| *field == name).map(|(_, value)| value)
}

/// The labels or the annotations of an alert.
#[derive(Debug, Clone, Copy)]
struct Texts<'a>(Option<&'a Map<String, Value>>);

impl<'a> Texts<'a> {
    /// The first of some names that says something.
    fn first(self, names: &[&str]) -> Option<Cow<'a, str>> {
        let fields = self.0?;
        names.iter().find_map(|name| json::text(field(fields, name)?))
    }
}

/// Takes a notification apart.
pub(crate) fn read(mut body: Value) -> Result<Group, ParseError> {
    let alerts = match body.get_mut("alerts").map(Value::take) {
        Some(Value::Array(alerts)) => alerts,
        None | Some(Value::Null) => {
            return Err(ParseError::new(
                "alerts",
                "is missing; a payload of your own needs the list of alerts too",
            ));
        }
        Some(other) => {
            return Err(ParseError::new(
                "alerts",
                format!("is {}, a list is expected", json::kind(&other)),
            ));
        }
    };
    if alerts.len() > ALERTS_MAX {
        return Err(ParseError::new(
            "alerts",
            format!("holds more than {ALERTS_MAX} alerts"),
        ));
    }
    let group_status = json::text_at(&body, "status").map(Cow::into_owned);
    let alerts = alerts
        .into_iter()
        .enumerate()
        .map(|(index, alert)| Alert::read(alert, index, group_status.as_deref()))
        .collect();
    if let Value::Object(fields) = &mut body {
        fields.shift_remove("alerts");
    }
    let shared = GROUP_FIELDS.iter().filter_map(|name| {
        // A long one of them, many times, would be gigabytes.
        let value = json::field(&body, name).filter(|value| json::fits(value, GROUP_FIELD_BYTES_MAX))?;
        (value.as_u64() != Some(0)).then(|| (*name, value.clone()))
    });
    Ok(Group {
        shared: shared.collect(),
        rest: body,
        alerts,
    })
}

impl Alert {
    fn read(alert: Value, index: usize, group_status: Option<&str>) -> Result<Self, ParseError> {
        let at = |field: &str| format!("alerts[{index}]{field}");
        let Value::Object(mut object) = alert else {
            return Err(ParseError::new(
                at(""),
                format!("is {}, an object is expected", json::kind(&alert)),
            ));
        };
        for name in ["labels", "annotations"] {
            match field(&object, name) {
                None | Some(Value::Object(_)) => {}
                Some(Value::Null) => {
                    object.remove(name);
                }
                Some(other) => {
                    let message = format!("is {}, an object is expected", json::kind(other));
                    return Err(ParseError::new(at(&format!(".{name}")), message));
                }
            }
        }
        let status = field(&object, "status").and_then(json::text);
        let action = action(status.as_deref().or(group_status));
        let alert = Self { action, object };
        if alert.map("labels").is_none_or(Map::is_empty) && alert.text("fingerprint").is_none() {
            return Err(ParseError::new(
                at(".labels"),
                "is missing, and there is no fingerprint",
            ));
        }
        Ok(alert)
    }

    fn map(&self, name: &str) -> Option<&Map<String, Value>> {
        field(&self.object, name).and_then(Value::as_object)
    }

    /// A field of the alert itself as text.
    pub(crate) fn text(&self, name: &str) -> Option<Cow<'_, str>> {
        field(&self.object, name).and_then(json::text)
    }

    /// A label.
    pub(crate) fn label(&self, name: &str) -> Option<Cow<'_, str>> {
        Texts(self.map("labels")).first(&[name])
    }

    /// An annotation.
    pub(crate) fn annotation(&self, name: &str) -> Option<Cow<'_, str>> {
        Texts(self.map("annotations")).first(&[name])
    }

    /// What the sender calls the alert, else the same hash of its labels that Alertmanager makes: 64-bit FNV-1a over
    /// the sorted names and values, each closed by 0xff (`LabelSet.Fingerprint` in prometheus/common). So the key stays
    /// when an old sender begins to send fingerprints.
    pub(crate) fn fingerprint(&self) -> String {
        if let Some(fingerprint) = self.text("fingerprint") {
            return fingerprint.into_owned();
        }
        let mut hash: u64 = 0xcbf2_9ce4_8422_2325;
        let mut add = |bytes: &[u8]| {
            for byte in bytes.iter().chain(&[0xff]) {
                hash = (hash ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3);
            }
        };
        let mut labels: Vec<_> = self.map("labels").into_iter().flatten().collect();
        labels.sort_unstable_by_key(|(name, _)| name.as_str());
        for (name, value) in labels {
            add(name.as_bytes());
            match value {
                Value::String(text) => add(text.as_bytes()),
                other => add(other.to_string().as_bytes()),
            }
        }
        format!("{hash:016x}")
    }

    /// When it fired or was over. A firing alert's end is a placeholder.
    fn occurred_at(&self) -> Option<Timestamp> {
        let name = match self.action {
            Action::Trigger | Action::Acknowledge => "startsAt",
            Action::Resolve => "endsAt",
        };
        when::read(field(&self.object, name)?)
    }

    /// Makes an event of the alert, which goes into it whole as its details, beside what the group says.
    pub(crate) fn into_event(mut self, key: String, fallback_title: &str, shared: &Shared) -> Event {
        let (labels, annotations) = (Texts(self.map("labels")), Texts(self.map("annotations")));
        let title = title(labels, annotations, fallback_title);
        let mut event = Event::new(self.action, key, severity_of(labels, annotations), title);
        let short = |text: Cow<'_, str>| clean(&text, FIELD_CHARS_MAX);
        event.description = annotations
            .first(&["description", "message"])
            .map(|text| clean(&text, DESCRIPTION_CHARS_MAX));
        event.source = labels.first(SOURCE_LABELS).map(short);
        event.component = labels.first(&["component", "service"]).map(short);
        event.group = labels.first(&["cluster", "job"]).map(short);
        event.class = labels.first(&["alertname"]).map(short);
        event.occurred_at = self.occurred_at();
        add_annotated_links(&mut event, annotations);
        if field(&self.object, "endsAt").is_some_and(is_placeholder) {
            self.object.shift_remove("endsAt");
        }
        for (name, value) in shared {
            if field(&self.object, name).is_none() {
                self.object.insert((*name).to_owned(), value.clone());
            }
        }
        event.details = Value::Object(self.object);
        event
    }
}

/// Whether an end is none: Go writes the year 1 where no time is set.
fn is_placeholder(ends: &Value) -> bool {
    ends.as_str().is_none_or(|time| time.starts_with("0001-"))
}

/// The name and the summary together; the name is never lost, since people know their alerts by it.
fn title(labels: Texts<'_>, annotations: Texts<'_>, fallback: &str) -> String {
    match (labels.first(&["alertname"]), annotations.first(SUMMARY_ANNOTATIONS)) {
        (Some(name), Some(summary)) if summary.contains(name.as_ref()) => summary.into_owned(),
        (Some(name), Some(summary)) => [&name, ": ", &summary].concat(),
        (Some(text), None) | (None, Some(text)) => text.into_owned(),
        (None, None) => match (annotations.first(&["description"]), named(labels)) {
            (Some(text), _) => first_line(&text).to_owned(),
            (None, Some(labels)) => [fallback, ": ", &labels].concat(),
            (None, None) => fallback.to_owned(),
        },
    }
}

/// The labels of an alert that has no name, which Alertmanager takes from its API: they are all that tells what it is.
fn named(labels: Texts<'_>) -> Option<String> {
    let labels = labels.0?.iter().take(TITLE_LABELS_MAX);
    let named: Vec<_> = labels
        .filter_map(|(name, value)| Some(format!("{name}={}", json::text(value)?)))
        .collect();
    (!named.is_empty()).then(|| named.join(", "))
}

/// The severity by the labels, then by the annotation that some write it into; a warning where nothing is known.
fn severity_of(labels: Texts<'_>, annotations: Texts<'_>) -> Severity {
    [
        labels.first(&["severity"]),
        labels.first(&["priority"]),
        annotations.first(&["severity"]),
    ]
    .into_iter()
    .flatten()
    .find_map(|word| severity(&word))
    .unwrap_or(Severity::Warning)
}

/// Every annotation that is an address becomes a link: runbooks and dashboards first.
fn add_annotated_links(event: &mut Event, annotations: Texts<'_>) {
    for (name, text) in [
        ("runbook_url", "Runbook"),
        ("runbook", "Runbook"),
        ("dashboard_url", "Dashboard"),
    ] {
        link::add(event, annotations.first(&[name]).as_deref(), text);
    }
    for (name, value) in annotations.0.into_iter().flatten() {
        let text = if name.to_ascii_lowercase().starts_with("dashboard") {
            "Dashboard"
        } else {
            name
        };
        link::add(event, value.as_str(), text);
    }
}

/// Reads a status; an unknown one is taken as firing, so that no alert is lost to a word.
fn action(status: Option<&str>) -> Action {
    match status.map(str::to_ascii_lowercase).as_deref() {
        Some("resolved" | "ok" | "normal") => Action::Resolve,
        _ => Action::Trigger,
    }
}

/// The words of the Prometheus world: `none` is what its always-firing Watchdog says.
pub(crate) fn severity(word: &str) -> Option<Severity> {
    if word.trim().eq_ignore_ascii_case("none") {
        return Some(Severity::Info);
    }
    Severity::from_vendor_word(word)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    /// The fingerprint that Alertmanager 0.25 sent with these labels.
    #[test]
    fn fingerprints_are_those_of_alertmanager() {
        let alert = json!({"labels": {
            "severity": "critical", "service": "web", "instance": "web-01:9100", "alertname": "HighCPU"
        }});
        let alert = Alert::read(alert, 0, None).expect("an alert");
        assert_eq!(alert.fingerprint(), "3120ed62f8e3c02e");
    }

    #[test]
    fn one_broken_alert_costs_the_others_nothing() {
        let event =
            |alert: Alert, _: &Value, _: &Shared| Event::new(alert.action, alert.fingerprint(), Severity::Info, "x");
        let outcomes = |alerts: Value| read(json!({"alerts": alerts})).and_then(|group| group.outcomes(event));
        let all = outcomes(json!([7, {"labels": {"alertname": "a"}}, {"labels": []}])).expect("outcomes");
        assert!(matches!(
            &all[..],
            [Normalised::Ignored { .. }, Normalised::Event(_), Normalised::Ignored { reason, .. }]
                if reason == "It cannot be read: alerts[2].labels is a list, an object is expected."
        ));
        assert_eq!(
            outcomes(json!([7, {}])).map_err(|error| error.field),
            Err("alerts[0]".into())
        );
        assert_eq!(
            outcomes(json!([{}])).map_err(|error| error.field),
            Err("alerts[0].labels".into())
        );
    }

    #[test]
    fn alerts_without_a_name_are_told_apart() {
        let title = |alert: Value| {
            let alert = Alert::read(alert, 0, None).expect("an alert");
            alert.into_event("k".into(), "Prometheus alert", &Vec::new()).summary
        };
        let labels = json!({"job": "node", "instance": "db-1"});
        for (alert, expected) in [
            (json!({"labels": labels}), "Prometheus alert: job=node, instance=db-1"),
            (
                json!({"labels": labels, "annotations": {"description": "db-1 is slow\nsince noon"}}),
                "db-1 is slow",
            ),
            (json!({"labels": {"job": null}, "fingerprint": "1"}), "Prometheus alert"),
        ] {
            assert_eq!(title(alert.clone()), expected, "{alert}");
        }
    }

    #[test]
    fn severities_are_whole_words() {
        assert_eq!(severity("none"), Some(Severity::Info));
        assert_eq!(severity("page"), Some(Severity::Critical));
        assert_eq!(severity("P1"), Some(Severity::Critical));
        assert_eq!(severity("nonesuch"), None);
    }
}
