//! From the answer to an event to the call of the provider, while nothing else goes on.

use std::time::{Duration, Instant};

use anyhow::Context as _;
use tokio::time::{sleep, timeout};

use crate::{
    Context,
    database::Database,
    drive::{Seen, microseconds},
    http::Line,
    ingest,
    program::Program,
    report::Part,
    sinks::{self, Sinks},
};

/// How long a message may take.
const ARRIVES_WITHIN: Duration = Duration::from_secs(10);
/// The rest between two events.
const REST: Duration = Duration::from_millis(20);
/// Events that are sent before it counts.
const WARM_UP: usize = 20;
/// Events that count. With those before them no person is paged a third time, which would be held back.
const EVENTS: usize = 370;

/// Measures both databases.
pub(crate) async fn measure(context: &Context, part: &mut Part) -> anyhow::Result<()> {
    for database in context.places.both().await? {
        on(context, &database, part).await?;
    }
    Ok(())
}

async fn on(context: &Context, database: &Database, part: &mut Part) -> anyhow::Result<()> {
    let mut sinks = sinks::open().await?;
    let organisation = database.organise(sinks.webhook).await?;
    let program = Program::start(&context.program, database, sinks.mail).await?;
    let requests = ingest::enqueue(&organisation);
    let mut line = Line::open(program.address).await?;
    let (mut answers, mut calls, mut mails) = (Vec::new(), Vec::new(), Vec::new());
    let events = context.count(EVENTS);
    for n in 0..WARM_UP + events {
        let request = requests(0);
        let sent = Instant::now();
        let status = line.call(&request).await?.status();
        anyhow::ensure!(status == 202, "an event was answered {status}");
        let answered = Instant::now();
        let (call, mail) = both(&mut sinks, answered).await?;
        if n >= WARM_UP {
            answers.push(microseconds(answered - sent));
            calls.push(microseconds(call));
            mails.push(microseconds(mail));
        }
        sleep(REST).await;
    }
    let name = database.name;
    say(part, &format!("{name}, event to its 202"), Seen::of(answers, 1.0));
    say(part, &format!("{name}, 202 to the webhook call"), Seen::of(calls, 1.0));
    say(
        part,
        &format!("{name}, 202 to the page by mail, in full"),
        Seen::of(mails, 1.0),
    );
    program.stop().await
}

/// How long after the answer the webhook was called and the mail was there. A message that was faster than the answer
/// took no time.
async fn both(sinks: &mut Sinks, answered: Instant) -> anyhow::Result<(Duration, Duration)> {
    let (mut call, mut mail) = (None, None);
    while call.is_none() || mail.is_none() {
        let arrival = timeout(ARRIVES_WITHIN, sinks.arrivals.recv()).await;
        let arrival = arrival.context("no message came in time")?.context("the sinks work")?;
        let slot = if arrival.by_mail { &mut mail } else { &mut call };
        anyhow::ensure!(slot.is_none(), "a message came twice:\n{}", arrival.text);
        *slot = Some(arrival.at.saturating_duration_since(answered));
    }
    Ok((call.unwrap_or_default(), mail.unwrap_or_default()))
}

fn say(part: &mut Part, name: &str, seen: Seen) {
    let note = format!(
        "p50 {:.2} ms, longest {:.1} ms, of {}",
        seen.percentile_ms(0.5),
        seen.longest_ms(),
        seen.count
    );
    part.keep(&format!("{name}, p50"), seen.percentile_ms(0.5), "ms");
    part.say(&format!("{name}, p99"), seen.percentile_ms(0.99), "ms", &note);
}
