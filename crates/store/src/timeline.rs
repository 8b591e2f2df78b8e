//! An incident's story and its alerts, as they are read.

use jiff::Timestamp;
use opsknight_domain::{
    event::Severity,
    id::{AlertId, EntryId, IncidentId, IntegrationId, ReceiptId},
    incident::EntryKind,
};
use serde_json::Value;

use crate::{
    db::{DbError, Row, Tx, Val, Wake},
    incidents::word,
    json,
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
    /// The integration that received it.
    pub integration: Option<IntegrationId>,
    /// The incident that it was received for, and its number, where that one was merged.
    pub merged_from: Option<(IncidentId, i64)>,
}

/// The columns of an entry in the order in which [`entry`] takes them.
const ENTRY: &str = "id, at, kind, actor_kind, actor_id, actor_name, text, data";

fn entry(mut row: Row) -> Result<StoredEntry, DbError> {
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
    let sql = format!("SELECT {ENTRY} FROM entry WHERE {condition} ORDER BY id LIMIT $3 OFFSET $4");
    let rows = tx
        .query(&sql, &[incident.into(), kind.into(), limit.into(), offset.into()])
        .await?;
    Ok((rows.into_iter().map(entry).collect::<Result<_, DbError>>()?, total))
}

/// Which sentences of a story are wanted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Told {
    /// All of them.
    #[default]
    All,
    /// Those about what people and their programs did.
    ByPeople,
}

/// The last entries before one of them, or the last of all, in the order of time. Reads no more than it gives.
///
/// # Errors
/// When the database cannot answer.
pub async fn entries_before(
    tx: &mut Tx<'_>,
    incident: IncidentId,
    told: Told,
    before: Option<EntryId>,
    limit: i64,
) -> Result<Vec<StoredEntry>, DbError> {
    let people = match told {
        Told::All => "",
        Told::ByPeople => "AND actor_kind IN ('USER', 'API_KEY')",
    };
    // Two texts: with one that allows for both, the walk would begin at the end of the index every time.
    let place = if before.is_some() { "AND id < $3" } else { "" };
    let sql = format!("SELECT {ENTRY} FROM entry WHERE incident_id = $1 {people} {place} ORDER BY id DESC LIMIT $2");
    let mut params: Vec<Val> = vec![incident.into(), limit.into()];
    params.extend(before.map(Val::from));
    let rows = tx.query(&sql, &params).await?;
    rows.into_iter().rev().map(entry).collect()
}

/// A note of an incident.
///
/// # Errors
/// When the database cannot answer.
pub async fn note(tx: &mut Tx<'_>, incident: IncidentId, id: EntryId) -> Result<Option<StoredEntry>, DbError> {
    let sql = format!("SELECT {ENTRY} FROM entry WHERE incident_id = $1 AND id = $2 AND kind = 'NOTE'");
    let row = tx.query_opt(&sql, &[incident.into(), id.into()]).await?;
    row.map(entry).transpose()
}

/// The note of an incident that was written last.
///
/// # Errors
/// When the database cannot answer.
pub async fn last_note(tx: &mut Tx<'_>, incident: IncidentId) -> Result<Option<StoredEntry>, DbError> {
    let sql = format!(
        "SELECT {ENTRY} FROM entry WHERE incident_id = $1 AND kind = 'NOTE' AND actor_kind IN ('USER', 'API_KEY') \
         ORDER BY id DESC LIMIT 1"
    );
    tx.query_opt(&sql, &[incident.into()]).await?.map(entry).transpose()
}

/// Puts other words in the place of a note, or of what remains of one: `kind` is a note or a note that was taken away.
///
/// # Errors
/// When the database does not take it.
pub async fn rewrite_note(
    tx: &mut Tx<'_>,
    incident: IncidentId,
    id: EntryId,
    kind: EntryKind,
    text: &str,
    data: &Value,
) -> Result<(), DbError> {
    let sql = "UPDATE entry SET kind = $3, text = $4, data = $5 WHERE incident_id = $1 AND id = $2 AND kind = 'NOTE'";
    let params = [
        incident.into(),
        id.into(),
        kind.word().into(),
        text.into(),
        json::value(data),
    ];
    tx.execute(sql, &params).await?;
    tx.wake(Wake::Incident(incident.to_string()));
    Ok(())
}

/// The columns of an alert in the order in which [`alert`] takes them, and where they come from.
const ALERT: &str = "a.id, a.receipt_id, a.action, a.severity, a.summary, a.source, a.component, a.grouping, a.class, \
     a.details, a.occurred_at, a.created_at, r.integration_id, a.merged_from, m.number \
     FROM alert a LEFT JOIN receipt r ON r.id = a.receipt_id LEFT JOIN incident m ON m.id = a.merged_from";

fn alert(mut row: Row) -> Result<StoredAlert, DbError> {
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
        integration: row.take()?,
        merged_from: row.take::<Option<IncidentId>>()?.zip(row.take::<Option<i64>>()?),
    })
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
    let sql = format!("SELECT {ALERT} WHERE a.incident_id = $1 ORDER BY a.id DESC LIMIT $2 OFFSET $3");
    let rows = tx.query(&sql, &[incident.into(), limit.into(), offset.into()]).await?;
    Ok((rows.into_iter().map(alert).collect::<Result<_, DbError>>()?, total))
}

/// The last alerts before one of them, or the last of all, the last first. Reads no more than it gives.
///
/// # Errors
/// When the database cannot answer.
pub async fn alerts_before(
    tx: &mut Tx<'_>,
    incident: IncidentId,
    before: Option<AlertId>,
    limit: i64,
) -> Result<Vec<StoredAlert>, DbError> {
    let place = if before.is_some() { "AND a.id < $3" } else { "" };
    let sql = format!("SELECT {ALERT} WHERE a.incident_id = $1 {place} ORDER BY a.id DESC LIMIT $2");
    let mut params: Vec<Val> = vec![incident.into(), limit.into()];
    params.extend(before.map(Val::from));
    tx.query(&sql, &params).await?.into_iter().map(alert).collect()
}
