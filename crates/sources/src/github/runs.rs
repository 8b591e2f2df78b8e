//! What runs and may fail: workflows, their jobs, checks, commit statuses and deployments.
//!
//! A conclusion counts once, when the run is over. What was cancelled, skipped or went stale says nothing about the
//! code: it neither opens nor closes anything.

use opsknight_domain::event::{Action, Event, Normalised, Severity};
use serde_json::Value;

use super::{repository_key, repository_name};
use crate::{
    link,
    normalise::{ignored, short},
    pick,
};

/// A run that is over, before it is an event.
struct Run<'a> {
    /// The webhook's event, which is the class of ours.
    class: &'static str,
    /// Where the run stands in the body: `/workflow_run`.
    at: &'static str,
    /// What distinguishes it within the repository, without the branch.
    name_key: String,
    /// What people call it.
    name: String,
    /// The branch, as people name it.
    branch: Option<String>,
    /// The branch, as keys have it: another repository's branch of that name is another branch.
    branch_key: String,
    /// Whether it is about the branch that everybody works from.
    is_default: bool,
    body: &'a Value,
}

impl<'a> Run<'a> {
    fn new(body: &'a Value, class: &'static str, at: &'static str, name_key: String, name: String) -> Self {
        Self {
            class,
            at,
            name_key,
            name,
            branch: None,
            branch_key: String::new(),
            is_default: false,
            body,
        }
    }

    /// Sets the branch; `head_repository` is where it lies, when it may lie in a fork.
    fn on(mut self, branch: Option<&str>, head_repository: Option<&str>) -> Self {
        let Some(branch) = branch else { return self };
        let own = pick::text(self.body, "/repository/id");
        let fork = head_repository.filter(|head| own.as_deref().is_some_and(|own| own != *head));
        self.branch_key = match fork {
            Some(fork) => format!("{fork}/{branch}"),
            None => branch.to_owned(),
        };
        let default = pick::text(self.body, "/repository/default_branch");
        self.is_default = fork.is_none() && default.as_deref() == Some(branch);
        self.branch = Some(branch.to_owned());
        self
    }

    fn text(&self, field: &str) -> Option<std::borrow::Cow<'a, str>> {
        pick::text(self.body, &format!("{}{field}", self.at))
    }

    fn key(&self) -> String {
        let repository = repository_key(self.body).unwrap_or_default();
        let branch = if self.branch_key.is_empty() { "" } else { ":" };
        format!("github:{repository}:{}{branch}{}", self.name_key, self.branch_key)
    }

    /// By the word for how it ended; `times` are where the end stands, or failing that the beginning, `urls` where the page
    /// of the run does.
    fn judge(&self, conclusion: Option<&str>, times: &[&str], urls: &[&str]) -> Normalised {
        let action = match conclusion {
            Some("failure" | "timed_out" | "startup_failure" | "error") => Action::Trigger,
            Some("success") => Action::Resolve,
            Some(other) => {
                let reason = format!("It ended as {other}, which is neither a failure nor a success.");
                return ignored(Some(self.key()), reason);
            }
            None => return ignored(Some(self.key()), "It is not over yet."),
        };
        let severity = if self.is_default {
            Severity::Critical
        } else {
            Severity::Error
        };
        let repository = repository_name(self.body);
        let place = match (&repository, &self.branch) {
            (Some(repository), Some(branch)) => format!(" on {branch} of {repository}"),
            (Some(repository), None) => format!(" in {repository}"),
            (None, Some(branch)) => format!(" on {branch}"),
            (None, None) => String::new(),
        };
        let ended = match conclusion {
            Some("timed_out") => "timed out",
            Some("startup_failure") => "could not start",
            Some("success") => "succeeded",
            _ => "failed",
        };
        let mut event = Event::new(action, self.key(), severity, format!("{} {ended}{place}", self.name));
        event.source = short(repository);
        event.component = short(Some(self.name.as_str().into()));
        event.group = short(self.branch.as_deref().map(Into::into));
        event.class = Some(self.class.to_owned());
        event.occurred_at = pick::time(self.body, times);
        // The first is always that of the end. Of two runs, the one that ends later has the last word.
        event.changed_at = times.first().and_then(|end| pick::time(self.body, &[*end]));
        for url in urls {
            // Only html_url is always a page of GitHub; the others lead to whoever ran it.
            let text = if url.ends_with("/html_url") {
                "GitHub"
            } else {
                "Details"
            };
            link::add(&mut event, pick::text(self.body, url).as_deref(), text);
        }
        event.details = details(self.body, self.at);
        Normalised::Event(Box::new(event))
    }
}

