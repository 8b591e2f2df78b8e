//! Brings the tables of a database to the state that this program needs: numbered steps, forward only, each in a
//! transaction of its own.
//!
//! A migration is one text for both databases where it can be, with `{key}` for a text column that orders and compares
//! by bytes on both, and `{blob}` for a column of bytes.

use jiff::Timestamp;
use sha2::{Digest as _, Sha256};

use crate::db::{Db, DbError, Dialect, Tx};

/// One numbered step.
#[derive(Debug, Clone, Copy)]
struct Migration {
    /// `NNNN_what_it_does`. The number is the version and counts from 1.
    name: &'static str,
    sqlite: &'static str,
    postgres: &'static str,
}

impl Migration {
    /// A step in which the databases differ.
    const fn each(name: &'static str, sqlite: &'static str, postgres: &'static str) -> Self {
        Self { name, sqlite, postgres }
    }

    const fn both(name: &'static str, sql: &'static str) -> Self {
        Self {
            name,
            sqlite: sql,
            postgres: sql,
        }
    }
}

/// All steps in their order. What was released is never changed.
const MIGRATIONS: &[Migration] = &[
    Migration::both("0001_initial", include_str!("../migrations/0001_initial.sql")),
    Migration::each(
        "0002_search",
        include_str!("../migrations/0002_search.sqlite.sql"),
        include_str!("../migrations/0002_search.postgres.sql"),
    ),
];

/// How many there are.
pub(crate) const COUNT: usize = MIGRATIONS.len();

/// The number under which replicas wait for each other on PostgreSQL: "opsknigh" in ASCII.
const LOCK: i64 = 0x6f70_736b_6e69_6768;

/// Applies what is missing, and returns the names of what was applied.
pub(crate) async fn run(db: &Db, now: Timestamp) -> Result<Vec<String>, DbError> {
    run_these(db, MIGRATIONS, now).await
}

/// The names of what is missing. A database without the table of migrations has none of them yet.
pub(crate) async fn pending(db: &Db) -> Result<Vec<String>, DbError> {
    db.ping().await?;
    let counted = db
        .read(async |tx| tx.query_one("SELECT count(*) FROM schema_migration", &[]).await?.take())
        .await;
    let done: usize = counted.unwrap_or_default();
    Ok(MIGRATIONS
        .iter()
        .skip(done)
        .map(|migration| migration.name.to_owned())
        .collect())
}

/// A short text that changes with any migration: names the template that tests copy.
#[cfg(feature = "testing")]
pub(crate) fn fingerprint() -> String {
    let all: String = MIGRATIONS
        .iter()
        .map(|migration| checksum(&migration.text(Dialect::Postgres)))
        .collect();
    checksum(&all)[..12].to_owned()
}

async fn run_these(db: &Db, migrations: &'static [Migration], now: Timestamp) -> Result<Vec<String>, DbError> {
    let mut applied = Vec::new();
    while let Some(name) = db.write(async move |tx| next(tx, migrations, now).await).await? {
        tracing::info!(migration = name, "the database was brought to {name}");
        applied.push(name.to_owned());
    }
    Ok(applied)
}

/// Applies the first step that is missing.
async fn next(
    tx: &mut Tx<'_>,
    migrations: &'static [Migration],
    now: Timestamp,
) -> Result<Option<&'static str>, DbError> {
    if tx.dialect() == Dialect::Postgres {
        // A step may take long, and so may the wait for another replica that applies it.
        tx.batch("SET LOCAL statement_timeout = 0; SET LOCAL lock_timeout = 0")
            .await?;
        tx.batch(&format!("SELECT pg_advisory_xact_lock({LOCK})")).await?;
    }
    tx.batch(
        "CREATE TABLE IF NOT EXISTS schema_migration (version BIGINT PRIMARY KEY, name TEXT NOT NULL, \
         checksum TEXT NOT NULL, applied_at BIGINT NOT NULL)",
    )
    .await?;
    let done = tx
        .query(
            "SELECT version, name, checksum FROM schema_migration ORDER BY version",
            &[],
        )
        .await?;
    let count = done.len();
    let done = done
        .into_iter()
        .map(|mut row| Ok((row.take()?, row.take()?, row.take()?)));
    let done: Vec<Applied> = done.collect::<Result<_, DbError>>()?;
    known(migrations, &done, tx.dialect()).map_err(DbError::other)?;
    let Some(migration) = migrations.get(count) else {
        return Ok(None);
    };
    let text = migration.text(tx.dialect());
    tx.batch(&text).await?;
    tx.execute(
        "INSERT INTO schema_migration (version, name, checksum, applied_at) VALUES ($1, $2, $3, $4)",
        &[
            (count + 1).into(),
            migration.name.into(),
            checksum(&text).into(),
            now.into(),
        ],
    )
    .await?;
    Ok(Some(migration.name))
}

/// A step that was applied: its version, its name and its checksum.
type Applied = (i64, String, String);

/// Whether these steps, applied to a database of this kind, are those that this program knows.
///
/// # Errors
/// In words, why not.
pub(crate) fn check_known(applied: &[Applied], dialect: Dialect) -> Result<(), String> {
    known(MIGRATIONS, applied, dialect)
}

fn known(migrations: &[Migration], applied: &[Applied], dialect: Dialect) -> Result<(), String> {
    for (index, (version, name, found)) in applied.iter().enumerate() {
        let Some(known) = migrations
            .get(index)
            .filter(|_| Ok(*version) == i64::try_from(index + 1))
        else {
            return Err(format!(
                "the database is newer than this program: it has migration {version} ({name}). \
                 Start the program's newer version, or restore a backup from before the upgrade"
            ));
        };
        if *found != checksum(&known.text(dialect)) {
            return Err(format!(
                "migration {name} was applied to the database in another form than this program knows. \
                 Use the version of the program that has applied it, or a later release"
            ));
        }
    }
    Ok(())
}

impl Migration {
    /// The text for one database, with the line ends of no particular system.
    fn text(&self, dialect: Dialect) -> String {
        let (sql, key, blob) = match dialect {
            Dialect::Sqlite => (self.sqlite, "TEXT", "BLOB"),
            Dialect::Postgres => (self.postgres, "TEXT COLLATE \"C\"", "BYTEA"),
        };
        sql.replace("\r\n", "\n").replace("{key}", key).replace("{blob}", blob)
    }
}

fn checksum(text: &str) -> String {
    use std::fmt::Write as _;
    Sha256::digest(text.as_bytes())
        .iter()
        .fold(String::with_capacity(64), |mut hex, byte| {
            write!(hex, "{byte:02x}").expect("writing to a String does not fail");
            hex
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn migrations_are_numbered_from_one_without_a_gap() {
        for (index, migration) in MIGRATIONS.iter().enumerate() {
            let number = format!("{:04}_", index + 1);
            assert!(
                migration.name.starts_with(&number),
                "{} should begin with {number}",
                migration.name
            );
        }
    }
}
