//! `/schedules`: who is on call at which hour.

use askama::Template;

use super::{Checks, Field, FormError, Link, Person, Select, Shell, Strip, Times, form::errors};

/// `/schedules`
#[derive(Debug, Clone, Template)]
#[template(path = "schedules/list.html")]
pub struct ScheduleList {
    /// Around the page.
    pub shell: Shell,
    /// The schedules, by name.
    pub rows: Vec<ScheduleRow>,
}

/// A schedule in a list.
#[derive(Debug, Clone)]
pub struct ScheduleRow {
    /// Its page and name.
    pub link: Link,
    /// Its zone.
    pub zone: String,
    /// Who is on call; nobody: a gap.
    pub now: Vec<Person>,
    /// Until when, where it ends.
    pub until: Option<Times>,
    /// Who comes next.
    pub next: Option<Person>,
}

/// `/schedules/{id}`, with `?from=2026-11-23` for other weeks.
#[derive(Debug, Clone, Template)]
#[template(path = "schedules/show.html")]
pub struct SchedulePage {
    /// Around the page.
    pub shell: Shell,
    /// Its identity.
    pub id: String,
    /// Its name.
    pub name: String,
    /// Its zone.
    pub zone: String,
    /// Who is on call now; nobody: a gap.
    pub now: Vec<Person>,
    /// Until when.
    pub until: Option<Times>,
    /// Who comes next.
    pub next: Option<Person>,
    /// Two weeks, layer by layer and in the end.
    pub strip: Strip,
    /// The two weeks before, those after, and those of today where they are not shown.
    pub before: String,
    /// The two weeks after.
    pub after: String,
    /// The weeks of today; none: they are shown.
    pub today: Option<String>,
    /// The layers; those lower in the list win over those above.
    pub layers: Vec<LayerView>,
    /// Overrides that have not ended, soonest first.
    pub overrides: Vec<OverrideRow>,
    /// The next changes of hands.
    pub shifts: Vec<Shift>,
    /// The policies that page by it.
    pub policies: Vec<Link>,
    /// `user_id` of the form for overrides
    pub override_user: Select,
    /// `replaces_user_id`, or empty for whoever is on call
    pub override_replaces: Select,
    /// `start`, local to the schedule's zone: `2026-11-23T09:00`
    pub override_start: Field,
    /// `end`, the same
    pub override_end: Field,
}

impl SchedulePage {
    /// What is wrong with the form for overrides.
    #[must_use]
    pub fn errors(&self) -> Vec<FormError> {
        let people = [&self.override_user.field, &self.override_replaces.field];
        errors(people.into_iter().chain([&self.override_start, &self.override_end]))
    }
}

/// A layer as it is read.
#[derive(Debug, Clone)]
pub struct LayerView {
    /// Its name.
    pub name: String,
    /// "Changes hands every week, on Monday at 09:00".
    pub rotation: String,
    /// Who takes turns, in order.
    pub people: Vec<Person>,
    /// "Monday to Friday, 09:00 to 17:00"; empty: at all times.
    pub restrictions: Vec<String>,
}

/// An override in the list.
#[derive(Debug, Clone)]
pub struct OverrideRow {
    /// Its identity.
    pub id: String,
    /// Who takes over.
    pub person: Person,
    /// For whom; none: for whoever is on call.
    pub replaces: Option<String>,
    /// From when.
    pub from: Times,
    /// Until when.
    pub to: Times,
}

/// Somebody's turn.
#[derive(Debug, Clone)]
pub struct Shift {
    /// Who; none: a gap.
    pub person: Option<Person>,
    /// From when.
    pub from: Times,
    /// Until when.
    pub to: Times,
}

/// `/schedules/new` and `/schedules/{id}/edit`
#[derive(Debug, Clone, Template)]
#[template(path = "schedules/form.html")]
pub struct ScheduleForm {
    /// Around the page.
    pub shell: Shell,
    /// The schedule that is edited; none: a new one.
    pub id: Option<String>,
    /// `name`
    pub name: Field,
    /// `time_zone`
    pub time_zone: Select,
    /// The layers in their order, at least one.
    pub layers: Vec<LayerForm>,
}

/// A layer in the editor.
#[derive(Debug, Clone)]
pub struct LayerForm {
    /// `layers.N.name`
    pub name: Field,
    /// `layers.N.users`, repeated, in the order of turns; empty ones are left out, and the last is always an empty one.
    pub users: Vec<Select>,
    /// `layers.N.length`: how many units a turn lasts
    pub length: Field,
    /// `layers.N.unit`: `HOURS`, `DAYS`, `WEEKS`
    pub unit: Select,
    /// `layers.N.start`: a date, `2026-11-23`
    pub start: Field,
    /// `layers.N.handoff`: a time of day, `09:00`
    pub handoff: Field,
    /// When the layer is on duty; none: at all times.
    pub restrictions: Vec<RestrictionForm>,
}

/// A restriction in the editor.
#[derive(Debug, Clone)]
pub struct RestrictionForm {
    /// `layers.N.restrictions.M.days`, repeated: `MON` to `SUN`
    pub days: Checks,
    /// `layers.N.restrictions.M.from`: a time of day
    pub from: Field,
    /// `layers.N.restrictions.M.to`: a time of day; earlier than `from`: across midnight
    pub to: Field,
}

impl ScheduleForm {
    /// What is wrong, in order.
    #[must_use]
    pub fn errors(&self) -> Vec<FormError> {
        let layers = self.layers.iter().flat_map(|layer| {
            let restrictions = layer.restrictions.iter();
            let users = layer.users.iter().map(|user| &user.field);
            std::iter::once(&layer.name)
                .chain(users)
                .chain([&layer.length, &layer.unit.field, &layer.start, &layer.handoff])
                .chain(restrictions.flat_map(|limit| [&limit.days.field, &limit.from, &limit.to]))
        });
        errors([&self.name, &self.time_zone.field].into_iter().chain(layers))
    }

    /// Where the form is sent.
    #[must_use]
    pub fn action(&self) -> String {
        self.id
            .as_ref()
            .map_or_else(|| "/schedules".to_owned(), |id| format!("/schedules/{id}"))
    }
}
