//! Passkeys of people: made, renamed, removed, and signed in with. A passkey asks for a finger or a PIN, so no code is
//! asked for after it.

use opsknight_domain::{
    directory::{Role, Standing},
    id::{AuditId, DeliveryId, UserId},
};
use opsknight_store::{
    db::Tx,
    login_steps::{self, StepPurpose},
    passkeys::{self, PasskeyRow},
    secret::{Secret, token_hash},
    sessions, users,
};
use serde_json::{Value, json};

use super::{
    Device, Introduction, Notice, Shown, SignedIn, enter,
    invitations::{introduce, taken},
    letters::By,
    link_used, note, one_time,
    sign_in::passwords_off,
    tell, too_late, try_address,
};
use crate::{
    api::{
        access::{Caller, Who},
        change::{Change, Object},
        check,
        error::{ApiError, Problems},
        settings::sign_in as provider,
    },
    auth::passkey::{Challenge, Passkeys},
    state::AppState,
};

/// Most passkeys that one person has.
pub const PASSKEYS_MAX: usize = 20;
/// Longest name of a passkey, in characters.
pub const PASSKEY_CHARS_MAX: usize = 60;
/// How long a browser may take to answer.
const CEREMONY_LASTS: jiff::SignedDuration = jiff::SignedDuration::from_mins(10);

/// What a browser is asked for, and the token with which it answers.
#[derive(Debug, Clone, PartialEq)]
pub struct Begun {
    /// What it is asked for.
    pub ask: Value,
    /// Its token.
    pub token: String,
}

const fn object<'a>(name: &'a str, id: &'a UserId) -> Object<'a> {
    Object { kind: "user", id, name }
}

fn checked_name(name: &str) -> Result<String, ApiError> {
    let mut problems = Problems::default();
    let name = check::name(&mut problems, "name", name);
    if name.chars().count() > PASSKEY_CHARS_MAX {
        problems.add("name", format!("must have at most {PASSKEY_CHARS_MAX} characters"));
    }
    problems.check()?;
    Ok(name)
}

/// Keeps what a browser was asked for until it answers.
async fn keep(
    state: &AppState,
    purpose: StepPurpose,
    user: Option<UserId>,
    challenge: Challenge,
) -> Result<Begun, ApiError> {
    let (token, now) = (state.token(), state.clock.now());
    let ends = now.saturating_add(CEREMONY_LASTS).unwrap_or(now);
    let (store, hash, kept) = (state.store.clone(), token_hash(&token), Secret::new(challenge.state));
    let unit = async move |tx: &mut Tx<'_>| {
        login_steps::insert(tx, &store.sealer, (&hash, purpose), (user, &kept), (now, ends)).await
    };
    state.store.db.write(unit).await?;
    Ok(Begun {
        ask: challenge.ask,
        token,
    })
}

/// What was kept under this token, once.
async fn kept(state: &AppState, purpose: StepPurpose, token: &str) -> Result<login_steps::LoginStep, ApiError> {
    let hash = one_time(token).ok_or_else(too_late)?;
    let (store, now) = (state.store.clone(), state.clock.now());
    let unit = async move |tx: &mut Tx<'_>| login_steps::take(tx, &store.sealer, (&hash, purpose), now).await;
    state.store.db.write(unit).await?.ok_or_else(too_late)
}

/// Begins to make a passkey for somebody.
///
/// # Errors
/// 409 when there can be none here, or they have as many as there may be.
pub async fn begin_making(state: &AppState, user: UserId) -> Result<Begun, ApiError> {
    let unit = async move |tx: &mut Tx<'_>| {
        let row = users::get(tx, user).await?.ok_or_else(|| ApiError::not_found("user"))?;
        Ok::<_, ApiError>((row, passkeys::of_user(tx, user).await?))
    };
    let (row, known) = state.store.db.read(unit).await?;
    if known.len() >= PASSKEYS_MAX {
        return Err(too_many());
    }
    let known: Vec<String> = known.into_iter().map(|passkey| passkey.credential).collect();
    let challenge = state.passkeys.begin_making(user, (&row.email, &row.name), &known)?;
    keep(state, StepPurpose::NewPasskey, Some(user), challenge).await
}

fn too_many() -> ApiError {
    ApiError::conflict(format!(
        "nobody has more than {PASSKEYS_MAX} passkeys; remove one first"
    ))
}

