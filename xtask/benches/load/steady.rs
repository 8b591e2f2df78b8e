//! The same load for ten minutes: problems begin and end, and the program needs no more of anything at the end than at the
//! beginning.

use std::{
    net::SocketAddr,
    sync::Arc,
    time::{Duration, Instant},
};

use tokio::{
    task::JoinSet,
    time::{MissedTickBehavior, interval},
};

use crate::{
    Context,
    database::{Database, Organisation},
    drive::{Seen, microseconds},
    http::{self, Line},
    program::Program,
    report::Part,
    sinks,
};

/// How long.
const SECONDS: u64 = 600;
/// Parts of that time, each told by itself.
const STRETCHES: u32 = 10;
/// Lines, each of which sends one event after the other.
const LINES: u64 = 16;
/// The time between two events on a line: 160 a second on all.
const APART: Duration = Duration::from_millis(100);

/// Measures both databases.
pub(crate) async fn measure(context: &Context, part: &mut Part) -> anyhow::Result<()> {
    for database in context.places.both().await? {
        on(context, &database, part).await?;
    }
    Ok(())
}

async fn on(context: &Context, database: &Database, part: &mut Part) -> anyhow::Result<()> {
    let sinks = sinks::open().await?;
    sinks.counts.only_count();
    let organisation = Arc::new(database.organise(sinks.webhook).await?);
    let program = Program::start(&context.program, database, sinks.mail).await?;
    let stretch = context.time(SECONDS) / STRETCHES;
    let mut memory = Vec::new();
    for n in 0..STRETCHES {
        let cpu = program.cpu_s()?;
        let seen = send(program.address, &organisation, u64::from(n), stretch).await?;
        let (now_mb, most_mb) = program.memory_mb()?;
        let used = (program.cpu_s()? - cpu) / seen.seconds;
        let note = format!(
            "{:.0} events/s, p99 {:.1} ms, longest {:.0} ms; {used:.2} processors; at most {most_mb:.0} MB",
            seen.rate(),
            seen.percentile_ms(0.99),
            seen.longest_ms()
        );
        let name = format!(
            "{}, memory after {} s",
            database.name,
            stretch.as_secs() * u64::from(n + 1)
        );
        part.say(&name, now_mb, "MB", &note);
        memory.push(now_mb);
    }
    // The first stretches fill caches.
    let (early, late) = (mean(&memory[2..4]), mean(&memory[memory.len() - 2..]));
    let name = format!("{}, memory at the end for each MB before the middle", database.name);
    part.say(&name, late / early, "", "1 is flat");
    program.stop().await
}

#[expect(clippy::cast_precision_loss, reason = "counts are far below 2^52")]
fn mean(values: &[f64]) -> f64 {
    values.iter().sum::<f64>() / values.len() as f64
}

/// Sends for this long: on each line a problem, its repetition, its end, and then the next one.
async fn send(
    address: SocketAddr,
    organisation: &Arc<Organisation>,
    stretch: u64,
    time: Duration,
) -> anyhow::Result<Seen> {
    let started = Instant::now();
    let mut lines = JoinSet::new();
    for line_number in 0..LINES {
        let organisation = organisation.clone();
        lines.spawn(async move {
            let mut line = Line::open(address).await?;
            let mut ticks = interval(APART);
            ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
            let mut times = Vec::new();
            for n in 0.. {
                ticks.tick().await;
                if started.elapsed() >= time {
                    break;
                }
                let request = event(&organisation, (stretch, line_number, n));
                let sent = Instant::now();
                let status = line.call(&request).await?.status();
                anyhow::ensure!(status == 202, "an event was answered {status}");
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

/// The n-th event on a line: every third begins a problem, which is repeated and ended by the next two.
#[expect(clippy::cast_possible_truncation, reason = "a place among the keys")]
fn event(organisation: &Organisation, (stretch, line, n): (u64, u64, u64)) -> Vec<u8> {
    let problem = n / 3;
    let action = if n % 3 == 2 { "resolve" } else { "trigger" };
    let key = &organisation.keys[(line * 31 + problem) as usize % organisation.keys.len()];
    let body = format!(
        r#"{{"routing_key":"{key}","event_action":"{action}","dedup_key":"steady-{stretch}-{line}-{problem}","payload":{{"summary":"CheckoutErrorRate: 5xx above 2% on checkout-api-{problem}","source":"checkout-api-{problem}.example.com","severity":"error"}}}}"#
    );
    http::post("/v2/enqueue", "", &body)
}
