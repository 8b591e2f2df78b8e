//! Each test twice: on SQLite (a file, WAL) and on PostgreSQL (a database of its own).

use std::{path::PathBuf, sync::Mutex};

use opsknight_store::testing::{TestDb, fresh_postgres};
use tempfile::TempDir;

/// `both! { name, … }` makes of `async fn name(place: &Place)` the tests `name::sqlite` and `name::postgres`.
macro_rules! both {
    ($($name:ident,)*) => {$(
        mod $name {
            use crate::both::Place;

            #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn sqlite() {
                Box::pin(super::$name(&Place::sqlite())).await;
            }

            #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn postgres() {
                Box::pin(super::$name(&Place::postgres().await)).await;
            }
        }
    )*};
}

/// Where a program under test keeps its data. It goes away with this value.
pub(crate) struct Place {
    dir: TempDir,
    postgres_url: Option<String>,
    postgres: Mutex<Option<TestDb>>,
}

impl Place {
    /// An empty directory, in which the program makes its embedded database.
    pub(crate) fn sqlite() -> Self {
        let dir = tempfile::tempdir().expect("a directory can be made");
        Self {
            dir,
            postgres_url: None,
            postgres: Mutex::default(),
        }
    }

    /// An empty directory for the secret key, and a migrated PostgreSQL database.
    pub(crate) async fn postgres() -> Self {
        let database = fresh_postgres().await;
        Self {
            postgres_url: database.settings().postgres_url.clone(),
            postgres: Mutex::new(Some(database)),
            ..Self::sqlite()
        }
    }

    /// An empty directory for the secret key, and the PostgreSQL database at this address.
    pub(crate) fn at(url: String) -> Self {
        Self {
            postgres_url: Some(url),
            ..Self::sqlite()
        }
    }

    /// A directory that is the test's own.
    pub(crate) fn dir(&self) -> PathBuf {
        self.dir.path().to_owned()
    }

    /// The data directory.
    pub(crate) fn data_dir(&self) -> PathBuf {
        self.dir.path().join("data")
    }

    /// The address of the PostgreSQL database; none for the embedded one.
    pub(crate) fn postgres_url(&self) -> Option<&str> {
        self.postgres_url.as_deref()
    }

    pub(crate) fn is_sqlite(&self) -> bool {
        self.postgres_url.is_none()
    }

    /// Takes the PostgreSQL database away under the running program.
    pub(crate) fn lose_postgres(&self) {
        drop(self.postgres.lock().unwrap().take());
    }
}
