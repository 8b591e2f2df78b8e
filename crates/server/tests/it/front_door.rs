//! The front of the program as a whole: every route asks who calls, every answer says what a browser may do with it, and
//! nobody gets a name, an address or a connection by claiming it.

use std::collections::BTreeSet;

use reqwest::{Method, StatusCode, header::HeaderMap};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
};

use crate::{
    api::{Api, client},
    both::Place,
    process::Server,
};

/// The routes beside pages and the API, which have a table of their own, and whether anybody may call them. All others
/// refuse whoever shows nothing.
const ROUTES: &[(&str, &str, bool)] = &[
    ("GET", "/healthz", true),
    ("GET", "/readyz", true),
    ("GET", "/metrics", true),
    ("POST", "/api/events", false),
    ("POST", "/v2/enqueue", false),
    ("POST", "/v2/change/enqueue", false),
    ("POST", "/api/integrations/{type}", false),
    ("POST", "/api/integrations/{type}/{*rest}", false),
    ("POST", "/api/slack/actions", false),
    ("POST", "/api/slack/commands", false),
    ("POST", "/api/slack/events", false),
    ("POST", "/api/twilio/sms", false),
    ("POST", "/api/twilio/status", false),
    ("POST", "/api/twilio/voice", false),
    ("POST", "/api/twilio/call-status", false),
    ("GET", "/api/whatsapp/webhook", false),
    ("POST", "/api/whatsapp/webhook", false),
    ("POST", "/api/telegram/{webhook}", false),
    ("POST", "/api/email/sendgrid", false),
    ("POST", "/api/email/resend", false),
    ("POST", "/api/email/ses", false),
];

/// Where the routes are made.
const SOURCES: [&str; 3] = [
    include_str!("../../src/front.rs"),
    include_str!("../../src/receive.rs"),
    include_str!("../../src/reply.rs"),
];

fn filled(path: &str) -> String {
    let places = [
        ("{type}", "prometheus"),
        ("{*rest}", "more"),
        ("{webhook}", "whk_01jbcf1000f4z9pkvk1c1c1c1c"),
    ];
    places
        .iter()
        .fold(path.to_owned(), |path, (place, value)| path.replace(place, value))
}

#[test]
fn every_route_of_the_server_is_in_the_table() {
    let made = SOURCES.iter().flat_map(|source| source.split(".route(\"").skip(1));
    let made: BTreeSet<&str> = made.filter_map(|rest| rest.split('"').next()).collect();
    let known: BTreeSet<&str> = ROUTES.iter().map(|(_, path, _)| *path).collect();
    assert_eq!(made, known);
}

fn says_what_a_browser_may_do(what: &str, headers: &HeaderMap, https: bool) {
    let text = |name: &str| headers.get(name).map_or("", |value| value.to_str().unwrap());
    assert_eq!(text("x-content-type-options"), "nosniff", "{what}");
    assert!(
        text("content-security-policy").contains("frame-ancestors 'none'"),
        "{what}"
    );
    assert!(text("content-security-policy").contains("default-src 'none'"), "{what}");
    assert_eq!(text("x-frame-options"), "DENY", "{what}");
    assert!(
        ["same-origin", "no-referrer"].contains(&text("referrer-policy")),
        "{what}"
    );
    assert!(!text("cache-control").is_empty(), "{what}");
    assert_eq!(text("strict-transport-security").contains("max-age"), https, "{what}");
    for tells in ["server", "x-powered-by", "via"] {
        assert_eq!(text(tells), "", "{what}: {tells}");
    }
}

