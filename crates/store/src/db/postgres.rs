//! PostgreSQL: a pool, one thread that runs units as transactions, and the connection that hears wake-ups.

use std::{
    panic::AssertUnwindSafe,
    sync::Arc,
    thread::{self, JoinHandle},
    time::Duration,
};

use deadpool_postgres::{Hook, HookError, Manager, ManagerConfig, Object, Pool, RecyclingMethod, Runtime, Timeouts};
use futures_util::{FutureExt as _, StreamExt as _};
use tokio::{
    sync::{OwnedSemaphorePermit, mpsc, oneshot},
    task::JoinSet,
    time::{sleep, timeout},
};
use tokio_postgres::AsyncMessage;
use tokio_postgres_rustls::MakeRustlsConnect;

use super::{
    DbError, Tx, Wake,
    bell::Bell,
    tls::{self, Target},
    unit::{self, Access, Lane, Message},
    wake::CHANNEL,
};

/// Connections of one process for units; wake-ups take one more.
const CONNECTIONS_MAX: usize = 16;
/// How long a unit waits for a free connection.
const POOL_WAIT: Duration = Duration::from_secs(8);
/// How long making a connection may take.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);
/// How often a unit is tried when others stand in its way or its connection is lost.
const TRIES_MAX: u32 = 5;
/// The first wait between two tries; it doubles, and up to the same again is added by chance.
const RETRY_WAIT: Duration = Duration::from_millis(10);
/// Prepared statements that a connection keeps; beyond them it starts over.
const STATEMENTS_KEPT: usize = 512;
/// What the server is told for each connection.
const OPTIONS: &str = "-c statement_timeout=30s -c lock_timeout=10s -c idle_in_transaction_session_timeout=60s";
/// Silence after which the listening connection is tried.
const LISTEN_CHECK: Duration = Duration::from_secs(20);
/// The longest wait before the listening connection is made again.
const LISTEN_RETRY_MAX: Duration = Duration::from_secs(5);

pub(super) struct Opened {
    pub(super) writes: Lane,
    pub(super) reads: Lane,
    pub(super) thread: JoinHandle<()>,
}

/// Connects and starts the thread.
pub(super) async fn open(url: &str, bell: &Arc<Bell>) -> Result<Opened, DbError> {
    let target = tls::target(url)?;
    let target = Target {
        config: prepared(target.config),
        ..target
    };
    let (queue, units) = mpsc::unbounded_channel();
    let (ready, is_ready) = oneshot::channel();
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(|error| DbError::unavailable(format!("a runtime cannot be started: {error}")))?;
    let bell = bell.clone();
    let thread = thread::Builder::new()
        .name("store-postgres".into())
        .spawn(move || tokio::task::LocalSet::new().block_on(&runtime, serve(target, units, bell, ready)))
        .map_err(|error| DbError::unavailable(format!("a thread cannot be started: {error}")))?;
    is_ready.await.unwrap_or(Err(DbError::Closed))?;
    Ok(Opened {
        writes: Lane::new(Access::Write, queue.clone()),
        reads: Lane::new(Access::Read, queue),
        thread,
    })
}

fn prepared(mut config: tokio_postgres::Config) -> tokio_postgres::Config {
    let options = config
        .get_options()
        .map_or_else(|| OPTIONS.to_owned(), |own| format!("{OPTIONS} {own}"));
    config.options(options).connect_timeout(CONNECT_TIMEOUT);
    // A line that went dead is noticed within a minute, also by the connection that only listens.
    config
        .keepalives_idle(Duration::from_secs(30))
        .keepalives_interval(Duration::from_secs(5))
        .keepalives_retries(4)
        .tcp_user_timeout(Duration::from_secs(30));
    if config.get_application_name().is_none() {
        config.application_name("opsknight");
    }
    config
}

fn pool(target: &Target) -> Result<Pool, DbError> {
    let manager = Manager::from_config(
        target.config.clone(),
        target.tls.clone(),
        ManagerConfig {
            recycling_method: RecyclingMethod::Fast,
        },
    );
    Pool::builder(manager)
        .max_size(CONNECTIONS_MAX)
        .timeouts(Timeouts {
            wait: Some(POOL_WAIT),
            create: Some(CONNECT_TIMEOUT * 2),
            recycle: Some(CONNECT_TIMEOUT),
        })
        .runtime(Runtime::Tokio1)
        .post_create(Hook::async_fn(|client, _| {
            Box::pin(async move { client.batch_execute(DURABLE).await.map_err(HookError::Backend) })
        }))
        .build()
        .map_err(|error| DbError::other(format!("the pool cannot be made: {error}")))
}

