//! Channels against servers that this test runs on the loopback interface.

#![expect(clippy::unwrap_used, reason = "a test whose setting cannot be made has failed")]

mod conformance;
mod described;
mod discord;
mod google_chat;
mod guard;
mod mail;
mod onesignal;
mod samples;
mod schemas;
mod smtp;
mod smtp_server;
mod teams;
mod telegram;
mod web_server;
mod webhook;
