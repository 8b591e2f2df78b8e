//! The first story through pages alone: teams, people, schedules, policies, services, integrations, keys, webhooks.

use http::StatusCode;
use opsknight_domain::directory::Role;

use crate::harness::{Answer, App, As};

async fn saved(app: &App, who: &As, path: &str, fields: &[(&str, &str)]) -> String {
    let answer = app.form(who, path, fields).await;
    assert_eq!(answer.status, StatusCode::SEE_OTHER, "{path}: {}", answer.text);
    answer.header("location").to_owned()
}

async fn page(app: &App, who: &As, path: &str) -> Answer {
    let answer = app.get(who, path).await;
    assert_eq!(answer.status, StatusCode::OK, "{path}: {}", answer.text);
    assert!(answer.text.contains("</html>"), "{path}");
    answer
}

fn last(path: &str) -> &str {
    path.rsplit('/').next().unwrap()
}

#[tokio::test]
async fn from_nothing_to_a_connected_tool() {
    let app = App::new().await;
    let ada = app.signed_in("Ada", Role::Admin).await;
    for path in [
        "/",
        "/incidents",
        "/incidents/new",
        "/services",
        "/services/new",
        "/policies",
        "/policies/new",
        "/schedules",
        "/schedules/new",
        "/teams",
        "/users",
        "/users/new",
        "/profile",
        "/events",
        "/notifications",
        "/audit",
        "/settings/notifications",
        "/settings/email",
        "/settings/sms",
        "/settings/voice",
        "/settings/push",
        "/settings/whatsapp",
        "/settings/slack",
        "/settings/api-keys",
        "/settings/webhooks",
        "/settings/webhooks/new",
    ] {
        page(&app, &ada, path).await;
    }
    let bob = invite(&app, &ada).await;
    let team = make_team(&app, &ada, &bob).await;
    let schedule = make_schedule(&app, &ada, &bob).await;
    let policy = make_policy(&app, &ada, last(&schedule)).await;
    let fields = [("name", "Web"), ("policy_id", last(&policy)), ("team_id", last(&team))];
    let service = saved(&app, &ada, "/services", &fields).await;
    let service = service.strip_suffix("/integrations").unwrap().to_owned();
    page(&app, &ada, &service).await;
    connect(&app, &ada, &service).await;
    ask_for_proofs(&app, &ada, &service).await;
    change_settings(&app, &ada, &service, last(&policy)).await;
}

async fn invite(app: &App, ada: &As) -> String {
    let fields = [("name", "Bob"), ("email", "bob@example.com"), ("role", "RESPONDER")];
    let invited = app.form(ada, "/users", &fields).await;
    assert_eq!(invited.status, StatusCode::OK, "{}", invited.text);
    let link = invited.text.split("http://ok.example/invite/").nth(1).unwrap();
    let token: String = link.chars().take_while(char::is_ascii_hexdigit).collect();
    let welcome = page(app, &As::Nobody, &format!("/invite/{token}")).await;
    assert!(welcome.text.contains("bob@example.com"));
    let users = page(app, ada, "/users").await.text;
    let row = users.split("/users/usr_").find(|part| part.contains("Bob")).unwrap();
    let bob = format!("usr_{}", row.split('"').next().unwrap());
    page(app, ada, &format!("/users/{bob}")).await;
    bob
}

async fn make_team(app: &App, ada: &As, bob: &str) -> String {
    let team = saved(app, ada, "/teams", &[("name", "Platform")]).await;
    saved(app, ada, &format!("{team}/members"), &[("user_id", bob)]).await;
    saved(
        app,
        ada,
        &format!("{team}/members/{bob}"),
        &[("lead", "on"), ("receives", "on")],
    )
    .await;
    assert!(page(app, ada, &team).await.text.contains("Bob"));
    team
}

async fn make_schedule(app: &App, ada: &As, bob: &str) -> String {
    let fields = [
        ("name", "Primary"),
        ("time_zone", "Europe/Berlin"),
        ("layers.0.name", "Weekly"),
        ("layers.0.users", bob),
        ("layers.0.length", "1"),
        ("layers.0.unit", "WEEKS"),
        ("layers.0.start", "2026-05-25"),
        ("layers.0.handoff", "09:00"),
        ("layers.0.restrictions.0.days", "MONDAY"),
        ("layers.0.restrictions.0.from", "00:00"),
        ("layers.0.restrictions.0.to", "23:59"),
        ("save", "1"),
    ];
    let schedule = saved(app, ada, "/schedules", &fields).await;
    assert!(
        page(app, ada, &schedule)
            .await
            .text
            .contains("Changes hands every week at 09:00")
    );
    let edit = page(app, ada, &format!("{schedule}/edit")).await.text;
    assert!(edit.contains("2026-05-25") && edit.contains("layers.0.restrictions.0.days"));
    let fields = [
        ("user_id", bob),
        ("start", "2026-06-01T13:00"),
        ("end", "2026-06-02T13:00"),
    ];
    saved(app, ada, &format!("{schedule}/overrides"), &fields).await;
    schedule
}

