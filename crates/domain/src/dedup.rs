//! An event and the live incident under its key, turned into what is to be done.

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
    /// Nothing is to be done, for this reason.
    Ignore(&'static str),
}

/// Decides what an event with this action leads to. `live` is the incident of the service that is not resolved and
/// has the event's key, of which there is one at most.
#[must_use]
pub fn decide(action: Action, live: Option<&Incident>) -> Outcome {
    let Some(incident) = live else {
        return match action {
            Action::Trigger => Outcome::Open,
            Action::Acknowledge => Outcome::Ignore("no open incident has this deduplication key to acknowledge"),
            Action::Resolve => Outcome::Ignore("no open incident has this deduplication key to resolve"),
        };
    };
    match (action, incident.status) {
        (Action::Trigger, _) => Outcome::Add,
        (Action::Resolve, _) => Outcome::Resolve,
        (Action::Acknowledge, Status::Open) => Outcome::Acknowledge,
        (Action::Acknowledge, Status::Acknowledged) => Outcome::Ignore("the incident is acknowledged already"),
        (Action::Acknowledge, Status::Snoozed) => Outcome::Ignore("the incident is snoozed"),
        (Action::Acknowledge, Status::Suppressed) => Outcome::Ignore("the incident is suppressed"),
        (Action::Acknowledge, Status::Resolved) => Outcome::Ignore("the incident is resolved already"),
    }
}
