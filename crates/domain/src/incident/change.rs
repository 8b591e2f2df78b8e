//! What a decision about an incident leads to: the incident as it will be, what its timeline says, and what is sent.

use jiff::Timestamp;
use serde_json::{Value, json};

use super::{Actor, Happening, Incident, NewResponder};
use crate::{
    delivery::Purpose,
    directory::{Channel, Directory},
    id::{UserId, WebhookId},
    paging,
};

/// What kind of thing a timeline entry tells.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum EntryKind {
    /// The incident was opened.
    Triggered,
    /// Another alert came in.
    AlertAdded,
    /// Somebody acknowledged.
    Acknowledged,
    /// It was resolved.
    Resolved,
    /// It is open again.
    Reopened,
    /// It was put off.
    Snoozed,
    /// It was put out of sight.
    Suppressed,
    /// A step of the policy was run.
    Escalated,
    /// A person is being paged.
    Paged,
    /// Somebody or a channel was not used, and why.
    NotPaged,
    /// Escalation has ended without an answer.
    Exhausted,
    /// The urgency changed.
    UrgencyChanged,
    /// A field was edited.
    Edited,
    /// Somebody else is to work on it.
    Reassigned,
    /// A person wrote a note.
    Note,
    /// A target was missed.
    SlaBreached,
    /// A provider took a message.
    Sent,
    /// A provider says that a message has arrived.
    Delivered,
    /// A message could not be sent.
    NotSent,
    /// The auditor mended something.
    Repaired,
    /// Two incidents became one.
    Merged,
    /// Further people were asked for help.
    ResponderAdded,
    /// A note was taken away by whoever wrote it.
    NoteDeleted,
}

impl EntryKind {
    /// All of them.
    pub const ALL: [Self; 23] = [
        Self::Triggered,
        Self::AlertAdded,
        Self::Acknowledged,
        Self::Resolved,
        Self::Reopened,
        Self::Snoozed,
        Self::Suppressed,
        Self::Escalated,
        Self::Paged,
        Self::NotPaged,
        Self::Exhausted,
        Self::UrgencyChanged,
        Self::Edited,
        Self::Reassigned,
        Self::Note,
        Self::SlaBreached,
        Self::Sent,
        Self::Delivered,
        Self::NotSent,
        Self::Repaired,
        Self::Merged,
        Self::ResponderAdded,
        Self::NoteDeleted,
    ];

    /// The stored word.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Triggered => "TRIGGERED",
            Self::AlertAdded => "ALERT_ADDED",
            Self::Acknowledged => "ACKNOWLEDGED",
            Self::Resolved => "RESOLVED",
            Self::Reopened => "REOPENED",
            Self::Snoozed => "SNOOZED",
            Self::Suppressed => "SUPPRESSED",
            Self::Escalated => "ESCALATED",
            Self::Paged => "PAGED",
            Self::NotPaged => "NOT_PAGED",
            Self::Exhausted => "EXHAUSTED",
            Self::UrgencyChanged => "URGENCY_CHANGED",
            Self::Edited => "EDITED",
            Self::Reassigned => "REASSIGNED",
            Self::Note => "NOTE",
            Self::SlaBreached => "SLA_BREACHED",
            Self::Sent => "SENT",
            Self::Delivered => "DELIVERED",
            Self::NotSent => "NOT_SENT",
            Self::Repaired => "REPAIRED",
            Self::Merged => "MERGED",
            Self::ResponderAdded => "RESPONDER_ADDED",
            Self::NoteDeleted => "NOTE_DELETED",
        }
    }

    /// Reads a stored word.
    #[must_use]
    pub fn from_word(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.word() == word)
    }
}

/// One sentence of an incident's story.
#[derive(Debug, Clone, PartialEq)]
pub struct Entry {
    /// What kind of thing it tells.
    pub kind: EntryKind,
    /// Who did it.
    pub actor: Actor,
    /// The sentence, as it was true at the time.
    pub text: String,
    /// The same for programs, an object; null where the sentence says all.
    pub data: Value,
}

impl Entry {
    /// A sentence about what the program did by its own rules.
    #[must_use]
    pub fn system(kind: EntryKind, text: impl Into<String>) -> Self {
        Self {
            kind,
            actor: Actor::System,
            text: text.into(),
            data: Value::Null,
        }
    }

    /// A sentence about what somebody did.
    #[must_use]
    pub fn by(kind: EntryKind, actor: &Actor, text: impl Into<String>) -> Self {
        Self {
            kind,
            actor: actor.clone(),
            text: text.into(),
            data: Value::Null,
        }
    }

    /// The same entry with data for programs.
    #[must_use]
    pub fn with(mut self, data: Value) -> Self {
        self.data = data;
        self
    }
}

