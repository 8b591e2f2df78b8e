//! Incidents as they are stored: reading one, reading many, writing them back.
//!
//! What an incident becomes is decided in `domain`; here it is only kept. Every writer goes through
//! [`crate::effects`].

use std::collections::HashMap;

use opsknight_domain::{
    id::{IncidentId, IntegrationId, ServiceId},
    incident::{Incident, Progress, Status},
    search,
    sla::Clocks,
    urgency::Urgency,
};
use serde_json::Value;

use crate::{
    db::{DbError, Insert, Kind, Row, Tx, Val},
    json,
};

mod counts;
mod list;
mod lookup;
mod merge;
mod pages;
mod plan;

pub use counts::{Counts, States, counts, open_count, states, waiting_for};
pub use list::{Filter, Listed, Sort, by_number, get, get_each, list, near};
pub use lookup::{add_words, change_words};
pub(crate) use merge::under_merged_keys;
pub use merge::{lead_to, leads_to};
pub use pages::{COUNT_MAX, Cursor, From, Slice, Total, page};

/// The columns of an incident in the order in which [`read`] takes them.
pub(crate) const COLUMNS: &str = "i.id, i.number, i.title, i.description, i.status, i.urgency, i.priority, i.tags, i.is_test, \
     i.dedup_key, i.service_id, i.assignee_id, i.assigned_by_hand, i.team_id, i.policy_id, i.escalation_round, \
     i.escalation_next_step, i.escalation_due, i.escalations, i.merged_into, i.snoozed_until, i.in_maintenance, i.ack_due, i.resolve_due, i.ack_breached, \
     i.resolve_breached, i.closes_at, i.custom_details, i.links, i.images, i.alert_count, i.changed_at, i.created_at, \
     i.acknowledged_at, i.resolved_at, i.updated_at";

/// Writes incidents: new ones are added, known ones are replaced as a whole.
static UPSERT: Insert = Insert {
    table: "incident",
    columns: &[
        ("id", Kind::Text),
        ("number", Kind::Int),
        ("title", Kind::Text),
        ("words", Kind::Text),
        ("description", Kind::Text),
        ("status", Kind::Text),
        ("urgency", Kind::Text),
        ("priority", Kind::Text),
        ("tags", Kind::Text),
        ("is_test", Kind::Bool),
        ("dedup_key", Kind::Text),
        ("service_id", Kind::Text),
        ("assignee_id", Kind::Text),
        ("assigned_by_hand", Kind::Bool),
        ("team_id", Kind::Text),
        ("policy_id", Kind::Text),
        ("escalation_round", Kind::Int),
        ("escalation_next_step", Kind::Int),
        ("escalation_due", Kind::Int),
        ("escalations", Kind::Int),
        ("merged_into", Kind::Text),
        ("snoozed_until", Kind::Int),
        ("in_maintenance", Kind::Bool),
        ("ack_due", Kind::Int),
        ("resolve_due", Kind::Int),
        ("ack_breached", Kind::Bool),
        ("resolve_breached", Kind::Bool),
        ("closes_at", Kind::Int),
        ("custom_details", Kind::Text),
        ("links", Kind::Text),
        ("images", Kind::Text),
        ("alert_count", Kind::Int),
        ("changed_at", Kind::Int),
        ("created_at", Kind::Int),
        ("acknowledged_at", Kind::Int),
        ("resolved_at", Kind::Int),
        ("updated_at", Kind::Int),
        ("due_at", Kind::Int),
        ("first_acknowledged_at", Kind::Int),
        ("integration_id", Kind::Text),
    ],
    tail: "ON CONFLICT (id) DO UPDATE SET title = excluded.title, words = excluded.words, description = excluded.description, \
           status = excluded.status, urgency = excluded.urgency, priority = excluded.priority, \
           tags = excluded.tags, merged_into = excluded.merged_into, \
           assignee_id = excluded.assignee_id, assigned_by_hand = excluded.assigned_by_hand, \
           team_id = excluded.team_id, policy_id = excluded.policy_id, escalation_round = excluded.escalation_round, \
           escalation_next_step = excluded.escalation_next_step, escalation_due = excluded.escalation_due, \
           escalations = excluded.escalations, \
           snoozed_until = excluded.snoozed_until, \
           in_maintenance = excluded.in_maintenance, ack_due = excluded.ack_due, resolve_due = excluded.resolve_due, \
           ack_breached = excluded.ack_breached, resolve_breached = excluded.resolve_breached, \
           closes_at = excluded.closes_at, custom_details = excluded.custom_details, links = excluded.links, \
           images = excluded.images, alert_count = excluded.alert_count, changed_at = excluded.changed_at, \
           acknowledged_at = excluded.acknowledged_at, \
           first_acknowledged_at = coalesce(incident.first_acknowledged_at, excluded.first_acknowledged_at), \
           resolved_at = excluded.resolved_at, updated_at = excluded.updated_at, due_at = excluded.due_at",
};

