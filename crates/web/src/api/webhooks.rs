//! `/api/webhooks`: outbound webhooks.

use std::collections::BTreeSet;

use axum::extract::State;
use http::StatusCode;
use opsknight_domain::id::WebhookId;
use opsknight_store::{
    db::Tx,
    deliveries,
    secret::Secret,
    services,
    webhooks::{self, WebhookKind, WebhookRow},
};
use url::Url;
use utoipa_axum::{router::OpenApiRouter, routes};

use super::{
    access::{Caller, Who},
    change::{Change, IfMatch, Object},
    check,
    deliveries::{DeliveryBody, listed},
    error::{ApiError, ErrorBody, Problems},
    extract::{Json, Path, Query},
    page::{Listed, Page},
    scope::Scope,
    search::Search,
    wire::{Id, Word, ids},
};
use crate::state::AppState;

mod shape;
mod telegram;

pub use shape::{ListeningBody, TrialBody, WebhookBody};
pub(crate) use shape::{NewWebhook, WebhookPatch};

/// Most services that a webhook can name.
const SERVICES_MAX: usize = 1_000;

pub(super) fn routes() -> OpenApiRouter<AppState> {
    OpenApiRouter::new()
        .routes(routes!(list, post))
        .routes(routes!(get, edit, remove))
        .routes(routes!(test))
        .routes(routes!(list_deliveries))
        .routes(routes!(retry))
}

impl WebhookPatch {
    async fn apply(&self, tx: &mut Tx<'_>, row: &mut WebhookRow) -> Result<(), ApiError> {
        let mut problems = Problems::default();
        if let Some(name) = &self.name {
            row.name = check::name(&mut problems, "name", name);
        }
        if let Some(Word(kind)) = self.kind {
            row.kind = kind;
        }
        if let Some(url) = &self.url {
            row.url = Secret::new(url.trim());
        }
        if let Some(secret) = self.secret.clone() {
            row.secret = check::secret(&mut problems, "secret", secret).map(Secret::new);
        }
        if let Some(channel) = self.channel.clone() {
            row.channel = check::line(&mut problems, "channel", channel);
        }
        if let Some(enabled) = self.enabled {
            row.enabled = enabled;
        }
        if let Some(events) = &self.events {
            row.happenings = events.iter().map(|word| word.0).collect();
        }
        if let Some(ids) = &self.service_ids {
            check::at_most(&mut problems, "serviceIds", ids.len(), SERVICES_MAX);
            row.services.clear();
            for (place, Id(id)) in ids.iter().take(SERVICES_MAX).enumerate() {
                if services::get(tx, *id).await?.is_none() {
                    problems.add(format!("serviceIds[{place}]"), "must be the id of a service");
                }
                row.services.insert(*id);
            }
        }
        check_receiver(&mut problems, row);
        problems.check()
    }
}

/// What each kind of receiver needs.
fn check_receiver(problems: &mut Problems, row: &WebhookRow) {
    match row.kind {
        WebhookKind::Telegram => telegram::check(problems, row),
        WebhookKind::GoogleChat | WebhookKind::Teams | WebhookKind::Discord | WebhookKind::Generic => {
            match row.url.expose() {
                "" => problems.add("url", "is missing"),
                url => drop(check::url(problems, "url", url)),
            }
        }
    }
}

/// Has the bot of a Telegram webhook call us when somebody presses a button. Where it cannot, the webhook is saved all
/// the same: it speaks, and only its buttons do nothing.
async fn listen(state: &AppState, body: WebhookBody) -> WebhookBody {
    let listening = match state.providers.listen_to_telegram(body.id.0).await {
        Ok(message) => ListeningBody { ok: true, message },
        Err(error) => ListeningBody {
            ok: false,
            message: error.to_string(),
        },
    };
    WebhookBody {
        listening: Some(listening),
        ..body
    }
}

