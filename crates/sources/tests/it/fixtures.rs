//! Every fixture of every source, and what becomes of it. The fixtures are ours, in the vendors' shapes.

use http::Method;
use jiff::Timestamp;
use opsknight_domain::event::{Action, Normalised};
use opsknight_sources::{Request, all, by_slug};

use crate::{assert_sound, each_source, fixtures, parse, readable};

#[test]
fn fixtures_become_what_their_snapshots_say() {
    each_source(|source| {
        let mut settings = insta::Settings::clone_current();
        settings.set_snapshot_path(format!("../../fixtures/{}", source.slug()));
        settings.set_prepend_module_to_snapshot(false);
        settings.set_omit_expression(true);
        for (name, body) in fixtures(source) {
            let result = parse(source, &body);
            if let Ok(all) = &result {
                assert_sound(all);
            }
            settings.bind(|| insta::assert_json_snapshot!(name.clone(), readable(&result)));
        }
    });
}

#[test]
fn every_source_has_an_alert_and_its_end() {
    each_source(|source| {
        let only = |name: &str| {
            let fixtures = fixtures(source);
            let body = fixtures.iter().find(|(n, _)| n == name);
            let (_, body) = body.unwrap_or_else(|| panic!("{} has no fixture {name}", source.slug()));
            match parse(source, body).expect("events").remove(0) {
                Normalised::Event(event) => (event.action, event.dedup_key),
                Normalised::Ignored { reason, .. } => panic!("{reason}"),
            }
        };
        let (firing, resolved) = (only("firing"), only("resolved"));
        assert_eq!(
            (firing.0, resolved.0),
            (Action::Trigger, Action::Resolve),
            "{}",
            source.slug()
        );
        assert_eq!(
            firing.1,
            resolved.1,
            "{}: the key holds from the alert to its end",
            source.slug()
        );
    });
}

#[test]
fn samples_go_the_way_of_real_requests() {
    let now: Timestamp = "2026-03-02T09:00:00Z".parse().expect("a time");
    each_source(|source| {
        let sample = source.sample(now);
        let headers = sample.header_map();
        let request = Request {
            method: &Method::POST,
            query: "",
            headers: &headers,
            body: &sample.body,
        };
        let all = source
            .parse(&request, None)
            .expect("a sample that its own source understands");
        assert_sound(&all);
        let [Normalised::Event(event)] = &all[..] else {
            panic!("{}: one alert", source.slug())
        };
        assert_eq!(event.action, Action::Trigger, "{}", source.slug());
        assert_eq!(event.occurred_at, Some(now), "{}", source.slug());
    });
}

#[test]
fn set_up_texts_are_complete() {
    each_source(|source| {
        let setup = source.setup();
        assert!(!source.title().is_empty() && !source.tagline().is_empty() && !source.signature().note().is_empty());
        assert!(
            setup.steps.len() >= 3 && !setup.snippets.is_empty(),
            "{}",
            source.slug()
        );
        assert!(
            setup
                .snippets
                .iter()
                .any(|snippet| snippet.template.contains("{url}") || snippet.template.contains("{base}")),
            "{}",
            source.slug()
        );
        for snippet in setup.snippets {
            let url = format!(
                "https://ok.example/api/integrations/{}?integrationId=int_1",
                source.slug()
            );
            let text = snippet.render(&url, "0123456789abcdef0123456789abcdef");
            assert!(
                ["{url}", "{base}", "{key}"].iter().all(|hole| !text.contains(hole)),
                "{text}"
            );
        }
    });
}

#[test]
fn methods_and_statuses() {
    for source in all() {
        assert!(source.takes(&Method::POST) && !source.takes(&Method::DELETE));
        assert_eq!(
            source.takes(&Method::PUT),
            ["grafana", "elastic", "splunk-observability", "better-uptime"].contains(&source.slug()),
            "{}",
            source.slug()
        );
        let by_query = ["uptimerobot", "pingdom", "uptime-kuma"];
        assert_eq!(
            source.takes(&Method::GET),
            by_query.contains(&source.slug()),
            "{}",
            source.slug()
        );
        let expected = if source.slug() == "splunk-observability" {
            200
        } else {
            202
        };
        assert_eq!(source.answer_status(), expected, "{}", source.slug());
        assert_eq!(source.maps_fields(), source.slug() == "webhook");
    }
}

#[test]
fn deliveries_have_the_ids_that_senders_give_them() {
    let source = by_slug("webhook").expect("a source");
    let id = |name: &'static str, value: &str| {
        let mut headers = http::HeaderMap::new();
        headers.insert(name, value.parse().expect("a value"));
        source.delivery_id(&Request {
            method: &Method::POST,
            query: "",
            headers: &headers,
            body: b"",
        })
    };
    assert_eq!(id("webhook-id", "msg_1"), Some("msg_1".into()));
    assert_eq!(id("idempotency-key", "abc"), Some("abc".into()));
    assert_eq!(id("idempotency-key", &"x".repeat(300)).map(|id| id.len()), Some(32));
    assert_eq!(id("x-other", "abc"), None);
}
