//! What must happen in time: whoever waits for the program is seen to within seconds, while any of it works.

use opsknight_domain::{id::DeliveryId, incident::Status};

use super::{Message, Watch};
use crate::hall::{Machine, SECOND};

/// An incident that is due is worked on within so long: the workers look every second.
const INCIDENT: i64 = 8 * SECOND;
/// A page that is due is taken within so long: providers that are slow hold up the places of a replica for ten seconds.
const PAGE: i64 = 30 * SECOND;
/// A message whose lease has ended is taken back within so long: that is looked for every five seconds.
const LEASED: i64 = 15 * SECOND;

impl Watch {
    /// When the next incident is due, by the database.
    pub(crate) fn incident_due(&self) -> Option<i64> {
        let due = self.order.iter().filter_map(|id| self.incidents[id].row.due_at);
        due.map(|due| due.as_microsecond()).min()
    }

    /// When the next message is due or its lease ends, by the database.
    pub(crate) fn delivery_due(&self) -> Option<i64> {
        self.open.iter().filter_map(|id| due(&self.messages[id])).min()
    }

    /// Something stands in the way: what waits may wait a little longer.
    pub(crate) fn forgive(&mut self) {
        self.incidents.values_mut().for_each(|known| known.late = 0);
        self.messages.values_mut().for_each(|message| message.late = 0);
    }

    /// Time passes with these replicas alive.
    pub(crate) fn elapse(&mut self, machines: &[Machine], from: i64, to: i64) {
        let late_by = |due: i64| {
            let late = machines.iter().map(|machine| {
                let begins = (due - machine.offset).max(machine.frozen_until).max(from);
                (to - begins).max(0)
            });
            late.max().unwrap_or(0)
        };
        let mut failures = Vec::new();
        for id in &self.order {
            let Some(known) = self.incidents.get_mut(id) else {
                continue;
            };
            let due = match known.shadow.status {
                Status::Open => known.shadow.due,
                Status::Snoozed => known.shadow.snoozed_until,
                Status::Acknowledged | Status::Suppressed | Status::Resolved => None,
            };
            let Some(due) = due else { continue };
            known.late += late_by(due.as_microsecond());
            if known.late > INCIDENT {
                failures.push(format!("#{} is due since {due} and nothing is done", known.row.number));
            }
        }
        let late: Vec<(DeliveryId, i64)> = self
            .open
            .iter()
            .filter_map(|id| Some((*id, late_by(due(&self.messages[id])?))))
            .collect();
        for (id, by) in late {
            let Some(message) = self.messages.get_mut(&id) else {
                continue;
            };
            message.late += by;
            let (bound, what) = match message.row.state.as_str() {
                "SENDING" => (LEASED, "its lease has ended and nobody takes it back"),
                _ if message.row.purpose == "PAGE" => (PAGE, "it is due and nobody sends it"),
                _ => continue,
            };
            if message.late > bound {
                let row = &message.row;
                failures.push(format!(
                    "{} by {} to {:?}: {what}",
                    row.purpose, row.channel, row.address
                ));
            }
        }
        for failure in failures {
            self.fail(failure);
        }
    }
}

fn due(message: &Message) -> Option<i64> {
    let due = match message.row.state.as_str() {
        "SENDING" => message.row.lease_until?,
        _ => message.row.due_at,
    };
    Some(due.as_microsecond())
}
