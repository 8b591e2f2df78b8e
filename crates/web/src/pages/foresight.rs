//! What will happen next, told by the same code that will do it: `domain` is asked what it would decide at each time
//! that is due, and what it answers is shown instead of stored.

use jiff::Timestamp;
use opsknight_domain::{
    delivery::Purpose,
    directory::{Channel, Directory, Policy},
    escalation,
    id::UserId,
    incident::{Change, Entry, EntryKind, Incident, Route, Status},
    paging,
    sla::Clocks,
    urgency::Urgency,
};
use opsknight_store::deliveries;

use super::viewer::Viewer;
use crate::views::{NextUp, PagedNow, Person};

/// How many things to come are shown.
const AHEAD_MAX: usize = 6;

/// What will happen to an incident if nobody does anything: what is decided on and waits for its time, and what would be
/// decided then.
pub(super) fn next_up(viewer: &Viewer, incident: &Incident, waiting: &[deliveries::Listed]) -> Vec<NextUp> {
    let directory = viewer.directory();
    let mut ahead: Vec<(Timestamp, String)> = waiting.iter().map(|page| (page.due_at, waits(page))).collect();
    let mut incident = incident.clone();
    for _ in 0..AHEAD_MAX {
        let Some(due) = incident.due_at() else { break };
        let (before, at) = (incident.clocks, due.max(viewer.now));
        let Some(change) = escalation::tick(incident, directory, at) else {
            break;
        };
        ahead.push((due, told(before, &change, directory, at)));
        if change.incident.due_at() == Some(due) {
            break;
        }
        incident = change.incident;
    }
    ahead.sort_by_key(|(at, _)| *at);
    ahead.truncate(AHEAD_MAX);
    let told = ahead.into_iter().map(|(at, text)| NextUp {
        at: viewer.times(at),
        text,
    });
    told.collect()
}

/// A page that waits for its time.
fn waits(page: &deliveries::Listed) -> String {
    let name = page.user_name.as_deref().unwrap_or("somebody who was removed");
    let channel = Channel::from_word(&page.channel).map_or("message", Channel::name);
    if page.tries > 0 {
        format!("Page {name} by {channel} again: it was not taken")
    } else {
        format!("Page {name} by {channel} as well, if nobody has acknowledged by then")
    }
}

/// A change that has not happened, in words. `before` are the clocks without it, `at` is when it would happen.
fn told(before: Clocks, change: &Change, directory: &Directory, at: Timestamp) -> String {
    let after = change.incident.clocks;
    // The story says that a target was missed; here it still lies ahead.
    let targets = [
        ("acknowledge", after.ack_breached && !before.ack_breached),
        ("resolve", after.resolve_breached && !before.resolve_breached),
    ];
    let missed = targets.into_iter().filter(|(_, missed)| *missed);
    let missed = missed.map(|(what, _)| format!("The target to {what} is missed"));
    let plain = [EntryKind::Resolved, EntryKind::Reopened, EntryKind::Exhausted];
    let last = change.entries.len().saturating_sub(1);
    let says = |(place, entry): (usize, &Entry)| {
        if entry.kind != EntryKind::Escalated {
            // Who is not paged by what is told when it happens; that in the end nobody is must be known before.
            let ends = entry.kind == EntryKind::NotPaged && place == last;
            return (ends || plain.contains(&entry.kind)).then(|| entry.text.clone());
        }
        let index = entry.data["step"].as_u64()?.checked_sub(1)?;
        let pages = paged(change, u32::try_from(index).ok()?, directory, at);
        Some(match pages.is_empty() {
            true => format!("{} reaches nobody", entry.text),
            false => format!("{}: page {pages}", entry.text),
        })
    };
    let entries = change.entries.iter().enumerate().filter_map(says);
    missed.chain(entries).collect::<Vec<_>>().join(". ")
}

/// Whom a step pages and by what: "Jane Doe by push, SMS in 5 min; Max by email".
fn paged(change: &Change, step: u32, directory: &Directory, at: Timestamp) -> String {
    let mut people: Vec<(UserId, Vec<String>)> = Vec::new();
    for delivery in &change.deliveries {
        let Route::Person { user, channel, .. } = &delivery.route else {
            continue;
        };
        if delivery.purpose != Purpose::Page || delivery.step.is_none_or(|(_, index)| index != step) {
            continue;
        }
        let minutes = delivery.due_at.duration_since(at).as_mins();
        let way = match minutes {
            1.. => format!("{} in {minutes} min", channel.name()),
            _ => channel.name().to_owned(),
        };
        match people.iter_mut().find(|(known, _)| known == user) {
            Some((_, ways)) if ways.contains(&way) => {}
            Some((_, ways)) => ways.push(way),
            None => people.push((*user, vec![way])),
        }
    }
    let each = people.into_iter().map(|(user, ways)| {
        let name = directory.user_name(user);
        format!("{name} by {}", ways.join(", then "))
    });
    each.collect::<Vec<_>>().join("; ")
}

