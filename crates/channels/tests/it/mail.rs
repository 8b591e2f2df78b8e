//! What a mail says and how it is written.

use opsknight_channels::{
    Channel as _, Message,
    email::{Smtp, SmtpSettings, Tls, render},
    tls::Roots,
};
use opsknight_domain::{
    incident::Happening,
    message::{Content, IncidentMessage},
};

use crate::{
    samples::{hostile, incident, message, note, now, page, resolved},
    smtp_server::{Script, SmtpServer},
};

/// The mail as a server gets it.
async fn written(message: &Message) -> String {
    let server = SmtpServer::start(Script::default()).await;
    let settings = SmtpSettings {
        host: "127.0.0.1".into(),
        port: server.port,
        tls: Tls::None,
        user: None,
        password: None,
        from: "noreply@opsknight.example.com".into(),
    };
    let smtp = Smtp::new(&settings, &Roots::of(Vec::new())).unwrap();
    smtp.send("jane@example.com", message, now()).await.unwrap();
    server.seen().mails[0].clone()
}

/// A header's value, unfolded.
fn header(mail: &str, name: &str) -> Option<String> {
    let head = mail
        .split("\r\n\r\n")
        .next()
        .unwrap()
        .replace("\r\n ", " ")
        .replace("\r\n\t", " ");
    head.lines()
        .find_map(|line| line.strip_prefix(&format!("{name}: ")).map(str::to_owned))
}

#[test]
fn a_page_says_what_happened_why_and_what_to_do() {
    let mail = render(&page());
    assert_eq!(mail.subject, "[HIGH] #123 High CPU on web-01 — Web Application");
    insta::assert_snapshot!("page_text", mail.text);
    insta::assert_snapshot!("page_html", mail.html);
}

#[test]
fn a_notice_has_nothing_to_acknowledge() {
    let mail = render(&resolved());
    assert_eq!(mail.subject, "[Resolved] #123 High CPU on web-01 — Web Application");
    assert!(!mail.text.contains("Acknowledge:") && !mail.html.contains(">Acknowledge<"));
    insta::assert_snapshot!("notice_text", mail.text);
}

#[test]
fn every_happening_has_its_own_words() {
    let told: Vec<(String, String)> = Happening::ALL
        .into_iter()
        .map(|happening| {
            let mail = render(&message(IncidentMessage {
                happening,
                answer: None,
                ..incident()
            }));
            let first = mail.text.lines().next().unwrap().to_owned();
            (mail.subject.split(" #").next().unwrap().to_owned(), first)
        })
        .collect();
    let told: Vec<String> = told.iter().map(|(tag, sentence)| format!("{tag} {sentence}")).collect();
    insta::assert_snapshot!("happenings", told.join("\n"));
}

#[test]
fn a_test_says_so() {
    let mut news = incident();
    news.incident.is_test = true;
    let mail = render(&message(news));
    assert_eq!(mail.subject, "[TEST] [HIGH] #123 High CPU on web-01 — Web Application");
    assert!(mail.text.contains("This is a test.") && mail.html.contains("This is a test."));
}

#[test]
fn a_note_has_its_links() {
    let mail = render(&note());
    assert_eq!(mail.subject, "You are invited to OpsKnight");
    insta::assert_snapshot!("note_text", mail.text);
    insta::assert_snapshot!("note_html", mail.html);
}

#[test]
fn an_alert_is_data_and_bounded() {
    let mail = render(&hostile());
    assert!(
        !mail.html.contains("<script") && !mail.html.contains("<b>"),
        "{}",
        mail.html
    );
    assert!(!mail.subject.contains(['\r', '\n', '\0']) && mail.subject.chars().count() < 300);
    assert_eq!(mail.subject.trim(), mail.subject);
    assert!(
        mail.text.len() < 40_000 && mail.html.len() < 60_000,
        "{} {}",
        mail.text.len(),
        mail.html.len()
    );
    assert!(mail.text.contains("480 more on the incident's page."));
    assert!(!render(&page()).html.contains("javascript:"));
}

