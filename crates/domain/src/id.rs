//! Identities: a prefix that says what a thing is, and a UUID (the TypeID specification, version 0.3).
//!
//! New ones are made at the edge, where randomness lives; here they are only read, compared and shown.

use std::{fmt, str::FromStr};

use type_safe_id::{StaticType, TypeSafeId};
use uuid::Uuid;

/// A text that is not an identity of the wanted kind.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("must be an id of the form {prefix}_…")]
pub struct InvalidId {
    /// The prefix that was wanted.
    pub prefix: &'static str,
}

macro_rules! ids {
    ($($(#[$doc:meta])* $name:ident $kind:ident $prefix:literal;)*) => {$(
        #[derive(Default)]
        struct $kind;

        impl StaticType for $kind {
            const TYPE: &'static str = $prefix;
        }

        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(Uuid);

        impl $name {
            /// What the text form begins with, without the underscore.
            pub const PREFIX: &'static str = $prefix;

            /// Names the thing that this UUID stands for.
            #[must_use]
            pub const fn new(uuid: Uuid) -> Self {
                Self(uuid)
            }

            /// The UUID without its prefix.
            #[must_use]
            pub const fn uuid(self) -> Uuid {
                self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                TypeSafeId::<$kind>::from_uuid(self.0).fmt(f)
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                fmt::Display::fmt(self, f)
            }
        }

        impl FromStr for $name {
            type Err = InvalidId;

            fn from_str(text: &str) -> Result<Self, InvalidId> {
                text.parse::<TypeSafeId<$kind>>()
                    .map(|id| Self(id.uuid()))
                    .map_err(|_| InvalidId { prefix: $prefix })
            }
        }
    )*};
}

ids! {
    /// An incident: what people work on.
    IncidentId IncidentKind "inc";
    /// A service: what alerts are about.
    ServiceId ServiceKind "svc";
    /// An integration. It stands in webhook URLs and is a secret: always a random UUID (version 4).
    IntegrationId IntegrationKind "int";
    /// A person.
    UserId UserKind "usr";
    /// A team.
    TeamId TeamKind "team";
    /// An escalation policy.
    PolicyId PolicyKind "pol";
    /// An on-call schedule.
    ScheduleId ScheduleKind "sch";
    /// An override in a schedule.
    OverrideId OverrideKind "ovr";
    /// A time in which a service is in maintenance.
    MaintenanceId MaintenanceKind "mnt";
    /// An outbound webhook.
    WebhookId WebhookKind "whk";
    /// An API key (the record, not the secret).
    ApiKeyId ApiKeyKind "key";
    /// A way to reach a person.
    ContactMethodId ContactMethodKind "cm";
    /// A personal notification rule.
    RuleId RuleKind "rule";
    /// One request received from a sender, with all that it held.
    ReceiptId ReceiptKind "evt";
    /// An alert: an event kept against an incident.
    AlertId AlertKind "alt";
    /// An entry of an incident's timeline.
    EntryId EntryKind "ent";
    /// A message on its way.
    DeliveryId DeliveryKind "dlv";
    /// A change event: something that was deployed or configured.
    ChangeId ChangeKind "chg";
    /// A line of the audit log.
    AuditId AuditKind "aud";
    /// A list of incidents that somebody has saved.
    ViewId ViewKind "view";
}

/// Where new identities come from: given by the edge, which owns clock and randomness.
pub trait Fresh {
    /// A new UUID, version 7, later than all before it.
    fn uuid(&mut self) -> Uuid;
}

impl<F: FnMut() -> Uuid> Fresh for F {
    fn uuid(&mut self) -> Uuid {
        self()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_form_round_trips_and_checks_the_prefix() {
        let id = IncidentId::new(Uuid::from_u128(0x0188_9c8f_5fd1_7d28_8c1d_8c2b_9f1a_2b3c));
        let text = id.to_string();
        assert!(text.starts_with("inc_"), "{text}");
        assert_eq!(text.parse::<IncidentId>(), Ok(id));
        assert_eq!(text.parse::<ServiceId>(), Err(InvalidId { prefix: "svc" }));
        assert!("inc_".parse::<IncidentId>().is_err());
        assert!("".parse::<IncidentId>().is_err());
    }
}
