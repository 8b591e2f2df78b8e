//! The description of the API is true: schemathesis calls everything that it describes, with good input and bad, and
//! finds no server error and no answer that is not described.

use serde_json::json;
use tokio::process::Command;

use crate::{
    api::{Api, integration, organisation},
    both::Place,
    environment, process,
    process::Server,
};

both! {
    the_description_is_true,
}

/// What must hold for every answer.
const CHECKS: &str = "not_a_server_error,status_code_conformance,content_type_conformance,response_schema_conformance";
/// How much of its time the suite gives to it, in seconds, for each database.
const SECONDS: &str = "30";

async fn the_description_is_true(place: &Place) {
    let server = Server::start(place, &[]).await;
    let api = Api::of(place, &server).await;
    let organisation = organisation(&api, 5).await;
    integration(&api, &organisation.service, "PROMETHEUS", json!({})).await;
    api.make(
        "/api/webhooks",
        json!({ "name": "Sink", "type": "GENERIC", "url": "https://example.com/hook" }),
    )
    .await;
    let python = environment::python();
    let mut command = Command::new(python.with_file_name("schemathesis"));
    command
        .env_clear()
        .env("PYTHONUNBUFFERED", "1")
        .current_dir(place.dir())
        .args(["run", &format!("{}/api/openapi.json", server.url)])
        .args(["--url", &server.url])
        .args(["--header", &format!("Authorization: Bearer {}", api.key)])
        .args([
            "--checks",
            CHECKS,
            "--phases",
            "examples,coverage,fuzzing",
            "--max-examples",
            "15",
        ])
        .args([
            "--max-time",
            SECONDS,
            "--seed",
            "1",
            // With two, hypothesis now and then fails in its own cache of sources.
            "--workers",
            "1",
            "--continue-on-failure",
        ])
        .args(["--suppress-health-check", "all", "--warnings", "off", "--no-color"]);
    let ended = process::run(command, "").await;
    assert_eq!(ended.code, Some(0), "{}\n{}", ended.stdout, ended.stderr);
    let faults: Vec<String> = server
        .lines()
        .into_iter()
        .filter(|line| line.contains("ERROR"))
        .collect();
    assert!(faults.is_empty(), "the log tells of faults: {faults:?}");
}
