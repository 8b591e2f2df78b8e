//! Schedules drawn: the rows of a timeline from what the schedule answers. Decides nothing.

use jiff::SignedDuration;
use opsknight_domain::{
    directory::Directory,
    id::UserId,
    oncall::{Because, Override, Schedule, Shift},
};

use crate::views::{Frame, Person, Row, RowKind, Strip, Turn};

/// The most lines in which overrides that overlap are drawn one above the other.
const LANES_MAX: usize = 4;

/// What a turn leads to.
pub(super) struct Ways<'a> {
    /// Where a shift can be covered or its override be changed; none: the viewer may not.
    pub(super) of_shift: &'a dyn Fn(&Shift) -> Option<String>,
    /// The same of an override by itself.
    pub(super) of_override: &'a dyn Fn(&Override) -> Option<String>,
}

impl Ways<'_> {
    /// Nothing can be followed.
    pub(super) const NONE: Ways<'static> = Ways {
        of_shift: &|_| None,
        of_override: &|_| None,
    };
}

/// A person by their identity.
pub(super) fn person(directory: &Directory, id: UserId) -> Person {
    Person::new(id.to_string(), directory.user_name(id))
}

/// The places of the layers, those that win last: the order of the pages.
pub(super) fn by_rank(schedule: &Schedule) -> Vec<usize> {
    let mut places: Vec<usize> = (0..schedule.layers.len()).collect();
    places.sort_by_key(|&place| schedule.layers[place].priority);
    places
}

/// How far beyond a picture's ends the turns at them are followed, so that what is said of them is whole.
const BEYOND: SignedDuration = SignedDuration::from_hours(62 * 24);

/// The shifts of a picture, the first and the last as long as they really are.
pub(super) fn shifts(schedule: &Schedule, frame: &Frame) -> Vec<Shift> {
    let answers = |from, to| schedule.shifts(from, to).unwrap_or_default();
    let mut shifts = answers(frame.from, frame.to);
    let same = |one: &Shift, other: &Shift| one.user == other.user && one.because == other.because;
    if let Some(first) = shifts.first_mut() {
        let start = frame.from.saturating_sub(BEYOND).unwrap_or(frame.from);
        if let Some(before) = answers(start, frame.from).last().filter(|before| same(before, first)) {
            first.start = before.start;
        }
    }
    if let Some(last) = shifts.last_mut() {
        let end = frame.to.saturating_add(BEYOND).unwrap_or(frame.to);
        if let Some(after) = answers(frame.to, end).first().filter(|after| same(after, last)) {
            last.end = after.end;
        }
    }
    shifts
}

fn turn(directory: &Directory, shift: &Shift, href: Option<String>) -> Turn {
    let change = match &shift.because {
        Some(Because::Override { id }) => Some(id.to_string()),
        Some(Because::Layer { .. }) | None => None,
    };
    Turn {
        person: shift.user.map(|id| person(directory, id)),
        from: shift.start,
        to: shift.end,
        is_override: change.is_some(),
        change: None,
        href,
    }
}

/// All layers, the overrides, and what comes of them.
pub(super) fn whole(directory: &Directory, schedule: &Schedule, frame: &Frame, ways: &Ways<'_>) -> Strip {
    let mut rows: Vec<Row> = by_rank(schedule)
        .into_iter()
        .map(|index| {
            let shifts = schedule.layer_shifts(index, frame.from, frame.to).unwrap_or_default();
            let held = shifts.iter().filter(|shift| shift.user.is_some());
            let turns = held.map(|shift| turn(directory, shift, None)).collect();
            Row::new(&schedule.layers[index].name, RowKind::Layer, turns)
        })
        .collect();
    rows.extend(overrides(directory, schedule, frame, ways));
    rows.push(last(directory, schedule, frame, ways, "On call"));
    Strip::draw(frame, rows)
}

/// What comes of everything, in one line.
pub(super) fn line(directory: &Directory, schedule: &Schedule, frame: &Frame) -> Strip {
    Strip::draw(
        frame,
        vec![last(directory, schedule, frame, &Ways::NONE, &schedule.name)],
    )
}

fn last(directory: &Directory, schedule: &Schedule, frame: &Frame, ways: &Ways<'_>, label: &str) -> Row {
    let shifts = shifts(schedule, frame);
    let turns = shifts
        .iter()
        .map(|shift| turn(directory, shift, (ways.of_shift)(shift)));
    Row::new(label, RowKind::Final, turns.collect())
}

/// The overrides; those that overlap stand one above the other.
fn overrides(directory: &Directory, schedule: &Schedule, frame: &Frame, ways: &Ways<'_>) -> Vec<Row> {
    let mut shown: Vec<&Override> = schedule
        .overrides
        .iter()
        .filter(|change| change.start < frame.to && frame.from < change.end)
        .collect();
    shown.sort_by_key(|change| change.start);
    let mut lanes: Vec<Vec<&Override>> = Vec::new();
    for change in shown {
        let free = |lane: &Vec<&Override>| lane.last().is_none_or(|last| last.end <= change.start);
        match lanes.iter().position(free) {
            Some(place) => lanes[place].push(change),
            None if lanes.len() < LANES_MAX => lanes.push(vec![change]),
            None => {}
        }
    }
    let as_turn = |change: &&Override| {
        let href = (ways.of_override)(change);
        Turn {
            person: Some(person(directory, change.user)),
            from: change.start,
            to: change.end,
            is_override: true,
            change: href.is_some().then(|| change.id.to_string()),
            href,
        }
    };
    let row = |lane: &Vec<&Override>| Row::new("Overrides", RowKind::Overrides, lane.iter().map(as_turn).collect());
    lanes.iter().map(row).collect()
}
