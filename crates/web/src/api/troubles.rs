//! What is known to be wrong with addresses, as people and programs see it, and how one gives an address another chance.

use std::collections::BTreeMap;

use jiff::Timestamp;
use opsknight_domain::directory::{Channel, Trouble, trouble_key};
use opsknight_store::{
    db::{DbError, Tx},
    troubles::{self, TroubleRow},
};
use serde::Serialize;
use utoipa::ToSchema;

use super::{error::ApiError, wire::Time};

/// Messages to an address came back.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
#[schema(as = FailingAddress)]
#[serde(rename_all = "camelCase")]
pub struct FailingBody {
    /// Since when.
    #[schema(inline)]
    pub since: Time,
    /// The provider's words.
    pub why: String,
}

/// Everything that is known, read once for an answer.
#[derive(Debug, Clone, Default)]
pub(crate) struct Troubles(BTreeMap<(Channel, String), TroubleRow>);

impl Troubles {
    /// Reads it.
    pub(crate) async fn read(tx: &mut Tx<'_>) -> Result<Self, DbError> {
        let rows = troubles::all(tx).await?.into_iter();
        Ok(Self(
            rows.map(|row| ((row.channel, row.address.clone()), row)).collect(),
        ))
    }

    fn of(&self, channel: Channel, address: &str) -> Option<&TroubleRow> {
        self.0.get(&(channel, trouble_key(channel, address)))
    }

    /// Since when messages to an address have come back, and why.
    pub(crate) fn failing(&self, channel: Channel, address: &str) -> Option<FailingBody> {
        let row = self.of(channel, address).filter(|row| row.kind == Trouble::Failing)?;
        Some(FailingBody {
            since: Time(row.since),
            why: row.why.clone(),
        })
    }

    /// Whoever has the address asked for no more messages.
    pub(crate) fn stopped(&self, channel: Channel, address: &str) -> bool {
        self.of(channel, address)
            .is_some_and(|row| row.kind == Trouble::Stopped)
    }
}

/// What a body says about `failing`: an address is given another chance, never taken one.
pub(crate) fn only_false(field: &str, failing: Option<bool>) -> Result<bool, ApiError> {
    match failing {
        Some(true) => Err(ApiError::invalid(field, "can only be set to false")),
        Some(false) => Ok(true),
        None => Ok(false),
    }
}

/// Messages go to an address again until they come back again.
///
/// # Errors
/// 409 where whoever has it asked for no more: only they can take that back.
pub(crate) async fn clear(
    tx: &mut Tx<'_>,
    (channel, address): (Channel, &str),
    now: Timestamp,
) -> Result<(), ApiError> {
    if Troubles::read(tx).await?.stopped(channel, address) {
        return Err(ApiError::conflict(
            "whoever has this address asked for no more messages; only they can take that back, with the word START",
        ));
    }
    troubles::clear(tx, (channel, address), now).await?;
    Ok(())
}
