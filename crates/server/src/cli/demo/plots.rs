//! What goes wrong in the demo, when, and how a monitoring tool says so.

use jiff::{SignedDuration, Timestamp, civil::Weekday, tz::TimeZone};
use serde_json::{Value, json};

use super::chance::Dice;

/// How many days the story has.
const DAYS: i64 = 56;
/// Incidents of a working day and of another.
const A_DAY: (i64, i64) = (3, 5);
/// How many of a hundred fall into each two hours of a day.
const BY_HOUR: [i64; 12] = [4, 3, 3, 4, 8, 14, 15, 14, 13, 10, 7, 5];

/// One thing that goes wrong.
#[derive(Debug, Clone, Copy)]
pub(super) struct Plot {
    /// Of which service.
    pub(super) service: usize,
    /// What the tool calls it.
    pub(super) alert: &'static str,
    /// What it says.
    pub(super) summary: &'static str,
    /// How bad it says it is.
    pub(super) severity: &'static str,
    /// On which machine or part.
    pub(super) source: &'static str,
}

const fn plot(
    service: usize,
    severity: &'static str,
    alert: &'static str,
    source: &'static str,
    summary: &'static str,
) -> Plot {
    Plot {
        service,
        alert,
        summary,
        severity,
        source,
    }
}

/// What goes wrong again and again and mends itself: nobody looks any more.
const FLAPPING: Plot = plot(
    2,
    "warning",
    "SearchIndexLag",
    "search-2",
    "Search index is 15 minutes behind on search-2",
);

/// What goes wrong.
const PLOTS: [Plot; 22] = [
    plot(
        0,
        "critical",
        "CheckoutErrorRate",
        "checkout-api",
        "5xx above 2% on checkout-api",
    ),
    plot(
        0,
        "error",
        "PaymentProviderLatency",
        "checkout-api",
        "p99 above 4 s to the card processor",
    ),
    plot(
        0,
        "info",
        "CertificateExpires",
        "pay.example.com",
        "Certificate of pay.example.com expires in 13 days",
    ),
    plot(
        1,
        "critical",
        "StorefrontDown",
        "lb-eu-1",
        "No healthy target behind the load balancer",
    ),
    plot(
        1,
        "info",
        "PageWeight",
        "storefront",
        "Home page above 1.5 MB since the last deploy",
    ),
    plot(2, "error", "SearchHeap", "search-2", "JVM heap above 92% on search-2"),
    plot(
        3,
        "info",
        "ModelStale",
        "recommender",
        "The model was not trained for three days",
    ),
    plot(
        4,
        "error",
        "AppStartTime",
        "mobile-api",
        "Median start of the app above 3 s on Android",
    ),
    plot(
        4,
        "critical",
        "MobileApi5xx",
        "mobile-api",
        "5xx above 5% on mobile-api",
    ),
    plot(5, "warning", "ReplicationLag", "pg-3", "Replica pg-3 is 48 s behind"),
    plot(
        5,
        "error",
        "DiskWillFill",
        "pg-1",
        "/var/lib/postgresql full within 4 hours",
    ),
    plot(
        5,
        "critical",
        "ConnectionsExhausted",
        "pg-1",
        "97 of 100 connections in use",
    ),
    plot(
        6,
        "warning",
        "NodeNotReady",
        "node-14",
        "Node node-14 is not ready for 5 minutes",
    ),
    plot(
        6,
        "error",
        "PodCrashLooping",
        "payments-worker",
        "payments-worker restarts every 40 s",
    ),
    plot(
        7,
        "error",
        "ConsumerLag",
        "orders",
        "Consumer group orders is 120,000 messages behind",
    ),
    plot(
        8,
        "critical",
        "DnsResolution",
        "ns-2",
        "ns-2 does not answer for shop.example.com",
    ),
    plot(
        8,
        "warning",
        "TlsHandshakeErrors",
        "lb-eu-2",
        "TLS handshake errors above 1% on lb-eu-2",
    ),
    plot(
        9,
        "warning",
        "LoadLate",
        "finance_daily",
        "finance_daily did not finish by 06:00",
    ),
    plot(
        10,
        "warning",
        "ExportFailed",
        "export-orders",
        "Nightly export ended with code 1",
    ),
    plot(10, "error", "BackupLate", "backup", "No backup for 26 hours"),
    plot(
        11,
        "critical",
        "SignInFailures",
        "identity",
        "Sign-in failures above 10%",
    ),
    plot(
        11,
        "error",
        "TokenLatency",
        "identity",
        "p95 of token issue above 800 ms",
    ),
];

