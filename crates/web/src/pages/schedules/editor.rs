//! The editor of a schedule's layers: a form that can be rearranged without being saved.
//!
//! On the page the lower of two layers wins; that is the order of the list where all have the same priority.

use jiff::{civil, tz::TimeZone};
use opsknight_domain::{
    id::ScheduleId,
    oncall::{Layer, Unit, Weekdays},
};
use opsknight_store::schedules::ScheduleRow as Stored;
use serde_json::{Value, json};

use super::review;
use crate::{
    api::error::{ApiError, Problems},
    pages::{
        PageError, choices,
        form::{Form, List, Wrong},
        viewer::Viewer,
        zones,
    },
    views::{Checks, Choice, Field, LayerForm, RestrictionForm, ScheduleForm, Section, Select},
};

/// The names of the fields of a layer, behind `layers.N.`.
const LAYER_FIELDS: [&str; 7] = ["name", "users", "length", "unit", "start", "handoff", "restrictions"];
/// Most restrictions of a layer that the editor shows.
const RESTRICTIONS_SHOWN_MAX: usize = 24;

fn layers(form: &Form) -> List {
    List::read(form, "layers", &LAYER_FIELDS)
}

/// The form with its layers numbered from 0 without gaps.
pub(super) fn numbered(form: &Form) -> Form {
    layers(form).write(form)
}

/// A form with one layer of weekly turns that begins today.
pub(super) fn empty(viewer: &Viewer) -> Form {
    let form = Form::of([("time_zone".to_owned(), viewer.person.time_zone.clone())]);
    let mut list = layers(&form);
    let today = viewer.now.to_zoned_datetime(viewer.zone.clone()).date().to_string();
    push_layer(&mut list, &today);
    list.write(&form)
}

fn push_layer(list: &mut List, start: &str) {
    let name = format!("Layer {}", list.len() + 1);
    list.push([
        ("name", name.as_str()),
        ("length", "1"),
        ("unit", Unit::Weeks.word()),
        ("start", start),
        ("handoff", "09:00"),
    ]);
}

/// The form as a schedule would have filled it in. Layers stand in the order in which they win, the last in front of
/// all others.
pub(super) fn of_schedule(row: &Stored) -> Form {
    let mut fields = vec![
        ("name".to_owned(), row.name.clone()),
        ("time_zone".to_owned(), row.zone.iana_name().unwrap_or("UTC").to_owned()),
    ];
    let mut ordered: Vec<&Layer> = row.layers.iter().collect();
    ordered.sort_by_key(|layer| layer.priority);
    for (n, layer) in ordered.into_iter().enumerate() {
        let mut add = |name: &str, value: String| fields.push((format!("layers.{n}.{name}"), value));
        add("name", layer.name.clone());
        add("length", layer.rotation.length.to_string());
        add("unit", layer.rotation.unit.word().to_owned());
        add(
            "start",
            layer
                .rotation
                .start
                .to_zoned_datetime(row.zone.clone())
                .date()
                .to_string(),
        );
        add("handoff", minute(layer.rotation.handoff));
        for user in &layer.users {
            add("users", user.to_string());
        }
        for (m, limit) in layer.restrictions.iter().enumerate() {
            for day in limit.days.iter() {
                add(&format!("restrictions.{m}.days"), Weekdays::word(day).to_owned());
            }
            add(&format!("restrictions.{m}.from"), minute(limit.from));
            add(&format!("restrictions.{m}.to"), minute(limit.to));
        }
    }
    Form::of(fields)
}

fn minute(time: civil::Time) -> String {
    time.strftime("%H:%M").to_string()
}

/// The form as a new schedule that is like this one.
pub(super) fn copy_of(row: &Stored) -> Form {
    let name = format!("Copy of {}", row.name);
    Form::of([("name".to_owned(), name)]).over(&of_schedule(row))
}

/// The form as it is shown again without being saved: as it is, where somebody only wants to see what it comes to, or
/// as one of the editor's buttons asks for it; nothing when it is to be saved.
pub(super) fn unsaved(form: &Form, viewer: &Viewer) -> Option<Form> {
    if form.text("do") == "preview" {
        return Some(form.clone());
    }
    rearranged(form, viewer)
}

