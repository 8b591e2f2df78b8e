//! `/services/{id}/integrations`: connecting a monitoring tool.

mod card;
mod mapping;
pub(super) mod proofs;
mod tested;

pub(super) use mapping::map_fields;

use axum::{
    extract::State,
    response::{IntoResponse as _, Redirect, Response},
};
use http::Uri;
use jiff::Timestamp;
use opsknight_domain::id::{IntegrationId, ServiceId};
use opsknight_sources::{self as sources, Category, Source};
use serde_json::{Value, json};

use super::{
    PageError,
    form::{Form, Wrong},
    meanwhile::Editing,
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
    views::{Gallery, Integrations, Previewed, Section, SourceType, TestedEvent},
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
    /// What came of the test event.
    tested: Option<TestedEvent>,
}

impl Told {
    /// Nothing but which card is open.
    fn open(id: IntegrationId) -> Self {
        Self {
            id: Some(id),
            ..Self::default()
        }
    }
}

/// `GET /services/{id}/integrations`
pub(super) async fn list(
    State(state): State<AppState>,
    viewer: Viewer,
    Path(Id(service)): Path<ids::Service>,
    uri: Uri,
) -> Result<Response, PageError> {
    let query = uri.query().unwrap_or_default().as_bytes();
    let asked = |wanted: &str| {
        let found = form_urlencoded::parse(query).find(|(name, _)| name == wanted);
        found.and_then(|(_, id)| id.parse().ok())
    };
    let new = asked("new");
    let told = Told {
        id: new.or(asked("open")),
        fresh: new.is_some(),
        ..Told::default()
    };
    let page = page(&state, &viewer, service, told).await?;
    viewer.page(&page)
}

async fn page(state: &AppState, viewer: &Viewer, service: ServiceId, told: Told) -> Result<Integrations, ApiError> {
    let (_, head) = services::head(state, viewer, service).await?;
    let (lines, open, updated_at) = card::cards(state, viewer, service, &told).await?;
    let mut shell = viewer.shell(format!("{}: integrations", head.name), Section::Services);
    shell.version = shell.version.or(updated_at.map(Timestamp::as_microsecond));
    // What leads back here leads to the page that can be got.
    shell.path = match &open {
        Some(card) => format!("/services/{service}/integrations?open={}", card.id),
        None => format!("/services/{service}/integrations"),
    };
    Ok(Integrations {
        shell,
        head,
        lines,
        open,
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
        let text = format!("{} {}", source.name, source.line).to_lowercase();
        wanted.split_whitespace().all(|word| text.contains(word))
    };
    let of = |category: Category| {
        let sources = sources::all().iter().filter(|source| source.category() == category);
        sources
            .map(|source| source_type(*source))
            .filter(fits)
            .collect::<Vec<_>>()
    };
    let groups = Category::ALL.map(|category| (category.title(), of(category)));
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
    format!("/services/{service}/integrations?open={id}#{id}")
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
    viewer: Viewer,
    (service, id): (ServiceId, IntegrationId),
    wish: Result<Value, ApiError>,
    form: Form,
    says: &str,
) -> Result<Response, PageError> {
    let updated = match wish.and_then(from_value) {
        Ok(wish) => actions::update(state, &viewer.saving(&form), (service, id), wish).await,
        Err(error) => Err(error),
    };
    match updated {
        Ok(_) => Ok(done(&card_path(service, id), says)),
        Err(error) => {
            let (current, updated_at) = card::now(state, service, id).await?;
            let editing = Editing {
                object: &id,
                typed: form,
                current,
                updated_at,
                names: &NAMES,
                as_body: &as_body,
            };
            let (viewer, form, wrong) = viewer.again(state, error, editing, wrong).await?;
            let told = Told {
                wrong,
                form,
                ..Told::open(id)
            };
            let page = page(state, &viewer, service, told).await?;
            viewer.refused_page(&page)
        }
    }
}

/// What one of the forms of a card says, as the body of the API.
fn as_body(form: &Form) -> Option<Value> {
    match form.given("rate_limit") {
        Some(_) => settings(form).ok(),
        None => Some(mapping::wish(form)),
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
    update(&state, viewer, (service, id), wish, form, "The integration was saved.").await
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
    update(&state, viewer, (service, id), wish, form, says).await
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
            update(&state, viewer, at, wish, form, "The signature secret was removed.").await
        }
        "generate" => {
            let secret = state.token();
            let wish = from_value(json!({ "signatureSecret": secret }))?;
            actions::update(&state, &viewer.caller, at, wish).await?;
            let told = Told {
                secret: Some(secret),
                ..Told::open(id)
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
            update(&state, viewer, at, wish, form, says).await
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
    let answer = actions::send_test(&state, (service, id)).await?;
    let told = Told {
        tested: Some(tested::tested(&state, &answer).await?),
        ..Told::open(id)
    };
    let page = page(&state, &viewer, service, told).await?;
    viewer.page(&page)
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
