//! Charts, drawn by the server as SVG: where every bar, point and label lies. Owns geometry and words of axes; never
//! asks what a figure means.
//!
//! Places are percent of the picture, so that it is as wide as the page lets it be while its text keeps its size. Beside
//! every picture stands the same as a table.

use std::fmt::Write as _;

/// The most labels along the bottom.
const LABELS_MAX: usize = 7;
/// How much of its place a bar fills.
const BAR_SHARE: f64 = 0.72;
/// Steps of an axis of counts, times a power of ten.
const COUNT_STEPS: [i64; 3] = [1, 2, 5];
/// Steps of an axis of time, in seconds.
const TIME_STEPS: [i64; 16] = [
    10, 30, 60, 120, 300, 600, 1_200, 1_800, 3_600, 7_200, 14_400, 21_600, 43_200, 86_400, 172_800, 604_800,
];
/// The most lines of an axis above zero.
const RULES_MAX: i64 = 4;
/// How many shades the hours of the week have, besides none.
const SHADES: i64 = 4;

/// A line across the chart, with what it stands for.
#[derive(Debug, Clone, PartialEq)]
pub struct Rule {
    /// From the top.
    pub y: f64,
    /// "20", "5 min".
    pub label: String,
}

/// A word along the bottom.
#[derive(Debug, Clone, PartialEq)]
pub struct Mark {
    /// From the left.
    pub x: f64,
    /// "23 Nov".
    pub text: String,
    /// `start`, `middle` or `end`: where in the text its place is.
    pub anchor: &'static str,
    /// It is left out where there is little room.
    pub minor: bool,
}

/// One set of values with its name and its class in the style sheet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Series {
    /// `s0`, `s1`, `s2`: from the strongest to the faintest.
    pub class: &'static str,
    /// "High".
    pub name: String,
}

/// Bars beside each other, each of several parts.
#[derive(Debug, Clone, PartialEq)]
pub struct Columns {
    /// Names the ids of its parts on the page.
    pub id: &'static str,
    /// What it shows, read aloud.
    pub title: String,
    /// What the parts are, from the bottom.
    pub series: Vec<Series>,
    /// The bars.
    pub bars: Vec<Bar>,
    /// Lines across.
    pub rules: Vec<Rule>,
    /// Words along the bottom.
    pub ticks: Vec<Mark>,
}

/// One bar.
#[derive(Debug, Clone, PartialEq)]
pub struct Bar {
    /// "23 Nov".
    pub label: String,
    /// The values of its parts.
    pub values: Vec<i64>,
    /// On hover: "23 Nov: 3 high, 1 low".
    pub title: String,
    /// Where its place begins, and how wide that is.
    pub place: (f64, f64),
    /// Where it begins and how wide it is.
    pub x: (f64, f64),
    /// Of each part that is not empty: its class, where it begins from the top, how high it is.
    pub parts: Vec<(&'static str, f64, f64)>,
}

impl Columns {
    /// Draws bars: for each its label and its values in the order of `series`.
    #[must_use]
    pub fn draw(
        id: &'static str,
        title: impl Into<String>,
        series: Vec<Series>,
        bars: Vec<(String, Vec<i64>)>,
    ) -> Self {
        let most = bars.iter().map(|(_, values)| values.iter().sum::<i64>()).max();
        let (top, step) = axis(most.unwrap_or(0), &count_step);
        let width = 100.0 / share(bars.len().max(1));
        let ticks = ticks(bars.iter().map(|(label, _)| label.as_str()).collect(), width);
        let bars = bars.into_iter().enumerate().map(|(n, (label, values))| {
            let begins = share(n) * width;
            let mut y = 100.0;
            let mut parts = Vec::new();
            for (of, value) in series.iter().zip(&values) {
                let height = whole(*value) / whole(top) * 100.0;
                y -= height;
                if *value > 0 {
                    parts.push((of.class, places(y), places(height)));
                }
            }
            Bar {
                title: title_of(&label, &series, &values),
                label,
                values,
                place: (places(begins), places(width)),
                x: (
                    places(begins + width * (1.0 - BAR_SHARE) / 2.0),
                    places(width * BAR_SHARE),
                ),
                parts,
            }
        });
        Self {
            id,
            title: title.into(),
            bars: bars.collect(),
            series,
            rules: rules(top, step, |value| super::grouped(u64::try_from(value).unwrap_or(0))),
            ticks,
        }
    }

