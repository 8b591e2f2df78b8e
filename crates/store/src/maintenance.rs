//! The times in which services are in maintenance. What follows from them for incidents is decided in `domain`.

use std::collections::HashMap;

use jiff::Timestamp;
use opsknight_domain::{
    id::{MaintenanceId, ServiceId},
    maintenance::Window,
};

use crate::{
    db::{DbError, Row, Tx, Wake},
    directory,
    refusal::{ChangeError, found},
};

/// A window as it is stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MaintenanceRow {
    /// The window.
    pub window: Window,
    /// The name of whoever made it.
    pub created_by: String,
    /// When it was made.
    pub created_at: Timestamp,
    /// When it last changed.
    pub updated_at: Timestamp,
}

const COLUMNS: &str = "id, service_id, start_at, end_at, reason, created_by, created_at, updated_at";

fn read(mut row: Row) -> Result<MaintenanceRow, DbError> {
    Ok(MaintenanceRow {
        window: Window {
            id: row.take()?,
            service: row.take()?,
            start: row.take()?,
            end: row.take()?,
            reason: row.take()?,
        },
        created_by: row.take()?,
        created_at: row.take()?,
        updated_at: row.take()?,
    })
}

/// Adds a window. Its service exists: the caller has read it in this unit.
///
/// # Errors
/// When the database cannot take it.
pub async fn insert(tx: &mut Tx<'_>, row: &MaintenanceRow) -> Result<(), ChangeError> {
    directory::bump(tx, row.created_at).await?;
    let sql = format!("INSERT INTO maintenance ({COLUMNS}) VALUES ($1, $2, $3, $4, $5, $6, $7, $8)");
    let params = [
        row.window.id.into(),
        row.window.service.into(),
        row.window.start.into(),
        row.window.end.into(),
        row.window.reason.as_deref().into(),
        row.created_by.as_str().into(),
        row.created_at.into(),
        row.updated_at.into(),
    ];
    tx.execute(&sql, &params).await?;
    Ok(())
}

/// Replaces when a window is and what for.
///
/// # Errors
/// The service has no such window, or the database cannot take it.
pub async fn update(tx: &mut Tx<'_>, row: &MaintenanceRow) -> Result<(), ChangeError> {
    directory::bump(tx, row.updated_at).await?;
    let sql = "UPDATE maintenance SET start_at = $3, end_at = $4, reason = $5, updated_at = $6 \
               WHERE service_id = $1 AND id = $2";
    let params = [
        row.window.service.into(),
        row.window.id.into(),
        row.window.start.into(),
        row.window.end.into(),
        row.window.reason.as_deref().into(),
        row.updated_at.into(),
    ];
    found("maintenance", tx.execute(sql, &params).await?)
}

/// Removes a window.
///
/// # Errors
/// The service has no such window, or the database cannot take it.
pub async fn delete(tx: &mut Tx<'_>, service: ServiceId, id: MaintenanceId, now: Timestamp) -> Result<(), ChangeError> {
    directory::bump(tx, now).await?;
    let sql = "DELETE FROM maintenance WHERE service_id = $1 AND id = $2";
    found("maintenance", tx.execute(sql, &[service.into(), id.into()]).await?)
}

/// The service's window with this identity.
///
/// # Errors
/// When the database cannot answer.
pub async fn get(tx: &mut Tx<'_>, service: ServiceId, id: MaintenanceId) -> Result<Option<MaintenanceRow>, DbError> {
    let sql = format!("SELECT {COLUMNS} FROM maintenance WHERE service_id = $1 AND id = $2");
    let row = tx.query_opt(&sql, &[service.into(), id.into()]).await?;
    row.map(read).transpose()
}

/// One part of a service's windows, those that end last in front, and how many there are in all.
///
/// # Errors
/// When the database cannot answer.
pub async fn list(
    tx: &mut Tx<'_>,
    service: ServiceId,
    limit: i64,
    offset: i64,
) -> Result<(Vec<MaintenanceRow>, i64), DbError> {
    let sql = "SELECT count(*) FROM maintenance WHERE service_id = $1";
    let total = tx.query_one(sql, &[service.into()]).await?.take()?;
    let sql = format!(
        "SELECT {COLUMNS} FROM maintenance WHERE service_id = $1 ORDER BY end_at DESC, id DESC LIMIT $2 OFFSET $3"
    );
    let rows = tx.query(&sql, &[service.into(), limit.into(), offset.into()]).await?;
    Ok((rows.into_iter().map(read).collect::<Result<_, _>>()?, total))
}

