//! Roles and scopes, on every route of the table.

use std::collections::BTreeSet;

use http::{Method, StatusCode};
use opsknight_domain::directory::Role;
use opsknight_web::api::{
    access::{Need, RULES},
    scope::Scope,
};
use serde_json::json;

use crate::harness::{App, As};

/// The path with an id in every place, of a thing that is not there.
fn filled(path: &str) -> String {
    let names = [
        ("/users/{id}", "/users/usr_01jbcf1000f4z9pkvk1c1c1c1c"),
        ("{token}", "nothing"),
        ("{file}", "nothing.css"),
        ("{channel}", "email"),
    ];
    let mut path = path.to_owned();
    for (place, value) in names {
        path = path.replace(place, value);
    }
    while let (Some(begin), Some(end)) = (path.find('{'), path.find('}')) {
        path.replace_range(begin..=end, "xyz_01jbcf1000f4z9pkvk1c1c1c1c");
    }
    path
}

fn let_in(status: StatusCode) -> bool {
    !matches!(status, StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN)
}

async fn try_route(app: &App, who: &As, method: &str, path: &str) -> StatusCode {
    let method: Method = method.parse().unwrap();
    let path = filled(path);
    let request = app.request(who, &method, &path);
    let request = match path.starts_with("/api/") {
        true => request.header("content-type", "application/json"),
        false => request.header("content-type", "application/x-www-form-urlencoded"),
    };
    app.send(request.body(axum::body::Body::empty()).unwrap())
        .await
        .status()
}

/// The role that a person needs who is not the one that the path names.
const fn wanted(need: Need) -> Option<Role> {
    match need {
        Need::Nothing => None,
        Need::SignedIn(role) | Need::Role(role, _) => Some(role),
        Need::Own(_) => Some(Role::Admin),
    }
}

/// Whether somebody was sent away to show who they are.
fn is_turned_away(status: StatusCode, path: &str) -> bool {
    match path.starts_with("/api/") {
        true => status == StatusCode::UNAUTHORIZED,
        false => status == StatusCode::SEE_OTHER,
    }
}

/// Everybody who is nobody: without a session, or with one that is not one any more, or with a key that is none.
async fn nobodies(app: &App) -> Vec<(&'static str, As)> {
    let admin = app.signed_in("Adam", Role::Admin).await;
    let (gone, disabled) = app.signed_in_as("Dora", Role::Admin).await;
    let disable = json!({ "status": "DISABLED" });
    let answer = app
        .call(&admin, Method::PATCH, &format!("/api/users/{gone}"), &disable)
        .await;
    assert_eq!(answer.status, StatusCode::OK, "{}", answer.text);
    // One that was put beside those that ended with the account.
    let beside = app.session_of(gone).await;
    let ended = app.signed_in("Ed", Role::Admin).await;
    app.form(&ended, "/logout", &[]).await;
    let all: Vec<&str> = Scope::ALL.iter().map(|scope| scope.word()).collect();
    let expiring = json!({ "name": "Old", "scopes": all, "expiresAt": "2026-06-01T12:00:01Z" });
    let made = app.call(&admin, Method::POST, "/api/api-keys", &expiring).await.json();
    let removed = app
        .call(
            &admin,
            Method::POST,
            "/api/api-keys",
            &json!({ "name": "Gone", "scopes": all }),
        )
        .await
        .json();
    let path = format!("/api/api-keys/{}", removed["id"].as_str().unwrap());
    assert_eq!(
        app.call(&admin, Method::DELETE, &path, &json!({})).await.status,
        StatusCode::NO_CONTENT
    );
    app.clock.advance_s(1);
    let key = |made: &serde_json::Value| As::Key(made["key"].as_str().unwrap().to_owned());
    vec![
        ("nobody", As::Nobody),
        ("no session", As::Session("0".repeat(64))),
        ("an empty session", As::Session(String::new())),
        ("somebody disabled", disabled),
        ("somebody disabled with another session", beside),
        ("somebody signed out", ended),
        ("no key", As::Key("sk_live_wrong".into())),
        ("an expired key", key(&made)),
        ("a removed key", key(&removed)),
    ]
}

