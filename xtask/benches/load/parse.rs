//! How long sources take to read bodies: a group of Alertmanager's, and the longest and oddest that can be sent.

use std::{
    fs,
    path::Path,
    time::{Duration, Instant},
};

use anyhow::Context as _;
use http::{HeaderMap, HeaderValue, Method};
use opsknight_sources::{Request, Source, all, by_slug};

use crate::{
    Context,
    drive::{Seen, microseconds},
    groups,
    report::Part,
};

/// The longest body of a webhook, in bytes.
const BODY_BYTES_MAX: usize = 5 << 20;
/// How many of the slowest are shown.
const SHOWN: usize = 5;

/// Measures what can be measured without a server.
pub(crate) fn measure(context: &Context, part: &mut Part) -> anyhow::Result<()> {
    let source = by_slug("prometheus").context("there is such a source")?;
    let body = groups::body("one", 0, "firing");
    let mut times = Vec::new();
    for _ in 0..context.count(1000) {
        times.push(microseconds(read(source, "application/json", body.as_bytes())));
    }
    let seen = Seen::of(times, 1.0);
    let note = format!(
        "fastest {:.2} ms, p99 {:.2} ms, of {} bytes",
        seen.percentile_ms(0.0),
        seen.percentile_ms(0.99),
        body.len()
    );
    let name = format!("a group of {} alerts, read", groups::ALERTS);
    part.say(&name, seen.percentile_ms(0.5), "ms", &note);
    let mut times = Vec::new();
    for source in all() {
        for (what, media_type, body) in bodies(*source)? {
            let took = read(*source, &media_type, &body);
            times.push((took, format!("{}: {what}", source.slug())));
        }
    }
    times.sort();
    let slowest = times.iter().rev().take(SHOWN);
    for (took, what) in slowest {
        part.say(
            &format!("{} MiB, {what}", BODY_BYTES_MAX >> 20),
            took.as_secs_f64() * 1e3,
            "ms",
            "",
        );
    }
    Ok(())
}

fn read(source: &dyn Source, media_type: &str, body: &[u8]) -> Duration {
    let mut headers = HeaderMap::new();
    if let Ok(value) = HeaderValue::from_str(media_type) {
        headers.insert("content-type", value);
    }
    let request = Request {
        method: &Method::POST,
        query: "",
        headers: &headers,
        body,
    };
    let started = Instant::now();
    let _id = source.delivery_id(&request);
    let verdict = source.parse(&request, None);
    let took = started.elapsed();
    drop(verdict);
    took
}

/// Bodies of the greatest length, made to be slow: what it is, its media type, the body.
fn bodies(source: &dyn Source) -> anyhow::Result<Vec<(String, String, Vec<u8>)>> {
    const JSON: &str = "application/json";
    const FORM: &str = "application/x-www-form-urlencoded";
    let pieces = [
        ("lists in lists", "", "["),
        ("objects in objects", "", "{\"a\":"),
        ("quotes", "{\"a\":\"", "\""),
        ("quotes and blanks", "{\"a\":\"", "\" "),
        ("blanks", "{\"a\":\"", " "),
        ("braces", "{\"a\": ", "{{"),
        ("open values", "[", "{a,"),
        ("half names", "{", "\"a\","),
        ("backslashes", "{\"a\":\"", "\\"),
        ("escapes", "{\"a\":\"", "\\ud800"),
        ("NULs", "{\"a\":\"", "\\u0000"),
        ("lines", "{\"message\":\"x", "\\n"),
        ("list of nulls", "[", "null,"),
        ("no UTF-8", "{\"a\":\"\u{e9}", "\u{e9}"),
    ];
    let fill = |first: &str, piece: &str| {
        let times = (BODY_BYTES_MAX - first.len()) / piece.len();
        [first, &piece.repeat(times)].concat().into_bytes()
    };
    let mut bodies = Vec::new();
    for (what, first, piece) in pieces {
        bodies.push((what.to_owned(), JSON.to_owned(), fill(first, piece)));
        bodies.push((format!("{what}, a form"), FORM.to_owned(), fill(first, piece)));
    }
    bodies.push(("a form of many fields".into(), FORM.into(), fill("", "a=1&")));
    let boundary = "-".repeat(4096);
    let nearly = ["-".repeat(4097), "x".into()].concat();
    let multipart = format!("multipart/form-data; boundary={boundary}");
    bodies.push(("nearly a boundary".into(), multipart.clone(), fill("", &nearly)));
    bodies.push(("boundaries".into(), multipart, fill("", &format!("\r\n--{boundary}"))));
    let names: Vec<String> = (0..BODY_BYTES_MAX / 16).map(|n| format!("\"n{n:09}\":1")).collect();
    bodies.push((
        "many names".into(),
        JSON.into(),
        format!("{{{}}}", names.join(",")).into_bytes(),
    ));
    let folder = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../crates/sources/fixtures")
        .join(source.slug());
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        if path.extension().is_some_and(|extension| extension == "json") {
            let name = path.file_stem().unwrap_or_default().to_string_lossy().into_owned();
            bodies.extend(longer(&name, &fs::read_to_string(&path)?)?);
        }
    }
    Ok(bodies)
}

/// A fixture that was made as long as can be: many of it in a list, its lists filled up, and its texts drawn out.
fn longer(name: &str, fixture: &str) -> anyhow::Result<Vec<(String, String, Vec<u8>)>> {
    let fixture: serde_json::Value = serde_json::from_str(fixture)?;
    let text = fixture.to_string();
    let times = (BODY_BYTES_MAX / (text.len() + 1)).min(opsknight_sources::ALERTS_MAX);
    let many = format!("[{}]", vec![text.as_str(); times].join(","));
    let made = [
        ("many", many),
        (
            "long lists",
            with_long_lists(&fixture, BODY_BYTES_MAX / text.len()).to_string(),
        ),
        (
            "long texts",
            with_long_texts(&fixture, BODY_BYTES_MAX / text.len()).to_string(),
        ),
    ];
    Ok(made
        .map(|(what, body)| {
            (
                format!("{what} of {name}"),
                "application/json".into(),
                body.into_bytes(),
            )
        })
        .into())
}

fn with_long_lists(value: &serde_json::Value, times: usize) -> serde_json::Value {
    use serde_json::Value;

    match value {
        Value::Array(items) => std::iter::repeat_n(items, times.min(opsknight_sources::ALERTS_MAX))
            .flatten()
            .cloned()
            .collect(),
        Value::Object(fields) => {
            let fields = fields
                .iter()
                .map(|(name, field)| (name.clone(), with_long_lists(field, times)));
            fields.collect()
        }
        other => other.clone(),
    }
}

fn with_long_texts(value: &serde_json::Value, times: usize) -> serde_json::Value {
    use serde_json::Value;

    match value {
        Value::String(text) => text.repeat(times).into(),
        Value::Array(items) => items.iter().map(|item| with_long_texts(item, times)).collect(),
        Value::Object(fields) => {
            let fields = fields
                .iter()
                .map(|(name, field)| (name.clone(), with_long_texts(field, times)));
            fields.collect()
        }
        other => other.clone(),
    }
}
