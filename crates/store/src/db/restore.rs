//! Puts a backup in the place of a SQLite database that is not there or holds nothing.
//!
//! A file is looked at in full before anything is changed, and the database gets its name when all of it is on the disk:
//! a restore that is killed leaves nothing or a whole database.

use std::{
    collections::BTreeSet,
    fs::File,
    io::{self, Read as _, Seek as _, SeekFrom},
    path::{Path, PathBuf},
};

use rusqlite::{Connection, OpenFlags};

use super::{
    DbError, Dialect,
    backup::{Partial, remove_companions, written},
    closing, sqlite,
};
use crate::{
    migrate,
    seal::{self, SECRET_KEY_BYTES},
};

/// How a SQLite database begins: https://sqlite.org/fileformat.html
const SQLITE_HEAD: &[u8] = b"SQLite format 3\0";
/// How other files begin that somebody may take for a backup, and what to do with them.
const OTHERS: [(&[u8], &str); 6] = [
    (
        b"PGDMP",
        "it is a dump of PostgreSQL, which pg_restore puts into a PostgreSQL database",
    ),
    (
        b"--\n-- PostgreSQL database",
        "it is a dump of PostgreSQL, which psql puts into a PostgreSQL database",
    ),
    (b"\x1f\x8b", "it is compressed: unpack it first"),
    (b"\x28\xb5\x2f\xfd", "it is compressed: unpack it first"),
    (b"\xfd7zXZ", "it is compressed: unpack it first"),
    (b"PK\x03\x04", "it is compressed: unpack it first"),
];
/// Where sealed texts stand.
const SEALED: [(&str, &str); 5] = [
    ("setting", "sealed"),
    ("slack_workspace", "token_sealed"),
    ("second_factor", "secret_sealed"),
    ("integration", "key_sealed"),
    ("webhook", "url_sealed"),
];

/// A backup that was looked at and found whole.
#[derive(Debug)]
pub struct Sound {
    file: File,
    path: PathBuf,
    /// How much of the file is the database.
    bytes: u64,
    /// The secret key that it carries.
    pub key: Option<[u8; SECRET_KEY_BYTES]>,
    /// The ids of the secret keys with which credentials in it are encrypted.
    pub key_ids: BTreeSet<String>,
    /// It ends with the sum that `backup` writes; without one only its structure could be checked.
    pub has_sum: bool,
}

impl Sound {
    /// Looks at a file.
    ///
    /// # Errors
    /// When it is no whole database of this program, or one of a newer version.
    pub fn open(path: &Path) -> Result<Self, DbError> {
        let no = |why: &str| DbError::other(format!("{} is no backup of this program: {why}", path.display()));
        let unread = |error: io::Error| DbError::other(format!("{} cannot be read: {error}", path.display()));
        if path.is_dir() {
            return Err(no("it is a folder"));
        }
        let mut file = File::open(path).map_err(unread)?;
        let length = file.metadata().map_err(unread)?.len();
        let mut head = Vec::new();
        (&mut file).take(100).read_to_end(&mut head).map_err(unread)?;
        if let Some(why) = foreign(&head) {
            return Err(no(why));
        }
        let closing = closing::read(&mut file).map_err(unread)?;
        if let Some(closing) = &closing
            && !closing.holds(&mut file).map_err(unread)?
        {
            return Err(no("it is damaged: it is not what was written, by its sum"));
        }
        let (bytes, key, has_sum) = closing.map_or((length, None, false), |found| (found.bytes, found.key, true));
        if !has_sum {
            bare(path, &head, length).map_err(|why| no(&why))?;
        }
        let connection = immutable(path)?;
        sound(&connection).map_err(|why| no(&why))?;
        let key_ids = key_ids(&connection).map_err(|error| no(&error.to_string()))?;
        Ok(Self {
            file,
            path: path.to_owned(),
            bytes,
            key,
            key_ids,
            has_sum,
        })
    }

    /// Puts it into the data directory, which nobody else may be using. `before` is called when everything is ready
    /// and the database has not got its name yet.
    ///
    /// # Errors
    /// When the directory holds a database with people or incidents in it, or cannot be written. Nothing is changed
    /// then.
    pub fn place<E: From<DbError>>(mut self, data_dir: &Path, before: impl FnOnce() -> Result<(), E>) -> Result<(), E> {
        let target = data_dir.join(sqlite::FILE_NAME);
        std::fs::create_dir_all(data_dir).map_err(|error| written(data_dir, &error))?;
        if target.exists() {
            empty(&target)?;
        }
        let mut partial = Partial::take(&target)?;
        self.copy(&mut partial)?;
        before()?;
        // What is left of a database that is gone or empty; its log would be taken for that of the new one.
        remove_companions(&target).map_err(|error| written(&target, &error))?;
        Ok(partial.name(&target)?)
    }

    fn copy(&mut self, partial: &mut Partial) -> Result<(), DbError> {
        let fails = |error: io::Error| written(&partial.path, &error);
        self.file.seek(SeekFrom::Start(0)).map_err(fails)?;
        let copied = io::copy(&mut (&mut self.file).take(self.bytes), &mut partial.file).map_err(fails)?;
        partial.file.sync_all().map_err(fails)?;
        let connection = immutable(&partial.path)?;
        match sound(&connection) {
            Ok(()) if copied == self.bytes => Ok(()),
            Ok(()) => Err(DbError::other(format!("{} became shorter", self.path.display()))),
            Err(what) => Err(DbError::Corrupt { what }),
        }
    }
}

