//! Who may do what: the one table of every route with the scope and the role that it asks for, and the gate that asks.
//!
//! A route that is not in the table is answered to nobody. A test compares the table with the routes there are.

use axum::{
    extract::{FromRequestParts, MatchedPath, Request, State},
    middleware::Next,
    response::{IntoResponse, Response},
};
use http::{Method, request};
use jiff::Timestamp;
use opsknight_domain::{directory::Role, id::UserId, incident::Actor};
use tracing::error;

use super::{error::ApiError, extract::path_texts};
use crate::{
    auth,
    state::{AppState, Peer},
};

pub use super::{
    rules::{Need, RULES, Rule},
    scope::Scope,
};

/// A person who is signed in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Person {
    /// Who.
    pub id: UserId,
    /// Their name.
    pub name: String,
    /// Their mail address.
    pub email: String,
    /// What they may do.
    pub role: Role,
    /// The zone in which they read times: an IANA name.
    pub time_zone: String,
}

/// A program with an API key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Key {
    /// The record's identity.
    pub id: opsknight_domain::id::ApiKeyId,
    /// Its name.
    pub name: String,
    /// What it may do.
    pub scopes: Vec<Scope>,
}

/// Who calls: the gate has let them through. Every handler behind it can ask for one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Caller {
    /// Who.
    pub who: Who,
    /// From which address, where that is known.
    pub ip: Option<std::net::IpAddr>,
    /// This very call has put off the end of their session, so their browser is to keep its cookie for longer too.
    pub prolonged: bool,
    /// When that last changed which they mean to change, as far as they know; none where they do not care.
    pub expects: Option<Timestamp>,
}

/// A person or a program.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Who {
    /// By a session.
    Person(Person),
    /// By an API key.
    Key(Key),
}

impl Caller {
    /// As the timeline and the audit log name them.
    #[must_use]
    pub fn actor(&self) -> Actor {
        match &self.who {
            Who::Person(person) => Actor::User {
                id: person.id,
                name: person.name.clone(),
            },
            Who::Key(key) => Actor::ApiKey { name: key.name.clone() },
        }
    }

    /// The person, where it is one.
    #[must_use]
    pub const fn person(&self) -> Option<&Person> {
        match &self.who {
            Who::Person(person) => Some(person),
            Who::Key(_) => None,
        }
    }

    /// Whether an administrator's work may be done: by an administrator, or by a key that got past the gate with its
    /// scope.
    #[must_use]
    pub fn is_admin(&self) -> bool {
        match &self.who {
            Who::Person(person) => person.role == Role::Admin,
            Who::Key(_) => true,
        }
    }

    /// Whether they may also do what asks for this role, or this scope; for what not everybody may do who gets past
    /// the gate of a route.
    ///
    /// # Errors
    /// 403, saying what is lacking.
    pub fn must(&self, role: Role, scope: Scope) -> Result<(), ApiError> {
        permits(Need::Role(role, scope), &self.who, None)
    }

    /// The same, who last saw what they change as it was at that time. Where it has changed since, it is not changed.
    #[must_use]
    pub fn expecting(&self, seen: Option<Timestamp>) -> Self {
        Self {
            expects: seen,
            ..self.clone()
        }
    }

    /// The identity for the audit log.
    #[must_use]
    pub fn id(&self) -> String {
        match &self.who {
            Who::Person(person) => person.id.to_string(),
            Who::Key(key) => key.id.to_string(),
        }
    }
}

impl FromRequestParts<AppState> for Caller {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut request::Parts, _state: &AppState) -> Result<Self, ApiError> {
        parts
            .extensions
            .get::<Self>()
            .cloned()
            .ok_or_else(ApiError::unauthorized)
    }
}

/// The same for what anybody may see, such as the page to sign in: nobody, or who it is.
#[derive(Debug, Clone)]
pub struct MaybeCaller(pub Option<Caller>);

impl FromRequestParts<AppState> for MaybeCaller {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut request::Parts, state: &AppState) -> Result<Self, ApiError> {
        match auth::caller(&parts.headers, peer(&parts.extensions), state).await {
            Ok(caller) => Ok(Self(Some(caller))),
            Err(error) if error.status() == http::StatusCode::UNAUTHORIZED => Ok(Self(None)),
            Err(error) => Err(error),
        }
    }
}

/// Lets a call through to its handler, or answers in its place. `None` stands for a path that exists without this
/// method: the router says so itself.
async fn admit(request: Request, state: &AppState) -> Result<Request, ApiError> {
    let Some(path) = request.extensions().get::<MatchedPath>() else {
        return Ok(request);
    };
    let need = match rule(request.method(), path.as_str()) {
        Ok(need) => need,
        Err(Missing::Method) => return Ok(request),
        Err(Missing::Path) => {
            error!(http.route = path.as_str(), "a route is not in the access table");
            return Err(ApiError::forbidden("this is not open to anybody"));
        }
    };
    let (mut parts, body) = request.into_parts();
    if need != Need::Nothing {
        let caller = auth::caller(&parts.headers, peer(&parts.extensions), state).await?;
        let own = match need {
            Need::Own(_) => path_texts(&mut parts, state).await?.first().cloned(),
            Need::Nothing | Need::SignedIn(_) | Need::Role(..) => None,
        };
        permits(need, &caller.who, own.as_deref())?;
        parts.extensions.insert(caller);
    }
    Ok(Request::from_parts(parts, body))
}

/// The gate before the API.
pub(crate) async fn gate(State(state): State<AppState>, request: Request, next: Next) -> Response {
    match admit(request, &state).await {
        Ok(request) => next.run(request).await,
        Err(error) => error.into_response(),
    }
}

