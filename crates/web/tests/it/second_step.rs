//! Two-step sign-in: set up, asked for, recovered from, reset, and not got round by another door.

use http::{Method, StatusCode};
use opsknight_domain::directory::Role;
use opsknight_store::{db::Tx, sessions::LinkPurpose};
use serde_json::json;

use crate::{
    harness::{Answer, App, As},
    password::PASSWORD,
};

const SETUP: &str = "/profile/security/second-step";

/// What an app shows now for the key on the page.
fn code(app: &App, key: &str) -> String {
    let key: String = key.chars().filter(|c| !c.is_whitespace()).collect();
    let secret = totp_rs::Secret::try_from_base32(&key).unwrap();
    let totp = totp_rs::Builder::new().with_secret(secret).build().unwrap();
    let now = u64::try_from(app.clock_now().as_second()).unwrap();
    totp.generate(now).to_string()
}

/// The text of the element with this id.
fn text<'a>(page: &'a str, id: &str) -> &'a str {
    let start = page
        .find(&format!("id=\"{id}\""))
        .unwrap_or_else(|| panic!("{id}: {page}"));
    let rest = &page[start..];
    let rest = &rest[rest.find('>').unwrap() + 1..];
    rest.split('<').next().unwrap()
}

/// Sets up an app, and gives back its key and the recovery codes.
async fn set_up(app: &App, who: &As) -> (String, Vec<String>) {
    let begun = app.form(who, SETUP, &[]).await;
    assert_eq!(begun.header("location"), SETUP);
    let page = app.get(who, SETUP).await;
    assert!(page.text.contains("class=\"qr\""), "{}", page.text);
    let key = text(&page.text, "totp-key").to_owned();
    let wrong = app.form(who, &format!("{SETUP}/confirm"), &[("code", "000000")]).await;
    assert_eq!(wrong.status, StatusCode::UNPROCESSABLE_ENTITY);
    let shown = app
        .form(who, &format!("{SETUP}/confirm"), &[("code", &code(app, &key))])
        .await;
    assert_eq!(shown.status, StatusCode::OK, "{}", shown.text);
    let codes: Vec<String> = text(&shown.text, "recovery-codes").lines().map(str::to_owned).collect();
    assert_eq!(codes.len(), 10, "{codes:?}");
    (key, codes)
}

/// Signs in with the password, and gives back the cookie with which a code is brought.
async fn password(app: &App) -> String {
    let form = [
        ("email", "ada@example.com"),
        ("password", PASSWORD),
        ("next", "/incidents"),
    ];
    let answer = app.form(&As::Nobody, "/login", &form).await;
    assert_eq!(
        answer.header("location"),
        "/login/second?next=%2Fincidents",
        "{}",
        answer.text
    );
    assert_eq!(answer.cookie("session"), None, "there is no session yet");
    answer.cookie("sign-in").unwrap()
}

async fn bring(app: &App, token: &str, field: (&str, &str)) -> Answer {
    app.form_with(&[("sign-in", token)], "/login/second", &[field, ("next", "/incidents")])
        .await
}

#[tokio::test]
async fn a_code_is_asked_for_and_is_good_once() {
    let app = App::new().await;
    let ada = app.signed_in("Ada", Role::Admin).await;
    let (key, _) = set_up(&app, &ada).await;
    assert!(app.get(&ada, "/profile/security").await.text.contains("10 of 10"));

    app.clock.advance_s(30);
    let token = password(&app).await;
    let asked = app.get_with(&[("sign-in", token.as_str())], "/login/second").await;
    assert!(asked.text.contains("one-time-code"), "{}", asked.text);
    let wrong = bring(&app, &token, ("code", "123456")).await;
    assert_eq!(wrong.status, StatusCode::UNPROCESSABLE_ENTITY);
    assert!(wrong.text.contains("This is not right"), "{}", wrong.text);
    let now = code(&app, &key);
    let right = bring(&app, &token, ("code", &now)).await;
    assert_eq!(right.header("location"), "/incidents", "{}", right.text);
    let session = As::Session(right.cookie("session").unwrap());
    assert_eq!(app.get(&session, "/").await.status, StatusCode::OK);

    let again = bring(&app, &token, ("code", &now)).await;
    assert_eq!(again.header("location"), "/login", "what was begun is finished");
    let other = password(&app).await;
    let replayed = bring(&app, &other, ("code", &now)).await;
    assert_eq!(replayed.status, StatusCode::UNPROCESSABLE_ENTITY, "the code was used");
    app.clock.advance_s(30);
    let next = bring(&app, &other, ("code", &code(&app, &key))).await;
    assert_eq!(next.status, StatusCode::SEE_OTHER);
    let late = password(&app).await;
    app.clock.advance_s(11 * 60);
    let late = bring(&app, &late, ("code", &code(&app, &key))).await;
    assert_eq!(late.header("location"), "/login", "it took too long");
}

