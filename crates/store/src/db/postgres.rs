//! PostgreSQL: a pool, one thread that runs units as transactions, and the connection that hears wake-ups.

mod hosts;
mod line;
mod listen;

use std::{
    panic::AssertUnwindSafe,
    pin::pin,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    thread::{self, JoinHandle},
    time::Duration,
};

use deadpool_postgres::{Manager, ManagerConfig, Object, Pool, RecyclingMethod, Runtime, Timeouts};
use futures_util::FutureExt as _;
use tokio::{
    sync::{OwnedSemaphorePermit, mpsc, oneshot},
    task::JoinSet,
    time::{sleep, timeout},
};

use self::{
    hosts::{CONNECT_TIMEOUT, Dialler, Hosts},
    line::{Line, or_silent},
};
use super::{
    DbError, Tx, Wake,
    bell::Bell,
    tls,
    unit::{self, Access, Lane, Message},
    wake::CHANNEL,
};

/// Connections of one process for units; wake-ups take one more.
const CONNECTIONS_MAX: usize = 16;
/// How long a unit waits for a free connection.
const POOL_WAIT: Duration = Duration::from_secs(8);
/// How long a commit may take until its outcome counts as unknown. It takes as long as a synchronous standby, and without
/// end where that is gone.
const COMMIT_TIMEOUT: Duration = Duration::from_secs(10);
/// How long a transaction may take to be given up.
const ROLLBACK_TIMEOUT: Duration = Duration::from_secs(5);
/// How often a unit is tried when others stand in its way or its connection is lost.
const TRIES_MAX: u32 = 5;
/// The first wait between two tries; it doubles, and up to the same again is added by chance.
const RETRY_WAIT: Duration = Duration::from_millis(10);
/// Prepared statements that a connection keeps; beyond them it starts over.
const STATEMENTS_KEPT: usize = 512;
pub(super) struct Opened {
    pub(super) writes: Lane,
    pub(super) reads: Lane,
    pub(super) thread: JoinHandle<()>,
}

/// Connects and starts the thread.
pub(super) async fn open(url: &str, bell: &Arc<Bell>) -> Result<Opened, DbError> {
    let hosts = Arc::new(Hosts::new(tls::target(url)?));
    let (queue, units) = mpsc::unbounded_channel();
    let (ready, is_ready) = oneshot::channel();
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(|error| DbError::unavailable(format!("a runtime cannot be started: {error}")))?;
    let bell = bell.clone();
    let thread = thread::Builder::new()
        .name("store-postgres".into())
        .spawn(move || tokio::task::LocalSet::new().block_on(&runtime, serve(hosts, units, bell, ready)))
        .map_err(|error| DbError::unavailable(format!("a thread cannot be started: {error}")))?;
    is_ready.await.unwrap_or(Err(DbError::Closed))?;
    Ok(Opened {
        writes: Lane::new(Access::Write, queue.clone()),
        reads: Lane::new(Access::Read, queue),
        thread,
    })
}

fn pool(hosts: &Arc<Hosts>) -> Result<Pool, DbError> {
    let manager = Manager::from_connect(
        tokio_postgres::Config::new(),
        Dialler(hosts.clone()),
        ManagerConfig {
            recycling_method: RecyclingMethod::Fast,
        },
    );
    Pool::builder(manager)
        .max_size(CONNECTIONS_MAX)
        .timeouts(Timeouts {
            wait: Some(POOL_WAIT),
            create: Some(hosts.patience()),
            recycle: Some(CONNECT_TIMEOUT),
        })
        .runtime(Runtime::Tokio1)
        .build()
        .map_err(|error| DbError::other(format!("the pool cannot be made: {error}")))
}

