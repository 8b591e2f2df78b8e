//! Lists on pages: filters in the address, pages that go on from a row, saved views, and work on many at once.

use http::{Method, StatusCode};
use opsknight_domain::directory::Role;
use serde_json::{Value, json};

use crate::harness::{Answer, App, As};

/// So many incidents of one service, each a second after the other; their ids, the oldest first.
async fn incidents(app: &App, who: &As, count: usize) -> Vec<String> {
    let service = app.service("Web", None).await.to_string();
    let mut ids = Vec::new();
    for n in 0..count {
        app.clock.advance_s(1);
        let urgency = if n % 2 == 0 { "HIGH" } else { "LOW" };
        let body = json!({ "title": format!("Disk {n} full"), "serviceId": service, "urgency": urgency });
        let made = app.call(who, Method::POST, "/api/incidents", &body).await;
        assert_eq!(made.status, StatusCode::CREATED, "{}", made.text);
        ids.push(made.json()["id"].as_str().unwrap().to_owned());
    }
    ids
}

/// The titles of the rows on a page, in their order.
fn titles(page: &Answer) -> Vec<&str> {
    assert_eq!(page.status, StatusCode::OK, "{}", page.text);
    let parts = page.text.split("<a class=\"row clip\" href=\"").skip(1);
    parts
        .map(|part| part.split('>').nth(1).unwrap().split('<').next().unwrap())
        .collect()
}

/// The address of the link with this relation.
fn rel(page: &Answer, name: &str) -> Option<String> {
    let (_, rest) = page.text.split_once(&format!("rel=\"{name}\" href=\""))?;
    Some(rest.split('"').next()?.replace("&#38;", "&").replace("&amp;", "&"))
}

/// What the next page says after a form was taken.
async fn said(app: &App, who: &As, answer: &Answer) -> String {
    assert_eq!(answer.status, StatusCode::SEE_OTHER, "{}", answer.text);
    let (As::Session(token), flash) = (who, answer.cookie("flash").unwrap()) else {
        unreachable!()
    };
    let request = app.request(who, &Method::GET, answer.header("location"));
    let request = request.header("cookie", format!("session={token}; flash={flash}"));
    let page = app.ask(request.body(axum::body::Body::empty()).unwrap()).await;
    let (_, rest) = page.text.split_once("data-flash>").unwrap();
    rest.split("</p>").next().unwrap().replace("&#39;", "'")
}

#[tokio::test]
async fn a_list_goes_on_from_a_row_and_keeps_its_filters() {
    let app = App::new().await;
    let who = app.signed_in("Rob", Role::Responder).await;
    incidents(&app, &who, 120).await;
    let first = app.get(&who, "/incidents?status=OPEN&urgency=HIGH,LOW").await;
    assert_eq!((titles(&first).len(), titles(&first)[0]), (50, "Disk 119 full"));
    assert!(first.text.contains("120 incidents"), "{}", first.text);
    assert_eq!(rel(&first, "prev"), None);
    // Another one comes in between: the next page is the one that was next.
    let key = app.key(&["incidents:write"]).await;
    let service = app.service("Other", None).await.to_string();
    let late = json!({ "title": "Late", "serviceId": service });
    app.call(&key, Method::POST, "/api/incidents", &late).await;
    let second = app.get(&who, &rel(&first, "next").unwrap()).await;
    assert_eq!(titles(&second)[0], "Disk 69 full");
    let third = app.get(&who, &rel(&second, "next").unwrap()).await;
    assert_eq!((titles(&third).len(), rel(&third, "next")), (20, None));
    let back = app.get(&who, &rel(&third, "prev").unwrap()).await;
    assert_eq!(titles(&back), titles(&second));
    for (query, first) in [
        ("sort=oldest", "Disk 0 full"),
        ("sort=urgency&urgency=LOW", "Disk 119 full"),
        ("q=disk+118", "Disk 118 full"),
        ("service=oth", "Late"),
        ("sort=createdAt&order=asc", "Disk 0 full"),
        ("offset=50&limit=10", "Late"),
    ] {
        assert_eq!(
            titles(&app.get(&who, &format!("/incidents?{query}")).await)[0],
            first,
            "{query}"
        );
    }
    let nothing = app.get(&who, "/incidents?from=2031-01-01").await;
    assert!(nothing.text.contains("Nothing matches") && nothing.text.contains("Clear filters"));
    for wrong in ["after=x", "before=1.2.3", "from=soon", "sort=size", "mine=perhaps"] {
        let refused = app.get(&who, &format!("/incidents?{wrong}")).await;
        assert_eq!(refused.status, StatusCode::BAD_REQUEST, "{wrong}");
    }
}

