//! Who is signed in, and the one-time links by which people get in. Only hashes of tokens are stored.

use jiff::{SignedDuration, Timestamp};
use opsknight_domain::id::UserId;

use crate::{
    db::{DbError, Row, Tx},
    users::{self, UserRow},
};

/// How long somebody stays signed in after they were last seen.
pub const SESSION_KEPT_FOR: SignedDuration = SignedDuration::from_hours(14 * 24);

/// How exactly it is kept when somebody was last seen. Every request would be a write.
const SEEN_EVERY: SignedDuration = SignedDuration::from_mins(1);

/// Somebody signed in on a device.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SessionRow {
    /// The SHA-256 of the token in the cookie.
    pub token_hash: String,
    /// Who.
    pub user: UserId,
    /// When they signed in.
    pub created_at: Timestamp,
    /// When they were last seen, to the minute.
    pub seen_at: Timestamp,
    /// When it ends, unless they are seen before.
    pub expires_at: Timestamp,
    /// From which address they signed in.
    pub ip: Option<String>,
    /// With which browser.
    pub agent: Option<String>,
}

impl SessionRow {
    /// A session that begins now.
    #[must_use]
    pub fn new(token_hash: String, user: UserId, ip: Option<String>, agent: Option<String>, now: Timestamp) -> Self {
        Self {
            token_hash,
            user,
            created_at: now,
            seen_at: now,
            expires_at: end(now),
            ip,
            agent,
        }
    }

    /// Whether seeing them now is worth [`touch`]ing it.
    #[must_use]
    pub fn wants_touch(&self, now: Timestamp) -> bool {
        now.duration_since(self.seen_at) >= SEEN_EVERY
    }
}

fn end(now: Timestamp) -> Timestamp {
    now.checked_add(SESSION_KEPT_FOR).unwrap_or(Timestamp::MAX)
}

const COLUMNS: &str = "token_hash, user_id, created_at, seen_at, expires_at, ip, agent";

fn read(mut row: Row) -> Result<SessionRow, DbError> {
    Ok(SessionRow {
        token_hash: row.take()?,
        user: row.take()?,
        created_at: row.take()?,
        seen_at: row.take()?,
        expires_at: row.take()?,
        ip: row.take()?,
        agent: row.take()?,
    })
}

/// Signs somebody in.
///
/// # Errors
/// When the database cannot take it.
pub async fn insert(tx: &mut Tx<'_>, session: &SessionRow) -> Result<(), DbError> {
    let sql = format!("INSERT INTO session ({COLUMNS}) VALUES ($1, $2, $3, $4, $5, $6, $7)");
    tx.execute(
        &sql,
        &[
            session.token_hash.as_str().into(),
            session.user.into(),
            session.created_at.into(),
            session.seen_at.into(),
            session.expires_at.into(),
            session.ip.as_deref().into(),
            session.agent.as_deref().into(),
        ],
    )
    .await?;
    Ok(())
}

/// The session with this token hash and its person, unless it has ended or the person is disabled or removed.
///
/// # Errors
/// When the database cannot answer.
pub async fn find(tx: &mut Tx<'_>, token_hash: &str, now: Timestamp) -> Result<Option<(SessionRow, UserRow)>, DbError> {
    let sql = format!("SELECT {COLUMNS} FROM session WHERE token_hash = $1 AND expires_at > $2");
    let Some(row) = tx.query_opt(&sql, &[token_hash.into(), now.into()]).await? else {
        return Ok(None);
    };
    let session = read(row)?;
    let user = users::get(tx, session.user).await?;
    let user = user.filter(|user| user.standing != opsknight_domain::directory::Standing::Disabled);
    Ok(user.map(|user| (session, user)))
}

/// Notes that somebody was seen, which puts off the end of their session.
///
/// # Errors
/// When the database cannot take it.
pub async fn touch(tx: &mut Tx<'_>, token_hash: &str, now: Timestamp) -> Result<(), DbError> {
    let sql = "UPDATE session SET seen_at = $2, expires_at = $3 WHERE token_hash = $1 AND seen_at < $2";
    tx.execute(sql, &[token_hash.into(), now.into(), end(now).into()])
        .await?;
    Ok(())
}

/// Signs one device out.
///
/// # Errors
/// When the database cannot take it.
pub async fn delete(tx: &mut Tx<'_>, token_hash: &str) -> Result<(), DbError> {
    tx.execute("DELETE FROM session WHERE token_hash = $1", &[token_hash.into()])
        .await?;
    Ok(())
}

/// Signs somebody out everywhere.
///
/// # Errors
/// When the database cannot take it.
pub async fn delete_of(tx: &mut Tx<'_>, user: UserId) -> Result<(), DbError> {
    tx.execute("DELETE FROM session WHERE user_id = $1", &[user.into()])
        .await?;
    Ok(())
}

/// Signs somebody out everywhere but here.
///
/// # Errors
/// When the database cannot take it.
pub async fn delete_others(tx: &mut Tx<'_>, user: UserId, token_hash: &str) -> Result<(), DbError> {
    let sql = "DELETE FROM session WHERE user_id = $1 AND token_hash <> $2";
    tx.execute(sql, &[user.into(), token_hash.into()]).await?;
    Ok(())
}

/// Where somebody is signed in, the last seen in front.
///
/// # Errors
/// When the database cannot answer.
pub async fn of_user(tx: &mut Tx<'_>, user: UserId, now: Timestamp) -> Result<Vec<SessionRow>, DbError> {
    let sql = format!(
        "SELECT {COLUMNS} FROM session WHERE user_id = $1 AND expires_at > $2 ORDER BY seen_at DESC, token_hash"
    );
    let rows = tx.query(&sql, &[user.into(), now.into()]).await?;
    rows.into_iter().map(read).collect()
}

