//! Opening incidents by hand, and what people and programs do to them.

use std::sync::Arc;

use jiff::Timestamp;
use opsknight_domain::{
    directory::{Directory, Service, Standing},
    escalation,
    event::{DEDUP_KEY_CHARS_MAX, DESCRIPTION_CHARS_MAX, clean},
    id::{IncidentId, ServiceId},
    incident::{Actor, Call, Change, Edit, Incident, Manual, OpenedBy, Refusal, Status, TITLE_CHARS_MAX},
};
use opsknight_store::{
    db::{DbError, Tx},
    directory::Pictures,
    effects::Batch,
    incidents::{self, Listed},
    timeline::{self, StoredEntry},
};

use crate::{
    api::error::{ApiError, Problems},
    state::{AppState, Clock},
};

mod merge;

/// The priorities that an incident can have.
pub const PRIORITIES: [&str; 5] = ["P1", "P2", "P3", "P4", "P5"];

/// One thing to do to an incident.
#[derive(Debug, Clone, PartialEq)]
pub enum Act {
    /// Say that somebody works on it.
    Acknowledge,
    /// End it, perhaps with a note.
    Resolve {
        /// What was done about it.
        note: Option<String>,
    },
    /// Open it again.
    Reopen,
    /// Put it off.
    Snooze {
        /// For how many minutes.
        minutes: i64,
    },
    /// Put it out of sight.
    Suppress,
    /// Write something down.
    Note {
        /// What.
        text: String,
    },
    /// Change fields.
    Edit(Edit),
    /// Run the next step of the policy at once.
    Escalate,
    /// Page further people.
    Call(Call),
    /// Merge it into another, or into the one that that one was merged into.
    Merge {
        /// Which other.
        into: IncidentId,
    },
}

impl Act {
    /// What it leads to. A merge is no business of one incident alone.
    fn apply(
        &self,
        incident: Incident,
        actor: &Actor,
        directory: &Directory,
        now: Timestamp,
    ) -> Result<Change, Refusal> {
        match self {
            Self::Merge { .. } => Err(Refusal::State("a merge needs both incidents".into())),
            Self::Escalate => escalation::escalate(incident, actor, directory, now),
            Self::Call(call) => incident.add_responders(call, actor, directory, now),
            Self::Acknowledge => incident.acknowledge(actor, directory, now),
            Self::Resolve { note } => incident.resolve(actor, note.as_deref(), directory, now),
            Self::Reopen => incident.reopen(actor, directory, now),
            Self::Snooze { minutes } => incident.snooze(*minutes, actor, directory, now),
            Self::Suppress => incident.suppress(actor, now),
            Self::Note { text } => incident.note(text, actor, directory, now),
            Self::Edit(edit) => incident.edit(edit, actor, directory, now),
        }
    }

    /// The same wish on an incident that stands where it is wanted already: nothing is left to do but to keep the note.
    fn unless_done(self, status: Status) -> Option<Self> {
        match (self, status) {
            (Self::Acknowledge, Status::Acknowledged)
            | (Self::Reopen, Status::Open)
            | (Self::Suppress, Status::Suppressed) => None,
            (Self::Resolve { note }, Status::Resolved) => note.map(|text| Self::Note { text }),
            (act, _) => Some(act),
        }
    }
}

/// Whether an incident may already stand where it is wanted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Repeat {
    /// It is refused with 409: a person should see that somebody was faster.
    Refuse,
    /// It is taken as done: a program may send the same call twice.
    Accept,
}

/// Does some things to one incident in one unit, in their order; either all of them are done or none.
///
/// # Errors
/// 404 when there is no such incident, 409 when something does not fit where it stands, 400 when a value is not
/// acceptable.
pub async fn act(
    state: &AppState,
    id: IncidentId,
    acts: Vec<Act>,
    actor: Actor,
    repeat: Repeat,
) -> Result<Listed, ApiError> {
    let doing = Doing::new(state, acts, actor, repeat);
    let unit = async move |tx: &mut Tx<'_>| {
        doing.write(tx, id).await?;
        listed(tx, id).await
    };
    state.store.db.write(unit).await
}

/// Writes a note, and gives it as it stands in the story.
///
/// # Errors
/// 404 when there is no such incident, 400 when the text is empty or too long.
pub async fn add_note(state: &AppState, id: IncidentId, text: String, actor: Actor) -> Result<StoredEntry, ApiError> {
    let doing = Doing::new(state, vec![Act::Note { text }], actor, Repeat::Refuse);
    let unit = async move |tx: &mut Tx<'_>| {
        doing.write(tx, id).await?;
        timeline::last_note(tx, id).await?.ok_or_else(ApiError::internal)
    };
    state.store.db.write(unit).await
}

/// What is to be done, by whom, and when: all that a unit of work needs, as often as it is run.
struct Doing {
    acts: Vec<Act>,
    actor: Actor,
    repeat: Repeat,
    pictures: Pictures,
    clock: Arc<dyn Clock>,
    now: Timestamp,
}

impl Doing {
    fn new(state: &AppState, acts: Vec<Act>, actor: Actor, repeat: Repeat) -> Self {
        Self {
            acts,
            actor,
            repeat,
            pictures: state.store.pictures.clone(),
            clock: state.clock.clone(),
            now: state.clock.now(),
        }
    }

