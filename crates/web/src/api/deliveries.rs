//! `/api/notifications`: what was sent, to whom, and how it ended.

use axum::extract::State;
use http::StatusCode;
use opsknight_domain::{
    directory::Role,
    id::{DeliveryId, IncidentId, UserId, WebhookId},
};
use opsknight_store::{
    db::{DbError, Tx},
    deliveries,
};
use serde::Serialize;
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::{router::OpenApiRouter, routes};

use super::{
    Named,
    access::{Caller, Scope},
    address::label_of_word,
    change::{Change, Object},
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
        .routes(routes!(retry))
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
    /// `PUSH`, `SLACK`, `SMS`, `WHATSAPP`, `VOICE`, `EMAIL` or `WEBHOOK`.
    pub channel: String,
    /// About which incident.
    pub incident: Option<Named>,
    /// To whom.
    pub user: Option<Named>,
    /// To which webhook.
    pub webhook: Option<Named>,
    /// At which address; none for a webhook, whose URL may be a secret; of a browser only the host that takes its messages.
    pub address: Option<String>,
    /// What it tells of: `incident.triggered` and so on.
    pub event: Option<String>,
    /// Why this receiver is told.
    pub reason: String,
    /// `PENDING`, `SENDING`, `SENT`, `FAILED` or `SKIPPED`.
    pub status: String,
    /// How the last try ended, in the provider's words.
    pub outcome: Option<String>,
    /// The provider that was asked last.
    pub provider: Option<String>,
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
    /// When the provider said that it has arrived; null: it said nothing of the kind.
    #[schema(inline)]
    pub delivered_at: Option<Time>,
    /// The message in which this one was told along with others; null: it is one of its own.
    #[schema(inline)]
    pub sent_with: Option<ids::Delivery>,
    /// Every time it was handed over, or may have been, in order.
    pub attempts: Vec<AttemptBody>,
}

/// A time that a message was handed to a provider, or may have been.
#[derive(Debug, Clone, Serialize, ToSchema)]
#[schema(as = NotificationAttempt)]
#[serde(rename_all = "camelCase")]
pub struct AttemptBody {
    /// Which one; 1 is the first.
    pub number: i64,
    /// The provider that was asked; null: none was.
    pub provider: Option<String>,
    /// `ACCEPTED`, `RETRY`, `REFUSED`, `MISCONFIGURED` or `UNKNOWN`.
    pub outcome: String,
    /// The provider's words.
    pub detail: String,
    /// When it began.
    #[schema(inline)]
    pub started_at: Time,
    /// When it ended.
    #[schema(inline)]
    pub ended_at: Time,
}

impl From<deliveries::Attempt> for AttemptBody {
    fn from(attempt: deliveries::Attempt) -> Self {
        Self {
            number: attempt.n,
            provider: Some(attempt.provider).filter(|name| !name.is_empty()),
            outcome: attempt.outcome,
            detail: attempt.detail,
            started_at: Time(attempt.started_at),
            ended_at: Time(attempt.ended_at),
        }
    }
}

/// One part of the messages with every try of each, and how many there are in all.
///
/// # Errors
/// When the database cannot answer.
pub(crate) async fn listed(tx: &mut Tx<'_>, filter: &deliveries::Filter) -> Result<(Vec<DeliveryBody>, i64), DbError> {
    let (rows, total) = deliveries::list(tx, filter).await?;
    let ids: Vec<_> = rows.iter().map(|row| row.id).collect();
    let attempts = deliveries::attempts(tx, &ids).await?;
    let bodies = rows.into_iter().zip(attempts);
    let bodies = bodies.map(|(row, attempts)| DeliveryBody::new(row, attempts)).collect();
    Ok((bodies, total))
}

impl DeliveryBody {
    fn new(row: deliveries::Listed, attempts: Vec<deliveries::Attempt>) -> Self {
        Self {
            id: Id(row.id),
            purpose: row.purpose,
            address: row.address.map(|address| label_of_word(&row.channel, address)),
            channel: row.channel,
            incident: Named::maybe(row.incident, row.incident_title),
            sent_with: row.bundle.map(Id),
            user: Named::maybe(row.user, row.user_name),
            webhook: Named::maybe(row.webhook, row.webhook_name),
            event: row.happening,
            reason: row.reason,
            status: row.state,
            outcome: row.outcome,
            provider: row.provider,
            provider_id: row.provider_id,
            tries: row.tries,
            due_at: Time(row.due_at),
            created_at: Time(row.created_at),
            finished_at: row.finished_at.map(Time),
            delivered_at: row.delivered_at.map(Time),
            attempts: attempts.into_iter().map(AttemptBody::from).collect(),
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
            ..deliveries::Filter::default()
        }
    }
}

