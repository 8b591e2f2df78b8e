//! How long the queues are and how old what stands first in them, for whoever watches this program.
//!
//! Each question is answered from one partial index that holds what waits and nothing else: the answer costs the same
//! however many incidents and messages there ever were.

use jiff::Timestamp;

use crate::db::{DbError, Tx};

/// A queue: what waits although it is due.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Queue {
    /// `escalation`, `pages`, `news` or `webhooks`.
    pub name: &'static str,
    /// How many wait.
    pub waiting: i64,
    /// Since when the first of them is due.
    pub oldest_due_at: Option<Timestamp>,
}

/// What is asked of each queue.
const QUEUES: [(&str, &str); 4] = [
    (
        "escalation",
        "SELECT count(*), min(due_at) FROM incident WHERE due_at IS NOT NULL AND due_at <= $1",
    ),
    (
        "pages",
        "SELECT count(*), min(due_at) FROM delivery \
         WHERE state = 'PENDING' AND purpose IN ('PAGE', 'ACCOUNT') AND due_at <= $1",
    ),
    (
        "news",
        "SELECT count(*), min(due_at) FROM delivery \
         WHERE state = 'PENDING' AND purpose IN ('NOTICE', 'EDIT') AND due_at <= $1",
    ),
    (
        "webhooks",
        "SELECT count(*), min(due_at) FROM delivery \
         WHERE state = 'PENDING' AND webhook_id IS NOT NULL AND due_at <= $1",
    ),
];
/// Messages that somebody took to send them, and whose time for that is over.
const EXPIRED: &str = "SELECT count(*) FROM delivery WHERE state = 'SENDING' AND lease_until < $1";

/// What is due now and waits, queue by queue.
///
/// # Errors
/// When the database cannot answer.
pub async fn queues(tx: &mut Tx<'_>, now: Timestamp) -> Result<Vec<Queue>, DbError> {
    let mut queues = Vec::new();
    for (name, sql) in QUEUES {
        let mut row = tx.query_one(sql, &[now.into()]).await?;
        queues.push(Queue {
            name,
            waiting: row.take()?,
            oldest_due_at: row.take()?,
        });
    }
    Ok(queues)
}

/// How many leases have expired and were not taken back yet.
///
/// # Errors
/// When the database cannot answer.
pub async fn expired_leases(tx: &mut Tx<'_>, now: Timestamp) -> Result<i64, DbError> {
    tx.query_one(EXPIRED, &[now.into()]).await?.take()
}

/// What the database would do to answer, a line a step. For tests.
///
/// # Errors
/// When the database cannot answer.
#[cfg(feature = "testing")]
pub async fn plans(tx: &mut Tx<'_>, now: Timestamp) -> Result<Vec<String>, DbError> {
    use crate::db::Dialect;
    let mut lines = Vec::new();
    for sql in QUEUES.into_iter().map(|(_, sql)| sql).chain([EXPIRED]) {
        let (explain, place) = match tx.dialect() {
            Dialect::Sqlite => ("EXPLAIN QUERY PLAN", 3),
            Dialect::Postgres => ("EXPLAIN", 0),
        };
        let mut plan = String::new();
        for mut row in tx.query(&format!("{explain} {sql}"), &[now.into()]).await? {
            for _ in 0..place {
                row.take::<i64>()?;
            }
            plan.push_str(&row.take::<String>()?);
            plan.push('\n');
        }
        lines.push(plan);
    }
    Ok(lines)
}
