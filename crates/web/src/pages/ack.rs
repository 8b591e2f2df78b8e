//! `/ack/{token}`: the signed link of a page. Looking changes nothing; one click acknowledges.

use axum::{
    Json,
    extract::State,
    response::{IntoResponse as _, Response},
};
use http::{HeaderMap, header};
use jiff::{Timestamp, tz::TimeZone};
use opsknight_domain::{
    directory::{Directory, Standing},
    incident::{Actor, Incident, Status},
};
use opsknight_store::{
    db::Tx,
    incidents::{self, Listed},
    timeline,
};
use serde_json::json;

use super::{
    PageError, flash,
    viewer::{html, theme},
};
use crate::{
    ack::{ACK_LINK_PURPOSE, AckLink, read_ack_token},
    actions::incidents::{Act, Repeat, act},
    api::{error::ApiError, extract::Path},
    state::AppState,
    views::{Ack, AckIncident, AckState, Bare, Deed, Times},
};

/// A link that is one of ours, with what it leads to as things stand now.
struct Held {
    token: String,
    link: AckLink,
    listed: Listed,
    /// Whose it is; none when they are disabled or no longer there.
    name: Option<String>,
    /// Who acknowledged or resolved it.
    by: Option<String>,
    now: Timestamp,
}

async fn held(state: &AppState, token: String) -> Result<Option<Held>, ApiError> {
    let key = state.store.sealer.signing_key(ACK_LINK_PURPOSE);
    let Some(link) = read_ack_token(&key, &token) else {
        return Ok(None);
    };
    let now = state.clock.now();
    let pictures = state.store.pictures.clone();
    let unit = async move |tx: &mut Tx<'_>| {
        let picture = pictures.current(tx, now).await?;
        let Some(listed) = incidents::get(tx, link.incident).await? else {
            return Ok::<_, ApiError>(None);
        };
        let by = deed(tx, &listed.incident).await?;
        Ok(Some((listed, name(&picture.directory, link), by)))
    };
    let found = state.store.db.read(unit).await?;
    Ok(found.map(|(listed, name, by)| Held {
        token,
        link,
        listed,
        name,
        by,
        now,
    }))
}

fn name(directory: &Directory, link: AckLink) -> Option<String> {
    let user = directory.users.get(&link.user)?;
    (user.standing != Standing::Disabled).then(|| user.name.clone())
}

/// Who did what the incident stands at now.
async fn deed(tx: &mut Tx<'_>, incident: &Incident) -> Result<Option<String>, ApiError> {
    let kind = match incident.status {
        Status::Acknowledged => opsknight_domain::incident::EntryKind::Acknowledged,
        Status::Resolved => opsknight_domain::incident::EntryKind::Resolved,
        Status::Open | Status::Snoozed | Status::Suppressed => return Ok(None),
    };
    let (_, total) = timeline::entries(tx, incident.id, Some(kind), 1, 0).await?;
    let (last, _) = timeline::entries(tx, incident.id, Some(kind), 1, (total - 1).max(0)).await?;
    Ok(last.into_iter().next().map(|entry| entry.actor_name))
}

/// What can be done with the link now.
fn standing(held: &Held) -> AckState {
    let deed = |at: Option<Timestamp>| Deed {
        by: held.by.clone().unwrap_or_else(|| "Somebody".to_owned()),
        at: Times::new(at.unwrap_or(held.now), held.now, &TimeZone::UTC),
    };
    let incident = &held.listed.incident;
    let Some(name) = held.name.clone() else {
        return AckState::Invalid;
    };
    match incident.status {
        Status::Acknowledged => AckState::Already(deed(incident.acknowledged_at)),
        Status::Resolved => AckState::Resolved(deed(incident.resolved_at)),
        Status::Open | Status::Snoozed | Status::Suppressed if held.link.expires <= held.now => AckState::Expired,
        Status::Snoozed => AckState::PutOff { how: "snoozed" },
        Status::Suppressed => AckState::PutOff { how: "suppressed" },
        Status::Open => AckState::Ready {
            token: held.token.clone(),
            name,
        },
    }
}

/// What came of a click, as a service worker tells it in a notification.
fn in_short(held: Option<&Held>, ack: &AckState) -> serde_json::Value {
    let by = held.and_then(|held| held.by.as_deref()).unwrap_or("Somebody");
    let (ok, title, message) = match ack {
        AckState::Done { name } => (
            true,
            "Acknowledged",
            format!("Escalation has stopped. It shows {name} as working on it."),
        ),
        AckState::Already(_) => (true, "Already acknowledged", format!("{by} acknowledged it.")),
        AckState::Resolved(_) => (true, "Already resolved", format!("{by} resolved it.")),
        AckState::PutOff { how } => (
            true,
            "Nothing to do",
            format!("The incident is {how}: nobody is paged while it is."),
        ),
        AckState::Expired => (
            false,
            "Not acknowledged",
            "The link has expired. Open the incident.".to_owned(),
        ),
        AckState::Ready { .. } | AckState::Invalid => (
            false,
            "Not acknowledged",
            "The link does not work. Open the incident.".to_owned(),
        ),
    };
    json!({ "ok": ok, "title": title, "message": message })
}

fn wants_json(headers: &HeaderMap) -> bool {
    let accepted = headers.get(header::ACCEPT).and_then(|value| value.to_str().ok());
    accepted.is_some_and(|accepted| accepted.starts_with("application/json"))
}

fn answer(state: &AppState, headers: &HeaderMap, held: Option<&Held>, ack: AckState) -> Result<Response, PageError> {
    if wants_json(headers) {
        return Ok(Json(in_short(held, &ack)).into_response());
    }
    let incident = held
        .filter(|_| !matches!(ack, AckState::Invalid))
        .map(|held| AckIncident {
            number: held.listed.incident.number,
            title: held.listed.incident.title.clone(),
            service: held.listed.service_name.clone(),
            href: state.link(&format!("/incidents/{}", held.listed.incident.id)),
        });
    html(&Ack {
        shell: Bare {
            title: "Acknowledge".to_owned(),
            theme: theme(headers),
            flash: flash::read(headers),
        },
        incident,
        state: ack,
    })
}

/// `GET /ack/{token}`
pub(super) async fn show(
    State(state): State<AppState>,
    Path(token): Path<String>,
    headers: HeaderMap,
) -> Result<Response, PageError> {
    let held = held(&state, token).await?;
    let ack = held.as_ref().map_or(AckState::Invalid, standing);
    answer(&state, &headers, held.as_ref(), ack)
}

/// `POST /ack/{token}`
pub(super) async fn acknowledge(
    State(state): State<AppState>,
    Path(token): Path<String>,
    headers: HeaderMap,
) -> Result<Response, PageError> {
    let Some(before) = held(&state, token.clone()).await? else {
        return answer(&state, &headers, None, AckState::Invalid);
    };
    let AckState::Ready { name, .. } = standing(&before) else {
        return answer(&state, &headers, Some(&before), standing(&before));
    };
    let actor = Actor::User {
        id: before.link.user,
        name: name.clone(),
    };
    match act(
        &state,
        before.link.incident,
        vec![Act::Acknowledge],
        actor,
        Repeat::Refuse,
    )
    .await
    {
        Ok(_) => answer(&state, &headers, Some(&before), AckState::Done { name }),
        // Somebody was faster: the page says who.
        Err(error) if error.status() == http::StatusCode::CONFLICT => {
            let after = held(&state, token).await?;
            let ack = after.as_ref().map_or(AckState::Invalid, standing);
            answer(&state, &headers, after.as_ref(), ack)
        }
        Err(error) => Err(error.into()),
    }
}