/// How an incident ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Fate {
    /// Somebody works on it, and it ends.
    Handled,
    /// It ends by itself before anybody looks.
    Ignored,
    /// It is open now.
    Open,
    /// Somebody works on it now.
    Acknowledged,
    /// It is put off now.
    Snoozed,
}

/// One incident of the story.
#[derive(Debug, Clone)]
pub(super) struct Scene {
    /// When it begins.
    pub(super) at: Timestamp,
    /// What.
    pub(super) plot: Plot,
    /// How it ends.
    pub(super) fate: Fate,
    /// Nobody answers for a while: the policy goes on.
    pub(super) slow: bool,
    /// Its own chance.
    pub(super) seed: u64,
}

/// A change of a service.
#[derive(Debug, Clone)]
pub(super) struct Deploy {
    /// When.
    pub(super) at: Timestamp,
    /// Of which service.
    pub(super) service: usize,
    /// One line.
    pub(super) summary: String,
}

/// Everything that happens up to `now`, in the order of time.
pub(super) fn scenes(now: Timestamp, dice: &mut Dice) -> (Vec<Scene>, Vec<Deploy>) {
    let zone = TimeZone::get("Europe/Berlin").unwrap_or(TimeZone::UTC);
    let mut scenes = Vec::new();
    let mut deploys = Vec::new();
    for ago in (1..=DAYS).rev() {
        let day = before(now, SignedDuration::from_hours(24 * ago))
            .to_zoned_datetime(zone.clone())
            .date();
        let begins = day
            .to_zoned_datetime(zone.clone())
            .map_or(now, |midnight| midnight.timestamp());
        let weekend = matches!(day.weekday(), Weekday::Saturday | Weekday::Sunday);
        let count = if weekend {
            dice.below(A_DAY.0)
        } else {
            dice.between(A_DAY.0, A_DAY.1)
        };
        for _ in 0..count {
            let plot = *dice.one(&PLOTS).unwrap_or(&FLAPPING);
            scenes.push(scene(begins, hour(dice), plot, dice));
        }
        for _ in 0..dice.between(1, 3) {
            let at = after(begins, dice.below(86_400));
            scenes.push(made(at, FLAPPING, Fate::Ignored, dice));
        }
        if !weekend && dice.chance(60) {
            let service = usize::try_from(dice.below(5)).unwrap_or(0);
            let summary = format!("Deployed version 2.{}.{}", DAYS - ago, dice.below(9));
            deploys.push(Deploy {
                at: after(begins, 36_000 + dice.below(25_000)),
                service,
                summary,
            });
        }
        match ago {
            9 => bad_night(begins, &mut scenes, dice),
            5 => bad_deploy(begins, &mut scenes, &mut deploys, dice),
            _ => {}
        }
    }
    scenes.extend(present(now, dice));
    scenes.retain(|scene| scene.at < now);
    deploys.retain(|deploy| deploy.at < now);
    scenes.sort_by_key(|scene| scene.at);
    (scenes, deploys)
}

fn before(at: Timestamp, by: SignedDuration) -> Timestamp {
    at.saturating_sub(by).unwrap_or(at)
}

fn after(at: Timestamp, seconds: i64) -> Timestamp {
    at.saturating_add(SignedDuration::from_secs(seconds)).unwrap_or(at)
}

/// A second of the day, by how busy its hours are.
fn hour(dice: &mut Dice) -> i64 {
    let mut left = dice.below(BY_HOUR.iter().sum());
    let mut part = 0;
    for share in BY_HOUR {
        if left < share {
            break;
        }
        left -= share;
        part += 1;
    }
    part * 7_200 + dice.below(7_200)
}

fn scene(begins: Timestamp, second: i64, plot: Plot, dice: &mut Dice) -> Scene {
    let mild = matches!(plot.severity, "info" | "warning");
    let fate = if dice.chance(if mild { 35 } else { 5 }) {
        Fate::Ignored
    } else {
        Fate::Handled
    };
    made(after(begins, second), plot, fate, dice)
}

fn made(at: Timestamp, plot: Plot, fate: Fate, dice: &mut Dice) -> Scene {
    Scene {
        at,
        plot,
        fate,
        slow: dice.chance(11),
        seed: u64::try_from(dice.below(i64::MAX)).unwrap_or(1),
    }
}

