//! How somebody else signs in: what an administrator sees and does on their page, and the invitations that are open.

use axum::{extract::State, response::Response};
use http::HeaderMap;
use opsknight_domain::{
    directory::{Role, Standing},
    id::UserId,
};
use opsknight_store::{db::Tx, passkeys as stored, second_factor, sessions};

use super::{passkey_row, session_rows};
use crate::{
    actions::accounts::{self, passkeys, second_step},
    api::{
        error::ApiError,
        extract::Path,
        wire::{Id, ids},
    },
    auth,
    pages::{
        PageError,
        viewer::{Viewer, done, refused},
    },
    state::AppState,
    views::{Access, InvitationRow},
};

/// What an administrator sees of how somebody signs in; others see nothing.
pub(in crate::pages) async fn access(
    state: &AppState,
    viewer: &Viewer,
    id: UserId,
    headers: &HeaderMap,
) -> Result<Option<Access>, ApiError> {
    if viewer.person.role != Role::Admin {
        return Ok(None);
    }
    let now = viewer.now;
    let unit = async move |tx: &mut Tx<'_>| {
        Ok::<_, ApiError>((
            second_factor::standing(tx, id).await?,
            stored::of_user(tx, id).await?,
            sessions::of_user(tx, id, now).await?,
        ))
    };
    let (second, passkeys, sessions) = state.store.db.read(unit).await?;
    Ok(Some(Access {
        second: second.map(|second| viewer.times(second.since)),
        passkeys: passkeys.iter().map(|row| passkey_row(viewer, row)).collect(),
        sessions: session_rows(viewer, &sessions, auth::session_token(headers, state).as_deref()),
    }))
}

/// Who is invited and has not come yet; for administrators.
pub(in crate::pages) async fn invitations(state: &AppState, viewer: &Viewer) -> Result<Vec<InvitationRow>, ApiError> {
    if viewer.person.role != Role::Admin {
        return Ok(Vec::new());
    }
    let now = viewer.now;
    let unit = async move |tx: &mut Tx<'_>| sessions::invitations(tx, now).await;
    let open = state.store.db.read(unit).await?;
    let users = viewer.directory().users.values();
    let row = |user: &opsknight_domain::directory::User| {
        let link = open.iter().find(|row| row.user == user.id);
        InvitationRow {
            id: user.id.to_string(),
            name: user.name.clone(),
            email: user.email.clone(),
            by: link
                .and_then(|link| link.made_by.clone())
                .unwrap_or_else(|| "the command line".to_owned()),
            link: link.map(|link| (viewer.times(link.created_at), viewer.times(link.expires_at))),
        }
    };
    let invited = users.filter(|user| user.standing == Standing::Invited);
    let mut rows: Vec<InvitationRow> = invited.map(row).collect();
    rows.sort_by_key(|row| row.name.to_lowercase());
    Ok(rows)
}

fn told(id: UserId, result: Result<(), ApiError>, says: &str) -> Result<Response, PageError> {
    let path = format!("/users/{id}");
    match result {
        Ok(()) => Ok(done(&path, says)),
        Err(error) => refused(&path, error),
    }
}

/// `POST /users/{id}/second-step/reset`
pub(in crate::pages) async fn reset_second_step(
    State(state): State<AppState>,
    viewer: Viewer,
    Path(Id(id)): Path<ids::User>,
) -> Result<Response, PageError> {
    let reset = second_step::reset(&state, &viewer.caller, id).await;
    told(id, reset, "Two-step sign-in is off for them. They are told by mail.")
}

/// `POST /users/{id}/passkeys/{passkey}/delete`
pub(in crate::pages) async fn remove_passkey(
    State(state): State<AppState>,
    viewer: Viewer,
    Path((Id(id), passkey)): Path<(ids::User, String)>,
) -> Result<Response, PageError> {
    let removed = passkeys::remove(&state, &viewer.caller, id, &passkey).await;
    told(id, removed, "The passkey was removed. They are told by mail.")
}

/// `POST /users/{id}/sessions/{session}/delete`
pub(in crate::pages) async fn end_session(
    State(state): State<AppState>,
    viewer: Viewer,
    Path((Id(id), session)): Path<(ids::User, String)>,
) -> Result<Response, PageError> {
    let ended = accounts::end_session(&state, &viewer.caller, id, &session).await;
    told(id, ended, "Signed out there.")
}

/// `POST /users/{id}/sessions/delete`
pub(in crate::pages) async fn end_sessions(
    State(state): State<AppState>,
    viewer: Viewer,
    Path(Id(id)): Path<ids::User>,
    headers: HeaderMap,
) -> Result<Response, PageError> {
    let own = (id == viewer.person.id).then(|| auth::session_token(&headers, &state));
    let ended = accounts::end_others(&state, &viewer.caller, id, own.flatten().as_deref()).await;
    told(id, ended, "Signed out everywhere.")
}

/// `POST /users/{id}/invite/delete`
pub(in crate::pages) async fn take_back(
    State(state): State<AppState>,
    viewer: Viewer,
    Path(Id(id)): Path<ids::User>,
) -> Result<Response, PageError> {
    match accounts::take_back(&state, &viewer.caller, id).await {
        Ok(()) => Ok(done(
            "/users",
            "The link works no more. They are still paged: disable the account to end that.",
        )),
        Err(error) => refused("/users", error),
    }
}
