//! Reading incidents and what belongs to them.

use axum::extract::State;
use opsknight_domain::{
    id::IncidentId,
    incident::{EntryKind, Status, tags},
    urgency::Urgency,
};
use opsknight_store::{
    db::Tx,
    deliveries,
    incidents::{self, Filter, Sort},
    timeline,
};
use utoipa::IntoParams;

use super::shape::{AlertBody, EntryBody, IncidentBody, incident_body};
use crate::{
    api::{
        Urls as _,
        deliveries::{DeliveryBody, listed},
        error::{ApiError, ErrorBody, Problems},
        extract::{FromParams, Json, Params, Path, Query},
        page::{Listed, Page},
        wire::{Id, Time, ids, words},
    },
    state::AppState,
};

/// Longest search text, in characters.
const SEARCH_CHARS_MAX: usize = 200;

/// Which incidents are wanted, and in which order.
#[derive(Debug, Clone, Default, PartialEq, Eq, IntoParams)]
#[into_params(parameter_in = Query, rename_all = "camelCase")]
pub struct IncidentQuery {
    /// In one of these states, by comma.
    #[param(style = Form, explode = false, inline, value_type = Option<Vec<words::Status>>)]
    pub status: Vec<Status>,
    /// With one of these urgencies, by comma.
    #[param(style = Form, explode = false, inline, value_type = Option<Vec<words::Urgency>>)]
    pub urgency: Vec<Urgency>,
    /// Of one of these services, by comma.
    #[param(style = Form, explode = false, inline, value_type = Option<Vec<ids::Service>>)]
    pub service_id: Vec<opsknight_domain::id::ServiceId>,
    /// Assigned to one of these teams, by comma.
    #[param(style = Form, explode = false, inline, value_type = Option<Vec<ids::Team>>)]
    pub team_id: Vec<opsknight_domain::id::TeamId>,
    /// Assigned to one of these people, by comma.
    #[param(style = Form, explode = false, inline, value_type = Option<Vec<ids::User>>)]
    pub assignee_id: Vec<opsknight_domain::id::UserId>,
    /// Tagged with one of these words, by comma.
    #[param(style = Form, explode = false, value_type = Option<Vec<String>>)]
    pub tag: Vec<String>,
    /// Has all of these words in its title, its key or its number. From three letters on a word also finds longer ones
    /// that begin with it.
    #[param(max_length = 200)]
    pub q: Option<String>,
    /// Began at or after.
    #[param(inline, value_type = Option<Time>)]
    pub created_after: Option<jiff::Timestamp>,
    /// Began before.
    #[param(inline, value_type = Option<Time>)]
    pub created_before: Option<jiff::Timestamp>,
    /// `createdAt`, `updatedAt`, `number` or `urgency`.
    #[param(inline, value_type = Option<SortWord>)]
    pub sort: Sort,
    /// `asc` or `desc`.
    #[param(inline, value_type = Option<OrderWord>)]
    pub order: Order,
}

/// The wish for one end first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Order {
    /// The oldest or mildest first.
    Asc,
    /// The newest or gravest first.
    #[default]
    Desc,
}

/// The words for `sort`, for the description.
#[derive(utoipa::ToSchema)]
#[schema(rename_all = "camelCase")]
#[expect(dead_code, reason = "it only describes")]
enum SortWord {
    CreatedAt,
    UpdatedAt,
    Number,
    Urgency,
}

/// The words for `order`, for the description.
#[derive(utoipa::ToSchema)]
#[schema(rename_all = "camelCase")]
#[expect(dead_code, reason = "it only describes")]
enum OrderWord {
    Asc,
    Desc,
}

