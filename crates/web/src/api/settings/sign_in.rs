//! `/api/settings/sign-in`: the OpenID provider by which people sign in, and whether passwords are allowed besides.
//!
//! The client secret is written and never read back. What a provider is asked is `auth::openid`'s business.

use std::collections::BTreeSet;

use axum::extract::State;
use http::StatusCode;
use jiff::Timestamp;
use opsknight_domain::directory::Role;
use opsknight_store::{Store, db::Tx, secret::Secret, settings};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use url::{Host, Url};
use utoipa::ToSchema;
use utoipa_axum::{router::OpenApiRouter, routes};

use crate::{
    api::{
        access::Caller,
        change::{Change, Object},
        check,
        error::{ApiError, ErrorBody, Problems},
        extract::Json,
        wire::{Time, Word, words},
    },
    auth::openid,
    state::AppState,
};

/// Under which name the settings are stored.
pub(crate) const NAME: &str = "sign_in";
/// What the object is called in the audit log.
const OBJECT: &str = "Sign-in";
/// Most mail domains that can be listed.
const DOMAINS_MAX: usize = 50;
/// Longest client ID or secret, in characters.
const CLIENT_CHARS_MAX: usize = 500;
/// The path that providers send people back to; they want to be told of it beforehand.
pub(crate) const CALLBACK: &str = "/login/oidc/callback";

/// The settings as they are stored, sealed as a whole.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct SignIn {
    /// Where the provider is: discovery begins there.
    pub(crate) issuer: String,
    /// As whom it knows us.
    pub(crate) client_id: String,
    /// How we prove that; a public client has none.
    client_secret: Option<String>,
    /// What the button says after "Sign in with".
    pub(crate) name: String,
    /// The domains of mail addresses that are let in; empty: all.
    pub(crate) domains: BTreeSet<String>,
    /// Whether people are let in who were not invited.
    pub(crate) admits: bool,
    /// The role that those are given.
    role: String,
    /// Whether people may sign in with passwords and passkeys besides.
    pub(crate) passwords: bool,
}

impl SignIn {
    /// The client secret.
    pub(crate) fn secret(&self) -> Option<Secret> {
        self.client_secret.as_ref().map(Secret::new)
    }

    /// The role of people who were not invited.
    pub(crate) fn role(&self) -> Role {
        Role::from_word(&self.role).unwrap_or(Role::User)
    }
}

/// What is saved, where anything is.
pub(crate) async fn get(tx: &mut Tx<'_>, store: &Store) -> Result<Option<SignIn>, ApiError> {
    Ok(stored(tx, store).await?.map(|(settings, _)| settings))
}

async fn stored(tx: &mut Tx<'_>, store: &Store) -> Result<Option<(SignIn, Time)>, ApiError> {
    let Some((value, at)) = settings::get(tx, &store.sealer, NAME).await? else {
        return Ok(None);
    };
    match serde_json::from_value(value) {
        Ok(settings) => Ok(Some((settings, Time(at)))),
        Err(_) => {
            tracing::error!("the setting {NAME} is not of its form");
            Err(ApiError::internal())
        }
    }
}

/// Whether people who are no administrators may sign in with passwords and passkeys.
pub(crate) async fn passwords_allowed(tx: &mut Tx<'_>, store: &Store) -> Result<bool, ApiError> {
    Ok(get(tx, store).await?.is_none_or(|settings| settings.passwords))
}

