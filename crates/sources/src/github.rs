//! GitHub's webhooks: workflows, checks and deployments that fail, and security alerts.
//!
//! It owns the reading of the event's name and of the form in which GitHub may send; what each event says stands in
//! `github/runs.rs` and `github/security.rs`. Facts are from docs.github.com, "Webhook events and payloads" and
//! "Validating webhook deliveries". GitHub does not send again by itself, so an event that means nothing is ignored and
//! never refused.

use std::borrow::Cow;

use jiff::Timestamp;
use opsknight_domain::event::Normalised;
use serde_json::{Value, json};

use crate::{
    Category, ParseError, Request, Source,
    guide::Facts,
    header_delivery_id, input, json,
    mapping::FieldMapping,
    normalise::ignored,
    pick,
    setup::{Sample, Setup, Snippet},
    signature::{self, SignatureError, SignatureSupport},
};

mod runs;
mod security;

/// GitHub's own header; its SHA-1 sibling is never believed.
const SIGNATURE_HEADER: &str = "x-hub-signature-256";

/// GitHub.
#[derive(Debug)]
pub(crate) struct GitHub;

impl Source for GitHub {
    fn slug(&self) -> &'static str {
        "github"
    }

    fn type_name(&self) -> &'static str {
        "GITHUB"
    }

    fn title(&self) -> &'static str {
        "GitHub"
    }

    fn tagline(&self) -> &'static str {
        "Failed workflows, checks and deployments; Dependabot, code scanning and secret scanning alerts"
    }

    fn category(&self) -> Category {
        Category::Builds
    }

    fn parse(&self, request: &Request<'_>, _mapping: Option<&FieldMapping>) -> Result<Vec<Normalised>, ParseError> {
        let body = pick::object(input::read(request)?)?;
        let name = match request.header("x-github-event") {
            Some(name) => Cow::Owned(name.to_ascii_lowercase()),
            None => Cow::Borrowed(guess(&body)),
        };
        let outcome = match &*name {
            "workflow_run" => runs::workflow_run(&body),
            "workflow_job" => runs::workflow_job(&body),
            "check_run" => runs::check_run(&body),
            "check_suite" => runs::check_suite(&body),
            "status" => runs::status(&body),
            "deployment_status" => runs::deployment_status(&body),
            "dependabot_alert" => security::dependabot(&body),
            "repository_vulnerability_alert" => security::vulnerability(&body),
            "code_scanning_alert" => security::code_scanning(&body),
            "secret_scanning_alert" => security::secret_scanning(&body),
            "ping" => ignored(None, "GitHub only says that the webhook is set up."),
            "" => ignored(
                None,
                "There is no X-GitHub-Event header, and the body is none that is known.",
            ),
            other => ignored(
                None,
                format!("Events of the kind {other} neither open nor close anything."),
            ),
        };
        Ok(vec![outcome])
    }

    fn signature(&self) -> SignatureSupport {
        SignatureSupport::Vendor {
            header: "X-Hub-Signature-256",
            note: "Enter the same text as Secret in the settings of the webhook at GitHub.",
        }
    }

    fn verify(&self, request: &Request<'_>, secret: &str, now: Timestamp) -> Result<(), SignatureError> {
        if request.header(SIGNATURE_HEADER).is_some() {
            return signature::verify_hex(request, &[SIGNATURE_HEADER], None, secret, now);
        }
        signature::verify_generic(request, secret, now)
    }

    fn facts(&self) -> Facts {
        Facts {
            forms: &[
                "JSON, or a form with the JSON in `payload`",
                "`workflow_run`, `workflow_job`, `check_run`, `check_suite`, `status` and `deployment_status`",
                "`dependabot_alert`, `code_scanning_alert`, `secret_scanning_alert` and the older \
                 `repository_vulnerability_alert`",
                "without the `X-GitHub-Event` header, the same by what is in the body",
            ],
            triggers: "a conclusion or state `failure`, `timed_out`, `startup_failure` or `error`; a security alert that is \
                       created, reopened, reintroduced, leaked to the public or appears in a branch",
            acknowledges: "",
            resolves: "`success` under the same key; a security alert that is fixed, dismissed, resolved, revoked or closed",
            ignores: "runs that are not over, and those that ended `cancelled`, `skipped`, `neutral`, `stale` or \
                      `action_required`; `inactive` deployments; suites of GitHub Actions, whose workflow runs say the same; \
                      `ping`, `security_advisory` and every other event",
            tests: "",
            severity: "failures on the default branch and of production are critical, others error; security alerts by \
                       GitHub's scale, from `critical` to `low`; a leaked secret is critical",
            key: "`github:`, the id of the repository, and for a workflow its id and branch; for a job, a check, a suite or a \
                  status its name and branch; for a deployment its environment; for a security alert its kind and number. \
                  A fork's branch is another branch",
            ordered_by: "the end of the run (`updated_at` or `completed_at`); of a security alert the \
                         time at which it was created, fixed, dismissed or resolved, but none for one that is opened again",
            delivery: "the header `X-GitHub-Delivery`",
        }
    }

    /// The same delivery sent again by hand has the same GUID.
    fn delivery_id(&self, request: &Request<'_>) -> Option<String> {
        header_delivery_id(request, &["x-github-delivery", "webhook-id"])
    }

    fn setup(&self) -> Setup {
        Setup {
            steps: &[
                "In the repository or the organisation, open Settings, then Webhooks, and press Add webhook.",
                "Paste the URL below as Payload URL and choose application/json.",
                "Recommended: enter a Secret, and set the same secret here.",
                "Choose Let me select individual events: Workflow runs, Deployment statuses, Dependabot alerts, Code \
                 scanning alerts and Secret scanning alerts. Add Check runs or Statuses only for builds that run \
                 elsewhere: GitHub sends both for its own workflows too.",
                "GitHub sends a ping at once; it shows among the last events of this integration and pages nobody.",
            ],
            snippets: SNIPPETS,
            vendor_docs: Some("https://docs.github.com/en/webhooks/using-webhooks/creating-webhooks"),
        }
    }

    fn sample(&self, now: Timestamp) -> Sample {
        let repository = json!({
            "id": 1, "full_name": "opsknight/test", "html_url": "https://github.com/opsknight/test",
            "default_branch": "main"
        });
        let mut sample = Sample::json(&json!({
            "action": "completed",
            "workflow_run": {
                "id": 1, "name": "Test of the integration", "workflow_id": 1, "run_number": 1, "run_attempt": 1,
                "head_branch": "opsknight-test", "event": "workflow_dispatch", "status": "completed",
                "conclusion": "failure", "display_title": "Somebody is trying out this integration",
                "html_url": "https://github.com/opsknight/test/actions/runs/1", "updated_at": now.to_string(),
                "head_repository": repository
            },
            "repository": repository,
            "sender": {"login": "opsknight"}
        }));
        sample.headers = vec![("x-github-event", "workflow_run".into())];
        sample
    }
}

