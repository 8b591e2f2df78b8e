//! How long the server takes for lists of incidents when there are very many.

use std::time::{Duration, Instant};

use jiff::{SignedDuration, Timestamp};
use opsknight_domain::{
    directory::Directory,
    event::{Action, Event, Severity},
    id::{IncidentId, ReceiptId, ServiceId},
    incident::{Actor, Change, Incident, OpenedBy},
};
use opsknight_server::clock::SystemClock;
use opsknight_store::{
    Store,
    db::{DbError, Tx},
    effects::Batch,
};
use opsknight_web::state::Clock as _;
use uuid::Uuid;

use crate::{
    Context,
    database::{Database, Organisation},
    drive::{Seen, microseconds},
    http::{self, Line},
    program::Program,
    report::Part,
    sinks,
};

/// Incidents that one unit of work writes.
const UNIT: usize = 5_000;
/// The time between two incidents: a million of them take most of a year.
const APART: SignedDuration = SignedDuration::from_secs(27);
/// Of how many incidents one is still open.
const OPEN_EVERY: usize = 400;
/// And of how many one is acknowledged and not resolved.
const ACKNOWLEDGED_EVERY: usize = 300;
/// How many alerts one incident has: a storm that went on for a night.
const ALERTS: usize = 5_000;
/// Services among which they are shared out.
const SERVICES: usize = 2_000;
/// After how long the next step of what is open is due: not while it is measured.
const NOT_DUE_FOR: SignedDuration = SignedDuration::from_hours(24 * 365);
/// How often each list is asked for.
const TIMES: usize = 100;

/// Measures both databases.
pub(crate) async fn measure(context: &Context, part: &mut Part) -> anyhow::Result<()> {
    for database in context.places.both().await? {
        on(context, &database, part).await?;
    }
    Ok(())
}

async fn on(context: &Context, database: &Database, part: &mut Part) -> anyhow::Result<()> {
    let sinks = sinks::open().await?;
    let organisation = database.organise_many(sinks.webhook, SERVICES).await?;
    let most = context.count(1_000_000);
    let since = SystemClock.now().saturating_sub(APART * i32::try_from(most)?)?;
    let started = Instant::now();
    fill(database, &organisation, most, since).await?;
    let seconds = started.elapsed().as_secs_f64();
    #[expect(clippy::cast_precision_loss, reason = "counts are far below 2^52")]
    let rate = most as f64 / seconds;
    let name = format!("{}, {most} incidents written through the store", database.name);
    part.say(&name, rate, "/s", &format!("in {seconds:.0} s"));
    let stormy = storm(database, &organisation, ALERTS).await?;
    let program = Program::start(&context.program, database, sinks.mail).await?;
    part.say(
        &format!("{}, start to ready with them", database.name),
        program.ready_after.as_secs_f64() * 1e3,
        "ms",
        "",
    );
    let mut line = Line::open(program.address).await?;
    for (path, field) in asked(&organisation, stormy, most, since) {
        let name = format!("{}, GET {}", database.name, shown(&path));
        let seen = ask(&mut line, &http::get(&path, &field)).await?;
        let note = format!("p99 {:.1} ms, first {:.1} ms", seen.0.percentile_ms(0.99), seen.1);
        part.say(&name, seen.0.percentile_ms(0.5), "ms", &note);
    }
    program.stop().await
}

