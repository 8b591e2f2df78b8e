//! `/api/services`.

use std::collections::{BTreeSet, HashMap};

use axum::extract::State;
use http::StatusCode;
use opsknight_domain::{
    directory::Channel,
    id::{PolicyId, ServiceId, TeamId},
    incident::Happening,
    urgency::UrgencyTable,
};
use opsknight_store::{
    db::Tx,
    incidents, policies,
    services::{self, ServiceFilter, ServiceRow},
};
use utoipa::IntoParams;
use utoipa_axum::{router::OpenApiRouter, routes};

use super::{
    access::Caller,
    change::{Change, IfMatch, Object},
    check::{self, DESCRIPTION_CHARS_MAX, MINUTES_MAX},
    error::{ApiError, ErrorBody, Problems},
    extract::{FromParams, Json, Params, Path, Query},
    page::{Listed, Page},
    search::Search,
    teams,
    wire::{Id, Word, ids},
};
use crate::state::AppState;

mod shape;

pub(crate) use shape::{NewService, ServicePatch};
pub use shape::{ServiceBody, ServiceStatus};

pub(super) fn routes() -> OpenApiRouter<AppState> {
    OpenApiRouter::new()
        .routes(routes!(list, post))
        .routes(routes!(get, edit, remove))
}

impl ServicePatch {
    async fn apply(&self, tx: &mut Tx<'_>, row: &mut ServiceRow) -> Result<(), ApiError> {
        let mut problems = Problems::default();
        self.apply_texts(&mut problems, row);
        if let Some(team) = self.team_id {
            row.team = team.map(|id| id.0);
            if let Some(Id(id)) = team {
                teams::check_exists(tx, &mut problems, "teamId", id).await?;
            }
        }
        if let Some(policy) = self.escalation_policy_id {
            row.policy = policy.map(|id| id.0);
            if let Some(Id(id)) = policy
                && policies::get(tx, id).await?.is_none()
            {
                problems.add("escalationPolicyId", "must be the id of an escalation policy");
            }
        }
        let minutes = [
            ("targetAckMinutes", self.target_ack_minutes, &mut row.target_ack_minutes),
            (
                "targetResolveMinutes",
                self.target_resolve_minutes,
                &mut row.target_resolve_minutes,
            ),
        ];
        for (field, wish, place) in minutes {
            if let Some(minutes) = wish {
                *place = minutes.map(|minutes| check::number(&mut problems, field, minutes, (1, MINUTES_MAX)));
            }
        }
        if let Some(channels) = &self.notification_channels {
            row.notification_channels = channels.iter().map(|word| word.0).collect::<BTreeSet<Channel>>();
        }
        let switches = [
            (self.notify_on_triggered, Happening::Triggered),
            (self.notify_on_acknowledged, Happening::Acknowledged),
            (self.notify_on_resolved, Happening::Resolved),
            (self.notify_on_sla_breach, Happening::SlaBreached),
        ];
        for (wish, happening) in switches {
            match wish {
                None => {}
                Some(true) => drop(row.notify_on.insert(happening)),
                Some(false) => drop(row.notify_on.remove(&happening)),
            }
        }
        if let Some(table) = &self.urgency_by_severity {
            let of = |word: Option<Word<_>>, default| word.map_or(default, |word| word.0);
            row.urgencies = UrgencyTable {
                critical: of(table.critical, row.urgencies.critical),
                error: of(table.error, row.urgencies.error),
                warning: of(table.warning, row.urgencies.warning),
                info: of(table.info, row.urgencies.info),
            };
        }
        problems.check()
    }

    fn apply_texts(&self, problems: &mut Problems, row: &mut ServiceRow) {
        if let Some(name) = &self.name {
            row.name = check::name(problems, "name", name);
        }
        if let Some(description) = self.description.clone() {
            row.description = check::text(problems, "description", description, DESCRIPTION_CHARS_MAX);
        }
        let lines = [
            ("region", &self.region, &mut row.region),
            ("slaTier", &self.sla_tier, &mut row.sla_tier),
            ("slackChannel", &self.slack_channel, &mut row.slack_channel),
        ];
        for (field, wish, place) in lines {
            if let Some(text) = wish.clone() {
                *place = check::line(problems, field, text);
            }
        }
        let urls = [
            ("runbookUrl", &self.runbook_url, &mut row.runbook_url),
            ("repositoryUrl", &self.repository_url, &mut row.repository_url),
            ("dashboardUrl", &self.dashboard_url, &mut row.dashboard_url),
        ];
        for (field, wish, place) in urls {
            if let Some(text) = wish.clone() {
                *place = check::page_url(problems, field, text);
            }
        }
    }
}

