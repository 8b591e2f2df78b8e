//! `/api/users/{id}/…`: how somebody signs in. Where they are signed in, their passkeys, their second step, their
//! invitation. Tokens, codes and keys are never shown.

use axum::extract::State;
use http::StatusCode;
use opsknight_store::{db::Tx, passkeys as stored, second_factor, sessions, users};
use serde::Serialize;
use utoipa::ToSchema;
use utoipa_axum::{router::OpenApiRouter, routes};

use crate::{
    actions::accounts::{self, passkeys, second_step},
    api::{
        access::Caller,
        error::{ApiError, ErrorBody},
        extract::{Json, Path},
        wire::{Id, Time, ids},
    },
    state::AppState,
};

pub(super) fn routes() -> OpenApiRouter<AppState> {
    OpenApiRouter::new()
        .routes(routes!(list_sessions, end_sessions))
        .routes(routes!(end_session))
        .routes(routes!(list_passkeys))
        .routes(routes!(remove_passkey))
        .routes(routes!(second_step, reset_second_step))
        .routes(routes!(invite, take_back))
}

/// A place where somebody is signed in.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
#[schema(as = Session)]
#[serde(rename_all = "camelCase")]
pub(crate) struct SessionBody {
    /// Its id, which is not its token.
    pub id: String,
    /// From which address they signed in.
    pub address: Option<String>,
    /// What the browser called itself.
    pub user_agent: Option<String>,
    /// Since when they are signed in.
    #[schema(inline)]
    pub created_at: Time,
    /// When they were last seen, to the minute.
    #[schema(inline)]
    pub last_seen_at: Time,
    /// When it ends, unless they are seen before.
    #[schema(inline)]
    pub expires_at: Time,
}

/// A passkey.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
#[schema(as = Passkey)]
#[serde(rename_all = "camelCase")]
pub(crate) struct PasskeyBody {
    /// Its id, which the device gave it.
    pub id: String,
    /// What its owner calls it.
    pub name: String,
    /// When it was added.
    #[schema(inline)]
    pub created_at: Time,
    /// When somebody signed in with it last.
    #[schema(inline)]
    pub last_used_at: Option<Time>,
}

/// All of a short list.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
pub(crate) struct All<T: ToSchema> {
    /// The things.
    pub data: Vec<T>,
}

/// Whether a code is asked for after the password.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
#[schema(as = SecondStep)]
#[serde(rename_all = "camelCase")]
pub(crate) struct SecondStepBody {
    /// It is.
    pub enabled: bool,
    /// Since when.
    #[schema(inline)]
    pub enabled_at: Option<Time>,
    /// How many recovery codes are left.
    pub recovery_codes_left: i64,
}

/// A link by which somebody comes in.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
#[schema(as = Invitation)]
#[serde(rename_all = "camelCase")]
pub(crate) struct InvitationBody {
    /// The link. It works once, and is shown only now.
    pub url: String,
    /// It is on its way by mail.
    pub sent_by_mail: bool,
    /// Until when it works.
    #[schema(inline)]
    pub expires_at: Time,
}

async fn found(tx: &mut Tx<'_>, id: opsknight_domain::id::UserId) -> Result<users::UserRow, ApiError> {
    users::get(tx, id).await?.ok_or_else(|| ApiError::not_found("user"))
}

/// Where somebody is signed in, the last seen in front. For them and for administrators.
#[utoipa::path(
    get, path = "/api/users/{id}/sessions", tag = "Users", operation_id = "listSessions",
    params(("id" = inline(ids::User), Path)),
    responses((status = 200, body = All<SessionBody>), (status = 404, body = ErrorBody)),
)]
async fn list_sessions(
    State(state): State<AppState>,
    Path(Id(id)): Path<ids::User>,
) -> Result<Json<All<SessionBody>>, ApiError> {
    let now = state.clock.now();
    let unit = async move |tx: &mut Tx<'_>| {
        found(tx, id).await?;
        Ok::<_, ApiError>(sessions::of_user(tx, id, now).await?)
    };
    let rows = state.store.db.read(unit).await?;
    let body = |row: sessions::SessionRow| SessionBody {
        id: accounts::session_name(&row.token_hash).to_owned(),
        address: row.ip,
        user_agent: row.agent,
        created_at: Time(row.created_at),
        last_seen_at: Time(row.seen_at),
        expires_at: Time(row.expires_at),
    };
    let data = rows.into_iter().map(body).collect();
    Ok(Json(All { data }))
}

