//! One integration with everything that connecting it needs.

use std::collections::HashMap;

use jiff::{SignedDuration, Timestamp};
use opsknight_domain::id::{IntegrationId, ServiceId};
use opsknight_sources::{
    self as sources,
    setup::{Setup, Snippet},
    signature::SignatureSupport,
};
use opsknight_store::{
    db::Tx,
    integrations::{self, IntegrationRow},
    listing::Part,
    receipts::{self, Summary},
};

use super::{Told, mapping, proofs, source_type, tested::came_of};
use crate::{
    api::{
        error::ApiError,
        integrations::{found, webhook_url},
    },
    pages::{
        form::{Form, Wrong},
        rows::{Names, event_row, names},
        services::{self, line},
        viewer::Viewer,
    },
    state::AppState,
    views::{CardSnippet, IntegrationCard, IntegrationLine, SourceType},
};

/// How many of the last events stand on a card.
const EVENTS_MAX: i64 = 5;

/// What is known of the integrations of a service.
struct Known {
    rows: Vec<IntegrationRow>,
    last: HashMap<IntegrationId, Timestamp>,
    /// The last events of the one that is open.
    events: Vec<Summary>,
    names: Names,
    /// When requests of the one that is open were turned away for their number.
    limited: Option<Timestamp>,
}

/// The lines of all, the card of the one that is open, and when that last changed.
pub(super) type Cards = (
    Vec<(String, IntegrationLine)>,
    Option<IntegrationCard>,
    Option<Timestamp>,
);

/// The service's integrations, the newest first, and the card of the one that is open. One that stands alone always is.
pub(super) async fn cards(
    state: &AppState,
    viewer: &Viewer,
    service: ServiceId,
    told: &Told,
) -> Result<Cards, ApiError> {
    let sealer = state.store.sealer.clone();
    let wanted = told.id;
    let unit = async move |tx: &mut Tx<'_>| {
        let (mut rows, _) = integrations::list(tx, &sealer, service, Part::ALL).await?;
        rows.sort_by_key(|row| std::cmp::Reverse((row.created_at, row.id)));
        let events = match open_one(&rows, wanted) {
            None => Vec::new(),
            Some(row) => {
                let filter = receipts::Filter {
                    integration: Some(row.id),
                    limit: EVENTS_MAX,
                    ..receipts::Filter::default()
                };
                receipts::list(tx, &filter).await?.0
            }
        };
        let last = integrations::last_events(tx, service).await?;
        let names = names(tx, events.iter().map(|event: &Summary| &event.results)).await?;
        Ok::<_, ApiError>(Known {
            rows,
            last,
            events,
            names,
            limited: None,
        })
    };
    let mut known = state.store.db.read(unit).await?;
    if let Some(id) = open_one(&known.rows, wanted).map(|row| row.id) {
        known.limited = lately_limited(state, id).await;
    }
    let line = |row: &IntegrationRow| (row.id.to_string(), line(viewer, row, known.last.get(&row.id).copied()));
    let lines = known.rows.iter().map(line).collect();
    let open = open_one(&known.rows, wanted);
    let updated_at = open.map(|row| row.updated_at);
    Ok((
        lines,
        open.map(|row| card(state, viewer, row, &known, told)),
        updated_at,
    ))
}

/// The forms of a card as they would be filled in now, and when the integration last changed.
pub(super) async fn now(
    state: &AppState,
    service: ServiceId,
    id: IntegrationId,
) -> Result<(Form, Timestamp), ApiError> {
    let at = state.clone();
    let unit = async move |tx: &mut Tx<'_>| found(tx, &at, service, id).await;
    let row = state.store.db.read(unit).await?;
    Ok((known(&row), row.updated_at))
}

fn open_one(rows: &[IntegrationRow], wanted: Option<IntegrationId>) -> Option<&IntegrationRow> {
    match rows {
        [only] => Some(only),
        _ => rows.iter().find(|row| Some(row.id) == wanted),
    }
}

/// A text to paste without what must not be seen over somebody's shoulder.
fn masked(text: &str, row: &IntegrationRow) -> String {
    let hidden = format!("{}_••••••••", IntegrationId::PREFIX);
    text.replace(&row.id.to_string(), &hidden)
        .replace(row.key.expose(), "••••••••")
}

fn card(state: &AppState, viewer: &Viewer, row: &IntegrationRow, all: &Known, told: &Told) -> IntegrationCard {
    let events = all.events.as_slice();
    let source = sources::by_type(&row.type_name);
    let url = webhook_url(state, &row.type_name, row.id);
    let key = row.key.expose().to_owned();
    let setup = source.map(sources::Source::setup);
    let is_told = told.id == Some(row.id);
    let known = known(row);
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
        steps: steps(setup.as_ref()),
        snippets: snippets(row, setup.as_ref(), &url),
        masked_url: masked(&url, row),
        webhook_url: url,
        key,
        connection: services::connection(viewer, row.enabled, all.last.get(&row.id).copied()),
        signature_header: source.and_then(|source| signature_header(source.signature())),
        signature_note: source
            .map(|source| source.signature().note().to_owned())
            .unwrap_or_default(),
        proofs: source.and_then(|source| proofs::part(row, source, field)),
        has_secret: row.secret.is_some(),
        new_secret: told.secret.clone().filter(|_| is_told),
        secret: form.secret_field("secret", &wrong).within(&prefix),
        // A box that is not ticked is not sent: it is told from the form of the secret by what is sent beside it.
        require_key: match is_told && told.form.given("rate_limit").is_some() {
            true => told.form.field("require_key", &wrong).within(&prefix),
            false => field("require_key"),
        },
        rate_limit: field("rate_limit"),
        mapping: mapping::fields(
            viewer,
            row,
            events,
            &all.names,
            (&form, &wrong),
            is_told.then_some(told),
        ),
        tested: told.tested.clone().filter(|_| is_told),
        limited: all.limited.map(|at| viewer.times(at)),
        events: events
            .iter()
            .map(|event| {
                let words = came_of(event.status, first_action(event), event.is_test);
                (event_row(viewer, event.clone(), &all.names), words)
            })
            .collect(),
    }
}

fn steps(setup: Option<&Setup>) -> Vec<String> {
    let steps = setup.into_iter().flat_map(|setup| setup.steps.iter());
    steps.map(|step| (*step).to_owned()).collect()
}

/// What is to be pasted into a tool, with this integration's address and key.
fn snippets(row: &IntegrationRow, setup: Option<&Setup>, url: &str) -> Vec<CardSnippet> {
    let snippets = setup.into_iter().flat_map(|setup| setup.snippets.iter());
    // The address stands above them.
    let snippets = snippets.filter(|snippet| snippet.template != "{url}");
    let shown = |snippet: &Snippet| {
        let text = snippet.render(url, row.key.expose());
        CardSnippet {
            place: snippet.name.to_owned(),
            masked: masked(&text, row),
            text,
        }
    };
    snippets.map(shown).collect()
}

fn first_action(event: &Summary) -> &str {
    event.results[0]["action"].as_str().unwrap_or_default()
}

/// When requests were last turned away for their number, if that was within the last hour.
async fn lately_limited(state: &AppState, id: IntegrationId) -> Option<Timestamp> {
    let since = state.clock.now().saturating_sub(SignedDuration::from_hours(1)).ok()?;
    state.receive.limited_at(id).await.filter(|at| *at >= since)
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
    fields.extend(mapping::known(row));
    fields.extend(proofs::known(row));
    Form::of(fields)
}
