//! One dies with messages on their way, and some sleep with leases and a transaction in their hands.

use opsknight_store::testing::glimpse;

use crate::{
    both::Place,
    process::{SOON, wait_until},
};

use super::{fleet::Fleet, stream::Stream};

/// How many senders there are.
const SENDERS: usize = 3;

/// Waits until so many more events were taken.
pub(super) async fn more(fleet: &Fleet<'_>, events: usize) {
    let enough = fleet.oracle.promises() + events;
    wait_until("more events are taken", 2 * SOON, async || {
        (fleet.oracle.promises() >= enough).then_some(())
    })
    .await;
}

/// Waits until the others have taken over what was held, and says of how many tries nobody knows the end.
async fn taken_over(fleet: &Fleet<'_>) -> i64 {
    wait_until("others take over", 2 * SOON, async || {
        (fleet.ask(glimpse::leased).await == 0).then_some(())
    })
    .await;
    fleet.ask(glimpse::unknown_tries).await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_dies_between_the_provider_and_the_commit() {
    let place = Place::postgres().await;
    let mut fleet = Fleet::on(&place, SENDERS).await;
    fleet.arm(0, "deliver.sent:3").await;
    let stream = Stream::to(&fleet);
    wait_until("it dies", SOON, async || {
        (!fleet.servers[0].as_mut().unwrap().runs()).then_some(())
    })
    .await;
    fleet.kill(0).await;
    more(&fleet, 20).await;
    stream.end().await;
    let unknown = taken_over(&fleet).await;
    assert!(unknown >= 1, "it had something in its hands");
    let twice = fleet.settle().await;
    let held = usize::try_from(unknown).unwrap();
    assert!(
        (1..=held).contains(&twice),
        "{twice} messages arrived twice, and {held} were on their way when it died"
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_sleeps_past_a_lease_sends_nothing_again_and_holds_nobody_up() {
    let place = Place::postgres().await;
    let mut fleet = Fleet::on(&place, SENDERS).await;
    fleet.arm(0, "deliver.leased:3:stop").await;
    fleet.arm(1, "ingest.before_commit:5:stop").await;
    let stream = Stream::to(&fleet);
    fleet.server(0).stopped().await;
    fleet.server(1).stopped().await;
    more(&fleet, 20).await;
    let slept = stream.end().await;
    assert!(taken_over(&fleet).await >= 1, "it had something in its hands");
    for n in 0..2 {
        fleet.server(n).signal("CONT").await;
        fleet.becomes(n, 200).await;
    }
    let stream = Stream::to(&fleet);
    more(&fleet, 20).await;
    stream.end().await;
    assert!(
        slept.statuses.get(&0).is_some_and(|n| *n > 0),
        "nobody answered for those who slept"
    );
    assert_eq!(
        fleet.settle().await,
        0,
        "nothing had been sent, so nothing is sent twice"
    );
}
