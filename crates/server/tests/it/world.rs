//! The program in this process on a clock that the test turns: the real routes, workers and store, with a mail server
//! and a receiver of webhooks around them. Workers work when the test says so, until there is nothing left to do.

use std::{
    net::SocketAddr,
    sync::{
        Arc,
        atomic::{AtomicI64, AtomicU64, Ordering},
    },
    time::Duration,
};

use jiff::{SignedDuration, Timestamp};
use opsknight_channels::Timeouts;
use opsknight_domain::id::ApiKeyId;
use opsknight_server::{
    app::{App, Make},
    config::{EVENTS_BODY_BYTES, HOOK_BODY_BYTES, Raw, RawProviders, Settings},
    engine::{audit::Auditor, deliver::Deliverer, escalate::Escalator},
    receive::Bounds,
    serve, telemetry,
};
use opsknight_store::{
    Store,
    api_keys::{self, ApiKeyRow},
    db::Tx,
    refusal::ChangeError,
};
use opsknight_web::state::Clock;
use serde_json::{Value, json};
use tokio::{net::TcpListener, task::JoinSet};
use uuid::Uuid;

use crate::{
    api::{ALL_SCOPES, Api, Integration, client},
    both::Place,
    post_office::PostOffice,
    sink::Sink,
    vendors::Vendors,
};

/// When stories begin: a Monday, 2026-06-01T12:00:00Z.
const BEGINS_AT_S: i64 = 1_780_315_200;
/// How finely time passes: waits of stories are longer.
const TICK: SignedDuration = SignedDuration::from_secs(5);
/// More rounds than any story needs to come to rest.
const ROUNDS_MAX: usize = 200;

/// A clock that stands still until it is turned; its random numbers are a count.
pub(crate) struct Turned {
    now_us: AtomicI64,
    count: AtomicU64,
}

impl Turned {
    pub(crate) fn at(begin: Timestamp) -> Arc<Self> {
        Arc::new(Self {
            now_us: AtomicI64::new(begin.as_microsecond()),
            count: AtomicU64::new(1),
        })
    }

    /// At the beginning of stories.
    pub(crate) fn at_noon() -> Arc<Self> {
        Self::at(Timestamp::from_second(BEGINS_AT_S).unwrap())
    }

    fn turn(&self, by: SignedDuration) {
        let us = i64::try_from(by.as_micros()).unwrap();
        self.now_us.fetch_add(us, Ordering::SeqCst);
    }

    /// The next number, well mixed (splitmix64).
    fn random(&self) -> u64 {
        let count = self.count.fetch_add(1, Ordering::SeqCst);
        let mut z = count.wrapping_mul(0x9e37_79b9_7f4a_7c15);
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }
}

impl Clock for Turned {
    fn now(&self) -> Timestamp {
        Timestamp::from_microsecond(self.now_us.load(Ordering::SeqCst)).unwrap()
    }

    fn uuid_v7(&self) -> Uuid {
        let ms = u128::try_from(self.now().as_millisecond()).unwrap();
        let count = u128::from(self.count.fetch_add(1, Ordering::SeqCst));
        Uuid::from_u128((ms << 80) | (0x7000 << 64) | (0x8000 << 48) | count)
    }

    fn uuid_v4(&self) -> Uuid {
        let random = u128::from(self.random()) << 64 | u128::from(self.random());
        uuid::Builder::from_random_bytes(random.to_be_bytes()).into_uuid()
    }

    fn fill(&self, bytes: &mut [u8]) {
        for chunk in bytes.chunks_mut(8) {
            let random = self.random().to_le_bytes();
            chunk.copy_from_slice(&random[..chunk.len()]);
        }
    }
}

/// What is around the program, and stays when it is started anew.
pub(crate) struct Around {
    pub(crate) clock: Arc<Turned>,
    pub(crate) post: PostOffice,
    pub(crate) sink: Sink,
    pub(crate) vendors: Vendors,
}

impl Around {
    pub(crate) async fn at(clock: Arc<Turned>) -> Arc<Self> {
        let (post, sink, vendors) = (PostOffice::start().await, Sink::start().await, Vendors::start().await);
        Arc::new(Self {
            clock,
            post,
            sink,
            vendors,
        })
    }

    /// The mail server, and no other provider.
    fn mail(&self) -> RawProviders {
        RawProviders {
            smtp_host: Some("127.0.0.1".into()),
            smtp_port: Some(self.post.port.to_string()),
            smtp_tls: Some("none".into()),
            ..self.vendors.bases()
        }
    }
}

