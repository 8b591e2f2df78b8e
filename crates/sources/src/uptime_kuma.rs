//! Uptime Kuma's webhooks: JSON, a multipart form with the JSON in `data`, or parameters of a GET.
//!
//! A monitor's heartbeat is down (0), up (1), pending (2) or under maintenance (3). Tests, and warnings about
//! certificates, come without heartbeat and monitor, as text alone. Facts are from Uptime Kuma's own
//! `server/notification-providers/webhook.js`, `server/model/monitor.js` and `src/util.ts`; its times are in UTC.

use std::borrow::Cow;

use http::Method;
use jiff::Timestamp;
use opsknight_domain::event::{Action, Event, Normalised, Severity};
use serde_json::{Value, json};

use crate::{
    ParseError, Request, Source, input, link,
    mapping::FieldMapping,
    normalise::{self, ignored},
    setup::{Sample, Setup, Snippet},
    signature::SignatureSupport,
    template::{Fields, Style},
};

/// Uptime Kuma.
#[derive(Debug)]
pub(crate) struct UptimeKuma;

impl Source for UptimeKuma {
    fn slug(&self) -> &'static str {
        "uptime-kuma"
    }

    fn type_name(&self) -> &'static str {
        "UPTIME_KUMA"
    }

    fn title(&self) -> &'static str {
        "Uptime Kuma"
    }

    fn tagline(&self) -> &'static str {
        "Monitors of your own Uptime Kuma that go down and up, and certificates that expire"
    }

    fn parse(&self, request: &Request<'_>, _mapping: Option<&FieldMapping>) -> Result<Vec<Normalised>, ParseError> {
        normalise::each(input::read_with_query(request)?, notification)
    }

    fn signature(&self) -> SignatureSupport {
        SignatureSupport::Generic {
            note: "Uptime Kuma cannot sign its requests. Leave the secret empty, or require the integration key and give \
                   it under Additional Headers: { \"X-Integration-Key\": \"…\" }.",
        }
    }

    fn takes(&self, method: &Method) -> bool {
        *method == Method::POST || *method == Method::GET
    }

    fn setup(&self) -> Setup {
        Setup {
            steps: &[
                "In Uptime Kuma, open Settings, then Notifications, and set one up of the type Webhook.",
                "Paste the URL below. Leave the method at POST and the request body at its preset, application/json.",
                "Optional: require the integration key here and paste the additional headers below.",
                "Press Test: an incident marked as a test appears and closes itself.",
                "Apply it to your existing monitors, or choose it in each of them.",
            ],
            snippets: SNIPPETS,
            vendor_docs: Some("https://github.com/louislam/uptime-kuma/wiki/Notification-Methods"),
        }
    }

    fn sample(&self, now: Timestamp) -> Sample {
        Sample::json(&json!({
            "heartbeat": {
                "monitorID": 0,
                "status": 0,
                "time": now.to_string(),
                "msg": "Somebody is trying out this integration. Nothing is wrong.",
                "important": true,
                "duration": 0
            },
            "monitor": {"id": 0, "name": "Test alert from Uptime Kuma", "url": "https://test.example/", "type": "http"},
            "msg": "[Test alert from Uptime Kuma] [🔴 Down] Somebody is trying out this integration. Nothing is wrong."
        }))
    }
}

/// The address, and the headers of those who require the key.
const SNIPPETS: &[Snippet] = &[
    Snippet {
        name: "Post URL",
        language: "text",
        template: "{url}",
    },
    Snippet {
        name: "Additional headers, where the integration key is required",
        language: "json",
        template: "{\n  \"X-Integration-Key\": \"{key}\"\n}\n",
    },
];

