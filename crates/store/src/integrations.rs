//! Integrations: the doors through which monitoring tools send. Their keys and signature secrets are sealed.

use std::collections::HashMap;

use jiff::Timestamp;
use opsknight_domain::id::{IntegrationId, ServiceId};
use serde_json::Value;

use crate::{
    db::{DbError, Row, Tx, Val},
    directory,
    document::{read_texts, write_texts},
    listing::Part,
    refusal::{ChangeError, found},
    seal::{Place, Sealer},
    secret::{Secret, hex, open, seal},
};

/// How many random bytes an integration key has; it is shown as twice as many hexadecimal digits.
pub const KEY_BYTES: usize = 16;

/// An integration as it is stored, with its credentials opened.
#[derive(Debug, Clone, PartialEq)]
pub struct IntegrationRow {
    /// Its identity: a random UUID, version 4, and a secret.
    pub id: IntegrationId,
    /// Which service's alerts arrive here.
    pub service: ServiceId,
    /// Its name.
    pub name: String,
    /// Which product sends: a type of the contract, such as `PROMETHEUS`.
    pub type_name: String,
    /// The integration key, also called routing key: 32 lower-case hexadecimal digits.
    pub key: Secret,
    /// With what requests must be signed; none: they need not be.
    pub secret: Option<Secret>,
    /// Takes requests.
    pub enabled: bool,
    /// The key must come along as well.
    pub require_key: bool,
    /// Requests in a minute that are taken.
    pub rate_limit_per_minute: u32,
    /// Where the parts of an event stand, for the types that let people say so.
    pub field_mapping: Option<Value>,
    /// Which bearer tokens of a cloud are believed; none: none are asked for.
    pub token_rule: Option<Value>,
    /// The topics of Amazon SNS that may send here; none: the first that is confirmed will be.
    pub topics: Vec<String>,
    /// When it was made.
    pub created_at: Timestamp,
    /// When it last changed.
    pub updated_at: Timestamp,
}

/// A new integration key from these random bytes.
#[must_use]
pub fn new_key(random: [u8; KEY_BYTES]) -> Secret {
    Secret::new(hex(&random))
}

const COLUMNS: &str = "id, service_id, name, type, key_sealed, secret_sealed, enabled, require_key, \
    rate_limit_per_minute, field_mapping, token_rule, topics, created_at, updated_at";

fn read(mut row: Row, sealer: &Sealer) -> Result<IntegrationRow, DbError> {
    let id: IntegrationId = row.take()?;
    let text = id.to_string();
    let service = row.take()?;
    let name = row.take()?;
    let type_name = row.take()?;
    let key = open(sealer, place("key", &text), &row.take::<String>()?)?;
    let secret = row
        .take::<Option<String>>()?
        .map(|sealed| open(sealer, place("secret", &text), &sealed))
        .transpose()?;
    Ok(IntegrationRow {
        id,
        service,
        name,
        type_name,
        key,
        secret,
        enabled: row.take()?,
        require_key: row.take()?,
        rate_limit_per_minute: row.take()?,
        field_mapping: row.take()?,
        token_rule: row.take()?,
        topics: read_texts(&row.take::<String>()?, "topics")?,
        created_at: row.take()?,
        updated_at: row.take()?,
    })
}

const fn place<'a>(column: &'a str, row: &'a str) -> Place<'a> {
    Place {
        table: "integration",
        column,
        row,
    }
}

/// `id, service_id, name, type, key_hash, key_sealed, secret_sealed, enabled, require_key, rate_limit_per_minute,
/// field_mapping, token_rule, topics, created_at, updated_at`.
fn values(row: &IntegrationRow, sealer: &Sealer) -> Result<Vec<Val>, DbError> {
    let id = row.id.to_string();
    let secret = row
        .secret
        .as_ref()
        .map(|secret| seal(sealer, place("secret", &id), secret))
        .transpose()?;
    Ok(vec![
        id.as_str().into(),
        row.service.into(),
        row.name.as_str().into(),
        row.type_name.as_str().into(),
        row.key.hash().into(),
        seal(sealer, place("key", &id), &row.key)?.into(),
        secret.into(),
        row.enabled.into(),
        row.require_key.into(),
        row.rate_limit_per_minute.into(),
        row.field_mapping.as_ref().into(),
        row.token_rule.as_ref().into(),
        write_texts(&row.topics).into(),
        row.created_at.into(),
        row.updated_at.into(),
    ])
}

/// Adds an integration. Its service exists: the caller has read it in this unit.
///
/// # Errors
/// When the database cannot take it.
pub async fn insert(tx: &mut Tx<'_>, sealer: &Sealer, row: &IntegrationRow) -> Result<(), ChangeError> {
    directory::bump(tx, row.created_at).await?;
    let sql = "INSERT INTO integration (id, service_id, name, type, key_hash, key_sealed, secret_sealed, enabled, \
               require_key, rate_limit_per_minute, field_mapping, token_rule, topics, created_at, updated_at) \
               VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15)";
    tx.execute(sql, &values(row, sealer)?).await?;
    Ok(())
}

