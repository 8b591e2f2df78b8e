//! `/api/schedules/{id}/on-call` and `/api/schedules/{id}/shifts`: who answers when, and why.

use std::collections::{HashMap, hash_map::Entry};

use axum::extract::State;
use jiff::{SignedDuration, Timestamp};
use opsknight_domain::{
    directory::Directory,
    id::UserId,
    oncall::{Because, OnCall, Schedule, Shift, ShiftsError},
};
use opsknight_store::{db::Tx, users};
use serde::Serialize;
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::{router::OpenApiRouter, routes};

use super::whole;
use crate::{
    api::{
        Named,
        error::{ApiError, ErrorBody, Problems},
        extract::{FromParams, Json, Params, Path, Query},
        wire::{Id, Time, ids},
    },
    state::AppState,
};

/// How many days of shifts are answered where nobody says until when.
const SHIFTS_DAYS_DEFAULT: i64 = 14;

pub(super) fn routes() -> OpenApiRouter<AppState> {
    OpenApiRouter::new().routes(routes!(on_call)).routes(routes!(shifts))
}

/// Who is on call.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
#[schema(as = OnCall)]
#[serde(rename_all = "camelCase")]
pub(super) struct OnCallBody {
    /// At which instant.
    #[schema(inline)]
    pub at: Time,
    /// Who, or null when nobody is.
    pub user: Option<Named>,
    /// Why: "on call by layer Primary".
    pub reason: String,
    /// The layer that speaks.
    pub layer: Option<String>,
    /// The override that has the last word.
    #[schema(inline)]
    pub override_id: Option<ids::Override>,
    /// When that changes next, as far as can be seen.
    #[schema(inline)]
    pub until: Option<Time>,
}

/// A time during which one person is on call for one reason, or nobody is.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
#[schema(as = Shift)]
#[serde(rename_all = "camelCase")]
pub(super) struct ShiftBody {
    /// Its first instant.
    #[schema(inline)]
    pub start: Time,
    /// The first instant after it.
    #[schema(inline)]
    pub end: Time,
    /// Who, or null when nobody is.
    pub user: Option<Named>,
    /// The layer that speaks.
    pub layer: Option<String>,
    /// The override that has the last word.
    #[schema(inline)]
    pub override_id: Option<ids::Override>,
}

/// The shifts of a range of time, without gap or overlap.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
#[schema(as = Shifts)]
#[serde(rename_all = "camelCase")]
pub(super) struct ShiftsBody {
    /// The shifts in the order of time.
    pub data: Vec<ShiftBody>,
    /// Where the range begins.
    #[schema(inline)]
    pub from: Time,
    /// Where it ends.
    #[schema(inline)]
    pub to: Time,
}

/// At which instant.
#[derive(Debug, Clone, Copy, Default, IntoParams)]
#[into_params(parameter_in = Query)]
struct AtQuery {
    /// The instant; now unless said.
    #[param(inline, value_type = Option<Time>)]
    at: Option<Timestamp>,
}

impl FromParams for AtQuery {
    fn from_params(params: &mut Params, problems: &mut Problems) -> Self {
        Self {
            at: params.one::<Time>("at", problems).map(|time| time.0),
        }
    }
}

/// Of which time.
#[derive(Debug, Clone, Copy, Default, IntoParams)]
#[into_params(parameter_in = Query)]
pub(super) struct RangeQuery {
    /// Where the range begins; now unless said.
    #[param(inline, value_type = Option<Time>)]
    from: Option<Timestamp>,
    /// Where it ends, at most 366 days later; 14 days later unless said.
    #[param(inline, value_type = Option<Time>)]
    to: Option<Timestamp>,
}

impl FromParams for RangeQuery {
    fn from_params(params: &mut Params, problems: &mut Problems) -> Self {
        Self {
            from: params.one::<Time>("from", problems).map(|time| time.0),
            to: params.one::<Time>("to", problems).map(|time| time.0),
        }
    }
}

impl RangeQuery {
    pub(super) fn range(self, now: Timestamp) -> (Timestamp, Timestamp) {
        let from = self.from.unwrap_or(now);
        let later = from.checked_add(SignedDuration::from_hours(24 * SHIFTS_DAYS_DEFAULT));
        (from, self.to.or(later.ok()).unwrap_or(from))
    }
}

