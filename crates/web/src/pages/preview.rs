//! What a body would lead to, from how programs see it to how people do.

use super::{
    error::sentence,
    rows::{outlook_badge, shorten},
};
use crate::{
    api::preview::{PreviewBody, PreviewedBody},
    views::{Link, Previewed, PreviewedAlert, PreviewedFact},
};

/// How many alerts are shown.
const ALERTS_MAX: usize = 20;
/// How much of what an alert says besides is shown, in bytes.
const DETAILS_BYTES_MAX: usize = 8 * 1024;

/// A preview as a part of a page.
pub(super) fn previewed(body: PreviewBody) -> Previewed {
    let more = body.events.len().saturating_sub(ALERTS_MAX);
    let error = body
        .error
        .map(|error| shorten(&format!("Not understood: {} {}", error.field, error.message)));
    Previewed {
        error,
        alerts: body.events.into_iter().take(ALERTS_MAX).map(alert).collect(),
        more,
    }
}

fn alert(body: PreviewedBody) -> PreviewedAlert {
    let outcome = &body.outcome;
    let incident = outcome.incident.as_ref().map(|incident| {
        let text = shorten(&format!("#{} {}", incident.number, incident.title));
        Link::new(format!("/incidents/{}", incident.id.0), text)
    });
    // The link behind it names the incident.
    let text = match (outcome.action, &incident) {
        ("deduplicated", Some(_)) => "Would join".to_owned(),
        ("acknowledged", Some(_)) => "Would acknowledge".to_owned(),
        ("resolved", Some(_)) => "Would resolve".to_owned(),
        _ => shorten(&sentence(&outcome.text)),
    };
    PreviewedAlert {
        outcome: outlook_badge(outcome.action),
        text,
        incident,
        details: details(&body.custom_details),
        facts: facts(body),
    }
}

fn details(value: &serde_json::Value) -> String {
    if value.is_null() {
        return String::new();
    }
    let mut text = serde_json::to_string_pretty(value).unwrap_or_default();
    if text.len() > DETAILS_BYTES_MAX {
        let mut end = DETAILS_BYTES_MAX;
        while !text.is_char_boundary(end) {
            end -= 1;
        }
        text.truncate(end);
        text.push('…');
    }
    text
}

fn facts(body: PreviewedBody) -> Vec<PreviewedFact> {
    let links = body.links.into_iter().map(|link| link.href);
    let images = body.images.into_iter().map(|image| image.src);
    let joined = |all: Vec<String>| Some(all.join(" ")).filter(|text| !text.is_empty());
    let origins = body.origins;
    let parts = [
        ("Action", "action", Some(body.action.to_owned())),
        ("Summary", "summary", body.summary),
        ("Severity", "severity", body.severity.map(str::to_owned)),
        ("Deduplication key", "dedupKey", body.dedup_key),
        ("Source", "source", body.source),
        ("Component", "component", body.component),
        ("Group", "group", body.group),
        ("Class", "class", body.class),
        ("Description", "description", body.description),
        (
            "Sender's time",
            "occurredAt",
            body.occurred_at.map(|at| at.0.to_string()),
        ),
        ("Links", "links", joined(links.collect())),
        ("Images", "images", joined(images.collect())),
        (
            "Test",
            "isTest",
            body.is_test.then(|| "yes: it pages nobody".to_owned()),
        ),
    ];
    let fact = |(name, part, value): (&'static str, &str, Option<String>)| {
        Some(PreviewedFact {
            name,
            value: shorten(&value?),
            origin: origins.get(part).map(|origin| shorten(origin)).unwrap_or_default(),
        })
    };
    parts.into_iter().filter_map(fact).collect()
}
