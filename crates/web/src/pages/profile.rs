//! `/profile`: the viewer's own account.

use axum::{extract::State, response::Response};
use http::HeaderMap;
use opsknight_store::{db::Tx, secret::token_hash, sessions, users};
use serde_json::json;

use super::{
    PageError,
    form::{Form, Wrong},
    reach::{self, Outcome, Typed, Whose},
    users::device_name,
    viewer::{Viewer, done, refused},
    zones,
};
use crate::{
    actions::accounts,
    api::{
        error::ApiError,
        extract::{Path, from_value},
        users as actions,
        wire::{Id, ids},
    },
    auth,
    state::AppState,
    views::{Profile, Section, SessionRow},
};

/// The account as a form would have it.
fn known(viewer: &Viewer) -> Form {
    Form::of([
        ("name".to_owned(), viewer.person.name.clone()),
        ("time_zone".to_owned(), viewer.person.time_zone.clone()),
    ])
}

/// `GET /profile`
pub(super) async fn show(
    State(state): State<AppState>,
    viewer: Viewer,
    headers: HeaderMap,
) -> Result<Response, PageError> {
    let form = known(&viewer);
    let page = page(&state, &viewer, &headers, (&form, &Wrong::default()), &Typed::default()).await?;
    viewer.page(&page)
}

/// The page with what was typed about the account, and about how its owner is reached.
async fn page(
    state: &AppState,
    viewer: &Viewer,
    headers: &HeaderMap,
    (form, wrong): (&Form, &Wrong),
    typed: &Typed,
) -> Result<Profile, PageError> {
    let (id, now) = (viewer.person.id, viewer.now);
    let unit = async move |tx: &mut Tx<'_>| {
        let row = users::get(tx, id).await?.ok_or_else(|| ApiError::not_found("user"))?;
        Ok::<_, ApiError>((row, sessions::of_user(tx, id, now).await?))
    };
    let (row, sessions) = state.store.db.read(unit).await?;
    let this = auth::session_token(headers, state).map(|token| token_hash(&token));
    let mut rows: Vec<SessionRow> = sessions
        .iter()
        .map(|session| SessionRow {
            id: accounts::session_name(&session.token_hash).to_owned(),
            device: device_name(session),
            address: session.ip.clone().unwrap_or_else(|| "unknown address".to_owned()),
            since: viewer.times(session.created_at),
            seen: viewer.times(session.seen_at),
            current: this.as_ref() == Some(&session.token_hash),
        })
        .collect();
    rows.sort_by_key(|row| !row.current);
    Ok(Profile {
        shell: viewer.shell("Profile", Section::Elsewhere),
        name: form.field("name", wrong),
        time_zone: form.select("time_zone", wrong, zones::choices()),
        current_password: form.secret_field("current_password", wrong),
        new_password: form.secret_field("new_password", wrong),
        reach: reach::reach(state, viewer, &row, Whose::own(viewer), typed).await?,
        sessions: rows,
    })
}

/// `POST /profile`
pub(super) async fn change(
    State(state): State<AppState>,
    viewer: Viewer,
    headers: HeaderMap,
    form: Form,
) -> Result<Response, PageError> {
    let wish = from_value(json!({ "name": form.text("name"), "timeZone": form.text("time_zone") }))?;
    match actions::update(&state, &viewer.caller, viewer.person.id, wish).await {
        Ok(_) => Ok(done("/profile", "Saved.")),
        Err(error) => {
            let wrong = Wrong::of_error(error, &[("timeZone", "time_zone")])?;
            let page = page(&state, &viewer, &headers, (&form, &wrong), &Typed::default()).await?;
            viewer.refused_page(&page)
        }
    }
}

/// `POST /profile/password`
pub(super) async fn change_password(
    State(state): State<AppState>,
    viewer: Viewer,
    headers: HeaderMap,
    form: Form,
) -> Result<Response, PageError> {
    let kept = auth::session_token(&headers, &state);
    let (present, new) = (form.raw("current_password"), form.raw("new_password"));
    match accounts::change_password(&state, viewer.person.id, present, new, kept.as_deref()).await {
        Ok(()) => Ok(done(
            "/profile",
            "The password was changed. Other devices are signed out.",
        )),
        Err(error) => {
            let names = [("currentPassword", "current_password"), ("newPassword", "new_password")];
            let wrong = Wrong::of_error(error, &names)?;
            let form = known(&viewer);
            let page = page(&state, &viewer, &headers, (&form, &wrong), &Typed::default()).await?;
            viewer.refused_page(&page)
        }
    }
}

/// `POST /profile/sessions/{id}/delete`
pub(super) async fn end_session(
    State(state): State<AppState>,
    viewer: Viewer,
    Path(name): Path<String>,
) -> Result<Response, PageError> {
    match accounts::end_session(&state, viewer.person.id, &name).await {
        Ok(()) => Ok(done("/profile", "Signed out there.")),
        Err(error) => refused("/profile", error),
    }
}

/// The answer to a form about how the viewer is reached.
async fn answer(
    state: &AppState,
    viewer: &Viewer,
    headers: &HeaderMap,
    outcome: Outcome,
) -> Result<Response, PageError> {
    let (typed, is_refused) = match outcome {
        Outcome::Answered(response) => return Ok(response),
        Outcome::Refused(typed) => (typed, true),
        Outcome::Rearranged(typed) => (typed, false),
    };
    let page = page(state, viewer, headers, (&known(viewer), &Wrong::default()), &typed).await?;
    match is_refused {
        true => viewer.refused_page(&page),
        false => viewer.page(&page),
    }
}

/// `POST /profile/contact-methods`
pub(super) async fn add_method(
    State(state): State<AppState>,
    viewer: Viewer,
    headers: HeaderMap,
    form: Form,
) -> Result<Response, PageError> {
    let outcome = reach::add(&state, &viewer, Whose::own(&viewer), form).await?;
    answer(&state, &viewer, &headers, outcome).await
}

/// `POST /profile/contact-methods/{methodId}`
pub(super) async fn change_method(
    State(state): State<AppState>,
    viewer: Viewer,
    headers: HeaderMap,
    Path(Id(id)): Path<ids::ContactMethod>,
    form: Form,
) -> Result<Response, PageError> {
    let outcome = reach::change(&state, &viewer, Whose::own(&viewer), id, form).await?;
    answer(&state, &viewer, &headers, outcome).await
}

/// `POST /profile/notification-rules`
pub(super) async fn save_rules(
    State(state): State<AppState>,
    viewer: Viewer,
    headers: HeaderMap,
    form: Form,
) -> Result<Response, PageError> {
    let outcome = reach::save_rules(&state, &viewer, Whose::own(&viewer), form).await?;
    answer(&state, &viewer, &headers, outcome).await
}

/// `POST /profile/mail`
pub(super) async fn save_mail(
    State(state): State<AppState>,
    viewer: Viewer,
    form: Form,
) -> Result<Response, PageError> {
    reach::save_mail(&state, &viewer, Whose::own(&viewer), form).await
}
