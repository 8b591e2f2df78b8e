//! `/incidents/{id}`: everything about one incident, and what can be done with it.

use askama::Template;
use opsknight_domain::{
    incident::{EntryKind, Status},
    urgency::Urgency,
};

use super::{
    Badge, Field, FormError, Icon, IncidentRow, Link, Person, Select, Shell, Times, errors, icon, markdown::SafeHtml,
};

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
    /// Words by which people find it again, with the list of those that have it.
    pub tags: Vec<Link>,
    /// Made by a test: pages nobody and closes itself.
    pub is_test: bool,
    /// The incident that it was merged into.
    pub merged_into: Option<Link>,
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
    /// Who was asked for help, in that order.
    pub responders: Vec<ResponderRow>,
    /// The story.
    pub story: StoryPart,
    /// The alerts.
    pub alerts: AlertsPart,
    /// What was changed about the service before it ended, newest first.
    pub changes: Vec<ChangeRow>,
    /// Other incidents of the service that began shortly before or after, newest first.
    pub related: Vec<IncidentRow>,
    /// What was sent last and how it ended, newest first.
    pub deliveries: Vec<DeliveryRow>,
    /// What can be done now, by this viewer.
    pub actions: Actions,
    /// The fields of its forms.
    pub forms: IncidentForms,
}

/// The fields of the forms of the page.
#[derive(Debug, Clone)]
pub struct IncidentForms {
    /// `note` of the form for notes.
    pub note: Field,
    /// `assignee` of the form that reassigns: `user:usr_…`, `team:team_…` or empty for nobody.
    pub assign_to: Select,
    /// `title` of the form for details.
    pub title: Field,
    /// `urgency` of the same.
    pub urgency: Select,
    /// `priority` of the same, empty for none.
    pub priority: Select,
    /// `tags` of the same, by comma.
    pub tags: Field,
    /// `who` of the form that asks for help.
    pub who: Select,
    /// `message` of the same.
    pub message: Field,
    /// `into` of the form that merges: a number, with whatever stands behind it.
    pub into: Field,
    /// What is proposed for it: incidents that are live and near.
    pub into_choices: Vec<String>,
}

/// A part of the story, and where the others are.
#[derive(Debug, Clone)]
pub struct StoryPart {
    /// The sentences, oldest first.
    pub entries: Vec<Story>,
    /// Only what people did is told.
    pub by_people: bool,
    /// The whole story.
    pub all_href: String,
    /// Only what people did.
    pub people_href: String,
    /// What was before.
    pub older: Option<String>,
    /// The end of the story, where this is not it.
    pub newest: Option<String>,
}

/// Some of the alerts, and where the others are.
#[derive(Debug, Clone)]
pub struct AlertsPart {
    /// The alerts, newest first.
    pub rows: Vec<AlertView>,
    /// How many there are in all.
    pub count: u64,
    /// Those that came in before.
    pub older: Option<String>,
    /// The newest ones, where these are not they.
    pub newest: Option<String>,
}

/// Somebody who was asked for help.
#[derive(Debug, Clone)]
pub struct ResponderRow {
    /// Who.
    pub person: Person,
    /// When they were asked.
    pub asked: Times,
    /// Who asked.
    pub asked_by: String,
    /// Why this person; empty where they were named themselves.
    pub why: String,
    /// What they were told.
    pub message: Option<String>,
    /// By which channels they were paged, and how that ended.
    pub ways: Vec<(String, Badge)>,
}

/// `/incidents/{id}/notes/{entry}`
#[derive(Debug, Clone, Template)]
#[template(path = "incidents/note.html")]
pub struct NotePage {
    /// Around the page.
    pub shell: Shell,
    /// The incident.
    pub incident: Link,
    /// Where the form goes.
    pub action: String,
    /// `note`
    pub note: Field,
}

impl NotePage {
    /// What is wrong, in order.
    #[must_use]
    pub fn errors(&self) -> Vec<FormError> {
        errors([&self.note])
    }
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
    /// Reassign, change details.
    pub edit: bool,
    /// Run the next step at once.
    pub escalate: bool,
    /// Ask further people for help, merge.
    pub call: bool,
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
            edit: may_work,
            escalate: live && matches!(status, Status::Open),
            call: live,
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
    /// Its identity.
    pub id: String,
    /// What kind of thing it tells.
    pub kind: EntryKind,
    /// Who wrote it, for a note: every other sentence names them itself.
    pub actor: Option<String>,
    /// The sentence.
    pub text: String,
    /// What was written, for a note.
    pub note: Option<SafeHtml>,
    /// When its author last changed it.
    pub edited: Option<Times>,
    /// Where the viewer may change it.
    pub edit_href: Option<String>,
    /// The messages by which somebody is paged, where the sentence says that they are.
    pub pages: Vec<PageView>,
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
            EntryKind::Note | EntryKind::NoteDeleted => "note",
            EntryKind::Merged => "link",
            EntryKind::ResponderAdded => "team",
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
            | EntryKind::NoteDeleted
            | EntryKind::Merged
            | EntryKind::ResponderAdded
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
    /// The incident that it was received for, where that one was merged into this.
    pub merged_from: Option<Link>,
    /// Its fields, in their order.
    pub fields: Vec<(String, String)>,
    /// The whole of what was received.
    pub event_href: Option<String>,
}

/// A message by which somebody is paged.
#[derive(Debug, Clone)]
pub struct PageView {
    /// "Email".
    pub channel: String,
    /// The address, shortened where it holds a secret.
    pub address: String,
    /// What became of it.
    pub outcome: Badge,
    /// The provider's own words, or why it was not sent.
    pub words: String,
    /// How many times it was tried.
    pub tries: u32,
    /// When that happened, or when it is due.
    pub at: Times,
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
