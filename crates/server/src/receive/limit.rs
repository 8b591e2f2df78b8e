//! How many requests a sender may make: a whole minute's allowance may come in a burst, and comes back evenly. It counts
//! requests, not alerts, and only authentic ones; all replicas count together.

use std::sync::Arc;

use jiff::Timestamp;
use opsknight_domain::{
    allowance::{Quota, Taken},
    id::{ApiKeyId, IntegrationId},
};
use opsknight_store::{
    allowances::Allowances,
    db::{Db, DbError},
};
use opsknight_web::state::Clock;

/// Requests that one integration may send in a minute unless it is set otherwise: `integrations.md`.
pub const PER_MINUTE: u32 = 120;

/// Whose allowance is used.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum Sender {
    /// An integration.
    Integration(IntegrationId),
    /// A program with an API key.
    ApiKey(ApiKeyId),
}

impl Sender {
    fn key(self) -> String {
        match self {
            Self::Integration(id) => id.to_string(),
            Self::ApiKey(id) => id.to_string(),
        }
    }
}

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

impl Allowance {
    fn of(taken: Taken, per_minute: u32, now: Timestamp) -> Self {
        let seconds_until = |at: Timestamp| {
            let seconds = at.duration_since(now).as_secs_f64().max(0.0).ceil();
            #[expect(
                clippy::cast_possible_truncation,
                clippy::cast_sign_loss,
                reason = "whole, positive and at most a minute"
            )]
            let whole = seconds as u64;
            whole
        };
        Self {
            limit: per_minute.max(1),
            remaining: taken.remaining,
            reset_s: seconds_until(taken.full_at),
            retry_after_s: taken.refused_until.map(|until| seconds_until(until).max(1)),
        }
    }
}

/// The allowances of all senders.
pub(super) struct Limits {
    clock: Arc<dyn Clock>,
    allowances: Allowances,
}

impl Limits {
    /// Those of the senders to this database.
    #[must_use]
    pub(super) fn new(db: &Db, clock: Arc<dyn Clock>) -> Self {
        Self {
            clock,
            allowances: Allowances::new(db),
        }
    }

    /// When a request of this sender was last turned away, as far as that is remembered.
    pub(super) async fn denied_at(&self, sender: Sender) -> Result<Option<Timestamp>, DbError> {
        self.allowances.refused_at(&sender.key()).await
    }

    /// Takes one request from the sender's allowance, or says when the next will pass.
    pub(super) async fn take(&self, sender: Sender, per_minute: u32) -> Result<Allowance, DbError> {
        let now = self.clock.now();
        let quota = Quota::per_minute(per_minute);
        let taken = self.allowances.take(&sender.key(), quota, now).await?;
        Ok(Allowance::of(taken, per_minute, now))
    }
}

#[cfg(test)]
mod tests {
    use opsknight_domain::allowance;

    use super::*;

    #[test]
    fn headers_count_in_whole_seconds() {
        let now = Timestamp::from_second(1_800_000_000).unwrap();
        let first = allowance::take(None, Quota::per_minute(120), now);
        assert_eq!(
            Allowance::of(first, 120, now),
            Allowance {
                limit: 120,
                remaining: 119,
                reset_s: 1,
                retry_after_s: None
            }
        );
        let spent = Some(Timestamp::from_second(1_800_000_060).unwrap());
        let refused = allowance::take(spent, Quota::per_minute(120), now);
        assert_eq!(
            Allowance::of(refused, 120, now),
            Allowance {
                limit: 120,
                remaining: 0,
                reset_s: 60,
                retry_after_s: Some(1)
            }
        );
    }
}
