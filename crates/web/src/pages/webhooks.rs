//! `/settings/webhooks`: programs and rooms that are told what happens.

use std::collections::HashMap;

use axum::{
    extract::State,
    response::{IntoResponse as _, Redirect, Response},
};
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
    viewer::{Viewer, done, refused},
};
use crate::{
    api::{
        error::ApiError,
        extract::{Path, from_value},
        webhooks as actions,
        wire::{Id, ids},
    },
    state::AppState,
    views::{Badge, Checks, Choice, DeliveryRow, Link, Section, Tone, WebhookList, WebhookPage, WebhookRow},
};

/// How many deliveries are shown.
const DELIVERIES_MAX: i64 = 20;

/// The names of fields as the API knows them, and as the form does.
const NAMES: [(&str, &str); 1] = [("serviceIds", "service_ids")];

const fn kind_name(kind: WebhookKind) -> &'static str {
    match kind {
        WebhookKind::GoogleChat => "Google Chat",
        WebhookKind::Teams => "Microsoft Teams",
        WebhookKind::Discord => "Discord",
        WebhookKind::Telegram => "Telegram",
        WebhookKind::Generic => "Generic",
    }
}

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
            kind: kind_name(row.kind).to_owned(),
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
        ("url", row.url.expose().to_owned()),
        ("channel", row.channel.clone().unwrap_or_default()),
        ("enabled", if row.enabled { "on" } else { "" }.to_owned()),
    ];
    fields.extend(
        row.happenings
            .iter()
            .map(|happening| ("events", happening.word().to_owned())),
    );
    fields.extend(row.services.iter().map(|service| ("service_ids", service.to_string())));
    Form::of(fields.into_iter().map(|(name, value)| (name.to_owned(), value)))
}

fn page(viewer: &Viewer, around: Around, form: &Form, wrong: &Wrong) -> WebhookPage {
    let title = around
        .row
        .as_ref()
        .map_or_else(|| "Add webhook".to_owned(), |row| row.name.clone());
    let kinds = WebhookKind::ALL
        .into_iter()
        .map(|kind| Choice::new(kind.word(), kind_name(kind)));
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
        kind: form.select("type", wrong, kinds),
        url: form.field("url", wrong),
        secret: form.secret_field("secret", wrong),
        has_secret: around.row.as_ref().is_some_and(|row| row.secret.is_some()),
        channel: form.field("channel", wrong),
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

/// What is typed, as the body of the API. A secret that is left empty stays as it is.
fn as_body(form: &Form) -> Value {
    let mut body = json!({
        "name": form.text("name"),
        "type": form.text("type"),
        "url": form.text("url"),
        "channel": form.given("channel"),
        "enabled": form.ticked("enabled"),
        "events": form.all("events"),
        "serviceIds": form.all("service_ids"),
    });
    if let Some(secret) = form.given("secret") {
        body["secret"] = secret.into();
    } else if form.ticked("remove_secret") {
        body["secret"] = Value::Null;
    }
    body
}

/// `POST /settings/webhooks`
pub(super) async fn create(State(state): State<AppState>, viewer: Viewer, form: Form) -> Result<Response, PageError> {
    let made = match from_value(as_body(&form)) {
        Ok(new) => actions::create(&state, &viewer.caller, new).await,
        Err(error) => Err(error),
    };
    match made {
        Ok(made) => Ok(Redirect::to(&format!("/settings/webhooks/{}", made.id.0)).into_response()),
        Err(error) => {
            let wrong = Wrong::of_error(error, &NAMES)?;
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
        Ok(_) => Ok(done(&format!("/settings/webhooks/{id}"), "The webhook was saved.")),
        Err(error) => {
            let wrong = Wrong::of_error(error, &NAMES)?;
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