/// Makes a webhook.
pub(crate) async fn create(state: &AppState, caller: &Caller, new: NewWebhook) -> Result<WebhookBody, ApiError> {
    let (change, sealer) = (Change::new(state, caller), state.store.sealer.clone());
    let id = WebhookId::new(state.clock.uuid_v7());
    let wish = WebhookPatch::from(new);
    let unit = async move |tx: &mut Tx<'_>| {
        change.begin(tx).await?;
        let mut row = WebhookRow {
            id,
            name: String::new(),
            kind: WebhookKind::Generic,
            url: Secret::new(""),
            secret: None,
            channel: None,
            enabled: true,
            happenings: BTreeSet::new(),
            services: BTreeSet::new(),
            created_at: change.now,
            updated_at: change.now,
        };
        wish.apply(tx, &mut row).await?;
        webhooks::insert(tx, &sealer, &row).await?;
        let body = WebhookBody::from(row);
        change.created(tx, object(&body.name, &id), &body).await?;
        Ok::<_, ApiError>(body)
    };
    let body = state.store.db.write(unit).await?;
    match body.kind.0 {
        WebhookKind::Telegram => Ok(listen(state, body).await),
        WebhookKind::GoogleChat | WebhookKind::Teams | WebhookKind::Discord | WebhookKind::Generic => Ok(body),
    }
}

/// Changes a webhook.
pub(crate) async fn update(
    state: &AppState,
    caller: &Caller,
    id: WebhookId,
    wish: WebhookPatch,
) -> Result<WebhookBody, ApiError> {
    let (change, at) = (Change::new(state, caller), state.clone());
    let unit = async move |tx: &mut Tx<'_>| {
        change.begin(tx).await?;
        let mut row = found(tx, &at, id).await?;
        let (was, before) = (row.clone(), WebhookBody::from(row.clone()));
        wish.apply(tx, &mut row).await?;
        row.updated_at = change.follows(row.updated_at)?;
        webhooks::update(tx, &at.store.sealer, &row).await?;
        let secret_changed = was.secret != row.secret;
        let listens_anew = row.kind == WebhookKind::Telegram
            && (was.kind != row.kind || was.url != row.url || secret_changed || was.channel != row.channel);
        let body = WebhookBody::from(row);
        if secret_changed
            && before
                == (WebhookBody {
                    updated_at: before.updated_at,
                    ..body.clone()
                })
        {
            let changes = serde_json::json!({ "secret": { "from": "(hidden)", "to": "(hidden)" } });
            change
                .record(tx, "secret_changed", object(&body.name, &id), changes)
                .await?;
        } else {
            change.updated(tx, object(&body.name, &id), &before, &body).await?;
        }
        Ok::<_, ApiError>((body, listens_anew))
    };
    match state.store.db.write(unit).await? {
        (body, true) => Ok(listen(state, body).await),
        (body, false) => Ok(body),
    }
}

/// Removes a webhook; what still waits for it is given up.
pub(crate) async fn delete(state: &AppState, caller: &Caller, id: WebhookId) -> Result<(), ApiError> {
    let (change, at) = (Change::new(state, caller), state.clone());
    let unit = async move |tx: &mut Tx<'_>| {
        change.begin(tx).await?;
        let row = found(tx, &at, id).await?;
        deliveries::skip_webhook(tx, id, change.now).await?;
        webhooks::delete(tx, id, change.now).await?;
        change.deleted(tx, object(&row.name, &id)).await?;
        Ok(())
    };
    state.store.db.write(unit).await
}

/// Sends a message that failed once more.
pub(crate) async fn send_again(
    state: &AppState,
    caller: &Caller,
    webhook: WebhookId,
    delivery: opsknight_domain::id::DeliveryId,
) -> Result<(), ApiError> {
    let (change, at) = (Change::new(state, caller), state.clone());
    let unit = async move |tx: &mut Tx<'_>| {
        let row = found(tx, &at, webhook).await?;
        if !webhooks::has_delivery(tx, webhook, delivery).await? {
            return Err(ApiError::not_found("delivery"));
        }
        if !deliveries::send_again(tx, delivery, change.now).await? {
            return Err(ApiError::conflict("only a delivery that failed is sent again"));
        }
        let changes = serde_json::json!({ "delivery": delivery.to_string() });
        change
            .record(tx, "delivery_retried", object(&row.name, &webhook), changes)
            .await?;
        Ok(())
    };
    state.store.db.write(unit).await
}

