//! The driver: units of work, transactions, values and rows on SQLite and on PostgreSQL.
//!
//! A unit of work is one async closure over a transaction. It may await nothing but its transaction, and it may be run
//! more than once. On SQLite all units that wait share one commit; on PostgreSQL each is a transaction of its own. The
//! driver knows no table and asks no question.

mod backup;
mod bell;
mod closing;
mod error;
mod facts;
mod postgres;
mod restore;
#[cfg(feature = "testing")]
pub mod simulated;
mod sqlite;
mod tls;
mod tx;
mod unit;
mod value;
mod wake;

use std::{
    collections::BTreeSet,
    fmt,
    path::{Path, PathBuf},
    sync::{Arc, Mutex, PoisonError},
    thread::JoinHandle,
    time::Duration,
};

use jiff::Timestamp;
use tokio::sync::broadcast;

use self::{bell::Bell, unit::Lane};
pub use self::{
    error::DbError,
    facts::Facts,
    restore::Sound,
    tx::{Insert, Kind, Tx},
    value::{FromVal, Mismatch, Row, Val},
    wake::Wake,
};
pub use crate::migrate::Schema;
use crate::{migrate, seal::SECRET_KEY_BYTES};

/// The file of the embedded database in its directory.
pub const FILE: &str = sqlite::FILE_NAME;

/// Which database, and where.
#[derive(Clone)]
pub struct Settings {
    /// The address of a PostgreSQL database, with its password: a secret. Without one it is SQLite.
    pub postgres_url: Option<String>,
    /// The directory in which SQLite keeps `opsknight.db`. It is made when it is missing.
    pub data_dir: PathBuf,
}

impl fmt::Debug for Settings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let url = self.postgres_url.as_ref().map(|_| "(not shown)");
        f.debug_struct("Settings")
            .field("postgres_url", &url)
            .field("data_dir", &self.data_dir)
            .finish()
    }
}

/// Which database speaks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Dialect {
    /// SQLite, in this process.
    Sqlite,
    /// PostgreSQL, 13 or later.
    Postgres,
}

/// An open database. Clones share it.
#[derive(Clone)]
pub struct Db {
    inner: Arc<Inner>,
}

struct Inner {
    dialect: Dialect,
    writes: Lane,
    reads: Lane,
    /// How many messages it takes to stop all that read.
    readers: usize,
    bell: Arc<Bell>,
    threads: Mutex<Vec<JoinHandle<()>>>,
    /// The file of SQLite.
    file: Option<PathBuf>,
}

impl fmt::Debug for Db {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Db")
            .field("dialect", &self.inner.dialect)
            .finish_non_exhaustive()
    }
}

impl Db {
    /// Opens the database and starts its threads. Tables are made by [`Db::migrate`].
    ///
    /// # Errors
    /// When the directory, the file or the server cannot be reached.
    pub async fn open(settings: &Settings) -> Result<Self, DbError> {
        let bell = Arc::new(Bell::new());
        let inner = match &settings.postgres_url {
            Some(url) => {
                let postgres::Opened { writes, reads, thread } = postgres::open(url, &bell).await?;
                let threads = Mutex::new(vec![thread]);
                Inner {
                    dialect: Dialect::Postgres,
                    writes,
                    reads,
                    readers: 0,
                    bell,
                    threads,
                    file: None,
                }
            }
            None => {
                let sqlite::Opened {
                    file,
                    writes,
                    reads,
                    threads,
                    readers,
                } = sqlite::open(&settings.data_dir, &bell)?;
                let threads = Mutex::new(threads);
                Inner {
                    dialect: Dialect::Sqlite,
                    writes,
                    reads,
                    readers,
                    bell,
                    threads,
                    file: Some(file),
                }
            }
        };
        Ok(Self { inner: Arc::new(inner) })
    }

    /// Brings the tables to the state that this program needs, and returns the names of the migrations that were
    /// applied. Several replicas may do so at once.
    ///
    /// # Errors
    /// When the program is too old for the database, or an applied migration is not the one the program knows.
    pub async fn migrate(&self, now: Timestamp) -> Result<Vec<String>, DbError> {
        migrate::run(self, now).await
    }