#[tokio::test]
async fn every_route_turns_away_whoever_is_nobody() {
    let app = App::new().await;
    for (what, nobody) in nobodies(&app).await {
        for rule in RULES.iter().filter(|rule| wanted(rule.need).is_some()) {
            let status = try_route(&app, &nobody, rule.method, rule.path).await;
            assert!(
                is_turned_away(status, rule.path),
                "{} {}: {status} for {what}",
                rule.method,
                rule.path
            );
        }
    }
}

#[tokio::test]
async fn every_route_asks_for_its_role() {
    let app = App::new().await;
    let people = [
        (Role::User, app.signed_in("Uma", Role::User).await),
        (Role::Responder, app.signed_in("Rob", Role::Responder).await),
        (Role::Admin, app.signed_in("Ada", Role::Admin).await),
    ];
    for rule in RULES {
        let Some(wanted) = wanted(rule.need) else { continue };
        for (role, session) in &people {
            let status = try_route(&app, session, rule.method, rule.path).await;
            let expected = *role >= wanted;
            assert_eq!(
                let_in(status),
                expected,
                "{} {}: {status} for {role:?}",
                rule.method,
                rule.path
            );
            assert!(!status.is_server_error(), "{} {}: {status}", rule.method, rule.path);
        }
    }
}

#[tokio::test]
async fn every_route_of_the_api_asks_for_its_scope_and_no_other_opens_it() {
    let app = App::new().await;
    let mut keys = vec![(None, app.key(&[]).await)];
    for scope in Scope::ALL {
        keys.push((Some(scope), app.key(&[scope.word()]).await));
    }
    let all: Vec<&str> = Scope::ALL.iter().map(|scope| scope.word()).collect();
    let all = app.key(&all).await;
    for rule in RULES {
        let wanted = match rule.need {
            Need::Nothing => continue,
            Need::SignedIn(_) => None,
            Need::Role(_, scope) | Need::Own(scope) => Some(scope),
        };
        for (scope, key) in &keys {
            let status = try_route(&app, key, rule.method, rule.path).await;
            let expected = wanted.is_some() && *scope == wanted;
            assert_eq!(
                let_in(status),
                expected,
                "{} {}: {status} for {scope:?}",
                rule.method,
                rule.path
            );
            assert!(
                expected || status == StatusCode::FORBIDDEN,
                "{} {}: {status}",
                rule.method,
                rule.path
            );
        }
        let status = try_route(&app, &all, rule.method, rule.path).await;
        assert_eq!(
            let_in(status),
            wanted.is_some(),
            "a key is for no page: {} {}",
            rule.method,
            rule.path
        );
    }
}

/// What anybody may call, and what it goes by instead of who calls. The table of routes must have these and no others.
const OPEN: &[(&str, &str)] = &[
    ("GET /api/openapi.json", "says what the documentation says"),
    ("GET /assets/{file}", "files of the program"),
    ("GET /sw.js", "a file of the program"),
    ("GET /manifest.webmanifest", "a file of the program"),
    ("GET /speculation.json", "a file of the program"),
    ("GET /login", "shows a form"),
    ("POST /login", "a password, tries by account and address"),
    ("POST /logout", "ends the session that it is sent with"),
    ("GET /login/second", "a one-time token in a cookie"),
    (
        "POST /login/second",
        "a one-time token in a cookie and a code, tries by person",
    ),
    ("POST /login/passkey/start", "makes a challenge, tries by address"),
    ("POST /login/passkey/finish", "a signature over the challenge"),
    ("GET /login/oidc", "sends to the provider, tries by address"),
    (
        "GET /login/oidc/callback",
        "a one-time token in a cookie and what the provider signed",
    ),
    ("GET /forgot", "shows a form"),
    ("POST /forgot", "sends a letter to whom it is about, tries by address"),
    ("GET /setup", "a one-time token while nobody has an account"),
    ("POST /setup", "a one-time token while nobody has an account"),
    ("GET /invite/{token}", "a one-time token"),
    ("POST /invite/{token}", "a one-time token"),
    ("POST /invite/{token}/passkey/start", "a one-time token"),
    ("POST /invite/{token}/passkey/finish", "a one-time token"),
    ("GET /ack/{token}", "a signature for one person and one incident"),
    ("POST /ack/{token}", "a signature for one person and one incident"),
    ("GET /unsubscribe/{token}", "a signature for one person"),
    ("POST /unsubscribe/{token}", "a signature for one person"),
    ("POST /theme", "changes a cookie of whoever sends it"),
    ("GET /calendar/{file}", "a signature for one person and one calendar"),
];

