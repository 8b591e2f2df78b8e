//! Puts a backup in the place of a SQLite database that is not there or holds nothing.

use std::path::Path;

use rusqlite::{Connection, OpenFlags};

use super::{DbError, sqlite};

/// Restores a backup into the data directory.
///
/// # Errors
/// When the file is no sound database of this program, or the directory holds a database with people or incidents in
/// it. Nothing is changed then.
pub fn restore(from: &Path, data_dir: &Path) -> Result<(), DbError> {
    sound(from)?;
    let target = data_dir.join(sqlite::FILE_NAME);
    if target.exists() {
        empty(&target)?;
        for suffix in ["-wal", "-shm"] {
            let mut beside = target.clone().into_os_string();
            beside.push(suffix);
            if Path::new(&beside).exists() {
                std::fs::remove_file(&beside).map_err(io)?;
            }
        }
        std::fs::remove_file(&target).map_err(io)?;
    }
    std::fs::create_dir_all(data_dir).map_err(io)?;
    sqlite::backup(from, &target)
}

#[expect(clippy::needless_pass_by_value, reason = "it is a function for map_err")]
fn io(error: std::io::Error) -> DbError {
    DbError::Unavailable {
        what: format!("a file cannot be changed: {error}"),
    }
}

fn open(file: &Path) -> Result<Connection, DbError> {
    if !file.is_file() {
        return Err(DbError::other(format!("there is no file {}", file.display())));
    }
    Ok(Connection::open_with_flags(file, OpenFlags::SQLITE_OPEN_READ_ONLY)?)
}

/// Whether the file is a whole database of this program.
fn sound(file: &Path) -> Result<(), DbError> {
    let not_ours = |why: String| DbError::other(format!("{} is no backup of this program: {why}", file.display()));
    let connection = open(file)?;
    let check: String = connection
        .query_row("PRAGMA integrity_check(1)", [], |row| row.get(0))
        .map_err(|error| not_ours(error.to_string()))?;
    if check != "ok" {
        return Err(not_ours(format!("it is damaged: {check}")));
    }
    let tables = "SELECT count(*) FROM sqlite_master WHERE type = 'table' AND name IN ('schema_migration', 'incident')";
    let ours: i64 = connection
        .query_row(tables, [], |row| row.get(0))
        .map_err(|error| not_ours(error.to_string()))?;
    if ours == 2 {
        Ok(())
    } else {
        Err(not_ours("its tables are others".into()))
    }
}

/// Whether the database that is there holds nothing that anybody would miss.
fn empty(file: &Path) -> Result<(), DbError> {
    let connection = open(file)?;
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
