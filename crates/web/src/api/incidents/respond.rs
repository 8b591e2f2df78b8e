//! Getting more people to an incident, and making one of two.

use axum::extract::State;
use http::StatusCode;
use opsknight_domain::{directory::Target, incident::Call};
use opsknight_store::{
    db::Tx,
    responders::{self, PageSent, Responder},
};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::{
    read::exists,
    shape::{IncidentBody, incident_body},
};
use crate::{
    actions::incidents::{self as actions, Act, Repeat},
    api::{
        Named, Urls as _,
        access::Caller,
        error::{ApiError, ErrorBody, Problems},
        extract::{Json, Path},
        policies::{TargetBody, TargetKind},
        wire::{Id, Time, ids},
    },
    state::AppState,
};

/// Runs the next step of the escalation policy at once; where every step was run, the first one again.
#[utoipa::path(
    post, path = "/api/incidents/{id}/escalate", tag = "Incidents", params(("id" = inline(ids::Incident), Path)),
    responses(
        (status = 200, body = IncidentBody),
        (status = 404, body = ErrorBody),
        (status = 409, body = ErrorBody, description = "It is not open, or has no policy with a step."),
    ),
)]
pub(super) async fn escalate(
    State(state): State<AppState>,
    caller: Caller,
    Path(Id(id)): Path<ids::Incident>,
) -> Result<Json<IncidentBody>, ApiError> {
    let listed = actions::act(&state, id, vec![Act::Escalate], caller.actor(), Repeat::Refuse).await?;
    Ok(Json(incident_body(listed, state.incident_url(id))))
}

/// Who is to be asked for help.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct NewResponders {
    /// Whom: people, teams, whoever is on call on a schedule.
    #[schema(min_items = 1, max_items = 20)]
    targets: Vec<TargetBody>,
    /// What they are told besides.
    #[schema(max_length = 300)]
    message: Option<String>,
}

/// Somebody who was asked for help.
#[derive(Debug, Clone, Serialize, ToSchema)]
#[schema(as = Responder)]
#[serde(rename_all = "camelCase")]
pub(super) struct ResponderBody {
    /// Who.
    pub user: Named,
    /// When they were last asked.
    #[schema(inline)]
    pub asked_at: Time,
    /// The name of who asked.
    pub asked_by: String,
    /// Why this person; null where they were named themselves.
    pub reason: Option<String>,
    /// What they were told.
    pub message: Option<String>,
    /// The pages that they got for it.
    pub pages: Vec<ResponderPage>,
}

/// A page to somebody who was asked for help.
#[derive(Debug, Clone, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct ResponderPage {
    /// By which channel: `PUSH`, `SMS` and so on.
    pub channel: String,
    /// `PENDING`, `SENDING`, `SENT`, `FAILED` or `SKIPPED`.
    pub status: String,
    /// When it is or was due.
    #[schema(inline)]
    pub due_at: Time,
    /// When the provider said that it has arrived.
    #[schema(inline)]
    pub delivered_at: Option<Time>,
}

/// Everybody who was asked for help.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct Responders {
    /// In the order in which they were asked.
    data: Vec<ResponderBody>,
}

impl From<Responder> for ResponderBody {
    fn from(row: Responder) -> Self {
        let page = |page: PageSent| ResponderPage {
            channel: page.channel,
            status: page.state,
            due_at: Time(page.due_at),
            delivered_at: page.delivered_at.map(Time),
        };
        Self {
            user: Named {
                id: row.user.to_string(),
                name: row.name.unwrap_or_else(|| "(removed)".to_owned()),
            },
            asked_at: Time(row.asked_at),
            asked_by: row.asked_by,
            reason: Some(row.why).filter(|why| !why.is_empty()),
            message: row.message,
            pages: row.pages.into_iter().map(page).collect(),
        }
    }
}