/// The words by which an incident is found.
fn words(incident: &Incident) -> String {
    let number = incident.number.to_string();
    search::kept([number.as_str(), &incident.title, &incident.dedup_key])
}

/// The values of an incident in the order of [`UPSERT`], with the integration whose alert opened it: that is only
/// written when the incident is new.
fn values(incident: &Incident, opened_by: Option<IntegrationId>) -> Vec<Val> {
    vec![
        incident.id.into(),
        incident.number.into(),
        incident.title.as_str().into(),
        words(incident).into(),
        incident.description.as_deref().into(),
        incident.status.word().into(),
        incident.urgency.word().into(),
        incident.priority.as_deref().into(),
        json::words(&incident.tags),
        incident.is_test.into(),
        incident.dedup_key.as_str().into(),
        incident.service.into(),
        incident.assignee.into(),
        incident.assigned_by_hand.into(),
        incident.team.into(),
        incident.policy.into(),
        incident.progress.round.into(),
        incident.progress.next_step.into(),
        incident.progress.due.into(),
        incident.escalations.into(),
        incident.merged_into.into(),
        incident.snoozed_until.into(),
        incident.in_maintenance.into(),
        incident.clocks.ack_due.into(),
        incident.clocks.resolve_due.into(),
        incident.clocks.ack_breached.into(),
        incident.clocks.resolve_breached.into(),
        incident.closes_at.into(),
        json::value(&incident.custom_details),
        json::links(&incident.links),
        json::images(&incident.images),
        incident.alert_count.into(),
        incident.changed_at.into(),
        incident.created_at.into(),
        incident.acknowledged_at.into(),
        incident.resolved_at.into(),
        incident.updated_at.into(),
        incident.due_at().into(),
        incident.acknowledged_at.into(),
        opened_by.into(),
    ]
}

/// Writes incidents, and what they are found by. Those with `first_new` or a greater number are new, and `openers` has
/// the integrations whose alerts opened them.
pub(crate) async fn write(
    tx: &mut Tx<'_>,
    incidents: &[Incident],
    openers: &HashMap<IncidentId, IntegrationId>,
    first_new: i64,
) -> Result<(), DbError> {
    let (new, known): (Vec<&Incident>, Vec<&Incident>) =
        incidents.iter().partition(|incident| incident.number >= first_new);
    let worded = |incidents: Vec<&Incident>| {
        let each = incidents.into_iter().map(|incident| (incident.number, words(incident)));
        each.collect()
    };
    lookup::change_words(tx, worded(known)).await?;
    let row = |incident: &Incident| values(incident, openers.get(&incident.id).copied());
    tx.insert_many(&UPSERT, incidents.iter().map(row).collect()).await?;
    lookup::add_words(tx, worded(new)).await
}

