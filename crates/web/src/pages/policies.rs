//! `/policies`: who is paged, in which order.

use axum::{
    extract::State,
    response::{IntoResponse as _, Redirect, Response},
};
use http::Uri;
use opsknight_domain::{
    directory::{Directory, Policy, Step, Target},
    id::PolicyId,
};
use opsknight_store::{db::Tx, policies};
use serde_json::{Value, json};

use super::{
    PageError, choices,
    foresight::{first_called, plan, warnings},
    form::{Form, Wrong, copied},
    meanwhile::Editing,
    viewer::{Viewer, done, refused},
};
use crate::{
    api::{
        error::ApiError,
        extract::{Path, from_value},
        policies as actions,
        wire::{Id, ids},
    },
    state::AppState,
    views::{
        Checks, Choice, Field, Link, PolicyForm, PolicyList, PolicyPage, PolicyRow, Section, Select, StepForm, StepView,
    },
};

mod editor;

/// `GET /policies`
pub(super) async fn list(State(state): State<AppState>, viewer: Viewer) -> Result<Response, PageError> {
    let part = opsknight_store::listing::Part::ALL;
    let unit = async move |tx: &mut Tx<'_>| policies::list(tx, part).await;
    let (rows, _) = state.store.db.read(unit).await?;
    let directory = viewer.directory();
    let row = |row: policies::PolicyRow| PolicyRow {
        link: Link::new(format!("/policies/{}", row.id), &row.name),
        description: row.description.clone().unwrap_or_default(),
        steps: row.steps.len(),
        services: u64::try_from(services(directory, row.id).len()).unwrap_or_default(),
        first: first_called(&as_policy(&row), directory, viewer.now),
    };
    let page = PolicyList {
        shell: viewer.shell("Escalation policies", Section::Policies),
        rows: rows.into_iter().map(row).collect(),
    };
    viewer.page(&page)
}

fn as_policy(row: &policies::PolicyRow) -> Policy {
    Policy {
        id: row.id,
        name: row.name.clone(),
        repeat: row.repeat,
        steps: row.steps.clone(),
    }
}

fn services(directory: &Directory, policy: PolicyId) -> Vec<Link> {
    let mut links: Vec<Link> = directory
        .services
        .values()
        .filter(|service| service.policy == Some(policy))
        .map(|service| Link::new(format!("/services/{}", service.id), &service.name))
        .collect();
    links.sort_by_key(|link| link.text.to_lowercase());
    links
}

async fn found(state: &AppState, id: PolicyId) -> Result<policies::PolicyRow, ApiError> {
    let unit = async move |tx: &mut Tx<'_>| policies::get(tx, id).await;
    let row = state.store.db.read(unit).await?;
    row.ok_or_else(|| ApiError::not_found("escalation policy"))
}

/// `GET /policies/{id}`
pub(super) async fn show(
    State(state): State<AppState>,
    viewer: Viewer,
    Path(Id(id)): Path<ids::Policy>,
) -> Result<Response, PageError> {
    let row = found(&state, id).await?;
    let unit = async move |tx: &mut Tx<'_>| policies::last_used(tx, id).await;
    let last = state.store.db.read(unit).await?;
    let directory = viewer.directory();
    let policy = as_policy(&row);
    let plan = plan(&policy, directory, viewer.now);
    let page = PolicyPage {
        shell: viewer.shell(&row.name, Section::Policies),
        id: id.to_string(),
        name: row.name.clone(),
        description: row.description.clone().unwrap_or_default(),
        steps: row.steps.iter().map(|step| step_view(directory, step)).collect(),
        repeat: row.repeat,
        warnings: warnings(&policy, &plan),
        plan,
        last_used: last.map(|last| {
            let text = format!("#{} {}", last.number, last.title);
            let link = Link::new(format!("/incidents/{}", last.incident), text);
            (link, viewer.times(last.created_at))
        }),
        services: services(directory, id),
    };
    viewer.page(&page)
}

