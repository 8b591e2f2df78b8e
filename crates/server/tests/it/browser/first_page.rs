//! From the printed link to the first page that is acknowledged, by keyboard alone.

use thirtyfour::Key;

use super::{
    stage::{ADMIN, PASSWORD, Stage, alertmanager, post},
    window::{DESK, Window},
};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn from_the_printed_link_to_the_first_page() {
    let stage = Stage::set().await;
    let window = stage.window(DESK).await;
    set_up(&stage, &window).await;
    invite(&stage, &window).await;
    plan(&window).await;
    let url = connect(&window).await;
    be_paged(&stage, &window, &url).await;
    assert_eq!(window.complaints().await, [""; 0], "no script failed");
    window.close().await;
}

/// The first administrator.
async fn set_up(stage: &Stage, window: &Window) {
    window.go(&stage.server.setup_link().await).await;
    window.fill("Your name", "Ada Admin").await;
    window.fill("Email", ADMIN).await;
    window.fill("Password", PASSWORD).await;
    window.press(Key::Enter).await;
    window.arrive_at("Dashboard").await;
    window.read("First steps").await;
}

/// A team with one member, and a colleague.
async fn invite(stage: &Stage, window: &Window) {
    window.choose("Teams").await;
    window.arrive_at("Teams").await;
    window.fill("New team", "Platform").await;
    window.press(Key::Enter).await;
    window.arrive_at("Platform").await;
    window.fill("Add a member", "Ada").await;
    window.choose("Add").await;
    window.wait_for("main .list", "Ada Admin").await;

    window.choose("Users").await;
    window.arrive_at("Users").await;
    window.choose("Invite").await;
    window.arrive_at("Invite somebody").await;
    window.fill("Name", "Ben Backup").await;
    window.fill("Email", "ben@example.com").await;
    window.fill("Role", "Responder").await;
    window.choose("Invite").await;
    window.arrive_at("Ben Backup").await;
    let mail = stage.mail.wait_for("ben@example.com", "").await;
    assert!(mail.text.contains("/invite/"), "{mail:?}");
}

/// Who is paged first, and who if nobody answers; and the service that escalates so.
async fn plan(window: &Window) {
    window.choose("Escalation policies").await;
    window.arrive_at("Escalation policies").await;
    window.choose("Write the first policy").await;
    window.arrive_at("New escalation policy").await;
    window.fill("Name", "Call Platform").await;
    window.fill("Step 1, target 1", "Ada").await;
    window.choose("Add step").await;
    window.find("#step-1").await;
    window.fill("Step 2, target 1", "Ben").await;
    window.choose("Save policy").await;
    window.arrive_at("Call Platform").await;
    let plan = window.text("aside").await;
    assert!(plan.contains("At once\nAA\nAda Admin"), "{plan}");
    assert!(plan.contains("Ben Backup"), "{plan}");

    window.choose("Services").await;
    window.arrive_at("Services").await;
    window.choose("Add the first service").await;
    window.arrive_at("New service").await;
    window.fill("Name", "Checkout").await;
    window.fill("Team", "Platform").await;
    window.fill("Escalation policy", "Call").await;
    window.choose("Create service").await;
    window.arrive_at("Checkout").await;
}

/// The integration for Prometheus; its URL, as the card shows it.
async fn connect(window: &Window) -> String {
    window.choose("Add integration").await;
    window.read("Which tool sends the alerts?").await;
    window.tab_to_the(".gallery a[href$='type=PROMETHEUS']").await;
    window.press(Key::Enter).await;
    window.read("What tells it from others of its kind").await;
    window.choose("Create").await;
    window.read("Waiting for its first event").await;
    window.tab_to("Show secrets").await;
    window.press(" ").await;
    let url = window.text("code[id$='-url']").await;
    let snippet = window.text("pre[id$='-snippet-0']").await;
    assert!(snippet.contains(&url), "the snippet has the very URL: {snippet}");

    window.choose("Send test event").await;
    window.wait_for(".answer", "Opened an incident (test)").await;
    window.wait_for("ul.events", "Opened an incident (test)").await;
    window.read("Connected").await;
    window.choose("Disable").await;
    window.read("Disabled").await;
    assert_eq!(post(&url, &alertmanager("firing", "HighCPU", "not yet")).await, 403);
    window.choose("Enable").await;
    window.read("Connected").await;
    url
}

/// A genuine alert: it appears while the list is looked at, pages by mail, is acknowledged and resolves itself.
async fn be_paged(stage: &Stage, window: &Window, url: &str) {
    window.go("/incidents").await;
    window.wait_for("#incident-list", "Checkout").await;
    window.ask::<()>("window.isTheSame = true").await;
    assert_eq!(
        post(url, &alertmanager("firing", "HighCPU", "CPU at 95 percent")).await,
        202
    );
    window.wait_for("#incident-list", "HighCPU").await;
    let mail = stage.mail.wait_for(ADMIN, "HighCPU").await;
    assert!(mail.acknowledge_link().is_some(), "{mail:?}");
    assert!(
        window.ask::<bool>("return window.isTheSame === true").await,
        "nothing was reloaded"
    );

    window.press("j").await;
    window.press(Key::Enter).await;
    window.arrive_at("HighCPU").await;
    window.wait_for("#incident-head", "Open").await;
    window.wait_for("#incident-next", "page Ben Backup by email").await;
    window.ask::<()>("window.isTheSame = true").await;
    window.press("a").await;
    window.wait_for("#incident-head", "Acknowledged").await;
    window
        .wait_for("#incident-next", "Somebody works on it, so nobody else is paged.")
        .await;
    window.wait_for("#incident-timeline", "Acknowledged by Ada Admin").await;
    let story = window.text("#incident-timeline").await;
    assert!(!story.contains("Ada Admin Acknowledged by Ada Admin"), "{story}");

    assert_eq!(
        post(url, &alertmanager("resolved", "HighCPU", "CPU at 95 percent")).await,
        202
    );
    window.wait_for("#incident-head", "Resolved").await;
    window.wait_for("#incident-timeline", "Resolved by Prometheus").await;
    assert!(
        window.ask::<bool>("return window.isTheSame === true").await,
        "nothing was reloaded"
    );
    let mails = stage.mail.mails();
    let paged = |mail: &&crate::mail_server::Mail| mail.subject.contains("HighCPU") && mail.to != [ADMIN];
    assert!(
        !mails.iter().any(|mail| paged(&mail)),
        "escalation has stopped: {mails:?}"
    );
}