/// Signs somebody out everywhere.
#[utoipa::path(
    delete, path = "/api/users/{id}/sessions", tag = "Users", operation_id = "endSessions",
    params(("id" = inline(ids::User), Path)),
    responses((status = 204, description = "They are signed out."), (status = 404, body = ErrorBody)),
)]
async fn end_sessions(
    State(state): State<AppState>,
    caller: Caller,
    Path(Id(id)): Path<ids::User>,
) -> Result<StatusCode, ApiError> {
    accounts::end_others(&state, &caller, id, None).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Signs somebody out on one device.
#[utoipa::path(
    delete, path = "/api/users/{id}/sessions/{sessionId}", tag = "Users", operation_id = "endSession",
    params(("id" = inline(ids::User), Path), ("sessionId" = String, Path)),
    responses((status = 204, description = "They are signed out there."), (status = 404, body = ErrorBody)),
)]
async fn end_session(
    State(state): State<AppState>,
    caller: Caller,
    Path(path): Path<(ids::User, String)>,
) -> Result<StatusCode, ApiError> {
    let (Id(id), session) = path;
    accounts::end_session(&state, &caller, id, &session).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Somebody's passkeys, the oldest in front. For them and for administrators.
#[utoipa::path(
    get, path = "/api/users/{id}/passkeys", tag = "Users", operation_id = "listPasskeys",
    params(("id" = inline(ids::User), Path)),
    responses((status = 200, body = All<PasskeyBody>), (status = 404, body = ErrorBody)),
)]
async fn list_passkeys(
    State(state): State<AppState>,
    Path(Id(id)): Path<ids::User>,
) -> Result<Json<All<PasskeyBody>>, ApiError> {
    let unit = async move |tx: &mut Tx<'_>| {
        found(tx, id).await?;
        Ok::<_, ApiError>(stored::of_user(tx, id).await?)
    };
    let rows = state.store.db.read(unit).await?;
    let body = |row: stored::PasskeyRow| PasskeyBody {
        id: row.id,
        name: row.name,
        created_at: Time(row.created_at),
        last_used_at: row.last_used_at.map(Time),
    };
    let data = rows.into_iter().map(body).collect();
    Ok(Json(All { data }))
}

/// Removes somebody's passkey. They are told by mail.
#[utoipa::path(
    delete, path = "/api/users/{id}/passkeys/{passkeyId}", tag = "Users", operation_id = "deletePasskey",
    params(("id" = inline(ids::User), Path), ("passkeyId" = String, Path)),
    responses(
        (status = 204, description = "It is removed."),
        (status = 404, body = ErrorBody),
        (status = 409, body = ErrorBody, description = "It is the caller's last way in."),
    ),
)]
async fn remove_passkey(
    State(state): State<AppState>,
    caller: Caller,
    Path(path): Path<(ids::User, String)>,
) -> Result<StatusCode, ApiError> {
    let (Id(id), passkey) = path;
    passkeys::remove(&state, &caller, id, &passkey).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Whether a code is asked for after somebody's password. For them and for administrators.
#[utoipa::path(
    get, path = "/api/users/{id}/second-step", tag = "Users", operation_id = "getSecondStep",
    params(("id" = inline(ids::User), Path)),
    responses((status = 200, body = SecondStepBody), (status = 404, body = ErrorBody)),
)]
async fn second_step(
    State(state): State<AppState>,
    Path(Id(id)): Path<ids::User>,
) -> Result<Json<SecondStepBody>, ApiError> {
    let unit = async move |tx: &mut Tx<'_>| {
        found(tx, id).await?;
        Ok::<_, ApiError>(second_factor::standing(tx, id).await?)
    };
    let standing = state.store.db.read(unit).await?;
    Ok(Json(SecondStepBody {
        enabled: standing.is_some(),
        enabled_at: standing.map(|standing| Time(standing.since)),
        recovery_codes_left: standing.map_or(0, |standing| standing.codes_left),
    }))
}

/// Switches the second step off for somebody who has lost their app and their codes. They are told by mail.
#[utoipa::path(
    delete, path = "/api/users/{id}/second-step", tag = "Users", operation_id = "resetSecondStep",
    params(("id" = inline(ids::User), Path)),
    responses(
        (status = 204, description = "It is off."),
        (status = 404, body = ErrorBody),
        (status = 409, body = ErrorBody, description = "It is off already, or it is the caller's own."),
    ),
)]
async fn reset_second_step(
    State(state): State<AppState>,
    caller: Caller,
    Path(Id(id)): Path<ids::User>,
) -> Result<StatusCode, ApiError> {
    second_step::reset(&state, &caller, id).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Makes a link for somebody: to accept their invitation, or to choose a new password where they have come before. It
/// goes to them by mail where mail can be sent; earlier links work no more.
#[utoipa::path(
    post, path = "/api/users/{id}/invitation", tag = "Users", operation_id = "inviteUser",
    params(("id" = inline(ids::User), Path)),
    responses(
        (status = 201, body = InvitationBody),
        (status = 404, body = ErrorBody),
        (status = 409, body = ErrorBody, description = "The account is disabled."),
    ),
)]
async fn invite(
    State(state): State<AppState>,
    caller: Caller,
    Path(Id(id)): Path<ids::User>,
) -> Result<(StatusCode, Json<InvitationBody>), ApiError> {
    let made = accounts::invite(&state, &caller, id).await?;
    let body = InvitationBody {
        url: made.url,
        sent_by_mail: made.by_mail,
        expires_at: Time(made.expires_at),
    };
    Ok((StatusCode::CREATED, Json(body)))
}

/// Takes back whatever link somebody was sent. They stay, and are paged all the same.
#[utoipa::path(
    delete, path = "/api/users/{id}/invitation", tag = "Users", operation_id = "takeBackInvitation",
    params(("id" = inline(ids::User), Path)),
    responses(
        (status = 204, description = "No link works."),
        (status = 404, body = ErrorBody),
        (status = 409, body = ErrorBody, description = "There is none that works."),
    ),
)]
async fn take_back(
    State(state): State<AppState>,
    caller: Caller,
    Path(Id(id)): Path<ids::User>,
) -> Result<StatusCode, ApiError> {
    accounts::take_back(&state, &caller, id).await?;
    Ok(StatusCode::NO_CONTENT)
}
