//! `/schedules`: who is on call at which hour.

mod editor;
mod list;
mod look;
mod overrides;
mod picture;
mod review;
mod show;

pub(super) use list::list;
pub(super) use overrides::{add_override, change_override, delete_override, take_over};
pub(super) use show::show;

use axum::{
    extract::State,
    response::{IntoResponse as _, Redirect, Response},
};
use http::Uri;
use jiff::tz::TimeZone;
use opsknight_domain::{id::ScheduleId, oncall::Schedule};
use opsknight_store::{db::Tx, schedules};

use super::{
    PageError,
    form::{Form, Wrong, copied},
    meanwhile::Editing,
    viewer::{Viewer, done, refused},
};
use crate::{
    api::{
        error::ApiError,
        extract::{Path, from_value},
        schedules as actions,
        wire::{Id, ids},
    },
    state::AppState,
};

/// A schedule's zone as people read it.
fn zone_name(schedule: &Schedule) -> String {
    zone_words(&schedule.zone)
}

fn zone_words(zone: &TimeZone) -> String {
    zone.iana_name().unwrap_or("UTC").replace('_', " ")
}

async fn found(state: &AppState, id: ScheduleId) -> Result<schedules::ScheduleRow, ApiError> {
    let unit = async move |tx: &mut Tx<'_>| schedules::get(tx, id).await;
    let row = state.store.db.read(unit).await?;
    row.ok_or_else(|| ApiError::not_found("schedule"))
}

/// `GET /schedules/new`, with `?copy=sch_…` filled in as that one.
pub(super) async fn new(State(state): State<AppState>, viewer: Viewer, uri: Uri) -> Result<Response, PageError> {
    let form = match copied::<ScheduleId>(&uri) {
        Some(id) => editor::copy_of(&found(&state, id).await?),
        None => editor::empty(&viewer),
    };
    viewer.page(&editor::page(&viewer, None, &form, &Wrong::default()))
}

/// `GET /schedules/{id}/edit`
pub(super) async fn edit(
    State(state): State<AppState>,
    viewer: Viewer,
    Path(Id(id)): Path<ids::Schedule>,
) -> Result<Response, PageError> {
    let row = found(&state, id).await?;
    let (form, viewer) = (editor::of_schedule(&row), viewer.editing(row.updated_at));
    viewer.page(&editor::page(&viewer, Some(id), &form, &Wrong::default()))
}

/// `POST /schedules`
pub(super) async fn create(State(state): State<AppState>, viewer: Viewer, form: Form) -> Result<Response, PageError> {
    let form = editor::numbered(&form);
    if let Some(form) = editor::unsaved(&form, &viewer) {
        return viewer.page(&editor::page(&viewer, None, &form, &Wrong::default()));
    }
    let created = match editor::as_body(&form, None).and_then(from_value) {
        Ok(new) => actions::create(&state, &viewer.caller, new).await,
        Err(error) => Err(error),
    };
    match created {
        Ok(schedule) => Ok(Redirect::to(&format!("/schedules/{}", schedule.id.0)).into_response()),
        Err(error) => {
            let wrong = editor::wrong(error)?;
            viewer.refused_page(&editor::page(&viewer, None, &form, &wrong))
        }
    }
}

/// `POST /schedules/{id}`
pub(super) async fn change(
    State(state): State<AppState>,
    viewer: Viewer,
    Path(Id(id)): Path<ids::Schedule>,
    form: Form,
) -> Result<Response, PageError> {
    let known = found(&state, id).await?;
    let form = editor::numbered(&form);
    if let Some(form) = editor::unsaved(&form, &viewer) {
        let viewer = viewer.still_editing(&form);
        return viewer.page(&editor::page(&viewer, Some(id), &form, &Wrong::default()));
    }
    let changed = match editor::as_body(&form, Some(&known)).and_then(from_value) {
        Ok(wish) => actions::update(&state, &viewer.saving(&form), id, wish).await,
        Err(error) => Err(error),
    };
    match changed {
        Ok(_) => Ok(done(&format!("/schedules/{id}"), "The schedule was saved.")),
        Err(error) => {
            let editing = Editing {
                object: &id,
                typed: form,
                current: editor::of_schedule(&known),
                updated_at: known.updated_at,
                names: &[("timeZone", "time_zone")],
                as_body: &|form| editor::as_body(form, Some(&known)).ok(),
            };
            let (viewer, form, wrong) = viewer.again(&state, error, editing, editor::wrong).await?;
            viewer.refused_page(&editor::page(&viewer, Some(id), &form, &wrong))
        }
    }
}

/// `POST /schedules/{id}/delete`
pub(super) async fn delete(
    State(state): State<AppState>,
    viewer: Viewer,
    Path(Id(id)): Path<ids::Schedule>,
) -> Result<Response, PageError> {
    match actions::delete(&state, &viewer.caller, id).await {
        Ok(()) => Ok(done("/schedules", "The schedule was deleted.")),
        Err(error) => refused(&format!("/schedules/{id}"), error),
    }
}
