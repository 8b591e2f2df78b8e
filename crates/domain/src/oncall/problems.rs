//! What a schedule may be: its limits, and the problems of one that goes beyond. A schedule with problems is still
//! answered for; it is refused when it is saved, so this names the field to correct.

use std::fmt;

use jiff::{Timestamp, civil::Time};

use super::{Layer, Override, Restriction, Rotation, Schedule};

/// The longest name of a schedule or layer, in characters.
pub const NAME_CHARS_MAX: usize = 200;

/// The most layers of a schedule.
pub const LAYERS_MAX: usize = 20;

/// The most places in a layer's order of people.
pub const USERS_MAX: usize = 200;

/// The most restrictions of a layer. One for every hour of a day fits.
pub const RESTRICTIONS_MAX: usize = 24;

/// The most overrides of a schedule that have not ended.
pub const OVERRIDES_MAX: usize = 1_000;

/// The longest turn, in units of its rotation.
pub const ROTATION_LENGTH_MAX: u32 = 1_000;

/// The first year (UTC) in which a rotation or override may start.
pub const YEAR_MIN: i16 = 1970;

/// The last year (UTC) in which a rotation may start and an override may end.
pub const YEAR_MAX: i16 = 2199;

/// One thing that is wrong.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    /// Where, as a path in the API's object: `layers[0].rotation.length`.
    pub field: String,
    /// What it must be: the end of a sentence that begins with the field.
    pub message: String,
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.field, self.message)
    }
}

impl Schedule {
    /// Everything that is wrong with this schedule, in the order of its fields; empty: it may be saved.
    #[must_use]
    pub fn problems(&self) -> Vec<Problem> {
        let mut found = Found::default();
        found.name("name", &self.name);
        found.unless(
            self.zone.iana_name().is_some() && !self.zone.is_unknown(),
            "timeZone",
            "must be an IANA time zone, such as Europe/Berlin",
        );
        found.at_most("layers", self.layers.len(), LAYERS_MAX);
        for (place, layer) in self.layers.iter().take(LAYERS_MAX).enumerate() {
            layer.find(&format!("layers[{place}]."), &mut found);
        }
        found.at_most("overrides", self.overrides.len(), OVERRIDES_MAX);
        for (place, change) in self.overrides.iter().take(OVERRIDES_MAX).enumerate() {
            change.find(&format!("overrides[{place}]."), &mut found);
        }
        found.0
    }
}

impl Layer {
    fn find(&self, path: &str, found: &mut Found) {
        found.name(&format!("{path}name"), &self.name);
        found.at_most(&format!("{path}users"), self.users.len(), USERS_MAX);
        self.rotation.find(&format!("{path}rotation."), found);
        found.at_most(
            &format!("{path}restrictions"),
            self.restrictions.len(),
            RESTRICTIONS_MAX,
        );
        for (place, restriction) in self.restrictions.iter().take(RESTRICTIONS_MAX).enumerate() {
            restriction.find(&format!("{path}restrictions[{place}]."), found);
        }
    }
}

impl Rotation {
    fn find(&self, path: &str, found: &mut Found) {
        found.unless(
            (1..=ROTATION_LENGTH_MAX).contains(&self.length),
            &format!("{path}length"),
            format!("must be from 1 to {ROTATION_LENGTH_MAX}"),
        );
        found.year(&format!("{path}start"), self.start);
        found.whole_minute(&format!("{path}handoff"), self.handoff);
    }
}

impl Restriction {
    fn find(&self, path: &str, found: &mut Found) {
        found.whole_minute(&format!("{path}from"), self.from);
        found.whole_minute(&format!("{path}to"), self.to);
    }
}

impl Override {
    /// Everything that is wrong with this override, in the order of its fields; empty: it may be saved.
    #[must_use]
    pub fn problems(&self) -> Vec<Problem> {
        let mut found = Found::default();
        self.find("", &mut found);
        found.0
    }

    fn find(&self, path: &str, found: &mut Found) {
        found.year(&format!("{path}start"), self.start);
        let end = format!("{path}end");
        found.unless(self.start < self.end, &end, "must be after start");
        found.year(&end, self.end);
        found.unless(
            self.replaces != Some(self.user),
            &format!("{path}replacesUserId"),
            "must be somebody else than userId",
        );
    }
}

/// The problems found so far.
#[derive(Default)]
struct Found(Vec<Problem>);

impl Found {
    fn unless(&mut self, holds: bool, field: &str, message: impl Into<String>) {
        if !holds {
            self.0.push(Problem {
                field: field.to_owned(),
                message: message.into(),
            });
        }
    }

