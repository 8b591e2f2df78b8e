//! `/api/escalation-policies`.

use axum::extract::State;
use http::StatusCode;
use opsknight_domain::{
    directory::{Channel, Step, Target},
    id::PolicyId,
};
use opsknight_store::{
    db::Tx,
    policies::{self, PolicyRow},
    schedules,
};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use utoipa_axum::{router::OpenApiRouter, routes};

use super::{
    access::Caller,
    change::{Change, IfMatch, Object},
    check::{self, DESCRIPTION_CHARS_MAX, MINUTES_MAX},
    error::{ApiError, ErrorBody, Problems},
    extract::{Json, Path, Query},
    page::{Listed, Page},
    search::Search,
    teams,
    wire::{Id, Time, Word, ids, patch, present, words},
};
use crate::state::AppState;

/// Most steps of a policy.
pub const STEPS_MAX: usize = 20;
/// Most targets of a step.
pub const TARGETS_MAX: usize = 50;
/// How often the steps may be gone through again.
pub const REPEAT_MAX: u32 = 9;

pub(super) fn routes() -> OpenApiRouter<AppState> {
    OpenApiRouter::new()
        .routes(routes!(list, post))
        .routes(routes!(get, edit, remove))
}

/// An escalation policy.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
#[schema(as = EscalationPolicy)]
#[serde(rename_all = "camelCase")]
pub struct PolicyBody {
    /// Its id.
    #[schema(inline)]
    pub id: ids::Policy,
    /// Its name.
    pub name: String,
    /// What it is for.
    pub description: Option<String>,
    /// How many more times the steps are gone through after the first.
    pub repeat: u32,
    /// The steps in their order: the first runs at once.
    pub steps: Vec<StepBody>,
    /// When it was made.
    #[schema(inline)]
    pub created_at: Time,
    /// When it last changed.
    #[schema(inline)]
    pub updated_at: Time,
}

/// One step: it runs, then waits for an acknowledgement.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
#[schema(as = EscalationStep)]
#[serde(rename_all = "camelCase")]
pub struct StepBody {
    /// Whom it pages, all at once.
    #[schema(min_items = 1, max_items = 50)]
    pub targets: Vec<TargetBody>,
    /// Minutes to wait for an acknowledgement before the next step.
    #[schema(minimum = 0, maximum = 43200)]
    pub delay_minutes: u32,
    /// Channels that replace the person's own rules; none: their own rules.
    #[serde(default)]
    #[schema(max_items = 5, value_type = Vec<words::Channel>)]
    pub channels: Vec<words::Channel>,
}

/// Whom a step pages.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
#[schema(as = EscalationTarget)]
#[serde(rename_all = "camelCase")]
pub struct TargetBody {
    /// `USER`, `TEAM` or `SCHEDULE`.
    #[serde(rename = "type")]
    pub kind: TargetKind,
    /// The id of that user, team or schedule.
    pub id: String,
    /// Of a team, only those who lead it.
    #[serde(default)]
    pub lead_only: bool,
}

/// What kind of thing a step pages.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum TargetKind {
    /// One person.
    User,
    /// The members of a team that receive its notifications.
    Team,
    /// Whoever is on call.
    Schedule,
}

impl From<PolicyRow> for PolicyBody {
    fn from(row: PolicyRow) -> Self {
        Self {
            id: Id(row.id),
            name: row.name,
            description: row.description,
            repeat: row.repeat,
            steps: row.steps.into_iter().map(StepBody::from).collect(),
            created_at: Time(row.created_at),
            updated_at: Time(row.updated_at),
        }
    }
}

impl From<Step> for StepBody {
    fn from(step: Step) -> Self {
        let target = |target: Target| match target {
            Target::User(id) => TargetBody {
                kind: TargetKind::User,
                id: id.to_string(),
                lead_only: false,
            },
            Target::Team { id, lead_only } => TargetBody {
                kind: TargetKind::Team,
                id: id.to_string(),
                lead_only,
            },
            Target::Schedule(id) => TargetBody {
                kind: TargetKind::Schedule,
                id: id.to_string(),
                lead_only: false,
            },
        };
        Self {
            targets: step.targets.into_iter().map(target).collect(),
            delay_minutes: step.delay_minutes,
            channels: step.channels.into_iter().map(Word).collect(),
        }
    }
}

