//! Where the target's webhook arrives, and where the watch itself can be looked after: `/metrics` and `/healthz`.

use std::{
    collections::VecDeque,
    sync::{Arc, Mutex, PoisonError},
};

use anyhow::Context as _;
use axum::{
    Json, Router,
    body::Bytes,
    extract::{DefaultBodyLimit, RawQuery, State},
    http::{HeaderMap, Method, StatusCode, header},
    response::{IntoResponse as _, Response},
    routing::{get, post},
};
use metrics_exporter_prometheus::PrometheusHandle;
use opsknight_channels::Secret;
use opsknight_sources::{Request, signature};
use opsknight_web::state::Clock;
use serde_json::{Value, json};
use tokio::{net::TcpListener, sync::Notify};

/// Where the webhook arrives.
const PATH: &str = "/watch";
/// Longest body of a webhook, in bytes.
const BODY_BYTES_MAX: usize = 256 << 10;
/// How many incidents are remembered: tries come one after the other.
const KEPT_MAX: usize = 64;
/// The events that prove that somebody is told; others, such as its end, prove nothing.
const PROOFS: [&str; 2] = ["incident.triggered", "incident.escalated"];

/// The incidents whose webhook has arrived.
#[derive(Clone, Default)]
pub(super) struct Arrivals {
    incidents: Arc<Mutex<VecDeque<String>>>,
    news: Arc<Notify>,
}

impl Arrivals {
    fn note(&self, incident: &str) {
        let mut incidents = self.incidents.lock().unwrap_or_else(PoisonError::into_inner);
        if incidents.len() == KEPT_MAX {
            incidents.pop_front();
        }
        incidents.push_back(incident.to_owned());
        drop(incidents);
        self.news.notify_waiters();
    }

    fn has_arrived(&self, incident: &str) -> bool {
        let incidents = self.incidents.lock().unwrap_or_else(PoisonError::into_inner);
        incidents.iter().any(|one| one == incident)
    }

    /// Waits until the webhook about this incident has arrived.
    pub(super) async fn wait_for(&self, incident: &str) {
        loop {
            let news = self.news.notified();
            let mut news = std::pin::pin!(news);
            // From here on nothing is missed.
            news.as_mut().enable();
            if self.has_arrived(incident) {
                return;
            }
            news.await;
        }
    }
}

#[derive(Clone)]
struct Door {
    arrivals: Arrivals,
    secret: Option<Secret>,
    clock: Arc<dyn Clock>,
    figures: PrometheusHandle,
}

/// Listens, and serves until the task is dropped. Gives back the address.
pub(super) async fn open(
    listener: TcpListener,
    arrivals: Arrivals,
    secret: Option<Secret>,
    clock: Arc<dyn Clock>,
    figures: PrometheusHandle,
) -> anyhow::Result<()> {
    let door = Door {
        arrivals,
        secret,
        clock,
        figures,
    };
    let routes = Router::new()
        .route(PATH, post(arrive))
        .route("/metrics", get(measured))
        .route("/healthz", get(async || Json(json!({ "status": "ok" }))))
        .layer(DefaultBodyLimit::max(BODY_BYTES_MAX))
        .with_state(door);
    axum::serve(listener, routes)
        .await
        .context("the watch cannot listen any more")
}

async fn arrive(State(door): State<Door>, RawQuery(query): RawQuery, headers: HeaderMap, body: Bytes) -> Response {
    let Some(secret) = &door.secret else {
        return StatusCode::NOT_FOUND.into_response();
    };
    let request = Request {
        method: &Method::POST,
        query: query.as_deref().unwrap_or_default(),
        headers: &headers,
        body: &body,
    };
    if let Err(error) = signature::verify_generic(&request, secret.expose(), door.clock.now()) {
        tracing::warn!(%error, "a webhook that arrived is not believed: has it the secret of OPSKNIGHT_WATCH_WEBHOOK_SECRET?");
        return StatusCode::UNAUTHORIZED.into_response();
    }
    let news: Value = serde_json::from_slice(&body).unwrap_or_default();
    if let (Some(event), Some(incident)) = (news["event"].as_str(), news["incident"]["id"].as_str())
        && PROOFS.contains(&event)
    {
        door.arrivals.note(incident);
    }
    StatusCode::NO_CONTENT.into_response()
}

async fn measured(State(door): State<Door>) -> Response {
    door.figures.run_upkeep();
    let kind = [(header::CONTENT_TYPE, "text/plain; version=0.0.4; charset=utf-8")];
    (kind, door.figures.render()).into_response()
}
