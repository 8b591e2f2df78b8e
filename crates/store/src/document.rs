//! Configuration that is kept as one JSON document in a text column: the steps of a policy, the layers of a schedule,
//! and the small sets and tables of a service or webhook.
//!
//! The stored form is its own: a change of the API or of the domain does not move it. What is read is checked word by
//! word, so that a document that was damaged is an error with its place and never a different configuration.

use std::{collections::BTreeSet, str::FromStr};

use jiff::{Timestamp, civil::Time};
use opsknight_domain::{
    directory::{Channel, Step, Target},
    id::ServiceId,
    incident::Happening,
    oncall::{Layer, Restriction, Rotation, Unit, Weekdays},
    urgency::{Urgency, UrgencyTable},
};
use serde::{Deserialize, Serialize, de::DeserializeOwned};

use crate::db::DbError;

#[derive(Serialize, Deserialize)]
struct StepDocument {
    targets: Vec<TargetDocument>,
    delay_minutes: u32,
    #[serde(default)]
    channels: Vec<String>,
}

#[derive(Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "SCREAMING_SNAKE_CASE")]
enum TargetDocument {
    User {
        id: String,
    },
    Team {
        id: String,
        #[serde(default)]
        lead_only: bool,
    },
    Schedule {
        id: String,
    },
}

#[derive(Serialize, Deserialize)]
struct LayerDocument {
    name: String,
    users: Vec<String>,
    rotation: RotationDocument,
    restrictions: Vec<RestrictionDocument>,
    priority: i64,
}

#[derive(Serialize, Deserialize)]
struct RotationDocument {
    unit: String,
    length: u32,
    start: String,
    handoff: String,
}

#[derive(Serialize, Deserialize)]
struct RestrictionDocument {
    days: Vec<String>,
    from: String,
    to: String,
}

#[derive(Serialize, Deserialize)]
struct UrgencyDocument {
    critical: String,
    error: String,
    warning: String,
    info: String,
}

/// The steps of a policy as they are stored.
pub(crate) fn write_steps(steps: &[Step]) -> String {
    let documents: Vec<_> = steps
        .iter()
        .map(|step| StepDocument {
            targets: step.targets.iter().map(write_target).collect(),
            delay_minutes: step.delay_minutes,
            channels: step.channels.iter().map(|channel| channel.word().to_owned()).collect(),
        })
        .collect();
    text(&documents)
}

fn write_target(target: &Target) -> TargetDocument {
    match target {
        Target::User(id) => TargetDocument::User { id: id.to_string() },
        Target::Team { id, lead_only } => TargetDocument::Team {
            id: id.to_string(),
            lead_only: *lead_only,
        },
        Target::Schedule(id) => TargetDocument::Schedule { id: id.to_string() },
    }
}

/// Reads what [`write_steps`] wrote.
pub(crate) fn read_steps(stored: &str) -> Result<Vec<Step>, DbError> {
    let documents: Vec<StepDocument> = parse(stored, "steps")?;
    documents
        .into_iter()
        .map(|step| {
            Ok(Step {
                targets: step.targets.iter().map(read_target).collect::<Result<_, DbError>>()?,
                delay_minutes: step.delay_minutes,
                channels: words(&step.channels, "channels", Channel::from_word)?,
            })
        })
        .collect()
}

fn read_target(target: &TargetDocument) -> Result<Target, DbError> {
    Ok(match target {
        TargetDocument::User { id } => Target::User(value(id, "targets")?),
        TargetDocument::Team { id, lead_only } => Target::Team {
            id: value(id, "targets")?,
            lead_only: *lead_only,
        },
        TargetDocument::Schedule { id } => Target::Schedule(value(id, "targets")?),
    })
}

/// The layers of a schedule as they are stored.
pub(crate) fn write_layers(layers: &[Layer]) -> String {
    let documents: Vec<_> = layers
        .iter()
        .map(|layer| LayerDocument {
            name: layer.name.clone(),
            users: layer.users.iter().map(ToString::to_string).collect(),
            rotation: RotationDocument {
                unit: layer.rotation.unit.word().to_owned(),
                length: layer.rotation.length,
                start: layer.rotation.start.to_string(),
                handoff: layer.rotation.handoff.to_string(),
            },
            restrictions: layer.restrictions.iter().map(write_restriction).collect(),
            priority: layer.priority,
        })
        .collect();
    text(&documents)
}

