//! `/api/analytics/{report}`: how much there is, how fast people answer, what of it is noise, and whom it wakes.
//!
//! Reads what `store::metrics` adds up and puts it into answers; pages and files with commas show the same answers. What
//! a figure means stands in `domain::metrics`.

mod question;
mod shape;
mod table;

use std::collections::{BTreeMap, BTreeSet};

use axum::extract::State;
use jiff::{Timestamp, tz::TimeZone};
use opsknight_domain::{
    id::{ServiceId, UserId},
    metrics::{self as rules, Figures, Load, Period},
};
use opsknight_store::{
    db::Tx,
    directory::Picture,
    metrics::{self, Filter, Length, Share, Slice},
    schedules,
};
use utoipa_axum::{router::OpenApiRouter, routes};

use super::{
    Named,
    access::Caller,
    error::{ApiError, ErrorBody},
    extract::{Json, Path, Query},
    wire::Time,
};
use crate::state::AppState;

pub(crate) use question::{AnalyticsQuery, DAYS_DEFAULT, Question};
pub use shape::{
    BinLine, FiguresBody, HourLine, PersonLine, ReportBody, ServiceLine, SourceLine, Span, Summary, Whole,
};
pub(crate) use table::{csv, table};

/// Bins of a period that has more days than this are weeks.
const DAYS_IN_BINS_MAX: usize = 45;
const DAYS_OF_WEEK: usize = 7;
/// Schedules are looked through in parts of so many days, so that no part has too many shifts.
const SHIFTS_PART_DAYS: i64 = 31;

pub(super) fn routes() -> OpenApiRouter<AppState> {
    OpenApiRouter::new().routes(routes!(report))
}

/// Which report.
#[derive(Debug, Clone, Copy, PartialEq, Eq, utoipa::ToSchema)]
#[schema(rename_all = "lowercase")]
pub(crate) enum Report {
    /// All of it together, and the period before.
    Summary,
    /// How much there was and how fast it went, by day or week.
    Volume,
    /// By service.
    Services,
    /// By the integration that opened the incidents.
    Sources,
    /// Who was paged and when.
    People,
    /// When pages came: the hours of the week.
    Hours,
}

impl Report {
    /// All of them.
    pub(crate) const ALL: [Self; 6] = [
        Self::Summary,
        Self::Volume,
        Self::Services,
        Self::Sources,
        Self::People,
        Self::Hours,
    ];

    /// Its word in addresses.
    pub(crate) const fn word(self) -> &'static str {
        match self {
            Self::Summary => "summary",
            Self::Volume => "volume",
            Self::Services => "services",
            Self::Sources => "sources",
            Self::People => "people",
            Self::Hours => "hours",
        }
    }

    pub(crate) fn from_word(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|report| report.word() == word)
    }
}

/// One report over incidents and pages.
///
/// An incident counts for the period in which it was opened; tests count for nothing. Times to acknowledge are up to the
/// first acknowledgement; incidents that nobody acknowledged are left out of them and counted as unanswered. Percentiles
/// are exact up to ten minutes and within five percent beyond.
#[utoipa::path(
    get, path = "/api/analytics/{report}", tag = "Analytics", operation_id = "getAnalytics",
    params(("report" = inline(Report), Path), AnalyticsQuery),
    responses((status = 200, body = ReportBody), (status = 400, body = ErrorBody), (status = 404, body = ErrorBody)),
)]
async fn report(
    State(state): State<AppState>,
    caller: Caller,
    Path(name): Path<String>,
    Query(query): Query<AnalyticsQuery>,
) -> Result<Json<ReportBody>, ApiError> {
    let report = Report::from_word(&name).ok_or_else(|| ApiError::not_found("report"))?;
    let zone = caller.person().and_then(|person| TimeZone::get(&person.time_zone).ok());
    let question = query.question(state.clock.now(), &zone.unwrap_or(TimeZone::UTC))?;
    answer(&state, report, &question).await.map(Json)
}

