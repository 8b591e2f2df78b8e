//! Takes events in: many requests share one transaction, and each is answered after its commit.
//!
//! Whoever receives a request has checked and parsed it; here events become alerts and incidents. A request that the
//! database refuses, or that was checked against settings that have changed since, fails alone.

use std::{
    future::poll_fn,
    sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError},
    time::{Duration, Instant},
};

use jiff::Timestamp;
use opsknight_domain::{
    event::Normalised,
    id::{IntegrationId, ServiceId},
    incident::Actor,
};
use opsknight_store::{
    Store,
    db::{DbError, Tx},
    effects::Batch,
    receipts::{self, Receipt},
};
use opsknight_web::{receive::Again, state::Clock};
use tokio::sync::{mpsc, oneshot};

use crate::failpoint;

mod decide;
mod replay;
mod taken;

use decide::{Decide, Known};

pub use replay::foresee;
pub use taken::{Brief, Taken};

/// Most requests that wait to be committed; one more is answered 503.
pub const QUEUE_MAX: usize = 4096;
/// Most requests in one transaction.
const BATCH_MAX: usize = 256;
/// Most times that a transaction is tried again because another replica opened an incident under the same key.
const RACES_MAX: usize = 5;

/// A request that was checked and parsed.
#[derive(Debug)]
pub struct Job {
    /// What is kept of it; `results` are filled in here.
    pub receipt: Receipt,
    /// The service that its events are for.
    pub service: ServiceId,
    /// Who sent it.
    pub actor: Actor,
    /// What it says.
    pub events: Vec<Normalised>,
    /// The version of the settings against which it was checked.
    pub checked_against: i64,
    /// Who runs again what was received before; none for what a sender sent.
    pub again: Option<Again>,
}

/// Why a request was not taken in. Nothing of it is stored.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum IngestError {
    /// Too much waits, or the database cannot take it now.
    #[error("{0}")]
    Unavailable(String),
    /// The settings have changed since it was checked: check it again.
    #[error("the settings have changed")]
    Stale,
    /// The database will never take it.
    #[error("{0}")]
    Refused(String),
}

type Answer = Result<Vec<Taken>, IngestError>;

/// The way in. Clones share it.
#[derive(Clone, Debug)]
pub struct Ingest {
    queue: mpsc::Sender<Waiting>,
    working: Arc<Mutex<Option<Instant>>>,
}

impl Ingest {
    /// Takes a request in and answers after the commit.
    ///
    /// # Errors
    /// See [`IngestError`].
    pub async fn take(&self, job: Job) -> Answer {
        let (answer, answered) = oneshot::channel();
        let full = |_| IngestError::Unavailable("too many events wait to be stored".into());
        self.queue.try_send((job, answer)).map_err(full)?;
        answered
            .await
            .unwrap_or_else(|_| Err(IngestError::Unavailable("the program is shutting down".into())))
    }

    /// How many requests wait their turn.
    pub(crate) fn waiting(&self) -> usize {
        QUEUE_MAX - self.queue.capacity()
    }

    /// How long those that are being committed have been: whatever waits came after them.
    pub(crate) fn oldest(&self) -> Duration {
        locked(&self.working).map_or(Duration::ZERO, |since| since.elapsed())
    }
}

/// A request and who waits for its answer.
type Waiting = (Job, oneshot::Sender<Answer>);

/// The other end of [`Ingest`]: works through what was taken in.
pub struct Ingester {
    store: Store,
    clock: Arc<dyn Clock>,
    queue: Arc<Mutex<mpsc::Receiver<Waiting>>>,
    working: Arc<Mutex<Option<Instant>>>,
}

/// Requests that are committed together. The first is there from the start; the others are those that wait when the
/// transaction begins, so that whatever comes while others are being committed is in it.
struct Load {
    first: Mutex<Option<Waiting>>,
    queue: Arc<Mutex<mpsc::Receiver<Waiting>>>,
    /// A transaction that is tried again has the same requests as before.
    bound: OnceLock<Bound>,
}

/// What a [`Load`] holds once its transaction has begun.
struct Bound {
    jobs: Vec<Job>,
    answers: Mutex<Vec<oneshot::Sender<Answer>>>,
    now: Timestamp,
}

