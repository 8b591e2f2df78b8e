//! Who and what there is: the people, teams, services, policies and schedules that decisions are made from.
//!
//! A [`Directory`] is one consistent picture. The store makes a new one after every change; decisions never look
//! anything up elsewhere, so the same picture always gives the same decision.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use jiff::Timestamp;

use crate::{
    id::{ContactMethodId, PolicyId, ScheduleId, ServiceId, TeamId, UserId, WebhookId},
    incident::Happening,
    maintenance::{self, Window},
    oncall::Schedule,
    urgency::{Urgency, UrgencyTable},
};

/// A way to reach a person.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Channel {
    /// A push message on a device.
    Push,
    /// A direct message in Slack.
    Slack,
    /// A text message.
    Sms,
    /// A WhatsApp message.
    Whatsapp,
    /// A telephone call that reads the incident aloud.
    Voice,
    /// A mail.
    Email,
}

impl Channel {
    /// All of them, in the order in which they are tried where nobody chose: the fastest first, mail always.
    pub const ALL: [Self; 6] = [
        Self::Push,
        Self::Slack,
        Self::Sms,
        Self::Whatsapp,
        Self::Voice,
        Self::Email,
    ];

    /// The word of the contract: `PUSH`, `SLACK`, `SMS`, `WHATSAPP`, `VOICE`, `EMAIL`.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Push => "PUSH",
            Self::Slack => "SLACK",
            Self::Sms => "SMS",
            Self::Whatsapp => "WHATSAPP",
            Self::Voice => "VOICE",
            Self::Email => "EMAIL",
        }
    }

    /// Reads a word of the contract.
    #[must_use]
    pub fn from_word(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|channel| channel.word() == word)
    }

    /// What a person calls it.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Push => "push",
            Self::Slack => "Slack",
            Self::Sms => "SMS",
            Self::Whatsapp => "WhatsApp",
            Self::Voice => "voice call",
            Self::Email => "email",
        }
    }
}

/// What a person may do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Role {
    /// Reads.
    User,
    /// Works on incidents, schedules and overrides; reads the rest.
    Responder,
    /// Everything.
    Admin,
}

impl Role {
    /// All of them, the least powerful first.
    pub const ALL: [Self; 3] = [Self::User, Self::Responder, Self::Admin];

    /// The word of the contract: `USER`, `RESPONDER`, `ADMIN`.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::User => "USER",
            Self::Responder => "RESPONDER",
            Self::Admin => "ADMIN",
        }
    }

    /// Reads a word of the contract.
    #[must_use]
    pub fn from_word(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|role| role.word() == word)
    }
}

/// Whether a person takes part. Everybody who is not disabled is paged, invited people too.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Standing {
    /// Was invited and has not signed in yet.
    Invited,
    /// Takes part.
    Active,
    /// Neither signs in nor is paged.
    Disabled,
}

impl Standing {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Invited, Self::Active, Self::Disabled];

    /// The word of the contract: `INVITED`, `ACTIVE`, `DISABLED`.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Invited => "INVITED",
            Self::Active => "ACTIVE",
            Self::Disabled => "DISABLED",
        }
    }

    /// Reads a word of the contract.
    #[must_use]
    pub fn from_word(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|standing| standing.word() == word)
    }
}

/// An address of a person on one channel.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ContactMethod {
    /// Its identity.
    pub id: ContactMethodId,
    /// Which channel reaches it.
    pub channel: Channel,
    /// A mail address, an E.164 number, a Slack user, a push subscription.
    pub address: String,
    /// The person has shown that it is theirs. Nothing is paged on an address that is not verified.
    pub verified: bool,
}

/// A personal notification rule: on which channel a page of this urgency is sent, how long after the first.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NotificationRule {
    /// For pages of which urgency.
    pub urgency: Urgency,
    /// On which channel.
    pub channel: Channel,
    /// Minutes after the page began.
    pub delay_minutes: u32,
}

/// A person.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct User {
    /// Their identity.
    pub id: UserId,
    /// Their name.
    pub name: String,
    /// Their mail address: a verified contact method from the start.
    pub email: String,
    /// What they may do.
    pub role: Role,
    /// Whether they take part.
    pub standing: Standing,
    /// They want news of incidents that does not call them.
    pub wants_news: bool,
    /// Other ways to reach them, in the order in which they were added.
    pub contact_methods: Vec<ContactMethod>,
    /// Their rules, in their order. None for an urgency: the default order of channels.
    pub rules: Vec<NotificationRule>,
}

/// A person's place in a team.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Member {
    /// Who.
    pub user: UserId,
    /// Leads the team.
    pub lead: bool,
    /// Is paged when the team is.
    pub receives_notifications: bool,
}

/// A team.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Team {
    /// Its identity.
    pub id: TeamId,
    /// Its name.
    pub name: String,
    /// Who belongs to it.
    pub members: Vec<Member>,
}

/// Whom an escalation step pages.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Target {
    /// One person.
    User(UserId),
    /// The members of a team that receive its notifications.
    Team {
        /// Which team.
        id: TeamId,
        /// Only those who lead it.
        lead_only: bool,
    },
    /// Whoever is on call on a schedule.
    Schedule(ScheduleId),
}

