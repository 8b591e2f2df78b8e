//! What several tests of the driver need.

use std::time::Duration;

use opsknight_store::db::{Db, DbError, Dialect, Tx, Wake};
use tokio::sync::broadcast::Receiver;

/// How long a wake-up may take to be heard before the test fails.
pub(crate) const PATIENCE: Duration = Duration::from_secs(20);

pub(crate) async fn sql(db: &Db, sql: &'static str) {
    db.write(async move |tx| tx.execute(sql, &[]).await.map(drop))
        .await
        .unwrap();
}

pub(crate) async fn items(db: &Db) {
    sql(db, "CREATE TABLE item (id BIGINT PRIMARY KEY, owner TEXT NOT NULL)").await;
}

pub(crate) async fn add(db: &Db, id: i64) -> Result<(), DbError> {
    db.write(async move |tx| insert(tx, id).await).await
}

pub(crate) async fn insert(tx: &mut Tx<'_>, id: i64) -> Result<(), DbError> {
    tx.execute(
        "INSERT INTO item (id, owner) VALUES ($1, $2)",
        &[id.into(), "nobody".into()],
    )
    .await
    .map(drop)
}

pub(crate) async fn ids(db: &Db) -> Vec<i64> {
    let rows = db
        .read(async |tx| tx.query("SELECT id FROM item ORDER BY id", &[]).await)
        .await
        .unwrap();
    rows.into_iter().map(|mut row| row.take().unwrap()).collect()
}

pub(crate) fn is_unique(result: &Result<(), DbError>) -> bool {
    matches!(result, Err(DbError::Unique { .. }))
}

pub(crate) async fn ids_of(db: &Db, owner: &'static str) -> usize {
    let sql = "SELECT id FROM item WHERE owner = $1";
    db.read(async move |tx| tx.query(sql, &[owner.into()]).await)
        .await
        .unwrap()
        .len()
}

pub(crate) async fn heard(wakes: &mut Receiver<Wake>) -> Wake {
    tokio::time::timeout(PATIENCE, wakes.recv())
        .await
        .expect("a wake-up is heard")
        .unwrap()
}

/// Subscribes and waits until the listening connection of PostgreSQL stands.
pub(crate) async fn awake(db: &Db) -> Receiver<Wake> {
    let mut wakes = db.subscribe();
    while db.dialect() == Dialect::Postgres {
        db.write(async |tx| {
            tx.wake(Wake::All);
            Ok::<_, DbError>(())
        })
        .await
        .unwrap();
        if tokio::time::timeout(Duration::from_millis(200), wakes.recv())
            .await
            .is_ok()
        {
            break;
        }
    }
    // What was sent meanwhile is heard before this one.
    db.write(async |tx| {
        tx.wake(Wake::Incident("the last".into()));
        Ok::<_, DbError>(())
    })
    .await
    .unwrap();
    while heard(&mut wakes).await != Wake::Incident("the last".into()) {}
    wakes
}
