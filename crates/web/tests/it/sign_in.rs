//! Forgotten passwords, where people are signed in, invitations, and the provider's settings.

use http::{Method, StatusCode};
use opsknight_domain::directory::{Channel, Role};
use opsknight_store::sessions::LinkPurpose;
use serde_json::{Value, json};

use crate::{
    harness::{App, As},
    password::PASSWORD,
};

/// How many messages are on their way.
async fn messages(app: &App) -> usize {
    let key = app.key(&["incidents:read"]).await;
    let all = app.get(&key, "/api/notifications").await.json();
    all["data"].as_array().unwrap().len()
}

#[tokio::test]
async fn nobody_learns_whether_an_address_has_an_account() {
    let app = App::new().await;
    app.person("Ada", Role::Admin).await;
    assert!(app.get(&As::Nobody, "/forgot").await.text.contains("Send the link"));
    let ask = async |email: &'static str| app.form(&As::Nobody, "/forgot", &[("email", email)]).await;
    let (known, unknown) = (ask("ada@example.com").await, ask("eve@example.com").await);
    assert_eq!((known.status, unknown.status), (StatusCode::OK, StatusCode::OK));
    assert_eq!(known.text.replace("ada@", "eve@"), unknown.text);
    assert_eq!(messages(&app).await, 1, "one of them has an account");
    assert_eq!(ask("no address").await.status, StatusCode::UNPROCESSABLE_ENTITY);
    let mut last = StatusCode::OK;
    for _ in 0..4 {
        last = ask("eve@example.com").await.status;
    }
    assert_eq!(last, StatusCode::TOO_MANY_REQUESTS);
    assert_eq!(
        ask("ada@example.com").await.status,
        StatusCode::OK,
        "each address has tries of its own"
    );
}

#[tokio::test]
async fn without_mail_the_page_says_whom_to_ask() {
    let app = App::with("http://ok.example", &[], &[Channel::Sms]).await;
    app.person("Ada", Role::Admin).await;
    app.person("Bob", Role::User).await;
    let page = app.get(&As::Nobody, "/forgot").await;
    assert!(
        page.text.contains("Ask an administrator") && page.text.contains("<li>Ada</li>"),
        "{}",
        page.text
    );
    assert!(!page.text.contains("Bob") && !page.text.contains("Send the link"));
    let asked = app.form(&As::Nobody, "/forgot", &[("email", "ada@example.com")]).await;
    assert!(asked.text.contains("Ask an administrator"));
}

#[tokio::test]
async fn signing_in_takes_the_place_of_the_session_before() {
    let app = App::new().await;
    let before = app.signed_in("Ada", Role::Admin).await;
    let As::Session(old) = before.clone() else {
        panic!("it is a session")
    };
    let form = [("email", "ada@example.com"), ("password", PASSWORD)];
    let answer = app.form_with(&[("session", old.as_str())], "/login", &form).await;
    let new = answer.cookie("session").unwrap();
    assert_ne!(new, old);
    assert_eq!(
        app.get(&before, "/").await.status,
        StatusCode::SEE_OTHER,
        "the old one is over"
    );
    let after = As::Session(new.clone());
    let form = [
        ("current_password", PASSWORD),
        ("new_password", "another good password"),
    ];
    let changed = app.form(&after, "/profile/password", &form).await;
    let newest = changed.cookie("session").unwrap();
    assert_ne!(newest, new);
    assert_eq!(app.get(&after, "/").await.status, StatusCode::SEE_OTHER);
    assert_eq!(app.get(&As::Session(newest), "/").await.status, StatusCode::OK);
}

