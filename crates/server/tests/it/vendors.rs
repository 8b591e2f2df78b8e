//! Vendors' APIs on the loopback interface: each answers as its own does when it takes a message, or as a test wants, and
//! remembers what it was asked.

use std::{
    collections::HashMap,
    sync::{
        Arc, Mutex,
        atomic::{AtomicUsize, Ordering},
    },
};

use axum::{
    Router,
    body::{Body, Bytes},
    http::{HeaderMap, Method, Uri},
    response::Response,
};
use opsknight_server::config::RawProviders;
use serde_json::{Value, json};
use tokio::{
    io::AsyncReadExt as _,
    net::TcpListener,
    sync::watch::{self, Receiver, Sender},
    task::JoinSet,
};

/// One call.
#[derive(Debug, Clone)]
pub(crate) struct Call {
    pub(crate) method: Method,
    /// Path and query.
    pub(crate) path: String,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Bytes,
}

impl Call {
    pub(crate) fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", |value| value.to_str().unwrap())
    }

    pub(crate) fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or_else(|_| panic!("no JSON: {:?}", self.body))
    }

    /// A field of a form; empty where there is none.
    pub(crate) fn field(&self, name: &str) -> String {
        let fields = url::form_urlencoded::parse(&self.body).into_owned();
        fields
            .into_iter()
            .find(|(key, _)| key == name)
            .map_or_else(String::new, |(_, value)| value)
    }
}

/// What a vendor answers in place of taking a message.
#[derive(Debug, Clone)]
pub(crate) struct Instead {
    pub(crate) status: u16,
    pub(crate) headers: Vec<(&'static str, &'static str)>,
    pub(crate) body: String,
}

impl Instead {
    pub(crate) fn of(status: u16, body: impl Into<String>) -> Self {
        Self {
            status,
            headers: Vec::new(),
            body: body.into(),
        }
    }
}

/// What stands for the root in the list of what is answered in another way: it is in every path.
const ROOT: &str = "the root";

#[derive(Default)]
struct Shared {
    calls: Mutex<Vec<Call>>,
    instead: Mutex<HashMap<String, Instead>>,
    /// Whatever has this in its path waits until the gate is open.
    gates: Mutex<HashMap<String, Receiver<bool>>>,
    count: AtomicUsize,
}

/// A vendor that is slow: it answers once this is opened, or gone.
pub(crate) struct Gate(Sender<bool>);

impl Gate {
    pub(crate) fn open(self) {
        self.0.send_replace(true);
    }
}

/// All vendors at one address; they end with this value.
pub(crate) struct Vendors {
    pub(crate) base: String,
    shared: Arc<Shared>,
    _tasks: JoinSet<()>,
}

impl Vendors {
    pub(crate) async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let base = format!("http://{}", listener.local_addr().unwrap());
        let shared: Arc<Shared> = Arc::default();
        let there = shared.clone();
        let app = Router::new().fallback(move |method: Method, uri: Uri, headers: HeaderMap, body: Bytes| {
            let call = Call {
                method,
                path: uri.path_and_query().unwrap().to_string(),
                headers,
                body,
            };
            let answer = there.answer(&call);
            let gate = there.gate(&call);
            there.calls.lock().unwrap().push(call);
            async move {
                if let Some(mut gate) = gate {
                    drop(gate.wait_for(|open| *open).await);
                }
                answer
            }
        });
        let mut tasks = JoinSet::new();
        tasks.spawn(async move { axum::serve(listener, app).await.unwrap() });
        Self {
            base,
            shared,
            _tasks: tasks,
        }
    }

    /// Settings by which the program finds them here.
    pub(crate) fn bases(&self) -> RawProviders {
        let base = || Some(self.base.clone());
        RawProviders {
            twilio_base_url: base(),
            sendgrid_base_url: base(),
            resend_base_url: base(),
            onesignal_base_url: base(),
            slack_base_url: base(),
            telegram_base_url: base(),
            whatsapp_base_url: base(),
            aws_endpoint_url_sesv2: base(),
            ..RawProviders::default()
        }
    }

    /// From now on, whatever is asked with this in its path is answered so.
    pub(crate) fn answer_instead(&self, path: &str, instead: Instead) {
        self.shared.instead.lock().unwrap().insert(path.to_owned(), instead);
    }

    /// From now on, what is asked at the root is answered so: that is Amazon's query API.
    pub(crate) fn answer_root_instead(&self, instead: Instead) {
        self.answer_instead(ROOT, instead);
    }

    /// From now on it is answered well again.
    pub(crate) fn answer_well(&self, path: &str) {
        self.shared.instead.lock().unwrap().remove(path);
    }

    /// From now on, whatever is asked with this in its path is answered only when the gate is opened.
    pub(crate) fn shut(&self, path: &str) -> Gate {
        let (sender, receiver) = watch::channel(false);
        self.shared.gates.lock().unwrap().insert(path.to_owned(), receiver);
        Gate(sender)
    }

    /// The calls with this in their path, in their order.
    pub(crate) fn calls(&self, path: &str) -> Vec<Call> {
        let calls = self.shared.calls.lock().unwrap();
        calls.iter().filter(|call| call.path.contains(path)).cloned().collect()
    }
}

