//! Logs and figures of the running program.

use std::{io::IsTerminal as _, time::Duration};

use metrics_exporter_prometheus::{PrometheusBuilder, PrometheusHandle};
use tokio::time::sleep;
use tokio_util::sync::CancellationToken;
use tracing_subscriber::{EnvFilter, fmt};

use crate::config::{LogFormat, Settings, Wrong};

/// How often measurements are added up.
const ADD_UP_EVERY: Duration = Duration::from_secs(5);

/// Sends log lines to standard error.
///
/// # Errors
/// When the filter cannot be read.
pub fn log(settings: &Settings) -> Result<(), Wrong> {
    let filter = EnvFilter::try_new(&settings.log).map_err(|error| Wrong {
        setting: "OPSKNIGHT_LOG".into(),
        why: error.to_string(),
    })?;
    let lines = fmt().with_env_filter(filter).with_writer(std::io::stderr);
    // A second logger is only asked for by tests that start several servers in one process: the first one stays.
    let _already = match settings.log_format {
        LogFormat::Text => lines
            .with_target(false)
            .with_ansi(std::io::stderr().is_terminal())
            .try_init(),
        LogFormat::Json => lines.json().flatten_event(true).try_init(),
    };
    Ok(())
}

/// The figures of `/metrics`, and what each of them means.
///
/// # Panics
/// When the buckets are empty, which they are not.
#[must_use]
pub fn figures() -> PrometheusHandle {
    let builder = PrometheusBuilder::new()
        .set_buckets(&[
            0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0,
        ])
        .expect("there are buckets");
    let recorder = builder.build_recorder();
    let handle = recorder.handle();
    let _already = metrics::set_global_recorder(recorder);
    describe();
    handle
}

/// Adds up what is measured, until the program ends. Each measurement is kept by itself until then, for ever where nobody
/// asks for the figures.
pub async fn add_up(figures: PrometheusHandle, stop: CancellationToken) {
    while stop.run_until_cancelled(sleep(ADD_UP_EVERY)).await.is_some() {
        figures.run_upkeep();
    }
}

/// What each figure means, beside its name.
fn describe() {
    for (name, meaning) in COUNTERS {
        metrics::describe_counter!(name, meaning);
    }
    for (name, meaning) in GAUGES {
        metrics::describe_gauge!(name, meaning);
    }
    for (name, meaning) in HISTOGRAMS {
        metrics::describe_histogram!(name, meaning);
    }
}

const COUNTERS: [(&str, &str); 10] = [
    (
        "opsknight_requests_received_total",
        "Requests from senders, by integration type and status",
    ),
    ("opsknight_alerts_total", "Alerts taken in, by what came of them"),
    (
        "opsknight_rate_limited_total",
        "Requests refused because an integration sent too many",
    ),
    (
        "opsknight_escalation_steps_total",
        "Incidents that were due and that escalation has worked on",
    ),
    (
        "opsknight_deliveries_total",
        "Tries to send, by channel and how they ended",
    ),
    (
        "opsknight_lease_expiries_total",
        "Messages taken back because whoever was sending them died or stood still",
    ),
    (
        "opsknight_auditor_findings_total",
        "Things the auditor found that must not exist, by kind",
    ),
    (
        "opsknight_http_requests_total",
        "HTTP requests, by route, method and status",
    ),
    (
        "opsknight_watch_rounds_total",
        "Tries of opsknight watch, by whether a page came through",
    ),
    (
        "opsknight_watch_told_total",
        "What opsknight watch told by its second paths, by path and outcome",
    ),
];

const GAUGES: [(&str, &str); 23] = [
    ("opsknight_build_info", "The version that runs; always 1"),
    ("opsknight_start_timestamp_seconds", "When this server began to serve"),
    ("opsknight_database_up", "Whether the database answers: 1 or 0"),
    ("opsknight_database_size_bytes", "How large the database is"),
    (
        "opsknight_database_log_bytes",
        "How large SQLite's write-ahead log is; PostgreSQL says nothing of the kind here",
    ),
    (
        "opsknight_replica_addresses",
        "From how many addresses servers are connected to the database",
    ),
    ("opsknight_ingest_queue", "Requests that wait to be committed"),
    (
        "opsknight_ingest_oldest_seconds",
        "How long the requests that are being committed have been",
    ),
    ("opsknight_incidents", "Live incidents that are no tests, by status"),
    (
        "opsknight_queue_waiting",
        "What is due and waits: escalation, pages, news, webhooks",
    ),
    (
        "opsknight_queue_oldest_seconds",
        "How long the first in each of these queues has been due",
    ),
    ("opsknight_deliveries_waiting", "Messages that are due and wait"),
    (
        "opsknight_deliveries_oldest_seconds",
        "How long the oldest of them has been due",
    ),
    (
        "opsknight_leases_expired",
        "Messages whose sender has not ended in time and which nobody took back yet",
    ),
    (
        "opsknight_last_page_timestamp_seconds",
        "When a provider last took a page; absent: never",
    ),
    (
        "opsknight_last_backup_timestamp_seconds",
        "When opsknight backup last copied the embedded database; absent: never",
    ),
    (
        "opsknight_integrations_unreadable",
        "Integrations that cannot be opened with this secret key and receive nothing",
    ),
    (
        "opsknight_worker_last_run_timestamp_seconds",
        "When each worker last finished a run",
    ),
    (
        "opsknight_worker_stands_still",
        "Whether a worker should have finished another run since: 1 or 0",
    ),
    (
        "opsknight_worker_failing",
        "Whether the runs of a worker end with an error of the database: 1 or 0",
    ),
    (
        "opsknight_watch_down",
        "Whether opsknight watch has it that pages do not come through: 1 or 0",
    ),
    (
        "opsknight_watch_last_through_timestamp_seconds",
        "When a page of opsknight watch last came through; absent: never",
    ),
    (
        "opsknight_watch_last_round_timestamp_seconds",
        "When opsknight watch last ended a try",
    ),
];

const HISTOGRAMS: [(&str, &str); 5] = [
    (
        "opsknight_ingest_seconds",
        "From the parsed request to the durable commit",
    ),
    ("opsknight_delivery_seconds", "How long one try to send took"),
    (
        "opsknight_delivery_wait_seconds",
        "From the time a message was due to its try",
    ),
    (
        "opsknight_http_request_seconds",
        "How long HTTP requests took, by route and method",
    ),
    (
        "opsknight_watch_round_seconds",
        "How long a page of opsknight watch took to come through",
    ),
];
