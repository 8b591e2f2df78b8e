//! Tries are counted together by all who share a database.

use jiff::{SignedDuration, Timestamp};
use opsknight_domain::allowance::Quota;
use opsknight_store::{
    allowances::{self, Allowances},
    db::{Db, DbError, Dialect, Tx},
    testing::TestDb,
};

const QUOTA: Quota = Quota {
    tries: 30,
    refill: SignedDuration::from_secs(10),
};

fn at(seconds: i64) -> Timestamp {
    Timestamp::from_second(1_800_000_000 + seconds).unwrap()
}

/// How many of so many tries at once are granted, by programs that take turns.
async fn granted(programs: &[Allowances], key: &str, tries: usize, now: Timestamp) -> usize {
    let asked = (0..tries).map(|n| programs[n % programs.len()].take(key, QUOTA, now));
    let taken = futures_util::future::join_all(asked).await;
    taken
        .into_iter()
        .filter(|taken| taken.as_ref().unwrap().refused_until.is_none())
        .count()
}

both! {
    async fn replicas_count_together(db: &TestDb) {
        let others = match db.dialect() {
            // An embedded database is served by one program.
            Dialect::Sqlite => vec![],
            Dialect::Postgres => vec![Db::open(db.settings()).await.unwrap(), Db::open(db.settings()).await.unwrap()],
        };
        let mut programs = vec![Allowances::new(db)];
        programs.extend(others.iter().map(Allowances::new));
        assert_eq!(granted(&programs, "a", 100, at(0)).await, 30);
        assert_eq!(granted(&programs, "b", 10, at(0)).await, 10, "each key has its own");
        assert_eq!(granted(&programs, "a", 100, at(9)).await, 0);
        assert_eq!(granted(&programs, "a", 100, at(20)).await, 2, "they come back one by one");
        for program in &programs {
            assert_eq!(program.refused_at("a").await, Ok(Some(at(20))));
            assert_eq!(program.refused_at("b").await, Ok(None));
        }
        programs[0].forgive("a").await.unwrap();
        assert_eq!(granted(&programs[..1], "a", 100, at(20)).await, 30);
        for other in others {
            other.close().await;
        }
    }

    async fn who_has_all_tries_again_is_forgotten(db: &TestDb) {
        let program = Allowances::new(db);
        granted(&[program], "a", 1, at(0)).await;
        let left = async || {
            let count = "SELECT count(*) FROM allowance";
            let unit = async move |tx: &mut Tx<'_>| tx.query_one(count, &[]).await?.take::<i64>();
            db.read::<_, DbError, _>(unit).await.unwrap()
        };
        let before = left().await;
        assert_eq!(before, i64::from(db.dialect() == Dialect::Postgres));
        let forget = async |now| db.write(async move |tx: &mut Tx<'_>| allowances::forget(tx, now).await).await;
        assert_eq!(forget(at(60)).await, Ok(0));
        assert_eq!(forget(at(2 * 3600)).await.map(|n| i64::try_from(n).unwrap()), Ok(before));
        assert_eq!(left().await, 0);
    }
}
