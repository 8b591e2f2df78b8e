//! How often somebody may do something: so many tries at once, which come back one by one, evenly.
//!
//! All that is remembered of somebody is when they will have all of their tries again (the generic cell rate algorithm,
//! ITU-T I.371), so that several who count together need only share one time.

use jiff::{SignedDuration, Timestamp};

/// How many tries there are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Quota {
    /// How many at once, at least 1.
    pub tries: u32,
    /// After how long one more is there again.
    pub refill: SignedDuration,
}

impl Quota {
    /// So many in a minute, all of them at once if need be.
    #[must_use]
    pub fn per_minute(tries: u32) -> Self {
        let tries = tries.max(1);
        Self {
            tries,
            refill: SignedDuration::from_micros(60_000_000 / i64::from(tries)),
        }
    }
}

/// What came of asking for one try.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Taken {
    /// When all tries are there again: what is to be remembered.
    pub full_at: Timestamp,
    /// How many are left now.
    pub remaining: u32,
    /// None where the try was granted; else when the next one will be.
    pub refused_until: Option<Timestamp>,
}

/// Takes one try of somebody of whom this is remembered.
#[must_use]
pub fn take(full_at: Option<Timestamp>, quota: Quota, now: Timestamp) -> Taken {
    let (tries, refill) = (i64::from(quota.tries.max(1)), micros(quota.refill).max(1));
    let full_at = full_at.unwrap_or(now).max(now);
    let owed = micros(full_at.duration_since(now));
    let there = (tries.saturating_mul(refill).saturating_sub(owed)) / refill;
    if there < 1 {
        return Taken {
            full_at,
            remaining: 0,
            refused_until: Some(later(full_at, refill.saturating_mul(1 - tries))),
        };
    }
    Taken {
        full_at: later(full_at, refill),
        remaining: u32::try_from(there - 1).unwrap_or(u32::MAX),
        refused_until: None,
    }
}

fn micros(span: SignedDuration) -> i64 {
    i64::try_from(span.as_micros()).unwrap_or(i64::MAX)
}

fn later(at: Timestamp, micros: i64) -> Timestamp {
    at.saturating_add(SignedDuration::from_micros(micros)).unwrap_or(at)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: i64) -> Timestamp {
        Timestamp::from_second(seconds).unwrap()
    }

    #[test]
    fn tries_run_out_and_come_back_one_by_one() {
        let quota = Quota {
            tries: 3,
            refill: SignedDuration::from_secs(10),
        };
        let mut full_at = None;
        for left in [2, 1, 0] {
            let taken = take(full_at, quota, at(0));
            assert_eq!((taken.remaining, taken.refused_until), (left, None));
            full_at = Some(taken.full_at);
        }
        assert_eq!(full_at, Some(at(30)));
        let refused = take(full_at, quota, at(4));
        assert_eq!(
            (refused.full_at, refused.refused_until),
            (at(30), Some(at(10))),
            "a refusal costs nothing"
        );
        let one = take(full_at, quota, at(10));
        assert_eq!((one.full_at, one.remaining, one.refused_until), (at(40), 0, None));
        assert_eq!(
            take(full_at, quota, at(1000)).remaining,
            2,
            "nobody saves more than all"
        );
    }

    #[test]
    fn a_minute_passes_at_once_and_a_smaller_quota_holds_from_then_on() {
        let mut full_at = None;
        for n in 0..120 {
            let taken = take(full_at, Quota::per_minute(120), at(0));
            assert_eq!((taken.remaining, taken.refused_until), (119 - n, None));
            full_at = Some(taken.full_at);
        }
        assert_eq!(
            take(full_at, Quota::per_minute(120), at(0)).refused_until,
            Timestamp::from_millisecond(500).ok()
        );
        assert_eq!(take(full_at, Quota::per_minute(5), at(0)).refused_until, Some(at(12)));
        for huge in [0, 7, 70_000_000, u32::MAX] {
            assert_eq!(take(None, Quota::per_minute(huge), at(0)).refused_until, None);
        }
    }
}
