//! What a planner asks of a schedule: when is nobody on call, and whom does a change relieve. Both are read off the
//! shifts of `timeline` and decide nothing that it does not.

use jiff::{SignedDuration, Timestamp};

use super::{Because, Override, Schedule, Shift, ShiftsError};
use crate::id::UserId;

/// A time during which nobody is on call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Gap {
    /// Its first instant.
    pub start: Timestamp,
    /// The first instant at which somebody is on call again, or the end of the range that was looked at.
    pub end: Timestamp,
}

impl Gap {
    /// How long it lasts.
    #[must_use]
    pub fn length(&self) -> SignedDuration {
        self.end.duration_since(self.start)
    }
}

/// A time during which two versions of a schedule have different people on call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Difference {
    /// Its first instant.
    pub start: Timestamp,
    /// The first instant after it.
    pub end: Timestamp,
    /// Who is on call by the first version; none: nobody.
    pub before: Option<UserId>,
    /// Who is by the second.
    pub after: Option<UserId>,
}

impl Schedule {
    /// The times between `from` and `to` during which nobody is on call, in order and apart.
    ///
    /// # Errors
    ///
    /// As [`Self::shifts`].
    pub fn gaps(&self, from: Timestamp, to: Timestamp) -> Result<Vec<Gap>, ShiftsError> {
        let shifts = self.shifts(from, to)?;
        Ok(gaps_of(&shifts))
    }

    /// The places of the layers that have somebody between `from` and `to` and yet never a say: others always speak first.
    ///
    /// # Errors
    ///
    /// As [`Self::shifts`].
    pub fn unheard_layers(&self, from: Timestamp, to: Timestamp) -> Result<Vec<usize>, ShiftsError> {
        let by_layers = Self {
            overrides: Vec::new(),
            ..self.clone()
        };
        let shifts = by_layers.shifts(from, to)?;
        let heard = |place: usize| {
            let of_it = |shift: &Shift| matches!(&shift.because, Some(Because::Layer { index, .. }) if *index == place);
            shifts.iter().any(of_it)
        };
        let mut unheard = Vec::new();
        for place in (0..self.layers.len()).filter(|place| !heard(*place)) {
            let alone = self.layer_shifts(place, from, to)?;
            if alone.iter().any(|shift| shift.user.is_some()) {
                unheard.push(place);
            }
        }
        Ok(unheard)
    }

    /// The same schedule with this override: in the place of the one that has its identity, or else as the last one made.
    #[must_use]
    pub fn with_override(&self, change: Override) -> Self {
        let mut planned = self.clone();
        match planned.overrides.iter_mut().find(|known| known.id == change.id) {
            Some(known) => *known = change,
            None => planned.overrides.push(change),
        }
        planned
    }

    /// When, between `from` and `to`, `other` has somebody else on call than this one, in order and apart. A change of
    /// reason alone is none.
    ///
    /// # Errors
    ///
    /// As [`Self::shifts`].
    pub fn differences(&self, other: &Self, from: Timestamp, to: Timestamp) -> Result<Vec<Difference>, ShiftsError> {
        let before = self.shifts(from, to)?;
        let after = other.shifts(from, to)?;
        let mut found: Vec<Difference> = Vec::new();
        let (mut left, mut right) = (before.iter().peekable(), after.iter().peekable());
        let mut start = from;
        // Both lists fill the range, so that each step ends at the nearer of two ends.
        while let (Some(one), Some(two)) = (left.peek(), right.peek()) {
            let end = one.end.min(two.end);
            if one.user != two.user {
                join(
                    &mut found,
                    Difference {
                        start,
                        end,
                        before: one.user,
                        after: two.user,
                    },
                );
            }
            let (one_ends, two_ends) = (one.end == end, two.end == end);
            if one_ends {
                left.next();
            }
            if two_ends {
                right.next();
            }
            start = end;
        }
        Ok(found)
    }
}

