//! How many incidents that are not resolved there are: all of them from the one index that holds them.

use std::collections::HashMap;

use opsknight_domain::id::{ServiceId, UserId};

use crate::db::{DbError, Tx, Val};

/// How many incidents of a service, or of all, are live, by state and urgency.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Counts {
    /// Open.
    pub open: i64,
    /// Open with high urgency.
    pub open_high: i64,
    /// Acknowledged.
    pub acknowledged: i64,
    /// Acknowledged with high urgency.
    pub acknowledged_high: i64,
    /// Snoozed.
    pub snoozed: i64,
}

/// Counts the live incidents of these services, or of all when none is named. Tests are left out, and so are services
/// without any.
///
/// # Errors
/// When the database cannot answer.
pub async fn counts(tx: &mut Tx<'_>, services: &[ServiceId]) -> Result<HashMap<ServiceId, Counts>, DbError> {
    let which = match services {
        [] => String::new(),
        services => format!("AND service_id IN ({})", Tx::in_list(1, services.len())),
    };
    let params: Vec<_> = services.iter().map(Val::from).collect();
    let sql = format!(
        "SELECT service_id, count(*) FILTER (WHERE status = 'OPEN'), \
         count(*) FILTER (WHERE status = 'OPEN' AND urgency = 'HIGH'), \
         count(*) FILTER (WHERE status = 'ACKNOWLEDGED'), \
         count(*) FILTER (WHERE status = 'ACKNOWLEDGED' AND urgency = 'HIGH'), \
         count(*) FILTER (WHERE status = 'SNOOZED') \
         FROM incident WHERE status <> 'RESOLVED' AND status IN ('OPEN', 'ACKNOWLEDGED', 'SNOOZED') \
         AND NOT is_test {which} GROUP BY service_id"
    );
    let rows = tx.query(&sql, &params).await?;
    rows.into_iter()
        .map(|mut row| {
            let id = row.take()?;
            let counts = Counts {
                open: row.take()?,
                open_high: row.take()?,
                acknowledged: row.take()?,
                acknowledged_high: row.take()?,
                snoozed: row.take()?,
            };
            Ok((id, counts))
        })
        .collect()
}

/// How many incidents are open, tests left out.
///
/// # Errors
/// When the database cannot answer.
pub async fn open_count(tx: &mut Tx<'_>) -> Result<i64, DbError> {
    let sql = "SELECT count(*) FROM incident WHERE status <> 'RESOLVED' AND status = 'OPEN' AND NOT is_test";
    tx.query_one(sql, &[]).await?.take()
}

/// How many incidents stand where, tests among them: what the lists of each state hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct States {
    /// Open.
    pub open: i64,
    /// Acknowledged.
    pub acknowledged: i64,
    /// Snoozed.
    pub snoozed: i64,
    /// Suppressed.
    pub suppressed: i64,
}

/// How many incidents that are not resolved stand where.
///
/// # Errors
/// When the database cannot answer.
pub async fn states(tx: &mut Tx<'_>) -> Result<States, DbError> {
    let sql = "SELECT status, count(*) FROM incident WHERE status <> 'RESOLVED' GROUP BY status";
    let mut states = States::default();
    for mut row in tx.query(sql, &[]).await? {
        let (word, count): (String, i64) = (row.take()?, row.take()?);
        match word.as_str() {
            "OPEN" => states.open = count,
            "ACKNOWLEDGED" => states.acknowledged = count,
            "SNOOZED" => states.snoozed = count,
            _ => states.suppressed = count,
        }
    }
    Ok(states)
}

/// How many incidents are open or acknowledged and assigned to this person.
///
/// # Errors
/// When the database cannot answer.
pub async fn waiting_for(tx: &mut Tx<'_>, user: UserId) -> Result<i64, DbError> {
    let sql = "SELECT count(*) FROM incident WHERE status <> 'RESOLVED' AND status IN ('OPEN', 'ACKNOWLEDGED') \
         AND assignee_id = $1";
    tx.query_one(sql, &[user.into()]).await?.take()
}