#[tokio::test]
async fn what_is_selected_is_merged_into_the_first_or_into_the_one_that_is_named() {
    let app = App::new().await;
    let who = app.signed_in("Rob", Role::Responder).await;
    let ids = incidents(&app, &who, 4).await;
    let merge = async |chosen: &[usize], into: &str| {
        let mut fields: Vec<(&str, &str)> = chosen.iter().map(|n| ("ids", ids[*n].as_str())).collect();
        fields.extend([("do", "merge"), ("into", into)]);
        said(&app, &who, &app.form(&who, "/incidents/bulk", &fields).await).await
    };
    let merged_into =
        async |n: usize| app.get(&who, &format!("/api/incidents/{}", ids[n])).await.json()["mergedIntoId"].clone();
    assert_eq!(merge(&[1, 0], "").await, "1 merged.");
    assert_eq!(merged_into(1).await, ids[0].as_str(), "into the one that began first");
    let last = app.get(&who, &format!("/api/incidents/{}", ids[3])).await.json()["number"].to_string();
    assert_eq!(merge(&[0, 2], &format!("#{last}")).await, "2 merged.");
    assert_eq!(merged_into(2).await, ids[3].as_str());
    assert!(merge(&[3], "").await.contains("needs another incident"));
    assert!(merge(&[3], "x1").await.contains("must be the number of an incident"));
}

#[tokio::test]
async fn what_refuses_does_not_stop_the_others() {
    let app = App::new().await;
    let who = app.signed_in("Rob", Role::Responder).await;
    let ids = incidents(&app, &who, 3).await;
    app.form(&who, &format!("/incidents/{}/resolve", ids[0]), &[]).await;
    let all = |act: &'static str| {
        let mut fields: Vec<(&str, &str)> = ids.iter().map(|id| ("ids", id.as_str())).collect();
        fields.extend([("ids", ids[2].as_str()), ("back", "status=OPEN&offset=9"), ("do", act)]);
        fields
    };
    let answer = app.form(&who, "/incidents/bulk", &all("acknowledge")).await;
    assert_eq!(answer.header("location"), "/incidents?status=OPEN");
    assert_eq!(said(&app, &who, &answer).await, "2 acknowledged, 1 was resolved.");
    let answer = app.form(&who, "/incidents/bulk", &all("acknowledge")).await;
    assert_eq!(
        said(&app, &who, &answer).await,
        "None acknowledged, 1 was resolved, 2 were acknowledged already."
    );
    for (more, says) in [
        (vec![("do", "snooze"), ("minutes", "30")], "2 snoozed, 1 was resolved."),
        (vec![("do", "suppress")], "2 suppressed, 1 was resolved."),
        (
            vec![("do", "resolve"), ("note", "Bought a disk")],
            "2 resolved, 1 was resolved already.",
        ),
    ] {
        let mut fields: Vec<(&str, &str)> = ids.iter().map(|id| ("ids", id.as_str())).collect();
        fields.extend(more);
        let answer = app.form(&who, "/incidents/bulk", &fields).await;
        assert_eq!(said(&app, &who, &answer).await, says);
    }
    let notes = app.get(&who, &format!("/api/incidents/{}/notes", ids[1])).await.json();
    assert_eq!(notes["data"][0]["text"], "Bought a disk");
    for (fields, says) in [
        (vec![("do", "acknowledge")], "no incident is selected"),
        (vec![("do", "dance"), ("ids", ids[0].as_str())], "not said what to do"),
        (vec![("do", "snooze"), ("ids", ids[0].as_str())], "for how long"),
        (vec![("do", "reassign"), ("ids", ids[0].as_str())], "must be chosen"),
        (vec![("do", "acknowledge"), ("ids", "inc_1")], "does not exist"),
    ] {
        let said = said(&app, &who, &app.form(&who, "/incidents/bulk", &fields).await).await;
        assert!(said.contains(says), "{said}");
    }
    let many: Vec<(&str, &str)> = std::iter::repeat_n(("ids", ids[0].as_str()), 201)
        .chain([("do", "resolve")])
        .collect();
    assert!(
        said(&app, &who, &app.form(&who, "/incidents/bulk", &many).await)
            .await
            .contains("at most 200")
    );
    let reader = app.signed_in("Una", Role::User).await;
    let refused = app.form(&reader, "/incidents/bulk", &all("resolve")).await;
    assert_eq!(refused.status, StatusCode::FORBIDDEN);
    assert!(
        !app.get(&reader, "/incidents").await.text.contains("name=\"ids\""),
        "nor are there boxes"
    );
}