/// What a report says.
pub(crate) async fn answer(state: &AppState, report: Report, question: &Question) -> Result<ReportBody, ApiError> {
    let (asked, pictures, now) = (question.clone(), state.store.pictures.clone(), state.clock.now());
    let unit = async move |tx: &mut Tx<'_>| {
        let whole = match report {
            Report::Summary => ReportBody::Summary(Box::new(summary(tx, &asked).await?)),
            Report::Volume => ReportBody::Volume(whole(&asked, volume(tx, &asked).await?)),
            Report::Services => ReportBody::Services(whole(&asked, measured(tx, &asked.filter).await?.services())),
            Report::Sources => {
                let picture = pictures.current(tx, now).await?;
                ReportBody::Sources(whole(&asked, sources(tx, &asked, &picture).await?))
            }
            Report::People => {
                let pages = metrics::pages(tx, &asked.filter).await?;
                ReportBody::People(whole(&asked, people(tx, &asked, pages, now).await?))
            }
            Report::Hours => ReportBody::Hours(whole(&asked, hours(tx, &asked).await?)),
        };
        Ok::<_, ApiError>(whole)
    };
    state.store.db.read(unit).await
}

/// The parts of the page, all of one moment.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Everything {
    pub(crate) summary: Summary,
    pub(crate) volume: Vec<BinLine>,
    pub(crate) services: Vec<ServiceLine>,
    pub(crate) sources: Vec<SourceLine>,
    pub(crate) people: Vec<PersonLine>,
    pub(crate) hours: [[i64; 24]; 7],
}

/// All reports at once.
pub(crate) async fn everything(
    tx: &mut Tx<'_>,
    question: &Question,
    picture: &Picture,
    now: Timestamp,
) -> Result<Everything, ApiError> {
    let pages = metrics::pages(tx, &question.filter).await?;
    let (now_measured, before) = (
        measured(tx, &question.filter).await?,
        measured(tx, &question.before).await?,
    );
    let counted = pages.iter().map(|(_, at, count)| (*at, *count));
    Ok(Everything {
        hours: rules::hours(counted, &question.zone),
        summary: now_measured.summary(&before, question),
        volume: volume(tx, question).await?,
        services: now_measured.services(),
        sources: sources(tx, question, picture).await?,
        people: people(tx, question, pages, now).await?,
    })
}

fn whole<T>(question: &Question, data: Vec<T>) -> Whole<T> {
    Whole {
        period: span(question.filter.period),
        time_zone: question.zone.iana_name().unwrap_or("UTC").to_owned(),
        data,
    }
}

fn span(period: Period) -> Span {
    Span {
        from: Time(period.from),
        to: Time(period.to),
    }
}

/// How many took how long, by notches, of each service.
type Lengths = BTreeMap<ServiceId, Vec<(i64, i64)>>;

/// What a period comes to, by service.
struct Measured {
    shares: Vec<Share>,
    acknowledge: Lengths,
    resolve: Lengths,
}

async fn measured(tx: &mut Tx<'_>, filter: &Filter) -> Result<Measured, ApiError> {
    let by_service = |lengths: Vec<(ServiceId, i64, i64)>| {
        let mut of = Lengths::new();
        for (service, notch, count) in lengths {
            of.entry(service).or_default().push((notch, count));
        }
        of
    };
    Ok(Measured {
        shares: metrics::by_service(tx, filter).await?,
        acknowledge: by_service(metrics::lengths(tx, filter, Length::Acknowledge).await?),
        resolve: by_service(metrics::lengths(tx, filter, Length::Resolve).await?),
    })
}

impl Measured {
    /// All services together.
    fn total(&self) -> FiguresBody {
        let figures: Figures = self.shares.iter().map(|share| share.figures).sum();
        let together = |of: &Lengths| {
            let mut all = BTreeMap::new();
            for (notch, count) in of.values().flatten() {
                *all.entry(*notch).or_insert(0) += count;
            }
            all.into_iter().collect::<Vec<_>>()
        };
        FiguresBody::new(&figures, &together(&self.acknowledge), &together(&self.resolve))
    }

    fn summary(&self, before: &Self, question: &Question) -> Summary {
        Summary {
            period: span(question.filter.period),
            period_before: span(question.before.period),
            time_zone: question.zone.iana_name().unwrap_or("UTC").to_owned(),
            figures: self.total(),
            figures_before: before.total(),
        }
    }

