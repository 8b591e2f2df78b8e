//! How schedules look in JSON.

use jiff::{civil, tz::TimeZone};
use opsknight_domain::oncall::{Layer, Restriction, Rotation, Unit, Weekdays};
use opsknight_store::schedules::ScheduleRow;
use serde::{Deserialize, Deserializer, Serialize, de};
use utoipa::ToSchema;

use crate::api::{
    error::Problems,
    wire::{Id, Time, ids, present},
};

/// An on-call schedule.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
#[schema(as = Schedule)]
#[serde(rename_all = "camelCase")]
pub struct ScheduleBody {
    /// Its id.
    #[schema(inline)]
    pub id: ids::Schedule,
    /// Its name.
    pub name: String,
    /// The zone on whose wall clock its times are read.
    pub time_zone: String,
    /// Its layers. The higher `priority` speaks first, among equals the later in this list.
    pub layers: Vec<LayerBody>,
    /// When it was made.
    #[schema(inline)]
    pub created_at: Time,
    /// When it last changed.
    #[schema(inline)]
    pub updated_at: Time,
}

/// One rotation of people, perhaps only at some times of the week.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
#[schema(as = Layer)]
#[serde(rename_all = "camelCase")]
pub struct LayerBody {
    /// Its name, which is the reason people read.
    #[schema(min_length = 1, max_length = 200)]
    pub name: String,
    /// Who takes turns, in this order, again and again.
    #[schema(max_items = 200, value_type = Vec<ids::User>)]
    pub users: Vec<ids::User>,
    /// When they hand over.
    pub rotation: RotationBody,
    /// At which times of the week the layer speaks; none: always.
    #[serde(default)]
    #[schema(max_items = 24)]
    pub restrictions: Vec<RestrictionBody>,
    /// The higher speaks first.
    #[serde(default)]
    pub priority: i64,
}

/// When people hand over to each other.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
#[schema(as = Rotation)]
#[serde(rename_all = "camelCase")]
pub struct RotationBody {
    /// In what `length` is counted.
    pub unit: RotationUnit,
    /// How many units a turn lasts.
    #[schema(minimum = 1, maximum = 1000)]
    pub length: u32,
    /// Nobody is on call in the layer before.
    #[schema(inline)]
    pub start: Time,
    /// The time of day in the schedule's zone at which people hand over: `09:00`. Unless said, that of `start`.
    #[serde(default)]
    #[schema(pattern = "^([01][0-9]|2[0-3]):[0-5][0-9]$")]
    pub handoff: Option<String>,
}

/// In what the length of a turn is counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum RotationUnit {
    /// Hours on the wall clock.
    Hours,
    /// Days, however many hours they have.
    Days,
    /// Seven days.
    Weeks,
}

/// A time of the week during which a layer speaks.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
#[schema(as = Restriction)]
#[serde(rename_all = "camelCase")]
pub struct RestrictionBody {
    /// On which days it starts; none: on every day.
    #[serde(default)]
    #[schema(max_items = 7)]
    pub days: Vec<Day>,
    /// When it begins: `22:00`.
    #[schema(pattern = "^([01][0-9]|2[0-3]):[0-5][0-9]$")]
    pub from: String,
    /// When it ends, on the next day if that is not later than `from`; `24:00` is the end of the day.
    #[schema(pattern = "^(([01][0-9]|2[0-3]):[0-5][0-9]|24:00)$")]
    pub to: String,
}

/// A day of the week. Read in any case, also as its first three letters.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum Day {
    /// Monday.
    Monday,
    /// Tuesday.
    Tuesday,
    /// Wednesday.
    Wednesday,
    /// Thursday.
    Thursday,
    /// Friday.
    Friday,
    /// Saturday.
    Saturday,
    /// Sunday.
    Sunday,
}

impl Day {
    const ALL: [(Self, civil::Weekday); 7] = [
        (Self::Monday, civil::Weekday::Monday),
        (Self::Tuesday, civil::Weekday::Tuesday),
        (Self::Wednesday, civil::Weekday::Wednesday),
        (Self::Thursday, civil::Weekday::Thursday),
        (Self::Friday, civil::Weekday::Friday),
        (Self::Saturday, civil::Weekday::Saturday),
        (Self::Sunday, civil::Weekday::Sunday),
    ];

    fn of(days: Weekdays) -> Vec<Self> {
        let chosen = Self::ALL.into_iter().filter(|(_, day)| days.contains(*day));
        chosen.map(|(word, _)| word).collect()
    }

    /// Reads `MONDAY`, `Monday` or `Mon`.
    fn from_word(word: &str) -> Option<Self> {
        let word = word.trim();
        let known = Self::ALL.into_iter().find(|(_, day)| {
            let full = Weekdays::word(*day);
            full.eq_ignore_ascii_case(word) || full[..3].eq_ignore_ascii_case(word)
        });
        known.map(|(day, _)| day)
    }

    fn read(words: &[Self]) -> Weekdays {
        let chosen = Self::ALL.into_iter().filter(|(word, _)| words.contains(word));
        chosen.map(|(_, day)| day).collect()
    }
}

