//! `/api/push/key`: the key with which a browser subscribes to push messages.

use axum::extract::State;
use serde::Serialize;
use utoipa::ToSchema;
use utoipa_axum::{router::OpenApiRouter, routes};

use super::{
    error::{ApiError, ErrorBody},
    extract::Json,
};
use crate::state::AppState;

pub(super) fn routes() -> OpenApiRouter<AppState> {
    OpenApiRouter::new().routes(routes!(key))
}

/// The key of this server.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
#[schema(as = PushKey)]
#[serde(rename_all = "camelCase")]
pub(crate) struct KeyBody {
    /// An uncompressed point of P-256 in base64url: the `applicationServerKey` of a subscription.
    pub(crate) public_key: String,
}

/// The public key by which browsers subscribe to push messages.
#[utoipa::path(
    get, path = "/api/push/key", tag = "Users", operation_id = "getPushKey",
    responses(
        (status = 200, body = KeyBody),
        (status = 409, body = ErrorBody, description = "It cannot be read now."),
    ),
)]
async fn key(State(state): State<AppState>) -> Result<Json<KeyBody>, ApiError> {
    let public_key = state.providers.push_key().await?;
    Ok(Json(KeyBody { public_key }))
}
