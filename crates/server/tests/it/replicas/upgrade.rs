//! Two versions at once: replicas that start together, and those that a newer program has overtaken.

use opsknight_store::testing::glimpse;

use crate::{
    both::Place,
    process::{SOON, command, wait_until},
};

use super::{
    dying::more,
    fleet::{Fleet, REPLICAS, database},
    stream::Stream,
};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn replicas_of_two_versions_work_side_by_side() {
    let place = Place::postgres().await;
    let db = database(&place).await;
    glimpse::empty(&db).await;
    // Three at once make the tables, and each comes up.
    let mut fleet = Fleet::on(&place, 3).await;
    let stream = Stream::to(&fleet);
    more(&fleet, 10).await;
    glimpse::add_to_tables(&db).await;
    more(&fleet, 10).await;
    fleet.kill(1).await;
    fleet.start(1, place.postgres_url().unwrap(), &[]).await;
    more(&fleet, 10).await;
    for n in 0..REPLICAS {
        fleet.becomes(n, 200).await;
        let (_, words) = fleet.ready(n).await;
        assert!(
            words.contains("a_later_one"),
            "an operator sees that it is to be replaced: {words}"
        );
    }
    let warned = |line: &String| line.contains("a_later_one") && line.contains("WARN");
    wait_until("it is in the log", SOON, async || {
        fleet.server(1).lines().iter().any(warned).then_some(())
    })
    .await;
    stream.end().await;
    glimpse::take_from_tables(&db, true).await;
    for n in 0..REPLICAS {
        fleet.becomes(n, 503).await;
    }
    let said = command(&place, &["migrate"], "").await.with_code(1);
    assert!(
        said.contains("newer than this program") && said.contains("a_later_one"),
        "{said}"
    );
    glimpse::take_from_tables(&db, false).await;
    db.close().await;
    fleet.settle().await;
}
