//! The store on both databases.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

#[macro_use]
mod both;

mod allowances;
mod config;
mod driver;
mod logs;
mod metrics;
mod postgres;
mod queues;
mod sqlite;
mod support;
mod values;