/// What is wrong with a range, under the name of the parameter.
pub(super) fn wrong_range(error: ShiftsError) -> ApiError {
    let why = error.to_string();
    let why = why.strip_prefix("to ").unwrap_or(&why);
    ApiError::invalid("to", why)
}

/// The names of the people who are on call in these answers.
pub(super) async fn names(
    tx: &mut Tx<'_>,
    people: impl IntoIterator<Item = UserId>,
) -> Result<HashMap<UserId, String>, ApiError> {
    let mut names = HashMap::new();
    for id in people {
        if let Entry::Vacant(place) = names.entry(id) {
            let user = users::get(tx, id).await?;
            place.insert(user.map_or_else(|| Directory::default().user_name(id).to_owned(), |user| user.name));
        }
    }
    Ok(names)
}

fn named(names: &HashMap<UserId, String>, user: Option<UserId>) -> Option<Named> {
    Named::maybe(user, user.and_then(|id| names.get(&id).cloned()))
}

fn parts(because: Option<Because>) -> (Option<String>, Option<ids::Override>) {
    match because {
        None => (None, None),
        Some(Because::Layer { name, .. }) => (Some(name), None),
        Some(Because::Override { id }) => (None, Some(Id(id))),
    }
}

fn on_call_body(schedule: &Schedule, at: Timestamp, names: &HashMap<UserId, String>) -> OnCallBody {
    let answer = schedule.on_call(at);
    let reason = answer.reason();
    let user = answer.user();
    let (layer, override_id) = match answer {
        OnCall::Somebody { because, .. } => parts(Some(because)),
        OnCall::Nobody { .. } => (None, None),
    };
    OnCallBody {
        at: Time(at),
        user: named(names, user),
        reason,
        layer,
        override_id,
        until: schedule.next_change(at).map(Time),
    }
}

/// The shifts of a schedule with the names of its people.
pub(super) async fn shift_bodies(
    tx: &mut Tx<'_>,
    schedule: &Schedule,
    (from, to): (Timestamp, Timestamp),
) -> Result<Vec<ShiftBody>, ApiError> {
    let shifts = schedule.shifts(from, to).map_err(wrong_range)?;
    let names = names(tx, shifts.iter().filter_map(|shift| shift.user)).await?;
    let body = |shift: Shift| {
        let (layer, override_id) = parts(shift.because);
        ShiftBody {
            start: Time(shift.start),
            end: Time(shift.end),
            user: named(&names, shift.user),
            layer,
            override_id,
        }
    };
    Ok(shifts.into_iter().map(body).collect())
}

/// Who is on call, why, and until when.
#[utoipa::path(
    get, path = "/api/schedules/{id}/on-call", tag = "Schedules", operation_id = "getOnCall",
    params(("id" = inline(ids::Schedule), Path), AtQuery),
    responses((status = 200, body = OnCallBody), (status = 400, body = ErrorBody), (status = 404, body = ErrorBody)),
)]
async fn on_call(
    State(state): State<AppState>,
    Path(Id(id)): Path<ids::Schedule>,
    Query(query): Query<AtQuery>,
) -> Result<Json<OnCallBody>, ApiError> {
    let at = query.at.unwrap_or_else(|| state.clock.now());
    let unit = async move |tx: &mut Tx<'_>| {
        let schedule = whole(tx, id, at).await?;
        let names = names(tx, schedule.on_call(at).user()).await?;
        Ok::<_, ApiError>(on_call_body(&schedule, at, &names))
    };
    Ok(Json(state.store.db.read(unit).await?))
}

/// The shifts that fill a range of time, without gap or overlap.
#[utoipa::path(
    get, path = "/api/schedules/{id}/shifts", tag = "Schedules", operation_id = "listShifts",
    params(("id" = inline(ids::Schedule), Path), RangeQuery),
    responses((status = 200, body = ShiftsBody), (status = 400, body = ErrorBody), (status = 404, body = ErrorBody)),
)]
async fn shifts(
    State(state): State<AppState>,
    Path(Id(id)): Path<ids::Schedule>,
    Query(query): Query<RangeQuery>,
) -> Result<Json<ShiftsBody>, ApiError> {
    let (from, to) = query.range(state.clock.now());
    let unit = async move |tx: &mut Tx<'_>| {
        let schedule = whole(tx, id, from).await?;
        shift_bodies(tx, &schedule, (from, to)).await
    };
    Ok(Json(ShiftsBody {
        data: state.store.db.read(unit).await?,
        from: Time(from),
        to: Time(to),
    }))
}