fn rearranged(form: &Form, viewer: &Viewer) -> Option<Form> {
    if form.given("save").is_some() {
        return None;
    }
    let mut list = layers(form);
    let button = |name: &str| form.text(name).parse::<usize>().ok();
    if form.given("add_layer").is_some() {
        push_layer(
            &mut list,
            &viewer.now.to_zoned_datetime(viewer.zone.clone()).date().to_string(),
        );
    } else if let Some(n) = button("remove_layer") {
        list.remove(n);
    } else if let Some(n) = button("up") {
        list.swap(n, n.checked_sub(1)?);
    } else if let Some(n) = button("down") {
        list.swap(n, n + 1);
    } else if let Some(n) = button("add_restriction") {
        let m = restrictions(form, n).into_iter().max().map_or(0, |last| last + 1);
        let layer = list.entry(n)?;
        layer.push((format!("restrictions.{m}.from"), "09:00".to_owned()));
        layer.push((format!("restrictions.{m}.to"), "17:00".to_owned()));
    } else if let Some((n, m)) = form.text("remove_restriction").split_once('.') {
        let layer = list.entry(n.parse().ok()?)?;
        let start = format!("restrictions.{m}.");
        layer.retain(|(name, _)| !name.starts_with(&start));
    } else if let Some((n, place, by)) = moved_person(form) {
        move_person(list.entry(n)?, place, by);
    } else if button("add_user").is_none() {
        return None;
    }
    Some(list.write(form))
}

/// Which person is to move in their layer, and by how many places: `user_up=0.2`, `user_down=0.2`.
fn moved_person(form: &Form) -> Option<(usize, usize, isize)> {
    let place = |name: &str| {
        let (n, place) = form.text(name).split_once('.')?;
        Some((n.parse().ok()?, place.parse().ok()?))
    };
    let up = place("user_up").map(|(n, place)| (n, place, -1));
    up.or_else(|| place("user_down").map(|(n, place)| (n, place, 1)))
}

/// Changes a person's place among those of a layer.
fn move_person(layer: &mut [(String, String)], place: usize, by: isize) {
    let places: Vec<usize> = (0..layer.len()).filter(|index| layer[*index].0 == "users").collect();
    let other = place.checked_add_signed(by).and_then(|other| places.get(other));
    if let (Some(&one), Some(&other)) = (places.get(place), other) {
        layer.swap(one, other);
    }
}

/// The numbers of the restrictions of a layer, in order.
pub(super) fn restrictions(form: &Form, n: usize) -> Vec<usize> {
    let mut numbers = form.indices(&format!("layers.{n}.restrictions"));
    numbers.truncate(RESTRICTIONS_SHOWN_MAX);
    numbers
}

/// The page of the editor.
pub(super) fn page(viewer: &Viewer, id: Option<ScheduleId>, form: &Form, wrong: &Wrong) -> ScheduleForm {
    let title = if id.is_some() { "Edit schedule" } else { "New schedule" };
    let count = layers(form).len();
    ScheduleForm {
        shell: viewer.shell(title, Section::Schedules),
        id: id.map(|id| id.to_string()),
        name: form.field("name", wrong),
        time_zone: form.select("time_zone", wrong, zones::choices()),
        layers: (0..count).map(|n| layer(viewer, form, n, wrong)).collect(),
        preview: review::preview(viewer, &review::as_typed(form, count, id, viewer)),
    }
}

fn layer(viewer: &Viewer, form: &Form, n: usize, wrong: &Wrong) -> LayerForm {
    let users = format!("layers.{n}.users");
    let chosen = form.all(&users);
    let options = choices::or_none("Choose…", choices::people(viewer.directory()));
    let rows = (0..=chosen.len()).map(|place| {
        let mut field = Field::new(&users).with(chosen.get(place).copied().unwrap_or_default());
        field.id = format!("layers-{n}-users-{place}");
        if place == 0 {
            field.error = form.field(&users, wrong).error;
        }
        Select::new(field, options.clone())
    });
    let units = [(Unit::Hours, "Hours"), (Unit::Days, "Days"), (Unit::Weeks, "Weeks")];
    let units = units.map(|(unit, name)| Choice::new(unit.word(), name));
    let field = |name: &str| form.field(&format!("layers.{n}.{name}"), wrong);
    LayerForm {
        name: field("name"),
        users: rows.collect(),
        length: field("length"),
        unit: Select::new(field("unit"), units),
        start: field("start"),
        handoff: field("handoff"),
        restrictions: restrictions(form, n)
            .into_iter()
            .map(|m| restriction(form, n, m, wrong))
            .collect(),
    }
}

