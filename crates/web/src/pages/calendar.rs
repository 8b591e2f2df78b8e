//! `/calendar/{token}.ics`: shifts for calendar programs, which have no session. The token alone says whose and which;
//! `calendar` owns its form.

use axum::{extract::State, response::IntoResponse as _, response::Response};
use http::header;

use super::{
    PageError,
    viewer::{Viewer, done},
};
use crate::{
    api::{error::ApiError, extract::Path},
    calendar,
    state::AppState,
};

/// How long a calendar program may keep what it got.
const KEPT: &str = "private, max-age=300";

/// `GET /calendar/{token}.ics`
pub(super) async fn feed(State(state): State<AppState>, Path(file): Path<String>) -> Result<Response, PageError> {
    let token = file.strip_suffix(".ics").unwrap_or(&file);
    let text = calendar::opened(&state, token).await?;
    let text = text.ok_or_else(|| ApiError::not_found("calendar"))?;
    let headers = [
        (header::CONTENT_TYPE, "text/calendar; charset=utf-8"),
        (header::CONTENT_DISPOSITION, "inline; filename=\"on-call.ics\""),
        (header::CACHE_CONTROL, KEPT),
    ];
    Ok((headers, text).into_response())
}

/// `POST /profile/calendar`: ends the viewer's links and makes others.
pub(super) async fn renew(State(state): State<AppState>, viewer: Viewer) -> Result<Response, PageError> {
    calendar::renew(&state, &viewer.caller, viewer.person.id).await?;
    let says = "Your calendar links were made anew. Those that you handed out before have ended.";
    Ok(done("/schedules#calendar", says))
}
