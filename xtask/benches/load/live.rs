//! A thousand browsers that have a page open: how soon they hear of a change, and what that costs.

use std::{
    net::SocketAddr,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

use anyhow::Context as _;
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
    sync::mpsc,
    time::{sleep, timeout},
};

use crate::{
    Context,
    database::Database,
    drive::{self, LINES, Seen, microseconds},
    http::{self, Line},
    ingest,
    program::Program,
    report::Part,
    sinks,
};

/// Browsers that listen.
const BROWSERS: usize = 1_000;
/// Changes whose way is timed.
const CHANGES: usize = 50;
/// The rest between two changes: all that one brings about is told within it.
const REST: Duration = Duration::from_secs(1);
/// How long a change may take to all browsers.
const HEARD_WITHIN: Duration = Duration::from_secs(10);

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
    let requests = ingest::enqueue(&organisation);
    let name = database.name;
    drive::drive(program.address, &requests, 202, context.time(3), u64::MAX).await?;
    let alone = drive::drive(program.address, &requests, 202, context.time(10), u64::MAX).await?;
    sleep(context.time(5)).await;
    let (before, _) = program.memory_mb()?;

    let heard = Arc::new(AtomicU64::new(0));
    let (tell, mut times) = mpsc::unbounded_channel();
    // One person has a bounded number of them.
    for session in organisation.sessions.iter().cycle().take(BROWSERS) {
        let stream = browser(program.address, session).await?;
        tokio::spawn(listen(stream, heard.clone(), tell.clone()));
    }
    let (after, _) = program.memory_mb()?;
    let note = format!(
        "{:.0} kB for each of {BROWSERS} browsers",
        (after - before) * 1e3 / BROWSERS as f64
    );
    part.say(&format!("{name}, memory with them"), after, "MB", &note);

    let mut line = Line::open(program.address).await?;
    let (mut first, mut last) = (Vec::new(), Vec::new());
    for _ in 0..context.count(CHANGES) {
        sleep(REST).await;
        while times.try_recv().is_ok() {}
        let sent = Instant::now();
        let status = line.call(&requests(0)).await?.status();
        anyhow::ensure!(status == 202, "an event was answered {status}");
        let mut all = Vec::new();
        while all.len() < BROWSERS {
            let at: Instant = timeout(HEARD_WITHIN, times.recv()).await?.context("browsers listen")?;
            all.push(microseconds(at.saturating_duration_since(sent)));
        }
        first.extend(all.iter().min());
        last.extend(all.iter().max());
    }
    let (first, last) = (Seen::of(first, 1.0), Seen::of(last, 1.0));
    let note = format!(
        "the first after {:.1} ms, p99 of the last {:.1} ms",
        first.percentile_ms(0.5),
        last.percentile_ms(0.99)
    );
    part.say(
        &format!("{name}, an event to the last browser, p50"),
        last.percentile_ms(0.5),
        "ms",
        &note,
    );

    let with = drive::drive(program.address, &requests, 202, context.time(10), u64::MAX).await?;
    part.say(
        &format!("{name}, new incidents without them"),
        alone.rate(),
        "/s",
        &format!("{LINES} lines"),
    );
    let note = format!(
        "{:.2} times that, of which the load generator, which is all browsers, takes its part; {} changes heard",
        with.rate() / alone.rate(),
        heard.load(Ordering::Relaxed)
    );
    part.say(&format!("{name}, new incidents with them"), with.rate(), "/s", &note);
    program.stop().await
}

/// A browser whose stream of events is open: the head of the answer has come.
async fn browser(address: SocketAddr, session: &str) -> anyhow::Result<TcpStream> {
    let mut stream = TcpStream::connect(address).await?;
    let request = http::get(
        "/live",
        &format!("cookie: session={session}\r\naccept: text/event-stream\r\n"),
    );
    stream.write_all(&request).await?;
    let mut head = Vec::new();
    while !head.windows(4).any(|end| end == b"\r\n\r\n") {
        anyhow::ensure!(stream.read_buf(&mut head).await? > 0, "a stream was closed");
    }
    anyhow::ensure!(head.starts_with(b"HTTP/1.1 200"), "{}", String::from_utf8_lossy(&head));
    Ok(stream)
}

/// Listens, and tells when something came, until the stream ends.
async fn listen(mut stream: TcpStream, heard: Arc<AtomicU64>, tell: mpsc::UnboundedSender<Instant>) {
    let mut buffer = vec![0; 4096];
    while let Ok(count) = stream.read(&mut buffer).await {
        if count == 0 {
            return;
        }
        let changes = buffer[..count]
            .windows(13)
            .filter(|text| text == b"event: change")
            .count();
        heard.fetch_add(changes as u64, Ordering::Relaxed);
        if changes > 0 && tell.send(Instant::now()).is_err() {
            return;
        }
    }
}