/// Under which address people and vendors know the program.
pub(crate) const PUBLIC_URL: &str = "https://opsknight.example.com";

/// The program, and what is around it.
pub(crate) struct World {
    pub(crate) api: Api,
    pub(crate) around: Arc<Around>,
    pub(crate) store: Store,
    deliverer: Deliverer,
    escalator: Escalator,
    auditor: Auditor,
    _tasks: JoinSet<()>,
}

impl World {
    /// Begins a story.
    pub(crate) async fn begin(place: &Place) -> Self {
        Self::on(place, Around::at(Turned::at_noon()).await).await
    }

    /// Begins a story of a program that has other providers besides its mail server, or in its place.
    pub(crate) async fn begin_with(place: &Place, providers: impl FnOnce(&mut RawProviders)) -> Self {
        let around = Around::at(Turned::at_noon()).await;
        Self::begin_as(place, around, |raw| providers(&mut raw.providers)).await
    }

    /// Begins a story of a program with other settings than the usual.
    pub(crate) async fn begin_as(place: &Place, around: Arc<Around>, settings: impl FnOnce(&mut Raw)) -> Self {
        Self::with(place, around, settings, Timeouts::default()).await
    }

    /// Begins a story of a program that waits for its providers for two seconds and no longer.
    pub(crate) async fn begin_impatient(place: &Place, around: Arc<Around>, settings: impl FnOnce(&mut Raw)) -> Self {
        let timeouts = Timeouts {
            connect: Duration::from_secs(1),
            total: Duration::from_secs(2),
        };
        Self::with(place, around, settings, timeouts).await
    }

    /// The program on this data.
    pub(crate) async fn on(place: &Place, around: Arc<Around>) -> Self {
        Self::begin_as(place, around, |_| {}).await
    }

    async fn with(place: &Place, around: Arc<Around>, settings: impl FnOnce(&mut Raw), timeouts: Timeouts) -> Self {
        let mut raw = Raw {
            data_dir: place.data_dir().to_str().map(str::to_owned),
            database_url: place.postgres_url().map(str::to_owned),
            public_url: Some(PUBLIC_URL.to_owned()),
            providers: around.mail(),
            ..Raw::default()
        };
        settings(&mut raw);
        let settings = Settings::check(raw).expect("the settings are good");
        let client = client();
        let clock: Arc<dyn Clock> = around.clock.clone();
        let store = serve::open(&settings, &*clock).await.expect("the database opens");
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let base = format!("http://{}", listener.local_addr().unwrap());
        let app = App::new(Make {
            store: store.clone(),
            clock: clock.clone(),
            public_url: settings.public_url.clone().unwrap(),
            providers: settings.providers.clone(),
            clouds: settings.clouds.clone(),
            allow_private_targets: true,
            timeouts,
            bounds: Bounds {
                events_body: EVENTS_BODY_BYTES,
                hook_body: HOOK_BODY_BYTES,
            },
            trusted_proxies: Vec::new(),
            figures: telemetry::figures(),
        });
        let App {
            router,
            ingester,
            deliverer,
            escalator,
            auditor,
            ..
        } = app.expect("the program is put together");
        let mut tasks = JoinSet::new();
        tasks.spawn(ingester.run());
        tasks.spawn(async move {
            let service = router.into_make_service_with_connect_info::<SocketAddr>();
            axum::serve(listener, service).await.expect("the routes are served");
        });
        let key = api_key(&store, &*clock).await;
        let api = Api {
            base,
            key,
            http: client,
        };
        Self {
            api,
            around,
            store,
            deliverer,
            escalator,
            auditor,
            _tasks: tasks,
        }
    }

    pub(crate) fn now(&self) -> Timestamp {
        self.around.clock.now()
    }

    /// Works until there is nothing left to do at this time.
    pub(crate) async fn work(&mut self) {
        for _ in 0..ROUNDS_MAX {
            let mut did = self.escalator.run().await.expect("the escalator works");
            did += self.deliverer.take_back().await.expect("the deliverer works");
            did += self.deliverer.turn().await.expect("the deliverer works");
            while !self.deliverer.is_idle() {
                self.deliverer.wait().await;
                did += self.deliverer.turn().await.expect("the deliverer works");
            }
            if did == 0 {
                return;
            }
        }
        panic!("the program does not come to rest at {}", self.now());
    }

