//! Many lines that each send one request after the other, as fast as answers come.

use std::{
    net::SocketAddr,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

use anyhow::bail;
use tokio::task::JoinSet;

use crate::http::Line;

/// Lines that are open at once.
pub(crate) const LINES: usize = 64;

/// What was seen.
#[derive(Debug)]
pub(crate) struct Seen {
    /// Requests answered as they should be.
    pub(crate) count: u64,
    /// In how many seconds.
    pub(crate) seconds: f64,
    /// How long each took, in microseconds, in order.
    times_us: Vec<u32>,
}

impl Seen {
    /// What was seen of requests that took so long.
    pub(crate) fn of(mut times_us: Vec<u32>, seconds: f64) -> Self {
        times_us.sort_unstable();
        Self {
            count: times_us.len() as u64,
            seconds,
            times_us,
        }
    }

    /// Answers a second.
    #[expect(clippy::cast_precision_loss, reason = "counts are far below 2^52")]
    pub(crate) fn rate(&self) -> f64 {
        self.count as f64 / self.seconds
    }

    /// The time that this share of the requests stayed below, in milliseconds.
    #[expect(
        clippy::cast_precision_loss,
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "a place in a list"
    )]
    pub(crate) fn percentile_ms(&self, share: f64) -> f64 {
        let place = (self.times_us.len() as f64 * share) as usize;
        let time = self.times_us.get(place.min(self.times_us.len().saturating_sub(1)));
        f64::from(time.copied().unwrap_or_default()) / 1e3
    }

    /// The longest, in milliseconds.
    pub(crate) fn longest_ms(&self) -> f64 {
        self.percentile_ms(1.0)
    }
}

/// A request, given its number.
pub(crate) type Requests = Arc<dyn Fn(u64) -> Vec<u8> + Send + Sync>;

/// Sends requests on [`LINES`] lines for this long, or until there were as many as `most`.
pub(crate) async fn drive(
    address: SocketAddr,
    requests: &Requests,
    status: u16,
    time: Duration,
    most: u64,
) -> anyhow::Result<Seen> {
    let next = Arc::new(AtomicU64::new(0));
    let mut lines = JoinSet::new();
    let started = Instant::now();
    for _ in 0..LINES {
        let (requests, next) = (requests.clone(), next.clone());
        lines.spawn(async move {
            let mut line = Line::open(address).await?;
            let mut times = Vec::new();
            while started.elapsed() < time {
                let n = next.fetch_add(1, Ordering::Relaxed);
                if n >= most {
                    break;
                }
                let request = requests(n);
                let sent = Instant::now();
                let answer = line.call(&request).await?;
                if answer.status() != status {
                    bail!("{}: {}", answer.first, String::from_utf8_lossy(answer.body));
                }
                times.push(microseconds(sent.elapsed()));
            }
            Ok(times)
        });
    }
    let mut times = Vec::new();
    while let Some(line) = lines.join_next().await {
        times.extend(line??);
    }
    Ok(Seen::of(times, started.elapsed().as_secs_f64()))
}

/// A duration as it is kept; one that is longer than an hour is as good as an hour.
pub(crate) fn microseconds(time: Duration) -> u32 {
    u32::try_from(time.as_micros()).unwrap_or(u32::MAX)
}
