//! What only PostgreSQL can get wrong: other sessions, and lines that break.

use std::sync::{
    Arc,
    atomic::{AtomicU32, Ordering},
};

use opsknight_store::{
    db::{Db, DbError, Settings, Wake},
    testing::fresh_postgres,
};

use crate::support::{add, awake, heard, ids, ids_of, insert, items};

#[tokio::test]
async fn units_that_lock_each_other_are_tried_again() {
    let db = fresh_postgres().await;
    items(&db).await;
    add(&db, 1).await.unwrap();
    add(&db, 2).await.unwrap();
    let tries = Arc::new(AtomicU32::new(0));
    let meet = Arc::new(tokio::sync::Barrier::new(2));
    let cross = async |first: i64, second: i64| {
        let (tries, meet) = (tries.clone(), meet.clone());
        db.write(async move |tx| {
            let change = "UPDATE item SET owner = owner || 'x' WHERE id = $1";
            tx.execute(change, &[first.into()]).await?;
            // Only in the first tries of both; one of them is then chosen by the server to fail.
            if tries.fetch_add(1, Ordering::Relaxed) < 2 {
                meet.wait().await;
            }
            tx.execute(change, &[second.into()]).await
        })
        .await
    };
    let (a, b) = tokio::join!(cross(1, 2), cross(2, 1));
    assert_eq!((a, b), (Ok(1), Ok(1)));
    assert_eq!(tries.load(Ordering::Relaxed), 3);
    assert_eq!(ids_of(&db, "nobodyxx").await, 2);
}

#[tokio::test]
async fn a_connection_lost_before_the_commit_is_replaced() {
    let db = fresh_postgres().await;
    items(&db).await;
    let tries = Arc::new(AtomicU32::new(0));
    let counted = tries.clone();
    let outcome = db.write(async move |tx| {
        insert(tx, 1).await?;
        if counted.fetch_add(1, Ordering::Relaxed) == 0 {
            tx.query("SELECT pg_terminate_backend(pg_backend_pid())", &[]).await?;
        }
        Ok::<_, DbError>(())
    });
    outcome.await.unwrap();
    assert_eq!(tries.load(Ordering::Relaxed), 2);
    assert_eq!(ids(&db).await, [1]);
}

#[tokio::test]
async fn a_lost_listener_comes_back_and_wakes_all() {
    let db = fresh_postgres().await;
    let mut wakes = awake(&db).await;
    let end_all = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity \
                   WHERE datname = current_database() AND pid <> pg_backend_pid()";
    db.write(async move |tx| tx.query(end_all, &[]).await.map(drop))
        .await
        .unwrap();
    while heard(&mut wakes).await != Wake::All {}
    db.write(async |tx| {
        tx.wake(Wake::Deliveries);
        Ok::<_, DbError>(())
    })
    .await
    .unwrap();
    while heard(&mut wakes).await != Wake::Deliveries {}
}

#[tokio::test]
async fn an_address_that_leads_nowhere_is_an_error_without_the_password() {
    let dir = tempfile::tempdir().unwrap();
    for url in [
        "postgres://me:hunter2@127.0.0.1:1/none",
        "postgres://me:hunter2@127.0.0.1:1/none?sslmode=verify-full",
        "postgres://me:hunter2@127.0.0.1:port/none",
        "mysql://me:hunter2@127.0.0.1/none",
        "postgres://me:hunter2@127.0.0.1/none?sslmode=verify-full&sslrootcert=/does/not/exist",
    ] {
        let settings = Settings {
            postgres_url: Some(url.into()),
            data_dir: dir.path().to_owned(),
        };
        let error = Db::open(&settings).await.unwrap_err();
        assert!(
            !format!("{error} {error:?} {settings:?}").contains("hunter2"),
            "{error}"
        );
    }
}
