//! The Python environment with the third-party clients and servers that the tests talk to.
//!
//! It holds exactly the versions of `xtask/peers/requirements.txt` and is made anew when that file changes.

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use anyhow::Context;

use crate::{needs, process, test_folder};

/// What is installed, with exact versions.
const REQUIREMENTS: &str = include_str!("../peers/requirements.txt");

/// Says whether an interpreter is new enough and can make a virtual environment: Debian's own cannot without the
/// package python3-venv.
const CAN_MAKE_ENVIRONMENTS: &str = "import sys, venv, ensurepip; sys.exit(sys.version_info < (3, 10))";

/// A Python that can make a virtual environment: the one on `PATH`, or else the system's.
pub(crate) fn base() -> Option<PathBuf> {
    needs::on_path(&["python3"])
        .into_iter()
        .chain([PathBuf::from("/usr/bin/python3")])
        .find(|python| process::succeeds(Command::new(python).args(["-c", CAN_MAKE_ENVIRONMENTS])))
}

/// Makes the environment unless it is there already, and returns its interpreter.
pub(crate) fn environment(base: &Path) -> anyhow::Result<PathBuf> {
    let folder = test_folder().join("venv");
    let python = folder.join("bin").join("python");
    let stamp = folder.join("requirements.txt");
    let is_current = fs::read_to_string(&stamp).is_ok_and(|installed| installed == REQUIREMENTS);
    if is_current && process::succeeds(Command::new(&python).arg("--version")) {
        return Ok(python);
    }
    process::step("install the Python peers into target/test-env/venv", || {
        fs::create_dir_all(test_folder())?;
        process::quiet(Command::new(base).args(["-m", "venv", "--clear"]).arg(&folder))?;
        let wanted = test_folder().join("requirements.txt");
        fs::write(&wanted, REQUIREMENTS)?;
        let pip = [
            "-m",
            "pip",
            "install",
            "--quiet",
            "--disable-pip-version-check",
            "--requirement",
        ];
        process::quiet(Command::new(&python).args(pip).arg(&wanted))?;
        fs::rename(&wanted, &stamp).context("cannot mark the environment as complete")
    })?;
    Ok(python)
}
