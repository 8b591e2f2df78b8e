//! Where people are sent, and what reaches headers, tables and links of what somebody else typed.

use axum::body::Body;
use http::{Method, StatusCode, header};
use opsknight_domain::directory::Role;
use opsknight_store::{
    db::{DbError, Tx},
    deliveries::{self, Lane},
};
use serde_json::{Value, json};

use crate::{
    harness::{Answer, App, As},
    password::PASSWORD,
};

/// What looks like a path of ours and leads elsewhere, or ends a header.
const ELSEWHERE: &[&str] = &[
    "https://evil.example",
    "//evil.example",
    "///evil.example",
    "/\\evil.example",
    "\\\\evil.example",
    "/\t/evil.example",
    "\t//evil.example",
    " //evil.example",
    "javascript:alert(1)",
    "data:text/html,x",
    "http:evil.example",
    "evil.example",
    "@evil.example",
    "/\r\nSet-Cookie: session=x",
    "/a\nLocation: //evil.example",
    "/\u{2028}",
    "/\u{0}",
    "",
];

fn is_ours(location: &str) -> bool {
    // As a browser resolves it (WHATWG URL), from a page of ours.
    let base = url::Url::parse("http://ok.example/login").unwrap();
    base.join(location).is_ok_and(|url| url.origin() == base.origin())
}

#[tokio::test]
async fn nobody_is_sent_to_another_site_after_signing_in() {
    let app = App::new().await;
    let ada = app.signed_in("Ada", Role::Admin).await;
    for next in ELSEWHERE {
        let form = [("email", "ada@example.com"), ("password", PASSWORD), ("next", next)];
        let theme = [("theme", "dark"), ("back", next)];
        let query: String = form_urlencoded::byte_serialize(next.as_bytes()).collect();
        let answers = [
            app.form(&As::Nobody, "/login", &form).await,
            app.form(&ada, "/theme", &theme).await,
            app.get(&ada, &format!("/login?next={query}")).await,
        ];
        for answer in answers {
            assert_eq!(answer.status, StatusCode::SEE_OTHER, "{next:?}");
            let location = answer.header("location");
            assert_eq!(location, "/", "{next:?}");
            assert!(is_ours(location));
            let cookies = answer.headers.get_all(header::SET_COOKIE).iter();
            assert!(
                cookies
                    .into_iter()
                    .all(|cookie| !cookie.to_str().unwrap().contains("session=x"))
            );
        }
        // The page to sign in carries it on only where it is ours.
        let page = app.get(&As::Nobody, &format!("/login?next={query}")).await.text;
        assert!(!page.contains("evil.example"), "{next:?}: {page}");
    }
    for path in [
        "/%0d%0aX-Evil: 1",
        "/incidents%0d%0aSet-Cookie:%20session=x",
        "//evil.example/%2e%2e",
        "/\\evil.example",
    ] {
        let Ok(uri) = path.parse::<http::Uri>() else { continue };
        let answer = app.get(&As::Nobody, &uri.to_string()).await;
        let location = answer.header("location");
        assert!(
            location.is_empty() || location.starts_with("/login"),
            "{path}: {location}"
        );
        assert!(answer.headers.get("x-evil").is_none(), "{path}");
    }
}

/// Everything by which a proxy or a client may claim another name for this server.
fn from_another_name(request: http::request::Builder) -> http::request::Builder {
    let mut request = request;
    let headers = request.headers_mut().unwrap();
    headers.insert(header::HOST, "evil.example".parse().unwrap());
    for name in [
        "x-forwarded-host",
        "x-host",
        "x-forwarded-server",
        "x-original-url",
        "x-rewrite-url",
    ] {
        headers.insert(name, "evil.example".parse().unwrap());
    }
    headers.insert("forwarded", "host=evil.example;proto=http".parse().unwrap());
    headers.insert("x-forwarded-proto", "http".parse().unwrap());
    headers.insert(header::ORIGIN, "https://ok.example".parse().unwrap());
    request
}

async fn form_from_another_name(app: &App, who: &As, path: &str, body: &str) -> Answer {
    let request = match who {
        As::Session(token) => app
            .request(&As::Nobody, &Method::POST, path)
            .header(header::COOKIE, format!("__Host-session={token}")),
        As::Nobody | As::Key(_) => app.request(who, &Method::POST, path),
    };
    let request = from_another_name(request).header(header::CONTENT_TYPE, "application/x-www-form-urlencoded");
    app.ask(request.body(Body::from(body.to_owned())).unwrap()).await
}