/// A policy to be made.
#[derive(Debug, Clone, Deserialize, ToSchema)]
#[schema(as = NewEscalationPolicy)]
#[serde(rename_all = "camelCase")]
pub(crate) struct NewPolicy {
    /// Its name.
    #[schema(min_length = 1, max_length = 200)]
    pub(crate) name: String,
    /// What it is for.
    #[schema(max_length = 10000)]
    pub(crate) description: Option<String>,
    /// How many more times the steps are gone through after the first.
    #[serde(default)]
    #[schema(minimum = 0, maximum = 9)]
    pub(crate) repeat: u32,
    /// The steps in their order.
    #[serde(default)]
    #[schema(max_items = 20)]
    pub(crate) steps: Vec<StepBody>,
}

/// What is to change about a policy; what is left out stays.
#[derive(Debug, Clone, Default, Deserialize, ToSchema)]
#[schema(as = EscalationPolicyPatch)]
#[serde(rename_all = "camelCase")]
pub(crate) struct PolicyPatch {
    /// Its name.
    #[serde(default, deserialize_with = "present")]
    #[schema(min_length = 1, max_length = 200, value_type = String, required = false)]
    pub(crate) name: Option<String>,
    /// What it is for; null takes it away.
    #[serde(default, deserialize_with = "patch")]
    #[schema(max_length = 10000, value_type = Option<String>)]
    pub(crate) description: Option<Option<String>>,
    /// How many more times the steps are gone through after the first.
    #[serde(default, deserialize_with = "present")]
    #[schema(minimum = 0, maximum = 9, value_type = u32, required = false)]
    pub(crate) repeat: Option<u32>,
    /// All steps in their order, as a whole.
    #[serde(default, deserialize_with = "present")]
    #[schema(max_items = 20, value_type = Vec<StepBody>, required = false)]
    pub(crate) steps: Option<Vec<StepBody>>,
}

impl From<NewPolicy> for PolicyPatch {
    fn from(new: NewPolicy) -> Self {
        Self {
            name: Some(new.name),
            description: Some(new.description),
            repeat: Some(new.repeat),
            steps: Some(new.steps),
        }
    }
}

impl PolicyPatch {
    async fn apply(&self, tx: &mut Tx<'_>, row: &mut PolicyRow) -> Result<(), ApiError> {
        let mut problems = Problems::default();
        if let Some(name) = &self.name {
            row.name = check::name(&mut problems, "name", name);
        }
        if let Some(description) = self.description.clone() {
            row.description = check::text(&mut problems, "description", description, DESCRIPTION_CHARS_MAX);
        }
        if let Some(repeat) = self.repeat {
            row.repeat = check::number(&mut problems, "repeat", repeat, (0, REPEAT_MAX));
        }
        if let Some(steps) = &self.steps {
            check::at_most(&mut problems, "steps", steps.len(), STEPS_MAX);
            row.steps.clear();
            for (place, step) in steps.iter().take(STEPS_MAX).enumerate() {
                let step = read_step(tx, &mut problems, &format!("steps[{place}]."), step).await?;
                row.steps.push(step);
            }
        }
        problems.check()
    }
}

