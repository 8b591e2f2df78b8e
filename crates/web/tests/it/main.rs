//! The router as a whole, on a real database: who gets in, what is answered, what pages hold.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on says where it stopped")]

mod access;
mod ack;
mod gate;
mod harness;
mod incidents;
mod journey;
mod manage;
mod openapi;
mod password;
mod problems;
mod second_step;
mod sign_in;
mod unsubscribe;
