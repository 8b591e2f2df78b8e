//! SQLite: one thread that writes in groups, and a few that read.
//!
//! Several processes may have the file open: the command line works while the server runs. The locks are SQLite's.

use std::{
    fs::OpenOptions,
    path::{Path, PathBuf},
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicU32, Ordering},
    },
    thread::{self, JoinHandle},
    time::Duration,
};

use rusqlite::{Connection, OpenFlags, config::DbConfig};
use tokio::sync::mpsc;

use super::{
    DbError, Wake,
    bell::Bell,
    unit::{Access, Lane, Message, Unit},
    wake,
};

/// The name of the database in the data directory.
pub(super) const FILE_NAME: &str = "opsknight.db";
/// Units that share one commit at most.
const GROUP_UNITS_MAX: usize = 512;
/// Threads, each with a connection, that read.
const READERS: usize = 3;
/// How long a lock that another process holds is waited for. Senders give up after ten seconds (GitHub, Honeycomb), and
/// a 503 before that lets them come back.
const BUSY_TIMEOUT: Duration = Duration::from_secs(3);
/// How often a group is begun when the lock cannot be had.
const BEGIN_TRIES_MAX: u32 = 2;
/// Page cache of the writer and of each reader, in KiB. Together they bound what SQLite keeps in memory. Twice as much for the
/// writer and more made nothing faster.
const WRITER_CACHE_KIB: u32 = 6 << 10;
const READER_CACHE_KIB: u32 = 2 << 10;
/// Prepared statements that each connection keeps.
const STATEMENTS_KEPT: usize = 256;
/// Pages in the write-ahead log after which the writer copies them into the database: 8 MiB.
const CHECKPOINT_PAGES: u32 = 2048;

pub(super) struct Opened {
    pub(super) file: PathBuf,
    pub(super) writes: Lane,
    pub(super) reads: Lane,
    pub(super) threads: Vec<JoinHandle<()>>,
    pub(super) readers: usize,
}

/// Opens the file, making it where there is none, and starts the threads.
pub(super) fn open(data_dir: &Path, bell: &Arc<Bell>) -> Result<Opened, DbError> {
    std::fs::create_dir_all(data_dir)
        .map_err(|error| DbError::unavailable(format!("the data directory cannot be made: {error}")))?;
    let file = data_dir.join(FILE_NAME);
    private_file(&file)?;
    let (queue, units) = mpsc::unbounded_channel();
    let mut writer = Writer::new(writer_connection(&file)?, bell.clone())?;
    let mut threads = vec![spawn("store-writer", move || writer.run(units))?];
    let (read_queue, read_units) = mpsc::unbounded_channel();
    let read_units = Arc::new(Mutex::new(read_units));
    for _ in 0..READERS {
        let connection = reader_connection(&file)?;
        let units = read_units.clone();
        threads.push(spawn("store-reader", move || read(&connection, &units))?);
    }
    Ok(Opened {
        file,
        writes: Lane::new(Access::Write, queue),
        reads: Lane::new(Access::Read, read_queue),
        threads,
        readers: READERS,
    })
}

fn spawn(name: &str, run: impl FnOnce() + Send + 'static) -> Result<JoinHandle<()>, DbError> {
    thread::Builder::new()
        .name(name.into())
        .spawn(run)
        .map_err(|error| DbError::unavailable(format!("a thread cannot be started: {error}")))
}

