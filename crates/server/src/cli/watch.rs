//! `opsknight watch`: checks its settings and hands over.

use crate::{
    config::{RawWatch, Settings, WatchSecrets, WatchSettings},
    watch,
};

/// Watches another installation.
pub(super) async fn watch(settings: Settings, raw: RawWatch) -> anyhow::Result<()> {
    let watched = WatchSettings::check(raw, WatchSecrets::of_environment(), &settings)?;
    watch::watch(watched, settings).await
}
