//! `/incidents/{id}/notes/{entry}`: a note in the hands of whoever wrote it.

use axum::{extract::State, response::Response};
use opsknight_domain::id::{EntryId, IncidentId};
use opsknight_store::{db::Tx, incidents};

use super::incident_link;
use crate::{
    actions::notes as actions,
    api::{
        error::ApiError,
        extract::Path,
        wire::{Id, ids},
    },
    pages::{
        PageError,
        form::{Form, Wrong},
        viewer::{Viewer, done},
    },
    state::AppState,
    views::{NotePage, Section},
};

/// `GET /incidents/{id}/notes/{entry}`
pub(in crate::pages) async fn show(
    State(state): State<AppState>,
    viewer: Viewer,
    Path((Id(incident), Id(note))): Path<(ids::Incident, ids::Entry)>,
) -> Result<Response, PageError> {
    let page = page(&state, &viewer, incident, note, None).await?;
    viewer.page(&page)
}

async fn page(
    state: &AppState,
    viewer: &Viewer,
    incident: IncidentId,
    note: EntryId,
    refused: Option<(&Form, &Wrong)>,
) -> Result<NotePage, PageError> {
    let caller = viewer.caller.clone();
    let unit = async move |tx: &mut Tx<'_>| {
        let listed = incidents::get(tx, incident).await?;
        let listed = listed.ok_or_else(|| ApiError::not_found("incident"))?;
        let note = actions::own(tx, &caller, incident, note).await?;
        Ok::<_, ApiError>((listed.incident, note))
    };
    let (found, stored) = state.store.db.read(unit).await?;
    let stored = Form::of([("note".to_owned(), stored.text)]);
    let clean = Wrong::default();
    let (form, wrong) = refused.unwrap_or((&stored, &clean));
    Ok(NotePage {
        shell: viewer.shell("Your note".to_owned(), Section::Incidents),
        incident: incident_link(incident, found.number, &found.title),
        action: format!("/incidents/{incident}/notes/{note}"),
        note: form.field("note", wrong),
    })
}

/// `POST /incidents/{id}/notes/{entry}`
pub(in crate::pages) async fn change(
    State(state): State<AppState>,
    viewer: Viewer,
    Path((Id(incident), Id(note))): Path<(ids::Incident, ids::Entry)>,
    form: Form,
) -> Result<Response, PageError> {
    let back = format!("/incidents/{incident}");
    if form.text("do") == "delete" {
        actions::delete(&state, &viewer.caller, incident, note).await?;
        return Ok(done(&back, "Your note was taken away."));
    }
    let edited = actions::edit(&state, &viewer.caller, incident, note, form.text("note")).await;
    match edited {
        Ok(_) => Ok(done(&back, "Your note was saved.")),
        Err(error) => {
            let wrong = Wrong::of_error(error, &[("text", "note")])?;
            let page = page(&state, &viewer, incident, note, Some((&form, &wrong))).await?;
            viewer.refused_page(&page)
        }
    }
}