#[tokio::test]
async fn people_see_and_end_their_sessions_and_administrators_those_of_others() {
    let app = App::new().await;
    let ada = app.signed_in("Ada", Role::Admin).await;
    let (id, bob) = app.signed_in_as("Bob", Role::User).await;
    let form = [("email", "bob@example.com"), ("password", PASSWORD)];
    let other = As::Session(app.form(&As::Nobody, "/login", &form).await.cookie("session").unwrap());
    let path = format!("/api/users/{id}/sessions");
    let seen = app.get(&bob, &path).await.json();
    assert_eq!(seen["data"].as_array().unwrap().len(), 2, "{seen}");
    let foreign = app.get(&app.signed_in("Eve", Role::Responder).await, &path).await;
    assert_eq!(foreign.status, StatusCode::FORBIDDEN);
    assert!(app.get(&bob, "/profile/security").await.text.contains("This one"));
    let ended = app.form(&bob, "/profile/sessions/delete", &[]).await;
    assert_eq!(ended.header("location"), "/profile/security");
    assert_eq!(app.get(&other, "/").await.status, StatusCode::SEE_OTHER);
    assert_eq!(app.get(&bob, "/").await.status, StatusCode::OK, "this one stays");
    assert!(
        app.get(&ada, &format!("/users/{id}"))
            .await
            .text
            .contains("Where they are signed in")
    );
    app.form(&ada, &format!("/users/{id}/sessions/delete"), &[]).await;
    assert_eq!(app.get(&bob, "/").await.status, StatusCode::SEE_OTHER);
}

#[tokio::test]
async fn invitations_are_listed_and_taken_back() {
    let app = App::new().await;
    let ada = app.signed_in("Ada", Role::Admin).await;
    let new = [("name", "Bob"), ("email", "bob@example.com"), ("role", "USER")];
    let made = app.form(&ada, "/users", &new).await;
    let at = made.text.find("/invite/").unwrap();
    let link: String = made.text[at..].chars().take_while(|c| *c != '<').collect();
    let list = app.get(&ada, "/users").await.text;
    assert!(
        list.contains("Invited by Ada") && list.contains("the link works until"),
        "{list}"
    );
    assert!(
        app.get(&As::Nobody, &link)
            .await
            .text
            .contains("Accept your invitation")
    );
    let id = app.get(&ada, "/api/users?q=bob").await.json()["data"][0]["id"]
        .as_str()
        .unwrap()
        .to_owned();
    let back = app.form(&ada, &format!("/users/{id}/invite/delete"), &[]).await;
    assert_eq!(back.header("location"), "/users");
    assert!(app.get(&As::Nobody, &link).await.text.contains("no longer works"));
    assert!(app.get(&ada, "/users").await.text.contains("No link works any more"));
    let again = app
        .call(&ada, Method::POST, &format!("/api/users/{id}/invitation"), &json!({}))
        .await;
    assert_eq!(
        (again.status, &again.json()["sentByMail"]),
        (StatusCode::CREATED, &json!(true))
    );
    let user = app.signed_in("Eve", Role::User).await;
    assert!(
        !app.get(&user, "/users").await.text.contains("Invitations"),
        "for administrators alone"
    );
}

fn provider() -> Value {
    json!({
        "issuer": "https://id.example.com", "clientId": "opsknight", "clientSecret": "s3cret", "name": "Acme",
        "emailDomains": ["example.com"], "passwordsAllowed": false,
    })
}

