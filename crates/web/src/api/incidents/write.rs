//! Opening incidents and working on them.

use axum::extract::State;
use http::StatusCode;
use opsknight_domain::{
    incident::{Edit, Manual, Status},
    urgency::Urgency,
};
use serde::Deserialize;
use serde_json::{Map, Value};
use utoipa::ToSchema;

use super::shape::{EntryBody, IncidentBody, incident_body};
use crate::{
    actions::incidents::{self as actions, Act, Opening, Repeat},
    api::{
        Urls as _,
        access::Caller,
        error::{ApiError, ErrorBody, Problems},
        extract::{Json, Path},
        wire::{Id, ids, patch, present, words},
    },
    state::AppState,
};

/// An incident to be opened by hand.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct NewIncident {
    /// One line.
    #[schema(min_length = 1, max_length = 1024)]
    title: String,
    /// Of which service.
    #[schema(inline)]
    service_id: ids::Service,
    /// More text.
    #[schema(max_length = 65536)]
    description: Option<String>,
    /// How soon people must look; `HIGH` unless said.
    #[schema(inline)]
    urgency: Option<words::Urgency>,
    /// How important it is.
    #[schema(inline)]
    priority: Option<Priority>,
    /// Who is to work on it; they are paged.
    #[schema(inline)]
    assignee_id: Option<ids::User>,
    /// Names the problem within its service; one is made up where it is left out.
    #[schema(max_length = 255)]
    dedup_key: Option<String>,
    /// Whatever else is known.
    custom_details: Option<Map<String, Value>>,
}

/// How important something is.
#[derive(Debug, Clone, Copy, Deserialize, ToSchema)]
pub(super) enum Priority {
    /// The most important.
    P1,
    /// Very important.
    P2,
    /// Important.
    P3,
    /// Less important.
    P4,
    /// The least important.
    P5,
}

impl Priority {
    fn word(self) -> String {
        format!("{self:?}")
    }
}

/// Opens an incident by hand and pages whoever its service's policy names.
#[utoipa::path(
    post, path = "/api/incidents", tag = "Incidents", request_body = NewIncident,
    responses(
        (status = 201, body = IncidentBody),
        (status = 400, body = ErrorBody),
        (status = 409, body = ErrorBody, description = "Another incident of the service is open under this key."),
    ),
)]
pub(super) async fn create(
    State(state): State<AppState>,
    caller: Caller,
    Json(new): Json<NewIncident>,
) -> Result<(StatusCode, Json<IncidentBody>), ApiError> {
    let opening = Opening {
        service: new.service_id.0,
        manual: Manual {
            title: new.title,
            description: new.description,
            urgency: new.urgency.map_or(Urgency::High, |word| word.0),
            priority: new.priority.map(Priority::word),
            assignee: new.assignee_id.map(|id| id.0),
            team: None,
            dedup_key: new.dedup_key.unwrap_or_default(),
            custom_details: new.custom_details.map_or(Value::Null, Value::Object),
        },
    };
    let opened = actions::open(&state, opening, caller.actor()).await?;
    let url = state.incident_url(opened.incident.id);
    Ok((StatusCode::CREATED, Json(incident_body(opened, url))))
}

/// What is to change about an incident; what is left out stays.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct IncidentPatch {
    /// Where it is to stand. Asking for where it stands already changes nothing.
    #[serde(default, deserialize_with = "present")]
    #[schema(inline, value_type = words::Status, required = false)]
    status: Option<words::Status>,
    /// With `SNOOZED`: for how many minutes.
    #[serde(default, deserialize_with = "present")]
    #[schema(minimum = 1, maximum = 43200, value_type = i64, required = false)]
    snooze_minutes: Option<i64>,
    /// With `RESOLVED`: what was done about it, kept as a note.
    #[serde(default, deserialize_with = "present")]
    #[schema(max_length = 20000, value_type = String, required = false)]
    resolution_note: Option<String>,
    /// How soon people must look.
    #[serde(default, deserialize_with = "present")]
    #[schema(inline, value_type = words::Urgency, required = false)]
    urgency: Option<words::Urgency>,
    /// How important it is; null takes it away.
    #[serde(default, deserialize_with = "patch")]
    #[schema(inline, value_type = Option<Priority>)]
    priority: Option<Option<Priority>>,
    /// One line.
    #[serde(default, deserialize_with = "present")]
    #[schema(min_length = 1, max_length = 1024, value_type = String, required = false)]
    title: Option<String>,
    /// More text; null takes it away.
    #[serde(default, deserialize_with = "patch")]
    #[schema(max_length = 65536, value_type = Option<String>)]
    description: Option<Option<String>>,
    /// Who is to work on it; null for nobody.
    #[serde(default, deserialize_with = "patch")]
    #[schema(inline, value_type = Option<ids::User>)]
    assignee_id: Option<Option<ids::User>>,
    /// Which team it is assigned to; null for none.
    #[serde(default, deserialize_with = "patch")]
    #[schema(inline, value_type = Option<ids::Team>)]
    assigned_team_id: Option<Option<ids::Team>>,
    /// Words by which people find it again, all of them; an empty list takes them away.
    #[serde(default, deserialize_with = "present")]
    #[schema(max_items = 20, value_type = Vec<String>, required = false)]
    tags: Option<Vec<String>>,
}

