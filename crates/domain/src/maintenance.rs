//! Maintenance: times in which what breaks at a service is expected, so that nobody is paged for it.
//!
//! An incident that a monitoring tool opens within a window opens quietly: it is snoozed until the window ends, and
//! nobody hears of it. If it is not resolved by then it opens as if it began at that moment, with its clocks, its news and
//! the first step of its policy. Incidents that were there before the window go on as they did, and whoever opens one by
//! hand means it.

use jiff::{SignedDuration, Timestamp};
use serde_json::json;

use crate::{
    directory::Directory,
    escalation,
    id::{MaintenanceId, ServiceId},
    incident::{Actor, Change, Entry, EntryKind, Happening, Incident, Progress, Status},
    sla::Clocks,
};

/// Longest window, in days.
pub const LENGTH_DAYS_MAX: i64 = 30;
/// Longest reason, in characters.
pub const REASON_CHARS_MAX: usize = 200;
/// Most windows of one service that have not ended.
pub const WINDOWS_MAX: usize = 100;
/// How far in the past a window may begin, for a start that was typed to the minute.
const START_TOLERANCE: SignedDuration = SignedDuration::from_mins(1);

/// A time in which a service is in maintenance.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Window {
    /// Its identity.
    pub id: MaintenanceId,
    /// Of which service.
    pub service: ServiceId,
    /// From when.
    pub start: Timestamp,
    /// Until when, this instant no longer included.
    pub end: Timestamp,
    /// What is done meanwhile.
    pub reason: Option<String>,
}

/// Where a window stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Phase {
    /// It has not begun.
    Planned,
    /// It is under way.
    Active,
    /// It is over.
    Over,
}

