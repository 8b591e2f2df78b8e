//! `/events`: what came in, what came of it, and running it again.

use axum::{extract::State, response::Response};
use http::Uri;
use opsknight_domain::id::{IntegrationId, ReceiptId, ServiceId};
use opsknight_store::{
    db::Tx,
    receipts::{self, LogFilter, Receipt, Summary},
};
use serde_json::Value;

use super::{
    PageError, choices, incident, log,
    preview::previewed,
    records::select,
    rows::{Names, event_row, incident_link, names, outcome_badge, results, shorten},
    viewer::{Viewer, done, refused},
};
use crate::{
    api::{
        error::ApiError,
        extract::Path,
        receipts::{ACTIONS, foresee, found, run},
        wire::{Id, ids},
    },
    state::AppState,
    views::{Choice, EventLog, EventPage, EventResult, Link, Previewed, Section},
};

/// `GET /events`
pub(super) async fn list(State(state): State<AppState>, viewer: Viewer, uri: Uri) -> Result<Response, PageError> {
    let mut asked = log::asked::<ReceiptId>(&uri, &viewer);
    let integration = asked.id::<IntegrationId>("integration");
    let service = asked.id::<ServiceId>("serviceId");
    let action = asked.word("outcome", &ACTIONS);
    asked.check()?;
    let filter = LogFilter {
        integration,
        service,
        action,
        after: asked.after,
        before: asked.before,
        q: asked.q.clone(),
        edge: asked.edge.clone(),
        limit: log::LEAF_ROWS,
    };
    let unit = async move |tx: &mut Tx<'_>| {
        let leaf = receipts::log(tx, &filter).await?;
        let names = names(tx, leaf.rows.iter().map(|row| &row.results)).await?;
        Ok::<_, ApiError>((leaf, names))
    };
    let (leaf, names) = state.store.db.read(unit).await?;
    let known = viewer.picture.integrations.values();
    let mut options: Vec<Choice> = known.map(|row| Choice::new(row.id.to_string(), &row.name)).collect();
    options.sort_by_key(|choice| choice.label.to_lowercase());
    let services = choices::services(viewer.directory());
    let actions = ACTIONS
        .into_iter()
        .map(|action| Choice::new(action, outcome_badge(action).text));
    let filtered = integration.is_some() || service.is_some() || action.is_some() || asked.is_filtered();
    let page = EventLog {
        shell: viewer.shell("Events log", Section::Events),
        integration: select("integration", integration.map(|id| id.to_string()), "Any", options),
        service: select("serviceId", service.map(|id| id.to_string()), "Any", services),
        outcome: select("outcome", action.map(str::to_owned), "Any", actions.collect()),
        filters: asked.filters(),
        filtered,
        pager: log::pager(&uri, &leaf, |row| row.id.to_string()),
        rows: leaf
            .rows
            .into_iter()
            .map(|row| event_row(&viewer, row, &names))
            .collect(),
    };
    viewer.page(&page)
}

/// `GET /events/{id}`
pub(super) async fn show(
    State(state): State<AppState>,
    viewer: Viewer,
    Path(Id(id)): Path<ids::Receipt>,
) -> Result<Response, PageError> {
    let receipt = found(&state, id).await?;
    let page = page(&state, &viewer, receipt, None).await?;
    viewer.page(&page)
}

/// `POST /events/{id}/preview`
pub(super) async fn look(
    State(state): State<AppState>,
    viewer: Viewer,
    Path(Id(id)): Path<ids::Receipt>,
) -> Result<Response, PageError> {
    let receipt = found(&state, id).await?;
    let preview = match foresee(&state, &receipt).await {
        Ok(preview) => previewed(preview),
        Err(error) if matches!(error.status().as_u16(), 403 | 409) => Previewed {
            error: Some(super::error::sentence(error.message())),
            ..Previewed::default()
        },
        Err(error) => return Err(error.into()),
    };
    let mut page = page(&state, &viewer, receipt, Some(preview)).await?;
    // What leads back here leads to the page that can be got.
    page.shell.path = format!("/events/{id}");
    viewer.page(&page)
}

/// `POST /events/{id}/replay`
pub(super) async fn replay(
    State(state): State<AppState>,
    viewer: Viewer,
    Path(Id(id)): Path<ids::Receipt>,
) -> Result<Response, PageError> {
    let receipt = found(&state, id).await?;
    match run(&state, &viewer.caller, receipt).await {
        Ok(ran) => {
            let path = format!("/events/{}", ran.receipt);
            if ran.status < 300 {
                return Ok(done(&path, "It was run again. This is the new request."));
            }
            let why = ran.body["error"]["message"].as_str().unwrap_or("it was refused");
            refused(
                &path,
                ApiError::invalid_request(format!("it was run again and is not understood: {why}")),
            )
        }
        Err(error) if error.status() == http::StatusCode::FORBIDDEN => {
            let words = ApiError::invalid_request(format!("{}; enable it first", error.message()));
            refused(&format!("/events/{id}"), words)
        }
        Err(error) => refused(&format!("/events/{id}"), error),
    }
}

async fn page(
    state: &AppState,
    viewer: &Viewer,
    receipt: Receipt,
    preview: Option<Previewed>,
) -> Result<EventPage, ApiError> {
    let of = receipt.results.clone();
    let unit = async move |tx: &mut Tx<'_>| names(tx, std::iter::once(&of)).await;
    let names = state.store.db.read(unit).await?;
    Ok(EventPage {
        preview,
        ..event_page(viewer, receipt, &names)
    })
}

fn event_page(viewer: &Viewer, receipt: Receipt, names: &Names) -> EventPage {
    let integration = receipt.integration.and_then(|id| viewer.picture.integrations.get(&id));
    let service = receipt.service.and_then(|id| viewer.directory().services.get(&id));
    let text = |value: &Value| value.as_str().map_or_else(|| value.to_string(), str::to_owned);
    let headers = receipt.headers.as_object().into_iter().flatten();
    let headers = headers.map(|(name, value)| (name.clone(), text(value))).collect();
    let of_each = results(&receipt.results);
    let of_each = of_each.into_iter().map(|result| event_result(result, names)).collect();
    let query = match receipt.query.as_str() {
        "" => String::new(),
        query => format!("?{query}"),
    };
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
        is_test: receipt.is_test,
        replay_of: receipt.replay_of,
    };
    EventPage {
        shell: viewer.shell("Event", Section::Events),
        event: event_row(viewer, summary, names),
        request: shorten(&format!("{} {}{query}", receipt.method, receipt.path)),
        address: String::new(),
        headers,
        body: incident::raw(&receipt.body),
        body_bytes: u64::try_from(receipt.body.len()).unwrap_or_default(),
        results: of_each,
        replay_of: receipt
            .replay_of
            .map(|id| Link::new(format!("/events/{id}"), "an earlier request")),
        preview: None,
    }
}

fn event_result(result: &Value, names: &Names) -> EventResult {
    let parts = [
        ("event", "Action"),
        ("severity", "Severity"),
        ("summary", "Summary"),
        ("dedupKey", "Deduplication key"),
    ];
    let field = |(name, label): (&str, &str)| Some((label.to_owned(), shorten(result[name].as_str()?)));
    EventResult {
        fields: parts.into_iter().filter_map(field).collect(),
        outcome: outcome_badge(result["action"].as_str().unwrap_or_default()),
        why: result["reason"]
            .as_str()
            .map(super::error::sentence)
            .unwrap_or_default(),
        incident: incident_link(result, names),
    }
}
