//! Ways to reach people: whose they are, how one shows it, and what becomes of those that fail.

use http::{Method, StatusCode};
use opsknight_domain::directory::{Channel, Role, Trouble};
use opsknight_store::{
    db::{DbError, Tx},
    deliveries::{self, Lane},
    troubles,
};
use serde_json::{Value, json};

use super::{Admin, id};
use crate::harness::{Answer, App, As};

/// The keys of RFC 8291, section 5.
const KEY: &str = "BCVxsr7N_eNgVRqvHtD0zTZsEc6-VV-JvLexhqUzORcxaOzi6-AYWXvTBHm4bjyPjs7Vd8pZGH6SRpkNtoIAiw4";

fn subscription(path: &str) -> Value {
    let keys = json!({ "p256dh": KEY, "auth": "BTBZMqHH6r4Tts7J_aSIgg" });
    json!({ "endpoint": format!("https://push.example/{path}"), "expirationTime": null, "keys": keys })
}

/// Somebody who looks after their own account.
struct Own {
    admin: Admin,
    who: As,
    user: String,
}

impl Own {
    /// With providers for these channels.
    async fn new(channels: &[Channel]) -> Self {
        let app = App::with("http://ok.example", &[], channels).await;
        let who = app.signed_in("Ada", Role::Admin).await;
        let admin = Admin { app, who };
        let who = admin.app.signed_in("Uma", Role::User).await;
        let found = admin.get("/api/users?q=uma").await;
        let user = format!("/api/users/{}", found["data"][0]["id"].as_str().unwrap());
        Self { admin, who, user }
    }

    async fn call(&self, method: Method, path: &str, body: Value) -> Answer {
        self.admin
            .app
            .call(&self.who, method, &format!("{}{path}", self.user), &body)
            .await
    }

    async fn add(&self, channel: &str, address: &str) -> Answer {
        let body = json!({ "type": channel, "address": address });
        self.call(Method::POST, "/contact-methods", body).await
    }

    async fn verify(&self, method: &str, code: &str) -> Answer {
        let path = format!("/contact-methods/{method}/verify");
        self.call(Method::POST, &path, json!({ "code": code })).await
    }

    async fn send_code(&self, method: &str) -> Answer {
        let path = format!("/contact-methods/{method}/send-code");
        self.call(Method::POST, &path, json!({})).await
    }

    /// Takes what is on its way: channel, address and text, the last first.
    async fn sent(&self) -> Vec<(String, String, String)> {
        let (now, sealer) = (self.admin.app.clock_now(), self.admin.app.state.store.sealer.clone());
        let unit = async move |tx: &mut Tx<'_>| {
            let leased = deliveries::lease(tx, &[(Lane::Pages, 10)], now, now).await?.concat();
            let text = |one: &deliveries::Leased| {
                let text = one.account_text(&sealer)?.text;
                Ok((one.channel.clone(), one.address.clone().unwrap_or_default(), text))
            };
            let mut sent: Vec<_> = leased.iter().map(text).collect::<Result<_, DbError>>()?;
            sent.reverse();
            Ok::<_, DbError>(sent)
        };
        self.admin.app.state.store.db.write(unit).await.unwrap()
    }

    /// The code that was sent last.
    async fn code(&self) -> String {
        let (_, _, text) = self.sent().await.swap_remove(0);
        let code = text.strip_prefix("Your OpsKnight code is ").unwrap();
        code.strip_suffix(". It works for ten minutes.").unwrap().to_owned()
    }

    async fn trouble(&self, channel: Channel, address: &'static str, kind: Trouble) {
        let now = self.admin.app.clock_now();
        let unit =
            async move |tx: &mut Tx<'_>| troubles::note(tx, (channel, address), kind, "550 no such user", now).await;
        assert!(self.admin.app.state.store.db.write(unit).await.unwrap());
    }
}

fn said(answer: &Answer, field: &str) -> String {
    assert_eq!(answer.status, StatusCode::BAD_REQUEST, "{}", answer.text);
    answer.json()["error"]["details"]["fields"][field]
        .as_str()
        .unwrap()
        .to_owned()
}

