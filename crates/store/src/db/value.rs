//! Values on their way into and out of the database, and the rows that carry them.

use std::fmt;

use bytes::{BufMut, BytesMut};
use jiff::Timestamp;
use opsknight_domain::id::{
    AlertId, ApiKeyId, AuditId, ChangeId, ContactMethodId, DeliveryId, EntryId, IncidentId, IntegrationId,
    MaintenanceId, OverrideId, PolicyId, ReceiptId, RuleId, ScheduleId, ServiceId, TeamId, UserId, ViewId, WebhookId,
};
use rusqlite::types::{ToSqlOutput, ValueRef};
use tokio_postgres::types::{FromSql, IsNull, ToSql, Type};

use super::DbError;

type BoxError = Box<dyn std::error::Error + Sync + Send>;

/// One value of a statement or a row.
#[derive(Clone, PartialEq)]
pub enum Val {
    /// Nothing.
    Null,
    /// Any integer, and an instant as microseconds since the Unix epoch.
    Int(i64),
    /// A number with a fraction.
    Real(f64),
    /// True or false. SQLite gives it back as an integer.
    Bool(bool),
    /// A text, also an identity or JSON.
    Text(String),
    /// Bytes.
    Blob(Vec<u8>),
}

/// Shows the kind and the size only: values may be secrets.
impl fmt::Debug for Val {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Null => f.write_str("null"),
            Self::Text(text) => write!(f, "text of {} bytes", text.len()),
            Self::Blob(bytes) => write!(f, "{} bytes", bytes.len()),
            Self::Int(_) | Self::Real(_) | Self::Bool(_) => f.write_str(self.kind()),
        }
    }
}

impl Val {
    fn kind(&self) -> &'static str {
        match self {
            Self::Null => "null",
            Self::Int(_) => "an integer",
            Self::Real(_) => "a real number",
            Self::Bool(_) => "a boolean",
            Self::Text(_) => "a text",
            Self::Blob(_) => "bytes",
        }
    }

    /// Refuses what one of the two databases cannot hold: a NUL in a text (PostgreSQL), a number that is none (SQLite
    /// turns it into NULL).
    pub(super) fn check(&self) -> Result<(), DbError> {
        match self {
            Self::Text(text) if text.contains('\0') => Err(DbError::Invalid {
                what: "a text has a NUL in it".into(),
            }),
            Self::Real(number) if number.is_nan() => Err(DbError::Invalid {
                what: "a number is not a number".into(),
            }),
            _ => Ok(()),
        }
    }
}

macro_rules! into_val {
    ($($from:ty => |$value:ident| $val:expr;)*) => {$(
        impl From<$from> for Val {
            fn from($value: $from) -> Self {
                $val
            }
        }
    )*};
}

into_val! {
    &str => |value| Self::Text(value.to_owned());
    String => |value| Self::Text(value);
    &String => |value| Self::Text(value.clone());
    i64 => |value| Self::Int(value);
    i32 => |value| Self::Int(value.into());
    u32 => |value| Self::Int(value.into());
    u16 => |value| Self::Int(value.into());
    usize => |value| Self::Int(i64::try_from(value).unwrap_or(i64::MAX));
    f64 => |value| Self::Real(value);
    bool => |value| Self::Bool(value);
    Vec<u8> => |value| Self::Blob(value);
    &[u8] => |value| Self::Blob(value.to_vec());
    Timestamp => |value| Self::Int(value.as_microsecond());
    &serde_json::Value => |value| Self::Text(value.to_string());
}

impl<T: Into<Self>> From<Option<T>> for Val {
    fn from(value: Option<T>) -> Self {
        value.map_or(Self::Null, Into::into)
    }
}

/// A type that a column can be read as.
pub trait FromVal: Sized {
    /// Reads the value, or says what was expected instead.
    ///
    /// # Errors
    /// The words for what was expected.
    fn from_val(val: Val) -> Result<Self, Mismatch>;
}

/// What a column was expected to hold, and what it holds.
#[derive(Debug)]
pub struct Mismatch {
    expected: &'static str,
    found: &'static str,
}

impl Mismatch {
    /// The column was expected to hold `expected`.
    #[must_use]
    pub fn new(expected: &'static str, found: &Val) -> Self {
        Self {
            expected,
            found: found.kind(),
        }
    }
}

macro_rules! from_val {
    ($($into:ty, $expected:literal => { $($pattern:pat $(if $guard:expr)? => $value:expr,)* })*) => {$(
        impl FromVal for $into {
            fn from_val(val: Val) -> Result<Self, Mismatch> {
                match val {
                    $($pattern $(if $guard)? => Ok($value),)*
                    other => Err(Mismatch::new($expected, &other)),
                }
            }
        }
    )*};
}

