//! On-call schedules and their overrides.

use jiff::{SignedDuration, Timestamp, tz::TimeZone};
use opsknight_domain::{
    id::{OverrideId, ScheduleId},
    oncall::{Layer, Override, Schedule},
};

use crate::{
    db::{DbError, Row, Tx},
    directory,
    document::{read_layers, write_layers},
    listing::Part,
    refusal::{ChangeError, Use, found, unless_used},
};

/// How long after its end an override is still part of a schedule, so that the page of today shows yesterday.
pub const OVERRIDE_KEPT_FOR: SignedDuration = SignedDuration::from_hours(24);

/// An on-call schedule as it is stored, without its overrides.
#[derive(Debug, Clone, PartialEq)]
pub struct ScheduleRow {
    /// Its identity.
    pub id: ScheduleId,
    /// Its name.
    pub name: String,
    /// The zone on whose wall clock its times are read.
    pub zone: TimeZone,
    /// Its layers.
    pub layers: Vec<Layer>,
    /// When it was made.
    pub created_at: Timestamp,
    /// When it last changed.
    pub updated_at: Timestamp,
}

impl ScheduleRow {
    /// A schedule without a name and without layers, on the clocks of UTC, that is made now.
    #[must_use]
    pub fn empty(id: ScheduleId, now: Timestamp) -> Self {
        Self {
            id,
            name: String::new(),
            zone: TimeZone::get("UTC").unwrap_or(TimeZone::UTC),
            layers: Vec::new(),
            created_at: now,
            updated_at: now,
        }
    }

    /// The schedule that answers who is on call, with these overrides in the order in which they were made.
    #[must_use]
    pub fn with(self, overrides: Vec<Override>) -> Schedule {
        Schedule {
            id: self.id,
            name: self.name,
            zone: self.zone,
            layers: self.layers,
            overrides,
        }
    }
}

/// An override as it is stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OverrideRow {
    /// In which schedule.
    pub schedule: ScheduleId,
    /// What it says.
    pub change: Override,
    /// When it was made.
    pub created_at: Timestamp,
}

const COLUMNS: &str = "id, name, time_zone, layers, created_at, updated_at";

const OVERRIDE_COLUMNS: &str = "schedule_id, id, user_id, start_at, end_at, replaces_user_id, created_at";

fn read(mut row: Row) -> Result<ScheduleRow, DbError> {
    Ok(ScheduleRow {
        id: row.take()?,
        name: row.take()?,
        zone: zone(&row.take::<String>()?)?,
        layers: read_layers(&row.take::<String>()?)?,
        created_at: row.take()?,
        updated_at: row.take()?,
    })
}

fn zone(name: &str) -> Result<TimeZone, DbError> {
    TimeZone::get(name).map_err(|_| DbError::Corrupt {
        what: format!("time_zone holds “{name}”"),
    })
}

fn read_override(mut row: Row) -> Result<OverrideRow, DbError> {
    Ok(OverrideRow {
        schedule: row.take()?,
        change: Override {
            id: row.take()?,
            user: row.take()?,
            start: row.take()?,
            end: row.take()?,
            replaces: row.take()?,
        },
        created_at: row.take()?,
    })
}

/// The stored name of a zone. Only zones with an IANA name are saved: [`Schedule::problems`] refuses others.
fn zone_name(zone: &TimeZone) -> &str {
    zone.iana_name().unwrap_or("UTC")
}

/// Adds a schedule.
///
/// # Errors
/// When the database cannot take it.
pub async fn insert(tx: &mut Tx<'_>, schedule: &ScheduleRow) -> Result<(), ChangeError> {
    directory::bump(tx, schedule.created_at).await?;
    let sql = "INSERT INTO schedule (id, name, time_zone, layers, created_at, updated_at) \
               VALUES ($1, $2, $3, $4, $5, $6)";
    tx.execute(
        sql,
        &[
            schedule.id.into(),
            schedule.name.as_str().into(),
            zone_name(&schedule.zone).into(),
            write_layers(&schedule.layers).into(),
            schedule.created_at.into(),
            schedule.updated_at.into(),
        ],
    )
    .await?;
    Ok(())
}