/// Sends a test message and says what the receiver answered.
pub(crate) async fn try_out(state: &AppState, id: WebhookId) -> Result<TrialBody, ApiError> {
    let at = state.clone();
    let unit = async move |tx: &mut Tx<'_>| found(tx, &at, id).await.map(drop);
    state.store.db.read(unit).await?;
    Ok(state.providers.test_webhook(id).await.into())
}

fn object<'a>(name: &'a str, id: &'a WebhookId) -> Object<'a> {
    Object {
        kind: "webhook",
        id,
        name,
    }
}

async fn found(tx: &mut Tx<'_>, state: &AppState, id: WebhookId) -> Result<WebhookRow, ApiError> {
    let row = webhooks::get(tx, &state.store.sealer, id).await?;
    row.ok_or_else(|| ApiError::not_found("webhook"))
}

/// The address of a webhook is often a credential in itself: only those who may change it see more than its host.
fn shown_to(caller: &Caller, body: WebhookBody) -> WebhookBody {
    let may_change = match &caller.who {
        Who::Person(_) => caller.is_admin(),
        Who::Key(key) => key.scopes.contains(&Scope::SettingsWrite),
    };
    if may_change || body.url.is_empty() {
        return body;
    }
    let host = Url::parse(&body.url).map_or_else(|_| String::new(), |url| url.origin().ascii_serialization());
    WebhookBody {
        url: format!("{host}/…"),
        ..body
    }
}

/// Lists outbound webhooks by name. Only those who may change a webhook see the whole of its address.
#[utoipa::path(
    get, path = "/api/webhooks", tag = "Webhooks", operation_id = "listWebhooks", params(Search, Page),
    responses((status = 200, body = Listed<WebhookBody>), (status = 400, body = ErrorBody)),
)]
async fn list(
    State(state): State<AppState>,
    caller: Caller,
    Query((search, page)): Query<(Search, Page)>,
) -> Result<Json<Listed<WebhookBody>>, ApiError> {
    let sealer = state.store.sealer.clone();
    let unit = async move |tx: &mut Tx<'_>| webhooks::list(tx, &sealer, search.part(page)).await;
    let (rows, total) = state.store.db.read(unit).await?;
    let bodies = rows.into_iter().map(|row| shown_to(&caller, row.into()));
    Ok(Json(Listed::new(bodies.collect(), total, page)))
}

/// One outbound webhook. Only those who may change it see the whole of its address.
#[utoipa::path(
    get, path = "/api/webhooks/{id}", tag = "Webhooks", operation_id = "getWebhook",
    params(("id" = inline(ids::Webhook), Path)),
    responses((status = 200, body = WebhookBody), (status = 404, body = ErrorBody)),
)]
async fn get(
    State(state): State<AppState>,
    caller: Caller,
    Path(Id(id)): Path<ids::Webhook>,
) -> Result<Json<WebhookBody>, ApiError> {
    let at = state.clone();
    let unit = async move |tx: &mut Tx<'_>| found(tx, &at, id).await;
    let row = state.store.db.read(unit).await?;
    Ok(Json(shown_to(&caller, row.into())))
}

/// Makes an outbound webhook: all events of all services unless said. The bot of a `TELEGRAM` one is told where the
/// buttons under its messages call: `listening` says what came of it.
#[utoipa::path(
    post, path = "/api/webhooks", tag = "Webhooks", operation_id = "createWebhook", request_body = NewWebhook,
    responses((status = 201, body = WebhookBody), (status = 400, body = ErrorBody)),
)]
async fn post(
    State(state): State<AppState>,
    caller: Caller,
    Json(new): Json<NewWebhook>,
) -> Result<(StatusCode, Json<WebhookBody>), ApiError> {
    Ok((StatusCode::CREATED, Json(create(&state, &caller, new).await?)))
}

