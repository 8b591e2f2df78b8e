//! One HTTP call to somebody else's server, with every limit it needs, and what its end means.
//!
//! It follows no redirect, asks no proxy, reads a bounded piece of an answer and drops the rest. What a status means
//! for a delivery is the channel's to say; what a broken line means is said here.

use std::{error::Error, time::Duration};

use jiff::{SignedDuration, Timestamp, fmt::rfc2822};
use opsknight_domain::delivery::CALL_TIMEOUT;
use reqwest::{
    RequestBuilder, Response, StatusCode,
    header::{HeaderMap, RETRY_AFTER},
};

use crate::{
    DeliveryError, Problem,
    guard::{Blocked, Guard},
    tls::Roots,
    words,
};

/// How much of a receiver's answer is read, in bytes: as much as is shown.
const ANSWER_BYTES_MAX: usize = 4096;
/// How much of a vendor's answer is read, in bytes: lists of rooms are the longest that are needed.
const DOCUMENT_BYTES_MAX: usize = 2 << 20;
/// How long the body of an answer is waited for once its status is known.
const BODY_WAIT: Duration = Duration::from_secs(2);
/// The longest wait that a provider can ask for.
pub(crate) const RETRY_AFTER_MAX: SignedDuration = SignedDuration::from_hours(1);
/// How long an unused connection is kept.
const IDLE: Duration = Duration::from_secs(30);
/// How many unused connections are kept a host.
const IDLE_PER_HOST_MAX: usize = 4;
/// Who is calling.
const USER_AGENT: &str = concat!("OpsKnight/", env!("CARGO_PKG_VERSION"));

/// How long an outbound call may take.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Timeouts {
    /// Until the line stands: name, connection, encryption. Less than `total`.
    pub connect: Duration,
    /// In all.
    pub total: Duration,
}

impl Default for Timeouts {
    /// [`CALL_TIMEOUT`] in all, half of it for the line.
    fn default() -> Self {
        let total = CALL_TIMEOUT.unsigned_abs();
        Self {
            connect: total / 2,
            total,
        }
    }
}

/// What a server answered.
#[derive(Debug)]
pub(crate) struct Answer {
    /// Its status.
    pub(crate) status: StatusCode,
    /// Its headers.
    pub(crate) headers: HeaderMap,
    /// How long it asks us to wait, at most [`RETRY_AFTER_MAX`].
    pub(crate) retry_after: Option<SignedDuration>,
    /// The beginning of its body, fit to be shown.
    pub(crate) body: String,
    /// The bytes of its body, as far as they were read.
    pub(crate) raw: Vec<u8>,
}

impl Answer {
    /// Status and body in one line, without what `hide` takes out. That is done before anything is cut off: of a secret
    /// that is cut in two the first half would stay.
    pub(crate) fn words(&self, hide: impl Fn(&str) -> String) -> String {
        let shown = &self.raw[..self.raw.len().min(ANSWER_BYTES_MAX)];
        let body = hide(&String::from_utf8_lossy(shown));
        if body.trim().is_empty() {
            return self.status.to_string();
        }
        hide(&words::answer(&format!("{}: {body}", self.status)))
    }
}

/// An HTTP client for outbound calls.
#[derive(Debug, Clone)]
pub(crate) struct Client {
    inner: reqwest::Client,
    timeouts: Timeouts,
}

impl Client {
    /// A client that reaches only what `guard` lets it reach and trusts only `roots`.
    pub(crate) fn new(guard: Guard, roots: &Roots, timeouts: Timeouts) -> Result<Self, DeliveryError> {
        let inner = reqwest::Client::builder()
            .tls_backend_preconfigured(roots.client_config()?)
            .dns_resolver(guard)
            .no_proxy()
            .redirect(reqwest::redirect::Policy::none())
            .referer(false)
            .user_agent(USER_AGENT)
            .connect_timeout(timeouts.connect)
            .timeout(timeouts.total)
            .pool_idle_timeout(IDLE)
            .pool_max_idle_per_host(IDLE_PER_HOST_MAX)
            .build()
            .map_err(|error| Problem {
                field: "TLS",
                why: root_cause(&error),
            })?;
        Ok(Self { inner, timeouts })
    }

    /// Begins a `POST`.
    pub(crate) fn post(&self, url: url::Url) -> RequestBuilder {
        self.inner.post(url)
    }

    /// Begins a `GET`.
    pub(crate) fn get(&self, url: url::Url) -> RequestBuilder {
        self.inner.get(url)
    }

    /// Begins any other call.
    pub(crate) fn request(&self, method: reqwest::Method, url: url::Url) -> RequestBuilder {
        self.inner.request(method, url)
    }

