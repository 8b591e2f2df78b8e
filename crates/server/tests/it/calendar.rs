//! Shifts as a calendar program gets them: fetched without a session, and read by a library that knows the format.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use crate::{
    api::Api,
    both::Place,
    peers,
    process::{self, Server},
};

both! {
    a_calendar_program_reads_the_shifts,
}

/// A name that breaks a calendar which does not escape and fold.
const NAME: &str = "Support; EU, \\ nights: über alle Länder und Zeiten hinweg, immer und überall 夜勤";

async fn read(url: &str) -> Value {
    let said = process::run(peers::python("read_calendar.py", &[url]), "").await.well();
    serde_json::from_str(&said).unwrap()
}

async fn a_calendar_program_reads_the_shifts(place: &Place) {
    let server = Server::start(place, &[]).await;
    let api = Api::of(place, &server).await;
    let user = json!({ "email": "ann@example.com", "name": "Ann, \"the\" First", "role": "RESPONDER" });
    let user = api.make("/api/users", user).await;
    let rotation = json!({ "unit": "DAYS", "length": 1, "start": "2026-01-05T09:00:00Z", "handoff": "09:00" });
    let limits = json!([{ "from": "22:00", "to": "06:00" }]);
    let layer = json!({ "name": NAME, "users": [user], "rotation": rotation, "restrictions": limits });
    let schedule = json!({ "name": NAME, "timeZone": "Europe/Berlin", "layers": [layer] });
    api.make("/api/schedules", schedule).await;
    let links = api.get(&format!("/api/users/{user}/calendar")).await;

    let whole = read(links["schedules"][0]["url"].as_str().unwrap()).await;
    assert_eq!((&whole["name"], &whole["errors"]), (&json!(NAME), &json!([])));
    let events = whole["events"].as_array().unwrap();
    assert!(events.len() > 180, "a night each: {}", events.len());
    let uids: BTreeSet<&str> = events.iter().map(|event| event["uid"].as_str().unwrap()).collect();
    assert_eq!(uids.len(), events.len(), "each has a name of its own");
    for event in events {
        assert_eq!(event["summary"], format!("Ann, \"the\" First: {NAME}"));
        assert_eq!(event["description"], format!("On call by layer {NAME}"));
        assert_eq!(event["stamped"], true);
        assert!(event["start"].as_str() < event["end"].as_str(), "{event}");
    }
    let own = read(links["url"].as_str().unwrap()).await;
    assert_eq!(own["events"].as_array().unwrap().len(), events.len());
    assert_eq!(own["events"][0]["summary"], format!("On call: {NAME}"));
}