    /// Runs a unit of work that may change data. `Ok` is returned only after a durable commit; after an `Err` nothing
    /// was changed, but for [`DbError::Unavailable`] that says that the outcome of the commit is unknown.
    ///
    /// The unit may await nothing but its transaction and may be run more than once. It runs to its end also when the
    /// caller stops waiting.
    ///
    /// # Errors
    /// Those of the unit, and [`DbError::Busy`] when too many wait.
    pub async fn write<T, E, F>(&self, unit: F) -> Result<T, E>
    where
        F: AsyncFn(&mut Tx<'_>) -> Result<T, E> + Send + 'static,
        T: Send + 'static,
        E: From<DbError> + Send + 'static,
    {
        self.inner.writes.run(unit).await
    }

    /// Runs a unit of work that only reads, on one unchanging view of the data. A statement that writes fails.
    ///
    /// # Errors
    /// As [`Db::write`].
    pub async fn read<T, E, F>(&self, unit: F) -> Result<T, E>
    where
        F: AsyncFn(&mut Tx<'_>) -> Result<T, E> + Send + 'static,
        T: Send + 'static,
        E: From<DbError> + Send + 'static,
    {
        self.inner.reads.run(unit).await
    }

    /// Which database this is.
    #[must_use]
    pub fn dialect(&self) -> Dialect {
        self.inner.dialect
    }

    /// Hears the wake-ups of commits from now on: of this process on SQLite, of all replicas on PostgreSQL. `Lagged`
    /// means that some were missed and is to be taken as [`Wake::All`].
    #[must_use]
    pub fn subscribe(&self) -> broadcast::Receiver<Wake> {
        self.inner.bell.subscribe()
    }

    /// The wake-ups of this time before now, each once, or [`Wake::All`] when they are not known any more: for one who read
    /// the data before, and who asks after subscribing.
    #[must_use]
    pub fn rung_within(&self, time: Duration) -> Vec<Wake> {
        self.inner.bell.rung_within(time)
    }

    /// How many units of work wait to be run.
    #[must_use]
    pub fn queue_len(&self) -> usize {
        self.inner.writes.waiting() + self.inner.reads.waiting()
    }

    /// Asks the database for a sign of life.
    ///
    /// # Errors
    /// When there is none.
    pub async fn ping(&self) -> Result<(), DbError> {
        self.read(async |tx| tx.query_one("SELECT 1", &[]).await.map(drop))
            .await
    }

    /// The names of the migrations that [`Db::migrate`] would apply.
    ///
    /// # Errors
    /// When the database cannot answer.
    pub async fn pending_migrations(&self) -> Result<Vec<String>, DbError> {
        migrate::pending(self).await
    }

    /// How the tables stand to this program: a newer one may have changed them since. Only after [`Db::migrate`].
    ///
    /// # Errors
    /// When the database cannot answer.
    pub async fn schema(&self) -> Result<Schema, DbError> {
        migrate::schema(self).await
    }

    /// Whether nothing was ever kept here: not one migration was applied.
    ///
    /// # Errors
    /// When the database cannot answer.
    pub async fn is_new(&self) -> Result<bool, DbError> {
        Ok(migrate::pending(self).await?.len() == migrate::COUNT)
    }

    /// The time by the clock of a PostgreSQL server.
    ///
    /// # Errors
    /// When it cannot answer; on SQLite, which has no clock of its own.
    pub async fn server_time(&self) -> Result<Timestamp, DbError> {
        let sql = "SELECT CAST(extract(epoch FROM clock_timestamp()) * 1000000 AS BIGINT)";
        self.read(async |tx| tx.query_one(sql, &[]).await?.take()).await
    }

    /// Copies a SQLite database into a new file while work goes on, and the secret key into it where one is given. The
    /// copy is readable for nobody else. Gives back the ids of the keys with which credentials in it are encrypted.
    ///
    /// # Errors
    /// When the file exists or cannot be written, or the key is another than theirs; on PostgreSQL, which has tools of its own.
    pub async fn backup(&self, file: &Path, key: Option<[u8; SECRET_KEY_BYTES]>) -> Result<BTreeSet<String>, DbError> {
        let Some(from) = self.inner.file.clone() else {
            return Err(DbError::other(
                "a PostgreSQL database is backed up with its own tools, such as pg_dump",
            ));
        };
        let to = file.to_owned();
        tokio::task::spawn_blocking(move || backup::backup(&from, &to, key))
            .await
            .unwrap_or_else(|error| Err(DbError::other(format!("the backup did not end: {error}"))))
    }

    /// Finishes what is queued, takes no more, and waits for the threads to end. Other clones hear
    /// [`DbError::Closed`] from now on.
    pub async fn close(self) {
        self.inner.writes.stop();
        for _ in 0..self.inner.readers {
            self.inner.reads.stop();
        }
        let threads = std::mem::take(&mut *self.inner.threads.lock().unwrap_or_else(PoisonError::into_inner));
        let joined = tokio::task::spawn_blocking(move || threads.into_iter().all(|thread| thread.join().is_ok())).await;
        if !matches!(joined, Ok(true)) {
            tracing::error!("a thread of the database has panicked");
        }
    }
}