impl IncidentPatch {
    /// The things to do, in their order: where it stands comes first, so that nobody is paged for what ends.
    pub(super) fn acts(self) -> Result<Vec<Act>, ApiError> {
        let mut problems = Problems::default();
        let status = self.status.map(|word| word.0);
        if self.snooze_minutes.is_some() && status != Some(Status::Snoozed) {
            problems.add("snoozeMinutes", "goes with the status SNOOZED only");
        }
        if self.resolution_note.is_some() && status != Some(Status::Resolved) {
            problems.add("resolutionNote", "goes with the status RESOLVED only");
        }
        let act = match status {
            None => None,
            Some(Status::Open) => Some(Act::Reopen),
            Some(Status::Acknowledged) => Some(Act::Acknowledge),
            Some(Status::Suppressed) => Some(Act::Suppress),
            Some(Status::Resolved) => Some(Act::Resolve {
                note: self.resolution_note,
            }),
            Some(Status::Snoozed) => {
                if self.snooze_minutes.is_none() {
                    problems.add("snoozeMinutes", "is missing");
                }
                self.snooze_minutes.map(|minutes| Act::Snooze { minutes })
            }
        };
        problems.check()?;
        let edit = Edit {
            title: self.title,
            description: self.description,
            urgency: self.urgency.map(|word| word.0),
            priority: self.priority.map(|priority| priority.map(Priority::word)),
            assignee: self.assignee_id.map(|id| id.map(|id| id.0)),
            team: self.assigned_team_id.map(|id| id.map(|id| id.0)),
            tags: self.tags,
        };
        let edit = (edit != Edit::default()).then_some(Act::Edit(edit));
        Ok(act.into_iter().chain(edit).collect())
    }
}

/// Acknowledges, resolves, reopens, snoozes, suppresses or edits an incident. All of it is done or nothing.
#[utoipa::path(
    patch, path = "/api/incidents/{id}", tag = "Incidents",
    params(("id" = inline(ids::Incident), Path)), request_body = IncidentPatch,
    responses(
        (status = 200, body = IncidentBody),
        (status = 400, body = ErrorBody),
        (status = 404, body = ErrorBody),
        (status = 409, body = ErrorBody, description = "It does not fit where the incident stands."),
    ),
)]
pub(super) async fn update(
    State(state): State<AppState>,
    caller: Caller,
    Path(Id(id)): Path<ids::Incident>,
    Json(wish): Json<IncidentPatch>,
) -> Result<Json<IncidentBody>, ApiError> {
    let listed = actions::act(&state, id, wish.acts()?, caller.actor(), Repeat::Accept).await?;
    Ok(Json(incident_body(listed, state.incident_url(id))))
}

/// Something to write down.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct NewNote {
    /// What.
    #[schema(min_length = 1, max_length = 20000)]
    text: String,
}

/// Writes a note into the story of an incident.
#[utoipa::path(
    post, path = "/api/incidents/{id}/notes", tag = "Incidents",
    params(("id" = inline(ids::Incident), Path)), request_body = NewNote,
    responses((status = 201, body = EntryBody), (status = 400, body = ErrorBody), (status = 404, body = ErrorBody)),
)]
pub(super) async fn add_note(
    State(state): State<AppState>,
    caller: Caller,
    Path(Id(id)): Path<ids::Incident>,
    Json(note): Json<NewNote>,
) -> Result<(StatusCode, Json<EntryBody>), ApiError> {
    let entry = actions::add_note(&state, id, note.text, caller.actor()).await?;
    Ok((StatusCode::CREATED, Json(entry.into())))
}
