//! `/services`: what alerts are about.

mod settings;

pub(super) use settings::{delete, save_settings, settings};

use axum::{
    extract::State,
    response::{IntoResponse as _, Redirect, Response},
};
use opsknight_domain::{
    directory::{Directory, Service},
    id::ServiceId,
    incident::Status,
};
use opsknight_store::{
    changes,
    db::Tx,
    incidents::{self, Counts, Filter},
    integrations,
    listing::Part,
    services::{self, ServiceFilter, ServiceRow as Stored},
};
use serde_json::json;

use super::{
    PageError, choices,
    form::{Form, Wrong},
    rows::{change_row, incident_row},
    viewer::Viewer,
};
use crate::{
    api::{
        error::ApiError,
        extract::{Path, from_value},
        services as actions,
        wire::{Id, ids},
    },
    state::AppState,
    views::{Health, Link, Section, ServiceHead, ServiceList, ServiceNew, ServicePage, ServiceRow},
};

/// Most changes on a service's page.
const CHANGES_MAX: i64 = 5;
/// Most incidents on the page of a service.
const INCIDENTS_MAX: i64 = 20;

/// The names of fields as the API knows them, and as forms here do.
const NAMES: [(&str, &str); 2] = [("teamId", "team_id"), ("escalationPolicyId", "policy_id")];

/// Whether a service works, from its incidents that are not resolved.
pub(super) fn health(counts: Counts) -> Health {
    match counts {
        Counts { open_high: 1.., .. } => Health::Critical,
        Counts { open: 1.., .. } => Health::Degraded,
        _ => Health::Operational,
    }
}

fn team(directory: &Directory, service: &Service) -> Option<Link> {
    let team = directory.teams.get(&service.team?)?;
    Some(Link::new(format!("/teams/{}", team.id), &team.name))
}

fn policy(directory: &Directory, service: &Service) -> Option<Link> {
    let policy = directory.policies.get(&service.policy?)?;
    Some(Link::new(format!("/policies/{}", policy.id), &policy.name))
}

/// `GET /services`
pub(super) async fn list(State(state): State<AppState>, viewer: Viewer) -> Result<Response, PageError> {
    let unit = async move |tx: &mut Tx<'_>| {
        let filter = ServiceFilter {
            part: Part::ALL,
            team: None,
            policy: None,
        };
        let (rows, _) = services::list(tx, filter).await?;
        Ok::<_, ApiError>((rows, incidents::counts(tx, None).await?))
    };
    let (rows, counts) = state.store.db.read(unit).await?;
    let directory = viewer.directory();
    let row = |row: Stored| {
        let known = counts.iter().find(|(id, _)| *id == row.id);
        let counts = known.map(|(_, counts)| *counts).unwrap_or_default();
        let doors = viewer
            .picture
            .integrations
            .values()
            .filter(|door| door.service == row.id);
        let integrations = u64::try_from(doors.count()).unwrap_or_default();
        let (id, name) = (row.id, row.name.clone());
        let description = row.description.clone().unwrap_or_default();
        let service = row.into_domain();
        ServiceRow {
            link: Link::new(format!("/services/{id}"), name),
            description,
            health: health(counts),
            open: u64::try_from(counts.open + counts.acknowledged + counts.snoozed).unwrap_or_default(),
            team: team(directory, &service),
            policy: policy(directory, &service),
            integrations,
        }
    };
    let page = ServiceList {
        shell: viewer.shell("Services", Section::Services),
        rows: rows.into_iter().map(row).collect(),
    };
    viewer.page(&page)
}

/// `GET /services/new`
pub(super) async fn new(viewer: Viewer) -> Result<Response, PageError> {
    viewer.page(&new_page(&viewer, &Form::default(), &Wrong::default()))
}

fn new_page(viewer: &Viewer, form: &Form, wrong: &Wrong) -> ServiceNew {
    let directory = viewer.directory();
    ServiceNew {
        shell: viewer.shell("New service", Section::Services),
        name: form.field("name", wrong),
        description: form.field("description", wrong),
        team: form.select("team_id", wrong, choices::or_none("None", choices::teams(directory))),
        policy: form.select(
            "policy_id",
            wrong,
            choices::or_none("None", choices::policies(directory)),
        ),
    }
}

