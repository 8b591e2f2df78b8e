//! `/api/schedules`: schedules, overrides, who is on call, and the calendar.

use axum::extract::State;
use http::StatusCode;
use opsknight_domain::{
    id::{ScheduleId, UserId},
    oncall::{Layer, Problem, Schedule},
};
use opsknight_store::{
    db::Tx,
    schedules::{self, OVERRIDE_KEPT_FOR, ScheduleRow},
    users,
};
use utoipa_axum::{router::OpenApiRouter, routes};

use super::{
    access::Caller,
    change::{Change, IfMatch, Object},
    check,
    error::{ApiError, ErrorBody, Problems},
    extract::{Json, Path, Query},
    page::{Listed, Page},
    search::Search,
    wire::{Id, ids},
};
use crate::state::AppState;

mod calendar;
mod feeds;
mod gaps;
mod on_call;
pub(crate) mod overrides;
mod shape;

pub use shape::{LayerBody, ScheduleBody};
pub(crate) use shape::{NewSchedule, SchedulePatch};

pub(super) fn routes() -> OpenApiRouter<AppState> {
    OpenApiRouter::new()
        .routes(routes!(list, post))
        .routes(routes!(get, edit, remove))
        .merge(overrides::routes())
        .merge(on_call::routes())
        .merge(calendar::routes())
        .merge(feeds::routes())
        .merge(gaps::routes())
}

impl SchedulePatch {
    async fn apply(&self, tx: &mut Tx<'_>, row: &mut ScheduleRow) -> Result<(), ApiError> {
        let mut problems = Problems::default();
        if let Some(name) = &self.name {
            row.name = check::name(&mut problems, "name", name);
        }
        if let Some(zone) = &self.time_zone {
            row.zone = check::time_zone(&mut problems, "timeZone", zone);
        }
        if let Some(layers) = &self.layers {
            let zone = row.zone.clone();
            row.layers = layers
                .iter()
                .enumerate()
                .map(|(place, layer)| layer.read(&zone, &mut problems, &format!("layers[{place}].")))
                .collect();
            check_people(tx, &mut problems, &row.layers).await?;
        }
        tell(&mut problems, row.clone().with(Vec::new()).problems());
        problems.check()
    }
}

/// The words of the domain for what is wrong.
fn tell(problems: &mut Problems, found: Vec<Problem>) {
    for problem in found {
        problems.add(problem.field, problem.message);
    }
}

/// Every person of the layers exists.
async fn check_people(tx: &mut Tx<'_>, problems: &mut Problems, layers: &[Layer]) -> Result<(), ApiError> {
    let mut known: std::collections::HashMap<UserId, bool> = std::collections::HashMap::new();
    for (at, layer) in layers.iter().enumerate().take(opsknight_domain::oncall::LAYERS_MAX) {
        for (place, &user) in layer.users.iter().enumerate().take(opsknight_domain::oncall::USERS_MAX) {
            let exists = match known.get(&user) {
                Some(exists) => *exists,
                None => users::get(tx, user).await?.is_some(),
            };
            known.insert(user, exists);
            if !exists {
                problems.add(format!("layers[{at}].users[{place}]"), "must be the id of a user");
            }
        }
    }
    Ok(())
}

/// Makes a schedule.
pub(crate) async fn create(state: &AppState, caller: &Caller, new: NewSchedule) -> Result<ScheduleBody, ApiError> {
    let change = Change::new(state, caller);
    let id = ScheduleId::new(state.clock.uuid_v7());
    let wish = SchedulePatch::from(new);
    let unit = async move |tx: &mut Tx<'_>| {
        change.begin(tx).await?;
        let mut row = ScheduleRow::empty(id, change.now);
        wish.apply(tx, &mut row).await?;
        schedules::insert(tx, &row).await?;
        let body = ScheduleBody::from(row);
        change.created(tx, object(&body.name, &id), &body).await?;
        Ok(body)
    };
    state.store.db.write(unit).await
}

/// Changes a schedule; its overrides stay.
pub(crate) async fn update(
    state: &AppState,
    caller: &Caller,
    id: ScheduleId,
    wish: SchedulePatch,
) -> Result<ScheduleBody, ApiError> {
    let change = Change::new(state, caller);
    let unit = async move |tx: &mut Tx<'_>| {
        change.begin(tx).await?;
        let mut row = found(tx, id).await?;
        let before = ScheduleBody::from(row.clone());
        wish.apply(tx, &mut row).await?;
        row.updated_at = change.follows(row.updated_at)?;
        schedules::update(tx, &row).await?;
        let body = ScheduleBody::from(row);
        change.updated(tx, object(&body.name, &id), &before, &body).await?;
        Ok(body)
    };
    state.store.db.write(unit).await
}

