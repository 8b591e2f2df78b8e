//! A transaction as the questions see it: `$n` parameters, values and rows, the same on both databases.

use std::{borrow::Cow, fmt::Write as _, future::Future, time::Duration};

use deadpool_postgres::ClientWrapper;
use rusqlite::Connection;
use tokio_postgres::types::ToSql;

use super::{
    DbError, Dialect, Row, Val, Wake,
    value::from_sqlite,
    wake::{self},
};

/// How long a statement may take to be answered by PostgreSQL, which gives up on one itself somewhat sooner: after that
/// there is nobody who would. Migrations have no limit.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(40);

/// A transaction, given to a unit of work by [`super::Db::write`] and [`super::Db::read`].
///
/// SQL is one text for both databases, with parameters `$1`, `$2`, … in any order, each as often as wanted, none
/// left out. `{lock}` stands for `FOR UPDATE` and `{skip}` for `FOR UPDATE SKIP LOCKED`; on SQLite, which has one
/// writer, both stand for nothing.
///
/// Once a statement has failed the transaction cannot be continued or committed, on either database: let the error
/// leave the unit. What may fail in good order is written as `ON CONFLICT … DO NOTHING` or asked beforehand.
#[derive(Debug)]
pub struct Tx<'a> {
    on: On<'a>,
    wakes: Vec<Wake>,
    failure: Option<DbError>,
}

enum On<'a> {
    Sqlite(&'a Connection),
    Postgres(&'a ClientWrapper),
}

impl std::fmt::Debug for On<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Sqlite(_) => "Sqlite",
            Self::Postgres(_) => "Postgres",
        })
    }
}

/// What a column of an [`Insert`] holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// Text, also identities and JSON.
    Text,
    /// Integers and instants.
    Int,
    /// Booleans.
    Bool,
    /// Numbers with a fraction.
    Real,
    /// Bytes.
    Blob,
}

/// An INSERT of many rows at once. Written as a constant, one for each table and purpose.
#[derive(Debug, Clone, Copy)]
pub struct Insert {
    /// The table.
    pub table: &'static str,
    /// The columns in the order of the values in each row.
    pub columns: &'static [(&'static str, Kind)],
    /// What follows the values, such as `ON CONFLICT (id) DO NOTHING`, or nothing. With `DO UPDATE` no two rows of a
    /// call may meet the same row: PostgreSQL refuses that.
    pub tail: &'static str,
}

impl<'a> Tx<'a> {
    pub(super) fn sqlite(connection: &'a Connection) -> Self {
        Self {
            on: On::Sqlite(connection),
            wakes: Vec::new(),
            failure: None,
        }
    }

    pub(super) fn postgres(client: &'a ClientWrapper) -> Self {
        Self {
            on: On::Postgres(client),
            wakes: Vec::new(),
            failure: None,
        }
    }

    /// What is to be woken after the commit, and the first failure of a statement.
    pub(super) fn end(self) -> (Vec<Wake>, Option<DbError>) {
        (self.wakes, self.failure)
    }

    /// Which database this is.
    #[must_use]
    pub fn dialect(&self) -> Dialect {
        match self.on {
            On::Sqlite(_) => Dialect::Sqlite,
            On::Postgres(_) => Dialect::Postgres,
        }
    }

    /// Wakes those who wait for such a change, once this transaction is committed, and never when it is not.
    pub fn wake(&mut self, wake: Wake) {
        wake::merge(&mut self.wakes, wake);
    }

    /// Whether this transaction wakes those who wait for such a change.
    #[must_use]
    pub fn will_wake(&self, wake: &Wake) -> bool {
        self.wakes.contains(wake)
    }

    /// `$start, $start+1, …`, `n` of them, for `IN (…)`. With `n` = 0 it is `NULL`, which nothing is in.
    #[must_use]
    pub fn in_list(start: usize, n: usize) -> String {
        if n == 0 {
            return "NULL".to_owned();
        }
        let mut list = String::with_capacity(n * 4);
        for number in start..start + n {
            let comma = if number == start { "" } else { "," };
            write!(list, "{comma}${number}").expect("writing to a String does not fail");
        }
        list
    }

