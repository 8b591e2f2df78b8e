//! `/services/{id}/integrations/{int}/mapping`: saying which field of a body is what, and trying it out before it is saved.

use axum::{extract::State, response::Response};
use opsknight_domain::id::{IntegrationId, ReceiptId, ServiceId};
use opsknight_sources::{self as sources, Source};
use opsknight_store::{integrations::IntegrationRow, receipts::Summary};
use serde_json::{Value, json};

use super::{Told, page, update, wrong};
use crate::{
    api::{
        error::{ApiError, Problems},
        extract::{Path, from_value},
        integrations::{PreviewWish, preview},
        wire::{Id, ids},
    },
    pages::{
        PageError,
        error::sentence,
        form::{Form, Wrong},
        preview::previewed,
        rows::{Names, event_row},
        viewer::Viewer,
    },
    state::AppState,
    views::{Choice, Mapping, Previewed, Select},
};

/// The fields that hold paths, as the API and as the form call them.
const PATHS: [(&str, &str); 5] = [
    ("summaryField", "summary_field"),
    ("severityField", "severity_field"),
    ("dedupKeyField", "dedup_key_field"),
    ("actionField", "action_field"),
    ("sourceField", "source_field"),
];
/// The fields that hold words.
const WORDS: [(&str, &str); 3] = [
    ("triggerValues", "trigger_values"),
    ("acknowledgeValues", "acknowledge_values"),
    ("resolveValues", "resolve_values"),
];

/// `POST /services/{id}/integrations/{int}/mapping`
pub(in crate::pages) async fn map_fields(
    State(state): State<AppState>,
    viewer: Viewer,
    Path((Id(service), Id(id))): Path<(ids::Service, ids::Integration)>,
    form: Form,
) -> Result<Response, PageError> {
    let at = (service, id);
    if form.text("do") == "save" {
        let wish = Ok(wish(&form));
        return update(&state, viewer, at, wish, form, "The field mapping was saved.").await;
    }
    let mut told = Told::open(id);
    match look(&state, at, &form).await {
        Ok(preview) => told.preview = Some(preview),
        Err(error) => {
            told.preview = Some(Previewed {
                error: Some(sentence(error.message())),
                ..Previewed::default()
            });
            told.wrong = wrong(error)?;
        }
    }
    told.form = form;
    let page = page(&state, &viewer, service, told).await?;
    viewer.page(&page)
}

async fn look(state: &AppState, at: (ServiceId, IntegrationId), form: &Form) -> Result<Previewed, ApiError> {
    let mut problems = Problems::default();
    let event: Option<ReceiptId> = form.id("event", &mut problems);
    problems.check()?;
    let body = form.text("body");
    let sent = event.is_none();
    let wish = PreviewWish {
        body: sent.then(|| body.into()),
        content_type: sent.then(|| media_type(body).to_owned()),
        event_id: event.map(Id),
        field_mapping: from_value(read(form))?,
        ..PreviewWish::default()
    };
    Ok(previewed(preview(state, at, wish).await?))
}

/// What a pasted body is: JSON begins with a bracket, and anything else with an equals sign is a form.
fn media_type(body: &str) -> &'static str {
    if !body.starts_with(['{', '[']) && body.contains('=') {
        "application/x-www-form-urlencoded"
    } else {
        "application/json"
    }
}

/// The mapping as it was typed, as the API takes it; null where nothing was.
fn read(form: &Form) -> Value {
    let mut mapping = serde_json::Map::new();
    for (field, name) in PATHS {
        if let Some(path) = form.given(name) {
            mapping.insert(field.to_owned(), path.into());
        }
    }
    for (field, name) in WORDS {
        let words: Vec<&str> = form.text(name).split(',').map(str::trim).collect();
        let words: Vec<&str> = words.into_iter().filter(|word| !word.is_empty()).collect();
        if !words.is_empty() {
            mapping.insert(field.to_owned(), json!(words));
        }
    }
    if mapping.is_empty() {
        Value::Null
    } else {
        Value::Object(mapping)
    }
}

/// The body of the API that saves it.
pub(super) fn wish(form: &Form) -> Value {
    json!({ "fieldMapping": read(form) })
}

/// The fields of the form as they are filled in for an integration.
pub(super) fn known(row: &IntegrationRow) -> Vec<(String, String)> {
    let mapping = row.field_mapping.as_ref().unwrap_or(&Value::Null);
    let path = |(field, name): (&str, &str)| (name.to_owned(), mapping[field].as_str().unwrap_or_default().to_owned());
    let words = |(field, name): (&str, &str)| {
        let words = mapping[field].as_array().into_iter().flatten();
        let words: Vec<&str> = words.filter_map(Value::as_str).collect();
        (name.to_owned(), words.join(", "))
    };
    PATHS
        .into_iter()
        .map(path)
        .chain(WORDS.into_iter().map(words))
        .collect()
}

/// The form of a card.
pub(super) fn fields(
    viewer: &Viewer,
    row: &IntegrationRow,
    events: &[Summary],
    names: &Names,
    (form, wrong): (&Form, &Wrong),
    told: Option<&Told>,
) -> Option<Mapping> {
    let source = sources::by_type(&row.type_name).filter(|source| source.maps_fields())?;
    let prefix = row.id.to_string();
    let field = |name: &str| form.field(name, wrong).within(&prefix);
    let choices = events.iter().map(|event| {
        let row = event_row(viewer, event.clone(), names);
        Choice::new(row.id, format!("{}: {}", row.at.short, row.summary))
    });
    let choices: Vec<Choice> = choices.chain([Choice::new("", "The body below")]).collect();
    // Before anybody has chosen: what came in last.
    let sent = told.is_some_and(|told| told.preview.is_some() || told.form.is_sent("event"));
    let mut event = field("event");
    if let (false, Some(last)) = (sent, events.first()) {
        event.value = last.id.to_string();
    }
    let mut body = field("body");
    if body.value.is_empty() && !sent {
        body.value = sample(source, viewer);
    }
    Some(Mapping {
        summary_field: field("summary_field"),
        severity_field: field("severity_field"),
        dedup_key_field: field("dedup_key_field"),
        action_field: field("action_field"),
        source_field: field("source_field"),
        trigger_values: field("trigger_values"),
        acknowledge_values: field("acknowledge_values"),
        resolve_values: field("resolve_values"),
        event: Select::new(event, choices),
        body,
        preview: told.and_then(|told| told.preview.clone()),
        open: told.is_some_and(|told| told.form.is_sent("summary_field")),
    })
}

/// A body to begin with, where nothing has come in yet.
fn sample(source: &dyn Source, viewer: &Viewer) -> String {
    let sample = source.sample(viewer.now).body;
    crate::pages::incident::raw(&sample)
}
