//! Lists of incidents for people and programs: what can be asked for, and the rows that are answered.
//!
//! How the indexes are used stands in `plan`; pages that go on from a row in `pages`.

use jiff::Timestamp;
use opsknight_domain::{
    id::{IncidentId, ServiceId, TeamId, UserId},
    incident::{Incident, Status},
    urgency::Urgency,
};

use super::{COLUMNS, pages, plan, read};
use crate::db::{DbError, Tx};

/// By what a list is ordered.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Sort {
    /// When it began.
    #[default]
    CreatedAt,
    /// When it last changed.
    UpdatedAt,
    /// Its number.
    Number,
    /// How soon people must look, then when it began.
    Urgency,
}

/// Which incidents are wanted. An empty list asks for all.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Filter {
    /// In one of these states.
    pub statuses: Vec<Status>,
    /// With one of these urgencies.
    pub urgencies: Vec<Urgency>,
    /// Of one of these services.
    pub services: Vec<ServiceId>,
    /// Assigned to one of these teams.
    pub teams: Vec<TeamId>,
    /// Assigned to one of these people.
    pub assignees: Vec<UserId>,
    /// Tagged with one of these words.
    pub tags: Vec<String>,
    /// Has all these words, or words that begin with them, in its title, its key or its number.
    pub q: Option<String>,
    /// Began at or after.
    pub created_after: Option<Timestamp>,
    /// Began before.
    pub created_before: Option<Timestamp>,
    /// The order.
    pub sort: Sort,
    /// The oldest or mildest first.
    pub ascending: bool,
    /// How many at most.
    pub limit: i64,
    /// How many to pass over.
    pub offset: i64,
}

/// An incident with the names of what it refers to.
#[derive(Debug, Clone, PartialEq)]
pub struct Listed {
    /// The incident.
    pub incident: Incident,
    /// Its service's name.
    pub service_name: String,
    /// Its assignee's name.
    pub assignee_name: Option<String>,
    /// Its team's name.
    pub team_name: Option<String>,
    /// Its policy's name.
    pub policy_name: Option<String>,
}

const FROM: &str = "FROM incident i JOIN service s ON s.id = i.service_id \
     LEFT JOIN app_user u ON u.id = i.assignee_id LEFT JOIN team t ON t.id = i.team_id \
     LEFT JOIN escalation_policy p ON p.id = i.policy_id";

fn listed(mut row: crate::db::Row) -> Result<Listed, DbError> {
    Ok(Listed {
        incident: read(&mut row)?,
        service_name: row.take()?,
        assignee_name: row.take()?,
        team_name: row.take()?,
        policy_name: row.take()?,
    })
}

/// The incident with this identity.
///
/// # Errors
/// When the database cannot answer.
pub async fn get(tx: &mut Tx<'_>, id: IncidentId) -> Result<Option<Listed>, DbError> {
    let sql = format!("SELECT {COLUMNS}, s.name, u.name, t.name, p.name {FROM} WHERE i.id = $1");
    tx.query_opt(&sql, &[id.into()]).await?.map(listed).transpose()
}

/// The incident with this number.
///
/// # Errors
/// When the database cannot answer.
pub async fn by_number(tx: &mut Tx<'_>, number: i64) -> Result<Option<Listed>, DbError> {
    let sql = format!("SELECT {COLUMNS}, s.name, u.name, t.name, p.name {FROM} WHERE i.number = $1");
    tx.query_opt(&sql, &[number.into()]).await?.map(listed).transpose()
}

/// The incidents with these identities, one answer each.
///
/// # Errors
/// When the database cannot answer.
pub async fn get_each(tx: &mut Tx<'_>, ids: &[IncidentId]) -> Result<Vec<Option<Listed>>, DbError> {
    let sql = format!("SELECT {COLUMNS}, s.name, u.name, t.name, p.name {FROM} WHERE i.id = $1");
    let keys = ids.iter().map(|id| vec![(*id).into()]).collect();
    tx.find_each(&sql, keys, listed).await
}

/// Incidents of the same service that began shortly before or after this one, the nearest on each side, the newest
/// first.
///
/// # Errors
/// When the database cannot answer.
pub async fn near(
    tx: &mut Tx<'_>,
    incident: &Incident,
    within: jiff::SignedDuration,
    limit: i64,
) -> Result<Vec<Listed>, DbError> {
    let mut found = Vec::new();
    // Identities are made in the order of time: each side is the beginning of one walk through the index.
    for (sign, way) in [(">", "ASC"), ("<", "DESC")] {
        let sql = format!(
            "SELECT {COLUMNS}, s.name, u.name, t.name, p.name {FROM} WHERE i.service_id = $1 AND i.id {sign} $2 \
             AND NOT i.is_test ORDER BY i.id {way} LIMIT $3"
        );
        let params = [incident.service.into(), incident.id.into(), limit.into()];
        let rows = tx.query(&sql, &params).await?;
        let mut side = rows.into_iter().map(listed).collect::<Result<Vec<_>, _>>()?;
        side.retain(|other| {
            let apart = other.incident.created_at.duration_since(incident.created_at);
            apart.abs() <= within
        });
        found.extend(side);
    }
    found.sort_by_key(|other| std::cmp::Reverse(other.incident.id));
    Ok(found)
}

/// The incidents with these numbers, in the order of the numbers given.
pub(super) async fn numbered(tx: &mut Tx<'_>, numbers: &[i64]) -> Result<Vec<Listed>, DbError> {
    let sql = format!("SELECT {COLUMNS}, s.name, u.name, t.name, p.name {FROM} WHERE i.number = $1");
    let keys = numbers.iter().map(|number| vec![(*number).into()]).collect();
    let found = tx.find_each(&sql, keys, listed).await?;
    Ok(found.into_iter().flatten().collect())
}

/// One part of the incidents by offset, and how many there are in all: for programs, which are told the exact number.
///
/// # Errors
/// When the database cannot answer.
pub async fn list(tx: &mut Tx<'_>, filter: &Filter) -> Result<(Vec<Listed>, i64), DbError> {
    let total = plan::count(tx, filter, None).await?;
    if total <= filter.offset {
        return Ok((Vec::new(), total));
    }
    let numbers = match pages::beginning(tx, filter, total).await? {
        Some(numbers) => numbers,
        None => plan::numbers(tx, filter, None, filter.limit, filter.offset).await?,
    };
    Ok((numbered(tx, &numbers).await?, total))
}
