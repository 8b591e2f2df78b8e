//! How tries ended, recorded together with what follows: what the timeline says, and the next step when nobody can
//! hear of this one.

use std::collections::BTreeSet;

use jiff::Timestamp;
use opsknight_domain::{
    delivery::Purpose,
    directory::{Channel, Directory},
    escalation,
    id::{Fresh, IncidentId, UserId},
    incident::{Entry, EntryKind},
};
use opsknight_store::{
    Store,
    db::{DbError, Tx},
    deliveries::{self, Ending, Finished, Leased},
    effects::Batch,
    incidents, users,
};
use opsknight_web::state::Clock;
use serde_json::json;

/// A try that has ended.
#[derive(Clone)]
pub(super) struct Ended {
    pub(super) leased: Leased,
    pub(super) finished: Finished,
    /// How many other messages were told of in the same.
    pub(super) others: usize,
    /// Until when nothing more may go by this way.
    pub(super) paused_until: Option<Timestamp>,
    /// The address is no more.
    pub(super) gone: bool,
}

/// Records these tries. Those whose lease had been lost are left to who holds it.
pub(super) async fn record(
    tx: &mut Tx<'_>,
    store: &Store,
    clock: &dyn Clock,
    ended: &[Ended],
    now: Timestamp,
) -> Result<(), DbError> {
    if ended.is_empty() {
        return Ok(());
    }
    let picture = store.pictures.current(tx, now).await?;
    let finished: Vec<Finished> = ended.iter().map(|ended| ended.finished.clone()).collect();
    let taken = deliveries::finish(tx, &finished).await?;
    let mut batch = Batch::default();
    let mut fresh = || clock.uuid_v7();
    let mut failed = Failed::default();
    for (ended, _) in ended.iter().zip(taken).filter(|(_, taken)| *taken) {
        let leased = &ended.leased;
        count(leased, &ended.finished);
        by_the_way(tx, ended, now).await?;
        let Some(incident) = leased.incident else { continue };
        if let Some(entry) = entry(ended, &picture.directory) {
            batch.tell(incident, entry, &mut fresh, now);
        }
        match ended.finished.ending {
            Ending::Failed { .. } => failed.note(leased),
            Ending::Sent { .. } if leased.purpose == Purpose::Page && leased.channel == Channel::Slack.word() => {
                batch.page_was_sent(incident, leased.id);
            }
            Ending::Sent { .. } | Ending::Again { .. } | Ending::Skipped { .. } => {}
        }
    }
    batch.write(tx, &mut fresh, now).await?;
    failed.go_on(tx, &picture.directory, &mut fresh, now).await
}

/// What a try leads to besides: a pause, a device that is gone.
async fn by_the_way(tx: &mut Tx<'_>, ended: &Ended, now: Timestamp) -> Result<(), DbError> {
    let leased = &ended.leased;
    if let Some(until) = ended.paused_until {
        match (leased.webhook, leased.user, &leased.address) {
            (Some(webhook), _, _) => deliveries::pause_webhook(tx, webhook, until).await?,
            (None, None, Some(room)) => deliveries::pause_room(tx, &leased.channel, room, until).await?,
            (None, _, _) => {}
        }
    }
    if ended.gone
        && let (Some(channel), Some(address)) = (Channel::from_word(&leased.channel), &leased.address)
    {
        let n = users::delete_address(tx, channel, address, now).await?;
        tracing::info!(delivery.id = %leased.id, "a {} address is gone: removed from {n} people", channel.name());
    }
    Ok(())
}

/// Which of an incident's escalations, and which of its steps.
type Step = (IncidentId, u32, (u32, u32));
/// A page: about which incident, by which of its escalations, to whom, by which step.
type Page = (IncidentId, u32, UserId, Option<(u32, u32)>);

/// Pages that failed for good.
#[derive(Default)]
pub(super) struct Failed {
    /// Pages of the default order, each person once.
    in_order: BTreeSet<Page>,
    steps: BTreeSet<Step>,
}

impl Failed {
    /// Remembers a message that failed, where it is a page.
    pub(super) fn note(&mut self, leased: &Leased) {
        let (Purpose::Page, Some((incident, escalation))) = (leased.purpose, leased.incident.zip(leased.escalation))
        else {
            return;
        };
        self.steps.extend(leased.step.map(|step| (incident, escalation, step)));
        if let Some(user) = leased.user.filter(|_| leased.in_order) {
            self.in_order.insert((incident, escalation, user, leased.step));
        }
    }

