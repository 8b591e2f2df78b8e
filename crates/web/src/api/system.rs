//! `/api/settings/system`: how this server and its database are.

use axum::extract::State;
use jiff::{SignedDuration, Timestamp};
use opsknight_domain::directory::Channel;
use opsknight_store::{
    audit::{self, AuditRow, of_program},
    db::{self, DbError, Dialect, Tx},
    deliveries::{self, Failing, Health},
};
use serde::Serialize;
use utoipa::ToSchema;
use utoipa_axum::{router::OpenApiRouter, routes};

use super::{error::ApiError, extract::Json, wire::Time};
use crate::{
    state::AppState,
    vitals::{Condition, Worker},
};

/// How many findings of the auditor are told.
const FINDINGS_MAX: i64 = 10;
/// How far back failures are counted.
const FAILURES_LOOK_BACK: SignedDuration = SignedDuration::from_hours(1);

pub(super) fn routes() -> OpenApiRouter<AppState> {
    OpenApiRouter::new().routes(routes!(get))
}

/// How this server and its database are.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
#[schema(as = System)]
#[serde(rename_all = "camelCase")]
pub struct SystemBody {
    /// The version of the program.
    pub version: &'static str,
    /// When this server began to serve.
    #[schema(inline)]
    pub started_at: Time,
    /// The database.
    pub database: DatabaseBody,
    /// What works by itself on this server.
    pub workers: Vec<WorkerBody>,
    /// Messages on their way.
    pub messages: MessagesBody,
    /// The channels by which people are reached.
    pub channels: Vec<ChannelBody>,
    /// What the auditor found and mended, the last first.
    pub findings: Vec<FindingBody>,
    /// The last copy of the embedded database by `opsknight backup`; null: none is known.
    pub last_backup: Option<BackupBody>,
    /// The names of the environment variables that are in force.
    pub environment: Vec<String>,
}

/// The database.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
#[schema(as = SystemDatabase)]
#[serde(rename_all = "camelCase")]
pub struct DatabaseBody {
    /// `SQLITE` or `POSTGRESQL`.
    #[serde(rename = "type")]
    pub kind: &'static str,
    /// Its version.
    pub version: String,
    /// How large it is.
    pub size_bytes: i64,
    /// How large SQLite's write-ahead log is.
    pub write_ahead_log_bytes: Option<i64>,
    /// The last migration.
    pub schema: String,
    /// When that was applied.
    #[schema(inline)]
    pub schema_since: Time,
    /// From how many addresses servers of ours are connected to PostgreSQL.
    pub connected_from: Option<i64>,
}

/// Something that works by itself.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
#[schema(as = SystemWorker)]
#[serde(rename_all = "camelCase")]
pub struct WorkerBody {
    /// `deliver`, `escalate` or `audit`.
    pub name: &'static str,
    /// When it last finished a run.
    #[schema(inline)]
    pub last_run_at: Time,
    /// It should have finished another run since.
    pub stands_still: bool,
    /// Since when its runs end with an error of the database.
    #[schema(inline)]
    pub failing_since: Option<Time>,
}

/// Messages on their way.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
#[schema(as = SystemMessages)]
#[serde(rename_all = "camelCase")]
pub struct MessagesBody {
    /// How many are due and wait.
    pub waiting: i64,
    /// Since when the oldest of them is due.
    #[schema(inline)]
    pub oldest_due_at: Option<Time>,
    /// When a provider last took a page.
    #[schema(inline)]
    pub last_page_sent_at: Option<Time>,
    /// How many could not be sent in the last hour.
    pub failed_last_hour: i64,
}

/// A channel by which people are reached.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
#[schema(as = SystemChannel)]
#[serde(rename_all = "camelCase")]
pub struct ChannelBody {
    /// `PUSH`, `SLACK`, `SMS`, `WHATSAPP`, `VOICE` or `EMAIL`.
    pub channel: &'static str,
    /// A provider is set up for it.
    pub configured: bool,
    /// How many messages could not be sent by it in the last hour.
    pub failed_last_hour: i64,
    /// How the last of them ended, in the provider's words.
    pub last_failure: Option<String>,
}

/// Something that the auditor found and mended.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
#[schema(as = SystemFinding)]
#[serde(rename_all = "camelCase")]
pub struct FindingBody {
    /// When.
    #[schema(inline)]
    pub at: Time,
    /// What: `2 incidents`.
    pub what: String,
    /// Their numbers: `#7, #9`.
    pub which: String,
}

