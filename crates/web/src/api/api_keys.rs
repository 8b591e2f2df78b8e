//! `/api/api-keys`.

use axum::extract::State;
use http::StatusCode;
use jiff::Timestamp;
use opsknight_domain::id::ApiKeyId;
use opsknight_store::{
    api_keys::{self, ApiKeyRow, KEY_BYTES},
    db::Tx,
};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use utoipa_axum::{router::OpenApiRouter, routes};

use super::{
    access::{Caller, Who},
    change::{Change, Object},
    check,
    error::{ApiError, ErrorBody, Problems},
    extract::{Json, Path, Query},
    page::{Listed, Page},
    scope::Scope,
    search::Search,
    wire::{Id, Time, Word, ids, patch, present, words},
};
use crate::state::AppState;

pub(super) fn routes() -> OpenApiRouter<AppState> {
    OpenApiRouter::new()
        .routes(routes!(list, post))
        .routes(routes!(get, edit, remove))
}

/// An API key; the key itself is never shown again.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
#[schema(as = ApiKey)]
#[serde(rename_all = "camelCase")]
pub struct ApiKeyBody {
    /// The record's id.
    #[schema(inline)]
    pub id: ids::ApiKey,
    /// Its name.
    pub name: String,
    /// The end of the key, by which its owner tells it from others.
    pub hint: String,
    /// What it may do.
    #[schema(value_type = Vec<words::Scope>)]
    pub scopes: Vec<words::Scope>,
    /// The id of who made it.
    pub created_by: Option<String>,
    /// When it was made.
    #[schema(inline)]
    pub created_at: Time,
    /// From when on it is refused; null: never.
    #[schema(inline)]
    pub expires_at: Option<Time>,
    /// When it was last used, to the minute.
    #[schema(inline)]
    pub last_used_at: Option<Time>,
}

/// A new API key, with the key itself.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
#[schema(as = CreatedApiKey)]
#[serde(rename_all = "camelCase")]
pub struct CreatedApiKeyBody {
    /// The key: it stands here and nowhere else.
    pub key: String,
    /// The rest.
    #[serde(flatten)]
    pub record: ApiKeyBody,
}

impl From<ApiKeyRow> for ApiKeyBody {
    fn from(row: ApiKeyRow) -> Self {
        Self {
            id: Id(row.id),
            name: row.name,
            hint: row.hint,
            scopes: row
                .scopes
                .iter()
                .filter_map(|word| Scope::from_word(word))
                .map(Word)
                .collect(),
            created_by: row.created_by,
            created_at: Time(row.created_at),
            expires_at: row.expires_at.map(Time),
            last_used_at: row.last_used_at.map(Time),
        }
    }
}

/// An API key to be made.
#[derive(Debug, Clone, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct NewApiKey {
    /// Its name.
    #[schema(min_length = 1, max_length = 200)]
    pub(crate) name: String,
    /// What it may do.
    #[schema(min_items = 1, max_items = 16, value_type = Vec<words::Scope>)]
    pub(crate) scopes: Vec<words::Scope>,
    /// From when on it is refused; left out or null: never.
    #[schema(inline)]
    pub(crate) expires_at: Option<Time>,
}

/// What is to change about an API key; what is left out stays.
#[derive(Debug, Clone, Default, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct ApiKeyPatch {
    /// Its name.
    #[serde(default, deserialize_with = "present")]
    #[schema(min_length = 1, max_length = 200, value_type = String, required = false)]
    pub(crate) name: Option<String>,
    /// What it may do, as a whole.
    #[serde(default, deserialize_with = "present")]
    #[schema(min_items = 1, max_items = 16, value_type = Vec<words::Scope>, required = false)]
    pub(crate) scopes: Option<Vec<words::Scope>>,
    /// From when on it is refused; null: never.
    #[serde(default, deserialize_with = "patch")]
    #[schema(inline, value_type = Option<Time>)]
    pub(crate) expires_at: Option<Option<Time>>,
}

