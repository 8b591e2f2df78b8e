//! Messages on their way: leased, sent, recorded. The ledger of attempts tells what was tried and how it ended.
//!
//! A lease says that one worker is sending this now, and counts the try. A result is only taken from the worker that
//! holds the lease of that very try, so that one who wakes up late changes nothing.

use jiff::Timestamp;
use opsknight_domain::{
    delivery::Purpose,
    id::{DeliveryId, IncidentId, UserId, WebhookId},
    incident::{Happening, Status},
    urgency::Urgency,
};
use serde::Deserialize;

use crate::{
    db::{DbError, Insert, Kind, Row, Tx},
    incidents::word,
};

mod account;
mod failing;
mod lease;
mod list;
mod log;
mod pause;
mod report;

pub use account::{AccountMessage, AccountText, send_account_message};
pub use failing::{Failing, failing};
pub use lease::{Lane, any_abandoned, lead, lease, lock_abandoned, next_due};
pub use list::{
    Attempt, ChannelNews, Filter, Health, Listed, any_page_sent, attempts, channel_news, failed_since, given_up,
    health, list, pages_ahead, pages_between, send_again,
};
pub use log::{LogFilter, get, log};
pub use pause::{forget_pauses, pause_room, pause_webhook};
pub use report::{
    Name, address_of, called_by, called_to, earlier, lock_sent, mark_delivered, mark_lost, tried_in_order,
};

/// What kind of thing a delivery carries, as far as sending needs it.
#[derive(Debug, Clone, PartialEq)]
pub struct Leased {
    /// Its identity: the same at every try.
    pub id: DeliveryId,
    /// What kind of message it is.
    pub purpose: Purpose,
    /// `PUSH`, `SLACK`, `SMS`, `WHATSAPP`, `EMAIL` or `WEBHOOK`.
    pub channel: String,
    /// About which incident.
    pub incident: Option<IncidentId>,
    /// To whom.
    pub user: Option<UserId>,
    /// To which outbound webhook.
    pub webhook: Option<WebhookId>,
    /// At which address.
    pub address: Option<String>,
    /// What it tells of.
    pub happening: Option<Happening>,
    /// How urgent the incident was when this was decided on.
    pub urgency: Option<Urgency>,
    /// What the incident was when this was decided on, or the sealed text of an account message.
    pub snapshot: String,
    /// Why this receiver is told.
    pub reason: String,
    /// Which of the incident's escalations decided on this page.
    pub escalation: Option<u32>,
    /// The escalation step, from 0: round and step.
    pub step: Option<(u32, u32)>,
    /// It follows the default order of channels.
    pub in_order: bool,
    /// When it was to be sent.
    pub due_at: Timestamp,
    /// Which try this is; 1 is the first.
    pub tries: u32,
    /// How many of the tries before this one were refused for good, in a row.
    pub refusals: u32,
    /// The provider that was asked last.
    pub provider: Option<String>,
    /// When it was decided on.
    pub created_at: Timestamp,
}

/// What an incident was when a message about it was decided on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Snapshot {
    /// Where it stood.
    pub status: Status,
    /// How soon people had to look.
    pub urgency: Urgency,
    /// Who worked on it.
    pub assignee: Option<UserId>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct SnapshotDocument {
    status: String,
    urgency: String,
    assignee_id: Option<String>,
}

impl Leased {
    /// Reads the snapshot of a message about an incident.
    ///
    /// # Errors
    /// When it does not hold one.
    pub fn snapshot(&self) -> Result<Snapshot, DbError> {
        let corrupt = || DbError::Corrupt {
            what: format!("the snapshot of delivery {}", self.id),
        };
        let document: SnapshotDocument = serde_json::from_str(&self.snapshot).map_err(|_| corrupt())?;
        Ok(Snapshot {
            status: Status::from_word(&document.status).ok_or_else(corrupt)?,
            urgency: Urgency::from_word(&document.urgency).ok_or_else(corrupt)?,
            assignee: document
                .assignee_id
                .map(|id| id.parse())
                .transpose()
                .map_err(|_| corrupt())?,
        })
    }
}

/// A message as whoever sends it has it, without taking it.
///
/// # Errors
/// When the database cannot answer.
pub async fn look(tx: &mut Tx<'_>, id: DeliveryId) -> Result<Option<Leased>, DbError> {
    let sql = format!("SELECT {LEASED} FROM delivery WHERE id = $1");
    tx.query_opt(&sql, &[id.into()]).await?.map(leased).transpose()
}

const LEASED: &str = "id, purpose, channel, incident_id, user_id, webhook_id, address, happening, urgency, snapshot, reason, \
     escalation, step_round, step_index, in_order, due_at, tries, refusals, provider, created_at";

fn leased(mut row: Row) -> Result<Leased, DbError> {
    let row = &mut row;
    Ok(Leased {
        id: row.take()?,
        purpose: word(row, "delivery.purpose", Purpose::from_word)?,
        channel: row.take()?,
        incident: row.take()?,
        user: row.take()?,
        webhook: row.take()?,
        address: row.take()?,
        happening: row.take::<Option<String>>()?.as_deref().and_then(Happening::from_word),
        urgency: row.take::<Option<String>>()?.as_deref().and_then(Urgency::from_word),
        snapshot: row.take()?,
        reason: row.take()?,
        escalation: row.take()?,
        step: row.take::<Option<u32>>()?.zip(row.take::<Option<u32>>()?),
        in_order: row.take()?,
        due_at: row.take()?,
        tries: row.take()?,
        refusals: row.take()?,
        provider: row.take()?,
        created_at: row.take()?,
    })
}