fn step_view(directory: &Directory, step: &Step) -> StepView {
    let removed = "(removed)";
    let target = |target: &Target| match target {
        Target::User(id) => Link::new(format!("/users/{id}"), directory.user_name(*id)),
        Target::Team { id, lead_only } => {
            let name = directory.teams.get(id).map_or(removed, |team| &team.name);
            let whole = if *lead_only { "the leads of " } else { "team " };
            Link::new(format!("/teams/{id}"), format!("{whole}{name}"))
        }
        Target::Schedule(id) => {
            let name = directory.schedules.get(id).map_or(removed, |schedule| &schedule.name);
            Link::new(format!("/schedules/{id}"), format!("whoever is on call on {name}"))
        }
    };
    StepView {
        targets: step.targets.iter().map(target).collect(),
        channels: step.channels.iter().map(|channel| channel.name().to_owned()).collect(),
        delay_minutes: step.delay_minutes,
    }
}

/// `GET /policies/new`, with `?copy=pol_…` filled in as that one.
pub(super) async fn new(State(state): State<AppState>, viewer: Viewer, uri: Uri) -> Result<Response, PageError> {
    let form = match copied::<PolicyId>(&uri) {
        Some(id) => editor::copy_of(&found(&state, id).await?),
        None => editor::empty(),
    };
    viewer.page(&editor::page(&viewer, None, &form, &Wrong::default()))
}

/// `GET /policies/{id}/edit`
pub(super) async fn edit(
    State(state): State<AppState>,
    viewer: Viewer,
    Path(Id(id)): Path<ids::Policy>,
) -> Result<Response, PageError> {
    let row = found(&state, id).await?;
    let (form, viewer) = (editor::of_policy(&row), viewer.editing(row.updated_at));
    viewer.page(&editor::page(&viewer, Some(id), &form, &Wrong::default()))
}

/// `POST /policies`
pub(super) async fn create(State(state): State<AppState>, viewer: Viewer, form: Form) -> Result<Response, PageError> {
    let form = editor::numbered(&form);
    if let Some(form) = editor::unsaved(&form) {
        return viewer.page(&editor::page(&viewer, None, &form, &Wrong::default()));
    }
    let created = match editor::as_body(&form) {
        Ok(body) => match from_value(body) {
            Ok(new) => actions::create(&state, &viewer.caller, new).await,
            Err(error) => Err(error),
        },
        Err(error) => Err(error),
    };
    match created {
        Ok(policy) => Ok(Redirect::to(&format!("/policies/{}", policy.id.0)).into_response()),
        Err(error) => {
            let wrong = editor::wrong(error)?;
            viewer.refused_page(&editor::page(&viewer, None, &form, &wrong))
        }
    }
}

/// `POST /policies/{id}`
pub(super) async fn change(
    State(state): State<AppState>,
    viewer: Viewer,
    Path(Id(id)): Path<ids::Policy>,
    form: Form,
) -> Result<Response, PageError> {
    let row = found(&state, id).await?;
    let form = editor::numbered(&form);
    if let Some(form) = editor::unsaved(&form) {
        let viewer = viewer.still_editing(&form);
        return viewer.page(&editor::page(&viewer, Some(id), &form, &Wrong::default()));
    }
    let changed = match editor::as_body(&form) {
        Ok(body) => match from_value(body) {
            Ok(wish) => actions::update(&state, &viewer.saving(&form), id, wish).await,
            Err(error) => Err(error),
        },
        Err(error) => Err(error),
    };
    match changed {
        Ok(_) => Ok(done(&format!("/policies/{id}"), "The policy was saved.")),
        Err(error) => {
            let editing = Editing {
                object: &id,
                typed: form,
                current: editor::of_policy(&row),
                updated_at: row.updated_at,
                names: &[],
                as_body: &|form| editor::as_body(form).ok(),
            };
            let (viewer, form, wrong) = viewer.again(&state, error, editing, editor::wrong).await?;
            viewer.refused_page(&editor::page(&viewer, Some(id), &form, &wrong))
        }
    }
}

/// `POST /policies/{id}/delete`
pub(super) async fn delete(
    State(state): State<AppState>,
    viewer: Viewer,
    Path(Id(id)): Path<ids::Policy>,
) -> Result<Response, PageError> {
    match actions::delete(&state, &viewer.caller, id).await {
        Ok(()) => Ok(done("/policies", "The policy was deleted.")),
        Err(error) => refused(&format!("/policies/{id}"), error),
    }
}
