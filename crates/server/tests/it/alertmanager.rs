//! A genuine alert from one end to the other: Prometheus' Alertmanager, a mail server that insists on encryption and a
//! login, and a receiver of signed webhooks.

use std::{fs, process::Stdio, time::Duration};

use jiff::SignedDuration;
use opsknight_server::clock::SystemClock;
use opsknight_web::state::Clock as _;
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::process::{Child, Command};

use crate::{
    api::{Api, Organisation, integration, organisation},
    both::Place,
    certificates::Certificates,
    environment,
    mail_server::MailServer,
    peers::word,
    process::{self, Printed, SOON, Server, wait_until},
    sink::{Sink, verify},
};

both! {
    an_alert_becomes_a_page_and_its_end_closes_the_incident,
    a_group_is_as_many_incidents_as_it_has_alerts,
    if_nobody_acknowledges_the_next_person_is_paged,
    alertmanagers_pagerduty_receiver_is_at_home,
    alertmanagers_receiver_for_victorops_is_at_home,
}

/// A secret in the form of Standard Webhooks.
const WEBHOOK_SECRET: &str = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";

/// A running Alertmanager; it ends with this value.
struct Alertmanager {
    url: String,
    _dir: TempDir,
    _child: Child,
}

impl Alertmanager {
    /// Starts it with one receiver, whose configuration is `receiver`.
    async fn start(receiver: &str) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let config = format!(
            "route:\n  receiver: opsknight\n  group_by: [alertname]\n  group_wait: 100ms\n  group_interval: 1s\n  \
             repeat_interval: 1h\nreceivers:\n- name: opsknight\n{receiver}"
        );
        fs::write(dir.path().join("alertmanager.yml"), config).unwrap();
        let mut child = Command::new(environment::alertmanager())
            .args(["--config.file=alertmanager.yml", "--storage.path=data"])
            .args([
                "--web.listen-address=127.0.0.1:0",
                "--cluster.listen-address=",
                "--log.format=json",
            ])
            .current_dir(dir.path())
            .stderr(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .expect("Alertmanager starts");
        let printed = Printed::default();
        printed.gather(child.stderr.take().expect("its errors are a pipe"));
        let listening = |line: &str| {
            let line: Value = serde_json::from_str(line).ok()?;
            (line["msg"] == "Listening on").then(|| format!("http://{}", line["address"].as_str().unwrap()))
        };
        let url = printed.wait_for("Alertmanager says where it listens", listening).await;
        Self {
            url,
            _dir: dir,
            _child: child,
        }
    }

    /// Sends an alert with the tool that comes with Alertmanager; one that has ended is resolved.
    async fn alert(&self, labels: &[&str], summary: &str, has_ended: bool) {
        let now = SystemClock.now();
        let hour = SignedDuration::from_hours(1);
        let ends = if has_ended { now } else { now.checked_add(hour).unwrap() };
        let begins = now.checked_sub(hour).unwrap();
        let mut amtool = Command::new(environment::amtool());
        amtool
            .arg(format!("--alertmanager.url={}", self.url))
            .args(["alert", "add"])
            .args(labels)
            .arg(format!("--annotation=summary={summary}"))
            .arg(format!("--start={begins}"))
            .arg(format!("--end={ends}"));
        process::run(amtool, "").await.well();
    }
}

/// What all of these tests have around the program.
struct Stage {
    server: Server,
    api: Api,
    mail: MailServer,
    sink: Sink,
    organisation: Organisation,
}

impl Stage {
    async fn set(place: &Place, wait_minutes: u32) -> Self {
        let certificates = Certificates::new();
        let (mail, sink) = (MailServer::start(&certificates).await, Sink::start().await);
        let (port, authority) = (mail.port.to_string(), certificates.authority());
        let mut variables = mail.variables(&port, word(&authority)).to_vec();
        variables.push(("OPSKNIGHT_ALLOW_PRIVATE_TARGETS", "true"));
        let server = Server::start(place, &variables).await;
        let api = Api::of(place, &server).await;
        let organisation = organisation(&api, wait_minutes).await;
        let webhook = json!({ "name": "Sink", "type": "GENERIC", "url": sink.url, "secret": WEBHOOK_SECRET });
        api.make("/api/webhooks", webhook).await;
        Self {
            server,
            api,
            mail,
            sink,
            organisation,
        }
    }

    /// Waits until the incident with this title stands so.
    async fn wait_for(&self, title: &str, status: &str) -> Value {
        let what = format!("the incident {title} is {status}");
        wait_until(&what, SOON, async || {
            let all = self.api.all("/api/incidents").await;
            all.into_iter()
                .find(|incident| incident["title"] == title && incident["status"] == status)
        })
        .await
    }