    /// There is nothing to see.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.bars.iter().all(|bar| bar.parts.is_empty())
    }
}

fn title_of(label: &str, series: &[Series], values: &[i64]) -> String {
    let said: Vec<String> = series
        .iter()
        .zip(values)
        .filter(|(_, value)| **value > 0)
        .map(|(of, value)| format!("{value} {}", of.name.to_lowercase()))
        .collect();
    match said.is_empty() {
        true => format!("{label}: none"),
        false => format!("{label}: {}", said.join(", ")),
    }
}

/// A length of time over days, as a line with gaps where there is nothing to measure.
#[derive(Debug, Clone, PartialEq)]
pub struct Line {
    /// Names the ids of its parts on the page.
    pub id: &'static str,
    /// What it shows, read aloud.
    pub title: String,
    /// The line, in a picture of 100 by 100.
    pub path: String,
    /// The values.
    pub points: Vec<Point>,
    /// Lines across.
    pub rules: Vec<Rule>,
    /// Words along the bottom.
    pub ticks: Vec<Mark>,
}

/// One value of a line.
#[derive(Debug, Clone, PartialEq)]
pub struct Point {
    /// "23 Nov".
    pub label: String,
    /// "4 min 10 s", or that there is none.
    pub value: String,
    /// Where it is, if it is.
    pub at: Option<(f64, f64)>,
}

impl Line {
    /// Draws lengths of time in seconds: for each day or week its label and its value.
    #[must_use]
    pub fn draw(id: &'static str, title: impl Into<String>, values: &[(String, Option<i64>)]) -> Self {
        let most = values.iter().filter_map(|(_, value)| *value).max();
        let (top, step) = axis(most.unwrap_or(0), &time_step);
        let width = 100.0 / share(values.len().max(1));
        let at = |n: usize, value: i64| {
            let y = 100.0 - whole(value) / whole(top) * 100.0;
            (places((share(n) + 0.5) * width), places(y))
        };
        let places: Vec<_> = values
            .iter()
            .enumerate()
            .map(|(n, (_, value))| value.map(|value| at(n, value)))
            .collect();
        let points = values.iter().zip(&places).map(|((label, value), at)| Point {
            label: label.clone(),
            value: value.map_or_else(|| "nothing to measure".to_owned(), lasting),
            at: *at,
        });
        Self {
            id,
            title: title.into(),
            points: points.collect(),
            path: path(&places),
            rules: rules(top, step, lasting),
            ticks: ticks(values.iter().map(|(label, _)| label.as_str()).collect(), width),
        }
    }

    /// There is nothing to see.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.path.is_empty()
    }
}

/// A small line without axes, beside a figure that says it in words.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Spark {
    /// The line, in a picture of 100 by 100; empty when there is nothing to measure.
    pub path: String,
}

impl Spark {
    /// Draws values from zero up.
    #[must_use]
    pub fn draw(values: &[Option<i64>]) -> Self {
        let top = whole(values.iter().flatten().copied().max().unwrap_or(0).max(1));
        // The line has a width: it stays clear of the edges.
        let step = 96.0 / share(values.len().saturating_sub(1).max(1));
        let at = |n: usize, value: i64| (places(2.0 + share(n) * step), places(94.0 - whole(value) / top * 88.0));
        // So small a line goes on where there was nothing to measure.
        let known = values.iter().enumerate();
        let places: Vec<_> = known.filter_map(|(n, value)| Some(Some(at(n, (*value)?)))).collect();
        Self { path: path(&places) }
    }
}

