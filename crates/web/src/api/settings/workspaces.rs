//! `/api/settings/notifications/slack/workspaces`: the workspaces of Slack that have the app.

use axum::{
    extract::State,
    response::{IntoResponse, Response},
};
use http::{StatusCode, header};
use opsknight_store::{
    db::Tx,
    slack::{self, WorkspaceRow},
};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use utoipa_axum::{router::OpenApiRouter, routes};

use super::shape::DEFAULT_CHANNEL;
use crate::{
    api::{
        access::Caller,
        change::{Change, Object},
        check,
        error::{ApiError, ErrorBody, Problems},
        extract::{Json, Path, Query},
        page::{Listed, Page},
        wire::{Time, patch},
    },
    state::{AppState, Installed},
};

pub(super) fn routes() -> OpenApiRouter<AppState> {
    OpenApiRouter::new()
        .routes(routes!(list))
        .routes(routes!(edit, remove))
        .routes(routes!(manifest))
}

/// A workspace of Slack that has the app.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
#[schema(as = SlackWorkspace)]
#[serde(rename_all = "camelCase")]
pub(crate) struct WorkspaceBody {
    /// Slack's id of it: `T…`.
    pub team: String,
    /// Its name.
    pub name: String,
    /// The bot's own member id there.
    pub bot_user: Option<String>,
    /// The conversation that is told where a service names none.
    pub default_channel: Option<String>,
    /// Since when it has the app.
    #[schema(inline)]
    pub installed_at: Time,
}

impl From<WorkspaceRow> for WorkspaceBody {
    fn from(row: WorkspaceRow) -> Self {
        Self {
            team: row.team,
            name: row.name,
            bot_user: row.bot_user,
            default_channel: row.default_channel,
            installed_at: Time(row.installed_at),
        }
    }
}

/// What is to change about a workspace.
#[derive(Debug, Clone, Default, Deserialize, ToSchema)]
#[schema(as = SlackWorkspacePatch)]
#[serde(rename_all = "camelCase")]
pub(crate) struct WorkspacePatch {
    /// The conversation that is told where a service names none: its id or its name; null: none is.
    #[serde(default, deserialize_with = "patch")]
    #[schema(max_length = 200, value_type = Option<String>)]
    pub(crate) default_channel: Option<Option<String>>,
}

fn workspace<'a>(name: &'a str, team: &'a String) -> Object<'a> {
    Object {
        kind: "slack_workspace",
        id: team,
        name,
    }
}

/// Keeps a workspace that has let the app in. Its default conversation stays, where it was there before.
pub(super) async fn join(
    tx: &mut Tx<'_>,
    state: &AppState,
    change: &Change,
    installed: &Installed,
) -> Result<(), ApiError> {
    let row = WorkspaceRow {
        team: installed.team.clone(),
        name: installed.name.clone(),
        token: installed.token.clone(),
        bot_user: installed.bot_user.clone(),
        default_channel: None,
        installed_at: change.now,
    };
    slack::connect(tx, &state.store.sealer, &row, change.now).await?;
    let changes = serde_json::json!({});
    change
        .record(tx, "connected", workspace(&row.name, &row.team), changes)
        .await?;
    Ok(())
}

/// Keeps a workspace whose administrator has let the app in.
pub(crate) async fn connect(state: &AppState, caller: &Caller, installed: Installed) -> Result<(), ApiError> {
    let (change, at) = (Change::new(state, caller), state.clone());
    let team = installed.team.clone();
    let unit = async move |tx: &mut Tx<'_>| join(tx, &at, &change, &installed).await;
    state.store.db.write(unit).await?;
    state.rooms.forget(&team);
    Ok(())
}

/// The workspaces, in the order in which they were connected.
pub(crate) async fn workspaces(state: &AppState) -> Result<Vec<WorkspaceBody>, ApiError> {
    let sealer = state.store.sealer.clone();
    let unit = async move |tx: &mut Tx<'_>| slack::workspaces(tx, &sealer).await;
    let rows = state.store.db.read(unit).await?;
    Ok(rows.into_iter().map(WorkspaceBody::from).collect())
}

async fn found(tx: &mut Tx<'_>, state: &AppState, team: &str) -> Result<WorkspaceRow, ApiError> {
    let rows = slack::workspaces(tx, &state.store.sealer).await?;
    let row = rows.into_iter().find(|row| row.team == team);
    row.ok_or_else(|| ApiError::not_found("Slack workspace"))
}

