//! `/incidents/{id}`: everything about one incident, and what can be done with it.

use askama::Template;
use opsknight_domain::{
    incident::{EntryKind, Status},
    urgency::Urgency,
};

use super::{Badge, Field, Icon, Link, Person, Select, Shell, Times, icon};

/// `/incidents/{id}`
#[derive(Debug, Clone, Template)]
#[template(path = "incidents/show.html")]
pub struct IncidentPage {
    /// Around the page.
    pub shell: Shell,
    /// Its identity.
    pub id: String,
    /// Its number.
    pub number: i64,
    /// One line.
    pub title: String,
    /// More text.
    pub description: Option<String>,
    /// Where it stands.
    pub status: Status,
    /// How soon people must look.
    pub urgency: Urgency,
    /// `P1` to `P5`.
    pub priority: Option<String>,
    /// Made by a test: pages nobody and closes itself.
    pub is_test: bool,
    /// The service.
    pub service: Link,
    /// Who works on it.
    pub assignee: Option<Person>,
    /// The team it is assigned to.
    pub team: Option<Link>,
    /// The policy by which it escalates.
    pub policy: Option<Link>,
    /// Names the problem within its service.
    pub dedup_key: String,
    /// When it began.
    pub created: Times,
    /// When it was acknowledged.
    pub acknowledged: Option<Times>,
    /// When it was resolved.
    pub resolved: Option<Times>,
    /// When a snooze ends.
    pub snoozed_until: Option<Times>,
    /// By when it should be acknowledged, and whether that time has passed.
    pub ack_due: Option<(Times, bool)>,
    /// By when it should be resolved, and whether that time has passed.
    pub resolve_due: Option<(Times, bool)>,
    /// The runbook, links of alerts.
    pub links: Vec<Link>,
    /// Images of alerts: where they lie (`https`), what they show.
    pub images: Vec<Link>,
    /// What will happen next and when, in order; empty: nothing will.
    pub next: Vec<NextUp>,
    /// Why nothing will happen, where nothing will: "Escalation has ended: every step was tried."
    pub nothing_next: String,
    /// The story, oldest first.
    pub timeline: Vec<Story>,
    /// The alerts, newest first.
    pub alerts: Vec<AlertView>,
    /// How many alerts there are in all.
    pub alert_count: u64,
    /// What was changed about the service before it ended, newest first.
    pub changes: Vec<ChangeRow>,
    /// What was sent and how it ended, newest first.
    pub deliveries: Vec<DeliveryRow>,
    /// What can be done now, by this viewer.
    pub actions: Actions,
    /// `note` of the form for notes.
    pub note: Field,
    /// `assignee` of the form that reassigns: `user:usr_…`, `team:team_…` or empty for nobody.
    pub assign_to: Select,
    /// `urgency` of the form that changes it.
    pub new_urgency: Select,
}

/// Something that was deployed or configured.
#[derive(Debug, Clone)]
pub struct ChangeRow {
    /// One line.
    pub summary: String,
    /// Where it was changed.
    pub source: Option<String>,
    /// When, by the sender's clock where it says so.
    pub at: Times,
    /// Links that the sender gave along.
    pub links: Vec<Link>,
}

/// What can be done with an incident in its state, by somebody of this role.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Actions {
    /// Acknowledge.
    pub acknowledge: bool,
    /// Resolve.
    pub resolve: bool,
    /// Reopen.
    pub reopen: bool,
    /// Snooze.
    pub snooze: bool,
    /// Suppress.
    pub suppress: bool,
    /// Reassign, change the urgency.
    pub edit: bool,
    /// Write a note.
    pub note: bool,
}

impl Actions {
    /// What a state allows somebody who may work on incidents; nothing to everybody else.
    #[must_use]
    pub const fn of(status: Status, may_work: bool) -> Self {
        let live = may_work && !matches!(status, Status::Resolved);
        Self {
            acknowledge: live && matches!(status, Status::Open),
            resolve: live,
            reopen: may_work && !matches!(status, Status::Open),
            snooze: live,
            suppress: live && !matches!(status, Status::Suppressed),
            edit: live,
            note: may_work,
        }
    }
}

