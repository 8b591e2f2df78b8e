//! `/api/schedules/{id}/calendar.ics`: the shifts of a schedule for calendar programs (RFC 5545).

use axum::{
    extract::State,
    response::{IntoResponse, Response},
};
use http::header;
use jiff::SignedDuration;
use opsknight_store::db::Tx;
use utoipa_axum::{router::OpenApiRouter, routes};

use super::{
    on_call::{names, wrong_range},
    whole,
};
use crate::{
    api::{
        error::{ApiError, ErrorBody},
        extract::Path,
        wire::{Id, ids},
    },
    calendar::{named, of_schedule},
    state::AppState,
};

/// How far back overrides are read: longer than a calendar goes back.
const PAST: SignedDuration = SignedDuration::from_hours(90 * 24);

pub(super) fn routes() -> OpenApiRouter<AppState> {
    OpenApiRouter::new().routes(routes!(calendar))
}

/// The shifts of a schedule as a calendar: the last 30 days and the next 180.
#[utoipa::path(
    get, path = "/api/schedules/{id}/calendar.ics", tag = "Schedules", operation_id = "getScheduleCalendar",
    params(("id" = inline(ids::Schedule), Path)),
    responses((status = 200, body = String, content_type = "text/calendar"), (status = 404, body = ErrorBody)),
)]
async fn calendar(State(state): State<AppState>, Path(Id(id)): Path<ids::Schedule>) -> Result<Response, ApiError> {
    let now = state.clock.now();
    let since = now.checked_sub(PAST).unwrap_or(now);
    let unit = async move |tx: &mut Tx<'_>| {
        let schedule = whole(tx, id, since).await?;
        let layers = schedule.layers.iter().flat_map(|layer| &layer.users).copied();
        let overrides = schedule.overrides.iter().map(|change| change.user);
        let people: Vec<_> = layers.chain(overrides).collect();
        let names = names(tx, people).await?;
        Ok::<_, ApiError>((schedule, names))
    };
    let (schedule, names) = state.store.db.read(unit).await?;
    let text = of_schedule(&schedule, now, &named(&names)).map_err(wrong_range)?;
    let headers = [
        (header::CONTENT_TYPE, "text/calendar; charset=utf-8"),
        (header::CONTENT_DISPOSITION, "inline; filename=\"on-call.ics\""),
    ];
    Ok((headers, text).into_response())
}