/// Makes the file readable for nobody else before anything is in it; SQLite gives its companions the same mode.
fn private_file(file: &Path) -> Result<(), DbError> {
    let mut options = OpenOptions::new();
    options.create(true).append(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    match options.open(file) {
        Ok(_) => Ok(()),
        Err(error) => Err(DbError::unavailable(format!(
            "the database file cannot be opened: {error}"
        ))),
    }
}

fn writer_connection(file: &Path) -> Result<Connection, DbError> {
    let connection = Connection::open_with_flags(
        file,
        OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX,
    )?;
    connection.busy_timeout(BUSY_TIMEOUT)?;
    let mode: String = connection.query_row("PRAGMA journal_mode = WAL", [], |row| row.get(0))?;
    if mode != "wal" {
        return Err(DbError::unavailable(format!(
            "the file system does not allow a write-ahead log (mode {mode})"
        )));
    }
    // A commit is durable only with FULL. The checkpoint is the writer's own, between two groups.
    connection.pragma_update(None, "synchronous", "FULL")?;
    connection.pragma_update(None, "wal_autocheckpoint", 0)?;
    set_up(&connection, WRITER_CACHE_KIB)?;
    Ok(connection)
}

pub(super) fn reader_connection(file: &Path) -> Result<Connection, DbError> {
    let connection = Connection::open_with_flags(
        file,
        OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX,
    )?;
    connection.busy_timeout(BUSY_TIMEOUT)?;
    set_up(&connection, READER_CACHE_KIB)?;
    connection.pragma_update(None, "query_only", true)?;
    Ok(connection)
}

pub(super) fn set_up(connection: &Connection, cache_kib: u32) -> Result<(), DbError> {
    // Without this a statement is compiled anew whenever a parameter changes that stands where the condition of a
    // partial index is looked for, which is at every run of it: https://sqlite.org/c3ref/c_dbconfig_defensive.html
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_ENABLE_QPSG, true)?;
    connection.pragma_update(None, "foreign_keys", true)?;
    connection.pragma_update(None, "trusted_schema", false)?;
    connection.pragma_update(None, "temp_store", "MEMORY")?;
    connection.pragma_update(None, "cache_size", -i64::from(cache_kib))?;
    connection.set_prepared_statement_cache_capacity(STATEMENTS_KEPT);
    Ok(())
}

struct Writer {
    connection: Connection,
    bell: Arc<Bell>,
    /// Pages in the write-ahead log after the last commit.
    wal_pages: Arc<AtomicU32>,
}

impl Writer {
    fn new(mut connection: Connection, bell: Arc<Bell>) -> Result<Self, DbError> {
        let wal_pages = Arc::new(AtomicU32::new(0));
        let pages = wal_pages.clone();
        connection.wal_hook(Some(move |_: &mut rusqlite::hooks::Wal, n: std::ffi::c_int| {
            pages.store(n.unsigned_abs(), Ordering::Relaxed);
            Ok(())
        }))?;
        Ok(Self {
            connection,
            bell,
            wal_pages,
        })
    }

    /// Takes all units that wait, runs them as one group, and again, until told to stop.
    fn run(&mut self, mut units: mpsc::UnboundedReceiver<Message>) {
        let mut group = Vec::new();
        let mut stopping = false;
        while !stopping {
            let mut next = units.blocking_recv();
            loop {
                match next {
                    Some(Message::Run(unit)) => group.push(unit),
                    Some(Message::Stop) | None => {
                        stopping = true;
                        break;
                    }
                }
                if group.len() == GROUP_UNITS_MAX {
                    break;
                }
                match units.try_recv() {
                    Ok(message) => next = Some(message),
                    Err(_) => break,
                }
            }
            self.group(std::mem::take(&mut group));
            self.checkpoint();
        }
        units.close();
        while let Some(Message::Run(unit)) = units.blocking_recv() {
            self.group(vec![unit]);
        }
    }

    /// Runs the units in one transaction and answers them after its commit.
    fn group(&self, mut units: Vec<Box<dyn Unit>>) {
        if units.is_empty() {
            return;
        }
        match self.commit(&mut units) {
            Ok(wakes) => {
                for unit in units {
                    unit.answer();
                }
                wakes.into_iter().for_each(|wake| self.bell.ring(wake));
            }
            // A reference that is checked at the commit does not hold: find out whose it is.
            Err(DbError::ForeignKey { .. }) if units.len() > 1 => {
                for unit in units {
                    self.group(vec![unit]);
                }
            }
            Err(error) => {
                if error.is_retryable() {
                    tracing::error!(units = units.len(), "nothing could be written: {error}");
                }
                for mut unit in units {
                    unit.fail(error.clone());
                    unit.answer();
                }
            }
        }
    }

