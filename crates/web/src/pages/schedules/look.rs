//! Which part of a schedule's timeline somebody looks at, as it stands in the address: from when, how much, on whose
//! clocks, and what they were about to change. What cannot be read is as if it were not there.

use jiff::{Timestamp, ToSpan as _, civil, tz::TimeZone};
use opsknight_domain::{
    id::{OverrideId, ScheduleId, UserId},
    oncall::{YEAR_MAX, YEAR_MIN},
};

use crate::{
    pages::form::Form,
    views::{Frame, Link, Range, Scale},
};

/// What an address asks for.
#[derive(Debug, Clone)]
pub(super) struct Look {
    schedule: ScheduleId,
    scale: Scale,
    from: Option<civil::Date>,
    /// On the viewer's clocks instead of the schedule's.
    pub(super) mine: bool,
    /// "Who is on call at …", as it was typed.
    pub(super) at: Option<String>,
    /// The times of a shift to be covered, or those to which an override was drawn; in the address as seconds since 1970.
    pub(super) cover: Option<(Timestamp, Timestamp)>,
    /// For whom, where it is somebody's shift.
    pub(super) replaces: Option<UserId>,
    /// The override to be changed.
    pub(super) edit: Option<OverrideId>,
}

impl Look {
    /// Reads an address.
    pub(super) fn of(query: &str, schedule: ScheduleId) -> Self {
        let pairs =
            form_urlencoded::parse(query.as_bytes()).map(|(name, value)| (name.into_owned(), value.into_owned()));
        Self::of_form(&Form::of(pairs), schedule)
    }

    /// Reads what a form on the page sent along.
    pub(super) fn of_form(form: &Form, schedule: ScheduleId) -> Self {
        Self {
            schedule,
            scale: Scale::from_word(form.text("view")).unwrap_or(Scale::Fortnight),
            from: form.text("from").parse().ok().filter(can_be_planned),
            mine: form.text("zone") == "mine",
            at: form.given("at"),
            cover: second(form, "cover_from").zip(second(form, "cover_to")),
            replaces: form.text("cover_for").parse().ok(),
            edit: form.text("edit").parse().ok(),
        }
    }

    /// The dates that are shown: the first, and the first after them.
    fn dates(&self, today: civil::Date) -> (civil::Date, civil::Date) {
        let date = self.from.unwrap_or(today);
        let monday = date
            .checked_sub(i64::from(date.weekday().to_monday_zero_offset()).days())
            .unwrap_or(date);
        let first = match self.scale {
            Scale::Day => date,
            Scale::Week | Scale::Fortnight => monday,
            Scale::Month => date.first_of_month(),
        };
        (first, self.moved(first, 1))
    }

    /// The date so many pages later.
    fn moved(&self, date: civil::Date, pages: i64) -> civil::Date {
        let by = match self.scale {
            Scale::Day => pages.days(),
            Scale::Week => (7 * pages).days(),
            Scale::Fortnight => (14 * pages).days(),
            Scale::Month => pages.months(),
        };
        date.checked_add(by).unwrap_or(date)
    }

    /// The picture that is asked for, on the clocks of this zone.
    pub(super) fn frame(&self, now: Timestamp, zone: &TimeZone) -> Frame {
        let midnight = |date: civil::Date| {
            let zoned = date.to_zoned_datetime(zone.clone());
            zoned.map_or(now, |zoned| zoned.timestamp())
        };
        let (first, end) = self.dates(now.to_zoned_datetime(zone.clone()).date());
        Frame {
            from: midnight(first),
            to: midnight(end),
            now,
            zone: zone.clone(),
            scale: self.scale,
            width_px: Frame::WIDE_PX,
        }
    }

    /// The address of what is shown, with something more in it.
    pub(super) fn href(&self, more: &[(&str, &str)]) -> String {
        let mut query = form_urlencoded::Serializer::new(String::new());
        query.extend_pairs(self.hidden());
        query.extend_pairs(more);
        let query = query.finish();
        let query = if query.is_empty() { query } else { format!("?{query}") };
        format!("/schedules/{}{query}", self.schedule)
    }

    /// What a form sends so that the same part is shown again.
    pub(super) fn hidden(&self) -> Vec<(&'static str, String)> {
        let view = (self.scale != Scale::Fortnight).then(|| ("view", self.scale.word().to_owned()));
        let from = self.from.map(|date| ("from", date.to_string()));
        let zone = self.mine.then(|| ("zone", "mine".to_owned()));
        view.into_iter().chain(from).chain(zone).collect()
    }

