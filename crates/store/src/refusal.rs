//! Why a change of the configuration is not made: what the caller tells the person who asked for it.

use std::fmt;

use crate::db::DbError;

/// A change was not made. Nothing of it is kept when the unit of work ends with this error.
#[derive(Debug, thiserror::Error)]
pub enum ChangeError {
    /// The database could not take it.
    #[error(transparent)]
    Db(#[from] DbError),
    /// What was to be changed is not there (any more).
    #[error("there is no such {0}")]
    Missing(&'static str),
    /// It would break what depends on it.
    #[error("{0}")]
    Refused(Refusal),
}

/// What stands against a change.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Refusal {
    /// Somebody else has this mail address, in whatever case.
    EmailTaken,
    /// The person has this address on this channel already.
    AddressTaken,
    /// Something uses it.
    InUse {
        /// What is used: "user", "team".
        what: &'static str,
        /// What uses it, by name.
        by: Vec<Use>,
    },
    /// The service has incidents that are not resolved.
    Unresolved {
        /// How many.
        incidents: i64,
    },
    /// Nobody would be left who may change the configuration.
    LastAdministrator,
}

/// Something that refers to what was to be removed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Use {
    /// What it is: "escalation policy", "schedule", "service".
    pub kind: &'static str,
    /// Its identity.
    pub id: String,
    /// Its name.
    pub name: String,
}

/// How many uses are named in a sentence before they are only counted.
const USES_NAMED_MAX: usize = 5;

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::EmailTaken => f.write_str("somebody with this email address exists already"),
            Self::AddressTaken => f.write_str("this person has this address already"),
            Self::LastAdministrator => f.write_str("nobody would be left who is an active administrator"),
            Self::Unresolved { incidents: 1 } => f.write_str("the service has an incident that is not resolved"),
            Self::Unresolved { incidents } => write!(f, "the service has {incidents} incidents that are not resolved"),
            Self::InUse { what, by } => {
                let named: Vec<_> = by
                    .iter()
                    .take(USES_NAMED_MAX)
                    .map(|user| format!("{} {}", user.kind, user.name))
                    .collect();
                write!(f, "the {what} is used by {}", named.join(", "))?;
                match by.len() - named.len() {
                    0 => Ok(()),
                    more => write!(f, " and {more} more"),
                }
            }
        }
    }
}

impl From<Refusal> for ChangeError {
    fn from(refusal: Refusal) -> Self {
        Self::Refused(refusal)
    }
}

/// Refuses when something uses it.
pub(crate) fn unless_used(what: &'static str, by: Vec<Use>) -> Result<(), ChangeError> {
    if by.is_empty() {
        Ok(())
    } else {
        Err(Refusal::InUse { what, by }.into())
    }
}

/// Fails when no row was changed.
pub(crate) fn found(what: &'static str, rows: u64) -> Result<(), ChangeError> {
    if rows == 0 {
        Err(ChangeError::Missing(what))
    } else {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn uses_are_named_and_then_counted() {
        let by: Vec<_> = (1..=7)
            .map(|n| Use {
                kind: "service",
                id: format!("svc_{n}"),
                name: format!("S{n}"),
            })
            .collect();
        let text = Refusal::InUse { what: "team", by }.to_string();
        assert_eq!(
            text,
            "the team is used by service S1, service S2, service S3, service S4, service S5 and 2 more"
        );
    }
}
