//! Channels against servers that this test runs on the loopback interface.

mod conformance;
mod guard;
mod mail;
mod samples;
mod smtp;
mod smtp_server;
mod web_server;
mod webhook;
