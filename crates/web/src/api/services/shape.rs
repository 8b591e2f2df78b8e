//! How services look in JSON.

use jiff::Timestamp;
use opsknight_domain::{incident::Happening, urgency::UrgencyTable};
use opsknight_store::{incidents::Counts, services::ServiceRow};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::api::wire::{Id, Time, Word, ids, patch, present, words};

/// A service.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
#[schema(as = Service)]
#[serde(rename_all = "camelCase")]
pub struct ServiceBody {
    /// Its id.
    #[schema(inline)]
    pub id: ids::Service,
    /// Its name.
    pub name: String,
    /// What it is.
    pub description: Option<String>,
    /// How it is at the moment.
    pub status: ServiceStatus,
    /// Until when it is in maintenance; null when it is not.
    #[schema(inline)]
    pub maintenance_until: Option<Time>,
    /// Whose it is.
    #[schema(inline)]
    pub team_id: Option<ids::Team>,
    /// Who is paged.
    #[schema(inline)]
    pub escalation_policy_id: Option<ids::Policy>,
    /// Where it runs.
    pub region: Option<String>,
    /// How much it matters, in the words of the organisation.
    pub sla_tier: Option<String>,
    /// The Slack channel that is told.
    pub slack_channel: Option<String>,
    /// Where the runbook lies.
    pub runbook_url: Option<String>,
    /// Where the source lies.
    pub repository_url: Option<String>,
    /// Where its graphs are.
    pub dashboard_url: Option<String>,
    /// Minutes within which somebody should acknowledge.
    pub target_ack_minutes: Option<u32>,
    /// Minutes within which it should be resolved.
    pub target_resolve_minutes: Option<u32>,
    /// The channels on which the service tells its team.
    #[schema(value_type = Vec<words::Channel>)]
    pub notification_channels: Vec<words::Channel>,
    /// Tells its team of new incidents.
    pub notify_on_triggered: bool,
    /// Tells its team of acknowledgements.
    pub notify_on_acknowledged: bool,
    /// Tells its team of what is resolved.
    pub notify_on_resolved: bool,
    /// Tells its team of missed targets.
    pub notify_on_sla_breach: bool,
    /// How soon people must look, by how bad it is.
    pub urgency_by_severity: UrgencyBySeverity,
    /// When it was made.
    #[schema(inline)]
    pub created_at: Time,
    /// When it last changed.
    #[schema(inline)]
    pub updated_at: Time,
}

/// How a service is at the moment.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum ServiceStatus {
    /// No incident is open or acknowledged.
    Operational,
    /// Some are, none of them with high urgency.
    Degraded,
    /// Some are with high urgency.
    Critical,
}

impl ServiceStatus {
    /// What the incidents of a service make of it. Those that are put off or out of sight do not count, nor do tests.
    #[must_use]
    pub const fn of(counts: Counts) -> Self {
        if counts.open_high + counts.acknowledged_high > 0 {
            Self::Critical
        } else if counts.open + counts.acknowledged > 0 {
            Self::Degraded
        } else {
            Self::Operational
        }
    }
}

/// Severity to urgency.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct UrgencyBySeverity {
    /// For `critical`.
    #[schema(inline)]
    pub critical: words::Urgency,
    /// For `error`.
    #[schema(inline)]
    pub error: words::Urgency,
    /// For `warning`.
    #[schema(inline)]
    pub warning: words::Urgency,
    /// For `info`.
    #[schema(inline)]
    pub info: words::Urgency,
}

impl From<UrgencyTable> for UrgencyBySeverity {
    fn from(table: UrgencyTable) -> Self {
        Self {
            critical: Word(table.critical),
            error: Word(table.error),
            warning: Word(table.warning),
            info: Word(table.info),
        }
    }
}

impl ServiceBody {
    /// The same, in maintenance until then.
    #[must_use]
    pub fn in_maintenance(mut self, until: Option<Timestamp>) -> Self {
        self.maintenance_until = until.map(Time);
        self
    }