/// How a try ended, and what follows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Ending {
    /// The provider took it.
    Sent {
        /// The provider's own identity of the message.
        provider_id: Option<String>,
        /// The provider's words.
        detail: String,
    },
    /// It will be tried again.
    Again {
        /// When.
        at: Timestamp,
        /// The word of the ledger: `RETRY`, `MISCONFIGURED` or `UNKNOWN`.
        outcome: &'static str,
        /// What was seen.
        detail: String,
    },
    /// Nothing more is tried.
    Failed {
        /// The word of the ledger.
        outcome: &'static str,
        /// Why.
        detail: String,
    },
    /// It was not sent at all: nobody needs it any more.
    Skipped {
        /// Why.
        detail: String,
    },
}

static ATTEMPTS: Insert = Insert {
    table: "attempt",
    columns: &[
        ("delivery_id", Kind::Text),
        ("n", Kind::Int),
        ("provider", Kind::Text),
        ("started_at", Kind::Int),
        ("ended_at", Kind::Int),
        ("outcome", Kind::Text),
        ("detail", Kind::Text),
    ],
    tail: "",
};

/// A finished try.
#[derive(Debug, Clone, PartialEq)]
pub struct Finished {
    /// Which message.
    pub delivery: DeliveryId,
    /// Which try.
    pub tries: u32,
    /// The provider that was asked; empty where none was.
    pub provider: String,
    /// When it began.
    pub started_at: Timestamp,
    /// When it ended.
    pub ended_at: Timestamp,
    /// How.
    pub ending: Ending,
}

/// Records how tries ended. The answer says for each whether it was taken; it is not where the lease had been lost.
///
/// # Errors
/// When the database does not take it.
pub async fn finish(tx: &mut Tx<'_>, finished: &[Finished]) -> Result<Vec<bool>, DbError> {
    let sql = "UPDATE delivery SET state = $1, outcome = $2, provider_id = COALESCE($3, provider_id), due_at = COALESCE($4, due_at), \
         finished_at = $5, lease_until = NULL, provider = $8, \
         refusals = CASE WHEN $9 THEN refusals + 1 ELSE 0 END \
         WHERE id = $6 AND state = 'SENDING' AND tries = $7 RETURNING id";
    let rows = finished.iter().map(|try_| {
        let (state, provider_id, due, detail) = match &try_.ending {
            Ending::Sent { provider_id, detail } => ("SENT", provider_id.clone(), None, detail),
            Ending::Again { at, detail, .. } => ("PENDING", None, Some(*at), detail),
            Ending::Failed { detail, .. } => ("FAILED", None, None, detail),
            Ending::Skipped { detail } => ("SKIPPED", None, None, detail),
        };
        let ended = (state != "PENDING").then_some(try_.ended_at);
        vec![
            state.into(),
            detail.as_str().into(),
            provider_id.into(),
            due.into(),
            ended.into(),
            try_.delivery.into(),
            try_.tries.into(),
            Some(try_.provider.as_str()).filter(|name| !name.is_empty()).into(),
            refused(&try_.ending).into(),
        ]
    });
    let taken: Vec<bool> = tx
        .query_each(sql, rows.collect())
        .await?
        .into_iter()
        .map(|rows| !rows.is_empty())
        .collect();
    let attempts = finished
        .iter()
        .zip(&taken)
        .filter(|(_, taken)| **taken)
        .filter_map(|(try_, _)| {
            let (outcome, detail) = match &try_.ending {
                Ending::Sent { detail, .. } => ("ACCEPTED", detail),
                Ending::Again { outcome, detail, .. } | Ending::Failed { outcome, detail } => (*outcome, detail),
                Ending::Skipped { .. } => return None,
            };
            Some(vec![
                try_.delivery.into(),
                try_.tries.into(),
                try_.provider.as_str().into(),
                try_.started_at.into(),
                try_.ended_at.into(),
                outcome.into(),
                detail.as_str().into(),
            ])
        });
    let attempts = attempts.collect();
    tx.insert_many(&ATTEMPTS, attempts).await?;
    Ok(taken)
}

/// The provider will never take it.
fn refused(ending: &Ending) -> bool {
    match ending {
        Ending::Again { outcome, .. } | Ending::Failed { outcome, .. } => *outcome == "REFUSED",
        Ending::Sent { .. } | Ending::Skipped { .. } => false,
    }
}

/// Whether any page of this step of this escalation was taken by a provider or may still be.
///
/// # Errors
/// When the database cannot answer.
pub async fn step_may_be_heard(
    tx: &mut Tx<'_>,
    incident: IncidentId,
    escalation: u32,
    step: (u32, u32),
) -> Result<bool, DbError> {
    let sql = "SELECT count(*) FROM delivery WHERE incident_id = $1 AND purpose = 'PAGE' AND escalation = $2 \
         AND step_round = $3 AND step_index = $4 AND state IN ('PENDING', 'SENDING', 'SENT')";
    let n: i64 = tx
        .query_one(sql, &[incident.into(), escalation.into(), step.0.into(), step.1.into()])
        .await?
        .take()?;
    Ok(n > 0)
}

/// Gives up everything that waits for a webhook that is being removed.
///
/// # Errors
/// When the database does not take it.
pub async fn skip_webhook(tx: &mut Tx<'_>, webhook: WebhookId, now: Timestamp) -> Result<u64, DbError> {
    let sql = "UPDATE delivery SET state = 'SKIPPED', outcome = 'the webhook was removed', finished_at = $1 \
         WHERE webhook_id = $2 AND webhook_id IS NOT NULL AND state = 'PENDING'";
    tx.execute(sql, &[now.into(), webhook.into()]).await
}