/// Changes an outbound webhook. Where a `TELEGRAM` one gets another bot or chat, its bot is told where its buttons call:
/// `listening` says what came of it.
#[utoipa::path(
    patch, path = "/api/webhooks/{id}", tag = "Webhooks", operation_id = "updateWebhook",
    params(("id" = inline(ids::Webhook), Path), IfMatch), request_body = WebhookPatch,
    responses((status = 200, body = WebhookBody), (status = 400, body = ErrorBody), (status = 404, body = ErrorBody)),
)]
async fn edit(
    State(state): State<AppState>,
    caller: Caller,
    Path(Id(id)): Path<ids::Webhook>,
    Json(wish): Json<WebhookPatch>,
) -> Result<Json<WebhookBody>, ApiError> {
    Ok(Json(update(&state, &caller, id, wish).await?))
}

/// Removes an outbound webhook; what still waits for it is given up.
#[utoipa::path(
    delete, path = "/api/webhooks/{id}", tag = "Webhooks", operation_id = "deleteWebhook",
    params(("id" = inline(ids::Webhook), Path)),
    responses((status = 204, description = "It is removed."), (status = 404, body = ErrorBody)),
)]
async fn remove(
    State(state): State<AppState>,
    caller: Caller,
    Path(Id(id)): Path<ids::Webhook>,
) -> Result<StatusCode, ApiError> {
    delete(&state, &caller, id).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Sends a test message to an outbound webhook and says what it answered. A receiver that refuses is no error of this
/// call: `ok` tells.
#[utoipa::path(
    post, path = "/api/webhooks/{id}/test", tag = "Webhooks", operation_id = "testWebhook",
    params(("id" = inline(ids::Webhook), Path)),
    responses((status = 200, body = TrialBody), (status = 404, body = ErrorBody)),
)]
async fn test(State(state): State<AppState>, Path(Id(id)): Path<ids::Webhook>) -> Result<Json<TrialBody>, ApiError> {
    Ok(Json(try_out(&state, id).await?))
}

/// What was sent to an outbound webhook and how it ended, the last first.
#[utoipa::path(
    get, path = "/api/webhooks/{id}/deliveries", tag = "Webhooks", operation_id = "listWebhookDeliveries",
    params(("id" = inline(ids::Webhook), Path), Page),
    responses((status = 200, body = Listed<DeliveryBody>), (status = 400, body = ErrorBody), (status = 404, body = ErrorBody)),
)]
async fn list_deliveries(
    State(state): State<AppState>,
    Path(Id(id)): Path<ids::Webhook>,
    Query(page): Query<Page>,
) -> Result<Json<Listed<DeliveryBody>>, ApiError> {
    let filter = deliveries::Filter {
        webhook: Some(id),
        limit: page.limit,
        offset: page.offset,
        ..deliveries::Filter::default()
    };
    let at = state.clone();
    let unit = async move |tx: &mut Tx<'_>| {
        found(tx, &at, id).await?;
        Ok::<_, ApiError>(listed(tx, &filter).await?)
    };
    let (bodies, total) = state.store.db.read(unit).await?;
    Ok(Json(Listed::new(bodies, total, page)))
}

/// Sends a message that failed once more.
#[utoipa::path(
    post, path = "/api/webhooks/{id}/deliveries/{deliveryId}/retry", tag = "Webhooks",
    operation_id = "retryWebhookDelivery",
    params(("id" = inline(ids::Webhook), Path), ("deliveryId" = inline(ids::Delivery), Path)),
    responses(
        (status = 204, description = "It is on its way once more."),
        (status = 404, body = ErrorBody),
        (status = 409, body = ErrorBody, description = "It has not failed."),
    ),
)]
async fn retry(
    State(state): State<AppState>,
    caller: Caller,
    Path((webhook, delivery)): Path<(ids::Webhook, ids::Delivery)>,
) -> Result<StatusCode, ApiError> {
    send_again(&state, &caller, webhook.0, delivery.0).await?;
    Ok(StatusCode::NO_CONTENT)
}
