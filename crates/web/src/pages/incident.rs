//! `/incidents/{id}`: one incident, its story, what comes next, and what can be done with it.

use axum::{extract::State, response::Response};
use http::Uri;
use jiff::{SignedDuration, Timestamp};
use opsknight_domain::{
    directory::Role,
    id::{AlertId, EntryId, IncidentId},
    incident::{Incident, Status},
};
use opsknight_store::{
    changes::{self, ChangeEvent},
    db::Tx,
    deliveries, incidents,
    responders::{self, Responder},
    timeline::{self, StoredAlert, StoredEntry, Told},
};
use serde_json::Value;

use super::{
    PageError, choices,
    foresight::{next_up, nothing_next},
    rows::{change_row, channel_name, delivery_row, incident_row, outcome_of_page, shorten},
    viewer::Viewer,
};
use crate::{
    actions::incidents::PRIORITIES,
    api::{
        error::{ApiError, Problems},
        extract::{Params, Path},
        wire::{Id, ids},
    },
    state::AppState,
    views::{Actions, Choice, Field, IncidentForms, IncidentPage, Link, Person, ResponderRow, Section, Select},
};

mod alerts;
pub(super) mod notes;
mod story;
mod wishes;

pub(super) use wishes::{
    acknowledge, add_responders, details, escalate, merge, note, reassign, reopen, resolve, snooze, suppress,
};

/// Sentences of the story on one page.
const STORY_MAX: i64 = 100;
/// Alerts on one page.
const ALERTS_MAX: i64 = 25;
/// Most pages that a part of the story tells of.
const PAGES_MAX: i64 = 300;
/// Most pages that wait for their time on the page.
const AHEAD_MAX: i64 = 10;
/// Most messages in the list of all, the last ones.
const DELIVERIES_MAX: i64 = 25;
/// Most changes of the service on the page.
const CHANGES_MAX: i64 = 5;
/// Most incidents of the service that began shortly before, and after.
const RELATED_MAX: i64 = 5;
/// How near they began.
const RELATED_WITHIN: SignedDuration = SignedDuration::from_hours(24);
/// How much of a raw body is on a page, in bytes.
const RAW_BYTES_MAX: usize = 8 * 1024;

/// Which part of what there is was asked for.
#[derive(Debug, Clone, Copy, Default)]
struct Asked {
    told: Told,
    /// The entry before which the story is to be told.
    before: Option<EntryId>,
    /// The alert before which the alerts are to be shown.
    alerts: Option<AlertId>,
}

impl Asked {
    fn read(uri: &Uri) -> Result<Self, ApiError> {
        let mut problems = Problems::default();
        let mut params = Params::of_form(uri.query().unwrap_or_default(), &mut problems);
        let asked = Self {
            told: match params.text("story").as_deref() {
                Some("people") => Told::ByPeople,
                _ => Told::All,
            },
            before: params.one::<ids::Entry>("before", &mut problems).map(|id| id.0),
            alerts: params.one::<ids::Alert>("alerts", &mut problems).map(|id| id.0),
        };
        problems.check().map(|()| asked)
    }

    /// The address of the page with these parts of it.
    fn address(self, id: IncidentId) -> String {
        let mut query = form_urlencoded::Serializer::new(String::new());
        if self.told == Told::ByPeople {
            query.append_pair("story", "people");
        }
        if let Some(entry) = self.before {
            query.append_pair("before", &entry.to_string());
        }
        if let Some(alert) = self.alerts {
            query.append_pair("alerts", &alert.to_string());
        }
        let query = query.finish();
        match query.is_empty() {
            true => format!("/incidents/{id}"),
            false => format!("/incidents/{id}?{query}"),
        }
    }
}

/// All that the page shows, read in one unit.
struct Read {
    listed: incidents::Listed,
    entries: Vec<StoredEntry>,
    pages: Vec<deliveries::Listed>,
    ahead: Vec<deliveries::Listed>,
    alerts: Vec<StoredAlert>,
    deliveries: Vec<deliveries::Listed>,
    changes: Vec<ChangeEvent>,
    responders: Vec<Responder>,
    /// The number and title of the incident that it was merged into.
    into: Option<(i64, String)>,
    related: Vec<incidents::Listed>,
}

