//! Sessions: none can be planted, none outlives what it stood for.

use axum::body::Body;
use http::{Method, StatusCode, header};
use opsknight_domain::directory::Role;
use opsknight_store::sessions::LinkPurpose;
use serde_json::json;

use crate::{
    harness::{Answer, App, As},
    password::PASSWORD,
};

const SIGN_IN: [(&str, &str); 2] = [("email", "ada@example.com"), ("password", PASSWORD)];

async fn is_in(app: &App, token: &str) -> bool {
    app.get(&As::Session(token.to_owned()), "/").await.status == StatusCode::OK
}

/// Each way in makes a token of its own, whatever the browser brought.
#[tokio::test]
async fn a_planted_token_is_never_anybodys_session() {
    let app = App::new().await;
    let user = app.person("Ada", Role::Admin).await;
    let planted = "f".repeat(64);
    let cookies = [("session", planted.as_str()), ("sign-in", planted.as_str())];
    let by_password = app.form_with(&cookies, "/login", &SIGN_IN).await;
    let link = app.link(LinkPurpose::Reset, Some(user)).await;
    let form = [("name", "Ada"), ("password", PASSWORD), ("time_zone", "UTC")];
    let by_link = app.form_with(&cookies, &format!("/invite/{link}"), &form).await;
    for answer in [by_password, by_link] {
        assert_eq!(answer.status, StatusCode::SEE_OTHER, "{}", answer.text);
        let token = answer.cookie("session").unwrap();
        assert_ne!(token, planted);
        assert_eq!(token.len(), 64, "32 random bytes");
    }
    assert!(!is_in(&app, &planted).await);
}

/// What is brought before somebody has signed in stays worthless to whoever planted it.
#[tokio::test]
async fn the_way_to_a_second_step_is_no_session() {
    let app = App::new().await;
    let ada = app.signed_in("Ada", Role::Admin).await;
    let setup = "/profile/security/second-step";
    app.form(&ada, setup, &[]).await;
    let page = app.get(&ada, setup).await.text;
    let key = page
        .split("id=\"totp-key\"")
        .nth(1)
        .unwrap()
        .split(['>', '<'])
        .nth(1)
        .unwrap();
    let key: String = key.chars().filter(|c| !c.is_whitespace()).collect();
    let totp = totp_rs::Builder::new()
        .with_secret(totp_rs::Secret::try_from_base32(&key).unwrap())
        .build()
        .unwrap();
    let code = |app: &App| {
        totp.generate(u64::try_from(app.clock_now().as_second()).unwrap())
            .to_string()
    };
    let now = code(&app);
    app.form(&ada, &format!("{setup}/confirm"), &[("code", &now)]).await;
    app.clock.advance_s(30);
    let first = app.form(&As::Nobody, "/login", &SIGN_IN).await;
    let begun = first.cookie("sign-in").unwrap();
    let flags = first.header("set-cookie").to_owned();
    assert!(flags.contains("HttpOnly") && flags.contains("SameSite=Lax"), "{flags}");
    assert!(!is_in(&app, &begun).await, "what waits for a code opens nothing");
    let now = code(&app);
    let done = app
        .form_with(&[("sign-in", &begun)], "/login/second", &[("code", &now)])
        .await;
    let token = done.cookie("session").unwrap();
    assert_ne!(token, begun);
    assert_eq!(done.cookie("sign-in").as_deref(), Some(""), "and is taken away");
    assert!(is_in(&app, &token).await && !is_in(&app, &begun).await);
}

fn flags(answer: &Answer, name: &str) -> String {
    let all = answer.headers.get_all(header::SET_COOKIE).iter();
    let mut all = all.filter_map(|value| value.to_str().ok());
    all.find(|text| text.starts_with(&format!("{name}=")))
        .unwrap()
        .to_owned()
}

#[tokio::test]
async fn cookies_say_who_may_read_and_send_them() {
    for (public_url, name, secure) in [
        ("http://ok.example", "session", false),
        ("https://ok.example", "__Host-session", true),
    ] {
        let app = App::at(public_url).await;
        app.person("Ada", Role::Admin).await;
        let body = form_urlencoded::Serializer::new(String::new())
            .extend_pairs(SIGN_IN)
            .finish();
        let request = app
            .request(&As::Nobody, &Method::POST, "/login")
            .header(header::CONTENT_TYPE, "application/x-www-form-urlencoded")
            .header(header::ORIGIN, public_url);
        let answer = app.ask(request.body(Body::from(body)).unwrap()).await;
        let cookie = flags(&answer, name);
        for word in ["HttpOnly", "SameSite=Lax", "Path=/", "Max-Age="] {
            assert!(cookie.contains(word), "{cookie}");
        }
        assert_eq!(cookie.contains("Secure"), secure, "{cookie}");
        assert!(!cookie.contains("Domain"), "no sister of this host gets it: {cookie}");
        // By https a cookie of the plain name, which a page of a sister host could plant, is none of ours.
        let token = answer.cookie(name).unwrap();
        if secure {
            assert_eq!(
                app.get_with(&[("session", &token)], "/").await.status,
                StatusCode::SEE_OTHER
            );
        }
        assert_eq!(app.get_with(&[(name, &token)], "/").await.status, StatusCode::OK);
    }
}

