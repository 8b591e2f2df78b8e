//! What can go wrong below a question, in one form for both databases. For the log, never for a page.

use std::error::Error as _;

use deadpool_postgres::PoolError;
use tokio_postgres::error::SqlState;

/// A failure of the database. Its text is for the log; people are shown words of the caller's own.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum DbError {
    /// A queue, the pool or a lock is taken: nothing was changed, the same call may succeed a little later.
    #[error("the database is busy: {what}")]
    Busy {
        /// What was waited for in vain.
        what: String,
    },
    /// The database cannot work now: disk full, input/output error, connection lost, shut down. When the connection
    /// was lost while a commit was under way, the text says that the outcome is unknown; else nothing was changed.
    #[error("the database is unavailable: {what}")]
    Unavailable {
        /// What failed.
        what: String,
    },
    /// Another transaction stood in the way each time the unit was tried. Nothing was changed.
    #[error("the transaction met others too often: {what}")]
    Conflict {
        /// What the database said.
        what: String,
    },
    /// A unique constraint or index refused a row. See [`DbError::unique_on`].
    #[error("not unique: index '{index}', columns '{columns}'")]
    Unique {
        /// The index or constraint, where the database names it (PostgreSQL always, SQLite for indexes over
        /// expressions), else empty.
        index: String,
        /// `table.column, table.column`, where the database lists them, else empty.
        columns: String,
    },
    /// A row refers to one that does not exist, or is referred to and was to go.
    #[error("a reference between rows does not hold: {what}")]
    ForeignKey {
        /// What the database said.
        what: String,
    },
    /// A CHECK or NOT NULL refused a row.
    #[error("a constraint does not hold: {what}")]
    Constraint {
        /// What the database said.
        what: String,
    },
    /// A value that no column can hold on both databases, such as a text with a NUL in it.
    #[error("a value cannot be stored: {what}")]
    Invalid {
        /// Which and why.
        what: String,
    },
    /// What was read is not what was written: damage, or a column of another type than the question expects.
    #[error("the stored data is not as expected: {what}")]
    Corrupt {
        /// What was found.
        what: String,
    },
    /// The database was closed.
    #[error("the database is closed")]
    Closed,
    /// Anything else: a mistake in the program or its SQL.
    #[error("{what}")]
    Other {
        /// What the database or the driver said.
        what: String,
    },
}

impl DbError {
    /// Whether the same call may succeed later without anything being changed in it.
    #[must_use]
    pub fn is_retryable(&self) -> bool {
        match self {
            Self::Busy { .. } | Self::Unavailable { .. } | Self::Conflict { .. } => true,
            Self::Unique { .. }
            | Self::ForeignKey { .. }
            | Self::Constraint { .. }
            | Self::Invalid { .. }
            | Self::Corrupt { .. }
            | Self::Closed
            | Self::Other { .. } => false,
        }
    }

    /// Whether a unique constraint refused a row, and it is the one that `what` names: the name of the index, or one
    /// of its columns as `table.column`. SQLite names only indexes over expressions, PostgreSQL lists only columns.
    #[must_use]
    pub fn unique_on(&self, what: &str) -> bool {
        match self {
            Self::Unique { index, columns } => index == what || columns.split(", ").any(|column| column == what),
            _ => false,
        }
    }

    /// A mistake in the program, in words for the log.
    #[must_use]
    pub fn other(what: impl Into<String>) -> Self {
        Self::Other { what: what.into() }
    }

    pub(super) fn unavailable(what: impl Into<String>) -> Self {
        Self::Unavailable { what: what.into() }
    }

    pub(super) fn busy(what: impl Into<String>) -> Self {
        Self::Busy { what: what.into() }
    }
}

impl From<rusqlite::Error> for DbError {
    fn from(error: rusqlite::Error) -> Self {
        let what = error.to_string();
        let Some(failure) = error.sqlite_error() else {
            return Self::Other { what };
        };
        use rusqlite::ErrorCode;
        match failure.code {
            ErrorCode::ConstraintViolation => sqlite_constraint(failure.extended_code, what),
            ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked => Self::Busy { what },
            ErrorCode::DiskFull
            | ErrorCode::SystemIoFailure
            | ErrorCode::CannotOpen
            | ErrorCode::OutOfMemory
            | ErrorCode::PermissionDenied
            | ErrorCode::FileLockingProtocolFailed
            | ErrorCode::NoLargeFileSupport => Self::Unavailable { what },
            ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase => Self::Corrupt { what },
            ErrorCode::TooBig => Self::Invalid { what },
            _ => Self::Other { what },
        }
    }
}

