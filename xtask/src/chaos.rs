//! `cargo xtask chaos`: three replicas and their database are struck again and again, under a stream of alerts.
//!
//! The test that does so is one of the suite, where it takes a few seconds. Here it is told for how long and by which seed,
//! and prints what it saw. It fails when anything that was answered 2xx has no incident, no page or no news, and when a
//! message arrived more often than it was tried.

use clap::Args;

use crate::{environment, process, test};

/// The test that strikes.
const TEST: &str = "replicas::chaos::whatever_happens_what_was_taken_is_told";

/// What `cargo xtask chaos` is asked to do.
#[derive(Args)]
pub(crate) struct Options {
    /// For how many minutes.
    #[arg(long, default_value_t = 5)]
    minutes: u64,
    /// Which blows, in which order: the same for the same seed.
    #[arg(long, default_value_t = 1)]
    seed: u64,
}

/// Strikes.
pub(crate) fn run(options: &Options) -> anyhow::Result<()> {
    let environment = process::step("find what the tests need", environment::for_this_process)?;
    let mut strike = test::of_server(TEST, &environment);
    strike.env("OPSKNIGHT_CHAOS", format!("{} {}", options.minutes * 60, options.seed));
    process::step("strike three replicas", || process::show(&mut strike))
}