fn write_restriction(restriction: &Restriction) -> RestrictionDocument {
    RestrictionDocument {
        days: restriction
            .days
            .iter()
            .map(|day| Weekdays::word(day).to_owned())
            .collect(),
        from: restriction.from.to_string(),
        to: restriction.to.to_string(),
    }
}

/// Reads what [`write_layers`] wrote.
pub(crate) fn read_layers(stored: &str) -> Result<Vec<Layer>, DbError> {
    let documents: Vec<LayerDocument> = parse(stored, "layers")?;
    documents
        .into_iter()
        .map(|layer| {
            Ok(Layer {
                name: layer.name,
                users: layer
                    .users
                    .iter()
                    .map(|id| value(id, "users"))
                    .collect::<Result<_, _>>()?,
                rotation: Rotation {
                    unit: Unit::from_word(&layer.rotation.unit).ok_or_else(|| corrupt("unit", &layer.rotation.unit))?,
                    length: layer.rotation.length,
                    start: value::<Timestamp>(&layer.rotation.start, "start")?,
                    handoff: value::<Time>(&layer.rotation.handoff, "handoff")?,
                },
                restrictions: layer
                    .restrictions
                    .iter()
                    .map(read_restriction)
                    .collect::<Result<_, DbError>>()?,
                priority: layer.priority,
            })
        })
        .collect()
}

fn read_restriction(restriction: &RestrictionDocument) -> Result<Restriction, DbError> {
    let days: Vec<_> = words(&restriction.days, "days", Weekdays::from_word)?;
    Ok(Restriction {
        days: days.into_iter().collect(),
        from: value(&restriction.from, "from")?,
        to: value(&restriction.to, "to")?,
    })
}

/// A service's table of urgencies as it is stored.
pub(crate) fn write_urgencies(table: &UrgencyTable) -> String {
    text(&UrgencyDocument {
        critical: table.critical.word().to_owned(),
        error: table.error.word().to_owned(),
        warning: table.warning.word().to_owned(),
        info: table.info.word().to_owned(),
    })
}

/// Reads what [`write_urgencies`] wrote.
pub(crate) fn read_urgencies(stored: &str) -> Result<UrgencyTable, DbError> {
    let document: UrgencyDocument = parse(stored, "urgency_by_severity")?;
    let urgency = |word: &str| Urgency::from_word(word).ok_or_else(|| corrupt("urgency_by_severity", word));
    Ok(UrgencyTable {
        critical: urgency(&document.critical)?,
        error: urgency(&document.error)?,
        warning: urgency(&document.warning)?,
        info: urgency(&document.info)?,
    })
}

/// A set of channels as it is stored.
pub(crate) fn write_channels(channels: &BTreeSet<Channel>) -> String {
    text(&channels.iter().map(|channel| channel.word()).collect::<Vec<_>>())
}

/// Reads what [`write_channels`] wrote.
pub(crate) fn read_channels(stored: &str) -> Result<BTreeSet<Channel>, DbError> {
    words(
        &parse::<Vec<String>>(stored, "channels")?,
        "channels",
        Channel::from_word,
    )
}

/// A set of happenings as it is stored.
pub(crate) fn write_happenings(happenings: &BTreeSet<Happening>) -> String {
    text(&happenings.iter().map(|happening| happening.word()).collect::<Vec<_>>())
}

/// Reads what [`write_happenings`] wrote.
pub(crate) fn read_happenings(stored: &str) -> Result<BTreeSet<Happening>, DbError> {
    words(&parse::<Vec<String>>(stored, "events")?, "events", Happening::from_word)
}

/// A set of services as it is stored.
pub(crate) fn write_services(services: &BTreeSet<ServiceId>) -> String {
    text(&services.iter().map(ToString::to_string).collect::<Vec<_>>())
}

/// Reads what [`write_services`] wrote.
pub(crate) fn read_services(stored: &str) -> Result<BTreeSet<ServiceId>, DbError> {
    let ids: Vec<String> = parse(stored, "service_ids")?;
    ids.iter().map(|id| value(id, "service_ids")).collect()
}

/// A list of texts as it is stored.
pub(crate) fn write_texts(texts: &[String]) -> String {
    text(&texts)
}

