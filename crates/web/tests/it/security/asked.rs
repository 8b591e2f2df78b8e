//! What stands behind the question mark, at every route that answers: whatever it is, it is read or refused.

use axum::body::Body;
use http::{Method, StatusCode};
use opsknight_domain::directory::Role;
use opsknight_web::api::access::RULES;

use crate::harness::App;

/// Values that some parser might not expect. They are written as they stand in an address.
const VALUES: &[&str] = &[
    "",
    "%00",
    "%ff%fe",
    "%F0%9F%92%A9",
    "-1",
    "99999999999999999999999",
    "1e308",
    "NaN",
    "0x10",
    "%27%20OR%201%3D1--",
    "%25%25%25%5F%5C",
    "..%2F..%2F..%2Fetc%2Fpasswd",
    "%0d%0aX-Evil:%201",
    "%3Cscript%3Ealert(1)%3C%2Fscript%3E",
    "%7B%7B7*7%7D%7D",
    "9999-12-31T23:59:59Z",
    "-009999-01-01T00:00:00Z",
    "2026-02-30",
    "inc_01jbcf1000f4z9pkvk1c1c1c1c",
    "a,b,,c,%00",
    "(((((((((((((((((((",
];

/// The names that some route reads, and some that none does.
const NAMES: &[&str] = &[
    "q",
    "limit",
    "offset",
    "sort",
    "order",
    "status",
    "urgency",
    "serviceId",
    "teamId",
    "assigneeId",
    "service",
    "team",
    "assignee",
    "createdAfter",
    "createdBefore",
    "from",
    "to",
    "at",
    "after",
    "before",
    "older",
    "newer",
    "page",
    "view",
    "range",
    "days",
    "week",
    "zone",
    "timeZone",
    "channel",
    "type",
    "actor",
    "action",
    "next",
    "token",
    "code",
    "state",
    "error",
    "role",
    "user",
    "integration",
    "integrationId",
    "outcome",
    "format",
    "x",
];

fn filled(path: &str, incident: &str, service: &str) -> String {
    let path = path.replace("/incidents/{id}", &format!("/incidents/{incident}"));
    let path = path.replace("/services/{id}", &format!("/services/{service}"));
    let known = [
        ("{channel}", "email"),
        ("{report}", "summary"),
        ("{file}", "summary.csv"),
        ("{token}", "x"),
        ("{page}", "api"),
    ];
    let mut path = known
        .iter()
        .fold(path, |path, (place, value)| path.replace(place, value));
    while let (Some(begin), Some(end)) = (path.find('{'), path.find('}')) {
        path.replace_range(begin..=end, "usr_01jbcf1000f4z9pkvk1c1c1c1c");
    }
    path
}

#[tokio::test]
async fn no_question_breaks_an_answer_or_stands_in_it_as_markup() {
    let app = App::new().await;
    let ada = app.signed_in("Ada", Role::Admin).await;
    let incident = app.incident("Disk full").await;
    let (id, service) = (
        incident["id"].as_str().unwrap(),
        incident["service"]["id"].as_str().unwrap(),
    );
    let mut asked = 0;
    for rule in RULES.iter().filter(|rule| rule.method == "GET" && rule.path != "/live") {
        let path = filled(rule.path, id, service);
        for value in VALUES {
            let query: Vec<String> = NAMES.iter().map(|name| format!("{name}={value}")).collect();
            // All at once, where one that is refused may hide what comes of another, and the one that every list has.
            for target in [format!("{path}?{}", query.join("&")), format!("{path}?q={value}")] {
                let Ok(uri) = target.parse::<http::Uri>() else { continue };
                asked += 1;
                let request = app.request(&ada, &Method::GET, &uri.to_string());
                let answer = app.ask(request.body(Body::empty()).unwrap()).await;
                assert!(
                    !answer.status.is_server_error(),
                    "{target}: {} {}",
                    answer.status,
                    answer.text
                );
                assert!(answer.headers.get("x-evil").is_none(), "{target}");
                let markup =
                    answer.text.contains("<script>alert") && answer.header("content-type").starts_with("text/html");
                assert!(!markup, "{target}: {}", answer.text);
            }
        }
        // Nobody asks so much at once; what is throttled is not what is tried here.
        app.clock.advance_s(60);
    }
    assert!(asked > 3_000, "{asked} questions");
    assert_eq!(app.get(&ada, "/incidents").await.status, StatusCode::OK);
}