/// Replaces a schedule as a whole; its overrides stay.
///
/// # Errors
/// There is no such schedule, or the database cannot take it.
pub async fn update(tx: &mut Tx<'_>, schedule: &ScheduleRow) -> Result<(), ChangeError> {
    directory::bump(tx, schedule.updated_at).await?;
    let sql = "UPDATE schedule SET name = $2, time_zone = $3, layers = $4, updated_at = $5 WHERE id = $1";
    let rows = tx
        .execute(
            sql,
            &[
                schedule.id.into(),
                schedule.name.as_str().into(),
                zone_name(&schedule.zone).into(),
                write_layers(&schedule.layers).into(),
                schedule.updated_at.into(),
            ],
        )
        .await?;
    found("schedule", rows)
}

/// The schedule with this identity.
///
/// # Errors
/// When the database cannot answer.
pub async fn get(tx: &mut Tx<'_>, id: ScheduleId) -> Result<Option<ScheduleRow>, DbError> {
    let sql = format!("SELECT {COLUMNS} FROM schedule WHERE id = $1");
    tx.query_opt(&sql, &[id.into()]).await?.map(read).transpose()
}

/// One part of the schedules by name, and how many there are in all.
///
/// # Errors
/// When the database cannot answer.
pub async fn list(tx: &mut Tx<'_>, part: Part<'_>) -> Result<(Vec<ScheduleRow>, i64), DbError> {
    let pattern = part.pattern();
    let total = tx
        .query_one(
            "SELECT count(*) FROM schedule WHERE lower(name) LIKE $1 ESCAPE '\\'",
            &[pattern.as_str().into()],
        )
        .await?
        .take()?;
    let sql = format!(
        "SELECT {COLUMNS} FROM schedule WHERE lower(name) LIKE $1 ESCAPE '\\' \
         ORDER BY lower(name), id LIMIT $2 OFFSET $3"
    );
    let rows = tx
        .query(&sql, &[pattern.as_str().into(), part.limit.into(), part.offset.into()])
        .await?;
    Ok((rows.into_iter().map(read).collect::<Result<_, _>>()?, total))
}

/// Removes a schedule and its overrides.
///
/// # Errors
/// There is no such schedule, a policy uses it, or the database cannot take it.
pub async fn delete(tx: &mut Tx<'_>, id: ScheduleId, now: Timestamp) -> Result<(), ChangeError> {
    directory::bump(tx, now).await?;
    unless_used("schedule", crate::policies::naming(tx, &id.to_string()).await?)?;
    tx.execute("DELETE FROM schedule_override WHERE schedule_id = $1", &[id.into()])
        .await?;
    let rows = tx.execute("DELETE FROM schedule WHERE id = $1", &[id.into()]).await?;
    found("schedule", rows)
}

/// The schedules with a layer that names this person.
pub(crate) async fn naming(tx: &mut Tx<'_>, id: &str) -> Result<Vec<Use>, DbError> {
    crate::policies::documents_naming(tx, "schedule", "schedule", "layers", id).await
}

/// Adds an override. The schedule exists: the caller has read it in this unit.
///
/// # Errors
/// When the database cannot take it.
pub async fn insert_override(tx: &mut Tx<'_>, row: &OverrideRow) -> Result<(), ChangeError> {
    directory::bump(tx, row.created_at).await?;
    let sql = "INSERT INTO schedule_override \
               (schedule_id, id, user_id, start_at, end_at, replaces_user_id, created_at) \
               VALUES ($1, $2, $3, $4, $5, $6, $7)";
    tx.execute(
        sql,
        &[
            row.schedule.into(),
            row.change.id.into(),
            row.change.user.into(),
            row.change.start.into(),
            row.change.end.into(),
            row.change.replaces.into(),
            row.created_at.into(),
        ],
    )
    .await?;
    Ok(())
}

