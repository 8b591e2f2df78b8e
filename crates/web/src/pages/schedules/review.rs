//! A schedule that is being edited, as it would be: two weeks of it drawn, and what a planner should know, in words.

use jiff::{Timestamp, ToSpan as _, civil, tz::TimeZone};
use opsknight_domain::{
    directory::{Directory, Standing},
    id::{ScheduleId, UserId},
    oncall::{Gap, Layer, Restriction, Rotation, Schedule, Unit, Weekdays},
};

use super::{
    picture::{self, Ways},
    show::length,
    zone_words,
};
use crate::{
    pages::{form::Form, viewer::Viewer},
    views::{Frame, Scale, SchedulePreview},
};

/// How many days are drawn.
const DAYS: i64 = 14;
/// How many gaps are told one by one.
const GAPS_TOLD_MAX: usize = 4;

/// What is typed, as far as it can be read. Layers stand in the order in which they win.
pub(super) fn as_typed(form: &Form, layers: usize, id: Option<ScheduleId>, viewer: &Viewer) -> Schedule {
    let zone = TimeZone::get(form.text("time_zone")).unwrap_or(TimeZone::UTC);
    let id = id.unwrap_or_else(|| ScheduleId::new(uuid::Uuid::nil()));
    // Overrides stay as they are, so that the picture is what will be.
    let known = viewer.directory().schedules.get(&id);
    Schedule {
        id,
        name: form.text("name").to_owned(),
        layers: (0..layers).map(|n| layer(form, n, &zone, viewer.now)).collect(),
        overrides: known.map(|known| known.overrides.clone()).unwrap_or_default(),
        zone,
    }
}

fn layer(form: &Form, n: usize, zone: &TimeZone, now: Timestamp) -> Layer {
    let name = |last: &str| format!("layers.{n}.{last}");
    let handoff: civil::Time = form.text(&name("handoff")).parse().unwrap_or_default();
    let date: Option<civil::Date> = form.text(&name("start")).parse().ok();
    let start = date.and_then(|date| date.to_datetime(handoff).to_zoned_datetime(zone.clone()).ok());
    let people = form.all(&name("users"));
    Layer {
        name: form.text(&name("name")).to_owned(),
        users: people.into_iter().filter_map(|id| id.parse().ok()).collect(),
        rotation: Rotation {
            unit: Unit::from_word(form.text(&name("unit"))).unwrap_or(Unit::Weeks),
            length: form.text(&name("length")).parse().unwrap_or(1),
            start: start.map_or(now, |start| start.timestamp()),
            handoff,
        },
        restrictions: restrictions(form, n),
        priority: 0,
    }
}

fn restrictions(form: &Form, n: usize) -> Vec<Restriction> {
    let read = |m: usize| {
        let name = |last: &str| format!("layers.{n}.restrictions.{m}.{last}");
        let days: Weekdays = form
            .all(&name("days"))
            .into_iter()
            .filter_map(Weekdays::from_word)
            .collect();
        Some(Restriction {
            days,
            from: form.text(&name("from")).parse().ok()?,
            to: form.text(&name("to")).parse().ok()?,
        })
    };
    super::editor::restrictions(form, n)
        .into_iter()
        .filter_map(read)
        .collect()
}

/// The schedule as it would be.
pub(super) fn preview(viewer: &Viewer, schedule: &Schedule) -> SchedulePreview {
    let zone = &schedule.zone;
    let today = viewer.now.to_zoned_datetime(zone.clone()).date();
    let end = today.checked_add(DAYS.days()).unwrap_or(today);
    let midnight = |date: civil::Date| {
        let zoned = date.to_zoned_datetime(zone.clone());
        zoned.map_or(viewer.now, |zoned| zoned.timestamp())
    };
    let frame = Frame {
        from: midnight(today),
        to: midnight(end),
        now: viewer.now,
        zone: zone.clone(),
        scale: Scale::Fortnight,
        width_px: Frame::COMPACT_PX,
    };
    let last = end.yesterday().unwrap_or(end);
    SchedulePreview {
        title: format!(
            "{} to {}, {}",
            today.strftime("%a %-d %b"),
            last.strftime("%a %-d %b"),
            zone_words(zone)
        ),
        strip: picture::whole(viewer.directory(), schedule, &frame, &Ways::NONE),
        warnings: warnings(viewer, schedule, &frame),
    }
}

fn warnings(viewer: &Viewer, schedule: &Schedule, frame: &Frame) -> Vec<String> {
    let directory = viewer.directory();
    let named = |index: usize| {
        let name = schedule.layers[index].name.as_str();
        if name.is_empty() {
            format!("Layer {}", index + 1)
        } else {
            format!("Layer “{name}”")
        }
    };
    let mut warnings = Vec::new();
    for (index, layer) in schedule.layers.iter().enumerate() {
        if layer.users.is_empty() {
            warnings.push(format!("{} has no people.", named(index)));
        } else if layer.rotation.start >= frame.to {
            let starts = layer.rotation.start.to_zoned_datetime(frame.zone.clone());
            warnings.push(format!("{} begins on {}.", named(index), starts.strftime("%-d %b %Y")));
        }
        warnings.extend(absent(directory, &layer.users).map(|name| {
            format!(
                "{}: the account of {name} is disabled, so they are not paged.",
                named(index)
            )
        }));
    }
    let unheard = schedule.unheard_layers(frame.from, frame.to).unwrap_or_default();
    warnings.extend(
        unheard
            .into_iter()
            .map(|index| format!("{} is never on call: a layer below it always is.", named(index))),
    );
    let from = frame.from.max(viewer.now);
    let gaps = schedule.gaps(from, frame.to).unwrap_or_default();
    warnings.extend(gaps.iter().take(GAPS_TOLD_MAX).map(|gap| told(gap, frame)));
    match gaps.len().saturating_sub(GAPS_TOLD_MAX) {
        0 => {}
        1 => warnings.push("And once more in these two weeks.".to_owned()),
        more => warnings.push(format!("And {more} more times in these two weeks.")),
    }
    warnings
}

/// The names of those who cannot be paged, each once.
fn absent<'a>(directory: &'a Directory, users: &'a [UserId]) -> impl Iterator<Item = &'a str> {
    let disabled = |id: &&UserId| {
        directory
            .users
            .get(id)
            .is_some_and(|user| user.standing == Standing::Disabled)
    };
    let mut found: Vec<&str> = users
        .iter()
        .filter(disabled)
        .map(|id| directory.user_name(*id))
        .collect();
    found.sort_unstable();
    found.dedup();
    found.into_iter()
}

/// "Sat 28 Nov 18:00 to Sun 29 Nov 09:00: nobody (15 h)", "Sat 28 Nov 09:00 to 18:00: nobody (9 h)".
fn told(gap: &Gap, frame: &Frame) -> String {
    let local = |at: Timestamp| at.to_zoned_datetime(frame.zone.clone());
    let (start, end) = (local(gap.start), local(gap.end));
    let end = if gap.end == frame.to {
        "the end of this picture".to_owned()
    } else if start.date() == end.date() {
        end.strftime("%H:%M").to_string()
    } else {
        end.strftime("%a %-d %b %H:%M").to_string()
    };
    let start = start.strftime("%a %-d %b %H:%M");
    format!("{start} to {end}: nobody ({})", length(gap.length()))
}
