//! Escalation policies: who is paged, in which order.

use jiff::Timestamp;
use opsknight_domain::{
    directory::Step,
    id::{IncidentId, PolicyId},
};

use crate::{
    db::{DbError, Row, Tx},
    directory,
    document::{read_steps, write_steps},
    listing::Part,
    refusal::{ChangeError, Use, found, unless_used},
    teams::services_with,
};

/// An escalation policy as it is stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PolicyRow {
    /// Its identity.
    pub id: PolicyId,
    /// Its name.
    pub name: String,
    /// What it is for.
    pub description: Option<String>,
    /// How many more times the steps are gone through after the first, 0 to 9.
    pub repeat: u32,
    /// The steps in their order.
    pub steps: Vec<Step>,
    /// When it was made.
    pub created_at: Timestamp,
    /// When it last changed.
    pub updated_at: Timestamp,
}

const COLUMNS: &str = "id, name, description, repeat_count, steps, created_at, updated_at";

fn read(mut row: Row) -> Result<PolicyRow, DbError> {
    Ok(PolicyRow {
        id: row.take()?,
        name: row.take()?,
        description: row.take()?,
        repeat: row.take()?,
        steps: read_steps(&row.take::<String>()?)?,
        created_at: row.take()?,
        updated_at: row.take()?,
    })
}

/// Adds a policy.
///
/// # Errors
/// When the database cannot take it.
pub async fn insert(tx: &mut Tx<'_>, policy: &PolicyRow) -> Result<(), ChangeError> {
    directory::bump(tx, policy.created_at).await?;
    let sql = "INSERT INTO escalation_policy (id, name, description, repeat_count, steps, created_at, updated_at) \
               VALUES ($1, $2, $3, $4, $5, $6, $7)";
    tx.execute(
        sql,
        &[
            policy.id.into(),
            policy.name.as_str().into(),
            policy.description.as_deref().into(),
            policy.repeat.into(),
            write_steps(&policy.steps).into(),
            policy.created_at.into(),
            policy.updated_at.into(),
        ],
    )
    .await?;
    Ok(())
}

/// Replaces a policy as a whole.
///
/// # Errors
/// There is no such policy, or the database cannot take it.
pub async fn update(tx: &mut Tx<'_>, policy: &PolicyRow) -> Result<(), ChangeError> {
    directory::bump(tx, policy.updated_at).await?;
    let sql = "UPDATE escalation_policy SET name = $2, description = $3, repeat_count = $4, steps = $5, \
               updated_at = $6 WHERE id = $1";
    let rows = tx
        .execute(
            sql,
            &[
                policy.id.into(),
                policy.name.as_str().into(),
                policy.description.as_deref().into(),
                policy.repeat.into(),
                write_steps(&policy.steps).into(),
                policy.updated_at.into(),
            ],
        )
        .await?;
    found("escalation policy", rows)
}

/// The policy with this identity.
///
/// # Errors
/// When the database cannot answer.
pub async fn get(tx: &mut Tx<'_>, id: PolicyId) -> Result<Option<PolicyRow>, DbError> {
    let sql = format!("SELECT {COLUMNS} FROM escalation_policy WHERE id = $1");
    tx.query_opt(&sql, &[id.into()]).await?.map(read).transpose()
}

/// One part of the policies by name, and how many there are in all.
///
/// # Errors
/// When the database cannot answer.
pub async fn list(tx: &mut Tx<'_>, part: Part<'_>) -> Result<(Vec<PolicyRow>, i64), DbError> {
    let pattern = part.pattern();
    let total = tx
        .query_one(
            "SELECT count(*) FROM escalation_policy WHERE lower(name) LIKE $1 ESCAPE '\\'",
            &[pattern.as_str().into()],
        )
        .await?
        .take()?;
    let sql = format!(
        "SELECT {COLUMNS} FROM escalation_policy WHERE lower(name) LIKE $1 ESCAPE '\\' \
         ORDER BY lower(name), id LIMIT $2 OFFSET $3"
    );
    let rows = tx
        .query(&sql, &[pattern.as_str().into(), part.limit.into(), part.offset.into()])
        .await?;
    Ok((rows.into_iter().map(read).collect::<Result<_, _>>()?, total))
}

/// Removes a policy.
///
/// # Errors
/// There is no such policy, a service uses it, or the database cannot take it.
pub async fn delete(tx: &mut Tx<'_>, id: PolicyId, now: Timestamp) -> Result<(), ChangeError> {
    directory::bump(tx, now).await?;
    unless_used("escalation policy", services_with(tx, "policy_id", id).await?)?;
    let rows = tx
        .execute("DELETE FROM escalation_policy WHERE id = $1", &[id.into()])
        .await?;
    found("escalation policy", rows)
}

/// The services that are paged by this policy.
///
/// # Errors
/// When the database cannot answer.
pub async fn used_by(tx: &mut Tx<'_>, id: PolicyId) -> Result<Vec<Use>, DbError> {
    services_with(tx, "policy_id", id).await
}

/// The last incident that escalated by a policy.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LastUse {
    /// Which incident.
    pub incident: IncidentId,
    /// Its number.
    pub number: i64,
    /// Its title.
    pub title: String,
    /// When it began.
    pub created_at: Timestamp,
}

/// The last incident that escalated by this policy, if one has.
///
/// # Errors
/// When the database cannot answer.
pub async fn last_used(tx: &mut Tx<'_>, id: PolicyId) -> Result<Option<LastUse>, DbError> {
    let sql = "SELECT id, number, title, created_at FROM incident WHERE policy_id = $1 ORDER BY id DESC LIMIT 1";
    let Some(mut row) = tx.query_opt(sql, &[id.into()]).await? else {
        return Ok(None);
    };
    Ok(Some(LastUse {
        incident: row.take()?,
        number: row.take()?,
        title: row.take()?,
        created_at: row.take()?,
    }))
}

/// The policies with a step that names this person, team or schedule.
pub(crate) async fn naming(tx: &mut Tx<'_>, id: &str) -> Result<Vec<Use>, DbError> {
    documents_naming(tx, "escalation policy", "escalation_policy", "steps", id).await
}

/// The rows of `table` whose JSON in `column` names this identity. The text of an identity stands in a document only
/// where the document refers to it, so that looking for the text is enough.
pub(crate) async fn documents_naming(
    tx: &mut Tx<'_>,
    kind: &'static str,
    table: &'static str,
    column: &'static str,
    id: &str,
) -> Result<Vec<Use>, DbError> {
    let sql = format!("SELECT id, name FROM {table} WHERE {column} LIKE $1 ORDER BY lower(name), id");
    let rows = tx.query(&sql, &[format!("%\"{id}\"%").into()]).await?;
    rows.into_iter()
        .map(|mut row| {
            Ok(Use {
                kind,
                id: row.take()?,
                name: row.take()?,
            })
        })
        .collect()
}
