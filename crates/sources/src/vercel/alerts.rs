//! Vercel's alerts about errors and usage out of the ordinary, and those that a team defines itself.
//!
//! The event is `alerts.triggered`; what raises it is in vercel.com/docs/alerts. We have no description of its
//! payload: what is known of an alert is from Vercel's own command line (`packages/cli/src/commands/alerts/types.ts` in
//! github.com/vercel/vercel), and each part is looked for where a webhook may have it: in the payload itself, in its group,
//! and in the first of its alerts. Nothing but the kind of the event is needed: an alert is worth more than its details.

use std::borrow::Cow;

use opsknight_domain::event::{Action, Event, Normalised, Severity};
use serde_json::Value;

use crate::{hash_hex, link, normalise::description, normalise::short, pick};

/// Where a part of an alert may be.
const PLACES: &[&str] = &[
    "/payload",
    "/payload/group",
    "/payload/alert",
    "/payload/alerts/0",
    "/payload/group/alerts/0",
];

/// One group of alerts, which is one problem to Vercel too.
pub(super) fn group(body: &Value) -> Normalised {
    let kind = find(body, &["type"]).map(|kind| kind.to_ascii_lowercase());
    let project = find(body, &["projectId", "project/id"]);
    let name = find(body, &["projectSlug", "projectName", "project/slug", "project/name"]).or_else(|| project.clone());
    let summary = summary(body, kind.as_deref(), name.as_deref());
    let key = match find(body, &["groupId"]).or_else(|| pick::first(body, &["/payload/group/id", "/payload/id"])) {
        Some(id) => format!("vercel:alert:{id}"),
        // The same alert of the same project is the same trouble.
        None => format!(
            "vercel:alert:{}",
            hash_hex([project.as_deref().unwrap_or_default(), &summary])
        ),
    };
    let is_over = find(body, &["status"]).is_some_and(|status| status.eq_ignore_ascii_case("resolved"));
    let action = if is_over { Action::Resolve } else { Action::Trigger };
    let severity = severity(find(body, &["level", "severity"]).as_deref(), kind.as_deref());
    let mut event = Event::new(action, key, severity, summary);
    event.description = description(find(body, &["ai/currentSummary", "description"]), &event.summary);
    event.source = short(name);
    event.class = kind;
    event.occurred_at = pick::time(body, &["/createdAt"]);
    event.changed_at = event.occurred_at;
    for place in [
        "/payload/links/observability",
        "/payload/links/alert",
        "/payload/links/project",
    ] {
        link::add(&mut event, pick::text(body, place).as_deref(), "Vercel");
    }
    if let Some(payload) = body.get("payload").filter(|payload| payload.is_object()) {
        event.details = payload.clone();
    }
    Normalised::Event(Box::new(event))
}

/// The first text that one of the names has in one of the places.
fn find<'v>(body: &'v Value, names: &[&str]) -> Option<Cow<'v, str>> {
    names.iter().find_map(|name| {
        PLACES
            .iter()
            .find_map(|place| pick::text(body.pointer(place)?, &format!("/{name}")))
    })
}

/// Its own title; else what kind of alert it is.
fn summary(body: &Value, kind: Option<&str>, project: Option<&str>) -> String {
    let title = find(body, &["ai/title", "title"]).unwrap_or(match kind {
        Some("error_anomaly") => Cow::Borrowed("More errors than usual"),
        Some("usage_anomaly") => Cow::Borrowed("More usage than usual"),
        _ => Cow::Borrowed("Vercel alert"),
    });
    match project {
        Some(project) if !title.contains(project) => format!("{title} in {project}"),
        _ => title.into_owned(),
    }
}

/// "High (major user impact, data loss, and security issues), Medium (service degradation and failures), or Low (minor
/// issues and controlled problems)", as the page about alerts has it.
fn severity(level: Option<&str>, kind: Option<&str>) -> Severity {
    match level.map(str::to_ascii_lowercase).as_deref() {
        Some("high") => Severity::Critical,
        Some("medium") => Severity::Warning,
        Some("low") => Severity::Info,
        word => word.and_then(Severity::from_vendor_word).unwrap_or(match kind {
            Some("error_anomaly") => Severity::Error,
            _ => Severity::Warning,
        }),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn of(payload: &Value) -> Event {
        let body =
            json!({"id": "evt_1", "type": "alerts.triggered", "createdAt": 1_772_439_000_000_u64, "payload": payload});
        match group(&body) {
            Normalised::Event(event) => *event,
            Normalised::Ignored { reason, .. } => panic!("{reason}"),
        }
    }

    #[test]
    fn an_alert_opens_an_incident_whatever_is_known_of_it() {
        for payload in [
            json!({}),
            json!(null),
            json!([]),
            json!({"alerts": []}),
            json!({"alerts": [null]}),
        ] {
            let event = of(&payload);
            assert_eq!(
                (event.action, &*event.summary),
                (Action::Trigger, "Vercel alert"),
                "{payload}"
            );
        }
    }

    #[test]
    fn its_parts_are_found_in_the_payload_in_its_group_and_in_its_alerts() {
        let alert = json!({
            "id": "al_1", "groupId": "grp_1", "projectId": "prj_1", "type": "error_anomaly", "level": "high",
            "title": "5xx on /api/checkout", "status": "active", "startedAt": 1_772_438_900
        });
        let mut group = alert.clone();
        group["id"] = json!("grp_1");
        for payload in [
            alert.clone(),
            json!({"alerts": [alert]}),
            json!({"alert": alert}),
            json!({"group": group}),
        ] {
            let event = of(&payload);
            assert_eq!(event.dedup_key, "vercel:alert:grp_1", "{payload}");
            assert_eq!(event.severity, Severity::Critical);
            assert_eq!(event.summary, "5xx on /api/checkout in prj_1");
        }
    }

    #[test]
    fn without_a_group_it_is_known_by_its_project_and_title() {
        let key =
            |project: &str, title: &str| of(&json!({"projectId": project, "alerts": [{"title": title}]})).dedup_key;
        assert_eq!(key("prj_1", "Errors"), key("prj_1", "Errors"));
        assert_ne!(key("prj_1", "Errors"), key("prj_2", "Errors"));
        assert_ne!(key("prj_1", "Errors"), key("prj_1", "Usage"));
    }

    #[test]
    fn levels() {
        for (level, kind, expected) in [
            (Some("High"), None, Severity::Critical),
            (Some("medium"), None, Severity::Warning),
            (Some("low"), Some("error_anomaly"), Severity::Info),
            (None, Some("error_anomaly"), Severity::Error),
            (None, Some("usage_anomaly"), Severity::Warning),
            (Some("purple"), None, Severity::Warning),
        ] {
            assert_eq!(severity(level, kind), expected, "{level:?} {kind:?}");
        }
    }
}
