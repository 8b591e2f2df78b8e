//! Runs other programs and says so, with the time that each took.
//!
//! Everything is said on stderr: stdout belongs to what a task is asked to print.

use std::{
    env,
    process::{Command, Output},
    time::Instant,
};

use anyhow::{Context, bail};

use crate::root;

/// How much of a failed program's output is shown, in lines.
const TAIL_LINES: usize = 40;

/// Says one plain line.
pub(crate) fn say(text: &str) {
    eprintln!("xtask: {text}");
}

/// Does one step of a task, naming it before and its duration after.
pub(crate) fn step<T>(name: &str, work: impl FnOnce() -> anyhow::Result<T>) -> anyhow::Result<T> {
    say(name);
    let started = Instant::now();
    let result = work();
    let seconds = started.elapsed().as_secs_f64();
    let word = if result.is_ok() { "done" } else { "FAILED" };
    say(&format!("{name}: {word} after {seconds:.1} s"));
    result
}

/// Cargo, as if it were called from a shell in the root of the repository.
///
/// What it says of `xtask` to `xtask` is not handed on: `ring` builds anew whenever these variables differ, and with it
/// half of all crates.
pub(crate) fn cargo() -> Command {
    let mut command = Command::new(env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    command.current_dir(root());
    for (name, _) in env::vars_os() {
        let is_of_xtask = |name: &str| name.starts_with("CARGO_PKG_") || name.starts_with("CARGO_MANIFEST_");
        if name.to_str().is_some_and(is_of_xtask) {
            command.env_remove(name);
        }
    }
    command
}

/// Runs a program whose output is for the user to read.
pub(crate) fn show(command: &mut Command) -> anyhow::Result<()> {
    let status = command
        .status()
        .with_context(|| format!("cannot run {}", line(command)))?;
    if !status.success() {
        bail!("{} ended with {status}", line(command));
    }
    Ok(())
}

/// Runs a program whose output matters only when it fails, and returns what it printed on stdout.
pub(crate) fn quiet(command: &mut Command) -> anyhow::Result<String> {
    let output = command
        .output()
        .with_context(|| format!("cannot run {}", line(command)))?;
    if !output.status.success() {
        bail!("{} ended with {}\n{}", line(command), output.status, tail(&output));
    }
    Ok(String::from_utf8_lossy(&output.stdout).into_owned())
}

/// Whether a program can be run and ends well.
pub(crate) fn succeeds(command: &mut Command) -> bool {
    command.output().is_ok_and(|output| output.status.success())
}

/// The machine for which the compiler compiles by itself, in its own words.
pub(crate) fn host() -> anyhow::Result<String> {
    let version = quiet(Command::new("rustc").arg("-vV"))?;
    let host = version.lines().find_map(|line| line.strip_prefix("host: "));
    Ok(host
        .context("rustc does not say for which machine it compiles")?
        .to_owned())
}

/// A command as a person would type it.
fn line(command: &Command) -> String {
    std::iter::once(command.get_program())
        .chain(command.get_args())
        .map(|word| word.to_string_lossy().into_owned())
        .collect::<Vec<_>>()
        .join(" ")
}

fn tail(output: &Output) -> String {
    let text = [output.stdout.as_slice(), output.stderr.as_slice()].concat();
    let text = String::from_utf8_lossy(&text);
    let lines: Vec<&str> = text.lines().collect();
    lines[lines.len().saturating_sub(TAIL_LINES)..].join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_failure_shows_the_command_and_what_it_said() {
        let error = quiet(Command::new("sh").args(["-c", "echo out; echo err >&2; exit 3"]))
            .unwrap_err()
            .to_string();
        assert!(error.starts_with("sh -c "), "{error}");
        assert!(
            error.contains("exit status: 3") && error.contains("out") && error.contains("err"),
            "{error}"
        );
    }
}
