//! `/schedules`: who is on call at which hour.

use askama::Template;

use super::{Checks, Field, FormError, Link, Person, Select, Shell, Strip, Times, form::errors};

/// For how many hours somebody can take over with one click.
pub const TAKE_HOURS: [i64; 4] = [1, 2, 4, 8];

/// `/schedules`, with `?name=` to look for some.
#[derive(Debug, Clone, Template)]
#[template(path = "schedules/list.html")]
pub struct ScheduleList {
    /// Around the page.
    pub shell: Shell,
    /// What was looked for.
    pub query: String,
    /// How many schedules there are in all.
    pub total: usize,
    /// The schedules, by name.
    pub rows: Vec<ScheduleRow>,
    /// The viewer's own shifts for their calendar.
    pub feed: Feed,
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
    /// The coming week, in one line.
    pub strip: Strip,
    /// When nobody is on call in the next two weeks: how often, and from when the first time.
    pub gaps: Option<(usize, Times)>,
}

/// A link that calendar programs can fetch.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Feed {
    /// What is copied: `https://…/calendar/….ics`.
    pub url: String,
    /// What opens a calendar program: `webcal://…`.
    pub webcal: String,
}

/// `/schedules/{id}`: see the table in `views` for its query.
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
    /// Why: "by layer Weekly", "the schedule has no layers".
    pub because: String,
    /// Until when.
    pub until: Option<Times>,
    /// Who comes next.
    pub next: Option<Person>,
    /// The viewer may take over now, and is not on call already.
    pub can_take: bool,
    /// Which part of the timeline is shown, and the ways to others.
    pub range: Range,
    /// The address of that part.
    pub shown_at: String,
    /// The timeline, layer by layer and in the end.
    pub strip: Strip,
    /// When nobody is on call on it.
    pub gaps: Vec<GapRow>,
    /// How many more gaps there are.
    pub more_gaps: usize,
    /// The timeline as a table.
    pub table: Vec<ShiftRow>,
    /// The layers; those lower in the list win over those above.
    pub layers: Vec<LayerView>,
    /// Overrides that have not ended, soonest first.
    pub overrides: Vec<OverrideRow>,
    /// The next changes of hands.
    pub shifts: Vec<Shift>,
    /// The policies that page by it.
    pub policies: Vec<Link>,
    /// The form for overrides.
    pub form: OverrideForm,
    /// "Who is on call at …"
    pub ask: Ask,
    /// The schedule for calendar programs.
    pub feed: Feed,
}

/// Which part of a timeline is shown.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Range {
    /// "23 November to 6 December 2026".
    pub title: String,
    /// The part before.
    pub before: String,
    /// The part after.
    pub after: String,
    /// The part of today; none: it is shown.
    pub today: Option<String>,
    /// The scales, with the one that is shown.
    pub scales: Vec<(Link, bool)>,
    /// The zones, with the one that is shown; empty where the viewer's is the schedule's.
    pub zones: Vec<(Link, bool)>,
    /// The zone that is shown, as people read it.
    pub zone: String,
    /// What a form on the page sends so that the same part is shown again.
    pub hidden: Vec<(&'static str, String)>,
}

/// A time without anybody on call.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GapRow {
    /// From when.
    pub from: Times,
    /// Until when.
    pub to: Times,
    /// "15 h".
    pub length: String,
    /// Where it can be covered; none: the viewer may not.
    pub cover: Option<String>,
}

/// A line of the timeline's table.
#[derive(Debug, Clone)]
pub struct ShiftRow {
    /// Who; none: a gap.
    pub person: Option<Person>,
    /// From when.
    pub from: Times,
    /// Until when.
    pub to: Times,
    /// "layer Weekly", "an override"; empty for a gap.
    pub by: String,
    /// Where it can be changed, and what that is called.
    pub change: Option<Link>,
}

/// The form for an override, a new one or one that is changed.
#[derive(Debug, Clone)]
pub struct OverrideForm {
    /// Where it is sent.
    pub action: String,
    /// The override that is changed; none: a new one.
    pub id: Option<String>,
    /// It is what the page was opened for.
    pub open: bool,
    /// `user_id`
    pub user: Select,
    /// `replaces_user_id`, or empty for whoever is on call
    pub replaces: Select,
    /// `start`, on the clocks of the zone that is shown: `2026-11-23T09:00`
    pub start: Field,
    /// `end`, the same
    pub end: Field,
    /// What it would come to; none: not looked at yet.
    pub preview: Option<Cover>,
}

/// What an override would come to.
#[derive(Debug, Clone, Default)]
pub struct Cover {
    /// In one sentence, where there is nothing else to say.
    pub says: String,
    /// The times at which somebody else would be on call, in order.
    pub changes: Vec<CoverRow>,
    /// How many more there are.
    pub more: usize,
}

/// A time at which somebody else would be on call.
#[derive(Debug, Clone)]
pub struct CoverRow {
    /// From when.
    pub from: Times,
    /// Until when.
    pub to: Times,
    /// Who would be.
    pub who: String,
    /// Who is as things stand.
    pub instead: String,
}

/// "Who is on call at …", with the answer where somebody asked.
#[derive(Debug, Clone, Default)]
pub struct Ask {
    /// `at`, on the clocks of the zone that is shown
    pub at: Field,
    /// The answer.
    pub answer: Option<Answer>,
}

/// Who is on call at one instant, and why.
#[derive(Debug, Clone)]
pub struct Answer {
    /// The instant.
    pub at: Times,
    /// Who; none: nobody.
    pub person: Option<Person>,
    /// "on call by layer Weekly".
    pub reason: String,
    /// Until when.
    pub until: Option<Times>,
    /// What each layer and override said, in the order in which they were asked.
    pub steps: Vec<AnswerStep>,
}

/// What one layer or override said.
#[derive(Debug, Clone)]
pub struct AnswerStep {
    /// "Layer Weekly", "Override".
    pub by: String,
    /// "Jane Doe", "does not cover this time".
    pub says: String,
    /// It is the reason of the answer.
    pub decides: bool,
}

impl SchedulePage {
    /// What the script adds the times to that somebody dragged across; empty: the viewer may not.
    #[must_use]
    pub fn drag_href(&self) -> &str {
        if self.shell.can_respond() { &self.shown_at } else { "" }
    }

    /// What is wrong with the forms.
    #[must_use]
    pub fn errors(&self) -> Vec<FormError> {
        let form = &self.form;
        let people = [&form.user.field, &form.replaces.field];
        errors(people.into_iter().chain([&form.start, &form.end, &self.ask.at]))
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
    /// Where it is changed.
    pub edit: String,
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
    /// What is in the form, as it would be.
    pub preview: SchedulePreview,
}

/// What a schedule that is being edited comes to in the next two weeks.
#[derive(Debug, Clone)]
pub struct SchedulePreview {
    /// "Mon 23 November to Sun 6 December, Europe/Berlin".
    pub title: String,
    /// The timeline.
    pub strip: Strip,
    /// What a planner should know, as sentences; empty: somebody is on call all the time.
    pub warnings: Vec<String>,
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
