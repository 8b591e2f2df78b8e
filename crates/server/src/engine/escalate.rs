//! Does what is due about incidents: the next step, the end of a snooze, clocks that ran out, tests that close.

use std::sync::Arc;

use jiff::Timestamp;
use opsknight_domain::escalation;
use opsknight_store::{Store, db::DbError, effects::Batch, incidents};
use opsknight_web::state::Clock;

use crate::failpoint;

/// Most incidents that are worked on in one transaction.
const BATCH_MAX: i64 = 200;

/// Works on incidents when they are due.
#[derive(Clone)]
pub struct Escalator {
    store: Store,
    clock: Arc<dyn Clock>,
}

impl Escalator {
    /// Works on the incidents of this store.
    #[must_use]
    pub fn new(store: Store, clock: Arc<dyn Clock>) -> Self {
        Self { store, clock }
    }

    /// Does everything that is due now, and says how many incidents that were.
    ///
    /// # Errors
    /// When the database cannot answer; what was done until then stays done.
    pub async fn run(&self) -> Result<usize, DbError> {
        let mut done = 0;
        loop {
            let now = self.clock.now();
            let next = self.store.db.read(async |tx| incidents::next_due(tx).await).await?;
            if next.is_none_or(|due| due > now) {
                return Ok(done);
            }
            let n = self.batch(now).await?;
            failpoint::hit("escalate.committed");
            metrics::counter!("opsknight_escalation_steps_total").increment(n as u64);
            if n == 0 {
                // All that is due is held by another replica.
                return Ok(done);
            }
            done += n;
        }
    }

    async fn batch(&self, now: Timestamp) -> Result<usize, DbError> {
        let (store, clock) = (self.store.clone(), self.clock.clone());
        let unit = async move |tx: &mut opsknight_store::db::Tx<'_>| {
            let picture = store.pictures.current(tx, now).await?;
            let due = incidents::lock_due(tx, now, BATCH_MAX).await?;
            let n = due.len();
            let mut batch = Batch::default();
            let mut fresh = || clock.uuid_v7();
            for incident in due {
                if let Some(change) = escalation::tick(incident, &picture.directory, now) {
                    batch.take(change, &mut fresh, now);
                }
            }
            batch.write(tx, &mut fresh, now).await?;
            failpoint::hit("escalate.before_commit");
            Ok::<_, DbError>(n)
        };
        self.store.db.write(unit).await
    }
}
