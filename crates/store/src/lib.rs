//! All SQL: one set of questions on SQLite and PostgreSQL.
//!
//! This crate alone knows the database. It decides nothing: rules live in the domain, and what they decide is written
//! here, in one transaction with its consequences.

pub mod db;

mod migrate;

pub mod changes;

pub mod deliveries;

pub mod effects;

pub mod incidents;

mod json;

pub mod receipts;

pub mod timeline;

pub mod seal;

#[cfg(feature = "testing")]
pub mod testing;
