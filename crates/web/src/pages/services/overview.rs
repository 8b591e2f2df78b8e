//! `/services/{id}`: how a service is, who is there for it, and what sends its alerts.

use std::{collections::HashMap, sync::Arc};

use axum::{extract::State, response::Response};
use jiff::{SignedDuration, Timestamp};
use opsknight_domain::{
    directory::Service,
    escalation,
    id::{IntegrationId, ServiceId},
    incident::Status,
    maintenance::{Phase, Window as Planned},
};
use opsknight_sources as sources;
use opsknight_store::{
    changes::{self, ChangeEvent},
    db::Tx,
    incidents::{self, Counts, Filter, Listed},
    integrations::{self, IntegrationRow},
    services::{self, Kept, ServiceRow as Stored},
};

use super::{head_and_counts, policy, team};
use crate::{
    api::{
        analytics::{self, AnalyticsQuery, Summary},
        error::ApiError,
        extract::Path,
        wire::{Id, ids},
    },
    pages::{
        PageError, analytics as figures,
        rows::{change_row, incident_row},
        viewer::Viewer,
    },
    state::AppState,
    views::{Connection, IntegrationLine, Link, Person, Section, ServicePage, TargetKept, Window},
};

/// Most changes on a service's page.
const CHANGES_MAX: i64 = 5;
/// Most incidents that are not resolved on the page of a service.
const LIVE_MAX: i64 = 20;
/// Most resolved incidents on the page of a service.
const RECENT_MAX: i64 = 5;
/// How far back it is counted how targets were kept.
const KEPT_SINCE: SignedDuration = SignedDuration::from_hours(24 * FIGURES_DAYS);
/// The days that its figures are about.
const FIGURES_DAYS: i64 = 30;
/// After so many days without an event an integration is called silent.
const SILENT_AFTER_DAYS: i64 = 7;
/// Most times of maintenance on the page of a service.
const MAINTENANCE_MAX: usize = 3;

/// What is read for the page.
struct Known {
    live: (Vec<Listed>, i64),
    recent: Vec<Listed>,
    changes: Vec<ChangeEvent>,
    last: HashMap<IntegrationId, Timestamp>,
    kept: Kept,
    summary: Summary,
}

async fn read(state: &AppState, viewer: &Viewer, id: ServiceId) -> Result<Known, ApiError> {
    let now = viewer.now;
    let query = AnalyticsQuery {
        days: Some(FIGURES_DAYS),
        service_id: vec![id],
        ..AnalyticsQuery::default()
    };
    let question = query.question(now, &viewer.zone)?;
    let unit = async move |tx: &mut Tx<'_>| {
        let live = Filter {
            services: vec![id],
            statuses: vec![Status::Open, Status::Acknowledged, Status::Snoozed, Status::Suppressed],
            limit: LIVE_MAX,
            ..Filter::default()
        };
        let over = Filter {
            statuses: vec![Status::Resolved],
            limit: RECENT_MAX,
            ..live.clone()
        };
        let since = now.saturating_sub(KEPT_SINCE).unwrap_or(Timestamp::MIN);
        Ok::<_, ApiError>(Known {
            live: incidents::list(tx, &live).await?,
            recent: incidents::list(tx, &over).await?.0,
            changes: changes::of_service(tx, id, Timestamp::MAX, CHANGES_MAX).await?,
            last: integrations::last_events(tx, id).await?,
            kept: services::kept(tx, id, since).await?,
            summary: analytics::brief(tx, &question).await?,
        })
    };
    state.store.db.read(unit).await
}

