//! The log of messages, leaf by leaf, and one message with all that is known of it.

use jiff::Timestamp;
use opsknight_domain::id::{DeliveryId, UserId};

use super::list::{COLUMNS, Listed, read};
use crate::{
    db::{DbError, Tx, Val},
    leaf::{Edge, Leaf},
    listing::Part,
};

/// Which messages of the log are wanted.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct LogFilter {
    /// To this person.
    pub user: Option<UserId>,
    /// By this channel: `SMS`, or `WEBHOOK`.
    pub channel: Option<String>,
    /// In this state.
    pub state: Option<String>,
    /// Decided on at or after.
    pub after: Option<Timestamp>,
    /// Decided on before.
    pub before: Option<Timestamp>,
    /// With this text in its address, its reason or the provider's words, in any case.
    pub q: Option<String>,
    /// Which leaf.
    pub edge: Edge,
    /// How many at most.
    pub limit: i64,
}

/// A leaf of the log.
///
/// # Errors
/// When the database cannot answer.
pub async fn log(tx: &mut Tx<'_>, filter: &LogFilter) -> Result<Leaf<Listed>, DbError> {
    let mut params: Vec<Val> = Vec::new();
    // What an edit changes is listed already.
    let mut condition = String::from("d.purpose <> 'EDIT'");
    let wanted: [(&str, Val); 5] = [
        ("d.user_id = ", filter.user.into()),
        ("d.channel = ", filter.channel.as_deref().into()),
        ("d.state = ", filter.state.as_deref().into()),
        ("d.created_at >= ", filter.after.into()),
        ("d.created_at < ", filter.before.into()),
    ];
    for (test, value) in wanted {
        if value != Val::Null {
            params.push(value);
            condition = format!("{condition} AND {test}${}", params.len());
        }
    }
    if filter.q.is_some() {
        let part = Part {
            q: filter.q.as_deref(),
            ..Part::ALL
        };
        params.push(part.pattern().into());
        let n = params.len();
        let like = |column: &str| format!("lower({column}) LIKE ${n} ESCAPE '\\'");
        let columns = ["d.address", "d.reason", "d.outcome", "i.title"].map(like).join(" OR ");
        condition = format!("{condition} AND ({columns})");
    }
    let end = filter.edge.clause("d.id", filter.limit, &mut params);
    let rows = tx
        .query(&format!("SELECT {COLUMNS} WHERE {condition}{end}"), &params)
        .await?;
    let rows = rows.into_iter().map(read).collect::<Result<_, _>>()?;
    Ok(filter.edge.leaf(rows, filter.limit))
}

/// The message with this identity.
///
/// # Errors
/// When the database cannot answer.
pub async fn get(tx: &mut Tx<'_>, id: DeliveryId) -> Result<Option<Listed>, DbError> {
    let sql = format!("SELECT {COLUMNS} WHERE d.id = $1 AND d.purpose <> 'EDIT'");
    tx.query_opt(&sql, &[id.into()]).await?.map(read).transpose()
}
