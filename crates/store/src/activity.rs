//! What happened at a service, from all that is kept of it: changes of its settings, deployments, incidents, maintenance.

use jiff::Timestamp;
use opsknight_domain::{
    id::{IncidentId, ServiceId},
    urgency::Urgency,
};

use crate::{
    audit::{self, AuditRow},
    changes::{self, ChangeEvent},
    db::{DbError, Row, Tx, Val},
    incidents::word,
    maintenance::{self, MaintenanceRow},
};

/// Where a list goes on: at this instant, behind so many things of the very same instant.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Cursor {
    /// Nothing later.
    pub at: Timestamp,
    /// How many things at this instant were told already.
    pub told: usize,
}

impl Cursor {
    /// Most things of one instant that a list goes on behind.
    pub const TOLD_MAX: usize = 1000;
    /// From the newest on.
    pub const NEWEST: Self = Self {
        at: Timestamp::MAX,
        told: 0,
    };
}

/// An incident in a list of what happened.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct IncidentLine {
    /// Its identity.
    pub id: IncidentId,
    /// Its number.
    pub number: i64,
    /// Its title.
    pub title: String,
    /// How urgent it is.
    pub urgency: Urgency,
    /// It is a test.
    pub is_test: bool,
}

/// Something that happened.
#[derive(Debug, Clone, PartialEq)]
pub enum What {
    /// Somebody changed the service or one of its integrations.
    Audit(Box<AuditRow>),
    /// Something was deployed or configured.
    Change(Box<ChangeEvent>),
    /// An incident was opened.
    Opened(IncidentLine),
    /// An incident was resolved.
    Resolved(IncidentLine),
    /// A maintenance that was planned began.
    MaintenanceBegan(Box<MaintenanceRow>),
    /// A maintenance was over at its time.
    MaintenanceEnded(Box<MaintenanceRow>),
}

/// The newest things that happened at a service from the cursor on, and where the list goes on if there are more.
///
/// # Errors
/// When the database cannot answer.
pub async fn of_service(
    tx: &mut Tx<'_>,
    service: ServiceId,
    from: Cursor,
    now: Timestamp,
    limit: usize,
) -> Result<(Vec<(Timestamp, What)>, Option<Cursor>), DbError> {
    let told = from.told.min(Cursor::TOLD_MAX);
    let wanted = i64::try_from(limit + told + 1).unwrap_or(i64::MAX);
    let mut all: Vec<(Timestamp, What)> = Vec::new();
    let lines = audit::of_service(tx, service, from.at, wanted).await?;
    all.extend(lines.into_iter().map(|line| (line.at, What::Audit(Box::new(line)))));
    let deployed = changes::of_service(tx, service, from.at, wanted).await?;
    all.extend(
        deployed
            .into_iter()
            .map(|change| (change.created_at, What::Change(Box::new(change)))),
    );
    let opened = incidents(tx, service, "created_at", from.at, wanted).await?;
    all.extend(opened.into_iter().map(|(at, line)| (at, What::Opened(line))));
    let resolved = incidents(tx, service, "resolved_at", from.at, wanted).await?;
    all.extend(resolved.into_iter().map(|(at, line)| (at, What::Resolved(line))));
    for (row, is_end) in maintenance::passed(tx, service, from.at, now, wanted).await? {
        all.push(match is_end {
            true => (row.window.end, What::MaintenanceEnded(Box::new(row))),
            false => (row.window.start, What::MaintenanceBegan(Box::new(row))),
        });
    }
    // The order of the kinds breaks ties, and within a kind the query's: every look sorts alike.
    all.sort_by_key(|(at, _)| std::cmp::Reverse(*at));
    let same = all.iter().take_while(|(at, _)| *at == from.at).count();
    all.drain(..told.min(same));
    let more = all.len() > limit;
    all.truncate(limit);
    let next = all.last().filter(|_| more).map(|(last, _)| {
        let shown = all.iter().rev().take_while(|(at, _)| at == last).count();
        let before = if *last == from.at { told } else { 0 };
        Cursor {
            at: *last,
            told: shown + before,
        }
    });
    Ok((all, next))
}

async fn incidents(
    tx: &mut Tx<'_>,
    service: ServiceId,
    column: &str,
    until: Timestamp,
    limit: i64,
) -> Result<Vec<(Timestamp, IncidentLine)>, DbError> {
    // Identities are made in the order of time, so that the index by them serves for what was opened.
    let order = if column == "created_at" {
        "id DESC"
    } else {
        "resolved_at DESC, id DESC"
    };
    let sql = format!(
        "SELECT {column}, id, number, title, urgency, is_test FROM incident \
         WHERE service_id = $1 AND {column} IS NOT NULL AND {column} <= $2 ORDER BY {order} LIMIT $3"
    );
    let params: [Val; 3] = [service.into(), until.into(), limit.into()];
    let read = |mut row: Row| {
        let at = row.take()?;
        let line = IncidentLine {
            id: row.take()?,
            number: row.take()?,
            title: row.take()?,
            urgency: word(&mut row, "urgency", Urgency::from_word)?,
            is_test: row.take()?,
        };
        Ok((at, line))
    };
    tx.query(&sql, &params).await?.into_iter().map(read).collect()
}
