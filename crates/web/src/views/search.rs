//! `/search`: what was found, by group.

use askama::Template;

use super::{Link, Shell};

/// `/search`
#[derive(Debug, Clone, Template)]
#[template(path = "shell/search.html")]
pub struct SearchPage {
    /// Around the page.
    pub shell: Shell,
    /// What was looked for.
    pub query: String,
    /// What was found, the groups in their order.
    pub groups: Vec<FoundGroup>,
}

/// Things of one kind that were found.
#[derive(Debug, Clone)]
pub struct FoundGroup {
    /// "Services"
    pub name: &'static str,
    /// The name of its icon.
    pub icon: &'static str,
    /// Where all of them are listed.
    pub all: Option<String>,
    /// The best first.
    pub rows: Vec<FoundRow>,
}

/// A thing that was found.
#[derive(Debug, Clone)]
pub struct FoundRow {
    /// Its page and name.
    pub link: Link,
    /// What tells it from others of its name.
    pub detail: String,
}