/// Replaces an integration as a whole, also its key; its service, its type and when it was made stay.
///
/// # Errors
/// There is no such integration, or the database cannot take it.
pub async fn update(tx: &mut Tx<'_>, sealer: &Sealer, row: &IntegrationRow) -> Result<(), ChangeError> {
    directory::bump(tx, row.updated_at).await?;
    let sql = "UPDATE integration SET name = $2, key_hash = $3, key_sealed = $4, secret_sealed = $5, enabled = $6, \
               require_key = $7, rate_limit_per_minute = $8, field_mapping = $9, token_rule = $10, topics = $11, \
               updated_at = $12 WHERE id = $1";
    let mut values = values(row, sealer)?;
    values.remove(13); // created_at
    values.drain(3..4); // type
    values.drain(1..2); // service_id
    found("integration", tx.execute(sql, &values).await?)
}

/// The service's integration with this identity.
///
/// # Errors
/// When the database cannot answer, or the credentials cannot be opened.
pub async fn get(
    tx: &mut Tx<'_>,
    sealer: &Sealer,
    service: ServiceId,
    id: IntegrationId,
) -> Result<Option<IntegrationRow>, DbError> {
    let sql = format!("SELECT {COLUMNS} FROM integration WHERE service_id = $1 AND id = $2");
    let row = tx.query_opt(&sql, &[service.into(), id.into()]).await?;
    row.map(|row| read(row, sealer)).transpose()
}

/// Lets a topic of Amazon SNS send to an integration that has none yet, and says which topics may send and whether
/// this one was added: another may have been confirmed at the same time.
///
/// # Errors
/// There is no such integration, or the database cannot take it.
pub async fn pin_topic(
    tx: &mut Tx<'_>,
    id: IntegrationId,
    topic: &str,
    now: Timestamp,
) -> Result<(Vec<String>, bool), ChangeError> {
    directory::bump(tx, now).await?;
    let row = tx
        .query_opt("SELECT topics FROM integration WHERE id = $1", &[id.into()])
        .await?;
    let mut row = row.ok_or(ChangeError::Missing("integration"))?;
    let mut topics = read_texts(&row.take::<String>()?, "topics")?;
    let is_first = topics.is_empty();
    if is_first {
        topics.push(topic.to_owned());
        let sql = "UPDATE integration SET topics = $2, updated_at = $3 WHERE id = $1";
        tx.execute(sql, &[id.into(), write_texts(&topics).into(), now.into()])
            .await?;
    }
    Ok((topics, is_first))
}

/// One part of a service's integrations by name, and how many there are in all.
///
/// # Errors
/// When the database cannot answer, or the credentials cannot be opened.
pub async fn list(
    tx: &mut Tx<'_>,
    sealer: &Sealer,
    service: ServiceId,
    part: Part<'_>,
) -> Result<(Vec<IntegrationRow>, i64), DbError> {
    let pattern = part.pattern();
    let total = tx
        .query_one(
            "SELECT count(*) FROM integration WHERE service_id = $1 AND lower(name) LIKE $2 ESCAPE '\\'",
            &[service.into(), pattern.as_str().into()],
        )
        .await?
        .take()?;
    let sql = format!(
        "SELECT {COLUMNS} FROM integration WHERE service_id = $1 AND lower(name) LIKE $2 ESCAPE '\\' \
         ORDER BY lower(name), id LIMIT $3 OFFSET $4"
    );
    let params = [
        service.into(),
        pattern.as_str().into(),
        part.limit.into(),
        part.offset.into(),
    ];
    let rows = tx.query(&sql, &params).await?.into_iter().map(|row| read(row, sealer));
    Ok((rows.collect::<Result<_, _>>()?, total))
}

/// Every integration whose credentials can be opened, and how many cannot.
pub(crate) async fn all(tx: &mut Tx<'_>, sealer: &Sealer) -> Result<(Vec<IntegrationRow>, usize), DbError> {
    let sql = format!("SELECT {COLUMNS} FROM integration");
    let mut readable = Vec::new();
    let mut unreadable = 0;
    for row in tx.query(&sql, &[]).await? {
        match read(row, sealer) {
            Ok(row) => readable.push(row),
            Err(error) => {
                tracing::error!(%error, "an integration cannot be used: its requests are refused");
                unreadable += 1;
            }
        }
    }
    Ok((readable, unreadable))
}

/// When each of a service's integrations last received something; those that never did are left out.
///
/// # Errors
/// When the database cannot answer.
pub async fn last_events(tx: &mut Tx<'_>, service: ServiceId) -> Result<HashMap<IntegrationId, Timestamp>, DbError> {
    // Identities of receipts are made in the order of time, so that one look into the index is enough for each.
    let sql = "SELECT id, (SELECT r.at FROM receipt r WHERE r.integration_id = integration.id \
               ORDER BY r.id DESC LIMIT 1) FROM integration WHERE service_id = $1";
    let mut last = HashMap::new();
    for mut row in tx.query(sql, &[service.into()]).await? {
        let id = row.take()?;
        if let Some(at) = row.take::<Option<Timestamp>>()? {
            last.insert(id, at);
        }
    }
    Ok(last)
}

/// Removes an integration: what is sent to it is refused from now on. What it received stays.
///
/// # Errors
/// The service has no such integration, or the database cannot take it.
pub async fn delete(tx: &mut Tx<'_>, service: ServiceId, id: IntegrationId, now: Timestamp) -> Result<(), ChangeError> {
    directory::bump(tx, now).await?;
    let sql = "DELETE FROM integration WHERE service_id = $1 AND id = $2";
    found("integration", tx.execute(sql, &[service.into(), id.into()]).await?)
}
