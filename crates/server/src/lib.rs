//! The server: receives, decides, delivers. The binary `opsknight` is a thin shell around it.

pub mod app;

pub mod cli;

pub mod clock;

pub mod config;

pub mod engine;

mod failpoint;

mod figures;

mod front;

mod listen;

pub mod receive;
pub mod reply;

pub mod secret_key;

pub mod serve;

pub mod telemetry;

pub mod watch;
