//! What the settings of Slack are: the app's credentials, as of any other channel, and beside them the workspaces that
//! gave us a token.
//!
//! It never calls Slack itself: that is [`crate::state::Slack`]'s to do, outside of any transaction.

use jiff::Timestamp;
use opsknight_domain::{delivery::DeliveryError, directory::Channel};
use opsknight_store::{db::Tx, secret::Secret, settings, slack};
use serde_json::Value;

use super::{
    SettingsBody, applied,
    document::Settings,
    object, put,
    shape::{self, BOT_TOKEN, DEFAULT_CHANNEL, Origin},
    stored,
    workspaces::{join, leave, point, workspaces},
};
use crate::{
    api::{
        access::Caller,
        change::Change,
        check,
        error::{ApiError, Problems},
    },
    state::{AppState, Installed},
};

/// The environment variable with a bot's token.
const TOKEN_VARIABLE: &str = "SLACK_BOT_TOKEN";
/// The settings of Slack: the app, and whether anybody lets it in.
pub(super) async fn body(tx: &mut Tx<'_>, state: &AppState) -> Result<SettingsBody, ApiError> {
    let stored = stored(tx, state, Channel::Slack).await?;
    let workspaces = slack::workspaces(tx, &state.store.sealer).await?;
    let by_environment = state.environment_has(TOKEN_VARIABLE);
    let source = match (stored.is_some() || !workspaces.is_empty(), by_environment) {
        (true, _) => Some(Origin::Settings),
        (false, true) => Some(Origin::Environment),
        (false, false) => None,
    };
    let (settings, updated_at) = stored.unzip();
    let mut fields = shape::shown(Channel::Slack, &settings.unwrap_or_default());
    let first = workspaces
        .first()
        .and_then(|workspace| workspace.default_channel.clone());
    fields.insert("hasBotToken".to_owned(), (!workspaces.is_empty()).into());
    fields.insert(DEFAULT_CHANNEL.to_owned(), first.into());
    let configured = !workspaces.is_empty() || by_environment;
    Ok(shape::body(
        Channel::Slack,
        (configured, source),
        None,
        fields,
        updated_at,
    ))
}

/// What a change says of a workspace rather than of the app.
#[derive(Default)]
struct Besides {
    token: Option<Secret>,
    default_channel: Option<Option<String>>,
}

impl Besides {
    /// Takes it out of the wish.
    fn take(wish: &mut Settings) -> Result<Self, ApiError> {
        let mut problems = Problems::default();
        let token = match wish.shift_remove(BOT_TOKEN) {
            None => None,
            Some(Value::String(token)) => check::secret(&mut problems, BOT_TOKEN, Some(token.trim().to_owned())),
            Some(_) => {
                problems.add(
                    BOT_TOKEN,
                    "must be a bot's token; disconnect a workspace to take its token away",
                );
                None
            }
        };
        let default_channel = match wish.shift_remove(DEFAULT_CHANNEL) {
            None => None,
            Some(Value::Null) => Some(None),
            Some(Value::String(text)) => Some(check::line(&mut problems, DEFAULT_CHANNEL, Some(text))),
            Some(_) => {
                problems.add(DEFAULT_CHANNEL, "must be a text, or null");
                None
            }
        };
        problems.check()?;
        Ok(Self {
            token: token.map(Secret::new),
            default_channel,
        })
    }
}

/// Whose token this is, in Slack's own words where it is nobody's.
async fn whose(state: &AppState, token: &Secret) -> Result<Installed, ApiError> {
    let error = match state.providers.slack().whose(token).await {
        Ok(installed) => return Ok(installed),
        Err(error) => error,
    };
    match error {
        DeliveryError::Refused { why } | DeliveryError::Misconfigured { why, .. } => {
            Err(ApiError::invalid(BOT_TOKEN, format!("is not taken by Slack: {why}")))
        }
        DeliveryError::Retry { why, .. } | DeliveryError::Unknown { why } => Err(ApiError::conflict(format!(
            "Slack could not be asked whose token this is; nothing was saved: {why}"
        ))),
    }
}

/// Saves the app's credentials, and connects the workspace whose bot's token is given.
pub(super) async fn save(
    state: &AppState,
    caller: &Caller,
    mut wish: Settings,
    whole: bool,
) -> Result<SettingsBody, ApiError> {
    let Besides { token, default_channel } = Besides::take(&mut wish)?;
    let installed = match &token {
        Some(token) => Some(whose(state, token).await?),
        None => None,
    };
    // Each has a line of its own in the audit log.
    let [change, joined, pointed] = [(); 3].map(|()| Change::new(state, caller));
    let at = state.clone();
    let team = installed.as_ref().map(|installed| installed.team.clone());
    let unit = async move |tx: &mut Tx<'_>| {
        change.begin(tx).await?;
        let saved_at = stored(tx, &at, Channel::Slack)
            .await?
            .map(|(_, updated_at)| updated_at.0);
        change.follows(saved_at.unwrap_or(Timestamp::UNIX_EPOCH))?;
        let (before, after) = applied(tx, &at, Channel::Slack, &wish, whole).await?;
        if !after.is_empty() {
            put(tx, &at, &change, Channel::Slack, before.as_ref(), &after).await?;
        } else if before.is_some() {
            forget_app(tx, &change).await?;
        }
        if let Some(installed) = &installed {
            join(tx, &at, &joined, installed).await?;
        }
        if let Some(room) = &default_channel {
            let first = slack::workspaces(tx, &at.store.sealer).await?.into_iter().next();
            let given = installed.as_ref().map(|installed| installed.team.clone());
            let why = "needs a workspace: connect one, or give botToken besides";
            let team = given.or_else(|| Some(first?.team));
            let team = team.ok_or_else(|| ApiError::invalid(DEFAULT_CHANNEL, why))?;
            point(tx, &at, &pointed, &team, room.as_deref()).await?;
        }
        body(tx, &at).await
    };
    let body = state.store.db.write(unit).await?;
    team.iter().for_each(|team| state.rooms.forget(team));
    Ok(body)
}

async fn forget_app(tx: &mut Tx<'_>, change: &Change) -> Result<(), ApiError> {
    let name = settings::of_channel(Channel::Slack);
    settings::delete(tx, &name, change.now).await?;
    change.deleted(tx, object(&name, &name)).await?;
    Ok(())
}

/// Forgets the app and all workspaces.
pub(super) async fn forget(state: &AppState, caller: &Caller) -> Result<(), ApiError> {
    let (change, at) = (Change::new(state, caller), state.clone());
    let teams = workspaces(state).await?;
    let leaves: Vec<_> = teams.iter().map(|_| Change::new(state, caller)).collect();
    let unit = async move |tx: &mut Tx<'_>| {
        change.begin(tx).await?;
        let is_app = stored(tx, &at, Channel::Slack).await?.is_some();
        if is_app {
            forget_app(tx, &change).await?;
        }
        let rows = slack::workspaces(tx, &at.store.sealer).await?;
        if !is_app && rows.is_empty() {
            return Err(ApiError::not_found("setting"));
        }
        for (row, change) in rows.iter().zip(&leaves) {
            leave(tx, change, row).await?;
        }
        Ok(())
    };
    state.store.db.write(unit).await?;
    teams.iter().for_each(|workspace| state.rooms.forget(&workspace.team));
    Ok(())
}
