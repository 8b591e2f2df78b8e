//! Alertmanager's groups of hundreds of alerts, as a large installation sends them: at a steady rate, and as many as the
//! program can take.

use std::{
    net::SocketAddr,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

use anyhow::Context as _;
use tokio::task::JoinSet;

use crate::{
    Context,
    database::{Database, Organisation},
    drive::{self, Requests, Seen, microseconds},
    http::{self, Line},
    program::{Program, cpu_s},
    report::Part,
    sinks,
};

/// Alerts in a group.
pub(crate) const ALERTS: usize = 300;
/// Groups a minute that must be held.
const A_MINUTE: u32 = 1000;
/// Lines on which they come.
const LINES: usize = 16;
/// How often a group is sent before its alerts end and it begins anew.
const ROUNDS: u64 = 4;
/// The gauge of `/metrics` that tells how many requests wait to be committed.
const QUEUE: &str = "opsknight_ingest_queue";

/// Makes alerts that no other group of this run has.
static NEXT: AtomicU64 = AtomicU64::new(0);

/// A group as Alertmanager sends it; `cluster` and `n` tell its alerts from those of other groups.
pub(crate) fn body(cluster: &str, n: u64, status: &str) -> String {
    let ends = if status == "resolved" {
        "2026-03-02T08:30:00Z"
    } else {
        "0001-01-01T00:00:00Z"
    };
    let alert = |pod: usize| {
        format!(
            r#"{{"status":"{status}","labels":{{"alertname":"KubePodCrashLooping","cluster":"{cluster}-{n}","container":"checkout-api","namespace":"shop","pod":"checkout-api-7d9c4-{pod}","severity":"warning","uid":"{n:08x}-5c1e-4a77-9d0b-{pod:012x}"}},"annotations":{{"description":"Pod shop/checkout-api-7d9c4-{pod} (checkout-api) is in waiting state (reason: CrashLoopBackOff).","runbook_url":"https://runbooks.example.com/runbooks/kubernetes/kubepodcrashlooping","summary":"Pod {pod} of checkout-api is crash looping."}},"startsAt":"2026-03-02T08:00:00Z","endsAt":"{ends}","generatorURL":"http://prometheus.example.com/graph?g0.expr=max_over_time%28kube_pod_container_status_waiting_reason%7Breason%3D%22CrashLoopBackOff%22%7D%5B5m%5D%29+%3E%3D+1&g0.tab=1","fingerprint":"{n:08x}{pod:08x}"}}"#
        )
    };
    let alerts: Vec<String> = (0..ALERTS).map(alert).collect();
    format!(
        r#"{{"receiver":"opsknight","status":"{status}","alerts":[{}],"groupLabels":{{"alertname":"KubePodCrashLooping"}},"commonLabels":{{"alertname":"KubePodCrashLooping","namespace":"shop"}},"commonAnnotations":{{}},"externalURL":"http://alertmanager.example.com","version":"4","groupKey":"{{}}:{{alertname=\"KubePodCrashLooping\"}}","truncatedAlerts":0}}"#,
        alerts.join(",")
    )
}

/// Each service's own group, again and again: it fires, is repeated, and ends.
fn repeated(organisation: &Organisation) -> Requests {
    let hooks = organisation.hooks.clone();
    let run = NEXT.fetch_add(1, Ordering::Relaxed);
    Arc::new(move |n| {
        let (place, round) = (n % hooks.len() as u64, n / hooks.len() as u64);
        let status = if round % ROUNDS == ROUNDS - 1 {
            "resolved"
        } else {
            "firing"
        };
        http::post(hook(&hooks, place), "", &body(&format!("steady-{run}"), place, status))
    })
}

/// Groups of nothing but new alerts: each becomes an incident with a page.
fn all_new(organisation: &Organisation) -> Requests {
    let hooks = organisation.hooks.clone();
    Arc::new(move |n| {
        let cluster = NEXT.fetch_add(1, Ordering::Relaxed);
        http::post(hook(&hooks, n), "", &body("new", cluster, "firing"))
    })
}

#[expect(clippy::cast_possible_truncation, reason = "a place among the addresses")]
fn hook(hooks: &[String], n: u64) -> &str {
    &hooks[n as usize % hooks.len()]
}

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
    let name = database.name;
    for (what, requests) in [
        ("repeated", repeated(&organisation)),
        ("all new", all_new(&organisation)),
    ] {
        let time = context.time(60);
        let before = (program.cpu_s()?, cpu_s("self")?);
        let (seen, errors) = steadily(program.address, &requests, time).await;
        let (used, load) = (program.cpu_s()? - before.0, cpu_s("self")? - before.1);
        let note = format!(
            "p50 {:.1} ms, p99 {:.1} ms, longest {:.0} ms; {errors} errors; the program used {:.2} processors, the load {:.2}",
            seen.percentile_ms(0.5),
            seen.percentile_ms(0.99),
            seen.longest_ms(),
            used / seen.seconds,
            load / seen.seconds,
        );
        part.say(
            &format!("{name}, {A_MINUTE} groups a minute, {what}"),
            seen.rate() * 60.0,
            "/min",
            &note,
        );
        part.keep(&format!("{name}, {what}, p50"), seen.percentile_ms(0.5), "ms");
        part.keep(&format!("{name}, {what}, p99"), seen.percentile_ms(0.99), "ms");
        queue(&program, part).await?;
    }
    for (what, requests) in [
        ("repeated", repeated(&organisation)),
        ("all new", all_new(&organisation)),
    ] {
        let before = program.cpu_s()?;
        let seen = drive::drive(program.address, &requests, 202, context.time(15), u64::MAX).await?;
        #[expect(clippy::cast_precision_loss, reason = "a small number")]
        let note = format!(
            "{:.0} alerts/s; p50 {:.0} ms, p99 {:.0} ms; the program used {:.2} processors",
            seen.rate() * ALERTS as f64,
            seen.percentile_ms(0.5),
            seen.percentile_ms(0.99),
            (program.cpu_s()? - before) / seen.seconds,
        );
        part.say(&format!("{name}, the most, {what}"), seen.rate() * 60.0, "/min", &note);
        queue(&program, part).await?;
    }
    program.stop().await
}

