//! `/services/{id}/integrations`: connecting a monitoring tool.

mod card;
mod mapping;
pub(super) mod proofs;

pub(super) use mapping::map_fields;

use axum::{
    extract::State,
    response::{IntoResponse as _, Redirect, Response},
};
use http::Uri;
use opsknight_domain::id::{IntegrationId, ServiceId};
use opsknight_sources::{self as sources, Source};
use serde_json::{Value, json};

use super::{
    PageError,
    form::{Form, Wrong},
    services,
    viewer::{Viewer, done, refused},
};
use crate::{
    api::{
        error::{ApiError, Problems},
        extract::{Path, from_value},
        integrations as actions,
        wire::{Id, ids},
    },
    state::AppState,
    views::{Gallery, Integrations, Previewed, Section, SourceType},
};

/// What was typed into the forms of one card, what is wrong with it, and what was made just now.
#[derive(Default)]
pub(super) struct Told {
    /// Which card.
    id: Option<IntegrationId>,
    form: Form,
    wrong: Wrong,
    fresh: bool,
    secret: Option<String>,
    /// What came of trying out the field mapping.
    preview: Option<Previewed>,
}

/// `GET /services/{id}/integrations`
pub(super) async fn list(
    State(state): State<AppState>,
    viewer: Viewer,
    Path(Id(service)): Path<ids::Service>,
    uri: Uri,
) -> Result<Response, PageError> {
    let query = uri.query().unwrap_or_default().as_bytes();
    let new = form_urlencoded::parse(query).find(|(name, _)| name == "new");
    let told = Told {
        id: new.and_then(|(_, id)| id.parse().ok()),
        fresh: true,
        ..Told::default()
    };
    let page = page(&state, &viewer, service, told).await?;
    viewer.page(&page)
}

async fn page(state: &AppState, viewer: &Viewer, service: ServiceId, told: Told) -> Result<Integrations, ApiError> {
    let (_, head) = services::head(state, viewer, service).await?;
    let cards = card::cards(state, viewer, service, &told).await?;
    Ok(Integrations {
        shell: viewer.shell(format!("{}: integrations", head.name), Section::Services),
        head,
        cards,
    })
}

pub(super) fn source_type(source: &dyn Source) -> SourceType {
    SourceType {
        word: source.type_name().to_owned(),
        path: source.slug().to_owned(),
        name: source.title().to_owned(),
        line: source.tagline().to_owned(),
    }
}

/// `GET /services/{id}/integrations/new`
pub(super) async fn gallery(
    State(state): State<AppState>,
    viewer: Viewer,
    Path(Id(service)): Path<ids::Service>,
    uri: Uri,
) -> Result<Response, PageError> {
    let query = uri.query().unwrap_or_default().as_bytes();
    let form = Form::of(form_urlencoded::parse(query).into_owned());
    let page = gallery_page(&state, &viewer, service, &form, &Wrong::default()).await?;
    viewer.page(&page)
}

async fn gallery_page(
    state: &AppState,
    viewer: &Viewer,
    service: ServiceId,
    form: &Form,
    wrong: &Wrong,
) -> Result<Gallery, ApiError> {
    let (_, head) = services::head(state, viewer, service).await?;
    let picked = sources::by_type(form.text("type"));
    let wanted = form.text("q").to_lowercase();
    let fits = |source: &SourceType| {
        source.name.to_lowercase().contains(&wanted) || source.line.to_lowercase().contains(&wanted)
    };
    let types = sources::all().iter().map(|source| source_type(*source)).filter(fits);
    let (generic, tools): (Vec<_>, Vec<_>) =
        types.partition(|source| matches!(source.word.as_str(), "EVENTS_API_V2" | "WEBHOOK"));
    let groups = [("Monitoring", tools), ("Anything else", generic)];
    let groups = groups.into_iter().filter(|(_, types)| !types.is_empty());
    let mut name = form.field("name", wrong);
    if let (Some(source), true) = (picked, name.value.is_empty() && name.error.is_none()) {
        source.title().clone_into(&mut name.value);
    }
    Ok(Gallery {
        shell: viewer.shell("Add integration", Section::Services),
        head,
        query: form.text("q").to_owned(),
        groups: groups.map(|(name, types)| (name.to_owned(), types)).collect(),
        picked: picked.map(|source| (source_type(source), name)),
    })
}

