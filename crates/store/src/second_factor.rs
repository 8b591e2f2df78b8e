//! The app that makes somebody's codes, and the recovery codes for when it is lost. The app's secret is sealed; of
//! recovery codes only hashes are stored. Whether a code is right is not judged here.

use jiff::Timestamp;
use opsknight_domain::id::UserId;

use crate::{
    db::{DbError, Tx},
    seal::{Place, Sealer},
    secret::{Secret, open, seal},
};

/// The app of a person.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SecondFactor {
    /// What the app and we know, in base32.
    pub secret: Secret,
    /// The time step of the last code that was taken.
    pub last_step: i64,
    /// Since when it counts; none: no code has confirmed it yet.
    pub confirmed_at: Option<Timestamp>,
}

/// How somebody's second step stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Standing {
    /// Since when it is asked for.
    pub since: Timestamp,
    /// How many recovery codes are left.
    pub codes_left: i64,
}

const fn place(user: &str) -> Place<'_> {
    Place {
        table: "second_factor",
        column: "secret_sealed",
        row: user,
    }
}

/// Somebody's app, whether or not it counts already.
///
/// # Errors
/// When the database cannot answer, or the secret cannot be opened.
pub async fn get(tx: &mut Tx<'_>, sealer: &Sealer, user: UserId) -> Result<Option<SecondFactor>, DbError> {
    let sql = "SELECT secret_sealed, last_step, confirmed_at FROM second_factor WHERE user_id = $1";
    let Some(mut row) = tx.query_opt(sql, &[user.into()]).await? else {
        return Ok(None);
    };
    Ok(Some(SecondFactor {
        secret: open(sealer, place(&user.to_string()), &row.take::<String>()?)?,
        last_step: row.take()?,
        confirmed_at: row.take()?,
    }))
}

/// How somebody's second step stands; none: it is not asked for.
///
/// # Errors
/// When the database cannot answer.
pub async fn standing(tx: &mut Tx<'_>, user: UserId) -> Result<Option<Standing>, DbError> {
    let sql = "SELECT confirmed_at, (SELECT count(*) FROM recovery_code WHERE user_id = $1) FROM second_factor \
               WHERE user_id = $1 AND confirmed_at IS NOT NULL";
    let Some(mut row) = tx.query_opt(sql, &[user.into()]).await? else {
        return Ok(None);
    };
    Ok(Some(Standing {
        since: row.take()?,
        codes_left: row.take()?,
    }))
}

/// Keeps the secret of an app that no code has confirmed yet, in the place of an earlier one. One that counts stays, and
/// the answer is whether this one was kept.
///
/// # Errors
/// When the database cannot take it.
pub async fn begin(
    tx: &mut Tx<'_>,
    sealer: &Sealer,
    user: UserId,
    secret: &Secret,
    now: Timestamp,
) -> Result<bool, DbError> {
    let sealed = seal(sealer, place(&user.to_string()), secret)?;
    let sql = "INSERT INTO second_factor (user_id, secret_sealed, last_step, created_at) VALUES ($1, $2, 0, $3) \
               ON CONFLICT (user_id) DO UPDATE SET secret_sealed = excluded.secret_sealed, last_step = 0, \
               created_at = excluded.created_at WHERE second_factor.confirmed_at IS NULL";
    let rows = tx.execute(sql, &[user.into(), sealed.into(), now.into()]).await?;
    Ok(rows > 0)
}

/// Has an app count from now on.
///
/// # Errors
/// When the database cannot take it.
pub async fn confirm(tx: &mut Tx<'_>, user: UserId, now: Timestamp) -> Result<(), DbError> {
    let sql = "UPDATE second_factor SET confirmed_at = $2 WHERE user_id = $1 AND confirmed_at IS NULL";
    tx.execute(sql, &[user.into(), now.into()]).await?;
    Ok(())
}

/// Uses up the code of a time step, and says whether it was still to be had: of two who bring the same one, the first
/// gets it, and no earlier one is taken afterwards.
///
/// # Errors
/// When the database cannot take it.
pub async fn use_step(tx: &mut Tx<'_>, user: UserId, step: i64) -> Result<bool, DbError> {
    let sql = "UPDATE second_factor SET last_step = $2 WHERE user_id = $1 AND last_step < $2";
    Ok(tx.execute(sql, &[user.into(), step.into()]).await? > 0)
}

/// Takes the app and the recovery codes away, and says whether there was an app that counted.
///
/// # Errors
/// When the database cannot take it.
pub async fn delete(tx: &mut Tx<'_>, user: UserId) -> Result<bool, DbError> {
    let counted = standing(tx, user).await?.is_some();
    for sql in [
        "DELETE FROM second_factor WHERE user_id = $1",
        "DELETE FROM recovery_code WHERE user_id = $1",
    ] {
        tx.execute(sql, &[user.into()]).await?;
    }
    Ok(counted)
}

/// Gives somebody recovery codes in the place of those they had.
///
/// # Errors
/// When the database cannot take it.
pub async fn replace_codes(tx: &mut Tx<'_>, user: UserId, hashes: &[String]) -> Result<(), DbError> {
    tx.execute("DELETE FROM recovery_code WHERE user_id = $1", &[user.into()])
        .await?;
    for hash in hashes {
        let sql = "INSERT INTO recovery_code (user_id, code_hash) VALUES ($1, $2)";
        tx.execute(sql, &[user.into(), hash.as_str().into()]).await?;
    }
    Ok(())
}

/// Uses a recovery code up, and says whether it was one.
///
/// # Errors
/// When the database cannot take it.
pub async fn use_code(tx: &mut Tx<'_>, user: UserId, hash: &str) -> Result<bool, DbError> {
    let sql = "DELETE FROM recovery_code WHERE user_id = $1 AND code_hash = $2";
    Ok(tx.execute(sql, &[user.into(), hash.into()]).await? > 0)
}

/// The people whose second step is asked for.
///
/// # Errors
/// When the database cannot answer.
pub async fn everybody(tx: &mut Tx<'_>) -> Result<Vec<UserId>, DbError> {
    let sql = "SELECT user_id FROM second_factor WHERE confirmed_at IS NOT NULL ORDER BY user_id";
    let rows = tx.query(sql, &[]).await?;
    rows.into_iter().map(|mut row| row.take()).collect()
}