/// `POST /services`
pub(super) async fn create(State(state): State<AppState>, viewer: Viewer, form: Form) -> Result<Response, PageError> {
    let new = json!({
        "name": form.text("name"),
        "description": form.given("description"),
        "teamId": form.given("team_id"),
        "escalationPolicyId": form.given("policy_id"),
    });
    let created = match from_value(new) {
        Ok(new) => actions::create(&state, &viewer.caller, new).await,
        Err(error) => Err(error),
    };
    match created {
        Ok(service) => Ok(Redirect::to(&format!("/services/{}/integrations", service.id.0)).into_response()),
        Err(error) => {
            let wrong = Wrong::of_error(error, &NAMES)?;
            viewer.refused_page(&new_page(&viewer, &form, &wrong))
        }
    }
}

/// A service with its health: what stands above each of its pages.
pub(super) async fn head(state: &AppState, id: ServiceId) -> Result<(Stored, ServiceHead), ApiError> {
    let unit = async move |tx: &mut Tx<'_>| {
        let row = services::get(tx, id).await?;
        let row = row.ok_or_else(|| ApiError::not_found("service"))?;
        let counts = incidents::counts(tx, Some(id)).await?;
        Ok::<_, ApiError>((row, counts))
    };
    let (row, counts) = state.store.db.read(unit).await?;
    let counts = counts.into_iter().next().map(|(_, counts)| counts);
    let head = ServiceHead {
        id: id.to_string(),
        name: row.name.clone(),
        description: row.description.clone().unwrap_or_default(),
        health: health(counts.unwrap_or_default()),
    };
    Ok((row, head))
}

/// `GET /services/{id}`
pub(super) async fn show(
    State(state): State<AppState>,
    viewer: Viewer,
    Path(Id(id)): Path<ids::Service>,
) -> Result<Response, PageError> {
    let (row, head) = head(&state, id).await?;
    let unit = async move |tx: &mut Tx<'_>| {
        let live = Filter {
            services: vec![id],
            statuses: vec![Status::Open, Status::Acknowledged, Status::Snoozed, Status::Suppressed],
            limit: INCIDENTS_MAX,
            ..Filter::default()
        };
        let (mut rows, _) = incidents::list(tx, &live).await?;
        let left = INCIDENTS_MAX - i64::try_from(rows.len()).unwrap_or(INCIDENTS_MAX);
        if left > 0 {
            let over = Filter {
                statuses: vec![Status::Resolved],
                limit: left,
                ..live
            };
            rows.extend(incidents::list(tx, &over).await?.0);
        }
        let changes = changes::of_service(tx, id, jiff::Timestamp::MAX, CHANGES_MAX).await?;
        Ok::<_, ApiError>((rows, changes, integrations::last_events(tx, id).await?))
    };
    let (rows, changes, last) = state.store.db.read(unit).await?;
    let mut doors: Vec<_> = viewer
        .picture
        .integrations
        .values()
        .filter(|door| door.service == id)
        .collect();
    doors.sort_by_key(|door| door.name.to_lowercase());
    let doors = doors.into_iter().map(|door| {
        let link = Link::new(format!("/services/{id}/integrations#{}", door.id), &door.name);
        (link, last.get(&door.id).map(|at| viewer.times(*at)))
    });
    let links = [
        ("Runbook", &row.runbook_url),
        ("Repository", &row.repository_url),
        ("Dashboard", &row.dashboard_url),
    ];
    let links = links
        .into_iter()
        .filter_map(|(name, url)| Some(Link::new(url.as_ref()?, name)));
    let minutes = |minutes: Option<u32>| minutes.map(|minutes| format!("{minutes} min"));
    let facts = [
        ("Region", row.region.clone()),
        ("SLA tier", row.sla_tier.clone()),
        ("Acknowledge within", minutes(row.target_ack_minutes)),
        ("Resolve within", minutes(row.target_resolve_minutes)),
    ];
    let (links, facts) = (
        links.collect(),
        facts
            .into_iter()
            .filter_map(|(name, value)| Some((name.to_owned(), value?)))
            .collect(),
    );
    let service = row.into_domain();
    let page = ServicePage {
        shell: viewer.shell(&service.name, Section::Services),
        head,
        incidents: rows.into_iter().map(|row| incident_row(&viewer, row)).collect(),
        team: team(viewer.directory(), &service),
        policy: policy(viewer.directory(), &service),
        changes: changes.into_iter().map(|change| change_row(&viewer, change)).collect(),
        integrations: doors.collect(),
        links,
        facts,
    };
    viewer.page(&page)
}
