//! An event and the live incident under its key, turned into what is to be done.
//!
//! Messages may overtake each other on their way. Where the sender says when the problem changed its state, an older
//! message does not undo a newer one; where it does not say, the order in which they come is the order that counts.

use jiff::Timestamp;

use crate::{
    event::Action,
    incident::{Incident, Status},
};

/// What an event leads to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// A new incident is opened.
    Open,
    /// The event becomes one more alert of the live incident.
    Add,
    /// The live incident is acknowledged.
    Acknowledge,
    /// The live incident is resolved.
    Resolve,
    /// A part of the live incident has ended: a problem that was merged into it.
    PartEnded,
    /// Nothing is to be done, for this reason.
    Ignore(&'static str),
}

/// What an event says about its problem: what is wanted, and since when by the sender's clock, where it says so.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Said {
    /// What the sender wants.
    pub action: Action,
    /// When the problem came into this state.
    pub changed_at: Option<Timestamp>,
}

/// Decides what an event leads to whose problem was merged into a live incident: that one takes what is said, and only
/// does not end with it.
#[must_use]
pub fn decide_for_part(said: Said, live: &Incident, ended_at: Option<Timestamp>) -> Outcome {
    match said.action {
        Action::Resolve => Outcome::PartEnded,
        Action::Trigger | Action::Acknowledge => decide(said, Some(live), ended_at),
    }
}

/// Decides what an event leads to. `live` is the incident of the service that is not resolved and has the event's key,
/// of which there is one at most. `ended_at` is the newest time at which the sender has said that the problem under
/// this key ended, whether an incident was there to be resolved or not.
#[must_use]
pub fn decide(said: Said, live: Option<&Incident>, ended_at: Option<Timestamp>) -> Outcome {
    let older_than = |other: Option<Timestamp>| said.changed_at.zip(other).is_some_and(|(this, other)| this < other);
    let Some(incident) = live else {
        return match said.action {
            Action::Trigger if older_than(ended_at) => {
                Outcome::Ignore("a newer recovery of the same problem was received before")
            }
            Action::Trigger => Outcome::Open,
            Action::Acknowledge => Outcome::Ignore("no open incident has this deduplication key to acknowledge"),
            Action::Resolve => Outcome::Ignore("no open incident has this deduplication key to resolve"),
        };
    };
    match (said.action, incident.status) {
        (Action::Trigger, _) => Outcome::Add,
        (Action::Resolve, _) if older_than(incident.changed_at) => {
            Outcome::Ignore("a newer alert of the same problem was received before")
        }
        (Action::Resolve, _) => Outcome::Resolve,
        (Action::Acknowledge, _) if older_than(ended_at) => {
            Outcome::Ignore("a newer recovery of the same problem was received before")
        }
        (Action::Acknowledge, Status::Open) => Outcome::Acknowledge,
        (Action::Acknowledge, Status::Acknowledged) => Outcome::Ignore("the incident is acknowledged already"),
        (Action::Acknowledge, Status::Snoozed) => Outcome::Ignore("the incident is snoozed"),
        (Action::Acknowledge, Status::Suppressed) => Outcome::Ignore("the incident is suppressed"),
        (Action::Acknowledge, Status::Resolved) => Outcome::Ignore("the incident is resolved already"),
    }
}