/// A service as it is before anybody has said more than its name. As soon as it has a channel and a team, that team
/// hears of everything but acknowledgements.
fn unnamed(id: ServiceId, change: &Change) -> ServiceRow {
    ServiceRow {
        id,
        name: String::new(),
        description: None,
        team: None,
        policy: None,
        region: None,
        sla_tier: None,
        slack_channel: None,
        runbook_url: None,
        repository_url: None,
        dashboard_url: None,
        target_ack_minutes: None,
        target_resolve_minutes: None,
        notification_channels: BTreeSet::new(),
        notify_on: BTreeSet::from([Happening::Triggered, Happening::Resolved, Happening::SlaBreached]),
        urgencies: UrgencyTable::default(),
        created_at: change.now,
        updated_at: change.now,
    }
}

/// Makes a service.
pub(crate) async fn create(state: &AppState, caller: &Caller, new: NewService) -> Result<ServiceBody, ApiError> {
    let change = Change::new(state, caller);
    let id = ServiceId::new(state.clock.uuid_v7());
    let wish = ServicePatch::from(new);
    let unit = async move |tx: &mut Tx<'_>| {
        change.begin(tx).await?;
        let mut row = unnamed(id, &change);
        wish.apply(tx, &mut row).await?;
        services::insert(tx, &row).await?;
        let body = ServiceBody::new(row, ServiceStatus::Operational);
        change.created(tx, object(&body.name, &id), &body).await?;
        Ok(body)
    };
    state.store.db.write(unit).await
}

/// Changes a service.
pub(crate) async fn update(
    state: &AppState,
    caller: &Caller,
    id: ServiceId,
    wish: ServicePatch,
) -> Result<ServiceBody, ApiError> {
    let (change, pictures) = (Change::new(state, caller), state.store.pictures.clone());
    let unit = async move |tx: &mut Tx<'_>| {
        change.begin(tx).await?;
        let mut row = found(tx, id).await?;
        let picture = pictures.current(tx, change.now).await?;
        let until = picture.directory.maintenance_until(id, change.now);
        let status = status(tx, id).await?;
        let before = ServiceBody::new(row.clone(), status);
        wish.apply(tx, &mut row).await?;
        row.updated_at = change.follows(row.updated_at)?;
        services::update(tx, &row).await?;
        let body = ServiceBody::new(row, status);
        change.updated(tx, object(&body.name, &id), &before, &body).await?;
        Ok(body.in_maintenance(until))
    };
    state.store.db.write(unit).await
}

/// Removes a service with its integrations; its incidents stay.
pub(crate) async fn delete(state: &AppState, caller: &Caller, id: ServiceId) -> Result<(), ApiError> {
    let change = Change::new(state, caller);
    let unit = async move |tx: &mut Tx<'_>| {
        change.begin(tx).await?;
        let row = found(tx, id).await?;
        services::delete(tx, id, change.now).await?;
        change.deleted(tx, object(&row.name, &id)).await?;
        Ok(())
    };
    state.store.db.write(unit).await
}

fn object<'a>(name: &'a str, id: &'a ServiceId) -> Object<'a> {
    Object {
        kind: "service",
        id,
        name,
    }
}

/// The service, or 404.
pub(super) async fn found(tx: &mut Tx<'_>, id: ServiceId) -> Result<ServiceRow, ApiError> {
    let row = services::get(tx, id).await?;
    row.ok_or_else(|| ApiError::not_found("service"))
}

async fn status(tx: &mut Tx<'_>, id: ServiceId) -> Result<ServiceStatus, ApiError> {
    let counts = incidents::counts(tx, &[id]).await?;
    Ok(ServiceStatus::of(counts.get(&id).copied().unwrap_or_default()))
}

/// Which services are wanted.
#[derive(Debug, Clone, Default, IntoParams)]
#[into_params(parameter_in = Query, rename_all = "camelCase")]
pub(super) struct ServiceQuery {
    /// Only those of this team.
    #[param(inline, value_type = Option<ids::Team>)]
    team_id: Option<TeamId>,
    /// Only those that are paged by this policy.
    #[param(inline, value_type = Option<ids::Policy>)]
    escalation_policy_id: Option<PolicyId>,
}

impl FromParams for ServiceQuery {
    fn from_params(params: &mut Params, problems: &mut Problems) -> Self {
        Self {
            team_id: params.one::<ids::Team>("teamId", problems).map(|id| id.0),
            escalation_policy_id: params.one::<ids::Policy>("escalationPolicyId", problems).map(|id| id.0),
        }
    }
}