    async fn write(&self, tx: &mut Tx<'_>, id: IncidentId) -> Result<(), ApiError> {
        let mut held = merge::lock_all(tx, id, &self.acts).await?;
        let found = held.remove(&id);
        let mut incident = found.ok_or_else(|| ApiError::not_found("incident"))?;
        let picture = self.pictures.current(tx, self.now).await?;
        let mut batch = Batch::default();
        let mut moves = Vec::new();
        for act in &self.acts {
            let act = match self.repeat {
                Repeat::Refuse => Some(act.clone()),
                Repeat::Accept => act.clone().unless_done(incident.status),
            };
            let Some(act) = act else { continue };
            if act == Act::Reopen && incident.status == Status::Resolved {
                unless_another_live(tx, &incident).await?;
            }
            if let Act::Merge { into } = act {
                let other = merge::other(tx, &batch, &held, into).await?;
                let merged = incident.merge(other, &self.actor, &picture.directory, self.now)?;
                incident = merged.source.incident.clone();
                moves.push((incident.clone(), merged.target.incident.id));
                for change in [merged.target, merged.source] {
                    batch.take(change, &mut || self.clock.uuid_v7(), self.now);
                }
                continue;
            }
            let change = act.apply(incident, &self.actor, &picture.directory, self.now)?;
            incident = change.incident.clone();
            batch.take(change, &mut || self.clock.uuid_v7(), self.now);
        }
        let mut fresh = || self.clock.uuid_v7();
        batch.write(tx, &mut fresh, self.now).await.map_err(key_taken)?;
        for (source, target) in moves {
            incidents::lead_to(tx, &source, target, self.now).await?;
        }
        Ok(())
    }
}

/// A key names one live incident: a resolved one cannot come back beside its successor.
async fn unless_another_live(tx: &mut Tx<'_>, incident: &Incident) -> Result<(), ApiError> {
    match incidents::another_live(tx, incident).await? {
        None => Ok(()),
        Some(other) => Err(ApiError::conflict(format!(
            "{other} is open under the same deduplication key; work on that one"
        ))),
    }
}

/// What an incident that is opened by hand is to be.
#[derive(Debug, Clone, PartialEq)]
pub struct Opening {
    /// Of which service.
    pub service: ServiceId,
    /// All else. An empty key stands for one of its own.
    pub manual: Manual,
}

/// Opens an incident by hand.
///
/// # Errors
/// 400 when a value is not acceptable, 409 when another incident is live under the key.
pub async fn open(state: &AppState, opening: Opening, actor: Actor) -> Result<Listed, ApiError> {
    let now = state.clock.now();
    let id = IncidentId::new(state.clock.uuid_v7());
    let (clock, pictures) = (state.clock.clone(), state.store.pictures.clone());
    let unit = async move |tx: &mut Tx<'_>| {
        let picture = pictures.current(tx, now).await?;
        let directory = &picture.directory;
        let service = check(&opening, directory)?;
        let mut manual = opening.manual.clone();
        if manual.dedup_key.is_empty() {
            manual.dedup_key = id.to_string();
        }
        let change = Incident::open(id, service, OpenedBy::Hand(&manual), &actor, directory, now);
        unless_another_live(tx, &change.incident).await?;
        let mut batch = Batch::default();
        batch.take(change, &mut || clock.uuid_v7(), now);
        batch.write(tx, &mut || clock.uuid_v7(), now).await.map_err(key_taken)?;
        listed(tx, id).await
    };
    state.store.db.write(unit).await
}

/// Everything that is not acceptable, at once.
fn check<'a>(opening: &Opening, directory: &'a Directory) -> Result<&'a Service, ApiError> {
    let mut problems = Problems::default();
    let manual = &opening.manual;
    let title = clean(&manual.title, usize::MAX).chars().count();
    if title == 0 || title > TITLE_CHARS_MAX {
        problems.add("title", format!("must have from 1 to {TITLE_CHARS_MAX} characters"));
    }
    let description = manual.description.as_deref().unwrap_or_default();
    if description.chars().count() > DESCRIPTION_CHARS_MAX {
        problems.add(
            "description",
            format!("must have at most {DESCRIPTION_CHARS_MAX} characters"),
        );
    }
    if manual
        .priority
        .as_deref()
        .is_some_and(|priority| !PRIORITIES.contains(&priority))
    {
        problems.add("priority", format!("must be one of {}", PRIORITIES.join(", ")));
    }
    if manual.dedup_key.chars().count() > DEDUP_KEY_CHARS_MAX {
        problems.add(
            "dedupKey",
            format!("must have at most {DEDUP_KEY_CHARS_MAX} characters"),
        );
    }
    let service = directory.services.get(&opening.service);
    if service.is_none() {
        problems.add("serviceId", "there is no such service");
    }
    match manual.assignee.map(|id| directory.users.get(&id)) {
        Some(None) => problems.add("assigneeId", "there is no such user"),
        Some(Some(user)) if user.standing == Standing::Disabled => {
            problems.add("assigneeId", "this user is disabled");
        }
        Some(Some(_)) | None => {}
    }
    if manual.team.is_some_and(|id| !directory.teams.contains_key(&id)) {
        problems.add("assignedTeamId", "there is no such team");
    }
    problems.check()?;
    service.ok_or_else(|| ApiError::not_found("service"))
}

/// Another replica opened one under the same key in between.
fn key_taken(error: DbError) -> ApiError {
    if error.unique_on("incident_live") || error.unique_on("incident.dedup_key") {
        return ApiError::conflict("another incident is open under the same deduplication key");
    }
    error.into()
}

pub(super) async fn listed(tx: &mut Tx<'_>, id: IncidentId) -> Result<Listed, ApiError> {
    incidents::get(tx, id)
        .await?
        .ok_or_else(|| ApiError::not_found("incident"))
}
