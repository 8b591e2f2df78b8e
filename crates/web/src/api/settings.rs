//! `/api/settings/notifications/{channel}`: the providers by which people are reached.
//!
//! What is saved here wins over the environment. Credentials are written and never read back.

use axum::extract::State;
use http::StatusCode;
use opsknight_domain::directory::Channel;
use opsknight_store::{db::Tx, settings};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::ToSchema;
use utoipa_axum::{router::OpenApiRouter, routes};

use super::{
    access::{Caller, Who},
    change::{Change, Object},
    check::{self, SHORT_CHARS_MAX},
    error::{ApiError, ErrorBody, Problems},
    extract::{Json, OptionalJson, Path},
    webhooks::TrialBody,
    wire::{Time, Word, patch, present, words},
};
use crate::state::AppState;

/// The environment variable that sets up mail.
const SMTP_VARIABLE: &str = "SMTP_HOST";

pub(super) fn routes() -> OpenApiRouter<AppState> {
    OpenApiRouter::new()
        .routes(routes!(get, edit, put, remove))
        .routes(routes!(test))
}

/// Who delivers mail.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum Provider {
    /// A mail server that speaks SMTP.
    Smtp,
}

/// How the line to a mail server is encrypted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum Tls {
    /// Not at all.
    None,
    /// From the STARTTLS command on.
    Starttls,
    /// From the first byte.
    Tls,
}

/// Where settings come from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum Origin {
    /// They were saved here.
    Settings,
    /// From the environment of the server.
    Environment,
}

/// A mail server as it is stored. The names are those of the API; the engine reads them too.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Stored {
    provider: Provider,
    host: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    port: Option<u16>,
    tls: Tls,
    #[serde(skip_serializing_if = "Option::is_none")]
    user: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    password: Option<String>,
    from: String,
}

/// The settings of a channel, without credentials.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
#[schema(as = NotificationSettings)]
#[serde(rename_all = "camelCase")]
pub struct SettingsBody {
    /// Which channel.
    #[schema(inline)]
    pub channel: words::Channel,
    /// Messages can be sent on it.
    pub configured: bool,
    /// Where the settings in force come from; null: there are none.
    pub source: Option<Origin>,
    /// Who delivers.
    pub provider: Option<Provider>,
    /// Name or address of the mail server. None is shown of what the environment says.
    pub host: Option<String>,
    /// Its port; null: the one that goes with `tls`.
    pub port: Option<u16>,
    /// How the line to it is encrypted.
    pub tls: Option<Tls>,
    /// The name to sign in with.
    pub user: Option<String>,
    /// A password is saved.
    pub has_password: bool,
    /// From whom mail comes.
    pub from: Option<String>,
    /// When the settings were last saved.
    #[schema(inline)]
    pub updated_at: Option<Time>,
}

impl SettingsBody {
    fn new(state: &AppState, channel: Channel, stored: Option<&Stored>, updated_at: Option<Time>) -> Self {
        let environment = channel == Channel::Email && state.environment.contains(SMTP_VARIABLE);
        let source = match stored {
            Some(_) => Some(Origin::Settings),
            None => environment.then_some(Origin::Environment),
        };
        Self {
            channel: Word(channel),
            configured: source.is_some(),
            source,
            provider: source.map(|_| Provider::Smtp),
            host: stored.map(|stored| stored.host.clone()),
            port: stored.and_then(|stored| stored.port),
            tls: stored.map(|stored| stored.tls),
            user: stored.and_then(|stored| stored.user.clone()),
            has_password: stored.is_some_and(|stored| stored.password.is_some()),
            from: stored.map(|stored| stored.from.clone()),
            updated_at,
        }
    }
}

