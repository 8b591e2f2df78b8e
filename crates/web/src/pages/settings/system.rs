//! `/settings/system`: how this server and its database are.

use axum::{extract::State, response::Response};
use jiff::SignedDuration;
use opsknight_domain::directory::Channel;

use crate::{
    api::system::{DatabaseBody, SystemBody, system},
    pages::{PageError, rows::channel_name, viewer::Viewer},
    state::AppState,
    views::{Badge, ChannelLine, Finding, Link, Section, SystemPage, Tone, WorkerLine},
    vitals::Condition,
};

/// `GET /settings/system`
pub(in crate::pages) async fn show(State(state): State<AppState>, viewer: Viewer) -> Result<Response, PageError> {
    let body = system(&state).await?;
    let condition = state.vitals.read(viewer.now);
    viewer.page(&page(&viewer, body, &condition))
}

fn page(viewer: &Viewer, body: SystemBody, condition: &Condition) -> SystemPage {
    let messages = &body.messages;
    SystemPage {
        shell: viewer.shell("System", Section::Settings),
        version: body.version,
        started: viewer.times(body.started_at.0),
        database: database(viewer, &body.database),
        is_sqlite: body.database.kind == "SQLITE",
        workers: condition
            .workers
            .iter()
            .map(|worker| WorkerLine {
                title: worker.title(),
                state: match (worker.stands_still, worker.failing_since) {
                    (_, Some(_)) => Badge::new(Tone::Bad, "Database refuses"),
                    (true, None) => Badge::new(Tone::Bad, "Stands still"),
                    (false, None) => Badge::new(Tone::Good, "Works"),
                },
                last_run: viewer.times(worker.last_run_at),
            })
            .collect(),
        waiting: messages.waiting,
        oldest: messages.oldest_due_at.map(|at| viewer.times(at.0)),
        last_page: messages.last_page_sent_at.map(|at| viewer.times(at.0)),
        channels: body.channels.iter().map(channel).collect(),
        findings: body
            .findings
            .into_iter()
            .map(|finding| Finding {
                at: viewer.times(finding.at.0),
                what: finding.what,
                which: finding.which,
            })
            .collect(),
        backup: body.last_backup.map(|backup| (backup.file, viewer.times(backup.at.0))),
        forgets: condition
            .forgets
            .iter()
            .map(|(what, after)| ((*what).to_owned(), length(*after)))
            .collect(),
        environment: body.environment,
    }
}

fn channel(body: &crate::api::system::ChannelBody) -> ChannelLine {
    let state = match (body.configured, body.failed_last_hour) {
        (_, 1..) => Badge::new(Tone::Bad, format!("{} failed", body.failed_last_hour)),
        (true, _) => Badge::new(Tone::Good, "Set up"),
        (false, _) => Badge::new(Tone::Quiet, "Not set up"),
    };
    let path = Channel::from_word(body.channel).map_or_else(String::new, |channel| {
        format!("/settings/{}", channel.word().to_ascii_lowercase())
    });
    ChannelLine {
        link: Link::new(path, channel_name(body.channel)),
        state,
        words: body.last_failure.clone().unwrap_or_default(),
    }
}

/// What is told of the database, name and value.
fn database(viewer: &Viewer, body: &DatabaseBody) -> Vec<(&'static str, String)> {
    let kind = if body.kind == "SQLITE" {
        "SQLite, embedded"
    } else {
        "PostgreSQL"
    };
    let since = viewer.times(body.schema_since.0).short;
    let mut facts = vec![
        ("Database", format!("{kind}, {}", body.version)),
        ("Size", bytes(body.size_bytes)),
    ];
    facts.extend(body.write_ahead_log_bytes.map(|log| ("Write-ahead log", bytes(log))));
    facts.push(("Schema", format!("{}, since {since}", body.schema)));
    let connected = body.connected_from.map(|n| match n {
        1 => "Servers at 1 address".to_owned(),
        n => format!("Servers at {n} addresses"),
    });
    facts.extend(connected.map(|text| ("Connected", text)));
    facts
}

/// "3.4 MB"
fn bytes(count: i64) -> String {
    const UNITS: [&str; 4] = ["kB", "MB", "GB", "TB"];
    if count < 1000 {
        return format!("{count} bytes");
    }
    let (mut tenths, mut unit) = (count / 100, 0);
    while tenths >= 10_000 && unit + 1 < UNITS.len() {
        tenths /= 1000;
        unit += 1;
    }
    format!("{}.{} {}", tenths / 10, tenths % 10, UNITS[unit])
}

/// "24 h", "8 d"
fn length(time: SignedDuration) -> String {
    let hours = time.as_hours();
    if hours > 48 && hours % 24 == 0 {
        format!("{} days", hours / 24)
    } else {
        format!("{hours} h")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_and_lengths_are_told_in_their_units() {
        let told = [0, 999, 1_000, 123_456, 9_999_999, 12_345_678_901, i64::MAX].map(bytes);
        assert_eq!(
            told,
            [
                "0 bytes",
                "999 bytes",
                "1.0 kB",
                "123.4 kB",
                "9.9 MB",
                "12.3 GB",
                "9223372.0 TB"
            ]
        );
        assert_eq!(length(SignedDuration::from_hours(24)), "24 h");
        assert_eq!(length(SignedDuration::from_hours(192)), "8 days");
    }
}
