//! The generation of a person's calendar links: who makes them anew ends all that were handed out before.

use jiff::Timestamp;
use opsknight_domain::id::UserId;

use crate::db::{DbError, Tx};

/// How often a person has made their calendar links anew.
///
/// # Errors
/// When the database cannot answer.
pub async fn generation(tx: &mut Tx<'_>, user: UserId) -> Result<i64, DbError> {
    let sql = "SELECT generation FROM calendar_feed WHERE user_id = $1";
    match tx.query_opt(sql, &[user.into()]).await? {
        Some(mut row) => row.take(),
        None => Ok(0),
    }
}

/// Ends a person's calendar links, and gives back the generation of those that are made from now on. The person exists:
/// the caller has read them in this unit.
///
/// # Errors
/// When the database cannot take it.
pub async fn renew(tx: &mut Tx<'_>, user: UserId, now: Timestamp) -> Result<i64, DbError> {
    let sql = "INSERT INTO calendar_feed (user_id, generation, renewed_at) VALUES ($1, 1, $2) \
               ON CONFLICT (user_id) DO UPDATE SET generation = calendar_feed.generation + 1, \
               renewed_at = excluded.renewed_at";
    tx.execute(sql, &[user.into(), now.into()]).await?;
    generation(tx, user).await
}