#[tokio::test]
async fn a_recovery_code_works_once_and_new_ones_take_their_place() {
    let app = App::new().await;
    let ada = app.signed_in("Ada", Role::Admin).await;
    let (_, codes) = set_up(&app, &ada).await;
    let token = password(&app).await;
    let typed = codes[0].to_uppercase().replace('-', " ");
    let right = bring(&app, &token, ("recovery_code", &typed)).await;
    assert_eq!(right.status, StatusCode::SEE_OTHER, "{}", right.text);
    assert!(app.get(&ada, "/profile/security").await.text.contains("9 of 10"));
    let token = password(&app).await;
    let used = bring(&app, &token, ("recovery_code", &codes[0])).await;
    assert_eq!(used.status, StatusCode::UNPROCESSABLE_ENTITY);

    let change = format!("{SETUP}/change");
    let unproven = app.form(&ada, &change, &[("proof", "nonsense"), ("do", "codes")]).await;
    assert_eq!(unproven.status, StatusCode::UNPROCESSABLE_ENTITY);
    let renewed = app.form(&ada, &change, &[("proof", PASSWORD), ("do", "codes")]).await;
    assert!(
        renewed.text.contains("The earlier codes work no more"),
        "{}",
        renewed.text
    );
    let token = password(&app).await;
    let old = bring(&app, &token, ("recovery_code", &codes[1])).await;
    assert_eq!(old.status, StatusCode::UNPROCESSABLE_ENTITY);

    let unproven = app.form(&ada, &change, &[("proof", ""), ("do", "off")]).await;
    assert_eq!(unproven.status, StatusCode::UNPROCESSABLE_ENTITY);
    let off = app.form(&ada, &change, &[("proof", PASSWORD), ("do", "off")]).await;
    assert_eq!(off.status, StatusCode::SEE_OTHER, "{}", off.text);
    let form = [("email", "ada@example.com"), ("password", PASSWORD)];
    assert!(app.form(&As::Nobody, "/login", &form).await.cookie("session").is_some());
}

#[tokio::test]
async fn guessing_codes_is_bounded_across_sign_ins() {
    let app = App::new().await;
    let ada = app.signed_in("Ada", Role::Admin).await;
    let (key, _) = set_up(&app, &ada).await;
    app.clock.advance_s(30);
    let token = password(&app).await;
    let mut tries = 0;
    while bring(&app, &token, ("code", "999999")).await.status == StatusCode::UNPROCESSABLE_ENTITY {
        tries += 1;
        assert!(tries <= 10, "there is no bound");
    }
    let other = password(&app).await;
    let refused = bring(&app, &other, ("code", &code(&app, &key))).await;
    assert_eq!(refused.status, StatusCode::TOO_MANY_REQUESTS);
    assert!(!refused.header("retry-after").is_empty());
}

#[tokio::test]
async fn a_link_by_mail_is_no_way_round_it() {
    let app = App::new().await;
    let user = app.person("Ada", Role::Responder).await;
    let form = [("email", "ada@example.com"), ("password", PASSWORD)];
    let ada = As::Session(app.form(&As::Nobody, "/login", &form).await.cookie("session").unwrap());
    set_up(&app, &ada).await;
    let link = app.link(LinkPurpose::Reset, Some(user)).await;
    let form = [
        ("name", "Ada"),
        ("password", "another good password"),
        ("time_zone", "UTC"),
    ];
    let answer = app.form(&As::Nobody, &format!("/invite/{link}"), &form).await;
    assert_eq!(answer.header("location"), "/login/second?next=%2F", "{}", answer.text);
    assert_eq!(answer.cookie("session"), None);
}

#[tokio::test]
async fn an_administrator_resets_it_for_others_and_not_for_themselves() {
    let app = App::new().await;
    let ada = app.signed_in("Ada", Role::Admin).await;
    let (user, bob) = app.signed_in_as("Bob", Role::Responder).await;
    set_up(&app, &bob).await;
    let path = format!("/api/users/{user}/second-step");
    let seen = app.get(&bob, &path).await.json();
    assert_eq!(
        (&seen["enabled"], &seen["recoveryCodesLeft"]),
        (&json!(true), &json!(10))
    );
    let own = app.call(&bob, Method::DELETE, &path, &json!({})).await;
    assert_eq!(own.status, StatusCode::FORBIDDEN);
    assert!(
        app.get(&ada, &format!("/users/{user}"))
            .await
            .text
            .contains("second-step/reset")
    );
    let reset = app.form(&ada, &format!("/users/{user}/second-step/reset"), &[]).await;
    assert_eq!(reset.status, StatusCode::SEE_OTHER, "{}", reset.text);
    assert_eq!(app.get(&bob, &path).await.json()["enabled"], false);
    let again = app.call(&ada, Method::DELETE, &path, &json!({})).await;
    assert_eq!(again.status, StatusCode::CONFLICT);
    let audit = app.get(&app.key(&["audit:read"]).await, "/api/audit-log").await;
    assert!(audit.text.contains("user.second_step_reset"), "{}", audit.text);

    let (ada_id, other) = app.signed_in_as("Eve", Role::Admin).await;
    set_up(&app, &other).await;
    let own = app
        .call(
            &other,
            Method::DELETE,
            &format!("/api/users/{ada_id}/second-step"),
            &json!({}),
        )
        .await;
    assert_eq!(own.status, StatusCode::CONFLICT, "their own asks for a proof");
    let unit = async move |tx: &mut Tx<'_>| opsknight_store::second_factor::everybody(tx).await;
    assert_eq!(app.state.store.db.read(unit).await.unwrap(), [ada_id]);
}
