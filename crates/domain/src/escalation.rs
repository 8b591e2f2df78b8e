//! A policy, an incident and the time, turned into pages and the next due time.
//!
//! A step runs, then waits for an acknowledgement. A step that reaches nobody does not wait: the next runs at once,
//! and the timeline says so. After the last step the policy begins again as often as it says, and then escalation
//! has ended, which the timeline says too.

use jiff::{SignedDuration, Timestamp};
use serde_json::json;

use crate::{
    delivery::{self, Purpose},
    directory::{Channel, Directory, Policy, Standing, Target},
    id::UserId,
    incident::{Actor, Change, Entry, EntryKind, Happening, Incident, Progress, Refusal, Status},
    maintenance, paging, sla,
};

/// Most steps that a policy may have.
pub const STEPS_MAX: usize = 50;
/// Most targets that a step may have.
pub const TARGETS_MAX: usize = 100;
/// Most times that the steps are repeated.
pub const REPEAT_MAX: u32 = 9;
/// Longest wait after a step, in minutes: a week.
pub const DELAY_MINUTES_MAX: u32 = 7 * 24 * 60;
/// The wait before a policy whose steps reach nobody at all is gone through once more, in minutes.
const UNREACHED_WAIT_MINUTES: i64 = 1;

/// Somebody whom a target names, and why.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Called {
    /// Who.
    pub user: UserId,
    /// "on call for Platform by layer Primary".
    pub why: String,
}

/// Begins escalation at the first step, now.
pub(crate) fn start(change: &mut Change, directory: &Directory, now: Timestamp) {
    change.incident.progress = Progress {
        round: 0,
        next_step: 0,
        due: Some(now),
    };
    change.incident.escalations += 1;
    run_due(change, directory, now);
}

/// Does everything about an incident that is due by now: the end of a snooze, the closing of a test, clocks that ran
/// out, and the next step. None when nothing is due.
#[must_use]
pub fn tick(incident: Incident, directory: &Directory, now: Timestamp) -> Option<Change> {
    if incident.due_at().is_none_or(|due| due > now) {
        return None;
    }
    if incident.closes_at.is_some_and(|due| due <= now) && incident.status != Status::Resolved {
        let closed = incident.resolve(&Actor::System, None, directory, now);
        return Some(closed.expect("an incident that is not resolved can be"));
    }
    if incident.status == Status::Snoozed && incident.snoozed_until.is_some_and(|due| due <= now) {
        if incident.in_maintenance {
            return maintenance::settle(incident, directory, now);
        }
        let mut change = incident
            .reopen(&Actor::System, directory, now)
            .expect("an incident that is snoozed can be reopened");
        sla::breaches(&mut change, directory, now);
        return Some(change);
    }
    let mut change = Change::of(incident);
    sla::breaches(&mut change, directory, now);
    if change.incident.status == Status::Open && change.incident.progress.due.is_some_and(|due| due <= now) {
        run_due(&mut change, directory, now);
    }
    change.incident.updated_at = now;
    Some(change)
}

/// Somebody does not want to wait: the next step runs at once. Where every step was run, the policy begins anew.
///
/// Only an open incident escalates. One that is acknowledged is not reopened by it: somebody works on it, and whoever
/// wants more people says so with a responder, or reopens it in so many words.
///
/// # Errors
/// When it is not open, is a test, or has no policy with a step.
pub fn escalate(incident: Incident, actor: &Actor, directory: &Directory, now: Timestamp) -> Result<Change, Refusal> {
    let no = |why: &str| Err(Refusal::State(why.to_owned()));
    match incident.status {
        Status::Open => {}
        Status::Acknowledged => {
            return no("the incident is acknowledged; add a responder to page somebody else, or reopen it to escalate");
        }
        Status::Snoozed => return no("the incident is snoozed; reopen it to escalate"),
        Status::Suppressed => return no("the incident is suppressed; reopen it to escalate"),
        Status::Resolved => return no("the incident is resolved; reopen it first"),
    }
    if incident.is_test {
        return no("nobody is paged for a test");
    }
    let Some(policy) = incident.policy.and_then(|id| directory.policies.get(&id)) else {
        return no("there is no escalation policy to go on with; add a responder instead");
    };
    if policy.steps.is_empty() {
        return no("the escalation policy has no steps; add a responder instead");
    }
    let mut change = Change::of(incident);
    let incident = &mut change.incident;
    let through =
        incident.progress.next_step as usize >= policy.steps.len() && incident.progress.round >= policy.repeat;
    if through {
        incident.progress = Progress::default();
        incident.escalations += 1;
    }
    incident.progress.due = Some(now);
    change.incident.updated_at = now;
    let again = if through { ", from the first step" } else { "" };
    let text = format!("Escalated by {}{again}", actor.name());
    change.entries.push(Entry::by(EntryKind::Escalated, actor, text));
    if through {
        // The step says it for all others.
        change.tell(Happening::Escalated, directory, now);
    }
    run_due(&mut change, directory, now);
    Ok(change)
}

