//! `/settings/…`: the mail provider and API keys. Outbound webhooks are beside it.

use axum::{
    extract::State,
    response::{Redirect, Response},
};
use opsknight_domain::directory::Channel;
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
        settings::{self as channels, Origin, SettingsBody, providers::ways},
        wire::{Id, ids},
    },
    state::AppState,
    views::{ApiKeyRow, ApiKeys, Badge, Checks, Choice, EmailSettings, Section, Tone},
};

/// `GET /settings`: the first of its pages.
pub(super) async fn first() -> Redirect {
    Redirect::to("/settings/email")
}

/// `GET /settings/email`
pub(super) async fn email(State(state): State<AppState>, viewer: Viewer) -> Result<Response, PageError> {
    let form = Form::of([("to".to_owned(), viewer.person.email.clone())]);
    let page = email_page(&state, &viewer, &form, &Wrong::default(), None).await?;
    viewer.page(&page)
}

async fn email_page(
    state: &AppState,
    viewer: &Viewer,
    form: &Form,
    wrong: &Wrong,
    answer: Option<(bool, String)>,
) -> Result<EmailSettings, ApiError> {
    let body = channels::read(state, Channel::Email).await?;
    let badge = match body.configured {
        true => Badge::new(Tone::Good, "Set up"),
        false => Badge::new(Tone::Bad, "Not set up"),
    };
    Ok(EmailSettings {
        shell: viewer.shell("Email", Section::Settings),
        state: badge,
        facts: facts(&body),
        fault: None,
        to: form.field("to", wrong),
        answer,
    })
}

/// The settings in force without secrets; nothing where there are none.
fn facts(body: &SettingsBody) -> Vec<(String, String)> {
    let from = match body.source {
        None => return Vec::new(),
        Some(Origin::Settings) => "These settings",
        Some(Origin::Environment) => "The environment of the server",
        Some(Origin::BuiltIn) => "The program",
    };
    let known = [
        ("Provider", body.provider.map(|word| provider_name(word).to_owned())),
        ("Set by", Some(from.to_owned())),
        ("Host", body.text("host")),
        ("Port", body.text("port")),
        ("User", body.text("user")),
        ("From", body.text("from")),
    ];
    let known = known
        .into_iter()
        .filter_map(|(name, value)| Some((name.to_owned(), value?)));
    known.collect()
}

/// What people call a provider of mail.
fn provider_name(word: &'static str) -> &'static str {
    ways(Channel::Email)
        .provider(word)
        .map_or(word, |provider| provider.name)
}

/// `POST /settings/email/test`
pub(super) async fn test_email(
    State(state): State<AppState>,
    viewer: Viewer,
    form: Form,
) -> Result<Response, PageError> {
    let trial = from_value(json!({ "to": form.text("to") }))?;
    match channels::try_out(&state, &viewer.caller, Channel::Email, trial).await {
        Ok(trial) => {
            let answer = Some((trial.ok, trial.message));
            let page = email_page(&state, &viewer, &form, &Wrong::default(), answer).await?;
            viewer.page(&page)
        }
        Err(error) => {
            let wrong = Wrong::of_error(error, &[])?;
            let page = email_page(&state, &viewer, &form, &wrong, None).await?;
            viewer.refused_page(&page)
        }
    }
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
