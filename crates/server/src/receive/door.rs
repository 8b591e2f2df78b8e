//! What every kind of request goes through: finding the integration, its allowance, and handing over what it says.

use std::{future::Future, sync::Arc};

use axum::{
    body::{Body, to_bytes},
    http::HeaderMap,
    response::Response,
};
use bytes::Bytes;
use jiff::Timestamp;
use opsknight_channels::DeliveryError;
use opsknight_domain::{
    event::Normalised,
    id::{AuditId, IntegrationId, ReceiptId, ServiceId},
    incident::Actor,
};
use opsknight_store::{
    Store,
    audit::{self, AuditLine},
    db::{DbError, Tx},
    directory::Picture,
    integrations::{self, IntegrationRow},
    receipts::Receipt,
    refusal::ChangeError,
    secret::Secret,
};
use opsknight_web::{receive::Again, state::Clock};
use serde_json::{Value, json};
use subtle::ConstantTimeEq as _;

use super::{
    answer::{self, Denied},
    authority::Authority,
    credentials,
    limit::{Allowance, Limits, Sender},
};
use crate::{
    config::Clouds,
    engine::ingest::{Ingest, IngestError, Job, Taken},
    listen::NoRoom,
};

/// Most times that a request is checked again because the configuration changed under it.
const CHECKS_MAX: usize = 5;

/// How long bodies may be, in bytes.
#[derive(Debug, Clone, Copy)]
pub struct Bounds {
    /// Of the events calls.
    pub events_body: usize,
    /// Of the webhooks.
    pub hook_body: usize,
}

/// The state of the way in.
pub struct Door {
    pub(super) store: Store,
    pub(super) clock: Arc<dyn Clock>,
    pub(super) limits: Limits,
    pub(super) bounds: Bounds,
    pub(super) authority: Authority,
    ingest: Ingest,
}

/// What was taken of an allowance, where it could be counted, and whether the request passes.
pub(super) type Spent = (Option<Allowance>, Result<(), Denied>);

/// By what a request names its integration.
#[derive(Debug, Clone)]
pub(super) enum By {
    /// By its identity, in the URL.
    Id(IntegrationId),
    /// By its key.
    Key(Secret),
}

/// An integration as the picture shows it.
#[derive(Debug, Clone)]
pub(super) struct Found {
    pub(super) integration: Arc<IntegrationRow>,
    pub(super) version: i64,
}

/// A request that passed all checks.
pub(super) struct Passed<'a> {
    pub(super) integration: Option<IntegrationId>,
    pub(super) service: ServiceId,
    pub(super) actor: Actor,
    pub(super) version: i64,
    pub(super) kind: &'static str,
    pub(super) method: &'a str,
    pub(super) path: String,
    pub(super) query: String,
    pub(super) headers: &'a HeaderMap,
    pub(super) body: Vec<u8>,
    pub(super) remote_id: Option<String>,
    pub(super) is_test: bool,
    /// Set where it is a received request that somebody runs again.
    pub(super) repeats: Option<Repeats>,
    pub(super) now: Timestamp,
}

/// Which request is run again, as which, and by whom.
#[derive(Debug, Clone)]
pub(super) struct Repeats {
    pub(super) as_receipt: ReceiptId,
    pub(super) of: ReceiptId,
    pub(super) again: Again,
}

impl Door {
    /// The way in of this store.
    ///
    /// # Errors
    /// When no HTTP client can be made, by which certificates and keys of clouds are fetched.
    pub fn new(
        store: Store,
        clock: Arc<dyn Clock>,
        ingest: Ingest,
        bounds: Bounds,
        clouds: Clouds,
    ) -> Result<Self, DeliveryError> {
        let limits = Limits::new(&store.db, clock.clone());
        let authority = Authority::new(clouds, clock.clone())?;
        Ok(Self {
            store,
            clock,
            limits,
            bounds,
            authority,
            ingest,
        })
    }

