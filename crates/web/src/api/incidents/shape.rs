//! How incidents, alerts and timeline entries look in JSON.

use opsknight_domain::{
    event::{Image, Link},
    incident::Status,
};
use opsknight_store::{
    incidents::Listed,
    timeline::{StoredAlert, StoredEntry},
};
use serde::Serialize;
use serde_json::Value;
use utoipa::ToSchema;

use crate::api::{
    Named,
    wire::{Id, Time, Word, ids, words},
};

/// An incident.
#[derive(Debug, Clone, Serialize, ToSchema)]
#[schema(as = Incident)]
#[serde(rename_all = "camelCase")]
pub struct IncidentBody {
    /// Its id.
    #[schema(inline)]
    pub id: ids::Incident,
    /// Its number, which people say aloud.
    pub number: i64,
    /// One line.
    pub title: String,
    /// More text.
    pub description: Option<String>,
    /// Where it stands.
    #[schema(inline)]
    pub status: words::Status,
    /// How soon people must look.
    #[schema(inline)]
    pub urgency: words::Urgency,
    /// `P1` to `P5`, where somebody set one.
    pub priority: Option<String>,
    /// Words by which people find it again.
    pub tags: Vec<String>,
    /// Made by a test: it pages nobody and closes itself.
    pub is_test: bool,
    /// Names the problem within its service.
    pub dedup_key: String,
    /// The service it belongs to.
    pub service: Named,
    /// Who works on it.
    pub assignee: Option<Named>,
    /// The team it is assigned to.
    pub team: Option<Named>,
    /// The policy by which it escalates.
    pub escalation_policy: Option<Named>,
    /// The step that was run last, from 1; none before the first.
    pub current_step: Option<u32>,
    /// When the next step runs, unless somebody acknowledges before.
    #[schema(inline)]
    pub next_escalation_at: Option<Time>,
    /// The incident that it was merged into.
    #[schema(inline)]
    pub merged_into_id: Option<ids::Incident>,
    /// When its snooze ends.
    #[schema(inline)]
    pub snoozed_until: Option<Time>,
    /// It began while its service was in maintenance and waits for the end of that: nobody has heard of it.
    pub in_maintenance: bool,
    /// What the alert said besides.
    pub custom_details: Value,
    /// Links from the alerts.
    pub links: Vec<LinkBody>,
    /// Images from the alerts.
    pub images: Vec<ImageBody>,
    /// How many alerts it holds.
    pub alert_count: i64,
    /// When it began.
    #[schema(inline)]
    pub created_at: Time,
    /// When it was first acknowledged since it was last opened.
    #[schema(inline)]
    pub acknowledged_at: Option<Time>,
    /// When it was resolved.
    #[schema(inline)]
    pub resolved_at: Option<Time>,
    /// When it last changed.
    #[schema(inline)]
    pub updated_at: Time,
    /// Its page.
    pub url: String,
}

/// A link from an alert.
#[derive(Debug, Clone, Serialize, ToSchema)]
#[schema(as = Link)]
pub struct LinkBody {
    /// Where it leads.
    pub href: String,
    /// What it is called.
    pub text: Option<String>,
}

impl From<Link> for LinkBody {
    fn from(link: Link) -> Self {
        Self {
            href: link.href,
            text: link.text,
        }
    }
}

/// An image from an alert.
#[derive(Debug, Clone, Serialize, ToSchema)]
#[schema(as = Image)]
pub struct ImageBody {
    /// Where it lies.
    pub src: String,
    /// Where a click leads.
    pub href: Option<String>,
    /// What it shows.
    pub alt: Option<String>,
}

impl From<Image> for ImageBody {
    fn from(image: Image) -> Self {
        Self {
            src: image.src,
            href: image.href,
            alt: image.alt,
        }
    }
}

