//! What a request would lead to, decided as it would be decided and not written; and the line of the audit log when a
//! received request is run again.

use std::{collections::HashMap, sync::Arc};

use opsknight_domain::{event::Normalised, id::ReceiptId, incident::Incident};
use opsknight_store::{
    Store,
    audit::{self, AuditLine},
    db::{DbError, Tx},
    effects::Batch,
};
use opsknight_web::{
    receive::{Again, Foreseen, Standing},
    state::Clock,
};
use serde_json::json;

use super::{Decide, Job, Known};

/// Decides what this request would lead to if it came in now, one entry an event. Nothing is written.
///
/// # Errors
/// When the database cannot answer.
pub async fn foresee(store: &Store, clock: Arc<dyn Clock>, job: Job) -> Result<Vec<Foreseen>, DbError> {
    let pictures = store.pictures.clone();
    let unit = async move |tx: &mut Tx<'_>| {
        let now = job.receipt.at;
        let picture = pictures.current(tx, now).await?;
        let mut known = Known::look(tx, &job).await?;
        let mut batch = Batch::default();
        let mut fresh = || clock.uuid_v7();
        // Incidents that only this request would open, by the event that opens them.
        let mut opened = HashMap::new();
        let mut foreseen = Vec::with_capacity(job.events.len());
        for (place, event) in job.events.iter().enumerate() {
            let meant = match event {
                Normalised::Event(event) => known.live(job.service, &event.dedup_key).map(standing),
                Normalised::Ignored { .. } => None,
            };
            let mut decide = Decide {
                directory: &picture.directory,
                known: &mut known,
                batch: &mut batch,
                now,
            };
            let taken = decide.take(&job, event, &mut fresh);
            let opened_by = meant.as_ref().and_then(|incident| opened.get(&incident.id).copied());
            if let (None, Some(incident)) = (&meant, &taken.incident) {
                opened.insert(incident.id, place);
            }
            foreseen.push(Foreseen {
                event: event.clone(),
                origins: Vec::new(),
                action: taken.action,
                incident: meant.filter(|_| opened_by.is_none()),
                opened_by,
                reason: taken.reason,
            });
        }
        Ok(foreseen)
    };
    store.db.read(unit).await
}

fn standing(incident: &Incident) -> Standing {
    Standing {
        id: incident.id,
        number: incident.number,
        title: incident.title.clone(),
        status: incident.status.word(),
    }
}

/// Notes who ran a request again, in the transaction of what came of it.
pub(super) async fn record(
    tx: &mut Tx<'_>,
    again: &Again,
    receipt: ReceiptId,
    replay_of: Option<ReceiptId>,
) -> Result<(), DbError> {
    let line = AuditLine {
        id: again.audit,
        at: again.at,
        actor: &again.by,
        actor_id: Some(again.by_id.clone()),
        ip: again.ip.clone(),
        action: "event.replayed",
        object_kind: "event",
        object_id: replay_of.unwrap_or(receipt).to_string(),
        object_name: &again.name,
        changes: json!({ "replay": { "from": null, "to": receipt.to_string() } }),
    };
    audit::record(tx, &line).await
}