    /// Reads a body that may have so many bytes.
    pub(crate) async fn read(body: Body, limit: usize) -> Result<Bytes, Denied> {
        to_bytes(body, limit).await.map_err(|error| {
            let causes = || std::iter::successors(std::error::Error::source(&error), |cause| cause.source());
            if causes().any(|cause| cause.is::<http_body_util::LengthLimitError>()) {
                Denied::TooLarge { limit }
            } else if causes().any(|cause| cause.is::<NoRoom>()) {
                Denied::Unavailable("there is no room for it now".to_owned())
            } else {
                let message = "could not be read: it was cut short or is wrongly compressed".to_owned();
                Denied::Invalid {
                    field: "body".into(),
                    message,
                    errors: Vec::new(),
                }
            }
        })
    }

    /// The integration that a request names. What memory does not know is looked for in the database before it is
    /// denied.
    pub(super) async fn find(&self, by: &By) -> Result<Found, Denied> {
        if let Some(found) = find_in(&self.store.pictures.cached(), by) {
            return Ok(found);
        }
        find_in(&*self.picture().await?, by).ok_or(Denied::Unauthorized)
    }

    /// The picture as the database has it now.
    pub(super) async fn picture(&self) -> Result<Arc<Picture>, Denied> {
        let (pictures, now) = (self.store.pictures.clone(), self.clock.now());
        let read = self
            .store
            .db
            .read(async move |tx| pictures.current(tx, now).await)
            .await;
        read.map_err(|error: DbError| {
            tracing::error!(error = %error, "the configuration cannot be read");
            Denied::Unavailable("the database cannot answer now".into())
        })
    }

    /// Checks a request against the picture in memory and, when it is denied or the configuration has changed, against
    /// the one of the database. `check` is given the integration; what it hands over is taken in.
    pub(super) async fn checked<T, C>(&self, by: &By, check: impl Fn(Found) -> C) -> Result<T, Denied>
    where
        C: Future<Output = Result<T, Refused>>,
    {
        for _ in 0..CHECKS_MAX {
            let found = self.find(by).await?;
            let version = found.version;
            match check(found).await {
                Ok(done) => return Ok(done),
                Err(Refused::Stale) => drop(self.picture().await?),
                Err(Refused::Denied(denied)) => {
                    if self.picture().await?.directory.version == version {
                        return Err(denied);
                    }
                }
                Err(Refused::Final(denied)) => return Err(denied),
            }
        }
        Err(Denied::Unavailable(
            "the configuration changes faster than requests can be checked".into(),
        ))
    }

    /// Hands over what a request says. It is stored when this returns.
    pub(super) async fn hand_over(
        &self,
        passed: Passed<'_>,
        mut events: Vec<Normalised>,
    ) -> Result<Vec<Taken>, Refused> {
        keep_tests_apart(&mut events);
        let job = passed.job(passed.receipt(self, 202, json!([])), events);
        self.ingest.take(job).await.map_err(refused)
    }

    /// Lets a topic of SNS send to an integration that has none yet, and says which topics may.
    pub(super) async fn pin_topic(&self, integration: &IntegrationRow, topic: &str) -> Result<Vec<String>, Refused> {
        let (topic, now, line) = (topic.to_owned(), self.clock.now(), AuditId::new(self.clock.uuid_v7()));
        let (id, name) = (integration.id, integration.name.clone());
        let unit = async move |tx: &mut Tx<'_>| {
            let (topics, is_first) = integrations::pin_topic(tx, id, &topic, now).await?;
            if is_first {
                let line = AuditLine {
                    id: line,
                    at: now,
                    actor: &Actor::Integration { name: name.clone() },
                    actor_id: None,
                    ip: None,
                    action: "integration.topic_pinned",
                    object_kind: "integration",
                    object_id: id.to_string(),
                    object_name: &name,
                    changes: json!({ "topicArns": { "from": [], "to": &topics } }),
                };
                audit::record(tx, &line).await?;
            }
            Ok(topics)
        };
        self.store
            .db
            .write(unit)
            .await
            .map_err(|error: ChangeError| match error {
                ChangeError::Db(error) => {
                    tracing::error!(error = %error, "a topic cannot be kept");
                    Refused::Final(Denied::Unavailable("the database cannot take it now".into()))
                }
                ChangeError::Missing(_) | ChangeError::Refused(_) => Refused::Final(Denied::Unauthorized),
            })
    }

    /// Keeps a request that could not be taken as it is, so that the sender's people can see what is wrong with it.
    pub(super) async fn keep_refused(&self, passed: Passed<'_>, status: u16, reason: &str) {
        if let Err(refused) = self.keep_surely(passed, status, reason).await {
            tracing::warn!(error = ?refused, "a request that was refused could not be kept");
        }
    }

    /// The same, for who must know whether it is kept.
    pub(super) async fn keep_surely(&self, passed: Passed<'_>, status: u16, reason: &str) -> Result<(), Refused> {
        let results = json!([{ "action": "rejected", "reason": reason }]);
        // A later delivery of the same may be well formed, so it is not counted as received.
        let receipt = Receipt {
            remote_id: None,
            ..passed.receipt(self, status, results)
        };
        let job = passed.job(receipt, Vec::new());
        self.ingest.take(job).await.map(drop).map_err(refused)
    }

    /// Takes one request from the sender's allowance.
    pub(super) async fn allow(&self, sender: Sender, per_minute: u32) -> Spent {
        match self.limits.take(sender, per_minute).await {
            Ok(allowance) if allowance.retry_after_s.is_some() => {
                metrics::counter!("opsknight_rate_limited_total").increment(1);
                (Some(allowance), Err(Denied::TooMany(allowance)))
            }
            Ok(allowance) => (Some(allowance), Ok(())),
            Err(error) => {
                tracing::error!(error = %error, "a request cannot be counted");
                (
                    None,
                    Err(Denied::Unavailable("the database cannot take events now".into())),
                )
            }
        }
    }
}

