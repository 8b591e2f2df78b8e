//! What the three logs share: which leaf is wanted, from when to when, with which text, and where its neighbours are.

use http::Uri;
use jiff::{Timestamp, civil, tz::TimeZone};
use opsknight_store::leaf::{Edge, Leaf};

use super::viewer::Viewer;
use crate::{
    api::{
        error::{ApiError, Problems},
        extract::Params,
        wire::{Id, Identity},
    },
    views::{Field, LogFilters, LogPager},
};

/// How many rows a leaf has.
pub(super) const LEAF_ROWS: i64 = 50;
/// Longest text that is looked for, in characters.
const TEXT_CHARS_MAX: usize = 200;

/// What is asked of a log.
pub(super) struct Asked {
    pub(super) params: Params,
    pub(super) problems: Problems,
    /// Which leaf.
    pub(super) edge: Edge,
    /// The text to look for.
    pub(super) q: Option<String>,
    /// At or after.
    pub(super) after: Option<Timestamp>,
    /// Before.
    pub(super) before: Option<Timestamp>,
    typed: [String; 3],
}

/// Reads the query of a log. Times are those of the viewer's zone; `T` is the kind of identity that its rows have.
pub(super) fn asked<T: Identity>(uri: &Uri, viewer: &Viewer) -> Asked {
    let mut problems = Problems::default();
    let mut params = Params::of_form(uri.query().unwrap_or_default(), &mut problems);
    let mut edge = |name: &str, problems: &mut Problems| {
        let id = params.one::<Id<T>>(name, problems)?;
        Some(id.0.to_string())
    };
    let (older, newer) = (edge("older", &mut problems), edge("newer", &mut problems));
    let q = params.text("q").map(|text| text.trim().to_owned());
    if q.as_ref().is_some_and(|q| q.chars().count() > TEXT_CHARS_MAX) {
        problems.add("q", format!("must have at most {TEXT_CHARS_MAX} characters"));
    }
    let mut time = |name: &str| {
        let text = params.text(name).unwrap_or_default();
        let at = (!text.is_empty()).then(|| local(&text, &viewer.zone));
        let at = at.and_then(|at| problems.take(name, at));
        (text, at)
    };
    let ((from, after), (to, before)) = (time("from"), time("to"));
    Asked {
        edge: match (older, newer) {
            (Some(id), _) => Edge::OlderThan(id),
            (None, Some(id)) => Edge::NewerThan(id),
            (None, None) => Edge::Newest,
        },
        typed: [q.clone().unwrap_or_default(), from, to],
        params,
        problems,
        q,
        after,
        before,
    }
}

/// A time as browsers send it, `2026-11-23T09:00`, or a day, read on the clock of a zone.
fn local(text: &str, zone: &TimeZone) -> Result<Timestamp, String> {
    let day = || text.parse::<civil::Date>().map(|day| day.at(0, 0, 0, 0));
    let at = text.parse::<civil::DateTime>().or_else(|_| day());
    let at = at.and_then(|at| at.to_zoned_datetime(zone.clone()));
    at.map(|at| at.timestamp())
        .map_err(|_| "must be a date and a time, such as 2026-11-23T09:00".to_owned())
}

impl Asked {
    /// Takes an identity.
    pub(super) fn id<T: Identity>(&mut self, name: &str) -> Option<T> {
        self.params.one::<Id<T>>(name, &mut self.problems).map(|id| id.0)
    }

    /// Takes a word that is one of these; any other counts as none.
    pub(super) fn word(&mut self, name: &str, words: &[&'static str]) -> Option<&'static str> {
        let text = self.params.text(name)?;
        words.iter().copied().find(|word| *word == text)
    }

    /// What is wrong with it, where anything is.
    pub(super) fn check(&mut self) -> Result<(), ApiError> {
        std::mem::take(&mut self.problems).check()
    }

    /// The controls that every log has.
    pub(super) fn filters(&self) -> LogFilters {
        let [q, from, to] = self.typed.clone();
        LogFilters {
            q: Field::new("q").with(q),
            from: Field::new("from").with(from),
            to: Field::new("to").with(to),
        }
    }

    /// One of them is set.
    pub(super) fn is_filtered(&self) -> bool {
        self.typed.iter().any(|text| !text.is_empty())
    }
}

/// The neighbours of a leaf.
pub(super) fn pager<T>(uri: &Uri, leaf: &Leaf<T>, id: impl Fn(&T) -> String) -> LogPager {
    let at = |name: &str, row: Option<&T>| Some(with(uri, name, &id(row?)));
    // Whoever leafed past an end still finds back.
    let lost = leaf.rows.is_empty() && (leaf.newer || leaf.older);
    LogPager {
        newest: (leaf.newer || lost).then(|| without_edge(uri)),
        newer: leaf.newer.then(|| at("newer", leaf.rows.first())).flatten(),
        older: leaf.older.then(|| at("older", leaf.rows.last())).flatten(),
    }
}

fn rest(uri: &Uri) -> form_urlencoded::Serializer<'static, String> {
    let mut query = form_urlencoded::Serializer::new(String::new());
    for (name, value) in form_urlencoded::parse(uri.query().unwrap_or_default().as_bytes()) {
        if !matches!(name.as_ref(), "older" | "newer") && !value.is_empty() {
            query.append_pair(&name, &value);
        }
    }
    query
}

fn with(uri: &Uri, name: &str, id: &str) -> String {
    format!("{}?{}", uri.path(), rest(uri).append_pair(name, id).finish())
}

fn without_edge(uri: &Uri) -> String {
    let query = rest(uri).finish();
    let mark = if query.is_empty() { "" } else { "?" };
    format!("{}{mark}{query}", uri.path())
}

/// The same filters at another path, such as that of an export.
pub(super) fn elsewhere(path: &str, uri: &Uri) -> String {
    let query = rest(uri).finish();
    let mark = if query.is_empty() { "" } else { "?" };
    format!("{path}{mark}{query}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn neighbours_keep_the_filters_and_an_end_leads_back() {
        let uri: Uri = "/events?outcome=ignored&older=rcp_1&q=".parse().unwrap();
        let leaf = Leaf {
            rows: vec!["rcp_9", "rcp_5"],
            newer: true,
            older: true,
        };
        let pager = super::pager(&uri, &leaf, |id| (*id).to_owned());
        assert_eq!(pager.newest.as_deref(), Some("/events?outcome=ignored"));
        assert_eq!(pager.newer.as_deref(), Some("/events?outcome=ignored&newer=rcp_9"));
        assert_eq!(pager.older.as_deref(), Some("/events?outcome=ignored&older=rcp_5"));
        let past = Leaf::<&str> {
            rows: Vec::new(),
            newer: true,
            older: false,
        };
        let pager = super::pager(&uri, &past, |id| (*id).to_owned());
        assert_eq!((pager.newest.is_some(), pager.newer, pager.older), (true, None, None));
    }

    #[test]
    fn times_are_read_on_the_viewers_clock() {
        let zone = TimeZone::get("Europe/Berlin").unwrap();
        let read = |text: &str| local(text, &zone).map(|at| at.to_string());
        assert_eq!(read("2026-11-23T09:00").as_deref(), Ok("2026-11-23T08:00:00Z"));
        assert_eq!(read("2026-06-01").as_deref(), Ok("2026-05-31T22:00:00Z"));
        assert!(read("yesterday").is_err());
    }
}
