//! What the pages and the API do when somebody asks for a change: written once, called by both.
//!
//! These functions take values that were parsed, decide nothing that `domain` decides, and commit in one unit.

pub mod bulk;

pub mod incidents;
pub mod notes;

pub mod accounts;

pub(crate) mod test_page;
