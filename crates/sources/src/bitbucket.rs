//! Bitbucket's webhooks: commit statuses and pipeline runs of Bitbucket Cloud; the ping of Data Center, and the builds that
//! apps for it tell of.
//!
//! A build is known by its repository, its status key and its branch; pipelines told as spans stand in
//! `bitbucket/spans.rs`. Facts are from support.atlassian.com, "Event payloads", and
//! confluence.atlassian.com/bitbucketserver, "Event payload".

use std::borrow::Cow;

use jiff::Timestamp;
use opsknight_domain::event::{Action, Event, Normalised, Severity};
use serde_json::{Value, json};

use crate::{
    Category, ParseError, Request, Source,
    guide::Facts,
    header_delivery_id, json, link,
    mapping::FieldMapping,
    normalise::{description, ignored, short},
    pick,
    setup::{Sample, Setup, Snippet},
    signature::{self, SignatureError, SignatureSupport},
};

mod spans;

/// Bitbucket's own header, with `sha256=` before the digits, in the Cloud and in Data Center.
const SIGNATURE_HEADER: &str = "x-hub-signature";

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

    fn category(&self) -> Category {
        Category::Builds
    }

    fn parse(&self, request: &Request<'_>, _mapping: Option<&FieldMapping>) -> Result<Vec<Normalised>, ParseError> {
        let body = pick::object(json::parse(request.body)?)?;
        let event = request.header("x-event-key").unwrap_or_default().to_ascii_lowercase();
        if event == "diagnostics:ping" || body.get("test").and_then(Value::as_bool) == Some(true) {
            return Ok(vec![ignored(None, "Bitbucket only tests the connection.")]);
        }
        if json::field(&body, "resourceSpans").is_some() {
            return Ok(spans::spans(&body));
        }
        if let Some(status) = status(&body, &event) {
            return Ok(vec![build(&body, status)]);
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

    fn facts(&self) -> Facts {
        Facts {
            forms: &[
                "`repo:commit_status_created` and `repo:commit_status_updated` of the Cloud",
                "`pipeline:span_created`: OTLP in JSON, of which the spans `bbc.pipeline_run` count",
                "a build status as apps for Data Center send it, under `buildStatus` or `status`",
            ],
            triggers: "state `FAILED`; a run whose result is `FAILED` or `ERROR`",
            acknowledges: "",
            resolves: "state `SUCCESSFUL` under the same key; a run whose result is `COMPLETE` or `SUCCESSFUL`",
            ignores: "`INPROGRESS`, `STOPPED`, `CANCELLED` and other states; spans of steps, commands and containers; the ping \
                      of Data Center; every other event",
            tests: "",
            severity: "always error",
            key: "`bitbucket:`, the id of the repository, and the key of the status and its branch (`refname`); for a run the \
                  pattern that chose it, and the branch or tag",
            ordered_by: "`updated_on` of the status, the end of the run's span",
            delivery: "the header `X-Request-UUID`, in Data Center `X-Request-Id`",
        }
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

/// Where the state of a build stands: in the Cloud, and as apps of Data Center name it, which itself tells of no builds.
const STATUSES: &[&str] = &[
    "/commit_status",
    "/commitStatus",
    "/buildStatus",
    "/build_status",
    "/status",
];

/// The state of one build of one commit, where the body tells of one.
fn status<'v>(body: &'v Value, event: &str) -> Option<&'v Value> {
    let found = STATUSES
        .iter()
        .filter_map(|at| body.pointer(at))
        .find(|found| found.is_object());
    // The oldest of those apps says no more than a commit and a word.
    found.or_else(|| event.contains("build_status").then_some(body))
}

/// The name of a pipeline without the number of its run: it has to be the same for the next.
fn without_number(name: &str) -> String {
    let words = name.split_whitespace();
    let is_number = |word: &str| {
        word.strip_prefix('#')
            .is_some_and(|n| n.chars().all(|c| c.is_ascii_digit()))
    };
    words.filter(|word| !is_number(word)).collect::<Vec<_>>().join(" ")
}

/// The repository, as keys have it: by its id, which stays when it is renamed.
fn repository(body: &Value) -> Option<Cow<'_, str>> {
    let pointers = [
        "/repository/uuid",
        "/repository/id",
        "/repository/full_name",
        "/repository/slug",
        "/pullRequests/0/toRef/repository/id",
    ];
    pick::first(body, &pointers)
}