    /// Each service, those with the most incidents in front.
    fn services(&self) -> Vec<ServiceLine> {
        let of = |lengths: &Lengths, id| lengths.get(&id).cloned().unwrap_or_default();
        let lines = self.shares.iter().map(|share| ServiceLine {
            figures: FiguresBody::new(
                &share.figures,
                &of(&self.acknowledge, share.service),
                &of(&self.resolve, share.service),
            ),
            service: Named {
                id: share.service.to_string(),
                name: share.service_name.clone(),
            },
        });
        let mut lines: Vec<ServiceLine> = lines.collect();
        lines.sort_by(|one, other| {
            let by = other.figures.incidents.cmp(&one.figures.incidents);
            by.then_with(|| one.service.name.cmp(&other.service.name))
        });
        lines
    }
}

/// The figures of a period and of the one before.
pub(crate) async fn summary(tx: &mut Tx<'_>, question: &Question) -> Result<Summary, ApiError> {
    let now = measured(tx, &question.filter).await?;
    Ok(now.summary(&measured(tx, &question.before).await?, question))
}

/// How much and how fast, compared with before and by day or week, without what only the page of analytics has.
pub(crate) async fn glance(tx: &mut Tx<'_>, question: &Question) -> Result<(Summary, Vec<BinLine>), ApiError> {
    Ok((brief(tx, question).await?, volume(tx, question).await?))
}

/// How much and how fast on the mean, compared with before.
pub(crate) async fn brief(tx: &mut Tx<'_>, question: &Question) -> Result<Summary, ApiError> {
    let alone = |shares| Measured {
        shares,
        acknowledge: Lengths::new(),
        resolve: Lengths::new(),
    };
    let now = alone(metrics::by_service(tx, &question.filter).await?);
    let before = alone(metrics::by_service(tx, &question.before).await?);
    Ok(now.summary(&before, question))
}

/// Where the bins of a period begin and end: its days, or its weeks where those are too many.
fn bins(period: Period, zone: &TimeZone) -> Vec<(jiff::civil::Date, Timestamp)> {
    let days = rules::days(period, zone);
    let step = if days.len() > DAYS_IN_BINS_MAX { DAYS_OF_WEEK } else { 1 };
    days.into_iter().step_by(step).collect()
}

/// What happened by day or week.
pub(crate) async fn volume(tx: &mut Tx<'_>, question: &Question) -> Result<Vec<BinLine>, ApiError> {
    let slices = metrics::by_time(tx, &question.filter).await?;
    Ok(binned(question, &slices))
}

fn binned(question: &Question, slices: &[Slice]) -> Vec<BinLine> {
    let period = question.filter.period;
    let bins = bins(period, &question.zone);
    let ends = bins.iter().skip(1).map(|(_, at)| *at).chain([period.to]);
    let lines = bins.iter().zip(ends).enumerate().map(|(place, ((date, from), to))| {
        // A slice may begin before the period does.
        let from = if place == 0 { Timestamp::MIN } else { *from };
        let within = slices.iter().filter(|slice| from <= slice.at && slice.at < to);
        BinLine::new(*date, within)
    });
    lines.collect()
}

/// By source, the noisiest in front. What people and programs opened by the API stands there too, without an integration.
async fn sources(tx: &mut Tx<'_>, question: &Question, picture: &Picture) -> Result<Vec<SourceLine>, ApiError> {
    let shares = metrics::by_source(tx, &question.filter).await?;
    let lines = shares.into_iter().map(|share| {
        let integration = share.integration.map(|id| picture.integrations.get(&id));
        let (name, kind) = match integration {
            None => ("By hand or API".to_owned(), None),
            Some(None) => ("(removed)".to_owned(), None),
            Some(Some(row)) => (row.name.clone(), Some(row.type_name.clone())),
        };
        SourceLine {
            name,
            kind,
            service: Named {
                id: share.service.to_string(),
                name: share.service_name,
            },
            figures: FiguresBody::new(&share.figures, &[], &[]),
        }
    });
    let mut lines: Vec<SourceLine> = lines.collect();
    lines.sort_by(|one, other| {
        let by = other.figures.alerts.cmp(&one.figures.alerts);
        by.then_with(|| (&one.name, &one.service.name).cmp(&(&other.name, &other.service.name)))
    });
    Ok(lines)
}

