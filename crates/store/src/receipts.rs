//! What came in, as it came: every authentic request with its body, its headers and what came of it.

use jiff::Timestamp;
use opsknight_domain::id::{IntegrationId, ReceiptId, ServiceId};
use serde_json::Value;

use crate::db::{DbError, Insert, Kind, Row, Tx, Val};

mod log;

pub use log::{LogFilter, log};

static RECEIPTS: Insert = Insert {
    table: "receipt",
    columns: &[
        ("id", Kind::Text),
        ("at", Kind::Int),
        ("integration_id", Kind::Text),
        ("service_id", Kind::Text),
        ("type", Kind::Text),
        ("method", Kind::Text),
        ("path", Kind::Text),
        ("query", Kind::Text),
        ("headers", Kind::Text),
        ("body", Kind::Blob),
        ("status", Kind::Int),
        ("results", Kind::Text),
        ("remote_id", Kind::Text),
        ("is_test", Kind::Bool),
        ("replay_of", Kind::Text),
    ],
    tail: "",
};

/// One request that was received.
#[derive(Debug, Clone, PartialEq)]
pub struct Receipt {
    /// Its identity.
    pub id: ReceiptId,
    /// When it came.
    pub at: Timestamp,
    /// Through which integration; none for an API key.
    pub integration: Option<IntegrationId>,
    /// For which service.
    pub service: Option<ServiceId>,
    /// The integration's type, `PROMETHEUS`.
    pub kind: String,
    /// The method of the request.
    pub method: String,
    /// The path that was called: `/api/integrations/prometheus`.
    pub path: String,
    /// The query string without what identifies the integration.
    pub query: String,
    /// The headers as an object, credentials left out.
    pub headers: Value,
    /// The body, un-gzipped.
    pub body: Vec<u8>,
    /// The HTTP status that was answered.
    pub status: u16,
    /// What came of each alert: a list of objects with `action`, `dedupKey`, `incidentId`, `reason`, and with `event`,
    /// `severity` and `summary` for what it was turned into.
    pub results: Value,
    /// The sender's own identity of this delivery, by which a repetition is known.
    pub remote_id: Option<String>,
    /// Somebody tried the integration out: everything in it is a test, whatever it says.
    pub is_test: bool,
    /// The request that somebody here ran again; none for what a sender sent.
    pub replay_of: Option<ReceiptId>,
}

/// A request in a list, without its body.
#[derive(Debug, Clone, PartialEq)]
pub struct Summary {
    /// Its identity.
    pub id: ReceiptId,
    /// When it came.
    pub at: Timestamp,
    /// Through which integration.
    pub integration: Option<IntegrationId>,
    /// The integration's name, if it is still there.
    pub integration_name: Option<String>,
    /// For which service.
    pub service: Option<ServiceId>,
    /// The service's name.
    pub service_name: Option<String>,
    /// The integration's type.
    pub kind: String,
    /// The HTTP status that was answered.
    pub status: u16,
    /// What came of each alert.
    pub results: Value,
    /// How long the body is, in bytes.
    pub body_bytes: i64,
    /// Everything in it is a test.
    pub is_test: bool,
    /// The request that this one repeats.
    pub replay_of: Option<ReceiptId>,
}

/// Which requests are wanted.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Filter {
    /// Through this integration.
    pub integration: Option<IntegrationId>,
    /// For this service.
    pub service: Option<ServiceId>,
    /// Only those of which this came, for one alert at least: `triggered`, `ignored`, `rejected` and so on.
    pub action: Option<&'static str>,
    /// At or after.
    pub after: Option<Timestamp>,
    /// Before.
    pub before: Option<Timestamp>,
    /// How many at most.
    pub limit: i64,
    /// How many to pass over.
    pub offset: i64,
}

/// Keeps requests.
///
/// # Errors
/// When the database does not take them; [`DbError::Unique`] on `receipt_remote` when the sender's delivery was
/// received before.
pub async fn insert(tx: &mut Tx<'_>, receipts: Vec<Receipt>) -> Result<(), DbError> {
    let rows = receipts.into_iter().map(|receipt| {
        vec![
            receipt.id.into(),
            receipt.at.into(),
            receipt.integration.into(),
            receipt.service.into(),
            receipt.kind.into(),
            receipt.method.into(),
            receipt.path.into(),
            receipt.query.into(),
            receipt.headers.to_string().into(),
            Val::Blob(receipt.body),
            i64::from(receipt.status).into(),
            receipt.results.to_string().into(),
            receipt.remote_id.into(),
            receipt.is_test.into(),
            receipt.replay_of.into(),
        ]
    });
    tx.insert_many(&RECEIPTS, rows.collect()).await?;
    Ok(())
}

/// Which of these deliveries of a sender were received before: one answer each, with what came of it.
///
/// # Errors
/// When the database cannot answer.
pub async fn seen(tx: &mut Tx<'_>, ids: &[(IntegrationId, String)]) -> Result<Vec<Option<Value>>, DbError> {
    let sql = "SELECT results FROM receipt WHERE integration_id = $1 AND remote_id = $2 AND remote_id IS NOT NULL";
    let asked = ids
        .iter()
        .map(|(integration, id)| vec![(*integration).into(), id.as_str().into()])
        .collect();
    tx.find_each(sql, asked, |mut row| row.take()).await
}

