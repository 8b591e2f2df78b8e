//! Pingdom's webhooks: checks that change their state, and the older alerts in the parameter `message`.
//!
//! Facts are from pingdom.com/resources/webhooks (UP and DOWN for checks of one address, SUCCESS and FAILING for
//! transactions, importance HIGH and LOW) and, for the older form, from what Pingdom's BeepManager sent with GET.

use std::borrow::Cow;

use http::Method;
use jiff::Timestamp;
use opsknight_domain::event::{Action, Event, Normalised, Severity};
use serde_json::{Value, json};

use crate::{
    Category, ParseError, Request, Source,
    guide::Facts,
    input, json as lenient, link,
    mapping::FieldMapping,
    normalise::{self, ignored},
    setup::{Sample, Setup, Snippet},
    signature::SignatureSupport,
    template::{Fields, Style},
};

/// Pingdom.
#[derive(Debug)]
pub(crate) struct Pingdom;

impl Source for Pingdom {
    fn slug(&self) -> &'static str {
        "pingdom"
    }

    fn type_name(&self) -> &'static str {
        "PINGDOM"
    }

    fn title(&self) -> &'static str {
        "Pingdom"
    }

    fn tagline(&self) -> &'static str {
        "Uptime and transaction checks of Pingdom that fail and recover"
    }

    fn category(&self) -> Category {
        Category::Uptime
    }

    fn parse(&self, request: &Request<'_>, _mapping: Option<&FieldMapping>) -> Result<Vec<Normalised>, ParseError> {
        let mut body = input::read_with_query(request)?;
        // The older form has the whole alert as JSON in one parameter.
        let is_older = body.get("check_id").is_none();
        if let Some(message) = body.get("message").filter(|_| is_older).and_then(older_message) {
            body = message;
        }
        normalise::each(body, check)
    }

    fn signature(&self) -> SignatureSupport {
        SignatureSupport::Generic {
            note: "Pingdom can neither sign its requests nor send a header. Leave the secret empty; the URL is the secret.",
        }
    }

    fn takes(&self, method: &Method) -> bool {
        *method == Method::POST || *method == Method::GET
    }

    fn facts(&self) -> Facts {
        Facts {
            forms: &[
                "The webhook integration's JSON (`check_id`, `current_state`), for uptime and for transaction checks",
                "BeepManager's older alerts: GET or a form with the alert as JSON in `message`",
            ],
            triggers: "`DOWN` and `FAILING`; in older alerts the description `down`",
            acknowledges: "",
            resolves: "`UP` and `SUCCESS`; in older alerts the description `up` or the action `notify_of_close`",
            ignores: "Checks whose state is `UNKNOWN`, unconfirmed or `PAUSED`",
            tests: "",
            severity: "`importance_level`: `HIGH` is critical, `LOW` a warning; critical where there is none",
            key: "`pingdom:` and `check_id`",
            ordered_by: "`state_changed_timestamp`",
            delivery: "",
        }
    }

    fn setup(&self) -> Setup {
        Setup {
            steps: &[
                "In Pingdom, open Integrations, and add one of the type Webhook.",
                "Name it OpsKnight, paste the URL below and keep it active.",
                "Edit your checks and tick OpsKnight under their integrations.",
                "Give each check an importance: high pages as critical, low as a warning.",
            ],
            snippets: SNIPPETS,
            vendor_docs: Some("https://www.pingdom.com/resources/webhooks/"),
        }
    }

    fn sample(&self, now: Timestamp) -> Sample {
        Sample::json(&json!({
            "check_id": 1,
            "check_name": "Test alert from Pingdom",
            "check_type": "HTTP",
            "check_params": {"full_url": "https://test.example/", "hostname": "test.example"},
            "tags": ["opsknight"],
            "previous_state": "UP",
            "current_state": "DOWN",
            "importance_level": "LOW",
            "state_changed_timestamp": now.as_second(),
            "long_description": "Somebody is trying out this integration. Nothing is wrong.",
            "description": "Test",
            "first_probe": {},
            "second_probe": {},
            "version": 1
        }))
    }
}

