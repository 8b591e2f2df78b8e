//! `/analytics` and `/analytics/{report}.csv`: the reports of the API as a page, and as files for spreadsheets.

mod figures;

use axum::{
    extract::State,
    response::{IntoResponse as _, Response},
};
use http::{Uri, header};
use opsknight_domain::urgency::Urgency;
use opsknight_store::db::Tx;

use self::figures::{person, service, source, tiles};
pub(super) use self::figures::{speed, volume as count};
use super::{
    PageError, choices,
    records::{asked, select},
    viewer::Viewer,
};
use crate::{
    api::{
        analytics::{self, AnalyticsQuery, BinLine, DAYS_DEFAULT, Everything, Question, Report, ServiceLine},
        error::{ApiError, Problems},
        extract::{FromParams as _, Params, Path},
    },
    state::AppState,
    views::{Analytics, Choice, Columns, Field, Heat, Line, Link, Section, Select, Series},
};

/// The most lines of a table; the files have all.
const LINES_MAX: usize = 50;
/// The periods that can be chosen, in days.
const PERIODS: [i64; 3] = [7, 30, 90];

/// By what services are sorted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Sort {
    Incidents,
    Mtta,
    Mttr,
    Acknowledged,
    Resolved,
    Escalated,
}

impl Sort {
    const ALL: [(Self, &'static str, &'static str); 6] = [
        (Self::Incidents, "incidents", "Incidents"),
        (Self::Mtta, "mtta", "MTTA"),
        (Self::Mttr, "mttr", "MTTR"),
        (Self::Acknowledged, "acknowledged", "Acknowledged in time"),
        (Self::Resolved, "resolved", "Resolved in time"),
        (Self::Escalated, "escalated", "Escalated"),
    ];

    /// What it sorts by: the greatest comes first, and what is not known last.
    fn key(self, line: &ServiceLine) -> f64 {
        let of = &line.figures;
        // Times and counts of seconds are far below what a float holds.
        let whole = |value: Option<i64>| value.and_then(|value| i32::try_from(value).ok()).map(f64::from);
        let key = match self {
            Self::Incidents => whole(Some(of.incidents)),
            Self::Mtta => whole(of.mean_acknowledge_seconds),
            Self::Mttr => whole(of.mean_resolve_seconds),
            Self::Acknowledged => of.acknowledged_in_time_share,
            Self::Resolved => of.resolved_in_time_share,
            Self::Escalated => of.escalated_share,
        };
        key.unwrap_or(-1.0)
    }
}

/// What the address asks for.
struct Wish {
    query: AnalyticsQuery,
    sort: Sort,
}

fn wish(params: &mut Params, problems: &mut Problems) -> Wish {
    let query = AnalyticsQuery::from_params(params, problems);
    let sort = params.text("sort");
    let found = Sort::ALL
        .into_iter()
        .find(|(_, word, _)| sort.as_deref() == Some(*word));
    Wish {
        // The form sends both: a number of days that was chosen is meant.
        query: match query.days {
            Some(_) => AnalyticsQuery {
                from: None,
                to: None,
                ..query
            },
            None => query,
        },
        sort: found.map_or(Sort::Incidents, |(sort, _, _)| sort),
    }
}

/// `GET /analytics`
pub(super) async fn show(State(state): State<AppState>, viewer: Viewer, uri: Uri) -> Result<Response, PageError> {
    let mut asked = asked(&uri);
    let Wish { query, sort } = wish(&mut asked.params, &mut asked.problems);
    asked.problems.check()?;
    let question = query.clone().question(viewer.now, &viewer.zone)?;
    let (posed, picture, now) = (question.clone(), viewer.picture.clone(), viewer.now);
    let unit = async move |tx: &mut Tx<'_>| analytics::everything(tx, &posed, &picture, now).await;
    let mut found: Everything = state.store.db.read(unit).await?;
    found
        .services
        .sort_by(|one, other| sort.key(other).total_cmp(&sort.key(one)));
    let (first, last) = question.dates;
    let days = first.until(last).map_or(0, |span| span.get_days()) + 1;
    let by_week = found.volume.len() != usize::try_from(days).unwrap_or(0);
    let over = |count: usize| count.saturating_sub(LINES_MAX);
    let page = Analytics {
        shell: viewer.shell("Analytics", Section::Analytics),
        says: says(&question, days),
        days: periods(&query),
        dates: dates(&query),
        service: select(
            "serviceId",
            first_of(&query.service_id),
            "Any",
            choices::services(viewer.directory()),
        ),
        team: select(
            "teamId",
            first_of(&query.team_id),
            "Any",
            choices::teams(viewer.directory()),
        ),
        urgency: urgencies(&query),
        filtered: uri.query().is_some_and(|query| !query.is_empty()),
        query: address("", &query, None),
        tiles: tiles(&found.summary),
        is_empty: found.summary.figures.incidents == 0 && found.people.iter().all(|line| line.pages == 0),
        by_week,
        volume: volume(&found.volume),
        acknowledge: Line::draw(
            "ack",
            "Mean time to acknowledge",
            &times(&found.volume, |bin| bin.mean_acknowledge_seconds),
        ),
        resolve: Line::draw(
            "resolve",
            "Mean time to resolve",
            &times(&found.volume, |bin| bin.mean_resolve_seconds),
        ),
        sorts: sorts(&query, sort),
        more: (
            over(found.services.len()),
            over(found.sources.len()),
            over(found.people.len()),
        ),
        services: found.services.iter().take(LINES_MAX).map(service).collect(),
        sources: found.sources.iter().take(LINES_MAX).map(source).collect(),
        people: found.people.iter().take(LINES_MAX).map(person).collect(),
        heat: Heat::draw(&found.hours),
    };
    viewer.page(&page)
}