    /// Runs a statement and returns all of its rows.
    ///
    /// # Errors
    /// See [`DbError`].
    pub async fn query(&mut self, sql: &str, params: &[Val]) -> Result<Vec<Row>, DbError> {
        self.usable(params)?;
        let sql = expand(sql, self.dialect());
        let result = match self.on {
            On::Sqlite(connection) => query_sqlite(connection, &sql, params),
            On::Postgres(client) => query_postgres(client, &sql, params).await,
        };
        self.remember(result)
    }

    /// Runs one statement once for each list of parameters, in their order, and returns the rows of each run. On
    /// PostgreSQL all of them travel together, so that many cost hardly more waiting than one.
    ///
    /// # Errors
    /// See [`DbError`].
    pub async fn query_each(&mut self, sql: &str, runs: Vec<Vec<Val>>) -> Result<Vec<Vec<Row>>, DbError> {
        for params in &runs {
            self.usable(params)?;
        }
        let sql = expand(sql, self.dialect());
        let result = match self.on {
            On::Sqlite(connection) => runs
                .iter()
                .map(|params| query_sqlite(connection, &sql, params))
                .collect(),
            On::Postgres(client) => {
                futures_util::future::try_join_all(runs.iter().map(|params| query_postgres(client, &sql, params))).await
            }
        };
        self.remember(result)
    }

    /// Looks something up by each of these keys: what `read` makes of the first row of each run, in their order.
    ///
    /// # Errors
    /// See [`DbError`]; also what `read` says.
    pub async fn find_each<T>(
        &mut self,
        sql: &str,
        keys: Vec<Vec<Val>>,
        read: impl Fn(Row) -> Result<T, DbError>,
    ) -> Result<Vec<Option<T>>, DbError> {
        let answers = self.query_each(sql, keys).await?.into_iter();
        answers
            .map(|rows| rows.into_iter().next().map(&read).transpose())
            .collect()
    }

    /// Runs a statement that returns one row or none.
    ///
    /// # Errors
    /// Also when there are more.
    pub async fn query_opt(&mut self, sql: &str, params: &[Val]) -> Result<Option<Row>, DbError> {
        let mut rows = self.query(sql, params).await?;
        match rows.len() {
            0 | 1 => Ok(rows.pop()),
            n => self.remember(Err(DbError::other(format!(
                "one row was expected at most, there are {n}"
            )))),
        }
    }

    /// Runs a statement that returns exactly one row.
    ///
    /// # Errors
    /// Also when there are none or more.
    pub async fn query_one(&mut self, sql: &str, params: &[Val]) -> Result<Row, DbError> {
        match self.query_opt(sql, params).await? {
            Some(row) => Ok(row),
            None => self.remember(Err(DbError::other("one row was expected, there is none"))),
        }
    }

    /// Runs a statement that returns no rows, and tells how many it has changed.
    ///
    /// # Errors
    /// See [`DbError`].
    pub async fn execute(&mut self, sql: &str, params: &[Val]) -> Result<u64, DbError> {
        self.usable(params)?;
        let sql = expand(sql, self.dialect());
        let result = match self.on {
            On::Sqlite(connection) => execute_sqlite(connection, &sql, params),
            On::Postgres(client) => execute_postgres(client, &sql, &dynamic(params)).await,
        };
        self.remember(result)
    }

    /// Inserts all rows, each with one value for each column, and tells how many were inserted or changed. One
    /// statement on PostgreSQL, one prepared statement run for each row on SQLite.
    ///
    /// # Errors
    /// See [`DbError`]; also when a row has more or fewer values than there are columns, or one of another kind.
    pub async fn insert_many(&mut self, insert: &Insert, rows: Vec<Vec<Val>>) -> Result<u64, DbError> {
        if rows.is_empty() {
            return Ok(0);
        }
        for row in &rows {
            self.usable(row)?;
            if row.len() != insert.columns.len() {
                let what = format!(
                    "a row for {} has {} values for {} columns",
                    insert.table,
                    row.len(),
                    insert.columns.len()
                );
                return self.remember(Err(DbError::other(what)));
            }
        }
        let result = match self.on {
            On::Sqlite(connection) => insert_sqlite(connection, insert, &rows),
            On::Postgres(client) => insert_postgres(client, insert, rows).await,
        };
        self.remember(result)
    }