/// Runs units, each as a task of this thread, until told to stop; then waits for those under way.
async fn serve(
    hosts: Arc<Hosts>,
    mut units: mpsc::UnboundedReceiver<Message>,
    bell: Arc<Bell>,
    ready: oneshot::Sender<Result<(), DbError>>,
) {
    let pool = match pool(&hosts) {
        Ok(pool) => Arc::new(Pooled::new(pool, hosts.clone())),
        Err(error) => {
            let _ = ready.send(Err(error));
            return;
        }
    };
    let connected = pool.pool.get().await.map(drop).map_err(DbError::from);
    let failed = connected.is_err();
    // A caller that went away meanwhile drops the queue too, which ends the loop below.
    let _ = ready.send(connected);
    if failed {
        return;
    }
    let mut listener = JoinSet::new();
    listener.spawn_local(listen::listen(hosts, bell));
    let mut running = JoinSet::new();
    loop {
        tokio::select! {
            message = units.recv() => match message {
                Some(Message::Run(unit)) => {
                    running.spawn_local(unit.run_on_postgres(pool.clone()));
                }
                Some(Message::Stop) | None => break,
            },
            Some(_) = running.join_next() => {}
        }
    }
    units.close();
    while let Some(Message::Run(unit)) = units.recv().await {
        running.spawn_local(unit.run_on_postgres(pool.clone()));
    }
    while running.join_next().await.is_some() {}
    listener.shutdown().await;
    pool.pool.close();
}

/// The pool as units see it.
pub(super) struct Pooled {
    pool: Pool,
    hosts: Arc<Hosts>,
    line: Line,
    /// Which host the connections of the pool lead to.
    home: AtomicUsize,
}

/// How one try of a unit ended.
enum Try<T, E> {
    Done(Result<T, E>),
    /// Nothing was changed, and another try may do better.
    Again(E),
}

impl Pooled {
    fn new(pool: Pool, hosts: Arc<Hosts>) -> Self {
        Self {
            line: Line::new(hosts.clone()),
            home: AtomicUsize::new(hosts.good()),
            pool,
            hosts,
        }
    }