/// Why a file that begins like this is no database of SQLite.
fn foreign(head: &[u8]) -> Option<&'static str> {
    if head.is_empty() {
        return Some("it is empty");
    }
    if head.starts_with(SQLITE_HEAD) {
        return None;
    }
    let other = OTHERS.iter().find(|(begins, _)| head.starts_with(begins));
    Some(other.map_or("it does not begin like a database", |(_, why)| why))
}

/// A database without the sum of a backup, such as a copy of the file itself, has at least the length that its header
/// says, and no log beside it that would belong to it.
fn bare(path: &Path, head: &[u8], length: u64) -> Result<(), String> {
    let number = |at: usize, n: usize| {
        let bytes = head.get(at..at + n).unwrap_or_default();
        bytes.iter().fold(0, |number, byte| (number << 8) | u64::from(*byte))
    };
    let page = match number(16, 2) {
        1 => 1 << 16,
        bytes => bytes,
    };
    let whole = page * number(28, 4);
    if length != whole {
        return Err(format!(
            "it is cut short or damaged: it has {length} bytes and not {whole}"
        ));
    }
    let mut log = path.as_os_str().to_owned();
    log.push("-wal");
    match std::fs::metadata(&log) {
        Ok(data) if data.len() > 0 => Err(
            "a write-ahead log lies beside it, so it is the file of a database at work: `opsknight backup` copies that"
                .into(),
        ),
        Ok(_) | Err(_) => Ok(()),
    }
}

/// Opens a file that nobody changes, without making anything beside it: https://sqlite.org/uri.html#uriimmutable
fn immutable(file: &Path) -> Result<Connection, DbError> {
    let absolute = std::path::absolute(file)
        .map_err(|error| DbError::other(format!("{} cannot be found: {error}", file.display())))?;
    let name = absolute
        .to_str()
        .ok_or_else(|| DbError::other(format!("{} is no name in UTF-8", file.display())))?;
    // Only these mean something in the path of such an address.
    let name = name.replace('%', "%25").replace('?', "%3f").replace('#', "%23");
    let address = format!("file:{name}?immutable=1");
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_URI;
    Ok(Connection::open_with_flags(&address, flags)?)
}

/// Why a database is not whole.
fn whole(connection: &Connection) -> Result<(), String> {
    let check: rusqlite::Result<String> = connection.query_row("PRAGMA integrity_check(1)", [], |row| row.get(0));
    match check {
        Ok(check) if check == "ok" => Ok(()),
        Ok(check) => Err(format!("it is damaged: {check}")),
        Err(error) => Err(format!("it is damaged: {error}")),
    }
}

/// Reads the file of a database as a whole, and says with which keys its texts are sealed.
pub(super) fn read_back(file: &Path) -> Result<BTreeSet<String>, DbError> {
    let connection = immutable(file)?;
    whole(&connection).map_err(|what| DbError::Corrupt { what })?;
    Ok(key_ids(&connection)?)
}

/// Why a file is no whole database of this program.
fn sound(connection: &Connection) -> Result<(), String> {
    whole(connection)?;
    let words = |error: rusqlite::Error| format!("it is damaged: {error}");
    let tables = "SELECT count(*) FROM sqlite_master WHERE type = 'table' AND name IN ('schema_migration', 'incident')";
    let ours: i64 = connection.query_row(tables, [], |row| row.get(0)).map_err(words)?;
    if ours != 2 {
        return Err("its tables are those of another program".into());
    }
    let mut applied = connection
        .prepare("SELECT version, name, checksum FROM schema_migration ORDER BY version")
        .map_err(words)?;
    let applied = applied.query_map([], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)));
    let applied: Result<Vec<(i64, String, String)>, _> = applied.map_err(words)?.collect();
    migrate::check_known(&applied.map_err(words)?, Dialect::Sqlite)
}

/// The ids of the keys of all sealed texts.
fn key_ids(connection: &Connection) -> rusqlite::Result<BTreeSet<String>> {
    let mut found = BTreeSet::new();
    for (table, column) in SEALED {
        // A database that was never migrated has none of them.
        if !connection.table_exists(None, table)? {
            continue;
        }
        let mut texts = connection.prepare(&format!("SELECT {column} FROM {table}"))?;
        let texts = texts.query_map([], |row| row.get::<_, String>(0))?;
        for text in texts {
            found.extend(seal::key_id_of(&text?).map(str::to_owned));
        }
    }
    Ok(found)
}

/// Sees to it that the database that is there holds nothing that anybody would miss, and folds its log into it.
fn empty(file: &Path) -> Result<(), DbError> {
    holds_nothing(file)?;
    let connection = Connection::open_with_flags(file, OpenFlags::SQLITE_OPEN_READ_WRITE)?;
    // Were it killed in the middle, the log must not be all that there is of a half database.
    connection.query_row("PRAGMA journal_mode = DELETE", [], |_| Ok(()))?;
    Ok(())
}

/// Looks without changing a byte.
fn holds_nothing(file: &Path) -> Result<(), DbError> {
    let connection = Connection::open_with_flags(file, OpenFlags::SQLITE_OPEN_READ_ONLY)?;
    let held = |table: &str| -> Result<bool, DbError> {
        let exists = "SELECT count(*) FROM sqlite_master WHERE type = 'table' AND name = $1";
        let exists: i64 = connection.query_row(exists, [table], |row| row.get(0))?;
        if exists == 0 {
            return Ok(false);
        }
        Ok(connection.query_row(&format!("SELECT count(*) FROM {table}"), [], |row| row.get::<_, i64>(0))? > 0)
    };
    for table in ["app_user", "service", "incident"] {
        if held(table)? {
            let text = format!(
                "{} is not empty: move it away first if it is not needed",
                file.display()
            );
            return Err(DbError::other(text));
        }
    }
    Ok(())
}
