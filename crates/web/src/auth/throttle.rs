//! How often somebody may try: by address and by account, counted by all replicas together.
//!
//! Each key has a number of tries that fill up again with time. It bounds guessing, not work: hashing has its own bound.

use std::net::{IpAddr, Ipv6Addr};

use jiff::{SignedDuration, Timestamp};
use opsknight_domain::allowance::Quota;
use opsknight_store::{allowances::Allowances, db::Db, secret::token_hash};

use crate::api::error::ApiError;

/// The part of an IPv6 address that names the network.
const NETWORK_V6: u128 = u128::MAX << 64;

/// A number of tries for each key, that fills up again.
pub struct Throttle {
    what: &'static str,
    quota: Quota,
    allowances: Allowances,
}

impl Throttle {
    /// `tries` of `what` at once, and one more after each `refill`.
    #[must_use]
    pub fn new(what: &'static str, tries: u32, refill: SignedDuration, allowances: &Allowances) -> Self {
        Self {
            what,
            quota: Quota { tries, refill },
            allowances: allowances.clone(),
        }
    }

    /// Takes one try, or says how long to wait for the next.
    ///
    /// # Errors
    /// 429 with the wait; 503 when it cannot be counted.
    pub async fn take(&self, key: &str, now: Timestamp) -> Result<(), ApiError> {
        let taken = self.allowances.take(&self.key(key), self.quota, now).await?;
        let Some(until) = taken.refused_until else {
            return Ok(());
        };
        let seconds = u64::try_from(until.duration_since(now).as_secs()).unwrap_or_default() + 1;
        Err(ApiError::rate_limited("too many tries; wait a little", seconds))
    }

    /// The same by a client's address.
    ///
    /// # Errors
    /// As [`Throttle::take`].
    pub async fn take_from(&self, address: IpAddr, now: Timestamp) -> Result<(), ApiError> {
        self.take(&network(address), now).await
    }

    /// Gives all tries back: the key has shown that it is no guesser.
    pub async fn forgive(&self, key: &str) {
        if let Err(error) = self.allowances.forgive(&self.key(key)).await {
            tracing::warn!(%error, "tries could not be given back");
        }
    }

    /// What people type is neither kept as it is nor as long as they like.
    fn key(&self, key: &str) -> String {
        format!("{} {}", self.what, token_hash(key))
    }
}

/// The throttles of this program.
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

impl Throttles {
    /// Those of the program that works on this database.
    #[must_use]
    pub fn new(db: &Db) -> Self {
        let all = Allowances::new(db);
        let secs = SignedDuration::from_secs;
        Self {
            address: Throttle::new("address", 30, secs(10), &all),
            account: Throttle::new("account", 10, secs(30), &all),
            links: Throttle::new("links", 60, secs(2), &all),
            codes: Throttle::new("codes", 5, secs(60), &all),
            second: Throttle::new("second", 10, secs(300), &all),
            forgotten: Throttle::new("forgotten", 3, secs(600), &all),
        }
    }
}

/// What of a client's address its tries are counted by. One who has IPv6 has a whole /64 of addresses (RFC 6177,
/// section 2), and would have as many tries: all of a /64 share theirs.
fn network(address: IpAddr) -> String {
    match address.to_canonical() {
        IpAddr::V4(v4) => v4.to_string(),
        IpAddr::V6(v6) => Ipv6Addr::from_bits(v6.to_bits() & NETWORK_V6).to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_network_of_ipv6_has_the_tries_of_one() {
        let of = |address: &str| network(address.parse().unwrap());
        assert_eq!(of("2001:db8:1:2::1"), of("2001:db8:1:2:abcd:ef01:2345:6789"));
        assert_ne!(of("2001:db8:1:2::1"), of("2001:db8:1:3::1"));
        assert_eq!(
            of("192.0.2.1"),
            of("::ffff:192.0.2.1"),
            "an address of IPv4 in both of its forms"
        );
        assert_ne!(of("192.0.2.1"), of("192.0.2.2"));
    }
}
