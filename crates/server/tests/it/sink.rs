//! A receiver of outbound webhooks: answers as a test wants and remembers what it was sent.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex},
};

use axum::{
    Router,
    body::Bytes,
    http::{HeaderMap, StatusCode},
};
use serde_json::{Value, json};
use tokio::{net::TcpListener, task::JoinSet};

use crate::{
    environment, peers,
    process::{SOON, wait_until},
};

/// One webhook that arrived.
#[derive(Debug, Clone)]
pub(crate) struct Arrived {
    pub(crate) headers: BTreeMap<String, String>,
    pub(crate) body: String,
}

impl Arrived {
    /// The identity of the delivery: the same at every try.
    pub(crate) fn id(&self) -> &str {
        &self.headers["webhook-id"]
    }

    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.body).expect("webhooks are JSON")
    }

    pub(crate) fn event(&self) -> String {
        self.json()["event"].as_str().expect("it names its event").to_owned()
    }
}

/// A running receiver; it ends with this value.
pub(crate) struct Sink {
    pub(crate) url: String,
    arrived: Arc<Mutex<Vec<Arrived>>>,
    answer: Arc<Mutex<StatusCode>>,
    _tasks: JoinSet<()>,
}

impl Sink {
    pub(crate) async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}/hook", listener.local_addr().unwrap());
        let arrived: Arc<Mutex<Vec<Arrived>>> = Arc::default();
        let answer = Arc::new(Mutex::new(StatusCode::OK));
        let (list, status) = (arrived.clone(), answer.clone());
        let app = Router::new().fallback(move |headers: HeaderMap, body: Bytes| {
            let pair = |name: &str| (name.to_owned(), headers[name].to_str().unwrap_or_default().to_owned());
            let headers = headers.keys().map(|name| pair(name.as_str())).collect();
            let body = String::from_utf8(body.into()).expect("webhooks are UTF-8");
            list.lock().unwrap().push(Arrived { headers, body });
            let status = *status.lock().unwrap();
            async move { status }
        });
        let mut tasks = JoinSet::new();
        tasks.spawn(async move { axum::serve(listener, app).await.unwrap() });
        Self {
            url,
            arrived,
            answer,
            _tasks: tasks,
        }
    }

    /// What every further webhook is answered.
    pub(crate) fn answer_with(&self, status: u16) {
        *self.answer.lock().unwrap() = StatusCode::from_u16(status).unwrap();
    }

    pub(crate) fn arrived(&self) -> Vec<Arrived> {
        self.arrived.lock().unwrap().clone()
    }

    /// The events that arrived, in their order.
    pub(crate) fn events(&self) -> Vec<String> {
        self.arrived().iter().map(Arrived::event).collect()
    }

    /// Waits for a webhook of this event about the incident with this title.
    pub(crate) async fn wait_for(&self, event: &str, title: &str) -> Arrived {
        let wanted = |arrived: &Arrived| arrived.event() == event && arrived.json()["incident"]["title"] == title;
        let what = format!("{event} about {title} arrives at the sink");
        wait_until(&what, SOON, async || self.arrived().into_iter().find(wanted)).await
    }
}

/// Has the reference library of Standard Webhooks, Svix's, and Python's own HMAC check that a webhook is signed.
pub(crate) async fn verify(arrived: &Arrived, secret: &str) {
    let question = json!({ "secret": secret, "headers": arrived.headers, "body": arrived.body });
    let mut command = peers::python("verify_webhook.py", &[]);
    command.env("PYTHONDONTWRITEBYTECODE", "1");
    let ended = crate::process::run(command, &question.to_string()).await;
    assert_eq!(
        ended.well().trim(),
        "verified",
        "{}",
        environment::peer("verify_webhook.py").display()
    );
}
