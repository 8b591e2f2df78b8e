//! `/settings/webhooks/{id}/deliveries/{dlv}`: one message to a webhook, what was sent, and what was answered.

use axum::{extract::State, response::Response};
use opsknight_store::{db::Tx, deliveries, webhooks};

use super::{host, pretty};
use crate::{
    api::{
        error::ApiError,
        extract::Path,
        wire::{Id, ids},
    },
    pages::{PageError, rows::delivery_row, viewer::Viewer},
    state::AppState,
    views::{Badge, Link, Section, Tone, TryRow, WebhookDelivery},
};

/// `GET /settings/webhooks/{id}/deliveries/{dlv}`
pub(in crate::pages) async fn show(
    State(state): State<AppState>,
    viewer: Viewer,
    Path((Id(id), Id(delivery))): Path<(ids::Webhook, ids::Delivery)>,
) -> Result<Response, PageError> {
    let sealer = state.store.sealer.clone();
    let filter = deliveries::Filter {
        webhook: Some(id),
        id: Some(delivery),
        limit: 1,
        ..deliveries::Filter::default()
    };
    let unit = async move |tx: &mut Tx<'_>| {
        let webhook = webhooks::get(tx, &sealer, id).await?;
        let webhook = webhook.ok_or_else(|| ApiError::not_found("webhook"))?;
        let message = deliveries::list(tx, &filter).await?.0.pop();
        let message = message.ok_or_else(|| ApiError::not_found("delivery"))?;
        let attempts = deliveries::attempts(tx, &[delivery]).await?;
        Ok::<_, ApiError>((webhook, message, attempts.into_iter().flatten().collect::<Vec<_>>()))
    };
    let (webhook, message, attempts) = state.store.db.read(unit).await?;
    // A page without the body is better than none.
    let body = state.providers.webhook_body(delivery).await.ok().flatten();
    let waits = message.state == "PENDING";
    let page = WebhookDelivery {
        shell: viewer.shell(format!("Delivery to {}", webhook.name), Section::Settings),
        webhook: Link::new(format!("/settings/webhooks/{id}"), &webhook.name),
        host: host(webhook.url.expose()),
        event: message.happening.clone().unwrap_or_default(),
        reason: message.reason.clone(),
        created: viewer.times(message.created_at),
        next: waits.then(|| viewer.times(message.due_at)),
        can_retry: matches!(message.state.as_str(), "FAILED" | "SKIPPED"),
        attempts: attempts
            .into_iter()
            .rev()
            .map(|attempt| row(&viewer, attempt))
            .collect(),
        headers: match body {
            Some(_) => headers(&delivery.to_string(), webhook.secret.is_some()),
            None => Vec::new(),
        },
        body: body.as_deref().map(pretty).unwrap_or_default(),
        row: delivery_row(&viewer, message),
    };
    viewer.page(&page)
}

fn row(viewer: &Viewer, attempt: deliveries::Attempt) -> TryRow {
    let outcome = match attempt.outcome.as_str() {
        "ACCEPTED" => Badge::new(Tone::Good, "Taken"),
        "RETRY" => Badge::new(Tone::Waiting, "Not taken"),
        "UNKNOWN" => Badge::new(Tone::Waiting, "No answer"),
        "MISCONFIGURED" => Badge::new(Tone::Bad, "Set up wrongly"),
        _ => Badge::new(Tone::Bad, "Refused"),
    };
    let ms = attempt.ended_at.duration_since(attempt.started_at).as_millis();
    TryRow {
        n: u64::try_from(attempt.n).unwrap_or_default(),
        outcome,
        words: attempt.detail,
        at: viewer.times(attempt.started_at),
        took: format!("{ms} ms"),
    }
}

/// The headers of a generic webhook, and what stands in them. Signatures are made anew at each try.
fn headers(delivery: &str, is_signed: bool) -> Vec<(&'static str, String)> {
    let mut headers = vec![
        ("content-type", "application/json".to_owned()),
        ("webhook-id", delivery.to_owned()),
    ];
    if is_signed {
        headers.extend([
            (
                "webhook-timestamp",
                "The time of the try, in seconds since 1970".to_owned(),
            ),
            (
                "webhook-signature",
                "v1, and a signature over id, time and body".to_owned(),
            ),
            (
                "x-opsknight-signature",
                "sha256= and a signature over the body".to_owned(),
            ),
        ]);
    }
    headers
}
