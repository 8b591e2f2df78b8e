//! `/profile`: the viewer's own account.

use axum::{extract::State, response::Response};
use opsknight_store::{db::Tx, users};
use serde_json::json;

use super::{
    PageError,
    form::{Form, Wrong},
    reach::{self, Outcome, Typed, Whose},
    viewer::{Viewer, done},
    zones,
};
use crate::{
    api::{
        error::ApiError,
        extract::{Path, from_value},
        users as actions,
        wire::{Id, ids},
    },
    state::AppState,
    views::{Profile, Section},
};

/// The account as a form would have it.
fn known(viewer: &Viewer) -> Form {
    Form::of([
        ("name".to_owned(), viewer.person.name.clone()),
        ("time_zone".to_owned(), viewer.person.time_zone.clone()),
    ])
}

/// `GET /profile`
pub(super) async fn show(State(state): State<AppState>, viewer: Viewer) -> Result<Response, PageError> {
    let form = known(&viewer);
    let page = page(&state, &viewer, (&form, &Wrong::default()), &Typed::default()).await?;
    viewer.page(&page)
}

/// The page with what was typed about the account, and about how its owner is reached.
async fn page(
    state: &AppState,
    viewer: &Viewer,
    (form, wrong): (&Form, &Wrong),
    typed: &Typed,
) -> Result<Profile, PageError> {
    let id = viewer.person.id;
    let unit = async move |tx: &mut Tx<'_>| users::get(tx, id).await;
    let row = state
        .store
        .db
        .read(unit)
        .await?
        .ok_or_else(|| ApiError::not_found("user"))?;
    Ok(Profile {
        shell: viewer.shell("Profile", Section::Elsewhere),
        name: form.field("name", wrong),
        time_zone: form.select("time_zone", wrong, zones::choices()),
        reach: reach::reach(state, viewer, &row, Whose::own(viewer), typed).await?,
    })
}

/// `POST /profile`
pub(super) async fn change(State(state): State<AppState>, viewer: Viewer, form: Form) -> Result<Response, PageError> {
    let wish = from_value(json!({ "name": form.text("name"), "timeZone": form.text("time_zone") }))?;
    match actions::update(&state, &viewer.caller, viewer.person.id, wish).await {
        Ok(_) => Ok(done("/profile", "Saved.")),
        Err(error) => {
            let wrong = Wrong::of_error(error, &[("timeZone", "time_zone")])?;
            let page = page(&state, &viewer, (&form, &wrong), &Typed::default()).await?;
            viewer.refused_page(&page)
        }
    }
}

/// The answer to a form about how the viewer is reached.
async fn answer(state: &AppState, viewer: &Viewer, outcome: Outcome) -> Result<Response, PageError> {
    let (typed, is_refused) = match outcome {
        Outcome::Answered(response) => return Ok(response),
        Outcome::Refused(typed) => (typed, true),
        Outcome::Rearranged(typed) => (typed, false),
    };
    let page = page(state, viewer, (&known(viewer), &Wrong::default()), &typed).await?;
    match is_refused {
        true => viewer.refused_page(&page),
        false => viewer.page(&page),
    }
}

/// `POST /profile/contact-methods`
pub(super) async fn add_method(
    State(state): State<AppState>,
    viewer: Viewer,
    form: Form,
) -> Result<Response, PageError> {
    let outcome = reach::add(&state, &viewer, Whose::own(&viewer), form).await?;
    answer(&state, &viewer, outcome).await
}

/// `POST /profile/contact-methods/{methodId}`
pub(super) async fn change_method(
    State(state): State<AppState>,
    viewer: Viewer,
    Path(Id(id)): Path<ids::ContactMethod>,
    form: Form,
) -> Result<Response, PageError> {
    let outcome = reach::change(&state, &viewer, Whose::own(&viewer), id, form).await?;
    answer(&state, &viewer, outcome).await
}

/// `POST /profile/notification-rules`
pub(super) async fn save_rules(
    State(state): State<AppState>,
    viewer: Viewer,
    form: Form,
) -> Result<Response, PageError> {
    let outcome = reach::save_rules(&state, &viewer, Whose::own(&viewer), form).await?;
    answer(&state, &viewer, outcome).await
}

/// `POST /profile/mail`
pub(super) async fn save_mail(
    State(state): State<AppState>,
    viewer: Viewer,
    form: Form,
) -> Result<Response, PageError> {
    reach::save_mail(&state, &viewer, Whose::own(&viewer), form).await
}