#[tokio::test]
async fn programs_change_many_and_hear_of_each() {
    let app = App::new().await;
    let key = app.key(&["incidents:write", "incidents:read"]).await;
    let ids = incidents(&app, &key, 3).await;
    let bulk = async |body: Value| app.call(&key, Method::POST, "/api/incidents/bulk", &body).await;
    let answer = bulk(json!({ "ids": ids, "change": { "status": "ACKNOWLEDGED", "urgency": "MEDIUM" } }))
        .await
        .json();
    assert_eq!(
        (&answer["done"], &answer["refused"]),
        (&json!(3), &json!(0)),
        "{answer}"
    );
    let missing = "inc_01jbcf1000f4z9pkvk1c1c1c1c";
    let answer = bulk(json!({ "ids": [ids[1], missing], "change": { "status": "RESOLVED" } }))
        .await
        .json();
    assert_eq!(
        (&answer["done"], &answer["refused"]),
        (&json!(1), &json!(1)),
        "{answer}"
    );
    assert_eq!(
        (&answer["results"][1]["id"], &answer["results"][1]["error"]["code"]),
        (&json!(missing), &json!("NOT_FOUND"))
    );
    for (body, field) in [
        (json!({ "ids": [], "change": { "status": "OPEN" } }), "ids"),
        (json!({ "ids": ids, "change": {} }), "change"),
        (
            json!({ "ids": vec![missing; 3], "change": { "snoozeMinutes": 3 } }),
            "snoozeMinutes",
        ),
        (json!({ "ids": ids, "change": { "colour": "red" } }), "change.colour"),
        (json!({ "ids": ["x"], "change": { "status": "OPEN" } }), "ids[0]"),
    ] {
        let answer = bulk(body).await;
        assert_eq!(answer.status, StatusCode::BAD_REQUEST, "{}", answer.text);
        assert!(
            answer.json()["error"]["details"]["fields"][field].is_string(),
            "{field}: {}",
            answer.text
        );
    }
}

#[tokio::test]
async fn views_are_their_owners_until_an_administrator_shares_them() {
    let app = App::new().await;
    let (ada, rob) = (
        app.signed_in("Ada", Role::Admin).await,
        app.signed_in("Rob", Role::Responder).await,
    );
    let save = async |who: &As, name: &str, query: &str| {
        let answer = app
            .form(who, "/incidents/views", &[("name", name), ("query", query)])
            .await;
        (answer.header("location").to_owned(), said(&app, who, &answer).await)
    };
    let query = "status=OPEN&urgency=HIGH&after=1.2&offset=9";
    let (at, says) = save(&rob, "Night", query).await;
    assert_eq!(
        (at.as_str(), says.as_str()),
        ("/incidents?status=OPEN&urgency=HIGH", "Saved as “Night”.")
    );
    let page = app.get(&rob, &at).await;
    assert!(
        page.text.contains(">Night</span>") && page.text.contains("Edit view…") && !page.text.contains("Save view…")
    );
    assert!(!app.get(&ada, &at).await.text.contains("Night"), "it is nobody else's");
    save(&rob, "night", "urgency=LOW").await;
    let page = app.get(&rob, "/incidents?urgency=LOW").await;
    assert_eq!(page.text.matches("class=\"saved\"").count(), 1, "it was replaced");
    let id = view_id(&page);
    let change = async |who: &As, id: &str, fields: &[(&str, &str)]| {
        app.form(who, &format!("/incidents/views/{id}"), fields).await
    };
    assert_eq!(
        change(&ada, &id, &[("do", "delete")]).await.status,
        StatusCode::NOT_FOUND
    );
    assert_eq!(
        change(&rob, &id, &[("do", "share")]).await.status,
        StatusCode::FORBIDDEN
    );
    let renamed = change(&rob, &id, &[("do", "rename"), ("name", "Mild <b>")]).await;
    assert_eq!(said(&app, &rob, &renamed).await, "Renamed.");
    assert!(!app.get(&rob, "/incidents").await.text.contains("<b>"));
    save(&ada, "Without a team", "status=OPEN&mine=true").await;
    let id = view_id(&app.get(&ada, "/incidents?status=OPEN&mine=true").await);
    change(&ada, &id, &[("do", "share")]).await;
    let page = app.get(&rob, "/incidents?status=OPEN&mine=true").await;
    assert!(page.text.contains("Without a team") && !page.text.contains("Edit view…"));
    assert_eq!(
        change(&rob, &id, &[("do", "delete")]).await.status,
        StatusCode::FORBIDDEN
    );
    let log = app.get(&ada, "/audit").await.text;
    assert!(log.contains("Without a team"), "what everybody sees is in the log");
    let gone = change(&ada, &id, &[("do", "delete")]).await;
    assert!(said(&app, &ada, &gone).await.starts_with("The view was removed"));
    let refused = app
        .form(&rob, "/incidents/views", &[("name", " "), ("query", "")])
        .await;
    assert!(said(&app, &rob, &refused).await.contains("must have 1 to"));
}

