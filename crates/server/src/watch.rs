//! `opsknight watch`: a pager for the pager. Again and again it raises an alert at another installation, as a monitoring
//! tool would, and sees to it that its page comes out; when it does not, people are told by a second path.
//!
//! It runs elsewhere, or at least as another process. It has no database and no part in the installation that it watches.

mod door;
mod judge;
mod memory;
mod pager;
mod target;

use std::{sync::Arc, time::Duration};

use anyhow::{Context as _, bail};
use axum::http::Method;
use jiff::Timestamp;
use opsknight_channels::{Timeouts, exchange::Exchange, tls::Roots};
use opsknight_web::state::Clock;
use tokio::{net::TcpListener, task::JoinSet, time::Instant};
use tokio_util::sync::CancellationToken;
use url::Url;

use self::{
    door::Arrivals,
    judge::{Memory, Outcome, Wish},
    pager::{News, Pager},
    target::{Target, call},
};
use crate::{
    clock::SystemClock,
    config::{Settings, WatchSettings},
    serve, telemetry,
};

/// The watch.
struct Watch {
    settings: Arc<WatchSettings>,
    clock: Arc<dyn Clock>,
    exchange: Arc<Exchange>,
    target: Target,
    pager: Pager,
    memory: Memory,
}

/// Watches until the program is told to stop, or once.
///
/// # Errors
/// When it cannot begin; with `--once`, when the page did not come through.
pub async fn watch(settings: WatchSettings, all: Settings) -> anyhow::Result<()> {
    let (settings, clock): (_, Arc<dyn Clock>) = (Arc::new(settings), Arc::new(SystemClock));
    let exchange = Exchange::new(true, &Roots::native(), Timeouts::default()).context("no HTTP client can be made")?;
    let (exchange, arrivals, figures) = (Arc::new(exchange), Arrivals::default(), telemetry::figures());
    let mut tasks = JoinSet::new();
    if let Some(address) = settings.listen {
        let listener = TcpListener::bind(address).await;
        let listener = listener.with_context(|| format!("cannot listen on {address}"))?;
        let address = listener.local_addr().context("the listening socket has no address")?;
        say(&format!(
            "The watch listens at {address}: /watch for the target's webhook, /metrics, /healthz"
        ));
        let secret = settings.proofs.webhook_secret.clone();
        let open = door::open(listener, arrivals.clone(), secret, clock.clone(), figures);
        tasks.spawn(async move {
            if let Err(error) = open.await {
                tracing::error!("{error:#}");
            }
        });
    }
    let pager = Pager::new(settings.clone(), &all, exchange.clone(), clock.clone());
    let mut watch = Watch {
        target: Target {
            settings: settings.clone(),
            exchange: exchange.clone(),
            clock: clock.clone(),
            arrivals,
        },
        pager: pager.context("the second path cannot be set up")?,
        memory: memory::read(&settings.state),
        settings,
        clock,
        exchange,
    };
    if watch.settings.once {
        let outcome = watch.round().await;
        return match outcome {
            Outcome::Through => Ok(()),
            Outcome::Missed(why) => bail!("no page came through: {why}"),
        };
    }
    let stop = CancellationToken::new();
    tasks.spawn(serve::told_to_stop(stop.clone()));
    watch.run(&stop).await;
    Ok(())
}

impl Watch {
    async fn run(&mut self, stop: &CancellationToken) {
        say(&format!(
            "Watching {} every {:?}; a page may take {:?}; people are told after {} in a row that do not come through",
            self.settings.target, self.settings.every, self.settings.within, self.settings.in_a_row.misses
        ));
        loop {
            let begun = Instant::now();
            let round = self.round();
            let ended = tokio::select! {
                outcome = round => Some(outcome),
                () = stop.cancelled() => None,
            };
            if ended.is_none() {
                // What this try had opened is not left behind.
                if let Err(why) = self.target.tidy(false).await {
                    tracing::warn!(why, "the alert of the watch could not be resolved");
                }
                return;
            }
            let pause = if self.memory.is_calm() {
                self.settings.every
            } else {
                self.settings.every.min(self.settings.again)
            };
            tokio::select! {
                () = tokio::time::sleep_until(begun + pause) => {}
                () = stop.cancelled() => return,
            }
        }
    }