/// The hours of the week, Monday first, with how much happened in each.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Heat {
    /// The days with the count and the shade of each hour.
    pub days: Vec<(&'static str, Vec<(i64, i64)>)>,
    /// How much in all.
    pub total: i64,
}

impl Heat {
    /// Shades the hours: the most is the strongest.
    #[must_use]
    pub fn draw(week: &[[i64; 24]; 7]) -> Self {
        let names = ["Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"];
        let most = week.iter().flatten().copied().max().unwrap_or(0).max(1);
        let shade = |count: i64| (count * SHADES + most - 1) / most;
        let days = names.into_iter().zip(week);
        Self {
            days: days
                .map(|(name, hours)| (name, hours.iter().map(|count| (*count, shade(*count))).collect()))
                .collect(),
            total: week.iter().flatten().sum(),
        }
    }
}

/// "42 s", "4 min 10 s", "25 min", "2 h 5 min", "3 d 4 h": no more than two units, and none finer than matters.
#[must_use]
pub fn lasting(seconds: i64) -> String {
    let two = |big: i64, unit: &str, small: i64, of: &str| match small {
        0 => format!("{big} {unit}"),
        _ => format!("{big} {unit} {small} {of}"),
    };
    match seconds {
        ..60 => format!("{} s", seconds.max(0)),
        60..600 => two(seconds / 60, "min", seconds % 60, "s"),
        600..3_600 => format!("{} min", seconds / 60),
        3_600..86_400 => two(seconds / 3_600, "h", seconds % 3_600 / 60, "min"),
        _ => two(seconds / 86_400, "d", seconds % 86_400 / 3_600, "h"),
    }
}

/// Where an axis ends and how far its lines are apart, for values up to `most`.
fn axis(most: i64, steps: &dyn Fn(i64) -> i64) -> (i64, i64) {
    let step = steps(most).max(1);
    let top = (most + step - 1) / step * step;
    (top.max(step), step)
}

fn count_step(most: i64) -> i64 {
    let mut scale = 1_i64;
    loop {
        if let Some(step) = COUNT_STEPS
            .iter()
            .map(|step| step * scale)
            .find(|step| step * RULES_MAX >= most)
        {
            return step;
        }
        match scale.checked_mul(10) {
            Some(next) if next < i64::MAX / 100 => scale = next,
            _ => return most,
        }
    }
}

fn time_step(most: i64) -> i64 {
    let fits = TIME_STEPS.into_iter().find(|step| step * RULES_MAX >= most);
    fits.unwrap_or(most / RULES_MAX + 1)
}

fn rules(top: i64, step: i64, label: impl Fn(i64) -> String) -> Vec<Rule> {
    let count = top / step;
    let rule = |n: i64| Rule {
        y: places(100.0 - whole(n) / whole(count) * 100.0),
        label: if n == 0 { String::new() } else { label(n * step) },
    };
    (0..=count).map(rule).collect()
}

/// Words along the bottom, so many that they do not touch; every second one may be left out.
fn ticks(labels: Vec<&str>, width: f64) -> Vec<Mark> {
    let apart = labels.len().div_ceil(LABELS_MAX).max(1);
    let last = labels.len().saturating_sub(1);
    let tick = |(n, text): (usize, &str)| {
        let (x, anchor) = match n {
            0 => (0.0, "start"),
            _ if n == last => (100.0, "end"),
            _ => ((share(n) + 0.5) * width, "middle"),
        };
        Mark {
            x: places(x),
            text: text.to_owned(),
            anchor,
            minor: (n / apart) % 2 == 1,
        }
    };
    // One that would stand too near to the edge is left out.
    let fits = |n: usize| n == 0 || labels.len() <= LABELS_MAX || n + apart / 2 < labels.len();
    labels
        .iter()
        .copied()
        .enumerate()
        .step_by(apart)
        .filter(|(n, _)| fits(*n))
        .map(tick)
        .collect()
}

