//! Schedules as people plan them: drawn, explained, covered, taken over, tried out before they are saved, and fetched by
//! calendar programs.

use http::{Method, StatusCode};
use opsknight_domain::directory::Role;
use serde_json::{Value, json};

use crate::harness::{Answer, App, As};

/// Who is around.
struct Crew {
    app: App,
    ada: As,
    ada_id: String,
    bob: String,
}

async fn crew() -> Crew {
    let app = App::new().await;
    let ada = app.signed_in("Ada", Role::Admin).await;
    let bob = app.person("Bob", Role::Responder).await.to_string();
    let users = app.get(&ada, "/api/users?q=ada").await.json();
    let ada_id = users["data"][0]["id"].as_str().unwrap().to_owned();
    Crew { app, ada, ada_id, bob }
}

/// Bob from 09:00 to 18:00 on the clocks of New York, and nobody else.
fn days(bob: &str) -> Value {
    let rotation = json!({ "unit": "DAYS", "length": 1, "start": "2026-05-01T13:00:00Z", "handoff": "09:00" });
    let limits = json!([{ "days": [], "from": "09:00", "to": "18:00" }]);
    let layer = json!({ "name": "Days", "users": [bob], "rotation": rotation, "restrictions": limits });
    json!({ "name": "Support", "timeZone": "America/New_York", "layers": [layer] })
}

impl Crew {
    async fn schedule(&self) -> String {
        let made = self
            .app
            .call(&self.ada, Method::POST, "/api/schedules", &days(&self.bob))
            .await;
        assert_eq!(made.status, StatusCode::CREATED, "{}", made.text);
        made.json()["id"].as_str().unwrap().to_owned()
    }

    async fn page(&self, path: &str) -> String {
        let answer = self.app.get(&self.ada, path).await;
        assert_eq!(answer.status, StatusCode::OK, "{path}: {}", answer.text);
        answer.text
    }

    async fn sent(&self, path: &str, fields: &[(&str, &str)]) -> Answer {
        self.app.form(&self.ada, path, fields).await
    }

    async fn overrides(&self, schedule: &str) -> Vec<Value> {
        let list = self
            .app
            .get(&self.ada, &format!("/api/schedules/{schedule}/overrides"))
            .await;
        list.json()["data"].as_array().unwrap().clone()
    }
}

#[tokio::test]
async fn a_timeline_shows_gaps_and_says_who_is_on_call_at_a_time() {
    let crew = crew().await;
    let id = crew.schedule().await;
    let day = crew.page(&format!("/schedules/{id}?view=day")).await;
    for words in [
        "Monday 1 June 2026",
        "Nobody is on call",
        "fill=\"url(#nobody)\"",
        "data-drag",
        "Take over now",
    ] {
        assert!(day.contains(words), "{words}: {day}");
    }
    for (view, words) in [
        ("week", "1 to 7 June 2026"),
        ("month", "1 to 30 June 2026"),
        ("x", "1 to 14 June 2026"),
    ] {
        let text = crew.page(&format!("/schedules/{id}?view={view}")).await;
        assert!(text.contains(words), "{view}: {words}");
    }
    let asked = crew.page(&format!("/schedules/{id}?at=2026-06-01T20:00")).await;
    assert!(asked.contains("does not cover this time"), "{asked}");
    let asked = crew
        .page(&format!("/schedules/{id}?at=2026-06-01T10:00&zone=mine"))
        .await;
    assert!(
        asked.contains("does not cover this time"),
        "ten in Berlin is four in New York: {asked}"
    );
    let asked = crew.page(&format!("/schedules/{id}?at=2026-06-01T10:00")).await;
    assert!(asked.contains("on call by layer Days"), "{asked}");
    let asked = crew.page(&format!("/schedules/{id}?at=soon")).await;
    assert!(asked.contains("Enter a date and a time of day"), "{asked}");
    let reader = crew.app.signed_in("Uma", Role::User).await;
    let read = crew.app.get(&reader, &format!("/schedules/{id}")).await.text;
    assert!(!read.contains("data-drag") && !read.contains("Take over now"), "{read}");
    let list = crew.page("/schedules").await;
    assert!(list.contains("gaps in two weeks"), "{list}");
    assert!(
        crew.page("/schedules?name=bob").await.contains("Support"),
        "by who is on it"
    );
    assert!(
        crew.page("/schedules?name=zoe")
            .await
            .contains("No schedule and nobody on one")
    );
}

