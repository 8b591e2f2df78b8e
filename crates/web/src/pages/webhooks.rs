//! `/settings/webhooks`: programs and rooms that are told what happens.

mod delivery;
mod kinds;

pub(super) use delivery::show as delivery;

use std::collections::HashMap;

use axum::{extract::State, response::Response};
use base64::{Engine as _, engine::general_purpose::STANDARD as BASE64};
use http::Uri;
use jiff::{SignedDuration, Timestamp};
use opsknight_domain::{id::WebhookId, incident::Happening};
use opsknight_store::{
    db::Tx,
    deliveries,
    listing::Part,
    webhooks::{self, WebhookKind, WebhookRow as Stored},
};
use serde_json::{Value, json};

use super::{
    PageError, choices,
    form::{Form, Wrong},
    meanwhile::Editing,
    rows::{delivery_row, pager},
    viewer::{Viewer, done, refused, say},
};
use crate::{
    api::{
        error::ApiError,
        extract::{Path, from_value},
        page::{OFFSET_MAX, Page},
        webhooks::{self as actions, ListeningBody},
        wire::{Id, ids},
    },
    state::AppState,
    views::{
        Badge, Checks, Choice, DeliveryRow, Field, Link, Pager, Section, Tone, WebhookList, WebhookPage, WebhookRow,
    },
};

/// How many deliveries are shown.
const DELIVERIES_MAX: i64 = 20;

/// How many random bytes a generated secret holds: Standard Webhooks asks for 24 to 64.
const SECRET_BYTES: usize = 32;
/// How far back it is counted what was given up.
const GIVEN_UP_SINCE: SignedDuration = SignedDuration::from_hours(24);

/// `GET /settings/webhooks`
pub(super) async fn list(State(state): State<AppState>, viewer: Viewer) -> Result<Response, PageError> {
    let sealer = state.store.sealer.clone();
    let since = viewer.now.saturating_sub(GIVEN_UP_SINCE).unwrap_or(Timestamp::MIN);
    let unit = async move |tx: &mut Tx<'_>| {
        let (rows, _) = webhooks::list(tx, &sealer, Part::ALL).await?;
        let mut last = HashMap::new();
        for row in &rows {
            let filter = deliveries::Filter {
                webhook: Some(row.id),
                limit: 1,
                ..deliveries::Filter::default()
            };
            let found = deliveries::list(tx, &filter).await?.0;
            last.extend(found.into_iter().map(|delivery| (row.id, delivery)));
        }
        Ok::<_, ApiError>((rows, last, deliveries::given_up(tx, since).await?))
    };
    let (rows, mut last, given_up) = state.store.db.read(unit).await?;
    let row = |row: Stored| {
        let last: Option<DeliveryRow> = last.remove(&row.id).map(|delivery| delivery_row(&viewer, delivery));
        let failed = given_up.get(&row.id).copied().unwrap_or_default();
        let is_failing = failed > 0 && last.as_ref().is_some_and(|last| last.outcome.tone != Tone::Good);
        let state = match (row.enabled, is_failing) {
            (false, _) => Badge::new(Tone::Quiet, "Disabled"),
            (true, true) => Badge::new(Tone::Bad, "Failing"),
            (true, false) => Badge::new(Tone::Good, "Enabled"),
        };
        WebhookRow {
            link: Link::new(format!("/settings/webhooks/{}", row.id), &row.name),
            kind: kinds::name(row.kind).to_owned(),
            host: host(row.url.expose()),
            state,
            last: last.map(|last| (last.outcome, last.at)),
            failed: u64::try_from(failed).unwrap_or_default(),
        }
    };
    let page = WebhookList {
        shell: viewer.shell("Webhooks", Section::Settings),
        rows: rows.into_iter().map(row).collect(),
    };
    viewer.page(&page)
}

fn host(url: &str) -> String {
    let url = url::Url::parse(url).ok();
    url.and_then(|url| url.host_str().map(str::to_owned))
        .unwrap_or_default()
}

/// What is shown of one webhook besides its form.
#[derive(Default)]
struct Around {
    row: Option<Stored>,
    deliveries: Vec<deliveries::Listed>,
    pager: Pager,
    only_failed: bool,
    answer: Option<(bool, String)>,
    new_secret: Option<String>,
    sample: String,
}