/// The gate before pages: whoever is not signed in is sent to do that, and comes back.
pub(crate) async fn page_gate(State(state): State<AppState>, request: Request, next: Next) -> Response {
    let (method, target) = (request.method().clone(), request.uri().clone());
    match admit(request, &state).await {
        Ok(request) => {
            let prolonged = request
                .extensions()
                .get::<Caller>()
                .is_some_and(|caller| caller.prolonged);
            let token = prolonged.then(|| auth::session_token(request.headers(), &state));
            let mut response = next.run(request).await;
            // What was refused before the page's own code could say so.
            if let Some(error) = response.extensions_mut().remove::<ApiError>() {
                response = crate::pages::PageError::from(error).into_response();
            }
            if let Some(token) = token.flatten() {
                auth::prolong(&mut response, token, &state);
            }
            response
        }
        Err(error) if error.status() == http::StatusCode::UNAUTHORIZED => auth::to_login(&method, &target),
        Err(error) => crate::pages::PageError::from(error).into_response(),
    }
}

fn peer(extensions: &http::Extensions) -> Option<std::net::IpAddr> {
    extensions.get::<Peer>().map(|peer| peer.0)
}

enum Missing {
    Path,
    Method,
}

fn rule(method: &Method, path: &str) -> Result<Need, Missing> {
    let method = if *method == Method::HEAD { &Method::GET } else { method };
    let mut missing = Missing::Path;
    for rule in RULES.iter().filter(|rule| rule.path == path) {
        if rule.method == method.as_str() {
            return Ok(rule.need);
        }
        missing = Missing::Method;
    }
    Err(missing)
}

/// Decides whether somebody may do what a rule asks for. `own` is the person that the path names.
fn permits(need: Need, who: &Who, own: Option<&str>) -> Result<(), ApiError> {
    let (role, scope, own) = match need {
        Need::Nothing => return Ok(()),
        Need::SignedIn(role) => (role, None, None),
        Need::Role(role, scope) => (role, Some(scope), None),
        Need::Own(scope) => (Role::Admin, Some(scope), own),
    };
    match who {
        Who::Person(person) if person.role >= role || own == Some(person.id.to_string().as_str()) => Ok(()),
        Who::Person(_) => Err(ApiError::forbidden(format!("this needs the role {}", role.word()))),
        Who::Key(key) => match scope {
            Some(scope) if key.scopes.contains(&scope) => Ok(()),
            Some(scope) => Err(ApiError::forbidden(format!(
                "the API key lacks the scope {}",
                scope.word()
            ))),
            None => Err(ApiError::forbidden("API keys are not for pages")),
        },
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use opsknight_domain::id::ApiKeyId;
    use uuid::Uuid;

    use super::*;

    fn person(role: Role) -> Who {
        Who::Person(Person {
            id: UserId::new(Uuid::from_u128(1)),
            name: "Jane".into(),
            email: "jane@example.com".into(),
            role,
            time_zone: "UTC".into(),
        })
    }

    fn key(scopes: &[Scope]) -> Who {
        Who::Key(Key {
            id: ApiKeyId::new(Uuid::from_u128(2)),
            name: "CI".into(),
            scopes: scopes.to_vec(),
        })
    }

    fn may(need: Need, who: &Who) -> bool {
        permits(need, who, Some(&UserId::new(Uuid::from_u128(1)).to_string())).is_ok()
    }

    #[test]
    fn no_route_stands_twice_in_the_table() {
        let mut seen = HashSet::new();
        for rule in RULES {
            assert!(seen.insert((rule.method, rule.path)), "{} {}", rule.method, rule.path);
        }
    }

    /// What can be tried out; what it does for real is asked for besides.
    const DRY_RUNS: [&str; 3] = [
        "/api/services/{id}/integrations/{integrationId}/preview",
        "/api/events/log/{id}/replay",
        "/api/schedules/preview",
    ];

    #[test]
    fn reading_is_open_to_every_role_and_writing_is_not() {
        for rule in RULES {
            match rule.need {
                // A dry run is a POST for its body and writes nothing; still it is the work of responders.
                Need::Role(role, scope) if DRY_RUNS.contains(&rule.path) => {
                    assert_eq!(role, Role::Responder, "{}", rule.path);
                    assert!(scope.word().ends_with(":read"), "{}", rule.path);
                }
                Need::Role(role, scope) => {
                    let reads = rule.method == "GET";
                    assert_eq!(reads, role == Role::User, "{} {}", rule.method, rule.path);
                    assert_eq!(reads, scope.word().ends_with(":read"), "{} {}", rule.method, rule.path);
                }
                Need::Own(scope) => assert!(scope.word().ends_with(":write"), "{} {}", rule.method, rule.path),
                Need::Nothing | Need::SignedIn(_) => {}
            }
        }
    }

    #[test]
    fn a_person_may_by_role_and_a_program_by_scope() {
        let write = Need::Role(Role::Responder, Scope::IncidentsWrite);
        assert!(may(write, &person(Role::Admin)) && may(write, &person(Role::Responder)));
        assert!(!may(write, &person(Role::User)));
        assert!(may(write, &key(&[Scope::IncidentsWrite])));
        assert!(!may(write, &key(&[Scope::IncidentsRead])) && !may(write, &key(&[])));
        assert!(!may(Need::SignedIn(Role::User), &key(&Scope::ALL)));
    }

    #[test]
    fn everybody_may_change_what_is_their_own() {
        let own = Need::Own(Scope::UsersWrite);
        assert!(may(own, &person(Role::User)));
        assert!(permits(own, &person(Role::User), Some("usr_somebody")).is_err());
        assert!(permits(own, &person(Role::Admin), Some("usr_somebody")).is_ok());
    }
}