impl FromParams for IncidentQuery {
    fn from_params(params: &mut Params, problems: &mut Problems) -> Self {
        let q = params.text("q");
        if q.as_ref().is_some_and(|q| q.chars().count() > SEARCH_CHARS_MAX) {
            problems.add("q", format!("must have at most {SEARCH_CHARS_MAX} characters"));
        }
        let sort = match params.text("sort").as_deref() {
            None | Some("createdAt") => Sort::CreatedAt,
            Some("updatedAt") => Sort::UpdatedAt,
            Some("number") => Sort::Number,
            Some("urgency") => Sort::Urgency,
            Some(_) => {
                problems.add("sort", "must be one of createdAt, updatedAt, number, urgency");
                Sort::CreatedAt
            }
        };
        let order = match params.text("order").as_deref() {
            Some("asc") => Order::Asc,
            None | Some("desc") => Order::Desc,
            Some(_) => {
                problems.add("order", "must be asc or desc");
                Order::Desc
            }
        };
        Self {
            status: params.words("status", problems),
            urgency: params.words("urgency", problems),
            service_id: params.ids("serviceId", problems),
            team_id: params.ids("teamId", problems),
            assignee_id: params.ids("assigneeId", problems),
            tag: given_tags(params, problems),
            q,
            created_after: params.one::<Time>("createdAfter", problems).map(|time| time.0),
            created_before: params.one::<Time>("createdBefore", problems).map(|time| time.0),
            sort,
            order,
        }
    }
}

/// Tags are compared as they are kept.
fn given_tags(params: &mut Params, problems: &mut Problems) -> Vec<String> {
    let text = params.text("tag").unwrap_or_default();
    let words: Vec<&str> = text.split(',').collect();
    problems.take("tag", tags(&words)).unwrap_or_default()
}

impl IncidentQuery {
    /// The same as the store asks it.
    #[must_use]
    pub fn filter(self, page: Page) -> Filter {
        Filter {
            statuses: self.status,
            urgencies: self.urgency,
            services: self.service_id,
            teams: self.team_id,
            assignees: self.assignee_id,
            tags: self.tag,
            q: self.q,
            created_after: self.created_after,
            created_before: self.created_before,
            sort: self.sort,
            ascending: self.order == Order::Asc,
            limit: page.limit,
            offset: page.offset,
        }
    }
}

/// Lists incidents, the newest first unless said otherwise.
#[utoipa::path(
    get, path = "/api/incidents", tag = "Incidents", params(IncidentQuery, Page),
    responses((status = 200, body = Listed<IncidentBody>), (status = 400, body = ErrorBody)),
)]
pub(super) async fn list(
    State(state): State<AppState>,
    Query((query, page)): Query<(IncidentQuery, Page)>,
) -> Result<Json<Listed<IncidentBody>>, ApiError> {
    let filter = query.filter(page);
    let (rows, total) = state
        .store
        .db
        .read(async move |tx: &mut Tx<'_>| incidents::list(tx, &filter).await)
        .await?;
    let bodies = rows.into_iter().map(|row| {
        let url = state.incident_url(row.incident.id);
        incident_body(row, url)
    });
    Ok(Json(Listed::new(bodies.collect(), total, page)))
}

/// One incident.
#[utoipa::path(
    get, path = "/api/incidents/{id}", tag = "Incidents", params(("id" = inline(ids::Incident), Path)),
    responses((status = 200, body = IncidentBody), (status = 404, body = ErrorBody)),
)]
pub(super) async fn get(
    State(state): State<AppState>,
    Path(Id(id)): Path<ids::Incident>,
) -> Result<Json<IncidentBody>, ApiError> {
    let found = state
        .store
        .db
        .read(async move |tx: &mut Tx<'_>| incidents::get(tx, id).await)
        .await?;
    let listed = found.ok_or_else(|| ApiError::not_found("incident"))?;
    Ok(Json(incident_body(listed, state.incident_url(id))))
}

/// The story of an incident in the order of time.
#[utoipa::path(
    get, path = "/api/incidents/{id}/timeline", tag = "Incidents",
    params(("id" = inline(ids::Incident), Path), Page),
    responses((status = 200, body = Listed<EntryBody>), (status = 400, body = ErrorBody), (status = 404, body = ErrorBody)),
)]
pub(super) async fn timeline(
    State(state): State<AppState>,
    Path(Id(id)): Path<ids::Incident>,
    Query(page): Query<Page>,
) -> Result<Json<Listed<EntryBody>>, ApiError> {
    entries(&state, id, None, page).await
}

