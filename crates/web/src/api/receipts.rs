//! `/api/events/log`: what came in, what came of it, and running it again.

mod replay;

pub(crate) use replay::{foresee, run};

use std::str::FromStr;

use axum::extract::State;
use base64::{Engine as _, engine::general_purpose::STANDARD as BASE64};
use jiff::Timestamp;
use opsknight_domain::id::{IntegrationId, ReceiptId, ServiceId};
use opsknight_store::{
    db::Tx,
    receipts::{self, Receipt, Summary},
};
use serde::Serialize;
use serde_json::Value;
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::{router::OpenApiRouter, routes};

use super::{
    Named,
    error::{ApiError, ErrorBody, Problems},
    extract::{FromParams, Json, Params, Path, Query},
    page::{Listed, Page},
    wire::{Id, Time, ids},
};
use crate::state::AppState;

pub(super) fn routes() -> OpenApiRouter<AppState> {
    OpenApiRouter::new()
        .routes(routes!(list))
        .routes(routes!(get))
        .routes(routes!(replay::again))
}

/// What can come of an alert, by the words that are stored.
pub const ACTIONS: [&str; 6] = [
    "triggered",
    "deduplicated",
    "acknowledged",
    "resolved",
    "ignored",
    "rejected",
];

/// What one alert of a request was turned into, and what came of it.
#[derive(Debug, Clone, Serialize, ToSchema)]
#[schema(as = ReceivedEventResult)]
#[serde(rename_all = "camelCase")]
pub struct ResultBody {
    /// What came of it: `triggered`, `deduplicated`, `acknowledged`, `resolved`, `ignored`, or `rejected` where the
    /// request was not understood.
    pub action: String,
    /// The problem it spoke of.
    pub dedup_key: Option<String>,
    /// The incident that it went to.
    #[schema(inline)]
    pub incident_id: Option<ids::Incident>,
    /// Why nothing was done.
    pub reason: Option<String>,
    /// What the sender wanted: `trigger`, `acknowledge` or `resolve`.
    pub event: Option<String>,
    /// How bad it was: `critical`, `error`, `warning` or `info`.
    pub severity: Option<String>,
    /// What was wrong, in a line.
    pub summary: Option<String>,
}

impl ResultBody {
    /// What is stored of each alert.
    #[must_use]
    pub fn all(results: &Value) -> Vec<Self> {
        let text = |result: &Value, name: &str| result[name].as_str().map(str::to_owned);
        let results = results.as_array().into_iter().flatten();
        let read = |result: &Value| Self {
            action: text(result, "action").unwrap_or_default(),
            dedup_key: text(result, "dedupKey"),
            incident_id: result["incidentId"].as_str().and_then(|id| id.parse().ok()),
            reason: text(result, "reason"),
            event: text(result, "event"),
            severity: text(result, "severity"),
            summary: text(result, "summary"),
        };
        results.map(read).collect()
    }
}

/// A request that a sender made.
#[derive(Debug, Clone, Serialize, ToSchema)]
#[schema(as = ReceivedEvent)]
#[serde(rename_all = "camelCase")]
pub struct SummaryBody {
    /// Its id.
    #[schema(inline)]
    pub id: ids::Receipt,
    /// When it came.
    #[schema(inline)]
    pub at: Time,
    /// Through which integration.
    pub integration: Option<Named>,
    /// For which service.
    pub service: Option<Named>,
    /// The integration's type, such as `PROMETHEUS`.
    #[serde(rename = "type")]
    pub kind: String,
    /// The HTTP status that was answered.
    pub status: u16,
    /// What came of each alert, in the order of the body.
    pub results: Vec<ResultBody>,
    /// How long the body is, in bytes.
    pub body_bytes: i64,
    /// Somebody tried the integration out: everything in it is a test.
    pub is_test: bool,
    /// The request that was run again; none for what a sender sent.
    #[schema(inline)]
    pub replay_of: Option<ids::Receipt>,
}

impl From<Summary> for SummaryBody {
    fn from(row: Summary) -> Self {
        Self {
            id: Id(row.id),
            at: Time(row.at),
            integration: Named::maybe(row.integration, row.integration_name),
            service: Named::maybe(row.service, row.service_name),
            kind: row.kind,
            status: row.status,
            results: ResultBody::all(&row.results),
            body_bytes: row.body_bytes,
            is_test: row.is_test,
            replay_of: row.replay_of.map(Id),
        }
    }
}

/// A request as it came.
#[derive(Debug, Clone, Serialize, ToSchema)]
#[schema(as = ReceivedEventInFull)]
#[serde(rename_all = "camelCase")]
pub struct ReceiptBody {
    /// Its id.
    #[schema(inline)]
    pub id: ids::Receipt,
    /// When it came.
    #[schema(inline)]
    pub at: Time,
    /// Through which integration.
    #[schema(inline)]
    pub integration_id: Option<ids::Integration>,
    /// For which service.
    #[schema(inline)]
    pub service_id: Option<ids::Service>,
    /// The integration's type.
    #[serde(rename = "type")]
    pub kind: String,
    /// The HTTP method.
    pub method: String,
    /// The path that was called.
    pub path: String,
    /// The query string, without what names the integration.
    pub query: String,
    /// The headers, without credentials.
    pub headers: Value,
    /// The body as text; none where it is not UTF-8.
    pub body: Option<String>,
    /// The body in Base64, where it is not UTF-8.
    pub body_base64: Option<String>,
    /// The HTTP status that was answered.
    pub status: u16,
    /// What came of each alert, in the order of the body.
    pub results: Vec<ResultBody>,
    /// Somebody tried the integration out: everything in it is a test.
    pub is_test: bool,
    /// The request that was run again; none for what a sender sent.
    #[schema(inline)]
    pub replay_of: Option<ids::Receipt>,
}

