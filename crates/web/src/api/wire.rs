//! How values of the domain look in JSON and in queries: identities, closed sets of words, times, and the difference
//! between a field that is absent and one that is null.
//!
//! Domain types do not derive serde; these wrappers stand at the edge and parse what comes in.

use std::{borrow::Cow, fmt, str::FromStr};

use jiff::Timestamp;
use opsknight_domain::{
    directory::{Channel, Role, Standing},
    event::Severity,
    id::{
        AlertId, ApiKeyId, AuditId, ChangeId, ContactMethodId, DeliveryId, EntryId, IncidentId, IntegrationId,
        MaintenanceId, OverrideId, PolicyId, ReceiptId, RuleId, ScheduleId, ServiceId, TeamId, UserId, ViewId,
        WebhookId,
    },
    incident::{Happening, Status},
    urgency::Urgency,
};
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};
use utoipa::{
    PartialSchema, ToSchema,
    openapi::{KnownFormat, ObjectBuilder, RefOr, Schema, SchemaFormat, schema::Type},
};

use super::scope::Scope;

/// An identity that has a prefix.
pub trait Identity: FromStr + fmt::Display + Copy {
    /// The prefix, without the underscore.
    const PREFIX: &'static str;
    /// What it is called in the description: `IncidentId`.
    const NAME: &'static str;
    /// What it names, as a noun: "incident".
    const NOUN: &'static str;
}

macro_rules! identities {
    ($($alias:ident $id:ident $noun:literal;)*) => {
        $(impl Identity for $id {
            const PREFIX: &'static str = $id::PREFIX;
            const NAME: &'static str = stringify!($id);
            const NOUN: &'static str = $noun;
        })*

        /// Identities on the wire by what they name. The description's macros need names without parameters.
        pub mod ids {
            $(
                #[doc = concat!("The id of one ", $noun, " on the wire.")]
                pub type $alias = super::Id<opsknight_domain::id::$id>;
            )*
        }
    };
}

identities! {
    Incident IncidentId "incident";
    Service ServiceId "service";
    Integration IntegrationId "integration";
    User UserId "user";
    Team TeamId "team";
    Policy PolicyId "escalation policy";
    Schedule ScheduleId "schedule";
    Override OverrideId "override";
    Maintenance MaintenanceId "maintenance";
    Webhook WebhookId "webhook";
    ApiKey ApiKeyId "API key";
    ContactMethod ContactMethodId "contact method";
    Rule RuleId "notification rule";
    Receipt ReceiptId "received event";
    Alert AlertId "alert";
    Entry EntryId "timeline entry";
    Delivery DeliveryId "delivery";
    Change ChangeId "change event";
    Audit AuditId "audit entry";
    View ViewId "saved view";
}

/// An identity on the wire: a TypeID such as `inc_…`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Id<T>(pub T);

impl<T: Identity> FromStr for Id<T> {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        text.parse()
            .map(Self)
            .map_err(|_| format!("must be an id of the form {}_…", T::PREFIX))
    }
}

impl<T: Identity> Serialize for Id<T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(&self.0)
    }
}

impl<'de, T: Identity> Deserialize<'de> for Id<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(de::Error::custom)
    }
}

impl<T: Identity> PartialSchema for Id<T> {
    fn schema() -> RefOr<Schema> {
        // The suffix of a TypeID: 26 characters of Crockford's base 32, the first of which holds three bits.
        let pattern = format!("^{}_[0-7][0-9a-hjkmnp-tv-z]{{25}}$", T::PREFIX);
        ObjectBuilder::new()
            .schema_type(Type::String)
            .pattern(Some(pattern))
            .description(Some(format!("The id of a thing of the kind {}.", T::NOUN)))
            .into()
    }
}

impl<T: Identity> ToSchema for Id<T> {
    fn name() -> Cow<'static, str> {
        Cow::Borrowed(T::NAME)
    }
}

/// A closed set whose members have a word in the contract.
pub trait Words: Copy + Sized + 'static {
    /// What the set is called in the description.
    const NAME: &'static str;
    /// All members.
    const MEMBERS: &'static [Self];
    /// The member's word.
    fn as_word(self) -> &'static str;
}

macro_rules! words {
    ($($set:ident)*) => {
        $(impl Words for $set {
            const NAME: &'static str = stringify!($set);
            const MEMBERS: &'static [Self] = &$set::ALL;
            fn as_word(self) -> &'static str {
                self.word()
            }
        })*

        /// Words on the wire by their set. The description's macros need names without parameters.
        pub mod words {
            $(
                #[doc = concat!("A member of the set ", stringify!($set), " on the wire, by its word.")]
                pub type $set = super::Word<super::$set>;
            )*
        }
    };
}

