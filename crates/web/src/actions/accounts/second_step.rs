//! The second step: an app that makes codes, and recovery codes for when it is lost. Setting it up, asking for it,
//! switching it off. Which code is right is `auth::totp`'s to say.

use opsknight_domain::id::{AuditId, DeliveryId, UserId};
use opsknight_store::{
    db::Tx,
    login_steps::{self, StepPurpose},
    second_factor::{self, SecondFactor},
    secret::{Secret, token_hash},
    users::{self, UserRow},
};
use serde_json::json;

use super::{
    Device, Notice, Shown, SignedIn, enter,
    letters::{By, codes_left},
    note_with, one_time, tell, too_late, try_address,
};
use crate::{
    api::{
        access::{Caller, Who},
        change::{Change, Object},
        error::ApiError,
    },
    auth::totp,
    state::AppState,
};

/// How many recovery codes there are.
pub const CODES: usize = 10;
/// Most tries that one sign-in has for its second step.
const TRIES_MAX: i64 = 10;

async fn found(tx: &mut Tx<'_>, id: UserId) -> Result<UserRow, ApiError> {
    users::get(tx, id).await?.ok_or_else(|| ApiError::not_found("user"))
}

const fn object<'a>(name: &'a str, id: &'a UserId) -> Object<'a> {
    Object { kind: "user", id, name }
}

fn already_on() -> ApiError {
    ApiError::conflict("two-step sign-in is on already")
}

/// Makes a secret for an app, which counts once a code has confirmed it.
///
/// # Errors
/// 409 when one counts already.
pub async fn begin(state: &AppState, user: UserId) -> Result<(), ApiError> {
    let mut bytes = [0; totp::SECRET_BYTES];
    state.clock.fill(&mut bytes);
    let secret = Secret::new(totp::text(bytes));
    let (store, now) = (state.store.clone(), state.clock.now());
    let unit = async move |tx: &mut Tx<'_>| second_factor::begin(tx, &store.sealer, user, &secret, now).await;
    match state.store.db.write(unit).await? {
        true => Ok(()),
        false => Err(already_on()),
    }
}

/// The secret that waits for its first code.
///
/// # Errors
/// When the database cannot answer.
pub async fn pending(state: &AppState, user: UserId) -> Result<Option<Secret>, ApiError> {
    let store = state.store.clone();
    let unit = async move |tx: &mut Tx<'_>| second_factor::get(tx, &store.sealer, user).await;
    let factor = state.store.db.read(unit).await?;
    Ok(factor
        .filter(|factor| factor.confirmed_at.is_none())
        .map(|factor| factor.secret))
}

fn new_codes(state: &AppState) -> Vec<String> {
    let code = |_| {
        let mut bytes = [0; totp::RECOVERY_BYTES];
        state.clock.fill(&mut bytes);
        totp::recovery_code(bytes)
    };
    (0..CODES).map(code).collect()
}

fn hashes(codes: &[String]) -> Vec<String> {
    codes.iter().map(|code| token_hash(&totp::plain(code))).collect()
}

/// Has an app count, once it has shown a right code. The recovery codes are returned: they are shown once.
///
/// # Errors
/// 400 for a wrong code, 409 when nothing waits for one, 429 after too many tries.
pub async fn confirm(state: &AppState, caller: &Caller, user: UserId, code: &str) -> Result<Vec<String>, ApiError> {
    let change = Change::new(state, caller);
    state.throttles.second.take(&user.to_string(), change.now).await?;
    let codes = new_codes(state);
    let (hashes, code) = (hashes(&codes), code.to_owned());
    let (store, letter) = (state.store.clone(), DeliveryId::new(state.clock.uuid_v7()));
    let unit = async move |tx: &mut Tx<'_>| {
        let factor = second_factor::get(tx, &store.sealer, user).await?;
        let factor = factor.ok_or_else(|| ApiError::conflict("begin setting it up first"))?;
        if factor.confirmed_at.is_some() {
            return Err(already_on());
        }
        let step = totp::accepted(&factor.secret, &code, factor.last_step, change.now);
        let step = step.ok_or_else(|| ApiError::invalid("code", "is not the code that the app shows now"))?;
        second_factor::use_step(tx, user, step).await?;
        second_factor::confirm(tx, user, change.now).await?;
        second_factor::replace_codes(tx, user, &hashes).await?;
        let row = found(tx, user).await?;
        tell(tx, &store, (letter, &row), &Notice::SecondStepOn.into(), change.now).await?;
        change
            .record(tx, "second_step_on", object(&row.name, &user), json!({}))
            .await?;
        Ok(())
    };
    state.store.db.write(unit).await?;
    state.throttles.second.forgive(&user.to_string()).await;
    Ok(codes)
}

