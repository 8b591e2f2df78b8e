//! What lists are asked for, and the controls by which that is asked.

use http::Uri;

use super::choices;
use crate::{
    api::{error::Problems, extract::Params},
    views::{Choice, Field, Select},
};

/// The parameters of a page, and what is wrong with them.
pub(super) struct Asked {
    pub(super) params: Params,
    pub(super) problems: Problems,
}

/// Reads them.
pub(super) fn asked(uri: &Uri) -> Asked {
    let mut problems = Problems::default();
    let params = Params::of_form(uri.query().unwrap_or_default(), &mut problems);
    Asked { params, problems }
}

/// A control with a first choice that stands for none.
pub(super) fn select(name: &str, value: Option<String>, none: &str, options: Vec<Choice>) -> Select {
    let field = Field::new(name).with(value.unwrap_or_default());
    Select::new(field, choices::or_none(none, options))
}