/// An address that nobody listens at.
fn free_address() -> String {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    listener.local_addr().unwrap().to_string()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_route_asks_who_calls_and_every_answer_is_harmless() {
    for https in [false, true] {
        let place = Place::sqlite();
        let listen = free_address();
        let public = if https {
            "https://ok.example".to_owned()
        } else {
            format!("http://{listen}")
        };
        let server = Server::start(
            &place,
            &[("OPSKNIGHT_PUBLIC_URL", &public), ("OPSKNIGHT_LISTEN", &listen)],
        )
        .await;
        assert_eq!(server.url, public);
        let (base, http) = (format!("http://{listen}"), client());
        for (method, path, open) in ROUTES {
            let method: Method = method.parse().unwrap();
            for (media, body) in [
                ("application/json", "{}"),
                ("application/x-www-form-urlencoded", "a=b"),
                ("", ""),
            ] {
                let mut request = http
                    .request(method.clone(), format!("{base}{}", filled(path)))
                    .body(body);
                if !media.is_empty() {
                    request = request.header("content-type", media);
                }
                let answer = request.send().await.unwrap();
                let status = answer.status().as_u16();
                let refused = matches!(status, 400 | 401 | 403 | 404);
                assert!(
                    if *open { status == 200 } else { refused },
                    "{method} {path} {media}: {status}"
                );
                says_what_a_browser_may_do(path, answer.headers(), https);
            }
        }
        no_path_is_harmful(&base, https).await;
    }
}

/// Whatever is asked of whatever path, by nobody.
async fn no_path_is_harmful(base: &str, https: bool) {
    let http = client();
    for path in [
        "/",
        "/login",
        "/setup",
        "/nowhere",
        "/api/nowhere",
        "/api/openapi.json",
        "/api/incidents",
        "/sw.js",
        "/%00",
        "//",
    ] {
        for method in [
            Method::GET,
            Method::HEAD,
            Method::OPTIONS,
            Method::DELETE,
            Method::TRACE,
        ] {
            let answer = http
                .request(method.clone(), format!("{base}{path}"))
                .send()
                .await
                .unwrap();
            assert!(
                !answer.status().is_server_error(),
                "{method} {path}: {}",
                answer.status()
            );
            says_what_a_browser_may_do(&format!("{method} {path}"), answer.headers(), https);
        }
    }
}

/// What a stranger calls a method or a path is not kept in the figures, which are kept for ever.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn figures_do_not_grow_by_what_strangers_say() {
    let place = Place::sqlite();
    let server = Server::start(&place, &[]).await;
    let http = client();
    for n in 0..20 {
        let method = Method::from_bytes(format!("STRANGE{n}").as_bytes()).unwrap();
        for path in ["/login", "/healthz", "/api/events", &format!("/strange/{n}")] {
            let call = http.request(method.clone(), format!("{}{path}?strange={n}", server.url));
            assert!(call.header("user-agent", format!("strange{n}")).send().await.is_ok());
        }
    }
    let figures = http
        .get(format!("{}/metrics", server.url))
        .send()
        .await
        .unwrap()
        .text()
        .await
        .unwrap();
    assert!(figures.contains("method=\"other\""), "{figures}");
    assert!(!figures.to_lowercase().contains("strange"), "{figures}");
}

/// A password is tried for one account after another, each time as another client, if it is believed.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nobody_becomes_another_client_by_saying_so() {
    let place = Place::sqlite();
    let server = Server::start(&place, &[]).await;
    let http = client();
    for n in 0.. {
        let answer = http
            .post(format!("{}/login", server.url))
            .header("origin", &server.url)
            .header("x-forwarded-for", format!("198.51.100.{n}"))
            .header("forwarded", format!("for=198.51.100.{n}"))
            .header("x-real-ip", format!("198.51.100.{n}"))
            .form(&[
                ("email", format!("nobody{n}@example.com")),
                ("password", "wrong".to_owned()),
            ])
            .send()
            .await
            .unwrap();
        if answer.status() == StatusCode::TOO_MANY_REQUESTS {
            break;
        }
        assert_eq!(answer.status(), StatusCode::UNAUTHORIZED);
        assert!(n < 60, "there is no bound");
    }
}

