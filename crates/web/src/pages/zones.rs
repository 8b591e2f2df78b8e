//! The zones that can be chosen, in the order of the time zone database.

use std::sync::LazyLock;

use crate::views::Choice;

/// The names of all zones of the bundled database but for its historical spellings.
static NAMES: LazyLock<Vec<String>> = LazyLock::new(|| {
    let all = jiff::tz::db().available().map(|name| name.as_str().to_owned());
    let current = |name: &String| name == "UTC" || AREAS.iter().any(|area| name.starts_with(area));
    let mut names: Vec<String> = all.filter(current).collect();
    names.sort();
    names.dedup();
    names
});

/// Names outside of these areas, such as `US/Eastern` and `EST5EDT`, are kept by the database for old programs only.
const AREAS: [&str; 10] = [
    "Africa/",
    "America/",
    "Antarctica/",
    "Arctic/",
    "Asia/",
    "Atlantic/",
    "Australia/",
    "Europe/",
    "Indian/",
    "Pacific/",
];

/// All of them, with UTC in front.
pub(super) fn choices() -> Vec<Choice> {
    let (utc, others): (Vec<_>, Vec<_>) = NAMES.iter().partition(|name| *name == "UTC");
    let in_order = utc.into_iter().chain(others);
    in_order.map(|name| Choice::new(name, name.replace('_', " "))).collect()
}

#[cfg(test)]
mod tests {
    #[test]
    fn utc_stands_in_front() {
        let choices = super::choices();
        assert_eq!(choices[0].value, "UTC");
        assert!(choices.iter().any(|choice| choice.value == "America/New_York"));
        assert!(choices.len() > 300);
    }
}
