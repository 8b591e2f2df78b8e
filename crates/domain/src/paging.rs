//! A person and an urgency turned into messages: which channel, which address, when; and which not, and why.

use std::collections::BTreeSet;

use jiff::{SignedDuration, Timestamp};

use crate::{
    delivery::Purpose,
    directory::{Channel, Directory, Service, Standing, Trouble, User},
    id::{ServiceId, UserId},
    incident::{Happening, NewDelivery, Route},
    urgency::Urgency,
};

/// One message that a page consists of.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Send {
    /// On which channel.
    pub channel: Channel,
    /// At which address.
    pub address: String,
    /// When.
    pub due_at: Timestamp,
    /// It follows the default order of channels: when this one does not take it, the next one is tried.
    pub in_order: bool,
}

impl Send {
    /// "email", or "SMS in 5 min".
    #[must_use]
    pub fn describe(&self, now: Timestamp) -> String {
        let minutes = self.due_at.duration_since(now).as_mins();
        if minutes > 0 {
            format!("{} in {minutes} min", self.channel.name())
        } else {
            self.channel.name().to_owned()
        }
    }
}

/// Something that was not done, and why.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Skipped {
    /// Which channel; none: the person as a whole.
    pub channel: Option<Channel>,
    /// Why, in words.
    pub why: String,
}

/// What paging one person comes to.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Plan {
    /// What is sent.
    pub sends: Vec<Send>,
    /// What is not.
    pub skipped: Vec<Skipped>,
}

/// Plans a page to one person.
///
/// `channels` are those of the escalation step; they replace the person's own rules. Without either, the default
/// holds: push, else Slack, else SMS for high urgency, and mail in any case. Whoever can be reached on none of the
/// wanted channels is reached by mail, if there is any way to send mail: a page must not fail for want of a rule.
#[must_use]
pub fn plan(directory: &Directory, user: UserId, urgency: Urgency, channels: &[Channel], now: Timestamp) -> Plan {
    let mut plan = Plan::default();
    let Some(person) = directory.users.get(&user) else {
        plan.skipped.push(Skipped {
            channel: None,
            why: "there is no such person any more".into(),
        });
        return plan;
    };
    if person.standing == Standing::Disabled {
        plan.skipped.push(Skipped {
            channel: None,
            why: "the account is disabled".into(),
        });
        return plan;
    }
    let rules: Vec<_> = person.rules.iter().filter(|rule| rule.urgency == urgency).collect();
    if !channels.is_empty() {
        let wanted: BTreeSet<_> = channels.iter().copied().collect();
        wanted
            .into_iter()
            .for_each(|channel| plan.try_all(directory, person, channel, now));
    } else if rules.is_empty() {
        plan.by_default(directory, person, urgency, now);
    } else {
        for rule in rules {
            let due_at = now.saturating_add(SignedDuration::from_mins(i64::from(rule.delay_minutes)));
            plan.try_all(directory, person, rule.channel, due_at.unwrap_or(now));
        }
    }
    if plan.sends.is_empty()
        && !plan
            .skipped
            .iter()
            .any(|skipped| skipped.channel == Some(Channel::Email))
    {
        plan.try_all(directory, person, Channel::Email, now);
    }
    plan
}

impl Plan {
    /// Sends on every address of the channel, or says why not.
    fn try_all(&mut self, directory: &Directory, person: &User, channel: Channel, due_at: Timestamp) {
        match addresses(directory, person, channel) {
            Ok(addresses) => {
                self.sends.extend(addresses.into_iter().map(|address| Send {
                    channel,
                    address,
                    due_at,
                    in_order: false,
                }));
            }
            Err(why) => self.skipped.push(Skipped {
                channel: Some(channel),
                why,
            }),
        }
    }

    fn by_default(&mut self, directory: &Directory, person: &User, urgency: Urgency, now: Timestamp) {
        self.sends.extend(next_in_order(directory, person, urgency, &[], now));
        self.try_all(directory, person, Channel::Email, now);
    }
}

