//! Change events: what was deployed or configured, kept beside the incidents of its service. They never page.

use jiff::Timestamp;
use opsknight_domain::{
    event::Link,
    id::{ChangeId, IntegrationId, ServiceId},
};
use serde_json::Value;

use crate::{
    db::{DbError, Row, Tx},
    json,
};

/// Something that was changed.
#[derive(Debug, Clone, PartialEq)]
pub struct ChangeEvent {
    /// Its identity.
    pub id: ChangeId,
    /// The service it concerns.
    pub service: ServiceId,
    /// Through which integration it came.
    pub integration: Option<IntegrationId>,
    /// One line.
    pub summary: String,
    /// Where it was changed.
    pub source: Option<String>,
    /// The sender's own time.
    pub occurred_at: Option<Timestamp>,
    /// All else.
    pub custom_details: Value,
    /// Links that help.
    pub links: Vec<Link>,
    /// When it was received.
    pub created_at: Timestamp,
}

/// Keeps a change event.
///
/// # Errors
/// When the database does not take it.
pub async fn insert(tx: &mut Tx<'_>, change: &ChangeEvent) -> Result<(), DbError> {
    let sql = "INSERT INTO change_event (id, service_id, integration_id, summary, source, occurred_at, \
         custom_details, links, created_at) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)";
    let params = [
        change.id.into(),
        change.service.into(),
        change.integration.into(),
        change.summary.as_str().into(),
        change.source.as_deref().into(),
        change.occurred_at.into(),
        json::value(&change.custom_details),
        json::links(&change.links),
        change.created_at.into(),
    ];
    tx.execute(sql, &params).await?;
    Ok(())
}

/// The last change events of a service up to `until`, the last first.
///
/// # Errors
/// When the database cannot answer.
pub async fn of_service(
    tx: &mut Tx<'_>,
    service: ServiceId,
    until: Timestamp,
    limit: i64,
) -> Result<Vec<ChangeEvent>, DbError> {
    let sql = "SELECT id, service_id, integration_id, summary, source, occurred_at, custom_details, links, created_at \
         FROM change_event WHERE service_id = $1 AND created_at <= $2 ORDER BY id DESC LIMIT $3";
    let rows = tx.query(sql, &[service.into(), until.into(), limit.into()]).await?;
    let read = |mut row: Row| {
        Ok(ChangeEvent {
            id: row.take()?,
            service: row.take()?,
            integration: row.take()?,
            summary: row.take()?,
            source: row.take()?,
            occurred_at: row.take()?,
            custom_details: row.take::<Option<Value>>()?.unwrap_or(Value::Null),
            links: json::read_links(row.take()?)?,
            created_at: row.take()?,
        })
    };
    rows.into_iter().map(read).collect()
}
