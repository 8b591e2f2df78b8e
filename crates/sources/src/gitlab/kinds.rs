//! What each kind of GitLab's events says.
//!
//! A pipeline is known by its project and branch, a merge request's by the merge request, a child pipeline by its name;
//! a deployment by its environment. What was cancelled or skipped says nothing. Issues count only where they are
//! incidents.

use std::borrow::Cow;

use opsknight_domain::event::{Action, Event, Normalised, Severity};
use serde_json::Value;

use crate::{
    hash_hex, link,
    normalise::{description, ignored, short},
    pick,
};

/// What names the project in keys: its id, which stays when it is renamed or moved.
fn project_key(body: &Value) -> Option<Cow<'_, str>> {
    pick::first(
        body,
        &[
            "/project/id",
            "/project_id",
            "/object_attributes/project_id",
            "/project/path_with_namespace",
            "/project_name",
        ],
    )
}

/// The project as people name it.
fn project_name(body: &Value) -> Option<Cow<'_, str>> {
    pick::first(
        body,
        &[
            "/project/path_with_namespace",
            "/project_name",
            "/project/name",
            "/repository/name",
        ],
    )
}

fn in_project(body: &Value) -> String {
    project_name(body).map(|name| format!(" in {name}")).unwrap_or_default()
}

/// The outcome of a status: the action, or why there is none.
fn outcome(status: Option<&str>) -> Result<Action, String> {
    match status {
        Some("failed") => Ok(Action::Trigger),
        Some("success" | "passed") => Ok(Action::Resolve),
        Some(other) => Err(format!(
            "Its status is {other}, which is neither a failure nor a success."
        )),
        None => Err("It does not say how it went.".into()),
    }
}

/// GitLab's scale, which tops at critical.
fn severity(word: Option<String>) -> Option<Severity> {
    match word?.as_str() {
        "critical" => Some(Severity::Critical),
        "high" => Some(Severity::Error),
        "medium" | "unknown" => Some(Severity::Warning),
        "low" | "info" => Some(Severity::Info),
        _ => None,
    }
}

fn ended(action: Action) -> &'static str {
    match action {
        Action::Trigger | Action::Acknowledge => "failed",
        Action::Resolve => "succeeded",
    }
}

/// What a pipeline is about, which the next one about the same is as well.
fn which_pipeline(body: &Value, branch: &str, name: Option<&str>) -> String {
    let source = pick::word(body, "/object_attributes/source").unwrap_or_default();
    let merge_request = pick::first(body, &["/merge_request/iid", "/merge_request/id"]);
    match (source.as_str(), &merge_request) {
        ("merge_request_event" | "external_pull_request_event", Some(number)) => format!("merge-request:{number}"),
        // Of a merge request that is gone, only its branch is told, which may be a fork's and none of ours.
        ("merge_request_event" | "external_pull_request_event", None) => format!("merge-request:branch:{branch}"),
        // Children of one branch cannot be told apart without a name; each is then known by itself.
        ("parent_pipeline" | "pipeline", _) => {
            let id = pick::text(body, "/object_attributes/id").unwrap_or_default();
            format!("child:{}:{}", pick::part(branch), name.unwrap_or(&id))
        }
        _ if body.pointer("/object_attributes/tag").and_then(Value::as_bool) == Some(true) => format!("tag:{branch}"),
        ("schedule", _) => format!("schedule:{branch}"),
        _ => branch.to_owned(),
    }
}

