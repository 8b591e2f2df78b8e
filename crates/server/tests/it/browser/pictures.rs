//! The pictures of the guide, taken of the demo as a newcomer sees it. Every run takes them, and sees that they are
//! small; `cargo xtask screenshots` names a folder, and there they are kept.

use std::{
    collections::BTreeSet,
    fs,
    path::{Path, PathBuf},
};

use base64::{Engine as _, prelude::BASE64_STANDARD};
use serde_json::{Value, json};

use super::{
    pages::{Known, OUTSIDE, PAGES, Picture, address},
    stage::{Stage, alertmanager, post},
    window::{Scheme, Window},
};

/// The most bytes of a picture.
const PICTURE_BYTES_MAX: usize = 120_000;
/// The most bytes of all of them.
const ALL_BYTES_MAX: usize = 4_000_000;
/// How much a picture may lose for being small, as Chromium counts it.
const QUALITY: u8 = 82;
/// A Wednesday morning. On this clock the pictures are taken that are kept, so that they change only with the pages.
const MORNING: &str = "2026-06-03 09:41:00";
/// The same for the script of the pages, which count the minutes on.
const MORNING_MS: &str = "Date.UTC(2026, 5, 3, 9, 41)";

/// A variable that `cargo xtask screenshots` sets, and a test run does not.
#[expect(clippy::disallowed_methods, reason = "the task that keeps the pictures says where")]
fn variable(name: &str) -> Option<String> {
    std::env::var(name).ok().filter(|value| !value.is_empty())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_pictures_of_the_guide_can_be_taken_and_are_small() {
    let wanted = wanted();
    let keep = variable("OPSKNIGHT_PICTURES").map(PathBuf::from);
    let faketime = variable("OPSKNIGHT_FAKETIME");
    let clock: Vec<(&str, String)> = match &faketime {
        Some(library) => [
            ("LD_PRELOAD", library.clone()),
            ("FAKETIME", format!("@{MORNING}")),
            ("DONT_FAKE_MONOTONIC", "1".to_owned()),
            ("TZ", "UTC".to_owned()),
        ]
        .into(),
        None => Vec::new(),
    };
    let clock: Vec<(&str, &str)> = clock.iter().map(|(name, value)| (*name, value.as_str())).collect();
    let (stage, window) = Stage::demo(&clock).await;
    if faketime.is_some() {
        let script =
            format!("{{ const by = {MORNING_MS} - Date.now(), now = Date.now; Date.now = () => now() + by; }}");
        window.begin_with(&script).await;
    }
    window.dress(Scheme::Light).await;
    window
        .asked("Emulation.setScrollbarsHidden", json!({ "hidden": true }))
        .await;
    let known = known(&stage, &window).await;
    let mut bytes = 0;
    for (pages, signed_in) in [(PAGES, true), (OUTSIDE, false)] {
        if !signed_in {
            window.forget_cookies().await;
        }
        let pictures = pages.iter().filter_map(|page| Some((page.path, page.picture?)));
        for (path, picture) in pictures.filter(|(_, picture)| wanted.contains(picture.name)) {
            bytes += take(&window, &address(path, &known), picture, keep.as_deref()).await;
        }
    }
    assert!(bytes <= ALL_BYTES_MAX, "the pictures have {bytes} bytes together");
    window.close().await;
}

/// The pictures that the guide shows. One that the list of pages does not have is a failure.
fn wanted() -> BTreeSet<String> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/guide");
    let mut wanted = BTreeSet::new();
    for file in fs::read_dir(folder).unwrap() {
        let path = file.unwrap().path();
        if path.extension().is_some_and(|extension| extension == "md") {
            let text = fs::read_to_string(path).unwrap();
            let names = text
                .split("](images/")
                .skip(1)
                .filter_map(|rest| Some(rest.split_once(".webp)")?.0.to_owned()));
            wanted.extend(names);
        }
    }
    let pictures = PAGES.iter().chain(OUTSIDE).filter_map(|page| Some(page.picture?.name));
    let pictures: BTreeSet<&str> = pictures.collect();
    let strange: Vec<_> = wanted.iter().filter(|name| !pictures.contains(name.as_str())).collect();
    assert_eq!(
        strange, [""; 0],
        "no page of browser/pages.rs has a picture of that name"
    );
    wanted
}

async fn take(window: &Window, path: &str, picture: Picture, keep: Option<&Path>) -> usize {
    window.resize(picture.size).await;
    window.go(path).await;
    window.find("h1").await;
    let what = json!({ "format": "webp", "quality": QUALITY });
    let taken = window.asked("Page.captureScreenshot", what).await;
    let taken = BASE64_STANDARD
        .decode(taken["data"].as_str().expect("there is a picture"))
        .unwrap();
    let name = picture.name;
    assert!(taken.starts_with(b"RIFF"), "{name} is no WebP");
    assert!(taken.len() <= PICTURE_BYTES_MAX, "{name} has {} bytes", taken.len());
    if let Some(folder) = keep {
        fs::create_dir_all(folder).unwrap();
        fs::write(folder.join(format!("{name}.webp")), &taken).unwrap();
    }
    taken.len()
}

/// What of the demo is shown: for lack of a better word, whatever comes first. A new alert has just paged somebody.
async fn known(stage: &Stage, window: &Window) -> Known {
    let get = async |path: &str| -> Value { window.run(&format!("await (await fetch({path:?})).json()")).await };
    window.go("/profile").await;
    let first = async |path: &str| -> Option<String> { Some(get(path).await["data"][0]["id"].as_str()?.to_owned()) };
    let mut known = Known::new();
    let services = get("/api/services").await;
    for service in services["data"].as_array().expect("there are services") {
        let id = service["id"].as_str().expect("it has an id");
        let integrations = get(&format!("/api/services/{id}/integrations")).await;
        let all = integrations["data"].as_array().cloned().unwrap_or_default();
        let Some(prometheus) = all.iter().find(|integration| integration["type"] == "PROMETHEUS") else {
            continue;
        };
        let url = prometheus["webhookUrl"].as_str().expect("it has an address");
        let body = alertmanager("firing", "CheckoutErrors", "5 % of payments fail since 09:36");
        assert_eq!(post(url, &body).await, 202);
        let its = prometheus["id"].as_str().expect("it has an id");
        known.extend([("service", id.to_owned()), ("integration", its.to_owned())]);
        break;
    }
    let mail = stage.mail.wait_for_any("CheckoutErrors").await;
    let link = mail.acknowledge_link().expect("the mail has a link");
    known.insert("ack", link.rsplit('/').next().unwrap_or_default().to_owned());
    let lists = [
        ("incident", "/api/incidents"),
        ("working", "/api/incidents?status=ACKNOWLEDGED"),
        ("ended", "/api/incidents?status=RESOLVED"),
        ("policy", "/api/escalation-policies"),
        ("schedule", "/api/schedules"),
        ("team", "/api/teams"),
        ("user", "/api/users"),
        ("event", "/api/events/log"),
        ("webhook", "/api/webhooks"),
        ("delivery", "/api/notifications"),
    ];
    for (name, path) in lists {
        if let Some(id) = first(path).await {
            known.insert(name, id);
        }
    }
    known
}
