//! Roles and scopes, on every route of the table.

use http::{Method, StatusCode};
use opsknight_domain::directory::Role;
use opsknight_web::api::{
    access::{Need, RULES},
    scope::Scope,
};

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

#[tokio::test]
async fn every_route_asks_for_its_role() {
    let app = App::new().await;
    let people = [
        (Role::User, app.signed_in("Uma", Role::User).await),
        (Role::Responder, app.signed_in("Rob", Role::Responder).await),
        (Role::Admin, app.signed_in("Ada", Role::Admin).await),
    ];
    for rule in RULES
        .iter()
        .filter(|rule| rule.path != "/logout" && rule.path != "/live")
    {
        let wanted = match rule.need {
            Need::Nothing => continue,
            Need::SignedIn(role) | Need::Role(role, _) => role,
            Need::Own(_) => Role::Admin,
        };
        let nobody = try_route(&app, &As::Nobody, rule.method, rule.path).await;
        let turned_away = match rule.path.starts_with("/api/") {
            true => nobody == StatusCode::UNAUTHORIZED,
            false => nobody == StatusCode::SEE_OTHER,
        };
        assert!(turned_away, "{} {}: {nobody} for nobody", rule.method, rule.path);
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
async fn every_route_of_the_api_asks_for_its_scope() {
    let app = App::new().await;
    let all: Vec<&str> = Scope::ALL.iter().map(|scope| scope.word()).collect();
    for rule in RULES {
        let scope = match rule.need {
            Need::Nothing => continue,
            Need::SignedIn(_) => {
                let key = app.key(&all).await;
                let status = try_route(&app, &key, rule.method, rule.path).await;
                assert_eq!(status, StatusCode::FORBIDDEN, "a key is for no page: {}", rule.path);
                continue;
            }
            Need::Role(_, scope) | Need::Own(scope) => scope.word(),
        };
        let others: Vec<&str> = all.iter().copied().filter(|other| *other != scope).collect();
        let without = app.key(&others).await;
        let with = app.key(&[scope]).await;
        let refused = try_route(&app, &without, rule.method, rule.path).await;
        assert_eq!(refused, StatusCode::FORBIDDEN, "{} {}", rule.method, rule.path);
        let taken = try_route(&app, &with, rule.method, rule.path).await;
        assert!(let_in(taken), "{} {}: {taken}", rule.method, rule.path);
    }
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
