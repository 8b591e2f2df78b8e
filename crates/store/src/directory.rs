//! The picture of the configuration that decisions are made from, kept in memory and never older than the database.
//!
//! Every change of the configuration moves one counter in its own transaction. Whoever decides reads that counter, one
//! look by primary key, and takes the picture in memory if it is of that version; else a new one is made. Nothing else
//! tells whether a picture is still true.

use std::{
    collections::{BTreeSet, HashMap},
    sync::{Arc, PoisonError, RwLock},
};

use jiff::Timestamp;
use opsknight_domain::{
    directory::{Channel, Directory, Policy, Team, User},
    id::IntegrationId,
};

use crate::{
    db::{DbError, Tx, Wake},
    integrations::{self, IntegrationRow},
    listing::Part,
    maintenance, policies, schedules,
    seal::Sealer,
    services, settings, slack, teams, troubles, users, webhooks,
};

/// How often a picture is made again because the configuration changed while it was being read.
const TRIES_MAX: usize = 5;

/// One consistent picture of the configuration.
#[derive(Debug, Clone, Default)]
pub struct Picture {
    /// What decisions are made from.
    pub directory: Directory,
    /// The doors for monitoring tools, by their identity.
    pub integrations: HashMap<IntegrationId, Arc<IntegrationRow>>,
    /// The same by the SHA-256 of their key, in lower-case hexadecimal digits.
    pub by_key: HashMap<String, IntegrationId>,
    /// How many integrations there are whose credentials cannot be opened with the secret key; they are left out.
    pub unreadable: usize,
}

/// What the environment sets up by which people are reached.
#[derive(Debug, Clone, Default)]
pub struct Ways {
    /// The channels that have a provider.
    pub channels: BTreeSet<Channel>,
    /// Slack has a conversation that is told where a service names none.
    pub slack_default: bool,
}

impl From<BTreeSet<Channel>> for Ways {
    fn from(channels: BTreeSet<Channel>) -> Self {
        Self {
            channels,
            slack_default: false,
        }
    }
}

/// The picture in memory. Clones share it.
#[derive(Debug, Clone)]
pub struct Pictures {
    inner: Arc<Inner>,
}

#[derive(Debug)]
struct Inner {
    sealer: Arc<Sealer>,
    ways: Ways,
    kept: RwLock<Arc<Picture>>,
}

impl Pictures {
    /// No picture yet. What is set up in the database is added to the `ways` of the environment.
    #[must_use]
    pub fn new(sealer: Arc<Sealer>, ways: Ways) -> Self {
        Self {
            inner: Arc::new(Inner {
                sealer,
                ways,
                kept: RwLock::default(),
            }),
        }
    }

