//! Lists of incidents for people and programs: filters, order, pages, counts.

use std::fmt::Write as _;

use jiff::Timestamp;
use opsknight_domain::{
    id::{IncidentId, ServiceId, TeamId, UserId},
    incident::{Incident, Status},
    urgency::Urgency,
};

use super::{COLUMNS, read};
use crate::db::{DbError, Tx, Val};

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
    /// Has all these words in its title, its key or its number.
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

/// One page of incidents, and how many there are in all.
///
/// # Errors
/// When the database cannot answer.
pub async fn list(tx: &mut Tx<'_>, filter: &Filter) -> Result<(Vec<Listed>, i64), DbError> {
    let (condition, mut params) = condition(filter);
    let total: i64 = tx
        .query_one(&format!("SELECT count(*) FROM incident i WHERE {condition}"), &params)
        .await?
        .take()?;
    let (limit, offset) = (params.len() + 1, params.len() + 2);
    params.push(filter.limit.into());
    params.push(filter.offset.into());
    // The page is found by its identities first: joins and long texts are only read for the rows that are shown.
    let order = order(filter);
    let sql = format!(
        "SELECT {COLUMNS}, s.name, u.name, t.name, p.name {FROM} WHERE i.id IN \
         (SELECT i.id FROM incident i WHERE {condition} ORDER BY {order} LIMIT ${limit} OFFSET ${offset}) ORDER BY {order}"
    );
    let rows = tx.query(&sql, &params).await?;
    Ok((rows.into_iter().map(listed).collect::<Result<_, _>>()?, total))
}

fn order(filter: &Filter) -> String {
    let way = if filter.ascending { "ASC" } else { "DESC" };
    // Identities are made in the order of time, so that they serve as the order of creation.
    match filter.sort {
        Sort::CreatedAt => format!("i.id {way}"),
        Sort::UpdatedAt => format!("i.updated_at {way}, i.id {way}"),
        Sort::Number => format!("i.number {way}"),
        Sort::Urgency => {
            format!("CASE i.urgency WHEN 'HIGH' THEN 3 WHEN 'MEDIUM' THEN 2 ELSE 1 END {way}, i.id {way}")
        }
    }
}

fn condition(filter: &Filter) -> (String, Vec<Val>) {
    let mut text = String::from("TRUE");
    let mut params: Vec<Val> = Vec::new();
    let mut among = |column: &str, values: Vec<Val>, params: &mut Vec<Val>| {
        if !values.is_empty() {
            let places = Tx::in_list(params.len() + 1, values.len());
            write!(text, " AND i.{column} IN ({places})").expect("a String takes all text");
            params.extend(values);
        }
    };
    among(
        "status",
        filter.statuses.iter().map(|status| status.word().into()).collect(),
        &mut params,
    );
    // Said in so many words, so that the indexes of live incidents serve: they are few, those that were are many.
    let live = !filter.statuses.is_empty() && !filter.statuses.contains(&Status::Resolved);
    among(
        "urgency",
        filter.urgencies.iter().map(|urgency| urgency.word().into()).collect(),
        &mut params,
    );
    among(
        "service_id",
        filter.services.iter().map(|id| (*id).into()).collect(),
        &mut params,
    );
    among(
        "team_id",
        filter.teams.iter().map(|id| (*id).into()).collect(),
        &mut params,
    );
    among(
        "assignee_id",
        filter.assignees.iter().map(|id| (*id).into()).collect(),
        &mut params,
    );
    if !filter.tags.is_empty() {
        let places = Tx::in_list(params.len() + 1, filter.tags.len());
        write!(
            text,
            " AND i.id IN (SELECT incident_id FROM incident_tag WHERE tag IN ({places}))"
        )
        .expect("a String takes all text");
        params.extend(filter.tags.iter().map(|tag| Val::from(tag.as_str())));
    }
    if live {
        text.push_str(" AND i.status <> 'RESOLVED'");
    }
    for (sign, bound) in [(">=", filter.created_after), ("<", filter.created_before)] {
        if let Some(at) = bound {
            params.push(at.into());
            write!(text, " AND i.created_at {sign} ${}", params.len()).expect("a String takes all text");
        }
    }
    for word in filter.q.iter().flat_map(|q| q.split_whitespace()).take(8) {
        let number = word.trim_start_matches('#').parse::<i64>().unwrap_or(-1);
        params.push(format!("%{}%", escape_like(&word.to_lowercase())).into());
        params.push(number.into());
        let (like, number) = (params.len() - 1, params.len());
        write!(
            text,
            " AND (lower(i.title) LIKE ${like} ESCAPE '\\' OR lower(i.dedup_key) LIKE ${like} ESCAPE '\\' OR i.number = ${number})"
        )
        .expect("a String takes all text");
    }
    (text, params)
}

/// The text with the signs of LIKE taken literally.
fn escape_like(text: &str) -> String {
    text.replace('\\', "\\\\").replace('%', "\\%").replace('_', "\\_")
}

/// How many incidents of a service, or of all, are live, by state and urgency.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Counts {
    /// Open.
    pub open: i64,
    /// Open with high urgency.
    pub open_high: i64,
    /// Acknowledged.
    pub acknowledged: i64,
    /// Snoozed.
    pub snoozed: i64,
}

/// Counts the live incidents of one service, or of each that has any when none is named.
///
/// # Errors
/// When the database cannot answer.
pub async fn counts(tx: &mut Tx<'_>, service: Option<ServiceId>) -> Result<Vec<(ServiceId, Counts)>, DbError> {
    let sql = "SELECT service_id, count(*) FILTER (WHERE status = 'OPEN'), \
         count(*) FILTER (WHERE status = 'OPEN' AND urgency = 'HIGH'), \
         count(*) FILTER (WHERE status = 'ACKNOWLEDGED'), count(*) FILTER (WHERE status = 'SNOOZED') \
         FROM incident WHERE status <> 'RESOLVED' AND NOT is_test AND (CAST($1 AS TEXT) IS NULL OR service_id = $1) \
         GROUP BY service_id";
    let rows = tx.query(sql, &[service.into()]).await?;
    rows.into_iter()
        .map(|mut row| {
            let id = row.take()?;
            let counts = Counts {
                open: row.take()?,
                open_high: row.take()?,
                acknowledged: row.take()?,
                snoozed: row.take()?,
            };
            Ok((id, counts))
        })
        .collect()
}
