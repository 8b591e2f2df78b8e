//! The way in for monitoring tools: the events calls and the webhooks. Only this module takes them.
//!
//! Each request is checked, parsed and handed to [`crate::engine::ingest`], which answers after the commit. What the
//! checks are made against is the picture of the configuration in memory; a refusal is only given after a look at the
//! database itself, and what is taken in is checked once more where it is committed.

mod answer;
mod authority;
mod credentials;
mod door;
mod encoding;
mod events;
mod hooks;
mod limit;
mod pagerduty;
mod replay;
mod sample;
mod topic;

use std::sync::Arc;

use axum::{
    Router, middleware,
    routing::{any, post},
};
use tower_http::decompression::RequestDecompressionLayer;

pub use self::{
    answer::Denied,
    door::{Bounds, Door},
    limit::PER_MINUTE,
};

/// The routes of the way in.
pub fn routes(door: Arc<Door>) -> Router {
    Router::new()
        .route("/api/events", post(events::take))
        .route("/v2/enqueue", post(pagerduty::enqueue))
        .route("/v2/change/enqueue", post(pagerduty::enqueue_change))
        .route("/api/integrations/{type}", any(hooks::take))
        .route("/api/integrations/{type}/{*rest}", any(hooks::take))
        .method_not_allowed_fallback(async || {
            let allow = "POST".to_owned();
            Denied::Method { allow }.respond()
        })
        .layer(RequestDecompressionLayer::new())
        .layer(middleware::from_fn(encoding::known))
        .with_state(door)
}
