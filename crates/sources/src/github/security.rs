//! GitHub's security alerts: vulnerable dependencies, code scanning and leaked secrets.
//!
//! An alert has a number of its own in each repository and each kind, which is its key for as long as it lives. What is
//! published for the world, such as a security advisory, is no alert of anybody's.

use jiff::Timestamp;
use opsknight_domain::event::{Action, Event, Normalised, Severity};
use serde_json::Value;

use super::{repository_key, repository_name};
use crate::{
    hash_hex, link,
    normalise::{description, ignored, short},
    pick,
};

/// A kind of alert: its part of the key, what people call it, the class.
struct Kind {
    key: &'static str,
    title: &'static str,
    class: &'static str,
}

const DEPENDABOT: Kind = Kind {
    key: "dependabot",
    title: "Dependabot",
    class: "dependabot_alert",
};
const CODE_SCANNING: Kind = Kind {
    key: "code-scanning",
    title: "Code scanning",
    class: "code_scanning_alert",
};
const SECRET_SCANNING: Kind = Kind {
    key: "secret-scanning",
    title: "Secret scanning",
    class: "secret_scanning_alert",
};

/// GitHub's scale, which tops at critical.
fn severity(word: Option<String>) -> Option<Severity> {
    match word?.as_str() {
        "critical" => Some(Severity::Critical),
        "high" | "error" => Some(Severity::Error),
        "medium" | "moderate" | "warning" => Some(Severity::Warning),
        "low" | "note" | "none" => Some(Severity::Info),
        _ => None,
    }
}

/// A vulnerable dependency.
pub(super) fn dependabot(body: &Value) -> Normalised {
    let severity = severity(pick::word(body, "/alert/security_advisory/severity"))
        .or_else(|| severity(pick::word(body, "/alert/security_vulnerability/severity")));
    let package = pick::first(
        body,
        &[
            "/alert/dependency/package/name",
            "/alert/security_vulnerability/package/name",
        ],
    );
    let what = pick::first(
        body,
        &["/alert/security_advisory/summary", "/alert/security_advisory/ghsa_id"],
    );
    let what = what
        .or_else(|| package.clone())
        .unwrap_or_else(|| "a dependency is vulnerable".into());
    alert(
        body,
        &DEPENDABOT,
        severity.unwrap_or(Severity::Warning),
        &what,
        package.as_deref(),
    )
}

/// The same in GitHub's older event, with the same numbers: both fall on one incident.
pub(super) fn vulnerability(body: &Value) -> Normalised {
    let package = pick::text(body, "/alert/affected_package_name");
    let id = pick::first(body, &["/alert/external_identifier", "/alert/ghsa_id"]);
    let what = match (&package, &id) {
        (Some(package), Some(id)) => format!("{package} is vulnerable ({id})"),
        (Some(text), None) | (None, Some(text)) => format!("{text} is vulnerable"),
        (None, None) => "a dependency is vulnerable".to_owned(),
    };
    let severity = severity(pick::word(body, "/alert/severity")).unwrap_or(Severity::Warning);
    alert(body, &DEPENDABOT, severity, &what, package.as_deref())
}

/// A finding of code scanning.
pub(super) fn code_scanning(body: &Value) -> Normalised {
    let severity = severity(pick::word(body, "/alert/rule/security_severity_level"))
        .or_else(|| severity(pick::word(body, "/alert/rule/severity")));
    let what = pick::first(
        body,
        &[
            "/alert/rule/description",
            "/alert/rule/full_description",
            "/alert/rule/name",
            "/alert/rule/id",
        ],
    );
    let what = what.unwrap_or_else(|| "a finding".into());
    let tool = pick::text(body, "/alert/tool/name");
    alert(
        body,
        &CODE_SCANNING,
        severity.unwrap_or(Severity::Warning),
        &what,
        tool.as_deref(),
    )
}

/// A secret that lies in the code for all to read.
pub(super) fn secret_scanning(body: &Value) -> Normalised {
    let kind = pick::first(body, &["/alert/secret_type_display_name", "/alert/secret_type"]);
    let what = kind.map_or_else(|| "a secret was found".to_owned(), |kind| format!("{kind} was found"));
    alert(body, &SECRET_SCANNING, Severity::Critical, &what, None)
}

/// What an action does to an alert; none for what changes nothing, such as an assignment.
fn action(word: &str) -> Option<Action> {
    match word {
        "created" | "create" | "appeared_in_branch" | "reopened" | "reopen" | "reopened_by_user" | "auto_reopened"
        | "reintroduced" | "publicly_leaked" => Some(Action::Trigger),
        "fixed" | "dismissed" | "dismiss" | "auto_dismissed" | "closed_by_user" | "resolved" | "resolve"
        | "revoked" => Some(Action::Resolve),
        _ => None,
    }
}

