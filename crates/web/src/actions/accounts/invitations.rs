//! Links by which people come in: an invitation, or a password link that an administrator makes.

use jiff::SignedDuration;
use opsknight_domain::{
    directory::{Role, Standing},
    id::{AuditId, DeliveryId, UserId},
};
use opsknight_store::{
    db::{DbError, Tx},
    login_steps,
    secret::token_hash,
    sessions::{self, LinkPurpose},
    users::{self, UserRow},
};
use serde_json::json;

use super::{
    Device, Introduction, Letter, Notice, Shown, SignedIn, enter, link_used, note, one_time, sign_in::passwords_off,
    tell,
};
use crate::{
    api::{
        access::Caller,
        change::{Change, Object},
        error::{ApiError, Problems},
        settings::sign_in as provider,
    },
    state::AppState,
};

/// How long an invitation can be accepted.
pub const INVITATION_LASTS: SignedDuration = SignedDuration::from_hours(7 * 24);

/// Whose invitation a link is, if it can still be accepted.
///
/// # Errors
/// When the database cannot answer.
pub async fn invited(state: &AppState, token: &str) -> Result<Option<UserRow>, ApiError> {
    let now = state.clock.now();
    let Some(hash) = one_time(token) else { return Ok(None) };
    let unit = async move |tx: &mut Tx<'_>| {
        for purpose in [LinkPurpose::Invite, LinkPurpose::Reset] {
            if let Some(Some(id)) = sessions::peek_link(tx, &hash, purpose, now).await? {
                return users::get(tx, id).await;
            }
        }
        Ok(None)
    };
    let user = state.store.db.read(unit).await?;
    Ok(user.filter(|user| user.standing != Standing::Disabled))
}

/// Uses a link up, and gives back whose it was.
pub(super) async fn taken(tx: &mut Tx<'_>, hash: &str, now: jiff::Timestamp) -> Result<UserRow, ApiError> {
    let mut taken = sessions::take_link(tx, hash, LinkPurpose::Invite, now).await?;
    if taken.is_none() {
        taken = sessions::take_link(tx, hash, LinkPurpose::Reset, now).await?;
    }
    let id = taken.flatten().ok_or_else(link_used)?;
    let found: Result<_, DbError> = users::get(tx, id).await;
    found?
        .filter(|user| user.standing != Standing::Disabled)
        .ok_or_else(link_used)
}

/// Writes down what somebody says of themselves who accepts.
pub(super) async fn introduce(
    tx: &mut Tx<'_>,
    user: &mut UserRow,
    who: &Introduction,
    now: jiff::Timestamp,
) -> Result<(), ApiError> {
    user.name.clone_from(&who.name);
    user.time_zone.clone_from(&who.time_zone);
    user.updated_at = now;
    Ok(users::update(tx, user).await?)
}

/// Accepts an invitation, or chooses a new password by a link, and signs in. Whoever has a second step is asked for it
/// besides: the link alone came by mail.
///
/// # Errors
/// 400 for what is not acceptable, 403 where passwords are not allowed, 409 when the link was used or is too old.
pub async fn accept(state: &AppState, token: &str, who: Introduction, device: Device) -> Result<SignedIn, ApiError> {
    let mut problems = Problems::default();
    let who = who.checked(&mut problems);
    problems.check()?;
    let hash = one_time(token).ok_or_else(link_used)?;
    let password = state.passwords.hash(&who.password, &*state.clock).await?;
    let now = state.clock.now();
    let audit_id = AuditId::new(state.clock.uuid_v7());
    let letter_id = DeliveryId::new(state.clock.uuid_v7());
    let (store, begun) = (state.store.clone(), state.token());
    let unit = async move |tx: &mut Tx<'_>| {
        let mut user = taken(tx, &hash, now).await?;
        if user.role != Role::Admin && !provider::passwords_allowed(tx, &store).await? {
            return Err(passwords_off());
        }
        let was_active = user.standing == Standing::Active;
        introduce(tx, &mut user, &who, now).await?;
        users::set_password(tx, user.id, &password, now).await?;
        sessions::delete_of(tx, user.id).await?;
        login_steps::delete_of(tx, user.id).await?;
        let signed_in = enter(tx, &store, (user.id, Shown::One), (&begun, &device), now).await?;
        let action = if was_active {
            "user.password_changed"
        } else {
            "user.invitation_accepted"
        };
        note(tx, (audit_id, action), &user, &device, now).await?;
        if was_active {
            tell(tx, &store, (letter_id, &user), &Notice::PasswordChanged.into(), now).await?;
        }
        Ok(signed_in)
    };
    state.store.db.write(unit).await
}

/// Makes a link with which somebody accepts their invitation, or chooses a new password, and puts it on its way by mail
/// where mail can be sent. The link is returned: whoever makes it may hand it over as well.
///
/// # Errors
/// 404 when there is no such person, 409 when they are disabled.
pub async fn invite(state: &AppState, caller: &Caller, id: UserId) -> Result<Invitation, ApiError> {
    let change = Change::new(state, caller);
    let token = state.token();
    let url = state.link(&format!("/invite/{token}"));
    let message_id = DeliveryId::new(state.clock.uuid_v7());
    let (store, link, maker) = (state.store.clone(), url.clone(), caller.actor().name().to_owned());
    let expires_at = change.now.saturating_add(INVITATION_LASTS).unwrap_or(change.now);
    let unit = async move |tx: &mut Tx<'_>| {
        let user = users::get(tx, id).await?.ok_or_else(|| ApiError::not_found("user"))?;
        let (purpose, letter) = match user.standing {
            Standing::Invited => (LinkPurpose::Invite, Letter::Invitation(link.clone())),
            Standing::Active => (LinkPurpose::Reset, Letter::PasswordLink(link.clone())),
            Standing::Disabled => return Err(ApiError::conflict("the account is disabled; enable it first")),
        };
        let (now, hash) = (change.now, token_hash(&token));
        sessions::insert_link(tx, &hash, purpose, Some(id), now, expires_at).await?;
        sessions::name_maker(tx, &hash, &maker).await?;
        let by_mail = tell(tx, &store, (message_id, &user), &letter, now).await?;
        change
            .record(tx, "link_made", object(&user.name, &id), json!({}))
            .await?;
        Ok(by_mail)
    };
    let by_mail = state.store.db.write(unit).await?;
    Ok(Invitation {
        url,
        by_mail,
        expires_at,
    })
}

const fn object<'a>(name: &'a str, id: &'a UserId) -> Object<'a> {
    Object { kind: "user", id, name }
}

/// A link that was made for somebody.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Invitation {
    /// The link. It works once.
    pub url: String,
    /// It is on its way by mail.
    pub by_mail: bool,
    /// Until when it works.
    pub expires_at: jiff::Timestamp,
}

/// Makes every link that somebody was sent invalid. They stay: only an administrator's next invitation lets them in.
///
/// # Errors
/// 404 when there is no such person, 409 when there is no link that works.
pub async fn take_back(state: &AppState, caller: &Caller, id: UserId) -> Result<(), ApiError> {
    let change = Change::new(state, caller);
    let unit = async move |tx: &mut Tx<'_>| {
        let user = users::get(tx, id).await?.ok_or_else(|| ApiError::not_found("user"))?;
        if sessions::delete_links_of(tx, id).await? == 0 {
            return Err(ApiError::conflict("there is no link that works"));
        }
        change
            .record(tx, "link_taken_back", object(&user.name, &id), json!({}))
            .await?;
        Ok(())
    };
    state.store.db.write(unit).await
}
