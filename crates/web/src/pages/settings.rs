//! `/settings/…`: notification channels and API keys. Outbound webhooks are beside it.

pub(super) mod channel;
mod fields;
mod pastes;
pub(super) mod rooms;
pub(super) mod sign_in;
pub(super) mod slack;
pub(super) mod system;
mod words;

use axum::{
    extract::State,
    response::{Redirect, Response},
};
use opsknight_store::{api_keys, db::Tx, listing::Part};
use serde_json::{Value, json};

use super::{
    PageError,
    form::{Form, Wrong},
    viewer::{Viewer, done, refused},
};
use crate::{
    api::{
        api_keys as keys,
        error::ApiError,
        extract::{Path, from_value},
        scope::Scope,
        wire::{Id, ids},
    },
    state::AppState,
    views::{ApiKeyRow, ApiKeys, Checks, Choice, Field, Section},
};

/// `GET /settings`: the first of its pages.
pub(super) async fn first() -> Redirect {
    Redirect::to("/settings/notifications")
}

/// `GET /settings/api-keys`
pub(super) async fn api_keys(State(state): State<AppState>, viewer: Viewer) -> Result<Response, PageError> {
    let page = keys_page(&state, &viewer, None, &Form::default(), &Wrong::default()).await?;
    viewer.page(&page)
}

async fn keys_page(
    state: &AppState,
    viewer: &Viewer,
    made: Option<(String, String)>,
    form: &Form,
    wrong: &Wrong,
) -> Result<ApiKeys, ApiError> {
    let unit = async move |tx: &mut Tx<'_>| api_keys::list(tx, Part::ALL).await;
    let (mut rows, _) = state.store.db.read(unit).await?;
    rows.sort_by_key(|row| std::cmp::Reverse((row.created_at, row.id)));
    let row = |row: api_keys::ApiKeyRow| {
        let maker = row.created_by.as_deref().and_then(|id| id.parse().ok());
        ApiKeyRow {
            id: row.id.to_string(),
            name: row.name,
            prefix: format!("{}…{}", api_keys::KEY_PREFIX, row.hint),
            scopes: row.scopes,
            by: maker
                .map_or("a program", |id| viewer.directory().user_name(id))
                .to_owned(),
            created: viewer.times(row.created_at),
            used: row.last_used_at.map(|at| viewer.times(at)),
            expires: row.expires_at.map(|at| viewer.times(at)),
            is_over: row.expires_at.is_some_and(|at| at <= viewer.now),
        }
    };
    let chosen = form.all("scopes");
    let choice = |scope: Scope| {
        let word = scope.word();
        Choice::new(word, format!("{word}: {}", allows(scope))).chosen(chosen.contains(&word))
    };
    let group = |(name, scopes): &(&'static str, &[Scope])| {
        let options = scopes.iter().map(|scope| choice(*scope));
        let field = Field {
            id: format!("scopes-{}", name.to_lowercase().replace(' ', "-")),
            ..Field::new("scopes")
        };
        (*name, Checks::new(field, options))
    };
    Ok(ApiKeys {
        shell: viewer.shell("API keys", Section::Settings),
        rows: rows.into_iter().map(row).collect(),
        made,
        name: form.field("name", wrong),
        scopes: SCOPES.iter().map(group).collect(),
        scopes_error: form.field("scopes", wrong).with(""),
        expires: form.field("expires", wrong),
    })
}

/// The scopes by what they are about.
const SCOPES: [(&str, &[Scope]); 5] = [
    ("Alerts", &[Scope::EventsWrite]),
    ("Incidents", &[Scope::IncidentsRead, Scope::IncidentsWrite]),
    (
        "Services and on-call",
        &[
            Scope::ServicesRead,
            Scope::ServicesWrite,
            Scope::PoliciesRead,
            Scope::PoliciesWrite,
            Scope::SchedulesRead,
            Scope::SchedulesWrite,
        ],
    ),
    (
        "People",
        &[Scope::TeamsRead, Scope::TeamsWrite, Scope::UsersRead, Scope::UsersWrite],
    ),
    (
        "Administration",
        &[Scope::SettingsRead, Scope::SettingsWrite, Scope::AuditRead],
    ),
];

