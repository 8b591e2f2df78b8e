//! `cargo xtask screenshots`: takes the pictures that the guide shows anew.
//!
//! The tests have the browser, the demo and the list of pages already, and take the pictures in every run to see that
//! they can be taken. Here they are told where to keep them, and a clock that always stands at the same morning, so
//! that a picture changes only when its page does.

use std::{
    env, fs,
    path::{Path, PathBuf},
};

use anyhow::{Context as _, bail};
use clap::Args;

use crate::{
    environment,
    needs::{self, FAKETIME},
    process, root, test,
};

/// Where the guide has its pictures.
const FOLDER: &str = "docs/guide/images";
/// The test that takes them.
const TEST: &str = "browser::pictures::the_pictures_of_the_guide_can_be_taken_and_are_small";

/// What `cargo xtask screenshots` is asked to do.
#[derive(Args)]
pub(crate) struct Options {
    /// Another folder to write them into, to be compared.
    #[arg(long, value_name = "DIR")]
    into: Option<PathBuf>,
}

/// Takes all of them.
pub(crate) fn run(options: &Options) -> anyhow::Result<()> {
    let environment = process::step("find what the tests need", environment::for_this_process)?;
    let faketime = needs::find_or_install(&[FAKETIME])?.remove(0);
    let folder = options.into.clone().unwrap_or_else(|| root().join(FOLDER));
    if options.into.is_none() {
        clear(&folder)?;
    }
    let mut take = test::of_server(TEST, &environment);
    take.env("OPSKNIGHT_PICTURES", env::current_dir()?.join(&folder))
        .env("OPSKNIGHT_FAKETIME", faketime);
    process::step("take the pictures", || process::show(&mut take))?;
    let taken = pictures(&folder)?;
    if taken.is_empty() {
        bail!("there is no picture in {}: does the guide show any?", folder.display());
    }
    process::say(&format!("{} pictures in {}", taken.len(), folder.display()));
    Ok(())
}

/// Takes away what the guide may have stopped to show.
fn clear(folder: &Path) -> anyhow::Result<()> {
    for picture in pictures(folder)? {
        fs::remove_file(&picture).with_context(|| format!("cannot remove {}", picture.display()))?;
    }
    Ok(())
}

fn pictures(folder: &Path) -> anyhow::Result<Vec<PathBuf>> {
    if !folder.exists() {
        return Ok(Vec::new());
    }
    let mut found = Vec::new();
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        if path.extension().is_some_and(|extension| extension == "webp") {
            found.push(path);
        }
    }
    Ok(found)
}
