//! Signing in and out, setting up, accepting an invitation, choosing a password.

use std::net::IpAddr;

use jiff::{SignedDuration, Timestamp};
use opsknight_domain::{
    directory::{Channel, Role, Standing},
    id::{AuditId, DeliveryId, UserId},
    incident::Actor,
};
use opsknight_store::{
    audit::{self, AuditLine},
    db::Tx,
    deliveries::{self, AccountMessage, AccountText},
    secret::token_hash,
    sessions::{self, LinkPurpose, SessionRow},
    users::{self, UserRow},
};
use serde_json::json;

use crate::{
    api::{
        access::Caller,
        change::{Change, Object},
        check,
        error::{ApiError, Problems},
    },
    auth::password_problem,
    state::AppState,
};

/// How long an invitation can be accepted.
pub const INVITATION_LASTS: SignedDuration = SignedDuration::from_hours(7 * 24);
/// Longest browser name that is kept, in characters.
const AGENT_CHARS_MAX: usize = 300;
/// Longest one-time token that is looked at, in bytes.
const TOKEN_BYTES_MAX: usize = 200;

/// Where a session begins.
#[derive(Debug, Clone, Default)]
pub struct Device {
    /// The client's address.
    pub ip: Option<IpAddr>,
    /// What the browser calls itself.
    pub agent: Option<String>,
}

/// Checks a mail address and a password and begins a session, whose token is returned. Nobody learns which of the two
/// was wrong, neither from the words nor from the time it takes.
///
/// # Errors
/// 401 when they do not belong together, 429 after too many tries.
pub async fn sign_in(state: &AppState, email: &str, password: &str, device: Device) -> Result<String, ApiError> {
    let now = state.clock.now();
    let account = email.trim().to_lowercase();
    if let Some(ip) = device.ip {
        state.throttles.address.take(&ip.to_string(), now)?;
    }
    let known_form = !account.is_empty() && account.len() <= check::EMAIL_BYTES_MAX;
    if known_form {
        state.throttles.account.take(&account, now)?;
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
    state.throttles.account.forgive(&account);
    begin(state, user.id, device, now).await
}

async fn begin(state: &AppState, user: UserId, device: Device, now: Timestamp) -> Result<String, ApiError> {
    let token = state.token();
    let session = session(&token, user, device, now);
    let unit = async move |tx: &mut Tx<'_>| sessions::insert(tx, &session).await;
    state.store.db.write(unit).await?;
    Ok(token)
}

fn session(token: &str, user: UserId, device: Device, now: Timestamp) -> SessionRow {
    let agent = device.agent.map(|agent| agent.chars().take(AGENT_CHARS_MAX).collect());
    SessionRow::new(token_hash(token), user, device.ip.map(|ip| ip.to_string()), agent, now)
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
        let zone = check::time_zone(problems, "timeZone", &self.time_zone);
        Self {
            name: check::name(problems, "name", &self.name),
            password: self.password,
            time_zone: zone.iana_name().unwrap_or("UTC").to_owned(),
        }
    }
}

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
    let session = session(&begun, user.id, device.clone(), now);
    let unit = async move |tx: &mut Tx<'_>| {
        let taken = sessions::take_link(tx, &hash, LinkPurpose::Setup, now).await?;
        if taken.is_none() || users::any(tx).await? {
            return Err(link_used());
        }
        users::insert(tx, &user).await?;
        users::set_password(tx, user.id, &password, now).await?;
        sessions::insert(tx, &session).await?;
        let line = line(audit_id, &user, "user.created", &device, now);
        audit::record(tx, &line.of(&actor(&user))).await?;
        Ok(())
    };
    state.store.db.write(unit).await?;
    Ok(begun)
}

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

/// Accepts an invitation, or chooses a new password by a link, and signs in; the token of the session is returned.
///
/// # Errors
/// 400 for what is not acceptable, 409 when the link was used or is too old.
pub async fn accept(state: &AppState, token: &str, who: Introduction, device: Device) -> Result<String, ApiError> {
    let mut problems = Problems::default();
    let who = who.checked(&mut problems);
    problems.check()?;
    let hash = one_time(token).ok_or_else(link_used)?;
    let password = state.passwords.hash(&who.password, &*state.clock).await?;
    let now = state.clock.now();
    let audit_id = AuditId::new(state.clock.uuid_v7());
    let begun = state.token();
    let opened = begun.clone();
    let unit = async move |tx: &mut Tx<'_>| {
        let mut taken = sessions::take_link(tx, &hash, LinkPurpose::Invite, now).await?;
        if taken.is_none() {
            taken = sessions::take_link(tx, &hash, LinkPurpose::Reset, now).await?;
        }
        let id = taken.flatten().ok_or_else(link_used)?;
        let found = users::get(tx, id).await?;
        let mut user = found
            .filter(|user| user.standing != Standing::Disabled)
            .ok_or_else(link_used)?;
        user.name.clone_from(&who.name);
        user.time_zone.clone_from(&who.time_zone);
        user.updated_at = now;
        users::update(tx, &user).await?;
        users::set_password(tx, id, &password, now).await?;
        sessions::delete_of(tx, id).await?;
        sessions::insert(tx, &session(&opened, id, device.clone(), now)).await?;
        let line = line(audit_id, &user, "user.invitation_accepted", &device, now);
        audit::record(tx, &line.of(&actor(&user))).await?;
        Ok::<_, ApiError>(())
    };
    state.store.db.write(unit).await?;
    Ok(begun)
}

