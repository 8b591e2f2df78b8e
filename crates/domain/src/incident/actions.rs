//! What people, programs and senders do to an incident that exists.

use jiff::{SignedDuration, Timestamp};
use serde_json::json;

use super::{
    Actor, Change, Entry, EntryKind, Happening, Incident, NOTE_CHARS_MAX, Progress, SNOOZE_MINUTES_MAX, Status,
    TITLE_CHARS_MAX,
};
use crate::{
    directory::{Directory, Standing},
    escalation,
    event::{DESCRIPTION_CHARS_MAX, clean},
    id::{TeamId, UserId},
    urgency::Urgency,
};

/// Why something cannot be done to an incident.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// It does not fit where the incident stands.
    #[error("{0}")]
    State(String),
    /// A value is not acceptable.
    #[error("{field}: {why}")]
    Field {
        /// Which one, by the name of the contract.
        field: &'static str,
        /// What is wrong with it.
        why: String,
    },
}

/// Fields that are edited together; none: left as it is.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Edit {
    /// A new title.
    pub title: Option<String>,
    /// A new description; the inner none takes it away.
    pub description: Option<Option<String>>,
    /// A new urgency.
    pub urgency: Option<Urgency>,
    /// A new priority, `P1` to `P5`; the inner none takes it away.
    pub priority: Option<Option<String>>,
    /// Somebody else, or nobody.
    pub assignee: Option<Option<UserId>>,
    /// Another team, or none.
    pub team: Option<Option<TeamId>>,
    /// Other tags, all of them.
    pub tags: Option<Vec<String>>,
}

impl Incident {
    /// Somebody says that they work on it: escalation stops and pages that wait are called off.
    ///
    /// # Errors
    /// When it is resolved or acknowledged already.
    pub fn acknowledge(self, actor: &Actor, directory: &Directory, now: Timestamp) -> Result<Change, Refusal> {
        match self.status {
            Status::Open | Status::Snoozed | Status::Suppressed => {}
            Status::Acknowledged => return Err(Refusal::State("the incident is acknowledged already".into())),
            Status::Resolved => return Err(Refusal::State("the incident is resolved; reopen it first".into())),
        }
        let is_unheard = self.in_maintenance && actor.user().is_none();
        let mut change = self.leave_open(Status::Acknowledged, "the incident was acknowledged", now);
        let incident = &mut change.incident;
        incident.acknowledged_at = incident.acknowledged_at.or(Some(now));
        if let (Some(user), false) = (actor.user(), incident.assigned_by_hand) {
            incident.assignee = Some(user);
        }
        let text = format!("Acknowledged by {}", actor.name());
        change.entries.push(Entry::by(EntryKind::Acknowledged, actor, text));
        if !is_unheard {
            change.tell(Happening::Acknowledged, directory, now);
        }
        Ok(change)
    }

    /// It is over. Nobody is told of the end of what began and ended within a maintenance.
    ///
    /// # Errors
    /// When it is resolved already.
    pub fn resolve(
        self,
        actor: &Actor,
        note: Option<&str>,
        directory: &Directory,
        now: Timestamp,
    ) -> Result<Change, Refusal> {
        if self.status == Status::Resolved {
            return Err(Refusal::State("the incident is resolved already".into()));
        }
        let is_unheard = self.in_maintenance;
        let mut change = self.leave_open(Status::Resolved, "the incident was resolved", now);
        change.incident.resolved_at = Some(now);
        change.incident.clocks.resolve_due = None;
        change.incident.closes_at = None;
        change.entries.push(Entry::by(
            EntryKind::Resolved,
            actor,
            format!("Resolved by {}", actor.name()),
        ));
        if let Some(note) = note
            .map(|note| clean(note, NOTE_CHARS_MAX))
            .filter(|note| !note.is_empty())
        {
            change.entries.push(Entry::by(EntryKind::Note, actor, note));
        }
        if !is_unheard {
            change.tell(Happening::Resolved, directory, now);
        }
        Ok(change)
    }

    /// It is open again, and escalates from the first step.
    ///
    /// # Errors
    /// When it is open already.
    pub fn reopen(self, actor: &Actor, directory: &Directory, now: Timestamp) -> Result<Change, Refusal> {
        if self.status == Status::Open {
            return Err(Refusal::State("the incident is open already".into()));
        }
        if self.merged_into.is_some() {
            return Err(Refusal::State(
                "the incident was merged into another; work on that one".into(),
            ));
        }
        let text = match actor {
            Actor::System => "Reopened: the snooze has ended".to_owned(),
            Actor::User { .. } | Actor::ApiKey { .. } | Actor::Integration { .. } => {
                format!("Reopened by {}", actor.name())
            }
        };
        let mut change = Change::of(self);
        let incident = &mut change.incident;
        incident.status = Status::Open;
        incident.snoozed_until = None;
        incident.in_maintenance = false;
        incident.acknowledged_at = None;
        incident.resolved_at = None;
        incident.updated_at = now;
        incident.progress = Progress::default();
        change.entries.push(Entry::by(EntryKind::Reopened, actor, text));
        change.tell(Happening::Reopened, directory, now);
        if change.incident.is_test {
            change.incident.closes_at = now
                .checked_add(SignedDuration::from_secs(super::TEST_CLOSES_AFTER_S))
                .ok();
        } else {
            escalation::start(&mut change, directory, now);
        }
        Ok(change)
    }