    /// The picture in memory, however old; an empty one before the first was made. For what may be a little out of
    /// date: a page, a rate limit.
    #[must_use]
    pub fn cached(&self) -> Arc<Picture> {
        self.inner.kept.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// The picture as it is in this unit of work, `now` being the present time. A unit that has itself changed the
    /// configuration sees its change; that picture is kept for nobody else.
    ///
    /// # Errors
    /// When the database cannot answer.
    pub async fn current(&self, tx: &mut Tx<'_>, now: Timestamp) -> Result<Arc<Picture>, DbError> {
        let mut version = read_version(tx).await?;
        let own_change = tx.will_wake(&Wake::Config);
        let kept = self.cached();
        if kept.directory.version == version && !own_change {
            return Ok(kept);
        }
        let mut tries = 0;
        loop {
            let picture = Arc::new(self.load(tx, version, now).await?);
            // A write unit on PostgreSQL sees what others commit while it reads: then the parts may not fit together.
            let after = read_version(tx).await?;
            if after == version {
                if !own_change {
                    self.keep(&picture);
                }
                return Ok(picture);
            }
            version = after;
            tries += 1;
            if tries == TRIES_MAX {
                return Err(DbError::Busy {
                    what: "the configuration changes faster than it can be read".into(),
                });
            }
        }
    }

    fn keep(&self, picture: &Arc<Picture>) {
        let mut kept = self.inner.kept.write().unwrap_or_else(PoisonError::into_inner);
        if kept.directory.version < picture.directory.version {
            *kept = Arc::clone(picture);
        }
    }

    async fn load(&self, tx: &mut Tx<'_>, version: i64, now: Timestamp) -> Result<Picture, DbError> {
        let since = now.checked_sub(schedules::OVERRIDE_KEPT_FOR).unwrap_or(Timestamp::MIN);
        let mut directory = Directory {
            version,
            channels: self.inner.ways.channels.clone(),
            slack_default: self.inner.ways.slack_default,
            troubles: troubles::map(tx).await?,
            ..Directory::default()
        };
        load_people(tx, &mut directory).await?;
        let services = services::all(tx).await?.into_iter();
        directory.services = services.map(|row| (row.id, row.into_domain())).collect();
        let (rows, _) = policies::list(tx, Part::ALL).await?;
        let policies = rows.into_iter().map(|row| Policy {
            id: row.id,
            name: row.name,
            repeat: row.repeat,
            steps: row.steps,
        });
        directory.policies = policies.map(|policy| (policy.id, policy)).collect();
        let schedules = schedules::all(tx, since).await?.into_iter();
        directory.schedules = schedules.map(|schedule| (schedule.id, schedule)).collect();
        for window in maintenance::since(tx, since).await? {
            directory.maintenance.entry(window.service).or_default().push(window);
        }
        directory.webhooks = webhooks::all(tx).await?;
        directory.channels.extend(settings::channels(tx).await?);
        let (connected, with_default) = slack::connected(tx).await?;
        directory.channels.extend(connected.then_some(Channel::Slack));
        directory.slack_default |= with_default;

        let (rows, unreadable) = integrations::all(tx, &self.inner.sealer).await?;
        let mut picture = Picture {
            directory,
            unreadable,
            ..Picture::default()
        };
        for row in rows {
            picture.by_key.insert(row.key.hash(), row.id);
            picture.integrations.insert(row.id, Arc::new(row));
        }
        Ok(picture)
    }
}

/// People with the ways to reach them and their rules, and the teams they belong to.
async fn load_people(tx: &mut Tx<'_>, directory: &mut Directory) -> Result<(), DbError> {
    for row in users::all(tx).await? {
        let user = User {
            id: row.id,
            name: row.name,
            email: row.email,
            role: row.role,
            standing: row.standing,
            wants_news: row.wants_news,
            contact_methods: Vec::new(),
            rules: Vec::new(),
        };
        directory.users.insert(user.id, user);
    }
    for method in users::all_contact_methods(tx).await? {
        if let Some(user) = directory.users.get_mut(&method.user) {
            user.contact_methods.push(method.into_domain());
        }
    }
    for row in users::all_rules(tx).await? {
        if let Some(user) = directory.users.get_mut(&row.user) {
            user.rules.push(row.rule);
        }
    }
    let (rows, _) = teams::list(tx, Part::ALL).await?;
    let teams = rows.into_iter().map(|row| Team {
        id: row.id,
        name: row.name,
        members: row.members,
    });
    directory.teams = teams.map(|team| (team.id, team)).collect();
    Ok(())
}

async fn read_version(tx: &mut Tx<'_>) -> Result<i64, DbError> {
    let sql = "SELECT n FROM counter WHERE name = 'directory_version'";
    tx.query_one(sql, &[]).await?.take()
}

/// Says that this unit of work changes the configuration: pictures are made again, and those who wait for changes are
/// woken. The functions of this crate that change the configuration do so first of all, which also makes such units
/// wait for each other on PostgreSQL, so that what one has checked another cannot undo.
///
/// A version is never given twice, also not after a commit that failed: it follows the clock.
///
/// # Errors
/// When the database cannot take it.
pub async fn bump(tx: &mut Tx<'_>, now: Timestamp) -> Result<(), DbError> {
    let sql = "UPDATE counter SET n = CASE WHEN n >= $1 THEN n + 1 ELSE $1 END WHERE name = 'directory_version'";
    tx.execute(sql, &[now.into()]).await?;
    tx.wake(Wake::Config);
    Ok(())
}