/// Moves on when every page of the step that was run last has failed for good: nobody will hear of it, so nobody is
/// waited for. `escalation` is which of the incident's escalations ran the step. None when the incident is past that step
/// or not open.
#[must_use]
pub fn unheard(
    incident: Incident,
    escalation: u32,
    step: (u32, u32),
    directory: &Directory,
    now: Timestamp,
) -> Option<Change> {
    let is_last = last_run(&incident, directory)? == step && incident.escalations == escalation;
    if incident.status != Status::Open || !is_last || incident.progress.due.is_none() {
        return None;
    }
    let mut change = Change::of(incident);
    let text = format!(
        "No page of step {} could be sent, so escalation moves on at once",
        step.1 + 1
    );
    change.entries.push(Entry::system(EntryKind::NotPaged, text));
    change.incident.progress.due = Some(now);
    run_due(&mut change, directory, now);
    change.incident.updated_at = now;
    Some(change)
}

/// Goes on to the next channel of the default order when no message on the channels before it was taken. `tried` are
/// those channels, and `escalation` is which of the incident's escalations decided on the page. None when nobody need be
/// paged any more, or when escalation has begun anew and calls everybody again; a change of nothing but words when no
/// channel is left.
#[must_use]
pub fn next_channel(
    incident: Incident,
    escalation: u32,
    user: UserId,
    step: Option<(u32, u32)>,
    tried: &[Channel],
    directory: &Directory,
    now: Timestamp,
) -> Option<Change> {
    let person = directory.users.get(&user)?;
    if person.standing == Standing::Disabled {
        return None;
    }
    if delivery::not_wanted(Purpose::Page, step.is_some(), Some(incident.status), now, now).is_some() {
        return None;
    }
    if step.is_some() && incident.escalations != escalation {
        return None;
    }
    let sends = paging::next_in_order(directory, person, incident.urgency, tried, now);
    let mut change = Change::of(incident);
    let Some(first) = sends.first() else {
        return Some(change);
    };
    let name = first.channel.name();
    let text = format!("Paging {} by {name} instead", person.name);
    let data = json!({ "userId": user.to_string() });
    change.entries.push(Entry::system(EntryKind::Paged, text).with(data));
    change.send_page(user, sends, step, &format!("{name} is next"));
    Some(change)
}

/// The round and step that was run last.
fn last_run(incident: &Incident, directory: &Directory) -> Option<(u32, u32)> {
    let Progress { round, next_step, .. } = incident.progress;
    if next_step > 0 {
        return Some((round, next_step - 1));
    }
    let policy = directory.policies.get(&incident.policy?)?;
    let steps = u32::try_from(policy.steps.len()).ok()?;
    Some((round.checked_sub(1)?, steps.checked_sub(1)?))
}

/// Runs the step that is due, and those after it for as long as nobody is reached.
fn run_due(change: &mut Change, directory: &Directory, now: Timestamp) {
    let Some(policy) = change.incident.policy.and_then(|id| directory.policies.get(&id)) else {
        return end(
            change,
            EntryKind::NotPaged,
            "Nobody could be paged: the service has no escalation policy",
        );
    };
    if policy.steps.is_empty() {
        let text = format!("Nobody could be paged: the policy {} has no steps", policy.name);
        return end(change, EntryKind::NotPaged, &text);
    }
    // One pass over all steps is enough to know that nobody can be reached now.
    for _ in 0..policy.steps.len() {
        if !next_round(change, policy) {
            let text = format!(
                "Escalation has ended: every step of {} was run and nobody acknowledged",
                policy.name
            );
            return end(change, EntryKind::Exhausted, &text);
        }
        let progress = change.incident.progress;
        let step = &policy.steps[progress.next_step as usize];
        let reached = run_step(change, policy, directory, now);
        change.incident.progress.next_step += 1;
        if reached {
            let wait = SignedDuration::from_mins(i64::from(step.delay_minutes));
            change.incident.progress.due = Some(now.checked_add(wait).unwrap_or(Timestamp::MAX));
            return;
        }
    }
    if next_round(change, policy) {
        let wait = SignedDuration::from_mins(UNREACHED_WAIT_MINUTES);
        change.incident.progress.due = now.checked_add(wait).ok();
        let text = format!(
            "No step of {} reaches anybody now; it is tried again in a minute",
            policy.name
        );
        change.entries.push(Entry::system(EntryKind::NotPaged, text));
    } else {
        let text = format!("Escalation has ended: no step of {} could reach anybody", policy.name);
        end(change, EntryKind::Exhausted, &text);
    }
}

