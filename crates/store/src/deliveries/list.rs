//! Messages as people read about them: what was sent to whom, how it ended, and what still waits.

use std::collections::HashMap;

use jiff::Timestamp;
use opsknight_domain::id::{DeliveryId, IncidentId, UserId, WebhookId};

use crate::db::{DbError, Row, Tx, Val, Wake};

/// How many of the last failures are looked at for the last one of each channel.
const FAILURES_MAX: i64 = 500;

/// A message in a list.
#[derive(Debug, Clone, PartialEq)]
pub struct Listed {
    /// Its identity.
    pub id: DeliveryId,
    /// `PAGE`, `NOTICE`, `WEBHOOK` or `ACCOUNT`.
    pub purpose: String,
    /// `PUSH`, `SLACK`, `SMS`, `WHATSAPP`, `EMAIL` or `WEBHOOK`.
    pub channel: String,
    /// About which incident.
    pub incident: Option<IncidentId>,
    /// The incident's number.
    pub incident_number: Option<i64>,
    /// The incident's title.
    pub incident_title: Option<String>,
    /// To whom.
    pub user: Option<UserId>,
    /// The person's name.
    pub user_name: Option<String>,
    /// To which webhook.
    pub webhook: Option<WebhookId>,
    /// The webhook's name.
    pub webhook_name: Option<String>,
    /// At which address; none for a webhook, whose URL is a secret.
    pub address: Option<String>,
    /// What it tells of: `incident.triggered`.
    pub happening: Option<String>,
    /// Why this receiver is told.
    pub reason: String,
    /// `PENDING`, `SENDING`, `SENT`, `FAILED` or `SKIPPED`.
    pub state: String,
    /// When it is or was to be sent.
    pub due_at: Timestamp,
    /// How many times it was tried.
    pub tries: i64,
    /// How the last try ended, in the provider's words.
    pub outcome: Option<String>,
    /// The provider's own identity of it.
    pub provider_id: Option<String>,
    /// When it was decided on.
    pub created_at: Timestamp,
    /// When it ended.
    pub finished_at: Option<Timestamp>,
    /// The provider that was asked last.
    pub provider: Option<String>,
    /// When the provider said that it has arrived.
    pub delivered_at: Option<Timestamp>,
    /// The message in which it was told along with others.
    pub bundle: Option<DeliveryId>,
}

/// Which messages are wanted.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Filter {
    /// About this incident.
    pub incident: Option<IncidentId>,
    /// To this person.
    pub user: Option<UserId>,
    /// To this webhook.
    pub webhook: Option<WebhookId>,
    /// Only this one.
    pub id: Option<DeliveryId>,
    /// In this state.
    pub state: Option<String>,
    /// How many at most.
    pub limit: i64,
    /// How many to pass over.
    pub offset: i64,
}

/// The columns of a message in the order in which [`read`] takes them, and where they come from.
pub(super) const COLUMNS: &str = "d.id, d.purpose, d.channel, d.incident_id, i.number, i.title, d.user_id, u.name, d.webhook_id, \
     w.name, d.address, d.happening, d.reason, d.state, d.due_at, d.tries, d.outcome, d.provider_id, d.created_at, \
     d.finished_at, d.provider, d.delivered_at, d.bundle_id FROM delivery d LEFT JOIN incident i ON i.id = d.incident_id \
     LEFT JOIN app_user u ON u.id = d.user_id LEFT JOIN webhook w ON w.id = d.webhook_id";

/// The pages of an incident that were decided on within this time, in their order: those that a part of its story
/// tells of.
///
/// # Errors
/// When the database cannot answer.
pub async fn pages_between(
    tx: &mut Tx<'_>,
    incident: IncidentId,
    (from, until): (Timestamp, Timestamp),
    limit: i64,
) -> Result<Vec<Listed>, DbError> {
    let sql = format!(
        "SELECT {COLUMNS} WHERE d.incident_id = $1 AND d.purpose = 'PAGE' AND d.created_at >= $2 AND d.created_at <= $3 \
         ORDER BY d.id LIMIT $4"
    );
    let params = [incident.into(), from.into(), until.into(), limit.into()];
    tx.query(&sql, &params).await?.into_iter().map(read).collect()
}

/// The pages of an incident that wait for their time, the next first.
///
/// # Errors
/// When the database cannot answer.
pub async fn pages_ahead(
    tx: &mut Tx<'_>,
    incident: IncidentId,
    now: Timestamp,
    limit: i64,
) -> Result<Vec<Listed>, DbError> {
    let sql = format!(
        "SELECT {COLUMNS} WHERE d.incident_id = $1 AND d.purpose = 'PAGE' AND d.state = 'PENDING' AND d.due_at > $2 \
         ORDER BY d.due_at, d.id LIMIT $3"
    );
    let params = [incident.into(), now.into(), limit.into()];
    tx.query(&sql, &params).await?.into_iter().map(read).collect()
}

