//! Six weeks of incidents, made by the rules that make them in earnest.

use jiff::{SignedDuration, Timestamp};
use opsknight_domain::{
    directory::{Channel, Directory},
    escalation,
    event::{Action, Event, Severity},
    id::{IncidentId, UserId},
    incident::{Actor, Change, Incident, OpenedBy},
};
use opsknight_store::{
    Store,
    db::{DbError, Tx},
    effects::Batch,
};
use opsknight_web::state::Clock;
use serde_json::json;
use uuid::Uuid;

use super::organisation::Made;

/// How many incidents the weeks have.
const INCIDENTS: usize = 140;
/// Of which the last stay open or acknowledged.
const LIVE: usize = 4;

/// Which service, what happened, how bad, and the name of the alert.
const PLOTS: [(usize, &str, Severity, &str); 12] = [
    (
        0,
        "CheckoutErrorRate: 5xx above 2% on checkout-api",
        Severity::Critical,
        "CheckoutErrorRate",
    ),
    (
        0,
        "PaymentProviderLatency: p99 above 4 s to the card processor",
        Severity::Error,
        "PaymentProviderLatency",
    ),
    (
        1,
        "StorefrontDown: no healthy target behind the load balancer",
        Severity::Critical,
        "StorefrontDown",
    ),
    (
        1,
        "PageWeight: home page above 1.5 MB since the last deploy",
        Severity::Info,
        "PageWeight",
    ),
    (
        2,
        "SearchIndexLag: index is 15 min behind",
        Severity::Warning,
        "SearchIndexLag",
    ),
    (
        2,
        "SearchHeap: JVM heap above 92% on search-2",
        Severity::Error,
        "SearchHeap",
    ),
    (
        3,
        "ReplicationLag: replica pg-3 is 48 s behind",
        Severity::Warning,
        "ReplicationLag",
    ),
    (
        3,
        "DiskWillFill: /var/lib/postgresql full within 4 hours",
        Severity::Error,
        "DiskWillFill",
    ),
    (
        3,
        "ConnectionsExhausted: 97 of 100 connections in use",
        Severity::Critical,
        "ConnectionsExhausted",
    ),
    (
        4,
        "ExportFailed: nightly export ended with code 1",
        Severity::Warning,
        "ExportFailed",
    ),
    (4, "BackupLate: no backup for 26 hours", Severity::Error, "BackupLate"),
    (
        0,
        "CertificateExpires: pay.example.com expires in 13 days",
        Severity::Info,
        "CertificateExpires",
    ),
];

/// Writes the history and says how many incidents it has.
pub(super) async fn tell(store: &Store, clock: &dyn Clock, made: &Made) -> Result<usize, DbError> {
    let now = clock.now();
    let pictures = store.pictures.clone();
    let picture = store.db.read(async move |tx| pictures.current(tx, now).await).await?;
    let mut seed = [0; 8];
    clock.fill(&mut seed);
    let mut dice = Dice(u64::from_le_bytes(seed) | 1);
    let span = now.duration_since(made.since).as_secs().max(1);
    let mut stories = Vec::with_capacity(INCIDENTS);
    for n in 0..INCIDENTS {
        // The last ones are of the last hours, the others anywhere in the weeks.
        let ago = if n + LIVE >= INCIDENTS {
            dice.below(7_000) + 60
        } else {
            dice.below(span - 8_000) + 8_000
        };
        let begins = now.saturating_sub(SignedDuration::from_secs(ago)).unwrap_or(now);
        stories.push((begins, n + LIVE >= INCIDENTS));
    }
    stories.sort_unstable();
    // The story tells of pages, whether or not a mail server is set up where it is told.
    let mut directory = picture.directory.clone();
    directory.channels.insert(Channel::Email);
    let directory = &directory;
    let told: Vec<Vec<(Timestamp, Change, Option<Event>)>> = stories
        .into_iter()
        .enumerate()
        .map(|(n, (begins, live))| story(n, begins, live, made, directory, &mut dice, now))
        .collect();
    for chapter in told {
        let clock_bytes = [dice.byte(), dice.byte(), dice.byte(), dice.byte()];
        write(store, chapter, clock_bytes).await?;
    }
    Ok(INCIDENTS)
}

