//! An incident's story, sentence by sentence: what each must lead to by the oracle, against what the commit holds.

use std::collections::VecDeque;

use jiff::{SignedDuration, Timestamp};
use opsknight_domain::{directory::Channel, id::PolicyId, incident::Status, urgency::Urgency};

use super::{
    Known, deliveries, is_open,
    rows::{Del, Ent, Inc},
};
use crate::{
    hall::State,
    oracle::{self, Page, Stand},
    org::Org,
};

/// The longest wait between two messages to one address.
const PUT_OFF_MAX: SignedDuration = SignedDuration::from_mins(2);

/// An incident as it must be.
#[derive(Debug, Clone)]
pub(super) struct Shadow {
    pub(super) status: Status,
    pub(super) urgency: Urgency,
    policy: Option<PolicyId>,
    stand: Stand,
    /// When the next step runs.
    pub(super) due: Option<Timestamp>,
    /// How often escalation began with the first step.
    pub(super) opening: u32,
    /// The step that was run last since then.
    pub(super) last: Option<(u32, u32)>,
    pub(super) snoozed_until: Option<Timestamp>,
    in_maintenance: bool,
}

struct Walk<'a> {
    org: &'a Org,
    inc: &'a Inc,
    shadow: Shadow,
    /// Pages that this commit must have decided on.
    expected: Vec<Page>,
    /// Steps that this commit must have run and has not told of yet.
    steps: VecDeque<(u32, u32)>,
    ran: u64,
    unheard: bool,
    wrong: Vec<String>,
}

/// A commit has changed an incident: these sentences are new, and these messages.
pub(super) fn incident(
    state: &mut State,
    inc: &Inc,
    entries: &[&Ent],
    new: &[&Del],
    mut fallbacks: Vec<Page>,
    unheard: bool,
) {
    for entry in entries {
        state.trace.say(
            state.now,
            &format!("#{}", inc.number),
            &format!("{}: {}", entry.kind, entry.text),
        );
    }
    let known = state.watch.incidents.get(&inc.id);
    let is_new = known.is_none();
    let shadow = known.map_or_else(|| fresh(inc), |known| known.shadow.clone());
    for page in &mut fallbacks {
        page.due = entries.first().map_or(page.due, |entry| entry.at);
    }
    let mut walk = Walk {
        org: &state.org,
        inc,
        shadow,
        expected: fallbacks,
        steps: VecDeque::new(),
        ran: 0,
        unheard,
        wrong: Vec::new(),
    };
    for entry in entries {
        walk.sentence(entry);
    }
    walk.compare(new);
    let Walk { shadow, wrong, ran, .. } = walk;
    state.figures.steps += ran;
    for why in wrong {
        state.watch.fail(format!("#{}: {why}", inc.number));
    }
    if is_new {
        state.figures.incidents += 1;
        state.watch.order.push(inc.id);
        let live = |known: &&Known| known.row.service == inc.service && known.row.key == inc.key;
        let twins = state.watch.incidents.values().filter(live);
        if twins.filter(|known| known.row.status != Status::Resolved).count() > 0 {
            state
                .watch
                .fail(format!("#{}: another is live under its key", inc.number));
        }
    }
    let known = Known {
        row: inc.clone(),
        shadow,
        late: 0,
    };
    state.watch.incidents.insert(inc.id, known);
}

/// A sentence that changes nothing.
pub(super) fn told(state: &mut State, entry: &Ent) {
    let number = state.watch.number(entry.incident);
    state.say(&format!("#{number}"), &format!("{}: {}", entry.kind, entry.text));
}

fn fresh(inc: &Inc) -> Shadow {
    Shadow {
        status: Status::Resolved,
        urgency: inc.urgency,
        policy: None,
        stand: Stand::default(),
        due: None,
        opening: 0,
        last: None,
        snoozed_until: None,
        in_maintenance: false,
    }
}

