//! What is known of messages that were sent: by which identity a provider knows them, whether they arrived, and which
//! incidents a person was called to.

use jiff::Timestamp;
use opsknight_domain::{
    delivery::Purpose,
    directory::Channel,
    id::{DeliveryId, IncidentId, UserId},
};

use super::{LEASED, Leased, leased};
use crate::{
    db::{DbError, Row, Tx},
    incidents::word,
};

/// Most messages to a person that are looked through for the incidents that they were called to.
const CALLED_MAX: i64 = 2_000;

/// By what a provider names a message of which it reports.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Name {
    /// By our own identity of it.
    Ours(DeliveryId),
    /// By its own.
    Theirs(String),
}

/// The messages that a provider took under this name, held against other workers: one, or all that went as one. A
/// provider may be faster than we are: what is being sent this moment counts too, where it has `arrived`. That it was
/// lost must be reported once more, when it is known that it was sent.
///
/// # Errors
/// When the database cannot answer; `Busy` while the message that was lost is being sent.
pub async fn lock_sent(tx: &mut Tx<'_>, name: &Name, arrived: bool) -> Result<Vec<Leased>, DbError> {
    let (condition, value) = match name {
        Name::Ours(id) => ("(id = $1 OR (bundle_id = $1 AND bundle_id IS NOT NULL))", (*id).into()),
        Name::Theirs(id) => ("provider_id = $1 AND provider_id IS NOT NULL", id.as_str().into()),
    };
    let sql = format!(
        "SELECT state, {LEASED} FROM delivery WHERE {condition} AND state IN ('SENT', 'SENDING') ORDER BY id {{lock}}"
    );
    let mut sent = Vec::new();
    for mut row in tx.query(&sql, &[value]).await? {
        if row.take::<String>()? == "SENDING" && !arrived {
            return Err(DbError::Busy {
                what: "the message is being sent".into(),
            });
        }
        sent.push(leased(row)?);
    }
    Ok(sent)
}

/// The provider says that these have arrived. Those of which it said so before are left out of the answer.
///
/// # Errors
/// When the database does not take it.
pub async fn mark_delivered(tx: &mut Tx<'_>, sent: &[DeliveryId], at: Timestamp) -> Result<Vec<DeliveryId>, DbError> {
    let sql = "UPDATE delivery SET delivered_at = $1 WHERE id = $2 AND delivered_at IS NULL RETURNING id";
    let asked = sent.iter().map(|id| vec![at.into(), (*id).into()]).collect();
    let rows = tx.query_each(sql, asked).await?.into_iter().flatten();
    rows.map(|mut row| row.take()).collect()
}

/// The provider says that these have not arrived, although it took them.
///
/// # Errors
/// When the database does not take it.
pub async fn mark_lost(tx: &mut Tx<'_>, sent: &[DeliveryId], why: &str, now: Timestamp) -> Result<(), DbError> {
    let sql = "UPDATE delivery SET state = 'FAILED', outcome = $1, finished_at = $2 \
         WHERE id = $3 AND state = 'SENT' RETURNING id";
    let asked = sent
        .iter()
        .map(|id| vec![why.into(), now.into(), (*id).into()])
        .collect();
    tx.query_each(sql, asked).await?;
    Ok(())
}

/// The provider's identity of the first message about an incident in the same place, where one was sent; for an edit,
/// of the message that it changes.
///
/// # Errors
/// When the database cannot answer.
pub async fn earlier(tx: &mut Tx<'_>, delivery: &Leased) -> Result<Option<String>, DbError> {
    if delivery.purpose == Purpose::Edit {
        let sql = "SELECT provider_id FROM delivery WHERE id = $1";
        return tx.query_one(sql, &[delivery.id.into()]).await?.take();
    }
    let sql = "SELECT provider_id FROM delivery WHERE incident_id = $1 AND id < $2 AND state = 'SENT' \
         AND purpose = $3 AND channel = $4 AND address IS NOT DISTINCT FROM $5 \
         AND webhook_id IS NOT DISTINCT FROM $6 AND provider_id IS NOT NULL ORDER BY id LIMIT 1";
    let params = [
        delivery.incident.into(),
        delivery.id.into(),
        delivery.purpose.word().into(),
        delivery.channel.as_str().into(),
        delivery.address.as_deref().into(),
        delivery.webhook.into(),
    ];
    let row = tx.query_opt(sql, &params).await?;
    row.map(|mut row| row.take()).transpose()
}