impl From<NewApiKey> for ApiKeyPatch {
    fn from(new: NewApiKey) -> Self {
        Self {
            name: Some(new.name),
            scopes: Some(new.scopes),
            expires_at: Some(new.expires_at),
        }
    }
}

impl ApiKeyPatch {
    fn apply(&self, row: &mut ApiKeyRow, caller: &Caller, now: Timestamp) -> Result<(), ApiError> {
        let mut problems = Problems::default();
        if let Some(name) = &self.name {
            row.name = check::name(&mut problems, "name", name);
        }
        if let Some(scopes) = &self.scopes {
            if scopes.is_empty() {
                problems.add("scopes", "must name at least one scope");
            }
            for (place, Word(scope)) in scopes.iter().enumerate() {
                // A program hands on no more than it has itself.
                if let Who::Key(key) = &caller.who
                    && !key.scopes.contains(scope)
                {
                    problems.add(format!("scopes[{place}]"), "is not a scope of the key that asks");
                }
            }
            let granted = Scope::ALL.into_iter().filter(|scope| scopes.contains(&Word(*scope)));
            row.scopes = granted.map(|scope| scope.word().to_owned()).collect();
        }
        if let Some(expires_at) = self.expires_at {
            row.expires_at = expires_at.map(|time| time.0);
            if row.expires_at.is_some_and(|at| at <= now) {
                problems.add("expiresAt", "must be in the future");
            }
        }
        problems.check()
    }
}

/// Makes an API key. The key is in the answer and nowhere else.
pub(crate) async fn create(state: &AppState, caller: &Caller, new: NewApiKey) -> Result<CreatedApiKeyBody, ApiError> {
    let change = Change::new(state, caller);
    let mut random = [0; KEY_BYTES];
    state.clock.fill(&mut random);
    let key = api_keys::new_key(random);
    let mut row = ApiKeyRow {
        id: ApiKeyId::new(state.clock.uuid_v7()),
        name: String::new(),
        hint: api_keys::hint(&key),
        scopes: Vec::new(),
        created_by: Some(caller.id()),
        created_at: change.now,
        expires_at: None,
        last_used_at: None,
    };
    ApiKeyPatch::from(new).apply(&mut row, caller, change.now)?;
    let unit = async move |tx: &mut Tx<'_>| {
        api_keys::insert(tx, &row, &key).await?;
        let record = ApiKeyBody::from(row.clone());
        change.created(tx, object(&record.name, &row.id), &record).await?;
        let key = key.expose().to_owned();
        Ok::<_, ApiError>(CreatedApiKeyBody { key, record })
    };
    state.store.db.write(unit).await
}

/// Changes an API key.
pub(crate) async fn update(
    state: &AppState,
    caller: &Caller,
    id: ApiKeyId,
    wish: ApiKeyPatch,
) -> Result<ApiKeyBody, ApiError> {
    let (change, caller) = (Change::new(state, caller), caller.clone());
    let unit = async move |tx: &mut Tx<'_>| {
        let mut row = found(tx, id).await?;
        let before = ApiKeyBody::from(row.clone());
        wish.apply(&mut row, &caller, change.now)?;
        api_keys::update(tx, &row).await?;
        let body = ApiKeyBody::from(row);
        change.updated(tx, object(&body.name, &id), &before, &body).await?;
        Ok(body)
    };
    state.store.db.write(unit).await
}

/// Removes an API key: it is refused from now on.
pub(crate) async fn delete(state: &AppState, caller: &Caller, id: ApiKeyId) -> Result<(), ApiError> {
    let change = Change::new(state, caller);
    let unit = async move |tx: &mut Tx<'_>| {
        let row = found(tx, id).await?;
        api_keys::delete(tx, id).await?;
        change.deleted(tx, object(&row.name, &id)).await?;
        Ok(())
    };
    state.store.db.write(unit).await
}