/// Pingdom needs nothing but the address.
const SNIPPETS: &[Snippet] = &[Snippet {
    name: "Webhook URL",
    language: "text",
    template: "{url}",
}];

/// The alert of the older form. Where the parameters were not written as JSON, they are a Python tuple of one text:
/// `(u'{…}',)`.
fn older_message(message: &Value) -> Option<Value> {
    let text = match message {
        Value::Object(_) => return Some(message.clone()),
        Value::String(text) => text.trim(),
        _ => return None,
    };
    let text = text
        .strip_prefix("(u'")
        .and_then(|text| text.strip_suffix("',)"))
        .unwrap_or(text);
    lenient::parse(text.as_bytes()).ok().filter(Value::is_object)
}

/// The state of a check. In the older form the description says it, whoever was told and however.
fn state<'v>(fields: Fields<'v>) -> Option<Cow<'v, str>> {
    let said = fields.text("description");
    let said = said.filter(|text| text.eq_ignore_ascii_case("up") || text.eq_ignore_ascii_case("down"));
    let action = fields.text("action");
    if action.as_deref() == Some("notify_of_close") {
        return action;
    }
    fields.first(&["current_state", "state"]).or(said).or(action)
}

/// A check and its state.
fn check(body: Value) -> Result<Normalised, ParseError> {
    let fields = Fields::new(&body, Style::None);
    let id = fields
        .first(&["check_id", "check"])
        .ok_or_else(|| ParseError::new("check_id", "is missing"))?;
    let state = state(fields).ok_or_else(|| ParseError::new("current_state", "is missing"))?;
    let key = format!("pingdom:{id}");
    let Some(action) = action(&state) else {
        return Ok(ignored(
            Some(key),
            format!("The check is {state}, which is neither down nor up."),
        ));
    };
    let name = fields
        .first(&["check_name", "checkname"])
        .unwrap_or_else(|| Cow::Owned(format!("Pingdom check {id}")));
    let severity = match fields
        .text("importance_level")
        .map(|level| level.to_ascii_uppercase())
        .as_deref()
    {
        Some("LOW") => Severity::Warning,
        _ => Severity::Critical,
    };
    let is_older = fields.first(&["current_state", "state"]).is_none();
    let what = fields.first(&["description", "last_error"]).filter(|_| !is_older);
    let summary = match what {
        Some(what) => format!("{name} is {state}: {}", normalise::first_line(&what)),
        None if !is_older => format!("{name} is {state}"),
        None => format!("{name} is {}", if action == Action::Resolve { "up" } else { "down" }),
    };
    let mut event = Event::new(action, key, severity, summary);
    event.description = normalise::description(fields.first(&["long_description", "description"]), &event.summary);
    let parameters = fields.within("check_params");
    event.source = normalise::short(parameters.text("hostname").or_else(|| fields.text("host")));
    event.component = normalise::short(Some(name));
    event.group = normalise::short(fields.line("tags"));
    event.class = normalise::short(fields.text("check_type"));
    event.occurred_at = fields.time(&["state_changed_timestamp", "state_changed_utc_time"]);
    // Whatever the state is, it is the time since which the check is in it.
    event.changed_at = event.occurred_at;
    link::add(
        &mut event,
        Some(&format!("https://my.pingdom.com/app/reports/uptime#check={id}")),
        "Pingdom",
    );
    link::add(
        &mut event,
        parameters.first(&["full_url", "url"]).as_deref(),
        "What is checked",
    );
    event.details = body;
    Ok(Normalised::Event(Box::new(event)))
}

