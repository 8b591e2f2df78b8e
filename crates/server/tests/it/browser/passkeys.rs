//! Passkeys in a real browser, with a device that the browser makes believe (WebAuthn's virtual authenticator).

use serde_json::json;
use std::net::TcpListener;
use thirtyfour::{By, Key};

use super::{
    stage::{ADMIN, PASSWORD, Stage},
    window::{DESK, Window},
};
use crate::process::{SOON, wait_until};

/// A port that was free a moment ago: passkeys belong to a name, and the program must know its own beforehand.
fn free_port() -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").expect("some port is free");
    listener.local_addr().expect("it has an address").port()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_passkey_is_made_and_signs_in_alone() {
    let port = free_port();
    let (listen, public) = (format!("127.0.0.1:{port}"), format!("http://localhost:{port}"));
    let stage = Stage::with(&[("OPSKNIGHT_LISTEN", &listen), ("OPSKNIGHT_PUBLIC_URL", &public)]).await;
    stage.make_admin().await;
    let window = Window::open(&public, DESK).await;
    window.has_a_device_for_passkeys().await;
    window.go("/login").await;
    window.fill("Email", ADMIN).await;
    window.fill("Password", PASSWORD).await;
    window.press(Key::Enter).await;
    window.arrive_at("Dashboard").await;
    window.go("/profile/security").await;
    window.fill("Name of a new passkey", "Laptop").await;
    window.press(Key::Enter).await;
    window.read("The passkey was added.").await;
    window.wait_for("#passkeys", "Laptop").await;
    window.wait_for("#passkeys", "never used").await;
    stage.mail.wait_for(ADMIN, "A passkey was added").await;

    sign_in(&window).await;
    window.go("/profile/security").await;
    window.wait_for("#passkeys", "used just now").await;

    let api = stage.api().await;
    let ben = json!({ "name": "Ben", "email": "ben@example.com", "role": "USER" });
    let ben = api.make("/api/users", ben).await;
    let made = api.post(&format!("/api/users/{ben}/invitation"), json!({})).await;
    window.forget_cookies().await;
    window.go(made["url"].as_str().expect("it is a link")).await;
    window.arrive_at("Accept your invitation").await;
    window.choose("Accept with a passkey, without a password").await;
    window.arrive_at("Dashboard").await;
    let kept = api.get(&format!("/api/users/{ben}/passkeys")).await;
    assert_eq!(kept["data"].as_array().map(Vec::len), Some(1), "{kept}");
    assert_eq!(api.get(&format!("/api/users/{ben}")).await["status"], "ACTIVE");
    assert_eq!(window.complaints().await, [""; 0], "no script failed");
    window.close().await;
}

/// Signs in by the button, or by what the field for the address offers: the device agrees to whatever asks first.
async fn sign_in(window: &Window) {
    window.forget_cookies().await;
    window.go("/login").await;
    wait_until("the passkey has signed in", SOON, async || {
        let heading = window.driver.find(By::Css("h1")).await.ok()?.text().await.ok()?;
        if heading == "Dashboard" {
            return Some(());
        }
        if let Ok(button) = window.driver.find(By::Css("[data-passkey=use] button:enabled")).await {
            // It may have gone while it was looked at.
            drop(button.click().await);
        }
        None
    })
    .await;
}
