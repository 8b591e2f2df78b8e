//! Fresh databases for tests, on SQLite and on PostgreSQL. Only with the feature `testing`.
//!
//! PostgreSQL is the server that `OPSKNIGHT_TEST_POSTGRES` names (`postgres://…`, with the right to make databases);
//! without it a test fails. Each test has a database of its own, copied from a template that was migrated once.

pub mod glimpse;

use std::{ops::Deref, path::Path, thread, time::Duration};

use jiff::Timestamp;
use tokio::sync::OnceCell;
use tokio_postgres::{Client, NoTls, error::SqlState};

use crate::{
    db::{Db, Settings},
    migrate,
};

/// The environment variable with the address of the PostgreSQL server for tests.
pub const POSTGRES_VARIABLE: &str = "OPSKNIGHT_TEST_POSTGRES";

/// The instant at which the tables of a fresh database were made: 2026-01-01T00:00:00Z.
pub const MIGRATED_AT: Timestamp = Timestamp::constant(1_767_225_600, 0);

/// The number under which test processes wait for each other to make the template.
const TEMPLATE_LOCK: i64 = 0x6f70_736b_7465_7374;

/// How often a copy of the template is tried while another session is still leaving it.
const COPY_TRIES_MAX: u32 = 50;

/// A database that goes away with this value.
#[derive(Debug)]
pub struct TestDb {
    db: Db,
    settings: Settings,
    _dir: tempfile::TempDir,
    name: Option<String>,
}

impl TestDb {
    /// How to open the same database a second time, as another process or replica would.
    #[must_use]
    pub const fn settings(&self) -> &Settings {
        &self.settings
    }

    /// The data directory.
    #[must_use]
    pub fn dir(&self) -> &Path {
        &self.settings.data_dir
    }
}

impl Deref for TestDb {
    type Target = Db;

    fn deref(&self) -> &Db {
        &self.db
    }
}

impl From<&TestDb> for Db {
    fn from(test: &TestDb) -> Self {
        test.db.clone()
    }
}

impl Drop for TestDb {
    fn drop(&mut self) {
        let Some(name) = self.name.take() else {
            return;
        };
        let dropping = thread::spawn(move || {
            block_on(async {
                let client = server().await;
                client
                    .batch_execute(&format!("DROP DATABASE IF EXISTS {name} WITH (FORCE)"))
                    .await
                    .expect("the database of a test can be dropped");
            });
        });
        let dropped = dropping.join();
        assert!(
            dropped.is_ok() || thread::panicking(),
            "the database of a test could not be dropped"
        );
    }
}

/// A migrated database of each kind: SQLite in a new directory, PostgreSQL with a name of its own.
pub async fn fresh_databases() -> [TestDb; 2] {
    [fresh_sqlite().await, fresh_postgres().await]
}

/// A migrated SQLite database in a new directory.
pub async fn fresh_sqlite() -> TestDb {
    let dir = directory();
    let settings = Settings {
        postgres_url: None,
        data_dir: dir.path().to_owned(),
    };
    let db = Db::open(&settings).await.expect("SQLite opens");
    db.migrate(MIGRATED_AT).await.expect("the migrations apply");
    TestDb {
        db,
        settings,
        _dir: dir,
        name: None,
    }
}

/// A migrated PostgreSQL database, copied from the template.
pub async fn fresh_postgres() -> TestDb {
    static TEMPLATE: OnceCell<String> = OnceCell::const_new();
    let template = TEMPLATE.get_or_init(make_template).await;
    let name = format!("opsknight_test_{:016x}", getrandom::u64().expect("there is randomness"));
    copy(template, &name).await;
    let dir = directory();
    let settings = Settings {
        postgres_url: Some(address_of(&name)),
        data_dir: dir.path().to_owned(),
    };
    let db = Db::open(&settings).await.expect("the database of the test opens");
    TestDb {
        db,
        settings,
        _dir: dir,
        name: Some(name),
    }
}

fn directory() -> tempfile::TempDir {
    tempfile::tempdir().expect("a directory for the test can be made")
}

#[expect(
    clippy::disallowed_methods,
    reason = "the test command tells its tests where its server is"
)]
fn address() -> String {
    match std::env::var(POSTGRES_VARIABLE) {
        Ok(address) if !address.is_empty() => address,
        _ => panic!("{POSTGRES_VARIABLE} must name a PostgreSQL server, as `cargo xtask test` does"),
    }
}

/// The address with another database.
fn address_of(name: &str) -> String {
    let address = address();
    let (base, query) = address
        .split_once('?')
        .map_or((address.as_str(), String::new()), |(base, query)| {
            (base, format!("?{query}"))
        });
    let (scheme, rest) = base.split_once("://").expect("the address begins with postgres://");
    let authority = rest.split('/').next().unwrap_or(rest);
    format!("{scheme}://{authority}/{name}{query}")
}

/// A connection to the server's own database.
async fn server() -> Client {
    let (client, connection) = tokio_postgres::connect(&address(), NoTls)
        .await
        .expect("the PostgreSQL server for tests answers");
    tokio::spawn(connection);
    client
}

/// Makes the template unless another process has, and returns its name.
async fn make_template() -> String {
    let template = format!("opsknight_template_{}", migrate::fingerprint());
    let server = server().await;
    server
        .batch_execute(&format!("SELECT pg_advisory_lock({TEMPLATE_LOCK})"))
        .await
        .expect("the lock is granted");
    let there = server
        .query_opt("SELECT 1 FROM pg_database WHERE datname = $1", &[&template])
        .await;
    if there.expect("the databases can be listed").is_none() {
        let raw = format!("{template}_raw");
        for sql in [
            format!("DROP DATABASE IF EXISTS {raw} WITH (FORCE)"),
            format!("CREATE DATABASE {raw}"),
        ] {
            server.batch_execute(&sql).await.expect("the template can be made");
        }
        let settings = Settings {
            postgres_url: Some(address_of(&raw)),
            data_dir: std::env::temp_dir(),
        };
        let db = Db::open(&settings).await.expect("the template opens");
        db.migrate(MIGRATED_AT).await.expect("the migrations apply");
        db.close().await;
        retried(&server, &format!("ALTER DATABASE {raw} RENAME TO {template}")).await;
    }
    template
}

async fn copy(template: &str, name: &str) {
    retried(&server().await, &format!("CREATE DATABASE {name} TEMPLATE {template}")).await;
}

/// Runs a statement that the server refuses while a session in the template is still ending.
async fn retried(server: &Client, sql: &str) {
    for _ in 1..COPY_TRIES_MAX {
        match server.batch_execute(sql).await {
            Ok(()) => return,
            Err(error) if error.code() == Some(&SqlState::OBJECT_IN_USE) => {
                tokio::time::sleep(Duration::from_millis(50)).await;
            }
            Err(error) => panic!("{sql}: {error}"),
        }
    }
    server
        .batch_execute(sql)
        .await
        .expect("the template is free in the end");
}

fn block_on(work: impl Future<Output = ()>) {
    tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .expect("a runtime starts")
        .block_on(work);
}