/// What is saved, where anything is, in a unit of work of its own.
pub(crate) async fn current(state: &AppState) -> Result<Option<SignIn>, ApiError> {
    let store = state.store.clone();
    state
        .store
        .db
        .read(async move |tx: &mut Tx<'_>| get(tx, &store).await)
        .await
}

/// How people sign in.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
#[schema(as = SignInSettings)]
#[serde(rename_all = "camelCase")]
pub(crate) struct SignInBody {
    /// The issuer of the OpenID provider; null: there is none, and people sign in with passwords and passkeys.
    pub issuer: Option<String>,
    /// As whom the provider knows this server.
    pub client_id: Option<String>,
    /// A client secret is saved.
    pub has_client_secret: bool,
    /// What the button says after "Sign in with".
    pub name: Option<String>,
    /// The domains of mail addresses that are let in; empty: all.
    pub email_domains: Vec<String>,
    /// People are let in who were not invited.
    pub admit_unknown: bool,
    /// The role that those are given.
    #[schema(inline)]
    pub role: words::Role,
    /// People may sign in with passwords and passkeys besides. Administrators always may.
    pub passwords_allowed: bool,
    /// The address to register with the provider: it sends people back there.
    pub redirect_url: String,
    /// When this was saved.
    #[schema(inline)]
    pub updated_at: Option<Time>,
}

impl SignInBody {
    fn new(state: &AppState, stored: Option<(SignIn, Time)>) -> Self {
        let redirect_url = state.link(CALLBACK);
        let Some((settings, at)) = stored else {
            return Self {
                issuer: None,
                client_id: None,
                has_client_secret: false,
                name: None,
                email_domains: Vec::new(),
                admit_unknown: false,
                role: Word(Role::User),
                passwords_allowed: true,
                redirect_url,
                updated_at: None,
            };
        };
        Self {
            role: Word(settings.role()),
            issuer: Some(settings.issuer),
            client_id: Some(settings.client_id),
            has_client_secret: settings.client_secret.is_some(),
            name: Some(settings.name),
            email_domains: settings.domains.into_iter().collect(),
            admit_unknown: settings.admits,
            passwords_allowed: settings.passwords,
            redirect_url,
            updated_at: Some(at),
        }
    }
}

/// The settings as the audit log compares them: the secret is hidden there by its name.
fn told(settings: &SignIn) -> Value {
    serde_json::json!({
        "issuer": settings.issuer, "clientId": settings.client_id, "clientSecret": settings.client_secret,
        "name": settings.name, "emailDomains": settings.domains, "admitUnknown": settings.admits,
        "role": settings.role, "passwordsAllowed": settings.passwords,
    })
}

const fn yes() -> bool {
    true
}

/// What is to be saved, as a whole.
#[derive(Debug, Clone, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct SignInWish {
    /// The issuer of the OpenID provider, by https.
    #[schema(min_length = 8, max_length = 2048)]
    pub(crate) issuer: String,
    /// As whom the provider knows this server.
    #[schema(min_length = 1, max_length = 500)]
    pub(crate) client_id: String,
    /// The client secret. Left out or empty: what is saved stays. Null: a public client, which has none.
    #[serde(default, deserialize_with = "crate::api::wire::patch")]
    #[schema(max_length = 500, value_type = Option<String>)]
    pub(crate) client_secret: Option<Option<String>>,
    /// What the button says after "Sign in with".
    #[schema(min_length = 1, max_length = 40)]
    pub(crate) name: String,
    /// The domains of mail addresses that are let in; none: all.
    #[serde(default)]
    #[schema(max_items = 50)]
    pub(crate) email_domains: Vec<String>,
    /// People are let in who were not invited.
    #[serde(default)]
    pub(crate) admit_unknown: bool,
    /// The role that those are given; `USER` unless said.
    #[serde(default)]
    #[schema(inline)]
    pub(crate) role: Option<words::Role>,
    /// People may sign in with passwords and passkeys besides; administrators always may. `true` unless said.
    #[serde(default = "yes")]
    pub(crate) passwords_allowed: bool,
}

/// Longest name of a provider, in characters: it stands on a button.
const PROVIDER_CHARS_MAX: usize = 40;

impl SignInWish {
    /// The same as it may be stored, with the secret that is kept.
    fn checked(self, kept: Option<&SignIn>) -> Result<SignIn, ApiError> {
        let mut problems = Problems::default();
        let issuer = self.issuer.trim().to_owned();
        check_issuer(&mut problems, &issuer);
        let client_id = self.client_id.trim().to_owned();
        let long = |text: &str| text.chars().count() > CLIENT_CHARS_MAX || text.chars().any(char::is_control);
        if client_id.is_empty() || long(&client_id) {
            problems.add("clientId", format!("must have 1 to {CLIENT_CHARS_MAX} characters"));
        }
        let name = check::name(&mut problems, "name", &self.name);
        if name.chars().count() > PROVIDER_CHARS_MAX {
            problems.add("name", format!("must have at most {PROVIDER_CHARS_MAX} characters"));
        }
        // A secret is the issuer's: another one must not be sent it.
        let same = kept.filter(|kept| kept.issuer == issuer);
        let client_secret = match self.client_secret {
            None => same.and_then(|kept| kept.client_secret.clone()),
            Some(None) => None,
            Some(Some(secret)) if secret.trim().is_empty() => same.and_then(|kept| kept.client_secret.clone()),
            Some(Some(secret)) => Some(secret.trim().to_owned()),
        };
        if client_secret.as_deref().is_some_and(long) {
            problems.add(
                "clientSecret",
                format!("must have at most {CLIENT_CHARS_MAX} characters"),
            );
        }
        let domains = domains(&mut problems, &self.email_domains);
        problems.check()?;
        Ok(SignIn {
            issuer,
            client_id,
            client_secret,
            name,
            domains,
            admits: self.admit_unknown,
            role: self.role.map_or(Role::User, |Word(role)| role).word().to_owned(),
            passwords: self.passwords_allowed,
        })
    }
}

