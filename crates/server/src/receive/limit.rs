//! How many requests a sender may make: a bucket that holds a whole minute's allowance, so that a burst of it passes
//! at once, and that fills again evenly. It counts requests, not alerts, and only authentic ones.

use std::{
    collections::HashMap,
    hash::Hash,
    num::NonZeroU32,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use governor::{
    Quota, RateLimiter,
    clock::Clock as Measure,
    middleware::StateInformationMiddleware,
    state::{InMemoryState, NotKeyed},
};
use jiff::Timestamp;
use opsknight_web::state::Clock;

/// Requests that one integration may send in a minute unless it is set otherwise: `integrations.md`.
pub const PER_MINUTE: u32 = 120;

/// The program's clock as `governor` reads it.
#[derive(Clone)]
struct Reading(Arc<dyn Clock>);

impl Measure for Reading {
    type Instant = Duration;

    fn now(&self) -> Duration {
        Duration::try_from(self.0.now().as_duration()).unwrap_or_default()
    }
}

type Bucket = RateLimiter<NotKeyed, InMemoryState, Reading, StateInformationMiddleware>;

/// Where a sender's allowance stands; shown in the headers of every answer to it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Allowance {
    /// Requests in a minute.
    pub limit: u32,
    /// Requests that would pass now.
    pub remaining: u32,
    /// Seconds until the bucket is full again.
    pub reset_s: u64,
    /// For a refused request: seconds until the next passes.
    pub retry_after_s: Option<u64>,
}

/// The buckets of all senders.
pub(super) struct Limits<Sender> {
    clock: Reading,
    buckets: Mutex<HashMap<Sender, (u32, Arc<Bucket>)>>,
    /// When a request was last turned away.
    denied: Mutex<HashMap<Sender, Timestamp>>,
}

impl<Sender: Eq + Hash + Copy> Limits<Sender> {
    /// Full buckets for everybody.
    #[must_use]
    pub(super) fn new(clock: Arc<dyn Clock>) -> Self {
        Self {
            clock: Reading(clock),
            buckets: Mutex::default(),
            denied: Mutex::default(),
        }
    }

    /// When a request of this sender was last turned away.
    pub(super) fn denied_at(&self, sender: &Sender) -> Option<Timestamp> {
        let denied = self.denied.lock().unwrap_or_else(PoisonError::into_inner);
        denied.get(sender).copied()
    }

    /// Takes one request from the sender's bucket, or says when the next will pass.
    pub(super) fn take(&self, sender: Sender, per_minute: u32) -> Allowance {
        let limit = NonZeroU32::new(per_minute).unwrap_or(NonZeroU32::MIN);
        let bucket = self.bucket(sender, limit);
        let per_request = Duration::from_secs(60) / limit.get();
        match bucket.check() {
            Ok(state) => {
                let remaining = state.remaining_burst_capacity();
                let spent = limit.get().saturating_sub(remaining);
                let reset_s = (per_request * spent).as_secs_f64().ceil();
                Allowance {
                    limit: limit.get(),
                    remaining,
                    reset_s: seconds(reset_s),
                    retry_after_s: None,
                }
            }
            Err(not_until) => {
                let mut denied = self.denied.lock().unwrap_or_else(PoisonError::into_inner);
                denied.insert(sender, self.clock.0.now());
                let wait = not_until.wait_time_from(self.clock.now());
                Allowance {
                    limit: limit.get(),
                    remaining: 0,
                    reset_s: 60,
                    retry_after_s: Some(seconds(wait.as_secs_f64().ceil()).max(1)),
                }
            }
        }
    }

    /// The sender's bucket; a new one when the limit was changed.
    fn bucket(&self, sender: Sender, limit: NonZeroU32) -> Arc<Bucket> {
        let mut buckets = self.buckets.lock().unwrap_or_else(PoisonError::into_inner);
        let fresh = || {
            let limiter = RateLimiter::direct_with_clock(Quota::per_minute(limit), self.clock.clone());
            (
                limit.get(),
                Arc::new(limiter.with_middleware::<StateInformationMiddleware>()),
            )
        };
        let entry = buckets.entry(sender).or_insert_with(fresh);
        if entry.0 != limit.get() {
            *entry = fresh();
        }
        entry.1.clone()
    }
}

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "whole, positive and at most a minute"
)]
fn seconds(seconds: f64) -> u64 {
    seconds as u64
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicI64, Ordering};

    use uuid::Uuid;

    use super::*;

    #[derive(Default)]
    struct Still(AtomicI64);

    impl Clock for Still {
        fn now(&self) -> Timestamp {
            Timestamp::from_second(1_800_000_000 + self.0.load(Ordering::SeqCst)).unwrap()
        }
        fn uuid_v7(&self) -> Uuid {
            Uuid::nil()
        }
        fn uuid_v4(&self) -> Uuid {
            Uuid::nil()
        }
        fn fill(&self, _: &mut [u8]) {}
    }

    #[test]
    fn a_whole_minute_passes_at_once_and_comes_back_evenly() {
        let clock = Arc::new(Still::default());
        let limits = Limits::new(clock.clone());
        for n in 0..120 {
            let allowance = limits.take("a", 120);
            assert_eq!((allowance.remaining, allowance.retry_after_s), (119 - n, None));
        }
        assert_eq!(limits.denied_at(&"a"), None);
        assert_eq!(limits.take("a", 120).retry_after_s, Some(1));
        assert_eq!(
            (limits.denied_at(&"a"), limits.denied_at(&"b")),
            (Some(clock.now()), None)
        );
        assert_eq!(limits.take("b", 120).retry_after_s, None, "others are not held up");
        clock.0.store(1, Ordering::SeqCst);
        assert_eq!(limits.take("a", 120).retry_after_s, None);
        assert_eq!(limits.take("a", 120).retry_after_s, None);
        assert_eq!(limits.take("a", 120).retry_after_s, Some(1));
        assert_eq!(
            limits.take("a", 5).remaining,
            4,
            "a new limit begins with a full bucket"
        );
    }
}
