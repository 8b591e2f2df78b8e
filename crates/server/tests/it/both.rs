//! Each test twice: on SQLite (a file, WAL) and on PostgreSQL (a database of its own).

use std::path::PathBuf;

use opsknight_store::testing::{TestDb, fresh_postgres};
use tempfile::TempDir;

/// `both! { async fn name(place) { … } }` becomes the tests `name::sqlite` and `name::postgres`.
macro_rules! both {
    ($($(#[$meta:meta])* async fn $name:ident($place:ident) $body:block)*) => {$(
        mod $name {
            #[allow(unused_imports, reason = "a test may need nothing of its module")]
            use super::*;

            $(#[$meta])*
            async fn check($place: &crate::both::Place) $body

            #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn sqlite() {
                Box::pin(check(&crate::both::Place::sqlite())).await;
            }

            #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn postgres() {
                Box::pin(check(&crate::both::Place::postgres().await)).await;
            }
        }
    )*};
}

/// Where a program under test keeps its data. It goes away with this value.
pub(crate) struct Place {
    dir: TempDir,
    postgres: Option<TestDb>,
}

impl Place {
    /// An empty directory, in which the program makes its embedded database.
    pub(crate) fn sqlite() -> Self {
        let dir = tempfile::tempdir().expect("a directory can be made");
        Self { dir, postgres: None }
    }

    /// An empty directory for the secret key, and a migrated PostgreSQL database.
    pub(crate) async fn postgres() -> Self {
        Self {
            postgres: Some(fresh_postgres().await),
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
        self.postgres.as_ref()?.settings().postgres_url.as_deref()
    }

    pub(crate) fn is_sqlite(&self) -> bool {
        self.postgres.is_none()
    }
}
