//! Figures over incidents and pages, added up by the database: what `domain::metrics` defines, in SQL.
//!
//! Every question looks at one period through an index and answers sums, never single incidents, so that a year of a
//! large organisation is a matter of moments. Never says what a figure means.

use std::{collections::HashMap, fmt::Write as _};

use jiff::Timestamp;
use opsknight_domain::{
    id::{IntegrationId, ServiceId, TeamId, UserId},
    metrics::{Figures, MICROS, NOTCHES, Period, SLICE_S},
    urgency::Urgency,
};

use crate::{
    db::{DbError, Row, Tx, Val},
    incidents::word,
};

/// Which incidents and pages are measured. An empty list asks for all.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Filter {
    /// Opened in, or sent in.
    pub period: Period,
    /// Of one of these services.
    pub services: Vec<ServiceId>,
    /// Of a service that one of these teams owns.
    pub teams: Vec<TeamId>,
    /// With one of these urgencies.
    pub urgencies: Vec<Urgency>,
}

impl Filter {
    /// Everything in a period.
    #[must_use]
    pub const fn all(period: Period) -> Self {
        Self {
            period,
            services: Vec::new(),
            teams: Vec::new(),
            urgencies: Vec::new(),
        }
    }

    /// What belongs to it besides the period, about an incident `i` of the service `s`.
    fn condition(&self, params: &mut Vec<Val>) -> String {
        let mut text = String::from("NOT i.is_test");
        let mut among = |column: &str, values: Vec<Val>| {
            if !values.is_empty() {
                let places = Tx::in_list(params.len() + 1, values.len());
                write!(text, " AND {column} IN ({places})").expect("a String takes all text");
                params.extend(values);
            }
        };
        among("i.service_id", self.services.iter().map(|id| (*id).into()).collect());
        among("s.team_id", self.teams.iter().map(|id| (*id).into()).collect());
        let urgencies = self.urgencies.iter().map(|urgency| urgency.word().into());
        among("i.urgency", urgencies.collect());
        text
    }

    /// The incidents of the period, as a FROM clause with its condition.
    fn incidents(&self) -> (String, Vec<Val>) {
        let mut params = vec![self.period.from.into(), self.period.to.into()];
        let condition = self.condition(&mut params);
        let text = format!(
            "FROM incident i JOIN service s ON s.id = i.service_id \
             WHERE i.created_at >= $1 AND i.created_at < $2 AND {condition}"
        );
        (text, params)
    }
}

/// Seconds from opening to this column's time.
fn since(column: &str) -> String {
    format!("((i.{column} - i.created_at) / {MICROS})")
}

/// A sum that is a BIGINT on both: PostgreSQL adds them up as NUMERIC.
fn sum(of: &str) -> String {
    format!("CAST(coalesce(sum({of}), 0) AS BIGINT)")
}

fn count(of: &str) -> String {
    format!("count(*) FILTER (WHERE {of})")
}

/// The columns of [`Figures`] in their order.
fn figures() -> String {
    let (acknowledged, resolved) = ("i.first_acknowledged_at IS NOT NULL", "i.resolved_at IS NOT NULL");
    [
        "count(*)".to_owned(),
        sum("i.alert_count"),
        count(acknowledged),
        sum(&since("first_acknowledged_at")),
        count(resolved),
        sum(&since("resolved_at")),
        count(&format!("{resolved} AND i.first_acknowledged_at IS NULL")),
        count(&format!(
            "s.target_ack_minutes IS NOT NULL AND {acknowledged} AND NOT i.ack_breached"
        )),
        count("i.ack_breached"),
        count(&format!(
            "s.target_resolve_minutes IS NOT NULL AND {resolved} AND NOT i.resolve_breached"
        )),
        count("i.resolve_breached"),
        count("i.escalation_round > 0 OR i.escalation_next_step > 1"),
    ]
    .join(", ")
}

fn read_figures(row: &mut Row) -> Result<Figures, DbError> {
    Ok(Figures {
        incidents: row.take()?,
        alerts: row.take()?,
        acknowledged: row.take()?,
        ack_total_s: row.take()?,
        resolved: row.take()?,
        resolve_total_s: row.take()?,
        unanswered: row.take()?,
        ack_kept: row.take()?,
        ack_missed: row.take()?,
        resolve_kept: row.take()?,
        resolve_missed: row.take()?,
        escalated: row.take()?,
    })
}

/// The figures of one service, or of what one integration opened on it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Share {
    /// The integration that opened the incidents; none: opened by people or programs, or all of a service together.
    pub integration: Option<IntegrationId>,
    /// The service.
    pub service: ServiceId,
    /// Its name, also if it was removed.
    pub service_name: String,
    /// The figures.
    pub figures: Figures,
}

/// The figures of each service that had an incident; together they are those of everything.
///
/// # Errors
/// When the database cannot answer.
pub async fn by_service(tx: &mut Tx<'_>, filter: &Filter) -> Result<Vec<Share>, DbError> {
    shares(tx, filter, "CAST(NULL AS TEXT)", "i.service_id, s.name").await
}