#[tokio::test]
async fn headers_thread_and_identify_and_are_the_same_at_every_try() {
    let mail = written(&page()).await;
    let of = |name| header(&mail, name);
    assert_eq!(of("From").unwrap(), "OpsKnight <noreply@opsknight.example.com>");
    assert_eq!(of("To").unwrap(), "jane@example.com");
    assert_eq!(of("Date").unwrap(), "Mon, 23 Nov 2026 03:10:05 +0000");
    assert_eq!(
        of("Message-ID").unwrap(),
        "<dlv_01ke3q5x9se8eba6ncyw3g4j1r@opsknight.example.com>"
    );
    let root = "<inc_01ke3q5x9se8eba6ncyw3g4j1n@opsknight.example.com>";
    assert_eq!(of("References").as_deref(), Some(root));
    assert_eq!(of("In-Reply-To").as_deref(), Some(root));
    assert_eq!(of("Auto-Submitted").unwrap(), "auto-generated");
    assert_eq!(of("X-OpsKnight-Incident").unwrap(), "inc_01ke3q5x9se8eba6ncyw3g4j1n");
    assert_eq!(of("X-OpsKnight-Delivery").unwrap(), "dlv_01ke3q5x9se8eba6ncyw3g4j1r");
    assert_eq!(of("Importance").unwrap(), "high");
    assert!(of("Content-Type").unwrap().starts_with("multipart/alternative;"));
    assert_eq!(mail, written(&page()).await);
    let notice = written(&resolved()).await;
    assert_eq!(header(&notice, "References").as_deref(), Some(root));
    assert_eq!(header(&notice, "Importance"), None);
    assert_eq!(header(&written(&note()).await, "References"), None);
}

#[tokio::test]
async fn no_text_of_an_alert_becomes_a_header_a_command_or_a_long_line() {
    let mail = written(&hostile()).await;
    let head = mail.split("\r\n\r\n").next().unwrap();
    assert!(!head.contains("\r\nBcc:"), "{head}");
    assert!(mail.is_ascii());
    for line in mail.split("\r\n") {
        assert!(line.len() <= 998 && !line.contains(['\r', '\n', '\0']), "{line:?}");
    }
    // The subject is encoded in words of at most 75 characters (RFC 2047, section 2) and folded.
    assert!(head.lines().all(|line| line.len() <= 100), "{head}");
    let parts: Vec<&str> = mail
        .lines()
        .filter(|line| line.starts_with("Content-Type: text/"))
        .collect();
    assert_eq!(
        parts,
        [
            "Content-Type: text/plain; charset=utf-8",
            "Content-Type: text/html; charset=utf-8"
        ]
    );
}

#[tokio::test]
async fn a_subject_of_a_note_cannot_inject_either() {
    let mut sly = note();
    sly.content = Content::Note {
        subject: "a\r\nBcc: x@example.org\r\n\r\nbody".into(),
        text: "\r\n.\r\nQUIT\r\n".into(),
    };
    let mail = written(&sly).await;
    assert_eq!(header(&mail, "Subject").unwrap(), "a Bcc: x@example.org body");
    assert_eq!(header(&mail, "Bcc"), None);
}

#[test]
fn a_subject_shows_what_stands_in_it() {
    let mut sly = incident();
    sly.incident.title = "=?utf-8?q?=5BResolved=5D?= all is well".into();
    let subject = render(&message(sly)).subject;
    assert!(!subject.contains("=?") && subject.contains("?utf-8?q?"), "{subject}");
    let note = Message {
        content: Content::Note {
            subject: "=?utf-8?q?=0D=0ABcc:_x?=".into(),
            text: "x".into(),
        },
        ..note()
    };
    assert!(!render(&note).subject.contains("=?"));
}

#[tokio::test]
async fn news_can_be_ended_with_one_click_and_pages_cannot() {
    let news = written(&resolved()).await;
    assert_eq!(
        header(&news, "List-Unsubscribe").as_deref(),
        Some("<https://opsknight.example.com/unsubscribe/SIGNED>")
    );
    assert_eq!(
        header(&news, "List-Unsubscribe-Post").as_deref(),
        Some("List-Unsubscribe=One-Click")
    );
    let mut sly = incident();
    sly.unsubscribe_url = Some("https://opsknight.example.com/unsubscribe/SIGNED".into());
    let mut without = incident();
    without.answer = None;
    for message in [message(sly), message(without), note()] {
        let mail = written(&message).await;
        assert_eq!(header(&mail, "List-Unsubscribe"), None);
        assert_eq!(header(&mail, "List-Unsubscribe-Post"), None);
    }
}
