//! `/api/events/log`: what came in and what came of it.

use axum::extract::State;
use base64::{Engine as _, engine::general_purpose::STANDARD as BASE64};
use opsknight_domain::id::{IntegrationId, ServiceId};
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
    OpenApiRouter::new().routes(routes!(list)).routes(routes!(get))
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
    /// What came of each alert.
    pub results: Value,
    /// How long the body is, in bytes.
    pub body_bytes: i64,
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
            results: row.results,
            body_bytes: row.body_bytes,
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
    /// The query string.
    pub query: String,
    /// The headers, without credentials.
    pub headers: Value,
    /// The body as text; none where it is not UTF-8.
    pub body: Option<String>,
    /// The body in Base64, where it is not UTF-8.
    pub body_base64: Option<String>,
    /// The HTTP status that was answered.
    pub status: u16,
    /// What came of each alert.
    pub results: Value,
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
            query: receipt.query,
            headers: receipt.headers,
            body,
            body_base64,
            status: receipt.status,
            results: receipt.results,
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
}

impl FromParams for ReceiptQuery {
    fn from_params(params: &mut Params, problems: &mut Problems) -> Self {
        Self {
            integration_id: params.one::<ids::Integration>("integrationId", problems).map(|id| id.0),
            service_id: params.one::<ids::Service>("serviceId", problems).map(|id| id.0),
        }
    }
}

impl ReceiptQuery {
    /// The same as the store asks it.
    pub(crate) fn filter(self, page: Page) -> receipts::Filter {
        receipts::Filter {
            integration: self.integration_id,
            service: self.service_id,
            rejected: None,
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
    let found = state
        .store
        .db
        .read(async move |tx: &mut Tx<'_>| receipts::get(tx, id).await)
        .await?;
    let receipt = found.ok_or_else(|| ApiError::not_found("received event"))?;
    Ok(Json(receipt.into()))
}
