//! What people and teams have to do with duty: whether somebody can be reached, when they are on call next, which
//! schedules are a team's, which incidents are theirs. Asks `domain` and draws no page.

use std::collections::HashMap;

use jiff::{SignedDuration, Timestamp};
use opsknight_domain::{
    directory::{Directory, Standing, Target, Team},
    id::{ScheduleId, UserId},
    incident::Status,
    oncall::Schedule,
    paging,
    urgency::Urgency,
};
use opsknight_store::incidents::{Filter, Listed, Sort};

use super::viewer::Viewer;
use crate::views::{Badge, Link, NextDuty, OwnIncident, Tone};

/// How far ahead somebody's duties are looked for.
const AHEAD: SignedDuration = SignedDuration::from_hours(28 * 24);
/// Most incidents beside a person or a team.
const INCIDENTS_MAX: i64 = 10;

/// Whether a page of high urgency would reach somebody now, and by what.
pub(super) fn reachable(directory: &Directory, user: UserId, now: Timestamp) -> Badge {
    if directory
        .users
        .get(&user)
        .is_some_and(|user| user.standing == Standing::Disabled)
    {
        return Badge::new(Tone::Quiet, "Not paged");
    }
    let plan = paging::plan(directory, user, Urgency::High, &[], now);
    let mut ways: Vec<&str> = Vec::new();
    for send in &plan.sends {
        if !ways.contains(&send.channel.name()) {
            ways.push(send.channel.name());
        }
    }
    match ways.as_slice() {
        [] => Badge::new(Tone::Bad, "Cannot be reached"),
        ["email"] => Badge::new(Tone::Waiting, "Email only"),
        _ => Badge::new(Tone::Good, sentence(&ways.join(", "))),
    }
}

fn sentence(text: &str) -> String {
    let mut signs = text.chars();
    let first = signs.next().into_iter().flat_map(char::to_uppercase);
    first.chain(signs).collect()
}

/// When everybody is on call next, or until when they are now: the soonest shift of each.
pub(super) fn next_of_all(viewer: &Viewer) -> HashMap<UserId, NextDuty> {
    let end = viewer.now.saturating_add(AHEAD).unwrap_or(viewer.now);
    let mut soonest: HashMap<UserId, (Timestamp, Timestamp, &Schedule)> = HashMap::new();
    for schedule in viewer.directory().schedules.values() {
        for shift in schedule.shifts(viewer.now, end).unwrap_or_default() {
            let Some(user) = shift.user else { continue };
            let this = (shift.start, shift.end, schedule);
            let known = soonest.entry(user).or_insert(this);
            if (this.0, this.2.id) < (known.0, known.2.id) {
                *known = this;
            }
        }
    }
    let told = |(user, (start, end, schedule)): (UserId, (Timestamp, Timestamp, &Schedule))| {
        let is_now = start <= viewer.now;
        let duty = NextDuty {
            schedule: Link::new(format!("/schedules/{}", schedule.id), &schedule.name),
            at: viewer.times(if is_now { end } else { start }),
            is_now,
        };
        (user, duty)
    };
    soonest.into_iter().map(told).collect()
}

/// The schedules that are a team's: those by which its services page, and those on which a member takes turns.
pub(super) fn schedules_of<'a>(directory: &'a Directory, team: &Team) -> Vec<&'a Schedule> {
    let services = directory
        .services
        .values()
        .filter(|service| service.team == Some(team.id));
    let policies = services.filter_map(|service| directory.policies.get(&service.policy?));
    let targets = policies.flat_map(|policy| policy.steps.iter().flat_map(|step| &step.targets));
    let paged: Vec<ScheduleId> = targets
        .filter_map(|target| match target {
            Target::Schedule(id) => Some(*id),
            Target::User(_) | Target::Team { .. } => None,
        })
        .collect();
    let is_member = |id: &UserId| team.members.iter().any(|member| member.user == *id);
    let takes_turns = |schedule: &Schedule| schedule.layers.iter().any(|layer| layer.users.iter().any(is_member));
    let mut found: Vec<&Schedule> = directory
        .schedules
        .values()
        .filter(|schedule| paged.contains(&schedule.id) || takes_turns(schedule))
        .collect();
    found.sort_by_key(|schedule| schedule.name.to_lowercase());
    found
}

/// What is not over yet, the gravest first.
pub(super) fn live() -> Filter {
    Filter {
        statuses: vec![Status::Open, Status::Acknowledged, Status::Snoozed],
        sort: Sort::Urgency,
        limit: INCIDENTS_MAX,
        ..Filter::default()
    }
}

/// An incident beside a person or a team.
pub(super) fn own_incident(viewer: &Viewer, listed: Listed) -> OwnIncident {
    let incident = listed.incident;
    let text = format!("#{} {}", incident.number, incident.title);
    OwnIncident {
        link: Link::new(format!("/incidents/{}", incident.id), text),
        status: incident.status,
        urgency: incident.urgency,
        service: listed.service_name,
        created: viewer.times(incident.created_at),
    }
}
