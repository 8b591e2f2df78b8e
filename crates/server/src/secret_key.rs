//! The secret key: from the environment, or made once and kept in the data directory, readable for nobody else.

use std::{
    fs,
    io::Write as _,
    os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _},
    path::{Path, PathBuf},
};

use anyhow::{Context as _, bail};
use sha2::{Digest as _, Sha256};

use crate::config::Settings;

/// The file in the data directory.
pub const FILE: &str = "secret.key";

/// The 32 bytes of the secret key.
///
/// # Errors
/// When there is none and none can be kept, or the one that is kept is damaged.
pub fn load(settings: &Settings) -> anyhow::Result<[u8; 32]> {
    for _ in 0..2 {
        match known(settings)? {
            Some(key) => return Ok(key),
            None => make(settings)?,
        }
    }
    bail!("{} was made and is gone again", settings.data_dir.join(FILE).display())
}

/// The secret key, if there is one already.
///
/// # Errors
/// When the one that is kept cannot be read or is damaged.
pub fn known(settings: &Settings) -> anyhow::Result<Option<[u8; 32]>> {
    if let Some(text) = &settings.secret_key {
        return Ok(Some(Sha256::digest(text.expose().as_bytes()).into()));
    }
    let path = settings.data_dir.join(FILE);
    let text = match fs::read_to_string(&path) {
        Ok(text) => text,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(error).with_context(|| format!("{} cannot be read", path.display())),
    };
    let bytes = hex::decode(text.trim())
        .ok()
        .and_then(|bytes| <[u8; 32]>::try_from(bytes).ok());
    bytes.map(Some).with_context(|| {
        format!(
            "{} is damaged: it must hold 64 hexadecimal digits. Put the right one back, or set OPSKNIGHT_SECRET_KEY",
            path.display()
        )
    })
}

/// Keeps this key in place of any other.
///
/// # Errors
/// When it cannot be written.
pub fn keep(dir: &Path, key: &[u8; 32]) -> anyhow::Result<()> {
    let draft = draft(dir, key)?;
    fs::rename(&draft, dir.join(FILE)).context("the secret key cannot be kept")
}

/// Makes a key. Another process may do so at the same moment: then its key holds.
fn make(settings: &Settings) -> anyhow::Result<()> {
    let dir = &settings.data_dir;
    let made = fs::DirBuilder::new().recursive(true).mode(0o700).create(dir);
    made.with_context(|| format!("the data directory {} cannot be made", dir.display()))?;
    let mut bytes = [0; 32];
    getrandom::fill(&mut bytes).context("the operating system has no random numbers")?;
    let draft = draft(dir, &bytes)?;
    let linked = fs::hard_link(&draft, dir.join(FILE));
    fs::remove_file(&draft).context("the draft of the secret key cannot be removed")?;
    match linked {
        Err(error) if error.kind() != std::io::ErrorKind::AlreadyExists => {
            Err(error).context("the secret key cannot be kept")
        }
        _ => Ok(()),
    }
}

/// A key is written beside its place and then put there, so that nobody reads half of it.
fn draft(dir: &Path, bytes: &[u8; 32]) -> anyhow::Result<PathBuf> {
    let draft = dir.join(format!("{FILE}.{}", std::process::id()));
    let mut file = fs::OpenOptions::new()
        .write(true)
        .create(true)
        .truncate(true)
        .mode(0o600)
        .open(&draft)
        .with_context(|| format!("{} cannot be written", draft.display()))?;
    writeln!(file, "{}", hex::encode(bytes))
        .and_then(|()| file.sync_all())
        .context("the secret key cannot be kept")?;
    Ok(draft)
}
