//! Figures in words: how a time, a share and a change are said.

use crate::{
    api::analytics::{FiguresBody, PersonLine, ServiceLine, SourceLine, Summary},
    views::{Change, Link, Person, PersonFigures, ServiceFigures, SourceFigures, Tile, lasting},
};

/// What stands where there is nothing to measure.
const NONE: &str = "–";
/// A change of less than so much is none.
const STEADY: f64 = 0.005;

/// Whether more of something is good.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Better {
    More,
    Less,
    Neither,
}

/// "87%".
fn percent(share: f64) -> String {
    format!("{:.0}%", share * 100.0)
}

fn share(of: Option<f64>) -> String {
    of.map_or_else(|| NONE.to_owned(), percent)
}

fn time(of: Option<i64>) -> String {
    of.map_or_else(|| NONE.to_owned(), lasting)
}

/// "median 2 min, 90% within 11 min".
fn spread(median: Option<i64>, p90: Option<i64>) -> String {
    match (median, p90) {
        (Some(median), Some(p90)) => format!("median {}, 90% within {}", lasting(median), lasting(p90)),
        (None, _) | (_, None) => String::new(),
    }
}

/// "90% in 11 min".
fn most(p90: Option<i64>) -> String {
    p90.map_or_else(String::new, |p90| format!("90% in {}", lasting(p90)))
}

/// A whole number as a float, for a ratio.
fn float(value: i64) -> f64 {
    f64::from(i32::try_from(value).unwrap_or(i32::MAX))
}

/// How something became more or less, as a part of what it was.
fn by_part(now: i64, before: i64, better: Better) -> Option<Change> {
    if before == 0 {
        return None;
    }
    let change = (float(now) - float(before)) / float(before);
    // "1,900% more" says less than "20 times".
    let size = match change.abs() {
        size if size >= 9.5 => format!("{:.0} times as much", change + 1.0),
        size => format!("{} {}", percent(size), if change > 0.0 { "more" } else { "less" }),
    };
    Some(changed(change, size, better))
}

/// How a share became more or less, in points of a hundred.
fn by_points(now: Option<f64>, before: Option<f64>, better: Better) -> Option<Change> {
    let change = now? - before?;
    let points = format!(
        "{:.0} points {}",
        change.abs() * 100.0,
        if change > 0.0 { "more" } else { "less" }
    );
    Some(changed(change, points, better))
}

fn changed(change: f64, text: String, better: Better) -> Change {
    if change.abs() < STEADY {
        return Change {
            text: "as before".to_owned(),
            icon: "dash",
            class: "muted",
        };
    }
    let class = match (better, change > 0.0) {
        (Better::Neither, _) => "muted",
        (Better::More, true) | (Better::Less, false) => "good",
        (Better::More, false) | (Better::Less, true) => "bad",
    };
    Change {
        text,
        icon: if change > 0.0 { "up" } else { "down" },
        class,
    }
}

fn time_tile(
    name: &'static str,
    means: &'static str,
    of: impl Fn(&FiguresBody) -> [Option<i64>; 3],
    summary: &Summary,
) -> Tile {
    let [mean, median, p90] = of(&summary.figures);
    let before = of(&summary.figures_before)[0];
    Tile {
        name,
        means,
        value: time(mean),
        besides: spread(median, p90),
        change: mean
            .zip(before)
            .and_then(|(now, before)| by_part(now, before, Better::Less)),
    }
}

fn share_tile(
    name: &'static str,
    means: &'static str,
    of: impl Fn(&FiguresBody) -> Option<f64>,
    better: Better,
    summary: &Summary,
) -> Tile {
    let (now, before) = (of(&summary.figures), of(&summary.figures_before));
    Tile {
        name,
        means,
        value: share(now),
        besides: String::new(),
        change: by_points(now, before, better),
    }
}

/// The time tiles, which the dashboard shows too.
pub(in crate::pages) fn speed(summary: &Summary) -> [Tile; 2] {
    [
        time_tile(
            "MTTA",
            "Mean time from opening to the first acknowledgement; what nobody acknowledged is left out",
            |of| {
                [
                    of.mean_acknowledge_seconds,
                    of.median_acknowledge_seconds,
                    of.p90_acknowledge_seconds,
                ]
            },
            summary,
        ),
        time_tile(
            "MTTR",
            "Mean time from opening to the end; what is not over is left out",
            |of| {
                [
                    of.mean_resolve_seconds,
                    of.median_resolve_seconds,
                    of.p90_resolve_seconds,
                ]
            },
            summary,
        ),
    ]
}