/// A whole pipeline.
pub(super) fn pipeline(body: &Value) -> Normalised {
    let Some(project) = project_key(body) else {
        return ignored(None, "It does not say of which project the pipeline is.");
    };
    let branch = pick::text(body, "/object_attributes/ref");
    let name = pick::text(body, "/object_attributes/name");
    let which = which_pipeline(body, branch.as_deref().unwrap_or_default(), name.as_deref());
    let key = format!("gitlab:{project}:pipeline:{which}");
    let action = match outcome(pick::word(body, "/object_attributes/status").as_deref()) {
        Ok(action) => action,
        Err(reason) => return ignored(Some(key), reason),
    };
    let on = branch
        .as_ref()
        .map(|branch| format!(" on {branch}"))
        .unwrap_or_default();
    let summary = format!(
        "{} {}{on}{}",
        pipeline_title(name.as_deref()),
        ended(action),
        in_project(body)
    );
    let mut event = Event::new(action, key, Severity::Error, summary);
    event.description = failed_jobs(body);
    event.component = short(name);
    event.group = short(branch);
    // Each end of a pipeline has its own, also when jobs of it are tried again.
    event.occurred_at = pick::time(body, &["/object_attributes/finished_at"]);
    event.changed_at = event.occurred_at;
    let url = pick::text(body, "/object_attributes/url")
        .map(Cow::into_owned)
        .or_else(|| {
            let project = pick::text(body, "/project/web_url")?;
            let id = pick::text(body, "/object_attributes/id")?;
            Some(format!("{project}/-/pipelines/{id}"))
        });
    link::add(&mut event, url.as_deref(), "Pipeline");
    link::add(
        &mut event,
        pick::text(body, "/merge_request/url").as_deref(),
        "Merge request",
    );
    link::add(&mut event, pick::text(body, "/commit/url").as_deref(), "Commit");
    event.details = pick::details(
        body,
        &[
            ("pipeline_id", "/object_attributes/id"),
            ("source", "/object_attributes/source"),
            ("detailed_status", "/object_attributes/detailed_status"),
            ("sha", "/object_attributes/sha"),
            ("tag", "/object_attributes/tag"),
            ("duration", "/object_attributes/duration"),
            ("merge_request", "/merge_request/title"),
            ("commit", "/commit/message"),
            ("author", "/commit/author/name"),
            ("user", "/user/username"),
            ("source_pipeline", "/source_pipeline"),
        ],
    );
    finish(event, body, "pipeline")
}

/// What a pipeline is called. Many names say already what it is: "Pipeline for branch: master" is the one in docs.gitlab.com,
/// "Webhook events".
fn pipeline_title(name: Option<&str>) -> Cow<'_, str> {
    let says_so = |name: &str| name.to_lowercase().contains("pipeline");
    match name {
        Some(name) if says_so(name) => Cow::Borrowed(name),
        Some(name) => Cow::Owned(format!("Pipeline {name}")),
        None => Cow::Borrowed("Pipeline"),
    }
}

/// The jobs that made a pipeline fail, one a line.
fn failed_jobs(body: &Value) -> Option<String> {
    let jobs = body.get("builds").and_then(Value::as_array)?;
    let lines: Vec<String> = jobs
        .iter()
        .filter(|job| pick::word(job, "/status").as_deref() == Some("failed"))
        .filter(|job| job.get("allow_failure").and_then(Value::as_bool) != Some(true))
        .filter_map(|job| {
            let stage = pick::text(job, "/stage")
                .map(|stage| format!("{stage}: "))
                .unwrap_or_default();
            let reason = pick::text(job, "/failure_reason")
                .map(|why| format!(" ({why})"))
                .unwrap_or_default();
            Some(format!("{stage}{}{reason}", pick::text(job, "/name")?))
        })
        .collect();
    description(Some(Cow::Owned(lines.join("\n"))), "")
}

/// One job.
pub(super) fn job(body: &Value) -> Normalised {
    let (Some(project), Some(name)) = (project_key(body), pick::text(body, "/build_name")) else {
        return ignored(None, "It does not say which job of which project it is.");
    };
    let branch = pick::text(body, "/ref");
    let key = format!(
        "gitlab:{project}:job:{}:{name}",
        pick::part(branch.as_deref().unwrap_or_default())
    );
    let action = match outcome(pick::word(body, "/build_status").as_deref()) {
        Ok(action) => action,
        Err(reason) => return ignored(Some(key), reason),
    };
    let allowed = body.get("build_allow_failure").and_then(Value::as_bool) == Some(true);
    if allowed && action == Action::Trigger {
        return ignored(Some(key), "The job is allowed to fail.");
    }
    let on = branch
        .as_ref()
        .map(|branch| format!(" on {branch}"))
        .unwrap_or_default();
    let summary = format!("Job {name} {}{on}{}", ended(action), in_project(body));
    let mut event = Event::new(action, key, Severity::Error, summary);
    event.component = short(Some(name));
    event.group = short(branch);
    event.occurred_at = pick::time(body, &["/build_finished_at", "/build_finished_at_iso"]);
    event.changed_at = event.occurred_at;
    let page = pick::first(body, &["/project/web_url", "/repository/homepage"]);
    if let (Some(page), Some(id)) = (page, pick::text(body, "/build_id")) {
        link::add(&mut event, Some(&format!("{page}/-/jobs/{id}")), "Job");
    }
    event.details = pick::details(
        body,
        &[
            ("job_id", "/build_id"),
            ("stage", "/build_stage"),
            ("failure_reason", "/build_failure_reason"),
            ("duration", "/build_duration"),
            ("retries", "/retries_count"),
            ("pipeline_id", "/pipeline_id"),
            ("sha", "/sha"),
            ("commit", "/commit/message"),
            ("author", "/commit/author_name"),
            ("runner", "/runner/description"),
            ("environment", "/environment/name"),
            ("user", "/user/username"),
        ],
    );
    finish(event, body, "job")
}

