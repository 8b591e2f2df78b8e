//! Messages to one person that are about no incident: an invitation, a password link, a code. What they say may open a
//! door, so it is stored sealed.

use jiff::Timestamp;
use opsknight_domain::{
    directory::Channel,
    id::{DeliveryId, UserId},
};
use serde::{Deserialize, Serialize};

use super::Leased;
use crate::{
    db::{DbError, Tx, Wake},
    seal::{Place, Sealer},
    secret::{Secret, open, seal},
};

/// What a message to one person says that is about no incident.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AccountText {
    /// The subject line.
    pub subject: String,
    /// The text. It may hold a one-time link, so it is stored sealed.
    pub text: String,
}

/// A message to one person that is about no incident: an invitation, a password link.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AccountMessage {
    /// Its identity.
    pub id: DeliveryId,
    /// To whom.
    pub user: UserId,
    /// On which channel.
    pub channel: Channel,
    /// At which address there.
    pub address: String,
    /// What it says.
    pub text: AccountText,
    /// What it is, for the log: "invitation".
    pub reason: String,
}

const fn place(id: &str) -> Place<'_> {
    Place {
        table: "delivery",
        column: "snapshot",
        row: id,
    }
}

impl Leased {
    /// Opens the text of an account message.
    ///
    /// # Errors
    /// When it cannot be opened with this secret key.
    pub fn account_text(&self, sealer: &Sealer) -> Result<AccountText, DbError> {
        let opened = open(sealer, place(&self.id.to_string()), &self.snapshot)?;
        serde_json::from_str(opened.expose()).map_err(|_| DbError::Corrupt {
            what: format!("the text of delivery {}", self.id),
        })
    }
}

/// Puts an account message on its way.
///
/// # Errors
/// When the database does not take it.
pub async fn send_account_message(
    tx: &mut Tx<'_>,
    sealer: &Sealer,
    message: &AccountMessage,
    now: Timestamp,
) -> Result<(), DbError> {
    let text = serde_json::to_string(&message.text).expect("text can be written as JSON");
    let sealed = seal(sealer, place(&message.id.to_string()), &Secret::new(text))?;
    let sql = "INSERT INTO delivery (id, purpose, channel, user_id, address, snapshot, reason, state, \
         in_order, due_at, tries, refusals, created_at) \
         VALUES ($1, 'ACCOUNT', $7, $2, $3, $4, $5, 'PENDING', FALSE, $6, 0, 0, $6)";
    let params = [
        message.id.into(),
        message.user.into(),
        message.address.as_str().into(),
        sealed.into(),
        message.reason.as_str().into(),
        now.into(),
        message.channel.word().into(),
    ];
    tx.execute(sql, &params).await?;
    tx.wake(Wake::Deliveries);
    Ok(())
}
