//! Text messages to telephones.

mod sns;
pub mod text;

pub use sns::{SnsSms, SnsSmsSettings};