#[tokio::test]
async fn an_override_is_looked_at_made_changed_and_removed() {
    let crew = crew().await;
    let id = crew.schedule().await;
    let path = format!("/schedules/{id}/overrides");
    let night = [
        ("user_id", crew.ada_id.as_str()),
        ("start", "2026-06-01T17:00"),
        ("end", "2026-06-01T23:00"),
    ];
    let preview: Vec<_> = night.iter().copied().chain([("do", "preview")]).collect();
    let seen = crew.sent(&path, &preview).await;
    assert_eq!(seen.status, StatusCode::OK);
    assert!(
        seen.text.contains("instead of Bob") && seen.text.contains("instead of nobody"),
        "{}",
        seen.text
    );
    assert_eq!(crew.overrides(&id).await, [Value::Null; 0], "nothing was saved");

    let kept: Vec<_> = night
        .iter()
        .copied()
        .chain([("view", "week"), ("zone", "mine")])
        .collect();
    let made = crew.sent(&path, &kept).await;
    assert_eq!(made.status, StatusCode::SEE_OTHER, "{}", made.text);
    assert_eq!(made.header("location"), format!("/schedules/{id}?view=week&zone=mine"));
    let known = crew.overrides(&id).await;
    assert_eq!(known[0]["start"], "2026-06-01T15:00:00Z", "17:00 in Berlin");
    let change = known[0]["id"].as_str().unwrap().to_owned();

    let form = crew.page(&format!("/schedules/{id}?edit={change}")).await;
    assert!(
        form.contains("Save override") && form.contains("value=\"2026-06-01T11:00\""),
        "{form}"
    );
    let drawn = crew
        .page(&format!(
            "/schedules/{id}?edit={change}&cover_from=1780326000&cover_to=1780347600"
        ))
        .await;
    assert!(
        drawn.contains("value=\"2026-06-01T17:00\""),
        "longer or shorter by hand: {drawn}"
    );
    let path = format!("{path}/{change}");
    let wrong = crew
        .sent(
            &path,
            &[
                ("user_id", &crew.ada_id),
                ("start", "2026-06-02T01:00"),
                ("end", "2026-06-01T01:00"),
            ],
        )
        .await;
    assert_eq!(wrong.status, StatusCode::UNPROCESSABLE_ENTITY);
    assert!(wrong.text.contains("must be after start"), "{}", wrong.text);
    assert_eq!(crew.sent(&path, &night).await.status, StatusCode::SEE_OTHER);
    assert_eq!(
        crew.overrides(&id).await[0]["start"],
        "2026-06-01T21:00:00Z",
        "17:00 in New York"
    );
    let removed = crew.sent(&path, &[("do", "delete")]).await;
    assert_eq!(removed.status, StatusCode::SEE_OTHER);
    assert_eq!(crew.overrides(&id).await, [Value::Null; 0]);
}

#[tokio::test]
async fn somebody_takes_over_with_one_click() {
    let crew = crew().await;
    let id = crew.schedule().await;
    let take = format!("/schedules/{id}/take");
    assert_eq!(
        crew.sent(&take, &[("hours", "100")]).await.status,
        StatusCode::SEE_OTHER
    );
    assert_eq!(crew.overrides(&id).await, [Value::Null; 0], "only what is offered");
    crew.sent(&take, &[("hours", "2")]).await;
    let now = crew
        .app
        .get(&crew.ada, &format!("/api/schedules/{id}/on-call"))
        .await
        .json();
    assert_eq!(
        (now["user"]["name"].as_str(), now["until"].as_str()),
        (Some("Ada"), Some("2026-06-01T14:00:00Z"))
    );
}

