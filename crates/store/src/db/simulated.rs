//! A database in memory whose every step somebody else decides on: for a simulation that draws from one seed when each unit
//! of work runs, and whether it does. Only with the feature `testing`.
//!
//! The SQL, the transactions and the units are the real ones, on a SQLite in memory; there are no threads. It never runs
//! two units at once, so what replicas do to each other *between* commits is seen here, and what happens within a
//! commit of PostgreSQL is not.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use futures_util::future::BoxFuture;
use jiff::Timestamp;
use rusqlite::{Connection, backup::Backup, hooks::Action};

use super::{
    Db, DbError, Dialect, Inner, Tx,
    bell::Bell,
    sqlite::set_up,
    unit::{Access, Lane, once},
};
use crate::migrate;

/// Page cache, in KiB: the whole of it is in memory anyway.
const CACHE_KIB: u32 = 2 << 10;

/// Whether a unit of work is run, and what its caller hears.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Verdict {
    /// It is run.
    Run,
    /// It is not run, and the caller hears this.
    Fail(DbError),
    /// It is run and committed, and the caller hears this all the same: the line was cut before the answer.
    Lose(DbError),
}

/// Decides when the units of one program are run.
pub trait Turnstile: Send + Sync {
    /// A unit wants to run. It waits for as long as this does.
    fn enter(&self, writes: bool) -> BoxFuture<'static, Verdict>;

    /// A unit has been run, and has committed or not. The caller hears of it once this has ended.
    fn leave(&self, writes: bool, committed: bool) -> BoxFuture<'static, ()>;
}

/// A row that a commit has added or changed: the table, and SQLite's own number of the row.
pub type Changed = (&'static str, i64);

/// The tables whose changes are told.
const WATCHED: [&str; 5] = ["incident", "entry", "delivery", "alert", "receipt"];

/// A SQLite in memory, which several programs may share.
pub struct Memory {
    connection: Mutex<Connection>,
    changed: Arc<Mutex<Vec<Changed>>>,
}

impl std::fmt::Debug for Memory {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Memory").finish_non_exhaustive()
    }
}

fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Memory {
    /// An empty one, brought to this version.
    ///
    /// # Errors
    /// When SQLite or a migration refuses.
    pub async fn migrated(now: Timestamp) -> Result<Arc<Self>, DbError> {
        let memory = Self::of(Connection::open_in_memory()?)?;
        migrate::run(&Db::simulated(memory.clone(), Arc::new(Open)), now).await?;
        Ok(memory)
    }

    /// Another one with the same in it.
    ///
    /// # Errors
    /// When SQLite refuses.
    pub fn copy(&self) -> Result<Arc<Self>, DbError> {
        let mut connection = Connection::open_in_memory()?;
        Backup::new(&locked(&self.connection), &mut connection)?.step(-1)?;
        Self::of(connection)
    }

    fn of(mut connection: Connection) -> Result<Arc<Self>, DbError> {
        set_up(&connection, CACHE_KIB)?;
        let changed = Arc::new(Mutex::new(Vec::new()));
        let seen = changed.clone();
        connection.update_hook(Some(move |action: Action, _: &str, table: &str, row: i64| {
            let watched = WATCHED.into_iter().find(|watched| *watched == table);
            if let Some(table) = watched.filter(|_| action != Action::SQLITE_DELETE) {
                locked(&seen).push((table, row));
            }
        }))?;
        Ok(Arc::new(Self {
            connection: Mutex::new(connection),
            changed,
        }))
    }

    /// The rows that were changed since this was last asked, each once, in the order in which they were first changed.
    #[must_use]
    pub fn changes(&self) -> Vec<Changed> {
        let mut seen = std::collections::HashSet::new();
        let mut changes = std::mem::take(&mut *locked(&self.changed));
        changes.retain(|change| seen.insert(*change));
        changes
    }

    /// Looks at the data as it is now, at once and asking nobody.
    ///
    /// # Errors
    /// Those of the unit.
    pub fn look<T, F>(&self, unit: F) -> Result<T, DbError>
    where
        F: AsyncFn(&mut Tx<'_>) -> Result<T, DbError>,
    {
        once(&unit, &locked(&self.connection)).0
    }

    /// Runs a unit in a transaction of its own. Says whether something was committed.
    fn run<T, E, F>(&self, access: Access, unit: &F) -> (Result<T, E>, bool)
    where
        F: AsyncFn(&mut Tx<'_>) -> Result<T, E>,
        E: From<DbError>,
    {
        let connection = locked(&self.connection);
        if let Err(error) = connection.prepare_cached("BEGIN").and_then(|mut sql| sql.raw_execute()) {
            return (Err(DbError::from(error).into()), false);
        }
        let mut outcome = once(unit, &connection).0;
        let wanted = access == Access::Write && outcome.is_ok();
        if wanted && let Err(error) = connection.execute_batch("COMMIT") {
            outcome = Err(DbError::from(error).into());
        }
        let committed = wanted && outcome.is_ok();
        if !connection.is_autocommit()
            && let Err(error) = connection.execute_batch("ROLLBACK")
        {
            outcome = Err(DbError::from(error).into());
        }
        if !committed {
            locked(&self.changed).clear();
        }
        (outcome, committed)
    }
}

/// Everything may run at once.
#[derive(Debug, Clone, Copy)]
pub struct Open;

impl Turnstile for Open {
    fn enter(&self, _: bool) -> BoxFuture<'static, Verdict> {
        Box::pin(std::future::ready(Verdict::Run))
    }

    fn leave(&self, _: bool, _: bool) -> BoxFuture<'static, ()> {
        Box::pin(std::future::ready(()))
    }
}

/// The way of one program to a memory.
#[derive(Clone)]
pub(super) struct Simulated {
    memory: Arc<Memory>,
    turnstile: Arc<dyn Turnstile>,
}

impl Simulated {
    pub(super) async fn run<T, E, F>(&self, access: Access, unit: F) -> Result<T, E>
    where
        F: AsyncFn(&mut Tx<'_>) -> Result<T, E> + Send + 'static,
        T: Send + 'static,
        E: From<DbError> + Send + 'static,
    {
        let writes = access == Access::Write;
        let lost = match self.turnstile.enter(writes).await {
            Verdict::Run => None,
            Verdict::Lose(error) => Some(error),
            Verdict::Fail(error) => return Err(error.into()),
        };
        let (outcome, committed) = self.memory.run(access, &unit);
        self.turnstile.leave(writes, committed).await;
        match lost {
            Some(error) if committed => Err(error.into()),
            Some(_) | None => outcome,
        }
    }
}

impl Db {
    /// A program's way to a database in memory.
    #[must_use]
    pub fn simulated(memory: Arc<Memory>, turnstile: Arc<dyn Turnstile>) -> Self {
        let simulated = Simulated { memory, turnstile };
        let lane = |access| Lane::simulated(access, simulated.clone());
        let inner = Inner {
            dialect: Dialect::Sqlite,
            writes: lane(Access::Write),
            reads: lane(Access::Read),
            readers: 0,
            bell: Arc::new(Bell::new()),
            threads: Mutex::default(),
            file: None,
        };
        Self { inner: Arc::new(inner) }
    }
}
