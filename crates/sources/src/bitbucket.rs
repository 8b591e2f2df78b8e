//! Bitbucket's webhooks: commit statuses and pipeline runs of Bitbucket Cloud, and the ping of Data Center.
//!
//! A build is known by its repository, its status key and its branch. Facts are from support.atlassian.com, "Event
//! payloads", confluence.atlassian.com/bitbucketserver, "Event payload", and Atlassian's "Bitbucket Pipelines
//! OpenTelemetry traces via webhooks" for `pipeline:span_created`, whose spans are OTLP in JSON. Only the span of a whole
//! run counts; those of steps, commands and containers are many and say the same.

use std::borrow::Cow;

use jiff::Timestamp;
use opsknight_domain::event::{Action, Event, Normalised, Severity};
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use serde_json::{Map, Value, json};

use crate::{
    ParseError, Request, Source, header_delivery_id, json, link,
    mapping::FieldMapping,
    normalise::{description, ignored, short},
    pick,
    setup::{Sample, Setup, Snippet},
    signature::{self, SignatureError, SignatureSupport},
    when,
};

/// Bitbucket's own header, with `sha256=` before the digits, in the Cloud and in Data Center.
const SIGNATURE_HEADER: &str = "x-hub-signature";
/// The span of a whole run.
const RUN_SPAN: &str = "bbc.pipeline_run";

/// Bitbucket.
#[derive(Debug)]
pub(crate) struct Bitbucket;

impl Source for Bitbucket {
    fn slug(&self) -> &'static str {
        "bitbucket"
    }

    fn type_name(&self) -> &'static str {
        "BITBUCKET"
    }

    fn title(&self) -> &'static str {
        "Bitbucket"
    }

    fn tagline(&self) -> &'static str {
        "Failed builds and pipelines"
    }

    fn parse(&self, request: &Request<'_>, _mapping: Option<&FieldMapping>) -> Result<Vec<Normalised>, ParseError> {
        let body = pick::object(json::parse(request.body)?)?;
        let event = request.header("x-event-key").unwrap_or_default().to_ascii_lowercase();
        if event == "diagnostics:ping" || body.get("test").and_then(Value::as_bool) == Some(true) {
            return Ok(vec![ignored(None, "Bitbucket only tests the connection.")]);
        }
        if json::field(&body, "resourceSpans").is_some() {
            return Ok(spans(&body));
        }
        if body.get("commit_status").is_some_and(Value::is_object) {
            return Ok(vec![commit_status(&body)]);
        }
        let reason = match event.as_str() {
            "" => "There is no X-Event-Key header, and the body is none that is known.".to_owned(),
            event => format!("Events of the kind {event} neither open nor close anything."),
        };
        Ok(vec![ignored(None, reason)])
    }

    fn signature(&self) -> SignatureSupport {
        SignatureSupport::Vendor {
            header: "X-Hub-Signature",
            note: "Enter the same text as Secret in the settings of the webhook at Bitbucket.",
        }
    }

    fn verify(&self, request: &Request<'_>, secret: &str, now: Timestamp) -> Result<(), SignatureError> {
        if request.header(SIGNATURE_HEADER).is_some() {
            return signature::verify_hex(request, &[SIGNATURE_HEADER], None, secret, now);
        }
        signature::verify_generic(request, secret, now)
    }

    /// The same in every attempt (`X-Attempt-Number`); Data Center calls it `X-Request-Id`.
    fn delivery_id(&self, request: &Request<'_>) -> Option<String> {
        header_delivery_id(request, &["x-request-uuid", "x-request-id", "webhook-id"])
    }

    fn setup(&self) -> Setup {
        Setup {
            steps: &[
                "In the repository, open Repository settings, then Webhooks, and press Add webhook.",
                "Paste the URL below.",
                "Recommended: enter or generate a Secret, and set the same secret here.",
                "Choose from a full list of triggers: Build status created and Build status updated. Choose OTEL traces \
                 under Pipelines instead, where you want one incident a pipeline and not one a build.",
            ],
            snippets: SNIPPETS,
            vendor_docs: Some("https://support.atlassian.com/bitbucket-cloud/docs/manage-webhooks/"),
        }
    }

    fn sample(&self, now: Timestamp) -> Sample {
        let mut sample = Sample::json(&json!({
            "actor": {"display_name": "OpsKnight"},
            "repository": {
                "uuid": "{00000000-0000-0000-0000-000000000001}", "full_name": "opsknight/test", "name": "test",
                "links": {"html": {"href": "https://bitbucket.org/opsknight/test"}}
            },
            "commit_status": {
                "type": "build", "key": "opsknight-test", "name": "Test of the integration", "state": "FAILED",
                "description": "Somebody is trying out this integration. Nothing is wrong.",
                "refname": "opsknight-test", "url": "https://bitbucket.org/opsknight/test",
                "updated_on": now.to_string()
            }
        }));
        sample.headers = vec![("x-event-key", "repo:commit_status_updated".into())];
        sample
    }
}

