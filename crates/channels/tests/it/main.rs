//! Channels against servers that this test runs on the loopback interface.

#![expect(clippy::unwrap_used, reason = "a test whose setting cannot be made has failed")]

mod aws;
mod conformance;
mod described;
mod discord;
mod environment;
mod google_chat;
mod guard;
mod mail;
mod mail_events;
mod onesignal;
mod push;
mod python;
mod resend;
mod samples;
mod schemas;
mod sendgrid;
mod ses;
mod slack;
mod sms_text;
mod smtp;
mod smtp_server;
mod sns;
mod teams;
mod telegram;
mod twilio;
mod voice;
mod web_server;
mod webhook;
mod whatsapp;
