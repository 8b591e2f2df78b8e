//! A stream of alerts to all replicas, as from senders behind a load balancer: what one does not take, the next is given,
//! until one has. Everything that was answered 2xx is a promise.

use std::{
    collections::BTreeMap,
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
    time::{Duration, Instant},
};

use reqwest::Client;
use serde_json::{Value, json};
use tokio::{task::JoinSet, time};

use crate::{api::Integration, oracle::Oracle};

use super::fleet::{Bases, Fleet};

/// How often each sender sends.
const EVERY: Duration = Duration::from_millis(60);
/// How long a sender waits for an answer before it asks the next replica.
const ANSWER_WITHIN: Duration = Duration::from_secs(2);
/// How long the first sentence of a problem is, in characters of its details.
const DETAILS: usize = 64;

/// What the senders saw.
#[derive(Default)]
pub(super) struct Seen {
    /// How often which status was answered; 0: no answer.
    pub(super) statuses: BTreeMap<u16, usize>,
    last: Option<Instant>,
    /// The longest time in which nothing was taken.
    pub(super) longest_gap: Duration,
}

/// Senders that send until they are told to stop.
pub(super) struct Stream {
    stop: Arc<AtomicBool>,
    seen: Arc<Mutex<Seen>>,
    senders: JoinSet<()>,
}

impl Stream {
    /// One sender for each integration of the fleet.
    pub(super) fn to(fleet: &Fleet<'_>) -> Self {
        let (stop, seen): (Arc<AtomicBool>, Arc<Mutex<Seen>>) = Default::default();
        let mut senders = JoinSet::new();
        let count = Arc::new(AtomicUsize::new(fleet.oracle.promises() * 1000));
        for n in 0..fleet.doors.len() {
            let sender = Sender {
                http: fleet.api.http.clone(),
                door: fleet.doors[n].clone(),
                bases: fleet.bases.clone(),
                oracle: fleet.oracle.clone(),
                stop: stop.clone(),
                seen: seen.clone(),
                count: count.clone(),
            };
            senders.spawn(sender.run(n));
        }
        Self { stop, seen, senders }
    }

    /// Tells the senders to stop, and waits until each has been given an answer to its last.
    pub(super) async fn end(self) -> Seen {
        self.stop.store(true, Ordering::SeqCst);
        self.senders.join_all().await;
        std::mem::take(&mut *self.seen.lock().unwrap())
    }

    /// How often this was answered until now.
    pub(super) fn answered(&self, status: u16) -> usize {
        self.seen
            .lock()
            .unwrap()
            .statuses
            .get(&status)
            .copied()
            .unwrap_or_default()
    }
}

struct Sender {
    http: Client,
    door: Integration,
    bases: Bases,
    oracle: Arc<Oracle>,
    stop: Arc<AtomicBool>,
    seen: Arc<Mutex<Seen>>,
    count: Arc<AtomicUsize>,
}

impl Sender {
    async fn run(self, first: usize) {
        let mut every = time::interval(EVERY);
        every.set_missed_tick_behavior(time::MissedTickBehavior::Delay);
        let mut turn = first;
        while !self.stop.load(Ordering::SeqCst) {
            let key = format!("problem-{}", self.count.fetch_add(1, Ordering::SeqCst));
            loop {
                every.tick().await;
                turn += 1;
                let base = {
                    let bases = self.bases.lock().unwrap();
                    bases[turn % bases.len()].clone()
                };
                let Some(base) = base else { continue };
                let (status, incident) = send(&self.http, &base, &self.door, &key, DETAILS).await;
                self.note(status);
                if let Some(incident) = incident {
                    self.oracle.was_promised(&key, &incident);
                    break;
                }
                assert!([0, 503].contains(&status), "an event was answered {status}");
            }
        }
    }

    fn note(&self, status: u16) {
        let mut seen = self.seen.lock().unwrap();
        *seen.statuses.entry(status).or_default() += 1;
        if status == 202 {
            let now = Instant::now();
            let gap = seen.last.map_or(Duration::ZERO, |last| now.duration_since(last));
            seen.longest_gap = seen.longest_gap.max(gap);
            seen.last = Some(now);
        }
    }
}

/// Sends a problem with so many characters of details: the status, 0 for none, and the incident that was promised.
pub(super) async fn send(
    http: &Client,
    base: &str,
    door: &Integration,
    key: &str,
    details: usize,
) -> (u16, Option<String>) {
    let payload = json!({
        "summary": format!("{key} is wrong"), "source": "load", "severity": "critical",
        "custom_details": { "noise": noise(key, details) },
    });
    let event = json!({ "event_action": "trigger", "dedup_key": key, "payload": payload });
    let request = http
        .post(format!("{base}/api/events"))
        .header("authorization", format!("Token token={}", door.key))
        .timeout(ANSWER_WITHIN * u32::try_from(1 + details / 10_000).unwrap())
        .json(&event);
    let Ok(response) = request.send().await else {
        return (0, None);
    };
    let status = response.status().as_u16();
    let Ok(body) = response.json::<Value>().await else {
        return (0, None);
    };
    let incident = body["result"]["incident"]["id"].as_str().map(str::to_owned);
    (status, incident.filter(|_| status == 202))
}

/// Text that no compression makes shorter by much.
fn noise(key: &str, length: usize) -> String {
    use sha2::{Digest as _, Sha256};
    let mut text = String::with_capacity(length + 64);
    let mut hash = Sha256::digest(key.as_bytes());
    while text.len() < length {
        text.push_str(&hex::encode(hash));
        hash = Sha256::digest(hash);
    }
    text
}
