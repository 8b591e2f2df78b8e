//! A unit of work on its way to a thread that runs it, and the answer on its way back.

use std::{
    any::Any,
    future::Future as _,
    panic::{AssertUnwindSafe, catch_unwind},
    pin::pin,
    sync::Arc,
    task::{Context, Poll, Waker},
};

use futures_util::future::LocalBoxFuture;
use rusqlite::Connection;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, mpsc, oneshot};

use super::{DbError, Tx, Wake, postgres::Pooled};

/// Units that may wait for one lane (reads or writes). The next one is refused as [`DbError::Busy`].
pub(super) const QUEUE_UNITS_MAX: usize = 10_000;

/// What a unit may do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Access {
    Read,
    Write,
}

/// A unit of work without its types.
pub(super) trait Unit: Send {
    /// Runs it on SQLite, inside whatever transaction is open, and keeps the outcome. Returns what is to be woken
    /// when it did well, nothing when its changes must go.
    fn run_on_sqlite(&mut self, connection: &Connection) -> Option<Vec<Wake>>;

    /// Replaces the outcome: the transaction around it has failed.
    fn fail(&mut self, error: DbError);

    /// Sends the outcome to the caller.
    fn answer(self: Box<Self>);

    /// Runs it on PostgreSQL, in a transaction of its own, and answers.
    fn run_on_postgres(self: Box<Self>, pool: Arc<Pooled>) -> LocalBoxFuture<'static, ()>;
}

/// What a thread is told.
pub(super) enum Message {
    Run(Box<dyn Unit>),
    /// End after what was queued before.
    Stop,
}

/// The way to the threads for one kind of access.
#[derive(Clone)]
pub(super) struct Lane {
    access: Access,
    queue: mpsc::UnboundedSender<Message>,
    room: Arc<Semaphore>,
    /// Where a simulation decides, there is no thread to go to.
    #[cfg(feature = "testing")]
    simulated: Option<super::simulated::Simulated>,
}

struct Job<F, T, E> {
    unit: F,
    access: Access,
    outcome: Option<Result<T, E>>,
    reply: oneshot::Sender<Result<T, E>>,
    /// Given back when the unit begins to run.
    place: Option<OwnedSemaphorePermit>,
}

impl Lane {
    pub(super) fn new(access: Access, queue: mpsc::UnboundedSender<Message>) -> Self {
        Self {
            access,
            queue,
            room: Arc::new(Semaphore::new(QUEUE_UNITS_MAX)),
            #[cfg(feature = "testing")]
            simulated: None,
        }
    }

    /// The way to a simulation.
    #[cfg(feature = "testing")]
    pub(super) fn simulated(access: Access, simulated: super::simulated::Simulated) -> Self {
        let (queue, _) = mpsc::unbounded_channel();
        Self {
            simulated: Some(simulated),
            ..Self::new(access, queue)
        }
    }

    /// How many units wait.
    pub(super) fn waiting(&self) -> usize {
        QUEUE_UNITS_MAX - self.room.available_permits()
    }

    /// Tells one thread to end.
    pub(super) fn stop(&self) {
        // A thread that is gone has ended already.
        let _ = self.queue.send(Message::Stop);
    }

    /// Queues a unit and waits for its outcome.
    pub(super) async fn run<T, E, F>(&self, unit: F) -> Result<T, E>
    where
        F: AsyncFn(&mut Tx<'_>) -> Result<T, E> + Send + 'static,
        T: Send + 'static,
        E: From<DbError> + Send + 'static,
    {
        #[cfg(feature = "testing")]
        if let Some(simulated) = &self.simulated {
            return simulated.run(self.access, unit).await;
        }
        let Ok(place) = self.room.clone().try_acquire_owned() else {
            return Err(DbError::busy(format!("{QUEUE_UNITS_MAX} units of work are waiting")).into());
        };
        let (reply, answer) = oneshot::channel();
        let job = Box::new(Job {
            unit,
            access: self.access,
            outcome: None,
            reply,
            place: Some(place),
        });
        if self.queue.send(Message::Run(job)).is_err() {
            return Err(DbError::Closed.into());
        }
        answer.await.unwrap_or_else(|_| Err(DbError::Closed.into()))
    }
}

impl<F, T, E> Unit for Job<F, T, E>
where
    F: AsyncFn(&mut Tx<'_>) -> Result<T, E> + Send + 'static,
    T: Send + 'static,
    E: From<DbError> + Send + 'static,
{
    fn run_on_sqlite(&mut self, connection: &Connection) -> Option<Vec<Wake>> {
        self.place = None;
        let (outcome, wakes) = once(&self.unit, connection);
        let wakes = outcome.is_ok().then_some(wakes);
        self.outcome = Some(outcome);
        wakes
    }

    fn fail(&mut self, error: DbError) {
        self.outcome = Some(Err(error.into()));
    }

    fn answer(self: Box<Self>) {
        let outcome = self
            .outcome
            .unwrap_or_else(|| Err(DbError::other("the unit of work was not run").into()));
        // A caller that went away does not want the answer; the work is done all the same.
        let _ = self.reply.send(outcome);
    }

    fn run_on_postgres(self: Box<Self>, pool: Arc<Pooled>) -> LocalBoxFuture<'static, ()> {
        Box::pin(async move {
            let Self {
                unit,
                access,
                reply,
                mut place,
                ..
            } = *self;
            let outcome = pool.run(&unit, access, &mut place).await;
            let _ = reply.send(outcome);
        })
    }
}

/// Runs a unit once on SQLite, inside whatever transaction is open: its outcome, and what is to be woken.
pub(super) fn once<T, E, F>(unit: &F, connection: &Connection) -> (Result<T, E>, Vec<Wake>)
where
    F: AsyncFn(&mut Tx<'_>) -> Result<T, E>,
    E: From<DbError>,
{
    let mut tx = Tx::sqlite(connection);
    let outcome = catch_unwind(AssertUnwindSafe(|| {
        let unit = pin!(unit(&mut tx));
        match unit.poll(&mut Context::from_waker(Waker::noop())) {
            Poll::Ready(outcome) => outcome,
            Poll::Pending => Err(DbError::other("a unit of work awaited something else than its transaction").into()),
        }
    }));
    let (wakes, failure) = tx.end();
    (settle(outcome, failure), wakes)
}

/// Makes one result of what a unit returned, a panic in it, and a failure that it has passed over.
pub(super) fn settle<T, E: From<DbError>>(
    outcome: Result<Result<T, E>, Box<dyn Any + Send>>,
    failure: Option<DbError>,
) -> Result<T, E> {
    match outcome {
        Ok(Ok(_)) if let Some(failure) = failure => Err(failure.into()),
        Ok(outcome) => outcome,
        Err(panic) => {
            let words = panic
                .downcast_ref::<&str>()
                .map(|words| (*words).to_owned())
                .or_else(|| panic.downcast_ref::<String>().cloned())
                .unwrap_or_default();
            tracing::error!("a unit of work panicked: {words}");
            Err(DbError::other(format!("a unit of work panicked: {words}")).into())
        }
    }
}
