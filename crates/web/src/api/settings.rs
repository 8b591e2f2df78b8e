//! `/api/settings/notifications/{channel}`: the providers by which people are reached.
//!
//! What is saved here wins over the environment. Credentials are written and never read back. Which settings there are
//! stands in one table, [`providers`]; what Slack has besides, its workspaces, is in [`workspaces`].

use axum::extract::State;
use http::StatusCode;
use jiff::Timestamp;
use opsknight_domain::directory::Channel;
use opsknight_store::{db::Tx, settings};
use serde_json::{Map, Value};
use utoipa_axum::{router::OpenApiRouter, routes};

use self::document::{SECOND, Settings};
use super::{
    access::Caller,
    change::{Change, Object},
    error::{ApiError, ErrorBody},
    extract::{Json, OptionalJson, Path},
    webhooks::TrialBody,
    wire::Time,
};
use crate::state::AppState;

mod document;
pub(crate) mod oauth;
pub(crate) mod providers;
pub(crate) mod rooms;
mod shape;
pub(crate) mod sign_in;
mod slack;
mod trial;
pub(crate) mod workspaces;

pub use shape::{Origin, SettingsBody};
pub(crate) use shape::{SettingsPatch, Trial};
pub(crate) use trial::try_out;

pub(super) fn routes() -> OpenApiRouter<AppState> {
    OpenApiRouter::new()
        .routes(routes!(get, edit, put_all, remove))
        .routes(routes!(test))
        .merge(workspaces::routes())
        .merge(rooms::routes())
        .merge(oauth::routes())
        .merge(sign_in::routes())
}

/// Which channel a path names.
pub(crate) fn channel_of(path: &str) -> Result<Channel, ApiError> {
    let found = Channel::ALL
        .into_iter()
        .find(|channel| channel.word().to_ascii_lowercase() == path);
    found.ok_or_else(|| ApiError::not_found("notification channel"))
}

/// The settings that are saved for a channel, with their credentials, and since when.
async fn stored(tx: &mut Tx<'_>, state: &AppState, channel: Channel) -> Result<Option<(Settings, Time)>, ApiError> {
    let name = settings::of_channel(channel);
    let found = settings::get(tx, &state.store.sealer, &name).await?;
    let Some((value, at)) = found else { return Ok(None) };
    match value {
        Value::Object(settings) => Ok(Some((settings, Time(at)))),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) | Value::Array(_) => {
            tracing::error!("the setting {name} is not of its form");
            Err(ApiError::internal())
        }
    }
}

/// Settings from which those of a channel take what they lack: calls are made by the account that sends text messages.
async fn lent(tx: &mut Tx<'_>, state: &AppState, channel: Channel) -> Result<Option<Settings>, ApiError> {
    if channel != Channel::Voice {
        return Ok(None);
    }
    let sms = stored(tx, state, Channel::Sms).await?.map(|(sms, _)| sms);
    let second = sms.as_ref().and_then(|sms| sms.get(SECOND)?.as_object().cloned());
    let is_twilio = |settings: &Settings| settings.get(document::PROVIDER).is_some_and(|word| word == "TWILIO");
    Ok([sms, second].into_iter().flatten().find(is_twilio))
}

/// What becomes of the settings of a channel, and what they were.
async fn applied(
    tx: &mut Tx<'_>,
    state: &AppState,
    channel: Channel,
    wish: &Settings,
    whole: bool,
) -> Result<(Option<Settings>, Settings), ApiError> {
    let before = stored(tx, state, channel).await?.map(|(settings, _)| settings);
    let lent = lent(tx, state, channel).await?;
    let kept = before.as_ref().filter(|_| !whole);
    let after = document::apply(channel, wish, kept, lent.as_ref())?;
    Ok((before, after))
}

