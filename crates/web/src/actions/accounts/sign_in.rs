//! Signing in with a mail address and a password, and signing out.

use opsknight_domain::directory::{Role, Standing};
use opsknight_store::{db::Tx, secret::token_hash, sessions, users};

use super::{Device, Shown, SignedIn, enter, try_address};
use crate::{
    api::{check, error::ApiError, settings::sign_in as provider},
    state::AppState,
};

/// Checks a mail address and a password, and begins a session or asks for a code. Nobody learns which of the two was
/// wrong, neither from the words nor from the time it takes.
///
/// # Errors
/// 401 when they do not belong together, 403 where passwords are not allowed, 429 after too many tries.
pub async fn sign_in(state: &AppState, email: &str, password: &str, device: Device) -> Result<SignedIn, ApiError> {
    let now = state.clock.now();
    let account = email.trim().to_lowercase();
    try_address(state, &device, now).await?;
    let known_form = !account.is_empty() && account.len() <= check::EMAIL_BYTES_MAX;
    if known_form {
        state.throttles.account.take(&account, now).await?;
    }
    let asked = account.clone();
    let found = match known_form {
        true => {
            let unit = async move |tx: &mut Tx<'_>| users::by_email(tx, &asked).await;
            state.store.db.read(unit).await?
        }
        false => None,
    };
    let (user, stored) = found.filter(|(user, _)| user.standing != Standing::Disabled).unzip();
    let right = state.passwords.verify(stored.flatten(), password).await?;
    let Some(user) = user.filter(|_| right) else {
        return Err(ApiError::unauthorized());
    };
    state.throttles.account.forgive(&account).await;
    let (store, token, role) = (state.store.clone(), state.token(), user.role);
    let unit = async move |tx: &mut Tx<'_>| {
        // Administrators keep their passwords: a provider that fails must not lock everybody out.
        if role != Role::Admin && !provider::passwords_allowed(tx, &store).await? {
            return Err(passwords_off());
        }
        Ok(enter(tx, &store, (user.id, Shown::One), (&token, &device), now).await?)
    };
    state.store.db.write(unit).await
}

/// Passwords and passkeys are not allowed to whoever tries.
pub(super) fn passwords_off() -> ApiError {
    ApiError::forbidden("here people sign in by the provider, not with a password or a passkey of their own")
}

/// Ends the session with this token.
///
/// # Errors
/// When the database cannot take it.
pub async fn sign_out(state: &AppState, token: &str) -> Result<(), ApiError> {
    let hash = token_hash(token);
    let unit = async move |tx: &mut Tx<'_>| sessions::delete(tx, &hash).await;
    Ok(state.store.db.write(unit).await?)
}
