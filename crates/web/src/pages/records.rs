//! `/events`, `/notifications`, `/audit`: what came in, what went out, who changed what.

use axum::{extract::State, response::Response};
use http::Uri;
use opsknight_domain::id::{IntegrationId, UserId};
use opsknight_store::{
    audit::{self, AuditFilter, AuditRow as StoredLine},
    db::Tx,
    deliveries,
    listing::Part,
    receipts::{self, Receipt, Summary},
};
use serde_json::Value;

use super::{
    PageError, choices, incident,
    rows::{delivery_row, event_row, pager, results, shorten},
    viewer::Viewer,
};
use crate::{
    api::{
        deliveries::STATES,
        error::{ApiError, Problems},
        extract::{FromParams as _, Params, Path},
        page::Page,
        wire::{Id, Identity, ids},
    },
    state::AppState,
    views::{Audit, AuditRow, Choice, EventLog, EventPage, EventResult, Field, Link, Notifications, Section, Select},
};

/// The parameters of a list, and what is wrong with them.
struct Asked {
    params: Params,
    problems: Problems,
    page: Page,
}

fn asked(uri: &Uri) -> Asked {
    let mut problems = Problems::default();
    let mut params = Params::of_form(uri.query().unwrap_or_default(), &mut problems);
    let page = Page::from_params(&mut params, &mut problems);
    Asked { params, problems, page }
}

impl Asked {
    fn id<T: Identity>(&mut self, name: &str) -> Option<T> {
        self.params.one::<Id<T>>(name, &mut self.problems).map(|id| id.0)
    }
}

fn select(name: &str, value: Option<String>, none: &str, options: Vec<Choice>) -> Select {
    let field = Field::new(name).with(value.unwrap_or_default());
    Select::new(field, choices::or_none(none, options))
}

/// `GET /events`
pub(super) async fn events(State(state): State<AppState>, viewer: Viewer, uri: Uri) -> Result<Response, PageError> {
    let mut asked = asked(&uri);
    let integration = asked.id::<IntegrationId>("integration");
    let service = asked.id("serviceId");
    let outcome = asked.params.text("outcome");
    asked.problems.check()?;
    let page = asked.page;
    let rejected = match outcome.as_deref() {
        Some("understood") => Some(false),
        Some("rejected") => Some(true),
        _ => None,
    };
    let filter = receipts::Filter {
        integration,
        service,
        rejected,
        limit: page.limit,
        offset: page.offset,
    };
    let unit = async move |tx: &mut Tx<'_>| receipts::list(tx, &filter).await;
    let (rows, total) = state.store.db.read(unit).await?;
    let shown = rows.len();
    let mut options: Vec<Choice> = viewer
        .picture
        .integrations
        .values()
        .map(|row| Choice::new(row.id.to_string(), &row.name))
        .collect();
    options.sort_by_key(|choice| choice.label.to_lowercase());
    let page = EventLog {
        shell: viewer.shell("Events log", Section::Events),
        integration: select("integration", integration.map(|id| id.to_string()), "Any", options),
        outcome: select(
            "outcome",
            rejected.and(outcome),
            "Any",
            vec![
                Choice::new("understood", "Understood"),
                Choice::new("rejected", "Not understood"),
            ],
        ),
        filtered: integration.is_some() || service.is_some() || rejected.is_some(),
        rows: rows.into_iter().map(|row| event_row(&viewer, row)).collect(),
        pager: pager(&uri, page, shown, total),
    };
    viewer.page(&page)
}

/// `GET /events/{id}`
pub(super) async fn event(
    State(state): State<AppState>,
    viewer: Viewer,
    Path(Id(id)): Path<ids::Receipt>,
) -> Result<Response, PageError> {
    let unit = async move |tx: &mut Tx<'_>| receipts::get(tx, id).await;
    let receipt = state.store.db.read(unit).await?;
    let receipt = receipt.ok_or_else(|| ApiError::not_found("received event"))?;
    viewer.page(&event_page(&viewer, receipt))
}

fn event_page(viewer: &Viewer, receipt: Receipt) -> EventPage {
    let integration = receipt.integration.and_then(|id| viewer.picture.integrations.get(&id));
    let service = receipt.service.and_then(|id| viewer.directory().services.get(&id));
    let path = opsknight_sources::by_type(&receipt.kind).map_or_else(
        || "/api/events".to_owned(),
        |source| format!("/api/integrations/{}", source.slug()),
    );
    let headers = match &receipt.headers {
        Value::Object(map) => map
            .iter()
            .map(|(name, value)| {
                (
                    name.clone(),
                    value.as_str().map_or_else(|| value.to_string(), str::to_owned),
                )
            })
            .collect(),
        Value::Array(list) => list
            .iter()
            .filter_map(|pair| Some((pair[0].as_str()?.to_owned(), pair[1].as_str()?.to_owned())))
            .collect(),
        _ => Vec::new(),
    };
    let of_each = results(&receipt.results).into_iter().map(event_result).collect();
    let summary = Summary {
        id: receipt.id,
        at: receipt.at,
        integration: receipt.integration,
        integration_name: integration.map(|row| row.name.clone()),
        service: receipt.service,
        service_name: service.map(|service| service.name.clone()),
        kind: receipt.kind,
        status: receipt.status,
        results: receipt.results,
        body_bytes: i64::try_from(receipt.body.len()).unwrap_or(i64::MAX),
    };
    EventPage {
        shell: viewer.shell("Event", Section::Events),
        event: event_row(viewer, summary),
        request: format!("{} {path}", receipt.method),
        address: String::new(),
        headers,
        body: incident::raw(&receipt.body),
        body_bytes: u64::try_from(receipt.body.len()).unwrap_or_default(),
        results: of_each,
    }
}

