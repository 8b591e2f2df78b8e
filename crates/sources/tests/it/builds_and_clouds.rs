//! Real bodies of GitHub, GitLab, Bitbucket and the three clouds, where the folder with them is found beside the
//! repository: the name of each file says what must come of it.

use http::{HeaderMap, HeaderValue, Method};
use opsknight_domain::event::{Action, Normalised};
use opsknight_sources::{Request, Source, by_slug};

use crate::{assert_sound, read_folder, sent::payloads};

/// Folders with samples and the source that understands them.
const FOLDERS: &[(&str, &str)] = &[
    ("github", "github"),
    ("gitlab", "gitlab"),
    ("bitbucket", "bitbucket"),
    ("aws-cloudwatch-sns", "cloudwatch"),
    ("azure-monitor", "azure"),
    ("google-cloud-monitoring", "google-cloud-monitoring"),
];

/// Parts of the files' names and what must come of them; the first that fits counts. None is "ignored".
const OUTCOMES: &[(&str, Option<Action>)] = &[
    ("github/check_run.completed.failure", Some(Action::Trigger)),
    ("github/check_run.completed.success", Some(Action::Resolve)),
    // One of them is of GitHub Actions, whose workflow runs say the same.
    ("github/check_suite.completed.success.1", None),
    ("github/check_suite.completed.success", Some(Action::Resolve)),
    ("github/workflow_job.completed.failure", Some(Action::Trigger)),
    ("github/workflow_job.completed.success", Some(Action::Resolve)),
    ("github/workflow_run.completed.success", Some(Action::Resolve)),
    ("github/derived-workflow_run-failure", Some(Action::Trigger)),
    ("github/derived-workflow_run-success", Some(Action::Resolve)),
    ("github/deployment_status.created.success", Some(Action::Resolve)),
    ("github/gopg-deployment-status", Some(Action::Resolve)),
    ("github/status..success", Some(Action::Resolve)),
    ("github/gopg-status", Some(Action::Resolve)),
    ("github/dependabot_alert.created", Some(Action::Trigger)),
    ("github/dependabot_alert.fixed", Some(Action::Resolve)),
    ("github/gopg-dependabot_alert", Some(Action::Resolve)),
    ("github/code_scanning_alert.created", Some(Action::Trigger)),
    ("github/code_scanning_alert.reopened", Some(Action::Trigger)),
    ("github/gopg-code_scanning_alert", Some(Action::Trigger)),
    ("github/code_scanning_alert.fixed", Some(Action::Resolve)),
    ("github/code_scanning_alert.closed_by_user", Some(Action::Resolve)),
    ("github/repository_vulnerability_alert.create", Some(Action::Trigger)),
    ("github/repository_vulnerability_alert.dismiss", Some(Action::Resolve)),
    ("github/gopg-repository-vulnerability-alert", Some(Action::Resolve)),
    ("github/", None),
    ("gitlab/derived-job-failed", Some(Action::Trigger)),
    ("gitlab/derived-pipeline-failed", Some(Action::Trigger)),
    ("gitlab/derived-pipeline-success", Some(Action::Resolve)),
    ("gitlab/gopg-pipeline-event", Some(Action::Resolve)),
    ("gitlab/gopg-deployment-event", Some(Action::Resolve)),
    ("gitlab/", None),
    ("bitbucket/derived-commit-status-failed", Some(Action::Trigger)),
    ("bitbucket/gopg-repo-commit-status-updated", Some(Action::Resolve)),
    ("bitbucket/", None),
    (
        "aws-cloudwatch-sns/alerta-cloudwatch_notification",
        Some(Action::Trigger),
    ),
    (
        "aws-cloudwatch-sns/alerta-cloudwatch_insufficient_data",
        Some(Action::Trigger),
    ),
    ("aws-cloudwatch-sns/alerta-cloudwatch_subscription_confirmation", None),
    (
        "azure-monitor/alertacontrib-azuremonitor-new_metric_alert-b",
        Some(Action::Resolve),
    ),
    ("azure-monitor/", Some(Action::Trigger)),
    ("google-cloud-monitoring/alerta-stackdriver_open", Some(Action::Trigger)),
    (
        "google-cloud-monitoring/derived-pubsub-push-open",
        Some(Action::Trigger),
    ),
    ("google-cloud-monitoring/", Some(Action::Resolve)),
];

/// The event's name in GitHub's header, by the file's: everything before the first dot, or what was put into words.
fn event_name(file: &str) -> String {
    let name = file.trim_start_matches("derived-").trim_start_matches("gopg-");
    let name = name.split('.').next().unwrap_or(name);
    let name = name.trim_end_matches("-failure").trim_end_matches("-success");
    name.replace('-', "_")
}

fn outcomes(source: &dyn Source, file: &str, body: &[u8], named: bool) -> Vec<Normalised> {
    let mut headers = HeaderMap::new();
    if named && source.slug() == "github" {
        let name = HeaderValue::from_str(&event_name(file)).expect("a value");
        headers.insert("x-github-event", name);
    }
    let request = Request {
        method: &Method::POST,
        query: "",
        headers: &headers,
        body,
    };
    let all = source.parse(&request, None);
    all.unwrap_or_else(|error| panic!("{}/{file}: {error}", source.slug()))
}

#[test]
fn every_sample_has_the_outcome_that_its_name_says() {
    let Some(payloads) = payloads() else { return };
    for (folder, slug) in FOLDERS {
        let source = by_slug(slug).expect("a source");
        for (file, body) in read_folder(&payloads.join(folder)) {
            let name = format!("{folder}/{file}");
            let expected = OUTCOMES.iter().find(|(part, _)| name.starts_with(part));
            let (_, expected) = expected.unwrap_or_else(|| panic!("{name} is not in the table"));
            let all = outcomes(source, &file, &body, true);
            assert_sound(&all);
            let [only] = &all[..] else {
                panic!("{name}: one outcome")
            };
            match only {
                Normalised::Event(event) => {
                    assert_eq!(Some(event.action), *expected, "{name}: {}", event.summary);
                    assert!(
                        event.dedup_key.starts_with(&format!("{slug}:")),
                        "{name}: {}",
                        event.dedup_key
                    );
                    assert!(!event.is_test && !event.summary.contains("null"), "{name}");
                }
                Normalised::Ignored { reason, .. } => assert_eq!(None, *expected, "{name}: {reason}"),
            }
        }
    }
}

/// The header says which event it is; a body that lost its headers on the way is known by what is in it.
#[test]
fn bodies_of_github_are_known_without_their_header() {
    let Some(payloads) = payloads() else { return };
    let source = by_slug("github").expect("a source");
    for (file, body) in read_folder(&payloads.join("github")) {
        let [named] = &outcomes(source, &file, &body, true)[..] else {
            panic!("{file}: one outcome")
        };
        if let Normalised::Event(_) = named {
            assert_eq!(
                &outcomes(source, &file, &body, false)[..],
                std::slice::from_ref(named),
                "{file}"
            );
        }
    }
}
