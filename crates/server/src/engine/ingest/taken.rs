//! What came of each alert, as senders are answered and as it is kept.

use opsknight_domain::{
    event::{Event, Normalised, clean},
    id::IncidentId,
    incident::Incident,
};
use serde_json::{Value, json};

/// How much of a summary is kept with what came of an alert, in characters; the whole of it is in the body.
const SUMMARY_CHARS_MAX: usize = 255;

/// What came of one alert.
#[derive(Debug, Clone, PartialEq)]
pub struct Taken {
    /// `triggered`, `deduplicated`, `acknowledged`, `resolved` or `ignored`.
    pub action: &'static str,
    /// The problem it spoke of.
    pub dedup_key: Option<String>,
    /// The incident as it is now.
    pub incident: Option<Brief>,
    /// Why nothing was done.
    pub reason: Option<String>,
}

/// An incident in an answer to a sender.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Brief {
    /// Its identity.
    pub id: IncidentId,
    /// Its title.
    pub title: String,
    /// Where it stands.
    pub status: &'static str,
    /// How soon people must look.
    pub urgency: &'static str,
}

impl Brief {
    pub(super) fn of(incident: &Incident) -> Self {
        Self {
            id: incident.id,
            title: incident.title.clone(),
            status: incident.status.word(),
            urgency: incident.urgency.word(),
        }
    }

    /// As it stands in answers.
    #[must_use]
    pub fn json(&self) -> Value {
        json!({ "id": self.id.to_string(), "title": self.title, "status": self.status, "urgency": self.urgency })
    }
}

impl Taken {
    /// What came of an event that changed this incident.
    pub(crate) fn of(action: &'static str, event: &Event, incident: &Incident) -> Self {
        Self {
            action,
            dedup_key: Some(event.dedup_key.clone()),
            incident: Some(Brief::of(incident)),
            reason: None,
        }
    }

    pub(super) fn ignored(dedup_key: Option<String>, reason: impl Into<String>) -> Self {
        Self {
            action: "ignored",
            dedup_key,
            incident: None,
            reason: Some(reason.into()),
        }
    }

    /// As it stands in answers.
    #[must_use]
    pub fn json(&self) -> Value {
        let mut value = json!({
            "action": self.action,
            "dedupKey": self.dedup_key,
            "incident": self.incident.as_ref().map(Brief::json),
        });
        if let Some(reason) = &self.reason {
            value["reason"] = reason.as_str().into();
        }
        value
    }

    /// As it is kept: what the alert was turned into, and what came of it; the incident by its identity only.
    pub(crate) fn stored(&self, event: &Normalised) -> Value {
        let mut value = json!({
            "action": self.action,
            "dedupKey": self.dedup_key,
            "incidentId": self.incident.as_ref().map(|incident| incident.id.to_string()),
            "reason": self.reason,
        });
        if let Normalised::Event(event) = event {
            value["event"] = event.action.word().into();
            value["severity"] = event.severity.word().into();
            value["summary"] = clean(&event.summary, SUMMARY_CHARS_MAX).into();
        }
        value
    }
}