/// The forms of the message are those of SQLite's `sqlite3UniqueConstraint` and `sqlite3RowidConstraint`.
fn sqlite_constraint(extended_code: i32, what: String) -> DbError {
    use rusqlite::ffi;
    match extended_code {
        ffi::SQLITE_CONSTRAINT_UNIQUE | ffi::SQLITE_CONSTRAINT_PRIMARYKEY | ffi::SQLITE_CONSTRAINT_ROWID => {
            let on = what.split_once("failed: ").map_or(what.as_str(), |(_, on)| on).trim();
            match on.strip_prefix("index '") {
                Some(index) => DbError::Unique {
                    index: index.trim_end_matches('\'').to_owned(),
                    columns: String::new(),
                },
                None => DbError::Unique {
                    index: String::new(),
                    columns: on.to_owned(),
                },
            }
        }
        ffi::SQLITE_CONSTRAINT_FOREIGNKEY => DbError::ForeignKey { what },
        _ => DbError::Constraint { what },
    }
}

impl From<tokio_postgres::Error> for DbError {
    fn from(error: tokio_postgres::Error) -> Self {
        if let Some(answer) = error.as_db_error() {
            return from_answer(answer);
        }
        let mut what = error.to_string();
        let mut lost = error.is_closed();
        let mut source = error.source();
        while let Some(cause) = source {
            lost |= cause.is::<std::io::Error>();
            what = format!("{what}: {cause}");
            source = cause.source();
        }
        if lost {
            Self::Unavailable { what }
        } else {
            Self::Other { what }
        }
    }
}

/// Reads an answer of PostgreSQL. The detail is left out of texts, because it repeats values of the row.
fn from_answer(answer: &tokio_postgres::error::DbError) -> DbError {
    let code = answer.code();
    let what = format!("{} ({})", answer.message(), code.code());
    match *code {
        SqlState::UNIQUE_VIOLATION => {
            return DbError::Unique {
                index: answer.constraint().unwrap_or_default().to_owned(),
                columns: unique_columns(answer).unwrap_or_default(),
            };
        }
        SqlState::FOREIGN_KEY_VIOLATION => return DbError::ForeignKey { what },
        SqlState::T_R_SERIALIZATION_FAILURE | SqlState::T_R_DEADLOCK_DETECTED => return DbError::Conflict { what },
        // "cached plan must not change result type": another replica has migrated. A fresh statement is right again.
        SqlState::FEATURE_NOT_SUPPORTED if answer.message().contains("cached plan") => {
            return DbError::Conflict { what };
        }
        // We were stopped for so long that the server gave the transaction up, or it is a standby now.
        SqlState::IDLE_IN_TRANSACTION_SESSION_TIMEOUT | SqlState::READ_ONLY_SQL_TRANSACTION => {
            return DbError::Unavailable { what };
        }
        SqlState::LOCK_NOT_AVAILABLE | SqlState::QUERY_CANCELED | SqlState::TOO_MANY_CONNECTIONS => {
            return DbError::Busy { what };
        }
        _ => {}
    }
    // Classes of https://www.postgresql.org/docs/current/errcodes-appendix.html
    match code.code().get(..2) {
        Some("08" | "53" | "57" | "58") => DbError::Unavailable { what },
        Some("22") => DbError::Invalid { what },
        Some("23") => DbError::Constraint { what },
        Some("XX") => DbError::Corrupt { what },
        _ => DbError::Other { what },
    }
}

/// `Key (a, b)=(1, 2) already exists.` → `table.a, table.b`. The parentheses stand there in every language.
fn unique_columns(answer: &tokio_postgres::error::DbError) -> Option<String> {
    let table = answer.table()?;
    let (_, rest) = answer.detail()?.split_once('(')?;
    let (columns, _) = rest.split_once(")=(")?;
    Some(
        columns
            .split(", ")
            .map(|column| format!("{table}.{column}"))
            .collect::<Vec<_>>()
            .join(", "),
    )
}

impl From<PoolError> for DbError {
    fn from(error: PoolError) -> Self {
        match error {
            PoolError::Backend(error) => match Self::from(error) {
                known @ (Self::Busy { .. } | Self::Unavailable { .. }) => known,
                Self::Other { what } => Self::Unavailable { what },
                other => Self::unavailable(other.to_string()),
            },
            PoolError::Timeout(deadpool_postgres::TimeoutType::Wait) => {
                Self::busy("no connection of the pool became free in time")
            }
            PoolError::Timeout(_) => Self::unavailable("connecting took too long"),
            PoolError::Closed => Self::Closed,
            PoolError::NoRuntimeSpecified => Self::other("the pool has no runtime"),
            PoolError::PostCreateHook(error) => Self::unavailable(format!("setting up a connection failed: {error}")),
        }
    }
}
