//! An incident: its states, what may be done to it, and what each thing that is done leads to.
//!
//! Every function returns a [`Change`]: the incident as it will be, with the timeline entries, messages and
//! cancellations that belong to it. Nothing here stores or sends; what is decided is committed together.

use jiff::Timestamp;
use serde_json::Value;

use crate::{
    event::{Image, Link},
    id::{IncidentId, PolicyId, ServiceId, TeamId, UserId},
    sla::Clocks,
    urgency::Urgency,
};

mod actions;
mod change;
mod mention;
mod merge;
mod opening;
mod responders;
mod tags;

pub use actions::{Edit, Refusal};
pub use change::{Change, Entry, EntryKind, NewDelivery, Route};
pub use mention::{MENTIONED_MAX, ats, mentioned};
pub use merge::Merged;
pub use opening::{Manual, OpenedBy};
pub use responders::{CALLED_MAX, Call, MESSAGE_CHARS_MAX, NewResponder};
pub use tags::{TAG_CHARS_MAX, TAGS_MAX, tags};

/// How long a test incident stays before it closes itself, in seconds.
pub const TEST_CLOSES_AFTER_S: i64 = 5;
/// How long a test page waits for its answer before it closes itself, in seconds.
pub const TEST_PAGE_CLOSES_AFTER_S: i64 = 3_600;
/// Longest snooze, in minutes: thirty days.
pub const SNOOZE_MINUTES_MAX: i64 = 30 * 24 * 60;
/// Longest title, in characters.
pub const TITLE_CHARS_MAX: usize = 1024;
/// Longest note, in characters.
pub const NOTE_CHARS_MAX: usize = 20_000;

/// Where an incident stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Status {
    /// Nobody has answered; escalation runs.
    Open,
    /// Somebody works on it.
    Acknowledged,
    /// Put off until a time.
    Snoozed,
    /// Kept out of sight until somebody reopens it.
    Suppressed,
    /// Over.
    Resolved,
}

impl Status {
    /// All of them.
    pub const ALL: [Self; 5] = [
        Self::Open,
        Self::Acknowledged,
        Self::Snoozed,
        Self::Suppressed,
        Self::Resolved,
    ];

    /// The word of the contract: `OPEN`, `ACKNOWLEDGED`, `SNOOZED`, `SUPPRESSED`, `RESOLVED`.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Open => "OPEN",
            Self::Acknowledged => "ACKNOWLEDGED",
            Self::Snoozed => "SNOOZED",
            Self::Suppressed => "SUPPRESSED",
            Self::Resolved => "RESOLVED",
        }
    }

    /// Reads a word of the contract.
    #[must_use]
    pub fn from_word(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|status| status.word() == word)
    }
}

/// What can happen to an incident that others are told of.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Happening {
    /// It was opened.
    Triggered,
    /// Somebody acknowledged it.
    Acknowledged,
    /// It was resolved.
    Resolved,
    /// Nobody acknowledged in time and the next step was run.
    Escalated,
    /// Somebody else is to work on it.
    Reassigned,
    /// It was put off.
    Snoozed,
    /// It is open again.
    Reopened,
    /// Somebody wrote a note.
    NoteAdded,
    /// A target of the service was missed.
    SlaBreached,
}

impl Happening {
    /// All of them.
    pub const ALL: [Self; 9] = [
        Self::Triggered,
        Self::Acknowledged,
        Self::Resolved,
        Self::Escalated,
        Self::Reassigned,
        Self::Snoozed,
        Self::Reopened,
        Self::NoteAdded,
        Self::SlaBreached,
    ];

    /// The name on the wire: `incident.triggered` and so on.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Triggered => "incident.triggered",
            Self::Acknowledged => "incident.acknowledged",
            Self::Resolved => "incident.resolved",
            Self::Escalated => "incident.escalated",
            Self::Reassigned => "incident.reassigned",
            Self::Snoozed => "incident.snoozed",
            Self::Reopened => "incident.reopened",
            Self::NoteAdded => "incident.note_added",
            Self::SlaBreached => "incident.sla_breached",
        }
    }

    /// Reads a name on the wire.
    #[must_use]
    pub fn from_word(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|happening| happening.word() == word)
    }
}

/// Who did something.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Actor {
    /// This program, by its own rules.
    System,
    /// A monitoring tool through an integration. The name only: the identity is a secret.
    Integration {
        /// The integration's name.
        name: String,
    },
    /// A person, signed in or by a signed link.
    User {
        /// Who.
        id: UserId,
        /// Their name.
        name: String,
    },
    /// A program with an API key.
    ApiKey {
        /// The key's name.
        name: String,
    },
}

