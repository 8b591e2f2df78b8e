//! `/incidents/{id}`: one incident, its story, what comes next, and what can be done with it.

use axum::{extract::State, response::Response};
use opsknight_domain::{
    directory::Role,
    id::{IncidentId, ReceiptId},
    incident::{Edit, EntryKind, Incident},
    urgency::Urgency,
};
use opsknight_store::{
    changes::{self, ChangeEvent},
    db::Tx,
    deliveries, incidents, receipts,
    timeline::{self, StoredAlert, StoredEntry},
};
use serde_json::Value;

use super::{
    PageError, choices,
    foresight::{next_up, nothing_next},
    form::Form,
    rows::{change_row, delivery_row, shorten},
    viewer::{Viewer, done, refused},
};
use crate::{
    actions::incidents::{Act, Repeat, act},
    api::{
        error::{ApiError, Problems},
        extract::Path,
        wire::{Id, ids},
    },
    state::AppState,
    views::{Actions, AlertView, Field, IncidentPage, Link, Person, Section, Select, Story},
};

/// Most sentences of the story on the page, the last ones.
const STORY_MAX: i64 = 300;
/// Most alerts on the page.
const ALERTS_MAX: i64 = 10;
/// Most messages on the page.
const DELIVERIES_MAX: i64 = 50;
/// Most changes of the service on the page.
const CHANGES_MAX: i64 = 5;
/// How much of a raw body is on the page, in bytes.
const RAW_BYTES_MAX: usize = 8 * 1024;

/// All that the page shows, read in one unit.
struct Read {
    listed: incidents::Listed,
    entries: Vec<StoredEntry>,
    alerts: Vec<(StoredAlert, Option<receipts::Receipt>)>,
    alert_count: i64,
    deliveries: Vec<deliveries::Listed>,
    changes: Vec<ChangeEvent>,
}

async fn read(tx: &mut Tx<'_>, id: IncidentId) -> Result<Read, ApiError> {
    let listed = incidents::get(tx, id).await?;
    let listed = listed.ok_or_else(|| ApiError::not_found("incident"))?;
    let (_, total) = timeline::entries(tx, id, None, 1, 0).await?;
    let (entries, _) = timeline::entries(tx, id, None, STORY_MAX, (total - STORY_MAX).max(0)).await?;
    let (stored, alert_count) = timeline::alerts(tx, id, ALERTS_MAX, 0).await?;
    let mut alerts = Vec::new();
    for alert in stored {
        let receipt = match alert.receipt {
            Some(receipt) => receipts::get(tx, receipt).await?,
            None => None,
        };
        alerts.push((alert, receipt));
    }
    let filter = deliveries::Filter {
        incident: Some(id),
        limit: DELIVERIES_MAX,
        ..deliveries::Filter::default()
    };
    let (deliveries, _) = deliveries::list(tx, &filter).await?;
    let incident = &listed.incident;
    let until = incident.resolved_at.unwrap_or(jiff::Timestamp::MAX);
    let changes = changes::of_service(tx, incident.service, until, CHANGES_MAX).await?;
    Ok(Read {
        listed,
        entries,
        alerts,
        alert_count,
        deliveries,
        changes,
    })
}