/// What is worth keeping of a run: a payload is mostly addresses of GitHub's API.
fn details(body: &Value, at: &'static str) -> Value {
    const FIELDS: &[&str] = &[
        "id",
        "name",
        "path",
        "display_title",
        "workflow_name",
        "run_number",
        "run_attempt",
        "event",
        "status",
        "conclusion",
        "state",
        "context",
        "description",
        "environment",
        "head_branch",
        "head_sha",
        "sha",
        "output",
        "runner_name",
        "labels",
        "created_at",
        "updated_at",
        "started_at",
        "completed_at",
    ];
    let pointers: Vec<(&str, String)> = FIELDS.iter().map(|name| (*name, format!("{at}/{name}"))).collect();
    let mut parts: Vec<(&str, &str)> = pointers
        .iter()
        .map(|(name, pointer)| (*name, pointer.as_str()))
        .collect();
    parts.extend([
        ("repository", "/repository/full_name"),
        ("sender", "/sender/login"),
        ("commit", "/workflow_run/head_commit/message"),
        ("app", "/check_run/app/slug"),
        ("deployment_ref", "/deployment/ref"),
        ("task", "/deployment/task"),
    ]);
    pick::details(body, &parts)
}

/// Ignored unless the action says that it is over.
fn unless_completed(run: &Run<'_>, body: &Value, also: &[&str]) -> Option<Normalised> {
    let action = pick::word(body, "/action").unwrap_or_default();
    if action == "completed" || action.is_empty() || also.contains(&action.as_str()) {
        return None;
    }
    let reason = format!("{action} says nothing about how it ends.");
    Some(ignored(Some(run.key()), reason))
}

/// A whole workflow, known by its id, so that it may be renamed.
pub(super) fn workflow_run(body: &Value) -> Normalised {
    let id = pick::first(
        body,
        &[
            "/workflow_run/workflow_id",
            "/workflow/id",
            "/workflow_run/path",
            "/workflow_run/name",
        ],
    );
    let name = pick::first(body, &["/workflow_run/name", "/workflow/name", "/workflow_run/path"]);
    let Some(id) = id else {
        return ignored(None, "It does not say which workflow ran.");
    };
    let name = format!("Workflow {}", name.as_deref().unwrap_or(&id));
    // The fork that a pull request came from may be gone; its branch is none of ours all the same.
    let is_pull_request =
        pick::word(body, "/workflow_run/event").is_some_and(|event| event.starts_with("pull_request"));
    let head = pick::text(body, "/workflow_run/head_repository/id");
    let head = head.or_else(|| is_pull_request.then_some("gone".into()));
    let run = Run::new(
        body,
        "workflow_run",
        "/workflow_run",
        format!("workflow:{}", pick::part(&id)),
        name,
    )
    .on(
        pick::text(body, "/workflow_run/head_branch").as_deref(),
        head.as_deref(),
    );
    unless_completed(&run, body, &[]).unwrap_or_else(|| {
        let times = ["/workflow_run/updated_at", "/workflow_run/run_started_at"];
        run.judge(
            pick::word(body, "/workflow_run/conclusion").as_deref(),
            &times,
            &["/workflow_run/html_url"],
        )
    })
}

/// One job of a workflow.
pub(super) fn workflow_job(body: &Value) -> Normalised {
    let Some(name) = pick::text(body, "/workflow_job/name") else {
        return ignored(None, "It does not say which job ran.");
    };
    let workflow = pick::text(body, "/workflow_job/workflow_name").unwrap_or_default();
    let title = if workflow.is_empty() {
        format!("Job {name}")
    } else {
        format!("Job {name} of {workflow}")
    };
    let run = Run::new(
        body,
        "workflow_job",
        "/workflow_job",
        format!("job:{}:{}", pick::part(&workflow), pick::part(&name)),
        title,
    )
    .on(pick::text(body, "/workflow_job/head_branch").as_deref(), None);
    unless_completed(&run, body, &[]).unwrap_or_else(|| {
        let times = ["/workflow_job/completed_at", "/workflow_job/started_at"];
        run.judge(
            pick::word(body, "/workflow_job/conclusion").as_deref(),
            &times,
            &["/workflow_job/html_url"],
        )
    })
}