/// One step of an escalation policy.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Step {
    /// Whom it pages, all at once.
    pub targets: Vec<Target>,
    /// Minutes to wait for an acknowledgement before the next step.
    pub delay_minutes: u32,
    /// Channels that replace the person's own rules; empty: the person's rules.
    pub channels: Vec<Channel>,
}

/// Who is paged, in which order, until somebody acknowledges.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Policy {
    /// Its identity.
    pub id: PolicyId,
    /// Its name.
    pub name: String,
    /// How many more times the steps are gone through after the first, 0 to 9.
    pub repeat: u32,
    /// The steps in their order.
    pub steps: Vec<Step>,
}

/// What alerts are about.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Service {
    /// Its identity.
    pub id: ServiceId,
    /// Its name.
    pub name: String,
    /// Whose it is.
    pub team: Option<TeamId>,
    /// Who is paged.
    pub policy: Option<PolicyId>,
    /// Severity to urgency.
    pub urgencies: UrgencyTable,
    /// Minutes within which somebody should acknowledge.
    pub target_ack_minutes: Option<u32>,
    /// Minutes within which it should be resolved.
    pub target_resolve_minutes: Option<u32>,
    /// The channels on which the service tells its own people (its team).
    pub notification_channels: BTreeSet<Channel>,
    /// Of which happenings it tells them.
    pub notify_on: BTreeSet<Happening>,
    /// The conversation in Slack that is told instead of each of its people.
    pub slack_channel: Option<String>,
    /// Where the runbook lies.
    pub runbook_url: Option<String>,
}

/// An outbound webhook, as far as deciding needs it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Webhook {
    /// Its identity.
    pub id: WebhookId,
    /// Its name.
    pub name: String,
    /// Only enabled ones are told.
    pub enabled: bool,
    /// Of which happenings; empty: all.
    pub happenings: BTreeSet<Happening>,
    /// Of which services' incidents; empty: all.
    pub services: BTreeSet<ServiceId>,
}

impl Webhook {
    /// Whether it wants to hear of this.
    #[must_use]
    pub fn wants(&self, happening: Happening, service: ServiceId) -> bool {
        self.enabled
            && (self.happenings.is_empty() || self.happenings.contains(&happening))
            && (self.services.is_empty() || self.services.contains(&service))
    }
}

/// What is known to be wrong with an address.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Trouble {
    /// Messages to it came back.
    Failing,
    /// Whoever has it has asked for no more messages. Providers refuse to send them (CTIA, Messaging Principles).
    Stopped,
}

impl Trouble {
    /// All of them.
    pub const ALL: [Self; 2] = [Self::Failing, Self::Stopped];

    /// The stored word.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Failing => "FAILING",
            Self::Stopped => "STOPPED",
        }
    }

    /// Reads a stored word.
    #[must_use]
    pub fn from_word(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|trouble| trouble.word() == word)
    }
}

/// One consistent picture of everything that decisions are made from.
#[derive(Debug, Clone, Default)]
pub struct Directory {
    /// Grows with every change, so that an old picture can be told.
    pub version: i64,
    /// People.
    pub users: HashMap<UserId, User>,
    /// Teams.
    pub teams: HashMap<TeamId, Team>,
    /// Services.
    pub services: HashMap<ServiceId, Service>,
    /// Escalation policies.
    pub policies: HashMap<PolicyId, Policy>,
    /// Schedules with the overrides that have not ended.
    pub schedules: HashMap<ScheduleId, Schedule>,
    /// The maintenance of services that has not ended.
    pub maintenance: HashMap<ServiceId, Vec<Window>>,
    /// Outbound webhooks, in the order of their identity.
    pub webhooks: Vec<Webhook>,
    /// The channels for which a provider is set up here.
    pub channels: BTreeSet<Channel>,
    /// Slack has a conversation that is told where a service names none.
    pub slack_default: bool,
    /// The addresses that something is known to be wrong with; mail addresses in lower case.
    pub troubles: BTreeMap<(Channel, String), Trouble>,
}

impl Directory {
    /// What is known to be wrong with an address.
    #[must_use]
    pub fn trouble(&self, channel: Channel, address: &str) -> Option<Trouble> {
        if self.troubles.is_empty() {
            return None;
        }
        self.troubles.get(&(channel, trouble_key(channel, address))).copied()
    }

    /// Until when a service is in maintenance; none when it is not.
    #[must_use]
    pub fn maintenance_until(&self, service: ServiceId, now: Timestamp) -> Option<Timestamp> {
        maintenance::until(self.maintenance.get(&service)?, now)
    }

    /// A person's name, or words for one who is no longer there.
    #[must_use]
    pub fn user_name(&self, id: UserId) -> &str {
        self.users
            .get(&id)
            .map_or("somebody who was removed", |user| user.name.as_str())
    }
}

/// The form of an address by which its trouble is remembered.
#[must_use]
pub fn trouble_key(channel: Channel, address: &str) -> String {
    match channel {
        Channel::Email => address.to_lowercase(),
        Channel::Push | Channel::Slack | Channel::Sms | Channel::Whatsapp | Channel::Voice => address.to_owned(),
    }
}
