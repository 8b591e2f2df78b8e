//! The logs: leafed through, filtered, opened, taken away as a table, and what failed sent again.

use http::{Method, StatusCode};
use opsknight_domain::{directory::Role, id::DeliveryId};
use opsknight_store::{
    db::{DbError, Tx},
    deliveries::{self, Ending, Finished, Lane},
};
use serde_json::json;

use crate::harness::{App, As};

/// A page to Ann by mail that her provider refused.
async fn failed_page(app: &App, admin: &As) -> DeliveryId {
    let ann = app.person("Ann", Role::Responder).await;
    let make = async |path: &str, body| {
        let made = app.call(admin, Method::POST, path, &body).await;
        assert_eq!(made.status, StatusCode::CREATED, "{}", made.text);
        made.json()["id"].as_str().unwrap().to_owned()
    };
    let steps = json!([{ "targets": [{ "type": "USER", "id": ann.to_string() }], "delayMinutes": 5 }]);
    let policy = make("/api/escalation-policies", json!({ "name": "Ann", "steps": steps })).await;
    let service = make("/api/services", json!({ "name": "Web", "escalationPolicyId": policy })).await;
    make("/api/incidents", json!({ "title": "Down", "serviceId": service })).await;
    let now = app.clock_now();
    let unit = async move |tx: &mut Tx<'_>| {
        let leased = deliveries::lease(tx, &[(Lane::Pages, 10)], now, now).await?.concat();
        let failed = leased.iter().map(|page| Finished {
            delivery: page.id,
            tries: page.tries,
            provider: "SMTP".into(),
            started_at: now,
            ended_at: now,
            ending: Ending::Failed {
                outcome: "REFUSED",
                detail: "552 the mailbox is full".into(),
            },
        });
        deliveries::finish(tx, &failed.collect::<Vec<_>>()).await?;
        Ok::<_, DbError>(leased[0].id)
    };
    app.state.store.db.write(unit).await.unwrap()
}

#[tokio::test]
async fn logs_are_leafed_through_without_a_gap_and_filtered_by_text_and_time() {
    let app = App::new().await;
    let user = app.signed_in("Uma", Role::User).await;
    let service = app.service("Web", None).await;
    for n in 0..120 {
        let results = json!([{ "action": "ignored", "summary": format!("Request number {n}"), "reason": "It is old" }]);
        app.received(service, "{}", results).await;
        app.clock.advance_s(60);
    }
    let rows = |html: &str| -> Vec<u32> {
        let after = html.split("Request number ").skip(1);
        after
            .map(|rest| rest.split('<').next().unwrap().parse().unwrap())
            .collect()
    };
    let link = |html: &str, rel: &str| -> Option<String> {
        let rest = html.split(&format!("rel=\"{rel}\" href=\"")).nth(1)?;
        Some(
            rest.split('"')
                .next()
                .unwrap()
                .replace("&#38;", "&")
                .replace("&amp;", "&"),
        )
    };
    let mut page = app.get(&user, "/events?outcome=ignored").await.text;
    let mut seen = rows(&page);
    while let Some(older) = link(&page, "next") {
        // What comes in meanwhile moves nothing.
        app.received(service, "{}", json!([{ "action": "ignored", "summary": "new" }]))
            .await;
        page = app.get(&user, &older).await.text;
        seen.extend(rows(&page));
    }
    assert_eq!(seen, (0..120).rev().collect::<Vec<u32>>());
    let newer = link(&page, "prev").unwrap();
    assert_eq!(
        rows(&app.get(&user, &newer).await.text),
        (20..70).rev().collect::<Vec<u32>>()
    );

    let one = app.get(&user, "/events?q=NUMBER+77").await.text;
    assert_eq!(rows(&one), [77]);
    // The clock began at 12:00 in UTC, which is 14:00 for whoever looks.
    let some = app
        .get(&user, "/events?from=2026-06-01T14:10&to=2026-06-01T14:12")
        .await
        .text;
    assert_eq!(rows(&some), [11, 10]);
    let admin = app.signed_in("Ada", Role::Admin).await;
    for wrong in ["/events?from=soon", "/events?older=1", "/audit?to=1"] {
        assert_eq!(app.get(&admin, wrong).await.status, StatusCode::BAD_REQUEST, "{wrong}");
    }
}

#[tokio::test]
async fn the_audit_log_tells_changes_in_words_and_as_a_table() {
    let app = App::new().await;
    let admin = app.signed_in("Ada", Role::Admin).await;
    let service = app.service("Web", None).await;
    let change = json!({ "name": "=Web", "targetAckMinutes": 7 });
    let changed = app
        .call(&admin, Method::PATCH, &format!("/api/services/{service}"), &change)
        .await;
    assert_eq!(changed.status, StatusCode::OK, "{}", changed.text);
    let page = app.get(&admin, "/audit?kind=service").await.text;
    for words in [
        "updated the service",
        "Target ack minutes",
        "<del>nothing</del>",
        "<ins>7</ins>",
        "/audit.csv?kind=service",
    ] {
        assert!(page.contains(words), "{words}: {page}");
    }
    let table = app.get(&admin, "/audit.csv?kind=service").await;
    assert_eq!(table.header("content-type"), "text/csv; charset=utf-8");
    let lines: Vec<&str> = table.text.split("\r\n").collect();
    assert_eq!(lines.len(), 3, "a head, a line, and the end: {lines:?}");
    assert!(
        lines[1].contains("\"'=Web\"") && lines[1].contains("\"service.updated\""),
        "{lines:?}"
    );
    assert_eq!(
        app.get(&admin, "/audit.csv?kind=team").await.text.split("\r\n").count(),
        2
    );
}

#[tokio::test]
async fn a_message_tells_why_and_is_sent_again_where_it_failed() {
    let app = App::new().await;
    let responder = app.signed_in("Rob", Role::Responder).await;
    let admin = app.signed_in("Ada", Role::Admin).await;
    let delivery = failed_page(&app, &admin).await;

    let listed = app.get(&responder, "/notifications?channel=EMAIL&q=mailbox").await.text;
    assert!(listed.contains(&format!("/notifications/{delivery}")), "{listed}");
    let by_sms = app.get(&responder, "/notifications?channel=SMS").await.text;
    assert!(!by_sms.contains("mailbox is full"), "{by_sms}");
    let page = app.get(&responder, &format!("/notifications/{delivery}")).await.text;
    for words in [
        "named by the policy",
        "552 the mailbox is full",
        "Send again",
        "Refused",
    ] {
        assert!(page.contains(words), "{words}: {page}");
    }
    let banner = app.get(&admin, "/pulse").await.text;
    assert!(
        banner.contains("1 message by email could not be sent in the last hour: 552 the mailbox is full"),
        "{banner}"
    );

    let again = app
        .form(&responder, &format!("/notifications/{delivery}/retry"), &[])
        .await;
    assert_eq!(again.status, StatusCode::SEE_OTHER);
    let body = app
        .get(&responder, &format!("/api/notifications/{delivery}"))
        .await
        .json();
    assert_eq!(
        (&body["status"], &body["attempts"][0]["outcome"]),
        (&json!("PENDING"), &json!("REFUSED"))
    );
    let twice = app
        .call(
            &responder,
            Method::POST,
            &format!("/api/notifications/{delivery}/retry"),
            &json!({}),
        )
        .await;
    assert_eq!(twice.status, StatusCode::CONFLICT);
    assert!(
        app.get(&admin, "/audit")
            .await
            .text
            .contains("retried the notification")
    );
}