/// A copy of the database.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
#[schema(as = SystemBackup)]
#[serde(rename_all = "camelCase")]
pub struct BackupBody {
    /// When it was made.
    #[schema(inline)]
    pub at: Time,
    /// The name of its file.
    pub file: String,
}

/// How this server and its database are. On PostgreSQL the workers are those of the server that answers.
#[utoipa::path(
    get, path = "/api/settings/system", tag = "Settings", operation_id = "getSystem",
    responses((status = 200, body = SystemBody)),
)]
async fn get(State(state): State<AppState>) -> Result<Json<SystemBody>, ApiError> {
    Ok(Json(system(&state).await?))
}

/// What the store knows of how things are.
struct Known {
    health: Health,
    failing: Vec<Failing>,
    findings: Vec<AuditRow>,
    backup: Option<AuditRow>,
    channels: Vec<Channel>,
}

/// How this server and its database are now.
pub(crate) async fn system(state: &AppState) -> Result<SystemBody, ApiError> {
    let now = state.clock.now();
    let facts = state.store.db.facts().await?;
    let pictures = state.store.pictures.clone();
    let unit = async move |tx: &mut Tx<'_>| {
        let since = now.saturating_sub(FAILURES_LOOK_BACK).unwrap_or(Timestamp::MIN);
        let picture = pictures.current(tx, now).await?;
        Ok::<_, DbError>(Known {
            health: deliveries::health(tx, now, since).await?,
            failing: deliveries::failing(tx, since).await?,
            findings: audit::last_of(tx, of_program::AUDITOR, FINDINGS_MAX).await?,
            backup: audit::last_of(tx, of_program::DATABASE, 1).await?.into_iter().next(),
            channels: picture.directory.channels.iter().copied().collect(),
        })
    };
    let known = state.store.db.read(unit).await?;
    let Condition {
        started_at, workers, ..
    } = state.vitals.read(now);
    Ok(SystemBody {
        version: env!("CARGO_PKG_VERSION"),
        started_at: Time(started_at),
        database: facts.into(),
        workers: workers.into_iter().map(WorkerBody::from).collect(),
        messages: MessagesBody {
            waiting: known.health.waiting,
            oldest_due_at: known.health.oldest_due_at.map(Time),
            last_page_sent_at: known.health.last_page_sent_at.map(Time),
            failed_last_hour: known.health.failed,
        },
        channels: channels(&known),
        findings: known.findings.into_iter().map(FindingBody::from).collect(),
        last_backup: known.backup.map(|line| BackupBody {
            at: Time(line.at),
            file: line.object_name,
        }),
        environment: state.environment.clone(),
    })
}

fn channels(known: &Known) -> Vec<ChannelBody> {
    let of_channel = |channel: Channel| {
        let failing = known.failing.iter().find(|failing| failing.channel == channel.word());
        ChannelBody {
            channel: channel.word(),
            configured: known.channels.contains(&channel),
            failed_last_hour: failing.map_or(0, |failing| failing.count),
            last_failure: failing.map(|failing| failing.words.clone()),
        }
    };
    Channel::ALL.map(of_channel).into()
}

impl From<db::Facts> for DatabaseBody {
    fn from(facts: db::Facts) -> Self {
        Self {
            kind: match facts.dialect {
                Dialect::Sqlite => "SQLITE",
                Dialect::Postgres => "POSTGRESQL",
            },
            version: facts.version,
            size_bytes: facts.size_bytes,
            write_ahead_log_bytes: facts.log_bytes,
            schema: facts.schema,
            schema_since: Time(facts.schema_since),
            connected_from: facts.connected_from,
        }
    }
}

impl From<Worker> for WorkerBody {
    fn from(worker: Worker) -> Self {
        Self {
            name: worker.name,
            last_run_at: Time(worker.last_run_at),
            stands_still: worker.stands_still,
            failing_since: worker.failing_since.map(Time),
        }
    }
}

impl From<AuditRow> for FindingBody {
    fn from(line: AuditRow) -> Self {
        Self {
            at: Time(line.at),
            which: line.changes["incidents"]["to"].as_str().unwrap_or_default().to_owned(),
            what: line.object_name,
        }
    }
}
