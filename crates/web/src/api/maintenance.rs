//! `/api/services/{id}/maintenance`: times in which nobody is paged for what breaks at a service.

use axum::extract::State;
use http::StatusCode;
use opsknight_domain::{
    event::clean,
    id::{MaintenanceId, ServiceId},
    maintenance::{Phase, Problem, REASON_CHARS_MAX, WINDOWS_MAX, Window},
};
use opsknight_store::{
    db::Tx,
    maintenance::{self, MaintenanceRow},
};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};
use utoipa::ToSchema;
use utoipa_axum::{router::OpenApiRouter, routes};

use super::{
    access::Caller,
    change::{Change, Object},
    check,
    error::{ApiError, ErrorBody, Problems},
    extract::{Json, Path, Query},
    page::{Listed, Page},
    services,
    wire::{Id, Time, ids, patch, present},
};
use crate::state::AppState;

pub(super) fn routes() -> OpenApiRouter<AppState> {
    OpenApiRouter::new()
        .routes(routes!(list, post))
        .routes(routes!(get, edit, remove))
}

/// A time in which a service is in maintenance. What a monitoring tool reports meanwhile opens quietly: the incident is
/// snoozed until the end, nobody is told, and it opens and pages then if it is not resolved.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
#[schema(as = Maintenance)]
#[serde(rename_all = "camelCase")]
pub(crate) struct MaintenanceBody {
    /// Its id.
    #[schema(inline)]
    pub(crate) id: ids::Maintenance,
    /// Where it stands now.
    pub(crate) status: MaintenanceStatus,
    /// From when.
    #[schema(inline)]
    pub(crate) start: Time,
    /// Until when, this instant no longer included.
    #[schema(inline)]
    pub(crate) end: Time,
    /// What is done meanwhile.
    pub(crate) reason: Option<String>,
    /// The name of whoever made it.
    pub(crate) created_by: String,
    /// When it was made.
    #[schema(inline)]
    pub(crate) created_at: Time,
    /// When it last changed.
    #[schema(inline)]
    pub(crate) updated_at: Time,
}

/// Where a maintenance stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub(crate) enum MaintenanceStatus {
    /// It has not begun.
    Planned,
    /// It is under way.
    Active,
    /// It has ended.
    Over,
}

impl MaintenanceBody {
    fn new(row: MaintenanceRow, now: jiff::Timestamp) -> Self {
        let status = match row.window.phase(now) {
            Phase::Planned => MaintenanceStatus::Planned,
            Phase::Active => MaintenanceStatus::Active,
            Phase::Over => MaintenanceStatus::Over,
        };
        Self {
            id: Id(row.window.id),
            status,
            start: Time(row.window.start),
            end: Time(row.window.end),
            reason: row.window.reason,
            created_by: row.created_by,
            created_at: Time(row.created_at),
            updated_at: Time(row.updated_at),
        }
    }
}

/// A maintenance to be planned, or begun now.
#[derive(Debug, Clone, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct NewMaintenance {
    /// From when; none: from now.
    #[serde(default)]
    #[schema(inline)]
    pub(crate) start: Option<Time>,
    /// Until when, at most 30 days later.
    #[schema(inline)]
    pub(crate) end: Time,
    /// What is done meanwhile.
    #[serde(default)]
    #[schema(max_length = 200)]
    pub(crate) reason: Option<String>,
}

/// What is to change about a maintenance; what is left out stays.
#[derive(Debug, Clone, Default, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct MaintenancePatch {
    /// From when; only while it has not begun.
    #[serde(default, deserialize_with = "present")]
    #[schema(inline, value_type = Time, required = false)]
    pub(crate) start: Option<Time>,
    /// Until when.
    #[serde(default, deserialize_with = "present")]
    #[schema(inline, value_type = Time, required = false)]
    pub(crate) end: Option<Time>,
    /// What is done meanwhile; null: nothing is said.
    #[serde(default, deserialize_with = "patch")]
    #[schema(value_type = Option<String>, max_length = 200)]
    pub(crate) reason: Option<Option<String>>,
}

fn tidy(reason: Option<String>, problems: &mut Problems) -> Option<String> {
    let reason = reason.map(|text| clean(&text, usize::MAX));
    check::text(problems, "reason", reason, REASON_CHARS_MAX)
}

/// Everything that is wrong, at once. A reason that is too long was told of when it was read.
fn check(mut problems: Problems, found: Vec<Problem>) -> Result<(), ApiError> {
    for (field, why) in found {
        if field != "reason" {
            problems.add(field, why);
        }
    }
    problems.check()
}

