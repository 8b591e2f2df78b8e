//! Lists in pages: which part is wanted, and how it is answered.

use serde::Serialize;
use utoipa::{IntoParams, ToSchema};

use super::{
    error::Problems,
    extract::{FromParams, Params},
};

/// How many things a page of a list has where nobody says.
pub const LIMIT_DEFAULT: i64 = 50;
/// Most things that a page of a list has.
pub const LIMIT_MAX: i64 = 200;
/// The furthest that a list can be leafed through by offset.
pub const OFFSET_MAX: i64 = 10_000_000;

/// Which part of a list is wanted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct Page {
    /// At most how many.
    #[param(minimum = 1, maximum = 200, default = 50, required = false)]
    pub limit: i64,
    /// How many are skipped before them.
    #[param(minimum = 0, maximum = 10_000_000, default = 0, required = false)]
    pub offset: i64,
}

impl Default for Page {
    fn default() -> Self {
        Self {
            limit: LIMIT_DEFAULT,
            offset: 0,
        }
    }
}

impl FromParams for Page {
    fn from_params(params: &mut Params, problems: &mut Problems) -> Self {
        let mut number = |name: &str, default: i64, range: std::ops::RangeInclusive<i64>| {
            let Some(text) = params.text(name) else { return default };
            match text.parse::<i64>().ok().filter(|number| range.contains(number)) {
                Some(number) => number,
                None => {
                    let why = format!("must be a number from {} to {}", range.start(), range.end());
                    problems.add(name, why);
                    default
                }
            }
        };
        Self {
            limit: number("limit", LIMIT_DEFAULT, 1..=LIMIT_MAX),
            offset: number("offset", 0, 0..=OFFSET_MAX),
        }
    }
}

/// A part of a list, as it is answered.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Listed<T> {
    /// The things.
    pub data: Vec<T>,
    /// Which part of the list they are.
    pub pagination: Pagination,
}

/// Which part of a list was answered.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Pagination {
    /// How many there are in all.
    pub total: i64,
    /// At most how many were wanted.
    pub limit: i64,
    /// How many were skipped.
    pub offset: i64,
    /// Whether there are more after these.
    pub has_more: bool,
}

impl<T> Listed<T> {
    /// Part `page` of a list that has `total` things.
    #[must_use]
    pub fn new(data: Vec<T>, total: i64, page: Page) -> Self {
        let shown = i64::try_from(data.len()).unwrap_or(i64::MAX);
        let pagination = Pagination {
            total,
            limit: page.limit,
            offset: page.offset,
            has_more: page.offset.saturating_add(shown) < total,
        };
        Self { data, pagination }
    }

    /// Part `page` of a list that is at hand as a whole.
    #[must_use]
    pub fn of_all(all: Vec<T>, page: Page) -> Self {
        let total = i64::try_from(all.len()).unwrap_or(i64::MAX);
        let (skip, take) = (
            usize::try_from(page.offset).unwrap_or(usize::MAX),
            usize::try_from(page.limit).unwrap_or_default(),
        );
        Self::new(all.into_iter().skip(skip).take(take).collect(), total, page)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_page_has_no_more() {
        let page = |offset| Listed::of_all(vec![1, 2, 3, 4, 5], Page { limit: 2, offset });
        assert_eq!((page(0).data, page(0).pagination.has_more), (vec![1, 2], true));
        assert_eq!((page(4).data, page(4).pagination.has_more), (vec![5], false));
        assert_eq!((page(9).data, page(9).pagination.total), (vec![], 5));
    }
}