    /// Runs several statements without parameters: a migration.
    pub(crate) async fn batch(&mut self, sql: &str) -> Result<(), DbError> {
        self.usable(&[])?;
        let result = match self.on {
            On::Sqlite(connection) => connection.execute_batch(sql).map_err(DbError::from),
            On::Postgres(client) => client.batch_execute(sql).await.map_err(DbError::from),
        };
        self.remember(result)
    }

    fn usable(&mut self, params: &[Val]) -> Result<(), DbError> {
        if let Some(failure) = &self.failure {
            return Err(failure.clone());
        }
        let checked = params.iter().try_for_each(Val::check);
        self.remember(checked)
    }

    fn remember<T>(&mut self, result: Result<T, DbError>) -> Result<T, DbError> {
        if let Err(error) = &result
            && self.failure.is_none()
        {
            self.failure = Some(error.clone());
        }
        result
    }
}

fn expand(sql: &str, dialect: Dialect) -> Cow<'_, str> {
    if !sql.contains('{') {
        return Cow::Borrowed(sql);
    }
    let (lock, skip) = match dialect {
        Dialect::Sqlite => ("", ""),
        Dialect::Postgres => ("FOR UPDATE", "FOR UPDATE SKIP LOCKED"),
    };
    Cow::Owned(sql.replace("{lock}", lock).replace("{skip}", skip))
}

fn query_sqlite(connection: &Connection, sql: &str, params: &[Val]) -> Result<Vec<Row>, DbError> {
    let mut statement = connection.prepare_cached(sql)?;
    bind(&mut statement, params)?;
    let columns = statement.column_count();
    let mut found = statement.raw_query();
    let mut rows = Vec::new();
    while let Some(row) = found.next()? {
        let mut vals = Vec::with_capacity(columns);
        for index in 0..columns {
            vals.push(from_sqlite(row.get_ref(index)?)?);
        }
        rows.push(Row::new(vals));
    }
    Ok(rows)
}

fn execute_sqlite(connection: &Connection, sql: &str, params: &[Val]) -> Result<u64, DbError> {
    let mut statement = connection.prepare_cached(sql)?;
    bind(&mut statement, params)?;
    Ok(statement.raw_execute()? as u64)
}

/// SQLite takes `$2` for a name and numbers names in the order in which they stand, so that each is looked up.
fn bind(statement: &mut rusqlite::Statement<'_>, params: &[Val]) -> Result<(), DbError> {
    let count = statement.parameter_count();
    if count != params.len() {
        let given = params.len();
        return Err(DbError::other(format!(
            "the statement has {count} parameters and was given {given}"
        )));
    }
    for index in 1..=count {
        let number = statement
            .parameter_name(index)
            .and_then(|name| name.strip_prefix('$'))
            .and_then(|number| number.parse::<usize>().ok());
        let param = number.and_then(|number| params.get(number.checked_sub(1)?));
        let param = param.ok_or_else(|| DbError::other("parameters must be $1, $2, … without a gap"))?;
        statement.raw_bind_parameter(index, param)?;
    }
    Ok(())
}

fn insert_sqlite(connection: &Connection, insert: &Insert, rows: &[Vec<Val>]) -> Result<u64, DbError> {
    let values = Tx::in_list(1, insert.columns.len());
    let sql = format!(
        "INSERT INTO {} ({}) VALUES ({values}) {}",
        insert.table,
        names(insert),
        insert.tail
    );
    let mut statement = connection.prepare_cached(&sql)?;
    let mut changed = 0;
    for row in rows {
        for (val, (name, kind)) in row.iter().zip(insert.columns) {
            if !kind.holds(val) {
                return Err(wrong_kind(insert, name, *kind));
            }
        }
        // The text above names the parameters in their order, so that no name is to be looked up.
        for (index, val) in row.iter().enumerate() {
            statement.raw_bind_parameter(index + 1, val)?;
        }
        changed += statement.raw_execute()? as u64;
    }
    Ok(changed)
}

async fn query_postgres(client: &ClientWrapper, sql: &str, params: &[Val]) -> Result<Vec<Row>, DbError> {
    let statement = answered(client.prepare_cached(sql)).await?;
    let found = answered(client.query(&statement, &dynamic(params))).await?;
    let mut rows = Vec::with_capacity(found.len());
    for row in found {
        let mut vals = Vec::with_capacity(row.len());
        for index in 0..row.len() {
            vals.push(row.try_get::<_, Val>(index)?);
        }
        rows.push(Row::new(vals));
    }
    Ok(rows)
}

