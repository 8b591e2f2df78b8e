//! Chance and time for a story: the same from the same seed. Nothing secret is made with it.

use std::sync::{
    Mutex, PoisonError,
    atomic::{AtomicI64, AtomicU64, Ordering},
};

use jiff::Timestamp;
use opsknight_web::state::Clock;
use uuid::Uuid;

/// Chance for a story.
#[derive(Debug, Clone)]
pub(super) struct Dice(u64);

impl Dice {
    pub(super) const fn new(seed: u64) -> Self {
        Self(seed | 1)
    }

    /// A number from 0 to below `end` (Marsaglia's xorshift64).
    pub(super) fn below(&mut self, end: i64) -> i64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        i64::try_from(self.0 >> 1).unwrap_or(0) % end.max(1)
    }

    /// A number from `least` to `most`.
    pub(super) fn between(&mut self, least: i64, most: i64) -> i64 {
        least + self.below(most - least + 1)
    }

    /// True so many times of a hundred.
    pub(super) fn chance(&mut self, of_100: i64) -> bool {
        self.below(100) < of_100
    }

    /// One of several; none of nothing.
    pub(super) fn one<'a, T>(&mut self, of: &'a [T]) -> Option<&'a T> {
        let count = i64::try_from(of.len()).unwrap_or(0);
        of.get(usize::try_from(self.below(count)).unwrap_or(0))
    }
}

/// A clock that stands where the story is. Identities are made in the order in which they are asked for.
#[derive(Debug)]
pub(super) struct StoryClock {
    micros: AtomicI64,
    made: AtomicU64,
    dice: Mutex<Dice>,
}

impl StoryClock {
    pub(super) const fn new(seed: u64) -> Self {
        Self {
            micros: AtomicI64::new(0),
            made: AtomicU64::new(0),
            dice: Mutex::new(Dice::new(seed)),
        }
    }

    pub(super) fn set(&self, at: Timestamp) {
        self.micros.store(at.as_microsecond(), Ordering::Relaxed);
    }

    fn uuid(&self, at: Timestamp) -> Uuid {
        let millis = u64::try_from(at.as_millisecond()).unwrap_or(0);
        // The count stands behind the time, so that what is made within a millisecond keeps its order.
        let count = self.made.fetch_add(1, Ordering::Relaxed).to_be_bytes();
        let mut bytes = [0; 10];
        bytes[2..].copy_from_slice(&count);
        uuid::Builder::from_unix_timestamp_millis(millis, &bytes).into_uuid()
    }
}

impl Clock for StoryClock {
    fn now(&self) -> Timestamp {
        let micros = self.micros.load(Ordering::Relaxed);
        Timestamp::from_microsecond(micros).unwrap_or(Timestamp::UNIX_EPOCH)
    }

    fn uuid_v7(&self) -> Uuid {
        self.uuid(self.now())
    }

    fn uuid_v4(&self) -> Uuid {
        let mut bytes = [0; 16];
        self.fill(&mut bytes);
        uuid::Builder::from_random_bytes(bytes).into_uuid()
    }

    fn fill(&self, bytes: &mut [u8]) {
        let mut dice = self.dice.lock().unwrap_or_else(PoisonError::into_inner);
        bytes.fill_with(|| u8::try_from(dice.below(256)).unwrap_or(0));
    }
}
