//! What is asked: which period, compared with which, of which services, teams and urgencies.

use jiff::{Timestamp, ToSpan as _, civil::Date, tz::TimeZone};
use opsknight_domain::{
    id::{ServiceId, TeamId},
    metrics::Period,
    urgency::Urgency,
};
use opsknight_store::metrics::Filter;
use utoipa::IntoParams;

use crate::api::{
    error::{ApiError, Problems},
    extract::{FromParams, Params},
    wire::{ids, words},
};

/// How many days are measured where nobody says.
pub(crate) const DAYS_DEFAULT: i64 = 30;
/// The longest period, in days.
const DAYS_MAX: i64 = 366;

/// Which period, and of what.
#[derive(Debug, Clone, Default, PartialEq, Eq, IntoParams)]
#[into_params(parameter_in = Query, rename_all = "camelCase")]
pub(crate) struct AnalyticsQuery {
    /// So many days up to now, today with them; 30 unless said.
    #[param(minimum = 1, maximum = 366)]
    pub days: Option<i64>,
    /// From the beginning of this day on, instead of `days`.
    #[param(inline, value_type = Option<String>, format = Date)]
    pub from: Option<Date>,
    /// To the end of this day, at most 366 days later.
    #[param(inline, value_type = Option<String>, format = Date)]
    pub to: Option<Date>,
    /// The zone whose days are meant: `Europe/Berlin`. The person's own unless said, `UTC` for API keys.
    pub time_zone: Option<String>,
    /// Of these services, by comma.
    #[param(style = Form, explode = false, inline, value_type = Option<Vec<ids::Service>>)]
    pub service_id: Vec<ServiceId>,
    /// Of the services of these teams, by comma.
    #[param(style = Form, explode = false, inline, value_type = Option<Vec<ids::Team>>)]
    pub team_id: Vec<TeamId>,
    /// With one of these urgencies, by comma.
    #[param(style = Form, explode = false, inline, value_type = Option<Vec<words::Urgency>>)]
    pub urgency: Vec<Urgency>,
}

impl FromParams for AnalyticsQuery {
    fn from_params(params: &mut Params, problems: &mut Problems) -> Self {
        let mut date = |name: &str| {
            let text = params.text(name)?;
            // Only the plain form: jiff reads more than what stands in the description.
            let date = text.parse::<Date>().ok().filter(|date| date.to_string() == text);
            if date.is_none() {
                problems.add(name, "must be a date such as 2026-01-31");
            }
            date
        };
        let (from, to) = (date("from"), date("to"));
        let days = params.text("days").and_then(|text| {
            let days = text.parse::<i64>().ok().filter(|days| (1..=DAYS_MAX).contains(days));
            if days.is_none() {
                problems.add("days", format!("must be a number from 1 to {DAYS_MAX}"));
            }
            days
        });
        Self {
            days,
            from,
            to,
            time_zone: params.text("timeZone"),
            service_id: params.ids("serviceId", problems),
            team_id: params.ids("teamId", problems),
            urgency: params.words("urgency", problems),
        }
    }
}

/// The same, ready to be asked.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Question {
    /// What is measured.
    pub filter: Filter,
    /// The same of the period just before, as long.
    pub before: Filter,
    /// The zone whose days are meant.
    pub zone: TimeZone,
    /// The first and the last day.
    pub dates: (Date, Date),
}

impl AnalyticsQuery {
    /// The periods that are meant, at `now` for somebody in `zone`.
    pub(crate) fn question(self, now: Timestamp, zone: &TimeZone) -> Result<Question, ApiError> {
        let zone = match &self.time_zone {
            None => zone.clone(),
            Some(name) => TimeZone::get(name)
                .map_err(|_| ApiError::invalid("timeZone", "must be a time zone such as Europe/Berlin"))?,
        };
        let (first, last) = self.dates(now.to_zoned_datetime(zone.clone()).date())?;
        let beyond = |_| ApiError::invalid("from", "is too far away");
        let length = first.until(last).map_err(beyond)?.get_days() + 1;
        let begins = |date: Date| {
            let midnight = date.to_zoned_datetime(zone.clone());
            midnight.map(|midnight| midnight.timestamp())
        };
        let period = Period {
            from: begins(first).map_err(beyond)?,
            to: begins(last.checked_add(1.day()).map_err(beyond)?).map_err(beyond)?,
        };
        let earlier = |at: Timestamp| {
            let local = at.to_zoned_datetime(zone.clone());
            local
                .checked_sub(length.days())
                .map(|then| then.timestamp())
                .map_err(beyond)
        };
        // What is not over yet is compared with as much of the period before.
        let to = if self.from.is_none() {
            period.to.min(now)
        } else {
            period.to
        };
        let before = Period {
            from: earlier(period.from)?,
            to: earlier(to)?,
        };
        let of = |period| Filter {
            period,
            services: self.service_id.clone(),
            teams: self.team_id.clone(),
            urgencies: self.urgency.clone(),
        };
        Ok(Question {
            filter: of(Period { from: period.from, to }),
            before: of(before),
            zone,
            dates: (first, last),
        })
    }

