//! What is owed at the end: everything that was decided on is sent, and nothing twice but what was on its way when somebody
//! died.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use jiff::SignedDuration;
use opsknight_server::clock::SystemClock;
use opsknight_web::state::Clock as _;

use crate::{
    both::Place,
    world::{Around, World},
};

/// Turns the clock until the leases of the dead have ended, and sees to it that everything was sent, and nothing
/// twice but what was on its way. Gives back how many messages arrived twice.
pub(crate) async fn pay_the_rest(place: &Place, around: &Arc<Around>) -> usize {
    let mut world = World::on(place, around.clone()).await;
    world.pass(SystemClock.now().duration_since(world.now()) + SignedDuration::from_secs(61));
    world.minutes(10).await;
    let mut arrived: BTreeMap<String, usize> = BTreeMap::new();
    let letters = around.post.taken().into_iter().map(|letter| letter.id());
    for id in letters.chain(around.sink.arrived().iter().map(|one| one.id().to_owned())) {
        *arrived.entry(id).or_default() += 1;
    }
    let messages = world.api.all("/api/notifications").await;
    let incidents = world.api.all("/api/incidents").await;
    let told = |event: &str| messages.iter().filter(|message| message["event"] == event).count();
    assert!(
        told("incident.triggered") >= incidents.len(),
        "the webhook is told of every incident"
    );
    let mut twice = 0;
    let mut decided = BTreeSet::new();
    for message in &messages {
        let id = message["id"].as_str().unwrap();
        decided.insert(id.to_owned());
        let of = |id: &str| arrived.get(id).copied().unwrap_or_default();
        // Pages that were gathered arrive under the name of the first of them.
        let (own, along) = (of(id), message["sentWith"].as_str().map_or(0, of));
        let tries = usize::try_from(message["tries"].as_u64().unwrap()).unwrap();
        assert_eq!(message["status"], "SENT", "{message}");
        assert!(own + along >= 1, "{message} never arrived");
        assert!(own <= tries, "{message} arrived {own} times");
        twice += usize::from(own > 1);
    }
    let undecided: Vec<&String> = arrived.keys().filter(|id| !decided.contains(*id)).collect();
    assert!(
        undecided.is_empty(),
        "something arrived that nobody decided on: {undecided:?}"
    );
    world.finish().await;
    twice
}
