//! The workers: each looks after its kind of work again and again, sooner when something woke it, until the program
//! shuts down. A worker that fails says so and goes on; `/readyz` tells when one stands still.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use jiff::{SignedDuration, Timestamp};
use opsknight_store::{
    Store,
    db::{DbError, Wake},
};
use opsknight_web::{
    state::Clock,
    vitals::{Condition, Vitals, Worker},
};
use tokio::{sync::broadcast, time};
use tokio_util::sync::CancellationToken;

use super::{
    audit::{self, Auditor},
    deliver::Deliverer,
    escalate::Escalator,
};

/// How long a worker waits at most before it looks again: wake-ups are only hints.
const LOOK_EVERY: Duration = Duration::from_secs(1);
/// How often leases that have ended are looked for.
const TAKE_BACK_EVERY: Duration = Duration::from_secs(5);
/// How often the auditor looks.
const AUDIT_EVERY: Duration = Duration::from_secs(60);
/// A worker that has not finished a run for so long stands still.
const STILL_AFTER: SignedDuration = SignedDuration::from_secs(30);
/// The same for the auditor.
const AUDIT_STILL_AFTER: SignedDuration = SignedDuration::from_mins(5);

/// When each worker last finished a run, and how.
#[derive(Debug, Clone)]
pub struct Pulse {
    started_at: Timestamp,
    last: Arc<Mutex<BTreeMap<&'static str, Beat>>>,
}

/// The last run of a worker.
#[derive(Debug, Clone, Copy)]
struct Beat {
    at: Timestamp,
    failing_since: Option<Timestamp>,
}

impl Beat {
    const fn well(at: Timestamp) -> Self {
        Self {
            at,
            failing_since: None,
        }
    }
}

/// The workers without which nobody is paged.
const EXPECTED: [&str; 2] = ["deliver", "escalate"];

impl Pulse {
    /// Workers that begin now.
    #[must_use]
    pub fn new(now: Timestamp) -> Self {
        let last = EXPECTED.map(|worker| (worker, Beat::well(now))).into();
        Self {
            started_at: now,
            last: Arc::new(Mutex::new(last)),
        }
    }

    fn beat(&self, worker: &'static str, failed: bool, now: Timestamp) {
        #[expect(clippy::cast_precision_loss, reason = "seconds since 1970 are far below 2^52")]
        metrics::gauge!("opsknight_worker_last_run_timestamp_seconds", "worker" => worker).set(now.as_second() as f64);
        let mut last = self.last.lock().unwrap_or_else(PoisonError::into_inner);
        let beat = last.entry(worker).or_insert(Beat::well(now));
        beat.at = now;
        beat.failing_since = failed.then(|| beat.failing_since.unwrap_or(now));
    }

    /// The workers that stand still.
    #[must_use]
    pub fn still(&self, now: Timestamp) -> Vec<&'static str> {
        let last = self.last.lock().unwrap_or_else(PoisonError::into_inner);
        let late = |worker: &&'static str| last.get(worker).is_none_or(|beat| is_late(worker, beat.at, now));
        EXPECTED.into_iter().filter(late).collect()
    }
}

/// Whether a worker should have finished another run. The auditor looks less often than the others.
fn is_late(worker: &str, at: Timestamp, now: Timestamp) -> bool {
    let after = if worker == "audit" {
        AUDIT_STILL_AFTER
    } else {
        STILL_AFTER
    };
    now.duration_since(at) > after
}

impl Vitals for Pulse {
    fn read(&self, now: Timestamp) -> Condition {
        let last = self.last.lock().unwrap_or_else(PoisonError::into_inner);
        let workers = last.iter().map(|(name, beat)| Worker {
            name,
            last_run_at: beat.at,
            stands_still: is_late(name, beat.at, now),
            failing_since: beat.failing_since,
        });
        Condition {
            started_at: self.started_at,
            workers: workers.collect(),
            forgets: audit::FORGETS.to_vec(),
        }
    }
}

/// What all workers share.
#[derive(Clone)]
pub struct Shift {
    /// The database, for its wake-ups.
    pub store: Store,
    /// Time.
    pub clock: Arc<dyn Clock>,
    /// Where workers show that they move.
    pub pulse: Pulse,
    /// Ends all work.
    pub stop: CancellationToken,
}

impl Shift {
    fn log(result: Result<usize, DbError>, worker: &'static str) {
        if let Err(error) = result {
            tracing::error!(worker, error = %error, "a worker could not do its work and tries again");
        }
    }

    /// Sends messages until the program shuts down, and then records those that are on their way.
    pub async fn deliver(self, mut deliverer: Deliverer) {
        let mut wakes = self.store.db.subscribe();
        let mut take_back = time::interval(TAKE_BACK_EVERY);
        take_back.set_missed_tick_behavior(time::MissedTickBehavior::Delay);
        loop {
            let turned = deliverer.turn().await;
            let failed = turned.is_err();
            let did = turned.as_ref().is_ok_and(|n| *n > 0);
            Self::log(turned, "deliver");
            self.pulse.beat("deliver", failed, self.clock.now());
            if did && deliverer.is_idle() && !self.stop.is_cancelled() {
                continue;
            }
            tokio::select! {
                () = self.stop.cancelled() => break,
                () = deliverer.wait(), if !deliverer.is_idle() && !failed => {}
                () = woken(&mut wakes, |wake| matches!(wake, Wake::Deliveries | Wake::All)) => {}
                _ = take_back.tick() => Self::log(deliverer.take_back().await, "deliver"),
                () = time::sleep(LOOK_EVERY) => {}
            }
        }
        Self::log(deliverer.finish().await.map(|()| 0), "deliver");
    }

    /// Works on incidents that are due until the program shuts down.
    pub async fn escalate(self, escalator: Escalator) {
        loop {
            let ran = escalator.run().await;
            let failed = ran.is_err();
            Self::log(ran, "escalate");
            self.pulse.beat("escalate", failed, self.clock.now());
            tokio::select! {
                () = self.stop.cancelled() => return,
                () = time::sleep(LOOK_EVERY) => {}
            }
        }
    }

    /// Looks for what must not exist until the program shuts down.
    pub async fn audit(self, auditor: Auditor) {
        let mut every = time::interval(AUDIT_EVERY);
        every.set_missed_tick_behavior(time::MissedTickBehavior::Delay);
        loop {
            tokio::select! {
                () = self.stop.cancelled() => return,
                _ = every.tick() => {}
            }
            let ran = auditor.run().await;
            let failed = ran.is_err();
            Self::log(ran, "audit");
            self.pulse.beat("audit", failed, self.clock.now());
        }
    }
}

/// Waits for a wake-up of this kind; missed ones count as one.
async fn woken(wakes: &mut broadcast::Receiver<Wake>, wanted: impl Fn(&Wake) -> bool) {
    loop {
        match wakes.recv().await {
            Ok(wake) if wanted(&wake) => return,
            Ok(_) => {}
            Err(broadcast::error::RecvError::Lagged(_)) => return,
            Err(broadcast::error::RecvError::Closed) => std::future::pending::<()>().await,
        }
    }
}
