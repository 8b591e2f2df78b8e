//! What becomes of messages: who may take one, who may give it up, and what must follow when it fails.

use std::collections::{HashMap, HashSet};

use jiff::SignedDuration;
use opsknight_domain::{
    directory::Channel,
    id::{DeliveryId, IncidentId, UserId},
    incident::Status,
};

use super::{
    Hold, Message, Watch, is_open,
    rows::{Del, Seen},
};
use crate::{
    hall::{State, Who, instant},
    oracle::{self, Page},
    people,
};

/// How long a page is tried.
const TRIED_FOR: SignedDuration = SignedDuration::from_hours(24);

/// A message was added or changed by a commit of this replica.
pub(super) fn moved(state: &mut State, who: Who, del: Del) {
    let number = del.incident.map_or(0, |id| state.watch.number(id));
    let to = del.address.clone().unwrap_or_default();
    let name = format!("{} for #{number} by {} to {to}", del.purpose, del.channel);
    let opening = del
        .incident
        .and_then(|id| state.watch.incidents.get(&id))
        .map_or(0, |known| known.shadow.opening);
    let replica = format!("replica {}", who.replica);
    let Some(before) = state.watch.messages.get(&del.id) else {
        state.say(&replica, &format!("decides on {name}, due {}", del.due_at));
        if del.purpose == "PAGE" && del.incident.is_some() && del.escalation != Some(opening) {
            let why = format!("{name}: it is of escalation {:?} and not of {opening}", del.escalation);
            state.watch.fail(why);
        }
        state.watch.open.push(del.id);
        // What is due at once may be taken in the commit that decides on it.
        let hold = del.lease_until.filter(|_| del.state == "SENDING").map(|until| Hold {
            who,
            wanted: is_wanted(&state.watch, &del),
            until,
        });
        let message = Message {
            row: del,
            opening,
            hold,
            late: 0,
        };
        state.watch.messages.insert(message.row.id, message);
        return;
    };
    let (was, hold, opening) = (before.row.state.clone(), before.hold, before.opening);
    // One commit may record a try and take the message for the next.
    let is_next_try = before.row.tries != del.tries;
    if was == del.state && before.row.due_at != del.due_at && !is_next_try {
        state.say(&replica, &format!("{name}: is put off to {}", del.due_at));
    }
    if was != del.state || is_next_try {
        let outcome = del.outcome.as_deref().unwrap_or_default();
        state.say(&replica, &format!("{name}: {was} → {}: {outcome}", del.state));
        if was == "SENDING" {
            let left = left_the_hands(state, who, &del, hold);
            left.map(|why| state.watch.fail(format!("{name}: {why}")))
                .unwrap_or_default();
        }
        if let Some(why) = wrong(state, &was, &del, hold) {
            state.watch.fail(format!("{name}: {was} → {}: {why}", del.state));
        }
    }
    let hold = match (del.state.as_str(), del.lease_until) {
        ("SENDING", Some(until)) if was != "SENDING" || is_next_try => Some(Hold {
            who,
            wanted: is_wanted(&state.watch, &del),
            until,
        }),
        ("SENDING", _) => hold,
        _ => None,
    };
    let message = Message {
        row: del,
        opening,
        hold,
        late: 0,
    };
    state.watch.messages.insert(message.row.id, message);
}

/// Whether a page is wanted as its incident stands: one by a step while it is open, one by hand until it is resolved.
fn is_wanted(watch: &Watch, del: &Del) -> bool {
    match status(watch, del) {
        Some(status) if del.step.is_some() => is_open(status),
        Some(status) => status != Status::Resolved,
        None => false,
    }
}

fn status(watch: &Watch, del: &Del) -> Option<Status> {
    let known = watch.incidents.get(&del.incident?)?;
    Some(known.shadow.status)
}

/// Somebody has put an end to a try: its own replica, or another one after the lease.
fn left_the_hands(state: &mut State, who: Who, del: &Del, hold: Option<Hold>) -> Option<String> {
    let hold = hold?;
    if hold.who == who {
        for call in state.calls.made.get(&del.id).into_iter().flatten() {
            state.calls.all[*call].recorded = true;
        }
        return None;
    }
    let ended = instant(state.wall(who.replica)) >= hold.until;
    let is_dead = !state.is(hold.who);
    if ended || (state.alone && is_dead) {
        return None;
    }
    Some("another replica took it before its lease had ended".into())
}

