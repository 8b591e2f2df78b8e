//! Outbound webhooks: which programs and rooms are told. Their addresses and secrets are sealed.

use std::collections::BTreeSet;

use jiff::Timestamp;
use opsknight_domain::{
    directory::Webhook,
    id::{DeliveryId, ServiceId, WebhookId},
    incident::Happening,
};

use crate::{
    db::{DbError, Row, Tx, Val},
    directory,
    document::{read_happenings, read_services, write_happenings, write_services},
    incidents::word,
    listing::Part,
    refusal::{ChangeError, found},
    seal::{Place, Sealer},
    secret::{Secret, open, seal},
};

/// What kind of receiver a webhook speaks to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum WebhookKind {
    /// A space of Google Chat.
    GoogleChat,
    /// A channel of Microsoft Teams.
    Teams,
    /// A channel of Discord.
    Discord,
    /// A chat of a Telegram bot.
    Telegram,
    /// Any program.
    Generic,
}

impl WebhookKind {
    /// All of them.
    pub const ALL: [Self; 5] = [
        Self::GoogleChat,
        Self::Teams,
        Self::Discord,
        Self::Telegram,
        Self::Generic,
    ];

    /// The word of the contract: `GOOGLE_CHAT`, `TEAMS`, `DISCORD`, `TELEGRAM`, `GENERIC`.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::GoogleChat => "GOOGLE_CHAT",
            Self::Teams => "TEAMS",
            Self::Discord => "DISCORD",
            Self::Telegram => "TELEGRAM",
            Self::Generic => "GENERIC",
        }
    }

    /// Reads a word of the contract.
    #[must_use]
    pub fn from_word(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.word() == word)
    }
}

/// An outbound webhook as it is stored, with its credentials opened.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WebhookRow {
    /// Its identity.
    pub id: WebhookId,
    /// Its name.
    pub name: String,
    /// What kind of receiver it speaks to.
    pub kind: WebhookKind,
    /// Where it sends; often a credential in itself.
    pub url: Secret,
    /// With what it signs, or the receiver's token; none: it does not.
    pub secret: Option<Secret>,
    /// Which room, where the receiver has several.
    pub channel: Option<String>,
    /// Sends at all.
    pub enabled: bool,
    /// Of which happenings; empty: all.
    pub happenings: BTreeSet<Happening>,
    /// Of which services' incidents; empty: all.
    pub services: BTreeSet<ServiceId>,
    /// When it was made.
    pub created_at: Timestamp,
    /// When it last changed.
    pub updated_at: Timestamp,
}

const COLUMNS: &str =
    "id, name, type, url_sealed, secret_sealed, channel, enabled, events, service_ids, created_at, updated_at";

fn read(mut row: Row, sealer: &Sealer) -> Result<WebhookRow, DbError> {
    let id: WebhookId = row.take()?;
    let text = id.to_string();
    let name = row.take()?;
    let kind = word(&mut row, "type", WebhookKind::from_word)?;
    let url = open(sealer, place("url", &text), &row.take::<String>()?)?;
    let secret = row
        .take::<Option<String>>()?
        .map(|sealed| open(sealer, place("secret", &text), &sealed))
        .transpose()?;
    Ok(WebhookRow {
        id,
        name,
        kind,
        url,
        secret,
        channel: row.take()?,
        enabled: row.take()?,
        happenings: read_happenings(&row.take::<String>()?)?,
        services: read_services(&row.take::<String>()?)?,
        created_at: row.take()?,
        updated_at: row.take()?,
    })
}

const fn place<'a>(column: &'a str, row: &'a str) -> Place<'a> {
    Place {
        table: "webhook",
        column,
        row,
    }
}

/// The values in the order of [`COLUMNS`].
fn values(row: &WebhookRow, sealer: &Sealer) -> Result<Vec<Val>, DbError> {
    let id = row.id.to_string();
    let secret = row
        .secret
        .as_ref()
        .map(|secret| seal(sealer, place("secret", &id), secret))
        .transpose()?;
    Ok(vec![
        id.as_str().into(),
        row.name.as_str().into(),
        row.kind.word().into(),
        seal(sealer, place("url", &id), &row.url)?.into(),
        secret.into(),
        row.channel.as_deref().into(),
        row.enabled.into(),
        write_happenings(&row.happenings).into(),
        write_services(&row.services).into(),
        row.created_at.into(),
        row.updated_at.into(),
    ])
}