/// One notification: about a heartbeat, or a text alone.
fn notification(body: Value) -> Result<Normalised, ParseError> {
    let fields = Fields::new(&body, Style::Mustache);
    let heartbeat = fields.within("heartbeat");
    let monitor = fields.within("monitor");
    let message = fields.first(&["msg", "message"]);
    let id = heartbeat
        .first(&["monitorID", "monitor_id", "monitorId"])
        .or_else(|| monitor.text("id"));
    let Some(id) = id.or_else(|| fields.first(&["monitorID", "monitor_id"])) else {
        return text_alone(message, body.clone());
    };
    let key = format!("uptime-kuma:{id}");
    let name = monitor.first(&["name", "pathName"]).or_else(|| fields.text("name"));
    let status = heartbeat.text("status").or_else(|| fields.text("status"));
    let status = status.or_else(|| Some(Cow::Borrowed(headed(message.as_deref()?)?.1)));
    let status = status.ok_or_else(|| ParseError::new("heartbeat.status", "is missing"))?;
    let action = match status.to_ascii_lowercase().as_str() {
        "1" | "up" | "true" => Action::Resolve,
        "2" | "pending" => {
            return Ok(ignored(
                Some(key),
                "The monitor is pending: it is tried again before it is down.",
            ));
        }
        "3" | "maintenance" => return Ok(ignored(Some(key), "The monitor is under maintenance.")),
        _ => Action::Trigger,
    };
    let what = heartbeat.text("msg");
    let called = name.clone().unwrap_or_else(|| Cow::Owned(format!("Monitor {id}")));
    let state = if action == Action::Resolve { "up" } else { "down" };
    let summary = match what.as_deref().map(normalise::first_line) {
        Some(what) => format!("{called} is {state}: {what}"),
        None => format!("{called} is {state}"),
    };
    let mut event = Event::new(action, key, Severity::Critical, summary);
    event.description = normalise::description(monitor.text("description").or(what).or(message), &event.summary);
    // A monitor without an address has the start of one in its place.
    let address = monitor
        .text("url")
        .filter(|url| !matches!(&**url, "https://" | "http://"));
    event.source = normalise::short(monitor.text("hostname").or_else(|| address.clone()));
    event.component = normalise::short(name);
    event.group = normalise::short(monitor.line("tags"));
    event.class = normalise::short(monitor.text("type"));
    event.occurred_at = heartbeat.time(&["time"]);
    link::add(&mut event, address.as_deref(), "What is monitored");
    event.details = body;
    Ok(Normalised::Event(Box::new(event)))
}

/// A test, a warning about a certificate or a domain, or a monitor's state in a text of the user's.
fn text_alone(message: Option<Cow<'_, str>>, body: Value) -> Result<Normalised, ParseError> {
    let message = message.ok_or_else(|| ParseError::new("heartbeat", "is missing, and so is msg"))?;
    let (action, severity, key) = match headed(&message) {
        Some((name, "up")) => (Action::Resolve, Severity::Critical, format!("uptime-kuma:name:{name}")),
        Some((name, _)) => (Action::Trigger, Severity::Critical, format!("uptime-kuma:name:{name}")),
        None => (
            Action::Trigger,
            Severity::Warning,
            format!("uptime-kuma:text:{}", without_days(&message)),
        ),
    };
    let mut event = Event::new(action, key, severity, normalise::first_line(&message));
    event.description = normalise::description(Some(message.clone()), &event.summary);
    // "My OpsKnight Testing": the name of the notification and this word.
    let last = message.split_whitespace().next_back();
    if last.is_some_and(|word| word.eq_ignore_ascii_case("testing")) {
        normalise::mark_test(&mut event);
    }
    event.details = body;
    Ok(Normalised::Event(Box::new(event)))
}

/// The name and the state of `[Shop] [🔴 Down] timeout`.
fn headed(message: &str) -> Option<(&str, &'static str)> {
    let (name, rest) = message.trim().strip_prefix('[')?.split_once("] [")?;
    let (state, _) = rest.split_once(']')?;
    let state = state.trim_start_matches(|c: char| !c.is_ascii_alphabetic());
    match state.to_ascii_lowercase().as_str() {
        "up" => Some((name, "up")),
        "down" => Some((name, "down")),
        _ => None,
    }
}

