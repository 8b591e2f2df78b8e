//! Guessing: who has an account, what opens it, and how often one may try.

use axum::body::Body;
use http::{Method, StatusCode, header};
use opsknight_domain::directory::Role;
use opsknight_store::{db::Tx, refusal::ChangeError, sessions::LinkPurpose, users};
use opsknight_web::Peer;
use serde_json::json;

use crate::{
    harness::{Answer, App, As},
    password::PASSWORD,
};

async fn sign_in(app: &App, email: &str, password: &str) -> Answer {
    app.form(&As::Nobody, "/login", &[("email", email), ("password", password)])
        .await
}

/// Somebody of every kind whose password is not the one that is tried.
async fn everybody(app: &App) -> [&'static str; 4] {
    app.person("Ada", Role::Admin).await;
    let disabled = app.person("Dora", Role::User).await;
    let invited = app.person("Ivan", Role::User).await;
    let unit = async move |tx: &mut Tx<'_>| {
        let mut row = users::get(tx, disabled).await?.unwrap();
        row.standing = opsknight_domain::directory::Standing::Disabled;
        users::update(tx, &row).await?;
        let mut row = users::get(tx, invited).await?.unwrap();
        row.id = opsknight_domain::id::UserId::new(uuid::Uuid::from_u128(77));
        row.email = "new@example.com".to_owned();
        row.standing = opsknight_domain::directory::Standing::Invited;
        users::insert(tx, &row).await
    };
    app.state.store.db.write::<_, ChangeError, _>(unit).await.unwrap();
    [
        "ada@example.com",
        "dora@example.com",
        "new@example.com",
        "eve@example.com",
    ]
}

/// What an answer tells, but for the address that was typed.
fn told(answer: &Answer, email: &str) -> (StatusCode, String, Vec<(String, String)>) {
    // Its length is that of the address.
    let headers = answer
        .headers
        .iter()
        .filter(|(name, _)| *name != header::CONTENT_LENGTH);
    let headers = headers.map(|(name, value)| (name.to_string(), value.to_str().unwrap().to_owned()));
    (answer.status, answer.text.replace(email, "EMAIL"), headers.collect())
}

#[tokio::test]
async fn signing_in_tells_nobody_who_has_an_account_and_does_the_same_work() {
    let app = App::new().await;
    let mut heard = Vec::new();
    for email in everybody(&app).await {
        let before = app.state.passwords_hashed();
        let answer = sign_in(&app, email, "not the password").await;
        assert_eq!(
            app.state.passwords_hashed() - before,
            1,
            "one password is hashed for {email}"
        );
        heard.push(told(&answer, email));
    }
    assert_eq!(heard[0].0, StatusCode::UNAUTHORIZED);
    assert!(heard.iter().all(|other| *other == heard[0]), "{heard:#?}");
    // The right password of somebody disabled is like a wrong one.
    let before = app.state.passwords_hashed();
    let disabled = sign_in(&app, "dora@example.com", PASSWORD).await;
    assert_eq!(told(&disabled, "dora@example.com"), heard[0]);
    assert_eq!(app.state.passwords_hashed() - before, 1);
    // What is no address at all is worked on as well.
    for odd in ["", "x", &"a".repeat(10_000)] {
        let before = app.state.passwords_hashed();
        let answer = sign_in(&app, odd, "not the password").await;
        assert_eq!(
            (answer.status, app.state.passwords_hashed() - before),
            (StatusCode::UNAUTHORIZED, 1)
        );
    }
}

#[tokio::test]
async fn a_forgotten_password_and_a_link_tell_nothing_either() {
    let app = App::new().await;
    let mut heard = Vec::new();
    for email in everybody(&app).await {
        let answer = app.form(&As::Nobody, "/forgot", &[("email", email)]).await;
        heard.push(told(&answer, email));
    }
    assert!(heard.iter().all(|other| *other == heard[0]), "{heard:#?}");
    let user = app.person("Bob", Role::User).await;
    let used = app.link(LinkPurpose::Invite, Some(user)).await;
    let form = [("name", "Bob"), ("password", PASSWORD), ("time_zone", "UTC")];
    app.form(&As::Nobody, &format!("/invite/{used}"), &form).await;
    let old = app.link(LinkPurpose::Reset, Some(user)).await;
    let setup = app.link(LinkPurpose::Setup, None).await;
    app.clock.advance_s(3601);
    let mut pages = Vec::new();
    for token in [used, old, setup, "0".repeat(64), "nothing".to_owned(), "a".repeat(500)] {
        let answer = app.get(&As::Nobody, &format!("/invite/{token}")).await;
        pages.push((answer.status, answer.text.replace(&token, "TOKEN")));
    }
    assert!(pages.iter().all(|other| *other == pages[0]), "{pages:#?}");
    // What a passkey is asked for names nobody.
    let asked = app.form(&As::Nobody, "/login/passkey/start", &[]).await;
    assert!(
        !asked.text.contains("example.com") && !asked.text.contains("\"id\":\"usr"),
        "{}",
        asked.text
    );
}