impl Shared {
    fn gate(&self, call: &Call) -> Option<Receiver<bool>> {
        let gates = self.gates.lock().unwrap();
        let found = gates.iter().find(|(path, _)| call.path.contains(path.as_str()));
        found.map(|(_, gate)| gate.clone())
    }

    fn answer(&self, call: &Call) -> Response {
        let n = self.count.fetch_add(1, Ordering::SeqCst);
        let instead = self.instead.lock().unwrap();
        let is_meant = |path: &str| call.path.contains(path) || (path == ROOT && call.path == "/");
        let found = instead.iter().find(|(path, _)| is_meant(path));
        let Instead { status, headers, body } = found.map_or_else(|| well(call, n), |(_, instead)| instead.clone());
        let mut response = Response::builder().status(status);
        for (name, value) in headers {
            response = response.header(name, value);
        }
        response.body(Body::from(body)).unwrap()
    }
}

/// How Amazon SNS answers an action of its query API.
fn of_sns(action: &str, n: usize) -> String {
    let result = match action {
        "Publish" => format!("<MessageId>sns-{n}</MessageId>"),
        "GetSMSSandboxAccountStatus" => "<IsInSandbox>false</IsInSandbox>".to_owned(),
        _ => "<attributes/>".to_owned(),
    };
    let namespace = "https://sns.amazonaws.com/doc/2010-03-31/";
    format!("<{action}Response xmlns=\"{namespace}\"><{action}Result>{result}</{action}Result></{action}Response>")
}

/// How a line to a vendor breaks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Break {
    /// The request is read and nothing is ever answered.
    Silence,
    /// The line is cut once the request was read.
    Cut,
}

/// A vendor's address at which the line breaks; it ends with this value.
pub(crate) struct BrokenLine {
    pub(crate) base: String,
    _tasks: JoinSet<()>,
}

impl BrokenLine {
    pub(crate) async fn start(how: Break) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let base = format!("http://{}", listener.local_addr().unwrap());
        let mut tasks = JoinSet::new();
        tasks.spawn(async move {
            let mut held = Vec::new();
            while let Ok((mut stream, _)) = listener.accept().await {
                let mut bytes = [0; 4096];
                // Whatever comes first is enough: the request has begun to be handed over.
                let _read = stream.read(&mut bytes).await;
                if how == Break::Silence {
                    held.push(stream);
                }
            }
        });
        Self { base, _tasks: tasks }
    }
}

/// What vendors tell of an account that is well, when they are asked before anything is sent.
fn told(path: &str) -> Option<Value> {
    Some(match path {
        _ if path.starts_with("/2010-04-01/Accounts/") => json!({ "friendly_name": "Ours", "status": "active" }),
        "/v3/scopes" => json!({ "scopes": ["mail.send"] }),
        "/domains" => json!({ "data": [{ "name": "example.com", "status": "verified" }] }),
        "/v2/email/account" => json!({ "SendingEnabled": true, "ProductionAccessEnabled": true }),
        "/notifications" => json!({ "notifications": [] }),
        _ if path.ends_with("/106540352242922") => {
            json!({ "display_phone_number": "+1 415-555-0100", "verified_name": "Ours", "quality_rating": "GREEN" })
        }
        _ => return None,
    })
}