type Param<'p> = &'p (dyn ToSql + Sync);

fn dynamic(params: &[Val]) -> Vec<Param<'_>> {
    params.iter().map(|val| val as Param<'_>).collect()
}

async fn execute_postgres(client: &ClientWrapper, sql: &str, params: &[Param<'_>]) -> Result<u64, DbError> {
    let statement = answered(client.prepare_cached(sql)).await?;
    answered(client.execute(&statement, params)).await
}

/// Waits for an answer of PostgreSQL as long as there can be one.
async fn answered<T>(asked: impl Future<Output = Result<T, tokio_postgres::Error>>) -> Result<T, DbError> {
    match tokio::time::timeout(ANSWER_TIMEOUT, asked).await {
        Ok(answer) => Ok(answer?),
        Err(_) => Err(DbError::unavailable("a statement was not answered")),
    }
}

async fn insert_postgres(client: &ClientWrapper, insert: &Insert, rows: Vec<Vec<Val>>) -> Result<u64, DbError> {
    let mut columns: Vec<Vec<Val>> = insert.columns.iter().map(|_| Vec::with_capacity(rows.len())).collect();
    for row in rows {
        for (column, val) in columns.iter_mut().zip(row) {
            column.push(val);
        }
    }
    let mut arrays = Vec::with_capacity(columns.len());
    for (vals, (name, kind)) in columns.into_iter().zip(insert.columns) {
        arrays.push(kind.array(vals).ok_or_else(|| wrong_kind(insert, name, *kind))?);
    }
    let sql = unnest(insert);
    let params: Vec<Param<'_>> = arrays.iter().map(|array| &**array as Param<'_>).collect();
    execute_postgres(client, &sql, &params).await
}

fn unnest(insert: &Insert) -> String {
    let arrays: Vec<String> = insert
        .columns
        .iter()
        .enumerate()
        .map(|(i, (_, kind))| format!("${}::{}[]", i + 1, kind.postgres()))
        .collect();
    let names = names(insert);
    let Insert { table, tail, .. } = insert;
    format!(
        "INSERT INTO {table} ({names}) SELECT {names} FROM UNNEST({}) AS u ({names}) {tail}",
        arrays.join(", ")
    )
}

fn names(insert: &Insert) -> String {
    insert
        .columns
        .iter()
        .map(|(name, _)| *name)
        .collect::<Vec<_>>()
        .join(", ")
}

fn wrong_kind(insert: &Insert, column: &str, kind: Kind) -> DbError {
    DbError::other(format!("a value for {}.{column} is not of kind {kind:?}", insert.table))
}

impl Kind {
    const fn postgres(self) -> &'static str {
        match self {
            Self::Text => "text",
            Self::Int => "bigint",
            Self::Bool => "boolean",
            Self::Real => "double precision",
            Self::Blob => "bytea",
        }
    }

    const fn holds(self, val: &Val) -> bool {
        match val {
            Val::Null => true,
            Val::Int(_) => matches!(self, Self::Int),
            Val::Real(_) => matches!(self, Self::Real),
            Val::Bool(_) => matches!(self, Self::Bool),
            Val::Text(_) => matches!(self, Self::Text),
            Val::Blob(_) => matches!(self, Self::Blob),
        }
    }

    /// One array for a column, or nothing when a value is of another kind.
    fn array(self, vals: Vec<Val>) -> Option<Box<dyn ToSql + Sync>> {
        macro_rules! gather {
            ($variant:ident) => {{
                let mut array = Vec::with_capacity(vals.len());
                for val in vals {
                    array.push(match val {
                        Val::Null => None,
                        Val::$variant(value) => Some(value),
                        _ => return None,
                    });
                }
                Some(Box::new(array))
            }};
        }
        match self {
            Self::Text => gather!(Text),
            Self::Int => gather!(Int),
            Self::Bool => gather!(Bool),
            Self::Real => gather!(Real),
            Self::Blob => gather!(Blob),
        }
    }
}