    async fn timeline(&self, incident: &Value) -> Vec<String> {
        let id = incident["id"].as_str().unwrap();
        let entries = self.api.all(&format!("/api/incidents/{id}/timeline")).await;
        entries
            .iter()
            .map(|entry| entry["type"].as_str().unwrap().to_owned())
            .collect()
    }
}

fn webhook_receiver(url: &str) -> String {
    format!("  webhook_configs:\n  - url: '{url}'\n    send_resolved: true\n")
}

async fn an_alert_becomes_a_page_and_its_end_closes_the_incident(place: &Place) {
    let stage = Stage::set(place, 30).await;
    let Organisation { service, team, .. } = &stage.organisation;
    let prometheus = integration(&stage.api, service, "PROMETHEUS", json!({})).await;
    let alertmanager = Alertmanager::start(&webhook_receiver(&prometheus.url)).await;

    let labels = ["alertname=HighCPU", "severity=critical", "instance=web-01"];
    alertmanager.alert(&labels, "CPU at 95 percent", false).await;
    let mail = stage.mail.wait_for("ann@example.com", "HighCPU").await;
    assert!(
        mail.tls && mail.login.as_deref() == Some("user@example.com"),
        "{mail:?}"
    );
    assert_eq!(mail.from, "opsknight@example.com");
    for part in [&mail.text, &mail.html] {
        assert!(
            part.contains("CPU at 95 percent") && part.contains("Checkout"),
            "{part}"
        );
        assert!(part.contains("/ack/"), "both parts have the link: {part}");
    }
    let title = mail_title(&stage).await;
    let opened = stage.wait_for(&title, "OPEN").await;
    assert_eq!(
        (&opened["urgency"], &opened["service"]["id"]),
        (&json!("HIGH"), &json!(service))
    );
    assert!(opened["nextEscalationAt"].is_string(), "{opened}");
    verify(&stage.sink.wait_for("incident.triggered", &title).await, WEBHOOK_SECRET).await;

    // A mail scanner opens the link: that acknowledges nothing.
    let link = mail.acknowledge_link().expect("the text has the link");
    let page = stage.api.http.get(link).send().await.unwrap();
    assert_eq!(page.status(), 200);
    assert!(
        page.text().await.unwrap().contains("<form"),
        "the page asks for a click"
    );
    assert_eq!(stage.wait_for(&title, "OPEN").await["acknowledgedAt"], Value::Null);
    // Its reader clicks.
    let clicked = stage.api.http.post(link).send().await.unwrap();
    assert_eq!(clicked.status(), 200);
    let acknowledged = stage.wait_for(&title, "ACKNOWLEDGED").await;
    assert_eq!(acknowledged["nextEscalationAt"], Value::Null, "escalation stops");
    verify(
        &stage.sink.wait_for("incident.acknowledged", &title).await,
        WEBHOOK_SECRET,
    )
    .await;

    alertmanager.alert(&labels, "CPU at 95 percent", true).await;
    let resolved = stage.wait_for(&title, "RESOLVED").await;
    verify(&stage.sink.wait_for("incident.resolved", &title).await, WEBHOOK_SECRET).await;
    let told = stage.timeline(&resolved).await;
    let order = ["TRIGGERED", "ESCALATED", "PAGED", "SENT", "ACKNOWLEDGED", "RESOLVED"];
    let places: Vec<_> = order
        .iter()
        .map(|kind| told.iter().position(|told| told == kind))
        .collect();
    assert!(places.is_sorted() && places.iter().all(Option::is_some), "{told:?}");
    assert!(
        !stage.mail.mails().iter().any(|mail| mail.to == ["bob@example.com"]),
        "Bob was not needed"
    );
    assert!(!team.is_empty());
}

