//! `/api/events`: the Events API with an integration's key in a header or in the body, or with an API key and the
//! service in the body.

use std::sync::Arc;

use axum::{
    body::Body,
    extract::State,
    http::{HeaderMap, StatusCode},
    response::Response,
};
use bytes::Bytes;
use jiff::Timestamp;
use opsknight_domain::{
    event::{Event, Normalised},
    id::ServiceId,
    incident::Actor,
};
use opsknight_sources::events;
use opsknight_store::{
    api_keys::{self, ApiKeyRow},
    db::DbError,
    secret::Secret,
};
use serde_json::{Value, json};

use super::{
    answer::{self, Denied},
    credentials::{self, Authorization},
    door::{By, Door, Passed, Refused, with_allowance},
    limit::{Allowance, PER_MINUTE, Sender},
    pagerduty::{Once, admit, kept_body, passed, spent},
};
use crate::engine::ingest::{Brief, Taken};

/// Where the call is made.
const PATH: &str = "/api/events";
/// The scope that an API key needs for this call.
const SCOPE: &str = "events:write";

/// Takes an event.
pub(super) async fn take(State(door): State<Arc<Door>>, headers: HeaderMap, body: Body) -> Response {
    let mut allowance = None;
    let response = match taken(&door, &headers, body, &mut allowance).await {
        Ok(taken) => answer::json(StatusCode::ACCEPTED, success(&taken)),
        Err(denied) => denied.respond(),
    };
    let status = response.status().as_u16().to_string();
    metrics::counter!("opsknight_requests_received_total", "type" => "EVENTS_API_V2", "status" => status).increment(1);
    with_allowance(response, allowance)
}

pub(super) fn success(taken: &Taken) -> Value {
    let mut result = json!({ "action": taken.action, "incident": taken.incident.as_ref().map(Brief::json) });
    if let Some(reason) = &taken.reason {
        result["reason"] = reason.as_str().into();
    }
    json!({ "status": "success", "dedup_key": taken.dedup_key, "result": result })
}

async fn taken(
    door: &Door,
    headers: &HeaderMap,
    body: Body,
    allowance: &mut Option<Allowance>,
) -> Result<Taken, Denied> {
    let body = Door::read(body, door.bounds.events_body).await?;
    let key = match credentials::authorization(headers) {
        Some(Authorization::Bearer(key)) if key.expose().starts_with(api_keys::KEY_PREFIX) => {
            return by_api_key(door, headers, &key, &body, allowance).await;
        }
        // Some tools can only send a bearer token: then it is the integration's key.
        Some(Authorization::Bearer(key) | Authorization::Token(key) | Authorization::Basic(key)) => Some(key),
        None => credentials::integration_key(headers),
    };
    let key = match key {
        Some(key) => {
            // Whoever does not show a key that is known is told nothing about the body.
            door.find(&By::Key(key.clone())).await?;
            key
        }
        None => body_key(&body)?,
    };
    by_integration_key(door, headers, &key, &body, allowance).await
}

/// The key in the body, for who sends none in a header.
fn body_key(body: &Bytes) -> Result<Secret, Denied> {
    match serde_json::from_slice::<Value>(body) {
        Ok(Value::Object(fields)) => match fields.get("routing_key") {
            Some(Value::String(key)) if !key.is_empty() => Ok(Secret::new(key.as_str())),
            _ => Err(Denied::Unauthorized),
        },
        Ok(_) => Err(Denied::Unauthorized),
        Err(_) => Err(events::parse_enqueue(body)
            .err()
            .map_or(Denied::Unauthorized, Denied::from)),
    }
}

fn event(door: &Door, body: &Bytes) -> Result<Event, Denied> {
    let enqueue = events::parse_enqueue(body)?;
    Ok(enqueue.into_event(|| door.clock.uuid_v4().simple().to_string()))
}

