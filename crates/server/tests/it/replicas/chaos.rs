//! Whatever can happen, in any order and for as long as one likes: `cargo xtask chaos`.
//!
//! In the suite it runs for a few seconds, to see that it can be run.

use std::{
    collections::BTreeMap,
    time::{Duration, Instant},
};

use opsknight_store::testing::glimpse;

use crate::{both::Place, environment};

use super::{
    cluster::Cluster,
    fleet::{Fleet, REPLICAS},
    line::{Line, State},
    stream::{Seen, Stream},
};

/// How long it takes in the suite, in seconds.
const SHORT_S: u64 = 6;
/// How many senders there are.
const SENDERS: usize = 4;

/// What happens.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Blow {
    Kill,
    Sleep,
    Cut,
    Silence,
    Restart,
}

const BLOWS: [Blow; 5] = [Blow::Kill, Blow::Sleep, Blow::Cut, Blow::Silence, Blow::Restart];

/// Numbers that are the same for the same seed (splitmix64).
struct Dice(u64);

impl Dice {
    fn roll(&mut self, sides: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        usize::try_from((z ^ (z >> 31)) % u64::try_from(sides).unwrap()).unwrap()
    }

    /// Between half a second and so many.
    fn while_s(&mut self, most: usize) -> Duration {
        Duration::from_millis(500 + u64::try_from(self.roll(most * 1000 - 500)).unwrap())
    }
}

/// The replicas, each with a line of its own to a server of their own.
struct Stage<'a> {
    cluster: &'a Cluster,
    lines: &'a [Line],
    fleet: Fleet<'a>,
    dice: Dice,
}

impl Stage<'_> {
    async fn strike(&mut self, blow: Blow) {
        let n = self.dice.roll(REPLICAS);
        match blow {
            Blow::Kill => {
                self.fleet.kill(n).await;
                pass(self.dice.while_s(3)).await;
                let address = self.lines[n].address(&self.cluster.url());
                self.fleet.start(n, &address, &[]).await;
            }
            Blow::Sleep => {
                self.fleet.server(n).signal("STOP").await;
                pass(self.dice.while_s(9)).await;
                self.fleet.server(n).signal("CONT").await;
            }
            Blow::Cut => self.spoil(n, State::Cut, 5).await,
            Blow::Silence => self.spoil(n, State::Silent, 15).await,
            Blow::Restart => {
                self.cluster.crash();
                pass(self.dice.while_s(3)).await;
                self.cluster.start_again();
            }
        }
    }

    async fn spoil(&mut self, n: usize, state: State, most_s: usize) {
        self.lines[n].be(state);
        pass(self.dice.while_s(most_s)).await;
        self.lines[n].be(State::Well);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whatever_happens_what_was_taken_is_told() {
    let (seconds, seed) = environment::chaos().unwrap_or((SHORT_S, 1));
    let cluster = Cluster::start(&[], "");
    let url = cluster.url();
    let place = Place::at(url.clone());
    let lines = [Line::to(&url).await, Line::to(&url).await, Line::to(&url).await];
    let addresses = [0, 1, 2].map(|n: usize| lines[n].address(&url));
    let fleet = Fleet::of(&place, [&addresses[0], &addresses[1], &addresses[2]], SENDERS).await;
    let stream = Stream::to(&fleet);
    let mut stage = Stage {
        cluster: &cluster,
        lines: &lines,
        fleet,
        dice: Dice(seed),
    };
    let (began, mut blows) = (Instant::now(), BTreeMap::<Blow, usize>::new());
    while began.elapsed() < Duration::from_secs(seconds) {
        let blow = BLOWS[stage.dice.roll(BLOWS.len())];
        stage.strike(blow).await;
        *blows.entry(blow).or_default() += 1;
        let pause = stage.dice.while_s(3);
        pass(pause).await;
    }
    let struck = began.elapsed();
    let seen = stream.end().await;
    let fleet = stage.fleet;
    for n in 0..REPLICAS {
        fleet.becomes(n, 200).await;
    }
    let promises = fleet.oracle.promises();
    let around = fleet.around.clone();
    let tries = fleet.ask(glimpse::tries).await;
    let twice = fleet.settle().await;
    tell(seed, struck, &blows, &seen);
    let (mails, news) = (around.post.taken().len(), around.sink.arrived().len());
    println!("  incidents, each with its page and its news: {promises}");
    println!("  messages that arrived: {mails} mails, {news} webhooks, of {tries} tries until the end of the blows");
    println!("  messages that arrived twice: {twice}");
    assert!(promises > 0);
}

/// Lets a blow last: here it is a time, and not a state, that is to pass.
async fn pass(span: Duration) {
    let _over = tokio::time::timeout(span, std::future::pending::<()>()).await;
}

#[expect(clippy::print_stdout, reason = "the figures of `cargo xtask chaos`")]
fn tell(seed: u64, struck: Duration, blows: &BTreeMap<Blow, usize>, seen: &Seen) {
    let count = |status| seen.statuses.get(&status).copied().unwrap_or_default();
    println!("{REPLICAS} replicas for {} s, seed {seed}: {blows:?}", struck.as_secs());
    println!(
        "  events answered 202: {}, 503: {}, not at all: {}",
        count(202),
        count(503),
        count(0)
    );
    println!(
        "  longest time in which no event was taken: {:.1} s",
        seen.longest_gap.as_secs_f64()
    );
}
