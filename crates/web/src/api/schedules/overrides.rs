//! `/api/schedules/{id}/overrides`: somebody takes over for a while.

use axum::extract::State;
use http::StatusCode;
use opsknight_domain::{
    id::{OverrideId, ScheduleId},
    oncall::{OVERRIDES_MAX, Override},
};
use opsknight_store::{
    db::Tx,
    listing::Part,
    schedules::{self, OverrideRow},
};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use utoipa_axum::{router::OpenApiRouter, routes};

use super::{found, object, tell};
use crate::{
    api::{
        access::Caller,
        change::Change,
        error::{ApiError, ErrorBody, Problems},
        extract::{Json, Path, Query},
        page::{Listed, Page},
        teams::check_user_exists,
        wire::{Id, Time, ids, patch, present},
    },
    state::AppState,
};

pub(super) fn routes() -> OpenApiRouter<AppState> {
    OpenApiRouter::new()
        .routes(routes!(list, post))
        .routes(routes!(get, edit, remove))
}

/// Somebody takes over for a while, whatever the layers say.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
#[schema(as = Override)]
#[serde(rename_all = "camelCase")]
pub(crate) struct OverrideBody {
    /// Its id.
    #[schema(inline)]
    pub id: ids::Override,
    /// Who takes over.
    #[schema(inline)]
    pub user_id: ids::User,
    /// From when.
    #[schema(inline)]
    pub start: Time,
    /// Until when, this instant no longer included.
    #[schema(inline)]
    pub end: Time,
    /// Only while this person would be on call; none: always.
    #[schema(inline)]
    pub replaces_user_id: Option<ids::User>,
    /// When it was made.
    #[schema(inline)]
    pub created_at: Time,
}

impl From<OverrideRow> for OverrideBody {
    fn from(row: OverrideRow) -> Self {
        Self {
            id: Id(row.change.id),
            user_id: Id(row.change.user),
            start: Time(row.change.start),
            end: Time(row.change.end),
            replaces_user_id: row.change.replaces.map(Id),
            created_at: Time(row.created_at),
        }
    }
}

/// An override to be made.
#[derive(Debug, Clone, Copy, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct NewOverride {
    /// Who takes over.
    #[schema(inline)]
    pub(crate) user_id: ids::User,
    /// From when.
    #[schema(inline)]
    pub(crate) start: Time,
    /// Until when, this instant no longer included.
    #[schema(inline)]
    pub(crate) end: Time,
    /// Only while this person would be on call; none: always.
    #[schema(inline)]
    pub(crate) replaces_user_id: Option<ids::User>,
}

/// What is to change about an override; what is left out stays.
#[derive(Debug, Clone, Copy, Default, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct OverridePatch {
    /// Who takes over.
    #[serde(default, deserialize_with = "present")]
    #[schema(inline, value_type = ids::User, required = false)]
    user_id: Option<ids::User>,
    /// From when.
    #[serde(default, deserialize_with = "present")]
    #[schema(inline, value_type = Time, required = false)]
    start: Option<Time>,
    /// Until when, this instant no longer included.
    #[serde(default, deserialize_with = "present")]
    #[schema(inline, value_type = Time, required = false)]
    end: Option<Time>,
    /// Only while this person would be on call; null: always.
    #[serde(default, deserialize_with = "patch")]
    #[schema(inline, value_type = Option<ids::User>)]
    replaces_user_id: Option<Option<ids::User>>,
}

async fn check(tx: &mut Tx<'_>, change: &Override) -> Result<(), ApiError> {
    let mut problems = Problems::default();
    tell(&mut problems, change.problems());
    check_user_exists(tx, &mut problems, "userId", change.user).await?;
    if let Some(replaced) = change.replaces {
        check_user_exists(tx, &mut problems, "replacesUserId", replaced).await?;
    }
    problems.check()
}

