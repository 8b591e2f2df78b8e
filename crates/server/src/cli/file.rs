//! `opsknight backup` and `opsknight restore`: an embedded database as one file.

use std::path::{Path, PathBuf};

use anyhow::{Context as _, bail};
use opsknight_domain::{id::AuditId, incident::Actor};
use opsknight_store::{
    Store,
    audit::{self, AuditLine, of_program},
    db,
};
use opsknight_web::state::Clock as _;
use serde_json::json;

use super::say;
use crate::{clock::SystemClock, config::Settings, secret_key, serve};

/// Copies the database while the server runs.
pub(super) async fn backup(settings: Settings, file: PathBuf) -> anyhow::Result<()> {
    if settings.database_url.is_some() {
        bail!("a PostgreSQL database is backed up with its own tools, such as pg_dump");
    }
    if !settings.data_dir.join(db::FILE).exists() {
        bail!("there is no database in {}", settings.data_dir.display());
    }
    let store = serve::connect(&settings).await?;
    store.db.backup(&file).await.context("the backup was not made")?;
    note(&store, &file).await;
    store.db.close().await;
    say(&format!(
        "{} holds everything that was committed before now.",
        file.display()
    ));
    if settings.secret_key.is_none() {
        let key = settings.data_dir.join(secret_key::FILE);
        say(&format!(
            "Keep {} with it, in another place: stored credentials can only be read with it.",
            key.display()
        ));
    }
    Ok(())
}

/// Writes the backup down in the audit log, where the page about this system finds it. A backup is good without that.
async fn note(store: &Store, file: &Path) {
    let (id, now) = (AuditId::new(SystemClock.uuid_v7()), SystemClock.now());
    let name = file.file_name().unwrap_or_default().to_string_lossy().into_owned();
    let unit = async move |tx: &mut db::Tx<'_>| {
        let line = AuditLine {
            id,
            at: now,
            actor: &Actor::System,
            actor_id: None,
            ip: None,
            action: "database.backed_up",
            object_kind: of_program::DATABASE,
            object_id: of_program::DATABASE.to_owned(),
            object_name: &name,
            changes: json!({}),
        };
        audit::record(tx, &line).await
    };
    if let Err(error) = store.db.write(unit).await {
        tracing::warn!(%error, "the backup was made, but could not be written down in the audit log");
    }
}

/// Puts a backup in place of a database that is empty or not there.
pub(super) async fn restore(settings: Settings, file: PathBuf) -> anyhow::Result<()> {
    if settings.database_url.is_some() {
        bail!("a PostgreSQL database is restored with its own tools, such as pg_restore");
    }
    let (from, data_dir) = (file.clone(), settings.data_dir.clone());
    let restored = tokio::task::spawn_blocking(move || db::restore(&from, &data_dir));
    restored
        .await
        .context("the restoring did not end")?
        .context("nothing was restored")?;
    say(&format!(
        "{} was restored from {}.",
        settings.data_dir.join(db::FILE).display(),
        file.display()
    ));
    Ok(())
}