    /// A service as programs see it.
    #[must_use]
    pub fn new(row: ServiceRow, status: ServiceStatus) -> Self {
        let tells = |happening| row.notify_on.contains(&happening);
        Self {
            id: Id(row.id),
            status,
            maintenance_until: None,
            team_id: row.team.map(Id),
            escalation_policy_id: row.policy.map(Id),
            target_ack_minutes: row.target_ack_minutes,
            target_resolve_minutes: row.target_resolve_minutes,
            notify_on_triggered: tells(Happening::Triggered),
            notify_on_acknowledged: tells(Happening::Acknowledged),
            notify_on_resolved: tells(Happening::Resolved),
            notify_on_sla_breach: tells(Happening::SlaBreached),
            notification_channels: row.notification_channels.into_iter().map(Word).collect(),
            urgency_by_severity: row.urgencies.into(),
            created_at: Time(row.created_at),
            updated_at: Time(row.updated_at),
            name: row.name,
            description: row.description,
            region: row.region,
            sla_tier: row.sla_tier,
            slack_channel: row.slack_channel,
            runbook_url: row.runbook_url,
            repository_url: row.repository_url,
            dashboard_url: row.dashboard_url,
        }
    }
}

/// Rows of the table from severity to urgency; what is left out stays.
#[derive(Debug, Clone, Copy, Default, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct UrgencyBySeverityPatch {
    /// For `critical`.
    #[serde(default, deserialize_with = "present")]
    #[schema(inline, value_type = words::Urgency, required = false)]
    pub(crate) critical: Option<words::Urgency>,
    /// For `error`.
    #[serde(default, deserialize_with = "present")]
    #[schema(inline, value_type = words::Urgency, required = false)]
    pub(crate) error: Option<words::Urgency>,
    /// For `warning`.
    #[serde(default, deserialize_with = "present")]
    #[schema(inline, value_type = words::Urgency, required = false)]
    pub(crate) warning: Option<words::Urgency>,
    /// For `info`.
    #[serde(default, deserialize_with = "present")]
    #[schema(inline, value_type = words::Urgency, required = false)]
    pub(crate) info: Option<words::Urgency>,
}

/// A service to be made. Only its name is required.
#[derive(Debug, Clone, Default, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct NewService {
    /// Its name.
    #[schema(min_length = 1, max_length = 200)]
    pub(crate) name: String,
    /// What it is.
    #[schema(max_length = 10000)]
    pub(crate) description: Option<String>,
    /// Whose it is.
    #[schema(inline)]
    pub(crate) team_id: Option<ids::Team>,
    /// Who is paged.
    #[schema(inline)]
    pub(crate) escalation_policy_id: Option<ids::Policy>,
    /// Where it runs.
    #[schema(max_length = 200)]
    pub(crate) region: Option<String>,
    /// How much it matters, in the words of the organisation.
    #[schema(max_length = 200)]
    pub(crate) sla_tier: Option<String>,
    /// The Slack channel that is told.
    #[schema(max_length = 200)]
    pub(crate) slack_channel: Option<String>,
    /// Where the runbook lies.
    #[schema(max_length = 2048)]
    pub(crate) runbook_url: Option<String>,
    /// Where the source lies.
    #[schema(max_length = 2048)]
    pub(crate) repository_url: Option<String>,
    /// Where its graphs are.
    #[schema(max_length = 2048)]
    pub(crate) dashboard_url: Option<String>,
    /// Minutes within which somebody should acknowledge.
    #[schema(minimum = 1, maximum = 43200)]
    pub(crate) target_ack_minutes: Option<u32>,
    /// Minutes within which it should be resolved.
    #[schema(minimum = 1, maximum = 43200)]
    pub(crate) target_resolve_minutes: Option<u32>,
    /// The channels on which the service tells its team.
    #[schema(value_type = Option<Vec<words::Channel>>)]
    pub(crate) notification_channels: Option<Vec<words::Channel>>,
    /// Tells its team of new incidents; it does unless said.
    pub(crate) notify_on_triggered: Option<bool>,
    /// Tells its team of acknowledgements; it does not unless said.
    pub(crate) notify_on_acknowledged: Option<bool>,
    /// Tells its team of what is resolved; it does unless said.
    pub(crate) notify_on_resolved: Option<bool>,
    /// Tells its team of missed targets; it does unless said.
    pub(crate) notify_on_sla_breach: Option<bool>,
    /// How soon people must look, by how bad it is.
    pub(crate) urgency_by_severity: Option<UrgencyBySeverityPatch>,
}

