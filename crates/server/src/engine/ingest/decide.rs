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

/// What is known of the problems that some jobs speak of, as the events so far have left it.
pub(super) struct Known {
    live: HashMap<Problem, Incident>,
    /// When problems ended by their senders' clocks; only where an event says when.
    ended: HashMap<Problem, Timestamp>,
    /// Those ends that events of these jobs have told.
    told: HashMap<Problem, Timestamp>,
}

impl Known {
    /// Reads the live incidents under all keys that these jobs speak of. They are asked for in one order, so that two
    /// replicas do not wait for each other.
    pub(super) async fn read(tx: &mut Tx<'_>, jobs: &[Job]) -> Result<Self, DbError> {
        let events = jobs.iter().flat_map(|job| {
            job.events.iter().filter_map(|event| match event {
                Normalised::Event(event) => Some(((job.service, event.dedup_key.clone()), event.changed_at.is_some())),
                Normalised::Ignored { .. } => None,
            })
        });
        let (mut keys, mut timed) = (Vec::new(), Vec::new());
        for (problem, is_timed) in events {
            if is_timed {
                timed.push(problem.clone());
            }
            keys.push(problem);
        }
        for list in [&mut keys, &mut timed] {
            list.sort_unstable();
            list.dedup();
        }
        let found = incidents::lock_live(tx, &keys).await?;
        let ended = ended::read(tx, &timed).await?;
        let known = |(problem, found): (Problem, Option<_>)| Some((problem, found?));
        Ok(Self {
            live: keys.into_iter().zip(found).filter_map(known).collect(),
            ended: timed
                .into_iter()
                .zip(ended)
                .filter_map(|(problem, at)| Some((problem, at?)))
                .collect(),
            told: HashMap::new(),
        })
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
        let mut live = self.known.live.remove(&key);
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
        metrics::counter!("opsknight_alerts_total", "action" => action).increment(1);
        let brief = Brief::of(&change.incident);
        self.batch
            .alert(change.incident.id, Some(job.receipt.id), event, fresh, self.now);
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
        let outcome = dedup::decide(event.said(), live.as_ref(), ended_at.copied());
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
            (Outcome::Add, Some(incident)) => Ok(("deduplicated", incident.add(event, actor, directory, now))),
            (Outcome::Acknowledge, Some(incident)) => incident
                .acknowledge(actor, directory, now)
                .map(|change| ("acknowledged", change)),
            (Outcome::Resolve, Some(incident)) => incident
                .resolve(actor, None, directory, now)
                .map(|change| ("resolved", change)),
            (Outcome::Add | Outcome::Acknowledge | Outcome::Resolve, None) => {
                return Err("no open incident has this deduplication key".to_owned());
            }
        };
        // `dedup` only asks for what fits where the incident stands, so there is no refusal to handle but to tell.
        decided.map_err(|refusal| refusal.to_string())
    }
}