/// The night in which the database went and took everything with it.
fn bad_night(begins: Timestamp, scenes: &mut Vec<Scene>, dice: &mut Dice) {
    let fell = [11, 10, 0, 8, 20, 3, 14, 21, 13, 1, 15];
    for (n, place) in (0..).zip(fell) {
        let at = after(begins, 6_900 + n * 170 + dice.below(120));
        scenes.push(Scene {
            slow: n % 3 == 0,
            ..made(at, PLOTS[place], Fate::Handled, dice)
        });
    }
}

/// The deploy that went wrong, and how it was taken back.
fn bad_deploy(begins: Timestamp, scenes: &mut Vec<Scene>, deploys: &mut Vec<Deploy>, dice: &mut Dice) {
    let at = after(begins, 14 * 3_600 + 300);
    let deploy = |minutes: i64, summary: &str| Deploy {
        at: after(at, minutes * 60),
        service: 0,
        summary: summary.to_owned(),
    };
    deploys.push(deploy(0, "Deployed version 3.0.0 of checkout-api: new payment flow"));
    deploys.push(deploy(47, "Rolled checkout-api back to 2.51.4"));
    for (n, place) in (0..).zip([0, 1, 3, 8]) {
        scenes.push(made(after(at, 240 + n * 200), PLOTS[place], Fate::Handled, dice));
    }
}

/// What is not over yet.
fn present(now: Timestamp, dice: &mut Dice) -> Vec<Scene> {
    let ago = |minutes: i64| before(now, SignedDuration::from_mins(minutes));
    vec![
        made(ago(3), PLOTS[14], Fate::Open, dice),
        made(ago(14), PLOTS[9], Fate::Open, dice),
        made(ago(38), PLOTS[0], Fate::Acknowledged, dice),
        made(ago(95), PLOTS[10], Fate::Acknowledged, dice),
        made(ago(180), PLOTS[2], Fate::Snoozed, dice),
        made(ago(400), PLOTS[6], Fate::Open, dice),
    ]
}

/// What people write down while they work on it.
pub(super) const NOTES: [&str; 6] = [
    "Looks like the connection pool again. Raised `max_connections` to **150** and restarted one worker after the other.",
    "What we saw:\n\n- errors began with the deploy at 14:05\n- only *card* payments\n- the processor says it is fine\n\nRolling back.",
    "Failed over to the replica. Follow-up: [runbook](https://wiki.example.com/runbooks) says to check the disk first.",
    "Customer support knows. They see about 20 complaints.",
    "`kubectl rollout restart deployment/payments-worker` helped. It leaks memory since last week.",
    "False alarm: the check ran while the cache was cold. Raising the threshold.",
];

/// The body of a request as the tool of this type sends it, and its severity words.
pub(super) fn body(type_name: &str, plot: &Plot, n: usize, resolved: bool, began: Timestamp) -> Value {
    let key = format!("{}-{n}", plot.alert);
    match type_name {
        "PROMETHEUS" | "GRAFANA" => {
            let status = if resolved { "resolved" } else { "firing" };
            let labels = json!({ "alertname": plot.alert, "severity": plot.severity, "instance": plot.source, "run": n.to_string() });
            json!({
                "receiver": "opsknight", "status": status, "version": "4", "groupKey": format!("{{}}:{{run=\"{n}\"}}"),
                "truncatedAlerts": 0, "externalURL": "https://alertmanager.example.com",
                "groupLabels": { "alertname": plot.alert }, "commonLabels": labels, "commonAnnotations": {},
                "alerts": [{
                    "status": status, "labels": labels, "annotations": { "summary": plot.summary },
                    "startsAt": began.to_string(), "endsAt": "0001-01-01T00:00:00Z",
                    "generatorURL": "https://prometheus.example.com/graph", "fingerprint": format!("{:016x}", fingerprint(&key)),
                }],
            })
        }
        "EVENTS_API_V2" => json!({
            "event_action": if resolved { "resolve" } else { "trigger" },
            "dedup_key": key,
            "payload": { "summary": plot.summary, "source": plot.source, "severity": plot.severity, "class": plot.alert },
        }),
        _ => json!({
            "action": if resolved { "resolve" } else { "trigger" },
            "dedup_key": key, "summary": plot.summary, "source": plot.source, "severity": plot.severity,
        }),
    }
}

/// FNV-1a, as far as a story needs it.
fn fingerprint(text: &str) -> u64 {
    text.bytes().fold(0xcbf2_9ce4_8422_2325, |sum, byte| {
        (sum ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
    })
}