/// The channels that are tried in their order until one is taken, where a person has no rules: the fastest first, text
/// messages for high urgency only. Mail is sent besides, in any case.
fn order(urgency: Urgency) -> impl Iterator<Item = Channel> {
    [Channel::Push, Channel::Slack, Channel::Sms]
        .into_iter()
        .filter(move |channel| *channel != Channel::Sms || urgency == Urgency::High)
}

/// The messages on the first channel of the default order that has not been tried and that reaches this person; none
/// where there is no such channel.
#[must_use]
pub fn next_in_order(
    directory: &Directory,
    person: &User,
    urgency: Urgency,
    tried: &[Channel],
    now: Timestamp,
) -> Vec<Send> {
    let found = order(urgency)
        .filter(|channel| !tried.contains(channel))
        .find_map(|channel| Some((channel, addresses(directory, person, channel).ok()?)));
    let Some((channel, found)) = found else {
        return Vec::new();
    };
    let send = |address| Send {
        channel,
        address,
        due_at: now,
        in_order: true,
    };
    found.into_iter().map(send).collect()
}

/// Whether another channel of the default order could be tried after this one.
#[must_use]
pub fn has_next(directory: &Directory, user: UserId, urgency: Urgency, channel: Channel, now: Timestamp) -> bool {
    let tried: Vec<Channel> = order(urgency)
        .take_while(|other| *other != channel)
        .chain([channel])
        .collect();
    directory
        .users
        .get(&user)
        .is_some_and(|person| !next_in_order(directory, person, urgency, &tried, now).is_empty())
}

/// The addresses at which a channel reaches a person; never empty.
fn addresses(directory: &Directory, person: &User, channel: Channel) -> Result<Vec<String>, String> {
    if !directory.channels.contains(&channel) {
        return Err(format!("no provider for {} is set up", channel.name()));
    }
    let mut found = Vec::new();
    if channel == Channel::Email {
        found.push(person.email.clone());
    }
    let has_own = person.contact_methods.iter().any(|method| method.channel == channel);
    if channel == Channel::Slack && !has_own {
        // Slack knows people by their mail address.
        found.push(person.email.clone());
    }
    let (verified, unverified): (Vec<_>, Vec<_>) = person
        .contact_methods
        .iter()
        .filter(|method| method.channel == channel)
        .partition(|method| method.verified);
    for method in verified {
        if !found.contains(&method.address) {
            found.push(method.address.clone());
        }
    }
    let stopped = |address: &String| directory.trouble(channel, address) == Some(Trouble::Stopped);
    if !found.is_empty() && found.iter().all(stopped) {
        return Err(format!("they have asked for no more {} messages", channel.name()));
    }
    found.retain(|address| !stopped(address));
    let failing = |address: &String| directory.trouble(channel, address) == Some(Trouble::Failing);
    if found.iter().any(|address| !failing(address)) {
        // One that works is enough; with none that does, those that failed are tried all the same.
        found.retain(|address| !failing(address));
    }
    match (found.is_empty(), unverified.is_empty()) {
        (false, _) => Ok(found),
        (true, true) => Err(format!("no address for {} is known", channel.name())),
        (true, false) => Err(format!("the address for {} is not verified yet", channel.name())),
    }
}

/// The conversation in Slack that a service tells: the one that it names, or the default one where it wants Slack. None
/// where it chose other channels, or where there is no such conversation.
fn room<'a>(directory: &Directory, service: &'a Service) -> Option<&'a str> {
    let chosen = &service.notification_channels;
    if !directory.channels.contains(&Channel::Slack) {
        return None;
    }
    match &service.slack_channel {
        Some(name) if chosen.is_empty() || chosen.contains(&Channel::Slack) => Some(name),
        None if directory.slack_default && chosen.contains(&Channel::Slack) => Some(""),
        Some(_) | None => None,
    }
}

