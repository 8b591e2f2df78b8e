//! The controls by which lists are asked.

use super::choices;
use crate::views::{Choice, Field, Select};

/// A control with a first choice that stands for none.
pub(super) fn select(name: &str, value: Option<String>, none: &str, options: Vec<Choice>) -> Select {
    let field = Field::new(name).with(value.unwrap_or_default());
    Select::new(field, choices::or_none(none, options))
}
