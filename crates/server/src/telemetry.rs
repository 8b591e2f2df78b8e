//! Logs and figures of the running program.

use std::io::IsTerminal as _;

use metrics_exporter_prometheus::{PrometheusBuilder, PrometheusHandle};
use tracing_subscriber::{EnvFilter, fmt};

use crate::config::{LogFormat, Settings, Wrong};

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

fn describe() {
    use metrics::{describe_counter, describe_gauge, describe_histogram};
    describe_counter!(
        "opsknight_requests_received_total",
        "Requests from senders, by integration type and status"
    );
    describe_counter!("opsknight_alerts_total", "Alerts taken in, by what came of them");
    describe_counter!(
        "opsknight_rate_limited_total",
        "Requests refused because an integration sent too many"
    );
    describe_histogram!(
        "opsknight_ingest_seconds",
        "From the parsed request to the durable commit"
    );
    describe_gauge!("opsknight_ingest_queue", "Requests that wait to be committed");
    describe_counter!("opsknight_escalation_steps_total", "Escalation steps run");
    describe_counter!(
        "opsknight_deliveries_total",
        "Tries to send, by channel and how they ended"
    );
    describe_histogram!("opsknight_delivery_seconds", "How long one try to send took");
    describe_histogram!(
        "opsknight_delivery_wait_seconds",
        "From the time a message was due to its try"
    );
    describe_gauge!("opsknight_deliveries_waiting", "Messages that are due and wait");
    describe_gauge!(
        "opsknight_deliveries_oldest_seconds",
        "How long the oldest of them has been due"
    );
    describe_gauge!(
        "opsknight_last_page_timestamp_seconds",
        "When a provider last took a page"
    );
    describe_counter!(
        "opsknight_auditor_findings_total",
        "Things the auditor found that must not exist, by kind"
    );
    describe_gauge!(
        "opsknight_worker_last_run_timestamp_seconds",
        "When each worker last finished a run"
    );
    describe_counter!(
        "opsknight_http_requests_total",
        "HTTP requests, by route, method and status"
    );
    describe_histogram!(
        "opsknight_http_request_seconds",
        "How long HTTP requests took, by route and method"
    );
}
