//! Lists of incidents that people have saved: a name for the query string of the page.

use jiff::Timestamp;
use opsknight_domain::id::{UserId, ViewId};

use crate::{
    db::{DbError, Row, Tx},
    refusal::{ChangeError, found},
};

/// A saved list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ViewRow {
    /// Its identity.
    pub id: ViewId,
    /// Who saved it.
    pub user: UserId,
    /// What it is called.
    pub name: String,
    /// The query string of the page of incidents.
    pub query: String,
    /// Everybody sees it.
    pub shared: bool,
    /// When it was saved.
    pub created_at: Timestamp,
    /// When it last changed.
    pub updated_at: Timestamp,
}

const COLUMNS: &str = "id, user_id, name, query, shared, created_at, updated_at";

fn read(mut row: Row) -> Result<ViewRow, DbError> {
    Ok(ViewRow {
        id: row.take()?,
        user: row.take()?,
        name: row.take()?,
        query: row.take()?,
        shared: row.take()?,
        created_at: row.take()?,
        updated_at: row.take()?,
    })
}

/// The lists that somebody sees: their own and those that are shared, in the order in which they were saved.
///
/// # Errors
/// When the database cannot answer.
pub async fn seen_by(tx: &mut Tx<'_>, user: UserId) -> Result<Vec<ViewRow>, DbError> {
    let sql = format!(
        "SELECT {COLUMNS} FROM saved_view WHERE user_id = $1 UNION SELECT {COLUMNS} FROM saved_view WHERE shared ORDER BY id"
    );
    tx.query(&sql, &[user.into()]).await?.into_iter().map(read).collect()
}

/// The list with this identity, held against other writers until the end of the unit.
///
/// # Errors
/// When the database cannot answer.
pub async fn lock(tx: &mut Tx<'_>, id: ViewId) -> Result<Option<ViewRow>, DbError> {
    let sql = format!("SELECT {COLUMNS} FROM saved_view WHERE id = $1 {{lock}}");
    tx.query_opt(&sql, &[id.into()]).await?.map(read).transpose()
}

/// Adds a list.
///
/// # Errors
/// When the database cannot take it.
pub async fn insert(tx: &mut Tx<'_>, view: &ViewRow) -> Result<(), DbError> {
    let sql = format!("INSERT INTO saved_view ({COLUMNS}) VALUES ($1, $2, $3, $4, $5, $6, $7)");
    let values = [
        view.id.into(),
        view.user.into(),
        view.name.as_str().into(),
        view.query.as_str().into(),
        view.shared.into(),
        view.created_at.into(),
        view.updated_at.into(),
    ];
    tx.execute(&sql, &values).await.map(drop)
}

/// Changes name, query and sharing of a list.
///
/// # Errors
/// There is no such list, or the database cannot take it.
pub async fn update(tx: &mut Tx<'_>, view: &ViewRow) -> Result<(), ChangeError> {
    let sql = "UPDATE saved_view SET name = $2, query = $3, shared = $4, updated_at = $5 WHERE id = $1";
    let values = [
        view.id.into(),
        view.name.as_str().into(),
        view.query.as_str().into(),
        view.shared.into(),
        view.updated_at.into(),
    ];
    found("saved view", tx.execute(sql, &values).await?)
}

/// Removes a list.
///
/// # Errors
/// There is no such list, or the database cannot take it.
pub async fn delete(tx: &mut Tx<'_>, id: ViewId) -> Result<(), ChangeError> {
    let sql = "DELETE FROM saved_view WHERE id = $1";
    found("saved view", tx.execute(sql, &[id.into()]).await?)
}