#[tokio::test]
async fn a_schedule_is_tried_out_before_it_is_saved() {
    let crew = crew().await;
    let id = crew.schedule().await;
    let layer = [
        ("name", "Nights"),
        ("time_zone", "Europe/Berlin"),
        ("layers.0.name", "Weekly"),
        ("layers.0.users", crew.bob.as_str()),
        ("layers.0.users", crew.ada_id.as_str()),
        ("layers.0.length", "1"),
        ("layers.0.unit", "WEEKS"),
        ("layers.0.start", "2026-05-25"),
        ("layers.0.handoff", "09:00"),
        ("layers.0.restrictions.0.from", "20:00"),
        ("layers.0.restrictions.0.to", "07:00"),
        ("layers.1.name", "Empty"),
    ];
    let with = |more: (&'static str, &'static str)| -> Vec<_> { layer.iter().copied().chain([more]).collect() };
    let seen = crew.sent("/schedules", &with(("do", "preview"))).await;
    assert_eq!(seen.status, StatusCode::OK);
    assert!(seen.text.contains("Layer “Empty” has no people."), "{}", seen.text);
    assert!(
        seen.text.contains("Tue 2 Jun 07:00 to 20:00: nobody (13 h)"),
        "{}",
        seen.text
    );
    let moved = crew.sent("/schedules", &with(("user_up", "0.1"))).await.text;
    let first = moved.split("layers-0-users-0").nth(2).unwrap();
    let chosen = first
        .split(" selected")
        .next()
        .unwrap()
        .rsplit("value=\"")
        .next()
        .unwrap();
    assert!(chosen.starts_with(&crew.ada_id), "{chosen}");
    let all = crew.app.get(&crew.ada, "/api/schedules").await.json();
    assert_eq!(all["pagination"]["total"], 1, "nothing was saved");
    assert!(
        crew.page(&format!("/schedules/new?copy={id}"))
            .await
            .contains("Copy of Support")
    );

    let path = "/api/schedules/preview?from=2026-06-01T00:00:00Z&to=2026-06-02T00:00:00Z";
    let tried = crew.app.call(&crew.ada, Method::POST, path, &days(&crew.bob)).await;
    assert_eq!(tried.status, StatusCode::OK, "{}", tried.text);
    assert_eq!(tried.json()["gaps"][0]["end"], "2026-06-01T13:00:00Z");
    assert_eq!(tried.json()["shifts"][1]["user"]["name"], "Bob");
    let gaps = format!("/api/schedules/{id}/gaps?from=2026-06-01T00:00:00Z&to=2026-06-02T00:00:00Z");
    assert_eq!(
        crew.app.get(&crew.ada, &gaps).await.json()["data"],
        tried.json()["gaps"]
    );
}

fn calendar_path(page: &str) -> String {
    let rest = page
        .split("http://ok.example/calendar/")
        .nth(1)
        .expect("the page has the link");
    format!("/calendar/{}", rest.split(['<', '"']).next().unwrap())
}

#[tokio::test]
async fn calendars_are_fetched_without_a_session_until_their_links_are_made_anew() {
    let crew = crew().await;
    let id = crew.schedule().await;
    crew.sent(&format!("/schedules/{id}/take"), &[("hours", "4")]).await;
    let own = calendar_path(&crew.page("/schedules").await);
    let whole = calendar_path(&crew.page(&format!("/schedules/{id}")).await);
    let fetched = crew.app.get(&As::Nobody, &own).await;
    assert_eq!(fetched.status, StatusCode::OK, "{}", fetched.text);
    assert_eq!(fetched.header("content-type"), "text/calendar; charset=utf-8");
    assert_eq!(fetched.text.matches("BEGIN:VEVENT").count(), 1, "{}", fetched.text);
    assert!(fetched.text.contains("SUMMARY:On call: Support") && fetched.text.contains("DTSTART:20260601T120000Z"));
    let all = crew.app.get(&As::Nobody, &whole).await.text;
    assert!(
        all.contains("SUMMARY:Bob: Support") && all.contains("SUMMARY:Ada: Support"),
        "{all}"
    );
    crew.app.clock.advance_s(3600);
    let uids = |text: &str| {
        text.lines()
            .filter(|line| line.starts_with("UID:"))
            .map(str::to_owned)
            .collect::<Vec<_>>()
    };
    let again = crew.app.get(&As::Nobody, &whole).await.text;
    assert_eq!(uids(&again), uids(&all), "the same things keep their names");
    let listed = crew
        .app
        .get(&crew.ada, &format!("/api/users/{}/calendar", crew.ada_id))
        .await
        .json();
    assert!(listed["url"].as_str().unwrap().ends_with(&own), "{listed}");
    assert!(
        listed["schedules"][0]["url"].as_str().unwrap().ends_with(&whole),
        "{listed}"
    );

    let forged = own.replace("/calendar/A", "/calendar/B");
    for path in [forged.as_str(), "/calendar/x.ics", "/calendar/"] {
        assert_eq!(
            crew.app.get(&As::Nobody, path).await.status,
            StatusCode::NOT_FOUND,
            "{path}"
        );
    }
    assert_eq!(crew.sent("/profile/calendar", &[]).await.status, StatusCode::SEE_OTHER);
    for path in [&own, &whole] {
        assert_eq!(
            crew.app.get(&As::Nobody, path).await.status,
            StatusCode::NOT_FOUND,
            "{path}"
        );
    }
    let bobs = crew
        .app
        .call(
            &crew.ada,
            Method::POST,
            &format!("/api/users/{}/calendar/renew", crew.bob),
            &json!({}),
        )
        .await;
    let bobs = bobs.json()["url"].as_str().unwrap().replace("http://ok.example", "");
    assert_eq!(crew.app.get(&As::Nobody, &bobs).await.status, StatusCode::OK);
    crew.sent(&format!("/users/{}/disable", crew.bob), &[]).await;
    assert_eq!(
        crew.app.get(&As::Nobody, &bobs).await.status,
        StatusCode::NOT_FOUND,
        "the account is disabled"
    );
}

