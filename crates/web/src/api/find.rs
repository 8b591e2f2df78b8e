//! `/api/search`: anything by a few words.

use axum::extract::State;
use opsknight_store::{
    db::{DbError, Tx},
    incidents::{self, Filter, Listed as Incident, Sort},
};
use serde::Serialize;
use utoipa::ToSchema;
use utoipa_axum::{router::OpenApiRouter, routes};

use super::{
    access::Caller,
    error::{ApiError, ErrorBody},
    extract::{Json, Query},
    search::Search,
};
use crate::{
    search::{self, GROUP_MAX, Group, Hit, Sight, Words},
    state::AppState,
    views::status_name,
};

pub(super) fn routes() -> OpenApiRouter<AppState> {
    OpenApiRouter::new().routes(routes!(list))
}

/// What was found.
#[derive(Debug, Clone, Serialize, ToSchema)]
#[schema(as = SearchResults)]
#[serde(rename_all = "camelCase")]
pub struct FoundBody {
    /// At most eight of each kind, the kinds together, the best of each first.
    pub data: Vec<HitBody>,
}

/// Something that was found.
#[derive(Debug, Clone, Serialize, ToSchema)]
#[schema(as = SearchResult)]
#[serde(rename_all = "camelCase")]
pub struct HitBody {
    /// `INCIDENT`, `SERVICE`, `USER`, `TEAM`, `SCHEDULE`, `ESCALATION_POLICY` or `INTEGRATION`; for people also `PAGE`
    /// and `GUIDE`.
    #[serde(rename = "type")]
    pub kind: &'static str,
    /// Its id; none for what has none that may be told.
    pub id: Option<String>,
    /// Its name.
    pub title: String,
    /// What tells it from others of its name.
    pub detail: String,
    /// Its page, below the address of this server.
    pub path: String,
}

impl From<Hit> for HitBody {
    fn from(hit: Hit) -> Self {
        Self {
            kind: hit.group.word(),
            id: hit.id,
            title: hit.title,
            detail: hit.detail,
            path: hit.path,
        }
    }
}

/// Finds incidents by number, title and key, and everything else that has a name by it. Every word of `q` must fit. A
/// key is told what its scopes are for.
#[utoipa::path(
    get, path = "/api/search", tag = "Search", operation_id = "search", params(Search),
    responses((status = 200, body = FoundBody), (status = 400, body = ErrorBody)),
)]
async fn list(
    State(state): State<AppState>,
    caller: Caller,
    Query(search): Query<Search>,
) -> Result<Json<FoundBody>, ApiError> {
    let hits = find(&state, &Sight::of(&caller), search.q.as_deref().unwrap_or_default()).await?;
    let data = hits.into_iter().map(HitBody::from).collect();
    Ok(Json(FoundBody { data }))
}

/// Everything that fits, by group.
pub(crate) async fn find(state: &AppState, sight: &Sight, text: &str) -> Result<Vec<Hit>, ApiError> {
    let words = Words::of(text);
    if words.is_empty() {
        return Ok(Vec::new());
    }
    let now = state.clock.now();
    let (pictures, asked) = (state.store.pictures.clone(), text.trim().to_owned());
    let with_incidents = sight.has(Group::Incidents);
    let unit = async move |tx: &mut Tx<'_>| {
        let found = if with_incidents {
            incidents_like(tx, &asked).await?
        } else {
            Vec::new()
        };
        Ok::<_, DbError>((found, pictures.current(tx, now).await?))
    };
    let (found, picture) = state.store.db.read(unit).await?;
    let mut hits: Vec<Hit> = found.into_iter().map(incident).collect();
    hits.extend(search::named(&picture, sight, &words));
    Ok(hits)
}

/// The incident of this number or identity, and the newest that have the words.
async fn incidents_like(tx: &mut Tx<'_>, asked: &str) -> Result<Vec<Incident>, DbError> {
    let number = asked.strip_prefix('#').unwrap_or(asked).parse::<i64>().ok();
    let exact = match (number, asked.parse()) {
        (Some(number), _) => incidents::by_number(tx, number).await?,
        (None, Ok(id)) => incidents::get(tx, id).await?,
        (None, Err(_)) => None,
    };
    let filter = Filter {
        q: Some(asked.to_owned()),
        sort: Sort::CreatedAt,
        limit: i64::try_from(GROUP_MAX).unwrap_or(i64::MAX),
        ..Filter::default()
    };
    let (rows, _) = incidents::list(tx, &filter).await?;
    let first = exact.as_ref().map(|found| found.incident.id);
    let others = rows.into_iter().filter(|row| Some(row.incident.id) != first);
    Ok(exact.into_iter().chain(others).take(GROUP_MAX).collect())
}

fn incident(listed: Incident) -> Hit {
    let incident = listed.incident;
    Hit {
        group: Group::Incidents,
        id: Some(incident.id.to_string()),
        title: format!("#{} {}", incident.number, incident.title),
        detail: format!("{} · {}", status_name(incident.status), listed.service_name),
        path: format!("/incidents/{}", incident.id),
    }
}
