//! Sends what is due: leases messages, calls their providers, records how it ended.
//!
//! No call is made inside a transaction. A message is leased and that is committed; it is sent; how it ended is
//! committed. Who dies in between leaves a lease that ends, and the message is sent again: the one window in which a
//! message may arrive twice. Receivers can tell by its identity, which is the same at every try.

use std::{collections::HashMap, sync::Arc};

use jiff::Timestamp;
use opsknight_domain::{
    delivery::{self, CALL_TIMEOUT, DeliveryError, LEASE, Next, Purpose, Tries},
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

use self::{consequence::Ended, letter::Letter};
use super::outbox::{Asked, Outbox};
use crate::{clock::jitter, failpoint};

mod consequence;
mod letter;
mod rehearse;
mod report;

pub use letter::Links;
pub(super) use letter::told_to_webhook;
pub use rehearse::{Pretended, rehearse};
pub use report::{Report, Reported, report};

/// Most pages that are on their way at once: these places are theirs alone.
const PAGES_AT_ONCE: usize = 32;
/// Most messages that merely tell people something that are on their way at once.
const NEWS_AT_ONCE: usize = 32;
/// Most messages to one webhook that are on their way at once.
const WEBHOOK_AT_ONCE: usize = 8;
/// Most messages other than pages that are on their way at once in all.
const OTHERS_AT_ONCE: usize = 96;
/// Most leases without a result that are looked at in one transaction.
const ABANDONED_MAX: i64 = 200;

/// Sends what is due.
pub struct Deliverer {
    store: Store,
    clock: Arc<dyn Clock>,
    outbox: Arc<Outbox>,
    links: Links,
    sending: JoinSet<Vec<Ended>>,
    /// The lane of each message that is on its way.
    lanes: HashMap<task::Id, Lane>,
    /// Ended and not recorded yet.
    ended: Vec<Ended>,
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
        let until = leased_until(now);
        for letter in letters {
            self.send(letter, now, until);
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

    fn take(&mut self, ended: Result<(task::Id, Vec<Ended>), JoinError>) {
        let id = match ended {
            Ok((id, ended)) => {
                failpoint::hit("deliver.sent");
                self.ended.extend(ended);
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
        let until = leased_until(now);
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

    fn send(&mut self, letter: Letter, now: Timestamp, until: Timestamp) {
        let (clock, outbox) = (self.clock.clone(), self.outbox.clone());
        let lane = lane(&letter.leased);
        metrics::histogram!("opsknight_delivery_wait_seconds")
            .record(now.duration_since(letter.leased.due_at).as_secs_f64().max(0.0));
        let task = self.sending.spawn(async move {
            let started_at = clock.now();
            let started = std::time::Instant::now();
            let told = match &letter.message {
                _ if !is_in_time(started_at, until) => Told::nothing(stood_still(started_at)),
                Ok(message) => post(&outbox, &letter, message, &*clock).await,
                Err(why) => Told::nothing(Ending::Skipped { detail: why.clone() }),
            };
            let channel = letter.leased.channel.clone();
            metrics::histogram!("opsknight_delivery_seconds", "channel" => channel).record(started.elapsed());
            told.of_all(letter, started_at, clock.now())
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
            // All at one time, so that those that belong into one message find each other again.
            let jitter = jitter(&*clock);
            let ended: Vec<Ended> = abandoned
                .into_iter()
                .map(|leased| abandoned_try(leased, now, jitter))
                .collect();
            consequence::record(tx, &store, &*clock, &ended, now).await?;
            Ok::<_, DbError>(ended.len())
        };
        let n = self.store.db.write(unit).await?;
        if n > 0 {
            tracing::warn!("took back {n} messages whose sending had not ended");
            metrics::counter!("opsknight_auditor_findings_total", "kind" => "abandoned_delivery").increment(n as u64);
            metrics::counter!("opsknight_lease_expiries_total").increment(n as u64);
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

fn leased_until(now: Timestamp) -> Timestamp {
    now.saturating_add(failpoint::lease(LEASE)).unwrap_or(Timestamp::MAX)
}

/// Whether a try that begins now ends before its lease does, however long its provider takes. A program that was stopped
/// and goes on has leases that others hold now.
fn is_in_time(now: Timestamp, until: Timestamp) -> bool {
    // Two calls at most can take as long as a call may, and a third of a lease is as long as that.
    const { assert!(CALL_TIMEOUT.as_secs() * 2 <= LEASE.as_secs() / 3) };
    now.saturating_add(failpoint::lease(LEASE) / 3)
        .is_ok_and(|ends| ends <= until)
}

/// A try that was not begun. It is recorded only where nobody else has taken the message over.
fn stood_still(now: Timestamp) -> Ending {
    Ending::Again {
        at: now,
        outcome: "RETRY",
        detail: "the program stood still before this was sent".into(),
    }
}

/// A try of which nobody knows how it ended.
fn abandoned_try(leased: Leased, now: Timestamp, jitter: f64) -> Ended {
    let error = DeliveryError::Unknown {
        why: "the program stopped while this was being sent".into(),
    };
    let told = Told {
        provider: leased.provider.clone().unwrap_or_default(),
        ..Told::failed(error, 1, now, jitter)
    };
    told.of(leased, false, 0, now, now)
}

fn lane(leased: &Leased) -> Lane {
    match (leased.webhook, leased.purpose) {
        (Some(webhook), _) => Lane::Webhook(webhook),
        (None, Purpose::Notice | Purpose::Edit) => Lane::News,
        (None, Purpose::Page | Purpose::Account | Purpose::Webhook) => Lane::Pages,
    }
}

/// How many messages each lane may take, when these lanes have messages on their way.
fn free(busy: &[Lane], picture: &Picture) -> Vec<(Lane, i64)> {
    let on_their_way = |lane: Lane| busy.iter().filter(|other| **other == lane).count();
    let pages = on_their_way(Lane::Pages);
    let mut others = OTHERS_AT_ONCE.saturating_sub(busy.len() - pages);
    let webhooks = picture.directory.webhooks.iter().map(|webhook| webhook.id);
    let lanes = std::iter::once((Lane::News, NEWS_AT_ONCE))
        .chain(webhooks.map(|webhook| (Lane::Webhook(webhook), WEBHOOK_AT_ONCE)));
    let mut free = Vec::new();
    let mut add = |lane, n: usize| {
        if n > 0 {
            free.push((lane, i64::try_from(n).unwrap_or(i64::MAX)));
        }
    };
    add(Lane::Pages, PAGES_AT_ONCE.saturating_sub(pages));
    for (lane, most) in lanes {
        let n = most.saturating_sub(on_their_way(lane)).min(others);
        others -= n;
        add(lane, n);
    }
    free
}

/// What came of one try, before it is known of which messages.
enum Came {
    /// The same for all of them.
    Ended(Ending),
    /// What follows is each message's own: pages that were told of in one may have other channels left, or none.
    Failed {
        error: DeliveryError,
        /// How many there are for the channel.
        providers: u32,
        at: Timestamp,
        /// One for all, so that they come back together.
        jitter: f64,
    },
}

/// A try, before it is known of which messages.
struct Told {
    came: Came,
    /// Who was asked; empty: nobody.
    provider: String,
    /// Until when nothing more may go by this way.
    paused_until: Option<Timestamp>,
    /// The address is no more.
    gone: bool,
}

impl Told {
    /// Nobody was asked.
    const fn nothing(ending: Ending) -> Self {
        Self {
            came: Came::Ended(ending),
            provider: String::new(),
            paused_until: None,
            gone: false,
        }
    }

    const fn failed(error: DeliveryError, providers: u32, at: Timestamp, jitter: f64) -> Self {
        Self {
            came: Came::Failed {
                error,
                providers,
                at,
                jitter,
            },
            provider: String::new(),
            paused_until: None,
            gone: false,
        }
    }

    /// For each message that was told in one.
    fn of_all(self, letter: Letter, started_at: Timestamp, ended_at: Timestamp) -> Vec<Ended> {
        let Letter {
            leased,
            along,
            have_next,
            ..
        } = letter;
        let others = along.len();
        let all = std::iter::once(leased).chain(along);
        all.map(|leased| {
            let has_next = have_next.contains(&leased.id);
            self.of(leased, has_next, others, started_at, ended_at)
        })
        .collect()
    }

    fn of(&self, leased: Leased, has_next: bool, others: usize, started_at: Timestamp, ended_at: Timestamp) -> Ended {
        let ending = match &self.came {
            Came::Ended(ending) => ending.clone(),
            Came::Failed {
                error,
                providers,
                at,
                jitter,
            } => after(&leased, &tries(&leased, *providers, has_next), error, *at, *jitter),
        };
        let finished = Finished {
            delivery: leased.id,
            tries: leased.tries,
            provider: self.provider.clone(),
            started_at,
            ended_at,
            ending,
        };
        Ended {
            leased,
            finished,
            others,
            paused_until: self.paused_until,
            gone: self.gone,
        }
    }
}

/// Calls the provider.
async fn post(outbox: &Outbox, letter: &Letter, message: &Message, clock: &dyn Clock) -> Told {
    let leased = &letter.leased;
    let Asked {
        provider,
        providers,
        result,
    } = match (&letter.webhook, &leased.address) {
        (Some(webhook), _) => outbox.post(webhook, message).await,
        (None, Some(address)) => outbox.send(leased, address, message).await,
        (None, None) => Asked::nobody(DeliveryError::Refused {
            why: "the webhook was removed".into(),
        }),
    };
    let now = clock.now();
    let paused = |wait: Option<jiff::SignedDuration>| wait.map(|wait| now.saturating_add(wait).unwrap_or(now));
    match result {
        Ok(receipt) => Told {
            provider,
            paused_until: paused(receipt.pause),
            ..Told::nothing(Ending::Sent {
                provider_id: receipt.provider_id,
                detail: receipt.answer,
            })
        },
        Err(error) => {
            let asked_to_wait = match &error {
                DeliveryError::Retry { after, .. } => *after,
                DeliveryError::Refused { .. } | DeliveryError::Misconfigured { .. } | DeliveryError::Unknown { .. } => {
                    None
                }
            };
            Told {
                provider,
                paused_until: paused(asked_to_wait),
                gone: outbox.is_gone(&leased.channel, &error),
                ..Told::failed(error, providers, now, jitter(clock))
            }
        }
    }
}

const fn tries(leased: &Leased, providers: u32, has_next: bool) -> Tries {
    Tries {
        count: leased.tries,
        refused_before: leased.refusals,
        providers,
        has_next,
        since: leased.created_at,
    }
}

/// What follows a try that failed.
fn after(leased: &Leased, tries: &Tries, error: &DeliveryError, now: Timestamp, jitter: f64) -> Ending {
    let outcome = match error {
        DeliveryError::Retry { .. } => "RETRY",
        DeliveryError::Refused { .. } => "REFUSED",
        DeliveryError::Misconfigured { .. } => "MISCONFIGURED",
        DeliveryError::Unknown { .. } => "UNKNOWN",
    };
    match delivery::after_failure(leased.purpose, tries, now, error, jitter) {
        Next::RetryAt(at) => Ending::Again {
            at,
            outcome,
            detail: error.to_string(),
        },
        // Nobody misses anything by it.
        Next::GiveUp(why) if leased.purpose == Purpose::Edit => Ending::Skipped { detail: why },
        Next::GiveUp(why) => Ending::Failed { outcome, detail: why },
    }
}
