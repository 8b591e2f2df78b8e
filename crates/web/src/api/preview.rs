//! How a preview looks in JSON: what a request says, and what it would lead to.

use std::collections::BTreeMap;

use opsknight_domain::event::{Event, Normalised};
use serde::Serialize;
use serde_json::Value;
use utoipa::ToSchema;

use super::{
    error::ApiError,
    incidents::{ImageBody, LinkBody},
    wire::{Id, Time, ids},
};
use crate::receive::{Foreseen, Hindrance, Preview, Standing};

/// What a request says and would lead to. Nothing of it is stored.
#[derive(Debug, Clone, Serialize, ToSchema)]
#[schema(as = EventPreview)]
#[serde(rename_all = "camelCase")]
pub struct PreviewBody {
    /// What it says, one entry an alert, in the order of the body; empty where it is not understood.
    pub events: Vec<PreviewedBody>,
    /// Why it is not understood: its sender would be answered 400.
    pub error: Option<PreviewErrorBody>,
}

/// What is wrong with a body.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
#[schema(as = EventPreviewError)]
pub struct PreviewErrorBody {
    /// Where: `alerts[0].labels`, or `body` for the whole.
    pub field: String,
    /// What, so that it reads on from the field: `is missing`.
    pub message: String,
}

/// One alert as it is understood.
#[derive(Debug, Clone, Serialize, ToSchema)]
#[schema(as = PreviewedEvent)]
#[serde(rename_all = "camelCase")]
pub struct PreviewedBody {
    /// `trigger`, `acknowledge`, `resolve`, or `ignored` where it means nothing to us.
    pub action: &'static str,
    /// Why it means nothing to us.
    pub reason: Option<String>,
    /// What names the problem.
    pub dedup_key: Option<String>,
    /// How bad it is: `critical`, `error`, `warning` or `info`.
    pub severity: Option<&'static str>,
    /// What is wrong, in a line.
    pub summary: Option<String>,
    /// More text.
    pub description: Option<String>,
    /// What it is about.
    pub source: Option<String>,
    /// Which part of it.
    pub component: Option<String>,
    /// Which group of things that belongs to.
    pub group: Option<String>,
    /// Which kind of event it is.
    pub class: Option<String>,
    /// Links.
    pub links: Vec<LinkBody>,
    /// Images.
    pub images: Vec<ImageBody>,
    /// What it says besides.
    pub custom_details: Value,
    /// The sender's own time.
    #[schema(inline)]
    pub occurred_at: Option<Time>,
    /// It is a test: nobody is paged.
    pub is_test: bool,
    /// Where in the body its parts stand, by the part: `{"summary": "alert.title"}`. Only of the type `WEBHOOK`.
    pub origins: BTreeMap<&'static str, String>,
    /// What it would lead to.
    pub outcome: OutlookBody,
}

/// What an alert would lead to if it came in now.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
#[schema(as = PreviewedOutcome)]
#[serde(rename_all = "camelCase")]
pub struct OutlookBody {
    /// `triggered`, `deduplicated`, `acknowledged`, `resolved` or `ignored`.
    pub action: &'static str,
    /// The same in words: `would join #12`.
    pub text: String,
    /// The incident that is there and that it is about.
    pub incident: Option<StandingBody>,
    /// The place in `events`, from 0, of the alert that would open the incident that this one is about.
    pub opened_by: Option<usize>,
    /// Why nothing would be done.
    pub reason: Option<String>,
}

/// An incident as it stands now.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
#[schema(as = PreviewedIncident)]
pub struct StandingBody {
    /// Its id.
    #[schema(inline)]
    pub id: ids::Incident,
    /// Its number.
    pub number: i64,
    /// Its title.
    pub title: String,
    /// Where it stands.
    pub status: &'static str,
}

impl From<Preview> for PreviewBody {
    fn from(preview: Preview) -> Self {
        match preview {
            Preview::Understood(events) => Self {
                events: events.into_iter().map(PreviewedBody::from).collect(),
                error: None,
            },
            Preview::NotUnderstood { field, message } => Self {
                events: Vec::new(),
                error: Some(PreviewErrorBody { field, message }),
            },
        }
    }
}

impl From<Foreseen> for PreviewedBody {
    fn from(foreseen: Foreseen) -> Self {
        let outcome = OutlookBody::of(&foreseen);
        match foreseen.event {
            Normalised::Event(event) => Self {
                origins: foreseen.origins.into_iter().collect(),
                ..Self::understood(*event, outcome)
            },
            Normalised::Ignored { dedup_key, reason } => Self {
                action: "ignored",
                reason: Some(reason),
                dedup_key,
                severity: None,
                summary: None,
                description: None,
                source: None,
                component: None,
                group: None,
                class: None,
                links: Vec::new(),
                images: Vec::new(),
                custom_details: Value::Null,
                occurred_at: None,
                is_test: false,
                origins: BTreeMap::new(),
                outcome,
            },
        }
    }
}

impl PreviewedBody {
    fn understood(event: Event, outcome: OutlookBody) -> Self {
        Self {
            action: event.action.word(),
            reason: None,
            dedup_key: Some(event.dedup_key),
            severity: Some(event.severity.word()),
            summary: Some(event.summary),
            description: event.description,
            source: event.source,
            component: event.component,
            group: event.group,
            class: event.class,
            links: event.links.into_iter().map(LinkBody::from).collect(),
            images: event.images.into_iter().map(ImageBody::from).collect(),
            custom_details: event.details,
            occurred_at: event.occurred_at.map(Time),
            is_test: event.is_test,
            origins: BTreeMap::new(),
            outcome,
        }
    }
}

impl OutlookBody {
    fn of(foreseen: &Foreseen) -> Self {
        let incident = match (&foreseen.incident, foreseen.opened_by) {
            (Some(Standing { number, .. }), _) => format!("#{number}"),
            (None, Some(place)) => format!("the incident of alert {}", place + 1),
            (None, None) => "an incident".to_owned(),
        };
        let text = match foreseen.action {
            "triggered" => "would open an incident".to_owned(),
            "deduplicated" => format!("would join {incident}"),
            "acknowledged" => format!("would acknowledge {incident}"),
            "resolved" => format!("would resolve {incident}"),
            _ => format!(
                "would be ignored: {}",
                foreseen.reason.as_deref().unwrap_or("nothing is to be done")
            ),
        };
        Self {
            action: foreseen.action,
            text,
            incident: foreseen.incident.as_ref().map(|incident| StandingBody {
                id: Id(incident.id),
                number: incident.number,
                title: incident.title.clone(),
                status: incident.status,
            }),
            opened_by: foreseen.opened_by,
            reason: foreseen.reason.clone(),
        }
    }
}

/// Why a request could not be looked at or run, as a program hears it.
pub(crate) fn hindered(hindrance: Hindrance) -> ApiError {
    match hindrance {
        Hindrance::Gone(what) => ApiError::conflict(format!("the {what} that it came through is no longer there")),
        Hindrance::Disabled => ApiError::forbidden("the integration is disabled"),
        Hindrance::Unavailable => ApiError::unavailable(),
        Hindrance::Internal => ApiError::internal(),
    }
}
