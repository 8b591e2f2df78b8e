//! What a schedule is made of. What follows from it is computed in `decision` (one instant) and `timeline` (a range).

use jiff::{Timestamp, tz::TimeZone};

use super::{Restriction, Rotation};
use crate::id::{OverrideId, ScheduleId, UserId};

/// An on-call schedule: who answers when.
#[derive(Debug, Clone, PartialEq)]
pub struct Schedule {
    /// Its identity.
    pub id: ScheduleId,
    /// Its name.
    pub name: String,
    /// The zone on whose wall clock its times are read: an IANA name, such as `Europe/Berlin`.
    pub zone: TimeZone,
    /// The layers. The higher `priority` speaks first, among equals the later in this list.
    pub layers: Vec<Layer>,
    /// The overrides, in the order in which they were made: a later one has the last word.
    pub overrides: Vec<Override>,
}

/// One rotation of people, perhaps only at some times of the week.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Layer {
    /// Its name, which is the reason people read: "on call by layer Primary".
    pub name: String,
    /// Who takes turns, in this order, again and again. Somebody may stand in it more than once. Empty: nobody, ever.
    pub users: Vec<UserId>,
    /// When they hand over.
    pub rotation: Rotation,
    /// At which times of the week the layer speaks; empty: always.
    pub restrictions: Vec<Restriction>,
    /// The higher speaks first.
    pub priority: i64,
}

/// Somebody takes over for a while, whatever the layers say.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Override {
    /// Its identity.
    pub id: OverrideId,
    /// Who takes over.
    pub user: UserId,
    /// From when.
    pub start: Timestamp,
    /// Until when, this instant no longer included.
    pub end: Timestamp,
    /// Only while this person would be on call (by the layers and the overrides before this one); none: always.
    pub replaces: Option<UserId>,
}

impl Override {
    /// Whether `at` lies in it.
    #[must_use]
    pub fn covers(&self, at: Timestamp) -> bool {
        self.start <= at && at < self.end
    }

    /// Whether it speaks when, without it, `holder` would be on call.
    pub(super) fn applies_to(&self, holder: Option<UserId>) -> bool {
        self.replaces.is_none() || self.replaces == holder
    }
}

impl Layer {
    /// Who has turn `number`; none when there are no people.
    pub(super) fn user_of_turn(&self, number: u64) -> Option<UserId> {
        let people = u64::try_from(self.users.len()).ok()?;
        let place = number.checked_rem(people)?;
        self.users.get(usize::try_from(place).ok()?).copied()
    }
}

impl Schedule {
    /// The places of the layers in the list, the one that speaks first in front.
    pub(super) fn layers_by_rank(&self) -> Vec<usize> {
        let mut places: Vec<usize> = (0..self.layers.len()).rev().collect();
        places.sort_by_key(|&place| std::cmp::Reverse(self.layers[place].priority));
        places
    }
}