/// Keeps a passkey that a browser has made, under a name.
///
/// # Errors
/// 400 for what is not acceptable, 409 when it took too long or the passkey is known already.
pub async fn finish_making(
    state: &AppState,
    caller: &Caller,
    user: UserId,
    (token, name, answer): (&str, &str, Value),
) -> Result<(), ApiError> {
    let name = checked_name(name)?;
    let step = kept(state, StepPurpose::NewPasskey, token).await?;
    if step.user != Some(user) {
        return Err(too_late());
    }
    let made = state.passkeys.finish_making(step.state.expose(), answer)?;
    let change = Change::new(state, caller);
    let (store, letter) = (state.store.clone(), DeliveryId::new(state.clock.uuid_v7()));
    let unit = async move |tx: &mut Tx<'_>| {
        let row = users::get(tx, user).await?.ok_or_else(|| ApiError::not_found("user"))?;
        let passkey = PasskeyRow {
            id: made.id.clone(),
            user,
            name: name.clone(),
            credential: made.document.clone(),
            created_at: change.now,
            last_used_at: None,
        };
        add(tx, &passkey).await?;
        tell(
            tx,
            &store,
            (letter, &row),
            &Notice::PasskeyAdded(name.clone()).into(),
            change.now,
        )
        .await?;
        let changes = json!({ "passkey": { "from": null, "to": name } });
        change
            .record(tx, "passkey_added", object(&row.name, &user), changes)
            .await?;
        Ok(())
    };
    state.store.db.write(unit).await
}

async fn add(tx: &mut Tx<'_>, passkey: &PasskeyRow) -> Result<(), ApiError> {
    if passkeys::of_user(tx, passkey.user).await?.len() >= PASSKEYS_MAX {
        return Err(too_many());
    }
    if !passkeys::insert(tx, passkey).await? {
        return Err(ApiError::conflict("this passkey is known already"));
    }
    Ok(())
}

/// Begins signing in with a passkey, whoever it is.
///
/// # Errors
/// 409 when there can be none here, 429 after too many tries.
pub async fn begin_signing_in(state: &AppState, device: &Device) -> Result<Begun, ApiError> {
    if let Some(ip) = device.ip {
        state.throttles.links.take_from(ip, state.clock.now()).await?;
    }
    keep(state, StepPurpose::Passkey, None, state.passkeys.begin_using()?).await
}

/// Signs in with a passkey. The token of the session is returned.
///
/// # Errors
/// 401 when it is nobody's or not believed, 403 where passkeys are not allowed, 409 when it took too long.
pub async fn sign_in(state: &AppState, token: &str, answer: Value, device: Device) -> Result<String, ApiError> {
    let now = state.clock.now();
    try_address(state, &device, now).await?;
    let step = kept(state, StepPurpose::Passkey, token).await?;
    let id = Passkeys::named(&answer).ok_or_else(ApiError::unauthorized)?;
    let unit = async move |tx: &mut Tx<'_>| passkeys::get(tx, &id).await;
    let passkey = state.store.db.read(unit).await?.ok_or_else(ApiError::unauthorized)?;
    let known = (passkey.user, passkey.credential.as_str());
    let used = state.passkeys.finish_using(step.state.expose(), answer, known)?;
    let (store, begun, user) = (state.store.clone(), state.token(), passkey.user);
    let unit = async move |tx: &mut Tx<'_>| {
        let row = users::get(tx, user).await?;
        let row = row
            .filter(|row| row.standing != Standing::Disabled)
            .ok_or_else(ApiError::unauthorized)?;
        if row.role != Role::Admin && !provider::passwords_allowed(tx, &store).await? {
            return Err(passwords_off());
        }
        passkeys::used(tx, &used.id, &used.document, now).await?;
        enter(tx, &store, (user, Shown::Enough), (&begun, &device), now).await?;
        Ok(begun.clone())
    };
    state.store.db.write(unit).await
}

/// Whether a link may give somebody a passkey. A passkey needs no code beside it, so a password link, which comes by mail
/// alone, must not lead round the second step of whoever has one.
fn is_new(user: &users::UserRow) -> bool {
    user.standing == Standing::Invited
}

/// Begins to make a passkey for whoever is invited by this link.
///
/// # Errors
/// 409 when the link does not work, or there can be none here.
pub async fn begin_accepting(state: &AppState, link: &str) -> Result<Begun, ApiError> {
    let user = super::invited(state, link)
        .await?
        .filter(is_new)
        .ok_or_else(link_used)?;
    begin_making(state, user.id).await
}

