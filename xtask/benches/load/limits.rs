//! What this machine can do at best: the disk, the databases with one row, and the HTTP server with nothing behind it.

use std::{
    fs::OpenOptions,
    io::{BufRead as _, BufReader, Write as _},
    os::unix::fs::FileExt as _,
    path::Path,
    process::{Child, Command, Stdio},
    sync::Arc,
    time::{Duration, Instant},
};

use anyhow::Context as _;
use axum::{Router, body::Bytes, http::StatusCode, routing::post};
use opsknight_domain::id::ApiKeyId;
use opsknight_server::clock::SystemClock;
use opsknight_store::{Store, api_keys, db::DbError};
use opsknight_web::state::Clock as _;
use tokio::{net::TcpListener, task::JoinSet};

use crate::{
    Context,
    database::Database,
    drive::{self, LINES, Requests},
    http,
    report::Part,
};

/// What one write to the disk has.
const BLOCK: [u8; 4096] = [7; 4096];
/// Blocks that are written over again and again.
const BLOCKS: u64 = 2048;
/// The first word, by which this program is told to be the empty HTTP server.
pub(crate) const EMPTY_SERVER: &str = "empty-server";

/// The limits that other figures are compared with, each in so many a second.
#[derive(Debug, Default, Clone, Copy)]
pub(crate) struct Limits {
    /// Requests that an empty handler answers.
    pub(crate) requests: f64,
    /// Commits of one row on SQLite, one after the other.
    pub(crate) sqlite: f64,
    /// The same on PostgreSQL.
    pub(crate) postgres: f64,
}

/// Measures them all.
pub(crate) async fn measure(context: &Context, part: &mut Part) -> anyhow::Result<Limits> {
    let time = context.time(3);
    let appended = syncs(&context.folder, time, true)?;
    part.say(
        "append 4 KiB, fdatasync",
        appended,
        "/s",
        &format!("{:.2} ms each", 1e3 / appended),
    );
    let written_over = syncs(&context.folder, time, false)?;
    let each = format!("{:.2} ms each", 1e3 / written_over);
    part.say("write over 4 KiB, fdatasync", written_over, "/s", &each);
    let mut limits = Limits {
        requests: empty_handler(part, time).await?,
        ..Limits::default()
    };
    limits.sqlite = commits(&context.places.sqlite(), part, time).await?;
    if let Some(postgres) = context.places.postgres().await? {
        limits.postgres = commits(&postgres, part, time).await?;
    }
    Ok(limits)
}

/// How often a second a block can be made durable, at the end of a growing file or over what was there.
#[expect(clippy::cast_precision_loss, reason = "counts are far below 2^52")]
fn syncs(folder: &Path, time: Duration, append: bool) -> anyhow::Result<f64> {
    let path = folder.join("sync");
    let mut file = OpenOptions::new().create(true).write(true).truncate(true).open(&path)?;
    if !append {
        for _ in 0..BLOCKS {
            file.write_all(&BLOCK)?;
        }
        file.sync_all()?;
    }
    let started = Instant::now();
    let mut n = 0;
    while started.elapsed() < time {
        let place = if append { n } else { n % BLOCKS };
        file.write_all_at(&BLOCK, place * BLOCK.len() as u64)?;
        file.sync_data()?;
        n += 1;
    }
    let rate = n as f64 / started.elapsed().as_secs_f64();
    std::fs::remove_file(path)?;
    Ok(rate)
}

/// Commits of one row, one after the other and as many at once as there are lines.
async fn commits(database: &Database, part: &mut Part, time: Duration) -> anyhow::Result<f64> {
    let organisation = database.organise(([127, 0, 0, 1], 9).into()).await?;
    let store = database.open().await?;
    let id = organisation.api_key_id;
    let alone = touch(&store, id, 1, time).await?;
    part.say(
        &format!("{}, one row a commit, one at a time", database.name),
        alone,
        "/s",
        "",
    );
    let together = touch(&store, id, LINES, time).await?;
    part.say(
        &format!("{}, one row a unit, {LINES} at once", database.name),
        together,
        "/s",
        "",
    );
    store.db.close().await;
    Ok(alone)
}

#[expect(clippy::cast_precision_loss, reason = "counts are far below 2^52")]
async fn touch(store: &Store, id: ApiKeyId, at_once: usize, time: Duration) -> anyhow::Result<f64> {
    let started = Instant::now();
    let mut tasks = JoinSet::new();
    for _ in 0..at_once {
        let db = store.db.clone();
        tasks.spawn(async move {
            let mut n = 0_u64;
            while started.elapsed() < time {
                let now = SystemClock.now();
                let unit = async move |tx: &mut opsknight_store::db::Tx<'_>| api_keys::touch(tx, id, now).await;
                db.write(unit).await?;
                n += 1;
            }
            Ok::<_, DbError>(n)
        });
    }
    let mut n = 0;
    while let Some(done) = tasks.join_next().await {
        n += done??;
    }
    Ok(n as f64 / started.elapsed().as_secs_f64())
}

/// Stops a process when it is dropped.
struct Running(Child);

impl Drop for Running {
    fn drop(&mut self) {
        let _ended = self.0.kill();
        let _waited = self.0.wait();
    }
}

async fn empty_handler(part: &mut Part, time: Duration) -> anyhow::Result<f64> {
    let child = Command::new(std::env::current_exe()?)
        .arg(EMPTY_SERVER)
        .stdout(Stdio::piped())
        .spawn()?;
    let mut server = Running(child);
    let mut line = String::new();
    let stdout = server.0.stdout.take().context("there is an output")?;
    BufReader::new(stdout).read_line(&mut line)?;
    let address = line.trim().parse().context("the empty server says where it is")?;
    let requests: Requests = Arc::new(|n| http::post("/empty", "", &crate::ingest::event("key", n)));
    drive::drive(address, &requests, 202, time / 4, u64::MAX).await?;
    let seen = drive::drive(address, &requests, 202, time, u64::MAX).await?;
    let note = format!(
        "p50 {:.2} ms, p99 {:.2} ms",
        seen.percentile_ms(0.5),
        seen.percentile_ms(0.99)
    );
    part.say(&format!("empty handler, {LINES} lines"), seen.rate(), "/s", &note);
    Ok(seen.rate())
}

/// Is the empty HTTP server: reads the body, answers 202, does nothing.
pub(crate) async fn be_empty_server() -> anyhow::Result<()> {
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    println!("{}", listener.local_addr()?);
    let router = Router::new().route("/empty", post(async |_: Bytes| (StatusCode::ACCEPTED, "{}")));
    axum::serve(listener, router).await?;
    Ok(())
}
