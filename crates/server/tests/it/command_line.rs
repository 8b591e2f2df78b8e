//! The command line, as a person or a script uses it.

use std::fs;

use serde_json::{Value, json};

use crate::{
    api::{Api, client, integration, organisation},
    both::Place,
    process::{SOON, Server, command, opsknight, run, wait_until},
};

both! {
    people_are_added,
    a_key_stands_alone_on_standard_output,
    the_first_link_leads_to_the_first_administrator,
    migrate_and_doctor_tell_how_things_are,
    a_demo_is_a_living_product,
    asked_to_end_it_finishes_what_it_holds,
}

/// Every command, from the outermost.
const COMMANDS: [&[&str]; 12] = [
    &[],
    &["serve"],
    &["migrate"],
    &["demo"],
    &["user"],
    &["user", "create"],
    &["api-key"],
    &["api-key", "create"],
    &["backup"],
    &["restore"],
    &["watch"],
    &["doctor"],
];

#[tokio::test]
async fn help_is_on_every_level() {
    let place = Place::sqlite();
    for words in COMMANDS {
        let words = [words, &["--help"]].concat();
        let help = command(&place, &words, "").await.well();
        assert!(help.contains("Usage: opsknight"), "{words:?}: {help}");
    }
    let help = command(&place, &["serve", "--help"], "").await.well();
    for spelling in [
        "--data-dir",
        "OPSKNIGHT_DATA_DIR",
        "file: data_dir",
        "--smtp-host",
        "SMTP_HOST",
        "file: smtp_host",
    ] {
        assert!(help.contains(spelling), "{spelling} is not in {help}");
    }
    assert!(!place.data_dir().exists(), "asking for help leaves nothing behind");
}

#[tokio::test]
async fn bad_usage_is_2_and_failure_is_1() {
    let place = Place::sqlite();
    let user = |role: &'static str, email: &'static str| {
        vec!["user", "create", "--email", email, "--name", "Ann", "--role", role]
    };
    let rows: [(Vec<&str>, &str); 11] = [
        (vec!["explode"], "explode"),
        (vec!["--colour"], "--colour"),
        (vec!["user", "create"], "--email"),
        (user("KING", "ann@example.com"), "KING"),
        (user("ADMIN", "ann"), "--email"),
        (
            vec!["api-key", "create", "--name", "N", "--scopes", "everything"],
            "everything",
        ),
        (vec!["backup"], "FILE"),
        (vec!["watch"], "OPSKNIGHT_WATCH_TARGET"),
        (
            vec!["watch", "--target", "https://x.example", "--every", "soon"],
            "OPSKNIGHT_WATCH_ROUTING_KEY",
        ),
        (vec!["serve", "--listen", "nowhere"], "OPSKNIGHT_LISTEN"),
        (vec!["serve", "--database-url", "mysql://x"], "DATABASE_URL"),
    ];
    for (words, named) in rows {
        let complaint = command(&place, &words, "").await.with_code(2);
        let named = complaint.to_lowercase().contains(&named.to_lowercase());
        assert!(named, "{words:?}: {complaint}");
    }
    let nothing = command(&place, &["backup", "copy.db"], "").await.with_code(1);
    assert!(nothing.contains("there is no database"), "{nothing}");
    fs::write(place.dir().join("opsknight.toml"), "lisen = 1\n").unwrap();
    let complaint = command(&place, &["serve"], "").await.with_code(2);
    assert!(complaint.contains("lisen"), "{complaint}");
}

/// The words that add a person.
fn add<'a>(name: &'a str, email: &'a str, role: &'a str) -> Vec<&'a str> {
    vec!["user", "create", "--email", email, "--name", name, "--role", role]
}

