//! UptimeRobot's webhooks: parameters in the query string, a form, JSON, or a body of the user's with `*variables*`.
//!
//! A monitor is down (1) or up (2); the expiry of a certificate or a domain (3) is something else on the same monitor.
//! Facts are from help.uptimerobot.com, "Webhook integration", and uptimerobot.com/integrations/webhooks. A variable for
//! which UptimeRobot has no value stays as it is written. In bodies of their own, people also write the names in small
//! letters and with underscores, as Zulip's guide has it (`monitor_url`, `alert_type`).

use std::borrow::Cow;

use http::Method;
use jiff::Timestamp;
use opsknight_domain::event::{Action, Event, Normalised, Severity};
use serde_json::{Value, json};

use crate::{
    Category, ParseError, Request, Source,
    guide::Facts,
    input, link,
    loose::Loose,
    mapping::FieldMapping,
    normalise::{self, ignored},
    setup::{Sample, Setup, Snippet},
    signature::SignatureSupport,
    template::{Fields, Style, is_unfilled},
    when,
};

/// UptimeRobot.
#[derive(Debug)]
pub(crate) struct UptimeRobot;

impl Source for UptimeRobot {
    fn slug(&self) -> &'static str {
        "uptimerobot"
    }

    fn type_name(&self) -> &'static str {
        "UPTIMEROBOT"
    }

    fn title(&self) -> &'static str {
        "UptimeRobot"
    }

    fn tagline(&self) -> &'static str {
        "Monitors that go down and up, and certificates and domains that expire"
    }

    fn category(&self) -> Category {
        Category::Uptime
    }

    fn parse(&self, request: &Request<'_>, _mapping: Option<&FieldMapping>) -> Result<Vec<Normalised>, ParseError> {
        normalise::each(input::read_with_query(request)?, alert)
    }

    fn signature(&self) -> SignatureSupport {
        SignatureSupport::Generic {
            note: "UptimeRobot cannot sign its requests. Leave the secret empty, or require the integration key and give \
                   it as a custom header: X-Integration-Key.",
        }
    }

    fn takes(&self, method: &Method) -> bool {
        *method == Method::POST || *method == Method::GET
    }

    fn facts(&self) -> Facts {
        Facts {
            forms: &[
                "UptimeRobot's default variables as a query string (GET or POST), as a form, or as JSON",
                "A JSON body of yours with `*variables*`; parameters of the query string are added to it",
            ],
            triggers: "`alertType` 1 (down), 3 (a certificate or a domain expires), and numbers that are not known; without \
                       `alertType` the words of `alertTypeFriendlyName`",
            acknowledges: "",
            resolves: "`alertType` 2 (up). Nothing ends the alert about an expiry",
            ignores: "Monitors that are started (98) or paused (99)",
            tests: "",
            severity: "Down is critical, an expiry a warning",
            key: "`uptimerobot:` and `monitorID`, without it `monitorURL` or `monitorFriendlyName`; with `:expiry` at its end \
                  for expiries",
            ordered_by: "`alertDateTime`, for down and up",
            delivery: "",
        }
    }

    fn setup(&self) -> Setup {
        Setup {
            steps: &[
                "In UptimeRobot, open Integrations & API, and add a webhook.",
                "Paste the URL below. It ends with &, since UptimeRobot appends its parameters to it.",
                "Choose to send the values as JSON, and paste the body below as the POST value; or leave the default \
                 parameters on, which are understood as well.",
                "Choose up, down and expiry events, and add the webhook to your monitors.",
            ],
            snippets: SNIPPETS,
            vendor_docs: Some("https://help.uptimerobot.com/en/articles/14498593-webhook-integration"),
        }
    }

    fn sample(&self, now: Timestamp) -> Sample {
        Sample::json(&json!({
            "monitorID": "opsknight-test",
            "monitorURL": "https://test.example/",
            "monitorFriendlyName": "Test alert from UptimeRobot",
            "alertType": "1",
            "alertTypeFriendlyName": "Down",
            "alertDetails": "Somebody is trying out this integration. Nothing is wrong.",
            "alertDuration": "0",
            "alertDateTime": now.as_second().to_string(),
            "monitorAlertContacts": ""
        }))
    }
}

/// The address as UptimeRobot wants it, and the body with its variables.
const SNIPPETS: &[Snippet] = &[
    Snippet {
        name: "URL to notify",
        language: "text",
        template: "{url}&",
    },
    Snippet {
        name: "POST value (JSON)",
        language: "json",
        template: "{\n  \"monitorID\": \"*monitorID*\",\n  \"monitorURL\": \"*monitorURL*\",\n  \"monitorFriendlyName\": \"*monitorFriendlyName*\",\n  \"alertType\": \"*alertType*\",\n  \"alertTypeFriendlyName\": \"*alertTypeFriendlyName*\",\n  \"alertDetails\": \"*alertDetails*\",\n  \"alertDuration\": \"*alertDuration*\",\n  \"alertDateTime\": \"*alertDateTime*\",\n  \"sslExpiryDate\": \"*sslExpiryDate*\",\n  \"sslExpiryDaysLeft\": \"*sslExpiryDaysLeft*\",\n  \"domainExpireDate\": \"*domainExpireDate*\",\n  \"dashboardUrl\": \"*dashboardUrl*\"\n}\n",
    },
];

