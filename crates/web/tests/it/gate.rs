//! Setting up, signing in and out, invitations, and what other sites' pages are refused.

use axum::body::Body;
use http::{Method, StatusCode, header};
use opsknight_domain::directory::Role;
use opsknight_store::sessions::LinkPurpose;

use crate::{
    harness::{App, As},
    password::PASSWORD,
};

#[tokio::test]
async fn the_first_administrator_comes_by_the_printed_link_once() {
    let app = App::new().await;
    assert_eq!(app.get(&As::Nobody, "/login").await.header("location"), "/setup");
    let token = app.link(LinkPurpose::Setup, None).await;
    let page = app.get(&As::Nobody, &format!("/setup?token={token}")).await;
    assert!(page.text.contains(&token) && page.text.contains("Europe/Berlin"));
    let fields = |token, password| {
        [
            ("token", token),
            ("name", "Ada"),
            ("email", "ada@example.com"),
            ("password", password),
            ("time_zone", "Europe/Berlin"),
        ]
    };
    let short = app.form(&As::Nobody, "/setup", &fields(token.as_str(), "short")).await;
    assert!(short.text.contains("at least 12 characters"), "{}", short.text);
    assert!(short.text.contains("value=\"Ada\"") && !short.text.contains("value=\"short\""));
    let wrong = app.form(&As::Nobody, "/setup", &fields("another", PASSWORD)).await;
    assert!(wrong.cookie("session").is_none());
    let done = app.form(&As::Nobody, "/setup", &fields(token.as_str(), PASSWORD)).await;
    assert_eq!(done.status, StatusCode::SEE_OTHER, "{}", done.text);
    let session = As::Session(done.cookie("session").unwrap());
    assert_eq!(app.get(&session, "/").await.status, StatusCode::OK);
    let again = app.form(&As::Nobody, "/setup", &fields(token.as_str(), PASSWORD)).await;
    assert!(again.cookie("session").is_none(), "{}", again.text);
    assert_eq!(app.get(&As::Nobody, "/setup").await.header("location"), "/login");
}

#[tokio::test]
async fn signing_in_and_out() {
    let app = App::new().await;
    app.person("Ada", Role::Admin).await;
    let refused = app.get(&As::Nobody, "/incidents?status=OPEN").await;
    assert_eq!(refused.header("location"), "/login?next=%2Fincidents%3Fstatus%3DOPEN");
    let form = [
        ("email", "ADA@example.com "),
        ("password", PASSWORD),
        ("next", "/incidents?status=OPEN"),
    ];
    let answer = app.form(&As::Nobody, "/login", &form).await;
    assert_eq!(answer.header("location"), "/incidents?status=OPEN", "{}", answer.text);
    let cookie = answer.header("set-cookie");
    assert!(
        cookie.contains("HttpOnly") && cookie.contains("SameSite=Lax") && cookie.contains("Path=/"),
        "{cookie}"
    );
    let session = As::Session(answer.cookie("session").unwrap());
    assert_eq!(app.get(&session, "/").await.status, StatusCode::OK);
    let out = app.form(&session, "/logout", &[]).await;
    assert_eq!(out.header("location"), "/login");
    assert_eq!(
        app.get(&session, "/").await.status,
        StatusCode::SEE_OTHER,
        "the session is over on the server too"
    );
}

#[tokio::test]
async fn a_browser_keeps_its_session_for_as_long_as_the_server_does() {
    const FOURTEEN_DAYS: &str = "Max-Age=1209600";
    let app = App::new().await;
    app.person("Ada", Role::Admin).await;
    let form = [("email", "ada@example.com"), ("password", PASSWORD)];
    let answer = app.form(&As::Nobody, "/login", &form).await;
    assert!(answer.header("set-cookie").contains(FOURTEEN_DAYS));
    let token = answer.cookie("session").unwrap();
    let session = As::Session(token.clone());
    assert_eq!(
        app.get(&session, "/").await.cookie("session"),
        None,
        "nothing has changed"
    );
    app.clock.advance_s(10 * 24 * 3600);
    let later = app.get(&session, "/").await;
    assert_eq!(later.cookie("session"), Some(token), "the session was prolonged");
    assert!(later.header("set-cookie").contains(FOURTEEN_DAYS));
    app.clock.advance_s(10 * 24 * 3600);
    let out = app.form(&session, "/logout", &[]).await;
    assert_eq!(
        out.cookie("session").as_deref(),
        Some(""),
        "signing out has the last word"
    );
}

