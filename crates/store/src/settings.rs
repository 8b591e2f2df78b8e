//! Settings that are made on a page rather than in the environment: one sealed JSON document for each name.

use jiff::Timestamp;
use opsknight_domain::directory::Channel;
use serde_json::Value;

use crate::{
    db::{DbError, Tx},
    directory,
    refusal::{ChangeError, found},
    seal::{Place, Sealer},
    secret::{Secret, open, seal},
};

/// How the names of the settings of the notification channels begin.
const NOTIFICATIONS: &str = "notifications.";

/// The name of a channel's settings: `notifications.email`.
#[must_use]
pub fn of_channel(channel: Channel) -> String {
    format!("{NOTIFICATIONS}{}", channel.word().to_ascii_lowercase())
}

const fn place(name: &str) -> Place<'_> {
    Place {
        table: "setting",
        column: "sealed",
        row: name,
    }
}

/// What is sealed at the first start, so that later ones can tell whether they hold the same key.
const KEY_PROOF: (&str, &str) = ("secret-key", "opsknight");

/// Whether what is sealed in this database was sealed with our secret key. The first who asks makes it theirs.
///
/// # Errors
/// When the database cannot answer.
pub async fn is_our_key(tx: &mut Tx<'_>, sealer: &Sealer, now: Timestamp) -> Result<bool, DbError> {
    let (name, text) = KEY_PROOF;
    let insert = "INSERT INTO setting (name, sealed, updated_at) VALUES ($1, $2, $3) ON CONFLICT (name) DO NOTHING";
    let sealed = seal(sealer, place(name), &Secret::new(text))?;
    tx.execute(insert, &[name.into(), sealed.as_str().into(), now.into()])
        .await?;
    let select = "SELECT sealed FROM setting WHERE name = $1";
    let stored: String = tx.query_one(select, &[name.into()]).await?.take()?;
    Ok(sealer.open(place(name), &stored).is_ok_and(|opened| opened == text))
}

/// What is set under this name, and since when.
///
/// # Errors
/// When the database cannot answer, or the document cannot be opened.
pub async fn get(tx: &mut Tx<'_>, sealer: &Sealer, name: &str) -> Result<Option<(Value, Timestamp)>, DbError> {
    let sql = "SELECT sealed, updated_at FROM setting WHERE name = $1";
    let Some(mut row) = tx.query_opt(sql, &[name.into()]).await? else {
        return Ok(None);
    };
    let text = open(sealer, place(name), &row.take::<String>()?)?;
    let value = serde_json::from_str(text.expose()).map_err(|_| DbError::Corrupt {
        what: format!("setting {name} is not JSON"),
    })?;
    Ok(Some((value, row.take()?)))
}

/// Sets what stands under this name.
///
/// # Errors
/// When the database cannot take it.
pub async fn put(
    tx: &mut Tx<'_>,
    sealer: &Sealer,
    name: &str,
    value: &Value,
    now: Timestamp,
) -> Result<(), ChangeError> {
    directory::bump(tx, now).await?;
    let sealed = seal(sealer, place(name), &Secret::new(value.to_string()))?;
    let sql = "INSERT INTO setting (name, sealed, updated_at) VALUES ($1, $2, $3) \
               ON CONFLICT (name) DO UPDATE SET sealed = excluded.sealed, updated_at = excluded.updated_at";
    tx.execute(sql, &[name.into(), sealed.into(), now.into()]).await?;
    Ok(())
}

/// Sets what stands under this name where nothing does yet, and gives back what stands there now: of several who come at
/// the same time, all get that of the first.
///
/// # Errors
/// When the database cannot take it, or what stands there cannot be opened.
pub async fn get_or_put(
    tx: &mut Tx<'_>,
    sealer: &Sealer,
    name: &str,
    value: &Value,
    now: Timestamp,
) -> Result<Value, ChangeError> {
    directory::bump(tx, now).await?;
    let sealed = seal(sealer, place(name), &Secret::new(value.to_string()))?;
    let sql = "INSERT INTO setting (name, sealed, updated_at) VALUES ($1, $2, $3) ON CONFLICT (name) DO NOTHING";
    tx.execute(sql, &[name.into(), sealed.into(), now.into()]).await?;
    let kept = get(tx, sealer, name).await?;
    Ok(kept.map_or_else(|| value.clone(), |(kept, _)| kept))
}

/// Takes away what is set under this name, so that the environment counts again.
///
/// # Errors
/// Nothing is set, or the database cannot take it.
pub async fn delete(tx: &mut Tx<'_>, name: &str, now: Timestamp) -> Result<(), ChangeError> {
    directory::bump(tx, now).await?;
    let rows = tx
        .execute("DELETE FROM setting WHERE name = $1", &[name.into()])
        .await?;
    found("setting", rows)
}

/// The channels whose provider is set up here. Slack is by its workspaces: what is set for it is only the app.
pub(crate) async fn channels(tx: &mut Tx<'_>) -> Result<Vec<Channel>, DbError> {
    let sql = "SELECT name FROM setting WHERE name LIKE 'notifications.%'";
    let mut channels = Vec::new();
    for mut row in tx.query(sql, &[]).await? {
        let name: String = row.take()?;
        channels.extend(
            Channel::ALL
                .into_iter()
                .find(|channel| *channel != Channel::Slack && of_channel(*channel) == name),
        );
    }
    Ok(channels)
}
