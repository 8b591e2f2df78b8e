//! Signing in, by keyboard: the second step, a recovery code, a forgotten password, an invitation.

use std::time::{SystemTime, UNIX_EPOCH};

use serde_json::json;
use thirtyfour::Key;

use super::{
    stage::{ADMIN, PASSWORD, Stage},
    window::{DESK, Window},
};

/// What an app shows for this key, so many seconds from now.
fn code(key: &str, ahead_s: u64) -> String {
    let key: String = key.chars().filter(|c| !c.is_whitespace()).collect();
    let secret = totp_rs::Secret::try_from_base32(&key).expect("the key is base32");
    let totp = totp_rs::Builder::new()
        .with_secret(secret)
        .build()
        .expect("the key is long enough");
    totp.generate(now_s() + ahead_s).to_string()
}

/// The program under test reads the same clock.
#[expect(
    clippy::disallowed_methods,
    reason = "the program runs by the system's clock, and so does the app"
)]
fn now_s() -> u64 {
    SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .expect("it is after 1970")
        .as_secs()
}

/// Signs in as far as the password leads.
async fn with_password(window: &Window, password: &str) {
    window.forget_cookies().await;
    window.go("/login").await;
    window.fill("Email", ADMIN).await;
    window.fill("Password", password).await;
    window.press(Key::Enter).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn signing_in_with_two_steps_and_without_a_password() {
    let stage = Stage::set().await;
    stage.make_admin().await;
    let window = stage.window(DESK).await;
    with_password(&window, PASSWORD).await;
    window.arrive_at("Dashboard").await;
    let (key, codes) = set_up(&window).await;

    with_password(&window, PASSWORD).await;
    window.arrive_at("Enter a code").await;
    // The field has the focus already. The code of this very step was used to set the app up.
    window.press(code(&key, 30)).await;
    window.press(Key::Enter).await;
    window.arrive_at("Dashboard").await;

    with_password(&window, PASSWORD).await;
    window.arrive_at("Enter a code").await;
    window.choose("Use a recovery code").await;
    window.fill("Recovery code", &codes[0]).await;
    window.press(Key::Enter).await;
    window.arrive_at("Dashboard").await;
    window.read("You used a recovery code. 9 are left.").await;
    stage.mail.wait_for(ADMIN, "A recovery code was used").await;

    forget(&stage, &window, &codes[1]).await;
    recover(&stage, &window).await;
    accept(&stage, &window).await;
    assert_eq!(window.complaints().await, [""; 0], "no script failed");
    window.close().await;
}

/// Sets up an app that makes codes; its key and the recovery codes.
async fn set_up(window: &Window) -> (String, Vec<String>) {
    window.go("/profile/security").await;
    window.choose("Set up two-step sign-in").await;
    window.arrive_at("Set up two-step sign-in").await;
    let key = window.text("#totp-key").await;
    window.find("svg.qr").await;
    window.fill("Code", &code(&key, 0)).await;
    window.press(Key::Enter).await;
    window.arrive_at("Keep these recovery codes").await;
    let codes = window.text("#recovery-codes").await;
    let codes: Vec<String> = codes.split_whitespace().map(str::to_owned).collect();
    assert_eq!(codes.len(), 10, "{codes:?}");
    window.choose("I have kept them").await;
    window.arrive_at("Security").await;
    window.read("10 of 10 recovery codes are left").await;
    (key, codes)
}

/// Chooses a new password by the link that comes by mail; a code is asked for all the same.
async fn forget(stage: &Stage, window: &Window, recovery_code: &str) {
    window.forget_cookies().await;
    window.go("/login").await;
    window.choose("Forgot your password?").await;
    window.arrive_at("Forgot your password?").await;
    window.fill("Email", ADMIN).await;
    window.press(Key::Enter).await;
    window.arrive_at("Look into your mail").await;
    let mail = stage.mail.wait_for(ADMIN, "Choose a new OpsKnight password").await;
    let link = mail.text.split_whitespace().find(|word| word.contains("/invite/"));
    window.go(link.expect("the mail has a link")).await;
    window.arrive_at("Choose a new password").await;
    window.fill("Password", "another good password").await;
    window.press(Key::Enter).await;
    window.arrive_at("Enter a code").await;
    window.choose("Use a recovery code").await;
    window.fill("Recovery code", recovery_code).await;
    window.press(Key::Enter).await;
    window.arrive_at("Dashboard").await;
    stage.mail.wait_for(ADMIN, "Your OpsKnight password was changed").await;
}

/// Whoever has lost the app and the codes is let in by whoever runs the server.
async fn recover(stage: &Stage, window: &Window) {
    let said = stage.command(&["user", "recover", "--email", ADMIN]).await;
    assert!(said.contains("Two-step sign-in is off."), "{said}");
    let (_, token) = said.trim().split_once("/invite/").expect("it prints a link");
    window.forget_cookies().await;
    window.go(&format!("/invite/{token}")).await;
    window.arrive_at("Choose a new password").await;
    window.fill("Password", PASSWORD).await;
    window.press(Key::Enter).await;
    window.arrive_at("Dashboard").await;
}

/// Somebody who is invited accepts with a password.
async fn accept(stage: &Stage, window: &Window) {
    let api = stage.api().await;
    let ben = json!({ "name": "Ben", "email": "ben@example.com", "role": "RESPONDER" });
    let ben = api.make("/api/users", ben).await;
    api.post(&format!("/api/users/{ben}/invitation"), json!({})).await;
    let mail = stage.mail.wait_for("ben@example.com", "You are invited").await;
    let link = mail.text.split_whitespace().find(|word| word.contains("/invite/"));
    window.forget_cookies().await;
    window.go(link.expect("the mail has a link")).await;
    window.arrive_at("Accept your invitation").await;
    window.fill("Your name", " Backup").await;
    window.fill("Password", PASSWORD).await;
    window.press(Key::Enter).await;
    window.arrive_at("Dashboard").await;
    assert_eq!(api.get(&format!("/api/users/{ben}")).await["status"], "ACTIVE");
}