/// Whether this code is good now; it is used up then. Of two who bring it at once, one gets it.
async fn uses(
    tx: &mut Tx<'_>,
    factor: &SecondFactor,
    user: UserId,
    code: &str,
    now: jiff::Timestamp,
) -> Result<bool, ApiError> {
    match totp::accepted(&factor.secret, code, factor.last_step, now) {
        Some(step) => Ok(second_factor::use_step(tx, user, step).await?),
        None => Ok(second_factor::use_code(tx, user, &token_hash(&totp::plain(code))).await?),
    }
}

/// How signing in was finished.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finished {
    /// The token of the session.
    pub token: String,
    /// What to say, where a recovery code was used.
    pub note: Option<String>,
}

enum Outcome {
    Right(Finished),
    Wrong,
}

/// Finishes signing in with a code of the app, or with a recovery code.
///
/// # Errors
/// 400 for a wrong code, 409 when it took too long or there were too many tries, 429 likewise.
pub async fn finish(state: &AppState, token: &str, code: &str, device: Device) -> Result<Finished, ApiError> {
    let now = state.clock.now();
    try_address(state, &device, now).await?;
    let hash = one_time(token).ok_or_else(too_late)?;
    let key = hash.clone();
    let store = state.store.clone();
    let unit =
        async move |tx: &mut Tx<'_>| login_steps::peek(tx, &store.sealer, (&key, StepPurpose::Second), now).await;
    let step = state.store.db.read(unit).await?;
    let user = step.and_then(|step| step.user).ok_or_else(too_late)?;
    state.throttles.second.take(&user.to_string(), now).await?;
    let (store, begun, code) = (state.store.clone(), state.token(), code.to_owned());
    let (audit_id, letter) = (
        AuditId::new(state.clock.uuid_v7()),
        DeliveryId::new(state.clock.uuid_v7()),
    );
    let unit = async move |tx: &mut Tx<'_>| {
        let step = login_steps::peek(tx, &store.sealer, (&hash, StepPurpose::Second), now).await?;
        let step = step.filter(|step| step.tries < TRIES_MAX).ok_or_else(too_late)?;
        let row = found(tx, step.user.ok_or_else(too_late)?)
            .await
            .map_err(|_| too_late())?;
        if row.standing == opsknight_domain::directory::Standing::Disabled {
            return Err(too_late());
        }
        // It may have been switched off meanwhile, by somebody who could: then the password is enough.
        let factor = second_factor::get(tx, &store.sealer, user).await?;
        let factor = factor.filter(|factor| factor.confirmed_at.is_some());
        let before = second_factor::standing(tx, user).await?;
        if let Some(factor) = &factor
            && !uses(tx, factor, user, &code, now).await?
        {
            login_steps::count_try(tx, &hash).await?;
            return Ok(Outcome::Wrong);
        }
        login_steps::take(tx, &store.sealer, (&hash, StepPurpose::Second), now).await?;
        let after = second_factor::standing(tx, user)
            .await?
            .map(|standing| standing.codes_left);
        let used = before.zip(after).filter(|(before, after)| *after < before.codes_left);
        if let Some((_, left)) = used {
            tell(tx, &store, (letter, &row), &Notice::CodeUsed(left).into(), now).await?;
            let line = (
                audit_id,
                "user.recovery_code_used",
                json!({ "left": { "from": left + 1, "to": left } }),
            );
            note_with(tx, line, &row, &device, now).await?;
        }
        enter(tx, &store, (user, Shown::Enough), (&begun, &device), now).await?;
        let note = used.map(|(_, left)| format!("You used a recovery code. {}", codes_left(left)));
        Ok(Outcome::Right(Finished {
            token: begun.clone(),
            note,
        }))
    };
    match state.store.db.write(unit).await? {
        Outcome::Right(finished) => {
            state.throttles.second.forgive(&user.to_string()).await;
            Ok(finished)
        }
        Outcome::Wrong => Err(ApiError::invalid("code", "is not right, or was used already")),
    }
}

