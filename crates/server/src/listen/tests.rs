//! Connections as a hostile client makes them, byte by byte.

use std::sync::atomic::{AtomicUsize, Ordering};

use axum::routing::{get, post};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

use super::*;

/// Far longer than any test waits for an answer.
const LONG: Duration = Duration::from_secs(600);
/// Soon over.
const SHORT: Duration = Duration::from_millis(100);

struct Running {
    address: SocketAddr,
    stop: CancellationToken,
    serving: JoinSet<()>,
    /// How many requests have reached the routes.
    reached: Arc<AtomicUsize>,
}

impl Running {
    async fn start(patience: Patience) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let reached = Arc::new(AtomicUsize::new(0));
        let (count, stop) = (reached.clone(), CancellationToken::new());
        let read = async |body: Body| match axum::body::to_bytes(body, 1 << 20).await {
            Ok(bytes) => format!("read {}", bytes.len()),
            Err(error) => {
                let mut causes = std::iter::successors(std::error::Error::source(&error), |cause| cause.source());
                let full = causes.any(|cause| cause.is::<NoRoom>());
                (if full { "no room" } else { "not read" }).to_owned()
            }
        };
        let router = Router::new()
            .route("/", get(async || "here"))
            .route("/read", post(read))
            .layer(axum::middleware::map_request(move |request: Request| {
                count.fetch_add(1, Ordering::Relaxed);
                std::future::ready(request)
            }));
        let mut serving = JoinSet::new();
        serving.spawn(serve(listener, router, patience, stop.clone()));
        Self {
            address,
            stop,
            serving,
            reached,
        }
    }

    async fn connect(&self) -> TcpStream {
        TcpStream::connect(self.address).await.unwrap()
    }

    /// What is answered until the connection ends.
    async fn say(&self, words: &str) -> String {
        let mut stream = self.connect().await;
        stream.write_all(words.as_bytes()).await.unwrap();
        heard(&mut stream).await
    }

    fn reached(&self) -> usize {
        self.reached.load(Ordering::Relaxed)
    }
}

/// Everything that comes until the other side ends the connection.
async fn heard(stream: &mut TcpStream) -> String {
    let mut bytes = Vec::new();
    // A connection that is cut instead of closed has ended as well.
    let _cut = stream.read_to_end(&mut bytes).await;
    String::from_utf8_lossy(&bytes).into_owned()
}

/// What comes until these words do.
async fn heard_until(stream: &mut TcpStream, words: &str) -> String {
    let mut text = String::new();
    let mut bytes = [0; 1024];
    while !text.contains(words) {
        let count = stream.read(&mut bytes).await.unwrap();
        assert!(count > 0, "the connection ended before {words:?}: {text}");
        text += &String::from_utf8_lossy(&bytes[..count]);
    }
    text
}

const GET: &str = "GET / HTTP/1.1\r\nHost: here\r\n\r\n";

#[tokio::test]
async fn whoever_never_says_what_they_want_is_let_go() {
    let host = Running::start(Patience {
        head: SHORT,
        body: LONG,
        connections: 10,
        bodies_bytes: 1 << 20,
    })
    .await;
    for words in ["", "G", "GET / HTTP/1.1\r\nHost: here\r\nX-Slow: "] {
        let answer = host.say(words).await;
        assert!(
            answer.is_empty() || answer.starts_with("HTTP/1.1 408"),
            "{words:?}: {answer}"
        );
    }
    // Neither is a connection kept that asked for something and then lies idle.
    assert!(host.say(GET).await.ends_with("here"));
    assert_eq!(host.reached(), 1);
}

#[tokio::test]
async fn a_body_that_does_not_come_is_not_waited_for() {
    let host = Running::start(Patience {
        head: LONG,
        body: SHORT,
        connections: 10,
        bodies_bytes: 1 << 20,
    })
    .await;
    for begun in [
        "POST /read HTTP/1.1\r\nHost: here\r\nContent-Length: 100\r\n\r\nabc",
        "POST /read HTTP/1.1\r\nHost: here\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n",
    ] {
        let answer = host.say(begun).await;
        assert!(answer.ends_with("not read"), "{begun}: {answer}");
    }
}