/// What an alert type says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Down,
    Up,
    Expiry,
    /// The monitor was started (98) or paused (99).
    Switched,
}

/// One alert.
fn alert(body: Value) -> Result<Normalised, ParseError> {
    let fields = Loose::new(&body, &[], |text| is_unfilled(text, Style::Stars));
    let name = fields.get(&["monitorfriendlyname", "monitorname"]);
    let address = fields.get(&["monitorurl"]);
    let id = fields
        .get(&["monitorid"])
        .or_else(|| address.clone())
        .or_else(|| name.clone());
    let id =
        id.ok_or_else(|| ParseError::new("monitorID", "is missing, and so are monitorURL and monitorFriendlyName"))?;
    let kind =
        kind(&fields).ok_or_else(|| ParseError::new("alertType", "is missing, and so is alertTypeFriendlyName"))?;
    let key = format!("uptimerobot:{id}");
    let called = name.or_else(|| address.clone()).unwrap_or_else(|| id.clone());
    let details = fields.get(&["alertdetails"]);
    let (action, severity, key, what) = match kind {
        Kind::Down => (Action::Trigger, Severity::Critical, key, Cow::Borrowed("is down")),
        Kind::Up => (Action::Resolve, Severity::Critical, key, Cow::Borrowed("is up")),
        Kind::Expiry => (Action::Trigger, Severity::Warning, key + ":expiry", expiry(&fields)),
        Kind::Switched => return Ok(ignored(Some(key), "The monitor was started or paused.")),
    };
    let summary = match details.as_deref().map(normalise::first_line) {
        Some(details) => format!("{called} {what}: {details}"),
        None => format!("{called} {what}"),
    };
    let mut event = Event::new(action, key, severity, summary);
    event.description = normalise::description(details, &event.summary);
    event.source = normalise::short(address.clone().or_else(|| Some(called.clone())));
    event.component = normalise::short(Some(called));
    let tags = || Fields::new(&body, Style::Stars).line("monitorTags");
    event.group = normalise::short(fields.get(&["monitorgroup", "monitortags"]).or_else(tags));
    event.class = normalise::short(fields.get(&["alerttypefriendlyname"]));
    let time = fields.get(&["alertdatetime"]);
    event.occurred_at = time.and_then(|time| when::read(&Value::String(time.into_owned())));
    // Down and up have the time of their own alert. An expiry has no end.
    event.changed_at = event.occurred_at.filter(|_| kind != Kind::Expiry);
    link::add(
        &mut event,
        fields.get(&["dashboardurl", "incidenturl"]).as_deref(),
        "UptimeRobot",
    );
    link::add(&mut event, address.as_deref(), "What is monitored");
    drop(fields);
    event.details = body;
    Ok(Normalised::Event(Box::new(event)))
}

/// The number, else its name. A type that is not known yet is taken as down, so that no alert is lost to a number.
fn kind(fields: &Loose<'_>) -> Option<Kind> {
    if let Some(number) = fields.get(&["alerttype"]) {
        return Some(match &*number {
            "2" => Kind::Up,
            "3" => Kind::Expiry,
            "98" | "99" => Kind::Switched,
            word => by_name(word).unwrap_or(Kind::Down),
        });
    }
    Some(by_name(&fields.get(&["alerttypefriendlyname"])?).unwrap_or(Kind::Down))
}

fn by_name(name: &str) -> Option<Kind> {
    let name = name.to_ascii_lowercase();
    let mut words = name.split(|c: char| !c.is_ascii_alphanumeric());
    words.find_map(|word| match word {
        "down" => Some(Kind::Down),
        "up" => Some(Kind::Up),
        "ssl" | "expiry" | "expire" | "expires" | "expiration" | "domain" => Some(Kind::Expiry),
        "started" | "paused" => Some(Kind::Switched),
        _ => None,
    })
}