fn restriction(form: &Form, n: usize, m: usize, wrong: &Wrong) -> RestrictionForm {
    let name = |last: &str| format!("layers.{n}.restrictions.{m}.{last}");
    let chosen = form.all(&name("days"));
    let days = civil::Weekday::Monday.cycle_forward().take(7).map(|day| {
        let word = Weekdays::word(day);
        let label = format!("{}{}", &word[..1], word[1..].to_lowercase());
        Choice::new(word, label).chosen(chosen.contains(&word))
    });
    RestrictionForm {
        days: Checks::new(form.field(&name("days"), wrong).with(""), days),
        from: form.field(&name("from"), wrong),
        to: form.field(&name("to"), wrong),
    }
}

/// What is typed, as the body of the API. `known` is what is stored: a start that was not touched keeps its instant.
pub(super) fn as_body(form: &Form, known: Option<&Stored>) -> Result<Value, ApiError> {
    let mut problems = Problems::default();
    let zone_name = form.text("time_zone");
    let zone = TimeZone::get(zone_name).unwrap_or(TimeZone::UTC);
    let mut bodies = Vec::new();
    for n in 0..layers(form).len() {
        let name = |last: &str| format!("layers.{n}.{last}");
        let length: Option<u32> = form.number(&name("length"), &mut problems);
        let start = start(form, n, &zone, known);
        let start = problems.take(&name("start"), start).unwrap_or_default();
        let limits = restrictions(form, n).into_iter().map(|m| {
            let at = |last: &str| format!("layers.{n}.restrictions.{m}.{last}");
            json!({ "days": form.all(&at("days")), "from": form.text(&at("from")), "to": form.text(&at("to")) })
        });
        bodies.push(json!({
            "name": form.text(&name("name")),
            "users": form.all(&name("users")),
            "rotation": {
                "unit": form.text(&name("unit")),
                "length": length.unwrap_or_default(),
                "start": start,
                "handoff": form.text(&name("handoff")),
            },
            "restrictions": limits.collect::<Vec<_>>(),
            "priority": 0,
        }));
    }
    problems.check()?;
    Ok(json!({ "name": form.text("name"), "timeZone": zone_name, "layers": bodies }))
}

/// When a layer begins: the hand-off time of the day that is typed, on the clocks of the zone.
fn start(form: &Form, n: usize, zone: &TimeZone, known: Option<&Stored>) -> Result<String, &'static str> {
    let date: civil::Date = form
        .text(&format!("layers.{n}.start"))
        .parse()
        .map_err(|_| "must be a date, such as 2026-01-31")?;
    let handoff: civil::Time = form
        .text(&format!("layers.{n}.handoff"))
        .parse()
        .unwrap_or(civil::Time::MIN);
    let same = known
        .into_iter()
        .flat_map(|row| &row.layers)
        .map(|layer| layer.rotation)
        .find(|rotation| {
            rotation.start.to_zoned_datetime(zone.clone()).date() == date && minute(rotation.handoff) == minute(handoff)
        });
    if let Some(rotation) = same {
        return Ok(rotation.start.to_string());
    }
    let local = date.to_datetime(handoff).to_zoned_datetime(zone.clone());
    local
        .map(|local| local.timestamp().to_string())
        .map_err(|_| "must be a date within the years that can be told")
}

/// What the API says of `layers[0].rotation.start` is shown beside `layers.0.start`.
pub(super) fn wrong(error: ApiError) -> Result<Wrong, PageError> {
    let wrong = Wrong::of_error(error, &[("timeZone", "time_zone")])?;
    Ok(wrong.renamed(|field| {
        let rest = field.strip_prefix("layers[")?;
        let (n, rest) = rest.split_once(']')?;
        let rest = rest.trim_start_matches('.').trim_start_matches("rotation.");
        let rest = rest.replace('[', ".").replace(']', "");
        let rest = match rest.split('.').next().unwrap_or_default() {
            "" | "priority" => "name".to_owned(),
            "users" => "users".to_owned(),
            _ => rest,
        };
        Some(format!("layers.{n}.{rest}"))
    }))
}
