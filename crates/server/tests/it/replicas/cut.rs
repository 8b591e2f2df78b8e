//! One replica is cut off from the database: with a bang, and without a word.

use std::time::Duration;

use reqwest::StatusCode;
use serde_json::json;

use crate::both::Place;

use super::{
    dying::more,
    fleet::Fleet,
    line::{Line, State},
    stream::Stream,
};

/// Within which time a replica that hears nothing of its database says so to a sender. Its own limits are shorter.
const TOLD_WITHIN: Duration = Duration::from_secs(20);

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_is_cut_off_says_so_and_comes_back_by_itself() {
    let place = Place::postgres().await;
    let url = place.postgres_url().unwrap().to_owned();
    let line = Line::to(&url).await;
    let fleet = Fleet::of(&place, [&url, &url, &line.address(&url)], 3).await;
    fleet.becomes(2, 200).await;
    let stream = Stream::to(&fleet);
    for how in [State::Cut, State::Silent] {
        line.be(how);
        assert_eq!(sent_to(&fleet, 2).await, StatusCode::SERVICE_UNAVAILABLE, "{how:?}");
        let (status, words) = fleet.ready(2).await;
        assert_eq!(status, 503, "{how:?}");
        assert!(words.contains("does not answer"), "{how:?}: {words}");
        more(&fleet, 5).await;
        line.be(State::Well);
        fleet.becomes(2, 200).await;
        assert_eq!(sent_to(&fleet, 2).await, StatusCode::ACCEPTED, "{how:?}");
    }
    let seen = stream.end().await;
    assert!(seen.statuses[&503] > 0, "{:?}", seen.statuses);
    fleet.settle().await;
}

/// What a sender is answered by this replica.
async fn sent_to(fleet: &Fleet<'_>, n: usize) -> StatusCode {
    let payload = json!({ "summary": "A line", "source": "test", "severity": "info" });
    let event = json!({ "event_action": "trigger", "dedup_key": "line", "payload": payload });
    let url = format!("{}/api/events", fleet.server(n).url);
    let request = fleet.api.http.post(url).json(&event);
    let request = request.header("authorization", format!("Token token={}", fleet.doors[0].key));
    let answer = request.timeout(TOLD_WITHIN).send().await;
    answer.expect("it answers in time").status()
}