/// What is asked for, each with the field that says who asks: lists for programs, and the pages of people with every
/// filter, order and search that they offer.
fn asked(organisation: &Organisation, stormy: IncidentId, most: usize, since: Timestamp) -> Vec<(String, String)> {
    let service = organisation.services[7];
    let person = organisation.person;
    let half = most / 2;
    let key = format!("authorization: Bearer {}\r\n", organisation.api_key);
    let cookie = format!("cookie: session={}\r\n", organisation.sessions[0]);
    // The thousandth page begins after this row.
    let last = most.saturating_sub(999 * 50 + 1);
    let at = (since + APART * i32::try_from(last).unwrap_or(i32::MAX)).as_microsecond();
    let calls = [
        String::new(),
        "status=OPEN".into(),
        "status=OPEN,ACKNOWLEDGED,SNOOZED".into(),
        "status=RESOLVED".into(),
        format!("serviceId={service}"),
        format!("status=OPEN&serviceId={service}"),
        "status=OPEN&sort=urgency".into(),
        "sort=updatedAt".into(),
        "offset=100000".into(),
        format!("q=%23{half}"),
        "q=checkout".into(),
        "q=nowhere".into(),
    ];
    let pages = [
        "/incidents".into(),
        format!("/incidents?after={at}.{}", last + 1),
        "/incidents?sort=oldest".into(),
        "/incidents?sort=urgency".into(),
        "/incidents?sort=changed".into(),
        "/incidents?status=OPEN".into(),
        "/incidents?status=RESOLVED&urgency=LOW&sort=changed".into(),
        format!("/incidents?serviceId={service}"),
        format!("/incidents?serviceId={service}&status=RESOLVED&urgency=HIGH&sort=changed"),
        format!("/incidents?assigneeId={person}"),
        format!("/incidents?assigneeId={person}&serviceId={service}"),
        format!("/incidents?assigneeId={person}&sort=urgency"),
        "/incidents?from=2026-01-01&to=2026-02-01".into(),
        format!("/incidents?q=%23{half}"),
        "/incidents?q=checkout".into(),
        format!("/incidents?q=checkout+api+{half}"),
        "/incidents?q=nowhere".into(),
        "/incidents?q=checkout&status=OPEN".into(),
        format!("/incidents?q=checkout&serviceId={service}"),
        "/services".into(),
        "/services?sort=health".into(),
        "/services?q=19".into(),
        "/events".into(),
        "/notifications".into(),
        "/audit".into(),
        "/".into(),
    ];
    let of_one = [
        (format!("/incidents/{stormy}"), cookie.clone()),
        (format!("/incidents/{stormy}?story=people"), cookie.clone()),
        (format!("/api/incidents/{stormy}/alerts"), key.clone()),
        (format!("/api/incidents/{stormy}/timeline?offset=4900"), key.clone()),
    ];
    let calls = calls.map(|query| (format!("/api/incidents?{query}"), key.clone()));
    let pages = pages.map(|path: String| (path, cookie.clone()));
    calls.into_iter().chain(pages).chain(of_one).collect()
}

/// A path with the identities in it shortened.
fn shown(path: &str) -> String {
    let mut text = path.to_owned();
    for prefix in ["svc_", "usr_", "inc_"] {
        if let Some(at) = text.find(prefix) {
            text.replace_range(at + prefix.len()..at + prefix.len() + 26, "…");
        }
    }
    text
}

/// The times of the later answers, and that of the first.
async fn ask(line: &mut Line, request: &[u8]) -> anyhow::Result<(Seen, f64)> {
    let mut times = Vec::new();
    for _ in 0..=TIMES {
        let sent = Instant::now();
        let answer = line.call(request).await?;
        times.push(microseconds(sent.elapsed()));
        let body = String::from_utf8_lossy(answer.body);
        anyhow::ensure!(answer.status() == 200, "{}: {body}", answer.first);
        // A list that takes seconds needs not be asked a hundred times.
        if sent.elapsed() > Duration::from_secs(1) && times.len() > 3 {
            break;
        }
    }
    let first = f64::from(times.remove(0)) / 1e3;
    Ok((Seen::of(times, 1.0), first))
}

/// Writes incidents through the rules that make them in earnest; only the messages are left out.
async fn fill(database: &Database, organisation: &Organisation, most: usize, since: Timestamp) -> anyhow::Result<()> {
    let store = database.open().await?;
    let now = SystemClock.now();
    let pictures = store.pictures.clone();
    let read: Result<_, DbError> = store.db.read(async move |tx| pictures.current(tx, now).await).await;
    let directory = read?.directory.clone();
    let mut next = 0;
    while next < most {
        let until = most.min(next + UNIT);
        let stories: Vec<_> = (next..until)
            .map(|n| story(n, since, &organisation.services, &directory))
            .collect();
        write(&store, stories, now).await?;
        next = until;
    }
    store.db.close().await;
    Ok(())
}