/// The notes that people wrote, in the order of time.
#[utoipa::path(
    get, path = "/api/incidents/{id}/notes", tag = "Incidents",
    params(("id" = inline(ids::Incident), Path), Page),
    responses((status = 200, body = Listed<EntryBody>), (status = 400, body = ErrorBody), (status = 404, body = ErrorBody)),
)]
pub(super) async fn notes(
    State(state): State<AppState>,
    Path(Id(id)): Path<ids::Incident>,
    Query(page): Query<Page>,
) -> Result<Json<Listed<EntryBody>>, ApiError> {
    entries(&state, id, Some(EntryKind::Note), page).await
}

async fn entries(
    state: &AppState,
    id: IncidentId,
    kind: Option<EntryKind>,
    page: Page,
) -> Result<Json<Listed<EntryBody>>, ApiError> {
    let unit = async move |tx: &mut Tx<'_>| {
        exists(tx, id).await?;
        Ok::<_, ApiError>(timeline::entries(tx, id, kind, page.limit, page.offset).await?)
    };
    let (entries, total) = state.store.db.read(unit).await?;
    let bodies = entries.into_iter().map(EntryBody::from).collect();
    Ok(Json(Listed::new(bodies, total, page)))
}

/// The alerts of an incident, the last first.
#[utoipa::path(
    get, path = "/api/incidents/{id}/alerts", tag = "Incidents",
    params(("id" = inline(ids::Incident), Path), Page),
    responses((status = 200, body = Listed<AlertBody>), (status = 400, body = ErrorBody), (status = 404, body = ErrorBody)),
)]
pub(super) async fn alerts(
    State(state): State<AppState>,
    Path(Id(id)): Path<ids::Incident>,
    Query(page): Query<Page>,
) -> Result<Json<Listed<AlertBody>>, ApiError> {
    let unit = async move |tx: &mut Tx<'_>| {
        exists(tx, id).await?;
        Ok::<_, ApiError>(timeline::alerts(tx, id, page.limit, page.offset).await?)
    };
    let (alerts, total) = state.store.db.read(unit).await?;
    let bodies = alerts.into_iter().map(AlertBody::from).collect();
    Ok(Json(Listed::new(bodies, total, page)))
}

/// The messages about an incident, the last first: what was sent to whom and how it ended.
#[utoipa::path(
    get, path = "/api/incidents/{id}/notifications", tag = "Incidents",
    params(("id" = inline(ids::Incident), Path), Page),
    responses((status = 200, body = Listed<DeliveryBody>), (status = 400, body = ErrorBody), (status = 404, body = ErrorBody)),
)]
pub(super) async fn notifications(
    State(state): State<AppState>,
    Path(Id(id)): Path<ids::Incident>,
    Query(page): Query<Page>,
) -> Result<Json<Listed<DeliveryBody>>, ApiError> {
    let filter = deliveries::Filter {
        incident: Some(id),
        limit: page.limit,
        offset: page.offset,
        ..deliveries::Filter::default()
    };
    let unit = async move |tx: &mut Tx<'_>| {
        exists(tx, id).await?;
        Ok::<_, ApiError>(listed(tx, &filter).await?)
    };
    let (bodies, total) = state.store.db.read(unit).await?;
    Ok(Json(Listed::new(bodies, total, page)))
}

pub(super) async fn exists(tx: &mut Tx<'_>, id: IncidentId) -> Result<(), ApiError> {
    match incidents::get(tx, id).await? {
        Some(_) => Ok(()),
        None => Err(ApiError::not_found("incident")),
    }
}
