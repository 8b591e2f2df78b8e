//! Who is on call over a range of time: the layers and overrides cut into shifts. Decides nothing that `decision` would
//! not: at every instant of a shift, [`Schedule::on_call`] gives the same answer.

use std::collections::BTreeSet;

use jiff::{SignedDuration, Timestamp};

use super::{Because, Layer, Schedule, restriction, wall};
use crate::id::UserId;

/// The longest range for which shifts are computed at once, in days: a leap year.
pub const SHIFTS_RANGE_DAYS_MAX: i64 = 366;

/// The most shifts that are given at once. An hourly rotation over the longest range has 8,784.
pub const SHIFTS_MAX: usize = 20_000;

/// How far ahead [`Schedule::next_change`] looks, in days.
pub const CHANGE_HORIZON_DAYS: i64 = SHIFTS_RANGE_DAYS_MAX;

/// The ranges that are looked through for the next change, in days: most people are relieved within a week.
const CHANGE_LOOKS_DAYS: [i64; 3] = [8, 64, CHANGE_HORIZON_DAYS];

/// A time during which one person is on call for one reason, or nobody is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Shift {
    /// Its first instant.
    pub start: Timestamp,
    /// The first instant after it.
    pub end: Timestamp,
    /// Who is on call; none: nobody.
    pub user: Option<UserId>,
    /// By what; none when nobody is on call.
    pub because: Option<Because>,
}

/// Why there are no shifts to show.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum ShiftsError {
    /// The range holds no time.
    #[error("to must be after from")]
    EmptyRange,
    /// The range is longer than [`SHIFTS_RANGE_DAYS_MAX`].
    #[error("to must be at most {SHIFTS_RANGE_DAYS_MAX} days after from")]
    RangeTooLong,
    /// There would be more than [`SHIFTS_MAX`].
    #[error("there are more than {SHIFTS_MAX} shifts in this range: to must be nearer to from")]
    TooMany,
    /// The schedule has no layer at this place.
    #[error("the schedule has no such layer")]
    NoSuchLayer,
}

/// Who speaks, before it is put into words.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Voice {
    Layer(usize),
    Override(usize),
}

/// The holder of a piece of time.
type Holder = Option<(UserId, Voice)>;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Piece {
    start: Timestamp,
    end: Timestamp,
    holder: Holder,
}

/// A time during which a layer has somebody.
#[derive(Debug, Clone, Copy)]
struct Stretch {
    start: Timestamp,
    end: Timestamp,
    user: UserId,
}

impl Schedule {
    /// The shifts that fill the time from `from` up to `to` without gap or overlap. Neighbours differ in person or
    /// reason; the first and the last are cut where the range is.
    ///
    /// # Errors
    ///
    /// When the range is empty or longer than [`SHIFTS_RANGE_DAYS_MAX`] days, or holds more than [`SHIFTS_MAX`] shifts.
    pub fn shifts(&self, from: Timestamp, to: Timestamp) -> Result<Vec<Shift>, ShiftsError> {
        check_range(from, to)?;
        self.in_words(self.pieces(from, to))
    }

    /// The shifts of the layer at this place alone, whatever other layers and overrides say, filling the range as
    /// [`Self::shifts`] does.
    ///
    /// # Errors
    ///
    /// As [`Self::shifts`], and when there is no such layer.
    pub fn layer_shifts(&self, index: usize, from: Timestamp, to: Timestamp) -> Result<Vec<Shift>, ShiftsError> {
        let layer = self.layers.get(index).ok_or(ShiftsError::NoSuchLayer)?;
        check_range(from, to)?;
        let mut pieces = Vec::new();
        let mut reached = from;
        for stretch in self.stretches(layer, from, to) {
            append(
                &mut pieces,
                Piece {
                    start: reached,
                    end: stretch.start,
                    holder: None,
                },
            );
            let holder = Some((stretch.user, Voice::Layer(index)));
            append(
                &mut pieces,
                Piece {
                    start: stretch.start,
                    end: stretch.end,
                    holder,
                },
            );
            reached = stretch.end;
        }
        append(
            &mut pieces,
            Piece {
                start: reached,
                end: to,
                holder: None,
            },
        );
        self.in_words(pieces)
    }

