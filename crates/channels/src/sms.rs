//! Text messages: what they say and who carries them.
//!
//! [`text`] writes a message so that it fits into few pieces; each provider is a module of its own and says nothing
//! else than that. None of them decides whether a person may be texted.

mod length;
pub mod text;
pub mod twilio;