/// A line through the places, broken where there is none. A single place is a line of no length, which shows as a dot.
fn path(places: &[Option<(f64, f64)>]) -> String {
    let (mut text, mut drawing) = (String::new(), false);
    for place in places {
        let Some((x, y)) = place else {
            drawing = false;
            continue;
        };
        let sign = if drawing { 'L' } else { 'M' };
        write!(text, "{sign}{x} {y}").expect("a String takes all text");
        if !drawing {
            text.push_str("h0");
        }
        drawing = true;
    }
    text
}

/// A value as a float. Beyond 2^53 it is not exact, and no pixel shows it.
#[expect(clippy::cast_precision_loss, reason = "a place in a picture, not a figure")]
const fn whole(value: i64) -> f64 {
    value as f64
}

fn share(count: usize) -> f64 {
    whole(i64::try_from(count).unwrap_or(i64::MAX))
}

/// Two places after the point: less than a pixel, and short in the page.
fn places(value: f64) -> f64 {
    (value * 100.0).round() / 100.0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lengths_of_time_have_two_units_at_most() {
        let said = [0, 59, 60, 250, 600, 3_599, 3_600, 7_500, 86_400, 273_600].map(lasting);
        let wanted = [
            "0 s",
            "59 s",
            "1 min",
            "4 min 10 s",
            "10 min",
            "59 min",
            "1 h",
            "2 h 5 min",
            "1 d",
            "3 d 4 h",
        ];
        assert_eq!(said, wanted);
    }

    #[test]
    fn bars_stand_on_each_other_and_reach_no_higher_than_the_axis() {
        let series = [("s0", "High"), ("s1", "Low")].map(|(class, name)| Series {
            class,
            name: name.to_owned(),
        });
        let bars = vec![("1 Nov".to_owned(), vec![6, 1]), ("2 Nov".to_owned(), vec![0, 0])];
        let chart = Columns::draw("volume", "Incidents", series.to_vec(), bars);
        let labels: Vec<_> = chart.rules.iter().map(|rule| rule.label.as_str()).collect();
        assert_eq!(labels, ["", "2", "4", "6", "8"]);
        assert_eq!(chart.bars[0].parts, [("s0", 25.0, 75.0), ("s1", 12.5, 12.5)]);
        assert_eq!(chart.bars[0].title, "1 Nov: 6 high, 1 low");
        assert_eq!(
            (chart.bars[1].title.as_str(), chart.bars[1].parts.len()),
            ("2 Nov: none", 0)
        );
        assert!(!chart.is_empty());
    }

    #[test]
    fn a_line_has_gaps_and_a_lonely_value_is_a_dot() {
        let value = |value| ("x".to_owned(), value);
        let line = Line::draw(
            "mtta",
            "MTTA",
            &[value(Some(0)), value(None), value(Some(240)), value(Some(120))],
        );
        assert_eq!(line.path, "M12.5 100h0M62.5 0h0L87.5 50");
        assert_eq!(line.rules.last().map(|rule| rule.label.as_str()), Some("4 min"));
        assert_eq!(line.points[1].value, "nothing to measure");
        assert!(Line::draw("mtta", "MTTA", &[value(None)]).is_empty());
    }

    #[test]
    fn any_value_can_be_drawn() {
        for most in [0, 1, 7, 40, 41, 999_999, i64::MAX / 8] {
            let (top, step) = axis(most, &count_step);
            assert!(top >= most && top / step <= RULES_MAX + 1, "{most}: {top} {step}");
            let (top, step) = axis(most, &time_step);
            assert!(top >= most && top / step <= RULES_MAX + 1, "{most}: {top} {step}");
        }
        let chart = Columns::draw("volume", "Nothing", Vec::new(), Vec::new());
        assert!(chart.is_empty() && chart.ticks.is_empty());
        assert_eq!(Spark::draw(&[]).path, "");
    }
}
