//! The pages: what people see and the forms that they send.
//!
//! Handlers read, ask `actions` or `store`, and fill the contexts of `views`. No rule is written here.

mod error;

pub use error::PageError;
