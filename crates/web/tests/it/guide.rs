//! The guide is for everybody who is signed in, and every page of it is there.

use http::StatusCode;
use opsknight_domain::directory::Role;
use opsknight_web::guide;

use crate::harness::{App, As};

#[tokio::test]
async fn everybody_reads_every_page_of_the_guide() {
    let app = App::new().await;
    let una = app.signed_in("Una", Role::User).await;
    for page in guide::pages() {
        let answer = app.get(&una, &page.href()).await;
        assert_eq!(answer.status, StatusCode::OK, "{}", page.name);
        assert!(answer.text.contains("<h1>"), "{}", page.name);
        for next in answer.text.split("rel=\"next\" href=\"").skip(1) {
            let next = next.split('"').next().unwrap();
            assert_eq!(app.get(&una, next).await.status, StatusCode::OK, "{next}");
        }
    }
    let nobody = app.get(&As::Nobody, "/guide/channels").await;
    assert_eq!(nobody.status, StatusCode::SEE_OTHER, "{}", nobody.text);
    assert!(nobody.header("location").starts_with("/login"));
}

#[tokio::test]
async fn only_what_is_there_is_answered() {
    let app = App::new().await;
    let una = app.signed_in("Una", Role::User).await;
    for path in [
        "/guide/nothing",
        "/guide/README",
        "/guide/..%2f..%2fREADME",
        "/guide/images/nothing.webp",
        "/guide/images/..%2fchannels.md",
        "/guide/images/channels",
    ] {
        assert_eq!(app.get(&una, path).await.status, StatusCode::NOT_FOUND, "{path}");
    }
}

#[tokio::test]
async fn words_are_looked_for_and_shown_as_they_are() {
    let app = App::new().await;
    let una = app.signed_in("Una", Role::User).await;
    let found = app.get(&una, "/guide?q=Event+Webhook").await;
    assert!(found.text.contains("/guide/channels#e-mail"), "{}", found.text);
    let nothing = app.get(&una, "/guide?q=%3Cscript%3Ealert(1)%3C/script%3E").await;
    assert!(nothing.text.contains("Nothing found"), "{}", nothing.text);
    assert!(!nothing.text.contains("<script>alert"), "{}", nothing.text);
    let home = app.get(&una, "/guide?q=+").await;
    assert!(home.text.contains("<h1>Guide</h1>"), "{}", home.text);
}

#[tokio::test]
async fn a_page_leads_to_its_page_of_the_guide() {
    let app = App::new().await;
    let una = app.signed_in("Una", Role::User).await;
    for (path, about) in [
        ("/notifications", "/guide/channels"),
        ("/users", "/guide/teams-and-people"),
    ] {
        let page = app.get(&una, path).await;
        assert!(
            page.text.contains(&format!("href=\"{about}\"")),
            "{path}: {}",
            page.text
        );
    }
}
