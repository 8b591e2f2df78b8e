//! `opsknight backup` and `opsknight restore`: an embedded database as one file.

use std::path::PathBuf;

use anyhow::{Context as _, bail};
use opsknight_store::db;

use super::say;
use crate::{config::Settings, secret_key, serve};

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
