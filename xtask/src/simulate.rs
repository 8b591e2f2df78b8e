//! `cargo xtask simulate`: plays seeds of the deterministic simulation, built as people run the program.
//!
//! The simulation itself is in `xtask/benches/simulate`; here is only how it is started.

use clap::Args;

use crate::process;

/// What `cargo xtask simulate` is asked to do.
#[derive(Args)]
pub(crate) struct Options {
    /// The first seed.
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// How many seeds, one after the other.
    #[arg(long, default_value_t = 1)]
    runs: u64,
    /// How many threads; as many as there are processors where it is left out.
    #[arg(long)]
    threads: Option<usize>,
    /// Shows the whole story of each run.
    #[arg(long)]
    story: bool,
    /// Goes on after a failure, and says which seeds fail.
    #[arg(long)]
    go_on: bool,
}

/// Plays the seeds.
pub(crate) fn run(options: &Options) -> anyhow::Result<()> {
    let mut command = process::cargo();
    command.args([
        "bench",
        "--quiet",
        "--locked",
        "--package",
        "xtask",
        "--bench",
        "simulate",
        "--",
    ]);
    command.args(["--seed", &options.seed.to_string(), "--runs", &options.runs.to_string()]);
    if let Some(threads) = options.threads {
        command.args(["--threads", &threads.to_string()]);
    }
    command.args(options.story.then_some("--story"));
    command.args(options.go_on.then_some("--go-on"));
    process::step("simulate", || process::show(&mut command))
}
