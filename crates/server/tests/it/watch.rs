//! The pager for the pager, as real processes: a page comes through; the target is killed, or its provider takes
//! nothing, and people are told by a second path, once; it is over, and they are told that too.

use std::{collections::BTreeMap, fs, process::Stdio};

use serde_json::{Value, json};
use tokio::process::{Child, Command};

use crate::{
    api::{Api, client, integration},
    both::Place,
    post_office::PostOffice,
    process::{Printed, SOON, Server, opsknight, run, wait_until},
    sink::Sink,
};

/// The secret of the target's webhook.
const SECRET: &str = "the watch's own secret";

/// The installation that is watched, its mail server, and the settings of whoever watches it.
struct Target {
    place: Place,
    post: PostOffice,
    port: String,
    server: Option<Server>,
    api: Api,
    service: String,
    settings: BTreeMap<&'static str, String>,
}

impl Target {
    async fn begin() -> Self {
        let (place, post) = (Place::sqlite(), PostOffice::start().await);
        let port = post.port.to_string();
        let server = Self::start(&place, &port, "127.0.0.1:0").await;
        let api = Api::of(&place, &server).await;
        let mut steps = Vec::new();
        // Two people, so that neither gets so many mails that they are gathered.
        for (name, wait) in [("watch", 0), ("second", 30)] {
            let user = json!({ "email": format!("{name}@example.com"), "name": name, "role": "USER" });
            let user = api.make("/api/users", user).await;
            steps.push(json!({ "targets": [{ "type": "USER", "id": user }], "delayMinutes": wait }));
        }
        let policy = json!({ "name": "Watch", "steps": steps });
        let policy = api.make("/api/escalation-policies", policy).await;
        let service = json!({ "name": "Watch", "escalationPolicyId": policy });
        let service = api.make("/api/services", service).await;
        let door = integration(&api, &service, "EVENTS_API_V2", json!({})).await;
        let settings = BTreeMap::from([
            ("OPSKNIGHT_WATCH_TARGET", server.url.clone()),
            ("OPSKNIGHT_WATCH_ROUTING_KEY", door.key),
            ("OPSKNIGHT_WATCH_API_KEY", api.key.clone()),
            ("OPSKNIGHT_WATCH_EVERY", "2s".to_owned()),
            ("OPSKNIGHT_WATCH_AGAIN", "1s".to_owned()),
            ("OPSKNIGHT_WATCH_WITHIN", "5s".to_owned()),
        ]);
        Self {
            place,
            post,
            port,
            server: Some(server),
            api,
            service,
            settings,
        }
    }

    async fn start(place: &Place, port: &str, listen: &str) -> Server {
        let mut variables = PostOffice::variables(port).to_vec();
        variables.push(("OPSKNIGHT_ALLOW_PRIVATE_TARGETS", "true"));
        variables.push(("OPSKNIGHT_LISTEN", listen));
        Server::start(place, &variables).await
    }

    async fn kill(&mut self) {
        self.server.take().unwrap().kill().await;
    }

    /// Starts it again where it was.
    async fn revive(&mut self) {
        let listen = self.api.base.strip_prefix("http://").unwrap().to_owned();
        self.server = Some(Self::start(&self.place, &self.port, &listen).await);
    }

