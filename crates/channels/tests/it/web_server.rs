//! Web servers that answer as a test wants and remember what they were sent.

use std::sync::{Arc, Mutex};

use axum::{
    Router,
    body::{Body, Bytes},
    http::{HeaderMap, Method, Uri},
    response::Response,
};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpListener,
    task::JoinSet,
};

/// One request.
#[derive(Debug, Clone)]
pub(crate) struct Request {
    pub(crate) method: Method,
    pub(crate) uri: Uri,
    pub(crate) headers: HeaderMap,
    /// Its body where that is text.
    pub(crate) body: String,
    pub(crate) bytes: Bytes,
}

impl Request {
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).map(|value| value.to_str().unwrap())
    }

    /// The body as JSON.
    pub(crate) fn json(&self) -> serde_json::Value {
        serde_json::from_slice(&self.bytes).unwrap()
    }

    /// A field of a form.
    pub(crate) fn field(&self, name: &str) -> Option<String> {
        let url = url::Url::parse(&format!("http://form/?{}", self.body)).unwrap();
        url.query_pairs()
            .find(|(key, _)| key == name)
            .map(|(_, value)| value.into_owned())
    }
}

pub(crate) struct WebServer {
    pub(crate) url: String,
    seen: Arc<Mutex<Vec<Request>>>,
    _tasks: JoinSet<()>,
}

impl WebServer {
    /// Answers every request with what `answer` makes.
    pub(crate) async fn start(answer: impl Fn() -> Response<Body> + Clone + Send + Sync + 'static) -> Self {
        Self::asked(move |_| answer()).await
    }

    /// Answers every request with what `answer` makes of it.
    pub(crate) async fn asked(answer: impl Fn(&Request) -> Response<Body> + Clone + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!(
            "http://{}/hook/TOKENTOKEN12?key=QUERYSECRET99",
            listener.local_addr().unwrap()
        );
        let seen = Arc::new(Mutex::new(Vec::new()));
        let shared = Arc::clone(&seen);
        let app = Router::new().fallback(move |method: Method, uri: Uri, headers: HeaderMap, body: Bytes| {
            let request = Request {
                method,
                uri,
                headers,
                body: String::from_utf8_lossy(&body).into_owned(),
                bytes: body,
            };
            let answer = answer(&request);
            shared.lock().unwrap().push(request);
            async move { answer }
        });
        let mut tasks = JoinSet::new();
        tasks.spawn(async move { axum::serve(listener, app).await.unwrap() });
        Self {
            url,
            seen,
            _tasks: tasks,
        }
    }

    /// Reads a request to its end, says `answer`, and then hangs up or keeps still.
    pub(crate) async fn raw(answer: &'static [u8], then_hang_up: bool) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!(
            "http://{}/hook/TOKENTOKEN12?key=QUERYSECRET99",
            listener.local_addr().unwrap()
        );
        let mut tasks = JoinSet::new();
        tasks.spawn(async move {
            let mut kept = Vec::new();
            loop {
                let (mut stream, _) = listener.accept().await.unwrap();
                let mut heard = Vec::new();
                while !is_whole(&heard) {
                    if stream.read_buf(&mut heard).await.unwrap_or(0) == 0 {
                        break;
                    }
                }
                // A client that is gone already is no concern of this server.
                drop(stream.write_all(answer).await);
                if !then_hang_up {
                    kept.push(stream);
                }
            }
        });
        Self {
            url,
            seen: Arc::default(),
            _tasks: tasks,
        }
    }

    pub(crate) fn seen(&self) -> Vec<Request> {
        self.seen.lock().unwrap().clone()
    }

    /// The server without the path of its URL.
    pub(crate) fn base(&self) -> url::Url {
        url::Url::parse(&self.url).unwrap().join("/").unwrap()
    }
}

/// Whether a request has come to its end: its head, and as many bytes as that says.
fn is_whole(heard: &[u8]) -> bool {
    let Some(end) = heard.windows(4).position(|four| four == b"\r\n\r\n") else {
        return false;
    };
    let head = String::from_utf8_lossy(&heard[..end]).to_ascii_lowercase();
    let length = head
        .lines()
        .find_map(|line| line.strip_prefix("content-length:"))
        .map_or(0, |length| length.trim().parse().unwrap());
    heard.len() >= end + 4 + length
}

/// An answer with a status, headers and a body.
pub(crate) fn answer(status: u16, headers: &[(&'static str, &'static str)], body: impl Into<Body>) -> Response<Body> {
    let builder = Response::builder().status(status);
    headers
        .iter()
        .fold(builder, |builder, (name, value)| builder.header(*name, *value))
        .body(body.into())
        .unwrap()
}