/// `POST /services/{id}/integrations`
pub(super) async fn create(
    State(state): State<AppState>,
    viewer: Viewer,
    Path(Id(service)): Path<ids::Service>,
    form: Form,
) -> Result<Response, PageError> {
    let new = from_value(json!({ "name": form.text("name"), "type": form.text("type") }))?;
    match actions::create(&state, &viewer.caller, service, new).await {
        Ok(made) => {
            let path = format!("/services/{service}/integrations?new={0}#{0}", made.id.0);
            Ok(Redirect::to(&path).into_response())
        }
        Err(error) => {
            let wrong = Wrong::of_error(error, &[])?;
            let page = gallery_page(&state, &viewer, service, &form, &wrong).await?;
            viewer.refused_page(&page)
        }
    }
}

fn card_path(service: ServiceId, id: IntegrationId) -> String {
    format!("/services/{service}/integrations#{id}")
}

/// The names of fields as the API knows them, and as the forms of a card do.
const NAMES: [(&str, &str); 15] = [
    ("rateLimitPerMinute", "rate_limit"),
    ("signatureSecret", "secret"),
    ("tokenRule.audience", "audience"),
    ("tokenRule.serviceAccount", "who"),
    ("tokenRule.tenantId", "who"),
    ("topicArns", "topics"),
    ("eventId", "event"),
    ("fieldMapping.summaryField", "summary_field"),
    ("fieldMapping.severityField", "severity_field"),
    ("fieldMapping.dedupKeyField", "dedup_key_field"),
    ("fieldMapping.actionField", "action_field"),
    ("fieldMapping.sourceField", "source_field"),
    ("fieldMapping.triggerValues", "trigger_values"),
    ("fieldMapping.acknowledgeValues", "acknowledge_values"),
    ("fieldMapping.resolveValues", "resolve_values"),
];

async fn update(
    state: &AppState,
    viewer: &Viewer,
    (service, id): (ServiceId, IntegrationId),
    wish: Result<Value, ApiError>,
    form: Form,
    says: &str,
) -> Result<Response, PageError> {
    let updated = match wish.and_then(from_value) {
        Ok(wish) => actions::update(state, &viewer.caller, (service, id), wish).await,
        Err(error) => Err(error),
    };
    match updated {
        Ok(_) => Ok(done(&card_path(service, id), says)),
        Err(error) => {
            let told = Told {
                id: Some(id),
                wrong: wrong(error)?,
                form,
                ..Told::default()
            };
            let page = page(state, viewer, service, told).await?;
            viewer.refused_page(&page)
        }
    }
}

/// What is wrong, beside the fields of the card: `fieldMapping.triggerValues[2]` is about `trigger_values`.
pub(super) fn wrong(error: ApiError) -> Result<Wrong, PageError> {
    let known = |field: &str| {
        let field = field.split('[').next().unwrap_or(field);
        let found = NAMES.iter().find(|(theirs, _)| *theirs == field);
        found.map(|(_, ours)| (*ours).to_owned())
    };
    Ok(Wrong::of_error(error, &[])?.renamed(known))
}

/// `POST /services/{id}/integrations/{int}`
pub(super) async fn change(
    State(state): State<AppState>,
    viewer: Viewer,
    Path((Id(service), Id(id))): Path<(ids::Service, ids::Integration)>,
    form: Form,
) -> Result<Response, PageError> {
    let wish = settings(&form);
    update(&state, &viewer, (service, id), wish, form, "The integration was saved.").await
}

