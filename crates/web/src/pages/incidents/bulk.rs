//! `/incidents/bulk`: what is done to all that are selected in a list.

use axum::{extract::State, response::Response};
use opsknight_domain::{id::IncidentId, incident::Edit};
use opsknight_store::{db::Tx, incidents};

use super::asked::Asked;
use crate::{
    actions::{
        bulk::{IDS_MAX, act_on_each, sentence},
        incidents::{Act, Repeat},
    },
    api::error::{ApiError, Problems},
    pages::{
        PageError,
        form::Form,
        viewer::{Viewer, refused, say},
    },
    state::AppState,
};

/// Where the list is that the form stands in.
fn back(form: &Form) -> String {
    let query = Asked::read(form.text("back")).map(|asked| asked.canonical());
    super::address(&query.unwrap_or_default())
}

/// `POST /incidents/bulk`
pub(in crate::pages) async fn bulk(
    State(state): State<AppState>,
    viewer: Viewer,
    form: Form,
) -> Result<Response, PageError> {
    let back = back(&form);
    let ids: Result<Vec<IncidentId>, _> = form.all("ids").into_iter().map(str::parse).collect();
    let Ok(mut ids) = ids else {
        return refused(&back, ApiError::invalid_request("one of the incidents does not exist"));
    };
    if ids.is_empty() {
        let why = "Nothing was changed: no incident is selected. Tick the boxes in front of them first.";
        return Ok(say(&back, false, why));
    }
    if ids.len() > IDS_MAX {
        let why = format!("Nothing was changed: at most {IDS_MAX} incidents can be changed at once.");
        return Ok(say(&back, false, why));
    }
    let wish = match form.text("do") {
        "merge" => merging(&state, &form, &mut ids).await,
        _ => wish(&form),
    };
    let (act, done) = match wish {
        Ok(wish) => wish,
        Err(error) => return refused(&back, error),
    };
    let outcomes = act_on_each(&state, ids, &[act], &viewer.actor(), Repeat::Refuse).await?;
    let good = outcomes.iter().any(|(_, outcome)| outcome.is_ok());
    Ok(say(&back, good, sentence(done, &outcomes)))
}

/// The selected incidents become part of one: of that whose number is given, else of the one among them that began
/// first. That one is not merged into itself.
async fn merging(state: &AppState, form: &Form, ids: &mut Vec<IncidentId>) -> Result<(Act, &'static str), ApiError> {
    let into = match form.given("into") {
        // Identities are made in the order of time.
        None => ids
            .iter()
            .min()
            .copied()
            .ok_or_else(|| ApiError::not_found("incident"))?,
        Some(text) => {
            let unknown = || ApiError::invalid("into", "must be the number of an incident");
            let number: i64 = text.trim_start_matches('#').parse().map_err(|_| unknown())?;
            let unit = async move |tx: &mut Tx<'_>| incidents::by_number(tx, number).await;
            let found = state.store.db.read(unit).await?;
            found.ok_or_else(unknown)?.incident.id
        }
    };
    ids.retain(|id| *id != into);
    if ids.is_empty() {
        return Err(ApiError::invalid_request(
            "nothing was changed: a merge needs another incident besides the one that goes on",
        ));
    }
    Ok((Act::Merge { into }, "merged"))
}

/// What is to be done, and what incidents are afterwards.
fn wish(form: &Form) -> Result<(Act, &'static str), ApiError> {
    match form.text("do") {
        "acknowledge" => Ok((Act::Acknowledge, "acknowledged")),
        "resolve" => Ok((
            Act::Resolve {
                note: form.given("note"),
            },
            "resolved",
        )),
        "suppress" => Ok((Act::Suppress, "suppressed")),
        "snooze" => {
            let mut problems = Problems::default();
            let minutes = form.number("minutes", &mut problems);
            problems.check()?;
            let minutes = minutes.ok_or_else(|| ApiError::invalid("minutes", "must say for how long"))?;
            Ok((Act::Snooze { minutes }, "snoozed"))
        }
        "reassign" => Ok((Act::Edit(assigned(form.text("assignee"))?), "reassigned")),
        _ => Err(ApiError::invalid_request(
            "it was not said what to do; nothing was changed",
        )),
    }
}

/// `user:usr_…`, `team:team_…`, or `nobody`.
fn assigned(to: &str) -> Result<Edit, ApiError> {
    let unknown = || ApiError::invalid("assignee", "must be chosen from the list");
    let (person, team) = match to.split_once(':') {
        None if to == "nobody" => (Some(None), None),
        Some(("user", id)) => (Some(Some(id.parse().map_err(|_| unknown())?)), None),
        Some(("team", id)) => (Some(None), Some(Some(id.parse().map_err(|_| unknown())?))),
        None | Some(_) => return Err(unknown()),
    };
    Ok(Edit {
        assignee: person,
        team,
        ..Edit::default()
    })
}
