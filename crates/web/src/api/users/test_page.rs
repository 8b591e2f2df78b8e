//! `/api/users/{id}/test-page`: a test incident that pages this person alone.

use axum::extract::State;
use http::StatusCode;
use utoipa_axum::{router::OpenApiRouter, routes};

use crate::{
    actions::test_page,
    api::{
        Urls as _,
        access::Caller,
        error::{ApiError, ErrorBody},
        extract::{Json, Path},
        incidents::{IncidentBody, incident_body},
        wire::{Id, ids},
    },
    state::AppState,
};

pub(super) fn routes() -> OpenApiRouter<AppState> {
    OpenApiRouter::new().routes(routes!(send))
}

/// Pages a person for a test, by their own contact methods and rules.
///
/// The answer is the test incident. It tells nobody else and closes itself within the hour; its notifications say what
/// was sent, by which provider, and with which words.
#[utoipa::path(
    post, path = "/api/users/{id}/test-page", tag = "Users", operation_id = "sendTestPage",
    params(("id" = inline(ids::User), Path)),
    responses(
        (status = 201, body = IncidentBody), (status = 404, body = ErrorBody), (status = 409, body = ErrorBody),
        (status = 429, body = ErrorBody, description = "One was sent a moment ago."),
    ),
)]
async fn send(
    State(state): State<AppState>,
    caller: Caller,
    Path(Id(id)): Path<ids::User>,
) -> Result<(StatusCode, Json<IncidentBody>), ApiError> {
    let listed = test_page::send(&state, id, caller.actor()).await?;
    let url = state.incident_url(listed.incident.id);
    Ok((StatusCode::CREATED, Json(incident_body(listed, url))))
}