fn object<'a>(name: &'a str, id: &'a ApiKeyId) -> Object<'a> {
    Object {
        kind: "api_key",
        id,
        name,
    }
}

async fn found(tx: &mut Tx<'_>, id: ApiKeyId) -> Result<ApiKeyRow, ApiError> {
    let row = api_keys::get(tx, id).await?;
    row.ok_or_else(|| ApiError::not_found("API key"))
}

/// Lists API keys by name, without the keys themselves.
#[utoipa::path(
    get, path = "/api/api-keys", tag = "API keys", operation_id = "listApiKeys", params(Search, Page),
    responses((status = 200, body = Listed<ApiKeyBody>), (status = 400, body = ErrorBody)),
)]
async fn list(
    State(state): State<AppState>,
    Query((search, page)): Query<(Search, Page)>,
) -> Result<Json<Listed<ApiKeyBody>>, ApiError> {
    let unit = async move |tx: &mut Tx<'_>| api_keys::list(tx, search.part(page)).await;
    let (rows, total) = state.store.db.read(unit).await?;
    let bodies = rows.into_iter().map(ApiKeyBody::from).collect();
    Ok(Json(Listed::new(bodies, total, page)))
}

/// One API key, without the key itself.
#[utoipa::path(
    get, path = "/api/api-keys/{id}", tag = "API keys", operation_id = "getApiKey",
    params(("id" = inline(ids::ApiKey), Path)),
    responses((status = 200, body = ApiKeyBody), (status = 404, body = ErrorBody)),
)]
async fn get(State(state): State<AppState>, Path(Id(id)): Path<ids::ApiKey>) -> Result<Json<ApiKeyBody>, ApiError> {
    let row = state
        .store
        .db
        .read(async move |tx: &mut Tx<'_>| found(tx, id).await)
        .await?;
    Ok(Json(row.into()))
}

/// Makes an API key. The key is in this answer and nowhere else. A key makes keys with scopes of its own only.
#[utoipa::path(
    post, path = "/api/api-keys", tag = "API keys", operation_id = "createApiKey", request_body = NewApiKey,
    responses((status = 201, body = CreatedApiKeyBody), (status = 400, body = ErrorBody)),
)]
async fn post(
    State(state): State<AppState>,
    caller: Caller,
    Json(new): Json<NewApiKey>,
) -> Result<(StatusCode, Json<CreatedApiKeyBody>), ApiError> {
    Ok((StatusCode::CREATED, Json(create(&state, &caller, new).await?)))
}

/// Changes the name, the scopes or the end of an API key.
#[utoipa::path(
    patch, path = "/api/api-keys/{id}", tag = "API keys", operation_id = "updateApiKey",
    params(("id" = inline(ids::ApiKey), Path)), request_body = ApiKeyPatch,
    responses((status = 200, body = ApiKeyBody), (status = 400, body = ErrorBody), (status = 404, body = ErrorBody)),
)]
async fn edit(
    State(state): State<AppState>,
    caller: Caller,
    Path(Id(id)): Path<ids::ApiKey>,
    Json(wish): Json<ApiKeyPatch>,
) -> Result<Json<ApiKeyBody>, ApiError> {
    Ok(Json(update(&state, &caller, id, wish).await?))
}

/// Removes an API key: it is refused from now on.
#[utoipa::path(
    delete, path = "/api/api-keys/{id}", tag = "API keys", operation_id = "deleteApiKey",
    params(("id" = inline(ids::ApiKey), Path)),
    responses((status = 204, description = "It is removed."), (status = 404, body = ErrorBody)),
)]
async fn remove(
    State(state): State<AppState>,
    caller: Caller,
    Path(Id(id)): Path<ids::ApiKey>,
) -> Result<StatusCode, ApiError> {
    delete(&state, &caller, id).await?;
    Ok(StatusCode::NO_CONTENT)
}
