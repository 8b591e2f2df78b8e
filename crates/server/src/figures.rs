//! The figures of `/metrics` that are true of the moment in which they are asked for: what waits and for how long, how
//! the workers are, when a page was last sent and a copy of the database made. Counters are counted where things happen.
//!
//! It looks things up and holds no rule: what is bad is said by `deploy/monitoring`.

use std::{sync::Arc, time::Duration};

use jiff::Timestamp;
use metrics::{counter, gauge};
use metrics_exporter_prometheus::PrometheusHandle;
use opsknight_store::{
    Store,
    audit::{self, of_program},
    db::{self, DbError, Tx},
    deliveries::{self, Health},
    incidents::{self, Counts},
    queues::{self, Queue},
};
use opsknight_web::{state::Clock, vitals::Vitals as _};
use tokio::{sync::Mutex, time::Instant};

use crate::engine::{ingest::Ingest, worker::Pulse};

/// What was looked up is good for so long: whoever asks more often is told the same.
const GOOD_FOR: Duration = Duration::from_secs(1);
/// How long the database may take to answer.
const WITHIN: Duration = Duration::from_secs(5);
/// What the auditor can find, so that the first finding is a step from 0 to 1 and not a figure out of nowhere.
const FINDINGS: [&str; 3] = ["abandoned_delivery", "forgotten_incident", "maintenance"];

/// Where the figures come from. Clones share it.
#[derive(Clone)]
pub(crate) struct Figures {
    store: Store,
    clock: Arc<dyn Clock>,
    pulse: Pulse,
    way_in: Ingest,
    handle: PrometheusHandle,
    /// When they were last looked up.
    looked: Arc<Mutex<Option<Instant>>>,
}

/// What the database knows.
struct Known {
    queues: Vec<Queue>,
    expired: i64,
    health: Health,
    counts: Counts,
    backup: Option<Timestamp>,
}

impl Figures {
    /// Looks up figures of these.
    pub(crate) fn new(
        store: Store,
        clock: Arc<dyn Clock>,
        pulse: Pulse,
        way_in: Ingest,
        handle: PrometheusHandle,
    ) -> Self {
        Self {
            store,
            clock,
            pulse,
            way_in,
            handle,
            looked: Arc::default(),
        }
    }

    /// The text of `/metrics`.
    pub(crate) async fn render(&self) -> String {
        let mut looked = self.looked.lock().await;
        if looked.is_none_or(|at| at.elapsed() >= GOOD_FOR) {
            self.look().await;
            *looked = Some(Instant::now());
        }
        drop(looked);
        self.handle.run_upkeep();
        self.handle.render()
    }

    async fn look(&self) {
        let now = self.clock.now();
        self.of_this_server(now);
        let known = async { (self.known(now).await, self.store.db.facts().await) };
        let is_up = match tokio::time::timeout(WITHIN, known).await {
            Ok((Ok(known), Ok(facts))) => {
                of_database(&known, &facts, now);
                true
            }
            Ok((known, facts)) => {
                for error in [known.err(), facts.err()].into_iter().flatten() {
                    tracing::error!(%error, "the figures of the database could not be looked up");
                }
                false
            }
            Err(_) => {
                tracing::error!("the database did not answer within {WITHIN:?} what its figures are");
                false
            }
        };
        gauge!("opsknight_database_up").set(flag(is_up));
    }

    fn of_this_server(&self, now: Timestamp) {
        let version = env!("CARGO_PKG_VERSION");
        gauge!("opsknight_build_info", "version" => version).set(1.0);
        for kind in FINDINGS {
            counter!("opsknight_auditor_findings_total", "kind" => kind).increment(0);
        }
        counter!("opsknight_lease_expiries_total").increment(0);
        gauge!("opsknight_ingest_queue").set(count(self.way_in.waiting()));
        gauge!("opsknight_ingest_oldest_seconds").set(self.way_in.oldest().as_secs_f64());
        let condition = self.pulse.read(now);
        gauge!("opsknight_start_timestamp_seconds").set(seconds(condition.started_at));
        for worker in condition.workers {
            gauge!("opsknight_worker_last_run_timestamp_seconds", "worker" => worker.name)
                .set(seconds(worker.last_run_at));
            gauge!("opsknight_worker_stands_still", "worker" => worker.name).set(flag(worker.stands_still));
            gauge!("opsknight_worker_failing", "worker" => worker.name).set(flag(worker.failing_since.is_some()));
        }
        gauge!("opsknight_integrations_unreadable").set(count(self.store.pictures.cached().unreadable));
    }

    async fn known(&self, now: Timestamp) -> Result<Known, DbError> {
        let unit = async move |tx: &mut Tx<'_>| {
            let counts = incidents::counts(tx, None).await?;
            let backup = audit::last_of(tx, of_program::DATABASE, 1).await?;
            Ok::<_, DbError>(Known {
                queues: queues::queues(tx, now).await?,
                expired: queues::expired_leases(tx, now).await?,
                // How many failed is counted where they fail.
                health: deliveries::health(tx, now, now).await?,
                counts: counts.into_iter().fold(Counts::default(), |all, (_, one)| Counts {
                    open: all.open + one.open,
                    open_high: all.open_high + one.open_high,
                    acknowledged: all.acknowledged + one.acknowledged,
                    snoozed: all.snoozed + one.snoozed,
                }),
                backup: backup.first().map(|line| line.at),
            })
        };
        self.store.db.read(unit).await
    }
}

fn of_database(known: &Known, facts: &db::Facts, now: Timestamp) {
    for queue in &known.queues {
        gauge!("opsknight_queue_waiting", "queue" => queue.name).set(number(queue.waiting));
        gauge!("opsknight_queue_oldest_seconds", "queue" => queue.name).set(age(queue.oldest_due_at, now));
    }
    gauge!("opsknight_leases_expired").set(number(known.expired));
    gauge!("opsknight_deliveries_waiting").set(number(known.health.waiting));
    gauge!("opsknight_deliveries_oldest_seconds").set(age(known.health.oldest_due_at, now));
    if let Some(at) = known.health.last_page_sent_at {
        gauge!("opsknight_last_page_timestamp_seconds").set(seconds(at));
    }
    if let Some(at) = known.backup {
        gauge!("opsknight_last_backup_timestamp_seconds").set(seconds(at));
    }
    let states = [
        ("open", known.counts.open),
        ("acknowledged", known.counts.acknowledged),
        ("snoozed", known.counts.snoozed),
    ];
    for (status, n) in states {
        gauge!("opsknight_incidents", "status" => status).set(number(n));
    }
    gauge!("opsknight_database_size_bytes").set(number(facts.size_bytes));
    if let Some(bytes) = facts.log_bytes {
        gauge!("opsknight_database_log_bytes").set(number(bytes));
    }
    // One process serves an embedded database.
    gauge!("opsknight_replica_addresses").set(number(facts.connected_from.unwrap_or(1)));
}

fn age(since: Option<Timestamp>, now: Timestamp) -> f64 {
    since.map_or(0.0, |since| now.duration_since(since).as_secs_f64().max(0.0))
}

fn flag(is: bool) -> f64 {
    f64::from(u8::from(is))
}

#[expect(clippy::cast_precision_loss, reason = "seconds since 1970 are far below 2^52")]
fn seconds(at: Timestamp) -> f64 {
    at.as_second() as f64
}

#[expect(clippy::cast_precision_loss, reason = "counts and sizes are far below 2^52")]
fn number(n: i64) -> f64 {
    n as f64
}

#[expect(clippy::cast_precision_loss, reason = "counts are far below 2^52")]
fn count(n: usize) -> f64 {
    n as f64
}
