//! `opsknight doctor`: checks everything that the server will need, and says what is wrong in words.

use std::sync::Arc;

use anyhow::bail;
use jiff::{SignedDuration, Timestamp};
use opsknight_channels::Timeouts;
use opsknight_domain::directory::Channel;
use opsknight_store::db::{DbError, Tx};
use opsknight_web::state::Clock;

use super::say;
use crate::{
    clock::SystemClock,
    config::Settings,
    engine::outbox::{Calls, Outbox},
    serve,
};

/// A clock before this release was made is wrong: 2026-11-01.
const EARLIEST_S: i64 = 1_793_491_200;
/// How far the database server's clock may be from ours.
const CLOCK_APART_MAX: SignedDuration = SignedDuration::from_secs(5);

/// Checks and tells.
pub(super) async fn doctor(settings: Settings) -> anyhow::Result<()> {
    let clock: Arc<dyn Clock> = Arc::new(SystemClock);
    let mut wrong = 0;
    let mut tell = |ok: bool, what: &str| {
        wrong += usize::from(!ok);
        say(&format!("{} {what}", if ok { "ok     " } else { "PROBLEM" }));
    };
    tell(true, "the settings can be read");
    match &settings.public_url {
        Some(url) if url.scheme() == "https" => tell(true, &format!("people reach this server at {url}")),
        Some(url) => tell(
            true,
            &format!("people reach this server at {url}; without https, sessions can be overheard"),
        ),
        None => tell(
            true,
            "OPSKNIGHT_PUBLIC_URL is not set: links in messages only work on this machine",
        ),
    }
    if !settings.clouds.sns_verify_signatures {
        let what = "OPSKNIGHT_SNS_VERIFY_SIGNATURES is false: whoever knows a URL can send alarms of CloudWatch; right for an \
                    emulator only";
        tell(true, what);
    }
    let now = clock.now();
    tell(
        now.as_second() > EARLIEST_S,
        &format!("the clock of this machine says {now}"),
    );
    let store = match serve::connect(&settings).await {
        Ok(store) => store,
        Err(error) => {
            tell(false, &format!("{error:#}"));
            bail!("{wrong} problem(s) found");
        }
    };
    let kind = match settings.database_url {
        Some(_) => "PostgreSQL",
        None => "the embedded database",
    };
    match store.db.ping().await {
        Ok(()) => tell(true, &format!("{kind} answers")),
        Err(error) => tell(false, &format!("{kind} does not answer: {error}")),
    }
    if settings.database_url.is_some() {
        match store.db.server_time().await {
            Ok(theirs) => {
                let apart = clock.now().duration_since(theirs).abs();
                tell(
                    apart <= CLOCK_APART_MAX,
                    &format!("the database server's clock is {} ms from ours", apart.as_millis()),
                );
            }
            Err(error) => tell(false, &format!("the database server's clock cannot be read: {error}")),
        }
    }
    match migrated(&store).await {
        Ok(text) => tell(true, &text),
        Err(error) => tell(false, &error.to_string()),
    }
    if let Some((fits, text)) = key(&store, now).await {
        tell(fits, &text);
    }
    providers(&settings, &store, &clock, &mut tell).await;
    store.db.close().await;
    if wrong > 0 {
        bail!("{wrong} problem(s) found");
    }
    Ok(())
}

async fn migrated(store: &opsknight_store::Store) -> Result<String, DbError> {
    let pending = store.db.pending_migrations().await?;
    Ok(match pending.as_slice() {
        [] => "the database is at this version".to_owned(),
        names => format!(
            "the database will be brought to this version at the next start: {}",
            names.join(", ")
        ),
    })
}

/// Whether the secret key is the one that the credentials of integrations are encrypted with, where the database is at
/// this version.
async fn key(store: &opsknight_store::Store, now: Timestamp) -> Option<(bool, String)> {
    // What else is wrong with the database was said before.
    store.db.pending_migrations().await.ok().filter(Vec::is_empty)?;
    let pictures = store.pictures.clone();
    let unit = async move |tx: &mut Tx<'_>| Ok::<_, DbError>(pictures.current(tx, now).await?.unreadable);
    Some(match store.db.read(unit).await {
        Ok(0) => (true, "the secret key opens the credentials of integrations".to_owned()),
        Ok(n) => {
            let what = "cannot be opened with this secret key: start with the one they were made with";
            (false, format!("{n} of the integrations {what}"))
        }
        Err(error) => (false, error.to_string()),
    })
}

/// Asks every provider that is set up whether it would work with us.
async fn providers(
    settings: &Settings,
    store: &opsknight_store::Store,
    clock: &Arc<dyn Clock>,
    tell: &mut impl FnMut(bool, &str),
) {
    let public_url = settings.public_url.clone();
    let outbox = Outbox::new(
        store.clone(),
        clock.clone(),
        settings.providers.clone(),
        public_url.unwrap_or_else(|| url::Url::parse("http://localhost").expect("this is a URL")),
        Calls {
            allow_private: settings.allow_private_targets,
            timeouts: Timeouts::default(),
        },
    );
    let outbox = match outbox {
        Ok(outbox) => outbox,
        Err(error) => return tell(false, &format!("providers cannot be called: {error}")),
    };
    // Before the first start there is nothing saved, and no table to look for it.
    let checked = match store.db.is_new().await {
        Ok(true) => outbox.check_environment().await,
        Ok(false) | Err(_) => outbox.check_all().await,
    };
    if !checked.iter().any(|(channel, ..)| *channel == Channel::Email) {
        tell(
            true,
            "nothing is set up for mail (SMTP_HOST, RESEND_API_KEY, SENDGRID_API_KEY): people cannot be paged by it",
        );
    }
    for (channel, provider, answer) in checked {
        let of = match provider.as_str() {
            "" => channel.name().to_owned(),
            provider => format!("{} ({provider})", channel.name()),
        };
        match answer {
            Ok(answer) => tell(true, &format!("{of}: {answer}")),
            Err(error) => tell(false, &format!("{of}: {error}")),
        }
    }
}
