//! Where somebody is signed in, and their password: what ends sessions.

use opsknight_domain::id::{DeliveryId, UserId};
use opsknight_store::{db::Tx, login_steps, secret::token_hash, sessions, users};
use serde_json::json;

use super::{Device, Notice, session, tell};
use crate::{
    api::{
        access::Caller,
        change::{Change, Object},
        error::ApiError,
    },
    auth::password_problem,
    state::AppState,
};

/// Changes one's own password. Everybody who is signed in as this person is signed out; the token of a session that
/// takes the place of this one is returned.
///
/// # Errors
/// 400 when the present password is wrong or the new one is not acceptable, 429 after too many tries.
pub async fn change_password(
    state: &AppState,
    caller: &Caller,
    user: UserId,
    (present, new): (&str, &str),
    device: Device,
) -> Result<String, ApiError> {
    let now = state.clock.now();
    state.throttles.account.take(&user.to_string(), now).await?;
    let stored = state
        .store
        .db
        .read(async move |tx: &mut Tx<'_>| users::password(tx, user).await)
        .await?;
    if !state.passwords.verify(stored, present).await? {
        return Err(ApiError::invalid("currentPassword", "is not your present password"));
    }
    if let Some(why) = password_problem(new) {
        return Err(ApiError::invalid("newPassword", why));
    }
    state.throttles.account.forgive(&user.to_string()).await;
    let hash = state.passwords.hash(new, &*state.clock).await?;
    let (change, token) = (Change::new(state, caller), state.token());
    let begun = session(&token, user, &device, now);
    let (store, letter) = (state.store.clone(), DeliveryId::new(state.clock.uuid_v7()));
    let unit = async move |tx: &mut Tx<'_>| {
        users::set_password(tx, user, &hash, now).await?;
        sessions::delete_of(tx, user).await?;
        login_steps::delete_of(tx, user).await?;
        sessions::insert(tx, &begun).await?;
        let row = found(tx, user).await?;
        tell(tx, &store, (letter, &row), &Notice::PasswordChanged.into(), now).await?;
        change
            .record(tx, "password_changed", object(&row.name, &user), json!({}))
            .await?;
        Ok::<_, ApiError>(())
    };
    state.store.db.write(unit).await?;
    Ok(token)
}

async fn found(tx: &mut Tx<'_>, user: UserId) -> Result<users::UserRow, ApiError> {
    users::get(tx, user).await?.ok_or_else(|| ApiError::not_found("user"))
}

const fn object<'a>(name: &'a str, id: &'a UserId) -> Object<'a> {
    Object { kind: "user", id, name }
}

/// Signs somebody out on one device, which is named by the beginning of its token's hash.
///
/// # Errors
/// 404 when they have no such session.
pub async fn end_session(state: &AppState, caller: &Caller, user: UserId, name: &str) -> Result<(), ApiError> {
    let change = Change::new(state, caller);
    let name = name.to_owned();
    let unit = async move |tx: &mut Tx<'_>| {
        let row = found(tx, user).await?;
        let all = sessions::of_user(tx, user, change.now).await?;
        let session = all.iter().find(|session| session_name(&session.token_hash) == name);
        let session = session.ok_or_else(|| ApiError::not_found("session"))?;
        sessions::delete(tx, &session.token_hash).await?;
        change
            .record(tx, "session_ended", object(&row.name, &user), json!({}))
            .await?;
        Ok(())
    };
    state.store.db.write(unit).await
}

/// Signs somebody out everywhere, but for the session with this token, where one is given.
///
/// # Errors
/// 404 when there is no such person.
pub async fn end_others(state: &AppState, caller: &Caller, user: UserId, kept: Option<&str>) -> Result<(), ApiError> {
    let change = Change::new(state, caller);
    let kept = kept.map(token_hash).unwrap_or_default();
    let unit = async move |tx: &mut Tx<'_>| {
        let row = found(tx, user).await?;
        sessions::delete_others(tx, user, &kept).await?;
        change
            .record(tx, "sessions_ended", object(&row.name, &user), json!({}))
            .await?;
        Ok(())
    };
    state.store.db.write(unit).await
}

/// What a session is called on pages: the beginning of its token's hash, from which no token can be made.
#[must_use]
pub fn session_name(token_hash: &str) -> &str {
    token_hash.get(..16).unwrap_or(token_hash)
}
