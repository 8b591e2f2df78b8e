//! The closed set of what an API key can be allowed to do.

/// What an API key may do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Scope {
    /// Send events.
    EventsWrite,
    /// See incidents and what was sent about them.
    IncidentsRead,
    /// Work on incidents.
    IncidentsWrite,
    /// See services, integrations and what came in.
    ServicesRead,
    /// Change services and integrations.
    ServicesWrite,
    /// See schedules and who is on call.
    SchedulesRead,
    /// Change schedules and overrides.
    SchedulesWrite,
    /// See people.
    UsersRead,
    /// Change people, their contact methods and rules.
    UsersWrite,
    /// See teams.
    TeamsRead,
    /// Change teams.
    TeamsWrite,
    /// See escalation policies.
    PoliciesRead,
    /// Change escalation policies.
    PoliciesWrite,
    /// See settings, outbound webhooks and API keys.
    SettingsRead,
    /// Change settings, outbound webhooks and API keys.
    SettingsWrite,
    /// See who changed what.
    AuditRead,
}

impl Scope {
    /// All of them, in the order of the contract.
    pub const ALL: [Self; 16] = [
        Self::EventsWrite,
        Self::IncidentsRead,
        Self::IncidentsWrite,
        Self::ServicesRead,
        Self::ServicesWrite,
        Self::SchedulesRead,
        Self::SchedulesWrite,
        Self::UsersRead,
        Self::UsersWrite,
        Self::TeamsRead,
        Self::TeamsWrite,
        Self::PoliciesRead,
        Self::PoliciesWrite,
        Self::SettingsRead,
        Self::SettingsWrite,
        Self::AuditRead,
    ];

    /// The word of the contract: `events:write`.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::EventsWrite => "events:write",
            Self::IncidentsRead => "incidents:read",
            Self::IncidentsWrite => "incidents:write",
            Self::ServicesRead => "services:read",
            Self::ServicesWrite => "services:write",
            Self::SchedulesRead => "schedules:read",
            Self::SchedulesWrite => "schedules:write",
            Self::UsersRead => "users:read",
            Self::UsersWrite => "users:write",
            Self::TeamsRead => "teams:read",
            Self::TeamsWrite => "teams:write",
            Self::PoliciesRead => "policies:read",
            Self::PoliciesWrite => "policies:write",
            Self::SettingsRead => "settings:read",
            Self::SettingsWrite => "settings:write",
            Self::AuditRead => "audit:read",
        }
    }

    /// Reads a word of the contract.
    #[must_use]
    pub fn from_word(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|scope| scope.word() == word)
    }
}
