//! Every page answers, complains of nothing, and fits on a telephone.

use serde_json::json;

use super::{
    stage::{Stage, alertmanager, post},
    window::{DESK, PHONE, Window},
};
use crate::api::{Api, integration, organisation};

/// A word that no line breaks by itself: names of hosts and jobs may be as long.
const LONG: &str =
    "checkout-7d9f8c6b5b557f-production-eu-west-1-replica-0042.internal.example.com/var/lib/postgresql/data/pg_wal";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_page_answers_and_fits() {
    let stage = Stage::set().await;
    let window = stage.signed_in(PHONE).await;
    let api = stage.api().await;
    let paths = fill(&stage, &api).await;
    for size in [PHONE, DESK] {
        window.resize(size).await;
        for path in &paths {
            look_at(&window, path).await;
            let width = window.page_width().await;
            assert!(
                width <= size.0,
                "{path} is {width} px wide in a window of {} px",
                size.0
            );
        }
    }
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

async fn look_at(window: &Window, path: &str) {
    window.go(path).await;
    let status: u16 = window
        .ask("return performance.getEntriesByType('navigation')[0].responseStatus")
        .await;
    assert_eq!(status, 200, "{path}");
    assert_eq!(&window.path().await, path, "it is not another page");
    assert_eq!(window.complaints().await, [""; 0], "{path}");
}

/// Makes an organisation with something on every page, with long names, and gives back the paths of the pages.
async fn fill(stage: &Stage, api: &Api) -> Vec<String> {
    let made = organisation(api, 30).await;
    let service = &made.service;
    let settings = json!({ "description": LONG, "targetAckMinutes": 5, "targetResolveMinutes": 60 });
    api.patch(&format!("/api/services/{service}"), settings).await;
    let prometheus = integration(api, service, "PROMETHEUS", json!({ "name": LONG })).await;
    integration(api, service, "WEBHOOK", json!({})).await;
    assert_eq!(post(&prometheus.url, &alertmanager("firing", LONG, LONG)).await, 202);
    stage.mail.wait_for("ann@example.com", "checkout").await;
    let webhook = json!({ "name": LONG, "type": "GENERIC", "url": format!("https://hooks.example.com/{LONG}") });
    let webhook = api.make("/api/webhooks", webhook).await;
    let first = async |path: &str| api.all(path).await[0]["id"].as_str().unwrap().to_owned();
    let (incident, event) = (first("/api/incidents").await, first("/api/events/log").await);
    let (user, schedule) = (first("/api/users").await, first("/api/schedules").await);
    api.post(&format!("/api/incidents/{incident}/notes"), json!({ "text": LONG }))
        .await;
    let (team, policy) = (&made.team, &made.policy);
    let of_lists = [
        "/",
        "/incidents",
        "/services",
        "/policies",
        "/schedules",
        "/teams",
        "/users",
        "/profile",
        "/profile/security",
    ];
    let of_records = ["/audit", "/events", "/notifications"];
    let of_settings = [
        "/settings/notifications",
        "/settings/email",
        "/settings/sms",
        "/settings/voice",
        "/settings/push",
        "/settings/whatsapp",
        "/settings/slack",
        "/settings/webhooks",
        "/settings/webhooks/new",
        "/settings/api-keys",
        "/settings/sign-in",
    ];
    let of_forms = [
        "/incidents/new",
        "/services/new",
        "/policies/new",
        "/schedules/new",
        "/users/new",
    ];
    let fixed = [of_lists.as_slice(), &of_records, &of_settings, &of_forms].concat();
    let of_things = [
        format!("/incidents/{incident}"),
        format!("/services/{service}"),
        format!("/services/{service}/integrations"),
        format!("/services/{service}/integrations/new"),
        format!("/services/{service}/integrations/new?type=PROMETHEUS"),
        format!("/services/{service}/settings"),
        format!("/policies/{policy}"),
        format!("/policies/{policy}/edit"),
        format!("/schedules/{schedule}"),
        format!("/schedules/{schedule}/edit"),
        format!("/teams/{team}"),
        format!("/users/{user}"),
        format!("/settings/webhooks/{webhook}"),
        format!("/events/{event}"),
    ];
    fixed.into_iter().map(str::to_owned).chain(of_things).collect()
}