impl Around {
    /// What is shown with the form of a new one.
    fn nothing(state: &AppState) -> Self {
        Self {
            sample: pretty(&state.providers.webhook_sample()),
            ..Self::default()
        }
    }
}

/// JSON as people read it.
fn pretty(text: &str) -> String {
    let value = serde_json::from_str::<Value>(text);
    value
        .ok()
        .and_then(|value| serde_json::to_string_pretty(&value).ok())
        .unwrap_or_else(|| text.to_owned())
}

/// Which part of the deliveries an address asks for: only what failed, and from where on.
fn asked(uri: &Uri) -> (bool, i64) {
    let query = uri.query().unwrap_or_default().as_bytes();
    let one = |wanted: &str| {
        form_urlencoded::parse(query)
            .find(|(name, _)| name == wanted)
            .map(|(_, value)| value)
    };
    let offset = one("offset")
        .and_then(|text| text.parse::<i64>().ok())
        .unwrap_or_default();
    (
        one("outcome").is_some_and(|word| word == "failed"),
        offset.clamp(0, OFFSET_MAX),
    )
}

async fn around(state: &AppState, id: WebhookId, uri: &Uri) -> Result<Around, ApiError> {
    let sealer = state.store.sealer.clone();
    let (only_failed, offset) = asked(uri);
    let filter = deliveries::Filter {
        webhook: Some(id),
        state: only_failed.then(|| "FAILED".to_owned()),
        limit: DELIVERIES_MAX,
        offset,
        ..deliveries::Filter::default()
    };
    let unit = async move |tx: &mut Tx<'_>| {
        let row = webhooks::get(tx, &sealer, id).await?;
        let row = row.ok_or_else(|| ApiError::not_found("webhook"))?;
        Ok::<_, ApiError>((row, deliveries::list(tx, &filter).await?))
    };
    let (row, (deliveries, total)) = state.store.db.read(unit).await?;
    let part = Page {
        limit: DELIVERIES_MAX,
        offset,
    };
    Ok(Around {
        row: Some(row),
        pager: pager(uri, part, deliveries.len(), total),
        deliveries,
        only_failed,
        ..Around::nothing(state)
    })
}

