//! The management API: JSON in, JSON out, one module a resource.
//!
//! It owns form and access. What a change means is in `actions` and in `domain`; pages call the same functions.

pub mod access;
pub(crate) mod address;
pub mod error;
pub mod extract;
pub mod page;
pub mod rules;
pub mod scope;
pub mod wire;

pub mod analytics;
pub mod api_keys;
pub mod audit;
pub(crate) mod change;
pub mod check;
pub mod deliveries;
pub mod find;
pub mod incidents;
pub mod integrations;
pub(crate) mod maintenance;
mod openapi;
pub mod policies;
pub mod preview;
mod push;
pub mod receipts;
mod refs;
pub mod schedules;
mod search;
pub mod services;
pub mod settings;
pub mod system;
pub mod teams;
pub(crate) mod troubles;
pub mod users;
pub mod webhooks;

pub use refs::{Named, Urls};

use axum::{
    extract::{DefaultBodyLimit, OriginalUri},
    middleware,
};
use utoipa_axum::router::OpenApiRouter;

use crate::state::AppState;

/// All routes of the API with their description.
pub(crate) fn documented() -> OpenApiRouter<AppState> {
    OpenApiRouter::with_openapi(openapi::base())
        .merge(incidents::routes())
        .merge(deliveries::routes())
        .merge(receipts::routes())
        .merge(teams::routes())
        .merge(policies::routes())
        .merge(services::routes())
        .merge(integrations::routes())
        .merge(maintenance::routes())
        .merge(users::routes())
        .merge(schedules::routes())
        .merge(webhooks::routes())
        .merge(settings::routes())
        .merge(system::routes())
        .merge(push::routes())
        .merge(api_keys::routes())
        .merge(audit::routes())
        .merge(analytics::routes())
        .merge(find::routes())
}

/// The routes of the API behind their gate.
pub(crate) fn routes(state: &AppState) -> axum::Router<AppState> {
    let (router, description) = documented().split_for_parts();
    let description = openapi::finished(description, state);
    router
        .merge(openapi::route(description))
        .method_not_allowed_fallback(async || error::ApiError::method_not_allowed())
        .route_layer(middleware::from_fn_with_state(state.clone(), access::gate))
        .layer(DefaultBodyLimit::max(state.limits.body_bytes))
}

/// What is answered below `/api/` where there is no route.
pub(crate) async fn not_found(OriginalUri(uri): OriginalUri) -> error::ApiError {
    error::ApiError::not_found(&format!("path as {}", uri.path()))
}