/// The incidents that a person was called to and that are not over, the last first.
///
/// # Errors
/// When the database cannot answer.
pub async fn called_to(tx: &mut Tx<'_>, user: UserId) -> Result<Vec<IncidentId>, DbError> {
    let sql = "SELECT i.id FROM incident i WHERE i.status <> 'RESOLVED' AND i.id IN \
         (SELECT d.incident_id FROM delivery d WHERE d.user_id = $1 AND d.purpose = 'PAGE' \
          ORDER BY d.id DESC LIMIT $2) ORDER BY i.id DESC";
    let rows = tx.query(sql, &[user.into(), CALLED_MAX.into()]).await?;
    rows.into_iter().map(|mut row| row.take()).collect()
}

/// The incidents that a person was called to by the message that a provider knows by this identity: one, or all that
/// went as one.
///
/// # Errors
/// When the database cannot answer.
pub async fn called_by(tx: &mut Tx<'_>, provider_id: &str, user: UserId) -> Result<Vec<IncidentId>, DbError> {
    let sql = "SELECT DISTINCT incident_id FROM delivery WHERE provider_id = $1 AND provider_id IS NOT NULL \
         AND user_id = $2 AND purpose = 'PAGE' AND incident_id IS NOT NULL ORDER BY incident_id DESC";
    let rows = tx.query(sql, &[provider_id.into(), user.into()]).await?;
    rows.into_iter().map(|mut row| row.take()).collect()
}

/// On which channels of the default order a page of this escalation and step to this person has been tried, and whether any
/// of those messages was taken or may still be.
///
/// # Errors
/// When the database cannot answer.
pub async fn tried_in_order(
    tx: &mut Tx<'_>,
    incident: IncidentId,
    escalation: u32,
    user: UserId,
    step: Option<(u32, u32)>,
) -> Result<(Vec<Channel>, bool), DbError> {
    let sql = "SELECT channel, state FROM delivery WHERE incident_id = $1 AND user_id = $2 AND purpose = 'PAGE' \
         AND in_order AND escalation = $3 AND step_round IS NOT DISTINCT FROM $4 AND step_index IS NOT DISTINCT FROM $5";
    let params = [
        incident.into(),
        user.into(),
        escalation.into(),
        step.map(|(round, _)| round).into(),
        step.map(|(_, index)| index).into(),
    ];
    let mut channels = Vec::new();
    let mut heard = false;
    for mut row in tx.query(sql, &params).await? {
        channels.push(word(&mut row, "delivery.channel", Channel::from_word)?);
        let state: String = row.take()?;
        heard |= matches!(state.as_str(), "PENDING" | "SENDING" | "SENT");
    }
    Ok((channels, heard))
}

/// The address of the message that a provider knows by this identity, and on which channel it went.
///
/// # Errors
/// When the database cannot answer.
pub async fn address_of(tx: &mut Tx<'_>, name: &Name) -> Result<Option<(Channel, String)>, DbError> {
    let (condition, value) = match name {
        Name::Ours(id) => ("id = $1", (*id).into()),
        Name::Theirs(id) => ("provider_id = $1 AND provider_id IS NOT NULL", id.as_str().into()),
    };
    let sql = format!("SELECT channel, address FROM delivery WHERE {condition} AND address IS NOT NULL LIMIT 1");
    let read = |mut row: Row| Ok((word(&mut row, "delivery.channel", Channel::from_word)?, row.take()?));
    tx.query_opt(&sql, &[value]).await?.map(read).transpose()
}
