//! `/settings/webhooks`: programs and rooms that are told what happens.

mod kinds;

use std::collections::HashMap;

use axum::{extract::State, response::Response};
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
    rows::delivery_row,
    viewer::{Viewer, done, refused, say},
};
use crate::{
    api::{
        error::ApiError,
        extract::{Path, from_value},
        webhooks::{self as actions, ListeningBody},
        wire::{Id, ids},
    },
    state::AppState,
    views::{Badge, Checks, Choice, DeliveryRow, Link, Section, Tone, WebhookList, WebhookPage, WebhookRow},
};

/// How many deliveries are shown.
const DELIVERIES_MAX: i64 = 20;

async fn deliveries_of(tx: &mut Tx<'_>, webhook: WebhookId, limit: i64) -> Result<Vec<deliveries::Listed>, ApiError> {
    let filter = deliveries::Filter {
        webhook: Some(webhook),
        limit,
        ..deliveries::Filter::default()
    };
    Ok(deliveries::list(tx, &filter).await?.0)
}

/// `GET /settings/webhooks`
pub(super) async fn list(State(state): State<AppState>, viewer: Viewer) -> Result<Response, PageError> {
    let sealer = state.store.sealer.clone();
    let unit = async move |tx: &mut Tx<'_>| {
        let (rows, _) = webhooks::list(tx, &sealer, Part::ALL).await?;
        let mut last = HashMap::new();
        for row in &rows {
            let found = deliveries_of(tx, row.id, 1).await?;
            last.extend(found.into_iter().map(|delivery| (row.id, delivery)));
        }
        Ok::<_, ApiError>((rows, last))
    };
    let (rows, mut last) = state.store.db.read(unit).await?;
    let row = |row: Stored| {
        let last: Option<DeliveryRow> = last.remove(&row.id).map(|delivery| delivery_row(&viewer, delivery));
        let state = match row.enabled {
            true => Badge::new(Tone::Good, "Enabled"),
            false => Badge::new(Tone::Quiet, "Disabled"),
        };
        WebhookRow {
            link: Link::new(format!("/settings/webhooks/{}", row.id), &row.name),
            kind: kinds::name(row.kind).to_owned(),
            host: host(row.url.expose()),
            state,
            last: last.map(|last| (last.outcome, last.at)),
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
    answer: Option<(bool, String)>,
}

async fn around(state: &AppState, id: WebhookId) -> Result<Around, ApiError> {
    let sealer = state.store.sealer.clone();
    let unit = async move |tx: &mut Tx<'_>| {
        let row = webhooks::get(tx, &sealer, id).await?;
        Ok::<_, ApiError>(Around {
            row: Some(row.ok_or_else(|| ApiError::not_found("webhook"))?),
            deliveries: deliveries_of(tx, id, DELIVERIES_MAX).await?,
            answer: None,
        })
    };
    state.store.db.read(unit).await
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
    let events = form.all("events");
    let event = |happening: Happening| {
        let word = happening.word();
        Choice::new(word, word).chosen(events.contains(&word))
    };
    let chosen = form.all("service_ids");
    let services = choices::services(viewer.directory()).into_iter().map(|choice| {
        let is_chosen = chosen.contains(&choice.value.as_str());
        choice.chosen(is_chosen)
    });
    let checks = |name: &str, options: Vec<Choice>| Checks::new(form.field(name, wrong).with(""), options);
    WebhookPage {
        shell: viewer.shell(&title, Section::Settings),
        id: around.row.as_ref().map(|row| row.id.to_string()),
        title,
        name: form.field("name", wrong),
        kinds: kinds::ways(around.row.as_ref(), form, wrong),
        enabled: form.field("enabled", wrong),
        events: checks("events", Happening::ALL.into_iter().map(event).collect()),
        services: checks("service_ids", services.collect()),
        deliveries: around
            .deliveries
            .into_iter()
            .map(|row| delivery_row(viewer, row))
            .collect(),
        answer: around.answer,
    }
}

/// `GET /settings/webhooks/new`
pub(super) async fn new(viewer: Viewer) -> Result<Response, PageError> {
    let form = Form::of([
        ("type".to_owned(), WebhookKind::Generic.word().to_owned()),
        ("enabled".to_owned(), "on".to_owned()),
    ]);
    viewer.page(&page(&viewer, Around::default(), &form, &Wrong::default()))
}

/// `GET /settings/webhooks/{id}`
pub(super) async fn show(
    State(state): State<AppState>,
    viewer: Viewer,
    Path(Id(id)): Path<ids::Webhook>,
) -> Result<Response, PageError> {
    let around = around(&state, id).await?;
    let form = around.row.as_ref().map(known).unwrap_or_default();
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
            viewer.refused_page(&page(&viewer, Around::default(), &form, &wrong))
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
        Ok(wish) => actions::update(&state, &viewer.caller, id, wish).await,
        Err(error) => Err(error),
    };
    match changed {
        Ok(body) => Ok(saved(id, "The webhook was saved.", body.listening)),
        Err(error) => {
            let wrong = wrong(error, &form)?;
            let around = around(&state, id).await?;
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
    let mut around = around(&state, id).await?;
    around.answer = Some((trial.ok, trial.message));
    let form = around.row.as_ref().map(known).unwrap_or_default();
    viewer.page(&page(&viewer, around, &form, &Wrong::default()))
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
    let path = format!("/settings/webhooks/{id}");
    match actions::send_again(&state, &viewer.caller, id, delivery).await {
        Ok(()) => Ok(done(&path, "It is sent again.")),
        Err(error) => refused(&path, error),
    }
}