async fn read(tx: &mut Tx<'_>, id: IncidentId, asked: Asked, now: Timestamp) -> Result<Read, ApiError> {
    let listed = incidents::get(tx, id).await?;
    let listed = listed.ok_or_else(|| ApiError::not_found("incident"))?;
    // One more than is shown says whether there are more.
    let entries = timeline::entries_before(tx, id, asked.told, asked.before, STORY_MAX + 1).await?;
    let pages = match story::span(&entries) {
        Some(span) => deliveries::pages_between(tx, id, span, PAGES_MAX).await?,
        None => Vec::new(),
    };
    let filter = deliveries::Filter {
        incident: Some(id),
        limit: DELIVERIES_MAX,
        ..deliveries::Filter::default()
    };
    let incident = &listed.incident;
    let until = incident.resolved_at.unwrap_or(Timestamp::MAX);
    let into = match incident.merged_into {
        Some(other) => incidents::names(tx, &[other]).await?.pop().flatten(),
        None => None,
    };
    Ok(Read {
        entries,
        pages,
        ahead: deliveries::pages_ahead(tx, id, now, AHEAD_MAX).await?,
        alerts: timeline::alerts_before(tx, id, asked.alerts, ALERTS_MAX + 1).await?,
        deliveries: deliveries::list(tx, &filter).await?.0,
        changes: changes::of_service(tx, incident.service, until, CHANGES_MAX).await?,
        responders: responders::of(tx, id).await?,
        into,
        related: incidents::near(tx, incident, RELATED_WITHIN, RELATED_MAX).await?,
        listed,
    })
}

/// `GET /incidents/{id}`
pub(super) async fn show(
    State(state): State<AppState>,
    viewer: Viewer,
    Path(Id(id)): Path<ids::Incident>,
    uri: Uri,
) -> Result<Response, PageError> {
    let asked = Asked::read(&uri)?;
    let now = viewer.now;
    let unit = async move |tx: &mut Tx<'_>| read(tx, id, asked, now).await;
    let read = state.store.db.read(unit).await?;
    viewer.page(&page(&viewer, asked, read))
}

fn page(viewer: &Viewer, asked: Asked, read: Read) -> IncidentPage {
    let incidents::Listed {
        incident,
        service_name,
        assignee_name,
        team_name,
        policy_name,
    } = read.listed;
    let name = |name: Option<String>| name.unwrap_or_else(|| "(removed)".to_owned());
    let due = |at: Option<Timestamp>| at.map(|at| (viewer.times(at), at <= viewer.now));
    let may_work = viewer.person.role >= Role::Responder;
    let into = incident.merged_into.zip(read.into);
    IncidentPage {
        shell: viewer.shell(format!("#{} {}", incident.number, incident.title), Section::Incidents),
        id: incident.id.to_string(),
        number: incident.number,
        title: incident.title.clone(),
        description: incident.description.clone(),
        status: incident.status,
        urgency: incident.urgency,
        priority: incident.priority.clone(),
        tags: incident.tags.iter().map(|tag| tag_link(tag)).collect(),
        is_test: incident.is_test,
        merged_into: into.map(|(id, (number, title))| incident_link(id, number, &title)),
        service: Link::new(format!("/services/{}", incident.service), service_name),
        assignee: incident
            .assignee
            .map(|id| Person::new(id.to_string(), name(assignee_name))),
        team: incident
            .team
            .map(|id| Link::new(format!("/teams/{id}"), name(team_name))),
        policy: incident
            .policy
            .map(|id| Link::new(format!("/policies/{id}"), name(policy_name))),
        dedup_key: incident.dedup_key.clone(),
        created: viewer.times(incident.created_at),
        acknowledged: incident.acknowledged_at.map(|at| viewer.times(at)),
        resolved: incident.resolved_at.map(|at| viewer.times(at)),
        snoozed_until: incident.snoozed_until.map(|at| viewer.times(at)),
        ack_due: due(incident.clocks.ack_due),
        resolve_due: due(incident.clocks.resolve_due),
        links: links(viewer, &incident),
        images: images(&incident),
        next: next_up(viewer, &incident, &read.ahead),
        nothing_next: nothing_next(&incident, viewer.directory()),
        responders: read.responders.into_iter().map(|one| responder(viewer, one)).collect(),
        story: story::part(viewer, asked, &incident, read.entries, read.pages),
        alerts: alerts::part(viewer, asked, &incident, read.alerts),
        deliveries: read
            .deliveries
            .into_iter()
            .map(|row| delivery_row(viewer, row))
            .collect(),
        changes: read
            .changes
            .into_iter()
            .map(|change| change_row(viewer, change))
            .collect(),
        actions: Actions::of(incident.status, may_work),
        forms: forms(viewer, &incident, &read.related),
        related: read.related.into_iter().map(|row| incident_row(viewer, row)).collect(),
    }
}

