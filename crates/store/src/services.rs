//! Services: what alerts are about. One that was removed stays as a name for its incidents.

use std::collections::BTreeSet;

use jiff::Timestamp;
use opsknight_domain::{
    directory::{Channel, Service},
    id::{PolicyId, ServiceId, TeamId},
    incident::Happening,
    urgency::UrgencyTable,
};

use crate::{
    db::{DbError, Row, Tx, Val},
    directory,
    document::{read_channels, read_happenings, read_urgencies, write_channels, write_happenings, write_urgencies},
    listing::Part,
    refusal::{ChangeError, Refusal, found},
};

/// A service as it is stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ServiceRow {
    /// Its identity.
    pub id: ServiceId,
    /// Its name.
    pub name: String,
    /// What it is.
    pub description: Option<String>,
    /// Whose it is.
    pub team: Option<TeamId>,
    /// Who is paged.
    pub policy: Option<PolicyId>,
    /// Where it runs.
    pub region: Option<String>,
    /// How much it matters, in the words of the organisation.
    pub sla_tier: Option<String>,
    /// The Slack channel that is told.
    pub slack_channel: Option<String>,
    /// Where the runbook lies.
    pub runbook_url: Option<String>,
    /// Where the source lies.
    pub repository_url: Option<String>,
    /// Where its graphs are.
    pub dashboard_url: Option<String>,
    /// Minutes within which somebody should acknowledge.
    pub target_ack_minutes: Option<u32>,
    /// Minutes within which it should be resolved.
    pub target_resolve_minutes: Option<u32>,
    /// The channels on which the service tells its team.
    pub notification_channels: BTreeSet<Channel>,
    /// Of which happenings it tells it.
    pub notify_on: BTreeSet<Happening>,
    /// Severity to urgency.
    pub urgencies: UrgencyTable,
    /// When it was made.
    pub created_at: Timestamp,
    /// When it last changed.
    pub updated_at: Timestamp,
}

impl ServiceRow {
    /// What decisions need to know of it.
    #[must_use]
    pub fn into_domain(self) -> Service {
        Service {
            id: self.id,
            name: self.name,
            team: self.team,
            policy: self.policy,
            urgencies: self.urgencies,
            target_ack_minutes: self.target_ack_minutes,
            target_resolve_minutes: self.target_resolve_minutes,
            notification_channels: self.notification_channels,
            notify_on: self.notify_on,
            slack_channel: self.slack_channel,
            runbook_url: self.runbook_url,
        }
    }
}

/// Which services are wanted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ServiceFilter<'a> {
    /// Which part of the list.
    pub part: Part<'a>,
    /// Only those of this team.
    pub team: Option<TeamId>,
    /// Only those that are paged by this policy.
    pub policy: Option<PolicyId>,
}

const COLUMNS: &str = "id, name, description, team_id, policy_id, region, sla_tier, slack_channel, runbook_url, \
    repository_url, dashboard_url, target_ack_minutes, target_resolve_minutes, notification_channels, notify_on, \
    urgency_by_severity, created_at, updated_at";

fn read(mut row: Row) -> Result<ServiceRow, DbError> {
    Ok(ServiceRow {
        id: row.take()?,
        name: row.take()?,
        description: row.take()?,
        team: row.take()?,
        policy: row.take()?,
        region: row.take()?,
        sla_tier: row.take()?,
        slack_channel: row.take()?,
        runbook_url: row.take()?,
        repository_url: row.take()?,
        dashboard_url: row.take()?,
        target_ack_minutes: row.take()?,
        target_resolve_minutes: row.take()?,
        notification_channels: read_channels(&row.take::<String>()?)?,
        notify_on: read_happenings(&row.take::<String>()?)?,
        urgencies: read_urgencies(&row.take::<String>()?)?,
        created_at: row.take()?,
        updated_at: row.take()?,
    })
}

/// The values in the order of [`COLUMNS`].
fn values(service: &ServiceRow) -> Vec<Val> {
    vec![
        service.id.into(),
        service.name.as_str().into(),
        service.description.as_deref().into(),
        service.team.into(),
        service.policy.into(),
        service.region.as_deref().into(),
        service.sla_tier.as_deref().into(),
        service.slack_channel.as_deref().into(),
        service.runbook_url.as_deref().into(),
        service.repository_url.as_deref().into(),
        service.dashboard_url.as_deref().into(),
        service.target_ack_minutes.into(),
        service.target_resolve_minutes.into(),
        write_channels(&service.notification_channels).into(),
        write_happenings(&service.notify_on).into(),
        write_urgencies(&service.urgencies).into(),
        service.created_at.into(),
        service.updated_at.into(),
    ]
}

/// Adds a service.
///
/// # Errors
/// When the database cannot take it.
pub async fn insert(tx: &mut Tx<'_>, service: &ServiceRow) -> Result<(), ChangeError> {
    directory::bump(tx, service.created_at).await?;
    let values = values(service);
    let sql = format!(
        "INSERT INTO service ({COLUMNS}) VALUES ({})",
        Tx::in_list(1, values.len())
    );
    tx.execute(&sql, &values).await?;
    Ok(())
}

