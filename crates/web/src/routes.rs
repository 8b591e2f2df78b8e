//! Everything that this crate answers, with what holds for every answer: headers, compression, the check that a form
//! comes from our own pages.

use axum::{
    Router,
    body::Body,
    extract::{OriginalUri, Request, State},
    middleware::{self, Next},
    response::{IntoResponse as _, Response},
};
use http::{HeaderName, HeaderValue, Uri, header};
use tower_http::{
    compression::{
        CompressionLayer,
        predicate::{DefaultPredicate, NotForContentType, Predicate as _},
    },
    csrf::{CsrfLayer, ProtectionError},
};
use tracing::warn;

use crate::{
    api::{self, error::ApiError},
    assets::{self, CONTENT_SECURITY_POLICY},
    pages::{self, PageError},
    state::AppState,
};

/// All routes of pages and of the management API, ready to be mounted.
///
/// The server adds what takes events, `/healthz`, `/readyz` and `/metrics` beside it, and puts a [`crate::Peer`] into
/// every request.
pub fn router(state: AppState) -> Router {
    let same_site = cross_site_check(&state);
    Router::new()
        .merge(api::routes(&state))
        .merge(pages::routes(&state))
        .merge(assets::routes())
        .fallback(not_found)
        .layer(same_site)
        .layer(middleware::from_fn(judge_keys_alone))
        .layer(middleware::from_fn_with_state(state.clone(), headers))
        .layer(CompressionLayer::new().compress_when(compressible()))
        .with_state(state)
}

/// Live streams are sent as they come: a compressor would hold them back.
fn compressible() -> impl tower_http::compression::predicate::Predicate {
    DefaultPredicate::new().and(NotForContentType::const_new("text/event-stream"))
}

type Refusal = fn(ProtectionError) -> Response<Body>;

/// Refuses forms and calls that another site's page made in somebody's browser.
fn cross_site_check(state: &AppState) -> CsrfLayer<Refusal> {
    let refusal: Refusal = |_| {
        ApiError::forbidden("this was sent by a page of another site; open it here and send it again").into_response()
    };
    let origin = state.public_url.origin().ascii_serialization();
    let layer = CsrfLayer::new();
    let layer = layer.clone().add_trusted_origin(&origin).unwrap_or_else(|error| {
        warn!(%error, "the public URL has no origin that browsers name");
        layer
    });
    layer.with_rejection_response(refusal)
}

/// A call of the API that carries a key is judged by the key alone: no browser adds one by itself. And a link that ends
/// news is judged by its token alone: mail programs send its form by themselves, from pages of their own (RFC 8058,
/// section 3.2). What the check of other sites looks at is taken away from both.
async fn judge_keys_alone(mut request: Request, next: Next) -> Response {
    let has_key = request.headers().contains_key(header::AUTHORIZATION) && is_api(request.uri());
    if has_key || request.uri().path().starts_with("/unsubscribe/") {
        request.headers_mut().remove(header::ORIGIN);
        request.headers_mut().remove("sec-fetch-site");
    }
    next.run(request).await
}

fn is_api(uri: &Uri) -> bool {
    uri.path().starts_with("/api/")
}

async fn not_found(OriginalUri(uri): OriginalUri) -> Response {
    if is_api(&uri) {
        api::not_found(OriginalUri(uri)).await.into_response()
    } else {
        pages::not_found().await.into_response()
    }
}

/// Headers of every answer. Pages and answers of the API are never kept by a cache; files say themselves how long.
async fn headers(State(state): State<AppState>, request: Request, next: Next) -> Response {
    let uri = request.uri().clone();
    let mut response = next.run(request).await;
    if response.status() == http::StatusCode::FORBIDDEN && !is_api(&uri) && is_json(&response) {
        let refusal = ApiError::forbidden("this was sent by a page of another site");
        response = PageError::from(refusal).into_response();
    }
    let headers = response.headers_mut();
    let always = [
        (header::CONTENT_SECURITY_POLICY, CONTENT_SECURITY_POLICY),
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (header::X_FRAME_OPTIONS, "DENY"),
        (header::REFERRER_POLICY, "same-origin"),
        (HeaderName::from_static("cross-origin-opener-policy"), "same-origin"),
        (HeaderName::from_static("cross-origin-resource-policy"), "same-origin"),
        (
            HeaderName::from_static("permissions-policy"),
            "camera=(), geolocation=(), microphone=(), payment=(), usb=()",
        ),
    ];
    for (name, value) in always {
        headers.insert(name, HeaderValue::from_static(value));
    }
    if is_page(headers) && !uri.path().starts_with("/assets/") {
        let rules = HeaderValue::from_static(SPECULATION_RULES_HEADER);
        headers.insert(HeaderName::from_static("speculation-rules"), rules);
    }
    if state.is_https() {
        let year = HeaderValue::from_static("max-age=31536000");
        headers.insert(header::STRICT_TRANSPORT_SECURITY, year);
    }
    headers
        .entry(header::CACHE_CONTROL)
        .or_insert(HeaderValue::from_static("no-store"));
    response
}

/// Where [`assets::SPECULATION_RULES`] are, as a string of a structured header (RFC 9651).
const SPECULATION_RULES_HEADER: &str = "\"/speculation.json\"";

fn is_page(headers: &http::HeaderMap) -> bool {
    let media = headers.get(header::CONTENT_TYPE);
    media.is_some_and(|media| media.as_bytes().starts_with(b"text/html"))
}

fn is_json(response: &Response) -> bool {
    let media = response.headers().get(header::CONTENT_TYPE);
    media.is_some_and(|media| media.as_bytes().starts_with(b"application/json"))
}