/// Whether the way to the second step still leads anywhere.
///
/// # Errors
/// When the database cannot answer.
pub async fn is_waiting(state: &AppState, token: &str) -> Result<bool, ApiError> {
    let Some(hash) = one_time(token) else { return Ok(false) };
    let (store, now) = (state.store.clone(), state.clock.now());
    let unit =
        async move |tx: &mut Tx<'_>| login_steps::peek(tx, &store.sealer, (&hash, StepPurpose::Second), now).await;
    Ok(state
        .store
        .db
        .read(unit)
        .await?
        .is_some_and(|step| step.tries < TRIES_MAX))
}

/// Checks that it is really the owner who asks, by their password or a code.
async fn prove(state: &AppState, user: UserId, proof: &str) -> Result<(), ApiError> {
    let now = state.clock.now();
    state.throttles.second.take(&user.to_string(), now).await?;
    let unit = async move |tx: &mut Tx<'_>| users::password(tx, user).await;
    let stored = state.store.db.read(unit).await?;
    if state.passwords.verify(stored, proof).await? {
        state.throttles.second.forgive(&user.to_string()).await;
        return Ok(());
    }
    let (store, code) = (state.store.clone(), proof.to_owned());
    let unit = async move |tx: &mut Tx<'_>| match second_factor::get(tx, &store.sealer, user).await? {
        Some(factor) if factor.confirmed_at.is_some() => uses(tx, &factor, user, &code, now).await,
        _ => Ok(false),
    };
    match state.store.db.write(unit).await? {
        true => {
            state.throttles.second.forgive(&user.to_string()).await;
            Ok(())
        }
        false => Err(ApiError::invalid(
            "proof",
            "is neither your password nor a code that works now",
        )),
    }
}

/// Makes new recovery codes, which are returned; the earlier ones work no more.
///
/// # Errors
/// 400 without a password or code that is right, 409 when two-step sign-in is off.
pub async fn renew_codes(
    state: &AppState,
    caller: &Caller,
    user: UserId,
    proof: &str,
) -> Result<Vec<String>, ApiError> {
    prove(state, user, proof).await?;
    let change = Change::new(state, caller);
    let codes = new_codes(state);
    let hashes = hashes(&codes);
    let (store, letter) = (state.store.clone(), DeliveryId::new(state.clock.uuid_v7()));
    let unit = async move |tx: &mut Tx<'_>| {
        if second_factor::standing(tx, user).await?.is_none() {
            return Err(ApiError::conflict("two-step sign-in is off"));
        }
        second_factor::replace_codes(tx, user, &hashes).await?;
        let row = found(tx, user).await?;
        tell(tx, &store, (letter, &row), &Notice::CodesRenewed.into(), change.now).await?;
        change
            .record(tx, "recovery_codes_made", object(&row.name, &user), json!({}))
            .await?;
        Ok(())
    };
    state.store.db.write(unit).await?;
    Ok(codes)
}

/// Switches one's own second step off.
///
/// # Errors
/// 400 without a password or code that is right, 409 when it is off already.
pub async fn switch_off(state: &AppState, caller: &Caller, user: UserId, proof: &str) -> Result<(), ApiError> {
    prove(state, user, proof).await?;
    remove(state, caller, user, "second_step_off", By::Themselves).await
}

/// Switches somebody else's second step off, who has lost their app and their codes.
///
/// # Errors
/// 404 when there is no such person, 409 when it is off, or when it is the caller's own: that asks for a proof.
pub async fn reset(state: &AppState, caller: &Caller, user: UserId) -> Result<(), ApiError> {
    if matches!(&caller.who, Who::Person(person) if person.id == user) {
        return Err(ApiError::conflict(
            "switch off your own on your security page, with your password or a code",
        ));
    }
    let by = By::Other(caller.actor().name().to_owned());
    remove(state, caller, user, "second_step_reset", by).await
}

async fn remove(state: &AppState, caller: &Caller, user: UserId, what: &'static str, by: By) -> Result<(), ApiError> {
    let change = Change::new(state, caller);
    let (store, letter) = (state.store.clone(), DeliveryId::new(state.clock.uuid_v7()));
    let unit = async move |tx: &mut Tx<'_>| {
        let row = found(tx, user).await?;
        if !second_factor::delete(tx, user).await? {
            return Err(ApiError::conflict("two-step sign-in is off already"));
        }
        let words = Notice::SecondStepOff(by.clone()).into();
        tell(tx, &store, (letter, &row), &words, change.now).await?;
        change.record(tx, what, object(&row.name, &user), json!({})).await?;
        Ok(())
    };
    state.store.db.write(unit).await
}

/// Signing in by an app's code leads to the same place as everything else.
impl From<Finished> for SignedIn {
    fn from(finished: Finished) -> Self {
        Self::Done(finished.token)
    }
}