#[tokio::test]
async fn bytes_that_trickle_in_are_late_as_well() {
    let host = Running::start(Patience {
        head: LONG,
        body: SHORT,
        connections: 10,
        bodies_bytes: 1 << 20,
    })
    .await;
    let mut stream = host.connect().await;
    let head = "POST /read HTTP/1.1\r\nHost: here\r\nContent-Length: 1000000\r\n\r\n";
    stream.write_all(head.as_bytes()).await.unwrap();
    let (mut hears, mut says) = stream.split();
    let mut answer = String::new();
    tokio::select! {
        _ = hears.read_to_string(&mut answer) => {}
        () = async {
            while says.write_all(b"x").await.is_ok() {
                tokio::task::yield_now().await;
            }
            std::future::pending().await
        } => {}
    }
    assert!(!answer.contains("\r\n\r\nread "), "{answer}");
}

#[tokio::test]
async fn there_are_so_many_places_and_one_that_is_left_is_taken() {
    let host = Running::start(Patience {
        head: LONG,
        body: LONG,
        connections: 2,
        bodies_bytes: 1 << 20,
    })
    .await;
    let (mut first, mut second, mut third) = (host.connect().await, host.connect().await, host.connect().await);
    for stream in [&mut first, &mut second, &mut third] {
        stream.write_all(GET.as_bytes()).await.unwrap();
    }
    heard_until(&mut first, "here").await;
    heard_until(&mut second, "here").await;
    assert_eq!(host.reached(), 2, "the third waits");
    drop(first);
    heard_until(&mut third, "here").await;
}

#[tokio::test]
async fn there_is_so_much_room_for_bodies_that_do_not_end() {
    let host = Running::start(Patience {
        head: LONG,
        body: LONG,
        connections: 10,
        bodies_bytes: 1_000,
    })
    .await;
    let begin = async |bytes: usize| {
        let mut stream = host.connect().await;
        let head = "POST /read HTTP/1.1\r\nHost: here\r\nConnection: close\r\nContent-Length: 900\r\n\r\n";
        stream
            .write_all(format!("{head}{}", "x".repeat(bytes)).as_bytes())
            .await
            .unwrap();
        stream
    };
    // What one has begun is in the way of another, until it has ended.
    let mut first = begin(800).await;
    while host.reached() < 1 {
        tokio::task::yield_now().await;
    }
    let mut second = loop {
        let mut stream = begin(900).await;
        let answer = heard(&mut stream).await;
        if answer.ends_with("no room") {
            break begin(100).await;
        }
        // The first one was not read yet.
        assert!(answer.ends_with("read 900"), "{answer}");
    };
    first.write_all("x".repeat(100).as_bytes()).await.unwrap();
    assert!(heard(&mut first).await.ends_with("read 900"));
    second.write_all("x".repeat(800).as_bytes()).await.unwrap();
    assert!(heard(&mut second).await.ends_with("read 900"));
}

