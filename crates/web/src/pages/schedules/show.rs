//! `/schedules/{id}`: who is on call when, drawn; and who is on call at an instant, with the reason.

use axum::{extract::State, response::Response};
use http::Uri;
use jiff::{SignedDuration, Timestamp, civil, tz::TimeZone};
use opsknight_domain::{
    directory::{Directory, Role, Target},
    id::{OverrideId, ScheduleId},
    oncall::{
        Because, Explained, Gap, Layer, OnCall, Override, Schedule, Shift as Planned, Spoken, Unit, Weekdays,
        WhyAbsent, gaps_of,
    },
};
use opsknight_store::{db::Tx, schedules::OVERRIDE_KEPT_FOR};

use super::{
    look::Look,
    overrides,
    picture::{self, Ways, by_rank, person},
    zone_name, zone_words,
};
use crate::{
    api::{
        error::ApiError,
        extract::Path,
        schedules as actions,
        wire::{Id, ids},
    },
    calendar,
    pages::{
        PageError, dashboard,
        form::{Form, Wrong},
        viewer::Viewer,
    },
    state::AppState,
    views::{
        Answer, AnswerStep, Ask, Duty, Feed, Field, GapRow, LayerView, Link, OverrideRow, SchedulePage, Section, Shift,
        ShiftRow, Times,
    },
};

/// How many of the next changes of hands are listed, and how far ahead they are looked for.
const SHIFTS_MAX: usize = 8;
const SHIFTS_AHEAD: SignedDuration = SignedDuration::from_hours(60 * 24);
/// How many gaps are listed.
const GAPS_MAX: usize = 6;
/// The most lines of the timeline's table.
const TABLE_MAX: usize = 200;

/// A schedule as somebody looks at it.
pub(super) struct Shown<'a> {
    pub(super) viewer: &'a Viewer,
    pub(super) schedule: &'a Schedule,
    pub(super) look: Look,
    /// On whose clocks it is shown.
    pub(super) zone: TimeZone,
}

impl<'a> Shown<'a> {
    pub(super) fn new(viewer: &'a Viewer, schedule: &'a Schedule, look: Look) -> Self {
        let zone = if look.mine {
            viewer.zone.clone()
        } else {
            schedule.zone.clone()
        };
        Self {
            viewer,
            schedule,
            look,
            zone,
        }
    }

    /// A point in time on the clocks that are shown.
    pub(super) fn times(&self, at: Timestamp) -> Times {
        Times::new(at, self.viewer.now, &self.zone)
    }

    pub(super) fn change(&self, id: OverrideId) -> Option<&Override> {
        self.schedule.overrides.iter().find(|change| change.id == id)
    }

    pub(super) fn can_respond(&self) -> bool {
        self.viewer.person.role >= Role::Responder
    }
}

/// A schedule with the overrides that matter at `since` and later.
pub(super) async fn found(state: &AppState, id: ScheduleId, since: Timestamp) -> Result<Schedule, ApiError> {
    let unit = async move |tx: &mut Tx<'_>| actions::whole(tx, id, since).await;
    state.store.db.read(unit).await
}

/// `GET /schedules/{id}`
pub(in crate::pages) async fn show(
    State(state): State<AppState>,
    viewer: Viewer,
    Path(Id(id)): Path<ids::Schedule>,
    uri: Uri,
) -> Result<Response, PageError> {
    let look = Look::of(uri.query().unwrap_or_default(), id);
    // Zones are less than a day apart: what is looked at in the past begins no earlier than this.
    let since = look.frame(viewer.now, &TimeZone::UTC).from;
    let since = since.saturating_sub(OVERRIDE_KEPT_FOR).unwrap_or(since);
    let asked = look.at.as_deref().and_then(|at| overrides::instant(at, &TimeZone::UTC));
    let asked = asked.and_then(|at| at.checked_sub(OVERRIDE_KEPT_FOR).ok());
    let schedule = found(&state, id, since.min(viewer.now).min(asked.unwrap_or(since))).await?;
    let shown = Shown::new(&viewer, &schedule, look);
    let feed = feed(&state, &viewer, id).await?;
    viewer.page(&page(&shown, feed, None, None))
}

/// The schedule for calendar programs, by a link of the viewer's.
pub(super) async fn feed(state: &AppState, viewer: &Viewer, id: ScheduleId) -> Result<Feed, ApiError> {
    let (own, mut of_schedules) = calendar::feeds(state, viewer.person.id, &[id]).await?;
    Ok(of_schedules.pop().unwrap_or(own))
}

