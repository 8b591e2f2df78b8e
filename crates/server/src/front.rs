//! What stands before all routes: who the client is, measuring, and the calls for the operator (`/healthz`,
//! `/readyz`, `/metrics`).

use std::{
    net::{IpAddr, SocketAddr},
    sync::Arc,
    time::Duration,
};

use axum::{
    Json, Router,
    extract::{ConnectInfo, MatchedPath, Request, State},
    http::{HeaderMap, HeaderValue, Method, StatusCode, header},
    middleware::{self, Next},
    response::{IntoResponse, Response},
    routing::get,
};
use opsknight_store::{Store, db::Schema};
use opsknight_web::state::{Clock, Peer};
use serde_json::json;
use tower_http::catch_panic::CatchPanicLayer;

use crate::{
    engine::worker::Pulse,
    figures::Figures,
    receive::{self, Denied, Door},
    reply::{self, Desk},
};

/// How long `/readyz` waits for the database.
const READY_WITHIN: Duration = Duration::from_secs(2);

/// What is served.
pub(crate) struct Front {
    /// Pages and the management API.
    pub web: Router,
    /// The way in.
    pub door: Arc<Door>,
    /// What comes back.
    pub desk: Arc<Desk>,
    /// The database.
    pub store: Store,
    /// Time.
    pub clock: Arc<dyn Clock>,
    /// Whether workers move.
    pub pulse: Pulse,
    /// Figures.
    pub figures: Figures,
    /// Whose `X-Forwarded-For` is believed.
    pub trusted_proxies: Vec<ipnet::IpNet>,
    /// Whether people and senders come by https.
    pub https: bool,
}

#[derive(Clone)]
struct Operator {
    store: Store,
    clock: Arc<dyn Clock>,
    pulse: Pulse,
    figures: Figures,
}

/// All routes.
pub(crate) fn router(front: Front) -> Router {
    let Front {
        web,
        door,
        desk,
        store,
        clock,
        pulse,
        figures,
        trusted_proxies,
        https,
    } = front;
    let operator = Operator {
        store,
        clock,
        pulse,
        figures,
    };
    let operators = Router::new()
        .route("/healthz", get(async || Json(json!({ "status": "ok" }))))
        .route("/readyz", get(ready))
        .route("/metrics", get(measured))
        .with_state(operator);
    receive::routes(door)
        .merge(reply::routes(desk))
        .merge(operators)
        .merge(web)
        .layer(middleware::from_fn(measure))
        .layer(middleware::from_fn_with_state(Arc::new(trusted_proxies), name_peer))
        .layer(CatchPanicLayer::custom(panicked))
        .layer(middleware::from_fn_with_state(https, harmless))
}

/// What a browser is told of every answer that says nothing of it, as pages do: it is no page, it is not to be guessed
/// what it is, and nobody keeps it. A vendor does not mind; a person whom somebody sent there with a link may.
async fn harmless(State(https): State<bool>, request: Request, next: Next) -> Response {
    let mut response = next.run(request).await;
    let headers = response.headers_mut();
    let always = [
        (
            header::CONTENT_SECURITY_POLICY,
            "default-src 'none'; frame-ancestors 'none'",
        ),
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (header::X_FRAME_OPTIONS, "DENY"),
        (header::REFERRER_POLICY, "no-referrer"),
        (header::CACHE_CONTROL, "no-store"),
    ];
    for (name, value) in always {
        headers.entry(name).or_insert(HeaderValue::from_static(value));
    }
    if https {
        let year = HeaderValue::from_static("max-age=31536000");
        headers.entry(header::STRICT_TRANSPORT_SECURITY).or_insert(year);
    }
    response
}

/// Nothing in a request can stop the server: a fault in the program is one answer, and a line in the log.
fn panicked(panic: Box<dyn std::any::Any + Send>) -> Response {
    let what = panic.downcast_ref::<String>().map(String::as_str);
    let what = what
        .or_else(|| panic.downcast_ref::<&str>().copied())
        .unwrap_or("no words");
    tracing::error!(what, "a request met a fault in the program");
    Denied::Internal.respond()
}

