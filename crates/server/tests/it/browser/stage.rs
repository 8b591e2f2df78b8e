//! What is around a journey: the program on an embedded database, a mail server, and a browser.

use reqwest::header;
use serde_json::{Value, json};

use super::window::{DESK, Size, Window};
use crate::{
    api::{Api, client},
    both::Place,
    certificates::Certificates,
    mail_server::MailServer,
    peers::word,
    process::{Server, command, opsknight, run},
};

/// The mail address of the administrator.
pub(super) const ADMIN: &str = "ada@example.com";
/// Their password.
pub(super) const PASSWORD: &str = "a sentence is a good password";

/// A running program with a mail server, and nobody in it yet.
pub(super) struct Stage {
    pub(super) server: Server,
    pub(super) mail: MailServer,
    place: Place,
    _certificates: Certificates,
}

impl Stage {
    pub(super) async fn set() -> Self {
        Self::with(&[]).await
    }

    /// The same with more variables in the program's environment.
    pub(super) async fn with(more: &[(&str, &str)]) -> Self {
        Self::at(Place::sqlite(), more).await
    }

    /// The organisation of `opsknight demo`, and a window in which its administrator has signed in.
    pub(super) async fn demo(more: &[(&str, &str)]) -> (Self, Window) {
        let place = Place::sqlite();
        let mut demo = opsknight(&place);
        demo.arg("demo").envs(more.iter().copied());
        let printed = run(demo, "").await.well();
        let (_, said) = printed.split_once("sign in as ").expect("it says who can sign in");
        let (email, password) = said.trim().split_once(" with the password ").expect("and how");
        let stage = Self::at(place, more).await;
        let window = stage.window(DESK).await;
        stage.enter(&window, email, password).await;
        (stage, window)
    }

    async fn at(place: Place, more: &[(&str, &str)]) -> Self {
        let certificates = Certificates::new();
        let mail = MailServer::start(&certificates).await;
        let (port, authority) = (mail.port.to_string(), certificates.authority());
        let mail_variables = mail.variables(&port, word(&authority));
        let variables: Vec<_> = mail_variables.iter().chain(more).copied().collect();
        let server = Server::start(&place, &variables).await;
        Self {
            server,
            mail,
            place,
            _certificates: certificates,
        }
    }

    /// A window that nobody has signed in with.
    pub(super) async fn window(&self, size: Size) -> Window {
        Window::open(&self.server.url, size).await
    }

    /// A caller of the API that may do everything.
    pub(super) async fn api(&self) -> Api {
        Api::of(&self.place, &self.server).await
    }

    /// What a command prints that is run beside the server.
    pub(super) async fn command(&self, words: &[&str]) -> String {
        command(&self.place, words, "").await.well()
    }

    /// Makes the administrator on the command line.
    pub(super) async fn make_admin(&self) {
        let words = [
            "user",
            "create",
            "--email",
            ADMIN,
            "--name",
            "Ada Admin",
            "--role",
            "ADMIN",
        ];
        let words = [words.as_slice(), &["--password-stdin"]].concat();
        command(&self.place, &words, &format!("{PASSWORD}\n")).await.well();
    }

    /// Adds somebody who has not signed in, and gives back what the command line prints: the link to do so is in it.
    pub(super) async fn invite(&self, email: &str, name: &str) -> String {
        let words = ["user", "create", "--email", email, "--name", name, "--role", "USER"];
        command(&self.place, &words, "").await.well()
    }

    /// A window in which the administrator has signed in.
    pub(super) async fn signed_in(&self, size: Size) -> Window {
        let window = self.window(size).await;
        self.sign_in(&window).await;
        window
    }

    /// Makes the administrator, and signs in as them.
    pub(super) async fn sign_in(&self, window: &Window) {
        self.make_admin().await;
        self.enter(window, ADMIN, PASSWORD).await;
    }

    /// Signs somebody in.
    async fn enter(&self, window: &Window, email: &str, password: &str) {
        let form = [("email", email), ("password", password)];
        let answer = client().post(format!("{}/login", self.server.url)).form(&form).send();
        let answer = answer.await.expect("the server answers");
        let cookie = answer.headers()[header::SET_COOKIE].to_str().expect("cookies are text");
        let (pair, _) = cookie.split_once(';').expect("it has attributes");
        let (name, value) = pair.split_once('=').expect("it has a value");
        window.keep_cookie(name, value).await;
    }
}

/// Sends a body to the address of an integration, and gives back the status.
pub(super) async fn post(url: &str, body: &Value) -> u16 {
    let answer = client().post(url).json(body).send().await;
    answer.expect("the server answers").status().as_u16()
}

/// What Alertmanager sends for one alert (its webhook payload, version 4).
pub(super) fn alertmanager(status: &str, name: &str, summary: &str) -> Value {
    let ended = match status {
        "resolved" => "2026-06-01T12:10:00Z",
        _ => "0001-01-01T00:00:00Z",
    };
    let labels = json!({ "alertname": name, "severity": "critical", "instance": "web-01" });
    let annotations = json!({ "summary": summary });
    let alert = json!({
        "status": status, "labels": labels, "annotations": annotations, "startsAt": "2026-06-01T12:00:00Z",
        "endsAt": ended, "generatorURL": "http://prometheus.example.com:9090/graph?g0.expr=up",
        "fingerprint": "6ccd1a9d2f1cbd02",
    });
    json!({
        "version": "4", "groupKey": format!("{{}}:{{alertname=\"{name}\"}}"), "truncatedAlerts": 0, "status": status,
        "receiver": "opsknight", "groupLabels": { "alertname": name }, "commonLabels": labels,
        "commonAnnotations": annotations, "externalURL": "http://alertmanager.example.com:9093", "alerts": [alert],
    })
}