/// How many windows of a service end after this.
///
/// # Errors
/// When the database cannot answer.
pub async fn count_since(tx: &mut Tx<'_>, service: ServiceId, since: Timestamp) -> Result<i64, DbError> {
    let sql = "SELECT count(*) FROM maintenance WHERE service_id = $1 AND end_at > $2";
    tx.query_one(sql, &[service.into(), since.into()]).await?.take()
}

/// Every window that ends after this, in the order of their beginning.
pub(crate) async fn since(tx: &mut Tx<'_>, since: Timestamp) -> Result<Vec<Window>, DbError> {
    let sql = format!("SELECT {COLUMNS} FROM maintenance WHERE end_at > $1 ORDER BY start_at, id");
    let rows = tx.query(&sql, &[since.into()]).await?;
    rows.into_iter().map(|row| Ok(read(row)?.window)).collect()
}

/// What passed by itself at a service up to `until`: planned windows that began, and windows that nobody ended before their
/// time. True for an end. The newest in front, at most so many of each.
pub(crate) async fn passed(
    tx: &mut Tx<'_>,
    service: ServiceId,
    until: Timestamp,
    now: Timestamp,
    limit: i64,
) -> Result<Vec<(MaintenanceRow, bool)>, DbError> {
    let until = until.min(now);
    let mut passed = Vec::new();
    for (is_end, column, by_itself) in [
        (false, "start_at", "start_at > created_at"),
        (true, "end_at", "end_at > updated_at"),
    ] {
        let sql = format!(
            "SELECT {COLUMNS} FROM maintenance WHERE service_id = $1 AND {column} <= $2 AND {by_itself} \
             ORDER BY {column} DESC, id DESC LIMIT $3"
        );
        for row in tx.query(&sql, &[service.into(), until.into(), limit.into()]).await? {
            passed.push((read(row)?, is_end));
        }
    }
    Ok(passed)
}

/// How many incidents of a service wait for the end of its maintenance.
///
/// # Errors
/// When the database cannot answer.
pub async fn count_waiting(tx: &mut Tx<'_>, service: ServiceId) -> Result<i64, DbError> {
    let sql = "SELECT count(*) FROM incident WHERE service_id = $1 AND in_maintenance AND status = 'SNOOZED'";
    tx.query_one(sql, &[service.into()]).await?.take()
}

/// Has the incidents that wait for the end of this service's maintenance looked at now, for its windows have changed.
/// Says how many those are.
///
/// # Errors
/// When the database cannot take it.
pub async fn look_again(tx: &mut Tx<'_>, service: ServiceId, now: Timestamp) -> Result<u64, DbError> {
    let sql = "UPDATE incident SET snoozed_until = $2, due_at = $2 \
               WHERE service_id = $1 AND in_maintenance AND status = 'SNOOZED'";
    let waiting = tx.execute(sql, &[service.into(), now.into()]).await?;
    if waiting > 0 {
        tx.wake(Wake::Incidents);
    }
    Ok(waiting)
}

/// For each service with incidents that wait for the end of its maintenance: when the first and the last of them does.
///
/// # Errors
/// When the database cannot answer.
pub async fn waiting(tx: &mut Tx<'_>) -> Result<HashMap<ServiceId, (Timestamp, Timestamp)>, DbError> {
    let sql = "SELECT service_id, min(snoozed_until), max(snoozed_until) FROM incident \
               WHERE in_maintenance AND status = 'SNOOZED' AND snoozed_until IS NOT NULL GROUP BY service_id";
    let mut waiting = HashMap::new();
    for mut row in tx.query(sql, &[]).await? {
        waiting.insert(row.take()?, (row.take()?, row.take()?));
    }
    Ok(waiting)
}
