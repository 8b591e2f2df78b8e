//! People of a small organisation and how they are reached; and what they do when they are signed in.

use opsknight_domain::id::UserId;
use opsknight_store::{
    db::Tx,
    secret::token_hash,
    sessions::{self, SessionRow},
};
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};

use crate::{
    api::{Integration, Organisation, integration, organisation},
    signers::answered,
    world::{PUBLIC_URL, World},
};

pub(crate) const ANN: &str = "+4915112345678";
pub(crate) const BOB: &str = "+4915187654321";

/// The organisation of most stories.
pub(crate) struct Crew {
    pub(crate) organisation: Organisation,
    pub(crate) events: Integration,
    pub(crate) ann: String,
    pub(crate) bob: String,
}

impl Crew {
    /// Ann is called, and Bob after so many minutes.
    pub(crate) async fn gather(world: &World, wait_minutes: u32) -> Self {
        let organisation = organisation(&world.api, wait_minutes).await;
        let many = json!({ "rateLimitPerMinute": 10_000 });
        Self {
            events: integration(&world.api, &organisation.service, "EVENTS_API_V2", many).await,
            organisation,
            ann: person(world, "ann").await,
            bob: person(world, "bob").await,
        }
    }
}

/// The id of a person.
pub(crate) async fn person(world: &World, name: &str) -> String {
    let found = world.api.all(&format!("/api/users?q={name}")).await;
    found[0]["id"].as_str().unwrap().to_owned()
}

/// Gives a person a way to be reached, as an administrator does, and says what it is called.
pub(crate) async fn reach(world: &World, user: &str, kind: &str, address: &str) -> String {
    let method = json!({ "type": kind, "address": address });
    world
        .api
        .make(&format!("/api/users/{user}/contact-methods"), method)
        .await
}

/// Sets a person's rules: urgency, channel, minutes.
pub(crate) async fn rules(world: &World, user: &str, rules: &[(&str, &str, u32)]) {
    let rules: Vec<Value> = rules
        .iter()
        .map(|(urgency, channel, minutes)| json!({ "urgency": urgency, "channel": channel, "delayMinutes": minutes }))
        .collect();
    let path = format!("/api/users/{user}/notification-rules");
    let body = json!({ "rules": rules });
    let (status, answer) = world.api.call(Method::PUT, &path, Some(&body)).await;
    assert_eq!(status, 200, "{answer}");
}

/// A contact method of a person as the API shows it.
pub(crate) async fn method(world: &World, user: &str, id: &str) -> Value {
    let all = world.api.all(&format!("/api/users/{user}/contact-methods")).await;
    all.into_iter().find(|method| method["id"] == id).expect("it is there")
}

fn token(user: &str) -> String {
    format!("session-of-{user}")
}

/// Somebody who is signed in.
pub(crate) struct SignedIn<'w> {
    world: &'w World,
    cookie: String,
}

impl<'w> SignedIn<'w> {
    /// Signs a person in.
    pub(crate) async fn new(world: &'w World, user: &str) -> Self {
        let id = user.parse::<UserId>().unwrap();
        let row = SessionRow::new(token_hash(&token(user)), id, None, None, world.now());
        let unit = async move |tx: &mut Tx<'_>| sessions::insert(tx, &row).await;
        world.store.db.write(unit).await.expect("the session is kept");
        Self::new_again(world, user)
    }

    /// Somebody who was signed in before, and still is.
    pub(crate) fn new_again(world: &'w World, user: &str) -> Self {
        Self {
            world,
            cookie: format!("__Host-session={}", token(user)),
        }
    }

    /// Calls the API as the pages do.
    pub(crate) async fn call(&self, method: Method, path: &str, body: Value) -> (StatusCode, Value) {
        let api = &self.world.api;
        let request = api.http.request(method, format!("{}{path}", api.base));
        let request = request.header("cookie", &self.cookie).header("origin", PUBLIC_URL);
        let (status, text) = answered(request.json(&body)).await;
        (status, serde_json::from_str(&text).unwrap_or(Value::Null))
    }
}