/// Replaces an override; it keeps its place in the order in which they were made.
///
/// # Errors
/// The schedule has no such override, or the database cannot take it.
pub async fn update_override(tx: &mut Tx<'_>, row: &OverrideRow, now: Timestamp) -> Result<(), ChangeError> {
    directory::bump(tx, now).await?;
    let sql = "UPDATE schedule_override SET user_id = $3, start_at = $4, end_at = $5, replaces_user_id = $6 \
               WHERE schedule_id = $1 AND id = $2";
    let rows = tx
        .execute(
            sql,
            &[
                row.schedule.into(),
                row.change.id.into(),
                row.change.user.into(),
                row.change.start.into(),
                row.change.end.into(),
                row.change.replaces.into(),
            ],
        )
        .await?;
    found("override", rows)
}

/// The override with this identity in this schedule.
///
/// # Errors
/// When the database cannot answer.
pub async fn get_override(
    tx: &mut Tx<'_>,
    schedule: ScheduleId,
    id: OverrideId,
) -> Result<Option<OverrideRow>, DbError> {
    let sql = format!("SELECT {OVERRIDE_COLUMNS} FROM schedule_override WHERE schedule_id = $1 AND id = $2");
    let row = tx.query_opt(&sql, &[schedule.into(), id.into()]).await?;
    row.map(read_override).transpose()
}

/// One part of a schedule's overrides, those that start last in front, and how many there are in all. `q` is not looked
/// at: overrides have no name.
///
/// # Errors
/// When the database cannot answer.
pub async fn list_overrides(
    tx: &mut Tx<'_>,
    schedule: ScheduleId,
    part: Part<'_>,
) -> Result<(Vec<OverrideRow>, i64), DbError> {
    let total = tx
        .query_one(
            "SELECT count(*) FROM schedule_override WHERE schedule_id = $1",
            &[schedule.into()],
        )
        .await?
        .take()?;
    let sql = format!(
        "SELECT {OVERRIDE_COLUMNS} FROM schedule_override WHERE schedule_id = $1 \
         ORDER BY start_at DESC, id DESC LIMIT $2 OFFSET $3"
    );
    let rows = tx
        .query(&sql, &[schedule.into(), part.limit.into(), part.offset.into()])
        .await?;
    Ok((rows.into_iter().map(read_override).collect::<Result<_, _>>()?, total))
}

/// The overrides of a schedule that end after `since`, in the order in which they were made.
///
/// # Errors
/// When the database cannot answer.
pub async fn overrides_since(
    tx: &mut Tx<'_>,
    schedule: ScheduleId,
    since: Timestamp,
) -> Result<Vec<Override>, DbError> {
    let sql = format!(
        "SELECT {OVERRIDE_COLUMNS} FROM schedule_override WHERE schedule_id = $1 AND end_at > $2 \
         ORDER BY created_at, id"
    );
    let rows = tx.query(&sql, &[schedule.into(), since.into()]).await?;
    rows.into_iter().map(|row| Ok(read_override(row)?.change)).collect()
}

/// Removes an override.
///
/// # Errors
/// The schedule has no such override, or the database cannot take it.
pub async fn delete_override(
    tx: &mut Tx<'_>,
    schedule: ScheduleId,
    id: OverrideId,
    now: Timestamp,
) -> Result<(), ChangeError> {
    directory::bump(tx, now).await?;
    let sql = "DELETE FROM schedule_override WHERE schedule_id = $1 AND id = $2";
    found("override", tx.execute(sql, &[schedule.into(), id.into()]).await?)
}

/// Every schedule with the overrides that end after `since`.
///
/// # Errors
/// When the database cannot answer.
pub async fn all(tx: &mut Tx<'_>, since: Timestamp) -> Result<Vec<Schedule>, DbError> {
    let sql = format!(
        "SELECT {OVERRIDE_COLUMNS} FROM schedule_override WHERE end_at > $1 ORDER BY schedule_id, created_at, id"
    );
    let mut overrides: std::collections::HashMap<ScheduleId, Vec<Override>> = std::collections::HashMap::new();
    for row in tx.query(&sql, &[since.into()]).await? {
        let row = read_override(row)?;
        overrides.entry(row.schedule).or_default().push(row.change);
    }
    let rows = tx.query(&format!("SELECT {COLUMNS} FROM schedule"), &[]).await?;
    rows.into_iter()
        .map(|row| {
            let schedule = read(row)?;
            let changes = overrides.remove(&schedule.id).unwrap_or_default();
            Ok(schedule.with(changes))
        })
        .collect()
}