/// Pingdom's states, and the words of the older form. None: nothing is known yet, or nobody wants to know.
fn action(state: &str) -> Option<Action> {
    match state.to_ascii_uppercase().as_str() {
        "UP" | "SUCCESS" | "NOTIFY_OF_CLOSE" => Some(Action::Resolve),
        "UNKNOWN" | "UNCONFIRMED" | "UNCONFIRMED_DOWN" | "PAUSED" => None,
        _ => Some(Action::Trigger),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{Call, event, only, parse, reason};

    #[test]
    fn states_and_importance() {
        let of = |state: &str, importance: Value| {
            event(
                &Pingdom,
                &json!({"check_id": "7", "current_state": state, "importance_level": importance}),
            )
        };
        for (state, action) in [
            ("DOWN", Action::Trigger),
            ("FAILING", Action::Trigger),
            ("UP", Action::Resolve),
            ("success", Action::Resolve),
        ] {
            assert_eq!(of(state, json!("HIGH")).action, action, "{state}");
        }
        assert_eq!(of("DOWN", json!("HIGH")).severity, Severity::Critical);
        assert_eq!(of("DOWN", json!("LOW")).severity, Severity::Warning);
        assert_eq!(of("DOWN", json!(null)).severity, Severity::Critical);
        assert_eq!(
            of("DOWN", json!(null)).dedup_key,
            event(&Pingdom, &json!({"check_id": 7, "current_state": "UP"})).dedup_key
        );
        assert!(reason(&Pingdom, &json!({"check_id": 7, "current_state": "UNKNOWN"})).contains("UNKNOWN"));
        assert_eq!(
            parse(&Pingdom, &json!({"current_state": "UP"})).map_err(|error| error.field),
            Err("check_id".into())
        );
        assert_eq!(
            parse(&Pingdom, &json!({"check_id": 1})).map_err(|error| error.field),
            Err("current_state".into())
        );
    }

    #[test]
    fn the_older_form() {
        let of = |action: &str, description: &str| {
            let message = json!({"check": "7", "checkname": "Shop", "host": "shop.example", "action": action, "incidentid": 3, "description": description});
            let query: String = url::form_urlencoded::Serializer::new("integrationId=int_1".to_owned())
                .append_pair("message", &message.to_string())
                .finish();
            only(
                Call {
                    method: Method::GET,
                    query: &query,
                    ..Call::default()
                }
                .parse(&Pingdom)
                .expect("an event"),
            )
        };
        let (down, up) = (of("assign", "down"), of("notify_of_close", "up"));
        assert_eq!((down.action, up.action), (Action::Trigger, Action::Resolve));
        assert_eq!(
            (down.dedup_key.as_str(), up.dedup_key.as_str()),
            ("pingdom:7", "pingdom:7")
        );
        assert_eq!(down.source.as_deref(), Some("shop.example"));
    }

    /// Python's own writing of a text, and a person who is told of the end.
    #[test]
    fn odd_older_alerts() {
        for (text, action) in [
            (
                r#"{"check":"7","action":"notify_user","description":"up"}"#,
                Action::Resolve,
            ),
            (
                r#"{"check":"7","action":"notify_user","description":"down"}"#,
                Action::Trigger,
            ),
            (
                r#"(u'{"check":"7","action":"assign","description":"down"}',)"#,
                Action::Trigger,
            ),
            (
                r#"(u'{"check":"7","action":"notify_of_close","description":"down"}',)"#,
                Action::Resolve,
            ),
        ] {
            let body = json!({"p": "(u'app',)", "message": text});
            let event = event(&Pingdom, &body);
            assert_eq!(
                (event.action, event.dedup_key.as_str()),
                (action, "pingdom:7"),
                "{text}"
            );
        }
    }

    /// A replay of an old state is told by its time, which ordering goes by.
    #[test]
    fn the_state_has_its_time() {
        let of = |state: &str, time: Value| {
            event(
                &Pingdom,
                &json!({"check_id": 7, "current_state": state, "state_changed_timestamp": time, "second_probe": {}}),
            )
        };
        let (down, up) = (of("DOWN", json!("1772442000")), of("UP", json!(1_772_442_600)));
        assert_eq!(down.occurred_at.map(|time| time.as_second()), Some(1_772_442_000));
        assert!(down.changed_at.is_some() && down.changed_at < up.changed_at);
    }
}