/// `GET /services/{id}`
pub(in crate::pages) async fn show(
    State(state): State<AppState>,
    viewer: Viewer,
    Path(Id(id)): Path<ids::Service>,
) -> Result<Response, PageError> {
    let (row, head, counts) = head_and_counts(&state, &viewer, id).await?;
    let known = read(&state, &viewer, id).await?;
    let integrations = lines(&viewer, id, &known.last);
    let figures = figures::speed(&known.summary).to_vec();
    let (links, facts, targets) = (links(&row), facts(&row), targets(&row, known.kept));
    let service = row.into_domain();
    let (on_call, nobody) = on_call(&viewer, &service);
    let live_count = u64::try_from(known.live.1).unwrap_or_default();
    let incident_rows = |rows: Vec<Listed>| rows.into_iter().map(|row| incident_row(&viewer, row)).collect();
    let page = ServicePage {
        shell: viewer.shell(&service.name, Section::Services),
        words: words(counts, head.maintenance_until.is_some()),
        head,
        live: incident_rows(known.live.0),
        live_count,
        recent: incident_rows(known.recent),
        team: team(viewer.directory(), &service),
        policy: policy(viewer.directory(), &service),
        on_call,
        nobody,
        figures,
        targets,
        changes: known
            .changes
            .into_iter()
            .map(|change| change_row(&viewer, change))
            .collect(),
        integrations,
        maintenance: coming(&viewer, id),
        links,
        facts,
    };
    viewer.page(&page)
}

/// How a service is, in a sentence.
fn words(counts: Counts, in_maintenance: bool) -> String {
    let of = |count: i64, what: &str| match count {
        1 => format!("1 incident {}", what.replacen("are", "is", 1)),
        n => format!("{n} incidents {what}"),
    };
    let mut parts = Vec::new();
    if counts.open > 0 {
        let (which, besides) = match (counts.open_high, counts.open) {
            (0, _) => ("", String::new()),
            (high, open) if high == open => ("with high urgency ", String::new()),
            (high, _) => ("", format!(", {high} of them with high urgency")),
        };
        let it = if counts.open == 1 { "it" } else { "them" };
        let open = of(
            counts.open,
            &format!("{which}are open and nobody has acknowledged {it}"),
        );
        parts.push(open + &besides);
    }
    if counts.acknowledged > 0 {
        parts.push(of(counts.acknowledged, "are being worked on"));
    }
    if counts.snoozed > 0 {
        parts.push(of(counts.snoozed, "are snoozed"));
    }
    match (parts.is_empty(), in_maintenance) {
        (true, true) => "Nothing is open. What breaks now pages nobody until the maintenance ends.".to_owned(),
        (true, false) => "Everything works: no incident is open.".to_owned(),
        (false, true) => format!(
            "{}. What breaks now pages nobody until the maintenance ends.",
            parts.join("; ")
        ),
        (false, false) => format!("{}.", parts.join("; ")),
    }
}

/// Whom the first step of the policy would page now, and why it would page nobody.
fn on_call(viewer: &Viewer, service: &Service) -> (Vec<(Person, String)>, Vec<String>) {
    let directory = viewer.directory();
    let policy = service.policy.and_then(|id| directory.policies.get(&id));
    let Some(step) = policy.and_then(|policy| policy.steps.first()) else {
        return (Vec::new(), Vec::new());
    };
    let (called, nobody) = escalation::called(&step.targets, directory, viewer.now);
    let person = |called: escalation::Called| {
        let who = Person::new(called.user.to_string(), directory.user_name(called.user));
        (who, crate::pages::error::sentence(&called.why))
    };
    (called.into_iter().map(person).collect(), nobody)
}

fn links(row: &Stored) -> Vec<Link> {
    let links = [
        ("Runbook", &row.runbook_url),
        ("Repository", &row.repository_url),
        ("Dashboard", &row.dashboard_url),
    ];
    let links = links.into_iter();
    links
        .filter_map(|(name, url)| Some(Link::new(url.as_ref()?, name)))
        .collect()
}

fn facts(row: &Stored) -> Vec<(String, String)> {
    let facts = [
        ("Region", row.region.clone()),
        ("SLA tier", row.sla_tier.clone()),
        ("Slack channel", row.slack_channel.clone()),
    ];
    let facts = facts.into_iter();
    facts
        .filter_map(|(name, value)| Some((name.to_owned(), value?)))
        .collect()
}

