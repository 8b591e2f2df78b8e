//! Pipelines of Bitbucket Cloud, told as spans: OTLP in JSON.
//!
//! Only the span of a whole run counts; those of steps, commands and containers are many and say the same. Facts are from
//! atlassian.com/blog/bitbucket, "Bitbucket Pipelines OpenTelemetry traces via webhooks".

use std::borrow::Cow;

use opsknight_domain::event::{Event, Normalised, Severity};
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use serde_json::{Map, Value};

use super::{ended, outcome};
use crate::{
    json, link,
    normalise::{ignored, short},
    pick, when,
};

/// The span of a whole run.
const RUN_SPAN: &str = "bbc.pipeline_run";

/// The runs among the spans.
pub(super) fn spans(body: &Value) -> Vec<Normalised> {
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
    event.changed_at = event.occurred_at;
    event.details = attributes.clone();
    Normalised::Event(Box::new(event))
}

/// The page of a run: as it is told, else put together, since Bitbucket finds it by ids as well as by names.
fn page<'v>(text: &impl Fn(&str) -> Option<Cow<'v, str>>, number: Option<&str>) -> Option<String> {
    if let Some(page) = text("pipeline_run.url") {
        return Some(page.into_owned());
    }
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