    fn name(&mut self, field: &str, name: &str) {
        let fits = !name.trim().is_empty() && name.chars().count() <= NAME_CHARS_MAX;
        self.unless(fits, field, format!("must have 1 to {NAME_CHARS_MAX} characters"));
        self.unless(
            !name.chars().any(char::is_control),
            field,
            "must have no control characters",
        );
    }

    fn at_most(&mut self, field: &str, count: usize, max: usize) {
        self.unless(count <= max, field, format!("must be at most {max}"));
    }

    fn year(&mut self, field: &str, at: Timestamp) {
        let year = jiff::tz::TimeZone::UTC.to_datetime(at).year();
        let message = || format!("must be in the years {YEAR_MIN} to {YEAR_MAX}");
        self.unless((YEAR_MIN..=YEAR_MAX).contains(&year), field, message());
    }

    fn whole_minute(&mut self, field: &str, time: Time) {
        self.unless(
            time.second() == 0 && time.subsec_nanosecond() == 0,
            field,
            "must be a whole minute, such as 09:00",
        );
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::oncall::samples::{at, layer, over, restriction, schedule, user};

    fn fields(schedule: &Schedule) -> Vec<String> {
        schedule.problems().into_iter().map(|problem| problem.field).collect()
    }

    #[test]
    fn an_ordinary_schedule_has_no_problems() {
        let mut ordinary = schedule(
            "Asia/Kathmandu",
            vec![layer("Primary", &[1, 2, 1], "2026-01-01T00:00Z")],
        );
        ordinary.layers[0].restrictions = vec![restriction("MONDAY", "22:00", "06:00")];
        ordinary.overrides = vec![over(1, 2, ("2026-01-01T00:00Z", "2026-01-02T00:00Z"), Some(1))];
        assert_eq!(ordinary.problems(), []);
        assert_eq!(schedule("UTC", Vec::new()).problems(), [], "only a name is required");
    }

    #[test]
    fn every_problem_names_its_field() {
        let mut wrong = schedule("UTC", vec![layer("Primary", &[], "2026-01-01T00:00Z"); 2]);
        wrong.name = " ".to_owned();
        wrong.zone = jiff::tz::TimeZone::unknown();
        wrong.layers[0].name = "x".repeat(NAME_CHARS_MAX + 1);
        wrong.layers[0].users = vec![user(1); USERS_MAX + 1];
        wrong.layers[0].rotation.length = 0;
        wrong.layers[0].rotation.start = Timestamp::MAX;
        wrong.layers[1].name = "a\nb".to_owned();
        wrong.layers[1].rotation.length = ROTATION_LENGTH_MAX + 1;
        wrong.layers[1].rotation.handoff = Time::MAX;
        wrong.layers[1].restrictions = vec![restriction("", "00:00:01", "00:00:00.5")];
        wrong.overrides = vec![over(1, 2, ("1969-01-01T00:00Z", "1969-01-01T00:00Z"), Some(2))];
        assert_eq!(
            fields(&wrong),
            [
                "name",
                "timeZone",
                "layers[0].name",
                "layers[0].users",
                "layers[0].rotation.length",
                "layers[0].rotation.start",
                "layers[1].name",
                "layers[1].rotation.length",
                "layers[1].rotation.handoff",
                "layers[1].restrictions[0].from",
                "layers[1].restrictions[0].to",
                "overrides[0].start",
                "overrides[0].end",
                "overrides[0].end",
                "overrides[0].replacesUserId",
            ]
        );
        assert_eq!(
            wrong.problems()[4].to_string(),
            "layers[0].rotation.length must be from 1 to 1000"
        );
    }

    #[test]
    fn lists_are_bounded() {
        let mut big = schedule("UTC", vec![layer("Primary", &[1], "2026-01-01T00:00Z"); LAYERS_MAX + 1]);
        big.layers[0].restrictions = vec![restriction("", "09:00", "17:00"); RESTRICTIONS_MAX + 1];
        big.overrides = vec![over(1, 2, ("2026-01-01T00:00Z", "2026-01-02T00:00Z"), None); OVERRIDES_MAX + 1];
        assert_eq!(fields(&big), ["layers", "layers[0].restrictions", "overrides"]);
    }

    #[test]
    fn an_override_alone_names_its_own_fields() {
        let turned = over(1, 2, ("2026-01-02T00:00Z", "2026-01-01T00:00Z"), None);
        assert_eq!(
            turned.problems(),
            [Problem {
                field: "end".into(),
                message: "must be after start".into()
            }]
        );
        assert!(!turned.covers(at("2026-01-01T12:00Z")));
    }
}
