//! What a browser has begun and comes back to finish: the second step of signing in, a passkey, the way to a provider
//! and back. Several replicas may take turns, so it lies here and not in memory; only the hash of its token is stored,
//! and what must be kept secret is sealed.

use jiff::Timestamp;
use opsknight_domain::id::UserId;

use crate::{
    db::{DbError, Tx},
    seal::{Place, Sealer},
    secret::{Secret, open, seal},
};

/// What was begun.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum StepPurpose {
    /// The password was right; a code is still asked for.
    Second,
    /// A passkey is asked for.
    Passkey,
    /// A new passkey is made.
    NewPasskey,
    /// Somebody went to an OpenID provider.
    Provider,
}

impl StepPurpose {
    /// The stored word.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Second => "SECOND",
            Self::Passkey => "PASSKEY",
            Self::NewPasskey => "NEW_PASSKEY",
            Self::Provider => "PROVIDER",
        }
    }
}

/// Something that was begun.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LoginStep {
    /// By whom, where that is known.
    pub user: Option<UserId>,
    /// What is needed to finish it.
    pub state: Secret,
    /// How often it was tried to finish it.
    pub tries: i64,
}

const fn place(token_hash: &str) -> Place<'_> {
    Place {
        table: "login_step",
        column: "sealed",
        row: token_hash,
    }
}

/// Remembers what was begun, and until when it can be finished.
///
/// # Errors
/// When the database cannot take it.
pub async fn insert(
    tx: &mut Tx<'_>,
    sealer: &Sealer,
    (token_hash, purpose): (&str, StepPurpose),
    (user, state): (Option<UserId>, &Secret),
    (now, expires_at): (Timestamp, Timestamp),
) -> Result<(), DbError> {
    let sealed = seal(sealer, place(token_hash), state)?;
    let sql = "INSERT INTO login_step (token_hash, purpose, user_id, sealed, tries, created_at, expires_at) \
               VALUES ($1, $2, $3, $4, 0, $5, $6)";
    let params = [
        token_hash.into(),
        purpose.word().into(),
        user.into(),
        sealed.into(),
        now.into(),
        expires_at.into(),
    ];
    tx.execute(sql, &params).await?;
    Ok(())
}

/// What was begun under this token. It stays; [`take`] ends it.
///
/// # Errors
/// When the database cannot answer, or what is stored cannot be opened.
pub async fn peek(
    tx: &mut Tx<'_>,
    sealer: &Sealer,
    (token_hash, purpose): (&str, StepPurpose),
    now: Timestamp,
) -> Result<Option<LoginStep>, DbError> {
    let sql =
        "SELECT user_id, sealed, tries FROM login_step WHERE token_hash = $1 AND purpose = $2 AND expires_at > $3";
    let found = tx
        .query_opt(sql, &[token_hash.into(), purpose.word().into(), now.into()])
        .await?;
    let Some(mut row) = found else { return Ok(None) };
    let user = row.take()?;
    let state = open(sealer, place(token_hash), &row.take::<String>()?)?;
    let tries = row.take()?;
    Ok(Some(LoginStep { user, state, tries }))
}

/// The same, and it can be finished no more. Of two who try at once, one gets it.
///
/// # Errors
/// When the database cannot take it, or what is stored cannot be opened.
pub async fn take(
    tx: &mut Tx<'_>,
    sealer: &Sealer,
    (token_hash, purpose): (&str, StepPurpose),
    now: Timestamp,
) -> Result<Option<LoginStep>, DbError> {
    let sql = "DELETE FROM login_step WHERE token_hash = $1 AND purpose = $2 AND expires_at > $3 \
               RETURNING user_id, sealed, tries";
    let found = tx
        .query_opt(sql, &[token_hash.into(), purpose.word().into(), now.into()])
        .await?;
    let Some(mut row) = found else { return Ok(None) };
    let user = row.take()?;
    let state = open(sealer, place(token_hash), &row.take::<String>()?)?;
    let tries = row.take()?;
    Ok(Some(LoginStep { user, state, tries }))
}

/// Counts a try that failed.
///
/// # Errors
/// When the database cannot take it.
pub async fn count_try(tx: &mut Tx<'_>, token_hash: &str) -> Result<(), DbError> {
    let sql = "UPDATE login_step SET tries = tries + 1 WHERE token_hash = $1";
    tx.execute(sql, &[token_hash.into()]).await?;
    Ok(())
}

/// Ends everything that somebody has begun.
///
/// # Errors
/// When the database cannot take it.
pub async fn delete_of(tx: &mut Tx<'_>, user: UserId) -> Result<(), DbError> {
    tx.execute("DELETE FROM login_step WHERE user_id = $1", &[user.into()])
        .await?;
    Ok(())
}
