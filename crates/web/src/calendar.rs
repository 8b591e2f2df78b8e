//! Shifts for calendar programs: the links that they fetch without a session, and what they get.
//!
//! A link is signed for one person and one schedule, or for all their own shifts, and for a generation that the person
//! moves on to end all links they have handed out. It opens nothing else, and nothing at all once its person's account
//! is disabled. The text of a calendar is written in `write`.

use std::collections::HashMap;

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD as BASE64};
use hmac::{Hmac, KeyInit as _, Mac as _};
use jiff::{SignedDuration, Timestamp};
use opsknight_domain::{
    directory::{Directory, Standing},
    id::{ScheduleId, UserId},
    oncall::{Because, Schedule, Shift, ShiftsError},
};
use opsknight_store::{
    calendar_feeds,
    db::{DbError, Tx},
};
use sha2::Sha256;
use uuid::Uuid;

pub(crate) mod write;

use self::write::Event;
use crate::{
    api::{access::Caller, change::Change, change::Object, error::ApiError},
    state::AppState,
    views::Feed,
};

/// The purpose for which `Sealer::signing_key` gives the key of these links.
const PURPOSE: &str = "calendar-feed";
/// Two UUIDs: whose link it is, and of which schedule.
const PAYLOAD_BYTES: usize = 16 + 16;
/// The first half of HMAC-SHA256, which RFC 2104 (section 5) allows: 128 bits cannot be guessed.
const TAG_BYTES: usize = 16;
/// How far back a calendar goes.
const BEFORE: SignedDuration = SignedDuration::from_hours(30 * 24);
/// How far ahead it goes.
const AHEAD: SignedDuration = SignedDuration::from_hours(180 * 24);
/// How much earlier shifts are looked for, so that one that is under way where the calendar begins has its true start.
const LOOK_BACK: SignedDuration = SignedDuration::from_hours(60 * 24);

/// What a link is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Link {
    /// Whose it is.
    pub user: UserId,
    /// All shifts of this schedule; none: the person's own on all of them.
    pub schedule: Option<ScheduleId>,
}

impl Link {
    fn payload(self) -> [u8; PAYLOAD_BYTES] {
        let mut bytes = [0; PAYLOAD_BYTES];
        bytes[..16].copy_from_slice(self.user.uuid().as_bytes());
        // No schedule has the identity of nothing.
        bytes[16..].copy_from_slice(self.schedule.map_or(Uuid::nil(), ScheduleId::uuid).as_bytes());
        bytes
    }

    fn mac(self, key: &[u8; 32], generation: i64) -> Hmac<Sha256> {
        let mut mac = Hmac::<Sha256>::new_from_slice(key).expect("HMAC takes a key of any length");
        mac.update(&self.payload());
        mac.update(&generation.to_be_bytes());
        mac
    }

    /// The token of the link, of this generation.
    #[must_use]
    pub fn token(self, key: &[u8; 32], generation: i64) -> String {
        let tag = self.mac(key, generation).finalize().into_bytes();
        BASE64.encode([&self.payload()[..], &tag[..TAG_BYTES]].concat())
    }
}

/// A token that was read and not yet believed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Claim {
    link: Link,
    tag: Vec<u8>,
}

impl Claim {
    /// Reads a token. `None`: it is not of this form.
    #[must_use]
    pub fn read(token: &str) -> Option<Self> {
        let bytes = BASE64.decode(token).ok()?;
        if bytes.len() != PAYLOAD_BYTES + TAG_BYTES {
            return None;
        }
        let (user, rest) = bytes.split_first_chunk::<16>()?;
        let (schedule, tag) = rest.split_first_chunk::<16>()?;
        let schedule = Uuid::from_bytes(*schedule);
        Some(Self {
            link: Link {
                user: UserId::new(Uuid::from_bytes(*user)),
                schedule: (!schedule.is_nil()).then(|| ScheduleId::new(schedule)),
            },
            tag: tag.to_vec(),
        })
    }

    /// What it is for, if it was signed with this key in this generation.
    #[must_use]
    pub fn checked(&self, key: &[u8; 32], generation: i64) -> Option<Link> {
        let mac = self.link.mac(key, generation);
        mac.verify_truncated_left(&self.tag).ok()?;
        Some(self.link)
    }
}

fn key(state: &AppState) -> [u8; 32] {
    state.store.sealer.signing_key(PURPOSE)
}

fn feed(state: &AppState, link: Link, generation: i64) -> Feed {
    let url = state.link(&format!("/calendar/{}.ics", link.token(&key(state), generation)));
    let rest = url.split_once("://").map_or(url.as_str(), |(_, rest)| rest);
    Feed {
        webcal: format!("webcal://{rest}"),
        url,
    }
}

async fn generation(state: &AppState, user: UserId) -> Result<i64, DbError> {
    let unit = async move |tx: &mut Tx<'_>| calendar_feeds::generation(tx, user).await;
    state.store.db.read(unit).await
}

/// The links of a person: to their own shifts, and to the shifts of each of these schedules.
pub(crate) async fn feeds(
    state: &AppState,
    user: UserId,
    schedules: &[ScheduleId],
) -> Result<(Feed, Vec<Feed>), ApiError> {
    let generation = generation(state, user).await?;
    let of = |schedule| feed(state, Link { user, schedule }, generation);
    Ok((of(None), schedules.iter().map(|id| of(Some(*id))).collect()))
}

