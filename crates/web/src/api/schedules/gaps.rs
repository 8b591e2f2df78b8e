//! `/api/schedules/{id}/gaps` and `/api/schedules/preview`: when nobody is on call, by what is saved and by what is not.

use axum::extract::State;
use jiff::Timestamp;
use opsknight_domain::{id::ScheduleId, oncall::Schedule};
use opsknight_store::{db::Tx, schedules::ScheduleRow};
use serde::Serialize;
use utoipa::ToSchema;
use utoipa_axum::{router::OpenApiRouter, routes};

use super::{
    NewSchedule, SchedulePatch,
    on_call::{RangeQuery, ShiftBody, shift_bodies, wrong_range},
    whole,
};
use crate::{
    api::{
        error::{ApiError, ErrorBody},
        extract::{Json, Path, Query},
        wire::{Id, Time, ids},
    },
    state::AppState,
};

pub(super) fn routes() -> OpenApiRouter<AppState> {
    OpenApiRouter::new().routes(routes!(gaps)).routes(routes!(preview))
}

/// A time during which nobody is on call.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
#[schema(as = Gap)]
#[serde(rename_all = "camelCase")]
struct GapBody {
    /// Its first instant.
    #[schema(inline)]
    start: Time,
    /// The first instant after it, or the end of the range.
    #[schema(inline)]
    end: Time,
}

/// The times of a range during which nobody is on call.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
#[schema(as = Gaps)]
#[serde(rename_all = "camelCase")]
struct GapsBody {
    /// The gaps in the order of time; none: somebody is on call all the time.
    data: Vec<GapBody>,
    /// Where the range begins.
    #[schema(inline)]
    from: Time,
    /// Where it ends.
    #[schema(inline)]
    to: Time,
}

/// What a schedule would come to.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
#[schema(as = SchedulePreview)]
#[serde(rename_all = "camelCase")]
struct PreviewBody {
    /// The shifts in the order of time.
    shifts: Vec<ShiftBody>,
    /// When nobody would be on call.
    gaps: Vec<GapBody>,
    /// Where the range begins.
    #[schema(inline)]
    from: Time,
    /// Where it ends.
    #[schema(inline)]
    to: Time,
}

fn gaps_of(schedule: &Schedule, (from, to): (Timestamp, Timestamp)) -> Result<Vec<GapBody>, ApiError> {
    let gaps = schedule.gaps(from, to).map_err(wrong_range)?;
    let body = |gap: opsknight_domain::oncall::Gap| GapBody {
        start: Time(gap.start),
        end: Time(gap.end),
    };
    Ok(gaps.into_iter().map(body).collect())
}

/// When nobody is on call in a range of time.
#[utoipa::path(
    get, path = "/api/schedules/{id}/gaps", tag = "Schedules", operation_id = "listGaps",
    params(("id" = inline(ids::Schedule), Path), RangeQuery),
    responses((status = 200, body = GapsBody), (status = 400, body = ErrorBody), (status = 404, body = ErrorBody)),
)]
async fn gaps(
    State(state): State<AppState>,
    Path(Id(id)): Path<ids::Schedule>,
    Query(query): Query<RangeQuery>,
) -> Result<Json<GapsBody>, ApiError> {
    let range = query.range(state.clock.now());
    let unit = async move |tx: &mut Tx<'_>| whole(tx, id, range.0).await;
    let schedule = state.store.db.read(unit).await?;
    Ok(Json(GapsBody {
        data: gaps_of(&schedule, range)?,
        from: Time(range.0),
        to: Time(range.1),
    }))
}

/// What a schedule would come to in a range of time, were it saved. Nothing is.
#[utoipa::path(
    post, path = "/api/schedules/preview", tag = "Schedules", operation_id = "previewSchedule", params(RangeQuery),
    request_body = NewSchedule,
    responses((status = 200, body = PreviewBody), (status = 400, body = ErrorBody)),
)]
async fn preview(
    State(state): State<AppState>,
    Query(query): Query<RangeQuery>,
    Json(new): Json<NewSchedule>,
) -> Result<Json<PreviewBody>, ApiError> {
    let now = state.clock.now();
    let range = query.range(now);
    let id = ScheduleId::new(state.clock.uuid_v7());
    let wish = SchedulePatch::from(new);
    let unit = async move |tx: &mut Tx<'_>| {
        let mut row = ScheduleRow::empty(id, now);
        wish.apply(tx, &mut row).await?;
        let schedule = row.with(Vec::new());
        let shifts = shift_bodies(tx, &schedule, range).await?;
        Ok::<_, ApiError>((shifts, gaps_of(&schedule, range)?))
    };
    let (shifts, gaps) = state.store.db.read(unit).await?;
    Ok(Json(PreviewBody {
        shifts,
        gaps,
        from: Time(range.0),
        to: Time(range.1),
    }))
}
