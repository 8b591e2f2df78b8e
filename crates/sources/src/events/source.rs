//! The Events API as one of the sources, with an address of its own.
//!
//! It owns what the gallery says of it; the body and its rules are the module's above.

use jiff::Timestamp;
use opsknight_domain::event::Normalised;
use serde_json::json;

use super::parse_enqueue;
use crate::{
    Category, ParseError, Request, Source,
    guide::Facts,
    hash_hex,
    mapping::FieldMapping,
    setup::{Sample, Setup, Snippet},
    signature::SignatureSupport,
};

/// The Events API as a source with an address of its own, for tools that can only be given a URL.
#[derive(Debug)]
pub(crate) struct EventsApi;

impl Source for EventsApi {
    fn slug(&self) -> &'static str {
        "events"
    }

    fn type_name(&self) -> &'static str {
        "EVENTS_API_V2"
    }

    fn title(&self) -> &'static str {
        "Events API v2"
    }

    fn tagline(&self) -> &'static str {
        "PagerDuty's clients and everything that speaks its Events API; your own scripts"
    }

    fn category(&self) -> Category {
        Category::Generic
    }

    /// Here a trigger without a key gets one made of its summary and its source, so that the same trouble told twice is
    /// one incident.
    fn parse(&self, request: &Request<'_>, _mapping: Option<&FieldMapping>) -> Result<Vec<Normalised>, ParseError> {
        let enqueue = parse_enqueue(request.body)?;
        let (summary, source) = (&enqueue.event.summary, enqueue.event.source.as_deref());
        let key = hash_hex([summary.as_str(), source.unwrap_or_default()]);
        let event = enqueue.into_event(|| format!("events:{key}"));
        Ok(vec![Normalised::Event(Box::new(event))])
    }

    fn signature(&self) -> SignatureSupport {
        SignatureSupport::Generic {
            note: "Sign the body with HMAC-SHA256 and send it as X-Signature: sha256=<hex>. PagerDuty's own clients do \
                   not sign; leave the secret empty for them.",
        }
    }

    fn facts(&self) -> Facts {
        Facts {
            forms: &["PagerDuty's Events API v2: `event_action`, `dedup_key`, `payload`; v1 is refused"],
            triggers: "`event_action` `trigger`",
            acknowledges: "`event_action` `acknowledge`",
            resolves: "`event_action` `resolve`",
            ignores: "",
            tests: "",
            severity: "`payload.severity`; without it warning; another word than the four is refused",
            key: "`dedup_key` as it is; without one `events:` and a hash of the summary and the source",
            ordered_by: "",
            delivery: "",
        }
    }

    fn setup(&self) -> Setup {
        Setup {
            steps: &[
                "In your tool, choose PagerDuty (Events API v2) and enter the integration key as the routing key.",
                "Where the tool lets you change PagerDuty's address, enter the address of this server instead of \
                 https://events.pagerduty.com.",
                "Or send events yourself, as below. Send resolve with the same dedup_key when it is over.",
            ],
            snippets: SNIPPETS,
            vendor_docs: Some("https://developer.pagerduty.com/docs/events-api-v2/trigger-events/"),
        }
    }

    fn sample(&self, now: Timestamp) -> Sample {
        Sample::json(&json!({
            "event_action": "trigger",
            "dedup_key": "opsknight-test",
            "payload": {
                "summary": "Test event of the Events API",
                "source": "opsknight",
                "severity": "info",
                "timestamp": now.to_string(),
                "custom_details": {"note": "Somebody is trying out this integration. Nothing is wrong."}
            }
        }))
    }
}

/// The call of our document, PagerDuty's own, and Alertmanager's receiver for it.
const SNIPPETS: &[Snippet] = &[
    Snippet {
        name: "curl",
        language: "shell",
        template: "curl -X POST '{base}/api/events' \\\n  -H 'Authorization: Token token={key}' \\\n  -H 'Content-Type: application/json' \\\n  -d '{\n    \"event_action\": \"trigger\",\n    \"dedup_key\": \"web-01/cpu\",\n    \"payload\": {\n      \"summary\": \"High CPU on web-01\",\n      \"source\": \"web-01\",\n      \"severity\": \"critical\"\n    }\n  }'\n",
    },
    Snippet {
        name: "Python, PagerDuty's client",
        language: "python",
        template: "import pagerduty\n\nclient = pagerduty.EventsApiV2Client('{key}', base_url='{base}')\nkey = client.trigger('High CPU on web-01', 'web-01', severity='critical')\nclient.resolve(key)\n",
    },
    Snippet {
        name: "alertmanager.yml",
        language: "yaml",
        template: "receivers:\n  - name: opsknight\n    pagerduty_configs:\n      - url: '{base}/v2/enqueue'\n        routing_key: '{key}'\n",
    },
];