/// Ends the links that a person has handed out; those that are shown from now on are others.
pub(crate) async fn renew(state: &AppState, caller: &Caller, user: UserId) -> Result<(), ApiError> {
    let change = Change::new(state, caller);
    let unit = async move |tx: &mut Tx<'_>| {
        let known = opsknight_store::users::get(tx, user).await?;
        let known = known.ok_or_else(|| ApiError::not_found("user"))?;
        calendar_feeds::renew(tx, user, change.now).await?;
        let object = Object {
            kind: "user",
            id: &user,
            name: &known.name,
        };
        change
            .record(tx, "calendar_links_renewed", object, serde_json::json!({}))
            .await?;
        Ok::<_, ApiError>(())
    };
    state.store.db.write(unit).await
}

/// The calendar behind a token; none: it opens nothing.
pub(crate) async fn opened(state: &AppState, token: &str) -> Result<Option<String>, ApiError> {
    let Some(claim) = Claim::read(token) else {
        return Ok(None);
    };
    let (key, now) = (key(state), state.clock.now());
    let pictures = state.store.pictures.clone();
    let user = claim.link.user;
    let unit = async move |tx: &mut Tx<'_>| {
        let generation = calendar_feeds::generation(tx, user).await?;
        Ok::<_, DbError>((generation, pictures.current(tx, now).await?))
    };
    let (generation, picture) = state.store.db.read(unit).await?;
    let directory = &picture.directory;
    let Some(link) = claim.checked(&key, generation) else {
        return Ok(None);
    };
    let Some(person) = directory.users.get(&link.user) else {
        return Ok(None);
    };
    if person.standing == Standing::Disabled {
        return Ok(None);
    }
    let name_of = |id: UserId| directory.user_name(id).to_owned();
    let text = match link.schedule {
        Some(id) => match directory.schedules.get(&id) {
            Some(schedule) => of_schedule(schedule, now, &name_of).map_err(too_many)?,
            None => return Ok(None),
        },
        None => of_person(directory, link.user, now),
    };
    Ok(Some(text))
}

fn too_many(error: ShiftsError) -> ApiError {
    ApiError::conflict(error.to_string())
}

/// The shifts of one schedule as a calendar.
pub(crate) fn of_schedule(
    schedule: &Schedule,
    now: Timestamp,
    name_of: &dyn Fn(UserId) -> String,
) -> Result<String, ShiftsError> {
    let events = shifts(schedule, now)?.into_iter().filter_map(|shift| {
        let summary = format!("{}: {}", name_of(shift.user?), schedule.name);
        event(schedule, &shift, summary)
    });
    Ok(write::document(&schedule.name, now, &events.collect::<Vec<_>>()))
}

/// A person's own shifts on all schedules as a calendar. A schedule that changes hands too often to be told is left out.
fn of_person(directory: &Directory, user: UserId, now: Timestamp) -> String {
    let mut events = Vec::new();
    let mut schedules: Vec<&Schedule> = directory.schedules.values().collect();
    schedules.sort_by_key(|schedule| schedule.id);
    for schedule in schedules {
        let mine = shifts(schedule, now).unwrap_or_default().into_iter();
        let mine = mine.filter(|shift| shift.user == Some(user));
        events.extend(mine.filter_map(|shift| event(schedule, &shift, format!("On call: {}", schedule.name))));
    }
    events.sort_by_key(|event| event.start);
    write::document(&format!("{}: on call", directory.user_name(user)), now, &events)
}

/// The shifts that a calendar shows.
fn shifts(schedule: &Schedule, now: Timestamp) -> Result<Vec<Shift>, ShiftsError> {
    let from = now.saturating_sub(BEFORE).unwrap_or(now);
    let to = now.saturating_add(AHEAD).unwrap_or(now);
    let start = from.saturating_sub(LOOK_BACK).unwrap_or(from);
    let mut shifts = schedule.shifts(start, to)?;
    shifts.retain(|shift| shift.end > from);
    // One that has lasted longer still has no start that stays the same from one fetch to the next.
    for shift in shifts.iter_mut().filter(|shift| shift.start == start) {
        shift.start = from;
    }
    Ok(shifts)
}

fn event(schedule: &Schedule, shift: &Shift, summary: String) -> Option<Event> {
    let user = shift.user?;
    let because = shift.because.as_ref().map(Because::to_string).unwrap_or_default();
    Some(Event {
        uid: format!("{}-{}-{user}@opsknight", schedule.id, shift.start.as_second()),
        start: shift.start,
        end: shift.end,
        summary,
        description: format!("On call by {because}"),
    })
}

/// The names of people by their identity, for calendars that are written from them.
pub(crate) fn named(names: &HashMap<UserId, String>) -> impl Fn(UserId) -> String {
    |id| names.get(&id).cloned().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_link_is_for_one_person_one_schedule_and_one_generation() {
        let link = Link {
            user: UserId::new(Uuid::from_u128(7)),
            schedule: Some(ScheduleId::new(Uuid::from_u128(8))),
        };
        let own = Link { schedule: None, ..link };
        let token = link.token(&[7; 32], 0);
        let opens = |token: &str, key: u8, generation| Claim::read(token)?.checked(&[key; 32], generation);
        assert_eq!(opens(&token, 7, 0), Some(link));
        assert_eq!(opens(&own.token(&[7; 32], 3), 7, 3), Some(own));
        assert_eq!(opens(&token, 8, 0), None, "another server's key");
        assert_eq!(opens(&token, 7, 1), None, "the links were made anew");
        let mut forged = BASE64.decode(&token).unwrap();
        forged[31] ^= 1;
        assert_eq!(opens(&BASE64.encode(forged), 7, 0), None);
        for text in ["", "x", &token[1..], &format!("{token}A")] {
            assert_eq!(opens(text, 7, 0), None, "{text}");
        }
    }
}
