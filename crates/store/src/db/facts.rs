//! What an operator wants to know of a database: which one it is, how large, at which version.

use std::path::Path;

use jiff::Timestamp;

use super::{Db, DbError, Dialect, Tx};

/// What is known of a database.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Facts {
    /// Which.
    pub dialect: Dialect,
    /// Its version: "3.50.4", "17.2".
    pub version: String,
    /// How large it is, in bytes.
    pub size_bytes: i64,
    /// How much of it still stands in SQLite's write-ahead log, in bytes.
    pub log_bytes: Option<i64>,
    /// The last migration.
    pub schema: String,
    /// When that was applied.
    pub schema_since: Timestamp,
    /// From how many addresses programs of ours are connected to a PostgreSQL server.
    pub connected_from: Option<i64>,
}

impl Db {
    /// What is known of this database now.
    ///
    /// # Errors
    /// When it cannot answer.
    pub async fn facts(&self) -> Result<Facts, DbError> {
        let unit = async |tx: &mut Tx<'_>| {
            let sql = "SELECT name, applied_at FROM schema_migration ORDER BY version DESC LIMIT 1";
            let mut row = tx.query_one(sql, &[]).await?;
            let (schema, schema_since): (String, Timestamp) = (row.take()?, row.take()?);
            let (version, size_bytes, connected_from) = match tx.dialect() {
                Dialect::Sqlite => (tx.query_one("SELECT sqlite_version()", &[]).await?.take()?, 0, None),
                Dialect::Postgres => postgres(tx).await?,
            };
            Ok::<_, DbError>(Facts {
                dialect: tx.dialect(),
                version,
                size_bytes,
                log_bytes: None,
                schema,
                schema_since,
                connected_from,
            })
        };
        let mut facts = self.read(unit).await?;
        if let Some(file) = &self.inner.file {
            facts.size_bytes = length(file).await;
            let mut log = file.clone().into_os_string();
            log.push("-wal");
            facts.log_bytes = Some(length(Path::new(&log)).await);
        }
        Ok(facts)
    }
}

/// Version, size, and from how many addresses there are sessions of ours.
async fn postgres(tx: &mut Tx<'_>) -> Result<(String, i64, Option<i64>), DbError> {
    let sql = "SELECT current_setting('server_version'), pg_database_size(current_database()), \
         (SELECT count(DISTINCT COALESCE(host(client_addr), 'local')) FROM pg_stat_activity \
          WHERE datname = current_database() AND application_name = current_setting('application_name'))";
    let mut row = tx.query_one(sql, &[]).await?;
    Ok((row.take()?, row.take()?, Some(row.take()?)))
}

/// A file that is not there has no length.
async fn length(file: &Path) -> i64 {
    let file = file.to_owned();
    let read = tokio::task::spawn_blocking(move || std::fs::metadata(file).map_or(0, |data| data.len()));
    i64::try_from(read.await.unwrap_or_default()).unwrap_or(i64::MAX)
}
