//! Providers that take five seconds to answer: alerts are taken in as fast as ever, and people are paged by those that work.

use std::{
    net::SocketAddr,
    time::{Duration, Instant},
};

use tokio::{
    net::TcpListener,
    time::{sleep, timeout},
};

use crate::{
    Context,
    database::Database,
    drive::{self, LINES, Seen, microseconds},
    http::Line,
    ingest,
    program::Program,
    report::Part,
    sinks,
};

/// How long the slow receiver takes for each call.
const ANSWERS_AFTER: Duration = Duration::from_secs(5);
/// Pages by mail that are timed while webhooks wait.
const PAGES: usize = 100;
/// How long one may take.
const ARRIVES_WITHIN: Duration = Duration::from_secs(60);
/// The rest between two events whose pages are timed.
const REST: Duration = Duration::from_millis(50);

/// Measures both databases.
pub(crate) async fn measure(context: &Context, part: &mut Part) -> anyhow::Result<()> {
    on(context, [context.places.sqlite(), context.places.sqlite()], part).await?;
    if let (Some(one), Some(other)) = (context.places.postgres().await?, context.places.postgres().await?) {
        on(context, [one, other], part).await?;
    }
    Ok(())
}

/// The same on two databases, one with a receiver of webhooks that answers at once and one with a slow one.
async fn on(context: &Context, [fast, slow]: [Database; 2], part: &mut Part) -> anyhow::Result<()> {
    let quick = sinks::open().await?.webhook;
    let late = open_slow().await?;
    let name = fast.name;
    let (with_fast, pages_fast) = with(context, &fast, quick).await?;
    let (with_slow, pages_slow) = with(context, &slow, late).await?;
    let note = format!("{LINES} lines, webhooks answered at once");
    part.say(&format!("{name}, new incidents"), with_fast.rate(), "/s", &note);
    let note = format!("{:.2} times that", with_slow.rate() / with_fast.rate());
    part.say(
        &format!("{name}, webhooks answered after 5 s"),
        with_slow.rate(),
        "/s",
        &note,
    );
    for (webhooks, pages) in [("at once", pages_fast), ("after 5 s", pages_slow)] {
        let what = format!("{name}, 202 to the page by mail, webhooks {webhooks}, p99");
        let note = format!(
            "p50 {:.1} ms, longest {:.0} ms",
            pages.percentile_ms(0.5),
            pages.longest_ms()
        );
        part.say(&what, pages.percentile_ms(0.99), "ms", &note);
    }
    Ok(())
}

/// Pages one at a time, and then as many incidents as can be.
async fn with(context: &Context, database: &Database, webhook: SocketAddr) -> anyhow::Result<(Seen, Seen)> {
    let mut sinks = sinks::open().await?;
    let organisation = database.organise(webhook).await?;
    let program = Program::start(&context.program, database, sinks.mail).await?;
    let requests = ingest::enqueue(&organisation);
    let mut line = Line::open(program.address).await?;
    let mut mails = Vec::new();
    for _ in 0..context.count(PAGES) {
        let status = line.call(&requests(0)).await?.status();
        anyhow::ensure!(status == 202, "an event was answered {status}");
        let answered = Instant::now();
        let arrival = timeout(ARRIVES_WITHIN, sinks.arrivals.recv()).await?;
        let arrival = arrival.ok_or_else(|| anyhow::anyhow!("the mail server is gone"))?;
        mails.push(microseconds(arrival.at.saturating_duration_since(answered)));
        sleep(REST).await;
    }
    sinks.counts.only_count();
    drive::drive(program.address, &requests, 202, context.time(2), u64::MAX).await?;
    let seen = drive::drive(program.address, &requests, 202, context.time(10), u64::MAX).await?;
    program.stop().await?;
    Ok((seen, Seen::of(mails, 1.0)))
}

/// A receiver that takes its time for each call.
async fn open_slow() -> anyhow::Result<SocketAddr> {
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let address = listener.local_addr()?;
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            tokio::spawn(async move {
                let mut line = Line::new(stream)?;
                while line.read().await?.is_some() {
                    sleep(ANSWERS_AFTER).await;
                    line.send(b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n").await?;
                }
                anyhow::Ok(())
            });
        }
    });
    Ok(address)
}
