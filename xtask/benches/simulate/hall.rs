//! Time and turns: the one place where everything that happens waits for its turn. Whatever a program does to the database or
//! a provider is a ticket or a timer here, and chance says which is next, so that the same seed is the same story.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use jiff::Timestamp;
use opsknight_store::db::{
    DbError,
    simulated::{Memory, Verdict},
};
use tokio::sync::oneshot;

use crate::{
    dice::{Dice, Of},
    figures::Figures,
    org::Org,
    people::Deed,
    provider::{Calls, Mood},
    trace::Trace,
    watch::Watch,
};

mod gate;

pub(crate) use gate::{Gate, Wrist, instant};

/// A second, in the microseconds in which time is counted here.
pub(crate) const SECOND: i64 = 1_000_000;
/// How long after it was due a worker looks at most: it looks every second, whatever it is told.
const LOOK: i64 = SECOND;
/// How long a step of the database takes at most.
const WAITS: i64 = 2 * SECOND;
/// Clocks that are further apart than this, or were lately, let leases end while they are held.
const APART: i64 = 20 * SECOND;
/// How long a step of a clock is felt: longer than a lease.
const FELT: i64 = 120 * SECOND;
/// How long what a wrong clock wrote may be wrong by a right one: more than clocks are ever set by.
const REMEMBERED: i64 = 1_800 * SECOND;

/// Something that waits to happen to the database.
struct Ticket {
    who: Who,
    writes: bool,
    /// It has happened, and the program is to hear of it.
    done: bool,
    to: oneshot::Sender<Verdict>,
}

/// One life of one replica.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Who {
    pub(crate) replica: usize,
    pub(crate) life: u32,
}

/// What a sleeping worker looks after.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Looks {
    Deliver,
    Escalate,
    /// Whatever it is: the last look failed.
    Again,
}

struct Nap {
    who: Who,
    looks: Looks,
    /// When it looks, counted from when something became due.
    phase: i64,
    since: i64,
    to: oneshot::Sender<()>,
}

/// What happens at a time.
pub(crate) enum Event {
    /// Somebody who waits goes on; of a replica, while it works.
    Wake(Option<Who>, oneshot::Sender<()>),
    /// A provider takes the message of this call.
    Taken(usize),
    /// A person does something.
    Deed(Deed),
    /// Something breaks, or is changed, or comes in.
    Chaos(Chaos),
}

/// What breaks.
#[derive(Debug, Clone)]
pub(crate) enum Chaos {
    Crash(usize),
    Restart(usize),
    Freeze(usize, i64),
    Step(usize, i64),
    Sleep(i64),
    Mood(usize, Mood),
    Edit(u64),
    Alert(usize),
    Audit(usize),
    Calm,
}

/// What happens first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum First {
    Timer(usize),
    Nap(usize),
    /// A replica that stood still goes on.
    Thaw,
}

struct Timer {
    at: i64,
    number: u64,
    event: Event,
}

/// A replica, as time and chance see it.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Machine {
    /// How far its clock is from the true time.
    pub(crate) offset: i64,
    pub(crate) alive: bool,
    pub(crate) life: u32,
    pub(crate) frozen_until: i64,
}

/// What the hall is asked to do next by itself.
pub(crate) enum Next {
    /// Go on: somebody was given a turn.
    Turn,
    /// This happens now.
    Now(Event),
    /// Nothing will ever happen any more.
    End,
}

/// All that there is besides the program.
pub(crate) struct State {
    pub(crate) now: i64,
    pub(crate) dice: Dice,
    program: Dice,
    ids: u64,
    tickets: Vec<Ticket>,
    timers: Vec<Timer>,
    naps: Vec<Nap>,
    timers_made: u64,
    pub(crate) machines: Vec<Machine>,
    pub(crate) org: Org,
    proposed: Option<Org>,
    pub(crate) watch: Watch,
    pub(crate) calls: Calls,
    pub(crate) trace: Trace,
    pub(crate) figures: Figures,
    /// Nothing breaks any more, and nothing new comes.
    pub(crate) calm: bool,
    /// One program alone, with a database of its own.
    pub(crate) alone: bool,
    pub(crate) crash_next: Option<usize>,
    /// When a clock was last set, or a machine slept.
    pub(crate) stepped_at: i64,
}

/// Where all meet.
pub(crate) struct Hall {
    state: Mutex<State>,
    pub(crate) memory: Arc<Memory>,
}

