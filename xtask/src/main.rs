//! Tasks of the repository: `cargo xtask --help` lists them.
//!
//! It owns how the project is checked and measured; the product never needs it to build or to run.

#![expect(
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "a command line tool talks to its user"
)]

mod bench;
mod chaos;
mod deny;
mod dist;
mod environment;
mod fuzz;
mod needs;
mod node;
mod postgres;
mod process;
mod python;
mod sbom;
mod screenshots;
mod simulate;
mod test;
mod tidy;

use std::{
    path::{Path, PathBuf},
    process::ExitCode,
};

use clap::Parser;

/// Tasks of the repository.
#[derive(Parser)]
#[command(bin_name = "cargo xtask")]
enum Task {
    /// Checks everything: format, lints, tidiness, tests. Installs what it needs on Debian.
    Test(test::Options),
    /// Measures the program beside what the machine can do at best. Takes some minutes after the build.
    Bench(bench::Options),
    /// Gives the sources what nobody should send, until one breaks or all runs are done. Needs a C++ compiler.
    Fuzz(fuzz::Options),
    /// Plays organisations, alerts, people, failures and crashes from seeds, and checks that no page is lost.
    Simulate(simulate::Options),
    /// Holds what comes in from outside against deny.toml. Needs cargo-deny.
    Deny(deny::Options),
    /// Builds the program as it is handed out, and checks it.
    Dist(dist::Options),
    /// Writes what the program is made of, as a CycloneDX document.
    Sbom(sbom::Options),
    /// Kills, stops and cuts off three replicas and their database under a stream of alerts, for some minutes.
    Chaos(chaos::Options),
    /// Sets up what the tests need, prints it as `export` lines, and keeps PostgreSQL running.
    Env(environment::Options),
    /// Takes the pictures of the guide anew.
    Screenshots(screenshots::Options),
    /// Checks what no lint can hold.
    Tidy,
}

fn main() -> ExitCode {
    let result = match Task::parse() {
        Task::Test(options) => test::run(&options),
        Task::Bench(options) => bench::run(&options),
        Task::Fuzz(options) => fuzz::run(&options),
        Task::Simulate(options) => simulate::run(&options),
        Task::Deny(options) => deny::run(&options),
        Task::Dist(options) => dist::run(&options),
        Task::Sbom(options) => sbom::run(&options),
        Task::Chaos(options) => chaos::run(&options),
        Task::Env(options) => environment::run(&options),
        Task::Screenshots(options) => screenshots::run(&options),
        Task::Tidy => tidy::run(&root()),
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            process::say(&format!("{error:#}"));
            ExitCode::FAILURE
        }
    }
}

/// The folder of the workspace.
fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .parent()
        .expect("xtask lies in the workspace")
        .to_owned()
}

/// The folder for what tests need and git does not keep: the Python environment, the address of PostgreSQL.
fn test_folder() -> PathBuf {
    root().join("target").join("test-env")
}