impl From<Receipt> for ReceiptBody {
    fn from(receipt: Receipt) -> Self {
        let (body, body_base64) = match String::from_utf8(receipt.body) {
            Ok(text) => (Some(text), None),
            Err(error) => (None, Some(BASE64.encode(error.as_bytes()))),
        };
        Self {
            id: Id(receipt.id),
            at: Time(receipt.at),
            integration_id: receipt.integration.map(Id),
            service_id: receipt.service.map(Id),
            kind: receipt.kind,
            method: receipt.method,
            path: receipt.path,
            query: receipt.query,
            headers: receipt.headers,
            body,
            body_base64,
            status: receipt.status,
            results: ResultBody::all(&receipt.results),
            is_test: receipt.is_test,
            replay_of: receipt.replay_of.map(Id),
        }
    }
}

/// Which requests are wanted.
#[derive(Debug, Clone, Default, IntoParams)]
#[into_params(parameter_in = Query, rename_all = "camelCase")]
pub(crate) struct ReceiptQuery {
    /// Through this integration.
    #[param(inline, value_type = Option<ids::Integration>)]
    pub(crate) integration_id: Option<IntegrationId>,
    /// For this service.
    #[param(inline, value_type = Option<ids::Service>)]
    pub(crate) service_id: Option<ServiceId>,
    /// Of which this came, for one alert at least: `triggered`, `deduplicated`, `acknowledged`, `resolved`, `ignored`,
    /// or `rejected` where the request was not understood.
    #[param(required = false)]
    pub(crate) action: Option<&'static str>,
    /// At or after.
    #[param(inline, value_type = Option<Time>)]
    pub(crate) after: Option<Timestamp>,
    /// Before.
    #[param(inline, value_type = Option<Time>)]
    pub(crate) before: Option<Timestamp>,
}

/// One of [`ACTIONS`].
#[derive(Debug, Clone, Copy)]
pub(crate) struct Action(pub(crate) &'static str);

impl FromStr for Action {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let known = ACTIONS.into_iter().find(|action| *action == text);
        known
            .map(Self)
            .ok_or_else(|| format!("must be one of {}", ACTIONS.join(", ")))
    }
}

impl FromParams for ReceiptQuery {
    fn from_params(params: &mut Params, problems: &mut Problems) -> Self {
        Self {
            integration_id: params.one::<ids::Integration>("integrationId", problems).map(|id| id.0),
            service_id: params.one::<ids::Service>("serviceId", problems).map(|id| id.0),
            action: params.one::<Action>("action", problems).map(|action| action.0),
            after: params.one::<Time>("after", problems).map(|time| time.0),
            before: params.one::<Time>("before", problems).map(|time| time.0),
        }
    }
}

impl ReceiptQuery {
    /// The same as the store asks it.
    pub(crate) fn filter(self, page: Page) -> receipts::Filter {
        receipts::Filter {
            integration: self.integration_id,
            service: self.service_id,
            action: self.action,
            after: self.after,
            before: self.before,
            limit: page.limit,
            offset: page.offset,
        }
    }
}

/// Lists what came in, the last first.
#[utoipa::path(
    get, path = "/api/events/log", tag = "Events", params(ReceiptQuery, Page),
    responses((status = 200, body = Listed<SummaryBody>), (status = 400, body = ErrorBody)),
)]
async fn list(
    State(state): State<AppState>,
    Query((query, page)): Query<(ReceiptQuery, Page)>,
) -> Result<Json<Listed<SummaryBody>>, ApiError> {
    let filter = query.filter(page);
    let (rows, total) = state
        .store
        .db
        .read(async move |tx: &mut Tx<'_>| receipts::list(tx, &filter).await)
        .await?;
    let bodies = rows.into_iter().map(SummaryBody::from).collect();
    Ok(Json(Listed::new(bodies, total, page)))
}

/// One request as it came, with its raw body.
#[utoipa::path(
    get, path = "/api/events/log/{id}", tag = "Events", params(("id" = inline(ids::Receipt), Path)),
    responses((status = 200, body = ReceiptBody), (status = 404, body = ErrorBody)),
)]
async fn get(State(state): State<AppState>, Path(Id(id)): Path<ids::Receipt>) -> Result<Json<ReceiptBody>, ApiError> {
    Ok(Json(found(&state, id).await?.into()))
}

/// The request with this identity.
pub(crate) async fn found(state: &AppState, id: ReceiptId) -> Result<Receipt, ApiError> {
    let unit = async move |tx: &mut Tx<'_>| receipts::get(tx, id).await;
    let found = state.store.db.read(unit).await?;
    found.ok_or_else(|| ApiError::not_found("received event"))
}
