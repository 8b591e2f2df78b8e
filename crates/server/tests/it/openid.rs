//! Signing in by a real OpenID provider, `oidc-provider`: discovery, PKCE, the ID token and the user's own claims, as a
//! browser would go there and back.

use std::{collections::BTreeMap, fs, process::Stdio};

use reqwest::{Method, Response, StatusCode, header};
use serde_json::{Value, json};
use tokio::{io::AsyncWriteExt as _, process::Child, process::Command};

use crate::{
    api::{Api, client},
    both::Place,
    environment,
    process::{Printed, Server},
};

both! {
    people_come_in_by_a_provider,
}

const CLIENT: &str = "opsknight";
const SECRET: &str = "a secret of both sides";

/// The provider, which ends with this value.
struct Provider {
    url: String,
    _child: Child,
}

impl Provider {
    async fn start(redirect: &str) -> Self {
        let mut child = Command::new(environment::node())
            .args(["--input-type=module", "-", redirect, CLIENT, SECRET])
            .env_clear()
            .current_dir(environment::node_peers())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .kill_on_drop(true)
            .spawn()
            .expect("Node starts");
        let script = fs::read(environment::peer("oidc_provider.mjs")).unwrap();
        let mut stdin = child.stdin.take().expect("its input is a pipe");
        stdin.write_all(&script).await.unwrap();
        drop(stdin);
        let printed = Printed::default();
        printed.gather(child.stdout.take().expect("its output is a pipe"));
        let listening = |line: &str| line.strip_prefix("listening ")?.parse::<u16>().ok();
        let port = printed.wait_for("the provider listens", listening).await;
        Self {
            url: format!("http://127.0.0.1:{port}"),
            _child: child,
        }
    }

    /// Says who comes next.
    async fn become_somebody(&self, sub: &str, email: &str, verified: bool) {
        let url = format!("{}/become?sub={sub}&email={email}&verified={verified}", self.url);
        client().get(url).send().await.expect("it answers");
    }
}

/// A browser that knows cookies and nothing else: those of each origin.
#[derive(Default)]
struct Browser(BTreeMap<String, BTreeMap<String, String>>);

fn origin(url: &reqwest::Url) -> String {
    url.origin().ascii_serialization()
}

impl Browser {
    async fn get(&mut self, url: &reqwest::Url) -> Response {
        let jar = self.0.entry(origin(url)).or_default();
        let cookies: Vec<String> = jar.iter().map(|(name, value)| format!("{name}={value}")).collect();
        let request = client().get(url.clone()).header(header::COOKIE, cookies.join("; "));
        let answer = request.send().await.expect("it answers");
        for cookie in answer.headers().get_all(header::SET_COOKIE) {
            let cookie = cookie.to_str().unwrap();
            let (name, value) = cookie.split(';').next().unwrap().split_once('=').unwrap();
            match value.is_empty() {
                true => jar.remove(name),
                false => jar.insert(name.to_owned(), value.to_owned()),
            };
        }
        answer
    }

    /// Goes to an address and wherever it leads, and gives back the last address and what was answered there.
    async fn go(&mut self, to: &str) -> (reqwest::Url, StatusCode, String) {
        const HOPS_MAX: usize = 10;
        let mut url: reqwest::Url = to.parse().unwrap();
        for _ in 0..HOPS_MAX {
            let answer = self.get(&url).await;
            match answer.headers().get(header::LOCATION) {
                Some(next) => url = url.join(next.to_str().unwrap()).unwrap(),
                None => {
                    let status = answer.status();
                    return (url, status, answer.text().await.unwrap());
                }
            }
        }
        panic!("it leads round and round, at last to {url}");
    }
}

async fn people_come_in_by_a_provider(place: &Place) {
    let server = Server::start(place, &[("OPSKNIGHT_ALLOW_PRIVATE_TARGETS", "true")]).await;
    let api = Api::of(place, &server).await;
    let redirect = api.get("/api/settings/sign-in").await["redirectUrl"]
        .as_str()
        .unwrap()
        .to_owned();
    let provider = Provider::start(&redirect).await;
    let settings = |more: Value| {
        let mut all = json!({ "issuer": provider.url, "clientId": CLIENT, "clientSecret": SECRET, "name": "Acme" });
        all.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        all
    };
    let save = async |more: Value| {
        let (status, body) = api
            .call(Method::PUT, "/api/settings/sign-in", Some(&settings(more)))
            .await;
        assert_eq!(status, StatusCode::OK, "{body}");
    };
    save(json!({})).await;
    let said = api.post("/api/settings/sign-in/test", json!({})).await;
    assert_eq!(said["ok"], true, "{said}");

    let ada = json!({ "name": "Ada", "email": "ada@example.com", "role": "RESPONDER" });
    let ada = api.make("/api/users", ada).await;
    let start = format!("{}/login/oidc?next=/incidents", server.url);
    let come = async |sub: &str, email: &str, verified: bool| {
        provider.become_somebody(sub, email, verified).await;
        Browser::default().go(&start).await
    };
    let (at, status, page) = come("1", "ada@example.com", false).await;
    assert_eq!((at.path(), status), ("/login/oidc/callback", StatusCode::UNAUTHORIZED));
    assert!(
        page.contains("does not say that your email address is verified"),
        "{page}"
    );
    let (at, status, page) = come("1", "ADA@example.com", true).await;
    assert_eq!((at.path(), status), ("/incidents", StatusCode::OK), "{page}");
    let path = format!("/api/users/{ada}");
    assert_eq!(api.get(&path).await["status"], "ACTIVE", "who was invited has come");
    let (at, ..) = come("1", "another@example.com", false).await;
    assert_eq!(at.path(), "/incidents", "they are known by what does not change");
    let (_, _, page) = come("2", "ada@example.com", true).await;
    assert!(page.contains("another account of the provider"), "{page}");
    let (_, _, page) = come("3", "eve@example.com", true).await;
    assert!(page.contains("There is no account for you here"), "{page}");

    save(json!({ "admitUnknown": true, "emailDomains": ["example.com"] })).await;
    let (_, _, page) = come("4", "eve@evil.example", true).await;
    assert!(page.contains("not of a domain that is let in"), "{page}");
    let (at, ..) = come("3", "eve@example.com", true).await;
    assert_eq!(at.path(), "/incidents");
    let people = api.all("/api/users").await;
    let eve = people.iter().find(|user| user["email"] == "eve@example.com").unwrap();
    assert_eq!(
        (&eve["role"], &eve["status"], &eve["name"]),
        (&json!("USER"), &json!("ACTIVE"), &json!("Somebody"))
    );

    api.patch(&path, json!({ "status": "DISABLED" })).await;
    let (_, status, page) = come("1", "ada@example.com", true).await;
    assert_eq!(status, StatusCode::UNAUTHORIZED);
    assert!(page.contains("Your account here is disabled"), "{page}");

    let wrong = settings(json!({ "clientSecret": "not the secret", "admitUnknown": true }));
    api.call(Method::PUT, "/api/settings/sign-in", Some(&wrong)).await;
    let (_, status, page) = come("3", "eve@example.com", true).await;
    assert_eq!(status, StatusCode::UNAUTHORIZED);
    assert!(page.contains("What Acme says cannot be checked now"), "{page}");
}