/// The shifts in which nobody is on call.
#[must_use]
pub fn gaps_of(shifts: &[Shift]) -> Vec<Gap> {
    let empty = shifts.iter().filter(|shift| shift.user.is_none());
    empty
        .map(|shift| Gap {
            start: shift.start,
            end: shift.end,
        })
        .collect()
}

/// Adds a difference, as one with the last where it goes on with the same people.
fn join(found: &mut Vec<Difference>, next: Difference) {
    match found.last_mut() {
        Some(last) if last.end == next.start && (last.before, last.after) == (next.before, next.after) => {
            last.end = next.end;
        }
        _ => found.push(next),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::oncall::samples::{at, layer, over, restriction, schedule, user};

    fn told(gaps: &[Gap]) -> Vec<String> {
        gaps.iter().map(|gap| format!("{} {}", gap.start, gap.end)).collect()
    }

    #[test]
    fn nights_without_anybody_are_gaps_until_an_override_fills_one() {
        let mut days = layer("Days", &[1], "2026-06-01T00:00Z");
        days.restrictions = vec![restriction("", "09:00", "18:00")];
        let plan = schedule("UTC", vec![days]);
        let (from, to) = (at("2026-06-02T09:00Z"), at("2026-06-04T09:00Z"));
        let wanted = [
            "2026-06-02T18:00:00Z 2026-06-03T09:00:00Z",
            "2026-06-03T18:00:00Z 2026-06-04T09:00:00Z",
        ];
        assert_eq!(told(&plan.gaps(from, to).unwrap()), wanted);
        assert_eq!(plan.gaps(from, to).unwrap()[0].length(), SignedDuration::from_hours(15));
        let filled = plan.with_override(over(1, 2, ("2026-06-02T17:00Z", "2026-06-03T10:00Z"), None));
        assert_eq!(told(&filled.gaps(from, to).unwrap()), wanted[1..]);
        assert!(plan.gaps(to, from).is_err());
    }

    #[test]
    fn a_layer_under_another_that_always_speaks_is_unheard() {
        let (from, to) = (at("2026-06-02T00:00Z"), at("2026-06-09T00:00Z"));
        let base = layer("Base", &[1], "2026-06-01T00:00Z");
        let mut top = layer("Top", &[2], "2026-06-01T00:00Z");
        let empty = layer("Empty", &[], "2026-06-01T00:00Z");
        let unheard = |layers: Vec<_>| schedule("UTC", layers).unheard_layers(from, to).unwrap();
        assert_eq!(
            unheard(vec![base.clone(), top.clone(), empty.clone()]),
            [0],
            "an empty one is another fault"
        );
        top.restrictions = vec![restriction("", "09:00", "18:00")];
        assert_eq!(unheard(vec![base, top, empty]), [0_usize; 0]);
    }

    #[test]
    fn a_difference_names_who_is_relieved() {
        let plan = schedule("UTC", vec![layer("Days", &[1, 2], "2026-06-01T09:00Z")]);
        let (from, to) = (at("2026-06-01T09:00Z"), at("2026-06-05T09:00Z"));
        let change = over(7, 2, ("2026-06-01T20:00Z", "2026-06-02T20:00Z"), None);
        let planned = plan.with_override(change);
        let wanted = Difference {
            start: at("2026-06-01T20:00Z"),
            end: at("2026-06-02T09:00Z"),
            before: Some(user(1)),
            after: Some(user(2)),
        };
        assert_eq!(
            plan.differences(&planned, from, to).unwrap(),
            [wanted],
            "from the hand-off on they would be on call anyway"
        );
        let moved = Override {
            end: at("2026-06-01T21:00Z"),
            ..change
        };
        let moved = planned.with_override(moved);
        assert_eq!(moved.overrides.len(), 1, "the same override is changed, not added");
        assert_eq!(
            plan.differences(&moved, from, to).unwrap(),
            [Difference {
                end: at("2026-06-01T21:00Z"),
                ..wanted
            }]
        );
    }
}
