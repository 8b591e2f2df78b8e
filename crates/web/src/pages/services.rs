//! `/services`: what alerts are about.

mod activity;
mod list;
mod maintenance;
mod overview;
mod settings;

pub(super) use activity::show as activity;
pub(super) use list::list;
pub(super) use maintenance::{
    change as change_maintenance, create as create_maintenance, end as end_maintenance, show as maintenance,
};
pub(super) use overview::{connection, line, show};
pub(super) use settings::{delete, save_settings, settings};

use axum::{
    extract::State,
    response::{IntoResponse as _, Redirect, Response},
};
use opsknight_domain::{
    directory::{Directory, Service},
    id::ServiceId,
};
use opsknight_store::{
    db::Tx,
    incidents::{self, Counts},
    services::{self, ServiceRow as Stored},
};
use serde_json::json;

use super::{
    PageError, choices,
    form::{Form, Wrong},
    viewer::Viewer,
};
use crate::{
    api::{
        error::ApiError,
        extract::from_value,
        services::{self as actions, ServiceStatus},
    },
    state::AppState,
    views::{Health, Link, Section, ServiceHead, ServiceNew},
};

/// The names of fields as the API knows them, and as forms here do.
const NAMES: [(&str, &str); 2] = [("teamId", "team_id"), ("escalationPolicyId", "policy_id")];

/// Whether a service works, from its incidents that are not resolved.
pub(super) fn health(counts: Counts) -> Health {
    match ServiceStatus::of(counts) {
        ServiceStatus::Critical => Health::Critical,
        ServiceStatus::Degraded => Health::Degraded,
        ServiceStatus::Operational => Health::Operational,
    }
}

/// The same where maintenance is known of: then nobody expects it to work.
fn health_of(viewer: &Viewer, id: ServiceId, counts: Counts) -> Health {
    match viewer.directory().maintenance_until(id, viewer.now) {
        Some(_) => Health::Maintenance,
        None => health(counts),
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
pub(super) async fn head(state: &AppState, viewer: &Viewer, id: ServiceId) -> Result<(Stored, ServiceHead), ApiError> {
    let (row, head, _) = head_and_counts(state, viewer, id).await?;
    Ok((row, head))
}

async fn head_and_counts(
    state: &AppState,
    viewer: &Viewer,
    id: ServiceId,
) -> Result<(Stored, ServiceHead, Counts), ApiError> {
    let unit = async move |tx: &mut Tx<'_>| {
        let row = services::get(tx, id).await?;
        let row = row.ok_or_else(|| ApiError::not_found("service"))?;
        let counts = incidents::counts(tx, &[id]).await?;
        Ok::<_, ApiError>((row, counts))
    };
    let (row, counts) = state.store.db.read(unit).await?;
    let counts = counts.get(&id).copied().unwrap_or_default();
    let until = viewer.directory().maintenance_until(id, viewer.now);
    let head = ServiceHead {
        id: id.to_string(),
        name: row.name.clone(),
        description: row.description.clone().unwrap_or_default(),
        health: health_of(viewer, id, counts),
        maintenance_until: until.map(|until| viewer.times(until)),
    };
    Ok((row, head, counts))
}
