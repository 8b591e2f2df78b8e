//! PagerDuty's own clients, with nothing but their base URL changed.

use opsknight_store::{
    changes::{self, ChangeEvent},
    db::{Db, DbError, Settings, Tx},
};
use serde_json::{Value, json};

use crate::{
    api::{Api, integration},
    both::Place,
    certificates::Certificates,
    peers::{self, word},
    process::{self, Server},
    tls_front::TlsFront,
};

both! {
    pagerdutys_own_clients_are_at_home,
}

/// The only incident under a key.
async fn incident(api: &Api, dedup_key: &str) -> Value {
    let found = api.all(&format!("/api/incidents?q={dedup_key}")).await;
    assert_eq!(found.len(), 1, "{dedup_key}: {found:?}");
    assert_eq!(found[0]["dedupKey"], dedup_key);
    found[0].clone()
}

async fn pagerdutys_own_clients_are_at_home(place: &Place) {
    let certificates = Certificates::new();
    let server = Server::start(place, &[]).await;
    let api = Api::of(place, &server).await;
    let service = api.make("/api/services", json!({ "name": "Checkout" })).await;
    let events = integration(&api, &service, "EVENTS_API_V2", json!({})).await;
    let front = TlsFront::start(&certificates, &server.url).await;

    let authority = certificates.authority();
    let mut client = peers::python("pagerduty_client.py", &[&front.url, &server.url, &events.key]);
    client
        .env("SSL_CERT_FILE", word(&authority))
        .env("REQUESTS_CA_BUNDLE", word(&authority));
    let said: Value = serde_json::from_str(&process::run(client, "").await.well()).unwrap();

    let key = "srv-web-01/high-cpu";
    assert_eq!([&said["triggered"], &said["acknowledged"], &said["resolved"]], [key; 3]);
    let chosen = said["chosen"].as_str().unwrap();
    assert_eq!(
        chosen.len(),
        32,
        "a key that is made up looks like PagerDuty's: {chosen}"
    );
    assert_eq!(said["pdpyras"], "db-01/disk");
    assert_eq!(said["refused"], 400, "an unknown key is a bad event, as at PagerDuty");

    let cpu = incident(&api, key).await;
    assert_eq!(cpu["title"], "High CPU usage on web-01 (95%)");
    assert_eq!((&cpu["status"], &cpu["urgency"]), (&json!("RESOLVED"), &json!("HIGH")));
    assert!(
        cpu["acknowledgedAt"].is_string() && cpu["resolvedAt"].is_string(),
        "{cpu}"
    );
    assert_eq!(cpu["customDetails"]["cpu_percent"], 95);
    assert_eq!(
        cpu["links"][0],
        json!({ "href": "https://wiki.example.com/runbook", "text": "Runbook" })
    );
    assert_eq!(cpu["images"][0]["src"], "https://graphs.example.com/cpu.png");
    let alerts = api
        .all(&format!("/api/incidents/{}/alerts", cpu["id"].as_str().unwrap()))
        .await;
    let trigger = alerts.iter().find(|alert| alert["action"] == "trigger").unwrap();
    assert_eq!(
        [
            &trigger["source"],
            &trigger["component"],
            &trigger["group"],
            &trigger["class"]
        ],
        ["web-01", "cpu", "web", "load"],
    );
    assert_eq!(trigger["occurredAt"], "2026-06-01T12:00:00Z");
    assert_eq!(alerts.len(), 3, "the trigger and its two ends are kept: {alerts:?}");

    for (key, title) in [(chosen, "No key was given"), ("db-01/disk", "Disk is full")] {
        let ended = incident(&api, key).await;
        assert_eq!((&ended["title"], &ended["status"]), (&json!(title), &json!("RESOLVED")));
    }
    assert_eq!(api.all("/api/incidents").await.len(), 3, "a change opens no incident");
    let change = &changes(place, &service).await[..];
    let [change] = change else {
        panic!("one change was submitted: {change:?}")
    };
    assert_eq!(
        (change.summary.as_str(), change.source.as_deref()),
        ("Deployed checkout 1.42", Some("ci"))
    );
    assert_eq!(change.custom_details["build"], 42);
    assert_eq!(change.links[0].href, "https://ci.example.com/42");
}

/// What was changed about a service, as it is kept.
async fn changes(place: &Place, service: &str) -> Vec<ChangeEvent> {
    let settings = Settings {
        postgres_url: place.postgres_url().map(str::to_owned),
        data_dir: place.data_dir(),
    };
    let db = Db::open(&settings).await.expect("the database opens");
    let service = service.parse().expect("it is the id of a service");
    let unit = async move |tx: &mut Tx<'_>| changes::of_service(tx, service, jiff::Timestamp::MAX, 10).await;
    let kept: Result<_, DbError> = db.read(unit).await;
    kept.expect("the changes can be read")
}
