//! Notices that a server has fallen silent: a line can be cut so that nothing says so, and a statement would be waited
//! for as long as the operating system keeps hoping. It looks and tells, and closes nothing itself.

use std::{
    future::Future,
    pin::Pin,
    sync::Arc,
    time::{Duration, Instant},
};

use tokio::{sync::Mutex, time::sleep};

use super::{super::DbError, hosts::Hosts};

/// How long a unit may take before it is asked whether the server is still there; and again after as long.
const SILENCE: Duration = Duration::from_secs(3);

/// Looks whether a server is there, once for all who want to know.
pub(super) struct Line {
    hosts: Arc<Hosts>,
    /// When it was last known, and what.
    known: Mutex<Option<(Instant, bool)>>,
}

impl Line {
    pub(super) fn new(hosts: Arc<Hosts>) -> Self {
        Self {
            hosts,
            known: Mutex::default(),
        }
    }

    /// Ends when a unit that works at this host waits for nothing any more. A statement may take long, so time alone
    /// proves nothing: the host is asked by a connection of its own.
    pub(super) async fn silent(&self, host: usize) -> DbError {
        loop {
            sleep(SILENCE).await;
            if self.hosts.good() != host {
                return DbError::unavailable("another of the database's hosts is worked with now");
            }
            if !self.answers(host).await {
                return DbError::unavailable("the database has fallen silent");
            }
        }
    }

    async fn answers(&self, host: usize) -> bool {
        let asked = Instant::now();
        let mut known = self.known.lock().await;
        // Somebody else was told meanwhile.
        if let Some((at, answers)) = *known
            && at > asked
        {
            return answers;
        }
        let answers = self.hosts.answers(host).await;
        *known = Some((Instant::now(), answers));
        answers
    }
}

/// Does some work unless the server falls silent.
pub(super) async fn or_silent<T>(
    silent: Pin<&mut impl Future<Output = DbError>>,
    work: impl Future<Output = T>,
) -> Result<T, DbError> {
    tokio::select! {
        biased;
        done = work => Ok(done),
        error = silent => Err(error),
    }
}