/// As many tries as somebody has who comes from these addresses, each for another account.
async fn tries(app: &App, address: impl Fn(u16) -> String) -> u16 {
    for n in 0..200 {
        let body = format!("email=nobody{n}%40example.com&password=wrong");
        let mut request = app
            .request(&As::Nobody, &Method::POST, "/login")
            .header(header::CONTENT_TYPE, "application/x-www-form-urlencoded")
            .header(header::ORIGIN, "http://ok.example")
            .header("x-forwarded-for", format!("198.51.100.{}", n % 250))
            .body(Body::from(body))
            .unwrap();
        request.extensions_mut().insert(Peer(address(n).parse().unwrap()));
        if app.ask(request).await.status == StatusCode::TOO_MANY_REQUESTS {
            return n;
        }
    }
    200
}

#[tokio::test]
async fn another_address_of_the_same_network_has_no_tries_of_its_own() {
    let app = App::new().await;
    app.person("Ada", Role::Admin).await;
    assert_eq!(tries(&app, |_| "192.0.2.9".to_owned()).await, 30);
    assert_eq!(
        tries(&app, |n| format!("2001:db8:7:1::{n:x}")).await,
        30,
        "a /64 is one"
    );
}

/// How many tries there are until the answer is that there were too many, by its status or in the words of a form.
async fn tries_of_a_form(app: &App, who: &As, path: &str, fields: &[(&str, &str)]) -> usize {
    for tried in 0..30 {
        let answer = app.form(who, path, fields).await;
        let words = answer.text.to_lowercase().contains("too many tries");
        if answer.status == StatusCode::TOO_MANY_REQUESTS || words {
            return tried;
        }
        assert!(answer.status.is_client_error(), "{path}: {}", answer.text);
    }
    30
}

#[tokio::test]
async fn recovery_codes_and_passwords_of_ones_own_cannot_be_guessed_either() {
    let app = App::new().await;
    let ada = app.signed_in("Ada", Role::Admin).await;
    let password = [("current_password", "guess"), ("new_password", "another good password")];
    assert_eq!(tries_of_a_form(&app, &ada, "/profile/password", &password).await, 10);
    let setup = "/profile/security/second-step";
    app.form(&ada, setup, &[]).await;
    let code = [("code", "000000")];
    assert_eq!(
        tries_of_a_form(&app, &ada, &format!("{setup}/confirm"), &code).await,
        10
    );
    let eve = app.signed_in("Eve", Role::User).await;
    let proof = [("proof", "guess"), ("do", "off")];
    assert_eq!(
        tries_of_a_form(&app, &eve, &format!("{setup}/change"), &proof).await,
        10
    );
}

#[tokio::test]
async fn links_cannot_be_tried_without_end() {
    let app = App::new().await;
    app.person("Ada", Role::Admin).await;
    let form = [("name", "Eve"), ("password", PASSWORD), ("time_zone", "UTC")];
    let mut tried = 0;
    while app
        .form(&As::Nobody, &format!("/invite/{tried:064}"), &form)
        .await
        .status
        != StatusCode::TOO_MANY_REQUESTS
    {
        tried += 1;
        assert!(tried < 100, "there is no bound");
    }
}

#[tokio::test]
async fn a_key_that_is_no_key_is_refused_whatever_it_looks_like() {
    let app = App::new().await;
    let As::Key(good) = app.key(&["teams:read"]).await else {
        unreachable!()
    };
    assert_eq!(
        app.get(&As::Key(good.clone()), "/api/teams").await.status,
        StatusCode::OK
    );
    let mut heard = Vec::new();
    for key in [
        String::new(),
        good[..good.len() - 1].to_owned(),
        format!("{good}a"),
        format!("{good} {good}"),
        good.to_lowercase(),
        good.replace("sk_live_", ""),
        "a".repeat(100_000),
        "' OR 1=1 --".to_owned(),
    ] {
        let answer = app.get(&As::Key(key.clone()), "/api/teams").await;
        assert_eq!(answer.status, StatusCode::UNAUTHORIZED, "{key}");
        heard.push(answer.json());
    }
    assert!(heard.iter().all(|other| *other == heard[0]), "{heard:?}");
    assert_eq!(heard[0]["error"]["code"], json!("UNAUTHORIZED"));
}
