//! `opsknight backup` and `opsknight restore`: an embedded database as one file, with its secret key or without.

use std::{
    collections::BTreeSet,
    path::{Path, PathBuf},
};

use anyhow::{Context as _, bail};
use opsknight_domain::{id::AuditId, incident::Actor};
use opsknight_store::{
    audit::{self, AuditLine, of_program},
    db::{self, Db, Sound},
    seal::Sealer,
};
use opsknight_web::state::Clock as _;
use serde_json::json;

use super::say;
use crate::{clock::SystemClock, config::Settings, failpoint, secret_key, serve};

/// Copies the database while the server runs.
pub(super) async fn backup(settings: Settings, file: PathBuf, with_key: bool) -> anyhow::Result<()> {
    if settings.database_url.is_some() {
        bail!("a PostgreSQL database is backed up with its own tools, such as pg_dump");
    }
    if !settings.data_dir.join(db::FILE).exists() {
        bail!("there is no database in {}", settings.data_dir.display());
    }
    // The server may have its key from its own environment: none is made here.
    let key = secret_key::known(&settings)?;
    if with_key && key.is_none() {
        bail!(
            "there is no secret key to go along: neither OPSKNIGHT_SECRET_KEY nor {} is there",
            settings.data_dir.join(secret_key::FILE).display()
        );
    }
    let db = Db::open(&serve::place(&settings)).await;
    let db = db.context("the database cannot be opened")?;
    let made = db.backup(&file, key.filter(|_| with_key)).await;
    let key_ids = made.context("the backup was not made")?;
    note(&db, &file).await;
    db.close().await;
    say(&format!(
        "{} holds everything that was committed before now, and was read back.",
        file.display()
    ));
    say(&if with_key {
        format!(
            "The secret key is in it: whoever has {} has every stored credential. Nobody else on this machine can read it.",
            file.display()
        )
    } else {
        about_key(&settings, key, &key_ids)
    });
    Ok(())
}

/// What to keep with a backup that goes without its key.
fn about_key(settings: &Settings, key: Option<[u8; 32]>, key_ids: &BTreeSet<String>) -> String {
    let path = settings.data_dir.join(secret_key::FILE);
    let from_file = settings.secret_key.is_none() && key.is_some();
    let fits = key.is_some_and(|key| key_ids.is_empty() || key_ids.contains(Sealer::new(&key).key_id()));
    let what = match (fits, from_file) {
        (true, true) => format!("Keep {}", path.display()),
        (true, false) => "Keep OPSKNIGHT_SECRET_KEY".to_owned(),
        (false, _) => "Keep the OPSKNIGHT_SECRET_KEY of the server, which is not known here,".to_owned(),
    };
    format!(
        "{what} with it, in another place: stored credentials can only be read with it. --with-key puts it into the file."
    )
}

/// Writes the backup down in the audit log, where the page about this system finds it. A backup is good without that.
async fn note(db: &Db, file: &Path) {
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
    if let Err(error) = db.write(unit).await {
        tracing::warn!(%error, "the backup was made, but could not be written down in the audit log");
    }
}

/// Puts a backup in place of a database that is empty or not there.
pub(super) async fn restore(settings: Settings, file: PathBuf) -> anyhow::Result<()> {
    if settings.database_url.is_some() {
        bail!("a PostgreSQL database is restored with its own tools, such as pg_restore");
    }
    let restored = tokio::task::spawn_blocking(move || put(&settings, &file));
    let lines = restored
        .await
        .context("the restoring did not end")?
        .context("nothing was restored")?;
    for line in lines {
        say(&line);
    }
    Ok(())
}

/// Puts it there, and returns what there is to say.
fn put(settings: &Settings, file: &Path) -> anyhow::Result<Vec<String>> {
    let sound = Sound::open(file)?;
    let _held = serve::lock(&settings.data_dir)?;
    let mut lines = vec![format!(
        "{} was restored from {}.",
        settings.data_dir.join(db::FILE).display(),
        file.display()
    )];
    if !sound.has_sum {
        lines.push("It has no sum of its own, so that only its structure could be checked.".to_owned());
    }
    let (carried, key_ids) = (sound.key, sound.key_ids.clone());
    // The key goes first: a database that were there without it would be given a new one by the next start.
    sound.place(&settings.data_dir, || {
        failpoint::hit("restore.copied");
        if let Some(key) = carried
            && settings.secret_key.is_none()
        {
            secret_key::keep(&settings.data_dir, &key)?;
        }
        failpoint::hit("restore.keyed");
        anyhow::Ok(())
    })?;
    failpoint::hit("restore.named");
    lines.extend(about_restored_key(settings, &key_ids, carried.is_some())?);
    lines.push(
        "What was open when it was copied is open again, and its people are paged as soon as it is served.".to_owned(),
    );
    Ok(lines)
}

/// Whether the key that is here opens what was restored, in words.
fn about_restored_key(
    settings: &Settings,
    key_ids: &BTreeSet<String>,
    carried: bool,
) -> anyhow::Result<Option<String>> {
    let path = settings.data_dir.join(secret_key::FILE);
    let place = match settings.secret_key {
        Some(_) => "OPSKNIGHT_SECRET_KEY".to_owned(),
        None => path.display().to_string(),
    };
    let fits = secret_key::known(settings)?.map(|key| key_ids.contains(Sealer::new(&key).key_id()));
    Ok(match fits {
        Some(true) => Some(format!("Its credentials are encrypted with the key in {place}.")),
        _ if key_ids.is_empty() && !carried => None,
        Some(false) if key_ids.is_empty() => None,
        Some(false) => Some(format!(
            "ATTENTION: its credentials are encrypted with another key than the one in {place}. Put the right one \
             there before the first start: without it they cannot be read."
        )),
        None => Some(format!(
            "ATTENTION: its credentials are encrypted, and there is no key here. Put the secret.key that was kept with it \
             at {}, or set OPSKNIGHT_SECRET_KEY, before the first start: without it they cannot be read.",
            path.display()
        )),
    })
}
