//! Channels against servers that this test runs on the loopback interface.

#![expect(clippy::unwrap_used, reason = "a test whose setting cannot be made has failed")]

mod aws;
mod conformance;
mod described;
mod guard;
mod mail;
mod mail_events;
mod python;
mod resend;
mod samples;
mod sendgrid;
mod ses;
mod smtp;
mod smtp_server;
mod sns;
mod web_server;
mod webhook;