    /// It is put off; when the time is over it opens again.
    ///
    /// # Errors
    /// When it is resolved, or the minutes are not from 1 to [`SNOOZE_MINUTES_MAX`].
    pub fn snooze(self, minutes: i64, actor: &Actor, directory: &Directory, now: Timestamp) -> Result<Change, Refusal> {
        if self.status == Status::Resolved {
            return Err(Refusal::State("the incident is resolved; reopen it first".into()));
        }
        let wrong = || Refusal::Field {
            field: "snoozeMinutes",
            why: format!("must be from 1 to {SNOOZE_MINUTES_MAX} minutes"),
        };
        if !(1..=SNOOZE_MINUTES_MAX).contains(&minutes) {
            return Err(wrong());
        }
        let until = now
            .checked_add(SignedDuration::from_mins(minutes))
            .map_err(|_| wrong())?;
        let mut change = self.leave_open(Status::Snoozed, "the incident was snoozed", now);
        change.incident.snoozed_until = Some(until);
        let text = format!("Snoozed for {minutes} min by {}", actor.name());
        let data = json!({ "until": until.to_string() });
        change
            .entries
            .push(Entry::by(EntryKind::Snoozed, actor, text).with(data));
        change.tell(Happening::Snoozed, directory, now);
        Ok(change)
    }

    /// It is put out of sight until somebody reopens it.
    ///
    /// # Errors
    /// When it is resolved or suppressed already.
    pub fn suppress(self, actor: &Actor, now: Timestamp) -> Result<Change, Refusal> {
        match self.status {
            Status::Open | Status::Acknowledged | Status::Snoozed => {}
            Status::Suppressed => return Err(Refusal::State("the incident is suppressed already".into())),
            Status::Resolved => return Err(Refusal::State("the incident is resolved; reopen it first".into())),
        }
        let mut change = self.leave_open(Status::Suppressed, "the incident was suppressed", now);
        change.incident.clocks.resolve_due = None;
        change.entries.push(Entry::by(
            EntryKind::Suppressed,
            actor,
            format!("Suppressed by {}", actor.name()),
        ));
        Ok(change)
    }

    /// Somebody writes something down.
    ///
    /// # Errors
    /// When the text is empty or too long.
    pub fn note(self, text: &str, actor: &Actor, directory: &Directory, now: Timestamp) -> Result<Change, Refusal> {
        let text = clean(text, usize::MAX);
        let length = text.chars().count();
        if length == 0 || length > NOTE_CHARS_MAX {
            let why = format!("must have from 1 to {NOTE_CHARS_MAX} characters");
            return Err(Refusal::Field { field: "text", why });
        }
        let mut change = Change::of(self);
        change.incident.updated_at = now;
        change.tell(Happening::NoteAdded, directory, now);
        change.tell_mentioned(&text, actor, directory, now);
        change.entries.push(Entry::by(EntryKind::Note, actor, text));
        Ok(change)
    }

    /// Changes fields, with one sentence for each that really changes. Whoever is assigned by somebody else to an
    /// incident that is not resolved is paged.
    ///
    /// # Errors
    /// When a value is not acceptable; nothing is changed then.
    pub fn edit(self, edit: &Edit, actor: &Actor, directory: &Directory, now: Timestamp) -> Result<Change, Refusal> {
        let mut change = Change::of(self);
        change.edit_texts(edit, actor)?;
        if let Some(urgency) = edit.urgency.filter(|urgency| *urgency != change.incident.urgency) {
            let before = std::mem::replace(&mut change.incident.urgency, urgency);
            let (from, to) = (before.word().to_lowercase(), urgency.word().to_lowercase());
            let text = format!("Urgency changed from {from} to {to} by {}", actor.name());
            let data = json!({ "from": before.word(), "to": urgency.word() });
            change
                .entries
                .push(Entry::by(EntryKind::UrgencyChanged, actor, text).with(data));
        }
        if let Some(team) = edit.team.filter(|team| *team != change.incident.team) {
            let name = match team {
                None => "no team".to_owned(),
                Some(id) => match directory.teams.get(&id) {
                    Some(team) => format!("team {}", team.name),
                    None => {
                        return Err(Refusal::Field {
                            field: "assignedTeamId",
                            why: "there is no such team".into(),
                        });
                    }
                },
            };
            change.incident.team = team;
            change.entries.push(Entry::by(
                EntryKind::Reassigned,
                actor,
                format!("Assigned to {name} by {}", actor.name()),
            ));
            change.tell(Happening::Reassigned, directory, now);
        }
        if let Some(assignee) = edit.assignee.filter(|assignee| *assignee != change.incident.assignee) {
            change.reassign(assignee, actor, directory, now)?;
        }
        if !change.entries.is_empty() {
            change.incident.updated_at = now;
        }
        Ok(change)
    }

