//! What tests of replicas ask and do below all questions: how deliveries stand, and tables as a newer program would leave
//! them. Nothing here is for the product.

use crate::db::{Db, DbError, Tx};

async fn number(db: &Db, sql: &'static str) -> i64 {
    let unit = async move |tx: &mut Tx<'_>| tx.query_one(sql, &[]).await?.take();
    db.read::<i64, DbError, _>(unit).await.expect("the database answers")
}

async fn change(db: &Db, statements: &'static [&'static str]) {
    let unit = async move |tx: &mut Tx<'_>| {
        for sql in statements {
            tx.execute(sql, &[]).await?;
        }
        Ok::<_, DbError>(())
    };
    db.write(unit).await.expect("the database takes it");
}

/// How many messages somebody has leased.
pub async fn leased(db: &Db) -> i64 {
    number(db, "SELECT count(*) FROM delivery WHERE state = 'SENDING'").await
}

/// How many tries there were of which nobody knows how they ended.
pub async fn unknown_tries(db: &Db) -> i64 {
    number(db, "SELECT count(*) FROM attempt WHERE outcome = 'UNKNOWN'").await
}

/// How many tries there were.
pub async fn tries(db: &Db) -> i64 {
    number(db, "SELECT count(*) FROM attempt").await
}

/// How many standbys a PostgreSQL server waits for.
pub async fn synchronous_standbys(db: &Db) -> i64 {
    number(db, "SELECT count(*) FROM pg_stat_replication WHERE sync_state = 'sync'").await
}

/// Takes all tables of a PostgreSQL database away, and with them the memory of migrations.
pub async fn empty(db: &Db) {
    change(db, &["DROP SCHEMA public CASCADE", "CREATE SCHEMA public"]).await;
}

/// Adds to the tables, as a newer program does at its start, by a migration of this name: `a_later_one`.
pub async fn add_to_tables(db: &Db) {
    const NOTED: &str = "INSERT INTO schema_migration (version, name, checksum, applied_at) \
        SELECT max(version) + 1, 'a_later_one', '', 0 FROM schema_migration";
    change(db, &["ALTER TABLE incident ADD COLUMN colour TEXT", NOTED]).await;
}

/// Says that the last migration took away what programs before it need; or that it did not.
pub async fn take_from_tables(db: &Db, really: bool) {
    const FLOOR: &str = "INSERT INTO schema_floor (version) SELECT max(version) FROM schema_migration";
    match really {
        true => change(db, &[FLOOR]).await,
        false => change(db, &["DELETE FROM schema_floor"]).await,
    }
}