/// How many incidents, compared with before.
pub(in crate::pages) fn volume(summary: &Summary) -> Tile {
    let (now, before) = (summary.figures.incidents, summary.figures_before.incidents);
    Tile {
        name: "Incidents",
        means: "Opened in this time, tests left out",
        value: crate::views::grouped(u64::try_from(now).unwrap_or(0)),
        besides: format!(
            "{} alerts",
            crate::views::grouped(u64::try_from(summary.figures.alerts).unwrap_or(0))
        ),
        change: by_part(now, before, Better::Neither),
    }
}

/// The figures on top of the page.
pub(super) fn tiles(summary: &Summary) -> Vec<Tile> {
    let [mtta, mttr] = speed(summary);
    vec![
        volume(summary),
        mtta,
        mttr,
        share_tile(
            "Acknowledged in time",
            "Of those whose service has a target to acknowledge, the share that met it",
            |of| of.acknowledged_in_time_share,
            Better::More,
            summary,
        ),
        share_tile(
            "Resolved in time",
            "Of those whose service has a target to resolve, the share that met it",
            |of| of.resolved_in_time_share,
            Better::More,
            summary,
        ),
        share_tile(
            "Escalated",
            "The share for which the policy went beyond its first step",
            |of| of.escalated_share,
            Better::Less,
            summary,
        ),
        share_tile(
            "Ended unanswered",
            "Of those that are over, the share that nobody acknowledged: likely noise",
            |of| of.unanswered_share,
            Better::Less,
            summary,
        ),
    ]
}

fn service_link(service: &crate::api::Named) -> Link {
    Link::new(format!("/services/{}", service.id), &service.name)
}

/// A service in the table.
pub(super) fn service(line: &ServiceLine) -> ServiceFigures {
    let of = &line.figures;
    ServiceFigures {
        service: service_link(&line.service),
        incidents: of.incidents,
        acknowledge: (time(of.mean_acknowledge_seconds), most(of.p90_acknowledge_seconds)),
        resolve: (time(of.mean_resolve_seconds), most(of.p90_resolve_seconds)),
        ack_kept: share(of.acknowledged_in_time_share),
        resolve_kept: share(of.resolved_in_time_share),
        escalated: share(of.escalated_share),
    }
}

/// A source in the table.
pub(super) fn source(line: &SourceLine) -> SourceFigures {
    let kind = line.kind.as_deref().map(|kind| {
        let source = opsknight_sources::by_type(kind);
        source.map_or(kind, |source| source.title()).to_owned()
    });
    let unanswered = line.figures.unanswered_share.map(|share| {
        // A share is from 0 to 1.
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "it is from 0 to 100"
        )]
        let of_100 = (share * 100.0).round() as u32;
        (percent(share), of_100)
    });
    SourceFigures {
        name: line.name.clone(),
        kind: kind.unwrap_or_default(),
        service: service_link(&line.service),
        alerts: line.figures.alerts,
        incidents: line.figures.incidents,
        unanswered,
    }
}

/// A person in the table.
pub(super) fn person(line: &PersonLine) -> PersonFigures {
    PersonFigures {
        person: Person::new(&line.user.id, &line.user.name),
        pages: line.pages,
        night: line.night_pages,
        weekend: line.weekend_pages,
        nights: line.interrupted_nights,
        on_call: match line.on_call_seconds {
            0 => NONE.to_owned(),
            seconds => format!("{} h", seconds / 3_600),
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn changes_are_said_in_words_and_judged_by_what_is_better() {
        let said = |change: Option<Change>| change.map(|change| (change.text, change.class));
        assert_eq!(said(by_part(88, 100, Better::Less)), Some(("12% less".into(), "good")));
        assert_eq!(said(by_part(150, 100, Better::Less)), Some(("50% more".into(), "bad")));
        assert_eq!(
            said(by_part(2_000, 100, Better::Neither)),
            Some(("20 times as much".into(), "muted"))
        );
        assert_eq!(
            said(by_part(100, 100, Better::Less)),
            Some(("as before".into(), "muted"))
        );
        assert_eq!(said(by_part(5, 0, Better::Less)), None, "nothing to compare with");
        let points = by_points(Some(0.9), Some(0.95), Better::More);
        assert_eq!(said(points), Some(("5 points less".into(), "bad")));
        assert_eq!(said(by_points(None, Some(0.95), Better::More)), None);
    }
}