/// Makes an override.
pub(crate) async fn add_override(
    state: &AppState,
    caller: &Caller,
    schedule: ScheduleId,
    new: NewOverride,
) -> Result<OverrideBody, ApiError> {
    let change = Change::new(state, caller);
    let row = OverrideRow {
        schedule,
        change: Override {
            id: OverrideId::new(state.clock.uuid_v7()),
            user: new.user_id.0,
            start: new.start.0,
            end: new.end.0,
            replaces: new.replaces_user_id.map(|id| id.0),
        },
        created_at: change.now,
    };
    let unit = async move |tx: &mut Tx<'_>| {
        change.begin(tx).await?;
        let whole = found(tx, schedule).await?;
        check(tx, &row.change).await?;
        if schedules::overrides_since(tx, schedule, change.now).await?.len() >= OVERRIDES_MAX {
            let why = format!("a schedule has at most {OVERRIDES_MAX} overrides that have not ended");
            return Err(ApiError::conflict(why));
        }
        schedules::insert_override(tx, &row).await?;
        let body = OverrideBody::from(row.clone());
        let changes = serde_json::json!({ "override": body });
        change
            .record(tx, "override_added", object(&whole.name, &schedule), changes)
            .await?;
        Ok(body)
    };
    state.store.db.write(unit).await
}

/// Changes an override; it keeps its place in the order in which they were made.
pub(crate) async fn update_override(
    state: &AppState,
    caller: &Caller,
    (schedule, id): (ScheduleId, OverrideId),
    wish: OverridePatch,
) -> Result<OverrideBody, ApiError> {
    let change = Change::new(state, caller);
    let unit = async move |tx: &mut Tx<'_>| {
        change.begin(tx).await?;
        let whole = found(tx, schedule).await?;
        let mut row = found_override(tx, schedule, id).await?;
        if let Some(Id(user)) = wish.user_id {
            row.change.user = user;
        }
        if let Some(Time(start)) = wish.start {
            row.change.start = start;
        }
        if let Some(Time(end)) = wish.end {
            row.change.end = end;
        }
        if let Some(replaces) = wish.replaces_user_id {
            row.change.replaces = replaces.map(|id| id.0);
        }
        check(tx, &row.change).await?;
        schedules::update_override(tx, &row, change.now).await?;
        let body = OverrideBody::from(row);
        let changes = serde_json::json!({ "override": body });
        change
            .record(tx, "override_changed", object(&whole.name, &schedule), changes)
            .await?;
        Ok::<_, ApiError>(body)
    };
    state.store.db.write(unit).await
}

/// Removes an override: the layers speak again.
pub(crate) async fn delete_override(
    state: &AppState,
    caller: &Caller,
    schedule: ScheduleId,
    id: OverrideId,
) -> Result<(), ApiError> {
    let change = Change::new(state, caller);
    let unit = async move |tx: &mut Tx<'_>| {
        change.begin(tx).await?;
        let whole = found(tx, schedule).await?;
        let row = found_override(tx, schedule, id).await?;
        schedules::delete_override(tx, schedule, id, change.now).await?;
        let changes = serde_json::json!({ "override": OverrideBody::from(row) });
        change
            .record(tx, "override_removed", object(&whole.name, &schedule), changes)
            .await?;
        Ok::<_, ApiError>(())
    };
    state.store.db.write(unit).await
}

async fn found_override(tx: &mut Tx<'_>, schedule: ScheduleId, id: OverrideId) -> Result<OverrideRow, ApiError> {
    let row = schedules::get_override(tx, schedule, id).await?;
    row.ok_or_else(|| ApiError::not_found("override"))
}

