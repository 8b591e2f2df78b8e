//! An incident's story and its alerts, as they are read.

use jiff::Timestamp;
use opsknight_domain::{
    event::Severity,
    id::{AlertId, EntryId, IncidentId, ReceiptId},
    incident::EntryKind,
};
use serde_json::Value;

use crate::{
    db::{DbError, Row, Tx},
    incidents::word,
};

/// A sentence of the story.
#[derive(Debug, Clone, PartialEq)]
pub struct StoredEntry {
    /// Its identity.
    pub id: EntryId,
    /// When it was written.
    pub at: Timestamp,
    /// What kind of thing it tells.
    pub kind: EntryKind,
    /// `SYSTEM`, `INTEGRATION`, `USER` or `API_KEY`.
    pub actor_kind: String,
    /// The person, where it was one.
    pub actor_id: Option<String>,
    /// The name of who did it.
    pub actor_name: String,
    /// The sentence.
    pub text: String,
    /// The same for programs.
    pub data: Value,
}

/// An alert as it was kept.
#[derive(Debug, Clone, PartialEq)]
pub struct StoredAlert {
    /// Its identity.
    pub id: AlertId,
    /// The request that it came in.
    pub receipt: Option<ReceiptId>,
    /// `trigger`, `acknowledge` or `resolve`.
    pub action: String,
    /// How bad the sender said it is.
    pub severity: Severity,
    /// One line.
    pub summary: String,
    /// Which system it is about.
    pub source: Option<String>,
    /// Which part.
    pub component: Option<String>,
    /// Which group of things.
    pub group: Option<String>,
    /// Which kind of event.
    pub class: Option<String>,
    /// All else.
    pub details: Value,
    /// The sender's own time.
    pub occurred_at: Option<Timestamp>,
    /// When it was received.
    pub created_at: Timestamp,
}

/// One page of an incident's timeline in the order of time, and how many entries there are. `kind` asks for one kind.
///
/// # Errors
/// When the database cannot answer.
pub async fn entries(
    tx: &mut Tx<'_>,
    incident: IncidentId,
    kind: Option<EntryKind>,
    limit: i64,
    offset: i64,
) -> Result<(Vec<StoredEntry>, i64), DbError> {
    let condition = "incident_id = $1 AND (CAST($2 AS TEXT) IS NULL OR kind = $2)";
    let kind = kind.map(EntryKind::word);
    let count = format!("SELECT count(*) FROM entry WHERE {condition}");
    let total = tx.query_one(&count, &[incident.into(), kind.into()]).await?.take()?;
    let sql = format!(
        "SELECT id, at, kind, actor_kind, actor_id, actor_name, text, data FROM entry WHERE {condition} \
         ORDER BY id LIMIT $3 OFFSET $4"
    );
    let rows = tx
        .query(&sql, &[incident.into(), kind.into(), limit.into(), offset.into()])
        .await?;
    let read = |mut row: Row| {
        Ok(StoredEntry {
            id: row.take()?,
            at: row.take()?,
            kind: word(&mut row, "entry.kind", EntryKind::from_word)?,
            actor_kind: row.take()?,
            actor_id: row.take()?,
            actor_name: row.take()?,
            text: row.take()?,
            data: row.take::<Option<Value>>()?.unwrap_or(Value::Null),
        })
    };
    Ok((rows.into_iter().map(read).collect::<Result<_, DbError>>()?, total))
}

/// One page of an incident's alerts, the last first, and how many there are.
///
/// # Errors
/// When the database cannot answer.
pub async fn alerts(
    tx: &mut Tx<'_>,
    incident: IncidentId,
    limit: i64,
    offset: i64,
) -> Result<(Vec<StoredAlert>, i64), DbError> {
    let count = "SELECT count(*) FROM alert WHERE incident_id = $1";
    let total = tx.query_one(count, &[incident.into()]).await?.take()?;
    let sql = "SELECT id, receipt_id, action, severity, summary, source, component, grouping, class, details, \
         occurred_at, created_at FROM alert WHERE incident_id = $1 ORDER BY id DESC LIMIT $2 OFFSET $3";
    let rows = tx.query(sql, &[incident.into(), limit.into(), offset.into()]).await?;
    let read = |mut row: Row| {
        Ok(StoredAlert {
            id: row.take()?,
            receipt: row.take()?,
            action: row.take()?,
            severity: word(&mut row, "alert.severity", Severity::from_word)?,
            summary: row.take()?,
            source: row.take()?,
            component: row.take()?,
            group: row.take()?,
            class: row.take()?,
            details: row.take::<Option<Value>>()?.unwrap_or(Value::Null),
            occurred_at: row.take()?,
            created_at: row.take()?,
        })
    };
    Ok((rows.into_iter().map(read).collect::<Result<_, DbError>>()?, total))
}
