//! How long a cold start takes, and how much memory the program holds.

use std::time::Duration;

use tokio::time::sleep;

use crate::{
    Context,
    database::Database,
    drive::{Seen, microseconds},
    ingest,
    program::Program,
    report::Part,
    sinks::{self, Sinks},
};

/// The rest after which a program is idle.
const SETTLE: Duration = Duration::from_secs(3);

/// Measures both databases: SQLite in full, PostgreSQL for what differs.
pub(crate) async fn measure(context: &Context, part: &mut Part) -> anyhow::Result<()> {
    let mut sinks = sinks::open().await?;
    sinks.counts.only_count();
    on(context, &context.places.sqlite(), &mut sinks, part).await?;
    let mut first = Vec::new();
    for _ in 0..context.count(10) {
        let program = Program::start(&context.program, &context.places.sqlite(), sinks.mail).await?;
        first.push(microseconds(program.ready_after));
        program.stop().await?;
    }
    say(part, "SQLite, first start of all, tables made", Seen::of(first, 1.0));
    if let Some(postgres) = context.places.postgres().await? {
        on(context, &postgres, &mut sinks, part).await?;
    }
    Ok(())
}

async fn on(context: &Context, database: &Database, sinks: &mut Sinks, part: &mut Part) -> anyhow::Result<()> {
    let name = database.name;
    let organisation = database.organise(sinks.webhook).await?;
    starts(context, database, sinks, part, "no incidents").await?;
    let program = Program::start(&context.program, database, sinks.mail).await?;
    sleep(SETTLE).await;
    let (idle, _) = program.memory_mb()?;
    part.say(&format!("{name}, memory idle after the start"), idle, "MB", "");
    let most = context.count(100_000) as u64;
    ingest::fill(&program, &organisation, most).await?;
    let (full, peak) = program.memory_mb()?;
    let note = format!("{peak:.1} MB at most");
    part.say(
        &format!("{name}, memory after {most} incidents at full load"),
        full,
        "MB",
        &note,
    );
    sleep(SETTLE).await;
    let (settled, _) = program.memory_mb()?;
    part.say(
        &format!("{name}, memory {SETTLE:?} later, while it delivers"),
        settled,
        "MB",
        "",
    );
    program.stop().await?;
    starts(context, database, sinks, part, &format!("{most} incidents")).await
}

async fn starts(
    context: &Context,
    database: &Database,
    sinks: &Sinks,
    part: &mut Part,
    filled: &str,
) -> anyhow::Result<()> {
    let mut times = Vec::new();
    for _ in 0..context.count(20) {
        let program = Program::start(&context.program, database, sinks.mail).await?;
        times.push(microseconds(program.ready_after));
        program.stop().await?;
    }
    say(
        part,
        &format!("{}, start to ready, {filled}", database.name),
        Seen::of(times, 1.0),
    );
    Ok(())
}

fn say(part: &mut Part, name: &str, seen: Seen) {
    let note = format!("longest {:.0} ms of {}", seen.longest_ms(), seen.count);
    part.say(name, seen.percentile_ms(0.5), "ms", &note);
}
