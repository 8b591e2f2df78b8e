//! People: some answer when they are called, some do not, and some do other things. What they do is done as the pages and the
//! API do it: in one unit of work, from the incident as it is.

use std::sync::Arc;

use jiff::Timestamp;
use opsknight_domain::{
    directory::Standing,
    escalation,
    id::{DeliveryId, IncidentId, UserId},
    incident::{Actor, Change, Edit, Incident, Refusal, Status},
};
use opsknight_store::{
    Store,
    db::{DbError, Tx},
    effects::Batch,
    incidents,
};
use opsknight_web::state::Clock;

use crate::hall::{Event, Hall, SECOND, State, instant};

/// What somebody does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Act {
    Acknowledge,
    Resolve,
    Snooze(i64),
    Suppress,
    Escalate,
    Reassign(UserId),
    Reopen,
}

/// Somebody does something to an incident.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Deed {
    pub(crate) incident: IncidentId,
    pub(crate) user: UserId,
    pub(crate) act: Act,
    /// How often it was tried before.
    pub(crate) tries: u32,
}

/// Most times that somebody tries when the program does not answer.
const TRIES_MAX: u32 = 3;

/// A page has reached somebody, who may do something about it by and by.
pub(crate) fn hears(state: &mut State, delivery: DeliveryId) {
    if state.calm || state.dice.percent(62) {
        return;
    }
    let Some((incident, Some(user))) = state.watch.page(delivery) else {
        return;
    };
    let others: Vec<UserId> = state.org.people.iter().map(|person| person.row.id).collect();
    let dice = &mut state.dice;
    let act = match dice.below(20) {
        0..9 => Act::Acknowledge,
        9..12 => Act::Resolve,
        12..14 => Act::Snooze(dice.between(1, 20)),
        14..17 => Act::Escalate,
        17..19 => Act::Reassign(*dice.pick(&others)),
        _ => Act::Suppress,
    };
    let longest = *dice.pick(&[20, 120, 900]);
    let wait = dice.between(SECOND, longest * SECOND);
    let at = state.now + wait;
    state.at(
        at,
        Event::Deed(Deed {
            incident,
            user,
            act,
            tries: 0,
        }),
    );
}

/// What follows when something was done: whoever acknowledged resolves in the end, or it comes back.
fn follows(state: &mut State, deed: Deed) {
    if state.calm {
        return;
    }
    let act = match deed.act {
        Act::Acknowledge | Act::Suppress => match state.dice.below(10) {
            0..5 => Act::Resolve,
            5..8 => Act::Reopen,
            _ => return,
        },
        Act::Resolve if state.dice.one_in(3) => Act::Reopen,
        Act::Resolve | Act::Snooze(_) | Act::Escalate | Act::Reassign(_) | Act::Reopen => return,
    };
    let at = state.now + state.dice.between(5 * SECOND, 1_500 * SECOND);
    state.at(at, Event::Deed(Deed { act, tries: 0, ..deed }));
}

/// Does it by this program.
pub(crate) async fn act(hall: Arc<Hall>, store: Store, clock: Arc<dyn Clock>, deed: Deed) {
    let name = {
        let state = hall.state();
        let person = state.org.person(deed.user);
        person.map_or_else(|| "somebody".to_owned(), |person| person.row.name.clone())
    };
    let actor = Actor::User {
        id: deed.user,
        name: name.clone(),
    };
    let (now, pictures) = (clock.now(), store.pictures.clone());
    let unit = async move |tx: &mut Tx<'_>| {
        let Some(incident) = incidents::lock(tx, deed.incident).await? else {
            return Ok(Err("there is no such incident".to_owned()));
        };
        let picture = pictures.current(tx, now).await?;
        if deed.act == Act::Reopen
            && incident.status == Status::Resolved
            && incidents::another_live(tx, &incident).await?.is_some()
        {
            return Ok(Err("another is open under the same key".to_owned()));
        }
        let change = match apply(deed.act, incident, &actor, &picture.directory, now) {
            Ok(change) => change,
            Err(refusal) => return Ok(Err(refusal.to_string())),
        };
        let mut batch = Batch::default();
        let mut fresh = || clock.uuid_v7();
        batch.take(change, &mut fresh, now);
        batch.write(tx, &mut fresh, now).await?;
        Ok::<_, DbError>(Ok(()))
    };
    let done = store.db.write(unit).await;
    let mut guard = hall.state();
    let state = &mut *guard;
    let number = state.watch.number(deed.incident);
    match done {
        Ok(Ok(())) => {
            state.figures.deeds += 1;
            state.figures.acknowledgements += u64::from(deed.act == Act::Acknowledge);
            state.say(&name, &format!("hears that #{number} has its {}", word(deed.act)));
            follows(state, deed);
        }
        Ok(Err(why)) => state.say(&name, &format!("cannot do {} to #{number}: {why}", word(deed.act))),
        Err(error) => {
            state.say(&name, &format!("cannot do {} to #{number}: {error}", word(deed.act)));
            again(state, deed);
        }
    }
}

/// Whoever was not answered tries once more.
pub(crate) fn again(state: &mut State, deed: Deed) {
    if deed.tries < TRIES_MAX {
        let at = state.now + state.dice.between(2 * SECOND, 40 * SECOND);
        let tries = deed.tries + 1;
        state.at(at, Event::Deed(Deed { tries, ..deed }));
    }
}

fn apply(
    act: Act,
    incident: Incident,
    actor: &Actor,
    directory: &opsknight_domain::directory::Directory,
    now: Timestamp,
) -> Result<Change, Refusal> {
    match act {
        Act::Acknowledge => incident.acknowledge(actor, directory, now),
        Act::Resolve => incident.resolve(actor, None, directory, now),
        Act::Snooze(minutes) => incident.snooze(minutes, actor, directory, now),
        Act::Suppress => incident.suppress(actor, now),
        Act::Escalate => escalation::escalate(incident, actor, directory, now),
        Act::Reopen => incident.reopen(actor, directory, now),
        Act::Reassign(to) => {
            let standing = directory.users.get(&to).map(|user| user.standing);
            let assignee = Some(standing.filter(|standing| *standing != Standing::Disabled).map(|_| to));
            let edit = Edit {
                assignee,
                ..Edit::default()
            };
            incident.edit(&edit, actor, directory, now)
        }
    }
}

fn word(act: Act) -> String {
    match act {
        Act::Acknowledge => "acknowledgement".into(),
        Act::Resolve => "end".into(),
        Act::Snooze(minutes) => format!("snooze of {minutes} min"),
        Act::Suppress => "suppression".into(),
        Act::Escalate => "next step at once".into(),
        Act::Reassign(_) => "new assignee".into(),
        Act::Reopen => "reopening".into(),
    }
}

/// The present time of whoever has no clock of the program's.
pub(crate) fn now(state: &State) -> Timestamp {
    instant(state.now)
}
