//! The OpenID Connect protocol (Core 1.0, Discovery 1.0; PKCE, RFC 7636): where somebody is sent, and what the code
//! with which they come back says of them. The calls themselves are the server's to make. Who is let in is decided in
//! `admission`.

use std::{
    pin::Pin,
    time::{Duration, SystemTime},
};

use jiff::{SignedDuration, Timestamp};
use openidconnect::{
    AccessTokenHash, AsyncHttpClient, AuthType, AuthorizationCode, ClientId, ClientSecret, CsrfToken, HttpRequest,
    HttpResponse, IssuerUrl, Nonce, OAuth2TokenResponse as _, PkceCodeChallenge, PkceCodeVerifier, RedirectUrl, Scope,
    TokenResponse as _,
    core::{
        CoreAuthenticationFlow, CoreClient, CoreClientAuthMethod, CoreIdTokenClaims, CoreProviderMetadata,
        CoreUserInfoClaims,
    },
};
use opsknight_domain::delivery::DeliveryError;
use serde::{Deserialize, Serialize};
use tracing::warn;
use url::Url;

use super::admission::Claims;
use crate::{
    api::settings::sign_in::{CALLBACK, SignIn},
    state::AppState,
};

/// How long somebody may take at the provider.
pub(crate) const AWAY_MAX: SignedDuration = SignedDuration::from_mins(10);
/// Longest answer of a provider that is quoted, in characters.
const QUOTED_CHARS_MAX: usize = 300;

/// What a provider says of itself, or why it cannot be used, as a sentence.
pub(crate) type Said = Result<String, String>;

/// What must be known when somebody comes back. It lies sealed in the database meanwhile.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Errand {
    /// What comes back with them.
    pub(crate) state: String,
    /// What stands in their token.
    nonce: String,
    /// What proves that it was us who sent them.
    verifier: String,
    /// For which issuer: another one's answer is not taken.
    issuer: String,
    /// Where they go afterwards, a path of ours.
    pub(crate) next: String,
}

/// A call that failed, as the protocol's library wants it.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
struct CallError(DeliveryError);

/// Makes calls by way of the server.
struct Calls(AppState);

impl<'c> AsyncHttpClient<'c> for Calls {
    type Error = CallError;
    type Future = Pin<Box<dyn Future<Output = Result<HttpResponse, CallError>> + Send + 'c>>;

    fn call(&'c self, request: HttpRequest) -> Self::Future {
        Box::pin(async move { self.0.providers.call_openid(request).await.map_err(CallError) })
    }
}

