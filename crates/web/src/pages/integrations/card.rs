//! One integration with everything that connecting it needs.

use std::collections::HashMap;

use jiff::Timestamp;
use opsknight_domain::id::{IntegrationId, ServiceId};
use opsknight_sources::{self as sources, signature::SignatureSupport};
use opsknight_store::{
    db::Tx,
    integrations::{self, IntegrationRow},
    listing::Part,
    receipts::{self, Summary},
};
use serde_json::Value;

use super::{Told, source_type};
use crate::{
    api::{error::ApiError, integrations::webhook_url},
    pages::{
        form::{Form, Wrong},
        rows::event_row,
        viewer::Viewer,
    },
    state::AppState,
    views::{IntegrationCard, Mapping, SourceType},
};

/// How many of the last events stand on a card.
const EVENTS_MAX: i64 = 5;

/// What is known of the integrations of a service.
struct Known {
    rows: Vec<IntegrationRow>,
    last: HashMap<IntegrationId, Timestamp>,
    events: HashMap<IntegrationId, Vec<Summary>>,
}

/// The cards of a service's integrations, the newest first.
pub(super) async fn cards(
    state: &AppState,
    viewer: &Viewer,
    service: ServiceId,
    told: &Told,
) -> Result<Vec<IntegrationCard>, ApiError> {
    let sealer = state.store.sealer.clone();
    let unit = async move |tx: &mut Tx<'_>| {
        let (mut rows, _) = integrations::list(tx, &sealer, service, Part::ALL).await?;
        rows.sort_by_key(|row| std::cmp::Reverse((row.created_at, row.id)));
        let mut events = HashMap::new();
        for row in &rows {
            let filter = receipts::Filter {
                integration: Some(row.id),
                service: None,
                rejected: None,
                limit: EVENTS_MAX,
                offset: 0,
            };
            events.insert(row.id, receipts::list(tx, &filter).await?.0);
        }
        let last = integrations::last_events(tx, service).await?;
        Ok::<_, ApiError>(Known { rows, last, events })
    };
    let Known { rows, last, mut events } = state.store.db.read(unit).await?;
    let cards = rows.into_iter().map(|row| {
        let events = events.remove(&row.id).unwrap_or_default();
        let last = last.get(&row.id).copied();
        card(state, viewer, row, last, events, told)
    });
    Ok(cards.collect())
}

fn card(
    state: &AppState,
    viewer: &Viewer,
    row: IntegrationRow,
    last: Option<Timestamp>,
    events: Vec<Summary>,
    told: &Told,
) -> IntegrationCard {
    let source = sources::by_type(&row.type_name);
    let url = webhook_url(state, &row.type_name, row.id);
    let key = row.key.expose().to_owned();
    let setup = source.map(sources::Source::setup);
    let snippet = setup.and_then(|setup| setup.snippets.first());
    let is_told = told.id == Some(row.id);
    let known = known(&row);
    // A form that was refused comes back as typed; each card has two, and the other stays as it is.
    let (form, wrong) = match is_told && told.form != Form::default() {
        true => (told.form.over(&known), told.wrong.clone()),
        false => (known, Wrong::default()),
    };
    let prefix = row.id.to_string();
    let field = |name: &str| form.field(name, &wrong).within(&prefix);
    IntegrationCard {
        id: row.id.to_string(),
        name: field("name"),
        source: source.map_or_else(|| unknown(&row.type_name), source_type),
        enabled: row.enabled,
        fresh: is_told && told.fresh,
        snippet: snippet.map(|snippet| (snippet.name.to_owned(), snippet.render(&url, &key))),
        steps: setup
            .map(|setup| setup.steps.iter().map(|step| (*step).to_owned()).collect())
            .unwrap_or_default(),
        webhook_url: url,
        key,
        signature_header: source.and_then(|source| signature_header(source.signature())),
        has_secret: row.secret.is_some(),
        new_secret: told.secret.clone().filter(|_| is_told),
        secret: form.secret_field("secret", &wrong).within(&prefix),
        // A box that is not ticked is not sent: it is told from the form of the secret by what is sent beside it.
        require_key: match is_told && told.form.given("rate_limit").is_some() {
            true => told.form.field("require_key", &wrong).within(&prefix),
            false => field("require_key"),
        },
        rate_limit: field("rate_limit"),
        mapping: source.filter(|source| source.maps_fields()).map(|_| Mapping {
            summary_field: field("summary_field"),
            severity_field: field("severity_field"),
            dedup_key_field: field("dedup_key_field"),
            action_field: field("action_field"),
            source_field: field("source_field"),
            trigger_values: field("trigger_values"),
            acknowledge_values: field("acknowledge_values"),
            resolve_values: field("resolve_values"),
        }),
        last_event: last.map(|at| viewer.times(at)),
        limited: None,
        events: events.into_iter().map(|event| event_row(viewer, event)).collect(),
    }
}

/// A type that this version of the program does not know (any more).
fn unknown(type_name: &str) -> SourceType {
    SourceType {
        word: type_name.to_owned(),
        path: type_name.to_ascii_lowercase().replace('_', "-"),
        name: type_name.to_owned(),
        line: String::new(),
    }
}

fn signature_header(support: SignatureSupport) -> Option<String> {
    match support {
        SignatureSupport::Vendor { header, .. } => Some(header.to_owned()),
        SignatureSupport::Generic { .. } | SignatureSupport::None { .. } => None,
    }
}

/// The forms of a card as they are filled in for an integration.
fn known(row: &IntegrationRow) -> Form {
    let mut fields = vec![
        ("name".to_owned(), row.name.clone()),
        ("rate_limit".to_owned(), row.rate_limit_per_minute.to_string()),
        (
            "require_key".to_owned(),
            if row.require_key { "on" } else { "" }.to_owned(),
        ),
    ];
    let mapping = row.field_mapping.as_ref().unwrap_or(&Value::Null);
    for (name, field) in [
        ("summary_field", "summaryField"),
        ("severity_field", "severityField"),
        ("dedup_key_field", "dedupKeyField"),
        ("action_field", "actionField"),
        ("source_field", "sourceField"),
    ] {
        fields.push((name.to_owned(), mapping[field].as_str().unwrap_or_default().to_owned()));
    }
    for (name, field) in [
        ("trigger_values", "triggerValues"),
        ("acknowledge_values", "acknowledgeValues"),
        ("resolve_values", "resolveValues"),
    ] {
        let words = mapping[field]
            .as_array()
            .into_iter()
            .flatten()
            .filter_map(Value::as_str);
        fields.push((name.to_owned(), words.collect::<Vec<_>>().join(", ")));
    }
    Form::of(fields)
}