fn view_id(page: &Answer) -> String {
    let (_, rest) = page.text.split_once("action=\"/incidents/views/").unwrap();
    rest.split('"').next().unwrap().to_owned()
}

#[tokio::test]
async fn thousands_of_services_are_found_and_leafed_through() {
    let app = App::new().await;
    let who = app.signed_in("Ada", Role::Admin).await;
    for n in 0..120 {
        app.service(&format!("Service {n:03}"), None).await;
    }
    let key = app.key(&["incidents:write"]).await;
    let sick = app.service("Sick", None).await.to_string();
    let body = json!({ "title": "Down", "serviceId": sick, "urgency": "HIGH" });
    app.call(&key, Method::POST, "/api/incidents", &body).await;
    let names = |page: &Answer| -> Vec<String> {
        let parts = page.text.split("<a class=\"row\" href=\"/services/").skip(1);
        parts
            .map(|part| part.split('>').nth(1).unwrap().split('<').next().unwrap().to_owned())
            .collect()
    };
    let first = app.get(&who, "/services").await;
    assert_eq!(
        (names(&first).len(), names(&first)[0].as_str()),
        (50, "Service 000"),
        "{}",
        first.text
    );
    assert!(first.text.contains("121 services"));
    let second = app.get(&who, &rel(&first, "next").unwrap()).await;
    assert_eq!(names(&second)[0], "Service 050");
    assert_eq!(
        names(&app.get(&who, &rel(&second, "prev").unwrap()).await),
        names(&first)
    );
    assert_eq!(names(&app.get(&who, "/services?sort=health").await)[0], "Sick");
    assert_eq!(names(&app.get(&who, "/services?health=critical").await), ["Sick"]);
    assert_eq!(names(&app.get(&who, "/services?q=VICE+11").await).len(), 10);
    assert!(
        app.get(&who, "/services?q=nowhere")
            .await
            .text
            .contains("Nothing matches")
    );
    assert_eq!(
        app.get(&who, "/services?health=well").await.status,
        StatusCode::BAD_REQUEST
    );
    let page = app.get(&who, "/incidents?service=Sick").await;
    assert_eq!(titles(&page), ["Down"]);
    assert!(
        page.text.contains("value=\"Sick\"") && !page.text.contains("Service 007"),
        "services are typed"
    );
    assert!(page.text.len() < 60_000, "{} bytes", page.text.len());
}

#[tokio::test]
async fn logs_go_on_from_a_row() {
    let app = App::new().await;
    let who = app.signed_in("Ada", Role::Admin).await;
    let service = app.service("Web", None).await;
    for n in 0..60 {
        let action = if n == 0 { "triggered" } else { "ignored" };
        app.received(
            service,
            "{}",
            json!([{ "action": action, "summary": format!("Event {n}") }]),
        )
        .await;
    }
    let titles = |page: &Answer| titles(page).into_iter().map(str::to_owned).collect::<Vec<_>>();
    let first = app.get(&who, "/events").await;
    assert_eq!((titles(&first).len(), titles(&first)[0].as_str()), (50, "Event 59"));
    app.received(service, "{}", json!([{ "action": "ignored", "summary": "Late" }]))
        .await;
    let second = app.get(&who, &rel(&first, "next").unwrap()).await;
    assert_eq!((titles(&second).len(), titles(&second)[0].as_str()), (10, "Event 9"));
    let back = app.get(&who, &rel(&second, "prev").unwrap()).await;
    assert_eq!(titles(&back)[0], "Event 59");
    assert_eq!(titles(&app.get(&who, "/events?outcome=triggered").await), ["Event 0"]);
    assert_eq!(
        titles(&app.get(&who, &format!("/events?serviceId={service}")).await)[0],
        "Late"
    );
    for path in ["/events?older=x", "/notifications?newer=evt_1", "/audit?older=1"] {
        assert_eq!(app.get(&who, path).await.status, StatusCode::BAD_REQUEST, "{path}");
    }
    for path in ["/notifications?outcome=FAILED", "/notifications", "/audit"] {
        assert_eq!(app.get(&who, path).await.status, StatusCode::OK, "{path}");
    }
}
