//! Push messages to people's devices.

pub mod onesignal;
pub mod web;
