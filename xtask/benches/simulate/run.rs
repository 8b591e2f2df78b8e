//! One run: an organisation, its replicas, and what happens to them, from the first alert until all has come to rest.

use std::sync::{Arc, Mutex, PoisonError};

use opsknight_store::{
    db::{
        Db, Tx,
        simulated::{Memory, Open},
    },
    refusal::ChangeError,
};
use tokio::task::JoinSet;

use crate::{
    alerts::{self, Doors},
    dice::{Dice, Of},
    edits,
    figures::Figures,
    hall::{Chaos, Event, Hall, Next, SECOND, Who},
    people::{self, Deed},
    plan::{self, Alert},
    provider::{self, Mood, PROVIDERS},
    replica::{Parts, Replica},
    watch,
};

/// More turns than any run takes.
const TURNS_MAX: u64 = 1_500_000;
/// How often everybody who can go on is let go on before the next turn is given.
const SETTLE: usize = 4;

/// What came of a run.
pub(crate) struct Outcome {
    pub(crate) seed: u64,
    pub(crate) failure: Option<String>,
    /// One number for the whole story.
    pub(crate) hash: u64,
    pub(crate) story: Vec<String>,
    pub(crate) figures: Figures,
}

/// Plays a seed. `lines` of the story are kept.
pub(crate) fn play(seed: u64, template: &Memory, parts: &Parts, lines: usize) -> Outcome {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .build()
        .expect("a runtime starts");
    runtime.block_on(async {
        let mut run = Run::begin(seed, template, parts).await;
        run.play().await;
        let mut state = run.hall.state();
        state.figures.runs = 1;
        let seconds = (state.now - run.begins) / SECOND;
        state.figures.seconds = u64::try_from(seconds).unwrap_or_default();
        Outcome {
            seed,
            failure: state.watch.failure().map(str::to_owned),
            hash: state.trace.hash(),
            story: state.trace.last(lines),
            figures: state.figures,
        }
    })
}

struct Run<'a> {
    hall: Arc<Hall>,
    parts: &'a Parts,
    replicas: Vec<Option<Replica>>,
    doors: Doors,
    alerts: Vec<Alert>,
    /// What runs in no replica.
    others: JoinSet<()>,
    begins: i64,
}

impl<'a> Run<'a> {
    async fn begin(seed: u64, template: &Memory, parts: &'a Parts) -> Self {
        let mut dice = Dice::new(seed, Of::Plan);
        let begins = plan::beginning(&mut dice);
        let org = plan::organisation(&mut dice, begins);
        let seconds = *dice.pick(&[300, 900, 1_800, 3_600, 5_400]);
        let replicas = if dice.percent(30) { 1 } else { 2 };
        let memory = template.copy().expect("a database in memory is copied");
        let (db, written) = (Db::simulated(memory.clone(), Arc::new(Open)), org.clone());
        let unit = async move |tx: &mut Tx<'_>| written.write(tx, begins).await;
        db.write::<(), ChangeError, _>(unit)
            .await
            .expect("the organisation is written");
        let _written = memory.changes();
        let alerts = plan::alerts(&mut dice, &org, seconds);
        let hall = Hall::new(seed, begins, memory, org, replicas);
        let mut run = Self {
            hall,
            parts,
            replicas: (0..replicas).map(|_| None).collect(),
            doors: Arc::new(Mutex::new(vec![None; replicas])),
            alerts,
            others: JoinSet::new(),
            begins: begins.as_microsecond(),
        };
        run.foresee(&mut dice, seconds);
        for replica in 0..replicas {
            run.start(replica);
        }
        run
    }

