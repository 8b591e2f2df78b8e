//! The audit log: who changed what, from where. Lines are added in the transaction of the change and never altered.

use jiff::Timestamp;
use opsknight_domain::{
    id::{AuditId, ServiceId},
    incident::Actor,
};
use serde_json::Value;

use crate::{
    db::{DbError, Row, Tx, Val},
    leaf::{Edge, Leaf},
    listing::Part,
};

/// What is to be kept of a change.
#[derive(Debug, Clone, PartialEq)]
pub struct AuditLine<'a> {
    /// Its identity.
    pub id: AuditId,
    /// When.
    pub at: Timestamp,
    /// Who.
    pub actor: &'a Actor,
    /// The identity of who, where it is not a person: that of an API key.
    pub actor_id: Option<String>,
    /// From which address.
    pub ip: Option<String>,
    /// What was done: `service.updated`.
    pub action: &'a str,
    /// To what kind of thing: `service`.
    pub object_kind: &'a str,
    /// To which.
    pub object_id: String,
    /// Its name at that time.
    pub object_name: &'a str,
    /// The fields that changed, with what they were and what they became; never a credential.
    pub changes: Value,
}

/// A line as it was kept.
#[derive(Debug, Clone, PartialEq)]
pub struct AuditRow {
    /// Its identity.
    pub id: AuditId,
    /// When.
    pub at: Timestamp,
    /// `SYSTEM`, `INTEGRATION`, `USER` or `API_KEY`.
    pub actor_kind: String,
    /// The identity of who, where they have one.
    pub actor_id: Option<String>,
    /// The name of who.
    pub actor_name: String,
    /// From which address.
    pub ip: Option<String>,
    /// What was done.
    pub action: String,
    /// To what kind of thing.
    pub object_kind: String,
    /// To which.
    pub object_id: String,
    /// Its name at that time.
    pub object_name: String,
    /// The fields that changed.
    pub changes: Value,
}

/// Which lines are wanted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AuditFilter<'a> {
    /// Which part of the list; `q` is looked for in the names of who and what.
    pub part: Part<'a>,
    /// Only what this person or API key did.
    pub actor_id: Option<&'a str>,
    /// Only this action.
    pub action: Option<&'a str>,
    /// Only what was done to this kind of thing.
    pub object_kind: Option<&'a str>,
    /// Only what was done to this thing.
    pub object_id: Option<&'a str>,
    /// At or after.
    pub after: Option<Timestamp>,
    /// Before.
    pub before: Option<Timestamp>,
}

impl<'a> AuditFilter<'a> {
    /// This part of all lines.
    #[must_use]
    pub const fn all(part: Part<'a>) -> Self {
        Self {
            part,
            actor_id: None,
            action: None,
            object_kind: None,
            object_id: None,
            after: None,
            before: None,
        }
    }
}

const COLUMNS: &str =
    "id, at, actor_kind, actor_id, actor_name, ip, action, object_kind, object_id, object_name, changes";

/// Adds a line.
///
/// # Errors
/// When the database cannot take it.
pub async fn record(tx: &mut Tx<'_>, line: &AuditLine<'_>) -> Result<(), DbError> {
    let sql = format!("INSERT INTO audit ({COLUMNS}) VALUES ({})", Tx::in_list(1, 11));
    let actor_id = line
        .actor
        .user()
        .map(|id| id.to_string())
        .or_else(|| line.actor_id.clone());
    tx.execute(
        &sql,
        &[
            line.id.into(),
            line.at.into(),
            line.actor.kind().into(),
            actor_id.into(),
            line.actor.name().into(),
            line.ip.as_deref().into(),
            line.action.into(),
            line.object_kind.into(),
            line.object_id.as_str().into(),
            line.object_name.into(),
            (&line.changes).into(),
        ],
    )
    .await?;
    Ok(())
}

/// One part of the lines, the newest in front, and how many there are in all.
///
/// # Errors
/// When the database cannot answer.
pub async fn list(tx: &mut Tx<'_>, filter: &AuditFilter<'_>) -> Result<(Vec<AuditRow>, i64), DbError> {
    let (condition, mut params) = condition(filter);
    let sql = format!("SELECT count(*) FROM audit WHERE {condition}");
    let total = tx.query_one(&sql, &params).await?.take()?;
    let (limit, offset) = (params.len() + 1, params.len() + 2);
    params.extend([filter.part.limit.into(), filter.part.offset.into()]);
    let sql = format!("SELECT {COLUMNS} FROM audit WHERE {condition} ORDER BY id DESC LIMIT ${limit} OFFSET ${offset}");
    let rows = tx.query(&sql, &params).await?;
    Ok((rows.into_iter().map(read).collect::<Result<_, _>>()?, total))
}