/// The message by which a conversation is told, if it is. Once it knows of an incident it is told all that becomes of
/// it: that changes the first message and adds a line to its thread, and disturbs nobody.
fn told_in_room(directory: &Directory, service: &Service, happening: Happening, now: Timestamp) -> Option<NewDelivery> {
    let wanted = |happening| service.notify_on.contains(&happening);
    if !wanted(happening) && !wanted(Happening::Triggered) {
        return None;
    }
    let address = room(directory, service)?.to_owned();
    Some(NewDelivery {
        purpose: Purpose::Notice,
        route: Route::Room {
            channel: Channel::Slack,
            address,
        },
        happening,
        due_at: now,
        step: None,
        reason: format!("{} tells its channel", service.name),
        in_order: false,
    })
}

/// The messages by which a service tells its own people, the members of its team, what happened.
pub(crate) fn notices(
    directory: &Directory,
    service: ServiceId,
    happening: Happening,
    now: Timestamp,
) -> Vec<NewDelivery> {
    let Some(service) = directory.services.get(&service) else {
        return Vec::new();
    };
    let mut notices: Vec<NewDelivery> = told_in_room(directory, service, happening, now).into_iter().collect();
    if !service.notify_on.contains(&happening) {
        return notices;
    }
    let in_room = room(directory, service).is_some();
    let team = service.team.and_then(|team| directory.teams.get(&team));
    let members = team
        .into_iter()
        .flat_map(|team| &team.members)
        .filter(|member| member.receives_notifications);
    let people = members
        .filter_map(|member| directory.users.get(&member.user))
        .filter(|person| person.standing != Standing::Disabled && person.wants_news);
    for person in people {
        for &channel in &service.notification_channels {
            if channel == Channel::Slack && in_room {
                continue;
            }
            let Ok(found) = addresses(directory, person, channel) else {
                continue;
            };
            notices.extend(found.into_iter().map(|address| NewDelivery {
                purpose: Purpose::Notice,
                route: Route::Person {
                    user: person.id,
                    channel,
                    address,
                },
                happening,
                due_at: now,
                step: None,
                reason: format!("{} tells its team", service.name),
                in_order: false,
            }));
        }
    }
    notices
}

/// The messages that tell one person something that is no page, by the channels on which the service tells its people,
/// or by mail where none of those reaches them. None to whoever wants no news.
pub(crate) fn personal_notice(
    directory: &Directory,
    service: ServiceId,
    user: UserId,
    why: &str,
    now: Timestamp,
) -> Vec<NewDelivery> {
    let wanted = |person: &&User| person.standing != Standing::Disabled && person.wants_news;
    let Some(person) = directory.users.get(&user).filter(wanted) else {
        return Vec::new();
    };
    let chosen = directory
        .services
        .get(&service)
        .map(|service| &service.notification_channels);
    let on = |channel: Channel| {
        let found = addresses(directory, person, channel).unwrap_or_default().into_iter();
        found.map(move |address| (channel, address))
    };
    let mut ways: Vec<(Channel, String)> = chosen.into_iter().flatten().copied().flat_map(on).collect();
    if ways.is_empty() {
        ways.extend(on(Channel::Email));
    }
    let told = ways.into_iter().map(|(channel, address)| NewDelivery {
        purpose: Purpose::Notice,
        route: Route::Person { user, channel, address },
        happening: Happening::NoteAdded,
        due_at: now,
        step: None,
        reason: why.to_owned(),
        in_order: false,
    });
    told.collect()
}

/// Messages to one address that may follow each other at once, before they are gathered.
const BURST: usize = 2;
/// How long a message counts against those that follow it: what is older need not be told to [`not_before`].
pub const REMEMBERED: SignedDuration = SignedDuration::from_mins(15);
/// The wait between the first two messages that are gathered; each further wait is twice as long.
const FIRST_GAP: SignedDuration = SignedDuration::from_secs(30);
/// The longest wait between two messages to one address.
const LONGEST_GAP: SignedDuration = SignedDuration::from_mins(2);

