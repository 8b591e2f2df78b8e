//! What is right, computed slowly and from the contract: who is on call, whom a step pages by which messages, and which
//! step runs next. It shares plain data with the program and no rule, so that a mistake there is not made here again.

use jiff::{SignedDuration, Timestamp};
use opsknight_domain::{
    directory::{Channel, Standing, Step, Target},
    id::{PolicyId, UserId},
    urgency::Urgency,
};

use crate::org::{Org, Person};

pub(crate) mod oncall;

/// A message that must be sent.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Page {
    pub(crate) user: UserId,
    pub(crate) channel: Channel,
    pub(crate) address: String,
    pub(crate) due: Timestamp,
    pub(crate) step: Option<(u32, u32)>,
    /// One of the default order of channels: when it fails, the next one is tried.
    pub(crate) in_order: bool,
}

/// Where escalation stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Stand {
    pub(crate) round: u32,
    pub(crate) next: u32,
}

/// What running the step that is due comes to.
#[derive(Debug, Clone, Default)]
pub(crate) struct Run {
    /// The steps that run, each as round and place.
    pub(crate) steps: Vec<(u32, u32)>,
    pub(crate) pages: Vec<Page>,
    pub(crate) stand: Stand,
    /// When the next one runs; none: never.
    pub(crate) due: Option<Timestamp>,
}

/// A step pages, and then its wait begins. One that reaches nobody is not waited for. When no step of a whole pass reaches
/// anybody there is a minute's rest before the next round, if there is one.
pub(crate) fn run(org: &Org, policy: Option<PolicyId>, urgency: Urgency, from: Stand, at: Timestamp) -> Run {
    let mut run = Run {
        stand: from,
        ..Run::default()
    };
    let Some(policy) = policy.and_then(|id| org.policy(id)) else {
        return run;
    };
    let count = u32::try_from(policy.steps.len()).unwrap_or(u32::MAX);
    for _ in 0..count {
        if run.stand.next >= count {
            if run.stand.round >= policy.repeat {
                return run;
            }
            run.stand = Stand {
                round: run.stand.round + 1,
                next: 0,
            };
        }
        let place = (run.stand.round, run.stand.next);
        run.steps.push(place);
        run.stand.next += 1;
        let step = &policy.steps[place.1 as usize];
        let pages = step_pages(org, step, urgency, place, at);
        if !pages.is_empty() {
            run.pages.extend(pages);
            run.due = Some(later(at, step.delay_minutes));
            return run;
        }
    }
    if count == 0 {
        return run;
    }
    if run.stand.next >= count && run.stand.round < policy.repeat {
        run.stand = Stand {
            round: run.stand.round + 1,
            next: 0,
        };
        run.due = Some(later(at, 1));
    } else if run.stand.next < count {
        run.due = Some(later(at, 1));
    }
    run
}

fn later(at: Timestamp, minutes: u32) -> Timestamp {
    at + SignedDuration::from_mins(i64::from(minutes))
}

fn step_pages(org: &Org, step: &Step, urgency: Urgency, place: (u32, u32), at: Timestamp) -> Vec<Page> {
    let mut who: Vec<UserId> = Vec::new();
    for target in &step.targets {
        let named: Vec<UserId> = match target {
            Target::User(user) => vec![*user],
            Target::Team { id, lead_only } => {
                let members = org.team(*id).map_or(&[][..], |team| &team.members);
                let wanted = members.iter().filter(|member| {
                    if *lead_only {
                        member.lead
                    } else {
                        member.receives_notifications
                    }
                });
                wanted.map(|member| member.user).collect()
            }
            Target::Schedule(id) => org
                .rota(*id)
                .and_then(|rota| oncall::on_call(rota, at))
                .into_iter()
                .collect(),
        };
        for user in named {
            if !who.contains(&user) {
                who.push(user);
            }
        }
    }
    who.into_iter()
        .flat_map(|user| pages(org, user, urgency, &step.channels, Some(place), at))
        .collect()
}

/// The messages that page somebody: on the step's channels, else by their own rules, else the default: the fastest that
/// there is, and mail. Who is reached by none of them is reached by mail.
pub(crate) fn pages(
    org: &Org,
    user: UserId,
    urgency: Urgency,
    channels: &[Channel],
    step: Option<(u32, u32)>,
    at: Timestamp,
) -> Vec<Page> {
    let Some(person) = org
        .person(user)
        .filter(|person| person.row.standing != Standing::Disabled)
    else {
        return Vec::new();
    };
    let on = |channel: Channel, due: Timestamp| {
        let found = addresses(org, person, channel).into_iter();
        found.map(move |address| Page {
            user,
            channel,
            address,
            due,
            step,
            in_order: false,
        })
    };
    let rules: Vec<_> = person
        .rules
        .iter()
        .filter(|rule| rule.rule.urgency == urgency)
        .collect();
    let mut pages: Vec<Page> = Vec::new();
    if !channels.is_empty() {
        let mut wanted = channels.to_vec();
        wanted.sort_unstable();
        wanted.dedup();
        wanted.into_iter().for_each(|channel| pages.extend(on(channel, at)));
    } else if !rules.is_empty() {
        for rule in rules {
            pages.extend(on(rule.rule.channel, later(at, rule.rule.delay_minutes)));
        }
    } else {
        pages.extend(next_in_order(org, user, urgency, &[], step, at));
        pages.extend(on(Channel::Email, at));
    }
    if pages.is_empty() {
        pages.extend(on(Channel::Email, at));
    }
    pages
}

/// The messages on the first channel of the default order that was not tried and reaches this person.
pub(crate) fn next_in_order(
    org: &Org,
    user: UserId,
    urgency: Urgency,
    tried: &[Channel],
    step: Option<(u32, u32)>,
    at: Timestamp,
) -> Vec<Page> {
    let Some(person) = org
        .person(user)
        .filter(|person| person.row.standing != Standing::Disabled)
    else {
        return Vec::new();
    };
    for channel in [Channel::Push, Channel::Slack, Channel::Sms] {
        if tried.contains(&channel) || (channel == Channel::Sms && urgency != Urgency::High) {
            continue;
        }
        let found = addresses(org, person, channel);
        if !found.is_empty() {
            let page = |address| Page {
                user,
                channel,
                address,
                due: at,
                step,
                in_order: true,
            };
            return found.into_iter().map(page).collect();
        }
    }
    Vec::new()
}

/// The verified addresses of somebody on a channel that has a provider. A mail address is one from the start, and Slack
/// knows people by it who have given none of their own.
fn addresses(org: &Org, person: &Person, channel: Channel) -> Vec<String> {
    if !org.channels.contains(&channel) {
        return Vec::new();
    }
    let own: Vec<_> = person
        .methods
        .iter()
        .filter(|method| method.channel == channel)
        .collect();
    let mut found = Vec::new();
    if channel == Channel::Email || (channel == Channel::Slack && own.is_empty()) {
        found.push(person.row.email.clone());
    }
    for method in own {
        if method.verified_at.is_some() && !found.contains(&method.address) {
            found.push(method.address.clone());
        }
    }
    found
}