/// One page of messages, the last first, and how many there are in all.
///
/// # Errors
/// When the database cannot answer.
pub async fn list(tx: &mut Tx<'_>, filter: &Filter) -> Result<(Vec<Listed>, i64), DbError> {
    let (condition, mut params) = condition(filter);
    let count = format!("SELECT count(*) FROM delivery d WHERE {condition}");
    let total = tx.query_one(&count, &params).await?.take()?;
    let (limit, offset) = (params.len() + 1, params.len() + 2);
    params.extend([filter.limit.into(), filter.offset.into()]);
    let sql = format!("SELECT {COLUMNS} WHERE {condition} ORDER BY d.id DESC LIMIT ${limit} OFFSET ${offset}");
    let rows = tx.query(&sql, &params).await?;
    Ok((rows.into_iter().map(read).collect::<Result<_, _>>()?, total))
}

/// The last messages that were given up since a time, without a count of all.
///
/// # Errors
/// When the database cannot answer.
pub async fn failed_since(tx: &mut Tx<'_>, since: Timestamp, limit: i64) -> Result<Vec<Listed>, DbError> {
    // Said in so many words, so that the index of failures serves.
    let sql = format!(
        "SELECT {COLUMNS} WHERE d.state = 'FAILED' AND d.finished_at >= $1 AND d.purpose <> 'EDIT' \
         ORDER BY d.finished_at DESC LIMIT $2"
    );
    let rows = tx.query(&sql, &[since.into(), limit.into()]).await?;
    rows.into_iter().map(read).collect()
}

/// Whether any page was ever taken by a provider.
///
/// # Errors
/// When the database cannot answer.
pub async fn any_page_sent(tx: &mut Tx<'_>) -> Result<bool, DbError> {
    let sql = "SELECT 1 FROM delivery WHERE state = 'SENT' AND purpose = 'PAGE' LIMIT 1";
    Ok(tx.query_opt(sql, &[]).await?.is_some())
}

fn condition(filter: &Filter) -> (String, Vec<Val>) {
    let wanted: [(&str, Val); 5] = [
        ("id", filter.id.into()),
        ("incident_id", filter.incident.into()),
        ("user_id", filter.user.into()),
        ("webhook_id", filter.webhook.into()),
        ("state", filter.state.as_deref().into()),
    ];
    // What an edit changes is listed already.
    let mut text = String::from("d.purpose <> 'EDIT'");
    let mut params = Vec::new();
    for (column, value) in wanted {
        if value != Val::Null {
            params.push(value);
            text = format!("{text} AND d.{column} = ${}", params.len());
        }
    }
    if filter.state.as_deref().is_some_and(|state| state != "SENT") {
        // Said in so many words, so that the index of what was not sent serves.
        text.push_str(" AND d.state <> 'SENT'");
    }
    (text, params)
}

pub(super) fn read(mut row: Row) -> Result<Listed, DbError> {
    Ok(Listed {
        id: row.take()?,
        purpose: row.take()?,
        channel: row.take()?,
        incident: row.take()?,
        incident_number: row.take()?,
        incident_title: row.take()?,
        user: row.take()?,
        user_name: row.take()?,
        webhook: row.take()?,
        webhook_name: row.take()?,
        address: row.take()?,
        happening: row.take()?,
        reason: row.take()?,
        state: row.take()?,
        due_at: row.take()?,
        tries: row.take()?,
        outcome: row.take()?,
        provider_id: row.take()?,
        created_at: row.take()?,
        finished_at: row.take()?,
        provider: row.take()?,
        delivered_at: row.take()?,
        bundle: row.take()?,
    })
}

/// One line of the ledger.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Attempt {
    /// Which try; 1 is the first.
    pub n: i64,
    /// The provider that was asked.
    pub provider: String,
    /// When it began.
    pub started_at: Timestamp,
    /// When it ended.
    pub ended_at: Timestamp,
    /// `ACCEPTED`, `RETRY`, `REFUSED`, `MISCONFIGURED` or `UNKNOWN`.
    pub outcome: String,
    /// The provider's words.
    pub detail: String,
}

/// What was tried for each of these messages, in order.
///
/// # Errors
/// When the database cannot answer.
pub async fn attempts(tx: &mut Tx<'_>, messages: &[DeliveryId]) -> Result<Vec<Vec<Attempt>>, DbError> {
    let sql =
        "SELECT n, provider, started_at, ended_at, outcome, detail FROM attempt WHERE delivery_id = $1 ORDER BY n";
    let asked = messages.iter().map(|id| vec![(*id).into()]).collect();
    let read = |mut row: Row| {
        Ok(Attempt {
            n: row.take()?,
            provider: row.take()?,
            started_at: row.take()?,
            ended_at: row.take()?,
            outcome: row.take()?,
            detail: row.take()?,
        })
    };
    let each = tx.query_each(sql, asked).await?.into_iter();
    each.map(|rows| rows.into_iter().map(read).collect()).collect()
}

