//! The secret key: from the environment, or made once and kept in the data directory, readable for nobody else.

use std::{
    fs,
    io::Write as _,
    os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _},
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
    if let Some(text) = &settings.secret_key {
        return Ok(Sha256::digest(text.expose().as_bytes()).into());
    }
    let path = settings.data_dir.join(FILE);
    for _ in 0..2 {
        match fs::read_to_string(&path) {
            Ok(text) => {
                let bytes = hex::decode(text.trim())
                    .ok()
                    .and_then(|bytes| <[u8; 32]>::try_from(bytes).ok());
                return bytes.with_context(|| {
                    format!("{} is damaged: it must hold 64 hexadecimal digits. Put the right one back, or set OPSKNIGHT_SECRET_KEY", path.display())
                });
            }
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => make(settings)?,
            Err(error) => return Err(error).with_context(|| format!("{} cannot be read", path.display())),
        }
    }
    bail!("{} was made and is gone again", path.display())
}

/// Makes a key. Another process may do so at the same moment: then its key holds.
fn make(settings: &Settings) -> anyhow::Result<()> {
    let dir = &settings.data_dir;
    let made = fs::DirBuilder::new().recursive(true).mode(0o700).create(dir);
    made.with_context(|| format!("the data directory {} cannot be made", dir.display()))?;
    let mut bytes = [0; 32];
    getrandom::fill(&mut bytes).context("the operating system has no random numbers")?;
    let path = dir.join(FILE);
    // Written beside and linked into place, so that nobody reads half a key.
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
    let linked = fs::hard_link(&draft, &path);
    fs::remove_file(&draft).context("the draft of the secret key cannot be removed")?;
    match linked {
        Err(error) if error.kind() != std::io::ErrorKind::AlreadyExists => {
            Err(error).context("the secret key cannot be kept")
        }
        _ => Ok(()),
    }
}