/// Reads the columns of [`COLUMNS`].
pub(crate) fn read(row: &mut Row) -> Result<Incident, DbError> {
    Ok(Incident {
        id: row.take()?,
        number: row.take()?,
        title: row.take()?,
        description: row.take()?,
        status: word(row, "status", Status::from_word)?,
        urgency: word(row, "urgency", Urgency::from_word)?,
        priority: row.take()?,
        tags: json::read_words(row.take()?)?,
        is_test: row.take()?,
        dedup_key: row.take()?,
        service: row.take()?,
        assignee: row.take()?,
        assigned_by_hand: row.take()?,
        team: row.take()?,
        policy: row.take()?,
        progress: Progress {
            round: row.take()?,
            next_step: row.take()?,
            due: row.take()?,
        },
        escalations: row.take()?,
        merged_into: row.take()?,
        snoozed_until: row.take()?,
        in_maintenance: row.take()?,
        clocks: Clocks {
            ack_due: row.take()?,
            resolve_due: row.take()?,
            ack_breached: row.take()?,
            resolve_breached: row.take()?,
        },
        closes_at: row.take()?,
        custom_details: row.take::<Option<Value>>()?.unwrap_or(Value::Null),
        links: json::read_links(row.take()?)?,
        images: json::read_images(row.take()?)?,
        alert_count: row.take()?,
        changed_at: row.take()?,
        created_at: row.take()?,
        acknowledged_at: row.take()?,
        resolved_at: row.take()?,
        updated_at: row.take()?,
    })
}

/// Reads a word of a closed set.
pub(crate) fn word<T>(row: &mut Row, column: &'static str, parse: impl Fn(&str) -> Option<T>) -> Result<T, DbError> {
    let text: String = row.take()?;
    parse(&text).ok_or_else(|| DbError::Corrupt {
        what: format!("{column} holds “{text}”"),
    })
}

/// The incident with this identity, held against other writers until the end of the unit.
///
/// # Errors
/// When the database cannot answer.
pub async fn lock(tx: &mut Tx<'_>, id: IncidentId) -> Result<Option<Incident>, DbError> {
    let sql = format!("SELECT {COLUMNS} FROM incident i WHERE i.id = $1 {{lock}}");
    tx.query_opt(&sql, &[id.into()])
        .await?
        .map(|mut row| read(&mut row))
        .transpose()
}

/// The live incidents under these keys, one answer a key, held against other writers until the end of the unit.
///
/// # Errors
/// When the database cannot answer.
pub async fn lock_live(tx: &mut Tx<'_>, keys: &[(ServiceId, String)]) -> Result<Vec<Option<Incident>>, DbError> {
    under_keys(tx, keys, "{lock}").await
}

/// The live incidents under these keys, one answer a key, as they stand now.
///
/// # Errors
/// When the database cannot answer.
pub async fn live(tx: &mut Tx<'_>, keys: &[(ServiceId, String)]) -> Result<Vec<Option<Incident>>, DbError> {
    under_keys(tx, keys, "").await
}

async fn under_keys(
    tx: &mut Tx<'_>,
    keys: &[(ServiceId, String)],
    lock: &str,
) -> Result<Vec<Option<Incident>>, DbError> {
    let sql = format!(
        "SELECT {COLUMNS} FROM incident i WHERE i.service_id = $1 AND i.dedup_key = $2 AND i.status <> 'RESOLVED' {lock}"
    );
    let asked = keys
        .iter()
        .map(|(service, key)| vec![(*service).into(), key.as_str().into()])
        .collect();
    let found = tx.find_each(&sql, asked, |mut row| read(&mut row)).await?;
    under_merged_keys(tx, keys, found, !lock.is_empty()).await
}

/// Up to `limit` incidents about which something must be done by `now`, those that wait longest first, held against
/// other writers; those that another worker holds are left out.
///
/// # Errors
/// When the database cannot answer.
pub async fn lock_due(tx: &mut Tx<'_>, now: jiff::Timestamp, limit: i64) -> Result<Vec<Incident>, DbError> {
    let sql = format!(
        "SELECT {COLUMNS} FROM incident i WHERE i.due_at <= $1 AND i.due_at IS NOT NULL ORDER BY i.due_at LIMIT $2 {{skip}}"
    );
    let rows = tx.query(&sql, &[now.into(), limit.into()]).await?;
    rows.into_iter().map(|mut row| read(&mut row)).collect()
}