async fn people_are_added(place: &Place) {
    let invited = command(place, &add("Ann", "ann@example.com", "admin"), "").await.well();
    let lines: Vec<&str> = invited.lines().collect();
    assert!(lines.len() == 2 && lines[0].starts_with("usr_"), "{invited}");
    let (_, invitation) = lines[1].split_once("/invite/").expect("it prints the link");

    let bob = [add("Bob", "bob@example.com", "USER"), vec!["--password-stdin"]].concat();
    let made = command(place, &bob, "correct horse battery\n").await.well();
    assert!(made.lines().count() == 1 && made.starts_with("usr_"), "{made}");
    let again = command(place, &bob, "correct horse battery\n").await.with_code(1);
    assert!(again.contains("email"), "{again}");
    let weak = command(place, &bob, "x\n").await.with_code(2);
    assert!(weak.contains("password"), "{weak}");

    let server = Server::start(place, &[]).await;
    let page = client().get(format!("{}/invite/{invitation}", server.url)).send().await;
    assert_eq!(page.unwrap().status(), 200, "the invitation leads where it should");
    let people = Api::of(place, &server).await.all("/api/users").await;
    let standing = |name: &str| {
        let person = people.iter().find(|person| person["name"] == name);
        person.map(|person| person["status"].clone())
    };
    assert_eq!(
        (standing("Ann"), standing("Bob")),
        (Some(json!("INVITED")), Some(json!("ACTIVE")))
    );
    let told = server.lines().iter().any(|line| line.contains("/setup?token="));
    assert!(!told, "there are people already, so there is no set-up link");
}

async fn a_key_stands_alone_on_standard_output(place: &Place) {
    let words = ["api-key", "create", "--name", "N", "--scopes", "users:read"];
    let key = command(place, &words, "").await.well();
    assert!(key.starts_with("sk_live_") && key.lines().count() == 1, "{key}");
    let server = Server::start(place, &[]).await;
    let api = Api {
        base: server.url.clone(),
        key: key.trim().to_owned(),
        http: client(),
    };
    api.get("/api/users").await;
    let (status, _) = api.call(reqwest::Method::GET, "/api/services", None).await;
    assert_eq!(status, 403, "it has no other scope");
}

async fn the_first_link_leads_to_the_first_administrator(place: &Place) {
    let server = Server::start(place, &[]).await;
    let link = server.setup_link().await;
    let page = client().get(&link).send().await.unwrap();
    assert_eq!(page.status(), 200);
    assert!(page.text().await.unwrap().contains("<form"));
    for path in ["/healthz", "/readyz", "/metrics"] {
        // The workers have just begun.
        wait_until(&format!("{path} is well"), SOON, async || {
            let answer = client().get(format!("{}{path}", server.url)).send().await.unwrap();
            (answer.status() == 200).then_some(())
        })
        .await;
    }
    let metrics = client()
        .get(format!("{}/metrics", server.url))
        .send()
        .await
        .unwrap()
        .text()
        .await
        .unwrap();
    assert!(metrics.contains("# TYPE opsknight_"), "{metrics}");
}

async fn migrate_and_doctor_tell_how_things_are(place: &Place) {
    let said = command(place, &["migrate"], "").await.well();
    assert!(said.contains("at this version"), "{said}");
    let said = command(place, &["doctor"], "").await.well();
    assert!(said.lines().all(|line| line.starts_with("ok ")), "{said}");
    let mut doctor = opsknight(place);
    doctor
        .arg("doctor")
        .envs([("SMTP_HOST", "127.0.0.1"), ("SMTP_PORT", "1"), ("SMTP_TLS", "none")]);
    let ended = run(doctor, "").await;
    assert_eq!(ended.code, Some(1), "{ended:?}");
    assert!(ended.stdout.contains("PROBLEM email (smtp): "), "{ended:?}");
}

async fn a_demo_is_a_living_product(place: &Place) {
    let said = command(place, &["demo"], "").await.well();
    assert!(said.contains("password"), "{said}");
    let again = command(place, &["demo"], "").await.with_code(1);
    assert!(again.contains("not empty"), "{again}");
    let mut server = Server::start(place, &[]).await;
    let api = Api::of(place, &server).await;
    let summary = api.get("/api/analytics/summary?days=60").await;
    assert!(summary["figures"]["incidents"].as_i64() > Some(200), "{summary}");
    assert!(summary["figures"]["escalatedShare"].as_f64() > Some(0.0), "{summary}");
    let people = api.get("/api/analytics/people?days=60").await;
    assert!(people["data"][0]["pages"].as_i64() > Some(10), "{people}");
    for status in ["OPEN", "ACKNOWLEDGED", "SNOOZED"] {
        assert!(
            !api.all(&format!("/api/incidents?status={status}")).await.is_empty(),
            "{status}"
        );
    }
    for path in [
        "/api/services",
        "/api/users",
        "/api/teams",
        "/api/schedules",
        "/api/escalation-policies",
    ] {
        assert!(api.all(path).await.len() > 1, "{path}");
    }
    assert_eq!(
        client().get(&server.url).send().await.unwrap().status(),
        303,
        "one must sign in"
    );
    assert!(server.terminate().await.success());
}