/// A check of GitHub's own or of an app.
pub(super) fn check_run(body: &Value) -> Normalised {
    let Some(name) = pick::text(body, "/check_run/name") else {
        return ignored(None, "It does not say which check ran.");
    };
    let app = pick::first(body, &["/check_run/app/id", "/check_run/app/slug"]).unwrap_or_default();
    let run = Run::new(
        body,
        "check_run",
        "/check_run",
        format!("check:{}:{}", pick::part(&app), pick::part(&name)),
        format!("Check {name}"),
    )
    .on(
        pick::text(body, "/check_run/check_suite/head_branch").as_deref(),
        pick::text(body, "/check_run/check_suite/head_repository/id").as_deref(),
    );
    // A check that an app reports only when it is over is created as it ends.
    unless_completed(&run, body, &["created"]).unwrap_or_else(|| {
        let times = ["/check_run/completed_at"];
        let urls = ["/check_run/html_url", "/check_run/details_url"];
        run.judge(pick::word(body, "/check_run/conclusion").as_deref(), &times, &urls)
    })
}

/// All checks of an app on a commit. GitHub's own workflows tell the same as workflow runs.
pub(super) fn check_suite(body: &Value) -> Normalised {
    let app = pick::first(body, &["/check_suite/app/id", "/check_suite/app/slug"]).unwrap_or_default();
    let name = pick::text(body, "/check_suite/app/name").unwrap_or_else(|| app.clone());
    let run = Run::new(
        body,
        "check_suite",
        "/check_suite",
        format!("suite:{}", pick::part(&app)),
        format!("Checks of {name}"),
    )
    .on(pick::text(body, "/check_suite/head_branch").as_deref(), None);
    if pick::text(body, "/check_suite/app/slug").as_deref() == Some("github-actions") {
        return ignored(
            Some(run.key()),
            "Workflow runs say the same; choose that event at GitHub.",
        );
    }
    unless_completed(&run, body, &[]).unwrap_or_else(|| {
        let times = ["/check_suite/updated_at"];
        run.judge(pick::word(body, "/check_suite/conclusion").as_deref(), &times, &[])
    })
}

/// A commit status, GitHub's older form of checks. The commit may be on several branches; the default one counts most.
pub(super) fn status(body: &Value) -> Normalised {
    let context = pick::first(body, &["/context"]).unwrap_or("default".into());
    let branches: Vec<_> = body
        .get("branches")
        .and_then(Value::as_array)
        .into_iter()
        .flatten()
        .filter_map(|branch| pick::text(branch, "/name"))
        .collect();
    let default = pick::text(body, "/repository/default_branch");
    let branch = branches
        .iter()
        .find(|name| Some(*name) == default.as_ref())
        .or_else(|| branches.first());
    let name = format!("Status {context}");
    let mut run = Run::new(body, "status", "", format!("status:{}", pick::part(&context)), name)
        .on(branch.map(|name| &**name), None);
    if branch.is_none() {
        // On no branch of this repository: a fork's commit, which only speaks for itself.
        run.branch_key = run.text("/sha").unwrap_or_default().into_owned();
    }
    match pick::word(body, "/state").as_deref() {
        Some("pending") | None => ignored(Some(run.key()), "It is not over yet."),
        state => run.judge(
            state,
            &["/updated_at", "/created_at"],
            &["/target_url", "/commit/html_url"],
        ),
    }
}

/// A deployment to an environment.
pub(super) fn deployment_status(body: &Value) -> Normalised {
    let environment = pick::first(body, &["/deployment_status/environment", "/deployment/environment"]);
    let Some(environment) = environment else {
        return ignored(None, "It does not say to which environment.");
    };
    let name_key = format!("deployment:{}", pick::part(&environment));
    let mut run = Run::new(
        body,
        "deployment_status",
        "/deployment_status",
        name_key,
        format!("Deployment to {environment}"),
    );
    let production = body
        .pointer("/deployment/production_environment")
        .and_then(Value::as_bool);
    run.is_default = production == Some(true) || environment.eq_ignore_ascii_case("production");
    match pick::word(body, "/deployment_status/state").as_deref() {
        Some("inactive") => ignored(Some(run.key()), "A later deployment took its place."),
        Some("pending" | "queued" | "in_progress" | "waiting") | None => {
            ignored(Some(run.key()), "It is not over yet.")
        }
        state => {
            let times = ["/deployment_status/updated_at", "/deployment_status/created_at"];
            let urls = [
                "/deployment_status/log_url",
                "/deployment_status/target_url",
                "/deployment_status/environment_url",
                "/workflow_run/html_url",
            ];
            run.judge(state, &times, &urls)
        }
    }
}
