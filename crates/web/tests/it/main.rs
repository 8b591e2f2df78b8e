//! The router as a whole, on a real database: who gets in, what is answered, what pages hold.

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
