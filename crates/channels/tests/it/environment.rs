//! Where the programs are that judge what was sent, as `cargo xtask test` says.

/// The value of one of the variables that `cargo xtask test` sets.
#[expect(
    clippy::disallowed_methods,
    reason = "the test command tells its tests where the peers are"
)]
pub(crate) fn variable(name: &str) -> String {
    std::env::var(name).unwrap_or_else(|_| panic!("{name} is set by `cargo xtask test`"))
}