/// Forgets the senders' delivery ids of requests older than this.
///
/// # Errors
/// When the database does not take it.
pub async fn forget_remote_ids(tx: &mut Tx<'_>, before: Timestamp) -> Result<u64, DbError> {
    let sql = "UPDATE receipt SET remote_id = NULL WHERE remote_id IS NOT NULL AND at < $1";
    tx.execute(sql, &[before.into()]).await
}

/// The request with this identity.
///
/// # Errors
/// When the database cannot answer.
pub async fn get(tx: &mut Tx<'_>, id: ReceiptId) -> Result<Option<Receipt>, DbError> {
    let sql = "SELECT id, at, integration_id, service_id, type, method, path, query, headers, body, status, results, \
         remote_id, is_test, replay_of FROM receipt WHERE id = $1";
    let row = tx.query_opt(sql, &[id.into()]).await?;
    row.map(|mut row| {
        Ok(Receipt {
            id: row.take()?,
            at: row.take()?,
            integration: row.take()?,
            service: row.take()?,
            kind: row.take()?,
            method: row.take()?,
            path: row.take()?,
            query: row.take()?,
            headers: row.take()?,
            body: row.take()?,
            status: status(&mut row)?,
            results: row.take()?,
            remote_id: row.take()?,
            is_test: row.take()?,
            replay_of: row.take()?,
        })
    })
    .transpose()
}

fn status(row: &mut Row) -> Result<u16, DbError> {
    let code: i64 = row.take()?;
    u16::try_from(code).map_err(|_| DbError::Corrupt {
        what: format!("receipt.status holds {code}"),
    })
}

/// One page of requests, the last first, and how many there are in all.
///
/// # Errors
/// When the database cannot answer.
pub async fn list(tx: &mut Tx<'_>, filter: &Filter) -> Result<(Vec<Summary>, i64), DbError> {
    let (condition, mut params) = condition(filter);
    let total = tx
        .query_one(&format!("SELECT count(*) FROM receipt r WHERE {condition}"), &params)
        .await?
        .take()?;
    let (limit, offset) = (params.len() + 1, params.len() + 2);
    params.extend([filter.limit.into(), filter.offset.into()]);
    let sql = format!("{SUMMARY} WHERE {condition} ORDER BY r.id DESC LIMIT ${limit} OFFSET ${offset}");
    let rows = tx.query(&sql, &params).await?;
    Ok((rows.into_iter().map(summary).collect::<Result<_, DbError>>()?, total))
}

/// The last requests, without a count of all.
///
/// # Errors
/// When the database cannot answer.
pub async fn latest(tx: &mut Tx<'_>, limit: i64) -> Result<Vec<Summary>, DbError> {
    let sql = format!("{SUMMARY} ORDER BY r.id DESC LIMIT $1");
    let rows = tx.query(&sql, &[limit.into()]).await?;
    rows.into_iter().map(summary).collect()
}

const SUMMARY: &str = "SELECT r.id, r.at, r.integration_id, n.name, r.service_id, s.name, r.type, r.status, r.results, \
     CAST(length(r.body) AS BIGINT), r.is_test, r.replay_of FROM receipt r \
     LEFT JOIN integration n ON n.id = r.integration_id LEFT JOIN service s ON s.id = r.service_id";

fn summary(mut row: Row) -> Result<Summary, DbError> {
    Ok(Summary {
        id: row.take()?,
        at: row.take()?,
        integration: row.take()?,
        integration_name: row.take()?,
        service: row.take()?,
        service_name: row.take()?,
        kind: row.take()?,
        status: status(&mut row)?,
        results: row.take()?,
        body_bytes: row.take()?,
        is_test: row.take()?,
        replay_of: row.take()?,
    })
}

fn condition(filter: &Filter) -> (String, Vec<Val>) {
    // What a sender says stands in the results with its quotes escaped, so this is found nowhere else.
    let pattern = filter.action.map(|action| format!("%\"action\":\"{action}\"%"));
    let wanted: [(&str, Val); 5] = [
        ("r.integration_id =", filter.integration.into()),
        ("r.service_id =", filter.service.into()),
        ("r.results LIKE", pattern.into()),
        ("r.at >=", filter.after.into()),
        ("r.at <", filter.before.into()),
    ];
    let (mut text, mut params) = ("TRUE".to_owned(), Vec::new());
    for (test, value) in wanted {
        if value != Val::Null {
            params.push(value);
            text = format!("{text} AND {test} ${}", params.len());
        }
    }
    (text, params)
}

/// When each integration of a service last received something.
///
/// # Errors
/// When the database cannot answer.
pub async fn last_event_at(tx: &mut Tx<'_>, integration: IntegrationId) -> Result<Option<Timestamp>, DbError> {
    let sql = "SELECT at FROM receipt WHERE integration_id = $1 ORDER BY id DESC LIMIT 1";
    tx.query_opt(sql, &[integration.into()])
        .await?
        .map(|mut row| row.take())
        .transpose()
}
