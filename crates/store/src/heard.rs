//! Calls of providers that were worked on already. They make them again when our answer was late, and a person presses a
//! button once.

use jiff::Timestamp;

use crate::db::{DbError, Tx};

/// Remembers a call by its sender's identity of it. False when it was heard before: there is nothing left to do.
///
/// # Errors
/// When the database does not take it.
pub async fn first(tx: &mut Tx<'_>, source: &str, id: &str, now: Timestamp) -> Result<bool, DbError> {
    let sql = "INSERT INTO heard (source, id, at) VALUES ($1, $2, $3) ON CONFLICT (source, id) DO NOTHING";
    Ok(tx.execute(sql, &[source.into(), id.into(), now.into()]).await? > 0)
}

/// Whether a call was heard before, by its sender's identity of it.
///
/// # Errors
/// When the database cannot answer.
pub async fn before(tx: &mut Tx<'_>, source: &str, id: &str) -> Result<bool, DbError> {
    let sql = "SELECT 1 FROM heard WHERE source = $1 AND id = $2";
    Ok(tx.query_opt(sql, &[source.into(), id.into()]).await?.is_some())
}

/// Forgets what was heard before this time.
///
/// # Errors
/// When the database does not take it.
pub async fn forget(tx: &mut Tx<'_>, before: Timestamp) -> Result<u64, DbError> {
    tx.execute("DELETE FROM heard WHERE at < $1", &[before.into()]).await
}
