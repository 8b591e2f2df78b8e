//! Copies a SQLite database into a new file while others write, and reads the copy back before it gets its name.
//!
//! A file with the name that was asked for is always whole: what is being written is called `….partial`, is locked for
//! as long as somebody writes it, and is made away with when that fails.

use std::{
    collections::BTreeSet,
    ffi::OsString,
    fs::{File, OpenOptions, TryLockError},
    io::{self, ErrorKind},
    os::unix::fs::{MetadataExt as _, OpenOptionsExt as _},
    path::{Path, PathBuf},
};

use rusqlite::{Connection, backup::Backup};

use super::{DbError, closing, restore, sqlite};
use crate::seal::{SECRET_KEY_BYTES, Sealer};

/// Copies the database at one point in time, closes the copy with its sum and, where it is given, the secret key. Gives
/// back the ids of the keys with which credentials in it are encrypted.
pub(super) fn backup(from: &Path, to: &Path, key: Option<[u8; SECRET_KEY_BYTES]>) -> Result<BTreeSet<String>, DbError> {
    if to.exists() {
        return Err(exists(to));
    }
    let mut partial = Partial::take(to)?;
    partial.copy(from)?;
    closing::close(&mut partial.file, key).map_err(|error| written(&partial.path, &error))?;
    let key_ids = partial.check()?;
    if let Some(key) = key
        && !key_ids.is_empty()
        && !key_ids.contains(Sealer::new(&key).key_id())
    {
        let why = "the secret key that was to go along is not the one that the credentials are encrypted with";
        return Err(DbError::other(why));
    }
    partial.name_new(to)?;
    Ok(key_ids)
}

fn exists(to: &Path) -> DbError {
    DbError::other(format!("{} exists already", to.display()))
}

pub(super) fn written(path: &Path, error: &io::Error) -> DbError {
    DbError::unavailable(format!("{} cannot be written: {error}", path.display()))
}

/// A file that is being written. It goes away with this value, unless it got its name.
pub(super) struct Partial {
    pub(super) path: PathBuf,
    pub(super) file: File,
    named: bool,
}

impl Partial {
    /// The file beside `to`, empty, and nobody else's. One that a killed program left behind is taken over.
    pub(super) fn take(to: &Path) -> Result<Self, DbError> {
        let mut path = OsString::from(to);
        path.push(".partial");
        let path = PathBuf::from(path);
        let fails = |error: io::Error| written(&path, &error);
        let mut options = OpenOptions::new();
        let options = options.read(true).write(true).create(true).truncate(false).mode(0o600);
        let file = options.open(&path).map_err(fails)?;
        let busy = || DbError::other(format!("{} is being written by another program", path.display()));
        match file.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => return Err(busy()),
            Err(TryLockError::Error(error)) => return Err(fails(error)),
        }
        // Whoever had the lock before may have given the file its name a moment ago: then this one is not ours.
        let (ours, there) = (file.metadata().map_err(fails)?, std::fs::metadata(&path));
        if !there.is_ok_and(|there| (there.dev(), there.ino()) == (ours.dev(), ours.ino())) {
            return Err(busy());
        }
        file.set_len(0).map_err(fails)?;
        remove_companions(&path).map_err(fails)?;
        Ok(Self {
            path,
            file,
            named: false,
        })
    }

    fn copy(&self, from: &Path) -> Result<(), DbError> {
        let source = sqlite::reader_connection(from)?;
        let mut target = Connection::open(&self.path)?;
        // All pages in one step: a commit between two steps would start the copy over, and in WAL mode a reader stops nobody.
        Backup::new(&source, &mut target)?.step(-1)?;
        // One file, with no log beside it, that can be read from a medium that is read-only.
        let mode: String = target.query_row("PRAGMA journal_mode = DELETE", [], |row| row.get(0))?;
        if mode != "delete" {
            return Err(DbError::unavailable(format!("the copy stays in mode {mode}")));
        }
        target.close().map_err(|(_, error)| error.into())
    }

    /// Reads the file back, and says with which keys its texts are sealed.
    fn check(&mut self) -> Result<BTreeSet<String>, DbError> {
        let fails = |error: io::Error| DbError::unavailable(format!("the copy cannot be read back: {error}"));
        let closing = closing::read(&mut self.file).map_err(fails)?;
        let holds = closing.map(|closing| closing.holds(&mut self.file)).transpose();
        if holds.map_err(fails)? == Some(true) {
            return restore::read_back(&self.path);
        }
        Err(DbError::Corrupt {
            what: "the copy does not read back as it was written".into(),
        })
    }

    /// Gives the file a name that nothing has.
    fn name_new(mut self, to: &Path) -> Result<(), DbError> {
        match std::fs::hard_link(&self.path, to) {
            Ok(()) => std::fs::remove_file(&self.path).map_err(|error| written(to, &error))?,
            Err(error) if error.kind() == ErrorKind::AlreadyExists => return Err(exists(to)),
            // Some file systems know no second name of a file.
            Err(_) if to.exists() => return Err(exists(to)),
            Err(_) => std::fs::rename(&self.path, to).map_err(|error| written(to, &error))?,
        }
        self.named = true;
        sync_folder(to)
    }

    /// Gives the file this name, in place of whatever has it.
    pub(super) fn name(mut self, to: &Path) -> Result<(), DbError> {
        std::fs::rename(&self.path, to).map_err(|error| written(to, &error))?;
        self.named = true;
        sync_folder(to)
    }
}

impl Drop for Partial {
    fn drop(&mut self) {
        if !self.named {
            // What went wrong before is what counts; a leftover is taken over next time.
            let _ = std::fs::remove_file(&self.path);
            let _ = remove_companions(&self.path);
        }
    }
}

/// Removes the files that SQLite keeps beside a database: whatever is made anew under its name, they belong to another.
pub(super) fn remove_companions(database: &Path) -> io::Result<()> {
    for suffix in ["-wal", "-shm", "-journal"] {
        let mut beside = OsString::from(database);
        beside.push(suffix);
        match std::fs::remove_file(&beside) {
            Err(error) if error.kind() != ErrorKind::NotFound => return Err(error),
            Ok(()) | Err(_) => {}
        }
    }
    Ok(())
}

/// A name is on the disk when its folder is.
fn sync_folder(to: &Path) -> Result<(), DbError> {
    let folder = match to.parent() {
        Some(folder) if folder != Path::new("") => folder,
        Some(_) | None => Path::new("."),
    };
    File::open(folder)
        .and_then(|folder| folder.sync_all())
        .map_err(|error| written(to, &error))
}
