//! What must be true when all has come to rest: nothing waits, nothing is held, nobody was called twice without a reason,
//! and everything that was promised is there.

use std::collections::HashMap;

use opsknight_domain::id::{IncidentId, ReceiptId};
use opsknight_store::db::{DbError, simulated::Memory};
use serde_json::Value;

use super::{Watch, is_open};
use crate::hall::State;

/// All has come to rest.
pub(crate) fn at_the_end(state: &mut State, memory: &Memory) {
    let mut wrong = Vec::new();
    let watch = &state.watch;
    for id in &watch.open {
        let row = &watch.messages[id].row;
        wrong.push(format!(
            "{} to {:?} is {} for ever",
            row.purpose, row.address, row.state
        ));
    }
    for known in watch.incidents.values() {
        if is_open(known.shadow.status) && known.shadow.due.is_some() {
            wrong.push(format!("#{} is due for ever", known.row.number));
        }
    }
    for (id, calls) in &state.calls.taken {
        for call in &calls[..calls.len() - 1] {
            let call = &state.calls.all[*call];
            if call.excuse.is_none() {
                let number = watch.messages[id].row.incident.map_or(0, |id| watch.number(id));
                wrong.push(format!("#{number}: {} was paged twice without a reason", call.to));
            }
        }
    }
    match stored(memory) {
        Ok(stored) => promises(watch, &stored, &mut wrong),
        Err(error) => wrong.push(format!("what is stored cannot be read: {error}")),
    }
    wrong.sort();
    for why in wrong {
        state.watch.fail(why);
    }
}

/// What the database holds of what came in.
struct Stored {
    /// Receipts, with the incidents that they led to.
    receipts: HashMap<ReceiptId, Vec<Option<IncidentId>>>,
    /// The incidents that hold alerts of each.
    alerts: HashMap<Option<ReceiptId>, Vec<IncidentId>>,
    incidents: Vec<IncidentId>,
}

fn stored(memory: &Memory) -> Result<Stored, DbError> {
    memory.look(async |tx| {
        let mut receipts = HashMap::new();
        for mut row in tx.query("SELECT id, results FROM receipt ORDER BY id", &[]).await? {
            let id: ReceiptId = row.take()?;
            let results: Value = row.take()?;
            let each = results.as_array().into_iter().flatten();
            receipts.insert(
                id,
                each.map(|one| one["incidentId"].as_str().and_then(|id| id.parse().ok()))
                    .collect(),
            );
        }
        let mut alerts: HashMap<Option<ReceiptId>, Vec<IncidentId>> = HashMap::new();
        for mut row in tx
            .query("SELECT receipt_id, incident_id FROM alert ORDER BY id", &[])
            .await?
        {
            alerts.entry(row.take()?).or_default().push(row.take()?);
        }
        let rows = tx.query("SELECT id FROM incident ORDER BY id", &[]).await?;
        let incidents = rows.into_iter().map(|mut row| row.take()).collect::<Result<_, _>>()?;
        Ok(Stored {
            receipts,
            alerts,
            incidents,
        })
    })
}

fn promises(watch: &Watch, stored: &Stored, wrong: &mut Vec<String>) {
    for promise in &watch.promises {
        match stored.receipts.get(&promise.receipt) {
            None => wrong.push(format!("{} was answered 2xx and is not there", promise.receipt)),
            Some(incidents) if *incidents != promise.incidents => {
                wrong.push(format!("{} was answered with other incidents", promise.receipt));
            }
            Some(_) => {}
        }
    }
    for (receipt, incidents) in &stored.receipts {
        let mut led_to: Vec<IncidentId> = incidents.iter().flatten().copied().collect();
        let mut held = stored.alerts.get(&Some(*receipt)).cloned().unwrap_or_default();
        led_to.sort_unstable();
        held.sort_unstable();
        if led_to != held {
            wrong.push(format!("{receipt} has led to {led_to:?}, and {held:?} hold its alerts"));
        }
        if let Some(id) = led_to.iter().find(|id| !watch.incidents.contains_key(id)) {
            wrong.push(format!("{receipt} has led to {id}, which is not there"));
        }
    }
    let halves = stored
        .alerts
        .keys()
        .filter(|receipt| receipt.is_none_or(|id| !stored.receipts.contains_key(&id)));
    wrong.extend(halves.map(|receipt| format!("an alert of {receipt:?} is there, and not what it came in")));
    if stored.incidents.len() != watch.count() {
        wrong.push("there are incidents that no commit told of".into());
    }
}