/// Changes one's own password. Everybody who is signed in elsewhere as this person is signed out.
///
/// # Errors
/// 400 when the present password is wrong or the new one is not acceptable, 429 after too many tries.
pub async fn change_password(
    state: &AppState,
    user: UserId,
    present: &str,
    new: &str,
    kept_session: Option<&str>,
) -> Result<(), ApiError> {
    let now = state.clock.now();
    state.throttles.account.take(&user.to_string(), now)?;
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
    state.throttles.account.forgive(&user.to_string());
    let hash = state.passwords.hash(new, &*state.clock).await?;
    let kept = kept_session.map(token_hash).unwrap_or_default();
    let unit = async move |tx: &mut Tx<'_>| {
        users::set_password(tx, user, &hash, now).await?;
        sessions::delete_others(tx, user, &kept).await?;
        Ok::<_, ApiError>(())
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
    let store = state.store.clone();
    let link = url.clone();
    let unit = async move |tx: &mut Tx<'_>| {
        let user = users::get(tx, id).await?.ok_or_else(|| ApiError::not_found("user"))?;
        let purpose = match user.standing {
            Standing::Invited => LinkPurpose::Invite,
            Standing::Active => LinkPurpose::Reset,
            Standing::Disabled => return Err(ApiError::conflict("the account is disabled; enable it first")),
        };
        let now = change.now;
        let expires = now.saturating_add(INVITATION_LASTS).unwrap_or(now);
        sessions::insert_link(tx, &token_hash(&token), purpose, Some(id), now, expires).await?;
        let picture = store.pictures.current(tx, now).await?;
        let by_mail = picture.directory.channels.contains(&Channel::Email);
        if by_mail {
            let message = letter(message_id, &user, purpose, &link);
            deliveries::send_account_message(tx, &store.sealer, &message, now).await?;
        }
        let object = Object {
            kind: "user",
            id: &id,
            name: &user.name,
        };
        change.record(tx, "link_made", object, json!({})).await?;
        Ok(by_mail)
    };
    let by_mail = state.store.db.write(unit).await?;
    Ok(Invitation { url, by_mail })
}

/// A link that was made for somebody.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Invitation {
    /// The link. It works once.
    pub url: String,
    /// It is on its way by mail.
    pub by_mail: bool,
}

fn letter(id: DeliveryId, user: &UserRow, purpose: LinkPurpose, link: &str) -> AccountMessage {
    let (subject, first, reason) = match purpose {
        LinkPurpose::Reset => (
            "Choose a new OpsKnight password",
            "Choose a new password here. Everywhere you are signed in now, you are signed out then.",
            "password link",
        ),
        LinkPurpose::Invite | LinkPurpose::Setup => (
            "You are invited to OpsKnight",
            "You are invited to OpsKnight, where alerts become incidents and whoever is on call is paged. Accept here \
             and choose a password.",
            "invitation",
        ),
    };
    AccountMessage {
        id,
        user: user.id,
        channel: Channel::Email,
        address: user.email.clone(),
        text: AccountText {
            subject: subject.to_owned(),
            text: format!(
                "Hello {},\n\n{first}\n\n{link}\n\nThe link works once, for seven days.",
                user.name
            ),
        },
        reason: reason.to_owned(),
    }
}

/// Signs somebody out on one device, which is named by the beginning of its token's hash.
///
/// # Errors
/// 404 when they have no such session.
pub async fn end_session(state: &AppState, user: UserId, name: &str) -> Result<(), ApiError> {
    let now = state.clock.now();
    let name = name.to_owned();
    let unit = async move |tx: &mut Tx<'_>| {
        let all = sessions::of_user(tx, user, now).await?;
        let session = all.iter().find(|session| session_name(&session.token_hash) == name);
        let session = session.ok_or_else(|| ApiError::not_found("session"))?;
        sessions::delete(tx, &session.token_hash).await?;
        Ok(())
    };
    state.store.db.write(unit).await
}

/// What a session is called on pages: the beginning of its token's hash, from which no token can be made.
#[must_use]
pub fn session_name(token_hash: &str) -> &str {
    token_hash.get(..16).unwrap_or(token_hash)
}

fn one_time(token: &str) -> Option<String> {
    (!token.is_empty() && token.len() <= TOKEN_BYTES_MAX).then(|| token_hash(token))
}

fn link_used() -> ApiError {
    ApiError::conflict("this link was used already, or it is too old")
}

fn actor(user: &UserRow) -> Actor {
    Actor::User {
        id: user.id,
        name: user.name.clone(),
    }
}

/// A line of the audit log but for its actor.
struct Line<'a> {
    id: AuditId,
    user: &'a UserRow,
    action: &'static str,
    ip: Option<String>,
    now: Timestamp,
}

fn line<'a>(id: AuditId, user: &'a UserRow, action: &'static str, device: &Device, now: Timestamp) -> Line<'a> {
    Line {
        id,
        user,
        action,
        ip: device.ip.map(|ip| ip.to_string()),
        now,
    }
}

impl<'a> Line<'a> {
    fn of(self, actor: &'a Actor) -> AuditLine<'a> {
        AuditLine {
            id: self.id,
            at: self.now,
            actor,
            actor_id: None,
            ip: self.ip,
            action: self.action,
            object_kind: "user",
            object_id: self.user.id.to_string(),
            object_name: &self.user.name,
            changes: json!({}),
        }
    }
}
