//! The clocks of a service's targets: minutes to acknowledge, minutes to resolve.
//!
//! A clock runs from the opening. It stops when what it waits for happens, also when somebody snoozes or suppresses
//! the incident, which is an answer; it tells once when it runs out.

use jiff::{SignedDuration, Timestamp};

use crate::{
    directory::Service,
    incident::{Change, Entry, EntryKind, Happening, Status},
};

/// The clocks of one incident.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Clocks {
    /// By when somebody should acknowledge; none: no target, answered, or already missed.
    pub ack_due: Option<Timestamp>,
    /// By when it should be resolved; none: no target, or already missed.
    pub resolve_due: Option<Timestamp>,
    /// The target to acknowledge was missed.
    pub ack_breached: bool,
    /// The target to resolve was missed.
    pub resolve_breached: bool,
}

impl Clocks {
    /// Both clocks of an incident of this service that begins now.
    #[must_use]
    pub fn start(service: &Service, now: Timestamp) -> Self {
        let after = |minutes: Option<u32>| {
            minutes.and_then(|minutes| now.checked_add(SignedDuration::from_mins(i64::from(minutes))).ok())
        };
        Self {
            ack_due: after(service.target_ack_minutes),
            resolve_due: after(service.target_resolve_minutes),
            ack_breached: false,
            resolve_breached: false,
        }
    }
}

/// Tells of every clock of this incident that has run out by now.
pub(crate) fn breaches(change: &mut Change, directory: &crate::directory::Directory, now: Timestamp) {
    if change.incident.status == Status::Resolved {
        return;
    }
    let clocks = &mut change.incident.clocks;
    let mut missed = Vec::new();
    if clocks.ack_due.is_some_and(|due| due <= now) {
        clocks.ack_due = None;
        clocks.ack_breached = true;
        missed.push("The target to acknowledge was missed");
    }
    if clocks.resolve_due.is_some_and(|due| due <= now) {
        clocks.resolve_due = None;
        clocks.resolve_breached = true;
        missed.push("The target to resolve was missed");
    }
    for text in missed {
        change.entries.push(Entry::system(EntryKind::SlaBreached, text));
        change.tell(Happening::SlaBreached, directory, now);
    }
}
