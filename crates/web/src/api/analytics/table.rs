//! Reports as files with commas, for spreadsheets (RFC 4180).

use std::fmt::Write as _;

use super::shape::{BinLine, FiguresBody, PersonLine, ReportBody};

/// The columns of figures.
const FIGURES: [&str; 15] = [
    "incidents",
    "alerts",
    "acknowledged",
    "resolved",
    "unanswered",
    "unanswered_share",
    "mean_acknowledge_seconds",
    "median_acknowledge_seconds",
    "p90_acknowledge_seconds",
    "mean_resolve_seconds",
    "median_resolve_seconds",
    "p90_resolve_seconds",
    "acknowledged_in_time_share",
    "resolved_in_time_share",
    "escalated_share",
];

fn figures(of: &FiguresBody) -> Vec<String> {
    let whole = |value: Option<i64>| value.map_or_else(String::new, |value| value.to_string());
    let part = |value: Option<f64>| value.map_or_else(String::new, |value| format!("{value:.3}"));
    vec![
        of.incidents.to_string(),
        of.alerts.to_string(),
        of.acknowledged.to_string(),
        of.resolved.to_string(),
        of.unanswered.to_string(),
        part(of.unanswered_share),
        whole(of.mean_acknowledge_seconds),
        whole(of.median_acknowledge_seconds),
        whole(of.p90_acknowledge_seconds),
        whole(of.mean_resolve_seconds),
        whole(of.median_resolve_seconds),
        whole(of.p90_resolve_seconds),
        part(of.acknowledged_in_time_share),
        part(of.resolved_in_time_share),
        part(of.escalated_share),
    ]
}

/// The rows of a report; the first has the names of the columns.
pub(crate) fn table(report: &ReportBody) -> Vec<Vec<String>> {
    let head = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect::<Vec<_>>();
    let with = |first: Vec<String>, of: &FiguresBody| [first, figures(of)].concat();
    let mut rows = Vec::new();
    match report {
        ReportBody::Summary(summary) => {
            rows.push([head(&["period", "from", "to"]), head(&FIGURES)].concat());
            for (name, span, of) in [
                ("now", summary.period, &summary.figures),
                ("before", summary.period_before, &summary.figures_before),
            ] {
                let first = vec![name.to_owned(), span.from.0.to_string(), span.to.0.to_string()];
                rows.push(with(first, of));
            }
        }
        ReportBody::Volume(whole) => {
            let times = ["mean_acknowledge_seconds", "mean_resolve_seconds"];
            rows.push([head(&["date", "high", "medium", "low"]), head(&times)].concat());
            rows.extend(whole.data.iter().map(bin));
        }
        ReportBody::Services(whole) => {
            rows.push([head(&["service_id", "service"]), head(&FIGURES)].concat());
            let lines = whole.data.iter();
            rows.extend(
                lines.map(|line| with(vec![line.service.id.clone(), line.service.name.clone()], &line.figures)),
            );
        }
        ReportBody::Sources(whole) => {
            rows.push([head(&["source", "type", "service_id", "service"]), head(&FIGURES)].concat());
            rows.extend(whole.data.iter().map(|line| {
                let kind = line.kind.clone().unwrap_or_default();
                let service = &line.service;
                with(
                    vec![line.name.clone(), kind, service.id.clone(), service.name.clone()],
                    &line.figures,
                )
            }));
        }
        ReportBody::People(whole) => {
            let loads = [
                "pages",
                "night_pages",
                "weekend_pages",
                "interrupted_nights",
                "on_call_seconds",
            ];
            rows.push([head(&["user_id", "name"]), head(&loads)].concat());
            rows.extend(whole.data.iter().map(person));
        }
        ReportBody::Hours(whole) => {
            rows.push(head(&["weekday", "hour", "pages"]));
            let lines = whole.data.iter();
            rows.extend(lines.map(|line| [line.weekday, line.hour, line.pages].map(|n| n.to_string()).to_vec()));
        }
    }
    rows
}

fn bin(line: &BinLine) -> Vec<String> {
    let counts = [line.high, line.medium, line.low].map(|count| count.to_string());
    let times = [line.mean_acknowledge_seconds, line.mean_resolve_seconds];
    let times = times.map(|time| time.map_or_else(String::new, |time| time.to_string()));
    [vec![line.date.clone()], counts.to_vec(), times.to_vec()].concat()
}

fn person(line: &PersonLine) -> Vec<String> {
    let loads = [
        line.pages,
        line.night_pages,
        line.weekend_pages,
        line.interrupted_nights,
        line.on_call_seconds,
    ];
    let named = [line.user.id.clone(), line.user.name.clone()].into_iter();
    named.chain(loads.map(|count| count.to_string())).collect()
}

/// The rows as text. A cell that a spreadsheet would take for a formula gets an apostrophe in front: names come from
/// outside.
pub(crate) fn csv(rows: &[Vec<String>]) -> String {
    let mut text = String::new();
    for row in rows {
        for (place, cell) in row.iter().enumerate() {
            let comma = if place == 0 { "" } else { "," };
            let harmless = match cell.starts_with(['=', '+', '-', '@', '\t', '\r']) {
                true => format!("'{cell}"),
                false => cell.clone(),
            };
            match harmless.contains([',', '"', '\n', '\r']) {
                true => write!(text, "{comma}\"{}\"", harmless.replace('"', "\"\"")),
                false => write!(text, "{comma}{harmless}"),
            }
            .expect("a String takes all text");
        }
        text.push_str("\r\n");
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_cell_is_a_formula_or_ends_another() {
        let rows = vec![
            ["=1+1", "+a", "-a", "@a", "\ta", "\ra"].map(str::to_owned).to_vec(),
            ["a,b", "say \"hi\"", "two\nlines", "", "plain"]
                .map(str::to_owned)
                .to_vec(),
        ];
        let wanted = "'=1+1,'+a,'-a,'@a,'\ta,\"'\ra\"\r\n\"a,b\",\"say \"\"hi\"\"\",\"two\nlines\",,plain\r\n";
        assert_eq!(csv(&rows), wanted);
    }
}