async fn read_step(tx: &mut Tx<'_>, problems: &mut Problems, path: &str, step: &StepBody) -> Result<Step, ApiError> {
    let field = |name: &str| format!("{path}{name}");
    if step.targets.is_empty() {
        problems.add(field("targets"), "must name at least one user, team or schedule");
    }
    check::at_most(problems, &field("targets"), step.targets.len(), TARGETS_MAX);
    let mut targets = Vec::new();
    for (place, body) in step.targets.iter().take(TARGETS_MAX).enumerate() {
        let path = field(&format!("targets[{place}]."));
        let Some(target) = read_target(tx, problems, &path, body).await? else {
            continue;
        };
        if targets.contains(&target) {
            problems.add(format!("{path}id"), "is in the step twice");
        }
        targets.push(target);
    }
    let mut channels: Vec<Channel> = Vec::new();
    for (place, Word(channel)) in step.channels.iter().enumerate() {
        if channels.contains(channel) {
            problems.add(field(&format!("channels[{place}]")), "is in the list twice");
        }
        channels.push(*channel);
    }
    Ok(Step {
        targets,
        delay_minutes: check::number(problems, &field("delayMinutes"), step.delay_minutes, (0, MINUTES_MAX)),
        channels,
    })
}

/// None: it is wrong, and `problems` says how.
async fn read_target(
    tx: &mut Tx<'_>,
    problems: &mut Problems,
    path: &str,
    body: &TargetBody,
) -> Result<Option<Target>, ApiError> {
    let field = format!("{path}id");
    if body.lead_only && body.kind != TargetKind::Team {
        problems.add(format!("{path}leadOnly"), "goes with the type TEAM only");
    }
    let id = body.id.as_str();
    Ok(match body.kind {
        TargetKind::User => match problems.take(&field, id.parse::<ids::User>()) {
            None => None,
            Some(Id(id)) => {
                teams::check_user_exists(tx, problems, &field, id).await?;
                Some(Target::User(id))
            }
        },
        TargetKind::Team => match problems.take(&field, id.parse::<ids::Team>()) {
            None => None,
            Some(Id(id)) => {
                teams::check_exists(tx, problems, &field, id).await?;
                let lead_only = body.lead_only;
                Some(Target::Team { id, lead_only })
            }
        },
        TargetKind::Schedule => match problems.take(&field, id.parse::<ids::Schedule>()) {
            None => None,
            Some(Id(id)) => {
                if schedules::get(tx, id).await?.is_none() {
                    problems.add(&field, "must be the id of a schedule");
                }
                Some(Target::Schedule(id))
            }
        },
    })
}

/// Makes a policy.
pub(crate) async fn create(state: &AppState, caller: &Caller, new: NewPolicy) -> Result<PolicyBody, ApiError> {
    let change = Change::new(state, caller);
    let id = PolicyId::new(state.clock.uuid_v7());
    let wish = PolicyPatch::from(new);
    let unit = async move |tx: &mut Tx<'_>| {
        change.begin(tx).await?;
        let mut row = PolicyRow {
            id,
            name: String::new(),
            description: None,
            repeat: 0,
            steps: Vec::new(),
            created_at: change.now,
            updated_at: change.now,
        };
        wish.apply(tx, &mut row).await?;
        policies::insert(tx, &row).await?;
        let body = PolicyBody::from(row);
        change.created(tx, object(&body.name, &id), &body).await?;
        Ok(body)
    };
    state.store.db.write(unit).await
}

/// Changes a policy. Incidents that escalate by it go on with its new steps.
pub(crate) async fn update(
    state: &AppState,
    caller: &Caller,
    id: PolicyId,
    wish: PolicyPatch,
) -> Result<PolicyBody, ApiError> {
    let change = Change::new(state, caller);
    let unit = async move |tx: &mut Tx<'_>| {
        change.begin(tx).await?;
        let mut row = found(tx, id).await?;
        let before = PolicyBody::from(row.clone());
        wish.apply(tx, &mut row).await?;
        row.updated_at = change.follows(row.updated_at)?;
        policies::update(tx, &row).await?;
        let body = PolicyBody::from(row);
        change.updated(tx, object(&body.name, &id), &before, &body).await?;
        Ok(body)
    };
    state.store.db.write(unit).await
}

/// Removes a policy.
pub(crate) async fn delete(state: &AppState, caller: &Caller, id: PolicyId) -> Result<(), ApiError> {
    let change = Change::new(state, caller);
    let unit = async move |tx: &mut Tx<'_>| {
        change.begin(tx).await?;
        let row = found(tx, id).await?;
        policies::delete(tx, id, change.now).await?;
        change.deleted(tx, object(&row.name, &id)).await?;
        Ok(())
    };
    state.store.db.write(unit).await
}