/// What is wrong with a message having come to where it is.
fn wrong(state: &State, was: &str, del: &Del, hold: Option<Hold>) -> Option<&'static str> {
    let is_page = del.purpose == "PAGE";
    // What was not wanted when it was taken is left out, also where the incident was opened again before that was recorded:
    // whoever is called then has another page.
    let was_wanted = hold.is_none_or(|hold| hold.wanted);
    let by_which = del.bundle.unwrap_or(del.id);
    let calls = |of: &HashMap<DeliveryId, Vec<usize>>| of.get(&del.id).or_else(|| of.get(&by_which)).cloned();
    match del.state.as_str() {
        "PENDING" | "SENDING" if matches!(was, "SENT" | "FAILED" | "SKIPPED") => Some("what has ended begins again"),
        "SENT" if del.purpose != "EDIT" && calls(&state.calls.taken).is_none() => {
            Some("it is recorded as sent, and no provider took it")
        }
        "SKIPPED"
            if is_page
                && was_wanted
                && is_wanted(&state.watch, del)
                && status(&state.watch, del).is_some_and(is_open) =>
        {
            Some("it is left out although it is wanted")
        }
        "FAILED" if is_page && !del.in_order => {
            let tried = calls(&state.calls.made).unwrap_or_default();
            let refused = tried.iter().any(|call| state.calls.all[*call].refused);
            let old = people::now(state).duration_since(del.created_at) > TRIED_FOR - SignedDuration::from_mins(30);
            (!refused && !old).then_some("it is given up and was not refused")
        }
        _ => None,
    }
}

/// The pages that must follow when one of the default order has failed and none of its like is left.
pub(super) fn failed_in_order(state: &State, del: &Del, seen: &Seen, fallbacks: &mut HashMap<IncidentId, Vec<Page>>) {
    let (Some(incident), Some(user)) = (del.incident, del.user) else {
        return;
    };
    let watch = &state.watch;
    let just_failed = del.state == "FAILED"
        && watch
            .messages
            .get(&del.id)
            .is_some_and(|known| known.row.state != "FAILED");
    if !just_failed || del.purpose != "PAGE" || !del.in_order || !is_wanted(watch, del) {
        return;
    }
    let Some(known) = watch.incidents.get(&incident) else {
        return;
    };
    let opening = watch.messages[&del.id].opening;
    // Whoever a step called is called again by the same step.
    if del.step.is_some() && opening != known.shadow.opening {
        return;
    }
    let alike = |other: &Del| {
        other.purpose == "PAGE"
            && other.incident == Some(incident)
            && other.user == Some(user)
            && other.in_order
            && other.step == del.step
    };
    let now: HashMap<DeliveryId, &Del> = seen.deliveries.iter().map(|del| (del.id, del)).collect();
    let (mut tried, mut heard) = (HashSet::new(), false);
    for message in watch.messages.values().filter(|message| message.opening == opening) {
        let row = now.get(&message.row.id).copied().unwrap_or(&message.row);
        if alike(row) {
            tried.extend(Channel::from_word(&row.channel));
            heard |= matches!(row.state.as_str(), "PENDING" | "SENDING" | "SENT");
        }
    }
    let expected = fallbacks.entry(incident).or_default();
    let is_there = expected
        .iter()
        .any(|page| page.user == user && page.step == del.step && page.in_order);
    if heard || is_there {
        return;
    }
    let tried: Vec<Channel> = tried.into_iter().collect();
    // When it is due is the time of the commit, which the walk fills in.
    let at = del.created_at;
    expected.extend(oracle::next_in_order(
        &state.org,
        user,
        known.shadow.urgency,
        &tried,
        del.step,
        at,
    ));
}

/// Whether this commit leaves the step that was run last without anybody who may hear of it.
pub(super) fn unheard(state: &State, id: IncidentId, seen: &Seen) -> bool {
    let watch = &state.watch;
    let Some(known) = watch.incidents.get(&id) else {
        return false;
    };
    let Some(last) = known
        .shadow
        .last
        .filter(|_| is_open(known.shadow.status) && known.shadow.due.is_some())
    else {
        return false;
    };
    let is_of_it = |del: &Del| del.purpose == "PAGE" && del.incident == Some(id) && del.step == Some(last);
    let failed_now = seen.deliveries.iter().any(|del| {
        is_of_it(del)
            && del.state == "FAILED"
            && watch
                .messages
                .get(&del.id)
                .is_some_and(|known| known.row.state != "FAILED")
    });
    let may_be_heard = |del: &Del| matches!(del.state.as_str(), "PENDING" | "SENDING" | "SENT");
    let now: HashMap<DeliveryId, &Del> = seen.deliveries.iter().map(|del| (del.id, del)).collect();
    let old = watch.messages.values().any(|message| {
        let row = now.get(&message.row.id).copied().unwrap_or(&message.row);
        message.opening == known.shadow.opening && is_of_it(row) && may_be_heard(row)
    });
    // The next channel of the default order is tried in the same commit.
    let new = seen
        .deliveries
        .iter()
        .any(|del| !watch.messages.contains_key(&del.id) && is_of_it(del) && del.in_order && may_be_heard(del));
    failed_now && !old && !new
}

/// Who is named in a page, for the story.
pub(super) fn describe(page: &Page, person: impl Fn(UserId) -> String) -> String {
    let Page {
        user,
        channel,
        address,
        due,
        step,
        ..
    } = page;
    format!(
        "{} by {} to {address}, due {due}, step {step:?}",
        person(*user),
        channel.word()
    )
}
