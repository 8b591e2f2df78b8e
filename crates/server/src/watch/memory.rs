//! Keeps what the watch knows over a restart, in a small file.

use std::{
    fs,
    io::{ErrorKind, Write as _},
    os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _},
    path::Path,
};

use super::judge::Memory;

/// What is known; nothing, where there is no such file or it cannot be read.
pub(super) fn read(file: &Path) -> Memory {
    let text = match fs::read_to_string(file) {
        Ok(text) => text,
        Err(error) => {
            if error.kind() != ErrorKind::NotFound {
                tracing::warn!(%error, "{} cannot be read: the watch begins anew", file.display());
            }
            return Memory::default();
        }
    };
    serde_json::from_str(&text).unwrap_or_else(|error| {
        tracing::warn!(%error, "{} is damaged: the watch begins anew", file.display());
        Memory::default()
    })
}

/// Keeps it. The watch goes on without: after a restart somebody may be told twice.
pub(super) fn write(file: &Path, memory: &Memory) {
    if let Err(error) = try_write(file, memory) {
        tracing::warn!(%error, "{} cannot be written", file.display());
    }
}

fn try_write(file: &Path, memory: &Memory) -> std::io::Result<()> {
    if let Some(folder) = file.parent() {
        fs::DirBuilder::new().recursive(true).mode(0o700).create(folder)?;
    }
    let mut draft = file.as_os_str().to_owned();
    draft.push(".partial");
    let mut options = fs::OpenOptions::new();
    let mut partial = options
        .write(true)
        .create(true)
        .truncate(true)
        .mode(0o600)
        .open(&draft)?;
    serde_json::to_writer(&mut partial, memory)?;
    partial.write_all(b"\n")?;
    partial.sync_all()?;
    fs::rename(&draft, file)
}
