//! `/v2/enqueue` and `/v2/change/enqueue`: PagerDuty's own calls, so that its clients work with only their base URL
//! changed.
//! Source: <https://developer.pagerduty.com/docs/events-api-v2-overview>

use std::sync::Arc;

use axum::{
    body::Body,
    extract::State,
    http::{HeaderMap, StatusCode},
    response::Response,
};
use bytes::Bytes;
use opsknight_domain::{event::Normalised, id::ChangeId, incident::Actor};
use opsknight_sources::events::{self, Change, Invalid};
use opsknight_store::{
    changes::{self, ChangeEvent},
    db::{DbError, Tx},
    receipts,
    secret::Secret,
};
use serde_json::{Value, json};
use tokio::sync::OnceCell;

use super::{
    answer::{self, Denied},
    door::{By, Door, Found, Passed, Refused, Spent, with_allowance},
    limit::{Allowance, Sender},
};

/// The path of alert events.
const ENQUEUE: &str = "/v2/enqueue";
/// The path of change events.
const ENQUEUE_CHANGE: &str = "/v2/change/enqueue";

impl From<Invalid> for Denied {
    fn from(invalid: Invalid) -> Self {
        Self::Invalid {
            field: invalid.field,
            message: invalid.errors.join("; "),
            errors: invalid.errors,
        }
    }
}

/// Takes an alert event.
pub(super) async fn enqueue(State(door): State<Arc<Door>>, headers: HeaderMap, body: Body) -> Response {
    let mut allowance = None;
    let answer = match alert(&door, &headers, body, &mut allowance).await {
        Ok(dedup_key) => {
            let body = json!({ "status": "success", "message": "Event processed", "dedup_key": dedup_key });
            answer::json(StatusCode::ACCEPTED, body)
        }
        Err(denied) => denied.respond_as_pagerduty(),
    };
    counted(answer, allowance)
}

/// Takes a change event.
pub(super) async fn enqueue_change(State(door): State<Arc<Door>>, headers: HeaderMap, body: Body) -> Response {
    let mut allowance = None;
    let answer = match change(&door, &headers, body, &mut allowance).await {
        Ok(()) => {
            let body = json!({ "status": "success", "message": "Change event processed" });
            answer::json(StatusCode::ACCEPTED, body)
        }
        Err(denied) => denied.respond_as_pagerduty(),
    };
    counted(answer, allowance)
}

fn counted(response: Response, allowance: Option<Allowance>) -> Response {
    let status = response.status().as_u16().to_string();
    metrics::counter!("opsknight_requests_received_total", "type" => "EVENTS_API_V2", "status" => status).increment(1);
    with_allowance(response, allowance)
}

async fn alert(
    door: &Door,
    headers: &HeaderMap,
    body: Body,
    allowance: &mut Option<Allowance>,
) -> Result<String, Denied> {
    let body = Door::read(body, door.bounds.events_body).await?;
    let enqueue = match events::parse_enqueue(&body) {
        Ok(enqueue) => enqueue,
        Err(invalid) => return Err(refused(door, headers, (ENQUEUE, &body), invalid, allowance).await),
    };
    let key = Secret::new(events::check_routing_key(enqueue.routing_key.as_deref())?);
    let event = enqueue.into_event(|| door.clock.uuid_v4().simple().to_string());
    let dedup_key = event.dedup_key.clone();
    let (door_, event_, key_) = (door, &event, &key);
    let once = Once::new();
    let taken = door
        .checked(&By::Key(key.clone()), |found| {
            let (body, once) = (&body, &once);
            async move {
                admit(door_, &found, once).await?;
                let passed = passed(door_, &found, ENQUEUE, headers, kept_body(body, key_));
                door_
                    .hand_over(passed, vec![Normalised::Event(Box::new(event_.clone()))])
                    .await
            }
        })
        .await;
    *allowance = spent(once);
    taken.map(|_| dedup_key)
}

async fn change(door: &Door, headers: &HeaderMap, body: Body, allowance: &mut Option<Allowance>) -> Result<(), Denied> {
    let body = Door::read(body, door.bounds.events_body).await?;
    let change = match events::parse_change(&body) {
        Ok(change) => change,
        Err(invalid) => return Err(refused(door, headers, (ENQUEUE_CHANGE, &body), invalid, allowance).await),
    };
    let key = Secret::new(events::check_routing_key(change.routing_key.as_deref())?);
    let once = Once::new();
    let kept = door
        .checked(&By::Key(key.clone()), |found| {
            let (change, once, body, key) = (&change, &once, &body, &key);
            async move {
                admit(door, &found, once).await?;
                let passed = passed(door, &found, ENQUEUE_CHANGE, headers, kept_body(body, key));
                keep_change(door, &found, change, &passed).await
            }
        })
        .await;
    *allowance = spent(once);
    kept
}

