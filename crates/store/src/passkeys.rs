//! Passkeys: the public halves, with what the devices said of them last. They are no secrets.

use jiff::Timestamp;
use opsknight_domain::id::UserId;

use crate::db::{DbError, Row, Tx};

/// A passkey.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PasskeyRow {
    /// The identity that the device gave it, in base64url.
    pub id: String,
    /// Whose it is.
    pub user: UserId,
    /// What they call it.
    pub name: String,
    /// Its public key, counter and backup state, as a JSON document.
    pub credential: String,
    /// When it was made.
    pub created_at: Timestamp,
    /// When somebody signed in with it last.
    pub last_used_at: Option<Timestamp>,
}

const COLUMNS: &str = "id, user_id, name, credential, created_at, last_used_at";

fn read(mut row: Row) -> Result<PasskeyRow, DbError> {
    Ok(PasskeyRow {
        id: row.take()?,
        user: row.take()?,
        name: row.take()?,
        credential: row.take()?,
        created_at: row.take()?,
        last_used_at: row.take()?,
    })
}

/// Adds a passkey, and says whether it was new: no identity stands twice.
///
/// # Errors
/// When the database cannot take it.
pub async fn insert(tx: &mut Tx<'_>, passkey: &PasskeyRow) -> Result<bool, DbError> {
    let sql = format!("INSERT INTO passkey ({COLUMNS}) VALUES ($1, $2, $3, $4, $5, $6) ON CONFLICT (id) DO NOTHING");
    let params = [
        passkey.id.as_str().into(),
        passkey.user.into(),
        passkey.name.as_str().into(),
        passkey.credential.as_str().into(),
        passkey.created_at.into(),
        passkey.last_used_at.into(),
    ];
    Ok(tx.execute(&sql, &params).await? > 0)
}

/// The passkey with this identity.
///
/// # Errors
/// When the database cannot answer.
pub async fn get(tx: &mut Tx<'_>, id: &str) -> Result<Option<PasskeyRow>, DbError> {
    let sql = format!("SELECT {COLUMNS} FROM passkey WHERE id = $1");
    tx.query_opt(&sql, &[id.into()]).await?.map(read).transpose()
}

/// Somebody's passkeys, the oldest in front.
///
/// # Errors
/// When the database cannot answer.
pub async fn of_user(tx: &mut Tx<'_>, user: UserId) -> Result<Vec<PasskeyRow>, DbError> {
    let sql = format!("SELECT {COLUMNS} FROM passkey WHERE user_id = $1 ORDER BY created_at, id");
    let rows = tx.query(&sql, &[user.into()]).await?;
    rows.into_iter().map(read).collect()
}

/// Notes that somebody signed in with a passkey, and what its device says of it now.
///
/// # Errors
/// When the database cannot take it.
pub async fn used(tx: &mut Tx<'_>, id: &str, credential: &str, now: Timestamp) -> Result<(), DbError> {
    let sql = "UPDATE passkey SET credential = $2, last_used_at = $3 WHERE id = $1";
    tx.execute(sql, &[id.into(), credential.into(), now.into()]).await?;
    Ok(())
}

/// Calls somebody's passkey something else, and says whether it was there.
///
/// # Errors
/// When the database cannot take it.
pub async fn rename(tx: &mut Tx<'_>, user: UserId, id: &str, name: &str) -> Result<bool, DbError> {
    let sql = "UPDATE passkey SET name = $3 WHERE id = $1 AND user_id = $2";
    Ok(tx.execute(sql, &[id.into(), user.into(), name.into()]).await? > 0)
}

/// Takes somebody's passkey away, and says whether it was there.
///
/// # Errors
/// When the database cannot take it.
pub async fn delete(tx: &mut Tx<'_>, user: UserId, id: &str) -> Result<bool, DbError> {
    let sql = "DELETE FROM passkey WHERE id = $1 AND user_id = $2";
    Ok(tx.execute(sql, &[id.into(), user.into()]).await? > 0)
}