/// A commit that is answered must be on the disk, also where the server or the role is set up otherwise.
const DURABLE: &str = "SELECT set_config('synchronous_commit', 'on', false) \
                       WHERE current_setting('synchronous_commit') = 'off'";

/// Runs units, each as a task of this thread, until told to stop; then waits for those under way.
async fn serve(
    target: Target,
    mut units: mpsc::UnboundedReceiver<Message>,
    bell: Arc<Bell>,
    ready: oneshot::Sender<Result<(), DbError>>,
) {
    let pool = match pool(&target) {
        Ok(pool) => Arc::new(Pooled { pool }),
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
    listener.spawn_local(listen(target, bell));
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
}

/// How one try of a unit ended.
enum Try<T, E> {
    Done(Result<T, E>),
    /// Nothing was changed, and another try may do better.
    Again(E),
}

impl Pooled {
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
        let client = match self.pool.get().await {
            Ok(client) => client,
            Err(error) => return Try::Done(Err(DbError::from(error).into())),
        };
        *place = None;
        if let Err(error) = client.batch_execute(begin(access)).await {
            return failed(client, DbError::from(error)).await;
        }
        let mut tx = Tx::postgres(&client);
        let outcome = AssertUnwindSafe(unit(&mut tx)).catch_unwind().await;
        let (wakes, failure) = tx.end();
        match unit::settle(outcome, failure.clone()) {
            Ok(value) => match client.batch_execute(&commit(&wakes)).await {
                Ok(()) => {
                    give_back(client);
                    Try::Done(Ok(value))
                }
                Err(error) => commit_failed(client, error).await,
            },
            Err(error) => {
                let connected = roll_back(client, failure.as_ref()).await;
                match failure {
                    Some(failure) if again(&failure, connected) => Try::Again(error),
                    _ => Try::Done(Err(error)),
                }
            }
        }
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
    let what = format!("the outcome of a commit is unknown: {error}");
    tracing::error!("{what}");
    Try::Done(Err(DbError::unavailable(what).into()))
}

/// Whether a try that failed so before its commit may be repeated: others stood in its way, or the line broke.
const fn again(error: &DbError, connected: bool) -> bool {
    matches!(error, DbError::Conflict { .. }) || matches!(error, DbError::Unavailable { .. }) && !connected
}

/// Ends the transaction, and tells whether the connection still works. One that does not is not given back. After a
/// migration by another replica old statements no longer fit, so those of a try that met others are forgotten.
async fn roll_back(client: Object, failure: Option<&DbError>) -> bool {
    if client.batch_execute("ROLLBACK").await.is_err() {
        drop(Object::take(client));
        return false;
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

/// Hears wake-ups for as long as the process runs. After a connection was lost and made again, all are woken.
async fn listen(target: Target, bell: Arc<Bell>) {
    let mut wait = RETRY_WAIT;
    loop {
        let mut listening = false;
        let Err(error) = listen_once(&target, &bell, &mut listening).await;
        if listening {
            wait = RETRY_WAIT;
        }
        tracing::warn!("wake-ups are not heard for a moment, polling goes on: {error}");
        sleep(jittered(wait)).await;
        wait = (wait * 2).min(LISTEN_RETRY_MAX);
    }
}

async fn listen_once(target: &Target, bell: &Bell, listening: &mut bool) -> Result<std::convert::Infallible, DbError> {
    let (client, mut connection) = target.config.connect(MakeRustlsConnect::clone(&target.tls)).await?;
    let mut messages = futures_util::stream::poll_fn(move |cx| connection.poll_message(cx));
    let hear = async {
        while let Some(message) = messages.next().await {
            if let AsyncMessage::Notification(note) = message? {
                Wake::from_payload(note.payload()).for_each(|wake| bell.ring(wake));
            }
        }
        Err(DbError::unavailable("the listening connection was closed"))
    };
    let ask = async {
        client.batch_execute(&format!("LISTEN {CHANNEL}")).await?;
        *listening = true;
        // What was committed before this moment was not heard.
        bell.ring(Wake::All);
        loop {
            sleep(LISTEN_CHECK).await;
            timeout(LISTEN_CHECK, client.batch_execute(""))
                .await
                .map_err(|_| DbError::unavailable("the listening connection does not answer"))??;
        }
    };
    tokio::select! {
        outcome = hear => outcome,
        outcome = ask => outcome,
    }
}