from_val! {
    i64, "an integer" => { Val::Int(number) => number, }
    bool, "a boolean" => { Val::Bool(truth) => truth, Val::Int(0) => false, Val::Int(1) => true, }
    String, "a text" => { Val::Text(text) => text, }
    Vec<u8>, "bytes" => { Val::Blob(bytes) => bytes, }
}

impl FromVal for Val {
    fn from_val(val: Val) -> Result<Self, Mismatch> {
        Ok(val)
    }
}

impl FromVal for f64 {
    #[expect(
        clippy::cast_precision_loss,
        reason = "SQLite gives whole numbers back as integers in expressions"
    )]
    fn from_val(val: Val) -> Result<Self, Mismatch> {
        match val {
            Val::Real(number) => Ok(number),
            Val::Int(number) => Ok(number as Self),
            other => Err(Mismatch::new("a number", &other)),
        }
    }
}

macro_rules! from_int {
    ($($into:ty),*) => {$(
        impl FromVal for $into {
            fn from_val(val: Val) -> Result<Self, Mismatch> {
                match val {
                    Val::Int(number) => Self::try_from(number)
                        .map_err(|_| Mismatch { expected: concat!("an integer in the range of ", stringify!($into)), found: "one outside of it" }),
                    other => Err(Mismatch::new("an integer", &other)),
                }
            }
        }
    )*};
}

from_int!(i32, u16, u32, usize);

impl FromVal for Timestamp {
    fn from_val(val: Val) -> Result<Self, Mismatch> {
        match val {
            Val::Int(number) => Self::from_microsecond(number).map_err(|_| Mismatch {
                expected: "an instant in microseconds",
                found: "a number out of range",
            }),
            other => Err(Mismatch::new("an instant in microseconds", &other)),
        }
    }
}

impl FromVal for serde_json::Value {
    fn from_val(val: Val) -> Result<Self, Mismatch> {
        match val {
            Val::Text(text) => serde_json::from_str(&text).map_err(|_| Mismatch {
                expected: "JSON",
                found: "another text",
            }),
            other => Err(Mismatch::new("JSON", &other)),
        }
    }
}

impl<T: FromVal> FromVal for Option<T> {
    fn from_val(val: Val) -> Result<Self, Mismatch> {
        match val {
            Val::Null => Ok(None),
            other => T::from_val(other).map(Some),
        }
    }
}

macro_rules! ids {
    ($($id:ident)*) => {$(
        impl From<$id> for Val {
            fn from(id: $id) -> Self {
                Self::Text(id.to_string())
            }
        }

        impl From<&$id> for Val {
            fn from(id: &$id) -> Self {
                Self::Text(id.to_string())
            }
        }

        impl FromVal for $id {
            fn from_val(val: Val) -> Result<Self, Mismatch> {
                match val {
                    Val::Text(text) => text
                        .parse()
                        .map_err(|_| Mismatch { expected: concat!("a ", stringify!($id)), found: "another text" }),
                    other => Err(Mismatch::new(concat!("a ", stringify!($id)), &other)),
                }
            }
        }
    )*};
}

ids! {
    AlertId ApiKeyId AuditId ChangeId ContactMethodId DeliveryId EntryId IncidentId IntegrationId MaintenanceId OverrideId
    PolicyId ReceiptId RuleId ScheduleId ServiceId TeamId UserId ViewId WebhookId
}

/// One row of an answer, read from the first column to the last.
#[derive(Debug)]
pub struct Row {
    vals: Vec<Val>,
    next: usize,
}

impl Row {
    pub(super) fn new(vals: Vec<Val>) -> Self {
        Self { vals, next: 0 }
    }

    /// Takes the next column, in the order of the SELECT, so that a struct literal reads straight down.
    ///
    /// # Errors
    /// [`DbError::Corrupt`] when there is none, or it holds something else.
    pub fn take<T: FromVal>(&mut self) -> Result<T, DbError> {
        let column = self.next;
        let val = self.vals.get_mut(column).ok_or_else(|| no_column(column))?;
        self.next += 1;
        T::from_val(std::mem::replace(val, Val::Null)).map_err(|mismatch| wrong_type(column, &mismatch))
    }

    /// Reads the column at `index`, counted from 0, and leaves it in place.
    ///
    /// # Errors
    /// As [`Row::take`].
    pub fn get<T: FromVal>(&self, index: usize) -> Result<T, DbError> {
        let val = self.vals.get(index).ok_or_else(|| no_column(index))?;
        T::from_val(val.clone()).map_err(|mismatch| wrong_type(index, &mismatch))
    }
}