    /// The ways to other parts. `theirs` and `mine` are the zones as people read them.
    pub(super) fn range(&self, today: civil::Date, theirs: String, mine: String) -> Range {
        let (first, end) = self.dates(today);
        let shown = first <= today && today < end;
        let with = |from: Option<civil::Date>, scale: Scale, mine: bool| {
            let look = Self {
                from,
                scale,
                mine,
                ..self.clone()
            };
            look.href(&[])
        };
        let scales = Scale::ALL.map(|scale| {
            let from = if shown { None } else { Some(first) };
            (
                Link::new(with(from, scale, self.mine), scale.name()),
                scale == self.scale,
            )
        });
        let zones = [(false, &theirs), (true, &mine)];
        let zones = zones.map(|(is_mine, name)| {
            (
                Link::new(with(self.from, self.scale, is_mine), name),
                is_mine == self.mine,
            )
        });
        Range {
            title: title(first, end),
            before: with(Some(self.moved(first, -1)), self.scale, self.mine),
            after: with(Some(end), self.scale, self.mine),
            today: (!shown).then(|| with(None, self.scale, self.mine)),
            scales: scales.into(),
            zone: if self.mine { mine.clone() } else { theirs.clone() },
            zones: if theirs == mine { Vec::new() } else { zones.into() },
            hidden: self.hidden(),
        }
    }
}

/// Whether a date lies in the years for which schedules can be made.
fn can_be_planned(date: &civil::Date) -> bool {
    (YEAR_MIN..=YEAR_MAX).contains(&date.year())
}

fn second(form: &Form, name: &str) -> Option<Timestamp> {
    Timestamp::from_second(form.text(name).parse().ok()?).ok()
}

/// "Monday 23 November 2026", "23 November to 6 December 2026".
fn title(first: civil::Date, end: civil::Date) -> String {
    let last = end.yesterday().unwrap_or(end);
    let form = match first {
        _ if first == last => return first.strftime("%A %-d %B %Y").to_string(),
        _ if first.year() != last.year() => "%-d %B %Y",
        _ if first.month() != last.month() => "%-d %B",
        _ => "%-d",
    };
    format!("{} to {}", first.strftime(form), last.strftime("%-d %B %Y"))
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;

    fn look(query: &str) -> Look {
        Look::of(query, ScheduleId::new(Uuid::nil()))
    }

    fn range(query: &str) -> Range {
        look(query).range(civil::date(2026, 11, 26), "Berlin".to_owned(), "London".to_owned())
    }

    #[test]
    fn an_address_says_which_days_are_shown() {
        let titles = [
            "",
            "view=day",
            "view=week",
            "view=month",
            "view=week&from=2027-01-01",
            "view=x&from=y",
        ];
        let wanted = [
            "23 November to 6 December 2026",
            "Thursday 26 November 2026",
            "23 to 29 November 2026",
            "1 to 30 November 2026",
            "28 December 2026 to 3 January 2027",
            "23 November to 6 December 2026",
        ];
        assert_eq!(titles.map(|query| range(query).title), wanted);
    }

    #[test]
    fn ways_lead_to_the_parts_beside_and_keep_the_rest() {
        let shown = range("view=month&from=2026-12-31&zone=mine");
        let path = |rest: &str| format!("/schedules/{}{rest}", ScheduleId::new(Uuid::nil()));
        assert_eq!(shown.before, path("?view=month&from=2026-11-01&zone=mine"));
        assert_eq!(shown.after, path("?view=month&from=2027-01-01&zone=mine"));
        assert_eq!(shown.today, Some(path("?view=month&zone=mine")));
        assert_eq!(shown.scales[0].0.href, path("?view=day&from=2026-12-01&zone=mine"));
        assert_eq!(shown.zones[0].0.href, path("?view=month&from=2026-12-31"));
        assert_eq!(range("").today, None, "today is shown");
        assert_eq!(range("").scales[3].0.href, path("?view=month"));
    }

    #[test]
    fn a_day_is_as_long_as_the_clocks_have_it() {
        let zone = TimeZone::get("Europe/London").unwrap();
        let now: Timestamp = "2026-10-25T12:00:00Z".parse().unwrap();
        let frame = look("view=day").frame(now, &zone);
        assert_eq!(frame.to.duration_since(frame.from).as_hours(), 25);
        for query in [
            "from=9999-12-31",
            "view=month&from=-009999-01-01",
            "view=day&from=9999-12-31",
        ] {
            let frame = look(query).frame(now, &zone);
            assert!(frame.from <= frame.to, "{query}");
        }
    }
}
