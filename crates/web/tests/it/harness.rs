//! The whole router on a fresh SQLite database, with a clock that stands still until it is told.

mod outside;

use std::{
    collections::BTreeSet,
    sync::{
        Arc,
        atomic::{AtomicI64, AtomicU64, Ordering},
    },
};

use axum::{Router, body::Body};
use http::{Method, Request, Response, StatusCode, header};
use http_body_util::BodyExt as _;
use jiff::Timestamp;
use opsknight_domain::{
    directory::{Channel, Role, Standing},
    id::{ApiKeyId, PolicyId, ReceiptId, ServiceId, UserId},
    urgency::UrgencyTable,
};
use opsknight_store::{
    Store,
    api_keys::{self, ApiKeyRow},
    db::Tx,
    receipts::{self, Receipt},
    refusal::ChangeError,
    seal::Sealer,
    secret::Secret,
    services::{self, ServiceRow},
    sessions::{self, LinkPurpose, SessionRow},
    testing::{TestDb, fresh_sqlite},
    users::{self, UserRow},
};
use opsknight_web::{AppState, Clock, Limits, Parts, Peer, router};
use serde_json::{Value, json};
use tower::ServiceExt as _;
use uuid::Uuid;

use outside::Outside;

/// 2026-06-01T12:00:00Z.
const BEGINS_AT_S: i64 = 1_780_315_200;

#[derive(Debug)]
pub(crate) struct TestClock {
    now_s: AtomicI64,
    count: AtomicU64,
}

impl TestClock {
    fn new() -> Self {
        Self {
            now_s: AtomicI64::new(BEGINS_AT_S),
            count: AtomicU64::new(1),
        }
    }

    pub(crate) fn advance_s(&self, seconds: i64) {
        self.now_s.fetch_add(seconds, Ordering::Relaxed);
    }
}

impl Clock for TestClock {
    fn now(&self) -> Timestamp {
        Timestamp::from_second(self.now_s.load(Ordering::Relaxed)).expect("the instant of a test can be told")
    }

    fn uuid_v7(&self) -> Uuid {
        let count = self.count.fetch_add(1, Ordering::Relaxed);
        Uuid::from_u128(0x0190_0000_0000_7000_8000_0000_0000_0000 + u128::from(count))
    }

    fn uuid_v4(&self) -> Uuid {
        let count = self.count.fetch_add(1, Ordering::Relaxed);
        Uuid::from_u128(0x4000_8000_0000_0000_0000 + (u128::from(count) << 80))
    }

    fn fill(&self, bytes: &mut [u8]) {
        let mut state = self
            .count
            .fetch_add(1, Ordering::Relaxed)
            .wrapping_mul(0x9e37_79b9_7f4a_7c15);
        for byte in bytes {
            state = state
                .wrapping_mul(6_364_136_223_846_793_005)
                .wrapping_add(1_442_695_040_888_963_407);
            *byte = (state >> 56) as u8;
        }
    }
}

pub(crate) struct App {
    pub(crate) state: AppState,
    pub(crate) clock: Arc<TestClock>,
    pub(crate) outside: Arc<Outside>,
    router: Router,
    _db: TestDb,
}

/// What was answered.
pub(crate) struct Answer {
    pub(crate) status: StatusCode,
    pub(crate) headers: http::HeaderMap,
    pub(crate) text: String,
}

impl Answer {
    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.text).unwrap_or_else(|error| panic!("{error}: {}", self.text))
    }

    pub(crate) fn code(&self) -> String {
        self.json()["error"]["code"].as_str().unwrap_or_default().to_owned()
    }

    pub(crate) fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", |value| value.to_str().unwrap())
    }

    /// The value of the cookie that is set.
    pub(crate) fn cookie(&self, name: &str) -> Option<String> {
        let all = self.headers.get_all(header::SET_COOKIE).iter();
        all.filter_map(|value| {
            value
                .to_str()
                .ok()?
                .split(';')
                .next()?
                .strip_prefix(&format!("{name}="))
        })
        .map(str::to_owned)
        .next()
    }
}

/// Who asks.
#[derive(Debug, Clone)]
pub(crate) enum As {
    Nobody,
    Session(String),
    Key(String),
}

impl App {
    pub(crate) async fn new() -> Self {
        Self::at("http://ok.example").await
    }

    pub(crate) async fn at(public_url: &str) -> Self {
        Self::with(public_url, &[], &[Channel::Email]).await
    }

