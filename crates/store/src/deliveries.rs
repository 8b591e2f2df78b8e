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
use serde::{Deserialize, Serialize};

use crate::{
    db::{DbError, Insert, Kind, Row, Tx, Wake},
    incidents::word,
    seal::{Place, Sealer},
    secret::{Secret, open, seal},
};

mod list;

pub use list::{Attempt, Filter, Health, Listed, attempts, health, list, send_again};

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
    /// What the incident was when this was decided on, or the sealed text of an account message.
    pub snapshot: String,
    /// Why this receiver is told.
    pub reason: String,
    /// The escalation step, from 0: round and step.
    pub step: Option<(u32, u32)>,
    /// When it was to be sent.
    pub due_at: Timestamp,
    /// Which try this is; 1 is the first.
    pub tries: u32,
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

const LEASED: &str = "id, purpose, channel, incident_id, user_id, webhook_id, address, happening, snapshot, reason, \
     step_round, step_index, due_at, tries, created_at";

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
        snapshot: row.take()?,
        reason: row.take()?,
        step: row.take::<Option<u32>>()?.zip(row.take::<Option<u32>>()?),
        due_at: row.take()?,
        tries: row.take()?,
        created_at: row.take()?,
    })
}

/// Messages that wait in one line. Each webhook has its own, so that one that is slow holds up nobody else.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Lane {
    /// To people.
    People,
    /// To one outbound webhook.
    Webhook(WebhookId),
}

/// From each lane, takes up to so many messages that are due, those that wait longest first, for one try each.
///
/// # Errors
/// When the database does not take it.
pub async fn lease(
    tx: &mut Tx<'_>,
    lanes: &[(Lane, i64)],
    now: Timestamp,
    until: Timestamp,
) -> Result<Vec<Leased>, DbError> {
    let people = format!(
        "UPDATE delivery SET state = 'SENDING', tries = tries + 1, lease_until = $1 WHERE id IN \
         (SELECT id FROM delivery WHERE state = 'PENDING' AND webhook_id IS NULL AND due_at <= $2 \
          ORDER BY due_at LIMIT $3 {{skip}}) RETURNING {LEASED}"
    );
    let webhook = format!(
        "UPDATE delivery SET state = 'SENDING', tries = tries + 1, lease_until = $1 WHERE id IN \
         (SELECT id FROM delivery WHERE state = 'PENDING' AND webhook_id = $4 AND webhook_id IS NOT NULL \
          AND due_at <= $2 ORDER BY due_at LIMIT $3 {{skip}}) RETURNING {LEASED}"
    );
    let mut rows = Vec::new();
    let mut asked = Vec::new();
    for (lane, limit) in lanes {
        match lane {
            Lane::People => rows.extend(tx.query(&people, &[until.into(), now.into(), (*limit).into()]).await?),
            Lane::Webhook(id) => asked.push(vec![until.into(), now.into(), (*limit).into(), (*id).into()]),
        }
    }
    rows.extend(tx.query_each(&webhook, asked).await?.into_iter().flatten());
    let mut leased = rows.into_iter().map(leased).collect::<Result<Vec<_>, _>>()?;
    leased.sort_by_key(|delivery| delivery.id);
    Ok(leased)
}

/// Whether any lease has ended without a result.
///
/// # Errors
/// When the database cannot answer.
pub async fn any_abandoned(tx: &mut Tx<'_>, now: Timestamp) -> Result<bool, DbError> {
    let sql = "SELECT id FROM delivery WHERE state = 'SENDING' AND lease_until < $1 LIMIT 1";
    Ok(tx.query_opt(sql, &[now.into()]).await?.is_some())
}

