//! How an incident begins, and what a further alert under its key does to it.

use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};

use super::{
    Actor, Change, Entry, EntryKind, Happening, Incident, Progress, Status, TEST_CLOSES_AFTER_S, TITLE_CHARS_MAX,
};
use crate::{
    directory::{Directory, Service},
    escalation,
    event::{Event, Image, LINKS_MAX, Link, clean},
    id::{IncidentId, TeamId, UserId},
    maintenance,
    sla::Clocks,
    urgency::Urgency,
};

/// What opens an incident.
#[derive(Debug, Clone, Copy)]
pub enum OpenedBy<'a> {
    /// A monitoring tool's trigger.
    Event(&'a Event),
    /// A person or a program through the API.
    Hand(&'a Manual),
}

/// An incident that is opened by hand.
#[derive(Debug, Clone, PartialEq)]
pub struct Manual {
    /// One line; never empty.
    pub title: String,
    /// More text.
    pub description: Option<String>,
    /// How soon people must look.
    pub urgency: Urgency,
    /// `P1` to `P5`.
    pub priority: Option<String>,
    /// Who is to work on it.
    pub assignee: Option<UserId>,
    /// The team it is assigned to.
    pub team: Option<TeamId>,
    /// Names the problem within its service.
    pub dedup_key: String,
    /// Whatever else is known, an object.
    pub custom_details: Value,
}

impl Incident {
    /// Opens an incident and runs the first step of its service's policy at once. What a monitoring tool opens while the
    /// service is in maintenance waits until that ends.
    #[must_use]
    pub fn open(
        id: IncidentId,
        service: &Service,
        opened_by: OpenedBy<'_>,
        actor: &Actor,
        directory: &Directory,
        now: Timestamp,
    ) -> Change {
        let mut change = Change::of(Self::fresh(id, service, opened_by, now));
        let by = match actor {
            Actor::System => String::new(),
            Actor::Integration { name } => format!(" by {name}"),
            Actor::User { name, .. } | Actor::ApiKey { name } => format!(" by {name}"),
        };
        let kind = if change.incident.is_test {
            "Test incident"
        } else {
            "Incident"
        };
        let text = format!(
            "{kind} opened{by} with {} urgency",
            change.incident.urgency.word().to_lowercase()
        );
        change.entries.push(Entry::by(EntryKind::Triggered, actor, text));
        if change.incident.is_test {
            let text = "Nobody is paged for a test; it closes itself";
            change.entries.push(Entry::system(EntryKind::NotPaged, text));
            return change;
        }
        let by_tool = matches!(opened_by, OpenedBy::Event(_));
        if by_tool && maintenance::quieten(&mut change, directory, now) {
            return change;
        }
        change.tell(Happening::Triggered, directory, now);
        if let Some(assignee) = change.incident.assignee {
            change.page(assignee, "the incident was assigned to you", None, &[], directory, now);
        }
        escalation::start(&mut change, directory, now);
        change.tell_nobody_twice();
        change
    }

    /// Opens a test incident that pages one person, who asked for it, by their own rules. It tells nobody else, follows
    /// no policy, has no target, and closes itself. Without a message there is no way to reach them.
    #[must_use]
    pub fn test_page(
        id: IncidentId,
        service: &Service,
        user: UserId,
        actor: &Actor,
        directory: &Directory,
        now: Timestamp,
    ) -> Change {
        let name = directory.user_name(user);
        let manual = Manual {
            title: format!("Test page for {name}"),
            description: Some("Acknowledge it from this message: then the whole way works.".to_owned()),
            urgency: Urgency::High,
            priority: None,
            assignee: Some(user),
            team: None,
            dedup_key: format!("test-page:{id}"),
            custom_details: Value::Null,
        };
        let mut incident = Self::fresh(id, service, OpenedBy::Hand(&manual), now);
        incident.is_test = true;
        (incident.team, incident.policy, incident.clocks) = (None, None, Clocks::default());
        let closes_after = SignedDuration::from_secs(super::TEST_PAGE_CLOSES_AFTER_S);
        incident.closes_at = now.checked_add(closes_after).ok();
        let mut change = Change::of(incident);
        let text = format!("Test page asked for by {}; nobody else is told", actor.name());
        change.entries.push(Entry::by(EntryKind::Triggered, actor, text));
        change.page(user, "a test page was asked for", None, &[], directory, now);
        change
    }

    fn fresh(id: IncidentId, service: &Service, opened_by: OpenedBy<'_>, now: Timestamp) -> Self {
        let mut incident = Self {
            id,
            number: 0,
            title: String::new(),
            description: None,
            status: Status::Open,
            urgency: Urgency::Low,
            priority: None,
            tags: Vec::new(),
            is_test: false,
            dedup_key: String::new(),
            service: service.id,
            assignee: None,
            assigned_by_hand: false,
            team: service.team,
            policy: service.policy,
            progress: Progress::default(),
            escalations: 0,
            merged_into: None,
            snoozed_until: None,
            in_maintenance: false,
            clocks: Clocks::start(service, now),
            closes_at: None,
            custom_details: Value::Null,
            links: Vec::new(),
            images: Vec::new(),
            alert_count: 0,
            changed_at: None,
            created_at: now,
            acknowledged_at: None,
            resolved_at: None,
            updated_at: now,
        };
        match opened_by {
            OpenedBy::Event(event) => incident.take_first(event, service, now),
            OpenedBy::Hand(manual) => {
                incident.title = clean(&manual.title, TITLE_CHARS_MAX);
                incident.description.clone_from(&manual.description);
                incident.urgency = manual.urgency;
                incident.priority.clone_from(&manual.priority);
                incident.assignee = manual.assignee;
                incident.assigned_by_hand = manual.assignee.is_some();
                incident.team = manual.team.or(service.team);
                incident.dedup_key.clone_from(&manual.dedup_key);
                incident.custom_details.clone_from(&manual.custom_details);
            }
        }
        incident
    }

    fn take_first(&mut self, event: &Event, service: &Service, now: Timestamp) {
        self.title.clone_from(&event.summary);
        self.description.clone_from(&event.description);
        self.urgency = service.urgencies.of(event.severity);
        self.dedup_key.clone_from(&event.dedup_key);
        self.custom_details.clone_from(&event.details);
        self.alert_count = 1;
        self.changed_at = event.changed_at;
        self.add_links(event);
        if event.is_test {
            self.is_test = true;
            self.urgency = Urgency::Low;
            self.policy = None;
            self.clocks = Clocks::default();
            self.closes_at = now.checked_add(SignedDuration::from_secs(TEST_CLOSES_AFTER_S)).ok();
        }
    }

    /// Keeps the links and images that are new, up to the limit.
    fn add_links(&mut self, event: &Event) {
        self.keep_links(&event.links, &event.images);
    }

    /// The same for those of another incident.
    pub(super) fn keep_links(&mut self, links: &[Link], images: &[Image]) {
        for link in links {
            if self.links.len() < LINKS_MAX && !self.links.contains(link) {
                self.links.push(link.clone());
            }
        }
        for image in images {
            if self.images.len() < LINKS_MAX && !self.images.contains(image) {
                self.images.push(image.clone());
            }
        }
    }

    /// Adds a trigger to the live incident. A graver severity raises the urgency; it is never lowered. On a snoozed
    /// or suppressed incident the alert is kept and nothing else changes; one that waits for the end of a maintenance is
    /// to be complete when it opens.
    #[must_use]
    pub fn add(self, event: &Event, actor: &Actor, directory: &Directory, now: Timestamp) -> Change {
        let mut change = Change::of(self);
        let incident = &mut change.incident;
        incident.alert_count += 1;
        incident.changed_at = incident.changed_at.max(event.changed_at);
        incident.updated_at = now;
        let quiet = match incident.status {
            Status::Open | Status::Acknowledged => None,
            Status::Snoozed if incident.in_maintenance => None,
            Status::Snoozed => Some("the incident is snoozed, so nothing else changes"),
            Status::Suppressed => Some("the incident is suppressed, so nothing else changes"),
            Status::Resolved => Some("the incident is resolved, so nothing else changes"),
        };
        if let Some(why) = quiet {
            let text = format!("Another alert: {} ({why})", event.summary);
            change.entries.push(Entry::by(EntryKind::AlertAdded, actor, text));
            return change;
        }
        incident.add_links(event);
        change.entries.push(Entry::by(
            EntryKind::AlertAdded,
            actor,
            format!("Another alert: {}", event.summary),
        ));
        let table = directory
            .services
            .get(&change.incident.service)
            .map(|service| service.urgencies);
        let urgency = table.unwrap_or_default().of(event.severity);
        if urgency > change.incident.urgency && !change.incident.is_test {
            let before = std::mem::replace(&mut change.incident.urgency, urgency);
            let text = format!(
                "Urgency raised from {} to {} by an alert of severity {}",
                before.word().to_lowercase(),
                urgency.word().to_lowercase(),
                event.severity.word()
            );
            let data = json!({ "from": before.word(), "to": urgency.word() });
            change
                .entries
                .push(Entry::system(EntryKind::UrgencyChanged, text).with(data));
        }
        change
    }
}