/// The settings of a channel as programs see them, from what is saved for it.
fn body(state: &AppState, channel: Channel, stored: Option<&Settings>, updated_at: Option<Time>) -> SettingsBody {
    if let Some(settings) = stored {
        let provider = document::provider_of(channel, settings);
        let fields = shape::shown(channel, settings);
        return shape::body(channel, (true, Some(Origin::Settings)), provider, fields, updated_at);
    }
    let ways = providers::ways(channel);
    let named_by = |variable: &String| {
        let mut all = ways.providers.iter();
        all.find(|provider| provider.variable == Some(variable.as_str()))
    };
    let mut by_environment = state.environment.iter().filter_map(named_by);
    let (source, provider) = match (by_environment.next(), channel) {
        (Some(provider), _) => (Some(Origin::Environment), Some(provider)),
        // Browsers are told directly, with keys that the server made itself.
        (None, Channel::Push) => (Some(Origin::BuiltIn), ways.usual),
        (None, Channel::Email | Channel::Sms | Channel::Voice | Channel::Whatsapp | Channel::Slack) => (None, None),
    };
    let second = by_environment.next().map(shape::named_second);
    let fields = second.into_iter().collect();
    shape::body(channel, (source.is_some(), source), provider, fields, None)
}

/// The settings of a channel as programs see them.
pub(crate) async fn read(state: &AppState, channel: Channel) -> Result<SettingsBody, ApiError> {
    let at = state.clone();
    let unit = async move |tx: &mut Tx<'_>| match channel {
        Channel::Slack => slack::body(tx, &at).await,
        Channel::Push | Channel::Sms | Channel::Whatsapp | Channel::Voice | Channel::Email => {
            let (stored, updated_at) = stored(tx, &at, channel).await?.unzip();
            Ok(body(&at, channel, stored.as_ref(), updated_at))
        }
    };
    state.store.db.read(unit).await
}

/// Saves the settings of a channel; `whole` forgets what was there before.
pub(crate) async fn save(
    state: &AppState,
    caller: &Caller,
    channel: Channel,
    SettingsPatch(wish): SettingsPatch,
    whole: bool,
) -> Result<SettingsBody, ApiError> {
    if channel == Channel::Slack {
        return slack::save(state, caller, wish, whole).await;
    }
    let (change, at) = (Change::new(state, caller), state.clone());
    let unit = async move |tx: &mut Tx<'_>| {
        change.begin(tx).await?;
        let saved_at = stored(tx, &at, channel).await?.map(|(_, updated_at)| updated_at.0);
        change.follows(saved_at.unwrap_or(Timestamp::UNIX_EPOCH))?;
        let (before, after) = applied(tx, &at, channel, &wish, whole).await?;
        put(tx, &at, &change, channel, before.as_ref(), &after).await?;
        Ok::<_, ApiError>(body(&at, channel, Some(&after), Some(Time(change.now))))
    };
    state.store.db.write(unit).await
}

/// Writes settings down, and what differs into the audit log.
async fn put(
    tx: &mut Tx<'_>,
    state: &AppState,
    change: &Change,
    channel: Channel,
    before: Option<&Settings>,
    after: &Settings,
) -> Result<(), ApiError> {
    let name = settings::of_channel(channel);
    let value = Value::Object(after.clone());
    settings::put(tx, &state.store.sealer, &name, &value, change.now).await?;
    let (mut was, mut is) = (told(before), told(Some(after)));
    // What is gone is told as such, and where something is set up for the first time, nothing was before.
    for name in was.keys() {
        is.entry(name.clone()).or_insert(Value::Null);
    }
    for name in is.keys() {
        was.entry(name.clone()).or_insert(Value::Null);
    }
    change.updated(tx, object(&name, &name), &was, &is).await?;
    Ok(())
}

/// Settings as the audit log compares them: those of the second provider stand among the others as `second.apiKey`. What
/// is a credential, it tells by the name.
fn told(settings: Option<&Settings>) -> Map<String, Value> {
    let mut told = Map::new();
    for (name, value) in settings.into_iter().flatten() {
        match value {
            Value::Object(second) => {
                let second = second.iter();
                told.extend(second.map(|(inner, value)| (format!("{name}.{inner}"), value.clone())));
            }
            value => drop(told.insert(name.clone(), value.clone())),
        }
    }
    told
}

fn object<'a>(name: &'a str, id: &'a String) -> Object<'a> {
    Object {
        kind: "setting",
        id,
        name,
    }
}

/// Forgets what was saved for a channel, so that the environment counts again; of Slack, the workspaces too.
pub(crate) async fn forget(state: &AppState, caller: &Caller, channel: Channel) -> Result<(), ApiError> {
    if channel == Channel::Slack {
        return slack::forget(state, caller).await;
    }
    let name = settings::of_channel(channel);
    let change = Change::new(state, caller);
    let unit = async move |tx: &mut Tx<'_>| {
        settings::delete(tx, &name, change.now).await?;
        change.deleted(tx, object(&name, &name)).await?;
        Ok::<_, ApiError>(())
    };
    state.store.db.write(unit).await
}

