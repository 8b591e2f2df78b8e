//! The programs that the tests talk to, as `cargo xtask test` names them. One that is missing is a failure.

use std::path::{Path, PathBuf};

/// The value of one of the variables that `cargo xtask test` sets.
#[expect(
    clippy::disallowed_methods,
    reason = "the test command tells its tests where the peers are"
)]
fn variable(name: &str) -> String {
    match std::env::var(name) {
        Ok(value) if !value.is_empty() => value,
        _ => panic!(
            "{name} is not set: run the tests with `cargo xtask test`, which finds or installs what they talk to, \
             or set it with `eval \"$(cargo xtask env)\"`"
        ),
    }
}

fn program(name: &str) -> PathBuf {
    let path = PathBuf::from(variable(name));
    assert!(path.exists(), "{name} names {}, which is not there", path.display());
    path
}

/// The interpreter that has the peers of `xtask/peers/requirements.txt`.
pub(crate) fn python() -> PathBuf {
    program("OPSKNIGHT_TEST_PYTHON")
}

/// Prometheus' Alertmanager.
pub(crate) fn alertmanager() -> PathBuf {
    program("OPSKNIGHT_TEST_ALERTMANAGER")
}

/// The tool that speaks to Alertmanager.
pub(crate) fn amtool() -> PathBuf {
    program("OPSKNIGHT_TEST_AMTOOL")
}

/// The smallest of monitors.
pub(crate) fn monit() -> PathBuf {
    program("OPSKNIGHT_TEST_MONIT")
}

/// Prometheus' tool that checks rules.
pub(crate) fn promtool() -> PathBuf {
    program("OPSKNIGHT_TEST_PROMTOOL")
}

/// The folder with PostgreSQL's programs.
pub(crate) fn postgres_bin() -> PathBuf {
    program("OPSKNIGHT_TEST_POSTGRES_BIN")
}

/// What runs JavaScript.
pub(crate) fn node() -> PathBuf {
    program("OPSKNIGHT_TEST_NODE")
}

/// The folder with the packages of `xtask/peers/package.json`.
pub(crate) fn node_peers() -> PathBuf {
    program("OPSKNIGHT_TEST_NODE_PEERS")
}

/// For how many seconds and by which seed the replicas are struck; none: as in every run of the tests.
#[expect(clippy::disallowed_methods, reason = "the command tells its test how long it has")]
pub(crate) fn chaos() -> Option<(u64, u64)> {
    let text = std::env::var("OPSKNIGHT_CHAOS").ok()?;
    let (seconds, seed) = text.split_once(' ').expect("seconds and a seed");
    Some((seconds.parse().expect("seconds"), seed.parse().expect("a seed")))
}

/// One of our own scripts that drive third-party programs.
pub(crate) fn peer(script: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/peers").join(script)
}
