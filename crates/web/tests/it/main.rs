//! The router as a whole, on a real database: who gets in, what is answered, what pages hold.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on says where it stopped")]

mod access;
mod ack;
mod analytics;
mod gate;
mod guide;
mod harness;
mod incidents;
mod journey;
mod lists;
mod logs;
mod manage;
mod meanwhile;
mod openapi;
mod password;
mod problems;
mod schedules;
mod second_step;
mod security;
mod shell;
mod sign_in;
mod together;
mod unsubscribe;
