//! The copy that a browser keeps for when the server cannot be reached: what is in it, how it is marked, and when it goes.

use serde_json::{Value, json};

use super::{
    stage::{ADMIN, PASSWORD, Stage},
    window::{PHONE, Window},
};
use crate::{
    api::organisation,
    process::{SOON, wait_until},
};

/// The addresses of the pages that are kept, whosever they are.
const KEPT: &str = "const done = arguments[arguments.length - 1];
    (async () => {
        const found = [];
        for (const name of await caches.keys()) {
            if (!name.startsWith('pages ')) continue;
            for (const request of await (await caches.open(name)).keys()) found.push(new URL(request.url).pathname);
        }
        return found;
    })().then(done);";

async fn kept(window: &Window) -> Vec<String> {
    let all = window.driver.execute_async(KEPT, Vec::new()).await.unwrap();
    let all: Value = all.convert().unwrap();
    serde_json::from_value(all).unwrap()
}

/// Looks at pages until the browser keeps them: a worker takes a page only once it is there.
async fn look_at(window: &Window, path: &str) {
    wait_until(&format!("{path} is kept"), SOON, async || {
        window.go(path).await;
        kept(window).await.iter().any(|known| known == path).then_some(())
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_was_seen_last_is_read_without_a_connection_and_goes_at_sign_out() {
    let mut stage = Stage::set().await;
    let api = stage.api().await;
    let service = organisation(&api, 30).await.service;
    let incident = json!({ "title": "Payments are slow", "serviceId": service, "urgency": "HIGH" });
    let incident = format!("/incidents/{}", api.make("/api/incidents", incident).await);
    let window = stage.signed_in(PHONE).await;
    for path in ["/", "/incidents", incident.as_str()] {
        look_at(&window, path).await;
    }
    window.go("/settings/system").await;
    window.go("/profile").await;
    assert_eq!(kept(&window).await.len(), 3, "nothing else is kept");

    // Signing out takes it all away; so does a session that has ended.
    window
        .ask::<()>("document.querySelector('form[action=\"/logout\"] button').click()")
        .await;
    window.arrive_at("Sign in").await;
    wait_until("nothing is kept", SOON, async || {
        kept(&window).await.is_empty().then_some(())
    })
    .await;
    window.fill("Email", ADMIN).await;
    window.fill("Password", PASSWORD).await;
    window.press(thirtyfour::Key::Enter).await;
    window.arrive_at("Dashboard").await;
    look_at(&window, &incident).await;

    stage.server.terminate().await;
    window.go(&incident).await;
    window.arrive_at("Payments are slow").await;
    window.read("Offline: as of").await;
    window.find("[data-key=acknowledge]").await.click().await.unwrap();
    window.wait_for(".toasts", "You are offline: nothing was sent").await;
    window.go("/settings/system").await;
    window.arrive_at("No connection").await;
    window.close().await;
}
