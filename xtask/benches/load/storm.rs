//! Ten thousand incidents at once, as when a network goes away: how long until all are accepted, and until everybody has
//! been told.

use std::{
    net::SocketAddr,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::{Duration, Instant},
};

use anyhow::bail;
use tokio::time::{interval, sleep};

use crate::{
    Context,
    database::Database,
    drive::{self, LINES, Seen, microseconds},
    http::{self, Line},
    ingest,
    program::Program,
    report::Part,
    sinks::{self, Counts},
};

/// Incidents of the storm.
const INCIDENTS: usize = 10_000;
/// How long after the last answer the last webhook call may come.
const TOLD_WITHIN: Duration = Duration::from_secs(600);
/// How often a person looks at the list meanwhile.
const LOOK_EVERY: Duration = Duration::from_millis(100);
/// How often it is looked whether all is out.
const COUNT_EVERY: Duration = Duration::from_millis(20);

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
    let organisation = database.organise(sinks.webhook).await?;
    let program = Program::start(&context.program, database, sinks.mail).await?;
    let most = context.count(INCIDENTS) as u64;
    let started = Instant::now();
    let stop = Arc::new(AtomicBool::new(false));
    let looks = tokio::spawn(look(program.address, organisation.sessions[0].clone(), stop.clone()));
    let requests = ingest::enqueue(&organisation);
    let seen = drive::drive(program.address, &requests, 202, Duration::from_secs(3600), most).await?;
    let told = all_told(&sinks.counts, most, started).await?;
    stop.store(true, Ordering::Relaxed);
    let looks = Seen::of(looks.await??, 1.0);
    let name = database.name;
    let note = format!(
        "{LINES} lines; p99 {:.0} ms, longest {:.0} ms",
        seen.percentile_ms(0.99),
        seen.longest_ms()
    );
    part.say(
        &format!("{name}, {most} incidents accepted after"),
        seen.seconds,
        "s",
        &note,
    );
    let note = format!("and {} mails: pages to one person are gathered", sinks.counts.now().1);
    part.say(
        &format!("{name}, the last webhook called after"),
        told.as_secs_f64(),
        "s",
        &note,
    );
    let (now, most_mb) = program.memory_mb()?;
    part.say(
        &format!("{name}, memory then"),
        now,
        "MB",
        &format!("at most {most_mb:.0}"),
    );
    let note = format!("longest {:.0} ms, of {}", looks.longest_ms(), looks.count);
    part.say(
        &format!("{name}, GET /incidents meanwhile, p99"),
        looks.percentile_ms(0.99),
        "ms",
        &note,
    );
    program.stop().await
}

/// Somebody who looks at the list of incidents all the time, until there is word to stop. How long each look took.
async fn look(address: SocketAddr, session: String, stop: Arc<AtomicBool>) -> anyhow::Result<Vec<u32>> {
    let request = http::get("/incidents", &format!("cookie: session={session}\r\n"));
    let mut line = Line::open(address).await?;
    let (mut looks, mut times) = (interval(LOOK_EVERY), Vec::new());
    while !stop.load(Ordering::Relaxed) {
        looks.tick().await;
        let sent = Instant::now();
        let status = line.call(&request).await?.status();
        anyhow::ensure!(status == 200, "the list was answered {status}");
        times.push(microseconds(sent.elapsed()));
    }
    Ok(times)
}

/// Waits until so many webhook calls have been made, and gives back how long that took.
async fn all_told(counts: &Counts, most: u64, started: Instant) -> anyhow::Result<Duration> {
    let since = Instant::now();
    loop {
        let (webhooks, _) = counts.now();
        if webhooks >= most {
            return Ok(started.elapsed());
        }
        if since.elapsed() > TOLD_WITHIN {
            bail!("{webhooks} of {most} webhook calls were made in {TOLD_WITHIN:?}");
        }
        sleep(COUNT_EVERY).await;
    }
}
