//! All that the tests need beside Rust, as environment variables.
//!
//! A variable that is set already is believed and left alone, so that anybody can bring a server or a program.

use std::{
    env,
    ffi::{OsStr, OsString},
    fs,
};

use clap::Args;

use crate::{
    needs::{self, BASE_PYTHON, POSTGRES_BIN, PROGRAMS},
    node,
    postgres::{self, Durability, Guard, Server},
    process, python, test_folder,
};

/// The PostgreSQL server that the tests make their databases on, as a URL.
const POSTGRES: &str = "OPSKNIGHT_TEST_POSTGRES";
/// The interpreter that has the peers.
const PYTHON: &str = "OPSKNIGHT_TEST_PYTHON";
/// The folder that has the JavaScript peers.
const NODE_PEERS: &str = "OPSKNIGHT_TEST_NODE_PEERS";
/// Remembers the server that `cargo xtask env` leaves running.
const SERVER_FILE: &str = "postgres.json";

/// What `cargo xtask env` is asked to do.
#[derive(Args)]
pub(crate) struct Options {
    /// Stop the PostgreSQL server that an earlier `cargo xtask env` left running.
    #[arg(long)]
    stop: bool,
    /// Start PostgreSQL with its own settings for durability, to measure with.
    #[arg(long, conflicts_with = "stop")]
    durable: bool,
}

/// How long the PostgreSQL server lives.
enum Lifetime {
    /// As long as this process.
    ThisProcess,
    /// Until `cargo xtask env --stop`.
    UntilStopped(Durability),
}

/// What the tests need.
pub(crate) struct Environment {
    /// The variables to set, in the order in which they are shown.
    pub(crate) variables: Vec<(&'static str, OsString)>,
    /// Keeps PostgreSQL running.
    _postgres: Option<Guard>,
}

/// Does `cargo xtask env`: meant for `eval "$(cargo xtask env)"`.
pub(crate) fn run(options: &Options) -> anyhow::Result<()> {
    if options.stop {
        return stop();
    }
    let durability = if options.durable {
        Durability::Full
    } else {
        Durability::None
    };
    for (name, value) in prepare(&Lifetime::UntilStopped(durability))?.variables {
        println!("export {name}={}", quoted(&value));
    }
    Ok(())
}

/// Sets up everything for as long as the value lives.
pub(crate) fn for_this_process() -> anyhow::Result<Environment> {
    prepare(&Lifetime::ThisProcess)
}

fn prepare(lifetime: &Lifetime) -> anyhow::Result<Environment> {
    let mut variables = Vec::new();
    for (need, path) in PROGRAMS.iter().zip(needs::find_or_install(&PROGRAMS)?) {
        variables.push((need.variable, path.into_os_string()));
    }
    // Its tools, with which the guide makes copies.
    let bin = needs::find_or_install(&[POSTGRES_BIN])?.remove(0);
    variables.push((POSTGRES_BIN.variable, bin.into_os_string()));
    let python = match env::var_os(PYTHON) {
        Some(python) => python,
        None => python::environment(&needs::find_or_install(&[BASE_PYTHON])?[0])?.into_os_string(),
    };
    variables.push((PYTHON, python));
    let node_peers = match env::var_os(NODE_PEERS) {
        Some(folder) => folder,
        None => node::folder()?.into_os_string(),
    };
    variables.push((NODE_PEERS, node_peers));
    let (url, guard) = match (env::var_os(POSTGRES), lifetime) {
        (Some(url), Lifetime::ThisProcess) => (url, None),
        (None, Lifetime::ThisProcess) => {
            let mut server = new_server()?;
            let guard = server.guard()?;
            start(&mut server, Durability::None)?;
            (server.url().into(), Some(guard))
        }
        (_, Lifetime::UntilStopped(durability)) => (started_for_long(*durability)?.url().into(), None),
    };
    variables.push((POSTGRES, url));
    Ok(Environment {
        variables,
        _postgres: guard,
    })
}

fn new_server() -> anyhow::Result<Server> {
    Server::new(&needs::find_or_install(&[POSTGRES_BIN])?[0])
}

fn start(server: &mut Server, durability: Durability) -> anyhow::Result<()> {
    process::step("start PostgreSQL", || server.start(durability))
}

/// The server that an earlier call left running, or a new one.
fn started_for_long(durability: Durability) -> anyhow::Result<Server> {
    let file = test_folder().join(SERVER_FILE);
    if let Some(server) = postgres::recall(&file).filter(Server::answers) {
        process::say("PostgreSQL runs already; `cargo xtask env --stop` stops it");
        return Ok(server);
    }
    let mut server = new_server()?;
    start(&mut server, durability)?;
    fs::create_dir_all(test_folder())?;
    postgres::remember(&file, &server)?;
    Ok(server)
}

fn stop() -> anyhow::Result<()> {
    let file = test_folder().join(SERVER_FILE);
    match postgres::recall(&file) {
        Some(server) => {
            server.stop()?;
            fs::remove_file(file)?;
        }
        None => process::say("no PostgreSQL of ours runs"),
    }
    println!("unset {POSTGRES}");
    Ok(())
}

/// A word as a POSIX shell reads it back.
fn quoted(value: &OsStr) -> String {
    format!("'{}'", value.to_string_lossy().replace('\'', r"'\''"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_shell_reads_values_back() {
        let nasty = "it's a $HOME `of` \"words\"";
        let script = format!("printf %s {}", quoted(nasty.as_ref()));
        let output = process::quiet(std::process::Command::new("sh").args(["-c", &script])).unwrap();
        assert_eq!(output, nasty);
    }
}