    /// Everything that will happen, whatever the program does.
    fn foresee(&self, dice: &mut Dice, seconds: i64) {
        let mut guard = self.hall.state();
        let state = &mut *guard;
        let begins = self.begins;
        let mut plan = |at_s: i64, what: Chaos| state.at(begins + at_s * SECOND, Event::Chaos(what));
        for (number, alert) in self.alerts.iter().enumerate() {
            plan(alert.at_s, Chaos::Alert(number));
        }
        for _ in 0..dice.below(10) {
            plan(dice.between(0, seconds), Chaos::Edit(dice.next()));
        }
        for _ in 0..dice.below(9) {
            let (provider, at) = (dice.below(PROVIDERS.len()), dice.between(0, seconds));
            plan(at, Chaos::Mood(provider, *dice.pick(&Mood::BAD)));
            plan(at + dice.between(5, 600), Chaos::Mood(provider, Mood::Well));
        }
        let replicas = self.replicas.len();
        for _ in 0..dice.below(3) {
            plan(dice.between(0, seconds), Chaos::Crash(dice.below(replicas)));
        }
        if dice.percent(40) {
            for _ in 0..1 + dice.below(2) {
                let long = dice.between(2, 200) * SECOND;
                plan(dice.between(0, seconds), Chaos::Freeze(dice.below(replicas), long));
            }
        }
        if dice.percent(40) {
            for _ in 0..1 + dice.below(3) {
                let by = dice.between(-600, 600) * SECOND;
                let (replica, at) = (dice.below(replicas), dice.between(0, seconds));
                plan(at, Chaos::Step(replica, by));
                plan(at + dice.between(1, 900), Chaos::Step(replica, -by));
            }
        }
        if dice.percent(10) {
            plan(
                dice.between(0, seconds),
                Chaos::Sleep(dice.between(1_800, 21_600) * SECOND),
            );
        }
        for _ in 0..2 {
            plan(dice.between(0, seconds), Chaos::Audit(dice.below(replicas)));
        }
        plan(seconds, Chaos::Calm);
        let people = state.org.people.iter();
        let mails = people.clone().map(|person| person.row.email.clone());
        let others = people.flat_map(|person| person.methods.iter().map(|method| method.address.clone()));
        let all: Vec<String> = mails.chain(others).collect();
        let dead = all.into_iter().filter(|_| dice.percent(8)).collect();
        state.calls.dead = dead;
    }

    async fn play(&mut self) {
        let mut turns = 0;
        while !self.has_failed() {
            self.settle().await;
            let crashes = self.hall.state().crash_next.take();
            if let Some(replica) = crashes {
                self.crash(replica);
                continue;
            }
            turns += 1;
            if turns > TURNS_MAX {
                self.fail("it does not come to rest");
            }
            let next = self.hall.state().next();
            match next {
                Next::Turn => {}
                Next::Now(event) => self.happens(event),
                Next::End => break,
            }
        }
        if self.has_failed() {
            return;
        }
        if self.hall.state().calm {
            self.rest().await;
        } else {
            self.fail("nothing happens any more");
        }
    }

    /// Lets everybody go on until each waits for a turn or a time.
    async fn settle(&self) {
        for _ in 0..SETTLE {
            tokio::task::yield_now().await;
        }
    }

    /// All is done: the auditor finds nothing, and everything is as it must be.
    async fn rest(&mut self) {
        self.audit(0);
        loop {
            self.settle().await;
            let next = self.hall.state().next();
            match next {
                Next::Turn => {}
                Next::Now(event) => self.happens(event),
                Next::End => break,
            }
        }
        let mut state = self.hall.state();
        watch::at_the_end(&mut state, &self.hall.memory);
    }

    fn has_failed(&self) -> bool {
        self.hall.state().watch.failure().is_some()
    }

    fn fail(&self, what: &str) {
        self.hall.state().watch.fail(what);
    }

    fn happens(&mut self, event: Event) {
        match event {
            Event::Wake(_, to) => {
                let _gone = to.send(());
            }
            Event::Taken(call) => provider::taken(&mut self.hall.state(), call),
            Event::Deed(deed) => self.deed(deed),
            Event::Chaos(chaos) => self.breaks(chaos),
        }
    }

    fn breaks(&mut self, chaos: Chaos) {
        match chaos {
            Chaos::Alert(number) => {
                let (hall, doors) = (self.hall.clone(), self.doors.clone());
                let alert = self.alerts[number].clone();
                self.hall
                    .state()
                    .say(&format!("tool {number}"), &format!("sends {:?}", alert.events));
                self.others.spawn(alerts::send(hall, doors, number, alert));
            }
            Chaos::Edit(seed) => self.edit(seed),
            Chaos::Audit(replica) => self.audit(replica),
            Chaos::Crash(replica) => self.crash(replica),
            Chaos::Restart(replica) => self.start(replica),
            Chaos::Freeze(replica, long) => {
                let mut state = self.hall.state();
                if state.works(replica) {
                    state.figures.freezes += 1;
                    state.machines[replica].frozen_until = state.now + long;
                    state.calls.disturb(Some(replica));
                    state.watch.forgive();
                    state.say(
                        &format!("replica {replica}"),
                        &format!("stands still for {} s", long / SECOND),
                    );
                }
            }
            Chaos::Step(replica, by) => {
                let mut state = self.hall.state();
                if !state.calm {
                    state.figures.clock_steps += 1;
                    state.machines[replica].offset += by;
                    state.stepped_at = state.now;
                    state.calls.disturb(None);
                    state.watch.forgive();
                    state.say(
                        &format!("replica {replica}"),
                        &format!("sets its clock by {} s", by / SECOND),
                    );
                }
            }
            Chaos::Sleep(by) => {
                let mut state = self.hall.state();
                state.figures.clock_steps += 1;
                state.say("everything", &format!("sleeps for {} s", by / SECOND));
                state.sleep(by);
            }
            Chaos::Mood(provider, mood) => {
                let mut state = self.hall.state();
                if !state.calm {
                    state.calls.turns(provider, mood);
                    state.say(PROVIDERS[provider].0, &format!("is {mood:?}"));
                }
            }
            Chaos::Calm => self.calm(),
        }
    }

