//! Two incidents that turn out to be one problem.
//!
//! The one that is merged ends and says where it went. Its alerts move to the other one, and so does whatever its
//! senders say from then on, for as long as the other one is not resolved. That a part has recovered is noted and ends
//! nothing: the incident as a whole ends when a person says so or when the problem under its own key does.

use jiff::Timestamp;
use serde_json::json;

use super::{Actor, Change, Entry, EntryKind, Happening, Incident, Refusal, Status, TAGS_MAX};
use crate::{directory::Directory, event::Event};

/// What a merge leads to, on both sides.
#[derive(Debug, Clone, PartialEq)]
pub struct Merged {
    /// The one that ends.
    pub source: Change,
    /// The one that goes on.
    pub target: Change,
}

impl Incident {
    /// Merges this incident into another one, of whatever service. Whoever is to be merged into one that was merged
    /// itself follows it to where it went, which is the caller's to look up.
    ///
    /// # Errors
    /// When they are the same, one of them is over, or one of them is a test.
    pub fn merge(self, into: Self, actor: &Actor, directory: &Directory, now: Timestamp) -> Result<Merged, Refusal> {
        if self.id == into.id {
            let why = "an incident cannot be merged into itself".to_owned();
            return Err(Refusal::Field { field: "into", why });
        }
        if self.status == Status::Resolved {
            return Err(Refusal::State(
                "the incident is resolved; only one that goes on is merged".into(),
            ));
        }
        if into.status == Status::Resolved {
            return Err(Refusal::State(format!("#{} is resolved; reopen it first", into.number)));
        }
        if self.is_test || into.is_test {
            return Err(Refusal::State("a test closes itself and is not merged".into()));
        }
        let mut target = Change::of(into);
        target.take_over(&self, actor, now);
        let mut source = self.leave_open(Status::Resolved, "the incident was merged into another", now);
        let incident = &mut source.incident;
        incident.merged_into = Some(target.incident.id);
        incident.resolved_at = Some(now);
        incident.clocks.resolve_due = None;
        incident.alert_count = 0;
        let text = format!("Merged into #{} by {}", target.incident.number, actor.name());
        let data = json!({ "into": target.incident.id.to_string() });
        source
            .entries
            .push(Entry::by(EntryKind::Merged, actor, text).with(data));
        source.tell(Happening::Resolved, directory, now);
        Ok(Merged { source, target })
    }

    /// Adds a trigger of a problem that was merged into this incident. What its sender says of its time is about that
    /// part, and says nothing of the others.
    #[must_use]
    pub fn add_of_part(self, event: &Event, actor: &Actor, directory: &Directory, now: Timestamp) -> Change {
        let changed_at = self.changed_at;
        let mut change = self.add(event, actor, directory, now);
        change.incident.changed_at = changed_at;
        change
    }

    /// A problem that was merged into this incident has ended. The incident goes on.
    #[must_use]
    pub fn part_ended(self, event: &Event, actor: &Actor, now: Timestamp) -> Change {
        let mut change = Change::of(self);
        change.incident.updated_at = now;
        let what = if event.summary.is_empty() {
            &event.dedup_key
        } else {
            &event.summary
        };
        let text = format!("A part that was merged has recovered: {what}. The incident goes on");
        change.entries.push(Entry::by(EntryKind::AlertAdded, actor, text));
        change
    }
}

impl Change {
    /// What the incident that goes on has of the one that ends: its alerts and links, its tags, and its urgency where
    /// that is graver and people are not to be left alone.
    fn take_over(&mut self, source: &Incident, actor: &Actor, now: Timestamp) {
        let incident = &mut self.incident;
        incident.updated_at = now;
        incident.alert_count += source.alert_count;
        incident.keep_links(&source.links, &source.images);
        for tag in &source.tags {
            if incident.tags.len() < TAGS_MAX && !incident.tags.contains(tag) {
                incident.tags.push(tag.clone());
                self.retagged = true;
            }
        }
        let text = format!(
            "#{} “{}” merged into this one by {}",
            source.number,
            source.title,
            actor.name()
        );
        let data = json!({ "from": source.id.to_string() });
        self.entries.push(Entry::by(EntryKind::Merged, actor, text).with(data));
        let awake = matches!(incident.status, Status::Open | Status::Acknowledged);
        if awake && source.urgency > incident.urgency {
            let before = std::mem::replace(&mut incident.urgency, source.urgency);
            let (from, to) = (before.word().to_lowercase(), source.urgency.word().to_lowercase());
            let text = format!("Urgency raised from {from} to {to} by what was merged");
            let data = json!({ "from": before.word(), "to": source.urgency.word() });
            self.entries
                .push(Entry::system(EntryKind::UrgencyChanged, text).with(data));
        }
    }
}
