//! Who hears of commits: subscribers from now on, and for a while also those who come late.
//!
//! It owns what was rung and when. It never decides what a wake-up means.

use std::{
    collections::VecDeque,
    sync::{Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

use tokio::sync::broadcast;

use super::wake::{self, Wake};

/// How many wake-ups a subscriber may be behind before it misses some and hears `Lagged`, to be taken as
/// [`Wake::All`]. As many are remembered for those who come late.
const WAKES_KEPT: usize = 1024;

/// More wake-ups than that say as much as [`Wake::All`] to one who comes late.
const LATE_MAX: usize = 16;

/// Rings for commits.
pub(super) struct Bell {
    sender: broadcast::Sender<Wake>,
    rung: Mutex<Rung>,
}

impl Bell {
    pub(super) fn new() -> Self {
        Self {
            sender: broadcast::channel(WAKES_KEPT).0,
            rung: Mutex::new(Rung::new(Instant::now())),
        }
    }

    /// Wakes all who listen. Without subscribers there is nobody to wake.
    pub(super) fn ring(&self, wake: Wake) {
        // Remembered before it is sent: whoever subscribes and then asks what was rung misses nothing.
        self.rung().add(wake.clone(), Instant::now());
        let _ = self.sender.send(wake);
    }

    /// Hears what is rung from now on.
    pub(super) fn subscribe(&self) -> broadcast::Receiver<Wake> {
        self.sender.subscribe()
    }

    /// What was rung in this time before now, each once; or [`Wake::All`] when that is not known.
    pub(super) fn rung_within(&self, time: Duration) -> Vec<Wake> {
        self.rung().within(time, Instant::now())
    }

    fn rung(&self) -> MutexGuard<'_, Rung> {
        // Nothing in here panics between two changes; if it did, a wake-up too many is the worst that follows.
        self.rung.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The last wake-ups.
struct Rung {
    /// All after this moment are here.
    since: Instant,
    last: VecDeque<(Instant, Wake)>,
}

impl Rung {
    fn new(now: Instant) -> Self {
        Self {
            since: now,
            last: VecDeque::new(),
        }
    }

    fn add(&mut self, wake: Wake, now: Instant) {
        if self.last.len() == WAKES_KEPT
            && let Some((at, _)) = self.last.pop_front()
        {
            self.since = at;
        }
        self.last.push_back((now, wake));
    }

    /// What was rung in this time before now, each once; or [`Wake::All`] when that is not known.
    fn within(&self, time: Duration, now: Instant) -> Vec<Wake> {
        let Some(from) = now.checked_sub(time).filter(|from| *from > self.since) else {
            return vec![Wake::All];
        };
        let mut wakes = Vec::new();
        for (_, wake) in self.last.iter().rev().take_while(|(at, _)| *at >= from) {
            if wakes.len() == LATE_MAX && !wakes.contains(wake) {
                return vec![Wake::All];
            }
            wake::merge(&mut wakes, wake.clone());
        }
        wakes
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_comes_late_hears_what_was_rung_since_or_that_anything_may_have_changed() {
        let begin = Instant::now();
        let s = Duration::from_secs;
        let incident = |n: usize| Wake::Incident(format!("inc_{n}"));
        let mut rung = Rung::new(begin);
        rung.add(incident(1), begin + s(10));
        rung.add(incident(2), begin + s(20));
        rung.add(incident(2), begin + s(21));
        assert_eq!(rung.within(s(5), begin + s(30)), [], "nothing was rung in that time");
        assert_eq!(
            rung.within(s(10), begin + s(30)),
            [incident(2)],
            "the edge belongs to it"
        );
        assert_eq!(rung.within(s(25), begin + s(30)), [incident(2), incident(1)]);
        assert_eq!(rung.within(s(30), begin + s(30)), [Wake::All], "before it was there");
        assert_eq!(rung.within(Duration::MAX, begin + s(30)), [Wake::All]);
        for n in 0..WAKES_KEPT {
            rung.add(incident(n % LATE_MAX), begin + s(40));
        }
        assert_eq!(
            rung.within(s(29), begin + s(50)),
            [Wake::All],
            "the first ones are forgotten"
        );
        assert_eq!(rung.within(s(15), begin + s(50)).len(), LATE_MAX);
        rung.add(incident(LATE_MAX), begin + s(41));
        assert_eq!(rung.within(s(15), begin + s(50)), [Wake::All], "too many to name");
    }
}