/// A group of what happens: its name, and in each case the word and what it says.
type EventGroup = (&'static str, &'static [(Happening, &'static str)]);

/// What happens, by what it is about, each with what it means.
const EVENTS: [EventGroup; 3] = [
    (
        "Its course",
        &[
            (Happening::Triggered, "an incident opened"),
            (Happening::Acknowledged, "somebody works on it"),
            (Happening::Resolved, "it is over"),
            (Happening::Reopened, "it is open again"),
        ],
    ),
    (
        "Escalation and targets",
        &[
            (Happening::Escalated, "nobody answered, and the next step was run"),
            (Happening::SlaBreached, "a target was missed"),
        ],
    ),
    (
        "What people do",
        &[
            (Happening::Reassigned, "somebody else is to work on it"),
            (Happening::Snoozed, "it was put off"),
            (Happening::NoteAdded, "somebody wrote a note"),
        ],
    ),
];

/// The boxes for what happens.
fn events(chosen: &[&str]) -> Vec<(&'static str, Checks)> {
    let group = |(n, (name, happenings)): (usize, &EventGroup)| {
        let choice = |(happening, says): &(Happening, &str)| {
            let word = happening.word();
            Choice::new(word, format!("{word}: {says}")).chosen(chosen.contains(&word))
        };
        let field = Field {
            id: format!("events-{n}"),
            ..Field::new("events")
        };
        (*name, Checks::new(field, happenings.iter().map(choice)))
    };
    EVENTS.iter().enumerate().map(group).collect()
}

/// The form as it is filled in for a webhook.
fn known(row: &Stored) -> Form {
    let mut fields = vec![
        ("name", row.name.clone()),
        ("type", row.kind.word().to_owned()),
        ("enabled", if row.enabled { "on" } else { "" }.to_owned()),
    ];
    fields.extend(
        row.happenings
            .iter()
            .map(|happening| ("events", happening.word().to_owned())),
    );
    fields.extend(row.services.iter().map(|service| ("service_ids", service.to_string())));
    let fields = fields.into_iter().map(|(name, value)| (name.to_owned(), value));
    Form::of(fields.chain(kinds::known(row)))
}

fn page(viewer: &Viewer, around: Around, form: &Form, wrong: &Wrong) -> WebhookPage {
    let title = around
        .row
        .as_ref()
        .map_or_else(|| "Add webhook".to_owned(), |row| row.name.clone());
    let chosen = form.all("service_ids");
    let services = choices::services(viewer.directory()).into_iter().map(|choice| {
        let is_chosen = chosen.contains(&choice.value.as_str());
        choice.chosen(is_chosen)
    });
    let checks = |name: &str, options: Vec<Choice>| Checks::new(form.field(name, wrong).with(""), options);
    let saved = around.row.as_ref();
    WebhookPage {
        is_generic: saved.is_none_or(|row| row.kind == WebhookKind::Generic),
        is_signed: saved.is_some_and(|row| row.secret.is_some()),
        new_secret: around.new_secret,
        sample: around.sample,
        only_failed: around.only_failed,
        pager: around.pager,
        shell: viewer.shell(&title, Section::Settings),
        id: around.row.as_ref().map(|row| row.id.to_string()),
        title,
        name: form.field("name", wrong),
        kinds: kinds::ways(around.row.as_ref(), form, wrong),
        enabled: form.field("enabled", wrong),
        events: events(&form.all("events")),
        events_error: form.field("events", wrong).with(""),
        services: checks("service_ids", services.collect()),
        deliveries: around
            .deliveries
            .into_iter()
            .map(|row| DeliveryRow {
                purpose: row.happening.clone().unwrap_or_default(),
                ..delivery_row(viewer, row)
            })
            .collect(),
        answer: around.answer,
    }
}

/// `GET /settings/webhooks/new`
pub(super) async fn new(State(state): State<AppState>, viewer: Viewer) -> Result<Response, PageError> {
    let form = Form::of([
        ("type".to_owned(), WebhookKind::Generic.word().to_owned()),
        ("enabled".to_owned(), "on".to_owned()),
    ]);
    viewer.page(&page(&viewer, Around::nothing(&state), &form, &Wrong::default()))
}

/// `GET /settings/webhooks/{id}`
pub(super) async fn show(
    State(state): State<AppState>,
    viewer: Viewer,
    Path(Id(id)): Path<ids::Webhook>,
    uri: Uri,
) -> Result<Response, PageError> {
    let around = around(&state, id, &uri).await?;
    let form = around.row.as_ref().map(known).unwrap_or_default();
    let viewer = match &around.row {
        Some(row) => viewer.editing(row.updated_at),
        None => viewer,
    };
    viewer.page(&page(&viewer, around, &form, &Wrong::default()))
}

/// What is typed, as the body of the API.
fn as_body(form: &Form) -> Value {
    let mut body = json!({
        "name": form.text("name"),
        "enabled": form.ticked("enabled"),
        "events": form.all("events"),
        "serviceIds": form.all("service_ids"),
    });
    kinds::write(form, &mut body);
    body
}

/// What is wrong, by the names of the form.
fn wrong(error: ApiError, form: &Form) -> Result<Wrong, PageError> {
    let kind = form.text("type");
    Ok(
        Wrong::of_error(error, &[("serviceIds", "service_ids")])?.renamed(|field| {
            let of_kind = matches!(field, "url" | "secret" | "channel");
            of_kind.then(|| format!("{kind}.{field}"))
        }),
    )
}

/// After a webhook was saved: what was done, and whether the buttons of a bot in Telegram will be heard.
fn saved(id: WebhookId, says: &str, listening: Option<ListeningBody>) -> Response {
    let path = format!("/settings/webhooks/{id}");
    match listening {
        None => done(&path, says),
        Some(ListeningBody { ok: true, message }) => done(
            &path,
            format!("{says} Its buttons are heard. Telegram answered: {message}"),
        ),
        Some(ListeningBody { ok: false, message }) => say(
            &path,
            false,
            format!("{says} But its buttons do nothing: the bot could not be told where to call. {message}"),
        ),
    }
}

/// `POST /settings/webhooks`
pub(super) async fn create(State(state): State<AppState>, viewer: Viewer, form: Form) -> Result<Response, PageError> {
    let made = match from_value(as_body(&form)) {
        Ok(new) => actions::create(&state, &viewer.caller, new).await,
        Err(error) => Err(error),
    };
    match made {
        Ok(made) => Ok(saved(made.id.0, "The webhook was added.", made.listening)),
        Err(error) => {
            let wrong = wrong(error, &form)?;
            viewer.refused_page(&page(&viewer, Around::nothing(&state), &form, &wrong))
        }
    }
}

/// `POST /settings/webhooks/{id}`
pub(super) async fn change(
    State(state): State<AppState>,
    viewer: Viewer,
    Path(Id(id)): Path<ids::Webhook>,
    form: Form,
) -> Result<Response, PageError> {
    let changed = match from_value(as_body(&form)) {
        Ok(wish) => actions::update(&state, &viewer.saving(&form), id, wish).await,
        Err(error) => Err(error),
    };
    match changed {
        Ok(body) => Ok(saved(id, "The webhook was saved.", body.listening)),
        Err(error) => {
            let around = around(&state, id, &Uri::default()).await?;
            let row = around.row.as_ref().ok_or_else(|| ApiError::not_found("webhook"))?;
            let typed = form.clone();
            let editing = Editing {
                object: &id,
                typed: form,
                current: known(row),
                updated_at: row.updated_at,
                names: &[("serviceIds", "service_ids")],
                as_body: &|form| Some(as_body(form)),
            };
            let (viewer, form, wrong) = viewer
                .again(&state, error, editing, |error| wrong(error, &typed))
                .await?;
            viewer.refused_page(&page(&viewer, around, &form, &wrong))
        }
    }
}

/// `POST /settings/webhooks/{id}/test`
pub(super) async fn test(
    State(state): State<AppState>,
    viewer: Viewer,
    Path(Id(id)): Path<ids::Webhook>,
) -> Result<Response, PageError> {
    let trial = actions::try_out(&state, id).await?;
    let mut around = around(&state, id, &Uri::default()).await?;
    around.answer = Some((trial.ok, trial.message));
    let form = around.row.as_ref().map(known).unwrap_or_default();
    viewer.page(&page(&viewer, around, &form, &Wrong::default()))
}

/// `POST /settings/webhooks/{id}/secret`
pub(super) async fn generate_secret(
    State(state): State<AppState>,
    viewer: Viewer,
    Path(Id(id)): Path<ids::Webhook>,
) -> Result<Response, PageError> {
    let mut random = [0; SECRET_BYTES];
    state.clock.fill(&mut random);
    let secret = format!("whsec_{}", BASE64.encode(random));
    let wish = from_value(json!({ "secret": secret }))?;
    actions::update(&state, &viewer.caller, id, wish).await?;
    let around = Around {
        new_secret: Some(secret),
        ..around(&state, id, &Uri::default()).await?
    };
    let form = around.row.as_ref().map(known).unwrap_or_default();
    // Shown in the answer itself, and nowhere else ever again.
    let mut page = page(&viewer, around, &form, &Wrong::default());
    page.shell.path = format!("/settings/webhooks/{id}");
    viewer.page(&page)
}

/// `POST /settings/webhooks/{id}/delete`
pub(super) async fn delete(
    State(state): State<AppState>,
    viewer: Viewer,
    Path(Id(id)): Path<ids::Webhook>,
) -> Result<Response, PageError> {
    match actions::delete(&state, &viewer.caller, id).await {
        Ok(()) => Ok(done("/settings/webhooks", "The webhook was deleted.")),
        Err(error) => refused(&format!("/settings/webhooks/{id}"), error),
    }
}

/// `POST /settings/webhooks/{id}/deliveries/{dlv}/retry`
pub(super) async fn retry(
    State(state): State<AppState>,
    viewer: Viewer,
    Path((Id(id), Id(delivery))): Path<(ids::Webhook, ids::Delivery)>,
) -> Result<Response, PageError> {
    let path = format!("/settings/webhooks/{id}/deliveries/{delivery}");
    match actions::send_again(&state, &viewer.caller, id, delivery).await {
        Ok(()) => Ok(done(&path, "It is sent again.")),
        Err(error) => refused(&path, error),
    }
}