    /// Lets time pass, working all the while.
    pub(crate) async fn advance(&mut self, by: SignedDuration) {
        self.work().await;
        let until = self.now() + by;
        while self.now() < until {
            let step = TICK.min(until.duration_since(self.now()));
            self.around.clock.turn(step);
            self.work().await;
        }
    }

    pub(crate) async fn minutes(&mut self, minutes: i64) {
        self.advance(SignedDuration::from_mins(minutes)).await;
    }

    /// Lets time pass while the program does nothing.
    pub(crate) fn pass(&self, by: SignedDuration) {
        self.around.clock.turn(by);
    }

    /// Leases what is due and hands it to the network, and goes no further.
    pub(crate) async fn only_lease(&mut self) {
        self.escalator.run().await.expect("the escalator works");
        self.deliverer.turn().await.expect("the deliverer works");
        self.deliverer.wait().await;
    }

    /// Has the auditor look, and says how many things it mended.
    pub(crate) async fn audit(&self) -> usize {
        self.auditor.run().await.expect("the auditor works")
    }

    /// Ends a story: nothing is due, and the auditor has nothing to mend.
    pub(crate) async fn finish(mut self) {
        self.work().await;
        assert_eq!(self.audit().await, 0, "the auditor found something left undone");
    }

    /// Sends an event by an integration's key and gives back what came of it.
    pub(crate) async fn event(&self, integration: &Integration, event: Value) -> Value {
        let sent = self
            .api
            .http
            .post(format!("{}/api/events", self.api.base))
            .header("authorization", format!("Token token={}", integration.key))
            .json(&event);
        let response = sent.send().await.unwrap();
        let status = response.status();
        let body: Value = response.json().await.unwrap();
        assert_eq!(status, 202, "{event}: {body}");
        body["result"].clone()
    }

    /// Reports a problem, and gives back the incident's id.
    pub(crate) async fn trigger(&self, integration: &Integration, key: &str, severity: &str) -> String {
        let payload = json!({ "summary": format!("{key} is wrong"), "source": "test", "severity": severity });
        let event = json!({ "event_action": "trigger", "dedup_key": key, "payload": payload });
        let result = self.event(integration, event).await;
        result["incident"]["id"]
            .as_str()
            .expect("there is an incident")
            .to_owned()
    }

    pub(crate) async fn incident(&self, id: &str) -> Value {
        self.api.get(&format!("/api/incidents/{id}")).await
    }

    /// The story of an incident, a line an entry, with the time since the beginning of the story.
    pub(crate) async fn timeline(&self, id: &str) -> String {
        let entries = self.api.all(&format!("/api/incidents/{id}/timeline")).await;
        let mut lines = Vec::new();
        for entry in entries {
            let at: Timestamp = entry["at"].as_str().unwrap().parse().unwrap();
            let s = at.as_second() - BEGINS_AT_S;
            let (kind, said) = (entry["type"].as_str().unwrap(), entry["text"].as_str().unwrap());
            lines.push(format!(
                "{:02}:{:02}:{:02} {kind:<15} {said}",
                s / 3600,
                s / 60 % 60,
                s % 60
            ));
        }
        // Messages that are sent at the same time end in any order.
        let sent_at = |line: &String| line.split(" SENT ").next().map(str::len) == Some(8);
        for group in lines.chunk_by_mut(|a, b| sent_at(a) && sent_at(b) && a[..8] == b[..8]) {
            group.sort();
        }
        lines.join("\n")
    }

    /// The messages about an incident, the first first.
    pub(crate) async fn notifications(&self, id: &str) -> Vec<Value> {
        let mut all = self.api.all(&format!("/api/incidents/{id}/notifications")).await;
        all.sort_by_key(|message| message["id"].as_str().unwrap().to_owned());
        all
    }
}

async fn api_key(store: &Store, clock: &dyn Clock) -> String {
    let mut random = [0; api_keys::KEY_BYTES];
    clock.fill(&mut random);
    let key = api_keys::new_key(random);
    let row = ApiKeyRow {
        id: ApiKeyId::new(clock.uuid_v7()),
        name: "Tests".into(),
        hint: api_keys::hint(&key),
        scopes: ALL_SCOPES.split(',').map(str::to_owned).collect(),
        created_by: None,
        created_at: clock.now(),
        expires_at: None,
        last_used_at: None,
    };
    let text = key.expose().to_owned();
    let unit = async move |tx: &mut Tx<'_>| {
        api_keys::insert(tx, &row, &key).await?;
        Ok::<_, ChangeError>(())
    };
    store.db.write(unit).await.expect("the key is kept");
    text
}
