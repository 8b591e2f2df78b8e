//! `/api/integrations/{type}?integrationId=ID`: the webhooks of monitoring tools, each in its own form.
//!
//! The integration's identity in the URL is a secret and enough by itself. Where the integration has a signature
//! secret, or asks for its key as well, the URL alone is not.

use std::sync::Arc;

use axum::{
    body::Body,
    extract::{Path, RawQuery, State},
    http::{HeaderMap, Method, StatusCode},
    response::Response,
};
use bytes::Bytes;
use opsknight_domain::{event::Normalised, id::IntegrationId, incident::Actor};
use opsknight_sources::{Request, Source, cloudwatch::sns::Envelope, mapping::FieldMapping};
use opsknight_store::integrations::IntegrationRow;
use serde_json::{Value, json};

use super::{
    answer::{self, Denied},
    authority::{self, Doubt, Unconfirmed},
    credentials,
    door::{By, Door, Found, Passed, Refused, same, with_allowance},
    limit::Allowance,
    pagerduty::{Once, admit, spent},
};
use crate::engine::ingest::Taken;

/// What arrived.
pub(super) struct Call {
    pub(super) method: Method,
    pub(super) query: String,
    pub(super) headers: HeaderMap,
    pub(super) body: Bytes,
    /// Everything in it is a test, whatever it says.
    pub(super) is_test: bool,
}

/// Takes a webhook.
pub(super) async fn take(
    State(door): State<Arc<Door>>,
    Path(path): Path<Vec<String>>,
    RawQuery(query): RawQuery,
    method: Method,
    headers: HeaderMap,
    body: Body,
) -> Response {
    let (slug, rest) = path
        .split_first()
        .map_or(("", &[][..]), |(slug, rest)| (slug.as_str(), rest));
    let source = opsknight_sources::by_slug(slug).filter(|source| rest.is_empty() || source.path_goes_on());
    let kind = source.map_or("unknown", Source::type_name);
    let mut allowance = None;
    let answered = async {
        let source = source.ok_or_else(|| Denied::NotFound(format!("there is no integration type {slug}")))?;
        let query = query.unwrap_or_default();
        let id = integration_id(&query).ok_or(Denied::Unauthorized)?;
        // A stranger's body is not read: it may be long, and there may be many of them.
        door.find(&By::Id(id)).await?;
        let body = Door::read(body, door.bounds.hook_body).await?;
        let call = Call {
            method,
            query,
            headers,
            body,
            is_test: false,
        };
        pass(&door, source, id, &call, &mut allowance).await
    };
    let response = match answered.await {
        Ok((source, taken)) => accepted(source, &taken),
        Err(denied) => denied.respond(),
    };
    let status = response.status().as_u16().to_string();
    metrics::counter!("opsknight_requests_received_total", "type" => kind, "status" => status).increment(1);
    with_allowance(response, allowance)
}

/// Checks a call, again where the configuration has changed, and takes in what it says.
pub(super) async fn pass(
    door: &Door,
    source: &'static dyn Source,
    id: IntegrationId,
    call: &Call,
    allowance: &mut Option<Allowance>,
) -> Result<(&'static dyn Source, Vec<Taken>), Denied> {
    // One request is one token, however often it is checked.
    let once = Once::new();
    let passed = door
        .checked(&By::Id(id), |found| {
            let once = &once;
            async move {
                check(source, &found, call, door).await?;
                admit(door, &found, once).await?;
                hand_over(door, source, &found, call).await
            }
        })
        .await;
    *allowance = spent(once);
    passed.map(|taken| (source, taken))
}

/// The integration that the URL names.
fn integration_id(query: &str) -> Option<IntegrationId> {
    let mut pairs = url::form_urlencoded::parse(query.as_bytes());
    let (_, id) = pairs.find(|(name, _)| name == "integrationId")?;
    // Some products put their own parameters behind the URL with a second question mark.
    id.split('?').next()?.parse().ok()
}

/// The query string without what names the integration.
fn without_id(query: &str) -> String {
    let pairs = url::form_urlencoded::parse(query.as_bytes()).filter(|(name, _)| name != "integrationId");
    url::form_urlencoded::Serializer::new(String::new())
        .extend_pairs(pairs)
        .finish()
}

/// Whether the call is the integration's own, authentic and welcome.
async fn check(source: &dyn Source, found: &Found, call: &Call, door: &Door) -> Result<(), Refused> {
    let integration: &IntegrationRow = &found.integration;
    if integration.require_key {
        let key = credentials::integration_key(&call.headers);
        if !key.is_some_and(|key| same(&key, &integration.key)) {
            return Err(Refused::Denied(Denied::Unauthorized));
        }
    }
    let request = request(call);
    if let Some(secret) = &integration.secret
        && let Err(error) = source.verify(&request, secret.expose(), door.clock.now())
    {
        tracing::info!(integration.name = %integration.name, error = %error, "a request was not authentic");
        return Err(Refused::Denied(Denied::Unauthorized));
    }
    if integration.type_name == source.type_name()
        && !call.is_test
        && let Err(doubt) = door
            .authority
            .check(&source.proof(&request), integration, &call.headers)
            .await
    {
        return Err(doubted(integration, doubt));
    }
    if integration.type_name != source.type_name() {
        let why = format!("this integration is of another type than {}", source.slug());
        return Err(Refused::Denied(Denied::NotFound(why)));
    }
    if !integration.enabled {
        return Err(Refused::Denied(Denied::Forbidden("the integration is disabled".into())));
    }
    if !source.takes(&call.method) {
        let methods = [Method::POST, Method::PUT, Method::GET].into_iter();
        let allow: Vec<String> = methods
            .filter(|method| source.takes(method))
            .map(|method| method.to_string())
            .collect();
        let allow = allow.join(", ");
        return Err(Refused::Final(Denied::Method { allow }));
    }
    Ok(())
}

