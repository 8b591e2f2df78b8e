//! The promises of the driver about units of work, the same on both databases.

use futures_util::future::join_all;
use opsknight_store::{
    db::{Db, DbError, Schema, Wake},
    testing::{MIGRATED_AT, TestDb},
};

use crate::support::{add, awake, heard, ids, ids_of, insert, is_unique, items, sql};

both! {
    async fn units_share_commits_and_fail_alone(db: Db) {
        items(&db).await;
        add(&db, 77).await.unwrap();
        let outcomes = join_all((0..200).map(|id| add(&db, id))).await;
        for (id, outcome) in outcomes.iter().enumerate() {
            assert_eq!(is_unique(outcome), id == 77, "{id}: {outcome:?}");
        }
        assert_eq!(ids(&db).await, (0..200).collect::<Vec<_>>());
        assert_eq!(db.queue_len(), 0);
    }

    async fn a_failed_unit_leaves_nothing(db: Db) {
        items(&db).await;
        let good = add(&db, 1);
        let bad = db.write(async |tx| {
            insert(tx, 2).await?;
            Err::<(), _>(DbError::Invalid { what: "changed my mind".into() })
        });
        let (good, bad) = tokio::join!(good, bad);
        good.unwrap();
        assert_eq!(bad, Err(DbError::Invalid { what: "changed my mind".into() }));
        assert_eq!(ids(&db).await, [1]);
    }

    async fn a_failure_that_a_unit_passes_over_is_not_committed(db: Db) {
        items(&db).await;
        add(&db, 1).await.unwrap();
        let outcome = db.write(async |tx| {
            insert(tx, 2).await?;
            let _ = insert(tx, 1).await;
            assert!(is_unique(&insert(tx, 3).await), "the transaction cannot go on");
            Ok(())
        });
        assert!(is_unique(&outcome.await));
        assert_eq!(ids(&db).await, [1]);
    }

    async fn a_panic_ends_only_its_unit(db: Db) {
        items(&db).await;
        let bad = db.write(async |tx| {
            insert(tx, 1).await?;
            if true { panic!("the unit is wrong") }
            Ok::<_, DbError>(())
        });
        let outcomes = tokio::join!(add(&db, 2), bad, add(&db, 3));
        assert_eq!((outcomes.0, outcomes.2), (Ok(()), Ok(())));
        let Err(DbError::Other { what }) = outcomes.1 else { panic!("{:?}", outcomes.1) };
        assert!(what.contains("the unit is wrong"), "{what}");
        let bad = db.read(async |_| -> Result<(), DbError> { panic!("also here") }).await;
        assert!(bad.is_err());
        assert_eq!(ids(&db).await, [2, 3]);
    }

    async fn a_reference_checked_at_the_commit_fails_its_unit_alone(db: Db) {
        items(&db).await;
        sql(&db, "CREATE TABLE part (item BIGINT REFERENCES item (id) DEFERRABLE INITIALLY DEFERRED)").await;
        let part = |item: i64| db.write(async move |tx| {
            tx.execute("INSERT INTO part (item) VALUES ($1)", &[item.into()]).await.map(drop)
        });
        let outcomes = tokio::join!(add(&db, 1), part(1), part(2), add(&db, 3));
        assert_eq!((&outcomes.0, &outcomes.3), (&Ok(()), &Ok(())));
        assert!(matches!(outcomes.2, Err(DbError::ForeignKey { .. })), "{outcomes:?}");
        assert_eq!(ids(&db).await, [1, 3]);
    }

    async fn reading_units_cannot_write(db: Db) {
        items(&db).await;
        assert!(db.read(async |tx| insert(tx, 1).await).await.is_err());
        assert_eq!(ids(&db).await, [0_i64; 0]);
        db.ping().await.unwrap();
    }

    async fn a_lease_is_had_by_one(db: &TestDb) {
        const LEASES: i64 = 40;
        items(db).await;
        join_all((0..LEASES).map(|id| add(db, id))).await.into_iter().collect::<Result<(), _>>().unwrap();
        let other = Db::open(db.settings()).await.unwrap();
        let take = async |db: &Db, who: &'static str| {
            let mut taken = 0;
            loop {
                let got = db.write(async move |tx| {
                    tx.query(
                        "UPDATE item SET owner = $1 WHERE id IN \
                         (SELECT id FROM item WHERE owner = 'nobody' ORDER BY id LIMIT 3 {skip}) RETURNING id",
                        &[who.into()],
                    ).await.map(|rows| rows.len())
                }).await.unwrap();
                if got == 0 { break taken }
                taken += got;
            }
        };
        let (a, b, c, d) = tokio::join!(take(db, "a"), take(&other, "b"), take(db, "c"), take(&other, "d"));
        // Whoever found the rest locked stopped early, so that some may be left; none was had twice.
        let left = ids_of(db, "nobody").await;
        assert_eq!(a + b + c + d + left, LEASES as usize);
        for (who, taken) in [("a", a), ("b", b), ("c", c), ("d", d)] {
            assert_eq!(ids_of(db, who).await, taken, "{who}");
        }
        other.close().await;
    }

    async fn two_counters_never_give_one_number(db: &TestDb) {
        sql(db, "CREATE TABLE numbers (n BIGINT NOT NULL)").await;
        sql(db, "INSERT INTO numbers (n) VALUES (0)").await;
        let other = Db::open(db.settings()).await.unwrap();
        let next = async |db: &Db| {
            db.write(async |tx| {
                tx.query("SELECT n FROM numbers {lock}", &[]).await?;
                tx.query_one("UPDATE numbers SET n = n + 1 RETURNING n", &[]).await?.take::<i64>()
            }).await.unwrap()
        };
        let mut numbers = join_all((0..60).map(|i| next(if i % 2 == 0 { db } else { &other }))).await;
        numbers.sort_unstable();
        assert_eq!(numbers, (1..=60).collect::<Vec<_>>());
        other.close().await;
    }

    async fn wake_ups_come_after_the_commit_and_only_then(db: Db) {
        items(&db).await;
        let mut wakes = awake(&db).await;
        let lost = db.write(async |tx| {
            tx.wake(Wake::Deliveries);
            Err::<(), _>(DbError::Closed)
        }).await;
        assert_eq!(lost, Err(DbError::Closed));
        db.write(async |tx| {
            tx.wake(Wake::Incident("inc_it's".into()));
            tx.wake(Wake::Incidents);
            tx.wake(Wake::Incidents);
            insert(tx, 1).await
        }).await.unwrap();
        assert_eq!(heard(&mut wakes).await, Wake::Incident("inc_it's".into()));
        assert_eq!(ids(&db).await, [1], "what woke us can be read");
        assert_eq!(heard(&mut wakes).await, Wake::Incidents);
        db.write(async |tx| { tx.wake(Wake::Config); Ok::<_, DbError>(()) }).await.unwrap();
        assert_eq!(heard(&mut wakes).await, Wake::Config, "nothing was doubled and nothing came of the failed unit");
    }

    async fn migrations_apply_once(db: Db) {
        assert_eq!(db.migrate(MIGRATED_AT).await, Ok(vec![]));
        sql(&db, "UPDATE schema_migration SET checksum = 'another' WHERE version = 1").await;
        let error = db.migrate(MIGRATED_AT).await.unwrap_err().to_string();
        assert!(error.contains("in another form"), "{error}");
    }

    async fn what_a_newer_program_added_is_gone_on_with_and_what_it_took_away_is_refused(db: Db) {
        assert_eq!(db.schema().await, Ok(Schema::Known));
        let next = "INSERT INTO schema_migration (version, name, checksum, applied_at) \
            SELECT max(version) + 1, 'later', '', 0 FROM schema_migration";
        sql(&db, next).await;
        sql(&db, "ALTER TABLE heard ADD COLUMN more TEXT").await;
        assert_eq!(db.migrate(MIGRATED_AT).await, Ok(vec![]));
        let schema = db.schema().await.unwrap();
        assert_eq!(schema, Schema::Newer { names: vec!["later".into()] });
        assert!(schema.serves() && schema.remark().unwrap().contains("later"));
        sql(&db, "INSERT INTO schema_floor (version) SELECT max(version) FROM schema_migration").await;
        let error = db.migrate(MIGRATED_AT).await.unwrap_err().to_string();
        assert!(error.contains("newer than this program") && error.contains("later"), "{error}");
        let schema = db.schema().await.unwrap();
        assert!(!schema.serves() && matches!(schema, Schema::TooNew { .. }), "{schema:?}");
    }

    async fn migrations_have_no_gap(db: Db) {
        sql(&db, "INSERT INTO schema_migration (version, name, checksum, applied_at) VALUES (9999, 'later', '', 0)").await;
        let error = db.migrate(MIGRATED_AT).await.unwrap_err().to_string();
        assert!(error.contains("9999"), "{error}");
    }

    async fn replicas_may_migrate_at_once(db: &TestDb) {
        let settings = db.settings();
        let dir = tempfile::tempdir().unwrap();
        let mut fresh = settings.clone();
        if settings.postgres_url.is_none() {
            fresh.data_dir = dir.path().to_owned();
        } else {
            // All tables go, and with them the memory of migrations.
            db.write(async |tx| {
                tx.execute("DROP SCHEMA public CASCADE", &[]).await?;
                tx.execute("CREATE SCHEMA public", &[]).await
            }).await.unwrap();
        }
        let (a, b) = (Db::open(&fresh).await.unwrap(), Db::open(&fresh).await.unwrap());
        let (of_a, of_b) = tokio::join!(a.migrate(MIGRATED_AT), b.migrate(MIGRATED_AT));
        let (of_a, of_b) = (of_a.unwrap(), of_b.unwrap());
        assert!(!of_a.is_empty() || !of_b.is_empty());
        assert!(of_a.iter().all(|name| !of_b.contains(name)), "{of_a:?} {of_b:?}");
        a.close().await;
        b.close().await;
    }

    async fn closing_finishes_what_is_queued(db: &TestDb) {
        items(db).await;
        let second = Db::open(db.settings()).await.unwrap();
        let late = second.clone();
        let queued = tokio::spawn({
            let second = second.clone();
            async move { join_all((0..50).map(|id| add(&second, id))).await }
        });
        tokio::task::yield_now().await;
        second.close().await;
        let done = queued.await.unwrap().iter().filter(|outcome| outcome.is_ok()).count();
        assert_eq!(ids(db).await.len(), done, "each is done or refused");
        assert_eq!(add(&late, 99).await, Err(DbError::Closed));
        assert!(late.ping().await.is_err());
    }

    async fn work_goes_on_when_nobody_waits_for_it(db: Db) {
        items(&db).await;
        drop(futures_util::poll!(Box::pin(add(&db, 1))));
        add(&db, 2).await.unwrap();
        while ids(&db).await != [1, 2] {
            tokio::task::yield_now().await;
        }
    }

    async fn too_much_work_is_refused_at_once(db: &TestDb) {
        items(db).await;
        let flood = join_all((0..30_000).map(|_| db.write(async |tx| tx.query("SELECT 1", &[]).await.map(drop)))).await;
        let busy = flood.iter().filter(|outcome| matches!(outcome, Err(DbError::Busy { .. }))).count();
        let done = flood.iter().filter(|outcome| outcome.is_ok()).count();
        assert_eq!(busy + done, 30_000);
        assert!(busy > 0 && done >= 10_000, "{done} done");
        assert_eq!(db.queue_len(), 0);
        add(db, 1).await.unwrap();
    }
}
