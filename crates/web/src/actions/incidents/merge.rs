//! The other incident of a merge: finding it, and holding both against other writers.

use std::collections::HashMap;

use opsknight_domain::{id::IncidentId, incident::Incident};
use opsknight_store::{db::Tx, effects::Batch, incidents};

use super::Act;
use crate::api::error::ApiError;

/// Holds the incident and those that it is to be merged into, in one order, so that two that are merged into each other
/// at the same time do not wait for each other.
pub(super) async fn lock_all(
    tx: &mut Tx<'_>,
    id: IncidentId,
    acts: &[Act],
) -> Result<HashMap<IncidentId, Incident>, ApiError> {
    let mut ids = vec![id];
    for act in acts {
        if let Act::Merge { into } = act {
            ids.push(incidents::leads_to(tx, *into).await?);
        }
    }
    ids.sort_unstable();
    ids.dedup();
    let mut held = HashMap::new();
    for id in ids {
        if let Some(incident) = incidents::lock(tx, id).await? {
            held.insert(id, incident);
        }
    }
    Ok(held)
}

/// The incident that goes on, as the decisions so far have left it.
pub(super) async fn other(
    tx: &mut Tx<'_>,
    batch: &Batch,
    held: &HashMap<IncidentId, Incident>,
    into: IncidentId,
) -> Result<Incident, ApiError> {
    let id = incidents::leads_to(tx, into).await?;
    let found = batch.incident(id).or_else(|| held.get(&id)).cloned();
    found.ok_or_else(|| ApiError::invalid("into", "there is no such incident"))
}
