//! `/settings/sign-in`: the OpenID provider by which people sign in.

use axum::{extract::State, response::Response};
use jiff::Timestamp;
use serde_json::{Map, Value, json};

use crate::{
    api::{
        error::ApiError,
        extract::from_value,
        settings::sign_in::{self as settings, SignInBody, SignInWish},
    },
    pages::{
        PageError, choices,
        form::{Form, Wrong},
        meanwhile::Editing,
        viewer::{Viewer, done, refused},
    },
    state::AppState,
    views::{Section, SignInSettings},
};

const PATH: &str = "/settings/sign-in";
/// The names of fields as the API knows them, and as the form does.
const NAMES: [(&str, &str); 4] = [
    ("clientId", "client_id"),
    ("clientSecret", "client_secret"),
    ("emailDomains", "domains"),
    ("admitUnknown", "admit"),
];

/// What is saved, as the form would have it.
fn known(body: &SignInBody) -> Form {
    let text = |text: &Option<String>| text.clone().unwrap_or_default();
    let ticked = |is: bool| if is { "on" } else { "" }.to_owned();
    Form::of([
        ("issuer".to_owned(), text(&body.issuer)),
        ("client_id".to_owned(), text(&body.client_id)),
        ("name".to_owned(), text(&body.name)),
        ("domains".to_owned(), body.email_domains.join(", ")),
        ("admit".to_owned(), ticked(body.admit_unknown)),
        ("role".to_owned(), body.role.0.word().to_owned()),
        ("passwords".to_owned(), ticked(body.passwords_allowed)),
    ])
}

/// What is typed, as the body of the API.
fn as_body(form: &Form) -> Value {
    let domains = form.text("domains").split([',', ';', ' ', '\n']);
    let domains: Vec<&str> = domains.map(str::trim).filter(|domain| !domain.is_empty()).collect();
    let mut body = Map::from_iter([
        ("issuer".to_owned(), json!(form.text("issuer"))),
        ("clientId".to_owned(), json!(form.text("client_id"))),
        ("name".to_owned(), json!(form.text("name"))),
        ("emailDomains".to_owned(), json!(domains)),
        ("admitUnknown".to_owned(), json!(form.ticked("admit"))),
        ("passwordsAllowed".to_owned(), json!(form.ticked("passwords"))),
    ]);
    if let Some(secret) = form.given("client_secret") {
        body.insert("clientSecret".to_owned(), secret.into());
    }
    if let Some(role) = form.given("role") {
        body.insert("role".to_owned(), role.into());
    }
    Value::Object(body)
}

fn wish(form: &Form) -> Result<SignInWish, ApiError> {
    from_value(as_body(form))
}

/// When this was saved last: where it never was, at a time before all others.
fn saved_at(body: &SignInBody) -> Timestamp {
    body.updated_at.map_or(Timestamp::UNIX_EPOCH, |at| at.0)
}

async fn page(
    state: &AppState,
    viewer: &Viewer,
    form: Option<&Form>,
    wrong: &Wrong,
) -> Result<SignInSettings, PageError> {
    let body = settings::read(state).await?;
    let saved = known(&body);
    let form = form.unwrap_or(&saved);
    Ok(SignInSettings {
        shell: viewer.shell("Sign-in", Section::Settings),
        redirect_url: body.redirect_url,
        issuer: form.field("issuer", wrong),
        client_id: form.field("client_id", wrong),
        client_secret: form.secret_field("client_secret", wrong),
        secret_saved: body.has_client_secret,
        name: form.field("name", wrong),
        domains: form.field("domains", wrong),
        admit: form.field("admit", wrong),
        role: form.select("role", wrong, choices::roles()),
        passwords: form.field("passwords", wrong),
        is_saved: body.updated_at.is_some(),
        answer: None,
        retype: false,
        refused: wrong.whole(),
    })
}

/// `GET /settings/sign-in`
pub(in crate::pages) async fn show(State(state): State<AppState>, viewer: Viewer) -> Result<Response, PageError> {
    let viewer = viewer.editing(saved_at(&settings::read(&state).await?));
    let page = page(&state, &viewer, None, &Wrong::default()).await?;
    viewer.page(&page)
}

async fn again(state: &AppState, viewer: Viewer, form: Form, error: ApiError) -> Result<Response, PageError> {
    let body = settings::read(state).await?;
    let editing = Editing {
        object: &settings::NAME,
        typed: form,
        current: known(&body),
        updated_at: saved_at(&body),
        names: &NAMES,
        as_body: &|form| Some(as_body(form)),
    };
    let (viewer, form, wrong) = viewer
        .again(state, error, editing, |error| Wrong::of_error(error, &NAMES))
        .await?;
    let page = page(state, &viewer, Some(&form), &wrong).await?;
    viewer.refused_page(&page)
}

/// `POST /settings/sign-in`
pub(in crate::pages) async fn save(
    State(state): State<AppState>,
    viewer: Viewer,
    form: Form,
) -> Result<Response, PageError> {
    let saved = match wish(&form) {
        Ok(wish) => settings::save(&state, &viewer.saving(&form), wish).await,
        Err(error) => Err(error),
    };
    match saved {
        Ok(_) => Ok(done(PATH, "Saved.")),
        Err(error) => again(&state, viewer, form, error).await,
    }
}

/// `POST /settings/sign-in/test`
pub(in crate::pages) async fn test(
    State(state): State<AppState>,
    viewer: Viewer,
    form: Form,
) -> Result<Response, PageError> {
    let said = match wish(&form) {
        Ok(wish) => settings::try_out(&state, Some(wish)).await,
        Err(error) => Err(error),
    };
    match said {
        Ok(said) => {
            let mut page = page(&state, &viewer, Some(&form), &Wrong::default()).await?;
            page.answer = Some(match said {
                Ok(words) => (true, words),
                Err(words) => (false, words),
            });
            page.retype = form.given("client_secret").is_some();
            viewer.page(&page)
        }
        Err(error) => again(&state, viewer, form, error).await,
    }
}

/// `POST /settings/sign-in/forget`
pub(in crate::pages) async fn forget(State(state): State<AppState>, viewer: Viewer) -> Result<Response, PageError> {
    match settings::forget(&state, &viewer.caller).await {
        Ok(()) => Ok(done(PATH, "The provider is forgotten.")),
        Err(error) => refused(PATH, error),
    }
}