fn no_column(index: usize) -> DbError {
    DbError::Corrupt {
        what: format!("the row has no column {index} (counted from 0)"),
    }
}

fn wrong_type(index: usize, mismatch: &Mismatch) -> DbError {
    let Mismatch { expected, found } = mismatch;
    DbError::Corrupt {
        what: format!("column {index} (counted from 0) should hold {expected} and holds {found}"),
    }
}

impl rusqlite::ToSql for Val {
    fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
        Ok(ToSqlOutput::Borrowed(match self {
            Self::Null => ValueRef::Null,
            Self::Int(number) => ValueRef::Integer(*number),
            Self::Real(number) => ValueRef::Real(*number),
            Self::Bool(truth) => ValueRef::Integer(i64::from(*truth)),
            Self::Text(text) => ValueRef::Text(text.as_bytes()),
            Self::Blob(bytes) => ValueRef::Blob(bytes),
        }))
    }
}

/// Reads a column of SQLite.
pub(super) fn from_sqlite(val: ValueRef<'_>) -> Result<Val, DbError> {
    Ok(match val {
        ValueRef::Null => Val::Null,
        ValueRef::Integer(number) => Val::Int(number),
        ValueRef::Real(number) => Val::Real(number),
        ValueRef::Text(text) => Val::Text(
            std::str::from_utf8(text)
                .map_err(|_| DbError::Corrupt {
                    what: "a text is not UTF-8".into(),
                })?
                .to_owned(),
        ),
        ValueRef::Blob(bytes) => Val::Blob(bytes.to_vec()),
    })
}

/// Encodes by the type that the server declares for the parameter, which is what lets one SQL text serve both.
impl ToSql for Val {
    fn to_sql(&self, ty: &Type, out: &mut BytesMut) -> Result<IsNull, BoxError> {
        match (self, ty) {
            (Self::Null, _) => Ok(IsNull::Yes),
            (Self::Bool(truth), &Type::BOOL) => truth.to_sql(ty, out),
            (Self::Int(number), &Type::INT8) => number.to_sql(ty, out),
            (Self::Int(number), &Type::INT4) => i32::try_from(*number)?.to_sql(ty, out),
            (Self::Int(number), &Type::INT2) => i16::try_from(*number)?.to_sql(ty, out),
            (Self::Real(number), &Type::FLOAT8) => number.to_sql(ty, out),
            (Self::Blob(bytes), &Type::BYTEA) => bytes.to_sql(ty, out),
            (Self::Text(text), &Type::TEXT | &Type::VARCHAR | &Type::BPCHAR | &Type::NAME | &Type::UNKNOWN) => {
                text.to_sql(ty, out)
            }
            (Self::Text(text), &Type::JSON) => {
                out.put_slice(text.as_bytes());
                Ok(IsNull::No)
            }
            (Self::Text(text), &Type::JSONB) => {
                out.put_u8(1); // The version of the binary form.
                out.put_slice(text.as_bytes());
                Ok(IsNull::No)
            }
            (other, ty) => Err(format!(
                "{} is given where the statement has a parameter of type {ty}",
                other.kind()
            )
            .into()),
        }
    }

    fn accepts(_: &Type) -> bool {
        true
    }

    tokio_postgres::types::to_sql_checked!();
}

/// Decodes by the type of the column.
impl<'a> FromSql<'a> for Val {
    fn from_sql(ty: &Type, raw: &'a [u8]) -> Result<Self, BoxError> {
        Ok(match *ty {
            Type::BOOL => Self::Bool(bool::from_sql(ty, raw)?),
            Type::INT8 => Self::Int(i64::from_sql(ty, raw)?),
            Type::INT4 => Self::Int(i32::from_sql(ty, raw)?.into()),
            Type::INT2 => Self::Int(i16::from_sql(ty, raw)?.into()),
            Type::FLOAT8 => Self::Real(f64::from_sql(ty, raw)?),
            Type::FLOAT4 => Self::Real(f32::from_sql(ty, raw)?.into()),
            Type::BYTEA => Self::Blob(raw.to_vec()),
            Type::TEXT | Type::VARCHAR | Type::BPCHAR | Type::NAME | Type::UNKNOWN => {
                Self::Text(String::from_sql(ty, raw)?)
            }
            Type::JSON => Self::Text(String::from_utf8(raw.to_vec())?),
            Type::JSONB => Self::Text(String::from_utf8(raw.get(1..).unwrap_or_default().to_vec())?),
            _ => return Err(format!("a column of type {ty} is not read: cast it in the statement").into()),
        })
    }

    fn from_sql_null(_: &Type) -> Result<Self, BoxError> {
        Ok(Self::Null)
    }

    fn accepts(_: &Type) -> bool {
        true
    }
}
