//! The first administrator, made by the link that the server prints.

use opsknight_domain::{
    directory::{Role, Standing},
    id::{AuditId, UserId},
};
use opsknight_store::{
    db::Tx,
    sessions::{self, LinkPurpose},
    users::{self, UserRow},
};

use super::{Device, Introduction, link_used, note, one_time, session};
use crate::{
    api::{
        check,
        error::{ApiError, Problems},
    },
    state::AppState,
};

/// Whether the setup link still leads anywhere: nobody exists yet, and the token is the one that was printed.
///
/// # Errors
/// When the database cannot answer.
pub async fn can_set_up(state: &AppState, token: &str) -> Result<Setup, ApiError> {
    let now = state.clock.now();
    let hash = one_time(token);
    let unit = async move |tx: &mut Tx<'_>| {
        if users::any(tx).await? {
            return Ok::<_, ApiError>(Setup::Done);
        }
        let Some(hash) = &hash else {
            return Ok(Setup::WrongLink);
        };
        let known = sessions::peek_link(tx, hash, LinkPurpose::Setup, now).await?;
        Ok(known.map_or(Setup::WrongLink, |_| Setup::Ready))
    };
    state.store.db.read(unit).await
}

/// How far setting up has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Setup {
    /// The first administrator can be made.
    Ready,
    /// Nobody exists yet, but this is not the link that was printed, or it is too old.
    WrongLink,
    /// Somebody exists.
    Done,
}

/// Makes the first administrator and signs them in; the token of their session is returned.
///
/// # Errors
/// 400 for what is not acceptable, 409 when the link was used or somebody exists.
pub async fn set_up(
    state: &AppState,
    token: &str,
    email: &str,
    who: Introduction,
    device: Device,
) -> Result<String, ApiError> {
    let mut problems = Problems::default();
    let email = check::email(&mut problems, "email", email);
    let who = who.checked(&mut problems);
    problems.check()?;
    let hash = one_time(token).ok_or_else(link_used)?;
    let password = state.passwords.hash(&who.password, &*state.clock).await?;
    let now = state.clock.now();
    let user = UserRow {
        id: UserId::new(state.clock.uuid_v7()),
        email,
        name: who.name,
        role: Role::Admin,
        standing: Standing::Active,
        time_zone: who.time_zone,
        phone: None,
        wants_news: true,
        created_at: now,
        updated_at: now,
    };
    let audit_id = AuditId::new(state.clock.uuid_v7());
    let begun = state.token();
    let session = session(&begun, user.id, &device, now);
    let unit = async move |tx: &mut Tx<'_>| {
        let taken = sessions::take_link(tx, &hash, LinkPurpose::Setup, now).await?;
        if taken.is_none() || users::any(tx).await? {
            return Err(link_used());
        }
        users::insert(tx, &user).await?;
        users::set_password(tx, user.id, &password, now).await?;
        sessions::insert(tx, &session).await?;
        note(tx, (audit_id, "user.created"), &user, &device, now).await?;
        Ok(())
    };
    state.store.db.write(unit).await?;
    Ok(begun)
}