    /// Nothing breaks any more.
    fn calm(&mut self) {
        let mut state = self.hall.state();
        state.calm = true;
        state.calls.all_well();
        state.calls.disturb(None);
        state.watch.forgive();
        state.stepped_at = state.now;
        for machine in &mut state.machines {
            machine.offset = 0;
            machine.frozen_until = 0;
        }
        state.say("everything", "is well from now on");
    }

    fn start(&mut self, replica: usize) {
        let who = {
            let mut state = self.hall.state();
            let machine = &mut state.machines[replica];
            if machine.alive {
                return;
            }
            machine.alive = true;
            machine.life += 1;
            let life = machine.life;
            state.watch.forgive();
            state.say(&format!("replica {replica}"), &format!("starts, life {life}"));
            Who { replica, life }
        };
        let started = Replica::start(&self.hall, self.parts, who);
        let door = (started.ingest.clone(), started.store.clone(), started.clock.clone());
        self.doors.lock().unwrap_or_else(PoisonError::into_inner)[replica] = Some(door);
        self.replicas[replica] = Some(started);
    }

    fn crash(&mut self, replica: usize) {
        let Some(dead) = self.replicas[replica].take() else {
            return;
        };
        self.doors.lock().unwrap_or_else(PoisonError::into_inner)[replica] = None;
        {
            let mut state = self.hall.state();
            state.figures.crashes += 1;
            state.machines[replica].alive = false;
            state.machines[replica].frozen_until = 0;
            state.bury(replica);
            state.calls.crashed(replica);
            state.say(&format!("replica {replica}"), "crashes");
            let wait = *state.dice.pick(&[SECOND / 5, 2 * SECOND, 20 * SECOND, 200 * SECOND]);
            let at = state.now + if state.calm { SECOND } else { wait };
            state.at(at, Event::Chaos(Chaos::Restart(replica)));
        }
        drop(dead);
    }

    /// One of the replicas that work.
    fn any(&mut self) -> Option<usize> {
        let mut state = self.hall.state();
        let working = state.working();
        (!working.is_empty()).then(|| *state.dice.pick(&working))
    }

    fn deed(&mut self, deed: Deed) {
        let Some(replica) = self.any() else {
            return people::again(&mut self.hall.state(), deed);
        };
        if let Some(replica) = &mut self.replicas[replica] {
            let (store, clock) = (replica.store.clone(), replica.clock.clone());
            replica.tasks.spawn(people::act(self.hall.clone(), store, clock, deed));
        }
    }

    fn edit(&mut self, seed: u64) {
        let Some(number) = self.any() else { return };
        let Some(replica) = &mut self.replicas[number] else {
            return;
        };
        let (hall, store, clock) = (self.hall.clone(), replica.store.clone(), replica.clock.clone());
        replica.tasks.spawn(async move {
            let inside = hall.clone();
            let unit = async move |tx: &mut Tx<'_>| {
                let (mut org, mut dice) = (inside.org(), Dice::new(seed, Of::Plan));
                let now = people::now(&inside.state());
                let said = edits::make(tx, &mut org, &mut dice, &|| clock.uuid_v7(), now).await?;
                inside.propose(org);
                Ok::<_, ChangeError>(said)
            };
            let done = store.db.write(unit).await;
            let mut state = hall.state();
            match done {
                Ok(said) => {
                    state.figures.edits += 1;
                    state.say("somebody", &said);
                }
                Err(error) => state.say("somebody", &format!("cannot change anything: {error}")),
            }
        });
    }

    fn audit(&mut self, number: usize) {
        let Some(replica) = &mut self.replicas[number] else {
            return;
        };
        let (hall, auditor) = (self.hall.clone(), replica.auditor.clone());
        replica.tasks.spawn(async move {
            if let Ok(found) = auditor.run().await
                && found > 0
            {
                let mut state = hall.state();
                state.say("the auditor", &format!("mends {found}"));
                // By a clock that is wrong, maintenance has another end.
                if !state.clocks_were_apart() {
                    state.watch.fail(format!("the auditor mended {found}"));
                }
            }
        });
    }
}