    /// Runs and commits. After an error no unit has changed anything.
    fn commit(&self, units: &mut [Box<dyn Unit>]) -> Result<Vec<Wake>, DbError> {
        self.begin()?;
        let committed = self.run_all(units).and_then(|wakes| match wakes {
            Some(wakes) => self.sql("COMMIT").map(|()| wakes),
            None => self.sql("ROLLBACK").map(|()| Vec::new()),
        });
        if committed.is_err() && !self.connection.is_autocommit() {
            // The first error is what the callers are told; a transaction that stays open would fail the next BEGIN.
            if let Err(error) = self.sql("ROLLBACK") {
                tracing::error!("a transaction could not be rolled back: {error}");
            }
        }
        committed
    }

    fn begin(&self) -> Result<(), DbError> {
        let mut tries = 1;
        loop {
            match self.sql("BEGIN IMMEDIATE") {
                Err(DbError::Busy { .. }) if tries < BEGIN_TRIES_MAX => tries += 1,
                outcome => return outcome,
            }
        }
    }

    /// Runs each unit so that one that fails takes only its own changes along. Returns what is to be woken, or
    /// nothing when no unit did well.
    fn run_all(&self, units: &mut [Box<dyn Unit>]) -> Result<Option<Vec<Wake>>, DbError> {
        let alone = units.len() == 1;
        let mut all = None;
        for unit in units {
            if !alone {
                self.sql("SAVEPOINT unit")?;
            }
            let done = unit.run_on_sqlite(&self.connection);
            if self.connection.is_autocommit() {
                // SQLite does so by itself after a full disk and the like: https://sqlite.org/lang_transaction.html
                return Err(DbError::unavailable(
                    "the transaction was rolled back, as when the disk is full",
                ));
            }
            if !alone {
                if done.is_none() {
                    self.sql("ROLLBACK TO unit")?;
                }
                self.sql("RELEASE unit")?;
            }
            if let Some(wakes) = done {
                let all = all.get_or_insert_with(Vec::new);
                wakes.into_iter().for_each(|wake| wake::merge(all, wake));
            }
        }
        Ok(all)
    }

    /// Copies the log into the database once it is long, after the answers and before the next group. The log starts
    /// over without being cut: appending to a file costs far more than writing over it.
    fn checkpoint(&self) {
        if self.wal_pages.load(Ordering::Relaxed) < CHECKPOINT_PAGES {
            return;
        }
        if let Err(error) = self
            .connection
            .query_row("PRAGMA wal_checkpoint(PASSIVE)", [], |_| Ok(()))
        {
            tracing::warn!("the write-ahead log could not be copied into the database: {error}");
        }
    }

    fn sql(&self, sql: &str) -> Result<(), DbError> {
        self.connection.prepare_cached(sql)?.raw_execute()?;
        Ok(())
    }
}

/// Runs units that read, each on one unchanging view of the data.
fn read(connection: &Connection, units: &Mutex<mpsc::UnboundedReceiver<Message>>) {
    loop {
        let message = units.lock().unwrap_or_else(PoisonError::into_inner).blocking_recv();
        let Some(Message::Run(mut unit)) = message else {
            return;
        };
        let begun = connection
            .prepare_cached("BEGIN")
            .and_then(|mut begin| begin.raw_execute());
        match begun {
            Ok(_) => {
                unit.run_on_sqlite(connection);
            }
            Err(error) => unit.fail(error.into()),
        }
        if !connection.is_autocommit()
            && let Err(error) = connection.execute_batch("ROLLBACK")
        {
            tracing::error!("a reading transaction could not be ended: {error}");
        }
        unit.answer();
    }
}
