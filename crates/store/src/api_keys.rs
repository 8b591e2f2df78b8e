//! API keys: only their hashes are stored, so that nobody can read one back.

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use jiff::{SignedDuration, Timestamp};
use opsknight_domain::id::ApiKeyId;

use crate::{
    db::{DbError, Row, Tx},
    document::{read_texts, write_texts},
    listing::Part,
    refusal::{ChangeError, found},
    secret::Secret,
};

/// How every API key begins, so that people and secret scanners know one when they see it.
pub const KEY_PREFIX: &str = "sk_live_";

/// How many random bytes an API key has.
pub const KEY_BYTES: usize = 32;

/// How many characters of a key are kept to tell it from others.
const HINT_CHARS: usize = 4;

/// How exactly the last use of a key is kept. Every use would be a write.
const LAST_USED_EVERY: SignedDuration = SignedDuration::from_mins(1);

/// An API key as it is stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ApiKeyRow {
    /// The record's identity.
    pub id: ApiKeyId,
    /// Its name.
    pub name: String,
    /// The end of the key, by which its owner tells it from others.
    pub hint: String,
    /// What it may do, in the words of the contract: `events:write`.
    pub scopes: Vec<String>,
    /// Who made it: an identity.
    pub created_by: Option<String>,
    /// When it was made.
    pub created_at: Timestamp,
    /// From when on it is refused; none: never.
    pub expires_at: Option<Timestamp>,
    /// When it was last used, to the minute.
    pub last_used_at: Option<Timestamp>,
}

/// A new key from these random bytes: `sk_live_…`.
#[must_use]
pub fn new_key(random: [u8; KEY_BYTES]) -> Secret {
    Secret::new(format!("{KEY_PREFIX}{}", URL_SAFE_NO_PAD.encode(random)))
}

/// The end of a key, which is shown beside its name.
#[must_use]
pub fn hint(key: &Secret) -> String {
    let mut end: Vec<char> = key.expose().chars().rev().take(HINT_CHARS).collect();
    end.reverse();
    end.into_iter().collect()
}

const COLUMNS: &str = "id, name, hint, scopes, created_by, created_at, expires_at, last_used_at";

fn read(mut row: Row) -> Result<ApiKeyRow, DbError> {
    Ok(ApiKeyRow {
        id: row.take()?,
        name: row.take()?,
        hint: row.take()?,
        scopes: read_texts(&row.take::<String>()?, "scopes")?,
        created_by: row.take()?,
        created_at: row.take()?,
        expires_at: row.take()?,
        last_used_at: row.take()?,
    })
}

/// Adds a key. The key itself is not kept.
///
/// # Errors
/// When the database cannot take it.
pub async fn insert(tx: &mut Tx<'_>, row: &ApiKeyRow, key: &Secret) -> Result<(), ChangeError> {
    let sql = "INSERT INTO api_key (id, name, key_hash, hint, scopes, created_by, created_at, expires_at) \
               VALUES ($1, $2, $3, $4, $5, $6, $7, $8)";
    tx.execute(
        sql,
        &[
            row.id.into(),
            row.name.as_str().into(),
            key.hash().into(),
            row.hint.as_str().into(),
            write_texts(&row.scopes).into(),
            row.created_by.as_deref().into(),
            row.created_at.into(),
            row.expires_at.into(),
        ],
    )
    .await?;
    Ok(())
}

/// Changes the name, the scopes and the end of a key.
///
/// # Errors
/// There is no such key, or the database cannot take it.
pub async fn update(tx: &mut Tx<'_>, row: &ApiKeyRow) -> Result<(), ChangeError> {
    let sql = "UPDATE api_key SET name = $2, scopes = $3, expires_at = $4 WHERE id = $1";
    let rows = tx
        .execute(
            sql,
            &[
                row.id.into(),
                row.name.as_str().into(),
                write_texts(&row.scopes).into(),
                row.expires_at.into(),
            ],
        )
        .await?;
    found("API key", rows)
}

/// The key record with this identity.
///
/// # Errors
/// When the database cannot answer.
pub async fn get(tx: &mut Tx<'_>, id: ApiKeyId) -> Result<Option<ApiKeyRow>, DbError> {
    let sql = format!("SELECT {COLUMNS} FROM api_key WHERE id = $1");
    tx.query_opt(&sql, &[id.into()]).await?.map(read).transpose()
}

/// One part of the keys by name, and how many there are in all.
///
/// # Errors
/// When the database cannot answer.
pub async fn list(tx: &mut Tx<'_>, part: Part<'_>) -> Result<(Vec<ApiKeyRow>, i64), DbError> {
    let pattern = part.pattern();
    let total = tx
        .query_one(
            "SELECT count(*) FROM api_key WHERE lower(name) LIKE $1 ESCAPE '\\'",
            &[pattern.as_str().into()],
        )
        .await?
        .take()?;
    let sql = format!(
        "SELECT {COLUMNS} FROM api_key WHERE lower(name) LIKE $1 ESCAPE '\\' \
         ORDER BY lower(name), id LIMIT $2 OFFSET $3"
    );
    let rows = tx
        .query(&sql, &[pattern.as_str().into(), part.limit.into(), part.offset.into()])
        .await?;
    Ok((rows.into_iter().map(read).collect::<Result<_, _>>()?, total))
}

/// The record of the key with this hash, if it has not expired. Hashes are looked up as a whole, so that the time this
/// takes tells nothing of the key.
///
/// # Errors
/// When the database cannot answer.
pub async fn by_hash(tx: &mut Tx<'_>, hash: &str, now: Timestamp) -> Result<Option<ApiKeyRow>, DbError> {
    let sql = format!("SELECT {COLUMNS} FROM api_key WHERE key_hash = $1 AND (expires_at IS NULL OR expires_at > $2)");
    tx.query_opt(&sql, &[hash.into(), now.into()])
        .await?
        .map(read)
        .transpose()
}

/// Whether the use of this key now is worth [`touch`]ing it.
#[must_use]
pub fn wants_touch(row: &ApiKeyRow, now: Timestamp) -> bool {
    row.last_used_at
        .is_none_or(|last| now.duration_since(last) >= LAST_USED_EVERY)
}

/// Notes that a key was used.
///
/// # Errors
/// When the database cannot take it.
pub async fn touch(tx: &mut Tx<'_>, id: ApiKeyId, now: Timestamp) -> Result<(), DbError> {
    let sql = "UPDATE api_key SET last_used_at = $2 WHERE id = $1 AND (last_used_at IS NULL OR last_used_at < $2)";
    tx.execute(sql, &[id.into(), now.into()]).await?;
    Ok(())
}

/// Removes a key: it is refused from now on.
///
/// # Errors
/// There is no such key, or the database cannot take it.
pub async fn delete(tx: &mut Tx<'_>, id: ApiKeyId) -> Result<(), ChangeError> {
    found(
        "API key",
        tx.execute("DELETE FROM api_key WHERE id = $1", &[id.into()]).await?,
    )
}
