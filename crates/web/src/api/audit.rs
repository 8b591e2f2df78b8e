//! `/api/audit-log`: who changed what, from where.

use axum::extract::State;
use jiff::Timestamp;
use opsknight_store::{
    audit::{self, AuditFilter, AuditRow},
    db::Tx,
};
use serde::Serialize;
use serde_json::Value;
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::{router::OpenApiRouter, routes};

use super::{
    error::{ApiError, ErrorBody, Problems},
    extract::{FromParams, Json, Params, Query},
    page::{Listed, Page},
    search::Search,
    wire::{Id, Time, ids},
};
use crate::state::AppState;

pub(super) fn routes() -> OpenApiRouter<AppState> {
    OpenApiRouter::new().routes(routes!(list))
}

/// A line of the audit log.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
#[schema(as = AuditEntry)]
#[serde(rename_all = "camelCase")]
pub struct AuditBody {
    /// Its id.
    #[schema(inline)]
    pub id: ids::Audit,
    /// When.
    #[schema(inline)]
    pub at: Time,
    /// Who.
    pub actor: AuditActor,
    /// From which address.
    pub ip: Option<String>,
    /// What was done: `service.updated`.
    pub action: String,
    /// To what.
    pub object: AuditObject,
    /// The fields that changed, each with `from` and `to`; never a credential.
    #[schema(value_type = Object)]
    pub changes: Value,
}

/// Who did something.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct AuditActor {
    /// `SYSTEM`, `USER` or `API_KEY`.
    #[serde(rename = "type")]
    pub kind: String,
    /// The id of the person or key.
    pub id: Option<String>,
    /// The name at that time.
    pub name: String,
}

/// What something was done to.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct AuditObject {
    /// What kind of thing: `service`.
    #[serde(rename = "type")]
    pub kind: String,
    /// Its id.
    pub id: String,
    /// Its name at that time.
    pub name: String,
}

impl From<AuditRow> for AuditBody {
    fn from(row: AuditRow) -> Self {
        Self {
            id: Id(row.id),
            at: Time(row.at),
            actor: AuditActor {
                kind: row.actor_kind,
                id: row.actor_id,
                name: row.actor_name,
            },
            ip: row.ip,
            action: row.action,
            object: AuditObject {
                kind: row.object_kind,
                id: row.object_id,
                name: row.object_name,
            },
            changes: row.changes,
        }
    }
}

/// Which lines are wanted.
#[derive(Debug, Clone, Default, IntoParams)]
#[into_params(parameter_in = Query, rename_all = "camelCase")]
struct AuditQuery {
    /// Only what this person or API key did.
    #[param(required = false)]
    actor_id: Option<String>,
    /// Only this action, such as `service.updated`.
    #[param(required = false)]
    action: Option<String>,
    /// Only what was done to this kind of thing, such as `service`.
    #[param(required = false)]
    object_type: Option<String>,
    /// Only what was done to the thing with this id.
    #[param(required = false)]
    object_id: Option<String>,
    /// At or after.
    #[param(inline, value_type = Option<Time>)]
    after: Option<Timestamp>,
    /// Before.
    #[param(inline, value_type = Option<Time>)]
    before: Option<Timestamp>,
}

impl FromParams for AuditQuery {
    fn from_params(params: &mut Params, problems: &mut Problems) -> Self {
        Self {
            actor_id: params.text("actorId"),
            action: params.text("action"),
            object_type: params.text("objectType"),
            object_id: params.text("objectId"),
            after: params.one::<Time>("after", problems).map(|time| time.0),
            before: params.one::<Time>("before", problems).map(|time| time.0),
        }
    }
}

/// Lists who changed what, the last first; `q` is looked for in the names of who and what.
#[utoipa::path(
    get, path = "/api/audit-log", tag = "Audit log", operation_id = "listAuditLog", params(AuditQuery, Search, Page),
    responses((status = 200, body = Listed<AuditBody>), (status = 400, body = ErrorBody)),
)]
async fn list(
    State(state): State<AppState>,
    Query((query, rest)): Query<(AuditQuery, (Search, Page))>,
) -> Result<Json<Listed<AuditBody>>, ApiError> {
    let (search, page) = rest;
    let unit = async move |tx: &mut Tx<'_>| {
        let filter = AuditFilter {
            part: search.part(page),
            actor_id: query.actor_id.as_deref(),
            action: query.action.as_deref(),
            object_kind: query.object_type.as_deref(),
            object_id: query.object_id.as_deref(),
            after: query.after,
            before: query.before,
        };
        audit::list(tx, &filter).await
    };
    let (rows, total) = state.store.db.read(unit).await?;
    let bodies = rows.into_iter().map(AuditBody::from).collect();
    Ok(Json(Listed::new(bodies, total, page)))
}
