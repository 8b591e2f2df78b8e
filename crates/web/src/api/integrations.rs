//! `/api/services/{id}/integrations`.

use axum::extract::State;
use http::StatusCode;
use opsknight_domain::id::{IntegrationId, ServiceId};
use opsknight_sources::{self as sources, Source, mapping::FieldMapping, proof::TokenRule};
use opsknight_store::{
    db::Tx,
    integrations::{self, IntegrationRow, KEY_BYTES},
    secret::Secret,
};
use serde_json::json;
use utoipa_axum::{router::OpenApiRouter, routes};

use super::{
    access::Caller,
    change::{Change, IfMatch, Object},
    check,
    error::{ApiError, ErrorBody, Problems},
    extract::{Json, Path, Query},
    page::{Listed, Page},
    search::Search,
    services,
    wire::{Id, ids},
};
use crate::state::AppState;

mod preview;
mod shape;

pub(crate) use preview::{Wish as PreviewWish, preview};
pub use shape::{FieldMappingBody, IntegrationBody, TestBody, TokenRuleBody, webhook_url};
pub(crate) use shape::{IntegrationPatch, NewIntegration};

/// How many requests in a minute an integration takes unless said.
pub const RATE_LIMIT_DEFAULT: u32 = 120;
/// The most requests in a minute that can be asked for.
pub const RATE_LIMIT_MAX: u32 = 100_000;
/// The most topics of SNS that may send to one integration.
const TOPICS_MAX: usize = 50;

pub(super) fn routes() -> OpenApiRouter<AppState> {
    OpenApiRouter::new()
        .routes(routes!(list, post))
        .routes(routes!(get, edit, remove))
        .routes(routes!(rotate))
        .routes(routes!(test))
        .routes(routes!(preview::post))
}

impl IntegrationPatch {
    fn apply(&self, row: &mut IntegrationRow, source: &dyn Source) -> Result<(), ApiError> {
        let mut problems = Problems::default();
        if let Some(name) = &self.name {
            row.name = check::name(&mut problems, "name", name);
        }
        if let Some(secret) = self.signature_secret.clone() {
            // Null takes the secret away; a blank one must not do so unnoticed.
            if let Some(Err(wrong)) = secret.as_deref().map(|secret| source.signature().check_secret(secret)) {
                problems.add("signatureSecret", wrong);
            }
            row.secret = check::secret(&mut problems, "signatureSecret", secret).map(Secret::new);
        }
        if let Some(enabled) = self.enabled {
            row.enabled = enabled;
        }
        if let Some(require) = self.require_key {
            row.require_key = require;
        }
        if let Some(limit) = self.rate_limit_per_minute {
            let range = (1, RATE_LIMIT_MAX);
            row.rate_limit_per_minute = check::number(&mut problems, "rateLimitPerMinute", limit, range);
        }
        if let Some(mapping) = self.field_mapping.clone() {
            let mapping = mapping.and_then(|mapping| checked_mapping(mapping, source, &mut problems));
            row.field_mapping = mapping.and_then(|mapping| serde_json::to_value(mapping).ok());
        }
        self.apply_proofs(row, source, &mut problems);
        problems.check()
    }

    /// What requests must bring besides a secret.
    fn apply_proofs(&self, row: &mut IntegrationRow, source: &dyn Source, problems: &mut Problems) {
        if let Some(rule) = self.token_rule.clone() {
            let rule = rule.map(TokenRule::from);
            match (&rule, source.token_issuer()) {
                (Some(_), None) => problems.add(
                    "tokenRule",
                    "goes with the types GOOGLE_CLOUD_MONITORING and AZURE only",
                ),
                (Some(rule), Some(issuer)) => {
                    for (field, message) in rule.validate(issuer).err().into_iter().flatten() {
                        problems.add(format!("tokenRule.{field}"), message);
                    }
                }
                (None, _) => {}
            }
            row.token_rule = rule.and_then(|rule| serde_json::to_value(rule).ok());
        }
        if let Some(topics) = self.topic_arns.clone() {
            if !topics.is_empty() && !source.comes_through_sns() {
                problems.add("topicArns", "goes with the type CLOUDWATCH only");
            }
            if topics.len() > TOPICS_MAX {
                problems.add("topicArns", format!("must not be more than {TOPICS_MAX}"));
            }
            for (place, topic) in topics.iter().enumerate() {
                if !is_topic_arn(topic) {
                    let field = format!("topicArns[{place}]");
                    problems.add(
                        field,
                        "must be the ARN of an SNS topic, like arn:aws:sns:eu-west-1:123456789012:alarms",
                    );
                }
            }
            row.topics = topics;
        }
    }
}

