//! `/guide`: what the program says of itself.

use askama::Template;

use super::Shell;

/// A link within the guide.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GuideLink {
    /// Where to.
    pub href: String,
    /// What it says.
    pub text: String,
}

impl GuideLink {
    /// A link to this address.
    #[must_use]
    pub fn new(href: impl Into<String>, text: impl Into<String>) -> Self {
        Self {
            href: href.into(),
            text: text.into(),
        }
    }
}

/// `/guide` and `/guide/{page}`
#[derive(Debug, Clone, Template)]
#[template(path = "guide/page.html")]
pub struct GuidePage {
    /// Around the page.
    pub shell: Shell,
    /// It is the first page.
    pub first: bool,
    /// Its heading.
    pub title: String,
    /// Its text: HTML that `guide` has cleaned.
    pub html: String,
    /// Its headings.
    pub contents: Vec<GuideLink>,
    /// All pages.
    pub pages: Vec<GuideLink>,
    /// The page before this one.
    pub previous: Option<GuideLink>,
    /// The page after this one.
    pub next: Option<GuideLink>,
}

/// `/guide?q=…`
#[derive(Debug, Clone, Template)]
#[template(path = "guide/found.html")]
pub struct GuideFound {
    /// Around the page.
    pub shell: Shell,
    /// What was looked for.
    pub words: String,
    /// The places that have it, with the text around.
    pub found: Vec<(GuideLink, String)>,
}

impl GuidePage {
    /// What stands in the search field.
    const fn sought(&self) -> &'static str {
        ""
    }
}

impl GuideFound {
    /// What stands in the search field.
    fn sought(&self) -> &str {
        &self.words
    }
}