/// The messages whose lease ended without a result, held against other workers: the worker died or stood still.
///
/// # Errors
/// When the database cannot answer.
pub async fn lock_abandoned(tx: &mut Tx<'_>, now: Timestamp, limit: i64) -> Result<Vec<Leased>, DbError> {
    let sql = format!(
        "SELECT {LEASED} FROM delivery WHERE state = 'SENDING' AND lease_until < $1 ORDER BY lease_until LIMIT $2 {{skip}}"
    );
    let rows = tx.query(&sql, &[now.into(), limit.into()]).await?;
    rows.into_iter().map(leased).collect()
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
    let sql = "UPDATE delivery SET state = $1, outcome = $2, provider_id = $3, due_at = COALESCE($4, due_at), \
         finished_at = $5, lease_until = NULL WHERE id = $6 AND state = 'SENDING' AND tries = $7 RETURNING id";
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

/// Gives back messages that were leased and not begun, when the program shuts down: the try does not count.
///
/// # Errors
/// When the database does not take it.
pub async fn release(tx: &mut Tx<'_>, leased: &[(DeliveryId, u32)]) -> Result<(), DbError> {
    let sql = "UPDATE delivery SET state = 'PENDING', tries = tries - 1, lease_until = NULL \
         WHERE id = $1 AND state = 'SENDING' AND tries = $2 RETURNING id";
    tx.query_each(
        sql,
        leased
            .iter()
            .map(|(id, tries)| vec![(*id).into(), (*tries).into()])
            .collect(),
    )
    .await?;
    Ok(())
}

/// Whether any page of this escalation step was taken by a provider or may still be.
///
/// # Errors
/// When the database cannot answer.
pub async fn step_may_be_heard(tx: &mut Tx<'_>, incident: IncidentId, step: (u32, u32)) -> Result<bool, DbError> {
    let sql = "SELECT count(*) FROM delivery WHERE incident_id = $1 AND purpose = 'PAGE' AND step_round = $2 \
         AND step_index = $3 AND state IN ('PENDING', 'SENDING', 'SENT')";
    let n: i64 = tx
        .query_one(sql, &[incident.into(), step.0.into(), step.1.into()])
        .await?
        .take()?;
    Ok(n > 0)
}

/// When the next message is due, to people or to webhooks.
///
/// # Errors
/// When the database cannot answer.
pub async fn next_due(tx: &mut Tx<'_>, webhooks: &[WebhookId]) -> Result<Option<Timestamp>, DbError> {
    let people = "SELECT due_at FROM delivery WHERE state = 'PENDING' AND webhook_id IS NULL ORDER BY due_at LIMIT 1";
    let webhook = "SELECT due_at FROM delivery WHERE state = 'PENDING' AND webhook_id = $1 AND webhook_id IS NOT NULL \
         ORDER BY due_at LIMIT 1";
    let mut rows: Vec<Row> = tx.query_opt(people, &[]).await?.into_iter().collect();
    let asked = webhooks.iter().map(|id| vec![(*id).into()]).collect();
    rows.extend(tx.query_each(webhook, asked).await?.into_iter().flatten());
    let mut next = None;
    for mut row in rows {
        let due: Timestamp = row.take()?;
        next = Some(next.map_or(due, |next: Timestamp| next.min(due)));
    }
    Ok(next)
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

/// What a message to one person says that is about no incident.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AccountText {
    /// The subject line.
    pub subject: String,
    /// The text. It may hold a one-time link, so it is stored sealed.
    pub text: String,
}

/// A message to one person that is about no incident: an invitation, a password link.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AccountMessage {
    /// Its identity.
    pub id: DeliveryId,
    /// To whom.
    pub user: UserId,
    /// The mail address.
    pub address: String,
    /// What it says.
    pub text: AccountText,
    /// What it is, for the log: "invitation".
    pub reason: String,
}

const fn place(id: &str) -> Place<'_> {
    Place {
        table: "delivery",
        column: "snapshot",
        row: id,
    }
}

impl Leased {
    /// Opens the text of an account message.
    ///
    /// # Errors
    /// When it cannot be opened with this secret key.
    pub fn account_text(&self, sealer: &Sealer) -> Result<AccountText, DbError> {
        let opened = open(sealer, place(&self.id.to_string()), &self.snapshot)?;
        serde_json::from_str(opened.expose()).map_err(|_| DbError::Corrupt {
            what: format!("the text of delivery {}", self.id),
        })
    }
}

/// Puts an account message on its way.
///
/// # Errors
/// When the database does not take it.
pub async fn send_account_message(
    tx: &mut Tx<'_>,
    sealer: &Sealer,
    message: &AccountMessage,
    now: Timestamp,
) -> Result<(), DbError> {
    let text = serde_json::to_string(&message.text).expect("text can be written as JSON");
    let sealed = seal(sealer, place(&message.id.to_string()), &Secret::new(text))?;
    let sql = "INSERT INTO delivery (id, purpose, channel, user_id, address, snapshot, reason, state, due_at, tries, \
         created_at) VALUES ($1, 'ACCOUNT', 'EMAIL', $2, $3, $4, $5, 'PENDING', $6, 0, $6)";
    let params = [
        message.id.into(),
        message.user.into(),
        message.address.as_str().into(),
        sealed.into(),
        message.reason.as_str().into(),
        now.into(),
    ];
    tx.execute(sql, &params).await?;
    tx.wake(Wake::Deliveries);
    Ok(())
}