    /// Runs a unit, several times where others stand in its way.
    pub(super) async fn run<T, E, F>(
        &self,
        unit: &F,
        access: Access,
        place: &mut Option<OwnedSemaphorePermit>,
    ) -> Result<T, E>
    where
        F: AsyncFn(&mut Tx<'_>) -> Result<T, E>,
        E: From<DbError>,
    {
        let mut wait = RETRY_WAIT;
        for _ in 1..TRIES_MAX {
            match self.attempt(unit, access, place).await {
                Try::Done(outcome) => return outcome,
                Try::Again(_) => sleep(jittered(wait)).await,
            }
            wait *= 2;
        }
        match self.attempt(unit, access, place).await {
            Try::Done(outcome) => outcome,
            Try::Again(error) => Err(error),
        }
    }

    async fn attempt<T, E, F>(&self, unit: &F, access: Access, place: &mut Option<OwnedSemaphorePermit>) -> Try<T, E>
    where
        F: AsyncFn(&mut Tx<'_>) -> Result<T, E>,
        E: From<DbError>,
    {
        let client = match self.connection().await {
            Ok(client) => client,
            Err(error) => return Try::Done(Err(error.into())),
        };
        let mut silent = pin!(self.line.silent(self.hosts.good()));
        *place = None;
        match or_silent(silent.as_mut(), client.batch_execute(begin(access))).await {
            Ok(Ok(())) => {}
            Ok(Err(error)) => return failed(client, DbError::from(error)).await,
            Err(error) => return self.hang_up(client, error),
        }
        let mut tx = Tx::postgres(&client);
        let outcome = or_silent(silent.as_mut(), AssertUnwindSafe(unit(&mut tx)).catch_unwind()).await;
        let (wakes, failure) = tx.end();
        let outcome = match outcome {
            Ok(outcome) => outcome,
            Err(error) => return self.hang_up(client, error),
        };
        match unit::settle(outcome, failure.clone()) {
            Ok(value) => {
                let sql = commit(&wakes);
                let committing = or_silent(silent.as_mut(), client.batch_execute(&sql));
                match timeout(COMMIT_TIMEOUT, committing).await {
                    Ok(Ok(Ok(()))) => {
                        give_back(client);
                        Try::Done(Ok(value))
                    }
                    Ok(Ok(Err(error))) => commit_failed(client, error).await,
                    Ok(Err(error)) => self.hang_up(client, unknown(&error)),
                    Err(_) => {
                        let error = DbError::unavailable("it takes too long");
                        self.hang_up(client, unknown(&error))
                    }
                }
            }
            Err(error) => {
                let connected = roll_back(client, failure.as_ref()).await;
                match failure {
                    Some(failure) if again(&failure, connected) => Try::Again(error),
                    _ => Try::Done(Err(error)),
                }
            }
        }
    }

    /// A connection of the pool. When another host is worked with, those to the one of before go.
    async fn connection(&self) -> Result<Object, DbError> {
        let host = self.hosts.good();
        if self.home.swap(host, Ordering::Relaxed) != host {
            self.pool.retain(|_, _| false);
        }
        Ok(self.pool.get().await?)
    }

    /// Gives up a connection on which nothing is heard any more, and with it those that wait for work: they lead to the
    /// same place.
    fn hang_up<T, E: From<DbError>>(&self, client: Object, error: DbError) -> Try<T, E> {
        drop(Object::take(client));
        self.pool.retain(|_, _| false);
        tracing::error!("a connection to the database was given up: {error}");
        Try::Done(Err(error.into()))
    }
}

/// A reading unit sees one unchanging view of the data, as it does on SQLite.
const fn begin(access: Access) -> &'static str {
    match access {
        Access::Read => "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY",
        Access::Write => "BEGIN ISOLATION LEVEL READ COMMITTED READ WRITE",
    }
}

/// The wake-ups travel with the commit: they are heard when it holds, and not when it does not.
fn commit(wakes: &[Wake]) -> String {
    let mut sql = String::new();
    for payload in Wake::payloads(wakes) {
        sql.push_str("SELECT pg_notify('");
        sql.push_str(CHANNEL);
        sql.push_str("', '");
        sql.push_str(&payload.replace('\'', "''"));
        sql.push_str("'); ");
    }
    sql.push_str("COMMIT");
    sql
}

async fn failed<T, E: From<DbError>>(client: Object, error: DbError) -> Try<T, E> {
    let connected = roll_back(client, Some(&error)).await;
    if again(&error, connected) {
        Try::Again(error.into())
    } else {
        Try::Done(Err(error.into()))
    }
}

/// The server has answered that it did not commit, or it has not answered, and then nobody knows.
async fn commit_failed<T, E: From<DbError>>(client: Object, error: tokio_postgres::Error) -> Try<T, E> {
    let answered = error.as_db_error().is_some();
    let error = DbError::from(error);
    if answered && !matches!(error, DbError::Unavailable { .. }) {
        return failed(client, error).await;
    }
    drop(Object::take(client));
    let error = unknown(&error);
    tracing::error!("{error}");
    Try::Done(Err(error.into()))
}

/// Whether it was committed will not be told.
fn unknown(error: &DbError) -> DbError {
    DbError::unavailable(format!("the outcome of a commit is unknown: {error}"))
}

/// Whether a try that failed so before its commit may be repeated: others stood in its way, or the line broke.
const fn again(error: &DbError, connected: bool) -> bool {
    matches!(error, DbError::Conflict { .. }) || matches!(error, DbError::Unavailable { .. }) && !connected
}

/// Ends the transaction, and tells whether the connection still works. One that does not is not given back, nor is one
/// to a server that cannot work now: a new one may find another. After a migration by another replica old statements no
/// longer fit, so those of a try that met others are forgotten.
async fn roll_back(client: Object, failure: Option<&DbError>) -> bool {
    let ended = timeout(ROLLBACK_TIMEOUT, client.batch_execute("ROLLBACK")).await;
    if !matches!(ended, Ok(Ok(()))) {
        drop(Object::take(client));
        return false;
    }
    if matches!(failure, Some(DbError::Unavailable { .. })) {
        drop(Object::take(client));
        return true;
    }
    if matches!(failure, Some(DbError::Conflict { .. })) {
        client.statement_cache.clear();
    }
    give_back(client);
    true
}

fn give_back(client: Object) {
    if client.statement_cache.size() > STATEMENTS_KEPT {
        client.statement_cache.clear();
    }
}

/// Up to twice the wait. Where no randomness is to be had, the wait itself.
fn jittered(wait: Duration) -> Duration {
    let share = getrandom::u32().unwrap_or(0) % 1000;
    wait + wait * share / 1000
}