words! { Status Urgency Role Standing Channel Happening Severity Scope }

/// A member of a closed set on the wire, by its word.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Word<T>(pub T);

impl<T: Words> FromStr for Word<T> {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let found = T::MEMBERS.iter().find(|member| member.as_word() == text);
        found.copied().map(Self).ok_or_else(|| {
            let words: Vec<_> = T::MEMBERS.iter().map(|member| member.as_word()).collect();
            format!("must be one of {}", words.join(", "))
        })
    }
}

impl<T: Words> Serialize for Word<T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.0.as_word())
    }
}

impl<'de, T: Words> Deserialize<'de> for Word<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(de::Error::custom)
    }
}

impl<T: Words> PartialSchema for Word<T> {
    fn schema() -> RefOr<Schema> {
        ObjectBuilder::new()
            .schema_type(Type::String)
            .enum_values(Some(T::MEMBERS.iter().map(|member| member.as_word())))
            .into()
    }
}

impl<T: Words> ToSchema for Word<T> {
    fn name() -> Cow<'static, str> {
        Cow::Borrowed(T::NAME)
    }
}

/// An instant on the wire: RFC 3339. It is written in UTC and read with any offset.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Time(pub Timestamp);

impl FromStr for Time {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        // Years beyond four digits are signed, and no part of RFC 3339.
        let plain = text.starts_with(|first: char| first.is_ascii_digit());
        let time: Option<Timestamp> = text.parse().ok().filter(|_| plain);
        time.map(Self)
            .ok_or_else(|| "must be a time such as 2026-01-31T08:00:00Z".to_owned())
    }
}

impl Serialize for Time {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(&self.0)
    }
}

impl<'de> Deserialize<'de> for Time {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(de::Error::custom)
    }
}

impl PartialSchema for Time {
    fn schema() -> RefOr<Schema> {
        ObjectBuilder::new()
            .schema_type(Type::String)
            .format(Some(SchemaFormat::KnownFormat(KnownFormat::DateTime)))
            .description(Some("RFC 3339; answers are in UTC."))
            .into()
    }
}

impl ToSchema for Time {}

/// For fields of a PATCH that may be taken away: absent is `None`, null is `Some(None)`. Use it as
/// `#[serde(default, deserialize_with = "wire::patch")]`.
///
/// # Errors
/// What the value's own reading says.
pub fn patch<'de, T: Deserialize<'de>, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Option<T>>, D::Error> {
    Option::<T>::deserialize(deserializer).map(Some)
}

/// For fields of a PATCH that may be absent but never null. Use it as
/// `#[serde(default, deserialize_with = "wire::present")]`.
///
/// # Errors
/// What the value's own reading says.
pub fn present<'de, T: Deserialize<'de>, D: Deserializer<'de>>(deserializer: D) -> Result<Option<T>, D::Error> {
    T::deserialize(deserializer).map(Some)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug, Deserialize, PartialEq)]
    struct Sample {
        #[serde(default, deserialize_with = "patch")]
        taken: Option<Option<Word<Urgency>>>,
        #[serde(default, deserialize_with = "present")]
        kept: Option<Time>,
    }

    fn read(text: &str) -> Result<Sample, String> {
        serde_json::from_str(text).map_err(|error| error.to_string())
    }

    #[test]
    fn absent_and_null_differ() {
        assert_eq!(read("{}").unwrap().taken, None);
        assert_eq!(read(r#"{"taken":null}"#).unwrap().taken, Some(None));
        assert_eq!(
            read(r#"{"taken":"LOW"}"#).unwrap().taken,
            Some(Some(Word(Urgency::Low)))
        );
        assert!(read(r#"{"kept":null}"#).is_err());
    }

    #[test]
    fn wrong_words_are_told_the_right_ones() {
        let error = read(r#"{"taken":"low"}"#).unwrap_err();
        assert!(error.contains("must be one of LOW, MEDIUM, HIGH"), "{error}");
    }

    #[test]
    fn times_are_read_with_an_offset_and_written_in_utc() {
        let time: Time = "2026-01-31T09:00:00+01:00".parse().unwrap();
        assert_eq!(serde_json::to_string(&time).unwrap(), "\"2026-01-31T08:00:00Z\"");
        assert!("-000001-01-01T00:00:00Z".parse::<Time>().is_err());
        assert!("yesterday".parse::<Time>().is_err());
    }
}
