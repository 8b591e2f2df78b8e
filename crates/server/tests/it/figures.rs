//! `/metrics` of the real program, and what is shipped for Prometheus and Grafana: every figure that a rule or a panel
//! names is there, and the rules do what their own tests say.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::{Path, PathBuf},
};

use serde_json::{Value, json};
use tokio::process::Command;

use crate::{
    api::{Api, client, integration, organisation},
    both::Place,
    environment,
    post_office::PostOffice,
    process::{SOON, Server, command, opsknight, run, wait_until},
};

both! {
    figures_are_those_of_the_moment,
}

fn shipped(file: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../../deploy/monitoring")
        .join(file)
}

async fn metrics(server: &Server) -> String {
    let answer = client().get(format!("{}/metrics", server.url)).send().await.unwrap();
    assert_eq!(answer.status(), 200);
    answer.text().await.unwrap()
}

/// The value of a series as it is written.
fn value(metrics: &str, series: &str) -> Option<f64> {
    let line = metrics
        .lines()
        .find_map(|line| line.strip_prefix(series)?.strip_prefix(' '));
    line.map(|value| value.parse().unwrap())
}

async fn figures_are_those_of_the_moment(place: &Place) {
    let post = PostOffice::start().await;
    post.be_busy_for(u32::MAX);
    let port = post.port.to_string();
    let server = Server::start(place, &PostOffice::variables(&port)).await;
    let api = Api::of(place, &server).await;
    let organisation = organisation(&api, 5).await;
    let door = integration(&api, &organisation.service, "EVENTS_API_V2", json!({})).await;
    let quiet = metrics(&server).await;
    for (series, expected) in [
        ("opsknight_database_up", 1.0),
        ("opsknight_replica_addresses", 1.0),
        (r#"opsknight_queue_waiting{queue="escalation"}"#, 0.0),
        (r#"opsknight_queue_oldest_seconds{queue="pages"}"#, 0.0),
        ("opsknight_leases_expired", 0.0),
        ("opsknight_lease_expiries_total", 0.0),
        (r#"opsknight_auditor_findings_total{kind="forgotten_incident"}"#, 0.0),
        (r#"opsknight_worker_stands_still{worker="deliver"}"#, 0.0),
        (r#"opsknight_incidents{status="open"}"#, 0.0),
        ("opsknight_ingest_queue", 0.0),
        (r#"opsknight_build_info{version="0.1.0"}"#, 1.0),
    ] {
        assert_eq!(value(&quiet, series), Some(expected), "{series} in {quiet}");
    }
    assert_eq!(
        value(&quiet, "opsknight_last_page_timestamp_seconds"),
        None,
        "nobody was paged yet"
    );
    assert_eq!(value(&quiet, "opsknight_last_backup_timestamp_seconds"), None);
    let event = json!({
        "routing_key": door.key, "event_action": "trigger", "payload": { "summary": "x", "source": "y", "severity": "critical" },
    });
    api.post("/v2/enqueue", event).await;
    let seen = async |series: &str, is: &dyn Fn(f64) -> bool| {
        wait_until(&format!("{series} is as it should be"), SOON, async || {
            value(&metrics(&server).await, series).filter(|value| is(*value))
        })
        .await
    };
    seen(r#"opsknight_incidents{status="open"}"#, &|n| n == 1.0).await;
    seen(r#"opsknight_deliveries_total{channel="EMAIL",outcome="again"}"#, &|n| {
        n >= 1.0
    })
    .await;
    post.be_busy_for(0);
    seen("opsknight_last_page_timestamp_seconds", &|at| at > 1_700_000_000.0).await;
    if place.is_sqlite() {
        command(place, &["backup", "copy.db"], "").await.well();
        seen("opsknight_last_backup_timestamp_seconds", &|at| at > 1_700_000_000.0).await;
    }
    let metrics = metrics(&server).await;
    for line in metrics.lines().filter(|line| line.starts_with("# TYPE ")) {
        let name = line.split(' ').nth(2).unwrap();
        assert!(metrics.contains(&format!("# HELP {name} ")), "{name} says what it is");
    }
}

/// Every figure that is named in a text.
fn named(text: &str) -> BTreeSet<String> {
    let words = text.split(|c: char| !(c.is_ascii_alphanumeric() || c == '_'));
    words
        .filter(|word| word.starts_with("opsknight_"))
        .map(str::to_owned)
        .collect()
}

/// All expressions of a dashboard, and the data sources that are asked.
fn expressions(value: &Value, found: &mut Vec<String>, sources: &mut BTreeSet<String>) {
    match value {
        Value::Object(fields) => {
            if let Some(expression) = fields.get("expr").and_then(Value::as_str) {
                found.push(expression.to_owned());
            }
            if let Some(uid) = fields.get("datasource").and_then(|source| source["uid"].as_str()) {
                sources.insert(uid.to_owned());
            }
            fields.values().for_each(|inner| expressions(inner, found, sources));
        }
        Value::Array(items) => items.iter().for_each(|inner| expressions(inner, found, sources)),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}

/// Everything that the program and its watch have ever to say, in the form of `/metrics`.
async fn all_that_is_said() -> String {
    let (place, post) = (Place::sqlite(), PostOffice::start().await);
    let port = post.port.to_string();
    let mut variables = PostOffice::variables(&port).to_vec();
    variables.push(("OPSKNIGHT_ALLOW_PRIVATE_TARGETS", "true"));
    let server = Server::start(&place, &variables).await;
    let api = Api::of(&place, &server).await;
    let organisation = organisation(&api, 5).await;
    let few = json!({ "rateLimitPerMinute": 2 });
    let door = integration(&api, &organisation.service, "EVENTS_API_V2", few).await;
    for _ in 0..3 {
        let event = json!({ "routing_key": door.key, "event_action": "trigger", "payload": { "summary": "x", "source": "y", "severity": "info" } });
        api.call(reqwest::Method::POST, "/v2/enqueue", Some(&event)).await;
    }
    command(&place, &["backup", "copy.db"], "").await.well();
    let paged = async || value(&metrics(&server).await, "opsknight_last_page_timestamp_seconds");
    wait_until("a page was sent", SOON, paged).await;
    let mut watch = opsknight(&place);
    let door = integration(&api, &organisation.service, "EVENTS_API_V2", json!({})).await;
    watch.arg("watch").envs([
        ("OPSKNIGHT_WATCH_TARGET", server.url.as_str()),
        ("OPSKNIGHT_WATCH_ROUTING_KEY", &door.key),
        ("OPSKNIGHT_WATCH_API_KEY", &api.key),
        ("OPSKNIGHT_WATCH_HEARTBEAT_URL", &format!("{}/healthz", server.url)),
        ("OPSKNIGHT_WATCH_LISTEN", "127.0.0.1:0"),
    ]);
    let mut watch = watch.spawn().unwrap();
    let printed = crate::process::Printed::default();
    printed.gather(watch.stdout.take().unwrap());
    let address = printed.wait_for("the watch listens", |line| {
        line.strip_prefix("The watch listens at ")?
            .split(": ")
            .next()
            .map(str::to_owned)
    });
    let address = address.await;
    printed
        .wait_for("a page comes through", |line| {
            line.contains("came through in").then_some(())
        })
        .await;
    let own = client().get(format!("http://{address}/metrics")).send().await.unwrap();
    metrics(&server).await + own.text().await.unwrap().as_str()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_figure_that_is_asked_for_is_there() {
    let rules = fs::read_to_string(shipped("opsknight.rules.yml")).unwrap();
    let dashboard = fs::read_to_string(shipped("opsknight-dashboard.json")).unwrap();
    let dashboard: Value = serde_json::from_str(&dashboard).expect("the dashboard is JSON");
    let (mut asked, mut sources) = (Vec::new(), BTreeSet::new());
    expressions(&dashboard, &mut asked, &mut sources);
    assert!(asked.len() > 30, "{asked:?}");
    assert_eq!(
        sources,
        BTreeSet::from(["${datasource}".to_owned()]),
        "whoever imports it says where Prometheus is"
    );
    assert!(
        dashboard["templating"]["list"]
            .as_array()
            .unwrap()
            .iter()
            .any(|variable| { variable["type"] == "datasource" && variable["name"] == "datasource" })
    );
    let guide = fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/guide/watching.md")).unwrap();
    let said = all_that_is_said().await;
    let there = named(&said);
    let mut wanted: BTreeMap<String, &str> = BTreeMap::new();
    let code = rules.lines().filter(|line| line.contains("expr:")).collect::<String>();
    for (text, place) in [
        (code, "the rules"),
        (asked.join(" "), "the dashboard"),
        (guide, "the guide"),
    ] {
        wanted.extend(named(&text).into_iter().map(|name| (name, place)));
    }
    assert!(wanted.len() > 25, "{wanted:?}");
    for (name, place) in wanted {
        assert!(there.contains(&name), "{place} asks for {name}, which nobody says");
    }
}

#[tokio::test]
async fn the_rules_are_checked_by_prometheus_and_lead_into_the_guide() {
    for words in [
        ["check", "rules", "opsknight.rules.yml"],
        ["test", "rules", "opsknight.rules.test.yml"],
        ["test", "rules", "opsknight.rules.days.test.yml"],
    ] {
        let mut promtool = Command::new(environment::promtool());
        promtool.args(words).current_dir(shipped(""));
        let said = run(promtool, "").await.well();
        assert!(said.contains("SUCCESS"), "{said}");
    }
    let rules = fs::read_to_string(shipped("opsknight.rules.yml")).unwrap();
    let count = |what: &str| rules.lines().filter(|line| line.trim_start().starts_with(what)).count();
    let alerts = count("- alert: ");
    assert!(alerts > 10);
    for what in ["labels: {severity: ", "summary: ", "runbook_url: "] {
        assert_eq!(count(what), alerts, "{what}");
    }
    let guide = opsknight_web::guide::page("watching").expect("the guide has that page");
    for link in rules
        .lines()
        .filter_map(|line| line.trim().strip_prefix("runbook_url: "))
    {
        let place = link
            .strip_prefix("https://opsknight.example.com/guide/watching#")
            .expect("it leads there");
        assert!(
            guide.parts.iter().any(|part| part.id == place),
            "the guide has no {place}"
        );
    }
}