#[tokio::test]
async fn over_https_the_cookie_is_bound_to_the_host() {
    let app = App::at("https://ok.example").await;
    app.person("Ada", Role::Admin).await;
    let body = format!("email=ada%40example.com&password={}", PASSWORD.replace(' ', "+"));
    let request = app
        .request(&As::Nobody, &Method::POST, "/login")
        .header(header::CONTENT_TYPE, "application/x-www-form-urlencoded")
        .header(header::ORIGIN, "https://ok.example");
    let answer = app.ask(request.body(Body::from(body)).unwrap()).await;
    let cookie = answer.header("set-cookie");
    assert!(
        cookie.starts_with("__Host-session=") && cookie.contains("Secure"),
        "{cookie}"
    );
    assert!(answer.header("strict-transport-security").contains("max-age"));
}

#[tokio::test]
async fn nobody_learns_which_of_the_two_was_wrong_and_guessing_is_bounded() {
    let app = App::new().await;
    app.person("Ada", Role::Admin).await;
    let wrong = [("email", "ada@example.com"), ("password", "not the password")];
    let unknown = [("email", "eve@example.com"), ("password", "not the password")];
    let first = app.form(&As::Nobody, "/login", &wrong).await;
    let second = app.form(&As::Nobody, "/login", &unknown).await;
    assert_eq!(
        (first.status, second.status),
        (StatusCode::UNAUTHORIZED, StatusCode::UNAUTHORIZED)
    );
    assert_eq!(first.text, second.text.replace("eve@example.com", "ada@example.com"));
    let mut last = first.status;
    for _ in 0..12 {
        last = app.form(&As::Nobody, "/login", &wrong).await.status;
    }
    assert_eq!(last, StatusCode::TOO_MANY_REQUESTS);
    let right = [("email", "ada@example.com"), ("password", PASSWORD)];
    let refused = app.form(&As::Nobody, "/login", &right).await;
    assert_eq!(refused.status, StatusCode::TOO_MANY_REQUESTS);
    assert!(!refused.header("retry-after").is_empty());
    app.clock.advance_s(600);
    assert_eq!(
        app.form(&As::Nobody, "/login", &right).await.status,
        StatusCode::SEE_OTHER
    );
}

#[tokio::test]
async fn an_invitation_works_once() {
    let app = App::new().await;
    let user = app.person("Bob", Role::Responder).await;
    let token = app.link(LinkPurpose::Invite, Some(user)).await;
    let path = format!("/invite/{token}");
    assert!(app.get(&As::Nobody, &path).await.text.contains("bob@example.com"));
    let form = [
        ("name", "Bob B."),
        ("password", "another good password"),
        ("time_zone", "Asia/Kathmandu"),
    ];
    let answer = app.form(&As::Nobody, &path, &form).await;
    assert_eq!(answer.status, StatusCode::SEE_OTHER, "{}", answer.text);
    let again = app.get(&As::Nobody, &path).await;
    assert!(again.text.contains("no longer works"));
    let sign_in = [("email", "bob@example.com"), ("password", "another good password")];
    assert_eq!(
        app.form(&As::Nobody, "/login", &sign_in).await.status,
        StatusCode::SEE_OTHER
    );
}

#[tokio::test]
async fn what_another_site_sends_is_refused() {
    let app = App::new().await;
    let session = app.signed_in("Ada", Role::Admin).await;
    for (name, value) in [("origin", "https://evil.example"), ("sec-fetch-site", "cross-site")] {
        for path in ["/logout", "/api/incidents"] {
            let request = app.request(&session, &Method::POST, path).header(name, value);
            let answer = app.ask(request.body(Body::empty()).unwrap()).await;
            assert_eq!(answer.status, StatusCode::FORBIDDEN, "{name} {path}");
        }
    }
    let key = app.key(&["incidents:write"]).await;
    let request = app
        .request(&key, &Method::POST, "/api/incidents")
        .header("origin", "https://evil.example");
    let answer = app.ask(request.body(Body::empty()).unwrap()).await;
    assert_eq!(
        answer.status,
        StatusCode::UNSUPPORTED_MEDIA_TYPE,
        "a key is no cookie: {}",
        answer.text
    );
}

#[tokio::test]
async fn every_answer_says_what_a_browser_may_do_with_it() {
    let app = App::new().await;
    let session = app.signed_in("Ada", Role::Admin).await;
    for path in ["/", "/login", "/nowhere", "/api/incidents", "/api/nowhere"] {
        let answer = app.get(&session, path).await;
        assert!(
            answer.header("content-security-policy").contains("script-src 'self'"),
            "{path}"
        );
        assert_eq!(answer.header("x-content-type-options"), "nosniff", "{path}");
        assert_eq!(answer.header("cache-control"), "no-store", "{path}");
    }
}