    /// When the person who is on call at `at` is relieved by another or by nobody (or, if nobody is on call, when
    /// somebody next is). A change of reason alone is none. `None`: not within [`CHANGE_HORIZON_DAYS`].
    #[must_use]
    pub fn next_change(&self, at: Timestamp) -> Option<Timestamp> {
        CHANGE_LOOKS_DAYS.into_iter().find_map(|days| {
            let pieces = self.pieces(at, wall::after(at, SignedDuration::from_hours(24 * days)));
            let now = user_of(pieces.first()?.holder);
            pieces
                .iter()
                .find(|piece| user_of(piece.holder) != now)
                .map(|piece| piece.start)
        })
    }

    /// Cuts the range at every instant at which the answer can change and asks once for each piece.
    fn pieces(&self, from: Timestamp, to: Timestamp) -> Vec<Piece> {
        if from >= to {
            return Vec::new();
        }
        let mut layers: Vec<LayerCursor> = self
            .layers_by_rank()
            .into_iter()
            .map(|index| LayerCursor {
                index,
                ahead: self.stretches(&self.layers[index], from, to),
                passed: 0,
            })
            .collect();
        let mut overrides = OverrideCursor::new(self, from, to);

        let mut cuts = vec![from];
        cuts.extend(
            layers
                .iter()
                .flat_map(|layer| &layer.ahead)
                .flat_map(|stretch| [stretch.start, stretch.end]),
        );
        cuts.extend(overrides.edges());
        cuts.retain(|cut| from <= *cut && *cut < to);
        cuts.sort_unstable();
        cuts.dedup();

        let mut pieces = Vec::new();
        for (place, &start) in cuts.iter().enumerate() {
            let end = cuts.get(place + 1).copied().unwrap_or(to);
            // Every layer's cursor is moved, also of those that are not asked.
            let spoken: Vec<Holder> = layers.iter_mut().map(|layer| layer.holder_at(start)).collect();
            let holder = overrides.apply(start, spoken.into_iter().flatten().next());
            append(&mut pieces, Piece { start, end, holder });
        }
        pieces
    }

    /// When this layer has somebody, in order and apart: its turns where its restrictions let it speak.
    fn stretches(&self, layer: &Layer, from: Timestamp, to: Timestamp) -> Vec<Stretch> {
        if layer.users.is_empty() {
            return Vec::new();
        }
        let windows = restriction::windows(&layer.restrictions, &self.zone, from.max(layer.rotation.start), to);
        let mut windows = windows.into_iter().peekable();
        let mut stretches = Vec::new();
        for turn in layer.rotation.turns(&self.zone, from, to) {
            let Some(user) = layer.user_of_turn(turn.number) else {
                continue;
            };
            while let Some(window) = windows.peek().copied() {
                let (start, end) = (window.start.max(turn.start), window.end.min(turn.end));
                if start < end {
                    stretches.push(Stretch { start, end, user });
                }
                if window.end > turn.end {
                    break;
                }
                windows.next();
            }
        }
        stretches
    }

    fn in_words(&self, pieces: Vec<Piece>) -> Result<Vec<Shift>, ShiftsError> {
        if pieces.len() > SHIFTS_MAX {
            return Err(ShiftsError::TooMany);
        }
        let because = |voice| match voice {
            Voice::Layer(index) => Because::Layer {
                index,
                name: self.layers[index].name.clone(),
            },
            Voice::Override(index) => Because::Override {
                id: self.overrides[index].id,
            },
        };
        let shift = |piece: Piece| Shift {
            start: piece.start,
            end: piece.end,
            user: user_of(piece.holder),
            because: piece.holder.map(|(_, voice)| because(voice)),
        };
        Ok(pieces.into_iter().map(shift).collect())
    }
}

/// Walks through the stretches of one layer.
struct LayerCursor {
    index: usize,
    ahead: Vec<Stretch>,
    passed: usize,
}

impl LayerCursor {
    /// Who the layer has at `at`, which never goes back.
    fn holder_at(&mut self, at: Timestamp) -> Holder {
        while self.ahead.get(self.passed).is_some_and(|stretch| stretch.end <= at) {
            self.passed += 1;
        }
        let stretch = self.ahead.get(self.passed).filter(|stretch| stretch.start <= at)?;
        Some((stretch.user, Voice::Layer(self.index)))
    }
}

/// Walks through the overrides, remembering which of them cover the present instant.
struct OverrideCursor<'a> {
    schedule: &'a Schedule,
    /// Places of overrides that touch the range and are still to come, the last to start in front.
    ahead: Vec<usize>,
    /// Places of overrides that have started and, as far as was looked, not ended: in the order in which they are asked.
    active: BTreeSet<usize>,
}