/// An incident as programs see it; `url` is its page.
#[must_use]
pub fn incident_body(listed: Listed, url: String) -> IncidentBody {
    let Listed {
        incident,
        service_name,
        assignee_name,
        team_name,
        policy_name,
    } = listed;
    let escalating = incident.status == Status::Open;
    let progress = incident.progress;
    IncidentBody {
        id: Id(incident.id),
        number: incident.number,
        title: incident.title,
        description: incident.description,
        status: Word(incident.status),
        urgency: Word(incident.urgency),
        priority: incident.priority,
        tags: incident.tags,
        is_test: incident.is_test,
        dedup_key: incident.dedup_key,
        service: Named {
            id: incident.service.to_string(),
            name: service_name,
        },
        assignee: Named::maybe(incident.assignee, assignee_name),
        team: Named::maybe(incident.team, team_name),
        escalation_policy: Named::maybe(incident.policy, policy_name),
        current_step: (progress.next_step > 0).then_some(progress.next_step),
        next_escalation_at: progress.due.filter(|_| escalating).map(Time),
        merged_into_id: incident.merged_into.map(Id),
        snoozed_until: incident.snoozed_until.map(Time),
        in_maintenance: incident.in_maintenance,
        custom_details: incident.custom_details,
        links: incident.links.into_iter().map(LinkBody::from).collect(),
        images: incident.images.into_iter().map(ImageBody::from).collect(),
        alert_count: incident.alert_count,
        created_at: Time(incident.created_at),
        acknowledged_at: incident.acknowledged_at.map(Time),
        resolved_at: incident.resolved_at.map(Time),
        updated_at: Time(incident.updated_at),
        url,
    }
}

/// A sentence of an incident's story.
#[derive(Debug, Clone, Serialize, ToSchema)]
#[schema(as = TimelineEntry)]
#[serde(rename_all = "camelCase")]
pub struct EntryBody {
    /// Its id.
    #[schema(inline)]
    pub id: ids::Entry,
    /// When it was written.
    #[schema(inline)]
    pub at: Time,
    /// What kind of thing it tells: `TRIGGERED`, `PAGED`, `NOTE` and so on.
    #[serde(rename = "type")]
    pub kind: &'static str,
    /// Who did it.
    pub actor: ActorBody,
    /// The sentence.
    pub text: String,
    /// The same for programs, or null.
    pub data: Value,
}

/// Who did something.
#[derive(Debug, Clone, Serialize, ToSchema)]
#[schema(as = Actor)]
#[serde(rename_all = "camelCase")]
pub struct ActorBody {
    /// `SYSTEM`, `INTEGRATION`, `USER` or `API_KEY`.
    #[serde(rename = "type")]
    pub kind: String,
    /// The person, where it was one.
    pub id: Option<String>,
    /// The name to show.
    pub name: String,
}

impl From<StoredEntry> for EntryBody {
    fn from(entry: StoredEntry) -> Self {
        Self {
            id: Id(entry.id),
            at: Time(entry.at),
            kind: entry.kind.word(),
            actor: ActorBody {
                kind: entry.actor_kind,
                id: entry.actor_id,
                name: entry.actor_name,
            },
            text: entry.text,
            data: entry.data,
        }
    }
}

/// An alert: an event kept against an incident.
#[derive(Debug, Clone, Serialize, ToSchema)]
#[schema(as = Alert)]
#[serde(rename_all = "camelCase")]
pub struct AlertBody {
    /// Its id.
    #[schema(inline)]
    pub id: ids::Alert,
    /// The request that it came in, to be read at `/api/events/log/{id}`.
    #[schema(inline)]
    pub event_id: Option<ids::Receipt>,
    /// `trigger`, `acknowledge` or `resolve`.
    pub action: String,
    /// How bad the sender said it is.
    #[schema(inline)]
    pub severity: words::Severity,
    /// One line.
    pub summary: String,
    /// Which system it is about.
    pub source: Option<String>,
    /// Which part of it.
    pub component: Option<String>,
    /// Which group of things.
    pub group: Option<String>,
    /// Which kind of event.
    pub class: Option<String>,
    /// All that the sender said besides.
    pub custom_details: Value,
    /// The sender's own time.
    #[schema(inline)]
    pub occurred_at: Option<Time>,
    /// When it was received.
    #[schema(inline)]
    pub created_at: Time,
}

impl From<StoredAlert> for AlertBody {
    fn from(alert: StoredAlert) -> Self {
        Self {
            id: Id(alert.id),
            event_id: alert.receipt.map(Id),
            action: alert.action,
            severity: Word(alert.severity),
            summary: alert.summary,
            source: alert.source,
            component: alert.component,
            group: alert.group,
            class: alert.class,
            custom_details: alert.details,
            occurred_at: alert.occurred_at.map(Time),
            created_at: Time(alert.created_at),
        }
    }
}