    /// One try, and what follows from it.
    async fn round(&mut self) -> Outcome {
        let (began, started) = (self.clock.now(), Instant::now());
        let outcome = self.target.try_once().await;
        let took = started.elapsed();
        self.memory.judge(&outcome, began, self.settings.in_a_row);
        match &outcome {
            Outcome::Through => say(&format!("{began} a page came through in {:.1} s", took.as_secs_f64())),
            Outcome::Missed(why) => say(&format!(
                "{began} NO page came through ({} in a row): {why}",
                self.memory.misses
            )),
        }
        self.measure(&outcome, took);
        // What was seen is kept before anybody is told, and that they were told as soon as they were.
        memory::write(&self.settings.state, &self.memory);
        self.tell(&outcome).await;
        memory::write(&self.settings.state, &self.memory);
        if outcome == Outcome::Through {
            self.beat().await;
        }
        // Where nothing came through there is most likely nobody who would take this either.
        let tidied = self.target.tidy(outcome == Outcome::Through).await;
        if let Err(why) = tidied
            && outcome == Outcome::Through
        {
            tracing::warn!(
                why,
                "the alert of the watch could not be resolved; the next try begins with it"
            );
        }
        outcome
    }

    async fn tell(&mut self, outcome: &Outcome) {
        let news = match self.memory.wish() {
            Wish::Nothing => return,
            Wish::Page => self.bad_news(outcome),
            Wish::AllClear => self.good_news(),
        };
        if self.pager.tell(&news).await {
            self.memory.told = news.is_down;
            say(&format!("{} told: {}", self.clock.now(), news.subject));
        }
    }

    fn bad_news(&self, outcome: &Outcome) -> News {
        let why = match outcome {
            Outcome::Missed(why) => why.as_str(),
            Outcome::Through => "the last one did, but it is too early to say that it is over",
        };
        let since = self.memory.down_since.unwrap_or_else(|| self.clock.now());
        let last = self.memory.last_through_at;
        let last = last.map_or_else(|| "never since the watch began".to_owned(), |at| at.to_string());
        News {
            is_down: true,
            subject: format!("Pages do not come through at {}", self.settings.target),
            text: format!(
                "{} in a row were missed, the first at {since}. The last that came through: {last}.\n\nWhat was seen: {why}\n\n\
                 Until this is over, alerts sent there may reach nobody. Watch your monitoring tools directly.",
                self.memory.misses
            ),
        }
    }

    fn good_news(&self) -> News {
        News {
            is_down: false,
            subject: format!("Pages come through again at {}", self.settings.target),
            text: "What was due meanwhile is sent now, late. Look through what is open.".to_owned(),
        }
    }

    /// Tells the dead man's switch that all is well.
    async fn beat(&self) {
        let Some(url) = &self.settings.heartbeat else {
            return;
        };
        let asked = match Url::parse(url.expose()) {
            Ok(url) => call(&self.exchange, Method::GET, &url, None, None, self.clock.now()).await,
            Err(_) => Err("OPSKNIGHT_WATCH_HEARTBEAT_URL is no URL".to_owned()),
        };
        match asked {
            Ok((status, _)) if status.is_success() => {}
            Ok((status, _)) => tracing::warn!(%status, "the dead man's switch does not take the heartbeat"),
            Err(why) => tracing::warn!(why, "the dead man's switch cannot be reached"),
        }
    }

    fn measure(&self, outcome: &Outcome, took: Duration) {
        let word = match outcome {
            Outcome::Through => "through",
            Outcome::Missed(_) => "missed",
        };
        metrics::counter!("opsknight_watch_rounds_total", "outcome" => word).increment(1);
        metrics::gauge!("opsknight_watch_last_round_timestamp_seconds").set(seconds(self.clock.now()));
        metrics::gauge!("opsknight_watch_down").set(f64::from(u8::from(self.memory.down_since.is_some())));
        if *outcome == Outcome::Through {
            metrics::histogram!("opsknight_watch_round_seconds").record(took);
        }
        if let Some(at) = self.memory.last_through_at {
            metrics::gauge!("opsknight_watch_last_through_timestamp_seconds").set(seconds(at));
        }
    }
}

#[expect(clippy::cast_precision_loss, reason = "seconds since 1970 are far below 2^52")]
fn seconds(at: Timestamp) -> f64 {
    at.as_second() as f64
}

/// What the watch sees stands on standard output.
#[expect(clippy::print_stdout, reason = "the command's own output")]
fn say(line: &str) {
    println!("{line}");
}
