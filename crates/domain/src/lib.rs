//! The rules of paging as pure functions over values.
//!
//! This crate knows no clock, no randomness, no network, no database and no wire format: time and new identities are
//! arguments, and every decision is returned as a value with its reason. The modules stand in the order in which an
//! alert travels.

pub mod id;

pub mod event;

pub mod directory;

pub mod urgency;

pub mod incident;

pub mod dedup;

pub mod sla;

pub mod maintenance;

pub mod oncall;

pub mod escalation;

pub mod paging;

pub mod message;

pub mod delivery;

pub mod allowance;

pub mod metrics;
pub mod search;