/// When the next thing about any incident is due.
///
/// # Errors
/// When the database cannot answer.
pub async fn next_due(tx: &mut Tx<'_>) -> Result<Option<jiff::Timestamp>, DbError> {
    let sql = "SELECT due_at FROM incident WHERE due_at IS NOT NULL ORDER BY due_at LIMIT 1";
    tx.query_opt(sql, &[]).await?.map(|mut row| row.take()).transpose()
}

/// Whether another incident of the service is live under this key, its own or one that was merged into it.
///
/// # Errors
/// When the database cannot answer.
pub async fn another_live(tx: &mut Tx<'_>, incident: &Incident) -> Result<Option<IncidentId>, DbError> {
    let sql = "SELECT id FROM incident WHERE service_id = $1 AND dedup_key = $2 AND status <> 'RESOLVED' AND id <> $3 \
         UNION SELECT i.id FROM merged_key m JOIN incident i ON i.id = m.incident_id \
         WHERE m.service_id = $1 AND m.dedup_key = $2 AND i.status <> 'RESOLVED' AND i.id <> $3 LIMIT 1";
    let row = tx
        .query_opt(
            sql,
            &[
                incident.service.into(),
                incident.dedup_key.as_str().into(),
                incident.id.into(),
            ],
        )
        .await?;
    row.map(|mut row| row.take()).transpose()
}

/// The number and the title of each of these incidents, in their order; none for one that is not there.
///
/// # Errors
/// When the database cannot answer.
pub async fn names(tx: &mut Tx<'_>, ids: &[IncidentId]) -> Result<Vec<Option<(i64, String)>>, DbError> {
    let asked = ids.iter().map(|id| vec![(*id).into()]).collect();
    let sql = "SELECT number, title FROM incident WHERE id = $1";
    tx.find_each(sql, asked, |mut row| Ok((row.take()?, row.take()?))).await
}

/// Takes the next `count` incident numbers and gives the first of them.
pub(crate) async fn take_numbers(tx: &mut Tx<'_>, count: i64) -> Result<i64, DbError> {
    let sql = "UPDATE counter SET n = n + $1 WHERE name = 'incident_number' RETURNING n";
    let last: i64 = tx.query_one(sql, &[count.into()]).await?.take()?;
    Ok(last - count + 1)
}

/// What must not exist: open, unacknowledged incidents with steps left, or snoozed ones, that nothing will ever wake.
const FORGOTTEN: &str = "(i.status = 'OPEN' AND i.escalation_due IS NOT NULL AND (i.due_at IS NULL OR i.due_at > i.escalation_due)) \
     OR (i.status = 'SNOOZED' AND (i.snoozed_until IS NULL OR i.due_at IS NULL OR i.due_at > i.snoozed_until)) \
     OR (i.status = 'OPEN' AND i.due_at IS NULL AND i.policy_id IS NOT NULL AND NOT EXISTS \
         (SELECT 1 FROM entry e WHERE e.incident_id = i.id AND e.kind IN ('EXHAUSTED', 'NOT_PAGED')))";

/// Whether there are any that [`lock_forgotten`] would find: a look at all live incidents that needs no lock.
///
/// # Errors
/// When the database cannot answer.
pub async fn any_forgotten(tx: &mut Tx<'_>) -> Result<bool, DbError> {
    let sql = format!("SELECT i.id FROM incident i WHERE {FORGOTTEN} LIMIT 1");
    Ok(tx.query_opt(&sql, &[]).await?.is_some())
}

/// Incidents that nothing will ever wake, held against other writers. The auditor asks.
///
/// # Errors
/// When the database cannot answer.
pub async fn lock_forgotten(tx: &mut Tx<'_>, limit: i64) -> Result<Vec<Incident>, DbError> {
    let sql = format!("SELECT {COLUMNS} FROM incident i WHERE {FORGOTTEN} ORDER BY i.id LIMIT $1 {{skip}}");
    let rows = tx.query(&sql, &[limit.into()]).await?;
    rows.into_iter().map(|mut row| read(&mut row)).collect()
}
