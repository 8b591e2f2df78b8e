//! `/schedules`: who is on call on all of them, until when, and where somebody is missing.

use axum::{extract::State, response::Response};
use http::Uri;
use jiff::{SignedDuration, ToSpan as _};
use opsknight_domain::oncall::Schedule;

use super::{picture, zone_name};
use crate::{
    calendar,
    pages::{PageError, dashboard, viewer::Viewer},
    state::AppState,
    views::{Duty, Frame, Scale, ScheduleList, ScheduleRow, Section},
};

/// How far ahead gaps are looked for.
const GAPS_AHEAD: SignedDuration = SignedDuration::from_hours(14 * 24);
/// The longest text that is looked for, in characters.
const QUERY_CHARS_MAX: usize = 200;

/// `GET /schedules`
pub(in crate::pages) async fn list(
    State(state): State<AppState>,
    viewer: Viewer,
    uri: Uri,
) -> Result<Response, PageError> {
    let query = uri.query().unwrap_or_default().as_bytes();
    let query = form_urlencoded::parse(query).find(|(name, _)| name == "name");
    let query: String = query.map_or_else(String::new, |(_, text)| {
        text.trim().chars().take(QUERY_CHARS_MAX).collect()
    });
    let wanted = query.to_lowercase();
    let directory = viewer.directory();
    let total = directory.schedules.len();
    let mut found: Vec<&Schedule> = directory
        .schedules
        .values()
        .filter(|schedule| schedule.name.to_lowercase().contains(&wanted) || is_on(&viewer, schedule, &wanted))
        .collect();
    found.sort_by_key(|schedule| schedule.name.to_lowercase());
    let page = ScheduleList {
        shell: viewer.shell("Schedules", Section::Schedules),
        query,
        total,
        rows: found.into_iter().map(|schedule| row(&viewer, schedule)).collect(),
        feed: calendar::feeds(&state, viewer.person.id, &[]).await?.0,
    };
    viewer.page(&page)
}

/// Whether somebody whose name has these words takes turns in it.
fn is_on(viewer: &Viewer, schedule: &Schedule, wanted: &str) -> bool {
    let mut people = schedule.layers.iter().flat_map(|layer| &layer.users);
    people.any(|id| viewer.directory().user_name(*id).to_lowercase().contains(wanted))
}

fn row(viewer: &Viewer, schedule: &Schedule) -> ScheduleRow {
    let Duty {
        schedule: link,
        now,
        until,
        next,
    } = dashboard::duty(viewer, schedule);
    let end = viewer.now.saturating_add(GAPS_AHEAD).unwrap_or(viewer.now);
    let gaps = schedule.gaps(viewer.now, end).unwrap_or_default();
    ScheduleRow {
        link,
        zone: zone_name(schedule),
        now,
        until,
        next,
        strip: picture::line(viewer.directory(), schedule, &week(viewer, schedule)),
        gaps: gaps.first().map(|first| (gaps.len(), viewer.times(first.start))),
    }
}

/// The seven days that begin today, on the schedule's clocks.
fn week(viewer: &Viewer, schedule: &Schedule) -> Frame {
    let today = viewer.now.to_zoned_datetime(schedule.zone.clone()).date();
    let midnight = |date: jiff::civil::Date| {
        let zoned = date.to_zoned_datetime(schedule.zone.clone());
        zoned.map_or(viewer.now, |zoned| zoned.timestamp())
    };
    Frame {
        from: midnight(today),
        to: midnight(today.checked_add(7.days()).unwrap_or(today)),
        now: viewer.now,
        zone: schedule.zone.clone(),
        scale: Scale::Week,
        width_px: Frame::COMPACT_PX,
    }
}
