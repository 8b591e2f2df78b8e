//! Remembers everything that the program promised, and checks the debt after it was killed.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Mutex,
};

use jiff::Timestamp;
use opsknight_server::clock::SystemClock;
use opsknight_web::state::Clock as _;
use serde_json::Value;

use crate::{
    api::Api,
    process::{SOON, wait_until},
};

/// What was answered 2xx.
#[derive(Default)]
pub(crate) struct Oracle {
    /// The incident that was promised for each deduplication key.
    promised: Mutex<BTreeMap<String, String>>,
}

impl Oracle {
    /// A trigger was answered 2xx with this incident.
    pub(crate) fn was_promised(&self, dedup_key: &str, incident: &str) {
        let mut promised = self.promised.lock().unwrap();
        let before = promised.insert(dedup_key.to_owned(), incident.to_owned());
        assert!(
            before.is_none_or(|before| before == incident),
            "{dedup_key} has two incidents"
        );
    }

    /// All keys and incidents that were promised until now.
    pub(crate) fn all(&self) -> BTreeMap<String, String> {
        self.promised.lock().unwrap().clone()
    }

    pub(crate) fn promises(&self) -> usize {
        self.promised.lock().unwrap().len()
    }

    /// Every event that was answered 2xx has its incident; every open incident its next due time, or a sentence that
    /// says why there is none; every page its delivery. Gives back the number of incidents.
    pub(crate) async fn check(&self, api: &Api) -> usize {
        let incidents = api.all("/api/incidents").await;
        let by_id: BTreeMap<&str, &Value> = incidents
            .iter()
            .map(|incident| (incident["id"].as_str().unwrap(), incident))
            .collect();
        for (key, id) in self.promised.lock().unwrap().iter() {
            let incident = by_id.get(id.as_str());
            let incident = incident.unwrap_or_else(|| panic!("{key} was answered 2xx and {id} is not there"));
            assert_eq!(incident["dedupKey"], key.as_str());
        }
        let keys: BTreeSet<_> = incidents
            .iter()
            .map(|incident| incident["dedupKey"].as_str().unwrap())
            .collect();
        assert_eq!(keys.len(), incidents.len(), "no key has two incidents");
        let notifications = api.all("/api/notifications").await;
        let mut pages: BTreeMap<&str, usize> = BTreeMap::new();
        for message in notifications.iter().filter(|message| message["purpose"] == "PAGE") {
            *pages.entry(message["incident"]["id"].as_str().unwrap()).or_default() += 1;
        }
        for (id, incident) in by_id {
            let timeline = api.all(&format!("/api/incidents/{id}/timeline")).await;
            let count = |kind: &str| timeline.iter().filter(|entry| entry["type"] == kind).count();
            assert_eq!(count("TRIGGERED"), 1, "{timeline:?}");
            let is_due = incident["nextEscalationAt"].is_string();
            assert!(
                is_due || count("EXHAUSTED") == 1,
                "{incident} waits for nothing: {timeline:?}"
            );
            let planned = pages.get(id).copied().unwrap_or_default();
            assert_eq!(count("PAGED"), planned, "each page has its delivery: {timeline:?}");
        }
        incidents.len()
    }
}

/// Waits until nothing is due any more that is not held by the lease of somebody who died, or told after such a message.
/// Pages that are gathered wait for their time.
pub(crate) async fn settled(api: &Api) {
    wait_until("everything that is due was sent", 2 * SOON, async || {
        let now = SystemClock.now();
        let held = api.all("/api/notifications?status=SENDING").await;
        let held: BTreeSet<&str> = held
            .iter()
            .filter_map(|message| message["incident"]["id"].as_str())
            .collect();
        let pending = api.all("/api/notifications?status=PENDING").await;
        let is_due = |message: &Value| {
            message["dueAt"].as_str().unwrap().parse::<Timestamp>().unwrap() <= now
                && !held.contains(message["incident"]["id"].as_str().unwrap())
        };
        (!pending.iter().any(is_due)).then_some(())
    })
    .await;
}
