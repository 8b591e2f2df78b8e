//! Uptime Kuma's webhooks: JSON, a multipart form with the JSON in `data`, or parameters of a GET.
//!
//! A monitor's heartbeat is down (0), up (1), pending (2) or under maintenance (3). Tests, and warnings about
//! certificates and domains, come without heartbeat and monitor, as text alone; so do bodies that people write. Facts are
//! from Uptime Kuma's own `server/notification-providers/webhook.js`, `server/model/monitor.js`,
//! `server/model/domain_expiry.js`, `src/components/notifications/Webhook.vue` and `src/util.ts`; its times are in UTC.

use std::borrow::Cow;

use http::Method;
use jiff::Timestamp;
use opsknight_domain::event::{Action, Event, Normalised, Severity};
use serde_json::{Value, json};

use crate::{
    Category, ParseError, Request, Source,
    guide::Facts,
    input, link,
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

    fn category(&self) -> Category {
        Category::Uptime
    }

    fn parse(&self, request: &Request<'_>, _mapping: Option<&FieldMapping>) -> Result<Vec<Normalised>, ParseError> {
        if let Some(text) = plain(request) {
            // No database keeps a NUL.
            let kept = json!({ "msg": text.replace('\0', "") });
            return Ok(vec![text_alone(Some(text.into()), kept)?]);
        }
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

    fn facts(&self) -> Facts {
        Facts {
            forms: &[
                "JSON, a form with the JSON in `data`, and parameters of a GET",
                "a custom body whose `msg`, `Body` or whole text is `{{ msg }}`",
            ],
            triggers: "a heartbeat with the status 0; `[NAME] [🔴 Down]` in a text; a warning about a certificate or a domain",
            acknowledges: "",
            resolves: "a heartbeat with the status 1; `[NAME] [✅ Up]` in a text",
            ignores: "the statuses 2 (pending) and 3 (maintenance)",
            tests: "the Test button",
            severity: "critical; warning for certificates and domains that expire",
            key: "`uptime-kuma:MONITOR_ID`; `uptime-kuma:name:NAME` where a text says no more; `uptime-kuma:text:TEXT` \
                  for a warning, without the days that are left",
            ordered_by: "`heartbeat.time`",
            delivery: "",
        }
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
    let message = fields.first(&["msg", "message", "Body", "body", "text", "content"]);
    let id = heartbeat
        .first(&["monitorID", "monitor_id", "monitorId"])
        .or_else(|| monitor.text("id"));
    let Some(id) = id.or_else(|| fields.first(&["monitorID", "monitor_id"])) else {
        return text_alone(templated(fields, message), body.clone());
    };
    let key = format!("uptime-kuma:{id}");
    let name = monitor.first(&["name", "pathName"]).or_else(|| fields.text("name"));
    let status = heartbeat.text("status").or_else(|| fields.text("status"));
    let status = status.or_else(|| Some(Cow::Borrowed(headed(message.as_deref()?)?.1)));
    let Some(status) = status else {
        // A warning about the certificate of a monitor is not about its state.
        return match message {
            Some(_) => text_alone(message, body.clone()),
            None => Err(ParseError::new("heartbeat.status", "is missing")),
        };
    };
    let word = status.trim_start_matches(|c: char| !c.is_ascii_alphanumeric());
    let action = match word.to_ascii_lowercase().as_str() {
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
    // The time of the check that found the state, by the one clock that there is.
    event.changed_at = heartbeat.time(&["time"]);
    event.occurred_at = event.changed_at;
    link::add(&mut event, address.as_deref(), "What is monitored");
    event.details = body;
    Ok(Normalised::Event(Box::new(event)))
}

/// The message; where a body of the user's own has the name and the state apart, as Uptime Kuma would have put them.
fn templated<'v>(fields: Fields<'v>, message: Option<Cow<'v, str>>) -> Option<Cow<'v, str>> {
    let is_whole = message.as_deref().is_some_and(|message| headed(message).is_some());
    match (fields.text("name"), fields.text("status")) {
        (Some(name), Some(status)) if !is_whole => {
            let message = message.unwrap_or_default();
            Some(Cow::Owned(format!("[{name}] [{status}] {message}")))
        }
        _ => message,
    }
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
    if is_testing(&message) {
        normalise::mark_test(&mut event);
    }
    event.details = body;
    Ok(Normalised::Event(Box::new(event)))
}

/// A body that is the message alone and no JSON, as a custom body of `{{ msg }}` is.
fn plain<'a>(request: &Request<'a>) -> Option<&'a str> {
    let text = std::str::from_utf8(request.body).ok()?.trim();
    let is_json = text.starts_with(['{', '"']) || text.ends_with(']');
    (!is_json && (headed(text).is_some() || is_testing(text))).then_some(text)
}

/// "My OpsKnight Testing": the name of the notification and this word. Templates have a state of their own for tests.
fn is_testing(message: &str) -> bool {
    if message.contains("] [⚠️ Test]") {
        return true;
    }
    let last = message.split_whitespace().next_back();
    last.is_some_and(|word| word.eq_ignore_ascii_case("testing"))
}

/// The name and the state of `[Shop] [🔴 Down] timeout`; the name may hold brackets too.
fn headed(message: &str) -> Option<(&str, &'static str)> {
    let message = message.trim().strip_prefix('[')?;
    message.match_indices("] [").find_map(|(at, between)| {
        let (state, _) = message[at + between.len()..].split_once(']')?;
        let state = state.trim_start_matches(|c: char| !c.is_ascii_alphabetic());
        match state.to_ascii_lowercase().as_str() {
            "up" => Some((&message[..at], "up")),
            "down" => Some((&message[..at], "down")),
            _ => None,
        }
    })
}

/// A warning without the days that are left, so that it stays the same from day to day.
fn without_days(message: &str) -> String {
    let words: Vec<&str> = message.split_whitespace().collect();
    let kept = words.iter().enumerate().filter(|(at, word)| {
        let is_count = word.trim_start_matches('-').bytes().all(|b| b.is_ascii_digit());
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
    fn a_text_is_kept_without_what_no_database_keeps() {
        let call = Call {
            body: "[Shop] [🔴 Down] time\0out".as_bytes(),
            ..Call::default()
        };
        let event = only(call.parse(&UptimeKuma).expect("an event"));
        assert_eq!(event.details["msg"], "[Shop] [🔴 Down] timeout");
    }

    /// What Uptime Kuma 2 makes of the body that its own form proposes, and of the message alone.
    #[test]
    fn bodies_of_the_users_own() {
        let proposed = |msg: &str| event(&UptimeKuma, &json!({"Title": "Uptime Kuma Alert - Shop", "Body": msg}));
        let plain = |msg: &str| {
            let call = Call::form(msg);
            only(call.parse(&UptimeKuma).expect("an event"))
        };
        for (down, up) in [
            (
                proposed("[Shop [eu] [a]] [🔴 Down] timeout"),
                proposed("[Shop [eu] [a]] [✅ Up] 200 - OK"),
            ),
            (
                plain("[Shop [eu] [a]] [🔴 Down] 50% + x=y"),
                plain("[Shop [eu] [a]] [✅ Up] 200 - OK"),
            ),
        ] {
            assert_eq!((down.action, up.action), (Action::Trigger, Action::Resolve));
            assert_eq!(down.dedup_key, "uptime-kuma:name:Shop [eu] [a]");
            assert_eq!(up.dedup_key, down.dedup_key);
        }
        assert!(plain("My OpsKnight Testing").is_test && proposed("My OpsKnight Testing").is_test);
        assert_eq!(
            plain("[Shop] [🔴 Down] 50% + x=y").summary,
            "[Shop] [🔴 Down] 50% + x=y"
        );
        // As Uptime Kuma sends it: its templates escape nothing.
        let quoted = "{\n    \"Title\": \"Uptime Kuma Alert - Shop \"front\" 🛒\",\n    \"Body\": \"[Shop \"front\" 🛒] [🔴 Down] timeout\"\n}";
        let quoted = only(Call::form(quoted).parse(&UptimeKuma).expect("an event"));
        assert_eq!(quoted.dedup_key, "uptime-kuma:name:Shop \"front\" 🛒");
        let apart = |status: &str| event(&UptimeKuma, &json!({"name": "Shop", "status": status}));
        assert_eq!(
            (apart("🔴 Down").action, apart("✅ Up").action),
            (Action::Trigger, Action::Resolve)
        );
        assert_eq!(apart("✅ Up").dedup_key, "uptime-kuma:name:Shop");
        assert!(apart("⚠️ Test").is_test && !apart("🔴 Down").is_test);
        let status = json!({"monitorID": 4, "name": "Shop", "status": "✅ Up", "msg": "fine"});
        assert_eq!(event(&UptimeKuma, &status).action, Action::Resolve);
        let call = Call {
            body: b"nothing that Uptime Kuma sends",
            ..Call::default()
        };
        assert!(call.parse(&UptimeKuma).is_err());
    }

    /// Domains are watched since Uptime Kuma 2.1; a monitor may come along with a warning that is not about its state.
    #[test]
    fn warnings_are_not_about_the_state_of_a_monitor() {
        let with_monitor = json!({
            "heartbeat": null, "monitor": {"id": 5, "name": "Shop"},
            "msg": "[Shop][https://shop.example] server certificate shop.example will expire in 7 days"
        });
        let warning = event(&UptimeKuma, &with_monitor);
        assert_eq!((warning.action, warning.severity), (Action::Trigger, Severity::Warning));
        assert!(warning.dedup_key.starts_with("uptime-kuma:text:[Shop]"));
        let domain = |days: &str| {
            let msg = format!("Domain name shop.example will expire in {days} days");
            event(&UptimeKuma, &json!({"heartbeat": null, "monitor": null, "msg": msg}))
        };
        assert_eq!(domain("7").dedup_key, domain("-1").dedup_key);
        assert_eq!(domain("7").severity, Severity::Warning);
    }

    #[test]
    fn beats_are_in_the_order_of_their_times() {
        let at = |status: u8| event(&UptimeKuma, &beat(json!(status))).changed_at;
        let expected: Timestamp = "2026-03-02T09:00:00.123Z".parse().expect("a time");
        assert_eq!([at(0), at(1)], [Some(expected); 2]);
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