impl<'a> OverrideCursor<'a> {
    fn new(schedule: &'a Schedule, from: Timestamp, to: Timestamp) -> Self {
        let overrides = &schedule.overrides;
        let touches = |place: &usize| {
            let change = &overrides[*place];
            change.start < change.end && change.start < to && from < change.end
        };
        let mut ahead: Vec<usize> = (0..overrides.len()).filter(touches).collect();
        ahead.sort_by_key(|&place| std::cmp::Reverse(overrides[place].start));
        Self {
            schedule,
            ahead,
            active: BTreeSet::new(),
        }
    }

    fn edges(&self) -> impl Iterator<Item = Timestamp> {
        self.ahead.iter().flat_map(|&place| {
            let change = &self.schedule.overrides[place];
            [change.start, change.end]
        })
    }

    /// What the overrides make of the layers' answer at `at`, which never goes back.
    fn apply(&mut self, at: Timestamp, mut holder: Holder) -> Holder {
        let overrides = &self.schedule.overrides;
        while let Some(place) = self.ahead.pop_if(|place| overrides[*place].start <= at) {
            self.active.insert(place);
        }
        self.active.retain(|&place| at < overrides[place].end);
        for &place in &self.active {
            if overrides[place].applies_to(user_of(holder)) {
                holder = Some((overrides[place].user, Voice::Override(place)));
            }
        }
        holder
    }
}

fn user_of(holder: Holder) -> Option<UserId> {
    holder.map(|(user, _)| user)
}

/// Adds a piece at the end, joined with the last where both have the same holder; empty pieces are dropped.
fn append(pieces: &mut Vec<Piece>, piece: Piece) {
    if piece.start >= piece.end {
        return;
    }
    match pieces.last_mut() {
        Some(last) if last.holder == piece.holder => last.end = piece.end,
        _ => pieces.push(piece),
    }
}