impl Load {
    fn bind(&self, clock: &dyn Clock) -> &Bound {
        self.bound.get_or_init(|| {
            let mut waiting: Vec<Waiting> = locked(&self.first).take().into_iter().collect();
            let mut queue = locked(&self.queue);
            while waiting.len() < BATCH_MAX
                && let Ok(next) = queue.try_recv()
            {
                waiting.push(next);
            }
            drop(queue);
            let (jobs, answers) = waiting.into_iter().unzip();
            Bound {
                jobs,
                answers: Mutex::new(answers),
                now: clock.now(),
            }
        })
    }
}

fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// A way in and its worker.
#[must_use]
pub fn pair(store: Store, clock: Arc<dyn Clock>) -> (Ingest, Ingester) {
    let (sender, queue) = mpsc::channel(QUEUE_MAX);
    let queue = Arc::new(Mutex::new(queue));
    let working = Arc::default();
    let way_in = Ingest {
        queue: sender,
        working: Arc::clone(&working),
    };
    let ingester = Ingester {
        store,
        clock,
        queue,
        working,
    };
    (way_in, ingester)
}

impl Ingester {
    /// Works until the last [`Ingest`] is gone and everything that was taken in is answered.
    pub async fn run(self) {
        while let Some(first) = poll_fn(|cx| locked(&self.queue).poll_recv(cx)).await {
            *locked(&self.working) = Some(Instant::now());
            self.take(first).await;
            *locked(&self.working) = None;
        }
    }

    /// Takes this request in, with those that wait when its turn comes, and answers each.
    async fn take(&self, first: Waiting) {
        let started = Instant::now();
        let load = Arc::new(Load {
            first: Mutex::new(Some(first)),
            queue: self.queue.clone(),
            bound: OnceLock::new(),
        });
        let committed = self.commit(&load, None).await;
        // A transaction that could not even begin has bound nothing: its requests are answered all the same.
        let bound = load.bind(&*self.clock);
        let answers = match committed {
            Ok(answers) => answers,
            Err(error) if is_passing(&error) => vec![Err(unavailable(&error)); bound.jobs.len()],
            Err(error) => {
                let n = bound.jobs.len();
                tracing::warn!(error = %error, "a batch of {n} requests failed and is tried one by one");
                let mut answers = Vec::with_capacity(n);
                for place in 0..n {
                    answers.push(self.alone(&load, place).await);
                }
                answers
            }
        };
        metrics::histogram!("opsknight_ingest_seconds").record(started.elapsed().as_secs_f64());
        let waiting = std::mem::take(&mut *locked(&bound.answers));
        for (answer, to) in answers.into_iter().zip(waiting) {
            // Whoever asked may have hung up; what was stored stays stored.
            let _gone = to.send(answer);
        }
    }

    async fn alone(&self, load: &Arc<Load>, place: usize) -> Answer {
        match self.commit(load, Some(place)).await {
            Ok(mut answers) => answers.pop().expect("one job has one answer"),
            Err(error) if is_passing(&error) => Err(unavailable(&error)),
            Err(error) => {
                tracing::error!(error = %error, "a request could not be stored");
                Err(IngestError::Refused("the event cannot be stored".into()))
            }
        }
    }

    /// Commits the requests of this load together, or one of them alone. Another replica may open an incident under
    /// the same key at the same time: then the whole is decided anew.
    async fn commit(&self, load: &Arc<Load>, only: Option<usize>) -> Result<Vec<Answer>, DbError> {
        let mut races = 0;
        loop {
            let (store, clock, load) = (self.store.clone(), self.clock.clone(), load.clone());
            let unit = async move |tx: &mut Tx<'_>| {
                let Bound { jobs, now, .. } = load.bind(&*clock);
                let jobs = only.map_or(&jobs[..], |place| &jobs[place..=place]);
                take_in(tx, &store, &*clock, jobs, *now).await
            };
            match self.store.db.write(unit).await {
                Err(error) if races < RACES_MAX && is_race(&error) => races += 1,
                other => {
                    failpoint::hit("ingest.committed");
                    return other;
                }
            }
        }
    }
}

fn is_race(error: &DbError) -> bool {
    error.unique_on("incident_live") || error.unique_on("receipt_remote")
}

