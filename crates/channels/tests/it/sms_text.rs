//! What a text message says, and that it fits whatever comes.

use opsknight_channels::{
    Message,
    sms::text::{Encoding, LINK_CHARS_MAX, SEGMENTS_MAX, length, render, render_one_way},
};
use opsknight_domain::{
    incident::Happening,
    message::{Content, IncidentMessage},
};
use proptest::prelude::*;

use crate::samples::{hostile, incident, message, note, page, resolved, storm};

/// A page about something with this title.
fn titled(title: &str) -> IncidentMessage {
    let mut news = incident();
    news.incident.title = title.into();
    news
}

fn text(news: IncidentMessage) -> String {
    render(&message(news))
}

fn note_of(subject: &str, text: &str) -> Message {
    Message {
        content: Content::Note {
            subject: subject.into(),
            text: text.into(),
        },
        ..note()
    }
}

#[test]
fn the_texts_of_all_samples() {
    let mut bundle_of_two = storm();
    if let Content::Bundle(bundle) = &mut bundle_of_two.content {
        bundle.incidents.truncate(2);
        bundle.total = 2;
    }
    let mut test = incident();
    test.incident.is_test = true;
    test.happening = Happening::Escalated;
    let mut breach = incident();
    breach.happening = Happening::SlaBreached;
    breach.answer = None;
    let told: Vec<String> = [
        page(),
        resolved(),
        note(),
        hostile(),
        storm(),
        bundle_of_two,
        message(test),
        message(breach),
        message(titled(
            "Диск заполнен на db-01: осталось 2 % места на разделе /var/lib/postgresql",
        )),
        message(titled("“It’s” slow – 5…10 s")),
        note_of(
            "Your code",
            "Your code for OpsKnight is 482913.\n\nIt works for 10 minutes.",
        ),
    ]
    .iter()
    .map(|message| {
        let text = render(message);
        let length = length(&text);
        format!(
            "{:?}, {} units, {} segments:\n{text}",
            length.encoding, length.units, length.segments
        )
    })
    .collect();
    insta::assert_snapshot!("texts", told.join("\n\n---\n\n"));
}

#[test]
fn one_curly_quote_costs_nothing_and_a_script_stays_what_it_is() {
    let curly = text(titled("Host “web‑01” isn’t up — 3×…\u{a0}now"));
    assert_eq!(length(&curly).encoding, Encoding::Gsm, "{curly}");
    assert!(curly.contains("Host \"web-01\" isn't up - 3x... now"), "{curly}");
    let script = text(titled("磁盘已满"));
    assert_eq!(length(&script).encoding, Encoding::Ucs2);
    assert!(script.contains("磁盘已满"), "{script}");
}

#[test]
fn the_title_gives_way_first_then_the_service_and_never_code_and_link() {
    let long = text(titled(&"very long title ".repeat(40)));
    assert!(long.starts_with("[HIGH] #123 very long title"), "{long}");
    assert!(
        long.contains("... (Web Application). Reply \"ack 4217\" or \"resolve 4217\". https://"),
        "{long}"
    );
    // A script with little room, and a link that takes most of it.
    let mut news = titled(&"磁盘已满".repeat(30));
    let answer = news.answer.as_mut().unwrap();
    answer.url = format!("https://ops.example.com/a/{}", "t".repeat(LINK_CHARS_MAX - 26));
    let url = answer.url.clone();
    let tight = text(news);
    assert_eq!(length(&tight).encoding, Encoding::Gsm, "{tight}");
    assert!(
        tight.starts_with("[HIGH] #123 ????") && tight.ends_with(&url),
        "{tight}"
    );
    assert!(tight.contains("ack 4217"), "{tight}");
}

#[test]
fn a_link_that_is_none_or_too_long_gives_way_to_the_incidents() {
    for url in [
        "javascript:alert(1)".to_owned(),
        format!("https://ops.example.com/{}", "t".repeat(400)),
    ] {
        let mut news = incident();
        news.answer.as_mut().unwrap().url = url;
        let text = text(news);
        assert!(
            text.ends_with(" https://opsknight.example.com/incidents/inc_01ke3q5x9se8eba6ncyw3g4j1n"),
            "{text}"
        );
    }
}

#[test]
fn a_long_note_keeps_its_link() {
    let text = render(&note_of(
        "You are invited",
        &format!(
            "{}\nhttps://ops.example.com/invite/abc\n{}",
            "Hello. ".repeat(100),
            "Bye. ".repeat(100)
        ),
    ));
    assert!(text.starts_with("You are invited: Hello."), "{text}");
    assert!(text.ends_with(" https://ops.example.com/invite/abc"), "{text}");
    assert_eq!(length(&text).segments, SEGMENTS_MAX);
}

/// Texts with characters of every kind: of the alphabet, of its extension, typographic, scripts, pictures, controls.
fn any_text() -> impl Strategy<Value = String> {
    prop_oneof![
        "[a-zA-Z0-9 .,_\\[\\]{}€~^|\\\\-]{0,400}",
        "[“”’–…\u{a0}\u{202e}а-я磁盘满🔥é` \r\n\t]{0,400}",
        "\\PC{0,400}",
        any::<String>(),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    #[test]
    fn a_page_always_fits_and_always_has_code_and_link(
        title in any_text(),
        service in any_text(),
        number in 0..i64::MAX,
        code in "[0-9]{4}",
        path in "[a-zA-Z0-9._~-]{0,250}",
        test in any::<bool>(),
    ) {
        let mut news = titled(&title);
        news.incident.service.name = service;
        news.incident.number = number;
        news.incident.is_test = test;
        let answer = news.answer.as_mut().unwrap();
        answer.code.clone_from(&code);
        answer.url = format!("https://ops.example.com/a/{path}");
        let url = answer.url.clone();
        let text = text(news);
        prop_assert!(length(&text).segments <= SEGMENTS_MAX, "{text}");
        let reply = format!("Reply \"ack {code}\" or \"resolve {code}\".");
        prop_assert!(text.contains(&reply), "{text}");
        prop_assert!(text.ends_with(&format!(" {url}")), "{text}");
        let number = format!("#{number}");
        prop_assert!(text.contains(&number), "{text}");
        prop_assert!(!text.contains(['\n', '\r', '\0']), "{text}");
    }

    #[test]
    fn everything_else_fits_too(
        title in any_text(),
        body in any_text(),
        incidents in 0..5_usize,
        total in 0..1000_usize,
        path in "[a-zA-Z0-9._~-]{0,400}",
    ) {
        let note = render(&note_of(&title, &format!("{body}\nhttps://ops.example.com/{path}\n{body}")));
        prop_assert!(length(&note).segments <= SEGMENTS_MAX, "{note}");
        let mut storm = storm();
        if let Content::Bundle(bundle) = &mut storm.content {
            bundle.incidents.truncate(incidents);
            for facts in &mut bundle.incidents {
                facts.title.clone_from(&title);
            }
            bundle.total = total.max(incidents);
            bundle.url = format!("https://ops.example.com/{path}");
        }
        let bundle = render(&storm);
        prop_assert!(length(&bundle).segments <= SEGMENTS_MAX, "{bundle}");
        prop_assert!(bundle.contains("Reply \"ack all\"."), "{bundle}");
        let one_way = render_one_way(&storm);
        prop_assert!(length(&one_way).segments <= SEGMENTS_MAX && !one_way.contains("Reply"), "{one_way}");
        if path.len() + 24 <= LINK_CHARS_MAX {
            let link = format!(" https://ops.example.com/{path}");
            prop_assert!(bundle.ends_with(&link), "{bundle}");
        }
    }
}