/// What is to change about the settings of a channel; what is left out stays.
#[derive(Debug, Clone, Default, Deserialize, ToSchema)]
#[schema(as = NotificationSettingsPatch)]
#[serde(rename_all = "camelCase")]
pub(crate) struct SettingsPatch {
    /// Who delivers.
    #[serde(default, deserialize_with = "present")]
    #[schema(value_type = Provider, required = false)]
    pub(crate) provider: Option<Provider>,
    /// Name or address of the mail server.
    #[serde(default, deserialize_with = "present")]
    #[schema(min_length = 1, max_length = 200, value_type = String, required = false)]
    pub(crate) host: Option<String>,
    /// Its port; null: the one that goes with `tls`.
    #[serde(default, deserialize_with = "patch")]
    #[schema(minimum = 1, maximum = 65535, value_type = Option<u16>)]
    pub(crate) port: Option<Option<u16>>,
    /// How the line to it is encrypted; `starttls` unless said.
    #[serde(default, deserialize_with = "present")]
    #[schema(value_type = Tls, required = false)]
    pub(crate) tls: Option<Tls>,
    /// The name to sign in with; null: the server asks for none.
    #[serde(default, deserialize_with = "patch")]
    #[schema(max_length = 200, value_type = Option<String>)]
    pub(crate) user: Option<Option<String>>,
    /// The password. It is never shown again.
    #[serde(default, deserialize_with = "patch")]
    #[schema(max_length = 500, value_type = Option<String>)]
    pub(crate) password: Option<Option<String>>,
    /// From whom mail comes: `noreply@example.com` or `Paging <noreply@example.com>`.
    #[serde(default, deserialize_with = "present")]
    #[schema(max_length = 300, value_type = String, required = false)]
    pub(crate) from: Option<String>,
}

impl SettingsPatch {
    /// What becomes of the settings so far.
    fn apply(self, before: Option<Stored>) -> Result<Stored, ApiError> {
        let mut problems = Problems::default();
        let mut stored = before.unwrap_or(Stored {
            provider: Provider::Smtp,
            host: String::new(),
            port: None,
            tls: Tls::Starttls,
            user: None,
            password: None,
            from: String::new(),
        });
        if let Some(provider) = self.provider {
            stored.provider = provider;
        }
        if let Some(host) = self.host {
            host.trim().clone_into(&mut stored.host);
        }
        if let Some(port) = self.port {
            stored.port = port.map(|port| check::number(&mut problems, "port", port, (1, u16::MAX)));
        }
        if let Some(tls) = self.tls {
            stored.tls = tls;
        }
        if let Some(user) = self.user {
            stored.user = check::line(&mut problems, "user", user);
        }
        if let Some(password) = self.password {
            stored.password = check::secret(&mut problems, "password", password);
        }
        if let Some(from) = self.from {
            from.trim().clone_into(&mut stored.from);
        }
        check_host(&mut problems, &stored.host);
        check_from(&mut problems, &stored.from);
        match (&stored.user, &stored.password) {
            (Some(_), None) => problems.add("password", "must be given together with user"),
            (None, Some(_)) => problems.add("user", "must be given together with password"),
            (Some(_), Some(_)) | (None, None) => {}
        }
        problems.check()?;
        Ok(stored)
    }
}

fn check_host(problems: &mut Problems, host: &str) {
    let bare = host.trim_start_matches('[').trim_end_matches(']');
    let bracketed = if bare.contains(':') {
        format!("[{bare}]")
    } else {
        bare.to_owned()
    };
    if host.is_empty() || host.len() > SHORT_CHARS_MAX || url::Host::parse(&bracketed).is_err() {
        problems.add("host", "must be a host name or an address, without a scheme or a port");
    }
}

fn check_from(problems: &mut Problems, from: &str) {
    let address = match from.split_once('<') {
        Some((_, rest)) => rest.strip_suffix('>').unwrap_or_default(),
        None => from,
    };
    if from.chars().any(char::is_control) || from.chars().count() > SHORT_CHARS_MAX + check::EMAIL_BYTES_MAX {
        problems.add("from", "must be of one line and not longer");
    }
    check::email(problems, "from", address);
}

/// Which channel a path names.
fn channel_of(path: &str) -> Result<Channel, ApiError> {
    let found = Channel::ALL
        .into_iter()
        .find(|channel| channel.word().to_ascii_lowercase() == path);
    found.ok_or_else(|| ApiError::not_found("notification channel"))
}