/// `arn:PARTITION:sns:REGION:ACCOUNT:NAME`.
fn is_topic_arn(text: &str) -> bool {
    let parts: Vec<&str> = text.split(':').collect();
    text.len() <= 512 && parts.len() == 6 && parts[0] == "arn" && parts[2] == "sns" && !parts[5].is_empty()
}

/// A field mapping that can be used with this type; what is wrong with it is a problem.
fn checked_mapping(mapping: FieldMappingBody, source: &dyn Source, problems: &mut Problems) -> Option<FieldMapping> {
    if !source.maps_fields() {
        problems.add("fieldMapping", "goes with the type WEBHOOK only");
        return None;
    }
    let mapping = FieldMapping::from(mapping);
    if let Err(wrong) = mapping.validate() {
        problems.add(format!("fieldMapping.{}", wrong.field), wrong.message);
        return None;
    }
    Some(mapping)
}

fn source_of(type_name: &str) -> Result<&'static dyn Source, ApiError> {
    sources::by_type(type_name).ok_or_else(|| {
        let known: Vec<_> = sources::all().iter().map(|source| source.type_name()).collect();
        ApiError::invalid("type", format!("must be one of {}", known.join(", ")))
    })
}

fn new_key(state: &AppState) -> Secret {
    let mut random = [0; KEY_BYTES];
    state.clock.fill(&mut random);
    integrations::new_key(random)
}

/// Makes an integration of a service.
pub(crate) async fn create(
    state: &AppState,
    caller: &Caller,
    service: ServiceId,
    new: NewIntegration,
) -> Result<IntegrationBody, ApiError> {
    let source = source_of(&new.type_name)?;
    let change = Change::new(state, caller);
    let mut row = IntegrationRow {
        id: IntegrationId::new(state.clock.uuid_v4()),
        service,
        name: String::new(),
        type_name: source.type_name().to_owned(),
        key: new_key(state),
        secret: None,
        enabled: true,
        require_key: false,
        rate_limit_per_minute: RATE_LIMIT_DEFAULT,
        field_mapping: None,
        token_rule: None,
        topics: Vec::new(),
        created_at: change.now,
        updated_at: change.now,
    };
    IntegrationPatch::from(new).apply(&mut row, source)?;
    let (sealer, body) = (
        state.store.sealer.clone(),
        IntegrationBody::new(state, row.clone(), None),
    );
    let unit = async move |tx: &mut Tx<'_>| {
        change.begin(tx).await?;
        services::found(tx, service).await?;
        integrations::insert(tx, &sealer, &row).await?;
        change.created(tx, object(&row), &body).await?;
        Ok::<_, ApiError>(body.clone())
    };
    state.store.db.write(unit).await
}

/// Changes an integration.
pub(crate) async fn update(
    state: &AppState,
    caller: &Caller,
    (service, id): (ServiceId, IntegrationId),
    wish: IntegrationPatch,
) -> Result<IntegrationBody, ApiError> {
    let (change, at) = (Change::new(state, caller), state.clone());
    let unit = async move |tx: &mut Tx<'_>| {
        change.begin(tx).await?;
        let mut row = found(tx, &at, service, id).await?;
        let before = IntegrationBody::new(&at, row.clone(), None);
        let had_secret = row.secret.clone();
        let source = source_of(&row.type_name)?;
        wish.apply(&mut row, source)?;
        row.updated_at = change.follows(row.updated_at)?;
        integrations::update(tx, &at.store.sealer, &row).await?;
        let last = integrations::last_events(tx, service).await?.get(&id).copied();
        let after = IntegrationBody::new(&at, row.clone(), last);
        if row.secret.is_some() && had_secret.is_some() && row.secret != had_secret {
            // Both states are "has one": the change is told all the same.
            let changes = json!({ "signatureSecret": { "from": "(hidden)", "to": "(hidden)" } });
            change.record(tx, "secret_changed", object(&row), changes).await?;
        } else {
            change.updated(tx, object(&row), &before, &after).await?;
        }
        Ok::<_, ApiError>(after)
    };
    state.store.db.write(unit).await
}