#[test]
fn what_is_open_to_anybody_is_known_with_its_reason() {
    let table = RULES.iter().filter(|rule| rule.need == Need::Nothing);
    let table: BTreeSet<String> = table.map(|rule| format!("{} {}", rule.method, rule.path)).collect();
    let known: BTreeSet<String> = OPEN.iter().map(|(route, _)| (*route).to_owned()).collect();
    assert_eq!(table, known);
    assert!(OPEN.iter().all(|(_, reason)| !reason.is_empty()));
}

#[test]
fn what_changes_the_organisation_is_for_administrators() {
    // Work on incidents, schedules and maintenance, and what is one's own. Everything else that changes something asks
    // for an administrator.
    let others = [
        "/incidents",
        "/api/incidents",
        "/schedules",
        "/api/schedules",
        "/notifications",
        "/api/notifications",
        "/profile",
        "/test-page",
        "/events/{id}/preview",
        "/api/events/log/{id}/replay",
    ];
    let is_anothers = |path: &str| {
        others.iter().any(|begin| path.starts_with(begin))
            || path.contains("/maintenance")
            || path.ends_with("/preview")
    };
    for rule in RULES
        .iter()
        .filter(|rule| rule.method != "GET" && !is_anothers(rule.path))
    {
        let administrators = matches!(wanted(rule.need), None | Some(Role::Admin));
        assert!(administrators, "{} {}", rule.method, rule.path);
    }
    for rule in RULES
        .iter()
        .filter(|rule| rule.path.starts_with("/settings") || rule.path.starts_with("/audit"))
    {
        assert_eq!(rule.need, Need::SignedIn(Role::Admin), "{} {}", rule.method, rule.path);
    }
}

#[tokio::test]
async fn looking_changes_nothing() {
    let app = App::new().await;
    let ada = app.signed_in("Ada", Role::Admin).await;
    let answer = app.incident("Disk full").await;
    let (incident, service) = (
        answer["id"].as_str().unwrap(),
        answer["service"]["id"].as_str().unwrap(),
    );
    let ways = async || {
        let log = app.get(&ada, "/api/audit-log").await.json();
        let timeline = app.get(&ada, &format!("/api/incidents/{incident}/timeline")).await.text;
        (log["pagination"]["total"].clone(), timeline)
    };
    let before = ways().await;
    for rule in RULES.iter().filter(|rule| rule.method == "GET") {
        let path = rule.path.replace("/incidents/{id}", &format!("/incidents/{incident}"));
        let path = path.replace("/services/{id}", &format!("/services/{service}"));
        let status = try_route(&app, &ada, "GET", &path).await;
        assert!(!status.is_server_error(), "{path}: {status}");
    }
    assert_eq!(ways().await, before);
}

#[tokio::test]
async fn a_key_is_judged_alone_and_ends_when_it_is_over() {
    let app = App::new().await;
    let session = app.signed_in("Ada", Role::Admin).await;
    let As::Session(token) = &session else { unreachable!() };
    // A wrong key beside a good session is still a wrong key.
    let request = app
        .request(&As::Key("sk_live_wrong".into()), &Method::GET, "/api/incidents")
        .header("cookie", format!("session={token}"));
    let answer = app.ask(request.body(axum::body::Body::empty()).unwrap()).await;
    assert_eq!(
        (answer.status, answer.code().as_str()),
        (StatusCode::UNAUTHORIZED, "UNAUTHORIZED")
    );
    assert_eq!(app.get(&session, "/api/incidents").await.status, StatusCode::OK);
    app.clock.advance_s(15 * 24 * 3600);
    assert_eq!(
        app.get(&session, "/api/incidents").await.status,
        StatusCode::UNAUTHORIZED
    );
}
