//! How reports look in JSON.

use jiff::civil::Date;
use opsknight_domain::{
    metrics::{Figures, percentile},
    urgency::Urgency,
};
use opsknight_store::metrics::Slice;
use serde::Serialize;
use utoipa::ToSchema;

use crate::api::{Named, wire::Time};

/// A period of time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, ToSchema)]
#[schema(as = AnalyticsPeriod)]
pub struct Span {
    /// Its first instant.
    #[schema(inline)]
    pub from: Time,
    /// The first instant after it.
    #[schema(inline)]
    pub to: Time,
}

/// One of the reports.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
#[schema(as = AnalyticsReport)]
#[serde(untagged)]
pub enum ReportBody {
    /// `summary`
    Summary(Box<Summary>),
    /// `volume`
    Volume(Whole<BinLine>),
    /// `services`
    Services(Whole<ServiceLine>),
    /// `sources`
    Sources(Whole<SourceLine>),
    /// `people`
    People(Whole<PersonLine>),
    /// `hours`
    Hours(Whole<HourLine>),
}

/// The lines of a report.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
#[schema(as = AnalyticsLines)]
#[serde(rename_all = "camelCase")]
pub struct Whole<T> {
    /// What is measured.
    pub period: Span,
    /// The zone whose days and hours are meant.
    pub time_zone: String,
    /// The lines.
    pub data: Vec<T>,
}

/// All of it together.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
#[schema(as = AnalyticsSummary)]
#[serde(rename_all = "camelCase")]
pub struct Summary {
    /// What is measured.
    pub period: Span,
    /// The period just before, as long.
    pub period_before: Span,
    /// The zone whose days are meant.
    pub time_zone: String,
    /// The figures.
    pub figures: FiguresBody,
    /// Those of the period before.
    pub figures_before: FiguresBody,
}

/// How much, and how fast. Times are in seconds, and null where there is nothing to measure; shares are from 0 to 1.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
#[schema(as = AnalyticsFigures)]
#[serde(rename_all = "camelCase")]
pub struct FiguresBody {
    /// How many incidents were opened.
    pub incidents: i64,
    /// How many alerts they hold.
    pub alerts: i64,
    /// How many were acknowledged.
    pub acknowledged: i64,
    /// How many are over.
    pub resolved: i64,
    /// How many ended without an acknowledgement.
    pub unanswered: i64,
    /// That as a share of those that are over.
    pub unanswered_share: Option<f64>,
    /// The mean time to the first acknowledgement: MTTA.
    pub mean_acknowledge_seconds: Option<i64>,
    /// The median of that time.
    pub median_acknowledge_seconds: Option<i64>,
    /// Nine of ten were faster.
    pub p90_acknowledge_seconds: Option<i64>,
    /// The mean time to the end: MTTR.
    pub mean_resolve_seconds: Option<i64>,
    /// The median of that time.
    pub median_resolve_seconds: Option<i64>,
    /// Nine of ten were faster.
    pub p90_resolve_seconds: Option<i64>,
    /// The share acknowledged within the target of the service.
    pub acknowledged_in_time_share: Option<f64>,
    /// The share resolved within the target of the service.
    pub resolved_in_time_share: Option<f64>,
    /// The share for which the policy went beyond its first step.
    pub escalated_share: Option<f64>,
}

impl FiguresBody {
    /// From sums and from how many took how long to be acknowledged and resolved.
    pub(crate) fn new(figures: &Figures, acknowledge: &[(i64, i64)], resolve: &[(i64, i64)]) -> Self {
        Self {
            incidents: figures.incidents,
            alerts: figures.alerts,
            acknowledged: figures.acknowledged,
            resolved: figures.resolved,
            unanswered: figures.unanswered,
            unanswered_share: figures.unanswered_per_mille().map(share),
            mean_acknowledge_seconds: figures.mtta_s(),
            median_acknowledge_seconds: percentile(acknowledge, 500),
            p90_acknowledge_seconds: percentile(acknowledge, 900),
            mean_resolve_seconds: figures.mttr_s(),
            median_resolve_seconds: percentile(resolve, 500),
            p90_resolve_seconds: percentile(resolve, 900),
            acknowledged_in_time_share: figures.ack_kept_per_mille().map(share),
            resolved_in_time_share: figures.resolve_kept_per_mille().map(share),
            escalated_share: figures.escalated_per_mille().map(share),
        }
    }
}

fn share(per_mille: i64) -> f64 {
    // A thousand at most, which every float holds.
    i32::try_from(per_mille).map_or(0.0, |part| f64::from(part) / 1000.0)
}

/// A day, or a week where the period is longer than 45 days.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
#[schema(as = AnalyticsVolume)]
#[serde(rename_all = "camelCase")]
pub struct BinLine {
    /// Its first day.
    pub date: String,
    /// Incidents with high urgency.
    pub high: i64,
    /// With medium urgency.
    pub medium: i64,
    /// With low urgency.
    pub low: i64,
    /// The mean time to the first acknowledgement.
    pub mean_acknowledge_seconds: Option<i64>,
    /// The mean time to the end.
    pub mean_resolve_seconds: Option<i64>,
}

impl BinLine {
    pub(super) fn new<'a>(date: Date, slices: impl Iterator<Item = &'a Slice>) -> Self {
        let (mut all, mut counts) = (Figures::default(), [0; 3]);
        for slice in slices {
            all += slice.figures;
            let place = match slice.urgency {
                Urgency::High => 0,
                Urgency::Medium => 1,
                Urgency::Low => 2,
            };
            counts[place] += slice.figures.incidents;
        }
        Self {
            date: date.to_string(),
            high: counts[0],
            medium: counts[1],
            low: counts[2],
            mean_acknowledge_seconds: all.mtta_s(),
            mean_resolve_seconds: all.mttr_s(),
        }
    }

    /// How many incidents in all.
    pub(crate) const fn incidents(&self) -> i64 {
        self.high + self.medium + self.low
    }
}

/// A service.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
#[schema(as = AnalyticsService)]
pub struct ServiceLine {
    /// Which.
    pub service: Named,
    /// Its figures.
    #[serde(flatten)]
    pub figures: FiguresBody,
}

/// What opened incidents.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
#[schema(as = AnalyticsSource)]
pub struct SourceLine {
    /// The integration's name.
    pub name: String,
    /// Its type; null for what was opened by hand or by the API, and for an integration that was removed.
    #[serde(rename = "type")]
    pub kind: Option<String>,
    /// Of which service.
    pub service: Named,
    /// Its figures; it has no percentiles.
    #[serde(flatten)]
    pub figures: FiguresBody,
}

/// Whom pages reached.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
#[schema(as = AnalyticsPerson)]
#[serde(rename_all = "camelCase")]
pub struct PersonLine {
    /// Who.
    pub user: Named,
    /// How many pages.
    pub pages: i64,
    /// How many of them from 22:00 to 08:00 by their own clock.
    pub night_pages: i64,
    /// How many by day on a Saturday or Sunday.
    pub weekend_pages: i64,
    /// In how many nights there was at least one.
    pub interrupted_nights: i64,
    /// How long they were on call, by the schedules as they stand now.
    pub on_call_seconds: i64,
}

/// An hour of the week.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, ToSchema)]
#[schema(as = AnalyticsHour)]
pub struct HourLine {
    /// 1 is Monday.
    pub weekday: i64,
    /// 0 to 23.
    pub hour: i64,
    /// How many pages.
    pub pages: i64,
}
