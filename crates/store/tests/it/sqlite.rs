//! What only SQLite can get wrong.

use futures_util::future::join_all;
use opsknight_store::{
    db::{Db, DbError, Settings},
    testing::{MIGRATED_AT, fresh_postgres, fresh_sqlite},
};

use crate::support::{add, ids, insert, items, sql};

#[tokio::test]
async fn a_unit_on_sqlite_awaits_nothing_else() {
    let db = fresh_sqlite().await;
    items(&db).await;
    let outcome = db.write(async |tx| {
        insert(tx, 1).await?;
        tokio::task::yield_now().await;
        Ok::<_, DbError>(())
    });
    assert!(outcome.await.is_err());
    assert_eq!(ids(&db).await, [0_i64; 0]);
}

#[tokio::test]
async fn a_reader_on_sqlite_sees_one_state() {
    let db = fresh_sqlite().await;
    items(&db).await;
    let (go, gone) = std::sync::mpsc::channel::<()>();
    let (begun, begins) = tokio::sync::mpsc::unbounded_channel::<()>();
    let gone = std::sync::Mutex::new(gone);
    let reading = tokio::spawn({
        let db: Db = (&db).into();
        async move {
            db.read(async move |tx| {
                let before = tx.query("SELECT id FROM item", &[]).await?.len();
                begun.send(()).unwrap();
                gone.lock().unwrap().recv().unwrap();
                Ok::<_, DbError>((before, tx.query("SELECT id FROM item", &[]).await?.len()))
            })
            .await
        }
    });
    let mut begins = begins;
    begins.recv().await.unwrap();
    add(&db, 1).await.unwrap();
    assert_eq!(ids(&db).await, [1]);
    go.send(()).unwrap();
    assert_eq!(reading.await.unwrap(), Ok((0, 0)));
}

#[tokio::test]
async fn a_full_disk_fails_units_and_not_the_writer() {
    let db = fresh_sqlite().await;
    sql(&db, "CREATE TABLE big (x TEXT)").await;
    let limit = |pages: &'static str| db.write(async move |tx| tx.query(pages, &[]).await.map(drop));
    let fill = |n: usize| {
        db.write(async move |tx| {
            tx.execute("INSERT INTO big (x) VALUES ($1)", &["x".repeat(n).into()])
                .await
        })
    };
    limit("PRAGMA max_page_count = 1").await.unwrap();
    let (a, b, c) = tokio::join!(fill(500_000), fill(500_000), fill(500_000));
    for outcome in [a, b, c] {
        assert!(matches!(outcome, Err(DbError::Unavailable { .. })), "{outcome:?}");
    }
    limit("PRAGMA max_page_count = 1000000").await.unwrap();
    fill(500_000).await.unwrap();
    let mut row = db
        .read(async |tx| tx.query_one("SELECT count(*) FROM big", &[]).await)
        .await
        .unwrap();
    assert_eq!(row.take(), Ok(1_i64));
}

#[tokio::test]
async fn the_log_starts_over_and_keeps_its_file() {
    let db = fresh_sqlite().await;
    sql(&db, "CREATE TABLE big (id BIGINT PRIMARY KEY, x TEXT)").await;
    let log = db.dir().join("opsknight.db-wal");
    let mut longest = 0;
    for id in 0..40_i64 {
        db.write(async move |tx| {
            let text = "x".repeat(1 << 20);
            tx.execute("INSERT INTO big (id, x) VALUES ($1, $2)", &[id.into(), text.into()])
                .await
        })
        .await
        .unwrap();
        let length = std::fs::metadata(&log).unwrap().len();
        assert!(length >= longest, "the file is never cut");
        longest = length;
    }
    assert!(
        longest < 16 << 20,
        "40 MiB were written through a log of {longest} bytes"
    );
}

#[tokio::test]
async fn a_backup_is_one_state_while_work_goes_on() {
    let db = fresh_sqlite().await;
    items(&db).await;
    let to = db.dir().join("backup.db");
    let writing = async {
        for from in (0..2000).step_by(100) {
            join_all((from..from + 100).map(|id| add(&db, id)))
                .await
                .into_iter()
                .collect::<Result<(), _>>()
                .unwrap();
        }
    };
    let (_, saved) = tokio::join!(writing, db.backup(&to, None));
    saved.unwrap();
    assert!(db.backup(&to, None).await.is_err(), "no file is overwritten");
    let dir = tempfile::tempdir().unwrap();
    std::fs::copy(&to, dir.path().join("opsknight.db")).unwrap();
    let restored = Settings {
        postgres_url: None,
        data_dir: dir.path().to_owned(),
    };
    let restored = Db::open(&restored).await.unwrap();
    assert_eq!(restored.migrate(MIGRATED_AT).await, Ok(vec![]));
    let found = ids(&restored).await;
    assert_eq!(
        found,
        (0..found.len() as i64).collect::<Vec<_>>(),
        "a beginning of what was written, without a hole"
    );
    restored.close().await;
    let postgres = fresh_postgres().await;
    let error = postgres.backup(&to, None).await.unwrap_err().to_string();
    assert!(error.contains("pg_dump"), "{error}");
}

#[cfg(unix)]
#[tokio::test]
async fn the_files_of_sqlite_are_for_their_owner_only() {
    use std::os::unix::fs::PermissionsExt as _;
    let db = fresh_sqlite().await;
    db.backup(&db.dir().join("backup.db"), None).await.unwrap();
    for name in ["opsknight.db", "opsknight.db-wal", "backup.db"] {
        let mode = std::fs::metadata(db.dir().join(name)).unwrap().permissions().mode();
        assert_eq!(mode & 0o077, 0, "{name} {mode:o}");
    }
}