/// The answer to a body that is not understood. Where it shows a key that is known, it is kept for the sender's people to
/// see, and counts as a request.
async fn refused(
    door: &Door,
    headers: &HeaderMap,
    (path, body): (&str, &Bytes),
    invalid: Invalid,
    allowance: &mut Option<Allowance>,
) -> Denied {
    let denied = Denied::from(invalid);
    let fields = serde_json::from_slice::<Value>(body).unwrap_or_default();
    let Some(key) = fields["routing_key"].as_str().map(Secret::new) else {
        return denied;
    };
    let (once, reason) = (Once::new(), denied.message());
    let kept = door
        .checked(&By::Key(key.clone()), |found| {
            let (once, key, reason) = (&once, &key, &reason);
            async move {
                admit(door, &found, once).await?;
                let passed = passed(door, &found, path, headers, kept_body(body, key));
                door.keep_surely(passed, 400, reason).await
            }
        })
        .await;
    *allowance = spent(once);
    match kept {
        Err(limited @ Denied::TooMany(_)) => limited,
        // A key that is not known is one more thing that is wrong, and what cannot be kept is refused all the same.
        Ok(()) | Err(_) => denied,
    }
}

/// The allowance of a request, taken once however often the request is checked.
pub(super) type Once = OnceCell<Spent>;

pub(super) fn spent(once: Once) -> Option<Allowance> {
    once.into_inner().and_then(|(allowance, _)| allowance)
}

/// Whether the integration takes events, and as many.
pub(super) async fn admit(door: &Door, found: &Found, once: &Once) -> Result<(), Refused> {
    if !found.integration.enabled {
        return Err(Refused::Denied(Denied::Forbidden("the integration is disabled".into())));
    }
    let sender = Sender::Integration(found.integration.id);
    let per_minute = found.integration.rate_limit_per_minute;
    let (_, allowed) = once.get_or_init(|| door.allow(sender, per_minute)).await;
    allowed.clone().map_err(Refused::Final)
}

/// A request of the events calls that came by an integration's key.
pub(super) fn passed<'a>(door: &Door, found: &Found, path: &str, headers: &'a HeaderMap, body: Vec<u8>) -> Passed<'a> {
    Passed {
        integration: Some(found.integration.id),
        service: found.integration.service,
        actor: Actor::Integration {
            name: found.integration.name.clone(),
        },
        version: found.version,
        kind: "EVENTS_API_V2",
        method: "POST",
        path: path.to_owned(),
        query: String::new(),
        headers,
        body,
        remote_id: None,
        is_test: false,
        repeats: None,
        now: door.clock.now(),
    }
}

/// The body as it is kept: the key in it is blanked, for it is a secret.
pub(super) fn kept_body(body: &Bytes, key: &Secret) -> Vec<u8> {
    let key = key.expose();
    match std::str::from_utf8(body) {
        Ok(text) if !key.is_empty() => text.replace(key, &"*".repeat(key.len())).into_bytes(),
        _ => body.to_vec(),
    }
}

async fn keep_change(door: &Door, found: &Found, change: &Change, passed: &Passed<'_>) -> Result<(), Refused> {
    let reason = "a change: it pages nobody and stands beside the incidents of its service";
    let results = json!([{ "action": "ignored", "reason": reason, "summary": change.summary }]);
    let receipt = passed.receipt(door, 202, results);
    let row = ChangeEvent {
        id: ChangeId::new(door.clock.uuid_v7()),
        service: found.integration.service,
        integration: Some(found.integration.id),
        summary: change.summary.clone(),
        source: change.source.clone(),
        occurred_at: change.occurred_at,
        custom_details: change.custom_details.clone(),
        links: change.links.clone(),
        created_at: door.clock.now(),
    };
    // What it was checked against must be what holds where it is committed: its key may have been changed since.
    let (pictures, checked_against) = (door.store.pictures.clone(), found.version);
    let unit = async move |tx: &mut Tx<'_>| {
        let current = pictures.current(tx, row.created_at).await?.directory.version == checked_against;
        if current {
            changes::insert(tx, &row).await?;
            receipts::insert(tx, vec![receipt.clone()]).await?;
        }
        Ok(current)
    };
    match door.store.db.write(unit).await {
        Ok(true) => Ok(()),
        Ok(false) => Err(Refused::Stale),
        Err(error) => {
            let error: DbError = error;
            tracing::error!(error = %error, "a change event could not be stored");
            Err(Refused::Final(Denied::Unavailable(
                "the database cannot take events now".into(),
            )))
        }
    }
}