async fn ready(State(operator): State<Operator>) -> Response {
    let schema = tokio::time::timeout(READY_WITHIN, operator.store.db.schema()).await;
    let schema = schema.ok().and_then(Result::ok);
    let still = operator.pulse.still(operator.clock.now());
    let database_answers = schema.is_some();
    let well = schema.as_ref().is_some_and(Schema::serves) && still.is_empty();
    let body = json!({
        "status": if well { "ready" } else { "not ready" },
        "database": if database_answers { "answers" } else { "does not answer" },
        "schema": schema.and_then(|schema| schema.remark()),
        "workersStandingStill": still,
    });
    let status = if well {
        StatusCode::OK
    } else {
        StatusCode::SERVICE_UNAVAILABLE
    };
    (status, Json(body)).into_response()
}

async fn measured(State(operator): State<Operator>) -> Response {
    let kind = [(header::CONTENT_TYPE, "text/plain; version=0.0.4; charset=utf-8")];
    (kind, operator.figures.render().await).into_response()
}

async fn measure(request: Request, next: Next) -> Response {
    let route = request
        .extensions()
        .get::<MatchedPath>()
        .map_or("none", |path| path.as_str())
        .to_owned();
    let method = known(request.method());
    let started = std::time::Instant::now();
    let response = next.run(request).await;
    let status = response.status().as_u16().to_string();
    metrics::histogram!("opsknight_http_request_seconds", "route" => route.clone(), "method" => method)
        .record(started.elapsed());
    metrics::counter!("opsknight_http_requests_total", "route" => route, "method" => method, "status" => status)
        .increment(1);
    response
}

/// The word for a method in figures, which are kept for ever: a stranger may call a method whatever comes to mind.
fn known(method: &Method) -> &'static str {
    const ALL: [&str; 8] = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE"];
    ALL.into_iter().find(|word| *word == method.as_str()).unwrap_or("other")
}

/// Notes the client's address for those who ask for it.
async fn name_peer(State(trusted): State<Arc<Vec<ipnet::IpNet>>>, mut request: Request, next: Next) -> Response {
    if let Some(ConnectInfo(socket)) = request.extensions().get::<ConnectInfo<SocketAddr>>() {
        let peer = peer(socket.ip(), request.headers(), &trusted);
        request.extensions_mut().insert(Peer(peer));
    }
    next.run(request).await
}

/// The client: the last address in `X-Forwarded-For` that is no trusted proxy, if it was a trusted proxy that
/// connected.
fn peer(connected: IpAddr, headers: &HeaderMap, trusted: &[ipnet::IpNet]) -> IpAddr {
    let connected = connected.to_canonical();
    let is_trusted = |address: IpAddr| trusted.iter().any(|network| network.contains(&address));
    if !is_trusted(connected) {
        return connected;
    }
    let values = headers
        .get_all("x-forwarded-for")
        .iter()
        .filter_map(|value| value.to_str().ok());
    let hops: Vec<&str> = values.flat_map(|value| value.split(',')).map(str::trim).collect();
    let mut client = connected;
    for hop in hops.into_iter().rev() {
        let Ok(address) = hop.parse::<IpAddr>() else { break };
        client = address.to_canonical();
        if !is_trusted(client) {
            break;
        }
    }
    client
}

#[cfg(test)]
mod tests {
    use super::*;

    fn seen(connected: &str, forwarded: &str) -> String {
        let headers = HeaderMap::from_iter([(
            axum::http::HeaderName::from_static("x-forwarded-for"),
            forwarded.parse().unwrap(),
        )]);
        let trusted = ["10.0.0.0/8".parse().unwrap()];
        peer(connected.parse().unwrap(), &headers, &trusted).to_string()
    }

    #[test]
    fn only_a_trusted_proxy_is_believed() {
        assert_eq!(seen("192.0.2.1", "198.51.100.7"), "192.0.2.1");
        assert_eq!(seen("10.0.0.1", "198.51.100.7"), "198.51.100.7");
        assert_eq!(seen("10.0.0.1", "203.0.113.9, 198.51.100.7, 10.0.0.2"), "198.51.100.7");
        assert_eq!(seen("::ffff:10.0.0.1", "nonsense"), "10.0.0.1");
    }
}