impl Hall {
    pub(crate) fn new(seed: u64, begins: Timestamp, memory: Arc<Memory>, org: Org, replicas: usize) -> Arc<Self> {
        let machine = Machine {
            offset: 0,
            alive: false,
            life: 0,
            frozen_until: 0,
        };
        let state = State {
            now: begins.as_microsecond(),
            dice: Dice::new(seed, Of::Order),
            program: Dice::new(seed, Of::Program),
            ids: 0,
            tickets: Vec::new(),
            timers: Vec::new(),
            naps: Vec::new(),
            timers_made: 0,
            machines: vec![machine; replicas],
            org,
            proposed: None,
            watch: Watch::default(),
            calls: Calls::new(seed),
            trace: Trace::new(begins),
            figures: Figures::default(),
            calm: false,
            alone: replicas == 1,
            crash_next: None,
            stepped_at: i64::MIN / 2,
        };
        Arc::new(Self {
            state: Mutex::new(state),
            memory,
        })
    }

    pub(crate) fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Waits until a time, and while the replica stands still.
    pub(crate) fn until(&self, who: Option<Who>, at: i64) -> impl Future<Output = ()> + use<> {
        let (to, woken) = oneshot::channel();
        self.state().at(at, Event::Wake(who, to));
        async move {
            let _gone = woken.await;
        }
    }

    /// Waits until a worker looks again.
    pub(crate) fn nap(&self, who: Who, looks: Looks) -> impl Future<Output = ()> + use<> {
        let (to, woken) = oneshot::channel();
        let mut state = self.state();
        let phase = state.dice.between(1_000, LOOK);
        let since = state.now;
        state.naps.push(Nap {
            who,
            looks,
            phase,
            since,
            to,
        });
        async move {
            let _gone = woken.await;
        }
    }

    /// The organisation as it is now, to be changed in a unit of work.
    pub(crate) fn org(&self) -> Org {
        self.state().org.clone()
    }

    /// The unit of work that runs now makes this of the organisation, if it commits.
    pub(crate) fn propose(&self, org: Org) {
        self.state().proposed = Some(org);
    }

    fn left(&self, who: Who, committed: bool) {
        let state = &mut *self.state();
        let proposed = state.proposed.take();
        if !committed {
            return;
        }
        if let Some(org) = proposed {
            state.org = org;
        }
        state.figures.commits += 1;
        let changes = self.memory.changes();
        if !changes.is_empty() {
            crate::watch::committed(state, &self.memory, who, &changes);
        }
    }
}

impl State {
    pub(crate) fn at(&mut self, at: i64, event: Event) {
        self.timers_made += 1;
        let number = self.timers_made;
        self.timers.push(Timer { at, number, event });
    }

    pub(crate) fn wall(&self, replica: usize) -> i64 {
        self.now + self.machines[replica].offset
    }

    pub(crate) fn is(&self, who: Who) -> bool {
        let machine = self.machines[who.replica];
        machine.alive && machine.life == who.life
    }

    pub(crate) fn works(&self, replica: usize) -> bool {
        let machine = self.machines[replica];
        machine.alive && machine.frozen_until <= self.now
    }

    pub(crate) fn working(&self) -> Vec<usize> {
        (0..self.machines.len())
            .filter(|replica| self.works(*replica))
            .collect()
    }

    /// Whether leases may end by one clock while they are held by another.
    pub(crate) fn clocks_apart(&self) -> bool {
        let offsets = || self.machines.iter().map(|machine| machine.offset);
        let apart = offsets().max().unwrap_or(0) - offsets().min().unwrap_or(0);
        apart > APART || self.now - self.stepped_at < FELT
    }

    /// Whether a clock was wrong so lately that what was due by it may not be by another.
    pub(crate) fn clocks_were_apart(&self) -> bool {
        self.clocks_apart() || self.now - self.stepped_at < REMEMBERED
    }

    pub(crate) fn say(&mut self, who: &str, what: &str) {
        self.trace.say(self.now, who, what);
    }

    /// Takes away what a dead replica was waiting for.
    pub(crate) fn bury(&mut self, replica: usize) {
        self.tickets.retain(|ticket| ticket.who.replica != replica);
        self.naps.retain(|nap| nap.who.replica != replica);
    }

    /// Gives one of those that wait their turn, or lets time pass until something happens.
    pub(crate) fn next(&mut self) -> Next {
        self.tickets.retain(|ticket| !ticket.to.is_closed());
        self.naps.retain(|nap| !nap.to.is_closed());
        let ready: Vec<usize> = (0..self.tickets.len())
            .filter(|place| {
                let who = self.tickets[*place].who;
                self.is(who) && self.works(who.replica)
            })
            .collect();
        let waits =
            ready.is_empty() || (self.dice.one_in(40) && self.first().is_some_and(|(at, _)| at < self.now + WAITS));
        if waits && let Some(next) = self.pass() {
            return next;
        }
        if ready.is_empty() {
            return Next::End;
        }
        let place = ready[self.dice.below(ready.len())];
        self.grant(place);
        Next::Turn
    }

