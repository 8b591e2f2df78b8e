//! Sends what is due: leases messages, calls their providers, records how it ended.
//!
//! No call is made inside a transaction. A message is leased and that is committed; it is sent; how it ended is
//! committed. Who dies in between leaves a lease that ends, and the message is sent again: the one window in which a
//! message may arrive twice. Receivers can tell by its identity, which is the same at every try.

use std::{collections::HashMap, sync::Arc};

use jiff::Timestamp;
use opsknight_domain::{
    delivery::{self, DeliveryError, LEASE, Next},
    id::WebhookId,
    message::Message,
};
use opsknight_store::{
    Store,
    db::{DbError, Tx},
    deliveries::{self, Ending, Finished, Lane, Leased},
    directory::Picture,
};
use opsknight_web::state::Clock;
use tokio::task::{self, JoinError, JoinSet};

use self::letter::Letter;
use super::outbox::Outbox;
use crate::{clock::jitter, failpoint};

mod consequence;
mod letter;

pub use letter::Links;

/// Most messages to people that are on their way at once.
const PEOPLE_AT_ONCE: usize = 32;
/// Most messages to one webhook that are on their way at once.
const WEBHOOK_AT_ONCE: usize = 8;
/// Most messages that are on their way at once in all.
const ALL_AT_ONCE: usize = 128;
/// Most leases without a result that are looked at in one transaction.
const ABANDONED_MAX: i64 = 200;

/// Sends what is due.
pub struct Deliverer {
    store: Store,
    clock: Arc<dyn Clock>,
    outbox: Arc<Outbox>,
    links: Links,
    sending: JoinSet<(Leased, Finished)>,
    /// The lane of each message that is on its way.
    lanes: HashMap<task::Id, Lane>,
    /// Ended and not recorded yet.
    ended: Vec<(Leased, Finished)>,
}

impl Deliverer {
    /// Sends what is due in this store.
    #[must_use]
    pub fn new(store: Store, clock: Arc<dyn Clock>, outbox: Arc<Outbox>, links: Links) -> Self {
        Self {
            store,
            clock,
            outbox,
            links,
            sending: JoinSet::new(),
            lanes: HashMap::new(),
            ended: Vec::new(),
        }
    }

    /// Whether nothing is on its way and nothing waits to be recorded.
    #[must_use]
    pub fn is_idle(&self) -> bool {
        self.sending.is_empty() && self.ended.is_empty()
    }

    /// Records what has ended, takes what is due, and sends it. Says how many messages it took or recorded.
    ///
    /// # Errors
    /// When the database cannot answer; what has ended is recorded at the next turn.
    pub async fn turn(&mut self) -> Result<usize, DbError> {
        let now = self.clock.now();
        let done = self.ended.len();
        let letters = if done > 0 || self.anything_due(now).await? {
            self.exchange(now).await?
        } else {
            Vec::new()
        };
        if done > 0 {
            failpoint::hit("deliver.recorded");
        }
        let taken = letters.len();
        if taken > 0 {
            failpoint::hit("deliver.leased");
        }
        for letter in letters {
            self.send(letter, now);
        }
        Ok(done + taken)
    }

    /// Waits until at least one message has ended, if any is on its way.
    pub async fn wait(&mut self) {
        if let Some(first) = self.sending.join_next_with_id().await {
            self.take(first);
        }
        while let Some(more) = self.sending.try_join_next_with_id() {
            self.take(more);
        }
    }

    fn take(&mut self, ended: Result<(task::Id, (Leased, Finished)), JoinError>) {
        let id = match ended {
            Ok((id, ended)) => {
                failpoint::hit("deliver.sent");
                self.ended.push(ended);
                id
            }
            // The lease ends by itself and the message is tried again.
            Err(error) => {
                tracing::error!(error = %error, "sending a message failed in the program itself");
                error.id()
            }
        };
        self.lanes.remove(&id);
    }

