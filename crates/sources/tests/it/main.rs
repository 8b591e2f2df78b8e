//! The sources as the server sees them: whole bodies in, events out.

mod arbitrary;
mod builds_and_clouds;
mod events_api;
mod fixtures;
mod guide;
mod hostile;
mod samples;
mod sent;
mod shell_snippets;
mod sound;

use std::{fs, path::PathBuf};

use http::{HeaderMap, Method};
use opsknight_domain::event::{Event, Normalised};
use opsknight_sources::{ParseError, Request, Source, all};
use serde_json::{Value, json};

use self::sound::{assert_sound, assert_verdict};

/// Gives a JSON body to a source, as its product sends it.
fn parse(source: &dyn Source, body: &[u8]) -> Result<Vec<Normalised>, ParseError> {
    source.parse(
        &Request {
            method: &Method::POST,
            query: "",
            headers: &HeaderMap::new(),
            body,
        },
        None,
    )
}

/// The fixtures of a source, as name and body, sorted by name.
fn fixtures(source: &dyn Source) -> Vec<(String, Vec<u8>)> {
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR"))
        .join("fixtures")
        .join(source.slug());
    read_folder(&folder)
}

fn read_folder(folder: &std::path::Path) -> Vec<(String, Vec<u8>)> {
    let entries = fs::read_dir(folder).unwrap_or_else(|error| panic!("{}: {error}", folder.display()));
    let mut files: Vec<_> = entries
        .map(|entry| entry.expect("a directory entry").path())
        .filter(|path| path.extension().is_some_and(|extension| extension == "json"))
        .map(|path| {
            let name = path.file_stem().expect("a name").to_string_lossy().into_owned();
            (name, fs::read(&path).expect("a readable file"))
        })
        .collect();
    files.sort();
    files
}

/// Events as a person reads them: what is absent is left out.
fn readable(result: &Result<Vec<Normalised>, ParseError>) -> Value {
    match result {
        Err(error) => json!({"refused": error.to_string()}),
        Ok(all) => all.iter().map(readable_one).collect(),
    }
}

fn readable_one(normalised: &Normalised) -> Value {
    let event: &Event = match normalised {
        Normalised::Ignored { dedup_key, reason } => return json!({"ignored": reason, "key": dedup_key}),
        Normalised::Event(event) => event,
    };
    let links: Vec<String> = event
        .links
        .iter()
        .map(|link| format!("{} <{}>", link.text.as_deref().unwrap_or("-"), link.href))
        .collect();
    let images: Vec<String> = event
        .images
        .iter()
        .map(|image| {
            let (alt, href) = (
                image.alt.as_deref().unwrap_or("-"),
                image.href.as_deref().unwrap_or("-"),
            );
            format!("{alt} <{}> to <{href}>", image.src)
        })
        .collect();
    let mut value = json!({
        "action": event.action.word(), "key": event.dedup_key, "severity": event.severity.word(),
        "summary": event.summary, "description": event.description, "source": event.source,
        "component": event.component, "group": event.group, "class": event.class, "links": links, "images": images,
        "occurred_at": event.occurred_at.map(|time| time.to_string()),
        "changed_at": event.changed_at.map(|time| time.to_string()), "test": event.is_test, "details": event.details
    });
    if let Value::Object(fields) = &mut value {
        fields.retain(|_, field| !matches!(field, Value::Null | Value::Bool(false)) && *field != json!([]));
    }
    value
}

/// The same check over every source, told apart by their slugs in what is printed.
fn each_source(mut check: impl FnMut(&'static dyn Source)) {
    all().iter().for_each(|source| check(*source));
}