/// Gives an integration another key; the one before is refused from now on.
pub(crate) async fn rotate_key(
    state: &AppState,
    caller: &Caller,
    (service, id): (ServiceId, IntegrationId),
) -> Result<IntegrationBody, ApiError> {
    let (change, key, at) = (Change::new(state, caller), new_key(state), state.clone());
    let unit = async move |tx: &mut Tx<'_>| {
        change.begin(tx).await?;
        let mut row = found(tx, &at, service, id).await?;
        row.key = key.clone();
        row.updated_at = change.follows(row.updated_at)?;
        integrations::update(tx, &at.store.sealer, &row).await?;
        change.record(tx, "key_rotated", object(&row), json!({})).await?;
        let last = integrations::last_events(tx, service).await?.get(&id).copied();
        Ok::<_, ApiError>(IntegrationBody::new(&at, row, last))
    };
    state.store.db.write(unit).await
}

/// Removes an integration: what is sent to it is refused from now on.
pub(crate) async fn delete(
    state: &AppState,
    caller: &Caller,
    (service, id): (ServiceId, IntegrationId),
) -> Result<(), ApiError> {
    let (change, at) = (Change::new(state, caller), state.clone());
    let unit = async move |tx: &mut Tx<'_>| {
        change.begin(tx).await?;
        let row = found(tx, &at, service, id).await?;
        integrations::delete(tx, service, id, change.now).await?;
        // Its service's activity tells of it when the integration is not there any more to be asked whose it was.
        let of = json!({ "serviceId": { "from": service.to_string(), "to": null } });
        change.record(tx, "deleted", object(&row), of).await?;
        Ok::<_, ApiError>(())
    };
    state.store.db.write(unit).await
}

/// Sends the built-in sample of the integration's type the whole way of a real request, marked as a test.
pub(crate) async fn send_test(
    state: &AppState,
    (service, id): (ServiceId, IntegrationId),
) -> Result<TestBody, ApiError> {
    let at = state.clone();
    let unit = async move |tx: &mut Tx<'_>| found(tx, &at, service, id).await.map(drop);
    state.store.db.read(unit).await?;
    let answer = state.receive.send_test_event(id).await;
    let answer = answer.ok_or_else(|| ApiError::not_found("integration"))?;
    Ok(TestBody {
        status: answer.status,
        body: answer.body,
    })
}

fn object(row: &IntegrationRow) -> Object<'_> {
    Object {
        kind: "integration",
        id: &row.id,
        name: &row.name,
    }
}

/// The integration, or 404.
pub(crate) async fn found(
    tx: &mut Tx<'_>,
    state: &AppState,
    service: ServiceId,
    id: IntegrationId,
) -> Result<IntegrationRow, ApiError> {
    services::found(tx, service).await?;
    let row = integrations::get(tx, &state.store.sealer, service, id).await?;
    row.ok_or_else(|| ApiError::not_found("integration"))
}

/// Lists the integrations of a service by name.
#[utoipa::path(
    get, path = "/api/services/{id}/integrations", tag = "Integrations", operation_id = "listIntegrations",
    params(("id" = inline(ids::Service), Path), Search, Page),
    responses((status = 200, body = Listed<IntegrationBody>), (status = 400, body = ErrorBody), (status = 404, body = ErrorBody)),
)]
async fn list(
    State(state): State<AppState>,
    Path(Id(service)): Path<ids::Service>,
    Query((search, page)): Query<(Search, Page)>,
) -> Result<Json<Listed<IntegrationBody>>, ApiError> {
    let sealer = state.store.sealer.clone();
    let unit = async move |tx: &mut Tx<'_>| {
        services::found(tx, service).await?;
        let (rows, total) = integrations::list(tx, &sealer, service, search.part(page)).await?;
        let last = integrations::last_events(tx, service).await?;
        Ok::<_, ApiError>((rows, last, total))
    };
    let (rows, last, total) = state.store.db.read(unit).await?;
    let bodies = rows.into_iter().map(|row| {
        let last = last.get(&row.id).copied();
        IntegrationBody::new(&state, row, last)
    });
    Ok(Json(Listed::new(bodies.collect(), total, page)))
}

