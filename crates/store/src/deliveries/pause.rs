//! Places that take nothing more for a while, because their providers ask for it. What is decided on meanwhile waits too.

use jiff::Timestamp;
use opsknight_domain::id::WebhookId;

use crate::db::{DbError, Tx};

/// The channel under which pauses of webhooks are kept.
const WEBHOOK: &str = "WEBHOOK";

/// Nothing more is sent to a webhook until this time.
///
/// # Errors
/// When the database does not take it.
pub async fn pause_webhook(tx: &mut Tx<'_>, webhook: WebhookId, until: Timestamp) -> Result<(), DbError> {
    remember(tx, WEBHOOK, &webhook.to_string(), until).await?;
    put_off(tx, WEBHOOK, &webhook.to_string(), until).await
}

/// The same for a conversation that is told.
///
/// # Errors
/// When the database does not take it.
pub async fn pause_room(tx: &mut Tx<'_>, channel: &str, address: &str, until: Timestamp) -> Result<(), DbError> {
    remember(tx, channel, address, until).await?;
    put_off(tx, channel, address, until).await
}

async fn remember(tx: &mut Tx<'_>, channel: &str, address: &str, until: Timestamp) -> Result<(), DbError> {
    let sql = "INSERT INTO pause (channel, address, ends_at) VALUES ($1, $2, $3) \
         ON CONFLICT (channel, address) DO UPDATE SET ends_at = excluded.ends_at WHERE pause.ends_at < excluded.ends_at";
    tx.execute(sql, &[channel.into(), address.into(), until.into()]).await?;
    Ok(())
}

/// Puts off what was decided on since places asked for a pause.
pub(super) async fn keep(tx: &mut Tx<'_>, now: Timestamp) -> Result<(), DbError> {
    let sql = "SELECT channel, address, ends_at FROM pause WHERE ends_at > $1";
    for mut row in tx.query(sql, &[now.into()]).await? {
        let (channel, address): (String, String) = (row.take()?, row.take()?);
        put_off(tx, &channel, &address, row.take()?).await?;
    }
    Ok(())
}

async fn put_off(tx: &mut Tx<'_>, channel: &str, address: &str, until: Timestamp) -> Result<(), DbError> {
    let room = "UPDATE delivery SET due_at = $1 WHERE state = 'PENDING' AND purpose IN ('NOTICE', 'EDIT') \
         AND channel = $2 AND address = $3 AND user_id IS NULL AND due_at < $1";
    let webhook = "UPDATE delivery SET due_at = $1 WHERE webhook_id = $2 AND webhook_id IS NOT NULL \
         AND state = 'PENDING' AND due_at < $1";
    if channel == WEBHOOK {
        tx.execute(webhook, &[until.into(), address.into()]).await?;
    } else {
        tx.execute(room, &[until.into(), channel.into(), address.into()])
            .await?;
    }
    Ok(())
}

/// Forgets the pauses that are over.
///
/// # Errors
/// When the database does not take it.
pub async fn forget_pauses(tx: &mut Tx<'_>, now: Timestamp) -> Result<u64, DbError> {
    tx.execute("DELETE FROM pause WHERE ends_at <= $1", &[now.into()]).await
}
