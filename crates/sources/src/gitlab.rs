//! GitLab's webhooks: pipelines, jobs and deployments that fail, incidents, alerts and vulnerabilities.
//!
//! It owns the reading of `object_kind`; the outcomes of each kind stand in `gitlab/kinds.rs`. Facts are from
//! docs.gitlab.com, "Webhook events" and "Webhooks" (headers, secret token, signing token). GitLab's Test button sends
//! the project's latest real event, so it cannot be told from one. GitLab disables a webhook that answers 4xx again and
//! again, so whatever means nothing is ignored and never refused.

use jiff::Timestamp;
use opsknight_domain::event::Normalised;
use serde_json::json;

use crate::{
    Category, ParseError, Request, Source,
    guide::Facts,
    header_delivery_id, json,
    mapping::FieldMapping,
    normalise::ignored,
    pick,
    setup::{Sample, Setup, Snippet},
    signature::{self, SignatureError, SignatureSupport},
};

mod kinds;

/// GitLab's header for the secret token, which is sent as it is.
const TOKEN_HEADER: &str = "x-gitlab-token";

/// GitLab.
#[derive(Debug)]
pub(crate) struct GitLab;

impl Source for GitLab {
    fn slug(&self) -> &'static str {
        "gitlab"
    }

    fn type_name(&self) -> &'static str {
        "GITLAB"
    }

    fn title(&self) -> &'static str {
        "GitLab"
    }

    fn tagline(&self) -> &'static str {
        "Failed pipelines, jobs and deployments; incidents, alerts and vulnerabilities"
    }

    fn category(&self) -> Category {
        Category::Builds
    }

    fn parse(&self, request: &Request<'_>, _mapping: Option<&FieldMapping>) -> Result<Vec<Normalised>, ParseError> {
        let body = pick::object(json::parse(request.body)?)?;
        let kind = pick::word(&body, "/object_kind").unwrap_or_default();
        let outcome = match kind.as_str() {
            "pipeline" => kinds::pipeline(&body),
            "build" | "job" => kinds::job(&body),
            "deployment" => kinds::deployment(&body),
            "issue" | "work_item" | "incident" => kinds::issue(&body),
            "alert" => kinds::alert(&body),
            "vulnerability" => kinds::vulnerability(&body),
            "" => match pick::text(&body, "/event_name") {
                Some(name) => ignored(
                    None,
                    format!("System events such as {name} neither open nor close anything."),
                ),
                None => return Err(ParseError::new("object_kind", "is missing")),
            },
            other => ignored(
                None,
                format!("Events of the kind {other} neither open nor close anything."),
            ),
        };
        Ok(vec![outcome])
    }

    fn signature(&self) -> SignatureSupport {
        SignatureSupport::Vendor {
            header: "X-Gitlab-Token",
            note: "Enter the same text as Secret token of the webhook at GitLab. Where your GitLab offers a signing token, \
                   set that one here instead: then every request is signed with its time, and none can be sent again \
                   by somebody else.",
        }
    }

    /// The secret is either the secret token, which GitLab sends as it is, or the signing token, with which it signs as
    /// Standard Webhooks has it. Both may be set at GitLab, and then both headers come.
    fn verify(&self, request: &Request<'_>, secret: &str, now: Timestamp) -> Result<(), SignatureError> {
        let signed = signature::verify_generic(request, secret, now);
        let token = signature::verify_token(request, TOKEN_HEADER, secret);
        match (signed, token) {
            (Ok(()), _) | (_, Ok(())) => Ok(()),
            (Err(SignatureError::Missing), by_token) => by_token,
            (by_signature, Err(_)) => by_signature,
        }
    }

    fn facts(&self) -> Facts {
        Facts {
            forms: &[
                "pipeline, job (`object_kind` `build`) and deployment events",
                "issue and work item events",
                "alert and vulnerability events",
                "system hooks, which are only received",
            ],
            triggers: "status `failed` of a pipeline, of a job that may not fail, or of a deployment; an incident that is \
                       opened, reopened, triggered again or given another severity; an alert that is `triggered`; a \
                       vulnerability that is `detected` or `confirmed`",
            acknowledges: "an incident or an alert whose status becomes `acknowledged`",
            resolves: "status `success` under the same key; an incident that is closed or `resolved`; an alert that is \
                       `resolved`; a vulnerability that is `resolved` or `dismissed`",
            ignores: "all other statuses, such as `canceled`, `skipped` and `running`; jobs that are allowed to fail; issues \
                      that are no incidents; all other kinds of events, and system hooks",
            tests: "",
            severity: "pipelines, jobs and deployments are error; for the rest `critical` is critical, `high` error, `medium` \
                       and unknown warning, `low` and `info` info",
            key: "`gitlab:`, the id of the project, and for a pipeline its branch, tag, schedule, merge request or child; for a \
                  job its branch and name; for a deployment its environment; else the id of the incident, alert or \
                  vulnerability",
            ordered_by: "`finished_at` of a pipeline or a job, `status_changed_at` of a deployment, `updated_at` or `closed_at` \
                         of an incident, `updated_at` of a vulnerability",
            delivery: "the header `Idempotency-Key`, else `webhook-id`",
        }
    }

    /// The same when GitLab tries again; its other ids are shared by all webhooks that one change sets off.
    fn delivery_id(&self, request: &Request<'_>) -> Option<String> {
        header_delivery_id(request, &["idempotency-key", "webhook-id"])
    }

    fn setup(&self) -> Setup {
        Setup {
            steps: &[
                "In the project or the group, open Settings, then Webhooks, and press Add new webhook.",
                "Paste the URL below.",
                "Recommended: enter a Secret token (or, where it is offered, generate a signing token), and set the same \
                 secret here.",
                "Choose Pipeline events and Deployment events; Job events only where single jobs matter, since a failed \
                 job fails its pipeline. Issue events bring the incidents that people declare in GitLab.",
                "Press Test and choose an event: GitLab sends the latest real one of that kind.",
            ],
            snippets: SNIPPETS,
            vendor_docs: Some("https://docs.gitlab.com/user/project/integrations/webhooks/"),
        }
    }

    fn sample(&self, now: Timestamp) -> Sample {
        let mut sample = Sample::json(&json!({
            "object_kind": "pipeline",
            "object_attributes": {
                "id": 1, "iid": 1, "name": "Test of the integration", "ref": "opsknight-test", "source": "web",
                "status": "failed", "detailed_status": "failed", "finished_at": now.to_string(),
                "url": "https://gitlab.com/opsknight/test/-/pipelines/1"
            },
            "project": {
                "id": 1, "path_with_namespace": "opsknight/test", "web_url": "https://gitlab.com/opsknight/test",
                "default_branch": "main"
            },
            "user": {"username": "opsknight"},
            "builds": []
        }));
        sample.headers = vec![("x-gitlab-event", "Pipeline Hook".into())];
        sample
    }
}

/// What to enter by hand, and the same through GitLab's API.
const SNIPPETS: &[Snippet] = &[
    Snippet {
        name: "URL",
        language: "text",
        template: "{url}",
    },
    Snippet {
        name: "GitLab's API",
        language: "shell",
        template: "curl -X POST 'https://gitlab.example.com/api/v4/projects/PROJECT/hooks' \\\n  -H 'PRIVATE-TOKEN: YOUR TOKEN' \\\n  --data-urlencode 'url={url}' \\\n  -d 'token=YOUR SECRET' -d push_events=false -d pipeline_events=true -d deployment_events=true\n",
    },
];

#[cfg(test)]
mod tests;