/// Whom pages reached, by the clock on each person's own wall, and how long they were on call.
async fn people(
    tx: &mut Tx<'_>,
    question: &Question,
    paged: Vec<(UserId, Timestamp, i64)>,
    now: Timestamp,
) -> Result<Vec<PersonLine>, ApiError> {
    let known = metrics::people(tx).await?;
    let mut pages: BTreeMap<UserId, Vec<(Timestamp, i64)>> = BTreeMap::new();
    for (user, at, count) in paged {
        pages.entry(user).or_default().push((at, count));
    }
    let mut duty = on_call(tx, question.filter.period, now).await?;
    let everybody: BTreeSet<UserId> = pages.keys().chain(duty.keys()).copied().collect();
    let lines = everybody.into_iter().map(|user| {
        let (name, zone) = known
            .get(&user)
            .map_or(("(removed)", "UTC"), |(name, zone)| (name, zone));
        let zone = TimeZone::get(zone).unwrap_or(TimeZone::UTC);
        let load: Load = rules::load(pages.remove(&user).unwrap_or_default(), &zone);
        PersonLine {
            user: Named {
                id: user.to_string(),
                name: name.to_owned(),
            },
            pages: load.pages,
            night_pages: load.at_night,
            weekend_pages: load.at_weekends,
            interrupted_nights: load.nights,
            on_call_seconds: duty.remove(&user).unwrap_or_default(),
        }
    });
    let mut lines: Vec<PersonLine> = lines.collect();
    lines.sort_by(|one, other| {
        let by = (other.pages, other.on_call_seconds).cmp(&(one.pages, one.on_call_seconds));
        by.then_with(|| one.user.name.cmp(&other.user.name))
    });
    Ok(lines)
}

/// How many seconds everybody was on call, by the schedules as they stand now. Whoever is on two at once counts once
/// for each.
async fn on_call(tx: &mut Tx<'_>, period: Period, now: Timestamp) -> Result<BTreeMap<UserId, i64>, ApiError> {
    let to = period.to.min(now);
    let mut seconds = BTreeMap::new();
    for schedule in schedules::all(tx, period.from).await? {
        let mut from = period.from;
        while from < to {
            let part = jiff::SignedDuration::from_hours(24 * SHIFTS_PART_DAYS);
            let until = from.saturating_add(part).unwrap_or(to).min(to);
            // A part is never empty and never too long, and hours are the shortest turns.
            for shift in schedule.shifts(from, until).unwrap_or_default() {
                if let Some(user) = shift.user {
                    *seconds.entry(user).or_insert(0) += rules::seconds(shift.start, shift.end);
                }
            }
            from = until;
        }
    }
    Ok(seconds)
}

async fn hours(tx: &mut Tx<'_>, question: &Question) -> Result<Vec<HourLine>, ApiError> {
    let pages = metrics::pages(tx, &question.filter).await?;
    let week = rules::hours(pages.into_iter().map(|(_, at, count)| (at, count)), &question.zone);
    let days = (1..).zip(week);
    let lines = days.flat_map(|(weekday, hours)| {
        (0..)
            .zip(hours)
            .map(move |(hour, pages)| HourLine { weekday, hour, pages })
    });
    Ok(lines.collect())
}

#[cfg(test)]
mod tests {
    use opsknight_domain::urgency::Urgency;

    use super::*;

    #[test]
    fn long_periods_are_told_by_week_and_nothing_is_lost() {
        let now: Timestamp = "2026-11-23T12:00:00Z".parse().unwrap();
        let query = AnalyticsQuery {
            days: Some(90),
            ..AnalyticsQuery::default()
        };
        let question = query.question(now, &TimeZone::UTC).unwrap();
        let from = question.filter.period.from;
        let slice = |hours: i64| Slice {
            at: from + jiff::SignedDuration::from_hours(hours),
            urgency: Urgency::High,
            figures: Figures {
                incidents: 1,
                ..Figures::default()
            },
        };
        let slices: Vec<Slice> = [-1, 0, 1, 7 * 24, 89 * 24].into_iter().map(slice).collect();
        let lines = binned(&question, &slices);
        assert_eq!(lines.len(), 13);
        assert_eq!((lines[0].high, lines[1].high, lines[12].high), (3, 1, 1));
        assert_eq!(lines[1].date, "2026-09-02");
    }
}
