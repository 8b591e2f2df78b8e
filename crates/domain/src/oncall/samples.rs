//! Short spellings for the tests of this module.

use jiff::{Timestamp, tz::TimeZone};
use uuid::Uuid;

use super::{Layer, Override, Restriction, Rotation, Schedule, Unit, Weekdays};
use crate::id::{OverrideId, ScheduleId, UserId};

/// An instant from text, the seconds left out if they are zero: `2026-03-08T09:00-05:00`.
pub(super) fn at(text: &str) -> Timestamp {
    text.parse().unwrap_or_else(|problem| panic!("{text}: {problem}"))
}

/// A zone by its IANA name.
pub(super) fn zone(name: &str) -> TimeZone {
    TimeZone::get(name).unwrap()
}

/// Person number `n`.
pub(super) fn user(n: u128) -> UserId {
    UserId::new(Uuid::from_u128(n))
}

/// A restriction to days given as words, from and to a time of day.
pub(super) fn restriction(days: &str, from: &str, to: &str) -> Restriction {
    let days: Weekdays = days
        .split_whitespace()
        .map(|word| Weekdays::from_word(word).unwrap())
        .collect();
    Restriction {
        days,
        from: from.parse().unwrap(),
        to: to.parse().unwrap(),
    }
}

/// A layer in which these people hand over daily at 09:00.
pub(super) fn layer(name: &str, users: &[u128], start: &str) -> Layer {
    Layer {
        name: name.to_owned(),
        users: users.iter().copied().map(user).collect(),
        rotation: Rotation {
            unit: Unit::Days,
            length: 1,
            start: at(start),
            handoff: jiff::civil::time(9, 0, 0, 0),
        },
        restrictions: Vec::new(),
        priority: 0,
    }
}

/// A schedule of these layers.
pub(super) fn schedule(zone_name: &str, layers: Vec<Layer>) -> Schedule {
    Schedule {
        id: ScheduleId::new(Uuid::from_u128(1)),
        name: "Operations".to_owned(),
        zone: zone(zone_name),
        layers,
        overrides: Vec::new(),
    }
}

/// Override number `id`: `by` takes over, perhaps only from one person.
pub(super) fn over(id: u128, by: u128, (start, end): (&str, &str), replaces: Option<u128>) -> Override {
    Override {
        id: OverrideId::new(Uuid::from_u128(id)),
        user: user(by),
        start: at(start),
        end: at(end),
        replaces: replaces.map(user),
    }
}