/// When an alert came to be, or ended, by the time that is named for it.
fn own_time(body: &Value, word: &str) -> Option<Timestamp> {
    let own = match word {
        "created" | "create" => "/alert/created_at",
        "fixed" | "resolve" => "/alert/fixed_at",
        "dismissed" | "dismiss" | "closed_by_user" => "/alert/dismissed_at",
        "auto_dismissed" => "/alert/auto_dismissed_at",
        "resolved" => "/alert/resolved_at",
        // An alert that is opened again has no time of that: it still tells when it was created, and in GitHub's own example
        // `updated_at` says no more. So it is never taken for an old one.
        _ => return None,
    };
    pick::time(body, &[own])
}

/// Whether the time of this action proves an order. GitHub's own examples of the older vulnerability alerts (create,
/// dismiss, resolve) are dismissed before they are created.
fn is_ordered(word: &str) -> bool {
    !matches!(word, "create" | "dismiss" | "resolve")
}

/// The key of an alert: its number within its repository, else what else is unique about it.
fn key(body: &Value, kind: &Kind) -> Option<String> {
    if let (Some(repository), Some(number)) = (repository_key(body), pick::text(body, "/alert/number")) {
        return Some(format!("github:{repository}:{}:{number}", kind.key));
    }
    if let Some(id) = pick::text(body, "/alert/id") {
        return Some(format!("github:{}:id:{id}", kind.key));
    }
    let url = pick::first(body, &["/alert/html_url", "/alert/url"])?;
    Some(format!("github:{}:{}", kind.key, hash_hex([&*url])))
}

fn alert(body: &Value, kind: &Kind, severity: Severity, what: &str, component: Option<&str>) -> Normalised {
    let Some(key) = key(body, kind) else {
        return ignored(None, "The repository is gone, and nothing else says which alert it is.");
    };
    let word = pick::word(body, "/action").unwrap_or_default();
    let Some(action) = action(&word) else {
        let word = if word.is_empty() { "Nothing" } else { &word };
        return ignored(Some(key), format!("{word} neither opens nor closes the alert."));
    };
    let repository = repository_name(body);
    let place = repository
        .as_ref()
        .map(|name| format!(" in {name}"))
        .unwrap_or_default();
    let mut event = Event::new(action, key, severity, format!("{}: {what}{place}", kind.title));
    let text = pick::first(
        body,
        &["/alert/security_advisory/description", "/alert/rule/full_description"],
    );
    event.description = description(text, &event.summary);
    event.source = short(repository);
    event.component = short(component.map(Into::into));
    event.class = Some(kind.class.to_owned());
    let own_time = own_time(body, &word);
    event.changed_at = own_time.filter(|_| is_ordered(&word));
    let updated_at = pick::time(body, &["/alert/updated_at"]);
    let created_at = pick::time(body, &["/alert/created_at"]);
    event.occurred_at = own_time.or(updated_at.filter(|time| Some(*time) != created_at));
    let pages = ["/alert/html_url", "/alert/external_reference"];
    for url in pages {
        link::add(&mut event, pick::text(body, url).as_deref(), "Alert");
    }
    event.details = details(body);
    Normalised::Event(Box::new(event))
}

/// What is worth keeping. The secret itself is not: it would be leaked once more.
fn details(body: &Value) -> Value {
    pick::details(
        body,
        &[
            ("action", "/action"),
            ("number", "/alert/number"),
            ("state", "/alert/state"),
            ("repository", "/repository/full_name"),
            ("sender", "/sender/login"),
            ("ref", "/ref"),
            ("dependency", "/alert/dependency"),
            ("ghsa_id", "/alert/security_advisory/ghsa_id"),
            ("cve_id", "/alert/security_advisory/cve_id"),
            ("cvss", "/alert/security_advisory/cvss"),
            (
                "vulnerable_range",
                "/alert/security_vulnerability/vulnerable_version_range",
            ),
            (
                "first_patched_version",
                "/alert/security_vulnerability/first_patched_version/identifier",
            ),
            ("affected_range", "/alert/affected_range"),
            ("fixed_in", "/alert/fixed_in"),
            ("rule", "/alert/rule/id"),
            ("tool", "/alert/tool/name"),
            ("instance", "/alert/most_recent_instance/location"),
            ("secret_type", "/alert/secret_type"),
            ("validity", "/alert/validity"),
            ("dismissed_reason", "/alert/dismissed_reason"),
            ("resolution", "/alert/resolution"),
        ],
    )
}