/// Reads what [`write_texts`] wrote.
pub(crate) fn read_texts(stored: &str, column: &str) -> Result<Vec<String>, DbError> {
    parse(stored, column)
}

fn text<T: Serialize>(document: &T) -> String {
    serde_json::to_string(document).expect("structures of texts and numbers can be written as JSON")
}

fn parse<T: DeserializeOwned>(stored: &str, column: &str) -> Result<T, DbError> {
    serde_json::from_str(stored).map_err(|error| DbError::Corrupt {
        what: format!("{column}: {error}"),
    })
}

fn words<T, C: FromIterator<T>>(
    words: &[String],
    column: &str,
    read: impl Fn(&str) -> Option<T>,
) -> Result<C, DbError> {
    words
        .iter()
        .map(|word| read(word).ok_or_else(|| corrupt(column, word)))
        .collect()
}

fn value<T: FromStr>(word: &str, column: &str) -> Result<T, DbError> {
    word.parse().map_err(|_| corrupt(column, word))
}

fn corrupt(column: &str, word: &str) -> DbError {
    DbError::Corrupt {
        what: format!("{column} holds “{word}”"),
    }
}

#[cfg(test)]
mod tests {
    use jiff::civil::{Weekday, time};
    use opsknight_domain::id::{ScheduleId, TeamId, UserId};
    use uuid::Uuid;

    use super::*;

    fn uuid(n: u128) -> Uuid {
        Uuid::from_u128(n)
    }

    #[test]
    fn steps_come_back_as_they_went() {
        let steps = vec![
            Step {
                targets: vec![
                    Target::User(UserId::new(uuid(1))),
                    Target::Team {
                        id: TeamId::new(uuid(2)),
                        lead_only: true,
                    },
                    Target::Schedule(ScheduleId::new(uuid(3))),
                ],
                delay_minutes: 15,
                channels: vec![Channel::Sms, Channel::Email],
            },
            Step {
                targets: Vec::new(),
                delay_minutes: 0,
                channels: Vec::new(),
            },
        ];
        assert_eq!(read_steps(&write_steps(&steps)).unwrap(), steps);
    }

    #[test]
    fn layers_come_back_as_they_went() {
        let layers = vec![Layer {
            name: "Primary".to_owned(),
            users: vec![UserId::new(uuid(2)), UserId::new(uuid(1)), UserId::new(uuid(2))],
            rotation: Rotation {
                unit: Unit::Weeks,
                length: 2,
                start: "2026-03-02T14:00:00.123456Z".parse().unwrap(),
                handoff: time(9, 30, 0, 0),
            },
            restrictions: vec![Restriction {
                days: [Weekday::Monday, Weekday::Sunday].into_iter().collect(),
                from: time(22, 0, 0, 0),
                to: time(6, 0, 0, 0),
            }],
            priority: -3,
        }];
        assert_eq!(read_layers(&write_layers(&layers)).unwrap(), layers);
    }

    #[test]
    fn sets_and_tables_come_back_as_they_went() {
        let table = UrgencyTable {
            info: Urgency::High,
            ..UrgencyTable::default()
        };
        assert_eq!(read_urgencies(&write_urgencies(&table)).unwrap(), table);
        let channels = Channel::ALL.into_iter().collect();
        assert_eq!(read_channels(&write_channels(&channels)).unwrap(), channels);
        let happenings = Happening::ALL.into_iter().collect();
        assert_eq!(read_happenings(&write_happenings(&happenings)).unwrap(), happenings);
        let services = [ServiceId::new(uuid(9))].into_iter().collect();
        assert_eq!(read_services(&write_services(&services)).unwrap(), services);
    }

    #[test]
    fn damage_is_named_and_never_another_configuration() {
        let broken = [
            read_steps(r#"[{"targets":[{"type":"USER","id":"usr_x"}],"delay_minutes":1}]"#).err(),
            read_steps(r#"[{"targets":[],"delay_minutes":1,"channels":["FAX"]}]"#).err(),
            read_layers("{").err(),
            read_urgencies(r#"{"critical":"HIGH"}"#).err(),
            read_happenings(r#"["incident.exploded"]"#).err(),
        ];
        for error in broken {
            assert!(matches!(error, Some(DbError::Corrupt { .. })), "{error:?}");
        }
    }
}
