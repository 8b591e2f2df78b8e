//! Who is on call at an instant, and why: rotations, layers, restrictions, overrides, daylight saving.
//!
//! A [`Schedule`] is a stack of [`Layer`]s. In each of them people take turns ([`Rotation`]), perhaps only at some times of
//! the week ([`Restriction`]); the highest layer that has somebody speaks, and [`Override`]s have the last word. People
//! read schedules on a clock on the wall, so every boundary is a wall-clock time in the schedule's zone and only then an
//! instant: a hand-off at 09:00 is at 09:00 all year.
//!
//! Everything here is computed from the values given. This module never asks for the present time, never looks a person
//! up, and never decides whom to page: that is `escalation` and `paging`. No input makes it panic: what lies beyond the
//! years that can be told (−9999 to 9999) is held at their edge.

mod decision;
mod gaps;
mod problems;
mod restriction;
mod rotation;
mod schedule;
mod timeline;
mod wall;

#[cfg(test)]
mod against_oracle;
#[cfg(test)]
mod samples;

pub use self::{
    decision::{Absence, Because, Explained, OnCall, Spoken, WhyAbsent},
    gaps::{Difference, Gap, gaps_of},
    problems::{
        LAYERS_MAX, NAME_CHARS_MAX, OVERRIDES_MAX, Problem, RESTRICTIONS_MAX, ROTATION_LENGTH_MAX, USERS_MAX, YEAR_MAX,
        YEAR_MIN,
    },
    restriction::{Restriction, Weekdays},
    rotation::{Rotation, Turn, Unit},
    schedule::{Layer, Override, Schedule},
    timeline::{CHANGE_HORIZON_DAYS, SHIFTS_MAX, SHIFTS_RANGE_DAYS_MAX, Shift, ShiftsError},
};
