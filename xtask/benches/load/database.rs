//! The databases that are measured, and the organisation in them: many services with an integration each, one policy
//! that pages a person by mail, one generic webhook for all.

use std::{
    collections::BTreeSet,
    path::{Path, PathBuf},
    sync::atomic::{AtomicU64, Ordering},
};

use anyhow::Context as _;
use opsknight_domain::{
    directory::{Channel, Role, Standing, Step, Target},
    id::{ApiKeyId, IntegrationId, PolicyId, ServiceId, UserId, WebhookId},
    urgency::UrgencyTable,
};
use opsknight_server::clock::SystemClock;
use opsknight_store::{
    Store, api_keys, db,
    integrations::{self, IntegrationRow},
    policies::{self, PolicyRow},
    refusal::ChangeError,
    seal::Sealer,
    secret::{Secret, token_hash},
    services::{self, ServiceRow},
    sessions::{self, SessionRow},
    users::{self, UserRow},
    webhooks::{self, WebhookKind, WebhookRow},
};
use opsknight_web::state::Clock as _;
use sha2::{Digest as _, Sha256};

/// Services, each with one integration.
pub(crate) const SERVICES: usize = 200;
/// Of these, so many have one for Alertmanager too.
const HOOKS: usize = 20;
/// People who are signed in.
const VIEWERS: usize = 20;
/// The secret key of the servers that are measured.
pub(crate) const SECRET_KEY: &str = "a key for measuring that guards nothing";
/// Requests in a minute that an integration may send: as many as can be set.
const RATE_LIMIT: u32 = 100_000;
/// Minutes after which the policy's only step has passed: after the measuring.
const STEP_MINUTES: u32 = 240;

/// One database.
#[derive(Clone)]
pub(crate) struct Database {
    /// What it is, for people.
    pub(crate) name: &'static str,
    /// The directory of the server's data.
    pub(crate) folder: PathBuf,
    /// The address, on PostgreSQL.
    pub(crate) url: Option<String>,
}

/// What is in it.
#[derive(Clone)]
pub(crate) struct Organisation {
    /// The keys of all integrations.
    pub(crate) keys: Vec<String>,
    /// The paths of webhooks for Alertmanager, one for each of the first services.
    pub(crate) hooks: Vec<String>,
    /// The services.
    pub(crate) services: Vec<ServiceId>,
    /// An API key that may read incidents.
    pub(crate) api_key: String,
    /// That key's row.
    pub(crate) api_key_id: ApiKeyId,
    /// The tokens of people who are signed in.
    pub(crate) sessions: Vec<String>,
    /// Somebody who is paged.
    pub(crate) person: UserId,
}

/// Makes new databases, each in a place of its own.
pub(crate) struct Places {
    folder: PathBuf,
    postgres: Option<String>,
    count: AtomicU64,
}

impl Places {
    /// Everything goes under this folder, which is emptied; a PostgreSQL server gets a schema each.
    pub(crate) fn new(folder: &Path, postgres: Option<String>) -> anyhow::Result<Self> {
        if folder.exists() {
            std::fs::remove_dir_all(folder).context("what an earlier run left cannot be removed")?;
        }
        std::fs::create_dir_all(folder)?;
        Ok(Self {
            folder: folder.to_owned(),
            postgres,
            count: AtomicU64::new(0),
        })
    }

    fn next(&self) -> (PathBuf, u64) {
        let n = self.count.fetch_add(1, Ordering::Relaxed);
        (self.folder.join(n.to_string()), n)
    }

    /// A new SQLite database.
    pub(crate) fn sqlite(&self) -> Database {
        Database {
            name: "SQLite",
            folder: self.next().0,
            url: None,
        }
    }

    /// A new database on each that is measured, one after the other.
    pub(crate) async fn both(&self) -> anyhow::Result<Vec<Database>> {
        let mut both = vec![self.sqlite()];
        both.extend(self.postgres().await?);
        Ok(both)
    }

    /// A new schema on PostgreSQL, if there is a server.
    pub(crate) async fn postgres(&self) -> anyhow::Result<Option<Database>> {
        let Some(url) = &self.postgres else { return Ok(None) };
        let (folder, n) = self.next();
        let schema = format!("bench_{}_{n}", std::process::id());
        let settings = db::Settings {
            postgres_url: Some(url.clone()),
            data_dir: folder.clone(),
        };
        let db = db::Db::open(&settings).await?;
        let create = format!("CREATE SCHEMA {schema}");
        let made: Result<_, db::DbError> = db.write(async move |tx| tx.execute(&create, &[]).await).await;
        made?;
        db.close().await;
        let sign = if url.contains('?') { '&' } else { '?' };
        Ok(Some(Database {
            name: "PostgreSQL",
            folder,
            url: Some(format!("{url}{sign}options=-c%20search_path%3D{schema}")),
        }))
    }
}

impl Database {
    /// Opens it without a server.
    pub(crate) async fn open(&self) -> anyhow::Result<Store> {
        std::fs::create_dir_all(&self.folder)?;
        let settings = db::Settings {
            postgres_url: self.url.clone(),
            data_dir: self.folder.clone(),
        };
        let sealer = Sealer::new(&Sha256::digest(SECRET_KEY.as_bytes()).into());
        let store = Store::open(&settings, sealer, BTreeSet::from([Channel::Email])).await?;
        store.db.migrate(SystemClock.now()).await?;
        Ok(store)
    }

    /// Fills it with the organisation, whose webhook goes there.
    pub(crate) async fn organise(&self, webhook: std::net::SocketAddr) -> anyhow::Result<Organisation> {
        self.organise_many(webhook, SERVICES).await
    }

