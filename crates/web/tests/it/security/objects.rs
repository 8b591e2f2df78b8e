//! What belongs to one person: their own may, and nobody else of their role, whatever identity they put into a path.

use http::{Method, StatusCode};
use jiff::SignedDuration;
use opsknight_domain::{
    directory::{Channel, Role},
    id::IncidentId,
};
use opsknight_store::sessions::LinkPurpose;
use opsknight_web::{
    ack::{ACK_LINK_PURPOSE, ack_token, news_token},
    api::access::{Need, RULES},
};
use serde_json::{Value, json};

use crate::harness::{App, As};

/// Two people of the least role, one of whom is after what is the other's.
struct Two {
    app: App,
    admin: As,
    uma: As,
    uma_id: String,
    eve: As,
    eve_id: String,
}

impl Two {
    async fn new() -> Self {
        let app = App::with("http://ok.example", &[], &[Channel::Email, Channel::Sms]).await;
        let admin = app.signed_in("Ada", Role::Admin).await;
        let (uma_id, uma) = app.signed_in_as("Uma", Role::User).await;
        let (eve_id, eve) = app.signed_in_as("Eve", Role::User).await;
        Self {
            app,
            admin,
            uma,
            uma_id: uma_id.to_string(),
            eve,
            eve_id: eve_id.to_string(),
        }
    }

    async fn status(&self, who: &As, method: Method, path: &str, body: &Value) -> StatusCode {
        self.app.call(who, method, path, body).await.status
    }
}

#[tokio::test]
async fn what_is_ones_own_is_refused_to_others_of_the_same_role() {
    let two = Two::new().await;
    let place = "usr_01jbcf1000f4z9pkvk1c1c1c1c";
    let mut routes = 0;
    for rule in RULES.iter().filter(|rule| matches!(rule.need, Need::Own(_))) {
        routes += 1;
        let at = |user: &str| {
            let mut path = rule.path.replace("{id}", user);
            while let (Some(begin), Some(end)) = (path.find('{'), path.find('}')) {
                path.replace_range(begin..=end, place);
            }
            path
        };
        let method: Method = rule.method.parse().unwrap();
        let of = async |who, user: &str| two.status(who, method.clone(), &at(user), &json!({})).await;
        assert_eq!(
            of(&two.eve, &two.uma_id).await,
            StatusCode::FORBIDDEN,
            "{} {}",
            rule.method,
            rule.path
        );
        // Some of these end sessions, also the one that asks.
        let uma = two.app.session_of(two.uma_id.parse().unwrap()).await;
        let own = of(&uma, &two.uma_id).await;
        assert!(
            !matches!(own, StatusCode::FORBIDDEN | StatusCode::UNAUTHORIZED),
            "{} {}: {own}",
            rule.method,
            rule.path
        );
        // Neither does another spelling of an identity make it one's own.
        let shouted = of(&two.eve, &two.eve_id.to_uppercase()).await;
        assert!(shouted.is_client_error(), "{} {}: {shouted}", rule.method, rule.path);
    }
    assert!(routes >= 15, "{routes} routes");
}

