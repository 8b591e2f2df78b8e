//! Senders that others wrote: Monit, GitHub's own examples and signatures, Apprise, and a make-believe Amazon SNS. What
//! they really send becomes an incident, and its end closes it.

use std::{fs, os::unix::fs::PermissionsExt as _, process::Stdio};

use serde_json::{Value, json};
use tokio::process::Command;

use crate::{
    api::{Api, Integration, integration},
    both::Place,
    environment,
    peers::{self, word},
    process::{self, Printed, SOON, Server, wait_until},
};

both! {
    monit_tells_of_a_file_that_is_missing_and_there_again,
    every_example_of_githubs_is_taken,
    apprise_sends_in_many_ways,
    an_alarm_comes_and_goes_by_sns,
}

/// A server, a caller of its API and the id of a service.
async fn stage(place: &Place, variables: &[(&str, &str)]) -> (Server, Api, String) {
    let server = Server::start(place, variables).await;
    let api = Api::of(place, &server).await;
    let service = api.make("/api/services", json!({ "name": "Checkout" })).await;
    (server, api, service)
}

/// The incidents under a key, the first first.
async fn under(api: &Api, dedup_key: &str) -> Vec<Value> {
    let mut all = api.all("/api/incidents").await;
    all.retain(|incident| incident["dedupKey"] == dedup_key);
    all.sort_by_key(|incident| incident["number"].as_u64());
    all
}

/// The only incident under a key, which stands so.
async fn only(api: &Api, dedup_key: &str, status: &str) -> Value {
    let found = under(api, dedup_key).await;
    assert_eq!(found.len(), 1, "{dedup_key}: {found:?}");
    assert_eq!(found[0]["status"], status, "{found:?}");
    found[0].clone()
}

async fn monit_tells_of_a_file_that_is_missing_and_there_again(place: &Place) {
    let (server, api, service) = stage(place, &[]).await;
    let events = integration(&api, &service, "EVENTS_API_V2", json!({})).await;
    let dir = tempfile::tempdir().unwrap();
    let at = |name: &str| word(&dir.path().join(name)).to_owned();
    let (python, script) = (environment::python(), environment::peer("monit_hook.py"));
    let hook = |action: &str| {
        let (python, script) = (word(&python), word(&script));
        format!("\"{python} {script} {action} {} {}\"", server.url, events.key)
    };
    let config = format!(
        "set daemon 1\nset pidfile {}\nset idfile {}\nset statefile {}\ncheck file backup with path {}\n  if does not exist \
         then exec {} else if succeeded then exec {}\n",
        at("pid"),
        at("id"),
        at("state"),
        at("backup"),
        hook("trigger"),
        hook("resolve"),
    );
    fs::write(at("monitrc"), config).unwrap();
    // Monit reads no configuration that others could read.
    fs::set_permissions(at("monitrc"), fs::Permissions::from_mode(0o600)).unwrap();
    let mut monit = Command::new(environment::monit())
        .args(["-I", "-v", "-c", &at("monitrc")])
        .env_clear()
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .kill_on_drop(true)
        .spawn()
        .expect("Monit starts");
    let printed = Printed::default();
    printed.gather(monit.stdout.take().expect("its output is a pipe"));
    printed.gather(monit.stderr.take().expect("its errors are a pipe"));

    let stands = async |status: &str| {
        let what = format!("the incident is {status}; Monit said {:?}", printed.lines());
        wait_until(&what, SOON, async || {
            let found = under(&api, "monit/backup").await;
            found.into_iter().find(|incident| incident["status"] == status)
        })
        .await
    };
    let opened = stands("OPEN").await;
    assert_eq!(
        (&opened["title"], &opened["urgency"]),
        (&json!("backup: file doesn't exist"), &json!("HIGH"))
    );
    fs::write(at("backup"), "").unwrap();
    assert_eq!(stands("RESOLVED").await["id"], opened["id"]);
}

