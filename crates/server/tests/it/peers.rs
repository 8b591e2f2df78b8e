//! Our scripts beside this folder, run by the Python that has the third-party clients and servers.

use std::path::Path;

use tokio::process::Command;

use crate::environment;

/// A script with its words; nothing of this process's environment reaches it.
pub(crate) fn python(script: &str, words: &[&str]) -> Command {
    let mut command = Command::new(environment::python());
    command
        .env_clear()
        .env("PYTHONUNBUFFERED", "1")
        .env("PYTHONDONTWRITEBYTECODE", "1")
        .arg(environment::peer(script))
        .args(words);
    command
}

/// A path as a word.
pub(crate) fn word(path: &Path) -> &str {
    path.to_str().expect("paths of tests are UTF-8")
}
