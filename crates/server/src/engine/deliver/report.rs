//! What providers report of messages that they took: that they have arrived, or that they have not after all.
//!
//! A report changes only what is known of the message and of its address, and what follows from that: the next channel,
//! the next step. It comes from outside, so it may come late, twice, or never.

use std::sync::Arc;

use jiff::Timestamp;
use opsknight_domain::{
    delivery::Purpose,
    directory::{Channel, Directory, Trouble},
    id::{DeliveryId, Fresh},
    incident::{Entry, EntryKind},
};
use opsknight_store::{
    Store,
    db::{DbError, Tx},
    deliveries::{self, Leased, Name},
    effects::Batch,
    troubles,
};
use opsknight_web::state::Clock;
use serde_json::json;

use super::consequence::{Failed, said, what};

/// What a provider reports.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Reported {
    /// It has arrived.
    Arrived,
    /// It was read.
    Read,
    /// Whoever reads it wants no such messages and has said so to the provider.
    Complained,
    /// It has not arrived and will not.
    Lost {
        /// The provider's words.
        why: String,
        /// The address itself is wrong: nothing will arrive there.
        for_good: bool,
    },
}

/// A report about one message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Report {
    /// Which message.
    pub name: Name,
    /// What became of it.
    pub what: Reported,
    /// Where it went, as the provider says: for a message that is not known any more.
    pub address: Option<(Channel, String)>,
}

/// Takes reports in. Says about how many messages they were.
///
/// # Errors
/// When the database cannot take it: the provider is to report again.
pub async fn report(store: &Store, clock: &Arc<dyn Clock>, reports: Vec<Report>) -> Result<usize, DbError> {
    let (now, clock, pictures) = (clock.now(), clock.clone(), store.pictures.clone());
    let unit = async move |tx: &mut Tx<'_>| {
        let picture = pictures.current(tx, now).await?;
        let mut fresh = || clock.uuid_v7();
        let mut known = 0;
        for report in &reports {
            known += take(tx, report, &picture.directory, &mut fresh, now).await?;
        }
        Ok::<_, DbError>(known)
    };
    store.db.write(unit).await
}

async fn take(
    tx: &mut Tx<'_>,
    report: &Report,
    directory: &Directory,
    fresh: &mut impl Fresh,
    now: Timestamp,
) -> Result<usize, DbError> {
    let arrived = match report.what {
        Reported::Arrived | Reported::Read | Reported::Complained => true,
        Reported::Lost { .. } => false,
    };
    let sent = deliveries::lock_sent(tx, &report.name, arrived).await?;
    let ids: Vec<DeliveryId> = sent.iter().map(|leased| leased.id).collect();
    let (kind, words, news) = match &report.what {
        Reported::Arrived | Reported::Read => {
            let news = deliveries::mark_delivered(tx, &ids, now).await?;
            let verb = if report.what == Reported::Read {
                "was read"
            } else {
                "has arrived"
            };
            (EntryKind::Delivered, verb.to_owned(), news)
        }
        Reported::Complained => (EntryKind::Delivered, String::new(), Vec::new()),
        Reported::Lost { why, .. } => {
            deliveries::mark_lost(tx, &ids, why, now).await?;
            (EntryKind::NotSent, format!("has not arrived{}", said(why)), ids)
        }
    };
    let mut batch = Batch::default();
    let mut failed = Failed::default();
    for leased in sent.iter().filter(|leased| news.contains(&leased.id)) {
        if kind == EntryKind::NotSent {
            failed.note(leased);
        }
        if let (Some(incident), Purpose::Page | Purpose::Notice) = (leased.incident, leased.purpose) {
            let provider = leased.provider.as_deref().unwrap_or_default();
            let text = format!("{} {words}", what(leased, provider, directory));
            let data = json!({ "deliveryId": leased.id.to_string(), "try": leased.tries });
            batch.tell(incident, Entry::system(kind, text).with(data), fresh, now);
        }
    }
    note_trouble(tx, report, &sent, directory, now).await?;
    batch.write(tx, fresh, now).await?;
    failed.go_on(tx, directory, fresh, now).await?;
    Ok(sent.len())
}

/// What the report says of the address.
async fn note_trouble(
    tx: &mut Tx<'_>,
    report: &Report,
    sent: &[Leased],
    directory: &Directory,
    now: Timestamp,
) -> Result<(), DbError> {
    let known = sent.first().and_then(|leased| {
        let channel = Channel::from_word(&leased.channel)?;
        Some((channel, leased.address.as_deref()?))
    });
    let told = report
        .address
        .as_ref()
        .map(|(channel, address)| (*channel, address.as_str()));
    let Some((channel, address)) = known.or(told) else {
        return Ok(());
    };
    match &report.what {
        Reported::Lost { why, for_good: true } => {
            troubles::note(tx, (channel, address), Trouble::Failing, why, now).await?;
        }
        Reported::Complained => {
            let why = "its reader has reported our mail as unwanted";
            troubles::note(tx, (channel, address), Trouble::Failing, why, now).await?;
        }
        Reported::Lost { for_good: false, .. } => {}
        // What has come back did not arrive, even if it was said to have: reports overtake each other.
        Reported::Arrived | Reported::Read => {
            if !sent.is_empty() && directory.trouble(channel, address) == Some(Trouble::Failing) {
                troubles::clear(tx, (channel, address), now).await?;
            }
        }
    }
    Ok(())
}