/// Puts a message that failed, or waited for so long that it was not sent, on its way once more. False when it is
/// neither.
///
/// # Errors
/// When the database does not take it.
pub async fn send_again(tx: &mut Tx<'_>, delivery: DeliveryId, now: Timestamp) -> Result<bool, DbError> {
    let sql = "UPDATE delivery SET state = 'PENDING', due_at = $1, finished_at = NULL, refusals = 0 \
         WHERE id = $2 AND state IN ('FAILED', 'SKIPPED')";
    let changed = tx.execute(sql, &[now.into(), delivery.into()]).await?;
    tx.wake(Wake::Deliveries);
    Ok(changed > 0)
}

/// How many messages to each webhook were given up since then.
///
/// # Errors
/// When the database cannot answer.
pub async fn given_up(tx: &mut Tx<'_>, since: Timestamp) -> Result<HashMap<WebhookId, i64>, DbError> {
    let sql = "SELECT webhook_id, count(*) FROM delivery \
         WHERE state = 'FAILED' AND finished_at >= $1 AND webhook_id IS NOT NULL GROUP BY webhook_id";
    let mut given_up = HashMap::new();
    for mut row in tx.query(sql, &[since.into()]).await? {
        given_up.insert(row.take()?, row.take()?);
    }
    Ok(given_up)
}

/// How a channel did lately.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct ChannelNews {
    /// When a provider last took a page.
    pub sent_at: Option<Timestamp>,
    /// When a message was last given up, and in whose words.
    pub failed: Option<(Timestamp, String)>,
}

/// How each channel did since then; one with nothing to tell is left out.
///
/// # Errors
/// When the database cannot answer.
pub async fn channel_news(tx: &mut Tx<'_>, since: Timestamp) -> Result<HashMap<String, ChannelNews>, DbError> {
    let mut news: HashMap<String, ChannelNews> = HashMap::new();
    let sent = "SELECT channel, max(finished_at) FROM delivery \
         WHERE state = 'SENT' AND purpose = 'PAGE' AND finished_at >= $1 GROUP BY channel";
    for mut row in tx.query(sent, &[since.into()]).await? {
        let channel: String = row.take()?;
        news.entry(channel).or_default().sent_at = row.take()?;
    }
    let failed = "SELECT channel, finished_at, outcome FROM delivery \
         WHERE state = 'FAILED' AND finished_at >= $1 AND webhook_id IS NULL ORDER BY finished_at DESC LIMIT $2";
    for mut row in tx.query(failed, &[since.into(), FAILURES_MAX.into()]).await? {
        let channel: String = row.take()?;
        let (at, words) = (row.take()?, row.take::<Option<String>>()?);
        news.entry(channel)
            .or_default()
            .failed
            .get_or_insert((at, words.unwrap_or_default()));
    }
    Ok(news)
}

/// How the sending of messages is doing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Health {
    /// Messages that are due and wait.
    pub waiting: i64,
    /// When the one that waits longest was due.
    pub oldest_due_at: Option<Timestamp>,
    /// Messages given up since the time asked for.
    pub failed: i64,
    /// When a provider last took a page.
    pub last_page_sent_at: Option<Timestamp>,
}

/// How the sending of messages is doing now; failures are counted from `since`.
///
/// # Errors
/// When the database cannot answer.
pub async fn health(tx: &mut Tx<'_>, now: Timestamp, since: Timestamp) -> Result<Health, DbError> {
    // Each part is one of the three indexes of what waits: asked as one, all deliveries ever made would be read.
    let waiting = "SELECT CAST(sum(n) AS BIGINT), min(due) FROM \
         (SELECT count(*) AS n, min(due_at) AS due FROM delivery \
          WHERE state = 'PENDING' AND purpose IN ('PAGE', 'ACCOUNT') AND due_at <= $1 \
          UNION ALL SELECT count(*), min(due_at) FROM delivery \
          WHERE state = 'PENDING' AND purpose IN ('NOTICE', 'EDIT') AND due_at <= $1 \
          UNION ALL SELECT count(*), min(due_at) FROM delivery \
          WHERE state = 'PENDING' AND webhook_id IS NOT NULL AND due_at <= $1) AS part";
    let mut row = tx.query_one(waiting, &[now.into()]).await?;
    let (waiting, oldest_due_at) = (row.take()?, row.take()?);
    let failed = "SELECT count(*) FROM delivery WHERE state = 'FAILED' AND finished_at >= $1";
    let failed = tx.query_one(failed, &[since.into()]).await?.take()?;
    let last =
        "SELECT finished_at FROM delivery WHERE state = 'SENT' AND purpose = 'PAGE' ORDER BY finished_at DESC LIMIT 1";
    let last_page_sent_at = tx
        .query_opt(last, &[])
        .await?
        .map(|mut row| row.take())
        .transpose()?
        .flatten();
    Ok(Health {
        waiting,
        oldest_due_at,
        failed,
        last_page_sent_at,
    })
}
