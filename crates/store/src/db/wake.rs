//! Wake-ups: hints that something was committed. They may be lost; whoever hears one reads the rows again.

/// What was changed by a commit.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Wake {
    /// There are deliveries to make.
    Deliveries,
    /// The list of incidents has changed.
    Incidents,
    /// This incident (its id as text) has changed.
    Incident(String),
    /// Services, policies, people or other settings have changed.
    Config,
    /// Anything may have changed: wake-ups were missed.
    All,
}

/// How many wake-ups a subscriber may be behind before it misses some and hears `Lagged`, to be taken as
/// [`Wake::All`].
pub(super) const WAKES_KEPT: usize = 1024;

/// The channel of PostgreSQL's `NOTIFY`.
pub(super) const CHANNEL: &str = "opsknight";

impl Wake {
    /// The payload on PostgreSQL.
    pub(super) fn payload(&self) -> String {
        match self {
            Self::Deliveries => "deliveries".into(),
            Self::Incidents => "incidents".into(),
            Self::Incident(id) => format!("incident:{id}"),
            Self::Config => "config".into(),
            Self::All => "all".into(),
        }
    }

    /// Reads a payload. One of a later version of the program may mean anything, so it wakes all.
    pub(super) fn from_payload(payload: &str) -> Self {
        match payload {
            "deliveries" => Self::Deliveries,
            "incidents" => Self::Incidents,
            "config" => Self::Config,
            other => other
                .strip_prefix("incident:")
                .map_or(Self::All, |id| Self::Incident(id.to_owned())),
        }
    }
}

/// Adds a wake-up unless it is there already.
pub(super) fn merge(wakes: &mut Vec<Wake>, wake: Wake) {
    if !wakes.contains(&wake) {
        wakes.push(wake);
    }
}