fn is_passing(error: &DbError) -> bool {
    match error {
        DbError::Busy { .. } | DbError::Unavailable { .. } | DbError::Conflict { .. } | DbError::Closed => true,
        DbError::Unique { .. }
        | DbError::ForeignKey { .. }
        | DbError::Constraint { .. }
        | DbError::Invalid { .. }
        | DbError::Corrupt { .. }
        | DbError::Other { .. } => false,
    }
}

fn unavailable(error: &DbError) -> IngestError {
    tracing::error!(error = %error, "events cannot be stored now");
    IngestError::Unavailable("the database cannot take events now".into())
}

/// Takes these requests in within one transaction.
async fn take_in(
    tx: &mut Tx<'_>,
    store: &Store,
    clock: &dyn Clock,
    jobs: &[Job],
    now: Timestamp,
) -> Result<Vec<Answer>, DbError> {
    let picture = store.pictures.current(tx, now).await?;
    let mut fresh = || clock.uuid_v7();
    let repeated = repetitions(tx, jobs).await?;
    let mut known = Known::read(tx, jobs).await?;
    let mut batch = Batch::default();
    let mut answers: Vec<Answer> = Vec::with_capacity(jobs.len());
    let mut kept = Vec::with_capacity(jobs.len());
    let mut again = Vec::new();
    let mut delivered: Vec<(IntegrationId, &str)> = Vec::new();
    for (job, repeated) in jobs.iter().zip(repeated) {
        if job.checked_against != picture.directory.version && is_stale(job, &picture) {
            answers.push(Err(IngestError::Stale));
            continue;
        }
        let remote = job.receipt.integration.zip(job.receipt.remote_id.as_deref());
        if repeated || remote.is_some_and(|remote| delivered.contains(&remote)) {
            let reason = "this delivery was received before";
            answers.push(Ok(job
                .events
                .iter()
                .map(|event| Taken::ignored(key_of(event), reason))
                .collect()));
            continue;
        }
        delivered.extend(remote);
        let mut taken = Vec::with_capacity(job.events.len());
        for event in &job.events {
            let mut decide = Decide {
                directory: &picture.directory,
                known: &mut known,
                batch: &mut batch,
                now,
            };
            let one = decide.take(job, event, &mut fresh);
            if one.incident.is_some() {
                metrics::counter!("opsknight_alerts_total", "action" => one.action).increment(1);
            }
            taken.push(one);
        }
        let mut receipt = job.receipt.clone();
        if !taken.is_empty() {
            receipt.results = taken
                .iter()
                .zip(&job.events)
                .map(|(taken, event)| taken.stored(event))
                .collect();
        }
        again.extend(job.again.as_ref().map(|by| (by, receipt.id, receipt.replay_of)));
        kept.push(receipt);
        answers.push(Ok(taken));
    }
    receipts::insert(tx, kept).await?;
    known.note_ends(tx, now).await?;
    for (by, receipt, replay_of) in again {
        replay::record(tx, by, receipt, replay_of).await?;
    }
    batch.write(tx, &mut fresh, now).await?;
    failpoint::hit("ingest.before_commit");
    Ok(answers)
}

/// Whether a request that was checked against other settings than those of now is to be checked again. With an
/// integration it always is, for its secret, its key or its field mapping may be what has changed.
fn is_stale(job: &Job, picture: &opsknight_store::directory::Picture) -> bool {
    job.receipt.integration.is_some() || !picture.directory.services.contains_key(&job.service)
}

fn key_of(event: &Normalised) -> Option<String> {
    match event {
        Normalised::Event(event) => Some(event.dedup_key.clone()),
        Normalised::Ignored { dedup_key, .. } => dedup_key.clone(),
    }
}

/// For each job, whether its sender delivered it before.
async fn repetitions(tx: &mut Tx<'_>, jobs: &[Job]) -> Result<Vec<bool>, DbError> {
    let mut seen = vec![false; jobs.len()];
    let remote = |job: &Job| job.receipt.integration.zip(job.receipt.remote_id.clone());
    let (places, asked): (Vec<usize>, Vec<_>) = jobs
        .iter()
        .enumerate()
        .filter_map(|(place, job)| Some((place, remote(job)?)))
        .unzip();
    if !asked.is_empty() {
        for (place, answer) in places.into_iter().zip(receipts::seen(tx, &asked).await?) {
            seen[place] = answer.is_some();
        }
    }
    Ok(seen)
}
