//! What a replica has of the hall: its turns at the database, its clock, and its randomness.

use std::sync::Arc;

use futures_util::future::BoxFuture;
use jiff::Timestamp;
use opsknight_store::db::{
    DbError,
    simulated::{Turnstile, Verdict},
};
use opsknight_web::state::Clock;
use tokio::sync::oneshot;
use uuid::Uuid;

use super::{Hall, Ticket, Who};

/// The way of one life of a replica to its database.
pub(crate) struct Gate {
    pub(crate) hall: Arc<Hall>,
    pub(crate) who: Who,
}

impl Gate {
    fn wait(&self, writes: bool, done: bool) -> BoxFuture<'static, Verdict> {
        let (to, verdict) = oneshot::channel();
        let ticket = Ticket {
            who: self.who,
            writes,
            done,
            to,
        };
        self.hall.state().tickets.push(ticket);
        Box::pin(async move { verdict.await.unwrap_or(Verdict::Fail(DbError::Closed)) })
    }
}

impl Turnstile for Gate {
    fn enter(&self, writes: bool) -> BoxFuture<'static, Verdict> {
        self.wait(writes, false)
    }

    fn leave(&self, writes: bool, committed: bool) -> BoxFuture<'static, ()> {
        self.hall.left(self.who, committed);
        if !writes {
            return Box::pin(std::future::ready(()));
        }
        let told = self.wait(writes, true);
        Box::pin(async move {
            told.await;
        })
    }
}

/// The clock of a replica, and its randomness.
pub(crate) struct Wrist {
    pub(crate) hall: Arc<Hall>,
    pub(crate) replica: usize,
}

impl Clock for Wrist {
    fn now(&self) -> Timestamp {
        instant(self.hall.state().wall(self.replica))
    }

    fn uuid_v7(&self) -> Uuid {
        let mut state = self.hall.state();
        state.ids += 1;
        let ms = u128::try_from(state.wall(self.replica) / 1_000).unwrap_or_default();
        Uuid::from_u128((ms << 80) | (0x7000 << 64) | (0x8000 << 48) | u128::from(state.ids))
    }

    fn uuid_v4(&self) -> Uuid {
        let mut bytes = [0; 16];
        self.fill(&mut bytes);
        uuid::Builder::from_random_bytes(bytes).into_uuid()
    }

    fn fill(&self, bytes: &mut [u8]) {
        self.hall.state().program.fill(bytes);
    }
}

/// So many microseconds since 1970.
pub(crate) fn instant(us: i64) -> Timestamp {
    Timestamp::from_microsecond(us).expect("the simulation lives in years that there are")
}