/// The settings of a notification channel, without credentials.
#[utoipa::path(
    get, path = "/api/settings/notifications/{channel}", tag = "Settings", operation_id = "getNotificationSettings",
    params(("channel" = String, Path, description = "`email`, `sms`, `voice`, `push`, `slack` or `whatsapp`.")),
    responses((status = 200, body = SettingsBody), (status = 404, body = ErrorBody)),
)]
async fn get(State(state): State<AppState>, Path(channel): Path<String>) -> Result<Json<SettingsBody>, ApiError> {
    Ok(Json(read(&state, channel_of(&channel)?).await?))
}

/// Saves settings of a notification channel; what is left out stays. They win over the environment. Calls are made by
/// the account at Twilio that sends text messages, where settings of `voice` say nothing else.
#[utoipa::path(
    patch, path = "/api/settings/notifications/{channel}", tag = "Settings",
    operation_id = "updateNotificationSettings",
    params(("channel" = String, Path, description = "`email`, `sms`, `voice`, `push`, `slack` or `whatsapp`.")),
    request_body = SettingsPatch,
    responses(
        (status = 200, body = SettingsBody),
        (status = 400, body = ErrorBody),
        (status = 404, body = ErrorBody),
        (status = 409, body = ErrorBody, description = "Slack could not be asked whose token this is."),
    ),
)]
async fn edit(
    State(state): State<AppState>,
    caller: Caller,
    Path(channel): Path<String>,
    Json(wish): Json<SettingsPatch>,
) -> Result<Json<SettingsBody>, ApiError> {
    Ok(Json(save(&state, &caller, channel_of(&channel)?, wish, false).await?))
}

/// Saves all settings of a notification channel; what is left out is forgotten.
#[utoipa::path(
    put, path = "/api/settings/notifications/{channel}", tag = "Settings",
    operation_id = "replaceNotificationSettings",
    params(("channel" = String, Path, description = "`email`, `sms`, `voice`, `push`, `slack` or `whatsapp`.")),
    request_body = SettingsPatch,
    responses(
        (status = 200, body = SettingsBody),
        (status = 400, body = ErrorBody),
        (status = 404, body = ErrorBody),
        (status = 409, body = ErrorBody, description = "Slack could not be asked whose token this is."),
    ),
)]
async fn put_all(
    State(state): State<AppState>,
    caller: Caller,
    Path(channel): Path<String>,
    Json(wish): Json<SettingsPatch>,
) -> Result<Json<SettingsBody>, ApiError> {
    Ok(Json(save(&state, &caller, channel_of(&channel)?, wish, true).await?))
}

/// Forgets what was saved for a notification channel, so that the environment counts again; of Slack, the workspaces
/// too.
#[utoipa::path(
    delete, path = "/api/settings/notifications/{channel}", tag = "Settings",
    operation_id = "deleteNotificationSettings",
    params(("channel" = String, Path, description = "`email`, `sms`, `voice`, `push`, `slack` or `whatsapp`.")),
    responses(
        (status = 204, description = "They are forgotten."),
        (status = 404, body = ErrorBody, description = "There is no such channel, or nothing is saved for it."),
    ),
)]
async fn remove(
    State(state): State<AppState>,
    caller: Caller,
    Path(channel): Path<String>,
) -> Result<StatusCode, ApiError> {
    forget(&state, &caller, channel_of(&channel)?).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Sends a test message on a notification channel, for real. A provider that refuses is no error of this call: `ok`
/// tells, and `message` has its own words.
#[utoipa::path(
    post, path = "/api/settings/notifications/{channel}/test", tag = "Settings",
    operation_id = "testNotificationSettings",
    params(("channel" = String, Path, description = "`email`, `sms`, `voice`, `push`, `slack` or `whatsapp`.")),
    request_body = Trial,
    responses((status = 200, body = TrialBody), (status = 400, body = ErrorBody), (status = 404, body = ErrorBody)),
)]
async fn test(
    State(state): State<AppState>,
    caller: Caller,
    Path(channel): Path<String>,
    OptionalJson(trial): OptionalJson<Trial>,
) -> Result<Json<TrialBody>, ApiError> {
    Ok(Json(try_out(&state, &caller, channel_of(&channel)?, trial).await?))
}
