//! Looks on. After each commit it reads what was changed, walks the timeline's new sentences through its own picture of
//! each incident, and compares with what must be. It never changes anything and knows no rule of the program's: those
//! are in `oracle`.

use std::collections::{BTreeSet, HashMap};

use jiff::Timestamp;
use opsknight_domain::{
    delivery::LEASE,
    id::{DeliveryId, IncidentId, UserId},
    incident::Status,
};
use opsknight_store::db::simulated::{Changed, Memory};

use crate::{
    hall::{State, Who, instant},
    provider::Call,
};

mod bounds;
mod deliveries;
mod ends;
mod rows;
mod walk;

use rows::{Del, Inc};
use walk::Shadow;

pub(crate) use ends::at_the_end;

/// Who sends a message, and what was true when it took it.
#[derive(Debug, Clone, Copy)]
struct Hold {
    who: Who,
    /// Whether the message was still wanted.
    wanted: bool,
    until: Timestamp,
}

/// A message as it was last seen.
#[derive(Debug)]
struct Message {
    row: Del,
    /// How often its incident had been opened when it was decided on.
    opening: u32,
    hold: Option<Hold>,
    /// How long it has been due, or past its lease, with somebody there to see to it.
    late: i64,
}

/// An incident as it was last seen.
#[derive(Debug)]
struct Known {
    row: Inc,
    shadow: Shadow,
    late: i64,
}

/// What an accepted request was answered.
#[derive(Debug, Clone)]
pub(crate) struct Promise {
    pub(crate) receipt: opsknight_domain::id::ReceiptId,
    /// For each event, the incident that was named.
    pub(crate) incidents: Vec<Option<IncidentId>>,
}

/// All that was seen.
#[derive(Default)]
pub(crate) struct Watch {
    incidents: HashMap<IncidentId, Known>,
    messages: HashMap<DeliveryId, Message>,
    /// Those that wait or are on their way, in the order in which they came.
    open: Vec<DeliveryId>,
    /// Incidents in the order in which they came.
    order: Vec<IncidentId>,
    pub(crate) promises: Vec<Promise>,
    failure: Option<String>,
}

impl Watch {
    /// Something is not as it must be: the first such thing counts.
    pub(crate) fn fail(&mut self, what: impl Into<String>) {
        if self.failure.is_none() {
            self.failure = Some(what.into());
        }
    }

    pub(crate) fn failure(&self) -> Option<&str> {
        self.failure.as_deref()
    }

    /// An incident's number, for the story.
    pub(crate) fn number(&self, id: IncidentId) -> i64 {
        self.incidents.get(&id).map_or(0, |known| known.row.number)
    }

    /// About what a page is, and to whom.
    pub(crate) fn page(&self, id: DeliveryId) -> Option<(IncidentId, Option<UserId>)> {
        let row = &self.messages.get(&id)?.row;
        (row.purpose == "PAGE").then_some((row.incident?, row.user))
    }

    /// The messages that go by this one, which names these incidents. Those that were not wanted any more when they were
    /// taken with it go nowhere, unless their incident is named for no other's sake.
    pub(crate) fn together(&self, leader: DeliveryId, tells: &BTreeSet<IncidentId>) -> Vec<DeliveryId> {
        let with = |id: &&DeliveryId| {
            let row = &self.messages[*id].row;
            row.state == "SENDING" && (row.id == leader || row.bundle == Some(leader))
        };
        let all: Vec<DeliveryId> = self.open.iter().filter(with).copied().collect();
        let is_wanted = |id: &DeliveryId| self.messages[id].hold.is_none_or(|hold| hold.wanted);
        let wanted: BTreeSet<_> = all
            .iter()
            .filter(|id| is_wanted(id))
            .map(|id| self.messages[id].row.incident)
            .collect();
        let mut together = all;
        together.retain(|id| {
            let incident = self.messages[id].row.incident;
            is_wanted(id) || (incident.is_some_and(|id| tells.contains(&id)) && !wanted.contains(&incident))
        });
        together
    }