    async fn anything_due(&self, now: Timestamp) -> Result<bool, DbError> {
        let pictures = self.store.pictures.clone();
        let unit = async move |tx: &mut Tx<'_>| {
            let picture = pictures.current(tx, now).await?;
            let webhooks: Vec<WebhookId> = picture.directory.webhooks.iter().map(|webhook| webhook.id).collect();
            let next: Option<Timestamp> = deliveries::next_due(tx, &webhooks).await?;
            Ok::<_, DbError>(next.is_some_and(|due| due <= now))
        };
        self.store.db.read(unit).await
    }

    /// One transaction: records what has ended with its consequences, and leases what is due.
    async fn exchange(&mut self, now: Timestamp) -> Result<Vec<Letter>, DbError> {
        let until = now.saturating_add(LEASE).unwrap_or(Timestamp::MAX);
        let ended = Arc::new(std::mem::take(&mut self.ended));
        let busy: Vec<Lane> = self.lanes.values().copied().collect();
        let (store, clock, links, recorded) = (
            self.store.clone(),
            self.clock.clone(),
            self.links.clone(),
            ended.clone(),
        );
        let unit = async move |tx: &mut Tx<'_>| {
            let picture = store.pictures.current(tx, now).await?;
            consequence::record(tx, &store, &*clock, &recorded, now).await?;
            let leased = deliveries::lease(tx, &free(&busy, &picture), now, until).await?;
            letter::write(tx, &store, &links, leased, now).await
        };
        let written = self.store.db.write(unit).await;
        if written.is_err() {
            self.ended = Arc::unwrap_or_clone(ended);
        }
        written
    }

    fn send(&mut self, letter: Letter, now: Timestamp) {
        let (clock, outbox) = (self.clock.clone(), self.outbox.clone());
        let lane = letter.leased.webhook.map_or(Lane::People, Lane::Webhook);
        metrics::histogram!("opsknight_delivery_wait_seconds")
            .record(now.duration_since(letter.leased.due_at).as_secs_f64().max(0.0));
        let task = self.sending.spawn(async move {
            let started_at = clock.now();
            let started = std::time::Instant::now();
            let ending = match &letter.message {
                Ok(message) => post(&outbox, &letter, message, &*clock).await,
                Err(why) => Ending::Skipped { detail: why.clone() },
            };
            let channel = letter.leased.channel.clone();
            metrics::histogram!("opsknight_delivery_seconds", "channel" => channel).record(started.elapsed());
            let Letter { leased, .. } = letter;
            let finished = Finished {
                delivery: leased.id,
                tries: leased.tries,
                started_at,
                ended_at: clock.now(),
                ending,
            };
            (leased, finished)
        });
        self.lanes.insert(task.id(), lane);
    }

    /// Messages whose worker died are taken back: nobody knows whether they were sent.
    ///
    /// # Errors
    /// When the database cannot answer.
    pub async fn take_back(&self) -> Result<usize, DbError> {
        self.take_back_leased_until(self.clock.now()).await
    }

    /// Takes back every message that is leased, for a program that has just begun and knows that it is the only one
    /// that works on this database: whoever held the leases is dead, and nobody need wait for them to end.
    ///
    /// # Errors
    /// When the database cannot answer.
    pub async fn take_back_all(&self) -> Result<usize, DbError> {
        let mut all = 0;
        loop {
            let n = self.take_back_leased_until(Timestamp::MAX).await?;
            if n == 0 {
                return Ok(all);
            }
            all += n;
        }
    }

    async fn take_back_leased_until(&self, until: Timestamp) -> Result<usize, DbError> {
        let now = self.clock.now();
        let any = self
            .store
            .db
            .read(async move |tx| deliveries::any_abandoned(tx, until).await)
            .await?;
        if !any {
            return Ok(0);
        }
        let (store, clock) = (self.store.clone(), self.clock.clone());
        let unit = async move |tx: &mut Tx<'_>| {
            let abandoned = deliveries::lock_abandoned(tx, until, ABANDONED_MAX).await?;
            let ended: Vec<(Leased, Finished)> = abandoned
                .into_iter()
                .map(|leased| {
                    let error = DeliveryError::Unknown {
                        why: "the program stopped while this was being sent".into(),
                    };
                    let ending = after(&leased, &error, now, jitter(&*clock));
                    let finished = Finished {
                        delivery: leased.id,
                        tries: leased.tries,
                        started_at: now,
                        ended_at: now,
                        ending,
                    };
                    (leased, finished)
                })
                .collect();
            consequence::record(tx, &store, &*clock, &ended, now).await?;
            Ok::<_, DbError>(ended.len())
        };
        let n = self.store.db.write(unit).await?;
        if n > 0 {
            tracing::warn!("took back {n} messages whose sending had not ended");
            metrics::counter!("opsknight_auditor_findings_total", "kind" => "abandoned_delivery").increment(n as u64);
        }
        Ok(n)
    }

    /// Takes nothing more, waits for what is on its way and records it.
    ///
    /// # Errors
    /// When the database cannot answer: the leases then end by themselves.
    pub async fn finish(mut self) -> Result<(), DbError> {
        while !self.sending.is_empty() {
            self.wait().await;
        }
        let (store, clock, now) = (self.store.clone(), self.clock.clone(), self.clock.now());
        let ended = std::mem::take(&mut self.ended);
        let unit = async move |tx: &mut Tx<'_>| consequence::record(tx, &store, &*clock, &ended, now).await;
        self.store.db.write(unit).await
    }
}

