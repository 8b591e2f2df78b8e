//! `/schedules/{id}`: who is on call when, drawn over two weeks; overrides.

use axum::{extract::State, response::Response};
use http::Uri;
use jiff::{SignedDuration, Timestamp, ToSpan as _, civil};
use opsknight_domain::{
    directory::{Directory, Target},
    id::{ScheduleId, UserId},
    oncall::{Because, Layer, Schedule, Shift as Planned, Unit, Weekdays},
};
use serde_json::{Value, json};

use super::zone_name;
use crate::{
    api::{
        error::{ApiError, Problems},
        extract::{Path, from_value},
        schedules as actions,
        wire::{Id, ids},
    },
    pages::{
        PageError, choices, dashboard,
        form::{Form, Wrong},
        viewer::{Viewer, done, refused},
    },
    state::AppState,
    views::{Duty, LayerView, Link, OverrideRow, Person, SchedulePage, Section, Shift, Strip, Turn},
};

/// How many days are drawn.
const DAYS: i64 = 14;
/// How many of the next changes of hands are listed, and how far ahead they are looked for.
const SHIFTS_MAX: usize = 8;
const SHIFTS_AHEAD: SignedDuration = SignedDuration::from_hours(60 * 24);

/// The names of fields as the API knows them, and as the form does.
const NAMES: [(&str, &str); 2] = [("userId", "user_id"), ("replacesUserId", "replaces_user_id")];

/// `GET /schedules/{id}`
pub(in crate::pages) async fn show(
    viewer: Viewer,
    Path(Id(id)): Path<ids::Schedule>,
    uri: Uri,
) -> Result<Response, PageError> {
    let query = uri.query().unwrap_or_default().as_bytes();
    let from = form_urlencoded::parse(query).find(|(name, _)| name == "from");
    let from = from.and_then(|(_, date)| date.parse().ok());
    let schedule = found(&viewer, id)?;
    viewer.page(&page(&viewer, schedule, from, &Form::default(), &Wrong::default()))
}

fn found(viewer: &Viewer, id: ScheduleId) -> Result<&Schedule, ApiError> {
    let schedule = viewer.directory().schedules.get(&id);
    schedule.ok_or_else(|| ApiError::not_found("schedule"))
}

fn person(directory: &Directory, id: UserId) -> Person {
    Person::new(id.to_string(), directory.user_name(id))
}

fn page(viewer: &Viewer, schedule: &Schedule, from: Option<civil::Date>, form: &Form, wrong: &Wrong) -> SchedulePage {
    let directory = viewer.directory();
    let today = viewer.now.to_zoned_datetime(schedule.zone.clone()).date();
    let monday = today
        .checked_sub(i64::from(today.weekday().to_monday_zero_offset()).days())
        .unwrap_or(today);
    let first = from.unwrap_or(monday);
    let path =
        |date: Result<civil::Date, jiff::Error>| format!("/schedules/{}?from={}", schedule.id, date.unwrap_or(monday));
    let Duty { now, until, next, .. } = dashboard::duty(viewer, schedule);
    let users = choices::people(directory);
    SchedulePage {
        shell: viewer.shell(&schedule.name, Section::Schedules),
        id: schedule.id.to_string(),
        name: schedule.name.clone(),
        zone: zone_name(schedule),
        now,
        until,
        next,
        strip: strip(viewer, schedule, first),
        before: path(first.checked_sub(DAYS.days())),
        after: path(first.checked_add(DAYS.days())),
        today: (first != monday).then(|| format!("/schedules/{}", schedule.id)),
        layers: by_rank(schedule)
            .into_iter()
            .map(|index| layer(directory, &schedule.layers[index]))
            .collect(),
        overrides: overrides(viewer, schedule),
        shifts: shifts(viewer, schedule),
        policies: policies(directory, schedule.id),
        override_user: form.select("user_id", wrong, choices::or_none("Choose…", users.clone())),
        override_replaces: form.select("replaces_user_id", wrong, choices::or_none("Whoever is on call", users)),
        override_start: form.field("start", wrong),
        override_end: form.field("end", wrong),
    }
}

/// The places of the layers, those that win last: the order of the page.
fn by_rank(schedule: &Schedule) -> Vec<usize> {
    let mut places: Vec<usize> = (0..schedule.layers.len()).collect();
    places.sort_by_key(|&place| schedule.layers[place].priority);
    places
}

