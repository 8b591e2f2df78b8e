//! What people and programs see: pages rendered on the server, the management API, and signing in.
//!
//! This crate draws and answers. It takes decisions from `domain`, asks `store` for what there is, and never sends a
//! page or touches a database itself.

pub mod assets;

pub mod views;

pub mod state;

pub mod receive;

pub mod auth;

pub mod api;

pub mod actions;

pub mod ack;

pub mod calendar;
pub mod guide;

pub mod live;

pub mod vitals;

pub mod pages;

mod routes;

mod search;

#[cfg(test)]
mod testing;

pub use routes::router;
pub use state::{AppState, Clock, Limits, Parts, Peer, Providers, Receive, TestAnswer};