/// What is to change about a service; what is left out stays, null takes away.
#[derive(Debug, Clone, Default, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct ServicePatch {
    /// Its name.
    #[serde(default, deserialize_with = "present")]
    #[schema(min_length = 1, max_length = 200, value_type = String, required = false)]
    pub(crate) name: Option<String>,
    /// What it is.
    #[serde(default, deserialize_with = "patch")]
    #[schema(max_length = 10000, value_type = Option<String>)]
    pub(crate) description: Option<Option<String>>,
    /// Whose it is.
    #[serde(default, deserialize_with = "patch")]
    #[schema(inline, value_type = Option<ids::Team>)]
    pub(crate) team_id: Option<Option<ids::Team>>,
    /// Who is paged.
    #[serde(default, deserialize_with = "patch")]
    #[schema(inline, value_type = Option<ids::Policy>)]
    pub(crate) escalation_policy_id: Option<Option<ids::Policy>>,
    /// Where it runs.
    #[serde(default, deserialize_with = "patch")]
    #[schema(max_length = 200, value_type = Option<String>)]
    pub(crate) region: Option<Option<String>>,
    /// How much it matters, in the words of the organisation.
    #[serde(default, deserialize_with = "patch")]
    #[schema(max_length = 200, value_type = Option<String>)]
    pub(crate) sla_tier: Option<Option<String>>,
    /// The Slack channel that is told.
    #[serde(default, deserialize_with = "patch")]
    #[schema(max_length = 200, value_type = Option<String>)]
    pub(crate) slack_channel: Option<Option<String>>,
    /// Where the runbook lies.
    #[serde(default, deserialize_with = "patch")]
    #[schema(max_length = 2048, value_type = Option<String>)]
    pub(crate) runbook_url: Option<Option<String>>,
    /// Where the source lies.
    #[serde(default, deserialize_with = "patch")]
    #[schema(max_length = 2048, value_type = Option<String>)]
    pub(crate) repository_url: Option<Option<String>>,
    /// Where its graphs are.
    #[serde(default, deserialize_with = "patch")]
    #[schema(max_length = 2048, value_type = Option<String>)]
    pub(crate) dashboard_url: Option<Option<String>>,
    /// Minutes within which somebody should acknowledge.
    #[serde(default, deserialize_with = "patch")]
    #[schema(minimum = 1, maximum = 43200, value_type = Option<u32>)]
    pub(crate) target_ack_minutes: Option<Option<u32>>,
    /// Minutes within which it should be resolved.
    #[serde(default, deserialize_with = "patch")]
    #[schema(minimum = 1, maximum = 43200, value_type = Option<u32>)]
    pub(crate) target_resolve_minutes: Option<Option<u32>>,
    /// The channels on which the service tells its team.
    #[serde(default, deserialize_with = "present")]
    #[schema(value_type = Vec<words::Channel>, required = false)]
    pub(crate) notification_channels: Option<Vec<words::Channel>>,
    /// Tells its team of new incidents.
    #[serde(default, deserialize_with = "present")]
    #[schema(value_type = bool, required = false)]
    pub(crate) notify_on_triggered: Option<bool>,
    /// Tells its team of acknowledgements.
    #[serde(default, deserialize_with = "present")]
    #[schema(value_type = bool, required = false)]
    pub(crate) notify_on_acknowledged: Option<bool>,
    /// Tells its team of what is resolved.
    #[serde(default, deserialize_with = "present")]
    #[schema(value_type = bool, required = false)]
    pub(crate) notify_on_resolved: Option<bool>,
    /// Tells its team of missed targets.
    #[serde(default, deserialize_with = "present")]
    #[schema(value_type = bool, required = false)]
    pub(crate) notify_on_sla_breach: Option<bool>,
    /// How soon people must look, by how bad it is.
    #[serde(default, deserialize_with = "present")]
    #[schema(value_type = UrgencyBySeverityPatch, required = false)]
    pub(crate) urgency_by_severity: Option<UrgencyBySeverityPatch>,
}

impl From<NewService> for ServicePatch {
    fn from(new: NewService) -> Self {
        Self {
            name: Some(new.name),
            description: Some(new.description),
            team_id: Some(new.team_id),
            escalation_policy_id: Some(new.escalation_policy_id),
            region: Some(new.region),
            sla_tier: Some(new.sla_tier),
            slack_channel: Some(new.slack_channel),
            runbook_url: Some(new.runbook_url),
            repository_url: Some(new.repository_url),
            dashboard_url: Some(new.dashboard_url),
            target_ack_minutes: Some(new.target_ack_minutes),
            target_resolve_minutes: Some(new.target_resolve_minutes),
            notification_channels: new.notification_channels,
            notify_on_triggered: new.notify_on_triggered,
            notify_on_acknowledged: new.notify_on_acknowledged,
            notify_on_resolved: new.notify_on_resolved,
            notify_on_sla_breach: new.notify_on_sla_breach,
            urgency_by_severity: new.urgency_by_severity,
        }
    }
}