fn object<'a>(name: &'a str, id: &'a PolicyId) -> Object<'a> {
    Object {
        kind: "escalation_policy",
        id,
        name,
    }
}

async fn found(tx: &mut Tx<'_>, id: PolicyId) -> Result<PolicyRow, ApiError> {
    let row = policies::get(tx, id).await?;
    row.ok_or_else(|| ApiError::not_found("escalation policy"))
}

/// Lists policies by name.
#[utoipa::path(
    get, path = "/api/escalation-policies", tag = "Escalation policies", operation_id = "listEscalationPolicies",
    params(Search, Page),
    responses((status = 200, body = Listed<PolicyBody>), (status = 400, body = ErrorBody)),
)]
async fn list(
    State(state): State<AppState>,
    Query((search, page)): Query<(Search, Page)>,
) -> Result<Json<Listed<PolicyBody>>, ApiError> {
    let unit = async move |tx: &mut Tx<'_>| policies::list(tx, search.part(page)).await;
    let (rows, total) = state.store.db.read(unit).await?;
    let bodies = rows.into_iter().map(PolicyBody::from).collect();
    Ok(Json(Listed::new(bodies, total, page)))
}

/// One policy.
#[utoipa::path(
    get, path = "/api/escalation-policies/{id}", tag = "Escalation policies", operation_id = "getEscalationPolicy",
    params(("id" = inline(ids::Policy), Path)),
    responses((status = 200, body = PolicyBody), (status = 404, body = ErrorBody)),
)]
async fn get(State(state): State<AppState>, Path(Id(id)): Path<ids::Policy>) -> Result<Json<PolicyBody>, ApiError> {
    let row = state
        .store
        .db
        .read(async move |tx: &mut Tx<'_>| found(tx, id).await)
        .await?;
    Ok(Json(row.into()))
}

/// Makes a policy.
#[utoipa::path(
    post, path = "/api/escalation-policies", tag = "Escalation policies", operation_id = "createEscalationPolicy",
    request_body = NewPolicy,
    responses((status = 201, body = PolicyBody), (status = 400, body = ErrorBody)),
)]
async fn post(
    State(state): State<AppState>,
    caller: Caller,
    Json(new): Json<NewPolicy>,
) -> Result<(StatusCode, Json<PolicyBody>), ApiError> {
    Ok((StatusCode::CREATED, Json(create(&state, &caller, new).await?)))
}

/// Changes a policy. Incidents that escalate by it go on with its new steps.
#[utoipa::path(
    patch, path = "/api/escalation-policies/{id}", tag = "Escalation policies", operation_id = "updateEscalationPolicy",
    params(("id" = inline(ids::Policy), Path), IfMatch), request_body = PolicyPatch,
    responses((status = 200, body = PolicyBody), (status = 400, body = ErrorBody), (status = 404, body = ErrorBody)),
)]
async fn edit(
    State(state): State<AppState>,
    caller: Caller,
    Path(Id(id)): Path<ids::Policy>,
    Json(wish): Json<PolicyPatch>,
) -> Result<Json<PolicyBody>, ApiError> {
    Ok(Json(update(&state, &caller, id, wish).await?))
}

/// Removes a policy.
#[utoipa::path(
    delete, path = "/api/escalation-policies/{id}", tag = "Escalation policies",
    operation_id = "deleteEscalationPolicy", params(("id" = inline(ids::Policy), Path)),
    responses(
        (status = 204, description = "It is removed."),
        (status = 404, body = ErrorBody),
        (status = 409, body = ErrorBody, description = "A service uses it."),
    ),
)]
async fn remove(
    State(state): State<AppState>,
    caller: Caller,
    Path(Id(id)): Path<ids::Policy>,
) -> Result<StatusCode, ApiError> {
    delete(&state, &caller, id).await?;
    Ok(StatusCode::NO_CONTENT)
}
