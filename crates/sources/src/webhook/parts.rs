//! Where the parts of an alert stand in a body of the generic webhook: under the user's paths, and under the names that
//! most tools use.

use std::{borrow::Cow, fmt};

use opsknight_domain::event::Action;
use serde_json::Value;

use crate::{
    json,
    mapping::{FieldMapping, Origins},
    path,
};

/// Objects in which tools put the alert, looked into after the body itself.
const CONTAINERS: &[&str] = &["alert", "payload", "incident", "data"];
const SUMMARY_NAMES: &[&str] = &[
    "summary",
    "title",
    "message",
    "alertname",
    "alert_name",
    "name",
    "subject",
    "headline",
    "text",
    "description",
    "msg",
];
/// Apprise says in `type` what others say in `severity` and `status`: failure, warning, info, success.
/// Source: <https://github.com/caronc/apprise/wiki/Notify_Custom_JSON>.
const SEVERITY_NAMES: &[&str] = &["severity", "level", "priority", "criticality", "urgency", "type"];
const KEY_NAMES: &[&str] = &[
    "dedup_key",
    "dedupKey",
    "dedupe_key",
    "alert_id",
    "alertId",
    "incident_id",
    "incidentId",
    "incident_key",
    "fingerprint",
    "key",
    "id",
];
const ACTION_NAMES: &[&str] = &[
    "event_action",
    "action",
    "status",
    "state",
    "alert_status",
    "event",
    "type",
];
const SOURCE_NAMES: &[&str] = &["source", "host", "hostname", "instance", "service", "device", "monitor"];

/// A field of the body that was taken for a part of the event.
pub(super) struct Part<'v, 'm> {
    /// Where it stands.
    origin: Origin<'m>,
    /// What it says.
    pub(super) text: Cow<'v, str>,
}

/// Where a field stands.
#[derive(Debug, Clone, Copy)]
enum Origin<'m> {
    /// Where the user's path leads.
    Path(&'m str),
    /// Under a usual name, in the body itself or in an object that usually holds the alert.
    Usual {
        inside: Option<&'static str>,
        name: &'static str,
    },
}

impl fmt::Display for Origin<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Path(path) => f.write_str(path.trim()),
            Self::Usual { inside: None, name } => f.write_str(name),
            Self::Usual {
                inside: Some(inside),
                name,
            } => write!(f, "{inside}.{name}"),
        }
    }
}

/// The parts of one alert, as far as they are there.
pub(super) struct Parts<'v, 'm> {
    pub(super) summary: Option<Part<'v, 'm>>,
    pub(super) severity: Option<Part<'v, 'm>>,
    pub(super) key: Option<Part<'v, 'm>>,
    pub(super) source: Option<Part<'v, 'm>>,
    /// What is to be done; an unknown word is a trigger.
    pub(super) action: Action,
    acted_on: Option<Origin<'m>>,
}

impl<'v, 'm> Parts<'v, 'm> {
    /// Looks for the parts of an alert.
    pub(super) fn of(alert: &'v Value, mapping: &'m FieldMapping) -> Self {
        let find = |path: &'m Option<String>, names| {
            let path = path.as_deref();
            mapped(alert, path).or_else(|| usual(alert, names).next())
        };
        let (action, acted_on) = action(alert, mapping);
        Self {
            summary: find(&mapping.summary_field, SUMMARY_NAMES),
            severity: find(&mapping.severity_field, SEVERITY_NAMES),
            key: find(&mapping.dedup_key_field, KEY_NAMES),
            source: find(&mapping.source_field, SOURCE_NAMES),
            action,
            acted_on,
        }
    }

    /// Where they stand, for a person.
    pub(super) fn origins(&self) -> Origins {
        let of = |part: &Option<Part<'_, 'm>>| part.as_ref().map(|part| part.origin);
        let parts = [
            ("action", self.acted_on),
            ("dedupKey", of(&self.key)),
            ("severity", of(&self.severity)),
            ("summary", of(&self.summary)),
            ("source", of(&self.source)),
        ];
        parts
            .into_iter()
            .filter_map(|(part, origin)| Some((part, origin?.to_string())))
            .collect()
    }
}

/// The field that the user's path leads to, as text; lists and objects are written as JSON.
fn mapped<'v, 'm>(alert: &'v Value, path: Option<&'m str>) -> Option<Part<'v, 'm>> {
    let path = path?;
    let value = path::follow(alert, path)?;
    let whole = || (value.is_array() || value.is_object()).then(|| Cow::Owned(value.to_string()));
    Some(Part {
        origin: Origin::Path(path),
        text: json::text(value).or_else(whole)?,
    })
}

/// Every field under one of the usual names, in the body and then in the objects that usually hold the alert.
pub(super) fn usual<'v>(
    alert: &'v Value,
    names: &'static [&'static str],
) -> impl Iterator<Item = Part<'v, 'static>> + use<'v> {
    let containers = CONTAINERS
        .iter()
        .filter_map(|name| Some((Some(*name), alert.get(name)?)))
        .filter(|(_, value)| value.is_object());
    std::iter::once((None, alert))
        .chain(containers)
        .flat_map(move |(inside, object)| {
            names.iter().filter_map(move |name| {
                Some(Part {
                    origin: Origin::Usual { inside, name },
                    text: json::text_at(object, name)?,
                })
            })
        })
}

/// What is to be done: by the user's values and then by the usual words. Of the usual fields, the first that holds a known
/// word counts, so that `"action": "notify", "status": "resolved"` resolves.
fn action<'m>(alert: &Value, mapping: &'m FieldMapping) -> (Action, Option<Origin<'m>>) {
    let read = |value: &str| mapping.action(value).or_else(|| usual_action(value));
    if let Some(part) = mapped(alert, mapping.action_field.as_deref()) {
        return (read(&part.text).unwrap_or(Action::Trigger), Some(part.origin));
    }
    usual(alert, ACTION_NAMES)
        .find_map(|part| Some((read(&part.text)?, Some(part.origin))))
        .unwrap_or((Action::Trigger, None))
}

/// The words that most tools use.
fn usual_action(value: &str) -> Option<Action> {
    match value.trim().to_lowercase().as_str() {
        "trigger" | "triggered" | "firing" | "fired" | "fire" | "alert" | "alerting" | "open" | "opened"
        | "problem" | "down" | "active" | "activated" | "failing" | "failed" | "failure" | "critical" | "error"
        | "warning" => Some(Action::Trigger),
        "ack" | "acked" | "acknowledge" | "acknowledged" | "acknowledgement" => Some(Action::Acknowledge),
        "ok" | "resolve" | "resolved" | "close" | "closed" | "recovered" | "recovery" | "recover" | "up" | "normal"
        | "clear" | "cleared" | "success" | "healthy" | "inactive" | "deactivated" | "fixed" => Some(Action::Resolve),
        _ => None,
    }
}