/// The page, with a form for overrides as it was typed where somebody has.
pub(super) fn page(
    shown: &Shown<'_>,
    feed: Feed,
    typed: Option<(&Form, &Wrong)>,
    id: Option<OverrideId>,
) -> SchedulePage {
    let (viewer, schedule) = (shown.viewer, shown.schedule);
    let directory = viewer.directory();
    let frame = shown.look.frame(viewer.now, &shown.zone);
    let planned = picture::shifts(schedule, &frame);
    let gaps = ahead(&gaps_of(&planned), viewer.now);
    let Duty { now, until, next, .. } = dashboard::duty(viewer, schedule);
    let on_call = schedule.on_call(viewer.now);
    let of_override = |change: &Override| {
        let editable = shown.can_respond() && change.end > viewer.now;
        editable.then(|| overrides::edit_way(shown, change.id))
    };
    let ways = Ways {
        of_shift: &|shift| overrides::way(shown, shift),
        of_override: &of_override,
    };
    let today = viewer.now.to_zoned_datetime(shown.zone.clone()).date();
    let mine = zone_words(&viewer.zone);
    SchedulePage {
        shell: viewer.shell(&schedule.name, Section::Schedules),
        id: schedule.id.to_string(),
        name: schedule.name.clone(),
        zone: zone_name(schedule),
        now,
        because: on_call.reason(),
        until,
        next,
        can_take: shown.can_respond() && on_call.user() != Some(viewer.person.id),
        range: shown.look.range(today, zone_name(schedule), mine),
        shown_at: shown.look.href(&[]),
        strip: picture::whole(directory, schedule, &frame, &ways),
        gaps: gaps.iter().take(GAPS_MAX).map(|gap| gap_row(shown, gap)).collect(),
        more_gaps: gaps.len().saturating_sub(GAPS_MAX),
        table: planned
            .iter()
            .take(TABLE_MAX)
            .map(|shift| table_row(shown, shift))
            .collect(),
        layers: by_rank(schedule)
            .into_iter()
            .map(|index| layer(directory, &schedule.layers[index]))
            .collect(),
        overrides: overrides_ahead(shown),
        shifts: next_shifts(shown),
        policies: policies(directory, schedule.id),
        form: overrides::form(shown, typed, id),
        ask: ask(shown),
        feed,
    }
}

/// The parts of gaps that still lie ahead: nobody can cover what is over.
pub(super) fn ahead(gaps: &[Gap], now: Timestamp) -> Vec<Gap> {
    let left = gaps.iter().filter(|gap| gap.end > now);
    left.map(|gap| Gap {
        start: gap.start.max(now),
        end: gap.end,
    })
    .collect()
}

/// "15 h", "2 d 3 h", "45 min".
pub(super) fn length(length: SignedDuration) -> String {
    let minutes = length.as_mins();
    let (days, hours, minutes) = (minutes / 1440, minutes / 60 % 24, minutes % 60);
    let parts = [(days, "d"), (hours, "h"), (minutes, "min")];
    let parts = parts.into_iter().filter(|(count, _)| *count > 0);
    let words: Vec<String> = parts.take(2).map(|(count, unit)| format!("{count} {unit}")).collect();
    if words.is_empty() {
        "less than a minute".to_owned()
    } else {
        words.join(" ")
    }
}

fn gap_row(shown: &Shown<'_>, gap: &Gap) -> GapRow {
    let shift = Planned {
        start: gap.start,
        end: gap.end,
        user: None,
        because: None,
    };
    GapRow {
        from: shown.times(gap.start),
        to: shown.times(gap.end),
        length: length(gap.length()),
        cover: overrides::way(shown, &shift),
    }
}

fn table_row(shown: &Shown<'_>, shift: &Planned) -> ShiftRow {
    let is_override = matches!(shift.because, Some(Because::Override { .. }));
    ShiftRow {
        person: shift.user.map(|id| person(shown.viewer.directory(), id)),
        from: shown.times(shift.start),
        to: shown.times(shift.end),
        by: shift.because.as_ref().map(Because::to_string).unwrap_or_default(),
        change: overrides::way(shown, shift).map(|href| Link::new(href, if is_override { "Change" } else { "Cover" })),
    }
}

fn layer(directory: &Directory, layer: &Layer) -> LayerView {
    let rotation = layer.rotation;
    let unit = match rotation.unit {
        Unit::Hours => "hour",
        Unit::Days => "day",
        Unit::Weeks => "week",
    };
    let every = match rotation.length {
        0 | 1 => format!("every {unit}"),
        length => format!("every {length} {unit}s"),
    };
    let limits = layer.restrictions.iter().map(|limit| {
        let days: Vec<String> = limit.days.iter().map(day_name).collect();
        let days = if days.is_empty() {
            "Every day".to_owned()
        } else {
            days.join(", ")
        };
        format!(
            "{days}, {} to {}",
            limit.from.strftime("%H:%M"),
            limit.to.strftime("%H:%M")
        )
    });
    LayerView {
        name: layer.name.clone(),
        rotation: format!("Changes hands {every} at {}", rotation.handoff.strftime("%H:%M")),
        people: layer.users.iter().map(|id| person(directory, *id)).collect(),
        restrictions: limits.collect(),
    }
}

fn day_name(day: civil::Weekday) -> String {
    let word = Weekdays::word(day);
    format!("{}{}", &word[..1], word[1..].to_lowercase())
}

