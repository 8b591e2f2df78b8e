//! One event after the other: what is known of its problem, and what becomes of it.

use std::collections::HashMap;

use jiff::Timestamp;
use opsknight_domain::{
    dedup::{self, Outcome},
    directory::Directory,
    event::{Action, Event, Normalised},
    id::{IncidentId, ServiceId},
    incident::{Change, Incident, OpenedBy},
};
use opsknight_store::{
    db::{DbError, Tx},
    effects::Batch,
    ended, incidents,
};

use super::{
    Job,
    taken::{Brief, Taken},
};

/// A problem: a service, and a deduplication key within it.
type Problem = (ServiceId, String);

/// The problems that some jobs speak of, in order and each once; `timed` are those of which an event says when they
/// changed.
struct Asked {
    problems: Vec<Problem>,
    timed: Vec<Problem>,
}

impl Asked {
    fn of(jobs: &[Job]) -> Self {
        let (mut problems, mut timed) = (Vec::new(), Vec::new());
        for job in jobs {
            for event in &job.events {
                let Normalised::Event(event) = event else { continue };
                let problem = (job.service, event.dedup_key.clone());
                if event.changed_at.is_some() {
                    timed.push(problem.clone());
                }
                problems.push(problem);
            }
        }
        for list in [&mut problems, &mut timed] {
            list.sort_unstable();
            list.dedup();
        }
        Self { problems, timed }
    }
}

/// What is known of the problems that some jobs speak of, as the events so far have left it.
pub(super) struct Known {
    live: HashMap<Problem, Incident>,
    /// When problems ended by their senders' clocks; only where an event says when.
    ended: HashMap<Problem, Timestamp>,
    /// Those ends that events of these jobs have told.
    told: HashMap<Problem, Timestamp>,
}

impl Known {
    /// Reads the live incidents under all keys that these jobs speak of, and holds them against other writers. They are
    /// asked for in one order, so that two replicas do not wait for each other.
    pub(super) async fn read(tx: &mut Tx<'_>, jobs: &[Job]) -> Result<Self, DbError> {
        let Asked { problems, timed } = Asked::of(jobs);
        let found = incidents::lock_live(tx, &problems).await?;
        let ended = ended::read(tx, &timed).await?;
        Ok(Self::new(problems.into_iter().zip(found), timed.into_iter().zip(ended)))
    }

    /// The same for one job, without holding anything: to see what would become of it.
    pub(super) async fn look(tx: &mut Tx<'_>, job: &Job) -> Result<Self, DbError> {
        let Asked { problems, timed } = Asked::of(std::slice::from_ref(job));
        let found = incidents::live(tx, &problems).await?;
        let ended = ended::read(tx, &timed).await?;
        Ok(Self::new(problems.into_iter().zip(found), timed.into_iter().zip(ended)))
    }

    fn new(
        live: impl Iterator<Item = (Problem, Option<Incident>)>,
        ended: impl Iterator<Item = (Problem, Option<Timestamp>)>,
    ) -> Self {
        Self {
            live: live
                .filter_map(|(problem, incident)| Some((problem, incident?)))
                .collect(),
            ended: ended.filter_map(|(problem, at)| Some((problem, at?))).collect(),
            told: HashMap::new(),
        }
    }

    /// The live incident of a problem.
    pub(super) fn live(&self, service: ServiceId, key: &str) -> Option<&Incident> {
        self.live.get(&(service, key.to_owned()))
    }

    /// Keeps the ends that were told.
    pub(super) async fn note_ends(self, tx: &mut Tx<'_>, now: Timestamp) -> Result<(), DbError> {
        ended::note(tx, self.told, now).await
    }

    fn tell_end(&mut self, problem: Problem, at: Timestamp) {
        let newest = self.ended.get(&problem).is_none_or(|known| *known < at);
        if newest {
            self.ended.insert(problem.clone(), at);
            self.told.insert(problem, at);
        }
    }
}

/// One event after the other, each seeing what those before it have led to.
pub(super) struct Decide<'a> {
    pub(super) directory: &'a Directory,
    pub(super) known: &'a mut Known,
    pub(super) batch: &'a mut Batch,
    pub(super) now: Timestamp,
}