/// What to enter by hand, and the same through Bitbucket's API.
const SNIPPETS: &[Snippet] = &[
    Snippet {
        name: "URL",
        language: "text",
        template: "{url}",
    },
    Snippet {
        name: "Bitbucket's API",
        language: "shell",
        template: "curl -X POST 'https://api.bitbucket.org/2.0/repositories/WORKSPACE/REPOSITORY/hooks' \\\n  -H 'Authorization: Bearer YOUR TOKEN' -H 'Content-Type: application/json' \\\n  -d '{\"description\": \"OpsKnight\", \"url\": \"{url}\", \"active\": true, \"secret\": \"YOUR SECRET\", \"events\": [\"repo:commit_status_created\", \"repo:commit_status_updated\"]}'\n",
    },
];

/// What the state of a build, or the result of a run, says.
fn outcome(state: Option<&str>) -> Result<Action, String> {
    match state {
        Some("failed" | "error") => Ok(Action::Trigger),
        Some("successful" | "complete" | "passed") => Ok(Action::Resolve),
        Some("inprogress" | "in_progress" | "pending") => Err("It is not over yet.".into()),
        Some(other) => Err(format!(
            "It ended as {other}, which is neither a failure nor a success."
        )),
        None => Err("It does not say how it went.".into()),
    }
}

fn ended(action: Action) -> &'static str {
    match action {
        Action::Trigger | Action::Acknowledge => "failed",
        Action::Resolve => "succeeded",
    }
}

/// The state of one build of one commit.
fn commit_status(body: &Value) -> Normalised {
    let repository = pick::first(body, &["/repository/uuid", "/repository/full_name"]);
    let build = pick::first(body, &["/commit_status/key", "/commit_status/name"]);
    let (Some(repository), Some(build)) = (repository, build) else {
        return ignored(None, "It does not say which build of which repository it is.");
    };
    let branch = pick::text(body, "/commit_status/refname");
    let key = format!(
        "bitbucket:{repository}:status:{}:{}",
        pick::part(&build),
        branch.as_deref().unwrap_or_default()
    );
    let action = match outcome(pick::word(body, "/commit_status/state").as_deref()) {
        Ok(action) => action,
        Err(reason) => return ignored(Some(key), reason),
    };
    let name = pick::text(body, "/commit_status/name").unwrap_or(build);
    let place = pick::first(body, &["/repository/full_name", "/repository/name"]);
    let on = branch
        .as_ref()
        .map(|branch| format!(" on {branch}"))
        .unwrap_or_default();
    let of = place.as_ref().map(|place| format!(" in {place}")).unwrap_or_default();
    let mut event = Event::new(
        action,
        key,
        Severity::Error,
        format!("{name} {}{on}{of}", ended(action)),
    );
    event.description = description(pick::text(body, "/commit_status/description"), &event.summary);
    event.source = short(place);
    event.component = short(Some(name));
    event.group = short(branch);
    event.class = Some("commit_status".to_owned());
    event.occurred_at = pick::time(body, &["/commit_status/updated_on", "/commit_status/created_on"]);
    link::add(&mut event, pick::text(body, "/commit_status/url").as_deref(), "Build");
    link::add(
        &mut event,
        pick::text(body, "/repository/links/html/href").as_deref(),
        "Repository",
    );
    event.details = pick::details(
        body,
        &[
            ("key", "/commit_status/key"),
            ("state", "/commit_status/state"),
            ("type", "/commit_status/type"),
            ("refname", "/commit_status/refname"),
            ("commit", "/commit_status/commit/hash"),
            ("commit_url", "/commit_status/links/commit/href"),
            ("actor", "/actor/display_name"),
        ],
    );
    Normalised::Event(Box::new(event))
}

/// The runs among the spans.
fn spans(body: &Value) -> Vec<Normalised> {
    let items = |value: &'_ Value, name: &str| value.get(name).and_then(Value::as_array).cloned().unwrap_or_default();
    let runs: Vec<Normalised> = items(body, "resourceSpans")
        .iter()
        .flat_map(|resource| items(resource, "scopeSpans"))
        .flat_map(|scope| items(&scope, "spans"))
        .filter(|span| pick::text(span, "/name").as_deref() == Some(RUN_SPAN))
        .take(crate::ALERTS_MAX)
        .map(|span| run(&span))
        .collect();
    if runs.is_empty() {
        return vec![ignored(
            None,
            "It tells of steps and commands, but not of a whole pipeline.",
        )];
    }
    runs
}

/// The attributes of a span as one object of plain values.
fn attributes(span: &Value) -> Value {
    let attributes = span.get("attributes").and_then(Value::as_array);
    let plain = attributes.into_iter().flatten().filter_map(|attribute| {
        let value = attribute.get("value")?.as_object()?.values().next()?;
        Some((pick::text(attribute, "/key")?.into_owned(), value.clone()))
    });
    Value::Object(plain.collect::<Map<_, _>>())
}

