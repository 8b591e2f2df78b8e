//! How often somebody may try: by address and by account, in memory of this process.
//!
//! Each key has a number of tries that fill up again with time. It bounds guessing, not work: hashing has its own bound.

use std::{
    collections::HashMap,
    net::{IpAddr, Ipv6Addr},
    sync::{Mutex, PoisonError},
};

use jiff::{SignedDuration, Timestamp};

use crate::api::error::ApiError;

/// Most keys that are remembered; beyond it those that are full again are forgotten, then the oldest.
pub const THROTTLED_KEYS_MAX: usize = 10_000;
/// The part of an IPv6 address that names the network.
const NETWORK_V6: u128 = u128::MAX << 64;

/// A number of tries for each key, that fills up again.
pub struct Throttle {
    tries: u32,
    refill: SignedDuration,
    seen: Mutex<HashMap<String, Timestamp>>,
}

impl Throttle {
    /// `tries` at once, and one more after each `refill`.
    #[must_use]
    pub fn new(tries: u32, refill: SignedDuration) -> Self {
        Self {
            tries,
            refill,
            seen: Mutex::default(),
        }
    }

    /// Takes one try, or says how long to wait for the next. What is remembered is when the key will be full again
    /// (the generic cell rate algorithm, ITU-T I.371).
    ///
    /// # Errors
    /// 429 with the wait.
    pub fn take(&self, key: &str, now: Timestamp) -> Result<(), ApiError> {
        let mut seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        if seen.len() >= THROTTLED_KEYS_MAX && !seen.contains_key(key) {
            forget(&mut seen, now);
        }
        let full_at = seen.get(key).copied().unwrap_or(now).max(now);
        let tries = i32::try_from(self.tries).unwrap_or(i32::MAX);
        let owed = full_at.duration_since(now).saturating_add(self.refill);
        let wait = owed.checked_sub(self.refill.saturating_mul(tries)).unwrap_or_default();
        if wait > SignedDuration::ZERO {
            let seconds = u64::try_from(wait.as_secs()).unwrap_or_default() + 1;
            return Err(ApiError::rate_limited("too many tries; wait a little", seconds));
        }
        seen.insert(
            key.to_owned(),
            full_at.saturating_add(self.refill).unwrap_or(Timestamp::MAX),
        );
        Ok(())
    }

    /// The same for a client's address. One who has IPv6 has a whole /64 of them (RFC 6177, section 2), and would have as
    /// many tries as addresses: all of a /64 share theirs.
    ///
    /// # Errors
    /// 429 with the wait.
    pub fn take_from(&self, address: IpAddr, now: Timestamp) -> Result<(), ApiError> {
        let network = match address.to_canonical() {
            IpAddr::V4(v4) => v4.to_string(),
            IpAddr::V6(v6) => Ipv6Addr::from_bits(v6.to_bits() & NETWORK_V6).to_string(),
        };
        self.take(&network, now)
    }

    /// Gives all tries back: the key has shown that it is no guesser.
    pub fn forgive(&self, key: &str) {
        self.seen.lock().unwrap_or_else(PoisonError::into_inner).remove(key);
    }
}

fn forget(seen: &mut HashMap<String, Timestamp>, now: Timestamp) {
    seen.retain(|_, full_at| *full_at > now);
    if seen.len() < THROTTLED_KEYS_MAX {
        return;
    }
    let oldest = seen
        .iter()
        .min_by_key(|(_, full_at)| **full_at)
        .map(|(key, _)| key.clone());
    if let Some(key) = oldest {
        seen.remove(&key);
    }
}

/// The throttles of this process.
pub struct Throttles {
    /// Signing in, by the client's address.
    pub address: Throttle,
    /// Signing in, by the mail address that is tried.
    pub account: Throttle,
    /// One-time and signed links, by the client's address.
    pub links: Throttle,
    /// Codes that are sent to somebody's telephone, by who asks and by where they go: they cost money, and whoever gets
    /// them may have asked for none.
    pub codes: Throttle,
    /// Codes of the second step, by person: there are only a million.
    pub second: Throttle,
    /// Forgotten passwords, by the mail address that is asked for: whoever gets the mail may have asked for none.
    pub forgotten: Throttle,
}

impl Default for Throttles {
    fn default() -> Self {
        Self {
            address: Throttle::new(30, SignedDuration::from_secs(10)),
            account: Throttle::new(10, SignedDuration::from_secs(30)),
            links: Throttle::new(60, SignedDuration::from_secs(2)),
            codes: Throttle::new(5, SignedDuration::from_mins(1)),
            second: Throttle::new(10, SignedDuration::from_mins(5)),
            forgotten: Throttle::new(3, SignedDuration::from_mins(10)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: i64) -> Timestamp {
        Timestamp::from_second(seconds).unwrap()
    }

    #[test]
    fn tries_run_out_and_come_back() {
        let throttle = Throttle::new(3, SignedDuration::from_secs(10));
        for _ in 0..3 {
            throttle.take("a", at(0)).unwrap();
        }
        let refused = throttle.take("a", at(0)).unwrap_err();
        assert_eq!(refused.retry_after_s(), Some(11));
        throttle.take("b", at(0)).unwrap();
        throttle.take("a", at(10)).unwrap();
        throttle.take("a", at(10)).unwrap_err();
        throttle.forgive("a");
        throttle.take("a", at(10)).unwrap();
    }

    #[test]
    fn a_network_of_ipv6_has_the_tries_of_one() {
        let throttle = Throttle::new(2, SignedDuration::from_secs(10));
        let take = |address: &str| throttle.take_from(address.parse().unwrap(), at(0)).is_ok();
        assert!(take("2001:db8:1:2::1") && take("2001:db8:1:2:ffff::9"));
        assert!(!take("2001:db8:1:2:abcd:ef01:2345:6789"), "it is the same network");
        assert!(take("2001:db8:1:3::1"), "another network");
        assert!(take("192.0.2.1") && take("::ffff:192.0.2.1"));
        assert!(!take("192.0.2.1"), "an address of IPv4 in both of its forms");
        assert!(take("192.0.2.2"));
    }

    #[test]
    fn memory_is_bounded() {
        let throttle = Throttle::new(1, SignedDuration::from_secs(10));
        for n in 0..=THROTTLED_KEYS_MAX {
            throttle.take(&n.to_string(), at(0)).unwrap();
        }
        assert_eq!(throttle.seen.lock().unwrap().len(), THROTTLED_KEYS_MAX);
    }
}