async fn make_policy(app: &App, ada: &As, schedule: &str) -> String {
    let target = format!("schedule:{schedule}");
    let steps = [
        ("name", "Default"),
        ("repeat", "1"),
        ("steps.0.targets", target.as_str()),
        ("steps.0.targets", ""),
        ("steps.0.delay", "5"),
        ("steps.0.channels", "EMAIL"),
    ];
    let more: Vec<_> = steps.iter().copied().chain([("add_step", "1")]).collect();
    let grown = app.form(ada, "/policies", &more).await;
    assert_eq!(grown.status, StatusCode::OK);
    assert!(
        grown.text.contains("steps.1.delay") && grown.text.contains("Bob"),
        "the preview says who: {}",
        grown.text
    );
    let save: Vec<_> = steps.iter().copied().chain([("save", "1")]).collect();
    let policy = saved(app, ada, "/policies", &save).await;
    assert!(page(app, ada, &policy).await.text.contains("Bob"));
    let refused = app
        .form(ada, &policy, &[("name", ""), ("steps.0.delay", "x"), ("save", "1")])
        .await;
    assert_eq!(refused.status, StatusCode::UNPROCESSABLE_ENTITY);
    assert!(refused.text.contains("must be a whole number"), "{}", refused.text);
    policy
}

async fn connect(app: &App, ada: &As, service: &str) {
    page(app, ada, &format!("{service}/integrations/new")).await;
    page(app, ada, &format!("{service}/integrations/new?type=PROMETHEUS")).await;
    let fields = [("type", "PROMETHEUS"), ("name", "Prod")];
    let made = saved(app, ada, &format!("{service}/integrations"), &fields).await;
    let card = page(app, ada, made.split('#').next().unwrap()).await.text;
    assert!(
        card.contains("http://ok.example/api/integrations/prometheus?integrationId=int_"),
        "the URL to paste"
    );
    let base = format!("{service}/integrations/{}", made.split('#').nth(1).unwrap());
    let tested = app.form(ada, &format!("{base}/test"), &[]).await;
    assert_eq!(tested.status, StatusCode::OK, "{}", tested.text);
    assert!(tested.text.contains("(test)"), "the card says what came of it");
    saved(app, ada, &base, &[("name", "Production"), ("rate_limit", "240")]).await;
    let secret = app.form(ada, &format!("{base}/secret"), &[("do", "generate")]).await;
    assert!(secret.text.contains("it is not shown again"), "{}", secret.text);
    saved(app, ada, &format!("{base}/rotate-key"), &[]).await;
    saved(app, ada, &format!("{base}/enabled"), &[("enabled", "false")]).await;
    let wrong = app
        .form(ada, &base, &[("name", "Production"), ("rate_limit", "0")])
        .await;
    assert_eq!(wrong.status, StatusCode::UNPROCESSABLE_ENTITY);
    assert!(wrong.text.contains("must be from 1 to"), "{}", wrong.text);
    saved(app, ada, &format!("{base}/delete"), &[]).await;
}

/// A cloud's tokens and topics are asked for on the card.
async fn ask_for_proofs(app: &App, ada: &As, service: &str) {
    let card = async |kind: &str| {
        let fields = [("type", kind), ("name", "Cloud")];
        let made = saved(app, ada, &format!("{service}/integrations"), &fields).await;
        format!("{service}/integrations/{}/proofs", made.split('#').nth(1).unwrap())
    };
    let google = card("GOOGLE_CLOUD_MONITORING").await;
    let token = [
        ("do", "token"),
        ("audience", "https://ok.example"),
        ("who", "push@p.example"),
    ];
    saved(app, ada, &google, &token).await;
    let text = page(app, ada, &format!("{service}/integrations")).await.text;
    assert!(
        text.contains("push@p.example") && text.contains("Ask for none"),
        "{text}"
    );
    saved(app, ada, &google, &[("do", "no_token")]).await;
    let wrong = app
        .form(ada, &google, &[("do", "token"), ("audience", "x"), ("who", "")])
        .await;
    assert_eq!(wrong.status, StatusCode::UNPROCESSABLE_ENTITY, "{}", wrong.text);
    let sns = card("CLOUDWATCH").await;
    let topic = "arn:aws:sns:eu-west-1:123456789012:alarms";
    let there = saved(app, ada, &sns, &[("do", "topics"), ("topics", topic)]).await;
    let open = there.split('#').next().unwrap();
    assert!(open.contains("?open=int_"), "{there}");
    assert!(page(app, ada, open).await.text.contains(topic));
    let wrong = app.form(ada, &sns, &[("do", "topics"), ("topics", "alarms")]).await;
    assert!(wrong.text.contains("must be the ARN of an SNS topic"), "{}", wrong.text);
}