fn strip(viewer: &Viewer, schedule: &Schedule, first: civil::Date) -> Strip {
    let directory = viewer.directory();
    let midnight = |date: civil::Date| {
        date.to_zoned_datetime(schedule.zone.clone())
            .map_or(viewer.now, |zoned| zoned.timestamp())
    };
    let from = midnight(first);
    let to = first.checked_add(DAYS.days()).map_or(from, midnight);
    let turn = |shift: Planned| Turn {
        person: shift.user.map(|id| person(directory, id)),
        from: shift.start,
        to: shift.end,
        is_override: matches!(shift.because, Some(Because::Override { .. })),
    };
    let of_layers = by_rank(schedule).into_iter().map(|index| {
        let shifts = schedule.layer_shifts(index, from, to).unwrap_or_default();
        let held = shifts.into_iter().filter(|shift| shift.user.is_some());
        (schedule.layers[index].name.clone(), false, held.map(turn).collect())
    });
    let all = schedule.shifts(from, to).unwrap_or_default();
    let last = ("On call".to_owned(), true, all.into_iter().map(turn).collect());
    Strip::draw(from, to, viewer.now, &schedule.zone, of_layers.chain([last]).collect())
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

fn overrides(viewer: &Viewer, schedule: &Schedule) -> Vec<OverrideRow> {
    let directory = viewer.directory();
    let mut ahead: Vec<_> = schedule
        .overrides
        .iter()
        .filter(|change| change.end > viewer.now)
        .collect();
    ahead.sort_by_key(|change| change.start);
    let row = |change: &opsknight_domain::oncall::Override| OverrideRow {
        id: change.id.to_string(),
        person: person(directory, change.user),
        replaces: change.replaces.map(|id| directory.user_name(id).to_owned()),
        from: viewer.times(change.start),
        to: viewer.times(change.end),
    };
    ahead.into_iter().map(row).collect()
}

fn shifts(viewer: &Viewer, schedule: &Schedule) -> Vec<Shift> {
    let end = viewer.now.saturating_add(SHIFTS_AHEAD).unwrap_or(Timestamp::MAX);
    let planned = schedule.shifts(viewer.now, end).unwrap_or_default();
    let ahead = planned
        .into_iter()
        .filter(|shift| shift.start > viewer.now)
        .take(SHIFTS_MAX);
    ahead
        .map(|shift| Shift {
            person: shift.user.map(|id| person(viewer.directory(), id)),
            from: viewer.times(shift.start),
            to: viewer.times(shift.end),
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

/// `POST /schedules/{id}/overrides`
pub(in crate::pages) async fn add_override(
    State(state): State<AppState>,
    viewer: Viewer,
    Path(Id(id)): Path<ids::Schedule>,
    form: Form,
) -> Result<Response, PageError> {
    let schedule = found(&viewer, id)?;
    let added = match override_body(&form, schedule).and_then(from_value) {
        Ok(new) => actions::overrides::add_override(&state, &viewer.caller, id, new).await,
        Err(error) => Err(error),
    };
    match added {
        Ok(_) => Ok(done(&format!("/schedules/{id}"), "The override was added.")),
        Err(error) => {
            let wrong = Wrong::of_error(error, &NAMES)?;
            viewer.refused_page(&page(&viewer, schedule, None, &form, &wrong))
        }
    }
}

/// What is typed, as the body of the API: times are read on the clocks of the schedule's zone.
fn override_body(form: &Form, schedule: &Schedule) -> Result<Value, ApiError> {
    let mut problems = Problems::default();
    if form.given("user_id").is_none() {
        problems.add("user_id", "must be chosen");
    }
    let mut time = |name: &str| {
        let local = form.text(name).parse::<civil::DateTime>().ok();
        let zoned = local.and_then(|local| local.to_zoned_datetime(schedule.zone.clone()).ok());
        let why = "must be a date and a time of day";
        problems.take(name, zoned.map(|zoned| zoned.timestamp().to_string()).ok_or(why))
    };
    let (start, end) = (time("start"), time("end"));
    problems.check()?;
    Ok(json!({
        "userId": form.given("user_id"),
        "replacesUserId": form.given("replaces_user_id"),
        "start": start,
        "end": end,
    }))
}

/// `POST /schedules/{id}/overrides/{ovr}/delete`
pub(in crate::pages) async fn delete_override(
    State(state): State<AppState>,
    viewer: Viewer,
    Path((Id(id), Id(change))): Path<(ids::Schedule, ids::Override)>,
) -> Result<Response, PageError> {
    let path = format!("/schedules/{id}");
    match actions::overrides::delete_override(&state, &viewer.caller, id, change).await {
        Ok(()) => Ok(done(&path, "The override was removed.")),
        Err(error) => refused(&path, error),
    }
}
