//! The alerts of an incident: what each one said, as a table. The raw body is asked for when somebody unfolds it.

use opsknight_domain::{id::IncidentId, incident::Incident};
use opsknight_store::timeline::StoredAlert;
use serde_json::Value;

use super::{ALERTS_MAX, Asked, incident_link};
use crate::{
    pages::{rows::shorten, viewer::Viewer},
    views::{AlertView, AlertsPart, Link},
};

/// The part that was asked for. `stored` may have one more than is shown: then there are older ones.
pub(super) fn part(viewer: &Viewer, asked: Asked, incident: &Incident, mut stored: Vec<StoredAlert>) -> AlertsPart {
    let most = usize::try_from(ALERTS_MAX).unwrap_or(usize::MAX);
    let more = stored.len() > most;
    stored.truncate(most);
    let address = |alerts| format!("{}#incident-alerts", Asked { alerts, ..asked }.address(incident.id));
    AlertsPart {
        older: stored.last().filter(|_| more).map(|last| address(Some(last.id))),
        newest: asked.alerts.map(|_| address(None)),
        count: u64::try_from(incident.alert_count).unwrap_or_default(),
        rows: stored.into_iter().map(|alert| alert_view(viewer, alert)).collect(),
    }
}

fn alert_view(viewer: &Viewer, alert: StoredAlert) -> AlertView {
    let named = [
        ("Source", alert.source),
        ("Component", alert.component),
        ("Group", alert.group),
        ("Class", alert.class),
    ];
    let mut fields: Vec<(String, String)> = named
        .into_iter()
        .filter_map(|(name, value)| Some((name.to_owned(), shorten(&value?))))
        .collect();
    match &alert.details {
        Value::Object(map) => fields.extend(map.iter().map(|(name, value)| (name.clone(), plain(value)))),
        Value::Null => {}
        other => fields.push(("Details".to_owned(), plain(other))),
    }
    let from = alert.integration.and_then(|id| viewer.picture.integrations.get(&id));
    let from = match from {
        Some(row) => Link::new(format!("/services/{}/integrations", row.service), &row.name),
        None => Link::new("", "API"),
    };
    AlertView {
        id: alert.id.to_string(),
        summary: alert.summary,
        severity: alert.severity.word().to_owned(),
        action: alert.action,
        from,
        received: viewer.times(alert.created_at),
        merged_from: alert.merged_from.map(|(id, number)| merged(id, number)),
        fields,
        event_href: alert.receipt.map(|id| format!("/events/{id}")),
    }
}

fn merged(id: IncidentId, number: i64) -> Link {
    let link = incident_link(id, number, "");
    Link::new(link.href, link.text.trim_end())
}

/// A value as people read it.
fn plain(value: &Value) -> String {
    match value {
        Value::String(text) => shorten(text),
        other => shorten(&other.to_string()),
    }
}
