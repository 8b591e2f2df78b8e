//! A disk without room: what cannot be stored is not promised, and when there is room again everything goes on.

use std::{fs, sync::Arc};

use serde_json::json;
use tokio::process::Command;

use crate::{
    api::{Api, Integration, integration, organisation},
    both::Place,
    oracle::Oracle,
    process::{SOON, Server, opsknight, wait_until},
};

use super::{cluster::limit_files, stream::send};

/// How long the details of an event are in these tests: a disk is full soon.
pub(super) const DETAILS: usize = 100_000;
/// How much room an embedded database is left, in bytes.
const ROOM: u64 = 700_000;
/// How many events are sent at most until there is no room.
const EVENTS_MAX: usize = 200;

/// Sends until what is sent is not taken, and says how many were. Whatever was not taken was answered 503.
pub(super) async fn fill(
    oracle: &Oracle,
    (http, base, door): (&reqwest::Client, &str, &Integration),
    name: &str,
) -> usize {
    for n in 0..EVENTS_MAX {
        let key = format!("{name}-{n}");
        match send(http, base, door, &key, DETAILS).await {
            (202, Some(incident)) => oracle.was_promised(&key, &incident),
            (status, _) => {
                assert_eq!(status, 503, "{key}");
                return n;
            }
        }
    }
    panic!("{EVENTS_MAX} events of {DETAILS} bytes have filled nothing");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_embedded_database_without_room() {
    let place = Place::sqlite();
    let server = patient(&place).await;
    let api = Api::of(&place, &server).await;
    let service = organisation(&api, 60).await.service;
    let door = integration(
        &api,
        &service,
        "EVENTS_API_V2",
        json!({ "rateLimitPerMinute": 100_000 }),
    )
    .await;
    let oracle = Arc::new(Oracle::default());
    let log = place.data_dir().join("opsknight.db-wal");
    let room = fs::metadata(&log).map_or(0, |file| file.len()) + ROOM;
    let prlimit = || std::process::Command::new("prlimit");
    limit_files(prlimit(), &server.id(), Some(room));
    let taken = fill(&oracle, (&api.http, &api.base, &door), "full").await;
    assert!(taken > 0, "there was room for some");
    // As long as there is none, nothing is promised.
    for n in 0..3 {
        let (status, _) = send(&api.http, &api.base, &door, &format!("no-room-{n}"), DETAILS).await;
        assert_eq!(status, 503);
    }
    limit_files(prlimit(), &server.id(), None);
    wait_until("there is room again", SOON, async || {
        let (status, incident) = send(&api.http, &api.base, &door, "room", DETAILS).await;
        incident
            .map(|incident| oracle.was_promised("room", &incident))
            .filter(|()| status == 202)
    })
    .await;
    server.kill().await;
    let server = Server::start(&place, &[]).await;
    let incidents = oracle.check(&api.at(&server)).await;
    assert!(incidents >= oracle.promises(), "all that was promised is there");
}

/// A server that is not killed by the limit on its files: a full disk only fails.
async fn patient(place: &Place) -> Server {
    let plain = opsknight(place);
    let plain = plain.as_std();
    let mut command = Command::new("sh");
    command
        .args(["-c", r#"trap "" XFSZ; exec "$0""#])
        .arg(plain.get_program())
        .env_clear()
        .envs(plain.get_envs().filter_map(|(name, value)| Some((name, value?))))
        .env("PATH", "/usr/bin:/bin")
        .current_dir(place.dir())
        .stdin(std::process::Stdio::null())
        .stdout(std::process::Stdio::piped())
        .stderr(std::process::Stdio::piped())
        .kill_on_drop(true);
    Server::run(command).await
}