impl Passed<'_> {
    /// What is handed over of it.
    pub(super) fn job(&self, receipt: Receipt, events: Vec<Normalised>) -> Job {
        Job {
            receipt,
            service: self.service,
            checked_against: self.version,
            actor: self.actor.clone(),
            events,
            again: self.repeats.as_ref().map(|repeats| repeats.again.clone()),
        }
    }

    /// What is kept of it.
    pub(super) fn receipt(&self, door: &Door, status: u16, results: Value) -> Receipt {
        let repeats = self.repeats.as_ref();
        Receipt {
            id: repeats.map_or_else(|| ReceiptId::new(door.clock.uuid_v7()), |repeats| repeats.as_receipt),
            at: self.now,
            integration: self.integration,
            service: Some(self.service),
            kind: self.kind.to_owned(),
            method: self.method.to_owned(),
            path: self.path.clone(),
            query: self.query.clone(),
            headers: credentials::kept(self.headers),
            body: self.body.clone(),
            status,
            results,
            remote_id: self.remote_id.clone(),
            is_test: self.is_test,
            replay_of: repeats.map(|repeats| repeats.of),
        }
    }
}

/// Why a check did not end well.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Refused {
    /// The configuration has changed since: check again.
    Stale,
    /// Denied, if the configuration in memory is the one of the database.
    Denied(Denied),
    /// Denied, whatever the configuration is.
    Final(Denied),
}

fn refused(error: IngestError) -> Refused {
    match error {
        IngestError::Stale => Refused::Stale,
        IngestError::Unavailable(why) => Refused::Final(Denied::Unavailable(why)),
        IngestError::Refused(_) => Refused::Final(Denied::Internal),
    }
}

/// The integration that a request names, in this picture.
pub(super) fn find_in(picture: &Picture, by: &By) -> Option<Found> {
    let id = match by {
        By::Id(id) => *id,
        // The map is asked by the hash of the key: how long that takes says nothing about the key.
        By::Key(key) => *picture.by_key.get(&key.hash())?,
    };
    let integration = picture.integrations.get(&id)?.clone();
    Some(Found {
        integration,
        version: picture.directory.version,
    })
}

/// Sees to it that no test has the key of something real.
pub(super) fn keep_tests_apart(events: &mut [Normalised]) {
    for event in events {
        if let Normalised::Event(event) = event {
            event.keep_test_apart();
        }
    }
}

/// Whether two secrets are the same, in a time that does not tell.
pub(super) fn same(a: &Secret, b: &Secret) -> bool {
    a.hash().as_bytes().ct_eq(b.hash().as_bytes()).into()
}

/// The answer with the sender's allowance shown.
pub(super) fn with_allowance(mut response: Response, allowance: Option<Allowance>) -> Response {
    if let Some(allowance) = allowance {
        answer::show_allowance(response.headers_mut(), allowance);
    }
    response
}