#[tokio::test]
async fn what_two_would_read_differently_is_refused_or_read_as_the_standard_says() {
    let host = Running::start(Patience {
        head: SHORT,
        body: SHORT,
        connections: 10,
        bodies_bytes: 1 << 20,
    })
    .await;
    let post = |headers: &str, body: &str| format!("POST /read HTTP/1.1\r\nHost: here\r\n{headers}\r\n\r\n{body}");
    let refused = [
        post("Content-Length: 3\r\nContent-Length: 4", "abcd"),
        post("Content-Length: 3, 4", "abcd"),
        post("Content-Length: +3", "abc"),
        post("Content-Length: -1", ""),
        post("Content-Length: 99999999999999999999", ""),
        post("Transfer-Encoding: gzip", "abc"),
        post("Transfer-Encoding: chunked, identity", "0\r\n\r\n"),
        post("Transfer-Encoding: xchunked", "0\r\n\r\n"),
        post("Transfer-Encoding : chunked", "0\r\n\r\n"),
        post("Content-Length : 3", "abc"),
        post("X-Folded: a\r\n b\r\nContent-Length: 3", "abc"),
        post("X-Nul: a\0b", ""),
        "POST /read HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n".to_owned(),
        "GET / HTTP/1.1\nHost: here\r\nX: \r \r\n\r\n".to_owned(),
        "GET /\r\nHost: here\r\n\r\n".to_owned(),
    ];
    for words in refused {
        let answer = host.say(&words).await;
        assert!(answer.starts_with("HTTP/1.1 400"), "{words:?}: {answer}");
        assert_eq!(answer.matches("HTTP/1.1").count(), 1, "{words:?}: {answer}");
    }
    assert_eq!(host.reached(), 0);
    // RFC 9112, section 6.3: of both, the chunks count, whichever stands first; nothing is left that could be a request.
    for headers in [
        "Content-Length: 4\r\nTransfer-Encoding: chunked",
        "Transfer-Encoding: chunked\r\nContent-Length: 4",
    ] {
        let answer = host.say(&post(headers, "3\r\nabc\r\n0\r\n\r\n")).await;
        assert!(answer.ends_with("read 3"), "{headers}: {answer}");
        assert_eq!(answer.matches("HTTP/1.1").count(), 1, "{headers}: {answer}");
    }
    // Chunks that are none end the body and the connection, and what follows is no request.
    for chunks in [
        "zz\r\nabc\r\n0\r\n\r\n",
        "3\r\nabcdef\r\n0\r\n\r\n",
        "ffffffffffffffffff\r\n",
    ] {
        let answer = host
            .say(&post("Transfer-Encoding: chunked", &format!("{chunks}{GET}")))
            .await;
        assert!(!answer.contains("here"), "{chunks:?}: {answer}");
    }
}

#[tokio::test]
async fn a_head_has_bounds() {
    let host = Running::start(Patience {
        head: LONG,
        body: LONG,
        connections: 10,
        bodies_bytes: 1 << 20,
    })
    .await;
    let long = format!(
        "GET / HTTP/1.1\r\nHost: here\r\nCookie: {}\r\n\r\n",
        "a=b; ".repeat(40_000)
    );
    let many = format!(
        "GET / HTTP/1.1\r\nHost: here\r\n{}\r\n",
        "Cookie: a=b\r\n".repeat(1_000)
    );
    let path = format!("GET /{} HTTP/1.1\r\nHost: here\r\n\r\n", "a".repeat(100_000));
    for (words, status) in [(long, "431"), (many, "431"), (path, "414")] {
        let mut stream = host.connect().await;
        let (mut hears, mut says) = stream.split();
        // It may be cut off in the middle of what is said.
        let (_cut, answer) = tokio::join!(says.write_all(words.as_bytes()), async {
            let mut bytes = Vec::new();
            let _cut = hears.read_to_end(&mut bytes).await;
            String::from_utf8_lossy(&bytes).into_owned()
        });
        assert!(
            answer.is_empty() || answer.starts_with(&format!("HTTP/1.1 {status}")),
            "{status}: {answer}"
        );
    }
    assert_eq!(host.reached(), 0);
    assert!(!host.serving.is_empty());
}

#[tokio::test]
async fn what_was_begun_is_answered_before_it_ends() {
    let mut host = Running::start(Patience {
        head: LONG,
        body: LONG,
        connections: 10,
        bodies_bytes: 1 << 20,
    })
    .await;
    let mut stream = host.connect().await;
    let head = "POST /read HTTP/1.1\r\nHost: here\r\nContent-Length: 3\r\n\r\n";
    stream.write_all(head.as_bytes()).await.unwrap();
    while host.reached() == 0 {
        tokio::task::yield_now().await;
    }
    let idle = host.connect().await;
    host.stop.cancel();
    stream.write_all(b"abc").await.unwrap();
    assert!(heard(&mut stream).await.ends_with("read 3"));
    host.serving.join_next().await.unwrap().unwrap();
    drop(idle);
    assert!(TcpStream::connect(host.address).await.is_err(), "no more are taken");
}
