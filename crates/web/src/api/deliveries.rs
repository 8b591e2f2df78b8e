//! `/api/notifications`: what was sent, to whom, and how it ended.

use axum::extract::State;
use opsknight_domain::id::{IncidentId, UserId, WebhookId};
use opsknight_store::{db::Tx, deliveries};
use serde::Serialize;
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::{router::OpenApiRouter, routes};

use super::{
    Named,
    error::{ApiError, ErrorBody, Problems},
    extract::{FromParams, Json, Params, Query},
    page::{Listed, Page},
    wire::{Id, Time, ids},
};
use crate::state::AppState;

pub(super) fn routes() -> OpenApiRouter<AppState> {
    OpenApiRouter::new().routes(routes!(list))
}

/// A message: a page, a notice, a webhook call or an account message.
#[derive(Debug, Clone, Serialize, ToSchema)]
#[schema(as = Notification)]
#[serde(rename_all = "camelCase")]
pub struct DeliveryBody {
    /// Its id.
    #[schema(inline)]
    pub id: ids::Delivery,
    /// `PAGE`, `NOTICE`, `WEBHOOK` or `ACCOUNT`.
    pub purpose: String,
    /// `PUSH`, `SLACK`, `SMS`, `WHATSAPP`, `EMAIL` or `WEBHOOK`.
    pub channel: String,
    /// About which incident.
    pub incident: Option<Named>,
    /// To whom.
    pub user: Option<Named>,
    /// To which webhook.
    pub webhook: Option<Named>,
    /// At which address; none for a webhook, whose URL may be a secret.
    pub address: Option<String>,
    /// What it tells of: `incident.triggered` and so on.
    pub event: Option<String>,
    /// Why this receiver is told.
    pub reason: String,
    /// `PENDING`, `SENDING`, `SENT`, `FAILED` or `SKIPPED`.
    pub status: String,
    /// How the last try ended, in the provider's words.
    pub outcome: Option<String>,
    /// The provider's own id of it.
    pub provider_id: Option<String>,
    /// How many times it was tried.
    pub tries: i64,
    /// When it is or was to be sent.
    #[schema(inline)]
    pub due_at: Time,
    /// When it was decided on.
    #[schema(inline)]
    pub created_at: Time,
    /// When it ended.
    #[schema(inline)]
    pub finished_at: Option<Time>,
}

impl From<deliveries::Listed> for DeliveryBody {
    fn from(row: deliveries::Listed) -> Self {
        Self {
            id: Id(row.id),
            purpose: row.purpose,
            channel: row.channel,
            incident: Named::maybe(row.incident, row.incident_title),
            user: Named::maybe(row.user, row.user_name),
            webhook: Named::maybe(row.webhook, row.webhook_name),
            address: row.address,
            event: row.happening,
            reason: row.reason,
            status: row.state,
            outcome: row.outcome,
            provider_id: row.provider_id,
            tries: row.tries,
            due_at: Time(row.due_at),
            created_at: Time(row.created_at),
            finished_at: row.finished_at.map(Time),
        }
    }
}

/// Where a message can stand.
pub(crate) const STATES: [&str; 5] = ["PENDING", "SENDING", "SENT", "FAILED", "SKIPPED"];

/// The words for `status`, for the description.
#[derive(ToSchema)]
#[schema(rename_all = "SCREAMING_SNAKE_CASE")]
#[expect(dead_code, reason = "it only describes")]
enum StateWord {
    Pending,
    Sending,
    Sent,
    Failed,
    Skipped,
}

/// Which messages are wanted.
#[derive(Debug, Clone, Default, IntoParams)]
#[into_params(parameter_in = Query, rename_all = "camelCase")]
pub(crate) struct DeliveryQuery {
    /// About this incident.
    #[param(inline, value_type = Option<ids::Incident>)]
    pub(crate) incident_id: Option<IncidentId>,
    /// To this person.
    #[param(inline, value_type = Option<ids::User>)]
    pub(crate) user_id: Option<UserId>,
    /// To this webhook.
    #[param(inline, value_type = Option<ids::Webhook>)]
    pub(crate) webhook_id: Option<WebhookId>,
    /// Standing so.
    #[param(inline, value_type = Option<StateWord>)]
    pub(crate) status: Option<String>,
}

impl FromParams for DeliveryQuery {
    fn from_params(params: &mut Params, problems: &mut Problems) -> Self {
        let status = params.text("status");
        if status.as_ref().is_some_and(|status| !STATES.contains(&status.as_str())) {
            problems.add("status", format!("must be one of {}", STATES.join(", ")));
        }
        Self {
            incident_id: params.one::<ids::Incident>("incidentId", problems).map(|id| id.0),
            user_id: params.one::<ids::User>("userId", problems).map(|id| id.0),
            webhook_id: params.one::<ids::Webhook>("webhookId", problems).map(|id| id.0),
            status,
        }
    }
}

impl DeliveryQuery {
    /// The same as the store asks it.
    pub(crate) fn filter(self, page: Page) -> deliveries::Filter {
        deliveries::Filter {
            incident: self.incident_id,
            user: self.user_id,
            webhook: self.webhook_id,
            state: self.status,
            limit: page.limit,
            offset: page.offset,
        }
    }
}

/// Lists messages, the last first.
#[utoipa::path(
    get, path = "/api/notifications", tag = "Notifications", params(DeliveryQuery, Page),
    responses((status = 200, body = Listed<DeliveryBody>), (status = 400, body = ErrorBody)),
)]
async fn list(
    State(state): State<AppState>,
    Query((query, page)): Query<(DeliveryQuery, Page)>,
) -> Result<Json<Listed<DeliveryBody>>, ApiError> {
    let filter = query.filter(page);
    let (rows, total) = state
        .store
        .db
        .read(async move |tx: &mut Tx<'_>| deliveries::list(tx, &filter).await)
        .await?;
    let bodies = rows.into_iter().map(DeliveryBody::from).collect();
    Ok(Json(Listed::new(bodies, total, page)))
}
