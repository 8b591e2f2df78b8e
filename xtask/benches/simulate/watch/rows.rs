//! Rows as they are after a commit. It reads by SQLite's own row numbers, which the database tells of each change.

use jiff::Timestamp;
use opsknight_domain::{
    id::{DeliveryId, IncidentId, PolicyId, ServiceId, UserId},
    incident::Status,
    urgency::Urgency,
};
use opsknight_store::db::{
    DbError, Row, Tx,
    simulated::{Changed, Memory},
};
use serde_json::Value;

/// An incident.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Inc {
    pub(super) id: IncidentId,
    pub(super) number: i64,
    pub(super) status: Status,
    pub(super) urgency: Urgency,
    pub(super) key: String,
    pub(super) service: ServiceId,
    pub(super) assignee: Option<UserId>,
    pub(super) policy: Option<PolicyId>,
    pub(super) round: u32,
    pub(super) next: u32,
    pub(super) escalation_due: Option<Timestamp>,
    pub(super) snoozed_until: Option<Timestamp>,
    pub(super) in_maintenance: bool,
    pub(super) due_at: Option<Timestamp>,
}

/// A message.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Del {
    pub(super) id: DeliveryId,
    pub(super) purpose: String,
    pub(super) channel: String,
    pub(super) incident: Option<IncidentId>,
    pub(super) user: Option<UserId>,
    pub(super) address: Option<String>,
    pub(super) escalation: Option<u32>,
    pub(super) step: Option<(u32, u32)>,
    pub(super) state: String,
    pub(super) in_order: bool,
    pub(super) due_at: Timestamp,
    pub(super) tries: u32,
    pub(super) bundle: Option<DeliveryId>,
    pub(super) lease_until: Option<Timestamp>,
    pub(super) outcome: Option<String>,
    pub(super) created_at: Timestamp,
}

/// A sentence of a timeline.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Ent {
    pub(super) incident: IncidentId,
    pub(super) at: Timestamp,
    pub(super) kind: String,
    pub(super) actor_kind: String,
    pub(super) actor: Option<UserId>,
    pub(super) text: String,
    pub(super) data: Value,
}

/// What a commit has changed.
#[derive(Debug, Default)]
pub(super) struct Seen {
    pub(super) incidents: Vec<Inc>,
    pub(super) deliveries: Vec<Del>,
    pub(super) entries: Vec<Ent>,
}

pub(super) fn read(memory: &Memory, changes: &[Changed]) -> Result<Seen, DbError> {
    memory.look(async |tx| {
        let mut seen = Seen::default();
        for (table, row) in changes {
            match *table {
                "incident" => seen.incidents.extend(incident(tx, *row).await?),
                "delivery" => seen.deliveries.extend(delivery(tx, *row).await?),
                "entry" => seen.entries.extend(entry(tx, *row).await?),
                _ => {}
            }
        }
        Ok(seen)
    })
}

fn word<T>(row: &mut Row, read: impl Fn(&str) -> Option<T>) -> Result<T, DbError> {
    let text: String = row.take()?;
    read(&text).ok_or(DbError::Corrupt { what: text })
}

async fn incident(tx: &mut Tx<'_>, rowid: i64) -> Result<Option<Inc>, DbError> {
    let sql = "SELECT id, number, status, urgency, dedup_key, service_id, assignee_id, policy_id, escalation_round, \
               escalation_next_step, escalation_due, snoozed_until, in_maintenance, due_at FROM incident WHERE rowid = $1";
    let Some(mut row) = tx.query_opt(sql, &[rowid.into()]).await? else {
        return Ok(None);
    };
    Ok(Some(Inc {
        id: row.take()?,
        number: row.take()?,
        status: word(&mut row, Status::from_word)?,
        urgency: word(&mut row, Urgency::from_word)?,
        key: row.take()?,
        service: row.take()?,
        assignee: row.take()?,
        policy: row.take()?,
        round: row.take()?,
        next: row.take()?,
        escalation_due: row.take()?,
        snoozed_until: row.take()?,
        in_maintenance: row.take()?,
        due_at: row.take()?,
    }))
}

async fn delivery(tx: &mut Tx<'_>, rowid: i64) -> Result<Option<Del>, DbError> {
    let sql = "SELECT id, purpose, channel, incident_id, user_id, address, escalation, step_round, step_index, state, in_order, due_at, \
               tries, bundle_id, lease_until, outcome, created_at FROM delivery WHERE rowid = $1";
    let Some(mut row) = tx.query_opt(sql, &[rowid.into()]).await? else {
        return Ok(None);
    };
    Ok(Some(Del {
        id: row.take()?,
        purpose: row.take()?,
        channel: row.take()?,
        incident: row.take()?,
        user: row.take()?,
        address: row.take()?,
        escalation: row.take()?,
        step: row.take::<Option<u32>>()?.zip(row.take::<Option<u32>>()?),
        state: row.take()?,
        in_order: row.take()?,
        due_at: row.take()?,
        tries: row.take()?,
        bundle: row.take()?,
        lease_until: row.take()?,
        outcome: row.take()?,
        created_at: row.take()?,
    }))
}

async fn entry(tx: &mut Tx<'_>, rowid: i64) -> Result<Option<Ent>, DbError> {
    let sql = "SELECT incident_id, at, kind, actor_kind, actor_id, text, data FROM entry WHERE rowid = $1";
    let Some(mut row) = tx.query_opt(sql, &[rowid.into()]).await? else {
        return Ok(None);
    };
    Ok(Some(Ent {
        incident: row.take()?,
        at: row.take()?,
        kind: row.take()?,
        actor_kind: row.take()?,
        actor: row.take()?,
        text: row.take()?,
        data: row.take::<Option<Value>>()?.unwrap_or_default(),
    }))
}
