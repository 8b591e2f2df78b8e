//! A clock for tests: it stands still, and its randomness is a count.

use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};

use jiff::Timestamp;
use uuid::Uuid;

use crate::state::Clock;

/// The instant at which tests begin: 2026-06-01T12:00:00Z.
pub(crate) const BEGINS_AT_S: i64 = 1_780_315_200;

#[derive(Debug)]
pub(crate) struct TestClock {
    now_s: AtomicI64,
    count: AtomicU64,
}

impl Default for TestClock {
    fn default() -> Self {
        Self {
            now_s: AtomicI64::new(BEGINS_AT_S),
            count: AtomicU64::new(1),
        }
    }
}

impl TestClock {
    fn next(&self) -> u64 {
        self.count.fetch_add(1, Ordering::Relaxed)
    }
}

impl Clock for TestClock {
    fn now(&self) -> Timestamp {
        Timestamp::from_second(self.now_s.load(Ordering::Relaxed)).expect("the instant of a test can be told")
    }

    fn uuid_v7(&self) -> Uuid {
        Uuid::from_u128(0x0190_0000_0000_7000_8000_0000_0000_0000 + u128::from(self.next()))
    }

    fn uuid_v4(&self) -> Uuid {
        Uuid::from_u128(0x4000_8000_0000_0000_0000 + (u128::from(self.next()) << 80))
    }

    fn fill(&self, bytes: &mut [u8]) {
        let count = self.next();
        for (place, byte) in (0_u64..).zip(bytes.iter_mut()) {
            *byte = (count
                .wrapping_mul(0x9e37_79b9_7f4a_7c15)
                .wrapping_add(place.wrapping_mul(0xbf58_476d))
                >> 24) as u8;
        }
    }
}
