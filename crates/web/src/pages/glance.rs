//! How much there was and how fast it went in the last days, for the dashboard.
//!
//! It never decides what a figure means: that is `domain::metrics`. Where there was very much it is not added up anew for
//! everybody who looks.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
};

use jiff::{SignedDuration, Timestamp};
use opsknight_store::db::Tx;

use super::{PageError, analytics as figures, viewer::Viewer};
use crate::{
    api::analytics::{self, AnalyticsQuery, BinLine, Summary},
    state::AppState,
    views::{Glance, GlanceTile, Link, Spark, Tile},
};

/// The periods that can be chosen, in days.
pub(super) const PERIODS: [i64; 3] = [7, 30, 90];
/// From so many incidents on the sums are kept for a while: adding up fewer takes some milliseconds.
const KEPT_FROM: i64 = 5_000;
/// For how long: sums of so many change little meanwhile.
const KEPT_FOR: SignedDuration = SignedDuration::from_secs(60);
/// Most sums that are kept: the periods in a few dozen time zones.
const KEPT_MAX: usize = 100;

/// The days of a period and the zone in which they begin.
type Key = (i64, String);
type Sums = Arc<(Summary, Vec<BinLine>)>;

/// The sums of a moment ago.
#[derive(Default)]
pub(crate) struct Glances(Mutex<HashMap<Key, (Timestamp, Sums)>>);

impl Glances {
    fn get(&self, key: &Key, now: Timestamp) -> Option<Sums> {
        let kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let (at, sums) = kept.get(key)?;
        let is_fresh = *at <= now && now.duration_since(*at) < KEPT_FOR;
        is_fresh.then(|| sums.clone())
    }

    fn keep(&self, key: Key, sums: &Sums, now: Timestamp) {
        if sums.0.figures.incidents + sums.0.figures_before.incidents < KEPT_FROM {
            return;
        }
        let mut kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if kept.len() >= KEPT_MAX {
            kept.clear();
        }
        kept.insert(key, (now, sums.clone()));
    }
}

async fn sums(state: &AppState, viewer: &Viewer, days: i64) -> Result<Sums, PageError> {
    let key = (days, viewer.zone.iana_name().unwrap_or_default().to_owned());
    if let Some(sums) = state.glances.get(&key, viewer.now) {
        return Ok(sums);
    }
    let query = AnalyticsQuery {
        days: Some(days),
        ..AnalyticsQuery::default()
    };
    let question = query.question(viewer.now, &viewer.zone)?;
    let unit = async move |tx: &mut Tx<'_>| analytics::glance(tx, &question).await;
    let sums = Arc::new(state.store.db.read(unit).await?);
    state.glances.keep(key, &sums, viewer.now);
    Ok(sums)
}

/// The figures of so many days.
pub(super) async fn glance(state: &AppState, viewer: &Viewer, days: i64) -> Result<Glance, PageError> {
    let sums = sums(state, viewer, days).await?;
    let (summary, bins) = &*sums;
    let tile = |tile: Tile, of: fn(&BinLine) -> Option<i64>| GlanceTile {
        tile,
        spark: Spark::draw(&bins.iter().map(of).collect::<Vec<_>>()),
    };
    let [mtta, mttr] = figures::speed(summary);
    let period = |period: i64| {
        let link = Link::new(format!("/?days={period}"), format!("{period} days"));
        (link, period == days)
    };
    Ok(Glance {
        days,
        periods: PERIODS.map(period).to_vec(),
        tiles: vec![
            tile(figures::count(summary), |bin| Some(bin.incidents())),
            tile(mtta, |bin| bin.mean_acknowledge_seconds),
            tile(mttr, |bin| bin.mean_resolve_seconds),
        ],
    })
}