/// Plans a maintenance, or begins one.
pub(crate) async fn create(
    state: &AppState,
    caller: &Caller,
    service: ServiceId,
    new: NewMaintenance,
) -> Result<MaintenanceBody, ApiError> {
    let change = Change::new(state, caller);
    let now = change.now;
    let mut problems = Problems::default();
    let window = Window {
        id: MaintenanceId::new(state.clock.uuid_v7()),
        service,
        start: new.start.map_or(now, |at| at.0),
        end: new.end.0,
        reason: tidy(new.reason, &mut problems),
    };
    let found = window.problems(now);
    check(problems, found)?;
    let row = MaintenanceRow {
        window,
        created_by: caller.actor().name().to_owned(),
        created_at: now,
        updated_at: now,
    };
    let unit = async move |tx: &mut Tx<'_>| {
        change.begin(tx).await?;
        let whole = services::found(tx, service).await?;
        let known = maintenance::count_since(tx, service, now).await?;
        if usize::try_from(known).is_ok_and(|known| known >= WINDOWS_MAX) {
            let why = format!("a service has at most {WINDOWS_MAX} times of maintenance that have not ended");
            return Err(ApiError::conflict(why));
        }
        maintenance::insert(tx, &row).await?;
        maintenance::look_again(tx, service, now).await?;
        let body = MaintenanceBody::new(row.clone(), now);
        let windows = (None, Some(&row.window));
        record(tx, &change, "maintenance_added", (&whole.name, service), windows).await?;
        Ok(body)
    };
    state.store.db.write(unit).await
}

/// Changes a maintenance that has not ended. The incidents that wait for its end go with it.
pub(crate) async fn update(
    state: &AppState,
    caller: &Caller,
    (service, id): (ServiceId, MaintenanceId),
    wish: MaintenancePatch,
) -> Result<MaintenanceBody, ApiError> {
    let change = Change::new(state, caller);
    let unit = async move |tx: &mut Tx<'_>| {
        change.begin(tx).await?;
        let whole = services::found(tx, service).await?;
        let mut row = found(tx, service, id).await?;
        unless_over(&row, change.now)?;
        let before = row.window.clone();
        let mut problems = Problems::default();
        if let Some(Time(start)) = wish.start {
            row.window.start = start;
        }
        if let Some(Time(end)) = wish.end {
            row.window.end = end;
        }
        if let Some(reason) = wish.reason.clone() {
            row.window.reason = tidy(reason, &mut problems);
        }
        check(problems, row.window.problems_of_change(&before, change.now))?;
        let body = MaintenanceBody::new(row.clone(), change.now);
        if row.window != before {
            row.updated_at = change.now;
            maintenance::update(tx, &row).await?;
            maintenance::look_again(tx, service, change.now).await?;
            let windows = (Some(&before), Some(&row.window));
            record(tx, &change, "maintenance_changed", (&whole.name, service), windows).await?;
        }
        Ok::<_, ApiError>(body)
    };
    state.store.db.write(unit).await
}

/// Ends a maintenance that is under way, or cancels one that has not begun. True when it was under way. The incidents that
/// wait for its end open now, unless another maintenance keeps them.
pub(crate) async fn end(
    state: &AppState,
    caller: &Caller,
    service: ServiceId,
    id: MaintenanceId,
) -> Result<bool, ApiError> {
    let change = Change::new(state, caller);
    let unit = async move |tx: &mut Tx<'_>| {
        change.begin(tx).await?;
        let whole = services::found(tx, service).await?;
        let mut row = found(tx, service, id).await?;
        unless_over(&row, change.now)?;
        let before = row.window.clone();
        let was_active = row.window.phase(change.now) == Phase::Active && row.window.start < change.now;
        let what = if was_active {
            row.window.end = change.now;
            row.updated_at = change.now;
            maintenance::update(tx, &row).await?;
            "maintenance_ended"
        } else {
            maintenance::delete(tx, service, id, change.now).await?;
            "maintenance_cancelled"
        };
        maintenance::look_again(tx, service, change.now).await?;
        let windows = (Some(&before), was_active.then_some(&row.window));
        record(tx, &change, what, (&whole.name, service), windows).await?;
        Ok::<_, ApiError>(was_active)
    };
    state.store.db.write(unit).await
}

/// Tells the audit log what became of a window: what it was, and what it is.
async fn record(
    tx: &mut Tx<'_>,
    change: &Change,
    what: &str,
    (name, id): (&str, ServiceId),
    (before, after): (Option<&Window>, Option<&Window>),
) -> Result<(), ApiError> {
    let object = Object {
        kind: "service",
        id: &id,
        name,
    };
    let fields = |window: &Window| {
        [
            ("start", json!(window.start.to_string())),
            ("end", json!(window.end.to_string())),
            ("reason", json!(window.reason)),
        ]
    };
    let (before, after) = (before.map(fields), after.map(fields));
    let mut changes = Map::new();
    for (place, field) in ["start", "end", "reason"].into_iter().enumerate() {
        let value = |of: &Option<[(&str, Value); 3]>| of.as_ref().map_or(Value::Null, |of| of[place].1.clone());
        let (from, to) = (value(&before), value(&after));
        if from != to {
            changes.insert(field.to_owned(), json!({ "from": from, "to": to }));
        }
    }
    Ok(change.record(tx, what, object, changes.into()).await?)
}

async fn found(tx: &mut Tx<'_>, service: ServiceId, id: MaintenanceId) -> Result<MaintenanceRow, ApiError> {
    let row = maintenance::get(tx, service, id).await?;
    row.ok_or_else(|| ApiError::not_found("maintenance"))
}