/// Lists messages, the last first, with every try of each.
#[utoipa::path(
    get, path = "/api/notifications", tag = "Notifications", params(DeliveryQuery, Page),
    responses((status = 200, body = Listed<DeliveryBody>), (status = 400, body = ErrorBody)),
)]
async fn list(
    State(state): State<AppState>,
    Query((query, page)): Query<(DeliveryQuery, Page)>,
) -> Result<Json<Listed<DeliveryBody>>, ApiError> {
    let filter = query.filter(page);
    let unit = async move |tx: &mut Tx<'_>| listed(tx, &filter).await;
    let (bodies, total) = state.store.db.read(unit).await?;
    Ok(Json(Listed::new(bodies, total, page)))
}

/// One message, with every try of it.
#[utoipa::path(
    get, path = "/api/notifications/{id}", tag = "Notifications", operation_id = "getNotification",
    params(("id" = inline(ids::Delivery), Path)),
    responses((status = 200, body = DeliveryBody), (status = 404, body = ErrorBody)),
)]
async fn get(State(state): State<AppState>, Path(Id(id)): Path<ids::Delivery>) -> Result<Json<DeliveryBody>, ApiError> {
    let unit = async move |tx: &mut Tx<'_>| {
        let row = found(tx, id).await?;
        let attempts = deliveries::attempts(tx, &[id]).await?;
        Ok::<_, ApiError>(DeliveryBody::new(row, attempts.into_iter().flatten().collect()))
    };
    Ok(Json(state.store.db.read(unit).await?))
}

/// Sends a page, a notice or a webhook that failed once more. Whether there is still a reason for it is looked at again
/// before it goes out. A webhook needs ADMIN or settings:write besides.
#[utoipa::path(
    post, path = "/api/notifications/{id}/retry", tag = "Notifications", operation_id = "retryNotification",
    params(("id" = inline(ids::Delivery), Path)),
    responses(
        (status = 204, description = "It is on its way once more."),
        (status = 404, body = ErrorBody),
        (status = 409, body = ErrorBody, description = "It has not failed, or is none that can be sent again."),
    ),
)]
async fn retry(
    State(state): State<AppState>,
    caller: Caller,
    Path(Id(id)): Path<ids::Delivery>,
) -> Result<StatusCode, ApiError> {
    send_again(&state, &caller, id).await?;
    Ok(StatusCode::NO_CONTENT)
}

async fn found(tx: &mut Tx<'_>, id: DeliveryId) -> Result<deliveries::Listed, ApiError> {
    let found = deliveries::get(tx, id).await?;
    found.ok_or_else(|| ApiError::not_found("notification"))
}

/// Whether a message of this purpose makes sense a second time: the links of account messages have ended by then.
pub(crate) fn can_be_sent_again(purpose: &str) -> bool {
    matches!(purpose, "PAGE" | "NOTICE" | "WEBHOOK")
}

/// Sends a message that failed once more.
pub(crate) async fn send_again(state: &AppState, caller: &Caller, id: DeliveryId) -> Result<(), ApiError> {
    let (change, caller) = (Change::new(state, caller), caller.clone());
    let unit = async move |tx: &mut Tx<'_>| {
        let row = found(tx, id).await?;
        if row.purpose == "WEBHOOK" {
            caller.must(Role::Admin, Scope::SettingsWrite)?;
        }
        if !can_be_sent_again(&row.purpose) {
            return Err(ApiError::conflict(
                "an account message is not sent again: ask for a new one",
            ));
        }
        if row.state != "FAILED" || !deliveries::send_again(tx, id, change.now).await? {
            return Err(ApiError::conflict("only a message that failed is sent again"));
        }
        let receiver = row.user_name.or(row.webhook_name).unwrap_or_default();
        let object = Object {
            kind: "notification",
            id: &id,
            name: &receiver,
        };
        change.record(tx, "retried", object, serde_json::json!({})).await?;
        Ok(())
    };
    state.store.db.write(unit).await
}
