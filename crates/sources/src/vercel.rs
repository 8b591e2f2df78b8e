//! Vercel's webhooks: deployments that fail, and Vercel's own alerts.
//!
//! What is deployed to one environment of one project is one thing: the next deployment that succeeds there ends the
//! trouble. Previews are made for every push, so a failed one is nobody's emergency and is ignored. Facts are from
//! vercel.com/docs/webhooks and vercel.com/docs/webhooks/webhooks-api.

use std::borrow::Cow;

use jiff::Timestamp;
use opsknight_domain::event::{Action, Event, Normalised, Severity};
use serde_json::{Value, json};

use crate::{
    Category, ParseError, Request, Source,
    guide::Facts,
    header_delivery_id, json, link,
    mapping::FieldMapping,
    normalise::{ignored, short},
    pick,
    setup::{Sample, Setup, Snippet},
    signature::{self, SignatureError, SignatureSupport},
};

mod alerts;

/// Vercel's header: the HMAC-SHA1 of the body in hexadecimal digits.
const SIGNATURE_HEADER: &str = "x-vercel-signature";

/// Vercel.
#[derive(Debug)]
pub(crate) struct Vercel;

impl Source for Vercel {
    fn slug(&self) -> &'static str {
        "vercel"
    }

    fn type_name(&self) -> &'static str {
        "VERCEL"
    }

    fn title(&self) -> &'static str {
        "Vercel"
    }

    fn tagline(&self) -> &'static str {
        "Failed deployments to production and to your own environments, and Vercel's alerts"
    }

    fn category(&self) -> Category {
        Category::Builds
    }

    fn parse(&self, request: &Request<'_>, _mapping: Option<&FieldMapping>) -> Result<Vec<Normalised>, ParseError> {
        let body = pick::object(json::parse(request.body)?)?;
        let kind = pick::word(&body, "/type").ok_or_else(|| ParseError::new("type", "is missing"))?;
        // Webhooks of older integrations write deployment-error.
        let kind = kind.replacen("deployment-", "deployment.", 1);
        let (action, ended) = match kind.as_str() {
            "alerts.triggered" => return Ok(vec![alerts::group(&body)]),
            "deployment.error" => (Action::Trigger, "failed"),
            "deployment.succeeded" | "deployment.ready" => (Action::Resolve, "succeeded"),
            "deployment.promoted" => (Action::Resolve, "was promoted"),
            "deployment.rollback" => {
                let reason =
                    "Production went back to an earlier deployment; the one that failed is still to be mended.";
                return Ok(vec![ignored(None, reason)]);
            }
            other => {
                let reason = format!("Events of the kind {other} neither open nor close anything.");
                return Ok(vec![ignored(None, reason)]);
            }
        };
        Ok(vec![deployment(&body, kind, action, ended)?])
    }

    fn signature(&self) -> SignatureSupport {
        SignatureSupport::Vendor {
            header: "x-vercel-signature",
            note: "Vercel shows the secret once, when the webhook is created: set it here. For an integration it is the \
                   client secret.",
        }
    }

    fn verify(&self, request: &Request<'_>, secret: &str, now: Timestamp) -> Result<(), SignatureError> {
        let Some(signature) = request.header(SIGNATURE_HEADER) else {
            return signature::verify_generic(request, secret, now);
        };
        let signature = hex::decode(signature).map_err(|_| SignatureError::Wrong)?;
        signature::check_mac_sha1(secret.as_bytes(), &[request.body], &signature)
    }

    fn facts(&self) -> Facts {
        Facts {
            forms: &["JSON with `type` and `payload`, of an account's webhook or an integration's"],
            triggers: "`deployment.error` in production, staging or an environment of your own; `alerts.triggered`",
            acknowledges: "",
            resolves: "`deployment.succeeded` or `deployment.ready` in the same environment of the same project; \
                       `deployment.promoted` in production. Vercel does not tell the end of an alert: close it by hand",
            ignores: "previews (a `target` of `null` or `preview`), `deployment.rollback`, `deployment.canceled` and all other \
                      types",
            tests: "",
            severity: "production is error, other environments are warning; alerts: High is critical, Medium warning, Low info",
            key: "`vercel:`, the id of the project and the environment; `vercel:alert:` and the id of the group of alerts",
            ordered_by: "`createdAt`",
            delivery: "the `id` of the event",
        }
    }

    /// The id of the event, which stays when Vercel sends again.
    fn delivery_id(&self, request: &Request<'_>) -> Option<String> {
        header_delivery_id(request, &["webhook-id"]).or_else(|| pick::delivery_id(request, &["/id"]))
    }

    fn setup(&self) -> Setup {
        Setup {
            steps: &[
                "In Vercel, open the settings of your team, then Webhooks (Pro and Enterprise).",
                "Choose the events Deployment Error, Deployment Succeeded and Deployment Promoted, and your projects. Where \
                 your team uses Vercel's Alerts, choose their event too (alerts.triggered).",
                "Paste the URL below as the endpoint and create the webhook.",
                "Vercel shows its secret once: copy it and set it here.",
                "Alerts go to the webhooks that their rules name: add this one to the rules, under Alerts in the settings.",
            ],
            snippets: SNIPPETS,
            vendor_docs: Some("https://vercel.com/docs/webhooks"),
        }
    }

    fn sample(&self, now: Timestamp) -> Sample {
        Sample::json(&json!({
            "id": "opsknight-test",
            "type": "deployment.error",
            "createdAt": now.as_millisecond(),
            "region": null,
            "payload": {
                "deployment": {"id": "dpl_test", "name": "opsknight-test", "url": "opsknight-test.vercel.app", "meta": {}},
                "project": {"id": "prj_opsknight_test"},
                "target": "production",
                "links": {},
                "team": null,
                "user": {"id": "opsknight"}
            }
        }))
    }
}

