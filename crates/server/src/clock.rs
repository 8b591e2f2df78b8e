//! Time and randomness of the running program. The only place that asks the machine for either.

use jiff::Timestamp;
use opsknight_web::state::Clock;
use uuid::Uuid;

/// The machine's own clock and random numbers.
#[derive(Debug, Clone, Copy, Default)]
pub struct SystemClock;

impl Clock for SystemClock {
    #[expect(clippy::disallowed_methods, reason = "this is the edge where time comes in")]
    fn now(&self) -> Timestamp {
        // The database keeps microseconds: what is answered now must be what is read later.
        let now = Timestamp::now();
        Timestamp::from_microsecond(now.as_microsecond()).unwrap_or(now)
    }

    #[expect(clippy::disallowed_methods, reason = "this is the edge where randomness comes in")]
    fn uuid_v7(&self) -> Uuid {
        Uuid::now_v7()
    }

    #[expect(clippy::disallowed_methods, reason = "this is the edge where randomness comes in")]
    fn uuid_v4(&self) -> Uuid {
        Uuid::new_v4()
    }

    fn fill(&self, bytes: &mut [u8]) {
        getrandom::fill(bytes).expect("the operating system has random numbers");
    }
}

/// A random number from 0 to 1, for spreading waits.
#[must_use]
pub fn jitter(clock: &dyn Clock) -> f64 {
    let mut bytes = [0; 4];
    clock.fill(&mut bytes);
    f64::from(u32::from_le_bytes(bytes)) / f64::from(u32::MAX)
}