fn tag_link(tag: &str) -> Link {
    let mut query = form_urlencoded::Serializer::new(String::new());
    query.append_pair("tag", tag);
    Link::new(format!("/incidents?{}", query.finish()), tag)
}

fn incident_link(id: IncidentId, number: i64, title: &str) -> Link {
    Link::new(format!("/incidents/{id}"), format!("#{number} {title}"))
}

fn forms(viewer: &Viewer, incident: &Incident, related: &[incidents::Listed]) -> IncidentForms {
    let priorities = PRIORITIES.map(|word| Choice::new(word, word)).to_vec();
    let priority = Field::new("priority").with(incident.priority.clone().unwrap_or_default());
    let live = related.iter().filter(|other| other.incident.status != Status::Resolved);
    IncidentForms {
        note: Field::new("note"),
        assign_to: assign_to(viewer, incident),
        title: Field::new("title").with(&incident.title),
        urgency: Select::new(
            Field::new("urgency").with(incident.urgency.word()),
            choices::urgencies(),
        ),
        priority: Select::new(priority, choices::or_none("None", priorities)),
        tags: Field::new("tags").with(incident.tags.join(", ")),
        who: Select::new(Field::new("who"), choices::targets(viewer.directory())),
        message: Field::new("message"),
        into: Field::new("into"),
        into_choices: live
            .map(|other| format!("#{} {}", other.incident.number, shorten(&other.incident.title)))
            .collect(),
    }
}

fn assign_to(viewer: &Viewer, incident: &Incident) -> Select {
    let assigned = match (incident.assignee, incident.team) {
        (Some(id), _) => format!("user:{id}"),
        (None, Some(id)) => format!("team:{id}"),
        (None, None) => String::new(),
    };
    let options = choices::or_none("Nobody", choices::assignees(viewer.directory()));
    Select::new(Field::new("assignee").with(assigned), options)
}

fn links(viewer: &Viewer, incident: &Incident) -> Vec<Link> {
    let service = viewer.directory().services.get(&incident.service);
    let runbook = service.and_then(|service| service.runbook_url.as_ref());
    let runbook = runbook.map(|url| Link::new(url, "Runbook"));
    let of_alerts = incident
        .links
        .iter()
        .map(|link| Link::new(&link.href, link.text.as_ref().unwrap_or(&link.href)));
    runbook.into_iter().chain(of_alerts).collect()
}

fn images(incident: &Incident) -> Vec<Link> {
    let text = |alt: &Option<String>| alt.clone().unwrap_or_else(|| "Image from an alert".to_owned());
    let images = incident.images.iter().filter(|image| image.src.starts_with("https://"));
    images.map(|image| Link::new(&image.src, text(&image.alt))).collect()
}

/// Somebody who was asked for help, and how they were reached.
fn responder(viewer: &Viewer, row: Responder) -> ResponderRow {
    let name = row.name.unwrap_or_else(|| "(removed)".to_owned());
    let ways = row.pages.into_iter().map(|page| {
        let outcome = outcome_of_page(&page.state, page.delivered_at.is_some(), 0);
        (channel_name(&page.channel), outcome)
    });
    ResponderRow {
        person: Person::new(row.user.to_string(), name),
        asked: viewer.times(row.asked_at),
        asked_by: row.asked_by,
        why: row.why,
        message: row.message,
        ways: ways.collect(),
    }
}

/// The beginning of a body; JSON with its lines put in order.
pub(super) fn raw(body: &[u8]) -> String {
    let pretty = serde_json::from_slice::<Value>(body)
        .ok()
        .and_then(|value| serde_json::to_string_pretty(&value).ok());
    let text = pretty.unwrap_or_else(|| String::from_utf8_lossy(body).into_owned());
    if text.len() <= RAW_BYTES_MAX {
        return text;
    }
    let end = (0..=RAW_BYTES_MAX)
        .rev()
        .find(|end| text.is_char_boundary(*end))
        .unwrap_or_default();
    format!("{}…", &text[..end])
}