/// One thing that will happen.
#[derive(Debug, Clone)]
pub struct NextUp {
    /// When.
    pub at: Times,
    /// What: "Page Jane Doe by email, then whoever is on call on Platform".
    pub text: String,
}

/// One sentence of the story.
#[derive(Debug, Clone)]
pub struct Story {
    /// What kind of thing it tells.
    pub kind: EntryKind,
    /// Who wrote it, for a note: every other sentence names them itself.
    pub actor: Option<String>,
    /// The sentence.
    pub text: String,
    /// What was written, for a note.
    pub note: Option<String>,
    /// When.
    pub at: Times,
}

impl Story {
    /// The shape beside the sentence.
    #[must_use]
    pub const fn icon(&self) -> Icon {
        icon(match self.kind {
            EntryKind::Triggered => "open",
            EntryKind::AlertAdded => "plus",
            EntryKind::Acknowledged => "acknowledged",
            EntryKind::Resolved => "resolved",
            EntryKind::Reopened => "open",
            EntryKind::Snoozed => "snoozed",
            EntryKind::Suppressed => "suppressed",
            EntryKind::Escalated => "policy",
            EntryKind::Paged => "bell",
            EntryKind::NotPaged => "bell-off",
            EntryKind::Exhausted | EntryKind::SlaBreached | EntryKind::NotSent => "alert",
            EntryKind::UrgencyChanged => "up-down",
            EntryKind::Edited => "pencil",
            EntryKind::Reassigned => "user",
            EntryKind::Note => "note",
            EntryKind::Sent | EntryKind::Delivered => "send",
            EntryKind::Repaired => "wrench",
        })
    }

    /// The colour beside the sentence: that of the status it led to, red for what failed.
    #[must_use]
    pub const fn tone(&self) -> &'static str {
        match self.kind {
            EntryKind::Triggered
            | EntryKind::Reopened
            | EntryKind::Exhausted
            | EntryKind::SlaBreached
            | EntryKind::NotSent => "open",
            EntryKind::Acknowledged => "acknowledged",
            EntryKind::Resolved => "resolved",
            EntryKind::AlertAdded
            | EntryKind::Snoozed
            | EntryKind::Suppressed
            | EntryKind::Escalated
            | EntryKind::Paged
            | EntryKind::NotPaged
            | EntryKind::UrgencyChanged
            | EntryKind::Edited
            | EntryKind::Reassigned
            | EntryKind::Note
            | EntryKind::Sent
            | EntryKind::Delivered
            | EntryKind::Repaired => "quiet",
        }
    }
}

/// An alert with what it said.
#[derive(Debug, Clone)]
pub struct AlertView {
    /// Its identity.
    pub id: String,
    /// One line.
    pub summary: String,
    /// `critical`, `error`, `warning`, `info`.
    pub severity: String,
    /// What the sender wanted: `trigger`, `acknowledge`, `resolve`.
    pub action: String,
    /// Through which integration it came.
    pub from: Link,
    /// When it came in.
    pub received: Times,
    /// Its fields, in their order.
    pub fields: Vec<(String, String)>,
    /// The body as it was received, shortened to what a page may hold.
    pub raw: String,
    /// The whole of what was received, where the body was shortened.
    pub event_href: String,
}

/// A message and how it ended.
#[derive(Debug, Clone)]
pub struct DeliveryRow {
    /// Its identity.
    pub id: String,
    /// Who or which webhook.
    pub to: String,
    /// "Email", "Webhook".
    pub channel: String,
    /// The address, shortened where it holds a secret.
    pub address: String,
    /// "Page", "Notice".
    pub purpose: String,
    /// Waiting, Sent, Failed, Called off.
    pub outcome: Badge,
    /// The provider's own words, or why it was called off.
    pub words: String,
    /// How many times it was tried.
    pub tries: u32,
    /// When it was decided on, or when it is due.
    pub at: Times,
    /// The incident it is about.
    pub incident: Option<Link>,
}