    pub(crate) fn count(&self) -> usize {
        self.incidents.len()
    }
}

/// A commit has changed these rows.
pub(crate) fn committed(state: &mut State, memory: &Memory, who: Who, changes: &[Changed]) {
    let seen = match rows::read(memory, changes) {
        Ok(seen) => seen,
        Err(error) => return state.watch.fail(format!("what was committed cannot be read: {error}")),
    };
    let mut fallbacks = HashMap::new();
    for del in &seen.deliveries {
        deliveries::failed_in_order(state, del, &seen, &mut fallbacks);
    }
    for inc in &seen.incidents {
        let entries: Vec<_> = seen.entries.iter().filter(|entry| entry.incident == inc.id).collect();
        let new: Vec<_> = seen
            .deliveries
            .iter()
            .filter(|del| del.incident == Some(inc.id) && !state.watch.messages.contains_key(&del.id))
            .collect();
        let unheard = deliveries::unheard(state, inc.id, &seen);
        let expected = fallbacks.remove(&inc.id).unwrap_or_default();
        walk::incident(state, inc, &entries, &new, expected, unheard);
    }
    for entry in &seen.entries {
        if !seen.incidents.iter().any(|inc| inc.id == entry.incident) {
            walk::told(state, entry);
        }
    }
    let untouched = |id: &IncidentId| !seen.incidents.iter().any(|inc| inc.id == *id);
    for id in seen.deliveries.iter().filter_map(|del| del.incident).filter(untouched) {
        if deliveries::unheard(state, id, &seen) {
            let number = state.watch.number(id);
            let why = "nobody can hear of the step, and escalation does not move on";
            state.watch.fail(format!("#{number}: {why}"));
        }
    }
    // What follows from a failed page changes the incident, or is nothing.
    if let Some((id, _)) = fallbacks.iter().find(|(_, expected)| !expected.is_empty()) {
        let number = state.watch.number(*id);
        state.watch.fail(format!("#{number}: the next channel was not tried"));
    }
    for del in seen.deliveries {
        deliveries::moved(state, who, del);
    }
    state.watch.open.retain({
        let messages = &state.watch.messages;
        |id| matches!(messages[id].row.state.as_str(), "PENDING" | "SENDING")
    });
}

/// A message is being handed over to a provider.
pub(crate) fn handed_over(state: &mut State, call: &Call) {
    let wall = instant(state.wall(call.who.replica));
    let apart = state.clocks_apart();
    let mut failures = Vec::new();
    if call.brings.is_empty() {
        failures.push(format!("a message to {} is sent that nobody has taken", call.to));
    }
    for id in &call.brings {
        let message = &state.watch.messages[id];
        let Del { address, channel, .. } = &message.row;
        let number = message.row.incident.map_or(0, |id| state.watch.number(id));
        let name = format!("{} for #{number} to {}", message.row.purpose, call.to);
        if address.as_deref() != Some(&call.to) || channel != call.channel.word() {
            failures.push(format!("{name}: it goes to another address than was decided on"));
        }
        let Some(hold) = message.hold else { continue };
        if hold.who != call.who && !apart {
            failures.push(format!("{name}: it is sent by a replica that does not hold it"));
        }
        if message.row.purpose == "PAGE" && !hold.wanted {
            failures.push(format!(
                "{name}: it is sent although the incident was not open when it was taken"
            ));
        }
        if wall >= hold.until {
            failures.push(format!("{name}: it is sent after its lease of {LEASE:#} had ended"));
        }
        let is_named = message
            .row
            .incident
            .is_none_or(|incident| call.tells.contains(&incident));
        if message.row.purpose == "PAGE" && !is_named {
            failures.push(format!("{name}: the message does not name it"));
        }
    }
    for failure in failures {
        state.watch.fail(failure);
    }
}

fn is_open(status: Status) -> bool {
    status == Status::Open
}