/// Refuses a channel for which this version has no provider.
fn settable(channel: Channel) -> Result<(), ApiError> {
    match channel {
        Channel::Email => Ok(()),
        Channel::Push | Channel::Slack | Channel::Sms | Channel::Whatsapp | Channel::Voice => Err(ApiError::conflict(
            format!("this version has no provider for {}", channel.name()),
        )),
    }
}

async fn stored(tx: &mut Tx<'_>, state: &AppState, channel: Channel) -> Result<Option<(Stored, Time)>, ApiError> {
    let name = settings::of_channel(channel);
    let Some((value, at)) = settings::get(tx, &state.store.sealer, &name).await? else {
        return Ok(None);
    };
    let stored = serde_json::from_value(value).map_err(|error| {
        tracing::error!(%error, "the setting {name} is not of its form");
        ApiError::internal()
    })?;
    Ok(Some((stored, Time(at))))
}

/// The settings of a channel as programs see them.
pub(crate) async fn read(state: &AppState, channel: Channel) -> Result<SettingsBody, ApiError> {
    let at = state.clone();
    let unit = async move |tx: &mut Tx<'_>| stored(tx, &at, channel).await;
    let found = state.store.db.read(unit).await?;
    let (stored, updated_at) = found.unzip();
    Ok(SettingsBody::new(state, channel, stored.as_ref(), updated_at))
}

/// Saves the settings of a channel; `whole` forgets what was there before.
pub(crate) async fn save(
    state: &AppState,
    caller: &Caller,
    channel: Channel,
    wish: SettingsPatch,
    whole: bool,
) -> Result<SettingsBody, ApiError> {
    settable(channel)?;
    let (change, at) = (Change::new(state, caller), state.clone());
    let unit = async move |tx: &mut Tx<'_>| {
        change.begin(tx).await?;
        let before = stored(tx, &at, channel).await?.map(|(stored, _)| stored);
        let body_before = SettingsBody::new(&at, channel, before.as_ref(), None);
        let old_password = before.as_ref().and_then(|stored| stored.password.clone());
        let after = wish.clone().apply(before.filter(|_| !whole))?;
        let value = serde_json::to_value(&after).unwrap_or_default();
        let name = settings::of_channel(channel);
        settings::put(tx, &at.store.sealer, &name, &value, change.now).await?;
        let body = SettingsBody::new(&at, channel, Some(&after), Some(Time(change.now)));
        let told = |body: &SettingsBody, password: Option<&String>| {
            let mut told = serde_json::to_value(body).unwrap_or_default();
            told["password"] = password.map_or(Value::Null, |password| Value::from(password.as_str()));
            told
        };
        let (was, is) = (
            told(&body_before, old_password.as_ref()),
            told(&body, after.password.as_ref()),
        );
        change.updated(tx, object(&name, &name), &was, &is).await?;
        Ok::<_, ApiError>(body)
    };
    state.store.db.write(unit).await
}

fn object<'a>(name: &'a str, id: &'a String) -> Object<'a> {
    Object {
        kind: "setting",
        id,
        name,
    }
}

/// Sends a test message, by settings that have not been saved where some are given.
pub(crate) async fn try_out(
    state: &AppState,
    caller: &Caller,
    channel: Channel,
    trial: Trial,
) -> Result<TrialBody, ApiError> {
    settable(channel)?;
    let to = match (trial.to, &caller.who) {
        (Some(to), _) => to,
        (None, Who::Person(person)) => person.email.clone(),
        (None, Who::Key(_)) => return Err(ApiError::invalid("to", "is missing")),
    };
    let mut problems = Problems::default();
    let to = check::address(&mut problems, "to", channel, &to);
    problems.check()?;
    let given = match trial.settings {
        None => None,
        Some(wish) => {
            let at = state.clone();
            let unit = async move |tx: &mut Tx<'_>| stored(tx, &at, channel).await;
            let saved = state.store.db.read(unit).await?.map(|(stored, _)| stored);
            Some(serde_json::to_value(wish.apply(saved)?).unwrap_or_default())
        }
    };
    Ok(state.providers.test_channel(channel, given, &to).await.into())
}