#[tokio::test]
async fn what_people_add_is_theirs_once_they_enter_the_code() {
    let own = Own::new(&[Channel::Sms, Channel::Voice]).await;
    let added = own.add("SMS", "+49 30 1234567").await;
    assert_eq!(added.status, StatusCode::CREATED, "{}", added.text);
    let method = added.json();
    assert_eq!(
        (&method["verified"], &method["label"]),
        (&json!(false), &json!("+49301234567"))
    );
    let sent = own.sent().await;
    let [(channel, address, text)] = sent.as_slice() else {
        panic!("{sent:?}")
    };
    assert_eq!((channel.as_str(), address.as_str()), ("SMS", "+49301234567"));
    let code = text[23..29].to_owned();
    assert_eq!(
        *text,
        format!("Your OpsKnight code is {code}. It works for ten minutes.")
    );
    let right = own.verify(id(&method), &format!("{} {}", &code[..3], &code[3..])).await;
    assert_eq!(
        (right.status, &right.json()["verified"]),
        (StatusCode::OK, &json!(true))
    );
    assert_eq!(
        own.verify(id(&method), &code).await.status,
        StatusCode::OK,
        "an answer may be lost"
    );
    let again = own.send_code(id(&method)).await;
    assert_eq!(again.status, StatusCode::CONFLICT, "{}", again.text);

    assert_eq!(own.add("VOICE", "+49301234567").await.status, StatusCode::CREATED);
    let none = own.add("WHATSAPP", "+49301234567").await;
    assert_eq!(none.status, StatusCode::CONFLICT);
    assert!(
        none.text.contains("no provider is set up for WhatsApp"),
        "{}",
        none.text
    );
    let listed = own.call(Method::GET, "/contact-methods", json!({})).await.json();
    assert_eq!(listed["pagination"]["total"], 2, "{listed}");
    let log = own.admin.get("/api/audit-log").await;
    assert!(!log.to_string().contains(&code), "{log}");
    assert!(log.to_string().contains("user.contact_method_verified"), "{log}");
}

#[tokio::test]
async fn a_code_is_for_five_tries_and_ten_minutes() {
    let own = Own::new(&[Channel::Sms]).await;
    let method = own.add("SMS", "+4930123456").await.json();
    let code = own.code().await;
    let wrong = if code == "000000" { "000001" } else { "000000" };
    for bad in ["12345", "abcdef", ""] {
        said(&own.verify(id(&method), bad).await, "code");
    }
    for left in [
        "4 tries are left",
        "3 tries are left",
        "2 tries are left",
        "one try is left",
        "is spent now",
    ] {
        let answer = said(&own.verify(id(&method), wrong).await, "code");
        assert!(answer.contains(left), "{answer}");
    }
    let spent = own.verify(id(&method), &code).await;
    assert_eq!(spent.status, StatusCode::CONFLICT, "{}", spent.text);

    let soon = own.send_code(id(&method)).await;
    assert_eq!(
        (soon.status, soon.header("retry-after")),
        (StatusCode::TOO_MANY_REQUESTS, "60")
    );
    own.admin.app.clock.advance_s(60);
    assert_eq!(own.send_code(id(&method)).await.status, StatusCode::ACCEPTED);
    let next = own.code().await;
    own.admin.app.clock.advance_s(600);
    let late = own.verify(id(&method), &next).await;
    assert!(
        late.status == StatusCode::CONFLICT && late.text.contains("too old"),
        "{}",
        late.text
    );
    assert_eq!(own.send_code(id(&method)).await.status, StatusCode::ACCEPTED);
    let last = own.code().await;
    let old = said(&own.verify(id(&method), &next).await, "code");
    assert!(
        last == next || old.contains("4 tries"),
        "the one before counts no more: {old}"
    );
    assert_eq!(own.verify(id(&method), &last).await.status, StatusCode::OK);
    let listed = own.call(Method::GET, "/contact-methods", json!({})).await.json();
    assert_eq!(listed["data"][0]["verified"], true);
}

#[tokio::test]
async fn nobody_has_others_flooded_with_codes() {
    let own = Own::new(&[Channel::Sms]).await;
    let mut seen = Vec::new();
    for _ in 0..6 {
        let answer = own.add("SMS", "+4930123456").await;
        seen.push(answer.status.as_u16());
        if answer.status == StatusCode::CREATED {
            let path = format!("/contact-methods/{}", id(&answer.json()));
            assert_eq!(
                own.call(Method::DELETE, &path, json!({})).await.status,
                StatusCode::NO_CONTENT
            );
        } else {
            assert_ne!(answer.header("retry-after"), "");
        }
    }
    assert_eq!(seen, [201, 201, 201, 201, 201, 429]);
}

#[tokio::test]
async fn codes_are_for_the_one_whose_method_it_is() {
    let own = Own::new(&[Channel::Sms]).await;
    let method = own.add("SMS", "+4930123456").await.json();
    let eve = own.admin.app.signed_in("Eve", Role::User).await;
    let path = format!("{}/contact-methods/{}", own.user, id(&method));
    for (method, path, body) in [
        (Method::POST, format!("{path}/verify"), json!({ "code": "123456" })),
        (Method::POST, format!("{path}/send-code"), json!({})),
        (Method::PATCH, path.clone(), json!({ "failing": false })),
    ] {
        let answer = own.admin.app.call(&eve, method, &path, &body).await;
        assert_eq!(answer.status, StatusCode::FORBIDDEN, "{path}");
    }
    let by_admin = json!({ "type": "VOICE", "address": "+4930123456" });
    let method = own.admin.post(&format!("{}/contact-methods", own.user), by_admin).await;
    assert_eq!(
        method["verified"], true,
        "what an administrator adds for others needs no code"
    );
    let found = own.admin.get("/api/users?q=ada").await;
    let ada = format!(
        "/api/users/{}/contact-methods",
        found["data"][0]["id"].as_str().unwrap()
    );
    let mine = own
        .admin
        .post(&ada, json!({ "type": "SMS", "address": "+4930123457" }))
        .await;
    assert_eq!(mine["verified"], false, "and an administrator's own does");
}