/// The figures of each integration by the incidents that it opened.
///
/// # Errors
/// When the database cannot answer.
pub async fn by_source(tx: &mut Tx<'_>, filter: &Filter) -> Result<Vec<Share>, DbError> {
    shares(tx, filter, "i.integration_id", "i.integration_id, i.service_id, s.name").await
}

async fn shares(tx: &mut Tx<'_>, filter: &Filter, integration: &str, by: &str) -> Result<Vec<Share>, DbError> {
    let (from, params) = filter.incidents();
    let sql = format!(
        "SELECT {integration}, i.service_id, s.name, {} {from} GROUP BY {by}",
        figures()
    );
    let rows = tx.query(&sql, &params).await?;
    let read = |mut row: Row| {
        Ok(Share {
            integration: row.take()?,
            service: row.take()?,
            service_name: row.take()?,
            figures: read_figures(&mut row)?,
        })
    };
    rows.into_iter().map(read).collect()
}

/// What was opened in a slice of time, with one urgency.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Slice {
    /// Where it begins: a multiple of [`SLICE_S`].
    pub at: Timestamp,
    /// With which urgency.
    pub urgency: Urgency,
    /// How many, how fast.
    pub figures: Figures,
}

/// The figures of each slice of time and urgency in which anything was opened.
///
/// # Errors
/// When the database cannot answer.
pub async fn by_time(tx: &mut Tx<'_>, filter: &Filter) -> Result<Vec<Slice>, DbError> {
    let (from, params) = filter.incidents();
    let slice = SLICE_S * MICROS;
    let sql = format!(
        "SELECT i.created_at / {slice} * {slice}, i.urgency, {} {from} GROUP BY i.created_at / {slice}, i.urgency \
         ORDER BY i.created_at / {slice}, i.urgency",
        figures()
    );
    let rows = tx.query(&sql, &params).await?;
    rows.into_iter()
        .map(|mut row| {
            Ok(Slice {
                at: row.take()?,
                urgency: word(&mut row, "incident.urgency", Urgency::from_word)?,
                figures: read_figures(&mut row)?,
            })
        })
        .collect()
}

/// Which length of time of an incident.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Length {
    /// From opening to the first acknowledgement.
    Acknowledge,
    /// From opening to the end.
    Resolve,
}

/// How many incidents of each service took how long, by notches; those of a service stand together, the shortest first.
///
/// # Errors
/// When the database cannot answer.
pub async fn lengths(tx: &mut Tx<'_>, filter: &Filter, length: Length) -> Result<Vec<(ServiceId, i64, i64)>, DbError> {
    let column = match length {
        Length::Acknowledge => "first_acknowledged_at",
        Length::Resolve => "resolved_at",
    };
    let (seconds, (from, params)) = (since(column), filter.incidents());
    let mut notch = String::from("CASE");
    for (until, width) in NOTCHES {
        write!(notch, " WHEN {seconds} < {until} THEN {seconds} / {width} * {width}").expect("a String takes all text");
    }
    notch.push_str(" END");
    let sql = format!(
        "SELECT t.service_id, t.notch, count(*) FROM (SELECT i.service_id AS service_id, {notch} AS notch {from} \
         AND i.{column} IS NOT NULL) t GROUP BY t.service_id, t.notch ORDER BY t.service_id, t.notch"
    );
    let rows = tx.query(&sql, &params).await?;
    rows.into_iter()
        .map(|mut row| Ok((row.take()?, row.take()?, row.take()?)))
        .collect()
}

/// How many pages reached each person in each slice of time. What one step sends to one person for one incident is one
/// page, by however many messages it goes.
///
/// # Errors
/// When the database cannot answer.
pub async fn pages(tx: &mut Tx<'_>, filter: &Filter) -> Result<Vec<(UserId, Timestamp, i64)>, DbError> {
    let mut params = vec![filter.period.from.into(), filter.period.to.into()];
    let condition = filter.condition(&mut params);
    let slice = SLICE_S * MICROS;
    let sql = format!(
        "SELECT t.user_id, t.at / {slice} * {slice}, count(*) FROM (SELECT d.user_id AS user_id, min(d.finished_at) AS at \
         FROM delivery d JOIN incident i ON i.id = d.incident_id JOIN service s ON s.id = i.service_id \
         WHERE d.state = 'SENT' AND d.purpose = 'PAGE' AND d.user_id IS NOT NULL \
         AND d.finished_at >= $1 AND d.finished_at < $2 AND {condition} \
         GROUP BY d.user_id, d.incident_id, d.escalation, d.step_round, d.step_index) t \
         GROUP BY t.user_id, t.at / {slice} ORDER BY t.user_id, t.at / {slice}"
    );
    let rows = tx.query(&sql, &params).await?;
    rows.into_iter()
        .map(|mut row| Ok((row.take()?, row.take()?, row.take()?)))
        .collect()
}

/// The name and the time zone of everybody, also of those who were removed.
///
/// # Errors
/// When the database cannot answer.
pub async fn people(tx: &mut Tx<'_>) -> Result<HashMap<UserId, (String, String)>, DbError> {
    let rows = tx.query("SELECT id, name, time_zone FROM app_user", &[]).await?;
    rows.into_iter()
        .map(|mut row| Ok((row.take()?, (row.take()?, row.take()?))))
        .collect()
}