/// By which way a message goes out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Route {
    /// To a person on a channel.
    Person {
        /// Who.
        user: UserId,
        /// On which channel.
        channel: Channel,
        /// At which address.
        address: String,
    },
    /// To a conversation that many people read.
    Room {
        /// On which channel.
        channel: Channel,
        /// Which conversation; empty: the default one.
        address: String,
    },
    /// To an outbound webhook.
    Webhook(WebhookId),
}

/// A message that was decided on. The store gives it its identity.
#[derive(Debug, Clone, PartialEq)]
pub struct NewDelivery {
    /// What kind of message it is.
    pub purpose: Purpose,
    /// Which way it goes.
    pub route: Route,
    /// What it tells of.
    pub happening: Happening,
    /// When it is to be sent; a page's later messages wait in case somebody acknowledges.
    pub due_at: Timestamp,
    /// For a page of an escalation step: which round and step, both from 0.
    pub step: Option<(u32, u32)>,
    /// Why this receiver is told.
    pub reason: String,
    /// It follows the default order of channels: when this one does not take it, the next one is tried.
    pub in_order: bool,
}

/// What a decision leads to: all of it is committed together.
#[derive(Debug, Clone, PartialEq)]
pub struct Change {
    /// The incident as it will be.
    pub incident: Incident,
    /// What the timeline will say, in order.
    pub entries: Vec<Entry>,
    /// Messages to send.
    pub deliveries: Vec<NewDelivery>,
    /// Pages of this incident that have not been sent are called off, for this reason.
    pub call_off_pages: Option<&'static str>,
    /// People who were asked for help.
    pub responders: Vec<NewResponder>,
    /// The tags are others than before.
    pub retagged: bool,
}

impl Change {
    /// A change of nothing yet.
    #[must_use]
    pub const fn of(incident: Incident) -> Self {
        Self {
            incident,
            entries: Vec::new(),
            deliveries: Vec::new(),
            call_off_pages: None,
            responders: Vec::new(),
            retagged: false,
        }
    }

    /// Tells the outbound webhooks and the service's own people that something happened. Tests tell nobody.
    pub(crate) fn tell(&mut self, happening: Happening, directory: &Directory, now: Timestamp) {
        if self.incident.is_test {
            return;
        }
        let service = self.incident.service;
        let webhooks = directory
            .webhooks
            .iter()
            .filter(|webhook| webhook.wants(happening, service));
        self.deliveries.extend(webhooks.map(|webhook| NewDelivery {
            purpose: Purpose::Webhook,
            route: Route::Webhook(webhook.id),
            happening,
            due_at: now,
            step: None,
            reason: format!("webhook {} asks for {}", webhook.name, happening.word()),
            in_order: false,
        }));
        let notices = paging::notices(directory, service, happening, now);
        self.deliveries.extend(notices);
    }

    /// Leaves out the news for whoever is paged at the same address at once: one message says it all.
    pub(crate) fn tell_nobody_twice(&mut self) {
        let paged: Vec<Route> = self
            .deliveries
            .iter()
            .filter(|delivery| delivery.purpose == Purpose::Page)
            .map(|delivery| delivery.route.clone())
            .collect();
        self.deliveries
            .retain(|delivery| delivery.purpose != Purpose::Notice || !paged.contains(&delivery.route));
    }

    /// Adds a page to one person, with an entry for what is sent and one for what is not. True when it reaches them.
    pub(crate) fn page(
        &mut self,
        user: UserId,
        why: &str,
        step: Option<(u32, u32)>,
        channels: &[Channel],
        directory: &Directory,
        now: Timestamp,
    ) -> bool {
        let plan = paging::plan(directory, user, self.incident.urgency, channels, now);
        let name = directory.user_name(user);
        for skipped in &plan.skipped {
            let what = skipped
                .channel
                .map_or_else(String::new, |channel| format!(" by {}", channel.name()));
            let text = format!("{name} is not paged{what}: {}", skipped.why);
            self.entries
                .push(Entry::system(EntryKind::NotPaged, text).with(json!({ "userId": user.to_string() })));
        }
        if plan.sends.is_empty() {
            return false;
        }
        let ways: Vec<String> = plan.sends.iter().map(|send| send.describe(now)).collect();
        let text = format!("Paging {name} by {} ({why})", ways.join(", then "));
        self.entries
            .push(Entry::system(EntryKind::Paged, text).with(json!({ "userId": user.to_string() })));
        self.send_page(user, plan.sends, step, why);
        true
    }

    /// Adds the messages of a page.
    pub(crate) fn send_page(&mut self, user: UserId, sends: Vec<paging::Send>, step: Option<(u32, u32)>, why: &str) {
        self.deliveries.extend(sends.into_iter().map(|send| NewDelivery {
            purpose: Purpose::Page,
            route: Route::Person {
                user,
                channel: send.channel,
                address: send.address,
            },
            happening: Happening::Triggered,
            due_at: send.due_at,
            step,
            reason: why.to_owned(),
            in_order: send.in_order,
        }));
    }
}
