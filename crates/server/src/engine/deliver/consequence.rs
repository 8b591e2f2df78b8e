//! How tries ended, recorded together with what follows: what the timeline says, and the next step when nobody can
//! hear of this one.

use std::collections::BTreeSet;

use jiff::Timestamp;
use opsknight_domain::{
    delivery::Purpose,
    directory::{Channel, Directory},
    escalation,
    id::IncidentId,
    incident::{Entry, EntryKind},
};
use opsknight_store::{
    Store,
    db::{DbError, Tx},
    deliveries::{self, Ending, Finished, Leased},
    effects::Batch,
    incidents,
};
use opsknight_web::state::Clock;
use serde_json::json;

/// Records these tries. Those whose lease had been lost are left to who holds it.
pub(super) async fn record(
    tx: &mut Tx<'_>,
    store: &Store,
    clock: &dyn Clock,
    ended: &[(Leased, Finished)],
    now: Timestamp,
) -> Result<(), DbError> {
    if ended.is_empty() {
        return Ok(());
    }
    let picture = store.pictures.current(tx, now).await?;
    let finished: Vec<Finished> = ended.iter().map(|(_, finished)| finished.clone()).collect();
    let taken = deliveries::finish(tx, &finished).await?;
    let mut batch = Batch::default();
    let mut fresh = || clock.uuid_v7();
    let mut failed: BTreeSet<(IncidentId, (u32, u32))> = BTreeSet::new();
    for ((leased, finished), _) in ended.iter().zip(taken).filter(|(_, taken)| *taken) {
        count(leased, finished);
        let Some(incident) = leased.incident else { continue };
        if let Some(entry) = entry(leased, finished, &picture.directory) {
            batch.tell(incident, entry, &mut fresh, now);
        }
        if leased.purpose == Purpose::Page
            && let (Some(step), Ending::Failed { .. }) = (leased.step, &finished.ending)
        {
            failed.insert((incident, step));
        }
    }
    for (id, step) in failed {
        if deliveries::step_may_be_heard(tx, id, step).await? {
            continue;
        }
        if let Some(incident) = incidents::lock(tx, id).await?
            && let Some(change) = escalation::unheard(incident, step, &picture.directory, now)
        {
            batch.take(change, &mut fresh, now);
        }
    }
    batch.write(tx, now).await?;
    Ok(())
}

fn count(leased: &Leased, finished: &Finished) {
    let outcome = match &finished.ending {
        Ending::Sent { .. } => "sent",
        Ending::Again { .. } => "again",
        Ending::Failed { .. } => "failed",
        Ending::Skipped { .. } => "skipped",
    };
    metrics::counter!("opsknight_deliveries_total", "channel" => leased.channel.clone(), "outcome" => outcome)
        .increment(1);
}

/// What the timeline says of it. Webhooks are told of only when they fail: their deliveries have a list of their own.
fn entry(leased: &Leased, finished: &Finished, directory: &Directory) -> Option<Entry> {
    let (kind, text) = match (&finished.ending, leased.purpose) {
        (Ending::Sent { .. }, Purpose::Webhook) | (Ending::Again { .. }, Purpose::Webhook) | (_, Purpose::Account) => {
            return None;
        }
        (Ending::Skipped { .. }, Purpose::Webhook) => return None,
        (Ending::Sent { detail, .. }, Purpose::Page | Purpose::Notice) => (
            EntryKind::Sent,
            format!("{} was taken by the provider{}", what(leased, directory), said(detail)),
        ),
        (
            Ending::Again {
                outcome: "UNKNOWN",
                detail,
                ..
            },
            Purpose::Page | Purpose::Notice,
        ) => {
            let what = what(leased, directory);
            (
                EntryKind::NotSent,
                format!("{what} may or may not have been sent and is sent again{}", said(detail)),
            )
        }
        (Ending::Again { detail, .. }, Purpose::Page | Purpose::Notice) => (
            EntryKind::NotSent,
            format!(
                "{} was not taken and is tried again{}",
                what(leased, directory),
                said(detail)
            ),
        ),
        (Ending::Failed { detail, .. }, Purpose::Page | Purpose::Notice | Purpose::Webhook) => (
            EntryKind::NotSent,
            format!("{} failed{}", what(leased, directory), said(detail)),
        ),
        (Ending::Skipped { detail }, Purpose::Page | Purpose::Notice) => (
            EntryKind::NotSent,
            format!("{} was not sent{}", what(leased, directory), said(detail)),
        ),
    };
    let data = json!({ "deliveryId": leased.id.to_string(), "try": leased.tries });
    Some(Entry::system(kind, text).with(data))
}

/// "email to Jane", "webhook Ops room".
fn what(leased: &Leased, directory: &Directory) -> String {
    if let Some(id) = leased.webhook {
        let webhook = directory.webhooks.iter().find(|webhook| webhook.id == id);
        return format!(
            "Webhook {}",
            webhook.map_or("that was removed", |webhook| webhook.name.as_str())
        );
    }
    let channel = Channel::from_word(&leased.channel).map_or("Message", Channel::name);
    let mut name = channel.to_owned();
    if let Some(first) = name.get_mut(0..1) {
        first.make_ascii_uppercase();
    }
    let who = leased.user.map_or("somebody", |user| directory.user_name(user));
    format!("{name} to {who}")
}

fn said(detail: &str) -> String {
    if detail.is_empty() {
        String::new()
    } else {
        format!(": {detail}")
    }
}
