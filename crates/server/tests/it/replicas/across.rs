//! What holds across replicas that are all well: limits, sessions, live pages, and one start of three at once.

use reqwest::header;
use serde_json::json;

use crate::{
    api::{client, integration},
    both::Place,
    process::{SOON, command, wait_until},
};

use super::{
    fleet::{Fleet, REPLICAS},
    stream::send,
};

/// Requests that the integration of this test may send in a minute.
const PER_MINUTE: usize = 40;
/// Wrong passwords that may be tried for one account at once; one more comes back in half a minute.
const PASSWORDS: usize = 10;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_counted_kept_and_shown_is_the_same_at_each() {
    let place = Place::postgres().await;
    let fleet = Fleet::on(&place, 1).await;
    let ada = signed_in(&fleet).await;
    watched_elsewhere(&fleet, &ada).await;
    requests_are_counted_together(&fleet).await;
    passwords_are_counted_together(&fleet).await;
    fleet.settle().await;
}

/// Signs Ada in at the first replica, and gives back her cookie.
async fn signed_in(fleet: &Fleet<'_>) -> String {
    let words = [
        "user",
        "create",
        "--email",
        "ada@example.com",
        "--name",
        "Ada",
        "--role",
        "ADMIN",
        "--password-stdin",
    ];
    command(fleet.place, &words, "correct horse battery\n").await.well();
    let form = [("email", "ada@example.com"), ("password", "correct horse battery")];
    let answer = client()
        .post(format!("{}/login", fleet.server(0).url))
        .form(&form)
        .send();
    let answer = answer.await.unwrap();
    let cookie = answer.headers()[header::SET_COOKIE].to_str().unwrap();
    cookie.split(';').next().unwrap().to_owned()
}

/// The session holds at another replica, whose page hears of what happens at a third.
async fn watched_elsewhere(fleet: &Fleet<'_>, cookie: &str) {
    let at = |n: usize, path: &str| {
        let url = format!("{}{path}", fleet.server(n).url);
        client().get(url).header("cookie", cookie).send()
    };
    assert_eq!(at(1, "/incidents").await.unwrap().status(), 200);
    let mut live = at(1, "/live").await.unwrap();
    assert_eq!(live.status(), 200);
    let base = &fleet.server(2).url;
    let (status, incident) = send(&fleet.api.http, base, &fleet.doors[0], "seen", 1).await;
    assert_eq!(status, 202);
    fleet.oracle.was_promised("seen", &incident.unwrap());
    let mut heard = String::new();
    let hear = async {
        while !heard.contains("event: change") {
            heard.push_str(&String::from_utf8_lossy(
                &live.chunk().await.unwrap().expect("it goes on"),
            ));
        }
    };
    let hearing = tokio::time::timeout(SOON, hear).await;
    assert!(
        hearing.is_ok(),
        "the page at one replica hears of what another took: {heard}"
    );
    // Whoever signs out at one is signed out at all.
    let out = client()
        .post(format!("{}/logout", fleet.server(2).url))
        .header("cookie", cookie)
        .send();
    assert!(out.await.unwrap().status().is_redirection());
    assert_eq!(at(0, "/incidents").await.unwrap().status(), 303);
}

async fn requests_are_counted_together(fleet: &Fleet<'_>) {
    let service = fleet.api.get("/api/services").await["data"][0]["id"].clone();
    let more = json!({ "rateLimitPerMinute": PER_MINUTE });
    let door = integration(&fleet.api, service.as_str().unwrap(), "EVENTS_API_V2", more).await;
    let began = std::time::Instant::now();
    let asked = (0..2 * PER_MINUTE).map(|n| {
        let (http, base) = (fleet.api.http.clone(), fleet.server(n % REPLICAS).url.clone());
        let door = &door;
        async move { (n, send(&http, &base, door, &format!("many-{n}"), 1).await) }
    });
    let answers = futures_util::future::join_all(asked).await;
    let mut taken = 0;
    for (n, (status, incident)) in answers {
        match incident {
            Some(incident) => {
                taken += 1;
                fleet.oracle.was_promised(&format!("many-{n}"), &incident);
            }
            None => assert_eq!(status, 429),
        }
    }
    // One comes back every second and a half.
    let back = usize::try_from(began.elapsed().as_secs()).unwrap() * PER_MINUTE / 60 + 1;
    assert!(
        (PER_MINUTE..=PER_MINUTE + back).contains(&taken),
        "{taken} passed, where one replica alone lets {PER_MINUTE} pass"
    );
}

async fn passwords_are_counted_together(fleet: &Fleet<'_>) {
    let mut refused = 0;
    for n in 0..PASSWORDS + REPLICAS {
        let form = [("email", "ada@example.com"), ("password", "wrong horse battery")];
        let url = format!("{}/login", fleet.server(n % REPLICAS).url);
        let status = client().post(url).form(&form).send().await.unwrap().status();
        refused += usize::from(status == 429);
    }
    assert!(refused >= REPLICAS - 1, "{refused} tries were refused");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn another_secret_key_is_refused_where_others_have_one() {
    let place = Place::postgres().await;
    let fleet_key = command(&place, &["migrate"], "").await.well();
    assert!(fleet_key.contains("at this version"));
    // Another machine, which makes a key of its own.
    let other = Place::at(place.postgres_url().unwrap().to_owned());
    let ended = command(&other, &["migrate"], "").await;
    let said = ended.with_code(1);
    assert!(said.contains("OPSKNIGHT_SECRET_KEY"), "{said}");
    wait_until("the first still may", SOON, async || {
        command(&place, &["migrate"], "")
            .await
            .well()
            .contains("at this version")
            .then_some(())
    })
    .await;
}
