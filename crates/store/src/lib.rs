//! All SQL: one set of questions on SQLite and PostgreSQL.
//!
//! This crate alone knows the database. It decides nothing: rules live in the domain, and what they decide is written
//! here, in one transaction with its consequences.

use std::sync::Arc;

pub mod db;

mod migrate;

pub mod leaf;
pub mod listing;

pub mod refusal;

pub mod secret;

mod document;

pub mod users;

pub mod teams;

pub mod services;

pub mod integrations;

pub mod maintenance;

pub mod policies;

pub mod schedules;

pub mod calendar_feeds;

pub mod webhooks;

pub mod settings;

pub mod slack;

pub mod troubles;

pub mod heard;

pub mod allowances;

pub mod directory;

pub mod api_keys;

pub mod sessions;

pub mod login_steps;

pub mod passkeys;

pub mod provider_identities;

pub mod second_factor;

pub mod activity;

pub mod audit;

pub mod changes;

pub mod deliveries;

pub mod effects;
pub mod ended;

pub mod incidents;

pub mod metrics;
pub mod views;

mod json;

pub mod queues;
pub mod receipts;
pub mod responders;

pub mod timeline;

pub mod seal;

#[cfg(feature = "testing")]
pub mod testing;

/// The database with what is needed to read it: the key that opens credentials, and the picture of the configuration
/// in memory. Clones share it all.
#[derive(Debug, Clone)]
pub struct Store {
    /// Where units of work are run.
    pub db: db::Db,
    /// Seals and opens stored credentials.
    pub sealer: Arc<seal::Sealer>,
    /// The picture of the configuration.
    pub pictures: directory::Pictures,
}

impl Store {
    /// Opens the database; its tables are made by [`db::Db::migrate`]. `ways` are those that the environment sets
    /// up.
    ///
    /// # Errors
    /// When the database cannot be reached.
    pub async fn open(
        settings: &db::Settings,
        sealer: seal::Sealer,
        ways: impl Into<directory::Ways>,
    ) -> Result<Self, db::DbError> {
        Ok(Self::new(db::Db::open(settings).await?, sealer, ways))
    }

    /// The same with a database that is open already.
    #[must_use]
    pub fn new(db: db::Db, sealer: seal::Sealer, ways: impl Into<directory::Ways>) -> Self {
        let sealer = Arc::new(sealer);
        let pictures = directory::Pictures::new(Arc::clone(&sealer), ways.into());
        Self { db, sealer, pictures }
    }
}