/// Sends requests at the rate that must be held. Each one's time is counted from when it was due, so that a late one is
/// not forgotten because the one before it was slow. Answers other than 202, and lines that broke, are errors.
async fn steadily(address: SocketAddr, requests: &Requests, time: Duration) -> (Seen, usize) {
    let started = Instant::now();
    let next = Arc::new(AtomicU64::new(0));
    let mut lines = JoinSet::new();
    for _ in 0..LINES {
        let (requests, next) = (requests.clone(), next.clone());
        lines.spawn(async move {
            let (mut times, mut errors) = (Vec::new(), 0);
            let mut line = None;
            loop {
                let n = next.fetch_add(1, Ordering::Relaxed);
                let due = started + Duration::from_secs(60) * u32::try_from(n).unwrap_or(u32::MAX) / A_MINUTE;
                if due >= started + time {
                    return (times, errors);
                }
                let request = requests(n);
                tokio::time::sleep_until(due.into()).await;
                match ask(&mut line, address, &request).await {
                    Ok(202) => times.push(microseconds(due.elapsed())),
                    Ok(_) | Err(_) => errors += 1,
                }
            }
        });
    }
    let (mut times, mut errors) = (Vec::new(), 0);
    while let Some(line) = lines.join_next().await {
        let (its_times, its_errors) = line.unwrap_or_default();
        times.extend(its_times);
        errors += its_errors;
    }
    (Seen::of(times, started.elapsed().as_secs_f64()), errors)
}

/// The status of an answer, on a line that is opened where there is none. One that broke is not used again.
async fn ask(line: &mut Option<Line>, address: SocketAddr, request: &[u8]) -> anyhow::Result<u16> {
    let mut open = match line.take() {
        Some(open) => open,
        None => Line::open(address).await?,
    };
    let status = open.call(request).await?.status();
    *line = Some(open);
    Ok(status)
}

/// How many requests wait to be committed, as the program's own figures say.
async fn queue(program: &Program, part: &mut Part) -> anyhow::Result<()> {
    let mut line = Line::open(program.address).await?;
    let answer = line.call(&http::get("/metrics", "")).await?;
    let text = String::from_utf8_lossy(answer.body).into_owned();
    let value = text
        .lines()
        .find_map(|line| line.strip_prefix(QUEUE)?.trim().parse().ok());
    part.say(
        "  requests that wait at the end",
        value.context("there is no such gauge")?,
        "",
        "",
    );
    Ok(())
}