#[tokio::test]
async fn a_policy_says_who_is_paged_while_it_is_written_and_people_what_they_have_to_do() {
    let crew = crew().await;
    let id = crew.schedule().await;
    let (schedule, bob) = (format!("schedule:{id}"), format!("user:{}", crew.bob));
    let steps = [
        ("name", "Call support"),
        ("repeat", "0"),
        ("steps.0.targets", schedule.as_str()),
        ("steps.0.delay", "5"),
        ("steps.1.targets", bob.as_str()),
        ("steps.1.delay", "5"),
    ];
    let preview: Vec<_> = steps.iter().copied().chain([("do", "preview")]).collect();
    let seen = crew.sent("/policies", &preview).await;
    assert_eq!(seen.status, StatusCode::OK);
    assert!(
        seen.text.contains("Step 1 reaches nobody now"),
        "it is eight in New York: {}",
        seen.text
    );
    let made = crew.sent("/policies", &steps).await;
    let policy = made.header("location").to_owned();
    let shown = crew.page(&policy).await;
    assert!(shown.contains("No incident has escalated by it yet"), "{shown}");
    assert!(
        crew.page(&format!("{policy}/edit"))
            .await
            .contains("No service escalates by this policy yet")
    );
    let copy = format!("/policies/new?copy={}", policy.rsplit('/').next().unwrap());
    assert!(crew.page(&copy).await.contains("Copy of Call support"));

    let team = json!({ "name": "Support", "members": [{ "userId": crew.bob }] });
    let team = crew.app.call(&crew.ada, Method::POST, "/api/teams", &team).await.json();
    let service = json!({ "name": "Shop", "teamId": team["id"], "escalationPolicyId": policy.rsplit('/').next() });
    let service = crew
        .app
        .call(&crew.ada, Method::POST, "/api/services", &service)
        .await
        .json();
    let incident = json!({ "title": "Till is down", "serviceId": service["id"], "assigneeId": crew.bob });
    crew.app
        .call(&crew.ada, Method::POST, "/api/incidents", &incident)
        .await;
    let team = crew.page(&format!("/teams/{}", team["id"].as_str().unwrap())).await;
    assert!(
        team.contains("Till is down") && team.contains("Critical") && team.contains(&id),
        "{team}"
    );
    assert!(crew.page(&policy).await.contains("Till is down"), "the last use");
    let person = crew.page(&format!("/users/{}", crew.bob)).await;
    assert!(
        person.contains("Till is down") && person.contains("Support"),
        "{person}"
    );
    let users = crew.page("/users?name=bob&role=RESPONDER").await;
    assert!(
        users.contains("Email only") && !users.contains("ada@example.com</span>"),
        "{users}"
    );
    assert!(crew.page("/users?name=nobody").await.contains("Nobody is like that"));
    assert!(crew.page("/teams").await.contains("Open incidents"));
}