fn unless_over(row: &MaintenanceRow, now: jiff::Timestamp) -> Result<(), ApiError> {
    match row.window.phase(now) {
        Phase::Over => Err(ApiError::conflict("the maintenance is over; plan another one")),
        Phase::Planned | Phase::Active => Ok(()),
    }
}

/// Lists the maintenance of a service, planned and past too; what ends last in front.
#[utoipa::path(
    get, path = "/api/services/{id}/maintenance", tag = "Services", operation_id = "listMaintenance",
    params(("id" = inline(ids::Service), Path), Page),
    responses((status = 200, body = Listed<MaintenanceBody>), (status = 400, body = ErrorBody), (status = 404, body = ErrorBody)),
)]
async fn list(
    State(state): State<AppState>,
    Path(Id(service)): Path<ids::Service>,
    Query(page): Query<Page>,
) -> Result<Json<Listed<MaintenanceBody>>, ApiError> {
    let unit = async move |tx: &mut Tx<'_>| {
        services::found(tx, service).await?;
        Ok::<_, ApiError>(maintenance::list(tx, service, page.limit, page.offset).await?)
    };
    let (rows, total) = state.store.db.read(unit).await?;
    let now = state.clock.now();
    let bodies = rows.into_iter().map(|row| MaintenanceBody::new(row, now));
    Ok(Json(Listed::new(bodies.collect(), total, page)))
}

/// One maintenance.
#[utoipa::path(
    get, path = "/api/services/{id}/maintenance/{maintenanceId}", tag = "Services", operation_id = "getMaintenance",
    params(("id" = inline(ids::Service), Path), ("maintenanceId" = inline(ids::Maintenance), Path)),
    responses((status = 200, body = MaintenanceBody), (status = 404, body = ErrorBody)),
)]
async fn get(
    State(state): State<AppState>,
    Path((service, id)): Path<(ids::Service, ids::Maintenance)>,
) -> Result<Json<MaintenanceBody>, ApiError> {
    let unit = async move |tx: &mut Tx<'_>| found(tx, service.0, id.0).await;
    let row = state.store.db.read(unit).await?;
    Ok(Json(MaintenanceBody::new(row, state.clock.now())))
}

/// Plans a maintenance, or begins one where no start is given. Incidents that are there already go on as they did, and
/// those that are opened by hand page as ever.
#[utoipa::path(
    post, path = "/api/services/{id}/maintenance", tag = "Services", operation_id = "createMaintenance",
    params(("id" = inline(ids::Service), Path)), request_body = NewMaintenance,
    responses(
        (status = 201, body = MaintenanceBody),
        (status = 400, body = ErrorBody),
        (status = 404, body = ErrorBody),
        (status = 409, body = ErrorBody, description = "The service has too many of them."),
    ),
)]
async fn post(
    State(state): State<AppState>,
    caller: Caller,
    Path(Id(service)): Path<ids::Service>,
    Json(new): Json<NewMaintenance>,
) -> Result<(StatusCode, Json<MaintenanceBody>), ApiError> {
    let body = create(&state, &caller, service, new).await?;
    Ok((StatusCode::CREATED, Json(body)))
}

/// Changes a maintenance that has not ended: prolongs it, shortens it, moves it. The incidents that wait for its end go
/// with it.
#[utoipa::path(
    patch, path = "/api/services/{id}/maintenance/{maintenanceId}", tag = "Services", operation_id = "updateMaintenance",
    params(("id" = inline(ids::Service), Path), ("maintenanceId" = inline(ids::Maintenance), Path)),
    request_body = MaintenancePatch,
    responses(
        (status = 200, body = MaintenanceBody),
        (status = 400, body = ErrorBody),
        (status = 404, body = ErrorBody),
        (status = 409, body = ErrorBody, description = "It is over."),
    ),
)]
async fn edit(
    State(state): State<AppState>,
    caller: Caller,
    Path((service, id)): Path<(ids::Service, ids::Maintenance)>,
    Json(wish): Json<MaintenancePatch>,
) -> Result<Json<MaintenanceBody>, ApiError> {
    Ok(Json(update(&state, &caller, (service.0, id.0), wish).await?))
}

/// Ends a maintenance that is under way, or cancels one that has not begun. The incidents that wait for its end open now.
#[utoipa::path(
    delete, path = "/api/services/{id}/maintenance/{maintenanceId}", tag = "Services", operation_id = "endMaintenance",
    params(("id" = inline(ids::Service), Path), ("maintenanceId" = inline(ids::Maintenance), Path)),
    responses(
        (status = 204, description = "It has ended, or will not be."),
        (status = 404, body = ErrorBody),
        (status = 409, body = ErrorBody, description = "It is over."),
    ),
)]
async fn remove(
    State(state): State<AppState>,
    caller: Caller,
    Path((service, id)): Path<(ids::Service, ids::Maintenance)>,
) -> Result<StatusCode, ApiError> {
    end(&state, &caller, service.0, id.0).await?;
    Ok(StatusCode::NO_CONTENT)
}