fn check_range(from: Timestamp, to: Timestamp) -> Result<(), ShiftsError> {
    if from >= to {
        return Err(ShiftsError::EmptyRange);
    }
    if to.duration_since(from) > SignedDuration::from_hours(24 * SHIFTS_RANGE_DAYS_MAX) {
        return Err(ShiftsError::RangeTooLong);
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::oncall::{
        Unit,
        samples::{at, layer, over, restriction, schedule, user},
    };

    /// The shifts as lines on the wall: start, who by number, reason.
    fn lines(schedule: &Schedule, shifts: &[Shift]) -> Vec<String> {
        let wall = |at: Timestamp| {
            at.to_zoned_datetime(schedule.zone.clone())
                .strftime("%a %d %H:%M")
                .to_string()
        };
        let line = |shift: &Shift| match (shift.user, &shift.because) {
            (Some(user), Some(Because::Layer { name, .. })) => {
                format!("{} {} {name}", wall(shift.start), user.uuid().as_u128())
            }
            (Some(user), Some(Because::Override { .. })) => {
                format!("{} {} override", wall(shift.start), user.uuid().as_u128())
            }
            _ => format!("{} nobody", wall(shift.start)),
        };
        shifts.iter().map(line).collect()
    }

    #[test]
    fn layers_and_overrides_become_one_line_of_shifts() {
        let days = layer("Days", &[1, 2], "2026-03-27T09:00Z");
        let mut nights = layer("Nights", &[3], "2026-03-01T00:00Z");
        nights.restrictions = vec![restriction("SATURDAY", "22:00", "06:00")];
        let mut stack = schedule("Europe/London", vec![days, nights]);
        stack.overrides = vec![over(1, 4, ("2026-03-28T12:00Z", "2026-03-28T23:00Z"), Some(2))];
        let shifts = stack.shifts(at("2026-03-27T00:00Z"), at("2026-03-30T00:00Z")).unwrap();
        assert_eq!(
            lines(&stack, &shifts),
            [
                "Fri 27 00:00 nobody",
                "Fri 27 09:00 1 Days",
                "Sat 28 09:00 2 Days",
                "Sat 28 12:00 4 override",
                "Sat 28 22:00 3 Nights",
                "Sun 29 06:00 2 Days",
                "Sun 29 09:00 1 Days",
            ],
            "the override does not replace 3, and the night is an hour short"
        );
        assert_eq!(
            lines(
                &stack,
                &stack
                    .layer_shifts(1, at("2026-03-27T00:00Z"), at("2026-03-30T00:00Z"))
                    .unwrap()
            ),
            ["Fri 27 00:00 nobody", "Sat 28 22:00 3 Nights", "Sun 29 06:00 nobody"]
        );
    }

    #[test]
    fn turns_of_one_person_are_one_shift_and_nobody_is_one_gap() {
        let alone = schedule("UTC", vec![layer("Alone", &[1, 1], "2026-01-01T00:00Z")]);
        let (from, to) = (at("2026-06-01T00:00Z"), at("2026-07-01T00:00Z"));
        let because = Some(Because::Layer {
            index: 0,
            name: "Alone".to_owned(),
        });
        assert_eq!(
            alone.shifts(from, to),
            Ok(vec![Shift {
                start: from,
                end: to,
                user: Some(user(1)),
                because
            }])
        );
        let gap = Shift {
            start: from,
            end: to,
            user: None,
            because: None,
        };
        assert_eq!(schedule("UTC", Vec::new()).shifts(from, to), Ok(vec![gap.clone()]));
        let empty = schedule("UTC", vec![layer("Empty", &[], "2026-01-01T00:00Z")]);
        assert_eq!(empty.layer_shifts(0, from, to), Ok(vec![gap]));
    }

    #[test]
    fn ranges_and_shifts_are_bounded() {
        let start = at("2026-01-01T00:00Z");
        let day = SignedDuration::from_hours(24);
        let mut stack = schedule("UTC", vec![layer("Base", &[1, 2], "2026-01-01T00:00Z")]);
        assert_eq!(stack.shifts(start, start), Err(ShiftsError::EmptyRange));
        assert_eq!(stack.shifts(start, start - day), Err(ShiftsError::EmptyRange));
        assert!(stack.shifts(start, start + day * 366).is_ok());
        assert_eq!(stack.shifts(start, start + day * 367), Err(ShiftsError::RangeTooLong));
        assert_eq!(
            stack.shifts(Timestamp::MIN, Timestamp::MAX),
            Err(ShiftsError::RangeTooLong)
        );
        assert_eq!(stack.layer_shifts(1, start, start + day), Err(ShiftsError::NoSuchLayer));

        stack.layers[0].rotation.unit = Unit::Hours;
        assert_eq!(
            stack.shifts(start, start + day * 366).map(|shifts| shifts.len()),
            Ok(8_784),
            "one an hour"
        );
        let hourly = |from: u8, to: u8| {
            (0..24)
                .map(|hour| restriction("", &format!("{hour:02}:{from}"), &format!("{hour:02}:{to}")))
                .collect()
        };
        stack.layers[0].restrictions = hourly(10, 50);
        stack.layers[0].users = vec![user(1)];
        assert_eq!(
            stack.shifts(start, start + day * 366).map(|shifts| shifts.len()),
            Ok(2 * 8_784 + 1)
        );
        stack.layers.push(Layer {
            restrictions: hourly(20, 30),
            users: vec![user(2)],
            ..stack.layers[0].clone()
        });
        assert_eq!(stack.shifts(start, start + day * 366), Err(ShiftsError::TooMany));
    }

    #[test]
    fn the_next_change_is_one_of_person_not_of_reason() {
        let mut stack = schedule("Europe/London", vec![layer("Base", &[1, 2], "2026-01-05T09:00Z")]);
        assert_eq!(
            stack.next_change(at("2026-01-01T00:00Z")),
            Some(at("2026-01-05T09:00Z")),
            "nobody until then"
        );
        assert_eq!(
            stack.next_change(at("2026-01-05T09:00Z")),
            Some(at("2026-01-06T09:00Z"))
        );
        stack.overrides = vec![over(1, 1, ("2026-01-06T08:00Z", "2026-01-06T18:00Z"), None)];
        assert_eq!(
            stack.next_change(at("2026-01-05T09:00Z")),
            Some(at("2026-01-06T18:00Z")),
            "1 stays on by override"
        );
        stack.layers[0].rotation.length = 100;
        assert_eq!(
            stack.next_change(at("2026-02-01T00:00Z")),
            Some(at("2026-04-15T09:00+01:00"))
        );
        stack.layers[0].users.pop();
        assert_eq!(stack.next_change(at("2026-02-01T00:00Z")), None);
        assert_eq!(stack.next_change(Timestamp::MAX), None);
    }
}
