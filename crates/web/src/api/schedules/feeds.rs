//! `/api/users/{id}/calendar`: the links by which calendar programs fetch shifts without a session.

use axum::extract::State;
use opsknight_domain::id::UserId;
use opsknight_store::{db::Tx, listing::Part, schedules, users};
use serde::Serialize;
use utoipa::ToSchema;
use utoipa_axum::{router::OpenApiRouter, routes};

use crate::{
    api::{
        access::Caller,
        error::{ApiError, ErrorBody},
        extract::{Json, Path},
        wire::{Id, ids},
    },
    calendar,
    state::AppState,
};

pub(super) fn routes() -> OpenApiRouter<AppState> {
    OpenApiRouter::new().routes(routes!(get)).routes(routes!(renew))
}

/// A person's links for calendar programs. Whoever has one can read those shifts, and nothing else.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
#[schema(as = CalendarLinks)]
#[serde(rename_all = "camelCase")]
struct LinksBody {
    /// Their own shifts, on all schedules.
    url: String,
    /// All shifts of each schedule.
    schedules: Vec<ScheduleLinkBody>,
}

/// A link to all shifts of one schedule.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
#[schema(as = CalendarLink)]
#[serde(rename_all = "camelCase")]
struct ScheduleLinkBody {
    /// Which schedule.
    #[schema(inline)]
    id: ids::Schedule,
    /// Its name.
    name: String,
    /// The link.
    url: String,
}

async fn links(state: &AppState, user: UserId) -> Result<Json<LinksBody>, ApiError> {
    let unit = async move |tx: &mut Tx<'_>| {
        let known = users::get(tx, user).await?;
        known.ok_or_else(|| ApiError::not_found("user"))?;
        Ok::<_, ApiError>(schedules::list(tx, Part::ALL).await?.0)
    };
    let rows = state.store.db.read(unit).await?;
    let ids: Vec<_> = rows.iter().map(|row| row.id).collect();
    let (own, of_schedules) = calendar::feeds(state, user, &ids).await?;
    let schedules = rows.into_iter().zip(of_schedules).map(|(row, feed)| ScheduleLinkBody {
        id: Id(row.id),
        name: row.name,
        url: feed.url,
    });
    Ok(Json(LinksBody {
        url: own.url,
        schedules: schedules.collect(),
    }))
}

/// A person's links for calendar programs.
#[utoipa::path(
    get, path = "/api/users/{id}/calendar", tag = "Schedules", operation_id = "getCalendarLinks",
    params(("id" = inline(ids::User), Path)),
    responses((status = 200, body = LinksBody), (status = 404, body = ErrorBody)),
)]
async fn get(State(state): State<AppState>, Path(Id(id)): Path<ids::User>) -> Result<Json<LinksBody>, ApiError> {
    links(&state, id).await
}

/// Ends the links that a person has handed out, and answers with others.
#[utoipa::path(
    post, path = "/api/users/{id}/calendar/renew", tag = "Schedules", operation_id = "renewCalendarLinks",
    params(("id" = inline(ids::User), Path)),
    responses((status = 200, body = LinksBody), (status = 404, body = ErrorBody)),
)]
async fn renew(
    State(state): State<AppState>,
    caller: Caller,
    Path(Id(id)): Path<ids::User>,
) -> Result<Json<LinksBody>, ApiError> {
    calendar::renew(&state, &caller, id).await?;
    links(&state, id).await
}