/// Who was asked for help, and how they were reached.
#[utoipa::path(
    get, path = "/api/incidents/{id}/responders", tag = "Incidents", params(("id" = inline(ids::Incident), Path)),
    responses((status = 200, body = Responders), (status = 404, body = ErrorBody)),
)]
pub(super) async fn responders(
    State(state): State<AppState>,
    Path(Id(id)): Path<ids::Incident>,
) -> Result<Json<Responders>, ApiError> {
    let unit = async move |tx: &mut Tx<'_>| {
        exists(tx, id).await?;
        Ok::<_, ApiError>(responders::of(tx, id).await?)
    };
    let rows = state.store.db.read(unit).await?;
    let data = rows.into_iter().map(ResponderBody::from).collect();
    Ok(Json(Responders { data }))
}

/// Pages further people beside the assignee, whatever escalation does. They are paged by their own rules; whoever asks
/// for themselves is noted and not paged.
#[utoipa::path(
    post, path = "/api/incidents/{id}/responders", tag = "Incidents",
    params(("id" = inline(ids::Incident), Path)), request_body = NewResponders,
    responses(
        (status = 201, body = Responders),
        (status = 400, body = ErrorBody),
        (status = 404, body = ErrorBody),
        (status = 409, body = ErrorBody, description = "The incident is resolved, or a test."),
    ),
)]
pub(super) async fn add_responders(
    State(state): State<AppState>,
    caller: Caller,
    Path(Id(id)): Path<ids::Incident>,
    Json(new): Json<NewResponders>,
) -> Result<(StatusCode, Json<Responders>), ApiError> {
    let mut problems = Problems::default();
    let targets = new.targets.iter().enumerate();
    let targets = targets
        .filter_map(|(place, body)| target(body, place, &mut problems))
        .collect();
    problems.check()?;
    let call = Call {
        targets,
        message: new.message,
    };
    actions::act(&state, id, vec![Act::Call(call)], caller.actor(), Repeat::Refuse).await?;
    let answer = responders(State(state), Path(Id(id))).await?;
    Ok((StatusCode::CREATED, answer))
}

/// None: it is no target, and `problems` says why.
fn target(body: &TargetBody, place: usize, problems: &mut Problems) -> Option<Target> {
    let field = |name: &str| format!("targets[{place}].{name}");
    if body.lead_only && body.kind != TargetKind::Team {
        problems.add(field("leadOnly"), "goes with the type TEAM only");
    }
    let (id, field) = (body.id.as_str(), field("id"));
    match body.kind {
        TargetKind::User => problems
            .take(&field, id.parse::<ids::User>())
            .map(|id| Target::User(id.0)),
        TargetKind::Team => problems.take(&field, id.parse::<ids::Team>()).map(|id| Target::Team {
            id: id.0,
            lead_only: body.lead_only,
        }),
        TargetKind::Schedule => {
            let id = problems.take(&field, id.parse::<ids::Schedule>());
            id.map(|id| Target::Schedule(id.0))
        }
    }
}

/// Where an incident is to go.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct Merge {
    /// The incident that goes on, of whatever service. One that was merged itself stands for where it went.
    #[schema(inline)]
    into: ids::Incident,
}

/// Merges an incident into another. It is resolved and its pages stop; its alerts move to the other one, and so does
/// whatever its senders say while that one is live. That it recovers is noted there and does not end it.
#[utoipa::path(
    post, path = "/api/incidents/{id}/merge", tag = "Incidents",
    params(("id" = inline(ids::Incident), Path)), request_body = Merge,
    responses(
        (status = 200, body = IncidentBody, description = "The incident that was merged."),
        (status = 400, body = ErrorBody),
        (status = 404, body = ErrorBody),
        (status = 409, body = ErrorBody, description = "One of them is over, or a test."),
    ),
)]
pub(super) async fn merge(
    State(state): State<AppState>,
    caller: Caller,
    Path(Id(id)): Path<ids::Incident>,
    Json(wish): Json<Merge>,
) -> Result<Json<IncidentBody>, ApiError> {
    let acts = vec![Act::Merge { into: wish.into.0 }];
    let listed = actions::act(&state, id, acts, caller.actor(), Repeat::Refuse).await?;
    Ok(Json(incident_body(listed, state.incident_url(id))))
}