/// Raw words to the server, and all that it answers until it ends the connection.
async fn say(server: &Server, words: &[u8]) -> String {
    let address = server.url.strip_prefix("http://").unwrap();
    let mut stream = TcpStream::connect(address).await.unwrap();
    let (mut hears, mut says) = stream.split();
    let mut bytes = Vec::new();
    // It may be cut off in the middle of what is said.
    let (_cut, _read) = tokio::join!(says.write_all(words), hears.read_to_end(&mut bytes));
    String::from_utf8_lossy(&bytes).into_owned()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_hostile_request_costs_its_own_connection_and_nothing_else() {
    let place = Place::sqlite();
    let server = Server::start(&place, &[]).await;
    let api = Api::of(&place, &server).await;
    let key = &api.key;
    let request = |line: &str, headers: &str, body: &str| {
        format!("{line} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n{headers}\r\n\r\n{body}").into_bytes()
    };
    let many = "Cookie: a=b\r\n".repeat(500);
    let long = format!("Cookie: {}", "session=x; ".repeat(20_000));
    let both = format!(
        "Authorization: Bearer {key}\r\nContent-Type: application/json\r\nContent-Length: 2\r\nTransfer-Encoding: chunked"
    );
    for (what, words, statuses) in [
        ("many headers", request("GET /", &many, ""), &["431"][..]),
        ("a long header", request("GET /", &long, ""), &["431"]),
        (
            "a long path",
            request(&format!("GET /{}", "a".repeat(70_000)), "", ""),
            &["414", "431"],
        ),
        (
            "two hosts",
            b"GET /api/incidents HTTP/1.1\r\nHost: a\r\nHost: b\r\nConnection: close\r\n\r\n".to_vec(),
            &["400", "401"],
        ),
        (
            "two lengths",
            request("POST /api/teams", "Content-Length: 2\r\nContent-Length: 3", "{}"),
            &["400"],
        ),
        (
            "another's protocol",
            b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03".to_vec(),
            &["400", ""],
        ),
        ("HTTP/2", b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".to_vec(), &["400", "505"]),
        // The chunks hold a name, what follows the end is no request of ours.
        (
            "both lengths",
            request(
                "POST /api/teams",
                &both,
                "e\r\n{\"name\":\"Ops\"}\r\n0\r\n\r\nGET /metrics HTTP/1.1\r\n\r\n",
            ),
            &["201"],
        ),
    ] {
        let answer = say(&server, &words).await;
        let status = answer.split(' ').nth(1).unwrap_or_default();
        assert!(statuses.contains(&status) || answer.is_empty(), "{what}: {answer}");
        assert!(answer.matches("HTTP/1.1 ").count() <= 1, "{what}: {answer}");
    }
    let names = api.all("/api/teams").await;
    assert!(names.iter().any(|team| team["name"] == "Ops"), "{names:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_deep_wide_or_packed_is_refused() {
    let place = Place::sqlite();
    let server = Server::start(&place, &[]).await;
    let api = Api::of(&place, &server).await;
    let key = &api.key;
    let deep = format!("{}1{}", "[".repeat(100_000), "]".repeat(100_000));
    let deep = format!("{{\"name\":{deep}}}");
    let wide = format!(
        "{{{}}}",
        (0..50_000).map(|n| format!("\"f{n}\":1")).collect::<Vec<_>>().join(",")
    );
    for body in [
        deep,
        wide,
        "{\"name\":".to_owned(),
        "\u{feff}{}".to_owned(),
        "{\"name\":\"a\",\"name\":\"b\"}x".to_owned(),
    ] {
        let answer = api
            .http
            .post(format!("{}/api/teams", api.base))
            .bearer_auth(key)
            .header("content-type", "application/json")
            .body(body)
            .send()
            .await
            .unwrap();
        assert_eq!(answer.status(), StatusCode::BAD_REQUEST);
    }
    // What is compressed is not unpacked where nothing asks for it.
    let zipped = api
        .http
        .post(format!("{}/api/teams", api.base))
        .bearer_auth(key)
        .header("content-type", "application/json")
        .header("content-encoding", "gzip")
        .body("{\"name\":\"Zip\"}")
        .send()
        .await
        .unwrap();
    assert!(!zipped.status().is_server_error());
    let (status, _) = api.call(Method::GET, "/api/incidents", None).await;
    assert_eq!(status, StatusCode::OK, "it goes on");
}