/// What is typed into the settings of a card, as the body of the API.
fn settings(form: &Form) -> Result<Value, ApiError> {
    let mut problems = Problems::default();
    let rate: Option<u32> = form.number("rate_limit", &mut problems);
    if rate.is_none() {
        problems.add("rate_limit", "must be a whole number");
    }
    problems.check()?;
    Ok(json!({
        "name": form.text("name"),
        "rateLimitPerMinute": rate,
        "requireKey": form.ticked("require_key"),
    }))
}

/// `POST /services/{id}/integrations/{int}/enabled`
pub(super) async fn enable(
    State(state): State<AppState>,
    viewer: Viewer,
    Path((Id(service), Id(id))): Path<(ids::Service, ids::Integration)>,
    form: Form,
) -> Result<Response, PageError> {
    let enabled = form.ticked("enabled");
    let says = match enabled {
        true => "Enabled. What is sent to it is taken again.",
        false => "Disabled. What is sent to it is answered 403.",
    };
    let wish = Ok(json!({ "enabled": enabled }));
    update(&state, &viewer, (service, id), wish, form, says).await
}

/// `POST /services/{id}/integrations/{int}/secret`
pub(super) async fn set_secret(
    State(state): State<AppState>,
    viewer: Viewer,
    Path((Id(service), Id(id))): Path<(ids::Service, ids::Integration)>,
    form: Form,
) -> Result<Response, PageError> {
    let at = (service, id);
    match form.text("do") {
        "remove" => {
            let wish = Ok(json!({ "signatureSecret": null }));
            update(&state, &viewer, at, wish, form, "The signature secret was removed.").await
        }
        "generate" => {
            let secret = state.token();
            let wish = from_value(json!({ "signatureSecret": secret }))?;
            actions::update(&state, &viewer.caller, at, wish).await?;
            let told = Told {
                id: Some(id),
                secret: Some(secret),
                ..Told::default()
            };
            // Shown in the answer itself, and nowhere else ever again.
            let page = page(&state, &viewer, service, told).await?;
            viewer.page(&page)
        }
        _ => {
            let wish = match form.given("secret") {
                Some(secret) => Ok(json!({ "signatureSecret": secret })),
                None => Err(ApiError::invalid("secret", "must not be empty; or generate one")),
            };
            let says = "The signature secret was set. Requests without a valid signature are answered 401.";
            update(&state, &viewer, at, wish, form, says).await
        }
    }
}

/// `POST /services/{id}/integrations/{int}/rotate-key`
pub(super) async fn rotate_key(
    State(state): State<AppState>,
    viewer: Viewer,
    Path((Id(service), Id(id))): Path<(ids::Service, ids::Integration)>,
) -> Result<Response, PageError> {
    match actions::rotate_key(&state, &viewer.caller, (service, id)).await {
        Ok(_) => Ok(done(&card_path(service, id), "The integration has a new key.")),
        Err(error) => refused(&card_path(service, id), error),
    }
}

/// `POST /services/{id}/integrations/{int}/test`
pub(super) async fn send_test(
    State(state): State<AppState>,
    viewer: Viewer,
    Path((Id(service), Id(id))): Path<(ids::Service, ids::Integration)>,
) -> Result<Response, PageError> {
    let _ = &viewer;
    let answer = actions::send_test(&state, (service, id)).await?;
    let path = card_path(service, id);
    if (200..300).contains(&answer.status) {
        let says =
            "The test event went the whole way. It opened a test incident, which pages nobody and closes itself.";
        return Ok(done(&path, says));
    }
    let why = answer.body["error"]["message"].as_str().unwrap_or("it was refused");
    let says = format!("The test event was answered {}: {why}", answer.status);
    refused(&path, ApiError::invalid_request(says))
}

/// `POST /services/{id}/integrations/{int}/delete`
pub(super) async fn delete(
    State(state): State<AppState>,
    viewer: Viewer,
    Path((Id(service), Id(id))): Path<(ids::Service, ids::Integration)>,
) -> Result<Response, PageError> {
    let path = format!("/services/{service}/integrations");
    match actions::delete(&state, &viewer.caller, (service, id)).await {
        Ok(()) => Ok(done(&path, "The integration was deleted.")),
        Err(error) => refused(&path, error),
    }
}
