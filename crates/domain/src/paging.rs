//! A person and an urgency turned into messages: which channel, which address, when; and which not, and why.

use std::collections::BTreeSet;

use jiff::{SignedDuration, Timestamp};

use crate::{
    delivery::Purpose,
    directory::{Channel, Directory, Standing, User},
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
                }));
            }
            Err(why) => self.skipped.push(Skipped {
                channel: Some(channel),
                why,
            }),
        }
    }

    fn by_default(&mut self, directory: &Directory, person: &User, urgency: Urgency, now: Timestamp) {
        let fast = [Channel::Push, Channel::Slack, Channel::Sms];
        let fitting = fast
            .into_iter()
            .filter(|channel| *channel != Channel::Sms || urgency == Urgency::High);
        if let Some((channel, found)) = fitting
            .into_iter()
            .find_map(|channel| addresses(directory, person, channel).ok().map(|found| (channel, found)))
        {
            self.sends.extend(found.into_iter().map(|address| Send {
                channel,
                address,
                due_at: now,
            }));
        }
        self.try_all(directory, person, Channel::Email, now);
    }
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
    match (found.is_empty(), unverified.is_empty()) {
        (false, _) => Ok(found),
        (true, true) => Err(format!("no address for {} is known", channel.name())),
        (true, false) => Err(format!("the address for {} is not verified yet", channel.name())),
    }
}

/// The messages by which a service tells its own people, the members of its team, what happened.
pub(crate) fn notices(
    directory: &Directory,
    service: ServiceId,
    happening: Happening,
    now: Timestamp,
) -> Vec<NewDelivery> {
    let Some(service) = directory
        .services
        .get(&service)
        .filter(|service| service.notify_on.contains(&happening))
    else {
        return Vec::new();
    };
    let team = service.team.and_then(|team| directory.teams.get(&team));
    let members = team
        .into_iter()
        .flat_map(|team| &team.members)
        .filter(|member| member.receives_notifications);
    let people = members
        .filter_map(|member| directory.users.get(&member.user))
        .filter(|person| person.standing != Standing::Disabled);
    let mut notices = Vec::new();
    for person in people {
        for &channel in &service.notification_channels {
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
            }));
        }
    }
    notices
}