fn event_result(result: &Value) -> EventResult {
    let action = result["action"].as_str().unwrap_or("received");
    let reason = result["reason"].as_str();
    let outcome = match reason {
        Some(reason) => format!("{action}: {reason}"),
        None => action.to_owned(),
    };
    let fields = result.as_object().into_iter().flatten();
    let fields =
        fields.filter(|(name, value)| !matches!(name.as_str(), "action" | "reason" | "incident") && !value.is_null());
    let text = |value: &Value| value.as_str().map_or_else(|| value.to_string(), str::to_owned);
    let incident = &result["incident"];
    EventResult {
        fields: fields
            .map(|(name, value)| (name.clone(), shorten(&text(value))))
            .collect(),
        outcome: super::error::sentence(&outcome),
        incident: incident["id"].as_str().map(|id| {
            let title = incident["title"].as_str().unwrap_or("Incident");
            Link::new(format!("/incidents/{id}"), title)
        }),
    }
}

/// `GET /notifications`
pub(super) async fn notifications(
    State(state): State<AppState>,
    viewer: Viewer,
    uri: Uri,
) -> Result<Response, PageError> {
    let mut asked = asked(&uri);
    let user = asked.id::<UserId>("user");
    let outcome = asked
        .params
        .text("outcome")
        .filter(|word| STATES.contains(&word.as_str()));
    asked.problems.check()?;
    let page = asked.page;
    let filter = deliveries::Filter {
        user,
        state: outcome.clone(),
        limit: page.limit,
        offset: page.offset,
        ..deliveries::Filter::default()
    };
    let unit = async move |tx: &mut Tx<'_>| deliveries::list(tx, &filter).await;
    let (rows, total) = state.store.db.read(unit).await?;
    let shown = rows.len();
    let names = ["Waiting", "Sending", "Sent", "Failed", "Called off"];
    let states = STATES
        .into_iter()
        .zip(names)
        .map(|(word, name)| Choice::new(word, name));
    let people = choices::people(viewer.directory());
    let page = Notifications {
        shell: viewer.shell("Notifications log", Section::Notifications),
        filtered: user.is_some() || outcome.is_some(),
        outcome: select("outcome", outcome, "Any", states.collect()),
        user: select("user", user.map(|id| id.to_string()), "Anybody", people),
        deliveries: rows.into_iter().map(|row| delivery_row(&viewer, row)).collect(),
        pager: pager(&uri, page, shown, total),
    };
    viewer.page(&page)
}

/// `GET /audit`
pub(super) async fn audit(State(state): State<AppState>, viewer: Viewer, uri: Uri) -> Result<Response, PageError> {
    let mut asked = asked(&uri);
    let actor = asked.id::<UserId>("actor");
    asked.problems.check()?;
    let page = asked.page;
    let actor_id = actor.map(|id| id.to_string());
    let wanted = actor_id.clone();
    let unit = async move |tx: &mut Tx<'_>| {
        let part = Part {
            limit: page.limit,
            offset: page.offset,
            q: None,
        };
        let filter = AuditFilter {
            actor_id: wanted.as_deref(),
            ..AuditFilter::all(part)
        };
        audit::list(tx, &filter).await
    };
    let (rows, total) = state.store.db.read(unit).await?;
    let shown = rows.len();
    let page = Audit {
        shell: viewer.shell("Audit log", Section::Audit),
        filtered: actor.is_some(),
        actor: select("actor", actor_id, "Anybody", choices::people(viewer.directory())),
        rows: rows.into_iter().map(|row| audit_row(&viewer, row)).collect(),
        pager: pager(&uri, page, shown, total),
    };
    viewer.page(&page)
}

fn audit_row(viewer: &Viewer, line: StoredLine) -> AuditRow {
    let verb = line.action.rsplit('.').next().unwrap_or_default().replace('_', " ");
    let kind = line.object_kind.replace('_', " ");
    let folder = match line.object_kind.as_str() {
        "user" => Some("users"),
        "team" => Some("teams"),
        "service" => Some("services"),
        "schedule" => Some("schedules"),
        "webhook" => Some("settings/webhooks"),
        "policy" | "escalation_policy" => Some("policies"),
        _ => None,
    };
    let text = |value: &Value| match value {
        Value::Null => "nothing".to_owned(),
        Value::String(text) => shorten(text),
        other => shorten(&other.to_string()),
    };
    let changes = line.changes.as_object().into_iter().flatten();
    AuditRow {
        id: line.id.to_string(),
        at: viewer.times(line.at),
        actor: line.actor_name,
        address: line.ip.unwrap_or_default(),
        what: format!("{verb} the {kind}"),
        target: Link::new(
            folder
                .map(|folder| format!("/{folder}/{}", line.object_id))
                .unwrap_or_default(),
            line.object_name,
        ),
        changes: changes
            .map(|(name, change)| (name.clone(), text(&change["from"]), text(&change["to"])))
            .collect(),
    }
}