fn overrides_ahead(shown: &Shown<'_>) -> Vec<OverrideRow> {
    let directory = shown.viewer.directory();
    let mut ahead: Vec<_> = shown
        .schedule
        .overrides
        .iter()
        .filter(|change| change.end > shown.viewer.now)
        .collect();
    ahead.sort_by_key(|change| change.start);
    let row = |change: &Override| OverrideRow {
        id: change.id.to_string(),
        person: person(directory, change.user),
        replaces: change.replaces.map(|id| directory.user_name(id).to_owned()),
        from: shown.times(change.start),
        to: shown.times(change.end),
        edit: overrides::edit_way(shown, change.id),
    };
    ahead.into_iter().map(row).collect()
}

fn next_shifts(shown: &Shown<'_>) -> Vec<Shift> {
    let now = shown.viewer.now;
    let end = now.saturating_add(SHIFTS_AHEAD).unwrap_or(Timestamp::MAX);
    let mut turns: Vec<Planned> = Vec::new();
    for shift in shown.schedule.shifts(now, end).unwrap_or_default() {
        // Another reason for the same person is no change of hands.
        match turns.last_mut() {
            Some(last) if last.user == shift.user => last.end = shift.end,
            _ => turns.push(shift),
        }
    }
    let ahead = turns.into_iter().filter(|turn| turn.start > now).take(SHIFTS_MAX);
    ahead
        .map(|shift| Shift {
            person: shift.user.map(|id| person(shown.viewer.directory(), id)),
            from: shown.times(shift.start),
            to: shown.times(shift.end),
        })
        .collect()
}

fn policies(directory: &Directory, schedule: ScheduleId) -> Vec<Link> {
    let by_it = |target: &Target| *target == Target::Schedule(schedule);
    let naming = directory.policies.values();
    let naming = naming.filter(|policy| policy.steps.iter().any(|step| step.targets.iter().any(by_it)));
    let mut links: Vec<Link> = naming
        .map(|policy| Link::new(format!("/policies/{}", policy.id), &policy.name))
        .collect();
    links.sort_by_key(|link| link.text.to_lowercase());
    links
}

/// "Who is on call at …": the answer where the address asks.
fn ask(shown: &Shown<'_>) -> Ask {
    let asked = shown.look.at.clone();
    let field = Field::new("at").with(
        asked
            .clone()
            .unwrap_or_else(|| overrides::local(shown.viewer.now, &shown.zone)),
    );
    let Some(text) = asked else {
        return Ask {
            at: field,
            answer: None,
        };
    };
    match overrides::instant(&text, &shown.zone) {
        Some(at) => Ask {
            at: field,
            answer: Some(answer(shown, at)),
        },
        None => Ask {
            at: field.wrong("Enter a date and a time of day."),
            answer: None,
        },
    }
}

fn answer(shown: &Shown<'_>, at: Timestamp) -> Answer {
    let directory = shown.viewer.directory();
    let Explained { answer, spoken } = shown.schedule.explain(at);
    let steps = spoken.iter().map(|spoken| step(shown, spoken, &answer)).collect();
    Answer {
        at: shown.times(at),
        person: answer.user().map(|id| person(directory, id)),
        reason: answer.reason(),
        until: shown.schedule.next_change(at).map(|until| shown.times(until)),
        steps,
    }
}

fn step(shown: &Shown<'_>, spoken: &Spoken, answer: &OnCall) -> AnswerStep {
    let directory = shown.viewer.directory();
    let because = match answer {
        OnCall::Somebody { because, .. } => Some(because),
        OnCall::Nobody { .. } => None,
    };
    match spoken {
        Spoken::Layer { index, says } => AnswerStep {
            by: format!("Layer {}", shown.schedule.layers[*index].name),
            says: match says {
                Ok(user) => directory.user_name(*user).to_owned(),
                Err(WhyAbsent::Empty) => "has no people".to_owned(),
                Err(WhyAbsent::Restricted) => "does not cover this time".to_owned(),
                Err(WhyAbsent::NotStarted { start }) => {
                    format!("begins on {}", shown.times(*start).short)
                }
            },
            decides: matches!(because, Some(Because::Layer { index: known, .. }) if known == index),
        },
        Spoken::Override { id, user, applies } => AnswerStep {
            by: "Override".to_owned(),
            says: if *applies {
                directory.user_name(*user).to_owned()
            } else {
                format!("{}, but whom it replaces is not on call", directory.user_name(*user))
            },
            decides: matches!(because, Some(Because::Override { id: known }) if known == id),
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lengths_are_told_in_two_units_at_most() {
        let told =
            [0, 45, 15 * 60, 27 * 60 + 30, 48 * 60 + 5].map(|minutes| length(SignedDuration::from_mins(minutes)));
        assert_eq!(told, ["less than a minute", "45 min", "15 h", "1 d 3 h", "2 d 5 min"]);
    }
}