/// Accepts an invitation with a passkey in the place of a password, and signs in.
///
/// # Errors
/// 400 for what is not acceptable, 403 where passkeys are not allowed, 409 when the link was used or it took too long.
pub async fn accept(
    state: &AppState,
    (link, token): (&str, &str),
    (who, answer): (Introduction, Value),
    device: Device,
) -> Result<SignedIn, ApiError> {
    let mut problems = Problems::default();
    let who = who.checked_but_for_password(&mut problems);
    problems.check()?;
    let hash = one_time(link).ok_or_else(link_used)?;
    let step = kept(state, StepPurpose::NewPasskey, token).await?;
    let made = state.passkeys.finish_making(step.state.expose(), answer)?;
    let now = state.clock.now();
    let (store, begun, audit_id) = (state.store.clone(), state.token(), AuditId::new(state.clock.uuid_v7()));
    let unit = async move |tx: &mut Tx<'_>| {
        let mut user = taken(tx, &hash, now).await?;
        if step.user != Some(user.id) || !is_new(&user) {
            return Err(link_used());
        }
        if user.role != Role::Admin && !provider::passwords_allowed(tx, &store).await? {
            return Err(passwords_off());
        }
        introduce(tx, &mut user, &who, now).await?;
        let passkey = PasskeyRow {
            id: made.id.clone(),
            user: user.id,
            name: "First passkey".to_owned(),
            credential: made.document.clone(),
            created_at: now,
            last_used_at: Some(now),
        };
        add(tx, &passkey).await?;
        users::activate(tx, user.id, now).await?;
        sessions::delete_of(tx, user.id).await?;
        note(tx, (audit_id, "user.invitation_accepted"), &user, &device, now).await?;
        // The link came by mail, and a passkey that was made a moment ago proves nothing besides.
        Ok(enter(tx, &store, (user.id, Shown::One), (&begun, &device), now).await?)
    };
    state.store.db.write(unit).await
}

/// Calls somebody's passkey something else.
///
/// # Errors
/// 400 for what is no name, 404 when they have no such passkey.
pub async fn rename(state: &AppState, caller: &Caller, user: UserId, (id, name): (&str, &str)) -> Result<(), ApiError> {
    let name = checked_name(name)?;
    let (change, id) = (Change::new(state, caller), id.to_owned());
    let unit = async move |tx: &mut Tx<'_>| {
        let (row, passkey) = owned(tx, user, &id).await?;
        passkeys::rename(tx, user, &id, &name).await?;
        let changes = json!({ "passkey": { "from": passkey.name, "to": name } });
        change
            .record(tx, "passkey_renamed", object(&row.name, &user), changes)
            .await?;
        Ok(())
    };
    state.store.db.write(unit).await
}

async fn owned(tx: &mut Tx<'_>, user: UserId, id: &str) -> Result<(users::UserRow, PasskeyRow), ApiError> {
    let row = users::get(tx, user).await?.ok_or_else(|| ApiError::not_found("user"))?;
    let passkey = passkeys::get(tx, id).await?.filter(|passkey| passkey.user == user);
    Ok((row, passkey.ok_or_else(|| ApiError::not_found("passkey"))?))
}

/// Removes somebody's passkey. The last way in stays: without it only an administrator's link would help.
///
/// # Errors
/// 404 when they have no such passkey, 409 when it is their last way in and they remove it themselves.
pub async fn remove(state: &AppState, caller: &Caller, user: UserId, id: &str) -> Result<(), ApiError> {
    let themselves = matches!(&caller.who, Who::Person(person) if person.id == user);
    let by = if themselves {
        By::Themselves
    } else {
        By::Other(caller.actor().name().to_owned())
    };
    let (change, id) = (Change::new(state, caller), id.to_owned());
    let (store, letter) = (state.store.clone(), DeliveryId::new(state.clock.uuid_v7()));
    let unit = async move |tx: &mut Tx<'_>| {
        let (row, passkey) = owned(tx, user, &id).await?;
        passkeys::delete(tx, user, &id).await?;
        if themselves && !users::can_sign_in(tx, user).await? {
            return Err(ApiError::conflict(
                "this is your last way in: choose a password or add another passkey first",
            ));
        }
        let words = Notice::PasskeyRemoved(passkey.name.clone(), by.clone()).into();
        tell(tx, &store, (letter, &row), &words, change.now).await?;
        let changes = json!({ "passkey": { "from": passkey.name, "to": null } });
        change
            .record(tx, "passkey_removed", object(&row.name, &user), changes)
            .await?;
        Ok(())
    };
    state.store.db.write(unit).await
}