/// How each vendor answers who it serves.
fn well(call: &Call, n: usize) -> Instead {
    let path = call.path.split('?').next().unwrap();
    if call.method == Method::GET
        && let Some(told) = told(path)
    {
        return Instead::of(200, told.to_string());
    }
    let said = |status, body: Value| Instead {
        status,
        headers: vec![("content-type", "application/json")],
        body: body.to_string(),
    };
    match path {
        _ if path.ends_with("/Messages.json") => said(201, json!({ "sid": format!("SM{n:032x}"), "status": "queued" })),
        _ if path.ends_with("/Calls.json") => said(201, json!({ "sid": format!("CA{n:032x}"), "status": "queued" })),
        "/v3/mail/send" => Instead {
            headers: vec![("x-message-id", "sendgrid-message-1")],
            ..Instead::of(202, "")
        },
        "/emails" => said(200, json!({ "id": format!("resend-{n}") })),
        "/v2/email/outbound-emails" => said(200, json!({ "MessageId": format!("ses-{n}") })),
        "/notifications" => said(200, json!({ "id": format!("onesignal-{n}"), "external_id": null })),
        "/auth.test"
        | "/oauth.v2.access"
        | "/chat.postMessage"
        | "/chat.update"
        | "/users.lookupByEmail"
        | "/users.info"
        | "/views.open"
        | "/conversations.join" => said(200, slack(path, call, n)),
        _ if path.ends_with("/messages") => said(
            200,
            json!({ "messaging_product": "whatsapp", "messages": [{ "id": format!("wamid.{n}") }] }),
        ),
        _ if path.ends_with("/setWebhook") => said(
            200,
            json!({ "ok": true, "result": true, "description": "Webhook was set" }),
        ),
        _ if path.ends_with("/answerCallbackQuery") => said(200, json!({ "ok": true, "result": true })),
        _ if path.starts_with("/api/webhooks/") => said(200, json!({ "id": format!("{n}"), "type": 0 })),
        _ if path.starts_with("/v1/spaces/") => said(200, json!({ "name": format!("spaces/A/messages/{n}") })),
        _ if path.starts_with("/workflows/") => Instead {
            headers: vec![("x-ms-workflow-run-id", "run-1")],
            ..Instead::of(202, "")
        },
        _ if path.starts_with("/bot") => said(
            200,
            json!({ "ok": true, "result": { "message_id": n, "chat": { "id": -100_123 }, "date": 1_780_315_200 } }),
        ),
        _ if path.starts_with("/push/") => Instead::of(201, ""),
        "/" => Instead::of(200, of_sns(&call.field("Action"), n)),
        _ => Instead::of(200, "ok"),
    }
}

/// What a method of Slack's answers. The workspace is the one that a token is named after, `xoxb-T02`, and else T01;
/// members and their mail addresses have the same names.
fn slack(method: &str, call: &Call, n: usize) -> Value {
    let query = |name: &str| {
        let pairs = url::form_urlencoded::parse(call.path.split('?').nth(1).unwrap_or_default().as_bytes());
        let value = pairs.into_owned().find(|(key, _)| key == name);
        value.map(|(_, value)| value).unwrap_or_default()
    };
    let user = |id: &str| {
        let name = id.trim_start_matches("U0").to_lowercase();
        let profile = json!({ "email": format!("{name}@example.com"), "real_name": name });
        json!({ "ok": true, "user": { "id": id, "name": name, "profile": profile } })
    };
    match method {
        "/auth.test" => {
            let team = call.header("authorization").split("xoxb-").nth(1).unwrap_or_default();
            let team = if team.starts_with('T') { team } else { "T01" };
            json!({ "ok": true, "team": "Acme", "team_id": team, "user_id": "U0BOT", "bot_id": "B01" })
        }
        "/oauth.v2.access" => {
            let team = call.field("code").replace("code-of-", "");
            json!({
                "ok": true, "access_token": format!("xoxb-{team}"), "token_type": "bot", "scope": "chat:write",
                "bot_user_id": "U0BOT", "app_id": "A01", "team": { "id": team, "name": format!("Team {team}") },
                "enterprise": null, "is_enterprise_install": false,
            })
        }
        "/chat.postMessage" | "/chat.update" => {
            let asked = call.json();
            let ts = asked["ts"]
                .as_str()
                .map_or_else(|| format!("1780315200.{n:06}"), str::to_owned);
            // A member is written to in a conversation, and a name stands for an identity.
            let channel = asked["channel"].as_str().unwrap().to_uppercase().replace('#', "C0");
            let channel = channel.strip_prefix('U').map_or(channel.clone(), |id| format!("D{id}"));
            json!({ "ok": true, "channel": channel, "ts": ts, "message": {} })
        }
        "/users.lookupByEmail" => {
            let email = query("email");
            user(&format!(
                "U0{}",
                email.split('@').next().unwrap_or_default().to_uppercase()
            ))
        }
        "/users.info" => user(&query("user")),
        _ => json!({ "ok": true }),
    }
}