/// What a sender is answered whose proof is not believed.
fn doubted(integration: &IntegrationRow, doubt: Doubt) -> Refused {
    match doubt {
        Doubt::Wrong(why) => {
            tracing::warn!(integration.name = %integration.name, "a request was not authentic: {why}");
            Refused::Denied(Denied::Unauthorized)
        }
        Doubt::Unknown(why) => {
            tracing::error!(integration.name = %integration.name, "whether a request is authentic cannot be told: {why}");
            Refused::Final(Denied::Unavailable(
                "whether this is authentic cannot be told now".into(),
            ))
        }
    }
}

fn request(call: &Call) -> Request<'_> {
    Request {
        method: &call.method,
        query: &call.query,
        headers: &call.headers,
        body: &call.body,
    }
}

async fn hand_over(
    door: &Door,
    source: &'static dyn Source,
    found: &Found,
    call: &Call,
) -> Result<Vec<Taken>, Refused> {
    let integration = &found.integration;
    let request = request(call);
    let mapping = mapping(integration);
    let passed = Passed {
        integration: Some(integration.id),
        service: integration.service,
        actor: Actor::Integration {
            name: integration.name.clone(),
        },
        version: found.version,
        kind: source.type_name(),
        method: call.method.as_str(),
        path: format!("/api/integrations/{}", source.slug()),
        query: without_id(&call.query),
        headers: &call.headers,
        body: call.body.to_vec(),
        remote_id: source.delivery_id(&request),
        is_test: call.is_test,
        repeats: None,
        now: door.clock.now(),
    };
    if let Some(envelope) = authority::handshake(&source.proof(&request)) {
        return confirm(door, integration, passed, envelope).await;
    }
    match source.parse(&request, mapping.as_ref()) {
        Ok(mut events) => {
            if call.is_test {
                mark_as_test(&mut events);
            }
            door.hand_over(passed, events).await
        }
        Err(error) => {
            // What the settings of before made of it may not be what those of now do.
            if let Err(Refused::Stale) = door.keep_surely(passed, 400, &error.to_string()).await {
                return Err(Refused::Stale);
            }
            let errors = Vec::new();
            Err(Refused::Final(Denied::Invalid {
                field: error.field,
                message: error.message,
                errors,
            }))
        }
    }
}

/// Follows the handshake of SNS: calls the address in the envelope, and lets the topic send from now on.
async fn confirm(
    door: &Door,
    integration: &IntegrationRow,
    mut passed: Passed<'_>,
    envelope: &Envelope,
) -> Result<Vec<Taken>, Refused> {
    let topic = &envelope.topic_arn;
    let told = |why: &str| format!("The subscription to {topic} could not be confirmed: {why}");
    match door.authority.confirm(envelope).await {
        Ok(()) => {}
        Err(Unconfirmed::Refused(why)) => {
            door.keep_refused(passed, 400, &told(&why)).await;
            let (field, message, errors) = (
                "SubscribeURL".to_owned(),
                format!("could not be called: {why}"),
                Vec::new(),
            );
            return Err(Refused::Final(Denied::Invalid { field, message, errors }));
        }
        Err(Unconfirmed::Unreachable(why)) => {
            door.keep_refused(passed, 503, &told(&why)).await;
            return Err(Refused::Final(Denied::Unavailable(
                "the subscription could not be confirmed".into(),
            )));
        }
    }
    if !door.pin_topic(integration, topic).await?.contains(topic) {
        return Err(Refused::Final(Denied::Unauthorized));
    }
    // What has changed since the request was checked is this.
    passed.version = door.picture().await.map_err(Refused::Final)?.directory.version;
    let reason = format!("The subscription to {topic} is confirmed; this topic may send here.");
    let events = vec![Normalised::Ignored {
        dedup_key: None,
        reason,
    }];
    door.hand_over(passed, events).await
}

/// How the integration's people say that its bodies are to be read. What was stored was checked when it was set.
pub(super) fn mapping(integration: &IntegrationRow) -> Option<FieldMapping> {
    let stored = integration.field_mapping.clone()?;
    match serde_json::from_value(stored) {
        Ok(mapping) => Some(mapping),
        Err(error) => {
            tracing::error!(integration.name = %integration.name, error = %error, "the field mapping cannot be read");
            None
        }
    }
}

pub(super) fn mark_as_test(events: &mut [Normalised]) {
    for event in events {
        if let Normalised::Event(event) = event {
            event.is_test = true;
        }
    }
}

/// The answer to a webhook that was taken in.
fn accepted(source: &dyn Source, taken: &[Taken]) -> Response {
    let status = StatusCode::from_u16(source.answer_status()).unwrap_or(StatusCode::ACCEPTED);
    answer::json(status, accepted_body(taken))
}

/// The body of that answer.
pub(super) fn accepted_body(taken: &[Taken]) -> Value {
    json!({ "status": "accepted", "results": taken.iter().map(Taken::json).collect::<Vec<_>>() })
}