#[tokio::test]
async fn a_role_that_is_taken_away_is_gone_at_the_next_call() {
    let app = App::new().await;
    let admin = app.signed_in("Ada", Role::Admin).await;
    let (bob, session) = app.signed_in_as("Bob", Role::Admin).await;
    let path = format!("/api/users/{bob}");
    let may = async || app.get(&session, "/settings/api-keys").await.status;
    let set = async |body| app.call(&admin, Method::PATCH, &path, &body).await.status;
    assert_eq!(may().await, StatusCode::OK);
    assert_eq!(set(json!({ "role": "USER" })).await, StatusCode::OK);
    assert_eq!(may().await, StatusCode::FORBIDDEN);
    let again = app
        .call(&session, Method::PATCH, &path, &json!({ "role": "ADMIN" }))
        .await;
    assert_eq!(
        again.status,
        StatusCode::FORBIDDEN,
        "nobody raises themselves: {}",
        again.text
    );
    assert_eq!(set(json!({ "status": "DISABLED" })).await, StatusCode::OK);
    assert_eq!(may().await, StatusCode::SEE_OTHER);
    assert_eq!(set(json!({ "status": "ACTIVE" })).await, StatusCode::OK);
    assert_eq!(may().await, StatusCode::SEE_OTHER, "what ended does not come back");
    let deleted = app.call(&admin, Method::DELETE, &path, &json!({})).await;
    assert_eq!(deleted.status, StatusCode::NO_CONTENT, "{}", deleted.text);
    assert_eq!(may().await, StatusCode::SEE_OTHER);
}

#[tokio::test]
async fn signing_out_ends_it_on_the_server_and_in_what_the_browser_kept() {
    let app = App::new().await;
    app.person("Ada", Role::Admin).await;
    let token = app
        .form(&As::Nobody, "/login", &SIGN_IN)
        .await
        .cookie("session")
        .unwrap();
    let other = app
        .form(&As::Nobody, "/login", &SIGN_IN)
        .await
        .cookie("session")
        .unwrap();
    let out = app.form(&As::Session(token.clone()), "/logout", &[]).await;
    assert!(flags(&out, "session").contains("Max-Age=0"));
    assert!(!is_in(&app, &token).await);
    assert!(is_in(&app, &other).await, "another browser is not signed out by it");
    // A link by mail that sets a password ends them all.
    let ada = app.get(&As::Session(other.clone()), "/api/users?q=ada").await.json();
    let id = ada["data"][0]["id"].as_str().unwrap().parse().unwrap();
    let link = app.link(LinkPurpose::Reset, Some(id)).await;
    let form = [
        ("name", "Ada"),
        ("password", "another good password"),
        ("time_zone", "UTC"),
    ];
    let answer = app.form(&As::Nobody, &format!("/invite/{link}"), &form).await;
    assert_eq!(answer.status, StatusCode::SEE_OTHER, "{}", answer.text);
    assert!(!is_in(&app, &other).await);
}

#[tokio::test]
async fn pages_are_kept_by_nobody() {
    let app = App::new().await;
    let ada = app.signed_in("Ada", Role::Admin).await;
    for path in [
        "/",
        "/incidents",
        "/users",
        "/profile/security",
        "/settings/api-keys",
        "/audit.csv",
        "/api/users",
        "/login",
    ] {
        let answer = app.get(&ada, path).await;
        assert_eq!(answer.status == StatusCode::OK, path != "/login", "{path}");
        assert_eq!(answer.header("cache-control"), "no-store", "{path}");
        let policy = answer.header("content-security-policy");
        for word in [
            "default-src",
            "frame-ancestors 'none'",
            "base-uri 'none'",
            "form-action 'self'",
        ] {
            assert!(policy.contains(word), "{path}: {policy}");
        }
        assert!(
            !policy.contains("unsafe-inline") && !policy.contains("unsafe-eval"),
            "{path}: {policy}"
        );
        assert_eq!(answer.header("x-frame-options"), "DENY", "{path}");
        assert_eq!(answer.header("referrer-policy"), "same-origin", "{path}");
    }
}