/// When the next page may go to an address, so that a storm is not a hundred messages. `recent` are the pages that were
/// sent there, with how urgent each was; `urgency` is that of what waits.
///
/// Two go out at once; those that come after them are gathered, and go together in one message, at waits that grow from
/// half a minute to two. Only pages of the same or a higher urgency count: something worse than all that was said is
/// never held back.
#[must_use]
pub fn not_before(recent: &[(Timestamp, Urgency)], urgency: Urgency, now: Timestamp) -> Timestamp {
    let since = now.saturating_sub(REMEMBERED).unwrap_or(Timestamp::MIN);
    let counted = recent.iter().filter(|(at, said)| *at > since && *said >= urgency);
    // What was sent by a clock that has been set back since was sent now at the latest: nobody waits for as long as that was.
    let (count, last) = counted.fold((0, Timestamp::MIN), |(count, last), (at, _)| {
        (count + 1, last.max(*at).min(now))
    });
    let Some(gathered) = usize::checked_sub(count, BURST) else {
        return now;
    };
    let doublings = u32::try_from(gathered).unwrap_or(u32::MAX).min(8);
    let gap = FIRST_GAP.saturating_mul(1 << doublings).min(LONGEST_GAP);
    last.saturating_add(gap).unwrap_or(Timestamp::MAX).max(now)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: i64) -> Timestamp {
        Timestamp::from_second(1_800_000_000 + seconds).unwrap()
    }

    /// What an address gets when a page comes due every tenth of a second for so many seconds.
    fn storm(seconds: i64, urgency: Urgency) -> Vec<i64> {
        let mut sent: Vec<(Timestamp, Urgency)> = Vec::new();
        let mut waiting = false;
        for tenth in 0..seconds * 10 + 6000 {
            let now = at(0) + SignedDuration::from_millis(tenth * 100);
            waiting |= tenth < seconds * 10;
            if waiting && not_before(&sent, urgency, now) <= now {
                sent.push((now, urgency));
                waiting = false;
            }
        }
        sent.iter()
            .map(|(time, _)| time.duration_since(at(0)).as_secs())
            .collect()
    }

    #[test]
    fn a_storm_is_a_handful_of_messages_and_then_a_bounded_rate() {
        assert_eq!(storm(60, Urgency::High), [0, 0, 30, 90]);
        let hour = storm(3600, Urgency::High);
        assert!(
            hour.len() < 36 && hour.windows(2).skip(4).all(|pair| pair[1] - pair[0] >= 120),
            "{hour:?}"
        );
    }

    #[test]
    fn pages_now_and_then_are_never_held_back() {
        for gap in [151, 300, 3600] {
            let sent: Vec<_> = (0..20).map(|n| (at(n * gap), Urgency::High)).collect();
            assert_eq!(not_before(&sent, Urgency::High, at(20 * gap)), at(20 * gap), "{gap}");
        }
    }

    #[test]
    fn a_clock_that_was_set_back_holds_back_no_longer_than_any_other() {
        let sent = [(at(3600), Urgency::High), (at(3601), Urgency::High)];
        assert_eq!(not_before(&sent, Urgency::High, at(0)), at(30));
    }

    #[test]
    fn what_is_worse_is_not_held_back_by_what_is_not() {
        let sent = [(at(0), Urgency::Low), (at(1), Urgency::Low), (at(2), Urgency::Medium)];
        assert_eq!(not_before(&sent, Urgency::High, at(3)), at(3));
        assert_eq!(not_before(&sent, Urgency::Medium, at(3)), at(3));
        assert_eq!(not_before(&sent, Urgency::Low, at(3)), at(62));
    }
}
