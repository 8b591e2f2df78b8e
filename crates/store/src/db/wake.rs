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

/// Longest payload of a `NOTIFY`: <https://www.postgresql.org/docs/current/sql-notify.html>
const PAYLOAD_BYTES_MAX: usize = 7999;

/// The channel of PostgreSQL's `NOTIFY`.
pub(super) const CHANNEL: &str = "opsknight";

impl Wake {
    /// One line of a payload on PostgreSQL.
    fn payload(&self) -> String {
        match self {
            Self::Deliveries => "deliveries".into(),
            Self::Incidents => "incidents".into(),
            Self::Incident(id) => format!("incident:{id}"),
            Self::Config => "config".into(),
            Self::All => "all".into(),
        }
    }

    /// The payloads that carry these, as few as can be: the server parses and plans each `NOTIFY` by itself.
    pub(super) fn payloads(wakes: &[Self]) -> Vec<String> {
        let mut payloads: Vec<String> = Vec::new();
        for wake in wakes {
            let line = wake.payload();
            match payloads.last_mut() {
                Some(last) if last.len() + 1 + line.len() <= PAYLOAD_BYTES_MAX => {
                    last.push('\n');
                    last.push_str(&line);
                }
                _ => payloads.push(line),
            }
        }
        payloads
    }

    /// Reads a payload.
    pub(super) fn from_payload(payload: &str) -> impl Iterator<Item = Self> {
        payload.split('\n').map(Self::from_line)
    }

    /// Reads a line. One of a later version of the program may mean anything, so it wakes all.
    fn from_line(line: &str) -> Self {
        match line {
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn many_wakes_share_a_payload_and_come_back_in_order() {
        let mut wakes = vec![Wake::Deliveries, Wake::Incidents, Wake::Config];
        wakes.extend((0..500).map(|n| Wake::Incident(format!("inc_{n:026}"))));
        let payloads = Wake::payloads(&wakes);
        assert_eq!(payloads.len(), 3);
        assert!(payloads.iter().all(|payload| payload.len() <= PAYLOAD_BYTES_MAX));
        let back: Vec<Wake> = payloads
            .iter()
            .flat_map(|payload| Wake::from_payload(payload))
            .collect();
        assert_eq!(back, wakes);
        let later: Vec<Wake> = Wake::from_payload("something:new").collect();
        assert_eq!(later, [Wake::All]);
    }
}
