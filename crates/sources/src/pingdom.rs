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
    ParseError, Request, Source, input, link,
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

    fn parse(&self, request: &Request<'_>, _mapping: Option<&FieldMapping>) -> Result<Vec<Normalised>, ParseError> {
        let mut body = input::read_with_query(request)?;
        // The older form has the whole alert as JSON in one parameter.
        if let Some(message @ Value::Object(_)) = body.get_mut("message").map(Value::take) {
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

/// A check and its state.
fn check(body: Value) -> Result<Normalised, ParseError> {
    let fields = Fields::new(&body, Style::None);
    let id = fields
        .first(&["check_id", "check"])
        .ok_or_else(|| ParseError::new("check_id", "is missing"))?;
    let state = fields.first(&["current_state", "action", "description"]);
    let state = state.ok_or_else(|| ParseError::new("current_state", "is missing"))?;
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
    let what = fields
        .text("description")
        .filter(|text| !text.eq_ignore_ascii_case(&state));
    let summary = match what {
        Some(what) => format!("{name} is {state}: {}", normalise::first_line(&what)),
        None if fields.text("current_state").is_some() => format!("{name} is {state}"),
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

    /// A replay of an old state is told by its time, which ordering goes by.
    #[test]
    fn the_state_has_its_time() {
        let event = event(
            &Pingdom,
            &json!({"check_id": 7, "current_state": "DOWN", "state_changed_timestamp": "1772442000", "second_probe": {}}),
        );
        assert_eq!(event.occurred_at.map(|time| time.as_second()), Some(1_772_442_000));
    }
}