    /// The server with these environment variables set, and with providers for these channels.
    pub(crate) async fn with(public_url: &str, environment: &[&str], channels: &[Channel]) -> Self {
        let db = fresh_sqlite().await;
        let clock = Arc::new(TestClock::new());
        let outside = Arc::new(Outside::default());
        let channels: BTreeSet<Channel> = channels.iter().copied().collect();
        let state = AppState::new(Parts {
            store: Store::new(db.clone(), Sealer::new(&[7; 32]), channels),
            clock: clock.clone(),
            public_url: public_url.parse().unwrap(),
            receive: outside.clone(),
            providers: outside.clone(),
            environment: environment.iter().map(|name| (*name).to_owned()).collect(),
            vitals: outside.clone(),
            limits: Limits {
                body_bytes: 64 * 1024,
                live_streams: 3,
                live_streams_each: 2,
            },
        });
        let router = router(state.clone());
        Self {
            state,
            clock,
            outside,
            router,
            _db: db,
        }
    }

    pub(crate) fn clock_now(&self) -> Timestamp {
        self.clock.now()
    }

    pub(crate) async fn send(&self, mut request: Request<Body>) -> Response<Body> {
        if request.extensions().get::<Peer>().is_none() {
            request.extensions_mut().insert(Peer("192.0.2.1".parse().unwrap()));
        }
        self.router.clone().oneshot(request).await.unwrap()
    }

    pub(crate) async fn ask(&self, request: Request<Body>) -> Answer {
        let response = self.send(request).await;
        let (parts, body) = response.into_parts();
        let bytes = body.collect().await.unwrap().to_bytes();
        Answer {
            status: parts.status,
            headers: parts.headers,
            text: String::from_utf8_lossy(&bytes).into_owned(),
        }
    }

    pub(crate) fn request(&self, who: &As, method: &Method, path: &str) -> http::request::Builder {
        let request = Request::builder()
            .method(method)
            .uri(path)
            .header(header::HOST, "ok.example");
        match who {
            As::Nobody => request,
            As::Session(token) => request.header(header::COOKIE, format!("session={token}")),
            As::Key(key) => request.header(header::AUTHORIZATION, format!("Bearer {key}")),
        }
    }

    pub(crate) async fn get(&self, who: &As, path: &str) -> Answer {
        let request = self.request(who, &Method::GET, path);
        self.ask(request.body(Body::empty()).unwrap()).await
    }

    pub(crate) async fn call(&self, who: &As, method: Method, path: &str, body: &Value) -> Answer {
        let request = self
            .request(who, &method, path)
            .header(header::CONTENT_TYPE, "application/json");
        self.ask(request.body(Body::from(body.to_string())).unwrap()).await
    }

    pub(crate) async fn form(&self, who: &As, path: &str, fields: &[(&str, &str)]) -> Answer {
        let body = form_urlencoded::Serializer::new(String::new())
            .extend_pairs(fields)
            .finish();
        let request = self
            .request(who, &Method::POST, path)
            .header(header::CONTENT_TYPE, "application/x-www-form-urlencoded")
            .header(header::ORIGIN, "http://ok.example");
        self.ask(request.body(Body::from(body)).unwrap()).await
    }