    fn grant(&mut self, place: usize) {
        let ticket = self.tickets.swap_remove(place);
        self.now += self.dice.between(20, 1_500);
        if !self.calm && self.dice.one_in(900) {
            // The replica dies now: before the step, or after it and before it hears of it.
            self.crash_next = Some(ticket.who.replica);
            self.tickets.push(ticket);
            return;
        }
        let verdict = self.verdict(&ticket);
        let _gone = ticket.to.send(verdict);
    }

    fn verdict(&mut self, ticket: &Ticket) -> Verdict {
        if ticket.done || self.calm || !self.dice.one_in(600) {
            return Verdict::Run;
        }
        self.figures.faults += 1;
        self.watch.forgive();
        self.calls.disturb(Some(ticket.who.replica));
        let name = format!("replica {}", ticket.who.replica);
        // The file of an embedded database has no line that could be cut.
        if ticket.writes && !self.alone && self.dice.one_in(2) {
            self.say(&name, "loses the line to the database during a commit");
            return Verdict::Lose(unavailable("the outcome is unknown"));
        }
        self.say(&name, "cannot reach the database");
        Verdict::Fail(unavailable("away"))
    }

    /// When the next thing happens, and which. None when nothing will.
    fn first(&self) -> Option<(i64, First)> {
        let timers = (0..self.timers.len()).map(|place| {
            let timer = &self.timers[place];
            (self.ripe(timer), timer.number, First::Timer(place))
        });
        let naps = (0..self.naps.len()).filter_map(|place| {
            let at = self.looks_at(&self.naps[place])?;
            Some((at, u64::MAX, First::Nap(place)))
        });
        let frozen = self.tickets.iter().filter(|ticket| self.is(ticket.who)).map(|ticket| {
            let until = self.machines[ticket.who.replica].frozen_until;
            (until, u64::MAX, First::Thaw)
        });
        let frozen = frozen.filter(|(until, ..)| *until > self.now);
        timers.chain(naps).chain(frozen).min().map(|(at, _, first)| (at, first))
    }

    /// Lets time pass until the next thing happens. None when nothing will.
    fn pass(&mut self) -> Option<Next> {
        let (at, first) = self.first()?;
        if at > self.now {
            self.elapse(at);
        }
        match first {
            First::Thaw => Some(Next::Turn),
            First::Nap(place) => {
                let nap = self.naps.swap_remove(place);
                let _gone = nap.to.send(());
                Some(Next::Turn)
            }
            First::Timer(place) => match self.timers.swap_remove(place).event {
                Event::Wake(who, to) => {
                    if who.is_none_or(|who| self.is(who)) {
                        let _gone = to.send(());
                    }
                    Some(Next::Turn)
                }
                event @ (Event::Taken(_) | Event::Deed(_) | Event::Chaos(_)) => Some(Next::Now(event)),
            },
        }
    }

    /// When a timer can go off: one of a replica waits while that stands still.
    fn ripe(&self, timer: &Timer) -> i64 {
        match &timer.event {
            Event::Wake(Some(who), _) if self.is(*who) => timer.at.max(self.machines[who.replica].frozen_until),
            Event::Wake(..) | Event::Taken(_) | Event::Deed(_) | Event::Chaos(_) => timer.at,
        }
    }

    /// When a sleeping worker looks again: within a second of when there is something to do for it. In between it would look
    /// and find nothing, which is left out.
    fn looks_at(&self, nap: &Nap) -> Option<i64> {
        let due = match nap.looks {
            Looks::Deliver => self.watch.delivery_due(),
            Looks::Escalate => self.watch.incident_due(),
            Looks::Again => Some(i64::MIN / 2),
        }?;
        let machine = self.machines[nap.who.replica];
        let at = (due - machine.offset).max(nap.since).saturating_add(nap.phase);
        Some(at.max(machine.frozen_until))
    }

    fn elapse(&mut self, at: i64) {
        let machines: Vec<_> = self.machines.iter().filter(|machine| machine.alive).copied().collect();
        self.watch.elapse(&machines, self.now, at);
        self.now = at;
    }

    /// The machine slept: time has passed and nobody has done anything.
    pub(crate) fn sleep(&mut self, by: i64) {
        self.watch.forgive();
        self.calls.disturb(None);
        self.now += by;
        self.stepped_at = self.now;
    }
}

fn unavailable(what: &str) -> DbError {
    DbError::Unavailable { what: what.to_owned() }
}