/// One incident from its first alert to its end.
fn story(
    n: usize,
    begins: Timestamp,
    live: bool,
    made: &Made,
    directory: &Directory,
    dice: &mut Dice,
    now: Timestamp,
) -> Vec<(Timestamp, Change, Option<Event>)> {
    let (place, summary, severity, alert) = PLOTS[usize::try_from(dice.below(12)).unwrap_or(0)];
    let mut event = Event::new(Action::Trigger, format!("demo:{alert}:{n}"), severity, summary);
    event.source = Some(format!("{}-{}", alert.to_lowercase(), dice.below(4) + 1));
    event.details = json!({ "alertname": alert, "severity": severity.word(), "region": "eu-central-1" });
    let sender = Actor::Integration {
        name: "Production Alertmanager".into(),
    };
    let Some(service) = directory.services.get(&made.services[place]) else {
        return Vec::new();
    };
    let mut fresh = Ids::new(begins, dice);
    let id = IncidentId::new(fresh.next());
    let mut chapters = Vec::new();
    let opened = Incident::open(id, service, OpenedBy::Event(&event), &sender, directory, begins);
    let mut incident = opened.incident.clone();
    chapters.push((begins, opened, Some(event.clone())));
    let answered = begins
        .saturating_add(SignedDuration::from_secs(dice.below(900) + 40))
        .unwrap_or(now);
    while let Some(due) = incident.due_at().filter(|due| *due < answered && *due < now) {
        let Some(change) = escalation::tick(incident.clone(), directory, due) else {
            break;
        };
        incident = change.incident.clone();
        chapters.push((due, change, None));
    }
    if answered < now && (!live || dice.below(2) == 0) {
        let who: UserId = incident.assignee.unwrap_or(made.people[1]);
        let actor = Actor::User {
            id: who,
            name: directory.user_name(who).to_owned(),
        };
        if let Ok(change) = incident.clone().acknowledge(&actor, directory, answered) {
            incident = change.incident.clone();
            chapters.push((answered, change, None));
        }
    }
    let over = answered
        .saturating_add(SignedDuration::from_secs(dice.below(5_400) + 120))
        .unwrap_or(now);
    if !live && over < now {
        event.action = Action::Resolve;
        if let Ok(change) = incident.resolve(&sender, None, directory, over) {
            chapters.push((over, change, Some(event)));
        }
    }
    chapters
}

/// Writes one incident. Nobody is called about what never was, so the messages are left out.
async fn write(
    store: &Store,
    chapters: Vec<(Timestamp, Change, Option<Event>)>,
    random: [u8; 4],
) -> Result<(), DbError> {
    let unit = async move |tx: &mut Tx<'_>| {
        let mut number = 0;
        for (place, (at, change, event)) in chapters.iter().enumerate() {
            let mut ids = Ids {
                at: *at,
                n: u16::try_from(place).unwrap_or(0).saturating_mul(256),
                random,
            };
            let mut fresh = || ids.next();
            let mut change = Change {
                deliveries: Vec::new(),
                ..change.clone()
            };
            change.incident.number = number;
            let mut batch = Batch::default();
            if let Some(event) = event {
                batch.alert(change.incident.id, None, event, &mut fresh, *at);
            }
            batch.take(change, &mut fresh, *at);
            number = batch
                .write(tx, &mut fresh, *at)
                .await?
                .first()
                .map_or(0, |incident| incident.number);
        }
        Ok::<_, DbError>(())
    };
    store.db.write(unit).await
}

/// Identities of a time that has passed, in order.
struct Ids {
    at: Timestamp,
    n: u16,
    random: [u8; 4],
}

impl Ids {
    fn new(at: Timestamp, dice: &mut Dice) -> Self {
        Self {
            at,
            n: 0,
            random: [dice.byte(), dice.byte(), dice.byte(), dice.byte()],
        }
    }

    fn next(&mut self) -> Uuid {
        self.n = self.n.wrapping_add(1);
        let [high, low] = self.n.to_be_bytes();
        let [a, b, c, d] = self.random;
        let millis = u64::try_from(self.at.as_millisecond()).unwrap_or(0);
        // The first bytes after the time keep the order within a millisecond.
        uuid::Builder::from_unix_timestamp_millis(millis, &[high & 0x0f, low, a, b, c, d, high, low, a, b]).into_uuid()
    }
}

/// Chance for a story; nothing secret is made with it.
struct Dice(u64);

impl Dice {
    /// A number from 0 to below `end` (Marsaglia's xorshift64).
    fn below(&mut self, end: i64) -> i64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        i64::try_from(self.0 >> 1).unwrap_or(0) % end.max(1)
    }

    fn byte(&mut self) -> u8 {
        u8::try_from(self.below(256)).unwrap_or(0)
    }
}
