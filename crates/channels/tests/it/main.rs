//! Channels against servers that this test runs on the loopback interface.

#![expect(clippy::unwrap_used, reason = "a test whose setting cannot be made has failed")]

mod conformance;
mod described;
mod guard;
mod mail;
mod push;
mod python;
mod samples;
mod slack;
mod smtp;
mod smtp_server;
mod web_server;
mod webhook;