async fn by_integration_key(
    door: &Door,
    headers: &HeaderMap,
    key: &Secret,
    body: &Bytes,
    allowance: &mut Option<Allowance>,
) -> Result<Taken, Denied> {
    let once = Once::new();
    let event = event(door, body);
    let taken = door
        .checked(&By::Key(key.clone()), |found| {
            let (event, once) = (&event, &once);
            async move {
                admit(door, &found, once).await?;
                let passed = passed(door, &found, PATH, headers, kept_body(body, key));
                match event {
                    Ok(event) => {
                        door.hand_over(passed, vec![Normalised::Event(Box::new(event.clone()))])
                            .await
                    }
                    Err(denied) => {
                        if let Denied::Invalid { field, message, .. } = denied {
                            let kept = door.keep_surely(passed, 400, &format!("{field} {message}")).await;
                            // Its key may be another one by now.
                            if let Err(Refused::Stale) = kept {
                                return Err(Refused::Stale);
                            }
                        }
                        Err(Refused::Final(denied.clone()))
                    }
                }
            }
        })
        .await;
    *allowance = spent(once);
    first(taken?)
}

fn first(taken: Vec<Taken>) -> Result<Taken, Denied> {
    taken.into_iter().next().ok_or(Denied::Internal)
}

async fn by_api_key(
    door: &Door,
    headers: &HeaderMap,
    key: &Secret,
    body: &Bytes,
    allowance: &mut Option<Allowance>,
) -> Result<Taken, Denied> {
    let now = door.clock.now();
    let row = api_key(door, key, now).await?;
    if !row.scopes.iter().any(|scope| scope == SCOPE) {
        return Err(Denied::Forbidden(format!("the API key lacks the scope {SCOPE}")));
    }
    let (state, allowed) = door.allow(Sender::ApiKey(row.id), PER_MINUTE).await;
    *allowance = state;
    allowed?;
    let enqueue = events::parse_enqueue(body)?;
    let service = service_id(enqueue.service_id.as_deref())?;
    let event = enqueue.into_event(|| door.clock.uuid_v4().simple().to_string());
    let picture = door.picture().await?;
    if !picture.directory.services.contains_key(&service) {
        return Err(invalid("service_id", "names no service"));
    }
    let passed = Passed {
        integration: None,
        service,
        actor: Actor::ApiKey { name: row.name },
        version: picture.directory.version,
        kind: "EVENTS_API_V2",
        method: "POST",
        path: PATH.to_owned(),
        query: String::new(),
        headers,
        body: body.to_vec(),
        remote_id: None,
        is_test: false,
        repeats: None,
        now,
    };
    match door.hand_over(passed, vec![Normalised::Event(Box::new(event))]).await {
        Ok(taken) => first(taken),
        Err(Refused::Stale) => Err(invalid("service_id", "names no service")),
        Err(Refused::Denied(denied) | Refused::Final(denied)) => Err(denied),
    }
}

fn invalid(field: &str, message: &str) -> Denied {
    Denied::Invalid {
        field: field.to_owned(),
        message: message.to_owned(),
        errors: Vec::new(),
    }
}

fn service_id(text: Option<&str>) -> Result<ServiceId, Denied> {
    let text = text.ok_or_else(|| invalid("service_id", "is missing: with an API key it names the service"))?;
    text.parse()
        .map_err(|_| invalid("service_id", "must be an id of the form svc_…"))
}

/// The API key that was shown, if it is known and has not expired.
async fn api_key(door: &Door, key: &Secret, now: Timestamp) -> Result<ApiKeyRow, Denied> {
    let hash = key.hash();
    let found = door
        .store
        .db
        .read(async move |tx| api_keys::by_hash(tx, &hash, now).await)
        .await;
    let row = found.map_err(|error: DbError| {
        tracing::error!(error = %error, "an API key could not be looked up");
        Denied::Unavailable("the database cannot answer now".into())
    })?;
    let row = row.ok_or(Denied::Unauthorized)?;
    if api_keys::wants_touch(&row, now) {
        let id = row.id;
        let touched = door
            .store
            .db
            .write(async move |tx| api_keys::touch(tx, id, now).await)
            .await;
        if let Err(error) = touched {
            let error: DbError = error;
            tracing::warn!(error = %error, "when an API key was used could not be noted");
        }
    }
    Ok(row)
}
