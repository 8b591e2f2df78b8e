//! Working on many incidents with one call.

use axum::extract::State;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::write::IncidentPatch;
use crate::{
    actions::{bulk, incidents::Repeat},
    api::{
        access::Caller,
        error::{ApiError, Code, ErrorBody},
        extract::Json,
        wire::{Id, ids},
    },
    state::AppState,
};

/// What is to change about many incidents.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct BulkChange {
    /// Which incidents; one that is named twice is changed once.
    #[schema(inline, min_items = 1, max_items = 200)]
    ids: Vec<ids::Incident>,
    /// What is to change about each of them.
    change: IncidentPatch,
}

/// What came of the change of many incidents.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct BulkResult {
    /// How many were changed, or stood where they were wanted.
    done: usize,
    /// How many were not.
    refused: usize,
    /// What came of each, in the order of the call.
    results: Vec<BulkOutcome>,
}

/// What came of the change of one of many incidents.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct BulkOutcome {
    /// Which incident.
    #[schema(inline)]
    id: ids::Incident,
    /// It was changed, or stood where it was wanted.
    done: bool,
    /// Why it was not; null where it was.
    #[schema(inline)]
    error: Option<BulkError>,
}

/// Why one of many incidents was not changed.
#[derive(Debug, Serialize, ToSchema)]
pub struct BulkError {
    /// As the call for one incident would have it.
    code: Code,
    /// In words.
    message: String,
}

/// Changes many incidents alike. Each is changed as a whole or not at all, and one that refuses does not stop the
/// others: look at `results`.
#[utoipa::path(
    post, path = "/api/incidents/bulk", tag = "Incidents", request_body = BulkChange,
    responses((status = 200, body = BulkResult), (status = 400, body = ErrorBody)),
)]
pub(super) async fn change(
    State(state): State<AppState>,
    caller: Caller,
    Json(wish): Json<BulkChange>,
) -> Result<Json<BulkResult>, ApiError> {
    let ids = wish.ids.into_iter().map(|id| id.0).collect();
    let acts = wish.change.acts()?;
    if acts.is_empty() {
        return Err(ApiError::invalid("change", "must name at least one field"));
    }
    let outcomes = bulk::act_on_each(&state, ids, &acts, &caller.actor(), Repeat::Accept).await?;
    let results: Vec<BulkOutcome> = outcomes
        .into_iter()
        .map(|(id, outcome)| {
            let error = outcome.err().map(|error| BulkError {
                code: error.code(),
                message: error.message().to_owned(),
            });
            BulkOutcome {
                id: Id(id),
                done: error.is_none(),
                error,
            }
        })
        .collect();
    let done = results.iter().filter(|result| result.done).count();
    Ok(Json(BulkResult {
        done,
        refused: results.len() - done,
        results,
    }))
}
