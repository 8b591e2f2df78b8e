//! Forms and calls that a page of another site makes in somebody's browser, at every route that changes something.

use axum::body::Body;
use http::{Method, StatusCode, header};
use opsknight_domain::directory::Role;
use opsknight_web::api::access::RULES;
use serde_json::json;

use crate::harness::{App, As};

/// What browsers say of a page of somebody else's, as far as they say it.
const FOREIGN: &[&[(&str, &str)]] = &[
    &[("origin", "https://evil.example")],
    &[("origin", "null")],
    &[("origin", "http://ok.example.evil.example")],
    &[("origin", "http://ok.example:8080")],
    &[("origin", "http://evil.ok.example")],
    &[("origin", "HTTP://OK.EXAMPLE@evil.example")],
    &[("sec-fetch-site", "cross-site")],
    &[("sec-fetch-site", "same-site")],
    &[("sec-fetch-site", "cross-site"), ("origin", "https://evil.example")],
    &[("sec-fetch-site", "same-site"), ("origin", "http://sister.ok.example")],
];

/// The path with something that is not there in every place.
fn filled(path: &str) -> String {
    let mut path = path.replace("{token}", "nothing").replace("{channel}", "email");
    while let (Some(begin), Some(end)) = (path.find('{'), path.find('}')) {
        path.replace_range(begin..=end, "usr_01jbcf1000f4z9pkvk1c1c1c1c");
    }
    path
}

/// The routes that change something, but for the one that is judged by its token alone: mail programs send its form by
/// themselves (RFC 8058, section 3.2).
fn changing() -> impl Iterator<Item = (Method, &'static str)> {
    let rules = RULES
        .iter()
        .filter(|rule| rule.method != "GET" && rule.path != "/unsubscribe/{token}");
    rules.map(|rule| (rule.method.parse().unwrap(), rule.path))
}

#[tokio::test]
async fn no_route_that_changes_something_takes_it_from_another_site() {
    let app = App::new().await;
    let ada = app.signed_in("Ada", Role::Admin).await;
    let mut routes = 0;
    for (method, path) in changing() {
        routes += 1;
        let (is_api, path) = (path.starts_with("/api/"), filled(path));
        for headers in FOREIGN {
            // What another site's form can send, and what a script can that was let through by mistake.
            for media in ["application/x-www-form-urlencoded", "text/plain", "application/json"] {
                let mut request = app.request(&ada, &method, &path).header(header::CONTENT_TYPE, media);
                for (name, value) in *headers {
                    request = request.header(*name, *value);
                }
                let answer = app.ask(request.body(Body::from("{}")).unwrap()).await;
                assert_eq!(
                    answer.status,
                    StatusCode::FORBIDDEN,
                    "{method} {path} {headers:?} {media}"
                );
                assert!(answer.text.contains("another site"), "{method} {path}: {}", answer.text);
                assert!(answer.headers.get(header::SET_COOKIE).is_none(), "{method} {path}");
                assert_eq!(answer.text.starts_with('{'), is_api, "{method} {path}: {}", answer.text);
            }
        }
    }
    assert!(routes > 150, "{routes} routes");
}

#[tokio::test]
async fn no_form_of_a_page_is_taken_as_a_call_of_the_api() {
    let app = App::new().await;
    let ada = app.signed_in("Ada", Role::Admin).await;
    // Old browsers name no origin. What a form of theirs can send is no JSON by its name, whatever is in it.
    for media in [
        "text/plain",
        "application/x-www-form-urlencoded",
        "multipart/form-data; boundary=b",
        "application/jsonp",
    ] {
        for body in [r#"{"name":"Evil"}"#, r#"{"name":"Evil","x":"="}"#] {
            let request = app
                .request(&ada, &Method::POST, "/api/teams")
                .header(header::CONTENT_TYPE, media);
            let answer = app.ask(request.body(Body::from(body)).unwrap()).await;
            assert_eq!(
                answer.status,
                StatusCode::UNSUPPORTED_MEDIA_TYPE,
                "{media}: {}",
                answer.text
            );
        }
    }
    let request = app.request(&ada, &Method::POST, "/api/teams");
    let answer = app.ask(request.body(Body::from(r#"{"name":"Evil"}"#)).unwrap()).await;
    assert_eq!(answer.status, StatusCode::UNSUPPORTED_MEDIA_TYPE, "without any name");
    // No method hides in another, and none in a field or a header.
    for (name, value) in [("x-http-method-override", "DELETE"), ("x-method-override", "PATCH")] {
        let request = app.request(&ada, &Method::GET, "/api/teams").header(name, value);
        let answer = app.ask(request.body(Body::empty()).unwrap()).await;
        assert_eq!(
            (answer.status, &answer.json()["pagination"]["total"]),
            (StatusCode::OK, &json!(0))
        );
    }
}

#[tokio::test]
async fn our_own_pages_are_let_through_and_no_other_site_is_told_anything() {
    let app = App::new().await;
    let ada = app.signed_in("Ada", Role::Admin).await;
    for headers in [
        [("origin", "http://ok.example"), ("sec-fetch-site", "same-origin")],
        [("origin", "http://ok.example"), ("sec-fetch-mode", "navigate")],
        [("sec-fetch-site", "none"), ("accept", "*/*")],
    ] {
        let mut request = app.request(&ada, &Method::POST, "/theme");
        for (name, value) in headers {
            request = request.header(name, value);
        }
        let request = request.header(header::CONTENT_TYPE, "application/x-www-form-urlencoded");
        let answer = app.ask(request.body(Body::from("theme=dark&back=%2F")).unwrap()).await;
        assert_eq!(answer.status, StatusCode::SEE_OTHER, "{headers:?}");
    }
    for path in ["/api/incidents", "/", "/login"] {
        let ask = async |method: Method| {
            let request = app
                .request(&As::Nobody, &method, path)
                .header(header::ORIGIN, "https://evil.example")
                .header(header::ACCESS_CONTROL_REQUEST_METHOD, "POST");
            app.ask(request.body(Body::empty()).unwrap()).await
        };
        for method in [Method::GET, Method::OPTIONS] {
            let answer = ask(method.clone()).await;
            assert!(
                answer.headers.get(header::ACCESS_CONTROL_ALLOW_ORIGIN).is_none(),
                "{method} {path}"
            );
            assert_eq!(
                answer.header("cross-origin-resource-policy"),
                "same-origin",
                "{method} {path}"
            );
        }
    }
}