/// A warning without the days that are left, so that it stays the same from day to day.
fn without_days(message: &str) -> String {
    let words: Vec<&str> = message.split_whitespace().collect();
    let kept = words.iter().enumerate().filter(|(at, word)| {
        let is_count = word.bytes().all(|b| b.is_ascii_digit());
        let of_days = words.get(at + 1).is_some_and(|next| next.starts_with("day"));
        !(is_count && of_days)
    });
    kept.map(|(_, word)| *word).collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{Call, event, only, parse, reason};

    fn beat(status: Value) -> Value {
        json!({"heartbeat": {"monitorID": 5, "status": status, "msg": "timeout", "time": "2026-03-02 09:00:00.123"}, "monitor": {"id": 5, "name": "Shop"}, "msg": "[Shop] [🔴 Down] timeout"})
    }

    #[test]
    fn states_are_numbers_or_texts() {
        for (status, action) in [
            (json!(0), Action::Trigger),
            (json!("0"), Action::Trigger),
            (json!(1), Action::Resolve),
            (json!("1"), Action::Resolve),
            (json!(null), Action::Trigger),
        ] {
            let event = event(&UptimeKuma, &beat(status.clone()));
            assert_eq!(
                (event.action, event.dedup_key.as_str()),
                (action, "uptime-kuma:5"),
                "{status}"
            );
        }
        assert!(reason(&UptimeKuma, &beat(json!(2))).contains("pending"));
        assert!(reason(&UptimeKuma, &beat(json!("3"))).contains("maintenance"));
    }

    #[test]
    fn texts_alone() {
        let of = |msg: &str| event(&UptimeKuma, &json!({"heartbeat": null, "monitor": null, "msg": msg}));
        assert!(of("My OpsKnight Alert (1) Testing").is_test);
        let week = of("[Shop][https://shop.example] server certificate shop.example will be expired in 7 days");
        let day = of("[Shop][https://shop.example] server certificate shop.example will be expired in 1 day");
        assert_eq!(
            (week.action, week.severity, week.is_test),
            (Action::Trigger, Severity::Warning, false)
        );
        assert!(week.dedup_key.starts_with("uptime-kuma:text:[Shop]") && !week.dedup_key.contains('7'));
        assert_ne!(
            week.dedup_key,
            of("[Blog][https://blog.example] server certificate x will be expired in 7 days").dedup_key
        );
        assert!(!day.dedup_key.contains('1'));
        let (down, up) = (of("[Shop 🛒] [🔴 Down] timeout"), of("[Shop 🛒] [✅ Up] 200 - OK"));
        assert_eq!((down.action, up.action), (Action::Trigger, Action::Resolve));
        assert_eq!(down.dedup_key, up.dedup_key);
        assert_eq!(
            parse(&UptimeKuma, &json!({"monitor": null})).map_err(|error| error.field),
            Err("heartbeat".into())
        );
    }

    #[test]
    fn forms_and_parameters() {
        let body = format!(
            "--x\r\nContent-Disposition: form-data; name=\"data\"\r\n\r\n{}\r\n--x--\r\n",
            beat(json!(1))
        );
        let call = Call {
            headers: &[("content-type", "multipart/form-data; boundary=x")],
            body: body.as_bytes(),
            ..Call::default()
        };
        assert_eq!(only(call.parse(&UptimeKuma).expect("an event")).action, Action::Resolve);
        let beat = beat(json!(0));
        let query: String = url::form_urlencoded::Serializer::new("integrationId=int_1".to_owned())
            .append_pair("msg", "[Shop] [🔴 Down] timeout")
            .append_pair("heartbeat", &beat["heartbeat"].to_string())
            .append_pair("monitor", &beat["monitor"].to_string())
            .finish();
        let event = only(
            Call {
                method: Method::GET,
                query: &query,
                ..Call::default()
            }
            .parse(&UptimeKuma)
            .expect("an event"),
        );
        assert_eq!(
            (event.dedup_key.as_str(), event.summary.as_str()),
            ("uptime-kuma:5", "Shop is down: timeout")
        );
        assert!(event.occurred_at.is_some());
    }
}