    /// Makes the call and reads the beginning of what was answered, whatever its status.
    pub(crate) async fn call(&self, request: RequestBuilder, now: Timestamp) -> Result<Answer, DeliveryError> {
        self.read(request, now, ANSWER_BYTES_MAX).await
    }

    /// The same, reading a whole document.
    pub(crate) async fn ask(&self, request: RequestBuilder, now: Timestamp) -> Result<Answer, DeliveryError> {
        self.read(request, now, DOCUMENT_BYTES_MAX).await
    }

    async fn read(&self, request: RequestBuilder, now: Timestamp, bytes_max: usize) -> Result<Answer, DeliveryError> {
        let mut response = request.send().await.map_err(|error| self.failure(&error))?;
        let status = response.status();
        let retry_after = retry_after(response.headers(), now);
        let headers = std::mem::take(response.headers_mut());
        let raw = beginning(&mut response, bytes_max).await;
        let shown = &raw[..raw.len().min(ANSWER_BYTES_MAX)];
        Ok(Answer {
            status,
            headers,
            retry_after,
            body: words::answer(&String::from_utf8_lossy(shown)),
            raw,
        })
    }

    /// What a call without an answer means. Until the line stands nothing was handed over; afterwards the request may
    /// have been taken although no answer came back.
    fn failure(&self, error: &reqwest::Error) -> DeliveryError {
        if let Some(blocked) = find::<Blocked>(error) {
            return DeliveryError::Misconfigured {
                field: "url",
                why: blocked.to_string(),
            };
        }
        if error.is_builder() {
            return DeliveryError::Misconfigured {
                field: "url",
                why: "is not a URL that can be called".into(),
            };
        }
        match (error.is_connect(), error.is_timeout()) {
            (true, true) => retry(format!(
                "could not connect within {} s",
                self.timeouts.connect.as_secs_f32()
            )),
            (true, false) => retry(format!("could not connect: {}", root_cause(error))),
            (false, true) => DeliveryError::Unknown {
                why: format!("no answer within {} s", self.timeouts.total.as_secs_f32()),
            },
            (false, false) => DeliveryError::Unknown {
                why: format!("the line was cut before an answer came: {}", root_cause(error)),
            },
        }
    }
}

/// A failure that a later try may not meet.
fn retry(why: String) -> DeliveryError {
    DeliveryError::Retry { why, after: None }
}

/// The first bytes of a body. The status has come, so a body that is late, cut or endless does not matter.
async fn beginning(response: &mut Response, bytes_max: usize) -> Vec<u8> {
    let mut body = Vec::new();
    let read = async {
        while body.len() < bytes_max
            && let Ok(Some(chunk)) = response.chunk().await
        {
            body.extend_from_slice(&chunk[..chunk.len().min(bytes_max - body.len())]);
        }
    };
    // Too slow: what has come is enough.
    let _late = tokio::time::timeout(BODY_WAIT, read).await;
    body
}

/// `Retry-After` in both of its forms (RFC 9110, section 10.2.3): seconds, or a date.
fn retry_after(headers: &HeaderMap, now: Timestamp) -> Option<SignedDuration> {
    let text = headers.get(RETRY_AFTER)?.to_str().ok()?.trim();
    let wait = if let Ok(seconds) = text.parse::<u32>() {
        SignedDuration::from_secs(seconds.into())
    } else {
        rfc2822::DateTimeParser::new()
            .parse_timestamp(text)
            .ok()?
            .duration_since(now)
    };
    Some(wait.clamp(SignedDuration::ZERO, RETRY_AFTER_MAX))
}

