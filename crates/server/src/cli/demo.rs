//! `opsknight demo`: a believable organisation with weeks of incidents, so that a newcomer sees a living product.
//!
//! What happened is made by the rules that make it in earnest, on a clock that is turned back: sources read requests,
//! incidents escalate, pages are planned, leased and recorded. Only the providers are pretended, for nobody is to be
//! called about what never was. But for the day on which it is made, it is the same every time.

mod cast;
mod chance;
mod organisation;
mod plots;
mod rota;
mod story;
mod ways;

use anyhow::{Context as _, bail};
use opsknight_store::{db::Tx, users};
use opsknight_web::{auth::Passwords, state::Clock};

use super::say;
use crate::{clock::SystemClock, config::Settings, serve};

/// The mail address of the demo's administrator.
const ADMIN_EMAIL: &str = "alex@example.com";

/// Fills an empty database.
pub(super) async fn demo(settings: Settings) -> anyhow::Result<()> {
    let clock = SystemClock;
    let store = serve::open(&settings, &clock).await?;
    if store.db.read(async |tx: &mut Tx<'_>| users::any(tx).await).await? {
        bail!("the database is not empty: the demo only fills an empty one");
    }
    let mut random = [0; 9];
    clock.fill(&mut random);
    let password = format!("demo-{}", hex::encode(random));
    let hash = Passwords::new(&clock).hash(&password, &clock).await;
    let hash = hash.map_err(|_| anyhow::anyhow!("the password cannot be hashed"))?;
    let made = organisation::make(&store, &clock, &hash)
        .await
        .context("the organisation was not made")?;
    let told = organisation::counts();
    let incidents = story::tell(&store, &settings, made, clock.now())
        .await
        .context("its history was not made")?;
    store.db.close().await;
    say(&format!("Made {told} and {incidents} incidents."));
    say(&format!(
        "Start `opsknight serve` and sign in as {ADMIN_EMAIL} with the password {password}"
    ));
    Ok(())
}
