//! `/services`: what alerts are about, who is paged for it, and how its people are told.

use askama::Template;

use super::{Badge, Checks, Field, FormError, Link, RoomField, Select, Shell, Steps, Times, Tone, form::errors};

/// Whether a service works, from its incidents that are not resolved, and whether anybody expects it to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Health {
    /// Nothing is open or being worked on.
    Operational,
    /// People work on it, whatever is open.
    Maintenance,
    /// Something of medium or low urgency is open or being worked on.
    Degraded,
    /// Something of high urgency is.
    Critical,
}

impl Health {
    /// The badge that says so.
    #[must_use]
    pub fn badge(self) -> Badge {
        match self {
            Self::Maintenance => Badge::new(Tone::Quiet, "In maintenance"),
            Self::Operational => Badge::new(Tone::Good, "Operational"),
            Self::Degraded => Badge::new(Tone::Waiting, "Degraded"),
            Self::Critical => Badge::new(Tone::Bad, "Critical"),
        }
    }
}

/// `/services`
#[derive(Debug, Clone, Template)]
#[template(path = "services/list.html")]
pub struct ServiceList {
    /// Around the page.
    pub shell: Shell,
    /// `q`
    pub q: Field,
    /// `health`
    pub health: Select,
    /// `teamId`
    pub team: Select,
    /// `policyId`
    pub policy: Select,
    /// `sort`
    pub order: Select,
    /// Any filter is set.
    pub filtered: bool,
    /// There are services.
    pub any: bool,
    /// This page of the list.
    pub rows: Vec<ServiceRow>,
    /// Where the list goes on.
    pub pager: Steps,
}

/// A service in a list.
#[derive(Debug, Clone)]
pub struct ServiceRow {
    /// Its page and name.
    pub link: Link,
    /// What it is.
    pub description: String,
    /// Whether it works.
    pub health: Health,
    /// How many of its incidents are not resolved.
    pub open: u64,
    /// Whose it is.
    pub team: Option<Link>,
    /// Who is paged.
    pub policy: Option<Link>,
    /// How many integrations it has.
    pub integrations: u64,
}

/// What stands above every page of a service.
#[derive(Debug, Clone)]
pub struct ServiceHead {
    /// Its identity.
    pub id: String,
    /// Its name.
    pub name: String,
    /// What it is.
    pub description: String,
    /// Whether it works.
    pub health: Health,
    /// Until when it is in maintenance.
    pub maintenance_until: Option<Times>,
}

/// `/services/new`
#[derive(Debug, Clone, Template)]
#[template(path = "services/new.html")]
pub struct ServiceNew {
    /// Around the page.
    pub shell: Shell,
    /// `name`
    pub name: Field,
    /// `description`
    pub description: Field,
    /// `team_id`, or empty
    pub team: Select,
    /// `policy_id`, or empty
    pub policy: Select,
}

impl ServiceNew {
    /// What is wrong, in order.
    #[must_use]
    pub fn errors(&self) -> Vec<FormError> {
        errors([&self.name, &self.description, &self.team.field, &self.policy.field])
    }
}

/// `/services/{id}/settings`
#[derive(Debug, Clone, Template)]
#[template(path = "services/settings.html")]
pub struct ServiceSettings {
    /// Around the page.
    pub shell: Shell,
    /// Above the page.
    pub head: ServiceHead,
    /// `name`
    pub name: Field,
    /// `description`
    pub description: Field,
    /// `team_id`, or empty
    pub team: Select,
    /// `policy_id`, or empty
    pub policy: Select,
    /// `region`
    pub region: Field,
    /// `sla_tier`
    pub sla_tier: Field,
    /// `target_ack_minutes`
    pub target_ack_minutes: Field,
    /// `target_resolve_minutes`
    pub target_resolve_minutes: Field,
    /// `notification_channels`, repeated: `EMAIL`, `SMS` …
    pub channels: Checks,
    /// `notify_on`, repeated: `triggered`, `acknowledged`, `resolved`, `sla_breach`
    pub notify_on: Checks,
    /// `slack_channel`
    pub slack_channel: RoomField,
    /// `urgency_critical`, `urgency_error`, `urgency_warning`, `urgency_info`, each with its severity in words
    pub urgencies: Vec<(String, Select)>,
    /// `runbook_url`
    pub runbook_url: Field,
    /// `repository_url`
    pub repository_url: Field,
    /// `dashboard_url`
    pub dashboard_url: Field,
    /// How many incidents keep it from being deleted without losing their story.
    pub incident_count: u64,
}

impl ServiceSettings {
    /// What is wrong, in order.
    #[must_use]
    pub fn errors(&self) -> Vec<FormError> {
        let first = [
            &self.name,
            &self.description,
            &self.team.field,
            &self.policy.field,
            &self.region,
            &self.sla_tier,
        ];
        let targets = [&self.target_ack_minutes, &self.target_resolve_minutes];
        let telling = [&self.channels.field, &self.notify_on.field, &self.slack_channel.field];
        let links = [&self.runbook_url, &self.repository_url, &self.dashboard_url];
        let urgencies = self.urgencies.iter().map(|(_, select)| &select.field);
        errors(
            first
                .into_iter()
                .chain(targets)
                .chain(telling)
                .chain(urgencies)
                .chain(links),
        )
    }
}