#[tokio::test]
async fn links_begin_with_the_public_address_whatever_the_host_is_called() {
    let app = App::at("https://ok.example").await;
    let ada = app.signed_in("Ada", Role::Admin).await;
    let forgot = form_from_another_name(&app, &As::Nobody, "/forgot", "email=ada%40example.com").await;
    assert_eq!(forgot.status, StatusCode::OK, "{}", forgot.text);
    let (now, sealer) = (app.clock_now(), app.state.store.sealer.clone());
    let unit = async move |tx: &mut Tx<'_>| {
        let leased = deliveries::lease(tx, &[(Lane::Pages, 10)], now, now).await?.concat();
        let letter = leased.first().expect("a letter is on its way").account_text(&sealer)?;
        Ok::<_, DbError>(letter.text)
    };
    let letter = app.state.store.db.write(unit).await.unwrap();
    assert!(
        letter.contains("https://ok.example/invite/") && !letter.contains("evil"),
        "{letter}"
    );
    let invited = form_from_another_name(&app, &ada, "/users", "name=Bob&email=bob%40example.com&role=USER").await;
    assert!(invited.text.contains("https://ok.example/invite/"), "{}", invited.text);
    assert!(!invited.text.contains("evil.example"), "{}", invited.text);
    let key = app
        .key(&[
            "settings:read",
            "incidents:read",
            "incidents:write",
            "services:read",
            "users:write",
        ])
        .await;
    let service = app.incident("Disk full").await["service"]["id"].clone();
    for path in [
        "/api/settings/sign-in".to_owned(),
        "/api/incidents".to_owned(),
        "/api/openapi.json".to_owned(),
        format!("/api/services/{}", service.as_str().unwrap()),
    ] {
        let request = from_another_name(app.request(&key, &Method::GET, &path));
        let answer = app.ask(request.body(Body::empty()).unwrap()).await;
        assert_eq!(answer.status, StatusCode::OK, "{path}");
        assert!(!answer.text.contains("evil.example"), "{path}: {}", answer.text);
    }
}

/// What ends a line, begins a header, is a template, or is markup.
const HOSTILE: &[&str] = &[
    "Evil\r\nBcc: victim@example.org",
    "Evil\nX-Evil: 1",
    "Evil\rX",
    "Evil\0",
    "Evil\u{85}X",
    "\u{1b}[31mEvil",
];

#[tokio::test]
async fn no_name_holds_what_ends_a_line() {
    let app = App::new().await;
    let ada = app.signed_in("Ada", Role::Admin).await;
    let service = app.service("Web", None).await.to_string();
    let routes: &[(&str, Value)] = &[
        ("/api/users", json!({ "email": "eve@example.com", "role": "USER" })),
        ("/api/teams", json!({})),
        ("/api/services", json!({})),
        ("/api/escalation-policies", json!({})),
        ("/api/schedules", json!({})),
        (
            "/api/webhooks",
            json!({ "type": "GENERIC", "url": "https://example.com/" }),
        ),
        ("/api/api-keys", json!({ "scopes": ["teams:read"] })),
        (
            &format!("/api/services/{service}/integrations"),
            json!({ "type": "WEBHOOK" }),
        ),
    ];
    for (path, body) in routes {
        for name in HOSTILE {
            let mut body = body.clone();
            body["name"] = json!(name);
            let answer = app.call(&ada, Method::POST, path, &body).await;
            assert_eq!(
                answer.status,
                StatusCode::BAD_REQUEST,
                "{path} {name:?}: {}",
                answer.text
            );
        }
    }
    for email in [
        "a@b.example\r\nBcc: c@d.example",
        "a@b.example,c@d.example",
        "<a@b.example>",
        "a@b.example\0",
        "a b@c.example",
    ] {
        let body = json!({ "name": "Eve", "email": email, "role": "USER" });
        let answer = app.call(&ada, Method::POST, "/api/users", &body).await;
        assert_eq!(answer.status, StatusCode::BAD_REQUEST, "{email:?}: {}", answer.text);
    }
}

#[tokio::test]
async fn a_template_in_a_name_is_text_and_a_formula_in_a_table_too() {
    let app = App::new().await;
    let ada = app.signed_in("Ada", Role::Admin).await;
    let names = [
        "{{7*7}}",
        "${7*7}",
        "#{7*7}",
        "<%= 7*7 %>",
        "{% for x in y %}",
        "*{7*7}",
        "=1+1",
        "+1",
        "-1+2",
        "@SUM(1)",
        "=HYPERLINK(\"https://evil.example\",\"a\")",
        "=cmd|'/c calc'!A1",
        "\u{ff1d}1+1",
        "<b>bold</b>",
        "{{constructor.constructor('x')()}}",
    ];
    for name in names {
        let answer = app
            .call(&ada, Method::POST, "/api/teams", &json!({ "name": name }))
            .await;
        assert_eq!(answer.status, StatusCode::CREATED, "{name}: {}", answer.text);
        assert_eq!(answer.json()["name"], name);
    }
    let page = app.get(&ada, "/teams").await.text;
    assert!(page.contains("{{7*7}}") && page.contains("${7*7}"), "{page}");
    assert!(!page.contains("<b>bold"), "{page}");
    let answer = app.get(&ada, "/audit.csv").await;
    assert_eq!(
        answer.header("content-disposition"),
        "attachment; filename=\"audit-log.csv\""
    );
    assert!(answer.header("content-type").starts_with("text/csv"));
    let mut cells = 0;
    for line in answer.text.lines().skip(1) {
        for cell in line.trim_matches('"').split("\",\"") {
            cells += 1;
            assert!(!cell.starts_with(['=', '+', '-', '@', '\t', '\r']), "{line}");
        }
    }
    assert!(cells > names.len() * 9, "{cells} cells");
}
