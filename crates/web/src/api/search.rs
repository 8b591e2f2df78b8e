//! The search text of lists.

use opsknight_store::listing::Part;
use utoipa::IntoParams;

use super::{
    error::Problems,
    extract::{FromParams, Params},
    page::Page,
};

/// Longest search text, in characters.
pub(super) const SEARCH_CHARS_MAX: usize = 200;

/// What is searched for.
#[derive(Debug, Clone, Default, PartialEq, Eq, IntoParams)]
#[into_params(parameter_in = Query)]
pub(super) struct Search {
    /// Has this text in its name, in any case.
    #[param(max_length = 200, required = false)]
    pub(super) q: Option<String>,
}

impl FromParams for Search {
    fn from_params(params: &mut Params, problems: &mut Problems) -> Self {
        let q = params.text("q");
        if q.as_ref().is_some_and(|q| q.chars().count() > SEARCH_CHARS_MAX) {
            problems.add("q", format!("must have at most {SEARCH_CHARS_MAX} characters"));
        }
        Self { q }
    }
}

impl Search {
    /// The same as the store asks it.
    pub(super) fn part(&self, page: Page) -> Part<'_> {
        Part {
            limit: page.limit,
            offset: page.offset,
            q: self.q.as_deref(),
        }
    }
}