async fn every_example_of_githubs_is_taken(place: &Place) {
    /// There are so many that a test which sends none would be noticed.
    const EXAMPLES_MIN: usize = 300;
    const SECRET: &str = "It's a Secret to Everybody";

    let (_server, api, service) = stage(place, &[]).await;
    let more = json!({ "signatureSecret": SECRET, "rateLimitPerMinute": 1000 });
    let github = integration(&api, &service, "GITHUB", more).await;
    let mut node = Command::new(environment::node());
    node.args(["--input-type=module", "-", &github.url, SECRET])
        .env_clear()
        .current_dir(environment::node_peers());
    let script = fs::read_to_string(environment::peer("octokit_send.mjs")).unwrap();
    let said: Value = serde_json::from_str(&process::run(node, &script).await.well()).unwrap();

    let examples = said["examples"].as_array().unwrap();
    assert!(examples.len() >= EXAMPLES_MIN, "only {} were sent", examples.len());
    for example in examples {
        assert_eq!(example["status"], 202, "{example}");
    }
    let all: Vec<&str> = said["workflow"]
        .as_array()
        .unwrap()
        .iter()
        .map(|sent| sent["answer"]["results"][0]["action"].as_str().unwrap_or("none"))
        .collect();
    assert_eq!(all, ["triggered", "resolved"], "{}", said["workflow"]);
    let key = &said["workflow"][0]["answer"]["results"][0]["dedupKey"];
    only(&api, key.as_str().unwrap(), "RESOLVED").await;
    assert_eq!(said["forged"], 401, "a signature with another secret");
}

async fn apprise_sends_in_many_ways(place: &Place) {
    let (server, api, service) = stage(place, &[]).await;
    let mapping = json!({
        "summaryField": "title", "dedupKeyField": "title", "actionField": "type",
        "triggerValues": ["failure"], "resolveValues": ["success"],
    });
    let webhook = integration(&api, &service, "WEBHOOK", json!({ "fieldMapping": mapping })).await;
    let events = integration(&api, &service, "EVENTS_API_V2", json!({})).await;
    let host = server.url.strip_prefix("http://").expect("it speaks HTTP");
    let words = [host, webhook.id.as_str(), events.key.as_str()];
    let said: Value =
        serde_json::from_str(&process::run(peers::python("apprise_send.py", &words), "").await.well()).unwrap();

    for scheme in ["json", "form"] {
        for kind in ["failure", "success"] {
            assert_eq!(said[format!("{scheme} {kind}")], true, "{said}");
        }
        let ended = only(&api, &format!("Backup of db-1 by {scheme}"), "RESOLVED").await;
        assert_eq!(ended["description"], "The disk is full", "{ended}");
    }
    assert_eq!(said["xml failure"], false, "what is refused is not taken for delivered");
    assert_eq!(said["pagerduty warning"], true, "{said}");
    let all = api.all("/api/incidents?status=OPEN").await;
    let [paged] = &all[..] else {
        panic!("only PagerDuty's is open: {all:?}")
    };
    assert_eq!(paged["urgency"], "MEDIUM");
    let title = paged["title"].as_str().unwrap();
    assert!(title.starts_with("Backup of db-1 by pagerduty"), "{title}");
}

async fn an_alarm_comes_and_goes_by_sns(place: &Place) {
    let (_server, api, service) = stage(place, &[("OPSKNIGHT_SNS_VERIFY_SIGNATURES", "false")]).await;
    let cloudwatch: Integration = integration(&api, &service, "CLOUDWATCH", json!({})).await;
    process::run(peers::python("moto_sns.py", &[&cloudwatch.url]), "")
        .await
        .well();

    let received = api.all("/api/events/log").await;
    let statuses: Vec<&Value> = received.iter().map(|event| &event["status"]).collect();
    assert_eq!(statuses, [202; 3], "{received:?}");
    let key = "cloudwatch:arn:aws:cloudwatch:eu-west-1:123456789012:alarm:High CPU";
    let alarm = only(&api, key, "RESOLVED").await;
    assert!(alarm["title"].as_str().unwrap().contains("High CPU"), "{alarm}");
}