/// A deployment to an environment.
pub(super) fn deployment(body: &Value) -> Normalised {
    let environment = pick::first(body, &["/environment", "/environment/name"]);
    let (Some(project), Some(environment)) = (project_key(body), environment) else {
        return ignored(None, "It does not say to which environment of which project.");
    };
    let key = format!("gitlab:{project}:deployment:{environment}");
    let action = match outcome(pick::word(body, "/status").as_deref()) {
        Ok(action) => action,
        Err(reason) => return ignored(Some(key), reason),
    };
    let summary = format!("Deployment to {environment} {}{}", ended(action), in_project(body));
    let mut event = Event::new(action, key, Severity::Error, summary);
    event.component = short(Some(environment));
    event.occurred_at = pick::time(body, &["/status_changed_at"]);
    event.changed_at = event.occurred_at;
    for (url, text) in [
        ("/deployable_url", "Job"),
        ("/environment_external_url", "Environment"),
        ("/commit_url", "Commit"),
    ] {
        link::add(&mut event, pick::text(body, url).as_deref(), text);
    }
    event.details = pick::details(
        body,
        &[
            ("deployment_id", "/deployment_id"),
            ("ref", "/ref"),
            ("sha", "/short_sha"),
            ("commit", "/commit_title"),
            ("tier", "/environment_tier"),
            ("user", "/user/username"),
        ],
    );
    finish(event, body, "deployment")
}

/// An issue, where it is an incident: by its type, or by a severity, which only incidents have.
pub(super) fn issue(body: &Value) -> Normalised {
    let kind = [
        "/object_attributes/type",
        "/object_attributes/issue_type",
        "/object_kind",
    ];
    let is_incident = kind
        .iter()
        .any(|pointer| pick::word(body, pointer).as_deref() == Some("incident"));
    let word = pick::word(body, "/object_attributes/severity").filter(|word| word != "unknown");
    if !is_incident && word.is_none() {
        return ignored(None, "It is an issue, but no incident.");
    }
    let number = pick::first(body, &["/object_attributes/id", "/object_attributes/iid"]);
    let (Some(project), Some(number)) = (project_key(body), number) else {
        return ignored(None, "It does not say which incident of which project it is.");
    };
    let key = format!("gitlab:{project}:incident:{number}");
    let did = pick::word(body, "/object_attributes/action").unwrap_or_default();
    let changed = pick::word(body, "/changes/escalation_status/current");
    let is_closed = pick::word(body, "/object_attributes/state").as_deref() == Some("closed");
    let action = match (did.as_str(), changed.as_deref()) {
        ("open" | "reopen", _) => Action::Trigger,
        ("update", _) if is_closed => return ignored(Some(key), "The incident is closed, and stays so."),
        ("update", Some("triggered")) => Action::Trigger,
        ("close", _) | ("update", Some("resolved")) => Action::Resolve,
        ("update", Some("acknowledged")) => Action::Acknowledge,
        // An incident that became graver is told again; the incident here takes the higher urgency.
        ("update", _) if body.pointer("/changes/severity").is_some_and(Value::is_object) => Action::Trigger,
        _ => return ignored(Some(key), "Nothing was opened, acknowledged or closed by it."),
    };
    let title = pick::text(body, "/object_attributes/title").unwrap_or_else(|| format!("Incident {number}").into());
    let mut event = Event::new(action, key, severity(word).unwrap_or(Severity::Warning), title);
    event.description = description(pick::text(body, "/object_attributes/description"), &event.summary);
    let time = match action {
        Action::Resolve => ["/object_attributes/closed_at", "/object_attributes/updated_at"],
        Action::Trigger | Action::Acknowledge => ["/object_attributes/updated_at", ""],
    };
    event.occurred_at = pick::time(body, &time);
    event.changed_at = event.occurred_at;
    link::add(
        &mut event,
        pick::text(body, "/object_attributes/url").as_deref(),
        "Incident",
    );
    event.details = pick::details(
        body,
        &[
            ("action", "/object_attributes/action"),
            ("number", "/object_attributes/iid"),
            ("severity", "/object_attributes/severity"),
            ("labels", "/labels"),
            ("assignees", "/assignees"),
            ("user", "/user/username"),
        ],
    );
    finish(event, body, "incident")
}