/// What to enter by hand, and the same through Vercel's API.
const SNIPPETS: &[Snippet] = &[
    Snippet {
        name: "Endpoint URL",
        language: "text",
        template: "{url}",
    },
    Snippet {
        name: "Vercel's API",
        language: "shell",
        template: "curl -X POST 'https://api.vercel.com/v1/webhooks?teamId=YOUR_TEAM' \\\n  -H 'Authorization: Bearer YOUR TOKEN' -H 'Content-Type: application/json' \\\n  -d '{\"url\": \"{url}\", \"events\": [\"deployment.error\", \"deployment.succeeded\", \"deployment.promoted\"]}'\n",
    },
];

/// A deployment that ended, or was promoted.
fn deployment(body: &Value, kind: String, action: Action, ended: &str) -> Result<Normalised, ParseError> {
    let text = |pointer: &str| pick::text(body, pointer);
    let project = pick::first(
        body,
        &["/payload/project/id", "/payload/projectId", "/payload/deployment/name"],
    );
    let project = project.ok_or_else(|| ParseError::new("payload.project.id", "is missing"))?;
    let environment = text("/payload/target").or_else(|| pick::first(body, &["/payload/deployment/target"]));
    // Only production is promoted to.
    let environment = match (environment, kind.as_str()) {
        (None, "deployment.promoted") => Some(Cow::Borrowed("production")),
        (environment, _) => environment,
    };
    let Some(environment) = environment.filter(|name| !name.eq_ignore_ascii_case("preview")) else {
        return Ok(ignored(None, "It is a preview, which nobody but its author waits for."));
    };
    let is_production = environment.eq_ignore_ascii_case("production");
    let key = format!("vercel:{project}:{}", environment.to_ascii_lowercase());
    let severity = if is_production {
        Severity::Error
    } else {
        Severity::Warning
    };
    let name = pick::first(
        body,
        &["/payload/project/name", "/payload/deployment/name", "/payload/name"],
    );
    let name = name.unwrap_or_else(|| project.clone());
    let summary = format!("Deployment of {name} to {environment} {ended}");
    let mut event = Event::new(action, key, severity, summary);
    event.source = short(Some(name));
    event.component = short(Some(environment));
    event.group = short(pick::first(
        body,
        &[
            "/payload/deployment/meta/githubCommitRef",
            "/payload/deployment/meta/gitlabCommitRef",
            "/payload/deployment/meta/bitbucketCommitRef",
        ],
    ));
    event.class = Some(kind);
    // When the event came about; Vercel sends in no order and refers to this time for it.
    event.occurred_at = pick::time(body, &["/createdAt"]);
    event.changed_at = event.occurred_at;
    link::add(&mut event, text("/payload/links/deployment").as_deref(), "Deployment");
    link::add(&mut event, text("/payload/links/project").as_deref(), "Project");
    let address = pick::first(body, &["/payload/deployment/url", "/payload/url"]).map(|host| match &*host {
        address if address.contains("://") => address.to_owned(),
        host => format!("https://{host}"),
    });
    link::add(&mut event, address.as_deref(), "Site");
    event.details = pick::details(
        body,
        &[
            ("deployment_id", "/payload/deployment/id"),
            ("meta", "/payload/deployment/meta"),
            ("target", "/payload/target"),
            ("plan", "/payload/plan"),
            ("regions", "/payload/regions"),
            ("team_id", "/payload/team/id"),
            ("user_id", "/payload/user/id"),
        ],
    );
    Ok(Normalised::Event(Box::new(event)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use http::{HeaderMap, HeaderValue, Method};

    fn parse(kind: &str, target: Value) -> Normalised {
        let body = json!({
            "id": "e1", "type": kind, "createdAt": 1_772_439_000_000_u64,
            "payload": {"project": {"id": "prj_1"}, "deployment": {"name": "shop"}, "target": target, "team": null}
        });
        let body = body.to_string();
        let headers = HeaderMap::new();
        let request = Request {
            method: &Method::POST,
            query: "",
            headers: &headers,
            body: body.as_bytes(),
        };
        assert_eq!(Vercel.delivery_id(&request), Some("e1".into()));
        Vercel.parse(&request, None).expect("an outcome").remove(0)
    }

    #[test]
    fn environments_are_told_apart() {
        for (kind, target, expected) in [
            (
                "deployment.error",
                json!("production"),
                Some((Action::Trigger, "vercel:prj_1:production", Severity::Error)),
            ),
            (
                "deployment.error",
                json!("staging"),
                Some((Action::Trigger, "vercel:prj_1:staging", Severity::Warning)),
            ),
            (
                "deployment.succeeded",
                json!("production"),
                Some((Action::Resolve, "vercel:prj_1:production", Severity::Error)),
            ),
            (
                "deployment.promoted",
                json!(null),
                Some((Action::Resolve, "vercel:prj_1:production", Severity::Error)),
            ),
            (
                "deployment-error",
                json!("production"),
                Some((Action::Trigger, "vercel:prj_1:production", Severity::Error)),
            ),
            (
                "deployment.ready",
                json!("Production"),
                Some((Action::Resolve, "vercel:prj_1:production", Severity::Error)),
            ),
            ("deployment.error", json!(null), None),
            ("deployment.error", json!("preview"), None),
            ("deployment.succeeded", json!(null), None),
            ("deployment.canceled", json!("production"), None),
            ("deployment.rollback", json!("production"), None),
            ("project.created", json!(null), None),
        ] {
            match (parse(kind, target.clone()), expected) {
                (Normalised::Event(event), Some((action, key, severity))) => {
                    assert_eq!(event.changed_at, event.occurred_at);
                    assert!(event.changed_at.is_some());
                    assert_eq!(
                        (event.action, event.dedup_key.as_str(), event.severity),
                        (action, key, severity)
                    );
                }
                (Normalised::Ignored { .. }, None) => {}
                (outcome, _) => panic!("{kind} {target}: {outcome:?}"),
            }
        }
    }

    #[test]
    fn the_raw_body_is_signed_with_sha1() {
        // Signed with another program.
        let body = br#"{"id":"evt_1","type":"deployment.error"}"#;
        let digits = "9b8371be9a43bbfac54ffe8609c338a51b4189c6";
        let verdict = |value: &str, body: &[u8]| {
            let mut headers = HeaderMap::new();
            headers.insert("x-vercel-signature", HeaderValue::from_str(value).expect("a value"));
            let request = Request {
                method: &Method::POST,
                query: "",
                headers: &headers,
                body,
            };
            Vercel.verify(&request, "K0C7rSTxUWz5Eh1GeGFpWDZQ", Timestamp::UNIX_EPOCH)
        };
        assert_eq!(verdict(digits, body), Ok(()));
        assert_eq!(verdict(&digits.to_uppercase(), body), Ok(()));
        assert_eq!(verdict(digits, b"{}"), Err(SignatureError::Wrong));
        assert_eq!(verdict("zz", body), Err(SignatureError::Wrong));
    }
}