/// What expires, and when.
fn expiry(fields: &Loose<'_>) -> Cow<'static, str> {
    if let Some(days) = fields.get(&["sslexpirydaysleft"]) {
        return Cow::Owned(format!("has a certificate that expires in {days} days"));
    }
    match fields.get(&["domainexpiredate"]) {
        Some(date) => Cow::Owned(format!("has a domain that expires on {date}")),
        None => Cow::Borrowed("has a certificate or a domain that expires soon"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{Call, event, only, parse, reason};

    #[test]
    fn query_strings_forms_and_both() {
        let query = "integrationId=int_1&&monitorID=77&monitorURL=https://shop.example&monitorFriendlyName=Caf%E9&alertType=1&alertDetails=*alertDetails*&alertDateTime=1772442000";
        for (method, body) in [
            (Method::GET, &b""[..]),
            (Method::POST, b"alertDetails=HTTP+500"),
            (Method::POST, b"{\"monitorID\":77}"),
        ] {
            let call = Call {
                method,
                query,
                headers: &[("content-type", "application/x-www-form-urlencoded")],
                body,
            };
            let event = only(call.parse(&UptimeRobot).expect("an event"));
            assert_eq!(
                (event.action, event.dedup_key.as_str()),
                (Action::Trigger, "uptimerobot:77")
            );
            assert!(event.summary.starts_with("Café is down"), "{}", event.summary);
            assert!(!event.summary.contains('*') && event.occurred_at.is_some());
            assert!(event.details.get("integrationId").is_none());
        }
        assert!(UptimeRobot.takes(&Method::GET) && !UptimeRobot.takes(&Method::PUT));
    }

    #[test]
    fn types_are_numbers_texts_and_names() {
        for (value, action) in [
            (json!(1), Action::Trigger),
            (json!("2"), Action::Resolve),
            (json!(2), Action::Resolve),
            (json!("Up"), Action::Resolve),
        ] {
            assert_eq!(
                event(&UptimeRobot, &json!({"monitorID": 5, "alertType": value})).action,
                action,
                "{value}"
            );
        }
        let named = json!({"monitorID": "5", "alertType": "*alertType*", "alertTypeFriendlyName": "Up"});
        assert_eq!(event(&UptimeRobot, &named).action, Action::Resolve);
        for switched in [json!(98), json!("99"), json!("Paused")] {
            assert!(reason(&UptimeRobot, &json!({"monitorID": 5, "alertType": switched})).contains("paused"));
        }
        let expiry = event(
            &UptimeRobot,
            &json!({"monitorID": 5, "alertType": 3, "sslExpiryDaysLeft": 7}),
        );
        assert_eq!(
            (expiry.dedup_key.as_str(), expiry.severity),
            ("uptimerobot:5:expiry", Severity::Warning)
        );
    }

    #[test]
    fn down_and_up_are_ordered_by_their_time() {
        let at = |kind: u8, time: Value| {
            let body = json!({"monitorID": 5, "alertType": kind, "alertDateTime": time});
            event(&UptimeRobot, &body).changed_at
        };
        let (down, up) = (at(1, json!("1772442000")), at(2, json!(1_772_442_600)));
        assert!(down.is_some() && down < up, "{down:?} {up:?}");
        assert_eq!(at(3, json!("1772442000")), None);
        assert_eq!(at(1, json!("*alertDateTime*")), None);
    }

    /// What UptimeRobot makes of the body of our set-up text, behind the address of it; variables without a value stay.
    #[test]
    fn the_body_of_the_set_up_is_understood() {
        let snippets = UptimeRobot.setup().snippets;
        let url = snippets[0].render(
            "https://ok.example/api/integrations/uptimerobot?integrationId=int_1",
            "key",
        );
        let (_, query) = format!("{url}monitorID=77&alertType=1")
            .split_once('?')
            .map(|(base, query)| (base.to_owned(), query.to_owned()))
            .expect("a query");
        let filled = |kind: &str, time: &str| {
            let body = snippets[1]
                .template
                .replace("*monitorID*", "77")
                .replace("*monitorFriendlyName*", "Shop")
                .replace("*alertType*", kind)
                .replace("*alertDetails*", "HTTP \"502\"")
                .replace("*alertDateTime*", time);
            let call = Call {
                query: &query,
                headers: &[("content-type", "application/json")],
                body: body.as_bytes(),
                ..Call::default()
            };
            only(call.parse(&UptimeRobot).expect("an event"))
        };
        let (down, up) = (filled("1", "1772442000"), filled("2", "1772442600"));
        assert_eq!(
            (down.action, down.dedup_key.as_str(), down.summary.as_str()),
            (Action::Trigger, "uptimerobot:77", "Shop is down: HTTP \"502\"")
        );
        assert_eq!((up.action, &up.dedup_key), (Action::Resolve, &down.dedup_key));
        assert!(down.changed_at < up.changed_at && down.details.get("integrationId").is_none());
        // Without a body, the default parameters behind the address are enough.
        let call = Call {
            query: &query,
            ..Call::default()
        };
        assert_eq!(
            only(call.parse(&UptimeRobot).expect("an event")).dedup_key,
            "uptimerobot:77"
        );
    }

    #[test]
    fn what_is_needed() {
        let field = |body: Value| parse(&UptimeRobot, &body).map_err(|error| error.field);
        assert_eq!(
            field(json!({"alertType": 1, "monitorID": "*monitorID*"})),
            Err("monitorID".into())
        );
        assert_eq!(field(json!({"monitorID": 1})), Err("alertType".into()));
        let nothing = Call {
            method: Method::GET,
            query: "integrationId=int_1",
            ..Call::default()
        };
        assert_eq!(
            nothing.parse(&UptimeRobot).map_err(|error| error.field),
            Err("body".into())
        );
    }
}