/// An alert of GitLab's own alert management.
pub(super) fn alert(body: &Value) -> Normalised {
    let title = pick::text(body, "/object_attributes/title");
    let url = pick::text(body, "/object_attributes/url");
    let name = pick::first(body, &["/object_attributes/iid", "/object_attributes/id"]);
    let name = name
        .map(Cow::into_owned)
        .or_else(|| Some(hash_hex([&**url.as_ref().or(title.as_ref())?])));
    let (Some(project), Some(name)) = (project_key(body), name) else {
        return ignored(None, "It does not say which alert of which project it is.");
    };
    let key = format!("gitlab:{project}:alert:{name}");
    let action = match pick::word(body, "/object_attributes/status").as_deref() {
        Some("triggered") | None => Action::Trigger,
        Some("acknowledged") => Action::Acknowledge,
        Some("resolved") => Action::Resolve,
        Some(other) => return ignored(Some(key), format!("Its status is {other}.")),
    };
    let severity = severity(pick::word(body, "/object_attributes/severity")).unwrap_or(Severity::Warning);
    let mut event = Event::new(action, key, severity, title.unwrap_or("GitLab alert".into()));
    // Both are told by the monitoring behind it, which may tell an old beginning again: they order nothing.
    event.occurred_at = match action {
        Action::Trigger => pick::time(body, &["/object_attributes/started_at"]),
        Action::Acknowledge | Action::Resolve => pick::time(body, &["/object_attributes/ended_at"]),
    };
    link::add(&mut event, url.as_deref(), "Alert");
    event.details = body.get("object_attributes").cloned().unwrap_or_default();
    finish(event, body, "alert")
}

/// A vulnerability that a scanner found.
pub(super) fn vulnerability(body: &Value) -> Normalised {
    let url = pick::text(body, "/object_attributes/url");
    let name = pick::text(body, "/object_attributes/id").map(Cow::into_owned);
    let name = name.or_else(|| Some(hash_hex([&**url.as_ref()?])));
    let (Some(project), Some(name)) = (project_key(body), name) else {
        return ignored(None, "It does not say which vulnerability of which project it is.");
    };
    let key = format!("gitlab:{project}:vulnerability:{name}");
    let action = match pick::word(body, "/object_attributes/state").as_deref() {
        Some("detected" | "confirmed") => Action::Trigger,
        Some("resolved" | "dismissed") => Action::Resolve,
        _ => return ignored(Some(key), "Its state is neither open nor closed."),
    };
    let severity = severity(pick::word(body, "/object_attributes/severity")).unwrap_or(Severity::Warning);
    let title = pick::text(body, "/object_attributes/title").unwrap_or("A vulnerability was found".into());
    let mut event = Event::new(
        action,
        key,
        severity,
        format!("Vulnerability: {title}{}", in_project(body)),
    );
    event.occurred_at = pick::time(body, &["/object_attributes/updated_at"]);
    event.changed_at = event.occurred_at;
    link::add(&mut event, url.as_deref(), "Vulnerability");
    event.details = body.get("object_attributes").cloned().unwrap_or_default();
    finish(event, body, "vulnerability")
}

fn finish(mut event: Event, body: &Value, class: &str) -> Normalised {
    event.source = short(project_name(body));
    event.class = Some(class.to_owned());
    Normalised::Event(Box::new(event))
}