    /// Tries the next channel in the place of those that failed, and the next step where nobody can hear of this one.
    pub(super) async fn go_on(
        self,
        tx: &mut Tx<'_>,
        directory: &Directory,
        fresh: &mut impl Fresh,
        now: Timestamp,
    ) -> Result<(), DbError> {
        for (id, escalation, user, step) in self.in_order {
            let (tried, heard) = deliveries::tried_in_order(tx, id, escalation, user, step).await?;
            if heard {
                continue;
            }
            if let Some(incident) = incidents::lock(tx, id).await?
                && let Some(change) = escalation::next_channel(incident, escalation, user, step, &tried, directory, now)
            {
                let mut batch = Batch::default();
                batch.take(change, fresh, now);
                batch.write(tx, fresh, now).await?;
            }
        }
        for (id, escalation, step) in self.steps {
            if deliveries::step_may_be_heard(tx, id, escalation, step).await? {
                continue;
            }
            if let Some(incident) = incidents::lock(tx, id).await?
                && let Some(change) = escalation::unheard(incident, escalation, step, directory, now)
            {
                let mut batch = Batch::default();
                batch.take(change, fresh, now);
                batch.write(tx, fresh, now).await?;
            }
        }
        Ok(())
    }
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
fn entry(ended: &Ended, directory: &Directory) -> Option<Entry> {
    let Ended {
        leased,
        finished,
        others,
        ..
    } = ended;
    let what = what(leased, &finished.provider, directory);
    let (kind, text) = match (&finished.ending, leased.purpose) {
        (Ending::Sent { .. }, Purpose::Webhook)
        | (Ending::Again { .. }, Purpose::Webhook)
        | (_, Purpose::Account | Purpose::Edit) => {
            return None;
        }
        (Ending::Skipped { .. }, Purpose::Webhook) => return None,
        (Ending::Sent { detail, .. }, Purpose::Page | Purpose::Notice) => (
            EntryKind::Sent,
            format!("{what} was taken{}{}", together(*others), said(detail)),
        ),
        (
            Ending::Again {
                outcome: "UNKNOWN",
                detail,
                ..
            },
            Purpose::Page | Purpose::Notice,
        ) => (
            EntryKind::NotSent,
            format!("{what} may or may not have been sent and is sent again{}", said(detail)),
        ),
        (Ending::Again { detail, .. }, Purpose::Page | Purpose::Notice) => (
            EntryKind::NotSent,
            format!("{what} was not taken and is tried again{}", said(detail)),
        ),
        (Ending::Failed { detail, .. }, Purpose::Page | Purpose::Notice | Purpose::Webhook) => {
            (EntryKind::NotSent, format!("{what} failed{}", said(detail)))
        }
        (Ending::Skipped { detail }, Purpose::Page | Purpose::Notice) => {
            (EntryKind::NotSent, format!("{what} was not sent{}", said(detail)))
        }
    };
    let data = json!({ "deliveryId": leased.id.to_string(), "try": leased.tries });
    Some(Entry::system(kind, text).with(data))
}

/// ", in one message with 36 others".
fn together(others: usize) -> String {
    match others {
        0 => String::new(),
        1 => ", in one message with another".to_owned(),
        n => format!(", in one message with {n} others"),
    }
}

/// "Email to Jane by SendGrid", "Webhook Ops room".
pub(super) fn what(leased: &Leased, provider: &str, directory: &Directory) -> String {
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
    let who = match (leased.user, leased.address.as_deref()) {
        (Some(user), _) => directory.user_name(user).to_owned(),
        (None, Some("") | None) => "the default channel".to_owned(),
        (None, Some(room)) => format!("channel {room}"),
    };
    let by = provider_name(provider).map_or_else(String::new, |by| format!(" by {by}"));
    format!("{name} to {who}{by}")
}

/// What people call a provider, where its name says more than the channel's.
fn provider_name(provider: &str) -> Option<&'static str> {
    match provider.split('#').next().unwrap_or_default() {
        "sendgrid" => Some("SendGrid"),
        "resend" => Some("Resend"),
        "ses" => Some("Amazon SES"),
        "smtp" => Some("SMTP"),
        "twilio-sms" | "twilio-voice" | "twilio-whatsapp" => Some("Twilio"),
        "meta-whatsapp" => Some("Meta"),
        "sns" => Some("Amazon SNS"),
        "onesignal" => Some("OneSignal"),
        _ => None,
    }
}

pub(super) fn said(detail: &str) -> String {
    if detail.is_empty() {
        String::new()
    } else {
        format!(": {detail}")
    }
}