/// The repository, as people name it.
fn place(body: &Value) -> Option<Cow<'_, str>> {
    if let Some(name) = pick::text(body, "/repository/full_name") {
        return Some(name);
    }
    let name = pick::first(body, &["/repository/slug", "/repository/name"])?;
    Some(match pick::text(body, "/repository/project/key") {
        Some(project) => Cow::Owned(format!("{project}/{name}")),
        None => name,
    })
}

/// What one build of one commit came to.
fn build(body: &Value, status: &Value) -> Normalised {
    let repository = repository(body);
    let name = pick::text(status, "/name");
    let build = pick::text(status, "/key").or_else(|| Some(without_number(name.as_deref()?).into()));
    if repository.is_none() && build.is_none() {
        return ignored(None, "It does not say which build of which repository it is.");
    }
    let build = build.unwrap_or("build".into());
    let branch = pick::first(status, &["/refname", "/ref"]);
    let branch = branch.map(|name| {
        name.strip_prefix("refs/heads/")
            .map_or_else(|| name.to_string(), str::to_owned)
    });
    let key = format!(
        "bitbucket:{}:status:{}:{}",
        repository.as_deref().unwrap_or_default(),
        pick::part(&build),
        branch.as_deref().unwrap_or_default()
    );
    let word = pick::word(status, "/state").or_else(|| pick::word(status, "/status"));
    let action = match outcome(word.as_deref()) {
        Ok(action) => action,
        Err(reason) => return ignored(Some(key), reason),
    };
    let name = name.unwrap_or(build);
    let place = place(body);
    let on = branch
        .as_ref()
        .map(|branch| format!(" on {branch}"))
        .unwrap_or_default();
    let of = place.as_ref().map(|place| format!(" in {place}")).unwrap_or_default();
    let summary = format!("{name} {}{on}{of}", ended(action));
    let mut event = Event::new(action, key, Severity::Error, summary);
    event.description = description(pick::text(status, "/description"), &event.summary);
    event.source = short(place);
    event.component = short(Some(name));
    event.group = short(branch.map(Cow::Owned));
    event.class = Some("commit_status".to_owned());
    event.changed_at = pick::time(status, &["/updated_on"]).or_else(|| pick::time(body, &["/date"]));
    event.occurred_at = event
        .changed_at
        .or_else(|| pick::time(status, &["/created_on", "/lastUpdated", "/updatedDate", "/dateAdded"]));
    link::add(&mut event, pick::text(status, "/url").as_deref(), "Build");
    let pages = ["/repository/links/html/href", "/repository/links/self/0/href"];
    link::add(&mut event, pick::first(body, &pages).as_deref(), "Repository");
    event.details = details(body, status);
    Normalised::Event(Box::new(event))
}

/// What is worth keeping of it.
fn details(body: &Value, status: &Value) -> Value {
    let of_status = [
        ("key", "/key"),
        ("state", "/state"),
        ("type", "/type"),
        ("refname", "/refname"),
        ("ref", "/ref"),
        ("commit", "/commit/hash"),
        ("commit_url", "/links/commit/href"),
        ("build_number", "/buildNumber"),
    ];
    let of_body = [
        ("commit", "/commit"),
        ("actor", "/actor/display_name"),
        ("actor", "/actor/displayName"),
    ];
    let mut all = pick::details(status, &of_status);
    if let (Value::Object(all), Value::Object(more)) = (&mut all, pick::details(body, &of_body)) {
        for (name, value) in more {
            all.entry(name).or_insert(value);
        }
    }
    all
}

#[cfg(test)]
mod tests;
