//! What works through what has come in: takes events in, escalates, delivers, sweeps up. Only this module calls
//! channels. Everything it will do is a row with a due time; wake-ups only make it look sooner.

pub mod audit;

pub mod deliver;

pub mod escalate;

pub mod ingest;

pub mod outbox;

pub mod worker;
