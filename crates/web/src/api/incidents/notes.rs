//! Notes that exist, changed by the person who wrote them.

use axum::extract::State;
use http::StatusCode;
use serde::Deserialize;
use utoipa::ToSchema;

use super::shape::EntryBody;
use crate::{
    actions::notes as actions,
    api::{
        access::Caller,
        error::{ApiError, ErrorBody},
        extract::{Json, Path},
        wire::ids,
    },
    state::AppState,
};

/// The new words of a note.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct NotePatch {
    /// Markdown. Whoever is mentioned is not told again.
    #[schema(min_length = 1, max_length = 20000)]
    text: String,
}

/// Puts other words in the place of a note. Only the person who wrote it may, and the audit log keeps both.
#[utoipa::path(
    patch, path = "/api/incidents/{id}/notes/{noteId}", tag = "Incidents",
    params(("id" = inline(ids::Incident), Path), ("noteId" = inline(ids::Entry), Path)), request_body = NotePatch,
    responses(
        (status = 200, body = EntryBody),
        (status = 400, body = ErrorBody),
        (status = 403, body = ErrorBody),
        (status = 404, body = ErrorBody),
    ),
)]
pub(super) async fn edit(
    State(state): State<AppState>,
    caller: Caller,
    Path((id, note)): Path<(ids::Incident, ids::Entry)>,
    Json(wish): Json<NotePatch>,
) -> Result<Json<EntryBody>, ApiError> {
    let entry = actions::edit(&state, &caller, id.0, note.0, &wish.text).await?;
    Ok(Json(entry.into()))
}

/// Takes a note away. Only the person who wrote it may; the timeline keeps that there was one.
#[utoipa::path(
    delete, path = "/api/incidents/{id}/notes/{noteId}", tag = "Incidents",
    params(("id" = inline(ids::Incident), Path), ("noteId" = inline(ids::Entry), Path)),
    responses((status = 204), (status = 403, body = ErrorBody), (status = 404, body = ErrorBody)),
)]
pub(super) async fn delete(
    State(state): State<AppState>,
    caller: Caller,
    Path((id, note)): Path<(ids::Incident, ids::Entry)>,
) -> Result<StatusCode, ApiError> {
    actions::delete(&state, &caller, id.0, note.0).await?;
    Ok(StatusCode::NO_CONTENT)
}