async fn asked_to_end_it_finishes_what_it_holds(place: &Place) {
    let mut server = Server::start(place, &[]).await;
    let api = Api::of(place, &server).await;
    let organisation = organisation(&api, 5).await;
    let events = integration(
        &api,
        &organisation.service,
        "EVENTS_API_V2",
        json!({ "rateLimitPerMinute": 9999 }),
    )
    .await;
    let payload = json!({ "summary": "x", "source": "y" });
    let mut senders = tokio::task::JoinSet::new();
    for _ in 0..8 {
        let (api, key, payload) = (api.clone(), events.key.clone(), payload.clone());
        senders.spawn(async move {
            let mut taken = 0;
            loop {
                let event = json!({ "event_action": "trigger", "routing_key": key, "payload": payload });
                let sent = api
                    .http
                    .post(format!("{}/v2/enqueue", api.base))
                    .json(&event)
                    .send()
                    .await;
                match sent {
                    Ok(answer) if answer.status() == 202 => taken += 1,
                    Ok(answer) => assert_eq!(answer.status(), 503, "refused because it ends"),
                    // A request that has begun is answered: only connecting may fail.
                    Err(error) => {
                        assert!(error.is_connect() || error.is_request(), "{error:?}");
                        return taken;
                    }
                }
            }
        });
    }
    wait_until("some events were taken", SOON, async || {
        let found = api.get("/api/incidents?limit=1").await["pagination"]["total"].as_u64();
        found.filter(|total| *total > 20)
    })
    .await;
    assert!(server.terminate().await.success());
    // Its last line may come out of the pipe after its end is known.
    wait_until("the program says that it has stopped", SOON, async || {
        server.lines().iter().any(|line| line.contains("stopped")).then_some(())
    })
    .await;
    let taken: u64 = senders.join_all().await.into_iter().sum();
    let server = Server::start(place, &[]).await;
    let total = api.at(&server).get("/api/incidents?limit=1").await["pagination"]["total"]
        .as_u64()
        .unwrap();
    assert!(total >= taken, "{taken} were answered 2xx and {total} are there");
}

#[tokio::test]
async fn a_backup_of_a_running_server_is_whole() {
    let place = Place::sqlite();
    let server = Server::start(&place, &[]).await;
    let api = Api::of(&place, &server).await;
    let organisation = organisation(&api, 5).await;
    assert_eq!(api.get("/api/settings/system").await["lastBackup"], Value::Null);
    command(&place, &["backup", "copy.db"], "").await.well();
    let system = api.get("/api/settings/system").await;
    assert_eq!(
        system["lastBackup"]["file"], "copy.db",
        "the page about the system tells of it: {system}"
    );
    let over = command(&place, &["backup", "copy.db"], "").await.with_code(1);
    assert!(over.contains("copy.db"), "nothing is overwritten: {over}");

    let file = place.dir().join("copy.db");
    let file = file.to_str().unwrap();
    let refused = command(&place, &["restore", file], "").await.with_code(1);
    assert!(!refused.is_empty(), "the database is not empty");
    let other = Place::sqlite();
    command(&other, &["restore", file], "").await.well();
    fs::copy(place.data_dir().join("secret.key"), other.data_dir().join("secret.key")).unwrap();
    let copy = Server::start(&other, &[]).await;
    let service = api
        .at(&copy)
        .get(&format!("/api/services/{}", organisation.service))
        .await;
    assert_eq!(service["name"], "Checkout");
    let no_backup = place.dir().join("no.db");
    fs::write(&no_backup, "not a database").unwrap();
    let third = Place::sqlite();
    let refused = command(&third, &["restore", no_backup.to_str().unwrap()], "")
        .await
        .with_code(1);
    assert!(!refused.is_empty());
    assert!(
        !third.data_dir().join("opsknight.db").exists(),
        "nothing half is left behind"
    );
}

#[tokio::test]
async fn a_postgresql_database_is_backed_up_with_its_own_tools() {
    let place = Place::postgres().await;
    let said = command(&place, &["backup", "copy.db"], "").await.with_code(1);
    assert!(said.contains("pg_dump"), "{said}");
}