/// A leaf of the log. The offset of the filter's part is not looked at.
///
/// # Errors
/// When the database cannot answer.
pub async fn log(tx: &mut Tx<'_>, filter: &AuditFilter<'_>, edge: &Edge) -> Result<Leaf<AuditRow>, DbError> {
    let (condition, mut params) = condition(filter);
    let end = edge.clause("id", filter.part.limit, &mut params);
    let rows = tx
        .query(&format!("SELECT {COLUMNS} FROM audit WHERE {condition}{end}"), &params)
        .await?;
    let rows = rows.into_iter().map(read).collect::<Result<_, _>>()?;
    Ok(edge.leaf(rows, filter.part.limit))
}

fn condition(filter: &AuditFilter<'_>) -> (String, Vec<Val>) {
    let mut conditions = vec!["TRUE".to_owned()];
    let mut params: Vec<Val> = Vec::new();
    let equal = [
        ("actor_id", filter.actor_id),
        ("action", filter.action),
        ("object_kind", filter.object_kind),
        ("object_id", filter.object_id),
    ];
    for (column, wanted) in equal {
        if let Some(wanted) = wanted {
            params.push(wanted.into());
            conditions.push(format!("{column} = ${}", params.len()));
        }
    }
    for (sign, bound) in [(">=", filter.after), ("<", filter.before)] {
        if let Some(at) = bound {
            params.push(at.into());
            conditions.push(format!("at {sign} ${}", params.len()));
        }
    }
    if filter.part.q.is_some() {
        params.push(filter.part.pattern().into());
        let n = params.len();
        conditions.push(format!(
            "(lower(actor_name) LIKE ${n} ESCAPE '\\' OR lower(object_name) LIKE ${n} ESCAPE '\\')"
        ));
    }
    (conditions.join(" AND "), params)
}

/// The last lines about a service and its integrations, also those that were removed, up to `until`, the newest in front.
pub(crate) async fn of_service(
    tx: &mut Tx<'_>,
    service: ServiceId,
    until: Timestamp,
    limit: i64,
) -> Result<Vec<AuditRow>, DbError> {
    let sql = format!(
        "SELECT {COLUMNS} FROM audit WHERE at <= $2 AND (object_id = $1 \
         OR object_id IN (SELECT id FROM integration WHERE service_id = $1) \
         OR object_id IN (SELECT object_id FROM audit WHERE action = 'integration.deleted' AND changes LIKE $3)) ORDER BY at DESC, id DESC LIMIT $4"
    );
    let named = format!("%\"{service}\"%");
    let params = [service.into(), until.into(), named.into(), limit.into()];
    tx.query(&sql, &params).await?.into_iter().map(read).collect()
}

/// The newest lines about one thing, the newest in front. An index leads to them.
///
/// # Errors
/// When the database cannot answer.
pub async fn last_of(tx: &mut Tx<'_>, object_id: &str, limit: i64) -> Result<Vec<AuditRow>, DbError> {
    let sql = format!("SELECT {COLUMNS} FROM audit WHERE object_id = $1 ORDER BY id DESC LIMIT $2");
    let rows = tx.query(&sql, &[object_id.into(), limit.into()]).await?;
    rows.into_iter().map(read).collect()
}

/// What the program itself did to its own records, in lines of this log: the kind of thing, which is its identity too.
pub mod of_program {
    /// What the auditor found and mended.
    pub const AUDITOR: &str = "auditor";
    /// The embedded database, which was copied.
    pub const DATABASE: &str = "database";
}

fn read(mut row: Row) -> Result<AuditRow, DbError> {
    Ok(AuditRow {
        id: row.take()?,
        at: row.take()?,
        actor_kind: row.take()?,
        actor_id: row.take()?,
        actor_name: row.take()?,
        ip: row.take()?,
        action: row.take()?,
        object_kind: row.take()?,
        object_id: row.take()?,
        object_name: row.take()?,
        changes: row.take()?,
    })
}