#[tokio::test]
async fn a_device_is_its_persons_at_once_and_its_address_is_shown_to_nobody() {
    let own = Own::new(&[]).await;
    let key = own.admin.app.get(&own.who, "/api/push/key").await;
    assert_eq!(key.json(), json!({ "publicKey": "BPublicKey" }));
    let text = subscription("secret-path").to_string();
    let first = own.add("PUSH", &text).await;
    assert_eq!(first.status, StatusCode::CREATED, "{}", first.text);
    assert_eq!(
        (
            &first.json()["verified"],
            &first.json()["label"],
            &first.json()["address"]
        ),
        (&json!(true), &json!("push.example"), &json!("push.example"))
    );
    let again = own.add("PUSH", &subscription("secret-path").to_string()).await;
    assert_eq!((again.status, again.json()), (StatusCode::OK, first.json()));
    assert!(own.sent().await.is_empty(), "no code is sent");
    assert_eq!(
        own.add("PUSH", "7c1c1c1c-0a0a-4b4b-8c8c-0d0d0d0d0d0d").await.status,
        StatusCode::CREATED
    );
    for bad in [
        subscription("x").to_string().replace("https", "http"),
        "{}".to_owned(),
        "two words".to_owned(),
    ] {
        said(&own.add("PUSH", &bad).await, "address");
    }

    let listed = own
        .admin
        .app
        .get(&own.who, &format!("{}/contact-methods", own.user))
        .await;
    let log = own.admin.get("/api/audit-log").await.to_string();
    let page = own.admin.app.get(&own.who, "/profile").await;
    for (name, text) in [("list", &listed.text), ("log", &log), ("page", &page.text)] {
        assert!(text.contains("push.example"), "{name}: {text}");
        assert!(!text.contains("secret-path") && !text.contains(KEY), "{name}: {text}");
    }

    let eve = own.admin.app.signed_in("Eve", Role::User).await;
    let found = own.admin.get("/api/users?q=eve").await;
    let path = format!(
        "/api/users/{}/contact-methods",
        found["data"][0]["id"].as_str().unwrap()
    );
    let body = json!({ "type": "PUSH", "address": text });
    let moved = own.admin.app.call(&eve, Method::POST, &path, &body).await;
    assert_eq!(moved.status, StatusCode::CREATED, "{}", moved.text);
    let left = own.call(Method::GET, "/contact-methods", json!({})).await.json();
    assert_eq!(left["pagination"]["total"], 1, "the browser is Eve's now: {left}");
}

#[tokio::test]
async fn an_address_that_failed_gets_another_chance() {
    let own = Own::new(&[Channel::Sms, Channel::Email]).await;
    let mail = own.add("EMAIL", "Uma@home.example").await.json();
    let sms = own.add("SMS", "+4930123456").await.json();
    assert_eq!((&mail["failing"], &mail["stopped"]), (&Value::Null, &json!(false)));
    own.trouble(Channel::Email, "uma@home.example", Trouble::Failing).await;
    own.trouble(Channel::Email, "uma@example.com", Trouble::Failing).await;
    own.trouble(Channel::Sms, "+4930123456", Trouble::Stopped).await;
    let listed = own.call(Method::GET, "/contact-methods", json!({})).await.json();
    let failing = json!({ "since": "2026-06-01T12:00:00Z", "why": "550 no such user" });
    assert_eq!(
        (&listed["data"][0]["failing"], &listed["data"][0]["stopped"]),
        (&failing, &json!(false))
    );
    assert_eq!(
        (&listed["data"][1]["failing"], &listed["data"][1]["stopped"]),
        (&Value::Null, &json!(true))
    );

    let one = format!("/contact-methods/{}", id(&mail));
    said(
        &own.call(Method::PATCH, &one, json!({ "failing": true })).await,
        "failing",
    );
    let cleared = own.call(Method::PATCH, &one, json!({ "failing": false })).await.json();
    assert_eq!(cleared["failing"], Value::Null, "{cleared}");
    let other = format!("/contact-methods/{}", id(&sms));
    let stopped = own.call(Method::PATCH, &other, json!({ "failing": false })).await;
    assert_eq!(stopped.status, StatusCode::CONFLICT, "{}", stopped.text);

    let uma = own.call(Method::GET, "", json!({})).await.json();
    assert_eq!((&uma["emailFailing"], &uma["receiveNews"]), (&failing, &json!(true)));
    said(
        &own.call(Method::PATCH, "", json!({ "emailFailing": true })).await,
        "emailFailing",
    );
    let body = json!({ "emailFailing": false, "receiveNews": false });
    let changed = own.call(Method::PATCH, "", body).await.json();
    assert_eq!(
        (&changed["emailFailing"], &changed["receiveNews"]),
        (&Value::Null, &json!(false))
    );
    assert_eq!(own.admin.get(&own.user).await, changed);
}