/// The innermost reason, fit to be shown. The outer ones name the URL, this one does not.
pub(crate) fn root_cause(error: &(dyn Error + 'static)) -> String {
    let mut cause = error;
    while let Some(source) = cause.source() {
        cause = source;
    }
    match cause.downcast_ref::<reqwest::Error>() {
        Some(_) => "the request could not be made".into(),
        None => words::answer(&cause.to_string()),
    }
}

/// An error of this kind among the reasons, also where it is wrapped in an [`std::io::Error`].
pub(crate) fn find<'e, E: Error + 'static>(error: &'e (dyn Error + 'static)) -> Option<&'e E> {
    let mut next = Some(error);
    while let Some(cause) = next {
        if let Some(found) = cause.downcast_ref::<E>() {
            return Some(found);
        }
        let wrapped = cause.downcast_ref::<std::io::Error>().and_then(std::io::Error::get_ref);
        if let Some(found) = wrapped.and_then(|inner| find::<E>(inner)) {
            return Some(found);
        }
        next = cause.source();
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn retry_after_is_read_in_both_forms_and_bounded() {
        let now: Timestamp = "1994-11-06T08:49:37Z".parse().unwrap();
        let of = |text: &str| {
            let mut headers = HeaderMap::new();
            headers.insert(RETRY_AFTER, text.parse().unwrap());
            retry_after(&headers, now).map(|wait| wait.as_secs())
        };
        assert_eq!(of("120"), Some(120));
        assert_eq!(of(" 0 "), Some(0));
        assert_eq!(of("Sun, 06 Nov 1994 08:51:37 GMT"), Some(120));
        assert_eq!(of("Sun, 06 Nov 1994 08:40:00 GMT"), Some(0));
        assert_eq!(of("999999"), Some(3600));
        assert_eq!(of("Thu, 31 Dec 2099 23:59:59 GMT"), Some(3600));
        assert_eq!(of("-5"), None);
        assert_eq!(of("soon"), None);
        assert_eq!(of("99999999999999999999"), None);
    }

    /// Past [`crate::guard::check_url`], which knows this name: the resolver alone holds it back.
    #[tokio::test]
    async fn a_name_that_leads_to_this_machine_is_blocked_when_it_is_resolved() {
        let client = Client::new(Guard::new(false), &Roots::of(Vec::new()), Timeouts::default()).unwrap();
        let request = client.post("http://localhost:9/".parse().unwrap());
        match client.call(request, Timestamp::UNIX_EPOCH).await {
            Err(DeliveryError::Misconfigured { field: "url", why }) => assert!(why.contains("loopback"), "{why}"),
            other => panic!("{other:?}"),
        }
    }
    type Addresses = std::pin::Pin<Box<dyn Future<Output = std::io::Result<Vec<std::net::IpAddr>>> + Send>>;

    /// A name whose owner answers every question otherwise: first with an address that may be called, then with what is
    /// here alone.
    fn rebinding(_: String) -> Addresses {
        use std::sync::atomic::{AtomicUsize, Ordering};
        static ASKED: AtomicUsize = AtomicUsize::new(0);
        let address = match ASKED.fetch_add(1, Ordering::Relaxed) {
            0 => [127, 0, 0, 1],
            asked => panic!("the name was asked for {} times", asked + 1),
        };
        Box::pin(async move { Ok(vec![address.into()]) })
    }

    /// One connection, one question: what was checked is what is connected to, whatever the name says a moment later.
    #[tokio::test]
    async fn a_name_is_asked_for_once_and_connected_to_as_it_was_checked() {
        use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let guard = Guard::new(true).asking(rebinding);
        let client = Client::new(guard, &Roots::of(Vec::new()), Timeouts::default()).unwrap();
        let url = format!("http://rebinding.example:{port}/").parse().unwrap();
        let serve = async {
            let (mut stream, _) = listener.accept().await.unwrap();
            let mut heard = [0; 1024];
            let count = stream.read(&mut heard).await.unwrap();
            stream
                .write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nin")
                .await
                .unwrap();
            String::from_utf8_lossy(&heard[..count]).into_owned()
        };
        let (answer, heard) = tokio::join!(client.call(client.post(url), Timestamp::UNIX_EPOCH), serve);
        assert_eq!(answer.unwrap().body, "in");
        assert!(heard.contains(&format!("host: rebinding.example:{port}")), "{heard}");
    }

    /// Of the addresses that a name has, none that is not public is tried, not even as the last one.
    #[tokio::test]
    async fn a_name_of_a_private_network_is_never_connected_to() {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let inside = |_: String| -> Addresses {
            let found = [
                "127.0.0.1",
                "::1",
                "::ffff:127.0.0.1",
                "169.254.169.254",
                "fd00:ec2::254",
                "10.0.0.1",
            ];
            Box::pin(async move { Ok(found.iter().map(|text| text.parse().unwrap()).collect()) })
        };
        let client = Client::new(
            Guard::new(false).asking(inside),
            &Roots::of(Vec::new()),
            Timeouts::default(),
        )
        .unwrap();
        for name in [
            "metadata.google.internal",
            "db.corp.internal",
            "rebinding.example",
            "rebinding.example.",
        ] {
            let url = format!("http://{name}:{port}/").parse().unwrap();
            match client.call(client.post(url), Timestamp::UNIX_EPOCH).await {
                Err(DeliveryError::Misconfigured { field: "url", why }) => {
                    assert!(why.contains("OPSKNIGHT_ALLOW_PRIVATE_TARGETS"), "{why}");
                }
                other => panic!("{name}: {other:?}"),
            }
        }
        let waiting = listener.into_std().unwrap();
        assert!(waiting.accept().is_err(), "nobody has connected");
    }
}
