//! Where the keys of merged incidents lead. Owns `merged_key` and what a merge moves; decides nothing.

use std::collections::HashMap;

use jiff::Timestamp;
use opsknight_domain::{
    id::{IncidentId, ServiceId},
    incident::Incident,
};

use super::{COLUMNS, read};
use crate::db::{DbError, Insert, Kind, Tx};

static KEYS: Insert = Insert {
    table: "merged_key",
    columns: &[
        ("service_id", Kind::Text),
        ("dedup_key", Kind::Text),
        ("incident_id", Kind::Text),
        ("merged_at", Kind::Int),
    ],
    tail: "ON CONFLICT (service_id, dedup_key) DO UPDATE SET incident_id = excluded.incident_id, \
           merged_at = excluded.merged_at",
};

/// For each key under which no incident is live: the live one that the incident under this key was merged into.
pub(crate) async fn under_merged_keys(
    tx: &mut Tx<'_>,
    keys: &[(ServiceId, String)],
    mut found: Vec<Option<Incident>>,
    lock: bool,
) -> Result<Vec<Option<Incident>>, DbError> {
    let places: Vec<usize> = (0..found.len()).filter(|place| found[*place].is_none()).collect();
    if places.is_empty() {
        return Ok(found);
    }
    let asked = places.iter().map(|place| {
        let (service, key) = &keys[*place];
        vec![(*service).into(), key.as_str().into()]
    });
    let sql = "SELECT incident_id FROM merged_key WHERE service_id = $1 AND dedup_key = $2";
    let ids: Vec<Option<IncidentId>> = tx.find_each(sql, asked.collect(), |mut row| row.take()).await?;
    // Each once and in one order, so that two replicas do not wait for each other.
    let mut wanted: Vec<IncidentId> = ids.iter().flatten().copied().collect();
    wanted.sort_unstable();
    wanted.dedup();
    if wanted.is_empty() {
        return Ok(found);
    }
    let lock = if lock { "{lock}" } else { "" };
    let sql = format!("SELECT {COLUMNS} FROM incident i WHERE i.id = $1 AND i.status <> 'RESOLVED' {lock}");
    let asked = wanted.iter().map(|id| vec![(*id).into()]).collect();
    let incidents = tx.find_each(&sql, asked, |mut row| read(&mut row)).await?;
    let live: HashMap<IncidentId, Incident> = incidents.into_iter().flatten().map(|one| (one.id, one)).collect();
    for (place, id) in places.into_iter().zip(ids) {
        found[place] = id.and_then(|id| live.get(&id).cloned());
    }
    Ok(found)
}

/// Where an incident went: itself, or the one that it was merged into. Never one that was merged.
///
/// # Errors
/// When the database cannot answer.
pub async fn leads_to(tx: &mut Tx<'_>, id: IncidentId) -> Result<IncidentId, DbError> {
    let sql = "SELECT merged_into FROM incident WHERE id = $1";
    let into = tx
        .query_opt(sql, &[id.into()])
        .await?
        .map(|mut row| row.take::<Option<IncidentId>>());
    Ok(into.transpose()?.flatten().unwrap_or(id))
}

/// Moves what a merge moves: the alerts, and where the key of the merged incident leads. What was merged into that one
/// before follows, so that everything that was merged is one step away from where it is.
///
/// # Errors
/// When the database does not take it.
pub async fn lead_to(tx: &mut Tx<'_>, source: &Incident, target: IncidentId, now: Timestamp) -> Result<(), DbError> {
    let (from, to) = (source.id.into(), target.into());
    let moves = "UPDATE alert SET incident_id = $2, merged_from = COALESCE(merged_from, $1) WHERE incident_id = $1";
    tx.execute(moves, &[from, to]).await?;
    for follows in [
        "UPDATE merged_key SET incident_id = $2 WHERE incident_id = $1",
        "UPDATE incident SET merged_into = $2 WHERE merged_into = $1 AND merged_into IS NOT NULL",
    ] {
        tx.execute(follows, &[source.id.into(), target.into()]).await?;
    }
    let key = vec![
        source.service.into(),
        source.dedup_key.as_str().into(),
        target.into(),
        now.into(),
    ];
    tx.insert_many(&KEYS, vec![key]).await?;
    Ok(())
}