    /// Adds a person with the password of `password::PASSWORD`.
    pub(crate) async fn person(&self, name: &str, role: Role) -> UserId {
        let now = self.clock.now();
        let user = UserRow {
            id: UserId::new(self.clock.uuid_v7()),
            email: format!("{}@example.com", name.to_lowercase()),
            name: name.to_owned(),
            role,
            standing: Standing::Active,
            time_zone: "Europe/Berlin".to_owned(),
            phone: None,
            wants_news: true,
            created_at: now,
            updated_at: now,
        };
        let hash = crate::password::cheap();
        let id = user.id;
        let unit = async move |tx: &mut Tx<'_>| {
            users::insert(tx, &user).await?;
            users::set_password(tx, user.id, &hash, now).await
        };
        self.state.store.db.write::<_, ChangeError, _>(unit).await.unwrap();
        id
    }

    /// A page as a browser gets it that carries these cookies.
    pub(crate) async fn get_with(&self, cookies: &[(&str, &str)], path: &str) -> Answer {
        let request = self.request(&As::Nobody, &Method::GET, path);
        let request = request.header(header::COOKIE, cookie_header(cookies));
        self.ask(request.body(Body::empty()).unwrap()).await
    }

    /// A form that a browser sends which carries these cookies.
    pub(crate) async fn form_with(&self, cookies: &[(&str, &str)], path: &str, fields: &[(&str, &str)]) -> Answer {
        let body = form_urlencoded::Serializer::new(String::new())
            .extend_pairs(fields)
            .finish();
        let request = self
            .request(&As::Nobody, &Method::POST, path)
            .header(header::CONTENT_TYPE, "application/x-www-form-urlencoded")
            .header(header::ORIGIN, "http://ok.example")
            .header(header::COOKIE, cookie_header(cookies));
        self.ask(request.body(Body::from(body)).unwrap()).await
    }

    /// A session of a new person with this role.
    pub(crate) async fn signed_in(&self, name: &str, role: Role) -> As {
        self.signed_in_as(name, role).await.1
    }

    /// The same with who they are.
    pub(crate) async fn signed_in_as(&self, name: &str, role: Role) -> (UserId, As) {
        let user = self.person(name, role).await;
        (user, self.session_of(user).await)
    }

    /// A session of a person.
    pub(crate) async fn session_of(&self, user: UserId) -> As {
        let token = self.state.token();
        let hash = opsknight_store::secret::token_hash(&token);
        let session = SessionRow::new(hash, user, None, None, self.clock.now());
        let unit = async move |tx: &mut Tx<'_>| sessions::insert(tx, &session).await;
        self.state.store.db.write(unit).await.unwrap();
        As::Session(token)
    }

    /// An API key with these scopes.
    pub(crate) async fn key(&self, scopes: &[&str]) -> As {
        let mut random = [0; api_keys::KEY_BYTES];
        self.clock.fill(&mut random);
        let key: Secret = api_keys::new_key(random);
        let row = ApiKeyRow {
            id: ApiKeyId::new(self.clock.uuid_v7()),
            name: "CI".to_owned(),
            hint: api_keys::hint(&key),
            scopes: scopes.iter().map(|scope| (*scope).to_owned()).collect(),
            created_by: None,
            created_at: self.clock.now(),
            expires_at: None,
            last_used_at: None,
        };
        let shown = key.expose().to_owned();
        let unit = async move |tx: &mut Tx<'_>| api_keys::insert(tx, &row, &key).await;
        self.state.store.db.write::<_, ChangeError, _>(unit).await.unwrap();
        As::Key(shown)
    }

    pub(crate) async fn service(&self, name: &str, policy: Option<PolicyId>) -> ServiceId {
        let now = self.clock.now();
        let row = ServiceRow {
            id: ServiceId::new(self.clock.uuid_v7()),
            name: name.to_owned(),
            description: None,
            team: None,
            policy,
            region: None,
            sla_tier: None,
            slack_channel: None,
            runbook_url: None,
            repository_url: None,
            dashboard_url: None,
            target_ack_minutes: None,
            target_resolve_minutes: None,
            notification_channels: BTreeSet::new(),
            notify_on: BTreeSet::new(),
            urgencies: UrgencyTable::default(),
            created_at: now,
            updated_at: now,
        };
        let id = row.id;
        let unit = async move |tx: &mut Tx<'_>| services::insert(tx, &row).await;
        self.state.store.db.write::<_, ChangeError, _>(unit).await.unwrap();
        id
    }

    /// A one-time link's token.
    pub(crate) async fn link(&self, purpose: LinkPurpose, user: Option<UserId>) -> String {
        let token = self.state.token();
        let hash = opsknight_store::secret::token_hash(&token);
        let now = self.clock.now();
        let ends = now.checked_add(jiff::SignedDuration::from_hours(1)).unwrap();
        let unit = async move |tx: &mut Tx<'_>| sessions::insert_link(tx, &hash, purpose, user, now, ends).await;
        self.state.store.db.write(unit).await.unwrap();
        token
    }

    /// A request that came in for this service.
    pub(crate) async fn received(&self, service: ServiceId, body: &str, results: Value) -> ReceiptId {
        let receipt = Receipt {
            id: ReceiptId::new(self.clock.uuid_v7()),
            at: self.clock.now(),
            integration: None,
            service: Some(service),
            kind: "WEBHOOK".to_owned(),
            method: "POST".to_owned(),
            path: "/api/integrations/webhook".to_owned(),
            query: "x=1".to_owned(),
            headers: json!({ "content-type": "text/plain", "authorization": "(left out)" }),
            body: body.as_bytes().to_vec(),
            status: 202,
            results,
            remote_id: None,
            is_test: false,
            replay_of: None,
        };
        let id = receipt.id;
        let unit = async move |tx: &mut Tx<'_>| receipts::insert(tx, vec![receipt.clone()]).await;
        self.state.store.db.write(unit).await.unwrap();
        id
    }

    /// An incident that an administrator's key opened.
    pub(crate) async fn incident(&self, title: &str) -> Value {
        let service = self.service("Web", None).await;
        let key = self.key(&["incidents:write"]).await;
        let body = json!({ "title": title, "serviceId": service.to_string() });
        let answer = self.call(&key, Method::POST, "/api/incidents", &body).await;
        assert_eq!(answer.status, StatusCode::CREATED, "{}", answer.text);
        answer.json()
    }
}

fn cookie_header(cookies: &[(&str, &str)]) -> String {
    let pairs: Vec<String> = cookies.iter().map(|(name, value)| format!("{name}={value}")).collect();
    pairs.join("; ")
}
