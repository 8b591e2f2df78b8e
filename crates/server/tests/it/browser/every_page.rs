//! What must hold for every page: it answers, the browser complains of nothing, axe-core finds nothing, light and dark,
//! large and small; it fits, a thumb hits what it shows, its words can be read, and it comes over a slow line.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
};

use super::{
    filled::fill,
    pages::{OUTSIDE, PAGES, Page, address},
    stage::Stage,
    window::{DESK, PHONE, Scheme, Window},
};
use crate::environment;

/// The most that a page may weigh with an empty cache, in bytes.
const PAGE_BYTES_MAX: u64 = 60_000;

/// What runs in each page before its own scripts.
const INSPECT: &str = include_str!("inspect.js");
/// Large and light: all rules, and folds as they are.
const LARGE: &str = "[...await inspect.axe(), ...inspect.width(), ...inspect.texts()]";
/// Small and light: all rules, with everything unfolded and opened.
const SMALL: &str = "[...(inspect.unfold(), await inspect.axe()), ...inspect.width(), ...inspect.thumbs(),
    ...inspect.texts(), ...await inspect.over(async (part) => [...await inspect.axe(null, part), ...inspect.thumbs(part)])]";
/// Large and dark: nothing has changed but the colours.
const LARGE_DARK: &str = "await inspect.axe('color-contrast')";
/// Small and dark, with everything unfolded and opened.
const SMALL_DARK: &str = "[...await inspect.axe('color-contrast'),
    ...await inspect.over((part) => inspect.axe('color-contrast', part))]";

/// What is wrong, and on which pages.
#[derive(Default)]
struct Faults(BTreeMap<String, BTreeSet<String>>);

impl Faults {
    fn add(&mut self, path: &str, faults: impl IntoIterator<Item = String>) {
        for fault in faults {
            self.0.entry(fault).or_default().insert(path.to_owned());
        }
    }

    #[track_caller]
    fn are_none(&self) {
        let lines = self.0.iter().map(|(fault, paths)| {
            let first: Vec<_> = paths.iter().take(3).map(String::as_str).collect();
            format!("{fault}\n    on {} pages: {}", paths.len(), first.join(" "))
        });
        let lines: Vec<_> = lines.collect();
        assert!(lines.is_empty(), "{} faults:\n{}", lines.len(), lines.join("\n"));
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_page_holds_for_everybody() {
    let stage = Stage::set().await;
    let window = stage.window(DESK).await;
    let axe = environment::node_peers().join("node_modules/axe-core/axe.min.js");
    let axe = fs::read_to_string(axe).expect("axe-core is among the JavaScript peers");
    window.begin_with(&format!("{axe}\n{INSPECT}")).await;
    window.dress(Scheme::Light).await;
    window.pass_by_the_worker().await;
    let mut faults = Faults::default();

    look_at(&window, &stage.server.setup_link().await, &mut faults).await;
    stage.sign_in(&window).await;
    let lists = PAGES.iter().filter(|page| !page.path.contains('{'));
    for page in lists.filter(|page| !page.path.starts_with("/settings/") && !page.path.contains('?')) {
        look_once(&window, page.path, &mut faults).await;
    }
    let known = fill(&stage).await;
    for Page { path, .. } in PAGES {
        look_at(&window, &address(path, &known), &mut faults).await;
    }
    window.forget_cookies().await;
    for Page { path, .. } in OUTSIDE {
        look_at(&window, &address(path, &known), &mut faults).await;
    }
    window.close().await;
    faults.are_none();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn addresses_that_lead_elsewhere() {
    let stage = Stage::set().await;
    let window = stage.signed_in(DESK).await;
    window.go("/settings").await;
    assert_eq!(
        window.path().await,
        "/settings/notifications",
        "settings begin with the first of them"
    );
    window.go("/setup").await;
    assert_eq!(window.path().await, "/", "there is nothing left to set up");
    window.close().await;
}

/// Everything about a page, in four looks at one answer.
async fn look_at(window: &Window, path: &str, faults: &mut Faults) {
    look_once(window, path, faults).await;
    let weight: u64 = window.run("inspect.weight()").await;
    if weight > PAGE_BYTES_MAX {
        faults.add(path, [format!("weight: it has {weight} bytes with an empty cache")]);
    }
    let looks = [
        (DESK, Scheme::Dark, LARGE_DARK, "large, dark"),
        (PHONE, Scheme::Light, SMALL, "small"),
        (PHONE, Scheme::Dark, SMALL_DARK, "small, dark"),
    ];
    for (size, scheme, look, name) in looks {
        window.resize(size).await;
        window.dress(scheme).await;
        let found = window.run::<Vec<String>>(look).await;
        faults.add(path, found.into_iter().map(|fault| format!("{name}: {fault}")));
    }
    window.dress(Scheme::Light).await;
    window.resize(DESK).await;
    faults.add(path, complaints(window).await);
}

/// One look, large and light, at a page that was opened anew.
async fn look_once(window: &Window, path: &str, faults: &mut Faults) {
    window.go(path).await;
    let status: u16 = window
        .run("performance.getEntriesByType('navigation')[0].responseStatus")
        .await;
    let expected = if path.starts_with("/nothing") { 404 } else { 200 };
    if status != expected {
        faults.add(path, [format!("it answers {status}")]);
    }
    if path.starts_with('/') && window.path().await != path {
        faults.add(path, [format!("it leads to {}", window.path().await)]);
    }
    let large = window.run::<Vec<String>>(LARGE).await;
    faults.add(path, large.into_iter().map(|fault| format!("large: {fault}")));
    faults.add(path, complaints(window).await);
}

/// What the browser complains of. That an address names nothing is no complaint about what is on the page.
async fn complaints(window: &Window) -> Vec<String> {
    let mut complaints = window.complaints().await;
    complaints.retain(|complaint| !complaint.contains("the server responded with a status of 40"));
    complaints
}