#[tokio::test]
async fn a_secret_is_never_told_and_what_changes_is_audited() {
    let app = App::new().await;
    let ada = app.signed_in("Ada", Role::Admin).await;
    let path = "/api/settings/sign-in";
    let before = app.get(&ada, path).await.json();
    assert_eq!(
        (&before["issuer"], &before["passwordsAllowed"]),
        (&Value::Null, &json!(true))
    );
    assert_eq!(before["redirectUrl"], "http://ok.example/login/oidc/callback");
    let saved = app.call(&ada, Method::PUT, path, &provider()).await;
    assert_eq!(
        (saved.status, &saved.json()["hasClientSecret"]),
        (StatusCode::OK, &json!(true)),
        "{}",
        saved.text
    );
    for text in [
        saved.text,
        app.get(&ada, path).await.text,
        app.get(&ada, "/settings/sign-in").await.text,
    ] {
        assert!(!text.contains("s3cret"), "{text}");
    }
    let audit = app.get(&ada, "/api/audit-log").await.text;
    assert!(
        audit.contains("setting.updated") && !audit.contains("s3cret"),
        "{audit}"
    );
    let bad = json!({ "issuer": "http://id.example.com", "clientId": "", "name": "", "emailDomains": ["no domain"] });
    let refused = app.call(&ada, Method::PUT, path, &bad).await.json();
    let fields = refused["error"]["details"]["fields"].as_object().unwrap().len();
    assert_eq!(fields, 4, "{refused}");
    let gone = app.call(&ada, Method::DELETE, path, &json!({})).await;
    assert_eq!(gone.status, StatusCode::NO_CONTENT);
}

#[tokio::test]
async fn where_passwords_are_off_administrators_keep_theirs() {
    let app = App::new().await;
    let ada = app.signed_in("Ada", Role::Admin).await;
    let (_, bob) = app.signed_in_as("Bob", Role::Responder).await;
    app.call(&ada, Method::PUT, "/api/settings/sign-in", &provider()).await;
    let sign_in = async |email: &'static str, password: &'static str| {
        app.form(&As::Nobody, "/login", &[("email", email), ("password", password)])
            .await
    };
    let refused = sign_in("bob@example.com", PASSWORD).await;
    assert_eq!(refused.status, StatusCode::FORBIDDEN);
    assert!(refused.text.contains("you sign in by the provider"), "{}", refused.text);
    assert_eq!(
        sign_in("bob@example.com", "wrong password").await.status,
        StatusCode::UNAUTHORIZED
    );
    assert!(sign_in("ada@example.com", PASSWORD).await.cookie("session").is_some());
    assert!(
        app.get(&bob, "/profile/security")
            .await
            .text
            .contains("You sign in with Acme")
    );
    assert!(app.get(&As::Nobody, "/login").await.text.contains("Sign in with Acme"));
}

/// What a provider says of itself.
fn document(issuer: &str) -> Value {
    json!({
        "issuer": issuer, "authorization_endpoint": "https://id.example.com/auth",
        "token_endpoint": "https://id.example.com/token", "jwks_uri": "https://id.example.com/jwks",
        "response_types_supported": ["code"], "subject_types_supported": ["public"],
        "id_token_signing_alg_values_supported": ["RS256"],
    })
}

#[tokio::test]
async fn a_provider_is_looked_at_and_what_is_wrong_with_it_is_told() {
    let app = App::new().await;
    let ada = app.signed_in("Ada", Role::Admin).await;
    app.call(&ada, Method::PUT, "/api/settings/sign-in", &provider()).await;
    let test = async || {
        app.call(&ada, Method::POST, "/api/settings/sign-in/test", &json!({}))
            .await
            .json()
    };
    let unreachable = test().await;
    assert_eq!(unreachable["ok"], false);
    assert!(
        unreachable["answer"].as_str().unwrap().contains("could not connect"),
        "{unreachable}"
    );
    let away = app.get(&As::Nobody, "/login/oidc").await;
    assert!(away.text.contains("Acme cannot be reached now"), "{}", away.text);
    let says = |at: &str, document: Value| app.outside.openid.lock().unwrap().insert(at.to_owned(), document);
    says("https://id.example.com/jwks", json!({ "keys": [] }));
    says(
        "https://id.example.com/.well-known/openid-configuration",
        document("https://evil.example"),
    );
    let other = test().await;
    assert_eq!(other["ok"], false, "it says that it is somebody else: {other}");
    says(
        "https://id.example.com/.well-known/openid-configuration",
        document("https://id.example.com"),
    );
    let good = test().await;
    assert!(
        good["answer"]
            .as_str()
            .unwrap()
            .contains("https://id.example.com/token"),
        "{good}"
    );

    let away = app.get(&As::Nobody, "/login/oidc?next=/incidents").await;
    let to = away.header("location");
    for part in [
        "https://id.example.com/auth?",
        "code_challenge_method=S256",
        "nonce=",
        "state=",
        "scope=openid",
    ] {
        assert!(to.contains(part), "{to}");
    }
    let token = away.cookie("sign-in").unwrap();
    let forged = app
        .get_with(&[("sign-in", token.as_str())], "/login/oidc/callback?code=x&state=y")
        .await;
    assert!(forged.text.contains("This way back is too old"), "{}", forged.text);
    let state: String = to
        .split("state=")
        .nth(1)
        .unwrap()
        .chars()
        .take_while(|c| *c != '&')
        .collect();
    let back = format!("/login/oidc/callback?code=x&state={state}");
    let used = app.get_with(&[("sign-in", token.as_str())], &back).await;
    assert!(
        used.text.contains("This way back is too old"),
        "one try is all there is: {}",
        used.text
    );
    let stranger = app.get(&As::Nobody, &back).await;
    assert_eq!(stranger.status, StatusCode::UNAUTHORIZED);
}