/// How many messages each lane may take, when these lanes have messages on their way.
fn free(busy: &[Lane], picture: &Picture) -> Vec<(Lane, i64)> {
    let mut room = ALL_AT_ONCE.saturating_sub(busy.len());
    let lanes = std::iter::once((Lane::People, PEOPLE_AT_ONCE)).chain(
        picture
            .directory
            .webhooks
            .iter()
            .map(|webhook| (Lane::Webhook(webhook.id), WEBHOOK_AT_ONCE)),
    );
    let mut free = Vec::new();
    for (lane, most) in lanes {
        let on_their_way = busy.iter().filter(|other| **other == lane).count();
        let n = most.saturating_sub(on_their_way).min(room);
        if n > 0 {
            room -= n;
            free.push((lane, i64::try_from(n).unwrap_or(i64::MAX)));
        }
    }
    free
}

/// Calls the provider.
async fn post(outbox: &Outbox, letter: &Letter, message: &Message, clock: &dyn Clock) -> Ending {
    let leased = &letter.leased;
    let result = match (&letter.webhook, &leased.address) {
        (Some(webhook), _) => outbox.post(webhook, message).await,
        (None, Some(address)) => outbox.send(&leased.channel, address, message).await,
        (None, None) => Err(DeliveryError::Refused {
            why: "the webhook was removed".into(),
        }),
    };
    match result {
        Ok(receipt) => Ending::Sent {
            provider_id: receipt.provider_id,
            detail: receipt.answer,
        },
        Err(error) => after(leased, &error, clock.now(), jitter(clock)),
    }
}

/// What follows a try that failed.
fn after(leased: &Leased, error: &DeliveryError, now: Timestamp, jitter: f64) -> Ending {
    let outcome = match error {
        DeliveryError::Retry { .. } => "RETRY",
        DeliveryError::Refused { .. } => "REFUSED",
        DeliveryError::Misconfigured { .. } => "MISCONFIGURED",
        DeliveryError::Unknown { .. } => "UNKNOWN",
    };
    match delivery::after_failure(leased.purpose, leased.tries, leased.created_at, now, error, jitter) {
        Next::RetryAt(at) => Ending::Again {
            at,
            outcome,
            detail: error.to_string(),
        },
        Next::GiveUp(why) => Ending::Failed { outcome, detail: why },
    }
}