/// An issuer is reached by https (OpenID Connect Discovery 1.0, section 4), or is on this very machine.
fn check_issuer(problems: &mut Problems, text: &str) {
    let Some(url) = check::url(problems, "issuer", text) else {
        return;
    };
    let local = match url.host() {
        Some(Host::Domain(name)) => name == "localhost",
        Some(Host::Ipv4(v4)) => v4.is_loopback(),
        Some(Host::Ipv6(v6)) => v6.is_loopback(),
        None => false,
    };
    if url.scheme() != "https" && !local {
        problems.add("issuer", "must begin with https://");
    } else if url.query().is_some() || url.fragment().is_some() || has_user(&url) {
        problems.add(
            "issuer",
            "must be an address alone, without a query, a fragment or a user name",
        );
    }
}

fn has_user(url: &Url) -> bool {
    !url.username().is_empty() || url.password().is_some()
}

fn domains(problems: &mut Problems, given: &[String]) -> BTreeSet<String> {
    let trimmed = given
        .iter()
        .map(|domain| domain.trim().trim_start_matches('@').to_lowercase());
    let domains: BTreeSet<String> = trimmed.filter(|domain| !domain.is_empty()).collect();
    if domains.len() > DOMAINS_MAX {
        problems.add("emailDomains", format!("must have at most {DOMAINS_MAX} entries"));
    }
    for domain in &domains {
        // What is no domain would let nobody in, or worse.
        let mut wrong = Problems::default();
        check::email(&mut wrong, "email", &format!("x@{domain}"));
        if wrong.check().is_err() {
            problems.add(
                "emailDomains",
                format!("has {domain}, which is no domain such as example.com"),
            );
        }
    }
    domains
}

/// How people sign in, as programs see it.
pub(crate) async fn read(state: &AppState) -> Result<SignInBody, ApiError> {
    let store = state.store.clone();
    let stored = state
        .store
        .db
        .read(async move |tx: &mut Tx<'_>| stored(tx, &store).await)
        .await?;
    Ok(SignInBody::new(state, stored))
}

/// Saves how people sign in.
pub(crate) async fn save(state: &AppState, caller: &Caller, wish: SignInWish) -> Result<SignInBody, ApiError> {
    let (change, store) = (Change::new(state, caller), state.store.clone());
    let unit = async move |tx: &mut Tx<'_>| {
        change.begin(tx).await?;
        let (before, saved_at) = stored(tx, &store).await?.unzip();
        change.follows(saved_at.map_or(Timestamp::UNIX_EPOCH, |Time(at)| at))?;
        let after = wish.clone().checked(before.as_ref())?;
        let document = serde_json::to_value(&after).map_err(|_| ApiError::internal())?;
        settings::put(tx, &store.sealer, NAME, &document, change.now).await?;
        let was = before.as_ref().map_or(Value::Null, told);
        change.updated(tx, object(), &was, &told(&after)).await?;
        Ok::<_, ApiError>((after, Time(change.now)))
    };
    let stored = state.store.db.write(unit).await?;
    Ok(SignInBody::new(state, Some(stored)))
}

const fn object() -> Object<'static> {
    Object {
        kind: "setting",
        id: &NAME,
        name: OBJECT,
    }
}

/// Forgets the provider: people sign in with passwords and passkeys.
pub(crate) async fn forget(state: &AppState, caller: &Caller) -> Result<(), ApiError> {
    let change = Change::new(state, caller);
    let unit = async move |tx: &mut Tx<'_>| {
        settings::delete(tx, NAME, change.now).await?;
        change.deleted(tx, object()).await?;
        Ok(())
    };
    state.store.db.write(unit).await
}

