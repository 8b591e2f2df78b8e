//! Monitoring tools: they send, and send again what was not answered, to whichever replica is there.

use std::sync::{Arc, Mutex};

use opsknight_domain::{
    event::{Event, Normalised},
    id::{IntegrationId, ReceiptId},
    incident::Actor,
};
use opsknight_server::engine::ingest::{Ingest, IngestError, Job, Taken};
use opsknight_store::{Store, db::DbError, receipts::Receipt};
use opsknight_web::state::Clock;
use serde_json::Value;
use uuid::Uuid;

use crate::{
    hall::{Hall, SECOND, State},
    plan::Alert,
    watch::Promise,
};

/// Most times that something is sent.
const TRIES_MAX: u32 = 6;

/// The way into each replica that is alive.
pub(crate) type Doors = Arc<Mutex<Vec<Option<(Ingest, Store, Arc<dyn Clock>)>>>>;

/// Sends this until it is answered.
pub(crate) async fn send(hall: Arc<Hall>, doors: Doors, number: usize, alert: Alert) {
    hall.state().figures.events += 1;
    for _ in 0..TRIES_MAX {
        let door = {
            let mut state = hall.state();
            let working = state.working();
            let doors = doors.lock().expect("no task panics while it holds the doors");
            let open: Vec<usize> = working
                .into_iter()
                .filter(|replica| doors[*replica].is_some())
                .collect();
            let chosen = (!open.is_empty()).then(|| *state.dice.pick(&open));
            chosen.and_then(|replica| Some((replica, doors[replica].clone()?)))
        };
        if let Some((replica, (ingest, store, clock))) = door
            && hand_over(&hall, replica, (&ingest, &store, &*clock), number, &alert).await
        {
            return;
        }
        let wait = hall.state().dice.between(SECOND, 20 * SECOND);
        let at = hall.state().now + wait;
        hall.until(None, at).await;
    }
}

/// True when it was answered for good.
async fn hand_over(
    hall: &Arc<Hall>,
    replica: usize,
    (ingest, store, clock): (&Ingest, &Store, &dyn Clock),
    number: usize,
    alert: &Alert,
) -> bool {
    let receipt = ReceiptId::new(clock.uuid_v7());
    // As the way in does: what was checked against settings that have changed is checked again.
    loop {
        let checked_against = store.pictures.cached().directory.version;
        let taken = ingest.take(job(receipt, number, alert, clock, checked_against)).await;
        if taken != Err(IngestError::Stale) {
            return is_answered(&mut hall.state(), replica, number, receipt, taken);
        }
        let (pictures, now) = (store.pictures.clone(), clock.now());
        let read = store
            .db
            .read(async move |tx| pictures.current(tx, now).await.map(drop))
            .await;
        let read: Result<(), DbError> = read;
        if read.is_err() {
            return false;
        }
    }
}

/// Notes what was promised. True when the tool need not send it again.
fn is_answered(
    state: &mut State,
    replica: usize,
    number: usize,
    receipt: ReceiptId,
    taken: Result<Vec<Taken>, IngestError>,
) -> bool {
    let name = format!("tool {number}");
    let taken = match taken {
        Ok(taken) => taken,
        Err(error) => {
            state.say(&name, &format!("is not answered by replica {replica}: {error}"));
            return false;
        }
    };
    state.figures.answered += 1;
    let actions: Vec<&str> = taken.iter().map(|one| one.action).collect();
    state.say(&name, &format!("is answered by replica {replica}: {actions:?}"));
    let before = |one: &Taken| one.reason.as_deref() == Some("this delivery was received before");
    if !taken.iter().any(before) {
        let incidents = taken.iter().map(|one| one.incident.as_ref().map(|brief| brief.id));
        let incidents = incidents.collect();
        state.watch.promises.push(Promise { receipt, incidents });
    }
    true
}

fn job(id: ReceiptId, number: usize, alert: &Alert, clock: &dyn Clock, checked_against: i64) -> Job {
    let events = alert.events.iter().map(|(action, key, severity)| {
        Normalised::Event(Box::new(Event::new(
            *action,
            key.clone(),
            *severity,
            format!("{key} is wrong"),
        )))
    });
    let integration = IntegrationId::new(Uuid::from_u128((0x4000 << 64) | (0x8000 << 48) | 1));
    Job {
        receipt: Receipt {
            id,
            at: clock.now(),
            integration: Some(integration),
            service: Some(alert.service),
            kind: "WEBHOOK".into(),
            method: "POST".into(),
            path: "/api/integrations/webhook".into(),
            query: String::new(),
            headers: Value::Object(serde_json::Map::new()),
            body: b"{}".to_vec(),
            status: 202,
            results: Value::Array(Vec::new()),
            remote_id: Some(format!("r{number}")),
            is_test: false,
            replay_of: None,
        },
        service: alert.service,
        actor: Actor::Integration { name: "Tool".into() },
        events: events.collect(),
        checked_against,
        again: None,
    }
}