/// Removes a schedule with its overrides.
pub(crate) async fn delete(state: &AppState, caller: &Caller, id: ScheduleId) -> Result<(), ApiError> {
    let change = Change::new(state, caller);
    let unit = async move |tx: &mut Tx<'_>| {
        change.begin(tx).await?;
        let row = found(tx, id).await?;
        schedules::delete(tx, id, change.now).await?;
        change.deleted(tx, object(&row.name, &id)).await?;
        Ok(())
    };
    state.store.db.write(unit).await
}

fn object<'a>(name: &'a str, id: &'a ScheduleId) -> Object<'a> {
    Object {
        kind: "schedule",
        id,
        name,
    }
}

/// The schedule without its overrides, or 404.
async fn found(tx: &mut Tx<'_>, id: ScheduleId) -> Result<ScheduleRow, ApiError> {
    let row = schedules::get(tx, id).await?;
    row.ok_or_else(|| ApiError::not_found("schedule"))
}

/// The schedule with the overrides that have not ended long before `since`, or 404.
pub(crate) async fn whole(tx: &mut Tx<'_>, id: ScheduleId, since: jiff::Timestamp) -> Result<Schedule, ApiError> {
    let since = since.checked_sub(OVERRIDE_KEPT_FOR).unwrap_or(since);
    let row = found(tx, id).await?;
    Ok(row.with(schedules::overrides_since(tx, id, since).await?))
}

/// Lists schedules by name.
#[utoipa::path(
    get, path = "/api/schedules", tag = "Schedules", operation_id = "listSchedules", params(Search, Page),
    responses((status = 200, body = Listed<ScheduleBody>), (status = 400, body = ErrorBody)),
)]
async fn list(
    State(state): State<AppState>,
    Query((search, page)): Query<(Search, Page)>,
) -> Result<Json<Listed<ScheduleBody>>, ApiError> {
    let unit = async move |tx: &mut Tx<'_>| schedules::list(tx, search.part(page)).await;
    let (rows, total) = state.store.db.read(unit).await?;
    let bodies = rows.into_iter().map(ScheduleBody::from).collect();
    Ok(Json(Listed::new(bodies, total, page)))
}

/// One schedule.
#[utoipa::path(
    get, path = "/api/schedules/{id}", tag = "Schedules", operation_id = "getSchedule",
    params(("id" = inline(ids::Schedule), Path)),
    responses((status = 200, body = ScheduleBody), (status = 404, body = ErrorBody)),
)]
async fn get(State(state): State<AppState>, Path(Id(id)): Path<ids::Schedule>) -> Result<Json<ScheduleBody>, ApiError> {
    let row = state
        .store
        .db
        .read(async move |tx: &mut Tx<'_>| found(tx, id).await)
        .await?;
    Ok(Json(row.into()))
}

/// Makes a schedule.
#[utoipa::path(
    post, path = "/api/schedules", tag = "Schedules", operation_id = "createSchedule", request_body = NewSchedule,
    responses((status = 201, body = ScheduleBody), (status = 400, body = ErrorBody)),
)]
async fn post(
    State(state): State<AppState>,
    caller: Caller,
    Json(new): Json<NewSchedule>,
) -> Result<(StatusCode, Json<ScheduleBody>), ApiError> {
    Ok((StatusCode::CREATED, Json(create(&state, &caller, new).await?)))
}

/// Changes a schedule; its overrides stay.
#[utoipa::path(
    patch, path = "/api/schedules/{id}", tag = "Schedules", operation_id = "updateSchedule",
    params(("id" = inline(ids::Schedule), Path), IfMatch), request_body = SchedulePatch,
    responses((status = 200, body = ScheduleBody), (status = 400, body = ErrorBody), (status = 404, body = ErrorBody)),
)]
async fn edit(
    State(state): State<AppState>,
    caller: Caller,
    Path(Id(id)): Path<ids::Schedule>,
    Json(wish): Json<SchedulePatch>,
) -> Result<Json<ScheduleBody>, ApiError> {
    Ok(Json(update(&state, &caller, id, wish).await?))
}

/// Removes a schedule with its overrides.
#[utoipa::path(
    delete, path = "/api/schedules/{id}", tag = "Schedules", operation_id = "deleteSchedule",
    params(("id" = inline(ids::Schedule), Path)),
    responses(
        (status = 204, description = "It is removed."),
        (status = 404, body = ErrorBody),
        (status = 409, body = ErrorBody, description = "A policy uses it."),
    ),
)]
async fn remove(
    State(state): State<AppState>,
    caller: Caller,
    Path(Id(id)): Path<ids::Schedule>,
) -> Result<StatusCode, ApiError> {
    delete(&state, &caller, id).await?;
    Ok(StatusCode::NO_CONTENT)
}
