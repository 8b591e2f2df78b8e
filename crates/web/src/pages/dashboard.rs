//! `/`: what is open now and whose it is, who is on call, how fast people answer, what came in and what did not go out.

use std::collections::HashMap;

use axum::{extract::State, response::Response};
use http::Uri;
use jiff::SignedDuration;
use opsknight_domain::{id::ServiceId, incident::Status, oncall::Schedule};
use opsknight_store::{
    db::Tx,
    deliveries,
    incidents::{self, Counts, Filter, Sort},
    receipts,
};

use super::{
    PageError, first_steps,
    glance::{PERIODS, glance},
    records::asked,
    rows::{delivery_row, event_row, incident_row, names},
    viewer::Viewer,
};
use crate::{
    api::{analytics::DAYS_DEFAULT, error::ApiError},
    state::AppState,
    views::{Dashboard, Duty, Link, Person, Section, ServiceHealth},
};

/// Most incidents on the page.
const INCIDENTS_MAX: i64 = 20;
/// Most services on the page that have something open.
const SERVICES_MAX: usize = 8;
/// Most events and most failures on the page.
const LATEST_MAX: i64 = 5;
/// How far back failures are shown.
const FAILURES_LOOK_BACK: SignedDuration = SignedDuration::from_hours(24);
/// What is fetched when something has changed: everything but the figures, which are not of the moment.
const NOW: &str = "now";

/// `GET /`
pub(super) async fn show(State(state): State<AppState>, viewer: Viewer, uri: Uri) -> Result<Response, PageError> {
    let mut asked = asked(&uri);
    let days = asked.params.text("days").and_then(|text| text.parse().ok());
    let days = days.filter(|days| PERIODS.contains(days)).unwrap_or(DAYS_DEFAULT);
    let only_now = asked.params.text("part").as_deref() == Some(NOW);
    let live = Filter {
        statuses: vec![Status::Open, Status::Acknowledged],
        sort: Sort::Urgency,
        limit: INCIDENTS_MAX,
        ..Filter::default()
    };
    let mine = Filter {
        assignees: vec![viewer.person.id],
        limit: 1,
        ..live.clone()
    };
    let since = viewer.now.saturating_sub(FAILURES_LOOK_BACK).unwrap_or(viewer.now);
    let unit = async move |tx: &mut Tx<'_>| {
        let (rows, total) = incidents::list(tx, &live).await?;
        let (_, mine) = incidents::list(tx, &mine).await?;
        let counts = incidents::counts(tx, &[]).await?;
        let events = receipts::latest(tx, LATEST_MAX).await?;
        let named = names(tx, events.iter().map(|row| &row.results)).await?;
        let failures = deliveries::failed_since(tx, since, LATEST_MAX).await?;
        Ok::<_, ApiError>((rows, total, mine, counts, events, named, failures))
    };
    let (rows, total, mine, counts, events, named, failures) = state.store.db.read(unit).await?;
    let number = |count: i64| u64::try_from(count).unwrap_or_default();
    let acknowledged: i64 = counts.values().map(|counts| counts.acknowledged).sum();
    let (services, quiet) = services(&viewer, &counts);
    let page = Dashboard {
        shell: viewer.shell("Dashboard", Section::Dashboard),
        open: viewer.open,
        acknowledged: number(acknowledged),
        mine: number(mine),
        more: number(total - i64::try_from(rows.len()).unwrap_or(0)),
        incidents: rows.into_iter().map(|row| incident_row(&viewer, row)).collect(),
        on_call: duties(&viewer),
        services,
        quiet,
        events: events.into_iter().map(|row| event_row(&viewer, row, &named)).collect(),
        failures: failures.into_iter().map(|row| delivery_row(&viewer, row)).collect(),
        glance: match only_now {
            true => None,
            false => Some(glance(&state, &viewer, days).await?),
        },
        first_steps: match only_now {
            true => None,
            false => first_steps::of(&state, &viewer).await?,
        },
    };
    viewer.page(&page)
}

fn duties(viewer: &Viewer) -> Vec<Duty> {
    let mut schedules: Vec<&Schedule> = viewer.directory().schedules.values().collect();
    schedules.sort_by_key(|schedule| schedule.name.to_lowercase());
    schedules.into_iter().map(|schedule| duty(viewer, schedule)).collect()
}

/// Who is on call on a schedule, until when, and who is next.
pub(super) fn duty(viewer: &Viewer, schedule: &Schedule) -> Duty {
    let directory = viewer.directory();
    let person = |id| Person::new(format!("{id}"), directory.user_name(id));
    let until = schedule.next_change(viewer.now);
    Duty {
        schedule: Link::new(format!("/schedules/{}", schedule.id), &schedule.name),
        now: schedule.on_call(viewer.now).user().map(person).into_iter().collect(),
        until: until.map(|until| viewer.times(until)),
        next: until.and_then(|until| schedule.on_call(until).user()).map(person),
    }
}

/// The services that have something open, the worst in front, and how many have not.
fn services(viewer: &Viewer, counts: &HashMap<ServiceId, Counts>) -> (Vec<ServiceHealth>, usize) {
    let known = &viewer.directory().services;
    let busy = |counts: &Counts| counts.open + counts.acknowledged > 0;
    let mut worst: Vec<(&ServiceId, &Counts)> = counts
        .iter()
        .filter(|(id, counts)| busy(counts) && known.contains_key(id))
        .collect();
    worst.sort_by_key(|(id, of)| std::cmp::Reverse((of.open_high, of.open, of.acknowledged, **id)));
    let quiet = known.len().saturating_sub(worst.len());
    let shown = worst.into_iter().take(SERVICES_MAX).filter_map(|(id, of)| {
        let service = known.get(id)?;
        Some(ServiceHealth {
            service: Link::new(format!("/services/{id}"), &service.name),
            health: super::services::health(*of),
            open: of.open,
            acknowledged: of.acknowledged,
        })
    });
    (shown.collect(), quiet)
}
