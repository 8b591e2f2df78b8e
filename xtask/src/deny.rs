//! `cargo xtask deny`: what comes in from outside, held against `deny.toml` by cargo-deny.
//!
//! Known faults of crates are published in a database that is fetched; licences, bans and sources need no network.

use clap::Args;

use crate::process;

/// What `cargo xtask deny` is asked to do.
#[derive(Args)]
pub(crate) struct Options {
    /// Leaves out what needs the network: the database of known faults.
    #[arg(long)]
    offline: bool,
}

/// Checks all of it.
pub(crate) fn run(options: &Options) -> anyhow::Result<()> {
    process::step("cargo deny check licenses bans sources", || {
        check(&["licenses", "bans", "sources"])
    })?;
    if options.offline {
        process::say("known faults of crates were not looked for");
        return Ok(());
    }
    process::step("cargo deny check advisories", || check(&["advisories"]))
}

/// The part that needs no network, where cargo-deny is installed: building it takes longer than all other checks.
pub(crate) fn run_where_installed() -> anyhow::Result<()> {
    if process::succeeds(process::cargo().args(["deny", "--version"])) {
        return run(&Options { offline: true });
    }
    process::say(
        "cargo-deny is not installed: what comes in from outside is not checked (CONTRIBUTING.md, Dependencies)",
    );
    Ok(())
}

fn check(what: &[&str]) -> anyhow::Result<()> {
    process::show(
        process::cargo()
            .args(["deny", "--log-level", "error", "check"])
            .args(what),
    )
}
