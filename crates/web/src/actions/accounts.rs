//! Getting in: setting up, signing in with one step or two, invitations, passwords, passkeys, providers. Each has a
//! file; here is what they share.
//!
//! A session begins in one place, [`enter`], which also knows whether a second step is still asked for.

use std::net::IpAddr;

use jiff::{SignedDuration, Timestamp};
use opsknight_domain::{
    id::{AuditId, UserId},
    incident::Actor,
};
use opsknight_store::{
    Store,
    audit::{self, AuditLine},
    db::{DbError, Tx},
    login_steps::{self, StepPurpose},
    second_factor,
    secret::{Secret, token_hash},
    sessions::{self, SessionRow},
    users::UserRow,
};
use serde_json::{Value, json};

use crate::{
    api::{
        check,
        error::{ApiError, Problems},
    },
    auth::password_problem,
    state::AppState,
};

mod forgotten;
mod invitations;
mod letters;
pub mod passkeys;
pub mod provider;
pub mod second_step;
mod sessions_of;
mod setup;
mod sign_in;

pub(crate) use self::letters::{Letter, Notice, tell};
pub use self::{
    forgotten::{RESET_LASTS, forgot},
    invitations::{INVITATION_LASTS, Invitation, accept, invite, invited, take_back},
    sessions_of::{change_password, end_others, end_session, session_name},
    setup::{Setup, can_set_up, set_up},
    sign_in::{sign_in, sign_out},
};

/// Longest browser name that is kept, in characters.
const AGENT_CHARS_MAX: usize = 300;
/// Longest one-time token that is looked at, in bytes.
const TOKEN_BYTES_MAX: usize = 200;
/// How long the second step of signing in may take.
const SECOND_STEP_LASTS: SignedDuration = SignedDuration::from_mins(10);

/// Where a session begins.
#[derive(Debug, Clone, Default)]
pub struct Device {
    /// The client's address.
    pub ip: Option<IpAddr>,
    /// What the browser calls itself.
    pub agent: Option<String>,
    /// The token of the session that the browser had, which the new one takes the place of.
    pub replaces: Option<String>,
}

/// How far somebody has come who signs in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SignedIn {
    /// A session has begun; its token.
    Done(String),
    /// A code is asked for first; the token with which it is brought.
    Second(String),
}

/// By what somebody has shown who they are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Shown {
    /// Something that a code is asked for besides, where they have an app for that: a password, a link.
    One,
    /// Something that is enough: a code after the rest, a passkey that asks for a finger or a PIN, a provider.
    Enough,
}

/// Begins a session with this token, or the second step under it, where one is asked for.
pub(crate) async fn enter(
    tx: &mut Tx<'_>,
    store: &Store,
    (user, shown): (UserId, Shown),
    (token, device): (&str, &Device),
    now: Timestamp,
) -> Result<SignedIn, DbError> {
    if shown == Shown::One && second_factor::standing(tx, user).await?.is_some() {
        let ends = now.saturating_add(SECOND_STEP_LASTS).unwrap_or(now);
        let key = (&*token_hash(token), StepPurpose::Second);
        login_steps::insert(tx, &store.sealer, key, (Some(user), &Secret::new("")), (now, ends)).await?;
        return Ok(SignedIn::Second(token.to_owned()));
    }
    if let Some(replaced) = &device.replaces {
        sessions::delete(tx, &token_hash(replaced)).await?;
    }
    sessions::insert(tx, &session(token, user, device, now)).await?;
    Ok(SignedIn::Done(token.to_owned()))
}

fn session(token: &str, user: UserId, device: &Device, now: Timestamp) -> SessionRow {
    let agent = device.agent.as_ref();
    let agent = agent.map(|agent| agent.chars().take(AGENT_CHARS_MAX).collect());
    SessionRow::new(token_hash(token), user, device.ip.map(|ip| ip.to_string()), agent, now)
}

/// What somebody says of themselves who makes an account theirs.
#[derive(Debug, Clone)]
pub struct Introduction {
    /// Their name.
    pub name: String,
    /// Their password.
    pub password: String,
    /// The zone in which they read times: an IANA name.
    pub time_zone: String,
}

impl Introduction {
    /// The same as it may be stored; what is wrong goes into `problems`.
    fn checked(self, problems: &mut Problems) -> Self {
        if let Some(why) = password_problem(&self.password) {
            problems.add("password", why);
        }
        self.checked_but_for_password(problems)
    }

    /// The same for those who sign in by something else.
    fn checked_but_for_password(self, problems: &mut Problems) -> Self {
        let zone = check::time_zone(problems, "timeZone", &self.time_zone);
        Self {
            name: check::name(problems, "name", &self.name),
            password: self.password,
            time_zone: zone.iana_name().unwrap_or("UTC").to_owned(),
        }
    }
}

fn one_time(token: &str) -> Option<String> {
    (!token.is_empty() && token.len() <= TOKEN_BYTES_MAX).then(|| token_hash(token))
}

fn link_used() -> ApiError {
    ApiError::conflict("this link was used already, or it is too old")
}

/// What was begun is too old, or was finished before.
fn too_late() -> ApiError {
    ApiError::conflict("this took too long; sign in again")
}

/// Writes into the audit log what somebody did who was not signed in yet.
async fn note(
    tx: &mut Tx<'_>,
    (id, action): (AuditId, &'static str),
    user: &UserRow,
    device: &Device,
    now: Timestamp,
) -> Result<(), DbError> {
    note_with(tx, (id, action, json!({})), user, device, now).await
}

/// The same with what was changed.
async fn note_with(
    tx: &mut Tx<'_>,
    (id, action, changes): (AuditId, &'static str, Value),
    user: &UserRow,
    device: &Device,
    now: Timestamp,
) -> Result<(), DbError> {
    let actor = Actor::User {
        id: user.id,
        name: user.name.clone(),
    };
    let line = AuditLine {
        id,
        at: now,
        actor: &actor,
        actor_id: None,
        ip: device.ip.map(|ip| ip.to_string()),
        action,
        object_kind: "user",
        object_id: user.id.to_string(),
        object_name: &user.name,
        changes,
    };
    audit::record(tx, &line).await
}

/// Takes one try by the client's address, where that is known.
async fn try_address(state: &AppState, device: &Device, now: Timestamp) -> Result<(), ApiError> {
    match device.ip {
        Some(ip) => state.throttles.address.take_from(ip, now).await,
        None => Ok(()),
    }
}
