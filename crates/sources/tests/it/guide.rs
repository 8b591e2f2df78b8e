//! The guide to the sources is what the sources say.

use std::{env, fs, path::Path};

use hmac::{Hmac, KeyInit as _, Mac as _};
use http::{HeaderMap, HeaderValue, Method};
use jiff::Timestamp;
use opsknight_domain::event::{Action, Normalised};
use opsknight_sources::{Request, guide};
use sha2::Sha256;

use crate::each_source;

/// With `UPDATE_GUIDE` set, the page is written instead.
#[test]
fn the_guide_is_what_the_sources_say() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/guide/sources.md");
    let page = guide::render();
    if env::var_os("UPDATE_GUIDE").is_some() {
        fs::create_dir_all(path.parent().expect("a folder")).expect("a folder that can be made");
        fs::write(&path, &page).expect("a page that can be written");
    }
    let written = fs::read_to_string(&path).unwrap_or_default();
    let lines = written.lines().zip(page.lines()).enumerate();
    let differs = lines.into_iter().find(|(_, (written, page))| written != page);
    assert_eq!(
        differs, None,
        "run `UPDATE_GUIDE=1 cargo test -p opsknight-sources guide` and read what changed"
    );
    assert_eq!(written.len(), page.len());
}

/// What its head says of all sources.
#[test]
fn all_sources_accept_the_generic_signatures_and_the_generic_id() {
    let (secret, body) = ("It is a secret", b"{}");
    let mut mac = Hmac::<Sha256>::new_from_slice(secret.as_bytes()).expect("a key of any length");
    mac.update(body);
    let signature = hex::encode(mac.finalize().into_bytes());
    for name in ["x-signature", "x-webhook-signature", "x-hub-signature-256"] {
        let mut headers = HeaderMap::new();
        headers.insert(name, HeaderValue::from_str(&signature).expect("digits"));
        headers.insert("webhook-id", HeaderValue::from_static("msg_1"));
        let request = Request {
            method: &Method::POST,
            query: "",
            headers: &headers,
            body,
        };
        each_source(|source| {
            let verdict = source.verify(&request, secret, Timestamp::UNIX_EPOCH);
            assert_eq!(verdict, Ok(()), "{} {name}", source.slug());
            assert_eq!(
                source.delivery_id(&request).as_deref(),
                Some("msg_1"),
                "{}",
                source.slug()
            );
        });
    }
}

/// A source that says nothing of itself would be an empty section in the guide.
#[test]
fn every_source_states_its_facts() {
    each_source(|source| {
        let (slug, facts) = (source.slug(), source.facts());
        assert!(!facts.forms.is_empty(), "{slug}: forms");
        let needed = [
            ("triggers", facts.triggers),
            ("ignores", facts.ignores),
            ("severity", facts.severity),
            ("key", facts.key),
        ];
        for (name, text) in needed
            .into_iter()
            .chain(facts.forms.iter().map(|form| ("forms", *form)))
        {
            assert!(!text.trim().is_empty(), "{slug}: {name}");
        }
        let all = [
            facts.triggers,
            facts.acknowledges,
            facts.resolves,
            facts.ignores,
            facts.tests,
            facts.severity,
            facts.key,
            facts.ordered_by,
            facts.delivery,
        ];
        for text in all.iter().chain(facts.forms) {
            assert_eq!(text.trim(), *text, "{slug}: blanks around {text:?}");
            assert!(
                text.matches('`').count().is_multiple_of(2),
                "{slug}: a backquote is open in {text:?}"
            );
        }
    });
}

/// What the facts say of ends is what the fixtures show: whoever has one that resolves says what resolves.
#[test]
fn facts_tell_of_every_end_that_there_is() {
    crate::sent::each_fixture(|sent| {
        let facts = sent.source.facts();
        for normalised in sent.parse(&sent.headers, &sent.body).unwrap_or_default() {
            let Normalised::Event(event) = normalised else { continue };
            let told = match event.action {
                Action::Trigger => facts.triggers,
                Action::Acknowledge => facts.acknowledges,
                Action::Resolve => facts.resolves,
            };
            assert!(
                !told.is_empty(),
                "{} does {}, and no fact tells of it",
                sent.name,
                event.action.word()
            );
            assert!(
                !event.is_test || !facts.tests.is_empty(),
                "{} is a test, and no fact tells of it",
                sent.name
            );
            assert!(
                event.changed_at.is_none() || !facts.ordered_by.is_empty(),
                "{} has a time of its change, and no fact tells of it",
                sent.name
            );
        }
    });
}
