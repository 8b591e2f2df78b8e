//! Looks for what must not exist, mends it, counts it and says so; and forgets what is no longer needed.

use std::sync::Arc;

use jiff::{SignedDuration, Timestamp};
use opsknight_domain::{
    escalation,
    id::AuditId,
    incident::{Actor, Change, Entry, EntryKind, Incident, Status},
};
use opsknight_store::{
    Store, allowances,
    audit::{self, AuditLine, of_program},
    db::{DbError, Tx},
    deliveries,
    effects::Batch,
    ended, heard, incidents, maintenance, receipts, sessions,
};
use opsknight_web::state::Clock;
use serde_json::json;
use uuid::Uuid;

/// Most findings that are mended in one transaction; the rest is found again.
const BATCH_MAX: i64 = 200;
/// How long a sender's delivery id is remembered, so that a repetition is known.
const REMOTE_IDS_KEPT: SignedDuration = SignedDuration::from_hours(24);
/// How long it is remembered when a problem ended by its sender's clock. An alert that is later than that is taken for a
/// new one; Pub/Sub, which tries the longest, gives up after seven days.
const ENDS_KEPT: SignedDuration = SignedDuration::from_hours(8 * 24);
/// How long it is remembered which calls of providers were worked on: far longer than any of them repeats one.
const HEARD_KEPT: SignedDuration = SignedDuration::from_hours(7 * 24);

/// What is forgotten, and after how long, in words.
pub(super) const FORGETS: [(&str, SignedDuration); 3] = [
    (
        "Delivery ids of senders, by which a repetition is known",
        REMOTE_IDS_KEPT,
    ),
    ("When problems ended by their senders' clocks", ENDS_KEPT),
    ("Which calls of providers were worked on", HEARD_KEPT),
];

/// The auditor.
#[derive(Clone)]
pub struct Auditor {
    store: Store,
    clock: Arc<dyn Clock>,
}

impl Auditor {
    /// Looks after this store.
    #[must_use]
    pub fn new(store: Store, clock: Arc<dyn Clock>) -> Self {
        Self { store, clock }
    }

    /// Looks once, and says how many things it mended.
    ///
    /// # Errors
    /// When the database cannot answer.
    pub async fn run(&self) -> Result<usize, DbError> {
        let now = self.clock.now();
        let found = self.wake_forgotten(now).await? + self.settle_maintenance().await?;
        self.forget(now).await?;
        Ok(found)
    }

    /// Open incidents that nothing would ever wake go on at once with the step that is next.
    async fn wake_forgotten(&self, now: Timestamp) -> Result<usize, DbError> {
        // With many live incidents the look takes long: it is not to hold up those that write.
        let any = self.store.db.read(async |tx| incidents::any_forgotten(tx).await).await;
        if !any.map_err(|error: DbError| error)? {
            return Ok(0);
        }
        let (store, clock) = (self.store.clone(), self.clock.clone());
        let unit = async move |tx: &mut Tx<'_>| {
            let forgotten = incidents::lock_forgotten(tx, BATCH_MAX).await?;
            if forgotten.is_empty() {
                return Ok::<_, DbError>(0);
            }
            let picture = store.pictures.current(tx, now).await?;
            let mut batch = Batch::default();
            let mut fresh = || clock.uuid_v7();
            let n = forgotten.len();
            note(tx, &forgotten, clock.uuid_v7(), now).await?;
            for mut incident in forgotten {
                tracing::error!(incident.id = %incident.id, "an incident waited for nothing; the auditor woke it");
                match incident.status {
                    Status::Open => incident.progress.due = Some(incident.progress.due.unwrap_or(now)),
                    Status::Snoozed => incident.snoozed_until = Some(incident.snoozed_until.unwrap_or(now)),
                    Status::Acknowledged | Status::Suppressed | Status::Resolved => {}
                }
                let mut change = Change::of(incident);
                let text = "The auditor found that nothing would have been done next, and put it right";
                change.entries.push(Entry::system(EntryKind::Repaired, text));
                let incident = change.incident.clone();
                batch.take(change, &mut fresh, now);
                if let Some(change) = escalation::tick(incident, &picture.directory, now) {
                    batch.take(change, &mut fresh, now);
                }
            }
            batch.write(tx, &mut fresh, now).await?;
            Ok(n)
        };
        let n = self.store.db.write(unit).await?;
        metrics::counter!("opsknight_auditor_findings_total", "kind" => "forgotten_incident").increment(n as u64);
        Ok(n)
    }

    /// Incidents that wait for another end than their service's maintenance has: one that was being opened while the
    /// windows changed was decided on by those of before.
    async fn settle_maintenance(&self) -> Result<usize, DbError> {
        let (pictures, clock) = (self.store.pictures.clone(), self.clock.clone());
        let unit = async move |tx: &mut Tx<'_>| {
            // What is found is found now: this program may have stood still since it began to look.
            let now = clock.now();
            let waiting = maintenance::waiting(tx).await?;
            let picture = pictures.current(tx, now).await?;
            let mut found = 0;
            for (service, (first, last)) in waiting {
                let until = picture.directory.maintenance_until(service, now).unwrap_or(now);
                if last > now && (first != until || last != until) {
                    found += maintenance::look_again(tx, service, now).await?;
                }
            }
            Ok::<_, DbError>(found)
        };
        let none = self.store.db.read(async |tx| maintenance::waiting(tx).await).await;
        if none.map_err(|error: DbError| error)?.is_empty() {
            return Ok(0);
        }
        let found = self.store.db.write(unit).await?;
        metrics::counter!("opsknight_auditor_findings_total", "kind" => "maintenance").increment(found);
        Ok(usize::try_from(found).unwrap_or(usize::MAX))
    }

    async fn forget(&self, now: Timestamp) -> Result<(), DbError> {
        let before = now.saturating_sub(REMOTE_IDS_KEPT).unwrap_or(Timestamp::MIN);
        let overtaken_before = now.saturating_sub(ENDS_KEPT).unwrap_or(Timestamp::MIN);
        let heard_before = now.saturating_sub(HEARD_KEPT).unwrap_or(Timestamp::MIN);
        let unit = async move |tx: &mut Tx<'_>| {
            allowances::forget(tx, now).await?;
            receipts::forget_remote_ids(tx, before).await?;
            ended::forget(tx, overtaken_before).await?;
            heard::forget(tx, heard_before).await?;
            deliveries::forget_pauses(tx, now).await?;
            sessions::sweep(tx, now).await?;
            Ok::<_, DbError>(())
        };
        self.store.db.write(unit).await
    }
}

/// Writes down what was found, so that whoever administrates hears of it.
async fn note(tx: &mut Tx<'_>, found: &[Incident], id: Uuid, now: Timestamp) -> Result<(), DbError> {
    let name = match found.len() {
        1 => "1 incident".to_owned(),
        n => format!("{n} incidents"),
    };
    let numbers: Vec<String> = found.iter().map(|incident| format!("#{}", incident.number)).collect();
    let line = AuditLine {
        id: AuditId::new(id),
        at: now,
        actor: &Actor::System,
        actor_id: None,
        ip: None,
        action: "auditor.mended",
        object_kind: of_program::AUDITOR,
        object_id: of_program::AUDITOR.to_owned(),
        object_name: &name,
        changes: json!({ "incidents": { "from": null, "to": numbers.join(", ") } }),
    };
    audit::record(tx, &line).await
}