/// Where the steps are through, begins the next round. False when there is none.
fn next_round(change: &mut Change, policy: &Policy) -> bool {
    let progress = &mut change.incident.progress;
    if (progress.next_step as usize) < policy.steps.len() {
        return true;
    }
    if progress.round >= policy.repeat {
        return false;
    }
    *progress = Progress {
        round: progress.round + 1,
        next_step: 0,
        due: progress.due,
    };
    true
}

fn end(change: &mut Change, kind: EntryKind, text: &str) {
    change.incident.progress.due = None;
    change.entries.push(Entry::system(kind, text));
}

/// Runs one step. True when at least one message to a person was decided on.
fn run_step(change: &mut Change, policy: &Policy, directory: &Directory, now: Timestamp) -> bool {
    let Progress { round, next_step, .. } = change.incident.progress;
    let step = &policy.steps[next_step as usize];
    let first = round == 0 && next_step == 0;
    let again = if round == 0 {
        String::new()
    } else {
        format!(", time {}", round + 1)
    };
    let text = format!("Step {} of {}{again}", next_step + 1, policy.name);
    let by_step = format!("step {} of {}{again}", next_step + 1, policy.name);
    let data = json!({ "policyId": policy.id.to_string(), "step": next_step + 1, "round": round + 1 });
    change
        .entries
        .push(Entry::system(EntryKind::Escalated, &text).with(data));
    if !first {
        change.tell(Happening::Escalated, directory, now);
    }
    let (called, nobody) = called(&step.targets, directory, now);
    for why in nobody {
        change.entries.push(Entry::system(EntryKind::NotPaged, why));
    }
    let mut reached = false;
    for person in called {
        let why = format!("{}; {by_step}", person.why);
        if change.page(
            person.user,
            &why,
            Some((round, next_step)),
            &step.channels,
            directory,
            now,
        ) {
            let incident = &mut change.incident;
            if !reached && !incident.assigned_by_hand {
                incident.assignee = Some(person.user);
            }
            reached = true;
        }
    }
    if !reached {
        let text = format!("Step {} reaches nobody, so escalation moves on at once", next_step + 1);
        change.entries.push(Entry::system(EntryKind::NotPaged, text));
    }
    reached
}

/// Whom the targets name at this time, each person once, and why a target names nobody.
#[must_use]
pub fn called(targets: &[Target], directory: &Directory, now: Timestamp) -> (Vec<Called>, Vec<String>) {
    let mut called: Vec<Called> = Vec::new();
    let mut nobody = Vec::new();
    let mut call = |user: UserId, why: String| {
        if !called.iter().any(|person| person.user == user) {
            called.push(Called { user, why });
        }
    };
    for target in targets {
        match target {
            Target::User(user) => call(*user, "named by the policy".to_owned()),
            Target::Team { id, lead_only } => match directory.teams.get(id) {
                None => nobody.push("The step names a team that was removed".to_owned()),
                Some(team) => {
                    let wanted = |lead: bool, receives: bool| if *lead_only { lead } else { receives };
                    let mut any = false;
                    for member in &team.members {
                        if wanted(member.lead, member.receives_notifications) {
                            any = true;
                            let role = if *lead_only { "lead" } else { "member" };
                            call(member.user, format!("{role} of team {}", team.name));
                        }
                    }
                    if !any {
                        let who = if *lead_only {
                            "nobody leads it"
                        } else {
                            "no member receives its notifications"
                        };
                        nobody.push(format!("Team {} names nobody: {who}", team.name));
                    }
                }
            },
            Target::Schedule(id) => match directory.schedules.get(id) {
                None => nobody.push("The step names a schedule that was removed".to_owned()),
                Some(schedule) => {
                    let on_call = schedule.on_call(now);
                    match on_call.user() {
                        Some(user) => call(user, format!("{} of {}", on_call.reason(), schedule.name)),
                        None => nobody.push(format!("Schedule {}: {}", schedule.name, on_call.reason())),
                    }
                }
            },
        }
    }
    (called, nobody)
}
