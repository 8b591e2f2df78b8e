//! What the forms of an incident's page ask for.

use axum::{extract::State, response::Response};
use opsknight_domain::{
    directory::Target,
    id::IncidentId,
    incident::{Call, Edit},
    urgency::Urgency,
};
use opsknight_store::{db::Tx, incidents};

use crate::{
    actions::incidents::{Act, Repeat, act},
    api::{
        error::{ApiError, Problems},
        extract::Path,
        wire::{Id, ids},
    },
    pages::{
        PageError,
        form::Form,
        viewer::{Viewer, done, refused},
    },
    state::AppState,
};

/// Does something to the incident and goes back to its page, which says what happened.
async fn respond(
    state: &AppState,
    viewer: &Viewer,
    id: IncidentId,
    wish: Result<Act, ApiError>,
    says: &str,
) -> Result<Response, PageError> {
    let path = format!("/incidents/{id}");
    let result = match wish {
        Ok(wish) => act(state, id, vec![wish], viewer.actor(), Repeat::Refuse).await,
        Err(error) => Err(error),
    };
    match result {
        Ok(_) => Ok(done(&path, says)),
        Err(error) => refused(&path, error),
    }
}

/// What the forms of the page ask for.
macro_rules! wishes {
    ($($(#[$doc:meta])* $name:ident($form:ident) => $act:expr, $says:literal;)*) => {$(
        $(#[$doc])*
        pub(in crate::pages) async fn $name(
            State(state): State<AppState>,
            viewer: Viewer,
            Path(Id(id)): Path<ids::Incident>,
            $form: Form,
        ) -> Result<Response, PageError> {
            respond(&state, &viewer, id, $act, $says).await
        }
    )*};
}

wishes! {
    /// `POST /incidents/{id}/acknowledge`
    acknowledge(_form) => Ok(Act::Acknowledge), "Acknowledged. Escalation has stopped.";
    /// `POST /incidents/{id}/resolve`
    resolve(form) => Ok(Act::Resolve { note: form.given("note") }), "Resolved.";
    /// `POST /incidents/{id}/reopen`
    reopen(_form) => Ok(Act::Reopen), "Opened again. Escalation begins at the first step.";
    /// `POST /incidents/{id}/suppress`
    suppress(_form) => Ok(Act::Suppress), "Suppressed. Nobody is paged until somebody reopens it.";
    /// `POST /incidents/{id}/snooze`
    snooze(form) => snoozed(&form), "Snoozed. It opens again when the time is over.";
    /// `POST /incidents/{id}/reassign`
    reassign(form) => reassigned(&form), "Reassigned.";
    /// `POST /incidents/{id}/details`
    details(form) => edited(&form), "Saved.";
    /// `POST /incidents/{id}/escalate`
    escalate(_form) => Ok(Act::Escalate), "Escalated. The next step was run.";
    /// `POST /incidents/{id}/responders`
    add_responders(form) => called(&form), "Asked for help. The timeline says how they are reached.";
    /// `POST /incidents/{id}/notes`
    note(form) => Ok(Act::Note { text: form.text("note").to_owned() }), "Your note was added.";
}

fn snoozed(form: &Form) -> Result<Act, ApiError> {
    let mut problems = Problems::default();
    let minutes = form.number("minutes", &mut problems).unwrap_or_default();
    problems.check().map(|()| Act::Snooze { minutes })
}

/// The fields of the form; those that it does not have stay.
fn edited(form: &Form) -> Result<Act, ApiError> {
    let urgency = form.given("urgency").map(|word| {
        let urgency = Urgency::from_word(&word);
        urgency.ok_or_else(|| ApiError::invalid("urgency", "must be chosen"))
    });
    let tags = form.is_sent("tags").then(|| form.text("tags"));
    Ok(Act::Edit(Edit {
        title: form.given("title"),
        urgency: urgency.transpose()?,
        priority: form.is_sent("priority").then(|| form.given("priority")),
        tags: tags.map(|text| text.split(',').map(str::to_owned).collect()),
        ..Edit::default()
    }))
}

/// `user:usr_…`, `team:team_…`, `leads:team_…`, `schedule:sch_…`.
fn called(form: &Form) -> Result<Act, ApiError> {
    let unknown = || ApiError::invalid("who", "must be chosen from the list");
    let target = match form.text("who").split_once(':') {
        Some(("user", id)) => Target::User(id.parse().map_err(|_| unknown())?),
        Some(("schedule", id)) => Target::Schedule(id.parse().map_err(|_| unknown())?),
        Some((kind @ ("team" | "leads"), id)) => Target::Team {
            id: id.parse().map_err(|_| unknown())?,
            lead_only: kind == "leads",
        },
        Some(_) | None => return Err(unknown()),
    };
    Ok(Act::Call(Call {
        targets: vec![target],
        message: form.given("message"),
    }))
}

/// `user:usr_…`, `team:team_…`, or empty for nobody.
fn reassigned(form: &Form) -> Result<Act, ApiError> {
    let unknown = || ApiError::invalid("assignee", "must be chosen from the list");
    let edit = match form.text("assignee").split_once(':') {
        None => Edit {
            assignee: Some(None),
            ..Edit::default()
        },
        Some(("user", id)) => Edit {
            assignee: Some(Some(id.parse().map_err(|_| unknown())?)),
            ..Edit::default()
        },
        Some(("team", id)) => Edit {
            assignee: Some(None),
            team: Some(Some(id.parse().map_err(|_| unknown())?)),
            ..Edit::default()
        },
        Some(_) => return Err(unknown()),
    };
    Ok(Act::Edit(edit))
}

/// `POST /incidents/{id}/merge`. The other one is named by its number, as people do, with whatever stands behind it.
pub(in crate::pages) async fn merge(
    State(state): State<AppState>,
    viewer: Viewer,
    Path(Id(id)): Path<ids::Incident>,
    form: Form,
) -> Result<Response, PageError> {
    let text = form.text("into").trim_start_matches('#');
    let digits: String = text.chars().take_while(char::is_ascii_digit).collect();
    let number = digits.parse::<i64>().unwrap_or_default();
    let unit = async move |tx: &mut Tx<'_>| incidents::by_number(tx, number).await;
    let found = state.store.db.read(unit).await.map_err(ApiError::from)?;
    let wish = match found {
        Some(other) => Ok(Act::Merge {
            into: other.incident.id,
        }),
        None => Err(ApiError::invalid(
            "the incident",
            "must be named by its number, such as #1847",
        )),
    };
    let says = "Merged. What its senders say goes to the other incident from now on.";
    respond(&state, &viewer, id, wish, says).await
}