async fn change_settings(app: &App, ada: &As, service: &str, policy: &str) {
    let settings = format!("{service}/settings");
    let mut fields = vec![
        ("name", "Web"),
        ("target_ack_minutes", "5"),
        ("notification_channels", "EMAIL"),
        ("notify_on", "resolved"),
        ("policy_id", policy),
        ("urgency_critical", "HIGH"),
        ("urgency_error", "HIGH"),
        ("urgency_warning", "MEDIUM"),
        ("urgency_info", "LOW"),
        ("runbook_url", "https://wiki.example.com/web"),
    ];
    saved(app, ada, &settings, &fields).await;
    let page = page(app, ada, &settings).await.text;
    assert!(page.contains("https://wiki.example.com/web"));
    fields.pop();
    fields.push(("runbook_url", "javascript:alert(1)"));
    let refused = app.form(ada, &settings, &fields).await;
    assert!(
        refused.text.contains("must be an address that begins with"),
        "{}",
        refused.text
    );
}

#[tokio::test]
async fn who_is_paged_next_stands_on_the_incident() {
    let app = App::new().await;
    let ada = app.signed_in("Ada", Role::Admin).await;
    let bob = app.person("Bob", Role::Responder).await.to_string();
    let cleo = app.person("Cleo", Role::Responder).await.to_string();
    let (first, second) = (format!("user:{bob}"), format!("user:{cleo}"));
    let fields = [
        ("name", "Default"),
        ("repeat", "0"),
        ("steps.0.targets", first.as_str()),
        ("steps.0.delay", "5"),
        ("steps.1.targets", second.as_str()),
        ("steps.1.delay", "7"),
        ("save", "1"),
    ];
    let policy = saved(&app, &ada, "/policies", &fields).await;
    let service = saved(
        &app,
        &ada,
        "/services",
        &[("name", "Web"), ("policy_id", last(&policy))],
    )
    .await;
    let service = last(service.strip_suffix("/integrations").unwrap()).to_owned();
    let incident = saved(
        &app,
        &ada,
        "/incidents",
        &[("title", "Down"), ("service_id", &service), ("urgency", "HIGH")],
    )
    .await;
    let text = page(&app, &ada, &incident).await.text;
    assert!(
        text.contains("Paging Bob by email"),
        "the story tells of the first page"
    );
    assert!(
        text.contains("page Cleo by email"),
        "what comes next is told before it happens"
    );
    assert!(text.contains("in 5 min"), "{text}");
    assert!(text.contains("Escalation has ended"), "and how it ends");
}

#[tokio::test]
async fn settings_of_programs() {
    let app = App::new().await;
    let ada = app.signed_in("Ada", Role::Admin).await;
    let made = app
        .form(
            &ada,
            "/settings/api-keys",
            &[("name", "CI"), ("scopes", "incidents:read")],
        )
        .await;
    let key = made.text.split("sk_live_").nth(1).unwrap();
    let key: String = key
        .chars()
        .take_while(|c| c.is_ascii_alphanumeric() || *c == '-' || *c == '_')
        .collect();
    let key = As::Key(format!("sk_live_{key}"));
    assert_eq!(
        app.get(&key, "/api/incidents").await.status,
        StatusCode::OK,
        "{}",
        made.text
    );
    let refused = app
        .form(&ada, "/settings/api-keys", &[("name", ""), ("expires", "soon")])
        .await;
    assert_eq!(refused.status, StatusCode::UNPROCESSABLE_ENTITY);
    let fields = [
        ("name", "Chat"),
        ("type", "GENERIC"),
        ("GENERIC.url", "https://hooks.example.com/x"),
        ("enabled", "on"),
    ];
    let hook = saved(&app, &ada, "/settings/webhooks", &fields).await;
    assert!(
        page(&app, &ada, "/settings/webhooks")
            .await
            .text
            .contains("hooks.example.com")
    );
    let tested = app.form(&ada, &format!("{hook}/test"), &[]).await;
    assert_eq!(tested.status, StatusCode::OK, "{}", tested.text);
    saved(&app, &ada, &format!("{hook}/delete"), &[]).await;
    let mail = app
        .form(&ada, "/settings/email/test", &[("to", "ada@example.com")])
        .await;
    assert_eq!(mail.status, StatusCode::OK, "{}", mail.text);
    assert!(page(&app, &ada, "/audit").await.text.contains("CI"));
}

#[tokio::test]
async fn ones_own_account() {
    let app = App::new().await;
    let ada = app.signed_in("Ada", Role::User).await;
    saved(
        &app,
        &ada,
        "/profile",
        &[("name", "Ada L."), ("time_zone", "Asia/Kathmandu")],
    )
    .await;
    let wrong = [
        ("current_password", "not it"),
        ("new_password", "another good password"),
    ];
    let refused = app.form(&ada, "/profile/password", &wrong).await;
    assert!(refused.text.contains("present password"), "{}", refused.text);
    let right = [
        ("current_password", crate::password::PASSWORD),
        ("new_password", "another good password"),
    ];
    let changed = app.form(&ada, "/profile/password", &right).await;
    assert_eq!(changed.status, StatusCode::SEE_OTHER, "{}", changed.text);
    // The session is another one from here on.
    let ada = As::Session(changed.cookie("session").unwrap());
    assert!(page(&app, &ada, "/profile").await.text.contains("Ada L."));
}