/// Sets the conversation of a workspace that is told where a service names none; without a wish it stays.
pub(crate) async fn set_default_channel(
    state: &AppState,
    caller: &Caller,
    team: &str,
    wish: Option<Option<String>>,
) -> Result<WorkspaceBody, ApiError> {
    let mut problems = Problems::default();
    let wish = wish.map(|room| check::line(&mut problems, DEFAULT_CHANNEL, room));
    problems.check()?;
    let (change, at, team) = (Change::new(state, caller), state.clone(), team.to_owned());
    let unit = async move |tx: &mut Tx<'_>| {
        change.begin(tx).await?;
        match &wish {
            Some(room) => point(tx, &at, &change, &team, room.as_deref()).await,
            None => Ok(found(tx, &at, &team).await?.into()),
        }
    };
    state.store.db.write(unit).await
}

/// The same within a unit of work.
pub(super) async fn point(
    tx: &mut Tx<'_>,
    state: &AppState,
    change: &Change,
    team: &String,
    room: Option<&str>,
) -> Result<WorkspaceBody, ApiError> {
    let before = WorkspaceBody::from(found(tx, state, team).await?);
    slack::set_default_channel(tx, team, room, change.now).await?;
    let after = WorkspaceBody {
        default_channel: room.map(str::to_owned),
        ..before.clone()
    };
    change
        .updated(tx, workspace(&after.name, team), &before, &after)
        .await?;
    Ok(after)
}

/// Forgets a workspace. The app stays installed there until its administrator removes it.
pub(crate) async fn disconnect(state: &AppState, caller: &Caller, team: &str) -> Result<(), ApiError> {
    let (change, at, name) = (Change::new(state, caller), state.clone(), team.to_owned());
    let unit = async move |tx: &mut Tx<'_>| {
        change.begin(tx).await?;
        let row = found(tx, &at, &name).await?;
        leave(tx, &change, &row).await
    };
    state.store.db.write(unit).await?;
    state.rooms.forget(team);
    Ok(())
}

pub(super) async fn leave(tx: &mut Tx<'_>, change: &Change, row: &WorkspaceRow) -> Result<(), ApiError> {
    slack::disconnect(tx, &row.team, change.now).await?;
    let changes = serde_json::json!({});
    change
        .record(tx, "disconnected", workspace(&row.name, &row.team), changes)
        .await?;
    Ok(())
}

/// The workspaces of Slack that have the app, in the order in which they were connected.
#[utoipa::path(
    get, path = "/api/settings/notifications/slack/workspaces", tag = "Settings", operation_id = "listSlackWorkspaces",
    params(Page),
    responses((status = 200, body = Listed<WorkspaceBody>), (status = 400, body = ErrorBody)),
)]
async fn list(
    State(state): State<AppState>,
    Query(page): Query<Page>,
) -> Result<Json<Listed<WorkspaceBody>>, ApiError> {
    Ok(Json(Listed::of_all(workspaces(&state).await?, page)))
}

/// Changes which conversation of a workspace is told where a service names none.
#[utoipa::path(
    patch, path = "/api/settings/notifications/slack/workspaces/{team}", tag = "Settings",
    operation_id = "updateSlackWorkspace", params(("team" = String, Path, description = "Slack's id of it: `T…`.")),
    request_body = WorkspacePatch,
    responses((status = 200, body = WorkspaceBody), (status = 400, body = ErrorBody), (status = 404, body = ErrorBody)),
)]
async fn edit(
    State(state): State<AppState>,
    caller: Caller,
    Path(team): Path<String>,
    Json(wish): Json<WorkspacePatch>,
) -> Result<Json<WorkspaceBody>, ApiError> {
    Ok(Json(
        set_default_channel(&state, &caller, &team, wish.default_channel).await?,
    ))
}

/// Forgets a workspace. The app stays installed there until somebody removes it in Slack.
#[utoipa::path(
    delete, path = "/api/settings/notifications/slack/workspaces/{team}", tag = "Settings",
    operation_id = "deleteSlackWorkspace", params(("team" = String, Path, description = "Slack's id of it: `T…`.")),
    responses((status = 204, description = "It is forgotten."), (status = 404, body = ErrorBody)),
)]
async fn remove(
    State(state): State<AppState>,
    caller: Caller,
    Path(team): Path<String>,
) -> Result<StatusCode, ApiError> {
    disconnect(&state, &caller, &team).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// The manifest from which an administrator of Slack makes the app, with the addresses of this server in it.
#[utoipa::path(
    get, path = "/api/settings/notifications/slack/manifest", tag = "Settings", operation_id = "getSlackManifest",
    responses((status = 200, body = Object, content_type = "application/json")),
)]
async fn manifest(State(state): State<AppState>) -> Response {
    let manifest = state.providers.slack().manifest();
    ([(header::CONTENT_TYPE, "application/json")], manifest).into_response()
}