/// Asks a provider what it says of itself. What is given is tried without being saved; else what is saved.
pub(crate) async fn try_out(state: &AppState, wish: Option<SignInWish>) -> Result<openid::Said, ApiError> {
    let kept = current(state).await?;
    let settings = match wish {
        Some(wish) => wish.checked(kept.as_ref())?,
        None => kept.ok_or_else(|| ApiError::conflict("no provider is saved yet"))?,
    };
    Ok(openid::look(state, &settings).await)
}

/// What came of asking a provider.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct SignInTrial {
    /// It answered, and can be used.
    pub ok: bool,
    /// What it says of itself, or why it cannot be used.
    pub answer: String,
}

/// How people sign in.
#[utoipa::path(
    get, path = "/api/settings/sign-in", tag = "Settings", operation_id = "getSignIn",
    responses((status = 200, body = SignInBody)),
)]
async fn show(State(state): State<AppState>) -> Result<Json<SignInBody>, ApiError> {
    Ok(Json(read(&state).await?))
}

/// Saves how people sign in, as a whole; only the client secret that is saved stays where none is given.
#[utoipa::path(
    put, path = "/api/settings/sign-in", tag = "Settings", operation_id = "putSignIn", request_body = SignInWish,
    responses((status = 200, body = SignInBody), (status = 400, body = ErrorBody)),
)]
async fn put(
    State(state): State<AppState>,
    caller: Caller,
    Json(wish): Json<SignInWish>,
) -> Result<Json<SignInBody>, ApiError> {
    Ok(Json(save(&state, &caller, wish).await?))
}

/// Forgets the provider: people sign in with passwords and passkeys.
#[utoipa::path(
    delete, path = "/api/settings/sign-in", tag = "Settings", operation_id = "deleteSignIn",
    responses((status = 204, description = "It is forgotten."), (status = 404, body = ErrorBody)),
)]
async fn remove(State(state): State<AppState>, caller: Caller) -> Result<StatusCode, ApiError> {
    forget(&state, &caller).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Asks the saved provider what it says of itself.
#[utoipa::path(
    post, path = "/api/settings/sign-in/test", tag = "Settings", operation_id = "testSignIn",
    responses(
        (status = 200, body = SignInTrial),
        (status = 409, body = ErrorBody, description = "No provider is saved yet."),
    ),
)]
async fn test(State(state): State<AppState>) -> Result<Json<SignInTrial>, ApiError> {
    let said = try_out(&state, None).await?;
    Ok(Json(match said {
        Ok(answer) => SignInTrial { ok: true, answer },
        Err(answer) => SignInTrial { ok: false, answer },
    }))
}

pub(super) fn routes() -> OpenApiRouter<AppState> {
    OpenApiRouter::new()
        .routes(routes!(show, put, remove))
        .routes(routes!(test))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn wish(issuer: &str) -> SignInWish {
        serde_json::from_value(serde_json::json!({
            "issuer": issuer, "clientId": "opsknight", "name": "Acme", "emailDomains": ["@Example.com", " "],
        }))
        .unwrap()
    }

    #[test]
    fn an_issuer_is_reached_by_https_or_on_this_machine() {
        for good in [
            "https://id.example.com",
            "https://id.example.com/realms/x",
            "http://localhost:8080",
            "http://127.0.0.1:1",
        ] {
            assert!(wish(good).checked(None).is_ok(), "{good}");
        }
        for bad in [
            "",
            "id.example.com",
            "http://id.example.com",
            "https://a:b@id.example.com",
            "https://id.example.com?x=1",
        ] {
            let error = wish(bad).checked(None).unwrap_err();
            assert!(error.fields().contains_key("issuer"), "{bad}");
        }
        assert_eq!(
            wish("https://id.example.com").checked(None).unwrap().domains,
            BTreeSet::from(["example.com".to_owned()])
        );
    }

    #[test]
    fn a_secret_is_kept_for_its_issuer_alone() {
        let mut first = wish("https://id.example.com");
        first.client_secret = Some(Some("s3cret".into()));
        let saved = first.checked(None).unwrap();
        let again = wish("https://id.example.com").checked(Some(&saved)).unwrap();
        assert_eq!(again.client_secret.as_deref(), Some("s3cret"));
        let other = wish("https://evil.example").checked(Some(&saved)).unwrap();
        assert_eq!(other.client_secret, None);
    }
}