/// Replaces a service as a whole; when it was made stays.
///
/// # Errors
/// There is no such service, or the database cannot take it.
pub async fn update(tx: &mut Tx<'_>, service: &ServiceRow) -> Result<(), ChangeError> {
    directory::bump(tx, service.updated_at).await?;
    let sql = "UPDATE service SET name = $2, description = $3, team_id = $4, policy_id = $5, region = $6, \
               sla_tier = $7, slack_channel = $8, runbook_url = $9, repository_url = $10, dashboard_url = $11, \
               target_ack_minutes = $12, target_resolve_minutes = $13, notification_channels = $14, notify_on = $15, \
               urgency_by_severity = $16, updated_at = $17 WHERE id = $1 AND deleted_at IS NULL";
    let mut values = values(service);
    let created_at = values.len() - 2;
    values.remove(created_at);
    found("service", tx.execute(sql, &values).await?)
}

/// The service with this identity.
///
/// # Errors
/// When the database cannot answer.
pub async fn get(tx: &mut Tx<'_>, id: ServiceId) -> Result<Option<ServiceRow>, DbError> {
    let sql = format!("SELECT {COLUMNS} FROM service WHERE id = $1 AND deleted_at IS NULL");
    tx.query_opt(&sql, &[id.into()]).await?.map(read).transpose()
}

/// One part of the services by name, and how many there are in all.
///
/// # Errors
/// When the database cannot answer.
pub async fn list(tx: &mut Tx<'_>, filter: ServiceFilter<'_>) -> Result<(Vec<ServiceRow>, i64), DbError> {
    let mut condition = "deleted_at IS NULL AND lower(name) LIKE $1 ESCAPE '\\'".to_owned();
    let mut params: Vec<Val> = vec![filter.part.pattern().into()];
    if let Some(team) = filter.team {
        params.push(team.into());
        condition = format!("{condition} AND team_id = ${}", params.len());
    }
    if let Some(policy) = filter.policy {
        params.push(policy.into());
        condition = format!("{condition} AND policy_id = ${}", params.len());
    }
    let sql = format!("SELECT count(*) FROM service WHERE {condition}");
    let total = tx.query_one(&sql, &params).await?.take()?;
    let (limit, offset) = (params.len() + 1, params.len() + 2);
    params.extend([filter.part.limit.into(), filter.part.offset.into()]);
    let sql = format!(
        "SELECT {COLUMNS} FROM service WHERE {condition} ORDER BY lower(name), id LIMIT ${limit} OFFSET ${offset}"
    );
    let rows = tx.query(&sql, &params).await?;
    Ok((rows.into_iter().map(read).collect::<Result<_, _>>()?, total))
}

/// What each of these services is said to be, in their order.
///
/// # Errors
/// When the database cannot answer.
pub async fn descriptions(tx: &mut Tx<'_>, ids: &[ServiceId]) -> Result<Vec<Option<String>>, DbError> {
    let sql = "SELECT description FROM service WHERE id = $1";
    let keys = ids.iter().map(|id| vec![(*id).into()]).collect();
    let found = tx.find_each(sql, keys, |mut row| row.take::<Option<String>>()).await?;
    Ok(found.into_iter().map(Option::flatten).collect())
}

/// Every service that was not removed.
pub(crate) async fn all(tx: &mut Tx<'_>) -> Result<Vec<ServiceRow>, DbError> {
    let sql = format!("SELECT {COLUMNS} FROM service WHERE deleted_at IS NULL");
    tx.query(&sql, &[]).await?.into_iter().map(read).collect()
}

/// Removes a service with its integrations and its maintenance. Its resolved incidents stay and keep its name.
///
/// # Errors
/// There is no such service, it has incidents that are not resolved, or the database cannot take it.
pub async fn delete(tx: &mut Tx<'_>, id: ServiceId, now: Timestamp) -> Result<(), ChangeError> {
    directory::bump(tx, now).await?;
    let sql = "SELECT count(*) FROM incident WHERE service_id = $1 AND status <> 'RESOLVED'";
    let incidents: i64 = tx.query_one(sql, &[id.into()]).await?.take()?;
    if incidents > 0 {
        return Err(Refusal::Unresolved { incidents }.into());
    }
    // Without its team and policy it does not keep those from being removed.
    let sql = "UPDATE service SET deleted_at = $2, updated_at = $2, team_id = NULL, policy_id = NULL \
               WHERE id = $1 AND deleted_at IS NULL";
    found("service", tx.execute(sql, &[id.into(), now.into()]).await?)?;
    for table in ["integration", "maintenance"] {
        let sql = format!("DELETE FROM {table} WHERE service_id = $1");
        tx.execute(&sql, &[id.into()]).await?;
    }
    Ok(())
}

/// How the targets of a service were kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Kept {
    /// How many incidents there were, tests left out.
    pub incidents: i64,
    /// How many of them were acknowledged too late, or not at all.
    pub acknowledged_late: i64,
    /// How many of them were resolved too late, or not at all.
    pub resolved_late: i64,
}

/// How the targets of a service were kept by the incidents that began since then.
///
/// # Errors
/// When the database cannot answer.
pub async fn kept(tx: &mut Tx<'_>, id: ServiceId, since: Timestamp) -> Result<Kept, DbError> {
    let sql = "SELECT count(*), count(*) FILTER (WHERE ack_breached), count(*) FILTER (WHERE resolve_breached) \
               FROM incident WHERE service_id = $1 AND created_at >= $2 AND NOT is_test";
    let mut row = tx.query_one(sql, &[id.into(), since.into()]).await?;
    Ok(Kept {
        incidents: row.take()?,
        acknowledged_late: row.take()?,
        resolved_late: row.take()?,
    })
}