/// Forgets sessions, one-time links and half-done sign-ins that have ended, and says how many there were.
///
/// # Errors
/// When the database cannot take it.
pub async fn sweep(tx: &mut Tx<'_>, now: Timestamp) -> Result<u64, DbError> {
    let sessions = tx
        .execute("DELETE FROM session WHERE expires_at <= $1", &[now.into()])
        .await?;
    let links = tx
        .execute("DELETE FROM login_token WHERE expires_at <= $1", &[now.into()])
        .await?;
    let steps = tx
        .execute("DELETE FROM login_step WHERE expires_at <= $1", &[now.into()])
        .await?;
    Ok(sessions + links + steps)
}

/// What a one-time link is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum LinkPurpose {
    /// Makes the first administrator.
    Setup,
    /// Accepts an invitation.
    Invite,
    /// Chooses a new password.
    Reset,
}

impl LinkPurpose {
    /// The stored word.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Setup => "SETUP",
            Self::Invite => "INVITE",
            Self::Reset => "RESET",
        }
    }
}

/// Makes a one-time link valid. Earlier ones for the same purpose and person are no longer.
///
/// # Errors
/// When the database cannot take it.
pub async fn insert_link(
    tx: &mut Tx<'_>,
    token_hash: &str,
    purpose: LinkPurpose,
    user: Option<UserId>,
    now: Timestamp,
    expires_at: Timestamp,
) -> Result<(), DbError> {
    let sql = "DELETE FROM login_token WHERE purpose = $1 AND user_id IS NOT DISTINCT FROM $2";
    tx.execute(sql, &[purpose.word().into(), user.into()]).await?;
    let sql = "INSERT INTO login_token (token_hash, purpose, user_id, created_at, expires_at) \
               VALUES ($1, $2, $3, $4, $5)";
    tx.execute(
        sql,
        &[
            token_hash.into(),
            purpose.word().into(),
            user.into(),
            now.into(),
            expires_at.into(),
        ],
    )
    .await?;
    Ok(())
}

/// Whose link this is, if it is valid: `Some(None)` for one that is nobody's. It stays valid; [`take_link`] uses it up.
///
/// # Errors
/// When the database cannot answer.
pub async fn peek_link(
    tx: &mut Tx<'_>,
    token_hash: &str,
    purpose: LinkPurpose,
    now: Timestamp,
) -> Result<Option<Option<UserId>>, DbError> {
    let sql = "SELECT user_id FROM login_token WHERE token_hash = $1 AND purpose = $2 AND expires_at > $3";
    let row = tx
        .query_opt(sql, &[token_hash.into(), purpose.word().into(), now.into()])
        .await?;
    row.map(|mut row| row.take()).transpose()
}

/// Uses a one-time link up and says whose it was, as [`peek_link`]. Of two who try at once, one succeeds.
///
/// # Errors
/// When the database cannot take it.
pub async fn take_link(
    tx: &mut Tx<'_>,
    token_hash: &str,
    purpose: LinkPurpose,
    now: Timestamp,
) -> Result<Option<Option<UserId>>, DbError> {
    let sql = "DELETE FROM login_token WHERE token_hash = $1 AND purpose = $2 AND expires_at > $3 RETURNING user_id";
    let row = tx
        .query_opt(sql, &[token_hash.into(), purpose.word().into(), now.into()])
        .await?;
    row.map(|mut row| row.take()).transpose()
}

/// Notes who made a one-time link.
///
/// # Errors
/// When the database cannot take it.
pub async fn name_maker(tx: &mut Tx<'_>, token_hash: &str, made_by: &str) -> Result<(), DbError> {
    let sql = "UPDATE login_token SET made_by = $2 WHERE token_hash = $1";
    tx.execute(sql, &[token_hash.into(), made_by.into()]).await?;
    Ok(())
}

/// An invitation that can still be accepted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InvitationRow {
    /// Who is invited.
    pub user: UserId,
    /// The name of who invited them; none: the command line did.
    pub made_by: Option<String>,
    /// When it was sent last.
    pub created_at: Timestamp,
    /// Until when it can be accepted.
    pub expires_at: Timestamp,
}

/// The invitations that can still be accepted, the first to end in front.
///
/// # Errors
/// When the database cannot answer.
pub async fn invitations(tx: &mut Tx<'_>, now: Timestamp) -> Result<Vec<InvitationRow>, DbError> {
    let sql = "SELECT user_id, made_by, created_at, expires_at FROM login_token \
               WHERE purpose = 'INVITE' AND user_id IS NOT NULL AND expires_at > $1 ORDER BY expires_at, token_hash";
    let rows = tx.query(sql, &[now.into()]).await?;
    let read = |mut row: Row| {
        Ok(InvitationRow {
            user: row.take()?,
            made_by: row.take()?,
            created_at: row.take()?,
            expires_at: row.take()?,
        })
    };
    rows.into_iter().map(read).collect()
}

/// Makes all of somebody's one-time links invalid, and says how many there were.
///
/// # Errors
/// When the database cannot take it.
pub async fn delete_links_of(tx: &mut Tx<'_>, user: UserId) -> Result<u64, DbError> {
    tx.execute("DELETE FROM login_token WHERE user_id = $1", &[user.into()])
        .await
}