/// A trial of a channel.
#[derive(Debug, Clone, Default, Deserialize, ToSchema)]
#[schema(as = NotificationTrial)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Trial {
    /// Where the test message goes; to the caller's own email address unless said.
    #[serde(default, deserialize_with = "present")]
    #[schema(min_length = 1, max_length = 254, value_type = String, required = false)]
    pub(crate) to: Option<String>,
    /// Settings to try before they are saved; what is left out is taken from those that are saved.
    #[serde(default, deserialize_with = "present")]
    #[schema(value_type = SettingsPatch, required = false)]
    pub(crate) settings: Option<SettingsPatch>,
}

/// The settings of a notification channel, without credentials.
#[utoipa::path(
    get, path = "/api/settings/notifications/{channel}", tag = "Settings", operation_id = "getNotificationSettings",
    params(("channel" = String, Path, description = "`email`, `sms`, `push`, `slack` or `whatsapp`.")),
    responses((status = 200, body = SettingsBody), (status = 404, body = ErrorBody)),
)]
async fn get(State(state): State<AppState>, Path(channel): Path<String>) -> Result<Json<SettingsBody>, ApiError> {
    Ok(Json(read(&state, channel_of(&channel)?).await?))
}

/// Saves settings of a notification channel; what is left out stays. They win over the environment.
#[utoipa::path(
    patch, path = "/api/settings/notifications/{channel}", tag = "Settings",
    operation_id = "updateNotificationSettings",
    params(("channel" = String, Path, description = "`email`, `sms`, `push`, `slack` or `whatsapp`.")),
    request_body = SettingsPatch,
    responses(
        (status = 200, body = SettingsBody),
        (status = 400, body = ErrorBody),
        (status = 404, body = ErrorBody),
        (status = 409, body = ErrorBody, description = "This version has no provider for the channel."),
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
    params(("channel" = String, Path, description = "`email`, `sms`, `push`, `slack` or `whatsapp`.")),
    request_body = SettingsPatch,
    responses(
        (status = 200, body = SettingsBody),
        (status = 400, body = ErrorBody),
        (status = 404, body = ErrorBody),
        (status = 409, body = ErrorBody, description = "This version has no provider for the channel."),
    ),
)]
async fn put(
    State(state): State<AppState>,
    caller: Caller,
    Path(channel): Path<String>,
    Json(wish): Json<SettingsPatch>,
) -> Result<Json<SettingsBody>, ApiError> {
    Ok(Json(save(&state, &caller, channel_of(&channel)?, wish, true).await?))
}

/// Forgets what was saved for a notification channel, so that the environment counts again.
#[utoipa::path(
    delete, path = "/api/settings/notifications/{channel}", tag = "Settings",
    operation_id = "deleteNotificationSettings",
    params(("channel" = String, Path, description = "`email`, `sms`, `push`, `slack` or `whatsapp`.")),
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
    let name = settings::of_channel(channel_of(&channel)?);
    let change = Change::new(&state, &caller);
    let unit = async move |tx: &mut Tx<'_>| {
        settings::delete(tx, &name, change.now).await?;
        change.deleted(tx, object(&name, &name)).await?;
        Ok::<_, ApiError>(())
    };
    state.store.db.write(unit).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Sends a test message on a notification channel. A provider that refuses is no error of this call: `ok` tells.
#[utoipa::path(
    post, path = "/api/settings/notifications/{channel}/test", tag = "Settings",
    operation_id = "testNotificationSettings",
    params(("channel" = String, Path, description = "`email`, `sms`, `push`, `slack` or `whatsapp`.")),
    request_body = Trial,
    responses(
        (status = 200, body = TrialBody),
        (status = 400, body = ErrorBody),
        (status = 404, body = ErrorBody),
        (status = 409, body = ErrorBody, description = "This version has no provider for the channel."),
    ),
)]
async fn test(
    State(state): State<AppState>,
    caller: Caller,
    Path(channel): Path<String>,
    OptionalJson(trial): OptionalJson<Trial>,
) -> Result<Json<TrialBody>, ApiError> {
    Ok(Json(try_out(&state, &caller, channel_of(&channel)?, trial).await?))
}