    /// The same with as many services; people and policies stay as few.
    pub(crate) async fn organise_many(
        &self,
        webhook: std::net::SocketAddr,
        services: usize,
    ) -> anyhow::Result<Organisation> {
        let store = self.open().await?;
        let made = organise(&store, webhook, services).await;
        store.db.close().await;
        Ok(made?)
    }
}

async fn organise(store: &Store, sink: std::net::SocketAddr, count: usize) -> Result<Organisation, ChangeError> {
    let (clock, now) = (SystemClock, SystemClock.now());
    // Each service pages a person of its own: pages to one address are gathered.
    let people: Vec<UserRow> = (0..SERVICES).map(user).collect();
    let policies: Vec<PolicyRow> = people.iter().map(|user| policy(user.id)).collect();
    let services: Vec<ServiceRow> = (0..count).map(|n| service(n, policies[n % SERVICES].id)).collect();
    let doors: Vec<IntegrationRow> = services
        .iter()
        .map(|service| integration(service.id, "EVENTS_API_V2"))
        .collect();
    let hooks: Vec<IntegrationRow> = services[..HOOKS]
        .iter()
        .map(|service| integration(service.id, "PROMETHEUS"))
        .collect();
    let webhook = webhook(&format!("http://{sink}/hook"));
    let mut random = [0; api_keys::KEY_BYTES];
    clock.fill(&mut random);
    let key = api_keys::new_key(random);
    let key_row = api_keys::ApiKeyRow {
        id: ApiKeyId::new(clock.uuid_v7()),
        name: "Measuring".into(),
        hint: api_keys::hint(&key),
        scopes: vec!["incidents:read".into(), "events:write".into()],
        created_by: None,
        created_at: now,
        expires_at: None,
        last_used_at: None,
    };
    let sessions: Vec<(String, SessionRow)> = people[..VIEWERS].iter().map(|user| session(user.id)).collect();
    let organisation = Organisation {
        keys: doors.iter().map(|door| door.key.expose().to_owned()).collect(),
        hooks: hooks
            .iter()
            .map(|hook| format!("/api/integrations/prometheus?integrationId={}", hook.id))
            .collect(),
        services: services.iter().map(|service| service.id).collect(),
        api_key: key.expose().to_owned(),
        api_key_id: key_row.id,
        sessions: sessions.iter().map(|(token, _)| token.clone()).collect(),
        person: people[7].id,
    };
    let sealer = store.sealer.clone();
    let unit = async move |tx: &mut db::Tx<'_>| {
        for user in &people {
            users::insert(tx, user).await?;
        }
        for policy in &policies {
            policies::insert(tx, policy).await?;
        }
        for service in &services {
            services::insert(tx, service).await?;
        }
        for door in doors.iter().chain(&hooks) {
            integrations::insert(tx, &sealer, door).await?;
        }
        webhooks::insert(tx, &sealer, &webhook).await?;
        api_keys::insert(tx, &key_row, &key).await?;
        for (_, session) in &sessions {
            sessions::insert(tx, session).await?;
        }
        Ok::<_, ChangeError>(())
    };
    store.db.write(unit).await?;
    Ok(organisation)
}

/// Somebody's session, with its token.
fn session(user: UserId) -> (String, SessionRow) {
    let mut random = [0; 32];
    SystemClock.fill(&mut random);
    let token = hex::encode(random);
    let row = SessionRow::new(token_hash(&token), user, None, None, SystemClock.now());
    (token, row)
}

fn user(n: usize) -> UserRow {
    let now = SystemClock.now();
    UserRow {
        id: UserId::new(SystemClock.uuid_v7()),
        email: format!("jane-{n}@example.com"),
        name: format!("Jane Doe {n}"),
        role: Role::Admin,
        standing: Standing::Active,
        time_zone: "UTC".into(),
        phone: None,
        wants_news: true,
        created_at: now,
        updated_at: now,
    }
}

fn policy(user: UserId) -> PolicyRow {
    let now = SystemClock.now();
    PolicyRow {
        id: PolicyId::new(SystemClock.uuid_v7()),
        name: "Everything".into(),
        description: None,
        repeat: 0,
        steps: vec![Step {
            targets: vec![Target::User(user)],
            delay_minutes: STEP_MINUTES,
            channels: Vec::new(),
        }],
        created_at: now,
        updated_at: now,
    }
}

fn service(n: usize, policy: PolicyId) -> ServiceRow {
    let now = SystemClock.now();
    ServiceRow {
        id: ServiceId::new(SystemClock.uuid_v7()),
        name: format!("Service {n:04}"),
        description: None,
        team: None,
        policy: Some(policy),
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
    }
}

fn integration(service: ServiceId, type_name: &str) -> IntegrationRow {
    let now = SystemClock.now();
    let mut random = [0; integrations::KEY_BYTES];
    SystemClock.fill(&mut random);
    IntegrationRow {
        id: IntegrationId::new(SystemClock.uuid_v4()),
        service,
        name: "Load".into(),
        type_name: type_name.into(),
        key: integrations::new_key(random),
        secret: None,
        enabled: true,
        require_key: false,
        rate_limit_per_minute: RATE_LIMIT,
        field_mapping: None,
        token_rule: None,
        topics: Vec::new(),
        created_at: now,
        updated_at: now,
    }
}

fn webhook(url: &str) -> WebhookRow {
    let now = SystemClock.now();
    WebhookRow {
        id: WebhookId::new(SystemClock.uuid_v7()),
        name: "Sink".into(),
        kind: WebhookKind::Generic,
        url: Secret::new(url),
        secret: Some(Secret::new("a secret to sign with")),
        channel: None,
        enabled: true,
        happenings: BTreeSet::new(),
        services: BTreeSet::new(),
        created_at: now,
        updated_at: now,
    }
}
