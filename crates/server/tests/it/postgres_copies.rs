//! The commands of the guide by which a PostgreSQL database is copied and restored, run as they stand there; and the
//! server that runs on what was restored, with the same secret key.

use std::{collections::BTreeSet, fs, path::Path};

use serde_json::{Value, json};

use crate::{
    api::{Api, Integration, integration, organisation},
    both::Place,
    own_postgres::OwnPostgres,
    process::{SOON, Server, wait_until},
};

/// Where the guide keeps copies, the restored server and its data; the test has a folder of its own for each.
const PLACES: [(&str, &str); 2] = [("/var/backups/opsknight", "/backups"), ("/var/lib/postgresql", "")];
/// The moment that the guide goes back to.
const MOMENT: &str = "2026-11-26 14:00:00+00";

/// The block of the guide that begins with this comment, for these places.
fn block(title: &str, folder: &str) -> String {
    let guide = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/guide/operating.md");
    let guide = fs::read_to_string(guide).unwrap();
    let mut blocks = guide
        .split("\n```")
        .map(|block| block.split_once('\n').map_or("", |(_, text)| text));
    let found = blocks.find(|text| text.starts_with(&format!("# {title}\n")));
    let mut text = found
        .unwrap_or_else(|| panic!("the guide has no block {title:?}"))
        .to_owned();
    for (place, own) in PLACES {
        text = text.replace(place, &format!("{folder}{own}"));
    }
    text
}

async fn send(api: &Api, door: &Integration, keys: std::ops::Range<usize>) -> BTreeSet<String> {
    let mut sent = BTreeSet::new();
    for n in keys {
        let key = format!("problem-{n}");
        let payload = json!({ "summary": &key, "source": "x", "severity": "critical" });
        let event = json!({ "event_action": "trigger", "dedup_key": &key, "payload": payload });
        let request = api.http.post(format!("{}/api/events", api.base)).json(&event);
        let request = request.header("authorization", format!("Token token={}", door.key));
        let answer: Value = request.send().await.unwrap().json().await.unwrap();
        assert_eq!(answer["result"]["action"], "triggered", "{answer}");
        sent.insert(key);
    }
    sent
}

async fn keys(api: &Api) -> BTreeSet<String> {
    let all = api.all("/api/incidents").await;
    all.iter()
        .map(|incident| incident["dedupKey"].as_str().unwrap().to_owned())
        .collect()
}

/// The server on this database with the key of `place`.
async fn serve(place: &Place, url: &str) -> Server {
    Server::start(place, &[("DATABASE_URL", url)]).await
}

/// What stands in the database by its own tools.
async fn asked(postgres: &OwnPostgres, url: &str, sql: &str) -> String {
    let script = format!("psql --no-psqlrc --quiet --tuples-only --no-align \"$URL\" --command=\"{sql}\"");
    postgres.sh(&script, &[("URL", url)]).await.well().trim().to_owned()
}

/// A caller of the API of the server on this database.
async fn caller(place: &Place, server: &Server, url: &str) -> Api {
    let mut key = crate::process::opsknight(place);
    key.env("DATABASE_URL", url).args([
        "api-key",
        "create",
        "--name",
        "Tests",
        "--scopes",
        crate::api::ALL_SCOPES,
    ]);
    let key = crate::process::run(key, "").await.well().trim().to_owned();
    Api {
        base: server.url.clone(),
        key,
        http: crate::api::client(),
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_commands_of_the_guide_bring_everything_back() {
    let archive = block("Archive the write-ahead log", "FOLDER");
    let postgres = OwnPostgres::start(&archive).await;
    let (folder, url) = (postgres.folder.clone(), postgres.url("opsknight"));
    postgres
        .sh(
            "mkdir -p backups/wal; createdb --host=127.0.0.1 --port=$PORT --username=postgres opsknight",
            &[("PORT", &postgres.port.to_string())],
        )
        .await
        .well();
    let place = Place::sqlite();
    let server = serve(&place, &url).await;
    let api = caller(&place, &server, &url).await;
    let organisation = organisation(&api, 5).await;
    let door = integration(&api, &organisation.service, "EVENTS_API_V2", json!({})).await;
    let first = send(&api, &door, 0..20).await;

    // A dump, and a base for what comes after it, while the server runs.
    let restored_url = postgres.url("opsknight_restored");
    let variables = [
        ("DATABASE_URL", url.as_str()),
        ("RESTORED_DATABASE_URL", restored_url.as_str()),
    ];
    for title in [
        "Copy the database",
        "Copy the server as a whole",
        "Restore the dump into a new database",
    ] {
        postgres.sh(&block(title, &folder), &variables).await.well();
    }
    let second = send(&api, &door, 20..40).await;
    let moment = asked(&postgres, &url, "SELECT clock_timestamp()").await;
    let third = send(&api, &door, 40..50).await;
    let all: BTreeSet<String> = first.iter().chain(&second).chain(&third).cloned().collect();
    assert_eq!(keys(&api).await, all);
    asked(&postgres, &url, "SELECT pg_switch_wal()").await;
    wait_until("the log is archived", SOON, async || {
        let sql = "SELECT last_archived_time > '$MOMENT' AND last_archived_wal >= pg_walfile_name(pg_current_wal_lsn() - 1) FROM pg_stat_archiver";
        let done = asked(&postgres, &url, &sql.replace("$MOMENT", &moment)).await;
        (done == "t").then_some(())
    })
    .await;
    server.kill().await;

    // The dump has what was answered before it began, and its integrations open with the same secret key.
    let server = serve(&place, &restored_url).await;
    let on_dump = api.at(&server);
    assert_eq!(keys(&on_dump).await, first);
    send(&on_dump, &door, 100..101).await;
    server.kill().await;

    // The server is lost, and comes back as it was at that moment.
    postgres
        .sh("pg_ctl stop --silent --mode=immediate --pgdata=data; rm -rf data", &[])
        .await
        .well();
    let restore = block("Restore the server as it was at a moment", &folder);
    assert!(restore.contains(MOMENT), "{restore}");
    postgres.sh(&restore.replace(MOMENT, &moment), &variables).await.well();
    wait_until("the server is one that can be written to", SOON, async || {
        (asked(&postgres, &url, "SELECT pg_is_in_recovery()").await == "f").then_some(())
    })
    .await;
    let server = serve(&place, &url).await;
    let restored = api.at(&server);
    let expected: BTreeSet<String> = first.union(&second).cloned().collect();
    assert_eq!(keys(&restored).await, expected);
    send(&restored, &door, 200..201).await;
    server.kill().await;
}