/// What a scope allows, in words.
const fn allows(scope: Scope) -> &'static str {
    match scope {
        Scope::EventsWrite => "send events",
        Scope::IncidentsRead => "see incidents and what was sent about them",
        Scope::IncidentsWrite => "open incidents and work on them",
        Scope::ServicesRead => "see services, integrations and what came in",
        Scope::ServicesWrite => "change services, integrations and maintenance",
        Scope::SchedulesRead => "see schedules and who is on call",
        Scope::SchedulesWrite => "change schedules and overrides",
        Scope::UsersRead => "see people",
        Scope::UsersWrite => "change people and how they are reached",
        Scope::TeamsRead => "see teams",
        Scope::TeamsWrite => "change teams",
        Scope::PoliciesRead => "see escalation policies",
        Scope::PoliciesWrite => "change escalation policies",
        Scope::SettingsRead => "see settings, webhooks and API keys",
        Scope::SettingsWrite => "change settings, webhooks and API keys",
        Scope::AuditRead => "see who changed what",
    }
}

/// A call that works with a key of these scopes.
fn call(state: &AppState, key: &str, scopes: &[String]) -> String {
    let reads = [
        (Scope::IncidentsRead, "incidents"),
        (Scope::ServicesRead, "services"),
        (Scope::SchedulesRead, "schedules"),
        (Scope::PoliciesRead, "escalation-policies"),
        (Scope::TeamsRead, "teams"),
        (Scope::UsersRead, "users"),
        (Scope::SettingsRead, "webhooks"),
        (Scope::AuditRead, "audit-log"),
    ];
    let has = |scope: Scope| scopes.iter().any(|word| word == scope.word());
    let base = state.public_url.as_str().trim_end_matches('/');
    let head = format!("curl -H 'Authorization: Bearer {key}'");
    if let Some((_, path)) = reads.iter().find(|(scope, _)| has(*scope)) {
        return format!("{head} '{base}/api/{path}?limit=5'");
    }
    if has(Scope::EventsWrite) {
        return format!(
            "{head} -H 'Content-Type: application/json' '{base}/api/events' -d '{{\"service_id\": \"svc_…\", \
             \"event_action\": \"trigger\", \"payload\": {{\"summary\": \"Disk full\", \"source\": \"web-01\", \
             \"severity\": \"warning\"}}}}'"
        );
    }
    format!("{head} '{base}/api/openapi.json'")
}

/// What is typed, as the body of the API. A key that ends on a date works on that day.
fn as_body(form: &Form, viewer: &Viewer) -> Result<Value, ApiError> {
    let expires = match form.given("expires") {
        None => Value::Null,
        Some(date) => {
            let date: Option<jiff::civil::Date> = date.parse().ok();
            let after = date.and_then(|date| date.tomorrow().ok()?.to_zoned_datetime(viewer.zone.clone()).ok());
            let after = after.ok_or_else(|| ApiError::invalid("expires", "must be a date, such as 2026-12-31"))?;
            after.timestamp().to_string().into()
        }
    };
    Ok(json!({ "name": form.text("name"), "scopes": form.all("scopes"), "expiresAt": expires }))
}

/// `POST /settings/api-keys`
pub(super) async fn create_key(
    State(state): State<AppState>,
    viewer: Viewer,
    form: Form,
) -> Result<Response, PageError> {
    let made = match as_body(&form, &viewer).and_then(from_value) {
        Ok(new) => keys::create(&state, &viewer.caller, new).await,
        Err(error) => Err(error),
    };
    match made {
        Ok(made) => {
            // Shown in the answer itself, and nowhere else ever again.
            let scopes: Vec<String> = form.all("scopes").into_iter().map(str::to_owned).collect();
            let made = (made.key.clone(), call(&state, &made.key, &scopes));
            let page = keys_page(&state, &viewer, Some(made), &Form::default(), &Wrong::default()).await?;
            viewer.page(&page)
        }
        Err(error) => {
            let wrong = Wrong::of_error(error, &[("expiresAt", "expires")])?;
            let page = keys_page(&state, &viewer, None, &form, &wrong).await?;
            viewer.refused_page(&page)
        }
    }
}

/// `POST /settings/api-keys/{id}/delete`
pub(super) async fn delete_key(
    State(state): State<AppState>,
    viewer: Viewer,
    Path(Id(id)): Path<ids::ApiKey>,
) -> Result<Response, PageError> {
    match keys::delete(&state, &viewer.caller, id).await {
        Ok(()) => Ok(done("/settings/api-keys", "The API key was revoked.")),
        Err(error) => refused("/settings/api-keys", error),
    }
}