impl<'de> Deserialize<'de> for Day {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let word = String::deserialize(deserializer)?;
        Self::from_word(&word).ok_or_else(|| de::Error::custom("must be a day of the week, MONDAY to SUNDAY"))
    }
}

impl From<ScheduleRow> for ScheduleBody {
    fn from(row: ScheduleRow) -> Self {
        Self {
            id: Id(row.id),
            time_zone: row.zone.iana_name().unwrap_or("UTC").to_owned(),
            layers: row.layers.into_iter().map(LayerBody::from).collect(),
            created_at: Time(row.created_at),
            updated_at: Time(row.updated_at),
            name: row.name,
        }
    }
}

impl From<Layer> for LayerBody {
    fn from(layer: Layer) -> Self {
        let restriction = |restriction: Restriction| RestrictionBody {
            days: Day::of(restriction.days),
            from: minute(restriction.from),
            to: minute(restriction.to),
        };
        Self {
            name: layer.name,
            users: layer.users.into_iter().map(Id).collect(),
            rotation: RotationBody {
                unit: match layer.rotation.unit {
                    Unit::Hours => RotationUnit::Hours,
                    Unit::Days => RotationUnit::Days,
                    Unit::Weeks => RotationUnit::Weeks,
                },
                length: layer.rotation.length,
                start: Time(layer.rotation.start),
                handoff: Some(minute(layer.rotation.handoff)),
            },
            restrictions: layer.restrictions.into_iter().map(restriction).collect(),
            priority: layer.priority,
        }
    }
}

fn minute(time: civil::Time) -> String {
    format!("{:02}:{:02}", time.hour(), time.minute())
}

impl LayerBody {
    /// The same as the domain knows it, in a schedule of this zone; what cannot be read goes into `problems`.
    pub(super) fn read(&self, zone: &TimeZone, problems: &mut Problems, path: &str) -> Layer {
        let mut time = |field: String, text: &str| {
            // A window that ends at midnight goes on to the end of the day on which it began.
            let text = if text == "24:00" && field.ends_with(".to") {
                "00:00"
            } else {
                text
            };
            let read = text.parse::<civil::Time>();
            let why = "must be a time of day, such as 09:00";
            problems.take(&field, read.map_err(|_| why)).unwrap_or(civil::Time::MIN)
        };
        let rotation = &self.rotation;
        let handoff = match &rotation.handoff {
            Some(text) => time(format!("{path}rotation.handoff"), text),
            None => {
                let start = zone.to_datetime(rotation.start.0).time();
                civil::time(start.hour(), start.minute(), 0, 0)
            }
        };
        let restrictions = self
            .restrictions
            .iter()
            .enumerate()
            .map(|(place, restriction)| Restriction {
                days: Day::read(&restriction.days),
                from: time(format!("{path}restrictions[{place}].from"), &restriction.from),
                to: time(format!("{path}restrictions[{place}].to"), &restriction.to),
            });
        Layer {
            name: self.name.trim().to_owned(),
            users: self.users.iter().map(|id| id.0).collect(),
            restrictions: restrictions.collect(),
            rotation: Rotation {
                unit: match rotation.unit {
                    RotationUnit::Hours => Unit::Hours,
                    RotationUnit::Days => Unit::Days,
                    RotationUnit::Weeks => Unit::Weeks,
                },
                length: rotation.length,
                start: rotation.start.0,
                handoff,
            },
            priority: self.priority,
        }
    }
}

/// A schedule to be made.
#[derive(Debug, Clone, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct NewSchedule {
    /// Its name.
    #[schema(min_length = 1, max_length = 200)]
    pub(crate) name: String,
    /// The IANA name of the zone on whose wall clock its times are read; `UTC` unless said.
    pub(crate) time_zone: Option<String>,
    /// Its layers.
    #[serde(default)]
    #[schema(max_items = 20)]
    pub(crate) layers: Vec<LayerBody>,
}

/// What is to change about a schedule; what is left out stays.
#[derive(Debug, Clone, Default, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct SchedulePatch {
    /// Its name.
    #[serde(default, deserialize_with = "present")]
    #[schema(min_length = 1, max_length = 200, value_type = String, required = false)]
    pub(crate) name: Option<String>,
    /// The IANA name of the zone on whose wall clock its times are read.
    #[serde(default, deserialize_with = "present")]
    #[schema(value_type = String, required = false)]
    pub(crate) time_zone: Option<String>,
    /// All layers, as a whole.
    #[serde(default, deserialize_with = "present")]
    #[schema(max_items = 20, value_type = Vec<LayerBody>, required = false)]
    pub(crate) layers: Option<Vec<LayerBody>>,
}

impl From<NewSchedule> for SchedulePatch {
    fn from(new: NewSchedule) -> Self {
        Self {
            name: Some(new.name),
            time_zone: new.time_zone,
            layers: Some(new.layers),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn days_are_read_as_people_write_them() {
        let read = |text: &str| serde_json::from_str::<Day>(text).ok();
        assert_eq!(read("\"MONDAY\""), Some(Day::Monday));
        assert_eq!(read("\"tue\""), Some(Day::Tuesday));
        assert_eq!(read("\"Sunday\""), Some(Day::Sunday));
        assert_eq!(read("\"\""), None);
        assert_eq!(read("\"Someday\""), None);
    }
}