impl Walk<'_> {
    fn sentence(&mut self, entry: &Ent) {
        let by_program = entry.actor_kind == "SYSTEM";
        match entry.kind.as_str() {
            "TRIGGERED" => self.triggered(entry),
            "REOPENED" => self.reopened(entry, by_program),
            "ACKNOWLEDGED" => self.leave(Status::Acknowledged),
            "RESOLVED" => self.leave(Status::Resolved),
            "SUPPRESSED" => self.leave(Status::Suppressed),
            "SNOOZED" => self.snoozed(entry, by_program),
            "ESCALATED" if by_program => self.step(entry),
            "ESCALATED" => self.by_hand(entry.at),
            "URGENCY_CHANGED" => {
                let to = entry.data["to"].as_str().and_then(Urgency::from_word);
                self.shadow.urgency = to.unwrap_or(self.shadow.urgency);
            }
            "REASSIGNED" => self.reassigned(entry),
            "REPAIRED" => self.wrong.push("the auditor had to mend it".into()),
            "NOT_PAGED" if entry.text.starts_with("No page of step") => {
                if !self.unheard {
                    self.wrong
                        .push("escalation moves on although somebody may have heard".into());
                }
                self.unheard = false;
                self.run(entry.at);
            }
            "NOT_PAGED"
                if !entry.text.starts_with("Nobody could be paged") && !entry.text.starts_with("No step of") => {}
            // Escalation that ends without another step: it was due all the same.
            "NOT_PAGED" | "EXHAUSTED" if self.steps.is_empty() && self.is_due(entry.at) => self.run(entry.at),
            _ => {}
        }
    }

    fn is_due(&self, at: Timestamp) -> bool {
        is_open(self.shadow.status) && self.shadow.due.is_some_and(|due| due <= at)
    }

    /// What must happen when the step that is next is run now.
    fn run(&mut self, at: Timestamp) {
        self.all_told();
        let Shadow {
            policy, urgency, stand, ..
        } = self.shadow;
        let run = oracle::run(self.org, policy, urgency, stand, at);
        self.shadow.last = run.steps.last().copied().or(self.shadow.last);
        self.ran += run.steps.len() as u64;
        self.steps.extend(run.steps);
        self.expected.extend(run.pages);
        self.shadow.stand = run.stand;
        self.shadow.due = run.due;
    }

    fn all_told(&mut self) {
        for (round, step) in std::mem::take(&mut self.steps) {
            self.wrong
                .push(format!("step {} of round {} was not run", step + 1, round + 1));
        }
    }

    fn begin(&mut self, at: Timestamp) {
        self.shadow.status = Status::Open;
        self.shadow.snoozed_until = None;
        self.shadow.in_maintenance = false;
        self.shadow.stand = Stand::default();
        self.shadow.last = None;
        self.shadow.opening += 1;
        self.run(at);
    }

    fn triggered(&mut self, entry: &Ent) {
        let said = Urgency::ALL.into_iter().find(|urgency| {
            entry
                .text
                .ends_with(&format!("with {} urgency", urgency.word().to_lowercase()))
        });
        self.shadow.urgency = said.unwrap_or(self.shadow.urgency);
        self.shadow.policy = self.org.service(self.inc.service).and_then(|service| service.policy);
        match self.org.maintenance_until(self.inc.service, entry.at) {
            Some(until) => {
                self.shadow.status = Status::Snoozed;
                self.shadow.in_maintenance = true;
                self.shadow.snoozed_until = Some(until);
            }
            None => self.begin(entry.at),
        }
    }

    fn reopened(&mut self, entry: &Ent, by_program: bool) {
        let over = self.shadow.snoozed_until.is_some_and(|until| until <= entry.at);
        if by_program && (self.shadow.status != Status::Snoozed || !over) {
            self.wrong
                .push("it is reopened by itself and no snooze has ended".into());
        }
        if by_program && self.shadow.in_maintenance && self.org.maintenance_until(self.inc.service, entry.at).is_some()
        {
            self.wrong.push("it is opened although the maintenance lasts".into());
        }
        self.begin(entry.at);
    }

    fn leave(&mut self, status: Status) {
        self.all_told();
        self.expected.clear();
        self.shadow.status = status;
        self.shadow.due = None;
        self.shadow.snoozed_until = None;
        self.shadow.in_maintenance = false;
    }

    fn snoozed(&mut self, entry: &Ent, by_program: bool) {
        let until = entry.data["until"]
            .as_str()
            .and_then(|text| text.parse::<Timestamp>().ok());
        if !by_program {
            self.leave(Status::Snoozed);
            self.shadow.snoozed_until = until;
            return;
        }
        if until != self.org.maintenance_until(self.inc.service, entry.at) || !self.shadow.in_maintenance {
            self.wrong
                .push("it waits for another end than the maintenance has".into());
        }
        self.shadow.snoozed_until = until;
    }

    fn step(&mut self, entry: &Ent) {
        let number = |name: &str| entry.data[name].as_u64().and_then(|n| u32::try_from(n).ok());
        let told = number("round")
            .zip(number("step"))
            .map(|(round, step)| (round - 1, step - 1));
        if self.steps.is_empty() {
            if !self.is_due(entry.at) {
                let Shadow { status, due, .. } = self.shadow;
                self.wrong.push(format!(
                    "step {told:?} runs at {} and is due {due:?}, {status:?}",
                    entry.at
                ));
            }
            self.run(entry.at);
        }
        let expected = self.steps.pop_front();
        if expected != told {
            self.wrong
                .push(format!("step {told:?} was run, and {expected:?} is next"));
        }
    }

    /// Somebody does not want to wait.
    fn by_hand(&mut self, at: Timestamp) {
        if !is_open(self.shadow.status) {
            self.wrong.push("it escalates although it is not open".into());
        }
        let policy = self.shadow.policy.and_then(|id| self.org.policy(id));
        let through = policy.is_none_or(|policy| {
            self.shadow.stand.next as usize >= policy.steps.len() && self.shadow.stand.round >= policy.repeat
        });
        if through {
            self.shadow.stand = Stand::default();
            self.shadow.opening += 1;
        }
        self.run(at);
    }

    fn reassigned(&mut self, entry: &Ent) {
        let Some(assignee) = self.inc.assignee.filter(|assignee| Some(*assignee) != entry.actor) else {
            return;
        };
        if self.shadow.status != Status::Resolved {
            let pages = oracle::pages(self.org, assignee, self.shadow.urgency, &[], None, entry.at);
            self.expected.extend(pages);
        }
    }

    /// What the commit holds against what it must hold.
    fn compare(&mut self, new: &[&Del]) {
        self.all_told();
        if self.unheard {
            self.wrong
                .push("nobody can hear of the step, and escalation does not move on".into());
        }
        let inc = self.inc;
        // Changing a window puts all that wait for its end to be looked at, without a sentence.
        if self.shadow.in_maintenance {
            self.shadow.snoozed_until = inc.snoozed_until;
        }
        let Shadow {
            status,
            due,
            stand,
            snoozed_until,
            policy,
            urgency,
            ..
        } = self.shadow;
        if inc.status != status || inc.snoozed_until != snoozed_until || inc.policy != policy || inc.urgency != urgency
        {
            self.wrong.push(format!("it is {inc:?} and must be {:?}", self.shadow));
        }
        if is_open(status)
            && (inc.escalation_due != due || (due.is_some() && (inc.round, inc.next) != (stand.round, stand.next)))
        {
            let is = (inc.round, inc.next, inc.escalation_due);
            self.wrong
                .push(format!("its next step is {is:?} and must be {stand:?} {due:?}"));
        }
        let first = if is_open(status) { due } else { snoozed_until };
        if first.is_some_and(|first| inc.due_at.is_none_or(|at| at > first)) {
            self.wrong
                .push(format!("it is due {first:?} and nothing would wake it"));
        }
        let mut decided: Vec<Page> = new
            .iter()
            .filter(|del| del.purpose == "PAGE")
            .filter_map(|del| page(del))
            .collect();
        let mut expected = std::mem::take(&mut self.expected);
        decided.sort();
        expected.sort();
        let name = |id| {
            self.org
                .person(id)
                .map_or_else(|| "?".to_owned(), |person| person.row.name.clone())
        };
        for page in &expected {
            match decided.iter().position(|other| is_it(page, other)) {
                Some(place) => drop(decided.remove(place)),
                None => self
                    .wrong
                    .push(format!("nobody pages {}", deliveries::describe(page, name))),
            }
        }
        for page in decided {
            self.wrong.push(format!(
                "it pages {}, and nothing says so",
                deliveries::describe(&page, name)
            ));
        }
    }
}

/// Whether it is this page, or this page put off in the same commit, for there were many to its address: by minutes at most.
fn is_it(page: &Page, other: &Page) -> bool {
    let by = other.due.duration_since(page.due);
    let put_off = Page {
        due: page.due,
        ..other.clone()
    };
    put_off == *page && !by.is_negative() && by <= PUT_OFF_MAX
}

fn page(del: &Del) -> Option<Page> {
    Some(Page {
        user: del.user?,
        channel: Channel::from_word(&del.channel)?,
        address: del.address.clone()?,
        due: del.due_at,
        step: del.step,
        in_order: del.in_order,
    })
}