#[tokio::test]
async fn what_is_anothers_is_not_found_below_ones_own() {
    let two = Two::new().await;
    let methods = |user: &str| format!("/api/users/{user}/contact-methods");
    let body = json!({ "type": "SMS", "address": "+4915112345678" });
    let made = two.app.call(&two.uma, Method::POST, &methods(&two.uma_id), &body).await;
    assert_eq!(made.status, StatusCode::CREATED, "{}", made.text);
    let method = made.json()["id"].as_str().unwrap().to_owned();
    let sessions = two
        .app
        .get(&two.uma, &format!("/api/users/{}/sessions", two.uma_id))
        .await
        .json();
    let session = sessions["data"][0]["id"].as_str().unwrap().to_owned();
    let (own, base) = (methods(&two.eve_id), format!("/api/users/{}", two.eve_id));
    for (verb, path, body) in [
        (Method::PATCH, format!("{own}/{method}"), json!({ "label": "mine" })),
        (Method::DELETE, format!("{own}/{method}"), json!({})),
        (
            Method::POST,
            format!("{own}/{method}/verify"),
            json!({ "code": "000000" }),
        ),
        (Method::POST, format!("{own}/{method}/send-code"), json!({})),
        (Method::DELETE, format!("{base}/sessions/{session}"), json!({})),
    ] {
        let status = two.status(&two.eve, verb.clone(), &path, &body).await;
        assert!(
            matches!(status, StatusCode::NOT_FOUND | StatusCode::BAD_REQUEST),
            "{verb} {path}: {status}"
        );
    }
    for (path, fields) in [
        (format!("/profile/contact-methods/{method}"), [("do", "delete")]),
        (format!("/profile/sessions/{session}/delete"), [("do", "delete")]),
    ] {
        two.app.form(&two.eve, &path, &fields).await;
    }
    let kept = two.app.get(&two.uma, &methods(&two.uma_id)).await.json();
    let kept = kept["data"].as_array().unwrap();
    assert!(kept.iter().any(|known| known["id"] == method.as_str()), "{kept:?}");
    assert_eq!(
        two.app.get(&two.uma, "/").await.status,
        StatusCode::OK,
        "still signed in"
    );
    // And what a page says of others tells no secret of theirs.
    let seen = two.app.get(&two.eve, &format!("/users/{}", two.uma_id)).await.text;
    assert!(
        !seen.contains(&session) && !seen.contains("Where they are signed in"),
        "{seen}"
    );
}

#[tokio::test]
async fn nobody_makes_more_of_themselves() {
    let two = Two::new().await;
    let own = format!("/api/users/{}", two.eve_id);
    for wish in [
        json!({ "role": "ADMIN" }),
        json!({ "email": "uma@example.com" }),
        json!({ "status": "ACTIVE" }),
        json!({ "name": "Eve", "role": "RESPONDER" }),
    ] {
        let status = two.status(&two.eve, Method::PATCH, &own, &wish).await;
        assert_eq!(status, StatusCode::FORBIDDEN, "{wish}");
    }
    let sneaked = [
        ("name", "Eve"),
        ("time_zone", "UTC"),
        ("role", "ADMIN"),
        ("email", "root@example.com"),
    ];
    two.app.form(&two.eve, "/profile", &sneaked).await;
    let after = two.app.get(&two.admin, &own).await.json();
    assert_eq!(
        (&after["role"], &after["email"]),
        (&json!("USER"), &json!("eve@example.com"))
    );
}

#[tokio::test]
async fn a_private_view_is_not_there_for_others() {
    let two = Two::new().await;
    two.app
        .form(
            &two.uma,
            "/incidents/views",
            &[("name", "Secret plans"), ("query", "status=OPEN")],
        )
        .await;
    // It can be changed where it is looked at.
    let page = two.app.get(&two.uma, "/incidents?status=OPEN").await.text;
    let (_, rest) = page.split_once("action=\"/incidents/views/").unwrap();
    let path = format!("/incidents/views/{}", rest.split('"').next().unwrap());
    for who in [&two.eve, &two.admin] {
        assert!(!two.app.get(who, "/incidents").await.text.contains("Secret plans"));
        for deed in [
            [("do", "delete"), ("name", "")],
            [("do", "rename"), ("name", "Hers no more")],
            [("do", "share"), ("name", "")],
        ] {
            two.app.form(who, &path, &deed).await;
        }
    }
    let after = two.app.get(&two.uma, "/incidents").await.text;
    assert!(
        after.contains("Secret plans") && !after.contains("Hers no more"),
        "{after}"
    );
}

/// Whether a token acknowledges, ends news, shows a calendar, and invites.
async fn opened(app: &App, token: &str) -> [bool; 4] {
    let get = async |path: String| app.get(&As::Nobody, &path).await;
    [
        get(format!("/ack/{token}")).await.text.contains("Disk full"),
        get(format!("/unsubscribe/{token}")).await.status == StatusCode::OK,
        get(format!("/calendar/{token}.ics")).await.status == StatusCode::OK,
        get(format!("/invite/{token}")).await.text.contains("uma@example.com"),
    ]
}