/// Adds a webhook.
///
/// # Errors
/// When the database cannot take it.
pub async fn insert(tx: &mut Tx<'_>, sealer: &Sealer, row: &WebhookRow) -> Result<(), ChangeError> {
    directory::bump(tx, row.created_at).await?;
    let values = values(row, sealer)?;
    let sql = format!(
        "INSERT INTO webhook ({COLUMNS}) VALUES ({})",
        Tx::in_list(1, values.len())
    );
    tx.execute(&sql, &values).await?;
    Ok(())
}

/// Replaces a webhook as a whole; when it was made stays.
///
/// # Errors
/// There is no such webhook, or the database cannot take it.
pub async fn update(tx: &mut Tx<'_>, sealer: &Sealer, row: &WebhookRow) -> Result<(), ChangeError> {
    directory::bump(tx, row.updated_at).await?;
    let sql = "UPDATE webhook SET name = $2, type = $3, url_sealed = $4, secret_sealed = $5, channel = $6, \
               enabled = $7, events = $8, service_ids = $9, updated_at = $10 WHERE id = $1";
    let mut values = values(row, sealer)?;
    let created_at = values.len() - 2;
    values.remove(created_at);
    found("webhook", tx.execute(sql, &values).await?)
}

/// The webhook with this identity.
///
/// # Errors
/// When the database cannot answer, or the credentials cannot be opened.
pub async fn get(tx: &mut Tx<'_>, sealer: &Sealer, id: WebhookId) -> Result<Option<WebhookRow>, DbError> {
    let sql = format!("SELECT {COLUMNS} FROM webhook WHERE id = $1");
    let row = tx.query_opt(&sql, &[id.into()]).await?;
    row.map(|row| read(row, sealer)).transpose()
}

/// One part of the webhooks by name, and how many there are in all.
///
/// # Errors
/// When the database cannot answer, or the credentials cannot be opened.
pub async fn list(tx: &mut Tx<'_>, sealer: &Sealer, part: Part<'_>) -> Result<(Vec<WebhookRow>, i64), DbError> {
    let pattern = part.pattern();
    let total = tx
        .query_one(
            "SELECT count(*) FROM webhook WHERE lower(name) LIKE $1 ESCAPE '\\'",
            &[pattern.as_str().into()],
        )
        .await?
        .take()?;
    let sql = format!(
        "SELECT {COLUMNS} FROM webhook WHERE lower(name) LIKE $1 ESCAPE '\\' \
         ORDER BY lower(name), id LIMIT $2 OFFSET $3"
    );
    let params = [pattern.as_str().into(), part.limit.into(), part.offset.into()];
    let rows = tx.query(&sql, &params).await?.into_iter().map(|row| read(row, sealer));
    Ok((rows.collect::<Result<_, _>>()?, total))
}

/// Every webhook as far as decisions need to know of it, disabled ones too, in the order of their identity. No
/// credential is opened.
pub(crate) async fn all(tx: &mut Tx<'_>) -> Result<Vec<Webhook>, DbError> {
    let sql = "SELECT id, name, enabled, events, service_ids FROM webhook ORDER BY id";
    let rows = tx.query(sql, &[]).await?;
    rows.into_iter()
        .map(|mut row| {
            Ok(Webhook {
                id: row.take()?,
                name: row.take()?,
                enabled: row.take()?,
                happenings: read_happenings(&row.take::<String>()?)?,
                services: read_services(&row.take::<String>()?)?,
            })
        })
        .collect()
}

/// Removes a webhook. What was to be sent to it is not sent any more; what was sent stays.
///
/// # Errors
/// There is no such webhook, or the database cannot take it.
pub async fn delete(tx: &mut Tx<'_>, id: WebhookId, now: Timestamp) -> Result<(), ChangeError> {
    directory::bump(tx, now).await?;
    found(
        "webhook",
        tx.execute("DELETE FROM webhook WHERE id = $1", &[id.into()]).await?,
    )
}

/// Whether this message is or was for this webhook.
///
/// # Errors
/// When the database cannot answer.
pub async fn has_delivery(tx: &mut Tx<'_>, id: WebhookId, delivery: DeliveryId) -> Result<bool, DbError> {
    let sql = "SELECT 1 FROM delivery WHERE id = $1 AND webhook_id = $2";
    Ok(tx.query_opt(sql, &[delivery.into(), id.into()]).await?.is_some())
}