/// What to enter by hand, and the same with GitHub's own client.
const SNIPPETS: &[Snippet] = &[
    Snippet {
        name: "Payload URL",
        language: "text",
        template: "{url}",
    },
    Snippet {
        name: "gh, GitHub's client",
        language: "shell",
        template: "gh api repos/OWNER/REPOSITORY/hooks --input - <<'JSON'\n{\n  \"name\": \"web\",\n  \"events\": [\"workflow_run\", \"deployment_status\", \"dependabot_alert\", \"code_scanning_alert\", \"secret_scanning_alert\"],\n  \"config\": {\"url\": \"{url}\", \"content_type\": \"json\", \"secret\": \"YOUR SECRET\"}\n}\nJSON\n",
    },
];

/// The name of the event by what is in the body, for what lost its headers on the way. The order matters: a deployment
/// holds the run that made it.
fn guess(body: &Value) -> &'static str {
    const BY_FIELD: &[(&str, &str)] = &[
        ("deployment_status", "deployment_status"),
        ("workflow_run", "workflow_run"),
        ("workflow_job", "workflow_job"),
        ("check_run", "check_run"),
        ("check_suite", "check_suite"),
        ("hook_id", "ping"),
        ("security_advisory", "security_advisory"),
    ];
    let known = BY_FIELD.iter().find(|(field, _)| json::field(body, field).is_some());
    if let Some((_, name)) = known {
        return name;
    }
    let Some(alert) = json::field(body, "alert") else {
        let is_status = ["sha", "context", "state"]
            .iter()
            .all(|name| json::field(body, name).is_some());
        return if is_status { "status" } else { "" };
    };
    let has = |names: &[&str]| names.iter().any(|name| json::field(alert, name).is_some());
    if has(&["security_advisory", "security_vulnerability", "dependency"]) {
        "dependabot_alert"
    } else if has(&["secret_type", "secret_type_display_name"]) {
        "secret_scanning_alert"
    } else if has(&["rule", "most_recent_instance", "tool"]) {
        "code_scanning_alert"
    } else if has(&["affected_package_name", "ghsa_id"]) {
        "repository_vulnerability_alert"
    } else {
        ""
    }
}

/// What names the repository in keys: its id, which stays when it is renamed, or where that is missing its name. None
/// where the repository is gone.
fn repository_key(body: &Value) -> Option<String> {
    let pointers = ["/repository/id", "/workflow_run/repository/id", "/repository/full_name"];
    pick::first(body, &pointers).map(Cow::into_owned)
}

/// The repository as people name it.
fn repository_name(body: &Value) -> Option<Cow<'_, str>> {
    pick::first(
        body,
        &[
            "/repository/full_name",
            "/workflow_run/repository/full_name",
            "/repository/name",
        ],
    )
}

#[cfg(test)]
mod tests;
