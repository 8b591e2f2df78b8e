//! Two versions at once: replicas that start together, and those that a newer program has overtaken.

use opsknight_store::db::{Db, DbError, Settings, Tx};

use crate::{
    both::Place,
    process::{command, wait_until, SOON},
};

use super::{
    dying::more,
    fleet::{Fleet, REPLICAS},
    stream::Stream,
};

/// What a later program does to the tables at its start, and what the one after that does.
const ADDS: [&str; 2] = [
    "INSERT INTO schema_migration (version, name, checksum, applied_at) \
     SELECT max(version) + 1, 'a_later_one', '', 0 FROM schema_migration",
    "ALTER TABLE incident ADD COLUMN colour TEXT",
];
const TAKES_AWAY: &str = "INSERT INTO schema_floor (version) SELECT max(version) FROM schema_migration";

async fn run(place: &Place, statements: &'static [&'static str]) {
    let settings = Settings {
        postgres_url: place.postgres_url().map(str::to_owned),
        data_dir: place.data_dir(),
    };
    let db = Db::open(&settings).await.unwrap();
    let unit = async move |tx: &mut Tx<'_>| {
        for sql in statements {
            tx.execute(sql, &[]).await?;
        }
        Ok::<_, DbError>(())
    };
    db.write(unit).await.unwrap();
    db.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn replicas_of_two_versions_work_side_by_side() {
    let place = Place::postgres().await;
    run(&place, &["DROP SCHEMA public CASCADE", "CREATE SCHEMA public"]).await;
    // Three at once make the tables, and each comes up.
    let mut fleet = Fleet::on(&place, 3).await;
    let stream = Stream::to(&fleet);
    more(&fleet, 10).await;
    run(&place, &ADDS).await;
    more(&fleet, 20).await;
    fleet.kill(1).await;
    fleet.start(1, place.postgres_url().unwrap(), &[]).await;
    more(&fleet, 10).await;
    for n in 0..REPLICAS {
        fleet.becomes(n, 200).await;
        let (_, words) = fleet.ready(n).await;
        assert!(words.contains("a_later_one"), "an operator sees that it is to be replaced: {words}");
    }
    let warned = |line: &String| line.contains("a_later_one") && line.contains("WARN");
    wait_until("it is in the log", SOON, async || fleet.server(1).lines().iter().any(warned).then_some(())).await;
    stream.end().await;
    run(&place, &[TAKES_AWAY]).await;
    for n in 0..REPLICAS {
        fleet.becomes(n, 503).await;
    }
    let said = command(&place, &["migrate"], "").await.with_code(1);
    assert!(said.contains("newer than this program") && said.contains("a_later_one"), "{said}");
    run(&place, &["DELETE FROM schema_floor"]).await;
    fleet.settle().await;
}
