//! Durable new incidents a second, through the doors that monitoring tools use.

use std::{
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use tokio::time::sleep;

use crate::{
    Context,
    database::{Database, Organisation},
    drive::{self, LINES, Requests, Seen},
    http,
    limits::Limits,
    program::{Program, cpu_s},
    report::Part,
    sinks::{self, Counts},
};

/// Makes deduplication keys that no other event of this run has.
static NEXT: AtomicU64 = AtomicU64::new(0);

/// An event as a monitoring tool sends it.
pub(crate) fn event(key: &str, n: u64) -> String {
    format!(
        r#"{{"routing_key":"{key}","event_action":"trigger","dedup_key":"load-{n}","client":"Monitoring","payload":{{"summary":"CheckoutErrorRate: 5xx above 2% on checkout-api-{n}","source":"checkout-api-{n}.eu-central-1.example.com","severity":"critical","component":"checkout-api","group":"shop","class":"errors","custom_details":{{"error_rate":"2.41","threshold":"2.00","pods":"checkout-api-7d9c4-{n}","runbook":"https://wiki.example.com/runbooks/checkout"}}}}}}"#
    )
}

/// New incidents through `/v2/enqueue`, the key in the body.
pub(crate) fn enqueue(organisation: &Organisation) -> Requests {
    let keys = organisation.keys.clone();
    Arc::new(move |_| {
        let n = NEXT.fetch_add(1, Ordering::Relaxed);
        http::post("/v2/enqueue", "", &event(key(&keys, n), n))
    })
}

/// New incidents through `/api/events`, the key in a header.
fn api_events(organisation: &Organisation) -> Requests {
    let keys = organisation.keys.clone();
    Arc::new(move |_| {
        let n = NEXT.fetch_add(1, Ordering::Relaxed);
        let field = format!("authorization: Token token={}\r\n", key(&keys, n));
        http::post("/api/events", &field, &event("unused", n))
    })
}

#[expect(clippy::cast_possible_truncation, reason = "a place among the keys")]
fn key(keys: &[String], n: u64) -> &str {
    &keys[n as usize % keys.len()]
}

/// Measures both doors on both databases.
pub(crate) async fn measure(context: &Context, limits: Limits, part: &mut Part) -> anyhow::Result<()> {
    on(context, &context.places.sqlite(), limits, limits.sqlite, part).await?;
    if let Some(postgres) = context.places.postgres().await? {
        on(context, &postgres, limits, limits.postgres, part).await?;
    }
    Ok(())
}

async fn on(
    context: &Context,
    database: &Database,
    limits: Limits,
    commits: f64,
    part: &mut Part,
) -> anyhow::Result<()> {
    let sinks = sinks::open().await?;
    sinks.counts.only_count();
    let organisation = database.organise(sinks.webhook).await?;
    let program = Program::start(&context.program, database, sinks.mail).await?;
    let warm_up = context.time(3);
    drive::drive(program.address, &enqueue(&organisation), 202, warm_up, u64::MAX).await?;
    let doors = [
        ("/v2/enqueue", enqueue(&organisation)),
        ("/api/events", api_events(&organisation)),
    ];
    for (path, requests) in doors {
        let before = Usage::of(&program, &sinks.counts)?;
        let seen = drive::drive(program.address, &requests, 202, context.time(10), u64::MAX).await?;
        let used = Usage::of(&program, &sinks.counts)?.since(&before);
        say(
            part,
            &format!("{} {path}, {LINES} lines", database.name),
            &seen,
            limits,
            commits,
        );
        used.say(part, &seen);
    }
    let before = sinks.counts.now();
    let time = context.time(4);
    sleep(time).await;
    let after = sinks.counts.now();
    #[expect(clippy::cast_precision_loss, reason = "counts are far below 2^52")]
    let rate = |before: u64, after: u64| (after - before) as f64 / time.as_secs_f64();
    let name = format!("{}, webhook calls once events stop", database.name);
    let mails = after.1 - before.1;
    part.say(
        &name,
        rate(before.0, after.0),
        "/s",
        &format!("and {mails} mails: pages to one person are gathered"),
    );
    program.stop().await
}

fn say(part: &mut Part, name: &str, seen: &Seen, limits: Limits, commits: f64) {
    let note = format!(
        "p50 {:.1} ms, p99 {:.1} ms, longest {:.0} ms; {:.0} % of an empty handler, {:.1} × one-row commits",
        seen.percentile_ms(0.5),
        seen.percentile_ms(0.99),
        seen.longest_ms(),
        seen.rate() / limits.requests * 100.0,
        seen.rate() / commits,
    );
    part.say(name, seen.rate(), "/s", &note);
    part.keep(&format!("{name}, p50"), seen.percentile_ms(0.5), "ms");
    part.keep(&format!("{name}, p99"), seen.percentile_ms(0.99), "ms");
}

/// What was used and sent until some moment.
struct Usage {
    program_s: f64,
    load_s: f64,
    webhooks: u64,
    mails: u64,
}

impl Usage {
    fn of(program: &Program, counts: &Counts) -> anyhow::Result<Self> {
        let (webhooks, mails) = counts.now();
        Ok(Self {
            program_s: program.cpu_s()?,
            load_s: cpu_s("self")?,
            webhooks,
            mails,
        })
    }

    fn since(&self, before: &Self) -> Self {
        Self {
            program_s: self.program_s - before.program_s,
            load_s: self.load_s - before.load_s,
            webhooks: self.webhooks - before.webhooks,
            mails: self.mails - before.mails,
        }
    }

    #[expect(clippy::cast_precision_loss, reason = "counts are far below 2^52")]
    fn say(&self, part: &mut Part, seen: &Seen) {
        let an_event = |seconds: f64| seconds * 1e6 / seen.count as f64;
        let note = format!(
            "the program used {:.2} processors, the load {:.2}; meanwhile {:.0} mails/s, {:.0} webhook calls/s",
            self.program_s / seen.seconds,
            self.load_s / seen.seconds,
            self.mails as f64 / seen.seconds,
            self.webhooks as f64 / seen.seconds,
        );
        part.say("  processor time an event", an_event(self.program_s), "µs", &note);
    }
}

/// Takes in this many incidents.
pub(crate) async fn fill(program: &Program, organisation: &Organisation, most: u64) -> anyhow::Result<Seen> {
    let an_hour = Duration::from_secs(3600);
    drive::drive(program.address, &enqueue(organisation), 202, an_hour, most).await
}