/// Why nothing will happen to an incident.
pub(super) fn nothing_next(incident: &Incident, directory: &Directory) -> String {
    let why = match incident.status {
        Status::Resolved => "The incident is resolved.",
        Status::Acknowledged => "Somebody works on it, so nobody else is paged.",
        Status::Suppressed => "It is suppressed: nobody is paged until somebody reopens it.",
        Status::Snoozed => "It is snoozed.",
        Status::Open => match incident.policy.map(|id| directory.policies.get(&id)) {
            None => "Nobody is paged: the service has no escalation policy.",
            Some(None) => "Nobody is paged: the escalation policy was removed.",
            Some(Some(policy)) if policy.steps.is_empty() => "Nobody is paged: the escalation policy has no steps.",
            Some(Some(_)) => "Escalation has ended: every step was tried and nobody acknowledged.",
        },
    };
    why.to_owned()
}

/// Who would be paged by this policy if an incident of high urgency opened now, and when.
pub(super) fn plan(policy: &Policy, directory: &Directory, now: Timestamp) -> Vec<PagedNow> {
    let mut rows = Vec::new();
    let mut minute = 0_u32;
    for (index, step) in policy.steps.iter().enumerate() {
        let row = |person, how: String, reaches| PagedNow {
            minute,
            step: index + 1,
            person,
            how,
            reaches,
        };
        let (called, nobody) = escalation::called(&step.targets, directory, now);
        let mut reached = false;
        for person in called {
            let plan = paging::plan(directory, person.user, Urgency::High, &step.channels, now);
            let reaches = !plan.sends.is_empty();
            let ways: Vec<String> = match reaches {
                true => plan.sends.iter().map(|send| send.describe(now)).collect(),
                false => plan.skipped.into_iter().map(|skipped| skipped.why).collect(),
            };
            let name = directory.user_name(person.user);
            let who = Person::new(person.user.to_string(), name);
            rows.push(row(
                Some(who),
                format!("{} ({})", ways.join(", then "), person.why),
                reaches,
            ));
            reached |= reaches;
        }
        rows.extend(nobody.into_iter().map(|why| row(None, why, false)));
        if step.targets.is_empty() {
            rows.push(row(None, "The step has no targets".to_owned(), false));
        }
        // A step that reaches nobody is not waited for.
        if reached {
            minute = minute.saturating_add(step.delay_minutes);
        }
    }
    rows
}

/// What would go wrong if an incident opened now, as sentences. `plan` is that of the policy.
pub(super) fn warnings(policy: &Policy, plan: &[PagedNow]) -> Vec<String> {
    let mut warnings = Vec::new();
    if policy.steps.iter().all(|step| step.targets.is_empty()) {
        return vec!["Nobody is paged: no step has a target.".to_owned()];
    }
    for step in 1..=policy.steps.len() {
        let mut rows = plan.iter().filter(|row| row.step == step);
        if rows.clone().all(|row| !row.reaches) {
            warnings.push(format!("Step {step} reaches nobody now, so it is not waited for."));
        } else if let Some(row) = rows.find(|row| row.person.is_none()) {
            warnings.push(format!("Step {step}, in part: {}.", row.how.trim_end_matches('.')));
        }
    }
    let mut named: Vec<&str> = Vec::new();
    for row in plan.iter().filter(|row| !row.reaches) {
        let Some(person) = &row.person else { continue };
        if !named.contains(&person.name.as_str()) {
            named.push(&person.name);
            warnings.push(format!("{} cannot be reached: {}.", person.name, row.how));
        }
    }
    warnings
}

/// Whom the first step of a policy would page now.
pub(super) fn first_called(policy: &Policy, directory: &Directory, now: Timestamp) -> Vec<Person> {
    let Some(step) = policy.steps.first() else {
        return Vec::new();
    };
    let (called, _) = escalation::called(&step.targets, directory, now);
    let person = |user| Person::new(format!("{user}"), directory.user_name(user));
    called.into_iter().map(|called| person(called.user)).collect()
}
