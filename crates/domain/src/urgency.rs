//! How soon people must look: severity turned into urgency by the service's table.

use crate::event::Severity;

/// How soon people must look, from later to now.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Urgency {
    /// When there is time.
    Low,
    /// Soon.
    Medium,
    /// Now.
    High,
}

impl Urgency {
    /// All of them, mild first.
    pub const ALL: [Self; 3] = [Self::Low, Self::Medium, Self::High];

    /// The word of the contract: `LOW`, `MEDIUM`, `HIGH`.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Low => "LOW",
            Self::Medium => "MEDIUM",
            Self::High => "HIGH",
        }
    }

    /// Reads a word of the contract.
    #[must_use]
    pub fn from_word(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|urgency| urgency.word() == word)
    }
}

/// Which urgency an alert of each severity has; a service may override any row.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct UrgencyTable {
    /// For `critical`.
    pub critical: Urgency,
    /// For `error`.
    pub error: Urgency,
    /// For `warning`.
    pub warning: Urgency,
    /// For `info`.
    pub info: Urgency,
}

impl Default for UrgencyTable {
    fn default() -> Self {
        Self {
            critical: Urgency::High,
            error: Urgency::Medium,
            warning: Urgency::Medium,
            info: Urgency::Low,
        }
    }
}

impl UrgencyTable {
    /// The urgency of an alert of this severity.
    #[must_use]
    pub const fn of(&self, severity: Severity) -> Urgency {
        match severity {
            Severity::Critical => self.critical,
            Severity::Error => self.error,
            Severity::Warning => self.warning,
            Severity::Info => self.info,
        }
    }
}