async fn a_group_is_as_many_incidents_as_it_has_alerts(place: &Place) {
    let stage = Stage::set(place, 30).await;
    let prometheus = integration(&stage.api, &stage.organisation.service, "PROMETHEUS", json!({})).await;
    let alertmanager = Alertmanager::start(&webhook_receiver(&prometheus.url)).await;
    let labels = |instance: &'static str| ["alertname=DiskFull", "severity=warning", instance];
    let instances = ["instance=db-01", "instance=db-02", "instance=db-03"];
    for instance in instances {
        alertmanager.alert(&labels(instance), "The disk is full", false).await;
    }
    let of_status = async |status: &str| stage.api.all(&format!("/api/incidents?status={status}")).await.len();
    wait_until("three incidents are open", SOON, async || {
        (of_status("OPEN").await == 3).then_some(())
    })
    .await;
    // One alert of the group ends; the others go on.
    alertmanager
        .alert(&labels(instances[1]), "The disk is full", true)
        .await;
    wait_until("one is resolved", SOON, async || {
        (of_status("RESOLVED").await == 1).then_some(())
    })
    .await;
    assert_eq!(of_status("OPEN").await, 2);
    for instance in [instances[0], instances[2]] {
        alertmanager.alert(&labels(instance), "The disk is full", true).await;
    }
    wait_until("all are resolved", SOON, async || {
        (of_status("RESOLVED").await == 3).then_some(())
    })
    .await;
    let received = stage.api.all("/api/events/log").await;
    assert!(
        received.len() < 6,
        "alerts of a group share requests: {}",
        received.len()
    );
}

async fn if_nobody_acknowledges_the_next_person_is_paged(place: &Place) {
    let stage = Stage::set(place, 0).await;
    let prometheus = integration(&stage.api, &stage.organisation.service, "PROMETHEUS", json!({})).await;
    let alertmanager = Alertmanager::start(&webhook_receiver(&prometheus.url)).await;
    alertmanager
        .alert(&["alertname=Down", "severity=critical"], "It is down", false)
        .await;
    stage.mail.wait_for("ann@example.com", "Down").await;
    stage.mail.wait_for("bob@example.com", "Down").await;
    let title = mail_title(&stage).await;
    let told = wait_until("escalation has ended", SOON, async || {
        let told = stage.timeline(&stage.wait_for(&title, "OPEN").await).await;
        told.contains(&"EXHAUSTED".to_owned()).then_some(told)
    })
    .await;
    assert_eq!(told.iter().filter(|kind| *kind == "PAGED").count(), 2, "{told:?}");
    stage.sink.wait_for("incident.escalated", &title).await;
}

async fn alertmanagers_pagerduty_receiver_is_at_home(place: &Place) {
    let stage = Stage::set(place, 30).await;
    let events = integration(&stage.api, &stage.organisation.service, "EVENTS_API_V2", json!({})).await;
    let receiver = format!(
        "  pagerduty_configs:\n  - url: '{}/v2/enqueue'\n    routing_key: {}\n    severity: critical\n    \
         send_resolved: true\n",
        stage.server.url, events.key
    );
    let alertmanager = Alertmanager::start(&receiver).await;
    let labels = ["alertname=HighLatency", "severity=critical"];
    alertmanager.alert(&labels, "Answers take two seconds", false).await;
    let mail = stage.mail.wait_for("ann@example.com", "HighLatency").await;
    let title = mail_title(&stage).await;
    assert!(mail.text.contains("HighLatency"), "{mail:?}");
    assert_eq!(stage.wait_for(&title, "OPEN").await["urgency"], "HIGH");
    alertmanager.alert(&labels, "Answers take two seconds", true).await;
    stage.wait_for(&title, "RESOLVED").await;
}

async fn alertmanagers_receiver_for_victorops_is_at_home(place: &Place) {
    let stage = Stage::set(place, 30).await;
    let to = integration(&stage.api, &stage.organisation.service, "SPLUNK_ONCALL", json!({})).await;
    // It writes both keys behind the path.
    let receiver = format!(
        "  victorops_configs:\n  - api_url: '{}'\n    api_key: a-key\n    routing_key: ops\n    send_resolved: true\n",
        to.url.replace("splunk-oncall?", "splunk-oncall/?")
    );
    let alertmanager = Alertmanager::start(&receiver).await;
    let labels = ["alertname=HighLatency", "severity=critical"];
    alertmanager.alert(&labels, "Answers take two seconds", false).await;
    let mail = stage.mail.wait_for("ann@example.com", "HighLatency").await;
    assert!(mail.text.contains("HighLatency"), "{mail:?}");
    let title = mail_title(&stage).await;
    assert_eq!(stage.wait_for(&title, "OPEN").await["urgency"], "HIGH");
    alertmanager.alert(&labels, "Answers take two seconds", true).await;
    stage.wait_for(&title, "RESOLVED").await;
}

/// The title of the only incident.
async fn mail_title(stage: &Stage) -> String {
    let within = Duration::from_secs(5);
    let all = wait_until("there is an incident", within, async || {
        let all = stage.api.all("/api/incidents").await;
        (!all.is_empty()).then_some(all)
    });
    let all = all.await;
    assert_eq!(all.len(), 1, "{all:?}");
    all[0]["title"].as_str().unwrap().to_owned()
}