    /// Leaves the open state: escalation stops, pages that wait are called off, and the clock to acknowledge stops.
    pub(super) fn leave_open(mut self, status: Status, why: &'static str, now: Timestamp) -> Change {
        self.status = status;
        self.snoozed_until = None;
        self.in_maintenance = false;
        self.progress.due = None;
        self.clocks.ack_due = None;
        self.updated_at = now;
        Change {
            call_off_pages: Some(why),
            ..Change::of(self)
        }
    }
}

impl Change {
    fn edit_texts(&mut self, edit: &Edit, actor: &Actor) -> Result<(), Refusal> {
        let incident = &mut self.incident;
        let mut edited = Vec::new();
        if let Some(title) = edit.title.as_ref().filter(|title| **title != incident.title) {
            let cleaned = clean(title, usize::MAX);
            if cleaned.is_empty() || cleaned.chars().count() > TITLE_CHARS_MAX {
                let why = format!("must have from 1 to {TITLE_CHARS_MAX} characters");
                return Err(Refusal::Field { field: "title", why });
            }
            edited.push(format!("Title changed to “{cleaned}” by {}", actor.name()));
            incident.title = cleaned;
        }
        if let Some(description) = edit.description.as_ref().filter(|text| **text != incident.description) {
            if description
                .as_ref()
                .is_some_and(|text| text.chars().count() > DESCRIPTION_CHARS_MAX)
            {
                let why = format!("must have at most {DESCRIPTION_CHARS_MAX} characters");
                return Err(Refusal::Field {
                    field: "description",
                    why,
                });
            }
            incident.description.clone_from(description);
            edited.push(format!("Description changed by {}", actor.name()));
        }
        if let Some(priority) = edit
            .priority
            .as_ref()
            .filter(|priority| **priority != incident.priority)
        {
            let known = |text: &String| matches!(text.as_str(), "P1" | "P2" | "P3" | "P4" | "P5");
            if !priority.as_ref().is_none_or(known) {
                return Err(Refusal::Field {
                    field: "priority",
                    why: "must be P1, P2, P3, P4 or P5".into(),
                });
            }
            incident.priority.clone_from(priority);
            let now = priority.as_deref().unwrap_or("none");
            edited.push(format!("Priority set to {now} by {}", actor.name()));
        }
        if let Some(wanted) = &edit.tags {
            let wanted = super::tags(wanted).map_err(|why| Refusal::Field { field: "tags", why })?;
            if wanted != incident.tags {
                edited.push(match wanted.is_empty() {
                    true => format!("Tags taken away by {}", actor.name()),
                    false => format!("Tagged {} by {}", wanted.join(", "), actor.name()),
                });
                incident.tags = wanted;
                self.retagged = true;
            }
        }
        self.entries
            .extend(edited.into_iter().map(|text| Entry::by(EntryKind::Edited, actor, text)));
        Ok(())
    }

    fn reassign(
        &mut self,
        assignee: Option<UserId>,
        actor: &Actor,
        directory: &Directory,
        now: Timestamp,
    ) -> Result<(), Refusal> {
        let no = |why: &str| Refusal::Field {
            field: "assigneeId",
            why: why.to_owned(),
        };
        let name = match assignee {
            None => "nobody",
            Some(id) => match directory.users.get(&id) {
                None => return Err(no("there is no such user")),
                Some(user) if user.standing == Standing::Disabled => return Err(no("this user is disabled")),
                Some(user) => &user.name,
            },
        };
        self.incident.assignee = assignee;
        self.incident.assigned_by_hand = assignee.is_some();
        self.entries.push(Entry::by(
            EntryKind::Reassigned,
            actor,
            format!("Assigned to {name} by {}", actor.name()),
        ));
        self.tell(Happening::Reassigned, directory, now);
        let live = self.incident.status != Status::Resolved && !self.incident.is_test;
        if let Some(user) = assignee.filter(|user| live && actor.user() != Some(*user)) {
            let why = format!("{} assigned the incident to you", actor.name());
            self.page(user, &why, None, &[], directory, now);
        }
        Ok(())
    }
}
