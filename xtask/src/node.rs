//! The folder with the JavaScript packages that the tests talk to.
//!
//! It holds exactly the versions of `xtask/peers/package-lock.json` and is made anew when that file changes.

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use anyhow::Context;

use crate::{needs, process, test_folder};

/// What is wanted.
const PACKAGE: &str = include_str!("../peers/package.json");
/// What is installed, with exact versions and their hashes.
const LOCK: &str = include_str!("../peers/package-lock.json");

/// Makes the folder unless it is there already, and returns it. No script of a package is run.
pub(crate) fn folder() -> anyhow::Result<PathBuf> {
    let folder = test_folder().join("node");
    let stamp = folder.join("installed.json");
    if fs::read_to_string(&stamp).is_ok_and(|installed| installed == LOCK) {
        return Ok(folder);
    }
    let npm = needs::find_or_install(&[needs::NPM])?.remove(0);
    process::step("install the JavaScript peers into target/test-env/node", || {
        install(&npm, &folder)?;
        fs::write(&stamp, LOCK).context("cannot mark the folder as complete")
    })?;
    Ok(folder)
}

fn install(npm: &Path, folder: &Path) -> anyhow::Result<()> {
    fs::create_dir_all(folder)?;
    fs::write(folder.join("package.json"), PACKAGE)?;
    fs::write(folder.join("package-lock.json"), LOCK)?;
    let words = ["ci", "--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error"];
    process::quiet(Command::new(npm).args(words).current_dir(folder)).map(drop)
}
