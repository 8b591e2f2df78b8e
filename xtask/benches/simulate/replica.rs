//! One life of one replica: the program's own store, way in, workers and outbox, on the simulated database, clock and
//! providers. The loops around the workers are those of the program's `engine::worker`, with naps of the hall for sleeps.

use std::sync::Arc;

use opsknight_channels::Channel as Way;
use opsknight_domain::directory::Channel;
use opsknight_server::engine::{
    audit::Auditor,
    deliver::{Deliverer, Links},
    escalate::Escalator,
    ingest::{self, Ingest},
    outbox::Outbox,
};
use opsknight_store::{Store, db::Db, seal::Sealer};
use opsknight_web::state::Clock;
use tokio::task::JoinSet;

use crate::{
    hall::{Gate, Hall, Looks, SECOND, Who, Wrist},
    provider::{PROVIDERS, Provider},
};

/// How often leases that have ended are looked for.
const TAKE_BACK_EVERY: i64 = 5 * SECOND;

/// What every replica is made of, and is costly to make.
pub(crate) struct Parts {
    pub(crate) outbox: Outbox,
    pub(crate) sealer: Sealer,
    pub(crate) links: Links,
}

/// A replica that is alive.
pub(crate) struct Replica {
    pub(crate) store: Store,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) ingest: Ingest,
    pub(crate) auditor: Auditor,
    pub(crate) tasks: JoinSet<()>,
}

impl Replica {
    /// Starts it. One that is alone on its database takes back at once what a former life was sending.
    pub(crate) fn start(hall: &Arc<Hall>, parts: &Parts, who: Who) -> Self {
        let turnstile = Arc::new(Gate {
            hall: hall.clone(),
            who,
        });
        let db = Db::simulated(hall.memory.clone(), turnstile);
        let channels = hall.state().org.channels.clone();
        let alone = hall.state().alone;
        let store = Store::new(db, parts.sealer.clone(), channels);
        let clock: Arc<dyn Clock> = Arc::new(Wrist {
            hall: hall.clone(),
            replica: who.replica,
        });
        let outbox = Arc::new(parts.outbox.through(store.clone(), clock.clone(), ways(hall, who)));
        let deliverer = Deliverer::new(store.clone(), clock.clone(), outbox, parts.links.clone());
        let escalator = Escalator::new(store.clone(), clock.clone());
        let auditor = Auditor::new(store.clone(), clock.clone());
        let (ingest, ingester) = ingest::pair(store.clone(), clock.clone());
        let mut tasks = JoinSet::new();
        tasks.spawn(ingester.run());
        tasks.spawn(deliver(hall.clone(), who, deliverer, alone));
        tasks.spawn(escalate(hall.clone(), who, escalator));
        Self {
            store,
            clock,
            ingest,
            auditor,
            tasks,
        }
    }
}

fn ways(hall: &Arc<Hall>, who: Who) -> Vec<(Channel, Vec<Arc<dyn Way>>)> {
    let of = |channel: Channel| {
        let numbers = (0..PROVIDERS.len()).filter(move |number| PROVIDERS[*number].1 == channel);
        numbers.map(|number| -> Arc<dyn Way> {
            Arc::new(Provider {
                hall: hall.clone(),
                who,
                number,
            })
        })
    };
    Channel::ALL
        .into_iter()
        .map(|channel| (channel, of(channel).collect()))
        .collect()
}

async fn deliver(hall: Arc<Hall>, who: Who, mut deliverer: Deliverer, alone: bool) {
    while alone && deliverer.take_back_all().await.is_err() {
        hall.nap(who, Looks::Again).await;
    }
    let mut took_back_at = hall.state().now;
    loop {
        let turned = deliverer.turn().await;
        let failed = turned.is_err();
        if turned.is_ok_and(|n| n > 0) && deliverer.is_idle() {
            continue;
        }
        tokio::select! {
            biased;
            () = deliverer.wait(), if !deliverer.is_idle() && !failed => {}
            () = hall.nap(who, if failed { Looks::Again } else { Looks::Deliver }) => {}
        }
        let now = hall.state().now;
        if now - took_back_at >= TAKE_BACK_EVERY {
            took_back_at = now;
            let _failed = deliverer.take_back().await;
        }
    }
}

async fn escalate(hall: Arc<Hall>, who: Who, escalator: Escalator) {
    loop {
        let failed = escalator.run().await.is_err();
        hall.nap(who, if failed { Looks::Again } else { Looks::Escalate }).await;
    }
}
