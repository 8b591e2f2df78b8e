//! People who were asked for help with an incident, and how they were reached. Written by [`crate::effects`] alone.

use jiff::Timestamp;
use opsknight_domain::id::{IncidentId, UserId};

use crate::db::{DbError, Row, Tx};

/// Somebody who was asked for help.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Responder {
    /// Who.
    pub user: UserId,
    /// Their name; none where they were removed.
    pub name: Option<String>,
    /// When they were last asked.
    pub asked_at: Timestamp,
    /// Who asked.
    pub asked_by: String,
    /// Why this person; empty where they were named themselves.
    pub why: String,
    /// What they were told.
    pub message: Option<String>,
    /// The pages that they got for it, in order.
    pub pages: Vec<PageSent>,
}

/// A page and how it ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PageSent {
    /// `PUSH`, `SLACK`, `SMS` and so on.
    pub channel: String,
    /// `PENDING`, `SENDING`, `SENT`, `FAILED` or `SKIPPED`.
    pub state: String,
    /// When it is or was due.
    pub due_at: Timestamp,
    /// When the provider said that it has arrived.
    pub delivered_at: Option<Timestamp>,
}

/// Everybody who was asked for help with an incident, in the order in which they were asked.
///
/// # Errors
/// When the database cannot answer.
pub async fn of(tx: &mut Tx<'_>, incident: IncidentId) -> Result<Vec<Responder>, DbError> {
    let sql = "SELECT r.user_id, u.name, r.asked_at, r.asked_by, r.why, r.message FROM incident_responder r \
         LEFT JOIN app_user u ON u.id = r.user_id WHERE r.incident_id = $1 ORDER BY r.asked_at, r.user_id";
    let rows = tx.query(sql, &[incident.into()]).await?;
    let read = |mut row: Row| {
        Ok(Responder {
            user: row.take()?,
            name: row.take()?,
            asked_at: row.take()?,
            asked_by: row.take()?,
            why: row.take()?,
            message: row.take()?,
            pages: Vec::new(),
        })
    };
    let mut found = rows
        .into_iter()
        .map(read)
        .collect::<Result<Vec<Responder>, DbError>>()?;
    // A page is made in the same unit of work as the question, so that it has its time.
    let sql = "SELECT channel, state, due_at, delivered_at FROM delivery WHERE incident_id = $1 AND user_id = $2 \
         AND created_at = $3 AND purpose = 'PAGE' ORDER BY due_at, id";
    let asked = found
        .iter()
        .map(|one| vec![incident.into(), one.user.into(), one.asked_at.into()]);
    let asked = asked.collect();
    for (one, rows) in found.iter_mut().zip(tx.query_each(sql, asked).await?) {
        for mut row in rows {
            one.pages.push(PageSent {
                channel: row.take()?,
                state: row.take()?,
                due_at: row.take()?,
                delivered_at: row.take()?,
            });
        }
    }
    Ok(found)
}
