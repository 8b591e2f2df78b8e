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
async fn one_dies_with_messages_in_its_hands_and_one_sleeps_within_a_transaction() {
    let place = Place::postgres().await;
    let mut fleet = Fleet::on(&place, SENDERS).await;
    fleet.arm(0, "deliver.sent:3").await;
    fleet.arm(1, "ingest.before_commit:3:stop").await;
    let stream = Stream::to(&fleet);
    wait_until("it dies", SOON, async || {
        (!fleet.servers[0].as_mut().unwrap().runs()).then_some(())
    })
    .await;
    fleet.kill(0).await;
    fleet.server(1).stopped().await;
    more(&fleet, 10).await;
    let seen = stream.end().await;
    assert!(
        seen.statuses.get(&0).is_some_and(|n| *n > 0),
        "nobody answered for those who were gone"
    );
    let unknown = taken_over(&fleet).await;
    assert!(unknown >= 1, "it had something in its hands");
    fleet.server(1).signal("CONT").await;
    fleet.becomes(1, 200).await;
    let twice = fleet.settle().await;
    let held = usize::try_from(unknown).unwrap();
    assert!(
        (1..=held).contains(&twice),
        "{twice} messages arrived twice, and {held} were on their way when it died"
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_sleeps_past_a_lease_sends_nothing_again() {
    let place = Place::postgres().await;
    let mut fleet = Fleet::on(&place, SENDERS).await;
    // At its first lease, so that nothing of before is on its way.
    fleet.arm(0, "deliver.leased:1:stop").await;
    let stream = Stream::to(&fleet);
    fleet.server(0).stopped().await;
    more(&fleet, 10).await;
    stream.end().await;
    assert!(taken_over(&fleet).await >= 1, "it had something in its hands");
    fleet.server(0).signal("CONT").await;
    fleet.becomes(0, 200).await;
    let stream = Stream::to(&fleet);
    more(&fleet, 10).await;
    stream.end().await;
    assert_eq!(
        fleet.settle().await,
        0,
        "nothing had been sent, so nothing is sent twice"
    );
}
