//! `cargo xtask bench`: builds the program as people run it, and measures it beside what the machine can do at best.
//!
//! The measuring itself is the load generator in `xtask/benches/load`; here is only what it needs around it.

use std::path::PathBuf;

use anyhow::Context as _;
use clap::Args;
use serde_json::Value;

use crate::{
    needs::{self, POSTGRES_BIN},
    postgres::{Durability, Guard, Server},
    process,
};

/// What `cargo xtask bench` is asked to do.
#[derive(Args)]
pub(crate) struct Options {
    /// A shorter run with rougher figures.
    #[arg(long)]
    quick: bool,
    /// Only these parts, by comma: ingest, latency, start, list, parse, groups, storm, slow, live,
    /// steady. The limits are always measured.
    #[arg(long, value_name = "PARTS")]
    only: Option<String>,
    /// Only SQLite.
    #[arg(long)]
    sqlite: bool,
}

/// Measures.
pub(crate) fn run(options: &Options) -> anyhow::Result<()> {
    let target = target()?;
    let build = ["build", "--release", "--locked", "--package", "opsknight-server"];
    process::step("cargo build --release", || process::show(process::cargo().args(build)))?;
    let mut load = process::cargo();
    load.args([
        "bench",
        "--quiet",
        "--locked",
        "--package",
        "xtask",
        "--bench",
        "load",
        "--",
    ])
    .arg("--program")
    .arg(target.join("release").join("opsknight"))
    .arg("--folder")
    .arg(target.join("bench"))
    .arg("--json")
    .arg(target.join("bench.json"));
    if options.quick {
        load.arg("--quick");
    }
    if let Some(only) = &options.only {
        load.args(["--only", only]);
    }
    let postgres = if options.sqlite {
        None
    } else {
        Some(durable_postgres()?)
    };
    if let Some((server, _)) = &postgres {
        load.args(["--postgres", &server.url()]);
    }
    process::step("cargo bench", || process::show(&mut load))
}

/// A PostgreSQL server that loses nothing, as people run it.
fn durable_postgres() -> anyhow::Result<(Server, Guard)> {
    let mut server = Server::new(&needs::find_or_install(&[POSTGRES_BIN])?[0])?;
    let guard = server.guard()?;
    process::step("start PostgreSQL", || server.start(Durability::Full))?;
    Ok((server, guard))
}

/// Where cargo puts what it builds.
fn target() -> anyhow::Result<PathBuf> {
    let text = process::quiet(process::cargo().args(["metadata", "--no-deps", "--format-version", "1"]))?;
    let metadata: Value = serde_json::from_str(&text)?;
    let folder = metadata["target_directory"].as_str();
    folder.map(PathBuf::from).context("cargo does not say where it builds")
}