/// The innermost reason of a failure, short enough to be shown.
fn why(error: &(dyn std::error::Error + 'static)) -> String {
    let mut words = error.to_string();
    let mut cause = error;
    while let Some(source) = cause.source() {
        cause = source;
        words = format!("{words}: {cause}");
    }
    let plain = words.chars().map(|c| if c.is_control() { ' ' } else { c });
    plain.take(QUOTED_CHARS_MAX).collect()
}

async fn discover(state: &AppState, settings: &SignIn) -> Result<CoreProviderMetadata, String> {
    let issuer = IssuerUrl::new(settings.issuer.clone()).map_err(|error| why(&error))?;
    CoreProviderMetadata::discover_async(issuer, &Calls(state.clone()))
        .await
        .map_err(|error| why(&error))
}

/// Asks a provider what it says of itself.
pub(crate) async fn look(state: &AppState, settings: &SignIn) -> Said {
    let found = discover(state, settings).await?;
    let Some(token) = found.token_endpoint() else {
        return Err("it names no token endpoint, so no code can be exchanged".to_owned());
    };
    let keys = found.jwks().keys().len();
    Ok(format!(
        "{} sends people to {}, exchanges codes at {} and signs with {keys} {}",
        found.issuer().as_str(),
        found.authorization_endpoint().as_str(),
        token.as_str(),
        if keys == 1 { "key" } else { "keys" },
    ))
}

/// Where somebody is sent, and what must be known when they come back.
///
/// # Errors
/// Why nobody can be sent there now, for the log.
pub(crate) async fn set_out(state: &AppState, settings: &SignIn, next: &str) -> Result<(Url, Errand), String> {
    let found = discover(state, settings).await?;
    let errand = Errand {
        state: state.token(),
        nonce: state.token(),
        verifier: state.token(),
        issuer: settings.issuer.clone(),
        next: next.to_owned(),
    };
    let redirect = RedirectUrl::new(state.link(CALLBACK)).map_err(|error| why(&error))?;
    let client = CoreClient::from_provider_metadata(found, ClientId::new(settings.client_id.clone()), None)
        .set_redirect_uri(redirect);
    let (along, nonce) = (errand.state.clone(), errand.nonce.clone());
    let challenge = PkceCodeChallenge::from_code_verifier_sha256(&PkceCodeVerifier::new(errand.verifier.clone()));
    let (url, _, _) = client
        .authorize_url(
            CoreAuthenticationFlow::AuthorizationCode,
            move || CsrfToken::new(along),
            move || Nonce::new(nonce),
        )
        .add_scope(Scope::new("email".to_owned()))
        .add_scope(Scope::new("profile".to_owned()))
        .set_pkce_challenge(challenge)
        .url();
    Ok((url, errand))
}

/// How we say who we are when a code is exchanged: in the header, unless the provider takes it in the body only.
fn auth_type(found: &CoreProviderMetadata) -> AuthType {
    let takes = |wanted: &CoreClientAuthMethod| {
        let known = found.token_endpoint_auth_methods_supported();
        known.is_some_and(|methods| methods.contains(wanted))
    };
    let basic = takes(&CoreClientAuthMethod::ClientSecretBasic);
    let post = takes(&CoreClientAuthMethod::ClientSecretPost);
    if post && !basic {
        AuthType::RequestBody
    } else {
        AuthType::BasicAuth
    }
}

/// What the code says of somebody who came back.
///
/// # Errors
/// Why it says nothing that can be believed, for the log.
pub(crate) async fn come_back(
    state: &AppState,
    settings: &SignIn,
    errand: Errand,
    code: String,
    now: Timestamp,
) -> Result<Claims, String> {
    if errand.issuer != settings.issuer {
        return Err("the provider was changed meanwhile".to_owned());
    }
    let found = discover(state, settings).await?;
    let auth_type = auth_type(&found);
    let secret = settings
        .secret()
        .map(|secret| ClientSecret::new(secret.expose().to_owned()));
    let redirect = RedirectUrl::new(state.link(CALLBACK)).map_err(|error| why(&error))?;
    let client = CoreClient::from_provider_metadata(found, ClientId::new(settings.client_id.clone()), secret)
        .set_auth_type(auth_type)
        .set_redirect_uri(redirect);
    let http = Calls(state.clone());
    let request = client
        .exchange_code(AuthorizationCode::new(code))
        .map_err(|error| why(&error))?
        .set_pkce_verifier(PkceCodeVerifier::new(errand.verifier));
    let tokens = request.request_async(&http).await.map_err(|error| why(&error))?;
    let id_token = tokens.id_token().ok_or("it sent no ID token")?;
    let at = SystemTime::UNIX_EPOCH + Duration::from_secs(u64::try_from(now.as_second()).unwrap_or_default());
    let verifier = client.id_token_verifier().set_time_fn(move || at.into());
    let nonce = Nonce::new(errand.nonce);
    let claims: &CoreIdTokenClaims = id_token.claims(&verifier, &nonce).map_err(|error| why(&error))?;
    if let Some(expected) = claims.access_token_hash() {
        let alg = id_token.signing_alg().map_err(|error| why(&error))?;
        let key = id_token.signing_key(&verifier).map_err(|error| why(&error))?;
        let actual = AccessTokenHash::from_token(tokens.access_token(), alg, key).map_err(|error| why(&error))?;
        if actual != *expected {
            return Err("its access token is not the one that its ID token names".to_owned());
        }
    }
    let told = Claims {
        subject: claims.subject().as_str().to_owned(),
        email: claims.email().map(|email| email.as_str().to_owned()),
        email_verified: claims.email_verified() == Some(true),
        name: claims
            .name()
            .and_then(|name| name.get(None))
            .map(|name| name.as_str().to_owned()),
    };
    if told.email.is_some() {
        return Ok(told);
    }
    // Many tell no more than the subject in the token, and the rest when they are asked (Core 1.0, section 5.4).
    let subject = Some(claims.subject().clone());
    let Ok(request) = client.user_info(tokens.access_token().clone(), subject) else {
        return Ok(told);
    };
    let asked: Result<CoreUserInfoClaims, _> = request.request_async(&http).await;
    let more = match asked {
        Ok(more) => more,
        Err(error) => {
            warn!(
                why = why(&error),
                "the provider says no more of somebody than who they are"
            );
            return Ok(told);
        }
    };
    Ok(Claims {
        email: more.email().map(|email| email.as_str().to_owned()),
        email_verified: more.email_verified() == Some(true),
        name: more
            .name()
            .and_then(|name| name.get(None))
            .map(|name| name.as_str().to_owned())
            .or(told.name),
        subject: told.subject,
    })
}