impl Actor {
    /// The stored word for the kind of actor.
    #[must_use]
    pub const fn kind(&self) -> &'static str {
        match self {
            Self::System => "SYSTEM",
            Self::Integration { .. } => "INTEGRATION",
            Self::User { .. } => "USER",
            Self::ApiKey { .. } => "API_KEY",
        }
    }

    /// The name to show.
    #[must_use]
    pub fn name(&self) -> &str {
        match self {
            Self::System => "OpsKnight",
            Self::Integration { name } | Self::User { name, .. } | Self::ApiKey { name } => name,
        }
    }

    /// The person, where it is one.
    #[must_use]
    pub const fn user(&self) -> Option<UserId> {
        match self {
            Self::User { id, .. } => Some(*id),
            Self::System | Self::Integration { .. } | Self::ApiKey { .. } => None,
        }
    }
}

/// How far escalation has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Progress {
    /// Which time the steps are gone through, from 0.
    pub round: u32,
    /// The next step to run, from 0.
    pub next_step: u32,
    /// When it runs; none: escalation stands still or has ended.
    pub due: Option<Timestamp>,
}

/// An incident with all that decisions about it need.
#[derive(Debug, Clone, PartialEq)]
pub struct Incident {
    /// Its identity.
    pub id: IncidentId,
    /// Its number, which people say aloud; 0 until it is stored.
    pub number: i64,
    /// One line.
    pub title: String,
    /// More text.
    pub description: Option<String>,
    /// Where it stands.
    pub status: Status,
    /// How soon people must look.
    pub urgency: Urgency,
    /// `P1` to `P5`, where somebody set one.
    pub priority: Option<String>,
    /// Words by which people find it again, in lower case.
    pub tags: Vec<String>,
    /// Made by a test: pages nobody and closes itself.
    pub is_test: bool,
    /// Names the problem within its service.
    pub dedup_key: String,
    /// The service it belongs to.
    pub service: ServiceId,
    /// Who works on it.
    pub assignee: Option<UserId>,
    /// A person chose the assignee, so that escalation leaves it alone.
    pub assigned_by_hand: bool,
    /// The team it is assigned to.
    pub team: Option<TeamId>,
    /// The policy by which it escalates.
    pub policy: Option<PolicyId>,
    /// How far escalation has come.
    pub progress: Progress,
    /// How often escalation began with the first step. Steps have the same numbers each time; this tells which time a page
    /// belongs to, which clocks cannot where replicas have one each.
    pub escalations: u32,
    /// The incident that it was merged into: what its senders say is said to that one.
    pub merged_into: Option<IncidentId>,
    /// When a snooze ends.
    pub snoozed_until: Option<Timestamp>,
    /// It began while its service was in maintenance and is snoozed until that ends: nobody has heard of it.
    pub in_maintenance: bool,
    /// The clocks to acknowledge and resolve.
    pub clocks: Clocks,
    /// When a test incident closes itself.
    pub closes_at: Option<Timestamp>,
    /// What the alert said besides.
    pub custom_details: Value,
    /// Links from the alerts.
    pub links: Vec<Link>,
    /// Images from the alerts.
    pub images: Vec<Image>,
    /// How many alerts it holds.
    pub alert_count: i64,
    /// When the problem last began by the sender's own clock, where the alerts say so: the newest of them.
    pub changed_at: Option<Timestamp>,
    /// When it began.
    pub created_at: Timestamp,
    /// When it was first acknowledged since it was last opened.
    pub acknowledged_at: Option<Timestamp>,
    /// When it was resolved.
    pub resolved_at: Option<Timestamp>,
    /// When it last changed.
    pub updated_at: Timestamp,
}

impl Incident {
    /// When something must be done about it next, whatever it is. The store keeps this beside the incident, and the
    /// sweep asks for nothing else.
    #[must_use]
    pub fn due_at(&self) -> Option<Timestamp> {
        let escalation = self.progress.due.filter(|_| self.status == Status::Open);
        let snooze = self.snoozed_until.filter(|_| self.status == Status::Snoozed);
        let live = self.status != Status::Resolved;
        let clocks = [self.clocks.ack_due, self.clocks.resolve_due, self.closes_at].map(|due| due.filter(|_| live));
        [escalation, snooze].into_iter().chain(clocks).flatten().min()
    }
}
