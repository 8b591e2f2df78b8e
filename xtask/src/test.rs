//! `cargo xtask test`: everything that must hold before a change lands, in one command.

use std::{ffi::OsString, process::Command};

use clap::Args;

use crate::{
    deny,
    environment::{self, Environment},
    process, root, tidy,
};

/// What `cargo xtask test` is asked to do.
#[derive(Args)]
pub(crate) struct Options {
    /// Only the tests: leave out tidy, the format and the lints.
    #[arg(long)]
    fast: bool,
    /// Further words for `cargo test`: a filter, `-p CRATE`, or `-- --nocapture`.
    #[arg(last = true)]
    words: Vec<OsString>,
}

/// Checks everything, cheap things first, and stops at the first step that fails.
pub(crate) fn run(options: &Options) -> anyhow::Result<()> {
    let environment = process::step("find what the tests need", environment::for_this_process)?;
    if !options.fast {
        process::step("cargo xtask tidy", || tidy::run(&root()))?;
        process::step("cargo fmt --check", || {
            process::show(process::cargo().args(["fmt", "--all", "--check"]))?;
            process::show(process::cargo().args(["fmt", "--manifest-path", "fuzz/Cargo.toml", "--check"]))
        })?;
        // It stands outside of the workspace, so that nothing else would see that its lock file has not followed.
        process::step("the lock file of fuzz/", || {
            let tree = [
                "tree",
                "--manifest-path",
                "fuzz/Cargo.toml",
                "--locked",
                "--quiet",
                "--depth",
                "0",
            ];
            process::quiet(process::cargo().args(tree))
        })?;
        process::step("cargo xtask deny --offline", deny::run_where_installed)?;
        let clippy = [
            "clippy",
            "--workspace",
            "--all-targets",
            "--locked",
            "--",
            "-D",
            "warnings",
        ];
        process::step("cargo clippy", || process::show(process::cargo().args(clippy)))?;
    }
    process::step("cargo test", || {
        process::show(
            process::cargo()
                .args(test_words(&options.words))
                .envs(environment.variables.iter().cloned()),
        )
    })
}

/// One of the tests that look at the program from outside, with what tests need, to be told more by its environment.
pub(crate) fn of_server(name: &str, environment: &Environment) -> Command {
    let mut test = process::cargo();
    test.args([
        "test",
        "--locked",
        "--package",
        "opsknight-server",
        "--test",
        "it",
        "--",
    ])
    .args(["--exact", "--nocapture", name])
    .envs(environment.variables.iter().cloned());
    test
}

/// The words for cargo: the whole workspace, unless the caller names packages.
fn test_words(extra: &[OsString]) -> Vec<OsString> {
    let mut words: Vec<OsString> = ["test", "--locked", "--no-fail-fast"].map(Into::into).to_vec();
    let names_packages = extra.iter().take_while(|word| *word != "--").any(|word| {
        let word = word.to_string_lossy();
        word.starts_with("-p") || word.starts_with("--package")
    });
    if !names_packages {
        words.push("--workspace".into());
    }
    words.extend_from_slice(extra);
    words
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(extra: &[&str]) -> String {
        let extra: Vec<OsString> = extra.iter().map(Into::into).collect();
        test_words(&extra).join(" ".as_ref()).into_string().unwrap()
    }

    #[test]
    fn a_filter_searches_the_whole_workspace_and_a_package_only_itself() {
        assert_eq!(words(&["dedup"]), "test --locked --no-fail-fast --workspace dedup");
        assert_eq!(
            words(&["-p", "opsknight-store"]),
            "test --locked --no-fail-fast -p opsknight-store"
        );
        assert_eq!(
            words(&["x", "--", "-p"]),
            "test --locked --no-fail-fast --workspace x -- -p"
        );
    }
}
