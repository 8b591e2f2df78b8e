//! Addresses that something is known to be wrong with: messages came back, or whoever has it asked for no more.

use std::collections::BTreeMap;

use jiff::Timestamp;
use opsknight_domain::directory::{Channel, Trouble, trouble_key};

use crate::{
    db::{DbError, Row, Tx},
    directory,
    incidents::word,
};

/// What is known of an address.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TroubleRow {
    /// On which channel.
    pub channel: Channel,
    /// Which address; mail addresses in lower case.
    pub address: String,
    /// What is wrong with it.
    pub kind: Trouble,
    /// The provider's words.
    pub why: String,
    /// Since when.
    pub since: Timestamp,
}

fn read(mut row: Row) -> Result<TroubleRow, DbError> {
    Ok(TroubleRow {
        channel: word(&mut row, "address_trouble.channel", Channel::from_word)?,
        address: row.take()?,
        kind: word(&mut row, "address_trouble.kind", Trouble::from_word)?,
        why: row.take()?,
        since: row.take()?,
    })
}

/// Everything that is known.
///
/// # Errors
/// When the database cannot answer.
pub async fn all(tx: &mut Tx<'_>) -> Result<Vec<TroubleRow>, DbError> {
    let sql = "SELECT channel, address, kind, why, since FROM address_trouble";
    tx.query(sql, &[]).await?.into_iter().map(read).collect()
}

/// The same as decisions need it.
pub(crate) async fn map(tx: &mut Tx<'_>) -> Result<BTreeMap<(Channel, String), Trouble>, DbError> {
    let rows = all(tx).await?.into_iter();
    Ok(rows.map(|row| ((row.channel, row.address), row.kind)).collect())
}

/// Remembers that something is wrong with an address. Whoever asked for no more messages has done so also when another
/// one fails. Says whether that is news.
///
/// # Errors
/// When the database does not take it.
pub async fn note(
    tx: &mut Tx<'_>,
    (channel, address): (Channel, &str),
    kind: Trouble,
    why: &str,
    now: Timestamp,
) -> Result<bool, DbError> {
    let sql = "INSERT INTO address_trouble (channel, address, kind, why, since) VALUES ($1, $2, $3, $4, $5) \
         ON CONFLICT (channel, address) DO UPDATE SET kind = excluded.kind, why = excluded.why, since = excluded.since \
         WHERE address_trouble.kind = 'FAILING' AND excluded.kind = 'STOPPED'";
    let key = trouble_key(channel, address);
    let params = [
        channel.word().into(),
        key.as_str().into(),
        kind.word().into(),
        why.into(),
        now.into(),
    ];
    let changed = tx.execute(sql, &params).await? > 0;
    if changed {
        directory::bump(tx, now).await?;
    }
    Ok(changed)
}

/// Nothing is wrong with an address any more. Says whether anything was.
///
/// # Errors
/// When the database does not take it.
pub async fn clear(tx: &mut Tx<'_>, (channel, address): (Channel, &str), now: Timestamp) -> Result<bool, DbError> {
    let key = trouble_key(channel, address);
    let sql = "DELETE FROM address_trouble WHERE channel = $1 AND address = $2";
    let changed = tx.execute(sql, &[channel.word().into(), key.as_str().into()]).await? > 0;
    if changed {
        directory::bump(tx, now).await?;
    }
    Ok(changed)
}
