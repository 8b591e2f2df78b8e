//! `/settings/…`: notification channels and API keys. Outbound webhooks are beside it.

pub(super) mod channel;
mod fields;
mod pastes;
pub(super) mod rooms;
pub(super) mod sign_in;
pub(super) mod slack;
mod words;

use axum::{
    extract::State,
    response::{Redirect, Response},
};
use opsknight_store::{api_keys, db::Tx, listing::Part};
use serde_json::{Value, json};

use super::{
    PageError,
    form::{Form, Wrong},
    viewer::{Viewer, done, refused},
};
use crate::{
    api::{
        api_keys as keys,
        error::ApiError,
        extract::{Path, from_value},
        scope::Scope,
        wire::{Id, ids},
    },
    state::AppState,
    views::{ApiKeyRow, ApiKeys, Checks, Choice, Section},
};

/// `GET /settings`: the first of its pages.
pub(super) async fn first() -> Redirect {
    Redirect::to("/settings/notifications")
}

/// `GET /settings/api-keys`
pub(super) async fn api_keys(State(state): State<AppState>, viewer: Viewer) -> Result<Response, PageError> {
    let page = keys_page(&state, &viewer, None, &Form::default(), &Wrong::default()).await?;
    viewer.page(&page)
}

async fn keys_page(
    state: &AppState,
    viewer: &Viewer,
    made: Option<String>,
    form: &Form,
    wrong: &Wrong,
) -> Result<ApiKeys, ApiError> {
    let unit = async move |tx: &mut Tx<'_>| api_keys::list(tx, Part::ALL).await;
    let (mut rows, _) = state.store.db.read(unit).await?;
    rows.sort_by_key(|row| std::cmp::Reverse((row.created_at, row.id)));
    let row = |row: api_keys::ApiKeyRow| {
        let maker = row.created_by.as_deref().and_then(|id| id.parse().ok());
        ApiKeyRow {
            id: row.id.to_string(),
            name: row.name,
            prefix: format!("{}…{}", api_keys::KEY_PREFIX, row.hint),
            scopes: row.scopes,
            by: maker
                .map_or("a program", |id| viewer.directory().user_name(id))
                .to_owned(),
            created: viewer.times(row.created_at),
            used: row.last_used_at.map(|at| viewer.times(at)),
            expires: row.expires_at.map(|at| viewer.times(at)),
        }
    };
    let chosen = form.all("scopes");
    let scopes = Scope::ALL.map(|scope| Choice::new(scope.word(), scope.word()).chosen(chosen.contains(&scope.word())));
    Ok(ApiKeys {
        shell: viewer.shell("API keys", Section::Settings),
        rows: rows.into_iter().map(row).collect(),
        made,
        name: form.field("name", wrong),
        scopes: Checks::new(form.field("scopes", wrong).with(""), scopes),
        expires: form.field("expires", wrong),
    })
}

/// What is typed, as the body of the API. A key that ends on a date works on that day.
fn as_body(form: &Form, viewer: &Viewer) -> Result<Value, ApiError> {
    let expires = match form.given("expires") {
        None => Value::Null,
        Some(date) => {
            let date: Option<jiff::civil::Date> = date.parse().ok();
            let after = date.and_then(|date| date.tomorrow().ok()?.to_zoned_datetime(viewer.zone.clone()).ok());
            let after = after.ok_or_else(|| ApiError::invalid("expires", "must be a date, such as 2026-12-31"))?;
            after.timestamp().to_string().into()
        }
    };
    Ok(json!({ "name": form.text("name"), "scopes": form.all("scopes"), "expiresAt": expires }))
}

/// `POST /settings/api-keys`
pub(super) async fn create_key(
    State(state): State<AppState>,
    viewer: Viewer,
    form: Form,
) -> Result<Response, PageError> {
    let made = match as_body(&form, &viewer).and_then(from_value) {
        Ok(new) => keys::create(&state, &viewer.caller, new).await,
        Err(error) => Err(error),
    };
    match made {
        Ok(made) => {
            // Shown in the answer itself, and nowhere else ever again.
            let page = keys_page(&state, &viewer, Some(made.key), &Form::default(), &Wrong::default()).await?;
            viewer.page(&page)
        }
        Err(error) => {
            let wrong = Wrong::of_error(error, &[("expiresAt", "expires")])?;
            let page = keys_page(&state, &viewer, None, &form, &wrong).await?;
            viewer.refused_page(&page)
        }
    }
}

/// `POST /settings/api-keys/{id}/delete`
pub(super) async fn delete_key(
    State(state): State<AppState>,
    viewer: Viewer,
    Path(Id(id)): Path<ids::ApiKey>,
) -> Result<Response, PageError> {
    match keys::delete(&state, &viewer.caller, id).await {
        Ok(()) => Ok(done("/settings/api-keys", "The API key was revoked.")),
        Err(error) => refused("/settings/api-keys", error),
    }
}