/// A token that was made for one thing opens no other, and one of ours with another's identity opens nothing.
#[tokio::test]
async fn signed_links_are_for_one_thing_and_one_person() {
    let two = Two::new().await;
    let incident = two.app.incident("Disk full").await;
    let id: IncidentId = incident["id"].as_str().unwrap().parse().unwrap();
    let key = two.app.state.store.sealer.signing_key(ACK_LINK_PURPOSE);
    let expires = two.app.clock_now().checked_add(SignedDuration::from_hours(1)).unwrap();
    let uma = two.uma_id.parse().unwrap();
    let ack = ack_token(&key, id, uma, expires);
    let news = news_token(&key, uma);
    let links = two
        .app
        .get(&two.uma, &format!("/api/users/{}/calendar", two.uma_id))
        .await
        .json();
    let url = links["url"].as_str().unwrap();
    let calendar = url.rsplit('/').next().unwrap().trim_end_matches(".ics").to_owned();
    assert_eq!(
        two.app
            .get(&As::Nobody, &format!("/calendar/{calendar}.ics"))
            .await
            .status,
        StatusCode::OK
    );
    let invitation = two.app.link(LinkPurpose::Invite, Some(uma)).await;
    for token in [&ack, &news, &calendar, &invitation] {
        let opened = opened(&two.app, token).await;
        let made_for = [&ack, &news, &calendar, &invitation].map(|one| one == token);
        assert_eq!(opened, made_for, "{token}");
        // Every way in asks for what it was made for, not for any token.
        assert_eq!(
            two.app.get(&As::Session(token.clone()), "/").await.status,
            StatusCode::SEE_OTHER
        );
        assert_eq!(
            two.app.get(&As::Key(token.clone()), "/api/users").await.status,
            StatusCode::UNAUTHORIZED
        );
    }
    // Once its owner is disabled, no link of theirs opens anything.
    let path = format!("/api/users/{}", two.uma_id);
    assert_eq!(
        two.status(&two.admin, Method::PATCH, &path, &json!({ "status": "DISABLED" }))
            .await,
        StatusCode::OK
    );
    let page = two.app.form(&As::Nobody, &format!("/ack/{ack}"), &[]).await.text;
    assert!(page.contains("does not work") && !page.contains("Disk full"), "{page}");
    assert_eq!(
        two.app
            .get(&As::Nobody, &format!("/calendar/{calendar}.ics"))
            .await
            .status,
        StatusCode::NOT_FOUND
    );
    assert!(
        !two.app
            .get(&As::Nobody, &format!("/invite/{invitation}"))
            .await
            .text
            .contains("uma@example.com")
    );
    let still = two.app.get(&two.admin, &format!("/api/incidents/{id}")).await.json();
    assert_eq!(still["status"], "OPEN");
}

/// Whoever lacks the scope hears the same of what is there and of what is not.
#[tokio::test]
async fn a_key_without_the_scope_learns_nothing_of_what_there_is() {
    let two = Two::new().await;
    let incident = two.app.incident("Disk full").await;
    let (id, service) = (
        incident["id"].as_str().unwrap(),
        incident["service"]["id"].as_str().unwrap(),
    );
    let key = two.app.key(&["teams:read"]).await;
    for (known, unknown) in [
        (
            format!("/api/incidents/{id}"),
            "/api/incidents/inc_01jbcf1000f4z9pkvk1c1c1c1c".to_owned(),
        ),
        (format!("/api/incidents/{id}"), "/api/incidents/nothing".to_owned()),
        (
            format!("/api/services/{service}"),
            "/api/services/svc_01jbcf1000f4z9pkvk1c1c1c1c".to_owned(),
        ),
        (
            format!("/api/users/{}", two.uma_id),
            "/api/users/usr_01jbcf1000f4z9pkvk1c1c1c1c".to_owned(),
        ),
    ] {
        let (known, unknown) = (two.app.get(&key, &known).await, two.app.get(&key, &unknown).await);
        assert_eq!((known.status, &known.text), (unknown.status, &unknown.text));
        assert_eq!(known.status, StatusCode::FORBIDDEN);
    }
}