#[tokio::test]
async fn passkeys_are_offered_where_they_work_and_else_the_page_says_why() {
    let app = App::at("http://127.0.0.1:8080").await;
    let ada = app.signed_in("Ada", Role::Admin).await;
    assert!(app.get(&ada, "/profile/security").await.text.contains("give it a name"));
    assert!(!app.get(&As::Nobody, "/login").await.text.contains("passkeys."));
    let start = app
        .call(&ada, Method::POST, "/profile/security/passkeys/start", &json!({}))
        .await;
    assert_eq!(start.status, StatusCode::CONFLICT);
    assert!(
        start.json()["error"].as_str().unwrap().contains("IP address"),
        "{}",
        start.text
    );

    let app = App::at("http://localhost:8080").await;
    let ada = app.signed_in("Ada", Role::Admin).await;
    let start = app
        .call(&ada, Method::POST, "/profile/security/passkeys/start", &json!({}))
        .await
        .json();
    assert_eq!(start["ask"]["publicKey"]["rp"]["id"], "localhost", "{start}");
    let finish = json!({ "token": start["token"], "name": "Laptop", "credential": { "id": "x" } });
    let refused = app
        .call(&ada, Method::POST, "/profile/security/passkeys/finish", &finish)
        .await;
    assert_eq!(refused.status, StatusCode::BAD_REQUEST, "{}", refused.text);
    let again = app
        .call(&ada, Method::POST, "/profile/security/passkeys/finish", &finish)
        .await;
    assert_eq!(
        again.status,
        StatusCode::CONFLICT,
        "a challenge counts once: {}",
        again.text
    );
    let start = app
        .call(&As::Nobody, Method::POST, "/login/passkey/start", &json!({}))
        .await
        .json();
    let forged = json!({ "token": start["token"], "credential": { "rawId": "AAAA" } });
    let nobody = app
        .call(&As::Nobody, Method::POST, "/login/passkey/finish", &forged)
        .await;
    assert_eq!(nobody.status, StatusCode::UNAUTHORIZED, "{}", nobody.text);
}

#[tokio::test]
async fn a_password_link_makes_no_passkey() {
    let app = App::at("http://localhost:8080").await;
    let user = app.person("Ada", Role::Responder).await;
    let link = app.link(LinkPurpose::Reset, Some(user)).await;
    let page = app.get(&As::Nobody, &format!("/invite/{link}")).await;
    assert!(page.text.contains("Choose a new password") && !page.text.contains("data-passkey"));
    let path = format!("/invite/{link}/passkey/start");
    let start = app.call(&As::Nobody, Method::POST, &path, &json!({})).await;
    assert_eq!(
        start.status,
        StatusCode::CONFLICT,
        "it would lead round the second step: {}",
        start.text
    );
}