/// Which days are measured, and compared with which.
fn says(question: &Question, days: i32) -> String {
    let (first, last) = question.dates;
    format!(
        "{} to {} in {}, compared with the {days} days before. Tests are left out.",
        first.strftime("%-d %b %Y"),
        last.strftime("%-d %b %Y"),
        question.zone.iana_name().unwrap_or("UTC"),
    )
}

/// The first and the last day, where the period is between two.
fn dates(query: &AnalyticsQuery) -> Option<(Field, Field)> {
    let field = |name: &str, date: jiff::civil::Date| Field::new(name).with(date.to_string());
    Some((field("from", query.from?), field("to", query.to?)))
}

/// By what services can be sorted, and whether they are.
fn sorts(query: &AnalyticsQuery, chosen: Sort) -> Vec<(Link, bool)> {
    let link = |(by, word, name): (Sort, &str, &str)| {
        let href = address("/analytics", query, Some(word)) + "#services";
        (Link::new(href, name), by == chosen)
    };
    Sort::ALL.map(link).to_vec()
}

/// `GET /analytics/{report}.csv`
pub(super) async fn download(
    State(state): State<AppState>,
    viewer: Viewer,
    Path(file): Path<String>,
    uri: Uri,
) -> Result<Response, PageError> {
    let report = file.strip_suffix(".csv").and_then(Report::from_word);
    let report = report.ok_or_else(|| ApiError::not_found("report"))?;
    let mut asked = asked(&uri);
    let wish = wish(&mut asked.params, &mut asked.problems);
    asked.problems.check()?;
    let question = wish.query.question(viewer.now, &viewer.zone)?;
    let answer = analytics::answer(&state, report, &question).await?;
    let (first, last) = question.dates;
    let name = format!(
        "attachment; filename=\"opsknight-{}-{first}-{last}.csv\"",
        report.word()
    );
    let headers = [
        (header::CONTENT_TYPE, "text/csv; charset=utf-8".to_owned()),
        (header::CONTENT_DISPOSITION, name),
    ];
    Ok((headers, analytics::csv(&analytics::table(&answer))).into_response())
}

fn first_of<T: std::fmt::Display>(ids: &[T]) -> Option<String> {
    ids.first().map(ToString::to_string)
}

fn periods(query: &AnalyticsQuery) -> Select {
    let known = PERIODS.map(|days| Choice::new(days.to_string(), format!("Last {days} days")));
    let between = Choice::new("", "Between two days");
    let days = match (query.days, query.from) {
        (None, None) => Some(DAYS_DEFAULT),
        (days, _) => days,
    };
    let other = days.filter(|days| !PERIODS.contains(days));
    let other = other.map(|days| Choice::new(days.to_string(), format!("Last {days} days")));
    let field = Field::new("days").with(days.map(|days| days.to_string()).unwrap_or_default());
    Select::new(field, known.into_iter().chain(other).chain([between]))
}

fn urgencies(query: &AnalyticsQuery) -> Select {
    let names = [
        (Urgency::High, "High"),
        (Urgency::Medium, "Medium"),
        (Urgency::Low, "Low"),
    ];
    let options = names.map(|(urgency, name)| Choice::new(urgency.word(), name));
    let chosen = query.urgency.first().map(|urgency| urgency.word().to_owned());
    select("urgency", chosen, "Any", options.to_vec())
}

/// The address of the same question, sorted otherwise or as a file.
fn address(path: &str, query: &AnalyticsQuery, sort: Option<&str>) -> String {
    let mut pairs = form_urlencoded::Serializer::new(String::new());
    let joined = |words: Vec<String>| words.join(",");
    let given = [
        ("days", query.days.map(|days| days.to_string()).unwrap_or_default()),
        ("from", query.from.map(|date| date.to_string()).unwrap_or_default()),
        ("to", query.to.map(|date| date.to_string()).unwrap_or_default()),
        (
            "serviceId",
            joined(query.service_id.iter().map(ToString::to_string).collect()),
        ),
        (
            "teamId",
            joined(query.team_id.iter().map(ToString::to_string).collect()),
        ),
        (
            "urgency",
            joined(query.urgency.iter().map(|urgency| urgency.word().to_owned()).collect()),
        ),
        ("sort", sort.unwrap_or_default().to_owned()),
    ];
    for (name, value) in given {
        if !value.is_empty() {
            pairs.append_pair(name, &value);
        }
    }
    format!("{path}?{}", pairs.finish())
}

/// "23 Nov" from a date of a report.
fn day(bin: &BinLine) -> String {
    let date = bin.date.parse::<jiff::civil::Date>();
    date.map_or_else(|_| bin.date.clone(), |date| date.strftime("%-d %b").to_string())
}

fn volume(bins: &[BinLine]) -> Columns {
    let series = [("s0", "High"), ("s1", "Medium"), ("s2", "Low")];
    let series = series.map(|(class, name)| Series {
        class,
        name: name.to_owned(),
    });
    let bars = bins.iter().map(|bin| (day(bin), vec![bin.high, bin.medium, bin.low]));
    let total: i64 = bins.iter().map(BinLine::incidents).sum();
    Columns::draw(
        "volume",
        format!("{total} incidents by urgency over time"),
        series.to_vec(),
        bars.collect(),
    )
}

fn times(bins: &[BinLine], of: impl Fn(&BinLine) -> Option<i64>) -> Vec<(String, Option<i64>)> {
    bins.iter().map(|bin| (day(bin), of(bin))).collect()
}