/// Writes one open incident with so many alerts, each with its sentence in the story.
async fn storm(database: &Database, organisation: &Organisation, most: usize) -> anyhow::Result<IncidentId> {
    let store = database.open().await?;
    let now = SystemClock.now();
    let pictures = store.pictures.clone();
    let read: Result<_, DbError> = store.db.read(async move |tx| pictures.current(tx, now).await).await;
    let directory = read?.directory.clone();
    let service = &directory.services[&organisation.services[7]];
    let mut event = Event::new(
        Action::Trigger,
        "storm",
        Severity::Critical,
        "CheckoutErrorRate: 5xx above 2%",
    );
    event.source = Some("checkout-api.eu-central-1.example.com".to_owned());
    event.details = serde_json::json!({ "error_rate": "2.41", "threshold": "2.00", "pods": "checkout" });
    let actor = Actor::Integration { name: "Load".into() };
    let id = IncidentId::new(uuid_at(now));
    let mut changes = vec![(
        now,
        Incident::open(id, service, OpenedBy::Event(&event), &actor, &directory, now),
    )];
    for n in 1..most {
        let at = now + SignedDuration::from_millis(i64::try_from(n)?);
        let last = changes.last().map(|(_, change)| change.incident.clone());
        changes.extend(last.map(|incident| (at, incident.add(&event, &actor, &directory, at))));
    }
    for (_, change) in &mut changes {
        change.deliveries.clear();
        if let Some(due) = &mut change.incident.progress.due {
            *due = SystemClock.now() + NOT_DUE_FOR;
        }
    }
    let unit = async move |tx: &mut Tx<'_>| {
        let mut batch = Batch::default();
        let mut fresh = || SystemClock.uuid_v7();
        for (at, change) in changes.clone() {
            let receipt = ReceiptId::new(SystemClock.uuid_v7());
            batch.alert(id, Some(receipt), &event, &mut fresh, at);
            batch.take(change, &mut fresh, at);
        }
        batch.write(tx, &mut fresh, now).await.map(drop)
    };
    store.db.write::<_, DbError, _>(unit).await?;
    store.db.close().await;
    Ok(id)
}

type Story = (Event, Vec<(Timestamp, Change)>);

fn story(n: usize, since: Timestamp, services: &[ServiceId], directory: &Directory) -> Story {
    let began = since + APART * i32::try_from(n).unwrap_or(i32::MAX);
    let service = &directory.services[&services[n % services.len()]];
    let severity = Severity::ALL[n % Severity::ALL.len()];
    let text = format!("CheckoutErrorRate: 5xx above 2% on checkout-api-{n}");
    let mut event = Event::new(Action::Trigger, format!("history-{n}"), severity, text);
    event.source = Some(format!("checkout-api-{n}.eu-central-1.example.com"));
    event.details = serde_json::json!({ "error_rate": "2.41", "threshold": "2.00", "pods": format!("checkout-{n}") });
    let actor = Actor::Integration { name: "Load".into() };
    let id = IncidentId::new(uuid_at(began));
    let mut changes = vec![(
        began,
        Incident::open(id, service, OpenedBy::Event(&event), &actor, directory, began),
    )];
    let mut go_on = |after_s: i64, act: &dyn Fn(Incident, Timestamp) -> Option<Change>| {
        let at = began + SignedDuration::from_secs(after_s);
        let last = changes.last().map(|(_, change)| change.incident.clone());
        changes.extend(last.and_then(|incident| Some((at, act(incident, at)?))));
    };
    if !n.is_multiple_of(OPEN_EVERY) {
        go_on(60, &|incident, at| incident.acknowledge(&actor, directory, at).ok());
        if !n.is_multiple_of(ACKNOWLEDGED_EVERY) {
            go_on(900, &|incident, at| incident.resolve(&actor, None, directory, at).ok());
        }
    }
    for (_, change) in &mut changes {
        change.deliveries.clear();
        change.call_off_pages = None;
        // What is open stays so while it is measured: its next step is not due before that.
        if let Some(due) = &mut change.incident.progress.due {
            *due = SystemClock.now() + NOT_DUE_FOR;
        }
    }
    (event, changes)
}

async fn write(store: &Store, stories: Vec<Story>, now: Timestamp) -> Result<(), DbError> {
    let unit = async move |tx: &mut Tx<'_>| {
        let mut batch = Batch::default();
        let mut fresh = || SystemClock.uuid_v7();
        for (event, changes) in stories.clone() {
            if let Some((_, first)) = changes.first() {
                let receipt = ReceiptId::new(SystemClock.uuid_v7());
                batch.alert(first.incident.id, Some(receipt), &event, &mut fresh, now);
            }
            for (at, change) in changes {
                batch.take(change, &mut fresh, at);
            }
        }
        batch.write(tx, &mut fresh, now).await.map(drop)
    };
    store.db.write(unit).await
}

/// An identity as it would have been made then.
fn uuid_at(time: Timestamp) -> Uuid {
    let mut random = [0; 10];
    SystemClock.fill(&mut random);
    let milliseconds = u64::try_from(time.as_millisecond()).unwrap_or_default();
    uuid::Builder::from_unix_timestamp_millis(milliseconds, &random).into_uuid()
}
