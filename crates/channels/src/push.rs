//! Notifications on telephones and computers: [`web`], the browser's own, and those of [`onesignal`].
//!
//! A way to push is a module of its own; nothing of one knows of another.

pub mod onesignal;
pub mod web;
