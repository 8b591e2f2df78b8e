//! `/api/settings/notifications/slack/channels`: the conversations of a workspace, to choose one from.
//!
//! Slack tells them page by page and allows few calls a minute, so a list is kept for a moment.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
};

use axum::extract::State;
use jiff::{SignedDuration, Timestamp};
use opsknight_store::{db::Tx, slack};
use serde::Serialize;
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::{router::OpenApiRouter, routes};

use crate::{
    api::{
        access::Caller,
        error::{ApiError, ErrorBody, Problems},
        extract::{FromParams, Json, Params, Query},
        page::{Listed, Page},
    },
    state::{AppState, SlackRoom},
};

/// How long a workspace's list is kept in memory.
const ROOMS_KEPT_FOR: SignedDuration = SignedDuration::from_mins(1);
/// Of how many workspaces.
const ROOMS_KEPT_MAX: usize = 100;

pub(super) fn routes() -> OpenApiRouter<AppState> {
    OpenApiRouter::new().routes(routes!(list))
}

/// What Slack told of one workspace, and when.
type Told = (Timestamp, Arc<Vec<SlackRoom>>);

/// The conversations of workspaces, as Slack told them a moment ago.
#[derive(Debug, Default)]
pub(crate) struct Rooms(Mutex<HashMap<String, Told>>);

impl Rooms {
    fn get(&self, team: &str, now: Timestamp) -> Option<Arc<Vec<SlackRoom>>> {
        let kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let (at, rooms) = kept.get(team)?;
        (now.duration_since(*at) < ROOMS_KEPT_FOR).then(|| Arc::clone(rooms))
    }

    fn keep(&self, team: &str, rooms: &Arc<Vec<SlackRoom>>, now: Timestamp) {
        let mut kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        kept.retain(|_, (at, _)| now.duration_since(*at) < ROOMS_KEPT_FOR);
        if kept.len() < ROOMS_KEPT_MAX {
            kept.insert(team.to_owned(), (now, Arc::clone(rooms)));
        }
    }

    /// Forgets the list of a workspace whose token has changed.
    pub(super) fn forget(&self, team: &str) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).remove(team);
    }
}

/// A conversation in Slack.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
#[schema(as = SlackChannel)]
#[serde(rename_all = "camelCase")]
pub(crate) struct RoomBody {
    /// Slack's id of it: `C…`.
    pub id: String,
    /// Its name, without a number sign.
    pub name: String,
    /// Only those who were invited see it.
    pub private: bool,
    /// The app is in it. A private conversation is told nothing before somebody has invited the app.
    pub member: bool,
}

/// Which conversations are wanted.
#[derive(Debug, Clone, Default, IntoParams)]
#[into_params(parameter_in = Query, rename_all = "camelCase")]
pub(crate) struct RoomQuery {
    /// Of which workspace; of the one that was connected first unless said.
    #[param(required = false)]
    pub(crate) team: Option<String>,
    /// Part of the name, in whatever case.
    #[param(required = false)]
    pub(crate) q: Option<String>,
}

impl FromParams for RoomQuery {
    fn from_params(params: &mut Params, _: &mut Problems) -> Self {
        Self {
            team: params.text("team"),
            q: params.text("q"),
        }
    }
}

/// The conversations of a workspace whose name has this in it: those that begin with it first, then by name. Private
/// ones are shown to those who may change settings.
pub(crate) async fn search(state: &AppState, caller: &Caller, query: RoomQuery) -> Result<Vec<RoomBody>, ApiError> {
    let team = match query.team {
        Some(team) => team,
        None => first(state).await?,
    };
    let rooms = rooms(state, &team).await?;
    let part = query.q.unwrap_or_default();
    let part = part.trim().trim_start_matches('#').to_lowercase();
    let sees_all = caller.is_admin();
    let mut found: Vec<_> = rooms
        .iter()
        .map(|room| (room.name.to_lowercase(), room))
        .filter(|(name, room)| name.contains(&part) && (sees_all || !room.private))
        .collect();
    found.sort_by(|(one, _), (other, _)| (!one.starts_with(&part), one).cmp(&(!other.starts_with(&part), other)));
    let body = |room: &SlackRoom| RoomBody {
        id: room.id.clone(),
        name: room.name.clone(),
        private: room.private,
        member: room.member,
    };
    Ok(found.into_iter().map(|(_, room)| body(room)).collect())
}

async fn first(state: &AppState) -> Result<String, ApiError> {
    let sealer = state.store.sealer.clone();
    let unit = async move |tx: &mut Tx<'_>| slack::workspaces(tx, &sealer).await;
    let rows = state.store.db.read(unit).await?;
    let first = rows.into_iter().next().map(|row| row.team);
    first.ok_or_else(|| ApiError::conflict("no workspace of Slack is connected"))
}

async fn rooms(state: &AppState, team: &str) -> Result<Arc<Vec<SlackRoom>>, ApiError> {
    let now = state.clock.now();
    if let Some(rooms) = state.rooms.get(team, now) {
        return Ok(rooms);
    }
    let rooms = Arc::new(state.providers.slack().rooms(team).await?);
    state.rooms.keep(team, &rooms, now);
    Ok(rooms)
}

/// Lists the conversations of a workspace; `q` is looked for in their names. What Slack told is kept for a minute.
/// Private conversations are shown to administrators and programs.
#[utoipa::path(
    get, path = "/api/settings/notifications/slack/channels", tag = "Settings", operation_id = "listSlackChannels",
    params(RoomQuery, Page),
    responses(
        (status = 200, body = Listed<RoomBody>),
        (status = 400, body = ErrorBody),
        (status = 409, body = ErrorBody, description = "No workspace is connected, or Slack refuses to tell."),
    ),
)]
async fn list(
    State(state): State<AppState>,
    caller: Caller,
    Query((query, page)): Query<(RoomQuery, Page)>,
) -> Result<Json<Listed<RoomBody>>, ApiError> {
    Ok(Json(Listed::of_all(search(&state, &caller, query).await?, page)))
}