    /// A watch with these settings besides; what they leave empty is not set.
    fn command(&self, more: &[(&'static str, &str)]) -> Command {
        let mut command = opsknight(&self.place);
        command.arg("watch").envs(&self.settings);
        for (name, value) in more {
            command.env(name, value);
        }
        command.env("OPSKNIGHT_WATCH_STATE", self.place.dir().join("watch.json"));
        command
    }

    fn memory(&self) -> Value {
        serde_json::from_str(&fs::read_to_string(self.place.dir().join("watch.json")).unwrap()).unwrap()
    }

    /// All incidents of the watch, when each of them is over.
    async fn none_is_left_open(&self) -> Vec<Value> {
        wait_until("the watch resolves what it opened", SOON, async || {
            let all = self
                .api
                .all(&format!("/api/incidents?serviceId={}", self.service))
                .await;
            all.iter()
                .all(|incident| incident["status"] == "RESOLVED")
                .then_some(all)
        })
        .await
    }
}

/// A watch that runs.
struct Watching {
    child: Child,
    printed: Printed,
}

impl Watching {
    fn start(mut command: Command) -> Self {
        let mut child = command.stdin(Stdio::null()).spawn().unwrap();
        let printed = Printed::default();
        printed.gather(child.stdout.take().unwrap());
        printed.gather(child.stderr.take().unwrap());
        Self { child, printed }
    }

    async fn says(&self, words: &str) {
        let find = |line: &str| line.contains(words).then_some(());
        self.printed
            .wait_for(
                &format!("the watch says {words:?}; it said {:?}", self.printed.lines()),
                find,
            )
            .await;
    }

    /// Asks it to end, as a service manager does, and waits until it has.
    async fn terminate(mut self) {
        let id = self.child.id().expect("it runs");
        let told = Command::new("sh")
            .args(["-c", &format!("kill -TERM {id}")])
            .status()
            .await;
        assert!(told.unwrap().success());
        let ended = self.child.wait().await.unwrap();
        assert!(ended.success(), "{:?}", self.printed.lines());
    }

    fn said(&self, words: &str) -> usize {
        self.printed.lines().iter().filter(|line| line.contains(words)).count()
    }

    async fn address(&self) -> String {
        let find = |line: &str| {
            Some(
                line.strip_prefix("The watch listens at ")?
                    .split(':')
                    .take(2)
                    .collect::<Vec<_>>()
                    .join(":"),
            )
        };
        self.printed.wait_for("the watch says where it listens", find).await
    }
}

/// Another OpsKnight, which is told.
struct Other {
    _place: Place,
    _server: Server,
    api: Api,
    key: String,
}

impl Other {
    async fn begin() -> Self {
        let place = Place::sqlite();
        let server = Server::start(&place, &[]).await;
        let api = Api::of(&place, &server).await;
        let service = api.make("/api/services", json!({ "name": "Pagers" })).await;
        let key = integration(&api, &service, "EVENTS_API_V2", json!({})).await.key;
        Self {
            _place: place,
            _server: server,
            api,
            key,
        }
    }

    /// The incidents that it has been told of, once the last of them stands so.
    async fn told(&self, status: &str) -> Vec<Value> {
        wait_until(
            &format!("the other one has an incident that is {status}"),
            2 * SOON,
            async || {
                let all = self.api.all("/api/incidents").await;
                all.iter().any(|incident| incident["status"] == status).then_some(all)
            },
        )
        .await
    }

    fn settings(&self) -> [(&'static str, &str); 2] {
        [
            ("OPSKNIGHT_WATCH_PAGE_URL", &self.api.base),
            ("OPSKNIGHT_WATCH_PAGE_ROUTING_KEY", &self.key),
        ]
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_page_comes_through_by_mail_and_by_webhook() {
    let target = Target::begin().await;
    let heart = Sink::start().await;
    let settings = [
        ("OPSKNIGHT_WATCH_EVERY", "10m"),
        ("OPSKNIGHT_WATCH_WITHIN", "30s"),
        ("OPSKNIGHT_WATCH_LISTEN", "127.0.0.1:0"),
        ("OPSKNIGHT_WATCH_WEBHOOK_SECRET", SECRET),
        ("OPSKNIGHT_WATCH_HEARTBEAT_URL", heart.url.as_str()),
    ];
    let watching = Watching::start(target.command(&settings));
    let address = watching.address().await;
    let webhook = json!({
        "name": "Watch", "type": "GENERIC", "url": format!("http://{address}/watch"), "secret": SECRET,
        "serviceIds": [target.service], "events": ["incident.escalated"],
    });
    target.api.make("/api/webhooks", webhook).await;
    watching.says("a page came through").await;
    wait_until("the heart beats", SOON, async || {
        (!heart.arrived().is_empty()).then_some(())
    })
    .await;
    let mail = target.post.taken().into_iter().next().expect("the page went by mail");
    assert_eq!(mail.to, "watch@example.com");
    let get = async |path: &str| client().get(format!("http://{address}{path}")).send().await.unwrap();
    assert_eq!(get("/healthz").await.status(), 200);
    let figures = get("/metrics").await.text().await.unwrap();
    assert!(figures.contains("opsknight_watch_down 0"), "{figures}");
    let forged = client()
        .post(format!("http://{address}/watch"))
        .body(r#"{"event":"incident.triggered","incident":{"id":"inc_x"}}"#);
    assert_eq!(
        forged.send().await.unwrap().status(),
        401,
        "what is not signed proves nothing"
    );
    assert!(target.memory()["lastThroughAt"].is_string(), "{}", target.memory());
    watching.terminate().await;
    let mut once = target.command(&[("OPSKNIGHT_WATCH_WITHIN", "30s")]);
    once.arg("--once");
    let said = run(once, "").await.well();
    assert!(said.contains("a page came through"), "{said}");
    assert!(target.none_is_left_open().await.len() >= 2);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_target_that_is_killed_is_told_of_once_and_then_that_it_is_back() {
    let (mut target, other, post) = (Target::begin().await, Other::begin().await, PostOffice::start().await);
    let port = post.port.to_string();
    let mut settings = vec![("OPSKNIGHT_WATCH_PAGE_EMAIL", "ann@example.com")];
    settings.extend(other.settings());
    settings.extend(PostOffice::variables(&port));
    let watching = Watching::start(target.command(&settings));
    watching.says("a page came through").await;
    target.kill().await;
    let told = other.told("OPEN").await;
    assert_eq!(told.len(), 1);
    let title = told[0]["title"].as_str().unwrap();
    assert!(title.contains("Pages do not come through"), "{title}");
    watching.says("told: Pages do not come through").await;
    // A watch that is started anew knows what it has told.
    drop(watching);
    let watching = Watching::start(target.command(&settings));
    watching.says("NO page came through").await;
    assert_eq!(target.memory()["told"], true);
    target.revive().await;
    other.told("RESOLVED").await;
    watching.says("told: Pages come through again").await;
    assert_eq!(watching.said("told: Pages do not"), 0, "nobody was told twice");
    let subjects: Vec<String> = post.taken().iter().filter_map(|mail| mail.header("Subject")).collect();
    assert_eq!(subjects.len(), 2, "{subjects:?}");
    assert!(
        subjects[0].contains("do not come through") && subjects[1].contains("again"),
        "{subjects:?}"
    );
    assert_eq!(other.api.all("/api/incidents").await.len(), 1);
    watching.terminate().await;
    target.none_is_left_open().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_target_whose_provider_takes_nothing_is_told_of() {
    let (target, hook) = (Target::begin().await, Sink::start().await);
    target.post.be_busy_for(u32::MAX);
    let settings = [
        ("OPSKNIGHT_WATCH_PAGE_WEBHOOK_URL", hook.url.as_str()),
        ("OPSKNIGHT_WATCH_PAGE_WEBHOOK_SECRET", SECRET),
    ];
    let watching = Watching::start(target.command(&settings));
    let subject = |news: &Value| news["note"]["subject"].as_str().unwrap_or_default().to_owned();
    let told = async |words: &str| {
        wait_until(&format!("the webhook is told: {words}"), 2 * SOON, async || {
            let arrived = hook.arrived().into_iter();
            arrived.map(|one| one.json()).find(|news| subject(news).contains(words))
        })
        .await
    };
    let news = told("do not come through").await;
    let text = news["note"]["text"].as_str().unwrap();
    assert!(
        text.contains("EMAIL") && text.contains("try again later"),
        "it says where it is stuck: {text}"
    );
    let mut once = target.command(&[("OPSKNIGHT_WATCH_WITHIN", "1s")]);
    once.arg("--once")
        .env("OPSKNIGHT_WATCH_NAME", "by hand")
        .env("OPSKNIGHT_WATCH_STATE", target.place.dir().join("other.json"));
    let ended = run(once, "").await;
    assert_eq!(ended.code, Some(1), "{ended:?}");
    assert!(ended.stderr.contains("no page came through"), "{ended:?}");
    target.post.be_busy_for(0);
    told("again").await;
    assert_eq!(watching.said("told: Pages do not"), 1);
    watching.terminate().await;
    target.none_is_left_open().await;
}

#[tokio::test]
async fn what_cannot_work_is_said_at_the_start() {
    let place = Place::sqlite();
    let good = [
        ("OPSKNIGHT_WATCH_TARGET", "http://127.0.0.1:1"),
        ("OPSKNIGHT_WATCH_ROUTING_KEY", "a key"),
        ("OPSKNIGHT_WATCH_API_KEY", "sk_live_x"),
        ("OPSKNIGHT_WATCH_PAGE_WEBHOOK_URL", "http://127.0.0.1:1/x"),
    ];
    let rows = [
        ("OPSKNIGHT_WATCH_TARGET", "", "OPSKNIGHT_WATCH_TARGET"),
        (
            "OPSKNIGHT_WATCH_TARGET",
            "https://x.example/path",
            "OPSKNIGHT_WATCH_TARGET",
        ),
        ("OPSKNIGHT_WATCH_ROUTING_KEY", "", "OPSKNIGHT_WATCH_ROUTING_KEY"),
        ("OPSKNIGHT_WATCH_API_KEY", "", "how is it to be seen"),
        ("OPSKNIGHT_WATCH_PAGE_WEBHOOK_URL", "", "nobody would be told"),
        ("OPSKNIGHT_WATCH_WEBHOOK_SECRET", "x", "OPSKNIGHT_WATCH_LISTEN"),
        (
            "OPSKNIGHT_WATCH_PAGE_URL",
            "https://x.example",
            "OPSKNIGHT_WATCH_PAGE_ROUTING_KEY",
        ),
        ("OPSKNIGHT_WATCH_PAGE_EMAIL", "ann@example.com", "sets nothing up for"),
        ("OPSKNIGHT_WATCH_EVERY", "soon", "OPSKNIGHT_WATCH_EVERY"),
        ("OPSKNIGHT_WATCH_MISSES", "0", "OPSKNIGHT_WATCH_MISSES"),
    ];
    for (name, value, named) in rows {
        let mut command = opsknight(&place);
        command.arg("watch").envs(good).env(name, value);
        let said = run(command, "").await.with_code(2);
        assert!(said.contains(named), "{name}={value}: {said}");
        assert!(!said.contains("sk_live_x"), "{said}");
    }
}