/// What is wrong with a window: the field by the name of the contract, and why.
pub type Problem = (&'static str, String);

impl Window {
    /// Where it stands at a time.
    #[must_use]
    pub fn phase(&self, now: Timestamp) -> Phase {
        if self.end <= now {
            Phase::Over
        } else if self.start <= now {
            Phase::Active
        } else {
            Phase::Planned
        }
    }

    /// What is wrong with a window that is to be made now.
    #[must_use]
    pub fn problems(&self, now: Timestamp) -> Vec<Problem> {
        let mut problems = self.problems_of_length(now);
        if now.duration_since(self.start) > START_TOLERANCE {
            let why = "must not lie in the past; leave it out to begin now";
            problems.push(("start", why.to_owned()));
        }
        problems
    }

    /// What is wrong with changing a window to this one now.
    #[must_use]
    pub fn problems_of_change(&self, before: &Self, now: Timestamp) -> Vec<Problem> {
        if self.start == before.start {
            return self.problems_of_length(now);
        }
        if before.phase(now) == Phase::Active {
            let why = "cannot be changed any more: the maintenance has begun";
            return vec![("start", why.to_owned())];
        }
        self.problems(now)
    }

    fn problems_of_length(&self, now: Timestamp) -> Vec<Problem> {
        let mut problems = Vec::new();
        let length = self.end.duration_since(self.start);
        if self.end <= self.start {
            problems.push(("end", "must be after the start".to_owned()));
        } else if self.end <= now {
            problems.push(("end", "must lie in the future".to_owned()));
        } else if length > SignedDuration::from_hours(24 * LENGTH_DAYS_MAX) {
            problems.push(("end", format!("must be within {LENGTH_DAYS_MAX} days of the start")));
        }
        let chars = self.reason.as_deref().unwrap_or_default().chars().count();
        if chars > REASON_CHARS_MAX {
            problems.push(("reason", format!("must have at most {REASON_CHARS_MAX} characters")));
        }
        problems
    }
}

/// Until when the maintenance that is under way lasts, windows that follow without a gap included; none when there is none.
#[must_use]
pub fn until(windows: &[Window], now: Timestamp) -> Option<Timestamp> {
    let mut end = None;
    loop {
        let at = end.unwrap_or(now);
        let next = windows
            .iter()
            .filter(|window| window.start <= at && window.end > at)
            .map(|window| window.end)
            .max();
        match next {
            Some(later) => end = Some(later),
            None => return end,
        }
    }
}

/// Puts a fresh incident off, if its service is in maintenance. True when it was.
pub(crate) fn quieten(change: &mut Change, directory: &Directory, now: Timestamp) -> bool {
    let Some(until) = directory.maintenance_until(change.incident.service, now) else {
        return false;
    };
    let incident = &mut change.incident;
    incident.status = Status::Snoozed;
    incident.snoozed_until = Some(until);
    incident.in_maintenance = true;
    incident.clocks = Clocks::default();
    let text = format!(
        "The service is in maintenance{}: nobody is told. It opens {} unless it is resolved by then",
        reason(directory, change.incident.service, now),
        written(until)
    );
    change
        .entries
        .push(Entry::system(EntryKind::Snoozed, text).with(json!({ "until": until.to_string() })));
    true
}

/// What becomes of an incident that waits for the end of a maintenance, as the windows are now: it opens where the
/// service is not in maintenance any more, and waits on where that ends at another time. None when it waits for nothing,
/// or for the right time.
#[must_use]
pub fn settle(incident: Incident, directory: &Directory, now: Timestamp) -> Option<Change> {
    if !incident.in_maintenance || incident.status != Status::Snoozed {
        return None;
    }
    let Some(until) = directory.maintenance_until(incident.service, now) else {
        return Some(begin(incident, directory, now));
    };
    if incident.snoozed_until == Some(until) {
        return None;
    }
    let mut change = Change::of(incident);
    change.incident.snoozed_until = Some(until);
    change.incident.updated_at = now;
    let text = format!(
        "The maintenance now ends {}; the incident waits until then",
        written(until)
    );
    change
        .entries
        .push(Entry::system(EntryKind::Snoozed, text).with(json!({ "until": until.to_string() })));
    Some(change)
}

/// The incident begins now for everybody: nobody has heard of it before.
fn begin(incident: Incident, directory: &Directory, now: Timestamp) -> Change {
    let mut change = Change::of(incident);
    let incident = &mut change.incident;
    incident.status = Status::Open;
    incident.snoozed_until = None;
    incident.in_maintenance = false;
    incident.updated_at = now;
    incident.progress = Progress::default();
    if let Some(service) = directory.services.get(&incident.service) {
        incident.clocks = Clocks::start(service, now);
    }
    let text = "Opened: the maintenance has ended, and the incident is not resolved";
    change
        .entries
        .push(Entry::by(EntryKind::Reopened, &Actor::System, text));
    change.tell(Happening::Triggered, directory, now);
    escalation::start(&mut change, directory, now);
    change.tell_nobody_twice();
    change
}

fn reason(directory: &Directory, service: ServiceId, now: Timestamp) -> String {
    let windows = directory
        .maintenance
        .get(&service)
        .map(Vec::as_slice)
        .unwrap_or_default();
    let active = windows.iter().filter(|window| window.phase(now) == Phase::Active);
    let reason = active.filter_map(|window| window.reason.as_deref()).next();
    reason.map_or_else(String::new, |reason| format!(" ({reason})"))
}

/// An instant as the story tells it; the page shows the same in the reader's zone.
fn written(at: Timestamp) -> String {
    format!("at {}", at.strftime("%Y-%m-%d %H:%M UTC"))
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;

    fn at(minute: i64) -> Timestamp {
        Timestamp::UNIX_EPOCH + SignedDuration::from_mins(minute)
    }

    fn window(start: i64, end: i64) -> Window {
        Window {
            id: MaintenanceId::new(Uuid::from_u128(1)),
            service: ServiceId::new(Uuid::from_u128(2)),
            start: at(start),
            end: at(end),
            reason: None,
        }
    }

    #[test]
    fn windows_that_meet_are_one() {
        let windows = [window(10, 20), window(20, 30), window(15, 25), window(31, 40)];
        let ends = [9, 10, 19, 25, 30, 31].map(|minute| until(&windows, at(minute)));
        let expected = [None, Some(at(30)), Some(at(30)), Some(at(30)), None, Some(at(40))];
        assert_eq!(ends, expected);
    }

    #[test]
    fn a_window_is_checked_field_by_field() {
        let fields = |problems: Vec<Problem>| problems.into_iter().map(|(field, _)| field).collect::<Vec<_>>();
        assert!(window(10, 20).problems(at(11)).is_empty());
        assert_eq!(fields(window(10, 20).problems(at(12))), ["start"]);
        assert_eq!(fields(window(20, 20).problems(at(5))), ["end"]);
        assert_eq!(fields(window(5, 31 * 24 * 60).problems(at(5))), ["end"]);
        let long = Window {
            reason: Some("x".repeat(REASON_CHARS_MAX + 1)),
            ..window(5, 6)
        };
        assert_eq!(fields(long.problems(at(5))), ["reason"]);
    }

    #[test]
    fn what_has_begun_keeps_its_beginning() {
        let before = window(10, 20);
        assert!(window(10, 60).problems_of_change(&before, at(15)).is_empty());
        assert_eq!(window(16, 20).problems_of_change(&before, at(15))[0].0, "start");
        assert_eq!(window(10, 14).problems_of_change(&before, at(15))[0].0, "end");
        assert!(window(30, 40).problems_of_change(&before, at(5)).is_empty());
    }
}