/// A whole run of a pipeline. Its repository may be told by id only.
fn run(span: &Value) -> Normalised {
    let attributes = attributes(span);
    let text = |name: &str| attributes.get(name).and_then(json::text);
    let repository = text("pipeline.repository.uuid").or_else(|| text("pipeline.repository.full_name"));
    let Some(repository) = repository else {
        return ignored(None, "It does not say of which repository the pipeline is.");
    };
    let branch = text("pipeline.target.ref_name");
    let kind = text("pipeline.target.ref_type")
        .unwrap_or_default()
        .to_ascii_lowercase();
    let pattern = text("pipeline.target.selector.pattern")
        .map(|name| format!(":{}", pick::part(&name)))
        .unwrap_or_default();
    let key = format!(
        "bitbucket:{repository}:pipeline{pattern}:{kind}:{}",
        branch.as_deref().unwrap_or_default()
    );
    let result = text("pipeline.state.result.name").or_else(|| text("pipeline_run.state.result.name"));
    let action = match outcome(result.map(|word| word.to_ascii_lowercase()).as_deref()) {
        Ok(action) => action,
        Err(reason) => return ignored(Some(key), reason),
    };
    let number = text("pipeline_run.run_number").or_else(|| text("pipeline.build_number"));
    let named = number.as_ref().map(|number| format!(" #{number}")).unwrap_or_default();
    let on = branch
        .as_ref()
        .map(|branch| format!(" on {branch}"))
        .unwrap_or_default();
    let name = text("pipeline.repository.full_name");
    let of = name.as_ref().map(|name| format!(" in {name}")).unwrap_or_default();
    let summary = format!("Pipeline{named} {}{on}{of}", ended(action));
    let mut event = Event::new(action, key, Severity::Error, summary);
    let page = page(&text, number.as_deref());
    link::add(&mut event, page.as_deref(), "Pipeline");
    event.source = short(name.or_else(|| Some(Cow::Borrowed(&*repository))));
    event.group = short(branch);
    event.class = Some("pipeline".to_owned());
    event.occurred_at = span.get("endTimeUnixNano").and_then(when::read);
    event.details = attributes.clone();
    Normalised::Event(Box::new(event))
}

/// The page of a run, which Bitbucket finds by ids as well as by names.
fn page<'v>(text: &impl Fn(&str) -> Option<Cow<'v, str>>, number: Option<&str>) -> Option<String> {
    let encoded = |part: &str| utf8_percent_encode(part, NON_ALPHANUMERIC).to_string();
    let repository = match text("pipeline.repository.full_name") {
        Some(name) => name.into_owned(),
        None => {
            let account = text("pipeline.account.uuid")?;
            format!("{}/{}", encoded(&account), encoded(&text("pipeline.repository.uuid")?))
        }
    };
    Some(format!(
        "https://bitbucket.org/{repository}/pipelines/results/{}",
        encoded(number?)
    ))
}

#[cfg(test)]
mod tests {
    use hmac::{Hmac, KeyInit as _, Mac as _};
    use http::{HeaderMap, HeaderName, HeaderValue, Method};

    use super::*;

    fn with<T>(headers: &[(&'static str, &str)], body: &[u8], check: impl Fn(&Request<'_>) -> T) -> T {
        let mut map = HeaderMap::new();
        for (name, value) in headers {
            map.insert(
                HeaderName::from_static(name),
                HeaderValue::from_str(value).expect("a value"),
            );
        }
        check(&Request {
            method: &Method::POST,
            query: "",
            headers: &map,
            body,
        })
    }

    #[test]
    fn the_body_is_signed_with_sha256() {
        let mut mac = Hmac::<sha2::Sha256>::new_from_slice(b"secret").expect("any length");
        mac.update(b"{}");
        let signature = format!("sha256={}", hex::encode(mac.finalize().into_bytes()));
        let verdict = |headers: &[(&'static str, &str)], body: &[u8]| {
            with(headers, body, |request| {
                Bitbucket.verify(request, "secret", Timestamp::UNIX_EPOCH)
            })
        };
        assert_eq!(verdict(&[("x-hub-signature", &signature)], b"{}"), Ok(()));
        assert_eq!(
            verdict(&[("x-hub-signature", &signature)], b"{ }"),
            Err(SignatureError::Wrong)
        );
        assert_eq!(verdict(&[], b"{}"), Err(SignatureError::Missing));
    }

    #[test]
    fn other_events_are_ignored() {
        for (event, body) in [
            ("diagnostics:ping", &b"{\"test\": true}"[..]),
            ("repo:push", b"{\"push\": {}}"),
            ("repo:refs_changed", b"{\"eventKey\": \"repo:refs_changed\"}"),
        ] {
            let all = with(&[("x-event-key", event)], body, |request| {
                Bitbucket.parse(request, None)
            })
            .expect("an outcome");
            assert!(matches!(&all[..], [Normalised::Ignored { .. }]), "{event}");
        }
    }

    #[test]
    fn attempts_share_their_id() {
        let headers = [("x-request-uuid", "a1"), ("x-attempt-number", "2")];
        assert_eq!(
            with(&headers, b"", |request| Bitbucket.delivery_id(request)),
            Some("a1".into())
        );
    }
}