/// Lists the overrides of a schedule, those that start last in front.
#[utoipa::path(
    get, path = "/api/schedules/{id}/overrides", tag = "Schedules", operation_id = "listOverrides",
    params(("id" = inline(ids::Schedule), Path), Page),
    responses((status = 200, body = Listed<OverrideBody>), (status = 400, body = ErrorBody), (status = 404, body = ErrorBody)),
)]
async fn list(
    State(state): State<AppState>,
    Path(Id(schedule)): Path<ids::Schedule>,
    Query(page): Query<Page>,
) -> Result<Json<Listed<OverrideBody>>, ApiError> {
    let unit = async move |tx: &mut Tx<'_>| {
        found(tx, schedule).await?;
        let part = Part {
            limit: page.limit,
            offset: page.offset,
            q: None,
        };
        Ok::<_, ApiError>(schedules::list_overrides(tx, schedule, part).await?)
    };
    let (rows, total) = state.store.db.read(unit).await?;
    let bodies = rows.into_iter().map(OverrideBody::from).collect();
    Ok(Json(Listed::new(bodies, total, page)))
}

/// One override.
#[utoipa::path(
    get, path = "/api/schedules/{id}/overrides/{overrideId}", tag = "Schedules", operation_id = "getOverride",
    params(("id" = inline(ids::Schedule), Path), ("overrideId" = inline(ids::Override), Path)),
    responses((status = 200, body = OverrideBody), (status = 404, body = ErrorBody)),
)]
async fn get(
    State(state): State<AppState>,
    Path((schedule, id)): Path<(ids::Schedule, ids::Override)>,
) -> Result<Json<OverrideBody>, ApiError> {
    let unit = async move |tx: &mut Tx<'_>| found_override(tx, schedule.0, id.0).await;
    Ok(Json(state.store.db.read(unit).await?.into()))
}

/// Makes an override. Of several at one instant, the one made last has the last word.
#[utoipa::path(
    post, path = "/api/schedules/{id}/overrides", tag = "Schedules", operation_id = "createOverride",
    params(("id" = inline(ids::Schedule), Path)), request_body = NewOverride,
    responses(
        (status = 201, body = OverrideBody),
        (status = 400, body = ErrorBody),
        (status = 404, body = ErrorBody),
        (status = 409, body = ErrorBody, description = "The schedule has too many overrides."),
    ),
)]
async fn post(
    State(state): State<AppState>,
    caller: Caller,
    Path(Id(schedule)): Path<ids::Schedule>,
    Json(new): Json<NewOverride>,
) -> Result<(StatusCode, Json<OverrideBody>), ApiError> {
    let body = add_override(&state, &caller, schedule, new).await?;
    Ok((StatusCode::CREATED, Json(body)))
}

/// Changes an override.
#[utoipa::path(
    patch, path = "/api/schedules/{id}/overrides/{overrideId}", tag = "Schedules", operation_id = "updateOverride",
    params(("id" = inline(ids::Schedule), Path), ("overrideId" = inline(ids::Override), Path)),
    request_body = OverridePatch,
    responses((status = 200, body = OverrideBody), (status = 400, body = ErrorBody), (status = 404, body = ErrorBody)),
)]
async fn edit(
    State(state): State<AppState>,
    caller: Caller,
    Path((schedule, id)): Path<(ids::Schedule, ids::Override)>,
    Json(wish): Json<OverridePatch>,
) -> Result<Json<OverrideBody>, ApiError> {
    Ok(Json(update_override(&state, &caller, (schedule.0, id.0), wish).await?))
}

/// Removes an override: the layers speak again.
#[utoipa::path(
    delete, path = "/api/schedules/{id}/overrides/{overrideId}", tag = "Schedules", operation_id = "deleteOverride",
    params(("id" = inline(ids::Schedule), Path), ("overrideId" = inline(ids::Override), Path)),
    responses((status = 204, description = "It is removed."), (status = 404, body = ErrorBody)),
)]
async fn remove(
    State(state): State<AppState>,
    caller: Caller,
    Path((schedule, id)): Path<(ids::Schedule, ids::Override)>,
) -> Result<StatusCode, ApiError> {
    delete_override(&state, &caller, schedule.0, id.0).await?;
    Ok(StatusCode::NO_CONTENT)
}