impl Decide<'_> {
    pub(super) fn take(&mut self, job: &Job, event: &Normalised, fresh: &mut impl FnMut() -> uuid::Uuid) -> Taken {
        let event = match event {
            Normalised::Event(event) => event,
            Normalised::Ignored { dedup_key, reason } => return Taken::ignored(dedup_key.clone(), reason.clone()),
        };
        let key = (job.service, event.dedup_key.clone());
        let mut live = self.known.live.remove(&key).and_then(|known| self.as_it_stands(known));
        let decided = self.decide(job, event, &mut live, fresh);
        if let (Action::Resolve, Some(at)) = (event.action, event.changed_at) {
            self.known.tell_end(key.clone(), at);
        }
        let (action, change) = match decided {
            Ok(decided) => decided,
            Err(reason) => {
                self.known.live.extend(live.map(|incident| (key, incident)));
                return Taken::ignored(Some(event.dedup_key.clone()), reason);
            }
        };
        let brief = Brief::of(&change.incident);
        self.batch
            .alert(change.incident.id, Some(job.receipt.id), event, fresh, self.now);
        if let ("triggered", Some(integration)) = (action, job.receipt.integration) {
            self.batch.opened_by(change.incident.id, integration);
        }
        if change.incident.resolved_at.is_none() {
            self.known.live.insert(key, change.incident.clone());
        }
        self.batch.take(change, fresh, self.now);
        Taken {
            action,
            dedup_key: Some(event.dedup_key.clone()),
            incident: Some(brief),
            reason: None,
        }
    }

    /// An incident as the decisions so far have left it, if it is still live: the keys of merged incidents and its own
    /// lead to the same one.
    fn as_it_stands(&self, known: Incident) -> Option<Incident> {
        let latest = self.batch.incident(known.id).cloned().unwrap_or(known);
        latest.resolved_at.is_none().then_some(latest)
    }

    /// What is to be done with the live incident, which is taken for it, or why nothing is: then it stays.
    fn decide(
        &self,
        job: &Job,
        event: &Event,
        live: &mut Option<Incident>,
        fresh: &mut impl FnMut() -> uuid::Uuid,
    ) -> Result<(&'static str, Change), String> {
        let (directory, actor, now) = (self.directory, &job.actor, self.now);
        let ended_at = event
            .changed_at
            .and_then(|_| self.known.ended.get(&(job.service, event.dedup_key.clone())));
        let is_part = |incident: &Incident| incident.service != job.service || incident.dedup_key != event.dedup_key;
        let part = live.as_ref().is_some_and(is_part);
        let outcome = match live.as_ref().filter(|_| part) {
            Some(whole) => dedup::decide_for_part(event.said(), whole, ended_at.copied()),
            None => dedup::decide(event.said(), live.as_ref(), ended_at.copied()),
        };
        let decided = match (outcome, live.take()) {
            (Outcome::Ignore(reason), incident) => {
                *live = incident;
                return Err(reason.to_owned());
            }
            (Outcome::Open, _) => {
                let service = directory.services.get(&job.service).ok_or("the service was removed")?;
                let id = IncidentId::new(fresh());
                return Ok((
                    "triggered",
                    Incident::open(id, service, OpenedBy::Event(event), actor, directory, now),
                ));
            }
            (Outcome::Add, Some(incident)) if part => {
                Ok(("deduplicated", incident.add_of_part(event, actor, directory, now)))
            }
            (Outcome::Add, Some(incident)) => Ok(("deduplicated", incident.add(event, actor, directory, now))),
            (Outcome::PartEnded, Some(incident)) => Ok(("deduplicated", incident.part_ended(event, actor, now))),
            (Outcome::Acknowledge, Some(incident)) => incident
                .acknowledge(actor, directory, now)
                .map(|change| ("acknowledged", change)),
            (Outcome::Resolve, Some(incident)) => incident
                .resolve(actor, None, directory, now)
                .map(|change| ("resolved", change)),
            (Outcome::Add | Outcome::Acknowledge | Outcome::Resolve | Outcome::PartEnded, None) => {
                return Err("no open incident has this deduplication key".to_owned());
            }
        };
        // `dedup` only asks for what fits where the incident stands, so there is no refusal to handle but to tell.
        decided.map_err(|refusal| refusal.to_string())
    }
}