/// `GET /incidents/{id}`
pub(super) async fn show(
    State(state): State<AppState>,
    viewer: Viewer,
    Path(Id(id)): Path<ids::Incident>,
) -> Result<Response, PageError> {
    let read = state
        .store
        .db
        .read(async move |tx: &mut Tx<'_>| read(tx, id).await)
        .await?;
    viewer.page(&page(&viewer, read))
}

fn page(viewer: &Viewer, read: Read) -> IncidentPage {
    let incidents::Listed {
        incident,
        service_name,
        assignee_name,
        team_name,
        policy_name,
    } = read.listed;
    let directory = viewer.directory();
    let removed = || "(removed)".to_owned();
    let due = |at: Option<jiff::Timestamp>| at.map(|at| (viewer.times(at), at <= viewer.now));
    let assignee = incident
        .assignee
        .map(|id| Person::new(id.to_string(), assignee_name.unwrap_or_else(removed)));
    let team = incident
        .team
        .map(|id| Link::new(format!("/teams/{id}"), team_name.unwrap_or_else(removed)));
    let policy = incident
        .policy
        .map(|id| Link::new(format!("/policies/{id}"), policy_name.unwrap_or_else(removed)));
    let may_work = viewer.person.role >= Role::Responder;
    IncidentPage {
        shell: viewer.shell(format!("#{} {}", incident.number, incident.title), Section::Incidents),
        id: incident.id.to_string(),
        number: incident.number,
        title: incident.title.clone(),
        description: incident.description.clone(),
        status: incident.status,
        urgency: incident.urgency,
        priority: incident.priority.clone(),
        is_test: incident.is_test,
        service: Link::new(format!("/services/{}", incident.service), service_name),
        assignee,
        team,
        policy,
        dedup_key: incident.dedup_key.clone(),
        created: viewer.times(incident.created_at),
        acknowledged: incident.acknowledged_at.map(|at| viewer.times(at)),
        resolved: incident.resolved_at.map(|at| viewer.times(at)),
        snoozed_until: incident.snoozed_until.map(|at| viewer.times(at)),
        ack_due: due(incident.clocks.ack_due),
        resolve_due: due(incident.clocks.resolve_due),
        links: links(viewer, &incident),
        images: images(&incident),
        next: next_up(viewer, &incident),
        nothing_next: nothing_next(&incident, directory),
        timeline: read.entries.into_iter().map(|entry| story(viewer, entry)).collect(),
        alerts: read
            .alerts
            .into_iter()
            .map(|(alert, receipt)| alert_view(viewer, alert, receipt))
            .collect(),
        alert_count: u64::try_from(read.alert_count).unwrap_or_default(),
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
        note: Field::new("note"),
        assign_to: assign_to(viewer, &incident),
        new_urgency: Select::new(
            Field::new("urgency").with(incident.urgency.word()),
            choices::urgencies(),
        ),
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

fn story(viewer: &Viewer, entry: StoredEntry) -> Story {
    let is_note = entry.kind == EntryKind::Note;
    // Every other sentence names who did it.
    let (actor, text, note) = match is_note {
        true => (Some(entry.actor_name), "wrote a note".to_owned(), Some(entry.text)),
        false => (None, entry.text, None),
    };
    Story {
        kind: entry.kind,
        actor,
        text,
        note,
        at: viewer.times(entry.at),
    }
}

fn alert_view(viewer: &Viewer, alert: StoredAlert, receipt: Option<receipts::Receipt>) -> AlertView {
    let named = [
        ("Source", alert.source),
        ("Component", alert.component),
        ("Group", alert.group),
        ("Class", alert.class),
    ];
    let mut fields: Vec<(String, String)> = named
        .into_iter()
        .filter_map(|(name, value)| Some((name.to_owned(), value?)))
        .collect();
    match &alert.details {
        Value::Object(map) => fields.extend(map.iter().map(|(name, value)| (name.clone(), plain(value)))),
        Value::Null => {}
        other => fields.push(("Details".to_owned(), plain(other))),
    }
    let from = receipt.as_ref().and_then(|receipt| receipt.integration);
    let from = from.and_then(|id| viewer.picture.integrations.get(&id));
    let from = match from {
        Some(row) => Link::new(format!("/services/{}/integrations", row.service), &row.name),
        None => Link::new("", "API"),
    };
    AlertView {
        id: alert.id.to_string(),
        summary: alert.summary,
        severity: alert.severity.word().to_owned(),
        action: alert.action,
        from,
        received: viewer.times(alert.created_at),
        fields,
        raw: receipt.map(|receipt| raw(&receipt.body)).unwrap_or_default(),
        event_href: alert
            .receipt
            .map(|id: ReceiptId| format!("/events/{id}"))
            .unwrap_or_default(),
    }
}

/// A value as people read it.
fn plain(value: &Value) -> String {
    match value {
        Value::String(text) => shorten(text),
        other => shorten(&other.to_string()),
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

/// Does something to the incident and goes back to its page, which says what happened.
async fn respond(
    state: &AppState,
    viewer: &Viewer,
    id: IncidentId,
    wish: Result<Act, ApiError>,
    says: &str,
) -> Result<Response, PageError> {
    let path = format!("/incidents/{id}");
    let result = match wish {
        Ok(wish) => act(state, id, vec![wish], viewer.actor(), Repeat::Refuse).await,
        Err(error) => Err(error),
    };
    match result {
        Ok(_) => Ok(done(&path, says)),
        Err(error) => refused(&path, error),
    }
}

/// What the forms of the page ask for.
macro_rules! wishes {
    ($($(#[$doc:meta])* $name:ident($form:ident) => $act:expr, $says:literal;)*) => {$(
        $(#[$doc])*
        pub(super) async fn $name(
            State(state): State<AppState>,
            viewer: Viewer,
            Path(Id(id)): Path<ids::Incident>,
            $form: Form,
        ) -> Result<Response, PageError> {
            respond(&state, &viewer, id, $act, $says).await
        }
    )*};
}

wishes! {
    /// `POST /incidents/{id}/acknowledge`
    acknowledge(_form) => Ok(Act::Acknowledge), "Acknowledged. Escalation has stopped.";
    /// `POST /incidents/{id}/resolve`
    resolve(form) => Ok(Act::Resolve { note: form.given("note") }), "Resolved.";
    /// `POST /incidents/{id}/reopen`
    reopen(_form) => Ok(Act::Reopen), "Opened again. Escalation begins at the first step.";
    /// `POST /incidents/{id}/suppress`
    suppress(_form) => Ok(Act::Suppress), "Suppressed. Nobody is paged until somebody reopens it.";
    /// `POST /incidents/{id}/snooze`
    snooze(form) => snoozed(&form), "Snoozed. It opens again when the time is over.";
    /// `POST /incidents/{id}/reassign`
    reassign(form) => reassigned(&form), "Reassigned.";
    /// `POST /incidents/{id}/urgency`
    urgency(form) => with_urgency(&form), "The urgency was changed.";
    /// `POST /incidents/{id}/notes`
    note(form) => Ok(Act::Note { text: form.text("note").to_owned() }), "Your note was added.";
}

fn snoozed(form: &Form) -> Result<Act, ApiError> {
    let mut problems = Problems::default();
    let minutes = form.number("minutes", &mut problems).unwrap_or_default();
    problems.check().map(|()| Act::Snooze { minutes })
}

fn with_urgency(form: &Form) -> Result<Act, ApiError> {
    let urgency = Urgency::from_word(form.text("urgency"));
    let urgency = urgency.ok_or_else(|| ApiError::invalid("urgency", "must be chosen"))?;
    Ok(Act::Edit(Edit {
        urgency: Some(urgency),
        ..Edit::default()
    }))
}

/// `user:usr_…`, `team:team_…`, or empty for nobody.
fn reassigned(form: &Form) -> Result<Act, ApiError> {
    let unknown = || ApiError::invalid("assignee", "must be chosen from the list");
    let edit = match form.text("assignee").split_once(':') {
        None => Edit {
            assignee: Some(None),
            ..Edit::default()
        },
        Some(("user", id)) => Edit {
            assignee: Some(Some(id.parse().map_err(|_| unknown())?)),
            ..Edit::default()
        },
        Some(("team", id)) => Edit {
            assignee: Some(None),
            team: Some(Some(id.parse().map_err(|_| unknown())?)),
            ..Edit::default()
        },
        Some(_) => return Err(unknown()),
    };
    Ok(Act::Edit(edit))
}
