//! `cargo xtask tidy`: what a lint cannot hold.
//!
//! It reads the repository's own text and changes nothing. A rule is a function over the files; a file that may break
//! one stands in [`EXCEPTIONS`] with the reason.

mod rules;

use std::{
    fs,
    path::{Path, PathBuf},
};

use anyhow::{Context, bail};

use crate::process;

/// The folders that are read.
const FOLDERS: [&str; 6] = [".ci", "crates", "docs", "fuzz/fuzz_targets", "fuzz/src", "xtask"];

/// Files that may break a rule, and why: the rule's name, the file's path, the reason.
const EXCEPTIONS: &[Exception] = &[
    Exception {
        rule: "sql",
        path: "crates/server/tests/it/backups.rs",
        reason: "it makes databases that no version of the store would make",
    },
    Exception {
        rule: "sql",
        path: "crates/server/tests/it/postgres_copies.rs",
        reason: "it asks PostgreSQL about itself, as its administrator",
    },
];

/// A file that may break a rule.
struct Exception {
    rule: &'static str,
    path: &'static str,
    reason: &'static str,
}

/// A file of the repository.
struct File {
    /// From the root, with slashes.
    path: String,
    /// What it says; empty when it is not text.
    text: String,
}

/// What is wrong with a file.
#[derive(Debug, PartialEq, Eq)]
struct Fault {
    rule: &'static str,
    path: String,
    /// What is wrong, and what to do about it.
    why: String,
}

/// Checks the repository at `root`.
pub(crate) fn run(root: &Path) -> anyhow::Result<()> {
    let mut files = Vec::new();
    for folder in FOLDERS {
        read_folder(root, Path::new(folder), &mut files)?;
    }
    let faults = excuse(rules::ALL.iter().flat_map(|rule| rule(&files)).collect(), EXCEPTIONS);
    for Fault { rule, path, why } in &faults {
        process::say(&format!("{path}: {why} ({rule})"));
    }
    if !faults.is_empty() {
        bail!("{} faults in {} files read", faults.len(), files.len());
    }
    Ok(())
}

/// Leaves out the faults that have an exception, and finds fault with exceptions that nothing needs.
fn excuse(mut faults: Vec<Fault>, exceptions: &[Exception]) -> Vec<Fault> {
    for Exception { rule, path, reason } in exceptions {
        let before = faults.len();
        faults.retain(|fault| fault.rule != *rule || fault.path != *path);
        if faults.len() == before {
            let why = format!("it no longer needs its exception ({reason}): take it out of xtask/src/tidy.rs");
            faults.push(Fault {
                rule,
                path: (*path).to_owned(),
                why,
            });
        }
    }
    faults
}

fn read_folder(root: &Path, folder: &Path, files: &mut Vec<File>) -> anyhow::Result<()> {
    let path = root.join(folder);
    let entries = fs::read_dir(&path).with_context(|| format!("cannot read {}", path.display()))?;
    let mut entries = entries.collect::<Result<Vec<_>, _>>()?;
    entries.sort_by_key(fs::DirEntry::file_name);
    for entry in entries {
        let path: PathBuf = folder.join(entry.file_name());
        if entry.file_type()?.is_dir() {
            read_folder(root, &path, files)?;
        } else {
            let text = String::from_utf8(fs::read(entry.path())?).unwrap_or_default();
            files.push(File {
                path: path.to_string_lossy().replace('\\', "/"),
                text,
            });
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fault(path: &str) -> Fault {
        Fault {
            rule: "length",
            path: path.into(),
            why: "too long".into(),
        }
    }

    #[test]
    fn an_exception_excuses_its_own_file_and_rule_only() {
        let exceptions = [Exception {
            rule: "length",
            path: "a.rs",
            reason: "it is generated",
        }];
        assert_eq!(excuse(vec![fault("a.rs"), fault("b.rs")], &exceptions), [fault("b.rs")]);
    }

    #[test]
    fn an_exception_that_nothing_needs_is_a_fault() {
        let exceptions = [Exception {
            rule: "length",
            path: "a.rs",
            reason: "it is generated",
        }];
        let faults = excuse(Vec::new(), &exceptions);
        assert_eq!((faults.len(), faults[0].path.as_str()), (1, "a.rs"));
    }
}