/// Lists services by name.
#[utoipa::path(
    get, path = "/api/services", tag = "Services", operation_id = "listServices",
    params(ServiceQuery, Search, Page),
    responses((status = 200, body = Listed<ServiceBody>), (status = 400, body = ErrorBody)),
)]
async fn list(
    State(state): State<AppState>,
    Query((query, rest)): Query<(ServiceQuery, (Search, Page))>,
) -> Result<Json<Listed<ServiceBody>>, ApiError> {
    let (search, page) = rest;
    let (pictures, now) = (state.store.pictures.clone(), state.clock.now());
    let unit = async move |tx: &mut Tx<'_>| {
        let filter = ServiceFilter {
            part: search.part(page),
            team: query.team_id,
            policy: query.escalation_policy_id,
        };
        let (rows, total) = services::list(tx, filter).await?;
        let ids: Vec<_> = rows.iter().map(|row| row.id).collect();
        let counts = match ids.as_slice() {
            [] => HashMap::new(),
            ids => incidents::counts(tx, ids).await?,
        };
        Ok::<_, ApiError>((rows, counts, pictures.current(tx, now).await?, total))
    };
    let (rows, counts, picture, total) = state.store.db.read(unit).await?;
    let bodies = rows.into_iter().map(|row| {
        let status = ServiceStatus::of(counts.get(&row.id).copied().unwrap_or_default());
        let until = picture.directory.maintenance_until(row.id, now);
        ServiceBody::new(row, status).in_maintenance(until)
    });
    Ok(Json(Listed::new(bodies.collect(), total, page)))
}

/// One service.
#[utoipa::path(
    get, path = "/api/services/{id}", tag = "Services", operation_id = "getService",
    params(("id" = inline(ids::Service), Path)),
    responses((status = 200, body = ServiceBody), (status = 404, body = ErrorBody)),
)]
async fn get(State(state): State<AppState>, Path(Id(id)): Path<ids::Service>) -> Result<Json<ServiceBody>, ApiError> {
    let (pictures, now) = (state.store.pictures.clone(), state.clock.now());
    let unit = async move |tx: &mut Tx<'_>| {
        let row = found(tx, id).await?;
        let picture = pictures.current(tx, now).await?;
        let until = picture.directory.maintenance_until(id, now);
        Ok::<_, ApiError>(ServiceBody::new(row, status(tx, id).await?).in_maintenance(until))
    };
    Ok(Json(state.store.db.read(unit).await?))
}

/// Makes a service. Without a policy its incidents page nobody, which their timeline says.
#[utoipa::path(
    post, path = "/api/services", tag = "Services", operation_id = "createService", request_body = NewService,
    responses((status = 201, body = ServiceBody), (status = 400, body = ErrorBody)),
)]
async fn post(
    State(state): State<AppState>,
    caller: Caller,
    Json(new): Json<NewService>,
) -> Result<(StatusCode, Json<ServiceBody>), ApiError> {
    Ok((StatusCode::CREATED, Json(create(&state, &caller, new).await?)))
}

/// Changes a service.
#[utoipa::path(
    patch, path = "/api/services/{id}", tag = "Services", operation_id = "updateService",
    params(("id" = inline(ids::Service), Path), IfMatch), request_body = ServicePatch,
    responses((status = 200, body = ServiceBody), (status = 400, body = ErrorBody), (status = 404, body = ErrorBody)),
)]
async fn edit(
    State(state): State<AppState>,
    caller: Caller,
    Path(Id(id)): Path<ids::Service>,
    Json(wish): Json<ServicePatch>,
) -> Result<Json<ServiceBody>, ApiError> {
    Ok(Json(update(&state, &caller, id, wish).await?))
}

/// Removes a service with its integrations; its incidents stay.
#[utoipa::path(
    delete, path = "/api/services/{id}", tag = "Services", operation_id = "deleteService",
    params(("id" = inline(ids::Service), Path)),
    responses(
        (status = 204, description = "It is removed."),
        (status = 404, body = ErrorBody),
        (status = 409, body = ErrorBody, description = "It has incidents that are not resolved."),
    ),
)]
async fn remove(
    State(state): State<AppState>,
    caller: Caller,
    Path(Id(id)): Path<ids::Service>,
) -> Result<StatusCode, ApiError> {
    delete(&state, &caller, id).await?;
    Ok(StatusCode::NO_CONTENT)
}
