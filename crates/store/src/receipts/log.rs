//! The log of what came in, leaf by leaf.

use jiff::Timestamp;
use opsknight_domain::id::{IntegrationId, ServiceId};

use super::{SUMMARY, Summary, summary};
use crate::{
    db::{DbError, Tx, Val},
    leaf::{Edge, Leaf},
    listing::Part,
};

/// Which requests of the log are wanted.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct LogFilter {
    /// Through this integration.
    pub integration: Option<IntegrationId>,
    /// For this service.
    pub service: Option<ServiceId>,
    /// Only those of which this came, for one alert at least.
    pub action: Option<&'static str>,
    /// At or after.
    pub after: Option<Timestamp>,
    /// Before.
    pub before: Option<Timestamp>,
    /// With this text in what it was turned into, in any case.
    pub q: Option<String>,
    /// Which leaf.
    pub edge: Edge,
    /// How many at most.
    pub limit: i64,
}

/// A leaf of the log, without bodies.
///
/// # Errors
/// When the database cannot answer.
pub async fn log(tx: &mut Tx<'_>, filter: &LogFilter) -> Result<Leaf<Summary>, DbError> {
    let mut params: Vec<Val> = Vec::new();
    let mut condition = String::from("TRUE");
    let part = Part {
        q: filter.q.as_deref(),
        ..Part::ALL
    };
    // What a sender says stands in the results with its quotes escaped, so that an action is found nowhere else.
    let action = filter.action.map(|action| format!("%\"action\":\"{action}\"%"));
    let text = filter.q.is_some().then(|| part.pattern());
    let wanted: [(&str, Val); 6] = [
        ("r.integration_id = ", filter.integration.into()),
        ("r.service_id = ", filter.service.into()),
        ("r.results LIKE ", action.into()),
        ("r.at >= ", filter.after.into()),
        ("r.at < ", filter.before.into()),
        ("lower(r.results) LIKE ", text.into()),
    ];
    for (test, value) in wanted {
        if value != Val::Null {
            params.push(value);
            let escape = if test.starts_with("lower") { " ESCAPE '\\'" } else { "" };
            condition = format!("{condition} AND {test}${}{escape}", params.len());
        }
    }
    let end = filter.edge.clause("r.id", filter.limit, &mut params);
    let rows = tx.query(&format!("{SUMMARY} WHERE {condition}{end}"), &params).await?;
    let rows = rows.into_iter().map(summary).collect::<Result<_, _>>()?;
    Ok(filter.edge.leaf(rows, filter.limit))
}