fn targets(row: &Stored, kept: Kept) -> Vec<TargetKept> {
    let number = |n: i64| u64::try_from(n).unwrap_or_default();
    let targets = [
        ("Acknowledge", row.target_ack_minutes, kept.acknowledged_late),
        ("Resolve", row.target_resolve_minutes, kept.resolved_late),
    ];
    let kept_by = |(what, minutes, late): (&str, Option<u32>, i64)| {
        Some(TargetKept {
            name: format!("{what} within {} min", minutes?),
            kept: number(kept.incidents - late),
            of: number(kept.incidents),
        })
    };
    targets.into_iter().filter_map(kept_by).collect()
}

/// Whether anything comes in through an integration.
pub(in crate::pages) fn connection(viewer: &Viewer, enabled: bool, last: Option<Timestamp>) -> Connection {
    match (enabled, last) {
        (false, _) => Connection::Disabled,
        (true, None) => Connection::Waiting,
        (true, Some(at)) => {
            let days = viewer.now.duration_since(at).as_hours() / 24;
            match days > SILENT_AFTER_DAYS {
                true => Connection::Silent(days, viewer.times(at)),
                false => Connection::Connected(viewer.times(at)),
            }
        }
    }
}

fn lines(viewer: &Viewer, id: ServiceId, last: &HashMap<IntegrationId, Timestamp>) -> Vec<IntegrationLine> {
    let doors = viewer.picture.integrations.values();
    let mut doors: Vec<_> = doors.filter(|door| door.service == id).collect();
    doors.sort_by_key(|door| door.name.to_lowercase());
    let line = |door: &Arc<IntegrationRow>| line(viewer, door, last.get(&door.id).copied());
    doors.into_iter().map(line).collect()
}

/// An integration in a list.
pub(in crate::pages) fn line(viewer: &Viewer, door: &IntegrationRow, last: Option<Timestamp>) -> IntegrationLine {
    let source = sources::by_type(&door.type_name);
    let card = format!("/services/{}/integrations?open={1}#{1}", door.service, door.id);
    IntegrationLine {
        link: Link::new(card, &door.name),
        path: source.map_or_else(|| "webhook".to_owned(), |source| source.slug().to_owned()),
        kind: source.map_or_else(|| door.type_name.clone(), |source| source.title().to_owned()),
        connection: connection(viewer, door.enabled, last),
    }
}

/// The maintenance that is under way or planned.
fn coming(viewer: &Viewer, id: ServiceId) -> Vec<Window> {
    let windows = viewer.directory().maintenance.get(&id).into_iter().flatten();
    let ahead = windows.filter(|window| window.phase(viewer.now) != Phase::Over);
    ahead
        .take(MAINTENANCE_MAX)
        .map(|window| window_of(viewer, window))
        .collect()
}

/// A window as pages show it.
pub(super) fn window_of(viewer: &Viewer, window: &Planned) -> Window {
    Window {
        id: window.id.to_string(),
        active: window.phase(viewer.now) == Phase::Active,
        start: viewer.times(window.start),
        end: viewer.times(window.end),
        reason: window.reason.clone().unwrap_or_default(),
        by: String::new(),
        form: None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn health_is_said_in_words() {
        let counts = |open, open_high, acknowledged, snoozed| Counts {
            open,
            open_high,
            acknowledged,
            acknowledged_high: 0,
            snoozed,
        };
        for (counts, in_maintenance, says) in [
            (counts(0, 0, 0, 0), false, "Everything works: no incident is open."),
            (
                counts(1, 1, 0, 0),
                false,
                "1 incident with high urgency is open and nobody has acknowledged it.",
            ),
            (
                counts(3, 1, 1, 2),
                false,
                "3 incidents are open and nobody has acknowledged them, 1 of them with high urgency; 1 incident is being \
                 worked on; 2 incidents are snoozed.",
            ),
            (
                counts(0, 0, 0, 0),
                true,
                "Nothing is open. What breaks now pages nobody until the maintenance ends.",
            ),
        ] {
            assert_eq!(words(counts, in_maintenance), says);
        }
    }
}
