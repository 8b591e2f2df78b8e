//! When, by their senders' own clocks, problems last ended: what tells a late alert from a new one.
//!
//! Only senders that say when a problem changed its state leave something here, and it is forgotten after some days.

use jiff::Timestamp;
use opsknight_domain::id::ServiceId;

use crate::db::{DbError, Insert, Kind, Tx};

static ENDED: Insert = Insert {
    table: "ended",
    columns: &[
        ("service_id", Kind::Text),
        ("dedup_key", Kind::Text),
        ("changed_at", Kind::Int),
        ("noted_at", Kind::Int),
    ],
    tail: "ON CONFLICT (service_id, dedup_key) DO UPDATE SET changed_at = excluded.changed_at, \
           noted_at = excluded.noted_at WHERE ended.changed_at < excluded.changed_at",
};

/// When the problems under these keys last ended, one answer a key.
///
/// # Errors
/// When the database cannot answer.
pub async fn read(tx: &mut Tx<'_>, keys: &[(ServiceId, String)]) -> Result<Vec<Option<Timestamp>>, DbError> {
    let sql = "SELECT changed_at FROM ended WHERE service_id = $1 AND dedup_key = $2";
    let asked = keys
        .iter()
        .map(|(service, key)| vec![(*service).into(), key.as_str().into()])
        .collect();
    tx.find_each(sql, asked, |mut row| row.take()).await
}

/// Notes that problems ended at these times, unless they are known to have ended later. No key stands here twice.
///
/// # Errors
/// When the database does not take it.
pub async fn note(
    tx: &mut Tx<'_>,
    ended: impl IntoIterator<Item = ((ServiceId, String), Timestamp)>,
    now: Timestamp,
) -> Result<(), DbError> {
    let row = |((service, key), at): ((ServiceId, String), Timestamp)| {
        vec![service.into(), key.into(), at.into(), now.into()]
    };
    tx.insert_many(&ENDED, ended.into_iter().map(row).collect()).await?;
    Ok(())
}

/// Forgets what was noted before this time.
///
/// # Errors
/// When the database does not take it.
pub async fn forget(tx: &mut Tx<'_>, before: Timestamp) -> Result<u64, DbError> {
    tx.execute("DELETE FROM ended WHERE noted_at < $1", &[before.into()])
        .await
}