/// One integration.
#[utoipa::path(
    get, path = "/api/services/{id}/integrations/{integrationId}", tag = "Integrations", operation_id = "getIntegration",
    params(("id" = inline(ids::Service), Path), ("integrationId" = inline(ids::Integration), Path)),
    responses((status = 200, body = IntegrationBody), (status = 404, body = ErrorBody)),
)]
async fn get(
    State(state): State<AppState>,
    Path((service, id)): Path<(ids::Service, ids::Integration)>,
) -> Result<Json<IntegrationBody>, ApiError> {
    let (at, service, id) = (state.clone(), service.0, id.0);
    let unit = async move |tx: &mut Tx<'_>| {
        let row = found(tx, &at, service, id).await?;
        let last = integrations::last_events(tx, service).await?.get(&id).copied();
        Ok::<_, ApiError>(IntegrationBody::new(&at, row, last))
    };
    Ok(Json(state.store.db.read(unit).await?))
}

/// Makes an integration: a key, and an address to which a product sends.
#[utoipa::path(
    post, path = "/api/services/{id}/integrations", tag = "Integrations", operation_id = "createIntegration",
    params(("id" = inline(ids::Service), Path)), request_body = NewIntegration,
    responses((status = 201, body = IntegrationBody), (status = 400, body = ErrorBody), (status = 404, body = ErrorBody)),
)]
async fn post(
    State(state): State<AppState>,
    caller: Caller,
    Path(Id(service)): Path<ids::Service>,
    Json(new): Json<NewIntegration>,
) -> Result<(StatusCode, Json<IntegrationBody>), ApiError> {
    Ok((StatusCode::CREATED, Json(create(&state, &caller, service, new).await?)))
}

/// Changes an integration. Its type stays.
#[utoipa::path(
    patch, path = "/api/services/{id}/integrations/{integrationId}", tag = "Integrations",
    operation_id = "updateIntegration",
    params(("id" = inline(ids::Service), Path), ("integrationId" = inline(ids::Integration), Path), IfMatch),
    request_body = IntegrationPatch,
    responses((status = 200, body = IntegrationBody), (status = 400, body = ErrorBody), (status = 404, body = ErrorBody)),
)]
async fn edit(
    State(state): State<AppState>,
    caller: Caller,
    Path((service, id)): Path<(ids::Service, ids::Integration)>,
    Json(wish): Json<IntegrationPatch>,
) -> Result<Json<IntegrationBody>, ApiError> {
    Ok(Json(update(&state, &caller, (service.0, id.0), wish).await?))
}

/// Removes an integration: what is sent to it is refused from now on. What it received stays.
#[utoipa::path(
    delete, path = "/api/services/{id}/integrations/{integrationId}", tag = "Integrations",
    operation_id = "deleteIntegration",
    params(("id" = inline(ids::Service), Path), ("integrationId" = inline(ids::Integration), Path)),
    responses((status = 204, description = "It is removed."), (status = 404, body = ErrorBody)),
)]
async fn remove(
    State(state): State<AppState>,
    caller: Caller,
    Path((service, id)): Path<(ids::Service, ids::Integration)>,
) -> Result<StatusCode, ApiError> {
    delete(&state, &caller, (service.0, id.0)).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Gives an integration another key; the one before is refused from now on. Its address stays.
#[utoipa::path(
    post, path = "/api/services/{id}/integrations/{integrationId}/rotate-key", tag = "Integrations",
    operation_id = "rotateIntegrationKey",
    params(("id" = inline(ids::Service), Path), ("integrationId" = inline(ids::Integration), Path)),
    responses((status = 200, body = IntegrationBody), (status = 404, body = ErrorBody)),
)]
async fn rotate(
    State(state): State<AppState>,
    caller: Caller,
    Path((service, id)): Path<(ids::Service, ids::Integration)>,
) -> Result<Json<IntegrationBody>, ApiError> {
    Ok(Json(rotate_key(&state, &caller, (service.0, id.0)).await?))
}

/// Sends the built-in sample of the integration's type the whole way of a real request. It opens an incident that is
/// marked as a test, pages nobody and closes itself. The answer holds what a sender would have been answered.
#[utoipa::path(
    post, path = "/api/services/{id}/integrations/{integrationId}/test", tag = "Integrations",
    operation_id = "testIntegration",
    params(("id" = inline(ids::Service), Path), ("integrationId" = inline(ids::Integration), Path)),
    responses((status = 200, body = TestBody), (status = 404, body = ErrorBody)),
)]
async fn test(
    State(state): State<AppState>,
    Path((service, id)): Path<(ids::Service, ids::Integration)>,
) -> Result<Json<TestBody>, ApiError> {
    Ok(Json(send_test(&state, (service.0, id.0)).await?))
}
