//! Who our people are at OpenID providers: an issuer and a subject, which stay when a mail address changes.

use jiff::Timestamp;
use opsknight_domain::id::UserId;

use crate::db::{DbError, Tx};

/// Who somebody is there.
///
/// # Errors
/// When the database cannot answer.
pub async fn user(tx: &mut Tx<'_>, issuer: &str, subject: &str) -> Result<Option<UserId>, DbError> {
    let sql = "SELECT user_id FROM provider_identity WHERE issuer = $1 AND subject = $2";
    let row = tx.query_opt(sql, &[issuer.into(), subject.into()]).await?;
    row.map(|mut row| row.take()).transpose()
}

/// Remembers who somebody is there, or that they came again.
///
/// # Errors
/// When the database cannot take it.
pub async fn seen(tx: &mut Tx<'_>, issuer: &str, subject: &str, user: UserId, now: Timestamp) -> Result<(), DbError> {
    let sql = "INSERT INTO provider_identity (issuer, subject, user_id, created_at, last_used_at) \
               VALUES ($1, $2, $3, $4, $4) ON CONFLICT (issuer, subject) DO UPDATE SET last_used_at = excluded.last_used_at";
    tx.execute(sql, &[issuer.into(), subject.into(), user.into(), now.into()])
        .await?;
    Ok(())
}

/// Whether somebody has come by this issuer before, as whomever.
///
/// # Errors
/// When the database cannot answer.
pub async fn is_linked(tx: &mut Tx<'_>, issuer: &str, user: UserId) -> Result<bool, DbError> {
    let sql = "SELECT 1 FROM provider_identity WHERE issuer = $1 AND user_id = $2 LIMIT 1";
    Ok(tx.query_opt(sql, &[issuer.into(), user.into()]).await?.is_some())
}

/// Forgets who somebody is at every provider, and says at how many they were known.
///
/// # Errors
/// When the database cannot take it.
pub async fn delete_of(tx: &mut Tx<'_>, user: UserId) -> Result<u64, DbError> {
    tx.execute("DELETE FROM provider_identity WHERE user_id = $1", &[user.into()])
        .await
}