    fn dates(&self, today: Date) -> Result<(Date, Date), ApiError> {
        match (self.days, self.from, self.to) {
            (Some(_), None, None) | (None, None, None) => {
                let days = self.days.unwrap_or(DAYS_DEFAULT);
                let first = today.checked_sub((days - 1).days());
                first
                    .map(|first| (first, today))
                    .map_err(|_| ApiError::invalid("days", "are too many"))
            }
            (None, Some(from), Some(to)) => {
                let days = from.until(to).map_or(i64::MAX, |span| i64::from(span.get_days())) + 1;
                match days {
                    ..=0 => Err(ApiError::invalid("to", "must not be before from")),
                    1..=DAYS_MAX => Ok((from, to)),
                    _ => Err(ApiError::invalid(
                        "to",
                        format!("must be at most {DAYS_MAX} days after from"),
                    )),
                }
            }
            (Some(_), _, _) => Err(ApiError::invalid("days", "must not stand beside from and to")),
            (None, None, Some(_)) => Err(ApiError::invalid("from", "is missing")),
            (None, Some(_), None) => Err(ApiError::invalid("to", "is missing")),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ask(query: AnalyticsQuery) -> Result<[String; 4], String> {
        let now: Timestamp = "2026-11-02T12:00:00Z".parse().unwrap();
        let zone = TimeZone::get("Europe/Berlin").unwrap();
        let question = query.question(now, &zone).map_err(|error| error.message().to_owned())?;
        let (period, before) = (question.filter.period, question.before.period);
        Ok([before.from, before.to, period.from, period.to].map(|at| at.to_string()))
    }

    #[test]
    fn whole_days_by_the_wall_clock_are_compared_with_as_many_before() {
        let days = AnalyticsQuery {
            days: Some(7),
            ..AnalyticsQuery::default()
        };
        assert_eq!(
            ask(days).unwrap(),
            [
                "2026-10-19T22:00:00Z",
                "2026-10-26T12:00:00Z",
                "2026-10-26T23:00:00Z",
                "2026-11-02T12:00:00Z",
            ]
        );
        let dates = AnalyticsQuery {
            from: Some(jiff::civil::date(2026, 10, 1)),
            to: Some(jiff::civil::date(2026, 10, 31)),
            ..AnalyticsQuery::default()
        };
        assert_eq!(
            ask(dates).unwrap(),
            [
                "2026-08-30T22:00:00Z",
                "2026-09-30T22:00:00Z",
                "2026-09-30T22:00:00Z",
                "2026-10-31T23:00:00Z",
            ]
        );
    }

    #[test]
    fn what_cannot_be_meant_is_refused_by_name() {
        let date = |month, day| Some(jiff::civil::date(2026, month, day));
        let of = |from, to| AnalyticsQuery {
            from,
            to,
            ..AnalyticsQuery::default()
        };
        assert!(ask(of(date(3, 2), date(3, 1))).unwrap_err().contains("before"));
        assert!(ask(of(date(3, 2), None)).unwrap_err().contains("missing"));
        let long = of(Some(jiff::civil::date(2024, 1, 1)), date(1, 1));
        assert!(ask(long).unwrap_err().contains("366"));
        let zone = AnalyticsQuery {
            time_zone: Some("Mars/Olympus".into()),
            ..AnalyticsQuery::default()
        };
        assert!(ask(zone).unwrap_err().contains("time zone"));
        let furthest = of(Some(Date::MIN), Some(Date::MIN));
        assert!(ask(furthest).is_err());
    }
}
