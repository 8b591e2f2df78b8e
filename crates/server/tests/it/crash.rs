//! `kill -9`, at any moment under load and at each place where a crash would hurt most: nothing that was promised is
//! lost, and nothing is sent twice but what was on its way at that moment.

use std::sync::{
    Arc,
    atomic::{AtomicBool, AtomicUsize, Ordering},
};

use opsknight_server::clock::SystemClock;
use opsknight_web::state::Clock as _;
use serde_json::{Value, json};
use tokio::task::JoinSet;

use crate::{
    api::{Api, Integration, integration, organisation},
    both::Place,
    oracle::{Oracle, settled},
    post_office::PostOffice,
    process::{SOON, Server, wait_until},
    replicas::pay_the_rest,
    world::{Around, Turned},
};

both! {
    killed_at_any_moment_it_keeps_its_promises,
    killed_where_it_hurts_it_keeps_its_promises,
}

/// How many tasks send at the same time.
const SENDERS: usize = 16;
/// After how many promises of a round the program is killed, when it is killed at no particular place.
const KILLED_AFTER: [usize; 3] = [40, 130, 75];
/// Places in the program, and the how-manieth time it comes there is its last.
const PLACES: [&str; 10] = [
    "ingest.before_commit:1",
    "ingest.before_commit:7",
    "ingest.committed:1",
    "ingest.committed:7",
    "deliver.leased:2",
    "deliver.sent:9",
    "deliver.recorded:3",
    "escalate.before_commit:1",
    "escalate.committed:1",
    "escalate.committed:2",
];

/// The program with everything around it, killed and started again.
struct Stage<'a> {
    place: &'a Place,
    port: String,
    around: Arc<Around>,
    api: Api,
    doors: Arc<Vec<Integration>>,
    oracle: Arc<Oracle>,
    sent: Arc<AtomicUsize>,
}

impl<'a> Stage<'a> {
    async fn set(place: &'a Place) -> Self {
        let around = Around::at(Turned::at(SystemClock.now())).await;
        let port = around.post.port.to_string();
        let server = start(place, &port, None).await;
        let api = Api::of(place, &server).await;
        let organisation = organisation(&api, 0).await;
        let webhook = json!({ "name": "Sink", "type": "GENERIC", "url": around.sink.url });
        api.make("/api/webhooks", webhook).await;
        let mut doors = Vec::new();
        for _ in 0..SENDERS {
            let more = json!({ "rateLimitPerMinute": 100_000 });
            doors.push(integration(&api, &organisation.service, "EVENTS_API_V2", more).await);
        }
        server.kill().await;
        let (oracle, sent) = (Arc::default(), Arc::default());
        Self {
            place,
            port,
            around,
            api,
            doors: Arc::new(doors),
            oracle,
            sent,
        }
    }

    /// Starts the program, which dies at `failpoint` if there is one.
    async fn start(&self, failpoint: Option<&str>) -> (Server, Api) {
        let server = start(self.place, &self.port, failpoint).await;
        let api = self.api.at(&server);
        (server, api)
    }

    /// Sends from many tasks until the program is dead. At no particular place, it is killed after so many promises.
    async fn die(&self, failpoint: Option<&str>, killed_after: usize) {
        let (mut server, api) = self.start(failpoint).await;
        let is_over = Arc::new(AtomicBool::new(false));
        let mut senders = JoinSet::new();
        for door in 0..SENDERS {
            let (api, doors, oracle) = (api.clone(), self.doors.clone(), self.oracle.clone());
            let (sent, is_over) = (self.sent.clone(), is_over.clone());
            senders.spawn(async move {
                while !is_over.load(Ordering::SeqCst) {
                    let n = sent.fetch_add(1, Ordering::SeqCst);
                    let Some((key, incident)) = send(&api, &doors[door], n).await else {
                        break;
                    };
                    oracle.was_promised(&key, &incident);
                }
            });
        }
        let before = self.oracle.promises();
        let is_time = async || {
            let is_dead = !server.runs();
            let enough = failpoint.is_none() && self.oracle.promises() >= before + killed_after;
            (is_dead || enough).then_some(())
        };
        wait_until(&format!("the program dies at {failpoint:?}"), SOON, is_time).await;
        server.kill().await;
        is_over.store(true, Ordering::SeqCst);
        senders.join_all().await;
    }

    /// Starts the program once more, lets it do what it owes, and checks it.
    async fn check(&self) {
        let (mut server, api) = self.start(None).await;
        settled(&api).await;
        let incidents = self.oracle.check(&api).await;
        assert!(incidents >= self.oracle.promises());
        assert!(server.runs());
        assert!(
            server.terminate().await.success(),
            "what it holds is finished at the end"
        );
    }
}

async fn start(place: &Place, port: &str, failpoint: Option<&str>) -> Server {
    let mut variables = PostOffice::variables(port).to_vec();
    variables.push(("OPSKNIGHT_ALLOW_PRIVATE_TARGETS", "true"));
    variables.extend(failpoint.map(|name| ("OPSKNIGHT_FAILPOINT", name)));
    Server::start(place, &variables).await
}

/// Sends the n-th event; none when the program no longer answers.
async fn send(api: &Api, door: &Integration, n: usize) -> Option<(String, String)> {
    let key = format!("problem-{n}");
    let payload = json!({ "summary": format!("Problem {n}"), "source": "load", "severity": "critical" });
    let event = json!({ "event_action": "trigger", "dedup_key": key, "payload": payload });
    let request = api
        .http
        .post(format!("{}/api/events", api.base))
        .header("authorization", format!("Token token={}", door.key))
        .json(&event);
    let response = request.send().await.ok()?;
    let status = response.status();
    let body: Value = response.json().await.ok()?;
    // While it ends, the program may say that it is unavailable: that is no promise.
    if status == 503 {
        return None;
    }
    assert_eq!(status, 202, "{body}");
    Some((key, body["result"]["incident"]["id"].as_str()?.to_owned()))
}

async fn killed_at_any_moment_it_keeps_its_promises(place: &Place) {
    let stage = Stage::set(place).await;
    for killed_after in KILLED_AFTER {
        stage.die(None, killed_after).await;
    }
    stage.check().await;
    pay_the_rest(stage.place, &stage.around).await;
    assert!(stage.oracle.promises() >= KILLED_AFTER.iter().sum());
}

async fn killed_where_it_hurts_it_keeps_its_promises(place: &Place) {
    let stage = Stage::set(place).await;
    for failpoint in PLACES {
        stage.die(Some(failpoint), usize::MAX).await;
    }
    stage.check().await;
    let twice = pay_the_rest(stage.place, &stage.around).await;
    assert!(
        twice >= 1,
        "what was sent and not recorded is sent again: the window is where it should be"
    );
}
