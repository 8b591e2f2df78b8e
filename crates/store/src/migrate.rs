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
    /// Programs that do not know it can go on with the tables all the same: it only adds.
    only_adds: bool,
}

impl Migration {
    /// A step in which the databases differ.
    const fn each(name: &'static str, sqlite: &'static str, postgres: &'static str) -> Self {
        Self {
            name,
            sqlite,
            postgres,
            only_adds: true,
        }
    }

    const fn both(name: &'static str, sql: &'static str) -> Self {
        Self::each(name, sql, sql)
    }

    /// A step that takes away what programs before it use. It comes at the earliest one release after the last that uses
    /// it: those of before refuse to begin, and those that run say that they are not ready.
    #[cfg_attr(not(test), expect(dead_code, reason = "nothing was taken away yet"))]
    const fn taking_away(self) -> Self {
        Self {
            only_adds: false,
            ..self
        }
    }
}

/// How the tables and this program stand to each other.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Schema {
    /// They are as this program has made them, or will once it begins.
    Known,
    /// A newer program has added to them since; this one goes on.
    Newer {
        /// What was added.
        names: Vec<String>,
    },
    /// A newer program has taken away what this one needs.
    TooNew {
        /// What was changed.
        names: Vec<String>,
    },
}

impl Schema {
    /// Whether this program can work with the tables.
    #[must_use]
    pub const fn serves(&self) -> bool {
        match self {
            Self::Known | Self::Newer { .. } => true,
            Self::TooNew { .. } => false,
        }
    }

    /// What an operator should know of it.
    #[must_use]
    pub fn remark(&self) -> Option<String> {
        match self {
            Self::Known => None,
            Self::Newer { names } => Some(format!(
                "the database was made newer by a newer program ({}); this one goes on with it until it is replaced",
                names.join(", ")
            )),
            Self::TooNew { names } => Some(format!(
                "the database is newer than this program: it has migrations this program does not know ({}), and they take \
                 away what it needs. Start the program's newer version, or restore a backup from before the upgrade",
                names.join(", ")
            )),
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

/// How the tables and this program stand to each other.
pub(crate) async fn schema(db: &Db) -> Result<Schema, DbError> {
    db.read(async |tx| standing(tx, COUNT).await).await
}

/// The same for a program that knows so many migrations.
async fn standing(tx: &mut Tx<'_>, known: usize) -> Result<Schema, DbError> {
    let later = "SELECT name FROM schema_migration WHERE version > $1 ORDER BY version";
    let rows = tx.query(later, &[known.into()]).await?;
    if rows.is_empty() {
        return Ok(Schema::Known);
    }
    let names = rows.into_iter().map(|mut row| row.take()).collect::<Result<_, _>>()?;
    let floor = "SELECT 1 FROM schema_floor WHERE version > $1 LIMIT 1";
    Ok(match tx.query_opt(floor, &[known.into()]).await? {
        Some(_) => Schema::TooNew { names },
        None => Schema::Newer { names },
    })
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
         checksum TEXT NOT NULL, applied_at BIGINT NOT NULL); \
         CREATE TABLE IF NOT EXISTS schema_floor (version BIGINT PRIMARY KEY)",
    )
    .await?;
    let done = tx
        .query(
            "SELECT version, name, checksum FROM schema_migration ORDER BY version",
            &[],
        )
        .await?;
    let count = done.len();
    let schema = standing(tx, migrations.len()).await?;
    if let Some(what) = schema.remark().filter(|_| !schema.serves()) {
        return Err(DbError::other(what));
    }
    let done = done
        .into_iter()
        .map(|mut row| Ok((row.take()?, row.take()?, row.take()?)));
    let done: Vec<Applied> = done.collect::<Result<_, DbError>>()?;
    for (index, (version, name, _)) in done.iter().enumerate() {
        if Ok(*version) != i64::try_from(index + 1) {
            return Err(DbError::other(format!(
                "the database has migration {version} ({name}) without those before it: no release has made it so. \
                 Restore a backup"
            )));
        }
    }
    // What a newer program has done besides only added, as was seen above.
    let shared = &done[..count.min(migrations.len())];
    known(migrations, shared, tx.dialect()).map_err(DbError::other)?;
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
    if !migration.only_adds {
        let floor = "INSERT INTO schema_floor (version) VALUES ($1)";
        tx.execute(floor, &[(count + 1).into()]).await?;
    }
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
    use crate::db::Settings;

    /// What a program knows, and what a later one does.
    static STEPS: [Migration; 3] = [
        Migration::both("0001_one", "CREATE TABLE one (id BIGINT)"),
        Migration::both("0002_two", "ALTER TABLE one ADD COLUMN more TEXT"),
        Migration::both("0003_three", "ALTER TABLE one DROP COLUMN id").taking_away(),
    ];

    #[tokio::test]
    async fn an_older_program_goes_on_until_something_was_taken_away() {
        let dir = tempfile::tempdir().unwrap();
        let settings = Settings {
            postgres_url: None,
            data_dir: dir.path().to_owned(),
        };
        let db = Db::open(&settings).await.unwrap();
        let older = async || {
            let begun = run_these(&db, &STEPS[..1], Timestamp::UNIX_EPOCH).await;
            let seen = db.read(async |tx| standing(tx, 1).await).await;
            (begun, seen.unwrap())
        };
        assert_eq!(older().await, (Ok(vec!["0001_one".to_owned()]), Schema::Known));
        run_these(&db, &STEPS[..2], Timestamp::UNIX_EPOCH).await.unwrap();
        let names = vec!["0002_two".to_owned()];
        assert_eq!(older().await, (Ok(vec![]), Schema::Newer { names }));
        run_these(&db, &STEPS, Timestamp::UNIX_EPOCH).await.unwrap();
        let (begun, seen) = older().await;
        assert!(
            begun.unwrap_err().to_string().contains("0003_three") && !seen.serves(),
            "{seen:?}"
        );
        assert_eq!(run_these(&db, &STEPS, Timestamp::UNIX_EPOCH).await, Ok(vec![]));
        db.close().await;
    }

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
