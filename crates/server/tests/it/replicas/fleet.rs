//! Replicas of the program on one database, with a mail server and a receiver of webhooks around them.

use std::sync::{Arc, Mutex};

use opsknight_server::clock::SystemClock;
use opsknight_store::db::{self, Db};
use opsknight_web::state::Clock as _;
use serde_json::json;

use crate::{
    api::{Api, Integration, client, integration, organisation},
    both::Place,
    oracle::{Oracle, settled},
    post_office::PostOffice,
    process::{SOON, Server, opsknight, wait_until},
    world::{Around, Turned},
};

use super::arrears::pay_the_rest;

/// How many replicas there are.
pub(super) const REPLICAS: usize = 3;
/// How long leases last in these tests, in seconds.
pub(super) const LEASE_S: &str = "3";

/// Where the replicas are; those that are down are nowhere.
pub(super) type Bases = Arc<Mutex<Vec<Option<String>>>>;

/// What is around the replicas, and what was promised by them.
pub(super) struct Fleet<'a> {
    pub(super) place: &'a Place,
    pub(super) around: Arc<Around>,
    pub(super) servers: Vec<Option<Server>>,
    pub(super) bases: Bases,
    pub(super) api: Api,
    pub(super) doors: Arc<Vec<Integration>>,
    pub(super) oracle: Arc<Oracle>,
    port: String,
}

impl<'a> Fleet<'a> {
    /// Three replicas that reach the database by these addresses, and an organisation with an integration for each of so
    /// many senders.
    pub(super) async fn of(place: &'a Place, addresses: [&str; REPLICAS], senders: usize) -> Self {
        let around = Around::at(Turned::at(SystemClock.now())).await;
        let port = around.post.port.to_string();
        let api = Api {
            base: String::new(),
            key: String::new(),
            http: client(),
        };
        let mut fleet = Self {
            place,
            around,
            servers: Vec::new(),
            bases: Arc::default(),
            api,
            doors: Arc::default(),
            oracle: Arc::default(),
            port,
        };
        let begun = addresses.map(|address| begin(fleet.place, &fleet.port, address, &[]));
        for server in futures_util::future::join_all(begun).await {
            fleet.bases.lock().unwrap().push(Some(server.url.clone()));
            fleet.servers.push(Some(server));
        }
        fleet.api = Api::of(place, fleet.server(0)).await;
        let organisation = organisation(&fleet.api, 60).await;
        let webhook = json!({ "name": "Sink", "type": "GENERIC", "url": fleet.around.sink.url });
        fleet.api.make("/api/webhooks", webhook).await;
        let mut doors = Vec::new();
        for _ in 0..senders {
            let more = json!({ "rateLimitPerMinute": 100_000 });
            doors.push(integration(&fleet.api, &organisation.service, "EVENTS_API_V2", more).await);
        }
        fleet.doors = Arc::new(doors);
        fleet
    }

    /// Three replicas that reach the place's database directly.
    pub(super) async fn on(place: &'a Place, senders: usize) -> Self {
        let url = place.postgres_url().expect("replicas share a PostgreSQL");
        Self::of(place, [url; REPLICAS], senders).await
    }

    pub(super) fn server(&self, n: usize) -> &Server {
        self.servers[n].as_ref().expect("it runs")
    }

    /// The API at one of the replicas.
    pub(super) fn api_at(&self, n: usize) -> Api {
        self.api.at(self.server(n))
    }

    /// Kills one as a power cut would.
    pub(super) async fn kill(&mut self, n: usize) {
        self.bases.lock().unwrap()[n] = None;
        if let Some(server) = self.servers[n].take() {
            server.kill().await;
        }
    }

    /// Starts one that is down, by this address, with these variables besides.
    pub(super) async fn start(&mut self, n: usize, address: &str, more: &[(&str, &str)]) {
        let server = begin(self.place, &self.port, address, more).await;
        self.bases.lock().unwrap()[n] = Some(server.url.clone());
        self.servers[n] = Some(server);
    }

    /// Starts one anew that dies or stands still at this place of the program.
    pub(super) async fn arm(&mut self, n: usize, failpoint: &str) {
        self.kill(n).await;
        let url = self.place.postgres_url().unwrap().to_owned();
        self.start(n, &url, &[("OPSKNIGHT_FAILPOINT", failpoint)]).await;
    }

    /// What a replica says of itself: the status, and the words.
    pub(super) async fn ready(&self, n: usize) -> (u16, String) {
        let url = format!("{}/readyz", self.server(n).url);
        let answer = self.api.http.get(url).send().await.expect("it answers");
        let status = answer.status().as_u16();
        (status, answer.text().await.unwrap_or_default())
    }

    /// Waits until a replica says so of itself.
    pub(super) async fn becomes(&self, n: usize, status: u16) {
        let what = format!("replica {n} says {status}");
        wait_until(&what, 2 * SOON, async || {
            (self.ready(n).await.0 == status).then_some(())
        })
        .await;
    }

    /// Asks the database something.
    pub(super) async fn ask(&self, question: impl AsyncFn(&Db) -> i64) -> i64 {
        let db = database(self.place).await;
        let n = question(&db).await;
        db.close().await;
        n
    }

    /// Waits until everything is done, ends the replicas in good order, and checks what they owe: every promise has its
    /// incident, its page and its news, and nothing arrived more often than it was tried. Gives back how many messages
    /// arrived twice.
    pub(super) async fn settle(mut self) -> usize {
        let n = (0..REPLICAS).find(|n| self.servers[*n].is_some()).expect("one runs");
        let api = self.api_at(n);
        settled(&api).await;
        let incidents = self.oracle.check(&api).await;
        assert!(incidents >= self.oracle.promises());
        for server in self.servers.iter_mut().flatten() {
            assert!(server.runs());
            assert!(server.terminate().await.success());
        }
        pay_the_rest(self.place, &self.around).await
    }
}

/// The database itself.
pub(super) async fn database(place: &Place) -> Db {
    let settings = db::Settings {
        postgres_url: place.postgres_url().map(str::to_owned),
        data_dir: place.data_dir(),
    };
    Db::open(&settings).await.expect("the database opens")
}

/// Starts a replica.
async fn begin(place: &Place, port: &str, address: &str, more: &[(&str, &str)]) -> Server {
    let mut command = opsknight(place);
    command
        .envs(PostOffice::variables(port))
        .env("DATABASE_URL", address)
        .env("OPSKNIGHT_ALLOW_PRIVATE_TARGETS", "true")
        .env("OPSKNIGHT_LEASE_S", LEASE_S)
        .envs(more.iter().copied());
    Server::run(command).await
}
