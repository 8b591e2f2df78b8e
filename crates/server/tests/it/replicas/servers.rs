//! The database itself goes: it crashes and comes back, has no room for a while, and is replaced by its standby.

use opsknight_store::testing::glimpse;

use crate::{
    both::Place,
    process::{SOON, wait_until},
};

use super::{
    cluster::Cluster,
    dying::more,
    fleet::{Fleet, REPLICAS},
    full::fill,
    stream::Stream,
};

/// Nothing grows beyond this while there is no room, in bytes. It ends within a page, so that writes are cut short.
const FILE_BYTES: u64 = (3 << 20) + 4096;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_crashes_has_no_room_and_is_replaced_by_its_standby() {
    // Its log is in small files, so that the limit is one for its tables.
    let primary = Cluster::start(&["--wal-segsize=1"], "synchronous_standby_names = '*'");
    let standby = Cluster::standby_of(&primary, "synchronous_standby_names = ''");
    let address = format!("postgres://postgres@{},{}/postgres", primary.place(), standby.place());
    let place = Place::at(address);
    let fleet = Fleet::on(&place, 3).await;
    assert_eq!(
        fleet.ask(glimpse::synchronous_standbys).await,
        1,
        "a commit waits for the standby"
    );

    let stream = Stream::to(&fleet);
    more(&fleet, 10).await;
    primary.crash();
    refused(&stream).await;
    primary.start_again();
    more(&fleet, 10).await;
    stream.end().await;

    primary.grow_no_file_beyond(Some(FILE_BYTES));
    let sender = (&fleet.api.http, fleet.server(0).url.as_str(), &fleet.doors[0]);
    assert!(fill(&fleet.oracle, sender, "full").await > 0);
    primary.grow_no_file_beyond(None);
    let stream = Stream::to(&fleet);
    more(&fleet, 10).await;

    primary.crash();
    refused(&stream).await;
    standby.promote();
    more(&fleet, 10).await;
    stream.end().await;
    for n in 0..REPLICAS {
        fleet.becomes(n, 200).await;
    }
    let twice = fleet.settle().await;
    assert!(twice <= 3 * 64, "{twice}: no more than what was on its way");
}

/// Waits until senders are told that nothing can be taken.
async fn refused(stream: &Stream) {
    let before = stream.answered(503);
    wait_until("events are answered 503", SOON, async || {
        (stream.answered(503) > before).then_some(())
    })
    .await;
}
